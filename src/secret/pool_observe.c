/* secret/pool_observe.c -- one more measurement (secret/pool_state.h has the formulae and the ranges)
 *
 * Steps, each one round in the semi-honest mode unless said:
 *   1  what e selects: K e, w_t' e of each earlier row, e' m, v' e; y sum(e)
 *   2  position of the leading bit of d, its inverse root and logarithm (16); sum_t w_t (w_t' e) goes along
 *   3  truncation of that sum and of r
 *   4  w = c / sqrt d, b = r / sqrt d
 *   5  what is added to m, v, q, log2 |K|
 */
#include "core/memory.h"
#include "secret/pool_internal.h"
#include "secret/truncate.h"
#include <assert.h>
#include <string.h>

enum { LIMBS = HG_POOL_LIMBS, F = HG_POOL_FRACTION, WIDE = HG_POOL_WIDE };

typedef struct {
    hg_run *r;
    hg_pool_state *s;
    size_t p, g, n; /* entries, grid points, earlier rows */
    bool thompson;
    hg_share e, sum, y;                        /* one-hot, its sum, y sum(e) */
    hg_share c[HG_POOLS_MOST];                 /* [p]: K e + 4 sum(e), then less what is known */
    hg_share column[HG_POOLS_MOST];            /* [n]: w_t' e */
    hg_share known[HG_POOLS_MOST];             /* [p]: sum_t w_t (w_t' e), wide */
    hg_share mean, drop;                       /* [g]: e' m, v0 - v' e */
    hg_share residual, inverse[HG_POOLS_MOST]; /* [g]; Thompson [n]: - column' inverse factor */
    hg_share root, log2;                       /* [g]: 1 / sqrt d, log2 d */
    hg_share w, b;                             /* [g * p], [g] */
    hg_share dm, dv, dq, dl;                   /* [g * p], [g * p], [g], [g] */
} work;

/* ---- 1 ---------------------------------------------------------------------------------------------------------------------- */

static hg_status take_inputs(work *k, const hg_share *onehot, const hg_share *y, hg_err *err) {
    k->e = *onehot;
    k->y = *y;
    HG_TRY(hg_share_authenticate(k->r, &k->e, err));
    HG_TRY(hg_share_authenticate(k->r, &k->y, err));
    HG_TRY(hg_run_round(k->r, err));
    uint64_t *ones = hg_alloc(hg_run_arena(k->r), k->p * LIMBS, sizeof *ones);
    if (!ones) return hg_fail(err, HG_ENOMEM, "no memory for a measurement");
    for (size_t i = 0; i < k->p; i++) ones[i * LIMBS] = 1;
    return hg_share_combine(&k->sum, k->r, &k->e, 1, ones, NULL, err);
}

/* K e + 4 sum(e) of each length scale. */
static hg_status covariances(work *k, hg_share length[HG_POOLS_MOST], hg_err *err) {
    for (size_t l = 0; l < k->s->model.n_length; l++) {
        if (k->s->table) {
            HG_TRY(hg_share_new(&length[l], k->r, k->p, LIMBS, true, err));
            hg_share_matvec_i64(k->r, &length[l], k->s->table + l * k->p * k->p, &k->e, k->p);
        } else {
            const hg_share kernel = hg_pool_words_view(&k->s->kernel, l * k->p * k->p, k->p * k->p);
            HG_TRY(hg_mix(k->r, &length[l], &k->e, &kernel, k->p, k->p, err));
        }
    }
    return HG_OK;
}

static hg_status add_public_parts(work *k, hg_share length[HG_POOLS_MOST], hg_err *err) {
    hg_share mean, diagonal;
    const uint64_t four[LIMBS] = { (uint64_t)HG_POOL_MEAN };
    HG_TRY(hg_share_new(&mean, k->r, 1, LIMBS, true, err));
    HG_TRY(hg_share_new(&diagonal, k->r, k->p, LIMBS, true, err));
    hg_share_scale(k->r, &mean, &k->sum, four, 1);
    hg_share_shift_left(k->r, &mean, &mean, F);
    hg_share_shift_left(k->r, &diagonal, &k->e, F);
    for (size_t l = 0; l < k->s->model.n_length; l++) {
        if (!k->s->table) hg_share_add(k->r, &length[l], &length[l], &diagonal);
        hg_share_add(k->r, &length[l], &length[l], &mean);
    }
    for (size_t t = 0; t < k->g; t++) k->c[t] = length[t / k->s->model.n_noise];
    return HG_OK;
}

