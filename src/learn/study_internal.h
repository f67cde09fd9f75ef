/* learn/study_internal.h -- what study.c and blend.c share */
#ifndef HG_LEARN_STUDY_INTERNAL_H
#define HG_LEARN_STUDY_INTERNAL_H
#include "learn/study.h"

/* The same rows as seen by a learner that must not look at x: sizes alone. */
hg_rows hg_rows_plain(const hg_rows *rows);
/* Without the columns of sources, in mem. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_drop_sources(hg_rows *out, const hg_rows *rows, hg_arena *mem, hg_err *err);
/* Logarithms of y instead, in mem, and what is needed to come back. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_take_logs(hg_rows *rows, hg_logs *back, hg_arena *mem, hg_err *err);
/* out and signs of n rows from those of m members; member[m][n,outputs], sd[m][n]. */
void hg_blend_combine(double *out, hg_signs *signs, const double *const *member, const double *const *sd,
                      const double *weight, size_t m, size_t n, size_t outputs);
#endif
