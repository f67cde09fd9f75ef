/* num/sobol.c -- see num/sobol.h */
#include "num/sobol.h"
#include <string.h>

/* Dimension 2 on: the primitive polynomial with all its coefficients as bits, and the first odd numbers m_i. Dimension 1
 * is van der Corput's sequence. */
static const struct {
    uint16_t polynomial;
    uint8_t m[8];
} JOE_KUO[HG_SOBOL_DIMS - 1] = {
    { 3, { 1 } },
    { 7, { 1, 3 } },
    { 11, { 1, 3, 1 } },
    { 13, { 1, 1, 1 } },
    { 19, { 1, 1, 3, 3 } },
    { 25, { 1, 3, 5, 13 } },
    { 37, { 1, 1, 5, 5, 17 } },
    { 41, { 1, 1, 5, 5, 5 } },
    { 47, { 1, 1, 7, 11, 19 } },
    { 55, { 1, 1, 5, 1, 1 } },
    { 59, { 1, 1, 1, 3, 11 } },
    { 61, { 1, 3, 5, 5, 31 } },
    { 67, { 1, 3, 3, 9, 7, 49 } },
    { 91, { 1, 1, 1, 15, 21, 21 } },
    { 97, { 1, 3, 1, 13, 27, 49 } },
    { 103, { 1, 1, 1, 15, 7, 5 } },
    { 109, { 1, 3, 1, 15, 13, 25 } },
    { 115, { 1, 1, 5, 5, 19, 61 } },
    { 131, { 1, 3, 7, 11, 23, 15, 103 } },
    { 137, { 1, 3, 7, 13, 13, 15, 69 } },
    { 143, { 1, 1, 3, 13, 7, 35, 63 } },
    { 145, { 1, 3, 5, 9, 1, 25, 53 } },
    { 157, { 1, 3, 1, 13, 9, 35, 107 } },
    { 167, { 1, 3, 1, 5, 27, 61, 31 } },
    { 171, { 1, 1, 5, 11, 19, 41, 61 } },
    { 185, { 1, 3, 5, 3, 3, 13, 69 } },
    { 191, { 1, 1, 7, 13, 1, 19, 1 } },
    { 193, { 1, 3, 7, 5, 13, 19, 59 } },
    { 203, { 1, 1, 3, 9, 25, 29, 41 } },
    { 211, { 1, 3, 5, 13, 23, 1, 55 } },
    { 213, { 1, 3, 7, 3, 13, 59, 17 } },
    { 229, { 1, 3, 1, 3, 5, 53, 69 } },
    { 239, { 1, 1, 5, 5, 23, 33, 13 } },
    { 241, { 1, 1, 7, 7, 1, 61, 123 } },
    { 247, { 1, 1, 7, 9, 13, 61, 49 } },
    { 253, { 1, 3, 3, 5, 3, 55, 33 } },
    { 285, { 1, 3, 1, 15, 31, 13, 49, 245 } },
    { 299, { 1, 3, 5, 15, 31, 59, 63, 97 } },
    { 301, { 1, 3, 1, 11, 11, 11, 77, 249 } },
};

static void directions(uint32_t v[32], size_t dim) {
    if (dim == 0) {
        for (unsigned i = 0; i < 32; i++) v[i] = 1u << (31 - i);
        return;
    }
    const uint32_t poly = JOE_KUO[dim - 1].polynomial;
    unsigned degree = 0;
    while (poly >> (degree + 1)) degree++;
    for (unsigned i = 0; i < degree; i++) v[i] = (uint32_t)JOE_KUO[dim - 1].m[i] << (31 - i);
    for (unsigned i = degree; i < 32; i++) {
        v[i] = v[i - degree] ^ (v[i - degree] >> degree);
        for (unsigned k = 1; k < degree; k++)
            if (poly >> (degree - k) & 1) v[i] ^= v[i - k];
    }
}

/* Each output bit is the parity of its input bit and a random choice of the more significant ones. */
static void scramble(uint32_t v[32], hg_rng *rng) {
    uint32_t row[32], out[32] = { 0 };
    for (unsigned b = 0; b < 32; b++) {
        const uint32_t above = b ? ~0u << (32 - b) : 0;
        row[b] = ((uint32_t)hg_rng_u64(rng) & above) | 1u << (31 - b);
    }
    for (unsigned i = 0; i < 32; i++)
        for (unsigned b = 0; b < 32; b++) {
            uint32_t x = row[b] & v[i];
            x ^= x >> 16;
            x ^= x >> 8;
            x ^= x >> 4;
            out[i] |= (0x6996u >> (x & 15) & 1) << (31 - b);
        }
    memcpy(v, out, sizeof out);
}

void hg_sobol_init(hg_sobol *s, size_t d, uint64_t seed) {
    *s = (hg_sobol) { .d = d < HG_SOBOL_DIMS ? d : HG_SOBOL_DIMS };
    for (size_t j = 0; j < s->d; j++) {
        directions(s->direction[j], j);
        if (seed == 0) continue;
        hg_rng rng = hg_rng_make(seed, j);
        scramble(s->direction[j], &rng);
        s->shift[j] = (uint32_t)hg_rng_u64(&rng);
    }
}

void hg_sobol_point(const hg_sobol *s, uint32_t index, double *u) {
    for (size_t j = 0; j < s->d; j++) {
        uint32_t x = s->shift[j];
        for (unsigned b = 0; b < 32 && index >> b; b++)
            if (index >> b & 1) x ^= s->direction[j][b];
        u[j] = (double)x * 0x1p-32;
    }
}
