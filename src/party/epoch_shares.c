/* party/epoch_shares.c -- see party/epoch.h: new shares out of old ones and a seed, and a lost server's out of its neighbours'
 *
 * Slot j gets F(k_j) - F(k_(j+1)): three terms with the sum zero. F is secret/prss.h with the purpose HG_PRSS_REFRESH; one draw a chunk,
 * counted over all chunks of the plan in order, so that a restart and a neighbour use the same draw for the same rows. Bits get
 * F(k_j) xor F(k_(j+1)).
 */
#include "core/memory.h"
#include "party/epoch_internal.h"
#include "secret/ring.h"
#include <openssl/crypto.h>
#include <string.h>

typedef struct {
    hg_store *s;
    hg_under_way under_way;
    hg_prss *prss;
    const hg_hooks *hooks;
    size_t done, total; /* chunks */
    /* buffers of a chunk */
    size_t cap; /* words */
    uint64_t *slot[2], *f[HG_SLOTS];
    unsigned char *open;
} maker;

/* ---- the terms ----------------------------------------------------------------------------------------------------------------- */

static hg_status open_prss(hg_prss **out, hg_store *s, const char *project, hg_err *err) {
    static const char *const NAME[HG_SLOTS] = { "refresh key 0", "refresh key 1", "refresh key 2" };
    unsigned char seed[HG_SEED], digest[HG_DIGEST], key[HG_SLOTS][HG_PRSS_KEY];
    const bool known[HG_SLOTS] = { true, true, true };
    char name[HG_SECRET_NAME];
    hg_seed_name(name, project);
    HG_TRY(hg_vault_get(seed, HG_SEED, s->vault, name, err));
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        hg_digest(digest, NAME[j], seed, HG_SEED);
        memcpy(key[j], digest, HG_PRSS_KEY);
    }
    const hg_status st = hg_prss_new(out, (const unsigned char(*)[HG_PRSS_KEY])key, known, err);
    OPENSSL_cleanse(seed, sizeof seed);
    OPENSSL_cleanse(digest, sizeof digest);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

/* x += f - g for one row of one slot: elements, then bits. f is used up. */
static void add_term(uint64_t *x, uint64_t *f, const uint64_t *g, const hg_stored *d) {
    const size_t elements = d->elements * d->limbs, words = hg_stored_words(d);
    hg_ring_sub(f, f, g, d->elements, d->limbs);
    hg_ring_add(x, x, f, d->elements, d->limbs);
    for (size_t i = elements; i < words; i++) x[i] ^= f[i] ^ g[i];
    if (d->bits % 64) x[words - 1] &= ~(uint64_t)0 >> (64 - d->bits % 64); /* bits past the last stay zero */
}

/* In the order of the slots: the first one uses up F(k_p), which the second does not need. */
static hg_status add_terms(maker *m, const hg_stored *d, size_t rows, hg_err *err) {
    const size_t words = hg_stored_words(d);
    const uint64_t draw = hg_prss_draw(m->prss, HG_PRSS_REFRESH);
    for (unsigned j = 0; j < HG_SLOTS; j++)
        HG_TRY(hg_prss_fill(m->prss, HG_PRSS_REFRESH, draw, j, m->f[j], rows * words, err));
    for (unsigned k = 0; k < 2; k++) {
        const unsigned j = (m->s->party + k) % HG_SLOTS;
        for (size_t i = 0; i < rows; i++)
            add_term(m->slot[k] + i * words, m->f[j] + i * words, m->f[(j + 1) % HG_SLOTS] + i * words, d);
    }
    return HG_OK;
}

/* ---- one set --------------------------------------------------------------------------------------------------------------------- */

static size_t chunks_of(const hg_stored *d) {
    const size_t most = hg_chunk_rows(d);
    return (size_t)((d->rows + most - 1) / most);
}

static hg_status room(maker *m, const hg_stored *d, hg_err *err) {
    const size_t most = hg_chunk_rows(d), rows = d->rows < most ? (size_t)d->rows : most,
                 words = rows * hg_stored_words(d), need = 5 * words + rows * d->public_size / 8 + 1;
    if (need > m->cap) {
        uint64_t *more = hg_realloc(m->slot[0], need, sizeof *more);
        if (!more) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of new shares", rows);
        m->slot[0] = more;
        m->cap = need;
    }
    m->slot[1] = m->slot[0] + words;
    for (unsigned j = 0; j < HG_SLOTS; j++) m->f[j] = m->slot[0] + (2 + j) * words;
    m->open = (unsigned char *)(m->slot[0] + 5 * words);
    return HG_OK;
}

