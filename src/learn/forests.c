/* learn/forests.c -- the learners "extratrees" and "forest": learn/forest.h with its options and its files */
#include "core/memory.h"
#include "learn/forest.h"
#include "learn/records.h"
#include <math.h>

static void forest_free(void *model) {
    hg_forest *f = model;
    if (f) hg_forest_free(f);
    hg_free(f);
}

static hg_status forest_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                                hg_err *err) {
    (void)err; /* nothing can fail */
    hg_forest_predict(out, sd, model, rows->x, rows->n, pool);
    return HG_OK;
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */

enum { TREES, SHARE, LEAF, BALANCE, OPTIONS };

#define THE_OPTIONS(share, leaf)                                                                                       \
    {                                                                                                                  \
        [TREES] = { "trees", "", 300, 1, 10000, true, "trees that are averaged" },                                     \
        [SHARE] = { "features", "", share, 0.001, 1, false, "share of the columns that a split looks at" },            \
        [LEAF] = { "leaf", "", leaf, 1, 10000, true, "rows in a leaf at least" },                                      \
        [BALANCE] = { "balance", "", 0, 0, 1, false, "classes: 1 gives each class the same weight, 0 each row" },      \
    }

static hg_status fit(void **model, const hg_rows *rows, const hg_learning *how, bool best, hg_err *err) {
    const hg_forest_opts o = { .trees = (size_t)how->option[TREES],
                               .features = how->option[SHARE],
                               .leaf = (size_t)how->option[LEAF],
                               .balance = how->option[BALANCE],
                               .share = 1,
                               .best = best,
                               .bootstrap = best,
                               .seed = how->seed };
    *model = NULL;
    hg_forest *f = hg_calloc(1, sizeof *f);
    if (!f) return hg_fail(err, HG_ENOMEM, "no memory for a forest");
    const hg_status st =
        hg_forest_fit(f, rows->x, rows->y, rows->n, rows->d, rows->classes, &o, how->pool, how->hooks, err);
    if (st == HG_OK)
        *model = f;
    else
        forest_free(f);
    return st;
}

static hg_status extra_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    return fit(model, rows, how, false, err);
}

static hg_status best_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    return fit(model, rows, how, true, err);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static hg_status forest_save(const void *model, hg_shelf *to, hg_err *err) {
    const hg_forest *f = model;
    const double unit[2] = { f->centre, f->scale };
    HG_TRY(hg_shelf_doubles(to, "unit", unit, 2, err));
    return hg_trees_save(&f->t, to, err);
}

/* Each leaf holds probabilities. */
static hg_status check_leaves(const hg_trees *t, hg_err *err) {
    for (size_t i = 0; i < t->leaves; i++) {
        double sum = 0;
        bool ok = true;
        for (size_t k = 0; k < t->outputs; k++) {
            sum += (double)t->value[i * t->outputs + k];
            ok = ok && t->value[i * t->outputs + k] >= 0;
        }
        if (!ok || fabs(sum - 1) > 1e-3)
            return hg_fail(err, HG_EDATA, "the weights hold a leaf whose numbers are no probabilities");
    }
    return HG_OK;
}

static hg_status forest_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    double unit[2] = { 0, 0 };
    *model = NULL;
    hg_forest *f = hg_calloc(1, sizeof *f);
    if (!f) return hg_fail(err, HG_ENOMEM, "no memory for a forest");
    hg_status st = hg_shelf_get_doubles(unit, from, "unit", 2, err);
    if (st == HG_OK) st = hg_trees_load(&f->t, from, d, classes ? classes : 1, err);
    if (st == HG_OK && classes) st = check_leaves(&f->t, err);
    if (st == HG_OK && !(unit[1] > 0)) st = hg_fail(err, HG_EDATA, "the weights hold a unit of y that is not positive");
    f->classes = classes;
    f->centre = unit[0];
    f->scale = unit[1];
    if (st == HG_OK)
        *model = f;
    else
        forest_free(f);
    return st;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static const char *forest_suits(const hg_rows *rows) {
    return rows->n > 1000000 ? "takes a million rows at most" : NULL;
}

static const hg_train_option EXTRA_OPTIONS[OPTIONS] = THE_OPTIONS(1, 1), BEST_OPTIONS[OPTIONS] = THE_OPTIONS(0.33, 1);
static const char *const EXTRA_VARIANTS[] = { "leaf=2", "features=0.3", NULL }, *const BEST_VARIANTS[] = { NULL };

const hg_learner hg_extratrees_learner = {
    .name = "extratrees",
    .version = "extratrees 1",
    .help = "extremely randomised trees: the best of one random threshold for each column",
    .option = EXTRA_OPTIONS,
    .n_options = OPTIONS,
    .variant = EXTRA_VARIANTS,
    .suits = forest_suits,
    .members = "trees",
    .fit = extra_fit,
    .predict = forest_predict,
    .save = forest_save,
    .load = forest_load,
    .free = forest_free,
};

const hg_learner hg_forest_learner = {
    .name = "forest",
    .version = "forest 1",
    .help = "random forest: best thresholds on rows drawn with replacement",
    .option = BEST_OPTIONS,
    .n_options = OPTIONS,
    .variant = BEST_VARIANTS,
    .suits = forest_suits,
    .members = "trees",
    .few = true,
    .fit = best_fit,
    .predict = forest_predict,
    .save = forest_save,
    .load = forest_load,
    .free = forest_free,
};
