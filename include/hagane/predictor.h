/* hagane/predictor.h -- learn a column of a table from its other columns, predict it for new rows, and say how far to trust it
 *
 *   hg_predictor *p;
 *   hg_predictor_opts o = hg_predictor_opts_default();
 *   HG_TRY(hg_predictor_fit(&p, table, "yield strength (MPa)", &o, err));
 *   HG_TRY(hg_predictor_predict(f, NULL, p, new_table, pool, mem, err));        f[i].value, f[i].low, f[i].high
 *
 * Which columns are used and how is decided by hagane/features.h; which learner, by cross-validation inside of the given rows;
 * intervals come from rows that were left out. A column of texts, or of 0 and 1, is learned as classes. The same table,
 * options and seed give the same bits for any number of threads, unless a budget of seconds cuts the choice short.
 */
#ifndef HG_PREDICTOR_H
#define HG_PREDICTOR_H
#include "hagane/features.h"
#include "hagane/scale.h"
HG_BEGIN_DECLS

typedef struct hg_predictor hg_predictor;

typedef enum { HG_TASK_AUTO, HG_TASK_VALUES, HG_TASK_CLASSES } hg_task_kind;
const char *hg_task_name(size_t i); /* "auto", "values", "classes"; NULL past the last */

typedef struct {
    hg_features_opts features; /* of the inputs; the target is excluded by itself. descriptor NULL:
                                * xenonpy290+magpie132+fractions+chemistry62, of which learners may leave sets out, or
                                * xenonpy290+fractions where an element is not in that one   defaults, but descriptor NULL */
    hg_task_kind task;         /* AUTO: classes for texts and for 0 and 1                               default AUTO */
    const char *learner;       /* names of hg_learner_name to try, blanks between; NULL: all that can  default NULL */
    const char *settings;      /* its options: "leaf=3 features=0.5"                                    default NULL */
    size_t folds;              /* parts of the rows in cross-validation, 2 to 20                        default 5 */
    hg_predictor *const *source; /* transfer: models whose predictions of the rows may become inputs; borrowed until the
                                        * predictor is freed                                              default none */
    size_t n_sources;
    hg_scale_kind scale; /* of values: as they are, or as logarithms                             default AUTO */
    bool squared;        /* values: choose by root mean square error, not mean absolute error      default false */
    bool single;         /* the best learner alone, not a blend                                   default false */
    bool
        repeats; /* rows to predict have compositions that were learned from: cross-validation parts rows, not compositions
                   * default false */
    double
        alarms; /* classes: at most this share of the most frequent class's rows may be called something else, so that
                          * rare classes are found as far as that allows; 0: the likeliest class is said    default 0 */
    double budget;                /* seconds after which no other learner is begun; 0: no limit            default 0 */
    double (*seconds)(void *ctx); /* a clock; NULL: no times, no budget                            default NULL */
    void *clock;
    uint64_t seed;
    hg_pool *pool; /* NULL: this thread */
    bool unlisted; /* keep no hashes of the compositions learned from (hg_predictor_learned)      default false */
    const hg_hooks *hooks; /* words, progress */
} hg_predictor_opts;

typedef struct { /* of rows that were not learned from; NaN: does not apply */
    size_t n;
    double mae, rmse; /* values */
    double auc, brier, log_loss,
        accuracy;               /* classes; Brier's score from 0, best, to 2 (Mon. Weather Rev. 78, 1, 1950) */
    double coverage90, width90; /* share of values inside the 90 % intervals, and the intervals' mean width */
} hg_predictor_score;

typedef struct {  /* of one class, on rows that were not learned from */
    size_t n;     /* rows of the class */
    size_t said;  /* rows that were called so */
    size_t right; /* of these, rightly */
} hg_predictor_class_score;

typedef struct {                          /* one line of the table of what was tried */
    const char *learner, *settings, *why; /* why it was not; "": it was */
    bool plain;                           /* without what other models say */
    const char *hidden;                   /* sets of the descriptor that it does not see: "xenonpy290"; "": none */
    bool logs;                            /* learned from logarithms; its scores are of the values */
    hg_predictor_score score;
    double seconds, weight; /* NaN without a clock; share in the model */
} hg_tried;

