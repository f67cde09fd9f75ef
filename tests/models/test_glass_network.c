/* tests/models/test_glass_network.c -- networks that correct the floor model: what they compute, what they learn, and when they count */
#include "models/glass_network.h"
#include "matter/snapshot.h"
#include "models/glass_floor.h"
#include "test.h"

enum { SIDE = 8, N = SIDE * SIDE * SIDE, T = 2 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EPOCHS = 4, LEARNS = 0 }; /* thirty times slower there */
#else
enum { EPOCHS = 50, LEARNS = 1 };
#endif

typedef enum { NOISE, ALIGNED } future;

static size_t beside(size_t i, size_t axis) { /* the next one along an axis */
    const size_t step[3] = { 1, SIDE, SIDE * SIDE }, at = i / step[axis] % SIDE;
    return at == SIDE - 1 ? i - (SIDE - 1) * step[axis] : i + step[axis];
}

/* A shaken lattice in a box of 8, every fifth particle B. ALIGNED: who goes the way of the next ones to its inherent position moves, and so do bonds
 * whose ends do: no descriptor knows directions. */
static hg_snapshot *liquid(hg_arena *mem, uint64_t seed, future what) {
    hg_rng rng = hg_rng_make(seed, 0);
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.5;
    s->liquid = (int64_t)seed;
    s->id = "made up";
    for (size_t k = 0; k < 3; k++) s->box[k] = SIDE;
    s->inherent = hg_alloc(mem, N, 3 * sizeof *s->inherent);
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % SIDE, i / SIDE % SIDE, i / (SIDE * SIDE) };
        s->species[i] = i % 5 == 4;
        for (size_t k = 0; k < 3; k++) {
            s->x[3 * i + k] = hg_wrapped((double)at[k] + 0.03 * hg_rng_normal(&rng), SIDE);
            s->inherent[3 * i + k] = 0.1 * hg_rng_normal(&rng);
        }
    }
    s->n_times = T;
    s->runs = 8;
    s->time = hg_alloc(mem, T, sizeof *s->time);
    s->propensity = hg_alloc(mem, T * N, sizeof *s->propensity);
    s->time[0] = 1;
    s->time[1] = 10;
    s->n_pairs = N;
    s->pair = hg_alloc(mem, 2 * N, sizeof *s->pair);
    s->stretch = hg_alloc(mem, T * N, sizeof *s->stretch);
    double dot[N];
    for (size_t i = 0; i < N; i++) {
        dot[i] = 0;
        for (size_t a = 0; a < 3; a++)
            for (size_t k = 0; k < 3; k++) dot[i] += 25 * s->inherent[3 * i + k] * s->inherent[3 * beside(i, a) + k];
    }
    for (size_t i = 0; i < N; i++) {
        const size_t j = beside(i, 0);
        s->pair[2 * i] = (uint32_t)(i < j ? i : j);
        s->pair[2 * i + 1] = (uint32_t)(i < j ? j : i);
        for (size_t t = 0; t < T; t++) {
            const double signal = what == ALIGNED ? dot[i] : hg_rng_normal(&rng);
            s->propensity[t * N + i] =
                (float)fmax(1 + 0.3 * signal * (double)(t + 1) + 0.02 * hg_rng_normal(&rng), 0.01);
            s->stretch[t * N + i] =
                (float)(0.1 * (s->inherent[3 * j] - s->inherent[3 * i]) + 0.001 * hg_rng_normal(&rng));
        }
    }
    return s;
}

/* Axes permuted and mirrored, all moved (a part through the walls), particles in another order. Pairs keep their order, and their ends change
 * places where the order says so. */
static void transform(hg_snapshot *to, const hg_snapshot *s) {
    for (size_t i = 0; i < N; i++) {
        const size_t j = (i * 5 + 3) % N; /* 5 and 512 have no common factor */
        to->species[j] = s->species[i];
        for (size_t k = 0; k < 3; k++) {
            const size_t from = (k + 1) % 3;
            const double sign = k == 1 ? -1 : 1;
            to->x[3 * j + k] = hg_wrapped(sign * s->x[3 * i + from] + 3.3, SIDE);
            to->inherent[3 * j + k] = sign * s->inherent[3 * i + from];
        }
    }
    for (size_t p = 0; p < N; p++) {
        const uint32_t a = (s->pair[2 * p] * 5 + 3) % N, b = (s->pair[2 * p + 1] * 5 + 3) % N;
        to->pair[2 * p] = a < b ? a : b;
        to->pair[2 * p + 1] = a < b ? b : a;
    }
}

