/* secret/tier1.c -- see secret/tier1.h; docs/secret.md, section "Tier 1", numbers the steps
 *
 * Rounds at 132 candidates and 64 grid points, UCB: q 1; least q 17; mixtures 1; sigma 11; scores 1; greatest score 16: 47, and
 * one to open. What does not wait for a message is done on whole tables at once.
 */
#include "secret/compare.h"
#include "secret/release.h"
#include "secret/tier1_draw.h"
#include "secret/tier1_noise.h"
#include <string.h>

typedef struct {
    hg_run *r;
    const hg_t1_tables *t;
    const hg_t1_opts *o;
    size_t batch;
    unsigned wide, narrow; /* limbs of q, of scores */
    unsigned bits;         /* of the signed scores */
    uint64_t seed;         /* opened */
    hg_share y;            /* scores' ring, no MAC */
    hg_share one, b;       /* which theta: [thetas] in both rings */
    hg_share q;            /* [thetas], then the least */
    hg_share mean;         /* [n_pool] */
    hg_share best;         /* of the rows; EI and PI */
    hg_share sigma;        /* one element; a public constant when the model is fixed */
    hg_share banned;       /* [n_pool] 1 at what was proposed before; n = 0: nothing was */
} job;

static void element(uint64_t out[HG_RING_LIMBS], int64_t x) { hg_ring_from_int(out, x, HG_RING_LIMBS); }

/* z = x times a small public constant; z may be x. */
static void times(hg_run *r, hg_share *z, const hg_share *x, int64_t c) {
    uint64_t word[HG_RING_LIMBS];
    element(word, c);
    hg_share_scale(r, z, x, word, 1);
}

static void plus(hg_run *r, hg_share *x, int64_t c) {
    uint64_t word[HG_RING_LIMBS];
    element(word, c);
    hg_share_add_public(r, x, x, word, 1);
}

/* out = sum_i x[i] c[i]: local. */
static hg_status weighted_sum(hg_share *out, hg_run *r, const hg_share *x, const int64_t *c, hg_err *err) {
    HG_TRY(hg_share_new(out, r, 1, x->limbs, x->mac[0] != NULL, err));
    hg_share_matvec_i64(r, out, c, x, 1);
    return HG_OK;
}

/* ---- steps 1 to 3: which theta ------------------------------------------------------------------------------------------- */

/* q_theta = |Rt y|^2 for every theta, and, in the same round, the coin that draws need. */
static hg_status quadratic_forms(job *j, const hg_share *y, hg_err *err) {
    const hg_t1_tables *t = j->t;
    hg_share z, coin = j->o->seed, stored = *y;
    uint64_t opened[HG_RING_LIMBS] = { 0 };
    const bool draws = t->model.acquisition == HG_ACQ_THOMPSON || j->batch > 1;
    if (draws) {
        if (!coin.n) HG_TRY(hg_share_random(&coin, j->r, 1, 1, err));
        HG_TRY(hg_open(j->r, opened, &coin, 64, err));
    }
    if (!t->model.fixed) {
        if (j->wide < y->limbs) HG_TRY(hg_share_reduce(&stored, j->r, y, j->wide, err));
        HG_TRY(hg_share_new(&z, j->r, t->thetas * t->n, j->wide, true, err));
        hg_share_matvec_i32(j->r, &z, t->root, &stored, t->thetas * t->n);
        HG_TRY(hg_inner(j->r, &j->q, &z, &z, t->thetas, t->n, err));
    }
    HG_TRY(hg_run_round(j->r, err));
    j->seed = opened[0];
    return HG_OK;
}

static hg_status choose_theta(job *j, hg_err *err) {
    const hg_t1_tables *t = j->t;
    if (t->thetas == 1) {
        uint64_t word[HG_RING_LIMBS];
        element(word, 1);
        HG_TRY(hg_share_public(&j->one, j->r, word, 1, j->wide, err));
    } else {
        hg_bits onehot;
        const hg_extremum_opts least = { .bits = 128 };
        HG_TRY(hg_extremum(j->r, &onehot, &j->q, &least, err));
        HG_TRY(hg_bits_to_share(j->r, &j->one, &onehot, j->wide, err));
    }
    j->b = j->one;
    return j->narrow < j->wide ? hg_share_reduce(&j->b, j->r, &j->one, j->narrow, err) : HG_OK;
}

