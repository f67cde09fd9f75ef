/* learn/forest_grow.c -- see learn/forest_grow.h
 *
 * Nodes are split in the order in which they were made, so that the list of nodes is the list of what remains to be done, and children
 * stand behind their parents. A node's rows are a piece of one permutation.
 */
#include "learn/forest_grow.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

hg_status hg_growing_make(hg_growing *g, const hg_growth *of, hg_err *err) {
    const size_t n = of->n, d = of->d, parts = of->classes > 2 ? of->classes : 2;
    *g = (hg_growing) { 0 };
    g->row = hg_malloc(n, sizeof *g->row);
    g->y = hg_malloc(of->y ? n : 0, sizeof *g->y);
    g->of_class = hg_malloc(of->of_class ? n : 0, sizeof *g->of_class);
    g->sort = hg_malloc(of->opts.best ? n : 0, 2 * sizeof *g->sort);
    g->order = hg_malloc(d, sizeof *g->order);
    g->lo = hg_malloc(d, sizeof *g->lo);
    g->hi = hg_malloc(d, sizeof *g->hi);
    g->threshold = hg_malloc(d, sizeof *g->threshold);
    g->part = hg_malloc(d, parts * sizeof *g->part);
    g->left = hg_malloc(d, parts * sizeof *g->left);
    g->total = hg_malloc(parts, sizeof *g->total);
    g->beside = hg_malloc(parts, sizeof *g->beside);
    if (g->row && g->y && g->of_class && g->sort && g->order && g->lo && g->hi && g->threshold && g->part && g->left &&
        g->total && g->beside)
        return HG_OK;
    hg_growing_free(g);
    return hg_fail(err, HG_ENOMEM, "no memory to grow a tree of %zu rows and %zu features", n, d);
}

void hg_growing_free(hg_growing *g) {
    hg_free(g->row);
    hg_free(g->y);
    hg_free(g->of_class);
    hg_free(g->sort);
    hg_free(g->order);
    hg_free(g->lo);
    hg_free(g->hi);
    hg_free(g->threshold);
    hg_free(g->part);
    hg_free(g->left);
    hg_free(g->total);
    hg_free(g->beside);
    *g = (hg_growing) { 0 };
}

void hg_sapling_free(hg_sapling *s) {
    hg_free(s->feature);
    hg_free(s->threshold);
    hg_free(s->next);
    hg_free(s->begin);
    hg_free(s->end);
    hg_free(s->value);
    *s = (hg_sapling) { 0 };
}

/* ---- nodes and leaves -------------------------------------------------------------------------------------------- */

static bool add_node(hg_sapling *s, size_t begin, size_t end) {
    const size_t need = s->nodes + 1;
    if (!hg_grow(&s->feature, &s->node_cap[0], need, sizeof *s->feature) ||
        !hg_grow(&s->threshold, &s->node_cap[1], need, sizeof *s->threshold) ||
        !hg_grow(&s->next, &s->node_cap[2], need, sizeof *s->next) ||
        !hg_grow(&s->begin, &s->node_cap[3], need, sizeof *s->begin) ||
        !hg_grow(&s->end, &s->node_cap[4], need, sizeof *s->end))
        return false;
    s->feature[s->nodes] = -1;
    s->threshold[s->nodes] = 0;
    s->begin[s->nodes] = (uint32_t)begin;
    s->end[s->nodes] = (uint32_t)end;
    s->nodes++;
    return true;
}

/* What is known of a node's rows before it is split: g->y about the mean, or classes and how often each. */
typedef struct {
    double mean;
    bool pure; /* nothing is left to be told apart */
} content;

static content look(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m) {
    content c = { 0, true };
    if (of->y) {
        for (size_t i = 0; i < m; i++) {
            g->y[i] = of->y[row[i]];
            c.mean += (double)g->y[i];
            c.pure = c.pure && g->y[i] == g->y[0];
        }
        c.mean = c.pure ? (double)g->y[0] : c.mean / (double)m;
        for (size_t i = 0; i < m; i++) g->y[i] = (float)((double)g->y[i] - c.mean);
        return c;
    }
    for (size_t k = 0; k < of->classes; k++) g->total[k] = 0;
    for (size_t i = 0; i < m; i++) {
        g->of_class[i] = of->of_class[row[i]];
        g->total[g->of_class[i]]++;
    }
    c.pure = g->total[g->of_class[0]] == (double)m;
    return c;
}

static bool add_leaf(hg_sapling *s, const hg_growing *g, const hg_growth *of, size_t node, double mean) {
    const size_t outputs = of->classes ? of->classes : 1;
    if (!hg_grow(&s->value, &s->leaf_cap, s->leaves + 1, outputs * sizeof *s->value)) return false;
    float *value = s->value + s->leaves * outputs;
    double sum = 0;
    for (size_t k = 0; k < of->classes; k++) sum += of->weight[k] * g->total[k];
    for (size_t k = 0; k < of->classes; k++) value[k] = (float)(of->weight[k] * g->total[k] / sum);
    if (!of->classes) value[0] = (float)mean;
    s->next[node] = (uint32_t)s->leaves++;
    return true;
}

