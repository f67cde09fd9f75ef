/* tensor/conv.c -- convolutions in plain C; see tensor/conv.h
 *
 * No matrix of windows is ever formed. The input is copied once, with its border of zeros, and with every stride-th element together (a
 * phase): then a tap is a shift, and what it multiplies are neighbours in memory, for any stride and dilation. y and dx are sums of shifted
 * planes times weights, with neighbouring positions as the vector; dw is a sum over positions, with neighbouring channels of y as the
 * vector, for which dy is turned. All three are blocks of tensor/tile.h.
 * Where rows are short, a vector runs over their ends into the border: what it computes there is thrown away.
 * Tasks and the order of sums depend on sizes alone: same bits for any number of threads.
 */
#include "tensor/conv.h"
#include "tensor/tile.h"
#include <string.h>

enum {
    ROWS = HG_TILE_ROWS,
    SLACK = 64 /* elements that a vector may read beyond the end */,
    POSITIONS = 256,
    TASKS = 16
};
static const size_t PLANE_TASK = 1024;    /* positions of y a task */
static const double TASK_LEAST = 1 << 20; /* multiply-adds worth a task */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t volume(const size_t n[3]) { return n[0] * n[1] * n[2]; }

/* ---- the padded copy ------------------------------------------------------------------------------------------ */

/* [batch, channels, phases, n]: element i of phase r is element i stride + r - padding of the source, or 0. */
typedef struct {
    hg_dtype dtype;
    size_t batch, channels, phases[3], n[3], stride[3], padding[3], source[3];
    size_t plane, phase, channel, item; /* in elements */
    const hg_tensor *x;
    char *data;
} padded;

static void pad_row(const padded *p, char *to, const char *x, ptrdiff_t step, size_t phase) {
    const size_t s = p->stride[2], size = hg_dtype_size(p->dtype), pad = p->padding[2];
    const size_t begin = least(p->n[2], pad > phase ? (pad - phase + s - 1) / s : 0);
    size_t end = pad + p->source[2] > phase ? (pad + p->source[2] - phase - 1) / s + 1 : 0;
    end = most(begin, least(end, p->n[2]));
    memset(to, 0, begin * size);
    memset(to + end * size, 0, (p->n[2] - end) * size);
    if (begin == end) return;
    const ptrdiff_t first = (ptrdiff_t)(begin * s + phase - pad) * step, by = (ptrdiff_t)s * step;
    if (by == 1) {
        memcpy(to + begin * size, x + first * (ptrdiff_t)size, (end - begin) * size);
    } else if (p->dtype == HG_F32) {
        for (size_t i = begin; i < end; i++) ((float *)to)[i] = ((const float *)x)[first + (ptrdiff_t)(i - begin) * by];
    } else {
        for (size_t i = begin; i < end; i++)
            ((double *)to)[i] = ((const double *)x)[first + (ptrdiff_t)(i - begin) * by];
    }
}

/* A unit is a plane: rows of one depth of one phase of a channel. */
static void pad_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const padded *p = ctx;
    const size_t size = hg_dtype_size(p->dtype);
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        size_t rest = unit;
        const size_t d = rest % p->n[0], rw = (rest /= p->n[0]) % p->phases[2],
                     rh = (rest /= p->phases[2]) % p->phases[1], rd = (rest /= p->phases[1]) % p->phases[0],
                     c = (rest /= p->phases[0]) % p->channels, b = rest / p->channels;
        char *to = p->data + unit * p->plane * size;
        const size_t z = d * p->stride[0] + rd;
        const bool inside = z >= p->padding[0] && z - p->padding[0] < p->source[0];
        const ptrdiff_t *stride = p->x->stride;
        for (size_t h = 0; h < p->n[1]; h++, to += p->n[2] * size) {
            const size_t y = h * p->stride[1] + rh;
            if (!inside || y < p->padding[1] || y - p->padding[1] >= p->source[1]) {
                memset(to, 0, p->n[2] * size);
                continue;
            }
            const ptrdiff_t at = (ptrdiff_t)b * stride[0] + (ptrdiff_t)c * stride[1] +
                                 (ptrdiff_t)(z - p->padding[0]) * stride[2] +
                                 (ptrdiff_t)(y - p->padding[1]) * stride[3];
            pad_row(p, to, (const char *)p->x->data + at * (ptrdiff_t)size, stride[4], rw);
        }
    }
}

