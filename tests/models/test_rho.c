/* tests/models/test_rho.c -- valence densities: free atoms, what is learned on top, what never changes, what is refused
 *
 * The shipped model is judged on four hydrocarbons whose orbitals lie in data/hydrocarbons: two of them it has never
 * seen.
 */
#include "models/rho_integral.h"
#include "models/rho_internal.h"
#include "test.h"
#include <unistd.h>

static hg_molecule *make(hg_arena *mem, size_t n, const uint8_t *z, const double *r) {
    hg_molecule *m = hg_molecule_new(mem, n);
    memcpy(m->z, z, n);
    memcpy(m->r, r, 3 * n * sizeof *r);
    return m;
}

static hg_molecule *formic_acid(hg_arena *mem) {
    static const double R[] = { 0, 0.42, 0, 1.16, 0.03, 0, -1.05, -0.46, 0, -0.39, 1.46, 0.02, -0.63, -1.34, 0 };
    return make(mem, 5, (const uint8_t[]) { 6, 8, 8, 1, 1 }, R);
}

static hg_rho *shipped(void) {
    char path[512];
    hg_err err;
    hg_rho *q;
    assert_ok_err(hg_rho_load(&q, test_source(path, sizeof path, "models/qdf2-density/weights.safetensors"), &err),
                  err);
    return q;
}

static hg_rho_cloud *cloud_of(const hg_rho *q, const hg_molecule *m) {
    hg_rho_room *room = NULL;
    hg_rho_cloud *c;
    hg_err err;
    if (q) assert_ok(hg_rho_room_new(&room, q, NULL));
    assert_ok_err(hg_rho_cloud_new(&c, q, room, m, &err), err);
    hg_rho_room_free(room);
    return c;
}

