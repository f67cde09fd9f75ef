/* party/identity.c -- see party/identity.h: folders of keys and certificates */
#include "party/identity.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/folders.h"
#include "files/output.h"
#include "files/whole.h"
#include "party/certificate.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, PEM_MOST = 64 << 10, DAY = 86400, BACKDATE = 3600, DAYS_MOST = 36500 };

/* Every file of a folder, once. */
typedef enum { SIGNING, SEALING, CERTIFICATE, AUTHORITY, REQUEST, AUTHORITY_KEY, N_FILES } file;
static const struct {
    const char *name;
    bool secret;
} FILES[N_FILES] = {
    [SIGNING] = { "signing.key", true },          [SEALING] = { "sealing.key", true },
    [CERTIFICATE] = { "certificate.pem", false }, [AUTHORITY] = { "authority.pem", false },
    [REQUEST] = { "request.pem", false },         [AUTHORITY_KEY] = { "authority.key", true },
};

hg_identity_opts hg_identity_opts_default(void) { return (hg_identity_opts) { 0 }; }

/* ---- names and roles ------------------------------------------------------------------------------------------------- */

static bool alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

hg_status hg_name_check(const char *what, const char *name, hg_err *err) {
    const size_t n = strlen(name);
    bool ok = n >= 1 && n < HG_NAME_SIZE && alphanumeric(*name);
    for (size_t i = 0; ok && i < n; i++) ok = alphanumeric(name[i]) || strchr("-_.", name[i]);
    if (ok) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "%s is \"%.80s\"", what, name),
                     "1 to 63 letters, digits, '-', '_' and '.', a letter or digit first");
}

static const struct {
    hg_role role;
    const char *name;
} ROLES[] = { { HG_ROLE_SERVER, "server" }, { HG_ROLE_OWNER, "owner" }, { HG_ROLE_USER, "user" } };
enum { N_ROLES = sizeof ROLES / sizeof *ROLES };

const char *hg_role_name(size_t i) { return i < N_ROLES ? ROLES[i].name : NULL; }

const char *hg_roles_text(char buf[HG_ROLES_SIZE], unsigned roles) {
    size_t n = 0;
    *buf = '\0';
    for (size_t i = 0; i < N_ROLES; i++)
        if (roles & ROLES[i].role)
            n += (size_t)snprintf(buf + n, HG_ROLES_SIZE - n, "%s%s", n ? "+" : "", ROLES[i].name);
    return buf;
}

hg_status hg_roles_read(unsigned *roles, const char *text, hg_err *err) {
    char again[HG_ROLES_SIZE];
    unsigned got = 0;
    for (size_t i = 0; i < N_ROLES; i++)
        if (strstr(text, ROLES[i].name)) got |= ROLES[i].role;
    *roles = got;
    const bool alone = !(got & HG_ROLE_SERVER) || got == HG_ROLE_SERVER;
    if (got && alone && strcmp(hg_roles_text(again, got), text) == 0) return HG_OK;
    *roles = 0;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "the role is \"%.60s\"", text), "server, owner, user, or owner+user");
}

static hg_status check_roles(unsigned roles, hg_err *err) {
    char text[HG_ROLES_SIZE];
    unsigned same;
    return hg_roles_read(&same, hg_roles_text(text, roles), err);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static hg_status path_of(char path[PATH_SIZE], const char *folder, file f, hg_err *err) {
    const int n = snprintf(path, PATH_SIZE, "%s/%s", folder, FILES[f].name);
    return n > 0 && n < PATH_SIZE ? HG_OK : hg_fail(err, HG_EINVAL, "the name of the folder is too long");
}

static bool there(const char *folder, file f) {
    char path[PATH_SIZE];
    struct stat st;
    return path_of(path, folder, f, NULL) == HG_OK && lstat(path, &st) == 0;
}

static hg_status keep_what_is_there(const char *folder, file f, hg_err *err) {
    if (!there(folder, f)) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_EINVAL, "%s: holds a %s already", folder, FILES[f].name),
                     "keys are never written over; choose another folder");
}

