/* tests/library/test_rack.c -- models in folders and packs: found, copied, checked and removed, each whole or not at all */
#include "files/hash.h"
#include "library/rack.h"
#include "program.h"
#include "test.h"
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 512 };
static char room[PATH], library[PATH], other[PATH], pack[PATH];

static void clear(const char *folder) {
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        char path[2 * PATH];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            clear(path);
        else
            unlink(path);
    }
    if (d) closedir(d);
    rmdir(folder);
}

static void put(const char *folder, const char *name, const char *weights) {
    char path[2 * PATH], hash[HG_HASH_SIZE], text[1000];
    assert_ok(hg_hash_memory(hash, weights, strlen(weights), NULL));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0777);
    snprintf(
        text, sizeof text,
        "{\"schema\": \"hagane.card/1\", \"name\": \"%s\", \"architecture\": \"ridge 1\", \"properties\": [{\"symbol\": \"y\", "
        "\"name\": \"y\", \"unit\": \"\"}], \"weights_sha256\": \"%s\"}",
        name, hash);
    snprintf(path, sizeof path, "%s/%s/card.json", folder, name);
    test_write_file(path, text);
    snprintf(path, sizeof path, "%s/%s/weights.safetensors", folder, name);
    test_write_file(path, weights);
}

static int fill(void **state) {
    test_scratch(room, sizeof room, "rack");
    clear(room);
    mkdir(room, 0777);
    snprintf(library, sizeof library, "%.480s/library", room);
    snprintf(other, sizeof other, "%.480s/other", room);
    snprintf(pack, sizeof pack, "%.480s/models.hgpack", room);
    put(library, "b", "weights of b");
    put(library, "a", "weights of a");
    put(library, "c", "weights of c");
    return test_setup(state);
}

static int empty(void **state) {
    clear(room);
    return test_teardown(state);
}

/* "a b c": the names of what is there and whole; '!' in front of what is not. */
static const char *holds(const char *path) {
    static char names[200];
    hg_rack *s;
    hg_err err;
    const hg_racked *m;
    *names = '\0';
    if (hg_rack_open(&s, path, &err) != HG_OK) return strcpy(names, hg_status_name(err.code));
    for (size_t i = 0; (m = hg_rack_at(s, i)); i++)
        sprintf(names + strlen(names), "%s%s%s", i ? " " : "", hg_racked_check(m, NULL) == HG_OK ? "" : "!", m->name);
    hg_rack_free(s);
    return names;
}

/* Copies what is named, NULL: all; how many were copied, or minus the status. */
static int copy(const char *from, const char *to, const char *name, bool replace, hg_err *err) {
    const hg_racked *m[10];
    const hg_rack_opts opts = { .replace = replace };
    hg_rack *s;
    size_t n = 0, done;
    assert_ok(hg_rack_open(&s, from, NULL));
    for (size_t i = 0; (m[n] = hg_rack_at(s, i)); i++) n += !name || strcmp(m[n]->name, name) == 0;
    const hg_status st = hg_rack_put(&done, to, m, n, &opts, err);
    hg_rack_free(s);
    return st == HG_OK ? (int)done : -(int)st;
}

static int drop(const char *from, const char *name, hg_err *err) {
    const hg_racked *m;
    hg_rack *s;
    assert_ok(hg_rack_open(&s, from, NULL));
    hg_status st = hg_rack_need(&m, s, name, err);
    if (st == HG_OK) st = hg_rack_remove(s, &m, 1, NULL, err);
    hg_rack_free(s);
    return st == HG_OK ? 1 : -(int)st;
}

