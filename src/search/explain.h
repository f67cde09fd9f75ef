/* search/explain.h -- words for a scientist: why this candidate, how good the model is, what the model is */
#ifndef HG_SEARCH_EXPLAIN_H
#define HG_SEARCH_EXPLAIN_H
#include "search/campaign.h"
#include "search/rank.h"

/* The up to three measured rows nearest to x[d] in the model's metric inv[d], nearest first; returns how many. */
size_t hg_metric_nearest(size_t index[3], double distance[3], const double *inv, const double *x, const hg_campaign *c);

/* value with as many decimals as its uncertainty deserves (two digits of sd). */
const char *hg_value_words(char buf[32], double value, double sd);

typedef struct {
    const hg_campaign *c;
    const hg_suggestion *s;
    const double *best; /* [n_goals] in the target's units */
    size_t best_row;
    const double *signal_sd; /* [n_goals] */
    const size_t *neighbour; /* indices of measured rows, [s->n_neighbours] */
    double cost;             /* of the median candidate; 1: usual */
    hg_acquisition acquisition;
} hg_explain;
void hg_explain_suggestion(hg_text *out, const hg_explain *e); /* one sentence */

/* Leave-one-out check of goal g by its model, all arrays and words in the campaign's arena; relevance[groups] too. */
HG_MUST_CHECK hg_status hg_check_model(hg_loo *out, double *relevance, const hg_campaign *c, size_t g,
                                       const hg_surrogate *s, hg_err *err);
#endif
