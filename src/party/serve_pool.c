/* party/serve_pool.c -- see party/serve_work.h: tiers 2 and 3, a pool that is conditioned on secret measurements
 *
 * Questions of one project come one after the other: server 0 says which is next (the others wait for theirs), so that all three take
 * them in the same order. The state is compared slot by slot before it is used; if any of the three has another one, or none,
 * all begin anew. What is new since the last question is observed first: on tier 2 every row; on tier 3 new entries make the state
 * grow, and then all rows are observed again.
 *
 * A row's y counts only with an entry: y is multiplied by the sum of its one-hot, so that a padding row, and one whose entry is
 * gone, changes nothing whatever its owner wrote.
 */
#include "core/memory.h"
#include "party/serve_work.h"
#include "party/states.h"
#include "secret/compare.h"
#include <string.h>

enum { GATE_MS = 60000 };

typedef struct { /* what a set's rows are, in words */
    hg_shares_kind kind;
    size_t y, features, bits; /* where they begin in a row; features or bits SIZE_MAX: none */
    size_t words;
} layout;

static layout layout_of(const hg_work *w, const hg_stored *d) {
    layout l = { .kind = (hg_shares_kind)d->kind, .y = 0, .features = SIZE_MAX, .bits = SIZE_MAX };
    l.words = hg_stored_words(d);
    if (d->bits) l.bits = HG_RING_LIMBS * d->elements;
    if (w->policy->tier == HG_TIER_COMPOSITIONS && d->kind != HG_SHARES_MEASURED)
        l.features = d->kind == HG_SHARES_CANDIDATES ? 0 : HG_RING_LIMBS;
    if (d->kind == HG_SHARES_CANDIDATES) l.y = SIZE_MAX;
    return l;
}

/* Entries that a set brings (tier 3). */
static size_t entries_of(const hg_work *w, size_t set) {
    return layout_of(w, &w->rows.set[set]).features == SIZE_MAX ? 0 : (size_t)w->rows.set[set].rows;
}

static size_t all_entries(const hg_work *w) {
    if (w->policy->tier == HG_TIER_INDICES) return w->policy->n_pool;
    size_t p = 0;
    for (size_t i = 0; i < w->rows.n_sets; i++) p += entries_of(w, i);
    return p;
}

/* ---- the state that is there ----------------------------------------------------------------------------------------------- */

static void name_set(unsigned char name[HG_DIGEST + 8], const hg_stored *d) {
    memcpy(name, d->id, HG_DIGEST);
    for (unsigned k = 0; k < 8; k++) name[HG_DIGEST + k] = (unsigned char)(d->epoch >> (8 * k));
}

/* Is the state conditioned on the first of these sets, and nothing else? */
static bool is_prefix(const hg_work *w, const hg_held_state *h) {
    unsigned char name[HG_DIGEST + 8];
    if (!h->state || memcmp(h->policy, w->policy->digest, HG_DIGEST) != 0 || h->n_seen > w->rows.n_sets) return false;
    for (size_t i = 0; i < h->n_seen; i++) {
        name_set(name, &w->rows.set[i]);
        if (memcmp(name, h->seen[i], sizeof name) != 0) return false;
    }
    return true;
}

/* One job at a time, the same on all three: server 0 decides. */
static hg_status enter(hg_work *w, hg_err *err) {
    const unsigned char go = 1;
    unsigned char in[HG_NEIGHBOURS];
    hg_server *s = w->server;
    if (s->party == 0) HG_TRY(hg_states_take(&w->held, s->states, w->job.project, 0, err));
    HG_TRY(hg_attempt_swap(&w->attempt, HG_PHASE_HELLO, &go, (void *[]) { &in[0], &in[1] }, 1, err));
    if (s->party == 0) return HG_OK;
    return hg_states_take(&w->held, s->states, w->job.project, GATE_MS, err);
}

typedef struct {
    unsigned char seen[HG_DIGEST], slot[HG_DIGEST];
} claim;

