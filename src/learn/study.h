/* learn/study.h -- which learner, with which options: cross-validation of all that can take the rows, and a blend of the best
 *
 * Rows are cut into parts once (whole groups, classes evenly). Each learner, with its defaults and then with its variants,
 * predicts each part from the others; where the rows have sources (hg_rows), once with and once without them, so that a source
 * which misleads is seen. What the choice costs is kept near to what one good model costs:
 *   - who averages many (trees, series, networks) is judged by fewer of them. Networks and boosted trees hold rows out anyway: the models
 *     of the parts stay, and their mean is the member, instead of one more model of all rows (bagging over folds, as in Erickson et al.,
 *     AutoGluon-Tabular, 2020). Others are fitted to all rows once more. Options that are given hold as they are;
 *   - from 200 rows on, who has 1.3 times the best one's error on the first part goes no further; neither does a variant, or a
 *     learner on logarithms, that is behind its own learner's best there, and no learner whose defaults err 1.15 times what the best defaults do has variants tried;
 *   - where there are several sets of statistics of elements (hg_rows), each learner looks at them together first, then at all but one of
 *     them, then, where that did not hurt, at none; who is behind what it does with all of them on the first part goes no further;
 *     Up to 1,000 rows each, variants too, looks once at what was given alone, of compositions the fractions of elements: four hundred numbers made
 *     from a dozen of them are many for so few rows, and what differs most is worth most in a blend. It competes with who is best, not with its
 *     own learner (hardness and yield strength of alloys, magnetisation: blends err 3 % less; three other tables: 0.1 to 0.6 % more);
 *   - beyond 5,000 rows variants and slow learners wait until they are named, no set is hidden, and trees are kept as networks are;
 *   - beyond 20,000 rows one part of ten is left out, once (split conformal intervals).
 *   - up to 1,000 values the parts are drawn three times, up to 500 five times, each draw chooses a blend, and the model is the mean of these: which parts were drawn decides who is
 *     chosen, and with it some per cent of the error. Who errs 1.2 times the best one's error in the first turn has no others.
 * The blend is chosen greedily on these predictions, with repetition, from the best one on, which has
 * won the first three rounds (Caruana, Niculescu-Mizil, Crew & Ksikes, ICML 2004): the counts are its weights. Positive values that
 * span decades are learned as they are and as logarithms (learn/logs.h); all are judged, blended and predicted in the target's own unit. Below 100
 * rows with sources left-out rows tell little: such values are learned as logarithms alone, and the model is affine transfer and extremely
 * randomised trees, halves, unless a learner without the sources errs by a fifth less in that scale. In draws of 40 rows from eight
 * tables these halves err less than affine transfer or boosted trees alone (bench/library --task transfer). What is said of left-out values,
 * which intervals and the printed error are made of, is crosswise: a part is mixed by the weights that the other parts choose. Of a choice by
 * the rows' own errors the error comes out 1.5 to 3.5 % too small, and 0.2 to 0.7 % fewer new values are inside of 90 % intervals (245 to 385 rows). No row of another
 * table is ever used: who wants an honest error of the whole procedure runs it inside of outer folds.
 */
#ifndef HG_LEARN_STUDY_H
#define HG_LEARN_STUDY_H
#include "core/text.h"
#include "hagane/scale.h"
#include "learn/bars.h"
#include "learn/learner.h"
#include "learn/logs.h"
#include "learn/metric.h"

enum {
    HG_STUDY_CHOSEN = 8 /* members of one turn at most */,
    HG_STUDY_TURNS = 5 /* of tables of few rows */,
    HG_STUDY_MEMBERS = HG_STUDY_CHOSEN * HG_STUDY_TURNS,
    HG_STUDY_FOLDS_MOST = 20,
    HG_STUDY_MODELS = HG_STUDY_FOLDS_MOST * HG_STUDY_TURNS,
    HG_SETTINGS_SIZE = 200,
    HG_SETS_MOST = 4
};

typedef struct {
    const char *learner;  /* names of those to try, blanks between; NULL: all that suit        default NULL */
    const char *settings; /* its options, "leaf=3 features=0.5"; NULL: defaults and variants   default NULL */
    size_t folds;         /* parts, 2 .. HG_STUDY_FOLDS_MOST                                   default 5 */
    size_t turns;         /* times that rows are cut into parts, 1 .. HG_STUDY_TURNS; 0: by their number   default 0 */
    bool single;          /* the best one alone, no blend                                              default false */
    bool squared; /* values are judged by their root mean square error, not the mean absolute one  default false */
    hg_scale_kind scale;          /* of values; LOGS of values that are not positive is HG_EDATA   default AUTO */
    double budget;                /* seconds after which no other learner is begun; 0: no limit        default 0 */
    double (*seconds)(void *ctx); /* a clock; NULL: none, and no budget                        default NULL */
    void *clock;
    uint64_t seed;
    hg_pool *pool;
    const hg_hooks *hooks;
} hg_study_opts;
hg_study_opts hg_study_opts_default(void);

