/* party/vault.c -- see party/vault.h */
#include "party/vault.h"
#include "core/memory.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

static const char SCHEMA[] = "CREATE TABLE secret(name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;";
static const char CHECK[] = "check"; /* the secret that tells a right master key from a wrong one */
enum { VERSION = 1, CHECK_BYTES = 17 };

struct hg_vault {
    hg_database *db;
    unsigned char master[HG_AEAD_KEY];
    unsigned party;
    hg_world world;
};

/* ---- authenticated encryption ---------------------------------------------------------------------------------------- */

static bool seal(EVP_CIPHER_CTX *c, unsigned char *sealed, const unsigned char *key, const unsigned char *nonce,
                 const void *about, int about_n, const void *plain, int n) {
    int got = 0, end = 0;
    return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
           EVP_EncryptUpdate(c, NULL, &got, about, about_n) == 1 && EVP_EncryptUpdate(c, sealed, &got, plain, n) == 1 &&
           got == n && EVP_EncryptFinal_ex(c, sealed + n, &end) == 1 && end == 0 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, HG_AEAD_TAG, sealed + n) == 1;
}

static bool unseal(EVP_CIPHER_CTX *c, unsigned char *plain, const unsigned char *key, const unsigned char *nonce,
                   const void *about, int about_n, const unsigned char *sealed, int n) {
    unsigned char tag[HG_AEAD_TAG];
    int got = 0, end = 0;
    memcpy(tag, sealed + n, sizeof tag);
    return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
           EVP_DecryptUpdate(c, NULL, &got, about, about_n) == 1 && EVP_DecryptUpdate(c, plain, &got, sealed, n) == 1 &&
           got == n && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, HG_AEAD_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(c, plain + n, &end) == 1 && end == 0;
}

hg_status hg_aead_seal(unsigned char *sealed, const unsigned char key[HG_AEAD_KEY],
                       const unsigned char nonce[HG_AEAD_NONCE], const void *about, size_t about_n, const void *plain,
                       size_t n, hg_err *err) {
    if (n > INT_MAX - HG_AEAD_TAG || about_n > INT_MAX)
        return hg_fail(err, HG_ELIMIT, "%zu bytes at once cannot be encrypted", n);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool good = c && seal(c, sealed, key, nonce, about, (int)about_n, plain, (int)n);
    EVP_CIPHER_CTX_free(c);
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "AES-256-GCM failed");
}

hg_status hg_aead_open(void *plain, const unsigned char key[HG_AEAD_KEY], const unsigned char nonce[HG_AEAD_NONCE],
                       const void *about, size_t about_n, const unsigned char *sealed, size_t n, hg_err *err) {
    if (n < HG_AEAD_TAG || n > INT_MAX || about_n > INT_MAX) return hg_fail(err, HG_EDATA, "%zu encrypted bytes", n);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c) return hg_fail(err, HG_ENOMEM, "no memory for AES-256-GCM");
    const bool good = unseal(c, plain, key, nonce, about, (int)about_n, sealed, (int)(n - HG_AEAD_TAG));
    EVP_CIPHER_CTX_free(c);
    if (good) return HG_OK;
    OPENSSL_cleanse(plain, n - HG_AEAD_TAG);
    return hg_fail(err, HG_EDATA, "encrypted bytes were changed, or belong to something else");
}

/* ---- one secret ---------------------------------------------------------------------------------------------------------- */

/* What a secret is: authenticated beside it. */
static size_t about(unsigned char out[HG_SECRET_NAME + 32], const hg_vault *v, const char *name) {
    const int n = snprintf((char *)out, HG_SECRET_NAME + 32, "hagane secret %u ", v->party);
    const size_t len = strlen(name);
    memcpy(out + n, name, len);
    return (size_t)n + len;
}

/* out[HG_AEAD_NONCE + n + HG_AEAD_TAG] */
static hg_status wrap(unsigned char *out, const hg_vault *v, const char *name, const void *bytes, size_t n,
                      hg_err *err) {
    unsigned char what[HG_SECRET_NAME + 32];
    HG_TRY(hg_world_random(&v->world, out, HG_AEAD_NONCE, err));
    return hg_aead_seal(out + HG_AEAD_NONCE, v->master, out, what, about(what, v, name), bytes, n, err);
}

