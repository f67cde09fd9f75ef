/* tests/party/test_epoch.c -- new shares of the same values on three servers, and a lost server rebuilt from two */
#include "party/epoch.h"
#include "party/audit.h"
#include "store_kit.h"

enum { SETS = 3, MOST = 40 }; /* data sets; steps of a conversation */

typedef struct { /* three servers that are one call apart */
    kit k[HG_SLOTS];
    hg_store *s[HG_SLOTS];
    kit_set set[SETS];
    hg_text plan;
    unsigned char digest[HG_DIGEST], seed[HG_SEED];
    unsigned lost;
} world;

static hg_status open_all(world *w, hg_err *err) {
    for (unsigned p = 0; p < HG_SLOTS; p++)
        if (!w->s[p]) HG_TRY(kit_try(&w->s[p], &w->k[p], false, err));
    return HG_OK;
}

static void close_all(world *w) {
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_store_free(w->s[p]);
        w->s[p] = NULL;
    }
}

/* Two active sets (one of several chunks, one with bits) and a staged one that takes no part. */
static void new_world(world *w, const char *name) {
    *w = (world) { .plan = hg_text_new(0), .lost = HG_NOBODY };
    const bool crashes = *name == '!'; /* two chunks with as few bytes as can be */
    w->set[0] = kit_set_new("ann", 1, 4200, !crashes, crashes ? 60 : 0, crashes ? 0 : 4);
    w->set[1] = kit_set_new("bob", 1, 30, 2, 100, 0);
    w->set[2] = kit_set_new("cem", 1, 10, 1, 0, 4);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        w->s[p] = kit_create(kit_new(&w->k[p], name, p));
        for (int i = 0; i < SETS; i++) assert_ok(kit_upload(w->s[p], &w->set[i], 2000, NULL));
        for (int i = 0; i < 2; i++) assert_ok(kit_receipts(w->s[p], &w->set[i], NULL));
    }
}

static void free_world(world *w) {
    close_all(w);
    for (unsigned p = 0; p < HG_SLOTS; p++) test_remove_tree(w->k[p].folder);
    for (int i = 0; i < SETS; i++) kit_set_free(&w->set[i]);
    hg_text_free(&w->plan);
}

static void make_plan(world *w, unsigned by) {
    unsigned char part[HG_SLOTS][HG_SEED];
    hg_err err = { 0 };
    for (unsigned p = 0; p < HG_SLOTS; p++) randombytes_buf(part[p], HG_SEED);
    hg_text_free(&w->plan);
    assert_ok_err(hg_epoch_plan(&w->plan, w->s[by], KIT_PROJECT, w->lost, &err), err);
    assert_ok(hg_epoch_plan_digest(w->digest, w->plan.s, w->plan.len, NULL));
    assert_ok(hg_epoch_seed(w->seed, w->digest, (const unsigned char *const[3]) { part[0], part[1], part[2] }, w->lost,
                            NULL));
}

static hg_refresh status_of(hg_store *s) {
    hg_refresh r;
    assert_ok(hg_epoch_status(&r, s, KIT_PROJECT, NULL));
    return r;
}

/* Server p hears q's word, as it goes over the wire. */
static hg_status hear(world *w, unsigned p, unsigned q, hg_err *err) {
    unsigned char bytes[HG_REFRESH_SIZE];
    hg_refresh said, heard, now;
    HG_TRY(hg_epoch_status(&said, w->s[q], KIT_PROJECT, err));
    hg_refresh_pack(bytes, &said);
    HG_TRY(hg_refresh_unpack(&heard, bytes, err));
    return hg_epoch_hear(&now, w->s[p], q, &heard, err);
}

static hg_status hear_all(world *w, hg_err *err) {
    for (unsigned p = 0; p < HG_SLOTS; p++)
        for (unsigned q = 0; q < HG_SLOTS; q++)
            if (p != q) HG_TRY(hear(w, p, q, err));
    return HG_OK;
}

