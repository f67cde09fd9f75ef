/* learn/softmax.h -- probabilities of classes from learners of numbers: one column of 0 and 1 a class, a value for each */
#ifndef HG_LEARN_SOFTMAX_H
#define HG_LEARN_SOFTMAX_H
#include "learn/learner.h"

/* What column k is to be at row i: the target, or 1 for the class k. */
double hg_target_at(const hg_rows *rows, size_t i, size_t k);
void hg_softmax_values(double *p, size_t k, double sharpness); /* p[k] <- exp(sharpness p) / sum */
/* The sharpness with the least log loss of values[n,classes] of rows that were left out. */
double hg_softmax_sharpness(const double *values, const hg_rows *rows);
#endif
