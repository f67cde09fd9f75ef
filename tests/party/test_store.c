/* tests/party/test_store.c -- shares on disk: from upload to withdrawal, nothing plain, nothing half, through any crash */
#include "party/store.h"
#include "party/audit.h"
#include "store_kit.h"
#include <sys/resource.h>

static void an_upload_is_read_back_at_any_place(void **state) {
    (void)state;
    kit k;
    hg_err err = { 0 };
    hg_store *s = kit_create(kit_new(&k, "read", 1));
    kit_set a = kit_set_new("ann", 1, 10000, 1, 0, 4), b = kit_set_new("bob", 1, 7, 2, 132, 0);
    assert_ok_err(kit_upload(s, &a, 999, &err), err);
    assert_ok_err(kit_upload(s, &b, 7, &err), err);
    kit_check(s, &a);
    kit_check(s, &b);
    /* a piece over the border of two chunks; one slot alone */
    uint64_t word[3 * 5];
    uint64_t *slot[2] = { NULL, word };
    assert_ok(hg_store_read(slot, NULL, s, a.d.id, 0, HG_CHUNK_ROWS - 2, 5, NULL));
    assert_memory_equal(word, a.slot[2] + (HG_CHUNK_ROWS - 2) * 3, sizeof word);
    assert_int_equal(hg_store_read(slot, NULL, s, a.d.id, 0, 9999, 2, NULL), HG_EINVAL);
    assert_int_equal(hg_store_read(slot, NULL, s, a.d.id, 1, 0, 1, &err), HG_EREFUSED); /* another epoch */
    assert_contains(err.msg, "refreshed");
    /* after closing and opening */
    hg_store_free(s);
    s = kit_open(&k);
    kit_check(s, &a);
    hg_stored d;
    assert_ok(hg_store_dataset(&d, s, b.d.id, NULL));
    assert_int_equal(d.state, HG_DATASET_STAGED);
    assert_int_equal(d.rows, 7);
    assert_int_equal(d.bits, 132);
    assert_string_equal(d.owner, "bob");
    hg_text t = hg_text_new(0);
    assert_ok(hg_store_statement(&t, s, b.d.id, NULL));
    assert_string_equal(t.s, "statement");
    hg_text_free(&t);
    hg_store_free(s);
    kit_set_free(&a);
    kit_set_free(&b);
    test_remove_tree(k.folder);
}

/* Slot j lies on servers j and j-1: they see the same digest, the others see others. */
static void neighbours_have_the_same_digest_of_the_slot_they_share(void **state) {
    (void)state;
    unsigned char digest[HG_SLOTS][2][HG_DIGEST], sum[HG_DIGEST], bytes[2 * HG_DIGEST + 16] = { 0 },
                                                                                        expected[HG_DIGEST];
    kit_set a = kit_set_new("ann", 1, 5000, 1, 70, 4);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        kit k;
        hg_store *s = kit_create(kit_new(&k, "digest", p));
        assert_ok(kit_upload(s, &a, 100 + p, NULL)); /* whatever the pieces */
        assert_ok(hg_store_digest(digest[p], s, a.d.id, 0, NULL));
        hg_store_free(s);
        test_remove_tree(k.folder);
    }
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_memory_equal(digest[p][1], digest[(p + 1) % HG_SLOTS][0], HG_DIGEST);
        assert_memory_not_equal(digest[p][0], digest[p][1], HG_DIGEST);
    }
    /* by another way, for slot 2 */
    crypto_hash_sha256(sum, (const unsigned char *)a.slot[2], 5000 * a.words * 8);
    memcpy(bytes, a.d.id, HG_DIGEST);
    bytes[HG_DIGEST + 8] = 2;
    memcpy(bytes + HG_DIGEST + 16, sum, HG_DIGEST);
    hg_digest(expected, "stored slot", bytes, sizeof bytes);
    assert_memory_equal(digest[2][0], expected, HG_DIGEST);
    kit_set_free(&a);
}

