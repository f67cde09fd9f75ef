/* models/qdf2_property_fit.c -- learns what is read from the orbitals, at the tight binding that the energy has chosen
 *
 * For each property one pass over the molecules with a label: rows into a normal matrix, blocks of them over the
 * pool; then a pass over validation for the error bars. A molecule without self-consistent charges is left out.
 */
#include "core/memory.h"
#include "models/qdf2_internal.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 128 /* molecules at a time */, LEAST = 10, COMPONENTS_MOST = 3 };

typedef struct {
    hg_qdf2 *q;
    const hg_qdf2_opts *o;
    hg_qdf2_property p;
    size_t columns, size;
    hg_qdf2_rooms rooms;
    double *scale, *a, *b, *work;
    double *x;     /* [BLOCK, size, columns] as they come */
    double *label; /* [BLOCK, size] */
    size_t *which; /* [BLOCK] of the data */
    hg_status *failed;
    hg_err *errors;
    const hg_qdf2_data *data;
    size_t kept;             /* by the last pass */
    double *residual, *left; /* [validation] root mean square over components, with the sign of the first; spread */
    double error;            /* sum of |residual| */
} fit;

static void fit_end(fit *f) {
    hg_qdf2_rooms_free(&f->rooms);
    hg_free(f->scale);
    hg_free(f->a);
    hg_free(f->b);
    hg_free(f->work);
    hg_free(f->x);
    hg_free(f->label);
    hg_free(f->which);
    hg_free(f->failed);
    hg_free(f->errors);
    hg_free(f->residual);
    hg_free(f->left);
}

static hg_status fit_begin(fit *f, hg_qdf2 *q, hg_qdf2_property p, size_t judged, const hg_qdf2_opts *o, hg_err *err) {
    *f = (fit) { .q = q, .o = o, .p = p, .columns = hg_qdf2_property_columns(q, p), .size = hg_qdf2_property_size(p) };
    f->scale = hg_calloc(f->columns, sizeof(double));
    f->a = hg_calloc(f->columns, f->columns * sizeof(double));
    f->b = hg_calloc(f->columns, sizeof(double));
    f->work = hg_calloc(f->columns, sizeof(double));
    f->x = hg_calloc(BLOCK * f->size, f->columns * sizeof(double));
    f->label = hg_calloc(BLOCK, f->size * sizeof(double));
    f->which = hg_calloc(BLOCK, sizeof *f->which);
    f->failed = hg_calloc(BLOCK, sizeof *f->failed);
    f->errors = hg_calloc(BLOCK, sizeof *f->errors);
    f->residual = hg_calloc(judged * f->size, sizeof(double));
    f->left = hg_calloc(judged * f->size, sizeof(double));
    if (!f->scale || !f->a || !f->b || !f->work || !f->x || !f->label || !f->which || !f->failed || !f->errors ||
        !f->residual || !f->left)
        return hg_fail(err, HG_ENOMEM, "no memory for rows of %zu columns", f->columns);
    return hg_qdf2_rooms_new(&f->rooms, q, o->pool, err);
}

/* ---- blocks of rows ---------------------------------------------------------------------------------------------- */

static void row_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const fit *f = ctx;
    for (size_t i = begin; i < end; i++) {
        const hg_molecule *m = f->data->molecule[f->which[i]];
        double *x = f->x + i * f->size * f->columns;
        hg_tb_result r;
        f->failed[i] = hg_tb_run(&r, f->rooms.of[worker]->tb, m, &f->errors[i]);
        if (f->failed[i] == HG_OK)
            f->failed[i] = hg_qdf2_property_describe(x, f->q, f->rooms.of[worker], &r, m, f->p, &f->errors[i]);
    }
}

static const double *label_of(const hg_qdf2_data *d, hg_qdf2_property p, size_t i) { /* NULL: unknown */
    const size_t size = hg_qdf2_property_size(p);
    const double *label = d->label[p] ? d->label[p] + i * size : NULL;
    for (size_t k = 0; label && k < size; k++)
        if (!isfinite(label[k])) return NULL;
    return label;
}

static size_t labelled(const hg_qdf2_data *d, hg_qdf2_property p) {
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += label_of(d, p, i) != NULL;
    return n;
}

static void learn_block(fit *f, size_t n) {
    const size_t rows = n * f->size;
    for (size_t i = 0; i < rows; i++) {
        double *x = f->x + i * f->columns;
        for (size_t j = 0; j < f->columns; j++) x[j] *= f->scale[j];
        for (size_t j = 0; j < f->columns; j++) f->b[j] += x[j] * f->label[i];
    }
    hg_normal_add(f->a, f->columns, f->x, rows, f->o->pool);
    f->kept += n;
}

