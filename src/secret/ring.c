/* secret/ring.c -- see secret/ring.h. Loops for one width are in secret/ring_width.inc.
 * The hot loop of large pools, A x with a public 32-bit A, is in secret/ring_pieces.c.
 */
#include "secret/ring.h"
#include "num/isa.h"
#include "secret/ring_pieces.h"
#include <assert.h>
#include <math.h>

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

enum { PIECE = HG_PIECE_BITS, PIECES = HG_PIECES, BLOCK = HG_PIECE_BLOCK, SHORT_ROW = 12 };

/* ---- elements of one, two and three limbs --------------------------------------------------------------------------- */

typedef uint64_t e1;
typedef u128 e2;
typedef struct {
    u128 low;
    uint64_t high;
} e3;

HG_INLINE e1 load1(const uint64_t *p) { return *p; }
HG_INLINE void store1(uint64_t *p, e1 x) { *p = x; }
HG_INLINE e1 add1(e1 x, e1 y) { return x + y; }
HG_INLINE e1 sub1(e1 x, e1 y) { return x - y; }
HG_INLINE e1 mul1(e1 x, e1 y) { return x * y; }
HG_INLINE e1 left1(e1 x, unsigned bits) { return bits >= 64 ? 0 : x << bits; }
HG_INLINE e1 right1(e1 x, unsigned bits) { return bits >= 64 ? 0 : x >> bits; }
HG_INLINE e1 from_int1(int64_t x) { return (uint64_t)x; }

HG_INLINE e2 load2(const uint64_t *p) { return (u128)p[1] << 64 | p[0]; }
HG_INLINE void store2(uint64_t *p, e2 x) {
    p[0] = (uint64_t)x;
    p[1] = (uint64_t)(x >> 64);
}
HG_INLINE e2 add2(e2 x, e2 y) { return x + y; }
HG_INLINE e2 sub2(e2 x, e2 y) { return x - y; }
HG_INLINE e2 mul2(e2 x, e2 y) { return x * y; }
HG_INLINE e2 left2(e2 x, unsigned bits) { return bits >= 128 ? 0 : x << bits; }
HG_INLINE e2 right2(e2 x, unsigned bits) { return bits >= 128 ? 0 : x >> bits; }
HG_INLINE e2 from_int2(int64_t x) { return (u128)(i128)x; }

HG_INLINE e3 load3(const uint64_t *p) { return (e3) { load2(p), p[2] }; }
HG_INLINE void store3(uint64_t *p, e3 x) {
    store2(p, x.low);
    p[2] = x.high;
}
HG_INLINE e3 add3(e3 x, e3 y) {
    const u128 low = x.low + y.low;
    return (e3) { low, x.high + y.high + (low < x.low) };
}
HG_INLINE e3 sub3(e3 x, e3 y) { return (e3) { x.low - y.low, x.high - y.high - (x.low < y.low) }; }
HG_INLINE e3 mul3(e3 x, e3 y) {
    const uint64_t x0 = (uint64_t)x.low, x1 = (uint64_t)(x.low >> 64), y0 = (uint64_t)y.low,
                   y1 = (uint64_t)(y.low >> 64);
    const u128 p00 = (u128)x0 * y0, p01 = (u128)x0 * y1, p10 = (u128)x1 * y0;
    const u128 middle = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10; /* below 3 * 2^64 */
    return (e3) { middle << 64 | (uint64_t)p00, (uint64_t)(middle >> 64) + (uint64_t)(p01 >> 64) +
                                                    (uint64_t)(p10 >> 64) + x0 * y.high + x1 * y1 + x.high * y0 };
}
HG_INLINE e3 left3(e3 x, unsigned bits) {
    if (bits == 0) return x;
    if (bits >= 128) return (e3) { 0, left1((uint64_t)x.low, bits - 128) };
    const uint64_t carried = (uint64_t)(bits <= 64 ? x.low >> 64 >> (64 - bits) : x.low >> (128 - bits));
    return (e3) { x.low << bits, left1(x.high, bits) | carried };
}
HG_INLINE e3 right3(e3 x, unsigned bits) {
    if (bits == 0) return x;
    if (bits >= 128) return (e3) { right1(x.high, bits - 128), 0 };
    return (e3) { x.low >> bits | (u128)x.high << (128 - bits), right1(x.high, bits) };
}
HG_INLINE e3 from_int3(int64_t x) { return (e3) { from_int2(x), x < 0 ? UINT64_MAX : 0 }; }

