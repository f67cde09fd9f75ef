/* party/epoch.c -- see party/epoch.h: the two-phase state machine. Each step is one transaction with its entry in the log. */
#include "party/epoch.h"
#include "core/memory.h"
#include "party/epoch_internal.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum { ALL = (1 << HG_SLOTS) - 1 };
static const unsigned char NONE[HG_DIGEST];

static bool same(const unsigned char *a, const unsigned char *b) { return memcmp(a, b, HG_DIGEST) == 0; }

void hg_seed_name(char name[HG_SECRET_NAME], const char *project) {
    snprintf(name, HG_SECRET_NAME, "seed/%s", project);
}

/* ---- the refresh under way -------------------------------------------------------------------------------------------------- */

static hg_status read_line(hg_under_way *u, const hg_query *q, hg_err *err) {
    size_t n;
    const void *plan = hg_query_blob(&n, q, 1);
    unsigned char *copy = hg_alloc(u->mem, n, 1);
    if (!copy) return hg_fail(err, HG_ENOMEM, "no memory for the plan of a refresh");
    if (n) memcpy(copy, plan, n);
    u->state = (hg_refresh_state)hg_query_int(q, 0);
    HG_TRY(hg_query_bytes(u->digest, HG_DIGEST, q, 2, err));
    u->prepared = (unsigned)hg_query_int(q, 3);
    u->committed = (unsigned)hg_query_int(q, 4);
    return hg_plan_read(&u->plan, copy, n, u->mem, err);
}

hg_status hg_under_way_read(hg_under_way *u, bool *found, hg_store *s, const char *project, hg_err *err) {
    hg_query q;
    *u = (hg_under_way) { .mem = hg_arena_new() };
    *found = false;
    if (!u->mem) return hg_fail(err, HG_ENOMEM, "no memory for the plan of a refresh");
    HG_TRY(hg_query_begin(&q, s->db, "SELECT state, plan, digest, prepared, committed FROM refresh WHERE project = ?",
                          HG_VALUES(hg_value_text(project)), err));
    hg_status st = hg_query_next(found, &q, err);
    if (st == HG_OK && *found) st = read_line(u, &q, err);
    hg_query_end(&q);
    return st;
}

hg_status hg_under_way_need(hg_under_way *u, hg_store *s, const char *project, hg_err *err) {
    bool found;
    HG_TRY(hg_under_way_read(u, &found, s, project, err));
    return found ? HG_OK : hg_fail(err, HG_EREFUSED, "no refresh of project %s is under way", project);
}

void hg_under_way_free(hg_under_way *u) { hg_arena_free(u->mem); }

hg_status hg_planned_row(hg_row *row, bool *gone, hg_store *s, const hg_under_way *u, size_t k, hg_err *err) {
    HG_TRY(hg_store_find(row, s, u->plan.set[k].set.id, err));
    *gone = row->set.state == HG_DATASET_WITHDRAWN;
    return HG_OK;
}

/* ---- where this server is ------------------------------------------------------------------------------------------------------- */

static hg_status status_of(hg_refresh *out, hg_store *s, const char *project, hg_err *err) {
    hg_query q;
    bool row;
    *out = (hg_refresh) { .state = HG_REFRESH_IDLE };
    HG_TRY(hg_query_begin(&q, s->db,
                          "SELECT p.name, p.epoch, p.done, p.refused, ifnull(r.state, 0), r.digest FROM project p"
                          " LEFT JOIN refresh r ON r.project = p.name WHERE p.name = ?",
                          HG_VALUES(hg_value_text(project)), err));
    hg_status st = hg_query_next(&row, &q, err);
    if (st == HG_OK && !row) st = hg_fail(err, HG_ENOTFOUND, "there is no project \"%s\" on this server", project);
    if (st == HG_OK) st = hg_query_text(out->project, HG_NAME_SIZE, &q, 0, err);
    if (st == HG_OK) st = hg_query_bytes(out->done, HG_DIGEST, &q, 2, err);
    if (st == HG_OK) st = hg_query_bytes(out->refused, HG_DIGEST, &q, 3, err);
    if (st == HG_OK) st = hg_query_bytes(out->plan, HG_DIGEST, &q, 5, err);
    if (st == HG_OK) {
        out->epoch = hg_query_int(&q, 1);
        out->state = (hg_refresh_state)hg_query_int(&q, 4);
    }
    hg_query_end(&q);
    return st;
}

