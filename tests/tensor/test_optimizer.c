/* tests/tensor/test_optimizer.c -- steps by hand and against a plain implementation, clipping, averages, learning rates, L-BFGS */
#include "tensor/op.h"
#include "tensor/optimizer.h"
#include "test.h"

static hg_params *sealed(hg_dtype dtype, size_t n, const char *const *names, const size_t *sizes) {
    const hg_params_opts o = { .dtype = dtype, .seed = 3 };
    hg_params *p;
    assert_ok(hg_params_new(&p, &o, NULL));
    for (size_t i = 0; i < n; i++) hg_params_add(p, HG_SHAPE(sizes[i]), hg_init_normal(1), "%s", names[i]);
    assert_ok(hg_params_seal(p, NULL));
    return p;
}

static hg_params *one(hg_dtype dtype, size_t n, double value) {
    hg_params *p = sealed(dtype, 1, (const char *[]) { "x" }, &n);
    double *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = value;
    hg_params_set(p, 0, x);
    free(x);
    return p;
}

static void set_gradient(hg_params *p, size_t at, double g) {
    if (p->o.dtype == HG_F32)
        ((float *)p->gradient)[at] = (float)g;
    else
        ((double *)p->gradient)[at] = g;
}

static double value_of(const hg_params *p, size_t at) {
    return p->o.dtype == HG_F32 ? (double)((const float *)p->values)[at] : ((const double *)p->values)[at];
}

/* Adam, x = 1, gradients 4 then -2: m1 = 0.4, v1 = 0.016: corrected 4 and 16, so x2 = 1 - r 4/(4 + e).
 * m2 = 0.36 - 0.2 = 0.16, corrected 0.16 / 0.19; v2 = 0.015984 + 0.004 = 0.019984, corrected 0.019984 / 0.001999. */
static void adam_by_hand(void **state) {
    (void)state;
    hg_params *p = one(HG_F64, 1, 1);
    hg_optimizer *o;
    double norm;
    assert_ok(hg_optimizer_new(&o, p, NULL, NULL));
    set_gradient(p, 0, 4);
    assert_ok(hg_optimizer_step(&norm, o, 0.1, NULL, NULL));
    const double second = 1 - 0.1 * 4 / (4 + 1e-8);
    assert_close(value_of(p, 0), second, 1e-15);
    assert_true(norm == 4);
    set_gradient(p, 0, -2);
    assert_ok(hg_optimizer_step(&norm, o, 0.1, NULL, NULL));
    assert_close(value_of(p, 0), second - 0.1 * (0.16 / 0.19) / (sqrt(0.019984 / 0.001999) + 1e-8), 1e-14);
    assert_int_equal(hg_optimizer_steps(o), 2);
    hg_optimizer_free(o);
    hg_params_free(p);
}

/* Decay 0.5 at x = 2, gradient 0, rate 0.1. Adam: the decay is the gradient, 1, whose first step is the rate. AdamW: x shrinks by 5 %. SGD:
 * x -= 0.1 * 1. Where decay is switched off, and where the rate's factor is 0, nothing; a factor of 3 is three times the rate. */
static void decay_rates_and_freezing_by_hand(void **state) {
    (void)state;
    static const double WANT[HG_OPTIMIZER_KINDS] = { [HG_ADAM] = 1.9, [HG_ADAMW] = 1.9, [HG_SGD] = 1.9 };
    static const double WANT_3[HG_OPTIMIZER_KINDS] = { [HG_ADAM] = 1.7, [HG_ADAMW] = 1.7, [HG_SGD] = 1.7 };
    for (hg_optimizer_kind k = 0; k < HG_OPTIMIZER_KINDS; k++) {
        hg_params *p =
            sealed(HG_F64, 4, (const char *[]) { "a", "off", "frozen", "fast" }, (const size_t[]) { 3, 40, 5, 1 });
        hg_optimizer_opts opts = hg_optimizer_opts_default();
        hg_optimizer *o;
        double two[40];
        for (int i = 0; i < 40; i++) two[i] = 2;
        for (size_t i = 0; i < 4; i++) hg_params_set(p, i, two);
        assert_ok(hg_params_set_decay(p, "off", false, NULL));
        assert_ok(hg_params_set_rate(p, "frozen", 0, NULL));
        assert_ok(hg_params_set_rate(p, "fast", 3, NULL));
        opts.kind = k;
        opts.decay = 0.5;
        assert_ok(hg_optimizer_new(&o, p, &opts, NULL));
        set_gradient(p, p->e[2].at, 100); /* left over from before it was frozen */
        assert_ok(hg_optimizer_step(NULL, o, 0.1, NULL, NULL));
        assert_close(value_of(p, p->e[0].at + 2), WANT[k], 1e-8);
        assert_true(value_of(p, p->e[1].at + 39) == 2);
        assert_true(value_of(p, p->e[2].at) == 2);
        assert_close(value_of(p, p->e[3].at), WANT_3[k], 1e-8);
        for (size_t i = 0; i < p->size; i++) assert_true(((const double *)p->gradient)[i] == 0);
        assert_true(value_of(p, 3) == 0); /* between two parameters */
        hg_optimizer_free(o);
        hg_params_free(p);
    }
}

