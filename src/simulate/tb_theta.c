/* simulate/tb_theta.c -- the learned increments: one table of their kinds, theta -> increments, and dE/dtheta
 *
 * The energy is stationary in the density matrix, so dE/dtheta is the explicit derivative alone (Hellmann-Feynman):
 * for H0 Tr P dH0/dtheta, for gamma 1/2 q q, for Gamma q^3/3. Both directions of one table walk the same slots, in
 * tb_walk: what sets an increment and what receives its derivative cannot get out of step.
 */
#include "num/linalg.h"
#include "simulate/tb.h"
#include <assert.h>
#include <string.h>

enum {
    N_RADIAL = TB_PAIR_CHANNELS * TB_RADIAL,
    N_LEVEL = TB_ELEMENT_SHELLS,
    N_COUNT = TB_ELEMENT_SHELLS * TB_ELEMENTS,
    N_GAMMA = TB_PAIRS * TB_RADIAL,
    N_SITE = TB_PAIR_CHANNELS * TB_SITES * 2 * TB_ELEMENTS,
    N_FIELD = TB_ELEMENTS * TB_ELEMENTS * TB_FIELD * TB_RADIAL
};
enum {
    AT_LEVEL = N_RADIAL,
    AT_COUNT = AT_LEVEL + N_LEVEL,
    AT_ONSITE = AT_COUNT + N_COUNT,
    AT_GAMMA3 = AT_ONSITE + TB_ELEMENTS,
    AT_GAMMA = AT_GAMMA3 + TB_ELEMENTS,
    AT_SITE = AT_GAMMA + N_GAMMA,
    AT_FIELD = AT_SITE + N_SITE,
    N_THETA = AT_FIELD + N_FIELD
};

static const hg_tb_family FAMILY[] = {
    { "radial", "1", 0, N_RADIAL, 0.05 },                 /* H0 of a channel times 1 + sum_k theta_k g_k(R) */
    { "level", "eV", AT_LEVEL, N_LEVEL, 0.08 },           /* levels of shells */
    { "level-count", "eV", AT_COUNT, N_COUNT, 0.25 },     /* the same for each neighbour of an element */
    { "on-site", "eV/e^2", AT_ONSITE, TB_ELEMENTS, 1.4 }, /* gamma of a shell with itself */
    { "third-order", "eV/e^3", AT_GAMMA3, TB_ELEMENTS, 2.7 },
    { "pair-gamma", "eV/e^2", AT_GAMMA, N_GAMMA, 0.5 }, /* gamma between atoms, + sum_k theta_k g_k(R) */
    { "site", "1", AT_SITE, N_SITE, 0.02 },             /* like radial, for each other neighbour of the two atoms */
    { "field", "eV", AT_FIELD, N_FIELD, 0.1 }, /* one-centre terms from each neighbour: s, p, p along it, s-p */
};

const hg_tb_family *hg_tb_theta_family(size_t i) { return i < sizeof FAMILY / sizeof *FAMILY ? &FAMILY[i] : NULL; }
size_t hg_tb_theta_count(void) { return N_THETA; }

/* ---- theta -> increments --------------------------------------------------------------------------------------- */

/* Walks the channels of pairs of elements that have numbers of their own; the mirror image of a channel of like
 * atoms has none. */
static bool next_channel(size_t *a, size_t *b, size_t *c) {
    for (;;) {
        if (++*c == TB_CHANNELS) {
            *c = 0;
            if (++*b == TB_ELEMENTS) *b = ++*a;
            if (*a == TB_ELEMENTS) return false;
        }
        const bool exists = tb_channel_a[*c] < tb_elements[*a].shells && tb_channel_b[*c] < tb_elements[*b].shells;
        if (exists && !(*a == *b && *c == TB_PS)) return true;
    }
}

