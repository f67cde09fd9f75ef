/* tests/files/test_sdf.c -- MDL molfiles V2000 and V3000, alone and many in a file: atoms, bonds, charges, data items, refusals */
#include "files/sdf.h"
#include "molecules.h"
#include "test.h"

/* ---- texts ---------------------------------------------------------------------------------------------------- */

#define HEAD "acetate\n  Hagane  11222612003D\nby hand\n"
#define ATOMS                                                                                                          \
    "    0.0000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0\n"                                          \
    "    1.5200    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0\n"                                          \
    "    2.1000    1.1000    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0\n"                                          \
    "    2.1000   -1.1000    0.0000 O   0  5  0  0  0  0  0  0  0  0  0  0\n"
#define BONDS "  1  2  1  0\n  2  3  2  0\n  2  4  1  0\n"
static const char ACETATE[] =
    HEAD "  4  3  0  0  0  0  0  0  0  0999 V2000\n" ATOMS BONDS "M  END\n"
         "> <PUBCHEM_COMPOUND_CID>\n175\n\n>  5  <NAME> (x)\nacetate\nion\n\n> <LogP>\n-0.25\n\n> DT12\n007\n\n$$$$\n";

static const char V3000[] =
    "glycine part\n  Hagane  11222612003D\n\n  0  0  0     0  0            999 V3000\n"
    "M  V30 BEGIN CTAB\nM  V30 COUNTS 3 2 0 0 0\nM  V30 BEGIN ATOM\n"
    "M  V30 10 C 0 0 0 0 CHG=-\nM  V30 -1 MASS=13 CFG=1\nM  V30 2 N 1.47 0 -0.5 0\nM  V30 7 D -1.1 0 0 0 RAD=2\n"
    "M  V30 END ATOM\nM  V30 BEGIN BOND\nM  V30 1 1 10 2\nM  V30 2 9 7 10 CFG=1\nM  V30 END BOND\n"
    "M  V30 BEGIN SGROUP\nM  V30 1 DAT 0 ATOMS=(1 10) FIELDNAME=\"a b\"\nM  V30 END SGROUP\n"
    "M  V30 END CTAB\nM  END\n$$$$\n";

/* ---- what is read ---------------------------------------------------------------------------------------------- */

