/* learn/forest_split.c -- how a node is split; see learn/forest_grow.h
 *
 * What is made large. Numbers, with s the sum of y - mean over the l rows on the left of m: s^2 (1/l + 1/(m - l)), by which the squared
 * deviations fall (the sum on the right is -s). Classes, with c_k the weighted counts: sum c_k^2 / sum c_k on the left, and the same on the
 * right (Gini). Of equal splits the first in the order in which features were drawn: in small nodes many are equal, and always taking the
 * first column would be a choice, too.
 */
#include "learn/forest_grow.h"
#include "learn/trees_kernel.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 256 /* rows that are summed up in floats */, FEW = 40 /* rows that are sorted by insertion */ };

/* Exchanges feature number i of the order with one of those behind it, and gives it. */
static size_t draw(uint32_t *order, size_t i, size_t d, uint64_t random) {
    const size_t k = i + (size_t)(((random >> 32) * (uint64_t)(d - i)) >> 32);
    const uint32_t j = order[k];
    order[k] = order[i];
    order[i] = j;
    return j;
}

/* ---- thresholds at random ---------------------------------------------------------------------------------------- */

/* Uniform in lo .. hi, below hi, so that rows remain on both sides. 24 bits. */
static float between(float lo, float hi, uint64_t random) {
    const float t = (float)((double)lo + ((double)hi - (double)lo) * ((double)(random & 0xffffff) * 0x1p-24));
    return t < hi ? (t < lo ? lo : t) : lo;
}

/* Sums over the rows on the left into g->left: numbers count[d], sum[d]; classes count[classes,d]. */
static void sum_left(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m) {
    const size_t d = of->d, size = (of->classes ? of->classes : 2) * d;
    memset(g->left, 0, size * sizeof *g->left);
    for (size_t i = 0; i < m; i += BLOCK) {
        const size_t k = m - i < BLOCK ? m - i : BLOCK;
        memset(g->part, 0, size * sizeof *g->part);
        if (of->classes)
            hg_tree_left_classes(g->part, g->threshold, of->x, row + i, g->of_class + i, k, d);
        else
            hg_tree_left(g->part, g->part + d, g->threshold, of->x, row + i, g->y + i, k, d);
        for (size_t j = 0; j < size; j++) g->left[j] += (double)g->part[j];
    }
}

/* Gini's score from the rows on the left, counted by class with a step, and all rows. */
static double gini(const hg_growth *of, const double *left, size_t step, const double *total) {
    double l = 0, r = 0, l2 = 0, r2 = 0;
    for (size_t k = 0; k < of->classes; k++) {
        const double a = of->weight[k] * left[k * step], b = of->weight[k] * (total[k] - left[k * step]);
        l += a;
        r += b;
        l2 += a * a;
        r2 += b * b;
    }
    return l2 / l + r2 / r;
}

static double count_left(const hg_growing *g, const hg_growth *of, size_t j) {
    double rows = 0;
    for (size_t k = 0; k < of->classes; k++) rows += g->left[k * of->d + j];
    return of->classes ? rows : g->left[j];
}

hg_split hg_split_at_random(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m, uint64_t *state) {
    const size_t d = of->d;
    hg_split best = { -1, 0 };
    double most = -INFINITY;
    size_t drawn = 0, looked = 0;
    hg_tree_ranges(g->lo, g->hi, of->x, row, m, d);
    if (of->tries < d)
        for (size_t j = 0; j < d; j++) g->threshold[j] = -INFINITY; /* not looked at: nothing on the left */
    for (; drawn < d && looked < of->tries; drawn++) {
        const uint64_t random = hg_split_mix(state);
        const size_t j = draw(g->order, drawn, d, random);
        g->threshold[j] = between(g->lo[j], g->hi[j], random);
        if (g->lo[j] < g->hi[j]) looked++;
    }
    if (looked == 0) return best;
    sum_left(g, of, row, m);
    for (size_t i = 0; i < drawn; i++) {
        const size_t j = g->order[i];
        const double l = count_left(g, of, j), r = (double)m - l, least = (double)of->opts.leaf;
        if (!(g->lo[j] < g->hi[j]) || l < least || r < least) continue;
        const double s = of->classes ? 0 : g->left[d + j];
        const double score = of->classes ? gini(of, g->left + j, d, g->total) : s * s * (1 / l + 1 / r);
        if (score > most) {
            most = score;
            best = (hg_split) { (int32_t)j, g->threshold[j] };
        }
    }
    return best;
}