static hg_status unwrap(unsigned char *out, const hg_vault *v, const char *name, const unsigned char *sealed, size_t n,
                        hg_err *err) {
    unsigned char what[HG_SECRET_NAME + 32];
    if (n < HG_AEAD_NONCE + HG_AEAD_TAG) return hg_fail(err, HG_EDATA, "a wrapped key of %zu bytes", n);
    return hg_aead_open(out, v->master, sealed, what, about(what, v, name), sealed + HG_AEAD_NONCE, n - HG_AEAD_NONCE,
                        err);
}

static hg_status write_secret(hg_vault *v, const char *name, const void *bytes, size_t n, bool replace, hg_err *err) {
    const size_t size = HG_AEAD_NONCE + n + HG_AEAD_TAG;
    unsigned char *sealed = hg_malloc(size, 1);
    if (!sealed) return hg_fail(err, HG_ENOMEM, "no memory to wrap a key");
    hg_status st = wrap(sealed, v, name, bytes, n, err);
    if (st == HG_OK)
        st = hg_database_run(v->db,
                             replace ? "INSERT OR REPLACE INTO secret(name, sealed) VALUES (?, ?)"
                                     : "INSERT OR IGNORE INTO secret(name, sealed) VALUES (?, ?)",
                             HG_VALUES(hg_value_text(name), hg_value_blob(sealed, size)), err);
    if (st == HG_OK && hg_database_changes(v->db) == 0)
        st = hg_fail(err, HG_EREFUSED, "there is a secret \"%s\" already", name);
    hg_free(sealed);
    return st;
}

hg_status hg_vault_put(hg_vault *v, const char *name, const void *bytes, size_t n, bool replace, hg_err *err) {
    if (strlen(name) >= HG_SECRET_NAME || n > HG_SECRET_MOST)
        return hg_fail(err, HG_ELIMIT, "a secret of %zu bytes, at most %d can be kept", n, (int)HG_SECRET_MOST);
    HG_TRY(hg_database_begin(v->db, err));
    return hg_database_end(v->db, write_secret(v, name, bytes, n, replace, err), err);
}

static hg_status read_secret(unsigned char **bytes, size_t *n, hg_vault *v, const char *name, hg_query *q,
                             hg_err *err) {
    bool row;
    size_t size;
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return hg_fail(err, HG_ENOTFOUND, "there is no secret \"%s\"", name);
    const unsigned char *sealed = hg_query_blob(&size, q, 0);
    unsigned char *plain = hg_malloc(size ? size : 1, 1);
    if (!plain) return hg_fail(err, HG_ENOMEM, "no memory to unwrap a key");
    const hg_status st = unwrap(plain, v, name, sealed, size, err);
    if (st != HG_OK) {
        hg_free(plain);
        return st;
    }
    *bytes = plain;
    *n = size - HG_AEAD_NONCE - HG_AEAD_TAG;
    return HG_OK;
}

hg_status hg_vault_take(unsigned char **bytes, size_t *n, hg_vault *v, const char *name, hg_err *err) {
    hg_query q;
    *bytes = NULL;
    *n = 0;
    HG_TRY(hg_query_begin(&q, v->db, "SELECT sealed FROM secret WHERE name = ?", HG_VALUES(hg_value_text(name)), err));
    const hg_status st = read_secret(bytes, n, v, name, &q, err);
    hg_query_end(&q);
    return st;
}

hg_status hg_vault_get(void *bytes, size_t n, hg_vault *v, const char *name, hg_err *err) {
    unsigned char *have;
    size_t size;
    HG_TRY(hg_vault_take(&have, &size, v, name, err));
    if (size == n) memcpy(bytes, have, n);
    OPENSSL_cleanse(have, size);
    hg_free(have);
    return size == n ? HG_OK : hg_fail(err, HG_EDATA, "the secret \"%s\" has %zu bytes, expected %zu", name, size, n);
}

/* ---- erasing ---------------------------------------------------------------------------------------------------------------- */

/* The next name after `name`, "" before the first: a walk that allows changes on the way. */
static hg_status next_name(bool *more, char name[HG_SECRET_NAME], hg_vault *v, hg_err *err) {
    hg_query q;
    char after[HG_SECRET_NAME];
    memcpy(after, name, sizeof after);
    HG_TRY(hg_query_begin(&q, v->db, "SELECT name FROM secret WHERE name > ? ORDER BY name LIMIT 1",
                          HG_VALUES(hg_value_text(after)), err));
    hg_status st = hg_query_next(more, &q, err);
    if (st == HG_OK && *more) st = hg_query_text(name, HG_SECRET_NAME, &q, 0, err);
    hg_query_end(&q);
    return st;
}

