/* secret/pool_propose.c -- which entry next (secret/pool_policy.h has the policy)
 *
 * Steps and their rounds in the semi-honest mode:
 *   1  where q lies: cells of its logarithm and levels of sigma, one batch of comparisons (9 + 2)
 *   2  n log2 q + log2 |K| - 2 log2 p of each theta (5); the least, as numbers 0 and 1 (16)
 *   3  mean, variance and sigma of that theta (1)
 *   4  the root of each variance by chords (11), or Thompson's path (9)
 *   5  scores (1); the greatest (16 or more: secret/compare.h weighs rounds against bytes)
 */
#include "secret/compare.h"
#include "secret/pool_internal.h"
#include "secret/release.h"
#include "secret/truncate.h"
#include <assert.h>
#include <math.h>

enum { LIMBS = HG_POOL_LIMBS, F = HG_POOL_FRACTION, WIDE = HG_POOL_WIDE, SCORE = HG_FRACTION };

typedef struct {
    hg_run *r;
    const hg_pool_state *s;
    size_t p, g;
    bool ucb;
    unsigned sigma_fraction, spread_fraction; /* their sum is that of means */
    hg_share b, sigma;                        /* [g], [1]: kappa sigma for UCB */
    hg_share mean, spread;                    /* [p] */
} work;

static work new_work(hg_run *r, const hg_pool_state *s) {
    return (work) { .r = r, .s = s, .p = s->p, .g = s->g, .ucb = s->model.acquisition == HG_ACQ_UCB };
}

/* ---- 1, 2: theta and sigma ------------------------------------------------------------------------------------------------------- */

static double level(const work *k, size_t i) {
    return (k->ucb ? k->s->model.kappa : 1) * hg_pool_sigma(&k->s->model, i);
}

/* out [g, levels - 1]: q - n threshold */
static hg_status sigma_differences(hg_share *out, work *k, const hg_share *q, hg_err *err) {
    const size_t steps = k->s->model.sigma_levels - 1;
    const hg_share count = hg_pool_words_view(&k->s->now, k->s->at.count, 1);
    hg_share level_count;
    uint64_t *threshold = hg_alloc(hg_run_arena(k->r), k->g * steps * LIMBS, sizeof *threshold);
    if (!threshold) return hg_fail(err, HG_ENOMEM, "no memory for %zu levels", steps);
    for (size_t i = 0; i < k->g * steps; i++)
        hg_pool_constant(threshold + i * LIMBS, hg_pool_threshold(&k->s->model, i % steps + 1), HG_POOL_Q_FRACTION);
    HG_TRY(hg_share_repeat(out, k->r, q, steps, err));
    HG_TRY(hg_share_repeat(&level_count, k->r, &count, k->g * steps, err));
    hg_share_scale(k->r, &level_count, &level_count, threshold, k->g * steps);
    hg_share_sub(k->r, out, out, &level_count);
    return HG_OK;
}

/* sigma [g] from its thermometer bits [g, levels - 1] */
static hg_status sigma_of(hg_share *sigma, work *k, const hg_share *above, hg_err *err) {
    const size_t levels = k->s->model.sigma_levels;
    uint64_t *step = hg_alloc(hg_run_arena(k->r), levels * LIMBS, sizeof *step);
    if (!step) return hg_fail(err, HG_ENOMEM, "no memory for %zu levels", levels);
    for (size_t i = 0; i < levels; i++) hg_pool_constant(step + i * LIMBS, level(k, i), k->sigma_fraction);
    for (size_t i = levels; i-- > 1;) hg_ring_sub(step + i * LIMBS, step + i * LIMBS, step + (i - 1) * LIMBS, 1, LIMBS);
    return hg_share_combine(sigma, k->r, above, k->g, step + LIMBS, step, err);
}

/* b [g]: 1 where the objective is least. */
static hg_status least(work *k, const hg_share *log2_q, hg_err *err) {
    const hg_share count = hg_pool_words_view(&k->s->now, k->s->at.count, 1),
                   logdet = hg_pool_words_view(&k->s->now, k->s->at.logdet, k->g);
    hg_share objective;
    hg_bits onehot;
    uint64_t prior[HG_POOLS_MOST][LIMBS];
    for (size_t t = 0; t < k->g; t++) hg_pool_constant(prior[t], hg_pool_prior(&k->s->model, t), WIDE);
    HG_TRY(hg_gate_mul(k->r, &objective, log2_q, &count, err));
    HG_TRY(hg_run_round(k->r, err));
    hg_share_add(k->r, &objective, &objective, &logdet);
    hg_share_add_public(k->r, &objective, &objective, prior[0], k->g);
    const hg_extremum_opts o = { .bits = WIDE + 19 }; /* n log2 q, log2 |K| and the prior are below 2^17 together */
    HG_TRY(hg_extremum(k->r, &onehot, &objective, &o, err));
    return hg_bits_to_share(k->r, &k->b, &onehot, LIMBS, err);
}

