/* tests/files/test_molecule_file.c -- molecules out of files: Quantum Deep Field's text, formats told apart, streams, faults */
#include "hagane/molecule_file.h"
#include "hagane/csv.h"
#include "molecules.h"
#include "test.h"
#include <lzma.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- helpers ------------------------------------------------------------------------------------------------- */

static const char TWO[] = "water\nO 0 0 0\nH 0.7571 0.5861 0\nH -0.7571 0.5861 0\n-9.5 1.25\n"
                          "\n"
                          "mol 2\nC 0 0 0\nO 1.128 0 0\n-11.5 3\n";

/* ---- Quantum Deep Field's text ------------------------------------------------------------------------------- */

static void qdf_blocks_are_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_file *f = molecules_open("two.qdf", TWO);
    assert_string_equal(hg_molecule_file_format(f), "qdf");
    const hg_molecule *m = molecules_next(f, mem);
    assert_int_equal(m->n, 3);
    assert_string_equal(m->id, "water");
    assert_int_equal(m->line, 1);
    assert_true(m->z[0] == 8 && m->z[1] == 1 && m->z[2] == 1);
    assert_true(m->r[3] == 0.7571 && m->r[4] == 0.5861 && m->r[6] == -0.7571);
    const hg_field *t = hg_molecule_value(m, "target");
    assert_true(t && t->kind == HG_FIELD_REAL && t->rank == 1 && t->cols == 2 && t->real[0] == -9.5 &&
                t->real[1] == 1.25);
    m = molecules_next(f, mem);
    assert_string_equal(m->id, "mol 2");
    assert_int_equal(m->line, 7);
    assert_int_equal(hg_molecule_electrons(m), 14);
    assert_null(molecules_next(f, mem));
    assert_null(molecules_next(f, mem)); /* and again */
    assert_int_equal(hg_molecule_file_count(f), 2);
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

static void qdf_needs_no_targets_and_takes_blank_lines_and_any_line_end(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const char *const TEXT[] = { "a\nC 0 0 0\n\nb\nN 1 2 3\n", "\n\na\nC 0 0 0\n \n\n\nb\nN 1 2 3",
                                        "a\r\nC 0 0 0\r\n\r\nb\r\nN 1 2 3\r\n",
                                        "\357\273\277a\nC\t0  0 0 \n\n  b  \n N 1 2 3\n\n" };
    for (size_t i = 0; i < sizeof TEXT / sizeof *TEXT; i++) {
        hg_molecule_file *f = molecules_open("x.qdf", TEXT[i]);
        const hg_molecule *m = molecules_next(f, mem);
        assert_string_equal(m->id, "a");
        assert_int_equal(m->n_values, 0);
        m = molecules_next(f, mem);
        assert_string_equal(m->id, "b");
        assert_true(m->z[0] == 7 && m->r[2] == 3);
        assert_null(molecules_next(f, mem));
        hg_molecule_file_free(f);
    }
    hg_arena_reset(mem, mark);
}