typedef struct {
    void *bytes;
    size_t n;
} blob;

static hg_status read_file(blob *b, const char *folder, file f, hg_err *err) {
    char path[PATH_SIZE];
    HG_TRY(path_of(path, folder, f, err));
    return hg_whole_read(&b->bytes, &b->n, path, PEM_MOST, FILES[f].secret ? HG_WHOLE_SECRET : 0, err);
}

static void free_blob(blob *b) { hg_whole_free(b->bytes, b->n); }

/* Several files that belong together: all on the disk before the first takes its name. */
typedef struct {
    hg_output *out[N_FILES];
    const char *path; /* when not in the folder */
} batch;

static hg_status batch_add(batch *b, const char *folder, file f, const void *bytes, size_t n, hg_err *err) {
    char path[PATH_SIZE];
    if (!b->path) HG_TRY(path_of(path, folder, f, err));
    const char *name = b->path ? b->path : path;
    HG_TRY(FILES[f].secret ? hg_output_new_private(&b->out[f], name, err) : hg_output_new(&b->out[f], name, NULL, err));
    HG_TRY(hg_output_write(b->out[f], bytes, n, err));
    return hg_output_settle(b->out[f], err);
}

static hg_status batch_add_bio(batch *b, const char *folder, file f, BIO *pem, hg_err *err) {
    char *bytes = NULL;
    const long n = BIO_get_mem_data(pem, &bytes);
    if (n <= 0) return hg_crypto_fail(err, HG_EIO, "%s could not be written", FILES[f].name);
    return batch_add(b, folder, f, bytes, (size_t)n, err);
}

static hg_status batch_add_key(batch *b, const char *folder, file f, int type, const unsigned char secret[32],
                               const void *passphrase, size_t passphrase_n, const hg_world *w, hg_err *err) {
    BIO *pem;
    HG_TRY(hg_key_pem(&pem, type, secret, passphrase, passphrase_n, w, err));
    const hg_status st = batch_add_bio(b, folder, f, pem, err);
    BIO_free(pem);
    return st;
}

static hg_status batch_add_keys(batch *b, const char *folder, const hg_keys *k, const hg_identity_opts *o,
                                const hg_world *w, hg_err *err) {
    HG_TRY(batch_add_key(b, folder, SIGNING, EVP_PKEY_ED25519, k->secret, o->passphrase, o->passphrase_n, w, err));
    return batch_add_key(b, folder, SEALING, EVP_PKEY_X25519, k->sealing, o->passphrase, o->passphrase_n, w, err);
}

static hg_status batch_add_x509(batch *b, const char *folder, file f, X509 *x, hg_err *err) {
    BIO *pem = BIO_new(BIO_s_mem());
    hg_status st = pem && PEM_write_bio_X509(pem, x) == 1
                       ? HG_OK
                       : hg_crypto_fail(err, HG_EIO, "%s could not be written", FILES[f].name);
    if (st == HG_OK) st = batch_add_bio(b, folder, f, pem, err);
    BIO_free(pem);
    return st;
}

static hg_status batch_add_request(batch *b, const char *folder, X509_REQ *r, hg_err *err) {
    BIO *pem = BIO_new(BIO_s_mem());
    hg_status st = pem && PEM_write_bio_X509_REQ(pem, r) == 1
                       ? HG_OK
                       : hg_crypto_fail(err, HG_EIO, "%s could not be written", FILES[REQUEST].name);
    if (st == HG_OK) st = batch_add_bio(b, folder, REQUEST, pem, err);
    BIO_free(pem);
    return st;
}

/* In any case frees; gives the files their names when all went well so far. */
static hg_status batch_end(batch *b, hg_status st, hg_err *err) {
    for (size_t f = 0; f < N_FILES; f++)
        if (b->out[f] && st == HG_OK) st = hg_output_commit(b->out[f], err);
    for (size_t f = 0; f < N_FILES; f++) hg_output_free(b->out[f]);
    return st;
}

