/* party/serve_facts.c -- requests that touch no secret: status, policies, lists, withdrawals, the log */
#include "party/audit.h"
#include "party/encode.h"
#include "party/ledger.h"
#include "party/serve.h"
#include "party/states.h"
#include "party/status.h"
#include "party/tables.h"
#include <stdio.h>
#include <string.h>

/* ---- policies and members ----------------------------------------------------------------------------------------------------- */

hg_status hg_serve_policy(hg_policy **out, hg_server *s, const char *project, const unsigned char *digest,
                          hg_err *err) {
    *out = NULL;
    hg_text bytes = hg_text_new(0);
    hg_status st = hg_store_policy_get(&bytes, s->o.store, project, digest, err);
    if (st == HG_OK) st = hg_policy_stored(out, project, bytes.s, bytes.len, err);
    hg_text_free(&bytes);
    return st;
}

hg_status hg_serve_member(const hg_member **out, const hg_policy *p, const hg_link *k, hg_err *err) {
    const hg_certificate *peer = &hg_link_visitor(k)->peer;
    *out = hg_policy_member_of_key(p, peer->signing_key);
    if (*out) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "%s is no member of project %s, or its key was revoked", peer->name, p->project);
}

void hg_serve_refused(hg_server *s, hg_audit_kind kind, const hg_policy *p, const char *member, const hg_err *why) {
    hg_audit_note note = { 0 };
    switch (why->code) {
    case HG_EPARTY:
    case HG_ECANCEL:
    case HG_ENOMEM:
    case HG_EIO: return;
    default: break;
    }
    hg_project here;
    const bool known = p && hg_store_project(&here, s->o.store, p->project, NULL) == HG_OK;
    if (p) hg_note_text(&note, "project", p->project);
    if (p && kind == HG_AUDIT_POLICY_REFUSED) hg_note_digest(&note, "policy", p->digest);
    hg_note_text(&note, kind == HG_AUDIT_JOB_REFUSED ? "user" : "member", member);
    /* what is no policy is everybody's to read: of its words nothing is */
    hg_note_text(&note, "reason", p && why->msg[0] ? why->msg : "what came is no policy");
    if (hg_audit_refuse(s->o.store, kind, known ? p->project : "", member, &note, NULL) != HG_OK)
        hg_serve_log(s, "the signed log could not be written");
}

/* Project and member of a request that begins with the project's name. */
hg_status hg_serve_enter(hg_policy **p, const hg_member **m, hg_ask *a, hg_err *err) {
    char project[HG_NAME_SIZE];
    *p = NULL;
    hg_take_name(&a->body, project, sizeof project);
    if (a->body.bad) return hg_fail(err, HG_EPARSE, "a request cannot be read");
    HG_TRY(hg_serve_policy(p, a->server, project, NULL, err));
    return hg_serve_member(m, *p, a->link, err);
}

hg_status hg_serve_policy_get(hg_ask *a, hg_err *err) {
    char project[HG_NAME_SIZE];
    hg_take_name(&a->body, project, sizeof project);
    if (!hg_take_end(&a->body)) return hg_fail(err, HG_EPARSE, "a request cannot be read");
    return hg_store_policy_get(a->reply, a->server->o.store, project, NULL, err);
}

/* The servers that a policy names must be those of the cluster: shares are sealed to the policy's keys. */
static hg_status check_servers(const hg_server *s, const hg_policy *p, hg_err *err) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        const hg_member *m = hg_policy_server(p, i);
        const hg_cluster_server *c = &s->o.cluster->server[i];
        if (!m || strcmp(m->name, c->name) != 0 || memcmp(m->key, c->signing_key, HG_PUBLIC_KEY) != 0 ||
            memcmp(m->seal, c->sealing_key, HG_PUBLIC_KEY) != 0)
            return hg_advise(err,
                             hg_fail(err, HG_EREFUSED,
                                     "the policy's server %u is not \"%s\" with the keys of the cluster's file", i,
                                     c->name),
                             "write the policy with the cluster's own file");
    }
    return HG_OK;
}

