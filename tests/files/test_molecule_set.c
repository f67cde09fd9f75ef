/* tests/files/test_molecule_set.c -- molecules with known values: whole files, blocks, refused ones passed over */
#include "files/molecule_set.h"
#include "molecules.h"
#include "program.h"
#include "test.h"

#define EXTENDED "Properties=species:S:1:pos:R:3 "
static const char THREE[] = "2\n" EXTENDED "e=1.5 f=2 id=a\nH 0 0 0\nH 0 0 0.7\n"
                            "2\n" EXTENDED "e=-2.5 id=b\nH 0 0 0\nH 0 0 0.8\n"
                            "2\n" EXTENDED "e=4 f=8 id=c\nH 0 0 0\nH 0 0 0.9\n";

static void a_file_becomes_a_set(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_molecule_set s;
    hg_err err;
    test_scratch(path, sizeof path, "three.xyz");
    test_write_file(path, THREE);
    const hg_target t[] = { { "e", 2, false }, { "f", 1, true } };
    assert_ok_err(hg_molecule_set_read(&s, path, &(hg_molecule_set_opts) { .target = t, .n_targets = 2 }, mem, &err),
                  err);
    assert_int_equal(s.n, 3);
    const double want[] = { 3, 2, -5, (double)NAN, 8, 8 };
    for (size_t i = 0; i < 6; i++) assert_true(s.value[i] == want[i] || (isnan(want[i]) && isnan(s.value[i])));
    assert_string_equal(s.molecule[2]->id, "c");
    assert_ok(hg_molecule_set_read(&s, path, NULL, mem, NULL)); /* molecules alone */
    assert_int_equal(s.n, 3);
    assert_null(s.why);
    hg_arena_reset(mem, mark);
}

/* 3,000 molecules at once and in blocks: the set grows, and blocks end where they have to. */
static void blocks_hold_the_same(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    enum { N = 3000 };
    char *text = hg_alloc(mem, N, 80);
    size_t at = 0;
    for (int i = 0; i < N; i++) at += (size_t)sprintf(text + at, "1\n" EXTENDED "e=%d\nH 0 0 0\n", i);
    const hg_target t = { NULL, 1, false };
    const hg_molecule_set_opts o = { .target = &t, .n_targets = 1 };
    static const size_t MOST[] = { 500, N, N + 1 };
    for (size_t k = 0; k < 3; k++) {
        const size_t most = MOST[k];
        hg_molecule_file *f = molecules_open("many.xyz", text);
        size_t seen = 0;
        for (bool more = true; more;) {
            const hg_mark block = hg_arena_mark(mem);
            hg_molecule_set s = { 0 };
            assert_ok(hg_molecule_set_fill(&s, f, "many.xyz", &o, most, mem, NULL));
            more = s.n == most;
            for (size_t i = 0; i < s.n; i++) assert_true(s.value[i] == (double)seen++);
            hg_arena_reset(mem, block);
        }
        assert_int_equal(seen, N);
        hg_molecule_file_free(f);
    }
    hg_arena_reset(mem, mark);
}

static hg_status fill(hg_molecule_set *s, const char *text, const hg_molecule_set_opts *o, hg_arena *mem, hg_err *err) {
    hg_molecule_file *f = molecules_open("set.xyz", text);
    *s = (hg_molecule_set) { 0 };
    *err = (hg_err) { 0 };
    const hg_status st = hg_molecule_set_fill(s, f, "set.xyz", o, SIZE_MAX, mem, err);
    hg_molecule_file_free(f);
    return st;
}

static void a_molecule_without_its_value_is_named(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_set s;
    hg_err err;
    hg_target t = { "f", 1, false };
    const hg_molecule_set_opts o = { .target = &t, .n_targets = 1 };
    assert_int_equal(fill(&s, THREE, &o, mem, &err), HG_ENOTFOUND);
    assert_contains(err.msg, "set.xyz:5: molecule \"b\" has no number \"f\"");
    assert_contains(err.hint, "it has: e");
    t.name = NULL;
    assert_int_equal(fill(&s, THREE, &o, mem, &err), HG_EDATA);
    assert_contains(err.msg, "set.xyz:1: molecule \"a\" has 2 values; which one is meant?");
    assert_contains(err.hint, "--target NAME: e, f");
    assert_int_equal(fill(&s, "1\n" EXTENDED "id=x\nH 0 0 0\n", &o, mem, &err), HG_EDATA);
    assert_contains(err.msg, "molecule \"x\" has no known value");
    assert_contains(err.hint, "known values stand in extended XYZ");
    assert_int_equal(fill(&s, "1\nplain\nH 0 0 0\n", &o, mem, &err), HG_EDATA); /* a comment is no number */
    assert_contains(err.msg, "molecule \"plain\" has no known value");
    assert_ok_err(fill(&s, "1\n" EXTENDED "e=3 method=GFN1\nH 0 0 0\n", &o, mem, &err), err); /* nor is a word */
    assert_true(s.value[0] == 3);
    assert_int_equal(fill(&s, "1\n" EXTENDED "e=nan\nH 0 0 0\n", &o, mem, &err), HG_ENAN);
    assert_contains(err.msg, "\"e\" is not a finite number");
    hg_arena_reset(mem, mark);
}

static const char OVERLAP[] = "1\n\nH 0 0 0\n"
                              "2\n\nH 0 0 0\nH 0 0 0.1\n"
                              "1\n\nO 0 0 0\n";

static void refused_molecules_may_be_passed_over(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_set s;
    hg_err err;
    assert_int_equal(fill(&s, OVERLAP, NULL, mem, &err), HG_EDATA);
    assert_contains(err.msg, "set.xyz:7");
    const hg_molecule_set_opts keep = { .keep_refused = true };
    assert_ok_err(fill(&s, OVERLAP, &keep, mem, &err), err);
    assert_int_equal(s.n, 3);
    assert_null(s.molecule[1]);
    assert_int_equal(s.why[1].code, HG_EDATA);
    assert_contains(s.why[1].msg, "set.xyz:7");
    assert_int_equal(s.why[2].code, HG_OK);
    assert_int_equal(s.molecule[2]->z[0], 8);
    /* where the file cannot go on, neither can the set: no endless loop */
    assert_int_equal(fill(&s, "1\n\nH 0 0 0\n2\n\nH 0 0 0\n", &keep, mem, &err), HG_EPARSE);
    assert_int_equal(s.n, 1);
    hg_arena_reset(mem, mark);
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_molecule_set s;
    hg_err err;
    const hg_target t = { "e", 1, false };
    const hg_molecule_set_opts o = { .target = &t, .n_targets = 1, .keep_refused = true };
    for (long k = 0;; k++) {
        hg_molecule_file *f = molecules_open("set.xyz", THREE);
        s = (hg_molecule_set) { 0 };
        hg_arena *own = hg_arena_new();
        fail_alloc_after(k);
        const hg_status st = hg_molecule_set_fill(&s, f, "set.xyz", &o, SIZE_MAX, own, &err);
        fail_alloc_after(-1);
        hg_molecule_file_free(f);
        hg_arena_free(own);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_file_becomes_a_set), TEST(blocks_hold_the_same),
                                        TEST(a_molecule_without_its_value_is_named),
                                        TEST(refused_molecules_may_be_passed_over), TEST(memory_may_lack) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
