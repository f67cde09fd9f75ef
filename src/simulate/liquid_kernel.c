/* simulate/liquid_kernel.c -- forces between clusters of four: in plain C, for AVX2 and for AVX-512; and passes over all particles
 *
 * In vector code lane 4 i + j of 16 is particle i of one cluster with particle j of the other. What a cluster's particles get is added up over its whole
 * list in registers; what the others get is summed over i and added to memory. 1/r is the processor's estimate and one step of Newton's: 2 ulp of a float.
 */
#include "num/isa.h"
#include "simulate/liquid.h"
#include <math.h>

/* ---- plain ---------------------------------------------------------------------------------------------------------- */

static inline size_t pair_of(uint16_t type_i, uint16_t type_j, size_t i, size_t j) {
    return 2U * ((unsigned)type_i >> i & 1U) + ((unsigned)type_j >> j & 1U);
}

static void plain_pair(float *fi, float *fj, const liquid_scene *s, const liquid_entry *e, uint32_t other, bool self) {
    const float *xi = s->x + LIQUID_LANES * (size_t)e->cluster, *xj = s->x + LIQUID_LANES * (size_t)other;
    const liquid_table *t = &s->table;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = self ? i + 1 : 0; j < 4; j++) {
            float d[3], r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                d[k] = xi[4 * k + i] + (float)e->shift[k] - xj[4 * k + j];
                r2 += d[k] * d[k];
            }
            const size_t p = pair_of(s->type[e->cluster], s->type[other], i, j);
            if (!(r2 < t->rc2[p])) continue;
            const float y = 1 / sqrtf(r2), y2 = y * y, y6 = y2 * y2 * y2;
            const float g = ((t->c12[p] * y6 - t->c6[p]) * y6 * y - t->fc[p]) * y;
            for (size_t k = 0; k < 3; k++) {
                fi[4 * k + i] += g * d[k];
                fj[4 * k + j] -= g * d[k];
            }
        }
}

static void plain_force(float *f, const liquid_scene *s, const liquid_entry *e, size_t n, const uint32_t *other) {
    for (size_t a = 0; a < n; a++)
        for (uint32_t b = e[a].begin; b < e[a].end; b++)
            plain_pair(f + LIQUID_LANES * (size_t)e[a].cluster, f + LIQUID_LANES * (size_t)other[b], s, e + a, other[b],
                       e[a].self && b == e[a].begin);
}

static bool plain_near(const liquid_scene *s, uint32_t cluster, const double shift[3], uint32_t other) {
    const float *xi = s->x + LIQUID_LANES * (size_t)cluster, *xj = s->x + LIQUID_LANES * (size_t)other;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
            float r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                const float d = xi[4 * k + i] + (float)shift[k] - xj[4 * k + j];
                r2 += d * d;
            }
            if (r2 < s->table.list2[pair_of(s->type[cluster], s->type[other], i, j)]) return true;
        }
    return false;
}

static size_t plain_prune(uint32_t *kept, const liquid_scene *s, uint32_t cluster, const double shift[3],
                          const uint32_t *candidate, size_t n) {
    size_t m = 0;
    for (size_t c = 0; c < n; c++)
        if (plain_near(s, cluster, shift, candidate[c])) kept[m++] = candidate[c];
    return m;
}

const liquid_kernels liquid_plain_kernels = { "plain", plain_force, plain_prune };

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

/* ---- AVX-512: sixteen pairs at once ------------------------------------------------------------------------------------- */

#define WIDE   __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    __m512 x, y, z;
} wide3;

/* Each particle of a cluster four times, moved. */
WIDE INLINE wide3 wide_cluster(const float *x, const double shift[3]) {
    const __m512i lane = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512 all = _mm512_load_ps(x);
    const __m512i four = _mm512_set1_epi32(4);
    return (wide3) {
        _mm512_add_ps(_mm512_permutexvar_ps(lane, all), _mm512_set1_ps((float)shift[0])),
        _mm512_add_ps(_mm512_permutexvar_ps(_mm512_add_epi32(lane, four), all), _mm512_set1_ps((float)shift[1])),
        _mm512_add_ps(_mm512_permutexvar_ps(_mm512_add_epi32(lane, _mm512_set1_epi32(8)), all),
                      _mm512_set1_ps((float)shift[2])),
    };
}

