/* tests/simulate/test_liquid.c -- dynamics of Lennard-Jones liquids: two particles by hand, all pairs one by one, energy as the integral of
 * forces, pressure as its derivative by volume, conserved quantities, the same bits, an inherent structure made elsewhere, refusals */
#include "hagane/liquid.h"
#include "simulate/liquid.h"
#include "test.h"

/* ---- helpers ------------------------------------------------------------------------------------------------------- */

enum { N = 450, LARGE = 2400 };
static const double BOX[3] = { 6.9, 7.4, 7.5 }; /* of N: density 1.175 */

typedef struct {
    size_t n;
    double *x, *v, box[3];
    uint8_t *species;
} sample;

/* On a lattice, every fifth a B, and shaken. */
static sample lattice(hg_arena *mem, size_t n, const double box[3], double shake) {
    sample s = { .n = n, .box = { box[0], box[1], box[2] } };
    s.x = hg_alloc(mem, n, 3 * sizeof *s.x);
    s.v = hg_alloc(mem, n, 3 * sizeof *s.v);
    s.species = hg_alloc(mem, n, 1);
    assert_true(s.x && s.v && s.species);
    const size_t side = (size_t)ceil(cbrt((double)n) - 1e-9);
    hg_rng rng = hg_rng_make(5, 0);
    for (size_t i = 0; i < n; i++) {
        const size_t at[3] = { i / side / side, i / side % side, i % side };
        s.species[i] = i % 5 == 2;
        for (size_t k = 0; k < 3; k++)
            s.x[3 * i + k] = ((double)at[k] + 0.5 + shake * (hg_rng_uniform(&rng) - 0.5)) * box[k] / (double)side;
    }
    return s;
}

static hg_liquid *liquid_of(const sample *s, const hg_liquid_opts *o) {
    hg_liquid *l;
    hg_err err = { 0 };
    assert_ok_err(hg_liquid_new(&l, s->species, s->x, s->n, s->box, o, &err), err);
    return l;
}

static hg_liquid_view look(hg_liquid *l) {
    hg_liquid_view v;
    assert_ok(hg_liquid_observe(&v, l, NULL));
    return v;
}

/* A liquid: the lattice after some time at a temperature. */
static sample melt(hg_arena *mem, size_t n, const double box[3], size_t steps) {
    sample s = lattice(mem, n, box, 0.2);
    hg_liquid *l = liquid_of(&s, NULL);
    hg_rng rng = hg_rng_make(6, 0);
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    o.dt = 0.004;
    o.temperature = 0.8;
    o.coupling = 0.1;
    o.rng = &rng;
    hg_liquid_maxwell(l, 0.8, true, hg_rng_make(6, 1));
    hg_err err = { 0 };
    assert_ok_err(hg_liquid_run(l, steps, &o, &err), err);
    hg_liquid_state(s.x, s.v, l);
    hg_liquid_free(l);
    return s;
}

/* All pairs, from the formulae. f, energy[n]; returns the sum of r . F. */
static double all_pairs(double *f, double *energy, const sample *s, const hg_liquid_potential *p) {
    double virial = 0;
    memset(f, 0, 3 * s->n * sizeof *f);
    memset(energy, 0, s->n * sizeof *energy);
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = i + 1; j < s->n; j++) {
            const double e = p->epsilon[s->species[i]][s->species[j]], sigma = p->sigma[s->species[i]][s->species[j]];
            const double c = p->cutoff[s->species[i]][s->species[j]];
            double d[3], r2 = 0;
            for (size_t k = 0; k < 3; k++) {
                d[k] = s->x[3 * i + k] - s->x[3 * j + k];
                d[k] -= s->box[k] * rint(d[k] / s->box[k]);
                r2 += d[k] * d[k];
            }
            if (r2 >= c * c) continue;
            const double r = sqrt(r2), a = pow(sigma / r, 6), b = pow(sigma / c, 6);
            const double cut = p->force_shifted ? 24 * e * (2 * b * b - b) / c : 0;
            const double force = 24 * e * (2 * a * a - a) / r - cut;
            const double u = 4 * e * (a * a - a) - 4 * e * (b * b - b) + (r - c) * cut;
            energy[i] += u / 2;
            energy[j] += u / 2;
            virial += force * r;
            for (size_t k = 0; k < 3; k++) {
                f[3 * i + k] += force * d[k] / r;
                f[3 * j + k] -= force * d[k] / r;
            }
        }
    return virial;
}

