/* tests/party/test_policy.c -- what the owners sign: read, written out in full, signed by all, and what every mistake says */
#include "party/policy.h"
#include "party.h"
#include "test.h"

static hg_status read(hg_policy **p, const char *text, hg_err *err) {
    return hg_policy_read(p, "policy.yaml", text, strlen(text), err);
}

static void a_policy_says_what_it_says(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "malicious", "limits: {proposals per query: 4}\n");
    assert_string_equal(p->project, "magnets");
    assert_int_equal(p->tier, HG_TIER_PROPERTIES);
    assert_int_equal(p->mode, HG_MALICIOUS);
    assert_true(p->maximize && p->low == 0 && p->high == 3);
    assert_int_equal(p->n_pool, 36);
    assert_int_equal(p->n_candidates, 36);
    assert_string_equal(p->id[7], "M7");
    assert_true(p->pool[7 * 2] == 2 && p->pool[7 * 2 + 1] == 2);
    assert_int_equal(p->most_entries, 36);
    assert_int_equal(hg_policy_index_bits(p), 6);
    assert_int_equal(p->most_batch, 4);
    assert_int_equal(p->not_before, TEST_FROM);
    assert_int_equal(p->expires, TEST_UNTIL);
    assert_int_equal(p->n_members, 6);
    assert_string_equal(hg_policy_server(p, 2)->name, "s2");
    assert_true(hg_policy_member(p, "c")->owner && hg_policy_member(p, "c")->user);
    assert_int_equal(hg_policy_member(p, "c")->budget, 20);
    assert_int_equal(hg_policy_member(p, "a")->budget, 0);
    assert_null(hg_policy_member(p, "d"));
    assert_ptr_equal(hg_policy_member_of_key(p, hg_policy_member(p, "b")->key), hg_policy_member(p, "b"));
    double scaled[72];
    hg_policy_scaled_pool(scaled, p);
    assert_close(scaled[15], 0.2, 1e-15);
    hg_policy_free(p);
}

/* Written out, read and written again: the same bytes, with every default in them; and a text that means the same in another
 * order, with comments, has the same digest. */
static void the_signed_text_is_one(void **state) {
    (void)state;
    static const char *const TIERS[] = { "properties", "indices", "compositions" };
    for (size_t i = 0; i < 3; i++) {
        hg_policy *p = test_policy(TIERS[i], "semi-honest", i == 2 ? "limits: {entries: 64}\n" : "# a comment\n"), *q;
        hg_text once = hg_text_new(0), twice = hg_text_new(0);
        assert_ok(hg_policy_write(&once, p, NULL));
        assert_ok(read(&q, once.s, NULL));
        assert_ok(hg_policy_write(&twice, q, NULL));
        assert_string_equal(once.s, twice.s);
        assert_memory_equal(p->digest, q->digest, HG_DIGEST);
        assert_memory_equal(p->pool_digest, q->pool_digest, HG_DIGEST);
        assert_contains(once.s, "\n  plausibility: 16\n");
        assert_contains(once.s, "\n  noise floor: 0.0001\n");
        if (i < 2) assert_contains(once.s, "\n    M7,2,2\n");
        /* what servers can condition side by side, or the policy could never be answered */
        assert_int_equal(p->model.n_length * p->model.n_noise, i == 0 ? 64 : 8);
        hg_text_free(&once);
        hg_text_free(&twice);
        hg_policy_free(p);
        hg_policy_free(q);
    }
}

/* A digest that is not the same everywhere and for ever would orphan every share. Nothing here rests on a default. The number is
 * sha256sum's, over "hagane policy", a NUL and the canonical text. */
