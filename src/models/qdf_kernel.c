/* models/qdf_kernel.c -- see models/qdf_kernel.h */
#include "models/qdf_kernel.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "tensor/bf16.h"
#include "tensor/real.h"
#include <math.h>
#include <string.h>

enum { TILE = 96 }; /* points at a time where activations are not kept: they and the weights stay in a cache of 1 MiB */

void hg_qdf_room_free(hg_qdf_room *r) {
    hg_free(r->p);
    *r = (hg_qdf_room) { 0 };
}

static size_t rounded(size_t n) { return (n + 15) / 16 * 16; }

static hg_status room_for(hg_qdf_room *r, size_t floats, hg_err *err) {
    r->used = 0;
    if (floats <= r->size) return HG_OK;
    hg_free(r->p);
    *r = (hg_qdf_room) { 0 };
    r->p = hg_aligned((floats + floats / 4) * sizeof(float));
    if (!r->p) return hg_fail(err, HG_ENOMEM, "no memory for %zu bytes of orbitals", floats * sizeof(float));
    r->size = floats + floats / 4;
    return HG_OK;
}

static float *take(hg_qdf_room *r, size_t n) {
    float *p = r->p + r->used;
    r->used += rounded(n);
    return p;
}

/* ---- loops over points ---------------------------------------------------------------------------------------------- */

/* y[n] = d2^(power/2) exp(-zeta d2); returns the sum of squares in s. */
HG_INLINE void orbital_row_body(float *restrict y, double *s, const float *restrict d2, float zeta, bool power,
                                size_t n) {
    float sum[16] = { 0 };
    size_t i = 0;
    for (; i < n; i++) {
        const float e = hg_exp_f32(-zeta * d2[i]);
        y[i] = power ? __builtin_sqrtf(d2[i]) * e : e;
    }
    for (i = 0; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++) sum[k] += y[i + k] * y[i + k];
    for (; i < n; i++) sum[i % 16] += y[i] * y[i];
    *s = 0;
    for (size_t k = 0; k < 16; k++) *s += (double)sum[k];
}
HG_ISA_FUNCTION(static, orbital_row,
                (float *restrict y, double *s, const float *restrict d2, float zeta, bool power, size_t n),
                (y, s, d2, zeta, power, n))

HG_INLINE void distances_body(float *restrict d2, const double *restrict x, const double *restrict y,
                              const double *restrict z, const double *r, size_t n) {
    for (size_t i = 0; i < n; i++)
        d2[i] = (float)((x[i] - r[0]) * (x[i] - r[0]) + (y[i] - r[1]) * (y[i] - r[1]) + (z[i] - r[2]) * (z[i] - r[2]));
}
HG_ISA_FUNCTION(static, distances,
                (float *restrict d2, const double *restrict x, const double *restrict y, const double *restrict z,
                 const double *r, size_t n),
                (d2, x, y, z, r, n))

/* h <- max(h + b, 0), rows of n. */
HG_INLINE void bias_relu_body(float *restrict h, const float *restrict b, size_t rows, size_t n) {
    for (size_t p = 0; p < rows; p++, h += n)
        for (size_t j = 0; j < n; j++) {
            const float v = h[j] + b[j];
            h[j] = v < 0 ? 0 : v;
        }
}
HG_ISA_FUNCTION(static, bias_relu, (float *restrict h, const float *restrict b, size_t rows, size_t n), (h, b, rows, n))

/* h <- max(x[p] a + b, 0): the first layer of the density map. */
HG_INLINE void scalar_relu_body(float *restrict h, const float *restrict x, const float *restrict a,
                                const float *restrict b, size_t rows, size_t n) {
    for (size_t p = 0; p < rows; p++, h += n)
        for (size_t j = 0; j < n; j++) {
            const float v = x[p] * a[j] + b[j];
            h[j] = v < 0 ? 0 : v;
        }
}
HG_ISA_FUNCTION(static, scalar_relu,
                (float *restrict h, const float *restrict x, const float *restrict a, const float *restrict b,
                 size_t rows, size_t n),
                (h, x, a, b, rows, n))

