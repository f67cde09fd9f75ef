/* tests/support/learner.c -- see learner.h */
#include "learner.h"
#include "test.h"

enum { TRAINING = 100, VALIDATION = 30, DATA_SEED = 77 };

static double item_of(double x[LEARNER_IN], size_t item) {
    hg_rng r = hg_rng_make(DATA_SEED, item);
    for (int k = 0; k < LEARNER_IN; k++) x[k] = 2 * hg_rng_uniform(&r) - 1;
    return sin(2 * x[0]) + x[1] * x[2];
}

/* Half the squared error, summed over items that begin at number `first`. */
static hg_tensor *squares(learner *l, hg_tape *t, const hg_batch *b, size_t first, double noise) {
    double *x = malloc(b->n * LEARNER_IN * sizeof *x), *y = malloc(b->n * sizeof *y);
    for (size_t i = 0; i < b->n; i++) {
        hg_rng r = hg_rng_make(b->seed, b->items[i]);
        y[i] = item_of(x + i * LEARNER_IN, first + b->items[i]);
        for (int k = 0; k < LEARNER_IN; k++) x[i * LEARNER_IN + (size_t)k] += noise * hg_rng_normal(&r);
    }
    hg_tensor *h = hg_tensor_of(t, HG_SHAPE(b->n, LEARNER_IN), x, false);
    hg_tensor *target = hg_tensor_of(t, HG_SHAPE(b->n, 1), y, false);
    free(x);
    free(y);
    h = hg_linear(t, h, hg_param(t, l->p, 0), hg_param(t, l->p, 1), HG_TANH);
    if (l->dropout > 0) h = hg_dropout(t, h, l->dropout);
    h = hg_linear(t, h, hg_param(t, l->p, 2), hg_param(t, l->p, 3), HG_TANH);
    h = hg_linear(t, h, hg_param(t, l->p, 4), hg_param(t, l->p, 5), HG_IDENTITY);
    return hg_affine(t, hg_sum(t, hg_map(t, HG_SQUARE, hg_sub(t, h, target)), 0), 0.5, 0);
}

static hg_tensor *loss(void *ctx, hg_tape *t, const hg_batch *b) {
    learner *l = ctx;
    l->losses++;
    hg_tensor *y = squares(l, t, b, 0, l->noise);
    if (l->losses == l->fail_loss) return NULL;
    if (l->losses == l->nan_loss) return hg_map(t, HG_LOG, hg_affine(t, y, 0, 0));
    return b->phase ? hg_affine(t, y, 0.5, 0) : y;
}

static hg_status evaluate(void *ctx, double *sum, hg_tape *t, const hg_batch *b, hg_err *err) {
    learner *l = ctx;
    if (l->metrics) {
        *sum = l->metrics[l->evaluations] * (double)b->n;
        if (b->items[b->n - 1] == VALIDATION - 1) l->evaluations++;
        return HG_OK;
    }
    hg_tensor *y = squares(l, t, b, TRAINING, 0);
    HG_TRY(hg_tape_status(t, err));
    *sum = hg_tensor_value(y);
    return HG_OK;
}

void learner_new(learner *l, hg_dtype dtype) {
    const size_t in[] = { LEARNER_IN, LEARNER_HIDDEN, LEARNER_HIDDEN }, out[] = { LEARNER_HIDDEN, LEARNER_HIDDEN, 1 };
    *l = (learner) { .dropout = 0.1, .noise = 0.05 };
    assert_ok(hg_params_new(&l->p, &(hg_params_opts) { .dtype = dtype, .seed = 4 }, NULL));
    for (size_t k = 0; k < 3; k++) {
        hg_params_add(l->p, HG_SHAPE(out[k], in[k]), hg_init_linear(in[k]), "layer%zu.weight", k);
        hg_params_add(l->p, HG_SHAPE(out[k]), hg_init_linear(in[k]), "layer%zu.bias", k);
    }
    assert_ok(hg_params_seal(l->p, NULL));
    l->trainable = (hg_trainable) { .name = "learner 1",
                                    .identity = "data of learner.c",
                                    .params = l->p,
                                    .items = TRAINING,
                                    .validation = VALIDATION,
                                    .ctx = l,
                                    .loss = loss,
                                    .evaluate = evaluate };
}

void learner_free(learner *l) { hg_params_free(l->p); }

double learner_clock(void *l) { return ((learner *)l)->seconds += 1; }

hg_train_opts learner_opts(void) {
    hg_train_opts o = hg_train_opts_default();
    o.epochs = 5;
    o.batch = 16;
    o.rate = 3e-3;
    o.seed = 9;
    o.optimizer.kind = HG_ADAMW;
    o.optimizer.decay = 0.01;
    o.optimizer.clip_norm = 1;
    o.optimizer.average = 0.9;
    o.schedule.kind = HG_RATE_COSINE;
    o.schedule.warm_up = 0.5;
    return o;
}

static bool progress(void *user, const char *what, size_t done, size_t total) {
    learner_stop *s = user;
    (void)what;
    assert_true(done <= total);
    return ++s->calls != s->at;
}

void learner_stop_at(learner_stop *s, size_t n) {
    *s = (learner_stop) { .at = n, .hooks = { .progress = progress, .user = s } };
}
