/* search/select.h -- from models to a batch: score, take the best, believe it, go on; in a space also refine
 *
 * Kriging believer (Ginsbourger, Le Riche, Carraro, "Kriging is well-suited to parallelize optimization", 2010): the pick
 * enters the models with its own prediction as if measured, which removes the uncertainty around it, so that the next pick
 * goes elsewhere.
 */
#ifndef HG_SEARCH_SELECT_H
#define HG_SEARCH_SELECT_H
#include "search/feasible.h"

typedef struct {
    size_t candidate; /* index among the campaign's candidates; SIZE_MAX: a refined point of the space */
    double score;     /* when it was chosen */
    double *x;        /* [d] */
    hg_table *table;  /* refined point: its table (owned by whoever owns the picks) and row; else NULL */
    size_t row;
} hg_pick;

typedef struct {
    hg_campaign *c;
    const hg_space *space;       /* NULL: candidates only */
    hg_surrogate *const *models; /* [n_goals] */
    const hg_feasibility *feasible;
    const hg_acquisition_record *acquisition;
    double kappa;
    size_t batch;
    bool monte_carlo, repeats; /* repeats: the same features may be picked twice */
    uint64_t seed;
    const hg_model_opts *model;
    const hg_hooks *hooks;
    double *mean, *sd, *score,
        *p_feasible; /* [n_candidates, n_goals] and [n_candidates]: of the first pick, written here */
} hg_select_opts;

/* Writes pick[0 .. *n-1], *n <= batch, best first; memory from the campaign's arena. */
HG_MUST_CHECK hg_status hg_select(hg_pick *pick, size_t *n, const hg_select_opts *o, hg_err *err);
#endif