/* The greatest y: among numbers of 28 bits and a sign. y: with its MACs, which the winners of one draw bring to the next. */
static hg_status find_best(job *j, const hg_share *y, hg_err *err) {
    hg_bits onehot;
    hg_share which;
    const hg_extremum_opts greatest = { .greatest = true, .bits = 32 };
    HG_TRY(hg_extremum(j->r, &onehot, y, &greatest, err));
    HG_TRY(hg_bits_to_share(j->r, &which, &onehot, j->narrow, err));
    return hg_inner(j->r, &j->best, &which, &j->y, 1, j->t->n, err); /* valid after the next round */
}

/* ---- step 4: mixtures ---------------------------------------------------------------------------------------------------- */

/* Probability of improvement: each theta's means over their spread, before they are mixed. */
static hg_status over_spread(job *j, hg_share *means, hg_err *err) {
    const hg_t1_tables *t = j->t;
    uint64_t *c = hg_alloc(hg_run_arena(j->r), means->n, j->narrow * sizeof *c);
    if (!c) return hg_fail(err, HG_ENOMEM, "scores of %zu candidates", t->n_pool);
    for (size_t i = 0; i < t->thetas; i++)
        for (size_t k = 0; k < t->n_pool; k++)
            hg_ring_from_int(c + (i * t->n_pool + k) * j->narrow, t->spread[k * t->thetas + i], j->narrow);
    hg_share_scale(j->r, means, means, c, means->n);
    return HG_OK;
}

static hg_status mix(job *j, hg_share *out, const hg_share *means, hg_err *err) {
    if (j->t->thetas > 1) return hg_mix(j->r, out, &j->b, means, j->t->thetas, j->t->n_pool, err);
    *out = *means;
    return HG_OK;
}

/* m_j of the chosen theta, and its q. scaled (PI only): m_j / s_j as well. */
static hg_status mixtures(job *j, hg_share *scaled, hg_err *err) {
    const hg_t1_tables *t = j->t;
    hg_share means, over, q = j->q;
    const size_t n = t->thetas * t->n_pool;
    HG_TRY(hg_share_new(&means, j->r, n, j->narrow, false, err));
    hg_share_matvec_i32(j->r, &means, t->weight, &j->y, n);
    if (!scaled || j->batch > 1 || j->o->release) HG_TRY(mix(j, &j->mean, &means, err));
    if (scaled) {
        HG_TRY(hg_share_new(&over, j->r, n, j->narrow, false, err));
        hg_share_copy(j->r, &over, &means);
        HG_TRY(over_spread(j, &over, err));
        HG_TRY(mix(j, scaled, &over, err));
    }
    if (t->thetas > 1) HG_TRY(hg_inner(j->r, &j->q, &j->one, &q, 1, t->thetas, err));
    return hg_run_round(j->r, err);
}

/* ---- step 5: the signal's sd ---------------------------------------------------------------------------------------------- */

/* Sums b_theta T_theta,k are local. x_k = T_k - q - 1 is negative when q >= T_k. */
static hg_status over_thresholds(job *j, hg_share *x, hg_err *err) {
    const hg_t1_tables *t = j->t;
    const size_t n = t->model.sigma_levels - 1;
    const unsigned limbs = j->wide;
    uint64_t *c = hg_alloc(hg_run_arena(j->r), n * t->thetas, limbs * sizeof *c);
    if (!c) return hg_fail(err, HG_ENOMEM, "thresholds of %zu grid points", t->thetas);
    for (size_t i = 0; i < n * t->thetas; i++) memcpy(c + i * limbs, t->threshold + 2 * i, 2 * sizeof *c);
    HG_TRY(hg_share_new(x, j->r, n, limbs, false, err));
    for (unsigned s = 0; s < hg_run_copies(j->r); s++)
        for (size_t k = 0; k < n; k++)
            hg_ring_dot_add(x->slot[s] + k * limbs, j->one.slot[s], c + k * t->thetas * limbs, t->thetas, limbs);
    hg_share_sub(j->r, x, x, &j->q);
    plus(j->r, x, -1);
    return HG_OK;
}

