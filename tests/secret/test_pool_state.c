/* tests/secret/test_pool_state.c -- conditioning a pool, by one party and by three servers, against a dense factorisation */
#include "pool_study.h"

/* Everything that a state knows. */
static hg_status out_all(parties *p, hg_run *r, const hg_pool_state *s, hg_err *err) {
    HG_TRY(study_out(p, r, s, "mean", s->at.mean, s->g * s->p, err));
    HG_TRY(study_out(p, r, s, "drop", s->at.drop, s->g * s->p, err));
    HG_TRY(study_out(p, r, s, "measured", s->at.measured, s->p, err));
    HG_TRY(study_out(p, r, s, "q", s->at.q, s->g, err));
    HG_TRY(study_out(p, r, s, "logdet", s->at.logdet, s->g, err));
    return study_out(p, r, s, "count", s->at.count, 1, err);
}

static hg_status conditioned(parties *p, hg_run *r, hg_err *err) {
    hg_pool_state *s = NULL;
    hg_status st = study_all(&s, p, r, p->user, err);
    if (st == HG_OK) st = out_all(p, r, s, err);
    hg_pool_state_free(s);
    return st;
}

static double mean_of(parties *p, const study *a, size_t theta, size_t i) {
    return parties_double(p, "mean", theta * a->p + i, HG_POOL_MEAN_FRACTION);
}
static double variance_of(parties *p, const study *a, size_t theta, size_t i) {
    return 1 + HG_POOL_MEAN - parties_double(p, "drop", i * a->model.n_length * a->model.n_noise + theta, HG_POOL_WIDE);
}

/* ---- conditioning ------------------------------------------------------------------------------------------------------------ */

/* One measurement y of entry 0: c_j = k(u_j) + 4, d = 5 + eta, m_j = c_j y / d, v_j = 5 - c_j^2 / d, q = y^2 / d. */
static void one_measurement_by_hand(void **state) {
    (void)state;
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++) {
        study a = make_study(tier, HG_ACQ_UCB, 3, 1, 1);
        static const double X[] = { 0.25, 0.5, 0.25, 0.75, 1, 0.5 }; /* distances 0.25 and 0.75 from the first */
        memcpy(a.x, X, sizeof X);
        a.at[0] = 0;
        a.y[0] = 3;
        parties *p = parties_check(conditioned, &a, 2, NULL);
        for (size_t t = 0; t < 4; t++) {
            const double eta = t % 2 ? 1e-2 : 1e-3, l = t < 2 ? 0.2 : 0.6, d = 5 + eta;
            static const double R[] = { 0, 0.25, 0.75 };
            for (size_t j = 0; j < 3; j++) {
                const double s = sqrt(5) * R[j] / l, c = 4 + (1 + s + s * s / 3) * exp(-s);
                assert_close(mean_of(p, &a, t, j), c * 3 / d, 2e-7); /* the mixture is 7e-8 off Matern-5/2 */
                assert_close(variance_of(p, &a, t, j), 5 - c * c / d, 2e-7);
            }
            assert_close(parties_double(p, "q", t, HG_POOL_Q_FRACTION), 9 / d, 1e-9);
            assert_close(parties_double(p, "logdet", t, HG_POOL_WIDE), log2(d), 1e-9);
        }
        for (size_t j = 0; j < 3; j++) assert_int_equal(parties_int(p, "measured", j), j == 0);
        assert_int_equal(parties_int(p, "count", 0), 1);
        parties_free(p);
    }
}

static void compare(const study *a, parties *p, double tolerance, hg_arena *arena) {
    dense exact;
    for (size_t t = 0; t < a->model.n_length * a->model.n_noise; t++) {
        const hg_mark mark = hg_arena_mark(arena);
        study_dense(&exact, a, t, arena);
        hg_arena_reset(arena, mark);
        for (size_t i = 0; i < a->p; i++) {
            assert_close(mean_of(p, a, t, i), exact.mean[i], tolerance);
            assert_close(variance_of(p, a, t, i), exact.variance[i], tolerance);
        }
        assert_close(parties_double(p, "q", t, HG_POOL_Q_FRACTION), exact.q, tolerance);
        assert_close(parties_double(p, "logdet", t, HG_POOL_WIDE), exact.logdet, tolerance);
    }
}