/* The papers' lines, one element after another. */
typedef struct {
    double p, m, v;
} element;

static void plain_step(element *e, double g, const hg_optimizer_opts *o, double rate, double n) {
    if (o->kind == HG_SGD) {
        g += o->decay * e->p;
        e->m = o->momentum * e->m + g;
        e->p -= rate * (o->nesterov ? g + o->momentum * e->m : e->m);
        return;
    }
    const double before = e->p;
    if (o->kind == HG_ADAM) g += o->decay * e->p;
    e->m = o->beta1 * e->m + (1 - o->beta1) * g;
    e->v = o->beta2 * e->v + (1 - o->beta2) * g * g;
    const double m = e->m / (1 - pow(o->beta1, n)), v = e->v / (1 - pow(o->beta2, n));
    e->p -= rate * m / (sqrt(v) + o->eps);
    if (o->kind == HG_ADAMW) e->p -= rate * o->decay * before;
}

static void steps_follow_a_plain_implementation(void **state) {
    (void)state;
    enum { N = 101, STEPS = 60 };
    for (int variant = 0; variant < 2 * (HG_OPTIMIZER_KINDS + 1); variant++) {
        const hg_dtype dtype = variant % 2 ? HG_F64 : HG_F32;
        hg_optimizer_opts o = hg_optimizer_opts_default();
        o.kind = variant / 2 < HG_OPTIMIZER_KINDS ? (hg_optimizer_kind)(variant / 2) : HG_SGD;
        o.nesterov = variant / 2 == HG_OPTIMIZER_KINDS;
        o.momentum = 0.8;
        o.decay = 0.02;
        o.beta1 = 0.85;
        hg_params *p = one(dtype, N, 1);
        hg_optimizer *x;
        element e[N];
        hg_rng r = hg_rng_make(5, 0);
        assert_ok(hg_optimizer_new(&x, p, &o, NULL));
        for (int i = 0; i < N; i++) e[i] = (element) { .p = 1 };
        for (int n = 1; n <= STEPS; n++) {
            const double rate = 0.01 / n;
            for (size_t i = 0; i < N; i++) {
                const double g = (float)(hg_rng_normal(&r) * (double)(i + 1) / N);
                set_gradient(p, i, g);
                plain_step(&e[i], g, &o, rate, n);
            }
            assert_ok(hg_optimizer_step(NULL, x, rate, NULL, NULL));
        }
        for (size_t i = 0; i < N; i++) assert_close(value_of(p, i), e[i].p, dtype == HG_F64 ? 1e-13 : 5e-6);
        hg_optimizer_free(x);
        hg_params_free(p);
    }
}

/* Gradient (3, 4): norm 5. */
static void clipping_by_hand(void **state) {
    (void)state;
    const struct {
        double norm, value, x0, x1; /* what is taken off */
    } want[] = { { 0, 0, 3, 4 }, { 1, 0, 0.6, 0.8 }, { 6, 0, 3, 4 }, { 0, 3.5, 3, 3.5 }, { 2.5, 1.75, 1.5, 1.75 } };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        hg_params *p = one(HG_F32, 2, 0);
        hg_optimizer_opts o = hg_optimizer_opts_default();
        hg_optimizer *x;
        double norm;
        o.kind = HG_SGD;
        o.clip_norm = want[k].norm;
        o.clip_value = want[k].value;
        assert_ok(hg_optimizer_new(&x, p, &o, NULL));
        set_gradient(p, 0, -3);
        set_gradient(p, 1, 4);
        assert_ok(hg_optimizer_step(&norm, x, 1, NULL, NULL));
        assert_close(norm, 5, 1e-15);
        assert_close(value_of(p, 0), want[k].x0, 1e-6);
        assert_close(value_of(p, 1), -want[k].x1, 1e-6);
        hg_optimizer_free(x);
        hg_params_free(p);
    }
}

