/* simulate/tb_force.c -- forces: the derivative of the energy by positions at self-consistency
 *
 * With the density P and W = sum_k n_k e_k c_k c_k' (Pulay, Mol. Phys. 17, 197, 1969),
 *   dE = Tr P dH0 - Tr (W + (v_i + v_j) P_ij / 2) dS + sum_(s<t) q_s q_t dgamma_st + dE_rep,
 * where the middle term has the charges' dependence on S. A block of H0 or S changes along the bond by its channels' slopes and across
 * it by turning. Levels and factors depend on counts of neighbours: their derivatives are gathered by atom and element first.
 */
#include "num/linalg.h"
#include "simulate/tb.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* out += d/dd of 2 sum_ij q_ij h_ij with d = x_b - x_a, for the block q[a,b] (row length ld) and the channels h, slope of h. */
static void block_gradient(double *out, const double *q, size_t ld, bool pa, bool pb, const double *h,
                           const double *slope, const tb_pair *p) {
    double c[TB_CHANNELS], across[3] = { 0 }, along = 0, turned = 0;
    const double *u = p->u;
    tb_project(c, q, ld, pa ? 4 : 1, pb ? 4 : 1, u);
    for (size_t i = 0; i < TB_CHANNELS; i++) along += slope[i] * c[i];
    for (size_t k = 0; k < 3; k++) {
        if (pb) across[k] += h[TB_SP] * q[1 + k];
        if (pa) across[k] += h[TB_PS] * q[(1 + k) * ld];
        for (size_t l = 0; l < 3 && pa && pb; l++)
            across[k] += (h[TB_SIGMA] - h[TB_PI]) * (q[(1 + k) * ld + 1 + l] + q[(1 + l) * ld + 1 + k]) * u[l];
        turned += across[k] * u[k];
    }
    for (size_t k = 0; k < 3; k++) out[k] += 2 * (along * u[k] + (across[k] - turned * u[k]) / p->r);
}

/* d/dr of the Gaussians. */
static void gaussian_slopes(double *out, const double *value, double r, const double *centre, const double *width,
                            size_t n) {
    for (size_t k = 0; k < n; k++) out[k] = -2 * (r - centre[k]) / (width[k] * width[k]) * value[k];
}

/* dE/d(count of element z at atom a): through levels, and through the factors of its bonds. */
static void count_derivatives(double *by_count, double *by_level, const hg_tb *tb) {
    memset(by_count, 0, tb->n * TB_ELEMENTS * sizeof *by_count);
    tb_level_derivatives(by_level, tb);
    for (size_t a = 0; a < tb->n; a++)
        for (size_t l = 0, s = tb->first_shell[a]; s < tb->first_shell[a + 1]; l++, s++)
            for (size_t z = 0; z < TB_ELEMENTS; z++)
                by_count[TB_ELEMENTS * a + z] += by_level[s] * tb_level_by_count(tb, a, l, z);
    for (size_t i = 0; tb->model->has_site && i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        double w[TB_CHANNELS];
        tb_pair_weights(w, tb, p);
        for (size_t c = 0; c < TB_CHANNELS; c++)
            for (size_t k = 0; k < TB_SITES; k++) {
                const double(*site)[TB_ELEMENTS] = tb->model->inc.site[p->type][c][k];
                for (size_t z = 0; z < TB_ELEMENTS; z++) {
                    by_count[TB_ELEMENTS * p->a + z] += w[c] * p->bare[c] * p->site[k] * site[0][z];
                    by_count[TB_ELEMENTS * p->b + z] += w[c] * p->bare[c] * p->site[k] * site[1][z];
                }
            }
    }
}

