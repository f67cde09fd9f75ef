/* learn/clusters.c -- see learn/clusters.h */
#include "learn/clusters.h"
#include "core/memory.h"
#include "learn/scaling.h"
#include <math.h>
#include <string.h>

enum { PASSES_MOST = 100 };

typedef struct {
    size_t n, axes, parts;
    double *at;     /* [n,axes] */
    double *centre; /* [parts,axes] */
    double *near;   /* [n] square of the distance to the nearest centre */
    size_t *part;   /* [n] */
} clustering;

/* ---- where rows lie ------------------------------------------------------------------------------------------------- */

/* Few numbers stand for themselves; many are projected so that distances stay what they are in the mean. */
static hg_status place(clustering *c, const hg_rows *rows, uint64_t seed, hg_err *err) {
    const size_t d = rows->d;
    hg_scaling scaling;
    HG_TRY(hg_scaling_fit(&scaling, rows, err));
    double *axis = hg_calloc(c->axes * d, sizeof *axis), *z = hg_malloc(d, sizeof *z);
    hg_rng r = hg_rng_make(seed, 0xc105);
    for (size_t a = 0; axis && a < c->axes; a++)
        for (size_t j = 0; j < d; j++) axis[a * d + j] = c->axes < d ? hg_rng_normal(&r) : (double)(a == j);
    for (size_t i = 0; axis && z && i < c->n; i++) {
        hg_scaling_apply(z, &scaling, rows->x + i * d, 1);
        for (size_t a = 0; a < c->axes; a++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++) sum += axis[a * d + j] * z[j];
            c->at[i * c->axes + a] = sum;
        }
    }
    const bool good = axis && z;
    hg_free(axis);
    hg_free(z);
    hg_scaling_free(&scaling);
    return good ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for groups of rows");
}

static double square(const clustering *c, size_t row, size_t part) {
    double sum = 0;
    for (size_t a = 0; a < c->axes; a++) {
        const double d = c->at[row * c->axes + a] - c->centre[part * c->axes + a];
        sum += d * d;
    }
    return sum;
}

/* ---- k-means -------------------------------------------------------------------------------------------------------- */

static void seat(clustering *c, size_t part, size_t row) {
    memcpy(c->centre + part * c->axes, c->at + row * c->axes, c->axes * sizeof *c->centre);
    for (size_t i = 0; i < c->n; i++) {
        const double d = square(c, i, part);
        if (part == 0 || d < c->near[i]) c->near[i] = d;
    }
}

/* Each next centre is a row drawn in proportion to the square of its distance to those there are. */
static void choose_centres(clustering *c, uint64_t seed) {
    hg_rng r = hg_rng_make(seed, 0xc106);
    seat(c, 0, hg_rng_below(&r, c->n));
    for (size_t k = 1; k < c->parts; k++) {
        double sum = 0;
        for (size_t i = 0; i < c->n; i++) sum += c->near[i];
        if (!(sum > 0)) {
            c->parts = k; /* no row is elsewhere */
            return;
        }
        double left = sum * hg_rng_uniform(&r);
        size_t row = c->n;
        for (size_t i = 0; i < c->n && left > 0; i++)
            if (c->near[i] > 0) row = i, left -= c->near[i];
        seat(c, k, row);
    }
}

static bool assign(clustering *c) {
    bool moved = false;
    for (size_t i = 0; i < c->n; i++) {
        size_t best = 0;
        double least = square(c, i, 0);
        for (size_t k = 1; k < c->parts; k++) {
            const double d = square(c, i, k);
            if (d < least) least = d, best = k;
        }
        moved |= best != c->part[i];
        c->part[i] = best;
    }
    return moved;
}

/* A centre that lost all its rows stays where it is. */
static void move_centres(clustering *c) {
    size_t count[HG_CLUSTERS_MOST] = { 0 };
    for (size_t i = 0; i < c->n; i++) {
        double *centre = c->centre + c->part[i] * c->axes;
        if (count[c->part[i]]++ == 0) memset(centre, 0, c->axes * sizeof *centre);
        for (size_t a = 0; a < c->axes; a++) centre[a] += c->at[i * c->axes + a];
    }
    for (size_t k = 0; k < c->parts; k++)
        for (size_t a = 0; count[k] && a < c->axes; a++) c->centre[k * c->axes + a] /= (double)count[k];
}

/* Groups by falling size, without those that have no row. */
static size_t number_by_size(clustering *c) {
    size_t count[HG_CLUSTERS_MOST] = { 0 }, place_of[HG_CLUSTERS_MOST], found = 0;
    for (size_t i = 0; i < c->n; i++) count[c->part[i]]++;
    for (size_t k = 0; k < c->parts; k++) {
        place_of[k] = 0;
        for (size_t o = 0; o < c->parts; o++) place_of[k] += count[o] > count[k] || (count[o] == count[k] && o < k);
        found += count[k] > 0;
    }
    for (size_t i = 0; i < c->n; i++) c->part[i] = place_of[c->part[i]];
    return found;
}

hg_status hg_rows_clusters(size_t *part, size_t *found, const hg_rows *rows, size_t parts, uint64_t seed, hg_err *err) {
    clustering c = { .n = rows->n, .axes = rows->d < HG_CLUSTER_AXES ? rows->d : HG_CLUSTER_AXES, .part = part };
    *found = 0;
    if (parts == 0 || parts > HG_CLUSTERS_MOST || rows->n == 0)
        return hg_fail(err, HG_EINVAL, "%zu groups of %zu rows, expected 1 to %d of 1 row or more", parts, rows->n,
                       HG_CLUSTERS_MOST);
    c.parts = parts < rows->n ? parts : rows->n;
    c.at = hg_calloc(c.n * c.axes, sizeof *c.at);
    c.centre = hg_calloc(c.parts * c.axes, sizeof *c.centre);
    c.near = hg_calloc(c.n, sizeof *c.near);
    hg_status st = c.at && c.centre && c.near ? place(&c, rows, seed, err)
                                              : hg_fail(err, HG_ENOMEM, "no memory for groups of rows");
    if (st == HG_OK) {
        for (size_t i = 0; i < c.n; i++) part[i] = SIZE_MAX;
        choose_centres(&c, seed);
        for (size_t pass = 0; pass < PASSES_MOST && assign(&c); pass++) move_centres(&c);
        *found = number_by_size(&c);
    }
    hg_free(c.at);
    hg_free(c.centre);
    hg_free(c.near);
    return st;
}
