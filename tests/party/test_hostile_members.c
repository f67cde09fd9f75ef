/* tests/party/test_hostile_members.c -- members who hold a certificate and want what is not theirs, against three real servers */
#include "party/encode.h"
#include "party/ledger.h"
#include "party/request.h"
#include "party/statement.h"
#include "party.h"
#include "test.h"
#include "trio.h"

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

static void replace(hg_text *t, const char *from, const char *to) {
    hg_text out = hg_text_new(0);
    const char *at = strstr(t->s, from);
    assert_non_null(at);
    hg_text_put(&out, t->s, (size_t)(at - t->s));
    hg_text_add(&out, "%s%s", to, at + strlen(from));
    hg_text_free(t);
    *t = out;
}

static void replace_key(hg_text *t, const unsigned char *from, const unsigned char *to) {
    char a[2 * HG_PUBLIC_KEY + 1], b[2 * HG_PUBLIC_KEY + 1];
    hg_hex_write(a, from, HG_PUBLIC_KEY);
    hg_hex_write(b, to, HG_PUBLIC_KEY);
    replace(t, a, b);
}

static void sign(hg_text *t, const unsigned char *secret) {
    hg_text out = hg_text_new(0);
    hg_policy *p;
    hg_err err;
    assert_ok_err(hg_policy_read(&p, "policy", t->s, t->len, &err), err);
    assert_ok_err(hg_policy_sign(&out, p, t->s, t->len, secret, &err), err);
    hg_policy_free(p);
    hg_text_free(t);
    *t = out;
}

/* The canonical text of a policy that says that it replaces p, unsigned. */
static hg_text successor(const hg_policy *p) {
    char hex[2 * HG_DIGEST + 1], line[100];
    hg_text t = hg_text_new(0);
    assert_ok(hg_policy_write(&t, p, NULL));
    hg_hex_write(hex, p->digest, HG_DIGEST);
    snprintf(line, sizeof line, "replaces: %s\n", hex);
    replace(&t, "replaces: none\n", line);
    return t;
}

/* ---- a project is its owners' ------------------------------------------------------------------------------------------------- */

/* A text whose owners have keys of the author's own making is signed by all the owners that it names. */
static void a_policy_that_follows_is_signed_with_keys_of_the_one_before(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", ""), *next;
    test_keys was[3], is[3];
    hg_text t = successor(p);
    hg_err err;
    for (unsigned i = 0; i < 3; i++) {
        test_member_keys(&was[i], TEST_A + i);
        test_member_keys(&is[i], 60 + i);
        replace_key(&t, was[i].key, is[i].key);
    }
    for (unsigned i = 0; i < 3; i++) sign(&t, is[i].secret);
    assert_ok_err(hg_policy_read(&next, "next", t.s, t.len, &err), err);
    assert_ok_err(hg_policy_verify(next, t.s, t.len, TEST_NOW, &err), err); /* by itself it is a good policy */
    assert_ok_err(hg_policy_succeeds(next, p, &err), err);
    assert_int_equal(hg_policy_agreed(next, t.s, t.len, p, &err), HG_EREFUSED);
    assert_contains(err.msg, "a has not signed");
    hg_policy_free(next);
    hg_text_free(&t);
    hg_policy_free(p);
}