/* Of p: batch to source and x are set. false: the tape has failed. */
static bool pad(padded *p, hg_tape *t) {
    const size_t size = hg_dtype_size(p->dtype);
    p->plane = p->n[1] * p->n[2];
    p->phase = p->n[0] * p->plane;
    p->channel = p->phase * volume(p->phases);
    p->item = p->channels * p->channel;
    if (p->channel && p->item / p->channel != p->channels) p->item = SIZE_MAX;
    if (p->item > UINT32_MAX)
        return hg_tape_fail(t, HG_ELIMIT, "conv3d: an item with its border has more than %u elements", UINT32_MAX),
               false;
    p->data = hg_tape_alloc(t, p->batch * p->item + SLACK, size);
    if (!p->data) return false;
    memset(p->data + p->batch * p->item * size, 0, SLACK * size);
    hg_pool_for(hg_tape_pool(t), p->plane ? p->batch * p->item / p->plane : 0, 1 + HG_CHUNK / (p->plane + 1), pad_task,
                p);
    return true;
}

/* The copy of x that y and dw are sums over. */
static padded padded_input(const hg_conv *c, const hg_tensor *x) {
    padded p = { .dtype = x->dtype, .batch = c->batch, .channels = c->in, .x = x };
    for (int a = 0; a < 3; a++) {
        const size_t reach = (c->kernel[a] - 1) * c->dilation[a];
        p.stride[a] = c->stride[a];
        p.padding[a] = c->padding[a];
        p.source[a] = c->x[a];
        p.phases[a] = least(c->stride[a], reach + 1);
        p.n[a] = c->y[a] + reach / c->stride[a];
    }
    return p;
}

/* Where a tap begins in a channel of it. */
static size_t tap_offset(const hg_conv *c, const padded *p, size_t tap) {
    const size_t k[3] = { tap / (c->kernel[1] * c->kernel[2]), tap / c->kernel[2] % c->kernel[1], tap % c->kernel[2] };
    size_t phase = 0, shift = 0;
    for (int a = 0; a < 3; a++) {
        phase = phase * p->phases[a] + k[a] * c->dilation[a] % c->stride[a];
        shift = shift * p->n[a] + k[a] * c->dilation[a] / c->stride[a];
    }
    return phase * p->phase + shift;
}

/* ---- sums of shifted planes ----------------------------------------------------------------------------------- */

/* For each item, row m and position of n: out (+)= bias[m] + sum over l < k of a[m, l] p[b_at[l] + position]. */
typedef struct {
    const padded *p;
    size_t rows, k, n[3];
    const char *a;               /* [rows / 8][k][8] */
    const uint32_t *a_at, *b_at; /* 8 l; from the item and `from` */
    size_t from;                 /* the group's first channel in an item */
    char *out;
    ptrdiff_t item, channel, step[3]; /* of out */
    const char *bias;
    bool add;
    hg_function act; /* y = act(out), both row-major */
    char *y;
    size_t high, blocks; /* rows of a plane that a task has, tasks a plane */
    bool across;         /* vectors run over the ends of rows */
} planes;

#define PUT(type, R)                                                                                                   \
    static void put_##type(R *to, ptrdiff_t step, const R *from, size_t n, R bias, bool add) {                         \
        if (step == 1 && add)                                                                                          \
            for (size_t i = 0; i < n; i++) to[i] += from[i] + bias;                                                    \
        else if (step == 1)                                                                                            \
            for (size_t i = 0; i < n; i++) to[i] = from[i] + bias;                                                     \
        else                                                                                                           \
            for (size_t i = 0; i < n; i++)                                                                             \
                to[(ptrdiff_t)i * step] = (add ? to[(ptrdiff_t)i * step] : 0) + from[i] + bias;                        \
    }