static void copies_go_both_ways(void **state) {
    (void)state;
    hg_err err;
    assert_string_equal(holds(library), "a b c");
    assert_string_equal(holds(pack), "HG_ENOTFOUND");
    assert_int_equal(copy(library, pack, NULL, false, &err), 3);
    assert_string_equal(holds(pack), "a b c");
    assert_int_equal(copy(library, pack, NULL, false, &err), 0); /* there already */
    assert_int_equal(copy(pack, other, "b", false, &err), 1);
    assert_int_equal(copy(pack, other, NULL, false, &err), 2);
    assert_string_equal(holds(other), "a b c");
    put(other, "d", "weights of d");
    assert_int_equal(copy(other, pack, NULL, false, &err), 1); /* the pack keeps what it had */
    assert_string_equal(holds(pack), "a b c d");
    assert_int_equal(drop(pack, "a", &err), 1);
    assert_int_equal(drop(library, "a", &err), 1);
    assert_string_equal(holds(pack), "b c d");
    assert_string_equal(holds(library), "b c");
    assert_int_equal(drop(library, "x", &err), -(int)HG_ENOTFOUND);
    char one[2 * PATH]; /* one model's folder is a rack of one */
    snprintf(one, sizeof one, "%s/d/", other);
    assert_string_equal(holds(one), "d");
    assert_int_equal(copy(one, library, NULL, false, &err), 1);
    assert_string_equal(holds(library), "b c d");
}

static void another_model_of_the_name_is_not_replaced_unasked(void **state) {
    (void)state;
    hg_err err;
    assert_int_equal(copy(library, pack, NULL, false, &err), 3);
    assert_int_equal(copy(library, other, NULL, false, &err), 3);
    put(library, "b", "newer weights of b");
    const char *const to[] = { pack, other };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(copy(library, to[i], NULL, false, &err), -(int)HG_EREFUSED);
        assert_contains(err.msg, "holds another model \"b\" already");
        assert_int_equal(copy(library, to[i], NULL, true, &err), 1);
        assert_string_equal(holds(to[i]), "a b c");
        assert_int_equal(copy(library, to[i], NULL, false, &err), 0);
    }
    DIR *d = opendir(other); /* nothing is left over */
    size_t n = 0;
    while (readdir(d)) n++;
    closedir(d);
    assert_int_equal(n, 2 + 3);
}

static void two_of_one_name_are_told_of(void **state) {
    (void)state;
    hg_err err;
    char inside[2 * PATH];
    snprintf(inside, sizeof inside, "%s/p.hgpack", library);
    assert_int_equal(copy(library, inside, "b", false, &err), 1);
    assert_string_equal(holds(library), "a b b c");
    hg_rack *s;
    assert_ok(hg_rack_open(&s, library, NULL));
    assert_null(hg_rack_find(s, "b")->pack); /* the folder comes first */
    assert_non_null(hg_rack_at(s, 2)->pack);
    hg_rack_free(s);
    assert_int_equal(copy(library, other, NULL, false, &err), -(int)HG_EDATA);
    assert_contains(err.msg, "there are two models \"b\"");
}

static void damage_is_found_and_not_passed_on(void **state) {
    (void)state;
    hg_err err;
    char path[2 * PATH];
    assert_int_equal(copy(library, pack, NULL, false, &err), 3);
    FILE *f = fopen(pack, "r+b");
    char text[8192];
    const size_t n = fread(text, 1, sizeof text, f);
    for (size_t i = 0; i + 12 < n; i++)
        if (memcmp(text + i, "weights of b", 12) == 0) fseek(f, (long)i, SEEK_SET);
    fputc('W', f);
    fclose(f);
    assert_string_equal(holds(pack), "a !b c");
    assert_int_equal(copy(pack, other, "b", false, &err), -(int)HG_EDATA);
    assert_string_equal(holds(other), "");
    assert_int_equal(copy(pack, other, "c", false, &err), 1);
    put(other, "d", "weights of d");
    assert_int_equal(copy(other, pack, NULL, false, &err), -(int)HG_EDATA); /* b would have to be copied */
    assert_string_equal(holds(pack), "a !b c");
    assert_int_equal(copy(library, pack, "b", true, &err), 1); /* healed */
    assert_string_equal(holds(pack), "a b c");
    /* a folder whose weights are another's */
    snprintf(path, sizeof path, "%s/a/weights.safetensors", library);
    test_write_file(path, "weights of b");
    assert_string_equal(holds(library), "!a b c");
    snprintf(path, sizeof path, "%s/b/more", library);
    mkdir(path, 0777);
    assert_int_equal(copy(library, other, "b", false, &err), -(int)HG_EDATA);
    assert_contains(err.msg, "is no ordinary file");
    assert_int_equal(drop(library, "b", &err), -(int)HG_EDATA);
    assert_true(test_file_exists(path));
}