hg_status hg_epoch_status(hg_refresh *out, hg_store *s, const char *project, hg_err *err) {
    hg_store_enter(s);
    return hg_store_leave(s, status_of(out, s, project, err));
}

hg_status hg_epoch_meant(hg_store *s, const char *project, unsigned lost, hg_err *err) {
    hg_under_way u = { 0 };
    hg_store_enter(s);
    hg_status st = hg_under_way_need(&u, s, project, err);
    if (st == HG_OK && u.plan.lost != lost)
        st = u.plan.lost == HG_NOBODY
                 ? hg_fail(err, HG_EREFUSED, "the refresh of project %s that is under way rebuilds no server", project)
                 : hg_fail(err, HG_EREFUSED, "the refresh of project %s that is under way rebuilds server %u", project,
                           u.plan.lost);
    if (st != HG_OK) (void)!hg_advise(err, st, "finish that one first: ask for it again");
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}

static hg_status note_refresh(hg_store *s, hg_audit_kind kind, const hg_plan *p, const unsigned char *digest,
                              const char *reason, hg_err *err) {
    hg_audit_note note = { 0 };
    hg_note_text(&note, "project", p->project);
    hg_note_digest(&note, "plan", digest);
    hg_note_count(&note, "epoch", p->epoch);
    hg_note_count(&note, "datasets", p->n);
    if (p->lost != HG_NOBODY) hg_note_count(&note, "lost", p->lost);
    if (reason) hg_note_text(&note, "reason", reason);
    return hg_audit_add(s, kind, &note, err);
}

/* ---- beginning --------------------------------------------------------------------------------------------------------------------- */

static hg_status set_fits(hg_store *s, const hg_stored *d, hg_err *err) {
    hg_row r;
    HG_TRY(hg_store_find(&r, s, d->id, err));
    const hg_stored *here = &r.set;
    if (here->state != HG_DATASET_VALIDATED && here->state != HG_DATASET_ACTIVE)
        return hg_fail(err, HG_EREFUSED, "data set %llu of %s is %s here, and in the plan of a refresh",
                       (unsigned long long)here->sequence, here->owner, hg_dataset_state_name(here->state));
    if (strcmp(here->project, d->project) != 0 || strcmp(here->owner, d->owner) != 0 || here->epoch != d->epoch ||
        here->sequence != d->sequence || here->kind != d->kind || memcmp(here->policy, d->policy, HG_DIGEST) != 0 ||
        here->rows != d->rows || here->limbs != d->limbs || here->elements != d->elements || here->bits != d->bits ||
        here->public_size != d->public_size)
        return hg_fail(err, HG_EREFUSED, "data set %llu of %s is another one here than in the plan of a refresh",
                       (unsigned long long)here->sequence, here->owner);
    return HG_OK;
}

/* Each set of the plan, and no set more: one left out would keep its old shares for ever. */
static hg_status plan_fits(hg_store *s, const hg_plan *p, hg_err *err) {
    uint64_t n;
    bool found;
    for (size_t i = 0; i < p->n; i++) {
        HG_TRY(set_fits(s, &p->set[i].set, err));
        for (size_t j = 0; j < i; j++)
            if (same(p->set[i].set.id, p->set[j].set.id))
                return hg_fail(err, HG_EPARSE, "a data set stands twice in the plan of a refresh");
    }
    HG_TRY(hg_database_int(
        &n, &found, s->db, "SELECT count(*) FROM dataset WHERE project = ? AND state IN (?, ?)",
        HG_VALUES(hg_value_text(p->project), hg_value_int(HG_DATASET_VALIDATED), hg_value_int(HG_DATASET_ACTIVE)),
        err));
    if (n != p->n)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED, "the plan of a refresh has %zu data sets, this server %llu", p->n,
                                 (unsigned long long)n),
                         "uploads and withdrawals have to be through on all three servers first");
    return HG_OK;
}