PUT(f32, float)
PUT(f64, double)

/* n sums of row m at (d, h, w) go to their place. */
static void put(const planes *s, char *out, const char *sums, size_t m, size_t h, size_t w, size_t n) {
    const hg_dtype dtype = s->p->dtype;
    const ptrdiff_t at = (ptrdiff_t)m * s->channel + (ptrdiff_t)h * s->step[1] + (ptrdiff_t)w * s->step[2];
    char *to = out + at * (ptrdiff_t)hg_dtype_size(dtype);
    if (dtype == HG_F32)
        put_f32((float *)to, s->step[2], (const float *)sums, n, s->bias ? ((const float *)s->bias)[m] : 0, s->add);
    else
        put_f64((double *)to, s->step[2], (const double *)sums, n, s->bias ? ((const double *)s->bias)[m] : 0, s->add);
}

/* `lanes` positions of a plane from (h, w) on, which go over the ends of rows. */
static void put_run(const planes *s, char *out, const char *sums, size_t m, size_t h, size_t w, size_t lanes) {
    const size_t pitch = s->p->n[2], size = hg_dtype_size(s->p->dtype);
    for (size_t at = 0; at < lanes;) {
        const size_t n = w < s->n[2] ? least(s->n[2] - w, lanes - at) : 0;
        if (n) put(s, out, sums + at * size, m, h, w, n);
        at += pitch - w;
        w = 0;
        h++;
    }
}

/* `length` positions of a plane from row h on. */
static void run(const planes *s, char *out, const char *plane, size_t h, size_t length) {
    const hg_dtype dtype = s->p->dtype;
    const size_t size = hg_dtype_size(dtype), width = hg_tile_lanes(dtype), pitch = s->p->n[2];
    double sums[ROWS * HG_TILE_BYTES / sizeof(double)] __attribute__((aligned(64)));
    const size_t parts = (length + width - 1) / width, vector = 64 / size;
    const size_t part = ((length + parts - 1) / parts + vector - 1) / vector * vector;
    for (size_t at = 0; at < length; at += part) {
        hg_tile tile = { .b = plane + (h * pitch + at) * size, .a_at = s->a_at, .b_at = s->b_at, .k = s->k };
        tile.c = sums;
        tile.ldc = width;
        tile.lanes = least(part, length - at);
        for (size_t m = 0; m < s->rows; m += ROWS) {
            tile.rows = least(ROWS, s->rows - m);
            for (size_t i = 0; i < tile.rows; i++) tile.row[i] = s->a + (m * s->k + i) * size;
            hg_tile_do(dtype, &tile);
            for (size_t i = 0; i < tile.rows; i++)
                put_run(s, out, (const char *)sums + i * HG_TILE_BYTES, m + i, h + at / pitch, at % pitch, tile.lanes);
        }
    }
}

static void activate(const planes *s, const char *out, size_t first, size_t last) {
    const ptrdiff_t size = (ptrdiff_t)hg_dtype_size(s->p->dtype);
    for (size_t m = 0; m < s->rows; m++) {
        const char *z = out + ((ptrdiff_t)m * s->channel + (ptrdiff_t)first * s->step[1]) * size;
        hg_function_values(s->act, s->p->dtype, s->y + (z - s->out), z, (last - first) * s->n[2]);
    }
}