static double largest_difference(const double *a, const double *b, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

static double *numbers(hg_arena *mem, size_t n) {
    double *a = hg_alloc(mem, n, sizeof *a);
    assert_non_null(a);
    return a;
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------- */

/* At r = 1: energy 0 and force 24 of the plain potential; both are shifted. Through the wall of the box. */
static void two_particles(void **state) {
    (void)state;
    const double x[] = { 0.25, 4, 4, 9.25, 4, 4 }, box[3] = { 10, 10, 10 };
    const uint8_t species[] = { 0, 0 };
    const double b = pow(1 / 2.5, 6);
    for (int shifted = 0; shifted < 2; shifted++) {
        hg_liquid_opts o = hg_liquid_opts_default();
        o.potential.force_shifted = shifted;
        hg_liquid *l;
        assert_ok(hg_liquid_new(&l, species, x, 2, box, &o, NULL));
        double f[6], e[2];
        const double cut = shifted ? 24 * (2 * b * b - b) / 2.5 : 0;
        assert_ok(hg_liquid_forces(f, e, l, NULL));
        assert_close(f[0], 24 - cut, 1e-13);
        assert_close(f[3], -24 + cut, 1e-13);
        assert_close(f[1], 0, 0);
        assert_close(e[0], (-4 * (b * b - b) - 1.5 * cut) / 2, 1e-13);
        assert_close(e[1], e[0], 0);
        assert_close(look(l).virial, 24 - cut, 1e-13);
        hg_liquid_free(l);
    }
}

/* ---- oracles ------------------------------------------------------------------------------------------------------------ */

static void check_pairs(hg_arena *mem, const sample *s, const hg_liquid_opts *o) {
    const hg_mark start = hg_arena_mark(mem);
    double *f = numbers(mem, 3 * s->n), *g = numbers(mem, 3 * s->n), *e = numbers(mem, s->n), *u = numbers(mem, s->n);
    hg_liquid *l = liquid_of(s, o);
    const double virial = all_pairs(f, e, s, &o->potential);
    assert_ok(hg_liquid_forces(g, u, l, NULL));
    assert_true(largest_difference(f, g, 3 * s->n) < 1e-9);
    assert_true(largest_difference(e, u, s->n) < 1e-10);
    assert_close(look(l).virial, virial, 1e-10);
    for (size_t k = 0; liquid_kernels_at(k); k++) {
        l->kernels = liquid_kernels_at(k);
        l->has_list = false;
        assert_ok(hg_liquid_forces_of_run(g, l, NULL));
        assert_true(largest_difference(f, g, 3 * s->n) < 2e-3); /* of 60: positions are rounded to 24 bits */
    }
    hg_liquid_free(l);
    hg_arena_reset(mem, start);
}

/* Every kernel; both cut-offs; a box that is no cube, one that is as small as can be, and a gas whose clusters are as long as the box. */
static void all_pairs_are_found(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    hg_liquid_opts o = hg_liquid_opts_default();
    sample s = melt(*state, N, BOX, 100);
    check_pairs(*state, &s, &o);
    o.potential.force_shifted = false;
    o.potential.cutoff[0][1] = o.potential.cutoff[1][0] = o.potential.cutoff[1][1] = 2.5; /* of all pairs the same */
    check_pairs(*state, &s, &o);
    o = hg_liquid_opts_default();
    s = melt(*state, 210, (const double[3]) { 5.61, 5.61, 5.8 }, 100);
    check_pairs(*state, &s, &o);
    s = lattice(*state, 60, (const double[3]) { 6, 24, 6 }, 0.5);
    check_pairs(*state, &s, &o);
    s = lattice(*state, 9, (const double[3]) { 5.7, 5.7, 5.7 }, 0.5);
    check_pairs(*state, &s, &o);
    hg_arena_reset(*state, start);
}

typedef struct {
    hg_liquid *l;
    const sample *s;
    double *x;
} moved;

static double energy_at(void *ctx, const double *three) {
    moved *m = ctx;
    memcpy(m->x, m->s->x, 3 * m->s->n * sizeof *m->x);
    memcpy(m->x + 21, three, 3 * sizeof *m->x);
    assert_ok(hg_liquid_set(m->l, m->x, NULL, NULL));
    return look(m->l).potential;
}

static void forces_are_the_slope_of_the_energy(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 100);
    moved m = { liquid_of(&s, NULL), &s, numbers(*state, 3 * N) };
    double *f = numbers(*state, 3 * N), at[3], slope[3];
    assert_ok(hg_liquid_forces(f, NULL, m.l, NULL));
    for (size_t k = 0; k < 3; k++) {
        at[k] = s.x[21 + k];
        slope[k] = -f[21 + k];
    }
    assert_true(test_gradient_error(energy_at, &m, at, slope, 3, 1e-5) < 1e-6);
    hg_liquid_free(m.l);
    hg_arena_reset(*state, start);
}

/* At rest p = -dE/dV, all positions and the box scaled alike. */
static void pressure_is_the_slope_by_volume(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 100);
    double energy[2], volume[2], pressure = 0;
    for (int way = 0; way < 3; way++) {
        sample t = s;
        const double scale = way == 2 ? 1 : 1 + (2 * way - 1) * 1e-5;
        t.x = numbers(*state, 3 * N);
        for (size_t i = 0; i < 3 * N; i++) t.x[i] = scale * s.x[i];
        for (size_t k = 0; k < 3; k++) t.box[k] = scale * s.box[k];
        hg_liquid *l = liquid_of(&t, NULL);
        const hg_liquid_view v = look(l);
        if (way == 2) {
            pressure = v.pressure;
        } else {
            energy[way] = v.potential;
            volume[way] = t.box[0] * t.box[1] * t.box[2];
        }
        hg_liquid_free(l);
    }
    assert_close(pressure, -(energy[1] - energy[0]) / (volume[1] - volume[0]), 1e-6);
    hg_arena_reset(*state, start);
}

