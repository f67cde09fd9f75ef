/* party/identity.h -- who a member is: keys, a certificate, signatures
 *
 * A member (a server, an owner, a user) is one folder that never leaves its organisation:
 *   signing.key      Ed25519, PKCS#8 PEM, mode 0600: signs statements, and is the key of the TLS certificate
 *   sealing.key      X25519, PKCS#8 PEM, mode 0600: opens what was sealed for this member (libsodium crypto_box_seal)
 *   certificate.pem  X.509 v3, issued by the cluster's authority
 *   authority.pem    the authority's certificate
 *   request.pem      PKCS#10, only while a certificate is awaited
 * An authority is a folder too: authority.key, authority.pem. It stays offline but for issuing.
 *
 * A certificate carries the name as SAN DNS entry, and roles and sealing key as SAN URI
 * `urn:hagane:owner+user:<64 hexadecimal digits>`, so that the authority vouches for both keys. Standard tools can read all
 * files (openssl x509 -text). Private keys that others could read (mode & 077) are refused. With a passphrase they are
 * encrypted (PKCS#5 PBES2: scrypt with N = 2^14, r = 8, p = 4, and AES-256-CBC).
 */
#ifndef HG_PARTY_IDENTITY_H
#define HG_PARTY_IDENTITY_H
#include "hagane/core.h"
#include "party/encode.h"
#include "party/world.h"

/* Letters, digits, '-', '_', '.', a letter or digit first, at most 63 bytes: a member, a project, a cluster. HG_EINVAL. */
HG_MUST_CHECK hg_status hg_name_check(const char *what, const char *name, hg_err *err);

/* What a certificate entitles to; a server is nothing else beside. The policy says who may ask in a project. */
typedef enum { HG_ROLE_SERVER = 1, HG_ROLE_OWNER = 2, HG_ROLE_USER = 4 } hg_role;
enum { HG_ROLES_SIZE = 24 };
const char *hg_role_name(size_t i);                                 /* of the i-th role; NULL past the last */
const char *hg_roles_text(char buf[HG_ROLES_SIZE], unsigned roles); /* "owner+user" */
HG_MUST_CHECK hg_status hg_roles_read(unsigned *roles, const char *text, hg_err *err); /* the same back; HG_EINVAL */

typedef struct { /* what a certificate says */
    char name[HG_NAME_SIZE];
    unsigned roles;
    unsigned char signing_key[HG_PUBLIC_KEY], sealing_key[HG_PUBLIC_KEY];
    int64_t not_before, not_after; /* seconds since 1970 */
} hg_certificate;

typedef struct {
    const void *passphrase; /* of this member's private keys; NULL: they are not encrypted */
    size_t passphrase_n;
    const void *authority_passphrase; /* of authority.key, where one is used */
    size_t authority_passphrase_n;
    unsigned
        days; /* a certificate is valid, from an hour before now; default 365 (an authority: 3650), at most 36500 */
} hg_identity_opts;
hg_identity_opts hg_identity_opts_default(void);

/* ---- making them ------------------------------------------------------------------------------------------------------- */

/* The folder is made (mode 0700); one that already holds a key is refused, nothing is ever written over (HG_EINVAL).
 * Errors: HG_EIO, HG_EINVAL (name), HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_authority_create(const char *folder, const char *name, const hg_identity_opts *o,
                                            const hg_world *w, hg_err *err);
/* Keys and a certificate at once, where authority and member are the same organisation (demonstrations, tests). */
HG_MUST_CHECK hg_status hg_identity_create(const char *folder, const char *name, unsigned roles, const char *authority,
                                           const hg_identity_opts *o, const hg_world *w, hg_err *err);

/* Separated organisations, three steps: the member makes keys and folder/request.pem; the authority, who has heard name and
 * fingerprint by another way, answers with a certificate; the member takes it in. A new certificate for old keys is the
 * same: hg_identity_request on a folder that has keys writes a request for these. */
HG_MUST_CHECK hg_status hg_identity_request(const char *folder, const char *name, unsigned roles,
                                            const hg_identity_opts *o, const hg_world *w, hg_err *err);
/* What a request says, after its signature was checked. HG_EPARSE, HG_EREFUSED. */
HG_MUST_CHECK hg_status hg_request_read(hg_certificate *out, const void *pem, size_t n, hg_err *err);
/* Writes the certificate to the file `out`. The request must ask for exactly this name and these roles (HG_EREFUSED). */
HG_MUST_CHECK hg_status hg_authority_certify(const char *out, const char *authority, const void *request, size_t n,
                                             const char *name, unsigned roles, const hg_identity_opts *o,
                                             const hg_world *w, hg_err *err);
/* Takes a certificate and the authority's into the folder, when the one is for the folder's keys and issued by the other. */
HG_MUST_CHECK hg_status hg_identity_accept(const char *folder, const void *certificate, size_t n, const void *authority,
                                           size_t authority_n, const hg_identity_opts *o, const hg_world *w,
                                           hg_err *err);

/* ---- using one ------------------------------------------------------------------------------------------------------------ */

typedef struct hg_identity hg_identity; /* const: may be used by many threads */

/* Errors: HG_EIO, HG_EREFUSED (readable by others, wrong passphrase, expired, keys and certificate do not match), HG_EPARSE. */
HG_MUST_CHECK hg_status hg_identity_load(hg_identity **out, const char *folder, const hg_identity_opts *o,
                                         const hg_world *w, hg_err *err);
void hg_identity_free(hg_identity *id); /* wipes the keys */
const hg_certificate *hg_identity_certificate(const hg_identity *id);
/* Whole days until the certificate ends, 0 on the last day, negative after it: below 30 a program should say so. */
int64_t hg_certificate_days(const hg_certificate *c, int64_t now);
/* A certificate in PEM, not verified against anything. HG_EPARSE. */
HG_MUST_CHECK hg_status hg_certificate_read(hg_certificate *out, const void *pem, size_t n, hg_err *err);

/* ---- statements ------------------------------------------------------------------------------------------------------------- */

/* hg_sign with this member's key: see party/encode.h. `what` says what is signed; a signature of one thing is worthless for another. */
void hg_identity_sign(unsigned char signature[HG_SIGNATURE], const hg_identity *id, const char *what, const void *bytes,
                      size_t n);
const unsigned char *hg_identity_signing_secret(
    const hg_identity *id); /* [HG_SECRET_KEY] seed and public key; borrowed */
const unsigned char *hg_identity_sealing_secret(const hg_identity *id); /* [32] X25519; borrowed */

#endif
