/* models/qdf2_fit.c -- Gauss-Newton on the tight binding's increments and the linear correction; see models/qdf2.h
 *
 * One round: run every molecule; columns are counts of atoms, surroundings, and dE/dtheta, each times its prior's
 * standard deviation; add X'X and X'y up in blocks of rows; solve (X'X + ridge) v = X'y by Cholesky; theta = prior v.
 * All in kcal/mol, so that `ridge` has one meaning. Memory: the normal matrix. Time: the molecules (ms each), and
 * columns^2 flops for each of them.
 */
#include "core/memory.h"
#include "models/qdf2_internal.h"
#include "num/linalg.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 256 /* rows at a time */,
    LEAST = 10,
    SHARE_STREAM = 1 << 20 /* of the seed: the draws have the first ones */,
    BACK_MOST = 5 /* times half a step back */
};
static const double KCAL = HG_KCAL_PER_MOL_PER_EV, COUNT_PRIOR = 30, /* kcal/mol an atom: hardly a prior */
    FAILED = 10;

hg_qdf2_opts hg_qdf2_opts_default(void) {
    return (hg_qdf2_opts) { .rounds = 4,
                            .prior = 0.045,
                            .floor = 0.05,
                            .ridge = 0.003,
                            .theta_prior = 1,
                            .rest = 0.003,
                            .draws = 32,
                            .share = 1 };
}

typedef struct {
    hg_qdf2 *q;
    const hg_qdf2_opts *o;
    hg_qdf2_rooms rooms;
    size_t linear, theta, columns; /* as they come: linear + theta */
    double *scale;                 /* [columns] prior's sd in units of the column */
    size_t *used; /* columns of the normal matrix, in their order: those that are ever anything else than 0 */
    size_t used_linear, used_all;
    size_t n;                 /* of the normal matrix of this round: used_linear or used_all */
    double *a, *b;            /* [n, n] lower, [n] */
    double *rows, *x, *y;     /* [BLOCK, columns], [BLOCK, n] scaled, [BLOCK] */
    double *left;             /* [columns] scratch */
    double *plain, *linear_b; /* [BLOCK] y without what theta adds; [linear] X'plain of the first used_linear columns */
    double squares;           /* sum of plain^2 */
    double *best_theta, best; /* [n_theta] and its cost: the least so far */
    double *gap;              /* [BLOCK] eV */
    hg_status *failed;        /* [BLOCK] */
    hg_err *errors;           /* [BLOCK] */
    const hg_qdf2_data *data;
    size_t first; /* of the block */
    bool with_theta;
} fit;

static void fit_end(fit *f) {
    hg_qdf2_rooms_free(&f->rooms);
    hg_free(f->scale);
    hg_free(f->used);
    hg_free(f->x);
    hg_free(f->a);
    hg_free(f->b);
    hg_free(f->rows);
    hg_free(f->y);
    hg_free(f->left);
    hg_free(f->gap);
    hg_free(f->plain);
    hg_free(f->linear_b);
    hg_free(f->best_theta);
    hg_free(f->failed);
    hg_free(f->errors);
}

static hg_status fit_begin(fit *f, hg_qdf2 *q, const hg_qdf2_opts *o, hg_err *err) {
    *f = (fit) { .q = q, .o = o, .linear = q->energy.columns, .theta = o->rounds ? q->n_theta : 0 };
    f->columns = f->linear + f->theta;
    f->scale = hg_calloc(f->columns, sizeof(double));
    f->used = hg_calloc(f->columns, sizeof *f->used);
    f->b = hg_calloc(f->columns, sizeof(double));
    f->rows = hg_calloc(BLOCK, f->columns * sizeof(double));
    f->y = hg_calloc(BLOCK, sizeof(double));
    f->left = hg_calloc(f->columns, sizeof(double));
    f->gap = hg_calloc(BLOCK, sizeof(double));
    f->plain = hg_calloc(BLOCK, sizeof(double));
    f->linear_b = hg_calloc(f->linear, sizeof(double));
    f->best_theta = hg_calloc(q->n_theta, sizeof(double));
    f->best = INFINITY;
    f->failed = hg_calloc(BLOCK, sizeof *f->failed);
    f->errors = hg_calloc(BLOCK, sizeof *f->errors);
    if (!f->scale || !f->used || !f->b || !f->rows || !f->y || !f->left || !f->gap || !f->plain || !f->linear_b ||
        !f->best_theta || !f->failed || !f->errors)
        return hg_fail(err, HG_ENOMEM, "no memory for rows of %zu columns", f->columns);
    return hg_qdf2_rooms_new(&f->rooms, q, o->pool, err);
}

