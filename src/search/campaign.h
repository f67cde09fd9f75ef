/* search/campaign.h -- the tables of a campaign as matrices: what is measured, what could be, what failed
 *
 * Objectives are turned so that all maximise: y = sign * value. Rows of the measured table are of four kinds:
 *   measured   at least one objective has a number (with several objectives the others may be blank: each objective's
 *              model learns from the rows that have it, the front from the rows that have all),
 *   failed     marked in the `failed` column: neither measured nor a candidate, even if a number stands there,
 *   candidate  every objective blank, when there is no separate pool,
 *   ignored    every objective blank, when there is one.
 * Rows of a separate pool are candidates unless they hold a value of an objective or are marked as failed.
 */
#ifndef HG_SEARCH_CAMPAIGN_H
#define HG_SEARCH_CAMPAIGN_H
#include "bayes/pareto.h"
#include "core/text.h"
#include "hagane/suggest.h"

typedef struct {
    const char *name, *unit;
    double sign; /* +1 maximise, -1 minimise */
    size_t column;
    const double *y; /* [n_measured] sign * value, NaN where blank */
    size_t n;        /* how many are not */
} hg_goal;

typedef struct {
    const char *name;
    bool above;
    double limit;
    const double *value; /* [n_measured] NaN where blank */
    size_t n;
    double *known; /* [n_candidates] NaN where unknown; NULL when unknown for all */
} hg_limit;

typedef struct {
    hg_arena *mem;
    const hg_table *measured, *pool; /* pool: the table of the candidates, may be `measured` */
    hg_features *features;           /* owned */
    hg_goal goal[HG_OBJECTIVES_MAX];
    size_t n_goals;
    hg_limit *limit;
    size_t n_limits, d;
    double density;      /* strength of search/density.h, 0: even pool; else rows are its rows, d counts its columns */
    double *raw;         /* density > 0: the candidates as they were, [n_candidates, features dim] */
    double *x, *xf, *xc; /* raw features of measured [n_measured,d], failed [n_failed,d], candidates [n_candidates,d] */
    size_t *row, *candidate; /* their rows */
    size_t n_measured, n_failed, n_candidates;
    double *cost;          /* [n_candidates] in units of the median one; NULL: equal */
    size_t *group;         /* [d] */
    double *shift, *scale; /* [d] from all rows: (x - shift) / scale has a spread of about one per group */
    hg_text warnings;      /* owned */
} hg_campaign;

/* Reads the tables (pool NULL: candidates are rows of `measured`). complete: every row counts as measured and as a
 * candidate (replay). On HG_OK free with hg_campaign_free. Errors as hg_suggest. In campaign_read.c. */
HG_MUST_CHECK hg_status hg_campaign_read(hg_campaign **out, const hg_table *measured, const hg_table *pool,
                                         bool complete, const hg_suggest_opts *o, hg_err *err);
void hg_campaign_free(hg_campaign *c);

/* Fits shift[d], scale[d] to all rows of the parts x[p][rows[p],d]. */
void hg_campaign_scale(double *shift, double *scale, const hg_features *f, const double *const *x, const size_t *rows,
                       size_t parts);
/* group, shift and scale for `extra` columns more behind those of the features, which no distance sees. in_ranges: rows are in units of the
 * scales already. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_campaign_widen(hg_campaign *c, size_t extra, bool in_ranges, hg_err *err);
/* Looks whether all rows together are clustered (search/density.h) and if so puts its rows in the place of raw ones. */
HG_MUST_CHECK hg_status hg_campaign_weigh_density(hg_campaign *c, uint64_t seed, hg_pool *pool, hg_err *err);
/* Squared distance of two raw rows in scaled units. */
double hg_campaign_distance2(const hg_campaign *c, const double *a, const double *b);
/* Drops the candidates marked in out[n_candidates]. */
void hg_campaign_drop(hg_campaign *c, const bool *out);
/* same[n_candidates]: features equal to those of a measured row. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_campaign_repeats(bool *same, const hg_campaign *c, hg_err *err);
/* All limits known to be met by measured row i; false when one is not met or not known. */
bool hg_campaign_meets(const hg_campaign *c, size_t i);
/* "line 19" of the file that t was read from; "row 17" of a table made by a program. */
const char *hg_row_words(char buf[64], const hg_table *t, size_t row);
#endif