#define HG_JOIN_(a, b)              a##b
#define HG_JOIN(a, b)               HG_JOIN_(a, b)
#define HG_N(name)                  HG_JOIN(name, HG_W)
#define HG_B(name)                  HG_JOIN(HG_N(name), _body)
#define HG_E                        HG_JOIN(e, HG_W)
#define HG_VECTOR(name, params, do) HG_ISA_FUNCTION(static, name, params, do)
#define HG_SCALAR(name, params, do)                                                                                    \
    static void name params { HG_JOIN(name, _body) do; }

#define HG_W      1
#define HG_KERNEL HG_VECTOR
#include "secret/ring_width.inc"
#undef HG_W
#undef HG_KERNEL
#define HG_W      2
#define HG_KERNEL HG_SCALAR /* wide products have no vector instructions */
#include "secret/ring_width.inc"
#undef HG_W
#define HG_W 3
#include "secret/ring_width.inc"
#undef HG_W
#undef HG_KERNEL

#define BY_WIDTH(f, ...)                                                                                               \
    do {                                                                                                               \
        assert(limbs >= 1 && limbs <= HG_RING_LIMBS);                                                                  \
        if (limbs == 1)                                                                                                \
            f##1(__VA_ARGS__);                                                                                         \
        else if (limbs == 2)                                                                                           \
            f##2(__VA_ARGS__);                                                                                         \
        else                                                                                                           \
            f##3(__VA_ARGS__);                                                                                         \
    } while (0)

/* ---- vectors ----------------------------------------------------------------------------------------------------------- */

void hg_ring_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs) {
    BY_WIDTH(add_vector, z, x, y, n);
}
void hg_ring_sub(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs) {
    BY_WIDTH(sub_vector, z, x, y, n);
}
void hg_ring_negate(uint64_t *z, const uint64_t *x, size_t n, unsigned limbs) { BY_WIDTH(negate_vector, z, x, n); }
void hg_ring_mul_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs) {
    BY_WIDTH(mul_add_vector, z, x, y, n);
}
void hg_ring_mul(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs) {
    BY_WIDTH(mul_vector, z, x, y, n);
}
void hg_ring_scale_add(uint64_t *z, const uint64_t *x, const uint64_t *c, size_t n, unsigned limbs) {
    BY_WIDTH(scale_add_vector, z, x, c, n);
}
void hg_ring_scale(uint64_t *z, const uint64_t *x, const uint64_t *c, size_t n, unsigned limbs) {
    BY_WIDTH(scale_vector, z, x, c, n);
}
void hg_ring_dot_add(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, unsigned limbs) {
    BY_WIDTH(dot_add_vector, z, x, y, n);
}
void hg_ring_cross_mul_add(uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2], bool broadcast,
                           size_t n, unsigned limbs) {
    if (broadcast)
        BY_WIDTH(cross_broadcast, z, x[0], x[1], y[0], y[1], n);
    else
        BY_WIDTH(cross_mul_vector, z, x[0], x[1], y[0], y[1], n);
}
void hg_ring_cross_dot_add(uint64_t *z, const uint64_t *const x[2], const uint64_t *const y[2], size_t n,
                           unsigned limbs) {
    BY_WIDTH(cross_dot_vector, z, x[0], x[1], y[0], y[1], n);
}
void hg_ring_shift_left(uint64_t *z, const uint64_t *x, unsigned bits, size_t n, unsigned limbs) {
    BY_WIDTH(shift_left_vector, z, x, bits, n);
}
void hg_ring_shift_right(uint64_t *z, const uint64_t *x, unsigned bits, size_t n, unsigned limbs) {
    BY_WIDTH(shift_right_vector, z, x, bits, n);
}

static uint64_t low_bits(unsigned bits) { return bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1; }

void hg_ring_mask(uint64_t *x, unsigned bits, size_t n, unsigned limbs) {
    for (unsigned l = bits / 64; l < limbs; l++) {
        const uint64_t keep = l == bits / 64 ? low_bits(bits % 64) : 0;
        for (size_t i = 0; i < n; i++) x[i * limbs + l] &= keep;
    }
}