static void nothing_plain_reaches_the_disk(void **state) {
    (void)state;
    kit k;
    hg_store *s = kit_create(kit_new(&k, "plain", 0));
    kit_set a = kit_set_new("ann", 1, 5000, 1, 64, 8);
    memset(a.open, 0x5a, 5000 * 8);
    assert_ok(kit_upload(s, &a, 512, NULL));
    for (int closed = 0; closed < 2; closed++) {
        for (size_t r = 0; r < 5000; r += 61)
            for (unsigned j = 0; j < HG_SLOTS; j++) assert_false(kit_on_disk(k.folder, a.slot[j] + r * a.words, 8));
        assert_false(kit_on_disk(k.folder, a.open, 16));
        assert_false(kit_on_disk(k.folder, k.master, 16));
        assert_false(kit_on_disk(k.folder, k.secret, 16));
        assert_true(kit_on_disk(k.folder, "statement", 9)); /* what is public is there: the search works */
        if (!closed) hg_store_free(s);
    }
    kit_set_free(&a);
    test_remove_tree(k.folder);
}

/* Equal rows everywhere: no two chunks, of one set or of two, look alike. The files are for their owner alone. */
static void equal_rows_do_not_look_equal(void **state) {
    (void)state;
    static const char *const NAME[] = { "party.db", "keys.db", "lock" };
    kit k;
    hg_store *s = kit_create(kit_new(&k, "alike", 0));
    kit_set a = kit_set_new("ann", 1, 3 * HG_CHUNK_ROWS, 1, 0, 0),
            b = kit_set_new("bob", 1, 3 * HG_CHUNK_ROWS, 1, 0, 0);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        memset(a.slot[j], 0, 3 * HG_CHUNK_ROWS * 24);
        memset(b.slot[j], 0, 3 * HG_CHUNK_ROWS * 24);
    }
    assert_ok(kit_upload(s, &a, 5000, NULL));
    assert_ok(kit_upload(s, &b, 5000, NULL));
    assert_int_equal(kit_count(k.folder, "party.db", "SELECT count(*) FROM chunk"), 6);
    assert_int_equal(kit_count(k.folder, "party.db", "SELECT count(DISTINCT substr(sealed, 1, 16)) FROM chunk"), 6);
    for (size_t i = 0; i < sizeof NAME / sizeof *NAME; i++) {
        char path[600];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", k.folder, NAME[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    hg_store_free(s);
    kit_set_free(&a);
    kit_set_free(&b);
    test_remove_tree(k.folder);
}

