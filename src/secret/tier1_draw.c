/* secret/tier1_draw.c -- see secret/tier1_draw.h */
#include "secret/tier1_draw.h"
#include "secret/exact.h"
#include <math.h>
#include <string.h>

typedef struct {
    const hg_t1_tables *t;
    double *factor; /* [lengths, n_pool, n_pool] */
    bool *bad;      /* [lengths] */
} factors;

static void factorise(void *ctx, size_t begin, size_t end, size_t worker) {
    factors *f = ctx;
    (void)worker;
    const hg_t1_tables *t = f->t;
    const size_t n = t->n_pool;
    for (size_t i = begin; i < end; i++) {
        double *a = f->factor + i * n * n;
        for (size_t r = 0; r < n; r++) {
            double *row = a + r * n;
            memset(row, 0, (r + 1) * sizeof *row);
            for (size_t c = 0; c <= r; c++)
                for (size_t j = 0; j < t->d; j++) {
                    const double x = t->pool[c * t->d + j] - t->pool[r * t->d + j];
                    row[c] += x * x;
                }
            hg_exact_kernel(row, row, r + 1, t->model.length[i], t->model.matern);
            row[r] += HG_T1_PRIOR_JITTER;
        }
        f->bad[i] = !hg_exact_cholesky(a, n);
    }
}

hg_status hg_t1_prior_factors(double *factor, const hg_t1_tables *t, hg_pool *threads, hg_err *err) {
    bool bad[HG_GRID_MOST] = { false };
    factors f = { t, factor, bad };
    hg_pool_for(threads, hg_t1_lengths(t), 1, factorise, &f);
    for (size_t i = 0; i < hg_t1_lengths(t); i++)
        if (bad[i])
            return hg_fail(err, HG_ENOTPD, "the prior over the pool is not positive definite at length %g",
                           t->model.length[i]);
    return HG_OK;
}

typedef struct {
    const hg_t1_tables *t;
    const double *factor;
    const double *z;                 /* normals: [n_pool], or amplitudes [features] */
    const double *frequency, *shift; /* [d, features] for length 1, [features] */
    double *path;                    /* [lengths, n_pool] */
    double *room;                    /* [workers, 2 features] */
    const double *noise;             /* [n] */
    double *rows;                    /* [thetas, n] f_X + sqrt(eta) e */
    int64_t *table;                  /* [n_pool, thetas] */
} drawing;

static void path_by_factor(void *ctx, size_t begin, size_t end, size_t worker) {
    drawing *d = ctx;
    (void)worker;
    const size_t n = d->t->n_pool;
    for (size_t i = begin; i < end; i++) /* of lengths * n_pool */
        d->path[i] = hg_exact_dot(d->factor + i * n, d->z, i % n + 1);
}

static void path_by_features(void *ctx, size_t begin, size_t end, size_t worker) {
    drawing *d = ctx;
    const hg_t1_tables *t = d->t;
    double *turns = d->room + worker * 2 * HG_T1_FEATURES, *wave = turns + HG_T1_FEATURES;
    for (size_t j = begin; j < end; j++) {
        memset(turns, 0, HG_T1_FEATURES * sizeof *turns);
        for (size_t k = 0; k < t->d; k++)
            hg_exact_axpy(turns, t->pool[j * t->d + k], d->frequency + k * HG_T1_FEATURES, HG_T1_FEATURES);
        for (size_t i = 0; i < hg_t1_lengths(t); i++) {
            hg_exact_cosines(wave, turns, 1 / t->model.length[i], d->shift, HG_T1_FEATURES);
            d->path[i * t->n_pool + j] = sqrt(2.0 / HG_T1_FEATURES) * hg_exact_dot(d->z, wave, HG_T1_FEATURES);
        }
    }
}

/* Stream FREQUENCY holds d normals and, for Matern, 5 more for each feature, feature after feature. */
void hg_t1_frequencies(double *frequency, double *shift, size_t d, bool matern, uint64_t seed, size_t pick,
                       double *room) {
    const size_t each = d + 5;
    hg_exact_normals(room, each * HG_T1_FEATURES, seed, 4 * pick + HG_T1_STREAM_FREQUENCY);
    hg_rng rng = hg_rng_make(seed, 4 * pick + HG_T1_STREAM_SHIFT);
    for (size_t k = 0; k < HG_T1_FEATURES; k++) {
        const double *z = room + k * each;
        double chi = 0;
        for (size_t i = 0; i < 5; i++) chi += z[d + i] * z[d + i];
        const double scale = (matern ? sqrt(5 / chi) : 1) / 6.283185307179586;
        for (size_t j = 0; j < d; j++) frequency[j * HG_T1_FEATURES + k] = scale * z[j];
        shift[k] = hg_rng_uniform(&rng);
    }
}

