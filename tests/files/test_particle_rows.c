/* tests/files/test_particle_rows.c -- snapshots as text: LAMMPS data and dumps, extended XYZ of liquids; each refusal with its place */
#include "files/particle_rows.h"
#include "test.h"

static hg_snapshot *read_text(hg_arena *mem, const char **words, const char *text, const hg_snapshot_opts *o) {
    hg_snapshot *s;
    hg_err err;
    assert_ok_err(hg_snapshot_read_memory(&s, words, "f", text, strlen(text), o, mem, &err), err);
    return s;
}

static void refused(hg_arena *mem, const char *text, const hg_snapshot_opts *o, hg_status st, const char *msg,
                    const char *hint) {
    hg_snapshot *s;
    hg_err err = { 0 };
    assert_int_equal(hg_snapshot_read_memory(&s, NULL, "f", text, strlen(text), o, mem, &err), st);
    assert_string_equal(err.msg, msg);
    if (hint) assert_contains(err.hint, hint);
}

/* ---- LAMMPS data ------------------------------------------------------------------------------------------------- */

#define HEAD "a liquid\n\n3 atoms\n2 atom types\n\n-1 9 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n"

static void data_files_are_read_with_their_species_said(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const char *words;
    hg_snapshot_opts o = hg_snapshot_opts_default();
    static const char TEXT[] =
        HEAD "0.0 0.0 0.0 xy xz yz\n\nMasses\n\n1 1\n2 1\n\nPair Coeffs # lj/cut\n\n1 1 1\n2 0.5 0.88\n\n"
             "Atoms # atomic\n\n3 2 5 5 5.5 0 0 0\n1 1 -0.5 10.5 3\n2 1 1 2 -1e-12 # here\n\n"
             "Velocities\n\n1 0 0 0\n2 0 0 0\n3 0 0 0\n";
    const hg_snapshot *s = read_text(mem, &words, TEXT, NULL);
    assert_string_equal(words, "LAMMPS data: types 1 2 are A B, lengths in sigma_AA");
    assert_true(s->n == 3 && s->box[0] == 10 && s->species[0] == 0 && s->species[2] == 1);
    assert_true(s->x[0] == 0.5 && s->x[1] == 0.5 && s->x[2] == 3 && s->x[6] == 6 && s->x[8] == 5.5);
    assert_true(s->x[5] < 10 && s->x[5] >= 0 && isnan(s->temperature));
    assert_string_equal(s->id, "f");
    o.species = "BA";
    o.temperature = 0.5;
    s = read_text(mem, &words, TEXT, &o);
    assert_string_equal(words, "LAMMPS data: types 1 2 are B A, lengths in sigma_AA");
    assert_true(s->species[0] == 1 && s->species[2] == 0 && s->temperature == 0.5);
    o.species = "A";
    refused(mem, TEXT, &o, HG_EPARSE, "f:23:3: type 2, but a species is given for 1 types only (A)",
            "two types, A and B");
    hg_arena_reset(mem, mark);
}

static void what_is_wrong_with_a_data_file_is_named(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    refused(mem, HEAD "Atoms\n\n1 1 1 1 1\n2 1 2 2 2\n", NULL, HG_EPARSE, "f:12: the file ends here, expected an atom",
            "cut short");
    refused(mem, HEAD "Atoms\n\n1 1 1 1 1\n2 1 2 2 2\n2 2 3 3 3\n", NULL, HG_EPARSE,
            "f:13: particle 2 was there before, in line 12", NULL);
    refused(mem, HEAD "Atoms\n\n1 1 1 1 1\n2 1 2 2 nan\n3 2 3 3 3\n", NULL, HG_ENAN,
            "f:12:9: z is \"nan\", expected a finite number", NULL);
    refused(mem, HEAD "Atoms\n\n1 1 1 1 1\n2 1 2 2 2 4 5\n", NULL, HG_EPARSE,
            "f:12: 7 words in a line of Atoms, expected 5 or 8", "atom_style atomic");
    refused(mem, HEAD "Atoms # full\n\n1 1 1 0 1 1 1\n", NULL, HG_EPARSE,
            "f:9:9: atom style \"full\"; only atomic is read", "dump with the columns id type x y z");
    refused(mem, HEAD "Atoms\n\n1 1 1 1 1\n2 1 1 1 1.2\n3 2 3 3 3\n", NULL, HG_EDATA,
            "f:12: particle 2 (A) lies 0.2 from particle 1 (A), closer than 0.3", "in other units");
    refused(mem, HEAD "Atoms\n\n1 1 7 1 1 1 1 1.5\n", NULL, HG_EPARSE,
            "f:11: the last three words of a line of Atoms are no images", "atom_style atomic");
    refused(mem, "x\n2 atoms\n0 9 xlo xhi\n1 1 ylo yhi\n", NULL, HG_EPARSE, "f:4:1: a box without width", NULL);
    refused(mem, "x\n2 atoms\n0 9 xlo xhi\n\nAtoms\n\n1 1 1 1 1\n2 1 4 4 4\n", NULL, HG_EPARSE,
            "f:8: no line said where the box ends along y", NULL);
    refused(mem, HEAD "1 0 0 xy xz yz\n", NULL, HG_EPARSE,
            "f:9:1: a tilted box; only rectangular ones are computed with", NULL);
    refused(mem, "LAMMPS, units = metal\n1 atoms\n0 9 xlo xhi\n", NULL, HG_EPARSE,
            "f:1:17: units are \"metal\", expected lj", NULL);
    hg_arena_reset(mem, mark);
}