static void a_key_is_changed_in_two_steps(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", ""), *both, *alone;
    test_keys k[3], fresh;
    char hex_old[65], hex_new[65], text[200];
    hg_err err;
    for (unsigned i = 0; i < 3; i++) test_member_keys(&k[i], TEST_A + i);
    test_member_keys(&fresh, 60);
    hg_hex_write(hex_old, k[0].key, 32);
    hg_hex_write(hex_new, fresh.key, 32);
    hg_text first = successor(p);
    snprintf(text, sizeof text, "%s, old key: %s", hex_new, hex_old);
    replace(&first, hex_old, text);
    hg_text wrong = hg_text_new(0);
    hg_text_put(&wrong, first.s, first.len);
    for (unsigned i = 0; i < 3; i++) sign(&first, k[i].secret);
    assert_ok_err(hg_policy_read(&both, "both", first.s, first.len, &err), err);
    assert_ok_err(hg_policy_verify(both, first.s, first.len, TEST_NOW, &err), err);
    assert_ok_err(hg_policy_agreed(both, first.s, first.len, p, &err), err);
    sign(&wrong, fresh.secret); /* the new key alone says nothing yet */
    sign(&wrong, k[1].secret);
    sign(&wrong, k[2].secret);
    assert_ok_err(hg_policy_verify(both, wrong.s, wrong.len, TEST_NOW, &err), err);
    assert_int_equal(hg_policy_agreed(both, wrong.s, wrong.len, p, &err), HG_EREFUSED);
    hg_text second = successor(p); /* then the new one alone */
    char digest[65], from[100], to[100];
    hg_hex_write(digest, p->digest, 32);
    snprintf(from, sizeof from, "replaces: %s", digest);
    hg_hex_write(digest, both->digest, 32);
    snprintf(to, sizeof to, "replaces: %s", digest);
    replace(&second, from, to);
    replace(&second, hex_old, hex_new);
    sign(&second, fresh.secret);
    sign(&second, k[1].secret);
    sign(&second, k[2].secret);
    assert_ok_err(hg_policy_read(&alone, "alone", second.s, second.len, &err), err);
    assert_ok_err(hg_policy_verify(alone, second.s, second.len, TEST_NOW, &err), err);
    assert_ok_err(hg_policy_agreed(alone, second.s, second.len, both, &err), err);
    assert_int_equal(hg_policy_agreed(alone, second.s, second.len, p, &err), HG_EREFUSED); /* not in one step */
    hg_policy_free(alone);
    hg_policy_free(both);
    hg_policy_free(p);
    hg_text_free(&first);
    hg_text_free(&wrong);
    hg_text_free(&second);
}

/* How often these words stand in the signed log of server 0, as a member of the project reads it. */
static void assert_told(trio *t, const char *part, size_t expected) {
    hg_audit_log *l;
    hg_err err;
    size_t n = 0;
    hg_text log = hg_text_new(0), words = hg_text_new(0);
    assert_ok_err(hg_audit_export(&log, t->server[0].store, 1, "magnets", &err), err);
    assert_ok_err(hg_audit_read(&l, "log", log.s, log.len, &err), err);
    hg_audit_words(&words, l);
    for (const char *at = words.s; (at = strstr(at, part)) != NULL; at++) n++;
    if (n != expected) print_error("%s", words.s);
    assert_int_equal(n, expected);
    hg_audit_log_free(l);
    hg_text_free(&words);
    hg_text_free(&log);
}

/* dora has a certificate of the cluster and nothing else: she writes herself into the project, with a large budget. */
static void a_stranger_cannot_take_a_project_over(void **state) {
    (void)state;
    trio *t = trio_new("takeover", SEMI, "");
    char path[TRIO_PATH];
    hg_policy *p;
    hg_err err;
    hg_identity *dora;
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    assert_ok_err(hg_identity_load(&dora, trio_path(path, t, "dora"), NULL, hg_world_system(), &err), err);
    hg_text text = successor(p);
    test_keys k[2];
    for (unsigned i = 0; i < 2; i++) {
        test_member_keys(&k[i], 60 + i);
        replace_key(&text, hg_policy_member(p, i ? "bolt" : "acme")->key, k[i].key);
    }
    replace_key(&text, hg_policy_member(p, "carol")->key, hg_identity_certificate(dora)->signing_key);
    replace(&text, "budget: 6", "budget: 1000000");
    for (unsigned i = 0; i < 2; i++) sign(&text, k[i].secret);
    sign(&text, hg_identity_signing_secret(dora));
    assert_ok_err(hg_party_write_file(trio_path(path, t, "takeover.yaml"), text.s, text.len, &err), err);
    hg_party *party = trio_party(t, "dora");
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(hg_party_policy_put(party, path, &err), HG_EREFUSED);
        assert_contains(err.msg, "has not signed the new policy");
    }
    hg_party_free(party);
    assert_told(t, "a policy for project magnets from dora was refused: acme has not signed the new policy", 4);
    assert_told(t, "; number 8 within an hour", 1);
    hg_policy *now;
    party = trio_party(t, "acme");
    assert_ok_err(hg_party_policy(&now, party, "magnets", &err), err);
    assert_memory_equal(now->digest, p->digest, HG_DIGEST);
    hg_party_free(party);
    hg_policy_free(now);
    hg_policy_free(p);
    hg_identity_free(dora);
    hg_text_free(&text);
    trio_free(t);
}