/* ---- authorities --------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_keys keys;
    X509 *x509;
    hg_certificate certificate;
} authority;

static void close_authority(authority *a) {
    hg_keys_wipe(&a->keys);
    X509_free(a->x509);
}

static hg_status read_authority(X509 **out, const char *folder, hg_err *err) {
    char path[PATH_SIZE];
    blob b = { 0 };
    *out = NULL;
    HG_TRY(path_of(path, folder, AUTHORITY, err));
    HG_TRY(read_file(&b, folder, AUTHORITY, err));
    const hg_status st = hg_x509_read(out, path, b.bytes, b.n, err);
    free_blob(&b);
    return st;
}

static hg_status open_authority(authority *a, const char *folder, const hg_identity_opts *o, const hg_world *w,
                                hg_err *err) {
    char path[PATH_SIZE];
    blob key = { 0 };
    memset(a, 0, sizeof *a);
    HG_TRY(path_of(path, folder, AUTHORITY_KEY, err));
    HG_TRY(read_file(&key, folder, AUTHORITY_KEY, err));
    hg_status st = hg_keys_read(&a->keys, path, key.bytes, key.n, NULL, NULL, 0, o->authority_passphrase,
                                o->authority_passphrase_n, err);
    free_blob(&key);
    if (st == HG_OK) st = read_authority(&a->x509, folder, err);
    if (st == HG_OK) st = hg_x509_describe_authority(&a->certificate, a->x509, err);
    if (st == HG_OK && memcmp(a->certificate.signing_key, a->keys.secret + 32, HG_PUBLIC_KEY) != 0)
        st = hg_fail(err, HG_EREFUSED, "%s: key and certificate of the authority do not belong together", folder);
    if (st == HG_OK && hg_world_now(w) > a->certificate.not_after)
        st = hg_fail(err, HG_EREFUSED, "%s: the authority's certificate has expired", folder);
    if (st != HG_OK) close_authority(a);
    return st;
}

static hg_status set_dates(hg_certificate *c, const hg_identity_opts *o, unsigned days, const hg_world *w,
                           hg_err *err) {
    if (o->days > DAYS_MOST)
        return hg_fail(err, HG_EINVAL, "a certificate of %u days, expected at most %d", o->days, DAYS_MOST);
    c->not_before = hg_world_now(w) - BACKDATE;
    c->not_after = hg_world_now(w) + (int64_t)(o->days ? o->days : days) * DAY;
    return HG_OK;
}

hg_status hg_authority_create(const char *folder, const char *name, const hg_identity_opts *o, const hg_world *w,
                              hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    hg_certificate c = { 0 };
    hg_keys keys;
    if (!o) o = &none;
    HG_TRY(hg_name_check("the name of the authority", name, err));
    HG_TRY(set_dates(&c, o, 3650, w, err));
    HG_TRY(hg_folder_make(folder, HG_FOLDER_PRIVATE, err));
    HG_TRY(keep_what_is_there(folder, AUTHORITY_KEY, err));
    HG_TRY(hg_keys_make(&keys, w, err));
    snprintf(c.name, sizeof c.name, "%s", name);
    memcpy(c.signing_key, keys.secret + 32, HG_PUBLIC_KEY);
    X509 *x;
    batch b = { 0 };
    hg_status st = hg_x509_make(&x, &(hg_x509_plan) { .subject = &c, .issuer_key = keys.signing }, w, err);
    if (st == HG_OK)
        st = batch_add_key(&b, folder, AUTHORITY_KEY, EVP_PKEY_ED25519, keys.secret, o->authority_passphrase,
                           o->authority_passphrase_n, w, err);
    if (st == HG_OK) st = batch_add_x509(&b, folder, AUTHORITY, x, err);
    X509_free(x);
    hg_keys_wipe(&keys);
    return batch_end(&b, st, err);
}

/* A certificate does not outlive the one that it hangs on. */
static hg_status issue(X509 **out, const authority *a, hg_certificate *c, const hg_identity_opts *o, const hg_world *w,
                       hg_err *err) {
    *out = NULL;
    HG_TRY(set_dates(c, o, 365, w, err));
    if (c->not_after > a->certificate.not_after) c->not_after = a->certificate.not_after;
    return hg_x509_make(out, &(hg_x509_plan) { c, a->x509, a->keys.signing }, w, err);
}

