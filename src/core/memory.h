/* core/memory.h -- the one door to malloc, so that tests can make any allocation of the library fail
 *
 * Library code calls these instead of malloc and friends. hg_fault_alloc_after(k) lets k further allocations succeed,
 * fails one, and then lets all succeed; k < 0 switches it off. It exists only in builds with HAGANE_FAULTS.
 */
#ifndef HG_CORE_MEMORY_H
#define HG_CORE_MEMORY_H
#include <stdbool.h>
#include <stddef.h>

void *hg_malloc(size_t n, size_t size);           /* n * size bytes, NULL on overflow; n * size = 0 gives a pointer */
void *hg_calloc(size_t n, size_t size);           /* the same, zeroed */
void *hg_realloc(void *p, size_t n, size_t size); /* p stays valid when NULL comes back */
void *hg_aligned(size_t bytes);                   /* 64-byte aligned */
void hg_free(void *p);
/* Grows *p (of *cap elements of `size` bytes) to hold at least `need`, doubling. false: no memory, *p unchanged. */
bool hg_grow(void *p, size_t *cap, size_t need, size_t size);

/* An arena for secrets: what it held is overwritten before it is given back (reset and free). */
struct hg_arena;
struct hg_arena *hg_arena_new_secret(void);

#ifdef HAGANE_FAULTS
void hg_fault_alloc_after(long k);
#endif
#endif
