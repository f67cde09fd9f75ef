/* hagane/tensor.h -- tensors, a tape that differentiates what was computed on it, and the operations there are
 *
 *   hg_tensor *y = hg_linear(t, x, w, b, HG_SILU);           computed at once, and recorded
 *   hg_tensor *loss = hg_mean(t, hg_map(t, HG_SQUARE, hg_sub(t, y, target)), 0);
 *   HG_TRY(hg_backward(t, loss, err));                       every tensor that wants one has its gradient now
 *   ... an optimiser's step ...
 *   hg_tape_begin(t, step + 1);                              all tensors of the step end, their memory is used again
 *
 * A tensor is a view: data, shape, strides. float is what networks compute with, double is for checks; one tape has one of the two.
 * Tensors live on their tape, until hg_tape_begin or hg_tape_free. Parameters outlive it: hagane/params.h.
 * Failures stick, as in an hg_text: an operation on NULL, or after a failure, gives NULL, and hg_backward or hg_tape_status tells the first
 * one, so that a network is written without a check a line.
 * Broadcasting is NumPy's: shapes are aligned at their last axis, an axis of length 1 is repeated. Axes may have length 0.
 *
 * Gradients: reverse mode. hg_backward uses one fast kernel an operation. hg_gradient gives gradients that are tensors on the tape and
 * can be differentiated again; it needs operations that say how (`derive` in src/tensor/ops.c's table).
 * Same input, same dtype: the same bits, for any number of threads. Borders of chunks depend on sizes alone, sums are done in that order.
 */
#ifndef HG_TENSOR_H
#define HG_TENSOR_H
#include "hagane/core.h"
HG_BEGIN_DECLS

typedef enum { HG_F32, HG_F64 } hg_dtype;
enum { HG_RANK_MOST = 6 };

typedef struct {
    unsigned rank; /* 0: one number */
    size_t n[HG_RANK_MOST];
} hg_shape;
#define HG_SHAPE(...) ((hg_shape) { sizeof((size_t[]) { __VA_ARGS__ }) / sizeof(size_t), { __VA_ARGS__ } })
#define HG_SCALAR     ((hg_shape) { 0, { 0 } })
size_t hg_shape_size(hg_shape s); /* elements; 1 for a scalar, SIZE_MAX when it does not fit */

typedef struct hg_tape hg_tape;
typedef struct hg_tensor hg_tensor;

/* ---- the tape ------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_dtype dtype; /* default HG_F32 */
    hg_pool *pool;  /* borrowed; default NULL: this thread */
    bool record;    /* false: nothing is differentiated, as for predictions; default true */
    bool training;  /* dropout drops, batch normalisation looks at the batch; default false */
    uint64_t seed;  /* of dropout; default 0 */
    /* Products of HG_F32 matrices, on the way back too, round their operands to bfloat16 (3 significant digits) and sum in float: twice as
     * fast where the processor has AVX512_BF16. Parameters and all other operations stay float. Edges below 8 are not rounded. Default
     * false. */
    bool bf16;
} hg_tape_opts;
hg_tape_opts hg_tape_opts_default(void);

HG_MUST_CHECK hg_status hg_tape_new(hg_tape **out, const hg_tape_opts *opts, hg_err *err);
/* Begins a step: tensors made before are gone, a failure is forgotten, the memory is kept, so that from the second step of the same size
 * on nothing asks the system for memory. `step` counts for dropout: same seed and step, same mask. */
void hg_tape_begin(hg_tape *t, uint64_t step);
/* What is made between mark and release ends there: for predictions one by one. Nothing made in between may be differentiated later. */
size_t hg_tape_mark(const hg_tape *t);
void hg_tape_release(hg_tape *t, size_t mark);
HG_MUST_CHECK hg_status hg_tape_status(const hg_tape *t,
                                       hg_err *err); /* the first failure since hg_tape_begin, or HG_OK */
size_t hg_tape_bytes(const hg_tape *t);              /* memory that the tape holds */
void hg_tape_free(hg_tape *t);