static void what_is_no_model_is_left_alone(void **state) {
    (void)state;
    hg_err err;
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/README.md", library);
    test_write_file(path, "words");
    snprintf(path, sizeof path, "%s/bad.hgpack", library);
    test_write_file(path, "words");
    put(library, ".a.hagane-1", "half of it");
    hg_rack *s;
    assert_ok(hg_rack_open(&s, library, NULL));
    assert_int_equal(hg_rack_count(s), 3);
    assert_contains(hg_rack_trouble(s, 0), "bad.hgpack: is no pack of models");
    assert_null(hg_rack_trouble(s, 1));
    hg_rack_free(s);
    mkdir(other, 0777);
    snprintf(path, sizeof path, "%s/b", other);
    mkdir(path, 0777); /* a folder of somebody else */
    assert_int_equal(copy(library, other, "b", true, &err), -(int)HG_EREFUSED);
    assert_contains(err.msg, "and is no model");
}

/* The progress callback is asked before each model: kill the process when the second one is due. */
static bool stop(void *user, const char *what, size_t done, size_t total) {
    (void)user, (void)what, (void)total;
    if (done == 1) raise(SIGKILL);
    return true;
}

static void killed_between_two_models_the_first_is_whole(void **state) {
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const hg_hooks hooks = { .progress = stop };
        const hg_rack_opts opts = { .hooks = &hooks };
        hg_rack *s;
        size_t done;
        if (hg_rack_open(&s, library, NULL) != HG_OK) _exit(1);
        const hg_racked *m[] = { hg_rack_at(s, 0), hg_rack_at(s, 1) };
        _exit(hg_rack_put(&done, other, m, 2, &opts, NULL) == HG_OK ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_string_equal(holds(other), "a");
    hg_err err;
    assert_int_equal(copy(library, other, NULL, false, &err), 2); /* and it goes on from there */
    assert_string_equal(holds(other), "a b c");
}

static void memory_may_lack(void **state) {
    (void)state;
    const char *const to[] = { pack, other };
    for (size_t i = 0; i < 2; i++)
        for (long k = 0;; k++) {
            hg_rack *s = NULL;
            size_t done = 0;
            fail_alloc_after(k);
            hg_status st = hg_rack_open(&s, library, NULL);
            const hg_racked *m[] = { s ? hg_rack_at(s, 0) : NULL, s ? hg_rack_at(s, 1) : NULL };
            if (st == HG_OK) st = hg_rack_put(&done, to[i], m, 2, NULL, NULL);
            fail_alloc_after(-1);
            hg_rack_free(s);
            if (st == HG_OK) break;
            assert_int_equal(st, HG_ENOMEM);
            assert_true(strchr(holds(to[i]), '!') == NULL);
        }
    assert_string_equal(holds(pack), "a b");
    assert_string_equal(holds(other), "a b");
}

#define IN_ROOM(name) cmocka_unit_test_setup_teardown(name, fill, empty)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_ROOM(copies_go_both_ways),
        IN_ROOM(another_model_of_the_name_is_not_replaced_unasked),
        IN_ROOM(two_of_one_name_are_told_of),
        IN_ROOM(damage_is_found_and_not_passed_on),
        IN_ROOM(what_is_no_model_is_left_alone),
        IN_ROOM(killed_between_two_models_the_first_is_whole),
        IN_ROOM(memory_may_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
