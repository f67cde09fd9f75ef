/* tensor/bf16.c -- see tensor/bf16.h. A tile of 6 x 64 or 12 x 32 sums stays in 24 registers; a panel of b in the second cache. */
#include "tensor/bf16.h"
#include "num/isa.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    MR = 6,
    MR_MOST = 12 /* of 32 columns at most */,
    PANEL = HG_BF16_PANEL,
    LANES = 16,
    DEPTH = 512 /* of k at once */,
    TURN = 16
};

HG_INLINE uint16_t rounded(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const uint32_t even = (u + 0x7fffu + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? nan : even);
}

uint16_t hg_bf16_of(float x) { return rounded(x); }

static size_t pairs(size_t k) { return (k + 1) / 2; }
static size_t wide(size_t n) { return (n + LANES - 1) / LANES * LANES; }

size_t hg_bf16_row(size_t n) { return 2 * pairs(n); }
size_t hg_bf16_packed(size_t k, size_t n) { return 2 * pairs(k) * wide(n); }
size_t hg_bf16_room(size_t m, size_t k) { return 2 * pairs(k < DEPTH ? k : DEPTH) * (m + TURN); }

/* ---- packing -------------------------------------------------------------------------------------------------- */

/* to[n] = x[n] rounded. */
HG_INLINE void round_row_plain_body(uint16_t *restrict to, const float *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = rounded(x[i]);
}
HG_ISA_FUNCTION(static, round_row_plain, (uint16_t * to, const float *x, size_t n), (to, x, n))

/* to[i] = pair of x[i] and y[i]. */
HG_INLINE void pair_rows_plain_body(uint16_t *restrict to, const float *restrict x, const float *restrict y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = rounded(x[i]);
        to[2 * i + 1] = rounded(y[i]);
    }
}
HG_ISA_FUNCTION(static, pair_rows_plain, (uint16_t * to, const float *x, const float *y, size_t n), (to, x, y, n))

/* The same of rows that are rounded. */
HG_INLINE void pair_rounded_body(uint16_t *restrict to, const uint16_t *restrict x, const uint16_t *restrict y,
                                 size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = x[i];
        to[2 * i + 1] = y[i];
    }
}
HG_ISA_FUNCTION(static, pair_rounded, (uint16_t * to, const uint16_t *x, const uint16_t *y, size_t n), (to, x, y, n))

/* Pair (s, r) of to, in rows of ld pairs, is pair s of from[r], for s < steps <= 16 and r < 16. */
static void turn_square_plain(uint16_t *to, size_t ld, const uint16_t *const from[TURN], size_t steps) {
    for (size_t s = 0; s < steps; s++)
        for (size_t r = 0; r < TURN; r++) memcpy(to + 2 * (s * ld + r), from[r] + 2 * s, 2 * sizeof *to);
}

#if defined(__x86_64__)
#define BF16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
static bool has_bf16(void) { return __builtin_cpu_supports("avx512bf16"); }

BF16_TARGET static void round_row_fast(uint16_t *to, const float *x, size_t n) {
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        const __m512 low = _mm512_loadu_ps(x + i), high = _mm512_loadu_ps(x + i + LANES);
        _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    for (; i < n; i += LANES) {
        const __mmask16 mask = (__mmask16)(n - i >= LANES ? 0xffffu : (1u << (n - i)) - 1);
        _mm256_mask_storeu_epi16(to + i, mask, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i)));
    }
}

BF16_TARGET static void pair_rows_fast(uint16_t *to, const float *x, const float *y, size_t n) {
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 mask = (__mmask16)(n - i >= LANES ? 0xffffu : (1u << (n - i)) - 1);
        const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i)));
        const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, y + i)));
        _mm512_mask_storeu_epi32(to + 2 * i, mask, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
}

#ifdef __clang__
#define UNROLLED /* it does so unasked */
#else
#define UNROLLED _Pragma("GCC unroll 16") /* else arrays of registers go through memory */
#endif

