/* tensor/ops.h -- the list of operations, the only one: one line each, the file is op_<name>.c */
#ifndef HG_TENSOR_OPS_H
#define HG_TENSOR_OPS_H
#include "tensor/op.h"

#define HG_OPS(X)                                                                                                      \
    X(map)                                                                                                             \
    X(affine)                                                                                                          \
    X(binary)                                                                                                          \
    X(view)                                                                                                            \
    X(place)                                                                                                           \
    X(copy)                                                                                                            \
    X(gather)                                                                                                          \
    X(concat)                                                                                                          \
    X(dropout)                                                                                                         \
    X(max)                                                                                                             \
    X(softmax)                                                                                                         \
    X(radial)                                                                                                          \
    X(loss)                                                                                                            \
    X(norm)                                                                                                            \
    X(batch_norm)                                                                                                      \
    X(norm2)                                                                                                           \
    X(attention)                                                                                                       \
    X(segment_softmax)                                                                                                 \
    X(segment)                                                                                                         \
    X(sum)                                                                                                             \
    X(conv3d)                                                                                                          \
    X(pool3d)                                                                                                          \
    X(linear)                                                                                                          \
    X(matmul)

#define HG_DECLARE(name) extern const hg_op hg_op_##name;
HG_OPS(HG_DECLARE)
#undef HG_DECLARE

const hg_op *hg_op_at(size_t i); /* NULL past the last */
#endif
