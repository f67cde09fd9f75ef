/* secret/tier1_plausible.c -- hg_t1_plausible of secret/tier1.h
 *
 * With P = R'R the leave-one-out residual of row i is (P y)_i / P_ii and its variance sigma^2 / P_ii (S. Sundararajan and S. Keerthi,
 * Neural Computation 13 (2001), with the mean profiled out). A = (P y)_i^2 / P_ii is what row i takes of q = y'P y; the others'
 * variance is (q - A) / (dof - 1). A > threshold (q - A) / (dof - 1) is A (dof - 1 + threshold) / threshold > q: the factor goes into
 * the public row, both sides are squares of numbers that are linear in y, and no division is left.
 */
#include "secret/compare.h"
#include "secret/exact.h"
#include "secret/tier1_tables.h"
#include <math.h>

enum { LEAST_ROWS = 4, LEAST_FRACTION = 8 };

typedef struct {
    double *p;      /* [n_rows, n] scaled rows of P */
    int32_t *table; /* [n + n_rows, n]: R, then p */
    double squares, largest, sum;
} rows_of_p;

static void make_rows(rows_of_p *w, const hg_t1_tables *t, const size_t *rows, size_t n_rows, double threshold) {
    const size_t n = t->n;
    for (size_t i = 0; i < n * n; i++) {
        w->squares += t->residual[i] * t->residual[i];
        w->largest = fmax(w->largest, fabs(t->residual[i]));
    }
    for (size_t i = 0; i < n_rows; i++) {
        double *p = w->p + i * n, sum = 0;
        for (size_t k = 0; k < n; k++) hg_exact_axpy(p, t->residual[k * n + rows[i]], t->residual + k * n, n);
        const double factor = sqrt(((double)t->dof - 1 + threshold) / threshold / p[rows[i]]);
        for (size_t k = 0; k < n; k++) {
            p[k] *= factor;
            sum += fabs(p[k]);
            w->largest = fmax(w->largest, fabs(p[k]));
        }
        w->sum = fmax(w->sum, sum);
    }
}

/* As many fraction bits as let both squares stay below 2^126. */
static hg_status quantise(rows_of_p *w, const hg_t1_tables *t, size_t n_rows, hg_err *err) {
    const size_t n = t->n;
    const double both = 1.01 * 0x1p54 * fmax((double)n * w->squares, w->sum * w->sum);
    int fraction = HG_T1_FRACTION;
    while (fraction >= LEAST_FRACTION &&
           !(w->largest * ldexp(1, fraction) < 0x1p31 - 1 && both * ldexp(1, 2 * fraction) < 0x1p126))
        fraction--;
    if (fraction < LEAST_FRACTION)
        return hg_fail(err, HG_ELIMIT, "the leave-one-out weights of %zu rows do not fit in 128 bits", n);
    for (size_t i = 0; i < (n + n_rows) * n; i++)
        w->table[i] = (int32_t)hg_exact_round(ldexp(i < n * n ? t->residual[i] : w->p[i - n * n], fraction));
    return HG_OK;
}

static hg_status check(const hg_run *r, const hg_t1_tables *t, const hg_share *y, const size_t *rows, size_t n_rows,
                       double threshold, hg_err *err) {
    if (y->n != t->n || y->limbs != HG_RING_LIMBS || (hg_run_mode(r) == HG_MALICIOUS && !y->mac[0]))
        return hg_fail(err, HG_EINVAL, "%zu shared values of %u words for tables of %zu rows", y->n, y->limbs, t->n);
    if (t->n < LEAST_ROWS) return hg_fail(err, HG_EINVAL, "%zu rows: a leave-one-out check needs %d", t->n, LEAST_ROWS);
    if (n_rows == 0 || n_rows > t->n) return hg_fail(err, HG_EINVAL, "%zu rows to check of %zu", n_rows, t->n);
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i] >= t->n) return hg_fail(err, HG_EINVAL, "row %zu to check of %zu", rows[i], t->n);
    if (!(threshold >= 1 && threshold <= 1e6))
        return hg_fail(err, HG_EINVAL, "a threshold of %g; it must lie between 1 and 1e6", threshold);
    return HG_OK;
}

hg_status hg_t1_plausible(hg_bits *implausible, hg_run *r, const hg_t1_tables *t, const hg_share *y, const size_t *rows,
                          size_t n_rows, double threshold, hg_err *err) {
    HG_TRY(check(r, t, y, rows, n_rows, threshold, err));
    if (hg_run_mode(r) == HG_MALICIOUS) HG_TRY(hg_run_round(r, err)); /* the MACs of y may still be on their way */
    const size_t n = t->n;
    const unsigned limbs = hg_run_arithmetic(r) == HG_MALICIOUS ? 3 : 2;
    rows_of_p w = { .p = hg_alloc(hg_run_arena(r), n_rows, n * sizeof *w.p),
                    .table = hg_alloc(hg_run_arena(r), n + n_rows, n * sizeof *w.table) };
    if (!w.p || !w.table) return hg_fail(err, HG_ENOMEM, "a leave-one-out check of %zu rows", n_rows);
    make_rows(&w, t, rows, n_rows, threshold);
    HG_TRY(quantise(&w, t, n_rows, err));
    hg_share reduced, z, q, own;
    HG_TRY(hg_share_reduce(&reduced, r, y, limbs, err));
    HG_TRY(hg_share_new(&z, r, n + n_rows, limbs, true, err));
    hg_share_matvec_i32(r, &z, w.table, &reduced, n + n_rows);
    const hg_share all = hg_share_view(&z, 0, n), one = hg_share_view(&z, n, n_rows);
    HG_TRY(hg_inner(r, &q, &all, &all, 1, n, err));
    HG_TRY(hg_gate_mul(r, &own, &one, &one, err));
    HG_TRY(hg_run_round(r, err));
    hg_share_sub(r, &own, &own, &q); /* A - q > 0: its negative is below zero */
    uint64_t minus[HG_RING_LIMBS];
    hg_ring_from_int(minus, -1, HG_RING_LIMBS);
    hg_share_scale(r, &own, &own, minus, 1);
    return hg_negative(r, implausible, &own, 128, err);
}
