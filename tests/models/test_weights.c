/* tests/models/test_weights.c -- parameters to a file and back; files of other networks */
#include "hagane/weights.h"
#include "files/safetensors.h"
#include "tensor/params.h"
#include "test.h"
#include <unistd.h>

static hg_params *network(hg_dtype dtype, uint64_t seed) {
    hg_params *p;
    assert_ok(hg_params_new(&p, &(hg_params_opts) { .dtype = dtype, .seed = seed }, NULL));
    hg_params_add(p, HG_SHAPE(4, 3), hg_init_linear(3), "body.weight");
    hg_params_add(p, HG_SHAPE(4), hg_init_linear(3), "body.bias");
    hg_params_add(p, HG_SCALAR, hg_init_constant(0.1), "head");
    assert_ok(hg_params_seal(p, NULL));
    return p;
}

static void what_was_saved_is_loaded(void **state) {
    (void)state;
    char path[512];
    const hg_note notes[] = { { "model", "tiny 1" }, { "units", "eV" } };
    test_scratch(path, sizeof path, "weights.safetensors");
    for (int k = 0; k < 2; k++) {
        hg_params *a = network(k ? HG_F64 : HG_F32, 1), *b = network(k ? HG_F64 : HG_F32, 2);
        hg_safetensors *s;
        assert_memory_not_equal(a->values, b->values, hg_params_bytes(a));
        assert_ok(hg_params_save(path, a, notes, 2, NULL));
        assert_ok(hg_params_load(b, path, "", NULL));
        assert_memory_equal(a->values, b->values, hg_params_bytes(a));
        assert_ok(hg_safetensors_open(&s, path, 0, NULL)); /* as others see it */
        assert_int_equal(hg_safetensors_count(s), 3);
        assert_string_equal(hg_safetensors_note(s, "units"), "eV");
        assert_int_equal(hg_safetensors_find(s, "body.weight")->shape[1], 3);
        assert_int_equal(hg_safetensors_find(s, "head")->rank, 0);
        hg_safetensors_free(s);
        hg_params_free(a);
        hg_params_free(b);
    }
    unlink(path);
}

/* Floats are exact as doubles; doubles round to floats; bfloat16 is read too. */
static void types_are_converted(void **state) {
    (void)state;
    char path[512];
    hg_params *f = network(HG_F32, 1), *d = network(HG_F64, 2);
    double x[12], y[12];
    test_scratch(path, sizeof path, "types.safetensors");
    assert_ok(hg_params_save(path, f, NULL, 0, NULL));
    assert_ok(hg_params_load(d, path, "", NULL));
    hg_params_get(x, f, 0);
    hg_params_get(y, d, 0);
    assert_memory_equal(x, y, sizeof x);
    hg_params_set(d, 2, (double[]) { 0.1 });
    assert_ok(hg_params_save(path, d, NULL, 0, NULL));
    assert_ok(hg_params_load(f, path, "", NULL));
    hg_params_get(x, f, 2);
    assert_true(x[0] == 0.1f);
    const uint16_t bits = 0xC0A0; /* -5 */
    const hg_stored t = { "head", HG_STORED_BF16, 0, NULL, 1, &bits };
    assert_ok(hg_safetensors_write(path, &t, 1, NULL, 0, NULL));
    assert_ok(hg_params_load(d, path, "head", NULL));
    hg_params_get(x, d, 2);
    assert_true(x[0] == -5);
    unlink(path);
    hg_params_free(f);
    hg_params_free(d);
}

/* A part of a network from another one: what is not asked for may be there, or not. */
static void a_part_is_loaded_by_its_prefix(void **state) {
    (void)state;
    char path[512];
    hg_params *a = network(HG_F32, 1), *b = network(HG_F32, 2);
    double head, x[12], y[12];
    test_scratch(path, sizeof path, "part.safetensors");
    hg_params_set(a, 2, (double[]) { 42 });
    assert_ok(hg_params_save(path, a, NULL, 0, NULL));
    assert_ok(hg_params_load(b, path, "body.", NULL));
    hg_params_get(&head, b, 2);
    hg_params_get(x, a, 0);
    hg_params_get(y, b, 0);
    assert_true(head == 0.1f);
    assert_memory_equal(x, y, sizeof x);
    unlink(path);
    hg_params_free(a);
    hg_params_free(b);
}