static hg_status first_theta(work *k, hg_err *err) {
    uint64_t one[HG_POOLS_MOST * LIMBS] = { 1 };
    return hg_share_public(&k->b, k->r, one, k->g, LIMBS, err);
}

static hg_status choose(work *k, hg_err *err) {
    const hg_pool_state *s = k->s;
    if (s->model.fixed) {
        uint64_t lowest[LIMBS];
        hg_pool_constant(lowest, level(k, 0), k->sigma_fraction);
        HG_TRY(hg_share_public(&k->sigma, k->r, lowest, 1, LIMBS, err));
        return first_theta(k, err);
    }
    const hg_cells *cells = &s->q_cells;
    const hg_share q = hg_pool_words_view(&s->now, s->at.q, k->g);
    hg_share floored, cell, levels, both, above, log2_q, sigma;
    uint64_t floor_q[LIMBS];
    hg_pool_constant(floor_q, HG_POOL_FLOOR, HG_POOL_Q_FRACTION);
    HG_TRY(hg_share_new(&floored, k->r, k->g, LIMBS, false, err));
    hg_share_add_public(k->r, &floored, &q, floor_q, 1);
    HG_TRY(hg_cells_differences(&cell, k->r, cells, &floored, err));
    HG_TRY(sigma_differences(&levels, k, &q, err));
    const hg_share *const part[] = { &levels, &cell };
    HG_TRY(hg_share_join(&both, k->r, part, k->g > 1 ? 2 : 1, err));
    HG_TRY(hg_pool_not_negative(&above, k->r, &both, cells->bits, err));
    const hg_share above_level = hg_share_view(&above, 0, levels.n);
    HG_TRY(sigma_of(&sigma, k, &above_level, err));
    if (k->g > 1) {
        const hg_share above_cell = hg_share_view(&above, levels.n, cell.n);
        HG_TRY(hg_cells_apply(NULL, &log2_q, k->r, cells, &floored, &above_cell, err));
        HG_TRY(least(k, &log2_q, err));
    } else {
        HG_TRY(first_theta(k, err));
    }
    return hg_inner(k->r, &k->sigma, &sigma, &k->b, 1, k->g, err);
}

hg_status hg_pool_choose(hg_share *b, hg_share *sigma, unsigned fraction, hg_run *r, const hg_pool_state *s,
                         hg_err *err) {
    work k = new_work(r, s);
    k.sigma_fraction = fraction;
    HG_TRY(choose(&k, err));
    *b = k.b;
    *sigma = k.sigma;
    return HG_OK;
}

/* ---- 3, 4: mean and spread -------------------------------------------------------------------------------------------------------- */

static hg_status roots(work *k, hg_err *err) {
    enum { BITS = SCORE + 5 }; /* |variance - node| < 2^4 */
    const hg_share drop = hg_pool_words_view(&k->s->now, k->s->at.drop, k->p * k->g);
    double node[HG_POOL_CHORDS + 1], value[HG_POOL_CHORDS + 1];
    uint64_t prior[LIMBS];
    hg_share variance;
    HG_TRY(hg_inner_truncated(k->r, &variance, &drop, &k->b, k->p, k->g, WIDE - SCORE, WIDE + 4, err));
    const uint64_t minus[LIMBS] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    hg_share_scale(k->r, &variance, &variance, minus, 1);
    hg_pool_constant(prior, 1 + HG_POOL_MEAN, SCORE);
    hg_share_add_public(k->r, &variance, &variance, prior, 1);
    hg_pool_chords(node, value);
    const hg_chords chords = { node, value, HG_POOL_CHORDS + 1 };
    return hg_chords_apply(k->r, &k->spread, &variance, &chords, BITS, err);
}

/* ---- 5: scores ----------------------------------------------------------------------------------------------------------------------- */

/* Bits before the point of a score, whatever the data. */
static unsigned score_bits(const work *k) {
    const hg_secret_model *m = &k->s->model;
    const double spread = k->ucb ? 2.3 * m->kappa : 64; /* a path beyond 64 is a matter of 28 standard deviations */
    const double most =
        ldexp(1, (int)hg_pool_mean_bits(k->s, k->s->rows)) + hg_pool_sigma(m, m->sigma_levels - 1) * spread;
    unsigned bits = 4;
    while (ldexp(1, (int)bits) < most) bits++;
    return bits;
}