/* Brings rows that go left to the front; how many they are. */
static size_t divide(uint32_t *row, size_t m, const hg_growth *of, hg_split at) {
    size_t left = 0, right = m;
    while (left < right) {
        const uint32_t r = row[left];
        if (of->x[(size_t)r * of->d + (size_t)at.feature] <= at.threshold) {
            left++;
        } else {
            row[left] = row[--right];
            row[right] = r;
        }
    }
    return left;
}

static bool split_node(hg_sapling *s, hg_growing *g, const hg_growth *of, size_t node, bool last, uint64_t *state) {
    uint32_t *row = g->row + s->begin[node];
    const size_t m = s->end[node] - s->begin[node];
    const content c = look(g, of, row, m);
    hg_split at = { -1, 0 };
    if (!c.pure && !last && m >= 2 * of->opts.leaf)
        at = of->opts.best ? hg_split_best(g, of, row, m, state) : hg_split_at_random(g, of, row, m, state);
    if (at.feature < 0) return add_leaf(s, g, of, node, c.mean);
    const size_t middle = s->begin[node] + divide(row, m, of, at);
    s->feature[node] = at.feature;
    s->threshold[node] = at.threshold;
    s->next[node] = (uint32_t)s->nodes;
    return add_node(s, s->begin[node], middle) && add_node(s, middle, s->end[node]);
}

/* The rows that a tree sees, in front; how many. */
static size_t draw_rows(uint32_t *row, const hg_growth *of, hg_rng *r) {
    const size_t n = of->n, some = of->opts.share < 1 ? (size_t)ceil(of->opts.share * (double)n) : n;
    for (size_t i = 0; i < n; i++) row[i] = (uint32_t)(of->opts.bootstrap ? hg_rng_below(r, n) : i);
    for (size_t i = 0; i < some && some < n; i++) {
        const size_t k = i + hg_rng_below(r, n - i);
        const uint32_t other = row[k];
        row[k] = row[i];
        row[i] = other;
    }
    return some;
}

bool hg_sapling_grow(hg_sapling *s, hg_growing *g, const hg_growth *of, size_t tree) {
    hg_rng r = hg_rng_make(of->opts.seed, tree);
    uint64_t state = hg_rng_u64(&r);
    const size_t rows = draw_rows(g->row, of, &r);
    for (size_t j = 0; j < of->d; j++) g->order[j] = (uint32_t)j;
    *s = (hg_sapling) { 0 };
    bool ok = add_node(s, 0, rows);
    size_t depth = 0, level = 1; /* nodes are made level by level: the first one of the next */
    for (size_t i = 0; i < s->nodes && ok; i++) {
        if (i == level) depth++, level = s->nodes;
        ok = split_node(s, g, of, i, of->opts.depth && depth >= of->opts.depth, &state);
    }
    hg_free(s->begin);
    hg_free(s->end);
    s->begin = s->end = NULL;
    return ok;
}

float *hg_sapling_leaf(const hg_sapling *s, const float *x, size_t outputs) {
    uint32_t i = 0;
    while (s->feature[i] >= 0) i = s->next[i] + (x[s->feature[i]] <= s->threshold[i] ? 0 : 1);
    return s->value + (size_t)s->next[i] * outputs;
}

hg_status hg_saplings_gather(hg_trees *t, const hg_sapling *sapling, size_t trees, size_t d, size_t outputs,
                             hg_err *err) {
    size_t nodes = 0, leaves = 0;
    for (size_t k = 0; k < trees; k++) nodes += sapling[k].nodes, leaves += sapling[k].leaves;
    HG_TRY(hg_trees_make(t, trees, d, outputs, nodes, leaves, err));
    nodes = leaves = 0;
    for (size_t k = 0; k < trees; k++) {
        const hg_sapling *s = &sapling[k];
        t->root[k] = (uint32_t)nodes;
        memcpy(t->feature + nodes, s->feature, s->nodes * sizeof *s->feature);
        memcpy(t->threshold + nodes, s->threshold, s->nodes * sizeof *s->threshold);
        memcpy(t->value + leaves * outputs, s->value, s->leaves * outputs * sizeof *s->value);
        for (size_t i = 0; i < s->nodes; i++)
            t->next[nodes + i] = s->next[i] + (uint32_t)(s->feature[i] < 0 ? leaves : nodes);
        nodes += s->nodes;
        leaves += s->leaves;
    }
    t->root[trees] = (uint32_t)nodes;
    return HG_OK;
}
