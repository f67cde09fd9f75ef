/* tests/support/party.c -- see party.h */
#include "party.h"
#include "test.h"
#include <sodium.h>

void test_member_keys(test_keys *k, unsigned member) {
    unsigned char seed[32] = { 0 };
    seed[0] = (unsigned char)(member + 1);
    crypto_sign_seed_keypair(k->key, k->secret, seed);
    seed[1] = 1;
    crypto_box_seed_keypair(k->seal, k->seal_secret, seed);
}

static void put_hex(hg_text *to, const unsigned char *bytes) {
    for (size_t i = 0; i < HG_PUBLIC_KEY; i++) hg_text_add(to, "%02x", bytes[i]);
}

void test_policy_text(hg_text *to, const char *tier, const char *mode, const char *more) {
    static const char *const NAMES[] = { "s0", "s1", "s2", "a", "b", "c" };
    hg_text_add(to,
                "hagane policy: 1\n"
                "project: magnets\n"
                "tier: %s\n"
                "mode: %s\n"
                "valid: {from: 2025-01-01, until: 2026-01-01}\n"
                "target: {column: Hc, unit: T, goal: maximize, low: 0, high: 3}\n"
                "features:\n"
                "  - {column: x, low: 0, high: 10}\n"
                "  - {column: y, low: 0, high: 10}\n",
                tier, mode);
    if (strcmp(tier, "compositions") != 0) {
        hg_text_add(to, "pool:\n  id: name\n  rows: |\n    name,x,y\n");
        for (unsigned i = 0; i < 36; i++) hg_text_add(to, "    M%u,%u,%u\n", i, i % 6 * 2, i / 6 * 2);
    }
    hg_text_add(to, "members:\n");
    for (unsigned i = 0; i < 6; i++) {
        test_keys k;
        test_member_keys(&k, i);
        hg_text_add(to, "  - {name: %s, roles: [%s], key: ", NAMES[i],
                    i < 3   ? "server"
                    : i < 5 ? "owner"
                            : "owner, user");
        put_hex(to, k.key);
        if (i < 3) {
            hg_text_add(to, ", seal: ");
            put_hex(to, k.seal);
        }
        hg_text_add(to, "}\n");
    }
    hg_text_add(to, "%s", more);
}

hg_policy *test_policy(const char *tier, const char *mode, const char *more) {
    hg_text text = hg_text_new(0);
    hg_policy *p;
    hg_err err;
    test_policy_text(&text, tier, mode, more);
    assert_ok_err(hg_policy_read(&p, "policy.yaml", text.s, text.len, &err), err);
    hg_text_free(&text);
    return p;
}

void test_policy_signed(hg_text *to, const hg_policy *p) {
    hg_text with = hg_text_new(0), next;
    assert_ok(hg_policy_write(&with, p, NULL));
    for (unsigned i = TEST_A; i <= TEST_C; i++) {
        test_keys k;
        test_member_keys(&k, i);
        next = hg_text_new(0);
        assert_ok(hg_policy_sign(&next, p, with.s, with.len, k.secret, NULL));
        hg_text_free(&with);
        with = next;
    }
    hg_text_put(to, with.s, with.len);
    hg_text_free(&with);
}
