/* tests/party/test_run_keys.c -- keys of a run: against HKDF written out by hand, and everything that must change them */
#include "party/encode.h"
#include "party/run_keys.h"
#include "test.h"
#include <sodium.h>

/* RFC 5869 with HMAC-SHA-256 of libsodium: extract, then one or two blocks of expand. */
static void hkdf_by_hand(unsigned char *out, size_t n, const unsigned char key[32], const unsigned char salt[32],
                         const char *info) {
    unsigned char prk[32], block[32], text[128];
    crypto_auth_hmacsha256(prk, key, 32, salt);
    const size_t len = strlen(info);
    assert_true(n <= 32 && len < 100);
    memcpy(text, info, len);
    text[len] = 1;
    crypto_auth_hmacsha256(block, text, len + 1, prk);
    memcpy(out, block, n);
}

static hg_run_seed some_seed(unsigned party) {
    hg_run_seed s = { .party = party, .attempt = 2 };
    for (unsigned i = 0; i < 32; i++) {
        s.job[i] = (unsigned char)(i + 100);
        for (unsigned k = 0; k < 3; k++) s.nonce[k][i] = (unsigned char)(i * 3 + k);
        s.exporter[HG_NEXT][i] = (unsigned char)(i + 10 * party);
        s.exporter[HG_PREVIOUS][i] =
            (unsigned char)(i + 10 * ((party + 2) % 3)); /* of the link that previous calls next */
    }
    return s;
}

static void keys_are_those_of_the_rfc(void **state) {
    (void)state;
    hg_run_opts o;
    unsigned char salt[32], text[3 * 32 + 32 + 4], slot[16], tag[32];
    const hg_run_seed s = some_seed(1);
    assert_ok(hg_run_keys_derive(&o, &s, NULL));
    memcpy(text, s.nonce, 96);
    memcpy(text + 96, s.job, 32);
    memcpy(text + 128, "\2\0\0\0", 4);
    hg_digest(salt, "run v1", text, sizeof text);
    hkdf_by_hand(slot, 16, s.exporter[HG_PREVIOUS], salt, "hagane slot v1");
    assert_memory_equal(o.key[1], slot, 16);
    hkdf_by_hand(slot, 16, s.exporter[HG_NEXT], salt, "hagane slot v1");
    assert_memory_equal(o.key[2], slot, 16);
    hkdf_by_hand(tag, 32, s.exporter[HG_NEXT], salt, "hagane tag v1");
    assert_memory_equal(o.tag_key[HG_NEXT], tag, 32);
    static const unsigned char none[16];
    assert_memory_equal(o.key[0], none, 16);
    assert_int_equal(o.party, 1);
    hg_run_keys_wipe(&o);
    assert_memory_equal(o.key[1], none, 16);
}

static void slots_are_shared_by_the_right_two(void **state) {
    (void)state;
    hg_run_opts o[3];
    for (unsigned i = 0; i < 3; i++) {
        const hg_run_seed s = some_seed(i);
        assert_ok(hg_run_keys_derive(&o[i], &s, NULL));
    }
    for (unsigned j = 0; j < 3; j++) {
        assert_memory_equal(o[j].key[j], o[(j + 2) % 3].key[j], HG_PRSS_KEY);
        assert_memory_equal(o[j].tag_key[HG_NEXT], o[(j + 1) % 3].tag_key[HG_PREVIOUS], 32);
        assert_memory_not_equal(o[j].key[j], o[j].key[(j + 1) % 3], HG_PRSS_KEY);
    }
}

/* Any other nonce, job, attempt or session: other keys, all of them. */
static void every_ingredient_counts(void **state) {
    (void)state;
    hg_run_opts one, two;
    hg_run_seed s = some_seed(0);
    assert_ok(hg_run_keys_derive(&one, &s, NULL));
    unsigned char *const part[] = { s.nonce[0], s.nonce[1], s.nonce[2], s.job, (unsigned char *)&s.attempt };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i] ^= 1;
        assert_ok(hg_run_keys_derive(&two, &s, NULL));
        *part[i] ^= 1;
        for (unsigned j = 0; j < 2; j++) {
            assert_memory_not_equal(one.key[j], two.key[j], HG_PRSS_KEY);
            assert_memory_not_equal(one.tag_key[j], two.tag_key[j], 32);
        }
    }
    s.exporter[HG_NEXT][31] ^= 1;
    assert_ok(hg_run_keys_derive(&two, &s, NULL));
    assert_memory_not_equal(one.key[1], two.key[1], HG_PRSS_KEY);
    assert_memory_equal(one.key[0], two.key[0], HG_PRSS_KEY); /* of the other link */
    s.party = 3;
    assert_int_equal(hg_run_keys_derive(&two, &s, NULL), HG_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keys_are_those_of_the_rfc),
        TEST(slots_are_shared_by_the_right_two),
        TEST(every_ingredient_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
