/* tests/cli/test_party.c -- what the parts of `hagane party` refuse, and how they say it; examples/three-parties.sh is the story */
#include "members.h"
#include "party/ledger.h"
#include "party/store.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>

static void mistakes_are_told(void **state) {
    (void)state;
    const struct {
        const char *words[10], *message;
        int code;
    } cases[] = {
        { { "party", "status" }, "--cluster is missing", 2 },
        { { "party", "status", "--cluster", "nowhere.yaml", "--identity", "x" }, "nowhere.yaml", 1 },
        { { "party", "share", "t.csv" }, "--cluster is missing", 2 },
        { { "party", "withdraw", "5f", "--cluster", "c" }, "--project is missing", 2 },
        { { "party", "init", "x", "--name", "x" }, "--role is missing", 2 },
        { { "party", "init", "x", "--role", "king" }, "--role cannot be \"king\"", 2 },
        { { "party", "cluster", "c.yaml", "--name", "c", "--authority", "a" },
          "a cluster has three servers, not 0",
          2 },
        { { "party", "serve", "x" }, "--cluster is missing", 2 },
        { { "party", "policy", "--sign" }, "--project is missing", 2 },
        { { "suggest", "--project", "magnets", "t.csv" }, "--project means nothing without --parties", 2 },
        { { "suggest", "--parties", "c.yaml", "--target", "y" }, "--target means nothing with --parties", 2 },
        { { "suggest", "--parties", "c.yaml", "t.csv" }, "a table and --parties cannot be given together", 2 },
        { { "suggest", "--parties", "c.yaml", "--project", "m" }, "--identity is missing", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const program_result r = program_run_words(cases[i].words, NULL, NULL);
        assert_contains(r.err, cases[i].message);
        assert_int_equal(r.code, cases[i].code);
    }
    program_forget();
}

/* ---- a stopped server's store ------------------------------------------------------------------------------------------------- */

/* Runs a line in the folder; fails the test when it fails. */
static void run(const char *folder, const char *line) {
    char command[2048];
    snprintf(command, sizeof command, "cd %s && $HAGANE %s", folder, line);
    const program_result r = program_shell(command);
    if (r.code) print_error("%s\n%s", line, r.err);
    assert_int_equal(r.code, 0);
}

/* Members, cluster, policy, and the store of server u with a job that was tried four times. */
static void make_store(const char *folder, char job[2 * HG_DIGEST + 1]) {
    char path[700];
    hg_identity *id;
    hg_store *s;
    hg_charged out;
    const hg_identity_opts o = hg_identity_opts_default();
    unsigned char key[HG_MASTER_KEY], digest[HG_DIGEST] = { 1 };
    mkdir(folder, 0700);
    run(folder, "party authority ca --name ca");
    run(folder,
        "party init u --name u --role server --authority ca && $HAGANE party init v --name v --role server --authority ca");
    run(folder,
        "party init w --name w --role server --authority ca && $HAGANE party init acme --name acme --role owner --role user"
        " --authority ca");
    run(folder,
        "party cluster cluster.yaml --name magnets --authority ca/authority.pem --server u/certificate.pem=127.0.0.1:7701"
        " --server v/certificate.pem=127.0.0.1:7702 --server w/certificate.pem=127.0.0.1:7703");
    snprintf(path, sizeof path, "%s/pool.csv", folder);
    hg_text pool = hg_text_new(0);
    hg_text_add(&pool, "x\n");
    for (int i = 0; i < 40; i++) hg_text_add(&pool, "%d\n", i);
    test_write_file(path, pool.s);
    hg_text_free(&pool);
    run(folder,
        "party policy --draft pool.csv --project magnets --target Hc --low 0 --high 3 --member acme/certificate.pem=40"
        " --cluster cluster.yaml --out draft.yaml");
    run(folder, "party policy draft.yaml --out policy.yaml");
    snprintf(path, sizeof path, "%s/u.key", folder);
    assert_ok(hg_master_key_write(path, hg_world_system(), NULL));
    assert_ok(hg_master_key_read(key, path, NULL));
    snprintf(path, sizeof path, "%s/u", folder);
    assert_ok(hg_identity_load(&id, path, &o, hg_world_system(), NULL));
    snprintf(path, sizeof path, "%s/u/store", folder);
    const hg_store_opts so = {
        .create = true, .master_key = key, .secret_key = hg_identity_signing_secret(id), .world = *hg_world_system()
    };
    assert_ok(hg_store_open(&s, path, &so, NULL));
    snprintf(path, sizeof path, "%s/policy.yaml", folder);
    char *policy = test_read_file(path);
    assert_ok(hg_store_policy_put(s, "magnets", digest, policy, strlen(policy), NULL));
    free(policy);
    hg_charge c = { .project = "magnets",
                    .user = "acme",
                    .queries = 1,
                    .user_budget = 40,
                    .dataset_budget = 9,
                    .deterministic = true,
                    .job = { 0xab, 0xcd } };
    for (int i = 0; i < 1 + HG_RETRIES; i++) assert_ok(hg_ledger_charge(&out, s, &c, NULL));
    assert_int_equal(hg_ledger_charge(&out, s, &c, NULL), HG_EREFUSED);
    hg_hex_write(job, c.job, HG_DIGEST);
    hg_store_free(s);
    hg_identity_free(id);
}

static void a_stopped_store_gets_a_new_key_and_a_job_another_try(void **state) {
    (void)state;
    char folder[512], command[1024], job[2 * HG_DIGEST + 1];
    program_result r;
    test_remove_tree(test_scratch(folder, sizeof folder, "party-store"));
    make_store(folder, job);
    snprintf(command, sizeof command, "cd %s && $HAGANE party store u --cluster cluster.yaml --key-file u.key", folder);
    r = program_shell(command);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "project magnets: epoch 0, 0 rows\n  acme has asked 1 of 40 queries\n");
    snprintf(
        command, sizeof command,
        "cd %s && $HAGANE party store u --cluster cluster.yaml --key-file u.key --new-key-file new.key --allow %.12s --json",
        folder, job);
    r = program_shell(command);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "\"hagane.party-store/1\"");
    assert_contains(r.out, "\"new.key\"");
    /* the old key is worth nothing any more; a job that nobody asked is none */
    snprintf(command, sizeof command, "cd %s && $HAGANE party store u --cluster cluster.yaml --key-file u.key", folder);
    r = program_shell(command);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "this master key does not open it");
    snprintf(command, sizeof command,
             "cd %s && $HAGANE party store u --cluster cluster.yaml --key-file new.key --allow 1234567890", folder);
    r = program_shell(command);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "charged no job 1234567890");
    snprintf(command, sizeof command, "cd %s && $HAGANE party store acme --cluster cluster.yaml --key-file new.key",
             folder);
    r = program_shell(command);
    assert_contains(r.err, "acme is none of the three servers");
    program_forget();
    test_remove_tree(folder);
}