/* A first policy, or one that may follow the one in force. */
static hg_status check_follows(hg_server *s, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_policy *old = NULL;
    hg_status st = hg_serve_policy(&old, s, p->project, NULL, err);
    if (st == HG_ENOTFOUND) return HG_OK;
    const bool differs = st == HG_OK && memcmp(old->digest, p->digest, HG_DIGEST) != 0;
    if (differs) st = hg_policy_succeeds(p, old, err);
    if (differs && st == HG_OK) st = hg_policy_agreed(p, bytes, n, old, err);
    hg_policy_free(old);
    return st;
}

/* *p may be set on failure, too. */
static hg_status take_policy(hg_policy **p, hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    const void *bytes = a->body.at;
    const size_t n = a->body.left;
    const hg_member *m;
    char id[HG_SHORT_SIZE];
    HG_TRY(hg_policy_read(p, "policy", bytes, n, err));
    HG_TRY(hg_policy_verify(*p, bytes, n, hg_world_now(s->o.world), err));
    HG_TRY(hg_serve_member(&m, *p, a->link, err));
    HG_TRY(check_servers(s, *p, err));
    HG_TRY(check_follows(s, *p, bytes, n, err));
    const hg_visitor *v = hg_link_visitor(a->link);
    const hg_policy_limits limits = { .member = v->peer.name,
                                      .key = v->party < 0 ? v->peer.signing_key : NULL,
                                      .projects = s->o.projects,
                                      .own = s->o.member_projects,
                                      .bytes = s->o.policy_bytes };
    HG_TRY(hg_store_policy_take(s->o.store, (*p)->project, (*p)->digest, bytes, n, &limits, err));
    hg_serve_log(s, "policy %s of project %s taken from %s", hg_short(id, (*p)->digest), (*p)->project, m->name);
    hg_put_bytes(a->reply, (*p)->digest, HG_DIGEST);
    return HG_OK;
}

hg_status hg_serve_policy_put(hg_ask *a, hg_err *err) {
    hg_policy *p = NULL;
    const hg_status st = take_policy(&p, a, err);
    if (st != HG_OK) hg_serve_refused(a->server, HG_AUDIT_POLICY_REFUSED, p, hg_link_visitor(a->link)->peer.name, err);
    hg_policy_free(p);
    return st;
}

/* ---- status ----------------------------------------------------------------------------------------------------------------- */

static hg_status count_sets(hg_project_status *out, hg_server *s, const hg_project *p, hg_arena *arena, hg_err *err) {
    hg_stored *set;
    size_t n;
    HG_TRY(hg_store_datasets(&set, &n, s->o.store, p->name, arena, err));
    for (size_t i = 0; i < n; i++) {
        const bool active = set[i].state == HG_DATASET_ACTIVE;
        out->sets += active;
        out->rows += active ? set[i].rows : 0;
        out->waiting += set[i].state == HG_DATASET_STAGED || set[i].state == HG_DATASET_VALIDATED;
    }
    return HG_OK;
}

/* *m: the asker in it, NULL: no member; another server sees every project. A policy that cannot be read names nobody: it is told to
 * every member of the cluster, or its own would look for it in vain. */
static hg_status find_asker(const hg_member **m, bool *shown, hg_project_status *out, hg_policy **p, hg_ask *a,
                            hg_err *err) {
    hg_err why = { .code = HG_OK };
    *m = NULL;
    *shown = true;
    const hg_status st = hg_serve_policy(p, a->server, out->name, NULL, &why);
    if (st == HG_EDATA) {
        snprintf(out->why, sizeof out->why, "%s", why.msg);
        return HG_OK;
    }
    if (st != HG_OK) return hg_fail(err, st, "%s", why.msg);
    if (hg_policy_in_force(*p, hg_world_now(a->server->o.world), &why) != HG_OK)
        snprintf(out->why, sizeof out->why, "%s", why.msg);
    const bool member = hg_serve_member(m, *p, a->link, NULL) == HG_OK;
    *shown = member || hg_link_visitor(a->link)->party >= 0;
    return HG_OK;
}

static hg_status project_status(hg_project_status *out, bool *shown, const hg_project *p, hg_ask *a, hg_arena *arena,
                                hg_err *err) {
    hg_server *s = a->server;
    const hg_member *m;
    hg_policy *policy = NULL;
    *out = (hg_project_status) { .epoch = p->epoch, .building = hg_tables_building(s->tables, p->name) };
    memcpy(out->name, p->name, sizeof out->name);
    memcpy(out->policy, p->policy, HG_DIGEST);
    hg_status st = find_asker(&m, shown, out, &policy, a, err);
    if (st == HG_OK && *shown) st = count_sets(out, s, p, arena, err);
    if (st == HG_OK && m && m->user) {
        uint64_t spent = 0;
        st = hg_ledger_user(&spent, s->o.store, p->name, m->name, err);
        out->user = true;
        out->budget = m->budget;
        out->left = spent < m->budget ? m->budget - spent : 0;
    }
    hg_policy_free(policy);
    return st;
}