/* g <- g where v > 0, else 0. */
HG_INLINE void mask_body(float *restrict g, const float *restrict v, size_t n) {
    for (size_t i = 0; i < n; i++) g[i] = v[i] > 0 ? g[i] : 0;
}
HG_ISA_FUNCTION(static, mask, (float *restrict g, const float *restrict v, size_t n), (g, v, n))

/* g[p, j] = x[p] w[j] where v > 0, else 0. */
HG_INLINE void outer_mask_body(float *restrict g, const float *restrict x, const float *restrict w,
                               const float *restrict v, size_t rows, size_t n) {
    for (size_t p = 0; p < rows; p++, g += n, v += n)
        for (size_t j = 0; j < n; j++) g[j] = v[j] > 0 ? x[p] * w[j] : 0;
}
HG_ISA_FUNCTION(static, outer_mask,
                (float *restrict g, const float *restrict x, const float *restrict w, const float *restrict v,
                 size_t rows, size_t n),
                (g, x, w, v, rows, n))

/* s[n] += sums of columns, each row times x[p] (x NULL: 1). */
HG_INLINE void column_sums_body(float *restrict s, const float *restrict v, const float *x, size_t rows, size_t n) {
    for (size_t p = 0; p < rows; p++, v += n) {
        const float f = x ? x[p] : 1;
        for (size_t j = 0; j < n; j++) s[j] += f * v[j];
    }
}
HG_ISA_FUNCTION(static, column_sums,
                (float *restrict s, const float *restrict v, const float *x, size_t rows, size_t n), (s, v, x, rows, n))

/* y[p] = sum_j a[p, j] b[p, j] (b one row when step is 0). */
HG_INLINE void row_dots_body(float *restrict y, const float *restrict a, const float *b, size_t step, size_t rows,
                             size_t n) {
    for (size_t p = 0; p < rows; p++, a += n, b += step) {
        float s[16] = { 0 };
        size_t j = 0;
        for (; j + 16 <= n; j += 16)
            for (size_t k = 0; k < 16; k++) s[k] += a[j + k] * b[j + k];
        for (; j < n; j++) s[j % 16] += a[j] * b[j];
        float sum = 0;
        for (size_t k = 0; k < 16; k++) sum += s[k];
        y[p] = sum;
    }
}
HG_ISA_FUNCTION(static, row_dots,
                (float *restrict y, const float *restrict a, const float *b, size_t step, size_t rows, size_t n),
                (y, a, b, step, rows, n))

/* s[n] += a b, elementwise. */
HG_INLINE void add_products_body(float *restrict s, const float *restrict a, const float *restrict b, size_t n) {
    for (size_t j = 0; j < n; j++) s[j] += a[j] * b[j];
}
HG_ISA_FUNCTION(static, add_products, (float *restrict s, const float *restrict a, const float *restrict b, size_t n),
                (s, a, b, n))

HG_INLINE void hg_qdf_add_body(float *restrict to, const float *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] += from[i];
}
HG_ISA_FUNCTION(extern, hg_qdf_add, (float *restrict to, const float *restrict from, size_t n), (to, from, n))

/* sum of d2 phi g: minus the derivative by zeta, with g that by phi */
HG_INLINE void zeta_sum_body(double *s, const float *restrict d2, const float *restrict phi, const float *restrict g,
                             size_t n) {
    float sum[16] = { 0 };
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++) sum[k] += d2[i + k] * phi[i + k] * g[i + k];
    for (; i < n; i++) sum[i % 16] += d2[i] * phi[i] * g[i];
    *s = 0;
    for (size_t k = 0; k < 16; k++) *s += (double)sum[k];
}
HG_ISA_FUNCTION(static, zeta_sum,
                (double *s, const float *restrict d2, const float *restrict phi, const float *restrict g, size_t n),
                (s, d2, phi, g, n))

