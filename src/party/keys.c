/* party/keys.c -- see party/keys.h */
#include "party/keys.h"
#include "core/number.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* scrypt: 16 MiB, and four times the work of OpenSSL's own default; 0.2 s a guess. More memory would need another limit. */
enum { SCRYPT_N = 1 << 14, SCRYPT_R = 8, SCRYPT_P = 4, SALT = 16, IV = 16, PASSPHRASE_MOST = 1024 };

hg_status hg_crypto_fail(hg_err *err, hg_status code, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    const unsigned long last = ERR_peek_last_error();
    const char *reason = last ? ERR_reason_error_string(last) : NULL;
    const bool memory = last && ERR_GET_REASON(last) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    return hg_fail(err, memory ? HG_ENOMEM : code, "%s%s%s", text, reason ? ": " : "", reason ? reason : "");
}

/* From seeds: the public halves, and the form that OpenSSL takes. */
static hg_status complete(hg_keys *k, const unsigned char seed[32], hg_err *err) {
    unsigned char public_key[HG_PUBLIC_KEY];
    if (sodium_init() < 0) return hg_fail(err, HG_EIO, "libsodium does not start");
    k->signing = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    if (!k->signing) return hg_crypto_fail(err, HG_EPARSE, "not an Ed25519 key");
    crypto_sign_seed_keypair(public_key, k->secret, seed);
    crypto_scalarmult_base(k->sealing_key, k->sealing);
    return HG_OK;
}

hg_status hg_keys_make(hg_keys *out, const hg_world *w, hg_err *err) {
    unsigned char seed[32];
    memset(out, 0, sizeof *out);
    hg_status st = hg_world_random(w, seed, sizeof seed, err);
    if (st == HG_OK) st = hg_world_random(w, out->sealing, sizeof out->sealing, err);
    if (st == HG_OK) st = complete(out, seed, err);
    OPENSSL_cleanse(seed, sizeof seed);
    if (st != HG_OK) hg_keys_wipe(out);
    return st;
}

void hg_keys_wipe(hg_keys *k) {
    EVP_PKEY_free(k->signing);
    OPENSSL_cleanse(k, sizeof *k);
    k->signing = NULL;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *p8, const void *passphrase, size_t n, const hg_world *w, hg_err *err) {
    unsigned char salt[SALT], iv[IV];
    if (hg_world_random(w, salt, sizeof salt, err) != HG_OK || hg_world_random(w, iv, sizeof iv, err) != HG_OK)
        return NULL;
    X509_ALGOR *how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, iv, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    X509_SIG *sealed = how ? PKCS8_set0_pbe(passphrase, (int)n, p8, how) : NULL;
    if (!sealed) {
        X509_ALGOR_free(how);
        (void)hg_crypto_fail(err, HG_EIO, "a key could not be encrypted");
    }
    return sealed;
}

static hg_status write_pem(BIO *out, EVP_PKEY *key, const void *passphrase, size_t n, const hg_world *w, hg_err *err) {
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    if (!p8) return hg_crypto_fail(err, HG_EIO, "a key could not be written");
    X509_SIG *sealed = passphrase ? encrypt(p8, passphrase, n, w, err) : NULL;
    hg_status st = HG_OK;
    if (passphrase && !sealed)
        st = err && err->code != HG_OK ? err->code : HG_EIO;
    else if ((sealed ? PEM_write_bio_PKCS8(out, sealed) : PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, p8)) != 1)
        st = hg_crypto_fail(err, HG_EIO, "a key could not be written");
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return st;
}

hg_status hg_key_pem(BIO **out, int type, const unsigned char secret[32], const void *passphrase, size_t passphrase_n,
                     const hg_world *w, hg_err *err) {
    *out = NULL;
    if (passphrase && (passphrase_n == 0 || passphrase_n > PASSPHRASE_MOST))
        return hg_fail(err, HG_EINVAL, "the passphrase has %zu bytes, expected 1 to %d", passphrase_n, PASSPHRASE_MOST);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(type, NULL, secret, 32);
    BIO *bio = key ? BIO_new(BIO_s_secmem()) : NULL;
    hg_status st = bio ? write_pem(bio, key, passphrase, passphrase_n, w, err)
                       : hg_crypto_fail(err, HG_ENOMEM, "no memory for a key");
    EVP_PKEY_free(key);
    if (st != HG_OK) {
        BIO_free(bio);
        return st;
    }
    *out = bio;
    return HG_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name; /* of the file */
    const void *passphrase;
    size_t passphrase_n;
    int type;
} key_file;

