/* tests/files/test_ndarray.c -- arrays of NumPy by hand, archives of them, BOTAN's own files; tests/fixtures/make_numpy_fixtures.py wrote those */
#include "files/ndarray.h"
#include "files/whole.h"
#include "hagane/snapshot_file.h"
#include "test.h"

/* A .npy file around a header as it stands. */
static size_t npy(unsigned char *out, const char *header, const void *data, size_t n) {
    const size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)length;
    out[9] = 0;
    memcpy(out + 10, header, length);
    if (n) memcpy(out + 10 + length, data, n);
    return 10 + length + n;
}

static void elements_are_of_many_types(void **state) {
    (void)state;
    unsigned char bytes[512];
    hg_ndarray a;
    hg_err err;
    const double d[2] = { -2.5, 1e300 };
    const int16_t s[3] = { -7, 300, 0 };
    const uint8_t u[2] = { 200, 3 };
    size_t n = npy(bytes, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", d, sizeof d);
    assert_ok_err(hg_npy_read(&a, "f", bytes, n, &err), err);
    assert_true(a.rank == 1 && a.count == 2 && hg_ndarray_at(&a, 0) == -2.5 && hg_ndarray_at(&a, 1) == 1e300);
    n = npy(bytes, "{'shape': (3, 1), 'fortran_order': False, 'descr': '<i2'}", s, sizeof s);
    assert_ok_err(hg_npy_read(&a, "f", bytes, n, &err), err);
    assert_true(hg_ndarray_is(&a, 2, (const size_t[]) { 3, 1 }) && hg_ndarray_at(&a, 0) == -7 &&
                hg_ndarray_at(&a, 1) == 300);
    n = npy(bytes, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", u, sizeof u);
    assert_ok_err(hg_npy_read(&a, "f", bytes, n, &err), err);
    assert_true(hg_ndarray_at(&a, 0) == 200);
    n = npy(bytes, "{'descr': '<f8', 'fortran_order': False, 'shape': ()}", d, sizeof *d);
    assert_ok_err(hg_npy_read(&a, "f", bytes, n, &err), err);
    assert_true(a.rank == 0 && a.count == 1);
}

static void headers_are_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } CASE[] = {
        { "{'descr': '>f8', 'fortran_order': False, 'shape': (1,)}", "elements that are no little-endian numbers" },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "elements that are no little-endian numbers" },
        { "{'descr': '<f8', 'fortran_order': True, 'shape': (1,)}", "in Fortran's order" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "its length is not that of its shape" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551615, 18446744073709551615)}",
          "its length is not that of its shape" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
          "a shape that is not understood" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (1 2)}", "a shape that is not understood" },
        { "{'descr': '<f8', 'fortran_order': False}", "a header without descr, fortran_order or shape" },
        { "{'descr': '<f8', 'order': False, 'shape': (1,)}", "a header with a key that the format does not know" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (1,", "a shape that is not understood" },
        { "['descr']", "a header that is no dictionary" },
    };
    unsigned char bytes[512];
    const double d = 1;
    hg_ndarray a;
    hg_err err;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        const size_t n = npy(bytes, CASE[i].header, &d, sizeof d);
        assert_int_equal(hg_npy_read(&a, "f", bytes, n, &err), HG_EPARSE);
        assert_contains(err.msg, CASE[i].message);
    }
    assert_int_equal(hg_npy_read(&a, "f", bytes, 11, &err), HG_EPARSE);
    bytes[8] = 255;
    assert_int_equal(hg_npy_read(&a, "f", bytes, 40, &err), HG_EPARSE);
    assert_string_equal(err.msg, "f: ends within its header");
}

static hg_status read_seed(hg_snapshot **s, const char **words, const char *seed, const char *name,
                           const hg_snapshot_opts *o, hg_arena *mem, hg_err *err) {
    char path[512], relative[128];
    void *bytes;
    size_t n;
    snprintf(relative, sizeof relative, "tests/fuzz/corpus/npz/%s", seed);
    assert_ok_err(hg_whole_read(&bytes, &n, test_source(path, sizeof path, relative), 1 << 20, 0, err), *err);
    const hg_status st = hg_snapshot_read_memory(s, words, name, bytes, n, o, mem, err);
    hg_whole_free(bytes, n);
    return st;
}

