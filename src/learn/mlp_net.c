/* learn/mlp_net.c -- a step of one network; see learn/mlp_net.h
 *
 * With A_l[in, rows] and Z_l[out, rows]: Z = W A + b, and on the way back dW = dZ A', db = dZ 1, dA = W' dZ. The first layer reads the
 * batch as it lies, [rows, in], and needs no dA. In a step the rows of dW come in strips, each of which goes through Adam while it is in the first cache;
 * hg_mlp_net_gradient is the plain version beside it.
 */
#include "learn/mlp_net.h"
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
    ROWS = 6,             /* of a tile */
    AHEAD = 3             /* rows */
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
    net->o = NULL;
    net->p = NULL;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

hg_status hg_mlp_room_make(hg_mlp_room *r, const hg_mlp_shape *most, size_t batch, hg_arena *mem, hg_err *err) {
    size_t widest = 0, packed = 0, room = 0, strip = STRIP;
    bool all = true;
    *r = (hg_mlp_room) { .x = hg_alloc(mem, batch * most->width[0], sizeof(float)),
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
    if (!all || !r->x || !r->y || !r->g[0] || !r->g[1] || !r->strip || !r->packed || !r->room)
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

/* Rows are drawn from all over the table: memory is asked for the next ones while this one is copied. */
static void ask_for(const float *x, size_t d) {
    for (size_t j = 0; j < d; j += 16) __builtin_prefetch(x + j);
}

static void fetch(hg_mlp_room *r, const hg_mlp_rows *rows, size_t d, const size_t *index, size_t m) {
    for (size_t i = 0; i < m; i++) {
        if (i + AHEAD < m) ask_for(rows->x + index[i + AHEAD] * d, d);
        memcpy(r->x + i * d, rows->x + index[i] * d, d * sizeof *r->x);
        r->y[i] = rows->y[index[i]];
    }
}

/* What layer l reads, as [in, m]. */
static hg_matrix input_of(const hg_mlp_room *r, size_t l, size_t in, size_t m) {
    if (l == 0) return (hg_matrix) { r->x, 1, (ptrdiff_t)in };
    return (hg_matrix) { r->a[l - 1], (ptrdiff_t)m, 1 };
}

static size_t panels(size_t n) { return (n + HG_BF16_PANEL - 1) / HG_BF16_PANEL; }

/* c[m, n] (+)= a[m, k] b[k, n], rounded. */
static void multiply(hg_mlp_room *r, float *c, const hg_matrix *a, const hg_matrix *b, size_t m, size_t n, size_t k,
                     bool add) {
    hg_bf16_pack(r->packed, b, k, n, 0, panels(n));
    hg_bf16_product(c, n, a, r->packed, k, n, 0, m, n, add, false, r->room);
}

static void forward(const hg_mlp_net *net, hg_mlp_room *r, size_t m, hg_function act) {
    for (size_t l = 0; l < net->shape.layers; l++) {
        const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
        const hg_matrix w = { values(net, 2 * l), (ptrdiff_t)in, 1 }, x = input_of(r, l, in, m);
        fill_rows(r->z[l], values(net, 2 * l + 1), out, m);
        multiply(r, r->z[l], &w, &x, out, m, in, true);
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
    const hg_matrix x = input_of(r, l, in, m), turned = { x.data, x.col, x.row }, dz = { gz, (ptrdiff_t)m, 1 };
    multiply(r, gradient(net, 2 * l), &dz, &turned, out, in, m, false);
    row_sums(gradient(net, 2 * l + 1), gz, out, m);
}

/* Or into the weights at once. */
static void learn_layer(const hg_optimizer_pieces *s, const hg_mlp_net *net, hg_mlp_room *r, size_t l, float *gz,
                        size_t m) {
    const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
    const size_t rows = larger(STRIP / in / ROWS * ROWS, ROWS);
    const hg_matrix x = input_of(r, l, in, m), turned = { x.data, x.col, x.row };
    hg_bf16_pack(r->packed, &turned, m, in, 0, panels(in));
    for (size_t j = 0; j < out; j += rows) {
        const size_t some = out - j < rows ? out - j : rows;
        const hg_matrix dz = { gz + j * m, (ptrdiff_t)m, 1 };
        hg_bf16_product(r->strip, in, &dz, r->packed, m, in, 0, some, in, false, false, r->room);
        hg_optimizer_piece(s, 2 * l, j * in, some * in, r->strip);
    }
    row_sums(r->strip, gz, out, m);
    hg_optimizer_piece(s, 2 * l + 1, 0, out, r->strip);
}

/* s NULL: gradients are kept. The sum of the losses. */
static double backward(const hg_optimizer_pieces *s, const hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows,
                       size_t m, const hg_mlp_opts *opts) {
    const size_t last = net->shape.layers - 1;
    float *gz = r->g[0], *ga = r->g[1];
    const double sum = rows->classes ? cross_entropy(gz, r->z[last], r->y, rows->classes, m)
                                     : huber(gz, r->z[last], r->y, m, opts->corner);
    if (s && !isfinite(sum)) return sum;
    for (size_t l = last + 1; l-- > 0;) {
        const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
        const hg_matrix dz = { gz, (ptrdiff_t)m, 1 }, w = { values(net, 2 * l), 1, (ptrdiff_t)in };
        if (l) multiply(r, ga, &w, &dz, in, m, out, false); /* before the weights change */
        if (s)
            learn_layer(s, net, r, l, gz, m);
        else
            keep_gradient(net, r, l, gz, m);
        if (l) hg_function_slopes(opts->act, HG_F32, gz, ga, r->z[l - 1], r->a[l - 1], in * m, false);
    }
    return sum;
}

double hg_mlp_net_gradient(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                           const hg_mlp_opts *opts) {
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act);
    return backward(NULL, net, r, rows, m, opts);
}

hg_status hg_mlp_net_step(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                          const hg_mlp_opts *opts, double rate, hg_err *err) {
    hg_optimizer_pieces s;
    HG_TRY(hg_optimizer_begin(&s, net->o, rate, err));
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act);
    if (isfinite(backward(&s, net, r, rows, m, opts))) return HG_OK;
    return hg_fail(err, HG_ENAN, "the loss of a network is not finite");
}

double hg_mlp_net_errors(const hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                         const hg_mlp_opts *opts) {
    const float *z = r->z[net->shape.layers - 1];
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act);
    if (rows->classes) return cross_entropy(NULL, z, r->y, rows->classes, m);
    double sum = 0;
    for (size_t i = 0; i < m; i++) sum += fabs((double)z[i] - (double)r->y[i]);
    return sum;
}
