/* party/certificate.c -- see party/certificate.h. Certificates are plain RFC 5280 with RFC 8410 keys; openssl x509 reads them. */
#include "party/certificate.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char URN[] = "urn:hagane:";

/* ---- certificates ------------------------------------------------------------------------------------------------------- */

static bool add_extension(STACK_OF(X509_EXTENSION) * *to, X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    const bool ok = e && (to ? X509v3_add_ext(to, e, -1) != NULL : X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
    return ok;
}

/* Names are checked words and the rest is ours: no comma can smuggle another entry into this list. */
static void names_value(char *value, size_t size, const hg_certificate *c) {
    char roles[HG_ROLES_SIZE], hex[2 * HG_PUBLIC_KEY + 1];
    hg_hex_write(hex, c->sealing_key, HG_PUBLIC_KEY);
    snprintf(value, size, "DNS:%s,URI:%s%s:%s", c->name, URN, hg_roles_text(roles, c->roles), hex);
}

static bool set_subject(X509_NAME *n, const char *name) {
    return n &&
           X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool set_key(X509 *x, const unsigned char key[HG_PUBLIC_KEY]) {
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, HG_PUBLIC_KEY);
    const bool ok = k && X509_set_pubkey(x, k) == 1;
    EVP_PKEY_free(k);
    return ok;
}

static bool set_serial(X509 *x, const unsigned char random[16]) {
    unsigned char bytes[16];
    memcpy(bytes, random, sizeof bytes);
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, always 16 bytes */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    const bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool set_extensions(X509 *x, X509 *issuer, const hg_certificate *c) {
    char names[256];
    const bool authority = c->roles == 0;
    names_value(names, sizeof names, c);
    bool ok = add_extension(NULL, x, issuer, NID_subject_key_identifier, "hash") &&
              add_extension(NULL, x, issuer, NID_authority_key_identifier, "keyid");
    if (authority)
        return ok && add_extension(NULL, x, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(NULL, x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    /* who is no server cannot play one: its certificate is for the client's side of TLS alone */
    const char *use = c->roles == HG_ROLE_SERVER ? "serverAuth,clientAuth" : "clientAuth";
    return ok && add_extension(NULL, x, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(NULL, x, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(NULL, x, issuer, NID_ext_key_usage, use) &&
           add_extension(NULL, x, issuer, NID_subject_alt_name, names);
}

hg_status hg_x509_make(X509 **out, const hg_x509_plan *plan, const hg_world *w, hg_err *err) {
    const hg_certificate *c = plan->subject;
    unsigned char random[16];
    *out = NULL;
    HG_TRY(hg_world_random(w, random, sizeof random, err));
    X509 *x = X509_new();
    const bool ok = x && X509_set_version(x, X509_VERSION_3) && set_serial(x, random) &&
                    set_subject(X509_get_subject_name(x), c->name) && set_key(x, c->signing_key) &&
                    X509_set_issuer_name(x, X509_get_subject_name(plan->issuer ? plan->issuer : x)) &&
                    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->not_before) &&
                    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)c->not_after) &&
                    set_extensions(x, plan->issuer ? plan->issuer : x, c) && X509_sign(x, plan->issuer_key, NULL) > 0;
    if (!ok) {
        X509_free(x);
        return hg_crypto_fail(err, HG_EIO, "the certificate of %s could not be made", c->name);
    }
    *out = x;
    return HG_OK;
}

hg_status hg_x509_read(X509 **out, const char *name, const void *pem, size_t n, hg_err *err) {
    *out = NULL;
    BIO *in = n <= 1 << 20 ? BIO_new_mem_buf(pem, (int)n) : NULL;
    if (in) *out = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO_free(in);
    return *out ? HG_OK : hg_crypto_fail(err, HG_EPARSE, "%s: holds no certificate", name);
}

static bool read_time(int64_t *seconds, const ASN1_TIME *t) {
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1) return false;
    *seconds = (int64_t)timegm(&tm);
    return true;
}

static bool read_key(unsigned char key[HG_PUBLIC_KEY], EVP_PKEY *k) {
    size_t n = HG_PUBLIC_KEY;
    return k && EVP_PKEY_get_id(k) == EVP_PKEY_ED25519 && EVP_PKEY_get_raw_public_key(k, key, &n) == 1 &&
           n == HG_PUBLIC_KEY;
}

/* Text of a name entry without NUL inside, into buf; "" when it does not fit. */
static const char *entry_text(char *buf, size_t size, const ASN1_STRING *s) {
    const int n = s ? ASN1_STRING_length(s) : -1;
    *buf = '\0';
    if (n < 0 || (size_t)n >= size || memchr(ASN1_STRING_get0_data(s), '\0', (size_t)n)) return buf;
    memcpy(buf, ASN1_STRING_get0_data(s), (size_t)n);
    buf[n] = '\0';
    return buf;
}

static bool read_urn(hg_certificate *out, const char *uri) {
    char roles[HG_ROLES_SIZE];
    if (strncmp(uri, URN, sizeof URN - 1) != 0) return false;
    uri += sizeof URN - 1;
    const char *colon = strchr(uri, ':');
    if (!colon || (size_t)(colon - uri) >= sizeof roles) return false;
    memcpy(roles, uri, (size_t)(colon - uri));
    roles[colon - uri] = '\0';
    return hg_roles_read(&out->roles, roles, NULL) == HG_OK &&
           hg_hex_read(out->sealing_key, HG_PUBLIC_KEY, colon + 1, strlen(colon + 1));
}

/* Exactly one DNS name and one of our URIs: a second entry could be read by somebody else as the name that counts. */
static hg_status read_names(hg_certificate *out, const GENERAL_NAMES *names, hg_err *err) {
    char text[256];
    size_t dns = 0, urn = 0;
    const int n = names ? sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type == GEN_DNS) {
            snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1,
                     entry_text(text, sizeof text, g->d.dNSName));
            HG_TRY(hg_name_check("the name in the certificate", text, err));
            dns++;
        } else if (g->type == GEN_URI) {
            urn += read_urn(out, entry_text(text, sizeof text, g->d.uniformResourceIdentifier));
        }
    }
    if (n == 2 && dns == 1 && urn == 1) return HG_OK;
    return hg_fail(err, HG_EPARSE,
                   "the certificate does not carry one name and one role, as the authority's tool writes them");
}

