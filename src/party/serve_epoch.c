/* party/serve_epoch.c -- new shares of the same values, and a lost server rebuilt: the conversation of the three (party/epoch.h)
 *
 * An operator asks all three with its server's identity; they meet as for a job. In each turn everyone says where it stands and hears the
 * others, so that all three see the same three states and take the same next step. Every step is on disk before it is told: a
 * conversation that broke off is taken up by asking again.
 */
#include "core/memory.h"
#include "party/epoch.h"
#include "party/serve_work.h"
#include <openssl/crypto.h>
#include <string.h>

enum { TURNS = 12, BLOCK_WORDS = 1 << 16 };

typedef struct {
    hg_server *server;
    const hg_policy *policy;
    unsigned lost;
    hg_attempt attempt;
    hg_refresh mine, theirs[HG_NEIGHBOURS];
    unsigned char finished[HG_DIGEST]; /* the plan that this conversation has carried through */
    bool begun;                        /* by this conversation */
} refresh;

/* ---- who stands where ------------------------------------------------------------------------------------------------------- */

static hg_status turn(refresh *r, hg_err *err) {
    hg_store *store = r->server->o.store;
    const char *project = r->policy->project;
    unsigned char mine[HG_REFRESH_SIZE], in[HG_NEIGHBOURS][HG_REFRESH_SIZE];
    HG_TRY(hg_epoch_status(&r->mine, store, project, err));
    hg_refresh_pack(mine, &r->mine);
    HG_TRY(hg_attempt_swap(&r->attempt, HG_PHASE_HELLO, mine, (void *[]) { in[0], in[1] }, sizeof mine, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        HG_TRY(hg_refresh_unpack(&r->theirs[k], in[k], err));
        if (strcmp(r->theirs[k].project, project) != 0)
            return hg_fail(err, HG_ECHEAT, "party \"%s\" speaks of the refresh of another project",
                           hg_serve_name(r->server, hg_attempt_party(&r->attempt, (hg_neighbour)k)));
    }
    return HG_OK;
}

static hg_status hear(refresh *r, hg_err *err) {
    hg_refresh now;
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++)
        HG_TRY(hg_epoch_hear(&now, r->server->o.store, hg_attempt_party(&r->attempt, (hg_neighbour)k), &r->theirs[k],
                             err));
    return HG_OK;
}

static size_t how_many(const refresh *r, hg_refresh_state state) {
    return (size_t)(r->mine.state == state) + (r->theirs[0].state == state) + (r->theirs[1].state == state);
}

static bool same_plan(const refresh *r) {
    return memcmp(r->mine.plan, r->theirs[0].plan, HG_DIGEST) == 0 &&
           memcmp(r->mine.plan, r->theirs[1].plan, HG_DIGEST) == 0;
}

/* ---- a new plan ------------------------------------------------------------------------------------------------------------- */

/* The plan of the lowest server that is not lost. */
static hg_status share_plan(hg_text *plan, refresh *r, hg_err *err) {
    const unsigned self = r->server->party, author = r->lost == 0 ? 1 : 0;
    hg_text in[HG_NEIGHBOURS] = { hg_text_new(0), hg_text_new(0) };
    hg_status st = HG_OK;
    if (self == author) st = hg_epoch_plan(plan, r->server->o.store, r->policy->project, r->lost, err);
    if (st == HG_OK) st = hg_attempt_swap_text(&r->attempt, HG_PHASE_HELLO, plan, in, HG_PLAN_MOST, err);
    for (unsigned k = 0; st == HG_OK && k < HG_NEIGHBOURS; k++)
        if (hg_attempt_party(&r->attempt, (hg_neighbour)k) == author) hg_text_put(plan, in[k].s, in[k].len);
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) hg_text_free(&in[k]);
    if (st == HG_OK && plan->failed) st = hg_fail(err, HG_ENOMEM, "no memory for a plan");
    return st;
}

