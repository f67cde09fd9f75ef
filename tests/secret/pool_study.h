/* tests/secret/pool_study.h -- a small pool with measurements, as the tests of tiers 2 and 3 use it; and the same in doubles */
#ifndef HG_TEST_POOL_STUDY_H
#define HG_TEST_POOL_STUDY_H
#include "parties.h"
#include "secret/pool_internal.h"
#include "secret/truncate.h"
#include "secret/verify.h"

enum { STUDY_POOL = 140, STUDY_ROWS = 40, STUDY_FEATURES = 4, L = HG_POOL_LIMBS };

typedef struct {
    hg_tier tier;
    hg_secret_model model;
    size_t p, d, rows;
    double x[STUDY_POOL * STUDY_FEATURES], y[STUDY_ROWS];
    size_t at[STUDY_ROWS]; /* p: a padding row */
    bool excluded[STUDY_POOL];
    uint64_t seed; /* Thompson's coin */
} study;

static inline study make_study(hg_tier tier, hg_acquisition acquisition, size_t p, size_t rows, uint64_t seed) {
    study a = { .tier = tier, .p = p, .d = 2, .rows = rows, .seed = 12345 + seed };
    hg_secret_model *m = &a.model;
    hg_secret_model_default(m);
    m->n_length = m->n_noise = 2;
    m->length[0] = 0.2;
    m->length[1] = 0.6;
    m->noise[0] = 1e-3;
    m->noise[1] = 1e-2;
    m->acquisition = acquisition;
    hg_rng rng = hg_rng_make(seed, 3);
    for (size_t i = 0; i < p * a.d; i++) a.x[i] = hg_pool_feature(hg_rng_uniform(&rng));
    for (size_t i = 0; i < rows; i++) {
        a.at[i] = (7 * i + 2) % p;
        const double *x = a.x + a.at[i] * a.d;
        a.y[i] = ldexp(nearbyint(ldexp(6 * sin(4 * x[0]) * cos(3 * x[1]) + 0.1 * hg_rng_normal(&rng), 24)), -24);
    }
    return a;
}

static inline hg_status study_state(hg_pool_state **s, parties *p, hg_run *r, const study *a, hg_err *err) {
    if (a->tier == HG_TIER_INDICES) return hg_pool_state_new(s, &a->model, hg_run_mode(r), a->x, a->p, a->d, err);
    hg_share x;
    HG_TRY(parties_share_doubles(&x, p, r, a->x, a->p * a->d, HG_FRACTION, L, err));
    return hg_pool_state_new_secret(s, r, &a->model, &x, a->p, a->d, err);
}

static inline hg_status study_observe(hg_pool_state *s, parties *p, hg_run *r, const study *a, size_t row,
                                      hg_err *err) {
    double e[STUDY_POOL] = { 0 }, y = 0;
    hg_share onehot, value;
    if (a->at[row] < a->p) {
        e[a->at[row]] = 1;
        y = a->y[row];
    }
    HG_TRY(parties_share_doubles(&onehot, p, r, e, a->p, 0, L, err));
    HG_TRY(parties_share_doubles(&value, p, r, &y, 1, HG_Y_FRACTION, L, err));
    return hg_pool_state_observe(r, s, &onehot, &value, err);
}

static inline hg_status study_all(hg_pool_state **s, parties *p, hg_run *r, const study *a, hg_err *err) {
    hg_status st = study_state(s, p, r, a, err);
    for (size_t i = 0; st == HG_OK && i < a->rows; i++) st = study_observe(*s, p, r, a, i, err);
    return st;
}

static inline hg_status study_out(parties *p, hg_run *r, const hg_pool_state *s, const char *name, size_t first,
                                  size_t n, hg_err *err) {
    const hg_share v = hg_pool_words_view(&s->now, first, n);
    return parties_out(p, r, name, &v, err);
}

/* Mean [p], variance [p], q and log2 |K| of theta, by a dense factor with padding left out; and the path of the coin. */
typedef struct {
    double mean[STUDY_POOL], variance[STUDY_POOL], path[STUDY_POOL], q, logdet;
} dense;