/* ---- orbitals ---------------------------------------------------------------------------------------------------------- */

/* Orbitals and coefficients of one molecule. O x P arrays have a row an orbital, so that rows are made by vector loops. */
typedef struct {
    size_t P, O, D;
    const float *w;
    const hg_qdf_layout *l;
    const hg_qdf_input *q;
    float *d2;       /* [atoms, P] */
    float *phi;      /* [O, P], not normalised */
    float *inv_norm; /* [O] 1 / ||phi_o|| */
    float *inv_col;  /* [D] 1 / norm of a column of the coefficients */
    float *c;        /* [O, D] coefficients with both norms in them */
    float *gram;     /* [O, O] phi phi' */
    float *gram_c;   /* [O, D] gram c */
    float *norm;     /* [D] ||psi_j|| before it is scaled */
    float *k;        /* [D] sqrt(N_e / D) / norm */
    float *b;        /* [O, D] c k: psi = phi' b */
} orbitals;

static size_t orbital_floats(const hg_qdf_input *q, size_t D) {
    const size_t P = q->points, O = q->orbitals;
    return rounded(q->atoms * P) + rounded(O * P) + rounded(O) + 3 * rounded(O * D) + rounded(O * O) + 3 * rounded(D) +
           6 * rounded(P);
}

static void fill_distances(orbitals *v, hg_qdf_room *room) {
    const hg_qdf_input *q = v->q;
    double *xyz = (double *)take(room, 6 * v->P); /* x, y, z apart */
    for (size_t p = 0; p < v->P; p++)
        for (size_t k = 0; k < 3; k++) xyz[k * v->P + p] = q->point[3 * p + k];
    for (size_t a = 0; a < q->atoms; a++)
        distances(v->d2 + a * v->P, xyz, xyz + v->P, xyz + 2 * v->P, q->centre + 3 * a, v->P);
}

static void normalise_coefficients(orbitals *v) {
    const size_t O = v->O, D = v->D;
    for (size_t j = 0; j < D; j++) v->inv_col[j] = 0;
    for (size_t o = 0; o < O; o++) {
        const float *row = v->w + v->l->coefficient + v->q->type[o] * D;
        memcpy(v->c + o * D, row, D * sizeof *row);
        add_products(v->inv_col, row, row, D);
    }
    for (size_t j = 0; j < D; j++) v->inv_col[j] = 1 / fmaxf(sqrtf(v->inv_col[j]), 1e-12f);
    for (size_t o = 0; o < O; o++)
        for (size_t j = 0; j < D; j++) v->c[o * D + j] *= v->inv_col[j] * v->inv_norm[o];
}

/* phi, and coefficients with both norms in them. */
static void make_rows(orbitals *v, const float *w, const hg_qdf_layout *l, const hg_qdf_input *q, hg_qdf_room *room) {
    const size_t P = q->points, O = q->orbitals, D = l->dim;
    *v = (orbitals) { .P = P, .O = O, .D = D, .w = w, .l = l, .q = q };
    v->d2 = take(room, q->atoms * P);
    v->phi = take(room, O * P);
    v->inv_norm = take(room, O);
    v->inv_col = take(room, D);
    v->c = take(room, O * D);
    fill_distances(v, room);
    for (size_t o = 0; o < O; o++) {
        double sum;
        orbital_row(v->phi + o * P, &sum, v->d2 + q->atom[o] * P, w[l->zeta + q->type[o]], q->power[o], P);
        v->inv_norm[o] = (float)(1 / fmax(sqrt(sum), 1e-12));
    }
    normalise_coefficients(v);
}

