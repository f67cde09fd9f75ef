/* tests/support/party.h -- what tests of party/ share: keys from numbers, a policy's text */
#ifndef HG_TEST_PARTY_H
#define HG_TEST_PARTY_H
#include "core/text.h"
#include "party/policy.h"

/* Signing and sealing keys that are the same in every run: member 0, 1, 2 are the servers, 3.. owners and users. */
typedef struct {
    unsigned char secret[HG_SECRET_KEY], key[HG_PUBLIC_KEY]; /* Ed25519 */
    unsigned char seal_secret[32], seal[HG_PUBLIC_KEY];      /* X25519 */
} test_keys;
void test_member_keys(test_keys *k, unsigned member);

enum { TEST_A = 3, TEST_B, TEST_C, TEST_FROM = 1735689600, TEST_NOW = 1750000000, TEST_UNTIL = 1767225600 };

/* A policy of project "magnets": servers s0 s1 s2, owners a and b, owner and user c; 6 x 6 pool on x, y in [0, 10], target "Hc" in
 * [0, 3] T. tier and mode as named in the text; `more`: lines for the end of it, or "". */
void test_policy_text(hg_text *to, const char *tier, const char *mode, const char *more);
hg_policy *test_policy(const char *tier, const char *mode,
                       const char *more); /* read; fails the test when it cannot be */
/* The canonical text with all owners' signatures. */
void test_policy_signed(hg_text *to, const hg_policy *p);
#endif