/* ---- one block of rows ------------------------------------------------------------------------------------------- */

static void row_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const fit *f = ctx;
    for (size_t i = begin; i < end; i++) {
        const hg_molecule *m = f->data->molecule[f->first + i];
        double *row = f->rows + i * f->columns;
        hg_tb_result r;
        memset(row, 0, f->columns * sizeof *row);
        f->failed[i] = hg_tb_run(&r, f->rooms.of[worker]->tb, m, &f->errors[i]);
        if (f->failed[i] == HG_OK) f->failed[i] = hg_qdf2_columns(row, f->q, m, &f->errors[i]);
        if (f->failed[i] != HG_OK) {
            memset(row, 0, f->columns * sizeof *row);
            f->y[i] = 0;
            continue;
        }
        f->y[i] = f->data->energy[f->first + i] - r.energy;
        f->gap[i] = r.lumo - r.homo;
        if (f->with_theta) hg_tb_theta_gradient(row + f->linear, f->rooms.of[worker]->tb);
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

/* Rows of a block, in kcal/mol times scales, into a and b. */
static void add_block(fit *f, size_t rows) {
    const size_t N = f->n;
    for (size_t i = 0; i < rows; i++) {
        const double *row = f->rows + i * f->columns;
        double *x = f->x + i * N;
        for (size_t j = 0; j < N; j++) x[j] = row[f->used[j]] * f->scale[f->used[j]];
        for (size_t j = 0; j < N; j++) f->b[j] += x[j] * f->y[i];
        for (size_t j = 0; j < f->used_linear; j++) f->linear_b[j] += x[j] * f->plain[i];
        f->squares += f->plain[i] * f->plain[i];
    }
    hg_normal_add(f->a, N, f->x, rows, f->o->pool);
}

/* ---- scales ------------------------------------------------------------------------------------------------------ */

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

/* ---- a round ----------------------------------------------------------------------------------------------------- */

/* Energies less the tight binding and the composition; what theta holds already is put back to the side of the
 * unknowns. */
static void targets(fit *f, size_t n, const double *composition) {
    for (size_t i = 0; i < n; i++) {
        const double *row = f->rows + i * f->columns;
        f->plain[i] = 0;
        if (f->failed[i] != HG_OK) continue;
        double y = f->y[i];
        for (unsigned e = 0; e < f->q->around.elements; e++) y -= composition[e] * row[e];
        f->plain[i] = KCAL * y;
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

static hg_status normal_equations(fit *f, const hg_qdf2_data *train, const double *composition, const char *what,
                                  size_t *skipped, hg_err *err) {
    f->n = f->with_theta ? f->used_all : f->used_linear;
    memset(f->a, 0, f->n * f->n * sizeof *f->a);
    memset(f->b, 0, f->n * sizeof *f->b);
    memset(f->linear_b, 0, f->used_linear * sizeof *f->linear_b);
    f->squares = 0;
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

/* What is left at this theta when w is the best there is, with the priors' part; f->a holds the factor, whose
 * leading block is that of the linear columns. A molecule whose charges do not converge counts like an error of
 * FAILED kcal/mol. */
static double cost(fit *f, size_t skipped) {
    double sum = f->squares + FAILED * FAILED * (double)skipped;
    hg_chol_lsolve_many(f->a, f->used_linear, f->n, f->linear_b, 1, 1);
    sum -= hg_dot(f->linear_b, f->linear_b, f->used_linear);
    for (size_t k = f->used_linear; k < f->used_all; k++) {
        const double t = f->q->theta[f->used[k] - f->linear] * KCAL / f->scale[f->used[k]];
        sum += f->o->ridge * t * t;
    }
    return sum;
}

/* Is this theta better than all before? If not, half-way back to the best one. */
static hg_status judge(bool *better, fit *f, size_t skipped, hg_err *err) {
    const double c = cost(f, skipped);
    *better = !(c > f->best);
    hg_log(f->o->hooks, HG_LOG_DEBUG, "cost %.6g%s", c, *better ? "" : ": too far, half a step back");
    if (*better) {
        f->best = c;
        memcpy(f->best_theta, f->q->theta, f->q->n_theta * sizeof *f->best_theta);
        return HG_OK;
    }
    for (size_t k = 0; k < f->q->n_theta; k++) f->q->theta[k] = 0.5 * (f->q->theta[k] + f->best_theta[k]);
    return hg_tb_model_set_theta(f->q->tb, f->q->theta, err);
}

/* One step of theta, or half of the last one back. */
static hg_status theta_round(size_t *steps, fit *f, const hg_qdf2_data *train, const double *composition, hg_err *err) {
    size_t skipped;
    bool better;
    f->with_theta = true;
    HG_TRY(normal_equations(f, train, composition, "tight binding", &skipped, err));
    HG_TRY(hg_normal_solve(f->a, f->b, f->n, f->o->ridge, f->o->pool, err));
    HG_TRY(judge(&better, f, skipped, err));
    if (!better) return HG_OK;
    double step = 0;
    for (size_t k = f->used_linear; k < f->n; k++) {
        double *theta = &f->q->theta[f->used[k] - f->linear];
        const double scale = f->scale[f->used[k]] / KCAL, d = f->b[k] - *theta / scale;
        step += d * d;
        *theta = scale * f->b[k];
    }
    const double learned = fmax(1, (double)(f->n - f->used_linear));
    hg_log(f->o->hooks, HG_LOG_INFO, "round %zu: increments moved by %.3g of their priors", ++*steps,
           sqrt(step / learned));
    return hg_tb_model_set_theta(f->q->tb, f->q->theta, err);
}

/* w at the final theta, and draws of its posterior. */
static hg_status linear_round(fit *f, const hg_qdf2_data *train, const double *composition, hg_err *err) {
    hg_qdf2 *q = f->q;
    bool good = false;
    f->with_theta = false;
    for (int tries = 0; !good && tries < BACK_MOST; tries++) {
        size_t skipped;
        if (tries == BACK_MOST - 1) { /* what is known to be good */
            memcpy(q->theta, f->best_theta, q->n_theta * sizeof *q->theta);
            HG_TRY(hg_tb_model_set_theta(q->tb, q->theta, err));
        }
        HG_TRY(normal_equations(f, train, composition, "correction", &skipped, err));
        HG_TRY(hg_normal_solve(f->a, f->b, f->n, f->o->ridge, f->o->pool, err));
        HG_TRY(judge(&good, f, skipped, err));
    }
    hg_linear_take(&q->energy, f->a, f->b, f->used, f->n, f->scale, 1 / KCAL, f->o->seed, f->left);
    for (unsigned e = 0; e < q->around.elements; e++) q->energy.w[e] += composition[e];
    return HG_OK;
}

/* ---- error bars -------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What lies beyond the validation molecules is outside. One in a hundred of them has a larger spread than the
 * limit, one in five hundred a smaller gap; learning from at most 12 atoms, errors at 13 and 14 atoms are three
 * times larger outside than inside. */
static void choose_domain(hg_qdf2 *q, double *spread, double *gap, size_t n, const hg_qdf2_data *train) {
    qsort(spread, n, sizeof *spread, ascending);
    qsort(gap, n, sizeof *gap, ascending);
    q->most_spread = spread[n - 1 - n / 100];
    q->least_gap = gap[n / 500];
    for (size_t i = 0; i < train->n; i++) q->most_charge = fmax(q->most_charge, abs(train->molecule[i]->charge));
}

typedef struct {
    double *residual, *spread, *gap;
    size_t n;
    double error;
} judged;

static hg_status judge_molecules(judged *j, fit *f, const hg_qdf2_data *validation, hg_err *err) {
    size_t skipped = 0;
    f->with_theta = false;
    for (size_t at = 0, n; at < validation->n; at += n) {
        HG_TRY(make_block(f, validation, at, &n, &skipped, err));
        for (size_t i = 0; i < n; i++) {
            const double *row = f->rows + i * f->columns;
            if (f->failed[i] != HG_OK) continue;
            j->residual[j->n] = f->y[i] - hg_linear_value(&f->q->energy, row);
            j->spread[j->n] = hg_linear_spread(&f->q->energy, row, 1);
            j->gap[j->n] = f->gap[i];
            j->error += fabs(j->residual[j->n++]);
        }
    }
    return HG_OK;
}

static hg_status calibrate(fit *f, const hg_qdf2_data *train, const hg_qdf2_data *validation, hg_err *err) {
    double *room = hg_calloc(validation->n, 3 * sizeof *room);
    if (!room) return hg_fail(err, HG_ENOMEM, "no memory for residuals");
    judged j = { room, room + validation->n, room + 2 * validation->n, 0, 0 };
    const hg_status st = judge_molecules(&j, f, validation, err);
    if (st == HG_OK && j.n && f->q->energy.n_draws) {
        hg_linear_bars(&f->q->energy, j.residual, j.spread, j.n);
        choose_domain(f->q, j.spread, j.gap, j.n, train);
    }
    if (st == HG_OK && j.n)
        hg_log(f->o->hooks, HG_LOG_INFO, "mean absolute error of %zu validation molecules: %.4f kcal/mol", j.n,
               KCAL * j.error / (double)j.n);
    hg_free(room);
    return st;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static hg_status check(const hg_qdf2_data *train, const hg_qdf2_data *validation, const hg_qdf2_opts *o, hg_err *err) {
    if (!(o->prior > 0 && o->floor > 0 && o->ridge > 0 && o->theta_prior > 0))
        return hg_fail(err, HG_EINVAL, "prior, floor, ridge and theta_prior have to be positive");
    if (!(o->share > 0 && o->share <= 1)) return hg_fail(err, HG_EINVAL, "share = %g, must be in (0, 1]", o->share);
    if (!(o->rest >= 0)) return hg_fail(err, HG_EINVAL, "rest = %g, must not be negative", o->rest);
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
    for (size_t steps = 0, tries = 0; steps < f->o->rounds && tries < f->o->rounds + BACK_MOST; tries++)
        HG_TRY(theta_round(&steps, f, train, composition, err));
    HG_TRY(linear_round(f, train, composition, err));
    return validation->n ? calibrate(f, train, validation, err) : HG_OK;
}

static hg_status learn_energy(hg_qdf2 *q, const hg_qdf2_data *train, const hg_qdf2_data *validation,
                              const hg_qdf2_opts *o, hg_err *err) {
    fit f;
    hg_status st = fit_begin(&f, q, o, err);
    if (st == HG_OK) st = run(&f, train, validation, err);
    fit_end(&f);
    return st;
}

/* A part of the data in *part, drawn by the seed; its arrays in one block that the caller frees. */
static hg_status draw_share(hg_qdf2_data *part, void **block, const hg_qdf2_data *all, const hg_qdf2_opts *o,
                            hg_err *err) {
    size_t doubles = 1;
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++)
        doubles += all->label[p] ? hg_qdf2_property_size((hg_qdf2_property)p) : 0;
    double *at = hg_malloc(all->n, doubles * sizeof(double) + sizeof(hg_molecule *));
    if (!at) return hg_fail(err, HG_ENOMEM, "no memory for a part of %zu molecules", all->n);
    *block = at;
    double *energy = at, *label[HG_QDF2_PROPERTIES] = { NULL };
    at += all->n;
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        if (!all->label[p]) continue;
        part->label[p] = label[p] = at;
        at += all->n * hg_qdf2_property_size((hg_qdf2_property)p);
    }
    hg_molecule **molecule = (hg_molecule **)(void *)at;
    const size_t keep = (size_t)ceil(o->share * (double)all->n);
    hg_rng r = hg_rng_make(o->seed, SHARE_STREAM);
    for (size_t i = 0, n = 0; i < all->n; i++) {
        if (hg_rng_below(&r, all->n - i) >= keep - n) continue;
        molecule[n] = all->molecule[i];
        energy[n] = all->energy[i];
        for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
            const size_t size = hg_qdf2_property_size((hg_qdf2_property)p);
            if (label[p]) memcpy(label[p] + n * size, all->label[p] + i * size, size * sizeof(double));
        }
        n++;
    }
    part->n = keep;
    part->molecule = molecule;
    part->energy = energy;
    return HG_OK;
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
    hg_qdf2_data part = { 0 };
    void *block = NULL;
    if (o.share < 1) {
        HG_TRY(draw_share(&part, &block, train, &o, err));
        train = &part;
    }
    hg_status st = hg_qdf2_make(&q, err);
    if (st == HG_OK) st = hg_linear_make(&q->energy, hg_qdf2_energy_columns(q), validation->n ? o.draws : 0, err);
    if (st == HG_OK) st = learn_energy(q, train, validation, &o, err);
    if (st == HG_OK) st = hg_qdf2_rest_fit(q, train, validation, &o, err);
    if (st == HG_OK) st = hg_qdf2_property_fit(q, train, validation, &o, err);
    hg_free(block);
    if (st == HG_OK)
        *out = q;
    else
        hg_qdf2_free(q);
    return st;
}