/* Of a table for species of i, and 0 or 1 of j. */
typedef struct {
    __m512 with[2];
} wide_row;

WIDE INLINE wide_row wide_table(const float table[4], uint16_t type) {
    /* bit i of the cluster's type, four times */
    const __mmask16 of_i = (__mmask16)((type & 1U) * 0xfU | (type >> 1 & 1U) * 0xf0U | (type >> 2 & 1U) * 0xf00U |
                                       (type >> 3 & 1U) * 0xf000U);
    wide_row r;
    for (size_t j = 0; j < 2; j++)
        r.with[j] = _mm512_mask_blend_ps(of_i, _mm512_set1_ps(table[j]), _mm512_set1_ps(table[2 + j]));
    return r;
}

WIDE INLINE __m512 wide_pick(wide_row r, __mmask16 type_j) {
    return _mm512_mask_blend_ps(type_j, r.with[0], r.with[1]);
}

WIDE INLINE wide3 wide_difference(wide3 a, const float *xj) {
    return (wide3) { _mm512_sub_ps(a.x, _mm512_broadcast_f32x4(_mm_load_ps(xj))),
                     _mm512_sub_ps(a.y, _mm512_broadcast_f32x4(_mm_load_ps(xj + 4))),
                     _mm512_sub_ps(a.z, _mm512_broadcast_f32x4(_mm_load_ps(xj + 8))) };
}

WIDE INLINE __m512 wide_square(wide3 d) {
    return _mm512_fmadd_ps(d.z, d.z, _mm512_fmadd_ps(d.y, d.y, _mm512_mul_ps(d.x, d.x)));
}

/* Sums of two i each. */
WIDE INLINE __m256 wide_fold(__m512 a) {
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
}

/* Takes the sums over i from f: x of four, y of four, z of four. In half registers, which cost half on processors that cut wide ones in two. */
WIDE INLINE void wide_take(float *f, __m512 x, __m512 y, __m512 z) {
    const __m256 a = wide_fold(x), b = wide_fold(y), c = wide_fold(z);
    const __m256 xy = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
    const __m128 sum = _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
    _mm256_store_ps(f, _mm256_sub_ps(_mm256_load_ps(f), xy));
    _mm_store_ps(f + 8, _mm_sub_ps(_mm_load_ps(f + 8), sum));
}

/* Sums of lanes 4 i .. 4 i + 3. */
WIDE INLINE __m128 wide_sum_j(__m512 a) {
    const __m512 b = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
    const __m512 c = _mm512_add_ps(b, _mm512_permute_ps(b, 0x4e));
    return _mm512_castps512_ps128(
        _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), c));
}

