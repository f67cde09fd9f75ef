/* models/botan_train.h -- BOTAN from snapshots with labels, in the trainer of all networks (hagane/train.h)
 *
 * As the authors train it: one snapshot a step, Adam with rate 1e-4, gradients cut to length 1, a random one of the 48 orientations each time a
 * snapshot is drawn; first on edges alone (p = 0: "edge pretraining"), then on nodes and edges (p = 0.4). The metric is 1 - rho: Pearson's
 * correlation with the labels in each validation snapshot, averaged; of nodes of species A, or, where p = 0, of edges between A that are shorter
 * than 1.35.
 */
#ifndef HG_MODELS_BOTAN_TRAIN_H
#define HG_MODELS_BOTAN_TRAIN_H
#include "hagane/train.h"
#include "models/botan.h"

#define HG_BOTAN_SCORED 1.35 /* longest edge that is scored */

typedef struct {
    size_t n;
    const hg_botan_graph *const *graph;  /* [n] borrowed */
    const hg_botan_labels *const *label; /* [n] */
} hg_botan_data;

typedef struct {
    double p;            /* share of the nodes in the loss, 0 .. 1; default 0.4 */
    bool turn;           /* orientations at random; default true */
    hg_train_opts train; /* default as above, 100 epochs */
} hg_botan_opts;
hg_botan_opts hg_botan_opts_default(void);

/* b, which may have learned before, is left with the best metric, or with the last values where validation is NULL or empty. Errors: HG_EINVAL
 * p out of range; HG_EDATA nothing to learn from, a snapshot without the labels that p asks for; HG_ENAN a loss that is not finite; those of hg_train. */
HG_MUST_CHECK hg_status hg_botan_fit(hg_botan *b, hg_train_result *result, const hg_botan_data *train,
                                     const hg_botan_data *validation, const hg_botan_opts *opts, hg_err *err);

/* rho of labels and predictions that are numbers: of nodes of one species, and of edges between two of that species shorter than `longest`; NaN: fewer than two. */
double hg_botan_rho_nodes(const hg_botan_graph *g, const float *node, const float *label, unsigned species);
double hg_botan_rho_edges(const hg_botan_graph *g, const float *edge, const float *label, unsigned species,
                          double longest);
#endif