/* The oracle is a dense factor. Two rows measure the same entry, two are padding. */
static void many_measurements_match_a_dense_factor(void **state) {
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++) {
        study a = make_study(tier, HG_ACQ_UCB, 17, 12, 5);
        a.at[4] = a.at[1];
        a.at[6] = a.at[11] = a.p;
        parties *p = parties_check(conditioned, &a, 3, NULL);
        compare(&a, p, 1e-7, *state);
        assert_int_equal(parties_int(p, "count", 0), 10);
        assert_int_equal(parties_int(p, "measured", a.at[1]), 2);
        parties_free(p);
    }
}

/* 120 measurements at the noise floor: errors do not grow. */
static void a_long_campaign_stays_accurate(void **state) {
    study a = make_study(HG_TIER_INDICES, HG_ACQ_UCB, 60, STUDY_ROWS, 9);
    a.model.noise[0] = 1e-4;
    parties *p = parties_new(HG_PLAIN, 4);
    assert_ok_err(parties_run(p, conditioned, &a), p->err[0]);
    compare(&a, p, 2e-7, *state);
    parties_free(p);
}

static void the_order_of_rows_does_not_matter(void **state) {
    (void)state;
    study a = make_study(HG_TIER_INDICES, HG_ACQ_UCB, 11, 7, 6), b = a;
    for (size_t i = 0; i < a.rows; i++) {
        b.at[i] = a.at[(3 * i + 2) % a.rows];
        b.y[i] = a.y[(3 * i + 2) % a.rows];
    }
    parties *p = parties_new(HG_PLAIN, 4), *q = parties_new(HG_PLAIN, 5);
    assert_ok(parties_run(p, conditioned, &a));
    assert_ok(parties_run(q, conditioned, &b));
    for (size_t t = 0; t < 4; t++)
        for (size_t i = 0; i < a.p; i++) assert_close(mean_of(p, &a, t, i), mean_of(q, &b, t, i), 1e-8);
    parties_free(p);
    parties_free(q);
}

/* Even when its value is not zero, which no honest owner sends. */
static hg_status padded(parties *p, hg_run *r, hg_err *err) {
    const study *a = p->user;
    hg_pool_state *s = NULL;
    hg_share e, y;
    double none[STUDY_POOL] = { 0 }, seven = 7;
    hg_status st = study_all(&s, p, r, a, err);
    if (st == HG_OK) st = parties_share_doubles(&e, p, r, none, a->p, 0, L, err);
    if (st == HG_OK) st = parties_share_doubles(&y, p, r, &seven, 1, HG_Y_FRACTION, L, err);
    for (int i = 0; st == HG_OK && i < 2; i++) st = hg_pool_state_observe(r, s, &e, &y, err);
    if (st == HG_OK) st = out_all(p, r, s, err);
    hg_pool_state_free(s);
    return st;
}

static void padding_changes_nothing(void **state) {
    study a = make_study(HG_TIER_INDICES, HG_ACQ_UCB, 9, 5, 7);
    parties *p = parties_check(padded, &a, 4, NULL);
    compare(&a, p, 1e-7, *state);
    assert_int_equal(parties_int(p, "count", 0), 5);
    parties_free(p);
}

/* ---- keeping, dropping, digests ---------------------------------------------------------------------------------------------------- */

typedef struct {
    study a;
    unsigned char digest[4][3][2][32];
} digests;

/* Whether a bit of these words changes the digest of their slot, and of that alone. */
static bool seen(hg_pool_state *s, const hg_pool_words *w) {
    unsigned char before[2][32], after[2][32];
    bool good = true;
    for (unsigned slot = 0; slot < s->copies && w->n; slot++) {
        if (hg_pool_state_digest(s, before, NULL) != HG_OK) return false;
        w->slot[slot][1] ^= 4;
        if (hg_pool_state_digest(s, after, NULL) != HG_OK) return false;
        w->slot[slot][1] ^= 4;
        good = good && memcmp(before[slot], after[slot], 32) != 0;
        if (s->copies == 2) good = good && memcmp(before[1 - slot], after[1 - slot], 32) == 0;
    }
    return good;
}