/* The values are the same, neighbours hold the same slots, nobody holds a plain zero change. */
static void check_values(world *w, bool refreshed) {
    for (int i = 0; i < 2; i++) {
        const kit_set *a = &w->set[i];
        const size_t n = (size_t)a->d.rows * a->words;
        uint64_t *have[HG_SLOTS][2], *value = malloc(n * 8);
        unsigned char digest[HG_SLOTS][2][HG_DIGEST];
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            hg_stored d;
            hg_err err = { 0 };
            assert_ok(hg_store_dataset(&d, w->s[p], a->d.id, NULL));
            assert_int_equal(d.state, HG_DATASET_ACTIVE);
            for (int k = 0; k < 2; k++) have[p][k] = malloc(n * 8);
            unsigned char *open = malloc(a->d.rows * a->d.public_size + 1);
            assert_ok_err(hg_store_read(have[p], open, w->s[p], a->d.id, d.epoch, 0, (size_t)a->d.rows, &err), err);
            assert_memory_equal(open, a->open, a->d.rows * a->d.public_size);
            assert_ok(hg_store_digest(digest[p], w->s[p], a->d.id, d.epoch, NULL));
            free(open);
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            const unsigned q = (p + 1) % HG_SLOTS;
            assert_memory_equal(have[p][1], have[q][0], n * 8);
            assert_memory_equal(digest[p][1], digest[q][0], HG_DIGEST);
            size_t same = 0;
            for (size_t x = 0; x < n; x++) same += have[p][0][x] == a->slot[p][x];
            if (refreshed) assert_true(same <= 2); /* a bit word may stay by chance */
        }
        const uint64_t *const slot[HG_SLOTS] = { have[0][0], have[1][0], have[2][0] };
        kit_join(value, &a->d, slot, (size_t)a->d.rows);
        assert_memory_equal(value, a->value, n * 8);
        for (size_t r = 0; a->d.bits % 64 && r < a->d.rows; r++) /* bits past the last stay zero in every slot */
            assert_int_equal(have[0][0][r * a->words + a->words - 1] >> (a->d.bits % 64), 0);
        for (unsigned p = 0; p < HG_SLOTS; p++)
            for (int k = 0; k < 2; k++) free(have[p][k]);
        free(value);
    }
}

/* One key a set, no seed, chunks of one epoch. */
static void check_erased(world *w, size_t sets) {
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_int_equal(kit_count(w->k[p].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"),
                         sets);
        assert_int_equal(kit_count(w->k[p].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'seed/%'"),
                         0);
        assert_int_equal(kit_count(w->k[p].folder, "party.db", "SELECT count(DISTINCT uid || epoch) FROM chunk"), sets);
        assert_int_equal(kit_count(w->k[p].folder, "party.db", "SELECT count(*) FROM seal"), sets);
        assert_int_equal(kit_count(w->k[p].folder, "party.db", "SELECT count(*) FROM refresh"), 0);
    }
}

static void check_logs(world *w) {
    hg_audit_log *l[HG_SLOTS];
    hg_text words = hg_text_new(0);
    size_t differences;
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_text t = hg_text_new(0);
        hg_err err = { 0 };
        assert_ok(hg_audit_export(&t, w->s[p], 1, NULL, NULL));
        assert_ok_err(hg_audit_read(&l[p], "log", t.s, t.len, &err), err);
        assert_ok_err(hg_audit_verify(NULL, l[p], w->k[p].key, NULL, NULL, &err), err);
        hg_text_free(&t);
    }
    const hg_audit_log *const log[HG_SLOTS] = { l[0], l[1], l[2] };
    assert_ok(hg_audit_compare(&words, &differences, log, NULL));
    if (differences) print_error("%s", words.s);
    assert_int_equal(differences, 0);
    hg_text_free(&words);
    for (unsigned p = 0; p < HG_SLOTS; p++) hg_audit_log_free(l[p]);
}

/* ---- in good weather --------------------------------------------------------------------------------------------------------- */

static void a_refresh_changes_every_share_and_no_value(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    unsigned char digest[HG_SLOTS][2][HG_DIGEST];
    new_world(&w, "refresh");
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        make_plan(&w, (unsigned)epoch);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok_err(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), err);
            assert_ok_err(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), err); /* again */
            assert_int_equal(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), HG_EREFUSED);       /* nothing prepared */
            assert_contains(err.msg, "are not all here yet");
            assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
            assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
            assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
        check_values(&w, epoch > 1); /* still the old ones */
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
            assert_int_equal(status_of(w.s[p]).state, HG_REFRESH_PREPARED);
            assert_int_equal(hg_epoch_refuse(w.s[p], KIT_PROJECT, "too late", &err), HG_EREFUSED);
        }
        assert_ok_err(hear_all(&w, &err), err);
        assert_ok_err(hear_all(&w, &err), err);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            const hg_refresh r = status_of(w.s[p]);
            assert_int_equal(r.state, HG_REFRESH_IDLE);
            assert_int_equal(r.epoch, epoch);
            assert_memory_equal(r.done, w.digest, HG_DIGEST);
            assert_int_equal(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED); /* over */
        }
        check_values(&w, true);
        check_erased(&w, 3);
    }
    check_logs(&w);
    hg_stored d;
    assert_ok(hg_store_dataset(&d, w.s[0], w.set[2].d.id, NULL)); /* staged: took no part */
    assert_int_equal(d.epoch, 0);
    assert_ok(hg_store_dataset(&d, w.s[0], w.set[0].d.id, NULL));
    assert_int_equal(d.epoch, 2);
    uint64_t word[3];
    assert_int_equal(hg_store_read((uint64_t *[2]) { word, NULL }, NULL, w.s[0], w.set[0].d.id, 1, 0, 1, NULL),
                     HG_EREFUSED);
    free_world(&w);
}

