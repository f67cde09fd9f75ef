/* simulate/tb_newton.c -- self-consistency by rotating the orbitals of one diagonalisation
 *
 * A diagonalisation costs fifty products of matrices at the sizes of small molecules (38 orbitals: 102 against 2.2 microseconds),
 * so only one is made. Its o occupied and v empty orbitals C with levels w stay the basis; the occupied space is that of the rows of
 * [1 X] C. It is right when X[o,v] solves
 *   G(X) = F_ov + X F_vv - (F_oo + X F_vo) X = 0,      F = diag(w) - (M + M')/2,   M = (C o dv) S C'
 * with dv the change of the shells' potentials since that diagonalisation, at the charges of X itself. Newton's step with the
 * linearised response of charges: with D_ia = w_a - w_i, transition charges T^s_ia of shell s, chi = 4 sum T T'/D and
 * K = d potential/d charge,
 *   (1 + chi K) dq = 4 sum T G/D,      dX = (-G + sum_t T^t K dq_t)/D.
 * D, T and chi stay those of the basis, so that an error shrinks by the relative change of the levels each time, about ten times.
 * The linear response of tight binding: Niehaus et al., Phys. Rev. B 63, 085108 (2001).
 */
#include "num/isa.h"
#include "num/linalg.h"
#include "simulate/tb.h"
#include <math.h>
#include <string.h>

static const double LARGEST_STEP = 2; /* of X: beyond it the basis is the wrong one */
enum { MOST_STEPS = 40 };

/* T^s_ia / sqrt(D_ia) of one shell: t[o,v] = (sum over its orbitals of c_i (Sc)_a + (Sc)_i c_a) / 2, times `scale`. */
HG_INLINE void transition_body(double *t, const double *c, const double *sc, size_t n, size_t o, size_t first,
                               size_t count, const double *column, const double *scale) {
    const size_t v = n - o;
    for (size_t i = 0; i < o; i++, t += v) {
        for (size_t a = 0; a < v; a++) t[a] = 0;
        for (size_t k = 0; k < count; k++) {
            const double p = 0.5 * c[i * n + first + k], q = 0.5 * sc[i * n + first + k];
            const double *ca = column + 2 * k * v, *sca = ca + v;
            for (size_t a = 0; a < v; a++) t[a] += p * sca[a] + q * ca[a];
        }
        for (size_t a = 0; a < v; a++) t[a] *= scale[i * v + a];
    }
}
HG_ISA_FUNCTION(static, transition,
                (double *restrict t, const double *restrict c, const double *restrict sc, size_t n, size_t o,
                 size_t first, size_t count, const double *restrict column, const double *restrict scale),
                (t, c, sc, n, o, first, count, column, scale))

/* out = a - (b + b')/2, elementwise. */
HG_INLINE void less_symmetric_body(double *out, const double *w, const double *m, const double *turned, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) out[i * n + j] = -0.5 * (m[i * n + j] + turned[i * n + j]);
        out[i * n + i] += w[i];
    }
}
HG_ISA_FUNCTION(static, less_symmetric,
                (double *restrict out, const double *restrict w, const double *restrict m,
                 const double *restrict turned, size_t n),
                (out, w, m, turned, n))

/* dK of the shells: gamma, and what the third order adds at the charges of now. */
static void stiffness(double *k, const hg_tb *tb) {
    const size_t n = tb->n_shells;
    memcpy(k, tb->gamma, n * n * sizeof *k);
    for (size_t a = 0; a < tb->n; a++) {
        const double third = 2 * tb_gamma3(tb, a) * tb->atom_charge[a];
        for (size_t s = tb->first_shell[a]; s < tb->first_shell[a + 1]; s++)
            for (size_t t = tb->first_shell[a]; t < tb->first_shell[a + 1]; t++) k[s * n + t] += third;
    }
}