static void an_upload_that_is_given_up_leaves_nothing(void **state) {
    (void)state;
    kit k;
    hg_stage *g;
    hg_store *s = kit_create(kit_new(&k, "half", 0));
    kit_set a = kit_set_new("ann", 1, 9000, 1, 0, 0);
    const uint64_t *const slot[2] = { a.slot[0], a.slot[1] };
    assert_ok(hg_stage_new(&g, s, &a.d, NULL));
    assert_ok(hg_stage_add(g, slot, NULL, 9000, NULL));
    assert_int_equal(kit_count(k.folder, "party.db", "SELECT count(*) FROM chunk"), 2);
    assert_int_equal(kit_count(k.folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 1);
    assert_int_equal(hg_store_validate(s, a.d.id, NULL), HG_ENOTFOUND); /* it has no name yet */
    hg_stage_free(g);
    assert_int_equal(
        kit_count(k.folder, "party.db", "SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM dataset)"), 0);
    assert_int_equal(kit_count(k.folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 0);
    assert_ok(kit_upload(s, &a, 9000, NULL));
    kit_check(s, &a);
    hg_store_free(s);
    kit_set_free(&a);
    test_remove_tree(k.folder);
}

/* ---- a set's life ------------------------------------------------------------------------------------------------------ */

static void a_set_is_active_when_three_receipts_are_here(void **state) {
    kit k;
    hg_err err;
    hg_store *s = kit_create(kit_new(&k, "life", 1));
    kit_set a = kit_set_new("ann", 3, 10, 1, 0, 4);
    assert_ok(kit_upload(s, &a, 10, NULL));
    assert_int_equal(kit_state(s, &a), HG_DATASET_STAGED);
    assert_int_equal(hg_store_receipt_put(s, a.d.id, 1, "mine", 4, &err), HG_EREFUSED); /* before it was validated */
    assert_ok(hg_store_receipt_put(s, a.d.id, 0, "zero", 4, NULL));
    assert_ok(hg_store_validate(s, a.d.id, NULL));
    assert_ok(hg_store_validate(s, a.d.id, NULL)); /* again */
    assert_int_equal(kit_state(s, &a), HG_DATASET_VALIDATED);
    assert_ok(hg_store_receipt_put(s, a.d.id, 1, "mine", 4, NULL));
    assert_int_equal(kit_state(s, &a), HG_DATASET_VALIDATED);
    assert_ok(hg_store_receipt_put(s, a.d.id, 2, "two", 3, NULL));
    assert_int_equal(kit_state(s, &a), HG_DATASET_ACTIVE);
    assert_ok(hg_store_receipt_put(s, a.d.id, 2, "other", 5, NULL)); /* the first stays */
    hg_text t = hg_text_new(0);
    assert_ok(hg_store_receipt_get(&t, s, a.d.id, 2, NULL));
    assert_string_equal(t.s, "two");
    hg_text_free(&t);
    assert_int_equal(hg_store_drop(s, a.d.id, "no", &err), HG_EREFUSED); /* too late */
    assert_contains(err.msg, "active");
    hg_stored *list;
    size_t n;
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_store_datasets(&list, &n, s, KIT_PROJECT, *state, NULL));
    assert_int_equal(n, 1);
    assert_memory_equal(list[0].id, a.d.id, HG_DIGEST);
    hg_arena_reset(*state, mark);
    hg_store_free(s);
    kit_set_free(&a);
    test_remove_tree(k.folder);
}

static void the_same_upload_twice_is_one_and_numbers_are_used_once(void **state) {
    (void)state;
    kit k;
    hg_err err;
    hg_store *s = kit_create(kit_new(&k, "twice", 2));
    kit_set a = kit_set_new("ann", 1, 100, 1, 0, 4), b = kit_set_new("bob", 1, 100, 1, 0, 4);
    assert_ok(kit_upload(s, &a, 50, NULL));
    assert_ok(kit_upload(s, &a, 50, NULL));
    kit_check(s, &a);
    hg_digest(b.d.id, "another", "", 0);
    memcpy(b.d.owner, a.d.owner, sizeof b.d.owner);
    assert_int_equal(kit_upload(s, &b, 50, &err), HG_EREFUSED);
    assert_contains(err.msg, "ann has sent another data set with number 1 before");
    /* a staged set that failed a check goes without a trace, its number is free again */
    assert_ok(hg_store_drop(s, a.d.id, "a value is out of range", NULL));
    assert_int_equal(hg_store_validate(s, a.d.id, NULL), HG_ENOTFOUND);
    assert_ok(kit_upload(s, &b, 50, NULL));
    kit_check(s, &b);
    hg_store_free(s);
    kit_set_free(&a);
    kit_set_free(&b);
    test_remove_tree(k.folder);
}

static void a_withdrawn_set_is_gone_for_good(void **state) {
    (void)state;
    kit k;
    hg_err err;
    unsigned char key[8][60], after[8][60];
    hg_store *s = kit_create(kit_new(&k, "withdraw", 0));
    kit_set a = kit_set_new("ann", 1, 9000, 1, 0, 4), b = kit_set_new("bob", 1, 10, 1, 0, 4);
    assert_ok(kit_upload(s, &a, 1000, NULL));
    assert_ok(kit_receipts(s, &a, NULL));
    assert_int_equal(kit_wrapped_keys(key, k.folder), 1);
    assert_true(kit_on_disk(k.folder, key[0], 60));
    assert_ok(hg_store_withdraw(s, KIT_PROJECT, a.d.id, "request", 7, NULL));
    assert_int_equal(kit_state(s, &a), HG_DATASET_WITHDRAWN);
    assert_int_equal(kit_wrapped_keys(after, k.folder), 0);
    assert_false(kit_on_disk(k.folder, key[0], 60));
    uint64_t word[3];
    uint64_t *slot[2] = { word, NULL };
    assert_int_equal(hg_store_read(slot, NULL, s, a.d.id, 0, 0, 1, &err), HG_EREFUSED);
    assert_contains(err.msg, "withdrawn");
    assert_ok(hg_store_withdraw(s, KIT_PROJECT, a.d.id, "request", 7, NULL)); /* again */
    assert_int_equal(kit_upload(s, &a, 1000, &err), HG_EREFUSED);
    /* a set that is still on its way */
    assert_ok(hg_store_withdraw(s, KIT_PROJECT, b.d.id, "request", 7, NULL));
    assert_int_equal(kit_upload(s, &b, 10, &err), HG_EREFUSED);
    assert_int_equal(kit_wrapped_keys(key, k.folder), 0);
    hg_text log = hg_text_new(0);
    assert_ok(hg_audit_export(&log, s, 1, NULL, NULL));
    assert_contains(log.s, "kind withdrawn\n");
    assert_contains(log.s, "answers already given remain");
    hg_text_free(&log);
    hg_store_free(s);
    kit_set_free(&a);
    kit_set_free(&b);
    test_remove_tree(k.folder);
}

/* ---- what servers tell each other ------------------------------------------------------------------------------------------- */

typedef struct {
    int receipts, withdrawals;
    bool liar;
} verifier;
static hg_status good_receipt(void *self, const unsigned char *id, unsigned party, const void *bytes, size_t n,
                              hg_err *err) {
    (void)id;
    (void)bytes;
    (void)n;
    verifier *v = self;
    v->receipts++;
    return v->liar ? hg_fail(err, HG_EREFUSED, "not signed by server %u", party) : HG_OK;
}
static hg_status good_withdrawal(void *self, const unsigned char *id, const void *bytes, size_t n, hg_err *err) {
    (void)id;
    (void)err;
    verifier *v = self;
    v->withdrawals++;
    return n == 7 && memcmp(bytes, "request", 7) == 0 ? HG_OK : HG_EREFUSED;
}

static void hear(hg_store *to, hg_store *from, verifier *v, bool expected) {
    const hg_hear_opts o = { .receipt = good_receipt, .withdrawal = good_withdrawal, .self = v };
    hg_text t = hg_text_new(0);
    bool changed;
    assert_ok(hg_store_gossip(&t, from, KIT_PROJECT, NULL));
    assert_ok(hg_store_hear(&changed, to, KIT_PROJECT, t.s, t.len, &o, NULL));
    assert_int_equal(changed, expected);
    hg_text_free(&t);
}

static void a_server_that_was_away_learns_from_its_neighbour(void **state) {
    (void)state;
    kit k[2];
    verifier v = { 0 };
    hg_err err;
    hg_store *here = kit_create(kit_new(&k[0], "gossip", 0)), *away = kit_create(kit_new(&k[1], "gossip", 1));
    kit_set a = kit_set_new("ann", 1, 10, 1, 0, 4), b = kit_set_new("bob", 1, 10, 1, 0, 4);
    assert_ok(kit_upload(here, &a, 10, NULL));
    assert_ok(kit_upload(away, &a, 10, NULL));
    assert_ok(kit_upload(away, &b, 10, NULL));
    assert_ok(kit_receipts(here, &a, NULL));
    assert_ok(hg_store_validate(away, a.d.id, NULL));
    assert_ok(hg_store_withdraw(here, KIT_PROJECT, b.d.id, "request", 7, NULL));
    assert_int_equal(kit_state(away, &a), HG_DATASET_VALIDATED);
    hear(away, here, &v, true);
    assert_int_equal(v.receipts, 3);
    assert_int_equal(v.withdrawals, 1);
    assert_int_equal(kit_state(away, &a), HG_DATASET_ACTIVE);
    assert_int_equal(kit_state(away, &b), HG_DATASET_WITHDRAWN);
    hear(away, here, &v, false);
    assert_int_equal(v.receipts, 3);                        /* what is known is not verified again */
    hg_text mine = hg_text_new(0), theirs = hg_text_new(0); /* equal knowledge, equal bytes */
    assert_ok(hg_store_gossip(&mine, here, KIT_PROJECT, NULL));
    assert_ok(hg_store_gossip(&theirs, away, KIT_PROJECT, NULL));
    assert_int_equal(mine.len, theirs.len);
    assert_memory_equal(mine.s, theirs.s, mine.len);
    hg_text_free(&mine);
    hg_text_free(&theirs);
    /* a wrong receipt: nothing of the message is taken */
    kit_set c = kit_set_new("cem", 1, 10, 1, 0, 4);
    assert_ok(kit_upload(here, &c, 10, NULL));
    assert_ok(kit_upload(away, &c, 10, NULL));
    assert_ok(kit_receipts(here, &c, NULL));
    v.liar = true;
    hg_text t = hg_text_new(0);
    bool changed;
    const hg_hear_opts o = { .receipt = good_receipt, .withdrawal = good_withdrawal, .self = &v };
    assert_ok(hg_store_gossip(&t, here, KIT_PROJECT, NULL));
    assert_int_equal(hg_store_hear(&changed, away, KIT_PROJECT, t.s, t.len, &o, &err), HG_EREFUSED);
    assert_false(changed);
    assert_int_equal(kit_state(away, &c), HG_DATASET_STAGED);
    v.liar = false;
    for (size_t cut = 0; cut < t.len; cut += 7)
        assert_int_equal(hg_store_hear(&changed, away, KIT_PROJECT, t.s, cut, &o, NULL), HG_EPARSE);
    hg_put_u8(&t, 0);
    assert_int_equal(hg_store_hear(&changed, away, KIT_PROJECT, t.s, t.len, &o, NULL), HG_EPARSE);
    assert_int_equal(kit_state(away, &c), HG_DATASET_STAGED);
    hg_text_free(&t);
    hg_store_free(here);
    hg_store_free(away);
    kit_set_free(&a);
    kit_set_free(&b);
    kit_set_free(&c);
    test_remove_tree(k[0].folder);
    test_remove_tree(k[1].folder);
}

static void a_new_policy_takes_the_place_of_the_old_one(void **state) {
    kit k;
    hg_project p, *list;
    size_t n;
    unsigned char first[HG_DIGEST], second[HG_DIGEST];
    hg_store *s = kit_create(kit_new(&k, "policy", 0));
    assert_ok(hg_store_project(&p, s, KIT_PROJECT, NULL));
    memcpy(first, p.policy, HG_DIGEST);
    hg_digest(second, "policy", "new", 3);
    assert_ok(hg_store_policy_put(s, KIT_PROJECT, second, "new", 3, NULL));
    assert_ok(hg_store_policy_put(s, "another", first, "text", 4, NULL));
    hg_text t = hg_text_new(0);
    assert_ok(hg_store_policy_get(&t, s, KIT_PROJECT, NULL, NULL));
    assert_ok(hg_store_policy_get(&t, s, KIT_PROJECT, first, NULL));
    assert_string_equal(t.s, "newtext");
    assert_int_equal(hg_store_policy_get(&t, s, "another", second, NULL), HG_ENOTFOUND);
    hg_text_free(&t);
    const hg_mark mark = hg_arena_mark(*state);
    assert_ok(hg_store_projects(&list, &n, s, *state, NULL));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "another");
    assert_memory_equal(list[1].policy, second, HG_DIGEST);
    hg_arena_reset(*state, mark);
    assert_int_equal(hg_store_project(&p, s, "nobody's", NULL), HG_ENOTFOUND);
    hg_store_free(s);
    test_remove_tree(k.folder);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------- */

static long peak(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss; /* KiB */
}

static void a_million_rows_stream_in_bounded_memory(void **state) {
    (void)state;
    enum { ROWS = 1000000, PIECE = 1000 };
    kit k;
    uint64_t *word = malloc(2 * PIECE * 3 * 8);
    unsigned char open[PIECE * 4] = { 0 };
    hg_store *s = kit_create(kit_new(&k, "million", 0));
    kit_set a = kit_set_new("ann", 1, 1, 1, 0, 4);
    hg_stage *g;
    hg_rng r = hg_rng_make(1, 1);
    for (size_t i = 0; i < 2 * PIECE * 3; i++) word[i] = hg_rng_u64(&r);
    const uint64_t *const slot[2] = { word, word + PIECE * 3 };
    uint64_t *const back[2] = { word, word + PIECE * 3 };
    const long before = peak();
    assert_ok(hg_stage_new(&g, s, &a.d, NULL));
    for (size_t i = 0; i < ROWS; i += PIECE) assert_ok(hg_stage_add(g, slot, open, PIECE, NULL));
    assert_int_equal(hg_stage_rows(g), ROWS);
    assert_ok(hg_stage_commit(g, a.d.id, "x", 1, NULL));
    hg_stage_free(g);
    for (size_t i = 0; i < ROWS; i += 100 * PIECE) assert_ok(hg_store_read(back, open, s, a.d.id, 0, i, PIECE, NULL));
        /* 52 MB of plain bytes went through; the sanitizers keep what was freed, so that they say nothing about memory */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(peak() - before, 0, 16 << 10);
#else
    (void)before;
#endif
    assert_ok(hg_store_withdraw(s, KIT_PROJECT, a.d.id, "request", 7, NULL));
    hg_store_free(s);
    kit_set_free(&a);
    free(word);
    test_remove_tree(k.folder);
}

static hg_status whole_life(kit *k, const kit_set *a, hg_arena *mem, hg_err *err) {
    static int runs;
    char folder[512];
    hg_store *s = NULL;
    hg_stored *list;
    hg_project *projects;
    size_t n;
    unsigned char digest[HG_DIGEST] = { 1 };
    hg_text t = hg_text_new(0);
    memcpy(folder, k->folder, sizeof folder);
    snprintf(k->folder, sizeof k->folder, "%.400s-%d", folder, runs++);
    const hg_mark mark = hg_arena_mark(mem);
    hg_status st = kit_try(&s, k, true, err);
    if (st == HG_OK) st = hg_store_policy_put(s, KIT_PROJECT, digest, "text", 4, err);
    if (st == HG_OK) st = kit_upload(s, a, 50, err);
    if (st == HG_OK) st = kit_receipts(s, a, err);
    if (st == HG_OK) st = hg_store_projects(&projects, &n, s, mem, err);
    if (st == HG_OK) st = hg_store_datasets(&list, &n, s, KIT_PROJECT, mem, err);
    if (st == HG_OK) st = hg_store_gossip(&t, s, KIT_PROJECT, err);
    if (st == HG_OK) st = hg_audit_export(&t, s, 1, NULL, err);
    if (st == HG_OK) st = hg_store_read((uint64_t *[2]) { NULL, NULL }, NULL, s, a->d.id, 0, 0, 100, err);
    if (st == HG_OK) st = hg_store_withdraw(s, KIT_PROJECT, a->d.id, "request", 7, err);
    hg_arena_reset(mem, mark);
    hg_text_free(&t);
    hg_store_free(s);
    test_remove_tree(k->folder);
    memcpy(k->folder, folder, sizeof folder);
    return st;
}

static void survives_any_allocation_failure(void **state) {
    kit k;
    kit_set a = kit_set_new("ann", 1, 100, 1, 0, 4);
    kit_new(&k, "!faults", 0);
    for (long i = 0;; i++) {
        fail_alloc_after(i);
        const hg_status st = whole_life(&k, &a, *state, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(i > 20);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    kit_set_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_upload_is_read_back_at_any_place),
        TEST(neighbours_have_the_same_digest_of_the_slot_they_share),
        TEST(nothing_plain_reaches_the_disk),
        TEST(equal_rows_do_not_look_equal),
        TEST(an_upload_that_is_given_up_leaves_nothing),
        TEST(a_set_is_active_when_three_receipts_are_here),
        TEST(the_same_upload_twice_is_one_and_numbers_are_used_once),
        TEST(a_withdrawn_set_is_gone_for_good),
        TEST(a_server_that_was_away_learns_from_its_neighbour),
        TEST(a_new_policy_takes_the_place_of_the_old_one),
        TEST(a_million_rows_stream_in_bounded_memory),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
