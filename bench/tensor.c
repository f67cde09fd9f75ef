/* bench/tensor.c -- operations on tensors and whole training steps, beside PyTorch and beside what the machine can do
 *
 *   tensor [--json | --markdown] [--quick] [--cpu] [--alone] [--only CASE]
 *
 * Every case runs on one and on two threads, in three turns with PyTorch (--quick: one): a time is the least of the turns' medians, of runs
 * after the second, on memory that is in use already. The limit is measured in the same turns on the same threads: for products of matrices
 * OpenBLAS on a product of 1024 x 1024, for the others copying as many bytes as the operation reads and writes at least. A `backward` case
 * is the operation, the sum of its result and all gradients; a `step` is forward, backward and Adam. PyTorch does the same in
 * bench/peers/torch_ops.py. With --cpu on one thread only, and in processor time: for a machine that has other work; with --alone without
 * PyTorch. float32; "large" cases do not fit the caches.
 *
 *   ours_ms    milliseconds
 *   torch_ms   PyTorch's; null when it is not there (apt: python3-torch) or has no such case
 *   limit_ms   what the machine needs for the bytes or flops; null where nothing simple bounds it
 *   speedup    torch_ms / ours_ms
 *   of_limit   limit_ms / ours_ms
 */
#include "core/memory.h"
#include "hagane/hagane.h"
#include "num/linalg.h"
#include <cblas.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* ---- sizes, told to the peer too --------------------------------------------------------------------------------- */

#define SIZES(X)                                                                                                       \
    X(rows, 4096)                                                                                                      \
    X(width, 256)                                                                                                      \
    X(edges, 400000)                                                                                                   \
    X(channels, 128)                                                                                                   \
    X(atoms, 20000)                                                                                                    \
    X(side, 1024)                                                                                                      \
    X(nets, 2000)                                                                                                      \
    X(small, 32)                                                                                                       \
    X(batch, 64)                                                                                                       \
    X(narrow, 64)                                                                                                      \
    X(graph_atoms, 4000)                                                                                               \
    X(graph_edges, 60000)                                                                                              \
    X(features, 32)                                                                                                    \
    X(grid, 32)                                                                                                        \
    X(grid_in, 32)                                                                                                     \
    X(grid_out, 64)                                                                                                    \
    X(grids, 8)                                                                                                        \
    X(grid_width, 16)
enum {
#define SIZE(name, value) name = value,
    SIZES(SIZE)
#undef SIZE
};

/* ---- what cases share -------------------------------------------------------------------------------------------- */

enum { ARRAYS = 3, PARAMETERS = 12, TIMES_MOST = 1000, TURNS = 3 };

typedef struct {
    hg_tape *tape;
    hg_pool *pool;
    float *x[ARRAYS], *g[ARRAYS]; /* [edges, channels] normal numbers, and gradients */
    uint32_t *source, *target;    /* [edges], below atoms; targets sorted */
    hg_params *p;
    hg_optimizer *o;
    hg_arena *arena;
    const hg_index *from, *to;
    uint64_t step;
} bench;

static void must(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "bench/tensor: %s\n", err->msg);
    exit(1);
}

static hg_tensor *leaf(bench *b, int k, hg_shape s, bool wants_grad) {
    return hg_tensor_borrow(b->tape, s, b->x[k], wants_grad ? b->g[k] : NULL);
}
static hg_tensor *x(bench *b, int k) { return leaf(b, k, HG_SHAPE(rows, width), false); }
static hg_tensor *xl(bench *b, int k) { return leaf(b, k, HG_SHAPE(edges, channels), false); }
static hg_tensor *xg(bench *b, int k) { return leaf(b, k, HG_SHAPE(rows, width), true); }

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static hg_tensor *silu(bench *b) { return hg_map(b->tape, HG_SILU, x(b, 0)); }
static hg_tensor *gelu(bench *b) { return hg_map(b->tape, HG_GELU, x(b, 0)); }
static hg_tensor *tanh_(bench *b) { return hg_map(b->tape, HG_TANH, x(b, 0)); }
static hg_tensor *add(bench *b) { return hg_add(b->tape, x(b, 0), x(b, 1)); }
static hg_tensor *mul_row(bench *b) { return hg_mul(b->tape, x(b, 0), leaf(b, 1, HG_SHAPE(width), false)); }
static hg_tensor *affine(bench *b) { return hg_affine(b->tape, x(b, 0), 2, 1); }
static hg_tensor *sum_all(bench *b) { return hg_sum(b->tape, x(b, 0), 0); }
static hg_tensor *sum_rows(bench *b) { return hg_sum(b->tape, x(b, 0), 1); }
static hg_tensor *sum_columns(bench *b) { return hg_sum(b->tape, x(b, 0), 2); }