static hg_status find_sigma(job *j, hg_err *err) {
    const hg_t1_tables *t = j->t;
    const size_t n = t->model.sigma_levels - 1;
    uint64_t lowest[HG_RING_LIMBS];
    element(lowest, t->sigma[0]);
    if (t->model.fixed || n == 0) return hg_share_public(&j->sigma, j->r, lowest, 1, j->narrow, err);
    hg_share x, steps;
    hg_bits reached;
    int64_t rise[HG_SIGMA_LEVELS_MOST];
    HG_TRY(over_thresholds(j, &x, err));
    HG_TRY(hg_negative(j->r, &reached, &x, 128, err));
    HG_TRY(hg_bits_to_share(j->r, &steps, &reached, j->narrow, err));
    for (size_t k = 0; k < n; k++) rise[k] = t->sigma[k + 1] - t->sigma[k];
    HG_TRY(weighted_sum(&j->sigma, j->r, &steps, rise, err));
    plus(j->r, &j->sigma, t->sigma[0]);
    return HG_OK;
}

/* ---- steps 6 and 7: scores ------------------------------------------------------------------------------------------------ */

/* out = sigma * (sum of b_theta table_j,theta): 2^48. table [n_pool, thetas]. One round. */
static hg_status times_sigma(job *j, hg_share *out, const int64_t *table, hg_err *err) {
    hg_share mixed;
    HG_TRY(hg_share_new(&mixed, j->r, j->t->n_pool, j->narrow, true, err));
    hg_share_matvec_i64(j->r, &mixed, table, &j->b, j->t->n_pool);
    if (j->t->model.fixed) {
        *out = mixed;
        times(j->r, out, &mixed, j->t->sigma[0]);
        return HG_OK;
    }
    HG_TRY(hg_gate_mul(j->r, out, &mixed, &j->sigma, err));
    return hg_run_round(j->r, err);
}

static hg_status upper_bounds(job *j, hg_share *score, hg_err *err) {
    HG_TRY(times_sigma(j, score, j->t->spread, err));
    hg_share_add(j->r, score, score, &j->mean);
    return HG_OK;
}

/* m + sigma t with a draw of its own for each proposal. */
static hg_status thompson(job *j, hg_share *score, size_t pick, hg_err *err) {
    const hg_t1_tables *t = j->t;
    int64_t *table = hg_alloc(hg_run_arena(j->r), t->n_pool, t->thetas * sizeof *table);
    if (!table) return hg_fail(err, HG_ENOMEM, "a draw over %zu candidates", t->n_pool);
    HG_TRY(hg_t1_draw(table, t, j->seed, pick, hg_run_arena(j->r), hg_run_pool(j->r), err));
    HG_TRY(times_sigma(j, score, table, err));
    hg_share_add(j->r, score, score, &j->mean);
    return HG_OK;
}

/* (m_j - best) / s_j; scaled = m_j / s_j at 2^72, best at 2^24, 1 / s at 2^24. */
static hg_status probability(job *j, hg_share *score, const hg_share *scaled, hg_err *err) {
    hg_share inverse, from;
    HG_TRY(hg_share_new(&inverse, j->r, j->t->n_pool, j->narrow, true, err));
    hg_share_matvec_i64(j->r, &inverse, j->t->spread, &j->b, j->t->n_pool);
    HG_TRY(hg_gate_mul(j->r, &from, &inverse, &j->best, err));
    HG_TRY(hg_run_round(j->r, err));
    hg_share_shift_left(j->r, &from, &from, HG_T1_FRACTION);
    *score = from;
    hg_share_sub(j->r, score, scaled, &from);
    return HG_OK;
}

/* One bit a node and candidate: m_j - best > u_k S_j, that is u_k S_j - (m_j - best) < 0. Nodes 1 .. n-1. */
static hg_status passed_nodes(job *j, hg_bits *passed, const hg_share *gain, const hg_share *sd, hg_err *err) {
    const hg_t1_chords *c = &j->t->chords;
    const size_t m = j->t->n_pool;
    hg_share g, s, x;
    HG_TRY(hg_share_reduce(&g, j->r, gain, 1, err)); /* 64 bits hold them: the certificate of ranges */
    HG_TRY(hg_share_reduce(&s, j->r, sd, 1, err));
    times(j->r, &g, &g, c->per_unit);
    HG_TRY(hg_share_new(&x, j->r, (c->n - 1) * m, 1, false, err));
    for (size_t k = 1; k < c->n; k++) {
        hg_share row = hg_share_view(&x, (k - 1) * m, m);
        times(j->r, &row, &s, c->first + (int)k);
        hg_share_sub(j->r, &row, &row, &g);
    }
    return hg_negative(j->r, passed, &x, 64, err);
}