static bool all_seen(hg_pool_state *s) {
    return seen(s, &s->now) && seen(s, &s->shared) && seen(s, &s->kernel) && seen(s, &s->onehot) &&
           seen(s, &s->gain[s->g - 1]) && seen(s, &s->inverse[s->g - 1]);
}

static hg_status keep_and_drop(parties *p, hg_run *r, hg_err *err) {
    digests *d = p->user;
    hg_pool_state *s = NULL;
    const unsigned me = hg_run_party(r);
    hg_status st = study_state(&s, p, r, &d->a, err);
    if (st == HG_OK) st = study_observe(s, p, r, &d->a, 0, err);
    if (st == HG_OK) hg_pool_state_keep(s);
    if (st == HG_OK) st = hg_pool_state_digest(s, d->digest[0][me], err);
    for (size_t i = 1; st == HG_OK && i < 3; i++) st = study_observe(s, p, r, &d->a, i, err);
    if (st == HG_OK) st = hg_pool_state_digest(s, d->digest[1][me], err);
    if (st == HG_OK) {
        hg_pool_state_drop(s);
        hg_pool_state_drop(s); /* nothing more to drop */
        st = s->rows == 1 ? hg_pool_state_digest(s, d->digest[2][me], err) : HG_EDATA;
    }
    for (size_t i = 1; st == HG_OK && i < 3; i++) st = study_observe(s, p, r, &d->a, i, err);
    if (st == HG_OK && !all_seen(s)) st = hg_fail(err, HG_EDATA, "a word is in no digest");
    if (st == HG_OK) st = out_all(p, r, s, err);
    if (st == HG_OK && s->p != d->a.p) st = HG_EDATA;
    if (st == HG_OK && hg_pool_state_bytes(s) < 24 * d->a.p) st = HG_EDATA;
    hg_pool_state_free(s);
    return st;
}

static void what_a_failed_run_conditioned_is_dropped(void **state) {
    for (int k = 0; k < 2; k++) {
        digests d = { .a = make_study(k ? HG_TIER_COMPOSITIONS : HG_TIER_INDICES, k ? HG_ACQ_THOMPSON : HG_ACQ_UCB, 8,
                                      3, 4) };
        parties *p = parties_check(keep_and_drop, &d, 3, NULL);
        compare(&d.a, p, 1e-7, *state);
        parties_free(p);
        for (unsigned i = 0; i < 3; i++)
            for (unsigned slot = 0; slot < 2; slot++) {
                assert_memory_equal(d.digest[0][i][slot], d.digest[2][i][slot], 32);
                assert_memory_not_equal(d.digest[0][i][slot], d.digest[1][i][slot], 32);
            }
        for (unsigned i = 0; i < 3; i++) /* neighbours hold the same slot; a server's own two differ */
            for (unsigned n = 0; n < 2; n++) {
                assert_memory_equal(d.digest[n][i][1], d.digest[n][(i + 1) % 3][0], 32);
                assert_memory_not_equal(d.digest[n][i][0], d.digest[n][i][1], 32);
            }
    }
}

/* A public number that differs shows in both digests. */
static void digests_cover_what_is_public(void **state) {
    (void)state;
    study a = make_study(HG_TIER_INDICES, HG_ACQ_UCB, 8, 0, 4), b = a;
    unsigned char digest[4][2][32];
    hg_pool_state *s;
    for (int k = 0; k < 4; k++) {
        b = a;
        if (k == 1) b.x[5] += 1e-9;
        if (k == 2) b.model.kappa = 2.5;
        if (k == 3) b.model.noise[1] = 0.011;
        assert_ok(hg_pool_state_new(&s, &b.model, HG_SEMI_HONEST, b.x, b.p, b.d, NULL));
        assert_ok(hg_pool_state_digest(s, digest[k], NULL));
        hg_pool_state_free(s);
        for (int j = 0; j < k; j++) assert_memory_not_equal(digest[j][0], digest[k][0], 32);
    }
}

