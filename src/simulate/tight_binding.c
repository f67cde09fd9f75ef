/* simulate/tight_binding.c -- see hagane/tight_binding.h: models, workspaces, and the run of one molecule
 *
 * All arrays of a molecule lie in one block that grows to the largest molecule seen.
 */
#include "hagane/tight_binding.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "simulate/tb.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* Global parameters of GFN1-xTB, J. Chem. Theory Comput. 13, 1989 (2017). */
static const double K_SS = 1.85, K_SP = 2.08, K_PP = 2.25, K_EN = -0.007;
static const struct {
    unsigned z1, z2;
    double k;
} K_PAIR[] = { { 1, 1, 0.96 }, { 1, 7, 1.04 } };

/* ---- the model --------------------------------------------------------------------------------------------------- */

hg_tb_opts hg_tb_opts_default(void) {
    return (hg_tb_opts) {
        .temperature = 300, .tolerance = 1e-6, .max_cycles = 250, .max_orbitals = 4000, .coulomb_range = INFINITY
    };
}

static hg_status check_opts(const hg_tb_opts *o, hg_err *err) {
    if (!(o->temperature >= 0 && o->temperature <= 1e6))
        return hg_fail(err, HG_EINVAL, "temperature = %g K, must be within 0 .. 10^6", o->temperature);
    if (!(o->tolerance > 0 && o->tolerance <= 0.1))
        return hg_fail(err, HG_EINVAL, "tolerance = %g e, must be in (0, 0.1]", o->tolerance);
    if (!(o->coulomb_range > 0))
        return hg_fail(err, HG_EINVAL, "coulomb_range = %g angstrom, must be > 0", o->coulomb_range);
    if (o->max_cycles == 0 || o->max_orbitals == 0)
        return hg_fail(err, HG_EINVAL, "max_cycles = %u and max_orbitals = %zu must be > 0", o->max_cycles,
                       o->max_orbitals);
    return HG_OK;
}

static double pair_factor(unsigned z1, unsigned z2) {
    for (size_t i = 0; i < sizeof K_PAIR / sizeof *K_PAIR; i++)
        if (K_PAIR[i].z1 == z1 && K_PAIR[i].z2 == z2) return K_PAIR[i].k;
    return 1;
}

static double shell_hardness(const tb_element *e, unsigned l) {
    return e->hardness * (1 + (l ? 0.1 * e->hardness_p : 0));
}

static void pair_constants(tb_pair_constants *c, const tb_element *a, const tb_element *b) {
    const double d = a->electronegativity - b->electronegativity;
    const double common = pair_factor(a->z, b->z) * (1 + K_EN * d * d);
    for (size_t i = 0; i < TB_CHANNELS; i++) {
        const unsigned l = tb_channel_a[i] + tb_channel_b[i];
        c->scale[i] = common * (l == 0 ? K_SS : l == 1 ? K_SP : K_PP);
    }
    c->inverse_radius = HG_ANGSTROM_PER_BOHR / (a->radius + b->radius);
    c->count_radius = 4.0 / 3 * (a->radius_count + b->radius_count) / HG_ANGSTROM_PER_BOHR;
    c->rep_alpha = sqrt(a->rep_alpha * b->rep_alpha);
    c->rep_charge = a->rep_charge * b->rep_charge;
    for (unsigned s = 0; s < a->shells; s++)
        for (unsigned t = 0; t < b->shells; t++) { /* 1/eta of a pair is the mean of its shells' 1/eta */
            const double soft = 0.5 * (1 / shell_hardness(a, s) + 1 / shell_hardness(b, t));
            c->softness[s][t] = soft * soft;
        }
}

/* <s|x|p_x> on one centre. */
static double one_centre_moment(const tb_element *e) {
    if (e->shells < 2) return 0;
    const tb_shell s = tb_shell_of(e, 0), p = tb_shell_of(e, 1);
    return tb_integral(NULL, NULL, &s, &p, 0, TB_ACROSS, TB_SP);
}

