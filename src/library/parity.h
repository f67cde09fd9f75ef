/* library/parity.h -- predicted against known values of rows that were left out, with their intervals, as a picture */
#ifndef HG_LIBRARY_PARITY_H
#define HG_LIBRARY_PARITY_H
#include "hagane/figure.h"
#include "hagane/predictor.h"

typedef struct {
    const char *name; /* in the legend */
    const hg_fold *fold;
    size_t n_folds;
    bool faint;  /* to compare with: rings without intervals */
    bool parted; /* rows called outside, and values beyond all that was learned, with markers of their own */
} hg_parity;

enum { HG_PARITY_MOST = 8 };

/* Of the column `target`, whose name has its unit. The axes are logarithmic where values are positive and span two decades. Intervals
 * are drawn for some hundred rows of a kind at most, evenly from all of them. Errors: HG_EINVAL more than HG_PARITY_MOST; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_parity_figure(hg_bytes *out, const hg_parity *p, size_t n, const char *target,
                                         hg_figure_format format, hg_err *err);
#endif
