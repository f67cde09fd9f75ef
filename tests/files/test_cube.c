/* tests/files/test_cube.c -- cube files: units, orbitals, order of the values, layout, round trips, refusals, faults */
#include "hagane/cube.h"
#include "test.h"
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

#define BOHR HG_ANGSTROM_PER_BOHR
#define HEAD "a title\na comment\n"
#define ATOM "    1    1.000000    0.000000    0.000000    0.500000\n"

static const char SMALL[] =
    HEAD "    1   -1.000000   -2.000000   -3.000000\n"
         "    2    0.500000    0.000000    0.000000\n    1    0.000000    1.000000    0.000000\n"
         "    3    0.000000    0.000000    2.000000\n" ATOM " 1.0 2.0E0 3.D0\n4 5\n6\n";

static hg_cube *read_opts(const char *text, const hg_cube_opts *o) {
    hg_cube *c = NULL;
    hg_err err;
    assert_ok_err(hg_cube_read_memory(&c, "f.cube", text, strlen(text), o, &err), err);
    return c;
}

static void refused(const char *text, hg_status want, const char *msg) {
    hg_cube *c;
    hg_err err = { 0 };
    const hg_status st = hg_cube_read_memory(&c, "f.cube", text, strlen(text), NULL, &err);
    assert_null(c);
    if (st != want) fail_msg("%s instead of %s: %s\n%s", hg_status_name(st), hg_status_name(want), err.msg, text);
    assert_string_equal(err.msg, msg);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static void lengths_become_angstrom_and_values_stay(void **state) {
    (void)state;
    hg_cube *c = read_opts(SMALL, NULL);
    assert_string_equal(c->title, "a title");
    assert_string_equal(c->comment, "a comment");
    assert_true(c->grid.n[0] == 2 && c->grid.n[1] == 1 && c->grid.n[2] == 3 && c->sets == 1 && !c->orbitals);
    assert_close(c->grid.origin[2], -3 * BOHR, 1e-15);
    assert_close(c->grid.step[0], 0.5 * BOHR, 1e-15);
    assert_close(c->grid.step[8], 2 * BOHR, 1e-15);
    assert_true(c->molecule->n == 1 && c->molecule->z[0] == 1);
    assert_close(c->molecule->r[2], 0.5 * BOHR, 1e-15);
    for (size_t i = 0; i < 6; i++) assert_true(c->value[i] == (double)(i + 1));
    hg_cube_free(c);
    hg_cube_opts o = hg_cube_opts_default();
    o.density = true; /* electrons a cubic bohr -> a cubic angstrom */
    c = read_opts(SMALL, &o);
    assert_close(c->value[1], 2 / (BOHR * BOHR * BOHR), 1e-14);
    hg_cube_free(c);
}

static void negative_numbers_of_points_mean_angstrom(void **state) {
    (void)state;
    hg_cube *c = read_opts(HEAD "0 1 2 3\n-1 1 0 0\n-1 0 1 0\n-1 0 0 1\n7\n\n", NULL);
    assert_true(c->molecule == NULL && c->grid.origin[1] == 2 && c->grid.step[4] == 1 && c->value[0] == 7);
    hg_cube_free(c);
}

static void orbitals_and_several_values_become_sets(void **state) {
    (void)state;
    hg_cube *c = read_opts(HEAD "-1 0 0 0\n1 1 0 0\n1 0 1 0\n2 0 0 1\n" ATOM "  3   5\n 6   -7\n1 2 3\n4 5 6\n", NULL);
    assert_int_equal(c->sets, 3);
    assert_true(c->orbitals[0] == 5 && c->orbitals[1] == 6 && c->orbitals[2] == -7);
    static const double WANT[6] = { 1, 4, 2, 5, 3, 6 }; /* [sets, points] */
    for (size_t i = 0; i < 6; i++) assert_true(c->value[i] == WANT[i]);
    hg_cube_free(c);
    c = read_opts(HEAD "1 0 0 0 2\n1 1 0 0\n1 0 1 0\n2 0 0 1\n" ATOM "1 2 3 4\n", NULL);
    assert_true(c->sets == 2 && !c->orbitals && c->value[1] == 3 && c->value[2] == 2);
    hg_cube_free(c);
}

static void bad_cubes_are_refused(void **state) {
    (void)state;
#define GRID "1 1 0 0\n1 0 1 0\n2 0 0 1\n"
    static const struct {
        const char *text;
        hg_status st;
        const char *msg;
    } CASE[] = {
        { "", HG_EPARSE, "f.cube: the file ends here, expected a title" },
        { HEAD, HG_EPARSE, "f.cube:2: the file ends here, expected the number of atoms" },
        { HEAD "x 0 0 0\n", HG_EPARSE,
          "f.cube:3:1: the number of atoms is \"x\", expected a whole number up to 16777216" },
        { HEAD "1 0 0\n", HG_EPARSE, "f.cube:3:6: the origin is missing: the line ends here" },
        { HEAD "1 0 0 0 0\n", HG_EPARSE, "f.cube:3:1: 0 values a point" },
        { HEAD "0 0 0 0\n0 1 0 0\n", HG_EPARSE, "f.cube:4:1: a grid of 0 points" },
        { HEAD "0 0 0 0\n1 1 0 0\n-1 0 1 0\n", HG_EPARSE,
          "f.cube:5:1: some numbers of points are negative (angstrom), some are not (bohr)" },
        { HEAD "0 0 0 0\n1 1 0 nan\n", HG_ENAN,
          "f.cube:4:7: a vector of the grid is \"nan\", expected a finite number" },
        { HEAD "0 0 0 0\n1 1 0 0\n1 0 1 0\n1 1 1 0\n", HG_EDATA,
          "f.cube:6: the three vectors of the grid span no volume" },
        { HEAD "0 0 0 0\n1000 1 0 0\n1000 0 1 0\n1000 0 0 1\n", HG_ELIMIT,
          "f.cube: a grid of 1000 x 1000 x 1000 points with 1 values each, more than 134217728" },
        { HEAD "0 0 0 0\n16777216 1 0 0\n16777216 0 1 0\n16777216 0 0 1\n", HG_ELIMIT,
          "f.cube: a grid of 16777216 x 16777216 x 16777216 points with 1 values each, more than 134217728" },
        { HEAD "1 0 0 0\n" GRID "0 0 0 0 0\n", HG_EPARSE, "f.cube:7:1: \"0\" is no element" },
        { HEAD "2 0 0 0\n" GRID ATOM ATOM, HG_EDATA,
          "f.cube:8: atom 2 (H) lies 0 angstrom from atom 1 (H, line 7), closer than 0.4" },
        { HEAD "200000 0 0 0\n" GRID ATOM, HG_EPARSE, "f.cube:7: the file ends here, expected an atom" },
        { HEAD "0 0 0 0\n" GRID "1\n", HG_EPARSE, "f.cube:7: the file ends here, expected more values" },
        { HEAD "0 0 0 0\n" GRID "1 2 3\n", HG_EPARSE, "f.cube:7:5: more values than the grid has points" },
        { HEAD "0 0 0 0\n" GRID "1 2\n\n3\n", HG_EPARSE, "f.cube:9:1: more values than the grid has points" },
        { HEAD "0 0 0 0\n" GRID "1 inf\n", HG_ENAN, "f.cube:7:3: a value is \"inf\", expected a finite number" },
        { HEAD "0 0 0 0\n" GRID "1 x\n", HG_EPARSE, "f.cube:7:3: a value is \"x\", expected a number" },
        { HEAD "-1 0 0 0\n" GRID ATOM "0\n", HG_EPARSE, "f.cube:8:1: a file of 0 orbitals" },
        { HEAD "-1 0 0 0\n" GRID ATOM "2 1\nx\n", HG_EPARSE, "f.cube:9:1: \"x\", expected the number of an orbital" },
        { HEAD "-1 0 0 0\n" GRID ATOM "1 1 1\n1\n1\n", HG_EPARSE,
          "f.cube:8:5: more numbers of orbitals than there are orbitals" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) refused(CASE[i].text, CASE[i].st, CASE[i].msg);
    hg_cube *c;
    hg_err err;
    hg_cube_opts o = hg_cube_opts_default();
    o.max_values = 5;
    assert_int_equal(hg_cube_read_memory(&c, "f.cube", SMALL, strlen(SMALL), &o, &err), HG_ELIMIT);
    o.max_values = 0;
    assert_int_equal(hg_cube_read_memory(&c, "f.cube", SMALL, strlen(SMALL), &o, &err), HG_EINVAL);
    assert_int_equal(hg_cube_read(&c, "/nowhere/x.cube", NULL, &err), HG_EIO);
    assert_null(c);
}

static void every_cut_is_noticed(void **state) {
    (void)state;
    for (size_t cut = 0; cut + 1 < strlen(SMALL); cut++) { /* the last byte is a line end */
        hg_cube *c;
        hg_err err = { 0 };
        assert_int_equal(hg_cube_read_memory(&c, "f.cube", SMALL, cut, NULL, &err), HG_EPARSE);
        assert_true(err.msg[0] && !c);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* A skewed grid around two atoms, with values of any size. */
static hg_cube *example(hg_arena *mem, size_t sets, const int64_t *orbitals) {
    hg_cube *c = hg_alloc(mem, 1, sizeof *c);
    hg_molecule *m = hg_molecule_new(mem, 2);
    hg_rng rng = hg_rng_make(8, sets);
    m->z[0] = 6;
    m->z[1] = 8;
    m->r[5] = 1.128;
    *c = (hg_cube) {
        .molecule = m,
        .grid = { .n = { 3, 2, 8 }, .origin = { -1, -2.25, 3 }, .step = { 0.3, 0.01, 0, 0, 0.25, 0, 0.02, 0, 0.5 } },
        .title = "density",
        .comment = "two\nlines",
        .sets = sets,
        .orbitals = orbitals
    };
    c->value = hg_alloc(mem, 48 * sets, sizeof *c->value);
    for (size_t i = 0; i < 48 * sets; i++) c->value[i] = ldexp(hg_rng_normal(&rng), (int)hg_rng_below(&rng, 500) - 250);
    return c;
}

static void assert_round_trip(const hg_cube *a, const hg_cube_opts *o) {
    char path[512];
    hg_cube *b;
    hg_err err;
    test_scratch(path, sizeof path, "round.cube");
    assert_ok_err(hg_cube_write(path, a, o, &err), err);
    assert_ok_err(hg_cube_read(&b, path, o, &err), err);
    assert_true(b->sets == a->sets && b->molecule->n == a->molecule->n);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(b->grid.n[i], a->grid.n[i]);
        assert_true(fabs(b->grid.origin[i] - a->grid.origin[i]) < 3e-7);
    }
    for (size_t i = 0; i < 9; i++) assert_true(fabs(b->grid.step[i] - a->grid.step[i]) < 3e-7);
    for (size_t i = 0; i < 3 * a->molecule->n; i++) assert_true(fabs(b->molecule->r[i] - a->molecule->r[i]) < 3e-7);
    assert_memory_equal(b->molecule->z, a->molecule->z, a->molecule->n);
    for (size_t i = 0; i < 48 * a->sets; i++) {
        const double x = a->value[i], y = b->value[i];
        if (fabs(x - y) > 5.1e-6 * fabs(x)) fail_msg("%g came back as %g", x, y);
    }
    for (size_t i = 0; a->orbitals && i < a->sets; i++) assert_int_equal(b->orbitals[i], a->orbitals[i]);
    hg_cube_free(b);
    unlink(path);
}

static void what_is_written_reads_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_cube_opts density = hg_cube_opts_default();
    int64_t orbitals[12];
    for (size_t i = 0; i < 12; i++) orbitals[i] = (int64_t)i + 5;
    density.density = true;
    assert_round_trip(example(mem, 1, NULL), NULL);
    assert_round_trip(example(mem, 1, NULL), &density);
    assert_round_trip(example(mem, 3, NULL), NULL);
    assert_round_trip(example(mem, 12, orbitals), NULL);
    hg_arena_reset(mem, mark);
}

static void the_layout_is_what_readers_expect(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const char WANT[] =
        "t\n\n    1    0.000000    0.000000    0.000000\n    1    1.889726    0.000000    0.000000\n"
        "    1    0.000000    1.889726    0.000000\n    8    0.000000    0.000000    1.889726\n"
        "    2    2.000000    0.000000    0.000000   -0.944863\n"
        "  0.00000E+00  1.00000E+00 -1.23457E-01  1.00000E+01 -9.99999E-99  0.00000E+00\n  1.00000E+99  3.33333E-01\n";
    char path[512], got[sizeof WANT + 100];
    double value[8] = { 0, 1, -0.123456789, 9.999999, -9.99999e-99, -1e-100, 1e99, 1.0 / 3 };
    hg_molecule *m = hg_molecule_new(mem, 1);
    hg_err err;
    m->z[0] = 2;
    m->r[2] = -0.5;
    const hg_cube c = { .molecule = m,
                        .grid = { .n = { 1, 1, 8 }, .step = { 1, 0, 0, 0, 1, 0, 0, 0, 1 } },
                        .title = "t",
                        .sets = 1,
                        .value = value };
    test_scratch(path, sizeof path, "layout.cube");
    test_comma(); /* must not matter */
    assert_ok_err(hg_cube_write(path, &c, NULL, &err), err);
    test_point();
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(got, 1, sizeof got - 1, f);
    fclose(f);
    got[n] = '\0';
    assert_string_equal(got, WANT);
    unlink(path);
    hg_arena_reset(mem, mark);
}

static void what_cannot_be_written_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_err err;
    const int64_t orbital = 1;
    test_scratch(path, sizeof path, "never.cube");
    for (int i = 0; i < 9; i++) {
        hg_cube c = *example(mem, 1, NULL);
        hg_molecule m = *c.molecule;
        uint8_t z[2] = { 0, 8 };
        if (i == 0) c.grid.n[1] = 0;
        if (i == 1) c.sets = 0;
        if (i == 2) c.grid.origin[0] = 6000;
        if (i == 3) c.grid.step[0] = (double)NAN;
        if (i == 4) memset(c.grid.step, 0, 3 * sizeof *c.grid.step);
        if (i == 5) m.z = z, c.molecule = &m;
        if (i == 6) c.molecule = NULL, c.orbitals = &orbital;
        if (i == 7) c.value[47] = (double)INFINITY;
        if (i == 8) c.value[0] = 1e200;
        assert_int_equal(hg_cube_write(path, &c, NULL, &err), i < 7 ? HG_EINVAL : HG_ENAN);
        assert_true(err.msg[0] != '\0');
        assert_int_not_equal(access(path, F_OK), 0); /* nothing is left behind */
    }
    hg_cube *c = example(mem, 1, NULL);
    hg_cube_writer *w;
    assert_ok(hg_cube_writer_new(&w, path, c, NULL, &err));
    assert_ok(hg_cube_writer_put(w, c->value, 47, &err));
    assert_int_equal(hg_cube_writer_commit(w, &err), HG_EINVAL);
    assert_string_equal(err.msg, "cube: only 47 of 48 values have come");
    assert_int_equal(hg_cube_writer_put(w, c->value, 2, &err), HG_EINVAL);
    assert_int_equal(hg_cube_writer_put(w, c->value, 1, &err), HG_EINVAL); /* after a failure nothing more */
    hg_cube_writer_free(w);
    assert_int_not_equal(access(path, F_OK), 0);
    hg_arena_reset(mem, mark);
}

static void any_allocation_may_fail(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_err err;
    const int64_t orbitals[2] = { 1, 2 };
    const hg_cube *a = example(mem, 2, orbitals);
    test_scratch(path, sizeof path, "fault.cube");
    enum { MANY = 80 }; /* the last of them do not happen */
    for (long k = 0; k < MANY; k++) {
        hg_cube *b = NULL;
        unlink(path);
        fail_alloc_after(k);
        hg_status st = hg_cube_write(path, a, NULL, &err);
        if (st == HG_OK) st = hg_cube_read(&b, path, NULL, &err);
        fail_alloc_after(-1);
        assert_int_equal(b == NULL, st != HG_OK);
        hg_cube_free(b);
        if (st != HG_OK) assert_int_equal(st, HG_ENOMEM);
        if (k == 0) assert_int_equal(st, HG_ENOMEM);
        if (k == MANY - 1) assert_int_equal(st, HG_OK);
    }
    unlink(path);
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lengths_become_angstrom_and_values_stay),
        TEST(negative_numbers_of_points_mean_angstrom),
        TEST(orbitals_and_several_values_become_sets),
        TEST(bad_cubes_are_refused),
        TEST(every_cut_is_noticed),
        TEST(what_is_written_reads_back),
        TEST(the_layout_is_what_readers_expect),
        TEST(what_cannot_be_written_is_refused),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
