/* secret/pool_mixture.c -- see secret/pool_mixture.h */
#include "secret/pool_mixture.h"
#include "secret/exact.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const double LOWEST = 0.03, HIGHEST = 200; /* rates of the trapezoidal rule, times l^2 */

/* 2^(j/2), exact for even j. */
static double half_octaves(int j) { return ldexp(j & 1 ? 1.4142135623730951 : 1, (j - (j & 1)) / 2); }

/* Weight of rate s (length 1) in steps of half an octave: density of tau = 1 / (2 s) in ln tau times ln 2 / 2. */
static double weight(double s) {
    static const double SCALE = 7.433850483969879 /* rate^shape / Gamma(shape) */, STEP = 0.34657359027997264;
    const double tau = 1 / (2 * s);
    return STEP * SCALE * (tau * tau * sqrt(tau)) * hg_exact_exp(-2.5 * tau);
}

/* The term exp(-2^(j/2) x): odd j belong to the first chain, which starts at j = -1, even j to the second, from 0. */
static hg_status put(hg_mixture *k, size_t length, int j, double w, int slowest, hg_err *err) {
    if (j < -1) {
        const int at = j - slowest;
        assert(at >= 0 && at < HG_MIXTURE_SLOW);
        if ((size_t)at >= k->slow) k->slow = (size_t)at + 1;
        k->slow_weight[length][at] += w;
        return HG_OK;
    }
    const size_t chain = j & 1 ? 0 : 1, level = (size_t)(j + 1) / 2;
    if (level > HG_MIXTURE_LEVELS)
        return hg_advise(err, hg_fail(err, HG_ELIMIT, "length scale %zu is too short for a secret kernel", length + 1),
                         "use length scales above 0.001 of the features' range");
    if (level > k->chain[chain].squarings) k->chain[chain].squarings = level;
    k->chain[chain].weight[length][level] += w;
    return HG_OK;
}

static hg_status matern(hg_mixture *k, const hg_secret_model *m, hg_err *err) {
    const double span = ldexp(1, (int)k->shift);
    const double longest = m->length[m->n_length - 1], most = LOWEST / (longest * longest) * span;
    int slowest = -1;
    while (half_octaves(slowest) > most) slowest--;
    if (-1 - slowest > HG_MIXTURE_SLOW)
        return hg_advise(err, hg_fail(err, HG_ELIMIT, "length scale %g is too long for a secret kernel", longest),
                         "use length scales below 1000 times the features' range");
    for (int j = slowest; j < -1; j++) k->slow_rate[j - slowest] = half_octaves(j);
    k->chains = 2;
    k->chain[0].start = half_octaves(-1);
    k->chain[1].start = 1;
    for (size_t l = 0; l < k->lengths; l++) {
        const double scale = m->length[l] * m->length[l] / span; /* rate in x -> rate for length 1 */
        double mass = 1, slope = 5.0 / 6;                        /* k(0) and -k'(0) not yet spent */
        int j = slowest;
        for (; half_octaves(j) * scale <= HIGHEST; j++) {
            const double s = half_octaves(j) * scale, w = s < LOWEST ? 0 : weight(s);
            mass -= w;
            slope -= w * s;
            if (w > 0) HG_TRY(put(k, l, j, w, slowest, err));
        }
        /* the rest at the next term and at one an octave above; its mean rate lies between them */
        const double low = half_octaves(j) * scale, high = half_octaves(j + 2) * scale;
        const double upper = (slope - low * mass) / (high - low);
        HG_TRY(put(k, l, j, mass - upper, slowest, err));
        HG_TRY(put(k, l, j + 2, upper, slowest, err));
    }
    return HG_OK;
}