/* Each refusal is free for who is refused, and would be an entry that is signed, kept and fetched by all. */
static void one_member_does_not_fill_the_log(void **state) {
    (void)state;
    static const char NONSENSE[] = "project: magnets\nreason: a sentence for everybody's eyes\n";
    trio *t = trio_new("fills", SEMI, "");
    hg_err err;
    hg_text reply = hg_text_new(0);
    hg_party *acme = trio_party(t, "acme"), *dora = trio_party(t, "dora");
    for (unsigned i = 0; i < 9; i++) assert_int_equal(trio_suggest(acme, NULL, NULL, &err), HG_EREFUSED);
    assert_told(t, "job of acme was refused: the policy does not let acme ask", 4);
    for (unsigned i = 0; i < 9; i++) {
        assert_ok_err(hg_party_ask(dora, 0, HG_PUT_POLICY, NONSENSE, strlen(NONSENSE), &err), err);
        assert_int_equal(hg_party_reply(&reply, dora, 0, 64, &err), HG_EPARSE);
    }
    assert_told(t, "a policy from dora was refused: what came is no policy", 4);
    assert_told(t, "everybody", 0);
    hg_text_free(&reply);
    hg_party_free(acme);
    hg_party_free(dora);
    trio_free(t);
}

/* p under another name; by: who signs as owners instead of acme, bolt and carol (NULL: they themselves). */
static hg_status bring(trio *t, const hg_policy *p, const char *project, const char *by, hg_err *err) {
    static const char *const OWNER[] = { "acme", "bolt", "carol" };
    char path[TRIO_PATH], line[80];
    hg_text text = hg_text_new(0);
    assert_ok(hg_policy_write(&text, p, NULL));
    snprintf(line, sizeof line, "project: %s\n", project);
    replace(&text, "project: magnets\n", line);
    hg_identity *id[3];
    for (unsigned i = 0; i < 3; i++)
        assert_ok_err(
            hg_identity_load(&id[i], trio_path(path, t, i == 2 && by ? by : OWNER[i]), NULL, hg_world_system(), err),
            *err);
    test_keys k;
    for (unsigned i = 0; by && i < 2; i++) {
        test_member_keys(&k, 60 + i);
        replace_key(&text, hg_policy_member(p, OWNER[i])->key, k.key);
    }
    if (by) replace_key(&text, hg_policy_member(p, "carol")->key, hg_identity_certificate(id[2])->signing_key);
    for (unsigned i = 0; i < 3; i++) {
        test_member_keys(&k, 60 + i);
        sign(&text, by && i < 2 ? k.secret : hg_identity_signing_secret(id[i]));
        hg_identity_free(id[i]);
    }
    assert_ok_err(hg_party_write_file(trio_path(path, t, "brought.yaml"), text.s, text.len, err), *err);
    hg_text_free(&text);
    hg_party *party = trio_party(t, by ? by : "bolt");
    const hg_status st = hg_party_policy_put(party, path, err);
    hg_party_free(party);
    return st;
}

