/* learn/mlp_net.c -- a step of one network; see learn/mlp_net.h
 *
 * With A_l[in, rows] and Z_l[out, rows]: Z = W A + b, and on the way back dW = dZ A', db = dZ 1, dA = W' dZ. The first layer reads the
 * rows of the table where they lie, and needs no dA. Weights have a rounded copy beside them, which a step writes while they are in the first cache. In a step the rows of dW come in strips, each of which goes through Adam while it is in the first cache;
 * hg_mlp_net_gradient is the plain version beside it.
 */
#include "learn/mlp_net.h"
#include "core/memory.h"
#include "num/isa.h"
#include "tensor/bf16.h"
#include "tensor/op.h"
#include "tensor/optimizer.h"
#include "tensor/params.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    DEPTH = 512,          /* at most what hg_bf16_room looks at */
    STRIP = HG_MLP_WIDTH, /* numbers of a weight gradient at once, or ROWS rows; and those of a bias */
    ROWS = 6              /* of a tile */
};

/* ---- set-up ------------------------------------------------------------------------------------------------------ */

static hg_status make(hg_mlp_net *net, const hg_mlp_opts *opts, uint64_t seed, hg_err *err) {
    hg_params_opts po = hg_params_opts_default();
    po.seed = seed;
    HG_TRY(hg_params_new(&net->p, &po, err));
    for (size_t l = 0; l < net->shape.layers; l++) {
        const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
        hg_params_add(net->p, HG_SHAPE(out, in), hg_init_linear(in), "w%zu", l);
        hg_params_add(net->p, HG_SHAPE(out), hg_init_linear(in), "b%zu", l);
    }
    HG_TRY(hg_params_seal(net->p, err));
    for (size_t l = 0; l < net->shape.layers; l++) {
        const size_t row = hg_bf16_row(net->shape.width[l]);
        net->rounded[l] = hg_aligned(net->shape.width[l + 1] * row * sizeof *net->rounded[l]);
        if (!net->rounded[l]) return hg_fail(err, HG_ENOMEM, "no memory for the weights of a network");
    }
    HG_TRY(hg_params_set_decay(net->p, "b", false, err));
    for (size_t l = 0; l < opts->frozen && l < net->shape.layers; l++) {
        char name[2][24];
        snprintf(name[0], sizeof name[0], "w%zu", l);
        snprintf(name[1], sizeof name[1], "b%zu", l);
        for (int k = 0; k < 2; k++) HG_TRY(hg_params_set_rate(net->p, name[k], 0, err));
    }
    hg_optimizer_opts oo = hg_optimizer_opts_default();
    oo.kind = HG_ADAMW;
    oo.decay = opts->decay;
    oo.beta2 = opts->beta2;
    oo.average = opts->average;
    return hg_optimizer_new(&net->o, net->p, &oo, err);
}

hg_status hg_mlp_net_make(hg_mlp_net *net, const hg_mlp_shape *s, const hg_mlp_opts *opts, uint64_t seed, hg_err *err) {
    *net = (hg_mlp_net) { .shape = *s };
    const hg_status st = make(net, opts, seed, err);
    if (st != HG_OK) hg_mlp_net_free(net);
    return st;
}

void hg_mlp_net_free(hg_mlp_net *net) {
    hg_optimizer_free(net->o);
    hg_params_free(net->p);
    for (size_t l = 0; l < HG_MLP_LAYERS; l++) hg_free(net->rounded[l]);
    *net = (hg_mlp_net) { 0 };
}

void hg_mlp_net_changed(hg_mlp_net *net) { net->fresh = false; }

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

hg_status hg_mlp_room_make(hg_mlp_room *r, const hg_mlp_shape *most, size_t batch, hg_arena *mem, hg_err *err) {
    size_t widest = 0, packed = 0, room = 0, strip = STRIP;
    bool all = true;
    *r = (hg_mlp_room) { .x = hg_alloc(mem, batch * hg_bf16_row(most->width[0]), sizeof(uint16_t)),
                         .row = hg_alloc(mem, batch, sizeof(uint16_t *)),
                         .y = hg_alloc(mem, batch, sizeof(float)) };
    for (size_t l = 0; l < most->layers; l++) {
        const size_t in = most->width[l], out = most->width[l + 1];
        widest = larger(widest, out);
        strip = larger(strip, ROWS * in);
        packed = larger(packed, larger(hg_bf16_packed(in, batch), hg_bf16_packed(batch, in)));
        packed = larger(packed, hg_bf16_packed(out, batch));
        room = larger(room, larger(hg_bf16_room(out, DEPTH), hg_bf16_room(in, DEPTH)));
        r->z[l] = hg_alloc(mem, out * batch, sizeof(float));
        r->a[l] = hg_alloc(mem, out * batch, sizeof(float));
        all = all && r->z[l] && r->a[l];
    }
    for (int k = 0; k < 2; k++) r->g[k] = hg_alloc(mem, widest * batch, sizeof(float));
    r->strip = hg_alloc(mem, strip, sizeof *r->strip);
    r->packed = hg_alloc(mem, packed, sizeof *r->packed);
    r->room = hg_alloc(mem, room, sizeof *r->room);
    if (!all || !r->x || !r->row || !r->y || !r->g[0] || !r->g[1] || !r->strip || !r->packed || !r->room)
        return hg_fail(err, HG_ENOMEM, "no memory for a step of %zu rows through a network", batch);
    return HG_OK;
}

