/* party/keys.h -- a member's secret keys and their PEM files, for identity.c */
#ifndef HG_PARTY_KEYS_H
#define HG_PARTY_KEYS_H
#include "party/encode.h"
#include "party/world.h"
#include <openssl/bio.h>
#include <openssl/evp.h>

/* OpenSSL's last reason behind the sentence; its error queue is empty afterwards. */
hg_status hg_crypto_fail(hg_err *err, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);

typedef struct {
    EVP_PKEY *signing;                                     /* Ed25519, with the secret */
    unsigned char secret[HG_SECRET_KEY];                   /* the same for libsodium */
    unsigned char sealing[32], sealing_key[HG_PUBLIC_KEY]; /* X25519: secret, public */
} hg_keys;
HG_MUST_CHECK hg_status hg_keys_make(hg_keys *out, const hg_world *w, hg_err *err);
/* From PEM texts; `sealing` may be NULL (an authority has none). The names are for messages. */
HG_MUST_CHECK hg_status hg_keys_read(hg_keys *out, const char *signing_name, const void *signing, size_t n,
                                     const char *sealing_name, const void *sealing, size_t sealing_n,
                                     const void *passphrase, size_t passphrase_n, hg_err *err);
void hg_keys_wipe(hg_keys *k);

/* PEM of a secret key, Ed25519 or X25519 (an EVP_PKEY id); a memory BIO that wipes itself. */
HG_MUST_CHECK hg_status hg_key_pem(BIO **out, int type, const unsigned char secret[32], const void *passphrase,
                                   size_t passphrase_n, const hg_world *w, hg_err *err);
#endif