static void the_digest_is_a_constant(void **state) {
    (void)state;
    char hex[2 * HG_DIGEST + 1];
    hg_policy *p = test_policy(
        "properties", "semi-honest",
        "model: {kernel: rbf, lengths: [0.1, 1], noises: [0.01], acquisition: ucb, noise floor: 0.0001, length median: 0.5, "
        "length sd: 1, noise median: 0.01, noise sd: 2, kappa: 2, sigma low: -160, sigma levels: 200, fixed: false}\n"
        "limits: {least candidates: 32, least foreign rows: 3, padding: 8, queries per data set: 20, proposals per query: 1, "
        "release bits: 0, plausibility: 16, privacy epsilon: 0, privacy budget: 0}\n");
    hg_hex_write(hex, p->digest, HG_DIGEST);
    assert_string_equal(hex, "78f0dc87c5516c43b1e2ed414b830c9375ad667337116655f833481bb980b82f");
    hg_policy_free(p);
}

static void names_need_not_be_tame(void **state) {
    (void)state;
    hg_text text = hg_text_new(0), out = hg_text_new(0);
    test_policy_text(&text, "properties", "semi-honest", "");
    char *at = strstr(text.s, "column: Hc");
    assert_non_null(at);
    hg_text odd = hg_text_new(0);
    hg_text_put(&odd, text.s, (size_t)(at - text.s));
    hg_text_add(&odd,
                "column: \"\\\"Hc\\\" \\\\ # \xc2\xb5"
                "0, {T}: 'x'\"%s",
                at + 10);
    hg_policy *p, *q;
    assert_ok(read(&p, odd.s, NULL));
    assert_string_equal(p->target, "\"Hc\" \\ # \xc2\xb5"
                                   "0, {T}: 'x'");
    assert_ok(hg_policy_write(&out, p, NULL));
    assert_ok(read(&q, out.s, NULL));
    assert_string_equal(q->target, p->target);
    assert_memory_equal(p->digest, q->digest, HG_DIGEST);
    hg_text_free(&text);
    hg_text_free(&odd);
    hg_text_free(&out);
    hg_policy_free(p);
    hg_policy_free(q);
}

static void all_owners_sign(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_text text = hg_text_new(0), one = hg_text_new(0), all = hg_text_new(0);
    hg_err err;
    test_keys k;
    bool has[HG_MEMBERS_MOST];
    assert_ok(hg_policy_write(&text, p, NULL));
    assert_int_equal(hg_policy_verify(p, text.s, text.len, TEST_NOW, &err), HG_EREFUSED);
    assert_contains(err.msg, "lacks the signature of a, b, c");
    test_member_keys(&k, TEST_B);
    assert_ok(hg_policy_sign(&one, p, text.s, text.len, k.secret, NULL));
    assert_ok(hg_policy_signatures(has, p, one.s, one.len, NULL));
    assert_true(has[TEST_B] && !has[TEST_A] && !has[TEST_C]);
    assert_int_equal(hg_policy_verify(p, one.s, one.len, TEST_NOW, &err), HG_EREFUSED);
    assert_contains(err.msg, "lacks the signature of a, c");
    hg_text again = hg_text_new(0);
    assert_ok(hg_policy_sign(&again, p, one.s, one.len, k.secret, NULL)); /* changes nothing */
    assert_string_equal(again.s, one.s);
    test_policy_signed(&all, p);
    assert_ok_err(hg_policy_verify(p, all.s, all.len, TEST_NOW, &err), err);
    hg_policy *q; /* signatures are comments to YAML: the signed file is a policy like any */
    assert_ok(read(&q, all.s, NULL));
    assert_ok(hg_policy_verify(q, all.s, all.len, TEST_NOW, NULL));
    hg_text draft = hg_text_new(0); /* the same policy in a person's words, under signatures of the canonical text */
    test_policy_text(&draft, "properties", "semi-honest", "");
    hg_text_add(&draft, "%s", strstr(all.s, "# signature "));
    assert_ok(hg_policy_signatures(has, p, draft.s, draft.len, NULL));
    assert_int_equal(hg_policy_verify(p, draft.s, draft.len, TEST_NOW, &err), HG_EREFUSED);
    assert_contains(err.msg, "not in the form that is signed");
    hg_text_free(&draft);
    draft = hg_text_new(0);
    hg_text_add(&draft, "%s%s", all.s, strstr(all.s, "# signature "));
    assert_int_equal(hg_policy_verify(p, draft.s, draft.len, TEST_NOW, &err), HG_EREFUSED);
    assert_contains(err.msg, "signed the policy twice");
    hg_text_free(&draft);
    assert_int_equal(hg_policy_verify(p, all.s, all.len, TEST_FROM - 1000, &err), HG_EREFUSED);
    assert_contains(err.msg, "not valid before 2025-01-01T00:00:00Z");
    assert_int_equal(hg_policy_verify(p, all.s, all.len, TEST_UNTIL + 1000, &err), HG_EREFUSED);
    assert_contains(err.msg, "expired at 2026-01-01T00:00:00Z");
    assert_ok(hg_policy_verify(p, all.s, all.len, TEST_UNTIL + 10, NULL)); /* clocks differ */
    hg_text_free(&text);
    hg_text_free(&one);
    hg_text_free(&again);
    hg_text_free(&all);
    hg_policy_free(p);
    hg_policy_free(q);
}

