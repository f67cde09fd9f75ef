/* tests/library/test_index_server.c -- the index on a PostgreSQL server, which the test starts: the same answers */
#include "index_kit.h"
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PROGRAMS = 400, TRIES = 600 };
static char programs[PROGRAMS], folder[64], where[PROGRAMS];
static pid_t process;

/* A server refuses to run as root. */
static bool become_user(const struct passwd *who) {
    return !who || (setgroups(0, NULL) == 0 && setgid(who->pw_gid) == 0 && setuid(who->pw_uid) == 0);
}

/* A program of PostgreSQL in the folder, without words. Its process dies with ours. */
static pid_t start(const struct passwd *who, const char *program, const char *const *word) {
    char path[2 * PROGRAMS];
    snprintf(path, sizeof path, "%s/%s", programs, program);
    const pid_t child = fork();
    if (child != 0) return child;
    if (!become_user(who) || chdir(folder) != 0) _exit(120);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("/dev/null", "r", stdin) || !freopen("log", "a", stdout) || dup2(1, 2) < 0) _exit(121);
    char *args[16] = { path };
    for (size_t i = 0; word[i]; i++) args[i + 1] = (char *)(uintptr_t)word[i];
    execv(path, args);
    _exit(122);
}

static bool run(const struct passwd *who, const char *program, const char *const *word) {
    int status = 1;
    const pid_t child = start(who, program, word);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool find_programs(void) {
    glob_t found;
    const bool any = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;
    if (any)
        snprintf(programs, sizeof programs, "%.*s", (int)(strlen(found.gl_pathv[0]) - strlen("/initdb")),
                 found.gl_pathv[0]);
    if (any) globfree(&found);
    return any;
}

static bool answers(void) {
    hg_index *x = NULL;
    const bool good = hg_index_open(&x, folder, where, NULL, NULL) == HG_OK;
    hg_index_free(x);
    return good;
}

/* In a folder of its own with a short name: a socket's path has 107 bytes at most. */
static bool begin(void) {
    static const char *const make[] = { "-D", "data",       "-U", "tester", "-A", "trust",
                                        "-N", "--locale=C", "-E", "UTF8",   NULL };
    static const char *const serve[] = {
        "-D", "data", "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", NULL
    };
    const struct passwd *who = geteuid() == 0 ? getpwnam("postgres") : NULL;
    strcpy(folder, "/tmp/hagane-server-XXXXXX");
    if ((geteuid() == 0 && !who) || !mkdtemp(folder)) return false;
    if (who && chown(folder, who->pw_uid, who->pw_gid) != 0) return false;
    if (!run(who, "initdb", make)) return false;
    process = start(who, "postgres", serve);
    snprintf(where, sizeof where, "host=%s user=tester dbname=postgres", folder);
    for (int i = 0; i < TRIES && !answers(); i++) usleep(100000);
    return answers();
}

static void end(void) {
    if (process > 0) {
        kill(process, SIGINT); /* a fast shutdown */
        waitpid(process, NULL, 0);
    }
    if (*folder) clear(folder);
}

static void two_libraries_do_not_meet(void **state) {
    hg_arena *mem = *state;
    char other[2 * PATH], text[2000];
    hg_index *x, *y;
    size_t n;
    snprintf(other, sizeof other, "%s/gap-a", library); /* an empty library, as it holds no folder */
    assert_ok(hg_index_open(&x, library, server, NULL, NULL));
    assert_ok(hg_index_open(&y, other, server, NULL, NULL));
    assert_ok(hg_index_count(&n, y, NULL));
    assert_int_equal(n, 0);
    put("new", card(text, sizeof text, "new", "gap", "band gap", 0.2, "Fe", "oxides"));
    assert_ok(hg_index_refresh(x, NULL, NULL));
    assert_string_equal(FOUND(.property = "gap", .metric = "mae", .limit = 1), "new");
    hg_index_free(x);
    hg_index_free(y);
    assert_ok(hg_index_open(&x, library, server, NULL, NULL)); /* and it is all there the next time */
    assert_string_equal(FOUND(.words = "oxides", .metric = "mae"), "hull new gap-b gap-c");
    hg_index_free(x);
}

static void no_server_is_told_of(void **state) {
    (void)state;
    hg_index *x;
    hg_err err;
    assert_int_equal(hg_index_open(&x, library, "host=/nowhere", NULL, &err), HG_EIO);
    assert_contains(err.msg, "the PostgreSQL server: ");
    assert_contains(err.hint, "without a server the index is in SQLite");
    assert_null(x);
}

static void memory_may_lack(void **state) {
    memory_lacks(*state, 9); /* each is a connection; SQLite's test takes every one of what they share */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_LIBRARY(words_properties_and_metrics), IN_LIBRARY(what_a_hit_tells),
        IN_LIBRARY(odd_questions_have_answers),   IN_LIBRARY(it_follows_the_library),
        IN_LIBRARY(what_cannot_be_read_is_told),  IN_LIBRARY(two_libraries_do_not_meet),
        IN_LIBRARY(no_server_is_told_of),         IN_LIBRARY(memory_may_lack),
    };
    hg_index *x;
    if (hg_index_open(&x, "/tmp", "host=/nowhere", NULL, NULL) == HG_ENOTFOUND || !find_programs()) {
        print_message("SKIPPED: a build without libpq, or no PostgreSQL server here (tools/install-deps postgres)\n");
        return 0;
    }
    if (!begin()) {
        print_error("the server did not start: %s/log\n", folder);
        return 1;
    }
    server = where;
    const int bad = cmocka_run_group_tests(tests, NULL, NULL);
    end();
    return bad;
}
