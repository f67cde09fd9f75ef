/* tests/files/test_xyz.c -- XYZ and extended XYZ: what is read, what each kind of value becomes, round trips, refusals */
#include "files/xyz.h"
#include "molecules.h"
#include "test.h"
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

/* The one molecule of a frame of one atom with these pairs. */
static hg_molecule *with_pairs(hg_arena *mem, const char *pairs) {
    char text[2048];
    snprintf(text, sizeof text, "1\nProperties=species:S:1:pos:R:3 %s\nHe 0 0 0\n", pairs);
    hg_molecule_file *f = molecules_open("f.xyz", text);
    hg_molecule *m = molecules_next(f, mem);
    assert_non_null(m);
    hg_molecule_file_free(f);
    return m;
}

static hg_molecule *only(hg_arena *mem, const char *text) {
    hg_molecule_file *f = molecules_open("f.xyz", text);
    hg_molecule *m = molecules_next(f, mem);
    assert_non_null(m);
    assert_null(molecules_next(f, mem));
    hg_molecule_file_free(f);
    return m;
}

/* A value in words: kind, shape, elements. */
static const char *words_of(const hg_field *f) {
    static char buf[512];
    static const char LETTER[] = "RILS";
    size_t n = (size_t)snprintf(buf, sizeof buf, "%c%u", LETTER[f->kind], f->rank);
    if (f->rank == 2) n += (size_t)snprintf(buf + n, sizeof buf - n, "(%zux%zu)", f->rows, f->cols);
    for (size_t i = 0; i < f->rows * f->cols && n < sizeof buf; i++) {
        if (f->kind == HG_FIELD_REAL) n += (size_t)snprintf(buf + n, sizeof buf - n, " %g", f->real[i]);
        if (f->kind == HG_FIELD_WHOLE) n += (size_t)snprintf(buf + n, sizeof buf - n, " %lld", (long long)f->whole[i]);
        if (f->kind == HG_FIELD_BOOL) n += (size_t)snprintf(buf + n, sizeof buf - n, " %s", f->flag[i] ? "T" : "F");
        if (f->kind == HG_FIELD_TEXT) n += (size_t)snprintf(buf + n, sizeof buf - n, " <%s>", f->text[i]);
    }
    return buf;
}

/* ---- plain XYZ ----------------------------------------------------------------------------------------------- */