/* ---- growing --------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    study a;
    size_t first;
    size_t products[2]; /* made at once; in the second part */
} growing;

static hg_status grow(parties *p, hg_run *r, hg_err *err) {
    growing *g = p->user;
    const study *a = &g->a;
    hg_pool_state *s = NULL;
    hg_share x;
    HG_TRY(parties_share_doubles(&x, p, r, a->x, a->p * a->d, HG_FRACTION, L, err));
    const hg_share some = hg_share_view(&x, 0, g->first * a->d),
                   rest = hg_share_view(&x, g->first * a->d, (a->p - g->first) * a->d);
    hg_status st = hg_pool_state_new_secret(&s, r, &a->model, &some, g->first, a->d, err);
    const size_t before = hg_run_cost(r).products;
    if (st == HG_OK) st = hg_pool_state_grow(r, s, &rest, a->p - g->first, err);
    if (hg_run_party(r) == 0) g->products[1] = hg_run_cost(r).products - before;
    for (size_t i = 0; st == HG_OK && i < a->rows; i++) st = study_observe(s, p, r, a, i, err);
    if (st == HG_OK) st = out_all(p, r, s, err);
    hg_pool_state_free(s);
    if (st == HG_OK) st = hg_pool_state_new_secret(&s, r, &a->model, &x, a->p, a->d, err);
    if (st != HG_OK) return st;
    if (hg_run_party(r) == 0) g->products[0] = hg_run_cost(r).products - before - g->products[1];
    hg_pool_state_free(s);
    return HG_OK;
}

static void a_pool_grows_by_its_new_pairs(void **state) {
    growing g = { .a = make_study(HG_TIER_COMPOSITIONS, HG_ACQ_UCB, 12, 4, 8), .first = 9 };
    parties *p = parties_check(grow, &g, 6, NULL);
    compare(&g.a, p, 1e-7, *state);
    parties_free(p);
    p = parties_new(HG_SEMI_HONEST, 6);
    g.a.rows = 0;
    assert_ok_err(parties_run(p, grow, &g), p->err[0]);
    parties_free(p);
    assert_int_equal(g.products[0] * 30 / 66, g.products[1]); /* 66 pairs; 66 - 36 new ones */
    g.first = 1;
    p = parties_check(grow, &g, 6, NULL);
    parties_free(p);
}

/* ---- failures ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    study a;
    long fault;
    bool done;
} faulty;

/* Each allocation of an observation fails once; the state must be what it was, and go on. */
static hg_status observe_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    faulty *f = p->user;
    hg_pool_state *s = NULL;
    unsigned char before[2][32], after[2][32];
    double e[STUDY_POOL] = { 0, 1 }, y = 2;
    hg_share onehot, value;
    hg_status st = study_all(&s, p, r, &f->a, err);
    if (st == HG_OK) st = hg_pool_state_digest(s, before, err);
    if (st == HG_OK) st = parties_share_doubles(&onehot, p, r, e, f->a.p, 0, L, err);
    if (st == HG_OK) st = parties_share_doubles(&value, p, r, &y, 1, HG_Y_FRACTION, L, err);
    if (st == HG_OK) {
        fail_alloc_after(f->fault);
        const hg_status observed = hg_pool_state_observe(r, s, &onehot, &value, err);
        fail_alloc_after(-1);
        f->done = observed == HG_OK;
        st = f->done || observed == HG_ENOMEM ? hg_pool_state_digest(s, after, err) : HG_EDATA;
        if (st == HG_OK && (memcmp(before, after, sizeof before) == 0) == f->done) st = HG_EDATA;
    }
    hg_pool_state_free(s);
    return st;
}

static void the_state_survives_any_failed_allocation(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        faulty f = { .a = make_study(HG_TIER_INDICES, k ? HG_ACQ_THOMPSON : HG_ACQ_UCB, 3, 2, 4) };
        f.a.model.n_length = 1;
        for (f.fault = 0; !f.done; f.fault += 3) {
            parties *p = parties_new(HG_PLAIN, 5);
            assert_ok_err(parties_run(p, observe_with_a_fault, &f), p->err[0]);
            parties_free(p);
        }
        assert_true(f.fault > 3); /* an arena of the release build asks for memory less often */
    }
}

