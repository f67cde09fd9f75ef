/* secret/pool_path.c -- Thompson sampling: a path of the prior, conditioned on the measurements
 *
 * Prior. The draw (frequencies, factors, noise) is public, from a coin thrown after the job was fixed. With public features the
 * path is public. With secret ones each wave needs the cosine of a secret angle x . omega, in turns modulo 1:
 *     c = angle + rho_0 + rho_1 + rho_2 is opened, rho_j uniform modulo 1 and known to the two servers that hold slot j,
 *     exp(2 pi i angle) = exp(2 pi i (c - rho_0)) exp(-2 pi i rho_1) exp(-2 pi i rho_2),
 * and each factor is known to two servers, hence a sharing with two zero slots: two products for any angle, no polynomial.
 *
 * Conditioning (Matheron): path + sum_t w_t alpha_t with alpha = L^-1 (sqrt eta eps - path at the rows); the rows of L^-1 were
 * made as the rows came in. The theta that counts is secret: b selects it inside inner products, which cost no more for that.
 */
#include "secret/exact.h"
#include "secret/pool_internal.h"
#include "secret/truncate.h"
#include <math.h>
#include <string.h>

enum {
    LIMBS = HG_POOL_LIMBS,
    F = HG_POOL_FRACTION,
    WIDE = HG_POOL_WIDE,
    TURNS = 76,  /* fraction bits of angles */
    ROTOR = 26,  /* of the sines and cosines of masks */
    FACTOR = 36, /* of the last factor, which holds the wave's weight */
    WAVES = HG_POOL_WAVES
};

typedef struct {
    hg_run *r;
    const hg_pool_state *s;
    size_t p, g, n, d;
    const hg_share *b;
    hg_pool_path draw;
    double *eps; /* [n] */
} work;

/* ---- the prior's path ---------------------------------------------------------------------------------------------------------------- */

/* Public features: sum over theta of b times a public path. */
static hg_status public_path(hg_share *path, work *k, hg_err *err) {
    uint64_t *value = hg_alloc(hg_run_arena(k->r), k->p * LIMBS, sizeof *value);
    if (!value) return hg_fail(err, HG_ENOMEM, "no memory for a path over %zu entries", k->p);
    HG_TRY(hg_share_new(path, k->r, k->p, LIMBS, true, err));
    for (size_t t = 0; t < k->g; t++) {
        hg_share one = hg_share_view(k->b, t, 1), term;
        for (size_t j = 0; j < k->p; j++)
            hg_pool_constant(value + j * LIMBS,
                             hg_pool_path_value(&k->draw, t / k->s->model.n_noise, k->s->features + j * k->d), F);
        HG_TRY(hg_share_repeat(&term, k->r, &one, k->p, err));
        hg_share_scale(k->r, &term, &term, value, k->p);
        hg_share_add(k->r, path, path, &term);
    }
    return HG_OK;
}

/* turns [WAVES, p]: x . omega of the selected length scale. Queued. */
static hg_status angles(hg_share *turns, work *k, hg_err *err) {
    const hg_share x = hg_pool_words_view(&k->s->shared, 0, k->p * k->d);
    for (size_t w = 0; w < WAVES; w++) {
        hg_share omega;
        HG_TRY(hg_share_new(&omega, k->r, k->d, LIMBS, true, err));
        for (size_t t = 0; t < k->g; t++)
            for (size_t j = 0; j < k->d; j++) {
                uint64_t c[LIMBS];
                hg_share place = hg_share_view(&omega, j, 1), one, term;
                one = hg_share_view(k->b, t, 1);
                hg_pool_constant(c, k->draw.turns[((t / k->s->model.n_noise) * WAVES + w) * k->d + j],
                                 TURNS - HG_FRACTION);
                HG_TRY(hg_share_new(&term, k->r, 1, LIMBS, true, err));
                hg_share_scale(k->r, &term, &one, c, 1);
                hg_share_add(k->r, &place, &place, &term);
            }
        HG_TRY(hg_inner(k->r, &turns[w], &x, &omega, k->p, k->d, err));
    }
    return HG_OK;
}

/* Masks rho_j of n angles: words of the slots that this server holds, NULL for the others. */
typedef struct {
    uint64_t *word[HG_SLOTS];
} angle_masks;

