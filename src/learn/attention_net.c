/* learn/attention_net.c -- see learn/attention_net.h */
#include "learn/attention_net.h"
#include "hagane/descriptor.h"
#include "tensor/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double NORM_EPS = 1e-5;

/* ---- parameters ------------------------------------------------------------------------------------------------ */

static void add_linear(hg_params *p, size_t out, size_t in, double gain, const char *name, size_t layer) {
    hg_params_add(p, HG_SHAPE(out, in), hg_init_uniform(gain / sqrt((double)in)), "%s%zu.w", name, layer);
    hg_params_add(p, HG_SHAPE(out), hg_init_zeros(), "%s%zu.b", name, layer);
}

static void add_norm(hg_params *p, size_t width, const char *name, size_t layer) {
    hg_params_add(p, HG_SHAPE(width), hg_init_constant(1), "%s%zu.gain", name, layer);
    hg_params_add(p, HG_SHAPE(width), hg_init_zeros(), "%s%zu.bias", name, layer);
}

/* What a layer adds begins small, so that deep networks begin as shallow ones. */
static void add_layer(hg_params *p, size_t w, size_t l, double gain) {
    add_norm(p, w, "norm_attention", l);
    add_linear(p, 3 * w, w, 1, "qkv", l);
    add_linear(p, w, w, gain, "mix", l);
    add_norm(p, w, "norm_up", l);
    add_linear(p, 2 * w, w, 1, "up", l);
    add_linear(p, w, 2 * w, gain, "down", l);
}

hg_status hg_attention_params(hg_params **out, const hg_attention_shape *s, uint64_t seed, bool fixed, hg_err *err) {
    const size_t w = s->width;
    *out = NULL;
    if (w < 16 || w > HG_ATTENTION_WIDTH || w % 16 || s->layers > HG_ATTENTION_LAYERS ||
        s->columns > HG_ATTENTION_COLUMNS)
        return hg_fail(err, HG_EINVAL, "attention: a width of %zu, %zu layers and %zu columns", w, s->layers,
                       s->columns);
    hg_params_opts o = hg_params_opts_default();
    o.seed = seed;
    o.fixed = fixed;
    hg_params *p;
    HG_TRY(hg_params_new(&p, &o, err));
    hg_params_add(p, HG_SHAPE(HG_ATTENTION_ELEMENTS + 1, w), hg_init_normal(0.3), "element");
    hg_params_add(p, HG_SHAPE(w, HG_ATTENTION_FEATURES), hg_init_linear(HG_ATTENTION_FEATURES), "feature");
    hg_params_add(p, HG_SHAPE(w, HG_ATTENTION_AMOUNT), hg_init_linear(HG_ATTENTION_AMOUNT), "amount");
    if (s->columns) hg_params_add(p, HG_SHAPE(w, s->columns), hg_init_linear(s->columns), "column");
    for (size_t l = 0; l < s->layers; l++) add_layer(p, w, l, 1 / sqrt(2 * (double)s->layers));
    add_norm(p, w, "norm_out", 0);
    add_linear(p, w, w, 1, "out", 0);
    add_linear(p, HG_ATTENTION_OUT, w, 1, "out", 1);
    const hg_status st = hg_params_seal(p, err);
    if (st == HG_OK)
        *out = p;
    else
        hg_params_free(p);
    return st;
}

/* ---- compounds --------------------------------------------------------------------------------------------------- */

/* Wave lengths of the fraction from 2 down to 0.02, and as many of its logarithm, 0 to 4 decades. */
static void tell_amount(float *to, double x) {
    const double low = fmax(1 + log10(fmax(x, 1e-4)) / 4, 0);
    for (size_t k = 0; k < HG_ATTENTION_WAVES; k++) {
        const double wave = PI * pow(100, (double)k / (HG_ATTENTION_WAVES - 1));
        *to++ = (float)sin(wave * x);
        *to++ = (float)cos(wave * x);
        *to++ = (float)sin(wave * low);
        *to++ = (float)cos(wave * low);
    }
}

static hg_status check_compound(const hg_composition *c, hg_err *err) {
    if (c->n == 0 || c->n > HG_COMPOSITION_MAX || !(hg_composition_atoms(c) > 0))
        return hg_fail(err, HG_EDATA, "attention: an empty composition");
    for (size_t k = 0; k < c->n; k++)
        if (c->species[k].z < 1 || c->species[k].z > HG_ATTENTION_ELEMENTS) {
            char formula[128];
            const char *symbol = hg_element_symbol(c->species[k].z);
            hg_composition_write(formula, sizeof formula, c);
            return hg_fail(err, HG_EDATA, "%s: there are no features of %s, elements go up to Pu", formula,
                           symbol ? symbol : "an unknown element");
        }
    return HG_OK;
}

