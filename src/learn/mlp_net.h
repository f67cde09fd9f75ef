/* learn/mlp_net.h -- one network in training: parameters, moments, and what a step needs; see learn/mlp.h */
#ifndef HG_LEARN_MLP_NET_H
#define HG_LEARN_MLP_NET_H
#include "learn/mlp.h"

typedef struct {
    hg_mlp_shape shape;
    hg_params *p; /* of layer l: number 2 l its weights, 2 l + 1 its bias */
    hg_optimizer *o;
    uint16_t *rounded[HG_MLP_LAYERS]; /* [out][hg_bf16_row(in)] weights as products take them (tensor/bf16.h) */
    bool fresh;                       /* these are the weights' */
} hg_mlp_net;

/* Room for the steps of any of the networks, one a thread: rows of a batch lie in the lanes, an array is [features, rows]. */
typedef struct {
    uint16_t *x;          /* [batch][hg_bf16_row(inputs)] rows of the batch, where they are not rounded already */
    const uint16_t **row; /* [batch] where they are */
    float *y;             /* [batch] */
    float *z[HG_MLP_LAYERS], *a[HG_MLP_LAYERS]; /* [out, batch] before and after the activation */
    float *g[2];                                /* [width, batch] gradients with respect to z and a */
    float *strip;                               /* some rows of a weight gradient */
    uint16_t *packed, *room;                    /* of tensor/bf16.h */
} hg_mlp_room;

HG_MUST_CHECK hg_status hg_mlp_net_make(hg_mlp_net *net, const hg_mlp_shape *s, const hg_mlp_opts *opts, uint64_t seed,
                                        hg_err *err);
void hg_mlp_net_free(hg_mlp_net *net);
/* For widths up to those of `most`, in an arena. */
HG_MUST_CHECK hg_status hg_mlp_room_make(hg_mlp_room *r, const hg_mlp_shape *most, size_t batch, hg_arena *mem,
                                         hg_err *err);
/* Weights were changed from outside. */
void hg_mlp_net_changed(hg_mlp_net *net);
/* One step from the rows index[m]. Weight gradients are never a whole: a strip of rows becomes weights while it is in the first cache. HG_ENAN. */
HG_MUST_CHECK hg_status hg_mlp_net_step(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index,
                                        size_t m, const hg_mlp_opts *opts, double rate, hg_err *err);
/* Sum of the errors of the rows index[m]: absolute ones, or cross-entropies. */
double hg_mlp_net_errors(const hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                         const hg_mlp_opts *opts);
/* Sum of the losses of the rows index[m], and the gradient of their mean, in place of that of the parameters. */
double hg_mlp_net_gradient(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                           const hg_mlp_opts *opts);
#endif
