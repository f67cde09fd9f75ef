/* party/pool_index.c -- which entry of the policy's pool a row of an owner's table is; see party/split.h
 *
 * A row is found by one number: the sum of its scaled features with fixed irrational weights. Entries are sorted by it; those within
 * the tolerance are compared feature by feature. A grid of any shape has distinct sums, so that few are compared: a lookup costs
 * the logarithm of the pool. */
#include "party/split.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = 1e-9; /* of a feature's range */

typedef struct {
    double sum;
    const char *id;
    size_t row;
} entry;

struct hg_pool_index {
    hg_arena *mem;
    const hg_policy *p;
    double *weight;        /* [n_features] over the feature's range */
    double slack;          /* sums of rows that agree differ by less */
    entry *by_sum, *by_id; /* [n_pool]; by_id NULL without names */
};

static int order_sum(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->sum != y->sum ? (x->sum < y->sum ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

static int order_id(const void *a, const void *b) { return strcmp(((const entry *)a)->id, ((const entry *)b)->id); }

static double sum_of(const hg_pool_index *x, const double *features) {
    double sum = 0;
    for (size_t k = 0; k < x->p->n_features; k++) sum += x->weight[k] * (features[k] - x->p->scale_low[k]);
    return sum;
}

static bool allocate(hg_pool_index *x) {
    const hg_policy *p = x->p;
    x->weight = hg_alloc(x->mem, p->n_features, sizeof *x->weight);
    x->by_sum = hg_alloc(x->mem, p->n_pool, sizeof *x->by_sum);
    x->by_id = p->id ? hg_alloc(x->mem, p->n_pool, sizeof *x->by_id) : NULL;
    return x->weight && x->by_sum && (x->by_id || !p->id);
}

static size_t next_prime(size_t n) {
    for (;;) {
        size_t d = 2;
        n++;
        while (d * d <= n && n % d) d++;
        if (d * d > n) return n;
    }
}

hg_status hg_pool_index_new(hg_pool_index **out, const hg_policy *p, hg_err *err) {
    *out = NULL;
    hg_arena *mem = hg_arena_new();
    hg_pool_index *x = hg_alloc(mem, 1, sizeof *x);
    if (x) *x = (hg_pool_index) { .mem = mem, .p = p };
    if (!x || !allocate(x)) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory to look up %zu candidates", p->n_pool);
    }
    size_t prime = 1;
    for (size_t k = 0; k < p->n_features; k++) {
        prime = next_prime(prime);
        const double root =
            fmod(sqrt((double)prime), 1) + 0.5; /* roots of primes: no sum of one grid point is another's */
        x->weight[k] = root / (p->scale_high[k] - p->scale_low[k]);
        x->slack += 2 * TOLERANCE * root;
    }
    for (size_t i = 0; i < p->n_pool; i++) {
        x->by_sum[i] = (entry) { sum_of(x, p->pool + i * p->n_features), p->id ? p->id[i] : "", i };
        if (x->by_id) x->by_id[i] = x->by_sum[i];
    }
    qsort(x->by_sum, p->n_pool, sizeof *x->by_sum, order_sum);
    if (x->by_id) qsort(x->by_id, p->n_pool, sizeof *x->by_id, order_id);
    *out = x;
    return HG_OK;
}

/* Largest difference over the features' ranges; infinite for what is not a number. */
static double distance(const hg_policy *p, size_t row, const double *features) {
    double worst = 0;
    for (size_t k = 0; k < p->n_features; k++) {
        const double d = fabs(features[k] - p->pool[row * p->n_features + k]) / (p->scale_high[k] - p->scale_low[k]);
        if (!(d <= worst)) worst = isnan(d) ? (double)INFINITY : d;
    }
    return worst;
}

bool hg_pool_index_find(size_t *row, const hg_pool_index *x, const double *features) {
    const double sum = sum_of(x, features);
    double nearest = TOLERANCE;
    bool found = false;
    size_t low = 0, high = x->p->n_pool;
    while (low < high) { /* the first entry that is not below */
        const size_t middle = low + (high - low) / 2;
        if (x->by_sum[middle].sum < sum - x->slack)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < x->p->n_pool && x->by_sum[low].sum <= sum + x->slack; low++) {
        const double d = distance(x->p, x->by_sum[low].row, features);
        if (d > nearest || (found && d == nearest)) continue;
        nearest = d;
        found = true;
        *row = x->by_sum[low].row;
    }
    return found;
}

bool hg_pool_index_find_id(size_t *row, const hg_pool_index *x, const char *id, size_t len) {
    size_t low = 0, high = x->by_id ? x->p->n_pool : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *name = x->by_id[middle].id;
        const size_t n = strlen(name);
        const int order = memcmp(name, id, n < len ? n : len);
        if (order == 0 && n == len) {
            *row = x->by_id[middle].row;
            return true;
        }
        if (order < 0 || (order == 0 && n < len))
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool hg_pool_index_agrees(const hg_pool_index *x, size_t row, const double *features) {
    return distance(x->p, row, features) <= TOLERANCE;
}

void hg_pool_index_free(hg_pool_index *x) {
    if (x) hg_arena_free(x->mem);
}
