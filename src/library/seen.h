/* library/seen.h -- which compositions a model has learned from, as a list of short hashes
 *
 * A sorted list of 32-bit hashes of reduced compositions (hg_composition_key), so that a model can say of a row whether it is new to it.
 * No formula can be read off it, but who has a formula can ask. A composition that was not learned from is taken for one that was
 * with a chance of length / 2^32: 1 in 40,000 for the longest list. What is said not to be there never was.
 */
#ifndef HG_LIBRARY_SEEN_H
#define HG_LIBRARY_SEEN_H
#include "hagane/composition.h"
#include "learn/shelf.h"

enum { HG_SEEN_MOST = 100000 /* different compositions; of more no list is kept */ };

typedef struct {
    const uint32_t *key; /* [n] ascending */
    size_t n;            /* 0: it is not told */
} hg_seen;

uint32_t hg_seen_key(const hg_composition *c);
/* Sorts key[n], in place, and drops what stands in it twice; the list borrows it. */
hg_seen hg_seen_of(uint32_t *key, size_t n);
bool hg_seen_has(const hg_seen *s, const hg_composition *c);
/* As a tensor "compositions"; nothing of an empty list. */
HG_MUST_CHECK hg_status hg_seen_save(const hg_seen *s, hg_shelf *to, hg_err *err);
/* A copy in mem; an empty list where the file has none. HG_EDATA: no such list; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_seen_load(hg_seen *s, const hg_shelf_view *from, hg_arena *mem, hg_err *err);
#endif
