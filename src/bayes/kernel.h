/* bayes/kernel.h -- covariance functions: sums and products of base kernels, read from text
 *
 *   expr := term ('+' term)*    term := factor ('*' factor)*    factor := name | '(' expr ')'
 * Each base kernel in the text (a leaf) has its own length scale a group; each '+' has a weight on its right-hand side,
 * k = left + w right, so that with one overall variance outside every term has its own amplitude.
 *
 * Hyper-parameters (all logarithms), in this order: G length scales of leaf 0, of leaf 1, ...; one weight a '+'.
 * Two ways to the same numbers: z summed over dimensions (few dimensions) or by GEMM, |a|^2 + |b|^2 - 2ab (many).
 */
#ifndef HG_BAYES_KERNEL_H
#define HG_BAYES_KERNEL_H
#include "bayes/base.h"
#include "hagane/core.h"

enum { HG_KERNEL_LEAVES = 8, HG_KERNEL_NODES = 2 * HG_KERNEL_LEAVES - 1, HG_KERNEL_TEXT = 256 };
enum { HG_KERNEL_DIRECT_DIMS = 16 }; /* more dimensions than this: z by GEMM */
enum { HG_KERNEL_TILE = 64 };        /* rows of a block worked on together */

typedef struct { /* postfix order: children come before their parent, the root is last */
    enum { HG_NODE_LEAF, HG_NODE_ADD, HG_NODE_MULTIPLY } op;
    size_t leaf, weight; /* of a leaf; of an addition */
    size_t left, right;  /* nodes */
} hg_kernel_node;

typedef struct {
    size_t nodes, leaves, weights;
    hg_kernel_node node[HG_KERNEL_NODES];
    const hg_base_kernel *base[HG_KERNEL_LEAVES];
    char text[HG_KERNEL_TEXT]; /* as given, blanks normalised */
} hg_kernel;

/* Errors: HG_EINVAL (bad grammar, with the column; too large), HG_ENOTFOUND (unknown name, with the nearest one). */
HG_MUST_CHECK hg_status hg_kernel_read(hg_kernel *out, const char *text, hg_err *err);
size_t hg_kernel_params(const hg_kernel *k, size_t groups); /* leaves * G + weights */
bool hg_kernel_stationary(const hg_kernel *k);              /* every leaf is */

/* A kernel with numbers: what evaluation needs, made from the log hyper-parameters. Borrows its arrays. */
typedef struct {
    const hg_kernel *kernel;
    size_t d;
    double *w;                       /* [leaves, d] 1 / l^2 of each dimension's group */
    double *root;                    /* [leaves, d] 1 / l */
    double weight[HG_KERNEL_LEAVES]; /* of the additions */
} hg_kernel_values;

void hg_kernel_set(hg_kernel_values *v, const double *theta, const size_t *group, size_t groups);

/* k[n,m] (row stride ldk) between the rows of a[n,d] and the COLUMNS of bt[d,m] (row stride ldb: queries transposed).
 * work: hg_kernel_work(kernel, d, m) doubles. */
size_t hg_kernel_work(const hg_kernel *k, size_t d, size_t m);
void hg_kernel_block(double *k, size_t ldk, const hg_kernel_values *v, const double *a, size_t n, const double *bt,
                     size_t m, size_t ldb, double *work);
/* z[n,m] of one leaf, n <= HG_KERNEL_TILE. work: as above. */
void hg_kernel_tile(double *z, const hg_kernel_values *v, size_t leaf, const double *a, size_t n, const double *bt,
                    size_t m, size_t ldb, double *work);
/* diag[m] = k(b, b) for the columns of bt. work: hg_kernel_work(kernel, d, m) doubles. */
void hg_kernel_diagonal(double *diag, const hg_kernel_values *v, const double *bt, size_t m, size_t ldb, double *work);

/* One row of pairs, for learning: z[leaf][i] is given. Forward: value[i] of the kernel. Backward: with adjoint[i] =
 * dE/dk, out come slope[leaf][i] = dE/dz and weight_gradient += dE/d log weight. rows: HG_KERNEL_ROWS * ld doubles. */
enum { HG_KERNEL_ROWS = 3 * HG_KERNEL_NODES };
void hg_kernel_row(double *value, const hg_kernel_values *v, const double *const *z, size_t n, double *rows, size_t ld);
void hg_kernel_row_backward(double *const *slope, double *weight_gradient, const double *adjoint,
                            const hg_kernel_values *v, const double *const *z, size_t n, double *rows, size_t ld);
#endif