static hg_tensor *silu_large(bench *b) { return hg_map(b->tape, HG_SILU, xl(b, 0)); }
static hg_tensor *gelu_large(bench *b) { return hg_map(b->tape, HG_GELU, xl(b, 0)); }
static hg_tensor *tanh_large(bench *b) { return hg_map(b->tape, HG_TANH, xl(b, 0)); }
static hg_tensor *add_large(bench *b) { return hg_add(b->tape, xl(b, 0), xl(b, 1)); }
static hg_tensor *mul_row_large(bench *b) { return hg_mul(b->tape, xl(b, 0), leaf(b, 1, HG_SHAPE(channels), false)); }
static hg_tensor *affine_large(bench *b) { return hg_affine(b->tape, xl(b, 0), 2, 1); }
static hg_tensor *sum_all_large(bench *b) { return hg_sum(b->tape, xl(b, 0), 0); }
static hg_tensor *sum_rows_large(bench *b) { return hg_sum(b->tape, xl(b, 0), 1); }
static hg_tensor *sum_columns_large(bench *b) { return hg_sum(b->tape, xl(b, 0), 2); }

static hg_tensor *silu_backward(bench *b) { return hg_map(b->tape, HG_SILU, xg(b, 0)); }
static hg_tensor *mul_add_backward(bench *b) {
    hg_tensor *a = xg(b, 0);
    return hg_add(b->tape, hg_mul(b->tape, a, xg(b, 1)), a);
}

static hg_tensor *gemm(bench *b) {
    return hg_matmul(b->tape, leaf(b, 0, HG_SHAPE(side, side), false), leaf(b, 1, HG_SHAPE(side, side), false));
}
static hg_tensor *layer(bench *b, bool wants_grad) {
    hg_tensor *bias = hg_tensor_borrow(b->tape, HG_SHAPE(width), b->x[2], wants_grad ? b->g[2] : NULL);
    return hg_linear(b->tape, leaf(b, 0, HG_SHAPE(rows, width), wants_grad),
                     leaf(b, 1, HG_SHAPE(width, width), wants_grad), bias, HG_SILU);
}
static hg_tensor *linear_silu(bench *b) { return layer(b, false); }
static hg_tensor *linear_silu_backward(bench *b) { return layer(b, true); }
static hg_tensor *stack(bench *b) {
    const hg_shape s = HG_SHAPE(nets, small, small);
    return hg_matmul(b->tape, leaf(b, 0, s, false), leaf(b, 1, s, false));
}
static hg_tensor *stack_backward(bench *b) {
    const hg_shape s = HG_SHAPE(nets, small, small);
    return hg_matmul(b->tape, leaf(b, 0, s, true), leaf(b, 1, s, true));
}

static hg_tensor *gather(bench *b) { return hg_gather(b->tape, leaf(b, 0, HG_SHAPE(atoms, channels), false), b->from); }
static hg_tensor *segment_sum(bench *b) { return hg_segment_sum(b->tape, xl(b, 0), b->to); }

