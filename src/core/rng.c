/* core/rng.c -- Philox4x32-10, see hagane/core.h; constants of Salmon et al. (2011), table 2 */
#include "hagane/core.h"
#include <math.h>

static void round_once(uint32_t c[4], const uint32_t k[2]) {
    const uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
    const uint32_t out[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                              (uint32_t)a };
    for (int i = 0; i < 4; i++) c[i] = out[i];
}

static void next_block(hg_rng *r) {
    uint32_t k[2] = { r->key[0], r->key[1] };
    for (int i = 0; i < 4; i++) r->buffer[i] = r->counter[i];
    for (int i = 0; i < 10; i++) {
        round_once(r->buffer, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    if (++r->counter[0] == 0) ++r->counter[1]; /* 2^64 blocks a stream; words 2 and 3 hold the stream */
    r->used = 0;
}

hg_rng hg_rng_make(uint64_t seed, uint64_t stream) {
    hg_rng r = { .key = { (uint32_t)seed, (uint32_t)(seed >> 32) },
                 .counter = { 0, 0, (uint32_t)stream, (uint32_t)(stream >> 32) },
                 .used = 4 };
    return r;
}

static uint32_t next32(hg_rng *r) {
    if (r->used == 4) next_block(r);
    return r->buffer[r->used++];
}

uint64_t hg_rng_u64(hg_rng *r) {
    const uint64_t low = next32(r);
    return low | (uint64_t)next32(r) << 32;
}

/* The largest of the 2^53 values would round to 1, whose quantile is infinite. */
double hg_rng_uniform(hg_rng *r) {
    const double u = ((double)(hg_rng_u64(r) >> 11) + 0.5) * 0x1p-53;
    return u < 1 ? u : 1 - 0x1p-53;
}

double hg_rng_normal(hg_rng *r) {
    if (r->has_normal) {
        r->has_normal = false;
        return r->normal;
    }
    const double radius = sqrt(-2 * log(hg_rng_uniform(r))), angle = 6.283185307179586 * hg_rng_uniform(r);
    r->normal = radius * sin(angle);
    r->has_normal = true;
    return radius * cos(angle);
}

size_t hg_rng_below(hg_rng *r, size_t n) {
    const uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* values from here on would favour small results */
    uint64_t v;
    do v = hg_rng_u64(r);
    while (v >= limit);
    return (size_t)(v % n);
}

void hg_rng_shuffle(hg_rng *r, size_t *index, size_t n) {
    for (size_t i = n; i > 1; i--) {
        const size_t j = hg_rng_below(r, i), t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}
