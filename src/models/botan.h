/* models/botan.h -- BOTAN as published: from the positions of a liquid to who will move, and which bonds will stretch
 *
 * Shiba, Hanai, Suzumura & Shimokawabe, J. Chem. Phys. 158, 084503 (2023). Particles are nodes, and each pair closer than 2 sigma_AA is two
 * directed edges. Each MLP has a ReLU after every layer but the decoder's last:
 *   x = MLP 1-64-64 (species as 0 or 1),  e = MLP 3-64-64 (x_to - x_from)                                  encoder
 *   7 times, with the same weights:  e <- MLP 256-64-64 (x_from, x_to, e, e_encoded),
 *                                    x <- MLP 192-64-64 (x, x_encoded, sum over edges into it of e)        processor
 *   propensity = MLP 64-64-64-1 (x),  stretch = the same MLP (e)                                           decoder
 * 54,209 parameters, under the names of the authors' weights. One model is for one time and one temperature. It sees the thermal positions alone.
 *
 *   botan.c         parameters, graphs, files
 *   botan_pass.c    forward, and backward by hand; botan_kernel.c has the inner loops
 *   botan_tape.c    the plain version: the formulae above on the tape
 *   botan_train.c   what the trainer is given
 *
 * The first layer of an edge is split: what comes from its ends is computed once a node, what comes from e_encoded once an edge. So 4096
 * particles with 166,240 edges cost 22 GFLOP instead of 48.6.
 */
#ifndef HG_MODELS_BOTAN_H
#define HG_MODELS_BOTAN_H
#include "hagane/params.h"
#include "hagane/snapshot.h"
#include "models/botan_kernel.h"

enum { HG_BOTAN_STEPS = 7, HG_BOTAN_PARAMETERS = 54209, HG_BOTAN_SLOTS = 8 /* pieces of a gradient */ };
#define HG_BOTAN_RANGE 2.0 /* sigma_AA */

/* ---- the model ------------------------------------------------------------------------------------------------------ */

/* Where weights and biases begin in the buffer; weights are [outputs, inputs]. */
typedef struct {
    size_t node_w[2], node_b[2], edge_w[2], edge_b[2]; /* encoder */
    size_t meet_w[2], meet_b[2]; /* edges of the processor: inputs are x_from, x_to, e, e_encoded */
    size_t move_w[2], move_b[2]; /* its nodes: x, x_encoded, sum of e */
    size_t decoder_w[3], decoder_b[3];
    size_t count; /* floats of the buffer */
} hg_botan_layout;

/* What it has learned from; NaN: not known. */
typedef struct {
    double time, coldest, hottest; /* temperatures */
    double p;                      /* share of the particles in the loss; 1: it knows nothing of pairs */
} hg_botan_about;

typedef struct {
    hg_params *params;
    hg_botan_layout l;
    float *w, *grad; /* of params; grad NULL for fixed ones */
    hg_botan_about about;
} hg_botan;

/* First values are PyTorch's for such layers, from opts->seed; opts NULL: defaults. */
HG_MUST_CHECK hg_status hg_botan_new(hg_botan **out, const hg_params_opts *opts, hg_err *err);
/* A safetensors file, with `about` in its notes. Errors: those of hg_params_load; HG_EPARSE a note that is no number. */
HG_MUST_CHECK hg_status hg_botan_load(hg_botan **out, const char *path, const hg_params_opts *opts, hg_err *err);
HG_MUST_CHECK hg_status hg_botan_save(const hg_botan *b, const char *path, hg_err *err);
/* The authors' weights as they are stored flat: 54,209 little-endian floats in the order of their names, nothing else. On an error no value has
 * changed. Errors: HG_EDATA another length; HG_ENAN a number that is not finite; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_botan_read_flat(hg_botan *b, const char *path, hg_err *err);
void hg_botan_free(hg_botan *b);

/* ---- what it looks at ------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t n, edges;
    const uint8_t *species; /* [n] 0 or 1 */
    uint32_t *first;        /* [n+1] the edges into node i are first[i] .. first[i+1] - 1 */
    uint32_t *from, *to;    /* [edges] ordered by `to`, then by `from` */
    float *d;               /* [edges,3] x_to - x_from by the nearest image */
} hg_botan_graph;

/* In `mem`; species is borrowed. Errors: HG_EDATA a third species; those of hg_neighbours_find. */
HG_MUST_CHECK hg_status hg_botan_graph_make(hg_botan_graph *g, const hg_snapshot *s, hg_arena *mem, hg_err *err);
/* The edge from -> to; SIZE_MAX: there is none. */
size_t hg_botan_edge(const hg_botan_graph *g, size_t from, size_t to);
/* out[edges,3] = d in another orientation: `which` of the 48 rotations and reflections of a cube; 0 is d itself. */
void hg_botan_turn(float *out, const hg_botan_graph *g, unsigned which);

/* What is to be predicted; NaN: not known. */
typedef struct {
    float *node, *edge;  /* [n], [edges] */
    size_t nodes, edges; /* known */
} hg_botan_labels;
/* Of time number `time` of s. Both directions of a pair have its stretch. Errors: HG_EINVAL no such time; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_botan_labels_make(hg_botan_labels *y, const hg_botan_graph *g, const hg_snapshot *s,
                                             size_t time, hg_arena *mem, hg_err *err);

/* ---- what it says ------------------------------------------------------------------------------------------------------- */

/* Memory that grows to what the largest graph needs, and is kept. */
typedef struct {
    float *p;
    size_t size, used;
} hg_botan_room;
void hg_botan_room_free(hg_botan_room *r);

/* node[n] and edge[edges]; either may be NULL. The same bits for any number of threads. Errors: HG_ENOMEM; HG_ENAN the weights give no
 * number. */
HG_MUST_CHECK hg_status hg_botan_forward(float *node, float *edge, const hg_botan *b, const hg_botan_graph *g,
                                         hg_botan_room *room, hg_pool *pool, hg_err *err);

/* *loss = p mean over nodes of (node - y)^2 + (1 - p) mean over edges of (edge - y)^2, and grad[l.count] += scale d loss / dw. Nodes or edges none
 * of which is known count nothing. d[edges,3] stands for g->d (hg_botan_turn); NULL: g->d. 1 GB for 166,240 edges. Errors: as above. */
HG_MUST_CHECK hg_status hg_botan_learn(double *loss, float *grad, const hg_botan *b, const hg_botan_graph *g,
                                       const float *d, const hg_botan_labels *y, double p, double scale,
                                       hg_botan_room *room, hg_pool *pool, hg_err *err);
#endif
