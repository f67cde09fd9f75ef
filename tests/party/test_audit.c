/* tests/party/test_audit.c -- a log that its own server cannot rewrite unseen */
#include "party/audit.h"
#include "party/ledger.h"
#include "store_kit.h"

static hg_audit_log *read_log(const hg_text *t) {
    hg_audit_log *l;
    hg_err err = { 0 };
    assert_ok_err(hg_audit_read(&l, "log", t->s, t->len, &err), err);
    return l;
}

static hg_text export_log(hg_store *s, uint64_t first, const char *project) {
    hg_text t = hg_text_new(0);
    assert_ok(hg_audit_export(&t, s, first, project, NULL));
    return t;
}

static void refuse(hg_store *s, const char *project, const char *user, const char *reason) {
    hg_audit_note n = { 0 };
    hg_note_text(&n, "project", project);
    hg_note_text(&n, "user", user);
    hg_note_text(&n, "reason", reason);
    assert_ok(hg_audit_append(s, HG_AUDIT_JOB_REFUSED, &n, NULL));
}

/* The first entry of a store, line by line. */
static void an_entry_is_what_the_page_says(void **state) {
    (void)state;
    kit k;
    hg_audit_head head;
    unsigned char hash[HG_DIGEST], digest[HG_DIGEST];
    char key[65], body[65], scope[65], hex[65], text[2048];
    kit_clock = 1000;
    hg_store_free(kit_create(kit_new(&k, "entry", 2)));
    hg_store *s = kit_open(&k);
    hg_text t = export_log(s, 1, NULL);
    hg_hex_write(key, k.key, 32);
    const char *words = "kind created\nparty 2\nversion " HG_VERSION "\n";
    hg_digest(digest, "audit body", words, strlen(words));
    hg_hex_write(body, digest, 32);
    hg_digest(digest, "audit scope", "", 0);
    hg_hex_write(scope, digest, 32);
    snprintf(text, sizeof text, "party 2\nkey %s\nsequence 1\nprevious %064d\ntime 1000\nscope %s\nbody %s\n", key, 0,
             scope, body);
    hg_digest(hash, "audit entry", text, strlen(text));
    hg_hex_write(hex, hash, 32);
    snprintf(
        text, sizeof text,
        "hagane audit log 1\nparty 2\nkey %s\n\nsequence 1\nprevious %064d\ntime 1000\nscope %s\nbody %s\n%shash %s\nsignature ",
        key, 0, scope, body, words, hex);
    assert_memory_equal(t.s, text, strlen(text));
    unsigned char signature[HG_SIGNATURE];
    assert_true(hg_hex_read(signature, HG_SIGNATURE, t.s + strlen(text), 128));
    assert_true(hg_signed_by(k.key, signature, "audit entry", hash, 32));
    hg_audit_log *l = read_log(&t);
    assert_int_equal(l->n, 3); /* created, policy, opened */
    assert_int_equal(l->entry[0].kind, HG_AUDIT_CREATED);
    assert_string_equal(l->entry[1].key[0], "project");
    assert_string_equal(l->entry[1].value[0], KIT_PROJECT);
    assert_ok(hg_audit_verify(&head, l, k.key, KIT_PROJECT, NULL, NULL));
    assert_int_equal(head.sequence, 3);
    assert_memory_equal(head.hash, l->entry[2].hash, 32);
    hg_audit_head again;
    assert_ok(hg_audit_head_get(&again, s, NULL));
    assert_memory_equal(&again, &head, sizeof head);
    hg_audit_log_free(l);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void members_see_their_project_alone_and_the_chain_holds(void **state) {
    (void)state;
    kit k;
    hg_err err;
    hg_store *s = kit_create(kit_new(&k, "members", 0));
    refuse(s, KIT_PROJECT, "carol", "budget");
    refuse(s, "steels", "dave", "nobody here may know");
    refuse(s, KIT_PROJECT, "carol", "budget again");
    refuse(s, "steels", "dave", "two");
    refuse(s, "steels", "dave", "in a row");
    hg_text t = export_log(s, 1, KIT_PROJECT);
    assert_null(strstr(t.s, "dave"));
    assert_null(strstr(t.s, "steels"));
    assert_contains(t.s, "budget again");
    hg_audit_log *l = read_log(&t);
    assert_ok_err(hg_audit_verify(NULL, l, k.key, KIT_PROJECT, NULL, &err), err);
    assert_true(l->entry[3].hidden);
    /* the same text does not do for a member of the hidden project: entries of its own are hidden */
    assert_int_equal(hg_audit_verify(NULL, l, k.key, "steels", NULL, &err), HG_ECHEAT);
    assert_contains(err.msg, "your own project is hidden");
    hg_text words = hg_text_new(0);
    hg_audit_words(&words, l);
    assert_contains(words.s, "an entry of another project");
    assert_contains(words.s, "2 entries of other projects, up to "); /* one line for those in a row */
    assert_contains(words.s, "job of carol was refused: budget again");
    hg_text_free(&words);
    hg_audit_log_free(l);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* From the head that was kept on, with an entry of overlap or just after it. */
static void a_kept_head_is_where_the_next_reading_begins(void **state) {
    (void)state;
    kit k;
    hg_err err;
    hg_audit_head head, next;
    hg_store *s = kit_create(kit_new(&k, "head", 1));
    assert_ok(hg_audit_head_get(&head, s, NULL));
    refuse(s, KIT_PROJECT, "carol", "one");
    refuse(s, KIT_PROJECT, "carol", "two");
    for (uint64_t first = head.sequence - 1; first <= head.sequence + 2; first++) {
        hg_text t = export_log(s, first, NULL);
        hg_audit_log *l = read_log(&t);
        const hg_status st = hg_audit_verify(&next, l, k.key, NULL, &head, &err);
        if (first <= head.sequence + 1) {
            assert_ok_err(st, err);
            assert_int_equal(next.sequence, head.sequence + 2);
        } else {
            assert_int_equal(st, HG_ECHEAT);
            assert_contains(err.msg, "entries before it are missing");
        }
        if (first > 1)
            assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, NULL, &err), HG_ECHEAT); /* a beginning is missing */
        hg_audit_log_free(l);
        hg_text_free(&t);
    }
    /* shorter than before, or empty */
    hg_text t = export_log(s, 1, NULL);
    hg_audit_log *l = read_log(&t);
    l->n = head.sequence;
    assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, &next, &err), HG_ECHEAT);
    assert_contains(err.msg, "was longer");
    l->n = 0;
    assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, &next, &err), HG_ECHEAT);
    hg_audit_log_free(l);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* The server itself, with its own key, tells another story. */
