/* tensor/optimizer.h -- what an optimiser remembers, for checkpoints, and what the trainer asks of a learning rate */
#ifndef HG_TENSOR_OPTIMIZER_H
#define HG_TENSOR_OPTIMIZER_H
#include "hagane/optimizer.h"
#include "tensor/params.h"

enum { HG_MOMENTS = 2 };

struct hg_optimizer {
    hg_params *p; /* borrowed */
    hg_optimizer_opts o;
    uint64_t steps;
    void *moment[HG_MOMENTS]; /* [p->size] each; NULL: this kind has fewer */
    void *average;            /* [p->size]; NULL: off. While swapped, the weights themselves */
    bool swapped;
    double *partial; /* [chunks] sums of squares */
    size_t chunks;
};

bool hg_rate_needs_total(hg_rate_kind k); /* hg_schedule_opts.total must be set */
#endif
