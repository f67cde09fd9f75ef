/* tests/support/learner.h -- a small network with random data, for tests of training
 *
 * 8 numbers in, two hidden layers of 16 with dropout, 1 out. The data are y = sin(2 x0) + x1 x2; each item's input is disturbed anew in each
 * step by numbers from hg_batch.seed, so that all that is random while training is used.
 */
#ifndef HG_TEST_LEARNER_H
#define HG_TEST_LEARNER_H
#include "hagane/train.h"

enum { LEARNER_IN = 8, LEARNER_HIDDEN = 16 };

typedef struct {
    hg_params *p;
    double dropout, noise; /* default 0.1, 0.05 */
    size_t losses;         /* calls of loss so far */
    size_t fail_loss;      /* that call fails with HG_EDATA; 0: none */
    size_t nan_loss;       /* that one is infinite; 0: none */
    double *metrics;       /* what validation gives, one after another, instead of the error; NULL: the error */
    size_t evaluations;
    double seconds; /* of learner_clock, which adds 1 a call */
    hg_trainable trainable;
} learner;

/* 100 items to train on, 30 to validate. */
void learner_new(learner *l, hg_dtype dtype);
void learner_free(learner *l);
double learner_clock(void *l);
/* Short runs: batches of 16, 5 epochs, AdamW with average and clipping, rate 3e-3, cosine. */
hg_train_opts learner_opts(void);

/* Hooks that say stop at the n-th call, from 1. */
typedef struct {
    size_t at, calls;
    hg_hooks hooks;
} learner_stop;
void learner_stop_at(learner_stop *s, size_t n);
#endif