/* ---- tensors -------------------------------------------------------------------------------------------------- */

hg_tensor *hg_tensor_zeros(hg_tape *t, hg_shape shape);
/* Copies x[size], converting it; x row-major. wants_grad: an input whose gradient is asked for (forces). */
hg_tensor *hg_tensor_of(hg_tape *t, hg_shape shape, const double *x, bool wants_grad);
hg_tensor *hg_tensor_of_floats(hg_tape *t, hg_shape shape, const float *x, bool wants_grad);
/* Borrows memory of the tape's dtype: data and grad[size], grad NULL when no gradient is wanted; else backward ADDS to it. */
hg_tensor *hg_tensor_borrow(hg_tape *t, hg_shape shape, void *data, void *grad);

hg_shape hg_tensor_shape(const hg_tensor *x);
size_t hg_tensor_size(const hg_tensor *x); /* elements; 0 for NULL */
hg_dtype hg_tensor_dtype(const hg_tensor *x);
/* The elements in row-major order as doubles, and the gradient: of parameters, inputs and other leaves; zeros when none reached it. That of
 * an operation's result is used up by hg_backward: NaN. */
void hg_tensor_get(double *out, const hg_tensor *x);
void hg_tensor_get_grad(double *out, const hg_tensor *x);
double hg_tensor_value(const hg_tensor *x); /* of a tensor of one element; NaN for NULL */
/* Direct access: NULL when the elements do not lie one after another, row-major, or the dtype is the other one. */
float *hg_tensor_floats(const hg_tensor *x);
double *hg_tensor_doubles(const hg_tensor *x);

/* ---- gradients ------------------------------------------------------------------------------------------------ */

/* d y / d x for every leaf x that wants a gradient and y depends on; y has one element. Calling it again adds up.
 * Errors: what failed while recording, HG_EINVAL y is not one number or nothing was recorded, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_backward(hg_tape *t, hg_tensor *y, hg_err *err);
/* out[n] = d y / d x[n] as tensors on the tape, which may be differentiated again. NULL entries never: where y does not depend on
 * x[i], zeros. Errors: as hg_backward; HG_EINVAL names an operation that can be differentiated only once. */
HG_MUST_CHECK hg_status hg_gradient(hg_tensor **out, hg_tape *t, hg_tensor *y, hg_tensor *const *x, size_t n,
                                    hg_err *err);

/* ---- elementwise ---------------------------------------------------------------------------------------------- */

/* One number to one number. Table: src/tensor/op_map.c. */
typedef enum {
    HG_IDENTITY,
    HG_RELU,
    HG_SILU, /* x / (1 + e^-x) */
    HG_GELU, /* x Phi(x), exact, by erf */
    HG_SIGMOID,
    HG_SOFTPLUS, /* log(1 + e^x) */
    HG_SSP,      /* shifted softplus, softplus(x) - log 2: SchNet (Schuett et al. 2018) eq. (3) */
    HG_TANH,
    HG_EXP,
    HG_LOG,
    HG_SQRT,
    HG_SQUARE,
    HG_ABS,
    HG_RECIPROCAL,
    HG_SIN,
    HG_COS,
    HG_ERF,
    HG_STEP, /* 1 for x > 0, else 0; slope 0 */
    HG_SIGN,
    HG_FUNCTION_COUNT
} hg_function;
const char *hg_function_name(hg_function f); /* "silu"; NULL past the last */
hg_tensor *hg_map(hg_tape *t, hg_function f, hg_tensor *x);
hg_tensor *hg_affine(hg_tape *t, hg_tensor *x, double a, double b); /* a x + b */

hg_tensor *hg_add(hg_tape *t, hg_tensor *a, hg_tensor *b); /* these four broadcast */
hg_tensor *hg_sub(hg_tape *t, hg_tensor *a, hg_tensor *b);
hg_tensor *hg_mul(hg_tape *t, hg_tensor *a, hg_tensor *b);
hg_tensor *hg_div(hg_tape *t, hg_tensor *a, hg_tensor *b);