static hg_status draw_masks(angle_masks *m, work *k, size_t n, hg_err *err) {
    hg_prss *prss = hg_run_prss(k->r);
    const uint64_t draw = hg_prss_draw(prss, HG_PRSS_MASK);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        m->word[j] = NULL;
        if (!hg_prss_known(prss, j)) continue;
        m->word[j] = hg_alloc(hg_run_arena(k->r), n * LIMBS, sizeof *m->word[j]);
        if (!m->word[j]) return hg_fail(err, HG_ENOMEM, "no memory for %zu angles", n);
        HG_TRY(hg_prss_fill(prss, HG_PRSS_MASK, draw, j, m->word[j], n * LIMBS, err));
        hg_ring_mask(m->word[j], TURNS, n, LIMBS);
    }
    return HG_OK;
}

/* The upper 53 of an angle's bits as a number in [0, 1): a mask is secret, and nothing here depends on its value. */
static double turn_of(const uint64_t *x) {
    _Static_assert(TURNS == 76, "which bits these are");
    return (double)(int64_t)(x[0] >> 23 | (x[1] & 0xfff) << 41) * 0x1p-53;
}

/* The place of slot j in a share here, or NULL; the plain mode has one place for all. */
static uint64_t *place_of(const work *k, const hg_share *x, unsigned j) {
    if (hg_run_mode(k->r) == HG_PLAIN) return x->slot[0];
    const unsigned s = (j + HG_SLOTS - hg_run_party(k->r)) % HG_SLOTS;
    return s < 2 ? x->slot[s] : NULL;
}

static hg_status open_masked(uint64_t *opened, work *k, const hg_share turns[WAVES], const angle_masks *m,
                             hg_err *err) {
    hg_share sum;
    HG_TRY(hg_share_new(&sum, k->r, WAVES * k->p, LIMBS, false, err));
    for (size_t w = 0; w < WAVES; w++) {
        hg_share to = hg_share_view(&sum, w * k->p, k->p);
        hg_share_copy(k->r, &to, &turns[w]);
    }
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        uint64_t *to = place_of(k, &sum, j);
        if (to) hg_ring_add(to, to, m->word[j], sum.n, LIMBS);
    }
    HG_TRY(hg_open(k->r, opened, &sum, TURNS, err));
    return hg_run_round(k->r, err);
}

/* cosine and sine of -rho_j as shares with ROTOR bits, in slot j alone. */
static hg_status rotors(hg_share *cosine, hg_share *sine, work *k, const angle_masks *m, unsigned j, size_t n,
                        hg_err *err) {
    HG_TRY(hg_share_new(cosine, k->r, n, LIMBS, false, err));
    HG_TRY(hg_share_new(sine, k->r, n, LIMBS, false, err));
    uint64_t *c = place_of(k, cosine, j), *s = place_of(k, sine, j);
    for (size_t i = 0; c && i < n; i++) {
        const double turn = turn_of(m->word[j] + i * LIMBS);
        hg_pool_constant(c + i * LIMBS, hg_exact_cosine(turn), ROTOR);
        hg_pool_constant(s + i * LIMBS, -hg_exact_cosine(turn - 0.25), ROTOR);
    }
    return HG_OK;
}

/* (a, b) of each element in a row; negative: (a, -b). */
static hg_status pair(hg_share *out, work *k, const hg_share *a, const hg_share *b, bool negative, hg_err *err) {
    HG_TRY(hg_share_new(out, k->r, 2 * a->n, LIMBS, a->mac[0] && b->mac[0], err));
    for (size_t i = 0; i < a->n; i++) {
        hg_share first = hg_share_view(out, 2 * i, 1), second = hg_share_view(out, 2 * i + 1, 1);
        const hg_share x = hg_share_view(a, i, 1), y = hg_share_view(b, i, 1);
        hg_share_copy(k->r, &first, &x);
        if (negative)
            hg_share_sub(k->r, &second, &second, &y);
        else
            hg_share_copy(k->r, &second, &y);
    }
    return HG_OK;
}