/* ---- one network ------------------------------------------------------------------------------------------------- */

static hg_net_scene scene_of(hg_arena *mem, const hg_snapshot *s) {
    hg_net_scene a;
    float *x = hg_alloc(mem, N, hg_glass_width(HG_GLASS_INHERENT) * sizeof *x);
    assert_ok(hg_glass_describe(x, s, HG_GLASS_INHERENT, NULL, NULL));
    const hg_net_view v = { .state = HG_GLASS_INHERENT, .x = x, .bond = s->pair, .bonds = 40, .n_times = T };
    assert_ok(hg_net_scene_make(&a, s, &v, mem, NULL));
    hg_rng rng = hg_rng_make(9, 0);
    for (size_t i = 0; i < N * T; i++) a.ridge[i] = (float)hg_rng_normal(&rng);
    return a;
}

static hg_params *params_of(hg_dtype dtype) {
    hg_params *p;
    const hg_params_opts o = { .dtype = dtype, .seed = 4 };
    assert_ok(hg_net_params_new(&p, hg_net_width(HG_GLASS_INHERENT, false), T, true, &o, NULL));
    return p;
}

/* Random numbers for what begins as zeros. */
static void shake(hg_params *p) {
    hg_rng rng = hg_rng_make(11, 0);
    for (size_t i = 0; i < hg_params_count(p); i++) {
        double x[8192];
        hg_params_get(x, p, i);
        const size_t n = hg_shape_size(hg_params_shape(p, i));
        assert_true(n <= sizeof x / sizeof *x);
        for (size_t k = 0; k < n; k++) x[k] += 0.1 * hg_rng_normal(&rng);
        hg_params_set(p, i, x);
    }
}

typedef struct {
    hg_tape *t;
    hg_params *p;
    const hg_net_scene *a;
    size_t which;
} problem;

static hg_tensor *squares(const problem *g) {
    hg_tensor *node, *bond;
    hg_tape_begin(g->t, 0);
    hg_net_tape(&node, &bond, g->t, g->p, g->a);
    return hg_add(g->t, hg_mean(g->t, hg_map(g->t, HG_SQUARE, node), 0),
                  hg_mean(g->t, hg_map(g->t, HG_SQUARE, bond), 0));
}

static double value(void *ctx, const double *x) {
    const problem *g = ctx;
    hg_params_set(g->p, g->which, x);
    return hg_tensor_value(squares(g));
}

static void gradients(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_net_scene a = scene_of(*state, liquid(*state, 1, NOISE));
    hg_tape_opts o = hg_tape_opts_default();
    problem g = { .p = params_of(HG_F64), .a = &a };
    const char *const names[] = { "moved0.weight", "node1.bias", "bond1.bias", "norm1.gain", "mix2.weight" };
    o.dtype = HG_F64;
    assert_ok(hg_tape_new(&g.t, &o, NULL));
    shake(g.p);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        double x[128], grad[128];
        g.which = hg_params_find(g.p, names[k]);
        assert_true(g.which != SIZE_MAX);
        const size_t n = hg_shape_size(hg_params_shape(g.p, g.which));
        hg_params_zero_gradients(g.p);
        assert_ok(hg_backward(g.t, squares(&g), NULL));
        hg_params_get_gradient(grad, g.p, g.which);
        hg_params_get(x, g.p, g.which);
        assert_true(test_gradient_error(value, &g, x, grad, n < 4 ? n : 4, 1e-5) < 1e-8);
        hg_params_set(g.p, g.which, x);
    }
    hg_tape_free(g.t);
    hg_params_free(g.p);
    hg_arena_reset(*state, start);
}

/* v[n,3], turned about an axis that is none of the box's. */
static void turn(float *v, size_t n) {
    static const double R[3][3] = { { 2 / 3., -1 / 3., 2 / 3. },
                                    { 2 / 3., 2 / 3., -1 / 3. },
                                    { -1 / 3., 2 / 3., 2 / 3. } };
    for (size_t i = 0; i < n; i++) {
        const double x[3] = { (double)v[3 * i], (double)v[3 * i + 1], (double)v[3 * i + 2] };
        for (size_t k = 0; k < 3; k++) v[3 * i + k] = (float)(R[k][0] * x[0] + R[k][1] * x[1] + R[k][2] * x[2]);
    }
}