/* ---- views: no copy, no work (but where it says so) ------------------------------------------------------------------------------------ */

/* A row-major reading of the same elements; a copy when strides do not allow it. */
hg_tensor *hg_reshape(hg_tape *t, hg_tensor *x, hg_shape shape);
hg_tensor *hg_permute(hg_tape *t, hg_tensor *x, const unsigned *axes); /* axis i of the result is axes[i] of x */
hg_tensor *hg_transpose2(hg_tape *t, hg_tensor *x);                    /* the last two axes change places */
hg_tensor *hg_slice(hg_tape *t, hg_tensor *x, unsigned axis, size_t begin, size_t end,
                    size_t step);                               /* begin, begin + step, ... < end */
hg_tensor *hg_expand(hg_tape *t, hg_tensor *x, hg_shape shape); /* repeats axes of length 1 */
/* The reverse of a slice: zeros of that shape, with x at begin, begin + step, ... of the axis. A copy. */
hg_tensor *hg_place(hg_tape *t, hg_tensor *x, hg_shape whole, unsigned axis, size_t begin, size_t step);
hg_tensor *hg_contiguous(hg_tape *t, hg_tensor *x); /* a copy, unless it is already */

/* ---- products of matrices ------------------------------------------------------------------------------------- */

/* act(x w' + b): x[.., in], w[out, in], b[out] or NULL; the result [.., out]. PyTorch's layout of weights. HG_IDENTITY: no activation. */
hg_tensor *hg_linear(hg_tape *t, hg_tensor *x, hg_tensor *w, hg_tensor *b, hg_function act);
/* a[.., m, k] b[.., k, n]: [.., m, n]; leading axes broadcast, for many small networks at once. Turned or sliced operands are not copied
 * where one of their last two axes lies without gaps. */
hg_tensor *hg_matmul(hg_tape *t, hg_tensor *a, hg_tensor *b);

/* ---- grids in three dimensions: x[batch, channels, depth, height, width] ------------------------------------------------ */

typedef struct {        /* of depth, height, width */
    size_t stride[3];   /* default 1 */
    size_t padding[3];  /* zeros on both sides; default 0 */
    size_t dilation[3]; /* distance of the kernel's elements; default 1 */
    size_t groups;      /* channels of a group see each other only; default 1 */
} hg_conv3d_opts;
hg_conv3d_opts hg_conv3d_opts_default(void);

/* act(x * w + bias): x[batch, in, d, h, w], w[out, in / groups, kd, kh, kw], bias[out] or NULL; PyTorch's layout and meaning, a kernel is
 * not turned round. The result [batch, out, ..] has (d + 2 padding - dilation (kd - 1) - 1) / stride + 1 elements along an axis. A kernel of
 * size 1 is a product of matrices. opts NULL: defaults. */
hg_tensor *hg_conv3d(hg_tape *t, hg_tensor *x, hg_tensor *w, hg_tensor *bias, const hg_conv3d_opts *opts,
                     hg_function act);
/* The gradient of hg_conv3d by its x, as an operation: x[batch, out, ..] -> [batch, in, size[3]]. A convolution with these opts takes `size`
 * to x's lengths. PyTorch's conv_transpose3d. */
hg_tensor *hg_conv3d_transposed(hg_tape *t, hg_tensor *x, hg_tensor *w, const size_t size[3],
                                const hg_conv3d_opts *opts);

typedef enum { HG_POOL_MAX, HG_POOL_MEAN } hg_pool_kind;
typedef struct {       /* of depth, height, width */
    size_t kernel[3];  /* the window; default 2 */
    size_t stride[3];  /* from window to window; default 0: the window's size */
    size_t padding[3]; /* below kernel; default 0 */
} hg_pool3d_opts;
hg_pool3d_opts hg_pool3d_opts_default(void);

/* The largest or the mean element of each window, (d + 2 padding - kernel) / stride + 1 along an axis. Padding is not there: it is never the
 * largest and is not counted by the mean (PyTorch: count_include_pad=False). The gradient goes to the first of equals; NaN counts as largest. */