/* Column norms of psi from those of the Gram matrix, and b. gram and gram_c are there. */
static void finish_orbitals(orbitals *v, hg_qdf_room *room) {
    const size_t O = v->O, D = v->D;
    v->norm = take(room, D);
    v->k = take(room, D);
    v->b = take(room, O * D);
    const float scale = (float)sqrt(v->q->electrons / (double)D);
    for (size_t j = 0; j < D; j++) v->norm[j] = 0;
    for (size_t o = 0; o < O; o++) add_products(v->norm, v->c + o * D, v->gram_c + o * D, D);
    for (size_t j = 0; j < D; j++) {
        v->norm[j] = sqrtf(fmaxf(v->norm[j], 0));
        v->k[j] = scale / fmaxf(v->norm[j], 1e-12f);
    }
    for (size_t o = 0; o < O; o++)
        for (size_t j = 0; j < D; j++) v->b[o * D + j] = v->c[o * D + j] * v->k[j];
}

static void make_orbitals(orbitals *v, const float *w, const hg_qdf_layout *l, const hg_qdf_input *q,
                          hg_qdf_room *room) {
    make_rows(v, w, l, q, room);
    v->gram = take(room, v->O * v->O);
    v->gram_c = take(room, v->O * v->D);
    hg_gemm_f32(v->gram, v->O, v->phi, v->P, false, v->phi, v->P, true, v->O, v->O, v->P, 1, 0);
    hg_gemm_f32(v->gram_c, v->D, v->gram, v->O, false, v->c, v->D, false, v->O, v->D, v->O, 1, 0);
    finish_orbitals(v, room);
}

/* From db = dL/db and dphi = dL/dphi as far as psi = phi' b says: on to the coefficients and zeta. db and dphi are used up. */
static void learn_orbitals(const orbitals *v, float *grad, float *db, float *dphi, hg_qdf_room *room) {
    const size_t P = v->P, O = v->O, D = v->D;
    float *dk = take(room, D), *cq = take(room, O * D), *dgram = take(room, O * O);
    for (size_t j = 0; j < D; j++) dk[j] = 0;
    for (size_t o = 0; o < O; o++) add_products(dk, db + o * D, v->c + o * D, D);
    /* k = scale / norm, norm^2 = c' gram c: d norm^2 = -dk k / (2 norm^2) */
    for (size_t j = 0; j < D; j++) dk[j] *= -v->k[j] / fmaxf(2 * v->norm[j] * v->norm[j], 1e-24f);
    for (size_t o = 0; o < O; o++)
        for (size_t j = 0; j < D; j++) {
            cq[o * D + j] = v->c[o * D + j] * dk[j];
            db[o * D + j] = db[o * D + j] * v->k[j] + 2 * v->gram_c[o * D + j] * dk[j]; /* dL/dc now */
        }
    hg_gemm_f32(dgram, O, cq, D, false, v->c, D, true, O, O, D, 2, 0); /* twice: phi stands in gram on both sides */
    for (size_t o = 0; o < O; o++) { /* the norm of phi_o, folded into c: dL/dn = -dc.c / n, dn/dphi = phi / n */
        float dot;
        row_dots(&dot, db + o * D, v->c + o * D, D, 1, D);
        dgram[o * O + o] -= dot * v->inv_norm[o] * v->inv_norm[o];
    }
    hg_gemm_f32(dphi, P, dgram, O, false, v->phi, P, false, O, P, O, 1, 1);
    for (size_t o = 0; o < O; o++) {
        double sum;
        zeta_sum(&sum, v->d2 + v->q->atom[o] * P, v->phi + o * P, dphi + o * P, P);
        grad[v->l->zeta + v->q->type[o]] -= (float)sum;
    }
    for (size_t j = 0; j < D; j++) dk[j] = 0;
    for (size_t o = 0; o < O; o++) { /* back through the column norm of C: y = C / |C|, dC = (dy - y (y.dy)) / |C| */
        for (size_t j = 0; j < D; j++) db[o * D + j] *= v->inv_norm[o];
        for (size_t j = 0; j < D; j++) dk[j] += db[o * D + j] * v->c[o * D + j] / v->inv_norm[o];
    }
    for (size_t o = 0; o < O; o++) {
        float *to = grad + v->l->coefficient + v->q->type[o] * D;
        for (size_t j = 0; j < D; j++)
            to[j] += (db[o * D + j] - v->c[o * D + j] / v->inv_norm[o] * dk[j]) * v->inv_col[j];
    }
}