/* ---- loops ------------------------------------------------------------------------------------------------------- */

HG_INLINE void fill_rows_body(float *restrict z, const float *restrict bias, size_t out, size_t m) {
    for (size_t j = 0; j < out; j++)
        for (size_t i = 0; i < m; i++) z[j * m + i] = bias[j];
}
HG_ISA_FUNCTION(static, fill_rows, (float *z, const float *bias, size_t out, size_t m), (z, bias, out, m))

HG_INLINE void row_sums_body(float *restrict sum, const float *restrict g, size_t out, size_t m) {
    for (size_t j = 0; j < out; j++) {
        float lane[16] = { 0 };
        size_t i = 0;
        for (; i + 16 <= m; i += 16)
            for (size_t k = 0; k < 16; k++) lane[k] += g[j * m + i + k];
        for (size_t k = 0; i + k < m; k++) lane[k] += g[j * m + i + k];
        for (size_t w = 8; w; w /= 2)
            for (size_t k = 0; k < w; k++) lane[k] += lane[k + w];
        sum[j] = lane[0];
    }
}
HG_ISA_FUNCTION(static, row_sums, (float *sum, const float *g, size_t out, size_t m), (sum, g, out, m))

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static float *values(const hg_mlp_net *net, size_t which) { return (float *)net->p->values + net->p->e[which].at; }
static float *gradient(const hg_mlp_net *net, size_t which) { return (float *)net->p->gradient + net->p->e[which].at; }

/* Rows are drawn from all over the table: memory is asked for all of them at once. */
static void fetch(hg_mlp_room *r, const hg_mlp_rows *rows, size_t d, const size_t *index, size_t m) {
    const size_t length = hg_bf16_row(d);
    for (size_t i = 0; i < m; i++) {
        r->y[i] = rows->y[index[i]];
        r->row[i] = rows->rounded ? rows->rounded + index[i] * length : r->x + i * length;
        if (!rows->rounded) hg_bf16_round(r->x + i * length, rows->x + index[i] * d, d);
        for (size_t j = 0; j < d && rows->rounded; j += 32) __builtin_prefetch(r->row[i] + j);
    }
}

static size_t panels(size_t n) { return (n + HG_BF16_PANEL - 1) / HG_BF16_PANEL; }

/* What layer l reads, [in, m], to r->packed; turned: [m, in]. */
static void pack_input(hg_mlp_room *r, size_t l, size_t in, size_t m, bool turned) {
    if (l == 0 && turned) {
        hg_bf16_pack_rows(r->packed, r->row, m, in, 0, panels(in));
    } else if (l == 0) {
        hg_bf16_pack_columns(r->packed, r->row, in, m, 0, panels(m));
    } else {
        const hg_matrix a = { r->a[l - 1], (ptrdiff_t)m, 1 }, other = { a.data, 1, (ptrdiff_t)m };
        hg_bf16_pack(r->packed, turned ? &other : &a, turned ? m : in, turned ? in : m, 0, panels(turned ? in : m));
    }
}

