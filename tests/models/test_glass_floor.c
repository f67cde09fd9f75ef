/* tests/models/test_glass_floor.c -- descriptors of particles, and who will move by the floor model */
#include "files/safetensors.h"
#include "models/glass_floor.h"
#include "models/glass_kernel.h"
#include "matter/snapshot.h"
#include "test.h"

enum { SIDE = 8, N = SIDE * SIDE * SIDE };

/* A shaken lattice in a box of 8, every fifth particle B; with made-up reference states and futures in which the crowded and the shifted move. */
static hg_snapshot *liquid(hg_arena *mem, uint64_t seed) {
    hg_rng rng = hg_rng_make(seed, 0);
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.5;
    s->liquid = (int64_t)seed;
    for (size_t k = 0; k < 3; k++) s->box[k] = SIDE;
    s->inherent = hg_alloc(mem, N, 3 * sizeof *s->inherent);
    s->cage = hg_alloc(mem, N, 3 * sizeof *s->cage);
    s->cage_covariance = hg_alloc(mem, N, 6 * sizeof *s->cage_covariance);
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % SIDE, i / SIDE % SIDE, i / (SIDE * SIDE) };
        s->species[i] = i % 5 == 4;
        for (size_t k = 0; k < 3; k++) {
            s->x[3 * i + k] = hg_wrapped((double)at[k] + 0.05 * hg_rng_normal(&rng), SIDE);
            s->inherent[3 * i + k] = 0.05 * hg_rng_normal(&rng);
            s->cage[3 * i + k] = 0.05 * hg_rng_normal(&rng);
            s->cage_covariance[6 * i + k] = 0.004 + 0.002 * hg_rng_uniform(&rng);
        }
    }
    s->n_times = 2;
    s->runs = 8;
    s->time = hg_alloc(mem, 2, sizeof *s->time);
    s->propensity = hg_alloc(mem, 2 * N, sizeof *s->propensity);
    s->time[0] = 1;
    s->time[1] = 10;
    s->n_pairs = N;
    s->pair = hg_alloc(mem, 2 * N, sizeof *s->pair);
    s->stretch = hg_alloc(mem, 2 * N, sizeof *s->stretch);
    for (size_t i = 0; i < N; i++) {
        const double *u = s->inherent + 3 * i, u2 = u[0] * u[0] + u[1] * u[1] + u[2] * u[2];
        for (size_t t = 0; t < 2; t++)
            s->propensity[t * N + i] = (float)(0.1 * exp(4 * sqrt(u2) * (double)(t + 1) + 0.05 * hg_rng_normal(&rng)));
        const size_t j = i % SIDE == SIDE - 1 ? i + 1 - SIDE : i + 1; /* the next one along x */
        s->pair[2 * i] = (uint32_t)(i < j ? i : j);
        s->pair[2 * i + 1] = (uint32_t)(i < j ? j : i);
        double r2 = 0;
        for (size_t k = 0; k < 3; k++) {
            const double d = hg_nearest_image(s->x[3 * j + k] - s->x[3 * i + k], SIDE);
            r2 += d * d;
        }
        for (size_t t = 0; t < 2; t++) s->stretch[t * N + i] = (float)(1 - sqrt(r2) + 0.05 * hg_rng_normal(&rng));
    }
    return s;
}

/* Two particles at a distance of 1: a bond along x. Every q_l of one neighbour is 1 (times weight over weight + 0.1); the energy is half the pair's. */
static void one_neighbour_by_hand(void **state) {
    (void)state;
    const double d[3] = { 1.1, 0, 0 }, r = 1.1;
    const uint8_t species = 0;
    float x[HG_GLASS_BASE];
    hg_glass_base_of(x, &(hg_glass_around) { .n = 1, .d = d, .r = &r, .species = &species, .own = 0 });
    const size_t bonds = HG_GLASS_SPECIES * (HG_GLASS_FINE + HG_GLASS_COARSE);
    for (size_t l = 0; l < HG_GLASS_ORDERS; l++) /* the second shell stands at 1.1: weight 1 */
        assert_close((double)x[bonds + HG_GLASS_ORDERS + l], 1 / 1.1, 1e-6);
    for (size_t k = 0; k < HG_GLASS_FINE; k++) { /* shells of width 0.05 at 0.8 + k / 15, four steps to either side */
        const double u = (1.1 - (0.8 + (double)k / 15)) / 0.05, value = exp(-0.5 * u * u);
        assert_close((double)x[k], fabs(u) < 6 ? value : (double)x[k], 1e-6);
        assert_true((double)x[k] <= value + 1e-6);
    }
    const double q6 = pow(1.1, -6), p6 = pow(2.5, -6);
    const double slope = 4 * (-12 * p6 * p6 + 6 * p6) / 2.5;
    const double v = 4 * (q6 * q6 - q6) - 4 * (p6 * p6 - p6) - (1.1 - 2.5) * slope;
    const size_t physics = HG_GLASS_BASE - HG_GLASS_PHYSICS;
    assert_close((double)x[physics], v / 2, 1e-6);
    assert_close((double)x[physics + 2], fabs(4 * (-12 * q6 * q6 + 6 * q6) / 1.1 - slope), 1e-6);
    double w[3];
    hg_glass_eigenvalues(w, (const double[6]) { 2, 2, 5, 1, 0, 0 });
    assert_close(w[0], 1, 1e-12);
    assert_close(w[1], 3, 1e-12);
    assert_close(w[2], 5, 1e-12);
}