static hg_orbitals_file hydrocarbons(void) {
    char path[512];
    hg_orbitals_file f;
    assert_ok(hg_orbitals_read(&f, test_source(path, sizeof path, "data/hydrocarbons/orbitals.bin"), NULL));
    return f;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

/* Racah's harmonics: the squares of one l add up to r^2l, and different ones are orthogonal on a sphere. */
static void harmonics_are_orthogonal(void **state) {
    (void)state;
    const double d[3] = { 0.3, -1.1, 0.7 }, rr = 0.09 + 1.21 + 0.49;
    double h[RHO_HARMONICS], product[RHO_HARMONICS][RHO_HARMONICS] = { { 0 } };
    rho_harmonics(h, d);
    for (size_t l = 0; l < RHO_L; l++) {
        double sum = 0;
        for (size_t m = 0; m < 2 * l + 1; m++) sum += h[l * l + m] * h[l * l + m];
        assert_close(sum, pow(rr, (double)l), 1e-14);
    }
    enum { PHI = 16, THETA = 8 }; /* Gauss-Legendre of 8 points: exact to degree 15 */
    static const double X[] = { 0.1834346424956498, 0.5255324099163290, 0.7966664774136267, 0.9602898564975363 },
                        W[] = { 0.3626837833783620, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763 };
    for (size_t t = 0; t < THETA; t++)
        for (size_t p = 0; p < PHI; p++) {
            const double z = t < 4 ? X[t] : -X[t - 4], s = sqrt(1 - z * z),
                         phi = 2 * 3.14159265358979323846 * (double)p / PHI;
            rho_harmonics(h, (double[]) { s * cos(phi), s * sin(phi), z });
            for (size_t i = 0; i < RHO_HARMONICS; i++)
                for (size_t j = 0; j < RHO_HARMONICS; j++) product[i][j] += 0.5 * W[t % 4] / PHI * h[i] * h[j];
        }
    for (size_t l = 0, i = 0; l < RHO_L; l++)
        for (size_t m = 0; m < 2 * l + 1; m++, i++)
            for (size_t j = 0; j < RHO_HARMONICS; j++)
                assert_true(fabs(product[i][j] - (i == j ? 1 / (2 * (double)l + 1) : 0)) < 1e-14);
}

typedef struct {
    double a, at[3];
} gaussian;

static void gaussian_at(double *value, const void *ctx, const double *points, size_t n) {
    const gaussian *g = ctx;
    for (size_t i = 0; i < n; i++) {
        double rr = 0;
        for (size_t k = 0; k < 3; k++) rr += (points[3 * i + k] - g->at[k]) * (points[3 * i + k] - g->at[k]);
        value[i] = exp(-g->a * rr);
    }
}

/* (pi/a)^(3/2), wide and sharp, on an atom and between atoms. */
static void gaussians_are_integrated(void **state) {
    (void)state;
    const double r[] = { 0, 0, 0, 0, 0, 1.2, 0.9, 0, -0.5 };
    const gaussian g[] = { { 0.3, { 0, 0, 0 } }, { 2000, { 0, 0, 1.2 } }, { 2, { 0, 0.1, 0.6 } } };
    for (size_t i = 0; i < 3; i++) {
        double x;
        assert_ok(hg_integrate(&x, gaussian_at, &g[i], r, 3, NULL, NULL));
        const double exact = pow(3.14159265358979323846 / g[i].a, 1.5);
        assert_true(fabs(x - exact) < 2e-4 * exact);
    }
}

/* ---- free atoms -------------------------------------------------------------------------------------------------- */

static void free_atoms_have_their_electrons(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const double ELECTRONS[] = { 1, 4, 5, 6, 7 };
    for (size_t i = 0; i < 5; i++) {
        hg_molecule *m = make(mem, 1, (const uint8_t[]) { (uint8_t[]) { 1, 6, 7, 8, 9 }[i] }, (double[]) { 1, 2, 3 });
        hg_rho_cloud *c = cloud_of(NULL, m);
        double exact = 0, integral;
        for (size_t k = 0; k < RHO_ATOM_TERMS; k++)
            exact += rho_atoms[i].c[k] * pow(3.14159265358979323846 / rho_atom_exponent(k), 1.5);
        assert_close(exact, ELECTRONS[i], 1e-7); /* the table has 10 digits */
        assert_close(hg_rho_electrons(c), ELECTRONS[i], 1e-12);
        assert_ok(hg_rho_integral(&integral, c, HG_RHO_ATOMS, NULL, NULL));
        assert_close(integral, ELECTRONS[i], 1e-4);
        assert_true(hg_rho_outside(c) && !hg_rho_deformed(c));
        hg_rho_cloud_free(c);
    }
    hg_arena_reset(mem, mark);
}

/* The table that the fit was made of; hydrogen has no 1s pair to be taken off. */
static void hydrogen_is_that_of_the_table(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512], line[300];
    if (!test_shared(path, sizeof path, "data/densities/atom_density_radial.csv")) skip();
    hg_rho_cloud *c = cloud_of(NULL, make(mem, 1, (const uint8_t[]) { 1 }, (double[]) { 0, 0, 0 }));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        double r, expected, rho;
        const double b = HG_ANGSTROM_PER_BOHR;
        assert_int_equal(sscanf(line, "%lf,%lf", &r, &expected), 2);
        hg_rho_at(&rho, c, HG_RHO_VALENCE, (double[]) { 0, b * r, 0 }, 1);
        assert_true(fabs(rho * b * b * b - expected) < 1e-3 * (expected + 0.01));
    }
    fclose(f);
    hg_rho_cloud_free(c);
    hg_arena_reset(mem, mark);
}

/* ---- the shipped model ------------------------------------------------------------------------------------------- */

static void density_turns_with_the_molecule(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { AT = 200 };
    hg_rho *q = shipped();
    hg_molecule *m = formic_acid(mem), *t = formic_acid(mem);
    hg_rng r = hg_rng_make(3, 0);
    double p[3 * AT], w[AT], turned[3 * AT], before[AT], after[AT];
    const double c = cos(0.8), s = sin(0.8), C = cos(2.1), S = sin(2.1);
    const double R[9] = { c, -s, 0, C * s, C * c, -S, S * s, S * c, C };
    hg_rho_points(p, w, AT, m, &r);
    for (size_t i = 0; i < m->n; i++) { /* turned, moved, atoms in another order */
        const size_t to = (i + 2) % m->n;
        t->z[to] = m->z[i];
        for (size_t k = 0; k < 3; k++)
            t->r[3 * to + k] =
                R[3 * k] * m->r[3 * i] + R[3 * k + 1] * m->r[3 * i + 1] + R[3 * k + 2] * m->r[3 * i + 2] + 4;
    }
    for (size_t i = 0; i < AT; i++)
        for (size_t k = 0; k < 3; k++)
            turned[3 * i + k] = R[3 * k] * p[3 * i] + R[3 * k + 1] * p[3 * i + 1] + R[3 * k + 2] * p[3 * i + 2] + 4;
    hg_rho_cloud *a = cloud_of(q, m), *b = cloud_of(q, t);
    hg_rho_at(before, a, HG_RHO_VALENCE, p, AT);
    hg_rho_at(after, b, HG_RHO_VALENCE, turned, AT);
    for (size_t i = 0; i < AT; i++) assert_close(after[i], before[i], 1e-6); /* as far as charges are converged */
    hg_rho_cloud_free(a);
    hg_rho_cloud_free(b);
    hg_rho_free(q);
    hg_arena_reset(mem, mark);
}

