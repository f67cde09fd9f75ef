/* tensor/bf16.c -- see tensor/bf16.h. A tile of 6 x 64 sums stays in 24 registers; a panel of b in the second cache. */
#include "tensor/bf16.h"
#include "num/isa.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MR = 6, PANEL = HG_BF16_PANEL, LANES = 16, DEPTH = 512 /* of k at once */, TURN = 16 };

HG_INLINE uint16_t rounded(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const uint32_t even = (u + 0x7fffu + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? nan : even);
}

uint16_t hg_bf16_of(float x) { return rounded(x); }

static size_t pairs(size_t k) { return (k + 1) / 2; }
static size_t wide(size_t n) { return (n + LANES - 1) / LANES * LANES; }

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
#else
static bool has_bf16(void) { return false; }
static void round_row_fast(uint16_t *to, const float *x, size_t n) { round_row_plain(to, x, n); }
static void pair_rows_fast(uint16_t *to, const float *x, const float *y, size_t n) { pair_rows_plain(to, x, y, n); }
#endif

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
            for (size_t r = 0; r < TURN && i + r < n; r++)
                round_row(square[r], x + (ptrdiff_t)(i + r) * ld + 2 * p, left < 2 * TURN ? left : 2 * TURN);
            for (size_t s = 0; s < steps; s++) {
                uint16_t *row = to + 2 * ((p + s) * width + i);
                for (size_t r = 0; r < TURN; r++) memcpy(row + 2 * r, square[r] + 2 * s, 2 * sizeof *row);
            }
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

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

/* c[m <= 6, n <= 64] (+)= a b over `steps` pairs; the pair (i, s) of a is at a + 2 (i row + s step), b in rows of `width` pairs. */
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
/* `vectors` is a constant where this is inlined, so that the sums stay in registers. */
BF16_TARGET HG_INLINE void tile_fast_of(const tile *t, const int vectors) {
    __m512 sum[MR][PANEL / LANES];
    const uint16_t *row[MR];
    for (size_t i = 0; i < MR; i++) {
        row[i] = t->a + 2 * t->row * (i < t->m ? i : t->m - 1);
        for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_setzero_ps();
    }
    const uint16_t *b = t->b;
    for (size_t s = 0, at = 0; s < t->steps; s++, at += 2 * t->step, b += 2 * t->width) {
        __m512bh column[PANEL / LANES];
        for (int v = 0; v < vectors; v++) column[v] = (__m512bh)_mm512_loadu_si512(b + 2 * LANES * v);
        for (size_t i = 0; i < MR; i++) {
            int pair;
            memcpy(&pair, row[i] + at, sizeof pair);
            const __m512bh one = (__m512bh)_mm512_set1_epi32(pair);
            for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], one, column[v]);
        }
    }
    for (size_t i = 0; i < MR && i < t->m; i++)
        for (int v = 0; v < vectors; v++) {
            float *c = t->c + i * t->ldc + LANES * v;
            const size_t left = t->n - (size_t)(LANES * v);
            const __mmask16 mask = (__mmask16)(left >= LANES ? 0xffffu : (1u << left) - 1);
            const __m512 was = t->add ? _mm512_maskz_loadu_ps(mask, c) : _mm512_setzero_ps();
            _mm512_mask_storeu_ps(c, mask, _mm512_add_ps(was, sum[i][v]));
        }
}

BF16_TARGET static void tile_fast(const tile *t) {
    switch ((t->n + LANES - 1) / LANES) {
    case 1: tile_fast_of(t, 1); break;
    case 2: tile_fast_of(t, 2); break;
    case 3: tile_fast_of(t, 3); break;
    default: tile_fast_of(t, 4); break;
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

void hg_bf16_product(float *c, size_t ldc, const hg_matrix *a, const uint16_t *b, size_t k, size_t n_of_b, size_t first,
                     size_t m, size_t n, bool add, bool plain, uint16_t *room) {
    void (*const work)(const tile *) = !plain && has_bf16() ? tile_fast : tile_plain;
    for (size_t begin = 0; begin < k; begin += DEPTH) {
        const size_t depth = k - begin < DEPTH ? k - begin : DEPTH;
        tile t = { .ldc = ldc, .steps = pairs(depth), .add = add || begin > 0 };
        pack_a(&t, room, a, m, k, begin, depth);
        for (size_t at = 0; at < n; at += PANEL) {
            const size_t column = first * PANEL + at;
            t.n = n - at < PANEL ? n - at : PANEL;
            t.width = wide(n_of_b - column < PANEL ? n_of_b - column : PANEL);
            t.b = b + 2 * (pairs(k) * column + begin / 2 * t.width);
            for (size_t i = 0; i < m; i += MR) {
                t.m = m - i < MR ? m - i : MR;
                t.a = room + 2 * i * t.row;
                t.c = c + i * ldc + at;
                work(&t);
            }
        }
    }
}
