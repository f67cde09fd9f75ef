/* models/glass_floor_network.h -- networks that correct the floor model: an ensemble, what share of it counts, and how both are learned
 *
 * Liquids are dealt to as many groups as there are networks; each network learns from all groups but its own. While it learns it is told what a
 * ridge says that knows neither its group nor the liquid at hand: what ridge says of what it has learned from is too good. Then it says what to
 * add in its own group, and for each time, species and kind of bond a share of that is taken, between 0 and 1: the one with the best rho, if over
 * the liquids left out it gains more than its standard error times Student's t (97.5 %), else none. Prediction takes the mean of all networks.
 */
#ifndef HG_MODELS_GLASS_FLOOR_NETWORK_H
#define HG_MODELS_GLASS_FLOOR_NETWORK_H
#include "models/fold_ridge.h"
#include "models/glass_floor_internal.h"
#include "models/glass_network.h"

enum { HG_NET_CLASSES = HG_GLASS_SPECIES + HG_FLOOR_PAIRS }; /* A, B, AA, AB, BB */

struct hg_floor_nets {
    size_t members;
    hg_params *params[HG_FLOOR_NETS_MOST];
    double scale[HG_NET_CLASSES * HG_FLOOR_TIMES_MOST]; /* [class,n_times] standard deviation of labels */
    double share[HG_NET_CLASSES * HG_FLOOR_TIMES_MOST]; /* [class,n_times] */
};

HG_MUST_CHECK hg_status hg_floor_nets_new(hg_floor_nets **out, const hg_floor *m, size_t members,
                                          const hg_params_opts *o, hg_err *err);
void hg_floor_nets_free(hg_floor_nets *e);

/* Adds to z[n_times,n], what ridge says of particles by their mean, and to stretch[n_times,n_pairs] where it is a number; NULL: not wanted. */
HG_MUST_CHECK hg_status hg_floor_nets_add(double *z, float *stretch, const hg_floor *m, const hg_snapshot *s,
                                          const hg_floor_seen *seen, const uint32_t *pair, size_t n_pairs,
                                          hg_arena *mem, hg_pool *pool, hg_err *err);

/* ---- learning ---------------------------------------------------------------------------------------------------- */

typedef struct hg_floor_lessons hg_floor_lessons;
HG_MUST_CHECK hg_status hg_floor_lessons_new(hg_floor_lessons **out, const hg_floor_nets_opts *o, hg_err *err);
void hg_floor_lessons_free(hg_floor_lessons *l);
/* Keeps what is needed of a snapshot. */
HG_MUST_CHECK hg_status hg_floor_lessons_add(hg_floor_lessons *l, const hg_floor *m, const hg_snapshot *s,
                                             const hg_floor_seen *seen, size_t fold, hg_err *err);
/* ridge[HG_NET_CLASSES], entries NULL where nothing was learned, with what was chosen for them. *out NULL: no share is above 0. */
HG_MUST_CHECK hg_status hg_floor_lessons_end(hg_floor_nets **out, hg_floor_scores *scores, hg_floor_lessons *l,
                                             const hg_floor *m, hg_fold_ridge *const *ridge, size_t folds,
                                             hg_pool *pool, hg_err *err);
#endif
