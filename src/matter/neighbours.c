/* matter/neighbours.c -- cells, then all pairs of a cell and those around it; twice: to count, and to write */
#include "matter/neighbours.h"
#include "matter/snapshot.h"

enum { CELLS_MOST = 128 }; /* in one direction: beyond it cells only get larger */
static const size_t LINKS_MOST = (size_t)1 << 31;
static const double FAR = 1e9; /* boxes: little is left of the digits */

typedef struct {
    const double *box;
    size_t n, cells[3];
    double range2;
    uint32_t *start, *member; /* [cells+1], [n]: particles in the order of cells */
    double *place;            /* [n,3] theirs, in the box */
} grid;

/* With fewer than three cells the one to the left is the one to the right: all in one then. */
static size_t cells_along(double length, double range) {
    const double c = floor(length / range);
    return c < 3 ? 1 : c > CELLS_MOST ? CELLS_MOST : (size_t)c;
}

static size_t cell_along(double x, double length, size_t cells) {
    const size_t c = (size_t)(x / length * (double)cells);
    return c < cells ? c : cells - 1;
}

static hg_status into_the_box(grid *g, const double *x, hg_arena *mem, hg_err *err) {
    g->place = hg_alloc(mem, g->n, 3 * sizeof *g->place);
    if (!g->place) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", g->n);
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < 3; k++) {
            const double at = x[3 * i + k];
            if (fabs(at) > FAR * g->box[k])
                return hg_fail(err, HG_EDATA, "particle %zu is %g boxes away", i + 1, fabs(at) / g->box[k]);
            g->place[3 * i + k] = hg_wrapped(at, g->box[k]);
        }
    return HG_OK;
}

static hg_status grid_fill(grid *g, hg_arena *mem, hg_err *err) {
    const size_t all = g->cells[0] * g->cells[1] * g->cells[2];
    g->start = hg_alloc(mem, all + 1, sizeof *g->start);
    g->member = hg_alloc(mem, g->n, sizeof *g->member);
    uint32_t *of = hg_alloc(mem, g->n, sizeof *of);
    if (!g->start || !g->member || !of) return hg_fail(err, HG_ENOMEM, "no memory for a grid of %zu particles", g->n);
    for (size_t i = 0; i < g->n; i++) {
        size_t c = 0;
        for (size_t k = 0; k < 3; k++) c = c * g->cells[k] + cell_along(g->place[3 * i + k], g->box[k], g->cells[k]);
        of[i] = (uint32_t)c;
        g->start[c + 1]++;
    }
    for (size_t c = 0; c < all; c++) g->start[c + 1] += g->start[c];
    for (size_t i = g->n; i-- > 0;) g->member[--g->start[of[i] + 1]] = (uint32_t)i;
    /* start[c + 1] is now where cell c begins: one to the left, and the end where it was */
    for (size_t c = 0; c < all; c++) g->start[c] = g->start[c + 1];
    g->start[all] = (uint32_t)g->n;
    return HG_OK;
}

/* The cells from which particle i may have neighbours: at most 27. */
static size_t cells_around(uint32_t cell[27], const grid *g, size_t i) {
    size_t at[3], n = 0;
    for (size_t k = 0; k < 3; k++) at[k] = cell_along(g->place[3 * i + k], g->box[k], g->cells[k]);
    const size_t span[3] = { g->cells[0] < 3 ? 1 : 3, g->cells[1] < 3 ? 1 : 3, g->cells[2] < 3 ? 1 : 3 };
    for (size_t a = 0; a < span[0]; a++)
        for (size_t b = 0; b < span[1]; b++)
            for (size_t c = 0; c < span[2]; c++) {
                const size_t step[3] = { a, b, c };
                size_t id = 0;
                for (size_t k = 0; k < 3; k++)
                    id = id * g->cells[k] + (span[k] == 1 ? 0 : (at[k] + step[k] + g->cells[k] - 1) % g->cells[k]);
                cell[n++] = (uint32_t)id;
            }
    return n;
}