hg_status hg_authority_certify(const char *out, const char *folder, const void *request, size_t n, const char *name,
                               unsigned roles, const hg_identity_opts *o, const hg_world *w, hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    char asked[HG_ROLES_SIZE], given[HG_ROLES_SIZE];
    hg_certificate c;
    authority a;
    if (!o) o = &none;
    HG_TRY(check_roles(roles, err));
    HG_TRY(hg_request_read(&c, request, n, err));
    if (strcmp(c.name, name) != 0 || c.roles != roles)
        return hg_fail(err, HG_EREFUSED, "the request is of \"%s\" as %s, not of \"%s\" as %s", c.name,
                       hg_roles_text(asked, c.roles), name, hg_roles_text(given, roles));
    HG_TRY(open_authority(&a, folder, o, w, err));
    X509 *x;
    batch b = { .path = out };
    hg_status st = issue(&x, &a, &c, o, w, err);
    if (st == HG_OK) st = batch_add_x509(&b, folder, CERTIFICATE, x, err);
    X509_free(x);
    close_authority(&a);
    return batch_end(&b, st, err);
}

/* ---- members --------------------------------------------------------------------------------------------------------------- */

static void describe_keys(hg_certificate *c, const char *name, unsigned roles, const hg_keys *keys) {
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s", name);
    c->roles = roles;
    memcpy(c->signing_key, keys->secret + 32, HG_PUBLIC_KEY);
    memcpy(c->sealing_key, keys->sealing_key, HG_PUBLIC_KEY);
}

static hg_status create_with(const char *folder, hg_certificate *c, const hg_keys *keys, const authority *a,
                             const hg_identity_opts *o, const hg_world *w, hg_err *err) {
    X509 *x;
    batch b = { 0 };
    hg_status st = issue(&x, a, c, o, w, err);
    if (st == HG_OK) st = batch_add_keys(&b, folder, keys, o, w, err);
    if (st == HG_OK) st = batch_add_x509(&b, folder, CERTIFICATE, x, err);
    if (st == HG_OK) st = batch_add_x509(&b, folder, AUTHORITY, a->x509, err);
    X509_free(x);
    return batch_end(&b, st, err);
}

hg_status hg_identity_create(const char *folder, const char *name, unsigned roles, const char *authority_folder,
                             const hg_identity_opts *o, const hg_world *w, hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    hg_certificate c;
    hg_keys keys;
    authority a;
    if (!o) o = &none;
    HG_TRY(hg_name_check("the name of the member", name, err));
    HG_TRY(check_roles(roles, err));
    HG_TRY(open_authority(&a, authority_folder, o, w, err));
    hg_status st = hg_folder_make(folder, HG_FOLDER_PRIVATE, err);
    if (st == HG_OK) st = keep_what_is_there(folder, SIGNING, err);
    if (st == HG_OK) st = hg_keys_make(&keys, w, err);
    if (st == HG_OK) {
        describe_keys(&c, name, roles, &keys);
        st = create_with(folder, &c, &keys, &a, o, w, err);
        hg_keys_wipe(&keys);
    }
    close_authority(&a);
    return st;
}