/* Whoever has a certificate makes owners out of nothing, and projects of them; names and room are everybody's. */
static void one_member_does_not_take_all_projects(void **state) {
    (void)state;
    trio *t = trio_new("projects", SEMI, "");
    char path[TRIO_PATH];
    hg_policy *p;
    hg_err err;
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    t->limits.projects = 4;
    t->limits.member_projects = 2;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_stop(t, i);
        trio_start(t, i);
    }
    assert_ok_err(bring(t, p, "iron", "dora", &err), err);
    assert_ok_err(bring(t, p, "steel", "dora", &err), err);
    assert_ok_err(bring(t, p, "steel", "dora", &err), err); /* the same again is no other */
    assert_int_equal(bring(t, p, "zinc", "dora", &err), HG_ELIMIT);
    assert_contains(
        err.msg,
        "dora has brought 2 projects to this server, and may bring no more (its operator's --member-projects)");
    assert_ok_err(bring(t, p, "zinc", NULL, &err), err); /* another's are another's */
    assert_int_equal(bring(t, p, "tin", NULL, &err), HG_ELIMIT);
    assert_contains(err.msg, "this server has 4 projects and takes no more");
    hg_policy_free(p);
    trio_free(t);
}

/* All that were in force are kept: a project whose owners change it again and again has an end. */
static void one_project_does_not_fill_the_disk(void **state) {
    (void)state;
    trio *t = trio_new("versions", SEMI, "");
    char path[TRIO_PATH];
    hg_policy *p;
    hg_err err;
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    hg_text text = successor(p);
    static const char *const OWNER[] = { "acme", "bolt", "carol" };
    for (unsigned i = 0; i < 3; i++) {
        hg_identity *id;
        assert_ok_err(hg_identity_load(&id, trio_path(path, t, OWNER[i]), NULL, hg_world_system(), &err), err);
        sign(&text, hg_identity_signing_secret(id));
        hg_identity_free(id);
    }
    assert_ok_err(hg_party_write_file(trio_path(path, t, "next.yaml"), text.s, text.len, &err), err);
    hg_party *acme = trio_party(t, "acme");
    for (unsigned round = 0; round < 2; round++) {
        t->limits.policy_bytes = text.len * (1 + round) + text.len / 2;
        for (unsigned i = 0; i < HG_SERVERS; i++) {
            trio_stop(t, i);
            trio_start(t, i);
        }
        assert_int_equal(hg_party_policy_put(acme, path, &err), round ? HG_OK : HG_ELIMIT);
        if (!round)
            assert_contains(err.msg,
                            "all policies that project \"magnets\" has had are kept, and would be longer than");
    }
    hg_party_free(acme);
    hg_policy_free(p);
    hg_text_free(&text);
    trio_free(t);
}

/* ---- a data set is its owner's ------------------------------------------------------------------------------------------------- */

static void share_both(hg_party_shared *acme, trio *t) {
    static const size_t A[] = { 0, 5, 30 }, B[] = { 35, 29 };
    double a[3], b[2];
    hg_party_shared bolt;
    hg_err err;
    for (size_t i = 0; i < 3; i++) a[i] = trio_hc(A[i]);
    for (size_t i = 0; i < 2; i++) b[i] = trio_hc(B[i]);
    assert_ok_err(trio_share(t, "acme", A, a, 3, acme, &err), err);
    assert_ok_err(trio_share(t, "bolt", B, b, 2, &bolt, &err), err);
}

static void set_id(unsigned char id[HG_DIGEST], const hg_party_shared *set) {
    assert_true(hg_hex_read(id, HG_DIGEST, set->dataset, 2 * HG_DIGEST));
}

/* The words that `signer` signs when it withdraws id as `owner`. */
static hg_text withdrawal(trio *t, const char *signer, const char *owner, const unsigned char *id) {
    char path[TRIO_PATH];
    hg_policy *p;
    hg_identity *i;
    hg_err err;
    hg_withdrawal w = { .created = hg_world_now(hg_world_system()) };
    hg_text text = hg_text_new(0);
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    assert_ok_err(hg_identity_load(&i, trio_path(path, t, signer), NULL, hg_world_system(), &err), err);
    snprintf(w.project, sizeof w.project, "magnets");
    snprintf(w.owner, sizeof w.owner, "%s", owner);
    memcpy(w.policy, p->digest, HG_DIGEST);
    memcpy(w.dataset, id, HG_DIGEST);
    assert_ok_err(hg_withdrawal_write(&text, &w, hg_identity_signing_secret(i), &err), err);
    hg_identity_free(i);
    hg_policy_free(p);
    return text;
}

