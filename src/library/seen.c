/* library/seen.c -- see library/seen.h */
#include "library/seen.h"
#include <stdlib.h>
#include <string.h>

static const char TENSOR[] = "compositions";

uint32_t hg_seen_key(const hg_composition *c) { return (uint32_t)(hg_composition_key(c) >> 32); }

static int by_key(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

hg_seen hg_seen_of(uint32_t *key, size_t n) {
    size_t kept = 0;
    if (n) qsort(key, n, sizeof *key, by_key);
    for (size_t i = 0; i < n; i++)
        if (!kept || key[i] != key[kept - 1]) key[kept++] = key[i];
    return kept <= HG_SEEN_MOST ? (hg_seen) { key, kept } : (hg_seen) { NULL, 0 };
}

bool hg_seen_has(const hg_seen *s, const hg_composition *c) {
    const uint32_t key = hg_seen_key(c);
    return s->n && bsearch(&key, s->key, s->n, sizeof key, by_key) != NULL;
}

hg_status hg_seen_save(const hg_seen *s, hg_shelf *to, hg_err *err) {
    return s->n ? hg_shelf_put(to, TENSOR, HG_STORED_U32, &s->n, 1, s->key, err) : HG_OK;
}

hg_status hg_seen_load(hg_seen *s, const hg_shelf_view *from, hg_arena *mem, hg_err *err) {
    const size_t any = HG_SHELF_ANY;
    const hg_stored *t;
    *s = (hg_seen) { NULL, 0 };
    if (!hg_shelf_has(from, TENSOR)) return HG_OK;
    HG_TRY(hg_shelf_get(&t, from, TENSOR, HG_STORED_U32, &any, 1, err));
    const size_t n = t->count;
    if (n > HG_SEEN_MOST) return hg_fail(err, HG_EDATA, "%s: a list of %zu compositions", from->source, n);
    uint32_t *key = hg_alloc(mem, n, sizeof *key);
    if (!key) return hg_fail(err, HG_ENOMEM, "no memory for %zu compositions", n);
    if (n) memcpy(key, t->data, n * sizeof *key);
    for (size_t i = 1; i < n; i++)
        if (key[i] <= key[i - 1]) return hg_fail(err, HG_EDATA, "%s: its compositions are not sorted", from->source);
    *s = (hg_seen) { key, n };
    return HG_OK;
}