WIDE INLINE void wide_entry(float *f, const liquid_scene *s, const liquid_entry *e, const uint32_t *other) {
    const liquid_table *t = &s->table;
    const uint16_t type = s->type[e->cluster];
    const wide3 xi = wide_cluster(s->x + LIQUID_LANES * (size_t)e->cluster, e->shift);
    const wide_row c12 = wide_table(t->c12, type), c6 = wide_table(t->c6, type), fc = wide_table(t->fc, type),
                   rc2 = wide_table(t->rc2, type);
    const __m512 one = _mm512_set1_ps(1);
    __m512 fx = _mm512_setzero_ps(), fy = fx, fz = fx;
    __mmask16 allowed = e->self ? 0x08ce : 0xffff; /* of itself: i < j; lanes 1 2 3, 6 7, 11 */
    for (uint32_t b = e->begin; b < e->end; b++) {
        const uint32_t c = other[b];
        const __mmask16 type_j = s->type[c];
        const wide3 d = wide_difference(xi, s->x + LIQUID_LANES * (size_t)c);
        const __m512 r2 = wide_square(d);
        const __mmask16 in = _mm512_mask_cmp_ps_mask(allowed, r2, wide_pick(rc2, type_j), _CMP_LT_OQ);
        /* 1/r^2 by a step of Newton's; for the force at the cut-off, small, the estimate of 1/r will do */
        const __m512 guess = _mm512_rsqrt14_ps(r2), square = _mm512_mul_ps(guess, guess);
        const __m512 y2 = _mm512_fmadd_ps(square, _mm512_fnmadd_ps(r2, square, one), square);
        const __m512 y6 = _mm512_mul_ps(_mm512_mul_ps(y2, y2), y2);
        const __m512 power = _mm512_fmsub_ps(wide_pick(c12, type_j), y6, wide_pick(c6, type_j));
        const __m512 g =
            _mm512_maskz_fmsub_ps(in, power, _mm512_mul_ps(y6, y2), _mm512_mul_ps(wide_pick(fc, type_j), guess));
        const __m512 gx = _mm512_mul_ps(g, d.x), gy = _mm512_mul_ps(g, d.y), gz = _mm512_mul_ps(g, d.z);
        fx = _mm512_add_ps(fx, gx);
        fy = _mm512_add_ps(fy, gy);
        fz = _mm512_add_ps(fz, gz);
        wide_take(f + LIQUID_LANES * (size_t)c, gx, gy, gz);
        allowed = 0xffff;
    }
    float *fi = f + LIQUID_LANES * (size_t)e->cluster;
    _mm_store_ps(fi, _mm_add_ps(_mm_load_ps(fi), wide_sum_j(fx)));
    _mm_store_ps(fi + 4, _mm_add_ps(_mm_load_ps(fi + 4), wide_sum_j(fy)));
    _mm_store_ps(fi + 8, _mm_add_ps(_mm_load_ps(fi + 8), wide_sum_j(fz)));
}

WIDE static void wide_force(float *f, const liquid_scene *s, const liquid_entry *e, size_t n, const uint32_t *other) {
    for (size_t a = 0; a < n; a++) wide_entry(f, s, e + a, other);
}

WIDE static size_t wide_prune(uint32_t *kept, const liquid_scene *s, uint32_t cluster, const double shift[3],
                              const uint32_t *candidate, size_t n) {
    const wide3 xi = wide_cluster(s->x + LIQUID_LANES * (size_t)cluster, shift);
    const wide_row list2 = wide_table(s->table.list2, s->type[cluster]);
    size_t m = 0;
    for (size_t a = 0; a < n; a++) {
        const uint32_t c = candidate[a];
        const __m512 r2 = wide_square(wide_difference(xi, s->x + LIQUID_LANES * (size_t)c));
        kept[m] = c;
        m += _mm512_cmp_ps_mask(r2, wide_pick(list2, s->type[c]), _CMP_LT_OQ) != 0;
    }
    return m;
}

static const liquid_kernels wide_kernels = { "AVX-512", wide_force, wide_prune };

/* ---- AVX2: twice eight, particles 0 and 1 of a cluster, then 2 and 3 ----------------------------------------------------- */

#define HALF __attribute__((target("avx2,fma")))

typedef struct {
    __m256 x, y, z;
} half3;

/* Particles `first` and first + 1, each four times. */
HALF INLINE __m256 half_spread(const float *x, size_t first, float shift) {
    return _mm256_add_ps(_mm256_setr_m128(_mm_set1_ps(x[first]), _mm_set1_ps(x[first + 1])), _mm256_set1_ps(shift));
}

HALF INLINE half3 half_cluster(const float *x, size_t first, const double shift[3]) {
    return (half3) { half_spread(x, first, (float)shift[0]), half_spread(x + 4, first, (float)shift[1]),
                     half_spread(x + 8, first, (float)shift[2]) };
}

typedef struct {
    __m256 with[2];
} half_row;

HALF INLINE half_row half_table(const float table[4], uint16_t type, size_t first) {
    const size_t a = 2U * ((unsigned)type >> first & 1U), b = 2U * ((unsigned)type >> (first + 1) & 1U);
    half_row r;
    for (size_t j = 0; j < 2; j++) r.with[j] = _mm256_setr_m128(_mm_set1_ps(table[a + j]), _mm_set1_ps(table[b + j]));
    return r;
}