/* ---- dumps ------------------------------------------------------------------------------------------------------- */

#define FRAME(n, columns)                                                                                              \
    "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n" n "\nITEM: BOX BOUNDS pp pp pp\n0 8\n0 8\n-2 6\nITEM: ATOMS " columns \
    "\n"

static void a_frame_of_a_dump_is_read_whatever_its_columns(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const char *words;
    hg_snapshot_opts o = hg_snapshot_opts_default();
    static const char TEXT[] = FRAME("2", "id type x y z vx") "1 1 1 1 1 0\n2 2 3 3 3 0\n" FRAME(
        "2", "zs mass type xs id ys") "0.25 1 2 0.5 9 0.5\n0.5 1 1 0.125 7 0\n";
    const hg_snapshot *s = read_text(mem, &words, TEXT, NULL); /* the last one */
    assert_string_equal(words, "LAMMPS dump: types 1 2 are A B, lengths in sigma_AA");
    assert_true(s->n == 2 && s->species[0] == 0 && s->species[1] == 1);
    assert_true(s->x[0] == 1 && s->x[1] == 0 && s->x[2] == 4 && s->x[5] == 2);
    o.frame = 1;
    s = read_text(mem, NULL, TEXT, &o);
    assert_true(s->x[0] == 1 && s->x[2] == 3 && s->x[5] == 5);
    o.frame = 3;
    refused(mem, TEXT, &o, HG_EDATA, "f: has 2 frames, frame 3 was asked for", NULL);
    s = read_text(mem, NULL, FRAME("2", "type xu yu zu") "1 9 -1 1\n2 3 3 3\n", NULL); /* no id: the order of lines */
    assert_true(s->x[0] == 1 && s->x[1] == 7 && s->x[2] == 3);
    hg_arena_reset(mem, mark);
}

static void what_is_wrong_with_a_dump_is_named(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    refused(mem, FRAME("1", "id x y z") "1 1 1 1\n", NULL, HG_EPARSE,
            "f:9:13: column \"type\" is missing: there are id x y z", "dump 1 all custom");
    refused(mem, FRAME("1", "id type x y") "1 1 1 1\n", NULL, HG_EPARSE,
            "f:9:13: column \"z\" is missing: there are id type x y", NULL);
    refused(mem, FRAME("2", "id type x y z") "1 1 1 1 1\n2 1 1 1\n", NULL, HG_EPARSE,
            "f:11:8: z is missing: the line ends here", NULL);
    refused(mem, FRAME("2", "id type x y z") "1 1 1 1 1\n", NULL, HG_EPARSE,
            "f:10: the file ends here, expected an atom", NULL);
    refused(mem, "ITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp ff\n", NULL, HG_EPARSE,
            "f:3:24: the box is not periodic along z (ff)", "boundary p p p");
    refused(mem, "ITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS xy xz yz pp pp pp\n", NULL, HG_EPARSE,
            "f:3:18: a tilted box; only rectangular ones are computed with", NULL);
    refused(mem, "ITEM: UNITS\nreal\n", NULL, HG_EPARSE, "f:2:1: units are \"real\", expected lj", NULL);
    refused(mem, "ITEM: TIMESTEP\n5\n", NULL, HG_EPARSE, "f:2: the file ends before its first ITEM: ATOMS is complete",
            NULL);
    refused(mem, FRAME("1", "id type x y z") "1 1 1 1 1\nITEM: NUMBER OF ATOMS\n1\n", NULL, HG_EPARSE,
            "f:12: the file ends within a frame", NULL);
    refused(mem, "ITEM: ENTRIES c_1\n", NULL, HG_EPARSE,
            "f:1:1: \"ITEM: ENTRIES c_1\", expected an ITEM: of a dump of atoms", NULL);
    refused(mem, "ITEM: ATOMS id\n", NULL, HG_EPARSE, "f:1: atoms before the number of atoms", NULL);
    hg_arena_reset(mem, mark);
}

