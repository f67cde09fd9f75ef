/* party/rows.c -- see party/serve.h: the rows that a job computes with, in the same order on every server
 *
 * Oldest first, by the time in the owner's statement, its owner's count, and then by id: a new set comes last, so that public tables can be extended.
 * The order is public and depends on signed statements alone.
 */
#include "core/memory.h"
#include "party/ledger.h"
#include "party/serve.h"
#include "secret/pool_policy.h"
#include "secret/tier1.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 1 << 14 }; /* more than any tier computes with: refused before anything is read */

typedef struct {
    hg_stored set;
    int64_t created;
} dated;

static int by_age(const void *a, const void *b) {
    const dated *x = a, *y = b;
    if (x->created != y->created) return x->created < y->created ? -1 : 1;
    if (x->set.sequence != y->set.sequence) return x->set.sequence < y->set.sequence ? -1 : 1; /* within one second */
    return memcmp(x->set.id, y->set.id, HG_DIGEST);
}

static hg_status read_statement(hg_dataset *out, hg_server *s, const unsigned char *id, hg_err *err) {
    hg_text bytes = hg_text_new(HG_STATEMENT_MOST);
    hg_status st = hg_store_statement(&bytes, s->o.store, id, err);
    if (st == HG_OK) st = hg_dataset_decode(out, bytes.s, bytes.len, err);
    hg_text_free(&bytes);
    return st;
}

hg_status hg_serve_created(int64_t *created, hg_server *s, const unsigned char id[HG_DIGEST], hg_err *err) {
    hg_dataset statement;
    HG_TRY(read_statement(&statement, s, id, err));
    *created = statement.created;
    return HG_OK;
}

static hg_status list(hg_rows *r, hg_server *s, const char *project, hg_err *err) {
    hg_stored *all;
    size_t n;
    HG_TRY(hg_store_datasets(&all, &n, s->o.store, project, r->arena, err));
    dated *active = hg_alloc(r->arena, n, sizeof *active);
    r->set = hg_alloc(r->arena, n, sizeof *r->set);
    r->first = hg_alloc(r->arena, n, sizeof *r->first);
    if (!active || !r->set || !r->first) return hg_fail(err, HG_ENOMEM, "no memory for the list of data sets");
    for (size_t i = 0; i < n; i++) {
        if (all[i].state != HG_DATASET_ACTIVE) continue;
        active[r->n_sets].set = all[i];
        HG_TRY(hg_serve_created(&active[r->n_sets].created, s, all[i].id, err));
        r->n_sets++;
    }
    qsort(active, r->n_sets, sizeof *active, by_age);
    for (size_t i = 0; i < r->n_sets; i++) {
        r->set[i] = active[i].set;
        r->first[i] = r->n;
        if (r->set[i].rows > ROWS_MOST - r->n)
            return hg_fail(err, HG_ELIMIT, "project %s has more than %d rows: too many for one question", project,
                           ROWS_MOST);
        r->n += (size_t)r->set[i].rows;
    }
    return HG_OK;
}

hg_status hg_rows_list(hg_rows *r, hg_server *s, const char *project, hg_err *err) {
    *r = (hg_rows) { .arena = hg_arena_new() };
    const hg_status st =
        r->arena ? list(r, s, project, err) : hg_fail(err, HG_ENOMEM, "no memory for the list of data sets");
    if (st != HG_OK) hg_rows_free(r);
    return st;
}

hg_status hg_rows_digest(unsigned char digest[HG_DIGEST], const hg_rows *r, hg_err *err) {
    hg_text t = hg_text_new(0);
    for (size_t i = 0; i < r->n_sets; i++) hg_job_put_set(&t, r->set[i].id, r->set[i].epoch);
    const hg_status st = hg_job_sets_digest(digest, &t, err);
    hg_text_free(&t);
    return st;
}

/* ---- rows as they were -------------------------------------------------------------------------------------------------------- */

/* By the job that a set of measured rows names: its data sets as they were then, in their order. */
static hg_status list_then(dated **out, size_t *n, hg_server *s, const unsigned char *id, hg_arena *mem, hg_err *err) {
    hg_dataset statement;
    unsigned char(*then)[HG_DIGEST];
    HG_TRY(read_statement(&statement, s, id, err));
    HG_TRY(hg_ledger_sets(&then, n, s->o.store, statement.for_job, mem, err));
    if (!(*out = hg_alloc(mem, *n, sizeof **out)))
        return hg_fail(err, HG_ENOMEM, "no memory for the list of data sets");
    for (size_t i = 0; i < *n; i++) {
        HG_TRY(hg_store_dataset(&(*out)[i].set, s->o.store, then[i], err));
        HG_TRY(hg_serve_created(&(*out)[i].created, s, then[i], err));
    }
    qsort(*out, *n, sizeof **out, by_age);
    return HG_OK;
}

