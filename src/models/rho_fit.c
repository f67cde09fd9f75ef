/* models/rho_fit.c -- ridge regression of density weights; see models/rho.h
 *
 * A molecule's basis functions at random points, B; its features X, which make coefficients of functions from weights.
 * What is added to the normal matrix is X' (B' V B) X with the points' weights V. X is sparse: functions of one
 * element, l and exponent (a block) have only that block's weights. So B' V B costs points times functions^2, all else
 * less. Blocks are tasks of the pool, each with rows of its own.
 */
#include "core/memory.h"
#include "models/rho_internal.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double TAIL =
    0.001; /* e/A^3: densities below count alike; much larger, and sums are negative far from atoms */
static const double VOLUME = HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR * HG_ANGSTROM_PER_BOHR;

hg_rho_opts hg_rho_opts_default(void) { return (hg_rho_opts) { .flatten = 1, .points = 400 }; }

struct hg_rho_normal {
    hg_rho *q; /* scales; weights 0 */
    hg_pool *pool;
    double *a, *b; /* [weights, weights] lower, [weights] */
    size_t seen;   /* molecules: each has random points of its own */
};

void hg_rho_normal_free(hg_rho_normal *f) {
    if (!f) return;
    hg_rho_free(f->q);
    hg_free(f->a);
    hg_free(f->b);
    hg_free(f);
}

/* ---- random points ----------------------------------------------------------------------------------------------- */

/* Around an atom at a distance that is uniform below NEAR, for some below FAR: bohr. */
static const double NEAR = 4.5, FAR = 9, PART_NEAR = 0.85;

static double chance(double r) {
    const double radial = (r < NEAR ? PART_NEAR / NEAR : 0) + (r < FAR ? (1 - PART_NEAR) / FAR : 0);
    return radial / (4 * PI * r * r + 1e-12);
}

void hg_rho_points(double *point, double *weight, size_t points, const hg_molecule *m, hg_rng *r) {
    for (size_t i = 0; i < points; i++) {
        const size_t a = hg_rng_below(r, m->n);
        const double reach = hg_rng_uniform(r) < PART_NEAR ? NEAR : FAR, d = reach * hg_rng_uniform(r);
        double u[3], norm = 0, p = 0;
        for (size_t k = 0; k < 3; k++) {
            u[k] = hg_rng_normal(r);
            norm += u[k] * u[k];
        }
        for (size_t k = 0; k < 3; k++)
            point[3 * i + k] = m->r[3 * a + k] + HG_ANGSTROM_PER_BOHR * d * u[k] / sqrt(norm);
        for (size_t b = 0; b < m->n; b++) {
            double rr = 0;
            for (size_t k = 0; k < 3; k++) {
                const double x = (point[3 * i + k] - m->r[3 * b + k]) / HG_ANGSTROM_PER_BOHR;
                rr += x * x;
            }
            p += chance(sqrt(rr)) / (double)m->n;
        }
        weight[i] = VOLUME / (p * (double)points);
    }
}

/* ---- one molecule ------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t e, l, k;
    size_t row, rows;       /* functions of the molecule: rows = atoms (2l+1) */
    size_t column, columns; /* weights */
    const double *x;        /* [rows, columns] */
} block;

enum { BLOCKS_MOST = RHO_ELEMENTS * RHO_L * RHO_EXPONENTS + 1 };

typedef struct {
    hg_rho_normal *f;
    size_t n, points, weights;
    block block[BLOCKS_MOST];
    size_t n_blocks, n_rows;
    double *basis;  /* [n_rows, points] times the root of the points' weights */
    double *target; /* [points] likewise */
    double *s, *t;  /* [n_rows, n_rows], [n_rows, weights] */
} part;

