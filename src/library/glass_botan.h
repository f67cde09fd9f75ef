/* library/glass_botan.h -- BOTAN trained to a folder, as models of liquids are: see library/glass.h and models/botan_train.h */
#ifndef HG_LIBRARY_GLASS_BOTAN_H
#define HG_LIBRARY_GLASS_BOTAN_H
#include "library/glass.h"
#include "models/botan_train.h"

typedef struct {
    double time;            /* of the labels that are learned; default NaN: the last one */
    size_t pair_epochs;     /* on pairs alone, before; default 0 */
    size_t epochs;          /* on particles and pairs; default 20 */
    double rate;            /* learning rate; default 1e-4 */
    uint64_t seed;          /* of first values, order and orientations; default 0 */
    const char *start;      /* weights to begin with: safetensors, or the authors' flat floats; default NULL: none */
    const char *checkpoint; /* goes on from there if it exists, that of pairs ends in ".pairs"; default NULL: none */
} hg_glass_botan_opts;
hg_glass_botan_opts hg_glass_botan_opts_default(void);

typedef struct {
    double time;
    size_t train, validation; /* snapshots */
    size_t best_epoch;        /* from 1; 0 without validation */
    double rho;               /* of A particles of validation snapshots, mean; NaN: there are none */
} hg_glass_botan_result;

/* l->state is the thermal one whatever it says. The last tenth of four snapshots and more is for validation, whole liquids; the epoch with the best
 * correlation is kept. Where a snapshot has no labels of pairs particles alone are learned. All graphs are in memory, 25 bytes an edge. Errors: those of reading and of hg_botan_fit; HG_EDATA nothing to learn from,
 * labels that lack the time; HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_glass_train_botan(hg_glass_botan_result *out, const char *folder, hg_snapshot_set *set,
                                             const hg_glass_lessons *l, const hg_glass_botan_opts *opts, hg_err *err);
#endif
