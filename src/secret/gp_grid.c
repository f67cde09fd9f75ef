/* secret/gp_grid.c -- see secret/gp_grid.h */
#include "secret/gp_grid.h"
#include <math.h>
#include <string.h>

const char *hg_tier_words(hg_tier t) {
    static const char *const WORDS[] = {
        [HG_TIER_PROPERTIES] = "measured values are hidden; candidates and which of them were measured are public",
        [HG_TIER_INDICES] = "measured values, which candidates were measured and which one is proposed are hidden; the "
                            "candidate list is public",
        [HG_TIER_COMPOSITIONS] = "measured values, compositions, which candidates were measured and which one is "
                                 "proposed are hidden; sizes are public",
    };
    return (size_t)t < sizeof WORDS / sizeof *WORDS && WORDS[t] ? WORDS[t] : "no such tier";
}

static const double LENGTHS[] = { 0.05, 0.065, 0.085, 0.11, 0.14, 0.18, 0.23, 0.3,
                                  0.39, 0.5,   0.65,  0.85, 1.1,  1.4,  1.8,  2.3 };
static const double NOISES[] = { 0.0001, 0.001, 0.01, 0.1 };

void hg_secret_model_default(hg_secret_model *m) {
    *m = (hg_secret_model) { .matern = true,
                             .n_length = sizeof LENGTHS / sizeof *LENGTHS,
                             .n_noise = sizeof NOISES / sizeof *NOISES,
                             .length_centre = 0.5,
                             .length_sd = 1,
                             .noise_centre = 0.01,
                             .noise_sd = 2,
                             .acquisition = HG_ACQ_UCB,
                             .kappa = 2,
                             .sigma_low = -160,
                             .sigma_levels = HG_SIGMA_LEVELS_MOST };
    memcpy(m->length, LENGTHS, sizeof LENGTHS);
    memcpy(m->noise, NOISES, sizeof NOISES);
}

static bool within(double x, double low, double high) { return x >= low && x <= high; } /* NaN is not */

static hg_status check_values(const char *what, const double *x, size_t n, double low, double high, hg_err *err) {
    if (n == 0 || n > HG_GRID_MOST)
        return hg_fail(err, HG_EINVAL, "the grid has %zu %s values; 1 to %d are possible", n, what, HG_GRID_MOST);
    for (size_t i = 0; i < n; i++) {
        if (!within(x[i], low, high))
            return hg_fail(err, HG_EINVAL, "%s value %zu of the grid is %g; it must lie between %g and %g", what, i + 1,
                           x[i], low, high);
        if (i > 0 && x[i] <= x[i - 1])
            return hg_fail(err, HG_EINVAL, "%s value %zu of the grid, %g, is not above the one before", what, i + 1,
                           x[i]);
    }
    return HG_OK;
}

static hg_status check_prior(const char *what, double centre, double sd, double low, double high, hg_err *err) {
    if (!within(centre, low, high))
        return hg_fail(err, HG_EINVAL, "the prior's median %s is %g; it must lie between %g and %g", what, centre, low,
                       high);
    if (!within(sd, 0.1, 10))
        return hg_fail(err, HG_EINVAL, "the prior's sd of ln %s is %g; it must lie between 0.1 and 10", what, sd);
    return HG_OK;
}

hg_status hg_secret_model_check(const hg_secret_model *m, hg_err *err) {
    HG_TRY(check_values("length", m->length, m->n_length, 1e-3, 1e3, err));
    HG_TRY(check_values("noise", m->noise, m->n_noise, 1e-4, 1, err));
    if (m->n_length * m->n_noise > HG_GRID_MOST)
        return hg_fail(err, HG_EINVAL, "%zu lengths times %zu noises make more than %d grid points", m->n_length,
                       m->n_noise, HG_GRID_MOST);
    HG_TRY(check_prior("length", m->length_centre, m->length_sd, 1e-3, 1e3, err));
    HG_TRY(check_prior("noise", m->noise_centre, m->noise_sd, 1e-6, 1, err));
    if (m->acquisition != HG_ACQ_UCB && m->acquisition != HG_ACQ_EI && m->acquisition != HG_ACQ_PI &&
        m->acquisition != HG_ACQ_THOMPSON)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL, "the acquisition %s does not work on secret data",
                                 hg_acquisition_name(m->acquisition) ? hg_acquisition_name(m->acquisition) : "?"),
                         "choose ucb, ei, pi or ts");
    if (!within(m->kappa, 0, 16)) return hg_fail(err, HG_EINVAL, "kappa is %g; it must lie between 0 and 16", m->kappa);
    if (m->sigma_levels == 0 || m->sigma_levels > HG_SIGMA_LEVELS_MOST || m->sigma_low < -256 || m->sigma_low > 128 ||
        m->sigma_low + (int)m->sigma_levels - 1 > 128)
        return hg_fail(err, HG_EINVAL, "%zu signal levels from 2^(%d/16): 1 to %d levels within 2^-16 and 2^8",
                       m->sigma_levels, m->sigma_low, HG_SIGMA_LEVELS_MOST);
    if (m->epsilon != 0 && !within(m->epsilon, 0.001, 1e6))
        return hg_fail(err, HG_EINVAL, "epsilon is %g; it must be 0 (no noise) or lie between 0.001 and 1e6",
                       m->epsilon);
    if (m->epsilon > 0 && !m->fixed)
        return hg_advise(err,
                         hg_fail(err, HG_EINVAL,
                                 "differential privacy needs a fixed kernel and signal sd: what depends "
                                 "on the data cannot set the size of its own noise"),
                         "set fixed and one length, one noise, one sigma");
    if (m->epsilon > 0 && m->acquisition != HG_ACQ_UCB && m->acquisition != HG_ACQ_THOMPSON)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "differential privacy works with ucb and ts alone"),
                         "ei and pi compare with the best value, which is secret and has no noise");
    return HG_OK;
}