/* Do all three have the same state? Everyone hears what everyone thinks. */
static hg_status compare_states(bool *same, hg_work *w, hg_err *err) {
    claim out[HG_NEIGHBOURS] = { { { 0 }, { 0 } } }, in[HG_NEIGHBOURS];
    unsigned char slots[2][HG_DIGEST], seen[HG_DIGEST] = { 0 };
    const hg_held_state *h = w->held;
    if (is_prefix(w, h)) {
        HG_TRY(hg_pool_state_digest(h->state, slots, err));
        hg_digest(seen, "the rows of a state", h->seen, h->n_seen * sizeof *h->seen);
        memcpy(out[HG_NEXT].slot, slots[1], HG_DIGEST);
        memcpy(out[HG_PREVIOUS].slot, slots[0], HG_DIGEST);
    }
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) memcpy(out[k].seen, seen, HG_DIGEST);
    HG_TRY(hg_attempt_swap_each(&w->attempt, HG_PHASE_HELLO, (const void *[]) { &out[0], &out[1] },
                                (void *[]) { &in[0], &in[1] }, sizeof(claim), err));
    unsigned char mine = h->state != NULL && is_prefix(w, h), theirs[HG_NEIGHBOURS];
    for (unsigned k = 0; k < HG_NEIGHBOURS; k++) mine = mine && memcmp(&out[k], &in[k], sizeof(claim)) == 0;
    HG_TRY(hg_attempt_swap(&w->attempt, HG_PHASE_HELLO, &mine, (void *[]) { &theirs[0], &theirs[1] }, 1, err));
    *same = mine && theirs[0] && theirs[1];
    return HG_OK;
}

static hg_status make_public(hg_work *w, hg_err *err) {
    const hg_policy *p = w->policy;
    double *pool = hg_alloc(w->rows.arena, p->n_pool, p->n_features * sizeof *pool);
    if (!pool) return hg_fail(err, HG_ENOMEM, "no memory for the pool");
    hg_policy_scaled_pool(pool, p);
    return hg_pool_state_new(&w->held->state, &p->model, p->mode, pool, p->n_pool, p->n_features, err);
}

static hg_status prepare(hg_work *w, hg_err *err) {
    bool same;
    if (w->job.batch > 1) return hg_fail(err, HG_EREFUSED, "one proposal at a time on this tier, not %u", w->job.batch);
    HG_TRY(enter(w, err));
    HG_TRY(compare_states(&same, w, err));
    if (!same) {
        hg_held_state_clear(w->held);
        w->remade = true;
        memcpy(w->held->policy, w->policy->digest, HG_DIGEST);
        if (w->policy->tier == HG_TIER_INDICES) HG_TRY(make_public(w, err));
    }
    const size_t p = all_entries(w);
    if (p < w->policy->least_pool)
        return hg_fail(err, HG_EREFUSED, "project %s has %zu entries; the policy asks for %zu", w->policy->project, p,
                       w->policy->least_pool);
    if (p > w->policy->most_entries)
        return hg_fail(err, HG_EREFUSED, "project %s has %zu entries; the policy allows %zu", w->policy->project, p,
                       w->policy->most_entries);
    return hg_rows_digest(w->public_digest, &w->rows, err);
}

/* ---- tier 3: entries ------------------------------------------------------------------------------------------------------------ */