hg_tensor *hg_pool3d(hg_tape *t, hg_tensor *x, hg_pool_kind kind, const hg_pool3d_opts *opts);

/* x[b, c r^3, d, h, w] -> [b, c, r d, r h, r w]: r^3 channels become a cube of elements, the last ones along the width (Shi et al., CVPR
 * 2016, eq. 4, in three dimensions); and back. 1 <= r <= 1024. */
hg_tensor *hg_pixel_shuffle3d(hg_tape *t, hg_tensor *x, size_t r);
hg_tensor *hg_pixel_unshuffle3d(hg_tape *t, hg_tensor *x, size_t r);
hg_tensor *hg_upsample3d(hg_tape *t, hg_tensor *x, size_t r); /* every element r times along each axis */

/* ---- reductions ----------------------------------------------------------------------------------------------- */

/* Over the axes whose bit is set in `axes` (bit i: axis i; 0: all), which are left out of the result. Mean of nothing: NaN. */
hg_tensor *hg_sum(hg_tape *t, hg_tensor *x, unsigned axes);
hg_tensor *hg_mean(hg_tape *t, hg_tensor *x, unsigned axes);
hg_tensor *hg_sum_to(hg_tape *t, hg_tensor *x, hg_shape shape); /* the reverse of hg_expand */

/* Over axes as hg_sum. The gradient goes to the first of equals; NaN counts as largest; of nothing: minus infinity. */
hg_tensor *hg_max(hg_tape *t, hg_tensor *x, unsigned axes);
hg_tensor *hg_softmax(hg_tape *t, hg_tensor *x, unsigned axis); /* exp(x) / sum of exp(x) along the axis */
hg_tensor *hg_log_softmax(hg_tape *t, hg_tensor *x, unsigned axis);
/* sqrt(sum of squares along the axis + eps), the axis left out: lengths of vectors. eps > 0 keeps the gradient finite at 0. */
hg_tensor *hg_norm2(hg_tape *t, hg_tensor *x, unsigned axis, double eps);

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

/* gain[c] and bias[c] of the channels may be NULL: 1 and 0. eps > 0 is added to the variance.
 * Over the last axis, which has the channels: Ba, Kiros & Hinton (2016). */
hg_tensor *hg_layer_norm(hg_tape *t, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, double eps);
/* x[n, c, ...], over groups of c / groups neighbouring channels and all that follows: Wu & He (2018). */
hg_tensor *hg_group_norm(hg_tape *t, hg_tensor *x, size_t groups, hg_tensor *gain, hg_tensor *bias, double eps);

typedef struct {
    double eps;      /* added to the variance; default 1e-5 */
    double momentum; /* share of the batch in what is kept, 0 .. 1; default 0.1 */
    bool frozen;     /* stored statistics while training, too; default false */
} hg_batch_norm_opts;
hg_batch_norm_opts hg_batch_norm_opts_default(void);
/* x[n, c, ...], each channel over all else: Ioffe & Szegedy (2015). While training with the batch's mean and variance, which are blended
 * into mean[c] and variance[c] (kept = (1 - momentum) kept + momentum batch, variance with N - 1); otherwise with those. They are borrowed,
 * of the tape's dtype, begin as 0 and 1, and may be NULL while training. Errors: HG_EINVAL one element a channel in a training batch. */
hg_tensor *hg_batch_norm(hg_tape *t, hg_tensor *x, hg_tensor *gain, hg_tensor *bias, void *mean, void *variance,
                         const hg_batch_norm_opts *opts);

/* ---- joining, leaving out ----------------------------------------------------------------------------------------- */

hg_tensor *hg_concat(hg_tape *t, hg_tensor *const *x, size_t n, unsigned axis); /* one behind another; n >= 1 */
/* While training each element is 0 with probability p (0 <= p < 1, in steps of 1/65536), and divided by 1 - p otherwise; else x itself.
 * Which ones depends on the tape's seed, the step and on how many dropouts came before in the step, not on threads or dtype. */
hg_tensor *hg_dropout(hg_tape *t, hg_tensor *x, double p);

