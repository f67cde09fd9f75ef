/* models/qdf2_fit.c -- Gauss-Newton on the tight binding's increments and the linear correction; see models/qdf2.h
 *
 * One round: run every molecule; columns are counts of atoms, surroundings, and dE/dtheta, each times its prior's standard deviation; add
 * X'X and X'y up in blocks of rows; solve (X'X + ridge) v = X'y by Cholesky; theta = prior v. All in kcal/mol, so that `ridge` has one
 * meaning. Memory: the normal matrix. Time: the molecules (ms each), and columns^2 flops for each of them.
 */
#include "core/memory.h"
#include "models/qdf2_internal.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum {
    BLOCK = 256 /* rows at a time */,
    SQUARE = 256 /* of the normal matrix, a task */,
    WORKERS_MOST = 256,
    LEAST = 10
};
static const double KCAL = HG_KCAL_PER_MOL_PER_EV, COUNT_PRIOR = 30; /* kcal/mol an atom: hardly a prior */

hg_qdf2_opts hg_qdf2_opts_default(void) {
    return (hg_qdf2_opts) { .rounds = 3, .prior = 0.15, .floor = 0.05, .ridge = 0.003, .theta_prior = 1, .draws = 32 };
}

typedef struct {
    hg_qdf2 *q;
    const hg_qdf2_opts *o;
    hg_qdf2_room *room[WORKERS_MOST];
    size_t workers;
    size_t linear, theta, columns; /* as they come: linear + theta */
    double *scale;                 /* [columns] prior's sd in units of the column */
    size_t *used; /* columns of the normal matrix, in their order: those that are ever anything else than 0 */
    size_t used_linear, used_all;
    size_t n;             /* of the normal matrix of this round: used_linear or used_all */
    double *a, *b;        /* [n, n] lower, [n] */
    double *rows, *x, *y; /* [BLOCK, columns], [BLOCK, n] scaled, [BLOCK] */
    double *left;         /* [columns] scratch */
    hg_status *failed;    /* [BLOCK] */
    hg_err *errors;       /* [BLOCK] */
    const hg_qdf2_data *data;
    size_t first; /* of the block */
    bool with_theta;
} fit;

static void fit_end(fit *f) {
    for (size_t i = 0; i < f->workers; i++) hg_qdf2_room_free(f->room[i]);
    hg_free(f->scale);
    hg_free(f->used);
    hg_free(f->x);
    hg_free(f->a);
    hg_free(f->b);
    hg_free(f->rows);
    hg_free(f->y);
    hg_free(f->left);
    hg_free(f->failed);
    hg_free(f->errors);
}

static hg_status fit_begin(fit *f, hg_qdf2 *q, const hg_qdf2_opts *o, hg_err *err) {
    *f = (fit) { .q = q, .o = o, .linear = q->columns, .theta = o->rounds ? q->n_theta : 0 };
    f->columns = f->linear + f->theta;
    f->scale = hg_calloc(f->columns, sizeof(double));
    f->used = hg_calloc(f->columns, sizeof *f->used);
    f->b = hg_calloc(f->columns, sizeof(double));
    f->rows = hg_calloc(BLOCK, f->columns * sizeof(double));
    f->y = hg_calloc(BLOCK, sizeof(double));
    f->left = hg_calloc(f->columns, sizeof(double));
    f->failed = hg_calloc(BLOCK, sizeof *f->failed);
    f->errors = hg_calloc(BLOCK, sizeof *f->errors);
    if (!f->scale || !f->used || !f->b || !f->rows || !f->y || !f->left || !f->failed || !f->errors)
        return hg_fail(err, HG_ENOMEM, "no memory for rows of %zu columns", f->columns);
    const size_t threads = hg_pool_threads(o->pool);
    if (threads > WORKERS_MOST) return hg_fail(err, HG_EINVAL, "%zu threads, at most %d", threads, WORKERS_MOST);
    for (; f->workers < threads; f->workers++) HG_TRY(hg_qdf2_room_new(&f->room[f->workers], q, err));
    return HG_OK;
}

