/* search/density.h -- pools that are the record of an earlier campaign: crowded where somebody found it worth looking
 *
 * A grid, a wafer or a factorial plan is evenly filled and its shape says nothing about the target. The candidates of a
 * finished campaign are not: they crowd where it went well, and a few isolated points lie at the ends of the ranges, where
 * an uncertainty-driven search would look first, and in vain. Whether a pool is of that kind is read off the inputs alone:
 *   c = sd over the pool of ln rho_i,  rho_i = sum_j exp(-|x_i - x_j|^2 / (2 h^2 d)),
 * once with inputs in units of their range (h = 0.2), once with mid-ranks; strength = clamp((c1 + c2 - 0.7) / 0.15, 0, 1).
 * Even pools give c1 + c2 of 0.43 to 0.57, most real tables less than 0.7, campaigns 0.8 to 1.4. At strength 0 nothing
 * changes, to the last bit. Above, inputs move from range units towards mid-ranks, and two columns are appended for the
 * ensemble (bayes/ensemble.h), whose draws believe in the density to different degrees: the data decide.
 * These numbers come from simulated campaigns and other tables, not from the sets of docs/benchmarks.md; that such a switch
 * is needed at all was learned from one of those sets (AutoAM), so its figures there are optimistic.
 * Cost: O(N^2 d) for up to 3000 candidates, O(1000 N d) beyond.
 */
#ifndef HG_SEARCH_DENSITY_H
#define HG_SEARCH_DENSITY_H
#include "hagane/core.h"

enum {
    HG_DENSITY_COLUMNS = 2
}; /* appended: f, the standardised log density, and ln D, what multiplies the uncertainty */

typedef struct {
    const double *x; /* [n, d] raw */
    size_t n, d, groups;
    const bool *ranked;          /* [d] number columns; the others (0/1 of a category) keep their units */
    const double *shift, *scale; /* [d] */
    uint64_t seed;               /* of the subset of a large pool */
    hg_pool *pool;
} hg_density_opts;

/* *strength in 0..1. When > 0, *rows [n, d + HG_DENSITY_COLUMNS] in the arena; else *rows is NULL. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_density_rows(double **rows, double *strength, const hg_density_opts *o, hg_arena *mem,
                                        hg_err *err);
#endif
