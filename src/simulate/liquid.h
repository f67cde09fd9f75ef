/* simulate/liquid.h -- the particle engine inside: clusters, lists, kernels
 *
 * Particles stand in slots, four to a cluster. Everything of a slot lies as in `lane`: a cluster has sixteen numbers, x of four, y of four, z of four, and four
 * that are left over, so that a cluster's floats are one cache line. Slots that no particle fills are far away and at rest.
 */
#ifndef HG_SIMULATE_LIQUID_H
#define HG_SIMULATE_LIQUID_H
#include "hagane/liquid.h"

enum { LIQUID_LANES = 16, LIQUID_PARTS_MOST = 8 };
static const uint32_t LIQUID_EMPTY = UINT32_MAX;

/* Where coordinate k of a slot lies. */
static inline size_t liquid_lane(size_t slot, size_t k) { return slot / 4 * LIQUID_LANES + 4 * k + slot % 4; }

/* Of pairs of species, [2 of i + of j], as kernels want it. */
typedef struct {
    float c12[4], c6[4], fc[4], rc2[4]; /* F = c12 r^-13 - c6 r^-7 - fc for r^2 < rc2 */
    float list2[4];                     /* (cut-off + what may be moved)^2 */
} liquid_table;

/* A run of clusters that act on one cluster, seen from one of its images. */
typedef struct {
    uint32_t cluster, begin, end; /* other[begin .. end) */
    uint32_t far_end;             /* far[begin .. far_end) */
    double shift[3];              /* added to the cluster */
    bool self;                    /* the first of the others is the cluster itself */
} liquid_entry;

/* Two lists: `far` holds for long, and from it `other` is picked again and again: what is near enough for the next few steps. */
typedef struct {
    liquid_entry *entry;
    size_t entries, entries_cap;
    uint32_t *far, *other;
    size_t fars, fars_cap, others_cap;
    size_t parts,
        part[LIQUID_PARTS_MOST + 1]; /* entries of part p: part[p] .. part[p+1]; each sums forces of its own */
} liquid_list;

/* What kernels read. */
typedef struct {
    const float *x;       /* [clusters,16] */
    const uint16_t *type; /* [clusters] bit 4 i + j: particle j is of species 1, for all i */
    liquid_table table;
} liquid_scene;

/* Adds the forces of entries to f[clusters,16]. */
typedef void (*liquid_force_kernel)(float *f, const liquid_scene *s, const liquid_entry *e, size_t n,
                                    const uint32_t *other);
/* Keeps those of candidate[n] that have a particle within the reach of a list of one of the cluster's; may be in place. */
typedef size_t (*liquid_prune_kernel)(uint32_t *kept, const liquid_scene *s, uint32_t cluster, const double shift[3],
                                      const uint32_t *candidate, size_t n);
typedef struct {
    const char *name;
    liquid_force_kernel force;
    liquid_prune_kernel prune;
} liquid_kernels;
extern const liquid_kernels liquid_plain_kernels;
const liquid_kernels *liquid_best_kernels(void);   /* for this processor */
const liquid_kernels *liquid_kernels_at(size_t i); /* all that it can, the plain ones first; NULL past the last */

/* The same in double, with the constant of the energy c12 r^-12 / 12 - c6 r^-6 / 6 + fc r + constant. */
typedef struct {
    double c12, c6, fc, rc2, constant;
} liquid_pair;

/* Constants of a particle of species [s] with a cluster of type [16]. */
typedef struct {
    double c12[4], c6[4], fc[4], rc2[4], constant[4];
} liquid_rows[2][16];

struct hg_liquid {
    size_t n, clusters, clusters_cap;
    double box[3];
    hg_liquid_opts opts;
    double skin; /* as asked for, or what the box has room for */
    liquid_pair pair[4];
    liquid_rows *rows;
    const liquid_kernels *kernels;
    hg_arena *mem;
    uint8_t *species; /* [n] */

    /* [clusters,16], but for the slots' particles [clusters,4] */
    uint32_t *id;
    double *x, *v, *anchor, *origin; /* origin: of the image that stands in the box */
    double *listed, *picked;         /* x when pairs were listed, and when the near ones were picked */
    double *place, *exact;           /* x - origin and forces in double */
    float *near, *f;                 /* x - origin, forces */
    float *part_force;               /* [parts - 1, clusters, 16] */
    double *part_exact;              /* the same in double */
    uint16_t *type;                  /* [clusters] */
    float *bound;                    /* [clusters,6] lower and upper corner */

    double *ordered; /* [n,3] three times: scratch for putting particles into other slots */
    uint32_t *column_of, *column_start, *order;
    size_t columns[2];
    liquid_list list;
    size_t lists;
    double wall, stiffness;
    bool held, has_list, has_force;
};

/* liquid_list.c: slots, clusters and pairs anew; or only the near ones, out of the list. */
HG_MUST_CHECK hg_status liquid_relist(hg_liquid *l, hg_err *err);
void liquid_pick(hg_liquid *l);

/* liquid_force.c */
void liquid_force(hg_liquid *l); /* f from near */
typedef struct {
    double potential, virial;
} liquid_sums;
typedef struct {
    const double *x; /* [clusters,16] */
    const uint16_t *type;
    const liquid_rows *rows;
    double *energy; /* [clusters,16] halves of the pairs', added, or NULL */
} liquid_exact_scene;
void liquid_exact_entries(double *f, liquid_sums *sums, const liquid_exact_scene *s, const liquid_entry *e, size_t n,
                          const uint32_t *other);
/* exact, from x; energy: [clusters,16] of which the first four are used, or NULL. */
liquid_sums liquid_exact(hg_liquid *l, double *energy);

/* liquid.c: a list that holds for where particles are now. */
HG_MUST_CHECK hg_status liquid_follow(hg_liquid *l, hg_err *err);

/* liquid_kernel.c: passes over all numbers, n = 16 clusters. */
void liquid_add(float *f, const float *part, size_t n);
void liquid_kick(double *v, const float *f, size_t n, double half);
void liquid_drift(double *x, float *near, const double *v, const double *origin, size_t n, double dt);
void liquid_near(float *near, const double *x, const double *origin, size_t n);
void liquid_hold(float *f, const double *x, const double *anchor, size_t clusters, double wall, double stiffness);
void liquid_scale(double *v, size_t n, double factor);
double liquid_dot(const double *a, const double *b, size_t n);
double liquid_longest2(const double *a, size_t clusters);                     /* the same of vectors */
double liquid_moved2(const double *x, const double *listed, size_t clusters); /* the largest square; NaN when one is */
/* Over all pairs of species: boxes are twice as wide at least. */
double liquid_longest_cutoff(const hg_liquid_potential *p);
#endif