/* What a thief has of server 0 in epoch 0 and of server 1 in epoch 1 tells nothing: the slots do not belong together. */
static void shares_of_two_epochs_do_not_fit(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "mobile");
    const kit_set *a = &w.set[1];
    const size_t n = 30 * a->words;
    uint64_t *old[2] = { malloc(n * 8), malloc(n * 8) }, *new[2] = { malloc(n * 8), malloc(n * 8) },
             *value = malloc(n * 8);
    assert_ok(hg_store_read(old, NULL, w.s[0], a->d.id, 0, 0, 30, NULL));
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
    }
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok(hg_store_read(new, NULL, w.s[1], a->d.id, 1, 0, 30, NULL));
    const uint64_t *const slot[HG_SLOTS] = { old[0], old[1], new[1] };
    kit_join(value, &a->d, slot, 30);
    for (size_t i = 0; i < n; i += a->words) assert_memory_not_equal(value + i, a->value + i, 24);
    for (int k = 0; k < 2; k++) {
        free(old[k]);
        free(new[k]);
    }
    free(value);
    free_world(&w);
}

static void a_refusal_takes_everyone_back(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "refusal");
    make_plan(&w, 0);
    for (unsigned p = 0; p < 2; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    }
    assert_ok(hg_epoch_agree(w.s[0], KIT_PROJECT, NULL));
    /* one has agreed, one has not, one never begun: it begins, and refuses */
    assert_ok(hg_epoch_begin(w.s[2], w.plan.s, w.plan.len, w.seed, NULL));
    assert_ok(hg_epoch_refuse(w.s[2], KIT_PROJECT, "the disk is nearly full", NULL));
    assert_ok_err(hear_all(&w, &err), err);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        const hg_refresh r = status_of(w.s[p]);
        assert_int_equal(r.state, HG_REFRESH_IDLE);
        assert_int_equal(r.epoch, 0);
        assert_memory_equal(r.refused, w.digest, HG_DIGEST);
        assert_int_equal(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED); /* for good */
    }
    check_values(&w, false);
    check_erased(&w, 3);
    free_world(&w);
}

static void a_set_may_be_withdrawn_in_the_middle(void **state) {
    (void)state;
    world w;
    hg_err err;
    unsigned char digest[HG_SLOTS][2][HG_DIGEST];
    new_world(&w, "middle");
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
        if (p != 1) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_store_withdraw(w.s[p], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
        if (p == 1) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
        assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
        assert_ok(hg_epoch_agree(w.s[p], KIT_PROJECT, NULL));
    }
    /* the second set's shares fit although one server did not make the first one's */
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    check_erased(&w, 2);
    hg_stored d;
    assert_ok(hg_store_dataset(&d, w.s[2], w.set[0].d.id, NULL));
    assert_int_equal(d.state, HG_DATASET_WITHDRAWN);
    assert_ok(hg_store_dataset(&d, w.s[2], w.set[1].d.id, NULL));
    assert_int_equal(d.epoch, 1);
    free_world(&w);
}