static void outputs(double *node, double *bond, const hg_params *p, const hg_net_scene *a) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_tape *t;
    hg_tensor *x, *y;
    o.record = false;
    assert_ok(hg_tape_new(&t, &o, NULL));
    hg_net_tape(&x, &y, t, p, a);
    assert_ok(hg_tape_status(t, NULL));
    hg_tensor_get(node, x);
    hg_tensor_get(bond, y);
    hg_tape_free(t);
}

/* At first it adds nothing. Then: all directions turned by any angle, the same numbers; but not when only the moves turn. */
static void turns_with_the_system(void **state) {
    static double node[N * T], bond[40 * T], again[N * T], bond_again[40 * T];
    const hg_mark start = hg_arena_mark(*state);
    hg_net_scene a = scene_of(*state, liquid(*state, 1, NOISE));
    hg_params *p = params_of(HG_F32);
    outputs(node, bond, p, &a);
    for (size_t i = 0; i < N * T; i++) assert_close(node[i], 0, 0);
    for (size_t i = 0; i < 40 * T; i++) assert_close(bond[i], 0, 0);
    shake(p);
    outputs(node, bond, p, &a);
    turn(a.moved, a.n);
    outputs(again, bond_again, p, &a);
    double most = 0;
    for (size_t i = 0; i < N * T; i++) most = fmax(most, fabs(node[i] - again[i]));
    assert_true(most > 1e-3);
    for (size_t k = 0; k < 2; k++) {
        turn(a.toward[k], a.edges);
        turn(a.bond_toward[k], a.bonds);
    }
    outputs(again, bond_again, p, &a);
    for (size_t i = 0; i < N * T; i++) assert_close(node[i], again[i], 1e-5);
    for (size_t i = 0; i < 40 * T; i++) assert_close(bond[i], bond_again[i], 1e-5);
    hg_params_free(p);
    hg_arena_reset(*state, start);
}

/* ---- an ensemble on top of the floor model ----------------------------------------------------------------------- */

static hg_floor *learn(hg_floor_scores *scores, hg_arena *mem, future what, hg_floor_nets_opts o, hg_pool *pool) {
    const double time[] = { 1, 10 };
    hg_floor_fit *f;
    hg_floor *m;
    assert_ok(hg_floor_begin(&f, HG_GLASS_INHERENT, time, T, 5, true, false, NULL));
    assert_ok(hg_floor_with_networks(f, &o, NULL));
    assert_int_equal(hg_floor_with_networks(f, &o, NULL), HG_EINVAL);
    for (size_t i = 0; i < 4; i++) assert_ok(hg_floor_learn(f, liquid(mem, i + 11, what), i, pool, NULL));
    assert_ok(hg_floor_end(&m, scores, f, pool, NULL));
    hg_floor_fit_free(f);
    return m;
}

