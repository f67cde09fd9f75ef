/* secret/ring_pieces.c -- see secret/ring_pieces.h. Compilers make a 64-bit product of two widened 32-bit numbers (three operations
 * and two widenings); the signed 32-bit product of the even lanes is one, and the odd lanes come by a shift. Hence intrinsics. */
#include "secret/ring_pieces.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void dot_pieces_plain(int64_t *s, const int32_t *a, const int32_t *x, unsigned pieces, size_t n) {
    for (unsigned p = 0; p < pieces; p++, x += HG_PIECE_BLOCK) {
        int64_t sum = 0;
        for (size_t j = 0; j < n; j++) sum += (int64_t)a[j] * x[j];
        s[p] = sum;
    }
}

#if defined(__x86_64__)
/* Two pieces at a time. a is read up to n alone and is zero behind it, whatever x is there. */
__attribute__((target("avx512f,avx512bw"))) static void dot_pieces_avx512(int64_t *s, const int32_t *a,
                                                                          const int32_t *x, unsigned pieces, size_t n) {
    for (unsigned p = 0; p < pieces; p += 2, x += 2 * HG_PIECE_BLOCK) {
        __m512i sum[4] = { _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                           _mm512_setzero_si512() };
        for (size_t j = 0; j < n; j += 16) {
            const __mmask16 there = (__mmask16)(n - j < 16 ? (1u << (n - j)) - 1 : 0xffffu);
            const __m512i even = _mm512_maskz_loadu_epi32(there, a + j), odd = _mm512_srli_epi64(even, 32);
            const __m512i x0 = _mm512_loadu_si512(x + j), x1 = _mm512_loadu_si512(x + HG_PIECE_BLOCK + j);
            sum[0] = _mm512_add_epi64(sum[0], _mm512_mul_epi32(even, x0));
            sum[1] = _mm512_add_epi64(sum[1], _mm512_mul_epi32(odd, _mm512_srli_epi64(x0, 32)));
            sum[2] = _mm512_add_epi64(sum[2], _mm512_mul_epi32(even, x1));
            sum[3] = _mm512_add_epi64(sum[3], _mm512_mul_epi32(odd, _mm512_srli_epi64(x1, 32)));
        }
        s[p] = _mm512_reduce_add_epi64(_mm512_add_epi64(sum[0], sum[1]));
        s[p + 1] = _mm512_reduce_add_epi64(_mm512_add_epi64(sum[2], sum[3]));
    }
}

__attribute__((target("avx2"))) static int64_t sum_of_four(__m256i v) {
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

__attribute__((target("avx2"))) static void dot_pieces_avx2(int64_t *s, const int32_t *a, const int32_t *x,
                                                            unsigned pieces, size_t n) {
    const size_t whole = n & ~(size_t)7;
    for (unsigned p = 0; p < pieces; p++, x += HG_PIECE_BLOCK) {
        __m256i sum[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
        for (size_t j = 0; j < whole; j += 8) {
            const __m256i even = _mm256_loadu_si256((const __m256i *)(const void *)(a + j));
            const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + j));
            sum[0] = _mm256_add_epi64(sum[0], _mm256_mul_epi32(even, v));
            sum[1] = _mm256_add_epi64(sum[1], _mm256_mul_epi32(_mm256_srli_epi64(even, 32), _mm256_srli_epi64(v, 32)));
        }
        s[p] = sum_of_four(_mm256_add_epi64(sum[0], sum[1]));
        for (size_t j = whole; j < n; j++) s[p] += (int64_t)a[j] * x[j];
    }
}

#endif

bool hg_pieces_here(const hg_pieces *p) {
#if defined(__x86_64__)
    if (p->dot == dot_pieces_avx512) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (p->dot == dot_pieces_avx2) return __builtin_cpu_supports("avx2");
#endif
    return p->dot == dot_pieces_plain;
}

const hg_pieces *hg_pieces_at(size_t i) {
    static const hg_pieces table[] = {
#if defined(__x86_64__)
        { "avx512", dot_pieces_avx512 },
        { "avx2", dot_pieces_avx2 },
#endif
        { "plain", dot_pieces_plain },
    };
    return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

const hg_pieces *hg_pieces_fastest(void) {
    size_t i = 0;
    while (!hg_pieces_here(hg_pieces_at(i))) i++;
    return hg_pieces_at(i);
}