static hg_status open_keys(hg_keys *keys, const char *folder, const hg_identity_opts *o, hg_err *err) {
    char signing_path[PATH_SIZE], sealing_path[PATH_SIZE];
    blob signing = { 0 }, sealing = { 0 };
    HG_TRY(path_of(signing_path, folder, SIGNING, err));
    HG_TRY(path_of(sealing_path, folder, SEALING, err));
    hg_status st = read_file(&signing, folder, SIGNING, err);
    if (st == HG_OK) st = read_file(&sealing, folder, SEALING, err);
    if (st == HG_OK)
        st = hg_keys_read(keys, signing_path, signing.bytes, signing.n, sealing_path, sealing.bytes, sealing.n,
                          o->passphrase, o->passphrase_n, err);
    free_blob(&signing);
    free_blob(&sealing);
    return st;
}

hg_status hg_identity_request(const char *folder, const char *name, unsigned roles, const hg_identity_opts *o,
                              const hg_world *w, hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    hg_certificate c;
    hg_keys keys;
    X509_REQ *r = NULL;
    batch b = { 0 };
    if (!o) o = &none;
    HG_TRY(hg_name_check("the name of the member", name, err));
    HG_TRY(check_roles(roles, err));
    HG_TRY(hg_folder_make(folder, HG_FOLDER_PRIVATE, err));
    const bool old = there(folder, SIGNING);
    HG_TRY(old ? open_keys(&keys, folder, o, err) : hg_keys_make(&keys, w, err));
    describe_keys(&c, name, roles, &keys);
    hg_status st = hg_request_make(&r, &c, keys.signing, err);
    if (st == HG_OK && !old) st = batch_add_keys(&b, folder, &keys, o, w, err);
    if (st == HG_OK) st = batch_add_request(&b, folder, r, err);
    X509_REQ_free(r);
    hg_keys_wipe(&keys);
    return batch_end(&b, st, err);
}

static hg_status check_match(const hg_certificate *c, const hg_keys *keys, const char *folder, hg_err *err) {
    if (memcmp(c->signing_key, keys->secret + 32, HG_PUBLIC_KEY) == 0 &&
        memcmp(c->sealing_key, keys->sealing_key, HG_PUBLIC_KEY) == 0)
        return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s: the certificate is for other keys than those in the folder", folder);
}

static hg_status check_dates(const hg_certificate *c, int64_t now, hg_err *err) {
    char text[HG_TIME_SIZE];
    if (now > c->not_after) {
        hg_time_write(text, c->not_after);
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "the certificate of %s expired on %s", c->name, text),
                         "request a new one from the authority; the keys stay");
    }
    if (now >= c->not_before) return HG_OK;
    hg_time_write(text, c->not_before);
    return hg_advise(err, hg_fail(err, HG_EREFUSED, "the certificate of %s is valid from %s on", c->name, text),
                     "is this machine's clock right?");
}

static hg_status accept_into(const char *folder, X509 *x, X509 *ca, const hg_keys *keys, const hg_world *w,
                             hg_err *err) {
    char path[PATH_SIZE];
    hg_certificate c;
    batch b = { 0 };
    HG_TRY(hg_x509_describe(&c, x, err));
    HG_TRY(check_match(&c, keys, folder, err));
    HG_TRY(hg_x509_check_issued(x, ca, err));
    HG_TRY(check_dates(&c, hg_world_now(w), err));
    hg_status st = batch_add_x509(&b, folder, CERTIFICATE, x, err);
    if (st == HG_OK) st = batch_add_x509(&b, folder, AUTHORITY, ca, err);
    HG_TRY(batch_end(&b, st, err));
    if (path_of(path, folder, REQUEST, NULL) == HG_OK) unlink(path);
    return HG_OK;
}

hg_status hg_identity_accept(const char *folder, const void *certificate, size_t n, const void *ca_pem, size_t ca_n,
                             const hg_identity_opts *o, const hg_world *w, hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    hg_keys keys;
    X509 *x = NULL, *ca = NULL;
    HG_TRY(open_keys(&keys, folder, o ? o : &none, err));
    hg_status st = hg_x509_read(&x, "the certificate", certificate, n, err);
    if (st == HG_OK) st = hg_x509_read(&ca, "the authority's certificate", ca_pem, ca_n, err);
    if (st == HG_OK) st = accept_into(folder, x, ca, &keys, w, err);
    X509_free(x);
    X509_free(ca);
    hg_keys_wipe(&keys);
    return st;
}