/* Takes away what an earlier start left, and draws a new key: no nonce comes twice. Entered. */
static hg_status start_set(hg_chunk_writer **out, hg_store *s, const hg_row *r, uint64_t epoch, hg_err *err) {
    unsigned char key[HG_AEAD_KEY];
    HG_TRY(hg_database_begin(s->db, err));
    HG_TRY(hg_database_end(s->db,
                           hg_database_run(s->db, "DELETE FROM chunk WHERE uid = ? AND epoch = ?",
                                           HG_VALUES(hg_value_blob(r->uid, HG_UID), hg_value_int(epoch)), err),
                           err));
    HG_TRY(hg_set_key_new(key, s, r->uid, epoch, true, err));
    const hg_status st = hg_chunk_writer_new(out, s, r, epoch, key, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

/* Is the set still to be done? *r is how it is now. Entered. */
static hg_status look(bool *needed, hg_row *r, maker *m, size_t k, hg_err *err) {
    bool gone, sealed;
    HG_TRY(hg_planned_row(r, &gone, m->s, &m->under_way, k, err));
    *needed = false;
    if (gone) return HG_OK;
    if (!r->has_next || r->next != m->under_way.plan.epoch)
        return hg_fail(err, HG_EREFUSED, "the refresh was refused meanwhile");
    HG_TRY(hg_set_sealed(&sealed, m->s, r->uid, r->next, err));
    *needed = !sealed;
    return HG_OK;
}

/* Entered: between two chunks others may use the store. */
static hg_status make_chunk(bool *needed, maker *m, hg_chunk_writer *w, size_t k, hg_err *err) {
    hg_row r;
    HG_TRY(look(needed, &r, m, k, err));
    if (!*needed) return HG_OK; /* withdrawn */
    const uint64_t first = hg_chunk_writer_rows(w), left = r.set.rows - first;
    const size_t most = hg_chunk_rows(&r.set), rows = left < most ? (size_t)left : most;
    HG_TRY(hg_set_read(m->slot, m->open, m->s, &r, r.set.epoch, first, rows, err));
    HG_TRY(add_terms(m, &r.set, rows, err));
    const uint64_t *const slot[2] = { m->slot[0], m->slot[1] };
    return hg_chunk_writer_add(w, slot, m->open, rows, err);
}

static hg_status seal_set(hg_store *s, hg_chunk_writer *w, const unsigned char *id, hg_err *err) {
    HG_TRY(hg_database_begin(s->db, err));
    return hg_database_end(s->db, hg_chunk_writer_seal(w, id, err), err);
}

static hg_status make_chunks(maker *m, hg_chunk_writer *w, size_t k, hg_err *err) {
    const hg_stored *d = &m->under_way.plan.set[k].set;
    for (size_t i = 0, n = chunks_of(d); i < n; i++) {
        bool needed = false;
        if (!hg_progress(m->hooks, "new shares", m->done++, m->total))
            return hg_fail(err, HG_ECANCEL, "the refresh was interrupted");
        hg_store_enter(m->s);
        HG_TRY(hg_store_leave(m->s, make_chunk(&needed, m, w, k, err)));
        if (!needed) return HG_OK;
    }
    hg_store_enter(m->s);
    return hg_store_leave(m->s, seal_set(m->s, w, d->id, err));
}

static hg_status make_set(maker *m, size_t k, hg_err *err) {
    hg_chunk_writer *w = NULL;
    hg_row r;
    bool needed = false;
    const hg_stored *d = &m->under_way.plan.set[k].set;
    hg_prss *const prss = m->prss;
    HG_TRY(room(m, d, err));
    hg_store_enter(m->s);
    hg_status st = look(&needed, &r, m, k, err);
    if (st == HG_OK && needed) st = start_set(&w, m->s, &r, r.next, err);
    HG_TRY(hg_store_leave(m->s, st));
    if (!needed) { /* its draws stay its own */
        for (size_t i = 0, n = chunks_of(d); i < n; i++) (void)hg_prss_draw(prss, HG_PRSS_REFRESH);
        m->done += chunks_of(d);
        return HG_OK;
    }
    st = make_chunks(m, w, k, err);
    hg_chunk_writer_free(w);
    return st;
}

static hg_status make_all(maker *m, hg_err *err) {
    const hg_plan *p = &m->under_way.plan;
    for (size_t k = 0; k < p->n; k++) m->total += chunks_of(&p->set[k].set);
    for (size_t k = 0; k < p->n; k++) HG_TRY(make_set(m, k, err));
    return HG_OK;
}

hg_status hg_epoch_prepare(hg_store *s, const char *project, const hg_hooks *hooks, hg_err *err) {
    maker m = { .s = s, .hooks = hooks };
    hg_store_enter(s);
    hg_status st = hg_under_way_need(&m.under_way, s, project, err);
    const bool work = st == HG_OK && m.under_way.state == HG_REFRESH_BEGUN && m.under_way.plan.lost != s->party;
    if (work) st = open_prss(&m.prss, s, project, err);
    hg_store_leave(s, st);
    if (st == HG_OK && work) st = make_all(&m, err);
    if (m.slot[0]) OPENSSL_cleanse(m.slot[0], m.cap * sizeof *m.slot[0]);
    hg_free(m.slot[0]);
    hg_prss_free(m.prss);
    hg_under_way_free(&m.under_way);
    return st;
}

/* ---- comparing --------------------------------------------------------------------------------------------------------------------- */

static hg_status digest_sets(hg_text all[2], hg_store *s, const hg_under_way *u, hg_err *err) {
    for (size_t i = 0; i < u->plan.n; i++) {
        unsigned char digest[HG_DIGEST];
        hg_row r;
        hg_seal seal;
        bool gone;
        HG_TRY(hg_planned_row(&r, &gone, s, u, i, err));
        if (gone) continue;
        HG_TRY(hg_set_seal(&seal, s, &r, u->plan.epoch, err));
        for (unsigned k = 0; k < 2; k++) {
            hg_set_digest(digest, s, &r.set, u->plan.epoch, k, &seal);
            hg_put_bytes(&all[k], digest, HG_DIGEST);
        }
    }
    return all[0].failed || all[1].failed
               ? hg_fail(err, HG_ENOMEM, "no memory for the digests of %zu data sets", u->plan.n)
               : HG_OK;
}

hg_status hg_epoch_digest(unsigned char digest[2][HG_DIGEST], hg_store *s, const char *project, hg_err *err) {
    hg_under_way u = { 0 };
    hg_text all[2] = { hg_text_new(0), hg_text_new(0) };
    hg_store_enter(s);
    hg_status st = hg_under_way_need(&u, s, project, err);
    if (st == HG_OK) st = digest_sets(all, s, &u, err);
    hg_store_leave(s, st);
    for (unsigned k = 0; k < 2; k++) {
        hg_digest(digest[k], "refreshed slots", all[k].s, all[k].len);
        hg_text_free(&all[k]);
    }
    hg_under_way_free(&u);
    return st;
}

/* ---- rebuilding -------------------------------------------------------------------------------------------------------------------- */

/* The set k and how it is here. Entered. */
static hg_status find_set(hg_under_way *u, hg_row *r, bool *gone, hg_store *s, const char *project, size_t k,
                          hg_err *err) {
    HG_TRY(hg_under_way_need(u, s, project, err));
    if (k >= u->plan.n) return hg_fail(err, HG_EINVAL, "data set %zu of %zu", k, u->plan.n);
    return hg_planned_row(r, gone, s, u, k, err);
}

static hg_status one_set(hg_under_way *u, hg_row *r, hg_store *s, const char *project, size_t k, hg_err *err) {
    bool gone;
    HG_TRY(find_set(u, r, &gone, s, project, k, err));
    return gone ? hg_fail(err, HG_EREFUSED, "a data set of %s was withdrawn meanwhile", r->set.owner) : HG_OK;
}

hg_status hg_epoch_set(hg_stored *out, size_t *n, hg_store *s, const char *project, size_t k, hg_err *err) {
    hg_under_way u = { 0 };
    hg_store_enter(s);
    hg_status st = hg_under_way_need(&u, s, project, err);
    *n = st == HG_OK ? u.plan.n : 0;
    if (st == HG_OK && k >= *n) st = hg_fail(err, HG_ENOTFOUND, "data set %zu of %zu", k, *n);
    if (st == HG_OK) *out = u.plan.set[k].set;
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}

static hg_status rows_for(uint64_t *words, void *open, hg_store *s, const hg_under_way *u, const hg_row *r,
                          uint64_t first, size_t rows, hg_err *err) {
    const unsigned lost = u->plan.lost;
    uint64_t *slot[2] = { NULL, NULL };
    if (lost == HG_NOBODY || lost == s->party)
        return hg_fail(err, HG_EREFUSED, "this refresh rebuilds nobody's shares");
    slot[lost == (s->party + 1) % HG_SLOTS] =
        words; /* the next server shares our second slot, the previous one our first */
    return hg_set_read(slot, open, s, r, u->plan.epoch, first, rows, err);
}

hg_status hg_epoch_rows(uint64_t *words, void *public_bytes, hg_store *s, const char *project, size_t k, uint64_t first,
                        size_t rows, hg_err *err) {
    hg_under_way u = { 0 };
    hg_row r;
    hg_store_enter(s);
    hg_status st = one_set(&u, &r, s, project, k, err);
    if (st == HG_OK) st = rows_for(words, public_bytes, s, &u, &r, first, rows, err);
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}

static hg_status next_row(uint64_t *next, hg_store *s, const hg_row *r, uint64_t epoch, hg_err *err) {
    bool sealed;
    HG_TRY(hg_set_sealed(&sealed, s, r->uid, epoch, err));
    const bool taking = s->taking && memcmp(s->taking_uid, r->uid, HG_UID) == 0;
    *next = sealed ? r->set.rows : taking ? hg_chunk_writer_rows(s->taking) : 0;
    return HG_OK;
}

hg_status hg_epoch_taken(uint64_t *next, hg_store *s, const char *project, size_t k, hg_err *err) {
    hg_under_way u = { 0 };
    hg_row r;
    bool gone;
    hg_store_enter(s);
    hg_status st = find_set(&u, &r, &gone, s, project, k, err);
    if (st == HG_OK && gone) *next = u.plan.set[k].set.rows;
    if (st == HG_OK && !gone) st = next_row(next, s, &r, u.plan.epoch, err);
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}

static void stop_taking(hg_store *s) {
    hg_chunk_writer_free(s->taking);
    s->taking = NULL;
}

static hg_status take(hg_store *s, const hg_under_way *u, const hg_row *r, uint64_t first,
                      const uint64_t *const slot[2], const void *open, size_t rows, hg_err *err) {
    uint64_t next;
    if (u->plan.lost != s->party || u->state != HG_REFRESH_BEGUN)
        return hg_fail(err, HG_EREFUSED, "this server is not being rebuilt");
    HG_TRY(next_row(&next, s, r, u->plan.epoch, err));
    if (first != next || rows > r->set.rows - next)
        return hg_fail(err, HG_EINVAL, "rows from %llu on, %llu are wanted next", (unsigned long long)first,
                       (unsigned long long)next);
    if (first == 0) {
        stop_taking(s);
        HG_TRY(start_set(&s->taking, s, r, u->plan.epoch, err));
        memcpy(s->taking_uid, r->uid, HG_UID);
    }
    HG_TRY(hg_chunk_writer_add(s->taking, slot, open, rows, err));
    return first + rows == r->set.rows ? seal_set(s, s->taking, r->set.id, err) : HG_OK;
}

hg_status hg_epoch_take(hg_store *s, const char *project, size_t k, uint64_t first, const uint64_t *const slot[2],
                        const void *public_bytes, size_t rows, hg_err *err) {
    hg_under_way u = { 0 };
    hg_row r;
    if (!rows) return HG_OK;
    hg_store_enter(s);
    hg_status st = one_set(&u, &r, s, project, k, err);
    if (st == HG_OK) st = take(s, &u, &r, first, slot, public_bytes, rows, err);
    if (st != HG_OK || first + rows == r.set.rows) stop_taking(s); /* whole, or to be begun again */
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}