/* Every single byte of a signed policy matters: with any one changed it is not accepted as what was signed. */
static void no_byte_can_be_changed(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_text all = hg_text_new(0);
    test_policy_signed(&all, p);
    for (size_t i = 0; i < all.len; i += i < all.len - 450 ? 7 : 1) { /* the last signature whole, the rest in steps */
        hg_policy *q = NULL;
        all.s[i] ^= 1;
        const hg_status st = hg_policy_read(&q, "x", all.s, all.len, NULL);
        if (st == HG_OK) assert_int_equal(hg_policy_verify(q, all.s, all.len, TEST_NOW, NULL), HG_EREFUSED);
        all.s[i] ^= 1;
        hg_policy_free(q);
    }
    hg_text_free(&all);
    hg_policy_free(p);
}

static void signatures_of_others_count_for_nothing(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_text text = hg_text_new(0), out = hg_text_new(0);
    hg_err err;
    test_keys k;
    bool has[HG_MEMBERS_MOST];
    assert_ok(hg_policy_write(&text, p, NULL));
    test_member_keys(&k, 0); /* a server */
    assert_int_equal(hg_policy_sign(&out, p, text.s, text.len, k.secret, NULL), HG_EREFUSED);
    test_member_keys(&k, 77);
    assert_int_equal(hg_policy_sign(&out, p, text.s, text.len, k.secret, NULL), HG_EREFUSED);
    char line[300], hex[2 * HG_SIGNATURE + 1];
    unsigned char signature[HG_SIGNATURE];
    static const char *const WHO[] = { "s0", "a", "nobody" };
    for (size_t i = 0; i < 3; i++) { /* by a stranger's key under another's name */
        hg_sign(signature, "policy", text.s, text.len, k.secret);
        hg_hex_write(hex, signature, HG_SIGNATURE);
        snprintf(line, sizeof line, "# signature %s %s\n", WHO[i], hex);
        const size_t len = text.len;
        hg_text_add(&text, "%s", line);
        assert_int_equal(hg_policy_signatures(has, p, text.s, text.len, &err), HG_EREFUSED);
        text.s[text.len = len] = '\0';
    }
    test_member_keys(&k, TEST_A); /* a's signature of something else */
    hg_sign(signature, "job", text.s, text.len, k.secret);
    hg_hex_write(hex, signature, HG_SIGNATURE);
    hg_text_add(&text, "# signature a %s\n", hex);
    assert_int_equal(hg_policy_signatures(has, p, text.s, text.len, &err), HG_EREFUSED);
    assert_contains(err.msg, "not one of this policy");
    hg_text_free(&text);
    hg_text_free(&out);
    hg_policy_free(p);
}

/* ---- a policy after the first --------------------------------------------------------------------------------------------- */

static hg_policy *edited(const char *from, const char *to, const char *more) {
    hg_text text = hg_text_new(0), out = hg_text_new(0);
    hg_policy *p;
    hg_err err;
    test_policy_text(&text, "properties", "semi-honest", more);
    char *at = strstr(text.s, from);
    assert_non_null(at);
    hg_text_put(&out, text.s, (size_t)(at - text.s));
    hg_text_add(&out, "%s%s", to, at + strlen(from));
    assert_ok_err(hg_policy_read(&p, "next.yaml", out.s, out.len, &err), err);
    hg_text_free(&text);
    hg_text_free(&out);
    return p;
}

