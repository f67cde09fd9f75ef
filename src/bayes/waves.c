/* bayes/waves.c -- see bayes/waves.h */
#include "bayes/waves.h"
#include "num/linalg.h"
#include "num/vector.h"
#include <math.h>

enum { MAX_TERMS = 32 };
static const double TWO_PI = 6.283185307179586;

/* ---- the kernel as a sum of products -------------------------------------------------------------------------------- */

typedef struct {
    unsigned leaves; /* bit i: leaf i is a factor */
    double weight;
} term;

typedef struct {
    term term[MAX_TERMS];
    size_t n;
} terms;

static void expand(terms *out, const hg_kernel_values *v, size_t node) {
    const hg_kernel_node *at = &v->kernel->node[node];
    out->n = 0;
    if (at->op == HG_NODE_LEAF) {
        out->term[out->n++] = (term) { 1u << at->leaf, 1 };
        return;
    }
    terms left, right;
    expand(&left, v, at->left);
    expand(&right, v, at->right);
    if (at->op == HG_NODE_ADD) {
        *out = left;
        for (size_t i = 0; i < right.n; i++) {
            right.term[i].weight *= v->weight[at->weight];
            out->term[out->n++] = right.term[i];
        }
        return;
    }
    for (size_t i = 0; i < left.n; i++) /* at most 3 * 3 * 2 products of 8 leaves: MAX_TERMS is enough */
        for (size_t j = 0; j < right.n; j++)
            out->term[out->n++] =
                (term) { left.term[i].leaves | right.term[j].leaves, left.term[i].weight * right.term[j].weight };
}

/* ---- random features ------------------------------------------------------------------------------------------------ */

static double chi_square(hg_rng *rng, unsigned dof) {
    double sum = 0;
    for (unsigned i = 0; i < dof; i++) {
        const double z = hg_rng_normal(rng);
        sum += z * z;
    }
    return sum;
}

static void draw_feature(hg_waves *f, size_t i, term t, double share, hg_rng *rng) {
    const hg_kernel_values *v = f->values;
    const hg_kernel *k = v->kernel;
    const size_t d = v->d;
    bool wave = false;
    size_t linear = 0;
    for (size_t leaf = 0; leaf < k->leaves; leaf++) {
        const bool factor = t.leaves >> leaf & 1u;
        const double *root = v->root + leaf * d;
        if (!k->base[leaf]->stationary) {
            double *row = f->projection + (linear * HG_WAVES + i) * d;
            f->has[linear++ * HG_WAVES + i] = factor;
            for (size_t j = 0; factor && j < d; j++) row[j] = root[j] * hg_rng_normal(rng);
            continue;
        }
        if (!factor) continue;
        wave = true;
        const unsigned dof = k->base[leaf]->spectral_dof;
        const double stretch = dof ? sqrt(dof / chi_square(rng, dof)) : 1;
        for (size_t j = 0; j < d; j++) f->frequency[i * d + j] += stretch * root[j] * hg_rng_normal(rng);
    }
    f->phase[i] = wave ? TWO_PI * hg_rng_uniform(rng) : 0;
    f->amplitude[i] = sqrt((wave ? 2 : 1) * t.weight / share);
}

bool hg_waves_new(hg_waves *f, const hg_kernel_values *v, hg_rng *rng, hg_arena *mem) {
    *f = (hg_waves) { .values = v };
    const hg_kernel *k = v->kernel;
    for (size_t i = 0; i < k->leaves; i++) f->linear += !k->base[i]->stationary;
    f->frequency = hg_alloc(mem, HG_WAVES, v->d * sizeof(double));
    f->phase = hg_alloc(mem, HG_WAVES, sizeof(double));
    f->amplitude = hg_alloc(mem, HG_WAVES, sizeof(double));
    f->projection = hg_alloc(mem, f->linear * HG_WAVES, v->d * sizeof(double));
    f->has = hg_alloc(mem, f->linear * HG_WAVES, sizeof *f->has);
    if (!f->frequency || !f->phase || !f->amplitude || !f->projection || !f->has) return false;
    terms t;
    expand(&t, v, k->nodes - 1);
    for (size_t i = 0; i < t.n; i++) {
        const size_t begin = HG_WAVES * i / t.n, end = HG_WAVES * (i + 1) / t.n;
        for (size_t j = begin; j < end; j++) draw_feature(f, j, t.term[i], (double)(end - begin), rng);
    }
    return true;
}

void hg_waves_at(double *phi, double *more, const hg_waves *f, const double *bt, size_t m) {
    const size_t d = f->values->d;
    hg_gemm(phi, m, f->frequency, d, false, bt, m, false, HG_WAVES, m, d, 1, 0);
    for (size_t i = 0; i < HG_WAVES; i++)
        for (size_t q = 0; q < m; q++) phi[i * m + q] = f->amplitude[i] * cos(phi[i * m + q] + f->phase[i]);
    for (size_t l = 0; l < f->linear; l++) {
        hg_gemm(more, m, f->projection + l * HG_WAVES * d, d, false, bt, m, false, HG_WAVES, m, d, 1, 0);
        for (size_t i = 0; i < HG_WAVES; i++)
            if (f->has[l * HG_WAVES + i]) hg_multiply(phi + i * m, phi + i * m, more + i * m, m);
    }
}
