/* learn/mlp_learner.h -- what a fitted "mlp" knows, for those who learn on from it
 *
 * `model` is what the learner "mlp" has fitted or loaded.
 */
#ifndef HG_LEARN_MLP_LEARNER_H
#define HG_LEARN_MLP_LEARNER_H
#include "learn/learner.h"

size_t hg_mlp_inputs(const void *model); /* numbers a row that it takes */
/* Numbers a row that its last hidden layers give, all networks together; 0: there are none. */
size_t hg_mlp_hidden_size(const void *model);
/* out[n, hidden size] of x[n, inputs]. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_mlp_hidden(float *out, const void *model, const float *x, size_t n, hg_err *err);

typedef struct {
    size_t epochs, patience; /* of each stage */
    double rate;             /* of the last layer; all layers then learn at a fifth of it */
} hg_mlp_tuning;
/* A model of the values of rows, from a model of another value of the same inputs: its networks' outputs are brought to the new
 * values by a straight line, then the last layer learns, then all do. A stage ends when a quarter of the rows, another one for each
 * network, has not come closer for `patience` epochs, and keeps its best epoch, which may be none. Errors: HG_EDATA other inputs,
 * classes; HG_ENAN; HG_ECANCEL; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_mlp_tune(void **out, const void *model, const hg_rows *rows, const hg_mlp_tuning *t,
                                    const hg_learning *how, hg_err *err);
#endif
