/* party/audit_refuse.c -- see party/audit.h: refusals, of which nobody can have a log without end
 *
 * Whoever has a certificate can have a server refuse something as often as the wire allows, and every entry is signed, kept for ever and
 * fetched by every member. Written are the numbers 1, 2, 4, 8 ... of an hour: twenty entries for a million, and what a crash
 * forgets is less than half.
 */
#include "party/store_internal.h"
#include <string.h>

enum { WINDOW = 3600 /* seconds */ };

static bool is_of(const hg_refusals *r, hg_audit_kind kind, const char *project, const char *member) {
    return r->n && r->kind == kind && strcmp(r->project, project) == 0 && strcmp(r->member, member) == 0;
}

/* A clock that was set back ends the hour, too. */
static bool over(const hg_refusals *r, int64_t now) { return now < r->since || now - r->since >= WINDOW; }

/* The place of these; a free one; else the oldest. */
static hg_refusals *place_of(hg_store *s, hg_audit_kind kind, const char *project, const char *member) {
    hg_refusals *best = s->refused;
    for (size_t i = 0; i < HG_REFUSALS_MOST; i++) {
        hg_refusals *r = &s->refused[i];
        if (is_of(r, kind, project, member)) return r;
        if (best->n && (!r->n || r->since < best->since)) best = r;
    }
    return best;
}

/* What is not in the log yet, as one entry. Entered, in a transaction. */
static hg_status tell(hg_store *s, const hg_refusals *r, hg_err *err) {
    hg_audit_note note = { 0 };
    if (r->n == r->written) return HG_OK;
    if (*r->project) hg_note_text(&note, "project", r->project);
    hg_note_text(&note, r->kind == HG_AUDIT_JOB_REFUSED ? "user" : "member", r->member);
    hg_note_text(&note, "reason", r->reason);
    hg_note_count(&note, "times", r->n);
    return hg_audit_add(s, r->kind, &note, err);
}

static const char *reason_of(const hg_audit_note *n) {
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->key[i], "reason") == 0) return n->value[i];
    return "refused";
}

/* One more at this place, not counted yet. Entered, in a transaction. */
static hg_status add(hg_store *s, hg_refusals *r, const hg_audit_note *note, hg_err *err) {
    hg_audit_note numbered = *note;
    const uint64_t n = r->n + 1;
    if (n > 1) hg_note_count(&numbered, "times", n);
    if ((n & (n - 1)) == 0) HG_TRY(hg_audit_add(s, r->kind, &numbered, err));
    return HG_OK;
}

hg_status hg_audit_refuse(hg_store *s, hg_audit_kind kind, const char *project, const char *member,
                          const hg_audit_note *note, hg_err *err) {
    if ((unsigned)kind >= HG_AUDIT_KINDS || strlen(project) >= HG_NAME_SIZE || strlen(member) >= HG_NAME_SIZE)
        return hg_fail(err, HG_EINVAL, "a refusal has a kind of entry, a project and a member");
    hg_store_enter(s);
    const int64_t now = hg_store_now(s);
    hg_refusals *place = place_of(s, kind, project, member), r = *place;
    hg_status st = hg_database_begin(s->db, err);
    const bool anew = st == HG_OK && (!is_of(&r, kind, project, member) || over(&r, now));
    if (anew) {
        if (r.n) st = tell(s, &r, err);
        r = (hg_refusals) { .kind = kind, .since = now };
        strcpy(r.project, project);
        strcpy(r.member, member);
    }
    if (st == HG_OK) st = add(s, &r, note, err);
    st = hg_database_end(s->db, st, err);
    if (st == HG_OK) { /* only what is on the disk counts as written */
        r.n++;
        if ((r.n & (r.n - 1)) == 0) r.written = r.n;
        strcpy(r.reason, reason_of(note));
        *place = r;
    }
    return hg_store_leave(s, st);
}

hg_status hg_audit_rest(hg_store *s, bool all, hg_err *err) {
    hg_status st = HG_OK;
    for (size_t i = 0; st == HG_OK && i < HG_REFUSALS_MOST; i++) {
        hg_refusals *r = &s->refused[i];
        if (!r->n || (!all && !over(r, hg_store_now(s)))) continue;
        if (r->n > r->written) {
            st = hg_database_begin(s->db, err);
            if (st == HG_OK) st = hg_database_end(s->db, tell(s, r, err), err);
        }
        if (st == HG_OK) *r = (hg_refusals) { 0 };
    }
    return st;
}