hg_status hg_rows_then(hg_stored **set, size_t *n, hg_server *s, const hg_stored *measured, hg_arena *mem,
                       hg_err *err) {
    char name[HG_SHORT_SIZE];
    dated *list = NULL;
    hg_err why = { .code = HG_OK };
    const hg_status st = list_then(&list, n, s, measured->id, mem, &why);
    if (st == HG_ENOTFOUND)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED,
                                 "what %s measured (data set %s) belongs to an answer from data that party \"%s\" does "
                                 "not know any more",
                                 measured->owner, hg_short(name, measured->id), hg_serve_name(s, s->party)),
                         "its owner can withdraw it, and share the value as a row of data");
    if (st == HG_OK && (*set = hg_alloc(mem, *n, sizeof **set))) {
        for (size_t i = 0; i < *n; i++) (*set)[i] = list[i].set;
        return HG_OK;
    }
    return st == HG_OK ? hg_fail(err, HG_ENOMEM, "no memory for the list of data sets")
                       : hg_fail(err, st, "%s", why.msg);
}

/* Whole sets, one behind the other, as they are stored. */
static hg_status load_set(hg_rows *r, hg_server *s, size_t i, uint32_t *index, hg_err *err) {
    const hg_stored *d = &r->set[i];
    const size_t first = r->first[i], n = (size_t)d->rows;
    if (d->limbs != HG_RING_LIMBS || (d->public_size && d->public_size != sizeof *index))
        return hg_fail(err, HG_EDATA, "a data set of %s is stored in another form than its policy says", d->owner);
    uint64_t *slot[2] = { r->slot[0] + r->word[i], r->slot[1] + r->word[i] };
    HG_TRY(hg_store_read(slot, d->public_size ? index : NULL, s->o.store, d->id, d->epoch, 0, n, err));
    for (size_t k = 0; d->public_size && k < n; k++) r->measured[first + k] = index[k];
    return HG_OK;
}

/* As many as a question can be computed with. */
static size_t most_rows(const hg_policy *p) {
    switch (p->tier) {
    case HG_TIER_PROPERTIES: return HG_T1_ROWS_MOST;
    case HG_TIER_INDICES: return HG_POOL_ROWS_MOST;
    default: return HG_POOL_ROWS_MOST + p->most_entries;
    }
}

/* A larger project keeps its rows, but no server loads them for nothing. */
static hg_status check_size(const hg_rows *r, const hg_policy *p, hg_err *err) {
    char name[HG_SHORT_SIZE];
    size_t largest = 0;
    if (r->n <= most_rows(p)) return HG_OK;
    for (size_t i = 0; i < r->n_sets; i++)
        if (r->set[i].rows > r->set[largest].rows) largest = i;
    const hg_stored *d = &r->set[largest];
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "project %s has %zu rows; %zu at most can be computed with", p->project,
                             r->n, most_rows(p)),
                     "data set %s of %s has %llu of them; its owner can withdraw it", hg_short(name, d->id), d->owner,
                     (unsigned long long)d->rows);
}

hg_status hg_rows_load(hg_rows *r, hg_server *s, const hg_policy *p, hg_err *err) {
    HG_TRY(check_size(r, p, err));
    uint32_t *index = hg_alloc(r->arena, r->n, sizeof *index);
    r->measured = hg_alloc(r->arena, r->n, sizeof *r->measured);
    r->word = hg_alloc(r->arena, r->n_sets, sizeof *r->word);
    if (!index || !r->measured || !r->word) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", r->n);
    for (size_t i = 0; i < r->n_sets; i++) {
        r->word[i] = r->n_words;
        r->n_words += hg_stored_words(&r->set[i]) * (size_t)r->set[i].rows;
    }
    for (unsigned k = 0; k < 2; k++) r->slot[k] = hg_alloc(r->arena, r->n_words, sizeof *r->slot[k]);
    if (!r->slot[0] || !r->slot[1]) return hg_fail(err, HG_ENOMEM, "no memory for the shares of %zu rows", r->n);
    for (size_t i = 0; i < r->n_sets; i++) HG_TRY(load_set(r, s, i, index, err));
    return HG_OK;
}

void hg_rows_slots(unsigned char digest[2][HG_DIGEST], const hg_rows *r) {
    for (unsigned k = 0; k < 2; k++) hg_digest(digest[k], "the shares of a job", r->slot[k], r->n_words * 8);
}

void hg_rows_free(hg_rows *r) {
    for (unsigned k = 0; k < 2; k++)
        if (r->slot[k]) OPENSSL_cleanse(r->slot[k], r->n_words * 8);
    hg_arena_free(r->arena);
    *r = (hg_rows) { .n = 0 };
}
