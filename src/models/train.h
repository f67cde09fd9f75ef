/* models/train.h -- what the files of the training loop share: its state, ranks, checkpoint and log
 *
 *   train.c             set-up, epochs, batches
 *   train_ranks.c       several ranks as one
 *   train_checkpoint.c  all state to a file and back
 *   train_log.c         a line of JSON an epoch
 */
#ifndef HG_MODELS_TRAIN_H
#define HG_MODELS_TRAIN_H
#include "hagane/train.h"
#include "tensor/optimizer.h"
#include <stdio.h>

/* All that a resumed run needs besides the buffers. Fields are listed once more in train_checkpoint.c's table. */
typedef struct {
    uint64_t epoch;      /* epochs done */
    uint64_t batches;    /* done of the next one */
    uint64_t steps;      /* of the optimiser */
    uint64_t best_epoch; /* from 1; 0: not evaluated yet */
    uint64_t waited;     /* evaluations since */
    uint64_t log_bytes;  /* length of the log */
    uint64_t rate_waited;
    double rate_best, rate_reduced; /* of the schedule */
    double best;                    /* metric; infinite before the first */
    double seconds;                 /* spent training */
    double loss[HG_PHASES_MOST];    /* sums over the items of the epoch so far */
} hg_train_state;

typedef struct {
    const hg_trainable *m;
    hg_train_opts o;
    unsigned phases;
    size_t batches; /* of an epoch */
    hg_optimizer *optimizer;
    hg_schedule schedule;
    hg_tape *recording, *plain; /* for training and for evaluation */
    size_t *order;              /* [items] of the epoch `ordered` */
    uint64_t ordered;           /* UINT64_MAX: none yet */
    size_t *all;                /* [validation] 0, 1, ... */
    void *best;                 /* values of the best epoch; NULL without validation */
    hg_train_state s;
    double began; /* the clock's, less the seconds before */
    hg_ranks ranks;
    float *small; /* [ranks, HG_SHARED]: see train_ranks.c */
    FILE *log;
} hg_trainer;

/* ---- ranks ---------------------------------------------------------------------------------------------------- */

enum { HG_SHARED_NUMBERS = HG_PHASES_MOST, HG_SHARED = 3 * HG_SHARED_NUMBERS + 2 };

/* x[n], n <= HG_SHARED_NUMBERS, becomes the sum over ranks, added up in double in their order; *stop is true when it was on any. When st is a
 * failure on any rank, all return one: their own, or HG_EPARTY with the rank that failed. All ranks must call this at the same
 * place, so every failure between two such calls comes here first. */
HG_MUST_CHECK hg_status hg_train_agree(hg_trainer *t, hg_status st, double *x, size_t n, bool *stop, hg_err *err);
HG_MUST_CHECK hg_status hg_train_sum_gradients(hg_trainer *t, hg_err *err);
/* bytes[n] of rank 0 to all. */
HG_MUST_CHECK hg_status hg_train_share(hg_trainer *t, void *bytes, size_t n, hg_err *err);

/* ---- checkpoint, log ------------------------------------------------------------------------------------------ */

HG_MUST_CHECK hg_status hg_checkpoint_write(hg_trainer *t, hg_err *err);
/* *found is false, and nothing is read, when there is no such file. */
HG_MUST_CHECK hg_status hg_checkpoint_read(bool *found, hg_trainer *t, hg_err *err);
/* Of rank 0 to all: state and buffers. */
HG_MUST_CHECK hg_status hg_checkpoint_share(hg_trainer *t, hg_err *err);

/* Opens the log and cuts off what comes after the state; its file position is the state's from here on. */
HG_MUST_CHECK hg_status hg_train_log_open(hg_trainer *t, hg_err *err);
/* The epoch that ends now; metric NaN: not evaluated. */
HG_MUST_CHECK hg_status hg_train_log_epoch(hg_trainer *t, double rate, double metric, hg_err *err);
void hg_train_log_close(hg_trainer *t);

double hg_train_seconds(const hg_trainer *t); /* so far; NaN without a clock */
#endif
