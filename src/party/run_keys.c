/* party/run_keys.c -- see party/run_keys.h */
#include "party/run_keys.h"
#include "party/keys.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <sodium.h>
#include <string.h>

/* ---- derivation --------------------------------------------------------------------------------------------------------- */

/* What all three agree on in this attempt: salt of every key, and what is compared in the second round. */
static void session_digest(unsigned char digest[HG_DIGEST], const hg_run_seed *s) {
    unsigned char text[HG_SERVERS * HG_RUN_NONCE + HG_DIGEST + 4];
    memcpy(text, s->nonce, HG_SERVERS * HG_RUN_NONCE);
    memcpy(text + HG_SERVERS * HG_RUN_NONCE, s->job, HG_DIGEST);
    for (size_t i = 0; i < 4; i++)
        text[HG_SERVERS * HG_RUN_NONCE + HG_DIGEST + i] = (unsigned char)(s->attempt >> 8 * i);
    hg_digest(digest, "run v1", text, sizeof text);
}

static bool hkdf(unsigned char *out, size_t n, const unsigned char key[32], const unsigned char salt[HG_DIGEST],
                 const char *info) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    /* OSSL_PARAM has no const; none of these is written to */
    const OSSL_PARAM p[] = { OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, 32),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, HG_DIGEST),
                             OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info,
                                                               strlen(info)),
                             OSSL_PARAM_construct_end() };
    const bool ok = ctx && EVP_KDF_derive(ctx, out, n, p) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

hg_status hg_run_keys_derive(hg_run_opts *o, const hg_run_seed *seed, hg_err *err) {
    unsigned char salt[HG_DIGEST];
    const unsigned i = seed->party, next = (i + 1) % HG_SLOTS;
    if (i >= HG_SLOTS) return hg_fail(err, HG_EINVAL, "party %u, expected 0, 1 or 2", i);
    session_digest(salt, seed);
    hg_run_keys_wipe(o);
    o->party = i;
    /* slot key j lives on the link between j-1 and j: for j = i that is the link to previous, for j = i+1 the one to next */
    if (hkdf(o->key[i], HG_PRSS_KEY, seed->exporter[HG_PREVIOUS], salt, "hagane slot v1") &&
        hkdf(o->key[next], HG_PRSS_KEY, seed->exporter[HG_NEXT], salt, "hagane slot v1") &&
        hkdf(o->tag_key[HG_PREVIOUS], 32, seed->exporter[HG_PREVIOUS], salt, "hagane tag v1") &&
        hkdf(o->tag_key[HG_NEXT], 32, seed->exporter[HG_NEXT], salt, "hagane tag v1"))
        return HG_OK;
    hg_run_keys_wipe(o);
    return hg_crypto_fail(err, HG_EIO, "the keys of a run could not be derived");
}

void hg_run_keys_wipe(hg_run_opts *o) {
    OPENSSL_cleanse(o->key, sizeof o->key);
    OPENSSL_cleanse(o->tag_key, sizeof o->tag_key);
}

/* ---- agreement ---------------------------------------------------------------------------------------------------------- */

static hg_status both_ways(hg_channel *c, uint32_t round, const void *out, void *from_next, void *from_previous,
                           size_t n, hg_err *err) {
    const hg_exchange x = { .out = { [HG_NEXT] = out, [HG_PREVIOUS] = out },
                            .out_n = { n, n },
                            .in = { [HG_NEXT] = from_next, [HG_PREVIOUS] = from_previous },
                            .in_n = { n, n } };
    return c->exchange(c->self, HG_PHASE_HELLO, round, &x, err);
}

static hg_status agree(hg_run_seed *s, hg_channel *c, uint32_t first, const hg_world *w, hg_err *err) {
    unsigned char ours[HG_DIGEST], theirs[HG_NEIGHBOURS][HG_DIGEST];
    const unsigned i = s->party;
    HG_TRY(hg_world_random(w, s->nonce[i], HG_RUN_NONCE, err));
    HG_TRY(both_ways(c, first, s->nonce[i], s->nonce[(i + 1) % 3], s->nonce[(i + 2) % 3], HG_RUN_NONCE, err));
    session_digest(ours, s);
    HG_TRY(both_ways(c, first + 1, ours, theirs[HG_NEXT], theirs[HG_PREVIOUS], HG_DIGEST, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        if (sodium_memcmp(ours, theirs[k], HG_DIGEST) != 0)
            return hg_fail(err, HG_ECHEAT, "the servers do not start the same run: nonces, job or attempt differ");
    return HG_OK;
}

hg_status hg_run_keys_agree(hg_run_opts *o, hg_channel *channel, unsigned party, hg_link *next, hg_link *previous,
                            const unsigned char job[HG_DIGEST], uint32_t attempt, uint32_t first, const hg_world *w,
                            hg_err *err) {
    hg_run_seed s = { .party = party, .attempt = attempt };
    if (party >= HG_SLOTS) return hg_fail(err, HG_EINVAL, "party %u, expected 0, 1 or 2", party);
    memcpy(s.job, job, HG_DIGEST);
    hg_status st = hg_link_export(s.exporter[HG_NEXT], next, HG_RUN_LABEL, err);
    if (st == HG_OK) st = hg_link_export(s.exporter[HG_PREVIOUS], previous, HG_RUN_LABEL, err);
    if (st == HG_OK) st = agree(&s, channel, first, w, err);
    if (st == HG_OK) st = hg_run_keys_derive(o, &s, err);
    OPENSSL_cleanse(&s, sizeof s);
    return st;
}