static void set_channels(tb_increments *inc, const double *theta) {
    const double *radial = theta, *site = theta + AT_SITE;
    size_t a = 0, b = 0, c = (size_t)-1;
    while (next_channel(&a, &b, &c)) {
        const size_t pair = tb_pair_index(a, b);
        for (size_t k = 0; k < TB_RADIAL; k++) inc->radial[pair][c][k] = *radial++;
        for (size_t k = 0; k < TB_SITES; k++, site += 2 * TB_ELEMENTS)
            for (size_t z = 0; z < TB_ELEMENTS; z++) {
                inc->site[pair][c][k][0][z] = site[z];
                inc->site[pair][c][k][1][z] = a == b && c != TB_SP ? site[z] : site[TB_ELEMENTS + z];
            }
        if (a != b || c != TB_SP) continue;
        memcpy(inc->radial[pair][TB_PS], inc->radial[pair][TB_SP], sizeof inc->radial[pair][TB_SP]);
        for (size_t k = 0; k < TB_SITES; k++) {
            memcpy(inc->site[pair][TB_PS][k][0], inc->site[pair][TB_SP][k][1], TB_ELEMENTS * sizeof(double));
            memcpy(inc->site[pair][TB_PS][k][1], inc->site[pair][TB_SP][k][0], TB_ELEMENTS * sizeof(double));
        }
    }
}

static bool any(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0) return true;
    return false;
}

hg_status hg_tb_model_set_theta(hg_tb_model *model, const double *theta, hg_err *err) {
    HG_TRY(hg_check_finite("theta", theta, N_THETA, 1, err));
    tb_increments *inc = &model->inc;
    const double unit = 1 / HG_EV_PER_HARTREE;
    set_channels(inc, theta);
    for (size_t e = 0, s = 0; e < TB_ELEMENTS; e++) {
        for (size_t l = 0; l < tb_elements[e].shells; l++, s++) {
            inc->level[e][l] = unit * theta[AT_LEVEL + s];
            for (size_t z = 0; z < TB_ELEMENTS; z++)
                inc->level_count[e][l][z] = unit * theta[AT_COUNT + s * TB_ELEMENTS + z];
        }
        inc->onsite[e] = unit * theta[AT_ONSITE + e];
        inc->gamma3[e] = unit * theta[AT_GAMMA3 + e];
    }
    for (size_t i = 0; i < N_GAMMA; i++) (&inc->pair_gamma[0][0])[i] = unit * theta[AT_GAMMA + i];
    for (size_t i = 0; i < N_FIELD; i++) (&inc->field[0][0][0][0])[i] = unit * theta[AT_FIELD + i];
    model->has_site = any(theta + AT_SITE, N_SITE);
    model->has_field = any(theta + AT_FIELD, N_FIELD);
    return HG_OK;
}

/* ---- dE/dtheta --------------------------------------------------------------------------------------------------- */

void tb_project(double *channel, const double *p, size_t ld, size_t orbitals_a, size_t orbitals_b, const double *u) {
    memset(channel, 0, TB_CHANNELS * sizeof *channel);
    channel[TB_SS] = p[0];
    for (size_t k = 1; k < orbitals_b; k++) channel[TB_SP] += p[k] * u[k - 1];
    for (size_t k = 1; k < orbitals_a; k++) channel[TB_PS] += p[k * ld] * u[k - 1];
    if (orbitals_a < 4 || orbitals_b < 4) return;
    double trace = 0;
    for (size_t k = 0; k < 3; k++) {
        const double *row = p + (k + 1) * ld + 1;
        trace += row[k];
        for (size_t l = 0; l < 3; l++) channel[TB_SIGMA] += u[k] * u[l] * row[l];
    }
    channel[TB_PI] = trace - channel[TB_SIGMA];
}

void tb_pair_weights(double *w, const hg_tb *tb, const tb_pair *p) {
    const size_t i = tb->first_orbital[p->a], j = tb->first_orbital[p->b], ld = tb->n_orbitals;
    tb_project(w, tb->density + i * ld + j, ld, tb->first_orbital[p->a + 1] - i, tb->first_orbital[p->b + 1] - j, p->u);
    for (size_t c = 0; c < TB_CHANNELS; c++) w[c] *= 2;
}

void tb_level_derivatives(double *out, const hg_tb *tb) {
    memset(out, 0, tb->n_shells * sizeof *out);
    for (size_t o = 0; o < tb->n_orbitals; o++) out[tb->orbital_shell[o]] += tb->density[o * tb->n_orbitals + o];
    for (size_t i = 0; i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        const size_t a = tb->first_shell[p->a], b = tb->first_shell[p->b];
        double w[TB_CHANNELS];
        tb_pair_weights(w, tb, p);
        for (size_t c = 0; c < TB_CHANNELS; c++) {
            const size_t s = a + tb_channel_a[c], t = b + tb_channel_b[c];
            if (p->bare[c] == 0) continue; /* also channels that are not there */
            const double d = w[c] * p->factor[c] * p->bare[c] / (tb->shell_level[s] + tb->shell_level[t]);
            out[s] += d;
            out[t] += d;
        }
    }
}

