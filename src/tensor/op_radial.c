/* tensor/op_radial.c -- functions of a distance, cut off smoothly, and their derivatives; see hagane/tensor.h
 *
 * The m-th derivative of f_k(d) c(d) is the sum over i of (m over i) f_k^(i) c^(m-i): a distance has weights W[i] = (m over i) c^(m-i),
 * and a function is the sum of W[i] f_k^(i). An operation with order m computes that; its derivative is the one with order m + 1, so that
 * forces are differentiated as energies are. Orders go up to 3, which is what the gradient of a gradient of a gradient would need.
 *   bells      exp(-beta (e(d) - mu_k)^2): vector loops over k
 *   waves      sin(k a d) / d, T_k(x(d)): recurrences over k, vector loops over BLOCK distances
 */
#include "num/isa.h"
#include "tensor/ops.h"
#include "tensor/real.h"

enum { ORDERS = 4, BLOCK = 16, POWER_MOST = 64 };
#define PI 3.14159265358979323846

typedef struct {
    hg_radial_opts o; /* no field is 0 for a default any more */
    unsigned order;
} radial;

typedef struct {
    double d[BLOCK], w[ORDERS][BLOCK];
    size_t n;
} block;

/* ---- what is multiplied with: c(d) and its derivatives ------------------------------------------------------------- */

static void cosine(double c[ORDERS], double x, const hg_radial_opts *o) {
    (void)o;
    c[0] = 0.5 * (cos(PI * x) + 1);
    c[1] = -0.5 * PI * sin(PI * x);
    c[2] = -0.5 * PI * PI * cos(PI * x);
    c[3] = 0.5 * PI * PI * PI * sin(PI * x);
}

static void polynomial(double c[ORDERS], double x, const hg_radial_opts *o) {
    const double p = o->power, A = -(p + 1) * (p + 2) / 2, B = p * (p + 2), C = -p * (p + 1) / 2;
    double y = 1; /* x^(p - 3) */
    for (unsigned i = 3; i < o->power; i++) y *= x;
    c[0] = 1 + y * x * x * x * (A + x * (B + x * C));
    c[1] = y * x * x * (A * p + x * (B * (p + 1) + x * C * (p + 2)));
    c[2] = y * x * (A * p * (p - 1) + x * (B * (p + 1) * p + x * C * (p + 2) * (p + 1)));
    c[3] = y * (A * p * (p - 1) * (p - 2) + x * (B * (p + 1) * p * (p - 1) + x * C * (p + 2) * (p + 1) * p));
}

/* exp(h), h = 1 - 1 / (1 - x^2) */
static void bump(double c[ORDERS], double x, const hg_radial_opts *o) {
    const double w = 1 / (1 - x * x), f = exp(1 - w);
    const double h1 = -2 * x * w * w, h2 = -2 * w * w - 8 * x * x * w * w * w,
                 h3 = -24 * x * w * w * w - 48 * x * x * x * w * w * w * w;
    (void)o;
    for (unsigned i = 0; i < ORDERS; i++) c[i] = 0;
    if (w > 600) return; /* exp(-600): nothing is left, and w^6 would make something of it */
    c[0] = f;
    c[1] = f * h1;
    c[2] = f * (h2 + h1 * h1);
    c[3] = f * (h3 + 3 * h1 * h2 + h1 * h1 * h1);
}

static void nothing(double c[ORDERS], double x, const hg_radial_opts *o) {
    (void)x, (void)o;
    c[0] = 1;
    c[1] = c[2] = c[3] = 0;
}

static void (*const CUTOFF[])(double c[ORDERS], double x, const hg_radial_opts *o) = {
    [HG_CUTOFF_COSINE] = cosine,
    [HG_CUTOFF_POLYNOMIAL] = polynomial,
    [HG_CUTOFF_BUMP] = bump,
    [HG_CUTOFF_NONE] = nothing,
};
enum { CUTOFFS = sizeof CUTOFF / sizeof *CUTOFF };