/* What the chord that holds has in front of S (line = a) and of m - best (line = b): [n_pool]. */
static hg_status chosen_line(job *j, hg_share *out, const hg_share *passed, const int64_t *line, hg_err *err) {
    const size_t m = j->t->n_pool;
    hg_share step;
    HG_TRY(hg_share_new(out, j->r, m, j->narrow, true, err));
    HG_TRY(hg_share_new(&step, j->r, m, j->narrow, true, err));
    plus(j->r, out, line[0]);
    for (size_t k = 1; k < j->t->chords.n; k++) {
        const hg_share at = hg_share_view(passed, (k - 1) * m, m);
        times(j->r, &step, &at, line[k] - line[k - 1]);
        hg_share_add(j->r, out, out, &step);
    }
    return HG_OK;
}

/* Expected improvement: a_j S_j + b_j (m_j - best), 2^80. */
static hg_status improvement(job *j, hg_share *score, hg_err *err) {
    hg_share sd, gain, best, steps, a, b, from_sd;
    hg_bits passed;
    HG_TRY(times_sigma(j, &sd, j->t->spread, err));
    HG_TRY(hg_share_new(&gain, j->r, j->t->n_pool, j->narrow, true, err));
    HG_TRY(hg_share_new(&best, j->r, 1, j->narrow, true, err));
    hg_share_shift_left(j->r, &best, &j->best, HG_T1_FRACTION);
    hg_share_sub(j->r, &gain, &j->mean, &best);
    HG_TRY(passed_nodes(j, &passed, &gain, &sd, err));
    HG_TRY(hg_bits_to_share(j->r, &steps, &passed, j->narrow, err));
    HG_TRY(chosen_line(j, &a, &steps, j->t->chords.a, err));
    HG_TRY(chosen_line(j, &b, &steps, j->t->chords.b, err));
    HG_TRY(hg_gate_mul(j->r, &from_sd, &a, &sd, err));
    HG_TRY(hg_gate_mul(j->r, score, &b, &gain, err));
    HG_TRY(hg_run_round(j->r, err));
    hg_share_add(j->r, score, score, &from_sd);
    return HG_OK;
}

/* ---- step 8: the proposals ------------------------------------------------------------------------------------------------ */

static hg_status propose(job *j, hg_bits *index, hg_share *score, size_t pick, hg_err *err) {
    const hg_extremum_opts greatest = { .greatest = true, .bits = j->bits, .excluded = j->o->excluded };
    hg_share noise, chosen;
    hg_bits onehot;
    if (j->t->model.epsilon > 0) {
        HG_TRY(hg_t1_noise(&noise, j->r, j->t, &j->o->noise, pick, j->o->excluded, j->narrow, err));
        hg_share_add(j->r, score, score, &noise);
    }
    if (j->banned.n) { /* far below every score: what was proposed stays hidden */
        hg_share far;
        HG_TRY(hg_share_new(&far, j->r, j->banned.n, j->narrow, false, err));
        hg_share_shift_left(j->r, &far, &j->banned, j->bits - 2);
        hg_share_sub(j->r, score, score, &far);
    }
    HG_TRY(hg_extremum(j->r, &onehot, score, &greatest, err));
    HG_TRY(hg_onehot_index(index, j->r, &onehot, err));
    if (pick + 1 == j->batch && !j->o->release) return HG_OK;
    HG_TRY(hg_bits_to_share(j->r, &chosen, &onehot, j->narrow, err));
    if (j->o->release)
        HG_TRY(hg_release_mean(&j->o->level[pick], j->r, &chosen, &j->mean, 2 * HG_T1_FRACTION, j->bits, j->o->release,
                               err));
    if (pick + 1 == j->batch) return HG_OK;
    if (j->banned.n)
        hg_share_add(j->r, &j->banned, &j->banned, &chosen);
    else
        j->banned = chosen;
    return HG_OK;
}

