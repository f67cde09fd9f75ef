/* party/leakage.h -- what a job reveals, in bits and in words
 *
 * An answer is a function of the data; what it tells is at most the entropy of its distribution, log2 M on average for M candidates. For
 * small data sets that bound is near the truth: hg_leakage_estimate samples data under a uniform prior, runs the policy on each sample, and
 * measures the entropy of the first answer and how much the owner's values are pinned down by the first and the second.
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

enum { HG_LEAKAGE_ANSWERS = 2 };
typedef struct {
    size_t samples;
    double bits_first, bits_error;     /* entropy of the first answer and its standard error */
    double spread[HG_LEAKAGE_ANSWERS]; /* mean posterior sd of an owner's value after 1, 2 answers, in prior sds */
} hg_leakage_estimate;
typedef struct {
    size_t samples; /* default 4000 */
    size_t truths;  /* cases averaged for the spread; default 24 */
    uint64_t seed;
    hg_pool *threads;
    const hg_hooks *hooks;
} hg_leakage_opts;
hg_leakage_opts hg_leakage_opts_default(void);
/* Tier 1 with rows at public pool indices measured[n], 2 <= n <= HG_LEAKAGE_ROWS. Which of them are somebody else's matters not:
 * all values are taken as unknown. Errors: HG_EINVAL, HG_ELIMIT, HG_ECANCEL, HG_ENOMEM. */
enum { HG_LEAKAGE_ROWS = 24 };
HG_MUST_CHECK hg_status hg_leakage_measure(hg_leakage_estimate *e, const hg_policy *p, const size_t *measured, size_t n,
                                           const hg_leakage_opts *o, hg_err *err);
/* Appends sentences: what a job tells, to whom, what stays visible, its price; the estimate when e is not NULL. */
HG_MUST_CHECK hg_status hg_leakage_words(hg_text *to, const hg_policy *p, const hg_leakage *l,
                                         const hg_leakage_estimate *e, hg_err *err);
#endif