static hg_status select(work *k, hg_err *err) {
    const hg_pool_state *s = k->s;
    hg_share length[HG_POOLS_MOST], shifted;
    HG_TRY(covariances(k, length, err));
    for (size_t t = 0; t < k->g && k->n; t++) {
        const hg_share gain = hg_pool_words_view(&s->gain[t], 0, k->n * k->p);
        HG_TRY(hg_inner(k->r, &k->column[t], &gain, &k->e, k->n, k->p, err));
    }
    const hg_share mean = hg_pool_words_view(&s->now, s->at.mean, k->g * k->p);
    const hg_share drop = hg_pool_words_view(&s->now, s->at.drop, k->g * k->p);
    HG_TRY(hg_inner(k->r, &k->mean, &mean, &k->e, k->g, k->p, err));
    HG_TRY(hg_mix(k->r, &k->drop, &k->e, &drop, k->p, k->g, err));
    HG_TRY(hg_share_new(&shifted, k->r, 1, LIMBS, true, err));
    hg_share_shift_left(k->r, &shifted, &k->y, HG_POOL_MEAN_FRACTION - HG_Y_FRACTION);
    HG_TRY(hg_gate_mul(k->r, &k->y, &shifted, &k->sum, err));
    HG_TRY(hg_run_round(k->r, err));
    return add_public_parts(k, length, err);
}

/* ---- 2 ---------------------------------------------------------------------------------------------------------------------- */

/* The inverse factor of theta t as a square of n rows. */
static hg_status inverse_rows(hg_share *out, work *k, size_t t, hg_err *err) {
    HG_TRY(hg_share_new(out, k->r, k->n * k->n, LIMBS, false, err));
    for (size_t i = 0; i < k->n; i++) {
        const hg_share row = hg_pool_words_view(&k->s->inverse[t], i * (i + 1) / 2, i + 1);
        hg_share place = hg_share_view(out, i * k->n, i + 1);
        hg_share_copy(k->r, &place, &row);
    }
    return HG_OK;
}

/* Queued: what the earlier rows explain, sum_t w_t (w_t' e), wide; Thompson: column' inverse factor. */
static hg_status explain(work *k, hg_err *err) {
    for (size_t t = 0; t < k->g && k->n; t++) {
        const hg_share gain = hg_pool_words_view(&k->s->gain[t], 0, k->n * k->p);
        HG_TRY(hg_mix(k->r, &k->known[t], &k->column[t], &gain, k->n, k->p, err));
    }
    for (size_t t = 0; t < k->g && k->n && k->thompson; t++) {
        hg_share square;
        HG_TRY(inverse_rows(&square, k, t, err));
        HG_TRY(hg_mix(k->r, &k->inverse[t], &k->column[t], &square, k->n, k->n, err));
    }
    return HG_OK;
}

/* out = x - y in memory of its own; x NULL: 0. */
static hg_status subtract(hg_share *out, work *k, const hg_share *x, const hg_share *y, hg_err *err) {
    hg_share made;
    HG_TRY(hg_share_new(&made, k->r, y->n, LIMBS, true, err));
    if (x) hg_share_add(k->r, &made, &made, x);
    hg_share_sub(k->r, &made, &made, y);
    *out = made;
    return HG_OK;
}

static hg_status subtract_known(work *k, hg_err *err) {
    const unsigned magnitude = HG_POOL_MEAN_FRACTION + hg_pool_mean_bits(k->s, k->n);
    hg_share r, all, cut;
    const hg_share *part[2 * HG_POOLS_MOST + 1] = { &r };
    size_t parts = 1, at = k->g;
    HG_TRY(hg_share_repeat(&r, k->r, &k->y, k->g, err));
    hg_share_sub(k->r, &r, &r, &k->mean);
    for (size_t t = 0; t < k->g && k->n; t++) part[parts++] = &k->known[t];
    for (size_t t = 0; t < k->g && k->n && k->thompson; t++) part[parts++] = &k->inverse[t];
    HG_TRY(hg_share_join(&all, k->r, part, parts, err));
    HG_TRY(hg_truncate(k->r, &cut, &all, F, magnitude < WIDE + 8 ? WIDE + 8 : magnitude, err));
    k->residual = hg_share_view(&cut, 0, k->g);
    for (size_t t = 0; t < k->g && k->n; t++, at += k->p) {
        const hg_share known = hg_share_view(&cut, at, k->p);
        HG_TRY(subtract(&k->c[t], k, &k->c[t], &known, err));
    }
    for (size_t t = 0; t < k->g && k->n && k->thompson; t++, at += k->n) {
        const hg_share row = hg_share_view(&cut, at, k->n);
        HG_TRY(subtract(&k->inverse[t], k, NULL, &row, err));
    }
    return HG_OK;
}

