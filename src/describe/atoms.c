/* describe/atoms.c -- see describe/atoms.h. Values and gradients come from one walk over pairs and triples: a visitor either adds to x or,
 * with the weights given, to the gradient. */
#include "describe/atoms.h"
#include "matter/molecule.h"
#include <math.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double TRIPLE_FIRST = 1.1, TRIPLE_STEP = 0.6, TRIPLE_WIDTH = 0.4;
enum { NEAR = 8 /* fine radial functions, 0.13 apart; then coarse ones, 0.5 apart */ };

hg_around hg_around_default(void) { return (hg_around) { 5, { 1, 6, 7, 8, 9 }, 6, 4 }; }

static size_t pair_size(const hg_around *b) { return b->elements * (size_t)HG_AROUND_PAIRS; }

size_t hg_around_size(const hg_around *b) {
    return pair_size(b) + b->elements * (b->elements + 1) / 2 * (size_t)(HG_AROUND_RADII * HG_AROUND_ANGLES);
}
size_t hg_around_columns(const hg_around *b) { return b->elements * hg_around_size(b); }

unsigned hg_around_element(const hg_around *b, unsigned z) {
    for (unsigned i = 0; i < b->elements; i++)
        if (b->z[i] == z) return i;
    return b->elements;
}

static size_t two_elements(const hg_around *b, unsigned e, unsigned f) { /* number of the unordered pair */
    const unsigned low = e < f ? e : f, high = e < f ? f : e;
    return low * b->elements - low * (low + 1) / 2 + high;
}

typedef struct {
    const hg_around *b;
    const hg_molecule *m;
    double *x;       /* NULL: gradient */
    const double *w; /* for the gradient */
    double *gradient;
} walk;

typedef struct { /* from the atom in the middle to a neighbour */
    size_t atom;
    unsigned element;
    double r, u[3], h, dh; /* distance, direction, cut-off of triples and its slope */
} neighbour;

static double cut(double *slope, double r, double cutoff) {
    *slope = -0.5 * PI / cutoff * sin(PI * r / cutoff);
    return 0.5 * (1 + cos(PI * r / cutoff));
}

static void add_force(const walk *v, size_t a, const neighbour *n, double slope) { /* slope = d/dr */
    for (size_t k = 0; k < 3; k++) {
        v->gradient[3 * n->atom + k] += slope * n->u[k];
        v->gradient[3 * a + k] -= slope * n->u[k];
    }
}

static void pair(const walk *v, size_t a, size_t at, const neighbour *n) {
    double dh, slope = 0;
    const double h = cut(&dh, n->r, v->b->pair_cutoff);
    at += n->element * (size_t)HG_AROUND_PAIRS;
    for (int k = 0; k < HG_AROUND_PAIRS; k++) {
        const double centre = k < NEAR ? 0.9 + 0.13 * k : 1.81 + 0.5 * (k - NEAR + 1), width = k < NEAR ? 0.13 : 0.45;
        const double t = (n->r - centre) / width, g = exp(-0.5 * t * t);
        if (v->x)
            v->x[at + (size_t)k] += h * g;
        else
            slope += v->w[at + (size_t)k] * g * (dh - h * t / width);
    }
    if (!v->x) add_force(v, a, n, slope);
}

static double power15(double x) {
    const double x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
    return x8 * x4 * x2 * x;
}

/* p(t - t_l) + p(t + t_l) of c = cos t, and its slope by c. With A, B = (1 + cos(t -+ t_l))/2 and s = sin t:
 * dA/dc = (cos t_l - c sin t_l / s)/2, dB/dc = (cos t_l + c sin t_l / s)/2; A - B = s sin t_l, so that nothing is singular at s = 0. */
static double angle(double *slope, double c, double s, int l) {
    const double tl = (l + 0.5) * PI / HG_AROUND_ANGLES, cl = cos(tl), sl = sin(tl);
    const double a = 0.5 * (1 + c * cl + s * sl), b = 0.5 * (1 + c * cl - s * sl);
    const double a15 = power15(a), b15 = power15(b);
    double ratio; /* (a15 - b15) / s */
    if (s > 1e-5) {
        ratio = (a15 - b15) / s;
    } else {
        const double mid = 0.5 * (1 + c * cl);
        ratio = mid > 0 ? 15 * power15(mid) / mid * sl : 0;
    }
    *slope = 8 * (cl * (a15 + b15) - c * sl * ratio);
    return a15 * a + b15 * b;
}

static void angles_of(double g[HG_AROUND_ANGLES], double dg[HG_AROUND_ANGLES], double c) {
    const double s = sqrt(fmax(0, 1 - c * c));
    for (int l = 0; l < HG_AROUND_ANGLES; l++) g[l] = angle(&dg[l], c, s, l);
}