/* ---- graphs: rows that are picked, and items that are summed ----------------------------------------------------- */

/* m items, each of which belongs to one of n rows: edges to their target atoms, atoms to their molecules. Made once from numbers that may
 * come from anywhere: they are checked, and copied. The items of a row are found without searching, so that adding up over them is done
 * row by row, by any number of threads in the same order. Items that come sorted by row cost least. */
typedef struct hg_index hg_index;

/* On the tape, until hg_tape_begin. Failures stick: NULL. rows[m], each below n; at most 2^32 - 2 items and rows.
 * Segments: the items of row i are offsets[i] .. offsets[i + 1] - 1; offsets[n + 1] begin at 0 and never fall, a row may have none.
 * Errors: HG_EINVAL a row that is not below n, offsets that fall, HG_ELIMIT too many, HG_ENOMEM. */
const hg_index *hg_index_of(hg_tape *t, const uint32_t *rows, size_t m, size_t n);
const hg_index *hg_segments_of(hg_tape *t, const uint32_t *offsets, size_t n);
/* The same in an arena, for as long as that lives: a graph that many steps or threads use. Errors: as above. */
HG_MUST_CHECK hg_status hg_index_keep(const hg_index **out, const uint32_t *rows, size_t m, size_t n, hg_arena *a,
                                      hg_err *err);
HG_MUST_CHECK hg_status hg_segments_keep(const hg_index **out, const uint32_t *offsets, size_t n, hg_arena *a,
                                         hg_err *err);
size_t hg_index_items(const hg_index *ix); /* m; 0 for NULL */
size_t hg_index_rows(const hg_index *ix);  /* n */

/* x[n, ...] -> [m, ...]: item j has row[j] of x. An embedding is this on a parameter [kinds, width]. */
hg_tensor *hg_gather(hg_tape *t, hg_tensor *x, const hg_index *ix);
/* x[m, ...] -> [n, ...]: the sum, mean, largest element of the items of each row; 0 for a row that has none. The sum is what is also known
 * as scatter-add, and the gradient of hg_gather. The gradient of the largest goes to the first of equals; NaN counts as largest. */
hg_tensor *hg_segment_sum(hg_tape *t, hg_tensor *x, const hg_index *ix);
hg_tensor *hg_segment_mean(hg_tape *t, hg_tensor *x, const hg_index *ix);
hg_tensor *hg_segment_max(hg_tape *t, hg_tensor *x, const hg_index *ix);
/* x[m, ...] -> [m, ...]: exp(x) / sum of exp(x) over the items of the same row. */
hg_tensor *hg_segment_softmax(hg_tape *t, hg_tensor *x, const hg_index *ix);
/* x[m, 3 d], of each item its query, key and value -> [m, d]: the items of a row attend to each other, in heads of w = d / heads numbers:
 * y_i = sum_j softmax_j(q_i . k_j / sqrt w) v_j (Vaswani et al., NeurIPS 2017, eq. 1). Time and memory go with the squares of the items of
 * a row. Can be differentiated once. */
hg_tensor *hg_attention(hg_tape *t, hg_tensor *x, size_t heads, const hg_index *ix);

/* ---- functions of a distance ------------------------------------------------------------------------------------- */

typedef enum {
    HG_RADIAL_GAUSSIAN, /* exp(-beta (d - mu_k)^2), mu from start to cutoff: SchNet (Schuett et al., JCP 148, 241722, 2018) */
    HG_RADIAL_BESSEL, /* sqrt(2/c) sin(k pi d / c) / d, k = 1 ..: DimeNet (Gasteiger et al., ICLR 2020) eq. (7), PaiNN */
    HG_RADIAL_EXP_NORMAL, /* exp(-beta (exp(-alpha d) - mu_k)^2), mu from exp(-alpha cutoff) to exp(-alpha start):
                           * PhysNet (Unke & Meuwly, JCTC 15, 3678, 2019) eq. (7) */
    HG_RADIAL_CHEBYSHEV,  /* T_k(2 d / c - 1), k = 0 ..: Artrith, Urban & Ceder, PRB 96, 014112 (2017) */
} hg_radial_kind;

