/* models/glass_kernel.c -- the numbers of one particle from its neighbours
 *
 * Radial shells: Gaussians at equal distances, so two exponentials a neighbour give them all (the rest are products).
 * Bond order (Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784, 1983): q_l = (4 pi / (2l+1) sum_m |<Y_lm>|^2)^(1/2) with Gaussian weights of the distance;
 * real harmonics by the recurrences of associated Legendre polynomials.
 */
#include "models/glass_kernel.h"
#include "models/glass_features.h"
#include "num/isa.h"
#include <math.h>
#include <string.h>

enum { L = HG_GLASS_ORDERS, HARMONICS = (L + 1) * (L + 1) };

/* ---- radial shells ----------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    double first, step, width;
} ladder;

static const ladder FINE = { HG_GLASS_FINE, 0.8, 1.2 / 18, 0.05 }, COARSE = { HG_GLASS_COARSE, 2.12, 0.127, 0.1 };

HG_INLINE void climb(double *sum, const ladder *g, double r) {
    const double a = 0.5 / (g->width * g->width);
    const double at = (r - g->first) / g->step;
    const int reach = 4;
    const int k = (int)floor(at + 0.5);
    const double u = r - (g->first + k * g->step);
    if (k + reach < 0 || k - reach >= (int)g->n) return;
    const double middle = hg_exp_inline(-a * u * u), up = hg_exp_inline(2 * a * u * g->step), down = 1 / up;
    const double fall = exp(-a * g->step * g->step);
    double power = 1, turn = 1, odd = fall;
    if (k >= 0 && k < (int)g->n) sum[k] += middle;
    double rise = 1, sink = 1;
    for (int j = 1; j <= reach; j++) {
        power *= odd; /* fall^(j^2) */
        odd *= fall * fall;
        rise *= up;
        sink *= down;
        if (k + j >= 0 && k + j < (int)g->n) sum[k + j] += middle * power * rise;
        if (k - j >= 0 && k - j < (int)g->n) sum[k - j] += middle * power * sink;
    }
    (void)turn;
}

static void radial(float *out, const hg_glass_around *a) {
    double sum[HG_GLASS_SPECIES][HG_GLASS_FINE + HG_GLASS_COARSE];
    memset(sum, 0, sizeof sum);
    for (size_t j = 0; j < a->n; j++) {
        double *s = sum[a->species[j]];
        if (a->r[j] < 2.3) climb(s, &FINE, a->r[j]);
        if (a->r[j] > 1.6) climb(s + HG_GLASS_FINE, &COARSE, a->r[j]);
    }
    for (size_t s = 0; s < HG_GLASS_SPECIES; s++)
        for (size_t k = 0; k < HG_GLASS_FINE + HG_GLASS_COARSE; k++) *out++ = (float)sum[s][k];
}

/* ---- bond order -------------------------------------------------------------------------------------------------- */

/* y[l*l + l + m] for the unit vector (x, y, z), so that the sum over m of y^2 is 1. */
static void harmonics(double *y, double x1, double y1, double z) {
    double c = 1, s = 0; /* sin^m theta cos(m phi), sin(m phi) */
    double diagonal = 1; /* (2m - 1)!! times its norm */
    for (size_t m = 0; m <= L; m++) {
        if (m > 0) {
            const double t = c * x1 - s * y1;
            s = c * y1 + s * x1;
            c = t;
            diagonal *= m == 1 ? 1 : sqrt((2.0 * (double)m - 1) / (2.0 * (double)m));
        }
        double before = 0, at = diagonal;
        for (size_t l = m; l <= L; l++) {
            if (l > m) {
                const double ld = (double)l, md = (double)m;
                const double next =
                    ((2 * ld - 1) * z * at - sqrt((ld - 1) * (ld - 1) - md * md) * before) / sqrt(ld * ld - md * md);
                before = at;
                at = next;
            }
            y[l * l + l + m] = at * c;
            if (m > 0) y[l * l + l - m] = at * s;
        }
    }
}

static const double SHELL[HG_GLASS_SHELLS] = { 0.9, 1.1, 1.5, 2.0 }, SHELL_WIDTH = 0.2;