/* rounded: with the copies of the weights, which are fresh. */
static void forward(const hg_mlp_net *net, hg_mlp_room *r, size_t m, hg_function act, bool rounded) {
    for (size_t l = 0; l < net->shape.layers; l++) {
        const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
        const hg_matrix w = { values(net, 2 * l), (ptrdiff_t)in, 1 };
        fill_rows(r->z[l], values(net, 2 * l + 1), out, m);
        pack_input(r, l, in, m, false);
        if (rounded)
            hg_bf16_product_rounded(r->z[l], m, net->rounded[l], false, r->packed, out, m, in, true, r->room);
        else
            hg_bf16_product(r->z[l], m, &w, r->packed, in, m, 0, out, m, true, false, r->room);
        if (l + 1 < net->shape.layers) hg_function_values(act, HG_F32, r->a[l], r->z[l], out * m);
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Huber's, and its slope by z[m]; the sum of them. */
static double huber(float *g, const float *z, const float *y, size_t m, double corner) {
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        const double d = (double)z[i] - (double)y[i], size = fabs(d);
        sum += size <= corner ? d * d / 2 : corner * (size - corner / 2);
        if (g) g[i] = (float)(fmax(-corner, fmin(corner, d)) / (double)m);
    }
    return sum;
}

/* -log softmax(z[:, i])[y_i] of z[classes, m], and its slope. */
static double cross_entropy(float *g, const float *z, const float *y, size_t classes, size_t m) {
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        const size_t right = (size_t)y[i];
        double most = -INFINITY, all = 0;
        for (size_t c = 0; c < classes; c++) most = fmax(most, (double)z[c * m + i]);
        for (size_t c = 0; c < classes; c++) all += exp((double)z[c * m + i] - most);
        sum += most + log(all) - (double)z[right * m + i];
        for (size_t c = 0; g && c < classes; c++)
            g[c * m + i] = (float)((exp((double)z[c * m + i] - most) / all - (c == right)) / (double)m);
    }
    return sum;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* dW and db of a layer, from dz[out, m] and its input: to where gradients are kept. */
static void keep_gradient(const hg_mlp_net *net, hg_mlp_room *r, size_t l, float *gz, size_t m) {
    const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
    const hg_matrix dz = { gz, (ptrdiff_t)m, 1 };
    pack_input(r, l, in, m, true);
    hg_bf16_product(gradient(net, 2 * l), in, &dz, r->packed, m, in, 0, out, in, false, false, r->room);
    row_sums(gradient(net, 2 * l + 1), gz, out, m);
}

static void round_weights(hg_mlp_net *net, size_t l, size_t begin, size_t end) {
    const size_t in = net->shape.width[l], row = hg_bf16_row(in);
    for (size_t j = begin; j < end; j++) hg_bf16_round(net->rounded[l] + j * row, values(net, 2 * l) + j * in, in);
}

/* Or into the weights at once. */
static void learn_layer(const hg_optimizer_pieces *s, hg_mlp_net *net, hg_mlp_room *r, size_t l, float *gz, size_t m) {
    const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
    const size_t rows = larger(STRIP / in / ROWS * ROWS, ROWS);
    pack_input(r, l, in, m, true);
    for (size_t j = 0; j < out; j += rows) {
        const size_t some = out - j < rows ? out - j : rows;
        const hg_matrix dz = { gz + j * m, (ptrdiff_t)m, 1 };
        hg_bf16_product(r->strip, in, &dz, r->packed, m, in, 0, some, in, false, false, r->room);
        hg_optimizer_piece(s, 2 * l, j * in, some * in, r->strip);
        round_weights(net, l, j, j + some);
    }
    row_sums(r->strip, gz, out, m);
    hg_optimizer_piece(s, 2 * l + 1, 0, out, r->strip);
}

/* To the inputs of layer l, [in, m], before its weights change. */
static void back_through(float *ga, const float *gz, const hg_mlp_net *net, hg_mlp_room *r, size_t l, size_t m,
                         bool rounded) {
    const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
    const hg_matrix dz = { gz, (ptrdiff_t)m, 1 }, w = { values(net, 2 * l), 1, (ptrdiff_t)in };
    hg_bf16_pack(r->packed, &dz, out, m, 0, panels(m));
    if (rounded)
        hg_bf16_product_rounded(ga, m, net->rounded[l], true, r->packed, in, m, out, false, r->room);
    else
        hg_bf16_product(ga, m, &w, r->packed, out, m, 0, in, m, false, false, r->room);
}

/* s NULL: gradients are kept, of the weights as they are. The sum of the losses. */
static double backward(const hg_optimizer_pieces *s, hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, size_t m,
                       const hg_mlp_opts *opts) {
    const size_t last = net->shape.layers - 1;
    float *gz = r->g[0], *ga = r->g[1];
    const double sum = rows->classes ? cross_entropy(gz, r->z[last], r->y, rows->classes, m)
                                     : huber(gz, r->z[last], r->y, m, opts->corner);
    if (s && !isfinite(sum)) return sum;
    for (size_t l = last + 1; l-- > 0;) {
        if (l) back_through(ga, gz, net, r, l, m, s != NULL);
        if (s)
            learn_layer(s, net, r, l, gz, m);
        else
            keep_gradient(net, r, l, gz, m);
        if (l) hg_function_slopes(opts->act, HG_F32, gz, ga, r->z[l - 1], r->a[l - 1], net->shape.width[l] * m, false);
    }
    return sum;
}

double hg_mlp_net_gradient(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                           const hg_mlp_opts *opts) {
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act, false);
    return backward(NULL, net, r, rows, m, opts);
}

hg_status hg_mlp_net_step(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                          const hg_mlp_opts *opts, double rate, hg_err *err) {
    hg_optimizer_pieces s;
    HG_TRY(hg_optimizer_begin(&s, net->o, rate, err));
    for (size_t l = 0; l < net->shape.layers && !net->fresh; l++) round_weights(net, l, 0, net->shape.width[l + 1]);
    net->fresh = true;
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act, true);
    if (isfinite(backward(&s, net, r, rows, m, opts))) return HG_OK;
    return hg_fail(err, HG_ENAN, "the loss of a network is not finite");
}

double hg_mlp_net_errors(const hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                         const hg_mlp_opts *opts) {
    const float *z = r->z[net->shape.layers - 1];
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act, false);
    if (rows->classes) return cross_entropy(NULL, z, r->y, rows->classes, m);
    double sum = 0;
    for (size_t i = 0; i < m; i++) sum += fabs((double)z[i] - (double)r->y[i]);
    return sum;
}