static void botans_files_are_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    const char *words;
    hg_snapshot *s;
    hg_err err;
    hg_snapshot_opts o = hg_snapshot_opts_default();
    for (int k = 0; k < 2; k++) {
        assert_ok_err(
            read_seed(&s, &words, k ? "deflated" : "stored", "a/isoconfig_N4096T0.44_401_tc07.npz", NULL, mem, &err),
            err);
        assert_string_equal(words, "BOTAN's .npz: a cube of number density 1.2, labels are at t = 4120");
        assert_string_equal(s->id, "isoconfig_N4096T0.44_401_tc07");
        assert_close(s->box[1], 1.1856311014966876, 1e-15); /* (2 / 1.2)^(1/3) */
        assert_true(s->n == 2 && s->species[0] == 0 && s->species[1] == 1 && s->temperature == 0.44 && s->runs == 2);
        assert_close(s->x[2], s->box[2] - 0.25, 1e-15);
        assert_close((double)s->propensity[0], (0.25 + 0.5) / 2, 1e-7); /* of the positions as they are, not wrapped */
        assert_close((double)s->propensity[1], 0.25, 1e-7);
        assert_close((double)s->propensity_half[1][0], 0.5, 1e-7);
    }
    assert_ok_err(read_seed(&s, &words, "stored", "x.npz", NULL, mem, &err), err);
    assert_true(s->n_times == 0 && isnan(s->temperature));
    assert_contains(words, "labels left out: the file does not say their time");
    o.label_time = 7;
    o.temperature = 0.5;
    assert_ok_err(read_seed(&s, NULL, "stored", "x.npz", &o, mem, &err), err);
    assert_true(s->n_times == 1 && s->time[0] == 7 && s->temperature == 0.5);
    assert_ok_err(read_seed(&s, &words, "times", "x.npz", NULL, mem, &err), err);
    assert_true(s->n_times == 2 && s->time[1] == 10 && s->runs == 1 && s->box[2] == 2.5 && s->propensity[2] == 0.5f);
    assert_string_equal(words, "BOTAN's .npz: the box is its own, labels at 2 times");
    hg_arena_reset(mem, mark);
}

static void what_is_wrong_with_an_archive_is_named(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const struct {
        const char *seed;
        hg_status st;
        const char *message;
    } CASE[] = {
        { "missing", HG_ENOTFOUND, "f: there is no array \"initial_positions\"" },
        { "cut", HG_EPARSE, "f: its end is not that of a ZIP archive" },
        { "checksum", HG_EPARSE, "f: a checksum does not fit" },
        { "shape", HG_EDATA, "f: array \"positions\" is of another shape than [runs,n,3]" },
        { "fortran", HG_EPARSE, "f: array \"positions\": an array in Fortran's order" },
        { "big_endian", HG_EPARSE, "f: array \"positions\": elements that are no little-endian numbers" },
    };
    hg_snapshot *s;
    hg_err err;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        assert_int_equal(read_seed(&s, NULL, CASE[i].seed, "f", NULL, mem, &err), CASE[i].st);
        assert_contains(err.msg, CASE[i].message);
    }
    for (long k = 0;; k++) {
        char path[512];
        void *bytes;
        size_t n;
        assert_ok(hg_whole_read(&bytes, &n, test_source(path, sizeof path, "tests/fuzz/corpus/npz/deflated"), 1 << 20,
                                0, NULL));
        fail_alloc_after(k);
        hg_arena *own = hg_arena_new();
        const hg_status st = hg_snapshot_read_memory(&s, NULL, "T0.44_tc07", bytes, n, NULL, own, &err);
        hg_arena_free(own);
        fail_alloc_after(-1);
        hg_whole_free(bytes, n);
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
        TEST(elements_are_of_many_types),
        TEST(headers_are_read_strictly),
        TEST(botans_files_are_read),
        TEST(what_is_wrong_with_an_archive_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
