/* learn/study_internal.h -- what study.c, study_list.c, study_choice.c and blend.c share */
#ifndef HG_LEARN_STUDY_INTERNAL_H
#define HG_LEARN_STUDY_INTERNAL_H
#include "learn/study.h"

enum {
    HG_STUDY_SETTLED = 5000 /* rows: with more, defaults are tried alone, and what is averaged need not see them all */,
    HG_STUDY_FEW = 100 /* rows */
};

/* ---- which trials there are: study_list.c --------------------------------------------------------------------------------- */

/* s->trial[s->n_trials], none run yet. Errors: HG_EINVAL, HG_ENOTFOUND options; HG_EDATA a learner or a scale that was asked for and cannot be;
 * HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_study_list(hg_study *s, const hg_rows *rows, const hg_study_opts *o, hg_arena *mem,
                                      hg_err *err);
void hg_study_list_rules(hg_text *t);
/* Where left-out rows tell small differences by chance. */
bool hg_study_few(const hg_rows *rows);
bool hg_trial_is_default(const hg_trial *t);

/* ---- who is chosen: study_choice.c ---------------------------------------------------------------------------------------- */

/* What trials are compared by. */
double hg_study_loss(const hg_study *s, const hg_score *score);
/* *score of out[rows->n,outputs], and its loss. HG_EDATA, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_study_score(hg_score *score, double *loss, const hg_study *s, const hg_rows *rows,
                                       const double *out, hg_err *err);
size_t hg_study_best(const hg_study *s); /* a trial's number; SIZE_MAX: none was run to its end */
/* The weights of s->trial, and s->out, s->signs and s->score; rows are those that were left out, part[n] theirs. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_study_choose(hg_study *s, const hg_rows *rows, const hg_study_opts *o, const size_t *part,
                                        hg_arena *mem, hg_err *err);
void hg_study_choice_rules(hg_text *t);

/* ---- rows and members ----------------------------------------------------------------------------------------------------- */

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