void hg_ring_resize(uint64_t *z, unsigned to, const uint64_t *x, unsigned from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint64_t sign = -(x[i * from + from - 1] >> 63);
        for (unsigned l = 0; l < to; l++) z[i * to + l] = l < from ? x[i * from + l] : sign;
    }
}

/* ---- plain values --------------------------------------------------------------------------------------------------------- */

void hg_ring_from_int(uint64_t *z, int64_t x, unsigned limbs) {
    z[0] = (uint64_t)x;
    for (unsigned l = 1; l < limbs; l++) z[l] = x < 0 ? UINT64_MAX : 0;
}

void hg_ring_from_double(uint64_t *z, double x, unsigned fraction, unsigned limbs) {
    const double scaled = nearbyint(ldexp(x, (int)fraction));
    assert(fabs(scaled) < 0x1p62); /* NaN fails too */
    hg_ring_from_int(z, (int64_t)scaled, limbs);
}

/* The 64 bits below the leading one decide, with a sticky last bit for what lies under them: one correct rounding. */
double hg_ring_to_double(const uint64_t *x, unsigned fraction, unsigned limbs) {
    uint64_t size[HG_RING_LIMBS] = { 0 };
    const bool negative = x[limbs - 1] >> 63;
    for (unsigned l = 0; l < limbs; l++) size[l] = x[l];
    if (negative) hg_ring_negate(size, size, 1, limbs);
    unsigned top = limbs;
    while (top && size[top - 1] == 0) top--;
    if (top == 0) return 0;
    const unsigned bits = 64 * top - (unsigned)__builtin_clzll(size[top - 1]), drop = bits > 64 ? bits - 64 : 0;
    uint64_t under[HG_RING_LIMBS] = { 0 };
    for (unsigned l = 0; l < limbs; l++) under[l] = size[l];
    hg_ring_mask(under, drop, 1, limbs);
    hg_ring_shift_right(size, size, drop, 1, limbs);
    if (under[0] | under[1] | under[2]) size[0] |= 1;
    const double value = ldexp((double)size[0], (int)drop - (int)fraction);
    return negative ? -value : value;
}

/* ---- public matrices --------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t *const *y;
    const uint64_t *const *x;
    const void *a;
    size_t vectors, n;
    unsigned limbs;
} matvec;

/* What lies between n and the next multiple of 16 is read and not used: it is set, so that nothing unset is read. */
static void cut(int32_t *pieces, const uint64_t *x, size_t n, unsigned limbs, unsigned count) {
    for (size_t j = 0; j < n; j++, x += limbs)
        for (unsigned p = 0; p < count; p++) {
            const unsigned bit = p * PIECE, l = bit / 64, at = bit % 64;
            uint64_t v = x[l] >> at;
            if (at > 64 - PIECE && l + 1 < limbs) v |= x[l + 1] << (64 - at);
            pieces[p * BLOCK + j] = (int32_t)(v & low_bits(PIECE));
        }
    for (size_t j = n; j % 16; j++)
        for (unsigned p = 0; p < count; p++) pieces[p * BLOCK + j] = 0;
}

/* rows begin .. end-1 of y = A x, in blocks of columns */
static void rows_in_pieces(const matvec *m, size_t begin, size_t end) {
    int32_t x[HG_RING_VECTORS][PIECES * BLOCK];
    const hg_pieces_fn dot = hg_pieces_fastest()->dot;
    const unsigned limbs = m->limbs, pieces = (64 * limbs + PIECE - 1) / PIECE;
    const int32_t *a = m->a;
    for (size_t v = 0; v < m->vectors; v++)
        for (size_t i = begin * limbs; i < end * limbs; i++) m->y[v][i] = 0;
    for (size_t from = 0; from < m->n; from += BLOCK) {
        const size_t width = m->n - from < BLOCK ? m->n - from : BLOCK;
        for (size_t v = 0; v < m->vectors; v++) cut(x[v], m->x[v] + from * limbs, width, limbs, pieces);
        for (size_t r = begin; r < end; r++)
            for (size_t v = 0; v < m->vectors; v++) {
                int64_t s[PIECES];
                dot(s, a + r * m->n + from, x[v], pieces, width);
                if (limbs == 2)
                    add_pieces2(m->y[v] + r * 2, s, pieces);
                else
                    add_pieces3(m->y[v] + r * 3, s, pieces);
            }
    }
}