hg_status hg_compounds_make(hg_compounds *out, const hg_composition *c, size_t n, hg_arena *mem, hg_err *err) {
    size_t items = 0;
    for (size_t i = 0; i < n; i++) {
        HG_TRY(check_compound(&c[i], err));
        items += c[i].n;
    }
    *out = (hg_compounds) { n, hg_alloc(mem, n + 1, sizeof(size_t)), hg_alloc(mem, items, sizeof(uint32_t)),
                            hg_alloc(mem, items, HG_ATTENTION_AMOUNT * sizeof(float)), NULL };
    if (!out->offset || !out->z || !out->amount)
        return hg_fail(err, HG_ENOMEM, "no memory for the elements of %zu compounds", n);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double atoms = hg_composition_atoms(&c[i]);
        out->offset[i] = at;
        for (size_t k = 0; k < c[i].n; k++, at++) {
            out->z[at] = c[i].species[k].z;
            tell_amount(out->amount + at * HG_ATTENTION_AMOUNT, c[i].species[k].amount / atoms);
        }
    }
    out->offset[n] = at;
    return HG_OK;
}

/* The block of means of the 290: of one element, its features. */
hg_status hg_attention_features(const float **out, hg_arena *mem, hg_err *err) {
    enum { Z = HG_ATTENTION_ELEMENTS, F = HG_ATTENTION_FEATURES };
    const hg_descriptor *d;
    HG_TRY(hg_descriptor_find(&d, "xenonpy290", err));
    double *all = hg_alloc(mem, hg_descriptor_dim(d), sizeof *all);
    float *f = hg_alloc(mem, (size_t)(Z + 1) * F, sizeof *f);
    if (!all || !f) return hg_fail(err, HG_ENOMEM, "no memory for the features of elements");
    for (unsigned z = 1; z <= Z; z++) {
        HG_TRY(
            hg_descriptor_compute(all, d, &(hg_composition) { .n = 1, .species = { { .z = z, .amount = 1 } } }, err));
        for (size_t j = 0; j < F; j++) f[z * F + j] = (float)all[j];
    }
    for (size_t j = 0; j < F; j++) {
        double mean = 0, sum = 0;
        for (size_t z = 1; z <= Z; z++) mean += (double)f[z * F + j] / Z;
        for (size_t z = 1; z <= Z; z++) sum += ((double)f[z * F + j] - mean) * ((double)f[z * F + j] - mean) / Z;
        for (size_t z = 1; z <= Z; z++) f[z * F + j] = sum > 0 ? (float)(((double)f[z * F + j] - mean) / sqrt(sum)) : 0;
    }
    *out = f;
    return HG_OK;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static hg_tensor *named(hg_tape *t, const hg_params *p, const char *name, size_t layer, const char *what) {
    char full[48];
    snprintf(full, sizeof full, "%s%zu.%s", name, layer, what);
    return hg_param_named(t, p, full);
}

static hg_tensor *linear(hg_tape *t, const hg_params *p, hg_tensor *x, const char *name, size_t layer,
                         hg_function act) {
    return hg_linear(t, x, named(t, p, name, layer, "w"), named(t, p, name, layer, "b"), act);
}

static hg_tensor *norm(hg_tape *t, const hg_params *p, hg_tensor *x, const char *name, size_t layer) {
    return hg_layer_norm(t, x, named(t, p, name, layer, "gain"), named(t, p, name, layer, "bias"), NORM_EPS);
}

/* The elements of the batch on the tape: NULL after a failure of the tape. */
typedef struct {
    hg_tensor *amount, *columns; /* [items,..]; [compounds,..] */
    const hg_index *element, *compound, *owner;
} batch;

/* Columns of the compounds, zeros of those that fill up, and whose each element is. */
static bool gather_columns(batch *b, hg_tape *t, const hg_compounds *c, size_t d, const size_t *index, size_t m,
                           size_t fill, const uint32_t *offset) {
    const size_t all = m + fill;
    uint32_t *owner = hg_tape_alloc(t, offset[all], sizeof *owner);
    b->columns = hg_tensor_zeros(t, HG_SHAPE(all, d));
    if (!owner || !b->columns) return false;
    for (size_t i = 0; i < m; i++)
        memcpy(hg_tensor_floats(b->columns) + i * d, c->x + (index ? index[i] : i) * d, d * sizeof(float));
    for (size_t i = 0; i < all; i++)
        for (size_t k = offset[i]; k < offset[i + 1]; k++) owner[k] = (uint32_t)i;
    b->owner = hg_index_of(t, owner, offset[all], all);
    return b->owner != NULL;
}

static bool gather(batch *b, hg_tape *t, const hg_compounds *c, size_t columns, const size_t *index, size_t m,
                   size_t fill) {
    size_t items = fill, at = 0;
    for (size_t i = 0; i < m; i++) items += c->offset[(index ? index[i] : i) + 1] - c->offset[index ? index[i] : i];
    uint32_t *z = hg_tape_alloc(t, items, sizeof *z), *offset = hg_tape_alloc(t, m + fill + 1, sizeof *offset);
    b->amount = hg_tensor_zeros(t, HG_SHAPE(items, HG_ATTENTION_AMOUNT));
    if (!z || !offset || !b->amount) return false;
    float *to = hg_tensor_floats(b->amount);
    for (size_t i = 0; i < m; i++) {
        const size_t row = index ? index[i] : i, from = c->offset[row], n = c->offset[row + 1] - from;
        offset[i] = (uint32_t)at;
        memcpy(z + at, c->z + from, n * sizeof *z);
        memcpy(to + at * HG_ATTENTION_AMOUNT, c->amount + from * HG_ATTENTION_AMOUNT,
               n * HG_ATTENTION_AMOUNT * sizeof *to);
        at += n;
    }
    for (size_t i = 0; i < fill; i++, at++) {
        offset[m + i] = (uint32_t)at;
        z[at] = 0;
    }
    offset[m + fill] = (uint32_t)at;
    b->element = hg_index_of(t, z, items, HG_ATTENTION_ELEMENTS + 1);
    b->compound = hg_segments_of(t, offset, m + fill);
    b->columns = NULL;
    return b->element && b->compound && (!columns || gather_columns(b, t, c, columns, index, m, fill, offset));
}

static hg_tensor *first_vectors(hg_tape *t, const hg_params *p, const float *features, const batch *b) {
    /* without a gradient nothing is written to it */
    hg_tensor *f = hg_tensor_borrow(t, HG_SHAPE(HG_ATTENTION_ELEMENTS + 1, HG_ATTENTION_FEATURES),
                                    (void *)(uintptr_t)features, NULL);
    hg_tensor *of = hg_linear(t, f, hg_param_named(t, p, "feature"), NULL, HG_IDENTITY);
    hg_tensor *h = hg_gather(t, hg_add(t, of, hg_param_named(t, p, "element")), b->element);
    h = hg_add(t, h, hg_linear(t, b->amount, hg_param_named(t, p, "amount"), NULL, HG_IDENTITY));
    if (!b->columns) return h;
    return hg_add(t, h,
                  hg_gather(t, hg_linear(t, b->columns, hg_param_named(t, p, "column"), NULL, HG_IDENTITY), b->owner));
}

hg_tensor *hg_attention_forward(hg_tape *t, const hg_params *p, const hg_attention_shape *s, const float *features,
                                const hg_compounds *c, const size_t *index, size_t m, size_t fill) {
    batch b;
    if (!gather(&b, t, c, s->columns, index, m, fill)) return NULL;
    hg_tensor *h = first_vectors(t, p, features, &b);
    for (size_t l = 0; l < s->layers; l++) {
        hg_tensor *q = linear(t, p, norm(t, p, h, "norm_attention", l), "qkv", l, HG_IDENTITY);
        hg_tensor *a = linear(t, p, hg_attention(t, q, HG_ATTENTION_HEADS, b.compound), "mix", l, HG_IDENTITY);
        h = hg_add(t, h, hg_dropout(t, a, s->dropout));
        hg_tensor *u = linear(t, p, norm(t, p, h, "norm_up", l), "up", l, HG_SILU);
        h = hg_add(t, h, hg_dropout(t, linear(t, p, u, "down", l, HG_IDENTITY), s->dropout));
    }
    hg_tensor *o = linear(t, p, norm(t, p, h, "norm_out", 0), "out", 0, HG_SILU);
    o = linear(t, p, o, "out", 1, HG_IDENTITY);
    /* value times gate, of numbers 0 and 2; the others as they are */
    hg_tensor *gate = hg_map(t, HG_SIGMOID, hg_slice(t, o, 1, 2, 3, 1));
    hg_tensor *parts[] = { hg_mul(t, hg_slice(t, o, 1, 0, 1, 1), gate), hg_slice(t, o, 1, 1, HG_ATTENTION_OUT, 1) };
    return hg_segment_mean(t, hg_concat(t, parts, 2, 1), b.compound);
}
