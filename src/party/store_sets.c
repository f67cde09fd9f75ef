/* party/store_sets.c -- see party/store.h: a data set's line in the table, its states, receipts, withdrawal */
#include "core/memory.h"
#include "party/store_internal.h"
#include <string.h>

static const char *const STATE[HG_DATASET_STATES] = {
    [HG_DATASET_UPLOADING] = "uploading", [HG_DATASET_STAGED] = "staged",       [HG_DATASET_VALIDATED] = "validated",
    [HG_DATASET_ACTIVE] = "active",       [HG_DATASET_WITHDRAWN] = "withdrawn",
};
const char *hg_dataset_state_name(hg_dataset_state s) {
    return (unsigned)s < HG_DATASET_STATES ? STATE[s] : "unknown state";
}

size_t hg_stored_words(const hg_stored *d) { return d->elements * d->limbs + (d->bits + 63) / 64; }

hg_status hg_stored_check(const hg_stored *d, hg_err *err) {
    if (!d->owner[0] || !memchr(d->owner, 0, sizeof d->owner) || !memchr(d->project, 0, sizeof d->project))
        return hg_fail(err, HG_EINVAL, "a data set needs an owner and a project");
    if (d->limbs < 1 || d->limbs > 3 || (!d->elements && !d->bits))
        return hg_fail(err, HG_EINVAL, "rows of %zu elements of %u limbs and %zu bits", d->elements, d->limbs, d->bits);
    if (d->elements > HG_ROW_ELEMENTS_MOST || d->bits > HG_ROW_BITS_MOST || d->public_size > HG_ROW_PUBLIC_MOST ||
        d->sequence > INT64_MAX || d->rows > HG_ROWS_MOST)
        return hg_fail(err, HG_ELIMIT,
                       "a data set of %llu rows of %zu elements, %zu bits and %zu public bytes is too large",
                       (unsigned long long)d->rows, d->elements, d->bits, d->public_size);
    return HG_OK;
}

void hg_store_note(hg_audit_note *note, const hg_stored *d) {
    hg_note_text(note, "project", d->project);
    hg_note_text(note, "owner", d->owner);
    hg_note_digest(note, "dataset", d->id);
    hg_note_count(note, "rows", d->rows);
}

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                                        \
    "uid, id, project, owner, sequence, policy, kind, limbs, elements, bits, public_size, rows, state, since, epoch,"  \
    " old IS NOT NULL, old, next IS NOT NULL, next"

static hg_status read_row(hg_row *r, const hg_query *q, hg_err *err) {
    hg_stored *d = &r->set;
    HG_TRY(hg_query_bytes(r->uid, HG_UID, q, 0, err));
    HG_TRY(hg_query_bytes(d->id, HG_DIGEST, q, 1, err));
    HG_TRY(hg_query_text(d->project, sizeof d->project, q, 2, err));
    HG_TRY(hg_query_text(d->owner, sizeof d->owner, q, 3, err));
    HG_TRY(hg_query_bytes(d->policy, HG_DIGEST, q, 5, err));
    d->sequence = hg_query_int(q, 4);
    d->kind = (unsigned)hg_query_int(q, 6);
    d->limbs = (unsigned)hg_query_int(q, 7);
    d->elements = hg_query_int(q, 8);
    d->bits = hg_query_int(q, 9);
    d->public_size = hg_query_int(q, 10);
    d->rows = hg_query_int(q, 11);
    d->state = (hg_dataset_state)hg_query_int(q, 12);
    d->since = (int64_t)hg_query_int(q, 13);
    d->epoch = hg_query_int(q, 14);
    r->has_old = hg_query_int(q, 15);
    r->old = hg_query_int(q, 16);
    r->has_next = hg_query_int(q, 17);
    r->next = hg_query_int(q, 18);
    return hg_stored_check(d, err); /* sizes are used for memory: a damaged file must not choose them */
}