static void refuses_plans_that_do_not_fit(void **state) {
    (void)state;
    world w;
    hg_err err;
    new_world(&w, "plans");
    make_plan(&w, 0);
    for (size_t n = 0; n < w.plan.len; n++)
        assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, n, w.seed, NULL), HG_EPARSE);
    for (size_t i = 0; i < w.plan.len;
         i++) { /* any changed byte: refused, or another plan that this server can follow or not */
        w.plan.s[i] ^= 0x40;
        const hg_status st = hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, w.seed, NULL);
        if (st == HG_OK) assert_ok(hg_epoch_refuse(w.s[1], KIT_PROJECT, "a test", NULL));
        w.plan.s[i] ^= 0x40;
    }
    assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, NULL, &err), HG_EINVAL); /* no seed, and not lost */
    assert_ok(hg_epoch_plan_check(w.plan.s, w.plan.len, KIT_PROJECT, HG_NOBODY, NULL));
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len, KIT_PROJECT, 2, &err), HG_ECHEAT);
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len, "alloys", HG_NOBODY, &err), HG_ECHEAT);
    assert_int_equal(hg_epoch_plan_check(w.plan.s, w.plan.len - 1, KIT_PROJECT, HG_NOBODY, &err), HG_EPARSE);
    /* a set more here than in the plan */
    assert_ok(kit_receipts(w.s[1], &w.set[2], NULL));
    assert_int_equal(hg_epoch_begin(w.s[1], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "the plan of a refresh has 2 data sets, this server 3");
    /* one less */
    assert_ok(hg_store_withdraw(w.s[2], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
    assert_int_equal(hg_epoch_begin(w.s[2], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "is withdrawn here");
    /* another seed, another plan on top */
    assert_ok(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, NULL));
    w.seed[0] ^= 1;
    assert_int_equal(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, &err), HG_EREFUSED);
    assert_contains(err.msg, "another seed");
    hg_text again = hg_text_new(0);
    assert_int_equal(hg_epoch_plan(&again, w.s[0], KIT_PROJECT, HG_NOBODY, &err), HG_EREFUSED);
    hg_text_free(&again);
    free_world(&w);
}

/* Server 0 claims that all is done, to have server 1 erase what server 2 has not replaced yet. */
static void one_word_does_not_stand_for_two(void **state) {
    (void)state;
    world w;
    hg_refresh now;
    hg_err err;
    new_world(&w, "oneword");
    make_plan(&w, 0);
    for (unsigned p = 1; p < HG_SLOTS; p++) assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
    assert_ok(hg_epoch_prepare(w.s[1], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[1], KIT_PROJECT, NULL));
    hg_refresh said = status_of(w.s[1]);
    said.state = HG_REFRESH_COMMITTED;
    assert_ok_err(hg_epoch_hear(&now, w.s[1], 0, &said, &err), err);
    assert_int_equal(now.state, HG_REFRESH_PREPARED); /* server 2 has said nothing */
    assert_ok_err(hear(&w, 1, 2, &err), err);         /* and is not ready */
    assert_int_equal(status_of(w.s[1]).state, HG_REFRESH_PREPARED);
    assert_ok(hg_epoch_prepare(w.s[2], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[2], KIT_PROJECT, NULL));
    assert_ok_err(hear(&w, 1, 2, &err), err); /* now it is; and commits when it hears server 1 */
    assert_int_equal(status_of(w.s[1]).state, HG_REFRESH_COMMITTED);
    said = (hg_refresh) { .epoch = 1 };
    memcpy(said.project, KIT_PROJECT, sizeof KIT_PROJECT);
    memcpy(said.done, w.digest, HG_DIGEST);
    assert_ok_err(hg_epoch_hear(&now, w.s[1], 0, &said, &err), err); /* "all have committed" */
    assert_int_equal(now.state, HG_REFRESH_COMMITTED);               /* the old shares stay for server 2 */
    free_world(&w);
}

/* What no honest server says. */
static void a_server_that_contradicts_itself_is_named(void **state) {
    (void)state;
    world w;
    hg_err err;
    hg_refresh now, r;
    new_world(&w, "cheat");
    make_plan(&w, 0);
    assert_ok(hg_epoch_begin(w.s[0], w.plan.s, w.plan.len, w.seed, NULL));
    r = status_of(w.s[0]);
    r.state = HG_REFRESH_COMMITTED;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &r, &err), HG_ECHEAT);
    assert_contains(
        err.msg,
        "server 1 says that the refresh of project magnets to epoch 1 is in force, without this server's word");
    assert_ok(hg_epoch_prepare(w.s[0], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_agree(w.s[0], KIT_PROJECT, NULL));
    r.state = HG_REFRESH_PREPARED;
    assert_ok(hg_epoch_hear(&now, w.s[0], 1, &r, NULL));
    assert_int_equal(now.state, HG_REFRESH_PREPARED); /* the third is missing */
    hg_refresh back = r;
    back.state = HG_REFRESH_IDLE;
    memset(back.plan, 0, HG_DIGEST);
    memcpy(back.refused, w.digest, HG_DIGEST);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &back, &err), HG_ECHEAT); /* it had agreed */
    hg_refresh over = back;
    memset(over.refused, 0, HG_DIGEST);
    memcpy(over.done, w.digest, HG_DIGEST);
    over.epoch = 1;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 2, &over, &err), HG_ECHEAT); /* over, before we committed */
    hg_refresh other = r;
    other.plan[0] ^= 1;
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 2, &other, &err), HG_EREFUSED);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 0, &r, &err), HG_EINVAL); /* ourselves */
    assert_int_equal(status_of(w.s[0]).state, HG_REFRESH_PREPARED);        /* nothing of that has moved it */
    assert_ok(hg_epoch_hear(&now, w.s[0], 2, &r, NULL));
    assert_int_equal(now.state, HG_REFRESH_COMMITTED);
    /* the old epoch stays until all three have committed, over a restart too: two keys for each of two sets, one for the staged one,
     * and the seed */
    hg_store_free(w.s[0]);
    w.s[0] = kit_open(&w.k[0]);
    assert_int_equal(kit_count(w.k[0].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 's%'"), 6);
    assert_int_equal(kit_count(w.k[0].folder, "party.db", "SELECT count(*) FROM seal"), 5);
    assert_int_equal(hg_epoch_hear(&now, w.s[0], 1, &back, &err), HG_ECHEAT);
    /* a server from a backup */
    hg_refresh stale = status_of(w.s[1]);
    stale.epoch = 7;
    assert_int_equal(hg_epoch_hear(&now, w.s[2], 1, &stale, &err), HG_EREFUSED);
    assert_contains(err.hint, "backup");
    /* statuses from the wire */
    unsigned char bytes[HG_REFRESH_SIZE];
    hg_refresh_pack(bytes, &stale);
    assert_ok(hg_refresh_unpack(&r, bytes, NULL));
    assert_memory_equal(&r, &stale, sizeof r);
    bytes[HG_NAME_SIZE] = HG_REFRESH_STATES;
    assert_int_equal(hg_refresh_unpack(&r, bytes, NULL), HG_EPARSE);
    hg_refresh_pack(bytes, &stale);
    memset(bytes, 'x', HG_NAME_SIZE);
    assert_int_equal(hg_refresh_unpack(&r, bytes, NULL), HG_EPARSE);
    free_world(&w);
}

/* ---- a lost server ------------------------------------------------------------------------------------------------------------ */

static hg_status rebuild_set(world *w, size_t k, const hg_stored *d, size_t piece, hg_err *err) {
    const unsigned lost = w->lost, previous = (lost + 2) % HG_SLOTS, next = (lost + 1) % HG_SLOTS;
    const size_t words = hg_stored_words(d);
    uint64_t first = 0, *slot[2] = { calloc(piece * words, 8), calloc(piece * words, 8) };
    unsigned char *open = calloc(piece, d->public_size + 1), *same = calloc(piece, d->public_size + 1);
    hg_status st = hg_epoch_taken(&first, w->s[lost], KIT_PROJECT, k, err);
    while (st == HG_OK && first < d->rows) {
        const size_t n = d->rows - first < piece ? (size_t)(d->rows - first) : piece;
        st = hg_epoch_rows(slot[0], open, w->s[previous], KIT_PROJECT, k, first, n, err);
        if (st == HG_OK) st = hg_epoch_rows(slot[1], same, w->s[next], KIT_PROJECT, k, first, n, err);
        if (st == HG_OK && memcmp(open, same, n * d->public_size) != 0)
            st = hg_fail(err, HG_ECHEAT, "public bytes differ");
        if (st == HG_OK)
            st = hg_epoch_take(w->s[lost], KIT_PROJECT, k, first, (const uint64_t *const[2]) { slot[0], slot[1] }, open,
                               n, err);
        first += n;
    }
    free(slot[0]);
    free(slot[1]);
    free(open);
    free(same);
    return st;
}

static hg_status rebuild_sets(world *w, hg_err *err) {
    size_t n = 1;
    hg_stored d;
    for (size_t k = 0; k < n; k++) {
        HG_TRY(hg_epoch_set(&d, &n, w->s[w->lost], KIT_PROJECT, k, err));
        HG_TRY(rebuild_set(w, k, &d, 1000, err));
    }
    return HG_OK;
}

static hg_status yes_receipt(void *self, const unsigned char *id, unsigned party, const void *bytes, size_t n,
                             hg_err *err) {
    (void)self;
    (void)id;
    (void)party;
    (void)bytes;
    (void)n;
    (void)err;
    return HG_OK;
}

/* Server `lost` begins anew with an empty folder, and hears the receipts. */
static void lose(world *w, unsigned lost) {
    bool changed;
    const hg_hear_opts o = { .receipt = yes_receipt };
    hg_store_free(w->s[lost]);
    test_remove_tree(w->k[lost].folder);
    w->s[lost] = kit_create(&w->k[lost]);
    w->lost = lost;
    make_plan(w, (lost + 1) % HG_SLOTS);
    for (unsigned p = 0; p < HG_SLOTS; p++)
        assert_ok(hg_epoch_begin(w->s[p], w->plan.s, w->plan.len, p == lost ? NULL : w->seed, NULL));
    hg_text t = hg_text_new(0);
    assert_ok(hg_store_gossip(&t, w->s[(lost + 1) % HG_SLOTS], KIT_PROJECT, NULL));
    assert_ok(hg_store_hear(&changed, w->s[lost], KIT_PROJECT, t.s, t.len, &o, NULL));
    assert_true(changed);
    hg_text_free(&t);
}

static void a_lost_server_is_rebuilt_from_the_other_two(void **state) {
    (void)state;
    for (unsigned lost = 0; lost < HG_SLOTS; lost++) {
        world w;
        hg_err err = { 0 };
        unsigned char digest[HG_SLOTS][2][HG_DIGEST];
        new_world(&w, "rebuild");
        const unsigned next = (lost + 1) % HG_SLOTS;
        uint64_t word[24];
        lose(&w, lost);
        assert_int_equal(hg_epoch_rows(word, NULL, w.s[next], KIT_PROJECT, 1, 0, 1, &err),
                         HG_ENOTFOUND); /* not yet prepared */
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok_err(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, &err), err);
        assert_int_equal(hg_epoch_agree(w.s[lost], KIT_PROJECT, &err), HG_EREFUSED);
        assert_ok_err(rebuild_sets(&w, &err), err);
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_ok(hg_epoch_digest(digest[p], w.s[p], KIT_PROJECT, NULL));
            assert_ok_err(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), err);
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) assert_memory_equal(digest[p][1], digest[(p + 1) % 3][0], HG_DIGEST);
        assert_ok_err(hear_all(&w, &err), err);
        assert_ok_err(hear_all(&w, &err), err);
        assert_int_equal(status_of(w.s[lost]).epoch, 1);
        check_values(&w, true);
        check_logs(&w);
        hg_text t = hg_text_new(0);
        assert_ok(hg_store_statement(&t, w.s[lost], w.set[0].d.id, NULL));
        assert_string_equal(t.s, "statement");
        hg_text_free(&t);
        /* a server that is there is not rebuilt */
        w.lost = lost;
        make_plan(&w, next);
        assert_int_equal(hg_epoch_begin(w.s[lost], w.plan.s, w.plan.len, NULL, &err), HG_EREFUSED);
        assert_contains(err.msg, "it is not lost");
        free_world(&w);
    }
}