static void qdf_refusals_name_their_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        hg_status st;
        const char *msg, *hint;
    } CASE[] = {
        { "", HG_EDATA, "f.qdf: holds no molecule", "" },
        { "\n \n", HG_EDATA, "f.qdf: holds no molecule", "" },
        { "a\nXx 0 0 0\n", HG_EPARSE, "f.qdf:2:1: \"Xx\" is no element", "periodic table" },
        { "a\nC 0 0 0\n  CL 0 0 2\n", HG_EPARSE, "f.qdf:3:3: \"CL\" is no element", "did you mean Cl?" },
        { "a\nc 0 0 0\n", HG_EPARSE, "f.qdf:2:1: \"c\" is no element", "did you mean C?" },
        { "a\nC 0 0\n", HG_EPARSE, "f.qdf:2:6: z is missing: the line ends here", "" },
        { "a\nC 0 0,5 0\n", HG_EPARSE, "f.qdf:2:5: y is \"0,5\", expected a number", "" },
        { "a\nC 0 nan 0\n", HG_ENAN, "f.qdf:2:5: y is \"nan\", expected a finite number", "failed before" },
        { "a\nC 0 0 -Inf\n", HG_ENAN, "f.qdf:2:7: z is \"-Inf\", expected a finite number", "failed before" },
        { "a\nC 0 0 0 1\n", HG_EPARSE, "f.qdf:2:9: expected the line of an atom to end behind z", "" },
        { "a\nC 0 0 0\n1 x\n", HG_EPARSE, "f.qdf:3:3: a target value is \"x\", expected a number", "" },
        { "a\nC 0 0 0\n1\nC 0 0 0\n", HG_EPARSE, "f.qdf:4:1: expected an empty line behind the target values",
          "one empty" },
        { "a\n1\n", HG_EDATA, "f.qdf:1: a molecule without atoms", "" },
        { "a", HG_EDATA, "f.qdf:1: a molecule without atoms", "" },
        { "C 0 0 0\n1\n", HG_EPARSE, "f.qdf:1:1: an atom, expected the id of the next molecule", "empty line" },
        { "a\nC 0 0 0\n1\n\nb\nC 0 0 0\n", HG_EPARSE,
          "f.qdf:6: molecule \"b\" (line 5) has 0 target values, the first one of the file has 1", "cut short" },
        { "a\nC 0 0 0\nO 1.2 0 0\nC 0 0 0.1\n1\n", HG_EDATA,
          "f.qdf:4: atom 3 (C) lies 0.1 angstrom from atom 1 (C, line 2), closer than 0.4", "bohr" },
        { "a\nC 0 0 3e7\n1\n", HG_EDATA,
          "f.qdf:2: the z coordinate of atom 1 (C) is 3e+07 angstrom, farther than 1e+07", "" },
        { "a\nC 0 0 \xff\n", HG_EPARSE, "f.qdf:2:7: a byte that is not UTF-8 text", "iconv" },
        { "a\nC 0 0 \xe2\x82", HG_EPARSE, "f.qdf:2:7: a byte that is not UTF-8 text", "iconv" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++)
        molecules_refused("f.qdf", CASE[i].text, CASE[i].st, CASE[i].msg, CASE[i].hint);
}

static void too_many_atoms_are_refused_before_the_end(void **state) {
    hg_arena *mem = *state;
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    hg_molecule_file *f;
    hg_molecule *m;
    hg_err err;
    o.limits.max_atoms = 2;
    assert_ok(hg_molecule_file_open_memory(&f, "f.qdf", TWO, strlen(TWO), &o, &err));
    const size_t before = hg_arena_bytes(mem);
    assert_int_equal(hg_molecule_file_next(&m, f, mem, &err), HG_ELIMIT);
    assert_string_equal(err.msg, "f.qdf:4: more than 2 atoms in one molecule");
    assert_int_equal(hg_arena_bytes(mem), before); /* what was begun is given back */
    hg_molecule_file_free(f);
}

static void after_a_bad_molecule_the_next_can_be_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_file *f =
        molecules_open("f.qdf", "a\nC 0 0 0\nC 0 0 0.1\n1\n\nb\nN 0 0 0\n2\n\nc\nXy 0 0 0\n3\n\nd\nC 0 0 0\n4\n");
    hg_molecule *m;
    hg_err err;
    assert_int_equal(hg_molecule_file_next(&m, f, mem, &err), HG_EDATA);
    assert_null(m);
    assert_string_equal(molecules_next(f, mem)->id, "b");
    for (int i = 0; i < 3; i++) { /* what cannot be read at all says where, for ever */
        assert_int_equal(hg_molecule_file_next(&m, f, mem, &err), HG_EPARSE);
        assert_string_equal(err.msg, "f.qdf:11:1: \"Xy\" is no element");
    }
    assert_int_equal(hg_molecule_file_count(f), 2);
    hg_molecule_file_free(f);
    hg_arena_reset(mem, mark);
}

/* Atoms and electrons of a split, as the table beside the data says. */
static void count_split(double *atoms, double *electrons, const char *split) {
    static const char *const ONLY[] = { "n_atoms", "n_electrons", "split" };
    char path[512];
    hg_csv_opts o = hg_csv_opts_default();
    hg_table *t;
    hg_err err;
    o.only = ONLY;
    o.n_only = 3;
    assert_non_null(test_shared(path, sizeof path, "data/qdf-qm9/qm9_energies.tsv.xz"));
    assert_ok_err(hg_csv_read(&t, path, &o, &err), err);
    *atoms = *electrons = 0;
    for (size_t i = 0; i < hg_table_rows(t); i++)
        if (strcmp(hg_table_text(t, 2, i), split) == 0) {
            *atoms += hg_table_column(t, 0)->number[i];
            *electrons += hg_table_column(t, 1)->number[i];
        }
    hg_table_free(t);
}

