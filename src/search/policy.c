/* search/policy.c -- see search/policy.h */
#include "search/policy.h"

const hg_policy HG_POLICY = {
    .kernel = "matern52",
    .kappa_few = 1.7,
    .kappa_many = 2,
    .tie = 1e-6,
    .most_ties = 256,
    .joint = 256,
    .work = 1e9,
    .least_members = 8,
    .largest_value = 1e100,
    .repeat_noise = 0.25,
    .failure_length = 0.2,
    .failure_prior = 1,
    .least_feasible = 1e-12,
    .chunk = 4096,
    .qei_samples = 512,
    .qei_shortlist = 1000,
    .space_points = 4096,
    .space_starts = 4,
    .space_moves = 128,
    .check_points = 8,
    .random_orders = 2000,
};
