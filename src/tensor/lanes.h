/* tensor/lanes.h -- sums and largest elements of neighbours, in loops that become vector instructions
 *
 * Sixteen lanes, so that the order of a sum is fixed and does not depend on the instruction set; blocks of lanes are added in double.
 */
#ifndef HG_TENSOR_LANES_H
#define HG_TENSOR_LANES_H
#include "num/isa.h"

enum { HG_LANES = 16, HG_LANE_BLOCK = 4096 };

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
        for (size_t k_ = 0; at_ + k_ < end_; k_++) {                                                                   \
            const size_t e = at_ + k_;                                                                                 \
            lane_[k_] += (term);                                                                                       \
        }                                                                                                              \
        for (size_t k_ = 0; k_ < HG_LANES; k_++) (total) += (double)lane_[k_];                                         \
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
        for (size_t k_ = 0; at_ + k_ < (n); k_++) lane_[k_] = (x)[at_ + k_] > lane_[k_] ? (x)[at_ + k_] : lane_[k_];   \
        for (size_t k_ = 0; k_ < HG_LANES; k_++) (best) = lane_[k_] > (best) ? lane_[k_] : (best);                     \
    } while (0)
#endif
