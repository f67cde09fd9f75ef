/* tests/simulate/test_tight_binding.c -- tight binding of molecules: H2 by hand, the published method's own program, invariances,
 * derivatives, refusals */
#include "hagane/molecule_file.h"
#include "hagane/tight_binding.h"
#include "simulate/tb.h"
#include "test.h"

/* ---- helpers ------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_tb_model *model;
    hg_tb *tb;
} engine;

static engine engine_new(const hg_tb_opts *opts) {
    engine e;
    hg_err err = { 0 };
    assert_ok_err(hg_tb_model_new(&e.model, opts, &err), err);
    assert_ok_err(hg_tb_new(&e.tb, e.model, &err), err);
    return e;
}

static void engine_free(engine *e) {
    hg_tb_free(e->tb);
    hg_tb_model_free(e->model);
}

static hg_tb_result run(engine *e, const hg_molecule *m) {
    hg_tb_result r;
    hg_err err = { 0 };
    assert_ok_err(hg_tb_run(&r, e->tb, m, &err), err);
    return r;
}

static hg_molecule *build(hg_arena *mem, const char *symbols, const double (*r)[3]) {
    const size_t n = strlen(symbols);
    hg_molecule *m = hg_molecule_new(mem, n);
    assert_non_null(m);
    m->id = symbols;
    for (size_t i = 0; i < n; i++) {
        m->z[i] = (uint8_t)hg_element_find(symbols + i, 1);
        memcpy(m->r + 3 * i, r[i], sizeof r[i]);
    }
    return m;
}

/* A small molecule with all five elements, bent and without symmetry. */
static const double MIXED[9][3] = { { 0, 0, 0 },          { 1.45, 0.1, -0.1 },  { 2.1, 1.2, 0.3 },
                                    { 2.1, -1.1, -0.4 },  { -0.6, 1.2, 0.35 },  { -0.5, -0.5, -0.9 },
                                    { -0.3, -0.7, 0.85 }, { 3.05, -0.9, -0.3 }, { 3.0, 1.1, 0.75 } };
static hg_molecule *mixed(hg_arena *mem) { return build(mem, "CCONFHHHH", MIXED); }
static const double METHANE[5][3] = {
    { 0, 0, 0 }, { .629, .629, .629 }, { -.629, -.629, .629 }, { -.629, .629, -.629 }, { .629, -.629, -.629 }
};
static const double WATER[3][3] = { { 0, 0, 0 }, { 0.7571, 0.5861, 0 }, { -0.7571, 0.5861, 0 } };

/* theta of every kind, small and never zero */
static double *some_theta(hg_arena *mem, double size) {
    double *theta = hg_alloc(mem, hg_tb_theta_count(), sizeof *theta);
    hg_rng rng = hg_rng_make(7, 0);
    for (size_t f = 0; hg_tb_theta_family(f); f++) {
        const hg_tb_family *family = hg_tb_theta_family(f);
        for (size_t i = 0; i < family->count; i++)
            theta[family->first + i] = size * family->scale * hg_rng_normal(&rng);
    }
    return theta;
}

/* Both molecules in one, the second moved along x. */
static hg_molecule *join(hg_arena *mem, const hg_molecule *a, const hg_molecule *b, double shift) {
    hg_molecule *m = hg_molecule_new(mem, a->n + b->n);
    m->id = "pair";
    memcpy(m->z, a->z, a->n);
    memcpy(m->z + a->n, b->z, b->n);
    memcpy(m->r, a->r, 3 * a->n * sizeof *m->r);
    for (size_t i = 0; i < 3 * b->n; i++) m->r[3 * a->n + i] = b->r[i] + (i % 3 == 0 ? shift : 0);
    return m;
}

/* ---- values --------------------------------------------------------------------------------------------------- */

