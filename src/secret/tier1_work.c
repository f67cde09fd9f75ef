/* secret/tier1_work.c -- see secret/tier1_work.h */
#include "secret/tier1_work.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

static size_t thetas(const hg_t1_work *w) { return w->n_lengths * w->n_noises; }

void hg_t1_work_free(hg_t1_work *w) {
    if (!w) return;
    for (size_t i = 0; w->theta && i < thetas(w); i++) {
        hg_free(w->theta[i].inverse);
        hg_free(w->theta[i].v);
        hg_free(w->theta[i].u);
    }
    for (size_t i = 0; w->block && i < thetas(w) * w->n_blocks; i++) hg_free(w->block[i].w);
    hg_free(w->theta);
    hg_free(w->block);
    hg_free(w->measured);
    hg_free(w->columns);
    hg_free(w);
}

hg_status hg_t1_work_new(hg_t1_work **out, const double *pool, size_t n_pool, size_t d, const double *length,
                         size_t n_lengths, const double *noise, size_t n_noises, bool matern, hg_err *err) {
    *out = NULL;
    hg_t1_work *w = hg_calloc(1, sizeof *w);
    if (!w) return hg_fail(err, HG_ENOMEM, "tables of %zu candidates", n_pool);
    *w = (hg_t1_work) { .matern = matern,
                        .n_pool = n_pool,
                        .padded = (n_pool + HG_LANES - 1) / HG_LANES * HG_LANES,
                        .d = d,
                        .n_lengths = n_lengths,
                        .n_noises = n_noises };
    w->n_blocks = w->padded / HG_LANES;
    memcpy(w->length, length, n_lengths * sizeof *length);
    memcpy(w->noise, noise, n_noises * sizeof *noise);
    w->columns = hg_calloc(w->padded, d * sizeof *w->columns);
    w->theta = hg_calloc(thetas(w), sizeof *w->theta);
    w->block = hg_calloc(thetas(w) * w->n_blocks, sizeof *w->block);
    if (!w->columns || !w->theta || !w->block) {
        hg_t1_work_free(w);
        return hg_fail(err, HG_ENOMEM, "tables of %zu candidates", n_pool);
    }
    for (size_t i = 0; i < n_pool; i++)
        for (size_t j = 0; j < d; j++) w->columns[j * w->padded + i] = pool[i * d + j];
    *out = w;
    return HG_OK;
}

/* ---- room for more rows -------------------------------------------------------------------------------------------------- */

static bool grow(double **p, size_t old, size_t now) {
    double *q = hg_realloc(*p, now, sizeof *q);
    if (!q) return false;
    memset(q + old, 0, (now - old) * sizeof *q);
    *p = q;
    return true;
}

/* Lanes are read as whole vectors: on a cache line's border. */
static bool grow_aligned(double **p, size_t old, size_t now) {
    double *q = hg_aligned(now * sizeof *q);
    if (!q) return false;
    if (old) memcpy(q, *p, old * sizeof *q);
    memset(q + old, 0, (now - old) * sizeof *q);
    hg_free(*p);
    *p = q;
    return true;
}

static hg_status reserve(hg_t1_work *w, size_t rows, hg_err *err) {
    if (rows <= w->cap) return HG_OK;
    const size_t old = w->cap, cap = rows + rows / 16 + 8;
    size_t *measured = hg_realloc(w->measured, cap, sizeof *measured);
    bool ok = measured != NULL;
    if (ok) w->measured = measured;
    for (size_t i = 0; ok && i < thetas(w); i++) {
        hg_t1_theta *t = &w->theta[i];
        ok = grow(&t->inverse, hg_t1_row(old), hg_t1_row(cap)) && grow(&t->v, old, cap) && grow(&t->u, old, cap);
    }
    for (size_t i = 0; ok && i < thetas(w) * w->n_blocks; i++)
        ok = grow_aligned(&w->block[i].w, old * HG_LANES, cap * HG_LANES);
    if (!ok) return hg_fail(err, HG_ENOMEM, "tables of %zu candidates and %zu rows", w->n_pool, rows);
    w->cap = cap;
    return HG_OK;
}