static void planes_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const planes *s = ctx;
    const size_t size = hg_dtype_size(s->p->dtype);
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t first = unit % s->blocks * s->high, d = unit / s->blocks % s->n[0], b = unit / s->blocks / s->n[0],
                     last = least(first + s->high, s->n[1]);
        const char *plane = s->p->data + (b * s->p->item + s->from + d * s->p->plane) * size;
        char *out = s->out + ((ptrdiff_t)b * s->item + (ptrdiff_t)d * s->step[0]) * (ptrdiff_t)size;
        if (s->across)
            run(s, out, plane, first, (last - first - 1) * s->p->n[2] + s->n[2]);
        else
            for (size_t h = first; h < last; h++) run(s, out, plane, h, s->n[2]);
        if (s->act != HG_IDENTITY) activate(s, out, first, last);
    }
}

static void planes_do(planes *s, hg_tape *t) {
    if (volume(s->n) == 0 || s->rows == 0) return;
    const size_t vector = 64 / hg_dtype_size(s->p->dtype), pitch = s->p->n[2];
    s->high = least(s->n[1], most(1, PLANE_TASK / s->n[2]));
    s->blocks = (s->n[1] + s->high - 1) / s->high;
    const size_t over = (s->high - 1) * pitch + s->n[2];
    s->across = (over + vector - 1) / vector < s->high * ((s->n[2] + vector - 1) / vector);
    const double work = (double)s->high * (double)s->n[2] * (double)s->k * (double)s->rows + 1;
    const size_t chunk = work < TASK_LEAST ? (size_t)(TASK_LEAST / work) : 1;
    hg_pool_for(hg_tape_pool(t), s->p->batch * s->n[0] * s->blocks, chunk, planes_task, s);
}

/* to[rows / 8][k][8], zeros beyond the rows; w of row m, channel c and tap is at m row + c channel + at[tap]. */
typedef struct {
    hg_dtype dtype;
    char *to;
    const char *w;
    size_t rows, row, channels, channel, taps;
    const uint32_t *at;
} packing;

#define PACK(type, R)                                                                                                  \
    static void pack_##type(const packing *p, size_t block) {                                                          \
        const size_t rows = least(ROWS, p->rows - block * ROWS);                                                       \
        R *to = (R *)p->to + block * ROWS * p->channels * p->taps;                                                     \
        for (size_t c = 0; c < p->channels; c++)                                                                       \
            for (size_t k = 0; k < p->taps; k++, to += ROWS) {                                                         \
                const R *w = (const R *)p->w + block * ROWS * p->row + c * p->channel + p->at[k];                      \
                for (size_t i = 0; i < ROWS; i++) to[i] = i < rows ? w[i * p->row] : 0;                                \
            }                                                                                                          \
    }
PACK(f32, float)
PACK(f64, double)

static void pack_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const packing *p = ctx;
    (void)worker;
    for (size_t block = begin; block < end; block++) {
        if (p->dtype == HG_F32)
            pack_f32(p, block);
        else
            pack_f64(p, block);
    }
}

static void pack_weights(hg_tape *t, packing p) {
    hg_pool_for(hg_tape_pool(t), (p.rows + ROWS - 1) / ROWS, 1 + HG_CHUNK / (p.channels * p.taps * ROWS + 1), pack_task,
                &p);
}

/* Tables of a sum over channels and taps, and room for packed weights. */
typedef struct {
    uint32_t *a_at, *b_at, *tap;
    char *a;
} tables;

static bool make_tables(tables *b, hg_tape *t, hg_dtype dtype, size_t rows, size_t channels, size_t taps) {
    const size_t k = channels * taps;
    if (k > UINT32_MAX / ROWS) return hg_tape_fail(t, HG_ELIMIT, "conv3d: sums of %zu products", k), false;
    b->a_at = hg_tape_alloc(t, k, sizeof *b->a_at);
    b->b_at = hg_tape_alloc(t, k, sizeof *b->b_at);
    b->tap = hg_tape_alloc(t, taps, sizeof *b->tap);
    b->a = hg_tape_alloc(t, (rows + ROWS) * k, hg_dtype_size(dtype));
    if (!b->a_at || !b->b_at || !b->tap || !b->a) return false;
    for (size_t l = 0; l < k; l++) b->a_at[l] = (uint32_t)(l * ROWS);
    return true;
}