static hg_tensor *scatter(bench *b) { return hg_segment_sum(b->tape, xl(b, 0), b->from); }
static hg_tensor *softmax(bench *b) { return hg_softmax(b->tape, x(b, 0), 1); }
static hg_tensor *concat(bench *b) { return hg_concat(b->tape, (hg_tensor *[]) { x(b, 0), x(b, 1) }, 2, 1); }
static hg_tensor *norm_of(bench *b, bool wants_grad) {
    hg_tensor *gain = leaf(b, 1, HG_SHAPE(width), wants_grad), *bias = leaf(b, 2, HG_SHAPE(width), wants_grad);
    return hg_layer_norm(b->tape, leaf(b, 0, HG_SHAPE(rows, width), wants_grad), gain, bias, 1e-5);
}
static hg_tensor *layer_norm(bench *b) { return norm_of(b, false); }
static hg_tensor *layer_norm_backward(bench *b) { return norm_of(b, true); }
static hg_tensor *radial_of(bench *b, hg_radial_kind kind, size_t count) {
    hg_radial_opts o = hg_radial_opts_default();
    o.kind = kind;
    o.count = count;
    return hg_radial(b->tape, leaf(b, 0, HG_SHAPE(edges), false), &o);
}
static hg_tensor *bessel(bench *b) { return radial_of(b, HG_RADIAL_BESSEL, 20); }
static hg_tensor *gaussians(bench *b) { return radial_of(b, HG_RADIAL_GAUSSIAN, 64); }
/* Kernels of 3 x 3 x 3 on a cube, as many elements after as before. */
static hg_tensor *conv(bench *b, bool wants_dx, bool wants_dw) {
    hg_conv3d_opts o = hg_conv3d_opts_default();
    o.padding[0] = o.padding[1] = o.padding[2] = 1;
    return hg_conv3d(b->tape, leaf(b, 0, HG_SHAPE(1, grid_in, grid, grid, grid), wants_dx),
                     leaf(b, 1, HG_SHAPE(grid_out, grid_in, 3, 3, 3), wants_dw), NULL, &o, HG_IDENTITY);
}
static hg_tensor *conv3d(bench *b) { return conv(b, false, false); }
static hg_tensor *conv3d_weights(bench *b) { return conv(b, false, true); }
static hg_tensor *conv3d_backward(bench *b) { return conv(b, true, true); }
static hg_tensor *conv3d_transposed(bench *b) {
    hg_conv3d_opts o = hg_conv3d_opts_default();
    o.padding[0] = o.padding[1] = o.padding[2] = 1;
    return hg_conv3d_transposed(b->tape, leaf(b, 0, HG_SHAPE(1, grid_out, grid, grid, grid), false),
                                leaf(b, 1, HG_SHAPE(grid_out, grid_in, 3, 3, 3), false),
                                (const size_t[]) { grid, grid, grid }, &o);
}

static void add_layer(hg_params *p, size_t in, size_t out, bool bias) {
    const size_t n = hg_params_count(p);
    hg_params_add(p, HG_SHAPE(out, in), hg_init_linear(in), "w%zu", n);
    if (bias) hg_params_add(p, HG_SHAPE(out), hg_init_linear(in), "b%zu", n);
}

static void mlp_params(hg_params *p) {
    add_layer(p, width, width, true);
    add_layer(p, width, width, true);
    add_layer(p, width, 1, true);
}
static void mlp_small_params(hg_params *p) {
    add_layer(p, narrow, narrow, true);
    add_layer(p, narrow, narrow, true);
    add_layer(p, narrow, 1, true);
}
static void graph_params(hg_params *p) {
    hg_params_add(p, HG_SHAPE(graph_atoms, channels), hg_init_normal(1), "embed");
    add_layer(p, features, channels, true);
    add_layer(p, channels, channels, true);
    add_layer(p, channels, channels, false);
    add_layer(p, channels, channels, true);
    add_layer(p, channels, channels, true);
    add_layer(p, channels, 1, true);
}

static void add_conv(hg_params *p, size_t in, size_t out) {
    const size_t n = hg_params_count(p);
    hg_params_add(p, HG_SHAPE(out, in, 3, 3, 3), hg_init_linear(27 * in), "w%zu", n);
    hg_params_add(p, HG_SHAPE(out), hg_init_linear(27 * in), "b%zu", n);
}
static void conv_params(hg_params *p) {
    add_conv(p, 1, grid_width);
    add_conv(p, grid_width, 2 * grid_width);
    add_conv(p, 2 * grid_width, 2 * grid_width);
    add_layer(p, 2 * grid_width, 1, true);
}

static hg_tensor *apply(bench *b, size_t i, hg_tensor *in, hg_function f) {
    return hg_linear(b->tape, in, hg_param(b->tape, b->p, i), hg_param(b->tape, b->p, i + 1), f);
}

