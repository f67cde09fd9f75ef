/* models/qdf_train.h -- Quantum Deep Field from scratch, as its authors train it, in the trainer of all networks (hagane/train.h)
 *
 * Two steps of one Adam a batch: after the mean square error of the energies (over molecules, eV^2), then after that of the potential (over all
 * points of the batch), which has the orbitals in common with the first. Batches of 4, learning rate 1e-4, halved every 200 epochs, no weight
 * decay; first values are PyTorch's for the layers that the authors use (models/qdf.h). The authors sum the two losses over batches;
 * the trainer's log has their mean over molecules: theirs divided by the number of batches.
 *
 * A batch is cut into at most HG_QDF_SLOTS pieces of molecules, whose gradients are added in their order: borders depend on the batch
 * alone, so that any number of threads gives the same bits. Each piece has a gradient buffer of its own, 1.6 MB at width 250. Grids and
 * potentials are made anew each time, 1 % of a step; all of them at once would take 250 MB for 11,831 molecules.
 */
#ifndef HG_MODELS_QDF_TRAIN_H
#define HG_MODELS_QDF_TRAIN_H
#include "hagane/train.h"
#include "models/qdf.h"

enum { HG_QDF_SLOTS = 8, HG_QDF_PHASES = 2 /* energy, potential */ };

typedef struct {
    size_t n;
    hg_molecule *const *m; /* [n] borrowed */
    const double *e;       /* [n] eV */
} hg_qdf_data;

typedef struct {
    size_t dim; /* D, width of orbitals and energy; default 250 */
    size_t hk;  /* H, width of the map from density to potential, a function of one number; 0: as dim; default 0 */
    hg_train_opts train; /* default as above, 2,000 epochs; several ranks must have the same options and data */
} hg_qdf_opts;
hg_qdf_opts hg_qdf_opts_default(void);

/* A new model. Its first values come from train.seed; it is left with the best mean absolute error of validation (eV, the metric), and with the
 * last values where validation is empty. validation may be NULL. Errors: HG_EDATA nothing to learn from, atoms at one place; HG_ENOTFOUND an
 * element without orbitals; HG_ENAN an energy that is no number, a loss that is not finite; those of hg_train. */
HG_MUST_CHECK hg_status hg_qdf_fit(hg_qdf **out, hg_train_result *result, const hg_qdf_data *train,
                                   const hg_qdf_data *validation, const hg_qdf_opts *opts, hg_err *err);

/* What the trainer is given, for a model and data that are borrowed: hg_qdf_fit without its first and last step. */
typedef struct hg_qdf_lesson hg_qdf_lesson;
HG_MUST_CHECK hg_status hg_qdf_lesson_new(hg_qdf_lesson **out, hg_qdf *q, const hg_qdf_data *train,
                                          const hg_qdf_data *validation, hg_pool *pool, hg_err *err);
const hg_trainable *hg_qdf_lesson_trainable(const hg_qdf_lesson *l);
void hg_qdf_lesson_free(hg_qdf_lesson *l);

#endif
