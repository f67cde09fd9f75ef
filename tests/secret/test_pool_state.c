/* tests/secret/test_pool_state.c -- conditioning a pool, by one party and by three servers, against a dense factorisation */
#include "parties.h"
#include "secret/pool_fixed.h"
#include "secret/pool_internal.h"
#include "secret/truncate.h"
#include "secret/verify.h"

enum { P = 20, D = 2, ROWS = 8 };

typedef struct {
    hg_tier tier;
    hg_secret_model model;
    size_t p, d, rows;
    double x[64 * 4], y[64];
    size_t at[64]; /* p: a padding row */
    bool excluded[64];
    uint64_t seed;
} study;

static study make_study(hg_tier tier, size_t p, size_t rows, uint64_t seed) {
    study a = { .tier = tier, .p = p, .d = D, .rows = rows, .seed = 12345 + seed };
    hg_secret_model *m = &a.model;
    hg_secret_model_default(m);
    m->n_length = m->n_noise = 2;
    m->length[0] = 0.2;
    m->length[1] = 0.6;
    m->noise[0] = 1e-3;
    m->noise[1] = 1e-2;
    hg_rng rng = hg_rng_make(seed, 3);
    for (size_t i = 0; i < p * D; i++) a.x[i] = ldexp(nearbyint(ldexp(hg_rng_uniform(&rng), 32)), -32);
    for (size_t i = 0; i < rows; i++) {
        a.at[i] = (5 * i + 2) % p;
        const double *x = a.x + a.at[i] * D;
        a.y[i] = ldexp(nearbyint(ldexp(6 * sin(4 * x[0]) * cos(3 * x[1]) + 0.1 * hg_rng_normal(&rng), 24)), -24);
    }
    return a;
}

static hg_status new_state(hg_pool_state **s, parties *p, hg_run *r, const study *a, hg_err *err) {
    if (a->tier == HG_TIER_INDICES) return hg_pool_state_new(s, &a->model, hg_run_mode(r), a->x, a->p, a->d, err);
    hg_share x;
    HG_TRY(parties_share_doubles(&x, p, r, a->x, a->p * a->d, HG_FRACTION, 3, err));
    return hg_pool_state_new_secret(s, r, &a->model, &x, a->p, a->d, err);
}

static hg_status observe(hg_pool_state *s, parties *p, hg_run *r, const study *a, size_t row, hg_err *err) {
    double e[64] = { 0 }, y = 0;
    hg_share onehot, value;
    if (a->at[row] < a->p) {
        e[a->at[row]] = 1;
        y = a->y[row];
    }
    HG_TRY(parties_share_doubles(&onehot, p, r, e, a->p, 0, 3, err));
    HG_TRY(parties_share_doubles(&value, p, r, &y, 1, HG_Y_FRACTION, 3, err));
    return hg_pool_state_observe(r, s, &onehot, &value, err);
}

static hg_status out(parties *p, hg_run *r, const hg_pool_state *s, const char *name, size_t first, size_t n,
                     hg_err *err) {
    const hg_share v = hg_pool_words_view(&s->now, first, n);
    return parties_out(p, r, name, &v, err);
}

static hg_status run_study(parties *p, hg_run *r, hg_err *err) {
    const study *a = p->user;
    hg_pool_state *s = NULL;
    hg_bits index;
    hg_share seed;
    uint64_t opened = 0;
    hg_status st = new_state(&s, p, r, a, err);
    for (size_t i = 0; st == HG_OK && i < a->rows; i++) st = observe(s, p, r, a, i, err);
    if (st == HG_OK) st = parties_share(&seed, p, r, &a->seed, 1, 1, err);
    if (st == HG_OK) st = hg_pool_state_propose(&index, r, s, a->excluded, &seed, err);
    if (st == HG_OK && hg_truncation_left(r)) st = hg_fail(err, HG_EINVAL, "%zu masks left", hg_truncation_left(r));
    if (st == HG_OK) st = hg_run_verify(r, err);
    if (st == HG_OK) st = hg_open_bits(r, &opened, &index, err);
    if (st == HG_OK) st = hg_run_round(r, err);
    if (st == HG_OK) st = parties_out_plain(p, r, "index", &opened, 1, err);
    if (st == HG_OK) st = out(p, r, s, "mean", s->at.mean, s->g * s->p, err);
    if (st == HG_OK) st = out(p, r, s, "drop", s->at.drop, s->g * s->p, err);
    if (st == HG_OK) st = out(p, r, s, "q", s->at.q, s->g, err);
    if (st == HG_OK) st = out(p, r, s, "logdet", s->at.logdet, s->g, err);
    if (st == HG_OK) st = out(p, r, s, "count", s->at.count, 1, err);
    hg_pool_state_free(s);
    return st;
}

static void check(study *a) {
    hg_cost cost[2];
    size_t index;
    double gap;
    parties *p = parties_check(run_study, a, 7, cost);
    assert_ok(
        hg_pool_float(&index, &gap, &a->model, a->x, a->p, a->d, a->at, a->y, a->rows, a->excluded, a->seed, NULL));
    assert_int_equal(parties_int(p, "index", 0), index);
    parties_free(p);
}

static void indices(void **state) {
    (void)state;
    study a = make_study(HG_TIER_INDICES, P, ROWS, 1);
    check(&a);
    a.model.acquisition = HG_ACQ_THOMPSON;
    check(&a);
}

static void compositions(void **state) {
    (void)state;
    study a = make_study(HG_TIER_COMPOSITIONS, P, ROWS, 2);
    check(&a);
    a.model.acquisition = HG_ACQ_THOMPSON;
    check(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(indices), TEST(compositions) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