hg_status hg_store_find(hg_row *out, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err) {
    char hex[2 * HG_DIGEST + 1];
    hg_query q;
    bool row;
    HG_TRY(hg_query_begin(&q, s->db, "SELECT " COLUMNS " FROM dataset WHERE id = ?",
                          HG_VALUES(hg_value_blob(id, HG_DIGEST)), err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && !row) {
        hg_hex_write(hex, id, HG_DIGEST);
        st = hg_fail(err, HG_ENOTFOUND, "there is no data set %.12s on this server", hex);
    }
    if (st == HG_OK) st = read_row(out, &q, err);
    hg_query_end(&q);
    return st;
}

hg_status hg_store_insert(hg_row *r, hg_store *s, hg_err *err) {
    const hg_stored *d = &r->set;
    HG_TRY(hg_world_random(&s->world, r->uid, HG_UID, err));
    return hg_database_run(
        s->db,
        "INSERT INTO dataset(uid, project, owner, sequence, policy, kind, limbs, elements, bits, public_size, rows, state,"
        " since, epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        HG_VALUES(hg_value_blob(r->uid, HG_UID), hg_value_text(d->project), hg_value_text(d->owner),
                  hg_value_int(d->sequence), hg_value_blob(d->policy, HG_DIGEST), hg_value_int(d->kind),
                  hg_value_int(d->limbs), hg_value_int(d->elements), hg_value_int(d->bits),
                  hg_value_int(d->public_size), hg_value_int(d->rows), hg_value_int(d->state),
                  hg_value_time(hg_store_now(s)), hg_value_int(d->epoch)),
        err);
}

hg_status hg_store_dataset(hg_stored *out, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err) {
    hg_row row;
    hg_store_enter(s);
    const hg_status st = hg_store_find(&row, s, id, err);
    if (st == HG_OK) *out = row.set;
    return hg_store_leave(s, st);
}

static hg_status list(hg_stored **out, size_t *n, hg_query *q, hg_arena *mem, hg_err *err) {
    hg_row r;
    size_t cap = 0;
    for (bool row = true;;) {
        HG_TRY(hg_query_next(&row, q, err));
        if (!row) return HG_OK;
        HG_TRY(read_row(&r, q, err));
        if (*n == cap) {
            hg_stored *more = hg_alloc(mem, cap = cap ? 2 * cap : 16, sizeof *more);
            if (!more) return hg_fail(err, HG_ENOMEM, "no memory to list data sets");
            if (*n) memcpy(more, *out, *n * sizeof *more);
            *out = more;
        }
        (*out)[(*n)++] = r.set;
    }
}

_Static_assert(HG_DATASET_UPLOADING == 0, "the number in the statement below");
hg_status hg_store_datasets(hg_stored **out, size_t *n, hg_store *s, const char *project, hg_arena *mem, hg_err *err) {
    hg_query q;
    *out = NULL;
    *n = 0;
    hg_store_enter(s);
    hg_status st =
        hg_query_begin(&q, s->db,
                       "SELECT " COLUMNS
                       " FROM dataset WHERE project = ? AND id IS NOT NULL AND state <> 0 ORDER BY owner, sequence, id",
                       HG_VALUES(hg_value_text(project)), err);
    if (st == HG_OK) st = list(out, n, &q, mem, err);
    hg_query_end(&q);
    return hg_store_leave(s, st);
}

static hg_status append_blob(hg_text *bytes, hg_query *q, const char *what, hg_err *err) {
    size_t n;
    bool row;
    HG_TRY(hg_query_next(&row, q, err));
    if (!row) return hg_fail(err, HG_ENOTFOUND, "there is no such %s on this server", what);
    const void *p = hg_query_blob(&n, q, 0);
    hg_text_put(bytes, p ? p : "", n);
    return bytes->failed ? hg_fail(err, HG_ENOMEM, "no memory for a %s of %zu bytes", what, n) : HG_OK;
}

hg_status hg_store_statement(hg_text *bytes, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err) {
    hg_query q;
    hg_store_enter(s);
    hg_status st = hg_query_begin(&q, s->db, "SELECT statement FROM dataset WHERE id = ?",
                                  HG_VALUES(hg_value_blob(id, HG_DIGEST)), err);
    if (st == HG_OK) st = append_blob(bytes, &q, "data set", err);
    hg_query_end(&q);
    return hg_store_leave(s, st);
}

