/* learn/trees.c -- see learn/trees.h */
#include "learn/trees.h"
#include "core/memory.h"
#include <string.h>

static const size_t NODES_MOST = (size_t)1 << 31; /* a feature of -1 and sums of two numbers of nodes stay in 32 bits */

hg_status hg_trees_make(hg_trees *t, size_t trees, size_t d, size_t outputs, size_t nodes, size_t leaves, hg_err *err) {
    *t = (hg_trees) { .trees = trees, .d = d, .outputs = outputs, .nodes = nodes, .leaves = leaves };
    if (nodes > NODES_MOST || d > INT32_MAX) {
        *t = (hg_trees) { 0 };
        hg_fail(err, HG_ELIMIT, "%zu nodes in %zu trees of %zu features are more than 2^31", nodes, trees, d);
        return hg_advise(err, HG_ELIMIT, "use fewer trees or larger leaves");
    }
    size_t numbers = 0;
    const bool fits = !__builtin_mul_overflow(leaves, outputs, &numbers);
    t->root = hg_calloc(trees + 1, sizeof *t->root);
    t->feature = hg_calloc(nodes, sizeof *t->feature);
    t->threshold = hg_calloc(nodes, sizeof *t->threshold);
    t->next = hg_calloc(nodes, sizeof *t->next);
    t->value = fits ? hg_calloc(numbers, sizeof *t->value) : NULL;
    if (t->root && t->feature && t->threshold && t->next && t->value) return HG_OK;
    hg_trees_free(t);
    return hg_fail(err, HG_ENOMEM, "no memory for %zu trees of %zu nodes", trees, nodes);
}

void hg_trees_free(hg_trees *t) {
    hg_free(t->root);
    hg_free(t->feature);
    hg_free(t->threshold);
    hg_free(t->next);
    hg_free(t->value);
    *t = (hg_trees) { 0 };
}

hg_status hg_trees_join(hg_trees *t, const hg_trees *part, size_t n, hg_err *err) {
    size_t trees = 0, nodes = 0, leaves = 0;
    for (size_t k = 0; k < n; k++) trees += part[k].trees, nodes += part[k].nodes, leaves += part[k].leaves;
    HG_TRY(hg_trees_make(t, trees, part->d, part->outputs, nodes, leaves, err));
    trees = nodes = leaves = 0;
    for (size_t k = 0; k < n; k++) {
        const hg_trees *p = &part[k];
        for (size_t i = 0; i <= p->trees; i++) t->root[trees + i] = p->root[i] + (uint32_t)nodes;
        for (size_t i = 0; i < p->nodes; i++)
            t->next[nodes + i] = p->next[i] + (uint32_t)(p->feature[i] < 0 ? leaves : nodes);
        memcpy(t->feature + nodes, p->feature, p->nodes * sizeof *p->feature);
        memcpy(t->threshold + nodes, p->threshold, p->nodes * sizeof *p->threshold);
        memcpy(t->value + leaves * t->outputs, p->value, p->leaves * t->outputs * sizeof *p->value);
        trees += p->trees;
        nodes += p->nodes;
        leaves += p->leaves;
    }
    return HG_OK;
}

/* ---- in files ---------------------------------------------------------------------------------------------------- */

hg_status hg_trees_save(const hg_trees *t, hg_shelf *to, hg_err *err) {
    const size_t roots = t->trees + 1, value[2] = { t->leaves, t->outputs };
    HG_TRY(hg_shelf_put(to, "tree_root", HG_STORED_U32, &roots, 1, t->root, err));
    HG_TRY(hg_shelf_put(to, "tree_feature", HG_STORED_I32, &t->nodes, 1, t->feature, err));
    HG_TRY(hg_shelf_put(to, "tree_threshold", HG_STORED_F32, &t->nodes, 1, t->threshold, err));
    HG_TRY(hg_shelf_put(to, "tree_next", HG_STORED_U32, &t->nodes, 1, t->next, err));
    return hg_shelf_put(to, "tree_value", HG_STORED_F32, value, 2, t->value, err);
}

static hg_status broken(hg_err *err, size_t tree, const char *what) {
    return hg_fail(err, HG_EDATA, "the weights hold no trees: tree %zu %s", tree, what);
}

/* Every way down ends in a leaf: children stand behind their parent, in the same tree. */
static hg_status check_tree(const hg_trees *t, size_t tree, hg_err *err) {
    const size_t begin = t->root[tree], end = t->root[tree + 1];
    if (begin >= end || end > t->nodes) return broken(err, tree, "has no root");
    for (size_t i = begin; i < end; i++) {
        if (t->feature[i] < -1 || (t->feature[i] >= 0 && (size_t)t->feature[i] >= t->d))
            return broken(err, tree, "asks for a feature that there is not");
        if (t->feature[i] < 0) {
            if (t->next[i] >= t->leaves) return broken(err, tree, "has a leaf without numbers");
        } else if (t->next[i] <= i || (size_t)t->next[i] + 1 >= end) {
            return broken(err, tree, "has a node without children");
        }
    }
    return HG_OK;
}

static hg_status check(const hg_trees *t, hg_err *err) {
    if (t->root[0] != 0 || t->root[t->trees] != t->nodes) return broken(err, 0, "does not begin where it should");
    for (size_t k = 0; k < t->trees; k++) HG_TRY(check_tree(t, k, err));
    return HG_OK;
}

hg_status hg_trees_load(hg_trees *t, const hg_shelf_view *from, size_t d, size_t outputs, hg_err *err) {
    const hg_stored *root, *feature, *threshold, *next, *value;
    size_t nodes = HG_SHELF_ANY;
    const size_t any = HG_SHELF_ANY, values[2] = { HG_SHELF_ANY, outputs };
    *t = (hg_trees) { 0 };
    HG_TRY(hg_shelf_get(&root, from, "tree_root", HG_STORED_U32, &any, 1, err));
    HG_TRY(hg_shelf_get(&feature, from, "tree_feature", HG_STORED_I32, &any, 1, err));
    nodes = feature->count;
    HG_TRY(hg_shelf_get(&threshold, from, "tree_threshold", HG_STORED_F32, &nodes, 1, err));
    HG_TRY(hg_shelf_get(&next, from, "tree_next", HG_STORED_U32, &nodes, 1, err));
    HG_TRY(hg_shelf_get(&value, from, "tree_value", HG_STORED_F32, values, 2, err));
    if (root->count < 2 || nodes == 0 || value->count == 0) return broken(err, 0, "is not there");
    HG_TRY(hg_trees_make(t, root->count - 1, d, outputs, nodes, value->shape[0], err));
    memcpy(t->root, root->data, root->count * sizeof *t->root);
    memcpy(t->feature, feature->data, nodes * sizeof *t->feature);
    memcpy(t->threshold, threshold->data, nodes * sizeof *t->threshold);
    memcpy(t->next, next->data, nodes * sizeof *t->next);
    memcpy(t->value, value->data, value->count * sizeof *t->value);
    const hg_status st = check(t, err);
    if (st != HG_OK) hg_trees_free(t);
    return st;
}
