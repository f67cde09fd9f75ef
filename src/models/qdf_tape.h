/* models/qdf_tape.h -- Quantum Deep Field on a tape, step by step as models/qdf.h says it: the plain version beside models/qdf_kernel.h
 *
 * In floats or doubles. Slow, and the oracle of the kernels' tests. */
#ifndef HG_MODELS_QDF_TAPE_H
#define HG_MODELS_QDF_TAPE_H
#include "hagane/tensor.h"
#include "models/qdf.h"

/* w[l->count] and grad[l->count] (NULL: none is wanted) are of the tape's dtype and borrowed; backward adds to grad. */
hg_tensor *hg_qdf_tape_psi(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l,
                           const hg_qdf_input *q); /* [points, dim] */
hg_tensor *hg_qdf_tape_energy(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l,
                              hg_tensor *psi);              /* one number, eV */
hg_tensor *hg_qdf_tape_density(hg_tape *t, hg_tensor *psi); /* rho[points, 1] */
hg_tensor *hg_qdf_tape_potential(hg_tape *t, void *w, void *grad, const hg_qdf_layout *l,
                                 hg_tensor *rho); /* [points, 1] */

#endif
