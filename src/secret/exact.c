/* secret/exact.c -- see secret/exact.h */
#include "secret/exact.h"
#include "num/isa.h"
#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");

/* 8 lanes, whatever the machine has: compilers cut it into what there is. */
typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));
enum { WIDE = 8, STRIPS = HG_LANES / WIDE };

/* ---- functions of one number --------------------------------------------------------------------------------------- */

double hg_exact_exp(double x) { return hg_exp_inline(x); }

/* x = m 2^e with m in [sqrt(1/2), sqrt 2); ln m = 2 atanh f, f = (m - 1) / (m + 1), |f| < 0.1716: 12 terms leave 1e-20. */
double hg_exact_log(double x) {
    uint64_t bits;
    int e = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        e = -54;
    }
    memcpy(&bits, &x, sizeof bits);
    e += (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    const double f = (m - 1) / (m + 1), f2 = f * f;
    double tail = 0; /* f2/3 + f2^2/5 + ... */
    for (int k = 12; k >= 1; k--) tail = f2 * (1.0 / (2 * k + 1) + tail);
    const double high = (double)e * 0x1.62e42fefa3800p-1, low = (double)e * 0x1.ef35793c76730p-45;
    return high + (2 * f + (2 * f * tail + low));
}

double hg_exact_round(double x) {
    const double shifted = x + 0x1.8p52;
    return shifted - 0x1.8p52;
}

/* cos(2 pi t) = sin(2 pi (1/4 - |t|)) for |t| <= 1/2; Taylor's series at |angle| <= pi/2 to the power 21: remainder 2e-18. */
HG_INLINE double cosine(double turns) {
    const double shifted = turns + 0x1.8p52, whole = shifted - 0x1.8p52;
    const double t = turns - whole, quarter = 0.25 - (t < 0 ? -t : t), a = 6.283185307179586 * quarter, a2 = a * a;
    double s = 1.0 / 51090942171709440000.0;
    s = -1.0 / 121645100408832000.0 + a2 * s;
    s = 1.0 / 355687428096000.0 + a2 * s;
    s = -1.0 / 1307674368000.0 + a2 * s;
    s = 1.0 / 6227020800.0 + a2 * s;
    s = -1.0 / 39916800.0 + a2 * s;
    s = 1.0 / 362880.0 + a2 * s;
    s = -1.0 / 5040.0 + a2 * s;
    s = 1.0 / 120.0 + a2 * s;
    s = -1.0 / 6.0 + a2 * s;
    return a + a * (a2 * s);
}

double hg_exact_cosine(double turns) { return cosine(turns); }

double hg_exact_normal_pdf(double z) { return 0.3989422804014327 * hg_exp_inline(-0.5 * z * z); }

/* 1/2 + pdf(z) (z + z^3/3 + z^5/15 + ...): G. Marsaglia, J. Stat. Software 11 (2004). */
double hg_exact_normal_cdf(double z) {
    double sum = z, term = z;
    for (int i = 3; i < 500; i += 2) {
        term *= z * z / (double)i;
        const double next = sum + term;
        if (next == sum) break;
        sum = next;
    }
    return 0.5 + sum * hg_exact_normal_pdf(z);
}

void hg_exact_normals(double *z, size_t n, uint64_t seed, uint64_t stream) {
    hg_rng rng = hg_rng_make(seed, stream);
    for (size_t i = 0; i < n; i += 2) {
        const double radius = sqrt(-2 * hg_exact_log(hg_rng_uniform(&rng))), turn = hg_rng_uniform(&rng);
        z[i] = radius * cosine(turn);
        if (i + 1 < n) z[i + 1] = radius * cosine(turn - 0.25);
    }
}

/* ---- many numbers ------------------------------------------------------------------------------------------------------ */