/* ---- states --------------------------------------------------------------------------------------------------------------- */

static hg_status set_state(hg_store *s, hg_row *r, hg_dataset_state state, hg_audit_kind kind, const char *reason,
                           hg_err *err) {
    hg_audit_note note = { 0 };
    HG_TRY(hg_database_run(
        s->db, "UPDATE dataset SET state = ?, since = ? WHERE uid = ?",
        HG_VALUES(hg_value_int(state), hg_value_time(hg_store_now(s)), hg_value_blob(r->uid, HG_UID)), err));
    r->set.state = state;
    hg_store_note(&note, &r->set);
    if (reason) hg_note_text(&note, "reason", reason);
    return hg_audit_add(s, kind, &note, err);
}

static hg_status wrong_state(const hg_stored *d, const char *wish, hg_err *err) {
    char hex[2 * HG_DIGEST + 1];
    hg_hex_write(hex, d->id, HG_DIGEST);
    return hg_fail(err, HG_EREFUSED, "data set %.12s is %s and cannot be %s", hex, hg_dataset_state_name(d->state),
                   wish);
}

static hg_status count_receipts(uint64_t *n, hg_store *s, const unsigned char *id, hg_err *err) {
    bool found;
    return hg_database_int(n, &found, s->db, "SELECT count(*) FROM receipt WHERE id = ?",
                           HG_VALUES(hg_value_blob(id, HG_DIGEST)), err);
}

/* Three receipts make a set active, also one that this server has not marked validated: its own receipt among them says that it was
 * (it may have been restored from a backup, or rebuilt). */
hg_status hg_store_activate(hg_store *s, hg_row *r, hg_err *err) {
    uint64_t n;
    if (r->set.state != HG_DATASET_STAGED && r->set.state != HG_DATASET_VALIDATED) return HG_OK;
    HG_TRY(count_receipts(&n, s, r->set.id, err));
    return n == HG_SLOTS ? set_state(s, r, HG_DATASET_ACTIVE, HG_AUDIT_ACTIVE, NULL, err) : HG_OK;
}

static hg_status validate(hg_store *s, const unsigned char *id, hg_err *err) {
    hg_row r;
    HG_TRY(hg_store_find(&r, s, id, err));
    if (r.set.state == HG_DATASET_VALIDATED || r.set.state == HG_DATASET_ACTIVE) return HG_OK;
    if (r.set.state != HG_DATASET_STAGED) return wrong_state(&r.set, "validated", err);
    return set_state(s, &r, HG_DATASET_VALIDATED, HG_AUDIT_VALIDATED, NULL, err);
}

hg_status hg_store_validate(hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err) {
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = validate(s, id, err);
    return hg_store_end(s, st, err);
}

hg_status hg_store_receipt_in(hg_store *s, const unsigned char *id, unsigned party, const void *receipt, size_t n,
                              hg_err *err) {
    hg_row r;
    HG_TRY(hg_store_find(&r, s, id, err));
    if (r.set.state == HG_DATASET_WITHDRAWN) return wrong_state(&r.set, "receipted", err);
    HG_TRY(hg_database_run(s->db, "INSERT OR IGNORE INTO receipt(id, party, bytes) VALUES (?, ?, ?)",
                           HG_VALUES(hg_value_blob(id, HG_DIGEST), hg_value_int(party), hg_value_blob(receipt, n)),
                           err));
    return hg_store_activate(s, &r, err);
}

hg_status hg_store_receipt_put(hg_store *s, const unsigned char id[HG_DIGEST], unsigned party, const void *receipt,
                               size_t n, hg_err *err) {
    if (party >= HG_SLOTS || !n || n > HG_RECEIPT_MOST)
        return hg_fail(err, HG_EINVAL, "a receipt of party %u with %zu bytes", party, n);
    hg_row r;
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK && party == s->party) st = hg_store_find(&r, s, id, err);
    if (st == HG_OK && party == s->party && r.set.state == HG_DATASET_STAGED)
        st = wrong_state(&r.set, "receipted before it is validated", err);
    if (st == HG_OK) st = hg_store_receipt_in(s, id, party, receipt, n, err);
    return hg_store_end(s, st, err);
}

