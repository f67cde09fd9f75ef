/* learn/scaling.c -- see learn/scaling.h */
#include "learn/scaling.h"
#include "core/memory.h"
#include "learn/rows_kernel.h"
#include <math.h>
#include <string.h>

static const double SQUASH = 2; /* what is drawn in stays below it */

static hg_status make(hg_scaling *s, size_t d, hg_err *err) {
    *s = (hg_scaling) { .d = d };
    s->mean = hg_calloc(d, sizeof *s->mean);
    s->inverse = hg_calloc(d, sizeof *s->inverse);
    if (s->mean && s->inverse) return HG_OK;
    hg_scaling_free(s);
    return hg_fail(err, HG_ENOMEM, "no memory for the scales of %zu columns", d);
}

void hg_scaling_free(hg_scaling *s) {
    hg_free(s->mean);
    hg_free(s->inverse);
    *s = (hg_scaling) { 0 };
}

hg_status hg_scaling_copy(hg_scaling *to, const hg_scaling *s, hg_err *err) {
    HG_TRY(make(to, s->d, err));
    memcpy(to->mean, s->mean, s->d * sizeof *s->mean);
    memcpy(to->inverse, s->inverse, s->d * sizeof *s->inverse);
    return HG_OK;
}

hg_status hg_scaling_fit(hg_scaling *s, const hg_rows *rows, hg_err *err) {
    const size_t n = rows->n, d = rows->d;
    HG_TRY(make(s, d, err));
    for (size_t i = 0; i < n; i++) /* row by row: the order in which they lie */
        for (size_t j = 0; j < d; j++) s->mean[j] += (double)rows->x[i * d + j];
    for (size_t j = 0; j < d; j++) s->mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double z = (double)rows->x[i * d + j] - s->mean[j];
            s->inverse[j] += z * z;
        }
    for (size_t j = 0; j < d; j++) { /* what rounding alone makes of a constant is a constant */
        const double sd = sqrt(s->inverse[j] / (double)n);
        s->inverse[j] = sd > 1e-6 * fabs(s->mean[j]) && sd > 0 && isfinite(1 / sd) ? 1 / sd : 0;
    }
    return HG_OK;
}

void hg_scaling_apply(double *out, const hg_scaling *s, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        hg_rows_scale_doubles(out + i * s->d, s->mean, s->inverse, HG_SCALED_MOST, x + i * s->d, s->d);
}

void hg_scaling_apply_floats(float *out, const hg_scaling *s, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        hg_rows_scale_floats(out + i * s->d, s->mean, s->inverse, HG_SCALED_MOST, x + i * s->d, s->d);
}

void hg_scaling_squash(float *out, const hg_scaling *s, const float *x, size_t n) {
    hg_scaling_apply_floats(out, s, x, n);
    hg_rows_squash(out, SQUASH, n * s->d);
}

hg_status hg_scaling_save(const hg_scaling *s, hg_shelf *to, hg_err *err) {
    HG_TRY(hg_shelf_doubles(to, "mean", s->mean, s->d, err));
    return hg_shelf_doubles(to, "inverse", s->inverse, s->d, err);
}

hg_status hg_scaling_load(hg_scaling *s, const hg_shelf_view *from, size_t d, hg_err *err) {
    HG_TRY(make(s, d, err));
    hg_status st = hg_shelf_get_doubles(s->mean, from, "mean", d, err);
    if (st == HG_OK) st = hg_shelf_get_doubles(s->inverse, from, "inverse", d, err);
    if (st != HG_OK) hg_scaling_free(s);
    return st;
}