/* ---- one block of rows ------------------------------------------------------------------------------------------------- */

static void row_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const fit *f = ctx;
    for (size_t i = begin; i < end; i++) {
        const hg_molecule *m = f->data->molecule[f->first + i];
        double *row = f->rows + i * f->columns;
        hg_tb_result r;
        memset(row, 0, f->columns * sizeof *row);
        f->failed[i] = hg_tb_run(&r, f->room[worker]->tb, m, &f->errors[i]);
        if (f->failed[i] == HG_OK) f->failed[i] = hg_qdf2_columns(row, f->q, m, &f->errors[i]);
        if (f->failed[i] != HG_OK) {
            memset(row, 0, f->columns * sizeof *row);
            f->y[i] = 0;
            continue;
        }
        f->y[i] = f->data->energy[f->first + i] - r.energy;
        if (f->with_theta) hg_tb_theta_gradient(row + f->linear, f->room[worker]->tb);
    }
}

static hg_status make_block(fit *f, const hg_qdf2_data *data, size_t first, size_t *n, size_t *skipped, hg_err *err) {
    *n = data->n - first < BLOCK ? data->n - first : BLOCK;
    f->data = data;
    f->first = first;
    hg_pool_for(f->o->pool, *n, 1, row_task, f);
    for (size_t i = 0; i < *n; i++) {
        if (f->failed[i] == HG_OK) continue;
        if (f->failed[i] != HG_ENOTCONV) {
            *err = f->errors[i];
            return f->failed[i];
        }
        hg_log(f->o->hooks, HG_LOG_WARN, "left out: %s", f->errors[i].msg);
        ++*skipped;
    }
    return HG_OK;
}

typedef struct {
    fit *f;
    size_t n, blocks;
} squares;

/* Pairs of column blocks i >= j, counted row by row. */
static void square_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const squares *s = ctx;
    const fit *f = s->f;
    (void)worker;
    for (size_t k = begin; k < end; k++) {
        size_t i = 0, before = 0;
        while (before + i + 1 <= k) before += ++i;
        const size_t r = i * SQUARE, c = (k - before) * SQUARE, N = f->n;
        const size_t rows = N - r < SQUARE ? N - r : SQUARE, cols = N - c < SQUARE ? N - c : SQUARE;
        hg_gemm(f->a + r * N + c, N, f->x + r, N, true, f->x + c, N, false, rows, cols, s->n, 1, 1);
    }
}

/* Rows of a block, in kcal/mol times scales, into a and b. */
static void add_block(fit *f, size_t rows) {
    const size_t N = f->n;
    for (size_t i = 0; i < rows; i++) {
        const double *row = f->rows + i * f->columns;
        double *x = f->x + i * N;
        for (size_t j = 0; j < N; j++) x[j] = row[f->used[j]] * f->scale[f->used[j]];
        for (size_t j = 0; j < N; j++) f->b[j] += x[j] * f->y[i];
    }
    squares s = { f, rows, (N + SQUARE - 1) / SQUARE };
    hg_pool_for(f->o->pool, s.blocks * (s.blocks + 1) / 2, 1, square_task, &s);
}

/* ---- scales -------------------------------------------------------------------------------------------------------------- */