static hg_status everything_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    parties_arm(p, r);
    return study_one_proposal(p, r, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++) {
        study a = make_study(tier, HG_ACQ_UCB, 2, 1, 4);
        a.model.sigma_levels = 4;
        parties_fail(everything_with_a_fault, &a, HG_PLAIN, HG_PLAIN, 8, 3);
        size_t index, at = 0;
        double gap, y = 1;
        for (long k = 0;; k++) {
            fail_alloc_after(k);
            const hg_status st = hg_pool_float(&index, &gap, &a.model, a.x, 2, 2, &at, &y, 1, NULL, 1, NULL);
            fail_alloc_after(-1);
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
        }
    }
}

/* A server that adds 1 to a product while a row is observed: found, and the row is gone. */
typedef struct {
    digests d;
    uint32_t round;
    bool hit;
} attack;

static void add_one(void *user, parties_message *m) {
    attack *a = user;
    if (m->received || m->party != 1 || m->side != HG_PREVIOUS || m->round != a->round || m->n == 0) return;
    m->bytes[0] ^= 1;
    a->hit = true;
}

static hg_status attacked(parties *p, hg_run *r, hg_err *err) {
    attack *a = p->user;
    hg_pool_state *s = NULL;
    const unsigned me = hg_run_party(r);
    HG_TRY(study_state(&s, p, r, &a->d.a, err));
    hg_status st = hg_pool_state_digest(s, a->d.digest[0][me], err);
    if (st == HG_OK) st = study_observe(s, p, r, &a->d.a, 0, err);
    if (st == HG_OK) st = hg_run_verify(r, err);
    hg_err ignored;
    if (st != HG_OK) {
        hg_pool_state_drop(s);
        if (hg_pool_state_digest(s, a->d.digest[1][me], &ignored) != HG_OK) st = HG_EDATA;
    }
    hg_pool_state_free(s);
    return st;
}