/* real, imaginary [n]: exp(-2 pi i (rho_1 + rho_2)), 2 ROTOR bits. Queued after one round of MACs. */
static hg_status turn_back(hg_share *real, hg_share *imaginary, work *k, const angle_masks *m, size_t n, hg_err *err) {
    hg_share c1, s1, c2, s2, x, y;
    HG_TRY(rotors(&c1, &s1, k, m, 1, n, err));
    HG_TRY(rotors(&c2, &s2, k, m, 2, n, err));
    HG_TRY(hg_share_authenticate(k->r, &c1, err));
    HG_TRY(hg_share_authenticate(k->r, &s1, err));
    HG_TRY(hg_run_round(k->r, err)); /* takes the angles along */
    HG_TRY(pair(&x, k, &c1, &s1, true, err));
    HG_TRY(pair(&y, k, &c2, &s2, false, err));
    HG_TRY(hg_inner(k->r, real, &x, &y, n, 2, err));
    HG_TRY(pair(&x, k, &c1, &s1, false, err));
    HG_TRY(pair(&y, k, &s2, &c2, false, err));
    return hg_inner(k->r, imaginary, &x, &y, n, 2, err);
}

/* What real and imaginary parts are worth to the path, from the opened angles less rho_0: in slot 0 alone. out [p, 2 WAVES]. */
static hg_status weights(hg_share *out, work *k, const uint64_t *opened, const angle_masks *m, hg_err *err) {
    HG_TRY(hg_share_new(out, k->r, 2 * WAVES * k->p, LIMBS, false, err));
    uint64_t *to = place_of(k, out, 0);
    for (size_t w = 0; to && w < WAVES; w++)
        for (size_t j = 0; j < k->p; j++) {
            uint64_t turns[LIMBS];
            hg_ring_sub(turns, opened + (w * k->p + j) * LIMBS, m->word[0] + (w * k->p + j) * LIMBS, 1, LIMBS);
            const double turn = turn_of(turns), c = hg_exact_cosine(turn), s = hg_exact_cosine(turn - 0.25),
                         a = k->draw.cosine[w], b = k->draw.sine[w];
            hg_pool_constant(to + (j * 2 * WAVES + 2 * w) * LIMBS, a * c + b * s, FACTOR);
            hg_pool_constant(to + (j * 2 * WAVES + 2 * w + 1) * LIMBS, b * c - a * s, FACTOR);
        }
    return HG_OK;
}

static hg_status secret_path(hg_share *path, work *k, hg_err *err) {
    const size_t n = WAVES * k->p;
    hg_share turns[WAVES], real, imaginary, x, y;
    angle_masks m;
    uint64_t offset[LIMBS], *opened = hg_alloc(hg_run_arena(k->r), n * LIMBS, sizeof *opened);
    if (!opened) return hg_fail(err, HG_ENOMEM, "no memory for %zu angles", n);
    HG_TRY(draw_masks(&m, k, n, err));
    HG_TRY(angles(turns, k, err));
    HG_TRY(turn_back(&real, &imaginary, k, &m, n, err));
    HG_TRY(hg_run_round(k->r, err));
    HG_TRY(open_masked(opened, k, turns, &m, err));
    HG_TRY(weights(&y, k, opened, &m, err));
    HG_TRY(hg_share_new(&x, k->r, 2 * n, LIMBS, true, err));
    for (size_t w = 0; w < WAVES; w++)
        for (size_t j = 0; j < k->p; j++) {
            hg_share to = hg_share_view(&x, j * 2 * WAVES + 2 * w, 1),
                     next = hg_share_view(&x, j * 2 * WAVES + 2 * w + 1, 1);
            const hg_share re = hg_share_view(&real, w * k->p + j, 1), im = hg_share_view(&imaginary, w * k->p + j, 1);
            hg_share_copy(k->r, &to, &re);
            hg_share_copy(k->r, &next, &im);
        }
    HG_TRY(
        hg_inner_truncated(k->r, path, &x, &y, k->p, 2 * WAVES, 2 * ROTOR + FACTOR - F, 2 * ROTOR + FACTOR + 7, err));
    hg_pool_constant(offset, k->draw.offset, F);
    hg_share_add_public(k->r, path, path, offset, 1);
    return HG_OK;
}

/* ---- given the measurements ------------------------------------------------------------------------------------------------------------ */