static hg_status read_dates(hg_certificate *out, X509 *x, hg_err *err) {
    if (read_time(&out->not_before, X509_get0_notBefore(x)) && read_time(&out->not_after, X509_get0_notAfter(x)))
        return HG_OK;
    return hg_crypto_fail(err, HG_EPARSE, "the certificate's dates cannot be read");
}

hg_status hg_x509_describe(hg_certificate *out, X509 *x, hg_err *err) {
    memset(out, 0, sizeof *out);
    if (!read_key(out->signing_key, X509_get0_pubkey(x)))
        return hg_crypto_fail(err, HG_EPARSE, "the certificate's key is not Ed25519");
    HG_TRY(read_dates(out, x, err));
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    const hg_status st = read_names(out, names, err);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return st;
}

hg_status hg_x509_describe_authority(hg_certificate *out, X509 *x, hg_err *err) {
    memset(out, 0, sizeof *out);
    if (!read_key(out->signing_key, X509_get0_pubkey(x)) || X509_check_ca(x) != 1 || X509_self_signed(x, 1) != 1)
        return hg_crypto_fail(err, HG_EPARSE, "is not the certificate of an authority");
    X509_NAME *subject = X509_get_subject_name(x);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) entry_text(out->name, sizeof out->name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    return read_dates(out, x, err);
}

hg_status hg_x509_check_issued(X509 *x, X509 *authority, hg_err *err) {
    hg_certificate c;
    HG_TRY(hg_x509_describe_authority(&c, authority, err));
    const bool ok = X509_check_issued(authority, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(authority)) == 1;
    ERR_clear_error();
    return ok ? HG_OK : hg_fail(err, HG_EREFUSED, "the certificate was not issued by the authority \"%s\"", c.name);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

hg_status hg_request_make(X509_REQ **out, const hg_certificate *subject, EVP_PKEY *key, hg_err *err) {
    char names[256];
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    X509_REQ *r = X509_REQ_new();
    names_value(names, sizeof names, subject);
    const bool ok = r && X509_REQ_set_version(r, X509_REQ_VERSION_1) &&
                    set_subject(X509_REQ_get_subject_name(r), subject->name) && X509_REQ_set_pubkey(r, key) &&
                    add_extension(&extensions, NULL, NULL, NID_subject_alt_name, names) &&
                    X509_REQ_add_extensions(r, extensions) && X509_REQ_sign(r, key, NULL) > 0;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    *out = ok ? r : NULL;
    if (ok) return HG_OK;
    X509_REQ_free(r);
    return hg_crypto_fail(err, HG_EIO, "the request of %s could not be made", subject->name);
}

static hg_status describe_request(hg_certificate *out, X509_REQ *r, hg_err *err) {
    EVP_PKEY *key = X509_REQ_get0_pubkey(r);
    if (!read_key(out->signing_key, key)) return hg_crypto_fail(err, HG_EPARSE, "the request's key is not Ed25519");
    if (X509_REQ_verify(r, key) != 1)
        return hg_crypto_fail(err, HG_EREFUSED, "the request is not signed by the key it asks for");
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(r);
    GENERAL_NAMES *names = extensions ? X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL) : NULL;
    const hg_status st = read_names(out, names, err);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ERR_clear_error();
    return st;
}

hg_status hg_request_read(hg_certificate *out, const void *pem, size_t n, hg_err *err) {
    memset(out, 0, sizeof *out);
    BIO *in = n <= 1 << 20 ? BIO_new_mem_buf(pem, (int)n) : NULL;
    X509_REQ *r = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    if (!r) return hg_crypto_fail(err, HG_EPARSE, "holds no certificate request");
    const hg_status st = describe_request(out, r, err);
    X509_REQ_free(r);
    return st;
}
