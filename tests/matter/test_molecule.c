/* tests/matter/test_molecule.c -- atoms in space: counts by hand, what is refused and how it is named, overlaps */
#include "hagane/molecule.h"
#include "matter/molecule.h"
#include "test.h"

/* ---- helpers ------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *symbol;
    double r[3];
} atom;

/* Water (Hoy & Bunker, J. Mol. Spectrosc. 74, 1, 1979: 0.9575 angstrom, 104.51 degrees) */
static const atom WATER[3] = { { "O", { 0, 0, 0 } }, { "H", { 0.7571, 0.5861, 0 } }, { "H", { -0.7571, 0.5861, 0 } } };
static const atom ETHANOL[9] = {
    { "O", { 0, 0, 0 } },  { "C", { 1.4, 0, 0 } },   { "C", { 2.1, 1.3, 0 } },
    { "H", { -1, 0, 0 } }, { "H", { 1.5, -1, 0 } },  { "H", { 1.5, 0, 1.1 } },
    { "H", { 3, 2, 0 } },  { "H", { 2.1, 2.4, 0 } }, { "H", { 2.1, 1.3, 1.1 } },
};

static hg_molecule *build(hg_arena *mem, const char *id, const atom *a, size_t n) {
    hg_molecule *m = hg_molecule_new(mem, n);
    assert_non_null(m);
    m->id = id;
    for (size_t i = 0; i < n; i++) {
        m->z[i] = (uint8_t)hg_element_find(a[i].symbol, strlen(a[i].symbol));
        memcpy(m->r + 3 * i, a[i].r, sizeof a[i].r);
    }
    return m;
}