/* out [n]: sqrt eta eps - path at the rows */
static hg_status misfit(hg_share *out, work *k, const hg_share *path, hg_err *err) {
    const hg_share rows = hg_pool_words_view(&k->s->onehot, 0, k->n * k->p);
    hg_share at;
    HG_TRY(hg_inner(k->r, &at, &rows, path, k->n, k->p, err));
    HG_TRY(hg_run_round(k->r, err));
    HG_TRY(hg_share_new(out, k->r, k->n, LIMBS, true, err));
    for (size_t i = 0; i < k->n; i++) {
        uint64_t noise[HG_POOLS_MOST * LIMBS];
        hg_share one, place = hg_share_view(out, i, 1);
        for (size_t t = 0; t < k->g; t++)
            hg_pool_constant(noise + t * LIMBS, k->eps[i] * sqrt(k->s->model.noise[t % k->s->model.n_noise]), F);
        HG_TRY(hg_share_combine(&one, k->r, k->b, 1, noise, NULL, err));
        hg_share_copy(k->r, &place, &one);
    }
    hg_share_sub(k->r, out, out, &at);
    return HG_OK;
}

/* out [g, n]: b[t] x[i] */
static hg_status outer(hg_share *out, work *k, const hg_share *x, hg_err *err) {
    hg_share left, right;
    const hg_share *part[HG_POOLS_MOST];
    for (size_t t = 0; t < k->g; t++) part[t] = x;
    HG_TRY(hg_share_repeat(&left, k->r, k->b, k->n, err));
    HG_TRY(hg_share_join(&right, k->r, part, k->g, err));
    HG_TRY(hg_gate_mul(k->r, out, &left, &right, err));
    return hg_run_round(k->r, err);
}

/* alpha [n]: the selected inverse factor times z. */
static hg_status whiten(hg_share *alpha, work *k, const hg_share *z, hg_err *err) {
    hg_share selected, rows;
    HG_TRY(outer(&selected, k, z, err));
    HG_TRY(hg_share_new(&rows, k->r, k->n * k->g * k->n, LIMBS, false, err));
    for (size_t i = 0; i < k->n; i++)
        for (size_t t = 0; t < k->g; t++) {
            hg_share to = hg_share_view(&rows, (i * k->g + t) * k->n, i + 1);
            const hg_share from = hg_pool_words_view(&k->s->inverse[t], i * (i + 1) / 2, i + 1);
            hg_share_copy(k->r, &to, &from);
        }
    return hg_inner_truncated(k->r, alpha, &rows, &selected, k->n, k->g * k->n, F, WIDE + 17, err);
}

static hg_status condition(hg_share *path, work *k, hg_err *err) {
    hg_share z, alpha, selected, gains, shift, gain[HG_POOLS_MOST];
    const hg_share *part[HG_POOLS_MOST];
    HG_TRY(misfit(&z, k, path, err));
    HG_TRY(whiten(&alpha, k, &z, err));
    HG_TRY(outer(&selected, k, &alpha, err));
    for (size_t t = 0; t < k->g; t++) {
        gain[t] = hg_pool_words_view(&k->s->gain[t], 0, k->n * k->p);
        part[t] = &gain[t];
    }
    HG_TRY(hg_share_join(&gains, k->r, part, k->g, err));
    HG_TRY(hg_mix(k->r, &shift, &selected, &gains, k->g * k->n, k->p, err));
    HG_TRY(hg_run_round(k->r, err));
    HG_TRY(hg_truncate(k->r, &shift, &shift, F, WIDE + 8, err));
    hg_share_add(k->r, path, path, &shift);
    return HG_OK;
}

hg_status hg_pool_path_given(hg_share *path, hg_run *r, const hg_pool_state *s, const hg_share *b, const hg_share *seed,
                             hg_err *err) {
    work k = { .r = r, .s = s, .p = s->p, .g = s->g, .n = s->rows, .d = s->d, .b = b };
    uint64_t coin[LIMBS] = { 0 };
    HG_TRY(hg_open(r, coin, seed, 64, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_pool_path_draw(&k.draw, &s->mixture, s->d, coin[0], hg_run_arena(r), err));
    k.eps = hg_alloc(hg_run_arena(r), k.n + 1, sizeof *k.eps);
    if (!k.eps) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", k.n);
    hg_pool_path_noise(k.eps, k.n, coin[0]);
    if (s->tier == HG_TIER_INDICES)
        HG_TRY(public_path(path, &k, err));
    else
        HG_TRY(secret_path(path, &k, err));
    return k.n ? condition(path, &k, err) : HG_OK;
}

size_t hg_pool_path_truncations(const hg_pool_state *s, size_t rows) {
    return (s->tier == HG_TIER_COMPOSITIONS ? s->p : 0) + (rows ? rows + s->p : 0);
}
