/* models/glass_floor_internal.h -- the weights of the floor model, and the numbers they multiply */
#ifndef HG_MODELS_GLASS_FLOOR_INTERNAL_H
#define HG_MODELS_GLASS_FLOOR_INTERNAL_H
#include "models/glass_floor.h"

enum {
    BOND_STEPS = 9,                /* distances at which shells of a bond stand */
    BOND_OWN = 2 * BOND_STEPS + 8, /* numbers of a bond that are not sums over its ends */
};

struct hg_floor {
    hg_arena *mem;
    hg_glass_state state;
    size_t n_times, width, levels;
    double *time;                         /* [n_times] */
    double temperature[2];                /* least and most; NaN: not known */
    float *node[HG_GLASS_SPECIES];        /* [n_times,width] */
    double *level[HG_GLASS_SPECIES];      /* [n_times,levels] */
    double *level_zero[HG_GLASS_SPECIES]; /* [n_times] */
    double *level_mean;                   /* [levels] of the features */
    bool bonds;
    float *bond[HG_FLOOR_PAIRS];       /* [n_times,bond width] */
    double *bond_zero[HG_FLOOR_PAIRS]; /* [n_times] */
};

/* All arrays of a model whose sizes are set, in its arena. */
bool hg_floor_room(hg_floor *m);
size_t hg_floor_bond_width(hg_glass_state state);
size_t hg_floor_levels(hg_glass_state state);
/* out[levels]: means over all particles of what tells snapshots apart. */
void hg_floor_levels_of(double *out, const float *x, size_t n, hg_glass_state state);

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