static const char *weights_of_group(const hg_conv *c, const hg_tensor *w, size_t group) {
    const size_t each = c->out / c->groups * (c->in / c->groups) * volume(c->kernel);
    return (const char *)w->data + group * each * hg_dtype_size(w->dtype);
}

void hg_conv_y(hg_tape *t, const hg_conv *c, void *z, const hg_tensor *x, const hg_tensor *w, const void *bias,
               hg_function act, void *y) {
    const size_t mark = hg_tape_mark(t), taps = volume(c->kernel), in = c->in / c->groups, out = c->out / c->groups;
    const size_t size = hg_dtype_size(x->dtype);
    padded p = padded_input(c, x);
    tables b;
    if (pad(&p, t) && make_tables(&b, t, x->dtype, out, in, taps)) {
        for (size_t k = 0; k < taps; k++) b.tap[k] = (uint32_t)k;
        for (size_t l = 0; l < in * taps; l++)
            b.b_at[l] = (uint32_t)(l / taps * p.channel + tap_offset(c, &p, l % taps));
        planes s = { .p = &p, .rows = out, .k = in * taps, .a = b.a, .a_at = b.a_at, .b_at = b.b_at, .act = act };
        s.channel = (ptrdiff_t)volume(c->y);
        s.item = s.channel * (ptrdiff_t)c->out;
        memcpy(s.n, c->y, sizeof s.n);
        s.step[2] = 1, s.step[1] = (ptrdiff_t)c->y[2], s.step[0] = (ptrdiff_t)(c->y[1] * c->y[2]);
        for (size_t group = 0; group < c->groups; group++) {
            s.from = group * in * p.channel;
            s.out = (char *)z + group * out * volume(c->y) * size;
            s.y = (char *)y + group * out * volume(c->y) * size;
            s.bias = bias ? (const char *)bias + group * out * size : NULL;
            pack_weights(
                t, (packing) { x->dtype, b.a, weights_of_group(c, w, group), out, in * taps, in, taps, taps, b.tap });
            planes_do(&s, t);
        }
    }
    hg_tape_release(t, mark);
}

/* ---- dx ------------------------------------------------------------------------------------------------------- */

/* Of elements i stride + phase - padding of x: the first i, and how many. */
static void phase_range(const hg_conv *c, int a, size_t phase, size_t *first, size_t *count) {
    const size_t s = c->stride[a], pad = c->padding[a];
    *first = pad > phase ? (pad - phase + s - 1) / s : 0;
    const size_t end = c->x[a] + pad > phase ? (c->x[a] + pad - phase - 1) / s + 1 : 0;
    *count = end > *first ? end - *first : 0;
}

/* dy with a border such that element i of a phase needs i + reach - shift of it. */
static padded padded_slopes(const hg_conv *c, const hg_tensor *dy) {
    padded p = { .dtype = dy->dtype, .batch = c->batch, .channels = c->out, .x = dy };
    for (int a = 0; a < 3; a++) {
        p.stride[a] = p.phases[a] = 1;
        p.padding[a] = (c->kernel[a] - 1) * c->dilation[a] / c->stride[a];
        p.source[a] = c->y[a];
        p.n[a] = p.padding[a] + (c->x[a] + c->padding[a] + c->stride[a] - 1) / c->stride[a];
    }
    return p;
}

/* Those taps that reach the phase, and where their elements of dy begin. */
static size_t taps_of_phase(const hg_conv *c, const padded *p, const size_t phase[3], const size_t first[3],
                            uint32_t *tap, uint32_t *at) {
    size_t n = 0;
    for (size_t k = 0; k < volume(c->kernel); k++) {
        const size_t each[3] = { k / (c->kernel[1] * c->kernel[2]), k / c->kernel[2] % c->kernel[1], k % c->kernel[2] };
        size_t from = 0;
        bool reaches = true;
        for (int a = 0; a < 3; a++) {
            const size_t far = each[a] * c->dilation[a];
            reaches = reaches && far % c->stride[a] == phase[a];
            from = from * p->n[a] + first[a] + p->padding[a] - far / c->stride[a];
        }
        if (!reaches) continue;
        tap[n] = (uint32_t)k;
        at[n++] = (uint32_t)from;
    }
    return n;
}