static const double *block_features(const hg_rho *q, const rho_features *f, size_t e, unsigned l, size_t rows,
                                    hg_arena *mem) {
    const size_t n = rho_features_count(l), classes = rho_elements[e].classes;
    const double *scale = q->scale + q->l.scale[e][l];
    double *x = hg_alloc(mem, rows * classes * n, sizeof *x), *to = x;
    for (size_t a = 0; x && a < f->n; a++)
        for (size_t m = 0; f->element[a] == e && m < 2 * l + 1; m++) {
            const double *from = f->x[l] + (a * (2 * l + 1) + m) * n;
            for (size_t s = 0; s < classes; s++)
                for (size_t j = 0; j < n; j++) *to++ = f->share[a * RHO_CLASSES + s] * from[j] / scale[j];
        }
    return x;
}

static hg_status lay_out(part *p, const rho_features *f, hg_arena *mem, hg_err *err) {
    const hg_rho *q = p->f->q;
    for (size_t e = 0; e < RHO_ELEMENTS; e++) {
        size_t atoms = 0;
        for (size_t a = 0; a < f->n; a++) atoms += f->element[a] == e;
        for (unsigned l = 0; l < RHO_L && atoms; l++) {
            const size_t rows = atoms * (2 * l + 1), columns = rho_elements[e].classes * rho_features_count(l);
            const double *x = block_features(q, f, e, l, rows, mem);
            if (!x) return hg_fail(err, HG_ENOMEM, "no memory for features");
            for (size_t k = 0; k < rho_elements[e].count[l]; k++) {
                p->block[p->n_blocks++] =
                    (block) { e, l, k, p->n_rows, rows, q->l.weight[e][l] + k * columns, columns, x };
                p->n_rows += rows;
            }
        }
    }
    p->block[p->n_blocks++] = (block) { RHO_ELEMENTS, 0, 0, p->n_rows, f->n, q->l.moves, RHO_MOVES, f->move };
    p->n_rows += f->n;
    return HG_OK;
}

/* The functions of all blocks at one point. */
static void functions_at(double *to, size_t stride, const part *p, const rho_features *f, const hg_molecule *m,
                         const double *point, double root) {
    size_t atoms[RHO_ELEMENTS] = { 0 };
    for (size_t a = 0; a < m->n; a++) {
        double d[3], h[RHO_HARMONICS], e[RHO_EXPONENTS], rr = 0;
        const size_t el = f->element[a], number = atoms[el]++;
        for (size_t k = 0; k < 3; k++) {
            d[k] = (point[k] - m->r[3 * a + k]) / HG_ANGSTROM_PER_BOHR;
            rr += d[k] * d[k];
        }
        rho_harmonics(h, d);
        e[0] = exp(-0.1 * rr);
        for (size_t k = 1; k < RHO_EXPONENTS; k++) e[k] = e[k - 1] * e[k - 1];
        for (size_t i = 0; i < p->n_blocks; i++) {
            const block *b = &p->block[i];
            if (b->e == RHO_ELEMENTS) {
                const unsigned k = rho_elements[el].transfer;
                to[(b->row + a) * stride] = root * rho_norm(0, k) * e[k];
            } else if (b->e == el) {
                const unsigned l = (unsigned)b->l, k = (unsigned)(rho_elements[el].first[l] + b->k);
                const double radial = l ? rho_norm(l, k) * e[k] : rho_norm(0, k + 1) * e[k + 1] - rho_norm(0, k) * e[k];
                for (size_t c = 0; c < 2 * l + 1; c++)
                    to[(b->row + number * (2 * l + 1) + c) * stride] = root * radial * h[l * l + c];
            }
        }
    }
}

static void product_task(void *ctx, size_t begin, size_t end, size_t worker) { /* s, tiles of its lower triangle */
    part *p = ctx;
    (void)worker;
    const size_t rows = end - begin, k = p->points;
    hg_gemm(p->s + begin * p->n_rows, p->n_rows, p->basis + begin * k, k, false, p->basis, k, true, rows, end, k, 1, 0);
}

static void right_task(void *ctx, size_t begin, size_t end, size_t worker) { /* t = s x */
    part *p = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const block *b = &p->block[i];
        hg_gemm(p->t + b->column, p->weights, p->s + b->row, p->n_rows, false, b->x, b->columns, false, p->n_rows,
                b->columns, b->rows, 1, 0);
    }
}

