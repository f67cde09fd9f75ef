/* learn/trees.h -- binary decision trees in one piece of memory: what forests and boosting have in common
 *
 * A node asks one question, x[feature] <= threshold: left or right. A leaf holds `outputs` numbers. The children of a node stand beside
 * each other and behind it, so that whoever goes down a tree comes to a leaf: hg_trees_load checks just that of weights in a file.
 */
#ifndef HG_LEARN_TREES_H
#define HG_LEARN_TREES_H
#include "learn/shelf.h"

typedef struct {
    size_t trees, d, outputs, nodes, leaves;
    uint32_t *root;   /* [trees + 1] first node of each tree; the last is `nodes` */
    int32_t *feature; /* [nodes] 0 .. d-1; -1: a leaf */
    float *threshold; /* [nodes] 0 for a leaf */
    uint32_t *next;   /* [nodes] the left child, next + 1 is the right one; of a leaf its number */
    float *value;     /* [leaves, outputs] */
} hg_trees;

/* Zeroed memory for those numbers of things. HG_ELIMIT more than 2^31 nodes; HG_ENOMEM. On an error *t is empty. */
HG_MUST_CHECK hg_status hg_trees_make(hg_trees *t, size_t trees, size_t d, size_t outputs, size_t nodes, size_t leaves,
                                      hg_err *err);
void hg_trees_free(hg_trees *t); /* of an empty one, too */
/* All trees of part[n] behind each other; they have the same d and outputs. HG_ELIMIT, HG_ENOMEM. On an error *t is empty. */
HG_MUST_CHECK hg_status hg_trees_join(hg_trees *t, const hg_trees *part, size_t n, hg_err *err);

/* The leaf of x[d] in that tree: its outputs. */
static inline const float *hg_trees_leaf(const hg_trees *t, size_t tree, const float *x) {
    uint32_t i = t->root[tree];
    while (t->feature[i] >= 0) i = t->next[i] + (x[t->feature[i]] <= t->threshold[i] ? 0 : 1);
    return t->value + (size_t)t->next[i] * t->outputs;
}

/* As tensors tree_root, tree_feature, tree_threshold, tree_next, tree_value. */
HG_MUST_CHECK hg_status hg_trees_save(const hg_trees *t, hg_shelf *to, hg_err *err);
/* The trees of weights that may be anybody's. HG_EDATA: they are not trees for d features with that many outputs. */
HG_MUST_CHECK hg_status hg_trees_load(hg_trees *t, const hg_shelf_view *from, size_t d, size_t outputs, hg_err *err);
#endif