/* All bits of the lanes whose particle j is of species 1. */
HALF INLINE __m256 half_type(uint16_t type) {
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 1, 2, 4, 8);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(type), bit), bit));
}

HALF INLINE __m256 half_pick(half_row r, __m256 type_j) { return _mm256_blendv_ps(r.with[0], r.with[1], type_j); }

HALF INLINE half3 half_difference(half3 a, const float *xj) {
    return (half3) { _mm256_sub_ps(a.x, _mm256_broadcast_ps((const __m128 *)(const void *)xj)),
                     _mm256_sub_ps(a.y, _mm256_broadcast_ps((const __m128 *)(const void *)(xj + 4))),
                     _mm256_sub_ps(a.z, _mm256_broadcast_ps((const __m128 *)(const void *)(xj + 8))) };
}

HALF INLINE __m256 half_square(half3 d) {
    return _mm256_fmadd_ps(d.z, d.z, _mm256_fmadd_ps(d.y, d.y, _mm256_mul_ps(d.x, d.x)));
}

typedef struct {
    half_row c12, c6, fc, rc2;
    half3 x, f;
} half_side;

/* What two particles of the cluster do to those at xj. */
HALF INLINE half3 half_pairs(half_side *a, const float *xj, __m256 type_j, __m256 allowed) {
    const half3 d = half_difference(a->x, xj);
    const __m256 r2 = half_square(d);
    const __m256 in = _mm256_and_ps(allowed, _mm256_cmp_ps(r2, half_pick(a->rc2, type_j), _CMP_LT_OQ));
    const __m256 guess = _mm256_rsqrt_ps(r2);
    const __m256 y = _mm256_mul_ps(guess, _mm256_fnmadd_ps(_mm256_mul_ps(_mm256_set1_ps(0.5F), r2),
                                                           _mm256_mul_ps(guess, guess), _mm256_set1_ps(1.5F)));
    const __m256 y2 = _mm256_mul_ps(y, y), y6 = _mm256_mul_ps(_mm256_mul_ps(y2, y2), y2);
    const __m256 force = _mm256_mul_ps(_mm256_fmsub_ps(half_pick(a->c12, type_j), y6, half_pick(a->c6, type_j)), y6);
    const __m256 g = _mm256_and_ps(in, _mm256_mul_ps(_mm256_fmsub_ps(force, y, half_pick(a->fc, type_j)), y));
    const half3 gd = { _mm256_mul_ps(g, d.x), _mm256_mul_ps(g, d.y), _mm256_mul_ps(g, d.z) };
    a->f.x = _mm256_add_ps(a->f.x, gd.x);
    a->f.y = _mm256_add_ps(a->f.y, gd.y);
    a->f.z = _mm256_add_ps(a->f.z, gd.z);
    return gd;
}

HALF INLINE void half_take(float *f, __m256 a, __m256 b) {
    const __m256 sum = _mm256_add_ps(a, b);
    _mm_store_ps(f, _mm_sub_ps(_mm_load_ps(f), _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1))));
}

HALF INLINE void half_give(float *f, __m256 a) {
    const __m256 b = _mm256_hadd_ps(a, a), c = _mm256_hadd_ps(b, b);
    f[0] += _mm256_cvtss_f32(c);
    f[1] += _mm_cvtss_f32(_mm256_extractf128_ps(c, 1));
}

HALF INLINE half_side half_begin(const liquid_scene *s, const liquid_entry *e, size_t first) {
    const liquid_table *t = &s->table;
    const uint16_t type = s->type[e->cluster];
    const __m256 zero = _mm256_setzero_ps();
    return (half_side) { .c12 = half_table(t->c12, type, first),
                         .c6 = half_table(t->c6, type, first),
                         .fc = half_table(t->fc, type, first),
                         .rc2 = half_table(t->rc2, type, first),
                         .x = half_cluster(s->x + LIQUID_LANES * (size_t)e->cluster, first, e->shift),
                         .f = { zero, zero, zero } };
}