/* ---- 3, 4, 5 ------------------------------------------------------------------------------------------------------------------ */

static hg_status invert(work *k, hg_err *err) {
    const hg_cells *cells = &k->s->variance_cells;
    uint64_t *eta = hg_alloc(hg_run_arena(k->r), k->g * LIMBS, sizeof *eta);
    if (!eta) return hg_fail(err, HG_ENOMEM, "no memory for a measurement");
    for (size_t t = 0; t < k->g; t++)
        hg_pool_constant(eta + t * LIMBS, k->s->model.noise[t % k->s->model.n_noise], WIDE);
    hg_share d, difference, above;
    const uint64_t prior[LIMBS] = { 1 + (uint64_t)HG_POOL_MEAN };
    HG_TRY(hg_share_repeat(&d, k->r, &k->sum, k->g, err));
    hg_share_scale(k->r, &d, &d, prior, 1);
    hg_share_shift_left(k->r, &d, &d, WIDE);
    hg_share_sub(k->r, &d, &d, &k->drop);
    hg_share_add_public(k->r, &d, &d, eta, k->g);
    HG_TRY(hg_cells_differences(&difference, k->r, cells, &d, err));
    HG_TRY(hg_pool_not_negative(&above, k->r, &difference, cells->bits, err));
    return hg_cells_apply(&k->root, &k->log2, k->r, cells, &d, &above, err);
}

static hg_status scale(work *k, hg_err *err) {
    const unsigned magnitude = HG_POOL_MEAN_FRACTION + hg_pool_q_bits(k->s, k->n + 1) / 2 + 1;
    hg_share x, y, z, root_of[2 * HG_POOLS_MOST];
    const hg_share *left[2 * HG_POOLS_MOST + 1], *right[2 * HG_POOLS_MOST + 1];
    size_t parts = 0, made = 0;
    for (size_t t = 0; t < k->g; t++) {
        const hg_share one = hg_share_view(&k->root, t, 1);
        HG_TRY(hg_share_repeat(&root_of[made], k->r, &one, k->p, err));
        left[parts] = &k->c[t];
        right[parts++] = &root_of[made++];
    }
    left[parts] = &k->residual;
    right[parts++] = &k->root;
    for (size_t t = 0; t < k->g && k->n && k->thompson; t++) {
        const hg_share one = hg_share_view(&k->root, t, 1);
        HG_TRY(hg_share_repeat(&root_of[made], k->r, &one, k->n, err));
        left[parts] = &k->inverse[t];
        right[parts++] = &root_of[made++];
    }
    HG_TRY(hg_share_join(&x, k->r, left, parts, err));
    HG_TRY(hg_share_join(&y, k->r, right, parts, err));
    HG_TRY(hg_mul_truncated(k->r, &z, &x, &y, F, magnitude < WIDE + 8 ? WIDE + 8 : magnitude, err));
    k->w = hg_share_view(&z, 0, k->g * k->p);
    k->b = hg_share_view(&z, k->g * k->p, k->g);
    for (size_t t = 0; t < k->g && k->n && k->thompson; t++)
        k->inverse[t] = hg_share_view(&z, k->g * k->p + k->g + t * k->n, k->n);
    return HG_OK;
}

static hg_status changes(work *k, hg_err *err) {
    enum { FRACTION = 2 * HG_POOL_B_FRACTION - HG_POOL_Q_FRACTION };
    const unsigned magnitude = 2 * HG_POOL_B_FRACTION + hg_pool_q_bits(k->s, k->n + 1);
    hg_share b;
    HG_TRY(hg_share_repeat(&b, k->r, &k->b, k->p, err));
    HG_TRY(hg_gate_mul(k->r, &k->dm, &k->w, &b, err));
    HG_TRY(hg_gate_mul(k->r, &k->dv, &k->w, &k->w, err));
    HG_TRY(hg_gate_mul(k->r, &k->dl, &k->log2, &k->sum, err));
    return hg_mul_truncated(k->r, &k->dq, &k->b, &k->b, FRACTION, magnitude, err);
}

