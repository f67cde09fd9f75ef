/* models/glass_floor.h -- the floor model: who will move, from what stands around each particle, by least squares
 *
 * Alkemade et al. (J. Chem. Phys. 158, 134512, 2023) showed that ridge regression on averaged descriptors does what networks do. Here: the propensity by
 * its mean over the species and snapshot, at all times at once; a second small ridge for the logarithm of that mean; and the change of the distance of
 * neighbours, from both their descriptors and the bond's own numbers. Strengths are chosen by leaving folds out.
 * On top of that, if asked for, networks that correct it where they gain in liquids left out: models/glass_floor_network.h.
 * (Of its logarithm, ridge reaches a lower correlation with the propensity: what is far out counts too little.)
 */
#ifndef HG_MODELS_GLASS_FLOOR_H
#define HG_MODELS_GLASS_FLOOR_H
#include "models/fold_ridge.h"
#include "models/glass_features.h"

typedef struct hg_floor hg_floor;
typedef struct hg_floor_fit hg_floor_fit;

enum { HG_FLOOR_TIMES_MOST = 64, HG_FLOOR_PAIRS = 3 /* AA, AB, BB */, HG_FLOOR_NETS_MOST = 16 };
/* Sets of descriptors: `set` of a score of particles. */
enum { HG_FLOOR_STATE, HG_FLOOR_THERMAL, HG_FLOOR_BOTH, HG_FLOOR_SETS };
extern const double HG_FLOOR_BOND; /* thermal distance below which neighbours are a bond */

typedef struct {
    size_t n_times;
    const double *time;      /* [n_times] borrowed by the caller: valid as long as the model */
    hg_glass_state state;    /* of whose structure the descriptors are */
    double coldest, hottest; /* temperatures learned from; NaN: not known */
    bool bonds;              /* are changes of distances predicted? */
    bool thermal;            /* are descriptors of the snapshot as it is known, too? */
    const double *range
        [HG_GLASS_SPECIES]; /* [n_times,2] least and most mean propensity of a snapshot learned from; NULL: not known */
    size_t networks;        /* that correct it; 0: none */
} hg_floor_facts;
hg_floor_facts hg_floor_about(const hg_floor *m);

/* What leaving folds out has shown: how the card tells what to expect. */
typedef struct {
    double share; /* of what networks add: 0 where they gain nothing */
    double floor,
        rho; /* mean over liquids that network and ridge had not seen: without, and with that share; NaN: no network */
    double gain, error; /* of the best share, taken or not, and the standard error of its mean over liquids */
} hg_floor_gain;

typedef struct {
    hg_fold_score node[HG_GLASS_SPECIES][HG_FLOOR_TIMES_MOST];
    hg_fold_score bond[HG_FLOOR_PAIRS][HG_FLOOR_TIMES_MOST];
    hg_floor_gain node_gain[HG_GLASS_SPECIES][HG_FLOOR_TIMES_MOST], bond_gain[HG_FLOOR_PAIRS][HG_FLOOR_TIMES_MOST];
    size_t snapshots, particles, pairs;
} hg_floor_scores;

/* ---- learning: snapshot by snapshot, none is kept ------------------------------------------------------------------ */

/* bonds: learn from stretches, too; every snapshot must have them then. thermal: particles are known by their surroundings in the snapshot as it is,
 * too, which is what counts at short times; for each time and species folds left out say which of the two are used, or both. */
HG_MUST_CHECK hg_status hg_floor_begin(hg_floor_fit **out, hg_glass_state state, const double *time, size_t n_times,
                                       size_t folds, bool bonds, bool thermal, hg_err *err);
typedef struct {
    size_t networks; /* 2 .. HG_FLOOR_NETS_MOST, and not more than folds; default 3 */
    size_t epochs;   /* default 30 */
    double rate;     /* learning rate; default 2e-3 */
    uint64_t seed;   /* default 0 */
    const hg_hooks *hooks;
} hg_floor_nets_opts;
hg_floor_nets_opts hg_floor_nets_opts_default(void);
/* Networks, too; before the first snapshot. All snapshots are kept then, some 10 kB a particle. Errors: HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_floor_with_networks(hg_floor_fit *f, const hg_floor_nets_opts *o, hg_err *err);
/* Related snapshots belong to one fold. Errors: HG_EDATA other times, no labels, a structure that is not known; HG_ENAN; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_floor_learn(hg_floor_fit *f, const hg_snapshot *s, size_t fold, hg_pool *pool, hg_err *err);
HG_MUST_CHECK hg_status hg_floor_end(hg_floor **out, hg_floor_scores *scores, hg_floor_fit *f, hg_pool *pool,
                                     hg_err *err);
void hg_floor_fit_free(hg_floor_fit *f);

/* ---- using --------------------------------------------------------------------------------------------------------- */

/* A straight line for the logarithm of the mean propensity says anything of a liquid that is unlike those learned from: it is held within this
 * factor of what was learned. */
extern const double HG_FLOOR_LEVEL_MOST;
/* propensity[n_times,n]; stretch[n_times,n_pairs] of pair[n_pairs,2], NaN for those that are no bonds, NULL: not wanted. Errors: HG_EDATA a structure
 * that is not known; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_floor_predict(float *propensity, float *stretch, const hg_floor *m, const hg_snapshot *s,
                                         const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err);
HG_MUST_CHECK hg_status hg_floor_save(const char *path, const hg_floor *m, hg_err *err);
/* Errors: those of hg_safetensors_open; HG_EDATA weights of something else, numbers that are not finite. */
HG_MUST_CHECK hg_status hg_floor_load(hg_floor **out, const char *path, hg_err *err);
void hg_floor_free(hg_floor *m);
#endif
