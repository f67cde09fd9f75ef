/* models/qdf2_rest.c -- forces: what molecules at rest tell of them
 *
 * A data set of relaxed molecules has each of them once, at its minimum. A fit to the energies learns how they depend on
 * bond lengths from molecule to molecule, which is not how the energy of one molecule changes when a bond is stretched:
 * at their minima the slope of the fitted energy is 2 eV/angstrom, that of the published tight binding, which was made
 * for geometries and frequencies, 0.3. So forces are minus the slope of another energy,
 *   V = E_published + u . G(surroundings),
 * with u by ridge regression such that grad V = 0 at the training molecules, and small, so that the curvature stays
 * that of the tight binding. V does not turn with the molecule, is extensive, and says nothing about E.
 *
 * A row is d . grad along a direction d of 3 n standard normal numbers, so that the mean square of its residual is
 * |grad V|^2. Memory: the normal matrix, 63 MB. Time: about a round of the fit of the energy.
 */
#include "core/memory.h"
#include "models/qdf2_internal.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum {
    BLOCK = 64 /* molecules at a time */,
    DIRECTIONS = 4 /* of each molecule */,
    REST_STREAM = 1 << 24 /* of the seed: after those of the draws and the share */
};
static const double STEP = 1e-4; /* angstrom, times the direction: differences of surroundings, right to 1e-7 of them */
static const double FORCE = 0.1; /* eV/angstrom: sd of what remains, against which the prior is weighed */

/* ---- forces ------------------------------------------------------------------------------------------------------ */

hg_status hg_qdf2_rest_make(hg_qdf2 *q, hg_err *err) {
    q->rest = hg_calloc(hg_around_columns(&q->around), sizeof *q->rest);
    if (!q->rest) return hg_fail(err, HG_ENOMEM, "no memory for what forces are learned by");
    HG_TRY(hg_tb_model_new(&q->published, NULL, err));
    q->rests = true;
    return HG_OK;
}

hg_status hg_qdf2_potential(double *v, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m, hg_err *err) {
    const hg_linear *e = &q->energy;
    hg_tb_result r;
    HG_TRY(hg_tb_run(&r, q->rests ? room->published : room->tb, m, err));
    HG_TRY(hg_qdf2_columns(room->x, q, m, err));
    *v = r.energy;
    if (q->rests)
        *v += hg_dot(q->rest, room->x + q->around.elements, hg_around_columns(&q->around));
    else
        *v += hg_linear_value(e, room->x);
    return HG_OK;
}

hg_status hg_qdf2_forces(double *force, const hg_qdf2 *q, hg_qdf2_room *room, const hg_molecule *m, hg_err *err) {
    hg_tb_result r;
    if (q->rests) HG_TRY(hg_tb_run(&r, room->published, m, err));
    hg_tb_forces(force, q->rests ? room->published : room->tb);
    for (size_t i = 0; i < 3 * m->n; i++) force[i] = -force[i];
    const double *w = q->rests ? q->rest : q->energy.w + q->around.elements;
    HG_TRY(hg_around_gradient(force, w, &q->around, m, err));
    for (size_t i = 0; i < 3 * m->n; i++) force[i] = -force[i];
    return HG_OK;
}

/* ---- the fit's memory -------------------------------------------------------------------------------------------- */

typedef struct {
    hg_qdf2 *q;
    const hg_qdf2_opts *o;
    const hg_qdf2_data *data;
    hg_qdf2_rooms rooms;
    size_t columns, first, *used, n; /* used[n]: columns that are ever anything else than 0 */
    double *x, *y;                   /* [BLOCK, DIRECTIONS, columns] rows, and what they are to add up to */
    double *a, *b;                   /* [n, n], [n] */
    double *packed, *square;         /* [BLOCK, DIRECTIONS, n]; [BLOCK] sum of squared forces */
    bool *seen;                      /* [columns] */
    hg_status *failed;
    hg_err *errors;
} fit;