/* What a channel's factor changes by r, the counts of others fixed: the partner is not counted, hence the last term. */
static double factor_slope(const hg_tb *tb, const tb_pair *p, size_t c, const double *radial, const double *site) {
    const hg_tb_model *model = tb->model;
    const size_t ea = tb->row[p->a], eb = tb->row[p->b];
    const double *na = tb->count + TB_ELEMENTS * p->a, *nb = tb->count + TB_ELEMENTS * p->b;
    double sum = 0;
    for (size_t k = 0; k < TB_RADIAL; k++) sum += model->inc.radial[p->type][c][k] * radial[k];
    for (size_t k = 0; k < TB_SITES && model->has_site; k++) {
        const double(*x)[TB_ELEMENTS] = model->inc.site[p->type][c][k];
        for (size_t z = 0; z < TB_ELEMENTS; z++)
            sum +=
                site[k] * (x[0][z] * (na[z] - (z == eb ? p->count : 0)) + x[1][z] * (nb[z] - (z == ea ? p->count : 0)));
        sum -= p->site[k] * (x[0][eb] + x[1][ea]) * p->d_count;
    }
    return sum;
}

static void hamiltonian_gradient(double *out, const hg_tb *tb, const tb_pair *p, const double *weighted,
                                 const double *radial) {
    const tb_pair_constants *constants = &tb->model->pair[p->type];
    const tb_element *a = &tb_elements[tb->row[p->a]], *b = &tb_elements[tb->row[p->b]];
    const double *la = tb->shell_level + tb->first_shell[p->a], *lb = tb->shell_level + tb->first_shell[p->b];
    const double root = 0.01 * sqrt(p->r * constants->inverse_radius), d_root = 0.5 * root / p->r;
    double s[TB_CHANNELS], s_slope[TB_CHANNELS], h[TB_CHANNELS] = { 0 }, h_slope[TB_CHANNELS] = { 0 }, site[TB_SITES];
    gaussian_slopes(site, p->site, p->r, tb_site_centre, tb_site_width, TB_SITES);
    tb_integral_at(s, s_slope, tb->model->integral[TB_OVERLAP][p->type], p->r);
    for (size_t c = 0; c < TB_CHANNELS; c++) {
        const unsigned l = tb_channel_a[c], m = tb_channel_b[c];
        if (l >= a->shells || m >= b->shells) continue;
        const double fa = 1 + a->poly[l] * root, fb = 1 + b->poly[m] * root;
        const double d_poly = (a->poly[l] * fb + fa * b->poly[m]) * d_root;
        const double bare_slope = constants->scale[c] * 0.5 * (la[l] + lb[m]) * (d_poly * s[c] + fa * fb * s_slope[c]);
        h[c] = p->factor[c] * p->bare[c];
        h_slope[c] = p->factor[c] * bare_slope + factor_slope(tb, p, c, radial, site) * p->bare[c];
    }
    const size_t ld = tb->n_orbitals, at = tb->first_orbital[p->a] * ld + tb->first_orbital[p->b];
    block_gradient(out, tb->density + at, ld, a->shells > 1, b->shells > 1, h, h_slope, p);
    block_gradient(out, weighted + at, ld, a->shells > 1, b->shells > 1, s, s_slope, p);
}

/* The one-centre terms at `atom` that its neighbour `other` makes. */
static void field_gradient(double *out, const hg_tb *tb, size_t atom, size_t other, const tb_pair *p, double sign,
                           const double *radial) {
    const size_t o = tb->first_orbital[atom], ld = tb->n_orbitals, e = tb->row[atom];
    const double *d = tb->density + o * ld + o, *u = p->u;
    double f[TB_FIELD] = { 0 }, slope[TB_FIELD] = { 0 }, across[3] = { 0 }, turned = 0;
    for (size_t c = 0; c < TB_FIELD; c++)
        for (size_t k = 0; k < TB_RADIAL; k++) {
            const double theta = tb->model->inc.field[e][tb->row[other]][c][k];
            f[c] += theta * p->radial[k];
            slope[c] += theta * radial[k];
        }
    double along = slope[0] * d[0];
    for (size_t k = 0; k < 3 && tb_elements[e].shells > 1; k++) {
        const double *row = d + (k + 1) * ld + 1;
        double pu = 0;
        for (size_t l = 0; l < 3; l++) pu += row[l] * u[l];
        along += (slope[1] - slope[2] / 3) * row[k] + slope[2] * u[k] * pu + 2 * slope[3] * sign * d[k + 1] * u[k];
        across[k] = 2 * f[2] * pu + 2 * f[3] * sign * d[k + 1];
        turned += across[k] * u[k];
    }
    for (size_t k = 0; k < 3; k++) out[k] += along * u[k] + (across[k] - turned * u[k]) / p->r;
}

