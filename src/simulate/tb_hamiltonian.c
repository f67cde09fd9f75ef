/* simulate/tb_hamiltonian.c -- from positions to S, H0, gamma and the repulsion
 *
 * J. Chem. Theory Comput. 13, 1989 (2017), for shells l of atom A and m of B at the distance R:
 *   levels          h_Al = h_l (1 + k_CN,l CN_A),       CN_A = sum_B 1 / (1 + exp(-16 (4/3 (r_A + r_B) / R - 1)))
 *   H0 off site     S K_AB k_lm (h_Al + h_Bm)/2 Pi_l Pi_m,   K_AB = k_AB (1 - 0.007 (EN_A - EN_B)^2),
 *                   Pi_l = 1 + k_poly,l (R / (R_A + R_B))^(1/2)
 *   gamma           (R^2 + eta^-2)^(-1/2),   2/eta = 1/eta_Al + 1/eta_Bm,   eta_Al = eta_A (1 + kappa_l)
 *   repulsion       Z_A Z_B / R exp(-(alpha_A alpha_B)^(1/2) R^(3/2))
 */
#include "simulate/tb.h"
#include <math.h>
#include <string.h>

static const double LEVEL_EV_PER_HARTREE =
    27.21138505;                          /* CODATA 2010: how the method's authors make hartrees of their levels */
static const double COUNT_STEEPNESS = 16; /* k_1 of D3's coordination number */
static const double COUNT_FROM = 25,
                    COUNT_TO = 40; /* bohr: that number tends to 1e-7, not to 0, and is switched off here */
static const double COUNT_SHIFT[TB_SHELLS] = { 0.006, -0.003 }; /* k_CN of s and p */

double tb_switch(double *slope, double r, double from, double to) {
    if (slope) *slope = 0;
    if (r <= from) return 1;
    if (r >= to) return 0;
    const double t = (r - from) / (to - from); /* 1 - 10 t^3 + 15 t^4 - 6 t^5: two smooth derivatives at both ends */
    if (slope) *slope = -30 * t * t * (1 - t) * (1 - t) / (to - from);
    return 1 - t * t * t * (10 - 15 * t + 6 * t * t);
}

static double neighbour(double *slope, double r, double radius) {
    if (r >= COUNT_TO) {
        *slope = 0;
        return 0;
    }
    const double c = 1 / (1 + exp(-COUNT_STEEPNESS * (radius / r - 1)));
    double d_cut;
    const double cut = tb_switch(&d_cut, r, COUNT_FROM, COUNT_TO);
    *slope = -c * (1 - c) * COUNT_STEEPNESS * radius / (r * r) * cut + c * d_cut;
    return c * cut;
}

static void gaussians(double *out, double r, const double *centre, const double *width, size_t n) {
    for (size_t k = 0; k < n; k++) {
        const double t = (r - centre[k]) / width[k];
        out[k] = t * t < 700 ? exp(-t * t) : 0;
    }
}

static void one_pair(tb_pair *p, const hg_tb *tb) {
    const double *xa = tb->x + 3 * p->a, *xb = tb->x + 3 * p->b;
    double r2 = 0;
    for (size_t k = 0; k < 3; k++) {
        p->u[k] = xb[k] - xa[k];
        r2 += p->u[k] * p->u[k];
    }
    p->r = sqrt(r2);
    for (size_t k = 0; k < 3; k++) p->u[k] /= p->r;
    p->count = neighbour(&p->d_count, p->r, tb->model->pair[p->type].count_radius);
    gaussians(p->radial, p->r, tb_radial_centre, tb_radial_width, TB_RADIAL);
    gaussians(p->site, p->r, tb_site_centre, tb_site_width, TB_SITES);
}

double tb_level_slope(const hg_tb *tb, size_t atom, size_t l) {
    double all = 0;
    for (size_t z = 0; z < TB_ELEMENTS; z++) all += tb->count[TB_ELEMENTS * atom + z];
    return 1 + COUNT_SHIFT[l] * all;
}

static double bare_level(const hg_tb *tb, size_t e, size_t l) {
    return tb_elements[e].level[l] / LEVEL_EV_PER_HARTREE + tb->model->inc.level[e][l];
}

double tb_level_by_count(const hg_tb *tb, size_t atom, size_t l, size_t z) {
    const size_t e = tb->row[atom];
    return bare_level(tb, e, l) * COUNT_SHIFT[l] + tb->model->inc.level_count[e][l][z];
}

