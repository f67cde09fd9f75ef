/* learn/affine.h -- the objective of affine transfer, for those who want to look inside; its learner is in learn/records.h
 */
#ifndef HG_LEARN_AFFINE_H
#define HG_LEARN_AFFINE_H
#include "learn/learner.h"

/* Logarithms of: length of the sources, of the others; weights of the linear part, of the sources, of the product, of the
 * others; noise. */
enum { HG_AFFINE_HYPERS = 7, HG_AFFINE_SPEAKERS = 150 };

/* *f: minus log evidence and log prior of rows' y, standardised, and grad[HG_AFFINE_HYPERS] by log_hyper; grad NULL: not
 * wanted. rows->sources may be 0. NaN where the covariance is not positive definite. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_affine_objective(double *f, double *grad, const double *log_hyper, const hg_rows *rows,
                                            hg_err *err);
/* nats[rows->sources]: what each source alone adds to the evidence of the other columns; 0 for a column that is constant. Beyond
 * HG_AFFINE_SPEAKERS rows as many of them, drawn from the seed, speak for all. HG_ENOMEM; HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_affine_worth(double *nats, const hg_rows *rows, const hg_learning *how, hg_err *err);
/* A source's weight beside the others, before they are divided by their mean. */
double hg_affine_weight(double nats);
/* The greatest log evidence and log prior that a search from the middle of the priors finds; -INFINITY: none. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_affine_evidence(double *evidence, const hg_rows *rows, const hg_learning *how, hg_err *err);
#endif
