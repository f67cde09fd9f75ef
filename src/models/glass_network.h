/* models/glass_network.h -- a network on top of the floor model: what ridge leaves over, from directions, too
 *
 * Built like PaiNN (Schuett, Unke & Gastegger, ICML 2021): each particle has numbers that do not turn and vectors that turn with the system, both pass
 * along edges of the reference structure. So it is exactly invariant under rotations, reflections, moves and another order of the particles. It
 * sees distances and directions of edges in the reference structure and in the snapshot as it is, which way each particle went from one to
 * the other, its energy and curvature, and what ridge says. It says what to add, at all times at once, for particles and for bonds.
 * Everything it takes in and gives is in units of the standard deviation of the labels of a species (or kind of bond) and time, which is the root of
 * signal plus noise.
 */
#ifndef HG_MODELS_GLASS_NETWORK_H
#define HG_MODELS_GLASS_NETWORK_H
#include "hagane/params.h"
#include "models/glass_features.h"

enum {
    HG_NET_SCALARS = 32,
    HG_NET_VECTORS = 8,
    HG_NET_LAYERS = 3,
    HG_NET_RADIAL = 12, /* functions of a distance */
    HG_NET_PAIRS = 3,   /* AA, AB, BB */
};

/* A snapshot as the network sees it. All in one arena. */
typedef struct {
    size_t n, n_times, width, edges, bonds;
    const hg_index *from, *to, *first, *second; /* ends of edges, which go both ways, and of bonds */
    float *own;                                 /* [n,width] species, energy, curvature ... */
    float *moved;                               /* [n,3] to the reference structure */
    float *near;                                /* [edges,2 HG_NET_RADIAL] of both distances, cut off by the first */
    float *toward[2];                           /* [edges,3] directions: reference, thermal */
    uint8_t *kind;                              /* [bonds] 0 AA, 1 AB, 2 BB */
    float *bond_near;                           /* [bonds,2 HG_NET_RADIAL + HG_NET_PAIRS] */
    float *bond_toward[2];                      /* [bonds,3] */
    float *ridge, *bond_ridge;                  /* [n,n_times], [bonds,n_times] what ridge says; to be filled in */
} hg_net_scene;

typedef struct {
    hg_glass_state state;
    const float *x;       /* [n,hg_glass_width(state)] descriptors */
    const float *thermal; /* [n,hg_glass_width(HG_GLASS_THERMAL)] or NULL */
    const uint32_t *bond; /* [bonds,2] */
    size_t bonds, n_times;
} hg_net_view;

size_t hg_net_width(hg_glass_state state, bool thermal); /* numbers a particle that are its own */
/* Errors: HG_EDATA the structure is not known; HG_EINVAL a box that is too small; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_net_scene_make(hg_net_scene *out, const hg_snapshot *s, const hg_net_view *v, hg_arena *mem,
                                          hg_err *err);
HG_MUST_CHECK hg_status hg_net_params_new(hg_params **out, size_t width, size_t n_times, bool bonds,
                                          const hg_params_opts *o, hg_err *err);
/* *node[n,n_times], *bond[bonds,n_times], on the tape; bond NULL: not wanted. */
void hg_net_tape(hg_tensor **node, hg_tensor **bond, hg_tape *t, const hg_params *p, const hg_net_scene *s);
#endif
