/* simulate/tb_observe.c -- what is read from the self-consistent density: energies, dipole, bond orders */
#include "num/linalg.h"
#include "simulate/tb.h"
#include <assert.h>
#include <math.h>
#include <string.h>

void tb_energies(hg_tb_result *r, const hg_tb *tb) {
    const size_t n = tb->n_orbitals;
    double band = 0, coulomb = 0, third = 0;
    for (size_t i = 0; i < n; i++) band += hg_dot(tb->density + i * n, tb->h0 + i * n, n);
    for (size_t s = 0; s < tb->n_shells; s++)
        coulomb += 0.5 * tb->charge[s] * hg_dot(tb->gamma + s * tb->n_shells, tb->charge, tb->n_shells);
    for (size_t a = 0; a < tb->n; a++) {
        const double q = tb->atom_charge[a];
        third += tb_gamma3(tb, a) * q * q * q / 3;
    }
    r->band = band * HG_EV_PER_HARTREE;
    r->coulomb = coulomb * HG_EV_PER_HARTREE;
    r->third_order = third * HG_EV_PER_HARTREE;
    r->repulsion = tb->repulsion * HG_EV_PER_HARTREE;
    r->entropy = tb->entropy * HG_EV_PER_HARTREE;
    r->energy = r->band + r->coulomb + r->third_order + r->repulsion + r->entropy;
    const size_t pairs = tb->n_electrons / 2;
    for (size_t k = 0; k < n; k++) tb->level_ev[k] = tb->level[k] * HG_EV_PER_HARTREE;
    r->homo = tb->level_ev[pairs - 1];
    r->lumo = pairs < n ? tb->level_ev[pairs] : (double)NAN;
}

/* Tr P r of one block of P about the bond's middle, both ways round: electrons that the bond moves. */
static void bond_moment(double *moment, const hg_tb *tb, const tb_pair *p) {
    const size_t i = tb->first_orbital[p->a], j = tb->first_orbital[p->b], ld = tb->n_orbitals;
    const bool pa = tb_elements[tb->row[p->a]].shells > 1, pb = tb_elements[tb->row[p->b]].shells > 1;
    const double *q = tb->density + i * ld + j, *u = p->u;
    double c[TB_CHANNELS], m[TB_CHANNELS], across[3] = { 0 }, along = 0, turned = 0;
    tb_project(c, q, ld, pa ? 4 : 1, pb ? 4 : 1, u);
    tb_integral_at(m, NULL, tb->model->integral[TB_ALONG][p->type], p->r);
    for (size_t k = 0; k < TB_CHANNELS; k++) along += m[k] * c[k];
    tb_integral_at(m, NULL, tb->model->integral[TB_ACROSS][p->type], p->r);
    for (size_t k = 0; k < 3; k++) {
        if (pb) across[k] += m[TB_SP] * q[1 + k];
        if (pa) across[k] += m[TB_PS] * q[(1 + k) * ld];
        for (size_t l = 0; l < 3 && pa && pb; l++)
            across[k] += (m[TB_SIGMA] * q[(1 + k) * ld + 1 + l] + m[TB_PI] * q[(1 + l) * ld + 1 + k]) * u[l];
        turned += across[k] * u[k];
    }
    for (size_t k = 0; k < 3; k++) moment[k] += 2 * (along * u[k] + across[k] - turned * u[k]);
}

/* sum_A Z_A r_A - Tr P r: charges at their places, s-p moments of atoms, and moments of bonds. */
void tb_dipole(double *dipole, const hg_tb *tb) {
    double electrons[3] = { 0 };
    for (size_t i = 0; i < tb->n_pairs; i++) bond_moment(electrons, tb, tb->pair + i);
    for (size_t k = 0; k < 3; k++) dipole[k] = -electrons[k];
    for (size_t a = 0; a < tb->n; a++) {
        const size_t o = tb->first_orbital[a];
        const double *p = tb->density + o * tb->n_orbitals + o, moment = tb->model->dipole_sp[tb->row[a]];
        const bool has_p = tb_elements[tb->row[a]].shells > 1;
        for (size_t k = 0; k < 3; k++)
            dipole[k] += tb->atom_charge[a] * tb->x[3 * a + k] - (has_p ? 2 * moment * p[1 + k] : 0);
    }
    for (size_t k = 0; k < 3; k++) dipole[k] *= HG_ANGSTROM_PER_BOHR;
}

void hg_tb_bond_orders(double *order, hg_tb *tb) {
    assert(tb->done);
    HG_ONE_BLAS_THREAD;
    const size_t n = tb->n_orbitals;
    hg_gemm(tb->scratch, n, tb->density, n, false, tb->overlap, n, false, n, n, n, 1, 0);
    memset(order, 0, tb->n * tb->n * sizeof *order);
    for (size_t a = 0; a < tb->n; a++)
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t i = tb->first_orbital[a]; i < tb->first_orbital[a + 1]; i++)
                for (size_t j = tb->first_orbital[b]; j < tb->first_orbital[b + 1]; j++)
                    sum += tb->scratch[i * n + j] * tb->scratch[j * n + i];
            order[a * tb->n + b] = order[b * tb->n + a] = sum;
        }
}
