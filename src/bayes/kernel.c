/* bayes/kernel.c -- see bayes/kernel.h: evaluation. Reading from text is in kernel_read.c. */
#include "bayes/kernel.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>
#include <string.h>

size_t hg_kernel_params(const hg_kernel *k, size_t groups) { return k->leaves * groups + k->weights; }

bool hg_kernel_stationary(const hg_kernel *k) {
    for (size_t i = 0; i < k->leaves; i++)
        if (!k->base[i]->stationary) return false;
    return true;
}

void hg_kernel_set(hg_kernel_values *v, const double *theta, const size_t *group, size_t groups) {
    for (size_t leaf = 0; leaf < v->kernel->leaves; leaf++)
        for (size_t j = 0; j < v->d; j++) {
            const double root = exp(-theta[leaf * groups + group[j]]);
            v->root[leaf * v->d + j] = root;
            v->w[leaf * v->d + j] = root * root;
        }
    for (size_t i = 0; i < v->kernel->weights; i++) v->weight[i] = exp(theta[v->kernel->leaves * groups + i]);
}

/* ---- the expression, one row at a time ------------------------------------------------------------------------------ */

static void combine(double *out, const hg_kernel_values *v, const hg_kernel_node *node, const double *left,
                    const double *right, size_t n) {
    if (node->op == HG_NODE_MULTIPLY) {
        hg_multiply(out, left, right, n);
        return;
    }
    memcpy(out, left, n * sizeof *out);
    hg_axpy(out, v->weight[node->weight], right, n);
}

void hg_kernel_row(double *value, const hg_kernel_values *v, const double *const *z, size_t n, double *rows,
                   size_t ld) {
    const hg_kernel *k = v->kernel;
    for (size_t i = 0; i < k->nodes; i++) {
        const hg_kernel_node *node = &k->node[i];
        double *out = i + 1 == k->nodes ? value : rows + i * ld;
        if (node->op == HG_NODE_LEAF)
            k->base[node->leaf]->value(out, z[node->leaf], n);
        else
            combine(out, v, node, rows + node->left * ld, rows + node->right * ld, n);
    }
}

/* Reverse mode over the expression: rows holds each node's value, then its slope (leaves), then its adjoint. */
void hg_kernel_row_backward(double *const *slope, double *weight_gradient, const double *adjoint,
                            const hg_kernel_values *v, const double *const *z, size_t n, double *rows, size_t ld) {
    const hg_kernel *k = v->kernel;
    double *value = rows, *dz = rows + HG_KERNEL_NODES * ld, *adj = rows + 2 * HG_KERNEL_NODES * ld;
    for (size_t i = 0; i < k->nodes; i++) {
        const hg_kernel_node *node = &k->node[i];
        if (node->op == HG_NODE_LEAF)
            k->base[node->leaf]->slope(value + i * ld, dz + i * ld, z[node->leaf], n);
        else
            combine(value + i * ld, v, node, value + node->left * ld, value + node->right * ld, n);
    }
    memcpy(adj + (k->nodes - 1) * ld, adjoint, n * sizeof *adj);
    for (size_t i = k->nodes; i-- > 0;) {
        const hg_kernel_node *node = &k->node[i];
        const double *a = adj + i * ld;
        if (node->op == HG_NODE_LEAF) {
            hg_multiply(slope[node->leaf], a, dz + i * ld, n);
            continue;
        }
        double *left = adj + node->left * ld, *right = adj + node->right * ld;
        if (node->op == HG_NODE_MULTIPLY) {
            hg_multiply(left, a, value + node->right * ld, n);
            hg_multiply(right, a, value + node->left * ld, n);
        } else {
            const double w = v->weight[node->weight];
            memcpy(left, a, n * sizeof *left);
            for (size_t j = 0; j < n; j++) right[j] = w * a[j];
            weight_gradient[node->weight] += hg_dot(right, value + node->right * ld, n);
        }
    }
}

/* ---- blocks --------------------------------------------------------------------------------------------------------- */

/* work: a tile of z a leaf; the rows of the expression; the scaled copies and norms of the GEMM path. */
size_t hg_kernel_work(const hg_kernel *k, size_t d, size_t m) {
    size_t doubles = k->leaves * HG_KERNEL_TILE * m + HG_KERNEL_NODES * m;
    if (d > HG_KERNEL_DIRECT_DIMS) doubles += d * m + m + HG_KERNEL_TILE * d;
    return doubles;
}