/* ---- energy ------------------------------------------------------------------------------------------------------------- */

static double dot_double(const float *a, const float *b, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)a[i] * (double)b[i];
    return s;
}

/* h1 = relu(phi' first + b0), h2, h3 for points begin .. end, in h[i][end - begin, D]; sum[D] += rows of h3. */
static void layers(const orbitals *v, const float *first, float *const h[HG_QDF_LAYERS], float *sum, size_t begin,
                   size_t end) {
    const size_t n = end - begin, D = v->D;
    hg_gemm_f32(h[0], D, v->phi + begin, v->P, true, first, D, false, n, D, v->O, 1, 0);
    bias_relu(h[0], v->w + v->l->b[0], n, D);
    for (int i = 1; i < HG_QDF_LAYERS; i++) {
        hg_gemm_f32(h[i], D, h[i - 1], D, false, v->w + v->l->w[i], D, true, n, D, D, 1, 0);
        bias_relu(h[i], v->w + v->l->b[i], n, D);
    }
    column_sums(sum, h[HG_QDF_LAYERS - 1], NULL, n, D);
}

static hg_status finish_energy(double *e, const orbitals *v, const float *sum, hg_err *err) {
    *e = dot_double(v->w + v->l->energy_w, sum, v->D) + (double)v->w[v->l->energy_b];
    return isfinite(*e) ? HG_OK : hg_fail(err, HG_ENAN, "the weights give no finite energy");
}

hg_status hg_qdf_energy(double *e, const float *w, const hg_qdf_layout *l, const hg_qdf_input *q, hg_qdf_room *room,
                        hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t D = l->dim, tile = q->points < TILE ? q->points : TILE;
    HG_TRY(
        room_for(room, orbital_floats(q, D) + rounded(q->orbitals * D) + 2 * rounded(D) + 2 * rounded(tile * D), err));
    orbitals v;
    make_orbitals(&v, w, l, q, room);
    float *first = take(room, v.O * D), *sum = take(room, D), *part = take(room, D), *even = take(room, tile * D),
          *odd = take(room, tile * D);
    hg_gemm_f32(first, D, v.b, D, false, w + l->w[0], D, true, v.O, D, D, 1, 0);
    memset(sum, 0, D * sizeof *sum);
    for (size_t p = 0; p < v.P; p += tile) {
        memset(part, 0, D * sizeof *part); /* short sums first: less round-off */
        layers(&v, first, (float *const[]) { even, odd, even }, part, p, v.P - p < tile ? v.P : p + tile);
        for (size_t j = 0; j < D; j++) sum[j] += part[j];
    }
    return finish_energy(e, &v, sum, err);
}

/* ---- energy, products in bfloat16 ----------------------------------------------------------------------------------------- */

static size_t floats_for(size_t uint16s) { return rounded((uint16s + 1) / 2); }
static uint16_t *take_packed(hg_qdf_room *r, size_t uint16s) { return (uint16_t *)take(r, floats_for(uint16s)); }
static size_t panels(size_t n) { return (n + HG_BF16_PANEL - 1) / HG_BF16_PANEL; }

/* All three layers of the energy, packed[layer]: what is multiplied from the right is w'. */
uint16_t *hg_qdf_pack(const float *w, const hg_qdf_layout *l) {
    const size_t D = l->dim, one = hg_bf16_packed(D, D);
    uint16_t *p = hg_aligned(HG_QDF_LAYERS * one * sizeof *p);
    for (size_t i = 0; p && i < HG_QDF_LAYERS; i++)
        hg_bf16_pack(p + i * one, &(hg_matrix) { w + l->w[i], 1, (ptrdiff_t)D }, D, D, 0, panels(D));
    return p;
}