/* Weights 0, 1, 2, 3 after three steps of 1. n = 1: a = 2/11; n = 2: 3/12; n = 3: 4/13, or the option 0.28 when that is less. */
static void averages_by_hand_and_their_place(void **state) {
    (void)state;
    hg_params *p = one(HG_F64, 1, 0);
    hg_optimizer_opts o = hg_optimizer_opts_default();
    hg_optimizer *x;
    o.kind = HG_SGD;
    o.average = 0.28;
    assert_ok(hg_optimizer_new(&x, p, &o, NULL));
    for (int i = 0; i < 3; i++) {
        set_gradient(p, 0, -1);
        assert_ok(hg_optimizer_step(NULL, x, 1, NULL, NULL));
    }
    const double a1 = 9.0 / 11, a2 = 0.25 * a1 + 0.75 * 2, a3 = 0.28 * a2 + 0.72 * 3;
    assert_true(value_of(p, 0) == 3);
    hg_optimizer_swap(x);
    assert_close(value_of(p, 0), a3, 1e-14);
    assert_int_equal(hg_optimizer_step(NULL, x, 1, NULL, NULL), HG_EINVAL);
    hg_optimizer_swap(x);
    assert_true(value_of(p, 0) == 3);
    hg_optimizer_free(x);
    hg_params_free(p);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    const size_t sizes[] = { 50000, 7, 30011, 1 };
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_params *p[2];
    hg_optimizer *o[2];
    hg_optimizer_opts opts = hg_optimizer_opts_default();
    opts.kind = HG_ADAMW;
    opts.decay = 0.1;
    opts.clip_norm = 1;
    opts.average = 0.9;
    for (int k = 0; k < 2; k++) {
        p[k] = sealed(HG_F32, 4, (const char *[]) { "a", "b", "c", "d" }, sizes);
        assert_ok(hg_params_set_rate(p[k], "b", 2, NULL));
        assert_ok(hg_optimizer_new(&o[k], p[k], &opts, NULL));
        for (int n = 0; n < 5; n++) {
            hg_rng r = hg_rng_make(1, (uint64_t)n);
            for (size_t i = 0; i < 80000; i++) set_gradient(p[k], i, hg_rng_normal(&r));
            assert_ok(hg_optimizer_step(NULL, o[k], 0.01, k ? pool : NULL, NULL));
        }
    }
    const size_t bytes = hg_params_bytes(p[0]);
    assert_memory_equal(p[0]->values, p[1]->values, bytes);
    assert_memory_equal(o[0]->average, o[1]->average, bytes);
    for (int k = 0; k < 2; k++) {
        hg_optimizer_free(o[k]);
        hg_params_free(p[k]);
    }
    hg_pool_free(pool);
}

/* What gets no gradient any more ends at zero, not in subnormal numbers. */
static void moments_fade_to_zero(void **state) {
    (void)state;
    hg_params *p = one(HG_F32, 1, 1);
    hg_optimizer *o;
    assert_ok(hg_optimizer_new(&o, p, NULL, NULL));
    set_gradient(p, 0, 1);
    for (int i = 0; i < 1000; i++) assert_ok(hg_optimizer_step(NULL, o, 1e-3, NULL, NULL));
    assert_true(*(const float *)o->moment[0] == 0);
    hg_optimizer_free(o);
    hg_params_free(p);
}

static void refusals_change_nothing(void **state) {
    (void)state;
    hg_params *p = sealed(HG_F32, 2, (const char *[]) { "good", "bad" }, (const size_t[]) { 20, 20 });
    hg_optimizer *o;
    hg_err err;
    const double before = value_of(p, 0);
    assert_ok(hg_optimizer_new(&o, p, NULL, NULL));
    for (int i = 0; i < 3; i++) {
        set_gradient(p, 0, 1);
        set_gradient(p, p->e[1].at + 7, (const double[]) { NAN, INFINITY, -INFINITY }[i]);
        assert_int_equal(hg_optimizer_step(NULL, o, 1e-3, NULL, &err), HG_ENAN);
        assert_contains(err.msg, "\"bad\"");
        assert_true(value_of(p, 0) == before && hg_optimizer_steps(o) == 0);
        hg_params_zero_gradients(p);
    }
    set_gradient(p, 0, 1e30); /* large, yet finite: its square is not, as a float */
    assert_ok(hg_optimizer_step(NULL, o, 1e-3, NULL, &err));
    assert_int_equal(hg_optimizer_step(NULL, o, -1, NULL, &err), HG_EINVAL);
    assert_int_equal(hg_optimizer_step(NULL, o, NAN, NULL, &err), HG_EINVAL);
    hg_optimizer_swap(o); /* no averages: nothing */
    assert_ok(hg_optimizer_step(NULL, o, 0, NULL, &err));
    hg_optimizer_free(o);

    const hg_optimizer_opts good = hg_optimizer_opts_default();
    hg_optimizer_opts bad[] = { good, good, good, good, good, good, good, good, good };
    bad[0].kind = HG_OPTIMIZER_KINDS;
    bad[1].beta1 = 1;
    bad[2].beta2 = -0.1;
    bad[3].eps = 0;
    bad[4].momentum = NAN;
    bad[5].decay = -1;
    bad[6].clip_norm = INFINITY;
    bad[7].clip_value = -1;
    bad[8].average = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hg_optimizer_new(&o, p, &bad[i], &err), HG_EINVAL);
        assert_null(o);
    }
    assert_contains(err.msg, "average");
    hg_params_free(p);
    assert_ok(hg_params_new(&p, &(hg_params_opts) { .fixed = true }, NULL));
    assert_ok(hg_params_seal(p, NULL));
    assert_int_equal(hg_optimizer_new(&o, p, NULL, &err), HG_EINVAL);
    hg_params_free(p);
    assert_string_equal(hg_optimizer_name(HG_ADAMW), "adamw");
    assert_null(hg_optimizer_name(HG_OPTIMIZER_KINDS));
}

