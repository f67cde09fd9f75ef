/* models/glass_floor_internal.h -- the weights of the floor model, and the numbers they multiply */
#ifndef HG_MODELS_GLASS_FLOOR_INTERNAL_H
#define HG_MODELS_GLASS_FLOOR_INTERNAL_H
#include "models/glass_floor.h"

enum {
    BOND_STEPS = 9,                /* distances at which shells of a bond stand */
    BOND_OWN = 2 * BOND_STEPS + 8, /* numbers of a bond that are not sums over its ends */
};

typedef struct hg_floor_nets hg_floor_nets;

struct hg_floor {
    hg_arena *mem;
    hg_glass_state state;
    size_t n_times, width, levels;
    bool thermal;                         /* particles are described by the snapshot as it is, too */
    double *time;                         /* [n_times] */
    double temperature[2];                /* least and most; NaN: not known */
    float *node[HG_GLASS_SPECIES];        /* [n_times,hg_floor_width] */
    double *level[HG_GLASS_SPECIES];      /* [n_times,levels] */
    double *level_zero[HG_GLASS_SPECIES]; /* [n_times] */
    double *range[HG_GLASS_SPECIES];      /* [n_times,2] least and most mean propensity of a snapshot learned from */
    double *level_mean;                   /* [levels] of the features */
    bool bonds;
    float *bond[HG_FLOOR_PAIRS];       /* [n_times,bond width] */
    double *bond_zero[HG_FLOOR_PAIRS]; /* [n_times] */
    hg_floor_nets *nets;               /* NULL: none */
};

/* All arrays of a model whose sizes are set, in its arena. */
bool hg_floor_room(hg_floor *m);
size_t hg_floor_bond_width(hg_glass_state state);
size_t hg_floor_levels(hg_glass_state state);
/* Numbers of a particle: those of the state, and behind them those of the snapshot as it is where they are used. */
size_t hg_floor_width(const hg_floor *m);

/* Descriptors of all particles. */
typedef struct {
    float *x;       /* [n,m->width] */
    float *thermal; /* [n,hg_glass_width(HG_GLASS_THERMAL)]; NULL: not used */
} hg_floor_seen;
HG_MUST_CHECK hg_status hg_floor_see(hg_floor_seen *out, const hg_floor *m, const hg_snapshot *s, hg_arena *mem,
                                     hg_pool *pool, hg_err *err);
/* out[levels]: means over all particles of what tells snapshots apart. */
void hg_floor_levels_of(double *out, const float *x, size_t n, hg_glass_state state);

/* z[n_times,n]: what ridge with weight[species], [n_times,hg_floor_width] each, says of particles by their mean, less 1. */
HG_MUST_CHECK hg_status hg_floor_ridge_nodes(double *z, const hg_floor *m, float *const *weight, const uint8_t *species,
                                             size_t n, const hg_floor_seen *seen, hg_arena *mem, hg_pool *pool,
                                             hg_err *err);

/* The bonds among pair[n]: AA, AB or BB, near enough. index[i]: its number in `pair`. */
typedef struct {
    size_t n;
    size_t *index;
    float *x; /* [n,bond width] */
} hg_floor_bonds;
/* x[s->n,width]: descriptors. In `mem`; only the class `kind`. */
HG_MUST_CHECK hg_status hg_floor_bonds_of(hg_floor_bonds *out, const hg_snapshot *s, const float *x,
                                          hg_glass_state state, size_t kind, const uint32_t *pair, size_t n,
                                          hg_arena *mem, hg_err *err);
#endif
