/* tests/fuzz/party_policy.h -- a policy whose members' secret keys the fuzz targets know: 32-byte seeds that begin with 1, 2 ... */
#ifndef HG_FUZZ_PARTY_POLICY_H
#define HG_FUZZ_PARTY_POLICY_H
#include "party/policy.h"
#include <sodium.h>
#include <stdlib.h>

enum { FUZZ_OWNER = 3 /* "a", owner and user */, FUZZ_MEMBERS };

static inline void fuzz_keys(unsigned char secret[HG_SECRET_KEY], unsigned char seal_secret[32], unsigned char key[32],
                             unsigned char seal[32], unsigned member) {
    unsigned char seed[32] = { (unsigned char)(member + 1) };
    crypto_sign_seed_keypair(key, secret, seed);
    seed[1] = 1;
    crypto_box_seed_keypair(seal, seal_secret, seed);
}

/* Made once, never freed. tier as in the text. No default of the model is used: seeds hold the digest. */
static inline const hg_policy *fuzz_policy(const char *tier) {
    hg_text t = hg_text_new(0);
    hg_policy *p;
    hg_text_add(
        &t,
        "hagane policy: 1\nproject: p\ntier: %s\nmode: malicious\nvalid: {from: 2025-01-01, until: 2035-01-01}\n"
        "target: {column: z, low: -1, high: 1}\nfeatures: [{column: x, low: 0, high: 100}]\n"
        "model: {kernel: rbf, lengths: [0.1, 1], noises: [0.01], acquisition: ucb, noise floor: 0.0001, length median: 0.5, "
        "length sd: 1, noise median: 0.01, noise sd: 2, kappa: 2, sigma low: -160, sigma levels: 200, fixed: false}\n"
        "limits: {least candidates: 2, proposals per query: 8, release bits: 2, padding: 1%s}\n",
        tier, tier[0] == 'c' ? ", entries: 70" : "");
    if (tier[0] != 'c') hg_text_add(&t, "pool:\n  rows: |\n    x\n");
    for (unsigned i = 0; tier[0] != 'c' && i < 70; i++) hg_text_add(&t, "    %u\n", i);
    hg_text_add(&t, "members:\n");
    for (unsigned i = 0; i < FUZZ_MEMBERS; i++) {
        unsigned char secret[HG_SECRET_KEY], seal_secret[32], key[32], seal[32];
        char hex[65], seal_hex[65];
        fuzz_keys(secret, seal_secret, key, seal, i);
        hg_hex_write(hex, key, 32);
        hg_hex_write(seal_hex, seal, 32);
        if (i < FUZZ_OWNER)
            hg_text_add(&t, "  - {name: s%u, roles: [server], key: %s, seal: %s}\n", i, hex, seal_hex);
        else
            hg_text_add(&t, "  - {name: a, roles: [owner, user], key: %s}\n", hex);
    }
    if (hg_policy_read(&p, "fuzz", t.s, t.len, NULL) != HG_OK) abort();
    hg_text_free(&t);
    return p;
}
#endif
