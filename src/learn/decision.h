/* learn/decision.h -- which class is said, given the probabilities of all: the likeliest, or by a bound on false alarms
 *
 * Where one class is the rule and the others are rare and looked for, two kinds of errors are not alike. The rule is said where its
 * probability is at least a bound, else the likeliest of the others. The bound is chosen on rows that were left out:
 * at which no more than the wanted share of the rule's own rows is called something else (Neyman-Pearson classification; Scott &
 * Nowak, IEEE Trans. Inf. Theory 51, 3806, 2005). The share is met in the mean over new rows of the same kind, not in every set of them.
 */
#ifndef HG_LEARN_DECISION_H
#define HG_LEARN_DECISION_H
#include "learn/shelf.h"

typedef struct {
    bool bounded; /* false: the likeliest class is said */
    size_t rule;  /* the most frequent class of the fit */
    double bound; /* of its probability, 0 .. 1 */
} hg_decision;

typedef struct {
    size_t n;     /* rows of the class */
    size_t said;  /* rows that were called so */
    size_t right; /* of these, rightly */
} hg_class_score;

/* From probability[n,classes] of rows that were left out and their y[n], 0 .. classes - 1: false alarms are at most the share
 * `alarms` of the most frequent class, 0 < alarms < 1. Errors: HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_decision_fit(hg_decision *d, const double *probability, const double *y, size_t n,
                                        size_t classes, double alarms, hg_err *err);
size_t hg_decision_take(const hg_decision *d, const double *probability, size_t classes);
/* s[classes] of rows as above. */
void hg_decision_score(hg_class_score *s, const hg_decision *d, const double *probability, const double *y, size_t n,
                       size_t classes);
/* One that is not bounded leaves nothing on the shelf, and is what is read from a shelf without one. HG_EDATA. */
HG_MUST_CHECK hg_status hg_decision_save(const hg_decision *d, hg_shelf *to, hg_err *err);
HG_MUST_CHECK hg_status hg_decision_load(hg_decision *d, const hg_shelf_view *from, size_t classes, hg_err *err);
#endif
