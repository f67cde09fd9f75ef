/* tensor/onednn.h -- convolutions by oneDNN, where the build has it (HAGANE_ONEDNN); see tensor/onednn.c
 *
 * The same as hg_conv_y, hg_conv_dx, hg_conv_dw of tensor/conv.h. false: not done, the caller takes those.
 */
#ifndef HG_TENSOR_ONEDNN_H
#define HG_TENSOR_ONEDNN_H
#include "tensor/conv.h"

#ifdef HAGANE_ONEDNN
bool hg_onednn_y(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
                 hg_function act, void *y);
bool hg_onednn_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w, bool add);
bool hg_onednn_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy, bool add);
#else
static inline bool hg_onednn_y(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, const hg_tensor *w,
                               const void *bias, hg_function act, void *y) {
    (void)t, (void)c, (void)z, (void)x, (void)w, (void)bias, (void)act, (void)y;
    return false;
}
static inline bool hg_onednn_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w,
                                bool add) {
    (void)t, (void)c, (void)dx, (void)dy, (void)w, (void)add;
    return false;
}
static inline bool hg_onednn_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy,
                                bool add) {
    (void)t, (void)c, (void)dw, (void)x, (void)dy, (void)add;
    return false;
}
#endif
#endif
