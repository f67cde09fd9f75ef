/* tests/secret/test_run.c -- shares, gates, rounds and their costs, by one party and by three servers */
#include "parties.h"
#include "secret/run.h"

enum { MOST = 200 };

/* ---- the gates against plain arithmetic ---------------------------------------------------------------------------------- */

typedef struct {
    unsigned limbs;
    size_t n;
    uint64_t x[MOST * 3], y[MOST * 3], one[3];
} numbers;

static numbers make_numbers(unsigned limbs, size_t n, uint64_t seed) {
    numbers a = { .limbs = limbs, .n = n };
    hg_rng rng = hg_rng_make(seed, 7);
    for (size_t i = 0; i < n * limbs; i++) {
        a.x[i] = hg_rng_u64(&rng);
        a.y[i] = hg_rng_u64(&rng);
    }
    for (unsigned l = 0; l < limbs; l++) a.one[l] = hg_rng_u64(&rng);
    return a;
}

static hg_status all_products(parties *p, hg_run *r, hg_err *err) {
    const numbers *a = p->user;
    hg_share x, y, one, z[6];
    HG_TRY(parties_share(&x, p, r, a->x, a->n, a->limbs, err));
    HG_TRY(parties_share(&y, p, r, a->y, a->n, a->limbs, err));
    HG_TRY(parties_share(&one, p, r, a->one, 1, a->limbs, err));
    HG_TRY(hg_mul(r, &z[0], &x, &y, err));
    HG_TRY(hg_mul(r, &z[1], &x, &one, err));
    HG_TRY(hg_inner(r, &z[2], &x, &y, 1, a->n, err));
    HG_TRY(hg_inner(r, &z[3], &x, &y, a->n / 10, 10, err));
    const hg_share row = hg_share_view(&y, 3, 10), b = hg_share_view(&y, 0, a->n / 10);
    HG_TRY(hg_inner(r, &z[4], &x, &row, a->n / 10, 10, err));
    HG_TRY(hg_mix(r, &z[5], &b, &x, a->n / 10, 10, err));
    HG_TRY(hg_run_round(r, err));
    static const char *const name[] = { "mul", "one", "inner", "rows", "row", "mix" };
    for (int i = 0; i < 6; i++) HG_TRY(parties_out(p, r, name[i], &z[i], err));
    return HG_OK;
}

static void products_are_products_in_every_width_and_mode(void **state) {
    (void)state;
    for (unsigned limbs = 1; limbs <= 3; limbs++) {
        numbers a = make_numbers(limbs, 60, limbs);
        hg_cost cost[2];
        parties *p = parties_check(all_products, &a, 5, cost);
        uint64_t z[MOST * 3] = { 0 };
        hg_ring_mul(z, a.x, a.y, a.n, limbs);
        assert_memory_equal(parties_value(p, "mul"), z, a.n * limbs * 8);
        hg_ring_scale(z, a.x, a.one, a.n, limbs);
        assert_memory_equal(parties_value(p, "one"), z, a.n * limbs * 8);
        memset(z, 0, sizeof z);
        hg_ring_dot_add(z, a.x, a.y, a.n, limbs);
        assert_memory_equal(parties_value(p, "inner"), z, limbs * 8);
        memset(z, 0, sizeof z);
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 10; j++)
                hg_ring_mul_add(z + j * limbs, a.y + i * limbs, a.x + (i * 10 + j) * limbs, 1, limbs);
        assert_memory_equal(parties_value(p, "mix"), z, 10 * limbs * 8);
        /* one round, one element an output: 60 + 60 + 1 + 6 + 6 + 10 */
        assert_int_equal(cost[0].rounds, 1);
        assert_int_equal(cost[0].messages, 1);
        assert_int_equal(cost[0].bytes, 143 * limbs * 8);
        assert_int_equal(cost[0].products, 143);
        /* two for each product, one for each input; three rounds of inputs */
        assert_int_equal(cost[1].rounds, 4);
        assert_int_equal(cost[1].bytes, (2 * 143 + 121) * limbs * 8);
        parties_free(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(products_are_products_in_every_width_and_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
