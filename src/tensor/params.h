/* tensor/params.h -- the flat buffers behind hagane/params.h: for optimisers, checkpoints and what sums over ranks */
#ifndef HG_TENSOR_PARAMS_H
#define HG_TENSOR_PARAMS_H
#include "hagane/params.h"

typedef struct {
    char *name;
    hg_shape shape;
    hg_init init;
    size_t at, n; /* first element in the buffers, elements */
    double rate;
    bool decays;
} hg_param_entry;

enum { HG_PARAM_ALIGN = 16 /* elements: 64 bytes of float, two such lines of double; one layout for both */ };

struct hg_params {
    hg_params_opts o;
    hg_param_entry *e;
    size_t n, cap;
    size_t *by_name;         /* [n] indices sorted by name; made by sealing */
    size_t size;             /* elements of each buffer, a multiple of HG_PARAM_ALIGN; 0 before sealing */
    void *values, *gradient; /* [size]; gradient NULL for a fixed set */
    bool sealed;
    hg_status failed;
    hg_err err; /* of the first failure */
};

/* Bytes of one buffer. */
size_t hg_params_bytes(const hg_params *p);
#endif