static hg_status send_withdrawal(hg_party *from, const hg_text *w, hg_err *err) {
    hg_text body = hg_text_new(0), reply = hg_text_new(0);
    hg_put_name(&body, "magnets");
    hg_put_bytes(&body, w->s, w->len);
    hg_status st = hg_party_ask(from, 0, HG_PUT_WITHDRAWAL, body.s, body.len, err);
    if (st == HG_OK) st = hg_party_reply(&reply, from, 0, HG_RECEIPT_MOST, err);
    hg_text_free(&body);
    hg_text_free(&reply);
    return st;
}

static void no_member_withdraws_what_is_anothers(void **state) {
    (void)state;
    trio *t = trio_new("withdraw", SEMI, "");
    hg_party_shared acme;
    hg_party_answer *answer;
    hg_stored set;
    unsigned char id[HG_DIGEST], ahead[HG_DIGEST] = { 1 };
    hg_err err;
    share_both(&acme, t);
    set_id(id, &acme);
    hg_party *bolt = trio_party(t, "bolt");
    hg_text own = withdrawal(t, "bolt", "bolt", id), forged = withdrawal(t, "bolt", "acme", id),
            stolen = withdrawal(t, "acme", "acme", id), early = withdrawal(t, "bolt", "bolt", ahead);
    assert_int_equal(send_withdrawal(bolt, &own, &err), HG_EREFUSED); /* it is not bolt's */
    assert_contains(err.msg, "not one of bolt");
    assert_int_equal(send_withdrawal(bolt, &forged, &err), HG_EREFUSED);
    assert_contains(err.msg, "not signed by acme");
    assert_int_equal(send_withdrawal(bolt, &stolen, &err), HG_EREFUSED); /* signed by acme, sent by another */
    assert_contains(err.msg, "bolt asks to withdraw what belongs to acme");
    assert_ok_err(send_withdrawal(bolt, &early, &err),
                  err); /* nothing of that kind is here: and nothing is kept of it */
    hg_text told = hg_text_new(0), silent = hg_text_new(0);
    assert_ok_err(hg_store_gossip(&told, t->server[0].store, "magnets", &err), err);
    assert_ok_err(hg_store_gossip(&silent, t->server[1].store, "magnets", &err), err);
    assert_int_equal(told.len, silent.len);
    /* a cheating server that has such a paper tells it to the others */
    assert_ok_err(hg_store_withdraw(t->server[1].store, "magnets", id, own.s, own.len, &err), err);
    hg_party *carol = trio_party(t, "carol");
    assert_int_equal(hg_party_suggest(&answer, carol, "magnets", NULL, &err), HG_EREFUSED);
    for (unsigned i = 0; i < HG_SERVERS; i += 2) {
        assert_ok_err(hg_store_dataset(&set, t->server[i].store, id, &err), err);
        assert_int_equal(set.state, HG_DATASET_ACTIVE);
    }
    hg_text_free(&own);
    hg_text_free(&forged);
    hg_text_free(&stolen);
    hg_text_free(&early);
    hg_text_free(&told);
    hg_text_free(&silent);
    hg_party_free(bolt);
    hg_party_free(carol);
    trio_free(t);
}

/* A set that is staged on one server, as when its owner hands it to this one alone. */
static void stage(hg_store *s, const unsigned char *id) {
    static const uint64_t WORDS[3] = { 1, 2, 3 };
    const hg_stored shape = { .project = "magnets", .owner = "bolt", .sequence = 50, .limbs = 3, .elements = 1 };
    hg_stage *g;
    hg_err err;
    assert_ok_err(hg_stage_new(&g, s, &shape, &err), err);
    assert_ok_err(hg_stage_add(g, (const uint64_t *[]) { WORDS, WORDS }, NULL, 1, &err), err);
    assert_ok_err(hg_stage_commit(g, id, "statement", 9, &err), err);
    hg_stage_free(g);
}

