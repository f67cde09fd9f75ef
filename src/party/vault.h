/* party/vault.h -- keys.db: small secrets, each wrapped by the master key, that can be destroyed one by one
 *
 * AES-256-GCM (OpenSSL EVP). A secret's name and the party are authenticated with it, so that one cannot be put in
 * another's place. Nonces are random, 96 bits; with n secrets written under one master key two meet with probability n^2 / 2^97,
 * and hg_vault_rekey starts anew. Erasing deletes (secure_delete overwrites) and empties the write-ahead log.
 */
#ifndef HG_PARTY_VAULT_H
#define HG_PARTY_VAULT_H
#include "core/text.h"
#include "files/database.h"
#include "party/encode.h"
#include "party/world.h"

enum { HG_AEAD_KEY = 32, HG_AEAD_NONCE = 12, HG_AEAD_TAG = 16, HG_SECRET_NAME = 192, HG_SECRET_MOST = 1 << 20 };

/* sealed[n + HG_AEAD_TAG]. A nonce must not come twice under one key. */
HG_MUST_CHECK hg_status hg_aead_seal(unsigned char *sealed, const unsigned char key[HG_AEAD_KEY],
                                     const unsigned char nonce[HG_AEAD_NONCE], const void *about, size_t about_n,
                                     const void *plain, size_t n, hg_err *err);
/* plain[n - HG_AEAD_TAG]. HG_EDATA: changed, or about something else; plain is then zero. */
HG_MUST_CHECK hg_status hg_aead_open(void *plain, const unsigned char key[HG_AEAD_KEY],
                                     const unsigned char nonce[HG_AEAD_NONCE], const void *about, size_t about_n,
                                     const unsigned char *sealed, size_t n, hg_err *err);

typedef struct hg_vault hg_vault;
/* id: binds keys.db to its party.db; taken when created, given back when opened. HG_EREFUSED: wrong master key or party. */
HG_MUST_CHECK hg_status hg_vault_open(hg_vault **out, const char *path, const unsigned char master[HG_AEAD_KEY],
                                      unsigned party, unsigned char id[16], const hg_world *w,
                                      const hg_database_opts *o, hg_err *err);
void hg_vault_free(hg_vault *v); /* wipes the master key */

/* Durable. replace: over an earlier one of that name, else HG_EREFUSED. */
HG_MUST_CHECK hg_status hg_vault_put(hg_vault *v, const char *name, const void *bytes, size_t n, bool replace,
                                     hg_err *err);
HG_MUST_CHECK hg_status hg_vault_get(void *bytes, size_t n, hg_vault *v, const char *name,
                                     hg_err *err); /* exactly n; HG_ENOTFOUND */
/* *bytes is yours (hg_free after wiping), any size. */
HG_MUST_CHECK hg_status hg_vault_take(unsigned char **bytes, size_t *n, hg_vault *v, const char *name, hg_err *err);
/* Erases every secret whose name begins with prefix and is not wanted by keep(); one transaction. */
HG_MUST_CHECK hg_status hg_vault_sweep(hg_vault *v, const char *prefix,
                                       hg_status (*keep)(bool *keep, void *user, const char *name, hg_err *err),
                                       void *user, hg_err *err);
HG_MUST_CHECK hg_status hg_vault_rekey(hg_vault *v, const unsigned char master[HG_AEAD_KEY], hg_err *err);
#endif