static hg_status draw_path(drawing *d, uint64_t seed, size_t pick, hg_arena *a, hg_pool *threads, hg_err *err) {
    const hg_t1_tables *t = d->t;
    const size_t lengths = hg_t1_lengths(t), n = t->n_pool;
    const bool exact = n <= HG_T1_EXACT_PRIOR;
    double *z = hg_alloc(a, exact ? n : HG_T1_FEATURES, sizeof *z);
    double *factor = exact && !t->prior ? hg_alloc(a, lengths * n, n * sizeof *factor) : NULL;
    double *frequency = exact ? NULL : hg_alloc(a, t->d, HG_T1_FEATURES * sizeof *frequency);
    double *shift = exact ? NULL : hg_alloc(a, HG_T1_FEATURES, sizeof *shift);
    double *normals = exact ? NULL : hg_alloc(a, t->d + 5, HG_T1_FEATURES * sizeof *normals);
    d->room = exact ? NULL : hg_alloc(a, hg_pool_threads(threads), 2 * HG_T1_FEATURES * sizeof *d->room);
    d->path = hg_alloc(a, lengths, n * sizeof *d->path);
    if (!z || !d->path || (exact ? !t->prior && !factor : !frequency || !shift || !normals || !d->room))
        return hg_fail(err, HG_ENOMEM, "a draw over %zu candidates", n);
    hg_exact_normals(z, exact ? n : HG_T1_FEATURES, seed, 4 * pick + HG_T1_STREAM_PATH);
    d->z = z;
    if (exact) {
        if (factor) HG_TRY(hg_t1_prior_factors(factor, t, threads, err));
        d->factor = factor ? factor : t->prior;
        hg_pool_for(threads, lengths * n, 64, path_by_factor, d);
        return HG_OK;
    }
    hg_t1_frequencies(frequency, shift, t->d, t->model.matern, seed, pick, normals);
    d->frequency = frequency;
    d->shift = shift;
    hg_pool_for(threads, n, 64, path_by_features, d);
    return HG_OK;
}

/* One task a candidate. */
static void condition(void *ctx, size_t begin, size_t end, size_t worker) {
    drawing *d = ctx;
    (void)worker;
    const hg_t1_tables *t = d->t;
    for (size_t j = begin; j < end; j++)
        for (size_t i = 0; i < t->thetas; i++) {
            const int32_t *w = t->weight + (i * t->n_pool + j) * t->n;
            const double x = d->path[hg_t1_length_of(t, i) * t->n_pool + j] -
                             hg_exact_dot_i32(w, d->rows + i * t->n, t->n) / (1 << HG_T1_FRACTION);
            const double cut = x > HG_T1_DRAW_MOST ? HG_T1_DRAW_MOST : x < -HG_T1_DRAW_MOST ? -HG_T1_DRAW_MOST : x;
            d->table[j * t->thetas + i] = (int64_t)hg_exact_round(cut * (1 << HG_T1_FRACTION));
        }
}

hg_status hg_t1_draw(int64_t *table, const hg_t1_tables *t, uint64_t seed, size_t pick, hg_arena *scratch,
                     hg_pool *threads, hg_err *err) {
    const hg_mark mark = hg_arena_mark(scratch);
    drawing d = { .t = t, .table = table };
    double *noise = hg_alloc(scratch, t->n, sizeof *noise);
    d.rows = hg_alloc(scratch, t->thetas, t->n * sizeof *d.rows);
    hg_status st = noise && d.rows ? draw_path(&d, seed, pick, scratch, threads, err)
                                   : hg_fail(err, HG_ENOMEM, "a draw over %zu candidates", t->n_pool);
    if (st == HG_OK) {
        hg_exact_normals(noise, t->n, seed, 4 * pick + HG_T1_STREAM_NOISE);
        for (size_t i = 0; i < t->thetas; i++)
            for (size_t r = 0; r < t->n; r++)
                d.rows[i * t->n + r] =
                    d.path[hg_t1_length_of(t, i) * t->n_pool + t->measured[r]] + sqrt(t->noise_ratio[i]) * noise[r];
        hg_pool_for(threads, t->n_pool, 64, condition, &d);
    }
    hg_arena_reset(scratch, mark);
    return st;
}