HALF INLINE void half_end(float *f, const half_side *a) {
    half_give(f, a->f.x);
    half_give(f + 4, a->f.y);
    half_give(f + 8, a->f.z);
}

HALF static void half_force(float *f, const liquid_scene *s, const liquid_entry *e, size_t n, const uint32_t *other) {
    const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    const __m256 self[2] = { _mm256_castsi256_ps(_mm256_setr_epi32(0, -1, -1, -1, 0, 0, -1, -1)),
                             _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, 0, -1, 0, 0, 0, 0)) };
    for (size_t a = 0; a < n; a++, e++) {
        half_side low = half_begin(s, e, 0), high = half_begin(s, e, 2);
        for (uint32_t b = e->begin; b < e->end; b++) {
            const bool itself = e->self && b == e->begin;
            const float *xj = s->x + LIQUID_LANES * (size_t)other[b];
            const __m256 type_j = half_type(s->type[other[b]]);
            const half3 g = half_pairs(&low, xj, type_j, itself ? self[0] : all);
            const half3 h = half_pairs(&high, xj, type_j, itself ? self[1] : all);
            float *fj = f + LIQUID_LANES * (size_t)other[b];
            half_take(fj, g.x, h.x);
            half_take(fj + 4, g.y, h.y);
            half_take(fj + 8, g.z, h.z);
        }
        float *fi = f + LIQUID_LANES * (size_t)e->cluster;
        half_end(fi, &low);
        half_end(fi + 2, &high);
    }
}

HALF static size_t half_prune(uint32_t *kept, const liquid_scene *s, uint32_t cluster, const double shift[3],
                              const uint32_t *candidate, size_t n) {
    const float *x = s->x + LIQUID_LANES * (size_t)cluster;
    const half3 low = half_cluster(x, 0, shift), high = half_cluster(x, 2, shift);
    const half_row low2 = half_table(s->table.list2, s->type[cluster], 0),
                   high2 = half_table(s->table.list2, s->type[cluster], 2);
    size_t m = 0;
    for (size_t a = 0; a < n; a++) {
        const uint32_t c = candidate[a];
        const float *xj = s->x + LIQUID_LANES * (size_t)c;
        const __m256 type_j = half_type(s->type[c]);
        const __m256 in =
            _mm256_or_ps(_mm256_cmp_ps(half_square(half_difference(low, xj)), half_pick(low2, type_j), _CMP_LT_OQ),
                         _mm256_cmp_ps(half_square(half_difference(high, xj)), half_pick(high2, type_j), _CMP_LT_OQ));
        kept[m] = c;
        m += _mm256_movemask_ps(in) != 0;
    }
    return m;
}

static const liquid_kernels half_kernels = { "AVX2", half_force, half_prune };

const liquid_kernels *liquid_best_kernels(void) {
    if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return &wide_kernels;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &half_kernels;
    return &liquid_plain_kernels;
}
const liquid_kernels *liquid_kernels_at(size_t i) {
    static const liquid_kernels *const all[] = { &liquid_plain_kernels, &half_kernels, &wide_kernels };
    const liquid_kernels *best = liquid_best_kernels();
    return i > 2 || (i > 0 && best == &liquid_plain_kernels) || (i > 1 && best == &half_kernels) ? NULL : all[i];
}
#else
const liquid_kernels *liquid_best_kernels(void) { return &liquid_plain_kernels; }
const liquid_kernels *liquid_kernels_at(size_t i) { return i ? NULL : &liquid_plain_kernels; }
#endif

/* ---- passes over all particles -------------------------------------------------------------------------------------------- */

HG_INLINE void kick_body(double *restrict v, const float *restrict f, size_t n, double half) {
    for (size_t i = 0; i < n; i++) v[i] += half * (double)f[i];
}
HG_ISA_FUNCTION(static, kick, (double *restrict v, const float *restrict f, size_t n, double half), (v, f, n, half))
void liquid_kick(double *v, const float *f, size_t n, double half) { kick(v, f, n, half); }