typedef struct {
    const hg_learner *learner;
    char settings[HG_SETTINGS_SIZE]; /* "": defaults */
    double option[HG_LEARNER_OPTIONS_MOST];
    bool plain; /* it does not see the columns that other models predict */
    bool bare;  /* it sees what was given and fractions of elements alone: all that was made from them is hidden */
    const char *hidden;     /* "xenonpy290 magpie132": sets that it does not see either; "": none */
    const uint32_t *column; /* [columns] of those that are left the ones that it sees; NULL: all */
    size_t columns;
    bool logs;                    /* it learns the logarithms of the values; out and sd are of the values */
    hg_score score;               /* of rows that were left out; loss NaN: it was not tried to the end */
    double seconds;               /* NaN without a clock */
    char why[160];                /* why it was not tried, in words; "": it was */
    double weight;                /* in the blend, 0 .. 1 */
    double *out;                  /* [n,outputs] of left-out rows; NULL where it was not tried */
    double *sd;                   /* [n] */
    void *model[HG_STUDY_MODELS]; /* of the parts, where they stay */
    size_t models;
} hg_trial;

typedef struct {
    size_t n, outputs, folds; /* n rows were left out; folds: parts that were */
    size_t *row;              /* [n] which ones, where not all were; NULL: all */
    bool squared;
    hg_trial *trial; /* [n_trials] in the order in which they were made */
    size_t n_trials;
    double *out;     /* [n,outputs] of the blend, left-out rows; of values by weights that their part has not chosen */
    hg_signs *signs; /* [n] spread and disagreement; distance is for the caller */
    hg_score score;  /* of the blend */
} hg_study;

/* The rules of choice in words and numbers: who keeps what a study gave keeps these beside it, since other rules give something else. */
void hg_study_rules(hg_text *t);
/* All in mem. Errors: HG_EINVAL options; HG_ENOTFOUND a learner; HG_EDATA no learner can take the rows, fewer than 3 groups of
 * them, or a class that has one row; HG_ECANCEL; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_study_run(hg_study *s, const hg_rows *rows, const hg_study_opts *opts, hg_arena *mem,
                                     hg_err *err);
/* The rows that were left out: all, or those of the only part, in mem. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_study_judged(hg_rows *out, const hg_study *s, const hg_rows *rows, hg_arena *mem,
                                        hg_err *err);
void hg_study_free(hg_study *s); /* models that no blend has taken; the rest is the arena's. s = { 0 } is fine */

/* ---- the blend itself -------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_learner *learner;
    double weight;    /* > 0, all sum to 1 */
    bool plain;       /* fitted without the sources */
    uint32_t *column; /* [columns] of those that are left the ones it was fitted to, ascending; NULL: all */
    size_t columns;
    bool logs;                    /* fitted to logarithms */
    void *model[HG_STUDY_MODELS]; /* [models] of the parts, whose mean it says; or one of all rows */
    size_t models;
} hg_blend_member;

typedef struct {
    size_t n, d, sources, classes; /* d with the sources */
    hg_logs logs;                  /* of the training, where a member has learned logarithms */
    hg_blend_member member[HG_STUDY_MEMBERS];
} hg_blend;

/* x of the columns column[n], ascending, sources among them, in mem. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_pick(hg_rows *out, const hg_rows *rows, const uint32_t *column, size_t n, hg_arena *mem,
                                     hg_err *err);
bool hg_blend_in_logs(const hg_blend *b); /* more than half of its weight */

/* The study's choice, fitted to all rows where the models of the parts were not kept; those become the blend's. */
HG_MUST_CHECK hg_status hg_blend_fit(hg_blend *b, hg_study *s, const hg_rows *rows, const hg_study_opts *opts,
                                     hg_err *err);
/* out[n,outputs]; signs[n] as in hg_study. */
HG_MUST_CHECK hg_status hg_blend_predict(double *out, hg_signs *signs, const hg_blend *b, const hg_rows *rows,
                                         hg_pool *pool, hg_err *err);
void hg_blend_free(hg_blend *b);
HG_MUST_CHECK hg_status hg_blend_save(const hg_blend *b, hg_shelf *to, hg_err *err);
/* Member i is of the version learner[i], i < n. */
HG_MUST_CHECK hg_status hg_blend_load(hg_blend *b, const hg_shelf_view *from, const char *const *learner, size_t n,
                                      size_t d, size_t sources, size_t classes, hg_err *err);
#endif
