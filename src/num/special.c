/* num/special.c -- see num/special.h */
#include "num/special.h"
#include <math.h>

static const double INV_SQRT_2PI = 0.3989422804014327, SQRT_HALF = 0.7071067811865476,
                    LOG_SQRT_2PI = 0.9189385332046727;
static const double SQRT_HALF_PI = 1.2533141373155003;

double hg_normal_pdf(double z) { return INV_SQRT_2PI * exp(-0.5 * z * z); }

/* Continued fraction of Mills' ratio (1 - cdf(x)) / pdf(x) = 1 / (x + 1 / t), t = x + 2 / (x + 3 / (x + ...)):
 * Abramowitz & Stegun 26.2.14. For x >= 5 the depth taken leaves less than an ulp. */
static double mills_tail(double x) {
    double t = x;
    for (int k = x < 7 ? 60 : x < 12 ? 32 : x < 30 ? 16 : 8; k >= 2; k--) t = x + k / t;
    return t;
}

/* In the tail pdf times Mills' ratio, with the round-off of z^2 put back; erfc would feel that of z / sqrt 2. */
double hg_normal_cdf(double z) {
    if (!(z < -5)) return 0.5 * erfc(-z * SQRT_HALF);
    if (z < -40) return 0; /* below the smallest double */
    const double square = z * z, tail = exp(-0.5 * square) * (1 - 0.5 * fma(z, z, -square));
    return INV_SQRT_2PI * tail / (-z + 1 / mills_tail(-z));
}

/* Below 4 the product, with the round-off of x^2 put back; above, the continued fraction at x sqrt 2. */
double hg_erfcx(double x) {
    if (x < 4) {
        const double square = x * x;
        return exp(square) * (1 + fma(x, x, -square)) * erfc(x);
    }
    const double z = x / SQRT_HALF;
    return 1 / (SQRT_HALF_PI * (z + 1 / mills_tail(z)));
}

double hg_normal_log_cdf(double z) {
    if (z > -1) return log1p(-hg_normal_cdf(-z));
    return -0.5 * z * z + log(0.5 * hg_erfcx(-z * SQRT_HALF));
}

/* h = pdf (1 + Q) with Q = z cdf / pdf. For z << 0 the two terms cancel, 1 + Q ~ 1 / z^2. With Mills' ratio
 * M = 1 / (x + 1 / t) at x = -z the difference is 1 - x M = 1 / (1 + x t), which cancels nothing. */
double hg_log_ei(double z) {
    if (z > -1) return log(hg_normal_pdf(z) + z * hg_normal_cdf(z));
    const double log_pdf = -0.5 * z * z - LOG_SQRT_2PI;
    if (z > -5) return log_pdf + log1p(z * SQRT_HALF_PI * hg_erfcx(-z * SQRT_HALF));
    return log_pdf - log1p(-z * mills_tail(-z));
}

/* Wichura (1988), Applied Statistics 37, 477, algorithm AS 241 PPND16. */
double hg_normal_quantile(double p) {
    static const double a[] = { 3.3871328727963666080,   1.3314166789178437745e2, 1.9715909503065514427e3,
                                1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3 };
    static const double b[] = { 1,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3 };
    static const double c[] = { 1.42343711074968357734,    4.63033784615654529590,   5.76949722146069140550,
                                3.64784832476320460504,    1.27045825245236838258,   2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4 };
    static const double d[] = { 1,
                                2.05319162663775882187,
                                1.67638483018380384940,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9 };
    static const double e[] = { 6.65790464350110377720,    5.46378491116411436990,    1.78482653991729133580,
                                2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7 };
    static const double f[] = { 1,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15 };
    if (!(p > 0 && p < 1)) return p == 0 ? -HUGE_VAL : p == 1 ? HUGE_VAL : NAN;
    const double q = p - 0.5;
    const double *num = a, *den = b;
    double r;
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
    } else {
        r = sqrt(-log(q < 0 ? p : 1 - p));
        num = r <= 5 ? c : e;
        den = r <= 5 ? d : f;
        r -= r <= 5 ? 1.6 : 5;
    }
    double top = num[7], bottom = den[7];
    for (int i = 6; i >= 0; i--) {
        top = top * r + num[i];
        bottom = bottom * r + den[i];
    }
    if (num == a) return q * top / bottom;
    return q < 0 ? -top / bottom : top / bottom;
}