static void left_task(void *ctx, size_t begin, size_t end, size_t worker) { /* a += x' t */
    part *p = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const block *b = &p->block[p->n_blocks - 1 - i]; /* the longest first */
        for (size_t j = 0; j < p->n_blocks; j++) {
            const block *c = &p->block[j];
            if (c->column > b->column) continue;
            hg_gemm(p->f->a + b->column * p->weights + c->column, p->weights, b->x, b->columns, true,
                    p->t + b->row * p->weights + c->column, p->weights, false, b->columns, c->columns, b->rows, 1, 1);
        }
        for (size_t r = 0; r < b->rows; r++) {
            const double sum = hg_dot(p->basis + (b->row + r) * p->points, p->target, p->points);
            for (size_t j = 0; j < b->columns; j++) p->f->b[b->column + j] += sum * b->x[r * b->columns + j];
        }
    }
}

static void add_up(part *p) {
    hg_pool *pool = p->f->pool;
    hg_pool_for(pool, p->n_rows, 64, product_task, p);
    hg_mirror_lower(p->s, p->n_rows);
    hg_pool_for(pool, p->n_blocks, 1, right_task, p);
    hg_pool_for(pool, p->n_blocks, 1, left_task, p);
}

static hg_status sample(part *p, const rho_features *f, const hg_orbitals *o, const hg_rho_cloud *cloud,
                        const hg_rho_opts *opts, uint64_t stream, hg_arena *mem, hg_err *err) {
    const hg_molecule *m = o->molecule;
    hg_rng r = hg_rng_make(opts->seed, stream);
    double *point = hg_alloc(mem, 3 * p->points, sizeof *point), *weight = hg_alloc(mem, p->points, sizeof *weight);
    double *start = hg_alloc(mem, p->points, sizeof *start), *atoms = hg_alloc(mem, p->points, sizeof *atoms);
    if (!point || !weight || !start || !atoms) return hg_fail(err, HG_ENOMEM, "no memory for %zu points", p->points);
    hg_rho_points(point, weight, p->points, m, &r);
    HG_TRY(hg_orbitals_at(p->target, o, false, point, p->points, err));
    hg_rho_at(start, cloud, HG_RHO_VALENCE, point, p->points); /* weights are zero yet: free atoms and charges */
    hg_rho_at(atoms, cloud, HG_RHO_ATOMS, point, p->points);
    for (size_t i = 0; i < p->points; i++) {
        const double root = sqrt(weight[i] / VOLUME / pow(fmax(0, atoms[i]) + TAIL, opts->flatten));
        p->target[i] = root * VOLUME * (p->target[i] - start[i]);
        functions_at(p->basis + i, p->points, p, f, m, point + 3 * i, root);
    }
    return HG_OK;
}

static hg_status learn(hg_rho_normal *n, const rho_features *f, const hg_orbitals *o, const hg_rho_cloud *cloud,
                       const hg_rho_opts *opts, uint64_t stream, hg_arena *mem, hg_err *err) {
    part p = { .f = n, .n = f->n, .points = opts->points * f->n, .weights = n->q->l.weights };
    HG_TRY(lay_out(&p, f, mem, err));
    p.basis = hg_alloc(mem, p.n_rows * p.points, sizeof *p.basis);
    p.target = hg_alloc(mem, p.points, sizeof *p.target);
    p.s = hg_alloc(mem, p.n_rows * p.n_rows, sizeof *p.s);
    p.t = hg_alloc(mem, p.n_rows * p.weights, sizeof *p.t);
    if (!p.basis || !p.target || !p.s || !p.t) return hg_fail(err, HG_ENOMEM, "no memory for %zu functions", p.n_rows);
    HG_TRY(sample(&p, f, o, cloud, opts, stream, mem, err));
    add_up(&p);
    return HG_OK;
}

/* ---- all molecules ----------------------------------------------------------------------------------------------- */

static hg_status check_elements(const hg_orbitals *o, hg_err *err) {
    for (size_t a = 0; a < o->molecule->n; a++)
        if (rho_element_of(o->molecule->z[a]) == RHO_ELEMENTS)
            return hg_fail(err, HG_EDATA, "molecule %d has an element that is not learned: only H, C, N, O are", o->id);
    return HG_OK;
}