static EVP_PKEY *decrypt(const key_file *f, const unsigned char *der, long n, hg_err *err) {
    X509_SIG *sealed = d2i_X509_SIG(NULL, &der, n);
    if (!sealed) {
        (void)hg_crypto_fail(err, HG_EPARSE, "%s: is no PKCS#8 key", f->name);
        return NULL;
    }
    PKCS8_PRIV_KEY_INFO *p8 = PKCS8_decrypt(sealed, f->passphrase, (int)f->passphrase_n);
    EVP_PKEY *key = p8 ? EVP_PKCS82PKEY(p8) : NULL;
    PKCS8_PRIV_KEY_INFO_free(p8);
    X509_SIG_free(sealed);
    ERR_clear_error();
    if (!key)
        hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: the passphrase is wrong", f->name),
                  "the first line of --passphrase-file is it, with every blank in it");
    return key;
}

static EVP_PKEY *read_der(const key_file *f, const char *label, const unsigned char *der, long n, hg_err *err) {
    if (strcmp(label, PEM_STRING_PKCS8) == 0) {
        if (f->passphrase) return decrypt(f, der, n, err);
        hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: is encrypted", f->name),
                  "--passphrase-file FILE: its first line is the passphrase");
        return NULL;
    }
    if (strcmp(label, PEM_STRING_PKCS8INF) != 0) {
        hg_fail(err, HG_EPARSE, "%s: holds \"%.40s\", expected a private key", f->name, label);
        return NULL;
    }
    if (f->passphrase) { /* who gives one believes that the key needs it */
        hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: is not encrypted, but a passphrase was given for it", f->name),
                  "leave --passphrase-file out, if nobody has changed this file");
        return NULL;
    }
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, n);
    EVP_PKEY *key = p8 ? EVP_PKCS82PKEY(p8) : NULL;
    PKCS8_PRIV_KEY_INFO_free(p8);
    if (!key) (void)hg_crypto_fail(err, HG_EPARSE, "%s: is no PKCS#8 key", f->name);
    return key;
}

static hg_status read_secret(unsigned char secret[32], const key_file *f, const void *pem, size_t n, hg_err *err) {
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long der_n = 0;
    hg_err inner = { .code = HG_EPARSE };
    BIO *in = n <= 1 << 20 ? BIO_new_mem_buf(pem, (int)n) : NULL;
    EVP_PKEY *key = NULL;
    if (!in || PEM_read_bio(in, &label, &header, &der, &der_n) != 1)
        (void)hg_crypto_fail(&inner, HG_EPARSE, "%s: holds no key", f->name);
    else
        key = read_der(f, label, der, der_n, &inner);
    size_t size = 32;
    const bool fits =
        key && EVP_PKEY_get_id(key) == f->type && EVP_PKEY_get_raw_private_key(key, secret, &size) == 1 && size == 32;
    if (key && !fits)
        hg_fail(&inner, HG_EPARSE, "%s: holds another kind of key, expected %s", f->name,
                f->type == EVP_PKEY_ED25519 ? "Ed25519" : "X25519");
    EVP_PKEY_free(key);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, der_n > 0 ? (size_t)der_n : 0);
    BIO_free(in);
    if (fits) return HG_OK;
    if (err) *err = inner;
    return inner.code;
}

hg_status hg_keys_read(hg_keys *out, const char *signing_name, const void *signing, size_t n, const char *sealing_name,
                       const void *sealing, size_t sealing_n, const void *passphrase, size_t passphrase_n,
                       hg_err *err) {
    unsigned char seed[32];
    key_file f = { signing_name, passphrase, passphrase_n, EVP_PKEY_ED25519 };
    memset(out, 0, sizeof *out);
    if (passphrase && (passphrase_n == 0 || passphrase_n > PASSPHRASE_MOST))
        return hg_fail(err, HG_EINVAL, "the passphrase has %zu bytes, expected 1 to %d", passphrase_n, PASSPHRASE_MOST);
    hg_status st = read_secret(seed, &f, signing, n, err);
    f.name = sealing_name;
    f.type = EVP_PKEY_X25519;
    if (st == HG_OK && sealing) st = read_secret(out->sealing, &f, sealing, sealing_n, err);
    if (st == HG_OK) st = complete(out, seed, err);
    OPENSSL_cleanse(seed, sizeof seed);
    if (st != HG_OK) hg_keys_wipe(out);
    return st;
}