static void a_rewritten_history_is_seen_against_an_earlier_head(void **state) {
    (void)state;
    kit k;
    hg_err err;
    hg_audit_head head;
    for (int story = 0; story < 2; story++) {
        kit_clock = 5000;
        hg_store *s = kit_create(kit_new(&k, "rewrite", 0));
        refuse(s, KIT_PROJECT, "carol", story ? "nothing happened" : "the operator copied a key");
        refuse(s, KIT_PROJECT, "carol", "more");
        hg_text t = export_log(s, 1, NULL);
        hg_audit_log *l = read_log(&t);
        assert_ok(hg_audit_verify(story ? NULL : &head, l, k.key, NULL, NULL, &err)); /* by itself each is in order */
        if (story) {
            assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, &head, &err), HG_ECHEAT);
            assert_contains(err.msg, "history was rewritten");
            assert_contains(err.hint, "evidence");
            hg_audit_log_free(l); /* the same when only what came after the head is shown */
            refuse(s, KIT_PROJECT, "carol", "after the head");
            hg_text_free(&t);
            t = export_log(s, head.sequence + 1, NULL);
            l = read_log(&t);
            assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, &head, &err), HG_ECHEAT);
            assert_contains(err.msg, "history before it was rewritten");
        }
        hg_audit_log_free(l);
        hg_text_free(&t);
        hg_store_free(s);
        test_remove_tree(k.folder);
    }
}

/* An entry that a server made up line by line, in order by itself: shown, but under another project's scope, so that it could be hidden
 * from its own project later. */