static void electrons_are_all_there(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_rho *q = shipped();
    hg_orbitals_file f = hydrocarbons();
    hg_molecule *ion = make(mem, 4, (const uint8_t[]) { 8, 1, 1, 1 },
                            (double[]) { 0, 0, 0.1, 0.94, 0, -0.2, -0.47, 0.81, -0.2, -0.47, -0.81, -0.2 });
    ion->charge = 1; /* hydronium */
    const hg_molecule *m[] = { formic_acid(mem), f.molecule[0].molecule, f.molecule[2].molecule, ion };
    static const double ELECTRONS[] = { 18, 14, 10, 8 };
    for (size_t i = 0; i < 4; i++) {
        hg_rho_cloud *c = cloud_of(q, m[i]);
        double integral;
        assert_ok(hg_rho_integral(&integral, c, HG_RHO_VALENCE, NULL, NULL));
        assert_close(hg_rho_electrons(c), ELECTRONS[i], 1e-12);
        assert_true(fabs(integral - ELECTRONS[i]) < 1e-3);
        assert_true(hg_rho_deformed(c));
        assert_int_equal(hg_rho_outside(c), i == 3);
        hg_rho_cloud_free(c);
    }
    hg_orbitals_free(&f);
    hg_rho_free(q);
    hg_arena_reset(mem, mark);
}

/* The integral of |rho - that of the orbitals|, by random points: a few percent of it. */
static double difference(const hg_orbitals *o, const hg_rho_cloud *c, hg_rho_kind kind, hg_arena *mem) {
    const hg_mark mark = hg_arena_mark(mem);
    const size_t n = 1000 * o->molecule->n;
    double *p = hg_alloc(mem, 3 * n, sizeof *p), *w = hg_alloc(mem, n, sizeof *w), *rho = hg_alloc(mem, n, sizeof *rho);
    double *reference = hg_alloc(mem, n, sizeof *reference), sum = 0;
    hg_rng r = hg_rng_make(11, 0);
    hg_rho_points(p, w, n, o->molecule, &r);
    hg_rho_at(rho, c, kind, p, n);
    assert_ok(hg_orbitals_at(reference, o, false, p, n, NULL));
    for (size_t i = 0; i < n; i++) sum += w[i] * fabs(rho[i] - reference[i]);
    hg_arena_reset(mem, mark);
    return sum;
}

/* Ethylene and benzene were never learned from. */
static void densities_are_near_those_of_orbitals(void **state) {
    hg_arena *mem = *state;
    hg_rho *q = shipped();
    hg_orbitals_file f = hydrocarbons();
    for (size_t i = 0; i < f.n; i++) {
        const hg_orbitals *o = &f.molecule[i];
        const double *r = o->molecule->r;
        hg_rho_cloud *c = cloud_of(q, o->molecule);
        double rho[2], middle[3];
        const double wrong = difference(o, c, HG_RHO_VALENCE, mem), free_atoms = difference(o, c, HG_RHO_ATOMS, mem);
        assert_true(wrong < 0.03 * hg_rho_electrons(c));
        assert_true(wrong < 0.25 * free_atoms);
        for (size_t k = 0; k < 3; k++) middle[k] = 0.5 * (r[k] + r[3 + k]);
        hg_rho_at(rho, c, HG_RHO_VALENCE, middle, 1);
        assert_ok(hg_orbitals_at(rho + 1, o, false, middle, 1, NULL));
        assert_true(fabs(rho[0] - rho[1]) < 0.05 * rho[1]);
        hg_rho_cloud_free(c);
    }
    hg_orbitals_free(&f);
    hg_rho_free(q);
}

