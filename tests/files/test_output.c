/* tests/files/test_output.c -- a file that is there whole or not at all */
#include "files/output.h"
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void check_file(const char *path, const char *text) {
    char buf[256];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(buf, 1, sizeof buf - 1, f);
    buf[n] = '\0';
    fclose(f);
    assert_string_equal(buf, text);
}

static mode_t mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* A folder of its own, so that nothing left behind goes unseen. */
static const char *new_folder(char *folder, size_t size, const char *name) {
    test_scratch(folder, size, name);
    assert_int_equal(mkdir(folder, 0777), 0);
    return folder;
}

static size_t remove_folder(const char *folder) {
    size_t n = 0;
    char path[1024];
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
        n++;
    }
    closedir(d);
    rmdir(folder);
    return n;
}

static void a_new_file_appears_at_the_commit(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/out.csv", new_folder(folder, sizeof folder, "new"));
    hg_output *o;
    assert_ok(hg_output_new(&o, path, NULL, NULL));
    assert_ok(hg_output_write(o, "a,b\n", 4, NULL));
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    check_file(path, "a,b\n");
    const mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(mode_of(path), 0666 & ~mask);
    assert_int_equal(remove_folder(folder), 1);
}

/* What can fail has happened once it is settled: then it only takes its name. */
static void a_whole_file_replaces_the_old_one(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/card.json", new_folder(folder, sizeof folder, "whole"));
    assert_ok(hg_output_whole(path, "first", 5, NULL));
    assert_ok(hg_output_whole(path, "second one", 6, NULL));
    check_file(path, "second");
    assert_int_not_equal(hg_output_whole(folder, "x", 1, NULL), HG_OK); /* a folder is no file */
    assert_int_equal(remove_folder(folder), 1);
}

static void a_settled_file_is_whole_and_waits_for_its_name(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/out.csv", new_folder(folder, sizeof folder, "settled"));
    hg_output *o;
    assert_ok(hg_output_new(&o, path, NULL, NULL));
    assert_ok(hg_output_write(o, "a,b\n", 4, NULL));
    assert_ok(hg_output_settle(o, NULL));
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(hg_output_settle(o, NULL)); /* again: nothing to do */
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    check_file(path, "a,b\n");
    hg_err err;
    assert_ok(hg_output_new(&o, "/dev/full", NULL, &err));
    assert_ok(hg_output_write(o, "a", 1, &err));
    assert_int_equal(hg_output_settle(o, &err), HG_EIO);
    assert_contains(err.msg, "/dev/full: could not be written");
    hg_output_free(o);
    assert_int_equal(remove_folder(folder), 1);
}

static void an_old_file_is_replaced_and_keeps_its_mode(void **state) {
    (void)state;
    char folder[512], path[600], link[600];
    new_folder(folder, sizeof folder, "old");
    snprintf(path, sizeof path, "%s/out.csv", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    put_file(path, "old");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink("out.csv", link), 0);
    hg_output *o;
    assert_ok(hg_output_new(&o, link, NULL, NULL));
    assert_ok(hg_output_write(o, "new", 3, NULL));
    check_file(path, "old");
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    check_file(path, "new");
    assert_int_equal(mode_of(path), 0640);
    struct stat st;
    assert_true(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    assert_int_equal(remove_folder(folder), 2);
}

static void a_private_file_is_nobody_elses(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/key", new_folder(folder, sizeof folder, "private"));
    put_file(path, "old");
    assert_int_equal(chmod(path, 0644), 0);
    const mode_t mask = umask(0); /* even where everything is open */
    hg_output *o;
    assert_ok(hg_output_new_private(&o, path, NULL));
    umask(mask);
    assert_ok(hg_output_write(o, "new", 3, NULL));
    DIR *d = opendir(folder); /* the half-written one too */
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char half[900];
        snprintf(half, sizeof half, "%s/%s", folder, e->d_name);
        if (strstr(e->d_name, ".hagane-")) assert_int_equal(mode_of(half), 0600);
    }
    closedir(d);
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    check_file(path, "new");
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(remove_folder(folder), 1);
    hg_err err;
    assert_int_equal(hg_output_new_private(&o, "/dev/null", &err), HG_EIO);
    assert_contains(err.msg, "no ordinary file");
    assert_int_equal(hg_output_new_private(&o, "-", &err), HG_EINVAL);
}

static void what_is_not_committed_leaves_no_trace(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/out.csv", new_folder(folder, sizeof folder, "abandoned"));
    put_file(path, "old");
    hg_output *o;
    assert_ok(hg_output_new(&o, path, NULL, NULL));
    assert_ok(hg_output_write(o, "new", 3, NULL));
    hg_output_free(o);
    check_file(path, "old");
    assert_int_equal(remove_folder(folder), 1);
    hg_output_free(NULL);
}

