/* tensor/real.h -- exp, log1p, tanh and erf that loops of floats can inline, so that they become vector instructions
 *
 * For float, each without a branch and without libm, errors below 3 units in the last place of the result but where said otherwise. For
 * double, which only checks, libm's. Included by the files whose loops are compiled for several instruction sets (num/isa.h).
 */
#ifndef HG_TENSOR_REAL_H
#define HG_TENSOR_REAL_H
#include "num/isa.h"
#include <math.h>

/* x = k ln 2 + r, |r| <= ln 2 / 2, Taylor to r^7 (remainder 5e-9), times 2^k by arithmetic on the exponent bits. Stays at exp(-87) below
 * and at exp(88) above. */
HG_INLINE float hg_exp_f32(float x) {
    const float low = x < -87.0f ? -87.0f : x, a = low > 88.0f ? 88.0f : low;
    const float shifted = a * 1.44269504f + 0x1.8p23f, k = shifted - 0x1.8p23f;
    const float r = (a - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f; /* ln 2 in two parts */
    const float p =
        1 + r * (1 + r * (1.0f / 2 +
                          r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720 + r * (1.0f / 5040)))))));
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* log(1 + u) for 0 <= u <= 1: 2 atanh(s) with s = u / (2 + u) <= 1/3, odd series to s^15. */
HG_INLINE float hg_log1p_unit_f32(float u) {
    const float s = u / (2 + u), q = s * s;
    return 2 * s *
           (1 + q * (1.0f / 3 +
                     q * (1.0f / 5 +
                          q * (1.0f / 7 + q * (1.0f / 9 + q * (1.0f / 11 + q * (1.0f / 13 + q * (1.0f / 15))))))));
}

/* 1 - 2 / (e^2x + 1) away from 0; near it the odd series to x^9, which meets the other at 0.3 to 1e-8. */
HG_INLINE float hg_tanh_f32(float x) {
    const float q = x * x;
    const float series = x * (1 + q * (-1.0f / 3 + q * (2.0f / 15 + q * (-17.0f / 315 + q * (62.0f / 2835)))));
    const float far = 1 - 2 / (hg_exp_f32(2 * x) + 1);
    return q < 0.09f ? series : far;
}

/* Absolute error 1.5e-7: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 7.1.26. */
HG_INLINE float hg_erf_f32(float x) {
    const float a = x < 0 ? -x : x, u = 1 / (1 + 0.3275911f * a);
    const float p =
        u * (0.254829592f + u * (-0.284496736f + u * (1.421413741f + u * (-1.453152027f + u * 1.061405429f))));
    const float y = 1 - p * hg_exp_f32(-a * a);
    return x < 0 ? -y : y;
}

HG_INLINE float hg_log_f32(float x) { return logf(x); }
HG_INLINE float hg_sqrt_f32(float x) { return __builtin_sqrtf(x); }
HG_INLINE float hg_sin_f32(float x) { return sinf(x); }
HG_INLINE float hg_cos_f32(float x) { return cosf(x); }

HG_INLINE double hg_exp_f64(double x) { return exp(x); }
HG_INLINE double hg_log1p_unit_f64(double u) { return log1p(u); }
HG_INLINE double hg_tanh_f64(double x) { return tanh(x); }
HG_INLINE double hg_erf_f64(double x) { return erf(x); }
HG_INLINE double hg_log_f64(double x) { return log(x); }
HG_INLINE double hg_sqrt_f64(double x) { return __builtin_sqrt(x); }
HG_INLINE double hg_sin_f64(double x) { return sin(x); }
HG_INLINE double hg_cos_f64(double x) { return cos(x); }
#endif
