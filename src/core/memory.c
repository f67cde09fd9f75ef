/* core/memory.c -- see core/memory.h */
#include "core/memory.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef HAGANE_FAULTS
#include <stdatomic.h>
static atomic_long fault_after = -1; /* allocations still to succeed before the one that fails; < 0: none fails */

void hg_fault_alloc_after(long k) { atomic_store(&fault_after, k); }
#endif

static bool refused(void) {
#ifdef HAGANE_FAULTS
    return atomic_load(&fault_after) >= 0 && atomic_fetch_sub(&fault_after, 1) == 0;
#else
    return false;
#endif
}

/* malloc(0) may be NULL, which would read as "no memory" */
static size_t at_least_1(size_t bytes) { return bytes ? bytes : 1; }
static bool too_big(size_t n, size_t size) { return size != 0 && n > SIZE_MAX / 2 / size; }

void *hg_malloc(size_t n, size_t size) {
    if (too_big(n, size) || refused()) return NULL;
    return malloc(at_least_1(n * size));
}

void *hg_calloc(size_t n, size_t size) {
    if (too_big(n, size) || refused()) return NULL;
    return calloc(at_least_1(n * size), 1);
}

void *hg_realloc(void *p, size_t n, size_t size) {
    if (too_big(n, size) || refused()) return NULL;
    return realloc(p, at_least_1(n * size));
}

/* Large arrays ask for large pages: a loop over 200 MB runs 1.4 times as fast with 2 MiB pages as with 4 KiB ones (Zen 4). */
void *hg_aligned(size_t bytes) {
    const size_t page = (size_t)2 << 20;
    void *p = NULL;
    if (bytes > SIZE_MAX / 2 || refused()) return NULL;
    const bool large = bytes >= 2 * page;
    if (posix_memalign(&p, large ? page : 64, at_least_1(bytes)) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    if (large) madvise(p, bytes / page * page, MADV_HUGEPAGE); /* a wish: nothing depends on it */
#endif
    return p;
}

void hg_free(void *p) { free(p); }

bool hg_grow(void *p, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return true;
    size_t grown = *cap < 8 ? 8 : *cap;
    while (grown < need) {
        if (grown > SIZE_MAX / 2) return false;
        grown *= 2;
    }
    void *old, *moved;
    memcpy(&old, p, sizeof old); /* p is the address of a pointer of any type */
    moved = hg_realloc(old, grown, size);
    if (!moved) return false;
    memcpy(p, &moved, sizeof moved);
    *cap = grown;
    return true;
}