/* ---- extended XYZ ------------------------------------------------------------------------------------------------ */

#define XYZ "2\nLattice=\"8 0 0 0 8 0 0 0 9\" Properties=species:S:1:pos:R:3"

static void extended_xyz_has_what_a_snapshot_knows(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const char *words;
    const hg_snapshot *s =
        read_text(mem, &words,
                  XYZ ":q:I:1:inherent:R:3:propensity:R:2 temperature=0.44 times=\"1 10\" runs=8 liquid=3 split=train "
                      "id=\"x 1\" other=7\nA 1 1 -1 5 0.1 0 0 0.5 1.5\nB 3 3 3 5 0 0.2 0 0.25 2\n",
                  NULL);
    assert_string_equal(words, "extended XYZ: lengths in sigma_AA");
    assert_true(s->n == 2 && s->x[2] == 8 && s->box[2] == 9 && s->temperature == 0.44 && s->liquid == 3 &&
                s->runs == 8);
    assert_string_equal(s->id, "x 1");
    assert_string_equal(s->split, "train");
    assert_true(s->inherent[0] == 0.1 && s->inherent[4] == 0.2 && s->n_times == 2 && s->time[1] == 10);
    assert_true(s->propensity[0] == 0.5f && s->propensity[1] == 0.25f && s->propensity[2] == 1.5f &&
                s->propensity[3] == 2);
    s = read_text(
        mem, NULL, XYZ "\n2 1 1 1\n1 3 3 3\n" XYZ "\nA 1 1 1\nA 3 3 3\n",
        &(hg_snapshot_opts) {
            .species = "AB", .frame = 1, .max_bytes = 1000, .temperature = (double)NAN, .label_time = (double)NAN });
    assert_true(s->species[0] == 1 && s->species[1] == 0);
    hg_arena_reset(mem, mark);
}

static void what_is_wrong_with_an_xyz_is_named(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    refused(mem, XYZ "\nNi 1 1 1\nP 3 3 3\n", NULL, HG_EPARSE,
            "f:3:1: the type is \"Ni\", expected 1, 2, ... or a letter A to D", "name the species A");
    refused(mem, XYZ " pbc=\"T T F\"\n", NULL, HG_EPARSE, "f:2:60: the box is not periodic (pbc)", NULL);
    refused(mem, "2\nProperties=species:S:1:pos:R:3\n", NULL, HG_EPARSE, "f:2: no Lattice: the box is not known", NULL);
    refused(mem, "2\nLattice=\"8 1 0 0 8 0 0 0 8\" Properties=species:S:1:pos:R:3\n", NULL, HG_EPARSE,
            "f:2:1: Lattice is not a rectangular box", NULL);
    refused(mem, "2\nLattice=\"8 8 8\" Properties=species:S:1:r:R:3\n", NULL, HG_EPARSE,
            "f:2:17: column \"pos\" is missing from Properties", NULL);
    refused(mem, XYZ ":propensity:R:2 times=3\n", NULL, HG_EPARSE,
            "f:2: column \"propensity\" is 2 wide, but there are 1 times", NULL);
    refused(mem, "2\nwater\nA 1 1 1\nB 3 3 3\n", NULL, HG_EPARSE, "f:2: no Properties in the second line of a frame",
            "plain XYZ has no box");
    refused(mem, XYZ "\nA 1 1 1\nB 3 3 3 3\n", NULL, HG_EPARSE, "f:4:9: more words than Properties has columns", NULL);
    refused(mem, XYZ "\nA 1 1 1\n", NULL, HG_EPARSE, "f:3: the file ends here, expected a particle", NULL);
    hg_arena_reset(mem, mark);
}

/* ---- there and back ---------------------------------------------------------------------------------------------- */

