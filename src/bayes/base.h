/* bayes/base.h -- the table of base kernels: one record each, nothing else knows their names
 *
 * A base kernel is a function of one number z per pair of points:
 *   stationary: z = r^2 = sum_g |x_g - x'_g|^2 / l_g^2;   otherwise the product z = sum_g x_g . x'_g / l_g^2.
 * Either way dz / d log l_g = -2 z_g, which is all that the gradients need besides dk/dz.
 * Source: Rasmussen & Williams (2006) eqs. (4.9) rbf, (4.17) Matern 3/2 and 5/2, sec. 4.2.2 linear;
 *         spectral densities: eq. (4.15) and Rahimi & Recht, NIPS 2007.
 */
#ifndef HG_BAYES_BASE_H
#define HG_BAYES_BASE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name;
    bool stationary;
    void (*value)(double *k, const double *z, size_t n);             /* k[i] = k(z[i]); k may be z */
    void (*slope)(double *k, double *dk, const double *z, size_t n); /* also dk[i] = dk/dz; all three distinct */
    unsigned spectral_dof; /* the spectral density is a Student t with so many degrees of freedom; 0: normal */
} hg_base_kernel;

extern const hg_base_kernel HG_BASE_KERNELS[];
extern const size_t HG_BASE_KERNEL_COUNT;
#endif
