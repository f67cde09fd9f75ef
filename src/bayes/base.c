/* bayes/base.c -- see bayes/base.h. Adding a kernel: its two loops and one line in the table. */
#include "bayes/base.h"
#include "num/isa.h"
#include <math.h>

/* The loops are compiled for each instruction set; the names are needed by nobody else. */
#define VALUE(name) HG_ISA_FUNCTION(static, name##_value, (double *k, const double *z, size_t n), (k, z, n))
#define SLOPE(name)                                                                                                    \
    HG_ISA_FUNCTION(static, name##_slope, (double *k, double *dk, const double *z, size_t n), (k, dk, z, n))

static const double SQRT_3 = 1.7320508075688772, SQRT_5 = 2.2360679774997897;

HG_INLINE void rbf_value_body(double *k, const double *z, size_t n) {
    for (size_t i = 0; i < n; i++) k[i] = hg_exp_inline(-0.5 * z[i]);
}
HG_INLINE void rbf_slope_body(double *restrict k, double *restrict dk, const double *restrict z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        k[i] = hg_exp_inline(-0.5 * z[i]);
        dk[i] = -0.5 * k[i];
    }
}

HG_INLINE void matern32_value_body(double *k, const double *z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double r = SQRT_3 * sqrt(z[i]);
        k[i] = (1 + r) * hg_exp_inline(-r);
    }
}
HG_INLINE void matern32_slope_body(double *restrict k, double *restrict dk, const double *restrict z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double r = SQRT_3 * sqrt(z[i]), e = hg_exp_inline(-r);
        k[i] = (1 + r) * e;
        dk[i] = -1.5 * e;
    }
}

HG_INLINE void matern52_value_body(double *k, const double *z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double r = SQRT_5 * sqrt(z[i]);
        k[i] = (1 + r + r * r * (1.0 / 3)) * hg_exp_inline(-r);
    }
}
HG_INLINE void matern52_slope_body(double *restrict k, double *restrict dk, const double *restrict z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double r = SQRT_5 * sqrt(z[i]), e = hg_exp_inline(-r);
        k[i] = (1 + r + r * r * (1.0 / 3)) * e;
        dk[i] = (-5.0 / 6) * (1 + r) * e;
    }
}

HG_INLINE void linear_value_body(double *k, const double *z, size_t n) {
    for (size_t i = 0; i < n; i++) k[i] = z[i];
}
HG_INLINE void linear_slope_body(double *restrict k, double *restrict dk, const double *restrict z, size_t n) {
    for (size_t i = 0; i < n; i++) {
        k[i] = z[i];
        dk[i] = 1;
    }
}

VALUE(rbf)
SLOPE(rbf)
VALUE(matern32)
SLOPE(matern32)
VALUE(matern52)
SLOPE(matern52)
VALUE(linear)
SLOPE(linear)

const hg_base_kernel HG_BASE_KERNELS[] = {
    { "rbf", true, rbf_value, rbf_slope, 0 },
    { "matern32", true, matern32_value, matern32_slope, 3 },
    { "matern52", true, matern52_value, matern52_slope, 5 },
    { "linear", false, linear_value, linear_slope, 0 },
};
const size_t HG_BASE_KERNEL_COUNT = sizeof HG_BASE_KERNELS / sizeof *HG_BASE_KERNELS;
