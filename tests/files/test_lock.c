/* tests/files/test_lock.c -- locks that exclude each other, ranges that do not, and holders that die */
#include "files/lock.h"
#include "program.h"
#include "test.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_at_a_time(void **state) {
    (void)state;
    char path[512];
    int first, second;
    hg_err err;
    test_scratch(path, sizeof path, "lock");
    assert_ok(hg_lock_take(&first, path, 0, 0, "w", NULL));
    assert_int_equal(hg_lock_take(&second, path, 0, 0, "w", &err), HG_EREFUSED);
    assert_string_equal(err.msg, "w: another process uses this folder");
    assert_int_equal(second, -1);
    assert_int_equal(hg_lock_take(&second, path, 7, 1, "w", NULL), HG_EREFUSED); /* a part of all */
    hg_lock_release(first);
    assert_ok(hg_lock_take(&second, path, 0, 0, "w", NULL));
    hg_lock_release(second);
    hg_lock_release(-1);
    unlink(path);
}

static void numbers_of_their_own_do_not_exclude(void **state) {
    (void)state;
    char path[512];
    int third, fourth, other;
    test_scratch(path, sizeof path, "lock-numbers");
    assert_ok(hg_lock_take(&third, path, 3, 1, "w", NULL));
    assert_ok(hg_lock_take(&fourth, path, 4, 1, "w", NULL));
    assert_int_equal(hg_lock_take(&other, path, 3, 1, "w", NULL), HG_EREFUSED);
    assert_int_equal(hg_lock_take(&other, path, 0, 0, "w", NULL), HG_EREFUSED);
    hg_lock_release(third);
    assert_ok(hg_lock_take(&other, path, 3, 1, "w", NULL));
    hg_lock_release(other);
    assert_ok(hg_lock_take(&other, path, 5, 0, "w", NULL)); /* from 5 on */
    hg_lock_release(other);
    hg_lock_release(fourth);
    unlink(path);
}

/* Another process holds it; killed, it holds nothing. */
static void a_killed_process_holds_nothing(void **state) {
    (void)state;
    char path[512], ready = 0;
    int fd, pipes[2];
    test_scratch(path, sizeof path, "lock-killed");
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (hg_lock_take(&fd, path, 0, 0, "w", NULL) != HG_OK || write(pipes[1], "r", 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(pipes[0], &ready, 1), 1);
    assert_int_equal(hg_lock_take(&fd, path, 0, 0, "w", NULL), HG_EREFUSED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(hg_lock_take(&fd, path, 0, 0, "w", NULL));
    hg_lock_release(fd);
    close(pipes[0]), close(pipes[1]);
    unlink(path);
}

static void places_without_a_folder_are_told(void **state) {
    (void)state;
    hg_err err;
    int fd = 5;
    assert_int_equal(hg_lock_take(&fd, "/absent/lock", 0, 0, "w", &err), HG_ENOTFOUND);
    assert_contains(err.msg, "/absent/lock: could not be opened");
    assert_int_equal(fd, -1);
    assert_int_equal(hg_lock_take(&fd, "/", 0, 0, "w", &err), HG_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_at_a_time),
        TEST(numbers_of_their_own_do_not_exclude),
        TEST(a_killed_process_holds_nothing),
        TEST(places_without_a_folder_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
