/* tensor/tape.h -- the inside of a tape, for tensor/tape.c and tensor/gradient.c only */
#ifndef HG_TENSOR_TAPE_H
#define HG_TENSOR_TAPE_H
#include "tensor/op.h"

#if defined(__SANITIZE_ADDRESS__)
#define HG_TAPE_ONE_PIECE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HG_TAPE_ONE_PIECE 1
#endif
#endif
#ifndef HG_TAPE_ONE_PIECE
#define HG_TAPE_ONE_PIECE 0
#endif

typedef struct {
    char *data;
    size_t size;
} hg_slab;

typedef struct {
    hg_tensor x;     /* first: an hg_tensor * is an hg_node * */
    size_t position; /* of the tape when it was made */
} hg_node;

struct hg_tape {
    hg_tape_opts o;
    hg_slab *slabs;
    size_t n_slabs, cap_slabs;
    size_t slab, base, used; /* the slab in use, bytes of those before it, bytes used in it */
    size_t most;             /* the farthest position so far */
    hg_node *last;           /* of what was recorded; tensor.before leads back */
    uint64_t step, draws;
    hg_status failed;
    hg_err err;
    bool backward_done;
};

hg_tensor *hg_tape_tensor(hg_tape *t); /* an empty one; NULL after a failure */

#endif