/* In three rounds: 2 x 2 numbers, 2 x 2 pairs of them, and lanes of four. */
BF16_TARGET static void turn_square_fast(uint16_t *to, size_t ld, const uint16_t *const from[TURN], size_t steps) {
    const __mmask16 mask = (__mmask16)(steps >= TURN ? 0xffffu : (1u << steps) - 1);
    __m512i a[TURN], b[TURN], c[TURN];
    UNROLLED for (size_t r = 0; r < TURN; r++) a[r] = _mm512_maskz_loadu_epi32(mask, from[r]);
    UNROLLED for (size_t r = 0; r < TURN; r += 2) {
        b[r] = _mm512_unpacklo_epi32(a[r], a[r + 1]);
        b[r + 1] = _mm512_unpackhi_epi32(a[r], a[r + 1]);
    }
    UNROLLED for (size_t r = 0; r < TURN; r += 4) UNROLLED for (size_t j = 0; j < 2; j++) {
        a[r + 2 * j] = _mm512_unpacklo_epi64(b[r + j], b[r + 2 + j]);
        a[r + 2 * j + 1] = _mm512_unpackhi_epi64(b[r + j], b[r + 2 + j]);
    }
    UNROLLED for (size_t j = 0; j < 4; j++) { /* a[4 i + j]: in lane l column 4 l + j of rows 4 i .. 4 i + 3 */
        const __m512i even[2] = { _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88),
                                  _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88) };
        const __m512i odd[2] = { _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd),
                                 _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd) };
        c[j] = _mm512_shuffle_i32x4(even[0], even[1], 0x88);
        c[4 + j] = _mm512_shuffle_i32x4(odd[0], odd[1], 0x88);
        c[8 + j] = _mm512_shuffle_i32x4(even[0], even[1], 0xdd);
        c[12 + j] = _mm512_shuffle_i32x4(odd[0], odd[1], 0xdd);
    }
    UNROLLED for (size_t s = 0; s < TURN; s++) if (s < steps) _mm512_storeu_si512(to + 2 * s * ld, c[s]);
}
#else
static bool has_bf16(void) { return false; }
static void round_row_fast(uint16_t *to, const float *x, size_t n) { round_row_plain(to, x, n); }
static void pair_rows_fast(uint16_t *to, const float *x, const float *y, size_t n) { pair_rows_plain(to, x, y, n); }
static void turn_square_fast(uint16_t *to, size_t ld, const uint16_t *const from[TURN], size_t steps) {
    turn_square_plain(to, ld, from, steps);
}
#endif

static void turn_square(uint16_t *to, size_t ld, const uint16_t *const from[TURN], size_t steps) {
    if (has_bf16())
        turn_square_fast(to, ld, from, steps);
    else
        turn_square_plain(to, ld, from, steps);
}

static void round_row(uint16_t *to, const float *x, size_t n) {
    if (has_bf16())
        round_row_fast(to, x, n);
    else
        round_row_plain(to, x, n);
}

static void pair_rows(uint16_t *to, const float *x, const float *y, size_t n) {
    if (has_bf16())
        pair_rows_fast(to, x, y, n);
    else
        pair_rows_plain(to, x, y, n);
}

/* pairs[k/2][width] of x[k, n] in rows of length ld; width >= n, zeros beyond n. */
static void pack_rows(uint16_t *to, const float *x, ptrdiff_t ld, size_t k, size_t n, size_t width) {
    for (size_t p = 0; p < pairs(k); p++, to += 2 * width) {
        const float *row = x + (ptrdiff_t)(2 * p) * ld;
        if (2 * p + 1 < k) {
            pair_rows(to, row, row + ld, n);
        } else {
            for (size_t i = 0; i < n; i++) to[2 * i] = rounded(row[i]), to[2 * i + 1] = 0;
        }
        memset(to + 2 * n, 0, (width - n) * 2 * sizeof *to);
    }
}

/* The same of x[n, k] in rows of length ld: squares of pairs are turned. */
static void pack_columns(uint16_t *to, const float *x, ptrdiff_t ld, size_t k, size_t n, size_t width) {
    for (size_t p = 0; p < pairs(k); p += TURN)
        for (size_t i = 0; i < width; i += TURN) {
            const size_t steps = pairs(k) - p < TURN ? pairs(k) - p : TURN, left = k - 2 * p;
            uint16_t square[TURN][2 * TURN] = { 0 };
            const uint16_t *from[TURN];
            for (size_t r = 0; r < TURN && i + r < n; r++)
                round_row(square[r], x + (ptrdiff_t)(i + r) * ld + 2 * p, left < 2 * TURN ? left : 2 * TURN);
            for (size_t r = 0; r < TURN; r++) from[r] = square[r];
            turn_square(to + 2 * (p * width + i), width, from, steps);
        }
}

static bool runs_along_rows(const hg_matrix *x, size_t cols) { return x->col == 1 || cols <= 1; }

void hg_bf16_pack(uint16_t *to, const hg_matrix *b, size_t k, size_t n, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) {
        const size_t from = p * PANEL, cols = n - from < PANEL ? n - from : PANEL;
        uint16_t *panel = to + 2 * pairs(k) * from;
        const float *x = (const float *)b->data + (ptrdiff_t)from * b->col;
        if (runs_along_rows(b, n))
            pack_rows(panel, x, b->row, k, cols, wide(cols));
        else
            pack_columns(panel, x, b->col, k, cols, wide(cols));
    }
}

/* ---- rows that are rounded already ---------------------------------------------------------------------------- */

static const uint16_t ZEROS[PANEL];

