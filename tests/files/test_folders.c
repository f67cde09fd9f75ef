/* tests/files/test_folders.c -- folders made with those that they are in, their modes, and what is in the way */
#include "files/folders.h"
#include "program.h"
#include "test.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void one_is_made_with_those_that_it_is_in(void **state) {
    (void)state;
    char top[512], deep[600];
    struct stat is;
    hg_err err;
    test_scratch(top, sizeof top, "folders-deep");
    snprintf(deep, sizeof deep, "%s/a//b/", top);
    for (size_t again = 0; again < 2; again++) assert_ok_err(hg_folder_make(deep, HG_FOLDER_SHARED, &err), err);
    assert_true(stat(deep, &is) == 0 && S_ISDIR(is.st_mode));
    rmdir(deep);
    snprintf(deep, sizeof deep, "%s/a", top);
    rmdir(deep);
    rmdir(top);
}

static void private_ones_are_closed_to_others(void **state) {
    (void)state;
    char top[512], in[600];
    struct stat is;
    test_scratch(top, sizeof top, "folders-private");
    snprintf(in, sizeof in, "%s/keys", top);
    assert_ok(hg_folder_make(in, HG_FOLDER_PRIVATE, NULL));
    assert_int_equal(stat(top, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0700);
    assert_int_equal(stat(in, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0700);
    chmod(in, 0750);
    assert_ok(hg_folder_make(in, HG_FOLDER_PRIVATE, NULL)); /* keeps its mode */
    assert_int_equal(stat(in, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0750);
    rmdir(in);
    rmdir(top);
}

static void what_is_in_the_way_is_named(void **state) {
    (void)state;
    char file[512], below[520], far[540], link[512];
    hg_err err;
    test_scratch(file, sizeof file, "folders-file");
    test_scratch(link, sizeof link, "folders-link");
    snprintf(below, sizeof below, "%s/c", file);
    snprintf(far, sizeof far, "%s/c/d", file);
    test_write_file(file, "in the way");
    const char *const asked[] = { file, below, far };
    for (size_t i = 0; i < 3; i++) {
        char words[600];
        assert_int_equal(hg_folder_make(asked[i], HG_FOLDER_SHARED, &err), HG_EIO);
        snprintf(words, sizeof words, "%s is a file, and no folder", file);
        assert_string_equal(err.msg, words);
        assert_string_equal(err.hint, "name another folder");
    }
    assert_int_equal(symlink("nowhere-at-all", link), 0);
    assert_int_equal(hg_folder_make(link, HG_FOLDER_SHARED, &err), HG_EIO);
    assert_contains(err.msg, "cannot be a folder");
    assert_int_equal(hg_folder_make("/proc/here", HG_FOLDER_SHARED, &err), HG_EIO);
    assert_contains(err.msg, "/proc/here cannot be made");
    unlink(link);
    unlink(file);
}

static void names_that_are_none(void **state) {
    (void)state;
    char longest[6000];
    hg_err err;
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(hg_folder_make("", HG_FOLDER_SHARED, &err), HG_EINVAL);
    assert_int_equal(hg_folder_make(longest, HG_FOLDER_SHARED, &err), HG_EINVAL);
    assert_contains(err.msg, "too long");
    assert_ok(hg_folder_make("/", HG_FOLDER_SHARED, NULL));
    assert_ok(hg_folder_make(".", HG_FOLDER_SHARED, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_is_made_with_those_that_it_is_in),
        TEST(private_ones_are_closed_to_others),
        TEST(what_is_in_the_way_is_named),
        TEST(names_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