static void fit_end(fit *f) {
    hg_qdf2_rooms_free(&f->rooms);
    hg_free(f->used);
    hg_free(f->x);
    hg_free(f->y);
    hg_free(f->a);
    hg_free(f->b);
    hg_free(f->packed);
    hg_free(f->square);
    hg_free(f->seen);
    hg_free(f->failed);
    hg_free(f->errors);
}

static hg_status fit_begin(fit *f, hg_qdf2 *q, const hg_qdf2_opts *o, hg_err *err) {
    const size_t N = hg_around_columns(&q->around);
    *f = (fit) { .q = q, .o = o, .columns = N };
    f->used = hg_calloc(N, sizeof *f->used);
    f->x = hg_calloc(BLOCK * DIRECTIONS, N * sizeof *f->x);
    f->y = hg_calloc(BLOCK * DIRECTIONS, sizeof *f->y);
    f->packed = hg_calloc(BLOCK * DIRECTIONS, N * sizeof *f->packed);
    f->square = hg_calloc(BLOCK, sizeof *f->square);
    f->seen = hg_calloc(N, sizeof *f->seen);
    f->b = hg_calloc(N, sizeof *f->b);
    f->failed = hg_calloc(BLOCK, sizeof *f->failed);
    f->errors = hg_calloc(BLOCK, sizeof *f->errors);
    if (!f->used || !f->x || !f->y || !f->packed || !f->square || !f->seen || !f->b || !f->failed || !f->errors)
        return hg_fail(err, HG_ENOMEM, "no memory for rows of %zu columns", N);
    return hg_qdf2_rooms_new(&f->rooms, q, o->pool, err);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* x = d . grad of the surroundings along `direction`; moved and other[columns] are room to work in. */
static hg_status slopes(double *x, const fit *f, const hg_molecule *m, hg_molecule *moved, const double *direction,
                        double *other, hg_err *err) {
    for (size_t i = 0; i < 3 * m->n; i++) moved->r[i] = m->r[i] + STEP * direction[i];
    HG_TRY(hg_around_describe(x, &f->q->around, moved, err));
    for (size_t i = 0; i < 3 * m->n; i++) moved->r[i] = m->r[i] - STEP * direction[i];
    HG_TRY(hg_around_describe(other, &f->q->around, moved, err));
    for (size_t j = 0; j < f->columns; j++) x[j] = (x[j] - other[j]) / (2 * STEP);
    return HG_OK;
}

/* u . x is to be d . forces, so that grad V = 0. */
static hg_status make_rows(fit *f, size_t i, hg_qdf2_room *room, hg_err *err) {
    const hg_molecule *m = f->data->molecule[f->first + i];
    const size_t n = 3 * m->n;
    f->square[i] = 0;
    if (!hg_grow(&room->scratch, &room->scratch_cap, 3 * n + f->columns, sizeof *room->scratch))
        return hg_fail(err, HG_ENOMEM, "no memory for a molecule of %zu atoms", m->n);
    double *force = room->scratch, *direction = force + n, *other = force + 3 * n;
    hg_molecule moved = *m;
    moved.r = force + 2 * n;
    hg_rng rng = hg_rng_make(f->o->seed, REST_STREAM + f->first + i);
    HG_TRY(hg_qdf2_forces(force, f->q, room, m, err));
    f->square[i] = hg_dot(force, force, n);
    for (size_t k = i * DIRECTIONS; f->a && k < (i + 1) * DIRECTIONS; k++) {
        for (size_t j = 0; j < n; j++) direction[j] = hg_rng_normal(&rng);
        f->y[k] = hg_dot(direction, force, n);
        HG_TRY(slopes(f->x + k * f->columns, f, m, &moved, direction, other, err));
    }
    return HG_OK;
}

static void row_task(void *ctx, size_t begin, size_t end, size_t worker) {
    fit *f = ctx;
    for (size_t i = begin; i < end; i++) {
        const size_t rows = i * DIRECTIONS;
        f->failed[i] = make_rows(f, i, f->rooms.of[worker], &f->errors[i]);
        if (f->failed[i] == HG_OK) continue;
        memset(f->x + rows * f->columns, 0, DIRECTIONS * f->columns * sizeof *f->x);
        memset(f->y + rows, 0, DIRECTIONS * sizeof *f->y);
    }
}

static void add_rows(fit *f, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        const double *x = f->x + i * f->columns;
        double *to = f->packed + i * f->n;
        for (size_t j = 0; j < f->n; j++) to[j] = x[f->used[j]];
        for (size_t j = 0; j < f->n; j++) f->b[j] += to[j] * f->y[i];
    }
    hg_normal_add(f->a, f->n, f->packed, rows, f->o->pool);
}