static void only_people_budgets_and_dates_may_change(void **state) {
    (void)state;
    hg_policy *old = test_policy("properties", "semi-honest", "");
    char hex[65], more[400];
    hg_err err;
    hg_hex_write(hex, old->digest, HG_DIGEST);
    snprintf(more, sizeof more, "replaces: %s\nlimits: {queries per data set: 50}\n", hex);
    hg_policy *next = edited("until: 2026-01-01", "until: 2027-01-01", more);
    assert_ok_err(hg_policy_succeeds(next, old, &err), err);
    hg_policy_free(next);
    static const struct {
        const char *from, *to, *says;
    } BAD[] = {
        { "high: 3}", "high: 4}", "high: 4}" },
        { "M7,2,2", "M7,2,2.5", "M7,2,2.5" },
        { "tier: properties", "tier: indices", "tier: indices" },
        { "mode: semi-honest", "mode: malicious", "mode: malicious" },
        { "{name: a, roles: [owner]", "{name: a, roles: [user]", "a is an owner in the policy in force" },
        { "project: magnets", "project: magnet", "project: magnet" },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        next = edited(BAD[i].from, BAD[i].to, more);
        assert_int_equal(hg_policy_succeeds(next, old, &err), HG_EREFUSED);
        assert_contains(err.msg, BAD[i].says);
        hg_policy_free(next);
    }
    snprintf(more, sizeof more, "replaces: %s\nlimits: {least foreign rows: 1}\n", hex);
    next = edited("until: 2026-01-01", "until: 2027-01-01", more);
    assert_int_equal(hg_policy_succeeds(next, old, &err), HG_EREFUSED);
    assert_contains(err.msg, "least foreign rows: 1");
    hg_policy_free(next);
    next = edited("until: 2026-01-01", "until: 2027-01-01", "");
    assert_int_equal(hg_policy_succeeds(next, old, &err), HG_EREFUSED);
    assert_contains(err.msg, "does not say that it replaces");
    hg_policy_free(next);
    hg_policy_free(old);
}

static void keys_change_with_an_overlap_and_are_revoked(void **state) {
    (void)state;
    test_keys old, new;
    char change[300], more[200], hex_old[65], hex_new[65];
    unsigned char signature[HG_SIGNATURE];
    test_member_keys(&old, TEST_A);
    test_member_keys(&new, 50);
    hg_hex_write(hex_old, old.key, 32);
    hg_hex_write(hex_new, new.key, 32);
    snprintf(change, sizeof change, "key: %s, old key: %s", hex_new, hex_old);
    char from[100];
    snprintf(from, sizeof from, "key: %s", hex_old);
    hg_policy *p = edited(from, change, "");
    const hg_member *a = hg_policy_member(p, "a");
    assert_ptr_equal(hg_policy_member_of_key(p, old.key), a);
    assert_ptr_equal(hg_policy_member_of_key(p, new.key), a);
    hg_sign(signature, "job", "x", 1, old.secret);
    assert_true(hg_member_signed(a, signature, "job", "x", 1));
    assert_false(hg_member_signed(a, signature, "answer", "x", 1));
    hg_policy_free(p);
    snprintf(change, sizeof change, "key: %s", hex_new);
    snprintf(more, sizeof more, "revoked: [%s]\n", hex_old);
    p = edited(from, change, more);
    assert_null(hg_policy_member_of_key(p, old.key));
    assert_true(hg_policy_revoked(p, old.key));
    assert_false(hg_member_signed(hg_policy_member(p, "a"), signature, "job", "x", 1));
    hg_policy_free(p);
    hg_text text = hg_text_new(0); /* a key that somebody still has cannot be revoked */
    hg_err err;
    test_policy_text(&text, "properties", "semi-honest", more);
    assert_int_equal(read(&p, text.s, &err), HG_EPARSE);
    assert_contains(err.msg, "a has a key that is revoked");
    hg_text_free(&text);
}

