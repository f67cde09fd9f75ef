/* matter/snapshot.c -- see hagane/snapshot.h
 *
 * Overlaps are looked for as in matter/molecule.c, here through the walls: cells of a hashed grid, not narrower than the limit;
 * each particle looks into the cells that it can reach and then joins its own. The search ends at the first overlap, so that no
 * cell ever holds more than a few, whatever a hostile file puts there.
 */
#include "matter/snapshot.h"
#include "core/memory.h"
#include <string.h>

static const double NARROWEST_CELL = 1e-3;

hg_snapshot *hg_snapshot_new(hg_arena *mem, size_t n) {
    if (n == 0) return NULL;
    hg_snapshot *s = hg_alloc(mem, 1, sizeof *s);
    uint8_t *species = hg_alloc(mem, n, sizeof *species);
    double *x = hg_alloc(mem, n, 3 * sizeof *x);
    if (!s || !species || !x) return NULL;
    *s = (hg_snapshot) {
        .n = n, .species = species, .x = x, .temperature = (double)NAN, .id = "", .split = "", .liquid = -1
    };
    return s;
}

/* ---- overlaps ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_snapshot *s;
    const double *x;       /* [n,3] of the snapshot, or of one of its states */
    uint32_t *head, *next; /* particle + 1; 0: none */
    size_t mask;
    int64_t cells[3];
    double nearest2;
} grid;

static double distance2(const hg_snapshot *s, const double *x, size_t a, size_t b) {
    double sum = 0;
    for (size_t k = 0; k < 3; k++) {
        const double d = hg_nearest_image(x[3 * b + k] - x[3 * a + k], s->box[k]);
        sum += d * d;
    }
    return sum;
}

