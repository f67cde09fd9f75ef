/* library/extrapolate.h -- how far a table's own data can be trusted beyond themselves
 *
 * Rows are left out in ways that are not random, predicted by a predictor of the others alone, and compared with rows left out
 * at random: groups of like rows (leave one cluster out: Meredig et al., Mol. Syst. Des. Eng. 3, 819, 2018), all rows with an element,
 * the highest values and the lowest. Which rows are left out follows from the inputs, of the last two from the values; nothing of
 * the rows that are left out is used for any choice.
 */
#ifndef HG_LIBRARY_EXTRAPOLATE_H
#define HG_LIBRARY_EXTRAPOLATE_H
#include "hagane/figure.h"
#include "hagane/predictor.h"

typedef enum {
    HG_FAR_RANDOM,
    HG_FAR_CLUSTERS,
    HG_FAR_ELEMENTS,
    HG_FAR_HIGHEST,
    HG_FAR_LOWEST,
    HG_FAR_COUNT
} hg_far_kind;

typedef struct {  /* of rows that were left out; NaN: does not apply */
    size_t n;     /* predictions: a row with two of the elements counts twice */
    double error; /* mean absolute error; of classes the share that is called wrongly */
    double times; /* that of rows left out at random is 1 */
    double coverage90, width90;
    double factor; /* the intervals would have held 90 % of the values, had they been so much wider, on either side */
    bool at_least; /* too few rows to know the factor: the largest that was seen */
} hg_far_score;

typedef struct {
    const char *why;         /* it was not done; "": it was */
    size_t n_folds, skipped; /* skipped: the other rows could not be learned from */
    hg_fold *fold;
    hg_far_score all, like, unlike; /* unlike: those that were called outside, like: the others */
    double rank;   /* of highest and lowest: Spearman's correlation of predicted and known values; NaN */
    size_t beyond; /* and how many predictions lie beyond all that was learned */
} hg_far_test;

typedef struct {
    size_t classes;
    hg_far_test test[HG_FAR_COUNT];
    hg_far_score
        unlike; /* of the first three tests together: what a prediction that is called outside is worth. Where these are
                          * fewer than 10: of groups and elements that were left out as a whole */
    bool whole; /* they were fewer */
    const char *words; /* sentences, one a line */
} hg_extrapolation;

const char *hg_far_name(hg_far_kind k); /* "clusters" */
const char *hg_far_help(hg_far_kind k); /* "like rows together, in 5 groups" */

/* All in mem. Errors: as hg_predictor_fit of the whole table; HG_EDATA fewer than 20 rows with a target. */
HG_MUST_CHECK hg_status hg_extrapolate(hg_extrapolation *out, const hg_table *t, const char *target,
                                       const hg_predictor_opts *opts, hg_arena *mem, hg_err *err);

/* ---- with a predictor ------------------------------------------------------------------------------------------------ */

typedef struct { /* of rows of its table that were left out and called outside; NaN: does not apply */
    double n;    /* 0: nothing is known */
    double times, coverage90, factor; /* as above */
} hg_far;

/* Keeps what is known of rows unlike the table with a predictor of it, for its card and for who predicts with it. */
void hg_predictor_keep_far(hg_predictor *p, const hg_extrapolation *e);
hg_far hg_predictor_far(const hg_predictor *p);
#endif