/* Priors by the sd of each column around an atom, with the floor. */
static hg_status find_scales(fit *f, const hg_qdf2_data *train, hg_err *err) {
    const size_t N = f->linear;
    double *mean = f->left, *square = f->b;
    memset(mean, 0, N * sizeof *mean);
    memset(square, 0, N * sizeof *square);
    for (size_t i = 0; i < train->n; i++) {
        HG_TRY(hg_qdf2_columns(f->rows, f->q, train->molecule[i], err));
        for (size_t j = 0; j < N; j++) mean[j] += f->rows[j], square[j] += f->rows[j] * f->rows[j];
        if (!hg_progress(f->o->hooks, "surroundings", i + 1, train->n)) return hg_fail(err, HG_ECANCEL, "stopped");
    }
    for (size_t j = 0; j < N; j++) {
        const double m = mean[j] / (double)train->n, variance = square[j] / (double)train->n - m * m;
        const double sd = sqrt(fmax(variance, 0));
        const bool count = j < f->q->around.elements;
        f->scale[j] = count ? COUNT_PRIOR : f->o->prior / fmax(sd, f->o->floor);
        f->left[j] = m; /* no column is ever negative */
    }
    for (size_t k = 0; hg_tb_theta_family(k); k++) {
        const hg_tb_family *t = hg_tb_theta_family(k);
        for (size_t j = 0; f->theta && j < t->count; j++)
            f->scale[N + t->first + j] = KCAL * t->scale * f->o->theta_prior;
    }
    return HG_OK;
}

/* Those that left[] has found to be more than zeros. */
static hg_status choose_columns(fit *f, hg_err *err) {
    for (size_t j = 0; j < f->columns; j++) {
        if (f->left[j] > 0) f->used[f->used_all++] = j;
        if (j + 1 == f->linear) f->used_linear = f->used_all;
    }
    f->a = hg_calloc(f->used_all, f->used_all * sizeof(double));
    f->x = hg_calloc(BLOCK, f->used_all * sizeof(double));
    if (f->a && f->x) return HG_OK;
    return hg_fail(err, HG_ENOMEM, "no memory for a normal matrix of %zu columns", f->used_all);
}

/* ---- a round --------------------------------------------------------------------------------------------------------------- */

/* Energies less the tight binding and the composition; what theta holds already is put back to the side of the unknowns. */
static void targets(fit *f, size_t n, const double *composition) {
    for (size_t i = 0; i < n; i++) {
        const double *row = f->rows + i * f->columns;
        if (f->failed[i] != HG_OK) continue;
        double y = f->y[i];
        for (unsigned e = 0; e < f->q->around.elements; e++) y -= composition[e] * row[e];
        for (size_t j = 0; j < f->theta && f->with_theta; j++) y += row[f->linear + j] * f->q->theta[j];
        f->y[i] = KCAL * y;
    }
}

/* c[elements]: energies of free atoms that suit best, by least squares over all molecules. */
static hg_status fit_composition(double *c, fit *f, const hg_qdf2_data *train, hg_err *err) {
    const unsigned E = f->q->around.elements;
    double a[HG_AROUND_ELEMENTS_MOST * HG_AROUND_ELEMENTS_MOST] = { 0 }, b[HG_AROUND_ELEMENTS_MOST] = { 0 };
    size_t skipped = 0;
    f->with_theta = f->theta > 0;
    memset(f->left + f->linear, 0, f->theta * sizeof *f->left);
    for (size_t at = 0, n; at < train->n; at += n) {
        HG_TRY(make_block(f, train, at, &n, &skipped, err));
        for (size_t i = 0; i < n; i++) {
            const double *row = f->rows + i * f->columns;
            for (size_t j = f->linear; j < f->columns; j++) f->left[j] = fmax(f->left[j], fabs(row[j]));
            for (unsigned p = 0; p < E; p++) {
                b[p] += row[p] * f->y[i];
                for (unsigned s = 0; s < E; s++) a[p * E + s] += row[p] * row[s];
            }
        }
        if (!hg_progress(f->o->hooks, "composition", at + n, train->n)) return hg_fail(err, HG_ECANCEL, "stopped");
    }
    for (unsigned p = 0; p < E; p++) a[p * E + p] += 1e-6; /* an element that no molecule has */
    if (hg_chol(a, E) != 0)
        return hg_fail(err, HG_ENOTPD, "the molecules' compositions do not tell the elements apart");
    hg_chol_lsolve(a, E, b);
    hg_chol_ltsolve(a, E, b);
    memcpy(c, b, E * sizeof *c);
    return HG_OK;
}

