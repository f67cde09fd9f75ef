/* models/qdf_density.h -- the density that Quantum Deep Field's published function has at any point */
#ifndef HG_MODELS_QDF_DENSITY_H
#define HG_MODELS_QDF_DENSITY_H
#include "models/qdf.h"

/* rho[n] at points[n,3], angstrom, from the norms of the molecule's own grid (models/qdf.h): its sum over the points
 * of that grid, each of weight one, is the number of all electrons. It has no unit. Errors: those of
 * hg_qdf_input_make; HG_ENOMEM; HG_ENAN. */
HG_MUST_CHECK hg_status hg_qdf_density(double *rho, const hg_qdf *q, const hg_molecule *m, const double *points,
                                       size_t n, hg_err *err);
#endif
