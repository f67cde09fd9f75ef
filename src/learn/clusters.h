/* learn/clusters.h -- groups of like rows, by k-means of their numbers
 *
 * Numbers are scaled to unit variance and, where there are many, projected on HG_CLUSTER_AXES random directions (Johnson and
 * Lindenstrauss 1984), so that a pass costs little whatever the descriptor. Seeds by k-means++ (Arthur and Vassilvitskii, SODA 2007),
 * then Lloyd's passes until nothing moves. No target is looked at.
 */
#ifndef HG_LEARN_CLUSTERS_H
#define HG_LEARN_CLUSTERS_H
#include "learn/learner.h"

enum { HG_CLUSTER_AXES = 16, HG_CLUSTERS_MOST = 64 };

/* part[n] in 0 .. *found - 1, the largest group first; *found is less than `parts` (1 .. HG_CLUSTERS_MOST) where rows do not differ in
 * so many ways. The same rows and seed give the same parts. Errors: HG_EINVAL, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_rows_clusters(size_t *part, size_t *found, const hg_rows *rows, size_t parts, uint64_t seed,
                                         hg_err *err);
#endif