/* c[m, n] = a[m, k] b[k, n] with b packed on the spot into `room`; scratch for m rows. */
static void product_of(float *c, const hg_matrix *a, const hg_matrix *b, size_t m, size_t n, size_t k, uint16_t *packed,
                       uint16_t *scratch) {
    hg_bf16_pack(packed, b, k, n, 0, panels(n));
    hg_bf16_product(c, n, a, packed, k, n, 0, m, n, false, false, scratch);
}

hg_status hg_qdf_energy_bf16(double *e, const float *w, const uint16_t *packed, const hg_qdf_layout *l,
                             const hg_qdf_input *q, hg_qdf_room *room, hg_err *err) {
    const size_t D = l->dim, P = q->points, O = q->orbitals, tile = P < TILE ? P : TILE, one = hg_bf16_packed(D, D);
    const size_t most = O > tile ? O : tile, widest = O > D ? O : D;
    const size_t of_gram = hg_bf16_packed(P, O), of_first = hg_bf16_packed(O, D);
    const size_t work = hg_bf16_room(most, P > widest ? P : widest);
    HG_TRY(room_for(room,
                    orbital_floats(q, D) + rounded(O * D) + 2 * rounded(tile * D) + 2 * rounded(D) +
                        floats_for(of_gram > of_first ? of_gram : of_first) + floats_for(work),
                    err));
    orbitals v;
    make_rows(&v, w, l, q, room);
    v.gram = take(room, O * O);
    v.gram_c = take(room, O * D);
    float *first = take(room, O * D), *even = take(room, tile * D), *odd = take(room, tile * D), *sum = take(room, D),
          *part = take(room, D);
    uint16_t *here = take_packed(room, of_gram > of_first ? of_gram : of_first), *scratch = take_packed(room, work);
    const hg_matrix phi = { v.phi, (ptrdiff_t)P, 1 }, points = { v.phi, 1, (ptrdiff_t)P };
    product_of(v.gram, &phi, &points, O, O, P, here, scratch);
    product_of(v.gram_c, &(hg_matrix) { v.gram, (ptrdiff_t)O, 1 }, &(hg_matrix) { v.c, (ptrdiff_t)D, 1 }, O, D, O, here,
               scratch);
    finish_orbitals(&v, room);
    hg_bf16_product(first, D, &(hg_matrix) { v.b, (ptrdiff_t)D, 1 }, packed, D, D, 0, O, D, false, false, scratch);
    hg_bf16_pack(here, &(hg_matrix) { first, (ptrdiff_t)D, 1 }, O, D, 0, panels(D));
    memset(sum, 0, D * sizeof *sum);
    for (size_t p = 0; p < P; p += tile) {
        const size_t n = P - p < tile ? P - p : tile;
        float *const h[HG_QDF_LAYERS] = { even, odd, even };
        hg_bf16_product(even, D, &(hg_matrix) { v.phi + p, 1, (ptrdiff_t)P }, here, O, D, 0, n, D, false, false,
                        scratch);
        bias_relu(even, w + l->b[0], n, D);
        for (int i = 1; i < HG_QDF_LAYERS; i++) {
            hg_bf16_product(h[i], D, &(hg_matrix) { h[i - 1], (ptrdiff_t)D, 1 }, packed + (size_t)i * one, D, D, 0, n,
                            D, false, false, scratch);
            bias_relu(h[i], w + l->b[i], n, D);
        }
        memset(part, 0, D * sizeof *part);
        column_sums(part, h[HG_QDF_LAYERS - 1], NULL, n, D);
        for (size_t j = 0; j < D; j++) sum[j] += part[j];
    }
    return finish_energy(e, &v, sum, err);
}

/* ---- learning the energy ---------------------------------------------------------------------------------------------------- */