/* Sentences, with the numbers of this policy in them. */
static void it_is_shown_in_plain_words(void **state) {
    (void)state;
    static const char *const SAYS[] = {
        "Policy of project magnets, valid from 2025-01-01T00:00:00Z until 2026-01-01T00:00:00Z.",
        "The property is \"Hc\", from 0 to 3 T; a value outside is refused. It is to be made large.",
        "36 entries, 36 of which may be proposed, described by 2 features",
        "must not work together: s0, s1, s2.",
        "who share data and must all sign: a, b, c.",
        "c may ask 20 queries in all.",
        "at most 5.17 bits on average",
        "35 linear inequalities",
        "rounded to steps of 0.188 T: 4 bits more",
        "Price: 2 of the user's queries",
        "budget of 20 can tell is 92 bits", /* 10 answers of 9.17 bits */
        "more than 4 standard deviations off",
        "acquisition ucb, kappa 2.",
    };
    hg_policy *p = test_policy("properties", "semi-honest", "limits: {release bits: 4}\n");
    hg_text words = hg_text_new(0);
    assert_ok(hg_policy_show(&words, p, NULL));
    for (size_t i = 0; i < sizeof SAYS / sizeof *SAYS; i++) assert_contains(words.s, SAYS[i]);
    hg_text_free(&words);
    hg_policy_free(p);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------------- */

/* range 0..3 T onto -8..8: 1.5 -> 0, 3 -> 8 * 2^24, 0.75 -> -4 * 2^24; minimising turns the sign. */
static void a_property_becomes_a_ring_element(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", ""), *q = edited("goal: maximize", "goal: minimize", "");
    uint64_t z[3];
    hg_err err;
    assert_ok(hg_policy_scale(z, p, 1.5, NULL));
    assert_true(z[0] == 0 && z[1] == 0 && z[2] == 0);
    assert_ok(hg_policy_scale(z, p, 3, NULL));
    assert_true(z[0] == (uint64_t)8 << 24 && z[1] == 0);
    assert_ok(hg_policy_scale(z, p, 0.75, NULL));
    assert_true(z[0] == (uint64_t) - ((int64_t)4 << 24) && z[1] == UINT64_MAX && z[2] == UINT64_MAX);
    assert_ok(hg_policy_scale(z, q, 0.75, NULL));
    assert_true(z[0] == (uint64_t)4 << 24);
    assert_close(hg_policy_unscale(p, -4), 0.75, 1e-15);
    assert_close(hg_policy_unscale(q, 4), 0.75, 1e-15);
    assert_int_equal(hg_policy_scale(z, p, 3.0001, &err), HG_EDATA);
    assert_contains(err.msg, "Hc is 3.0001 T, outside the policy's range 0 to 3");
    assert_int_equal(hg_policy_scale(z, p, NAN, NULL), HG_ENAN);
    assert_int_equal(hg_policy_scale(z, p, INFINITY, NULL), HG_ENAN);
    hg_policy_free(p);
    hg_policy_free(q);
}

/* ---- drafts ------------------------------------------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static void a_draft_takes_its_pool_from_a_file(void **state) {
    (void)state;
    char folder[500], path[600], pool[600];
    hg_text text = hg_text_new(0), csv = hg_text_new(0), out = hg_text_new(0);
    hg_policy *p, *q;
    hg_err err;
    test_scratch(folder, sizeof folder, "draft");
    snprintf(path, sizeof path, "%s.yaml", folder);
    snprintf(pool, sizeof pool, "%s.csv", folder);
    hg_text_add(&csv, "y;comment;label;x;proposed\n");
    for (unsigned i = 0; i < 36; i++)
        hg_text_add(&csv, "%u;blah;\"M%u, new\";%u,5;%d\n", i / 6, i, i % 6, i == 3 ? 0 : 1); /* decimal commas */
    write_file(pool, csv.s);
    test_policy_text(&text, "properties", "semi-honest", "");
    char *begin = strstr(text.s, "pool:"), *end = strstr(text.s, "members:");
    hg_text_put(&out, text.s, (size_t)(begin - text.s));
    hg_text_add(&out, "pool: {file: %s, id: label, candidate: proposed}\n%s", strrchr(pool, '/') + 1, end);
    write_file(path, out.s);
    assert_ok_err(hg_policy_load(&p, path, &err), err);
    assert_int_equal(p->n_pool, 36);
    assert_int_equal(p->n_candidates, 35);
    assert_true(!p->candidate[3] && p->candidate[4] && p->pool[2 * 3] == 3.5);
    assert_string_equal(p->id[3], "M3, new");
    assert_int_equal(read(&q, out.s, &err), HG_EPARSE); /* a server does not open files because a text says so */
    assert_contains(err.msg, "a signed policy holds its rows");
    hg_text canonical = hg_text_new(0);
    assert_ok(hg_policy_write(&canonical, p, NULL));
    assert_contains(canonical.s, "    \"M3, new\",3.5,0,0\n");
    assert_ok(read(&q, canonical.s, NULL));
    assert_memory_equal(p->digest, q->digest, HG_DIGEST);
    hg_policy_free(q);
    hg_policy_free(p);
    hg_text_add(&csv, "9;x;again;3,5;1\n0;x;\"M3, new\";9;1\n");
    write_file(pool, csv.s);
    assert_int_equal(hg_policy_load(&p, path, &err), HG_EDATA);
    assert_contains(err.msg, ".csv:39: the same name as on line 5");
    remove(path);
    remove(pool);
    hg_text_free(&text);
    hg_text_free(&csv);
    hg_text_free(&out);
    hg_text_free(&canonical);
}

