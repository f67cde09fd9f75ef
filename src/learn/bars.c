/* learn/bars.c -- see learn/bars.h */
#include "learn/bars.h"
#include "core/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 8 /* of a proportion */, PARTS = 5, NONE = PARTS, FEW = 100 /* rows */ };
static const double FLOOR = 0.2; /* of a step: what the constant has at least */

static double sign_of(const hg_signs *s, size_t k) { return s->sign[k] > 0 ? s->sign[k] : 0; } /* false for NaN */

static double width(const double part[HG_SIGNS + 1], const hg_signs *s) {
    double w = part[0];
    for (size_t k = 0; k < HG_SIGNS; k++) w += part[k + 1] * sign_of(s, k);
    return w;
}

/* Is row i among those that choose? Left out is one part in turn; NONE: no part. */
static bool chooses(size_t i, size_t left) { return i % PARTS != left; }

/* Laplace: residual ~ exp(-|r| / (scale width)) / (2 scale width). The best scale is the mean of |r| / width. */
static double likelihood(double *scale, const double part[HG_SIGNS + 1], const double *r, const hg_signs *s, size_t n,
                         size_t left) {
    double sum = 0, logs = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!chooses(i, left)) continue;
        const double w = width(part, &s[i]);
        sum += fabs(r[i]) / w;
        logs += log(w);
        count++;
    }
    *scale = sum / count;
    return -count * log(fmax(*scale, 1e-300)) - logs;
}

/* Proportions of the four in steps, the constant never without a share: a width of 0 would make any error infinitely bad. */
static void choose_parts(double out[HG_SIGNS + 1], double *out_scale, const double *r, const hg_signs *s, size_t n,
                         size_t left) {
    double mean[HG_SIGNS] = { 0 }, best = -INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < HG_SIGNS; k++) mean[k] += sign_of(&s[i], k) / (double)n;
    for (int c = 0; c <= STEPS; c++)
        for (int i = 0; i <= STEPS - c; i++)
            for (int j = 0; j <= STEPS - c - i; j++) {
                const int share[HG_SIGNS + 1] = { c, i, j, STEPS - c - i - j };
                double part[HG_SIGNS + 1] = { fmax(c, FLOOR) / STEPS }, scale;
                bool there = true;
                for (size_t k = 0; k < HG_SIGNS; k++) {
                    there &= share[k + 1] == 0 || mean[k] > 0;
                    part[k + 1] = mean[k] > 0 ? share[k + 1] / (STEPS * mean[k]) : 0;
                }
                if (!there) continue;
                const double l = likelihood(&scale, part, r, s, n, left);
                if (!(l > best)) continue;
                best = l;
                *out_scale = fmax(scale, 1e-300);
                memcpy(out, part, sizeof part);
            }
}

/* Of few rows each has a say in the proportions, and looks better under them than a new row will: a part is scored by those that the others
 * choose. The scale is the same for all. */
static void score_rows(double *score, const hg_bars *b, double scale, const double *r, const hg_signs *s, size_t n) {
    double part[HG_SIGNS + 1] = { 1 }, own;
    if (n > FEW || n <= PARTS) {
        for (size_t i = 0; i < n; i++) score[i] = fabs(r[i]) / width(b->part, &s[i]);
        return;
    }
    for (size_t left = 0; left < PARTS; left++) {
        choose_parts(part, &own, r, s, n, left);
        for (size_t i = left; i < n; i += PARTS) score[i] = fabs(r[i]) / (scale * width(part, &s[i]));
    }
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

hg_status hg_bars_fit(hg_bars *b, const double *residual, const hg_signs *signs, size_t n, hg_err *err) {
    memset(b, 0, sizeof *b);
    double *score = hg_malloc(n, sizeof *score);
    if (!score) return hg_fail(err, HG_ENOMEM, "no memory for %zu residuals", n);
    double scale = 1e-300;
    choose_parts(b->part, &scale, residual, signs, n, NONE);
    for (size_t k = 0; k <= HG_SIGNS; k++) b->part[k] *= scale;
    score_rows(score, b, scale, residual, signs, n);
    qsort(score, n, sizeof *score, by_value);
    b->n = n < HG_BAR_SCORES ? n : HG_BAR_SCORES;
    for (size_t k = 0; k < b->n; k++) { /* rank (k + 1) (n + 1) / (kept + 1), rounded up: not below what was promised */
        const double rank = ceil((double)(k + 1) * (double)(n + 1) / (double)(b->n + 1) - 1e-9);
        b->score[k] = score[rank < (double)n ? (size_t)rank - 1 : n - 1];
    }
    hg_free(score);
    return HG_OK;
}

double hg_bars_half(const hg_bars *b, const hg_signs *signs, double level) {
    if (!b->n) return (double)NAN;
    const double rank = ceil(level * (double)(b->n + 1) - 1e-9);
    const size_t at = rank < 1 ? 0 : rank > (double)b->n ? b->n - 1 : (size_t)rank - 1;
    return b->score[at] * width(b->part, signs);
}

double hg_bars_likelihood(const hg_bars *b, double residual, const hg_signs *signs) {
    const double w = fmax(width(b->part, signs), 1e-300);
    return -fabs(residual) / w - log(2 * w);
}

hg_status hg_bars_save(const hg_bars *b, hg_shelf *to, hg_err *err) {
    HG_TRY(hg_shelf_doubles(to, "part", b->part, HG_SIGNS + 1, err));
    return hg_shelf_doubles(to, "score", b->score, b->n, err);
}

hg_status hg_bars_load(hg_bars *b, const hg_shelf_view *from, hg_err *err) {
    const size_t any = HG_SHELF_ANY;
    const hg_stored *t;
    memset(b, 0, sizeof *b);
    HG_TRY(hg_shelf_get_doubles(b->part, from, "part", HG_SIGNS + 1, err));
    HG_TRY(hg_shelf_get(&t, from, "score", HG_STORED_F64, &any, 1, err));
    bool good = t->count <= HG_BAR_SCORES;
    for (size_t k = 0; good && k <= HG_SIGNS; k++) good = b->part[k] >= 0;
    if (!good) return hg_fail(err, HG_EDATA, "%s: intervals that no training has made", from->source);
    b->n = t->count;
    if (b->n) memcpy(b->score, t->data, b->n * sizeof *b->score);
    return HG_OK;
}