static hg_status squared(hg_mixture *k, const hg_secret_model *m, hg_err *err) {
    for (size_t l = 0; l < k->lengths; l++) {
        double rate = ldexp(1, (int)k->shift) / (2 * m->length[l] * m->length[l]);
        size_t squarings = 0;
        if (rate <= 1) {
            k->slow_rate[k->slow] = rate;
            k->slow_weight[l][k->slow++] = 1;
            continue;
        }
        for (; rate > 1; rate /= 2) squarings++;
        if (squarings > HG_MIXTURE_LEVELS)
            return hg_fail(err, HG_ELIMIT, "length scale %g is too short for a secret kernel", m->length[l]);
        k->chain[k->chains].start = rate;
        k->chain[k->chains].squarings = squarings;
        k->chain[k->chains++].weight[l][squarings] = 1;
    }
    return HG_OK;
}

hg_status hg_mixture_make(hg_mixture *out, const hg_secret_model *m, size_t d, hg_err *err) {
    memset(out, 0, sizeof *out);
    assert(m->n_length <= HG_POOLS_MOST);
    if (d == 0 || d > 1024) return hg_fail(err, HG_EINVAL, "%zu features: a pool has 1 to 1024", d);
    out->lengths = m->n_length;
    while ((size_t)1 << out->shift < d) out->shift++;
    return m->matern ? matern(out, m, err) : squared(out, m, err);
}

double hg_mixture_value(const hg_mixture *k, size_t length, double u) {
    const double x = ldexp(u, -(int)k->shift);
    double sum = 0;
    for (size_t j = 0; j < k->slow; j++)
        if (k->slow_weight[length][j] > 0) sum += k->slow_weight[length][j] * hg_exact_exp(-k->slow_rate[j] * x);
    for (size_t c = 0; c < k->chains; c++)
        for (size_t i = 0; i <= k->chain[c].squarings; i++) {
            const double w = k->chain[c].weight[length][i], rate = ldexp(k->chain[c].start, (int)i);
            if (w > 0 && rate * x < 700) sum += w * hg_exact_exp(-rate * x);
        }
    return sum;
}

void hg_mixture_values(double *value, const hg_mixture *k, double u) {
    const double x = ldexp(u, -(int)k->shift);
    for (size_t l = 0; l < k->lengths; l++) value[l] = 0;
    for (size_t j = 0; j < k->slow; j++) {
        const double term = hg_exact_exp(-k->slow_rate[j] * x);
        for (size_t l = 0; l < k->lengths; l++) value[l] += k->slow_weight[l][j] * term;
    }
    for (size_t c = 0; c < k->chains; c++) {
        double term = hg_exact_exp(-k->chain[c].start * x);
        for (size_t i = 0; i <= k->chain[c].squarings; i++, term *= term)
            for (size_t l = 0; l < k->lengths; l++) value[l] += k->chain[c].weight[l][i] * term;
    }
}

void hg_polynomial_fit(double *coefficient, unsigned degree, double (*f)(double), double low, double high) {
    enum { MOST = 17 };
    assert(degree < MOST);
    const unsigned n = degree + 1;
    double series[MOST], value[MOST], now[MOST] = { 1 }, before[MOST] = { 0 }; /* T_k and T_(k-1) as powers of z */
    for (unsigned i = 0; i < n; i++) {
        const double z = hg_exact_cosine((2 * i + 1) / (4.0 * n));
        value[i] = f(0.5 * (low + high) + 0.5 * (high - low) * z);
        coefficient[i] = 0;
    }
    for (unsigned k = 0; k < n; k++) {
        series[k] = 0;
        for (unsigned i = 0; i < n; i++) series[k] += value[i] * hg_exact_cosine(k * (2 * i + 1) / (4.0 * n));
        series[k] *= (k ? 2.0 : 1.0) / n;
    }
    for (unsigned k = 0; k < n; k++) {
        double next[MOST];
        for (unsigned i = 0; i < n; i++) {
            coefficient[i] += series[k] * now[i];
            next[i] = (i ? (k ? 2 : 1) * now[i - 1] : 0) - before[i];
        }
        memcpy(before, now, sizeof before);
        memcpy(now, next, sizeof now);
    }
}
