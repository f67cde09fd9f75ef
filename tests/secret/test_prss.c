/* tests/secret/test_prss.c -- shared randomness: what it is, that two servers agree, that no block comes twice */
#include "secret/prss.h"
#include "test.h"
#include <openssl/evp.h>

static const unsigned char KEYS[HG_SLOTS][HG_PRSS_KEY] = { "0123456789abcde", "fedcba987654321", "a third, unknown" };
static const bool ALL[HG_SLOTS] = { true, true, true };

static hg_prss *open_with(const bool known[HG_SLOTS]) {
    hg_prss *p;
    assert_ok(hg_prss_new(&p, KEYS, known, NULL));
    return p;
}

/* The block cipher alone, in another mode of the library: block j of the stream is AES(key, purpose | draw | j). */
static void expected_words(uint64_t *words, size_t n, const unsigned char *key, unsigned purpose, uint64_t draw) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL), 1);
    for (size_t j = 0; 2 * j < n; j++) {
        unsigned char block[16] = { (unsigned char)purpose }, out[32];
        for (int i = 0; i < 7; i++) block[1 + i] = (unsigned char)(draw >> (48 - 8 * i));
        for (int i = 0; i < 8; i++) block[8 + i] = (unsigned char)((uint64_t)j >> (56 - 8 * i));
        int made;
        assert_int_equal(EVP_EncryptUpdate(c, out, &made, block, 16), 1);
        memcpy(words + 2 * j, out, 2 * j + 1 < n ? 16 : 8);
    }
    EVP_CIPHER_CTX_free(c);
}

static void a_draw_is_aes_of_purpose_draw_and_block(void **state) {
    (void)state;
    hg_prss *p = open_with(ALL);
    uint64_t got[301], want[301];
    for (unsigned purpose = HG_PRSS_ZERO; purpose < HG_PRSS_PURPOSES; purpose++)
        for (uint64_t turn = 0; turn < 3; turn++) {
            const uint64_t draw = hg_prss_draw(p, purpose);
            assert_int_equal(draw, turn); /* each purpose counts for itself */
            for (unsigned slot = 0; slot < HG_SLOTS; slot++) {
                assert_ok(hg_prss_fill(p, purpose, draw, slot, got, 301, NULL));
                expected_words(want, 301, KEYS[slot], purpose, draw);
                assert_memory_equal(got, want, sizeof got);
            }
        }
    const uint64_t far = ((uint64_t)1 << 56) - 1;
    assert_ok(hg_prss_fill(p, HG_PRSS_ZERO, far, 0, got, 4, NULL));
    expected_words(want, 4, KEYS[0], HG_PRSS_ZERO, far);
    assert_memory_equal(got, want, 4 * sizeof *got);
    hg_prss_free(p);
}

static void servers_that_share_a_key_draw_the_same(void **state) {
    (void)state;
    uint64_t a[9], b[9];
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        bool mine[HG_SLOTS] = { false }, theirs[HG_SLOTS] = { false };
        mine[j] = mine[(j + 1) % 3] = true; /* server j has keys j and j+1 */
        theirs[j] = theirs[(j + 2) % 3] = true;
        hg_prss *p = open_with(mine), *q = open_with(theirs);
        assert_true(hg_prss_known(p, j) && hg_prss_known(p, (j + 1) % 3) && !hg_prss_known(p, (j + 2) % 3));
        const uint64_t draw = hg_prss_draw(p, HG_PRSS_MASK);
        assert_int_equal(hg_prss_draw(q, HG_PRSS_MASK), draw);
        assert_ok(hg_prss_fill(p, HG_PRSS_MASK, draw, j, a, 9, NULL));
        assert_ok(hg_prss_fill(q, HG_PRSS_MASK, draw, j, b, 9, NULL));
        assert_memory_equal(a, b, sizeof a);
        assert_ok(hg_prss_fill(p, HG_PRSS_MASK, draw, (j + 1) % 3, b, 9, NULL));
        assert_memory_not_equal(a, b, sizeof a);
        hg_prss_free(p);
        hg_prss_free(q);
    }
}

static void a_block_that_would_come_twice_is_refused(void **state) {
    (void)state;
    const bool two[HG_SLOTS] = { true, true, false };
    hg_prss *p = open_with(two);
    uint64_t w[2];
    hg_err err;
    assert_ok(hg_prss_fill(p, HG_PRSS_ZERO, 5, 0, w, 2, NULL));
    assert_int_equal(hg_prss_fill(p, HG_PRSS_ZERO, 5, 0, w, 2, &err), HG_EINVAL);
    assert_string_equal(err.msg, "draw 5 of shared randomness is not new");
    assert_int_equal(hg_prss_fill(p, HG_PRSS_ZERO, 4, 0, w, 2, &err), HG_EINVAL);
    assert_ok(hg_prss_fill(p, HG_PRSS_ZERO, 5, 1, w, 2, NULL)); /* another key, another purpose: other blocks */
    assert_ok(hg_prss_fill(p, HG_PRSS_MASK, 5, 0, w, 2, NULL));
    assert_int_equal(hg_prss_fill(p, HG_PRSS_ZERO, (uint64_t)1 << 56, 0, w, 2, &err), HG_EINVAL);
    assert_int_equal(hg_prss_fill(p, HG_PRSS_ZERO, 6, 2, w, 2, &err), HG_EINVAL);
    assert_string_equal(err.msg, "this server does not have slot key 2");
    assert_int_equal(hg_prss_fill(p, HG_PRSS_ZERO, 6, 3, w, 2, &err), HG_EINVAL);
    hg_prss_free(p);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    for (long k = 0;; k++) {
        hg_prss *p = (hg_prss *)state;
        hg_err err;
        fail_alloc_after(k);
        const hg_status st = hg_prss_new(&p, KEYS, ALL, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            hg_prss_free(p);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(p);
        assert_contains(err.msg, "no memory");
    }
    hg_prss_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_draw_is_aes_of_purpose_draw_and_block),
        TEST(servers_that_share_a_key_draw_the_same),
        TEST(a_block_that_would_come_twice_is_refused),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