/* The solution in b; a holds the factor. */
static hg_status solve(fit *f, hg_err *err) {
    for (size_t i = 0; i < f->n; i++) f->a[i * f->n + i] += f->o->ridge;
    if (hg_chol_blocked(f->a, f->n, f->o->pool) != 0)
        return hg_fail(err, HG_ENOTPD, "the normal matrix is not positive definite; a larger ridge helps");
    hg_chol_lsolve(f->a, f->n, f->b);
    hg_chol_ltsolve(f->a, f->n, f->b);
    return HG_OK;
}

static hg_status normal_equations(fit *f, const hg_qdf2_data *train, const double *composition, const char *what,
                                  size_t *skipped, hg_err *err) {
    f->n = f->with_theta ? f->used_all : f->used_linear;
    memset(f->a, 0, f->n * f->n * sizeof *f->a);
    memset(f->b, 0, f->n * sizeof *f->b);
    *skipped = 0;
    for (size_t at = 0, n; at < train->n; at += n) {
        HG_TRY(make_block(f, train, at, &n, skipped, err));
        targets(f, n, composition);
        add_block(f, n);
        if (!hg_progress(f->o->hooks, what, at + n, train->n)) return hg_fail(err, HG_ECANCEL, "stopped");
    }
    return *skipped * 10 < train->n
               ? HG_OK
               : hg_fail(err, HG_ENOTCONV, "charges of %zu of %zu molecules do not converge", *skipped, train->n);
}

static hg_status theta_round(fit *f, const hg_qdf2_data *train, const double *composition, size_t round, hg_err *err) {
    size_t skipped;
    f->with_theta = true;
    HG_TRY(normal_equations(f, train, composition, "tight binding", &skipped, err));
    HG_TRY(solve(f, err));
    double step = 0;
    for (size_t k = f->used_linear; k < f->n; k++) {
        double *theta = &f->q->theta[f->used[k] - f->linear];
        const double scale = f->scale[f->used[k]] / KCAL, d = f->b[k] - *theta / scale;
        step += d * d;
        *theta = scale * f->b[k];
    }
    const double learned = fmax(1, (double)(f->n - f->used_linear));
    hg_log(f->o->hooks, HG_LOG_INFO, "round %zu: increments moved by %.3g of their priors", round,
           sqrt(step / learned));
    return hg_tb_model_set_theta(f->q->tb, f->q->theta, err);
}

/* w at the final theta, and draws of its posterior: L'^-1 z has the covariance (X'X + ridge)^-1. */
static hg_status linear_round(fit *f, const hg_qdf2_data *train, const double *composition, hg_err *err) {
    hg_qdf2 *q = f->q;
    size_t skipped;
    f->with_theta = false;
    HG_TRY(normal_equations(f, train, composition, "correction", &skipped, err));
    HG_TRY(solve(f, err));
    for (size_t k = 0; k < f->n; k++) q->w[f->used[k]] = f->scale[f->used[k]] * f->b[k] / KCAL;
    for (unsigned e = 0; e < q->around.elements; e++) q->w[e] += composition[e];
    for (size_t d = 0; d < q->n_draws; d++) { /* what no molecule has shown keeps its prior */
        hg_rng r = hg_rng_make(f->o->seed, d);
        for (size_t j = 0; j < q->columns; j++)
            q->draws[d * q->columns + j] = (float)(f->scale[j] * hg_rng_normal(&r) / KCAL);
        for (size_t k = 0; k < f->n; k++) f->left[k] = hg_rng_normal(&r);
        hg_chol_ltsolve(f->a, f->n, f->left);
        for (size_t k = 0; k < f->n; k++)
            q->draws[d * q->columns + f->used[k]] = (float)(f->scale[f->used[k]] * f->left[k] / KCAL);
    }
    return HG_OK;
}

/* ---- error bars -------------------------------------------------------------------------------------------------------------- */