/* ---- refusals ----------------------------------------------------------------------------------------------------------------- */

static void every_mistake_has_a_place(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *says;
        hg_status st;
    } BAD[] = {
        { "project: magnets", "projekt: magnets", "policy.yaml:2:1: policy: unknown key \"projekt\"", HG_EPARSE },
        { "project: magnets", "project: \"a b\"", "policy.yaml:2:10: project is \"a b\"", HG_EPARSE },
        { "project: magnets\n", "", "policy.yaml:1:1: \"project\" is missing", HG_EPARSE },
        { "hagane policy: 1", "hagane policy: 2", "policy.yaml:1:16: hagane policy is \"2\"", HG_EPARSE },
        { "tier: properties", "tier: property",
          "policy.yaml:3:7: tier is \"property\", expected properties, indices or compositions", HG_EPARSE },
        { "mode: semi-honest", "mode: plain", "policy.yaml:4:7: mode is \"plain\", expected semi-honest or malicious",
          HG_EPARSE },
        { "from: 2025-01-01", "from: 2025-02-30", "policy.yaml:5:15: from is no date", HG_EPARSE },
        { "until: 2026-01-01", "until: 2024-01-01", "policy.yaml:5:34: until is not after from", HG_EPARSE },
        { "low: 0, high: 3}", "low: 0, high: 0}", "high is not above low", HG_EPARSE },
        { "low: 0, high: 3}", "low: 0, high: nan}", "high is \"nan\"", HG_EPARSE },
        { "low: 0, high: 3}", "low: 0}", "policy.yaml:6:9: \"high\" is missing", HG_EPARSE },
        { "column: y,", "column: x,", "policy.yaml:9:5: feature \"x\" is listed twice", HG_EPARSE },
        { "column: y,", "column: Hc,", "\"Hc\" is the target", HG_EPARSE },
        { "    M7,2,2", "    M7,2,b", "policy.yaml:21:10: expected a number, found \"b\"", HG_EDATA },
        { "    M7,2,2", "    M7,2", "policy.yaml:21: this row has 2 cells", HG_EDATA },
        { "    M7,2,2", "    M7,2,11", "policy.yaml:21: \"y\" is 11, outside its range 0 to 10", HG_EDATA },
        { "    M7,2,2", "    M7,0,0", "policy.yaml:21: the same features as on line 14", HG_EDATA },
        { "    M7,2,2", "    M6,2,2", "policy.yaml:21: the same name as on line 20", HG_EDATA },
        { "    M7,2,2", "    ,2,2", "policy.yaml:21:5: the row has no name in column \"name\"", HG_EDATA },
        { "    name,x,y", "    name,y,x", "policy.yaml:13:10: unexpected column \"y\"", HG_EDATA },
        { "  rows: |\n    name,x,y\n    M0,0,0\n", "  rows: |\n    name,x,y\n", NULL, HG_OK },
        { "  id: name\n", "  id: name\n  file: pool.csv\n", "policy.yaml:11:3: pool: expected file or rows",
          HG_EPARSE },
        { "[server]", "[server, user]", "s0 is a server and something else", HG_EPARSE },
        { "[server]", "[owner]", "seal: only a server has a sealing key", HG_EPARSE },
        { "{name: s1", "{name: s0", "member \"s0\" is listed twice", HG_EPARSE },
        { "roles: [owner, user]", "roles: [owner]", "nobody is a user", HG_EPARSE },
        { "roles: [owner, user]", "roles: [boss]", "role is \"boss\", expected server, owner or user", HG_EPARSE },
        { "{name: a, roles: [owner]", "{name: a, budget: 3, roles: [owner]", "budget: a is no user", HG_EPARSE },
        { "{name: a, roles: [owner], key: ", "{name: a, roles: [owner], key: 00", "key is not a key", HG_EPARSE },
    };
    hg_text text = hg_text_new(0);
    test_policy_text(&text, "properties", "semi-honest", "");
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_text bad = hg_text_new(0);
        hg_policy *p = (hg_policy *)state;
        hg_err err = { 0 };
        const char *at = strstr(text.s, BAD[i].from);
        assert_non_null(at);
        hg_text_put(&bad, text.s, (size_t)(at - text.s));
        hg_text_add(&bad, "%s%s", BAD[i].to, at + strlen(BAD[i].from));
        const hg_status st = hg_policy_read(&p, "policy.yaml", bad.s, bad.len, &err);
        if (st != BAD[i].st) print_error("%zu: %s %s\n", i, hg_status_name(st), err.msg);
        assert_int_equal(st, BAD[i].st);
        if (BAD[i].says) {
            assert_contains(err.msg, BAD[i].says);
            assert_null(p);
        }
        hg_policy_free(p);
        hg_text_free(&bad);
    }
    hg_text_free(&text);
}