static void plain_frames_keep_their_comment(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_file *f =
        molecules_open("f.xyz", " 3 \n  water, a=b \"\nO 0 0 0\nH 0.7571 0.5861 0 charge 0.4\n1 -0.7571D0 5.861d-1 0\n"
                                "\n1\n\n7 0 0 +1.5\n");
    const hg_molecule *m = molecules_next(f, mem);
    assert_string_equal(hg_molecule_file_format(f), "xyz");
    assert_string_equal(m->id, "water, a=b \"");
    assert_string_equal(hg_molecule_value(m, "comment")->text[0], "water, a=b \"");
    assert_true(m->n == 3 && m->z[0] == 8 && m->z[2] == 1);
    assert_true(m->r[3] == 0.7571 && m->r[6] == -0.7571 && m->r[7] == 0.5861);
    assert_false(m->has_cell || m->periodic[0]);
    m = molecules_next(f, mem);
    assert_true(m->n == 1 && m->z[0] == 7 && m->r[2] == 1.5 && m->n_values == 0 && !*m->id);
    assert_int_equal(m->line, 7);
    assert_null(molecules_next(f, mem));
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

static void deuterium_and_tritium_are_hydrogen_with_a_mass_number(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m = only(mem, "3\nheavy\nO 0 0 0\nD 0.7571 0.5861 0\nT -0.7571 0.5861 0\n");
    const hg_field *mass = hg_molecule_column(m, "mass_number");
    assert_true(m->z[1] == 1 && m->z[2] == 1 && hg_molecule_electrons(m) == 10);
    assert_string_equal(words_of(mass), "I1 0 2 3");
    hg_arena_reset(mem, mark);
}

/* ---- extended XYZ -------------------------------------------------------------------------------------------- */

static void values_are_of_the_first_kind_that_fits(void **state) {
    hg_arena *mem = *state;
    static const char *const CASE[][2] = {
        { "k=5", "I0 5" },
        { "k=-17", "I0 -17" },
        { "k=+3", "I0 3" },
        { "k=0", "I0 0" },
        { "k=007", "S0 <007>" },
        { "k=1.5", "R0 1.5" },
        { "k=-.5", "R0 -0.5" },
        { "k=2.", "R0 2" },
        { "k=1D-3", "R0 0.001" },
        { "k=1.5d2", "R0 150" },
        { "k=1e5", "R0 100000" },
        { "k=99999999999999999999", "R0 1e+20" },
        { "k=nan", "R0 nan" },
        { "k=-inf", "R0 -inf" },
        { "k=T", "L0 T" },
        { "k=False", "L0 F" },
        { "k=true", "L0 T" },
        { "k=FALSE", "L0 F" },
        { "k=tRUE", "S0 <tRUE>" },
        { "k", "L0 T" },
        { "k j=1", "L0 T" },
        { "k = 5", "I0 5" },
        { "k=word", "S0 <word>" },
        { "k=a-b/c:d", "S0 <a-b/c:d>" },
        { "k=\"two words\"", "S0 <two words>" },
        { "k='two words'", "S0 <two words>" },
        { "k=\"\"", "S0 <>" },
        { "k=\"a \\\"b\\\" \\\\ c\\nd\"", "S0 <a \"b\" \\ c\nd>" },
        { "k=\"5\"", "I0 5" },
        { "k={5}", "I0 5" },
        { "k=[5]", "I1 5" },
        { "k=\"1 2 3\"", "I1 1 2 3" },
        { "k=\" 1  2.5 \"", "R1 1 2.5" },
        { "k=\"T F\"", "L1 T F" },
        { "k=\"1 T\"", "S0 <1 T>" },
        { "k={1 T}", "S1 <1> <T>" },
        { "k={a \"b c\" 2}", "S1 <a> <b c> <2>" },
        { "k={1, 2 , 3}", "I1 1 2 3" },
        { "k=[1, 2.0,3]", "R1 1 2 3" },
        { "k=[ T , F ]", "L1 T F" },
        { "k=[a, \"b, c\", 3]", "S1 <a> <b, c> <3>" },
        { "k=[\"1\", 2]", "S1 <1> <2>" },
        { "k=[[1, 2], [3, 4], [5, 6]]", "I2(3x2) 1 2 3 4 5 6" },
        { "k=[ [1.5] , [2] ]", "R2(2x1) 1.5 2" },
        { "k=\"1 2 3 4 5 6 7 8 9\"", "I1 1 2 3 4 5 6 7 8 9" },
        { "\"k\"=5", "I0 5" },
        { "k=9223372036854775807", "I0 9223372036854775807" },
        { "k=9223372036854775808", "R0 9.22337e+18" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        const hg_mark mark = hg_arena_mark(mem);
        const hg_field *f = hg_molecule_value(with_pairs(mem, CASE[i][0]), "k");
        assert_non_null(f);
        if (strcmp(words_of(f), CASE[i][1]) != 0) fail_msg("%s became %s", CASE[i][0], words_of(f));
        hg_arena_reset(mem, mark);
    }
}

static void some_keys_mean_something(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m = with_pairs(mem, "Lattice=\"1 2 3 4 5 6 7 8 9.5\" charge=-2 id=007 energy=-1.25");
    double x;
    assert_true(m->has_cell && m->periodic[0] && m->periodic[1] && m->periodic[2]);
    for (size_t i = 0; i < 8; i++) assert_true(m->cell[i] == (double)(i + 1)); /* vectors as rows */
    assert_true(m->cell[8] == 9.5 && m->charge == -2);
    assert_string_equal(m->id, "007");
    assert_true(m->n_values == 1 && hg_molecule_number(&x, m, "energy") && x == -1.25);
    m = with_pairs(mem, "Lattice=[[1,0,0],[0,2,0],[0,0,3]] pbc=\"T F T\" total_charge=1.0 name=12 charge=1");
    assert_true(m->cell[0] == 1 && m->cell[4] == 2 && m->cell[8] == 3 && m->cell[1] == 0);
    assert_true(m->periodic[0] && !m->periodic[1] && m->periodic[2] && m->charge == 1);
    assert_string_equal(m->id, "12");
    m = with_pairs(mem, "Lattice=\"4 5 6\" pbc=F");
    assert_true(m->cell[0] == 4 && m->cell[4] == 5 && m->cell[8] == 6 && m->cell[1] == 0 && !m->periodic[0]);
    m = with_pairs(mem, "pbc=\"1 0 0\"");
    assert_true(!m->has_cell && m->periodic[0] && !m->periodic[1]);
    assert_string_equal(with_pairs(mem, "id=\"1 2 3\"")->id, "1 2 3");
    m = with_pairs(mem, "id=\"a b\" name=c");
    assert_string_equal(m->id, "a b");
    assert_string_equal(hg_molecule_value(m, "name")->text[0], "c");
    hg_arena_reset(mem, mark);
}

static void columns_are_as_properties_says(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m =
        only(mem, "2\nenergy=-3 Properties=pos:R:3:Z:I:1:force:R:3:tag:I:1:fixed:L:1:site:S:1:q:R:1:pair:S:2\n"
                  "0 0 0 8 0.1 0.2 0.3 7 T a1 0.5 x y\n"
                  "0 0 1 1 -0.1 NaN 3D-1 -8 false b -0.25 z w\n");
    assert_true(m->z[0] == 8 && m->z[1] == 1 && m->r[5] == 1 && m->n_columns == 6);
    assert_string_equal(words_of(hg_molecule_column(m, "forces")), "R2(2x3) 0.1 0.2 0.3 -0.1 nan 0.3");
    assert_string_equal(words_of(hg_molecule_column(m, "tag")), "I1 7 -8");
    assert_string_equal(words_of(hg_molecule_column(m, "fixed")), "L1 T F");
    assert_string_equal(words_of(hg_molecule_column(m, "site")), "S1 <a1> <b>");
    assert_string_equal(words_of(hg_molecule_column(m, "q")), "R1 0.5 -0.25");
    assert_string_equal(words_of(hg_molecule_column(m, "pair")), "S2(2x2) <x> <y> <z> <w>");
    m = only(mem, "1\nProperties=species:S:1:Z:I:1:pos:R:3\nFe 26 0 0 0\n");
    assert_int_equal(m->z[0], 26);
    hg_arena_reset(mem, mark);
}

/* ---- refusals ------------------------------------------------------------------------------------------------ */

static void refusals_name_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        hg_status st;
        const char *msg, *hint;
    } CASE[] = {
        { "", HG_EDATA, "f.xyz: holds no molecule", "" },
        { "0\nnothing\n", HG_EDATA, "f.xyz:1: a molecule without atoms", "" },
        { "x\n", HG_EPARSE, "f.xyz:1:1: \"x\", expected the number of atoms of the next frame", "" },
        { "-1\n\n", HG_EPARSE, "f.xyz:1:1: \"-1\", expected the number of atoms of the next frame", "" },
        { "100001\n", HG_ELIMIT, "f.xyz:1:1: 100001 atoms, more than 100000", "max_atoms" },
        { "99999999999999999999999999\n", HG_EPARSE,
          "f.xyz:1:1: \"99999999999999999999999999\", expected the number of atoms of the next frame", "" },
        { "2\nc\nH 0 0 0\n", HG_EPARSE, "f.xyz:3: the file ends after 1 of the 2 atoms that line 1 tells of",
          "cut short" },
        { "2\n", HG_EPARSE, "f.xyz:1: the file ends after 0 of the 2 atoms that line 1 tells of", "cut short" },
        { "2\nc\nH 0 0 0\n1\nc\nH 0 0 0\n", HG_EPARSE, "f.xyz:4:2: x is missing: the line ends here",
          "atom 2 of the 2 that line 1 tells of" },
        { "1\nc\nH 0 0 0\nH 0 0 1\n", HG_EPARSE,
          "f.xyz:4:1: \"H 0 0 1\", expected the number of atoms of the next frame", "more than it says" },
        { "1\nc\nQ 0 0 0\n", HG_EPARSE, "f.xyz:3:1: \"Q\" is no element", "" },
        { "1\nc\n119 0 0 0\n", HG_EPARSE, "f.xyz:3:1: \"119\" is no element", "" },
        { "1\nc\nH 0 0 1e999\n", HG_ENAN, "f.xyz:3:7: z is \"1e999\", expected a finite number", "" },
        { "2\nc\nH 0 0 0\nH 0 0 0\n", HG_EDATA,
          "f.xyz:4: atom 2 (H) lies 0 angstrom from atom 1 (H, line 3), closer than 0.4", "bohr" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++)
        molecules_refused("f.xyz", CASE[i].text, CASE[i].st, CASE[i].msg, CASE[i].hint);
}

static void bad_comments_and_columns_are_refused(void **state) {
    (void)state;
#define P "Properties=species:S:1:pos:R:3"
    static const struct {
        const char *comment, *line, *msg;
    } CASE[] = {
        { "Properties=species:S:1", "H", "f.xyz:2:1: Properties has no pos:R:3" },
        { "Properties=pos:R:3", "0 0 0", "f.xyz:2:1: Properties has neither species:S:1 nor Z:I:1" },
        { "a=1 Properties=species:S:1:pos:R", "H", "f.xyz:2:5: Properties is not understood" },
        { "Properties=species:S:1:pos:X:3", "H", "f.xyz:2:1: Properties is not understood" },
        { "Properties=species:S:1:pos:R:0", "H", "f.xyz:2:1: Properties is not understood" },
        { "Properties=species:S:1:pos:R:99999999999999999999", "H", "f.xyz:2:1: Properties is not understood" },
        { "Properties=5", "H", "f.xyz:2:1: Properties has neither species:S:1 nor Z:I:1" },
        { P ":pos:R:3", "H", "f.xyz:2:1: Properties has two columns of one name" },
        { P ":force:R:3:forces:R:3", "H", "f.xyz:2:1: Properties has two columns of one name" },
        { "note=\"Properties = 5\"", "H 0 0 0",
          "f.xyz:2:7: Properties stands here within something else, expected a pair of its own" },
        { P " " P, "H", "f.xyz:2:32: the frame has said this before, and otherwise" },
        { P " a=1 a=2", "H", "f.xyz:2: \"a\" is given twice" },
        { P " a=", "H", "f.xyz:2:34: expected a value behind '='" },
        { P " =5", "H", "f.xyz:2:32: expected a key=value pair" },
        { P " a=\"b", "H", "f.xyz:2:34: the quote that begins here is never closed" },
        { P " a=\"b\\\"", "H", "f.xyz:2:34: the quote that begins here is never closed" },
        { P " a=\"b\"c", "H", "f.xyz:2:37: expected a blank before the next key=value pair" },
        { P " a={1 2", "H", "f.xyz:2:34: the list that begins here is never closed" },
        { P " a=[]", "H", "f.xyz:2:34: an empty list" },
        { P " a=[1,]", "H", "f.xyz:2:37: expected an element of a list" },
        { P " a=[[1,2],[3]]", "H", "f.xyz:2:41: a row of another length than those before it" },
        { P " a=[[1,2],3]", "H", "f.xyz:2:41: expected '[' for a row of the matrix" },
        { P " a=[[1,2]", "H", "f.xyz:2:34: the matrix that begins here is never closed" },
        { P " Lattice=\"1 2\"", "H", "f.xyz:2:32: Lattice is not understood" },
        { P " Lattice=\"1 2 inf\"", "H", "f.xyz:2:32: Lattice is not understood" },
        { P " pbc=\"T T\"", "H", "f.xyz:2:32: pbc is not understood" },
        { P " pbc=\"1 1 2\"", "H", "f.xyz:2:32: pbc is not understood" },
        { P " charge=0.5", "H", "f.xyz:2:32: the charge of a molecule must be a whole number" },
        { P " charge=nan", "H", "f.xyz:2:32: the charge of a molecule must be a whole number" },
        { P " charge=1 total_charge=2", "H", "f.xyz:2:41: the frame has said this before, and otherwise" },
        { P, "H 0 0", "f.xyz:3:6: z is missing: the line ends here" },
        { P, "H 0 0 0 0", "f.xyz:3:9: more columns than Properties tells of" },
        { P ":q:R:1", "H 0 0 0", "f.xyz:3:8: column \"q\" is missing: the line ends here" },
        { P ":q:R:1", "H 0 0 0 x", "f.xyz:3:9: column \"q\" holds \"x\", expected a number" },
        { P ":q:I:1", "H 0 0 0 1.5", "f.xyz:3:9: column \"q\" holds \"1.5\", expected a whole number" },
        { P ":q:L:1", "H 0 0 0 1", "f.xyz:3:9: column \"q\" holds \"1\", expected T or F" },
        { "Properties=species:S:1:Z:I:1:pos:R:3", "H 2 0 0 0",
          "f.xyz:3:3: \"2\" disagrees with the element H of this line" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        char text[512];
        snprintf(text, sizeof text, "1\n%s\n%s\n", CASE[i].comment, CASE[i].line);
        molecules_refused("f.xyz", text, HG_EPARSE, CASE[i].msg, "");
    }
}

/* ---- round trips --------------------------------------------------------------------------------------------- */

static const char RICH[] =
    "2\nLattice=\"5 0 0 0 5.5 0 0 0 6\" Properties=species:S:1:pos:R:3:forces:R:3:tag:I:1:fixed:L:1:site:S:1 "
    "pbc=\"T F F\" id=\"a \\\"b\\\"\" charge=-1 energy=-3.0 step=7 ok=T note=\"x y\\nz\" list=[1, 2] m=[[1.5, 2], [3, 4]] "
    "words={a \"b c\"} \"a key\"=5 one=[1.0] flags=\"T F\"\n"
    "C 0.1 -0 1e-17 0.1 NaN 0.3 7 T a1\nO 0 0 1.128 -1 2 3 -8 F b\n"
    "1\nplain\nD 0 0 0\n";

static void write_all(const char *path, hg_molecule_file *f, hg_arena *mem) {
    hg_molecule_writer *w;
    hg_err err;
    assert_ok_err(hg_molecule_writer_new(&w, path, &err), err);
    for (hg_molecule *m; (m = molecules_next(f, mem)) != NULL;) assert_ok_err(hg_molecule_writer_put(w, m, &err), err);
    assert_ok_err(hg_molecule_writer_commit(w, &err), err);
    hg_molecule_writer_free(w);
    hg_molecule_file_free(f);
}

static void what_is_written_reads_back_equal(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_err err;
    test_scratch(path, sizeof path, "round.xyz");
    write_all(path, molecules_open("f.xyz", RICH), mem);
    hg_molecule_file *a = molecules_open("f.xyz", RICH), *b;
    assert_ok_err(hg_molecule_file_open(&b, path, NULL, &err), err);
    for (hg_molecule *m; (m = molecules_next(a, mem)) != NULL;) molecules_assert_equal(m, molecules_next(b, mem));
    assert_null(molecules_next(b, mem));
    hg_molecule_file_free(a);
    hg_molecule_file_free(b);
    unlink(path);
    hg_arena_reset(mem, mark);
}

static void any_doubles_survive(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { N = 500 };
    char path[512];
    hg_rng rng = hg_rng_make(5, 0);
    hg_molecule *m = hg_molecule_new(mem, N);
    double *q = hg_alloc(mem, N, sizeof *q);
    hg_field column = { .name = "q", .kind = HG_FIELD_REAL, .rank = 1, .rows = 1, .cols = N, .real = q };
    hg_field value = { .name = "e", .kind = HG_FIELD_REAL, .rank = 1, .rows = 1, .cols = N, .real = q };
    for (size_t i = 0; i < N; i++) {
        m->z[i] = (uint8_t)(1 + hg_rng_below(&rng, HG_ELEMENTS));
        for (size_t k = 0; k < 3; k++) m->r[3 * i + k] = 100 * (double)(i % 50) * hg_rng_normal(&rng);
        q[i] = ldexp(hg_rng_normal(&rng), (int)hg_rng_below(&rng, 2000) - 1000);
    }
    m->columns = &column;
    m->values = &value;
    m->n_columns = m->n_values = 1;
    hg_molecule_writer *w;
    hg_err err;
    test_scratch(path, sizeof path, "doubles.xyz");
    assert_ok(hg_molecule_writer_new(&w, path, &err));
    assert_ok_err(hg_molecule_writer_put(w, m, &err), err);
    assert_ok(hg_molecule_writer_commit(w, &err));
    hg_molecule_writer_free(w);
    hg_molecule_file *f;
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    o.limits.min_distance = 0;
    assert_ok(hg_molecule_file_open(&f, path, &o, &err));
    molecules_assert_equal(m, molecules_next(f, mem));
    hg_molecule_file_free(f);
    unlink(path);
    hg_arena_reset(mem, mark);
}

static void what_the_format_cannot_hold_is_not_written(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    const char *word = "two words";
    test_scratch(path, sizeof path, "never.xyz");
    hg_field field[] = {
        { .name = "pbc", .kind = HG_FIELD_TEXT, .rows = 1, .cols = 1, .text = &word },
        { .name = "", .kind = HG_FIELD_TEXT, .rows = 1, .cols = 1, .text = &word },
        { .name = "empty", .kind = HG_FIELD_TEXT, .rank = 1, .rows = 1, .cols = 0, .text = &word },
        { .name = "site", .kind = HG_FIELD_TEXT, .rank = 1, .rows = 1, .cols = 1, .text = &word },
        { .name = "a:b", .kind = HG_FIELD_TEXT, .rank = 1, .rows = 1, .cols = 1, .text = &word },
        { .name = "n", .kind = HG_FIELD_TEXT, .rank = 1, .rows = 1, .cols = 2, .text = &word },
    };
    static const char *const MSG[] = { "a value called \"pbc\"",   "a value called \"\"",
                                       "the empty list \"empty\"", "as a word for an atom the text \"two words\"",
                                       "the column \"a:b\"",       "the column \"n\"" };
    for (size_t i = 0; i < 7; i++) {
        hg_molecule *m = hg_molecule_new(mem, 1);
        hg_molecule_writer *w;
        hg_err err;
        m->z[0] = i < 6;
        m->values = m->columns = &field[i % 6];
        if (i < 3)
            m->n_values = 1;
        else if (i < 6)
            m->n_columns = 1;
        assert_ok(hg_molecule_writer_new(&w, path, &err));
        assert_int_equal(hg_molecule_writer_put(w, m, &err), HG_EINVAL);
        assert_contains(err.msg, i < 6 ? MSG[i] : "an atom that is no element");
        assert_int_equal(hg_molecule_writer_put(w, m, &err), HG_EINVAL);
        assert_int_equal(hg_molecule_writer_commit(w, &err), HG_EINVAL);
        hg_molecule_writer_free(w);
        assert_int_not_equal(access(path, F_OK), 0); /* nothing is left behind */
    }
    hg_arena_reset(mem, mark);
}

static void cuts_pieces_and_faults_do_no_harm(void **state) {
    (void)state;
    molecules_stress("f.xyz", RICH);
    molecules_stress("f.txt", RICH); /* told by its content */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain_frames_keep_their_comment),
        TEST(deuterium_and_tritium_are_hydrogen_with_a_mass_number),
        TEST(values_are_of_the_first_kind_that_fits),
        TEST(some_keys_mean_something),
        TEST(columns_are_as_properties_says),
        TEST(refusals_name_their_place),
        TEST(bad_comments_and_columns_are_refused),
        TEST(what_is_written_reads_back_equal),
        TEST(any_doubles_survive),
        TEST(what_the_format_cannot_hold_is_not_written),
        TEST(cuts_pieces_and_faults_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