/* dx of one phase: a sum over channels of y, and over taps that reach it. */
static void slopes_of_phase(hg_tape *t, const hg_conv *c, char *dx, const padded *p, const hg_tensor *w, bool add,
                            tables *b, uint32_t *at, const size_t phase[3]) {
    const size_t in = c->in / c->groups, out = c->out / c->groups, size = hg_dtype_size(p->dtype);
    size_t first[3];
    planes s = { .p = p, .rows = in, .a = b->a, .a_at = b->a_at, .b_at = b->b_at, .add = add };
    for (int a = 0; a < 3; a++) phase_range(c, a, phase[a], &first[a], &s.n[a]);
    if (volume(s.n) == 0) return;
    const size_t taps = taps_of_phase(c, p, phase, first, b->tap, at);
    s.k = out * taps;
    for (size_t l = 0; l < s.k; l++) b->b_at[l] = (uint32_t)(l / taps * p->channel + at[l % taps]);
    const size_t line[3] = { c->x[1] * c->x[2], c->x[2], 1 };
    size_t begin = 0;
    for (int a = 0; a < 3; a++) {
        begin += (first[a] * c->stride[a] + phase[a] - c->padding[a]) * line[a];
        s.step[a] = (ptrdiff_t)(c->stride[a] * line[a]);
    }
    s.channel = (ptrdiff_t)volume(c->x);
    s.item = s.channel * (ptrdiff_t)c->in;
    for (size_t group = 0; group < c->groups; group++) {
        s.from = group * out * p->channel;
        s.out = dx + (begin + group * in * volume(c->x)) * size;
        pack_weights(t, (packing) { p->dtype, b->a, weights_of_group(c, w, group), in, volume(c->kernel), out,
                                    in * volume(c->kernel), taps, b->tap });
        planes_do(&s, t);
    }
}

void hg_conv_dx(hg_tape *t, const hg_conv *c, void *dx, const hg_tensor *dy, const hg_tensor *w, bool add) {
    const size_t mark = hg_tape_mark(t), taps = volume(c->kernel);
    padded p = padded_slopes(c, dy);
    tables b;
    uint32_t *at = hg_tape_alloc(t, taps, sizeof *at);
    if (at && pad(&p, t) && make_tables(&b, t, dy->dtype, c->in / c->groups, c->out / c->groups, taps))
        for (size_t i = 0; i < volume(c->stride); i++) {
            const size_t *s = c->stride, phase[3] = { i / (s[1] * s[2]), i / s[2] % s[1], i % s[2] };
            slopes_of_phase(t, c, dx, &p, w, add, &b, at, phase);
        }
    hg_tape_release(t, mark);
}

/* ---- dw ------------------------------------------------------------------------------------------------------- */

/* One group: sums[segment][row = channel and tap][lane = channel of y]. A segment is a run of (item, depth). */
typedef struct {
    const padded *p;
    const hg_conv *c;
    const hg_tensor *dy;
    char *turned; /* dy: [item, position][lanes] of the group */
    size_t lanes, first_out, n_out;
    size_t rows, rows_each, row_tasks, segments;
    const uint32_t *row_at; /* [rows]: where it begins in the item */
    char *sums;
    size_t part; /* elements of a segment's sums */
    char *dw;
    bool add;
} weights;