static void weigh(block *b, const radial *r) {
    static const double OVER[ORDERS][ORDERS] = { { 1 }, { 1, 1 }, { 1, 2, 1 }, { 1, 3, 3, 1 } };
    for (size_t i = 0; i < b->n; i++) {
        double c[ORDERS] = { 0 }, scale[ORDERS] = { 1 };
        for (unsigned k = 1; k < ORDERS; k++) scale[k] = scale[k - 1] / r->o.cutoff;
        if (b->d[i] < r->o.cutoff || r->o.envelope == HG_CUTOFF_NONE)
            CUTOFF[r->o.envelope](c, b->d[i] / r->o.cutoff, &r->o);
        for (unsigned k = 0; k < ORDERS; k++)
            b->w[k][i] = k <= r->order ? OVER[r->order][k] * c[r->order - k] * scale[r->order - k] : 0;
    }
}

/* ---- the functions ------------------------------------------------------------------------------------------------ */

/* One distance: y[k] from e(d), its derivatives e1, e2, e3, centres first + k step, and the weights. */
#define BELLS(type, R)                                                                                                 \
    HG_INLINE void bells_##type##_body(R *restrict y, size_t n, R first, R step, R beta, const R e[ORDERS],            \
                                       const R w[ORDERS], bool slopes) {                                               \
        if (!slopes) {                                                                                                 \
            for (size_t k = 0; k < n; k++) {                                                                           \
                const R u = e[0] - (first + step * (R)(int)k);                                                         \
                y[k] = w[0] * hg_exp_##type(-beta * u * u);                                                            \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t k = 0; k < n; k++) {                                                                               \
            const R u = e[0] - (first + step * (R)(int)k), f = hg_exp_##type(-beta * u * u);                           \
            const R h1 = -2 * beta * u * e[1], h2 = -2 * beta * (e[1] * e[1] + u * e[2]);                              \
            const R h3 = -2 * beta * (3 * e[1] * e[2] + u * e[3]);                                                     \
            y[k] = f * (w[0] + w[1] * h1 + w[2] * (h2 + h1 * h1) + w[3] * (h3 + 3 * h1 * h2 + h1 * h1 * h1));          \
        }                                                                                                              \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, bells_##type,                                                                              \
                    (R * y, size_t n, R first, R step, R beta, const R *e, const R *w, bool slopes),                   \
                    (y, n, first, step, beta, e, w, slopes))
BELLS(f32, float)
BELLS(f64, double)

/* sqrt(2/c) sin(a d) / d for a = pi/c, 2 pi/c, ... of BLOCK distances, whose sines are made from those before: sin((k+1)t) =
 * 2 cos t sin(kt) - sin((k-1)t). From d f = sin(a d): d f^(i) + i f^(i-1) is the i-th derivative of the sine; near 0, where that is a
 * difference of large numbers, the series of sin x / x. */
HG_INLINE void bessel_body(double *restrict y, size_t n, const double *restrict d, const double (*restrict w)[BLOCK],
                           double c) {
    double s[BLOCK], s_before[BLOCK] = { 0 }, co[BLOCK], co_before[BLOCK], twice[BLOCK];
    const double size = __builtin_sqrt(2 / c);
    for (size_t l = 0; l < BLOCK; l++) {
        s[l] = sin(PI / c * d[l]);
        co[l] = cos(PI / c * d[l]);
        twice[l] = 2 * co[l];
        co_before[l] = 1;
    }
    for (size_t k = 0; k < n; k++, y += BLOCK) {
        const double a = PI / c * (double)(int)(k + 1);
        for (size_t l = 0; l < BLOCK; l++) {
            const double x = a * d[l], q = x * x, per = 1 / (d[l] > 1e-300 ? d[l] : 1e-300);
            const double f0 = s[l] * per, f1 = (a * co[l] - f0) * per, f2 = (-a * a * s[l] - 2 * f1) * per,
                         f3 = (-a * a * a * co[l] - 3 * f2) * per;
            const double g0 = 1 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q / 362880)));
            const double g1 = x * (-1.0 / 3 + q * (1.0 / 30 + q * (-1.0 / 840 + q * (1.0 / 45360 - q / 3991680))));
            const double g2 = -1.0 / 3 + q * (1.0 / 10 + q * (-1.0 / 168 + q * (1.0 / 6480 - q / 443520)));
            const double g3 = x * (1.0 / 5 + q * (-1.0 / 42 + q * (1.0 / 1080 - q / 55440)));
            const double far = w[0][l] * f0 + w[1][l] * f1 + w[2][l] * f2 + w[3][l] * f3;
            const double near = a * (w[0][l] * g0 + a * (w[1][l] * g1 + a * (w[2][l] * g2 + a * w[3][l] * g3)));
            y[l] = size * (x < 0.3 ? near : far);
            const double next = twice[l] * s[l] - s_before[l], co_next = twice[l] * co[l] - co_before[l];
            s_before[l] = s[l];
            co_before[l] = co[l];
            s[l] = next;
            co[l] = co_next;
        }
    }
}
HG_ISA_FUNCTION(static, bessel, (double *y, size_t n, const double *d, const double (*w)[BLOCK], double c),
                (y, n, d, w, c))