/* An owner hands a set to two servers and withdraws it from one of them: the third has never heard of it, and jobs go on. */
static void half_a_data_set_does_not_stop_a_project(void **state) {
    (void)state;
    const unsigned char id[HG_DIGEST] = { 7 };
    trio *t = trio_new("half", SEMI, "");
    hg_party_shared acme;
    hg_party_answer *answer;
    hg_stored set;
    hg_err err;
    share_both(&acme, t);
    stage(t->server[0].store, id);
    stage(t->server[2].store, id);
    hg_text w = withdrawal(t, "bolt", "bolt", id);
    hg_party *bolt = trio_party(t, "bolt"), *carol = trio_party(t, "carol");
    assert_ok_err(send_withdrawal(bolt, &w, &err), err); /* to server 0 */
    assert_ok_err(hg_party_suggest(&answer, carol, "magnets", NULL, &err), err);
    assert_int_equal(answer->datasets, 2);
    hg_party_answer_free(answer);
    for (unsigned i = 0; i < HG_SERVERS; i += 2) { /* the other one that had it was told */
        assert_ok_err(hg_store_dataset(&set, t->server[i].store, id, &err), err);
        assert_int_equal(set.state, HG_DATASET_WITHDRAWN);
    }
    hg_text_free(&w);
    hg_party_free(bolt);
    hg_party_free(carol);
    trio_free(t);
}

/* ---- policies come and go ------------------------------------------------------------------------------------------------------ */

static void ask_once(trio *t) {
    hg_party *carol = trio_party(t, "carol");
    hg_party_answer *answer;
    hg_err err;
    assert_ok_err(hg_party_suggest(&answer, carol, "magnets", NULL, &err), err);
    hg_party_answer_free(answer);
    hg_party_free(carol);
}

/* It knows the policy in force alone; what was asked under the one before counts all the same, and stops nobody. */
static void a_rebuilt_server_counts_what_an_older_policy_allowed(void **state) {
    (void)state;
    trio *t = trio_new("older", SEMI, "");
    char path[TRIO_PATH];
    hg_party_shared acme;
    hg_policy *p;
    hg_err err;
    uint64_t epoch, spent;
    share_both(&acme, t);
    ask_once(t);
    assert_ok_err(hg_policy_load(&p, trio_path(path, t, "policy.yaml"), &err), err);
    hg_text text = successor(p);
    replace(&text, "budget: 6", "budget: 7");
    for (unsigned i = 0; i < 3; i++) {
        hg_identity *id;
        static const char *const OWNER[] = { "acme", "bolt", "carol" };
        assert_ok_err(hg_identity_load(&id, trio_path(path, t, OWNER[i]), NULL, hg_world_system(), &err), err);
        sign(&text, hg_identity_signing_secret(id));
        hg_identity_free(id);
    }
    assert_ok_err(hg_party_write_file(trio_path(path, t, "next.yaml"), text.s, text.len, &err), err);
    hg_party *acme_self = trio_party(t, "acme"), *univ = trio_party(t, "univ");
    assert_ok_err(hg_party_policy_put(acme_self, path, &err), err);
    trio_lose(t, 2);
    assert_ok_err(hg_party_refresh(&epoch, univ, "magnets", 2, &err), err);
    ask_once(t);
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        assert_ok(hg_ledger_user(&spent, t->server[i].store, "magnets", "carol", NULL));
        assert_int_equal(spent, 2);
    }
    hg_party_free(acme_self);
    hg_party_free(univ);
    hg_policy_free(p);
    hg_text_free(&text);
    trio_free(t);
}

/* ---- places are for all --------------------------------------------------------------------------------------------------------- */

