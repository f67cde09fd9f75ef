/* party/certificate.h -- X.509 in OpenSSL's types, for identity.c and tls.c alone
 *
 * Functions that make an OpenSSL object give NULL or the object to *out; the caller frees it with OpenSSL's function.
 */
#ifndef HG_PARTY_CERTIFICATE_H
#define HG_PARTY_CERTIFICATE_H
#include "party/identity.h"
#include "party/keys.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

typedef struct {
    const hg_certificate *subject; /* roles 0: an authority */
    X509 *issuer;                  /* NULL: the subject itself */
    EVP_PKEY *issuer_key;
} hg_x509_plan;
HG_MUST_CHECK hg_status hg_x509_make(X509 **out, const hg_x509_plan *plan, const hg_world *w, hg_err *err);
HG_MUST_CHECK hg_status hg_x509_read(X509 **out, const char *name, const void *pem, size_t n, hg_err *err);
/* What a member's certificate says; HG_EPARSE for one that is not of our making. */
HG_MUST_CHECK hg_status hg_x509_describe(hg_certificate *out, X509 *x, hg_err *err);
/* An authority's: roles 0, no sealing key. */
HG_MUST_CHECK hg_status hg_x509_describe_authority(hg_certificate *out, X509 *x, hg_err *err);
/* HG_EREFUSED unless `x` was signed by `authority`, and that is an authority. Dates are not looked at. */
HG_MUST_CHECK hg_status hg_x509_check_issued(X509 *x, X509 *authority, hg_err *err);

HG_MUST_CHECK hg_status hg_request_make(X509_REQ **out, const hg_certificate *subject, EVP_PKEY *key, hg_err *err);

/* Of a loaded identity; borrowed. */
X509 *hg_identity_x509(const hg_identity *id);
X509 *hg_identity_authority(const hg_identity *id);
EVP_PKEY *hg_identity_key(const hg_identity *id);
#endif
