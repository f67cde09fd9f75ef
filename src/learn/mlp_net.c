/* learn/mlp_net.c -- a step of one network; see learn/mlp_net.h
 *
 * With A_l[in, rows] and Z_l[out, rows]: Z = W A + b, and on the way back dW = dZ A', db = dZ 1, dA = W' dZ. The first layer reads the
 * batch as it lies, [rows, in], and needs no dA.
 */
#include "learn/mlp_net.h"
#include "num/isa.h"
#include "tensor/bf16.h"
#include "tensor/op.h"
#include "tensor/params.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH = 512 /* at most what hg_bf16_room looks at */ };

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
    size_t widest = 0, packed = 0, room = 0;
    bool all = true;
    *r = (hg_mlp_room) { .x = hg_alloc(mem, batch * most->width[0], sizeof(float)),
                         .y = hg_alloc(mem, batch, sizeof(float)) };
    for (size_t l = 0; l < most->layers; l++) {
        const size_t in = most->width[l], out = most->width[l + 1];
        widest = larger(widest, out);
        packed = larger(packed, larger(hg_bf16_packed(in, batch), hg_bf16_packed(batch, in)));
        packed = larger(packed, hg_bf16_packed(out, batch));
        room = larger(room, larger(hg_bf16_room(out, DEPTH), hg_bf16_room(in, DEPTH)));
        r->z[l] = hg_alloc(mem, out * batch, sizeof(float));
        r->a[l] = hg_alloc(mem, out * batch, sizeof(float));
        all = all && r->z[l] && r->a[l];
    }
    for (int k = 0; k < 2; k++) r->g[k] = hg_alloc(mem, widest * batch, sizeof(float));
    r->packed = hg_alloc(mem, packed, sizeof *r->packed);
    r->room = hg_alloc(mem, room, sizeof *r->room);
    if (!all || !r->x || !r->y || !r->g[0] || !r->g[1] || !r->packed || !r->room)
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

static void fetch(hg_mlp_room *r, const hg_mlp_rows *rows, size_t d, const size_t *index, size_t m) {
    for (size_t i = 0; i < m; i++) {
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

double hg_mlp_net_gradient(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                           const hg_mlp_opts *opts) {
    const size_t last = net->shape.layers - 1;
    fetch(r, rows, net->shape.width[0], index, m);
    forward(net, r, m, opts->act);
    float *gz = r->g[0], *ga = r->g[1];
    const double sum = rows->classes ? cross_entropy(gz, r->z[last], r->y, rows->classes, m)
                                     : huber(gz, r->z[last], r->y, m, opts->corner);
    for (size_t l = last + 1; l-- > 0;) {
        const size_t in = net->shape.width[l], out = net->shape.width[l + 1];
        const hg_matrix x = input_of(r, l, in, m), turned = { x.data, x.col, x.row };
        const hg_matrix dz = { gz, (ptrdiff_t)m, 1 }, w = { values(net, 2 * l), 1, (ptrdiff_t)in };
        multiply(r, gradient(net, 2 * l), &dz, &turned, out, in, m, false);
        row_sums(gradient(net, 2 * l + 1), gz, out, m);
        if (l == 0) break;
        multiply(r, ga, &w, &dz, in, m, out, false);
        hg_function_slopes(opts->act, HG_F32, gz, ga, r->z[l - 1], r->a[l - 1], in * m, false);
    }
    return sum;
}

hg_status hg_mlp_net_step(hg_mlp_net *net, hg_mlp_room *r, const hg_mlp_rows *rows, const size_t *index, size_t m,
                          const hg_mlp_opts *opts, double rate, hg_err *err) {
    hg_mlp_net_gradient(net, r, rows, index, m, opts);
    return hg_optimizer_step(NULL, net->o, rate, NULL, err);
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