/* ---- drafts and signatures ---------------------------------------------------------------------------------------------------------- */

/* Runs a line that has to be refused. */
static void refuse(const char *folder, const char *line, const char *message, int code) {
    char command[2048];
    snprintf(command, sizeof command, "cd %s && $HAGANE %s", folder, line);
    const program_result r = program_shell(command);
    assert_contains(r.err, message);
    assert_int_equal(r.code, code);
}

static void a_draft_says_what_is_wrong_with_it(void **state) {
    (void)state;
    static const char DRAFT[] =
        "party policy --draft named.csv --project p --target Hc --cluster cluster.yaml --out d.yaml";
    char folder[512], path[700], job[2 * HG_DIGEST + 1], line[1024];
    test_remove_tree(test_scratch(folder, sizeof folder, "party-draft"));
    make_store(folder, job);
    snprintf(path, sizeof path, "%s/named.csv", folder);
    hg_text pool = hg_text_new(0);
    hg_text_add(&pool, "id,x\n");
    for (int i = 0; i < 40; i++) hg_text_add(&pool, "%d,%d\n", 100 + i, i);
    test_write_file(path, pool.s);
    hg_text_free(&pool);
    static const struct {
        const char *more, *message;
        int code;
    } cases[] = {
        { "--low 0 --high 3 --member acme/certificate.pem --features x,nope", "there is no column \"nope\"", 3 },
        { "--low 3 --high 0 --member acme/certificate.pem", "--low must lie below --high", 2 },
        { "--low 0 --high 3 --member u.key", "u.key holds no certificate that can be read", 3 },
        { "--low 0 --high 3 --member bolt/certificate.pem=3", "bolt may not ask: its certificate has no role user", 2 },
    };
    run(folder, "party init bolt --name bolt --role owner --authority ca");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "%s %s", DRAFT, cases[i].more);
        refuse(folder, line, cases[i].message, cases[i].code);
    }
    snprintf(line, sizeof line, "%s --low 0 --high 3 --member acme/certificate.pem=3 --id id", DRAFT);
    run(folder, line); /* the names are no feature */
    snprintf(path, sizeof path, "%s/d.yaml", folder);
    char *draft = test_read_file(path);
    assert_contains(draft, "{column: \"x\"");
    assert_null(strstr(draft, "{column: \"id\""));
    free(draft);
    /* nobody signs what is over; who reads it is told */
    run(folder, "party policy d.yaml --sign --identity acme --out signed.yaml");
    snprintf(line, sizeof line,
             "cd %s && sed 's/valid: .*/valid: {from: 2020-01-01, until: 2021-01-01}/' d.yaml >old.yaml", folder);
    assert_int_equal(program_shell(line).code, 0);
    refuse(folder, "party policy old.yaml --sign --identity acme --out s.yaml",
           "expired at 2021-01-01T00:00:00Z: it is not signed", 5);
    snprintf(line, sizeof line, "cd %s && $HAGANE party policy old.yaml", folder);
    assert_contains(program_shell(line).out, "NOT IN FORCE: the policy of p expired");
    /* keys behind a passphrase name the option */
    snprintf(path, sizeof path, "%s/word", folder);
    test_write_file(path, "a long sentence\n");
    run(folder, "party init dora --name dora --role owner --authority ca --passphrase-file word");
    refuse(folder, "party policy d.yaml --sign --identity dora --out s.yaml", "--passphrase-file FILE", 5);
    program_forget();
    test_remove_tree(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(mistakes_are_told),
                                        TEST(a_stopped_store_gets_a_new_key_and_a_job_another_try),
                                        TEST(a_draft_says_what_is_wrong_with_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
