/* tests/library/index_kit.h -- a small library and what is found in it, whoever keeps the index */
#ifndef HG_TEST_INDEX_KIT_H
#define HG_TEST_INDEX_KIT_H
#include "library/index.h"
#include "library/pack.h"
#include "library/rack.h"
#include "program.h"
#include "test.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };
static char library[PATH];
static const char *server; /* NULL: SQLite */

static void clear(const char *folder) {
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        char path[2 * PATH];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        struct stat st;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            clear(path);
        else
            unlink(path);
    }
    if (d) closedir(d);
    rmdir(folder);
}

static const char *card(char *text, size_t size, const char *name, const char *symbol, const char *what, double mae,
                        const char *elements, const char *source) {
    const int n = snprintf(
        text, size,
        "{\"schema\": \"hagane.card/1\", \"name\": \"%s\", \"architecture\": \"ridge 1\", \"descriptor\": "
        "\"xenonpy290 1\", \"properties\": [{\"symbol\": \"%s\", \"name\": \"%s\", \"unit\": \"eV\", \"metrics\": ["
        "{\"name\": \"mean absolute error of train\", \"value\": %g, \"unit\": \"eV\"},"
        "{\"name\": \"mean absolute error of test\", \"value\": %g, \"unit\": \"eV\"},"
        "{\"name\": \"area under the ROC curve of test\", \"value\": %g, \"unit\": \"\"}]}],"
        "\"data_source\": \"%s\", \"domain\": {\"elements\": \"%s\"}, \"weights_sha256\": "
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
        name, symbol, what, mae / 2, mae, 1 - mae, source, elements);
    assert_true(n > 0 && (size_t)n < size);
    return text;
}

static void put(const char *name, const char *text) {
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", library, name);
    mkdir(path, 0777);
    strcat(path, "/card.json");
    test_write_file(path, text);
}

static int fill(void **state) {
    char text[2000];
    test_scratch(library, sizeof library, "library");
    clear(library);
    mkdir(library, 0777);
    put("gap-a", card(text, sizeof text, "gap-a", "gap", "band gap", 0.5, "Fe O", "perovskites of one paper"));
    put("gap-b", card(text, sizeof text, "gap-b", "gap", "band gap", 0.3, "Fe Co O", "oxides"));
    put("gap-c", card(text, sizeof text, "gap-c", "gap", "band gap", 0.4, "Si O", "perovskite-like oxides"));
    put("hull",
        card(text, sizeof text, "hull", "e_hull", "energy above the hull", 0.1, "Fe O", "oxides and \\\"more\\\""));
    return test_setup(state);
}

static int empty(void **state) {
    clear(library);
    return test_teardown(state);
}

/* "gap-b gap-c": the names of what is found, or the error. */
static const char *found(hg_index *x, hg_index_query q, hg_arena *mem) {
    static char names[1000];
    const hg_mark mark = hg_arena_mark(mem);
    hg_index_hit *hit;
    hg_err err;
    size_t n;
    *names = '\0';
    if (hg_index_search(&hit, &n, x, &q, mem, &err) != HG_OK)
        snprintf(names, sizeof names, "%s (%s)", err.msg, err.hint);
    for (size_t i = 0; i < n; i++) sprintf(names + strlen(names), "%s%s", i ? " " : "", hit[i].name);
    hg_arena_reset(mem, mark);
    return names;
}
#define FOUND(...) found(x, (hg_index_query) { __VA_ARGS__ }, mem)

static void words_properties_and_metrics(void **state) {
    hg_arena *mem = *state;
    hg_err err;
    hg_index *x;
    size_t n;
    assert_ok_err(hg_index_open(&x, library, server, NULL, &err), err);
    assert_ok(hg_index_count(&n, x, NULL));
    assert_int_equal(n, 4);
    assert_string_equal(FOUND(.limit = 0), "gap-a gap-b gap-c hull");
    assert_string_equal(FOUND(.limit = 2), "gap-a gap-b");
    assert_string_equal(FOUND(.property = "gap"), "gap-a gap-b gap-c");
    assert_string_equal(FOUND(.property = "Band Gap"), "gap-a gap-b gap-c");
    assert_string_equal(FOUND(.metric = "mae"), "hull gap-b gap-c gap-a");
    assert_string_equal(FOUND(.metric = "mae.train", .most = 0.15), "hull gap-b"); /* halves of the others */
    assert_string_equal(FOUND(.metric = "mean absolute error of test", .least = 0.2, .most = 0.4), "gap-b gap-c");
    assert_string_equal(FOUND(.metric = "auc"), "hull gap-b gap-c gap-a"); /* the largest first */
    assert_string_equal(FOUND(.property = "gap", .metric = "mae"), "gap-b gap-c gap-a");
    assert_string_equal(FOUND(.property = "gap", .metric = "mae", .most = 0.45, .words = "oxides"), "gap-b gap-c");
    assert_string_equal(FOUND(.words = "perovskites"), "gap-a");
    assert_string_equal(FOUND(.words = "hull"), "hull");
    assert_string_equal(FOUND(.words = "oxides PEROVSKITE"), "gap-c");
    assert_string_equal(FOUND(.words = "perovsk*", .metric = "mae"), "gap-c gap-a");
    assert_string_equal(FOUND(.words = "oxides", .property = "e_hull"), "hull");
    assert_string_equal(FOUND(.elements = "Fe O", .metric = "mae"), "hull gap-b gap-a");
    assert_string_equal(FOUND(.elements = "Co"), "gap-b");
    assert_string_equal(FOUND(.words = "Co"), ""); /* an element is no word */
    assert_string_equal(FOUND(.architecture = "ridge 1", .words = "hull"), "hull");
    assert_string_equal(FOUND(.architecture = "mlp"), "");
    assert_string_equal(FOUND(.words = "xenonpy290 hull"), "hull");
    hg_index_free(x);
}

