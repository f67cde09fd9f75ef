/* models/glass_kernel.h -- the inner loops of models/glass_features.c */
#ifndef HG_MODELS_GLASS_KERNEL_H
#define HG_MODELS_GLASS_KERNEL_H
#include <stddef.h>
#include <stdint.h>

/* Neighbours of one particle. */
typedef struct {
    size_t n;
    const double *d, *r;    /* [n,3], [n] */
    const uint8_t *species; /* [n] */
    uint8_t own;
} hg_glass_around;

/* out[HG_GLASS_BASE] */
void hg_glass_base_of(float *out, const hg_glass_around *a);
/* w[3] ascending: eigenvalues of xx yy zz xy xz yz. */
void hg_glass_eigenvalues(double w[3], const double c[6]);
#endif
