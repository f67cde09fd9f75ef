/* tests/secret/tier1_problem.h -- a small search with made-up values, and a run of it by plain party or servers */
#ifndef HG_TIER1_PROBLEM_H
#define HG_TIER1_PROBLEM_H
#include "parties.h"
#include "secret/exact.h"
#include "secret/tier1_tables.h"
#include "secret/verify.h"

enum { PROBLEM_POOL = 64, PROBLEM_ROWS = 320, PROBLEM_BATCH = 4 };

typedef struct {
    hg_secret_model model;
    double pool[PROBLEM_POOL * 2], y[PROBLEM_ROWS];
    size_t n_pool, n, measured[PROBLEM_ROWS], batch;
    bool excluded[PROBLEM_POOL];
    uint64_t seed;
    hg_t1_tables *tables;
    size_t row[PROBLEM_ROWS], n_row; /* plausibility */
    double threshold;
} problem;

/* n_pool points in the unit square, the first n of them measured: a smooth hill and a little noise. */
static inline problem problem_make(hg_acquisition acquisition, size_t n_pool, size_t n, uint64_t seed) {
    problem p = { .n_pool = n_pool, .n = n, .seed = seed, .batch = 1, .threshold = 16 };
    double noise[PROBLEM_ROWS];
    hg_rng rng = hg_rng_make(seed, 9);
    hg_secret_model_default(&p.model);
    p.model.acquisition = acquisition;
    hg_exact_normals(noise, n, seed, 1);
    for (size_t i = 0; i < 2 * n_pool; i++) p.pool[i] = hg_rng_uniform(&rng);
    for (size_t i = 0; i < n; i++) {
        const double a = p.pool[2 * i] - 0.6, b = p.pool[2 * i + 1] - 0.4;
        p.measured[i] = i;
        p.excluded[i] = true;
        p.y[i] = hg_exact_round((5 * exp(-6 * (a * a + b * b)) - 3 + 0.1 * noise[i]) * 0x1p24) * 0x1p-24;
    }
    return p;
}

/* A smaller grid: 4 lengths, 3 noises, 32 levels of sigma. */
static inline void problem_shrink(problem *p) {
    const double length[] = { 0.14, 0.3, 0.5, 1.1 }, noise[] = { 0.001, 0.01, 0.1 };
    memcpy(p->model.length, length, sizeof length);
    memcpy(p->model.noise, noise, sizeof noise);
    p->model.n_length = 4;
    p->model.n_noise = 3;
    p->model.sigma_low = -16;
    p->model.sigma_levels = 64;
}

static inline void problem_tables(problem *p, hg_t1_tables *previous) {
    hg_err err;
    assert_ok_err(
        hg_t1_tables_new(&p->tables, previous, &p->model, p->pool, p->n_pool, 2, p->measured, p->n, NULL, NULL, &err),
        err);
}

static inline hg_status problem_propose(parties *s, hg_run *r, hg_err *err) {
    const problem *p = s->user;
    hg_share y;
    hg_bits index[PROBLEM_BATCH];
    hg_t1_opts o = { .excluded = p->excluded, .batch = p->batch };
    HG_TRY(parties_share_doubles(&y, s, r, p->y, p->n, HG_Y_FRACTION, 3, err));
    if (p->model.acquisition == HG_ACQ_THOMPSON || p->batch > 1)
        HG_TRY(parties_share(&o.seed, s, r, &p->seed, 1, 1, err));
    if (p->model.epsilon > 0) {
        HG_TRY(hg_t1_noise_draw(&o.noise, r, p->tables, p->batch, err));
        HG_TRY(parties_out_bits(s, r, "noise", &o.noise, err));
    }
    HG_TRY(hg_t1_propose(index, r, p->tables, &y, &o, err));
    HG_TRY(hg_run_verify(r, err));
    for (size_t k = 0; k < p->batch; k++) {
        const char name[] = { 'i', 'n', 'd', 'e', 'x', (char)('0' + k), 0 };
        HG_TRY(parties_out_bits(s, r, name, &index[k], err));
    }
    return HG_OK;
}

static inline size_t problem_index(parties *s, size_t pick) {
    const char name[] = { 'i', 'n', 'd', 'e', 'x', (char)('0' + pick), 0 };
    return (size_t)parties_value(s, name)[0];
}

/* The float run of the same; the least gap. */
static inline double problem_float(size_t *index, problem *p, const uint64_t *noise) {
    hg_t1_opts o = { .excluded = p->excluded, .batch = p->batch };
    double gap[PROBLEM_BATCH], least = 1;
    hg_err err;
    uint64_t words[1] = { p->seed };
    o.seed = (hg_share) { .slot = { words, NULL }, .n = 1, .limbs = 1 };
    uint64_t *copy = NULL;
    if (noise) {
        const size_t n = hg_t1_noise_bits(p->tables, p->batch);
        copy = malloc(n / 8);
        memcpy(copy, noise, n / 8);
        o.noise = (hg_bits) { .slot = { copy, NULL }, .n = n };
    }
    assert_ok_err(hg_t1_float(index, gap, NULL, p->tables, p->y, &o, &err), err);
    for (size_t i = 0; i < p->batch; i++) least = fmin(least, gap[i]);
    free(copy);
    return least;
}
#endif
