/* party/leakage.h -- what a job reveals, in bits and in words
 *
 * An answer is a function of the data; what it tells is at most the entropy of its distribution, log2 M on average for M candidates. For
 * small data sets that bound is near the truth: hg_leakage_measure runs the policy on made-up data and measures the entropy of the first
 * answer and how much the first and the second pin an owner's values down.
 */
#ifndef HG_PARTY_LEAKAGE_H
#define HG_PARTY_LEAKAGE_H
#include "party/job.h"

typedef struct {
    size_t candidates;      /* that may be proposed */
    double bits_index;      /* of one answer: log2 of the above; on average at most */
    unsigned bits_released; /* of a released mean */
    size_t inequalities;    /* tier 1: known linear inequalities on the data an answer gives; 0 on other tiers */
    size_t price;           /* queries that the job costs its user and each data set */
    double bits_job;        /* batch * (index + released) */
    double bits_budget;     /* of all queries that one data set may take part in */
    double epsilon_job;     /* differential privacy; 0: none */
} hg_leakage;
void hg_leakage_of(hg_leakage *l, const hg_policy *p, size_t batch);
/* Queries charged: batch, times the whole number of index-sized answers that the released bits amount to. */
size_t hg_leakage_price(const hg_policy *p, size_t batch);

enum { HG_LEAKAGE_ANSWERS = 2, HG_LEAKAGE_ROWS = 24 };
typedef struct {
    size_t samples, hidden;        /* data sets tried; values that are not known to the user */
    double bits_first, bits_error; /* entropy of the first answer and its standard error */
    double spread
        [HG_LEAKAGE_ANSWERS]; /* root mean square of a hidden value's posterior sd after 1, 2 answers, in prior sds */
} hg_leakage_estimate;
typedef struct {
    size_t samples; /* made-up data sets; default 4000 */
    size_t truths;  /* of these, whose second answer is looked at; default 32 */
    uint64_t seed;
    hg_pool *threads;
    const hg_hooks *hooks;
} hg_leakage_opts;
hg_leakage_opts hg_leakage_opts_default(void);
/* Tier 1, rows at public pool indices measured[n], 2 <= n <= HG_LEAKAGE_ROWS. known[n]: the user's own values, NaN for a hidden one;
 * NULL: all are hidden. Runs the policy in doubles on made-up data: hidden values uniform over the property's range and independent. An answer is
 * a function of the data, so its entropy is what it tells. Made-up data with the same answers are what the
 * user cannot tell apart: the spread is that within such groups. Before the second answer the first one's candidate is measured, a uniform value
 * too.
 * The same seed gives the same numbers for any number of threads. Errors: HG_EINVAL (another tier, differential privacy, nothing
 * hidden), HG_ELIMIT, HG_ECANCEL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_leakage_measure(hg_leakage_estimate *e, const hg_policy *p, const size_t *measured,
                                           const double *known, size_t n, const hg_leakage_opts *o, hg_err *err);
/* Appends sentences: what a job tells, to whom, what stays visible, its price; the estimate when e is not NULL. */
HG_MUST_CHECK hg_status hg_leakage_words(hg_text *to, const hg_policy *p, const hg_leakage *l,
                                         const hg_leakage_estimate *e, hg_err *err);
#endif
