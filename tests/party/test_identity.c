/* tests/party/test_identity.c -- members: folders of keys, certificates of an authority, signatures, sealed messages */
#include "members.h"
#include "party/identity.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

typedef struct {
    fake_world world;
    char folder[300], authority[400], path[500];
    hg_err err;
} place;

static void open_place(place *p, const char *name) {
    memset(p, 0, sizeof *p);
    p->world = fake_world_make(1);
    test_scratch(p->folder, sizeof p->folder, name);
    test_remove_tree(p->folder);
    assert_int_equal(mkdir(p->folder, 0700), 0);
    snprintf(p->authority, sizeof p->authority, "%s/authority", p->folder);
    assert_ok_err(hg_authority_create(p->authority, "institute", NULL, fake_world_of(&p->world), &p->err), p->err);
}

static const char *in(place *p, const char *name) {
    snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
    return p->path;
}

static hg_status create(place *p, const char *name, unsigned roles, const hg_identity_opts *o) {
    return hg_identity_create(in(p, name), name, roles, p->authority, o, fake_world_of(&p->world), &p->err);
}

static hg_status load(hg_identity **id, place *p, const char *name, const hg_identity_opts *o) {
    return hg_identity_load(id, in(p, name), o, fake_world_of(&p->world), &p->err);
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void a_member_is_made_loaded_and_described(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    open_place(&p, "identity-make");
    assert_ok_err(create(&p, "lab.b_2", HG_ROLE_OWNER | HG_ROLE_USER, NULL), p.err);
    assert_int_equal(mode_of(p.path), 0700);
    assert_int_equal(mode_of(in(&p, "lab.b_2/signing.key")), 0600);
    assert_int_equal(mode_of(in(&p, "lab.b_2/sealing.key")), 0600);
    assert_int_equal(mode_of(in(&p, "authority/authority.key")), 0600);
    assert_ok_err(load(&id, &p, "lab.b_2", NULL), p.err);
    const hg_certificate *c = hg_identity_certificate(id);
    assert_string_equal(c->name, "lab.b_2");
    assert_int_equal(c->roles, HG_ROLE_OWNER | HG_ROLE_USER);
    assert_int_equal(c->not_after, FAKE_NOW + 365 * (int64_t)DAY);
    assert_int_equal(c->not_before, FAKE_NOW - 3600);
    assert_int_equal(hg_certificate_days(c, FAKE_NOW), 365);
    assert_int_equal(hg_certificate_days(c, c->not_after - 5), 0);
    assert_int_equal(hg_certificate_days(c, c->not_after + 5), -1);
    assert_memory_equal(c->signing_key, hg_identity_signing_secret(id) + 32, HG_PUBLIC_KEY);
    hg_identity_free(id);
    test_remove_tree(p.folder);
}

/* An independent reader: openssl's own program sees the same name, role and dates, and verifies the chain. */
static void openssl_reads_what_we_wrote(void **state) {
    (void)state;
    place p;
    char command[2000];
    open_place(&p, "identity-openssl");
    assert_ok_err(create(&p, "server-a", HG_ROLE_SERVER, NULL), p.err);
    snprintf(command, sizeof command,
             "cd '%s' && command -v openssl >/dev/null || { echo absent; exit; }; "
             "openssl verify -no_check_time -x509_strict -purpose sslserver -CAfile authority/authority.pem "
             "server-a/certificate.pem && openssl x509 -in server-a/certificate.pem -noout -text && "
             "openssl pkey -in server-a/sealing.key -noout -text",
             p.folder);
    const program_result r = program_shell(command);
    if (!strstr(r.out, "absent")) {
        assert_contains(r.out, "certificate.pem: OK");
        assert_contains(r.out, "DNS:server-a, URI:urn:hagane:server:");
        assert_contains(r.out, "Not After : Jan  1 00:00:00 2027 GMT");
        assert_contains(r.out, "TLS Web Server Authentication");
        assert_contains(r.out, "X25519 Private-Key");
    }
    program_forget();
    test_remove_tree(p.folder);
}

static void names_and_roles(void **state) {
    (void)state;
    static const char *const good[] = { "a", "Lab-7_b.example", "9" };
    static const char *const bad[] = { "",         ".a",
                                       "-a",       "a b",
                                       "a,DNS:b",  "a/b",
                                       "\xc3\xa9", "0123456789012345678901234567890123456789012345678901234567890123" };
    char text[HG_ROLES_SIZE];
    unsigned roles;
    for (size_t i = 0; i < 3; i++) assert_ok(hg_name_check("name", good[i], NULL));
    for (size_t i = 0; i < 8; i++) assert_int_equal(hg_name_check("name", bad[i], NULL), HG_EINVAL);
    assert_string_equal(hg_roles_text(text, HG_ROLE_OWNER | HG_ROLE_USER), "owner+user");
    static const char *const sets[] = { "server", "owner", "user", "owner+user" };
    for (size_t i = 0; i < 4; i++) {
        assert_ok(hg_roles_read(&roles, sets[i], NULL));
        assert_string_equal(hg_roles_text(text, roles), sets[i]);
    }
    static const char *const no_sets[] = { "", "server+owner", "user+owner", "owner+", "Owner", "ownerx", "admin" };
    for (size_t i = 0; i < 7; i++) assert_int_equal(hg_roles_read(&roles, no_sets[i], NULL), HG_EINVAL);
}

/* The member's secret keys never leave its folder: the authority sees request.pem alone. */
static void separated_organisations(void **state) {
    (void)state;
    place p;
    char answer[600];
    hg_identity *id;
    hg_certificate c;
    open_place(&p, "identity-request");
    const hg_world *w = fake_world_of(&p.world);
    assert_ok_err(hg_identity_request(in(&p, "cloud"), "cloud", HG_ROLE_SERVER, NULL, w, &p.err), p.err);
    assert_int_equal(load(&id, &p, "cloud", NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "has no certificate yet");
    char *request = test_read_file(in(&p, "cloud/request.pem")),
         *ca = test_read_file(in(&p, "authority/authority.pem"));
    assert_ok_err(hg_request_read(&c, request, strlen(request), &p.err), p.err);
    assert_string_equal(c.name, "cloud");
    snprintf(answer, sizeof answer, "%s/answer.pem", p.folder);
    assert_int_equal(
        hg_authority_certify(answer, p.authority, request, strlen(request), "cloud", HG_ROLE_OWNER, NULL, w, &p.err),
        HG_EREFUSED);
    assert_contains(p.err.msg, "\"cloud\" as server, not of \"cloud\" as owner");
    assert_false(test_file_exists(answer));
    assert_ok_err(
        hg_authority_certify(answer, p.authority, request, strlen(request), "cloud", HG_ROLE_SERVER, NULL, w, &p.err),
        p.err);
    char *certificate = test_read_file(answer);
    assert_ok_err(
        hg_identity_accept(in(&p, "cloud"), certificate, strlen(certificate), ca, strlen(ca), NULL, w, &p.err), p.err);
    assert_false(test_file_exists(in(&p, "cloud/request.pem")));
    assert_ok_err(load(&id, &p, "cloud", NULL), p.err);
    assert_memory_equal(hg_identity_certificate(id)->sealing_key, c.sealing_key, HG_PUBLIC_KEY);

    /* later: a new certificate for the same keys */
    p.world.now += 300 * DAY;
    assert_ok_err(hg_identity_request(in(&p, "cloud"), "cloud", HG_ROLE_SERVER, NULL, w, &p.err), p.err);
    char *again = test_read_file(in(&p, "cloud/request.pem"));
    hg_certificate c2;
    assert_ok(hg_request_read(&c2, again, strlen(again), NULL));
    assert_memory_equal(c2.signing_key, c.signing_key, HG_PUBLIC_KEY);

    /* a certificate of somebody else, or of another authority, is not taken in */
    assert_ok_err(create(&p, "other", HG_ROLE_SERVER, NULL), p.err);
    char *foreign = test_read_file(in(&p, "other/certificate.pem"));
    assert_int_equal(hg_identity_accept(in(&p, "cloud"), foreign, strlen(foreign), ca, strlen(ca), NULL, w, &p.err),
                     HG_EREFUSED);
    assert_contains(p.err.msg, "for other keys");
    assert_ok(hg_authority_create(in(&p, "second"), "second", NULL, w, NULL));
    char *ca2 = test_read_file(in(&p, "second/authority.pem"));
    assert_int_equal(
        hg_identity_accept(in(&p, "cloud"), certificate, strlen(certificate), ca2, strlen(ca2), NULL, w, &p.err),
        HG_EREFUSED);
    assert_contains(p.err.msg, "not issued by the authority \"second\"");
    /* nor is a member's certificate an authority's */
    assert_int_equal(hg_identity_accept(in(&p, "cloud"), certificate, strlen(certificate), foreign, strlen(foreign),
                                        NULL, w, &p.err),
                     HG_EPARSE);
    assert_contains(p.err.msg, "not the certificate of an authority");
    hg_identity_free(id);
    free(request), free(ca), free(certificate), free(again), free(foreign), free(ca2);
    test_remove_tree(p.folder);
}

static void nothing_is_written_over(void **state) {
    (void)state;
    place p;
    open_place(&p, "identity-over");
    assert_ok(create(&p, "a", HG_ROLE_OWNER, NULL));
    char *before = test_read_file(in(&p, "a/signing.key"));
    assert_int_equal(create(&p, "a", HG_ROLE_OWNER, NULL), HG_EINVAL);
    assert_contains(p.err.msg, "holds a signing.key already");
    assert_int_equal(hg_authority_create(p.authority, "x", NULL, fake_world_of(&p.world), &p.err), HG_EINVAL);
    char *after = test_read_file(in(&p, "a/signing.key"));
    assert_string_equal(before, after);
    free(before), free(after);
    test_remove_tree(p.folder);
}

static void expired_and_not_yet_valid(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    open_place(&p, "identity-dates");
    const hg_identity_opts o = { .days = 10 };
    assert_ok(create(&p, "a", HG_ROLE_OWNER, &o));
    p.world.now += 10 * DAY;
    assert_ok_err(load(&id, &p, "a", NULL), p.err);
    hg_identity_free(id);
    p.world.now++;
    assert_int_equal(load(&id, &p, "a", NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "the certificate of a expired on 2026-01-11T00:00:00Z");
    assert_null(id);
    p.world.now = FAKE_NOW - 3601;
    assert_int_equal(load(&id, &p, "a", NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "is valid from 2025-12-31T23:00:00Z on");
    /* an authority that is past its time issues nothing; one that is near it issues short certificates */
    p.world.now = FAKE_NOW + 3649 * (int64_t)DAY;
    assert_ok_err(create(&p, "late", HG_ROLE_OWNER, NULL), p.err);
    assert_ok(load(&id, &p, "late", NULL));
    assert_int_equal(hg_certificate_days(hg_identity_certificate(id), p.world.now), 1);
    hg_identity_free(id);
    p.world.now = FAKE_NOW + 3651 * (int64_t)DAY;
    assert_int_equal(create(&p, "later", HG_ROLE_OWNER, NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "authority's certificate has expired");
    const hg_identity_opts long_one = { .days = 36501 };
    assert_int_equal(create(&p, "longest", HG_ROLE_OWNER, &long_one), HG_EREFUSED);
    test_remove_tree(p.folder);
}

static void readable_keys_are_refused(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    open_place(&p, "identity-mode");
    assert_ok(create(&p, "a", HG_ROLE_OWNER, NULL));
    static const char *const keys[] = { "a/signing.key", "a/sealing.key" };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(in(&p, keys[i]), 0640), 0);
        assert_int_equal(load(&id, &p, "a", NULL), HG_EREFUSED);
        assert_contains(p.err.msg, "others may use (mode 0640)");
        assert_contains(p.err.hint, "chmod 600");
        assert_int_equal(chmod(in(&p, keys[i]), 0600), 0);
    }
    assert_ok(load(&id, &p, "a", NULL));
    hg_identity_free(id);
    assert_int_equal(chmod(in(&p, "authority/authority.key"), 0644), 0);
    assert_int_equal(create(&p, "b", HG_ROLE_OWNER, NULL), HG_EREFUSED);
    test_remove_tree(p.folder);
}

static void keys_of_two_members_do_not_mix(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    char from[500], to[500];
    open_place(&p, "identity-mix");
    assert_ok(create(&p, "a", HG_ROLE_OWNER, NULL));
    assert_ok(create(&p, "b", HG_ROLE_OWNER, NULL));
    snprintf(from, sizeof from, "%s/b/sealing.key", p.folder);
    snprintf(to, sizeof to, "%s/a/sealing.key", p.folder);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(load(&id, &p, "a", NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "for other keys than those in the folder");
    snprintf(from, sizeof from, "%s/a/signing.key", p.folder);
    assert_int_equal(rename(from, to), 0); /* an Ed25519 key where an X25519 key belongs */
    snprintf(to, sizeof to, "%s/b/signing.key", p.folder);
    assert_int_equal(load(&id, &p, "a", NULL), HG_EIO);
    test_remove_tree(p.folder);
}

static void passphrases(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    open_place(&p, "identity-passphrase");
    const hg_identity_opts right = { .passphrase = "correct horse", .passphrase_n = 13 },
                           wrong = { .passphrase = "correct house", .passphrase_n = 13 },
                           empty = { .passphrase = "", .passphrase_n = 0 };
    assert_int_equal(create(&p, "a", HG_ROLE_OWNER, &empty), HG_EINVAL);
    assert_false(test_file_exists(in(&p, "a/signing.key")));
    assert_ok_err(create(&p, "a", HG_ROLE_OWNER, &right), p.err);
    char *pem = test_read_file(in(&p, "a/signing.key"));
    assert_contains(pem, "BEGIN ENCRYPTED PRIVATE KEY");
    free(pem);
    assert_ok_err(load(&id, &p, "a", &right), p.err);
    hg_identity_free(id);
    assert_int_equal(load(&id, &p, "a", &wrong), HG_EREFUSED);
    assert_contains(p.err.msg, "a/signing.key: the passphrase is wrong");
    assert_int_equal(load(&id, &p, "a", NULL), HG_EREFUSED);
    assert_contains(p.err.msg, "is encrypted");
    assert_ok(create(&p, "b", HG_ROLE_OWNER, NULL));
    assert_int_equal(load(&id, &p, "b", &right), HG_EREFUSED);
    assert_contains(p.err.msg, "is not encrypted, but a passphrase was given");
    test_remove_tree(p.folder);
}

static void signatures_are_about_one_thing(void **state) {
    (void)state;
    place p;
    hg_identity *id;
    unsigned char signature[HG_SIGNATURE];
    open_place(&p, "identity-sign");
    assert_ok(create(&p, "a", HG_ROLE_OWNER, NULL));
    assert_ok(load(&id, &p, "a", NULL));
    const unsigned char *key = hg_identity_certificate(id)->signing_key;
    hg_identity_sign(signature, id, "policy v1", "text", 4);
    assert_true(hg_signed_by(key, signature, "policy v1", "text", 4));
    assert_false(hg_signed_by(key, signature, "job v1", "text", 4));
    assert_false(hg_signed_by(key, signature, "policy v1", "tex", 3));
    signature[5] ^= 1;
    assert_false(hg_signed_by(key, signature, "policy v1", "text", 4));
    hg_identity_free(id);
    test_remove_tree(p.folder);
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    static const char *const files[] = { "a/signing.key", "a/sealing.key", "a/certificate.pem", "a/authority.pem" };
    place p;
    hg_identity *id;
    open_place(&p, "identity-damage");
    assert_ok(create(&p, "a", HG_ROLE_SERVER, NULL));
    for (size_t i = 0; i < 4; i++) {
        char *text = test_read_file(in(&p, files[i])), *bad = strdup(text);
        const size_t n = strlen(text);
        for (size_t at = 0; at < n; at += 7) {
            if (text[at] == '\n' || text[at] == '-') continue;
            bad[at] = text[at] == 'A' ? 'B' : 'A';
            test_write_file(in(&p, files[i]), bad);
            chmod(p.path, 0600);
            assert_int_not_equal(load(&id, &p, "a", NULL), HG_OK);
            assert_true(*p.err.msg);
            bad[at] = text[at];
        }
        bad[n / 2] = '\0';
        test_write_file(in(&p, files[i]), bad);
        assert_int_equal(load(&id, &p, "a", NULL), HG_EPARSE);
        test_write_file(in(&p, files[i]), text);
        free(text), free(bad);
    }
    assert_ok_err(load(&id, &p, "a", NULL), p.err);
    hg_identity_free(id);
    hg_identity_free(NULL);
    test_remove_tree(p.folder);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    place p;
    open_place(&p, "identity-faults");
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        char name[32];
        hg_identity *id = NULL;
        snprintf(name, sizeof name, "m%ld", k);
        fail_alloc_after(k);
        st = create(&p, name, HG_ROLE_OWNER, NULL);
        if (st == HG_OK) st = load(&id, &p, name, NULL);
        fail_alloc_after(-1);
        assert_true(k < 200 && (st == HG_OK) == (id != NULL));
        hg_identity_free(id);
    }
    assert_ok_err(st, p.err);
    test_remove_tree(p.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_member_is_made_loaded_and_described),
        TEST(openssl_reads_what_we_wrote),
        TEST(names_and_roles),
        TEST(separated_organisations),
        TEST(nothing_is_written_over),
        TEST(expired_and_not_yet_valid),
        TEST(readable_keys_are_refused),
        TEST(keys_of_two_members_do_not_mix),
        TEST(passphrases),
        TEST(signatures_are_about_one_thing),
        TEST(damaged_files_are_refused),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
