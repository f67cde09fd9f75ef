/* learn/frozen.c -- transfer by frozen features: the last hidden layers of a source's networks, and a learner upon them
 *
 * What a network has learned of compounds stands in its last hidden layer (Yamada et al., ACS Cent. Sci. 5, 1717, 2019): its numbers
 * are the inputs of a Gaussian process, a ridge regression or trees. The network stays the source's: a model holds the learner upon
 * it alone, and rows to predict bring the network again.
 */
#include "core/memory.h"
#include "learn/mlp_learner.h"
#include "learn/records.h"

enum { HEAD, OPTIONS_COUNT };
enum { HIDDEN_MOST = 20000 };
static const hg_learner *const HEADS[] = { &hg_gp_learner, &hg_ridge_learner, &hg_extratrees_learner };
enum { HEAD_COUNT = sizeof HEADS / sizeof *HEADS };

typedef struct {
    size_t head, d;
    void *model; /* of HEADS[head], from d numbers a row */
} frozen;

static void frozen_free(void *model) {
    frozen *m = model;
    if (!m) return;
    HEADS[m->head]->free(m->model);
    hg_free(m);
}

static hg_status new_model(frozen **out, size_t head, size_t d, hg_err *err) {
    frozen *m = *out = hg_calloc(1, sizeof *m);
    if (!m) return hg_fail(err, HG_ENOMEM, "no memory for a model upon hidden layers");
    m->head = head, m->d = d;
    return HG_OK;
}

/* The rows with the numbers of the hidden layers in place of their own. */
static hg_status look_inside(hg_rows *out, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    const size_t d = hg_mlp_hidden_size(rows->network);
    float *x = hg_alloc(mem, rows->n * d, sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for the hidden layers of %zu rows", rows->n);
    HG_TRY(hg_mlp_hidden(x, rows->network, rows->inputs, rows->n, err));
    *out = *rows;
    out->x = x, out->d = d, out->sources = 0, out->network = NULL, out->inputs = NULL, out->inputs_d = 0;
    return HG_OK;
}

static hg_status frozen_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    const size_t head = (size_t)how->option[HEAD];
    double option[HG_LEARNER_OPTIONS_MOST];
    hg_learning own = *how;
    hg_rows inside;
    frozen *m;
    *model = NULL;
    hg_learner_defaults(option, HEADS[head]);
    own.option = option;
    HG_TRY(new_model(&m, head, hg_mlp_hidden_size(rows->network), err));
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? look_inside(&inside, rows, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for hidden layers");
    if (st == HG_OK) st = HEADS[head]->fit(&m->model, &inside, &own, err);
    hg_arena_free(mem);
    if (st == HG_OK)
        *model = m;
    else
        frozen_free(m);
    return st;
}

static const char *frozen_suits(const hg_rows *rows) {
    if (rows->classes) return "learns numbers, not classes";
    if (!rows->network) return "needs a source that is a network (mlp)";
    if (!hg_mlp_hidden_size(rows->network)) return "needs a network with a hidden layer";
    if (hg_mlp_hidden_size(rows->network) > HIDDEN_MOST) return "takes hidden layers of 20000 units at most";
    return HEADS[0]->suits ? HEADS[0]->suits(rows) : NULL;
}

static hg_status frozen_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                                hg_err *err) {
    const frozen *m = model;
    hg_rows inside;
    if (!rows->network || hg_mlp_hidden_size(rows->network) != m->d)
        return hg_fail(err, HG_EDATA, "the source's network has other hidden layers than were learned from");
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? look_inside(&inside, rows, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for hidden layers");
    if (st == HG_OK) st = HEADS[m->head]->predict(out, sd, m->model, &inside, pool, err);
    hg_arena_free(mem);
    return st;
}

static hg_status frozen_save(const void *model, hg_shelf *to, hg_err *err) {
    const frozen *m = model;
    const double facts[2] = { (double)m->head, (double)m->d };
    HG_TRY(hg_shelf_doubles(to, "facts", facts, 2, err));
    return HEADS[m->head]->save(m->model, to, err);
}

static hg_status frozen_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    double facts[2];
    frozen *m;
    (void)d;
    *model = NULL;
    HG_TRY(hg_shelf_get_doubles(facts, from, "facts", 2, err));
    bool good = false;
    for (size_t k = 0; k < HEAD_COUNT; k++) good |= facts[0] == (double)k;
    good = good && !classes && facts[1] >= 1 && facts[1] <= HIDDEN_MOST && facts[1] == (double)(size_t)facts[1];
    if (!good) return hg_fail(err, HG_EDATA, "%s: no model upon hidden layers is like this", from->source);
    HG_TRY(new_model(&m, (size_t)facts[0], (size_t)facts[1], err));
    const hg_status st = HEADS[m->head]->load(&m->model, from, m->d, 0, err);
    if (st == HG_OK)
        *model = m;
    else
        frozen_free(m);
    return st;
}

static const hg_train_option OPTIONS[OPTIONS_COUNT] = {
    [HEAD] = { "head", "", 0, 0, HEAD_COUNT - 1, true,
               "what learns: 0 a Gaussian process, 1 ridge, 2 extremely randomised trees" },
};
static const char *const VARIANTS[] = { "head=1", NULL };

const hg_learner hg_frozen_learner = {
    .name = "frozen",
    .version = "frozen 1",
    .help = "transfer: a Gaussian process, ridge or trees upon the last hidden layers of a source's networks",
    .of_sources = true,
    .option = OPTIONS,
    .n_options = OPTIONS_COUNT,
    .variant = VARIANTS,
    .suits = frozen_suits,
    .fit = frozen_fit,
    .predict = frozen_predict,
    .save = frozen_save,
    .load = frozen_load,
    .free = frozen_free,
};