HG_INLINE void add_square_differences_body(double *restrict r2, const double *restrict x, double a, size_t n) {
    for (size_t i = 0; i < n; i++) r2[i] += (x[i] - a) * (x[i] - a);
}
HG_ISA_FUNCTION(static, add_square_differences, (double *restrict r2, const double *restrict x, double a, size_t n),
                (r2, x, a, n))

void hg_exact_distances(double *r2, const double *x, size_t stride, size_t n, const double *a, size_t d) {
    memset(r2, 0, n * sizeof *r2);
    for (size_t j = 0; j < d; j++) add_square_differences(r2, x + j * stride, a[j], n);
}

HG_INLINE void matern_body(double *k, const double *r2, size_t n, double length) {
    for (size_t i = 0; i < n; i++) {
        const double a = sqrt(5 * r2[i]) / length;
        k[i] = (1 + (a + a * a / 3)) * hg_exp_inline(-a);
    }
}
HG_ISA_FUNCTION(static, matern, (double *k, const double *r2, size_t n, double length), (k, r2, n, length))

HG_INLINE void squared_body(double *k, const double *r2, size_t n, double length) {
    const double twice = 2 * length * length;
    for (size_t i = 0; i < n; i++) k[i] = hg_exp_inline(-(r2[i] / twice));
}
HG_ISA_FUNCTION(static, squared, (double *k, const double *r2, size_t n, double length), (k, r2, n, length))

void hg_exact_kernel(double *k, const double *r2, size_t n, double length, bool matern52) {
    if (matern52)
        matern(k, r2, n, length);
    else
        squared(k, r2, n, length);
}

HG_INLINE void exact_dot_body(double *out, const double *x, const double *y, size_t n) {
    v8 sum = { 0 };
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE) sum += *(const v8 *)(x + i) * *(const v8 *)(y + i);
    double s[WIDE];
    *(v8 *)s = sum;
    for (size_t k = 0; i < n; i++, k++) s[k] += x[i] * y[i];
    *out = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
HG_ISA_FUNCTION(static, exact_dot, (double *out, const double *x, const double *y, size_t n), (out, x, y, n))

double hg_exact_dot(const double *x, const double *y, size_t n) {
    double sum;
    exact_dot(&sum, x, y, n);
    return sum;
}

HG_INLINE void exact_dot_i32_body(double *out, const int32_t *x, const double *y, size_t n) {
    double s[WIDE] = { 0 };
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE)
        for (size_t k = 0; k < WIDE; k++) s[k] += x[i + k] * y[i + k];
    for (size_t k = 0; i < n; i++, k++) s[k] += x[i] * y[i];
    *out = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
HG_ISA_FUNCTION(static, exact_dot_i32, (double *out, const int32_t *x, const double *y, size_t n), (out, x, y, n))

double hg_exact_dot_i32(const int32_t *x, const double *y, size_t n) {
    double sum;
    exact_dot_i32(&sum, x, y, n);
    return sum;
}

HG_INLINE void cosines_body(double *restrict y, const double *restrict x, double scale, const double *restrict shift,
                            size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = cosine(x[i] * scale + shift[i]);
}
HG_ISA_FUNCTION(static, cosines,
                (double *restrict y, const double *restrict x, double scale, const double *restrict shift, size_t n),
                (y, x, scale, shift, n))

void hg_exact_cosines(double *y, const double *x, double scale, const double *shift, size_t n) {
    cosines(y, x, scale, shift, n);
}

HG_INLINE void exact_axpy_body(double *restrict y, double a, const double *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}
HG_ISA_FUNCTION(static, exact_axpy, (double *restrict y, double a, const double *restrict x, size_t n), (y, a, x, n))

void hg_exact_axpy(double *y, double a, const double *x, size_t n) { exact_axpy(y, a, x, n); }

/* ---- blocks of candidates ---------------------------------------------------------------------------------------------- */

