/* learn/mlp.h -- many multilayer perceptrons from the same rows, each on a core of its own
 *
 * y = W_L a(... a(W_1 x + b_1) ...) + b_L. Small networks spend a general engine's time on everything but products: on records of a
 * tape, on copies, on one call an array. Here a step of one network is a handful of loops over memory that stays in the second cache,
 * with the rows of a batch in the lanes of the vectors, so that no product has a narrow side. Products round their operands to bfloat16
 * (tensor/bf16.h); weights, sums and Adam are float. Networks do not wait for each other and do not share batches: what shared
 * batches save on a processor, one copy of a few rows, is less than what weights cost that have left the cache.
 *
 * The same seed gives the same bits, for any number of threads and for any other networks trained beside.
 */
#ifndef HG_LEARN_MLP_H
#define HG_LEARN_MLP_H
#include "hagane/optimizer.h"
#include "hagane/tensor.h"

enum { HG_MLP_LAYERS = 8, HG_MLP_WIDTH = 4096, HG_MLP_BATCH = 1024 }; /* at most */

typedef struct {
    size_t layers;                   /* products, 1 .. HG_MLP_LAYERS */
    size_t width[HG_MLP_LAYERS + 1]; /* inputs, hidden units ..., outputs */
} hg_mlp_shape;

/* Numbers of a network: of each layer W[out,in], then b[out]. SIZE_MAX: not a shape that there may be. */
size_t hg_mlp_size(const hg_mlp_shape *s);

typedef struct {
    size_t n;
    const float *x;          /* [n,width[0]] finite */
    const uint16_t *rounded; /* the same in rows of tensor/bf16.h; NULL: whoever trains makes them */
    const float *y;          /* [n] finite; classes: 0 .. classes-1 */
    size_t classes;          /* 0: regression, with one output; else as many outputs, logits */
} hg_mlp_rows;

typedef struct {
    hg_function act;       /* of hidden layers; default HG_RELU */
    size_t epochs;         /* default 100 */
    size_t batch;          /* rows a step; default 32 */
    double rate;           /* of Adam with decoupled decay (AdamW); default 1e-3 */
    double decay;          /* default 0 */
    double beta2;          /* of Adam; default 0.999 */
    double average;        /* weights are averaged over steps (hg_optimizer_opts.average); 0: off; default 0 */
    double corner;         /* of the Huber loss, in units of y; default 1 */
    size_t frozen;         /* layers, from the inputs on, that keep their weights; default 0 */
    hg_rate_kind schedule; /* over all epochs; default HG_RATE_CONSTANT */
    size_t patience;       /* epochs without a better error on the judging rows before it stops; 0: never; default 0 */
} hg_mlp_opts;
hg_mlp_opts hg_mlp_opts_default(void);

/* One network to train. The caller fills the first part. */
typedef struct {
    hg_mlp_shape shape;
    uint64_t seed; /* of first weights and of the order of rows */
    const size_t *train,
        *judge; /* row numbers: to learn from; to choose the epoch by, n_judge 0: the last one is taken */
    size_t n_train, n_judge;
    const float *
        start; /* [hg_mlp_size] to begin from, and the result where no epoch is better; may be `weights`; NULL: drawn */
    float *weights; /* [hg_mlp_size], the caller's: the result */
    double error;   /* mean absolute error, or mean cross-entropy, of the judging rows with these weights */
    size_t epochs;  /* gone through */
} hg_mlp_task;

/* Errors: HG_EINVAL a shape, option or row number out of its range; HG_ENAN the weights ran away; HG_ECANCEL; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_mlp_train(hg_mlp_task *task, size_t n, const hg_mlp_rows *rows, const hg_mlp_opts *opts,
                                     hg_pool *pool, const hg_hooks *hooks, hg_err *err);
/* out[n,outputs] of x[n,width[0]], in float. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_mlp_apply(float *out, const hg_mlp_shape *s, hg_function act, const float *weights,
                                     const float *x, size_t n, hg_err *err);
#endif