static void far_molecules_do_not_meet(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_rho *q = shipped();
    hg_orbitals_file f = hydrocarbons();
    const hg_molecule *ethane = f.molecule[0].molecule;
    hg_molecule *two = hg_molecule_new(mem, 2 * ethane->n);
    for (size_t i = 0; i < 2 * ethane->n; i++) {
        two->z[i] = ethane->z[i % ethane->n];
        memcpy(two->r + 3 * i, ethane->r + 3 * (i % ethane->n), 3 * sizeof(double));
        if (i >= ethane->n) two->r[3 * i] += 60;
    }
    hg_rho_cloud *a = cloud_of(q, ethane), *b = cloud_of(q, two);
    const double p[6] = { 0.2, 0.7, 0.1, 60.2, 0.7, 0.1 };
    double one[1], both[2], nowhere;
    hg_rho_at(one, a, HG_RHO_VALENCE, p, 1);
    hg_rho_at(both, b, HG_RHO_VALENCE, p, 2);
    assert_close(both[0], one[0], 1e-6);
    assert_close(both[1], one[0], 1e-6);
    hg_rho_at(&nowhere, b, HG_RHO_VALENCE, (double[]) { 30, 0, 0 }, 1);
    assert_true(nowhere == 0);
    hg_rho_cloud_free(a);
    hg_rho_cloud_free(b);
    hg_orbitals_free(&f);
    hg_rho_free(q);
    hg_arena_reset(mem, mark);
}

static void fluorine_is_free_atoms_and_sulfur_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_rho *q = shipped();
    hg_rho_room *room;
    hg_molecule *m = make(mem, 2, (const uint8_t[]) { 9, 1 }, (double[]) { 0, 0, 0, 0, 0, 0.92 });
    hg_rho_cloud *c = cloud_of(q, m);
    double rho[2];
    hg_err err;
    hg_rho_at(rho, c, HG_RHO_VALENCE, m->r + 3, 1);
    hg_rho_at(rho + 1, c, HG_RHO_ATOMS, m->r + 3, 1);
    assert_true(hg_rho_outside(c) && !hg_rho_deformed(c) && rho[0] == rho[1] && rho[0] > 0);
    hg_rho_cloud_free(c);
    m->z[0] = 16;
    assert_ok(hg_rho_room_new(&room, q, NULL));
    assert_int_equal(hg_rho_cloud_new(&c, q, room, m, &err), HG_ENOTFOUND);
    assert_null(c);
    assert_contains(err.msg, "atom 1 is S");
    hg_rho_room_free(room);
    hg_rho_free(q);
    hg_arena_reset(mem, mark);
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static hg_rho *learned(const hg_orbitals_file *f, hg_pool *pool) {
    const hg_orbitals *train[] = { &f->molecule[1], &f->molecule[2] };
    hg_rho_opts o = hg_rho_opts_default();
    hg_rho_normal *normal;
    hg_rho *q;
    hg_err err;
    o.points = 60;
    o.pool = pool;
    assert_ok_err(hg_rho_normal_new(&normal, train, 2, &o, &err), err);
    assert_ok_err(hg_rho_fit(&q, normal, 1e-4, &err), err);
    assert_int_equal(hg_rho_fit(&(hg_rho *) { NULL }, normal, 0, &err), HG_EINVAL);
    hg_rho_normal_free(normal);
    return q;
}

static void what_was_seen_is_learned_the_same_by_any_threads(void **state) {
    hg_orbitals_file f = hydrocarbons();
    hg_pool *pool;
    assert_ok(hg_pool_new(&pool, 3, NULL));
    hg_rho *one = learned(&f, NULL), *three = learned(&f, pool);
    assert_memory_equal(one->w, three->w, one->l.weights * sizeof *one->w);
    for (size_t i = 1; i < 3; i++) {
        const hg_orbitals *o = &f.molecule[i];
        hg_rho_cloud *c = cloud_of(one, o->molecule);
        assert_true(difference(o, c, HG_RHO_VALENCE, *state) < 0.15 * difference(o, c, HG_RHO_ATOMS, *state));
        assert_false(hg_rho_outside(c));
        hg_rho_cloud_free(c);
    }
    hg_rho_cloud *ethane = cloud_of(one, f.molecule[0].molecule); /* of carbon with four neighbours nothing is known */
    assert_true(hg_rho_outside(ethane));
    hg_rho_cloud_free(ethane);
    hg_pool_free(pool);
    hg_rho_free(one);
    hg_rho_free(three);
    hg_orbitals_free(&f);
}

static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)done, (void)total;
    return false;
}

