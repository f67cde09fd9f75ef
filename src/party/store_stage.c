/* party/store_stage.c -- see party/store.h: an upload, from its first row to staged */
#include "core/memory.h"
#include "party/store_internal.h"
#include <openssl/crypto.h>
#include <string.h>

struct hg_stage {
    hg_store *s;
    hg_row row;
    hg_chunk_writer *writer;
    bool done; /* committed: nothing to take away */
};

static hg_status begin(hg_stage *g, hg_store *s, hg_err *err) {
    unsigned char key[HG_AEAD_KEY];
    hg_project p;
    HG_TRY(hg_store_find_project(&p, s, g->row.set.project, err));
    HG_TRY(hg_database_begin(s->db, err));
    HG_TRY(hg_database_end(s->db, hg_store_insert(&g->row, s, err), err));
    g->done = false; /* from now on there is a line */
    hg_status st = hg_set_key_new(key, s, g->row.uid, 0, false, err);
    if (st == HG_OK) st = hg_chunk_writer_new(&g->writer, s, &g->row, 0, key, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

hg_status hg_stage_new(hg_stage **out, hg_store *s, const hg_stored *d, hg_err *err) {
    *out = NULL;
    HG_TRY(hg_stored_check(d, err));
    hg_stage *g = hg_calloc(1, sizeof *g);
    if (!g) return hg_fail(err, HG_ENOMEM, "no memory for an upload");
    *g = (hg_stage) { .s = s, .row.set = *d, .done = true };
    memset(g->row.set.id, 0, HG_DIGEST);
    g->row.set.rows = 0;
    g->row.set.epoch = 0;
    g->row.set.state = HG_DATASET_UPLOADING;
    hg_store_enter(s);
    const hg_status st = hg_store_leave(s, begin(g, s, err));
    if (st != HG_OK) {
        hg_stage_free(g);
        return st;
    }
    *out = g;
    return HG_OK;
}

hg_status hg_stage_add(hg_stage *g, const uint64_t *const slot[2], const void *public_bytes, size_t rows, hg_err *err) {
    hg_store_enter(g->s);
    return hg_store_leave(g->s, hg_chunk_writer_add(g->writer, slot, public_bytes, rows, err));
}

uint64_t hg_stage_rows(const hg_stage *g) { return hg_chunk_writer_rows(g->writer); }

/* *here: this very set is staged already, or further. */
static hg_status look(bool *here, hg_stage *g, const unsigned char *id, hg_err *err) {
    const hg_stored *d = &g->row.set;
    uint64_t one;
    bool found;
    *here = false;
    HG_TRY(hg_database_int(&one, &found, g->s->db, "SELECT 1 FROM withdrawal WHERE id = ?",
                           HG_VALUES(hg_value_blob(id, HG_DIGEST)), err));
    if (found)
        return hg_advise(err, hg_fail(err, HG_EREFUSED, "this data set of %s was withdrawn", d->owner),
                         "share the rows anew to bring them back");
    HG_TRY(hg_database_int(&one, here, g->s->db, "SELECT 1 FROM dataset WHERE id = ?",
                           HG_VALUES(hg_value_blob(id, HG_DIGEST)), err));
    if (*here) return HG_OK;
    HG_TRY(hg_database_int(&one, &found, g->s->db,
                           "SELECT 1 FROM dataset WHERE project = ? AND owner = ? AND sequence = ? AND id IS NOT NULL",
                           HG_VALUES(hg_value_text(d->project), hg_value_text(d->owner), hg_value_int(d->sequence)),
                           err));
    if (found)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "%s has sent another data set with number %llu before", d->owner,
                                 (unsigned long long)d->sequence),
                         "number each share of a project once, going up");
    return HG_OK;
}

static hg_status commit(hg_stage *g, const unsigned char *id, const void *statement, size_t n, hg_err *err) {
    hg_stored *d = &g->row.set;
    hg_audit_note note = { 0 };
    bool here;
    HG_TRY(look(&here, g, id, err));
    if (here) return HG_OK;
    memcpy(d->id, id, HG_DIGEST);
    d->rows = hg_chunk_writer_rows(g->writer);
    HG_TRY(hg_chunk_writer_seal(g->writer, id, err));
    HG_TRY(hg_database_run(
        g->s->db, "UPDATE dataset SET id = ?, rows = ?, state = ?, since = ?, statement = ? WHERE uid = ?",
        HG_VALUES(hg_value_blob(id, HG_DIGEST), hg_value_int(d->rows), hg_value_int(HG_DATASET_STAGED),
                  hg_value_time(hg_store_now(g->s)), hg_value_blob(statement, n), hg_value_blob(g->row.uid, HG_UID)),
        err));
    hg_store_note(&note, d);
    HG_TRY(hg_audit_add(g->s, HG_AUDIT_STAGED, &note, err));
    g->done = true;
    return HG_OK;
}

hg_status hg_stage_commit(hg_stage *g, const unsigned char id[HG_DIGEST], const void *statement, size_t n,
                          hg_err *err) {
    if (!hg_stage_rows(g)) return hg_fail(err, HG_EDATA, "a data set without rows");
    if (n > HG_STATEMENT_MOST) return hg_fail(err, HG_ELIMIT, "a statement of %zu bytes", n);
    if (g->done) return hg_fail(err, HG_EINVAL, "an upload is committed once");
    hg_status st = hg_store_begin(g->s, err);
    if (st == HG_OK) st = commit(g, id, statement, n, err);
    st = hg_store_end(g->s, st, err);
    if (st != HG_OK) g->done = false; /* not even if the last step was the commit itself */
    return st;
}

/* What is not here any more after a crash is taken away by the next open: an error here is that, later. */
static void take_away(hg_stage *g) {
    hg_database *db = g->s->db;
    const hg_value uid = hg_value_blob(g->row.uid, HG_UID);
    hg_store_enter(g->s);
    if (hg_database_begin(db, NULL) == HG_OK) {
        const hg_status st = hg_database_run(db, "UPDATE dataset SET state = ? WHERE uid = ?",
                                             HG_VALUES(hg_value_int(HG_DATASET_WITHDRAWN), uid), NULL);
        if (hg_database_end(db, st, NULL) == HG_OK) (void)!hg_store_tidy(g->s, false, NULL);
    }
    hg_store_leave(g->s, HG_OK);
}

void hg_stage_free(hg_stage *g) {
    if (!g) return;
    hg_chunk_writer_free(g->writer);
    if (!g->done) take_away(g);
    OPENSSL_cleanse(g, sizeof *g);
    hg_free(g);
}