static void some_rows_i32(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const matvec *m = ctx;
    const unsigned limbs = m->limbs;
    if (limbs > 1 && m->n > SHORT_ROW) {
        rows_in_pieces(m, begin, end);
        return;
    }
    const int32_t *a = m->a;
    for (size_t r = begin; r < end; r++) /* a row stays in the cache for all vectors */
        for (size_t v = 0; v < m->vectors; v++) BY_WIDTH(rows_i32, m->y[v] + r * limbs, a + r * m->n, m->x[v], 1, m->n);
}

static void some_rows_i64(void *ctx, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const matvec *m = ctx;
    const unsigned limbs = m->limbs;
    const int64_t *a = m->a;
    for (size_t r = begin; r < end; r++)
        for (size_t v = 0; v < m->vectors; v++) BY_WIDTH(rows_i64, m->y[v] + r * limbs, a + r * m->n, m->x[v], 1, m->n);
}

enum { ROWS_A_TASK = 1024 };

void hg_ring_matvecs_i32(uint64_t *const *y, const int32_t *a, const uint64_t *const *x, size_t vectors, size_t rows,
                         size_t n, unsigned limbs, hg_pool *pool) {
    assert(vectors <= HG_RING_VECTORS);
    matvec m = { .y = y, .x = x, .a = a, .vectors = vectors, .n = n, .limbs = limbs };
    hg_pool_for(pool, rows, ROWS_A_TASK, some_rows_i32, &m);
}

void hg_ring_matvecs_i64(uint64_t *const *y, const int64_t *a, const uint64_t *const *x, size_t vectors, size_t rows,
                         size_t n, unsigned limbs, hg_pool *pool) {
    assert(vectors <= HG_RING_VECTORS);
    matvec m = { .y = y, .x = x, .a = a, .vectors = vectors, .n = n, .limbs = limbs };
    hg_pool_for(pool, rows, ROWS_A_TASK, some_rows_i64, &m);
}

/* ---- bit planes --------------------------------------------------------------------------------------------------------------- */

/* Eight 64 x 64 bit matrices at once, t[row][matrix]: rows become columns in six steps of swaps (Warren, Hacker's Delight,
 * 7-3), each a vector operation over the eight. */
enum { LANES = 8 };

HG_INLINE void transpose_body(uint64_t (*t)[LANES]) {
    uint64_t mask = 0x00000000ffffffffu;
    for (unsigned step = 32; step; step >>= 1, mask ^= mask << step)
        for (unsigned i = 0; i < 64; i = ((i | step) + 1) & ~step)
            for (unsigned l = 0; l < LANES; l++) {
                const uint64_t swap = (t[i][l] >> step ^ t[i | step][l]) & mask;
                t[i][l] ^= swap << step;
                t[i | step][l] ^= swap;
            }
}
HG_ISA_FUNCTION(static, transpose, (uint64_t(*t)[LANES]), (t))

void hg_ring_to_planes(uint64_t *planes, const uint64_t *x, unsigned bits, size_t n, unsigned limbs) {
    const size_t words = (n + 63) / 64;
    for (unsigned limb = 0; 64 * limb < bits; limb++) {
        const unsigned count = bits - 64 * limb < 64 ? bits - 64 * limb : 64;
        uint64_t *plane = planes + 64 * limb * words;
        for (size_t w = 0; w < words; w += LANES) {
            const size_t lanes = words - w < LANES ? words - w : LANES;
            uint64_t t[64][LANES] = { { 0 } };
            for (size_t l = 0; l < lanes; l++) {
                const size_t first = (w + l) * 64, left = n - first < 64 ? n - first : 64;
                for (size_t i = 0; i < left; i++) t[i][l] = x[(first + i) * limbs + limb];
            }
            transpose(t);
            for (unsigned b = 0; b < count; b++)
                for (size_t l = 0; l < lanes; l++) plane[b * words + w + l] = t[b][l];
        }
    }
}