/* Features of sets first .. n_sets-1, entry by entry. */
static hg_status take_features(hg_share *out, hg_work *w, hg_run *run, size_t first, hg_err *err) {
    const size_t d = w->policy->n_features, limbs = HG_RING_LIMBS;
    size_t entries = 0, at = 0;
    for (size_t i = first; i < w->rows.n_sets; i++) entries += entries_of(w, i);
    uint64_t *slot[2];
    for (unsigned k = 0; k < 2; k++)
        if (!(slot[k] = hg_alloc(hg_run_arena(run), entries * d, limbs * sizeof **slot)))
            return hg_fail(err, HG_ENOMEM, "no memory for %zu entries", entries);
    for (size_t i = first; i < w->rows.n_sets; i++) {
        const layout l = layout_of(w, &w->rows.set[i]);
        for (size_t r = 0; l.features != SIZE_MAX && r < w->rows.set[i].rows; r++, at += d * limbs)
            for (unsigned k = 0; k < 2; k++)
                memcpy(slot[k] + at, w->rows.slot[k] + w->rows.word[i] + r * l.words + l.features,
                       d * limbs * sizeof **slot);
    }
    HG_TRY(hg_share_input(out, run, (const uint64_t *const[]) { slot[0], slot[1] }, entries * d, HG_RING_LIMBS, err));
    return hg_run_round(run, err);
}

/* New entries; *first is then the first set to observe. */
static hg_status grow(size_t *first, hg_work *w, hg_run *run, hg_err *err) {
    hg_held_state *h = w->held;
    hg_share features;
    size_t more = 0;
    for (size_t i = h->n_seen; i < w->rows.n_sets; i++) more += entries_of(w, i);
    *first = h->n_seen;
    if (more == 0) return HG_OK;
    HG_TRY(take_features(&features, w, run, h->n_seen, err));
    *first = 0;
    w->remade = true;
    if (h->state) return hg_pool_state_grow(run, h->state, &features, more, err);
    return hg_pool_state_new_secret(&h->state, run, &w->policy->model, &features, more, w->policy->n_features, err);
}

/* ---- rows to observe ---------------------------------------------------------------------------------------------------------------- */

/* The rows of one set, as one-hots over p entries and values. */
typedef struct {
    hg_share onehot, y; /* [rows * p], [rows] */
    size_t rows;
} measured;

/* Where the bit of each of p entries lies in a row of the set: at its own place on tier 2. On tier 3 a user counted the entries of the
 * answer that it measured: sets have come and gone since. SIZE_MAX: the entry was not there. */
static hg_status find_places(size_t *from, hg_work *w, size_t set, const layout *l, size_t p, hg_err *err) {
    const bool moved = w->policy->tier == HG_TIER_COMPOSITIONS && l->kind == HG_SHARES_MEASURED;
    hg_stored *then;
    size_t n, at = 0;
    for (size_t i = 0; i < p; i++) from[i] = moved ? SIZE_MAX : i;
    if (!moved) return HG_OK;
    HG_TRY(hg_rows_then(&then, &n, w->server, &w->rows.set[set], w->rows.arena, err));
    for (size_t k = 0; k < n; k++) {
        if (then[k].kind == HG_SHARES_MEASURED) continue; /* brings no entries */
        size_t entry = 0, i = 0;
        while (i < w->rows.n_sets && memcmp(w->rows.set[i].id, then[k].id, HG_DIGEST) != 0) entry += entries_of(w, i++);
        for (size_t r = 0; r < then[k].rows && i < w->rows.n_sets; r++)
            if (at + r < w->rows.set[set].bits) from[entry + r] = at + r;
        at += (size_t)then[k].rows;
    }
    return HG_OK;
}

/* Bits of n rows, one for each of p entries, as numbers. */
static hg_status take_bits(hg_share *onehot, hg_work *w, hg_run *run, size_t set, const layout *l, size_t p,
                           hg_err *err) {
    const size_t n = (size_t)w->rows.set[set].rows;
    size_t *from = hg_alloc(w->rows.arena, p, sizeof *from);
    hg_bits bits;
    if (!from) return hg_fail(err, HG_ENOMEM, "no memory for the rows of a data set");
    HG_TRY(find_places(from, w, set, l, p, err));
    HG_TRY(hg_bits_new(&bits, run, n * p, err));
    for (unsigned k = 0; k < 2; k++)
        for (size_t r = 0; r < n; r++) {
            const uint64_t *row = w->rows.slot[k] + w->rows.word[set] + r * l->words + l->bits;
            for (size_t i = 0; i < p; i++)
                if (from[i] != SIZE_MAX)
                    bits.slot[k][(r * p + i) / 64] |= (row[from[i] / 64] >> (from[i] % 64) & 1) << ((r * p + i) % 64);
        }
    return hg_bits_to_share(run, onehot, &bits, HG_RING_LIMBS, err);
}