/* T_0 .. T_(n-1) of x = 2 d / c - 1 and their derivatives: T_(k+1) = 2 x T_k - T_(k-1), differentiated three times. */
HG_INLINE void chebyshev_body(double *restrict y, size_t n, const double *restrict d, const double (*restrict w)[BLOCK],
                              double c) {
    double now[ORDERS][BLOCK] = { { 0 } }, before[ORDERS][BLOCK] = { { 0 } };
    const double q = 2 / c;
    for (size_t l = 0; l < BLOCK; l++) {
        now[0][l] = 1;
        before[0][l] = q * d[l] - 1; /* T_(-1) = T_1 = x */
        before[1][l] = 1;
    }
    for (size_t k = 0; k < n; k++, y += BLOCK)
        for (size_t l = 0; l < BLOCK; l++) {
            const double x = q * d[l] - 1, two = k == 0 ? 1 : 2; /* T_1 = x T_0 */
            y[l] =
                w[0][l] * now[0][l] + q * (w[1][l] * now[1][l] + q * (w[2][l] * now[2][l] + q * w[3][l] * now[3][l]));
            const double on = k == 0 ? 0 : 1;
            for (unsigned i = ORDERS; i-- > 0;) {
                const double next = two * (x * now[i][l] + (i ? (double)i * now[i - 1][l] : 0)) - on * before[i][l];
                before[i][l] = now[i][l];
                now[i][l] = next;
            }
        }
}
HG_ISA_FUNCTION(static, chebyshev, (double *y, size_t n, const double *d, const double (*w)[BLOCK], double c),
                (y, n, d, w, c))

/* ---- the operation ------------------------------------------------------------------------------------------------ */