/* The data that models are trained on: as many molecules, atoms and electrons as their table says. */
static void published_qdf_data_are_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    if (!test_shared(path, sizeof path, "data/qdf-qm9/under14_test.txt.xz")) skip();
    hg_molecule_file *f;
    hg_err err;
    size_t n = 0;
    double atoms, electrons;
    count_split(&atoms, &electrons, "test");
    assert_ok_err(hg_molecule_file_open(&f, path, NULL, &err), err);
    assert_string_equal(hg_molecule_file_format(f), "qdf"); /* by content */
    for (hg_molecule *m; (m = molecules_next(f, mem)) != NULL; n++) {
        if (n == 0) {
            assert_string_equal(m->id, "dsgdb9nsd_000014");
            assert_true(m->n == 9 && m->r[26] == -1.2014849452);
            assert_true(hg_molecule_value(m, "target")->real[0] == -33.00661185800112);
        }
        assert_true(m->n <= 14);
        atoms -= (double)m->n;
        electrons -= (double)hg_molecule_electrons(m);
        hg_arena_reset(mem, mark);
    }
    assert_int_equal(n, 1480);
    assert_true(atoms == 0 && electrons == 0);
    hg_molecule_file_free(f);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static void formats_are_told_by_name_or_content(void **state) {
    (void)state;
    hg_molecule_file *f;
    hg_err err;
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    f = molecules_open("molecules.txt", TWO);
    assert_string_equal(hg_molecule_file_format(f), "qdf");
    hg_molecule_file_free(f);
    o.format = "qfd";
    assert_int_equal(hg_molecule_file_open_memory(&f, "x", TWO, strlen(TWO), &o, &err), HG_ENOTFOUND);
    assert_null(f);
    assert_string_equal(err.msg, "there is no molecule format \"qfd\"");
    assert_contains(err.hint, "did you mean qdf?");
    molecules_refused("notes.txt", "these are no molecules\nat all\n", HG_EPARSE,
                      "notes.txt: the format of this file is not known", "qdf");
    molecules_refused("notes.txt", "", HG_EDATA, "notes.txt: is empty, expected molecules", "");
    o = hg_molecule_file_opts_default();
    o.chunk = 0;
    assert_int_equal(hg_molecule_file_open_memory(&f, "x", TWO, strlen(TWO), &o, &err), HG_EINVAL);
    assert_int_equal(hg_molecule_file_open(&f, "/nowhere/x.qdf", NULL, &err), HG_EIO);
    assert_null(f);
}

/* ---- streams --------------------------------------------------------------------------------------------------- */

static double peak_mb(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

/* What the address and thread sanitizers keep aside says nothing about us. */
static void assert_grown_less(double before, double mb) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (peak_mb() - before > mb) fail_msg("memory grew by %.0f MiB, more than %.0f", peak_mb() - before, mb);
#endif
    (void)before;
    (void)mb;
}

static void a_hundred_thousand_molecules_need_the_memory_of_one(void **state) {
    hg_arena *mem = *state;
    enum { N = 100000 };
    static const char *const NAME[] = { "many.qdf", "many.xyz", "many.sdf" };
    for (size_t k = 0; k < 3; k++) {
        char path[512];
        test_scratch(path, sizeof path, NAME[k]);
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        for (size_t i = 0; i < N; i++) {
            if (k == 0) fprintf(out, "m%zu\nO 0 0 0\nH 0.7571 0.5861 0\nH -0.7571 0.5861 0\n-9.5\n\n", i);
            if (k == 1)
                fprintf(out, "2\nProperties=species:S:1:pos:R:3:q:R:1:site:S:1 i=%zu\nC 0 0 0 1 a\nO 0 0 1.128 -1 b\n",
                        i);
            if (k == 2)
                fprintf(
                    out,
                    "m%zu\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 He  0  0\nM  END\n$$$$\n",
                    i);
        }
        fclose(out);
        hg_molecule_file *f;
        hg_err err;
        size_t n = 0, most = 0;
        assert_ok_err(hg_molecule_file_open(&f, path, NULL, &err), err);
        const double before = peak_mb();
        for (const hg_mark mark = hg_arena_mark(mem); molecules_next(f, mem); n++) {
            if (hg_arena_bytes(mem) > most) most = hg_arena_bytes(mem);
            hg_arena_reset(mem, mark);
        }
        assert_int_equal(n, N);
        assert_true(most < 4096);
        assert_grown_less(before, 4);
        uint64_t done, total;
        hg_molecule_file_bytes(&done, &total, f);
        assert_true(done == total && total > N);
        hg_molecule_file_free(f);
        unlink(path);
    }
}

