/* models/linear.c -- see models/linear.h */
#include "models/linear.h"
#include "core/memory.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum { SQUARE = 256 /* of the normal matrix, a task */ };

hg_status hg_linear_make(hg_linear *l, size_t columns, size_t n_draws, hg_err *err) {
    *l = (hg_linear) { .columns = columns, .n_draws = n_draws };
    l->w = hg_calloc(columns, sizeof *l->w);
    l->draws = hg_calloc(n_draws * columns, sizeof *l->draws);
    if (l->w && l->draws) return HG_OK;
    hg_linear_free(l);
    return hg_fail(err, HG_ENOMEM, "no memory for %zu weights and %zu draws of them", columns, n_draws);
}

void hg_linear_free(hg_linear *l) {
    hg_free(l->w);
    hg_free(l->draws);
    *l = (hg_linear) { 0 };
}

double hg_linear_value(const hg_linear *l, const double *x) {
    double sum = 0;
    for (size_t i = 0; i < l->columns; i++) sum += l->w[i] * x[i];
    return sum;
}

double hg_linear_spread(const hg_linear *l, const double *x, size_t rows) {
    double sum = 0;
    for (size_t d = 0; d < l->n_draws; d++) {
        const float *draw = l->draws + d * l->columns;
        for (size_t r = 0; r < rows; r++) {
            double dot = 0;
            for (size_t i = 0; i < l->columns; i++) dot += (double)draw[i] * x[r * l->columns + i];
            sum += dot * dot;
        }
    }
    return l->n_draws ? sqrt(sum / (double)(l->n_draws * rows)) : (double)NAN;
}

double hg_linear_sd(const hg_linear *l, double spread) {
    return sqrt(l->noise * l->noise + l->factor * l->factor * spread * spread);
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *a;
    const double *x;
    size_t n, rows, blocks;
} squares;

/* Pairs of column blocks i >= j, counted row by row. */
static void square_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const squares *s = ctx;
    (void)worker;
    for (size_t k = begin; k < end; k++) {
        size_t i = 0, before = 0;
        while (before + i + 1 <= k) before += ++i;
        const size_t r = i * SQUARE, c = (k - before) * SQUARE, N = s->n;
        const size_t rows = N - r < SQUARE ? N - r : SQUARE, cols = N - c < SQUARE ? N - c : SQUARE;
        hg_gemm(s->a + r * N + c, N, s->x + r, N, true, s->x + c, N, false, rows, cols, s->rows, 1, 1);
    }
}

void hg_normal_add(double *a, size_t n, const double *x, size_t rows, hg_pool *pool) {
    squares s = { a, x, n, rows, (n + SQUARE - 1) / SQUARE };
    hg_pool_for(pool, s.blocks * (s.blocks + 1) / 2, 1, square_task, &s);
}

hg_status hg_normal_solve(double *a, double *b, size_t n, double ridge, hg_pool *pool, hg_err *err) {
    for (size_t i = 0; i < n; i++) a[i * n + i] += ridge;
    if (hg_chol_blocked(a, n, pool) != 0)
        return hg_fail(err, HG_ENOTPD, "the normal matrix is not positive definite; a larger ridge helps");
    hg_chol_lsolve(a, n, b);
    hg_chol_ltsolve(a, n, b);
    return HG_OK;
}

void hg_linear_take(hg_linear *l, const double *a, const double *b, const size_t *used, size_t n, const double *scale,
                    double unit, uint64_t seed, double *work) {
    memset(l->w, 0, l->columns * sizeof *l->w);
    for (size_t k = 0; k < n; k++) {
        const size_t j = used ? used[k] : k;
        l->w[j] = unit * scale[j] * b[k];
    }
    for (size_t d = 0; d < l->n_draws; d++) { /* what no row has shown keeps its prior */
        float *draw = l->draws + d * l->columns;
        hg_rng r = hg_rng_make(seed, d);
        for (size_t j = 0; j < l->columns; j++) draw[j] = (float)(unit * scale[j] * hg_rng_normal(&r));
        for (size_t k = 0; k < n; k++) work[k] = hg_rng_normal(&r);
        hg_chol_ltsolve(a, n, work);
        for (size_t k = 0; k < n; k++) {
            const size_t j = used ? used[k] : k;
            draw[j] = (float)(unit * scale[j] * work[k]);
        }
    }
}

void hg_linear_bars(hg_linear *l, const double *residual, const double *spread, size_t n) {
    double best = INFINITY, mean = 0, mean_spread = 0;
    for (size_t i = 0; i < n; i++)
        mean += residual[i] * residual[i] / (double)n, mean_spread += spread[i] * spread[i] / (double)n;
    for (int a = 0; a <= 40; a++)
        for (int b = 0; b <= 60; b++) {
            const double noise2 = mean * (a / 40.0),
                         factor2 = mean_spread > 0 ? mean / mean_spread * pow(2, (b - 30) / 5.0) : 0;
            double nll = 0;
            for (size_t i = 0; i < n; i++) {
                const double v = noise2 + factor2 * spread[i] * spread[i] + 1e-300;
                nll += log(v) + residual[i] * residual[i] / v;
            }
            if (nll >= best) continue;
            best = nll;
            l->noise = sqrt(noise2);
            l->factor = sqrt(factor2);
        }
}