/* The lost server has none of the sets; they come as uploads that have an epoch to come and so survive a restart. */
static hg_status add_lost_sets(hg_store *s, const hg_plan *p, hg_err *err) {
    uint64_t one;
    bool found;
    for (size_t i = 0; i < p->n; i++) {
        const hg_planned *d = &p->set[i];
        hg_row r = { .set = d->set };
        HG_TRY(hg_database_int(&one, &found, s->db, "SELECT 1 FROM dataset WHERE id = ?",
                               HG_VALUES(hg_value_blob(d->set.id, HG_DIGEST)), err));
        if (found) return hg_fail(err, HG_EREFUSED, "a data set of %s is on this server: it is not lost", d->set.owner);
        r.set.state = HG_DATASET_UPLOADING;
        HG_TRY(hg_store_insert(&r, s, err));
        HG_TRY(hg_database_run(s->db, "UPDATE dataset SET id = ?, statement = ? WHERE uid = ?",
                               HG_VALUES(hg_value_blob(d->set.id, HG_DIGEST), hg_value_blob(d->statement, d->n),
                                         hg_value_blob(r.uid, HG_UID)),
                               err));
    }
    return HG_OK;
}

static hg_status insert_refresh(hg_store *s, const hg_plan *p, const unsigned char *digest, const void *plan, size_t n,
                                hg_err *err) {
    HG_TRY(p->lost == s->party ? add_lost_sets(s, p, err) : plan_fits(s, p, err));
    for (size_t i = 0; i < p->n; i++)
        HG_TRY(hg_database_run(s->db, "UPDATE dataset SET next = ? WHERE id = ?",
                               HG_VALUES(hg_value_int(p->epoch), hg_value_blob(p->set[i].set.id, HG_DIGEST)), err));
    HG_TRY(hg_database_run(
        s->db, "INSERT INTO refresh(project, state, plan, digest, prepared, committed) VALUES (?, ?, ?, ?, 0, 0)",
        HG_VALUES(hg_value_text(p->project), hg_value_int(HG_REFRESH_BEGUN), hg_value_blob(plan, n),
                  hg_value_blob(digest, HG_DIGEST)),
        err));
    return note_refresh(s, HG_AUDIT_REFRESH_BEGUN, p, digest, NULL, err);
}

static hg_status same_seed(hg_store *s, const char *name, const unsigned char *seed, hg_err *err) {
    unsigned char have[HG_SEED];
    if (!seed) return HG_OK;
    HG_TRY(hg_vault_get(have, HG_SEED, s->vault, name, err));
    const bool equal = CRYPTO_memcmp(have, seed, HG_SEED) == 0;
    OPENSSL_cleanse(have, sizeof have);
    return equal ? HG_OK : hg_fail(err, HG_EREFUSED, "this refresh was begun with another seed");
}