/* All molecules: their rows, once there is a matrix to add them to, and the root mean square of a force's component. */
static hg_status pass(double *rms, fit *f, const hg_qdf2_data *data, hg_err *err) {
    double sum = 0, components = 0;
    f->data = data;
    for (f->first = 0; f->first < data->n; f->first += BLOCK) {
        const size_t n = data->n - f->first < BLOCK ? data->n - f->first : BLOCK;
        hg_pool_for(f->o->pool, n, 1, row_task, f);
        for (size_t i = 0; i < n; i++) {
            if (f->failed[i] != HG_OK && f->failed[i] != HG_ENOTCONV) {
                *err = f->errors[i];
                return f->failed[i];
            }
            if (f->failed[i] != HG_OK) continue;
            sum += f->square[i];
            components += 3 * (double)data->molecule[f->first + i]->n;
        }
        if (f->a) add_rows(f, n * DIRECTIONS);
        if (!hg_progress(f->o->hooks, "forces", f->first + n, data->n)) return hg_fail(err, HG_ECANCEL, "stopped");
    }
    *rms = components > 0 ? sqrt(sum / components) : (double)NAN;
    return HG_OK;
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */

static hg_status choose_columns(fit *f, const hg_qdf2_data *train, hg_err *err) {
    for (size_t i = 0; i < train->n; i++) {
        HG_TRY(hg_around_describe(f->x, &f->q->around, train->molecule[i], err));
        for (size_t j = 0; j < f->columns; j++) f->seen[j] |= f->x[j] != 0;
    }
    for (size_t j = 0; j < f->columns; j++)
        if (f->seen[j]) f->used[f->n++] = j;
    return HG_OK;
}

static hg_status learn(fit *f, const hg_qdf2_data *train, const hg_qdf2_data *validation, hg_err *err) {
    double of_published, of_rest, before, after;
    HG_TRY(choose_columns(f, train, err));
    HG_TRY(pass(&of_published, f, validation, err));
    f->a = hg_calloc(f->n, f->n * sizeof *f->a);
    if (!f->a) return hg_fail(err, HG_ENOMEM, "no memory for a normal matrix of %zu columns", f->n);
    HG_TRY(pass(&before, f, train, err));
    HG_TRY(hg_normal_solve(f->a, f->b, f->n, FORCE * FORCE / (f->o->rest * f->o->rest), f->o->pool, err));
    for (size_t k = 0; k < f->n; k++) f->q->rest[f->used[k]] = f->b[k];
    hg_free(f->a);
    f->a = NULL;
    HG_TRY(pass(&after, f, train, err));
    HG_TRY(pass(&of_rest, f, validation, err));
    hg_log(f->o->hooks, HG_LOG_INFO,
           "forces at rest: %.3g eV/angstrom, without the correction %.3g; validation %.3g and %.3g", after, before,
           of_rest, of_published);
    return HG_OK;
}

hg_status hg_qdf2_rest_fit(hg_qdf2 *q, const hg_qdf2_data *train, const hg_qdf2_data *validation, const hg_qdf2_opts *o,
                           hg_err *err) {
    fit f;
    if (!(o->rest > 0)) return HG_OK;
    HG_TRY(hg_qdf2_rest_make(q, err));
    hg_status st = fit_begin(&f, q, o, err);
    if (st == HG_OK) st = learn(&f, train, validation, err);
    fit_end(&f);
    return st;
}