/* ---- a loaded one ------------------------------------------------------------------------------------------------------------ */

struct hg_identity {
    hg_keys keys;
    X509 *x509, *authority;
    hg_certificate certificate;
    char folder[PATH_SIZE];
};

static hg_status load(hg_identity *id, const hg_identity_opts *o, const hg_world *w, hg_err *err) {
    char path[PATH_SIZE];
    blob b = { 0 };
    HG_TRY(open_keys(&id->keys, id->folder, o, err));
    HG_TRY(path_of(path, id->folder, CERTIFICATE, err));
    if (!there(id->folder, CERTIFICATE) && there(id->folder, REQUEST))
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "%s: has no certificate yet", id->folder),
                         "send request.pem to the authority and take in what comes back");
    HG_TRY(read_file(&b, id->folder, CERTIFICATE, err));
    const hg_status st = hg_x509_read(&id->x509, path, b.bytes, b.n, err);
    free_blob(&b);
    HG_TRY(st);
    HG_TRY(read_authority(&id->authority, id->folder, err));
    HG_TRY(hg_x509_describe(&id->certificate, id->x509, err));
    HG_TRY(check_match(&id->certificate, &id->keys, id->folder, err));
    HG_TRY(hg_x509_check_issued(id->x509, id->authority, err));
    return check_dates(&id->certificate, hg_world_now(w), err);
}

hg_status hg_identity_load(hg_identity **out, const char *folder, const hg_identity_opts *o, const hg_world *w,
                           hg_err *err) {
    const hg_identity_opts none = hg_identity_opts_default();
    *out = NULL;
    if (strlen(folder) >= PATH_SIZE) return hg_fail(err, HG_EINVAL, "the name of the folder is too long");
    hg_identity *id = hg_calloc(1, sizeof *id);
    if (!id) return hg_fail(err, HG_ENOMEM, "no memory for the identity in %s", folder);
    memcpy(id->folder, folder, strlen(folder) + 1);
    const hg_status st = load(id, o ? o : &none, w, err);
    if (st != HG_OK) {
        hg_identity_free(id);
        return st;
    }
    *out = id;
    return HG_OK;
}

void hg_identity_free(hg_identity *id) {
    if (!id) return;
    hg_keys_wipe(&id->keys);
    X509_free(id->x509);
    X509_free(id->authority);
    hg_free(id);
}

const hg_certificate *hg_identity_certificate(const hg_identity *id) { return &id->certificate; }
const unsigned char *hg_identity_signing_secret(const hg_identity *id) { return id->keys.secret; }
const unsigned char *hg_identity_sealing_secret(const hg_identity *id) { return id->keys.sealing; }
X509 *hg_identity_x509(const hg_identity *id) { return id->x509; }
X509 *hg_identity_authority(const hg_identity *id) { return id->authority; }
EVP_PKEY *hg_identity_key(const hg_identity *id) { return id->keys.signing; }

int64_t hg_certificate_days(const hg_certificate *c, int64_t now) {
    const int64_t left = c->not_after - now;
    return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

hg_status hg_certificate_read(hg_certificate *out, const void *pem, size_t n, hg_err *err) {
    X509 *x;
    memset(out, 0, sizeof *out);
    HG_TRY(hg_x509_read(&x, "this", pem, n, err));
    const hg_status st = hg_x509_describe(out, x, err);
    X509_free(x);
    return st;
}

void hg_identity_sign(unsigned char signature[HG_SIGNATURE], const hg_identity *id, const char *what, const void *bytes,
                      size_t n) {
    hg_sign(signature, what, bytes, n, id->keys.secret);
}
