/* library/quality.c -- see library/quality.h */
#include "library/quality.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

static const double NORMAL_90 = 1.6448536269514722; /* of a normal distribution 90 % lie within so many sd */

void hg_quality_add(hg_quality *q, const hg_estimate *e, bool outside, double known) {
    if (!isfinite(known)) return;
    if (!isfinite(e->value)) {
        q->failed++;
        return;
    }
    const double error = e->value - known;
    q->n++;
    q->outside += outside;
    q->error += error;
    q->absolute += fabs(error);
    q->squared += error * error;
    q->largest = fmax(q->largest, fabs(error));
    if (!isfinite(e->sd)) return;
    q->barred++;
    q->inside += fabs(error) <= NORMAL_90 * e->sd;
}

static double mean(double sum, size_t n) { return n ? sum / (double)n : (double)NAN; }

double hg_quality_mae(const hg_quality *q) { return mean(q->absolute, q->n); }
double hg_quality_rmse(const hg_quality *q) { return sqrt(mean(q->squared, q->n)); }
double hg_quality_bias(const hg_quality *q) { return mean(q->error, q->n); }
double hg_quality_largest(const hg_quality *q) { return q->n ? q->largest : (double)NAN; }
double hg_quality_coverage(const hg_quality *q) { return mean((double)q->inside, q->barred); }

double hg_quality_mae_sd(const hg_quality *q) {
    if (q->n < 2) return (double)NAN;
    const double n = (double)q->n, m = q->absolute / n, variance = (q->squared - n * m * m) / (n - 1);
    return sqrt(fmax(variance, 0) / n);
}

/* ---- by a key ---------------------------------------------------------------------------------------------------- */

static hg_status grow(hg_quality_table *t, hg_err *err) {
    if (t->rows < t->cap) return HG_OK;
    const size_t cap = t->cap ? 2 * t->cap : 32;
    size_t *key = hg_calloc(cap, sizeof *key);
    hg_quality *q = hg_calloc(cap, t->columns * sizeof *q);
    if (!key || !q) {
        hg_free(key);
        hg_free(q);
        return hg_fail(err, HG_ENOMEM, "no memory for %zu sizes of molecules", cap);
    }
    if (t->rows) {
        memcpy(key, t->key, t->rows * sizeof *key);
        memcpy(q, t->q, t->rows * t->columns * sizeof *q);
    }
    hg_free(t->key);
    hg_free(t->q);
    t->key = key, t->q = q, t->cap = cap;
    return HG_OK;
}

hg_status hg_quality_row(hg_quality **row, hg_quality_table *t, size_t key, hg_err *err) {
    size_t i = t->rows;
    while (i > 0 && t->key[i - 1] >= key) i--;
    if (i == t->rows || t->key[i] != key) {
        HG_TRY(grow(t, err));
        memmove(t->key + i + 1, t->key + i, (t->rows - i) * sizeof *t->key);
        memmove(t->q + (i + 1) * t->columns, t->q + i * t->columns, (t->rows - i) * t->columns * sizeof *t->q);
        memset(t->q + i * t->columns, 0, t->columns * sizeof *t->q);
        t->key[i] = key;
        t->rows++;
    }
    *row = t->q + i * t->columns;
    return HG_OK;
}

void hg_quality_table_free(hg_quality_table *t) {
    hg_free(t->key);
    hg_free(t->q);
    *t = (hg_quality_table) { .columns = t->columns };
}