/* Each throws in 32 bytes; the lost server learns none and gives none. */
static hg_status throw_seed(unsigned char seed[HG_SEED], refresh *r, const unsigned char plan[HG_DIGEST], hg_err *err) {
    const unsigned self = r->server->party;
    unsigned char mine[HG_SEED] = { 0 }, nothing[HG_SEED] = { 0 }, in[HG_NEIGHBOURS][HG_SEED];
    const void *out[HG_NEIGHBOURS];
    const unsigned char *part[HG_SLOTS];
    if (self != r->lost) HG_TRY(hg_world_random(r->server->o.world, mine, sizeof mine, err));
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) {
        const unsigned party = hg_attempt_party(&r->attempt, (hg_neighbour)k);
        out[k] = party == r->lost ? nothing : mine;
        part[party] = in[k];
    }
    part[self] = mine;
    hg_status st = hg_attempt_swap_each(&r->attempt, HG_PHASE_HELLO, out, (void *[]) { in[0], in[1] }, HG_SEED, err);
    if (st == HG_OK && self != r->lost) st = hg_epoch_seed(seed, plan, part, r->lost, err);
    OPENSSL_cleanse(mine, sizeof mine);
    OPENSSL_cleanse(in, sizeof in);
    return st;
}

static hg_status begin(refresh *r, hg_err *err) {
    hg_text plan = hg_text_new(0);
    unsigned char digest[HG_DIGEST], seed[HG_SEED] = { 0 };
    hg_status st = share_plan(&plan, r, err);
    if (st == HG_OK) st = hg_epoch_plan_check(plan.s, plan.len, r->policy->project, r->lost, err);
    if (st == HG_OK) st = hg_epoch_plan_digest(digest, plan.s, plan.len, err);
    if (st == HG_OK) st = hg_attempt_same(&r->attempt, "the plan of the refresh", digest, err);
    if (st == HG_OK) st = throw_seed(seed, r, digest, err);
    if (st == HG_OK)
        st = hg_epoch_begin(r->server->o.store, plan.s, plan.len, r->server->party == r->lost ? NULL : seed, err);
    OPENSSL_cleanse(seed, sizeof seed);
    hg_text_free(&plan);
    if (st != HG_OK) return st;
    memcpy(r->finished, digest, HG_DIGEST);
    r->begun = true;
    return HG_OK;
}

/* ---- new shares ---------------------------------------------------------------------------------------------------------------- */

/* What the lost server wants next of set k; all three know it then. */
static hg_status ask_next(uint64_t *next, refresh *r, size_t k, hg_err *err) {
    uint64_t mine = 0, in[HG_NEIGHBOURS];
    if (r->server->party == r->lost) HG_TRY(hg_epoch_taken(&mine, r->server->o.store, r->policy->project, k, err));
    HG_TRY(hg_attempt_swap(&r->attempt, HG_PHASE_INPUT, &mine, (void *[]) { &in[0], &in[1] }, sizeof mine, err));
    *next = mine;
    for (unsigned n = 0; n < HG_NEIGHBOURS; n++)
        if (hg_attempt_party(&r->attempt, (hg_neighbour)n) == r->lost) *next = in[n];
    return HG_OK;
}

/* One block of rows: from both survivors to the lost one. Slot 0 comes from the previous server, slot 1 from the next, which brings the
 * public bytes. */