static void bad_options_and_data_are_refused(void **state) {
    (void)state;
    char path[512];
    hg_err err;
    hg_rho_normal *normal;
    hg_orbitals_file f = hydrocarbons(), fluoride;
    const hg_orbitals *train[] = { &f.molecule[2], NULL };
    hg_rho_opts o = hg_rho_opts_default();
    assert_int_equal(hg_rho_normal_new(&normal, train, 0, &o, &err), HG_EDATA);
    assert_null(normal);
    o.points = 0;
    assert_int_equal(hg_rho_normal_new(&normal, train, 1, &o, &err), HG_EINVAL);
    o.points = 5;
    o.flatten = (double)NAN;
    assert_int_equal(hg_rho_normal_new(&normal, train, 1, &o, &err), HG_EINVAL);
    o.flatten = 1;
    o.hooks = &(hg_hooks) { .progress = stop };
    assert_int_equal(hg_rho_normal_new(&normal, train, 1, &o, &err), HG_ECANCEL);
    o.hooks = NULL;
    assert_ok(hg_orbitals_read(&fluoride,
                               test_source(path, sizeof path, "tests/fuzz/corpus/orbitals/hydrogen_fluoride"), &err));
    train[1] = &fluoride.molecule[0];
    assert_int_equal(hg_rho_normal_new(&normal, train, 2, &o, &err), HG_EDATA);
    assert_contains(err.msg, "only H, C, N, O");
    hg_orbitals_free(&fluoride);
    hg_orbitals_free(&f);
}

static void learning_stops_where_memory_ends(void **state) {
    (void)state;
    hg_orbitals_file f = hydrocarbons();
    const hg_orbitals *train[] = { &f.molecule[2] };
    hg_rho_opts o = hg_rho_opts_default();
    o.points = 2;
    for (long k = 0;; k++) {
        hg_rho_normal *normal;
        hg_rho *q = NULL;
        fail_alloc_after(k);
        hg_status st = hg_rho_normal_new(&normal, train, 1, &o, NULL);
        if (st == HG_OK) st = hg_rho_fit(&q, normal, 1, NULL);
        fail_alloc_after(-1);
        hg_rho_free(q);
        hg_rho_normal_free(normal);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
        assert_null(q);
    }
    hg_orbitals_free(&f);
}

/* ---- files and memory -------------------------------------------------------------------------------------------- */

static void a_model_comes_back_from_its_file(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512], other[512];
    hg_err err;
    hg_rho *q = shipped(), *back;
    test_scratch(path, sizeof path, "rho.safetensors");
    assert_ok_err(hg_rho_save(q, path, &err), err);
    assert_ok_err(hg_rho_load(&back, path, &err), err);
    assert_memory_equal(q->w, back->w, q->l.weights * sizeof *q->w);
    assert_memory_equal(q->theta, back->theta, q->n_theta * sizeof *q->theta);
    hg_rho_free(back);
    assert_int_equal(hg_rho_load(&back, test_source(other, sizeof other, "models/qdf2/weights.safetensors"), &err),
                     HG_EDATA);
    assert_contains(err.msg, "not weights of \"qdf2-density 1\" but of qdf2");
    assert_null(back);
    const hg_molecule *m = formic_acid(mem);
    for (long k = 0;; k++) {
        hg_rho_room *room = NULL;
        hg_rho_cloud *c = NULL;
        double integral;
        back = NULL;
        fail_alloc_after(k);
        hg_status st = hg_rho_load(&back, path, NULL);
        if (st == HG_OK) st = hg_rho_room_new(&room, back, NULL);
        if (st == HG_OK) st = hg_rho_cloud_new(&c, back, room, m, NULL);
        if (st == HG_OK) st = hg_rho_integral(&integral, c, HG_RHO_ATOMS, NULL, NULL);
        fail_alloc_after(-1);
        hg_rho_cloud_free(c);
        hg_rho_room_free(room);
        hg_rho_free(back);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_rho_free(q);
    unlink(path);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(harmonics_are_orthogonal),
        TEST(gaussians_are_integrated),
        TEST(free_atoms_have_their_electrons),
        TEST(hydrogen_is_that_of_the_table),
        TEST(density_turns_with_the_molecule),
        TEST(electrons_are_all_there),
        TEST(densities_are_near_those_of_orbitals),
        TEST(far_molecules_do_not_meet),
        TEST(fluorine_is_free_atoms_and_sulfur_is_refused),
        TEST(what_was_seen_is_learned_the_same_by_any_threads),
        TEST(bad_options_and_data_are_refused),
        TEST(learning_stops_where_memory_ends),
        TEST(a_model_comes_back_from_its_file),
    };
#if defined(__SANITIZE_THREAD__) /* the others start no thread, and take a minute there */
    cmocka_set_test_filter("what_was_seen_is_learned_the_same_by_any_threads");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