static void tile_direct(double *z, const hg_kernel_values *v, size_t leaf, const double *a, size_t n, const double *bt,
                        size_t m, size_t ldb) {
    const double *w = v->w + leaf * v->d;
    const bool distance = v->kernel->base[leaf]->stationary;
    memset(z, 0, n * m * sizeof *z);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < v->d; j++) {
            const double x = a[i * v->d + j];
            if (distance)
                hg_add_square_difference(z + i * m, bt + j * ldb, x, w[j], m);
            else
                hg_axpy(z + i * m, w[j] * x, bt + j * ldb, m);
        }
}

/* The same by GEMM. The squared length of rows and columns in the leaf's own scales, then |a|^2 + |b|^2 - 2 a.b: its
 * round-off is an ulp of |a|^2 + |b|^2, so coordinates must be centred (they are); below zero is round-off. */
static void tile_gemm(double *z, const hg_kernel_values *v, size_t leaf, const double *a, size_t n, const double *bt,
                      size_t m, size_t ldb, double *work) {
    const double *root = v->root + leaf * v->d;
    const size_t d = v->d;
    double *b = work, *norm = b + d * m, *rows = norm + m;
    memset(norm, 0, m * sizeof *norm);
    for (size_t j = 0; j < d; j++) {
        for (size_t q = 0; q < m; q++) b[j * m + q] = root[j] * bt[j * ldb + q];
        hg_add_squares(norm, b + j * m, m);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) rows[i * d + j] = root[j] * a[i * d + j];
    const bool distance = v->kernel->base[leaf]->stationary;
    hg_gemm(z, m, rows, d, false, b, m, false, n, m, d, distance ? -2 : 1, 0);
    for (size_t i = 0; distance && i < n; i++) {
        const double own = hg_dot(rows + i * d, rows + i * d, d);
        for (size_t q = 0; q < m; q++) {
            const double r2 = z[i * m + q] + own + norm[q];
            z[i * m + q] = r2 > 0 ? r2 : 0;
        }
    }
}

void hg_kernel_tile(double *z, const hg_kernel_values *v, size_t leaf, const double *a, size_t n, const double *bt,
                    size_t m, size_t ldb, double *work) {
    if (v->d > HG_KERNEL_DIRECT_DIMS)
        tile_gemm(z, v, leaf, a, n, bt, m, ldb, work);
    else
        tile_direct(z, v, leaf, a, n, bt, m, ldb);
}

void hg_kernel_block(double *k, size_t ldk, const hg_kernel_values *v, const double *a, size_t n, const double *bt,
                     size_t m, size_t ldb, double *work) {
    const size_t leaves = v->kernel->leaves, tile = HG_KERNEL_TILE * m;
    double *rows = work + leaves * tile, *scaled = rows + HG_KERNEL_NODES * m;
    for (size_t begin = 0; begin < n; begin += HG_KERNEL_TILE) {
        const size_t count = n - begin < HG_KERNEL_TILE ? n - begin : HG_KERNEL_TILE;
        for (size_t leaf = 0; leaf < leaves; leaf++)
            hg_kernel_tile(work + leaf * tile, v, leaf, a + begin * v->d, count, bt, m, ldb, scaled);
        for (size_t i = 0; i < count; i++) {
            const double *z[HG_KERNEL_LEAVES];
            for (size_t leaf = 0; leaf < leaves; leaf++) z[leaf] = work + leaf * tile + i * m;
            hg_kernel_row(k + (begin + i) * ldk, v, z, m, rows, m);
        }
    }
}

void hg_kernel_diagonal(double *diag, const hg_kernel_values *v, const double *bt, size_t m, size_t ldb, double *work) {
    const size_t leaves = v->kernel->leaves;
    double *rows = work + leaves * m;
    const double *z[HG_KERNEL_LEAVES];
    memset(work, 0, leaves * m * sizeof *work);
    for (size_t leaf = 0; leaf < leaves; leaf++) {
        double *mine = work + leaf * m;
        z[leaf] = mine;
        if (v->kernel->base[leaf]->stationary) continue; /* r = 0 */
        for (size_t j = 0; j < v->d; j++) hg_add_square_difference(mine, bt + j * ldb, 0, v->w[leaf * v->d + j], m);
    }
    hg_kernel_row(diag, v, z, m, rows, m);
}
