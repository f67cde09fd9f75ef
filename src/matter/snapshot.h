/* matter/snapshot.h -- distances in a periodic box, for all that computes with a snapshot */
#ifndef HG_MATTER_SNAPSHOT_H
#define HG_MATTER_SNAPSHOT_H
#include "hagane/snapshot.h"
#include <math.h>

static const double HG_BOX_LONGEST = 1e6; /* of a side; cells are counted with whole numbers */

/* A difference of coordinates to the nearest image: in [-length/2, length/2]. */
static inline double hg_nearest_image(double d, double length) { return d - length * nearbyint(d / length); }

/* The image of x in [0, length). */
static inline double hg_wrapped(double x, double length) {
    const double in = x - length * floor(x / length);
    return in < length && in >= 0 ? in : 0; /* rounding can reach the wall */
}

/* The letter that files and people use: A, B, C, D. */
static inline char hg_species_letter(uint8_t species) { return (char)('A' + species); }

/* As hg_snapshot_check; *which: of two particles on top of each other the later one, SIZE_MAX: it was something else. */
HG_MUST_CHECK hg_status hg_snapshot_check_which(size_t *which, const hg_snapshot *s, double nearest, double cutoff,
                                                hg_err *err);
#endif