static void large_pieces_and_small_ones_keep_their_order(void **state) {
    (void)state;
    char folder[512], path[600];
    enum { BIG = 200000 };
    snprintf(path, sizeof path, "%s/out", new_folder(folder, sizeof folder, "pieces"));
    char *big = malloc(BIG);
    assert_non_null(big);
    memset(big, 'x', BIG);
    hg_output *o;
    assert_ok(hg_output_new(&o, path, NULL, NULL));
    for (int i = 0; i < 30000; i++) assert_ok(hg_output_write(o, "abc", 3, NULL));
    assert_ok(hg_output_write(o, big, BIG, NULL));
    assert_ok(hg_output_write(o, "z", 1, NULL));
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (int i = 0; i < 90000; i++) assert_int_equal(fgetc(f), "abc"[i % 3]);
    for (int i = 0; i < BIG; i++) assert_int_equal(fgetc(f), 'x');
    assert_true(fgetc(f) == 'z' && fgetc(f) == EOF);
    fclose(f);
    free(big);
    remove_folder(folder);
}

static void a_dash_is_the_stream_of_the_caller(void **state) {
    (void)state;
    hg_output *o;
    char back[16] = "";
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_ok(hg_output_new(&o, "-", f, NULL));
    assert_ok(hg_output_write(o, "hello", 5, NULL));
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    rewind(f); /* still open: it is the caller's */
    assert_int_equal(fread(back, 1, sizeof back, f), 5);
    assert_string_equal(back, "hello");
    fclose(f);
    assert_int_equal(hg_output_new(&o, "-", NULL, NULL), HG_EINVAL);
    assert_null(o);
}

static void no_ordinary_file_is_written_directly(void **state) {
    (void)state;
    hg_output *o;
    hg_err err;
    assert_ok(hg_output_new(&o, "/dev/null", NULL, NULL));
    assert_ok(hg_output_write(o, "x", 1, NULL));
    assert_ok(hg_output_commit(o, NULL));
    hg_output_free(o);
    struct stat st;
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    assert_ok(hg_output_new(&o, "/dev/full", NULL, NULL)); /* a disk without room */
    assert_ok(hg_output_write(o, "x", 1, NULL));
    assert_int_equal(hg_output_commit(o, &err), HG_EIO);
    assert_string_equal(err.msg, "/dev/full: could not be written: No space left on device");
    hg_output_free(o);
}

/* The number that the next file opened would get. */
static int next_descriptor(void) {
    const int fd = dup(STDOUT_FILENO);
    close(fd);
    return fd;
}

static void no_descriptor_stays_open(void **state) {
    (void)state;
    char path[512];
    const int before = next_descriptor();
    for (int commit = 0; commit < 2; commit++) {
        hg_output *o;
        assert_ok(hg_output_new(&o, test_scratch(path, sizeof path, "descriptors"), NULL, NULL));
        if (commit) assert_ok(hg_output_commit(o, NULL));
        hg_output_free(o);
        assert_int_equal(next_descriptor(), before);
    }
    unlink(path);
}

static void refuses_places_that_cannot_be(void **state) {
    (void)state;
    hg_output *o = (hg_output *)state;
    hg_err err;
    assert_int_equal(hg_output_new(&o, "/no/such/folder/x", NULL, &err), HG_EIO);
    assert_string_equal(err.msg, "/no/such/folder/x: could not be created: No such file or directory");
    assert_null(o);
    assert_int_equal(hg_output_new(&o, "/tmp", NULL, &err), HG_EIO);
    assert_contains(err.msg, "is a folder");
    assert_int_equal(hg_output_new(&o, "", NULL, &err), HG_EINVAL);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    char folder[512], path[600];
    snprintf(path, sizeof path, "%s/out", new_folder(folder, sizeof folder, "faults"));
    for (long k = 0;; k++) {
        hg_output *o = (hg_output *)state;
        fail_alloc_after(k);
        const hg_status st = hg_output_new(&o, path, NULL, NULL);
        fail_alloc_after(-1);
        hg_output_free(st == HG_OK ? o : NULL);
        if (st == HG_OK) {
            assert_true(k > 2);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        assert_null(o);
    }
    assert_int_equal(remove_folder(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_appears_at_the_commit),
        TEST(a_whole_file_replaces_the_old_one),
        TEST(a_settled_file_is_whole_and_waits_for_its_name),
        TEST(an_old_file_is_replaced_and_keeps_its_mode),
        TEST(a_private_file_is_nobody_elses),
        TEST(what_is_not_committed_leaves_no_trace),
        TEST(large_pieces_and_small_ones_keep_their_order),
        TEST(a_dash_is_the_stream_of_the_caller),
        TEST(no_ordinary_file_is_written_directly),
        TEST(no_descriptor_stays_open),
        TEST(refuses_places_that_cannot_be),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
