/* tensor/op.h -- what an operation is, and what its file needs: one record, one file, one line in tensor/ops.h
 *
 * An operation's file has its public function, which calls hg_apply, and its record. To add one: src/tensor/op_<name>.c, its line in
 * tensor/ops.h, its declaration in hagane/tensor.h. tests/tensor/test_ops.c then checks its gradients on its own examples.
 */
#ifndef HG_TENSOR_OP_H
#define HG_TENSOR_OP_H
#include "hagane/tensor.h"

enum { HG_INPUTS_MOST = 6, HG_CHUNK = 16384 /* elements a task of the pool */ };

typedef struct hg_op hg_op;

struct hg_tensor {
    hg_dtype dtype;
    unsigned rank, n_in;
    bool wants_grad;
    bool fresh;   /* grad was given memory but no values yet: see hg_grad_fresh */
    bool spent;   /* grad was there, and its memory went to another */
    bool reached; /* by hg_gradient */
    size_t shape[HG_RANK_MOST];
    ptrdiff_t stride[HG_RANK_MOST]; /* in elements; 0 where an axis is repeated */
    void *data, *grad;              /* grad[shape], row-major without gaps; NULL: nothing reached it */
    const hg_op *op;                /* NULL: a leaf */
    hg_tensor *in[HG_INPUTS_MOST];  /* may hold NULL: an input that is not there (a bias) */
    void *attr;                     /* the operation's own, on the tape */
    hg_tensor *before;              /* recorded just before this one */
    hg_tensor *adjoint;             /* of hg_gradient */
};

struct hg_op {
    const char *name;
    /* Sets dtype, rank and shape of out from out->in and out->attr, and checks them. A view sets stride and data too; for others they are
     * made afterwards. Messages need no name in front. */
    hg_status (*shape)(hg_tensor *out, hg_err *err);
    void (*forward)(hg_tensor *out, hg_tape *t); /* NULL: a view */
    /* Adds out->grad times the derivative to in[i]->grad for each in[i] that hg_wants. The memory is there; out->grad may be overwritten. */
    void (*backward)(hg_tensor *out, hg_tape *t);
    /* g times d out / d in[i], as tensors. NULL: can be differentiated only once. */
    hg_tensor *(*derive)(hg_tape *t, hg_tensor *out, hg_tensor *g, unsigned i);
    /* The k-th input of the gradient test (and, when there is derive, of the test of second derivatives): leaves by hg_example, awkward
     * shapes among them. NULL past the last. */
    hg_tensor *(*example)(hg_tape *t, hg_rng *r, unsigned k);
};

/* attr is copied (size 0: kept as it is). Inputs may be NULL where the operation allows it: `optional` has bit i for in[i]. */
hg_tensor *hg_apply(hg_tape *t, const hg_op *op, hg_tensor *const *in, unsigned n_in, unsigned optional,
                    const void *attr, size_t attr_size);

hg_pool *hg_tape_pool(const hg_tape *t);
hg_dtype hg_tape_dtype(const hg_tape *t);
bool hg_tape_training(const hg_tape *t);
bool hg_tape_bf16(const hg_tape *t);
uint64_t hg_tape_seed(const hg_tape *t), hg_tape_step(const hg_tape *t);
uint64_t hg_tape_draw(hg_tape *t); /* 0, 1, 2, ... in a step: what tells its random operations apart */
/* Memory of the tape, 64-byte aligned, not zeroed; NULL when there is none, and the tape has failed then. For what an operation keeps from
 * forward to backward; scratch goes between hg_tape_mark and hg_tape_release, inside one call. */
void *hg_tape_alloc(hg_tape *t, size_t n, size_t size);
/* A failure outside of shape(): sticks, returns NULL. */
hg_tensor *hg_tape_fail(hg_tape *t, hg_status code, const char *fmt, ...) HG_PRINTF(3, 4);

static inline bool hg_wants(const hg_tensor *x) { return x && x->wants_grad; }
/* True once for a gradient without values: the caller then writes every element instead of adding. */
static inline bool hg_grad_fresh(hg_tensor *x) {
    const bool fresh = x->fresh;
    x->fresh = false;
    return fresh;
}
void hg_grad_zero_fresh(hg_tensor *x); /* for who can only add */
/* Instead of copying out's gradient, row-major as it lies, to an x that has none yet: x takes its memory, and out->grad is lost. Last thing
 * of a backward. false: x has values already, or memory of its own; add to it. */
bool hg_grad_hand_over(hg_tensor *out, hg_tensor *x);

