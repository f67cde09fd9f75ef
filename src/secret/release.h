/* secret/release.h -- the one number beside an index that a policy may let out: the predicted mean, rounded
 *
 * The mean at the chosen candidate falls into one of 2^bits equal steps of [-8, 8] (scaled property; saturated at both ends). Only
 * the number of the step is told, at the price of `bits` bits.
 */
#ifndef HG_SECRET_RELEASE_H
#define HG_SECRET_RELEASE_H
#include "secret/run.h"

enum { HG_RELEASE_MOST = 8 };

/* level: `bits` bits, least first, still shared. onehot [n] numbers 0 and 1, authenticated in the malicious mode; mean [n] with
 * `fraction` fraction bits, |mean| < 2^(width - 2) of its units. 1 round and those of a comparison of `width` bits; 2^bits - 1 of them. */
HG_MUST_CHECK hg_status hg_release_mean(hg_bits *level, hg_run *r, const hg_share *onehot, const hg_share *mean,
                                        unsigned fraction, unsigned width, unsigned bits, hg_err *err);
#endif