enum { TURN = 16 };
#define TURNED(type, R)                                                                                                \
    static void turn_##type(R *to, size_t lanes, const R *from, ptrdiff_t channel, ptrdiff_t step, size_t n,           \
                            size_t channels) {                                                                         \
        for (size_t c = 0; c < lanes; c += TURN)                                                                       \
            for (size_t i = 0; i < n; i += TURN) {                                                                     \
                R square[TURN][TURN] = { { 0 } };                                                                      \
                const size_t some = least(TURN, n - i), rows = c < channels ? least(TURN, channels - c) : 0;           \
                for (size_t a = 0; a < rows; a++) {                                                                    \
                    const R *x = from + (ptrdiff_t)(c + a) * channel + (ptrdiff_t)i * step;                            \
                    for (size_t b = 0; b < some; b++) square[b][a] = x[(ptrdiff_t)b * step];                           \
                }                                                                                                      \
                for (size_t b = 0; b < some; b++)                                                                      \
                    memcpy(to + (i + b) * lanes + c, square[b], least(TURN, lanes - c) * sizeof(R));                   \
            }                                                                                                          \
    }
TURNED(f32, float)
TURNED(f64, double)

static void turn_task(void *ctx, size_t begin, size_t end, size_t worker) { /* a unit: a row of dy, all channels */
    const weights *s = ctx;
    const hg_tensor *dy = s->dy;
    const size_t high = s->c->y[1], deep = s->c->y[0], wide = s->c->y[2], size = hg_dtype_size(dy->dtype);
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t h = unit % high, d = unit / high % deep, b = unit / high / deep;
        const ptrdiff_t at = (ptrdiff_t)b * dy->stride[0] + (ptrdiff_t)s->first_out * dy->stride[1] +
                             (ptrdiff_t)d * dy->stride[2] + (ptrdiff_t)h * dy->stride[3];
        const char *from = (const char *)dy->data + at * (ptrdiff_t)size;
        char *to = s->turned + unit * wide * s->lanes * size;
        if (dy->dtype == HG_F32)
            turn_f32((float *)to, s->lanes, (const float *)from, dy->stride[1], dy->stride[4], wide, s->n_out);
        else
            turn_f64((double *)to, s->lanes, (const double *)from, dy->stride[1], dy->stride[4], wide, s->n_out);
    }
}

/* Adds up over `n` positions of a plane, from the one with number `at` on. */
static void add_positions(const weights *s, char *sums, size_t first_row, size_t last_row, const char *x,
                          const char *dy, size_t at, size_t n) {
    uint32_t a_at[POSITIONS], b_at[POSITIONS];
    const size_t size = hg_dtype_size(s->p->dtype), wide = s->c->y[2], width = hg_tile_lanes(s->p->dtype);
    for (size_t i = 0; i < n; i++) {
        a_at[i] = (uint32_t)((at + i) / wide * s->p->n[2] + (at + i) % wide);
        b_at[i] = (uint32_t)(i * s->lanes);
    }
    hg_tile tile = { .a_at = a_at, .b_at = b_at, .k = n, .ldc = s->lanes, .add = true };
    for (size_t row = first_row; row < last_row; row += ROWS) {
        tile.rows = least(ROWS, last_row - row);
        for (size_t i = 0; i < tile.rows; i++) tile.row[i] = x + s->row_at[row + i] * size;
        for (size_t lane = 0; lane < s->lanes; lane += width) {
            tile.lanes = least(width, s->lanes - lane);
            tile.b = dy + (at * s->lanes + lane) * size;
            tile.c = sums + (row * s->lanes + lane) * size;
            hg_tile_do(s->p->dtype, &tile);
        }
    }
}

static void weights_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const weights *s = ctx;
    const size_t size = hg_dtype_size(s->p->dtype), deep = s->c->y[0], flat = s->c->y[1] * s->c->y[2];
    const size_t all = s->c->batch * deep;
    (void)worker;
    for (size_t unit = begin; unit < end; unit++) {
        const size_t segment = unit / s->row_tasks, first = unit % s->row_tasks * s->rows_each,
                     last = least(first + s->rows_each, s->rows);
        char *sums = s->sums + segment * s->part * size;
        memset(sums + first * s->lanes * size, 0, (last - first) * s->lanes * size);
        for (size_t i = all * segment / s->segments; i < all * (segment + 1) / s->segments; i++) {
            const char *x = s->p->data + (i / deep * s->p->item + i % deep * s->p->plane) * size;
            const char *dy = s->turned + i * flat * s->lanes * size;
            for (size_t at = 0; at < flat; at += POSITIONS)
                add_positions(s, sums, first, last, x, dy, at, least(POSITIONS, flat - at));
        }
    }
}

