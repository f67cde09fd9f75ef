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

/* Charges at their places, and the moments <s|x|p_x> of the s-p blocks on one centre: two electrons' worth, negative. */
void tb_dipole(double *dipole, const hg_tb *tb) {
    for (size_t k = 0; k < 3; k++) dipole[k] = 0;
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