/* The owner takes a set back while a server is rebuilt: the others' sets go on. */
static void a_set_may_be_withdrawn_during_a_rebuilding(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    hg_stored d;
    size_t n;
    new_world(&w, "rebuild-less");
    lose(&w, 2);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    assert_ok(hg_epoch_set(&d, &n, w.s[2], KIT_PROJECT, 0, NULL));
    assert_ok_err(rebuild_set(&w, 0, &d, 5000, &err), err); /* before and after its rows came */
    for (unsigned p = 0; p < HG_SLOTS; p++)
        assert_ok(hg_store_withdraw(w.s[p], KIT_PROJECT, w.set[0].d.id, "request", 7, NULL));
    assert_ok_err(rebuild_sets(&w, &err), err);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok_err(hg_epoch_agree(w.s[p], KIT_PROJECT, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_ok_err(hear_all(&w, &err), err);
    assert_int_equal(kit_state(w.s[2], &w.set[0]), HG_DATASET_WITHDRAWN);
    assert_int_equal(kit_state(w.s[2], &w.set[1]), HG_DATASET_ACTIVE);
    kit_check(w.s[2], &w.set[1]);
    free_world(&w);
}

static void a_rebuilding_that_is_refused_leaves_nothing(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    new_world(&w, "rebuild-no");
    lose(&w, 1);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_prepare(w.s[p], KIT_PROJECT, NULL, NULL));
    assert_ok_err(rebuild_sets(&w, &err), err);
    assert_ok(hg_epoch_refuse(w.s[1], KIT_PROJECT, "a digest differs", NULL));
    assert_ok(hear(&w, 0, 1, NULL));
    assert_ok(hear(&w, 2, 1, NULL));
    assert_int_equal(kit_count(w.k[1].folder, "party.db", "SELECT count(*) FROM dataset"), 0);
    assert_int_equal(kit_count(w.k[1].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 0);
    assert_int_equal(kit_count(w.k[0].folder, "keys.db", "SELECT count(*) FROM secret WHERE name LIKE 'set/%'"), 3);
    free_world(&w);
}

/* ---- deaths ------------------------------------------------------------------------------------------------------------------- */

/* One conversation, from wherever the three are: everything that can be done is done again, and must lead to the end. Also run by a process that
 * dies on the way. */
static hg_status converse(void *ctx, hg_err *err) {
    world *w = ctx;
    HG_TRY(open_all(w, err));
    for (int step = 0; step < 4; step++) {
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            hg_refresh r;
            HG_TRY(hg_epoch_status(&r, w->s[p], KIT_PROJECT, err));
            if (memcmp(r.done, w->digest, HG_DIGEST) == 0 || r.state != HG_REFRESH_IDLE) continue;
            HG_TRY(hg_epoch_begin(w->s[p], w->plan.s, w->plan.len, p == w->lost ? NULL : w->seed, err));
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            hg_refresh r;
            HG_TRY(hg_epoch_status(&r, w->s[p], KIT_PROJECT, err));
            if (r.state == HG_REFRESH_BEGUN && p != w->lost) HG_TRY(hg_epoch_prepare(w->s[p], KIT_PROJECT, NULL, err));
        }
        if (w->lost != HG_NOBODY) {
            hg_refresh r;
            HG_TRY(hg_epoch_status(&r, w->s[w->lost], KIT_PROJECT, err));
            if (r.state == HG_REFRESH_BEGUN) HG_TRY(rebuild_sets(w, err));
        }
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            hg_refresh r;
            HG_TRY(hg_epoch_status(&r, w->s[p], KIT_PROJECT, err));
            if (r.state == HG_REFRESH_BEGUN) HG_TRY(hg_epoch_agree(w->s[p], KIT_PROJECT, err));
        }
        HG_TRY(hear_all(w, err));
    }
    return HG_OK;
}

