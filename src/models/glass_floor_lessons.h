/* models/glass_floor_lessons.h -- what the files that teach networks share: snapshots that were kept, and what is known of them
 *
 *   glass_floor_lessons.c   snapshots are kept; what ridges say that have not seen them
 *   glass_floor_teach.c     networks learn, and what they are worth is found out
 */
#ifndef HG_MODELS_GLASS_FLOOR_LESSONS_H
#define HG_MODELS_GLASS_FLOOR_LESSONS_H
#include "models/glass_floor_network.h"

enum { HG_FLOOR_FOLDS_MOST = 1000 };

/* A snapshot, kept. */
typedef struct {
    hg_net_scene scene;
    hg_floor_seen seen;
    uint8_t *species;
    uint32_t *bond;  /* [bonds,2] by kind */
    float *bond_own; /* [bonds,BOND_OWN] */
    float *y,
        *bond_y; /* [n,n_times], [bonds,n_times] labels less their mean over the class: of particles, by that mean */
    float *left, *bond_left; /* what ridge leaves over, in units of scale; same shapes */
    size_t fold;
} hg_floor_lesson;

struct hg_floor_lessons {
    hg_floor_nets_opts o;
    hg_arena *mem;
    hg_floor_lesson *lesson;
    size_t n, room;
};

typedef struct {
    hg_floor_lessons *l;
    const hg_floor *m;
    hg_fold_ridge *const *ridge;                 /* [HG_NET_CLASSES] */
    const hg_fold_score *chosen[HG_NET_CLASSES]; /* [n_times] */
    size_t folds;
    size_t group[HG_FLOOR_FOLDS_MOST]; /* [folds] SIZE_MAX: it has no liquid */
    hg_floor_nets *nets;
    float *weight[HG_NET_CLASSES]; /* [n_times,width of the class] */
    double *w;                     /* the widest of them */
    double *rho;                   /* [class,n_times,folds,SHARES] sums over snapshots */
    size_t *seen;                  /* [class,folds] snapshots */
    hg_pool *pool;
} hg_floor_school;

static inline bool hg_net_of_bonds(size_t c) { return c >= HG_GLASS_SPECIES; }

/* Columns of the ridge of a class. */
static inline size_t hg_net_ridge_width(const hg_floor *m, size_t c) {
    return hg_net_of_bonds(c) ? hg_floor_bond_width(m->state) : hg_floor_width(m);
}

/* For the network of `group`: every liquid by a ridge that knows neither it nor the group. */
HG_MUST_CHECK hg_status hg_floor_tell(hg_floor_school *g, size_t group, hg_err *err);
#endif
