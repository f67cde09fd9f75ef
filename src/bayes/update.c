/* bayes/update.c -- one more observation, copies, and leaving one out
 *
 * A new row of L = chol(K) is l' = (U k)' and sqrt(k** - l'l); the new row of U = L^-1 is (-l'U, 1) / that root. The
 * inducing model adds v v' / D to B B' by a rank-one update (Gill, Golub, Murray & Saunders, Math. Comp. 28, 505, 1974).
 */
#include "bayes/model.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

static const double PIVOT_FLOOR = 1e-12; /* of a new point that round-off makes look certain */

static double *copy(hg_arena *a, const double *from, size_t used, size_t room) {
    double *to = hg_alloc(a, room, sizeof *to);
    if (to && from) memcpy(to, from, used * sizeof *to);
    return to;
}

/* A fresh arena with room for `cap` points, filled from `from` (which may be *to). */
static hg_status copy_state(hg_gp *to, const hg_gp *from, size_t cap, hg_err *err) {
    hg_arena *a = hg_arena_new();
    hg_gp g = *to;
    const size_t n = from->n, d = from->d, p = from->p, room = from->inducing ? p : cap;
    g.state = a;
    g.cap = cap;
    g.ld = room;
    g.x = copy(a, from->x, n * d, cap * d);
    g.y = copy(a, from->y, n, cap);
    g.u = hg_alloc(a, room, room * sizeof *g.u);
    g.alpha = copy(a, from->alpha, p, room);
    g.temp = hg_alloc(a, room, sizeof *g.temp);
    g.c = copy(a, from->c, p, room);
    g.z = copy(a, from->z, p, room);
    g.basis = from->inducing ? copy(a, from->basis, p * d, p * d) : g.x;
    bool ok = g.x && g.y && g.u && g.alpha && g.temp && g.c && g.z && g.basis;
    if (from->inducing) {
        g.b = copy(a, from->b, p * p, p * p);
        g.r1 = copy(a, from->r1, p, p);
        g.ry = copy(a, from->ry, p, p);
        ok = ok && g.b && g.r1 && g.ry;
    }
    if (!ok) {
        hg_arena_free(a);
        return hg_fail(err, HG_ENOMEM, "room for %zu points", cap);
    }
    for (size_t i = 0; i < p; i++) memcpy(g.u + i * room, from->u + i * from->ld, p * sizeof *g.u);
    *to = g;
    return HG_OK;
}

static hg_status grow(hg_gp *gp, hg_err *err) {
    hg_arena *old = gp->state;
    HG_TRY(copy_state(gp, gp, gp->n + gp->n / 8 + 16, err));
    hg_arena_free(old);
    return HG_OK;
}

static void append_exact(hg_gp *gp, const double *k, double kk, double *l) {
    const size_t n = gp->n;
    double *row = gp->u + n * gp->ld;
    hg_gemv(l, gp->u, gp->ld, false, k, n, n, 1, 0);
    double pivot = kk + gp->nu + gp->jitter - hg_dot(l, l, n);
    if (!(pivot > PIVOT_FLOOR)) {
        pivot = PIVOT_FLOOR;
        gp->jitter = fmax(gp->jitter, PIVOT_FLOOR);
    }
    const double root = sqrt(pivot);
    hg_gemv(row, gp->u, gp->ld, true, l, n, n, -1 / root, 0);
    row[n] = 1 / root;
    gp->c[n] = (1 - hg_dot(l, gp->c, n)) / root;
    gp->z[n] = (gp->y[n] - hg_dot(l, gp->z, n)) / root;
    gp->logdet += log(pivot);
    gp->p++;
}

static void append_inducing(hg_gp *gp, const double *k, double kk, double *v) {
    const size_t p = gp->p;
    const double y = gp->y[gp->n];
    hg_gemv(v, gp->u, gp->ld, false, k, p, p, 1, 0);
    const double d = fmax(kk - hg_dot(v, v, p), 0) + gp->nu;
    hg_axpy(gp->r1, 1 / d, v, p);
    hg_axpy(gp->ry, y / d, v, p);
    gp->s11 += 1 / d;
    gp->s1y += y / d;
    gp->syy += y * y / d;
    gp->logdet += log(d) - hg_chol_logdet(gp->b, p);
    for (size_t i = 0; i < p; i++) v[i] /= sqrt(d);
    hg_chol_update(gp->b, p, v);
    gp->logdet += hg_chol_logdet(gp->b, p);
    memcpy(gp->c, gp->r1, p * sizeof *gp->c);
    memcpy(gp->z, gp->ry, p * sizeof *gp->z);
    hg_chol_lsolve(gp->b, p, gp->c);
    hg_chol_lsolve(gp->b, p, gp->z);
}