/* Whatever is written reads back to the last bit: all of it as xyz, positions and species as data. */
static void what_is_written_reads_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { N = 50 };
    hg_rng rng = hg_rng_make(8, 0);
    hg_snapshot *s = hg_snapshot_new(mem, N), *back;
    char path[512];
    hg_err err;
    for (size_t k = 0; k < 3; k++) s->box[k] = 7 + hg_rng_uniform(&rng);
    s->inherent = hg_alloc(mem, N, 3 * sizeof(double));
    s->cage = hg_alloc(mem, N, 3 * sizeof(double));
    s->cage_covariance = hg_alloc(mem, N, 6 * sizeof(double));
    s->propensity = hg_alloc(mem, 3 * N, sizeof(float));
    for (size_t h = 0; h < 2; h++) s->propensity_half[h] = hg_alloc(mem, 3 * N, sizeof(float));
    s->time = hg_alloc(mem, 3, sizeof(double));
    s->n_times = 3;
    s->runs = 32;
    s->temperature = 0.44;
    s->id = "a b";
    for (size_t t = 0; t < 3; t++) s->time[t] = pow(3.7, (double)t);
    for (size_t i = 0; i < N; i++) {
        s->species[i] = i % 3 == 1;
        for (size_t k = 0; k < 3; k++) {
            s->x[3 * i + k] = s->box[k] * hg_rng_uniform(&rng);
            s->inherent[3 * i + k] = hg_rng_normal(&rng);
            s->cage[3 * i + k] = hg_rng_normal(&rng);
        }
        for (size_t k = 0; k < 6; k++) s->cage_covariance[6 * i + k] = hg_rng_normal(&rng);
    }
    for (size_t i = 0; i < 3 * N; i++) {
        s->propensity[i] = (float)hg_rng_uniform(&rng);
        for (size_t h = 0; h < 2; h++) s->propensity_half[h][i] = (float)hg_rng_uniform(&rng);
    }
    hg_snapshot_opts o = hg_snapshot_opts_default();
    o.nearest = 0;
    for (int which = 0; which < 2; which++) {
        test_scratch(path, sizeof path, which ? "back.data" : "back.xyz");
        assert_ok_err(hg_snapshot_write(path, s, &err), err);
        assert_ok_err(hg_snapshot_read(&back, NULL, path, &o, mem, &err), err);
        assert_memory_equal(back->x, s->x, 3 * N * sizeof(double));
        assert_memory_equal(back->species, s->species, N);
        assert_memory_equal(back->box, s->box, sizeof s->box);
        if (which) break;
        assert_string_equal(back->id, "a b");
        assert_true(back->temperature == 0.44 && back->runs == 32 && back->n_times == 3 && back->time[2] == s->time[2]);
        assert_memory_equal(back->inherent, s->inherent, 3 * N * sizeof(double));
        assert_memory_equal(back->cage, s->cage, 3 * N * sizeof(double));
        assert_memory_equal(back->cage_covariance, s->cage_covariance, 6 * N * sizeof(double));
        assert_memory_equal(back->propensity, s->propensity, 3 * N * sizeof(float));
        for (size_t h = 0; h < 2; h++)
            assert_memory_equal(back->propensity_half[h], s->propensity_half[h], 3 * N * sizeof(float));
    }
    s->id = "a \"b\"";
    test_scratch(path, sizeof path, "quoted.xyz");
    assert_int_equal(hg_snapshot_write(path, s, &err), HG_EINVAL);
    assert_string_equal(err.msg, "extended XYZ cannot hold the text \"a \"b\"\"");
    hg_arena_reset(mem, mark);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static const char *const TEXT[] = {
        HEAD "Atoms # atomic\n\n3 2 5 5 5.5 0 0 0\n1 1 -0.5 10.5 3\n2 1 1 2 4\n",
        FRAME("2", "id type x y z vx") "1 1 1 1 1 0\n2 2 3 3 3 0\n",
        XYZ ":inherent:R:3:propensity:R:1 times=2 split=train\nA 1 1 1 0 0 0 1\nB 3 3 3 0 0 0 2\n",
    };
    for (size_t which = 0; which < 3; which++)
        for (long k = 0;; k++) {
            hg_snapshot *s;
            hg_err err;
            fail_alloc_after(k);
            hg_arena *own = hg_arena_new();
            const hg_status st =
                hg_snapshot_read_memory(&s, NULL, "f", TEXT[which], strlen(TEXT[which]), NULL, own, &err);
            hg_arena_free(own);
            fail_alloc_after(-1);
            if (st == HG_OK) {
                assert_true(k > 4);
                break;
            }
            assert_int_equal(st, HG_ENOMEM);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(data_files_are_read_with_their_species_said),
        TEST(what_is_wrong_with_a_data_file_is_named),
        TEST(a_frame_of_a_dump_is_read_whatever_its_columns),
        TEST(what_is_wrong_with_a_dump_is_named),
        TEST(extended_xyz_has_what_a_snapshot_knows),
        TEST(what_is_wrong_with_an_xyz_is_named),
        TEST(what_is_written_reads_back),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
