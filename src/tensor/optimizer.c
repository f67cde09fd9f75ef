/* tensor/optimizer.c -- see hagane/optimizer.h
 *
 * Two passes over the pool: one reads the gradient (its norm, and is it finite), one does the rest. That cuts the buffers into pieces that
 * stay in the second-level cache while weights, moments and average of a piece change. KINDS has a line a rule; adding one is a kernel and
 * a line. What depends on the number of the step (bias corrections) is computed from it, so that nothing else has to be remembered.
 */
#include "core/memory.h"
#include "num/isa.h"
#include "tensor/op.h"
#include "tensor/optimizer.h"
#include <math.h>
#include <string.h>

typedef hg_optimizer_rule rule;

#define KERNELS(type, R)                                                                                                            \
    HG_INLINE R clipped_##type(R g, R scale, R limit) {                                                                             \
        const R d = g * scale, low = d < -limit ? -limit : d;                                                                       \
        return low > limit ? limit : low;                                                                                           \
    }                                                                                                                               \
    /* Moments of what gets no gradient any more would stay subnormal for ever, which many processors compute slowly. */            \
    HG_INLINE R unless_tiny_##type(R x) { return ABS_##type(x) < (R)1e-37 ? 0 : x; }                                                \
    /* free: the gradient as it is, without clipping and without decay that is added to it: the same bits with fewer operations. */ \
    HG_INLINE void adam_##type##_of(R *restrict p, R *restrict g, R *restrict m, R *restrict v, const rule *k,                      \
                                    size_t n, const bool free, const bool leaves) {                                                 \
        const R scale = (R)k->scale, limit = (R)k->limit, b1 = (R)k->beta1, b2 = (R)k->beta2;                                       \
        const R c1 = (R)(1 - k->beta1), c2 = (R)(1 - k->beta2), rate = (R)k->rate, root = (R)k->root;                               \
        const R eps = (R)k->eps, pull = (R)k->pull, shrink = (R)k->shrink;                                                          \
        for (size_t i = 0; i < n; i++) {                                                                                            \
            const R d = free ? g[i] : clipped_##type(g[i], scale, limit) + pull * p[i];                                             \
            const R square = b2 * v[i] + c2 * (d * d);                                                                              \
            m[i] = unless_tiny_##type(b1 * m[i] + c1 * d);                                                                          \
            v[i] = square < (R)1e-37 ? 0 : square;                                                                                  \
            p[i] = shrink * p[i] - rate * m[i] / (SQRT_##type(v[i]) * root + eps);                                                  \
            if (!leaves) g[i] = 0;                                                                                                  \
        }                                                                                                                           \
    }                                                                                                                               \
    HG_INLINE void adam_##type##_body(R *restrict p, R *restrict g, R *restrict m, R *restrict v, const rule *k,                    \
                                      size_t n) {                                                                                   \
        const bool free = k->scale == 1 && k->limit == INFINITY && k->pull == 0;                                                    \
        if (free && k->leaves)                                                                                                      \
            adam_##type##_of(p, g, m, v, k, n, true, true);                                                                         \
        else if (free)                                                                                                              \
            adam_##type##_of(p, g, m, v, k, n, true, false);                                                                        \
        else                                                                                                                        \
            adam_##type##_of(p, g, m, v, k, n, false, false);                                                                       \
    }                                                                                                                               \
    HG_ISA_FUNCTION(static, adam_##type, (R * p, R * g, R * m, R * v, const rule *k, size_t n), (p, g, m, v, k, n))                 \
    HG_INLINE void sgd_##type##_body(R *restrict p, R *restrict g, R *restrict m, R *restrict v, const rule *k,                     \
                                     size_t n) {                                                                                    \
        const R scale = (R)k->scale, limit = (R)k->limit, b = (R)k->beta1, rate = (R)k->rate, pull = (R)k->pull;                    \
        const R ahead = k->nesterov ? b : 1, now = k->nesterov ? 1 : 0;                                                             \
        (void)v;                                                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                                                            \
            const R d = clipped_##type(g[i], scale, limit) + pull * p[i];                                                           \
            m[i] = unless_tiny_##type(b * m[i] + d);                                                                                \
            p[i] -= rate * (now * d + ahead * m[i]);                                                                                \
            g[i] = 0;                                                                                                               \
        }                                                                                                                           \
    }                                                                                                                               \
    HG_ISA_FUNCTION(static, sgd_##type, (R * p, R * g, R * m, R * v, const rule *k, size_t n), (p, g, m, v, k, n))                  \
    HG_INLINE void blend_##type##_body(R *restrict a, const R *restrict p, double keep, size_t n) {                                 \
        const R old = (R)keep, new = (R)(1 - keep);                                                                                 \
        for (size_t i = 0; i < n; i++) a[i] = old * a[i] + new *p[i];                                                               \
    }                                                                                                                               \
    HG_ISA_FUNCTION(static, blend_##type, (R * a, const R *p, double keep, size_t n), (a, p, keep, n))                              \
    /* Of doubles, so that a large gradient is not an infinite one. */                                                              \
    HG_INLINE void squares_##type##_body(double *sum, const R *restrict g, size_t n) {                                              \
        double s[16] = { 0 };                                                                                                       \
        size_t i = 0;                                                                                                               \
        for (; i + 16 <= n; i += 16)                                                                                                \
            for (size_t k = 0; k < 16; k++) s[k] += (double)g[i + k] * (double)g[i + k];                                            \
        for (size_t k = 0; k < 16; k++) *sum += s[k];                                                                               \
    }                                                                                                                               \
    HG_ISA_FUNCTION(static, squares_##type, (double *sum, const R *g, size_t n), (sum, g, n))
#define ABS_f32(x)  __builtin_fabsf(x)
#define ABS_f64(x)  __builtin_fabs(x)
#define SQRT_f32(x) __builtin_sqrtf(x)
#define SQRT_f64(x) __builtin_sqrt(x)
KERNELS(f32, float)
KERNELS(f64, double)

/* ---- the kinds ------------------------------------------------------------------------------------------------ */

static void begin_adam(rule *k, const hg_optimizer_opts *o, double n) {
    k->beta1 = o->beta1;
    k->beta2 = o->beta2;
    k->eps = o->eps;
    k->rate /= 1 - pow(o->beta1, n);
    k->root = 1 / sqrt(1 - pow(o->beta2, n));
}

static void begin_sgd(rule *k, const hg_optimizer_opts *o, double n) {
    (void)n;
    k->beta1 = o->momentum;
    k->nesterov = o->nesterov;
}

typedef struct {
    const char *name;
    unsigned moments;
    bool decoupled; /* decay shrinks the weight instead of joining the gradient */
    void (*begin)(rule *k, const hg_optimizer_opts *o, double n);
    void (*run_f32)(float *p, float *g, float *m, float *v, const rule *k, size_t n);
    void (*run_f64)(double *p, double *g, double *m, double *v, const rule *k, size_t n);
} kind;

static const kind KINDS[HG_OPTIMIZER_KINDS] = {
    [HG_ADAM] = { "adam", 2, false, begin_adam, adam_f32, adam_f64 },
    [HG_ADAMW] = { "adamw", 2, true, begin_adam, adam_f32, adam_f64 },
    [HG_SGD] = { "sgd", 1, false, begin_sgd, sgd_f32, sgd_f64 },
};

const char *hg_optimizer_name(hg_optimizer_kind k) { return k < HG_OPTIMIZER_KINDS ? KINDS[k].name : NULL; }

hg_optimizer_opts hg_optimizer_opts_default(void) {
    return (hg_optimizer_opts) { .kind = HG_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8 };
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static bool unit(double x) { return x >= 0 && x < 1; }
static bool positive(double x) { return x >= 0 && isfinite(x); }

static hg_status check(const hg_params *p, const hg_optimizer_opts *o, hg_err *err) {
    const struct {
        const char *name;
        bool good;
    } want[] = {
        { "kind", o->kind < HG_OPTIMIZER_KINDS },
        { "beta1", unit(o->beta1) },
        { "beta2", unit(o->beta2) },
        { "eps", positive(o->eps) && o->eps > 0 },
        { "momentum", unit(o->momentum) },
        { "decay", positive(o->decay) },
        { "clip_norm", positive(o->clip_norm) },
        { "clip_value", positive(o->clip_value) },
        { "average", unit(o->average) },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (!want[i].good) return hg_fail(err, HG_EINVAL, "the optimiser's %s is out of its range", want[i].name);
    if (!p->gradient) return hg_fail(err, HG_EINVAL, "parameters that are not sealed, or fixed, cannot be optimised");
    return HG_OK;
}

static void *copy_of(const void *x, size_t bytes) { /* NULL: zeros */
    void *to = hg_aligned(bytes);
    if (to && x) memcpy(to, x, bytes);
    if (to && !x) memset(to, 0, bytes);
    return to;
}

hg_status hg_optimizer_new(hg_optimizer **out, hg_params *p, const hg_optimizer_opts *opts, hg_err *err) {
    *out = NULL;
    const hg_optimizer_opts o = opts ? *opts : hg_optimizer_opts_default();
    HG_TRY(check(p, &o, err));
    hg_optimizer *x = hg_calloc(1, sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for an optimiser");
    *x = (hg_optimizer) { .p = p, .o = o, .chunks = (p->size + HG_CHUNK - 1) / HG_CHUNK };
    const size_t bytes = hg_params_bytes(p);
    x->partial = hg_malloc(x->chunks, sizeof *x->partial);
    bool good = x->partial != NULL;
    for (unsigned i = 0; i < KINDS[o.kind].moments && good; i++) good = (x->moment[i] = copy_of(NULL, bytes)) != NULL;
    if (good && o.average > 0) good = (x->average = copy_of(p->values, bytes)) != NULL;
    if (!good) {
        hg_optimizer_free(x);
        return hg_fail(err, HG_ENOMEM, "no memory for what an optimiser of %zu numbers remembers", p->size);
    }
    *out = x;
    return HG_OK;
}

void hg_optimizer_free(hg_optimizer *o) {
    if (!o) return;
    for (unsigned i = 0; i < HG_MOMENTS; i++) hg_free(o->moment[i]);
    hg_free(o->average);
    hg_free(o->partial);
    hg_free(o);
}

uint64_t hg_optimizer_steps(const hg_optimizer *o) { return o->steps; }

void hg_optimizer_swap(hg_optimizer *o) {
    if (!o->average) return;
    void *weights = o->p->values;
    o->p->values = o->average;
    o->average = weights;
    o->swapped = !o->swapped;
}

/* ---- a step --------------------------------------------------------------------------------------------------- */

static void square_task(void *ctx, size_t begin, size_t end, size_t worker) {
    hg_optimizer *o = ctx;
    double *sum = &o->partial[begin / HG_CHUNK];
    (void)worker;
    *sum = 0;
    if (o->p->o.dtype == HG_F32)
        squares_f32(sum, (const float *)o->p->gradient + begin, end - begin);
    else
        squares_f64(sum, (const double *)o->p->gradient + begin, end - begin);
}

static hg_status not_finite(const hg_params *p, hg_err *err) {
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = p->e[i].at; k < p->e[i].at + p->e[i].n; k++)
            if (!isfinite(p->o.dtype == HG_F32 ? (double)((const float *)p->gradient)[k]
                                               : ((const double *)p->gradient)[k]))
                return hg_advise(err,
                                 hg_fail(err, HG_ENAN, "the gradient of parameter \"%s\" is not finite", p->e[i].name),
                                 "a smaller learning rate, clip_norm, or a look at the data may help");
    return hg_fail(err, HG_ENAN, "the norm of the gradient is not finite");
}

static void run(const hg_optimizer_pieces *s, size_t at, size_t n, double factor, bool decays, void *gradient) {
    const hg_optimizer *o = s->o;
    const kind *which = &KINDS[o->o.kind];
    rule k = s->rule;
    if (factor == 0) { /* frozen */
        memset(gradient, 0, n * hg_dtype_size(o->p->o.dtype));
        return;
    }
    k.rate *= factor;
    if (decays && which->decoupled) k.shrink = 1 - s->rate * factor * o->o.decay;
    if (decays && !which->decoupled) k.pull = o->o.decay;
    if (o->p->o.dtype == HG_F32) {
        float *m = o->moment[0], *v = o->moment[1];
        which->run_f32((float *)o->p->values + at, gradient, m + at, v ? v + at : NULL, &k, n);
    } else {
        double *m = o->moment[0], *v = o->moment[1];
        which->run_f64((double *)o->p->values + at, gradient, m + at, v ? v + at : NULL, &k, n);
    }
}

static void blend(const hg_optimizer_pieces *s, size_t at, size_t n) {
    const hg_optimizer *o = s->o;
    if (!o->average) return;
    if (o->p->o.dtype == HG_F32)
        blend_f32((float *)o->average + at, (const float *)o->p->values + at, s->keep, n);
    else
        blend_f64((double *)o->average + at, (const double *)o->p->values + at, s->keep, n);
}

static size_t entry_at(const hg_params *p, size_t at) { /* the last that begins at `at` or before */
    size_t low = 0, high = p->n;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (p->e[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Neighbours that are treated alike are one run. */
static void step_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const hg_optimizer_pieces *s = ctx;
    const hg_params *p = s->o->p;
    (void)worker;
    for (size_t i = entry_at(p, begin), at = begin; at < end;) {
        const hg_param_entry *first = &p->e[i];
        while (i < p->n && p->e[i].at < end && p->e[i].rate == first->rate && p->e[i].decays == first->decays) i++;
        const size_t next = i < p->n && p->e[i].at < end ? p->e[i].at : end;
        run(s, at, next - at, first->rate, first->decays, (char *)p->gradient + at * hg_dtype_size(p->o.dtype));
        at = next;
    }
    blend(s, begin, end - begin);
}

hg_status hg_optimizer_begin(hg_optimizer_pieces *s, hg_optimizer *o, double rate, hg_err *err) {
    const hg_optimizer_opts *opts = &o->o;
    if (!positive(rate)) return hg_fail(err, HG_EINVAL, "a learning rate of %g, expected 0 or more", rate);
    if (o->swapped) return hg_fail(err, HG_EINVAL, "a step while averaged weights stand in for the weights");
    const double n = (double)++o->steps;
    *s = (hg_optimizer_pieces) { .o = o, .rate = rate, .keep = fmin(opts->average, (1 + n) / (10 + n)) };
    s->rule =
        (rule) { .scale = 1, .limit = opts->clip_value > 0 ? opts->clip_value : INFINITY, .rate = rate, .shrink = 1 };
    KINDS[opts->kind].begin(&s->rule, opts, n);
    return HG_OK;
}

void hg_optimizer_piece(const hg_optimizer_pieces *s, size_t which, size_t at, size_t n, void *gradient) {
    const hg_param_entry *e = &s->o->p->e[which];
    hg_optimizer_pieces leaving = *s;
    leaving.rule.leaves = true;
    run(&leaving, e->at + at, n, e->rate, e->decays, gradient);
    blend(s, e->at + at, n);
}

hg_status hg_optimizer_step(double *norm, hg_optimizer *o, double rate, hg_pool *pool, hg_err *err) {
    double sum = 0;
    hg_optimizer_pieces s;
    hg_pool_for(pool, o->p->size, HG_CHUNK, square_task, o);
    for (size_t i = 0; i < o->chunks; i++) sum += o->partial[i];
    if (positive(rate) && !o->swapped && !isfinite(sum)) return not_finite(o->p, err);
    HG_TRY(hg_optimizer_begin(&s, o, rate, err));
    const double length = sqrt(sum), most = o->o.clip_norm;
    if (most > 0 && length > most) s.rule.scale = most / length;
    hg_pool_for(pool, o->p->size, HG_CHUNK, step_task, &s);
    if (norm) *norm = length;
    return HG_OK;
}
