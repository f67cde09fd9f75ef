/* tensor/tile.c -- see tensor/tile.h
 *
 * With AVX-512 24 vectors of sums, 3 of b and one number of a fill the registers: a load of b serves 8 multiply-adds, a load of a 3, so
 * that the multipliers are what limits. With fewer registers the block is done in parts of 4 rows. Vectors of the compiler's own kind:
 * rows and vectors are constants where the body is inlined.
 */
#include "tensor/tile.h"
#include "num/isa.h"

enum { VECTORS = 3 };

#define BODY(name, R, bytes, most)                                                                                     \
    typedef R name##_vector __attribute__((vector_size(bytes)));                                                       \
    HG_INLINE void name##_load(name##_vector *v, const R *x) { memcpy(v, x, sizeof *v); }                              \
    HG_INLINE void name##_of(const hg_tile *t, size_t from_row, size_t from_lane, const size_t rows,                   \
                             const size_t vectors) {                                                                   \
        name##_vector sum[most][VECTORS];                                                                              \
        const size_t lanes = sizeof(name##_vector) / sizeof(R);                                                        \
        const R *row[most], *b = (const R *)t->b + from_lane;                                                          \
        for (size_t i = 0; i < rows; i++) {                                                                            \
            row[i] = t->row[from_row + i < t->rows ? from_row + i : t->rows - 1];                                      \
            for (size_t v = 0; v < vectors; v++) sum[i][v] = (name##_vector) { 0 };                                    \
        }                                                                                                              \
        for (size_t l = 0; l < t->k; l++) {                                                                            \
            name##_vector x[VECTORS];                                                                                  \
            const size_t at = t->a_at[l];                                                                              \
            for (size_t v = 0; v < vectors; v++) name##_load(&x[v], b + t->b_at[l] + v * lanes);                       \
            for (size_t i = 0; i < rows; i++)                                                                          \
                for (size_t v = 0; v < vectors; v++) sum[i][v] += row[i][at] * x[v];                                   \
        }                                                                                                              \
        for (size_t i = 0; i < rows && from_row + i < t->rows; i++) {                                                  \
            R *c = (R *)t->c + (from_row + i) * t->ldc + from_lane;                                                    \
            for (size_t v = 0; v < vectors; v++, c += lanes) {                                                         \
                name##_vector was = { 0 };                                                                             \
                if (t->add) name##_load(&was, c);                                                                      \
                sum[i][v] += was;                                                                                      \
                memcpy(c, &sum[i][v], sizeof was);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_INLINE void name##_rows(const hg_tile *t, size_t row, size_t lane, const size_t rows, size_t vectors) {         \
        switch (vectors) {                                                                                             \
        case 1: name##_of(t, row, lane, rows, 1); break;                                                               \
        case 2: name##_of(t, row, lane, rows, 2); break;                                                               \
        default: name##_of(t, row, lane, rows, 3); break;                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    HG_INLINE void name##_all(const hg_tile *t) {                                                                      \
        const size_t width = 64 / sizeof(R), padded = (t->lanes + width - 1) / width * width;                          \
        const size_t lanes = (bytes) / sizeof(R);                                                                      \
        for (size_t row = 0; row < t->rows; row += (most))                                                             \
            for (size_t lane = 0; lane < padded; lane += VECTORS * lanes) {                                            \
                const size_t left = (padded - lane) / lanes, vectors = left < VECTORS ? left : VECTORS;                \
                if (t->rows - row == 1)                                                                                \
                    name##_rows(t, row, lane, 1, vectors);                                                             \
                else if (t->rows - row <= 4)                                                                           \
                    name##_rows(t, row, lane, 4, vectors);                                                             \
                else                                                                                                   \
                    name##_rows(t, row, lane, most, vectors);                                                          \
            }                                                                                                          \
    }

BODY(wide_f32, float, 64, 8)
BODY(wide_f64, double, 64, 8)
BODY(middle_f32, float, 32, 4)
BODY(middle_f64, double, 32, 4)
BODY(narrow_f32, float, 16, 4)
BODY(narrow_f64, double, 16, 4)

#if defined(__x86_64__)
bool hg_tile_is_wide(void) { return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"); }
#define KERNELS(type)                                                                                                  \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))) static void avx512_##type(                  \
        const hg_tile *t) {                                                                                            \
        wide_##type##_all(t);                                                                                          \
    }                                                                                                                  \
    __attribute__((target("avx2,fma"))) static void avx2_##type(const hg_tile *t) { middle_##type##_all(t); }          \
    static void baseline_##type(const hg_tile *t) { narrow_##type##_all(t); }                                          \
    static void tile_##type(const hg_tile *t) {                                                                        \
        if (hg_tile_is_wide())                                                                                         \
            avx512_##type(t);                                                                                          \
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                      \
            avx2_##type(t);                                                                                            \
        else                                                                                                           \
            baseline_##type(t);                                                                                        \
    }
#else
bool hg_tile_is_wide(void) { return false; }
#define KERNELS(type)                                                                                                  \
    static void tile_##type(const hg_tile *t) { narrow_##type##_all(t); }
#endif
KERNELS(f32)
KERNELS(f64)

void hg_tile_do(hg_dtype d, const hg_tile *t) {
    if (d == HG_F32)
        tile_f32(t);
    else
        tile_f64(t);
}