static hg_status greatest(hg_bits *onehot, work *k, const hg_share *measured, const bool *excluded, hg_err *err) {
    const unsigned bits = score_bits(k);
    unsigned repeats = 1; /* rows at one entry, at most 2^repeats */
    while ((size_t)1 << repeats < k->s->rows + 1) repeats++;
    /* mean * 1 + spread * sigma, in one inner product of two terms */
    hg_share x, y, one, score, penalty;
    const uint64_t unit[LIMBS] = { 1 };
    HG_TRY(hg_share_public(&one, k->r, unit, 1, LIMBS, err));
    const hg_share *const factor[] = { &one, &k->sigma };
    HG_TRY(hg_share_join(&y, k->r, factor, 2, err));
    HG_TRY(hg_share_new(&x, k->r, 2 * k->p, LIMBS, true, err));
    for (size_t i = 0; i < k->p; i++) {
        hg_share to = hg_share_view(&x, 2 * i, 1), to_spread = hg_share_view(&x, 2 * i + 1, 1);
        const hg_share mean = hg_share_view(&k->mean, i, 1), spread = hg_share_view(&k->spread, i, 1);
        hg_share_copy(k->r, &to, &mean);
        hg_share_copy(k->r, &to_spread, &spread);
    }
    HG_TRY(hg_inner_truncated(k->r, &score, &x, &y, k->p, 2, HG_POOL_MEAN_FRACTION - SCORE,
                              HG_POOL_MEAN_FRACTION + bits + 1, err));
    HG_TRY(hg_share_new(&penalty, k->r, k->p, LIMBS, true, err));
    hg_share_shift_left(k->r, &penalty, measured, SCORE + bits + 2);
    hg_share_sub(k->r, &score, &score, &penalty);
    size_t group = 0;
    if (hg_run_arithmetic(k->r) ==
        HG_MALICIOUS) /* an AND gate costs ten times its bytes: two levels instead of all pairs */
        for (group = 2; group * group < k->p;) group++;
    const hg_extremum_opts o = {
        .greatest = true, .bits = SCORE + bits + 2 + repeats + 2, .group = group, .excluded = excluded
    };
    return hg_extremum(k->r, onehot, &score, &o, err);
}

static hg_status check(const hg_pool_state *s, const hg_run *r, const bool *excluded, const hg_share *seed,
                       hg_err *err) {
    HG_TRY(hg_pool_state_fits(s, r, err));
    size_t left_over = 0;
    for (size_t i = 0; i < s->p; i++) left_over += !(excluded && excluded[i]);
    if (left_over == 0) return hg_fail(err, HG_EDATA, "no candidate is left: all %zu entries are excluded", s->p);
    if (s->model.acquisition == HG_ACQ_THOMPSON && (!seed || seed->n != 1))
        return hg_fail(err, HG_EINVAL, "Thompson sampling needs one shared coin as its seed");
    return HG_OK;
}

hg_status hg_pool_state_propose(hg_bits *index, hg_bits *level, hg_run *r, const hg_pool_state *s, const bool *excluded,
                                const hg_share *seed, unsigned release, hg_err *err) {
    hg_bits onehot;
    hg_share chosen;
    HG_TRY(check(s, r, excluded, seed, err));
    work k = new_work(r, s);
    k.spread_fraction = k.ucb ? SCORE : F;
    k.sigma_fraction = HG_POOL_MEAN_FRACTION - k.spread_fraction;
    HG_TRY(hg_pool_state_prepare(r, s, 0, 1, err));
    HG_TRY(hg_pool_choose(&k.b, &k.sigma, k.sigma_fraction, r, s, err));
    const hg_share mean = hg_pool_words_view(&s->now, s->at.mean, k.g * k.p);
    hg_share measured = hg_pool_words_view(&s->now, s->at.measured, k.p);
    HG_TRY(hg_mix(r, &k.mean, &k.b, &mean, k.g, k.p, err));
    HG_TRY(hg_share_authenticate(r, &measured, err));
    if (k.ucb)
        HG_TRY(roots(&k, err));
    else
        HG_TRY(hg_pool_path_given(&k.spread, r, s, &k.b, seed, err));
    HG_TRY(greatest(&onehot, &k, &measured, excluded, err));
    HG_TRY(hg_onehot_index(index, r, &onehot, err));
    if (!release) return HG_OK;
    HG_TRY(hg_bits_to_share(r, &chosen, &onehot, LIMBS, err));
    return hg_release_mean(level, r, &chosen, &k.mean, HG_POOL_MEAN_FRACTION,
                           HG_POOL_MEAN_FRACTION + hg_pool_mean_bits(s, s->rows) + 2, release, err);
}
