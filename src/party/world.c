/* party/world.c -- see party/world.h */
#include "party/world.h"
#include <openssl/rand.h>
#include <time.h>

static int64_t system_now(void *self) {
    (void)self;
    return (int64_t)time(NULL);
}

static int64_t system_monotonic(void *self) {
    (void)self;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const hg_world *hg_world_system(void) {
    static const hg_world world = { .now = system_now, .monotonic_ms = system_monotonic };
    return &world;
}

int64_t hg_world_now(const hg_world *w) { return w->now(w->self); }
int64_t hg_world_ms(const hg_world *w) { return w->monotonic_ms(w->self); }

hg_status hg_world_random(const hg_world *w, void *bytes, size_t n, hg_err *err) {
    if (w->random) return w->random(w->self, bytes, n, err);
    unsigned char *at = bytes;
    while (n) {
        const int piece = n > 1 << 20 ? 1 << 20 : (int)n;
        if (RAND_priv_bytes(at, piece) != 1) return hg_fail(err, HG_EIO, "the system gave no random bytes");
        at += piece;
        n -= (size_t)piece;
    }
    return HG_OK;
}
