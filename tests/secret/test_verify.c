/* tests/secret/test_verify.c -- the malicious mode: honest runs pass at a known price, cheating ones stop before anything opens */
#include "parties.h"
#include "secret/verify.h"

/* ---- a run with something of everything ------------------------------------------------------------------------------------ */

enum { ELEMENTS = 5, GATES = 100 };

static const uint64_t X[ELEMENTS * 3] = { 3, 0, 0, 5, 0, 0, 7, 0, 0, 11, 1, 0, 13, 0, 1 };
static const uint64_t BITS_X[2] = { 0xdeadbeefcafebabe, 0x123456789 }, BITS_Y[2] = { 0x0f1e2d3c4b5a6978, 0xabcdef012 };

/* Two widths, a chain of two products, three AND gates of 100 bits in two rounds, an opening of a masked value in the middle;
 * check; open. */
static hg_status everything(parties *p, hg_run *r, hg_err *err) {
    hg_share x, wide, narrow, y, z, mask;
    hg_bits a, b, c, d, e;
    HG_TRY(parties_share(&x, p, r, X, ELEMENTS, 3, err));
    HG_TRY(parties_share_bits(&a, p, r, BITS_X, GATES, err));
    HG_TRY(parties_share_bits(&b, p, r, BITS_Y, GATES, err));
    HG_TRY(hg_share_reduce(&narrow, r, &x, 2, err));
    HG_TRY(hg_mul(r, &wide, &x, &x, err));
    HG_TRY(hg_inner(r, &y, &narrow, &narrow, 1, ELEMENTS, err));
    HG_TRY(hg_and(r, &c, &a, &b, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_mul(r, &z, &wide, &x, err));
    HG_TRY(hg_and(r, &d, &c, &a, err));
    HG_TRY(hg_and(r, &e, &c, &c, err));
    HG_TRY(hg_run_round(r, err));
    uint64_t opened[3 * ELEMENTS], masked[3 * ELEMENTS], sum[2], bits[2];
    HG_TRY(hg_share_random(&mask, r, ELEMENTS, 3, err));
    hg_share_add(r, &mask, &mask, &z);
    HG_TRY(hg_open(r, masked, &mask, 192, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_run_verify(r, err));
    HG_TRY(hg_open(r, opened, &z, 128, err));
    HG_TRY(hg_open(r, sum, &y, 64, err));
    hg_bits_xor(r, &d, &d, &e);
    HG_TRY(hg_open_bits(r, bits, &d, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(parties_out_plain(p, r, "cubes", opened, 3 * ELEMENTS, err));
    HG_TRY(parties_out_plain(p, r, "masked", masked, 3 * ELEMENTS, err));
    HG_TRY(parties_out_plain(p, r, "sum", sum, 2, err));
    return parties_out_plain(p, r, "bits", bits, 2, err);
}

static void an_honest_run_passes_and_gives_the_plain_integers(void **state) {
    (void)state;
    hg_cost cost[2];
    parties *p = parties_check(everything, NULL, 3, cost);
    assert_int_equal(parties_value(p, "cubes")[3], 125);
    assert_int_equal(parties_value(p, "cubes")[0], 27);
    assert_int_equal(parties_value(p, "cubes")[10], 3 * 121); /* (11 + 2^64)^3 = 1331 + 363 2^64 modulo 2^128 */
    assert_int_equal(parties_value(p, "sum")[0], 9 + 25 + 49 + 121 + 169);
    const uint64_t c = BITS_X[0] & BITS_Y[0];
    assert_int_equal(parties_value(p, "bits")[0], (c & BITS_X[0]) ^ c);
    assert_int_equal(cost[0].rounds, 4);
    assert_int_equal(cost[1].rounds, 4 + 1 + 5); /* one for the MACs of inputs, five of the check */
    parties_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_honest_run_passes_and_gives_the_plain_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