static void refused(const hg_stored *t, size_t n, const char *prefix, hg_status want, const char *words) {
    char path[512];
    hg_params *p = network(HG_F32, 1), *before = network(HG_F32, 1);
    hg_err err = { .code = HG_OK };
    test_scratch(path, sizeof path, "bad.safetensors");
    assert_ok(hg_safetensors_write(path, t, n, NULL, 0, NULL));
    const hg_status st = hg_params_load(p, path, prefix, &err);
    if (st != want) fail_msg("%s instead of %s: %s", hg_status_name(st), hg_status_name(want), err.msg);
    assert_contains(err.msg, words);
    assert_memory_equal(p->values, before->values, hg_params_bytes(p)); /* nothing of it was taken */
    unlink(path);
    hg_params_free(p);
    hg_params_free(before);
}

static void files_of_other_networks_are_refused(void **state) {
    (void)state;
    static const float X[12] = { 1, 2, 3 }, NANS[4] = { 1, 2, NAN, 3 };
    static const double BIG = 1e300;
    static const int64_t WHOLE = 3;
    const size_t weight[] = { 4, 3 }, turned[] = { 3, 4 }, bias[] = { 4 };
    const hg_stored good[] = { { "body.weight", HG_STORED_F32, 2, weight, 12, X },
                               { "body.bias", HG_STORED_F32, 1, bias, 4, X },
                               { "head", HG_STORED_F32, 0, NULL, 1, X } };
    hg_stored bad[4];
    refused(good, 2, "", HG_ENOTFOUND, "\"head\"");
    refused(good, 3, "tail", HG_ENOTFOUND, "\"tail\"");
    memcpy(bad, good, sizeof good);
    bad[0].shape = turned;
    refused(bad, 3, "", HG_EDATA, "[3,4]");
    memcpy(bad, good, sizeof good);
    bad[1].data = NANS;
    refused(bad, 3, "", HG_ENAN, "element 2 of tensor \"body.bias\"");
    memcpy(bad, good, sizeof good);
    bad[2] = (hg_stored) { "head", HG_STORED_F64, 0, NULL, 1, &BIG }; /* no float */
    refused(bad, 3, "", HG_ENAN, "\"head\"");
    bad[2] = (hg_stored) { "head", HG_STORED_I64, 0, NULL, 1, &WHOLE };
    refused(bad, 3, "", HG_EDATA, "I64");
    memcpy(bad, good, sizeof good);
    bad[3] = (hg_stored) { "extra", HG_STORED_F32, 0, NULL, 1, X };
    refused(bad, 4, "", HG_EDATA, "\"extra\"");

    hg_params *p;
    hg_err err;
    assert_ok(hg_params_new(&p, NULL, NULL));
    assert_int_equal(hg_params_save("/tmp/x", p, NULL, 0, &err), HG_EINVAL);
    assert_int_equal(hg_params_load(p, "/tmp/x", "", &err), HG_EINVAL);
    hg_params_free(p);
    p = network(HG_F32, 1);
    assert_int_equal(hg_params_save("/nowhere/x", p, NULL, 0, &err), HG_EIO);
    assert_int_equal(hg_params_load(p, "/nowhere/x", "", &err), HG_EIO);
    assert_contains(err.msg, "/nowhere/x");
    hg_params_free(p);
}

static void no_memory(void **state) {
    (void)state;
    char path[512];
    hg_params *p = network(HG_F32, 1);
    test_scratch(path, sizeof path, "memory.safetensors");
    for (int load = 0; load < 2; load++)
        for (long k = 0;; k++) {
            fail_alloc_after(k);
            const hg_status st = load ? hg_params_load(p, path, "", NULL) : hg_params_save(path, p, NULL, 0, NULL);
            fail_alloc_after(-1);
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
            assert_true(k < 200);
        }
    unlink(path);
    hg_params_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_loaded),
        TEST(types_are_converted),
        TEST(a_part_is_loaded_by_its_prefix),
        TEST(files_of_other_networks_are_refused),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
