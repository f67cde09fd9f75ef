/* learn/networks.h -- several networks of any shapes that were trained elsewhere (library/factory.h), as one model
 *
 * The value is the mean of the networks, the standard deviation their spread; probabilities are means, too. Weights are kept as bfloat16, half
 * the size of floats: they are rounded when the model is made, so that what is measured of it is what its file gives.
 */
#ifndef HG_LEARN_NETWORKS_H
#define HG_LEARN_NETWORKS_H
#include "learn/mlp.h"
#include "learn/scaling.h"

enum { HG_NETWORKS_MOST = 256 };
#define HG_NETWORKS_ACT HG_SILU /* of hidden layers */

typedef struct {
    hg_mlp_shape shape;   /* inputs: those of the scaling; outputs: 1, or the classes */
    const float *weights; /* [hg_mlp_size] */
} hg_network;

/* A model of the learner "networks". Inputs are scaled first; of values, a network gives (y - unit[0]) / unit[1]. All is copied.
 * Errors: HG_EINVAL another shape, no network or too many; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_networks_new(void **model, const hg_network *net, size_t n, const hg_scaling *scaling,
                                        const double unit[2], size_t classes, hg_err *err);
/* x[n,d] as networks see it: scaled, and what is far out drawn in, z / sqrt(1 + (z / 2)^2) (Holzmueller, Grinsztajn & Steinwart,
 * NeurIPS 2024, with 3). out[n,d]. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_networks_scale(float *out, const hg_scaling *s, const float *x, size_t n, hg_err *err);
#endif
