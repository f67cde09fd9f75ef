/* tensor/onednn.c -- the only file that knows oneDNN; see tensor/onednn.h
 *
 * A convolution is cut along batch and depth into slabs whose borders depend on sizes alone. A slab is a task of our pool: its part of the
 * input is brought into the layout that oneDNN chose for it, convolved, and brought back, while it is in the cache. oneDNN's own threads
 * (libgomp) never start: each task runs on one, so that fork stays harmless and the bits do not depend on the number of threads. Slabs of
 * equal shape share one primitive; oneDNN keeps compiled code between calls itself (its primitive cache).
 *
 * Products are in bfloat16 where the tape asks for it and the processor has it: half the time. In float, changes of layout included, it is
 * 0 to 40 % faster than tensor/conv.c. That does what is left: groups, few channels, little work, dx of strides.
 */
#include "tensor/onednn.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdatomic.h>
#include <string.h>
#if DNNL_VERSION_MAJOR != 2
#error                                                                                                                 \
    "written for version 2 of oneDNN: configure with -DHAGANE_ONEDNN=OFF, or port this file (operation descriptors went in version 3)"
#endif

/* Of libgomp; its header belongs to one compiler. */
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);

enum {
    TASKS = 16,
    PLANS = 4,
    ALIGN = 64,
    EDGE = 8 /* channels worth rounding: as of products of matrices */,
    DEPTH_LEAST = 4
};
static const double TASK_LEAST = 3e7 /* multiply-adds of a slab */, WORK_LEAST = 1 << 23 /* of a convolution */;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t aligned(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }
static size_t volume(const size_t n[3]) { return n[0] * n[1] * n[2]; }

/* Slabs of one shape: what oneDNN made of it. */
typedef struct {
    size_t x, y, front; /* depths of the slab's input and output, zeros before the input */
    dnnl_primitive_t conv, in, out;
    dnnl_memory_desc_t x_user, x_own, y_user, y_own, w_own, scratch;
    void *w; /* packed */
} plan;

typedef struct {
    const hg_conv *c;
    bool weights; /* x, y (its gradient) -> w; else x, w -> y */
    dnnl_data_type_t type;
    dnnl_engine_t engine;
    plan plans[PLANS];
    size_t n_plans, slabs, depth; /* of an item; output of a slab */
    const char *x;
    char *y;
    const ptrdiff_t *x_stride, *y_stride; /* of tensors [batch, channels, d, h, w] */
    const void *bias;
    bool add; /* to y */
    hg_function act;
    char *after; /* act(y), laid out as y */
    char *room;  /* [threads]: x, y, w and scratch of a slab */
    size_t room_x, room_y, room_w, room_size;
    char *sums; /* of weights: [segments][room_w] */
    size_t segments;
    atomic_bool failed;
} job;

/* oneDNN's choices depend on the number of threads that it sees. */
typedef struct {
    int threads;
} omp;
static omp one_thread(void) {
    const omp was = { omp_get_max_threads() };
    omp_set_num_threads(1);
    return was;
}
static void as_before(omp was) { omp_set_num_threads(was.threads); }

/* ---- plans ---------------------------------------------------------------------------------------------------- */

static size_t reach(const hg_conv *c, int a) { return (c->kernel[a] - 1) * c->dilation[a] + 1; }

/* Depths of slab k: outputs from..to, and what of the input they see. */
typedef struct {
    size_t from, to, x_from, x_to, front;
} range;
static range slab_range(const job *j, size_t k) {
    const hg_conv *c = j->c;
    range r = { .from = k * j->depth, .to = least((k + 1) * j->depth, c->y[0]) };
    const size_t begin = r.from * c->stride[0], end = (r.to - 1) * c->stride[0] + reach(c, 0), pad = c->padding[0];
    r.x_from = begin > pad ? begin - pad : 0;
    r.x_to = end > pad ? least(end - pad, c->x[0]) : 0;
    r.front = pad > begin ? pad - begin : 0;
    return r;
}