void hg_bf16_round(uint16_t *to, const float *x, size_t n) {
    round_row(to, x, n);
    if (n % 2) to[n] = 0;
}

void hg_bf16_pack_columns(uint16_t *to, const uint16_t *const *row, size_t k, size_t n, size_t first, size_t last) {
    for (size_t panel = first; panel < last; panel++) {
        const size_t at = panel * PANEL, cols = n - at < PANEL ? n - at : PANEL, width = wide(cols);
        uint16_t *here = to + 2 * pairs(k) * at;
        for (size_t p = 0; p < pairs(k); p += TURN)
            for (size_t i = 0; i < width; i += TURN) {
                const uint16_t *from[TURN];
                for (size_t r = 0; r < TURN; r++) from[r] = i + r < cols ? row[at + i + r] + 2 * p : ZEROS;
                turn_square(here + 2 * (p * width + i), width, from, pairs(k) - p < TURN ? pairs(k) - p : TURN);
            }
    }
}

void hg_bf16_pack_rows(uint16_t *to, const uint16_t *const *row, size_t k, size_t n, size_t first, size_t last) {
    for (size_t panel = first; panel < last; panel++) {
        const size_t at = panel * PANEL, cols = n - at < PANEL ? n - at : PANEL, width = wide(cols);
        uint16_t *here = to + 2 * pairs(k) * at;
        for (size_t p = 0; p < pairs(k); p++, here += 2 * width) {
            pair_rounded(here, row[2 * p] + at, 2 * p + 1 < k ? row[2 * p + 1] + at : ZEROS, cols);
            memset(here + 2 * cols, 0, (width - cols) * 2 * sizeof *here);
        }
    }
}

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

/* c[m <= 6, n <= 64] or c[m <= 12, n <= 32] (+)= a b over `steps` pairs; the pair (i, s) of a is at a + 2 (i row + s step), b in rows of `width` pairs. */
typedef struct {
    float *c;
    size_t ldc, m, n;
    const uint16_t *a;
    size_t row, step;
    const uint16_t *b;
    size_t width, steps;
    bool add;
} tile;

static float widened(uint16_t x) {
    const uint32_t u = (uint32_t)x << 16;
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}

HG_INLINE void tile_plain_body(const tile *t) {
    for (size_t i = 0; i < t->m; i++) {
        float sum[PANEL];
        for (size_t j = 0; j < t->n; j++) sum[j] = 0;
        for (size_t s = 0; s < t->steps; s++) {
            const uint16_t *a = t->a + 2 * (i * t->row + s * t->step), *b = t->b + 2 * s * t->width;
            const float first = widened(a[0]), second = widened(a[1]);
            for (size_t j = 0; j < t->n; j++) { /* products of bfloat16 are exact in float; the second comes first */
                sum[j] += second * widened(b[2 * j + 1]);
                sum[j] += first * widened(b[2 * j]);
            }
        }
        for (size_t j = 0; j < t->n; j++) t->c[i * t->ldc + j] = (t->add ? t->c[i * t->ldc + j] : 0) + sum[j];
    }
}

HG_ISA_FUNCTION(static, tile_plain, (const tile *t), (t))

#if defined(__x86_64__)
/* `rows` and `vectors` are constants where this is inlined, so that the sums stay in registers. */
BF16_TARGET HG_INLINE void tile_fast_of(const tile *t, const size_t rows, const size_t vectors) {
    __m512 sum[MR_MOST][PANEL / LANES];
    const uint16_t *row[MR_MOST], *b = t->b;
    UNROLLED for (size_t i = 0; i < rows; i++) {
        row[i] = t->a + 2 * t->row * (i < t->m ? i : t->m - 1);
        UNROLLED for (size_t v = 0; v < vectors; v++) sum[i][v] = _mm512_setzero_ps();
    }
    for (size_t s = 0, at = 0; s < t->steps; s++, at += 2 * t->step, b += 2 * t->width) {
        __m512bh column[PANEL / LANES];
        UNROLLED for (size_t v = 0; v < vectors; v++) column[v] = (__m512bh)_mm512_loadu_si512(b + 2 * LANES * v);
        UNROLLED for (size_t i = 0; i < rows; i++) {
            int pair;
            memcpy(&pair, row[i] + at, sizeof pair);
            const __m512bh one = (__m512bh)_mm512_set1_epi32(pair);
            UNROLLED for (size_t v = 0; v < vectors; v++) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], one, column[v]);
        }
    }
    const size_t left = t->n - LANES * (vectors - 1);
    const __mmask16 last = (__mmask16)(left >= LANES ? 0xffffu : (1u << left) - 1);
    UNROLLED for (size_t i = 0; i < rows; i++) {
        if (i >= t->m) break;
        UNROLLED for (size_t v = 0; v < vectors; v++) {
            float *c = t->c + i * t->ldc + LANES * v;
            const __mmask16 mask = v + 1 < vectors ? (__mmask16)0xffffu : last;
            const __m512 was = t->add ? _mm512_maskz_loadu_ps(mask, c) : _mm512_setzero_ps();
            _mm512_mask_storeu_ps(c, mask, _mm512_add_ps(was, sum[i][v]));
        }
    }
}