/* Those of particle i into out (NULL: they are only counted), in the order of cells. */
static size_t around(const grid *g, size_t i, uint32_t *other) {
    uint32_t cell[27];
    const size_t cells = cells_around(cell, g, i);
    const double *x = g->place + 3 * i;
    size_t n = 0;
    for (size_t c = 0; c < cells; c++)
        for (uint32_t m = g->start[cell[c]]; m < g->start[cell[c] + 1]; m++) {
            const uint32_t j = g->member[m];
            const double *y = g->place + 3 * (size_t)j;
            double r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                double d = y[k] - x[k]; /* both in the box */
                if (d > g->box[k] / 2) d -= g->box[k];
                if (d < -g->box[k] / 2) d += g->box[k];
                r2 += d * d;
            }
            if (r2 >= g->range2 || j == i) continue;
            if (other) other[n] = j;
            n++;
        }
    return n;
}

static void sort(uint32_t *a, size_t n) {
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : (size_t)((double)gap / 2.2))
        for (size_t i = gap; i < n; i++) {
            const uint32_t v = a[i];
            size_t j = i;
            for (; j >= gap && a[j - gap] > v; j -= gap) a[j] = a[j - gap];
            a[j] = v;
        }
}

static hg_status link(hg_neighbours *out, const grid *g, hg_arena *mem, hg_err *err) {
    out->n = g->n;
    out->first = hg_alloc(mem, g->n + 1, sizeof *out->first);
    if (!out->first) return hg_fail(err, HG_ENOMEM, "no memory for the neighbours of %zu particles", g->n);
    for (size_t i = 0; i < g->n; i++) {
        out->first[i + 1] = out->first[i] + around(g, i, NULL);
        if (out->first[i + 1] > LINKS_MOST)
            return hg_advise(err, hg_fail(err, HG_ELIMIT, "particles have more than %zu neighbours in all", LINKS_MOST),
                             "are many of them on one spot?");
    }
    const size_t links = out->first[g->n];
    out->other = hg_alloc(mem, links, sizeof *out->other);
    out->d = hg_alloc(mem, links, 3 * sizeof *out->d);
    out->r = hg_alloc(mem, links, sizeof *out->r);
    if (!out->other || !out->d || !out->r) return hg_fail(err, HG_ENOMEM, "no memory for %zu neighbours", links);
    for (size_t i = 0; i < g->n; i++) {
        sort(out->other + out->first[i], around(g, i, out->other + out->first[i]));
        for (size_t l = out->first[i]; l < out->first[i + 1]; l++) {
            double *d = out->d + 3 * l, r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                d[k] = hg_nearest_image(g->place[3 * (size_t)out->other[l] + k] - g->place[3 * i + k], g->box[k]);
                r2 += d[k] * d[k];
            }
            out->r[l] = sqrt(r2);
        }
    }
    return HG_OK;
}

hg_status hg_neighbours_find(hg_neighbours *out, const double *x, size_t n, const double box[3], double range,
                             hg_arena *mem, hg_err *err) {
    *out = (hg_neighbours) { .n = n };
    if (!(range > 0) || !isfinite(range)) return hg_fail(err, HG_EINVAL, "a range of %g for neighbours", range);
    if (n > UINT32_MAX) return hg_fail(err, HG_ELIMIT, "%zu particles are more than neighbours are found of", n);
    for (size_t k = 0; k < 3; k++) {
        if (!isfinite(box[k]) || !(box[k] >= 2 * range))
            return hg_advise(
                err,
                hg_fail(err, HG_EINVAL,
                        "the box is %g long in direction %c: shorter than twice the range %g of neighbours", box[k],
                        "xyz"[k], range),
                "take a larger system");
    }
    HG_TRY(hg_check_finite("particle", x, n, 3, err));
    grid g = { .box = box, .n = n, .range2 = range * range };
    for (size_t k = 0; k < 3; k++) g.cells[k] = cells_along(box[k], range);
    hg_arena *scratch = hg_arena_new();
    hg_status st = scratch ? into_the_box(&g, x, scratch, err) : hg_fail(err, HG_ENOMEM, "no memory for neighbours");
    if (st == HG_OK) st = grid_fill(&g, scratch, err);
    if (st == HG_OK) st = link(out, &g, mem, err);
    hg_arena_free(scratch);
    return st;
}