HG_INLINE void block_dot_body(double *restrict sum, const double *restrict k, const double *restrict w, size_t n) {
    v8 s[STRIPS] = { { 0 } };
    for (size_t r = 0; r < n; r++)
        for (int j = 0; j < STRIPS; j++) s[j] += k[r] * *(const v8 *)(w + r * HG_LANES + (size_t)j * WIDE);
    for (int j = 0; j < STRIPS; j++) *(v8 *)(sum + j * WIDE) = s[j];
}
HG_ISA_FUNCTION(static, block_dot, (double *restrict sum, const double *restrict k, const double *restrict w, size_t n),
                (sum, k, w, n))

void hg_exact_block_dot(double *sum, const double *k, const double *w, size_t n) { block_dot(sum, k, w, n); }

HG_INLINE void block_add_body(double *restrict w, const double *restrict g, const double *restrict a, size_t n) {
    v8 b[STRIPS];
    for (int j = 0; j < STRIPS; j++) b[j] = *(const v8 *)(a + j * WIDE);
    for (size_t r = 0; r < n; r++)
        for (int j = 0; j < STRIPS; j++) *(v8 *)(w + r * HG_LANES + (size_t)j * WIDE) += g[r] * b[j];
}
HG_ISA_FUNCTION(static, block_add, (double *restrict w, const double *restrict g, const double *restrict a, size_t n),
                (w, g, a, n))

HG_INLINE void block_step_body(double *restrict w, const double *restrict g, const double *restrict a,
                               double *restrict sum, const double *restrict next, size_t n) {
    v8 b[STRIPS], s[STRIPS] = { { 0 } };
    for (int j = 0; j < STRIPS; j++) b[j] = *(const v8 *)(a + j * WIDE);
    for (size_t r = 0; r < n; r++)
        for (int j = 0; j < STRIPS; j++) {
            v8 *to = (v8 *)(w + r * HG_LANES + (size_t)j * WIDE);
            const v8 x = *to + g[r] * b[j];
            *to = x;
            s[j] += next[r] * x;
        }
    for (int j = 0; j < STRIPS; j++) *(v8 *)(sum + j * WIDE) = s[j];
}
HG_ISA_FUNCTION(static, block_step,
                (double *restrict w, const double *restrict g, const double *restrict a, double *restrict sum,
                 const double *restrict next, size_t n),
                (w, g, a, sum, next, n))

void hg_exact_block_step(double *w, const double *g, const double *a, double *sum, const double *next, size_t n) {
    if (next)
        block_step(w, g, a, sum, next, n);
    else
        block_add(w, g, a, n);
}

HG_INLINE void block_round_body(double *restrict x, double *restrict sum, double *restrict most,
                                const double *restrict w, const double *restrict g, const double *restrict a,
                                double scale, size_t n) {
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < HG_LANES; j++) {
            const double v = scale * (w[r * HG_LANES + j] + g[r] * a[j]), shifted = v + 0x1.8p52;
            const double whole = shifted - 0x1.8p52, size = whole < 0 ? -whole : whole;
            x[r * HG_LANES + j] = whole;
            sum[j] += size;
            most[j] = size > most[j] ? size : most[j];
        }
}
HG_ISA_FUNCTION(static, block_round,
                (double *restrict x, double *restrict sum, double *restrict most, const double *restrict w,
                 const double *restrict g, const double *restrict a, double scale, size_t n),
                (x, sum, most, w, g, a, scale, n))

void hg_exact_block_round(double *x, double *sum, double *most, const double *w, const double *g, const double *a,
                          double scale, size_t n) {
    block_round(x, sum, most, w, g, a, scale, n);
}

bool hg_exact_cholesky(double *a, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (size_t j = 0; j < i; j++) row[j] = (row[j] - hg_exact_dot(row, a + j * n, j)) / a[j * n + j];
        const double pivot = row[i] - hg_exact_dot(row, row, i);
        if (!(pivot > 0)) return false;
        row[i] = sqrt(pivot);
        memset(row + i + 1, 0, (n - 1 - i) * sizeof *row);
    }
    return true;
}