static void no_memory(void **state) {
    (void)state;
    hg_params *p = one(HG_F32, 9, 1);
    hg_optimizer_opts opts = hg_optimizer_opts_default();
    hg_optimizer *o;
    opts.average = 0.9;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = hg_optimizer_new(&o, p, &opts, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(o);
        assert_true(k < 20);
    }
    hg_optimizer_free(o);
    hg_optimizer_free(NULL);
    hg_params_free(p);
}

/* ---- learning rates ------------------------------------------------------------------------------------------- */

static void rates_at_their_corners(void **state) {
    (void)state;
    const hg_schedule_opts d = hg_schedule_opts_default();
    hg_schedule_opts step = d, cosine = d, cycle = d, warm = d;
    step.kind = HG_RATE_STEP;
    step.every = 200;
    step.lowest = 0.2;
    cosine.kind = HG_RATE_COSINE;
    cosine.total = 100;
    cosine.lowest = 0.1;
    cosine.warm_up = 10;
    cycle.kind = HG_RATE_ONE_CYCLE;
    cycle.total = 10;
    cycle.lowest = 1e-4;
    warm.warm_up = 4;
    const struct {
        const hg_schedule_opts *o;
        double x, f;
    } want[] = {
        { &d, 0, 1 },          { &d, 1e9, 1 },
        { &warm, 0, 0 },       { &warm, 1, 0.25 },
        { &warm, 4, 1 },       { &step, 199.999, 1 },
        { &step, 200, 0.5 },   { &step, 599.9, 0.25 },
        { &step, 600, 0.2 }, /* 0.125, but for `lowest` */
        { &cosine, 50, 0.55 }, { &cosine, 5, 0.5 * (0.1 + 0.45 * (1 + cos(acos(-1) * 0.05))) },
        { &cosine, 100, 0.1 }, { &cosine, 1000, 0.1 },
        { &cycle, 0, 0.04 },   { &cycle, 1.5, 0.52 },
        { &cycle, 3, 1 },      { &cycle, 6.5, 0.5 * (1 + 1e-4) },
        { &cycle, 10, 1e-4 },  { &cycle, 11, 1e-4 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        hg_schedule s;
        assert_ok(hg_schedule_begin(&s, want[i].o, NULL));
        assert_close(hg_schedule_factor(&s, want[i].x), want[i].f, 1e-14);
    }
}

static void plateau_waits_and_reduces(void **state) {
    (void)state;
    hg_schedule_opts o = hg_schedule_opts_default();
    hg_schedule s;
    o.kind = HG_RATE_PLATEAU;
    o.patience = 2;
    o.factor = 0.5;
    o.lowest = 0.2;
    o.gain = 0.1;
    assert_ok(hg_schedule_begin(&s, &o, NULL));
    static const double SEEN[] = { 5, 4, 3.7, NAN, 3.65, 3, 3, 3, 3, 3, 3, 3, -1, -1.05, -1.05, -1.05 };
    /* 3.7 and 3.65 are less than 10 % better than 4; the third such observation halves */
    static const double WANT[] = { 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2 };
    for (size_t i = 0; i < sizeof SEEN / sizeof *SEEN; i++) {
        hg_schedule_observe(&s, SEEN[i]);
        assert_close(hg_schedule_factor(&s, 0), WANT[i], 1e-15);
    }
    assert_true(s.best == -1);
}

static void bad_rates_are_refused(void **state) {
    (void)state;
    const hg_schedule_opts d = hg_schedule_opts_default();
    hg_schedule_opts bad[] = { d, d, d, d, d, d, d, d, d };
    hg_schedule s;
    hg_err err;
    bad[0].kind = HG_RATE_KINDS;
    bad[1].warm_up = -1;
    bad[2].kind = HG_RATE_COSINE; /* without total */
    bad[3].every = 0;
    bad[4].factor = 1.5;
    bad[5].lowest = NAN;
    bad[6].rise = 1;
    bad[7].divide = 0.5;
    bad[8].gain = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hg_schedule_begin(&s, &bad[i], &err), HG_EINVAL);
    assert_contains(err.msg, "gain");
    assert_string_equal(hg_rate_name(HG_RATE_ONE_CYCLE), "one-cycle");
    assert_null(hg_rate_name(HG_RATE_KINDS));
}

