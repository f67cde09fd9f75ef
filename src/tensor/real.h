/* tensor/real.h -- exp, log, tanh, erf, sine that loops of floats can inline, so that they become vector instructions
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

/* erf(x), given e = exp(-x^2). Absolute error 6e-7, 1.5e-7 of it the formula's: Abramowitz & Stegun, Handbook of Mathematical Functions
 * (1964), 7.1.26. */
HG_INLINE float hg_erf_given_f32(float x, float e) {
    const float a = x < 0 ? -x : x, u = 1 / (1 + 0.3275911f * a);
    const float p =
        u * (0.254829592f + u * (-0.284496736f + u * (1.421413741f + u * (-1.453152027f + u * 1.061405429f))));
    const float y = 1 - p * e;
    return x < 0 ? -y : y;
}

/* x P(x^2) / Q(x^2), of degrees 5 and 5, fitted for the smallest largest relative error, 2e-8, on |x| <= 3.925, beyond which floats are 1. */
HG_INLINE float hg_erf_f32(float x) {
    const float low = x < -3.925f ? -3.925f : x, a = low > 3.925f ? 3.925f : low, q = a * a;
    const float p =
        1.12837915f +
        q * (0.190595347f + q * (0.0527695134f + q * (0.00377261928f + q * (2.84845239e-4f + q * 2.04601740e-6f))));
    const float d =
        1 + q * (0.502243458f + q * (0.114183384f + q * (0.0149833368f + q * (0.00116387480f + q * 3.80477598e-5f))));
    const float y = a * p / d, most = y > 1 ? 1 : y;
    return most < -1 ? -1 : most;
}

/* x = 2^k m with m in [sqrt 1/2, sqrt 2): k ln 2 + 2 atanh(s) with s = (m - 1) / (m + 1), |s| <= 0.172, odd series to s^11. */
HG_INLINE float hg_log_f32(float x) {
    const float scaled = x < 0x1p-126f ? x * 0x1p23f : x; /* not denormal */
    uint32_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    const uint32_t from = bits - 0x3f3504f3u; /* sqrt 1/2: its exponent field counts from there */
    const uint32_t fraction = (from & 0x007fffffu) + 0x3f3504f3u;
    const float k = (float)((int32_t)from >> 23) - (x < 0x1p-126f ? 23.0f : 0.0f);
    float m;
    memcpy(&m, &fraction, sizeof m);
    const float s = (m - 1) / (m + 1), q = s * s;
    const float series =
        2 * s * (1 + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9 + q * (1.0f / 11))))));
    const float y = k * 0x1.62e4p-1f + (series + k * 0x1.7f7d1cp-20f); /* ln 2 in two parts */
    const float edge = x < 0 ? NAN : x == 0 ? -HUGE_VALF : x;          /* also infinity and NaN */
    return x > 0 && x < HUGE_VALF ? y : edge;
}
HG_INLINE float hg_sqrt_f32(float x) { return __builtin_sqrtf(x); }

/* sin(x + turns pi / 2): x = k pi / 2 + r in double, whose error is 1e-16 |x|; Taylor of the sine or the cosine of r, |r| <= pi / 4, to 5e-9.
 * NaN beyond 1e9, where floats are 64 apart. */
HG_INLINE float hg_sin_turned_f32(float x, unsigned turns) {
    const double wide = (double)x, shifted = wide * 0.63661977236758134308 + 0x1.8p52, k = shifted - 0x1.8p52;
    const float r = (float)((wide - k * 0x1.921fb544p0) - k * 0x1.0b4611a626331p-34), q = r * r;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const uint32_t quarter = (uint32_t)bits + turns;
    const float sine = r + r * q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 + q * (1.0f / 362880))));
    const float cosine =
        1 + q * (-0.5f + q * (1.0f / 24 + q * (-1.0f / 720 + q * (1.0f / 40320 + q * (-1.0f / 3628800)))));
    const float y = quarter & 1 ? cosine : sine, signed_y = quarter & 2 ? -y : y;
    return x < 1e9f && x > -1e9f ? signed_y : NAN;
}
HG_INLINE float hg_sin_f32(float x) { return hg_sin_turned_f32(x, 0); }
HG_INLINE float hg_cos_f32(float x) { return hg_sin_turned_f32(x, 1); }

HG_INLINE double hg_exp_f64(double x) { return exp(x); }
HG_INLINE double hg_log1p_unit_f64(double u) { return log1p(u); }
HG_INLINE double hg_tanh_f64(double x) { return tanh(x); }
HG_INLINE double hg_erf_f64(double x) { return erf(x); }
HG_INLINE double hg_log_f64(double x) { return log(x); }
HG_INLINE double hg_sqrt_f64(double x) { return __builtin_sqrt(x); }
HG_INLINE double hg_sin_f64(double x) { return sin(x); }
HG_INLINE double hg_cos_f64(double x) { return cos(x); }
HG_INLINE double hg_erf_given_f64(double x, double e) {
    (void)e;
    return erf(x);
}

/* What both types share. Written out, so that what occurs twice is computed once and loops have no branch. */
#define HG_BOTH(T, R)                                                                                                  \
    HG_INLINE R hg_sigmoid_##T(R x) { return 1 / (1 + hg_exp_##T(-x)); }                                               \
    HG_INLINE R hg_softplus_##T(R x) { return (x > 0 ? x : 0) + hg_log1p_unit_##T(hg_exp_##T(x > 0 ? -x : x)); }       \
    HG_INLINE R hg_silu_slope_##T(R x) {                                                                               \
        const R s = hg_sigmoid_##T(x);                                                                                 \
        return s * (1 + x * (1 - s));                                                                                  \
    }                                                                                                                  \
    HG_INLINE R hg_gelu_slope_##T(R x) { /* Phi + x phi, of the normal distribution */                                 \
        const R e = hg_exp_##T((R)-0.5 * x * x);                                                                       \
        return (R)0.5 * (1 + hg_erf_given_##T(x * (R)0.70710678118654752440, e)) + x * (R)0.39894228040143267794 * e;  \
    }
HG_BOTH(f32, float)
HG_BOTH(f64, double)
#undef HG_BOTH
#endif
