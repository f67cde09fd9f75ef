/* learn/networks.c -- see learn/networks.h */
#include "learn/networks.h"
#include "core/memory.h"
#include "learn/records.h"
#include "learn/rows_parts.h"
#include "learn/softmax.h"
#include "tensor/bf16.h"
#include <math.h>
#include <string.h>

enum { WIDTHS = HG_MLP_LAYERS + 1 };
static const double SQUASH = 2; /* inputs stay below it */

typedef struct {
    hg_scaling scaling;
    size_t n, outputs;
    bool classes;
    hg_mlp_shape *shape; /* [n] */
    float **weights;     /* [n] into `numbers` */
    float *numbers;      /* [total] of one network after the other; bfloat16 values */
    size_t total;
    double unit[2];
} networks;

static void networks_free(void *model) {
    networks *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    hg_free(m->shape);
    hg_free(m->weights);
    hg_free(m->numbers);
    hg_free(m);
}

static hg_status no_memory(size_t n, hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", n); }

/* Room for networks of these shapes, all of which are good. */
static hg_status make(networks **out, const hg_mlp_shape *shape, size_t n, size_t classes, hg_err *err) {
    networks *m = *out = hg_calloc(1, sizeof *m);
    if (!m) return no_memory(n, err);
    m->n = n;
    m->classes = classes > 0;
    m->outputs = classes ? classes : 1;
    m->shape = hg_calloc(n, sizeof *m->shape);
    m->weights = hg_calloc(n, sizeof *m->weights);
    for (size_t k = 0; k < n; k++) m->total += hg_mlp_size(&shape[k]);
    m->numbers = hg_calloc(m->total, sizeof *m->numbers);
    if (!m->shape || !m->weights || !m->numbers) {
        networks_free(m);
        *out = NULL;
        return no_memory(n, err);
    }
    size_t at = 0;
    for (size_t k = 0; k < n; k++) {
        m->shape[k] = shape[k];
        m->weights[k] = m->numbers + at;
        at += hg_mlp_size(&shape[k]);
    }
    return HG_OK;
}

static bool fits(const hg_mlp_shape *s, size_t d, size_t classes) {
    return hg_mlp_size(s) != SIZE_MAX && s->width[0] == d && s->width[s->layers] == (classes ? classes : 1);
}

static float float_of(uint16_t b) {
    const uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

hg_status hg_networks_new(void **model, const hg_network *net, size_t n, const hg_scaling *scaling,
                          const double unit[2], size_t classes, hg_err *err) {
    hg_mlp_shape shape[HG_NETWORKS_MOST];
    networks *m;
    *model = NULL;
    if (n < 1 || n > HG_NETWORKS_MOST || scaling->d < 1)
        return hg_fail(err, HG_EINVAL, "a model of %zu networks, expected 1 to %d", n, HG_NETWORKS_MOST);
    for (size_t k = 0; k < n; k++) {
        shape[k] = net[k].shape;
        if (!fits(&shape[k], scaling->d, classes))
            return hg_fail(err, HG_EINVAL, "the shape of network %zu is not one for these rows", k);
    }
    HG_TRY(make(&m, shape, n, classes, err));
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < hg_mlp_size(&shape[k]); i++) m->weights[k][i] = float_of(hg_bf16_of(net[k].weights[i]));
    memcpy(m->unit, unit, sizeof m->unit);
    const hg_status st = hg_scaling_copy(&m->scaling, scaling, err);
    if (st == HG_OK)
        *model = m;
    else
        networks_free(m);
    return st;
}

static hg_status networks_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    (void)rows, (void)how;
    *model = NULL;
    return hg_advise(err, hg_fail(err, HG_EDATA, "networks are not fitted here"), "`hagane models build` makes them");
}

static const char *networks_suits(const hg_rows *rows) {
    (void)rows;
    return "come from `hagane models build` alone";
}

/* ---- predict ----------------------------------------------------------------------------------------------------------- */

hg_status hg_networks_scale(float *out, const hg_scaling *s, const float *x, size_t n, hg_err *err) {
    double *z = hg_malloc(s->d, sizeof *z);
    if (!z) return hg_fail(err, HG_ENOMEM, "no memory to scale %zu columns", s->d);
    for (size_t i = 0; i < n; i++) {
        hg_scaling_apply(z, s, x + i * s->d, 1);
        for (size_t j = 0; j < s->d; j++) out[i * s->d + j] = (float)(z[j] / sqrt(1 + z[j] * z[j] / (SQUASH * SQUASH)));
    }
    hg_free(z);
    return HG_OK;
}

typedef struct {
    double *out, *sd;
    const networks *m;
    const hg_rows *rows;
} prediction;

/* Adds a network's value[n,outputs], of classes their probabilities, to the mean. */
static void add(const prediction *p, const float *value, size_t begin, size_t n) {
    const size_t q = p->m->outputs;
    for (size_t i = 0; i < n; i++) {
        double *out = p->out + (begin + i) * q, one[HG_CLASSES_MOST];
        for (size_t c = 0; c < q; c++) one[c] = (double)value[i * q + c];
        if (p->m->classes) hg_softmax_values(one, q, 1);
        for (size_t c = 0; c < q; c++) out[c] += one[c] / (double)p->m->n;
    }
}

/* The spread needs the mean first: values[networks,n] of all. */
static void finish(const prediction *p, const float *value, size_t begin, size_t n) {
    const networks *m = p->m;
    for (size_t i = 0; i < n && !m->classes; i++) {
        double *out = p->out + begin + i, sum = 0;
        for (size_t k = 0; k < m->n; k++) {
            const double e = (double)value[k * n + i] - *out;
            sum += e * e;
        }
        *out = m->unit[0] + m->unit[1] * *out;
        if (p->sd) p->sd[begin + i] = m->n > 1 ? m->unit[1] * sqrt(sum / (double)(m->n - 1)) : (double)NAN;
    }
}