BF16_TARGET static void tile_fast(const tile *t) {
    switch ((t->n + LANES - 1) / LANES) {
    case 1: tile_fast_of(t, MR_MOST, 1); break;
    case 2: tile_fast_of(t, MR_MOST, 2); break;
    case 3: tile_fast_of(t, MR, 3); break;
    default: tile_fast_of(t, MR, 4); break;
    }
}
#else
static void tile_fast(const tile *t) { tile_plain(t); }
#endif

/* A layout of a that tiles read: by rows as it lies, or in pairs of columns; returns the strides of a pair. */
static void pack_a(tile *t, uint16_t *room, const hg_matrix *a, size_t m, size_t of_k, size_t begin, size_t k) {
    const float *x = (const float *)a->data + (ptrdiff_t)begin * (runs_along_rows(a, of_k) ? 1 : a->col);
    if (runs_along_rows(a, of_k)) {
        t->row = pairs(k);
        t->step = 1;
        for (size_t i = 0; i < m; i++) {
            round_row(room + 2 * i * t->row, x + (ptrdiff_t)i * a->row, k);
            if (k % 2) room[2 * i * t->row + k] = 0;
        }
    } else {
        t->row = 1;
        t->step = m;
        pack_rows(room, x, a->col, k, m, m);
    }
}

/* The pairs of a [k][row(m)] turned, from row `begin` on: room[k/2][m]. */
static void pack_turned(tile *t, uint16_t *room, const uint16_t *a, size_t m, size_t begin, size_t k) {
    const size_t ld = hg_bf16_row(m);
    t->row = 1;
    t->step = m;
    for (size_t p = 0; p < pairs(k); p++, room += 2 * m) {
        const uint16_t *x = a + (begin + 2 * p) * ld;
        if (2 * p + 1 < k) {
            pair_rounded(room, x, x + ld, m);
        } else {
            for (size_t i = 0; i < m; i++) room[2 * i] = x[i], room[2 * i + 1] = 0;
        }
    }
}

/* All tiles of c[m, n] over the pairs of k that begin at `begin`; t has the layout of a. */
static void tiles(tile t, float *c, const uint16_t *a, const uint16_t *b, size_t k, size_t begin, size_t n_of_b,
                  size_t first, size_t m, size_t n, bool plain) {
    void (*const work)(const tile *) = !plain && has_bf16() ? tile_fast : tile_plain;
    for (size_t at = 0; at < n; at += PANEL) {
        const size_t column = first * PANEL + at;
        t.n = n - at < PANEL ? n - at : PANEL;
        t.width = wide(n_of_b - column < PANEL ? n_of_b - column : PANEL);
        t.b = b + 2 * (pairs(k) * column + begin / 2 * t.width);
        const size_t rows = t.n <= 2 * LANES ? MR_MOST : MR;
        for (size_t i = 0; i < m; i += rows) {
            t.m = m - i < rows ? m - i : rows;
            t.a = a + 2 * i * t.row;
            t.c = c + i * t.ldc + at;
            work(&t);
        }
    }
}

void hg_bf16_product(float *c, size_t ldc, const hg_matrix *a, const uint16_t *b, size_t k, size_t n_of_b, size_t first,
                     size_t m, size_t n, bool add, bool plain, uint16_t *room) {
    for (size_t begin = 0; begin < k; begin += DEPTH) {
        const size_t depth = k - begin < DEPTH ? k - begin : DEPTH;
        tile t = { .ldc = ldc, .steps = pairs(depth), .add = add || begin > 0 };
        pack_a(&t, room, a, m, k, begin, depth);
        tiles(t, c, room, b, k, begin, n_of_b, first, m, n, plain);
    }
}

void hg_bf16_product_rounded(float *c, size_t ldc, const uint16_t *a, bool turned, const uint16_t *b, size_t m,
                             size_t n, size_t k, bool add, uint16_t *room) {
    for (size_t begin = 0; begin < k; begin += DEPTH) {
        const size_t depth = k - begin < DEPTH ? k - begin : DEPTH;
        tile t = { .ldc = ldc, .steps = pairs(depth), .add = add || begin > 0, .row = pairs(k), .step = 1 };
        if (turned) pack_turned(&t, room, a, m, begin, depth);
        tiles(t, c, turned ? room : a + begin, b, k, begin, n, 0, m, n, false);
    }
}
