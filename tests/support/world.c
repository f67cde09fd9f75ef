/* tests/support/world.c -- see world.h */
#include "world.h"
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now(void *self) { return ((const fake_world *)self)->now; }

static int64_t monotonic(void *self) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + ((const fake_world *)self)->ms;
}

static hg_status random_bytes(void *self, void *bytes, size_t n, hg_err *err) {
    (void)err;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++) ((unsigned char *)bytes)[i] = (unsigned char)hg_rng_u64(&((fake_world *)self)->rng);
    pthread_mutex_unlock(&lock);
    return HG_OK;
}

fake_world fake_world_make(uint64_t seed) {
    return (fake_world) { .world = { .now = now, .monotonic_ms = monotonic, .random = random_bytes },
                          .now = FAKE_NOW,
                          .rng = hg_rng_make(seed, 0) };
}

const hg_world *fake_world_of(fake_world *w) {
    if (w->world.self != w) w->world.self = w; /* once: threads share it */
    return &w->world;
}
