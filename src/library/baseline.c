/* library/baseline.c -- see library/baseline.h */
#include "library/baseline.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum { E = HG_BASELINE_ELEMENTS };
static const double RIDGE = 1e-9;

static void count(double x[E], const hg_molecule *m) {
    memset(x, 0, E * sizeof *x);
    for (size_t i = 0; i < m->n; i++) x[m->z[i] - 1]++;
}

void hg_baseline_add(hg_baseline *b, const hg_molecule *m, double value) {
    double x[E];
    count(x, m);
    for (size_t i = 0; i < E; i++) {
        if (x[i] == 0) continue;
        for (size_t j = 0; j < E; j++) b->a[i][j] += x[i] * x[j];
        b->b[i] += x[i] * value;
    }
    b->square += value * value;
    b->least = b->n && b->least < m->n ? b->least : m->n;
    b->most = b->most > m->n ? b->most : m->n;
    b->n++;
}

hg_status hg_baseline_fit(hg_baseline *b, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    double l[E * E], x[E];
    size_t seen[E], n = 0;
    if (b->n == 0) return hg_fail(err, HG_EDATA, "no molecules to fit the baseline to");
    for (size_t i = 0; i < E; i++) {
        b->c[i] = (double)NAN;
        if (b->a[i][i] > 0) seen[n++] = i;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) l[i * n + j] = b->a[seen[i]][seen[j]];
        l[i * n + i] *= 1 + RIDGE;
        x[i] = b->b[seen[i]];
    }
    if (hg_chol(l, n) != 0) return hg_fail(err, HG_ENOTPD, "the baseline's equations cannot be solved");
    hg_chol_lsolve(l, n, x);
    hg_chol_ltsolve(l, n, x);
    double left = b->square; /* y'y - 2 c'X'y + c'X'Xc */
    for (size_t i = 0; i < n; i++) {
        b->c[seen[i]] = x[i];
        left -= 2 * x[i] * b->b[seen[i]];
        for (size_t j = 0; j < n; j++) left += x[i] * b->a[seen[i]][seen[j]] * x[j];
    }
    b->sd = sqrt(fmax(left, 0) / (double)b->n);
    return HG_OK;
}

hg_status hg_baseline_predict(hg_estimate *out, const hg_baseline *b, const hg_molecule *m, hg_err *err) {
    double sum = 0;
    *out = (hg_estimate) { (double)NAN, (double)NAN };
    for (size_t i = 0; i < m->n; i++) {
        const double c = b->c[m->z[i] - 1];
        if (!isfinite(c))
            return hg_fail(err, HG_ENOTFOUND, "the baseline has seen no molecule with %s", hg_element_symbol(m->z[i]));
        sum += c;
    }
    *out = (hg_estimate) { sum, b->sd };
    return HG_OK;
}
