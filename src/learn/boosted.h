/* learn/boosted.h -- the model of boosted trees: series of trees whose leaves are summed; what "boost" and "extraboost" fit
 *
 * Numbers: each series says centre + scale * sum of its leaves; the model says their mean, and their spread is its own. Classes: each series
 * says logarithms of odds, two classes by one tree a round and more by one a class; the mean of the probabilities is said.
 */
#ifndef HG_LEARN_BOOSTED_H
#define HG_LEARN_BOOSTED_H
#include "learn/learner.h"
#include "learn/trees.h"

enum { HG_BOOSTED_SERIES_MOST = 50 };

typedef struct {
    hg_trees t; /* outputs 1 */
    size_t classes, series;
    uint32_t *first;      /* [series + 1]: its first tree */
    double centre, scale; /* y = centre + scale * sum of leaves */
} hg_boosted;

/* Without trees, centre 0, scale 1. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_boosted_new(hg_boosted **out, size_t classes, size_t series, hg_err *err);
void hg_boosted_free(void *model);       /* NULL is fine */
size_t hg_boosted_round(size_t classes); /* trees of a round */
/* The trees of series[b->series] behind each other. HG_ELIMIT, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_boosted_join(hg_boosted *b, const hg_trees *series, hg_err *err);

/* As in hg_learner. */
hg_status hg_boosted_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                             hg_err *err);
hg_status hg_boosted_save(const void *model, hg_shelf *to, hg_err *err);
hg_status hg_boosted_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err);
#endif
