/* tensor/params.c -- see hagane/params.h */
#include "core/memory.h"
#include "core/number.h"
#include "tensor/op.h"
#include "tensor/params.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 200 };

hg_params_opts hg_params_opts_default(void) { return (hg_params_opts) { .dtype = HG_F32 }; }

hg_init hg_init_zeros(void) { return (hg_init) { HG_INIT_CONSTANT, 0 }; }
hg_init hg_init_constant(double value) { return (hg_init) { HG_INIT_CONSTANT, value }; }
hg_init hg_init_normal(double sd) { return (hg_init) { HG_INIT_NORMAL, sd }; }
hg_init hg_init_uniform(double bound) { return (hg_init) { HG_INIT_UNIFORM, bound }; }
/* Kaiming's uniform rule with a slope of sqrt 5 is sqrt(6 / (6 fan_in)). */
hg_init hg_init_linear(size_t fan_in) { return hg_init_uniform(1 / sqrt((double)fan_in)); }
hg_init hg_init_xavier(size_t fan_in, size_t fan_out) {
    return hg_init_uniform(sqrt(6 / ((double)fan_in + (double)fan_out)));
}
hg_init hg_init_kaiming(size_t fan_in) { return hg_init_normal(sqrt(2 / (double)fan_in)); }

hg_status hg_params_new(hg_params **out, const hg_params_opts *opts, hg_err *err) {
    hg_params *p = *out = hg_calloc(1, sizeof *p);
    if (!p) return hg_fail(err, HG_ENOMEM, "no memory for parameters");
    p->o = opts ? *opts : hg_params_opts_default();
    return HG_OK;
}

void hg_params_free(hg_params *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) hg_free(p->e[i].name);
    hg_free(p->e);
    hg_free(p->by_name);
    hg_free(p->values);
    hg_free(p->gradient);
    hg_free(p);
}

/* ---- declaring ------------------------------------------------------------------------------------------------ */

static hg_status check(const hg_params *p, hg_shape shape, hg_init init, const char *name, int len, hg_err *err) {
    static const char GOOD[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    if (p->sealed) return hg_fail(err, HG_EINVAL, "parameter \"%s\" comes after sealing", name);
    if (len <= 0 || len >= NAME_MOST || strspn(name, GOOD) != (size_t)len)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "\"%s\" cannot be the name of a parameter", name),
                         "at most %d letters, digits and ._-/", NAME_MOST - 1);
    const size_t size = shape.rank <= HG_RANK_MOST ? hg_shape_size(shape) : 0;
    if (size == 0 || size > SIZE_MAX / 64)
        return hg_fail(err, HG_EINVAL, "parameter \"%s\" has no elements, or more than memory can have", name);
    if (!isfinite(init.a)) return hg_fail(err, HG_EINVAL, "the first values of parameter \"%s\" are not finite", name);
    return HG_OK;
}

size_t hg_params_add(hg_params *p, hg_shape shape, hg_init init, const char *name, ...) {
    char text[NAME_MOST];
    va_list args;
    va_start(args, name);
    const int len = hg_print_args(text, sizeof text, name, args);
    va_end(args);
    const size_t i = p->n;
    if (p->failed != HG_OK) return i;
    p->failed = check(p, shape, init, text, len, &p->err);
    if (p->failed != HG_OK) return i;
    hg_param_entry e = { .shape = shape, .init = init, .n = hg_shape_size(shape), .rate = 1, .decays = true };
    const bool room = hg_grow(&p->e, &p->cap, p->n + 1, sizeof *p->e);
    e.name = room ? hg_malloc((size_t)len + 1, 1) : NULL;
    if (!e.name) {
        p->failed = hg_fail(&p->err, HG_ENOMEM, "no memory for parameter \"%s\"", text);
        return i;
    }
    memcpy(e.name, text, (size_t)len + 1);
    p->e[p->n++] = e;
    return i;
}

/* ---- sealing -------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *entries) {
    const hg_param_entry *e = entries;
    return strcmp(e[*(const size_t *)a].name, e[*(const size_t *)b].name);
}

static hg_status sort_names(hg_params *p, hg_err *err) {
    p->by_name = hg_malloc(p->n, sizeof *p->by_name);
    if (!p->by_name) return hg_fail(err, HG_ENOMEM, "no memory for %zu parameters", p->n);
    for (size_t i = 0; i < p->n; i++) p->by_name[i] = i;
    if (p->n) qsort_r(p->by_name, p->n, sizeof *p->by_name, by_name, p->e);
    for (size_t i = 1; i < p->n; i++)
        if (strcmp(p->e[p->by_name[i - 1]].name, p->e[p->by_name[i]].name) == 0)
            return hg_fail(err, HG_EINVAL, "two parameters are called \"%s\"", p->e[p->by_name[i]].name);
    return HG_OK;
}

/* FNV-1a, 64 bits: the stream of a name. */
static uint64_t stream_of(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static void set(const hg_params *p, size_t at, double v) {
    if (p->o.dtype == HG_F32)
        ((float *)p->values)[at] = (float)v;
    else
        ((double *)p->values)[at] = v;
}

static void draw(hg_params *p, const hg_param_entry *e) {
    hg_rng r = hg_rng_make(p->o.seed, stream_of(e->name));
    for (size_t i = 0; i < e->n; i++)
        set(p, e->at + i,
            e->init.kind == HG_INIT_NORMAL    ? e->init.a * hg_rng_normal(&r)
            : e->init.kind == HG_INIT_UNIFORM ? e->init.a * (2 * hg_rng_uniform(&r) - 1)
                                              : e->init.a);
}

static hg_status lay_out(hg_params *p, hg_err *err) {
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->e[i].at = at;
        const size_t room = (p->e[i].n + HG_PARAM_ALIGN - 1) / HG_PARAM_ALIGN * HG_PARAM_ALIGN;
        if (room > SIZE_MAX / 64 - at) return hg_fail(err, HG_EINVAL, "more parameters than memory can have");
        at += room;
    }
    p->size = at;
    return HG_OK;
}