/* Where the numbers of a channel begin: in units of one channel, -1: there is none. */
static void channel_numbers(int *number) {
    for (size_t i = 0; i < TB_PAIRS * TB_CHANNELS; i++) number[i] = -1;
    int n = 0;
    size_t a = 0, b = 0, c = (size_t)-1;
    while (next_channel(&a, &b, &c)) {
        number[tb_pair_index(a, b) * TB_CHANNELS + c] = n;
        if (a == b && c == TB_SP) number[tb_pair_index(a, b) * TB_CHANNELS + TB_PS] = n;
        n++;
    }
}

static void channel_gradient(double *g, const hg_tb *tb, const tb_pair *p, const int *number) {
    const size_t ea = tb->row[p->a], eb = tb->row[p->b];
    const double *na = tb->count + TB_ELEMENTS * p->a, *nb = tb->count + TB_ELEMENTS * p->b;
    double w[TB_CHANNELS];
    tb_pair_weights(w, tb, p);
    for (size_t c = 0; c < TB_CHANNELS; c++) {
        const int at = number[p->type * TB_CHANNELS + c];
        if (at < 0) continue;
        const double worth = w[c] * p->bare[c];
        double *radial = g + (size_t)at * TB_RADIAL, *site = g + AT_SITE + (size_t)at * TB_SITES * 2 * TB_ELEMENTS;
        for (size_t k = 0; k < TB_RADIAL; k++) radial[k] += worth * p->radial[k];
        const bool mirrored = ea == eb && c == TB_PS, alike = ea == eb && c != TB_PS && c != TB_SP;
        for (size_t k = 0; k < TB_SITES; k++, site += 2 * TB_ELEMENTS)
            for (size_t z = 0; z < TB_ELEMENTS; z++) {
                const double of_a = worth * p->site[k] * (na[z] - (z == eb ? p->count : 0));
                const double of_b = worth * p->site[k] * (nb[z] - (z == ea ? p->count : 0));
                site[z + (mirrored ? TB_ELEMENTS : 0)] += of_a;
                site[z + (mirrored || alike ? 0 : TB_ELEMENTS)] += of_b;
            }
    }
}

static void field_gradient(double *g, const hg_tb *tb, size_t atom, size_t other, const tb_pair *p, double sign) {
    const size_t o = tb->first_orbital[atom], ld = tb->n_orbitals, e = tb->row[atom];
    const double *d = tb->density + o * ld + o;
    double f[TB_FIELD] = { d[0], 0, 0, 0 };
    for (size_t k = 0; k < 3 && tb_elements[e].shells > 1; k++) {
        f[1] += d[(k + 1) * ld + k + 1];
        f[3] += 2 * sign * d[k + 1] * p->u[k];
        for (size_t l = 0; l < 3; l++) f[2] += p->u[k] * p->u[l] * d[(k + 1) * ld + l + 1];
    }
    f[2] -= f[1] / 3;
    double *out = g + AT_FIELD + (e * TB_ELEMENTS + tb->row[other]) * TB_FIELD * TB_RADIAL;
    for (size_t c = 0; c < TB_FIELD; c++)
        for (size_t k = 0; k < TB_RADIAL; k++) out[c * TB_RADIAL + k] += f[c] * p->radial[k];
}

static void atom_gradient(double *g, const hg_tb *tb, const double *by_level) {
    size_t first[TB_ELEMENTS + 1] = { 0 }; /* shells of the elements before */
    for (size_t e = 0; e < TB_ELEMENTS; e++) first[e + 1] = first[e] + tb_elements[e].shells;
    for (size_t a = 0; a < tb->n; a++) {
        const size_t e = tb->row[a];
        const double *count = tb->count + TB_ELEMENTS * a;
        for (size_t l = 0, s = tb->first_shell[a]; s < tb->first_shell[a + 1]; l++, s++) {
            g[AT_LEVEL + first[e] + l] += by_level[s] * tb_level_slope(tb, a, l);
            for (size_t z = 0; z < TB_ELEMENTS; z++)
                g[AT_COUNT + (first[e] + l) * TB_ELEMENTS + z] += by_level[s] * count[z];
        }
    }
}

