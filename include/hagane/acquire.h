/* hagane/acquire.h -- the names of the acquisition functions: how a candidate is scored from what the model says of it
 *
 * An acquisition function is one record in a table (bayes/acquire.c): name, words, function.
 */
#ifndef HG_ACQUIRE_H
#define HG_ACQUIRE_H
#include "hagane/core.h"

typedef enum {
    HG_ACQ_AUTO,
    HG_ACQ_EI,
    HG_ACQ_PI,
    HG_ACQ_UCB,
    HG_ACQ_THOMPSON,
    HG_ACQ_UNCERTAINTY,
    HG_ACQ_EHVI,
    HG_ACQ_RANDOM
} hg_acquisition;

HG_BEGIN_DECLS
/* "ei", "ucb" ... to its number. HG_ENOTFOUND with the nearest name and the list. */
HG_MUST_CHECK hg_status hg_acquisition_find(hg_acquisition *out, const char *name, hg_err *err);
const char *hg_acquisition_name(hg_acquisition a); /* NULL beyond the last */
HG_END_DECLS
#endif