/* T/sqrt(D), and the factors of 1 + chi K; false: it has none. */
static bool response(hg_tb *tb, size_t o) {
    const size_t n = tb->n_orbitals, v = n - o, ns = tb->n_shells;
    double *column = tb->work;
    for (size_t i = 0; i < o; i++)
        for (size_t a = 0; a < v; a++) tb->root[i * v + a] = 1 / sqrt(tb->level[o + a] - tb->level[i]);
    for (size_t s = 0, first = 0; s < ns; s++) {
        size_t count = 0;
        while (first + count < n && tb->orbital_shell[first + count] == s) count++;
        for (size_t k = 0; k < count; k++)
            for (size_t a = 0; a < v; a++) {
                column[2 * k * v + a] = tb->vectors[(o + a) * n + first + k];
                column[(2 * k + 1) * v + a] = tb->dual[(o + a) * n + first + k];
            }
        transition(tb->transition + s * o * v, tb->vectors, tb->dual, n, o, first, count, column, tb->root);
        first += count;
    }
    double *chi = tb->work, *a = tb->newton;
    stiffness(tb->stiffness, tb);
    hg_gemm(chi, ns, tb->transition, o * v, false, tb->transition, o * v, true, ns, ns, o * v, 4, 0);
    hg_gemm(a, ns, chi, ns, false, tb->stiffness, ns, false, ns, ns, ns, 1, 0);
    for (size_t s = 0; s < ns; s++) a[s * ns + s] += 1;
    return hg_lu(a, tb->pivot, ns) == 0;
}

/* ---- where X has led ------------------------------------------------------------------------------------------------ */

/* rows[r,n] = L^-1 [1 X] (of_empty: L^-1 [-X' 1]) with L L' = 1 + X X': orthonormal in the basis. */
static bool rotated(double *rows, const hg_tb *tb, size_t o, bool of_empty) {
    const size_t n = tb->n_orbitals, v = n - o, r = of_empty ? v : o;
    double *square = tb->work;
    hg_gemm(square, r, tb->x_rotation, v, of_empty, tb->x_rotation, v, !of_empty, r, r, of_empty ? o : v, 1, 0);
    memset(rows, 0, r * n * sizeof *rows);
    for (size_t i = 0; i < r; i++) {
        square[i * r + i] += 1;
        rows[i * n + (of_empty ? o + i : i)] = 1;
    }
    if (of_empty)
        for (size_t a = 0; a < v; a++)
            for (size_t i = 0; i < o; i++) rows[a * n + i] = -tb->x_rotation[i * v + a];
    else
        for (size_t i = 0; i < o; i++) memcpy(rows + i * n + o, tb->x_rotation + i * v, v * sizeof *rows);
    if (hg_chol(square, r) != 0) return false;
    hg_chol_lsolve_many(square, r, r, rows, n, n);
    return true;
}

/* Charges of the orbitals that X makes. */
static bool charges_of_rotation(hg_tb *tb, size_t o) {
    const size_t n = tb->n_orbitals;
    double *rows = tb->scratch, *c = tb->fock, *sc = tb->density;
    if (!rotated(rows, tb, o, false)) return false;
    hg_gemm(c, n, rows, n, false, tb->vectors, n, false, o, n, n, 1, 0);
    hg_gemm(sc, n, rows, n, false, tb->dual, n, false, o, n, n, 1, 0);
    memset(tb->population, 0, tb->n_shells * sizeof *tb->population);
    double *sum = tb->work;
    memset(sum, 0, n * sizeof *sum);
    for (size_t i = 0; i < o; i++)
        for (size_t k = 0; k < n; k++) sum[k] += c[i * n + k] * sc[i * n + k];
    for (size_t k = 0; k < n; k++) tb->population[tb->orbital_shell[k]] += 2 * sum[k];
    tb_charges_of_populations(tb->charge, tb);
    return true;
}

/* F in the basis at the charges of now: tb->fock. */
static void fock_in_basis(hg_tb *tb) {
    const size_t n = tb->n_orbitals;
    tb_potentials(tb);
    for (size_t k = 0; k < n; k++) tb->change[k] = tb->orbital_potential[k] - tb->start_potential[k];
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) tb->scratch[i * n + k] = tb->vectors[i * n + k] * tb->change[k];
    hg_gemm(tb->density, n, tb->scratch, n, false, tb->dual, n, true, n, n, n, 1, 0);
    hg_transpose(tb->scratch, n, tb->density, n, n, n);
    less_symmetric(tb->fock, tb->start_level, tb->density, tb->scratch, n);
}