/* Sums of squares of features, and atoms, by element. */
static hg_status measure(hg_rho_normal *n, hg_rho_room *room, const hg_orbitals *o, double *count, hg_err *err) {
    rho_features f;
    HG_TRY(check_elements(o, err));
    HG_TRY(rho_look(&f, room, o->molecule, err));
    for (size_t a = 0; a < f.n; a++) {
        count[f.element[a]]++;
        for (unsigned l = 0; l < RHO_L; l++) {
            const size_t w = rho_features_count(l);
            double *sum = n->q->scale + n->q->l.scale[f.element[a]][l];
            for (size_t m = 0; m < 2 * l + 1; m++)
                for (size_t j = 0; j < w; j++) {
                    const double x = f.x[l][(a * (2 * l + 1) + m) * w + j];
                    sum[j] += x * x;
                }
        }
    }
    return HG_OK;
}

static hg_status visit(hg_rho_normal *n, hg_rho_room *room, const hg_orbitals *o, const hg_rho_opts *opts,
                       hg_err *err) {
    rho_features f;
    hg_rho *q = n->q;
    hg_rho_cloud *cloud = NULL;
    hg_rho_room *second = NULL; /* features stay in the first one's arena */
    HG_TRY(check_elements(o, err));
    HG_TRY(rho_look(&f, room, o->molecule, err));
    hg_status st = hg_rho_room_new(&second, q, err);
    if (st == HG_OK) st = hg_rho_cloud_new(&cloud, q, second, o->molecule, err);
    for (size_t a = 0; a < f.n; a++) q->most[f.element[a]] = fmax(q->most[f.element[a]], rho_strangeness(q, &f, a));
    if (st == HG_OK) st = learn(n, &f, o, cloud, opts, n->seen, room->mem, err);
    hg_rho_cloud_free(cloud);
    hg_rho_room_free(second);
    return st;
}

/* From sums of squares to root mean squares; what hardly ever is anything else than zero keeps out of the way. */
static void end_scales(hg_rho *q, const double *count) {
    static const double FLOOR = 0.02;
    for (size_t e = 0; e < RHO_ELEMENTS; e++)
        for (unsigned l = 0; l < RHO_L; l++)
            for (size_t j = 0; j < rho_features_count(l); j++) {
                double *s = q->scale + q->l.scale[e][l] + j;
                *s = count[e] > 0 ? fmax(FLOOR, sqrt(*s / count[e])) : 1;
            }
}

static hg_status find_scales(hg_rho_normal *n, const hg_orbitals *const *train, size_t count, const hg_rho_opts *o,
                             hg_err *err) {
    hg_rho_room *room;
    double atoms[RHO_ELEMENTS] = { 0 };
    memset(n->q->scale, 0, n->q->l.scales * sizeof *n->q->scale);
    HG_TRY(hg_rho_room_new(&room, n->q, err));
    hg_status st = HG_OK;
    for (size_t i = 0; i < count && st == HG_OK; i++) {
        const hg_mark mark = hg_arena_mark(room->mem);
        st = measure(n, room, train[i], atoms, err);
        hg_arena_reset(room->mem, mark);
        if (st != HG_ENOTCONV) continue;
        hg_log(o->hooks, HG_LOG_WARN, "molecule %d is left out: its charges do not converge", train[i]->id);
        st = HG_OK;
    }
    end_scales(n->q, atoms);
    hg_rho_room_free(room);
    return st;
}

static hg_status check_opts(const hg_rho_opts *o, size_t n, hg_err *err) {
    if (!(o->flatten >= 0 && o->flatten <= 4) || o->points < 1 || o->points > 100000)
        return hg_fail(err, HG_EINVAL, "flatten has to be in 0..4 and points in 1..100000");
    return n ? HG_OK : hg_fail(err, HG_EDATA, "no densities to learn from");
}

