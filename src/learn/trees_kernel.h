/* learn/trees_kernel.h -- what a split at random costs: passes over the rows of a node, all features side by side
 *
 * Rows lie as x[n,d]. A loop over features inside one over rows reads each row once, as it lies, and becomes vector instructions: a node
 * of m rows is split in two passes of d m / 8 steps, where going through the columns one by one waits for memory at each number.
 */
#ifndef HG_LEARN_TREES_KERNEL_H
#define HG_LEARN_TREES_KERNEL_H
#include <stddef.h>
#include <stdint.h>

/* lo[d] and hi[d]: least and largest of each feature over rows row[m] of x[.,d]; m > 0. */
void hg_tree_ranges(float *lo, float *hi, const float *x, const uint32_t *row, size_t m, size_t d);
/* count[d] += rows with x <= threshold[d], sum[d] += their y[m]. */
void hg_tree_left(float *count, float *sum, const float *threshold, const float *x, const uint32_t *row, const float *y,
                  size_t m, size_t d);
/* count[classes,d] += rows of each class with x <= threshold[d]. */
void hg_tree_left_classes(float *count, const float *threshold, const float *x, const uint32_t *row,
                          const uint32_t *of_class, size_t m, size_t d);
#endif