#define HG_NOT_TOLD SIZE_MAX /* a model that does not say what it has learned from */

typedef struct {               /* a model that was offered as a source */
    const char *name, *target; /* of the model */
    const char *why;           /* it cannot be one here; "": it can */
    double alone;              /* nats of evidence that it adds as the only source; NaN where it cannot be one */
    double share;              /* of the weights of those taken, 0 .. 1 */
    size_t order;              /* 1: taken first; 0: not taken */
    size_t learned;            /* rows with a composition that it has learned from; HG_NOT_TOLD */
    bool answers;              /* what it says is nearly the target itself, or is called so */
} hg_predictor_source;

typedef struct {
    double value;     /* classes: the number of the one that is said */
    double low, high; /* of the interval at the level that was asked for, around the value or, where errors grow
                                * with the values, at the same factor above and below; NaN for classes */
    const double *probability; /* [classes]; NULL for values */
    bool outside;              /* unlike what was learned from: see the next three */
    double distance;     /* to the nearest row of the training, 1 is as far as training rows are from each other */
    const char *element; /* that no row had, "Hf"; NULL: none */
    const char *column;  /* whose number is outside of the range that was learned from; NULL: none */
    bool learned;        /* a row of this composition was learned from; false too where the model does not tell */
} hg_forecast;

hg_predictor_opts hg_predictor_opts_default(void);
const char *hg_learner_name(size_t i); /* NULL past the last */
const char *hg_learner_help(size_t i);

/* Rows whose target is blank are left out. Errors: HG_ENOTFOUND a column, learner or descriptor; HG_EDATA a target of text
 * that makes no classes, one class alone, the same value everywhere, fewer than 5 rows, a cell that cannot be used;
 * HG_EINVAL; HG_ELIMIT; HG_ECANCEL; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_fit(hg_predictor **out, const hg_table *t, const char *target,
                                         const hg_predictor_opts *opts, hg_err *err);
/* f[rows] for every row of t, in mem; `level` of the intervals, in (0, 1). why[rows] NULL: a row that cannot be predicted is
 * the error; else its reason is there (code HG_OK: none) and its numbers are NaN. A row's result depends on that row alone. */
HG_MUST_CHECK hg_status hg_predictor_predict(hg_forecast *f, hg_err *why, const hg_predictor *p, const hg_table *t,
                                             double level, hg_pool *pool, hg_arena *mem, hg_err *err);
/* What p says of each row of t, as one number: the value, its logarithm where p has learned logarithms, or with two classes the
 * probability of the second. formula: what p's formula column is called in t; NULL: as in p, else the one that is recognised.
 * Errors: as hg_predictor_predict; HG_EDATA more than two classes. */
HG_MUST_CHECK hg_status hg_predictor_say(double *said, const hg_predictor *p, const hg_table *t, const char *formula,
                                         hg_pool *pool, hg_err *err);
/* How many different compositions p has learned from; HG_NOT_TOLD where it has none, has learned from more than 100,000, was told not to keep
 * them, or is of an older version. It keeps 32-bit hashes of them; what its sources have learned from does not count. */
size_t hg_predictor_learned(const hg_predictor *p);
/* How many rows of t have a composition that p has learned from; HG_NOT_TOLD as above, and where t has no formula for p. formula as in
 * hg_predictor_say; a cell that is no formula is none of these rows. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_learned_rows(size_t *n, const hg_predictor *p, const hg_table *t,
                                                  const char *formula, hg_err *err);
void hg_predictor_free(hg_predictor *p);

const char *hg_predictor_name(const hg_predictor *p); /* of its card; "" for one that was not read from a folder */
const char *hg_predictor_target(const hg_predictor *p);
const char *hg_predictor_unit(const hg_predictor *p);                  /* "" for none */
size_t hg_predictor_classes(const hg_predictor *p);                    /* 0: values */
const char *hg_predictor_class(const hg_predictor *p, size_t c);       /* its name; NULL past the last */
const char *hg_predictor_column(const hg_predictor *p, size_t i);      /* inputs; NULL past the last */
const char *hg_predictor_text_column(const hg_predictor *p, size_t i); /* those of text; NULL past the last */
/* Of the training; empty after a reading. */
const char *hg_predictor_words(const hg_predictor *p);               /* which inputs, and why */
const hg_tried *hg_predictor_tried(const hg_predictor *p, size_t i); /* NULL past the last */
hg_predictor_score hg_predictor_score_of(const hg_predictor *p);     /* of left-out rows */
const hg_predictor_class_score *hg_predictor_class_score_of(const hg_predictor *p,
                                                            size_t c);              /* the same; NULL past the last */
