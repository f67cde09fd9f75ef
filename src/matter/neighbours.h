/* matter/neighbours.h -- who stands within a distance of whom, in a box that is periodic in all three directions
 *
 * A grid of cells no smaller than the distance, so O(n) at a fixed density. Lists are full: j stands with i, and i with j. Each is ordered by
 * particle, so that sums over it have the same bits whatever the grid.
 */
#ifndef HG_MATTER_NEIGHBOURS_H
#define HG_MATTER_NEIGHBOURS_H
#include "hagane/core.h"

typedef struct {
    size_t n;        /* particles */
    size_t *first;   /* [n+1] those of particle i stand at first[i] .. first[i+1] - 1 of the arrays below */
    uint32_t *other; /* [first[n]] ascending for each i */
    double *d;       /* [first[n],3] x_other - x_i by the nearest image */
    double *r;       /* [first[n]] its length */
} hg_neighbours;

/* All pairs closer than `range` of x[n,3], which need not lie in the box. In `mem`. Errors: HG_EINVAL range not positive, or a box shorter than
 * twice the range; HG_ENAN; HG_ELIMIT more than 2^31 entries (particles on one spot); HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_neighbours_find(hg_neighbours *out, const double *x, size_t n, const double box[3],
                                           double range, hg_arena *mem, hg_err *err);
#endif