static void a_scope_is_that_of_the_project(void **state) {
    (void)state;
    static const char *const SCOPE[] = { KIT_PROJECT, "steels", "" };
    kit k;
    hg_err err;
    char key[65], body[65], scope[65], hex[129], head[1024], text[2048];
    unsigned char digest[HG_DIGEST], signature[HG_SIGNATURE];
    kit_new(&k, "scope", 0);
    hg_hex_write(key, k.key, 32);
    const char *words = "kind policy\nproject " KIT_PROJECT "\n";
    hg_digest(digest, "audit body", words, strlen(words));
    hg_hex_write(body, digest, 32);
    for (int i = 0; i < 3; i++) {
        hg_digest(digest, "audit scope", SCOPE[i], strlen(SCOPE[i]));
        hg_hex_write(scope, digest, 32);
        snprintf(head, sizeof head, "sequence 1\nprevious %064d\ntime 1000\nscope %s\nbody %s\n", 0, scope, body);
        snprintf(text, sizeof text, "party 0\nkey %s\n%s", key, head);
        hg_digest(digest, "audit entry", text, strlen(text));
        hg_sign(signature, "audit entry", digest, 32, k.secret);
        hg_hex_write(scope, digest, 32);
        hg_hex_write(hex, signature, 64);
        snprintf(text, sizeof text, "hagane audit log 1\nparty 0\nkey %s\n\n%s%shash %s\nsignature %s\n\n", key, head,
                 words, scope, hex);
        const hg_text t = { .s = text, .len = strlen(text) };
        hg_audit_log *l = read_log(&t);
        assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, NULL, &err), i ? HG_ECHEAT : HG_OK);
        if (i) assert_contains(err.msg, "scope");
        hg_audit_log_free(l);
    }
}

static void every_changed_byte_is_seen(void **state) {
    (void)state;
    kit k;
    hg_store *s = kit_create(kit_new(&k, "bytes", 0));
    refuse(s, KIT_PROJECT, "carol", "a reason");
    hg_text t = export_log(s, 1, NULL);
    for (size_t i = 0; i < t.len; i++)
        for (int bit = 0; bit < 8; bit += 5) { /* 1 and 32: the case of a letter too */
            hg_audit_log *l;
            t.s[i] ^= (char)(1 << bit);
            if (hg_audit_read(&l, "log", t.s, t.len, NULL) == HG_OK) {
                if (hg_audit_verify(NULL, l, k.key, KIT_PROJECT, NULL, NULL) == HG_OK)
                    fail_msg("byte %zu, bit %d", i, bit);
                hg_audit_log_free(l);
            }
            t.s[i] ^= (char)(1 << bit);
        }
    for (size_t n = 0; n + 1 < t.len; n++) { /* cut anywhere: refused, or fewer whole entries */
        hg_audit_log *l;
        if (hg_audit_read(&l, "log", t.s, n, NULL) != HG_OK) continue;
        assert_true(l->n < 3 && t.s[n - 1] == '\n' && t.s[n - 2] == '\n');
        hg_audit_log_free(l);
    }
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* Two stories under one key, each in order: the end of one does not follow the beginning of the other. */
static void parts_of_two_histories_do_not_fit(void **state) {
    (void)state;
    hg_err err;
    hg_audit_log *l[2];
    for (int story = 0; story < 2; story++) {
        kit k;
        kit_clock = 5000;
        hg_store *s = kit_create(kit_new(&k, "splice", 0));
        refuse(s, KIT_PROJECT, "carol", story ? "one thing" : "another");
        refuse(s, KIT_PROJECT, "carol", "the same");
        hg_text t = export_log(s, 1, NULL);
        l[story] = read_log(&t);
        hg_text_free(&t);
        hg_store_free(s);
        test_remove_tree(k.folder);
    }
    l[0]->entry[3] = l[1]->entry[3];
    assert_int_equal(hg_audit_verify(NULL, l[0], l[0]->key, NULL, NULL, &err), HG_ECHEAT);
    assert_contains(err.msg, "entry 4 of server 0: it does not follow the one before it");
    for (int story = 0; story < 2; story++) hg_audit_log_free(l[story]);
}

/* Entries left out, put twice, in another order. */
static void a_missing_or_moved_entry_breaks_the_chain(void **state) {
    (void)state;
    static const int ORDER[][4] = { { 0, 2, 3, -1 }, { 0, 2, 1, 3 }, { 0, 1, 1, 2 }, { 1, 2, 3, -1 } };
    kit k;
    hg_err err;
    hg_store *s = kit_create(kit_new(&k, "chain", 0));
    refuse(s, KIT_PROJECT, "carol", "one");
    refuse(s, KIT_PROJECT, "carol", "two");
    hg_text t = export_log(s, 1, NULL);
    hg_audit_log *l = read_log(&t);
    hg_audit_entry entry[4];
    assert_int_equal(l->n, 4);
    memcpy(entry, l->entry, sizeof entry);
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        for (l->n = 0; l->n < 4 && ORDER[i][l->n] >= 0; l->n++) l->entry[l->n] = entry[ORDER[i][l->n]];
        assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, NULL, &err), HG_ECHEAT);
        assert_contains(err.msg, "entries before it are missing");
    }
    hg_audit_log_free(l);
    /* another server's key, and another party's log */
    unsigned char key[HG_PUBLIC_KEY];
    memcpy(key, k.key, sizeof key);
    key[0] ^= 1;
    l = read_log(&t);
    assert_int_equal(hg_audit_verify(NULL, l, key, NULL, NULL, &err), HG_ECHEAT);
    l->party = 1;
    assert_int_equal(hg_audit_verify(NULL, l, k.key, NULL, NULL, &err), HG_ECHEAT);
    hg_audit_log_free(l);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