static void let_die(world *w) {
    for (unsigned p = 0; p < HG_SLOTS; p++) w->k[p].opts.step = kit_step;
}
static void let_live(world *w) {
    hg_err err = { 0 };
    for (unsigned p = 0; p < HG_SLOTS; p++) w->k[p].opts.step = NULL;
    assert_ok_err(open_all(w, &err), err);
}

/* All three die at once, before or after every third commit of a refresh (the random deaths below hit the others); what the dead left goes
 * on to the end. */
static void no_death_at_any_step_loses_a_share(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    uint64_t epoch = 0;
    bool died = true;
    new_world(&w, "!epoch-steps");
    for (long at = 0; died; at += 3) {
        make_plan(&w, (unsigned)(at % 3));
        close_all(&w);
        let_die(&w);
        died = kit_dies(converse, &w, at);
        let_live(&w);
        for (unsigned p = 0; p < HG_SLOTS; p++) { /* at any time: both old and new are whole */
            const hg_refresh r = status_of(w.s[p]);
            assert_true(r.epoch == epoch || r.epoch == epoch + 1);
        }
        assert_ok_err(converse(&w, &err), err);
        epoch++;
        for (unsigned p = 0; p < HG_SLOTS; p++) {
            assert_int_equal(status_of(w.s[p]).state, HG_REFRESH_IDLE);
            assert_int_equal(status_of(w.s[p]).epoch, epoch);
        }
        if (at % 2 || !died) check_values(&w, true);
        assert_true(at < 500);
    }
    check_erased(&w, 3);
    check_logs(&w);
    print_message("%llu refreshes\n", (unsigned long long)epoch);
    free_world(&w);
}