/* noise and factor by maximum likelihood of Gaussian residuals, on a grid fine enough; the flag's bound is the largest spread an atom. */
static void choose_bars(hg_qdf2 *q, const double *residual, const double *spread, size_t n) {
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
            q->noise = sqrt(noise2);
            q->factor = sqrt(factor2);
        }
}

static hg_status calibrate(fit *f, const hg_qdf2_data *validation, hg_err *err) {
    hg_qdf2 *q = f->q;
    size_t skipped = 0, kept = 0;
    double *residual = hg_calloc(validation->n, 2 * sizeof(double)), error = 0;
    if (!residual) return hg_fail(err, HG_ENOMEM, "no memory for residuals");
    double *spread = residual + validation->n;
    hg_status st = HG_OK;
    f->with_theta = false;
    for (size_t at = 0, n; st == HG_OK && at < validation->n; at += n) {
        st = make_block(f, validation, at, &n, &skipped, err);
        for (size_t i = 0; st == HG_OK && i < n; i++) {
            const double *row = f->rows + i * f->columns;
            if (f->failed[i] != HG_OK) continue;
            residual[kept] = f->y[i];
            for (size_t j = 0; j < f->linear; j++) residual[kept] -= q->w[j] * row[j];
            spread[kept] = hg_qdf2_spread(q, row);
            q->most_spread = fmax(q->most_spread, spread[kept] / (double)validation->molecule[at + i]->n);
            error += fabs(residual[kept++]);
        }
    }
    if (st == HG_OK && kept) {
        choose_bars(q, residual, spread, kept);
        hg_log(f->o->hooks, HG_LOG_INFO, "mean absolute error of %zu validation molecules: %.4f kcal/mol", kept,
               KCAL * error / (double)kept);
    }
    hg_free(residual);
    return st;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_qdf2_data *train, const hg_qdf2_data *validation, const hg_qdf2_opts *o, hg_err *err) {
    if (!(o->prior > 0 && o->floor > 0 && o->ridge > 0 && o->theta_prior > 0))
        return hg_fail(err, HG_EINVAL, "prior, floor, ridge and theta_prior have to be positive");
    if (o->rounds > 100 || o->draws > 10000)
        return hg_fail(err, HG_EINVAL, "%zu rounds and %zu draws: at most 100 and 10000", o->rounds, o->draws);
    if (train->n < LEAST) return hg_fail(err, HG_EDATA, "%zu molecules to learn from, at least %d", train->n, LEAST);
    HG_TRY(hg_check_finite("energy", train->energy, train->n, 1, err));
    return hg_check_finite("energy of validation", validation->energy, validation->n, 1, err);
}

static hg_status run(fit *f, const hg_qdf2_data *train, const hg_qdf2_data *validation, hg_err *err) {
    double composition[HG_AROUND_ELEMENTS_MOST];
    HG_TRY(find_scales(f, train, err));
    HG_TRY(fit_composition(composition, f, train, err));
    HG_TRY(choose_columns(f, err));
    for (size_t round = 1; round <= f->o->rounds; round++) HG_TRY(theta_round(f, train, composition, round, err));
    HG_TRY(linear_round(f, train, composition, err));
    return validation->n ? calibrate(f, validation, err) : HG_OK;
}

hg_status hg_qdf2_fit(hg_qdf2 **out, const hg_qdf2_data *train, const hg_qdf2_data *validation,
                      const hg_qdf2_opts *opts, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const hg_qdf2_opts o = opts ? *opts : hg_qdf2_opts_default();
    hg_err local;
    hg_qdf2 *q;
    *out = NULL;
    if (!err) err = &local; /* the first of a block's errors is copied */
    HG_TRY(check(train, validation, &o, err));
    HG_TRY(hg_qdf2_make(&q, validation->n ? o.draws : 0, err));
    fit f;
    hg_status st = fit_begin(&f, q, &o, err);
    if (st == HG_OK) st = run(&f, train, validation, err);
    fit_end(&f);
    if (st == HG_OK)
        *out = q;
    else
        hg_qdf2_free(q);
    return st;
}