static void bonds(float *out, const hg_glass_around *a) {
    double sum[HG_GLASS_SPECIES][HG_GLASS_SHELLS][HARMONICS], weight[HG_GLASS_SPECIES][HG_GLASS_SHELLS], y[HARMONICS];
    memset(sum, 0, sizeof sum);
    memset(weight, 0, sizeof weight);
    for (size_t j = 0; j < a->n; j++) {
        const double r = a->r[j], *d = a->d + 3 * j;
        if (r > SHELL[HG_GLASS_SHELLS - 1] + 3 * SHELL_WIDTH) continue;
        harmonics(y, d[0] / r, d[1] / r, d[2] / r);
        for (size_t k = 0; k < HG_GLASS_SHELLS; k++) {
            const double u = (r - SHELL[k]) / SHELL_WIDTH, w = hg_exp_inline(-0.5 * u * u);
            double *to = sum[a->species[j]][k];
            weight[a->species[j]][k] += w;
            for (size_t h = 0; h < HARMONICS; h++) to[h] += w * y[h];
        }
    }
    for (size_t s = 0; s < HG_GLASS_SPECIES; s++)
        for (size_t k = 0; k < HG_GLASS_SHELLS; k++)
            for (size_t l = 1; l <= L; l++) {
                double q = 0;
                for (size_t h = l * l; h < (l + 1) * (l + 1); h++) q += sum[s][k][h] * sum[s][k][h];
                *out++ = (float)(sqrt(q) / (weight[s][k] + 0.1));
            }
}

/* ---- physics ----------------------------------------------------------------------------------------------------- */

void hg_glass_eigenvalues(double w[3], const double c[6]) {
    const double mean = (c[0] + c[1] + c[2]) / 3, off = c[3] * c[3] + c[4] * c[4] + c[5] * c[5];
    const double a = c[0] - mean, b = c[1] - mean, d = c[2] - mean;
    const double p = sqrt((a * a + b * b + d * d + 2 * off) / 6);
    if (p <= 0) {
        w[0] = w[1] = w[2] = mean;
        return;
    }
    const double det = a * (b * d - c[5] * c[5]) - c[3] * (c[3] * d - c[5] * c[4]) + c[4] * (c[3] * c[5] - b * c[4]);
    const double half = det / (2 * p * p * p), phi = acos(half < -1 ? -1 : half > 1 ? 1 : half) / 3;
    w[2] = mean + 2 * p * cos(phi);
    w[0] = mean + 2 * p * cos(phi + 2.0943951023931957); /* 2 pi / 3 */
    w[1] = 3 * mean - w[0] - w[2];
}

static void physics(float *out, const hg_glass_around *a) {
    static const double EPS[3] = { 1, 1.5, 0.5 }, SIGMA[3] = { 1, 0.8, 0.88 };
    double e[HG_GLASS_SPECIES] = { 0, 0 }, f[3] = { 0, 0, 0 }, h[6] = { 0, 0, 0, 0, 0, 0 }, virial = 0, w[3];
    for (size_t j = 0; j < a->n; j++) {
        const size_t pair = (size_t)a->species[j] + a->own;
        const double r = a->r[j], s = SIGMA[pair], rc = 2.5 * s;
        if (r >= rc) continue;
        const double *d = a->d + 3 * j;
        const double q = s / r, q2 = q * q, q6 = q2 * q2 * q2, p = 1 / 2.5, p6 = p * p * p * p * p * p;
        const double slope_end = 4 * EPS[pair] * (-12 * p6 * p6 + 6 * p6) / rc;
        const double v = 4 * EPS[pair] * (q6 * q6 - q6 - p6 * p6 + p6) - (r - rc) * slope_end;
        const double slope = 4 * EPS[pair] * (-12 * q6 * q6 + 6 * q6) / r - slope_end;
        const double curve = 4 * EPS[pair] * (156 * q6 * q6 - 42 * q6) / (r * r);
        e[a->species[j]] += 0.5 * v;
        virial -= r * slope;
        const double along = (curve - slope / r) / (r * r), across = slope / r;
        for (size_t k = 0; k < 3; k++) {
            f[k] += slope * d[k] / r;
            h[k] += along * d[k] * d[k] + across;
        }
        h[3] += along * d[0] * d[1];
        h[4] += along * d[0] * d[2];
        h[5] += along * d[1] * d[2];
    }
    hg_glass_eigenvalues(w, h);
    out[0] = (float)e[0];
    out[1] = (float)e[1];
    out[2] = (float)sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
    out[3] = (float)(h[0] + h[1] + h[2]);
    for (size_t k = 0; k < 3; k++) out[4 + k] = (float)w[k];
    out[7] = (float)virial;
}

void hg_glass_base_of(float *out, const hg_glass_around *a) {
    radial(out, a);
    out += HG_GLASS_SPECIES * (HG_GLASS_FINE + HG_GLASS_COARSE);
    bonds(out, a);
    out += HG_GLASS_SPECIES * HG_GLASS_SHELLS * HG_GLASS_ORDERS;
    physics(out, a);
}