static inline double study_covariance(const study *a, const hg_mixture *k, size_t theta, size_t i, size_t j) {
    double u = 0;
    for (size_t c = 0; c < a->d; c++) u += pow(a->x[i * a->d + c] - a->x[j * a->d + c], 2);
    return hg_mixture_value(k, theta / a->model.n_noise, u) + HG_POOL_MEAN;
}

static inline void study_dense(dense *out, const study *a, size_t theta, hg_arena *arena) {
    double l[STUDY_ROWS][STUDY_ROWS], z[STUDY_ROWS], w[STUDY_ROWS], k[STUDY_ROWS], eps[STUDY_ROWS];
    size_t row[STUDY_ROWS], n = 0;
    hg_mixture mixture;
    hg_pool_path path;
    const double eta = a->model.noise[theta % a->model.n_noise];
    assert_ok(hg_mixture_make(&mixture, &a->model, a->d, NULL));
    assert_ok(hg_pool_path_draw(&path, &mixture, a->d, a->seed, arena, NULL));
    hg_pool_path_noise(eps, a->rows, a->seed);
    *out = (dense) { .q = 0 };
    for (size_t i = 0; i < a->rows; i++) {
        if (a->at[i] == a->p) continue;
        const double *x = a->x + a->at[i] * a->d;
        z[n] = a->y[i];
        w[n] = sqrt(eta) * eps[i] - hg_pool_path_value(&path, theta / a->model.n_noise, x);
        row[n] = a->at[i];
        double rest = eta + study_covariance(a, &mixture, theta, row[n], row[n]);
        for (size_t j = 0; j < n; j++) {
            l[n][j] = study_covariance(a, &mixture, theta, row[n], row[j]);
            for (size_t m = 0; m < j; m++) l[n][j] -= l[n][m] * l[j][m];
            l[n][j] /= l[j][j];
            rest -= l[n][j] * l[n][j];
            z[n] -= l[n][j] * z[j];
            w[n] -= l[n][j] * w[j];
        }
        l[n][n] = sqrt(rest);
        z[n] /= l[n][n];
        w[n] /= l[n][n];
        out->q += z[n] * z[n];
        out->logdet += log2(rest);
        n++;
    }
    for (size_t i = 0; i < a->p; i++) {
        out->variance[i] = 1 + HG_POOL_MEAN;
        out->path[i] = hg_pool_path_value(&path, theta / a->model.n_noise, a->x + i * a->d);
        for (size_t j = 0; j < n; j++) {
            k[j] = study_covariance(a, &mixture, theta, row[j], i);
            for (size_t m = 0; m < j; m++) k[j] -= k[m] * l[j][m];
            k[j] /= l[j][j];
            out->mean[i] += k[j] * z[j];
            out->path[i] += k[j] * w[j];
            out->variance[i] -= k[j] * k[j];
        }
    }
}

/* ---- a proposal ------------------------------------------------------------------------------------------------------ */

static inline hg_status study_propose(uint64_t *index, hg_pool_state *s, parties *p, hg_run *r, const study *a,
                                      hg_err *err) {
    hg_bits bits;
    hg_share seed;
    HG_TRY(parties_share(&seed, p, r, &a->seed, 1, 1, err));
    HG_TRY(hg_pool_state_propose(&bits, NULL, r, s, a->excluded, &seed, 0, err));
    if (hg_truncation_left(r)) return hg_fail(err, HG_EINVAL, "%zu masks were not used", hg_truncation_left(r));
    HG_TRY(hg_run_verify(r, err));
    hg_pool_state_keep(s);
    HG_TRY(hg_open_bits(r, index, &bits, err));
    return hg_run_round(r, err);
}

static inline hg_status study_one_proposal(parties *p, hg_run *r, hg_err *err) {
    const study *a = p->user;
    hg_pool_state *s = NULL;
    uint64_t index = 0;
    hg_status st = study_all(&s, p, r, a, err);
    if (st == HG_OK) st = study_propose(&index, s, p, r, a, err);
    if (st == HG_OK) st = parties_out_plain(p, r, "index", &index, 1, err);
    hg_pool_state_free(s);
    return st;
}
#endif
