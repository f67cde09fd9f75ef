/* party/world.h -- the outside world that a party needs: time and entropy, handed in by the program
 *
 * The library reads no clock by itself. Programs hand in hg_world_system; tests hand in a world of their own: a clock that
 * jumps, random bytes that repeat. A world outlives what it was given to, and is used by many threads at once.
 */
#ifndef HG_PARTY_WORLD_H
#define HG_PARTY_WORLD_H
#include "hagane/core.h"

typedef struct hg_world {
    int64_t (*now)(void *self);          /* seconds since 1970-01-01 UTC */
    int64_t (*monotonic_ms)(void *self); /* for time-outs */
    hg_status (*random)(void *self, void *bytes, size_t n,
                        hg_err *err); /* cryptographic; NULL: OpenSSL's RAND_priv_bytes */
    void *self;
} hg_world;

/* The machine's own clocks and OpenSSL's generator. For programs: nothing in the library calls it. */
const hg_world *hg_world_system(void);

int64_t hg_world_now(const hg_world *w);
int64_t hg_world_ms(const hg_world *w);
HG_MUST_CHECK hg_status hg_world_random(const hg_world *w, void *bytes, size_t n, hg_err *err);
#endif
