/* learn/logs.h -- positive values whose errors grow with them, learned as logarithms
 *
 * Conductivities and lifetimes span decades: a learner that sees their logarithms weighs factors, not differences. Its predictions
 * come back as exp(value), the median where the logarithm errs evenly, and its spread as exp(value) times the spread of the logarithm.
 */
#ifndef HG_LEARN_LOGS_H
#define HG_LEARN_LOGS_H
#include "hagane/core.h"

#define HG_LOGS_MOST 690.0 /* |logarithm| that a number can have */

typedef struct {
    double least,
        most; /* logarithms that are answered: those of the training, and as far again on both sides, within 10^-300 .. 10^300 */
} hg_logs;

/* All are positive. */
bool hg_logs_possible(const double *y, size_t n);
/* Positive, the largest ten times the smallest at least, and the logarithms less skewed than the values. */
bool hg_logs_worth(const double *y, size_t n);
hg_logs hg_logs_of(const double *y, size_t n); /* of positive values, n >= 1 */
/* In place: value[n] and sd[n], of logarithms, become those of the values themselves; NaN of sd stays. */
void hg_logs_undo(double *value, double *sd, const hg_logs *l, size_t n);
#endif