hg_status hg_gp_update(hg_gp *gp, const double *x, double y, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    HG_TRY(hg_check_finite("x", x, 1, gp->d, err));
    HG_TRY(hg_check_finite("y", &y, 1, 1, err));
    if (gp->n == gp->cap) HG_TRY(grow(gp, err));
    const size_t p = gp->p, d = gp->d;
    double *k = hg_malloc(2 * p + d + hg_kernel_work(&gp->kernel, d, 1), sizeof *k);
    if (!k) return hg_fail(err, HG_ENOMEM, "one more point");
    double *l = k + p, *bt = l + p, *work = bt + d, kk;
    hg_gp_scale_block(bt, gp, x, 1);
    memcpy(gp->x + gp->n * d, bt, d * sizeof *bt);
    gp->y[gp->n] = (y - gp->y_shift) / gp->y_scale;
    hg_kernel_block(k, 1, &gp->values, gp->basis, p, bt, 1, 1, work);
    hg_kernel_diagonal(&kk, &gp->values, bt, 1, 1, work);
    if (gp->inducing)
        append_inducing(gp, k, kk, l);
    else
        append_exact(gp, k, kk, l);
    gp->n++;
    hg_gp_solve(gp);
    hg_gp_say(gp);
    hg_free(k);
    return HG_OK;
}

hg_status hg_gp_clone(hg_gp **out, const hg_gp *gp, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_gp *g = hg_alloc(mem, 1, sizeof *g);
    hg_status st = g ? HG_OK : hg_fail(err, HG_ENOMEM, "copy of a model");
    if (st == HG_OK) {
        *g = *gp;
        g->mem = mem;
        st = hg_gp_copy_settings(g, gp, err);
    }
    if (st == HG_OK) st = copy_state(g, gp, gp->n + 16, err);
    if (st != HG_OK) {
        hg_arena_free(mem);
        return st;
    }
    *out = g;
    return HG_OK;
}

/* ---- leave-one-out -------------------------------------------------------------------------------------------------- */

/* With P = A - A11'A / h and a = A(y - m):  y_i - mean_i = a_i / P_ii,  var_i = s2 / P_ii. */
static void left_out(double *mean, double *var, const hg_gp *gp, size_t i, double diagonal, double a1, double a) {
    const double precision = diagonal - a1 * a1 / gp->h;
    mean[i] = gp->y_shift + gp->y_scale * (gp->y[i] - a / precision);
    var[i] = gp->y_scale * gp->y_scale * gp->s2 / precision;
}

typedef struct {
    const hg_gp *gp;
    double *mean, *var, *scratch;
    size_t per_worker;
} leaving;

static void leave_out_inducing(void *ctx, size_t begin, size_t end, size_t worker) {
    const leaving *t = ctx;
    const hg_gp *gp = t->gp;
    const size_t m = end - begin, p = gp->p;
    double *bt = t->scratch + worker * t->per_worker, *k = bt + gp->d * m, *v = k + p * m, *w = v + p * m;
    double *noise = w + p * m, *wc = noise + m, *wz = wc + m, *ww = wz + m, *work = ww + m;
    hg_transpose(bt, m, gp->x + begin * gp->d, gp->d, m, gp->d);
    hg_gp_project(k, v, w, gp, bt, m, work);
    hg_kernel_diagonal(noise, &gp->values, bt, m, m, work);
    memset(ww, 0, m * sizeof *ww);
    for (size_t i = 0; i < p; i++) hg_add_squares(ww, v + i * m, m);
    for (size_t q = 0; q < m; q++) noise[q] = fmax(noise[q] - ww[q], 0) + gp->nu;
    memset(ww, 0, m * sizeof *ww);
    for (size_t i = 0; i < p; i++) hg_add_squares(ww, w + i * m, m);
    hg_gemv(wc, w, m, true, gp->c, p, m, 1, 0);
    hg_gemv(wz, w, m, true, gp->z, p, m, 1, 0);
    for (size_t q = 0; q < m; q++) {
        const double d = noise[q], a = gp->y[begin + q] - gp->mean - wz[q] + gp->mean * wc[q];
        left_out(t->mean, t->var, gp, begin + q, 1 / d - ww[q] / (d * d), (1 - wc[q]) / d, a / d);
    }
}

hg_status hg_gp_loo(double *mean, double *var, const hg_gp *gp, hg_arena *scratch, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t n = gp->n, p = gp->p;
    if (n < 2) return hg_fail(err, HG_EINVAL, "leaving one out needs at least 2 points");
    const hg_mark mark = hg_arena_mark(scratch);
    leaving t = { .gp = gp, .mean = mean, .var = var };
    const size_t width = n < HG_GP_CHUNK ? n : HG_GP_CHUNK;
    t.per_worker = gp->inducing ? (gp->d + 3 * p + 4) * width + hg_kernel_work(&gp->kernel, gp->d, width) : 2 * n;
    t.scratch = hg_alloc(scratch, gp->inducing ? hg_pool_threads(gp->pool) : 1, t.per_worker * sizeof *t.scratch);
    if (!t.scratch) return hg_fail(err, HG_ENOMEM, "scratch to leave out one of %zu points", n);
    if (gp->inducing) {
        hg_pool_for(gp->pool, n, HG_GP_CHUNK, leave_out_inducing, &t);
    } else {
        double *diagonal = t.scratch, *a1 = diagonal + n;
        for (size_t i = 0; i < n; i++) hg_add_squares(diagonal, gp->u + i * gp->ld, i + 1);
        hg_gemv(a1, gp->u, gp->ld, true, gp->c, n, n, 1, 0);
        for (size_t i = 0; i < n; i++) left_out(mean, var, gp, i, diagonal[i], a1[i], gp->alpha[i]);
    }
    hg_arena_reset(scratch, mark);
    return HG_OK;
}