/* By r: charges on charges, and the repulsion. */
static double central_slope(const hg_tb *tb, const tb_pair *p, const double *radial) {
    const double range = tb->model->opts.coulomb_range / HG_ANGSTROM_PER_BOHR, r = p->r;
    const tb_pair_constants *c = &tb->model->pair[p->type];
    double d_cut = 0, sum = 0, learned = 0;
    const double cut = isinf(range) ? 1 : tb_switch(&d_cut, r, 0.8 * range, range);
    const size_t a = tb->first_shell[p->a], b = tb->first_shell[p->b];
    for (size_t s = a; s < tb->first_shell[p->a + 1]; s++)
        for (size_t t = b; t < tb->first_shell[p->b + 1]; t++) {
            const double g = 1 / sqrt(r * r + c->softness[s - a][t - b]);
            sum += tb->charge[s] * tb->charge[t] * g * (d_cut - cut * r * g * g);
        }
    for (size_t k = 0; k < TB_RADIAL; k++) learned += tb->model->inc.pair_gamma[p->type][k] * radial[k];
    sum += learned * tb->atom_charge[p->a] * tb->atom_charge[p->b];
    const double repulsion = c->rep_charge / r * exp(-c->rep_alpha * r * sqrt(r));
    return sum - repulsion * (1 / r + 1.5 * c->rep_alpha * sqrt(r));
}

/* -(W + (v_i + v_j) P_ij / 2) */
static void weighted_density(double *out, const hg_tb *tb, double *rows) {
    const size_t n = tb->n_orbitals;
    const double *v = tb->orbital_potential;
    size_t occupied = 0;
    for (size_t k = 0; k < n && tb->occupation[k] > 0; k++, occupied++)
        for (size_t i = 0; i < n; i++) rows[k * n + i] = tb->occupation[k] * tb->level[k] * tb->vectors[k * n + i];
    hg_gemm(out, n, rows, n, true, tb->vectors, n, false, n, n, occupied, 1, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) out[i * n + j] = -out[i * n + j] - 0.5 * (v[i] + v[j]) * tb->density[i * n + j];
}

void hg_tb_forces(double *force, hg_tb *tb) {
    assert(tb->done);
    HG_ONE_BLAS_THREAD;
    double *weighted = tb->scratch, *by_level = tb->work, *by_count = by_level + tb->n_shells;
    weighted_density(weighted, tb, tb->fock);
    count_derivatives(by_count, by_level, tb);
    memset(force, 0, 3 * tb->n * sizeof *force);
    for (size_t i = 0; i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        double g[3] = { 0 }, radial[TB_RADIAL];
        gaussian_slopes(radial, p->radial, p->r, tb_radial_centre, tb_radial_width, TB_RADIAL);
        hamiltonian_gradient(g, tb, p, weighted, radial);
        if (tb->model->has_field) {
            field_gradient(g, tb, p->a, p->b, p, 1, radial);
            field_gradient(g, tb, p->b, p->a, p, -1, radial);
        }
        const double by_r = central_slope(tb, p, radial) + p->d_count * (by_count[TB_ELEMENTS * p->a + tb->row[p->b]] +
                                                                         by_count[TB_ELEMENTS * p->b + tb->row[p->a]]);
        for (size_t k = 0; k < 3; k++) {
            const double f = (g[k] + by_r * p->u[k]) * (HG_EV_PER_HARTREE / HG_ANGSTROM_PER_BOHR);
            force[3 * p->a + k] += f;
            force[3 * p->b + k] -= f;
        }
    }
}
