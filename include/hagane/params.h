/* hagane/params.h -- the parameters of a network: names and shapes, one buffer of values, one of gradients
 *
 *   hg_params *p;
 *   HG_TRY(hg_params_new(&p, NULL, err));
 *   size_t w = hg_params_add(p, HG_SHAPE(64, 8), hg_init_linear(8), "hidden.weight");
 *   size_t b = hg_params_add(p, HG_SHAPE(64), hg_init_linear(8), "hidden.bias");
 *   HG_TRY(hg_params_seal(p, err));                          memory, and the first values
 *   ... each step:  hg_param(tape, p, w)                     a leaf that borrows value and gradient
 *
 * Adding sticks at its first failure, which hg_params_seal tells. Both buffers are 64-byte aligned, and so is each parameter in them; the
 * elements between two parameters are zeros and stay zeros, so that an optimiser goes through one array (hagane/optimizer.h).
 * First values depend on seed, name and shape: another parameter more or less, or another order, changes none of them.
 */
#ifndef HG_PARAMS_H
#define HG_PARAMS_H
#include "hagane/tensor.h"
HG_BEGIN_DECLS

typedef struct hg_params hg_params;

typedef struct {
    hg_dtype dtype; /* default HG_F32; HG_F64 for checks of gradients */
    uint64_t seed;  /* of the first values; default 0 */
    bool fixed;     /* no gradients, half the memory: for predictions; default false */
} hg_params_opts;
hg_params_opts hg_params_opts_default(void);

/* First values. fan_in, fan_out: inputs and outputs of one unit, counting all places of a convolution's window. */
typedef struct {
    enum { HG_INIT_CONSTANT, HG_INIT_NORMAL, HG_INIT_UNIFORM } kind;
    double a; /* the constant; standard deviation; bound */
} hg_init;
hg_init hg_init_zeros(void);
hg_init hg_init_constant(double value);
hg_init hg_init_normal(double sd);
hg_init hg_init_uniform(double bound);                 /* in (-bound, bound) */
hg_init hg_init_linear(size_t fan_in);                 /* uniform, 1 / sqrt(fan_in): what PyTorch gives the weights and
                                                            biases of Linear and Conv */
hg_init hg_init_xavier(size_t fan_in, size_t fan_out); /* uniform: Glorot & Bengio (AISTATS 2010) eq. (16) */
hg_init hg_init_kaiming(size_t fan_in);                /* normal, for ReLU: He et al. (ICCV 2015) eq. (10) */

HG_MUST_CHECK hg_status hg_params_new(hg_params **out, const hg_params_opts *opts, hg_err *err);
/* Its index: 0, 1, ... in the order of adding. The name is printf's; names hold letters, digits and "._-/", and are unique. */
size_t hg_params_add(hg_params *p, hg_shape shape, hg_init init, const char *name, ...) HG_PRINTF(4, 5);
/* Errors: HG_EINVAL a name that is empty, used twice or has other characters, a shape of no or too many elements, an `a` that is not
 * finite, sealed before; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_params_seal(hg_params *p, hg_err *err);
void hg_params_free(hg_params *p);

size_t hg_params_count(const hg_params *p);
size_t hg_params_elements(const hg_params *p); /* numbers there are to learn */
hg_dtype hg_params_dtype(const hg_params *p);
const char *hg_params_name(const hg_params *p, size_t i); /* NULL past the last */
hg_shape hg_params_shape(const hg_params *p, size_t i);
size_t hg_params_find(const hg_params *p, const char *name); /* SIZE_MAX: there is none */

/* Leaves of a tape of the same dtype. Backward adds to the gradient. Frozen parameters, and those of a fixed set, want none. */
hg_tensor *hg_param(hg_tape *t, const hg_params *p, size_t i);
hg_tensor *hg_param_named(hg_tape *t, const hg_params *p, const char *name);

/* Elements of one parameter as doubles, row-major. Gradients of a fixed set are zeros. */
void hg_params_get(double *x, const hg_params *p, size_t i);
void hg_params_get_gradient(double *x, const hg_params *p, size_t i);
void hg_params_set(hg_params *p, size_t i, const double *x);
void hg_params_zero_gradients(hg_params *p); /* a step of an optimiser does it too */

/* For all parameters whose name begins with `prefix` ("": all). HG_ENOTFOUND: there is none, HG_EINVAL: rate < 0 or not finite. */
/* Learning rate times `rate`; 0 freezes: no gradient, no change. Default 1. */
HG_MUST_CHECK hg_status hg_params_set_rate(hg_params *p, const char *prefix, double rate, hg_err *err);
/* Whether weight decay pulls at them. Default true. */
HG_MUST_CHECK hg_status hg_params_set_decay(hg_params *p, const char *prefix, bool decays, hg_err *err);

HG_END_DECLS
#endif