/* The levels of an atom's shells where it is, and learned shifts. */
static void shell_levels(hg_tb *tb) {
    const tb_increments *inc = &tb->model->inc;
    for (size_t a = 0; a < tb->n; a++) {
        const size_t e = tb->row[a];
        const double *count = tb->count + TB_ELEMENTS * a;
        for (size_t l = 0, s = tb->first_shell[a]; s < tb->first_shell[a + 1]; l++, s++) {
            double level = bare_level(tb, e, l) * tb_level_slope(tb, a, l);
            for (size_t z = 0; z < TB_ELEMENTS; z++) level += inc->level_count[e][l][z] * count[z];
            tb->shell_level[s] = level;
        }
    }
}

void tb_geometry(hg_tb *tb) {
    memset(tb->count, 0, tb->n * TB_ELEMENTS * sizeof *tb->count);
    tb->repulsion = 0;
    size_t at = 0;
    for (size_t i = 0; i < tb->n; i++)
        for (size_t j = 0; j < i; j++) {
            tb_pair *p = tb->pair + at++;
            const bool swap = tb->row[i] < tb->row[j];
            p->a = swap ? i : j;
            p->b = swap ? j : i;
            p->type = tb_pair_index(tb->row[p->a], tb->row[p->b]);
            one_pair(p, tb);
            tb->count[TB_ELEMENTS * i + tb->row[j]] += p->count;
            tb->count[TB_ELEMENTS * j + tb->row[i]] += p->count;
            const tb_pair_constants *c = &tb->model->pair[p->type];
            tb->repulsion += c->rep_charge / p->r * exp(-c->rep_alpha * p->r * sqrt(p->r));
        }
    tb->n_pairs = at;
    shell_levels(tb);
}

/* Neighbours of a and b besides each other scale the channels of their bond. */
static double site_factor(const hg_tb *tb, const tb_pair *p, size_t c) {
    const size_t ea = tb->row[p->a], eb = tb->row[p->b];
    const double *na = tb->count + TB_ELEMENTS * p->a, *nb = tb->count + TB_ELEMENTS * p->b;
    const tb_increments *inc = &tb->model->inc;
    double sum = 0;
    for (size_t k = 0; k < TB_SITES; k++) {
        double of_site = 0;
        for (size_t z = 0; z < TB_ELEMENTS; z++)
            of_site += inc->site[p->type][c][k][0][z] * (na[z] - (z == eb ? p->count : 0)) +
                       inc->site[p->type][c][k][1][z] * (nb[z] - (z == ea ? p->count : 0));
        sum += p->site[k] * of_site;
    }
    return sum;
}

/* Sets block (a, b) of m and its mirror image from five channels. */
static void set_block(double *m, size_t ld, size_t i, size_t j, bool pa, bool pb, const double *h, const double *u) {
    m[i * ld + j] = m[j * ld + i] = h[TB_SS];
    for (size_t k = 0; k < 3 && pb; k++) m[i * ld + j + 1 + k] = m[(j + 1 + k) * ld + i] = h[TB_SP] * u[k];
    for (size_t k = 0; k < 3 && pa; k++) m[(i + 1 + k) * ld + j] = m[j * ld + i + 1 + k] = h[TB_PS] * u[k];
    for (size_t k = 0; k < 3 && pa && pb; k++)
        for (size_t l = 0; l < 3; l++)
            m[(i + 1 + k) * ld + j + 1 + l] = m[(j + 1 + l) * ld + i + 1 + k] =
                (h[TB_SIGMA] - h[TB_PI]) * u[k] * u[l] + (k == l ? h[TB_PI] : 0);
}

static void pair_block(hg_tb *tb, tb_pair *p) {
    const hg_tb_model *model = tb->model;
    const tb_pair_constants *constants = &model->pair[p->type];
    const size_t ea = tb->row[p->a], eb = tb->row[p->b];
    const tb_element *a = &tb_elements[ea], *b = &tb_elements[eb];
    const double *la = tb->shell_level + tb->first_shell[p->a], *lb = tb->shell_level + tb->first_shell[p->b];
    const double root = 0.01 * sqrt(p->r * constants->inverse_radius);
    double h[TB_CHANNELS];
    tb_integral_at(p->overlap, NULL, model->integral[TB_OVERLAP][p->type], p->r);
    for (size_t c = 0; c < TB_CHANNELS; c++) {
        const unsigned l = tb_channel_a[c], m = tb_channel_b[c];
        h[c] = p->bare[c] = 0;
        p->factor[c] = 1;
        if (l >= a->shells || m >= b->shells) continue;
        p->bare[c] = constants->scale[c] * (1 + a->poly[l] * root) * (1 + b->poly[m] * root) * 0.5 * (la[l] + lb[m]) *
                     p->overlap[c];
        for (size_t k = 0; k < TB_RADIAL; k++) p->factor[c] += model->inc.radial[p->type][c][k] * p->radial[k];
        if (model->has_site) p->factor[c] += site_factor(tb, p, c);
        h[c] = p->factor[c] * p->bare[c];
    }
    const size_t i = tb->first_orbital[p->a], j = tb->first_orbital[p->b], ld = tb->n_orbitals;
    set_block(tb->overlap, ld, i, j, a->shells > 1, b->shells > 1, p->overlap, p->u);
    set_block(tb->h0, ld, i, j, a->shells > 1, b->shells > 1, h, p->u);
}