/* Charges and their interactions in the energy, at fixed charges. */
static void charge_gradient(double *g, const hg_tb *tb) {
    for (size_t a = 0; a < tb->n; a++) {
        const double q = tb->atom_charge[a];
        for (size_t s = tb->first_shell[a]; s < tb->first_shell[a + 1]; s++)
            g[AT_ONSITE + tb->row[a]] += 0.5 * tb->charge[s] * tb->charge[s];
        g[AT_GAMMA3 + tb->row[a]] += q * q * q / 3;
    }
    for (size_t i = 0; i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        const double qq = tb->atom_charge[p->a] * tb->atom_charge[p->b];
        for (size_t k = 0; k < TB_RADIAL; k++) g[AT_GAMMA + p->type * TB_RADIAL + k] += qq * p->radial[k];
    }
}

/* What H0 is worth in Tr P H0; work[n_shells]. */
static void band_gradient(double *g, const hg_tb *tb, double *work) {
    int number[TB_PAIRS * TB_CHANNELS];
    channel_numbers(number);
    tb_level_derivatives(work, tb);
    atom_gradient(g, tb, work);
    for (size_t i = 0; i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        channel_gradient(g, tb, p, number);
        field_gradient(g, tb, p->a, p->b, p, 1);
        field_gradient(g, tb, p->b, p->a, p, -1);
    }
    for (size_t i = 0; i < AT_LEVEL; i++) g[i] *= HG_EV_PER_HARTREE; /* per unit of a pure number */
    for (size_t i = AT_SITE; i < AT_FIELD; i++) g[i] *= HG_EV_PER_HARTREE;
}

void hg_tb_theta_gradient(double *gradient, const hg_tb *tb) {
    assert(tb->done);
    memset(gradient, 0, N_THETA * sizeof *gradient);
    band_gradient(gradient, tb, tb->scratch);
    charge_gradient(gradient, tb);
}

/* Levels are those of F = H0 - S_mn (v_m + v_n)/2, where v = dE/dq holds gamma and Gamma: at fixed charges each
 * costs the orbital's population. */
static void level_charge_gradient(double *g, const hg_tb *tb, const double *population) {
    for (size_t a = 0; a < tb->n; a++) {
        const double q = tb->atom_charge[a];
        for (size_t s = tb->first_shell[a]; s < tb->first_shell[a + 1]; s++) {
            g[AT_ONSITE + tb->row[a]] -= population[s] * tb->charge[s];
            g[AT_GAMMA3 + tb->row[a]] -= population[s] * q * q;
        }
    }
    for (size_t i = 0; i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        double on_a = 0, on_b = 0;
        for (size_t s = tb->first_shell[p->a]; s < tb->first_shell[p->a + 1]; s++) on_a += population[s];
        for (size_t s = tb->first_shell[p->b]; s < tb->first_shell[p->b + 1]; s++) on_b += population[s];
        const double worth = on_a * tb->atom_charge[p->b] + on_b * tb->atom_charge[p->a];
        for (size_t k = 0; k < TB_RADIAL; k++) g[AT_GAMMA + p->type * TB_RADIAL + k] -= worth * p->radial[k];
    }
}

void hg_tb_level_gradient(double *gradient, double *population, hg_tb *tb, const double *weight) {
    assert(tb->done);
    HG_ONE_BLAS_THREAD;
    const size_t n = tb->n_orbitals;
    double *rows = tb->scratch, *density = tb->fock, *const of_all = tb->density;
    size_t taken = 0;
    double *chosen = tb->work;
    for (size_t k = 0; k < n; k++) {
        if (weight[k] == 0) continue;
        for (size_t i = 0; i < n; i++) rows[taken * n + i] = weight[k] * tb->vectors[k * n + i];
        memcpy(chosen + taken++ * n, tb->vectors + k * n, n * sizeof *chosen);
    }
    hg_gemm(density, n, rows, n, true, chosen, n, false, n, n, taken, 1, 0);
    memset(population, 0, tb->n_shells * sizeof *population);
    for (size_t i = 0; i < n; i++) population[tb->orbital_shell[i]] += hg_dot(density + i * n, tb->overlap + i * n, n);
    memset(gradient, 0, N_THETA * sizeof *gradient);
    tb->density = density; /* what band_gradient reads; put back at once */
    band_gradient(gradient, tb, tb->scratch);
    tb->density = of_all;
    level_charge_gradient(gradient, tb, population);
}
