/* tests/party/epoch_kit.h -- three stores that are one call apart: refreshes, a lost server, and what must hold afterwards */
#ifndef EPOCH_KIT_H
#define EPOCH_KIT_H
#include "party/audit.h"
#include "party/epoch.h"
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

static inline hg_status open_all(world *w, hg_err *err) {
    for (unsigned p = 0; p < HG_SLOTS; p++)
        if (!w->s[p]) HG_TRY(kit_try(&w->s[p], &w->k[p], false, err));
    return HG_OK;
}

static inline void close_all(world *w) {
    for (unsigned p = 0; p < HG_SLOTS; p++) {
        hg_store_free(w->s[p]);
        w->s[p] = NULL;
    }
}

/* Two active sets (one of several chunks, one with bits) and a staged one that takes no part. */
static inline void new_world(world *w, const char *name) {
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

static inline void free_world(world *w) {
    close_all(w);
    for (unsigned p = 0; p < HG_SLOTS; p++) test_remove_tree(w->k[p].folder);
    for (int i = 0; i < SETS; i++) kit_set_free(&w->set[i]);
    hg_text_free(&w->plan);
}

static inline void make_plan(world *w, unsigned by) {
    unsigned char part[HG_SLOTS][HG_SEED];
    hg_err err = { 0 };
    for (unsigned p = 0; p < HG_SLOTS; p++) randombytes_buf(part[p], HG_SEED);
    hg_text_free(&w->plan);
    assert_ok_err(hg_epoch_plan(&w->plan, w->s[by], KIT_PROJECT, w->lost, &err), err);
    assert_ok(hg_epoch_plan_digest(w->digest, w->plan.s, w->plan.len, NULL));
    assert_ok(hg_epoch_seed(w->seed, w->digest, (const unsigned char *const[3]) { part[0], part[1], part[2] }, w->lost,
                            NULL));
}

static inline hg_refresh status_of(hg_store *s) {
    hg_refresh r;
    assert_ok(hg_epoch_status(&r, s, KIT_PROJECT, NULL));
    return r;
}

/* Server p hears q's word, as it goes over the wire. */
static inline hg_status hear(world *w, unsigned p, unsigned q, hg_err *err) {
    unsigned char bytes[HG_REFRESH_SIZE];
    hg_refresh said, heard, now;
    HG_TRY(hg_epoch_status(&said, w->s[q], KIT_PROJECT, err));
    hg_refresh_pack(bytes, &said);
    HG_TRY(hg_refresh_unpack(&heard, bytes, err));
    return hg_epoch_hear(&now, w->s[p], q, &heard, err);
}

static inline hg_status hear_all(world *w, hg_err *err) {
    for (unsigned p = 0; p < HG_SLOTS; p++)
        for (unsigned q = 0; q < HG_SLOTS; q++)
            if (p != q) HG_TRY(hear(w, p, q, err));
    return HG_OK;
}

/* The values are the same, neighbours hold the same slots, nobody holds a plain zero change. */
static inline void check_values(world *w, bool refreshed) {
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
static inline void check_erased(world *w, size_t sets) {
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

static inline void check_logs(world *w) {
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

/* ---- a lost server, and one conversation ------------------------------------------------------------ */

static inline hg_status rebuild_set(world *w, size_t k, const hg_stored *d, size_t piece, hg_err *err) {
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

static inline hg_status rebuild_sets(world *w, hg_err *err) {
    size_t n = 1;
    hg_stored d;
    for (size_t k = 0; k < n; k++) {
        HG_TRY(hg_epoch_set(&d, &n, w->s[w->lost], KIT_PROJECT, k, err));
        HG_TRY(rebuild_set(w, k, &d, 1000, err));
    }
    return HG_OK;
}

static inline hg_status yes_receipt(void *self, const unsigned char *id, unsigned party, const void *bytes, size_t n,
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
static inline void lose(world *w, unsigned lost) {
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

/* One conversation, from wherever the three are: everything that can be done is done again, and must lead to the end. Also run by a process that
 * dies on the way. */
static inline hg_status converse(void *ctx, hg_err *err) {
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

static inline void let_die(world *w) {
    for (unsigned p = 0; p < HG_SLOTS; p++) w->k[p].opts.step = kit_step;
}
static inline void let_live(world *w) {
    hg_err err = { 0 };
    for (unsigned p = 0; p < HG_SLOTS; p++) w->k[p].opts.step = NULL;
    assert_ok_err(open_all(w, &err), err);
}

#endif