static hg_status move_rows(refresh *r, const hg_stored *d, size_t k, uint64_t first, size_t rows, hg_err *err) {
    const char *project = r->policy->project;
    hg_store *store = r->server->o.store;
    const size_t words = rows * hg_stored_words(d), open = rows * d->public_size;
    const unsigned self = r->server->party;
    hg_exchange x = { .out_n = { 0 } };
    unsigned char *buf[2] = { hg_malloc(words * 8 + open + 1, 1), hg_malloc(words * 8 + open + 1, 1) };
    hg_status st = buf[0] && buf[1] ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a block of rows");
    for (unsigned n = 0; st == HG_OK && n < HG_NEIGHBOURS; n++) {
        const unsigned party = hg_attempt_party(&r->attempt, (hg_neighbour)n);
        /* the lost server's next is who has it as previous */
        if (self == r->lost) {
            x.in[n] = buf[n];
            x.in_n[n] = words * 8 + (n == HG_NEXT ? open : 0);
        } else if (party == r->lost) {
            st = hg_epoch_rows((uint64_t *)(void *)buf[0], buf[0] + words * 8, store, project, k, first, rows, err);
            x.out[n] = buf[0];
            x.out_n[n] = words * 8 + (n == HG_PREVIOUS ? open : 0);
        }
    }
    if (st == HG_OK)
        st = r->attempt.channel->exchange(r->attempt.channel->self, HG_PHASE_INPUT, r->attempt.round++, &x, err);
    if (st == HG_OK && self == r->lost) {
        const uint64_t *const slot[2] = { (const uint64_t *)(const void *)buf[HG_PREVIOUS],
                                          (const uint64_t *)(const void *)buf[HG_NEXT] };
        st = hg_epoch_take(store, project, k, first, slot, buf[HG_NEXT] + words * 8, rows, err);
    }
    for (unsigned n = 0; n < 2; n++) {
        if (buf[n]) OPENSSL_cleanse(buf[n], words * 8);
        hg_free(buf[n]);
    }
    return st;
}

static hg_status move_sets(refresh *r, hg_err *err) {
    hg_stored d;
    size_t sets = 1;
    for (size_t k = 0; k < sets; k++) {
        uint64_t next;
        HG_TRY(hg_epoch_set(&d, &sets, r->server->o.store, r->policy->project, k, err));
        if (k >= sets) break;
        const size_t block = BLOCK_WORDS / hg_stored_words(&d) + 1;
        HG_TRY(ask_next(&next, r, k, err));
        if (next > d.rows) return hg_fail(err, HG_ECHEAT, "the lost server wants rows that there are not");
        while (next < d.rows) {
            const size_t rows = d.rows - next < block ? (size_t)(d.rows - next) : block;
            HG_TRY(move_rows(r, &d, k, next, rows, err));
            next += rows;
        }
    }
    return HG_OK;
}

/* Shares made from different seeds stay different, whoever is to blame: this plan will never be finished, another one may be. */
static hg_status compare_new(refresh *r, hg_err *err) {
    hg_store *store = r->server->o.store;
    const char *project = r->policy->project;
    unsigned char digest[2][HG_DIGEST];
    HG_TRY(hg_epoch_digest(digest, store, project, err));
    const hg_status st =
        hg_attempt_slots(&r->attempt, "the new shares", (const unsigned char(*)[HG_DIGEST])digest, err);
    if (st == HG_EREFUSED && r->mine.state == HG_REFRESH_BEGUN &&
        hg_epoch_refuse(store, project, "the new shares of the three differ", NULL) != HG_OK)
        hg_serve_log(r->server, "the refresh of %s could not be given up", project);
    return st;
}

static hg_status prepare(refresh *r, hg_err *err) {
    hg_store *store = r->server->o.store;
    const char *project = r->policy->project;
    /* rows go to the server that the plan was made for, not to who asks now: it would have all three slots */
    HG_TRY(hg_epoch_meant(store, project, r->lost, err));
    if (r->mine.state == HG_REFRESH_BEGUN && r->server->party != r->lost)
        HG_TRY(hg_epoch_prepare(store, project, NULL, err));
    if (r->lost != HG_NOBODY) HG_TRY(move_sets(r, err));
    HG_TRY(compare_new(r, err));
    return r->mine.state == HG_REFRESH_BEGUN ? hg_epoch_agree(store, project, err) : HG_OK;
}

/* ---- the conversation ------------------------------------------------------------------------------------------------------------ */

static bool is_done(const refresh *r) {
    return r->begun && how_many(r, HG_REFRESH_IDLE) == HG_SERVERS && memcmp(r->mine.done, r->finished, HG_DIGEST) == 0;
}