bool hg_is_contiguous(const hg_tensor *x);
size_t hg_elements(const hg_tensor *x);
static inline size_t hg_dtype_size(hg_dtype d) { return d == HG_F32 ? 4 : 8; }
void hg_shape_like(hg_tensor *out, const hg_tensor *x);
hg_status hg_shape_broadcast(hg_tensor *out, const hg_tensor *a, const hg_tensor *b, hg_err *err);
hg_tensor hg_gradient_of(const hg_tensor *x);                 /* x->grad as a view: x's shape, row-major; for kernels */
const char *hg_shape_text(char buf[128], const hg_tensor *x); /* "[3, 4]" */

/* A loop over all elements of a shape with up to four operands of their own strides (0 where broadcast): axes of length 1 are left out and
 * axes that lie one after another in all operands are one. Elements are counted row-major; a range of them is a run of rows. */
enum { HG_LOOP_OPERANDS = 4 };
typedef struct {
    unsigned rank, operands; /* rank >= 1 */
    size_t total, shape[HG_RANK_MOST];
    ptrdiff_t stride[HG_LOOP_OPERANDS][HG_RANK_MOST];
} hg_loop;
/* Operand k has the strides of x[k], broadcast to the shape of `like`. A NULL operand is laid out row-major. */
hg_loop hg_loop_over(const hg_tensor *like, const hg_tensor *const *x, unsigned operands);
/* The run of elements from `at`: offsets of its first element, and its length, at most `most`. Inside it operand k steps by
 * stride[k][rank - 1]. */
size_t hg_loop_run(const hg_loop *l, size_t at, size_t most, ptrdiff_t offset[HG_LOOP_OPERANDS]);

/* Runs over the elements of l in chunks over the pool; inside a run operand k steps by l->stride[k][l->rank - 1]. */
typedef void (*hg_loop_fn)(void *ctx, const hg_loop *l, size_t at, size_t n, const ptrdiff_t offset[HG_LOOP_OPERANDS]);
void hg_loop_do(hg_pool *pool, const hg_loop *l, hg_loop_fn run, void *ctx);
static inline ptrdiff_t hg_loop_step(const hg_loop *l, unsigned k) { return l->stride[k][l->rank - 1]; }

/* y (+)= scale x, row-major from strided; over the pool. */
void hg_add_scaled(hg_tape *t, void *y, const hg_tensor *x, double scale, bool add);
static inline void hg_copy_elements(hg_tape *t, void *y, const hg_tensor *x, bool add) {
    hg_add_scaled(t, y, x, 1, add);
}
/* y (+)= scale g, both row-major in the shape of `like`. */
void hg_accumulate(hg_tape *t, void *y, const void *g, const hg_tensor *like, double scale, bool add);
/* y (+)= scale times sums of x over the axes in the bit mask; x[shape, stride] of `x`, but its data when data is NULL. y row-major. Sums
 * are of doubles of short sums, in an order that depends on the shape alone. */
void hg_reduce(hg_tape *t, void *y, const hg_tensor *x, const void *data, unsigned axes, double scale, bool add);
/* y[shape of `to`] (+)= scale times sums of g[shape of out, row-major] over what `to` is broadcast along in out. */
void hg_reduce_to(hg_tape *t, void *y, const hg_tensor *to, const void *g, const hg_tensor *out, double scale,
                  bool add);

/* Of hg_map's table, for operations that end with a function. y[n] = f(x[n]); dx[n] (+)= g[n] f'(x[n]) with y = f(x): neighbours in
 * memory, in this thread, dx and y no other's. f'(v) as a tensor, out = f(v); NULL: zero everywhere. */
void hg_function_values(hg_function f, hg_dtype d, void *y, const void *x, size_t n);
void hg_function_slopes(hg_function f, hg_dtype d, void *dx, const void *g, const void *x, const void *y, size_t n,
                        bool add);
/* gz = out->grad times the slope of act at z, over the pool; out holds act(z). */
void hg_activation_backward(hg_tape *t, void *gz, hg_function act, const hg_tensor *out, const void *z);
hg_tensor *hg_function_slope(hg_tape *t, hg_function f, hg_tensor *v, hg_tensor *out);

/* A view in which `axis` and the last axis have changed places; x itself when they are the same. */
hg_tensor *hg_axis_swapped(hg_tape *t, hg_tensor *x, unsigned axis);

/* Normalisation as tensors, for derivatives: (x - mean) / sqrt(variance + eps) over the axes in the bit mask, with the factor; and what
 * comes back through it when h arrives. */
hg_tensor *hg_normalised(hg_tape *t, hg_tensor *x, unsigned axes, double eps, hg_tensor **per_sd);
hg_tensor *hg_normalised_slope(hg_tape *t, hg_tensor *h, hg_tensor *xh, hg_tensor *per_sd, unsigned axes);

/* A leaf of normal random numbers, for examples; wants a gradient. In strange memory order when `strided`. */
hg_tensor *hg_example(hg_tape *t, hg_rng *r, hg_shape shape, bool strided);

#endif