static void a_cheater_is_found_and_the_state_survives(void **state) {
    (void)state;
    size_t found = 0;
    for (uint32_t round = 2; round < 44; round += 2) {
        attack a = { .d.a = make_study(HG_TIER_INDICES, HG_ACQ_UCB, 4, 1, 4), .round = round };
        parties *p = parties_new(HG_MALICIOUS, 5);
        p->spy = add_one;
        p->spy_user = &a;
        const hg_status st = parties_run(p, attacked, &a);
        if (a.hit) {
            assert_int_equal(st, HG_ECHEAT);
            found++;
            for (unsigned i = 0; i < 3; i++) /* the check may pass on one server and fail on the others */
                if (p->status[i] != HG_OK) assert_memory_equal(a.d.digest[0][i], a.d.digest[1][i], 64);
        } else {
            assert_ok(st);
        }
        parties_free(p);
    }
    assert_true(found > 15);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------- */

static hg_status refused(parties *p, hg_run *r, hg_err *err) {
    const study *a = p->user;
    hg_pool_state *s = NULL;
    hg_share e, y, x;
    hg_bits index;
    bool all[STUDY_POOL];
    double zero[STUDY_POOL] = { 0 }, many[400] = { 0 };
    for (size_t i = 0; i < STUDY_POOL; i++) all[i] = true;
    HG_TRY(parties_share_doubles(&e, p, r, zero, a->p + 1, 0, L, err));
    HG_TRY(parties_share_doubles(&y, p, r, zero, 1, HG_Y_FRACTION, L, err));
    HG_TRY(parties_share_doubles(&x, p, r, zero, 4, HG_FRACTION, L, err));
    HG_TRY(study_state(&s, p, r, a, err));
    hg_status st = HG_OK;
    if (hg_pool_state_observe(r, s, &e, &y, err) != HG_EINVAL || !strstr(err->msg, "for a pool of 6")) st = HG_EDATA;
    if (hg_pool_state_grow(r, s, &x, 2, err) != HG_EINVAL || !strstr(err->msg, "public pool")) st = HG_EDATA;
    if (hg_pool_state_propose(&index, NULL, r, s, all, NULL, 0, err) != HG_EDATA) st = HG_EDATA;
    if (hg_pool_state_propose(&index, NULL, r, s, NULL, NULL, 0, err) != HG_EINVAL || !strstr(err->msg, "coin"))
        st = HG_EDATA;
    s->rows = HG_POOL_ROWS_MOST;
    const hg_share right = hg_share_view(&e, 0, a->p);
    if (hg_pool_state_observe(r, s, &right, &y, err) != HG_ELIMIT) st = HG_EDATA;
    s->rows = 0;
    s->copies = 3 - s->copies; /* as if made for another mode */
    if (hg_pool_state_observe(r, s, &right, &y, err) != HG_EINVAL || !strstr(err->msg, "this pool was made for"))
        st = HG_EDATA;
    s->copies = 3 - s->copies;
    hg_pool_state_free(s);
    if (hg_pool_state_new_secret(&s, r, &a->model, &x, 3, 2, err) != HG_EINVAL || s) st = HG_EDATA;
    hg_secret_model shortest = a->model; /* rounding would eat the noise */
    shortest.length[0] = 0.001;
    shortest.noise[0] = 1e-4;
    HG_TRY(parties_share_doubles(&x, p, r, many, 400, HG_FRACTION, L, err));
    if (hg_pool_state_new_secret(&s, r, &shortest, &x, 400, 1, err) != HG_ELIMIT || !strstr(err->msg, "rounded"))
        st = HG_EDATA;
    return st;
}

static void refuses_what_does_not_fit(void **state) {
    (void)state;
    study a = make_study(HG_TIER_INDICES, HG_ACQ_THOMPSON, 6, 0, 4);
    for (hg_mode mode = HG_PLAIN; mode <= HG_SEMI_HONEST; mode++) {
        parties *p = parties_new(mode, 5);
        assert_ok_err(parties_run(p, refused, &a), p->err[0]);
        parties_free(p);
    }
    hg_pool_state *s;
    hg_err err;
    double x[4] = { 0, NAN, 0, 0 };
    assert_int_equal(hg_pool_state_new(&s, &a.model, HG_PLAIN, x, 2, 2, &err), HG_ENAN);
    assert_null(s);
    x[1] = 1.5;
    assert_int_equal(hg_pool_state_new(&s, &a.model, HG_PLAIN, x, 2, 2, &err), HG_EDATA);
    assert_contains(err.msg, "feature 1 of entry 0 is 1.5");
    assert_int_equal(hg_pool_state_new(&s, &a.model, HG_PLAIN, x, 0, 2, &err), HG_EINVAL);
    assert_int_equal(hg_pool_state_new(&s, &a.model, HG_PLAIN, x, 5000, 2, &err), HG_ELIMIT);
    assert_contains(err.hint, "tier 1");
    size_t index, at = 9;
    double gap, y = 1;
    assert_int_equal(hg_pool_float(&index, &gap, &a.model, a.x, 6, 2, &at, &y, 1, NULL, 1, &err), HG_EINVAL);
    const bool none[6] = { true, true, true, true, true, true };
    assert_int_equal(hg_pool_float(&index, &gap, &a.model, a.x, 6, 2, &at, &y, 0, none, 1, &err), HG_EDATA);
    hg_pool_state_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_measurement_by_hand),
        TEST(many_measurements_match_a_dense_factor),
        TEST(a_long_campaign_stays_accurate),
        TEST(the_order_of_rows_does_not_matter),
        TEST(padding_changes_nothing),
        TEST(what_a_failed_run_conditioned_is_dropped),
        TEST(digests_cover_what_is_public),
        TEST(a_pool_grows_by_its_new_pairs),
        TEST(the_state_survives_any_failed_allocation),
        TEST(any_allocation_may_fail),
        TEST(a_cheater_is_found_and_the_state_survives),
        TEST(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