static void no_field_can_hold_a_value(void **state) {
    (void)state;
    static const char *const BAD[][2] = {
        { "share", "12345" },
        { "value", "3.5" },
        { "rows", "3.5" },
        { "rows", "-1" },
        { "rows", "" },
        { "dataset", "00ff" },
        { "user", "two words" },
        { "user", "" },
        { "epsilon", "many" },
        { "project", "a\nkind created" },
        { "epoch", "1234567890123456789012345" },
    };
    kit k;
    hg_err err;
    hg_audit_head before, after;
    hg_store *s = kit_create(kit_new(&k, "fields", 0));
    assert_ok(hg_audit_head_get(&before, s, NULL));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_audit_note n = { 0 };
        hg_note_text(&n, BAD[i][0], BAD[i][1]);
        assert_int_equal(hg_audit_append(s, HG_AUDIT_JOB_REFUSED, &n, &err), HG_EINVAL);
        assert_contains(err.msg, BAD[i][0]);
    }
    hg_audit_note n = { 0 };
    for (int i = 0; i < HG_AUDIT_FIELDS + 1; i++) hg_note_count(&n, "rows", 1);
    assert_int_equal(hg_audit_append(s, HG_AUDIT_JOB_REFUSED, &n, &err), HG_EINVAL);
    assert_ok(hg_audit_head_get(&after, s, NULL));
    assert_int_equal(after.sequence, before.sequence);
    /* a long sentence is cut, what could talk to a terminal is cleaned */
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    longer[3] = '\033';
    longer[999] = '\0';
    refuse(s, KIT_PROJECT, "carol", longer);
    hg_text t = export_log(s, after.sequence + 1, NULL);
    assert_contains(t.s, "reason xxx?xxx");
    assert_null(strchr(t.s, '\033'));
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* ---- refusals that repeat ------------------------------------------------------------------------------------------------- */

static void refuse_again(hg_store *s, const char *user, unsigned times) {
    hg_audit_note n = { 0 };
    hg_note_text(&n, "project", KIT_PROJECT);
    hg_note_text(&n, "user", user);
    hg_note_text(&n, "reason", "not yours");
    for (unsigned i = 0; i < times; i++)
        assert_ok(hg_audit_refuse(s, HG_AUDIT_JOB_REFUSED, KIT_PROJECT, user, &n, NULL));
}

/* "times" of the refusals of this user, one behind the other; "-": none, as of the first. */
static void assert_told(hg_store *s, const kit *k, const char *user, const char *expected) {
    hg_text t = export_log(s, 1, KIT_PROJECT), told = hg_text_new(0);
    hg_audit_log *l = read_log(&t);
    assert_ok(hg_audit_verify(NULL, l, k->key, KIT_PROJECT, NULL, NULL));
    for (size_t i = 0; i < l->n; i++) {
        const hg_audit_entry *e = &l->entry[i];
        const char *times = "-", *by = "";
        for (size_t f = 0; f < e->n_fields; f++) {
            if (strcmp(e->key[f], "times") == 0) times = e->value[f];
            if (strcmp(e->key[f], "user") == 0) by = e->value[f];
        }
        if (e->kind == HG_AUDIT_JOB_REFUSED && strcmp(by, user) == 0) hg_text_add(&told, "%s ", times);
    }
    assert_string_equal(told.s, expected);
    hg_audit_log_free(l);
    hg_text_free(&t);
    hg_text_free(&told);
}