/* Axes permuted and mirrored, all moved (a part through the walls), particles in another order. */
static void transform(hg_snapshot *to, const hg_snapshot *s) {
    for (size_t i = 0; i < N; i++) {
        const size_t j = (i * 5 + 3) % N; /* 5 and 512 have no common factor */
        to->species[j] = s->species[i];
        for (size_t k = 0; k < 3; k++) {
            const size_t from = (k + 1) % 3;
            const double sign = k == 1 ? -1 : 1;
            to->x[3 * j + k] = hg_wrapped(sign * s->x[3 * i + from] + 3.3, SIDE);
            to->inherent[3 * j + k] = sign * s->inherent[3 * i + from];
            to->cage[3 * j + k] = sign * s->cage[3 * i + from];
            to->cage_covariance[6 * j + k] = s->cage_covariance[6 * i + from];
        }
    }
}

static void descriptors_do_not_turn(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const hg_snapshot *s = liquid(*state, 1);
    hg_snapshot *t = liquid(*state, 1);
    transform(t, s);
    for (hg_glass_state k = HG_GLASS_THERMAL; k < HG_GLASS_STATES; k++) {
        const size_t width = hg_glass_width(k);
        float *x = hg_alloc(*state, N, width * sizeof *x), *y = hg_alloc(*state, N, width * sizeof *y);
        assert_ok(hg_glass_describe(x, s, k, NULL, NULL));
        assert_ok(hg_glass_describe(y, t, k, NULL, NULL));
        for (size_t i = 0; i < N; i++)
            for (size_t c = 0; c < width; c++)
                assert_close((double)x[i * width + c], (double)y[(i * 5 + 3) % N * width + c], 1e-4);
    }
    hg_arena_reset(*state, start);
}

static double mean_of_a(const hg_snapshot *s, const float *p) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->species[i] == 0) {
            sum += (double)p[i];
            n++;
        }
    return sum / (double)n;
}

