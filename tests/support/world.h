/* tests/support/world.h -- a world for tests: a clock that can be set, random bytes that repeat
 *
 *   fake_world w = fake_world_make(7);
 *   w.now += 400 * 86400;                      a year later
 *   hg_identity_load(&id, folder, NULL, fake_world_of(&w), &err);
 *
 * The monotonic clock is the machine's plus `ms`, since sockets wait in real time.
 */
#ifndef HG_FAKE_WORLD_H
#define HG_FAKE_WORLD_H
#include "party/world.h"

typedef struct {
    hg_world world; /* its `self` is set by each use of fake_world_of */
    int64_t now, ms;
    hg_rng rng;
} fake_world;

enum { FAKE_NOW = 1767225600 }; /* 2026-01-01 */
fake_world fake_world_make(uint64_t seed);
/* Threads may share it. */
const hg_world *fake_world_of(fake_world *w);
#endif
