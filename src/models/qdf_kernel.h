/* models/qdf_kernel.h -- Quantum Deep Field by kernels of its own: the same function as models/qdf_tape.c, in float
 *
 * Identities that make it cheaper, all exact:
 *   - a column norm of psi = phi C is that of the Gram matrix: ||psi_j||^2 = c_j' (phi' phi) c_j, so that the first layer can be folded into
 *     the coefficients, relu(W (k C) .. ) = phi (C k W') + b, and psi is never formed for the energy: O D^2 instead of P D^2 products;
 *   - phi's own norms are folded into the rows of C;
 *   - the first two layers of the density map are linear in the number rho, so that they are one vector: no P D^2 product there.
 * A molecule is one after the other in one thread; nothing is padded to others of a batch. Floats; sums over points in double.
 */
#ifndef HG_MODELS_QDF_KERNEL_H
#define HG_MODELS_QDF_KERNEL_H
#include "models/qdf.h"
#include <stdint.h>

/* Memory of one thread, which grows to what the largest molecule needs and is kept. */
typedef struct {
    float *p;
    size_t size, used;
} hg_qdf_room;
void hg_qdf_room_free(hg_qdf_room *r);

/* E in eV. w[l->count]. Errors: HG_ENOMEM; HG_ENAN the weights give no number for this molecule. */
HG_MUST_CHECK hg_status hg_qdf_energy(double *e, const float *w, const hg_qdf_layout *l, const hg_qdf_input *q,
                                      hg_qdf_room *room, hg_err *err);
/* The same with products in bfloat16 (tensor/bf16.h): twice as fast, E off by some 0.01 eV; for screening. `packed` comes from
 * hg_qdf_pack and belongs to w. */
HG_MUST_CHECK hg_status hg_qdf_energy_bf16(double *e, const float *w, const uint16_t *packed, const hg_qdf_layout *l,
                                           const hg_qdf_input *q, hg_qdf_room *room, hg_err *err);
/* The layers of the energy, rounded and laid out for it. Free with hg_free. NULL: no memory. */
uint16_t *hg_qdf_pack(const float *w, const hg_qdf_layout *l);
/* E as hg_qdf_energy, and grad[l->count] += scale d (E - target)^2 / dw. */
HG_MUST_CHECK hg_status hg_qdf_learn_energy(double *e, float *grad, const float *w, const hg_qdf_layout *l,
                                            const hg_qdf_input *q, double target, double scale, hg_qdf_room *room,
                                            hg_err *err);
/* For an input made with its potential. *loss = sum over points of (V_network - V)^2; grad += scale d loss / dw, unless grad is NULL. rho[points], unless NULL. */
HG_MUST_CHECK hg_status hg_qdf_learn_potential(double *loss, float *rho, float *grad, const float *w,
                                               const hg_qdf_layout *l, const hg_qdf_input *q, double scale,
                                               hg_qdf_room *room, hg_err *err);
void hg_qdf_add(float *restrict to, const float *restrict from, size_t n); /* to += from */
#endif
