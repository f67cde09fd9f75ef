/* tests/files/test_whole.c -- small files, whole; secret ones only when they are */
#include "files/whole.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

static void a_file_and_the_nul_behind_it(void **state) {
    (void)state;
    char path[512];
    void *bytes;
    size_t n;
    test_write_file(test_scratch(path, sizeof path, "whole"), "iron");
    assert_ok(hg_whole_read(&bytes, &n, path, 4, 0, NULL));
    assert_int_equal(n, 4);
    assert_string_equal(bytes, "iron");
    hg_whole_free(bytes, n);
    test_write_file(path, "");
    assert_ok(hg_whole_read(&bytes, &n, path, 4, 0, NULL));
    assert_int_equal(n, 0);
    hg_whole_free(bytes, n);
    hg_whole_free(NULL, 0);
    unlink(path);
}

static void check_refused(const char *path, unsigned flags, hg_status code, const char *words) {
    void *bytes = (void *)path;
    size_t n;
    hg_err err;
    assert_int_equal(hg_whole_read(&bytes, &n, path, 4, flags, &err), code);
    assert_null(bytes);
    assert_contains(err.msg, words);
}

static void what_is_refused(void **state) {
    (void)state;
    char path[512];
    test_write_file(test_scratch(path, sizeof path, "long"), "steel");
    check_refused(path, 0, HG_ELIMIT, "more than 4 bytes");
    check_refused("/absent/file", 0, HG_EIO, "could not be opened");
    check_refused("/tmp", 0, HG_EIO, "no ordinary file");
    check_refused("/dev/zero", 0, HG_EIO, "no ordinary file");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_refused(path, 0, HG_EIO, "no ordinary file"); /* and does not wait for a writer */
    unlink(path);
}

static void a_secret_that_others_may_use_is_refused(void **state) {
    (void)state;
    static const mode_t bad[] = { 0640, 0604, 0620, 0610, 0601, 0644, 0666 };
    char path[512];
    void *bytes;
    size_t n;
    test_write_file(test_scratch(path, sizeof path, "secret"), "key");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        check_refused(path, HG_WHOLE_SECRET, HG_EREFUSED, "that others may use");
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_ok(hg_whole_read(&bytes, &n, path, 4, HG_WHOLE_SECRET, NULL));
    hg_whole_free(bytes, n);
    unlink(path);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    char path[512];
    void *bytes;
    size_t n;
    test_write_file(test_scratch(path, sizeof path, "faults"), "iron");
    fail_alloc_after(0);
    assert_int_equal(hg_whole_read(&bytes, &n, path, 4, 0, NULL), HG_ENOMEM);
    fail_alloc_after(-1);
    assert_null(bytes);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_and_the_nul_behind_it),
        TEST(what_is_refused),
        TEST(a_secret_that_others_may_use_is_refused),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