/* ---- the best threshold ------------------------------------------------------------------------------------------ */

/* Floats in the order of unsigned numbers; -0 as 0. */
static uint32_t ordered(float v) {
    uint32_t u;
    const float plain = v + 0.0f;
    memcpy(&u, &plain, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

/* key[m] by its upper half, in one of the two halves of key[2 m]: which one is returned. Stable. */
static uint64_t *sort_keys(uint64_t *key, size_t m) {
    if (m <= FEW) {
        for (size_t i = 1; i < m; i++) {
            const uint64_t k = key[i];
            size_t at = i;
            for (; at > 0 && key[at - 1] > k; at--) key[at] = key[at - 1];
            key[at] = k;
        }
        return key;
    }
    uint64_t *from = key, *to = key + m;
    for (unsigned shift = 32; shift < 64; shift += 8) {
        uint32_t place[256] = { 0 }, sum = 0;
        for (size_t i = 0; i < m; i++) place[from[i] >> shift & 255]++;
        for (size_t b = 0; b < 256; b++) {
            const uint32_t here = place[b];
            place[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < m; i++) to[place[from[i] >> shift & 255]++] = from[i];
        uint64_t *const other = from;
        from = to;
        to = other;
    }
    return from;
}

/* Halfway; of neighbouring floats the lower one, which keeps the upper one on the right. */
static float halfway(float a, float b) {
    const float t = (float)(((double)a + (double)b) / 2);
    return t < b ? t : a;
}

/* Tries each threshold of feature j. The lower half of a key is the number of the row within the node. */
static void scan(hg_split *best, double *most, hg_growing *g, const hg_growth *of, const uint32_t *row,
                 const uint64_t *key, size_t m, size_t j) {
    const float *column = of->columns + j * of->n;
    double s = 0;
    for (size_t k = 0; k < of->classes; k++) g->beside[k] = 0;
    for (size_t i = 0; i + 1 < m; i++) {
        const size_t here = (uint32_t)key[i];
        if (of->classes)
            g->beside[g->of_class[here]]++;
        else
            s += (double)g->y[here];
        if (key[i] >> 32 == key[i + 1] >> 32 || i + 1 < of->opts.leaf || m - i - 1 < of->opts.leaf) continue;
        const double l = (double)(i + 1), r = (double)(m - i - 1);
        const double score = of->classes ? gini(of, g->beside, 1, g->total) : s * s * (1 / l + 1 / r);
        if (score <= *most) continue;
        *most = score;
        *best = (hg_split) { (int32_t)j, halfway(column[row[here]], column[row[(uint32_t)key[i + 1]]]) };
    }
}

hg_split hg_split_best(hg_growing *g, const hg_growth *of, const uint32_t *row, size_t m, uint64_t *state) {
    hg_split best = { -1, 0 };
    double most = -INFINITY;
    size_t looked = 0;
    for (size_t i = 0; i < of->d && looked < of->tries; i++) {
        const size_t j = draw(g->order, i, of->d, hg_split_mix(state));
        const float *column = of->columns + j * of->n;
        for (size_t k = 0; k < m; k++) g->sort[k] = (uint64_t)ordered(column[row[k]]) << 32 | k;
        const uint64_t *key = sort_keys(g->sort, m);
        if (key[0] >> 32 == key[m - 1] >> 32) continue;
        looked++;
        scan(&best, &most, g, of, row, key, m, j);
    }
    return best;
}