static hg_tensor *squared_error(bench *b, hg_tensor *y, size_t n) {
    hg_tensor *d = hg_sub(b->tape, y, leaf(b, 1, HG_SHAPE(n, 1), false));
    return hg_mean(b->tape, hg_map(b->tape, HG_SQUARE, d), 0);
}

static hg_tensor *mlp_of(bench *b, size_t n, size_t m) {
    hg_tensor *y = apply(b, 0, leaf(b, 0, HG_SHAPE(n, m), false), HG_SILU);
    return squared_error(b, apply(b, 4, apply(b, 2, y, HG_SILU), HG_IDENTITY), n);
}
static hg_tensor *mlp_step(bench *b) { return mlp_of(b, rows, width); }
static hg_tensor *mlp_small_step(bench *b) { return mlp_of(b, batch, narrow); }

static hg_tensor *graph_step(bench *b) {
    hg_tape *t = b->tape;
    hg_tensor *h = hg_param(t, b->p, 0), *e = leaf(b, 0, HG_SHAPE(graph_edges, features), false);
    hg_tensor *filter = apply(b, 3, apply(b, 1, e, HG_SILU), HG_IDENTITY);
    hg_tensor *before = hg_linear(t, h, hg_param(t, b->p, 5), NULL, HG_IDENTITY);
    hg_tensor *messages = hg_mul(t, hg_gather(t, before, b->from), filter);
    hg_tensor *sums = hg_segment_sum(t, messages, b->to);
    h = hg_add(t, h, apply(b, 8, apply(b, 6, sums, HG_SILU), HG_IDENTITY));
    return squared_error(b, apply(b, 10, h, HG_IDENTITY), graph_atoms);
}