static uint32_t *bucket(const grid *g, const int64_t cell[3]) {
    uint64_t h = 0;
    for (size_t k = 0; k < 3; k++) {
        const int64_t m = g->cells[k], c = cell[k] < 0 ? cell[k] + m : cell[k] >= m ? cell[k] - m : cell[k];
        h = (h ^ (uint64_t)c) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return &g->head[(size_t)h & g->mask];
}

/* The nearest earlier particle within reach of particle i, the first of several, which then joins its own cell. */
static bool enter(size_t *a, grid *g, size_t i) {
    int64_t own[3], c[3];
    double nearest2 = g->nearest2;
    bool found = false;
    for (size_t k = 0; k < 3; k++) {
        own[k] = (int64_t)(g->x[3 * i + k] / g->s->box[k] * (double)g->cells[k]);
        if (own[k] >= g->cells[k]) own[k] = g->cells[k] - 1;
    }
    for (c[0] = own[0] - 1; c[0] <= own[0] + 1; c[0]++)
        for (c[1] = own[1] - 1; c[1] <= own[1] + 1; c[1]++)
            for (c[2] = own[2] - 1; c[2] <= own[2] + 1; c[2]++)
                for (uint32_t at = *bucket(g, c); at; at = g->next[at - 1]) {
                    const double d2 = distance2(g->s, g->x, i, at - 1);
                    if (d2 > nearest2 || (d2 == nearest2 && (!found || at - 1 > *a))) continue;
                    nearest2 = d2;
                    found = true;
                    *a = at - 1;
                }
    uint32_t *head = bucket(g, own);
    g->next[i] = *head;
    *head = (uint32_t)i + 1;
    return found;
}

static hg_status find_overlap(bool *found, size_t *a, size_t *b, const hg_snapshot *s, const double *x, double nearest,
                              hg_err *err) {
    size_t buckets = 64;
    *found = false;
    while (buckets < s->n) buckets *= 2;
    grid g = { .s = s, .x = x, .mask = buckets - 1, .nearest2 = nearest * nearest };
    g.head = hg_calloc(buckets, sizeof *g.head);
    g.next = hg_malloc(s->n, sizeof *g.next);
    const bool ok = g.head && g.next;
    for (size_t k = 0; k < 3; k++) {
        /* a hair wider than the limit, so that rounding of the cell's number cannot hide a neighbour */
        const double width = 1.0001 * (nearest > NARROWEST_CELL ? nearest : NARROWEST_CELL);
        g.cells[k] = s->box[k] > width ? (int64_t)(s->box[k] / width) : 1;
    }
    for (size_t i = 0; ok && i < s->n && !*found; i++) {
        *found = enter(a, &g, i);
        *b = i;
    }
    hg_free(g.head);
    hg_free(g.next);
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to compare %zu particles", s->n);
}

/* ---- the check --------------------------------------------------------------------------------------------------- */

static hg_status fail(const hg_snapshot *s, hg_err *err, hg_status code, const char *what) {
    return hg_fail(err, code, "%s%s%s", s->id, *s->id ? ": " : "", what);
}

static hg_status check_box(const hg_snapshot *s, double cutoff, hg_err *err) {
    if (s->n == 0) return fail(s, err, HG_EINVAL, "a snapshot without particles");
    if (s->n >= (size_t)1 << 31) return fail(s, err, HG_ELIMIT, "2^31 particles or more");
    for (size_t k = 0; k < 3; k++) {
        const double length = s->box[k];
        if (!isfinite(length)) return fail(s, err, HG_ENAN, "a side of the box is not a finite number");
        if (length <= 0) return fail(s, err, HG_EINVAL, "a side of the box is not positive");
        if (length > HG_BOX_LONGEST) return fail(s, err, HG_EDATA, "a side of the box is longer than 10^6");
        if (length < 2 * cutoff)
            return hg_advise(err,
                             hg_fail(err, HG_EDATA, "%s%sthe box is %.6g wide along %c, less than twice the cut-off %g",
                                     s->id, *s->id ? ": " : "", length, "xyz"[k], cutoff),
                             "a particle would meet two images of another: make the system larger");
    }
    return isinf(s->temperature) || s->temperature <= 0
               ? fail(s, err, HG_EINVAL, "the temperature must be above 0, or unknown")
               : HG_OK;
}

static hg_status check_particle(const hg_snapshot *s, size_t i, hg_err *err) {
    const char *const id = s->id, *const colon = *id ? ": " : "";
    if (s->species[i] >= HG_SPECIES_MOST)
        return hg_fail(err, HG_EDATA, "%s%sparticle %zu is of species %u, expected 0..%d", id, colon, i + 1,
                       s->species[i], HG_SPECIES_MOST - 1);
    for (size_t k = 0; k < 3; k++) {
        const double x = s->x[3 * i + k];
        if (!isfinite(x))
            return hg_advise(err,
                             hg_fail(err, HG_ENAN, "%s%sthe %c coordinate of particle %zu (%c) is not a finite number",
                                     id, colon, "xyz"[k], i + 1, hg_species_letter(s->species[i])),
                             "the program that wrote it failed before: look at its own messages");
        if (x < 0 || x >= s->box[k])
            return hg_advise(err,
                             hg_fail(err, HG_EDATA,
                                     "%s%sthe %c coordinate of particle %zu (%c) is %.9g, outside of the box 0..%.9g",
                                     id, colon, "xyz"[k], i + 1, hg_species_letter(s->species[i]), x, s->box[k]),
                             "is the box that of these positions, and are they wrapped into it?");
    }
    return HG_OK;
}

static hg_status check_reals(const hg_snapshot *s, const double *x, size_t width, const char *what, hg_err *err) {
    if (!x) return HG_OK;
    for (size_t i = 0; i < s->n * width; i++)
        if (!isfinite(x[i]))
            return hg_fail(err, HG_ENAN, "%s%sthe %s of particle %zu is not a finite number", s->id, *s->id ? ": " : "",
                           what, i / width + 1);
    return HG_OK;
}

/* x[n_times, n]; NULL is fine. */
static hg_status check_labels(const hg_snapshot *s, const float *x, size_t n, bool negative, const char *what,
                              hg_err *err) {
    if (!x) return HG_OK;
    for (size_t t = 0; t < s->n_times; t++)
        for (size_t i = 0; i < n; i++) {
            const double v = (double)x[t * n + i];
            if (isfinite(v) && (v >= 0 || negative)) continue;
            return hg_fail(err, isfinite(v) ? HG_EDATA : HG_ENAN, "%s%sthe %s %zu at time %g is %g, expected a %s",
                           s->id, *s->id ? ": " : "", what, i + 1, s->time[t], v,
                           negative ? "finite number" : "number not below 0");
        }
    return HG_OK;
}

static hg_status check_future(const hg_snapshot *s, hg_err *err) {
    for (size_t t = 0; t < s->n_times; t++)
        if (!(s->time[t] > (t ? s->time[t - 1] : 0)) || isinf(s->time[t]))
            return hg_fail(err, HG_EDATA, "%s%stime %zu of the labels is %g: times are above 0 and ascend", s->id,
                           *s->id ? ": " : "", t + 1, s->time[t]);
    for (size_t p = 0; p < s->n_pairs; p++)
        if (s->pair[2 * p] >= s->pair[2 * p + 1] || s->pair[2 * p + 1] >= s->n)
            return hg_fail(err, HG_EDATA, "%s%spair %zu is %u-%u, expected two of %zu particles in order, from 0",
                           s->id, *s->id ? ": " : "", p + 1, s->pair[2 * p], s->pair[2 * p + 1], s->n);
    HG_TRY(check_labels(s, s->propensity, s->n, false, "propensity of particle", err));
    HG_TRY(check_labels(s, s->stretch, s->n_pairs, true, "stretch of pair", err));
    for (size_t h = 0; h < 2; h++) {
        HG_TRY(check_labels(s, s->propensity_half[h], s->n, false, "propensity (half the runs) of particle", err));
        HG_TRY(check_labels(s, s->stretch_half[h], s->n_pairs, true, "stretch (half the runs) of pair", err));
    }
    return HG_OK;
}

/* No two particles at x[n,3] are closer than `nearest`. place: "" or where that is, "in the cage state ". */
static hg_status check_apart(size_t *which, const hg_snapshot *s, const double *x, double nearest, const char *place,
                             const char *advice, hg_err *err) {
    size_t a = 0, b = 0;
    bool found;
    HG_TRY(find_overlap(&found, &a, &b, s, x, nearest, err));
    if (!found) return HG_OK;
    *which = b;
    return hg_advise(err,
                     hg_fail(err, HG_EDATA, "%s%s%sparticle %zu (%c) lies %.3g from particle %zu (%c), closer than %g",
                             s->id, *s->id ? ": " : "", place, b + 1, hg_species_letter(s->species[b]),
                             sqrt(distance2(s, x, a, b)), a + 1, hg_species_letter(s->species[a]), nearest),
                     "%s", advice);
}

static hg_status check_state(size_t *which, const hg_snapshot *s, const double *step, double nearest, const char *place,
                             hg_err *err) {
    if (!step) return HG_OK;
    double *x = hg_malloc(s->n, 3 * sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory to compare %zu particles", s->n);
    for (size_t i = 0; i < 3 * s->n; i++) x[i] = hg_wrapped(s->x[i] + step[i], s->box[i % 3]);
    const hg_status st =
        check_apart(which, s, x, nearest, place, "are these displacements those of this snapshot?", err);
    hg_free(x);
    return st;
}

hg_status hg_snapshot_check_which(size_t *which, const hg_snapshot *s, double nearest, double cutoff, hg_err *err) {
    *which = SIZE_MAX;
    if (!(nearest >= 0 && nearest <= HG_BOX_LONGEST) || !(cutoff >= 0 && cutoff <= HG_BOX_LONGEST))
        return hg_fail(err, HG_EINVAL, "nearest and cut-off must be in 0..10^6");
    HG_TRY(check_box(s, cutoff, err));
    for (size_t i = 0; i < s->n; i++) HG_TRY(check_particle(s, i, err));
    HG_TRY(check_reals(s, s->inherent, 3, "displacement to the inherent structure", err));
    HG_TRY(check_reals(s, s->cage, 3, "displacement to the cage state", err));
    HG_TRY(check_reals(s, s->cage_covariance, 6, "covariance in the cage state", err));
    HG_TRY(check_future(s, err));
    if (nearest == 0) return HG_OK;
    HG_TRY(check_apart(which, s, s->x, nearest, "",
                       "is a particle there twice, or are lengths in other units than sigma_AA?", err));
    HG_TRY(check_state(which, s, s->inherent, nearest, "in the inherent structure ", err));
    return check_state(which, s, s->cage, nearest, "in the cage state ", err);
}

hg_status hg_snapshot_check(const hg_snapshot *s, double nearest, double cutoff, hg_err *err) {
    size_t which;
    return hg_snapshot_check_which(&which, s, nearest, cutoff, err);
}
