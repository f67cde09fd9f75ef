/* tensor/optimizer.h -- what an optimiser remembers, for checkpoints, and what the trainer asks of a learning rate */
#ifndef HG_TENSOR_OPTIMIZER_H
#define HG_TENSOR_OPTIMIZER_H
#include "hagane/optimizer.h"
#include "tensor/params.h"

enum { HG_MOMENTS = 2 };

/* Of one step, and of one run of elements with the same rate and decay. */
typedef struct {
    double scale, limit;    /* of the gradient: times scale, then cut to +- limit */
    double beta1, beta2;    /* SGD: momentum, - */
    double rate, root, eps; /* Adam: rate / (1 - beta1^n), 1 / sqrt(1 - beta2^n) */
    double pull, shrink;    /* decay added to the gradient; factor of the weight */
    bool nesterov;
    bool leaves; /* the gradient need not be zero afterwards */
} hg_optimizer_rule;

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

/* A step in pieces, for who has the gradient of a part of the parameters at a time: begin, then a piece for all numbers, each once.
 *   HG_TRY(hg_optimizer_begin(&s, o, rate, err));
 *   hg_optimizer_piece(&s, which, at, n, gradient);
 * Not clipped by the norm, which is not known then; a gradient that is not finite is the caller's to notice. The same bits as
 * hg_optimizer_step where that does not clip. */
typedef struct {
    hg_optimizer *o;
    hg_optimizer_rule rule; /* for a rate factor of 1, without decay */
    double rate, keep;
} hg_optimizer_pieces;
/* HG_EINVAL as hg_optimizer_step. */
HG_MUST_CHECK hg_status hg_optimizer_begin(hg_optimizer_pieces *s, hg_optimizer *o, double rate, hg_err *err);
/* Numbers at .. at + n - 1 of the parameter `which`, in this thread. gradient[n] of the parameters' type, lost afterwards. */
void hg_optimizer_piece(const hg_optimizer_pieces *s, size_t which, size_t at, size_t n, void *gradient);

bool hg_rate_needs_total(hg_rate_kind k); /* hg_schedule_opts.total must be set */
#endif
