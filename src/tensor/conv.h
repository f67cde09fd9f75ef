/* tensor/conv.h -- what op_conv3d.c needs: the shape of a convolution, and its three products in plain C (tensor/conv.c)
 *
 * y[b, o, i] = sum over channels c and taps k of w[o, c, k] x[b, c, i stride + k dilation - padding], x zero outside, an index an axis.
 * It is linear in each of x and w, and dy . y is a sum over (b, o, c, i, k); leaving out one of the three factors gives the products y,
 * dx and dw. Each is the backward of the other two.
 */
#ifndef HG_TENSOR_CONV_H
#define HG_TENSOR_CONV_H
#include "tensor/op.h"

typedef struct {
    size_t batch, groups, in, out; /* channels of all groups */
    size_t x[3], y[3], kernel[3], stride[3], padding[3], dilation[3];
} hg_conv;

/* Tensors may have any strides, w lies row-major without gaps; results are row-major. What fails sticks to the tape. */
/* z = the sum + bias[out], bias may be NULL; y = act(z), where act is not HG_IDENTITY. */
void hg_conv_y(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
               hg_function act, void *y);
void hg_conv_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w, bool add);
void hg_conv_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy, bool add);

#endif
