/* tests/files/test_pickle.c -- pickles as data: what they hold, what they may not do; tests/fixtures/make_numpy_fixtures.py wrote the files */
#include "files/pickle.h"
#include "files/whole.h"
#include "hagane/snapshot_file.h"
#include "test.h"

static hg_pickled *machine(hg_arena *mem, const char *code, size_t n) {
    hg_pickled *v;
    hg_err err;
    assert_ok_err(hg_pickle_read(&v, "f", (const unsigned char *)code, n, mem, &err), err);
    return v;
}
#define MACHINE(code) machine(mem, code, sizeof code - 1)

static void refused(hg_arena *mem, const char *code, size_t n, hg_status st, const char *words) {
    hg_pickled *v;
    hg_err err = { 0 };
    assert_int_equal(hg_pickle_read(&v, "f", (const unsigned char *)code, n, mem, &err), st);
    assert_null(v);
    assert_contains(err.msg, words);
}
#define REFUSED(code, st, words) refused(mem, code, sizeof code - 1, st, words)

static void values_are_those_of_the_machine(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const hg_pickled *v = MACHINE("\x80\x03}q\x00(X\x01\x00\x00\x00"
                                  "aK\x07X\x01\x00\x00\x00"
                                  "b]q\x01(J\xfe\xff\xff\xff"
                                  "G\x3f\xe0\x00\x00\x00\x00\x00\x00\x8a\x02\x00\x80\x88Neu.");
    assert_int_equal(v->kind, HG_PICKLE_DICT);
    assert_true(hg_pickle_get(v, "a")->real == 7);
    const hg_pickled *b = hg_pickle_get(v, "b");
    assert_true(b->kind == HG_PICKLE_LIST && b->n == 5);
    assert_true(b->item[0]->real == -2 && b->item[1]->real == 0.5 && b->item[2]->real == -32768);
    assert_true(b->item[3]->kind == HG_PICKLE_BOOL && b->item[4]->kind == HG_PICKLE_NONE);
    assert_null(hg_pickle_get(v, "c"));
    assert_null(hg_pickle_get(b, "a"));
    v = MACHINE("\x80\x04(K\x01K\x02K\x03tq\x00"
                "0h\x00.");
    assert_true(v->kind == HG_PICKLE_LIST && v->n == 3 && v->item[2]->real == 3);
    hg_arena_reset(mem, mark);
}

static void nothing_is_ever_run(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    REFUSED("cos\nsystem\n(X\x04\x00\x00\x00truetR.", HG_EREFUSED,
            "f: byte 1 of the pickle wants to use os.system, which is not allowed");
    REFUSED("\x80\x04\x8c\x08"
            "builtins\x8c\x04"
            "eval\x93.",
            HG_EREFUSED, "wants to use builtins.eval");
    REFUSED("cnumpy\nload\n.", HG_EREFUSED, "wants to use numpy.load");
    REFUSED("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nR.", HG_EPARSE,
            "byte 52 of the pickle: calls what is no function");
    REFUSED("cnumpy\nndarray\n)R.", HG_EPARSE, "calls what is no function");
    REFUSED("(i", HG_EPARSE, "an instruction that is not allowed");        /* INST */
    REFUSED("\x81.", HG_EPARSE, "an instruction that is not allowed");     /* NEWOBJ */
    REFUSED("P1\n.", HG_EPARSE, "an instruction that is not allowed");     /* PERSID */
    REFUSED("\x82\x01.", HG_EPARSE, "an instruction that is not allowed"); /* EXT1 */
    hg_arena_reset(mem, mark);
}

static void damaged_ones_are_refused_at_their_byte(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    REFUSED("", HG_EPARSE, "byte 1 of the pickle: the file ends without its last instruction");
    REFUSED("NN.", HG_EPARSE, "byte 3 of the pickle: the end, with values left over");
    REFUSED(".", HG_EPARSE, "takes a value where none is");
    REFUSED("(.", HG_EPARSE, "takes a value where none is");
    REFUSED("e.", HG_EPARSE, "looks for a mark that is not there");
    REFUSED("N(Ne.", HG_EPARSE, "adds to something else than a list");
    REFUSED("}(Nu.", HG_EPARSE, "a key without a value");
    REFUSED("h\x05.", HG_EPARSE, "recalls what was never kept");
    REFUSED("Nr\xff\xff\xff\xff.", HG_EPARSE, "a number in the memo far beyond");
    REFUSED("X\xff\xff\xff\xff"
            "ab",
            HG_EPARSE, "the file ends within it");
    REFUSED("B\x02\x00\x00\x00"
            "a",
            HG_EPARSE, "the file ends within it");
    REFUSED("\x8a\x09"
            "123456789.",
            HG_EPARSE, "more than 8 bytes");
    REFUSED("cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", HG_EPARSE, "elements that are no little-endian numbers");
    REFUSED("N)b.", HG_EPARSE, "the state of an object that is not understood");
    hg_arena_reset(mem, mark);
}

static hg_status read_seed(hg_snapshot **s, const char **words, const char *seed, hg_arena *mem, hg_err *err) {
    char path[512], relative[128];
    snprintf(relative, sizeof relative, "tests/fuzz/corpus/pickle/%s", seed);
    return hg_snapshot_read(s, words, test_source(path, sizeof path, relative), NULL, mem, err);
}

static void bapsts_files_are_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const char *const SEED[] = { "protocol2", "protocol3", "protocol5" };
    const char *words;
    hg_snapshot *s;
    hg_err err;
    for (size_t k = 0; k < 3; k++) {
        assert_ok_err(read_seed(&s, &words, SEED[k], mem, &err), err);
        assert_string_equal(words, "Bapst's pickle: types 0 1 are A B, lengths in sigma_AA");
        assert_true(s->n == 2 && s->species[1] == 1 && s->box[2] == 2.5 && s->temperature == 0.44 && s->x[2] == 2.25);
        assert_true(s->runs == 2 && s->n_times == 2 && s->time[0] == 1 && s->time[1] == 25); /* time_indices 3, 1 */
        for (size_t t = 0; t < 2; t++) assert_true(s->propensity[2 * t] == 0.375f && s->propensity[2 * t + 1] == 0.25f);
        assert_true(s->propensity_half[0][0] == 0.25f && s->propensity_half[1][0] == 0.5f);
    }
    assert_ok_err(read_seed(&s, NULL, "targets", mem, &err), err); /* trajectories of one time alone */
    assert_true(s->n_times == 2 && !s->propensity_half[0] && s->runs == 2);
    assert_true(s->propensity[0] == 1 && s->propensity[1] == 2 && s->propensity[2] == 3 && s->propensity[3] == 4);
    assert_int_equal(read_seed(&s, NULL, "evil", mem, &err), HG_EREFUSED);
    assert_contains(err.msg, "system, which is not allowed");
    assert_int_equal(read_seed(&s, NULL, "itself", mem, &err), HG_EDATA);
    assert_contains(err.msg, "\"positions\" is missing, or is not an array [n,3]");
    assert_int_equal(read_seed(&s, NULL, "cut", mem, &err), HG_EPARSE);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        hg_arena *own = hg_arena_new();
        const hg_status st = read_seed(&s, NULL, "protocol2", own, &err);
        hg_arena_free(own);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 4);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_are_those_of_the_machine),
        TEST(nothing_is_ever_run),
        TEST(damaged_ones_are_refused_at_their_byte),
        TEST(bapsts_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