static hg_status predict_rows(const void *ctx, size_t begin, size_t n) {
    const prediction *p = ctx;
    const networks *m = p->m;
    const size_t d = m->scaling.d, q = m->outputs;
    float *x = hg_malloc(n * d, sizeof *x), *value = hg_malloc(m->n * n * q, sizeof *value);
    hg_status st = x && value ? hg_networks_scale(x, &m->scaling, p->rows->x + begin * d, n, NULL) : HG_ENOMEM;
    if (st == HG_OK) memset(p->out + begin * q, 0, n * q * sizeof *p->out);
    for (size_t k = 0; k < m->n && st == HG_OK; k++) {
        float *v = value + k * n * q;
        st = hg_mlp_apply(v, &m->shape[k], HG_NETWORKS_ACT, m->weights[k], x, n, NULL);
        if (st == HG_OK) add(p, v, begin, n);
    }
    if (st == HG_OK) finish(p, value, begin, n);
    hg_free(x);
    hg_free(value);
    return st;
}

static hg_status networks_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                                  hg_err *err) {
    return hg_rows_parts(predict_rows, &(prediction) { out, sd, model, rows }, rows->n, pool, err);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static hg_status networks_save(const void *model, hg_shelf *to, hg_err *err) {
    const networks *m = model;
    const size_t widths[2] = { m->n, WIDTHS };
    int64_t *width = hg_calloc(m->n * WIDTHS, sizeof *width);
    uint16_t *half = hg_malloc(m->total, sizeof *half);
    hg_status st = width && half ? HG_OK : no_memory(m->n, err);
    for (size_t k = 0; k < m->n && st == HG_OK; k++) /* a 0 ends the widths of a network */
        for (size_t l = 0; l <= m->shape[k].layers; l++) width[k * WIDTHS + l] = (int64_t)m->shape[k].width[l];
    for (size_t i = 0; i < m->total && st == HG_OK; i++) half[i] = hg_bf16_of(m->numbers[i]);
    if (st == HG_OK) st = hg_scaling_save(&m->scaling, to, err);
    if (st == HG_OK) st = hg_shelf_put(to, "width", HG_STORED_I64, widths, 2, width, err);
    if (st == HG_OK) st = hg_shelf_put(to, "weights", HG_STORED_BF16, &m->total, 1, half, err);
    if (st == HG_OK) st = hg_shelf_doubles(to, "unit", m->unit, 2, err);
    hg_free(width);
    hg_free(half);
    return st;
}

/* The file's widths, which may be anything. */
static bool read_shape(hg_mlp_shape *s, const int64_t *width, size_t d, size_t classes) {
    size_t n = 0;
    while (n < WIDTHS && width[n] > 0 && width[n] <= UINT32_MAX) {
        s->width[n] = (size_t)width[n];
        n++;
    }
    for (size_t l = n; l < WIDTHS; l++)
        if (width[l] != 0) return false;
    if (n < 2) return false;
    s->layers = n - 1;
    return fits(s, d, classes);
}

static hg_status read_numbers(networks *m, const hg_stored *half, const hg_shelf_view *from, hg_err *err) {
    HG_TRY(hg_stored_floats(m->numbers, half, err));
    for (size_t i = 0; i < m->total; i++)
        if (!isfinite(m->numbers[i]))
            return hg_fail(err, HG_ENAN, "%s: weight %zu of a network is not finite", from->source, i);
    HG_TRY(hg_scaling_load(&m->scaling, from, m->shape[0].width[0], err));
    return hg_shelf_get_doubles(m->unit, from, "unit", 2, err);
}

static hg_status networks_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    const size_t any[2] = { HG_SHELF_ANY, WIDTHS };
    const hg_stored *width, *half;
    hg_mlp_shape shape[HG_NETWORKS_MOST] = { { 0 } };
    size_t total = 0;
    networks *m;
    *model = NULL;
    HG_TRY(hg_shelf_get(&width, from, "width", HG_STORED_I64, any, 2, err));
    HG_TRY(hg_shelf_get(&half, from, "weights", HG_STORED_BF16, any, 1, err));
    const size_t n = width->shape[0];
    if (n < 1 || n > HG_NETWORKS_MOST) return hg_fail(err, HG_EDATA, "%s: a model of %zu networks", from->source, n);
    for (size_t k = 0; k < n; k++) {
        if (!read_shape(&shape[k], (const int64_t *)width->data + k * WIDTHS, d, classes))
            return hg_fail(err, HG_EDATA, "%s: the networks have other layers than these rows need", from->source);
        total += hg_mlp_size(&shape[k]);
    }
    if (half->count != total)
        return hg_fail(err, HG_EDATA, "%s: %zu weights of networks, expected %zu", from->source, half->count, total);
    HG_TRY(make(&m, shape, n, classes, err));
    const hg_status st = read_numbers(m, half, from, err);
    if (st == HG_OK)
        *model = m;
    else
        networks_free(m);
    return st;
}

const hg_learner hg_networks_learner = {
    .name = "networks",
    .version = "networks 1",
    .help = "the mean of random multilayer perceptrons, made by `hagane models build`",
    .suits = networks_suits,
    .fit = networks_fit,
    .predict = networks_predict,
    .save = networks_save,
    .load = networks_load,
    .free = networks_free,
};