static double distance(const hg_tensor *x, size_t i) {
    return x->dtype == HG_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

static void bells_of(const radial *r, const block *b, hg_dtype dtype, void *y) {
    const hg_radial_opts *o = &r->o;
    const bool normal = o->kind == HG_RADIAL_EXP_NORMAL;
    const double first = normal ? exp(-o->alpha * o->cutoff) : o->start,
                 last = normal ? exp(-o->alpha * o->start) : o->cutoff;
    const double step = o->count > 1 ? (last - first) / (double)(o->count - 1) : 0;
    for (size_t i = 0; i < b->n; i++) {
        const double decay = exp(-o->alpha * b->d[i]);
        double e[ORDERS] = { b->d[i], 1, 0, 0 }, w[ORDERS];
        for (unsigned k = 0; k < ORDERS; k++) w[k] = b->w[k][i];
        if (normal) e[0] = decay, e[1] = -o->alpha * e[0], e[2] = -o->alpha * e[1], e[3] = -o->alpha * e[2];
        if (dtype == HG_F32) {
            float ef[ORDERS], wf[ORDERS];
            for (unsigned k = 0; k < ORDERS; k++) ef[k] = (float)e[k], wf[k] = (float)w[k];
            bells_f32((float *)y + i * o->count, o->count, (float)first, (float)step, (float)o->beta, ef, wf,
                      r->order > 0);
        } else {
            bells_f64((double *)y + i * o->count, o->count, first, step, o->beta, e, w, r->order > 0);
        }
    }
}

/* y[b->n, count] of one block of distances. */
static void values(const radial *r, const hg_tensor *x, size_t at, size_t n, void *y) {
    block b = { .n = n };
    for (size_t i = 0; i < n; i++) b.d[i] = distance(x, at + i);
    weigh(&b, r);
    if (r->o.kind == HG_RADIAL_GAUSSIAN || r->o.kind == HG_RADIAL_EXP_NORMAL) {
        bells_of(r, &b, x->dtype, y);
        return;
    }
    double columns[HG_RADIAL_MOST * BLOCK];
    (r->o.kind == HG_RADIAL_BESSEL ? bessel : chebyshev)(columns, r->o.count, b.d, (const double(*)[BLOCK])b.w,
                                                         r->o.cutoff);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r->o.count; k++) {
            if (x->dtype == HG_F32)
                ((float *)y)[i * r->o.count + k] = (float)columns[k * BLOCK + i];
            else
                ((double *)y)[i * r->o.count + k] = columns[k * BLOCK + i];
        }
}

static hg_status shape(hg_tensor *out, hg_err *err) {
    const radial *r = out->attr;
    const hg_radial_opts *o = &r->o;
    const hg_tensor *x = out->in[0];
    if ((unsigned)o->kind > HG_RADIAL_CHEBYSHEV || (unsigned)o->envelope >= (unsigned)CUTOFFS)
        return hg_fail(err, HG_EINVAL, "there is no such basis or cut-off");
    if (o->count < 1 || o->count > HG_RADIAL_MOST)
        return hg_fail(err, HG_EINVAL, "%zu functions, from 1 to %d", o->count, HG_RADIAL_MOST);
    if (!(o->cutoff > 0 && o->cutoff < 1e6 && o->start >= 0 && o->start < o->cutoff))
        return hg_fail(err, HG_EINVAL, "distances from %g to %g, the first at least 0 and the second larger", o->start,
                       o->cutoff);
    if (!(o->beta > 0 && o->alpha > 0))
        return hg_fail(err, HG_EINVAL, "alpha %g and beta %g have to be above 0", o->alpha, o->beta);
    if (o->power < 3 || o->power > POWER_MOST)
        return hg_fail(err, HG_EINVAL, "a cut-off of power %u, from 3 to %d", o->power, POWER_MOST);
    if (r->order >= ORDERS) return hg_fail(err, HG_EINVAL, "a derivative of order %u", r->order);
    if (x->rank == HG_RANK_MOST) return hg_fail(err, HG_EINVAL, "%u axes, at most %d", x->rank, HG_RANK_MOST - 1);
    hg_shape_like(out, x);
    out->shape[out->rank++] = o->count;
    return HG_OK;
}

typedef struct {
    hg_tensor *out;
    bool add;
} job;

static void forward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    const radial *r = j->out->attr;
    const size_t row = r->o.count * hg_dtype_size(j->out->dtype);
    (void)worker;
    for (size_t at = begin; at < end; at += BLOCK)
        values(r, j->out->in[0], at, end - at < BLOCK ? end - at : BLOCK, (char *)j->out->data + at * row);
}

static size_t distances_a_task(const radial *r) { return (1 + HG_CHUNK / r->o.count / BLOCK) * BLOCK; }

static void forward(hg_tensor *out, hg_tape *t) {
    job j = { out, false };
    hg_pool_for(hg_tape_pool(t), hg_elements(out->in[0]), distances_a_task(out->attr), forward_task, &j);
}