/* What the functions are multiplied with, 0 from the cut-off c on; x = d / c. */
typedef enum {
    HG_CUTOFF_COSINE, /* (cos(pi x) + 1) / 2: Behler, JCP 134, 074106 (2011) eq. (4) */
    HG_CUTOFF_POLYNOMIAL, /* 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2): DimeNet eq. (8); p = 3 is PhysNet's eq. (8) */
    HG_CUTOFF_BUMP, /* exp(1 - 1 / (1 - x^2)), smooth to every order: SpookyNet (Unke et al., Nat. Commun. 12, 7273, 2021) */
    HG_CUTOFF_NONE /* 1, also beyond c */
} hg_cutoff;

enum { HG_RADIAL_MOST = 256 };
typedef struct {
    hg_radial_kind kind; /* default HG_RADIAL_BESSEL */
    hg_cutoff envelope;  /* default HG_CUTOFF_COSINE */
    size_t count;        /* functions, 1 .. HG_RADIAL_MOST; default 20 */
    double cutoff;       /* in the unit of d; default 5 */
    double start;        /* smallest centre of Gaussian and exp-normal functions; default 0 */
    double alpha;        /* of exp-normal, 1 / unit of d; default 0: 1 */
    double
        beta; /* default 0: 1 / (2 spacing^2), and 1 / (2/count (largest - smallest centre))^2 for exp-normal (PhysNet) */
    unsigned power; /* p of the polynomial, 3 .. 64; default 6 */
} hg_radial_opts;
hg_radial_opts hg_radial_opts_default(void);

/* d[...] -> [..., count]. d is at least 0; at 0 values and slopes are those of the limit. Can be differentiated three times in all. */
hg_tensor *hg_radial(hg_tape *t, hg_tensor *d, const hg_radial_opts *opts);

/* ---- losses --------------------------------------------------------------------------------------------------- */

/* r = prediction - target; the term of an element. Table: src/tensor/op_loss.c. */
typedef enum {
    HG_LOSS_MSE, /* r^2 */
    HG_LOSS_MAE, /* |r| */
    HG_LOSS_HUBER, /* r^2 / 2 up to |r| = corner, corner (|r| - corner / 2) beyond: Huber, Ann. Math. Stat. 35, 73 (1964) eq. (1.4) */
    HG_LOSS_NLL,       /* (s + r^2 e^-s) / 2, s = log_variance: Gaussian, without log(2 pi) / 2 */
    HG_LOSS_NOISY_NLL, /* (log T + r^2 / T) / 2, T = e^s + noise_variance: what is measured has noise of its own */
    HG_LOSS_COUNT
} hg_loss_kind;
const char *hg_loss_name(hg_loss_kind k); /* "huber"; NULL past the last */

typedef struct {
    hg_tensor *weight;         /* at least 0; NULL: 1. Weight 0: missing, its target may be NaN */
    hg_tensor *log_variance;   /* predicted as well, for the two NLL */
    hg_tensor *noise_variance; /* for HG_LOSS_NOISY_NLL; not below 0 */
    double corner;             /* of Huber, in the unit of the target; default 0: 1 */
} hg_loss_opts;

/* sum of weight times term / sum of weights: one number, 0 when nothing is there. All of one shape. Predictions and log_variance get
 * gradients. Weights 1 / (signal variance + noise variance) with HG_LOSS_MSE weigh targets by how well they are known. */
hg_tensor *hg_loss(hg_tape *t, hg_loss_kind k, hg_tensor *prediction, hg_tensor *target, const hg_loss_opts *opts);
/* Mean of -log softmax(logits[n, c])[class], by weight[n] when it is given; rows of HG_NO_CLASS are missing. classes[n], checked. */
#define HG_NO_CLASS UINT32_MAX
hg_tensor *hg_cross_entropy(hg_tape *t, hg_tensor *logits, const uint32_t *classes, hg_tensor *weight);

HG_END_DECLS
#endif