static void refusals_of_an_hour_are_counted(void **state) {
    (void)state;
    kit k;
    kit_clock = 1732233600;
    hg_store *s = kit_create(kit_new(&k, "repeat", 0));
    refuse_again(s, "dora", 100);
    refuse_again(s, "carol", 1);
    assert_told(s, &k, "dora", "- 2 4 8 16 32 64 ");
    assert_told(s, &k, "carol", "- ");
    kit_clock += 3600; /* what was only counted is told when somebody looks, and another hour begins */
    assert_told(s, &k, "dora", "- 2 4 8 16 32 64 100 ");
    refuse_again(s, "dora", 3);
    kit_clock += 3600; /* or when the next one comes */
    refuse_again(s, "dora", 1);
    assert_told(s, &k, "dora", "- 2 4 8 16 32 64 100 - 2 3 - ");
    refuse_again(s, "dora", 4);
    hg_store_free(s); /* or at the end of the program */
    s = kit_open(&k);
    assert_told(s, &k, "dora", "- 2 4 8 16 32 64 100 - 2 3 - 2 4 5 ");
    hg_text t = export_log(s, 1, NULL), words = hg_text_new(0);
    hg_audit_log *l = read_log(&t);
    hg_audit_words(&words, l);
    assert_contains(words.s,
                    "job of dora was refused: not yours; number 100 within an hour, of which not all are told");
    hg_audit_log_free(l);
    hg_text_free(&words);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* More members than there are places: the oldest count is told and forgotten. */
static void many_members_share_the_places(void **state) {
    (void)state;
    kit k;
    char name[16];
    hg_err err;
    const hg_audit_note none = { 0 };
    kit_clock = 1732233600;
    hg_store *s = kit_create(kit_new(&k, "places", 0));
    refuse_again(s, "first", 3);
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "m%d", i);
        refuse_again(s, name, 1);
    }
    assert_told(s, &k, "first", "- 2 3 ");
    assert_told(s, &k, "m255", "- ");
    assert_int_equal(hg_audit_refuse(s, HG_AUDIT_KINDS, KIT_PROJECT, "x", &none, &err), HG_EINVAL);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* ---- three logs ----------------------------------------------------------------------------------------------------------- */

static void charge(hg_store *s, unsigned char number, const char *user, uint64_t queries) {
    hg_charged out;
    hg_charge c = { .queries = queries, .user_budget = 100, .dataset_budget = 100, .deterministic = true };
    memset(c.job, number, HG_DIGEST);
    snprintf(c.project, sizeof c.project, KIT_PROJECT);
    snprintf(c.user, sizeof c.user, "%s", user);
    assert_ok(hg_ledger_charge(&out, s, &c, NULL));
}

static void three_logs_are_compared(void **state) {
    (void)state;
    kit k[HG_SLOTS];
    hg_store *s[HG_SLOTS];
    hg_audit_log *l[HG_SLOTS];
    hg_text t[HG_SLOTS], words = hg_text_new(0);
    size_t differences;
    hg_err err;
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        kit_clock = 1732233600;
        s[p] = kit_create(kit_new(&k[p], "compare", p));
        charge(s[p], 1, "carol", 1);
        refuse(s[p], KIT_PROJECT, "dave", p == 1 ? "only here: its own affair" : "other words");
    }
    for (int round = 0; round < 2; round++) {
        if (round) {
            charge(s[0], 2, "carol", 2); /* servers 0 and 2 know it, at different prices */
            charge(s[2], 2, "carol", 3);
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            t[p] = export_log(s[p], 1, KIT_PROJECT);
            l[p] = read_log(&t[p]);
        }
        const hg_audit_log *const log[HG_SLOTS] = { l[0], l[1], l[2] };
        assert_ok(hg_audit_compare(&words, &differences, log, NULL));
        assert_int_equal(differences, round ? 2 : 0);
        if (round) {
            assert_contains(
                words.s,
                "job 020202020202: \"job-charged\" stands in the log of server 0 and not in that of server 1, which ends at 2024-11-22T");
            assert_contains(words.s, "job 020202020202: queries is 2 in the log of server 0 and 3 in that of server 2");
        }
        const hg_audit_log *const wrong[HG_SLOTS] = { l[1], l[0], l[2] };
        assert_int_equal(hg_audit_compare(&words, &differences, wrong, &err), HG_EINVAL);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            hg_audit_log_free(l[p]);
            hg_text_free(&t[p]);
        }
    }
    hg_text_free(&words);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_store_free(s[p]);
        test_remove_tree(k[p].folder);
    }
}