static void triple(const walk *v, size_t a, size_t at, const neighbour *n, const neighbour *o) {
    double cosine = 0, g[HG_AROUND_ANGLES], dg[HG_AROUND_ANGLES], by_mean = 0, by_value = 0, by_cosine = 0;
    for (int k = 0; k < 3; k++) cosine += n->u[k] * o->u[k];
    cosine = fmax(-1, fmin(1, cosine));
    angles_of(g, dg, cosine);
    const double mean = 0.5 * (n->r + o->r), h = n->h * o->h;
    at += pair_size(v->b) + two_elements(v->b, n->element, o->element) * HG_AROUND_RADII * HG_AROUND_ANGLES;
    for (int k = 0; k < HG_AROUND_RADII; k++) {
        const double t = (mean - (TRIPLE_FIRST + TRIPLE_STEP * k)) / TRIPLE_WIDTH, radial = exp(-0.5 * t * t);
        for (int l = 0; l < HG_AROUND_ANGLES; l++) {
            const size_t i = at + (size_t)(k * HG_AROUND_ANGLES + l);
            if (v->x) {
                v->x[i] += h * radial * g[l];
            } else {
                by_value += v->w[i] * radial * g[l];
                by_mean -= v->w[i] * radial * g[l] * t / TRIPLE_WIDTH;
                by_cosine += v->w[i] * radial * dg[l];
            }
        }
    }
    if (v->x) return;
    add_force(v, a, n, by_value * n->dh * o->h + 0.5 * h * by_mean);
    add_force(v, a, o, by_value * n->h * o->dh + 0.5 * h * by_mean);
    for (size_t k = 0; k < 3; k++) { /* d cos / d r_b = (u_c - cos u_b) / r_b */
        const double to_n = h * by_cosine * (o->u[k] - cosine * n->u[k]) / n->r,
                     to_o = h * by_cosine * (n->u[k] - cosine * o->u[k]) / o->r;
        v->gradient[3 * n->atom + k] += to_n;
        v->gradient[3 * o->atom + k] += to_o;
        v->gradient[3 * a + k] -= to_n + to_o;
    }
}

static bool look(neighbour *n, const walk *v, size_t a, size_t b) {
    const double *ra = v->m->r + 3 * a, *rb = v->m->r + 3 * b;
    double r2 = 0;
    for (int k = 0; k < 3; k++) r2 += (rb[k] - ra[k]) * (rb[k] - ra[k]);
    if (r2 >= v->b->pair_cutoff * v->b->pair_cutoff && r2 >= v->b->triple_cutoff * v->b->triple_cutoff) return false;
    n->atom = b;
    n->element = hg_around_element(v->b, v->m->z[b]);
    n->r = sqrt(r2);
    for (int k = 0; k < 3; k++) n->u[k] = (rb[k] - ra[k]) / n->r;
    return true;
}

/* One atom: neighbours within the cut-off of triples are kept in near[], which holds as many as fit around an atom. */
enum { NEAR_MOST = 512 };

static hg_status around(const walk *v, size_t a, hg_err *err) {
    neighbour near[NEAR_MOST];
    size_t n_near = 0;
    const unsigned e = hg_around_element(v->b, v->m->z[a]);
    if (e == v->b->elements)
        return hg_fail(err, HG_ENOTFOUND, "%s: atom %zu is %s, an element that is not described",
                       hg_molecule_called(v->m).s, a + 1, hg_element_symbol(v->m->z[a]));
    const size_t at = e * hg_around_size(v->b);
    for (size_t b = 0; b < v->m->n; b++) {
        neighbour n;
        if (b == a || !look(&n, v, a, b)) continue;
        if (n.element == v->b->elements) continue; /* its own turn reports it */
        if (n.r < v->b->pair_cutoff) pair(v, a, at, &n);
        if (n.r >= v->b->triple_cutoff) continue;
        if (n_near == NEAR_MOST)
            return hg_fail(err, HG_ELIMIT, "%s: more than %d atoms around atom %zu", hg_molecule_called(v->m).s,
                           NEAR_MOST, a + 1);
        n.h = cut(&n.dh, n.r, v->b->triple_cutoff);
        for (size_t i = 0; i < n_near; i++) triple(v, a, at, &n, &near[i]);
        near[n_near++] = n;
    }
    return HG_OK;
}

static hg_status walk_all(const walk *v, hg_err *err) {
    for (size_t a = 0; a < v->m->n; a++) HG_TRY(around(v, a, err));
    return HG_OK;
}

hg_status hg_around_describe(double *x, const hg_around *b, const hg_molecule *m, hg_err *err) {
    memset(x, 0, hg_around_columns(b) * sizeof *x);
    return walk_all(&(walk) { .b = b, .m = m, .x = x }, err);
}

hg_status hg_around_gradient(double *gradient, const double *w, const hg_around *b, const hg_molecule *m, hg_err *err) {
    return walk_all(&(walk) { .b = b, .m = m, .w = w, .gradient = gradient }, err);
}