/* X += Newton's step; tb->step: the largest change of a charge or of X. */
static void advance(hg_tb *tb, size_t o, unsigned number) {
    const size_t n = tb->n_orbitals, v = n - o, ns = tb->n_shells;
    double *g = tb->density, *left = tb->scratch, *x = tb->x_rotation, *dq = tb->work, *dv = dq + ns;
    /* [1 X] F, then G = its right part - its left part X */
    memcpy(left, tb->fock, o * n * sizeof *left);
    hg_gemm(left, n, x, v, false, tb->fock + o * n, n, false, o, n, v, 1, 1);
    for (size_t i = 0; i < o; i++) memcpy(g + i * v, left + i * n + o, v * sizeof *g);
    hg_gemm(g, v, left, n, false, x, v, false, o, v, o, -1, 1);
    for (size_t i = 0; i < o * v; i++) g[i] *= tb->root[i];
    hg_gemv(dq, tb->transition, o * v, false, g, ns, o * v, 4, 0);
    hg_lu_solve(tb->newton, tb->pivot, ns, dq);
    hg_gemv(dv, tb->stiffness, ns, false, dq, ns, ns, 1, 0);
    hg_gemv(g, tb->transition, o * v, true, dv, ns, o * v, 1, -1);
    tb->step = 0;
    for (size_t s = 0; s < ns; s++) tb->step = fmax(tb->step, fabs(dq[s]));
    for (size_t i = 0; i < o * v; i++) {
        g[i] *= tb->root[i];
        tb->step = fmax(tb->step, fabs(g[i]));
    }
    tb_anderson(x, g, o * v, 1, tb->history, number);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------- */

/* Orbitals of one of the two spaces: to[r,n] in the basis of atoms, their levels. */
static bool canonical(double *to, double *level, hg_tb *tb, size_t o, bool of_empty) {
    const size_t n = tb->n_orbitals, r = of_empty ? n - o : o;
    double *rows = tb->scratch, *half = tb->work, *block = half + r * n;
    if (!rotated(rows, tb, o, of_empty)) return false;
    hg_gemm(half, n, rows, n, false, tb->fock, n, false, r, n, n, 1, 0);
    hg_gemm(block, r, half, n, false, rows, n, true, r, r, n, 1, 0);
    if (hg_eigen_symmetric_with(block, level, r, tb->eigen_work, tb->eigen_iwork) != 0) return false;
    hg_gemm(half, n, block, r, false, rows, n, false, r, n, r, 1, 0);
    hg_gemm(to, n, half, n, false, tb->vectors, n, false, r, n, n, 1, 0);
    return true;
}

bool tb_newton(hg_tb *tb) {
    const size_t n = tb->n_orbitals, o = tb->n_electrons / 2, v = n - o;
    if (v == 0 || tb->level[o] - tb->level[o - 1] < tb_smearing_gap(tb)) return false;
    memset(tb->x_rotation, 0, o * v * sizeof *tb->x_rotation);
    memcpy(tb->start_potential, tb->orbital_potential, n * sizeof *tb->start_potential);
    memcpy(tb->start_level, tb->level, n * sizeof *tb->start_level);
    hg_gemm(tb->dual, n, tb->vectors, n, false, tb->overlap, n, false, n, n, n, 1, 0);
    tb->step = INFINITY;
    for (unsigned i = 0; tb->step > tb->model->opts.tolerance; i++, tb->cycles++) {
        if (i == MOST_STEPS || tb->cycles >= tb->model->opts.max_cycles || !charges_of_rotation(tb, o)) return false;
        fock_in_basis(tb);
        if (i == 0 && !response(tb, o)) return false;
        advance(tb, o, i);
        if (!(tb->step < LARGEST_STEP)) return false;
    }
    if (!charges_of_rotation(tb, o)) return false;
    fock_in_basis(tb);
    if (!canonical(tb->density, tb->level, tb, o, false) || !canonical(tb->density + o * n, tb->level + o, tb, o, true))
        return false;
    memcpy(tb->vectors, tb->density, n * n * sizeof *tb->vectors);
    return tb->level[o] - tb->level[o - 1] >= tb_smearing_gap(tb);
}
