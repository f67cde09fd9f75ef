/* tests/support/world.h -- a world for tests: a clock that can be set, random bytes that repeat
 *
 *   test_world w = test_world_make(7);
 *   w.now += 400 * 86400;                      a year later
 *   hg_identity_load(&id, folder, NULL, test_world_of(&w), &err);
 *
 * The monotonic clock is the machine's plus `ms`, since sockets wait in real time.
 */
#ifndef HG_TEST_WORLD_H
#define HG_TEST_WORLD_H
#include "party/world.h"

typedef struct {
    hg_world world; /* its `self` is set by each use of test_world_of */
    int64_t now, ms;
    hg_rng rng;
} test_world;

enum { TEST_NOW = 1767225600 }; /* 2026-01-01 */
test_world test_world_make(uint64_t seed);
/* Threads may share it. */
const hg_world *test_world_of(test_world *w);
#endif