/* dx = the sum over k of g[k] times the next derivative. */
static void backward_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *j = ctx;
    hg_tensor *out = j->out, *x = out->in[0];
    radial next = *(const radial *)out->attr;
    const size_t count = next.o.count;
    union {
        float f32[HG_RADIAL_MOST * BLOCK];
        double f64[HG_RADIAL_MOST * BLOCK];
    } slope;
    (void)worker;
    next.order++;
    for (size_t at = begin; at < end; at += BLOCK) {
        const size_t n = end - at < BLOCK ? end - at : BLOCK;
        values(&next, x, at, n, &slope);
        for (size_t i = 0; i < n; i++) {
            const size_t from = (at + i) * count;
            double sum = 0;
            for (size_t k = 0; k < count; k++)
                sum += out->dtype == HG_F32 ? (double)(slope.f32[i * count + k] * ((const float *)out->grad)[from + k])
                                            : slope.f64[i * count + k] * ((const double *)out->grad)[from + k];
            if (out->dtype == HG_F32)
                ((float *)x->grad)[at + i] = (float)(sum + (j->add ? (double)((float *)x->grad)[at + i] : 0));
            else
                ((double *)x->grad)[at + i] = sum + (j->add ? ((double *)x->grad)[at + i] : 0);
        }
    }
}

static void backward(hg_tensor *out, hg_tape *t) {
    const radial *r = out->attr;
    if (r->order + 1 >= ORDERS) {
        hg_tape_fail(t, HG_EINVAL, "radial: can be differentiated %d times", ORDERS - 1);
        return;
    }
    job j = { out, !hg_grad_fresh(out->in[0]) };
    hg_pool_for(hg_tape_pool(t), hg_elements(out->in[0]), distances_a_task(r), backward_task, &j);
}

static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    radial next = *(const radial *)out->attr;
    (void)i;
    next.order++;
    hg_tensor *slope = hg_apply(t, &hg_op_radial, out->in, 1, 0, &next, sizeof next);
    return hg_sum(t, hg_mul(t, g, slope), 1u << (out->rank - 1));
}

hg_radial_opts hg_radial_opts_default(void) {
    return (hg_radial_opts) {
        .kind = HG_RADIAL_BESSEL, .envelope = HG_CUTOFF_COSINE, .count = 20, .cutoff = 5, .power = 6
    };
}

hg_tensor *hg_radial(hg_tape *t, hg_tensor *d, const hg_radial_opts *opts) {
    radial r = { opts ? *opts : hg_radial_opts_default(), 0 };
    hg_radial_opts *o = &r.o;
    const double n = (double)(o->count > 1 ? o->count - 1 : 1);
    if (o->power == 0) o->power = 6;
    if (o->alpha == 0) o->alpha = 1;
    if (o->beta == 0 && o->kind == HG_RADIAL_EXP_NORMAL) {
        const double between = 2 / (double)o->count * (exp(-o->alpha * o->start) - exp(-o->alpha * o->cutoff));
        o->beta = 1 / (between * between);
    } else if (o->beta == 0) {
        const double between = (o->cutoff - o->start) / n;
        o->beta = 0.5 / (between * between);
    }
    return hg_apply(t, &hg_op_radial, (hg_tensor *[]) { hg_contiguous(t, d) }, 1, 0, &r, sizeof r);
}

/* Distances from near 0 to beyond the cut-off; |x| + 0.05 of normal numbers has few that are not where bases are used. */
static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    const unsigned kinds = HG_RADIAL_CHEBYSHEV + 1;
    hg_radial_opts o = hg_radial_opts_default();
    o.kind = k % kinds;
    o.envelope = k / kinds % CUTOFFS;
    o.count = 7;
    o.cutoff = 1.5;
    if (k == kinds * CUTOFFS) return hg_radial(t, hg_example(t, r, HG_SHAPE(0), false), &o);
    if (k > kinds * CUTOFFS) return NULL;
    const hg_shape s = k % 3 ? HG_SHAPE(19) : HG_SHAPE(3, 2);
    return hg_radial(t, hg_affine(t, hg_map(t, HG_ABS, hg_example(t, r, s, k % 3 == 0)), 1, 0.05), &o);
}

const hg_op hg_op_radial = { "radial", shape, forward, backward, derive, example };