static void a_log_in_words(void **state) {
    (void)state;
    kit k;
    kit_clock = 1732233600;
    hg_store *s = kit_create(kit_new(&k, "words", 1));
    kit_set a = kit_set_new("ann", 1, 10, 1, 0, 4);
    assert_ok(kit_upload(s, &a, 10, NULL));
    assert_ok(kit_receipts(s, &a, NULL));
    charge(s, 7, "carol", 2);
    charge(s, 8, "carol", 1);
    hg_text t = export_log(s, 1, NULL), words = hg_text_new(0);
    hg_audit_log *l = read_log(&t);
    hg_audit_words(&words, l);
    char hex[65], line[256];
    hg_hex_write(hex, a.d.id, 32);
    assert_contains(words.s, "2024-11-22T00:00:0");
    assert_contains(words.s, "     1  server 1 began to keep this log (version " HG_VERSION ")\n");
    snprintf(line, sizeof line, "data set %.12s of ann takes part from now on: 10 rows\n", hex);
    assert_contains(words.s, line);
    assert_contains(words.s,
                    "job 070707070707 of carol was charged: 2 queries on 0 data sets\n"); /* no epsilon: left out */
    assert_contains(words.s, "job 080808080808 of carol was charged: 1 query on 0 data sets\n");
    assert_null(strchr(words.s, '|'));
    assert_null(strchr(words.s, '{'));
    assert_null(strchr(words.s, '['));
    hg_text_free(&words);
    hg_text_free(&t);
    hg_audit_log_free(l);
    hg_store_free(s);
    kit_set_free(&a);
    test_remove_tree(k.folder);
}

static void refuses_what_is_no_log(void **state) {
    (void)state;
    static const char *const BAD[][2] = {
        { "", "log:1: the log is cut short" },
        { "hello\n", "log:1: this is no audit log" },
        { "hagane audit log 2\n", "log:1: this is no audit log" },
        { "hagane audit log 1\nparty 3\n", "log:2: there is no such party" },
        { "hagane audit log 1\nparty 1\nkey 00\n", "log:3: expected hexadecimal digits" },
        { "hagane audit log 1\nparty 01\n", "log:2: expected a whole number" },
        { "hagane audit log 1\nparty 99999999999999999999\n", "log:2: expected a whole number" },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_audit_log *l = (hg_audit_log *)state;
        hg_err err;
        assert_int_equal(hg_audit_read(&l, "log", BAD[i][0], strlen(BAD[i][0]), &err), HG_EPARSE);
        assert_string_equal(err.msg, BAD[i][1]);
        assert_null(l);
    }
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    kit k[HG_SLOTS];
    hg_text t[HG_SLOTS];
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_store *s = kit_create(kit_new(&k[p], "faults", p));
        t[p] = export_log(s, 1, NULL);
        hg_store_free(s);
        test_remove_tree(k[p].folder);
    }
    for (long i = 0;; i++) {
        hg_audit_log *l[HG_SLOTS] = { NULL };
        hg_text words = hg_text_new(0);
        hg_status st = HG_OK;
        size_t differences;
        fail_alloc_after(i);
        for (unsigned p = 0; p < HG_SLOTS && st == HG_OK; p++) st = hg_audit_read(&l[p], "log", t[p].s, t[p].len, NULL);
        for (unsigned p = 0; p < HG_SLOTS && st == HG_OK; p++)
            st = hg_audit_verify(NULL, l[p], k[p].key, NULL, NULL, NULL);
        const hg_audit_log *const log[HG_SLOTS] = { l[0], l[1], l[2] };
        if (st == HG_OK) st = hg_audit_compare(&words, &differences, log, NULL);
        fail_alloc_after(-1);
        for (unsigned p = 0; p < HG_SLOTS; p++) hg_audit_log_free(l[p]);
        hg_text_free(&words);
        if (st == HG_OK) {
            assert_true(i > 10);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    for (unsigned p = 0; p < HG_SLOTS; p++) hg_text_free(&t[p]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_what_the_page_says),
        TEST(members_see_their_project_alone_and_the_chain_holds),
        TEST(a_kept_head_is_where_the_next_reading_begins),
        TEST(a_rewritten_history_is_seen_against_an_earlier_head),
        TEST(a_scope_is_that_of_the_project),
        TEST(every_changed_byte_is_seen),
        TEST(a_missing_or_moved_entry_breaks_the_chain),
        TEST(parts_of_two_histories_do_not_fit),
        TEST(no_field_can_hold_a_value),
        TEST(refusals_of_an_hour_are_counted),
        TEST(many_members_share_the_places),
        TEST(three_logs_are_compared),
        TEST(a_log_in_words),
        TEST(refuses_what_is_no_log),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