static void a_rebuilding_goes_on_after_any_death(void **state) {
    (void)state;
    bool died = true;
    hg_err err = { 0 };
    for (long at = 0; died; at += 5) {
        world w;
        new_world(&w, "!rebuild-steps");
        lose(&w, (unsigned)(at % 3));
        close_all(&w);
        let_die(&w);
        died = kit_dies(converse, &w, at);
        let_live(&w);
        assert_ok_err(converse(&w, &err), err);
        check_values(&w, true);
        free_world(&w);
    }
}

/* One server alone dies, at a random moment, while the two others go on: a hundred times. Each server is a process that does what it
 * can, once; the parent carries the words between them by letting each process read the others' status from the parent. */
typedef struct {
    world *w;
    unsigned party;
    hg_refresh said[HG_SLOTS];
} turn;

static hg_status take_turn(void *ctx, hg_err *err) {
    turn *t = ctx;
    world *w = t->w;
    hg_store *s;
    hg_refresh r;
    HG_TRY(kit_try(&s, &w->k[t->party], false, err));
    HG_TRY(hg_epoch_status(&r, s, KIT_PROJECT, err));
    if (r.state == HG_REFRESH_IDLE && memcmp(r.done, w->digest, HG_DIGEST) != 0)
        HG_TRY(hg_epoch_begin(s, w->plan.s, w->plan.len, w->seed, err));
    HG_TRY(hg_epoch_status(&r, s, KIT_PROJECT, err));
    if (r.state == HG_REFRESH_BEGUN) HG_TRY(hg_epoch_prepare(s, KIT_PROJECT, NULL, err));
    if (r.state == HG_REFRESH_BEGUN) HG_TRY(hg_epoch_agree(s, KIT_PROJECT, err));
    for (unsigned q = 0; q < HG_SLOTS; q++)
        if (q != t->party) HG_TRY(hg_epoch_hear(&r, s, q, &t->said[q], err));
    hg_store_free(s);
    return HG_OK;
}