static void directions_are_learned(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_floor_nets_opts o = hg_floor_nets_opts_default();
    static hg_floor_scores scores;
    hg_floor *again;
    hg_pool *pool;
    char path[1024];
    o.networks = 2;
    o.epochs = EPOCHS;
    o.rate = 5e-3;
    assert_ok(hg_pool_new(&pool, 2, NULL));
    hg_floor *m = learn(&scores, *state, ALIGNED, o, pool);
    for (size_t t = 0; t < T && LEARNS; t++) {
        const hg_floor_gain *g = &scores.node_gain[0][t];
        assert_int_equal(hg_floor_about(m).networks, 2);
        assert_true(g->floor < 0.4);
        assert_true(g->rho > g->floor + 0.2);
        assert_true(g->share > 0);
    }
    hg_snapshot *s = liquid(*state, 7, ALIGNED), *u = liquid(*state, 7, ALIGNED);
    float *p = hg_alloc(*state, 2 * T * N, sizeof *p), *q = p + T * N;
    float *b = hg_alloc(*state, 2 * T * N, sizeof *b), *c = b + T * N;
    assert_ok(hg_floor_predict(p, b, m, s, s->pair, N, pool, NULL));
    if (LEARNS) assert_true(test_correlation(p, s->propensity, N) > 0.6);
    if (LEARNS) assert_true(test_correlation(b, s->stretch, N) > 0.6);
    transform(u, s);
    assert_ok(hg_floor_predict(q, c, m, u, u->pair, N, NULL, NULL));
    for (size_t t = 0; t < T; t++)
        for (size_t i = 0; i < N; i++) {
            assert_close((double)p[t * N + i], (double)q[t * N + (i * 5 + 3) % N], 1e-5);
            assert_close((double)b[t * N + i], (double)c[t * N + i], 1e-5);
        }
    assert_ok(hg_floor_save(test_scratch(path, sizeof path, "nets.safetensors"), m, NULL));
    assert_ok(hg_floor_load(&again, path, NULL));
    assert_int_equal(hg_floor_about(again).networks, hg_floor_about(m).networks);
    assert_ok(hg_floor_predict(q, c, again, s, s->pair, N, NULL, NULL));
    assert_memory_equal(p, q, T * N * sizeof *p);
    assert_memory_equal(b, c, T * N * sizeof *b);
    hg_floor_free(again);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        assert_true(k < 2000);
        fail_alloc_after(k);
        st = hg_floor_load(&again, path, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k += 1 + k / 4) { /* later ones are many, of the tape, and each is a prediction */
        assert_true(k < 2000);
        fail_alloc_after(k);
        st = hg_floor_predict(q, c, again, s, s->pair, N, NULL, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    hg_floor_free(again);
    hg_floor_free(m);
    hg_pool_free(pool);
    hg_arena_reset(*state, start);
}

/* Of a future that nothing tells, no share is taken: the model is that without networks, to the bit. */
static void no_gain_no_share(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double time[] = { 1, 10 };
    hg_floor_nets_opts o = hg_floor_nets_opts_default();
    static hg_floor_scores scores;
    hg_floor_fit *f;
    hg_floor *plain;
    o.networks = 2;
    o.epochs = 2;
    hg_floor *m = learn(&scores, *state, NOISE, o, NULL);
    assert_close(scores.node_gain[0][0].share, 0, 0);
    assert_close(scores.node_gain[0][1].share, 0, 0);
    assert_ok(hg_floor_begin(&f, HG_GLASS_INHERENT, time, T, 5, true, false, NULL));
    for (size_t i = 0; i < 4; i++) assert_ok(hg_floor_learn(f, liquid(*state, i + 11, NOISE), i, NULL, NULL));
    assert_ok(hg_floor_end(&plain, &scores, f, NULL, NULL));
    hg_floor_fit_free(f);
    hg_snapshot *s = liquid(*state, 7, NOISE);
    float *p = hg_alloc(*state, 2 * T * N, sizeof *p), *q = p + T * N;
    assert_ok(hg_floor_predict(p, NULL, m, s, NULL, 0, NULL, NULL));
    assert_ok(hg_floor_predict(q, NULL, plain, s, NULL, 0, NULL, NULL));
    for (size_t i = 0; i < N; i++)
        if (s->species[i] == 0) assert_close((double)p[i], (double)q[i], 0);
    hg_floor_free(plain);
    hg_floor_free(m);
    hg_arena_reset(*state, start);
}

static void refusals(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double time[] = { 1, 10 };
    hg_floor_nets_opts o = hg_floor_nets_opts_default();
    static hg_floor_scores scores;
    hg_floor_fit *f;
    hg_floor *m;
    hg_err err;
    assert_ok(hg_floor_begin(&f, HG_GLASS_INHERENT, time, T, 5, false, false, NULL));
    o.networks = 1;
    assert_int_equal(hg_floor_with_networks(f, &o, NULL), HG_EINVAL);
    o.networks = 3;
    assert_ok(hg_floor_with_networks(f, &o, NULL));
    for (size_t i = 0; i < 2; i++) assert_ok(hg_floor_learn(f, liquid(*state, i + 1, NOISE), i, NULL, NULL));
    assert_int_equal(hg_floor_end(&m, &scores, f, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "too few for 3 networks");
    assert_null(m);
    hg_floor_fit_free(f);
    hg_arena_reset(*state, start);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(gradients), TEST(turns_with_the_system), TEST(directions_are_learned),
                                        TEST(no_gain_no_share), TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