static void refused(const hg_molecule *m, const hg_molecule_limits *l, hg_status st, const char *msg) {
    hg_err err = { 0 };
    assert_int_equal(hg_molecule_check(m, l, &err), st);
    assert_string_equal(err.msg, msg);
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

static void atoms_and_electrons_are_counted(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule *m = build(mem, "water", WATER, 3);
    hg_composition c;
    char buf[64];
    hg_err err;
    assert_ok_err(hg_molecule_check(m, NULL, &err), err);
    assert_int_equal(hg_molecule_electrons(m), 10);
    m->charge = 1;
    assert_int_equal(hg_molecule_electrons(m), 9);
    m->charge = -1;
    assert_int_equal(hg_molecule_electrons(m), 11);
    assert_ok(hg_molecule_composition(&c, m, NULL));
    assert_int_equal(c.n, 2);
    assert_true(c.species[0].z == 8 && c.species[0].amount == 1 && c.species[1].z == 1 && c.species[1].amount == 2);
    assert_int_equal(hg_molecule_formula(buf, sizeof buf, m), 3);
    assert_string_equal(buf, "H2O");
    m = build(mem, "", ETHANOL, 9);
    assert_int_equal(hg_molecule_formula(buf, sizeof buf, m), 5);
    assert_string_equal(buf, "C2H6O");
    assert_int_equal(hg_molecule_formula(buf, 4, m), 5); /* what fits, terminated */
    assert_string_equal(buf, "C2H");
    assert_int_equal(hg_molecule_formula(NULL, 0, m), 5);
    hg_arena_reset(mem, mark);
}

static void the_formula_is_in_hills_order(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const struct {
        const char *symbols, *formula;
    } CASE[] = {
        { "Cl Na", "ClNa" }, { "S O O O O H H", "H2O4S" }, { "Br C H H H", "CH3Br" }, { "C", "C" }, { "N C", "CN" }
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        atom a[8];
        size_t n = 0;
        char symbols[32], buf[64];
        snprintf(symbols, sizeof symbols, "%s", CASE[i].symbols);
        for (char *save, *s = strtok_r(symbols, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
            a[n] = (atom) { s, { 2 * (double)n, 0, 0 } };
            n++;
        }
        hg_molecule_formula(buf, sizeof buf, build(mem, "", a, n));
        assert_string_equal(buf, CASE[i].formula);
    }
    hg_arena_reset(mem, mark);
}

static void fields_are_found_by_name(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule *m = build(mem, "", WATER, 3);
    double energy = -2.5, pair[2] = { 1, 2 }, x = 0;
    int64_t whole = 7;
    const char *word = "relaxed";
    hg_field v[4] = { { .name = "energy", .kind = HG_FIELD_REAL, .rows = 1, .cols = 1, .real = &energy },
                      { .name = "step", .kind = HG_FIELD_WHOLE, .rows = 1, .cols = 1, .whole = &whole },
                      { .name = "pair", .kind = HG_FIELD_REAL, .rank = 1, .rows = 1, .cols = 2, .real = pair },
                      { .name = "note", .kind = HG_FIELD_TEXT, .rows = 1, .cols = 1, .text = &word } };
    m->values = v;
    m->n_values = 4;
    assert_true(hg_molecule_number(&x, m, "energy") && x == -2.5);
    assert_true(hg_molecule_number(&x, m, "step") && x == 7);
    assert_false(hg_molecule_number(&x, m, "pair"));
    assert_false(hg_molecule_number(&x, m, "note"));
    assert_false(hg_molecule_number(&x, m, "Energy"));
    assert_ptr_equal(hg_molecule_value(m, "pair"), &v[2]);
    assert_null(hg_molecule_column(m, "forces"));
    hg_arena_reset(mem, mark);
}

static void messages_call_it_by_its_name_or_its_line(void **state) {
    (void)state;
    hg_molecule m = { .id = "ethanol", .line = 12 };
    assert_string_equal(hg_molecule_called(&m).s, "molecule \"ethanol\"");
    m.id = "";
    assert_string_equal(hg_molecule_called(&m).s, "the molecule of line 12");
    m.line = 0;
    assert_string_equal(hg_molecule_called(&m).s, "this molecule");
    char name[301];
    memset(name, 'x', 300);
    name[300] = '\0';
    m.id = name; /* cut, not overrun */
    assert_int_equal(strlen(hg_molecule_called(&m).s), strlen("molecule \"\"") + 80);
}

static void what_cannot_be_computed_with_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule *m = build(mem, "water", WATER, 3);
    hg_molecule_limits l = hg_molecule_limits_default();
    assert_null(hg_molecule_new(mem, 0));
    m->r[7] = (double)NAN;
    refused(m, NULL, HG_ENAN, "water: the y coordinate of atom 3 (H) is not a finite number");
    m->r[7] = -(double)INFINITY;
    m->id = "";
    refused(m, NULL, HG_ENAN, "the y coordinate of atom 3 (H) is not a finite number");
    m->r[7] = 2e7;
    refused(m, NULL, HG_EDATA, "the y coordinate of atom 3 (H) is 2e+07 angstrom, farther than 1e+07");
    m->r[7] = -2e7;
    refused(m, NULL, HG_EDATA, "the y coordinate of atom 3 (H) is -2e+07 angstrom, farther than 1e+07");
    m->r[7] = 0.5861;
    m->r[6] = 0.7;
    refused(m, NULL, HG_EDATA, "atom 3 (H) lies 0.0571 angstrom from atom 2 (H), closer than 0.4");
    l.min_distance = 0; /* not looked at */
    assert_ok(hg_molecule_check(m, &l, NULL));
    l.min_distance = 0.05; /* apart enough */
    assert_ok(hg_molecule_check(m, &l, NULL));
    l.max_atoms = 2;
    refused(m, &l, HG_ELIMIT, "3 atoms, more than 2");
    m->z[1] = 119;
    refused(m, NULL, HG_EINVAL, "atom 2 has atomic number 119, expected 1..118");
    m->n = 0;
    refused(m, NULL, HG_EINVAL, "a molecule without atoms");
    l.max_atoms = 0;
    refused(m, &l, HG_EINVAL, "molecule limits: max_atoms must be above 0");
    for (int i = 0; i < 3; i++) {
        l = hg_molecule_limits_default();
        l.min_distance = (const double[]) { -0.1, 5.1, (double)NAN }[i];
        refused(m, &l, HG_EINVAL, "molecule limits: min_distance must be in 0..5 angstrom");
    }
    hg_arena_reset(mem, mark);
}

/* "Closer than" means it; of several that are as near, the first is named. */
static void a_distance_at_the_limit_is_allowed(void **state) {
    (void)state;
    const double r[9] = { 0.5, 0, 0, 0, 0.5, 0, 0, 0, 0 };
    for (int k = 0; k < 2; k++) {
        size_t a = 9, b = 9;
        bool found = false;
        if (k) assert_ok(hg_overlap_grid(&found, &a, &b, r, 3, 0.5, NULL));
        assert_false(k ? found : hg_overlap_plain(&a, &b, r, 3, 0.5));
        if (k) assert_ok(hg_overlap_grid(&found, &a, &b, r, 3, 0.75, NULL));
        assert_true(k ? found : hg_overlap_plain(&a, &b, r, 3, 0.75));
        assert_true(b == 1 || b == 2);
        assert_int_equal(a, 0);
    }
}

static void more_than_32_elements_have_no_composition(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule *m = hg_molecule_new(mem, 33);
    hg_composition c;
    hg_err err;
    m->id = "zoo";
    for (size_t i = 0; i < 33; i++) m->z[i] = (uint8_t)(i + 1);
    assert_int_equal(hg_molecule_composition(&c, m, &err), HG_ELIMIT);
    assert_string_equal(err.msg, "zoo: more than 32 elements");
    m->n = 32;
    assert_ok(hg_molecule_composition(&c, m, NULL));
    assert_int_equal(c.n, 32);
    hg_arena_reset(mem, mark);
}

/* The grid finds what all pairs find, wherever the atoms lie: across cells, at negative places, far out. */
static void overlaps_are_the_same_with_and_without_a_grid(void **state) {
    (void)state;
    enum { N = 200, ROUNDS = 300 };
    hg_rng rng = hg_rng_make(11, 0);
    double r[3 * N];
    size_t hits = 0;
    for (int k = 0; k < ROUNDS; k++) {
        const double side = 2 + 40 * hg_rng_uniform(&rng), shift = k % 3 ? 0 : (hg_rng_uniform(&rng) - 0.5) * 1.9e7;
        const double least = 0.01 + 1.2 * hg_rng_uniform(&rng) * hg_rng_uniform(&rng);
        for (size_t i = 0; i < sizeof r / sizeof *r; i++) r[i] = shift + side * (hg_rng_uniform(&rng) - 0.5);
        size_t a = 0, b = 0, c = 0, d = 0;
        bool found;
        const bool plain = hg_overlap_plain(&a, &b, r, N, least);
        assert_ok(hg_overlap_grid(&found, &c, &d, r, N, least, NULL));
        assert_int_equal(found, plain);
        if (plain) assert_true(a == c && b == d);
        hits += plain;
    }
    assert_true(hits > ROUNDS / 10 && hits < ROUNDS * 9 / 10); /* both answers were seen */
}

/* Turning, moving and renumbering change nothing about which molecules are sound. */
static void a_moved_molecule_is_as_sound_as_before(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_rng rng = hg_rng_make(3, 0);
    hg_err err;
    for (int k = 0; k < 50; k++) {
        hg_molecule *m = build(mem, "", ETHANOL, 9);
        if (k % 2) m->r[3] = 0.2; /* C beside O */
        const double t = 6.3 * hg_rng_uniform(&rng), c = cos(t), s = sin(t);
        for (size_t i = 0; i < 9; i++) {
            const double x = m->r[3 * i], y = m->r[3 * i + 1];
            m->r[3 * i] = c * x - s * y + 50;
            m->r[3 * i + 1] = s * x + c * y - 7;
        }
        assert_int_equal(hg_molecule_check(m, NULL, &err), k % 2 ? HG_EDATA : HG_OK);
        if (k % 2) assert_string_equal(err.msg, "atom 2 (C) lies 0.2 angstrom from atom 1 (O), closer than 0.4");
    }
    hg_arena_reset(mem, mark);
}

/* 100 x 100 x 100 atoms 1.5 angstrom apart, all pairs of which would take hours. */
static void a_million_atoms_are_compared(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { SIDE = 100, N = SIDE * SIDE * SIDE };
    hg_molecule *m = hg_molecule_new(mem, N);
    hg_molecule_limits l = hg_molecule_limits_default();
    hg_err err;
    for (size_t i = 0; i < N; i++) {
        m->z[i] = 18;
        m->r[3 * i] = 1.5 * (double)(i % SIDE);
        m->r[3 * i + 1] = 1.5 * (double)(i / SIDE % SIDE);
        m->r[3 * i + 2] = 1.5 * (double)(i / SIDE / SIDE);
    }
    refused(m, NULL, HG_ELIMIT, "1000000 atoms, more than 100000");
    l.max_atoms = N;
    assert_ok_err(hg_molecule_check(m, &l, &err), err);
    m->r[3 * (N - 1)] = 0.1;
    refused(m, &l, HG_EDATA, "atom 1000000 (Ar) lies 0.1 angstrom from atom 999901 (Ar), closer than 0.4");
    hg_arena_reset(mem, mark);
}

static void any_allocation_may_fail(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_err err;
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        hg_arena *own = hg_arena_new();
        hg_molecule *m = hg_molecule_new(own, 100); /* more than are compared without a grid */
        for (size_t i = 0; m && i < 100; i++) m->z[i] = 1, m->r[3 * i] = (double)i;
        const hg_status st = m ? hg_molecule_check(m, NULL, &err) : HG_ENOMEM;
        hg_arena_free(own);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k >= 5);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(atoms_and_electrons_are_counted),
        TEST(the_formula_is_in_hills_order),
        TEST(fields_are_found_by_name),
        TEST(messages_call_it_by_its_name_or_its_line),
        TEST(what_cannot_be_computed_with_is_refused),
        TEST(a_distance_at_the_limit_is_allowed),
        TEST(more_than_32_elements_have_no_composition),
        TEST(overlaps_are_the_same_with_and_without_a_grid),
        TEST(a_moved_molecule_is_as_sound_as_before),
        TEST(a_million_atoms_are_compared),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
