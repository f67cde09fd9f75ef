/* party/store_gossip.c -- see party/store.h: receipts and withdrawals that servers tell each other before a job
 *
 *   u32 receipts, each: id, u8 party, u32 length, bytes;   u32 withdrawals, each: id, u32 length, bytes
 * in the order of ids, so that equal knowledge gives equal bytes.
 */
#include "party/store_internal.h"
#include <string.h>

static const char RECEIPTS[] = "SELECT r.id, r.party, r.bytes FROM receipt r JOIN dataset d ON d.id = r.id"
                               " WHERE d.project = ? AND d.state <> 4 ORDER BY r.id, r.party";
static const char WITHDRAWALS[] = "SELECT id, 0, request FROM withdrawal WHERE project = ? ORDER BY id";
_Static_assert(HG_DATASET_WITHDRAWN == 4, "the number in RECEIPTS");

/* ---- telling --------------------------------------------------------------------------------------------------------------- */

/* What both parts have in common: a list with its length in front. */
static hg_status put_list(hg_text *to, hg_query *q, bool receipts, hg_err *err) {
    unsigned char id[HG_DIGEST];
    const size_t at = to->len;
    uint32_t count = 0;
    hg_put_u32(to, 0);
    for (bool row = true;; count++) {
        size_t n;
        HG_TRY(hg_query_next(&row, q, err));
        if (!row) break;
        HG_TRY(hg_query_bytes(id, sizeof id, q, 0, err));
        hg_put_bytes(to, id, sizeof id);
        if (receipts) hg_put_u8(to, (unsigned)hg_query_int(q, 1));
        const void *bytes = hg_query_blob(&n, q, 2);
        hg_put_u32(to, (uint32_t)n);
        hg_put_bytes(to, bytes ? bytes : "", n);
    }
    if (to->failed) return hg_fail(err, HG_ENOMEM, "no memory for what servers tell each other");
    for (unsigned i = 0; i < 4; i++) to->s[at + i] = (char)(unsigned char)(count >> 8 * i);
    return HG_OK;
}

static hg_status put_all(hg_text *to, hg_store *s, const char *project, hg_err *err) {
    for (int receipts = 1; receipts >= 0; receipts--) {
        hg_query q;
        HG_TRY(hg_query_begin(&q, s->db, receipts ? RECEIPTS : WITHDRAWALS, HG_VALUES(hg_value_text(project)), err));
        const hg_status st = put_list(to, &q, receipts, err);
        hg_query_end(&q);
        HG_TRY(st);
    }
    return HG_OK;
}

hg_status hg_store_gossip(hg_text *bytes, hg_store *s, const char *project, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, put_all(bytes, s, project, err));
}

/* ---- hearing --------------------------------------------------------------------------------------------------------------- */

typedef struct { /* one entry; the bytes lie in the message */
    unsigned char id[HG_DIGEST];
    unsigned party;
    const unsigned char *bytes;
    size_t n;
} entry;

static bool take_entry(entry *e, hg_taker *t, bool receipt) {
    hg_take_bytes(t, e->id, HG_DIGEST);
    e->party = receipt ? hg_take_u8(t) : 0;
    e->n = hg_take_u32(t);
    if (t->bad || !e->n || e->n > t->left || e->n > (size_t)(receipt ? HG_RECEIPT_MOST : HG_STATEMENT_MOST) ||
        e->party >= HG_SLOTS)
        return false;
    e->bytes = t->at;
    t->at += e->n;
    t->left -= e->n;
    return true;
}

/* Receipts of sets that are not here, or known already, cost nothing: no signature is verified for them. */
static hg_status hear_receipt(bool *changed, hg_store *s, const char *project, const entry *e, const hg_hear_opts *o,
                              hg_err *err) {
    uint64_t one;
    bool wanted;
    HG_TRY(hg_database_int(&one, &wanted, s->db,
                           "SELECT 1 FROM dataset d WHERE d.id = ? AND d.project = ? AND d.state <> ?"
                           " AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.id = d.id AND r.party = ?)",
                           HG_VALUES(hg_value_blob(e->id, HG_DIGEST), hg_value_text(project),
                                     hg_value_int(HG_DATASET_WITHDRAWN), hg_value_int(e->party)),
                           err));
    if (!wanted || !o->receipt) return HG_OK;
    HG_TRY(o->receipt(o->self, e->id, e->party, e->bytes, e->n, err));
    *changed = true;
    return hg_store_receipt_in(s, e->id, e->party, e->bytes, e->n, err);
}

static hg_status hear_withdrawal(bool *changed, hg_store *s, const char *project, const entry *e, const hg_hear_opts *o,
                                 hg_err *err) {
    uint64_t one;
    bool known;
    HG_TRY(hg_database_int(&one, &known, s->db, "SELECT 1 FROM withdrawal WHERE id = ?",
                           HG_VALUES(hg_value_blob(e->id, HG_DIGEST)), err));
    if (known || !o->withdrawal) return HG_OK;
    const hg_status st = o->withdrawal(o->self, e->id, e->bytes, e->n, err);
    if (st == HG_ENOTFOUND) {
        hg_err_clear(err);
        return HG_OK;
    }
    HG_TRY(st);
    return hg_store_withdraw_in(changed, s, project, e->id, e->bytes, e->n, err);
}

static hg_status hear(bool *changed, hg_store *s, const char *project, const void *bytes, size_t n,
                      const hg_hear_opts *o, hg_err *err) {
    hg_project p;
    hg_taker t = hg_taker_of(bytes, n);
    HG_TRY(hg_store_find_project(&p, s, project, err));
    for (int receipts = 1; receipts >= 0; receipts--)
        for (uint32_t left = hg_take_u32(&t); left; left--) {
            entry e;
            if (!take_entry(&e, &t, receipts))
                return hg_fail(err, HG_EPARSE, "what a server told about data sets is cut short or wrong");
            HG_TRY(receipts ? hear_receipt(changed, s, project, &e, o, err)
                            : hear_withdrawal(changed, s, project, &e, o, err));
        }
    return hg_take_end(&t) ? HG_OK
                           : hg_fail(err, HG_EPARSE, "what a server told about data sets goes on after its end");
}

hg_status hg_store_hear(bool *changed, hg_store *s, const char *project, const void *bytes, size_t n,
                        const hg_hear_opts *o, hg_err *err) {
    *changed = false;
    if (n > HG_GOSSIP_MOST) return hg_fail(err, HG_ELIMIT, "%zu bytes about data sets", n);
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = hear(changed, s, project, bytes, n, o, err);
    st = hg_database_end(s->db, st, err);
    if (st != HG_OK) *changed = false;
    if (*changed) st = hg_store_tidy(s, false, err);
    return hg_store_leave(s, st);
}