hg_status hg_store_receipt_get(hg_text *bytes, hg_store *s, const unsigned char id[HG_DIGEST], unsigned party,
                               hg_err *err) {
    hg_query q;
    hg_store_enter(s);
    hg_status st = hg_query_begin(&q, s->db, "SELECT bytes FROM receipt WHERE id = ? AND party = ?",
                                  HG_VALUES(hg_value_blob(id, HG_DIGEST), hg_value_int(party)), err);
    if (st == HG_OK) st = append_blob(bytes, &q, "receipt", err);
    hg_query_end(&q);
    return hg_store_leave(s, st);
}

/* ---- leaving ---------------------------------------------------------------------------------------------------------------- */

/* The line goes too (unlike a withdrawn set's): the owner may send the set again after mending it. Until tidied, it is an
 * upload without an id. */
static hg_status drop(hg_store *s, const unsigned char *id, const char *reason, hg_err *err) {
    hg_row r;
    HG_TRY(hg_store_find(&r, s, id, err));
    if (r.set.state != HG_DATASET_STAGED) return wrong_state(&r.set, "dropped", err);
    HG_TRY(set_state(s, &r, HG_DATASET_WITHDRAWN, HG_AUDIT_DROPPED, reason, err));
    HG_TRY(hg_database_run(s->db, "DELETE FROM receipt WHERE id = ?", HG_VALUES(hg_value_blob(id, HG_DIGEST)), err));
    return hg_database_run(s->db, "UPDATE dataset SET id = NULL WHERE uid = ?", HG_VALUES(hg_value_blob(r.uid, HG_UID)),
                           err);
}

static hg_status commit_and_tidy(hg_store *s, hg_status st, hg_err *err) {
    st = hg_database_end(s->db, st, err);
    if (st == HG_OK) st = hg_store_tidy(s, false, err);
    return hg_store_leave(s, st);
}

hg_status hg_store_drop(hg_store *s, const unsigned char id[HG_DIGEST], const char *reason, hg_err *err) {
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = drop(s, id, reason, err);
    return commit_and_tidy(s, st, err);
}

hg_status hg_store_withdraw_in(bool *changed, hg_store *s, const char *project, const unsigned char *id,
                               const void *request, size_t n, hg_err *err) {
    hg_row r;
    hg_audit_note note = { 0 };
    HG_TRY(hg_database_run(s->db, "INSERT OR IGNORE INTO withdrawal(id, project, request, since) VALUES (?, ?, ?, ?)",
                           HG_VALUES(hg_value_blob(id, HG_DIGEST), hg_value_text(project), hg_value_blob(request, n),
                                     hg_value_time(hg_store_now(s))),
                           err));
    if (hg_database_changes(s->db) == 0) return HG_OK; /* done before */
    *changed = true;
    const hg_status st = hg_store_find(&r, s, id, err);
    if (st == HG_OK && strcmp(r.set.project, project) != 0)
        return hg_fail(err, HG_EREFUSED, "the data set belongs to another project than \"%s\"", project);
    if (st == HG_OK)
        return set_state(s, &r, HG_DATASET_WITHDRAWN, HG_AUDIT_WITHDRAWN,
                         "shares are erased; answers already given remain", err);
    if (st != HG_ENOTFOUND) return st;
    hg_err_clear(err);
    hg_note_text(&note, "project", project);
    hg_note_digest(&note, "dataset", id);
    hg_note_text(&note, "reason", "it never was on this server");
    return hg_audit_add(s, HG_AUDIT_WITHDRAWN, &note, err);
}

hg_status hg_store_withdraw(hg_store *s, const char *project, const unsigned char id[HG_DIGEST], const void *request,
                            size_t n, hg_err *err) {
    hg_project p;
    bool changed = false;
    if (!n || n > HG_STATEMENT_MOST) return hg_fail(err, HG_EINVAL, "a request of %zu bytes", n);
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = hg_store_find_project(&p, s, project, err);
    if (st == HG_OK) st = hg_store_withdraw_in(&changed, s, project, id, request, n, err);
    return commit_and_tidy(s, st, err);
}