static hg_tensor *apply_conv(bench *b, size_t i, hg_tensor *in) {
    hg_conv3d_opts o = hg_conv3d_opts_default();
    o.padding[0] = o.padding[1] = o.padding[2] = 1;
    return hg_conv3d(b->tape, in, hg_param(b->tape, b->p, i), hg_param(b->tape, b->p, i + 1), &o, HG_SILU);
}
static hg_tensor *conv3d_step(bench *b) {
    hg_tape *t = b->tape;
    hg_tensor *h = apply_conv(b, 0, leaf(b, 0, HG_SHAPE(grids, 1, grid, grid, grid), false));
    h = apply_conv(b, 2, hg_pool3d(t, h, HG_POOL_MAX, NULL));
    h = apply_conv(b, 4, hg_pool3d(t, h, HG_POOL_MAX, NULL));
    return squared_error(b, apply(b, 6, hg_mean(t, h, 4 | 8 | 16), HG_IDENTITY), grids);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

typedef enum { NOTHING, BYTES, FLOPS } bound;
typedef enum { FORWARD, BACKWARD, STEP } way;

typedef struct {
    const char *name;
    hg_tensor *(*run)(bench *b);
    way way;
    bound bound;
    double work;    /* bytes or flops */
    size_t indexed; /* edges of the graph it uses; 0: none */
    size_t nodes;
    void (*params)(hg_params *p);
    bool bf16;
} test;

#define N     (4.0 * rows * width)     /* bytes of the usual array */
#define LARGE (4.0 * edges * channels) /* and of the large one */
#define LAYER (2.0 * rows * width * width)
#define STACK (2.0 * nets * small * small * small)
#define CONV  (2.0 * 27 * grid_in * grid_out * grid * grid * grid)
#define VOXEL                                                                                                          \
    (2.0 * 27 * grids * grid * grid * grid * grid_width *                                                              \
     (1 + 2 * grid_width / 8.0 + 4 * grid_width / 64.0)) /* forward */
#define GRAPH                                                                                                          \
    (2.0 * graph_edges * channels * (features + channels) + 2.0 * graph_atoms * channels * 3 * channels) /* forward */

static const test CASES[] = {
    { "silu", silu, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "gelu", gelu, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "tanh", tanh_, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "add", add, FORWARD, BYTES, 3 * N, 0, 0, NULL, false },
    { "mul_row", mul_row, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "affine", affine, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "sum_all", sum_all, FORWARD, BYTES, N, 0, 0, NULL, false },
    { "sum_rows", sum_rows, FORWARD, BYTES, N, 0, 0, NULL, false },
    { "sum_columns", sum_columns, FORWARD, BYTES, N, 0, 0, NULL, false },
    { "silu_large", silu_large, FORWARD, BYTES, 2 * LARGE, 0, 0, NULL, false },
    { "gelu_large", gelu_large, FORWARD, BYTES, 2 * LARGE, 0, 0, NULL, false },
    { "tanh_large", tanh_large, FORWARD, BYTES, 2 * LARGE, 0, 0, NULL, false },
    { "add_large", add_large, FORWARD, BYTES, 3 * LARGE, 0, 0, NULL, false },
    { "mul_row_large", mul_row_large, FORWARD, BYTES, 2 * LARGE, 0, 0, NULL, false },
    { "affine_large", affine_large, FORWARD, BYTES, 2 * LARGE, 0, 0, NULL, false },
    { "sum_all_large", sum_all_large, FORWARD, BYTES, LARGE, 0, 0, NULL, false },
    { "sum_rows_large", sum_rows_large, FORWARD, BYTES, LARGE, 0, 0, NULL, false },
    { "sum_columns_large", sum_columns_large, FORWARD, BYTES, LARGE, 0, 0, NULL, false },
    { "silu_backward", silu_backward, BACKWARD, NOTHING, 0, 0, 0, NULL, false },
    { "mul_add_backward", mul_add_backward, BACKWARD, NOTHING, 0, 0, 0, NULL, false },
    { "gemm", gemm, FORWARD, FLOPS, 2.0 * side *side *side, 0, 0, NULL, false },
    { "gemm_bf16", gemm, FORWARD, FLOPS, 2.0 * side *side *side, 0, 0, NULL, true },
    { "linear_silu", linear_silu, FORWARD, FLOPS, LAYER, 0, 0, NULL, false },
    { "linear_silu_bf16", linear_silu, FORWARD, FLOPS, LAYER, 0, 0, NULL, true },
    { "linear_silu_backward", linear_silu_backward, BACKWARD, FLOPS, 3 * LAYER, 0, 0, NULL, false },
    { "linear_silu_backward_bf16", linear_silu_backward, BACKWARD, FLOPS, 3 * LAYER, 0, 0, NULL, true },
    { "stack", stack, FORWARD, FLOPS, STACK, 0, 0, NULL, false },
    { "stack_backward", stack_backward, BACKWARD, FLOPS, 3 * STACK, 0, 0, NULL, false },
    { "gather", gather, FORWARD, BYTES, 2 * LARGE, edges, atoms, NULL, false },
    { "segment_sum", segment_sum, FORWARD, BYTES, LARGE, edges, atoms, NULL, false },
    { "segment_sum_unsorted", scatter, FORWARD, BYTES, LARGE, edges, atoms, NULL, false },
    { "softmax", softmax, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "concat", concat, FORWARD, BYTES, 4 * N, 0, 0, NULL, false },
    { "layer_norm", layer_norm, FORWARD, BYTES, 2 * N, 0, 0, NULL, false },
    { "layer_norm_backward", layer_norm_backward, BACKWARD, NOTHING, 0, 0, 0, NULL, false },
    { "bessel", bessel, FORWARD, BYTES, 4.0 * edges * 21, 0, 0, NULL, false },
    { "gaussians", gaussians, FORWARD, BYTES, 4.0 * edges * 65, 0, 0, NULL, false },
    { "conv3d", conv3d, FORWARD, FLOPS, CONV, 0, 0, NULL, false },
    { "conv3d_bf16", conv3d, FORWARD, FLOPS, CONV, 0, 0, NULL, true },
    { "conv3d_transposed", conv3d_transposed, FORWARD, FLOPS, CONV, 0, 0, NULL, false },
    { "conv3d_transposed_bf16", conv3d_transposed, FORWARD, FLOPS, CONV, 0, 0, NULL, true },
    { "conv3d_weights_backward", conv3d_weights, BACKWARD, FLOPS, 2 * CONV, 0, 0, NULL, false },
    { "conv3d_weights_backward_bf16", conv3d_weights, BACKWARD, FLOPS, 2 * CONV, 0, 0, NULL, true },
    { "conv3d_backward", conv3d_backward, BACKWARD, FLOPS, 3 * CONV, 0, 0, NULL, false },
    { "conv3d_backward_bf16", conv3d_backward, BACKWARD, FLOPS, 3 * CONV, 0, 0, NULL, true },
    { "mlp_step", mlp_step, STEP, FLOPS, 5 * LAYER, 0, 0, mlp_params, false },
    { "mlp_step_bf16", mlp_step, STEP, FLOPS, 5 * LAYER, 0, 0, mlp_params, true },
    { "mlp_small_step", mlp_small_step, STEP, FLOPS, 10.0 * batch *narrow *narrow, 0, 0, mlp_small_params, false },
    { "graph_step", graph_step, STEP, FLOPS, 3 * GRAPH, graph_edges, graph_atoms, graph_params, false },
    { "graph_step_bf16", graph_step, STEP, FLOPS, 3 * GRAPH, graph_edges, graph_atoms, graph_params, true },
    { "conv3d_step", conv3d_step, STEP, FLOPS, 3 * VOXEL, 0, 0, conv_params, false },
    { "conv3d_step_bf16", conv3d_step, STEP, FLOPS, 3 * VOXEL, 0, 0, conv_params, true },
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

/* ---- timing ------------------------------------------------------------------------------------------------------ */

static struct {
    bool json, markdown, quick, cpu, alone;
    const char *only;
} OPTIONS;

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double now(void) { return seconds(OPTIONS.cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC); }
static double budget(void) { return OPTIONS.quick ? 0.1 : 0.35; } /* seconds a case, turn and number of threads */

static int compare(const void *a, const void *b) {
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static double median_ms(void (*run)(void *), void *ctx) {
    static double times[TIMES_MOST];
    size_t n = 0;
    run(ctx);
    run(ctx);
    const double begin = seconds(CLOCK_MONOTONIC);
    while (n < 5 || (n < TIMES_MOST && seconds(CLOCK_MONOTONIC) - begin < budget())) {
        const double start = now();
        run(ctx);
        times[n++] = 1e3 * (now() - start);
    }
    qsort(times, n, sizeof *times, compare);
    return times[n / 2];
}

typedef struct {
    bench *b;
    const test *test;
    double bytes; /* of copy */
} running;

static void run_case(void *ctx) {
    const running *r = ctx;
    bench *b = r->b;
    hg_err err;
    hg_tape_begin(b->tape, ++b->step);
    hg_tensor *y = r->test->run(b);
    if (r->test->way == BACKWARD) y = hg_sum(b->tape, y, 0);
    if (r->test->way == FORWARD)
        must(hg_tape_status(b->tape, &err), &err);
    else
        must(hg_backward(b->tape, y, &err), &err);
    if (r->test->way == STEP) must(hg_optimizer_step(NULL, b->o, 1e-3, b->pool, &err), &err);
}

static void begin_case(bench *b, const test *t) {
    hg_tape_opts o = hg_tape_opts_default();
    hg_err err;
    o.pool = b->pool;
    o.bf16 = t->bf16;
    must(hg_tape_new(&b->tape, &o, &err), &err);
    if (t->params) {
        must(hg_params_new(&b->p, NULL, &err), &err);
        t->params(b->p);
        must(hg_params_seal(b->p, &err), &err);
        must(hg_optimizer_new(&b->o, b->p, NULL, &err), &err);
    }
    if (!t->indexed) return;
    hg_rng r = hg_rng_make(2, 0);
    b->arena = hg_arena_new();
    for (size_t i = 0; i < t->indexed; i++) {
        b->source[i] = (uint32_t)hg_rng_below(&r, t->nodes);
        b->target[i] = (uint32_t)(i * t->nodes / t->indexed);
    }
    must(hg_index_keep(&b->from, b->source, t->indexed, t->nodes, b->arena, &err), &err);
    must(hg_index_keep(&b->to, b->target, t->indexed, t->nodes, b->arena, &err), &err);
}

static void end_case(bench *b) {
    hg_tape_free(b->tape);
    hg_optimizer_free(b->o);
    hg_params_free(b->p);
    hg_arena_free(b->arena);
    b->tape = NULL;
    b->o = NULL;
    b->p = NULL;
    b->arena = NULL;
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

enum { PIECE = 1 << 20 };

static void copy_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const running *r = ctx;
    (void)worker;
    memcpy((char *)r->b->g[0] + begin, (char *)r->b->x[0] + begin, end - begin);
}
static void copy(void *ctx) { /* half of the bytes are read, half are written */
    const running *r = ctx;
    hg_pool_for(r->b->pool, (size_t)(r->bytes / 2), PIECE, copy_task, ctx);
}
static double copy_ms(bench *b, double bytes) {
    const double most = 2 * LARGE, once = bytes < most ? bytes : most;
    return median_ms(copy, &(running) { b, NULL, once }) * bytes / once;
}

static void blas_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const running *r = ctx;
    const int n = side, rows_here = (int)(end - begin);
    (void)worker;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows_here, n, n, 1, r->b->x[0] + begin * side, n, r->b->x[1],
                n, 0, r->b->g[0] + begin * side, n);
}
static void blas(void *ctx) {
    const running *r = ctx;
    const size_t threads = hg_pool_threads(r->b->pool);
    hg_pool_for(r->b->pool, side, (side + threads - 1) / threads, blas_task, ctx);
}

/* ---- the peer ---------------------------------------------------------------------------------------------------- */

typedef struct {
    char said[8192];
} peer;

static void ask_peer(peer *p, size_t threads) {
    char sizes[32][32], words[2][16];
    char *argv[40];
    static char program[] = "python3", script[] = HG_SOURCE_DIR "/bench/peers/torch_ops.py", cpu[] = "cpu",
                wall[] = "wall";
    size_t n = 0, k = 0;
    int ends[2];
    pid_t child;
    p->said[0] = '\0';
    if (OPTIONS.alone) return;
    snprintf(words[0], sizeof words[0], "%zu", threads);
    snprintf(words[1], sizeof words[1], "%g", budget());
    argv[n++] = program;
    argv[n++] = script;
    argv[n++] = words[0];
    argv[n++] = words[1];
    argv[n++] = OPTIONS.cpu ? cpu : wall;
#define SIZE(name, value)                                                                                              \
    snprintf(sizes[k], sizeof sizes[k], "%s=%d", #name, value);                                                        \
    argv[n++] = sizes[k++];
    SIZES(SIZE)
#undef SIZE
    argv[n] = NULL;
    if (pipe(ends) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    const int failed = posix_spawn(&child, "/usr/bin/python3", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got = 1; !failed && got > 0 && len + 1 < sizeof p->said; len += got > 0 ? (size_t)got : 0)
        got = read(ends[0], p->said + len, sizeof p->said - 1 - len);
    p->said[len] = '\0';
    close(ends[0]);
    if (!failed) waitpid(child, NULL, 0);
    if (len == 0) fprintf(stderr, "bench/tensor: no PyTorch here (apt: python3-torch), its figures are null\n");
}

/* Milliseconds, or NaN. The bfloat16 cases are compared with PyTorch's float: it has no such mode on processors of this age. */
static double peer_ms(const peer *p, const char *name) {
    char key[64];
    double ms;
    const size_t n = strlen(name), plain = n > 5 && !strcmp(name + n - 5, "_bf16") ? n - 5 : n;
    snprintf(key, sizeof key, "\"%.*s\": ", (int)plain, name);
    const char *at = strstr(p->said, key);
    return at && sscanf(at + strlen(key), "%lf", &ms) == 1 ? ms : (double)NAN;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static void number(const char *key, double v, const char *end) {
    if (isfinite(v))
        printf("\"%s\": %.4g%s", key, v, end);
    else
        printf("\"%s\": null%s", key, end);
}

static void cell(double v, const char *unit) {
    if (isfinite(v))
        printf(" %.3g%s |", v, unit);
    else
        printf(" |");
}

static void report(const char *name, size_t threads, double ours, double torch, double limit, bool last) {
    if (OPTIONS.json) {
        printf("{\"name\": \"%s\", \"threads\": %zu, ", name, threads);
        number("ours_ms", ours, ", ");
        number("torch_ms", torch, ", ");
        number("limit_ms", limit, ", ");
        number("speedup", torch / ours, ", ");
        number("of_limit", limit / ours, last ? "}" : "}, ");
    } else {
        printf("| %s | %zu |", name, threads);
        cell(ours, "");
        cell(torch, "");
        cell(limit, "");
        cell(torch / ours, "");
        cell(100 * limit / ours, " %");
        printf("\n");
    }
    fflush(stdout);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void set_up(bench *b) {
    const size_t n = (size_t)edges * channels;
    hg_rng r = hg_rng_make(1, 0);
    for (int k = 0; k < ARRAYS; k++) {
        b->x[k] = hg_aligned(n * sizeof(float));
        b->g[k] = hg_aligned(n * sizeof(float));
        if (!b->x[k] || !b->g[k]) exit(1);
        for (size_t i = 0; i < n; i++) b->x[k][i] = i < 1 << 20 ? (float)hg_rng_normal(&r) : b->x[k][i - (1 << 20)];
        memset(b->g[k], 0, n * sizeof(float));
    }
    b->source = malloc(edges * sizeof *b->source);
    b->target = malloc(edges * sizeof *b->target);
    if (!b->source || !b->target) exit(1);
}

typedef struct {
    double ours, torch, limit; /* least times so far, ms */
} figures;

static double least(double a, double b) { return isfinite(a) && !(b < a) ? a : b; }

/* We and PyTorch take turns, so that a machine that is slower for a while is so for both. */
static void run_threads(bench *b, size_t threads, bool last) {
    hg_err err;
    peer p;
    figures f[N_CASES];
    double flops = 0;
    for (size_t i = 0; i < N_CASES; i++) f[i] = (figures) { (double)NAN, (double)NAN, (double)NAN };
    must(hg_pool_new(&b->pool, threads, &err), &err);
    for (int turn = 0; turn < (OPTIONS.quick ? 1 : TURNS); turn++) {
        ask_peer(&p, threads);
        flops = fmax(flops, 2.0 * side * side * side / median_ms(blas, &(running) { b, NULL, 0 }));
        for (size_t i = 0; i < N_CASES; i++) {
            const test *t = &CASES[i];
            if (OPTIONS.only && strcmp(OPTIONS.only, t->name) != 0) continue;
            running r = { b, t, 0 };
            begin_case(b, t);
            f[i].ours = least(f[i].ours, median_ms(run_case, &r));
            end_case(b);
            f[i].torch = least(f[i].torch, peer_ms(&p, t->name));
            if (t->bound == BYTES) f[i].limit = least(f[i].limit, copy_ms(b, t->work));
        }
    }
    for (size_t i = 0; i < N_CASES; i++) {
        const test *t = &CASES[i];
        if (OPTIONS.only && strcmp(OPTIONS.only, t->name) != 0) continue;
        report(t->name, threads, f[i].ours, f[i].torch, t->bound == FLOPS ? t->work / flops : f[i].limit,
               last && (OPTIONS.only || i + 1 == N_CASES));
    }
    hg_pool_free(b->pool);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            OPTIONS.json = true;
        else if (!strcmp(argv[i], "--markdown"))
            OPTIONS.markdown = true;
        else if (!strcmp(argv[i], "--quick"))
            OPTIONS.quick = true;
        else if (!strcmp(argv[i], "--cpu"))
            OPTIONS.cpu = true;
        else if (!strcmp(argv[i], "--alone"))
            OPTIONS.alone = true;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            OPTIONS.only = argv[++i];
        else
            return fprintf(stderr, "usage: tensor [--json | --markdown] [--quick] [--cpu] [--alone] [--only CASE]\n"),
                   2;
    }
    hg_linalg_single_thread();
    bench b = { 0 };
    set_up(&b);
    if (OPTIONS.json)
        printf("{\"schema\": 1, \"clock\": \"%s\", \"blas\": \"%s\", \"ops\": [", OPTIONS.cpu ? "cpu" : "wall",
               hg_linalg_config());
    else
        printf("| operation | threads | ours, ms | PyTorch, ms | limit, ms | PyTorch / ours | of the limit "
               "|\n|---|---|---|---|---|---|---|\n");
    const size_t most = OPTIONS.cpu || sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 1 : 2;
    for (size_t threads = 1; threads <= most; threads++) run_threads(&b, threads, threads == most);
    if (OPTIONS.json) printf("]}\n");
    for (int k = 0; k < ARRAYS; k++) {
        hg_free(b.x[k]);
        hg_free(b.g[k]);
    }
    free(b.source);
    free(b.target);
    return 0;
}
