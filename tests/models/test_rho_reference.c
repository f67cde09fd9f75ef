/* tests/models/test_rho_reference.c -- orbitals in files: the densities that they have, and files that are not as they
 * should be */
#include "models/rho_integral.h"
#include "models/rho_reference.h"
#include "test.h"

static hg_orbitals_file hydrocarbons(void) {
    char path[512];
    hg_orbitals_file f;
    hg_err err;
    assert_ok_err(hg_orbitals_read(&f, test_source(path, sizeof path, "data/hydrocarbons/orbitals.bin"), &err), err);
    return f;
}

static void molecules_come_as_they_were_written(void **state) {
    (void)state;
    static const struct {
        const char *formula;
        size_t heavy, occupied;
    } expected[] = { { "C2H6", 2, 9 }, { "C2H4", 2, 8 }, { "C2H2", 2, 7 }, { "C6H6", 6, 21 } };
    hg_orbitals_file f = hydrocarbons();
    assert_int_equal(f.n, 4);
    for (size_t i = 0; i < f.n; i++) {
        char formula[32];
        hg_molecule_formula(formula, sizeof formula, f.molecule[i].molecule);
        assert_string_equal(formula, expected[i].formula);
        assert_int_equal(f.molecule[i].heavy, expected[i].heavy);
        assert_int_equal(f.molecule[i].occupied, expected[i].occupied);
    }
    hg_orbitals_free(&f);
}

typedef struct {
    const hg_orbitals *o;
    bool all;
} which;

static void value_at(double *value, const void *ctx, const double *points, size_t n) {
    const which *w = ctx;
    assert_ok(hg_orbitals_at(value, w->o, w->all, points, n, NULL));
}

/* Orthonormal orbitals: the density integrates to two electrons each. Coefficients are floats, and the molecule's own.
 * */
static void densities_integrate_to_their_electrons(void **state) {
    (void)state;
    hg_orbitals_file f = hydrocarbons();
    for (size_t i = 1; i < 3; i++) /* the others take long */
        for (int all = 0; all < 2; all++) {
            const hg_orbitals *o = &f.molecule[i];
            double electrons;
            assert_ok(
                hg_integrate(&electrons, value_at, &(which) { o, all }, o->molecule->r, o->molecule->n, NULL, NULL));
            assert_close(electrons, 2.0 * (double)(o->occupied - (all ? 0 : o->heavy)), 1e-4);
        }
    hg_orbitals_free(&f);
}

/* psi4's own values at 48 points of several molecules. */
static void densities_are_those_of_the_program_that_made_them(void **state) {
    (void)state;
    char path[512];
    hg_orbitals_file f;
    hg_err err;
    if (!test_shared(path, sizeof path, "data/densities/densmo.bin.xz")) skip();
    assert_ok_err(hg_orbitals_read(&f, path, &err), err);
    assert_int_equal(f.n, 384);
    FILE *t = fopen(test_shared(path, sizeof path, "data/densities/check_points.csv"), "r");
    assert_non_null(t);
    char line[200];
    double x[3], expected, free_atoms, rho;
    int id, seen = 0;
    assert_non_null(fgets(line, sizeof line, t));
    while (fgets(line, sizeof line, t)) {
        assert_int_equal(sscanf(line, "%d,%lf,%lf,%lf,%lf,%lf", &id, x, x + 1, x + 2, &expected, &free_atoms), 6);
        const double b = HG_ANGSTROM_PER_BOHR, point[3] = { b * x[0], b * x[1], b * x[2] };
        for (size_t i = 0; i < f.n; i++) {
            if (f.molecule[i].id != id) continue;
            assert_ok(hg_orbitals_at(&rho, &f.molecule[i], true, point, 1, NULL));
            assert_true(fabs(rho * b * b * b - expected) < 1e-5 * expected + 1e-9);
            seen++;
        }
    }
    assert_int_equal(seen, 48);
    fclose(t);
    hg_orbitals_free(&f);
}

static char *acetylene(size_t *n) { /* the caller's */
    char path[512];
    FILE *f = fopen(test_source(path, sizeof path, "tests/fuzz/corpus/orbitals/acetylene"), "rb");
    assert_non_null(f);
    char *bytes = malloc(4096);
    assert_non_null(bytes);
    *n = fread(bytes, 1, 4096, f);
    fclose(f);
    return bytes;
}

static void damaged_files_are_refused(void **state) {
    (void)state;
    size_t n;
    char *bytes = acetylene(&n);
    hg_orbitals_file f;
    hg_err err;
    for (size_t cut = 0; cut < n; cut += 7) {
        assert_int_equal(hg_orbitals_read_memory(&f, "cut", bytes, cut, &err), HG_EPARSE);
        assert_int_equal(f.n, 0);
    }
    assert_contains(err.msg, "cut: the file ends in molecule 1");
    const struct {
        size_t at;
        int32_t value;
        hg_status st;
        const char *part;
    } changes[] = {
        { 0, 0, HG_EPARSE, "does not begin with" },   { 8, 0, HG_EPARSE, "0 molecules" },
        { 8, 2, HG_EPARSE, "ends in molecule 2" },    { 16, 5000, HG_ELIMIT, "more than 200 atoms" },
        { 20, 39, HG_EPARSE, "number of functions" }, { 24, 100, HG_EPARSE, "make no sense" },
        { 68, 16, HG_ENOTFOUND, "element" },          { 1292, 0x7fc00000, HG_ENAN, "no number" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char copy[4096];
        memcpy(copy, bytes, n);
        memcpy(copy + changes[i].at, &changes[i].value, 4);
        assert_int_equal(hg_orbitals_read_memory(&f, "changed", copy, n, &err), changes[i].st);
        assert_contains(err.msg, changes[i].part);
    }
    bytes[n] = 0;
    assert_int_equal(hg_orbitals_read_memory(&f, "long", bytes, n + 1, &err), HG_EPARSE);
    assert_contains(err.msg, "behind the last");
    free(bytes);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    size_t n;
    char *bytes = acetylene(&n);
    for (long k = 0;; k++) {
        hg_orbitals_file f;
        double rho;
        const double origin[3] = { 0, 0, 0 };
        fail_alloc_after(k);
        hg_status st = hg_orbitals_read_memory(&f, "memory", bytes, n, NULL);
        if (st == HG_OK) st = hg_orbitals_at(&rho, &f.molecule[0], false, origin, 1, NULL);
        fail_alloc_after(-1);
        hg_orbitals_free(&f);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(molecules_come_as_they_were_written),
        TEST(densities_integrate_to_their_electrons),
        TEST(densities_are_those_of_the_program_that_made_them),
        TEST(damaged_files_are_refused),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
