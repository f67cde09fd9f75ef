/* search/density.c -- see search/density.h */
#include "search/density.h"
#include "search/policy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const hg_density_opts *o;
    size_t *subset; /* [m] rows that the sums run over */
    size_t m;
    double *a, *b; /* [n, d] range units, mid-ranks */
    double *rho;   /* [n] ln of the sums */
    const double *x;
    size_t every; /* only rows i with i % every == 0 (the statistic of a large pool) */
    double h;
} work;

typedef struct {
    double v;
    size_t i;
} ranked;

static int by_value(const void *p, const void *q) {
    const ranked *a = p, *b = q;
    return a->v < b->v ? -1 : a->v > b->v;
}

/* b[:,j] = (number of smaller values + half the number of equal ones) / n */
static void midranks(double *b, const double *a, size_t n, size_t d, size_t j, ranked *list) {
    for (size_t i = 0; i < n; i++) list[i] = (ranked) { a[i * d + j], i };
    qsort(list, n, sizeof *list, by_value);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && list[end].v == list[begin].v; end++) {}
        for (size_t k = begin; k < end; k++)
            b[list[k].i * d + j] = ((double)begin + 0.5 * (double)(end - begin)) / (double)n;
    }
}

static void log_density(void *ctx, size_t begin, size_t end, size_t worker) {
    const work *w = ctx;
    const size_t d = w->o->d;
    const double scale = -0.5 / (w->h * w->h * (double)w->o->groups);
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        if (i % w->every) continue;
        double sum = 0;
        for (size_t k = 0; k < w->m; k++) {
            const double *p = w->x + i * d, *q = w->x + w->subset[k] * d;
            double r2 = 0;
            for (size_t j = 0; j < d; j++) r2 += (p[j] - q[j]) * (p[j] - q[j]);
            sum += exp(scale * r2);
        }
        w->rho[i] = log(fmax(sum, 1e-300));
    }
}

/* Mean and sd of rho after one pass over the pool with inputs x. */
static void spread(double *mean, double *sd, work *w, const double *x, double h, size_t every) {
    w->x = x;
    w->h = h;
    w->every = every;
    hg_pool_for(w->o->pool, w->o->n, 64, log_density, w);
    double count = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < w->o->n; i += every) {
        count++;
        sum += w->rho[i];
    }
    *mean = sum / count;
    for (size_t i = 0; i < w->o->n; i += every) squares += (w->rho[i] - *mean) * (w->rho[i] - *mean);
    *sd = sqrt(squares / count);
}

static hg_status allocate(work *w, ranked **list, hg_arena *mem, hg_err *err) {
    const hg_density_opts *o = w->o;
    const bool large = o->n > HG_POLICY.density_all;
    w->m = large ? HG_POLICY.density_subset : o->n;
    w->subset = hg_alloc(mem, o->n, sizeof *w->subset);
    w->a = hg_alloc(mem, o->n, o->d * sizeof(double));
    w->b = hg_alloc(mem, o->n, o->d * sizeof(double));
    w->rho = hg_alloc(mem, o->n, sizeof *w->rho);
    *list = hg_alloc(mem, o->n, sizeof **list);
    if (!w->subset || !w->a || !w->b || !w->rho || !*list) return hg_fail(err, HG_ENOMEM, "density of %zu rows", o->n);
    for (size_t i = 0; i < o->n; i++) w->subset[i] = i;
    hg_rng rng = hg_rng_make(o->seed, 0);
    if (large) hg_rng_shuffle(&rng, w->subset, o->n);
    return HG_OK;
}

static hg_status rows(double **out, double *strength, work *w, hg_arena *mem, hg_arena *scratch, hg_err *err) {
    const hg_density_opts *o = w->o;
    const size_t n = o->n, d = o->d, width = d + HG_DENSITY_COLUMNS;
    ranked *list;
    HG_TRY(allocate(w, &list, scratch, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) w->a[i * d + j] = (o->x[i * d + j] - o->shift[j]) / o->scale[j];
    memcpy(w->b, w->a, n * d * sizeof(double));
    for (size_t j = 0; j < d; j++)
        if (o->ranked[j]) midranks(w->b, w->a, n, d, j, list);
    double mean, c1, c2, sd;
    const size_t every = n > HG_POLICY.density_all ? n / HG_POLICY.density_all : 1;
    spread(&mean, &c1, w, w->a, HG_POLICY.density_h, every);
    spread(&mean, &c2, w, w->b, HG_POLICY.density_h, every);
    *strength = fmin(1, fmax(0, (c1 + c2 - HG_POLICY.density_from) / HG_POLICY.density_over));
    if (*strength == 0) return HG_OK;
    for (size_t i = 0; i < n * d; i++) w->a[i] += *strength * (w->b[i] - w->a[i]);
    spread(&mean, &sd, w, w->a, HG_POLICY.density_h2, 1);
    double *r = hg_alloc(mem, n, width * sizeof *r);
    if (!r) return hg_fail(err, HG_ENOMEM, "density of %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        const double e = w->rho[i] - mean;
        memcpy(r + i * width, w->a + i * d, d * sizeof *r);
        r[i * width + d] = *strength * (sd > 0 ? fmin(2, fmax(-2, e / sd)) : 0);
        r[i * width + d + 1] = *strength * e;
    }
    *out = r;
    return HG_OK;
}

hg_status hg_density_rows(double **out, double *strength, const hg_density_opts *o, hg_arena *mem, hg_err *err) {
    *out = NULL;
    *strength = 0;
    if (o->n < HG_POLICY.density_least || o->d > HG_POLICY.density_dims) return HG_OK;
    hg_arena *scratch = hg_arena_new();
    work w = { .o = o };
    const hg_status st = rows(out, strength, &w, mem, scratch, err);
    hg_arena_free(scratch);
    return st;
}
