/* learn/forest_grow.h -- one tree of a forest: its nodes, and how a node is split; of learn/forest.c and learn/extraboost.c */
#ifndef HG_LEARN_FOREST_GROW_H
#define HG_LEARN_FOREST_GROW_H
#include "learn/forest.h"

/* What all trees learn from. */
typedef struct {
    const float *x;           /* [n,d] */
    const float *columns;     /* [d,n]: the same, where best splits are wanted; else NULL */
    const float *y;           /* [n] about 0, of size 1; NULL for classes */
    const uint32_t *of_class; /* [n]; NULL for numbers */
    const double *weight;     /* [classes] of a row */
    size_t n, d, classes;
    size_t tries; /* features a split looks at, 1 .. d */
    hg_forest_opts opts;
} hg_growth;

/* A tree while it grows; its arrays are the caller's afterwards. */
typedef struct {
    size_t nodes, leaves;
    size_t node_cap[5], leaf_cap;
    int32_t *feature;
    float *threshold;
    uint32_t *next, *begin, *end; /* rows of the node in `row`; once the tree is grown, begin and end go */
    float *value;                 /* [leaves, outputs] */
} hg_sapling;

/* Room of one thread. */
typedef struct {
    uint32_t *row;                     /* [n] */
    float *y;                          /* [n] of the node's rows about their mean; numbers */
    uint32_t *of_class;                /* [n] of the node's rows; classes */
    uint64_t *sort;                    /* [2 n] best splits */
    uint32_t *order;                   /* [d] features as they are drawn */
    float *lo, *hi, *threshold, *part; /* [d], [d], [d], [max(2, classes) d] */
    double *left;                      /* [max(2, classes) d] */
    double *total;                     /* [classes] */
    double *beside;                    /* [classes] */
} hg_growing;

typedef struct {
    int32_t feature; /* -1: none */
    float threshold;
} hg_split;

HG_MUST_CHECK hg_status hg_growing_make(hg_growing *g, const hg_growth *of, hg_err *err);
void hg_growing_free(hg_growing *g);

/* Grows tree number `tree`. false: no memory. */
bool hg_sapling_grow(hg_sapling *s, hg_growing *g, const hg_growth *of, size_t tree);
void hg_sapling_free(hg_sapling *s);
/* The leaf of x[d]: its outputs. */
float *hg_sapling_leaf(const hg_sapling *s, const float *x, size_t outputs);
/* Puts the trees s[trees] behind each other: nodes and leaves count on. HG_ELIMIT, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_saplings_gather(hg_trees *t, const hg_sapling *s, size_t trees, size_t d, size_t outputs,
                                           hg_err *err);

/* The best split of rows row[m] of which the tree looks at; m >= 2 leaf. g->y or g->of_class and g->total are those of the rows. */
hg_split hg_split_at_random(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m, uint64_t *state);
hg_split hg_split_best(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m, uint64_t *state);

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), begun by the tree's own stream: a node needs a number for each feature. */
static inline uint64_t hg_split_mix(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
#endif