/* ---- what stays the same ---------------------------------------------------------------------------------------------------- */

static void energy_and_momentum_stay(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 300);
    hg_liquid *l = liquid_of(&s, NULL);
    hg_liquid_maxwell(l, 0.6, true, hg_rng_make(1, 1));
    const hg_liquid_view before = look(l);
    assert_close(before.temperature, 0.6, 1e-12);
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    o.dt = 0.003;
    assert_ok(hg_liquid_run(l, 1000, &o, NULL));
    const hg_liquid_view after = look(l);
    assert_true(after.lists > 3);
    assert_close((after.kinetic + after.potential) / N, (before.kinetic + before.potential) / N, 3e-4);
    for (size_t k = 0; k < 3; k++) assert_close(after.momentum[k], 0, 1e-3);
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

/* Whatever was picked on the way: the forces of a list made on the spot. */
static void picked_pairs_are_enough(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, LARGE, (const double[3]) { 12.6, 12.6, 12.6 }, 20);
    sample now = s;
    now.x = numbers(*state, 3 * LARGE);
    double *f = numbers(*state, 3 * LARGE), *g = numbers(*state, 3 * LARGE), *h = numbers(*state, 3 * LARGE);
    hg_liquid *l = liquid_of(&s, NULL);
    hg_liquid_maxwell(l, 1, true, hg_rng_make(7, 0));
    bool picked = false;
    for (int way = 0; way < 8; way++) {
        assert_ok(hg_liquid_run(l, 11, NULL, NULL));
        picked = picked || memcmp(l->picked, l->listed, LIQUID_LANES * l->clusters * sizeof *l->picked) != 0;
        hg_liquid_state(now.x, NULL, l);
        hg_liquid *fresh = liquid_of(&now, NULL);
        assert_ok(hg_liquid_forces(f, NULL, l, NULL));
        assert_ok(hg_liquid_forces_of_run(h, l, NULL));
        assert_ok(hg_liquid_forces(g, NULL, fresh, NULL));
        assert_true(largest_difference(f, g, 3 * LARGE) < 1e-8);
        assert_true(largest_difference(h, g, 3 * LARGE) < 0.05);
        hg_liquid_free(fresh);
    }
    assert_true(picked);
    assert_true(look(l).lists < 8);
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