#define COLLECT(type, R)                                                                                               \
    static void collect_##type(const weights *s, size_t from, size_t to) {                                             \
        for (size_t o = from; o < to; o++)                                                                             \
            for (size_t row = 0; row < s->rows; row++) {                                                               \
                R sum = s->add ? ((R *)s->dw)[o * s->rows + row] : 0;                                                  \
                for (size_t k = 0; k < s->segments; k++)                                                               \
                    sum += ((const R *)s->sums)[k * s->part + row * s->lanes + o];                                     \
                ((R *)s->dw)[o * s->rows + row] = sum;                                                                 \
            }                                                                                                          \
    }
COLLECT(f32, float)
COLLECT(f64, double)

static void collect_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const weights *s = ctx;
    (void)worker;
    if (s->p->dtype == HG_F32)
        collect_f32(s, begin, end);
    else
        collect_f64(s, begin, end);
}

/* Tasks: groups of rows, about a hundred each so that dy is not read too often, and then segments until there are tasks enough. */
static void cut(weights *s) {
    enum { ROWS_EACH = 112 };
    const size_t all = s->c->batch * s->c->y[0];
    const double work = (double)s->rows * (double)s->lanes * (double)all * (double)(s->c->y[1] * s->c->y[2]);
    s->rows_each = ROWS_EACH;
    s->row_tasks = (s->rows + ROWS_EACH - 1) / ROWS_EACH;
    s->segments = most(1, least(TASKS / s->row_tasks, all));
    while (s->segments > 1 && work / (double)(s->segments * s->row_tasks) < TASK_LEAST) s->segments--;
    s->part = s->rows * s->lanes;
}

void hg_conv_dw(hg_tape *t, const hg_conv *c, void *dw, const hg_tensor *x, const hg_tensor *dy, bool add) {
    const size_t mark = hg_tape_mark(t), taps = volume(c->kernel), in = c->in / c->groups,
                 size = hg_dtype_size(x->dtype);
    const size_t vector = 64 / size;
    padded p = padded_input(c, x);
    weights s = { .p = &p, .c = c, .dy = dy, .n_out = c->out / c->groups, .rows = in * taps, .add = add };
    s.lanes = (s.n_out + vector - 1) / vector * vector;
    if (s.rows == 0 || s.n_out == 0) return;
    cut(&s);
    uint32_t *row_at = hg_tape_alloc(t, s.rows, sizeof *row_at);
    s.row_at = row_at;
    s.sums = hg_tape_alloc(t, s.segments * s.part, size);
    s.turned = hg_tape_alloc(t, c->batch * volume(c->y) * s.lanes, size);
    if (row_at && s.sums && s.turned && pad(&p, t))
        for (size_t group = 0; group < c->groups; group++) {
            for (size_t r = 0; r < s.rows; r++)
                row_at[r] = (uint32_t)((group * in + r / taps) * p.channel + tap_offset(c, &p, r % taps));
            s.first_out = group * s.n_out;
            s.dw = (char *)dw + group * s.n_out * s.rows * size;
            hg_pool_for(hg_tape_pool(t), c->batch * c->y[0] * c->y[1], 1 + HG_CHUNK / (c->y[2] * s.lanes), turn_task,
                        &s);
            hg_pool_for(hg_tape_pool(t), s.segments * s.row_tasks, 1, weights_task, &s);
            hg_pool_for(hg_tape_pool(t), s.n_out, 1 + HG_CHUNK / (s.rows * s.segments), collect_task, &s);
        }
    hg_tape_release(t, mark);
}
