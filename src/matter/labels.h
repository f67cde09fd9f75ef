/* matter/labels.h -- labels of a snapshot out of runs that begin at it: propensities, stretches of pairs, and those of half the runs
 *
 *   HG_TRY(hg_labels_begin(&l, s, runs, time, n_times, 2.0, mem, err));
 *   hg_labels_add(l, t, run, moved);            each run at each time, once, in any order of times
 *   hg_labels_end(l);                           s->propensity, s->stretch ... are there
 *
 * Sums are double and in the order of the calls: runs in the same order give the same bits.
 */
#ifndef HG_MATTER_LABELS_H
#define HG_MATTER_LABELS_H
#include "hagane/snapshot.h"

typedef struct hg_labels hg_labels;

/* Pairs are those closer than `range` in s->x, 0: no pairs. Labels of s that were there are forgotten. All of it lies in mem.
 * Errors: HG_EINVAL runs or n_times 0, times that do not ascend; those of hg_neighbours_find. */
HG_MUST_CHECK hg_status hg_labels_begin(hg_labels **out, hg_snapshot *s, size_t runs, const double *time,
                                        size_t n_times, double range, hg_arena *mem, hg_err *err);
/* moved[n,3]: displacements of all particles in run number `run` (from 0: its half is that of even or odd numbers) up to time t. */
void hg_labels_add(hg_labels *l, size_t t, size_t run, const double *moved);
void hg_labels_end(hg_labels *l);
#endif