/* From dL/dh of the last layer's output, masked: weights' gradients, and dL/d(input of layer i) in g of the layer below. */
static void learn_layer(const orbitals *v, size_t D, float *grad, size_t w, size_t b, const float *g,
                        const float *input, float *below) {
    const size_t P = v->P;
    hg_gemm_f32(grad + w, D, g, D, true, input, D, false, D, D, P, 1, 1);
    column_sums(grad + b, g, NULL, P, D);
    hg_gemm_f32(below, D, g, D, false, v->w + w, D, false, P, D, D, 1, 0);
    mask(below, input, P * D);
}

hg_status hg_qdf_learn_energy(double *e, float *grad, const float *w, const hg_qdf_layout *l, const hg_qdf_input *q,
                              double target, double scale, hg_qdf_room *room, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t D = l->dim, P = q->points, O = q->orbitals;
    HG_TRY(room_for(room,
                    orbital_floats(q, D) + 4 * rounded(O * D) + rounded(O * O) + 3 * rounded(D) + 5 * rounded(P * D) +
                        rounded(O * P) + rounded(P),
                    err));
    orbitals v;
    make_orbitals(&v, w, l, q, room);
    float *first = take(room, O * D), *sum = take(room, D), *h[HG_QDF_LAYERS],
          *g[2] = { take(room, P * D), take(room, P * D) };
    for (int i = 0; i < HG_QDF_LAYERS; i++) h[i] = take(room, P * D);
    hg_gemm_f32(first, D, v.b, D, false, w + l->w[0], D, true, O, D, D, 1, 0);
    memset(sum, 0, D * sizeof *sum);
    layers(&v, first, h, sum, 0, P);
    HG_TRY(finish_energy(e, &v, sum, err));

    const float de = (float)(2 * scale * (*e - target));
    grad[l->energy_b] += de;
    float *energy_w = take(room, D), *one = take(room, P);
    for (size_t j = 0; j < D; j++) {
        grad[l->energy_w + j] += de * sum[j];
        energy_w[j] = de * w[l->energy_w + j];
    }
    for (size_t p = 0; p < P; p++) one[p] = 1;
    outer_mask(g[0], one, energy_w, h[2], P, D);
    learn_layer(&v, D, grad, l->w[2], l->b[2], g[0], h[1], g[1]);
    learn_layer(&v, D, grad, l->w[1], l->b[1], g[1], h[0], g[0]);
    column_sums(grad + l->b[0], g[0], NULL, P, D);
    /* h1 = phi' first, first = b W1' */
    float *dfirst = take(room, O * D), *db = take(room, O * D), *dphi = take(room, O * P);
    hg_gemm_f32(dfirst, D, v.phi, P, false, g[0], D, false, O, D, P, 1, 0);
    hg_gemm_f32(dphi, P, first, D, false, g[0], D, true, O, P, D, 1, 0);
    hg_gemm_f32(db, D, dfirst, D, false, w + l->w[0], D, false, O, D, D, 1, 0);
    hg_gemm_f32(grad + l->w[0], D, dfirst, D, true, v.b, D, false, D, D, O, 1, 1);
    learn_orbitals(&v, grad, db, dphi, room);
    return HG_OK;
}

/* ---- density to potential ------------------------------------------------------------------------------------------------ */

/* The two linear layers before the first relu, as one: slope a and offset b of a point's rho. */
static void linear_start(const float *w, const hg_qdf_layout *l, float *a, float *b) {
    for (size_t i = 0; i < l->hk; i++) {
        const float *row = w + l->v[0] + i * l->hk;
        a[i] = (float)dot_double(row, w + l->density_w, l->hk);
        b[i] = (float)(dot_double(row, w + l->density_b, l->hk) + (double)w[l->c[0] + i]);
    }
}