/* All three see the same states, and so take the same branch. */
static hg_status step(bool *done, refresh *r, hg_err *err) {
    HG_TRY(turn(r, err));
    *done = is_done(r);
    if (*done) return HG_OK;
    if (how_many(r, HG_REFRESH_IDLE) == HG_SERVERS) return begin(r, err);
    if (how_many(r, HG_REFRESH_BEGUN) &&
        how_many(r, HG_REFRESH_BEGUN) + how_many(r, HG_REFRESH_PREPARED) == HG_SERVERS && same_plan(r)) {
        memcpy(r->finished, r->mine.plan, HG_DIGEST);
        r->begun = true;
        return prepare(r, err);
    }
    HG_TRY(hear(r, err));
    /* a plan that one of the three never began, or another one: nobody can finish it */
    if (how_many(r, HG_REFRESH_BEGUN) && r->mine.state == HG_REFRESH_BEGUN && !how_many(r, HG_REFRESH_PREPARED) &&
        !how_many(r, HG_REFRESH_COMMITTED)) {
        hg_refresh now;
        HG_TRY(hg_epoch_status(&now, r->server->o.store, r->policy->project, err));
        if (now.state == HG_REFRESH_BEGUN)
            return hg_epoch_refuse(r->server->o.store, r->policy->project, "not all three had begun it", err);
    }
    return HG_OK;
}

static hg_status converse(refresh *r, hg_err *err) {
    bool done = false;
    for (unsigned i = 0; i < TURNS && !done; i++) HG_TRY(step(&done, r, err));
    return done ? HG_OK : hg_fail(err, HG_ENOTCONV, "the refresh of %s came to no end", r->policy->project);
}

/* A refresh needs the same sets on all three; to rebuild, the lost one has none. */
static hg_status agree(refresh *r, hg_err *err) {
    hg_project project;
    HG_TRY(hg_store_project(&project, r->server->o.store, r->policy->project, err));
    const hg_terms terms = {
        .project = r->policy->project, .policy = r->policy, .epoch = 0, .rebuild = r->lost != HG_NOBODY
    };
    return hg_attempt_agree(&r->attempt, &terms, err);
}

static bool take_place(hg_server *s) {
    pthread_mutex_lock(&s->lock);
    const bool mine = !s->refreshing;
    s->refreshing = true;
    pthread_mutex_unlock(&s->lock);
    return mine;
}

static hg_status refresh_together(refresh *r, uint32_t number, hg_err *err) {
    hg_server *s = r->server;
    unsigned char topic[HG_DIGEST];
    if (!take_place(s))
        return hg_fail(err, HG_ELIMIT, "party \"%s\" is refreshing already", hg_serve_name(s, s->party));
    hg_digest(topic, "refresh", r->policy->project, strlen(r->policy->project));
    hg_status st = hg_attempt_open(&r->attempt, s, topic, number, err);
    if (st == HG_OK) st = agree(r, err);
    if (st == HG_OK) st = converse(r, err);
    hg_attempt_close(&r->attempt, st == HG_OK ? NULL : err);
    pthread_mutex_lock(&s->lock);
    s->refreshing = false;
    pthread_mutex_unlock(&s->lock);
    return st;
}

hg_status hg_serve_refresh(hg_ask *a, hg_err *err) {
    refresh r = { .server = a->server };
    hg_policy *p;
    const hg_member *m;
    hg_status st = hg_serve_enter(&p, &m, a, err);
    const uint32_t number = hg_take_u32(&a->body), lost = hg_take_u32(&a->body);
    if (st == HG_OK && (!hg_take_end(&a->body) || lost > HG_NOBODY))
        st = hg_fail(err, HG_EPARSE, "a request cannot be read");
    r.policy = p;
    r.lost = lost;
    if (st == HG_OK) st = refresh_together(&r, number, err);
    if (st == HG_OK) {
        hg_put_u64(a->reply, r.mine.epoch);
        hg_serve_log(a->server, "project %s: the shares of epoch %llu are in force%s", p->project,
                     (unsigned long long)r.mine.epoch, lost == HG_NOBODY ? "" : ", and a lost server is back");
        hg_states_forget(a->server->states, p->project);
        hg_tables_warm(a->server->tables, p->project);
    } else if (p) {
        hg_serve_log(a->server, "the refresh of %s was broken off: %s", p->project, err->msg);
    }
    hg_policy_free(p);
    return st;
}
