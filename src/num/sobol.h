/* num/sobol.h -- scrambled Sobol points: n points that fill the unit cube more evenly than random ones
 *
 * Source: Sobol, USSR Comput. Math. Math. Phys. 7, 86 (1967); direction numbers of Joe & Kuo, SIAM J. Sci. Comput. 30,
 *         2635 (2008), file new-joe-kuo-6, first 40 dimensions; scrambled by a random lower-triangular matrix and a random
 *         digital shift, Matousek, J. Complexity 14, 527 (1998): every point is then uniform and the net stays a net.
 * Cost:   32 words a dimension; a point costs at most 32 exclusive-ors a dimension.
 */
#ifndef HG_NUM_SOBOL_H
#define HG_NUM_SOBOL_H
#include "hagane/core.h"

enum { HG_SOBOL_DIMS = 40 };

typedef struct {
    uint32_t direction[HG_SOBOL_DIMS][32], shift[HG_SOBOL_DIMS];
    size_t d;
} hg_sobol;

/* d <= HG_SOBOL_DIMS dimensions. seed 0 leaves the sequence unscrambled (its first point is then the origin). */
void hg_sobol_init(hg_sobol *s, size_t d, uint64_t seed);
void hg_sobol_point(const hg_sobol *s, uint32_t index, double *u); /* u[d] in [0, 1) */
#endif