static void a_million_atoms_are_one_molecule_when_asked_for(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { SIDE = 100, N = SIDE * SIDE * SIDE };
    char path[512], want[640];
    test_scratch(path, sizeof path, "million.xyz");
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fprintf(out, "%d\nargon\n", N);
    for (size_t i = 0; i < N; i++)
        fprintf(out, "Ar %zu %zu.5 -%zu\n", 2 * (i % SIDE), 2 * (i / SIDE % SIDE), 2 * (i / SIDE / SIDE));
    fclose(out);
    hg_molecule_file *f;
    hg_molecule *m;
    hg_err err;
    assert_ok(hg_molecule_file_open(&f, path, NULL, &err));
    assert_int_equal(hg_molecule_file_next(&m, f, mem, &err), HG_ELIMIT);
    snprintf(want, sizeof want, "%s:1:1: 1000000 atoms, more than 100000", path);
    assert_string_equal(err.msg, want);
    hg_molecule_file_free(f);
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    o.limits.max_atoms = N;
    assert_ok(hg_molecule_file_open(&f, path, &o, &err));
    const double before = peak_mb();
    m = molecules_next(f, mem);
    assert_true(m->n == N && m->z[N - 1] == 18 && m->r[3 * N - 2] == 198.5 && m->r[3 * N - 1] == -198);
    assert_true(hg_arena_bytes(mem) < 26 * (size_t)N); /* 25 bytes an atom */
    assert_grown_less(before, 160);
    assert_null(molecules_next(f, mem));
    hg_molecule_file_free(f);
    unlink(path);
    hg_arena_reset(mem, mark);
}

static void cuts_pieces_and_faults_do_no_harm(void **state) {
    (void)state;
    molecules_stress("f.qdf", TWO);
    molecules_stress("f", TWO);
}

static void compressed_files_are_told_by_their_inner_name(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    unsigned char packed[1024];
    size_t n = 0;
    hg_molecule_file *f;
    hg_err err;
    assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)TWO, strlen(TWO), packed, &n,
                                             sizeof packed),
                     LZMA_OK);
    static const char *const NAME[] = { "two.QDF.xz", "two.txt.xz", "dir.sdf/two.qdf", ".qdf" };
    for (size_t i = 0; i < 4; i++) {
        assert_ok_err(hg_molecule_file_open_memory(&f, NAME[i], packed, n, NULL, &err), err);
        assert_string_equal(hg_molecule_file_format(f), "qdf");
        assert_int_equal(molecules_next(f, mem)->n, 3);
        hg_molecule_file_free(f);
    }
    hg_status st = hg_molecule_file_open_memory(&f, "cut.qdf.xz", packed, n - 20, NULL, &err);
    molecules_drain(f, &st, &err);
    assert_int_equal(st, HG_EPARSE);
    assert_string_equal(err.msg, "cut.qdf.xz: the xz data end too early");
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(qdf_blocks_are_read),
        TEST(qdf_needs_no_targets_and_takes_blank_lines_and_any_line_end),
        TEST(qdf_refusals_name_their_place),
        TEST(after_a_bad_molecule_the_next_can_be_read),
        TEST(too_many_atoms_are_refused_before_the_end),
        TEST(published_qdf_data_are_read),
        TEST(formats_are_told_by_name_or_content),
        TEST(compressed_files_are_told_by_their_inner_name),
        TEST(a_hundred_thousand_molecules_need_the_memory_of_one),
        TEST(a_million_atoms_are_one_molecule_when_asked_for),
        TEST(cuts_pieces_and_faults_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