static void hydrogen_is_as_by_hand(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    const double r[2][3] = { { 0, 0, 0 }, { 0, 0, 0.74 } };
    const hg_tb_result t = run(&e, build(mem, "HH", r));
    /* two orbitals alike: E = 2 (h11 + h12)/(1 + S) + repulsion, no charges */
    const double bohr = 0.74 / HG_ANGSTROM_PER_BOHR, radii = 4.0 / 3 * 0.64 / HG_ANGSTROM_PER_BOHR;
    const double level = -10.923452 / 27.21138505 * (1 + 0.006 / (1 + exp(-16 * (radii / bohr - 1))));
    const double s = t.overlap[1], h12 = 0.96 * 1.85 * level * s;
    const double band = 2 * (level + h12) / (1 + s),
                 repulsion = 1.116244 * 1.116244 / bohr * exp(-2.2097 * pow(bohr, 1.5));
    assert_close(t.energy / HG_EV_PER_HARTREE, band + repulsion, 1e-12);
    assert_close(t.homo / HG_EV_PER_HARTREE, (level + h12) / (1 + s), 1e-12);
    assert_close(t.lumo / HG_EV_PER_HARTREE, (level - h12) / (1 - s), 1e-12);
    assert_close(t.charge[0], 0, 1e-12);
    assert_close(t.density[1], 1 / (1 + s), 1e-12);
    /* exact Slater functions: exp(-p) (1 + p + p^2/3) with p = zeta R; four Gaussians are a little off */
    const double p = 1.20794 * bohr;
    assert_true(fabs(s - exp(-p) * (1 + p + p * p / 3)) < 0.005);
    double order[4];
    hg_tb_bond_orders(order, e.tb);
    assert_close(order[1], 1, 1e-12);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* Energies, charges and dipoles of the published method's own program, without what we leave out; the recipe stands in
 * tests/fixtures/make_tight_binding_fixture.py. */
static void it_is_the_published_method(void **state) {
    hg_arena *mem = *state;
    char path[512];
    hg_molecule_file *f;
    hg_molecule *m;
    hg_err err = { 0 };
    engine e = engine_new(NULL);
    size_t seen = 0;
    assert_ok_err(
        hg_molecule_file_open(&f, test_source(path, sizeof path, "tests/fixtures/tight_binding_gfn1.xyz"), NULL, &err),
        err);
    for (;;) {
        const hg_mark mark = hg_arena_mark(mem);
        assert_ok_err(hg_molecule_file_next(&m, f, mem, &err), err);
        if (!m) break;
        const hg_tb_result r = run(&e, m);
        double energy;
        assert_true(hg_molecule_number(&energy, m, "energy_hartree"));
        assert_true(fabs(r.energy / HG_EV_PER_HARTREE - energy) < 5e-8); /* of it 2e-8: another bohr */
        const hg_field *charge = hg_molecule_column(m, "charge"), *dipole = hg_molecule_value(m, "dipole_au");
        assert_non_null(charge);
        assert_non_null(dipole);
        for (size_t k = 0; k < 3; k++) assert_true(fabs(r.dipole[k] / HG_ANGSTROM_PER_BOHR - dipole->real[k]) < 2e-6);
        for (size_t i = 0; i < m->n; i++) assert_true(fabs(r.charge[i] - charge->real[i]) < 2e-6);
        seen++;
        hg_arena_reset(mem, mark);
    }
    assert_int_equal(seen, 9);
    hg_molecule_file_free(f);
    engine_free(&e);
}

static void integrals_come_from_tables(void **state) {
    (void)state;
    engine e = engine_new(NULL);
    for (size_t a = 0; a < TB_ELEMENTS; a++)
        for (size_t b = a; b < TB_ELEMENTS; b++)
            for (size_t c = 0; c < TB_CHANNELS; c++) {
                if (tb_channel_a[c] >= tb_elements[a].shells || tb_channel_b[c] >= tb_elements[b].shells) continue;
                const tb_shell sa = tb_shell_of(&tb_elements[a], tb_channel_a[c]),
                               sb = tb_shell_of(&tb_elements[b], tb_channel_b[c]);
                assert_close(tb_integral(NULL, NULL, &sa, &sa, 0, TB_OVERLAP, tb_channel_a[c] ? TB_PI : TB_SS), 1,
                             1e-12);
                for (double r = 1.2; r < 27; r *= 1.0473)
                    for (size_t k = 0; k < TB_KINDS; k++) {
                        double s[TB_CHANNELS], slope[TB_CHANNELS], plain_slope, after, before, curvature;
                        const double plain = tb_integral(&plain_slope, &curvature, &sa, &sb, r, (tb_kind)k, c);
                        tb_integral_at(s, slope, e.model->integral[k][tb_pair_index(a, b)], r);
                        assert_true(fabs(s[c] - plain) < 1e-9 && fabs(slope[c] - plain_slope) < 2e-7);
                        after = tb_integral(&plain_slope, NULL, &sa, &sb, r + 1e-4, (tb_kind)k, c);
                        curvature -= plain_slope / 2e-4;
                        before = tb_integral(&plain_slope, NULL, &sa, &sb, r - 1e-4, (tb_kind)k, c);
                        assert_true(fabs((after - before) / 2e-4 - slope[c]) < 1e-6);
                        assert_true(fabs(curvature + plain_slope / 2e-4) < 1e-5);
                    }
            }
    engine_free(&e);
}

static void bonds_have_their_order(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    double order[25];
    const double n2[2][3] = { { 0, 0, 0 }, { 0, 0, 1.098 } };
    run(&e, build(mem, "NN", n2));
    hg_tb_bond_orders(order, e.tb);
    assert_true(fabs(order[1] - 3) < 0.1);
    run(&e, build(mem, "CHHHH", METHANE));
    hg_tb_bond_orders(order, e.tb);
    for (size_t i = 1; i < 5; i++) assert_true(fabs(order[i] - 1) < 0.05);
    assert_true(fabs(order[7]) < 0.05);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

static void the_fast_way_and_the_plain_one_agree(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    hg_molecule *m = mixed(mem);
    for (size_t i = 0; i < 4; i++) {
        if (i == 1) m->charge = 2;
        if (i == 2) m->charge = -2;
        if (i == 3) assert_ok(hg_tb_model_set_theta(e.model, some_theta(mem, 0.5), NULL));
        e.tb->plain = false;
        hg_tb_result r = run(&e, m);
        assert_true(r.cycles <= (i == 0 ? 8 : 25)); /* one diagonalisation, and steps */
        const double energy = r.energy, q = r.charge[2], x = r.dipole[0], homo = r.homo, lumo = r.lumo;
        double top = 0, sum = 0;
        for (size_t k = 0; k < r.n_orbitals; k++) top += r.level[k];
        for (size_t k = 0; k < r.n_atoms; k++) sum += r.charge[k];
        assert_close(sum, m->charge, 1e-9);
        e.tb->plain = true;
        r = run(&e, m);
        for (size_t k = 0; k < r.n_orbitals; k++) top -= r.level[k];
        assert_true(fabs(r.energy - energy) < 1e-9 && fabs(r.charge[2] - q) < 5e-6 && fabs(r.dipole[0] - x) < 5e-6);
        assert_true(fabs(r.homo - homo) < 5e-5 && fabs(r.lumo - lumo) < 5e-5 && fabs(top) < 1e-3);
        /* orbitals: orthonormal in S, and their squares are the density */
        for (size_t k = 0; k < r.n_orbitals; k++) {
            double norm = 0;
            for (size_t a = 0; a < r.n_orbitals; a++)
                for (size_t b = 0; b < r.n_orbitals; b++)
                    norm += r.coefficient[k * r.n_orbitals + a] * r.overlap[a * r.n_orbitals + b] *
                            r.coefficient[k * r.n_orbitals + b];
            assert_close(norm, 1, 1e-11);
        }
    }
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* Two hydrogen atoms 6 angstrom apart: two levels alike hold half an electron of each kind. */
static void levels_are_smeared_when_the_gap_is_small(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    const double r[2][3] = { { 0, 0, 0 }, { 0, 0, 6 } }, kt = 8.617333262e-5 * 300;
    const hg_tb_result t = run(&e, build(mem, "HH", r));
    assert_true(t.lumo - t.homo < 0.01 && t.lumo > t.homo);
    assert_true(fabs(t.entropy + 4 * kt * log(2)) < 1e-3);
    assert_close(t.occupation[0] + t.occupation[1], 2, 1e-12);
    assert_true(t.occupation[0] < 1.1);
    assert_close(t.energy, 2 * -10.923452 + t.entropy, 1e-4);
    engine_free(&e);
    hg_tb_opts o = hg_tb_opts_default();
    o.temperature = 0; /* no smearing: a pair in the lower one */
    e = engine_new(&o);
    assert_true(run(&e, build(mem, "HH", r)).occupation[0] == 2);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* ---- invariances ------------------------------------------------------------------------------------------------ */

static void turn(hg_molecule *m, const double (*q)[3], const double *shift) {
    for (size_t i = 0; i < m->n; i++) {
        const double r[3] = { m->r[3 * i], m->r[3 * i + 1], m->r[3 * i + 2] };
        for (size_t k = 0; k < 3; k++) m->r[3 * i + k] = q[k][0] * r[0] + q[k][1] * r[1] + q[k][2] * r[2] + shift[k];
    }
}

static void it_does_not_depend_on_the_frame(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    assert_ok(hg_tb_model_set_theta(e.model, some_theta(mem, 0.3), NULL));
    const hg_tb_result a = run(&e, mixed(mem));
    const double energy = a.energy, homo = a.homo, q0 = a.charge[0], d[3] = { a.dipole[0], a.dipole[1], a.dipole[2] };
    double trace = 0;
    for (size_t i = 0; i < a.n_orbitals * a.n_orbitals; i++) trace += a.density[i] * a.overlap[i];
    assert_close(trace, (double)a.n_electrons, 1e-12);
    const double c = cos(0.7), s = sin(0.7), c2 = cos(1.9), s2 = sin(1.9); /* two turns */
    const double q[3][3] = { { c, -s * c2, s * s2 }, { s, c * c2, -c * s2 }, { 0, s2, c2 } },
                 shift[3] = { 3, -40, 17.5 };
    hg_molecule *m = mixed(mem);
    turn(m, q, shift);
    const hg_tb_result b = run(&e, m);
    assert_true(fabs(b.energy - energy) < 1e-9);
    assert_close(b.homo, homo, 1e-8);
    assert_true(fabs(b.charge[0] - q0) < 1e-8);
    for (size_t k = 0; k < 3; k++)
        assert_true(fabs(b.dipole[k] - (q[k][0] * d[0] + q[k][1] * d[1] + q[k][2] * d[2])) < 1e-7);
    /* the other way round, and the atoms backwards */
    const double mirror[3][3] = { { -1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, none[3] = { 0 };
    m = mixed(mem);
    turn(m, mirror, none);
    for (size_t i = 0, j = m->n - 1; i < j; i++, j--) {
        const uint8_t z = m->z[i];
        m->z[i] = m->z[j];
        m->z[j] = z;
        for (size_t k = 0; k < 3; k++) {
            const double x = m->r[3 * i + k];
            m->r[3 * i + k] = m->r[3 * j + k];
            m->r[3 * j + k] = x;
        }
    }
    const hg_tb_result p = run(&e, m);
    assert_true(fabs(p.energy - energy) < 1e-9);
    assert_true(fabs(p.charge[8] - q0) < 1e-8);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

static double far_apart(engine *e, hg_arena *mem, const hg_molecule *a, const hg_molecule *b, double *monopoles) {
    const double ea = run(e, a).energy, eb = run(e, b).energy;
    const hg_molecule *pair = join(mem, a, b, 50);
    const hg_tb_result r = run(e, pair);
    *monopoles = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = a->n; j < pair->n; j++) {
            const double *x = pair->r + 3 * i, *y = pair->r + 3 * j;
            const double d =
                sqrt((x[0] - y[0]) * (x[0] - y[0]) + (x[1] - y[1]) * (x[1] - y[1]) + (x[2] - y[2]) * (x[2] - y[2]));
            *monopoles += r.charge[i] * r.charge[j] / d * HG_EV_PER_HARTREE * HG_ANGSTROM_PER_BOHR;
        }
    return r.energy - ea - eb;
}

static void what_is_far_apart_adds_up(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_tb_opts o = hg_tb_opts_default();
    engine all = engine_new(NULL);
    o.coulomb_range = 20;
    engine cut = engine_new(&o);
    assert_ok(hg_tb_model_set_theta(all.model, some_theta(mem, 0.3), NULL));
    assert_ok(hg_tb_model_set_theta(cut.model, some_theta(mem, 0.3), NULL));
    const hg_molecule *methane = build(mem, "CHHHH", METHANE), *water = build(mem, "OHH", WATER), *some = mixed(mem);
    double electric;
    assert_true(fabs(far_apart(&all, mem, methane, methane, &electric)) < 1e-6);
    assert_true(fabs(far_apart(&cut, mem, water, some, &electric)) < 1e-6);
    const double polar = far_apart(&all, mem, water, some, &electric);
    assert_true(fabs(polar - electric) < 1e-6 && fabs(electric) > 2e-6);
    engine_free(&all);
    engine_free(&cut);
    hg_arena_reset(mem, mark);
}

/* ---- derivatives -------------------------------------------------------------------------------------------------- */

static void derivatives_by_theta_are_those_of_the_energy(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_tb_opts o = hg_tb_opts_default();
    o.tolerance = 1e-9;
    engine e = engine_new(&o);
    const size_t n = hg_tb_theta_count();
    double *theta = some_theta(mem, 0.3), *gradient = hg_alloc(mem, n, sizeof *gradient);
    const hg_molecule *m = mixed(mem);
    assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
    run(&e, m);
    hg_tb_theta_gradient(gradient, e.tb);
    size_t checked = 0;
    for (size_t f = 0; hg_tb_theta_family(f); f++) {
        const hg_tb_family *family = hg_tb_theta_family(f);
        size_t alive = 0;
        const size_t stride = 1 + family->count / 60; /* a part of the long families: each is two runs */
        for (size_t i = family->first; i < family->first + family->count; i += stride) {
            const double keep = theta[i], h = 1e-3 * family->scale;
            theta[i] = keep + h;
            assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
            const double up = run(&e, m).energy;
            theta[i] = keep - h;
            assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
            const double down = run(&e, m).energy;
            theta[i] = keep;
            assert_true(fabs((up - down) / (2 * h) - gradient[i]) < 2e-6 * fmax(1, fabs(gradient[i])));
            alive += gradient[i] != 0;
            checked++;
        }
        assert_true(alive > 0);
        assert_int_equal(family->first + family->count,
                         hg_tb_theta_family(f + 1) ? hg_tb_theta_family(f + 1)->first : n);
    }
    assert_true(checked > 200);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* H2 has no charges that could answer, so that the derivatives of its two levels are those of the levels. In any
 * molecule the occupied levels together are Tr P F: what H0 is worth there is what it is worth in the energy, and
 * charges cost populations. */
static void derivatives_of_levels_are_those_at_fixed_charges(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    const size_t n = hg_tb_theta_count();
    double *theta = some_theta(mem, 0.3), *gradient = hg_alloc(mem, n, sizeof *gradient);
    double *of_energy = hg_alloc(mem, n, sizeof *of_energy), population[64], weight[64] = { 0 };
    const hg_molecule *h2 = build(mem, "HH", (const double[][3]) { { 0.1, 0, 0 }, { 0.5, 0.6, 0 } });
    for (size_t level = 0; level < 2; level++) {
        size_t alive = 0;
        const double one[2] = { level == 0, level == 1 };
        assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
        run(&e, h2);
        hg_tb_level_gradient(gradient, population, e.tb, one);
        assert_close(population[0], 0.5, 1e-10);
        for (size_t i = 0; i < n; i++) {
            if (gradient[i] == 0) continue;
            const double keep = theta[i], h = 1e-4;
            theta[i] = keep + h;
            assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
            const double up = run(&e, h2).level[level];
            theta[i] = keep - h;
            assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
            const double down = run(&e, h2).level[level];
            theta[i] = keep;
            assert_true(fabs((up - down) / (2 * h) - gradient[i]) < 1e-6 * fmax(1, fabs(gradient[i])));
            alive++;
        }
        assert_true(alive >= 8); /* channels, a level, its counts */
    }
    assert_ok(hg_tb_model_set_theta(e.model, theta, NULL));
    const hg_tb_result r = run(&e, mixed(mem));
    assert_true(r.n_orbitals <= 64);
    for (size_t k = 0; k < r.n_electrons / 2; k++) weight[k] = 2;
    hg_tb_theta_gradient(of_energy, e.tb);
    hg_tb_level_gradient(gradient, population, e.tb, weight);
    for (size_t s = 0; s < r.n_shells; s++) assert_close(population[s], r.population[s], 1e-9);
    for (size_t f = 0; hg_tb_theta_family(f); f++) {
        const hg_tb_family *family = hg_tb_theta_family(f);
        const bool charges =
            strstr(family->name, "gamma") || strstr(family->name, "on-site") || strstr(family->name, "third");
        for (size_t i = family->first; i < family->first + family->count && !charges; i++)
            assert_true(fabs(gradient[i] - of_energy[i]) < 1e-9 * fmax(1, fabs(of_energy[i])));
    }
    double third = 0; /* of oxygen: -population q^2 */
    const hg_molecule *m = mixed(mem);
    const hg_tb_family *of_third = hg_tb_theta_family(4);
    assert_string_equal(of_third->name, "third-order");
    for (size_t a = 0; a < m->n; a++)
        for (size_t s = r.first_shell[a]; m->z[a] == 8 && s < r.first_shell[a + 1]; s++)
            third -= r.population[s] * r.charge[a] * r.charge[a];
    assert_true(third != 0 && fabs(gradient[of_third->first + 3] - third) < 1e-9);
    double site = 0, pair = 0; /* of oxygen: -population q of each shell; of H and O, second Gaussian */
    for (size_t a = 0; a < m->n; a++)
        for (size_t s = r.first_shell[a]; m->z[a] == 8 && s < r.first_shell[a + 1]; s++)
            site -= r.population[s] * (tb_elements[3].electrons[s - r.first_shell[a]] - r.population[s]);
    for (size_t a = 0; a < m->n; a++)
        for (size_t b = 0; b < m->n; b++) {
            if (m->z[a] != 1 || m->z[b] != 8) continue;
            double r2 = 0;
            for (size_t k = 0; k < 3; k++) r2 += pow((m->r[3 * a + k] - m->r[3 * b + k]) / HG_ANGSTROM_PER_BOHR, 2);
            pair -= ((1 - r.charge[a]) * r.charge[b] + (6 - r.charge[b]) * r.charge[a]) *
                    exp(-pow((sqrt(r2) - tb_radial_centre[1]) / tb_radial_width[1], 2));
        }
    assert_true(fabs(gradient[hg_tb_theta_family(3)->first + 3] - site) < 1e-9);
    assert_true(fabs(gradient[hg_tb_theta_family(5)->first + tb_pair_index(0, 3) * TB_RADIAL + 1] - pair) < 1e-9);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* The slope of the energy along one coordinate, to fourth order in h. */
static double slope_of_energy(engine *e, hg_molecule *m, size_t i) {
    const double h = 1e-3, keep = m->r[i];
    double energy[5];
    for (size_t k = 0; k < 5; k++) {
        m->r[i] = keep + ((double)k - 2) * h;
        energy[k] = k == 2 ? 0 : run(e, m).energy;
    }
    m->r[i] = keep;
    return (8 * (energy[3] - energy[1]) - (energy[4] - energy[0])) / (12 * h);
}

static void forces_fit(engine *e, hg_arena *mem, hg_molecule *m) {
    double *force = hg_alloc(mem, 3 * m->n, sizeof *force);
    run(e, m);
    hg_tb_forces(force, e->tb);
    double sum[3] = { 0 }, torque[3] = { 0 };
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < 3; k++) {
            const size_t l = (k + 1) % 3, o = (k + 2) % 3;
            sum[k] += force[3 * i + k];
            torque[k] += m->r[3 * i + l] * force[3 * i + o] - m->r[3 * i + o] * force[3 * i + l];
        }
    for (size_t k = 0; k < 3; k++) assert_true(fabs(sum[k]) < 1e-10 && fabs(torque[k]) < 1e-7);
    for (size_t i = 0; i < 3 * m->n; i++) assert_true(fabs(slope_of_energy(e, m, i) + force[i]) < 1e-7);
}

static void forces_are_slopes_of_the_energy(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_tb_opts o = hg_tb_opts_default();
    o.tolerance = 1e-10;
    engine e = engine_new(&o);
    forces_fit(&e, mem, build(mem, "OHH", WATER));
    forces_fit(&e, mem, mixed(mem)); /* the published method */
    assert_ok(hg_tb_model_set_theta(e.model, some_theta(mem, 0.3), NULL));
    forces_fit(&e, mem, mixed(mem)); /* increments of every kind */
    engine_free(&e);
    o.coulomb_range = 4; /* the switch lies within the molecule */
    e = engine_new(&o);
    forces_fit(&e, mem, mixed(mem));
    engine_free(&e);
    o.temperature = 20000; /* smeared levels, by mixing */
    e = engine_new(&o);
    forces_fit(&e, mem, mixed(mem));
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

/* ---- refusals -------------------------------------------------------------------------------------------------------- */

static void refused(engine *e, const hg_molecule *m, hg_status st, const char *msg, const char *hint) {
    hg_tb_result r;
    hg_err err = { 0 };
    assert_int_equal(hg_tb_run(&r, e->tb, m, &err), st);
    assert_contains(err.msg, msg);
    assert_contains(err.hint, hint);
}

static void what_it_cannot_do_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    hg_molecule *m = build(mem, "OHH", WATER);
    m->z[0] = 16;
    refused(&e, m, HG_ENOTFOUND, "OHH: the tight binding has no parameters for S (atom 1)", "H, C, N, O and F");
    m->z[0] = 7;
    refused(&e, m, HG_EDATA, "OHH: 7 valence electrons at charge +0: only closed shells", "radical");
    m->charge = 1;
    assert_int_equal(run(&e, m).n_electrons, 6);
    m->charge = -6;
    refused(&e, m, HG_EDATA, "13 valence electrons at charge -6", "");
    m->charge = -7;
    refused(&e, m, HG_EDATA, "14 valence electrons at charge -7, and orbitals for 2 to 12", "");
    m->charge = 7;
    refused(&e, m, HG_EDATA, "0 valence electrons at charge +7", "");
    m->charge = 1;
    m->has_cell = m->periodic[2] = true;
    refused(&e, m, HG_EDATA, "periodic cell", "");
    m->has_cell = false;
    m->r[4] = (double)NAN;
    refused(&e, m, HG_ENAN, "not a finite number", "");
    assert_true(hg_tb_has_element(6) && !hg_tb_has_element(16) && !hg_tb_has_element(0));
    engine_free(&e);
    hg_tb_opts o = hg_tb_opts_default();
    o.max_cycles = 2;
    o.max_orbitals = 40;
    e = engine_new(&o);
    refused(&e, mixed(mem), HG_ENOTCONV, "not self-consistent after 2 cycles", "geometry");
    hg_molecule *large = hg_molecule_new(mem, 11);
    for (size_t i = 0; i < 11; i++) {
        large->z[i] = 6;
        large->r[3 * i] = 1.4 * (double)i;
    }
    refused(&e, large, HG_ELIMIT, "molecule: more than 40 orbitals", "");
    double *theta = some_theta(mem, 1);
    theta[484] = (double)INFINITY;
    assert_int_equal(hg_tb_model_set_theta(e.model, theta, NULL), HG_ENAN);
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

static void options_are_checked(void **state) {
    (void)state;
    hg_tb_model *model;
    for (size_t i = 0; i < 6; i++) {
        hg_tb_opts o = hg_tb_opts_default();
        hg_err err = { 0 };
        if (i == 0) o.temperature = -1;
        if (i == 1) o.tolerance = 0;
        if (i == 2) o.tolerance = (double)NAN;
        if (i == 3) o.max_cycles = 0;
        if (i == 4) o.max_orbitals = 0;
        if (i == 5) o.coulomb_range = 0;
        assert_int_equal(hg_tb_model_new(&model, &o, &err), HG_EINVAL);
        assert_null(model);
        assert_true(err.msg[0]);
    }
}

static void any_allocation_may_fail(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m = build(mem, "OHH", WATER);
    bool failed = true;
    for (long k = 0; failed; k++) {
        hg_tb_model *model = NULL;
        hg_tb *tb = NULL;
        hg_tb_result r;
        fail_alloc_after(k);
        hg_status st = hg_tb_model_new(&model, NULL, NULL);
        if (st == HG_OK) st = hg_tb_new(&tb, model, NULL);
        if (st == HG_OK) st = hg_tb_run(&r, tb, m, NULL);
        fail_alloc_after(-1);
        failed = st != HG_OK;
        if (failed) assert_int_equal(st, HG_ENOMEM);
        if (failed && tb) assert_ok(hg_tb_run(&r, tb, m, NULL)); /* and works afterwards */
        hg_tb_free(tb);
        hg_tb_model_free(model);
        assert_true(k < 20);
    }
    hg_arena_reset(mem, mark);
}

static void nothing_is_allocated_for_a_molecule(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    engine e = engine_new(NULL);
    hg_tb_result r;
    double force[27], order[81];
    const hg_molecule *large = mixed(mem), *small = build(mem, "OHH", WATER);
    const double energy = run(&e, small).energy;
    run(&e, large); /* the block has its size now */
    fail_alloc_after(0);
    const hg_status a = hg_tb_run(&r, e.tb, large, NULL);
    hg_tb_forces(force, e.tb);
    hg_tb_bond_orders(order, e.tb);
    const hg_status b = hg_tb_run(&r, e.tb, small, NULL);
    fail_alloc_after(-1);
    assert_ok(a);
    assert_ok(b);
    assert_true(r.energy == energy); /* to the bit, whatever was computed before */
    engine_free(&e);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(hydrogen_is_as_by_hand),
        TEST(it_is_the_published_method),
        TEST(integrals_come_from_tables),
        TEST(bonds_have_their_order),
        TEST(the_fast_way_and_the_plain_one_agree),
        TEST(levels_are_smeared_when_the_gap_is_small),
        TEST(it_does_not_depend_on_the_frame),
        TEST(what_is_far_apart_adds_up),
        TEST(derivatives_by_theta_are_those_of_the_energy),
        TEST(derivatives_of_levels_are_those_at_fixed_charges),
        TEST(forces_are_slopes_of_the_energy),
        TEST(what_it_cannot_do_is_refused),
        TEST(options_are_checked),
        TEST(any_allocation_may_fail),
        TEST(nothing_is_allocated_for_a_molecule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