/* From da and db of linear_start to the three arrays they were made of. */
static void learn_start(float *grad, const float *w, const hg_qdf_layout *l, const float *da, const float *db) {
    for (size_t i = 0; i < l->hk; i++) {
        float *row = grad + l->v[0] + i * l->hk;
        const float *wi = w + l->v[0] + i * l->hk;
        for (size_t j = 0; j < l->hk; j++) {
            row[j] += da[i] * w[l->density_w + j] + db[i] * w[l->density_b + j];
            grad[l->density_w + j] += da[i] * wi[j];
            grad[l->density_b + j] += db[i] * wi[j];
        }
        grad[l->c[0] + i] += db[i];
    }
}

hg_status hg_qdf_learn_potential(double *loss, float *rho_out, float *grad, const float *w, const hg_qdf_layout *l,
                                 const hg_qdf_input *q, double scale, hg_qdf_room *room, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t D = l->dim, H = l->hk, P = q->points, O = q->orbitals;
    HG_TRY(room_for(room,
                    orbital_floats(q, D) + 3 * rounded(O * D) + rounded(O * O) + rounded(D) + 4 * rounded(H) +
                        rounded(P * D) + 5 * rounded(P * H) + rounded(O * P) + 3 * rounded(P),
                    err));
    orbitals v;
    make_orbitals(&v, w, l, q, room);
    float *psi = take(room, P * D), *rho = take(room, P), *error = take(room, P), *a = take(room, H),
          *b = take(room, H);
    float *h[HG_QDF_LAYERS], *g[2] = { take(room, P * H), take(room, P * H) };
    for (int i = 0; i < HG_QDF_LAYERS; i++) h[i] = take(room, P * H);
    hg_gemm_f32(psi, D, v.phi, P, true, v.b, D, false, P, D, O, 1, 0);
    row_dots(rho, psi, psi, D, P, D);
    if (rho_out) memcpy(rho_out, rho, P * sizeof *rho);
    linear_start(w, l, a, b);
    scalar_relu(h[0], rho, a, b, P, H);
    for (int i = 1; i < HG_QDF_LAYERS; i++) {
        hg_gemm_f32(h[i], H, h[i - 1], H, false, w + l->v[i], H, true, P, H, H, 1, 0);
        bias_relu(h[i], w + l->c[i], P, H);
    }
    row_dots(error, h[2], w + l->potential_w, 0, P, H);
    *loss = 0;
    for (size_t p = 0; p < P; p++) {
        error[p] += w[l->potential_b] - q->potential[p];
        *loss += (double)error[p] * (double)error[p];
    }
    if (!isfinite(*loss)) return hg_fail(err, HG_ENAN, "the weights give no finite potential");
    if (!grad) return HG_OK;

    for (size_t p = 0; p < P; p++) {
        error[p] *= (float)(2 * scale);
        grad[l->potential_b] += error[p];
    }
    column_sums(grad + l->potential_w, h[2], error, P, H);
    outer_mask(g[0], error, w + l->potential_w, h[2], P, H);
    learn_layer(&v, H, grad, l->v[2], l->c[2], g[0], h[1], g[1]);
    learn_layer(&v, H, grad, l->v[1], l->c[1], g[1], h[0], g[0]);
    float *da = take(room, H), *db_start = take(room, H), *drho = take(room, P);
    memset(da, 0, H * sizeof *da);
    memset(db_start, 0, H * sizeof *db_start);
    column_sums(da, g[0], rho, P, H);
    column_sums(db_start, g[0], NULL, P, H);
    row_dots(drho, g[0], a, 0, P, H);
    learn_start(grad, w, l, da, db_start);
    for (size_t p = 0; p < P; p++) /* rho = sum psi^2 */
        for (size_t j = 0; j < D; j++) psi[p * D + j] *= 2 * drho[p];
    float *db = take(room, O * D), *dphi = take(room, O * P);
    hg_gemm_f32(db, D, v.phi, P, false, psi, D, false, O, D, P, 1, 0);
    hg_gemm_f32(dphi, P, v.b, D, false, psi, D, true, O, P, D, 1, 0);
    learn_orbitals(&v, grad, db, dphi, room);
    return HG_OK;
}