/* ---- appending ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    hg_t1_work *w;
    size_t first, rows; /* rows first .. rows-1 are new */
    size_t offset;      /* of the tasks of append_blocks */
    double *point;      /* [rows, d] features of the rows, then the same by columns [d, rows] */
    double *between;    /* [n_lengths, rows - first, rows] correlations of new rows with all before them */
    double *scratch;    /* [workers, ...] */
    size_t scratch_n;
    bool *bad; /* [thetas] */
} append;

static const double *correlations(const append *a, size_t length, size_t row) {
    return a->between + (length * (a->rows - a->first) + (row - a->first)) * a->rows;
}

/* One task a new row. */
static void correlate(void *ctx, size_t begin, size_t end, size_t worker) {
    append *a = ctx;
    const hg_t1_work *w = a->w;
    double *r2 = a->scratch + worker * a->scratch_n;
    const double *columns = a->point + a->rows * w->d;
    for (size_t i = begin; i < end; i++) {
        const size_t row = a->first + i;
        hg_exact_distances(r2, columns, a->rows, row, a->point + row * w->d, w->d);
        for (size_t length = 0; length < w->n_lengths; length++) {
            double *k = a->between + (length * (a->rows - a->first) + i) * a->rows;
            hg_exact_kernel(k, r2, row, w->length[length], w->matern);
        }
    }
}

static bool append_row(hg_t1_theta *t, const double *k, size_t i, double eta, double *l) {
    double *row = t->inverse + hg_t1_row(i); /* zeros, from reserve */
    for (size_t r = 0; r < i; r++) {
        const double *before = t->inverse + hg_t1_row(r);
        l[r] = hg_exact_dot(before, k, r + 1);
        hg_exact_axpy(row, l[r], before, r + 1);
    }
    const double pivot = (1 + eta) - hg_exact_dot(l, l, i);
    if (!(pivot > 0)) return false;
    const double diagonal = sqrt(pivot);
    for (size_t r = 0; r < i; r++) row[r] = -(row[r] / diagonal);
    row[i] = 1 / diagonal;
    t->v[i] = (1 - hg_exact_dot(l, t->v, i)) / diagonal;
    hg_exact_axpy(t->u, t->v[i], row, i + 1);
    t->vv += t->v[i] * t->v[i];
    t->logs += hg_exact_log(diagonal);
    return true;
}

/* One task a theta. */
static void append_rows(void *ctx, size_t begin, size_t end, size_t worker) {
    append *a = ctx;
    hg_t1_work *w = a->w;
    for (size_t theta = begin; theta < end; theta++)
        for (size_t i = a->first; i < a->rows && !a->bad[theta]; i++)
            a->bad[theta] = !append_row(&w->theta[theta], correlations(a, theta / w->n_noises, i), i,
                                        w->noise[theta % w->n_noises], a->scratch + worker * a->scratch_n);
}

/* cross [new rows, HG_LANES]: correlations of a block's candidates with the new rows. */
static void append_to_block(const append *a, size_t theta, size_t block, const double *cross) {
    const hg_t1_work *w = a->w;
    const hg_t1_theta *t = &w->theta[theta];
    hg_t1_block *b = &w->block[theta * w->n_blocks + block];
    const size_t length = theta / w->n_noises;
    double sum[HG_LANES], gain[HG_LANES];
    hg_exact_block_dot(sum, correlations(a, length, a->first), b->w, a->first);
    for (size_t i = a->first; i < a->rows; i++) {
        const double *row = t->inverse + hg_t1_row(i), *k = cross + (i - a->first) * HG_LANES;
        for (size_t j = 0; j < HG_LANES; j++) {
            gain[j] = (k[j] - sum[j]) * row[i]; /* row[i] = 1 / L_ii */
            b->aa[j] += gain[j] * gain[j];
            b->av[j] += gain[j] * t->v[i];
        }
        hg_exact_block_step(b->w, row, gain, sum, i + 1 < a->rows ? correlations(a, length, i + 1) : NULL, i + 1);
    }
}

