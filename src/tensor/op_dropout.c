/* tensor/op_dropout.c -- elements left out at random while training; see hagane/tensor.h
 *
 * Srivastava et al., J. Mach. Learn. Res. 15, 1929 (2014); what is kept is divided by the probability to be kept. Element i of the k-th
 * dropout of step s depends on (seed, s, k, i) alone: chunk c of its mask is the stream (s, k, c) of the generator, 16 bits an element,
 * so that p is a multiple of 1/65536. The mask is kept for the way back, a byte an element.
 */
#include "num/isa.h"
#include "tensor/ops.h"

enum { STEPS_16 = 65536 };

typedef struct {
    double p;
    uint64_t draw; /* the how-manieth random operation of the step */
    uint8_t *kept;
} dropout;

static uint32_t threshold(const dropout *d) { return (uint32_t)(d->p * STEPS_16 + 0.5); } /* below it: left out */
static double scale_of(const dropout *d) { return (double)STEPS_16 / (STEPS_16 - threshold(d)); }

#define KERNEL(type, R)                                                                                                \
    HG_INLINE void masked_##type##_body(R *restrict y, const R *restrict x, ptrdiff_t sx,                              \
                                        const uint8_t *restrict kept, size_t n, R scale, bool add) {                   \
        if (sx == 1)                                                                                                   \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (kept[i] ? scale * x[i] : 0);                     \
        else                                                                                                           \
            for (size_t i = 0; i < n; i++) y[i] = (add ? y[i] : 0) + (kept[i] ? scale * x[(ptrdiff_t)i * sx] : 0);     \
    }                                                                                                                  \
    HG_ISA_FUNCTION(static, masked_##type,                                                                             \
                    (R * y, const R *x, ptrdiff_t sx, const uint8_t *kept, size_t n, R scale, bool add),               \
                    (y, x, sx, kept, n, scale, add))
KERNEL(f32, float)
KERNEL(f64, double)

static hg_status shape(hg_tensor *out, hg_err *err) {
    const dropout *d = out->attr;
    if (!(d->p >= 0 && threshold(d) < STEPS_16))
        return hg_fail(err, HG_EINVAL, "a probability of %g, it has to be at least 0 and below 1", d->p);
    hg_shape_like(out, out->in[0]);
    return HG_OK;
}

typedef struct {
    uint8_t *kept;
    uint64_t seed, stream;
    uint32_t threshold;
} drawing;

static void draw_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const drawing *d = ctx;
    hg_rng r = hg_rng_make(d->seed, d->stream + begin / HG_CHUNK);
    (void)worker;
    for (size_t i = begin; i < end; i += 4) {
        uint64_t bits = hg_rng_u64(&r);
        for (size_t k = i; k < i + 4 && k < end; k++, bits >>= 16) d->kept[k] = (bits & 0xffff) >= d->threshold;
    }
}

/* Two rounds of splitmix64's finaliser (Steele, Lea & Flood, OOPSLA 2014), so that streams of neighbouring steps and draws lie apart. */
static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

typedef struct {
    hg_tensor *out;
    void *y;
    const void *x;
    bool add;
} job;

static void run(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]) {
    const job *j = ctx;
    const dropout *d = j->out->attr;
    const ptrdiff_t step = hg_loop_step(l, 0);
    if (j->out->dtype == HG_F32)
        masked_f32((float *)j->y + at, (const float *)j->x + offset[0], step, d->kept + at, n, (float)scale_of(d),
                   j->add);
    else
        masked_f64((double *)j->y + at, (const double *)j->x + offset[0], step, d->kept + at, n, scale_of(d), j->add);
}

static void forward(hg_tensor *out, hg_tape *t) {
    dropout *d = out->attr;
    const size_t n = hg_elements(out);
    if (!d->kept) {
        d->kept = hg_tape_alloc(t, n, 1);
        if (!d->kept) return;
        drawing w = { d->kept, hg_tape_seed(t), mix(mix(hg_tape_step(t)) + d->draw), threshold(d) };
        hg_pool_for(hg_tape_pool(t), n, HG_CHUNK, draw_task, &w);
    }
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { out->in[0] }, 1);
    job j = { out, out->data, out->in[0]->data, false };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

static void backward(hg_tensor *out, hg_tape *t) {
    const hg_loop l = hg_loop_over(out, (const hg_tensor *[]) { NULL }, 1);
    job j = { out, out->in[0]->grad, out->grad, !hg_grad_fresh(out->in[0]) };
    hg_loop_do(hg_tape_pool(t), &l, run, &j);
}

/* The same mask on what comes back: linear, so its own derivative. */
static hg_tensor *derive(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i) {
    const dropout d = *(const dropout *)out->attr;
    (void)i;
    return hg_apply(t, &hg_op_dropout, &g, 1, 0, &d, sizeof d);
}

static hg_tensor *example(hg_tape *t, hg_rng *r, unsigned k) {
    static const hg_shape SHAPES[] = { { 2, { 5, 7 } }, { 0, { 0 } }, { 2, { 0, 3 } }, { 3, { 3, 4, 2 } } };
    return k < 4 ? hg_dropout(t, hg_example(t, r, SHAPES[k], k == 3), k == 0 ? 0.5 : 0.2) : NULL;
}

const hg_op hg_op_dropout = { "dropout", shape, forward, backward, derive, example };

hg_tensor *hg_dropout(hg_tape *t, hg_tensor *x, double p) {
    if (!hg_tape_training(t))
        return p >= 0 && p < 1 ? x : hg_tape_fail(t, HG_EINVAL, "dropout: a probability of %g", p);
    const dropout d = { p, hg_tape_draw(t), NULL };
    return hg_apply(t, &hg_op_dropout, &x, 1, 0, &d, sizeof d);
}