/* Other numbers for particles, another origin: the same forces. */
static void numbers_and_origin_do_not_matter(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 100);
    sample t = lattice(*state, N, BOX, 0);
    for (size_t i = 0; i < N; i++) {
        const size_t j = (7 * i + 3) % N;
        t.species[i] = s.species[j];
        for (size_t k = 0; k < 3; k++) t.x[3 * i + k] = s.x[3 * j + k] + 2.345 * (double)(k + 1) + 3 * BOX[k];
    }
    hg_liquid *a = liquid_of(&s, NULL), *b = liquid_of(&t, NULL);
    double *f = numbers(*state, 3 * N), *g = numbers(*state, 3 * N);
    assert_ok(hg_liquid_forces(f, NULL, a, NULL));
    assert_ok(hg_liquid_forces(g, NULL, b, NULL));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 3; k++) assert_close(g[3 * i + k], f[3 * ((7 * i + 3) % N) + k], 1e-9);
    hg_liquid_free(a);
    hg_liquid_free(b);
    hg_arena_reset(*state, start);
}

static void run_from(double *x, double *v, const sample *s, const double *x0, const double *v0, size_t steps,
                     uint64_t stream, hg_pool *pool) {
    hg_liquid_opts o = hg_liquid_opts_default();
    o.pool = pool;
    hg_liquid *l = liquid_of(s, &o);
    hg_rng rng = hg_rng_make(9, stream);
    hg_liquid_run_opts r = hg_liquid_run_opts_default();
    r.temperature = 0.7;
    r.rng = &rng;
    assert_ok(hg_liquid_set(l, x0, v0, NULL));
    assert_ok(hg_liquid_run(l, steps, &r, NULL));
    hg_liquid_state(x, v, l);
    hg_liquid_free(l);
}

/* One thread or three; and in two pieces, of which the second begins from what the first wrote down. */
static void the_same_bits(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, LARGE, (const double[3]) { 12.6, 12.6, 12.6 }, 20);
    double *x[3], *v[3];
    for (size_t a = 0; a < 3; a++) {
        x[a] = numbers(*state, 3 * LARGE);
        v[a] = numbers(*state, 3 * LARGE);
        hg_pool *pool;
        assert_ok(hg_pool_new(&pool, a == 1 ? 3 : 1, NULL));
        run_from(x[a], v[a], &s, s.x, s.v, 20, 0, pool);
        run_from(x[a], v[a], &s, x[a], v[a], 20, 1, pool);
        hg_pool_free(pool);
    }
    assert_memory_equal(x[0], x[1], 3 * LARGE * sizeof(double));
    assert_memory_equal(v[0], v[1], 3 * LARGE * sizeof(double));
    assert_memory_equal(x[0], x[2], 3 * LARGE * sizeof(double));
    assert_true(largest_difference(x[0], s.x, 3 * LARGE) > 0.01);
    hg_arena_reset(*state, start);
}

/* ---- temperature, walls, minima ------------------------------------------------------------------------------------------------ */

/* The mean of the kinetic energy and its variance, 2 / (3 N - 3) of the square of the mean, are canonical. */
static void the_thermostat_is_canonical(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    enum { FEW = 30, SEEN = 2500 };
    const sample s = lattice(*state, FEW, (const double[3]) { 6, 6, 6 }, 0.2);
    hg_liquid *l = liquid_of(&s, NULL);
    hg_rng rng = hg_rng_make(3, 0);
    hg_liquid_run_opts o = hg_liquid_run_opts_default();
    o.temperature = 1.5;
    o.coupling = 0.03;
    o.rng = &rng;
    hg_liquid_maxwell(l, 1.5, true, hg_rng_make(3, 1));
    assert_ok(hg_liquid_run(l, 500, &o, NULL));
    double mean = 0, square = 0;
    for (size_t i = 0; i < SEEN; i++) {
        assert_ok(hg_liquid_run(l, 8, &o, NULL));
        double t = 0;
        for (size_t k = 0; k < LIQUID_LANES * l->clusters; k++) t += l->v[k] * l->v[k] / (3 * FEW - 3);
        mean += t / SEEN;
        square += t * t / SEEN;
    }
    assert_close(mean, 1.5, 0.02);
    const double expected = 1.5 * 1.5 * 2 / (3 * FEW - 3);
    assert_in_range((int)(100 * (square - mean * mean) / expected), 85, 115);
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

static void walls_hold(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 200);
    double *x = numbers(*state, 3 * N);
    double farthest[2] = { 0 };
    for (size_t held = 0; held < 2; held++) {
        hg_liquid *l = liquid_of(&s, NULL);
        if (held) assert_ok(hg_liquid_hold(l, s.x, 0.3, 200, NULL));
        hg_liquid_maxwell(l, 1, true, hg_rng_make(4, 0));
        assert_ok(hg_liquid_run(l, 500, NULL, NULL));
        hg_liquid_state(x, NULL, l);
        for (size_t i = 0; i < N; i++)
            farthest[held] = fmax(farthest[held], hypot(hypot(x[3 * i] - s.x[3 * i], x[3 * i + 1] - s.x[3 * i + 1]),
                                                        x[3 * i + 2] - s.x[3 * i + 2]));
        hg_liquid_free(l);
    }
    assert_true(farthest[0] > 0.7);
    assert_true(farthest[1] < 0.6);
    hg_arena_reset(*state, start);
}

