/* tests/secret/test_gp_grid.c -- what a policy may fix, and what is refused in words */
#include "secret/gp_grid.h"
#include "test.h"

static void the_default_is_valid_and_its_medians_are_grid_values(void **state) {
    (void)state;
    hg_secret_model m;
    hg_err err;
    hg_secret_model_default(&m);
    assert_ok_err(hg_secret_model_check(&m, &err), err);
    assert_int_equal(m.n_length * m.n_noise, 64);
    assert_true(m.matern && m.kappa == 2 && m.acquisition == HG_ACQ_UCB && m.epsilon == 0);
    size_t found = 0;
    for (size_t i = 0; i < m.n_length; i++) found += m.length[i] == m.length_centre;
    for (size_t i = 0; i < m.n_noise; i++) found += m.noise[i] == m.noise_centre;
    assert_int_equal(found, 2);
}

static void every_tier_has_its_words(void **state) {
    (void)state;
    assert_contains(hg_tier_words(HG_TIER_PROPERTIES), "candidates and which of them were measured are public");
    assert_contains(hg_tier_words(HG_TIER_INDICES), "which one is proposed are hidden");
    assert_contains(hg_tier_words(HG_TIER_COMPOSITIONS), "compositions");
    assert_string_equal(hg_tier_words((hg_tier)0), "no such tier");
    assert_string_equal(hg_tier_words((hg_tier)4), "no such tier");
}

static void bad_models_are_refused_in_words(void **state) {
    (void)state;
    hg_secret_model m;
    hg_err err;
#define REFUSED(change, words)                                                                                         \
    do {                                                                                                               \
        hg_secret_model_default(&m);                                                                                   \
        change;                                                                                                        \
        assert_int_equal(hg_secret_model_check(&m, &err), HG_EINVAL);                                                  \
        assert_contains(err.msg, words);                                                                               \
    } while (0)
    REFUSED(m.n_length = 0, "0 length values");
    REFUSED(m.n_noise = 200, "200 noise values");
    REFUSED(m.n_noise = 9; for (size_t i = 0; i < 9; i++) m.noise[i] = 0.01 * (double)(i + 1), "more than 128");
    REFUSED(m.length[3] = NAN, "length value 4");
    REFUSED(m.length[1] = m.length[0], "not above the one before");
    REFUSED(m.noise[0] = 1e-5, "between 0.0001 and 1");
    REFUSED(m.length_centre = 0, "median length");
    REFUSED(m.noise_sd = INFINITY, "sd of ln noise");
    REFUSED(m.acquisition = HG_ACQ_EHVI, "does not work on secret data");
    REFUSED(m.acquisition = (hg_acquisition)99, "does not work on secret data");
    REFUSED(m.kappa = -1, "kappa");
    REFUSED(m.sigma_levels = 0, "signal levels");
    REFUSED(m.sigma_levels = 257, "signal levels");
    REFUSED(m.sigma_low = 0, "signal levels");
    REFUSED(m.epsilon = -1, "epsilon");
    REFUSED(m.epsilon = NAN, "epsilon");
    REFUSED(m.epsilon = 1, "differential privacy needs a fixed kernel");
    REFUSED(m.epsilon = 1; m.fixed = true; m.acquisition = HG_ACQ_EI, "ucb and ts alone");
    hg_secret_model_default(&m);
    m.epsilon = 1;
    m.fixed = true;
    assert_ok(hg_secret_model_check(&m, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_default_is_valid_and_its_medians_are_grid_values),
        TEST(every_tier_has_its_words),
        TEST(bad_models_are_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
