/* models/rho_integral.c -- the integral of a density by quadrature around atoms: Becke, J. Chem. Phys. 88, 2547 (1988)
 *
 * Space is cut into soft cells, one an atom. In a cell: Gauss-Chebyshev points of the second kind in x = (r - R)/(r +
 * R), and on spheres Gauss-Legendre points in cos(theta) times even ones in phi, exact up to degree 31.
 */
#include "models/rho_integral.h"
#include "core/memory.h"
#include "models/rho_internal.h"
#include <math.h>

static const double PI = 3.14159265358979323846;
enum { RADIAL = 64, THETA = 16, PHI = 2 * THETA, SPHERE = THETA * PHI };
static const double MIDDLE = 0.5; /* angstrom: half of the radial points are closer */

/* Nodes and weights on (-1, 1): Newton's method on Legendre's polynomial. */
static void legendre(double *x, double *w) {
    for (int i = 0; i < THETA; i++) {
        double t = cos(PI * (i + 0.75) / (THETA + 0.5)), slope = 1;
        for (int step = 0; step < 20; step++) {
            double p = 1, before = 0;
            for (int k = 1; k <= THETA; k++) {
                const double next = ((2 * k - 1) * t * p - (k - 1) * before) / k;
                before = p;
                p = next;
            }
            slope = THETA * (t * p - before) / (t * t - 1);
            t -= p / slope;
        }
        x[i] = t;
        w[i] = 2 / ((1 - t * t) * slope * slope);
    }
}

static double distance(const double *a, const double *b) {
    return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
}

static double step_of(double mu) { /* eq. (19, 20), three times: 1 at mu = -1, 0 at 1 */
    for (int i = 0; i < 3; i++) mu = 0.5 * mu * (3 - mu * mu);
    return 0.5 * (1 - mu);
}

/* What part of this point belongs to the cell of `atom`. */
static double cell(const double *p, const double *r, size_t n, size_t atom, double *to, double *part) {
    double sum = 0;
    for (size_t a = 0; a < n; a++) to[a] = distance(p, r + 3 * a), part[a] = 1;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++) {
            const double s = step_of((to[a] - to[b]) / distance(r + 3 * a, r + 3 * b));
            part[a] *= s;
            part[b] *= 1 - s;
        }
    for (size_t a = 0; a < n; a++) sum += part[a];
    return part[atom] / sum;
}

typedef struct {
    const double *r;
    size_t n;
    hg_integrand f;
    const void *ctx;
    double x[THETA], w[THETA];
    double *sum;  /* [n RADIAL] */
    double *cell; /* [threads, 2 n] */
} work;

static void shell_task(void *ctx, size_t begin, size_t end, size_t worker) {
    work *k = ctx;
    double p[3 * SPHERE], value[SPHERE];
    double *to = k->cell + 2 * k->n * worker;
    for (size_t i = begin; i < end; i++) {
        const size_t atom = i / RADIAL;
        const double angle = PI * (double)(i % RADIAL + 1) / (RADIAL + 1), x = cos(angle),
                     r = MIDDLE * (1 + x) / (1 - x);
        /* the rule's weight sin^2 pi/(n+1), over its sqrt(1 - x^2), times dr/dx, r^2 */
        const double radial = PI / (RADIAL + 1) * sin(angle) * 2 * MIDDLE / ((1 - x) * (1 - x)) * r * r;
        for (size_t s = 0; s < SPHERE; s++) {
            const double z = k->x[s / PHI], rho = sqrt(1 - z * z), phi = 2 * PI * (double)(s % PHI) / PHI;
            const double u[3] = { rho * cos(phi), rho * sin(phi), z };
            for (size_t c = 0; c < 3; c++) p[3 * s + c] = k->r[3 * atom + c] + r * u[c];
        }
        k->f(value, k->ctx, p, SPHERE);
        k->sum[i] = 0;
        for (size_t s = 0; s < SPHERE; s++)
            k->sum[i] +=
                radial * k->w[s / PHI] * 2 * PI / PHI * value[s] * cell(p + 3 * s, k->r, k->n, atom, to, to + k->n);
    }
}

hg_status hg_integrate(double *out, hg_integrand f, const void *ctx, const double *r, size_t n, hg_pool *pool,
                       hg_err *err) {
    work k = { .r = r, .n = n, .f = f, .ctx = ctx, .sum = hg_calloc(n * RADIAL, sizeof *k.sum) };
    k.cell = hg_malloc(2 * n, hg_pool_threads(pool) * sizeof *k.cell);
    const bool room = k.sum && k.cell;
    *out = 0;
    if (room) {
        legendre(k.x, k.w);
        hg_pool_for(pool, n * RADIAL, 4, shell_task, &k);
        for (size_t i = 0; i < n * RADIAL; i++) *out += k.sum[i];
    }
    hg_free(k.sum);
    hg_free(k.cell);
    return room ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to integrate around %zu atoms", n);
}

typedef struct {
    const hg_rho_cloud *c;
    hg_rho_kind kind;
} density;

static void density_at(double *value, const void *ctx, const double *points, size_t n) {
    const density *d = ctx;
    hg_rho_at(value, d->c, d->kind, points, n);
}

hg_status hg_rho_integral(double *out, const hg_rho_cloud *c, hg_rho_kind kind, hg_pool *pool, hg_err *err) {
    double *r = hg_malloc(3 * c->n, sizeof *r);
    *out = 0;
    if (!r) return hg_fail(err, HG_ENOMEM, "no memory to integrate around %zu atoms", c->n);
    for (size_t i = 0; i < 3 * c->n; i++) r[i] = c->r[i] * HG_ANGSTROM_PER_BOHR;
    const hg_status st = hg_integrate(out, density_at, &(density) { c, kind }, r, c->n, pool, err);
    hg_free(r);
    return st;
}