static void a_quench_ends_in_a_minimum(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = melt(*state, N, BOX, 100);
    hg_liquid *l = liquid_of(&s, NULL);
    const double before = look(l).potential;
    size_t steps;
    assert_ok(hg_liquid_quench(&steps, l, NULL, NULL));
    hg_liquid_view at = look(l);
    assert_true(steps > 10);
    assert_true(at.force < 1e-5);
    assert_true(at.potential < before - 0.5 * N);
    assert_close(at.kinetic, 0, 0);
    double *x = numbers(*state, 3 * N);
    hg_rng rng = hg_rng_make(8, 0);
    for (int way = 0; way < 5; way++) { /* uphill wherever one goes */
        hg_liquid_state(x, NULL, l);
        for (size_t i = 0; i < 3 * N; i++) x[i] += 1e-3 * hg_rng_normal(&rng);
        hg_liquid *m;
        assert_ok(hg_liquid_new(&m, s.species, x, N, s.box, NULL, NULL));
        assert_true(look(m).potential > at.potential);
        hg_liquid_free(m);
    }
    hg_quench_opts few = hg_quench_opts_default();
    few.steps = 3;
    hg_err err;
    assert_ok(hg_liquid_set(l, s.x, NULL, NULL));
    assert_int_equal(hg_liquid_quench(NULL, l, &few, &err), HG_ENOTCONV);
    assert_contains(err.msg, "after 3 steps");
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

/* The inherent structure of a published snapshot, found by another program. */
static void an_inherent_structure_is_the_known_one(void **state) {
    char path[512];
    if (!test_shared(path, sizeof path, "data/botan-ka-small/s401.bin")) skip();
    enum { PUBLISHED = 4096, A = 3277 };
    const hg_mark start = hg_arena_mark(*state);
    double *x = numbers(*state, 3 * PUBLISHED), *known = numbers(*state, 3 * PUBLISHED);
    uint8_t *species = hg_alloc(*state, PUBLISHED, 1);
    assert_non_null(species);
    memset(species + A, 1, PUBLISHED - A);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
    assert_int_equal(fread(x, 3 * sizeof *x, PUBLISHED, f), PUBLISHED);
    assert_int_equal(fread(known, 3 * sizeof *x, PUBLISHED, f), PUBLISHED);
    fclose(f);
    const double L = 15.05658, box[3] = { L, L, L };
    hg_liquid *l;
    hg_quench_opts o = hg_quench_opts_default();
    o.force = 1e-3; /* nearer than that the test would take long with sanitizers */
    assert_ok(hg_liquid_new(&l, species, x, PUBLISHED, box, NULL, NULL));
    assert_close(look(l).potential, -25530.6640804, 1e-11); /* all pairs, as above */
    assert_ok(hg_liquid_quench(NULL, l, &o, NULL));
    hg_liquid_state(x, NULL, l);
    for (size_t i = 0; i < 3 * PUBLISHED; i++) assert_close(x[i] - known[i] - L * rint((x[i] - known[i]) / L), 0, 2e-3);
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------- */

static void refuse(const sample *s, const hg_liquid_opts *o, hg_status st, const char *words) {
    hg_liquid *l;
    hg_err err = { 0 };
    assert_int_equal(hg_liquid_new(&l, s->species, s->x, s->n, s->box, o, &err), st);
    assert_null(l);
    assert_contains(err.msg, words);
}

static void what_cannot_be_simulated_is_refused(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    sample s = lattice(*state, N, BOX, 0.1);
    hg_liquid_opts o = hg_liquid_opts_default();
    o.skin = 0;
    refuse(&s, &o, HG_EINVAL, "skin");
    o = hg_liquid_opts_default();
    o.margin = 0;
    refuse(&s, &o, HG_EINVAL, "margin");
    o.margin = 6;
    o.skin = 7;
    refuse(&s, &o, HG_EINVAL, "too wide for a box");
    s.box[1] = 4.99;
    refuse(&s, NULL, HG_EDATA, "twice the cut-off");
    s.box[1] = BOX[1];
    o = hg_liquid_opts_default();
    o.potential.sigma[0][1] = 0.9;
    refuse(&s, &o, HG_EINVAL, "A acts on B in another way");
    o = hg_liquid_opts_default();
    o.potential.cutoff[1][1] = 0.5;
    refuse(&s, &o, HG_EINVAL, "cut-off of B and B");
    s.species[7] = 2;
    refuse(&s, NULL, HG_EDATA, "particle 8 is of species C");
    s.species[7] = 0;
    const double was = s.x[10];
    s.x[10] = (double)NAN;
    refuse(&s, NULL, HG_ENAN, "finite");
    s.x[10] = was;
    for (size_t k = 0; k < 3; k++) s.x[30 + k] = s.x[60 + k] + 0.05 - BOX[k];
    refuse(&s, NULL, HG_EDATA, "lies 0.0866 from particle 11");
    s = lattice(*state, N, BOX, 0.1);
    hg_liquid *l = liquid_of(&s, NULL);
    hg_liquid_run_opts r = hg_liquid_run_opts_default();
    hg_err err;
    r.dt = -1;
    assert_int_equal(hg_liquid_run(l, 1, &r, &err), HG_EINVAL);
    r = hg_liquid_run_opts_default();
    r.temperature = 1;
    assert_int_equal(hg_liquid_run(l, 1, &r, &err), HG_EINVAL);
    assert_contains(err.msg, "random numbers");
    r = hg_liquid_run_opts_default();
    r.dt = 0.5;
    hg_liquid_maxwell(l, 100, true, hg_rng_make(1, 0));
    assert_int_equal(hg_liquid_run(l, 100, &r, &err), HG_EDATA);
    assert_contains(err.msg, "fly apart");
    assert_contains(err.hint, "smaller time step");
    hg_liquid_free(l);
    hg_arena_reset(*state, start);
}

static hg_status whole(hg_arena *mem, const sample *s) {
    (void)mem;
    hg_liquid *l;
    double f[3 * 30], e[30];
    HG_TRY(hg_liquid_new(&l, s->species, s->x, s->n, s->box, NULL, NULL));
    hg_status st = hg_liquid_run(l, 30, NULL, NULL);
    if (st == HG_OK) st = hg_liquid_forces(f, e, l, NULL);
    if (st == HG_OK) st = hg_liquid_set(l, s->x, NULL, NULL);
    if (st == HG_OK) st = hg_liquid_quench(NULL, l, NULL, NULL);
    hg_liquid_free(l);
    return st;
}

static void no_memory_is_told(void **state) {
    const hg_mark start = hg_arena_mark(*state);
    const sample s = lattice(*state, 30, (const double[3]) { 6, 6, 6 }, 0.1);
    hg_status st = HG_ENOMEM;
    long k = 0;
    for (; st != HG_OK && k < 500; k++) {
        fail_alloc_after(k);
        st = whole(*state, &s);
        fail_alloc_after(-1);
        assert_true(st == HG_OK || st == HG_ENOMEM);
    }
    assert_in_range(k, 5, 499);
    hg_arena_reset(*state, start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_particles),
        TEST(all_pairs_are_found),
        TEST(forces_are_the_slope_of_the_energy),
        TEST(pressure_is_the_slope_by_volume),
        TEST(energy_and_momentum_stay),
        TEST(picked_pairs_are_enough),
        TEST(numbers_and_origin_do_not_matter),
        TEST(the_same_bits),
        TEST(the_thermostat_is_canonical),
        TEST(walls_hold),
        TEST(a_quench_ends_in_a_minimum),
        TEST(an_inherent_structure_is_the_known_one),
        TEST(what_cannot_be_simulated_is_refused),
        TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
