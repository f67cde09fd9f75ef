/* hagane/train.h -- the one training loop: every network hands over what its loss is, all else is done here
 *
 *   const hg_trainable m = { .name = "mlp 1", .identity = hash_of_the_data, .params = p, .items = 900, .validation = 100,
 *                            .loss = my_loss, .evaluate = my_error, .ctx = &my };
 *   hg_train_opts o = hg_train_opts_default();
 *   o.checkpoint = "mlp.checkpoint";
 *   o.resume = true;                                          goes on where it stopped, if it did
 *   HG_TRY(hg_train(&result, &m, &o, err));                   the parameters are the best ones now
 *
 * Each epoch goes through all items once, in an order drawn from the seed and the epoch. A run that was stopped, at any moment, and resumed
 * gives the same bits as one that was not: all state is in the checkpoint, and what is random is drawn from seed and step.
 * The same for any number of threads of the pool. With several ranks (hg_ranks) each computes its part of each batch and gradients are
 * summed: the same curve but for rounding.
 */
#ifndef HG_TRAIN_H
#define HG_TRAIN_H
#include "hagane/optimizer.h"
HG_BEGIN_DECLS

/* ---- what a network hands over -------------------------------------------------------------------------------- */

enum { HG_PHASES_MOST = 8 };

typedef struct {
    const size_t *items; /* [n] which ones, numbers from 0: this rank's, of this part */
    size_t n;            /* > 0 */
    const size_t *
        whole; /* [n_whole] of the whole batch, for losses whose weights depend on all of it: a mean over all atoms, say */
    size_t n_whole;
    size_t epoch;   /* from 0 */
    uint64_t step;  /* of the optimiser, from 0 */
    unsigned phase; /* 0 .. phases - 1 */
    uint64_t seed;  /* of this step: hg_rng_make(seed, item) gives an item numbers that depend on nothing else */
} hg_batch;

typedef struct {
    const char *name; /* the architecture and its version: "qdf 2" */
    const char *
        identity; /* what a resumed run must share besides: options of the network, hashes of the data; default NULL: nothing */
    hg_params *params; /* sealed */
    size_t items;      /* to train on */
    size_t validation; /* to validate on; default 0 */
    unsigned phases;   /* steps a batch, each with a loss of its own; default 0: 1 */
    void *ctx;
    /* The SUM of the losses of the items, recorded on the tape; NULL after a failure of the tape. What is minimised is the sum over the
     * whole batch by n_whole. The tape is in training mode. Called from one thread. */
    hg_tensor *(*loss)(void *ctx, hg_tape *t, const hg_batch *b);
    /* Instead of `loss`, of a network with kernels of its own: *sum of the losses of the items, and the gradient of *sum / n_whole added to
     * that of the parameters. Its bits must not depend on the number of threads. A loss that is not finite is refused by the trainer. */
    hg_status (*learn)(void *ctx, double *sum, const hg_batch *b, hg_err *err);
    /* *sum of the errors of validation items: the metric is their mean, lower is better. The tape records nothing and is not in
     * training mode; hg_tape_begin may be called. NULL when validation is 0. */
    hg_status (*evaluate)(void *ctx, double *sum, hg_tape *t, const hg_batch *b, hg_err *err);
} hg_trainable;

/* ---- several processes as one --------------------------------------------------------------------------------- */

typedef struct {
    unsigned rank, ranks; /* rank 0 writes files */
    /* x[n] of all ranks becomes their sum, with the same bits on each. */
    hg_status (*allreduce)(void *ctx, float *x, size_t n, hg_err *err);
    void *ctx;
} hg_ranks;

/* ---- options -------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t
        epochs; /* default 100; more of them may be asked for when resuming, where the learning rate does not depend on it */
    size_t batch; /* items a step, of all ranks together; default 32 */
    size_t part;  /* items recorded at once, so that memory is bounded: gradients of parts add up; 0: all; default 0 */
    double rate;  /* learning rate; default 1e-3 */
    hg_optimizer_opts optimizer; /* with an average, it is evaluated and kept */
    hg_schedule_opts schedule;   /* lengths in epochs */
    size_t evaluate_epochs;      /* evaluate every so many epochs, and after the last; default 1 */
    size_t patience;             /* stop after so many evaluations without a better metric; 0: never; default 0 */
    double gain;                 /* better is below best - gain |best|; default 0 */
    uint64_t seed;               /* of order, dropout, and hg_batch; default 0 */
    bool bf16;     /* products on the tape in bfloat16 (hg_tape_opts); parameters and steps stay float; default false */
    hg_pool *pool; /* borrowed; default NULL: this thread */
    const hg_hooks
        *hooks; /* progress, after each step, that returns false: checkpoint, then HG_ECANCEL; default NULL */
    double (*seconds)(void *ctx); /* a clock, for the log; default NULL: no times */
    void *clock;                  /* its ctx */
    const char *checkpoint;       /* path; default NULL: none */
    size_t checkpoint_epochs;     /* written every so many epochs, and after the last; default 1 */
    size_t checkpoint_steps;      /* and every so many batches; 0: never; default 0 */
    bool resume;                  /* go on from the checkpoint if there is one; default false: begin, and replace it */
    const char *log;       /* path: one JSON object a line and epoch; a resumed run goes on in it; default NULL: none */
    const hg_ranks *ranks; /* default NULL: alone */
} hg_train_opts;
hg_train_opts hg_train_opts_default(void);

typedef enum { HG_TRAIN_EPOCHS, HG_TRAIN_PATIENCE } hg_train_end;

typedef struct {
    size_t epochs;     /* done, those before a resumption too */
    uint64_t steps;    /* of the optimiser */
    double loss;       /* mean over the last epoch, summed over phases; NaN when this call did none */
    double metric;     /* of the parameters left behind; NaN without validation */
    size_t best_epoch; /* which had it, from 1; 0 without validation */
    hg_train_end why;
} hg_train_result;

/* Leaves the parameters with the best metric; without validation the averaged or the last ones. After HG_ECANCEL and other errors they are
 * those of the moment; a checkpoint made before stays.
 * Errors: HG_EINVAL; HG_ENAN a loss or gradient is not finite; HG_ECANCEL; HG_EDATA a checkpoint of another network, other options, data or
 * library; HG_EPARTY another rank failed; HG_EIO, HG_EPARSE, HG_ENOMEM; those of the callbacks. */
HG_MUST_CHECK hg_status hg_train(hg_train_result *out, const hg_trainable *m, const hg_train_opts *opts, hg_err *err);

HG_END_DECLS
#endif
