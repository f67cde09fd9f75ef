/* tensor/lanes.h -- sums and largest elements of neighbours, in loops that become vector instructions
 *
 * Thirty-two lanes, so that the order of a sum is fixed and does not depend on the instruction set, and an addition need not wait for the one
 * before; what is left over goes to the first sixteen. Blocks of lanes are added pairwise in double.
 */
#ifndef HG_TENSOR_LANES_H
#define HG_TENSOR_LANES_H
#include "num/isa.h"

enum { HG_LANES = 32, HG_HALF_LANES = HG_LANES / 2, HG_LANE_BLOCK = 4096 };

/* total (a double) += the sum over 0 <= e < n of `term`, an expression of R in e. */
#define HG_LANE_SUM(R, total, n, e, term)                                                                              \
    for (size_t block_ = 0; block_ < (n); block_ += HG_LANE_BLOCK) {                                                   \
        const size_t end_ = (n)-block_ < HG_LANE_BLOCK ? (n) : block_ + HG_LANE_BLOCK;                                 \
        R lane_[HG_LANES] = { 0 };                                                                                     \
        size_t at_ = block_;                                                                                           \
        for (; at_ + HG_LANES <= end_; at_ += HG_LANES)                                                                \
            for (size_t k_ = 0; k_ < HG_LANES; k_++) {                                                                 \
                const size_t e = at_ + k_;                                                                             \
                lane_[k_] += (term);                                                                                   \
            }                                                                                                          \
        if (at_ + HG_HALF_LANES <= end_) {                                                                             \
            for (size_t k_ = 0; k_ < HG_HALF_LANES; k_++) {                                                            \
                const size_t e = at_ + k_;                                                                             \
                lane_[k_] += (term);                                                                                   \
            }                                                                                                          \
            at_ += HG_HALF_LANES;                                                                                      \
        }                                                                                                              \
        for (size_t k_ = 0; at_ + k_ < end_; k_++) {                                                                   \
            const size_t e = at_ + k_;                                                                                 \
            lane_[k_] += (term);                                                                                       \
        }                                                                                                              \
        double wide_[HG_HALF_LANES];                                                                                   \
        for (size_t k_ = 0; k_ < HG_HALF_LANES; k_++) wide_[k_] = (double)(lane_[k_] + lane_[k_ + HG_HALF_LANES]);     \
        for (size_t k_ = 0; k_ < 8; k_++) wide_[k_] += wide_[k_ + 8];                                                  \
        for (size_t k_ = 0; k_ < 4; k_++) wide_[k_] += wide_[k_ + 4];                                                  \
        (total) += (wide_[0] + wide_[2]) + (wide_[1] + wide_[3]);                                                      \
    }

/* best = the largest of best and x[n]. NaN is left out when x has it: who sums the exponentials afterwards finds it there. */
#define HG_LANE_MAX(R, best, x, n)                                                                                     \
    do {                                                                                                               \
        R lane_[HG_LANES];                                                                                             \
        for (size_t k_ = 0; k_ < HG_LANES; k_++) lane_[k_] = (best);                                                   \
        size_t at_ = 0;                                                                                                \
        for (; at_ + HG_LANES <= (n); at_ += HG_LANES)                                                                 \
            for (size_t k_ = 0; k_ < HG_LANES; k_++)                                                                   \
                lane_[k_] = (x)[at_ + k_] > lane_[k_] ? (x)[at_ + k_] : lane_[k_];                                     \
        if (at_ + HG_HALF_LANES <= (n)) {                                                                              \
            for (size_t k_ = 0; k_ < HG_HALF_LANES; k_++)                                                              \
                lane_[k_] = (x)[at_ + k_] > lane_[k_] ? (x)[at_ + k_] : lane_[k_];                                     \
            at_ += HG_HALF_LANES;                                                                                      \
        }                                                                                                              \
        for (size_t k_ = 0; at_ + k_ < (n); k_++) lane_[k_] = (x)[at_ + k_] > lane_[k_] ? (x)[at_ + k_] : lane_[k_];   \
        for (size_t k_ = 0; k_ < HG_LANES; k_++) (best) = lane_[k_] > (best) ? lane_[k_] : (best);                     \
    } while (0)
#endif
