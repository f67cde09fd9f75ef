/* secret/pool_policy.c -- see secret/pool_policy.h */
#include "secret/pool_policy.h"
#include "secret/exact.h"
#include <math.h>
#include <string.h>

static const double LN2 = 0.6931471805599453, PI = 3.141592653589793;

static const double LENGTHS[] = { 0.14, 0.3, 0.65, 1.4 }, NOISES[] = { 0.001, 0.03 };

void hg_pool_model_default(hg_secret_model *m) {
    hg_secret_model_default(m);
    m->n_length = sizeof LENGTHS / sizeof *LENGTHS;
    m->n_noise = sizeof NOISES / sizeof *NOISES;
    memcpy(m->length, LENGTHS, sizeof LENGTHS);
    memcpy(m->noise, NOISES, sizeof NOISES);
}

hg_status hg_pool_model_check(const hg_secret_model *m, hg_err *err) {
    HG_TRY(hg_secret_model_check(m, err));
    if (m->n_length * m->n_noise > HG_POOLS_MOST)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL,
                                 "%zu lengths times %zu noises make %zu pools; with hidden indices at most %d are "
                                 "conditioned side by side",
                                 m->n_length, m->n_noise, m->n_length * m->n_noise, HG_POOLS_MOST),
                         "keep 2 to 4 lengths and 1 or 2 noises in the policy");
    if (m->acquisition != HG_ACQ_UCB && m->acquisition != HG_ACQ_THOMPSON)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL, "the acquisition %s needs to know which candidates were measured",
                                 hg_acquisition_name(m->acquisition)),
                         "choose ucb or ts, or tier 1");
    if (m->epsilon > 0)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL,
                                 "differential privacy needs a public bound on what one value can change, and with "
                                 "hidden indices there is none"),
                         "set epsilon to 0, or choose tier 1");
    return HG_OK;
}

double hg_pool_prior(const hg_secret_model *m, size_t theta) {
    const double length = m->length[theta / m->n_noise], noise = m->noise[theta % m->n_noise];
    const double a = (hg_exact_log(length) - hg_exact_log(m->length_centre)) / m->length_sd;
    const double b = (hg_exact_log(noise) - hg_exact_log(m->noise_centre)) / m->noise_sd;
    return (a * a + b * b) / LN2;
}

double hg_pool_sigma(const hg_secret_model *m, size_t level) {
    return hg_exact_exp((m->sigma_low + (double)level) / 16 * LN2);
}

double hg_pool_threshold(const hg_secret_model *m, size_t level) {
    return hg_exact_exp((2 * (m->sigma_low + (double)level) - 1) / 16 * LN2);
}

void hg_pool_chords(double node[HG_POOL_CHORDS + 1], double value[HG_POOL_CHORDS + 1]) {
    for (int i = 0; i <= HG_POOL_CHORDS; i++) {
        node[i] = hg_exact_exp((21.0 * i / HG_POOL_CHORDS - 18) * LN2);
        value[i] = sqrt(node[i]);
    }
}

double hg_pool_feature(double x) { return ldexp(hg_exact_round(ldexp(x, HG_FRACTION)), -HG_FRACTION); }

/* ---- a path of the prior ------------------------------------------------------------------------------------------------ */

enum { WAVES_STREAM, FACTORS_STREAM, RATES_STREAM, NOISE_STREAM };

/* The rate (for squared distances) at quantile q of the mixture's weights. */
static double rate_at(const hg_mixture *k, size_t length, double q) {
    double rate = 0;
    for (size_t j = 0; j < k->slow && q >= 0; j++)
        if (k->slow_weight[length][j] > 0) {
            rate = k->slow_rate[j];
            q -= k->slow_weight[length][j];
        }
    for (size_t i = 0; i <= HG_MIXTURE_LEVELS; i++)
        for (size_t c = 0; c < k->chains && q >= 0; c++)
            if (k->chain[c].weight[length][i] > 0) {
                rate = ldexp(k->chain[c].start, (int)i);
                q -= k->chain[c].weight[length][i];
            }
    return ldexp(rate, -(int)k->shift);
}

hg_status hg_pool_path_draw(hg_pool_path *out, const hg_mixture *k, size_t d, uint64_t seed, hg_arena *arena,
                            hg_err *err) {
    double factor[2 * HG_POOL_WAVES + 1];
    *out = (hg_pool_path) { .d = d, .lengths = k->lengths };
    out->turns = hg_alloc(arena, k->lengths * HG_POOL_WAVES * d, sizeof *out->turns);
    double *z = hg_alloc(arena, HG_POOL_WAVES * d + 1, sizeof *z);
    if (!out->turns || !z) return hg_fail(err, HG_ENOMEM, "no memory for a path over %zu features", d);
    hg_exact_normals(z, HG_POOL_WAVES * d, seed, WAVES_STREAM);
    hg_exact_normals(factor, 2 * HG_POOL_WAVES + 1, seed, FACTORS_STREAM);
    hg_rng rng = hg_rng_make(seed, RATES_STREAM);
    out->offset = sqrt(HG_POOL_MEAN) * factor[2 * HG_POOL_WAVES];
    for (size_t w = 0; w < HG_POOL_WAVES; w++) {
        const double quantile = hg_rng_uniform(&rng);
        out->cosine[w] = factor[2 * w] / sqrt(HG_POOL_WAVES);
        out->sine[w] = factor[2 * w + 1] / sqrt(HG_POOL_WAVES);
        for (size_t l = 0; l < k->lengths; l++) {
            const double scale = sqrt(2 * rate_at(k, l, quantile)) / (2 * PI);
            for (size_t j = 0; j < d; j++) out->turns[(l * HG_POOL_WAVES + w) * d + j] = scale * z[w * d + j];
        }
    }
    return HG_OK;
}

double hg_pool_path_value(const hg_pool_path *p, size_t length, const double *x) {
    double f = p->offset;
    for (size_t w = 0; w < HG_POOL_WAVES; w++) {
        const double *omega = p->turns + (length * HG_POOL_WAVES + w) * p->d;
        double turns = 0;
        for (size_t j = 0; j < p->d; j++) turns += omega[j] * x[j];
        f += p->cosine[w] * hg_exact_cosine(turns) + p->sine[w] * hg_exact_cosine(turns - 0.25);
    }
    return f;
}

void hg_pool_path_noise(double *eps, size_t n, uint64_t seed) { hg_exact_normals(eps, n, seed, NOISE_STREAM); }