/* Residuals of all components; the spread is that of the vector. */
static void judge_block(fit *f, size_t n) {
    const hg_linear *l = &f->q->property[f->p];
    for (size_t i = 0; i < n; i++) {
        const double *x = f->x + i * f->size * f->columns, spread = hg_linear_spread(l, x, f->size);
        for (size_t k = 0; k < f->size; k++, f->kept++) {
            f->residual[f->kept] = f->label[i * f->size + k] - hg_linear_value(l, x + k * f->columns);
            f->left[f->kept] = spread;
            f->error += fabs(f->residual[f->kept]);
        }
    }
}

/* The rows that have come out go to the front. */
static hg_status gather(fit *f, size_t *n, hg_err *err) {
    size_t good = 0;
    for (size_t i = 0; i < *n; i++) {
        if (f->failed[i] != HG_OK && f->failed[i] != HG_ENOTCONV) {
            *err = f->errors[i];
            return f->failed[i];
        }
        if (f->failed[i] != HG_OK) continue;
        const size_t row = f->size * f->columns;
        if (good < i) memcpy(f->x + good * row, f->x + i * row, row * sizeof *f->x);
        memcpy(f->label + good++ * f->size, label_of(f->data, f->p, f->which[i]), f->size * sizeof *f->label);
    }
    *n = good;
    return HG_OK;
}

static hg_status pass(fit *f, const hg_qdf2_data *data, void (*block)(fit *, size_t), hg_err *err) {
    f->data = data;
    f->kept = 0;
    for (size_t i = 0, n = 0; i < data->n; i++) {
        if (label_of(data, f->p, i)) f->which[n++] = i;
        if (n == 0 || (n < BLOCK && i + 1 < data->n)) continue;
        hg_pool_for(f->o->pool, n, 1, row_task, f);
        HG_TRY(gather(f, &n, err));
        block(f, n);
        n = 0;
        if (!hg_progress(f->o->hooks, hg_qdf2_property_name(f->p), i + 1, data->n))
            return hg_fail(err, HG_ECANCEL, "stopped");
    }
    return HG_OK;
}

/* ---- one property ------------------------------------------------------------------------------------------------ */

static hg_status learn(fit *f, const hg_qdf2_data *train, const hg_qdf2_data *validation, hg_err *err) {
    hg_linear *l = &f->q->property[f->p];
    const double ridge = hg_qdf2_property_prior(f->scale, f->q, f->p);
    HG_TRY(pass(f, train, learn_block, err));
    HG_TRY(hg_normal_solve(f->a, f->b, f->columns, ridge, f->o->pool, err));
    hg_linear_take(l, f->a, f->b, NULL, f->columns, f->scale, 1, f->o->seed, f->work);
    if (l->n_draws == 0) return HG_OK;
    HG_TRY(pass(f, validation, judge_block, err));
    hg_linear_bars(l, f->residual, f->left, f->kept);
    hg_log(f->o->hooks, HG_LOG_INFO, "mean absolute error of %zu validation values of %s: %.4f %s", f->kept,
           hg_qdf2_property_name(f->p), f->error / (double)f->kept, hg_qdf2_property_unit(f->p));
    return HG_OK;
}

hg_status hg_qdf2_property_fit(hg_qdf2 *q, const hg_qdf2_data *train, const hg_qdf2_data *validation,
                               const hg_qdf2_opts *o, hg_err *err) {
    for (size_t k = 0; k < HG_QDF2_PROPERTIES; k++) {
        const hg_qdf2_property p = (hg_qdf2_property)k;
        const size_t n = labelled(train, p), judged = labelled(validation, p);
        if (n < LEAST) {
            if (n)
                hg_log(o->hooks, HG_LOG_WARN, "%s is not learned: %zu molecules have it, at least %d are needed",
                       hg_qdf2_property_name(p), n, LEAST);
            continue;
        }
        fit f;
        HG_TRY(hg_linear_make(&q->property[p], hg_qdf2_property_columns(q, p), judged ? o->draws : 0, err));
        hg_status st = fit_begin(&f, q, p, judged, o, err);
        if (st == HG_OK) st = learn(&f, train, validation, err);
        fit_end(&f);
        HG_TRY(st);
    }
    return HG_OK;
}
