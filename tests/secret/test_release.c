/* tests/secret/test_release.c -- secret/release.h: the step that holds a mean, from the servers, the plain party and by hand */
#include "secret/release.h"
#include "parties.h"
#include "secret/gp_grid.h"
#include "secret/verify.h"
#include "tier1_problem.h"

enum { FRACTION = 48, WIDTH = 64 };

typedef struct {
    unsigned bits;
    double mean[5];
    size_t chosen;
} release;

static hg_status tell(parties *p, hg_run *r, hg_err *err) {
    const release *a = p->user;
    uint64_t one[5] = { 0 };
    hg_share onehot, mean;
    hg_bits level;
    one[a->chosen] = 1;
    uint64_t wide[10] = { 0 };
    for (size_t i = 0; i < 5; i++) wide[2 * i] = one[i];
    HG_TRY(parties_share(&onehot, p, r, wide, 5, 2, err));
    HG_TRY(parties_share_doubles(&mean, p, r, a->mean, 5, FRACTION, 2, err));
    HG_TRY(hg_release_mean(&level, r, &onehot, &mean, FRACTION, WIDTH, a->bits, err));
    HG_TRY(hg_run_verify(r, err));
    return parties_out_bits(p, r, "level", &level, err);
}

static size_t level_of(double mean, unsigned bits) {
    const double at = floor((mean + 8) / 16 * ldexp(1, (int)bits));
    return (size_t)fmax(0, fmin(at, ldexp(1, (int)bits) - 1));
}

static void a_step_is_the_floor_and_the_ends_hold_what_lies_beyond(void **state) {
    (void)state;
    static const double MEAN[5] = { -8.5, -8, 0, 3.999999999, 12 };
    static const size_t BY_HAND[5] = { 0, 0, 4, 5, 7 }; /* of 8 steps of 2 units from -8 on */
    static const unsigned BITS[] = { 1, 3, 8 };
    for (size_t k = 0; k < 3; k++)
        for (size_t chosen = 0; chosen < 5; chosen++) {
            release a = { .bits = BITS[k], .chosen = chosen };
            memcpy(a.mean, MEAN, sizeof MEAN);
            parties *p = parties_check(tell, &a, 10 * k + chosen, NULL);
            assert_int_equal(parties_size(p, "level"), BITS[k]);
            assert_int_equal(parties_value(p, "level")[0], level_of(MEAN[chosen], BITS[k]));
            if (BITS[k] == 3) assert_int_equal(parties_value(p, "level")[0], BY_HAND[chosen]);
            parties_free(p);
        }
}

static hg_status propose_and_tell(parties *s, hg_run *r, hg_err *err) {
    const problem *p = s->user;
    hg_share y;
    hg_bits index, level;
    const hg_t1_opts o = { .excluded = p->excluded, .release = 6, .level = &level };
    HG_TRY(parties_share_doubles(&y, s, r, p->y, p->n, HG_Y_FRACTION, 3, err));
    HG_TRY(hg_t1_propose(&index, r, p->tables, &y, &o, err));
    HG_TRY(hg_run_verify(r, err));
    HG_TRY(parties_out_bits(s, r, "index", &index, err));
    return parties_out_bits(s, r, "level", &level, err);
}

static void the_mean_beside_a_proposal_is_that_of_doubles(void **state) {
    (void)state;
    static const hg_acquisition ACQUISITIONS[] = { HG_ACQ_UCB, HG_ACQ_PI, HG_ACQ_EI };
    for (size_t k = 0; k < 3; k++) {
        problem q = problem_make(ACQUISITIONS[k], 24, 6, 40 + k);
        problem_shrink(&q);
        problem_tables(&q, NULL);
        double gap, mean;
        size_t index;
        const hg_t1_opts o = { .excluded = q.excluded, .mean = &mean };
        assert_ok(hg_t1_float(&index, &gap, NULL, q.tables, q.y, &o, NULL));
        assert_true(gap > 1e-5);
        parties *s = parties_check(propose_and_tell, &q, k, NULL);
        assert_int_equal(parties_value(s, "index")[0], index);
        assert_int_equal(parties_value(s, "level")[0], level_of(mean, 6));
        parties_free(s);
        hg_t1_tables_free(q.tables);
    }
}

static hg_status refused(parties *p, hg_run *r, hg_err *err) {
    uint64_t word[2] = { 1 };
    hg_share x;
    hg_bits level;
    HG_TRY(parties_share(&x, p, r, word, 1, 2, err));
    for (unsigned bits = 0; bits <= HG_RELEASE_MOST + 1; bits += HG_RELEASE_MOST + 1)
        if (hg_release_mean(&level, r, &x, &x, FRACTION, WIDTH, bits, err) != HG_EINVAL) return HG_EDATA;
    return HG_OK;
}

static void no_bit_and_too_many_are_refused(void **state) {
    (void)state;
    parties *p = parties_new(HG_PLAIN, 1);
    assert_ok_err(parties_run(p, refused, NULL), p->err[0]);
    assert_contains(p->err[0].msg, "9 bits of a mean cannot be released");
    parties_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_the_floor_and_the_ends_hold_what_lies_beyond),
        cmocka_unit_test(the_mean_beside_a_proposal_is_that_of_doubles),
        cmocka_unit_test(no_bit_and_too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