static void there_are_three_servers(void **state) {
    (void)state;
    hg_text text = hg_text_new(0);
    hg_policy *p;
    hg_err err;
    test_keys k;
    char key[65], seal[65];
    test_member_keys(&k, 60);
    hg_hex_write(key, k.key, 32);
    hg_hex_write(seal, k.seal, 32);
    test_policy_text(&text, "properties", "semi-honest", "");
    const size_t len = text.len;
    hg_text_add(&text, "  - {name: s3, roles: [server], key: %s, seal: %s}\n", key, seal);
    assert_int_equal(read(&p, text.s, &err), HG_EPARSE);
    assert_contains(err.msg, "4 servers, expected 3");
    text.s[text.len = len] = '\0';
    char *line = strstr(text.s, "  - {name: s2"), *next = strchr(line, '\n') + 1;
    memmove(line, next, strlen(next) + 1);
    assert_int_equal(read(&p, text.s, &err), HG_EPARSE);
    assert_contains(err.msg, "2 servers, expected 3");
    hg_text_free(&text);
}

static void limits_and_model_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *tier, *more, *says;
    } BAD[] = {
        { "properties", "limits: {least candidates: 40}\n",
          "pool: 36 candidates, fewer than the least candidates, 40" },
        { "properties", "limits: {entries: 40}\n", "entries belongs to tier compositions" },
        { "compositions", "", "entries is 0" },
        { "properties", "limits: {pading: 40}\n", "limits: unknown key \"pading\"" },
        { "properties", "limits: {padding: 0}\n", "padding is \"0\", expected a whole number from 1 to 4096" },
        { "properties", "limits: {privacy epsilon: 5, privacy budget: 100}\n", "does not depend on the data" },
        { "properties", "model: {fixed: true, lengths: [0.5], noises: [0.01]}\nlimits: {privacy epsilon: 5}\n",
          "below the epsilon of one query" },
        { "properties", "model: {noises: [0.0001, 0.01], noise floor: 0.001}\n",
          "noises: 0.0001 lies below the noise floor 0.001" },
        { "properties", "model: {lengths: []}\n", "the list is empty" },
        { "properties", "model: {lengths: 3}\n", "lengths: expected a list" },
        { "properties", "model: {kappa: 1000}\n", "kappa" },
        { "properties", "model: {kernel: linear}\n", "expected rbf or matern52" },
        { "indices", "model: {lengths: [0.1, 0.2, 0.4], noises: [0.001, 0.01, 0.1]}\n", "make 9 pools" },
        { "indices", "model: {acquisition: ei}\n", "acquisition is \"ei\"" },
        { "properties", "model: {acquisition: random}\n", "acquisition is \"random\"" },
        { "properties", "revoked: [00]\n", "revoked is not a key" },
        { "properties", "replaces: yes\n", "replaces is the digest" },
        { "properties", "---\nmore: 1\n", "a second document" },
        { "properties", "members: []\n", "\"members\" is given twice" },
        { "properties", "\t: x", "not YAML" },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_text text = hg_text_new(0);
        hg_policy *p;
        hg_err err = { 0 };
        test_policy_text(&text, BAD[i].tier, "semi-honest", BAD[i].more);
        assert_int_equal(read(&p, text.s, &err), HG_EPARSE);
        assert_contains(err.msg, BAD[i].says);
        assert_null(p);
        hg_text_free(&text);
    }
    hg_policy *p;
    assert_int_equal(read(&p, "", NULL), HG_EPARSE);
    assert_int_equal(read(&p, "[]", NULL), HG_EPARSE);
    char *big = calloc(1, HG_POLICY_BYTES + 1);
    assert_int_equal(hg_policy_read(&p, "x", big, HG_POLICY_BYTES + 1, NULL), HG_ELIMIT);
    free(big);
}