const hg_predictor_source *hg_predictor_source_at(const hg_predictor *p, size_t i); /* offered; NULL past the last */
size_t hg_predictor_sources(const hg_predictor *p); /* that are inputs, of a model that was read, too */
hg_predictor *const *hg_predictor_lent(const hg_predictor *p, size_t *n); /* those models themselves; p keeps them */
size_t hg_predictor_rows(const hg_predictor *p, size_t *blank); /* learned from; left out for a blank target */

/* ---- folds ------------------------------------------------------------------------------------------------------- */

typedef struct {
    char name[64]; /* of the fold: the cell of the fold column, or its number */
    size_t n_train, n_test;
    size_t failed;  /* rows of the test that could not be predicted */
    size_t outside; /* that were called so */
    double seconds; /* NaN without a clock */
    hg_predictor_score score;
    const char *learners; /* "ridge 0.6, forest 0.4" */
    size_t n;             /* rows that were predicted; of each: */
    size_t *row;          /* [n] its number in the table */
    double *known, *value, *low,
        *high;          /* [n] the table's value, the prediction, its 90 % interval; of classes their numbers */
    bool *unlike;       /* [n] was it called outside? NULL of a fold that was kept */
    double least, most; /* of the values that were learned; both 0 of classes and of a fold that was kept */
} hg_fold;

typedef struct {
    size_t classes, n_folds;
    hg_fold *fold;           /* [n_folds], in mem */
    hg_predictor_score mean; /* over folds */
    size_t repeated;         /* compositions that stand in several folds */
    size_t repeated_rows;    /* and their rows */
    bool repeats; /* these were more than half of all rows, in folds of a column: each model was chosen for such rows */
} hg_folds;

typedef struct {
    const char *column; /* a text or a number for each row; NULL: `parts` parts, drawn from the seed, rows of one
                         * composition together */
    size_t parts;
    const char *only; /* the fold of this name alone; NULL: each                                        default NULL */
    const char
        *keep; /* a folder: folds that are done are written there, each whole, and not done again  default NULL */
} hg_folds_opts;

/* Every fold is predicted by a predictor of the others: nothing of its rows is used for any choice.
 * Errors: as hg_predictor_fit; HG_EDATA a blank cell in the fold column, or one fold alone; HG_ENOTFOUND no fold is called
 * how->only; HG_EINVAL the folder keeps folds of another table, target or options; HG_EPARSE, HG_EIO of its files. */
HG_MUST_CHECK hg_status hg_predictor_folds(hg_folds *out, const hg_table *t, const char *target,
                                           const hg_folds_opts *how, const hg_predictor_opts *opts, hg_arena *mem,
                                           hg_err *err);

/* ---- folders ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;             /* of the model */
    const char *file, *sha256;    /* the table: its path, of which the name is kept, and its hash; NULL: not told */
    const char *source, *licence; /* of the data; NULL: not told */
} hg_predictor_facts;

/* card.json, weights.safetensors and recipe.json in the folder, which is made. Errors: HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_save(const hg_predictor *p, const char *folder, const hg_predictor_facts *facts,
                                          hg_err *err);
/* Errors: HG_EIO, HG_EPARSE; HG_ENOTFOUND a card of another kind of model, a learner that this program does not have; HG_EDATA
 * weights that are not the card's, or damaged; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_load(hg_predictor **out, const char *folder, hg_err *err);
/* Is the model in the folder one of tables? false too when there is no card that can be read. */
bool hg_predictor_is(const char *folder);

HG_END_DECLS
#endif
