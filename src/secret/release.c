/* secret/release.c -- see secret/release.h: a thermometer of public thresholds becomes one-hot by local XORs, and its index the answer */
#include "secret/release.h"
#include "secret/compare.h"
#include "secret/gp_grid.h"

enum { RANGE_BITS = 4 }; /* [-8, 8] is 16 units wide */

hg_status hg_release_mean(hg_bits *level, hg_run *r, const hg_share *onehot, const hg_share *mean, unsigned fraction,
                          unsigned width, unsigned bits, hg_err *err) {
    if (bits < 1 || bits > HG_RELEASE_MOST)
        return hg_fail(err, HG_EINVAL, "%u bits of a mean cannot be released, expected 1 to %d", bits, HG_RELEASE_MOST);
    const size_t levels = (size_t)1 << bits;
    uint64_t threshold[HG_RING_LIMBS << HG_RELEASE_MOST];
    hg_share value;
    hg_bits reached, step;
    for (size_t k = 1; k < levels; k++) {
        uint64_t *t = threshold + (k - 1) * mean->limbs;
        hg_ring_from_int(t, (int64_t)k - (int64_t)(levels / 2), mean->limbs);
        hg_ring_shift_left(t, t, fraction + RANGE_BITS - bits, 1, mean->limbs);
    }
    HG_TRY(hg_inner(r, &value, onehot, mean, 1, mean->n, err));
    HG_TRY(hg_run_round(r, err));
    HG_TRY(hg_at_least(r, &reached, &value, threshold, levels - 1, width, err));
    HG_TRY(hg_bits_new(&step, r, levels, err));
    for (unsigned s = 0; s < hg_run_copies(r); s++)
        for (size_t k = 1; k < levels;
             k++) { /* step k is reached, step k + 1 is not; step 0 adds nothing to an index */
            const uint64_t here = reached.slot[s][(k - 1) / 64] >> (k - 1) % 64 & 1;
            const uint64_t next = k + 1 < levels ? reached.slot[s][k / 64] >> k % 64 & 1 : 0;
            step.slot[s][k / 64] |= (here ^ next) << k % 64;
        }
    return hg_onehot_index(level, r, &step, err);
}