static hg_status begin(hg_store *s, const hg_plan *p, const unsigned char *digest, const void *plan, size_t n,
                       const unsigned char *seed, hg_err *err) {
    char name[HG_SECRET_NAME];
    hg_refresh now;
    HG_TRY(status_of(&now, s, p->project, err));
    hg_seed_name(name, p->project);
    if (now.state != HG_REFRESH_IDLE && same(now.plan, digest)) return same_seed(s, name, seed, err);
    if (now.state != HG_REFRESH_IDLE)
        return hg_fail(err, HG_EREFUSED, "another refresh of project %s is under way: %s", p->project,
                       hg_refresh_state_name(now.state));
    if (same(now.refused, digest) || same(now.done, digest)) return hg_fail(err, HG_EREFUSED, "this refresh is over");
    if (p->lost != s->party && p->epoch != now.epoch + 1)
        return hg_fail(err, HG_EREFUSED, "a plan for epoch %llu, this server is in epoch %llu",
                       (unsigned long long)p->epoch, (unsigned long long)now.epoch);
    if ((p->lost == s->party) == (seed != NULL))
        return hg_fail(err, HG_EINVAL, "the seed is for all but the lost server");
    if (seed) HG_TRY(hg_vault_put(s->vault, name, seed, HG_SEED, true, err)); /* without its line it is swept away */
    HG_TRY(hg_database_begin(s->db, err));
    return hg_database_end(s->db, insert_refresh(s, p, digest, plan, n, err), err);
}