hg_status hg_tb_model_new(hg_tb_model **out, const hg_tb_opts *opts, hg_err *err) {
    const hg_tb_opts o = opts ? *opts : hg_tb_opts_default();
    *out = NULL;
    HG_TRY(check_opts(&o, err));
    hg_tb_model *model = hg_calloc(1, sizeof *model);
    tb_node *nodes = hg_calloc((size_t)TB_KINDS * TB_PAIRS * TB_NODES, sizeof *nodes);
    if (!model || !nodes) {
        hg_free(model);
        hg_free(nodes);
        return hg_fail(err, HG_ENOMEM, "no memory for the tables of the tight binding");
    }
    model->opts = o;
    memset(model->row_of, -1, sizeof model->row_of);
    for (size_t a = 0; a < TB_ELEMENTS; a++) {
        model->row_of[tb_elements[a].z] = (int8_t)a;
        model->dipole_sp[a] = one_centre_moment(&tb_elements[a]);
        for (size_t b = a; b < TB_ELEMENTS; b++) {
            const size_t i = tb_pair_index(a, b);
            for (size_t k = 0; k < TB_KINDS; k++) model->integral[k][i] = nodes + (k * TB_PAIRS + i) * TB_NODES;
            pair_constants(&model->pair[i], &tb_elements[a], &tb_elements[b]);
        }
    }
    tb_integral_tables(model);
    *out = model;
    return HG_OK;
}

void hg_tb_model_free(hg_tb_model *model) {
    if (!model) return;
    hg_free(model->integral[0][0]);
    hg_free(model);
}

bool hg_tb_has_element(unsigned z) {
    for (size_t i = 0; i < TB_ELEMENTS; i++)
        if (tb_elements[i].z == z) return true;
    return false;
}

/* ---- the workspace ------------------------------------------------------------------------------------------------ */

hg_status hg_tb_new(hg_tb **out, const hg_tb_model *model, hg_err *err) {
    *out = hg_calloc(1, sizeof **out);
    if (!*out) return hg_fail(err, HG_ENOMEM, "no memory for the tight binding of a molecule");
    (*out)->model = model;
    return HG_OK;
}

void hg_tb_free(hg_tb *tb) {
    if (tb) hg_free(tb->block);
    hg_free(tb);
}

/* The one list of the arrays: with base NULL it counts bytes, else it hands out. */
static size_t carve(hg_tb *tb, char *base) {
    size_t at = 0;
    const size_t n = tb->n, s = tb->n_shells, o = tb->n_orbitals;
    const size_t pairs = tb->n_electrons / 2 * (o - tb->n_electrons / 2); /* occupied x empty */
#define ARRAY(field, count)                                                                                            \
    do {                                                                                                               \
        if (base) tb->field = (void *)(base + at);                                                                     \
        at += ((count) * sizeof *tb->field + 63) / 64 * 64;                                                            \
    } while (0)
    ARRAY(row, n);
    ARRAY(first_shell, n + 1);
    ARRAY(first_orbital, n + 1);
    ARRAY(shell_atom, s);
    ARRAY(orbital_shell, o);
    ARRAY(x, 3 * n);
    ARRAY(pair, n * (n - 1) / 2);
    ARRAY(count, n * TB_ELEMENTS);
    ARRAY(shell_level, s);
    ARRAY(overlap, o * o);
    ARRAY(h0, o * o);
    ARRAY(inverse, o * o);
    ARRAY(fock, o * o);
    ARRAY(vectors, o * o);
    ARRAY(density, o * o);
    ARRAY(scratch, o * o);
    ARRAY(level, o);
    ARRAY(occupation, o);
    ARRAY(gamma, s * s);
    ARRAY(charge, s);
    ARRAY(next, s);
    ARRAY(potential, s);
    ARRAY(atom_charge, n);
    ARRAY(population, s);
    ARRAY(orbital_potential, o);
    ARRAY(history, (2 * TB_HISTORY + 2) * (s > pairs ? s : pairs));
    ARRAY(level_ev, o);
    ARRAY(dual, o * o);
    ARRAY(transition, s * pairs);
    ARRAY(root, pairs);
    ARRAY(x_rotation, pairs);
    ARRAY(stiffness, s * s);
    ARRAY(newton, s * s);
    ARRAY(start_potential, o);
    ARRAY(start_level, o);
    ARRAY(change, o);
    ARRAY(work, 2 * o * o + 2 * s * s + 8 * o);
    ARRAY(pivot, s);
    ARRAY(eigen_work, hg_eigen_work_size(o));
    ARRAY(eigen_iwork, hg_eigen_iwork_size(o));
#undef ARRAY
    return at;
}

static hg_status reserve(hg_tb *tb, const char *name, hg_err *err) {
    const size_t need = carve(tb, NULL);
    if (need > tb->capacity) {
        hg_free(tb->block);
        tb->capacity = 0;
        tb->block = hg_aligned(need + need / 4);
        if (!tb->block) return hg_fail(err, HG_ENOMEM, "%s: no memory for %zu orbitals", name, tb->n_orbitals);
        tb->capacity = need + need / 4;
    }
    carve(tb, tb->block);
    return HG_OK;
}