/* A donor's row is its own entry: the bit "measured" at a public place. */
static hg_status place_bits(hg_share *onehot, hg_work *w, hg_run *run, size_t set, const layout *l, size_t p,
                            hg_err *err) {
    const size_t n = (size_t)w->rows.set[set].rows;
    size_t entry = 0;
    hg_share bit;
    for (size_t i = 0; i < set; i++) entry += entries_of(w, i);
    HG_TRY(take_bits(&bit, w, run, set, l, 1, err));
    HG_TRY(hg_share_new(onehot, run, n * p, HG_RING_LIMBS, bit.mac[0] != NULL, err));
    for (size_t r = 0; r < n; r++) {
        const hg_share from = hg_share_view(&bit, r, 1);
        hg_share to = hg_share_view(onehot, r * p + entry + r, 1);
        hg_share_copy(run, &to, &from);
    }
    return HG_OK;
}

static hg_status take_measured(measured *m, hg_work *w, hg_run *run, size_t set, size_t p, hg_err *err) {
    const hg_stored *d = &w->rows.set[set];
    const layout l = layout_of(w, d);
    const bool own = w->policy->tier == HG_TIER_COMPOSITIONS && l.kind == HG_SHARES_ROWS;
    uint64_t *slot[2];
    hg_share y, sum;
    *m = (measured) { .rows = l.y == SIZE_MAX ? 0 : (size_t)d->rows };
    if (m->rows == 0) return HG_OK;
    for (unsigned k = 0; k < 2; k++) {
        if (!(slot[k] = hg_alloc(hg_run_arena(run), m->rows, HG_RING_LIMBS * sizeof **slot)))
            return hg_fail(err, HG_ENOMEM, "no memory for the rows of a data set");
        for (size_t r = 0; r < m->rows; r++)
            memcpy(slot[k] + r * HG_RING_LIMBS, w->rows.slot[k] + w->rows.word[set] + r * l.words + l.y,
                   HG_RING_LIMBS * sizeof **slot);
    }
    HG_TRY(hg_share_input(&y, run, (const uint64_t *const[]) { slot[0], slot[1] }, m->rows, HG_RING_LIMBS, err));
    HG_TRY(own ? place_bits(&m->onehot, w, run, set, &l, p, err) : take_bits(&m->onehot, w, run, set, &l, p, err));
    HG_TRY(hg_share_new(&sum, run, m->rows, HG_RING_LIMBS, m->onehot.mac[0] != NULL, err));
    for (size_t r = 0; r < m->rows; r++)
        for (size_t i = 0; i < p; i++) {
            hg_share to = hg_share_view(&sum, r, 1);
            const hg_share from = hg_share_view(&m->onehot, r * p + i, 1);
            hg_share_add(run, &to, &to, &from);
        }
    HG_TRY(hg_gate_mul(run, &m->y, &y, &sum, err));
    return hg_run_round(run, err);
}

static hg_status observe_set(hg_work *w, hg_run *run, const measured *m, size_t p, hg_err *err) {
    for (size_t r = 0; r < m->rows; r++) {
        const hg_share e = hg_share_view(&m->onehot, r * p, p), y = hg_share_view(&m->y, r, 1);
        HG_TRY(hg_pool_state_observe(run, w->held->state, &e, &y, err));
    }
    return HG_OK;
}

