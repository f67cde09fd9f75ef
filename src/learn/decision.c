/* learn/decision.c -- see learn/decision.h */
#include "learn/decision.h"
#include "core/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t most_frequent(const double *y, size_t n, size_t classes) {
    size_t best = 0, most = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) count += (size_t)y[i] == c;
        if (count > most) most = count, best = c;
    }
    return best;
}

hg_status hg_decision_fit(hg_decision *d, const double *probability, const double *y, size_t n, size_t classes,
                          double alarms, hg_err *err) {
    *d = (hg_decision) { 0 };
    if (!(alarms > 0 && alarms < 1))
        return hg_fail(err, HG_EINVAL, "false alarms of %g of the rows, expected a share between 0 and 1", alarms);
    double *p = hg_malloc(n, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for %zu probabilities", n);
    const size_t rule = most_frequent(y, n, classes);
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        if ((size_t)y[i] == rule) p[rows++] = probability[i * classes + rule];
    qsort(p, rows, sizeof *p, by_value);
    /* below the bound are `allowed` rows at most; 1e-9: a share that was meant to be a whole number of rows is one */
    const size_t allowed = (size_t)(alarms * (double)rows + 1e-9);
    *d = (hg_decision) { .bounded = true, .rule = rule, .bound = p[allowed < rows ? allowed : rows - 1] };
    hg_free(p);
    return HG_OK;
}

size_t hg_decision_take(const hg_decision *d, const double *probability, size_t classes) {
    if (d->bounded && probability[d->rule] >= d->bound) return d->rule;
    size_t most = d->bounded && d->rule == 0;
    for (size_t c = most + 1; c < classes; c++)
        if (probability[c] > probability[most] && !(d->bounded && c == d->rule)) most = c;
    return most;
}

void hg_decision_score(hg_class_score *s, const hg_decision *d, const double *probability, const double *y, size_t n,
                       size_t classes) {
    memset(s, 0, classes * sizeof *s);
    for (size_t i = 0; i < n; i++) {
        const size_t said = hg_decision_take(d, probability + i * classes, classes), is = (size_t)y[i];
        s[is].n++;
        s[said].said++;
        s[said].right += said == is;
    }
}

hg_status hg_decision_save(const hg_decision *d, hg_shelf *to, hg_err *err) {
    const double x[2] = { (double)d->rule, d->bound };
    return d->bounded ? hg_shelf_doubles(to, "bound", x, 2, err) : HG_OK;
}

hg_status hg_decision_load(hg_decision *d, const hg_shelf_view *from, size_t classes, hg_err *err) {
    double x[2];
    *d = (hg_decision) { 0 };
    hg_err inner;
    const hg_status st = hg_shelf_get_doubles(x, from, "bound", 2, &inner);
    if (st == HG_ENOTFOUND) return HG_OK;
    if (st != HG_OK) {
        if (err) *err = inner;
        return st;
    }
    if (!(x[0] >= 0 && x[0] < (double)classes && x[0] == floor(x[0]) && x[1] >= 0 && x[1] <= 1))
        return hg_fail(err, HG_EDATA, "%s: a decision between classes that no training has made", from->source);
    *d = (hg_decision) { .bounded = true, .rule = (size_t)x[0], .bound = x[1] };
    return HG_OK;
}
