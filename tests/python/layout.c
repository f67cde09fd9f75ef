/* tests/python/layout.c -- sizes and offsets of every struct that python/hagane.py declares, for test_hagane.py to compare
 *
 * One line each: "struct NAME SIZE", then "field NAME OFFSET SIZE" for its fields in order. A field that was added at the
 * end of a struct changes its size, so that a list here that has become too short is noticed as well.
 */
#include "hagane/hagane.h"
#include <stdio.h>

#define S(type)        printf("struct %s %zu\n", #type, sizeof(type))
#define F(type, field) printf("field %s %zu %zu\n", #field, offsetof(type, field), sizeof(((type *)0)->field))

int main(void) {
    S(hg_err), F(hg_err, code), F(hg_err, msg), F(hg_err, hint), F(hg_err, line), F(hg_err, column);
    S(hg_hooks), F(hg_hooks, log), F(hg_hooks, progress), F(hg_hooks, user);
    S(hg_rng), F(hg_rng, key), F(hg_rng, counter), F(hg_rng, buffer), F(hg_rng, used), F(hg_rng, has_normal);
    F(hg_rng, normal);
    S(hg_species), F(hg_species, z), F(hg_species, a), F(hg_species, amount);
    S(hg_composition), F(hg_composition, n), F(hg_composition, species);
    S(hg_column), F(hg_column, name), F(hg_column, unit), F(hg_column, kind), F(hg_column, number);
    F(hg_column, missing), F(hg_column, first_missing), F(hg_column, file_column);
    S(hg_csv_opts), F(hg_csv_opts, separator), F(hg_csv_opts, decimal), F(hg_csv_opts, missing);
    F(hg_csv_opts, n_missing), F(hg_csv_opts, text), F(hg_csv_opts, n_text), F(hg_csv_opts, only);
    F(hg_csv_opts, n_only), F(hg_csv_opts, sample), F(hg_csv_opts, max_bytes), F(hg_csv_opts, hooks);
    S(hg_gp_opts), F(hg_gp_opts, kernel), F(hg_gp_opts, group), F(hg_gp_opts, learn), F(hg_gp_opts, params);
    F(hg_gp_opts, n_params), F(hg_gp_opts, noise_sd), F(hg_gp_opts, standardise), F(hg_gp_opts, x_shift);
    F(hg_gp_opts, x_scale), F(hg_gp_opts, restarts), F(hg_gp_opts, exact_max), F(hg_gp_opts, inducing);
    F(hg_gp_opts, prior_strength), F(hg_gp_opts, seed), F(hg_gp_opts, pool);
    S(hg_features_opts), F(hg_features_opts, columns), F(hg_features_opts, n_columns), F(hg_features_opts, exclude);
    F(hg_features_opts, n_exclude), F(hg_features_opts, formula), F(hg_features_opts, descriptor);
    F(hg_features_opts, max_levels);
    S(hg_feature_group), F(hg_feature_group, column), F(hg_feature_group, kind), F(hg_feature_group, first);
    F(hg_feature_group, dim);
    S(hg_objective), F(hg_objective, column), F(hg_objective, maximize);
    S(hg_requirement), F(hg_requirement, column), F(hg_requirement, above), F(hg_requirement, limit);
    S(hg_suggest_opts), F(hg_suggest_opts, objective), F(hg_suggest_opts, n_objectives), F(hg_suggest_opts, require);
    F(hg_suggest_opts, n_require), F(hg_suggest_opts, failed), F(hg_suggest_opts, cost), F(hg_suggest_opts, features);
    F(hg_suggest_opts, acquisition), F(hg_suggest_opts, ucb_kappa), F(hg_suggest_opts, prior),
        F(hg_suggest_opts, n_prior);
    F(hg_suggest_opts, kernel);
    F(hg_suggest_opts, batch), F(hg_suggest_opts, monte_carlo), F(hg_suggest_opts, even_pool), F(hg_suggest_opts, seed),
        F(hg_suggest_opts, pool);
    F(hg_suggest_opts, hooks);
    S(hg_suggestion), F(hg_suggestion, row), F(hg_suggestion, mean), F(hg_suggestion, sd), F(hg_suggestion, p_improve);
    F(hg_suggestion, p_feasible), F(hg_suggestion, score), F(hg_suggestion, neighbour);
    F(hg_suggestion, n_neighbours), F(hg_suggestion, distance), F(hg_suggestion, x), F(hg_suggestion, why);
    S(hg_loo), F(hg_loo, n), F(hg_loo, row), F(hg_loo, y), F(hg_loo, mean), F(hg_loo, sd), F(hg_loo, rmse);
    F(hg_loo, rmse_mean), F(hg_loo, coverage90), F(hg_loo, max_abs_z), F(hg_loo, max_abs_z_row);
    F(hg_loo, better_than_mean), F(hg_loo, words);
    S(hg_suggestions), F(hg_suggestions, suggestion), F(hg_suggestions, n), F(hg_suggestions, loo);
    F(hg_suggestions, n_objectives), F(hg_suggestions, best), F(hg_suggestions, best_row), F(hg_suggestions, front);
    F(hg_suggestions, n_front), F(hg_suggestions, pool_mean), F(hg_suggestions, pool_sd);
    F(hg_suggestions, pool_score), F(hg_suggestions, pool_row), F(hg_suggestions, n_pool);
    F(hg_suggestions, relevance), F(hg_suggestions, n_groups), F(hg_suggestions, features);
    F(hg_suggestions, model_words), F(hg_suggestions, acquisition), F(hg_suggestions, warnings);
    F(hg_suggestions, measured), F(hg_suggestions, candidates), F(hg_suggestions, points);
    S(hg_replay_opts), F(hg_replay_opts, initial), F(hg_replay_opts, budget), F(hg_replay_opts, runs);
    F(hg_replay_opts, average_duplicates);
    S(hg_reach), F(hg_reach, median), F(hg_reach, q90), F(hg_reach, max), F(hg_reach, unreached);
    S(hg_replay_result), F(hg_replay_result, n_pool), F(hg_replay_result, runs), F(hg_replay_result, budget);
    F(hg_replay_result, initial), F(hg_replay_result, to_95), F(hg_replay_result, to_99), F(hg_replay_result, to_top5);
    F(hg_replay_result, random_95), F(hg_replay_result, random_99), F(hg_replay_result, random_top5);
    F(hg_replay_result, best_so_far), F(hg_replay_result, random_best), F(hg_replay_result, y_best);
    F(hg_replay_result, words);
    S(hg_bytes), F(hg_bytes, data), F(hg_bytes, len);
    S(hg_report), F(hg_report, suggestions), F(hg_report, replay), F(hg_report, objective), F(hg_report, n_objectives);
    F(hg_report, title), F(hg_report, label), F(hg_report, footer);
    return 0;
}