/* One task a (length, block). */
static void append_blocks(void *ctx, size_t begin, size_t end, size_t worker) {
    const append *a = ctx;
    const hg_t1_work *w = a->w;
    double *cross = a->scratch + worker * a->scratch_n;
    for (size_t i = begin; i < end; i++) {
        const size_t length = (a->offset + i) / w->n_blocks, block = (a->offset + i) % w->n_blocks;
        for (size_t row = a->first; row < a->rows; row++) {
            double *k = cross + (row - a->first) * HG_LANES;
            hg_exact_distances(k, w->columns + block * HG_LANES, w->padded, HG_LANES, a->point + row * w->d, w->d);
            hg_exact_kernel(k, k, HG_LANES, w->length[length], w->matern);
        }
        for (size_t noise = 0; noise < w->n_noises; noise++)
            append_to_block(a, length * w->n_noises + noise, block, cross);
    }
}

static hg_status append_all(append *a, hg_pool *threads, const hg_hooks *hooks, hg_err *err) {
    hg_t1_work *w = a->w;
    const size_t tasks = w->n_lengths * w->n_blocks, slice = tasks / 16 + 1;
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < w->d; j++)
            a->point[i * w->d + j] = a->point[a->rows * w->d + j * a->rows + i] =
                w->columns[j * w->padded + w->measured[i]];
    hg_pool_for(threads, a->rows - a->first, 8, correlate, a);
    hg_pool_for(threads, thetas(w), 1, append_rows, a);
    for (size_t i = 0; i < thetas(w); i++)
        if (a->bad[i])
            return hg_fail(err, HG_ENOTPD, "the correlations of %zu rows are not positive definite at noise %g",
                           a->rows, w->noise[i % w->n_noises]);
    for (; a->offset < tasks; a->offset += slice) { /* slices: progress is for the caller's thread */
        if (!hg_progress(hooks, "building tables", a->offset, tasks)) return hg_fail(err, HG_ECANCEL, "stopped");
        hg_pool_for(threads, tasks - a->offset < slice ? tasks - a->offset : slice, 1, append_blocks, a);
    }
    return HG_OK;
}

hg_status hg_t1_work_append(hg_t1_work *w, const size_t *measured, size_t k, hg_pool *threads, const hg_hooks *hooks,
                            hg_err *err) {
    if (k == 0) return HG_OK;
    append a = { .w = w, .first = w->rows, .rows = w->rows + k };
    HG_TRY(reserve(w, a.rows, err));
    memcpy(w->measured + w->rows, measured, k * sizeof *measured);
    a.scratch_n = (a.rows > k * HG_LANES ? a.rows : k * HG_LANES) + HG_LANES;
    a.point = hg_calloc(2 * a.rows, w->d * sizeof *a.point);
    a.between = hg_calloc(w->n_lengths * k, a.rows * sizeof *a.between);
    a.scratch = hg_calloc(hg_pool_threads(threads), a.scratch_n * sizeof *a.scratch);
    a.bad = hg_calloc(thetas(w), sizeof *a.bad);
    hg_status st = HG_OK;
    if (!a.point || !a.between || !a.scratch || !a.bad)
        st = hg_fail(err, HG_ENOMEM, "tables of %zu candidates and %zu rows", w->n_pool, a.rows);
    if (st == HG_OK) st = append_all(&a, threads, hooks, err);
    if (st == HG_OK) w->rows = a.rows;
    hg_free(a.point);
    hg_free(a.between);
    hg_free(a.scratch);
    hg_free(a.bad);
    return st;
}

size_t hg_t1_work_bytes(const hg_t1_work *w) {
    if (!w) return 0;
    const size_t each = (hg_t1_row(w->cap) + 2 * w->cap) * sizeof(double) + sizeof(hg_t1_theta) +
                        w->n_blocks * (w->cap * HG_LANES * sizeof(double) + sizeof(hg_t1_block));
    return sizeof *w + thetas(w) * each + w->padded * w->d * sizeof(double) + w->cap * sizeof(size_t);
}