static hg_status sweep(size_t *erased, hg_vault *v, const char *prefix,
                       hg_status (*keep)(bool *, void *, const char *, hg_err *), void *user, hg_err *err) {
    char name[HG_SECRET_NAME] = "";
    const size_t n = strlen(prefix);
    snprintf(name, sizeof name, "%s", prefix);
    for (bool more = true;;) {
        HG_TRY(next_name(&more, name, v, err));
        if (!more || strncmp(name, prefix, n) != 0) return HG_OK;
        bool wanted = strcmp(name, CHECK) == 0;
        if (!wanted) HG_TRY(keep(&wanted, user, name, err));
        if (wanted) continue;
        HG_TRY(hg_database_run(v->db, "DELETE FROM secret WHERE name = ?", HG_VALUES(hg_value_text(name)), err));
        ++*erased;
    }
}

hg_status hg_vault_sweep(hg_vault *v, const char *prefix,
                         hg_status (*keep)(bool *keep, void *user, const char *name, hg_err *err), void *user,
                         hg_err *err) {
    size_t erased = 0;
    HG_TRY(hg_database_begin(v->db, err));
    HG_TRY(hg_database_end(v->db, sweep(&erased, v, prefix, keep, user, err), err));
    return erased ? hg_database_settle(v->db, err) : HG_OK;
}

/* ---- the master key ------------------------------------------------------------------------------------------------------- */

static hg_status rewrap(hg_vault *v, const hg_vault *with, hg_err *err) {
    char name[HG_SECRET_NAME] = "";
    for (bool more = true;;) {
        unsigned char *bytes;
        size_t n;
        HG_TRY(next_name(&more, name, v, err));
        if (!more) return HG_OK;
        HG_TRY(hg_vault_take(&bytes, &n, v, name, err));
        hg_vault new = *with; /* the same database, the new key */
        const hg_status st = write_secret(&new, name, bytes, n, true, err);
        OPENSSL_cleanse(&new, sizeof new);
        OPENSSL_cleanse(bytes, n);
        hg_free(bytes);
        HG_TRY(st);
    }
}

hg_status hg_vault_rekey(hg_vault *v, const unsigned char master[HG_AEAD_KEY], hg_err *err) {
    hg_vault with = *v;
    memcpy(with.master, master, sizeof with.master);
    hg_status st = hg_database_begin(v->db, err);
    if (st == HG_OK) st = hg_database_end(v->db, rewrap(v, &with, err), err);
    if (st == HG_OK) memcpy(v->master, master, sizeof v->master);
    OPENSSL_cleanse(&with, sizeof with);
    return st == HG_OK ? hg_database_settle(v->db, err) : st;
}

/* ---- opening ----------------------------------------------------------------------------------------------------------------- */

static hg_status check(hg_vault *v, unsigned char id[16], bool create, const char *path, hg_err *err) {
    unsigned char have[CHECK_BYTES];
    if (create) {
        memcpy(have, id, 16);
        have[16] = (unsigned char)v->party;
        return hg_vault_put(v, CHECK, have, sizeof have, true, err);
    }
    const hg_status st = hg_vault_get(have, sizeof have, v, CHECK, NULL);
    if (st == HG_EDATA || (st == HG_OK && have[16] != v->party))
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "%s: this master key does not open it as party %u", path, v->party),
                         "give the master key and the party's number that the folder was made with");
    if (st != HG_OK) return hg_fail(err, st, "%s: could not be read", path);
    memcpy(id, have, 16);
    return HG_OK;
}

hg_status hg_vault_open(hg_vault **out, const char *path, const unsigned char master[HG_AEAD_KEY], unsigned party,
                        unsigned char id[16], const hg_world *w, const hg_database_opts *o, hg_err *err) {
    *out = NULL;
    hg_vault *v = hg_calloc(1, sizeof *v);
    if (!v) return hg_fail(err, HG_ENOMEM, "no memory to open %s", path);
    hg_database_opts opts = *o;
    opts.version = VERSION;
    opts.schema = SCHEMA;
    v->party = party;
    v->world = *w;
    memcpy(v->master, master, sizeof v->master);
    hg_status st = hg_database_open(&v->db, path, &opts, err);
    if (st == HG_OK) st = check(v, id, o->create, path, err);
    if (st != HG_OK) {
        hg_vault_free(v);
        return st;
    }
    *out = v;
    return HG_OK;
}

void hg_vault_free(hg_vault *v) {
    if (!v) return;
    hg_database_free(v->db);
    OPENSSL_cleanse(v, sizeof *v);
    hg_free(v);
}