HG_INLINE void drift_body(double *restrict x, float *restrict near, const double *restrict v,
                          const double *restrict origin, size_t n, double dt) {
    for (size_t i = 0; i < n; i++) {
        x[i] += dt * v[i];
        near[i] = (float)(x[i] - origin[i]);
    }
}
HG_ISA_FUNCTION(static, drift,
                (double *restrict x, float *restrict near, const double *restrict v, const double *restrict origin,
                 size_t n, double dt),
                (x, near, v, origin, n, dt))
void liquid_drift(double *x, float *near, const double *v, const double *origin, size_t n, double dt) {
    drift(x, near, v, origin, n, dt);
}

void liquid_add(float *f, const float *part, size_t n) {
    for (size_t i = 0; i < n; i++) f[i] += part[i];
}

void liquid_near(float *near, const double *x, const double *origin, size_t n) {
    for (size_t i = 0; i < n; i++) near[i] = (float)(x[i] - origin[i]);
}

void liquid_scale(double *v, size_t n, double factor) {
    for (size_t i = 0; i < n; i++) v[i] *= factor;
}

/* n is a multiple of 16: sums of eight lanes, for the same bits with any instructions. */
HG_INLINE void dot_body(double *out, const double *restrict a, const double *restrict b, size_t n) {
    double sum[8] = { 0 };
    for (size_t i = 0; i < n; i += 8)
        for (size_t k = 0; k < 8; k++) sum[k] += a[i + k] * b[i + k];
    *out = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}
HG_ISA_FUNCTION(static, dot, (double *out, const double *restrict a, const double *restrict b, size_t n),
                (out, a, b, n))
double liquid_dot(const double *a, const double *b, size_t n) {
    double d;
    dot(&d, a, b, n);
    return d;
}

HG_INLINE void moved2_body(double *out, const double *restrict x, const double *restrict listed, size_t clusters) {
    double most[4] = { 0 }, sum[4] = { 0 };
    for (size_t c = 0; c < clusters; c++, x += LIQUID_LANES, listed += LIQUID_LANES)
        for (size_t s = 0; s < 4; s++) {
            const double dx = x[s] - listed[s], dy = x[4 + s] - listed[4 + s], dz = x[8 + s] - listed[8 + s];
            const double d2 = dx * dx + dy * dy + dz * dz;
            most[s] = d2 > most[s] ? d2 : most[s];
            sum[s] += d2;
        }
    double m = 0;
    for (size_t s = 0; s < 4; s++) {
        m = most[s] > m ? most[s] : m;
        m += 0 * sum[s]; /* what is not finite stays so */
    }
    *out = m;
}
HG_ISA_FUNCTION(static, moved2, (double *out, const double *restrict x, const double *restrict listed, size_t clusters),
                (out, x, listed, clusters))
double liquid_moved2(const double *x, const double *listed, size_t clusters) {
    double m;
    moved2(&m, x, listed, clusters);
    return m;
}

double liquid_longest2(const double *a, size_t clusters) {
    double most = 0;
    for (size_t c = 0; c < clusters; c++, a += LIQUID_LANES)
        for (size_t s = 0; s < 4; s++) {
            const double d2 = a[s] * a[s] + a[4 + s] * a[4 + s] + a[8 + s] * a[8 + s];
            most = d2 > most || isnan(d2) ? d2 : most;
        }
    return most;
}

void liquid_hold(float *f, const double *x, const double *anchor, size_t clusters, double wall, double stiffness) {
    for (size_t c = 0; c < clusters; c++, f += LIQUID_LANES, x += LIQUID_LANES, anchor += LIQUID_LANES)
        for (size_t s = 0; s < 4; s++) {
            double d[3], d2 = 0;
            for (size_t k = 0; k < 3; k++) {
                d[k] = x[4 * k + s] - anchor[4 * k + s];
                d2 += d[k] * d[k];
            }
            if (d2 <= wall * wall) continue;
            const double r = sqrt(d2);
            for (size_t k = 0; k < 3; k++) f[4 * k + s] += (float)(-stiffness * (r - wall) / r * d[k]);
        }
}