static void peers_status(hg_server_status *out, hg_server *s) {
    pthread_mutex_lock(&s->lock);
    out->jobs = s->jobs.n;
    out->links = s->links.n;
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        hg_peer_status *p = &out->peer[i];
        if (i == s->party) continue;
        memcpy(p->name, hg_serve_name(s, i), sizeof p->name);
        p->here = s->peer[i].here;
        p->silent_ms = s->peer[i].heard_ms < 0 ? -1 : hg_world_ms(s->o.world) - s->peer[i].heard_ms;
        memcpy(p->why, s->peer[i].why, sizeof p->why - 1);
    }
    pthread_mutex_unlock(&s->lock);
}

static hg_status collect_status(hg_server_status *out, hg_ask *a, hg_arena *arena, hg_err *err) {
    hg_server *s = a->server;
    const hg_certificate *self = hg_identity_certificate(s->o.identity);
    *out = (hg_server_status) {
        .version = HG_VERSION, .party = s->party, .now = hg_world_now(s->o.world), .certificate_ends = self->not_after
    };
    memcpy(out->name, self->name, sizeof out->name);
    peers_status(out, s);
    hg_project *project;
    size_t n;
    HG_TRY(hg_store_projects(&project, &n, s->o.store, arena, err));
    if (!(out->project = hg_alloc(arena, n, sizeof *out->project)))
        return hg_fail(err, HG_ENOMEM, "no memory for a status");
    for (size_t i = 0; i < n && out->n_projects < HG_STATUS_PROJECTS; i++) { /* those that the asker belongs to */
        bool shown;
        HG_TRY(project_status(&out->project[out->n_projects], &shown, &project[i], a, arena, err));
        out->n_projects += shown;
    }
    return HG_OK;
}

hg_status hg_serve_status(hg_ask *a, hg_err *err) {
    hg_arena *arena = hg_arena_new();
    hg_server_status status;
    const hg_status st =
        arena ? collect_status(&status, a, arena, err) : hg_fail(err, HG_ENOMEM, "no memory for a status");
    if (st == HG_OK) hg_server_status_write(a->reply, &status);
    hg_arena_free(arena);
    return st;
}

hg_status hg_serve_pulse(hg_ask *a, hg_err *err) {
    if (!hg_take_end(&a->body)) return hg_fail(err, HG_EPARSE, "a request cannot be read");
    return HG_OK;
}

/* ---- data sets ----------------------------------------------------------------------------------------------------------------- */

static hg_status describe(hg_dataset_status *out, hg_server *s, const hg_stored *d, hg_arena *arena, hg_err *err) {
    *out = (hg_dataset_status) { .state = d->state,
                                 .kind = d->kind,
                                 .sequence = d->sequence,
                                 .rows = d->rows,
                                 .epoch = d->epoch,
                                 .since = d->since };
    memcpy(out->id, d->id, HG_DIGEST);
    memcpy(out->owner, d->owner, sizeof out->owner);
    if (d->state != HG_DATASET_WITHDRAWN) HG_TRY(hg_serve_created(&out->created, s, d->id, err));
    double epsilon;
    HG_TRY(hg_ledger_dataset(&out->spent, &epsilon, s->o.store, d->id, err));
    if (d->public_size != sizeof *out->index || d->state != HG_DATASET_ACTIVE || d->rows > HG_STATUS_INDICES)
        return HG_OK;
    out->n_index = (size_t)d->rows;
    if (!(out->index = hg_alloc(arena, out->n_index, sizeof *out->index)))
        return hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    return hg_store_read((uint64_t *const[]) { NULL, NULL }, out->index, s->o.store, d->id, d->epoch, 0, out->n_index,
                         err);
}