static void survives_any_allocation_failure(void **state) {
    hg_text text = hg_text_new(0), all = hg_text_new(0);
    test_policy_text(&text, "properties", "semi-honest", "");
    hg_policy *p = test_policy("properties", "semi-honest", ""), *q;
    test_policy_signed(&all, p);
    for (long k = 0;; k++) {
        q = (hg_policy *)state;
        fail_alloc_after(k);
        const hg_status st = hg_policy_read(&q, "policy.yaml", text.s, text.len, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 3);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(q);
    }
    hg_policy_free(q);
    for (long k = 0;; k++) {
        hg_text out = hg_text_new(0);
        test_keys keys;
        test_member_keys(&keys, TEST_A);
        fail_alloc_after(k);
        hg_status st = hg_policy_verify(p, all.s, all.len, TEST_NOW, NULL);
        if (st == HG_OK) st = hg_policy_sign(&out, p, text.s, text.len, keys.secret, NULL);
        fail_alloc_after(-1);
        hg_text_free(&out);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM); /* never taken for a missing or a wrong signature */
    }
    hg_text_free(&text);
    hg_text_free(&all);
    hg_policy_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_policy_says_what_it_says),
        TEST(the_signed_text_is_one),
        TEST(the_digest_is_a_constant),
        TEST(names_need_not_be_tame),
        TEST(all_owners_sign),
        TEST(no_byte_can_be_changed),
        TEST(signatures_of_others_count_for_nothing),
        TEST(only_people_budgets_and_dates_may_change),
        TEST(keys_change_with_an_overlap_and_are_revoked),
        TEST(it_is_shown_in_plain_words),
        TEST(a_property_becomes_a_ring_element),
        TEST(a_draft_takes_its_pool_from_a_file),
        TEST(every_mistake_has_a_place),
        TEST(there_are_three_servers),
        TEST(limits_and_model_are_checked),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