/* ---- into the state ------------------------------------------------------------------------------------------------------------- */

/* All memory that the row needs, so that what follows cannot fail. */
static hg_status make_room(hg_pool_state *s, hg_err *err) {
    const size_t rows = s->rows + 1;
    for (size_t t = 0; t < s->g; t++) {
        HG_TRY(hg_pool_words_grow(&s->gain[t], s->copies, rows * s->p, err));
        if (s->model.acquisition == HG_ACQ_THOMPSON)
            HG_TRY(hg_pool_words_grow(&s->inverse[t], s->copies, rows * (rows + 1) / 2, err));
    }
    if (s->model.acquisition == HG_ACQ_THOMPSON) HG_TRY(hg_pool_words_grow(&s->onehot, s->copies, rows * s->p, err));
    return HG_OK;
}

static void copy_in(hg_run *r, hg_pool_words *to, size_t first, const hg_share *from) {
    hg_share place = hg_pool_words_view(to, first, from->n);
    hg_share_copy(r, &place, from);
}

static void add_in(hg_run *r, hg_pool_state *s, size_t first, const hg_share *x) {
    hg_share place = hg_pool_words_view(&s->now, first, x->n);
    hg_share_add(r, &place, &place, x);
}

static void store(work *k) {
    hg_pool_state *s = k->s;
    if (!s->changed)
        for (unsigned c = 0; c < s->copies; c++)
            memcpy(s->kept.slot[c], s->now.slot[c], s->now.n * LIMBS * sizeof(uint64_t));
    s->changed = true;
    for (size_t t = 0; t < k->g; t++) {
        const hg_share w = hg_share_view(&k->w, t * k->p, k->p), root = hg_share_view(&k->root, t, 1);
        copy_in(k->r, &s->gain[t], k->n * k->p, &w);
        for (size_t i = 0; i < k->p; i++) { /* [g, p] into [p, g] */
            const hg_share one = hg_share_view(&k->dv, t * k->p + i, 1);
            add_in(k->r, s, s->at.drop + i * k->g + t, &one);
        }
        if (!k->thompson) continue;
        const size_t row = k->n * (k->n + 1) / 2;
        if (k->n) copy_in(k->r, &s->inverse[t], row, &k->inverse[t]);
        copy_in(k->r, &s->inverse[t], row + k->n, &root);
    }
    if (k->thompson) copy_in(k->r, &s->onehot, k->n * k->p, &k->e);
    add_in(k->r, s, s->at.mean, &k->dm);
    add_in(k->r, s, s->at.measured, &k->e);
    add_in(k->r, s, s->at.q, &k->dq);
    add_in(k->r, s, s->at.logdet, &k->dl);
    add_in(k->r, s, s->at.count, &k->sum);
    s->rows++;
}

hg_status hg_pool_state_observe(hg_run *r, hg_pool_state *s, const hg_share *onehot, const hg_share *y, hg_err *err) {
    HG_TRY(hg_pool_state_fits(s, r, err));
    if (onehot->n != s->p || y->n != 1 || onehot->limbs != LIMBS || y->limbs != LIMBS)
        return hg_fail(err, HG_EINVAL, "a measurement of %zu entries and %zu values for a pool of %zu", onehot->n, y->n,
                       s->p);
    if (s->rows >= HG_POOL_ROWS_MOST)
        return hg_fail(err, HG_ELIMIT, "a pool takes at most %d measurements, padding included", HG_POOL_ROWS_MOST);
    work k = {
        .r = r, .s = s, .p = s->p, .g = s->g, .n = s->rows, .thompson = s->model.acquisition == HG_ACQ_THOMPSON
    };
    HG_TRY(hg_pool_state_prepare(r, s, 1, 0, err));
    HG_TRY(make_room(s, err));
    HG_TRY(take_inputs(&k, onehot, y, err));
    HG_TRY(select(&k, err));
    HG_TRY(explain(&k, err));
    HG_TRY(invert(&k, err));
    HG_TRY(subtract_known(&k, err));
    HG_TRY(scale(&k, err));
    HG_TRY(changes(&k, err));
    store(&k);
    return HG_OK;
}
