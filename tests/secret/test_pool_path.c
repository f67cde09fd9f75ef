/* tests/secret/test_pool_path.c -- Thompson's path: drawn from the prior, conditioned on hidden measurements */
#include "pool_study.h"
#include "secret/truncate.h"

typedef struct {
    study a;
    size_t theta;
} chosen;

static hg_status path_of(parties *p, hg_run *r, hg_err *err) {
    const chosen *c = p->user;
    hg_pool_state *s = NULL;
    hg_share b, seed, path;
    double onehot[HG_POOLS_MOST] = { 0 };
    onehot[c->theta] = 1;
    hg_status st = study_all(&s, p, r, &c->a, err);
    if (st == HG_OK) st = parties_share_doubles(&b, p, r, onehot, s->g, 0, L, err);
    if (st == HG_OK) st = parties_share(&seed, p, r, &c->a.seed, 1, 1, err);
    if (st == HG_OK) st = hg_truncation_prepare(r, hg_pool_path_truncations(s, s->rows), HG_POOL_FRACTION, L, err);
    if (st == HG_OK) st = hg_pool_path_given(&path, r, s, &b, &seed, err);
    if (st == HG_OK && hg_truncation_left(r)) st = hg_fail(err, HG_EINVAL, "masks were not used up");
    if (st == HG_OK) st = parties_out(p, r, "path", &path, err);
    hg_pool_state_free(s);
    return st;
}

static void compare(chosen *c, double tolerance, hg_arena *arena) {
    dense exact;
    const hg_mark mark = hg_arena_mark(arena);
    study_dense(&exact, &c->a, c->theta, arena);
    hg_arena_reset(arena, mark);
    parties *p = parties_check(path_of, c, 5, NULL);
    for (size_t i = 0; i < c->a.p; i++)
        assert_close(parties_double(p, "path", i, HG_POOL_FRACTION), exact.path[i], tolerance);
    parties_free(p);
}

/* Each theta, public and secret features, with a padding row in the middle. */
static void a_path_goes_through_the_measurements(void **state) {
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++)
        for (size_t theta = 0; theta < 4; theta++) {
            chosen c = { make_study(tier, HG_ACQ_THOMPSON, 9, 6, theta), theta };
            c.a.at[3] = c.a.p;
            compare(&c, 3e-7, *state);
        }
}

static void without_measurements_it_is_the_prior(void **state) {
    for (hg_tier tier = HG_TIER_INDICES; tier <= HG_TIER_COMPOSITIONS; tier++) {
        chosen c = { make_study(tier, HG_ACQ_THOMPSON, 5, 0, 1), 2 };
        compare(&c, 1e-7, *state);
    }
}

/* Angles are opened under masks: with the same path and other keys nothing of them repeats. */
static void squared_exponential_and_long_lengths(void **state) {
    chosen c = { make_study(HG_TIER_COMPOSITIONS, HG_ACQ_THOMPSON, 7, 4, 3), 3 };
    c.a.model.matern = false;
    c.a.model.length[0] = 0.05; /* many turns */
    c.a.model.length[1] = 5;
    compare(&c, 3e-7, *state);
    c.theta = 0;
    compare(&c, 3e-7, *state);
}

static hg_status path_with_a_fault(parties *p, hg_run *r, hg_err *err) {
    parties_arm(p, r);
    return path_of(p, r, err);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    chosen c = { make_study(HG_TIER_COMPOSITIONS, HG_ACQ_THOMPSON, 2, 1, 3), 0 };
    c.a.model.n_length = c.a.model.n_noise = 1;
    parties_fail(path_with_a_fault, &c, HG_PLAIN, HG_PLAIN, 8, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_path_goes_through_the_measurements),
        TEST(without_measurements_it_is_the_prior),
        TEST(squared_exponential_and_long_lengths),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