hg_status hg_serve_datasets(hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    hg_policy *p;
    const hg_member *m;
    hg_stored *set;
    size_t n = 0;
    hg_dataset_status *list = NULL;
    hg_arena *arena = hg_arena_new();
    hg_status st = hg_serve_enter(&p, &m, a, err);
    if (st == HG_OK && !hg_take_end(&a->body)) st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    if (st == HG_OK) st = hg_store_datasets(&set, &n, s->o.store, p->project, arena, err);
    if (st == HG_OK && !(list = hg_alloc(arena, n, sizeof *list)))
        st = hg_fail(err, HG_ENOMEM, "no memory for a list of data sets");
    for (size_t i = 0; st == HG_OK && i < n; i++) st = describe(&list[i], s, &set[i], arena, err);
    const hg_server_insecure_cheat *cheat = s->o.insecure_cheat;
    if (st == HG_OK && cheat && cheat->datasets) cheat->datasets(cheat->self, list, n);
    if (st == HG_OK) hg_dataset_status_write(a->reply, list, n);
    hg_policy_free(p);
    hg_arena_free(arena);
    return st;
}

/* Only an owner withdraws, and only what is here: an id that anybody may send ahead would shut out the set that comes under it. */
static hg_status check_owner(bool *here, const hg_server *s, const hg_member *m, const hg_withdrawal *w, hg_err *err) {
    hg_stored set;
    if (strcmp(m->name, w->owner) != 0)
        return hg_fail(err, HG_EREFUSED, "%s asks to withdraw what belongs to %s", m->name, w->owner);
    const hg_status st = hg_store_dataset(&set, s->o.store, w->dataset, err);
    *here = st == HG_OK;
    if (st == HG_ENOTFOUND) {
        hg_err_clear(err);
        return HG_OK;
    }
    HG_TRY(st);
    if (strcmp(set.owner, w->owner) == 0 && strcmp(set.project, w->project) == 0) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "the data set is not one of %s in project %s", w->owner, w->project);
}

hg_status hg_serve_withdraw(hg_ask *a, hg_err *err) {
    hg_server *s = a->server;
    bool here = false;
    char id[HG_SHORT_SIZE];
    hg_withdrawal w;
    hg_policy *p;
    const hg_member *m;
    hg_receipt r = { .outcome = HG_OK, .created = hg_world_now(s->o.world) };
    hg_status st = hg_serve_enter(&p, &m, a, err);
    const void *bytes = a->body.at; /* what is behind the project's name */
    const size_t n = a->body.left;
    if (st == HG_OK) st = hg_withdrawal_read(&w, p, bytes, n, err);
    if (st == HG_OK) st = check_owner(&here, s, m, &w, err);
    if (st == HG_OK && here) st = hg_store_withdraw(s->o.store, p->project, w.dataset, bytes, n, err);
    if (st == HG_OK && here) {
        hg_serve_log(s, "data set %s of %s in %s was withdrawn: its shares are erased", hg_short(id, w.dataset),
                     w.owner, p->project);
        hg_tables_forget(s->tables, p->project);
        hg_states_forget(s->states, p->project);
    }
    if (st == HG_OK) st = hg_serve_receipt(a->reply, s, p, &r, w.dataset, err);
    hg_policy_free(p);
    return st;
}

hg_status hg_serve_receipt(hg_text *to, hg_server *s, const hg_policy *p, hg_receipt *r,
                           const unsigned char subject[HG_DIGEST], hg_err *err) {
    hg_audit_head head;
    HG_TRY(hg_audit_head_get(&head, s->o.store, err));
    memcpy(r->project, p->project, sizeof r->project);
    memcpy(r->policy, p->digest, HG_DIGEST);
    memcpy(r->subject, subject, HG_DIGEST);
    memcpy(r->log, head.hash, HG_DIGEST);
    r->party = s->party;
    return hg_receipt_write(to, r, hg_identity_signing_secret(s->o.identity), err);
}

/* ---- the log -------------------------------------------------------------------------------------------------------------------- */

hg_status hg_serve_audit(hg_ask *a, hg_err *err) {
    hg_policy *p;
    const hg_member *m;
    hg_status st = hg_serve_enter(&p, &m, a, err);
    const uint64_t first = hg_take_u64(&a->body);
    if (st == HG_OK && (!hg_take_end(&a->body) || first < 1)) st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    if (st == HG_OK)
        st = hg_audit_export_piece(a->reply, a->server->o.store, first, p->project, a->server->o.audit_piece, err);
    hg_policy_free(p);
    return st;
}