static void *zeros(size_t bytes) {
    void *x = hg_aligned(bytes);
    if (x) memset(x, 0, bytes);
    return x;
}

static hg_status make(hg_params *p, hg_err *err) {
    if (p->sealed) return hg_fail(err, HG_EINVAL, "parameters are sealed once");
    HG_TRY(sort_names(p, err));
    HG_TRY(lay_out(p, err));
    p->values = zeros(hg_params_bytes(p));
    p->gradient = p->o.fixed ? NULL : zeros(hg_params_bytes(p));
    if (!p->values || (!p->gradient && !p->o.fixed))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu parameters' %zu numbers", p->n, p->size);
    return HG_OK;
}

hg_status hg_params_seal(hg_params *p, hg_err *err) {
    if (p->failed == HG_OK) p->failed = make(p, &p->err);
    if (p->failed != HG_OK) {
        if (err) *err = p->err;
        return p->failed;
    }
    p->sealed = true;
    for (size_t i = 0; i < p->n; i++) draw(p, &p->e[i]);
    return HG_OK;
}

/* ---- looking -------------------------------------------------------------------------------------------------- */

size_t hg_params_bytes(const hg_params *p) { return p->size * hg_dtype_size(p->o.dtype); }
size_t hg_params_count(const hg_params *p) { return p->n; }
hg_dtype hg_params_dtype(const hg_params *p) { return p->o.dtype; }
const char *hg_params_name(const hg_params *p, size_t i) { return i < p->n ? p->e[i].name : NULL; }
hg_shape hg_params_shape(const hg_params *p, size_t i) { return p->e[i].shape; }

size_t hg_params_elements(const hg_params *p) {
    size_t sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += p->e[i].n;
    return sum;
}

size_t hg_params_find(const hg_params *p, const char *name) {
    size_t low = 0, high = p->sealed ? p->n : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, p->e[p->by_name[middle]].name);
        if (order == 0) return p->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

static char *place(const hg_params *p, const void *buffer, size_t i) {
    return (char *)buffer + p->e[i].at * hg_dtype_size(p->o.dtype);
}

hg_tensor *hg_param(hg_tape *t, const hg_params *p, size_t i) {
    if (!p->sealed || i >= p->n) return hg_tape_fail(t, HG_EINVAL, "there is no parameter %zu, or it is not sealed", i);
    if (hg_tape_dtype(t) != p->o.dtype)
        return hg_tape_fail(t, HG_EINVAL, "parameter \"%s\" and the tape have two dtypes", p->e[i].name);
    const bool learns = p->gradient && p->e[i].rate > 0;
    return hg_tensor_borrow(t, p->e[i].shape, place(p, p->values, i), learns ? place(p, p->gradient, i) : NULL);
}

hg_tensor *hg_param_named(hg_tape *t, const hg_params *p, const char *name) {
    const size_t i = hg_params_find(p, name);
    if (i == SIZE_MAX) return hg_tape_fail(t, HG_ENOTFOUND, "there is no parameter \"%s\"", name);
    return hg_param(t, p, i);
}

static void read_out(double *x, const hg_params *p, size_t i, const void *buffer) {
    for (size_t k = 0; k < p->e[i].n; k++) {
        const size_t at = p->e[i].at + k;
        x[k] = !buffer ? 0 : p->o.dtype == HG_F32 ? (double)((const float *)buffer)[at] : ((const double *)buffer)[at];
    }
}

void hg_params_get(double *x, const hg_params *p, size_t i) { read_out(x, p, i, p->values); }
void hg_params_get_gradient(double *x, const hg_params *p, size_t i) { read_out(x, p, i, p->gradient); }

void hg_params_set(hg_params *p, size_t i, const double *x) {
    for (size_t k = 0; k < p->e[i].n; k++) set(p, p->e[i].at + k, x[k]);
}

void hg_params_zero_gradients(hg_params *p) {
    if (p->gradient) memset(p->gradient, 0, hg_params_bytes(p));
}

/* ---- which of them learn, and how ----------------------------------------------------------------------------- */

static bool begins(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

static hg_status none_begins(const char *prefix, hg_err *err) {
    return hg_fail(err, HG_ENOTFOUND, "no parameter's name begins with \"%s\"", prefix);
}

hg_status hg_params_set_rate(hg_params *p, const char *prefix, double rate, hg_err *err) {
    bool any = false;
    if (!(rate >= 0) || !isfinite(rate))
        return hg_fail(err, HG_EINVAL, "learning rates of \"%s\" times %g: a factor is 0 or more", prefix, rate);
    for (size_t i = 0; i < p->n; i++) {
        if (!begins(p->e[i].name, prefix)) continue;
        p->e[i].rate = rate;
        any = true;
    }
    return any ? HG_OK : none_begins(prefix, err);
}

hg_status hg_params_set_decay(hg_params *p, const char *prefix, bool decays, hg_err *err) {
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        if (!begins(p->e[i].name, prefix)) continue;
        p->e[i].decays = decays;
        any = true;
    }
    return any ? HG_OK : none_begins(prefix, err);
}