/* What neighbour e_other in direction u adds to the one-centre block at orbital o. */
static void add_field(hg_tb *tb, size_t o, size_t e, size_t e_other, const double *radial, const double *u,
                      double sign) {
    double f[TB_FIELD] = { 0 };
    for (size_t c = 0; c < TB_FIELD; c++)
        for (size_t k = 0; k < TB_RADIAL; k++) f[c] += tb->model->inc.field[e][e_other][c][k] * radial[k];
    const size_t ld = tb->n_orbitals;
    double *h = tb->h0;
    h[o * ld + o] += f[0];
    if (tb_elements[e].shells < 2) return;
    for (size_t k = 0; k < 3; k++) {
        const double sp = f[3] * sign * u[k];
        h[(o + 1 + k) * ld + o + 1 + k] += f[1] - f[2] / 3;
        h[o * ld + o + 1 + k] += sp;
        h[(o + 1 + k) * ld + o] += sp;
        for (size_t l = 0; l < 3; l++) h[(o + 1 + k) * ld + o + 1 + l] += f[2] * u[k] * u[l];
    }
}

static void one_centre_blocks(hg_tb *tb) {
    const size_t ld = tb->n_orbitals;
    memset(tb->overlap, 0, ld * ld * sizeof *tb->overlap);
    memset(tb->h0, 0, ld * ld * sizeof *tb->h0);
    for (size_t o = 0; o < ld; o++) {
        tb->overlap[o * ld + o] = 1;
        tb->h0[o * ld + o] = tb->shell_level[tb->orbital_shell[o]];
    }
    for (size_t i = 0; tb->model->has_field && i < tb->n_pairs; i++) {
        const tb_pair *p = tb->pair + i;
        const size_t ea = tb->row[p->a], eb = tb->row[p->b];
        add_field(tb, tb->first_orbital[p->a], ea, eb, p->radial, p->u, 1);
        add_field(tb, tb->first_orbital[p->b], eb, ea, p->radial, p->u, -1);
    }
}

static void one_centre_gamma(hg_tb *tb) {
    for (size_t a = 0; a < tb->n; a++) {
        const size_t e = tb->row[a];
        const double(*soft)[TB_SHELLS] = tb->model->pair[tb_pair_index(e, e)].softness;
        for (size_t s = tb->first_shell[a]; s < tb->first_shell[a + 1]; s++)
            for (size_t t = tb->first_shell[a]; t < tb->first_shell[a + 1]; t++)
                tb->gamma[s * tb->n_shells + t] = 1 / sqrt(soft[s - tb->first_shell[a]][t - tb->first_shell[a]]) +
                                                  (s == t ? tb->model->inc.onsite[e] : 0);
    }
}

static void pair_gamma(hg_tb *tb, const tb_pair *p) {
    const double range = tb->model->opts.coulomb_range / HG_ANGSTROM_PER_BOHR;
    const double cut = isinf(range) ? 1 : tb_switch(NULL, p->r, 0.8 * range, range), r2 = p->r * p->r;
    const tb_pair_constants *c = &tb->model->pair[p->type];
    double learned = 0;
    for (size_t k = 0; k < TB_RADIAL; k++) learned += tb->model->inc.pair_gamma[p->type][k] * p->radial[k];
    const size_t a = tb->first_shell[p->a], b = tb->first_shell[p->b], n = tb->n_shells;
    for (size_t s = a; s < tb->first_shell[p->a + 1]; s++)
        for (size_t t = b; t < tb->first_shell[p->b + 1]; t++)
            tb->gamma[s * n + t] = tb->gamma[t * n + s] = cut / sqrt(r2 + c->softness[s - a][t - b]) + learned;
}

void tb_hamiltonian(hg_tb *tb) {
    one_centre_blocks(tb);
    one_centre_gamma(tb);
    for (size_t i = 0; i < tb->n_pairs; i++) {
        pair_block(tb, tb->pair + i);
        pair_gamma(tb, tb->pair + i);
    }
}