/* ---- L-BFGS --------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_params *p;
    hg_tape *t;
    size_t calls, fail_at;
} rosenbrock;

/* 100 (y - x^2)^2 + (1 - x)^2: least, 0, at (1, 1). Rosenbrock (Computer Journal 3, 175, 1960). */
static hg_status valley(void *ctx, double *loss, hg_err *err) {
    rosenbrock *w = ctx;
    hg_tape *t = w->t;
    if (++w->calls == w->fail_at) return hg_fail(err, HG_EDATA, "the %zuth time", w->calls);
    hg_tape_begin(t, 1);
    hg_tensor *x = hg_param_named(t, w->p, "x"), *y = hg_param_named(t, w->p, "y");
    hg_tensor *a = hg_map(t, HG_SQUARE, hg_sub(t, y, hg_map(t, HG_SQUARE, x)));
    hg_tensor *z = hg_add(t, hg_affine(t, a, 100, 0), hg_map(t, HG_SQUARE, hg_affine(t, x, -1, 1)));
    HG_TRY(hg_backward(t, hg_sum(t, z, 0), err));
    *loss = hg_tensor_value(z);
    return HG_OK;
}

static void lbfgs_finds_the_end_of_the_valley(void **state) {
    (void)state;
    const hg_tape_opts to = { .dtype = HG_F64, .record = true };
    rosenbrock w = { .p = sealed(HG_F64, 3, (const char *[]) { "frozen", "x", "y" }, (const size_t[]) { 3, 1, 1 }) };
    hg_lbfgs_result r;
    hg_err err;
    double v[3];
    assert_ok(hg_tape_new(&w.t, &to, NULL));
    assert_ok(hg_params_set_rate(w.p, "frozen", 0, NULL));
    hg_params_set(w.p, 0, (const double[]) { 7, 8, 9 });
    hg_params_set(w.p, 1, (const double[]) { -1.2 });
    hg_params_set(w.p, 2, (const double[]) { 1 });
    assert_ok_err(hg_params_lbfgs(&r, w.p, valley, &w, NULL, &err), err);
    assert_true(r.converged && r.loss < 1e-12 && r.evaluations == w.calls);
    hg_params_get(v, w.p, 1);
    assert_close(v[0], 1, 1e-5);
    hg_params_get(v, w.p, 2);
    assert_close(v[0], 1, 1e-5);
    hg_params_get(v, w.p, 0);
    assert_true(v[0] == 7 && v[2] == 9);

    w.calls = 0;
    w.fail_at = 4;
    hg_params_set(w.p, 1, (const double[]) { -1.2 });
    assert_int_equal(hg_params_lbfgs(&r, w.p, valley, &w, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "the 4th time");
    assert_int_equal(w.calls, 4);
    w.fail_at = 0;
    hg_params_set(w.p, 1, (const double[]) { NAN });
    assert_int_equal(hg_params_lbfgs(&r, w.p, valley, &w, NULL, &err), HG_ENAN);
    hg_tape_free(w.t);
    hg_params_free(w.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(adam_by_hand),
        TEST(decay_rates_and_freezing_by_hand),
        TEST(steps_follow_a_plain_implementation),
        TEST(clipping_by_hand),
        TEST(averages_by_hand_and_their_place),
        TEST(threads_change_no_bit),
        TEST(moments_fade_to_zero),
        TEST(refusals_change_nothing),
        TEST(no_memory),
        TEST(rates_at_their_corners),
        TEST(plateau_waits_and_reduces),
        TEST(bad_rates_are_refused),
        TEST(lbfgs_finds_the_end_of_the_valley),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