hg_status hg_rho_normal_add(hg_rho_normal *f, const hg_orbitals *const *more, size_t n, const hg_rho_opts *opts,
                            hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const hg_rho_opts o = opts ? *opts : hg_rho_opts_default();
    hg_rho_room *room;
    HG_TRY(check_opts(&o, n, err));
    HG_TRY(hg_rho_room_new(&room, f->q, err));
    hg_status st = HG_OK;
    for (size_t i = 0; i < n && st == HG_OK; i++, f->seen++) {
        const hg_mark mark = hg_arena_mark(room->mem);
        st = visit(f, room, more[i], &o, err);
        hg_arena_reset(room->mem, mark);
        if (st == HG_ENOTCONV) st = HG_OK;
        if (st == HG_OK && !hg_progress(o.hooks, "densities", i + 1, n)) st = HG_ECANCEL;
    }
    hg_rho_room_free(room);
    return st;
}

hg_status hg_rho_normal_new(hg_rho_normal **out, const hg_orbitals *const *train, size_t n, const hg_rho_opts *opts,
                            hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const hg_rho_opts o = opts ? *opts : hg_rho_opts_default();
    *out = NULL;
    HG_TRY(check_opts(&o, n, err));
    hg_rho_normal *f = hg_calloc(1, sizeof *f);
    if (!f) return hg_fail(err, HG_ENOMEM, "no memory to learn densities");
    f->pool = o.pool;
    hg_status st = hg_rho_make(&f->q, o.theta, err);
    if (st == HG_OK) {
        const size_t w = f->q->l.weights;
        f->a = hg_calloc(w, w * sizeof *f->a);
        f->b = hg_calloc(w, sizeof *f->b);
        if (!f->a || !f->b) st = hg_fail(err, HG_ENOMEM, "no memory for a normal matrix of %zu weights", w);
    }
    if (st == HG_OK) st = find_scales(f, train, n, &o, err);
    if (st == HG_OK) st = hg_rho_normal_add(f, train, n, &o, err);
    if (st == HG_OK)
        *out = f;
    else
        hg_rho_normal_free(f);
    return st;
}

/* Solves (A + ridge) w = b for the weights that any molecule has had to do with; the others stay zero. */
static hg_status solve(double *w, const hg_rho_normal *f, double ridge, hg_err *err) {
    const size_t all_weights = f->q->l.weights;
    size_t n = 0, *used = hg_malloc(all_weights, sizeof *used);
    for (size_t i = 0; used && i < all_weights; i++)
        if (f->a[i * all_weights + i] > 0) used[n++] = i;
    double *a = hg_malloc(n, n * sizeof *a), *x = hg_malloc(n, sizeof *x);
    hg_status st = used && a && x ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a normal matrix of %zu weights", n);
    for (size_t i = 0; i < n && st == HG_OK; i++) {
        for (size_t j = 0; j <= i; j++) a[i * n + j] = f->a[used[i] * all_weights + used[j]];
        a[i * n + i] += ridge;
        x[i] = f->b[used[i]];
    }
    if (st == HG_OK && hg_chol_blocked(a, n, f->pool))
        st = hg_fail(err, HG_ENOTPD, "the ridge %g is too small for these densities", ridge);
    if (st == HG_OK) {
        hg_chol_lsolve(a, n, x);
        hg_chol_ltsolve(a, n, x);
        for (size_t i = 0; i < n; i++) w[used[i]] = x[i];
    }
    hg_free(used);
    hg_free(a);
    hg_free(x);
    return st;
}

hg_status hg_rho_fit(hg_rho **out, const hg_rho_normal *f, double ridge, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    *out = NULL;
    if (!(ridge > 0)) return hg_fail(err, HG_EINVAL, "the ridge has to be positive");
    hg_rho *q;
    HG_TRY(hg_rho_make(&q, f->q->theta, err));
    memcpy(q->scale, f->q->scale, q->l.scales * sizeof *q->scale);
    memcpy(q->most, f->q->most, sizeof q->most);
    const hg_status st = solve(q->w, f, ridge, err);
    if (st == HG_OK)
        *out = q;
    else
        hg_rho_free(q);
    return st;
}