static void a_hundred_power_failures_of_one_server(void **state) {
    (void)state;
    world w;
    uint64_t epoch = 0;
    hg_rng g = hg_rng_make(5, 5);
    int deaths = 0;
    new_world(&w, "!epoch-power");
    make_plan(&w, 0);
    turn t = { .w = &w };
    for (unsigned p = 0; p < HG_SLOTS; p++) t.said[p] = status_of(w.s[p]);
    close_all(&w);
    let_die(&w);
    for (int round = 0; deaths < 100; round++) {
        t.party = (unsigned)hg_rng_below(&g, 3);
        deaths += kit_dies(take_turn, &t, (long)hg_rng_below(&g, 14));
        hg_store *s; /* what it says when it is back */
        w.k[t.party].opts.step = NULL;
        s = kit_open(&w.k[t.party]);
        t.said[t.party] = status_of(s);
        w.k[t.party].opts.step = kit_step;
        hg_store_free(s);
        bool over = true;
        for (unsigned p = 0; p < HG_SLOTS; p++)
            over = over && t.said[p].state == HG_REFRESH_IDLE && t.said[p].epoch == epoch + 1;
        if (!over) continue;
        epoch++;
        let_live(&w);
        check_values(&w, true);
        make_plan(&w, (unsigned)hg_rng_below(&g, 3));
        close_all(&w);
        let_die(&w);
    }
    print_message("%llu refreshes in 100 deaths\n", (unsigned long long)epoch);
    assert_true(epoch > 0);
    free_world(&w);
}

static hg_status whole_life(world *w, hg_err *err) {
    hg_refresh r;
    hg_text plan = hg_text_new(0);
    unsigned char digest[2][HG_DIGEST];
    hg_status st = hg_epoch_plan(&plan, w->s[0], KIT_PROJECT, HG_NOBODY, err);
    if (st == HG_OK) st = hg_epoch_begin(w->s[0], plan.s, plan.len, w->seed, err);
    if (st == HG_OK) st = hg_epoch_prepare(w->s[0], KIT_PROJECT, NULL, err);
    if (st == HG_OK) st = hg_epoch_digest(digest, w->s[0], KIT_PROJECT, err);
    if (st == HG_OK) st = hg_epoch_agree(w->s[0], KIT_PROJECT, err);
    hg_text_free(&plan);
    fail_alloc_after(-1);
    if (hg_epoch_status(&r, w->s[0], KIT_PROJECT, NULL) == HG_OK && r.state == HG_REFRESH_BEGUN)
        assert_ok(hg_epoch_refuse(w->s[0], KIT_PROJECT, "a test", NULL));
    return st;
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    world w;
    new_world(&w, "!epoch-faults");
    for (long i = 0;; i++) {
        fail_alloc_after(i);
        const hg_status st = whole_life(&w, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(i > 20);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    free_world(&w);
}

static bool stop_at_once(void *user, const char *what, size_t done, size_t total) {
    (void)user;
    assert_string_equal(what, "new shares");
    return done < 1 || total == 0;
}

static void preparing_can_be_interrupted(void **state) {
    (void)state;
    world w;
    hg_err err = { 0 };
    const hg_hooks hooks = { .progress = stop_at_once };
    new_world(&w, "cancel");
    make_plan(&w, 0);
    for (unsigned p = 0; p < HG_SLOTS; p++) assert_ok(hg_epoch_begin(w.s[p], w.plan.s, w.plan.len, w.seed, NULL));
    assert_int_equal(hg_epoch_prepare(w.s[0], KIT_PROJECT, &hooks, &err), HG_ECANCEL);
    close_all(&w);
    assert_ok_err(converse(&w, &err), err);
    check_values(&w, true);
    check_erased(&w, 3);
    free_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* first: a process with a small heap is quickly copied */
        TEST(no_death_at_any_step_loses_a_share),
        TEST(a_rebuilding_goes_on_after_any_death),
        TEST(a_hundred_power_failures_of_one_server),
        TEST(a_refresh_changes_every_share_and_no_value),
        TEST(shares_of_two_epochs_do_not_fit),
        TEST(a_refusal_takes_everyone_back),
        TEST(a_set_may_be_withdrawn_in_the_middle),
        TEST(refuses_plans_that_do_not_fit),
        TEST(one_word_does_not_stand_for_two),
        TEST(a_server_that_contradicts_itself_is_named),
        TEST(a_lost_server_is_rebuilt_from_the_other_two),
        TEST(a_set_may_be_withdrawn_during_a_rebuilding),
        TEST(a_rebuilding_that_is_refused_leaves_nothing),
        TEST(preparing_can_be_interrupted),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