static void v2000_gives_atoms_bonds_charges_and_items(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_file *f = molecules_open("f.sdf", ACETATE);
    const hg_molecule *m = molecules_next(f, mem);
    double x;
    assert_string_equal(hg_molecule_file_format(f), "sdf");
    assert_string_equal(m->id, "acetate");
    assert_true(m->n == 4 && m->z[1] == 6 && m->z[3] == 8 && m->r[3] == 1.52 && m->r[10] == -1.1);
    assert_int_equal(m->charge, -1);
    assert_int_equal(hg_molecule_electrons(m), 6 + 6 + 8 + 8 + 1);
    const hg_field *q = hg_molecule_column(m, "formal_charge");
    assert_true(q->whole[0] == 0 && q->whole[3] == -1);
    assert_int_equal(m->n_bonds, 3);
    assert_true(m->bonds[1].a == 1 && m->bonds[1].b == 2 && m->bonds[1].kind == 2);
    assert_int_equal(m->n_values, 4);
    assert_true(hg_molecule_number(&x, m, "PUBCHEM_COMPOUND_CID") && x == 175);
    assert_true(hg_molecule_number(&x, m, "LogP") && x == -0.25);
    assert_string_equal(hg_molecule_value(m, "NAME")->text[0], "acetate\nion");
    assert_string_equal(hg_molecule_value(m, "DT12")->text[0], "007");
    assert_false(m->flat);
    assert_null(molecules_next(f, mem));
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

static void v3000_gives_the_same_kind_of_molecule(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_file *f = molecules_open("f.mol", V3000);
    const hg_molecule *m = molecules_next(f, mem);
    assert_string_equal(m->id, "glycine part");
    assert_true(m->n == 3 && m->z[0] == 6 && m->z[1] == 7 && m->z[2] == 1 && m->r[5] == -0.5);
    assert_int_equal(m->charge, -1);
    const hg_field *mass = hg_molecule_column(m, "mass_number");
    assert_true(mass->whole[0] == 13 && mass->whole[1] == 0 && mass->whole[2] == 2);
    assert_int_equal(m->n_bonds, 2);
    assert_true(m->bonds[0].a == 0 && m->bonds[0].b == 1 && m->bonds[0].kind == 1);
    assert_true(m->bonds[1].a == 2 && m->bonds[1].b == 0 && m->bonds[1].kind == 0); /* a dative bond has no order */
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

static hg_molecule *only(hg_arena *mem, const char *text) {
    hg_molecule_file *f = molecules_open("f.sdf", text);
    hg_molecule *m = molecules_next(f, mem);
    assert_non_null(m);
    assert_null(molecules_next(f, mem));
    hg_molecule_file_free(f);
    return m;
}

static void property_lines_replace_what_atoms_say(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m =
        only(mem, HEAD "  4  3  0  0  0  0  0  0  0  0999 V2000\n" ATOMS BONDS
                       "A    1\nsome text\nM  CHG  2   1   2   3  -1\nM  ISO  1   2  14\nM  XYZ  9\nM  END\n");
    const hg_field *q = hg_molecule_column(m, "formal_charge"), *mass = hg_molecule_column(m, "mass_number");
    assert_true(q->whole[0] == 2 && q->whole[2] == -1 && q->whole[3] == 0 && m->charge == 1);
    assert_true(mass->whole[1] == 14 && mass->whole[0] == 0);
    m = only(mem, HEAD "  4  3  0  0  0  0  0  0  0  0999 V2000\n" ATOMS BONDS "M  RAD  1   1   2\nM  END\n");
    assert_true(m->charge == 0 && !hg_molecule_column(m, "formal_charge"));
    m = only(
        mem, HEAD
        "  1  0\n    0.0000    0.0000    0.0000 H   1  3  0\nM  END\n"); /* heavier by one, charge +1, no version */
    assert_true(hg_molecule_column(m, "mass_number")->whole[0] == 2 && m->charge == 1);
    m = only(
        mem, HEAD
        "  2  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 H   1  0\n    0.0000    0.0000    1.0000 H   0  0\n"
        "M  ISO  1   2   3\nM  END\n");
    mass = hg_molecule_column(m, "mass_number");
    assert_true(mass->whole[0] == 0 && mass->whole[1] == 3); /* not 2 and 3 */
    hg_arena_reset(mem, mark);
}

static void lines_of_words_are_read_too(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_molecule *m =
        only(mem, HEAD "  2  1  0  0  0  0  0  0  0  0999 V2000\n0.0 0.0 0.0 Cl 0 0\n0 0 1.275 H\n1 2 1\nM  END\n");
    assert_true(m->z[0] == 17 && m->z[1] == 1 && m->r[5] == 1.275 && m->n_bonds == 1);
    m = only(mem, HEAD "  1  0  0  0  0  0  0  0  0  0999 V2000\n-1234.5678-1234.5678 1234.5678Cl  0  0\nM  END\n");
    assert_true(m->r[0] == -1234.5678 && m->r[1] == -1234.5678 && m->r[2] == 1234.5678);
    hg_arena_reset(mem, mark);
}

static void records_follow_each_other(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char text[4096];
    snprintf(
        text, sizeof text,
        "%s\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 He  0  0\nM  END\n$$$$\n%s\n\n\n\n\n\n",
        ACETATE, V3000);
    hg_molecule_file *f = molecules_open("f.sdf", text);
    assert_string_equal(molecules_next(f, mem)->id, "acetate");
    const hg_molecule *m = molecules_next(f, mem);
    assert_true(m->z[0] == 2 && !*m->id && m->n_values == 0);
    assert_int_equal(m->line, 27);
    assert_string_equal(molecules_next(f, mem)->id, "glycine part");
    assert_null(molecules_next(f, mem)); /* empty lines are no record */
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

static void drawings_are_taken_only_when_asked_for(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const char FLAT[] =
        "x\n  Hagane  11222612002D\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 He  0  0\nM  END\n";
    molecules_refused("f.sdf", FLAT, HG_EDATA, "f.sdf:1: a drawing in two dimensions, not positions of atoms",
                      "geometry");
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    hg_molecule_file *f;
    o.limits.allow_flat = true;
    assert_ok(hg_molecule_file_open_memory(&f, "f.sdf", FLAT, strlen(FLAT), &o, NULL));
    assert_true(molecules_next(f, mem)->flat);
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void bad_v2000_is_refused(void **state) {
    (void)state;
#define COUNTS(s) HEAD s "  0  0  0  0  0  0  0  0999 V2000\n"
#define HE        "    0.0000    0.0000    0.0000 He  0  0\n"
    static const struct {
        const char *text;
        hg_status st;
        const char *msg;
    } CASE[] = {
        { "", HG_EDATA, "f.sdf: holds no molecule" },
        { "\n\n\n\n\n", HG_EDATA, "f.sdf: holds no molecule" },
        { "x\n", HG_EPARSE, "f.sdf:1: the file ends here, expected the counts line of the record from line 1" },
        { HEAD "  1  0  0  0  0  0  0  0  0  0999 V4000\n", HG_EPARSE,
          "f.sdf:4:35: \"V4000\", expected V2000 or V3000" },
        { HEAD "\n", HG_EPARSE, "f.sdf:4:1: the number of atoms is missing" },
        { HEAD "  x  0\n", HG_EPARSE,
          "f.sdf:4:3: the number of atoms is \"x\", expected a whole number of at most 999" },
        { HEAD "  1 -1\n", HG_EPARSE,
          "f.sdf:4:5: the number of bonds is \"-1\", expected a whole number of at most 999" },
        { COUNTS("  0  0") "M  END\n", HG_EDATA, "f.sdf:1: a molecule without atoms" },
        { COUNTS("  2  0") HE, HG_EPARSE, "f.sdf:5: the file ends here, expected an atom of the record from line 1" },
        { COUNTS("  2  0") HE "M  END\n", HG_EPARSE, "f.sdf:6:1: x is \"M\", expected a number" },
        { COUNTS("  1  0") "    0.0000    0.0000    0.0000 R#  0  0\n", HG_EPARSE, "f.sdf:5:32: \"R#\" is no element" },
        { COUNTS("  1  0") "    0.0000       nan    0.0000 He  0  0\n", HG_ENAN,
          "f.sdf:5:18: y is \"nan\", expected a finite number" },
        { COUNTS("  1  1") HE "  1  2  1\n", HG_EPARSE,
          "f.sdf:6:6: the second atom of a bond is \"2\", expected a whole number of at most 1" },
        { COUNTS("  1  1") HE "  0  1  1\n", HG_EPARSE, "f.sdf:6: a bond with atom 0: they count from 1" },
        { COUNTS("  1  1") HE "  1  1  1\n", HG_EPARSE, "f.sdf:6: a bond of atom 1 with itself" },
        { COUNTS("  1  1") HE "  1\n", HG_EPARSE, "f.sdf:6:4: the second atom of a bond is missing" },
        { COUNTS("  1  0") HE, HG_EPARSE, "f.sdf:5: the file ends here, expected M  END of the record from line 1" },
        { COUNTS("  1  0") HE "M  CHG  1   2   1\nM  END\n", HG_EPARSE,
          "f.sdf:6:13: an atom is \"2\", expected a whole number of at most 1" },
        { COUNTS("  1  0") HE "M  CHG  1   1  99\nM  END\n", HG_EPARSE, "f.sdf:6:16: expected an atom and its charge" },
        { COUNTS("  1  0") HE "M  ISO  1   1   0\nM  END\n", HG_EPARSE,
          "f.sdf:6:17: expected an atom and its mass number" },
        { COUNTS("  1  0") HE "M  CHG  9\nM  END\n", HG_EPARSE,
          "f.sdf:6:9: the number of pairs is \"9\", expected a whole number of at most 8" },
        { COUNTS("  1  0") HE "M  CHG\nM  END\n", HG_EPARSE, "f.sdf:6:7: the number of pairs is missing" },
        { COUNTS("  1  0") HE "M  END\nrubbish\n", HG_EPARSE, "f.sdf:7:1: expected a data item or $$$$" },
        { COUNTS("  1  0") HE "M  END\n> <a>\n1\n", HG_EPARSE,
          "f.sdf:8: the file ends here, expected the end of a data item of the record from line 1" },
        { COUNTS("  1  0") HE "M  END\n> <a>\n1\n\n", HG_EPARSE,
          "f.sdf:9: the file ends here, expected $$$$ of the record from line 1" },
        { COUNTS("  1  0") HE "M  END\n>\n1\n\n$$$$\n", HG_EPARSE, "f.sdf:7:1: a data item without a name" },
        { COUNTS("  1  0") HE "M  END\n> <a>\n1\n\n> <a>\n2\n\n$$$$\n", HG_EPARSE, "f.sdf:12: \"a\" is given twice" },
        { COUNTS("  2  0") HE HE "M  END\n", HG_EDATA,
          "f.sdf:6: atom 2 (He) lies 0 angstrom from atom 1 (He, line 5), closer than 0.4" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++)
        molecules_refused("f.sdf", CASE[i].text, CASE[i].st, CASE[i].msg, "");
}

static void bad_v3000_is_refused(void **state) {
    (void)state;
#define TOP "x\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n"
#define ONE "M  V30 COUNTS 1 0 0 0 0\nM  V30 BEGIN ATOM\nM  V30 1 He 0 0 0 0\nM  V30 END ATOM\n"
    static const char *const CASE[][2] = {
        { TOP, "f.sdf:5: the file ends here, expected M  END of the record from line 1" },
        { TOP "M  END\n", "f.sdf:6: a table without COUNTS" },
        { TOP "rubbish\n", "f.sdf:6: expected a line that begins with \"M  V30 \"" },
        { TOP "M  V30 COUNTS x\n",
          "f.sdf:6:15: the number of atoms is \"x\", expected a whole number of at most 4294967295" },
        { TOP "M  V30 COUNTS 2 0 0 0 0\nM  V30 COUNTS 2 0 0 0 0\n", "f.sdf:7: a second COUNTS in one table" },
        { TOP "M  V30 COUNTS 2 0\nM  V30 BEGIN ATOM\nM  V30 1 He 0 0 0 0\nM  V30 END ATOM\nM  V30 END CTAB\nM  END\n",
          "f.sdf:11: 1 atoms and 0 bonds, but COUNTS tells of 2 and 0" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 He 0 0\nM  V30 END ATOM\n", "f.sdf:7:16: z is missing: the line ends here" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 [C,N] 0 0 0 0\n", "f.sdf:7:10: \"[C,N]\" is no element" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 He 0 0 0 0 CHG=99\n", "f.sdf:7:21: \"CHG=99\" is out of its range" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 He 0 0 -\nM  V30 nan 0\n",
          "f.sdf:8: z is \"nan\", expected a finite number" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 He 0 0 -\nM  END\n",
          "f.sdf:8: expected a line that begins with \"M  V30 \"" },
        { TOP "M  V30 BEGIN ATOM\nM  V30 1 He 0 0 0 0\nM  V30 1 He 0 0 1 0\nM  V30 END ATOM\n",
          "f.sdf:9: two atoms above have number 1" },
        { TOP "M  V30 BEGIN ATOM\nM  END\n", "f.sdf:7: M  END within a block ATOM" },
        { TOP ONE "M  V30 BEGIN ATOM\n", "f.sdf:10: a second block of atoms in one table" },
        { TOP ONE "M  V30 BEGIN BOND\nM  V30 1 1 1 2\n", "f.sdf:11:14: a bond of atom 2, which is not there" },
        { TOP ONE "M  V30 BEGIN BOND\nM  V30 1 1 1 1\n", "f.sdf:11: a bond of atom 1 with itself" },
        { TOP ONE "M  V30 BEGIN BOND\nM  V30 1 1 1\n", "f.sdf:11:13: an atom of a bond is missing" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        hg_status st = strstr(CASE[i][0], "nan") ? HG_ENAN : HG_EPARSE;
        molecules_refused("f.sdf", CASE[i][0], st, CASE[i][1], "");
    }
}

static void cuts_pieces_and_faults_do_no_harm(void **state) {
    (void)state;
    char text[4096];
    snprintf(text, sizeof text, "%s%s", ACETATE, V3000);
    molecules_stress("f.sdf", text);
    molecules_stress("f.txt", text); /* told by its content */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(v2000_gives_atoms_bonds_charges_and_items),
        TEST(v3000_gives_the_same_kind_of_molecule),
        TEST(property_lines_replace_what_atoms_say),
        TEST(lines_of_words_are_read_too),
        TEST(records_follow_each_other),
        TEST(drawings_are_taken_only_when_asked_for),
        TEST(bad_v2000_is_refused),
        TEST(bad_v3000_is_refused),
        TEST(cuts_pieces_and_faults_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
