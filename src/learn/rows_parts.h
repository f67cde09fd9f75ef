/* learn/rows_parts.h -- predictions of rows, some at a time, over a pool
 *
 * Borders of the parts depend on the number of rows alone, so that the bits are the same for any number of threads.
 */
#ifndef HG_LEARN_ROWS_PARTS_H
#define HG_LEARN_ROWS_PARTS_H
#include "hagane/core.h"

enum { HG_ROWS_PART = 480 /* at most in a part */ };

/* Predicts the rows begin .. begin + n - 1; several threads call it at a time. Errors: HG_ENOMEM. */
typedef hg_status (*hg_rows_part)(const void *ctx, size_t begin, size_t n);

/* All n rows; the first part that failed is the error. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_parts(hg_rows_part part, const void *ctx, size_t n, hg_pool *pool, hg_err *err);
#endif
