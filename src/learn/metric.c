/* learn/metric.c -- see learn/metric.h */
#include "learn/metric.h"
#include "core/memory.h"
#include <math.h>
#include <stdlib.h>

static const hg_score NOTHING = { .mae = NAN,
                                  .rmse = NAN,
                                  .auc = NAN,
                                  .brier = NAN,
                                  .log_loss = NAN,
                                  .accuracy = NAN,
                                  .coverage90 = NAN,
                                  .width90 = NAN };

double hg_score_loss(const hg_score *s) { return isnan(s->mae) ? s->brier : s->mae; }

hg_score hg_score_values(const double *value, const double *y, size_t n) {
    hg_score s = NOTHING;
    double absolute = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = value[i] - y[i];
        absolute += fabs(e);
        square += e * e;
    }
    s.n = n;
    s.mae = n ? absolute / (double)n : (double)NAN;
    s.rmse = n ? sqrt(square / (double)n) : (double)NAN;
    return s;
}

typedef struct {
    double p;
    bool one;
} ranked;

static int by_p(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    return (x->p > y->p) - (x->p < y->p);
}

/* Ranks of equal ones are their mean: sum of ranks of the ones, less the least it can be, by the number of pairs. */
static double area(ranked *r, size_t n) {
    qsort(r, n, sizeof *r, by_p);
    double sum = 0, ones = 0;
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && r[j].p == r[i].p; j++) {}
        const double rank = 0.5 * (double)(i + 1 + j);
        for (size_t k = i; k < j; k++)
            if (r[k].one) sum += rank, ones++;
    }
    const double zeros = (double)n - ones;
    return ones > 0 && zeros > 0 ? (sum - ones * (ones + 1) / 2) / (ones * zeros) : (double)NAN;
}

double hg_brier(const double *p, size_t y, size_t classes) {
    double sum = 0;
    for (size_t c = 0; c < classes; c++) sum += (p[c] - (c == y)) * (p[c] - (c == y));
    return sum;
}

hg_status hg_score_classes(hg_score *out, const double *probability, const double *y, size_t n, size_t classes,
                           hg_err *err) {
    hg_score s = NOTHING;
    ranked *r = hg_malloc(n, sizeof *r);
    *out = NOTHING;
    if (!r) return hg_fail(err, HG_ENOMEM, "no memory to rank %zu rows", n);
    double auc = 0, brier = 0, loss = 0, right = 0;
    const size_t first = classes == 2 ? 1 : 0; /* the one of two classes says all of the other */
    for (size_t c = first; c < classes; c++) {
        for (size_t i = 0; i < n; i++) r[i] = (ranked) { probability[i * classes + c], (size_t)y[i] == c };
        auc += area(r, n) / (double)(classes - first);
    }
    hg_free(r);
    for (size_t i = 0; i < n; i++) {
        const double *p = probability + i * classes;
        size_t most = 0;
        for (size_t c = 1; c < classes; c++)
            if (p[c] > p[most]) most = c;
        brier += hg_brier(p, (size_t)y[i], classes);
        right += most == (size_t)y[i];
        loss -= log(fmax(p[(size_t)y[i]], 1e-12));
    }
    s.n = n;
    s.auc = auc;
    s.brier = n ? brier / (double)n : (double)NAN;
    s.log_loss = n ? loss / (double)n : (double)NAN;
    s.accuracy = n ? right / (double)n : (double)NAN;
    *out = s;
    return HG_OK;
}
