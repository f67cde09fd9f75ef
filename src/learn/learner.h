/* learn/learner.h -- what learns a number, or a class, from rows of numbers: one record, one line in learn/learners.c
 *
 *   const hg_learner *l = hg_learner_find("ridge");
 *   HG_TRY(l->fit(&model, &rows, &how, err));            regression: rows.y are values; classes: 0 .. classes - 1
 *   HG_TRY(l->predict(out, sd, model, &new_rows, pool, err));
 *   l->free(model);
 *
 * The same rows, options and seed give the same bits for any number of threads. Scaling, inner splits, early stopping and
 * what else needs the targets happen inside of fit, from its rows alone.
 */
#ifndef HG_LEARN_LEARNER_H
#define HG_LEARN_LEARNER_H
#include "hagane/composition.h"
#include "learn/shelf.h"
#include "models/option.h"

typedef struct {
    size_t n, d;
    const float *x;                    /* [n,d], finite */
    size_t sources;                    /* the first of the d columns: what other models predict; 0: none */
    const hg_composition *composition; /* [n]; NULL: there is none */
    const double *y;                   /* [n], finite; NULL: to predict */
    const size_t *group; /* [n]: rows with one number stay on one side of inner splits; NULL: each row its own */
    size_t classes;      /* 0: regression; else 2 .. HG_CLASSES_MOST */
    const char *const
        *set;            /* [d] the set of numbers made from compositions that a column is of; "": it was given, or is
                             * a fraction; NULL: all are */
    const char *alike;   /* those of the sets that are statistics of elements, "xenonpy290 magpie132", where there are
                             * several: they say much the same; NULL: there are not */
    const void *network; /* of a source: a fitted "mlp" (learn/mlp_learner.h), to learn on from it; NULL: none */
    const float *inputs; /* [n,inputs_d] what it takes */
    size_t inputs_d;
} hg_rows;

enum { HG_CLASSES_MOST = 50, HG_LEARNER_OPTIONS_MOST = 32 };

typedef struct {
    const double *option; /* [n_options] in the order of the learner's table */
    uint64_t seed;
    hg_pool *pool;         /* borrowed; NULL: this thread */
    const hg_hooks *hooks; /* progress that returns false: HG_ECANCEL; NULL: silent */
} hg_learning;

/* Why a learner cannot take these rows, in words that follow its name ("takes 4000 rows at most"); NULL: it can. */
typedef const char *(*hg_learner_suits)(const hg_rows *rows);

typedef struct {
    const char *name;       /* "ridge": in options, cards and tables */
    const char *version;    /* "ridge 1": another number, another meaning of the weights */
    const char *help;       /* one sentence */
    bool needs_composition; /* else it looks at x alone */
    bool of_sources;        /* it learns from what other models know, and is not spoken of where there are none */
    const hg_train_option *option;
    size_t n_options; /* <= HG_LEARNER_OPTIONS_MOST */
    const char *const
        *variant;           /* settings worth a try when the choice is automatic, "leaf=3 features=0.5"; the defaults
                                 * come by themselves. NULL, or ended by NULL */
    hg_learner_suits suits; /* NULL: takes all */
    const char *members; /* the option that says how many are averaged: a choice is made with fewer; NULL: none does */
    bool few;            /* too slow for a choice among many learners where there are many rows */
    bool bags;           /* fits to parts of the rows stay and are averaged, in place of one fit to all */
    /* Errors: HG_ECANCEL, HG_ENOMEM, HG_EDATA rows that it cannot learn from. */
    hg_status (*fit)(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err);
    /* rows->d is that of the fit, y is not read. Regression: value out[n], and in sd[n] (NULL: not wanted) the learner's own
     * spread in the unit of y, NaN where it has none. Classes: probabilities out[n,classes] that sum to 1; sd is not
     * touched. A row's result does not depend on the others. Several threads may share the model. */
    hg_status (*predict)(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool, hg_err *err);
    hg_status (*save)(const void *model, hg_shelf *to, hg_err *err);
    /* d and classes of the rows it was fitted to: tensors of other sizes, indices out of range and numbers that are not
     * finite are refused, HG_EDATA. */
    hg_status (*load)(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err);
    void (*free)(void *model); /* NULL is fine */
} hg_learner;

const hg_learner *hg_learner_at(size_t i);                     /* NULL past the last; the cheap ones first */
const hg_learner *hg_learner_find(const char *name);           /* by name or version; NULL: there is none */
void hg_learner_defaults(double *option, const hg_learner *l); /* option[n_options] */
/* "leaf=3 features=0.5" over what is in option[n_options]. HG_EINVAL: an option that there is not, out of its range. */
HG_MUST_CHECK hg_status hg_learner_set(double *option, const hg_learner *l, const char *settings, hg_err *err);

/* Parts of the rows for inner folds: part[n] in 0 .. parts - 1, drawn from the seed; rows of one group share one, and
 * every class goes to every part as far as it can. parts is cut to the number of groups; returned. HG_ENOMEM: 0. */
size_t hg_rows_split(size_t *part, const hg_rows *rows, size_t parts, uint64_t seed);
/* A copy, in mem, of the rows index[n]. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_take(hg_rows *out, const hg_rows *rows, const size_t *index, size_t n, hg_arena *mem,
                                     hg_err *err);
#endif