/* dora holds as many connections as she gets, and asks for nothing. */
static void one_member_does_not_take_all_links(void **state) {
    (void)state;
    enum { LINKS = 12, TRIES = 14 };
    trio *t = trio_new("links", SEMI, "");
    hg_party *dora[TRIES];
    hg_server_status status;
    hg_arena *arena = hg_arena_new();
    size_t held = 0;
    hg_err err;
    trio_stop(t, 0);
    t->limits.links = LINKS;
    trio_start(t, 0);
    for (size_t i = 0; i < TRIES; i++) {
        dora[i] = trio_party(t, "dora");
        held += hg_party_status(&status, dora[i], 0, arena, &err) == HG_OK;
    }
    assert_true(held >= 4 && held <= LINKS - 3);
    hg_party *acme = trio_party(t, "acme");
    assert_ok_err(hg_party_status(&status, acme, 0, arena, &err), err);
    hg_party_free(acme);
    for (size_t i = 0; i < TRIES; i++) hg_party_free(dora[i]);
    hg_arena_free(arena);
    trio_free(t);
}

/* A question that its user brings to one server alone: it waits there for the two others. */
static void ask_one_server(hg_party *p, trio *t, unsigned nonce) {
    char path[TRIO_PATH];
    hg_policy *policy;
    hg_identity *id;
    hg_err err;
    hg_text body = hg_text_new(0);
    hg_job j = {
        .kind = HG_JOB_PROPOSE, .batch = 1, .nonce = { (unsigned char)nonce }, .project = "magnets", .user = "carol"
    };
    assert_ok_err(hg_policy_load(&policy, trio_path(path, t, "policy.yaml"), &err), err);
    assert_ok_err(hg_identity_load(&id, trio_path(path, t, "carol"), NULL, hg_world_system(), &err), err);
    j.tier = policy->tier;
    j.mode = policy->mode;
    j.created = hg_world_now(hg_world_system());
    j.expires = j.created + 3600;
    memcpy(j.policy, policy->digest, HG_DIGEST);
    hg_put_u32(&body, nonce);
    assert_ok_err(hg_job_write(&body, &j, hg_identity_signing_secret(id), &err), err);
    assert_ok_err(hg_party_ask(p, 0, HG_ASK_JOB, body.s, body.len, &err), err);
    hg_identity_free(id);
    hg_policy_free(policy);
    hg_text_free(&body);
}

static void one_member_does_not_take_all_jobs(void **state) {
    (void)state;
    enum { JOBS = 2 };
    trio *t = trio_new("jobs", SEMI, "limits: {least foreign rows: 2}\n");
    hg_party *carol[JOBS];
    hg_party_shared acme;
    bool odd[3];
    hg_err err;
    share_both(&acme, t);
    trio_stop(t, 0);
    t->limits.jobs = JOBS;
    t->limits.peer_ms = 4000;
    trio_start(t, 0);
    for (unsigned i = 0; i < JOBS; i++) ask_one_server(carol[i] = trio_party(t, "carol"), t, i);
    hg_party *other = trio_party(t, "acme");
    assert_ok_err(hg_party_check(odd, 3, other, "magnets", acme.dataset, &err), err);
    hg_party_free(other);
    for (unsigned i = 0; i < JOBS; i++) hg_party_free(carol[i]);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_member_does_not_take_all_links),
        TEST(one_member_does_not_take_all_jobs),
        TEST(a_policy_that_follows_is_signed_with_keys_of_the_one_before),
        TEST(a_key_is_changed_in_two_steps),
        TEST(a_stranger_cannot_take_a_project_over),
        TEST(one_member_does_not_fill_the_log),
        TEST(one_member_does_not_take_all_projects),
        TEST(one_project_does_not_fill_the_disk),
        TEST(no_member_withdraws_what_is_anothers),
        TEST(half_a_data_set_does_not_stop_a_project),
        TEST(a_rebuilt_server_counts_what_an_older_policy_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