hg_status hg_epoch_begin(hg_store *s, const void *plan, size_t n, const unsigned char *seed, hg_err *err) {
    unsigned char digest[HG_DIGEST];
    hg_plan p;
    HG_TRY(hg_epoch_plan_digest(digest, plan, n, err));
    hg_arena *mem = hg_arena_new();
    hg_status st =
        mem ? hg_plan_read(&p, plan, n, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for the plan of a refresh");
    if (st == HG_OK) {
        hg_store_enter(s);
        st = hg_store_leave(s, begin(s, &p, digest, plan, n, seed, err));
    }
    hg_arena_free(mem);
    return st;
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------------- */

static hg_status set_refresh(hg_store *s, const hg_under_way *u, hg_err *err) {
    return hg_database_run(s->db, "UPDATE refresh SET state = ?, prepared = ?, committed = ? WHERE project = ?",
                           HG_VALUES(hg_value_int(u->state), hg_value_int(u->prepared), hg_value_int(u->committed),
                                     hg_value_text(u->plan.project)),
                           err);
}

static hg_status all_here(hg_store *s, const hg_under_way *u, hg_err *err) {
    for (size_t k = 0; k < u->plan.n; k++) {
        hg_row r;
        bool gone, sealed;
        HG_TRY(hg_planned_row(&r, &gone, s, u, k, err));
        if (gone) continue;
        HG_TRY(hg_set_sealed(&sealed, s, r.uid, u->plan.epoch, err));
        if (!sealed)
            return hg_fail(err, HG_EREFUSED, "the new shares of data set %llu of %s are not all here yet",
                           (unsigned long long)r.set.sequence, r.set.owner);
    }
    return HG_OK;
}

static hg_status agree(hg_store *s, hg_under_way *u, hg_err *err) {
    if (u->state != HG_REFRESH_BEGUN) return HG_OK;
    HG_TRY(all_here(s, u, err));
    u->state = HG_REFRESH_PREPARED;
    u->prepared |= 1u << s->party;
    HG_TRY(set_refresh(s, u, err));
    return note_refresh(s, HG_AUDIT_REFRESH_PREPARED, &u->plan, u->digest, NULL, err);
}

/* The old epoch stays beside the new one. A rebuilt server has none: its sets are whole from now on. */
static hg_status switch_sets(hg_store *s, const hg_plan *p, hg_err *err) {
    const hg_value name = hg_value_text(p->project), epoch = hg_value_int(p->epoch);
    HG_TRY(hg_database_run(
        s->db,
        "UPDATE dataset SET epoch = next, next = NULL, state = 2, since = ? WHERE project = ? AND next = ?"
        " AND state = 0",
        HG_VALUES(hg_value_time(hg_store_now(s)), name, epoch), err));
    HG_TRY(hg_database_run(
        s->db,
        "UPDATE dataset SET old = epoch, epoch = next, next = NULL WHERE project = ? AND next = ? AND state <> 4",
        HG_VALUES(name, epoch), err));
    return hg_database_run(s->db, "UPDATE dataset SET next = NULL WHERE project = ?", HG_VALUES(name), err);
}

static hg_status commit(hg_store *s, hg_under_way *u, hg_err *err) {
    const hg_plan *p = &u->plan;
    HG_TRY(switch_sets(s, p, err));
    HG_TRY(hg_database_run(
        s->db, "UPDATE project SET epoch = ?, done = ? WHERE name = ?",
        HG_VALUES(hg_value_int(p->epoch), hg_value_blob(u->digest, HG_DIGEST), hg_value_text(p->project)), err));
    for (size_t k = 0; k < p->n; k++) { /* a rebuilt server may have heard the receipts before */
        hg_row r;
        bool gone;
        HG_TRY(hg_planned_row(&r, &gone, s, u, k, err));
        if (!gone) HG_TRY(hg_store_activate(s, &r, err));
    }
    u->state = HG_REFRESH_COMMITTED;
    u->committed |= 1u << s->party;
    HG_TRY(set_refresh(s, u, err));
    return note_refresh(s, HG_AUDIT_REFRESH_COMMITTED, p, u->digest, NULL, err);
}

static hg_status end(hg_store *s, hg_under_way *u, hg_err *err) {
    const hg_value name = hg_value_text(u->plan.project);
    HG_TRY(hg_database_run(s->db, "UPDATE dataset SET old = NULL WHERE project = ?", HG_VALUES(name), err));
    HG_TRY(hg_database_run(s->db, "DELETE FROM refresh WHERE project = ?", HG_VALUES(name), err));
    u->state = HG_REFRESH_IDLE;
    return note_refresh(s, HG_AUDIT_REFRESH_ERASED, &u->plan, u->digest, NULL, err);
}

static hg_status go_back(hg_store *s, hg_under_way *u, const char *reason, hg_err *err) {
    const hg_value name = hg_value_text(u->plan.project);
    if (u->plan.lost == s->party) /* what was taken of them goes, as an upload that broke off */
        HG_TRY(hg_database_run(
            s->db, "UPDATE dataset SET id = NULL, state = 4 WHERE project = ? AND state = 0 AND next IS NOT NULL",
            HG_VALUES(name), err));
    HG_TRY(hg_database_run(s->db, "UPDATE dataset SET next = NULL WHERE project = ?", HG_VALUES(name), err));
    HG_TRY(hg_database_run(s->db, "UPDATE project SET refused = ? WHERE name = ?",
                           HG_VALUES(hg_value_blob(u->digest, HG_DIGEST), name), err));
    HG_TRY(hg_database_run(s->db, "DELETE FROM refresh WHERE project = ?", HG_VALUES(name), err));
    u->state = HG_REFRESH_IDLE;
    return note_refresh(s, HG_AUDIT_REFRESH_REFUSED, &u->plan, u->digest, reason, err);
}
_Static_assert(HG_DATASET_UPLOADING == 0 && HG_DATASET_VALIDATED == 2 && HG_DATASET_WITHDRAWN == 4,
               "the numbers in the statements above");

/* One step in its transaction; what nobody wants any more goes afterwards. */
static hg_status step(hg_store *s, const char *project,
                      hg_status (*what)(hg_store *s, hg_under_way *u, const void *with, hg_err *err), const void *with,
                      hg_err *err) {
    hg_under_way u = { 0 };
    hg_status st = hg_store_begin(s, err);
    if (st == HG_OK) st = hg_under_way_need(&u, s, project, err);
    if (st == HG_OK) st = what(s, &u, with, err);
    st = hg_database_end(s->db, st, err);
    if (st == HG_OK && u.state == HG_REFRESH_IDLE) st = hg_store_tidy(s, false, err);
    hg_under_way_free(&u);
    return hg_store_leave(s, st);
}

static hg_status step_agree(hg_store *s, hg_under_way *u, const void *with, hg_err *err) {
    (void)with;
    return agree(s, u, err);
}

static hg_status step_refuse(hg_store *s, hg_under_way *u, const void *with, hg_err *err) {
    if (u->state != HG_REFRESH_BEGUN)
        return hg_fail(err, HG_EREFUSED, "the refresh of project %s is %s here: this server cannot go back alone",
                       u->plan.project, hg_refresh_state_name(u->state));
    return go_back(s, u, with, err);
}

hg_status hg_epoch_agree(hg_store *s, const char *project, hg_err *err) {
    return step(s, project, step_agree, NULL, err);
}

hg_status hg_epoch_refuse(hg_store *s, const char *project, const char *reason, hg_err *err) {
    return step(s, project, step_refuse, reason, err);
}

/* ---- what the others say ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned from;
    const hg_refresh *said;
} heard;

static hg_status cheat(const heard *h, const hg_under_way *u, const char *what, hg_err *err) {
    return hg_fail(err, HG_ECHEAT, "server %u says that the refresh of project %s to epoch %llu %s: that cannot be",
                   h->from, u->plan.project, (unsigned long long)u->plan.epoch, what);
}

/* About the plan that is under way here. An honest server that has agreed never refuses, commits only when all have agreed, and ends only when
 * all have committed. But one may lie: what it says counts for itself alone. Old shares go when each of the others has said of
 * itself that it has the new ones in force. */
static hg_status step_hear(hg_store *s, hg_under_way *u, const void *with, hg_err *err) {
    const heard *h = with;
    const hg_refresh *r = h->said;
    const unsigned bit = 1u << h->from;
    const bool here = same(r->plan, u->digest), over = r->state == HG_REFRESH_IDLE && same(r->done, u->digest);
    if (same(r->refused, u->digest)) {
        if ((u->prepared & bit) || u->state == HG_REFRESH_COMMITTED)
            return cheat(h, u, "was refused, after it agreed", err);
        return go_back(s, u, "another server refused it", err);
    }
    const bool committed = (here && r->state == HG_REFRESH_COMMITTED) || over,
               prepared = committed || (here && r->state == HG_REFRESH_PREPARED);
    if (committed && u->state == HG_REFRESH_BEGUN) return cheat(h, u, "is in force, without this server's word", err);
    if (over && u->state != HG_REFRESH_COMMITTED) return cheat(h, u, "is over, without this server's word", err);
    if (prepared) u->prepared |= bit;
    if (committed) u->committed |= bit;
    HG_TRY(set_refresh(s, u, err));
    if (u->state == HG_REFRESH_PREPARED && u->prepared == ALL) HG_TRY(commit(s, u, err));
    return u->state == HG_REFRESH_COMMITTED && u->committed == ALL ? end(s, u, err) : HG_OK;
}

/* With nothing under way here. */
static hg_status hear_idle(const hg_refresh *now, const heard *h, hg_err *err) {
    const hg_refresh *r = h->said;
    if (r->epoch == now->epoch || (r->epoch + 1 == now->epoch && same(r->plan, now->done))) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_EREFUSED, "server %u is in epoch %llu of project %s, this server in epoch %llu",
                             h->from, (unsigned long long)r->epoch, now->project, (unsigned long long)now->epoch),
                     "a server whose disk was restored from a backup has to be rebuilt from the other two");
}

hg_status hg_epoch_hear(hg_refresh *now, hg_store *s, unsigned from, const hg_refresh *said, hg_err *err) {
    const heard h = { .from = from, .said = said };
    if (from >= HG_SLOTS || from == s->party)
        return hg_fail(err, HG_EINVAL, "party %u does not speak to party %u", from, s->party);
    HG_TRY(hg_epoch_status(now, s, said->project, err));
    if (now->state == HG_REFRESH_IDLE) return hear_idle(now, &h, err);
    if (!same(said->plan, NONE) && !same(said->plan, now->plan) && !same(said->refused, now->plan))
        return hg_fail(err, HG_EREFUSED, "server %u is in another refresh of project %s", from, said->project);
    HG_TRY(step(s, said->project, step_hear, &h, err));
    return hg_epoch_status(now, s, said->project, err);
}