static plan *plan_of(job *j, const range *r) {
    for (size_t i = 0; i < j->n_plans; i++) {
        plan *p = &j->plans[i];
        if (p->x == r->x_to - r->x_from && p->y == r->to - r->from && p->front == r->front) return p;
    }
    return NULL;
}

static bool ok(dnnl_status_t st) { return st == dnnl_success; }

static bool any_layout(dnnl_memory_desc_t *m, const dnnl_dims_t n, dnnl_data_type_t type) {
    return ok(dnnl_memory_desc_init_by_tag(m, 5, n, type, dnnl_format_tag_any));
}

static bool user_layout(dnnl_memory_desc_t *m, const dnnl_dims_t n, const ptrdiff_t stride[5]) {
    dnnl_dims_t s;
    for (int i = 0; i < 5; i++) s[i] = stride[i];
    return ok(dnnl_memory_desc_init_by_strides(m, 5, n, dnnl_f32, s));
}

static bool reorder(dnnl_primitive_t *out, const job *j, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                    bool add) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_primitive_desc_t d = NULL;
    bool good = ok(dnnl_primitive_attr_create(&attr)) && ok(dnnl_post_ops_create(&post));
    if (good && add) good = ok(dnnl_post_ops_append_sum(post, 1)) && ok(dnnl_primitive_attr_set_post_ops(attr, post));
    good = good && ok(dnnl_reorder_primitive_desc_create(&d, from, j->engine, to, j->engine, attr)) &&
           ok(dnnl_primitive_create(out, d));
    dnnl_primitive_desc_destroy(d);
    dnnl_post_ops_destroy(post);
    dnnl_primitive_attr_destroy(attr);
    return good;
}

typedef struct {
    dnnl_dims_t x, w, y, bias, stride, dilation, before, after;
} sizes;

static sizes sizes_of(const hg_conv *c, const plan *p) {
    const size_t x[3] = { p->x, c->x[1], c->x[2] }, y[3] = { p->y, c->y[1], c->y[2] },
                 front[3] = { p->front, c->padding[1], c->padding[2] };
    sizes s = { .x = { 1, (dnnl_dim_t)c->in },
                .w = { (dnnl_dim_t)c->out, (dnnl_dim_t)c->in },
                .y = { 1, (dnnl_dim_t)c->out } };
    s.bias[0] = (dnnl_dim_t)c->out;
    for (int a = 0; a < 3; a++) {
        const size_t end = (y[a] - 1) * c->stride[a] + reach(c, a), had = x[a] + front[a];
        s.x[2 + a] = (dnnl_dim_t)x[a];
        s.w[2 + a] = (dnnl_dim_t)c->kernel[a];
        s.y[2 + a] = (dnnl_dim_t)y[a];
        s.stride[a] = (dnnl_dim_t)c->stride[a];
        s.dilation[a] = (dnnl_dim_t)c->dilation[a] - 1;
        s.before[a] = (dnnl_dim_t)front[a];
        s.after[a] = (dnnl_dim_t)(end > had ? end - had : 0);
    }
    return s;
}

static bool describe(dnnl_primitive_desc_t *out, const job *j, const sizes *s, bool weights, dnnl_primitive_attr_t attr,
                     dnnl_primitive_desc_t hint) {
    dnnl_memory_desc_t x, w, y, bias;
    dnnl_convolution_desc_t d;
    if (!any_layout(&x, s->x, j->type) || !any_layout(&w, s->w, weights ? dnnl_f32 : j->type) ||
        !any_layout(&y, s->y, j->weights ? j->type : dnnl_f32) ||
        !ok(dnnl_memory_desc_init_by_tag(&bias, 1, s->bias, dnnl_f32, dnnl_a)))
        return false;
    const dnnl_status_t st =
        weights ? dnnl_dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, &x, &w, NULL, &y,
                                                                      s->stride, s->dilation, s->before, s->after)
                : dnnl_dilated_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct, &x,
                                                             &w, j->bias ? &bias : NULL, &y, s->stride, s->dilation,
                                                             s->before, s->after);
    return ok(st) && ok(dnnl_primitive_desc_create(out, &d, attr, j->engine, hint));
}