/* ---- one molecule -------------------------------------------------------------------------------------------------- */

/* Counts shells, orbitals and electrons, and refuses what the method cannot do. */
static hg_status count(hg_tb *tb, const hg_molecule *m, const char *name, hg_err *err) {
    int64_t electrons = -(int64_t)m->charge;
    tb->n = m->n;
    tb->n_shells = tb->n_orbitals = 0;
    for (size_t i = 0; i < m->n; i++) {
        const int row = m->z[i] < 128 ? tb->model->row_of[m->z[i]] : -1;
        if (row < 0)
            return hg_advise(err,
                             hg_fail(err, HG_ENOTFOUND, "%s: the tight binding has no parameters for %s (atom %zu)",
                                     name, hg_element_symbol(m->z[i]), i + 1),
                             "it knows H, C, N, O and F");
        const tb_element *e = &tb_elements[row];
        tb->n_shells += e->shells;
        for (unsigned l = 0; l < e->shells; l++) {
            tb->n_orbitals += 2 * l + 1;
            electrons += (int64_t)e->electrons[l];
        }
        if (tb->n_orbitals > tb->model->opts.max_orbitals)
            return hg_fail(err, HG_ELIMIT, "%s: more than %zu orbitals (option max_orbitals)", name,
                           tb->model->opts.max_orbitals);
    }
    if (electrons % 2 != 0)
        return hg_advise(
            err,
            hg_fail(err, HG_EDATA,
                    "%s: %lld valence electrons at charge %+d: only closed shells are computed, an even number", name,
                    (long long)electrons, m->charge),
            "state the molecule's charge when it is an ion; a radical cannot be computed");
    if (electrons < 2 || (uint64_t)electrons > 2 * tb->n_orbitals)
        return hg_fail(err, HG_EDATA, "%s: %lld valence electrons at charge %+d, and orbitals for 2 to %zu", name,
                       (long long)electrons, m->charge, 2 * tb->n_orbitals);
    tb->n_electrons = (size_t)electrons;
    return HG_OK;
}

static void lay_out(hg_tb *tb, const hg_molecule *m) {
    size_t shell = 0, orbital = 0;
    for (size_t i = 0; i < m->n; i++) {
        tb->row[i] = (size_t)tb->model->row_of[m->z[i]];
        tb->first_shell[i] = shell;
        tb->first_orbital[i] = orbital;
        for (unsigned l = 0; l < tb_elements[tb->row[i]].shells; l++, shell++) {
            tb->shell_atom[shell] = i;
            for (unsigned k = 0; k < 2 * l + 1; k++) tb->orbital_shell[orbital++] = shell;
        }
        for (size_t k = 0; k < 3; k++) tb->x[3 * i + k] = m->r[3 * i + k] / HG_ANGSTROM_PER_BOHR;
    }
    tb->first_shell[m->n] = shell;
    tb->first_orbital[m->n] = orbital;
}

static void report(hg_tb_result *r, hg_tb *tb) {
    tb_energies(r, tb);
    tb_dipole(r->dipole, tb);
    r->cycles = tb->cycles;
    r->n_atoms = tb->n;
    r->n_shells = tb->n_shells;
    r->n_orbitals = tb->n_orbitals;
    r->n_electrons = tb->n_electrons;
    r->first_shell = tb->first_shell;
    r->first_orbital = tb->first_orbital;
    r->charge = tb->atom_charge;
    r->population = tb->population;
    r->level = tb->level_ev;
    r->occupation = tb->occupation;
    r->coefficient = tb->vectors;
    r->density = tb->density;
    r->overlap = tb->overlap;
}

hg_status hg_tb_run(hg_tb_result *out, hg_tb *tb, const hg_molecule *m, hg_err *err) {
    const char *name = m->id[0] ? m->id : "molecule";
    tb->done = false;
    HG_TRY(hg_molecule_check(m, NULL, err));
    if (m->has_cell && (m->periodic[0] || m->periodic[1] || m->periodic[2]))
        return hg_fail(err, HG_EDATA, "%s: a periodic cell; the tight binding is for molecules", name);
    HG_TRY(count(tb, m, name, err));
    HG_TRY(reserve(tb, name, err));
    HG_ONE_BLAS_THREAD;
    lay_out(tb, m);
    tb_geometry(tb);
    tb_hamiltonian(tb);
    HG_TRY(tb_scf(tb, name, err));
    *out = (hg_tb_result) { 0 };
    report(out, tb);
    tb->done = true;
    return HG_OK;
}