static hg_status observe_new(hg_work *w, hg_run *run, size_t first, hg_err *err) {
    const size_t p = all_entries(w);
    size_t rows = 0;
    for (size_t i = first; i < w->rows.n_sets; i++)
        rows += layout_of(w, &w->rows.set[i]).y == SIZE_MAX ? 0 : (size_t)w->rows.set[i].rows;
    HG_TRY(hg_pool_state_prepare(run, w->held->state, rows, w->job.batch, err));
    for (size_t i = first; i < w->rows.n_sets; i++) {
        measured m;
        HG_TRY(take_measured(&m, w, run, i, p, err));
        HG_TRY(observe_set(w, run, &m, p, err));
    }
    return HG_OK;
}

/* ---- a proposal ---------------------------------------------------------------------------------------------------------------------- */

/* Public: what is no candidate. On tier 3 the entries of donors. */
static bool *make_excluded(const hg_work *w) {
    const size_t p = all_entries(w);
    bool *excluded = hg_alloc(w->rows.arena, p, sizeof *excluded);
    if (w->policy->tier == HG_TIER_INDICES) {
        for (size_t i = 0; excluded && w->policy->candidate && i < p; i++) excluded[i] = !w->policy->candidate[i];
        return excluded;
    }
    size_t entry = 0;
    for (size_t i = 0; excluded && i < w->rows.n_sets; i++)
        for (size_t r = entries_of(w, i); r > 0; r--) excluded[entry++] = w->rows.set[i].kind == HG_SHARES_ROWS;
    return excluded;
}

/* Index bits for the policy's most entries, whatever the pool has just now. */
static hg_status widen(hg_bits *output, const hg_work *w, hg_run *run, const hg_bits *index, hg_err *err) {
    HG_TRY(hg_bits_new(output, run, hg_policy_index_bits(w->policy), err));
    for (unsigned k = 0; k < 2; k++) output->slot[k][0] = index->slot[k][0];
    return HG_OK;
}

static hg_status propose(hg_bits *output, hg_work *w, hg_run *run, hg_err *err) {
    size_t first = w->held->n_seen;
    hg_bits part[2]; /* index and level */
    const unsigned release = w->policy->release_bits;
    const bool *excluded = make_excluded(w);
    if (!excluded) return hg_fail(err, HG_ENOMEM, "no memory for a job");
    if (w->policy->tier == HG_TIER_COMPOSITIONS) HG_TRY(grow(&first, w, run, err));
    HG_TRY(observe_new(w, run, first, err));
    const hg_share *seed = w->coins.seed.n ? &w->coins.seed : NULL;
    HG_TRY(hg_pool_state_propose(output, &part[1], run, w->held->state, excluded, seed, release, err));
    HG_TRY(widen(&part[0], w, run, output, err));
    return hg_bits_join(output, run, part, release ? 2 : 1, err);
}

/* ---- afterwards -------------------------------------------------------------------------------------------------------------------------- */

/* The state was conditioned on all rows now. */
static bool note_seen(hg_held_state *h, const hg_work *w) {
    if (!hg_grow(&h->seen, &h->room, w->rows.n_sets, sizeof *h->seen)) return false;
    for (size_t i = 0; i < w->rows.n_sets; i++) name_set(h->seen[i], &w->rows.set[i]);
    h->n_seen = w->rows.n_sets;
    return true;
}

static void release(hg_work *w, bool verified) {
    if (!w->held) return;
    if (verified && w->held->state && note_seen(w->held, w))
        hg_pool_state_keep(w->held->state);
    else if (w->held->state && !w->remade)
        hg_pool_state_drop(w->held->state); /* back to what it was */
    else
        hg_held_state_clear(w->held);
    hg_states_give(w->server->states, w->held);
}

static bool needs_seed(const hg_work *w) { return w->policy->model.acquisition == HG_ACQ_THOMPSON; }

static size_t no_noise(const hg_work *w) {
    (void)w;
    return 0;
}

const hg_tier_record hg_tier2_record = {
    .prepare = prepare, .needs_seed = needs_seed, .noise_bits = no_noise, .propose = propose, .release = release
};
const hg_tier_record hg_tier3_record = {
    .prepare = prepare, .needs_seed = needs_seed, .noise_bits = no_noise, .propose = propose, .release = release
};
