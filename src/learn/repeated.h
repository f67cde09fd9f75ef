/* learn/repeated.h -- how a blend fares on compositions that it has learned from
 *
 * Rows of one composition share a part of a study, so no row that is left out there has a composition that was learned. A new row may have one, and
 * learners are sure of it: their spread is small, while the values of one composition may lie far apart (polymorphs, heat treatments). Intervals
 * whose errors and widths come from compositions left out are too narrow for such rows: of shear moduli (logarithms, 8,789 compounds) half of those of learned
 * compositions lay inside 90 % intervals, of the others 90 %. Here one row of each composition that has several is left out, the members of the blend
 * learn the other rows, each averaging as few as in a part, and predict it: errors and signs of such rows, at the price of one part more.
 */
#ifndef HG_LEARN_REPEATED_H
#define HG_LEARN_REPEATED_H
#include "learn/study.h"

enum { HG_REPEATED_LEAST = 10, HG_REPEATED_ROWS_MOST = 20000 };

typedef struct {
    size_t n;        /* rows that were left out; 0: none */
    size_t *row;     /* [n] which ones */
    double *out;     /* [n] */
    hg_signs *signs; /* [n] spread and disagreement; distance is for the caller */
} hg_repeated;

/* All in mem; rows are those of the study, values with y and group. Nothing is left out of fewer than HG_REPEATED_LEAST such compositions, of more than
 * HG_REPEATED_ROWS_MOST rows, and where there is a budget; a fifth of the rows at most is. Errors: the learners' own, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_repeated_try(hg_repeated *out, const hg_study *s, const hg_rows *rows,
                                        const hg_study_opts *o, hg_arena *mem, hg_err *err);
#endif