static void what_a_hit_tells(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_index *x;
    hg_index_hit *hit;
    size_t n;
    assert_ok(hg_index_open(&x, library, server, NULL, NULL));
    for (int by = 0; by < 2; by++) {
        const hg_index_query q = { .property = "e_hull", .metric = by ? "mae" : NULL };
        assert_ok(hg_index_search(&hit, &n, x, &q, mem, NULL));
        assert_int_equal(n, 1);
        assert_string_equal(hit->path, "hull");
        assert_string_equal(hit->architecture, "ridge 1");
        assert_string_equal(hit->descriptor, "xenonpy290 1");
        assert_string_equal(hit->properties, "e_hull");
        assert_string_equal(hit->kind, "mae.test"); /* what tells most of new cases */
        assert_true(hit->value == 0.1);
        assert_string_equal(hit->unit, "eV");
        assert_null(hit->licence);
        assert_true(hit->bytes > 100);
    }
    hg_index_free(x);
    hg_arena_reset(mem, mark);
}

static void odd_questions_have_answers(void **state) {
    hg_arena *mem = *state;
    hg_index *x;
    assert_ok(hg_index_open(&x, library, server, NULL, NULL));
    assert_contains(FOUND(.property = "gop"), "has the property \"gop\" (did you mean \"gap\"?)");
    assert_contains(FOUND(.property = "conductivity"), "there are: e_hull, gap");
    assert_contains(FOUND(.metric = "mea"), "did you mean \"mae\"?");
    assert_contains(FOUND(.most = 3), "a range needs the metric");
    assert_contains(FOUND(.metric = "mae", .least = 3, .most = 2), "is empty");
    assert_contains(FOUND(.metric = "mae", .least = (double)NAN, .most = 2), "is empty");
    /* what FTS5 would take for syntax is words */
    assert_string_equal(FOUND(.words = "\"more\""), "hull");
    assert_string_equal(FOUND(.words = "oxides OR gap"), "");
    assert_string_equal(FOUND(.words = "name:hull"), "");
    assert_string_equal(FOUND(.words = "* ( ^ \" -", .property = "e_hull"), "hull");
    assert_string_equal(FOUND(.words = "oxides*\""), "gap-b gap-c hull");
    hg_index_free(x);
}

static void it_follows_the_library(void **state) {
    hg_arena *mem = *state;
    char text[2000], path[2 * PATH];
    hg_index *x;
    assert_ok(hg_index_open(&x, library, server, NULL, NULL));
    put("gap-b", card(text, sizeof text, "gap-b", "gap", "band gap", 0.7, "Fe", "sulfides of another paper"));
    put("new", card(text, sizeof text, "new", "gap", "band gap", 0.2, "Fe", "oxides"));
    snprintf(path, sizeof path, "%s/gap-a", library);
    clear(path);
    assert_string_equal(FOUND(.property = "gap", .metric = "mae"), "gap-b gap-c gap-a");
    assert_ok(hg_index_refresh(x, NULL, NULL));
    assert_string_equal(FOUND(.property = "gap", .metric = "mae"), "new gap-c gap-b");
    assert_string_equal(FOUND(.words = "perovskites"), "");
    assert_string_equal(FOUND(.words = "sulfides"), "gap-b");
    assert_string_equal(FOUND(.words = "oxides", .metric = "mae"), "hull new gap-c");
    hg_index_free(x);
}

static void what_cannot_be_read_is_told(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[2 * PATH];
    const char *const *sentence;
    hg_index *x;
    hg_err err;
    size_t n;
    put("bad", "{\"schema\": 7}");
    snprintf(path, sizeof path, "%s/bad.hgpack", library);
    test_write_file(path, "nothing");
    assert_ok(hg_index_open(&x, library, server, NULL, NULL));
    assert_string_equal(FOUND(.property = "gap"), "gap-a gap-b gap-c");
    assert_ok(hg_index_trouble(&sentence, &n, x, mem, NULL));
    assert_int_equal(n, 2);
    assert_contains(sentence[0], "bad/card.json:1:12: ");
    assert_contains(sentence[1], "bad.hgpack: is no pack of models");
    unlink(path);
    assert_ok(hg_index_refresh(x, NULL, NULL));
    assert_ok(hg_index_trouble(&sentence, &n, x, mem, NULL));
    assert_int_equal(n, 1);
    hg_index_free(x);
    hg_arena_reset(mem, mark);
    assert_int_equal(hg_index_open(&x, "/nowhere", server, NULL, &err), HG_ENOTFOUND);
    assert_null(x);
}

/* Every step-th allocation of opening and asking fails in turn. */
static void memory_lacks(hg_arena *mem, long step) {
    for (long k = 0;; k += step) {
        const hg_mark mark = hg_arena_mark(mem);
        const hg_index_query q = { .words = "oxides", .property = "gap", .metric = "mae" };
        hg_index *x = NULL;
        hg_index_hit *hit;
        size_t n = 0;
        fail_alloc_after(k);
        hg_status st = hg_index_open(&x, library, server, NULL, NULL);
        if (x) st = hg_index_search(&hit, &n, x, &q, mem, NULL);
        fail_alloc_after(-1);
        hg_index_free(x);
        hg_arena_reset(mem, mark);
        if (st == HG_OK) {
            assert_int_equal(n, 2);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
}

#define IN_LIBRARY(name) cmocka_unit_test_setup_teardown(name, fill, empty)
#endif