static hg_status first_score(job *j, hg_share *score, const hg_share *scaled, hg_err *err) {
    switch (j->t->model.acquisition) {
    case HG_ACQ_EI: return improvement(j, score, err);
    case HG_ACQ_PI: return probability(j, score, scaled, err);
    case HG_ACQ_THOMPSON: return thompson(j, score, 0, err);
    default: return upper_bounds(j, score, err);
    }
}

static hg_status check(const job *j, const hg_share *y, hg_err *err) {
    const hg_t1_tables *t = j->t;
    if (y->n != t->n || y->limbs != HG_RING_LIMBS)
        return hg_fail(err, HG_EINVAL, "%zu shared values of %u words for tables of %zu rows", y->n, y->limbs, t->n);
    if (hg_run_mode(j->r) == HG_MALICIOUS && !y->mac[0])
        return hg_fail(err, HG_EINVAL, "the shared values are not authenticated");
    size_t left = 0;
    for (size_t i = 0; i < t->n_pool; i++) left += !j->o->excluded || !j->o->excluded[i];
    if (j->batch > left || j->batch > HG_T1_BATCH_MOST)
        return hg_fail(err, HG_EINVAL, "%zu proposals wanted of %zu candidates left; at most %d at once", j->batch,
                       left, HG_T1_BATCH_MOST);
    if (j->o->release && (!j->o->level || t->model.epsilon > 0))
        return hg_fail(err, HG_EINVAL, "no mean is released without a place for it, or beside privacy noise");
    if (t->model.epsilon > 0 && j->o->noise.n && j->o->noise.n != hg_t1_noise_bits(t, j->batch))
        return hg_fail(err, HG_EINVAL, "%zu random bits for the noise, %zu needed", j->o->noise.n,
                       hg_t1_noise_bits(t, j->batch));
    return HG_OK;
}

hg_status hg_t1_propose(hg_bits *index, hg_run *r, const hg_t1_tables *t, const hg_share *y, const hg_t1_opts *o,
                        hg_err *err) {
    const hg_acquisition acquisition = t->model.acquisition;
    hg_t1_opts opts = o ? *o : (hg_t1_opts) { 0 };
    job j = { .r = r, .t = t, .o = &opts, .batch = opts.batch ? opts.batch : 1 };
    const unsigned more = hg_run_arithmetic(r) == HG_MALICIOUS ? 1 : 0; /* limbs for the MACs */
    j.bits = hg_t1_score_bits(&t->model);
    j.wide = 2 + more;
    j.narrow = j.bits / 64 + more;
    const bool best = acquisition == HG_ACQ_EI || acquisition == HG_ACQ_PI, pi = acquisition == HG_ACQ_PI;
    hg_share scaled, score;
    HG_TRY(check(&j, y, err));
    if (hg_run_mode(r) == HG_MALICIOUS) HG_TRY(hg_run_round(r, err)); /* the MACs of y may still be on their way */
    if (t->model.epsilon > 0 && !opts.noise.n) HG_TRY(hg_t1_noise_draw(&opts.noise, r, t, j.batch, err));
    HG_TRY(quadratic_forms(&j, y, err));
    HG_TRY(choose_theta(&j, err));
    HG_TRY(hg_share_reduce(&j.y, r, y, j.narrow, err));
    const hg_share with_macs = j.y;
    j.y.mac[0] = j.y.mac[1] = NULL; /* one factor of a product has a MAC, and it is never this one */
    if (best) HG_TRY(find_best(&j, &with_macs, err));
    HG_TRY(mixtures(&j, pi ? &scaled : NULL, err));
    if (!pi || j.batch > 1) HG_TRY(find_sigma(&j, err));
    HG_TRY(first_score(&j, &score, &scaled, err));
    HG_TRY(propose(&j, &index[0], &score, 0, err));
    for (size_t pick = 1; pick < j.batch; pick++) {
        HG_TRY(thompson(&j, &score, pick, err));
        HG_TRY(propose(&j, &index[pick], &score, pick, err));
    }
    return HG_OK;
}