static const dnnl_memory_desc_t *layout(dnnl_primitive_desc_t d, dnnl_query_t what) {
    return dnnl_primitive_desc_query_md(d, what, 0);
}

static bool make_plan(job *j, plan *p) {
    const sizes s = sizes_of(j->c, p);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t d = NULL, hint = NULL;
    bool good = ok(dnnl_primitive_attr_create(&attr)) &&
                ok(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    good = good && describe(j->weights ? &hint : &d, j, &s, false, attr, NULL);
    if (j->weights) good = good && describe(&d, j, &s, true, attr, hint);
    good = good && ok(dnnl_primitive_create(&p->conv, d)) && user_layout(&p->x_user, s.x, j->x_stride) &&
           user_layout(&p->y_user, s.y, j->y_stride);
    if (good) {
        p->x_own = *layout(d, dnnl_query_src_md);
        p->w_own = *layout(d, j->weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
        p->y_own = *layout(d, j->weights ? dnnl_query_diff_dst_md : dnnl_query_dst_md);
        p->scratch = *layout(d, dnnl_query_scratchpad_md);
        good = reorder(&p->in, j, &p->x_user, &p->x_own, false) &&
               (j->weights ? reorder(&p->out, j, &p->y_user, &p->y_own, false)
                           : reorder(&p->out, j, &p->y_own, &p->y_user, j->add));
    }
    dnnl_primitive_desc_destroy(d);
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(attr);
    return good;
}

/* false: oneDNN cannot, or there are too many shapes of slabs. */
static bool make_plans(job *j) {
    for (size_t k = 0; k < j->slabs; k++) {
        const range r = slab_range(j, k);
        if (r.x_to <= r.x_from) return false; /* sees nothing but border */
        if (plan_of(j, &r)) continue;
        if (j->n_plans == PLANS) return false;
        plan *p = &j->plans[j->n_plans++];
        p->x = r.x_to - r.x_from;
        p->y = r.to - r.from;
        p->front = r.front;
        if (!make_plan(j, p)) return false;
        if (j->weights && !dnnl_memory_desc_equal(&p->w_own, &j->plans[0].w_own)) return false; /* they are added up */
    }
    return true;
}

/* ---- work ----------------------------------------------------------------------------------------------------- */

enum { ARGS = 5 };
typedef struct {
    int which;
    const dnnl_memory_desc_t *layout;
    const void *data;
} argument;

static bool execute(const job *j, dnnl_stream_t stream, dnnl_primitive_t what, const argument *a, int n) {
    dnnl_memory_t m[ARGS] = { NULL };
    dnnl_exec_arg_t args[ARGS] = { { 0, NULL } };
    bool good = true;
    for (int i = 0; good && i < n; i++) {
        good = ok(dnnl_memory_create(&m[i], a[i].layout, j->engine, (void *)(uintptr_t)a[i].data));
        args[i] = (dnnl_exec_arg_t) { a[i].which, m[i] };
    }
    good = good && ok(dnnl_primitive_execute(what, stream, n, args)) && ok(dnnl_stream_wait(stream));
    for (int i = 0; i < n; i++)
        if (m[i]) dnnl_memory_destroy(m[i]);
    return good;
}

static bool bring(const job *j, dnnl_stream_t stream, dnnl_primitive_t what, const dnnl_memory_desc_t *from,
                  const void *x, const dnnl_memory_desc_t *to, void *y) {
    const argument a[] = { { DNNL_ARG_FROM, from, x }, { DNNL_ARG_TO, to, y } };
    return execute(j, stream, what, a, 2);
}

static void activate(const job *j, const char *y, const range *r) { /* y and after are row-major */
    const size_t plane = j->c->y[1] * j->c->y[2], n = (r->to - r->from) * plane;
    for (size_t o = 0; o < j->c->out; o++) {
        const char *from = y + o * j->c->y[0] * plane * sizeof(float);
        hg_function_values(j->act, HG_F32, j->after + (from - j->y), from, n);
    }
}

static bool do_slab(job *j, dnnl_stream_t stream, size_t unit, char *room, char *w) {
    const size_t item = unit / j->slabs;
    const range r = slab_range(j, unit % j->slabs);
    const plan *p = plan_of(j, &r);
    const ptrdiff_t x_at = (ptrdiff_t)item * j->x_stride[0] + (ptrdiff_t)r.x_from * j->x_stride[2],
                    y_at = (ptrdiff_t)item * j->y_stride[0] + (ptrdiff_t)r.from * j->y_stride[2];
    const char *x = j->x + x_at * (ptrdiff_t)sizeof(float);
    char *y = j->y + y_at * (ptrdiff_t)sizeof(float), *own_y = room + j->room_x,
         *scratch = own_y + j->room_y + j->room_w;
    if (!bring(j, stream, p->in, &p->x_user, x, &p->x_own, room)) return false;
    if (j->weights) {
        const argument a[] = { { DNNL_ARG_SRC, &p->x_own, room },
                               { DNNL_ARG_DIFF_DST, &p->y_own, own_y },
                               { DNNL_ARG_DIFF_WEIGHTS, &p->w_own, w },
                               { DNNL_ARG_SCRATCHPAD, &p->scratch, scratch } };
        return bring(j, stream, p->out, &p->y_user, y, &p->y_own, own_y) && execute(j, stream, p->conv, a, 4);
    }
    dnnl_memory_desc_t bias;
    const dnnl_dims_t n = { (dnnl_dim_t)j->c->out };
    dnnl_memory_desc_init_by_tag(&bias, 1, n, dnnl_f32, dnnl_a);
    const argument a[] = { { DNNL_ARG_SRC, &p->x_own, room },
                           { DNNL_ARG_WEIGHTS, &p->w_own, p->w },
                           { DNNL_ARG_DST, &p->y_own, own_y },
                           { DNNL_ARG_SCRATCHPAD, &p->scratch, scratch },
                           { DNNL_ARG_BIAS, &bias, j->bias } };
    if (!execute(j, stream, p->conv, a, j->bias ? 5 : 4) || !bring(j, stream, p->out, &p->y_own, own_y, &p->y_user, y))
        return false;
    if (j->act != HG_IDENTITY) activate(j, y, &r);
    return true;
}

static void task(void *ctx, size_t begin, size_t end, size_t worker) {
    job *j = ctx;
    char *room = j->room + worker * j->room_size, *w = room + j->room_x + j->room_y;
    const size_t units = j->c->batch * j->slabs, floats = j->room_w / sizeof(float);
    const omp was = one_thread();
    dnnl_stream_t stream = NULL;
    bool good = ok(dnnl_stream_create(&stream, j->engine, dnnl_stream_default_flags));
    for (size_t s = begin; good && s < end; s++) {
        float *sum = (float *)(void *)(j->sums + s * j->room_w);
        const size_t first = units * s / j->segments, last = units * (s + 1) / j->segments;
        if (j->weights) memset(sum, 0, j->room_w);
        for (size_t unit = first; good && unit < last; unit++) {
            good = do_slab(j, stream, unit, room, w);
            for (size_t i = 0; good && j->weights && i < floats; i++) sum[i] += ((float *)(void *)w)[i];
        }
    }
    if (stream) dnnl_stream_destroy(stream);
    as_before(was);
    if (!good) atomic_store(&j->failed, true);
}

static bool make_room(job *j, hg_tape *t) {
    size_t scratch = 0;
    for (size_t i = 0; i < j->n_plans; i++) {
        const plan *p = &j->plans[i];
        j->room_x = most(j->room_x, aligned(dnnl_memory_desc_get_size(&p->x_own)));
        j->room_y = most(j->room_y, aligned(dnnl_memory_desc_get_size(&p->y_own)));
        j->room_w = j->weights ? aligned(dnnl_memory_desc_get_size(&p->w_own)) : 0;
        scratch = most(scratch, aligned(dnnl_memory_desc_get_size(&p->scratch)));
    }
    j->room_size = j->room_x + j->room_y + j->room_w + scratch;
    j->room = hg_tape_alloc(t, hg_pool_threads(hg_tape_pool(t)), j->room_size);
    j->sums = hg_tape_alloc(t, j->segments, j->room_w);
    return j->room && j->sums;
}

static bool user_weights(const hg_conv *c, dnnl_memory_desc_t *m) {
    const dnnl_dims_t n = { (dnnl_dim_t)c->out, (dnnl_dim_t)c->in, (dnnl_dim_t)c->kernel[0], (dnnl_dim_t)c->kernel[1],
                            (dnnl_dim_t)c->kernel[2] };
    return ok(dnnl_memory_desc_init_by_tag(m, 5, n, dnnl_f32, dnnl_abcde));
}

/* Weights between the user's layout and oneDNN's: to a plan's, or the sums back. */
static bool move_weights(job *j, hg_tape *t, const void *w) {
    dnnl_memory_desc_t user;
    dnnl_stream_t stream = NULL;
    bool good = user_weights(j->c, &user) && ok(dnnl_stream_create(&stream, j->engine, dnnl_stream_default_flags));
    for (size_t i = 0; good && i < j->n_plans; i++) {
        plan *p = &j->plans[i];
        dnnl_primitive_t move = NULL;
        p->w = hg_tape_alloc(t, dnnl_memory_desc_get_size(&p->w_own), 1);
        good = p->w && reorder(&move, j, &user, &p->w_own, false) && bring(j, stream, move, &user, w, &p->w_own, p->w);
        if (move) dnnl_primitive_destroy(move);
    }
    if (stream) dnnl_stream_destroy(stream);
    return good;
}

static bool collect_weights(job *j, void *dw, bool add) {
    dnnl_memory_desc_t user;
    dnnl_stream_t stream = NULL;
    dnnl_primitive_t move = NULL;
    float *sum = (float *)(void *)j->sums;
    for (size_t s = 1; s < j->segments; s++)
        for (size_t i = 0; i < j->room_w / sizeof(float); i++)
            sum[i] += ((float *)(void *)(j->sums + s * j->room_w))[i];
    const dnnl_memory_desc_t *own = &j->plans[0].w_own;
    const bool good = user_weights(j->c, &user) &&
                      ok(dnnl_stream_create(&stream, j->engine, dnnl_stream_default_flags)) &&
                      reorder(&move, j, own, &user, add) && bring(j, stream, move, own, sum, &user, dw);
    if (move) dnnl_primitive_destroy(move);
    if (stream) dnnl_stream_destroy(stream);
    return good;
}

static double work_of(const hg_conv *c) {
    return (double)volume(c->y) * (double)volume(c->kernel) * (double)c->in * (double)c->out;
}

static void cut(job *j) {
    const hg_conv *c = j->c;
    const double work = work_of(c);
    j->slabs = most(1, least((TASKS + c->batch - 1) / c->batch, c->y[0] / DEPTH_LEAST));
    while (j->slabs > 1 && work / (double)j->slabs < TASK_LEAST) j->slabs--;
    j->depth = (c->y[0] + j->slabs - 1) / j->slabs;
    j->slabs = (c->y[0] + j->depth - 1) / j->depth;
    j->segments = j->weights ? least(TASKS, c->batch * j->slabs) : c->batch * j->slabs;
}

/* false: nothing was done. A failure after work has begun sticks to the tape. */
static bool run(hg_tape *t, job *j, void *w, bool add) {
    const size_t mark = hg_tape_mark(t);
    const omp was = one_thread();
    cut(j);
    bool begun = false;
    if (ok(dnnl_engine_create(&j->engine, dnnl_cpu, 0)) && make_plans(j) && make_room(j, t) &&
        (j->weights || move_weights(j, t, w))) {
        begun = true;
        hg_pool_for(hg_tape_pool(t), j->segments, 1, task, j);
        if (atomic_load(&j->failed) || (j->weights && !collect_weights(j, w, add)))
            hg_tape_fail(t, HG_ENOMEM, "conv3d: oneDNN could not do its work");
    }
    for (size_t i = 0; i < j->n_plans; i++) {
        const dnnl_primitive_t all[] = { j->plans[i].conv, j->plans[i].in, j->plans[i].out };
        for (int k = 0; k < 3; k++)
            if (all[k]) dnnl_primitive_destroy(all[k]);
    }
    if (j->engine) dnnl_engine_destroy(j->engine);
    as_before(was);
    hg_tape_release(t, mark);
    return begun || hg_tape_status(t, NULL) != HG_OK;
}

/* ---- the three products ------------------------------------------------------------------------------------------ */

static bool pays(const hg_conv *c, const hg_tensor *x) {
    if (x->dtype != HG_F32 || c->groups != 1 || c->in < EDGE || c->out < EDGE) return false;
    for (unsigned i = 0; i < 5; i++)
        if (x->stride[i] <= 0) return false; /* a repeated axis */
    return work_of(c) * (double)c->batch >= WORK_LEAST;
}

static dnnl_data_type_t type_of(const hg_tape *t) {
    const bool has = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    return has && hg_tape_bf16(t) ? dnnl_bf16 : dnnl_f32;
}

static void row_major(ptrdiff_t stride[5], size_t channels, const size_t n[3]) {
    stride[4] = 1;
    stride[3] = (ptrdiff_t)n[2];
    stride[2] = (ptrdiff_t)(n[1] * n[2]);
    stride[1] = (ptrdiff_t)volume(n);
    stride[0] = (ptrdiff_t)(channels * volume(n));
}

static bool forward(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, void *w, const void *bias, bool add,
                    hg_function act, void *y) {
    ptrdiff_t stride[5];
    row_major(stride, c->out, c->y);
    job j = { .c = c, .type = type_of(t), .x = x->data, .y = z, .x_stride = x->stride, .y_stride = stride };
    j.bias = bias;
    j.add = add;
    j.act = act;
    j.after = y;
    return run(t, &j, w, false);
}

bool hg_onednn_y(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
                 hg_function act, void *y) {
    return pays(c, x) && forward(t, c, z, x, w->data, bias, false, act, y);
}

/* With stride 1 dx is a convolution of dy, with weights turned round and channels exchanged. */
bool hg_onednn_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w, bool add) {
    if (!pays(c, dy)) return false;
    hg_conv d = *c;
    d.in = c->out;
    d.out = c->in;
    for (int a = 0; a < 3; a++) {
        if (c->stride[a] != 1 || c->padding[a] >= reach(c, a)) return false;
        d.padding[a] = reach(c, a) - 1 - c->padding[a];
        d.x[a] = c->y[a];
        d.y[a] = c->x[a];
    }
    const size_t mark = hg_tape_mark(t), taps = volume(c->kernel);
    float *turned = hg_tape_alloc(t, c->in * c->out * taps, sizeof *turned);
    if (!turned) return true;
    for (size_t o = 0; o < c->out; o++)
        for (size_t i = 0; i < c->in; i++)
            for (size_t k = 0; k < taps; k++)
                turned[(i * c->out + o) * taps + k] = ((const float *)w->data)[(o * c->in + i) * taps + taps - 1 - k];
    const bool done = forward(t, &d, dx, dy, turned, NULL, add, HG_IDENTITY, NULL);
    hg_tape_release(t, mark);
    return done;
}

bool hg_onednn_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy, bool add) {
    if (!pays(c, x) || !pays(c, dy)) return false;
    job j = { .c = c, .weights = true, .type = type_of(t), .x = x->data, .y = dy->data };
    j.x_stride = x->stride;
    j.y_stride = dy->stride;
    return run(t, &j, dw, add);
}
