/* tests/files/test_hash.c -- SHA-256 against the examples of FIPS 180-4 */
#include "files/hash.h"
#include "test.h"
#include <unistd.h>

static const char ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void knows_the_published_examples(void **state) {
    (void)state;
    char hex[HG_HASH_SIZE];
    assert_ok(hg_hash_memory(hex, "abc", 3, NULL));
    assert_string_equal(hex, ABC);
    assert_ok(hg_hash_memory(hex, "", 0, NULL));
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void pieces_make_the_same_sum(void **state) {
    (void)state;
    char hex[HG_HASH_SIZE];
    hg_hash *h;
    assert_ok(hg_hash_new(&h, NULL));
    for (int i = 0; i < 3; i++) assert_ok(hg_hash_add(h, &"abc"[i], 1, NULL));
    assert_ok(hg_hash_hex(hex, h, NULL));
    hg_hash_free(h);
    hg_hash_free(NULL);
    assert_string_equal(hex, ABC);
}

static void hashes_files(void **state) {
    (void)state;
    char hex[HG_HASH_SIZE], path[512];
    hg_err err;
    FILE *f = fopen(test_scratch(path, sizeof path, "abc"), "wb");
    assert_non_null(f);
    fputs("abc", f);
    fclose(f);
    assert_ok(hg_hash_file(hex, path, NULL));
    assert_string_equal(hex, ABC);
    for (long k = 0; k < 2; k++) {
        fail_alloc_after(k);
        assert_int_equal(hg_hash_file(hex, path, NULL), HG_ENOMEM);
        fail_alloc_after(-1);
    }
    unlink(path);
    assert_int_equal(hg_hash_file(hex, path, &err), HG_EIO);
    assert_contains(err.msg, "No such file");
    assert_int_equal(hg_hash_file(hex, "/tmp", &err), HG_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(knows_the_published_examples),
        TEST(pieces_make_the_same_sum),
        TEST(hashes_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