/* Learns the made-up future of two liquids, predicts that of a third; the same after saving and loading, and with the particles in another order. */
static void learned_saved_and_loaded(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double time[] = { 1, 10 };
    hg_floor_fit *f;
    hg_floor *m, *again;
    hg_floor_scores scores;
    char path[1024];
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 2, NULL));
    assert_ok(hg_floor_begin(&f, HG_GLASS_INHERENT, time, 2, 2, true, false, NULL));
    for (size_t i = 0; i < 2; i++) assert_ok(hg_floor_learn(f, liquid(*state, i + 1), i, pool, NULL));
    hg_snapshot *s = liquid(*state, 3);
    s->time[1] = 11;
    assert_int_equal(hg_floor_learn(f, s, 0, pool, NULL), HG_EDATA);
    assert_ok(hg_floor_end(&m, &scores, f, pool, NULL));
    hg_floor_fit_free(f);
    assert_int_equal(scores.snapshots, 2);
    assert_true(scores.node[0][0].rho > 0.8);
    const hg_floor_facts facts = hg_floor_about(m);
    assert_int_equal(facts.n_times, 2);
    assert_close(facts.coldest, 0.5, 0);
    assert_true(facts.bonds);

    float *p = hg_alloc(*state, 4 * N, sizeof *p), *q = p + 2 * N, *b = hg_alloc(*state, 4 * N, sizeof *b);
    assert_ok(hg_floor_predict(p, b, m, s, s->pair, N, pool, NULL));
    assert_true(test_correlation(p, s->propensity, N) > 0.8);
    assert_true(test_correlation(p + N, s->propensity + N, N) > 0.8);
    assert_true(test_correlation(b, s->stretch, N) > 0.6);

    assert_ok(hg_floor_save(test_scratch(path, sizeof path, "floor.safetensors"), m, NULL));
    assert_ok(hg_floor_load(&again, path, NULL));
    assert_ok(hg_floor_predict(q, b + 2 * N, again, s, s->pair, N, NULL, NULL));
    assert_memory_equal(p, q, 2 * N * sizeof *p);
    assert_memory_equal(b, b + 2 * N, 2 * N * sizeof *b);

    hg_snapshot *t = liquid(*state, 3);
    transform(t, s);
    assert_ok(hg_floor_predict(q, NULL, m, t, NULL, 0, NULL, NULL));
    for (size_t i = 0; i < N; i++) assert_close((double)p[i], (double)q[(i * 5 + 3) % N], 1e-5);

    /* Particles of another size than those learned from: the line for the mean level says anything, and is held. */
    hg_snapshot *far = liquid(*state, 3);
    for (size_t i = 0; i < N; i++) far->species[i] = 0;
    for (size_t i = 0; i < 3 * N; i++) far->inherent[i] *= 3;
    assert_ok(hg_floor_predict(q, NULL, again, far, NULL, 0, NULL, NULL));
    const hg_floor_facts known = hg_floor_about(again);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < 2; i++) {
            const hg_snapshot *one = liquid(*state, i + 1);
            const double mean = mean_of_a(one, one->propensity + k * N);
            assert_true(known.range[0][2 * k] <= mean * (1 + 1e-6) && mean <= known.range[0][2 * k + 1] * (1 + 1e-6));
        }
    const double farthest = mean_of_a(far, q) / known.range[0][1], nearest = mean_of_a(far, q) / known.range[0][0];
    assert_true(farthest > 1.5 || nearest < 1 / 1.5);
    for (size_t i = 0; i < N; i++)
        assert_true((double)q[i] <= 20.001 * HG_FLOOR_LEVEL_MOST * known.range[0][1] &&
                    (double)q[i] >= 0.0499 / HG_FLOOR_LEVEL_MOST * known.range[0][0]);

    /* The first files do not say the range: their mean is all that is known of it. */
    hg_safetensors *file;
    hg_stored kept[64];
    const hg_stored_note *notes;
    size_t n_kept = 0;
    assert_ok(hg_safetensors_open(&file, path, 1 << 24, NULL));
    for (size_t i = 0; i < hg_safetensors_count(file); i++)
        if (!strstr(hg_safetensors_at(file, i)->name, ".range")) kept[n_kept++] = *hg_safetensors_at(file, i);
    assert_int_equal(n_kept + 2, hg_safetensors_count(file));
    const size_t n_notes = hg_safetensors_notes(&notes, file);
    char first[1024];
    hg_floor *old;
    assert_ok(hg_safetensors_write(test_scratch(first, sizeof first, "first.safetensors"), kept, n_kept, notes, n_notes,
                                   NULL));
    hg_safetensors_free(file);
    assert_ok(hg_floor_load(&old, first, NULL));
    const hg_floor_facts of_old = hg_floor_about(old);
    assert_true(of_old.range[1][3] >= known.range[1][2] && of_old.range[1][2] <= known.range[1][3]);
    assert_true(of_old.range[1][2] == of_old.range[1][3]);
    hg_floor_free(old);

    hg_err err;
    t->inherent = NULL;
    assert_int_equal(hg_floor_predict(q, NULL, m, t, NULL, 0, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "inherent structure is not known");
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        assert_true(k < 200);
        fail_alloc_after(k);
        st = hg_floor_predict(q, b, m, s, s->pair, N, NULL, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    st = HG_ENOMEM;
    hg_floor_free(again);
    for (long k = 0; st != HG_OK; k++) {
        assert_true(k < 200);
        fail_alloc_after(k);
        st = hg_floor_load(&again, path, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    hg_floor_free(again);
    hg_floor_free(m);
    hg_pool_free(pool);
    hg_arena_reset(*state, start);
}

/* Where the future is in the snapshot as it is, and not in the inherent structure, the first is what is taken; where it is the other way, the other. */
static void thermal_descriptors_too(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double time[] = { 1, 10 };
    hg_floor_fit *f;
    hg_floor *m, *again;
    hg_floor_scores scores;
    char path[1024];
    hg_pool *pool;
    const size_t width = hg_glass_width(HG_GLASS_THERMAL);
    float *x = hg_alloc(*state, N, width * sizeof *x), *p = hg_alloc(*state, 4 * N, sizeof *p);
    assert_ok(hg_pool_new(&pool, 2, NULL));
    assert_ok(hg_floor_begin(&f, HG_GLASS_INHERENT, time, 2, 2, false, true, NULL));
    hg_snapshot *s = NULL;
    for (size_t i = 0; i < 3; i++) {
        hg_rng rng = hg_rng_make(50 + i, 0);
        s = liquid(*state, i + 1);
        assert_ok(hg_glass_describe(x, s, HG_GLASS_THERMAL, NULL, NULL));
        for (size_t k = 0; k < N; k++) /* the force upon it */
            s->propensity[k] = x[k * width + HG_GLASS_BASE - HG_GLASS_PHYSICS + 2] + 1;
        for (size_t k = 0; k < 3 * N; k++) s->inherent[k] += 0.2 * hg_rng_normal(&rng); /* hides the snapshot */
        for (size_t k = 0; k < N; k++) {
            const double *u = s->inherent + 3 * k;
            s->propensity[N + k] = (float)sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
        }
        if (i < 2) assert_ok(hg_floor_learn(f, s, i, pool, NULL));
    }
    assert_ok(hg_floor_end(&m, &scores, f, pool, NULL));
    hg_floor_fit_free(f);
    assert_true(hg_floor_about(m).thermal);
    assert_int_equal(scores.node[0][0].set, HG_FLOOR_THERMAL);
    assert_int_equal(scores.node[0][1].set, HG_FLOOR_STATE);
    assert_ok(hg_floor_predict(p, NULL, m, s, NULL, 0, pool, NULL));
    assert_true(test_correlation(p, s->propensity, N) > 0.9);
    assert_true(test_correlation(p + N, s->propensity + N, N) > 0.9);
    assert_ok(hg_floor_save(test_scratch(path, sizeof path, "both.safetensors"), m, NULL));
    assert_ok(hg_floor_load(&again, path, NULL));
    assert_true(hg_floor_about(again).thermal);
    assert_ok(hg_floor_predict(p + 2 * N, NULL, again, s, NULL, 0, NULL, NULL));
    assert_memory_equal(p, p + 2 * N, 2 * N * sizeof *p);
    hg_floor_free(again);
    hg_floor_free(m);
    hg_pool_free(pool);
    hg_arena_reset(*state, start);
}

static void refusals(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const double time[] = { 1, 10 };
    hg_floor_fit *f = NULL;
    hg_floor *m = NULL;
    hg_floor_scores scores;
    hg_err err;
    char path[1024];
    assert_int_equal(hg_floor_begin(&f, HG_GLASS_CAGE, time, 0, 2, false, false, NULL), HG_EINVAL);
    assert_ok(hg_floor_begin(&f, HG_GLASS_CAGE, time, 2, 2, false, false, NULL));
    assert_int_equal(hg_floor_end(&m, &scores, f, NULL, NULL), HG_EDATA);
    hg_snapshot *s = liquid(*state, 1);
    s->species[7] = 2;
    assert_int_equal(hg_floor_learn(f, s, 0, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "particle 8");
    s->species[7] = 0;
    s->box[0] = 7;
    for (size_t i = 0; i < N; i++) s->x[3 * i] = fmin(s->x[3 * i], 6.99);
    assert_int_equal(hg_floor_learn(f, s, 0, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "the box");
    hg_floor_fit_free(f);
    assert_int_equal(hg_floor_load(&m, test_source(path, sizeof path, "README.md"), NULL), HG_EPARSE);
    for (long k = 0;; k++) {
        assert_true(k < 200);
        fail_alloc_after(k);
        const hg_status st = hg_floor_begin(&f, HG_GLASS_CAGE, time, 2, 2, true, false, NULL);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
        if (st == HG_OK) break;
    }
    hg_floor_fit_free(f);
    hg_arena_reset(*state, start);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(one_neighbour_by_hand), TEST(descriptors_do_not_turn),
                                        TEST(learned_saved_and_loaded), TEST(thermal_descriptors_too), TEST(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
