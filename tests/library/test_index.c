/* tests/library/test_index.c -- the index of a library: found by words, property and metric, and up to date */
#include "files/output.h"
#include "library/index.h"
#include "library/pack.h"
#include "library/rack.h"
#include "program.h"
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };
static char library[PATH];

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
    assert_ok_err(hg_index_open(&x, library, NULL, &err), err);
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
    assert_ok(hg_index_open(&x, library, NULL, NULL));
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
    assert_ok(hg_index_open(&x, library, NULL, NULL));
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
    assert_ok(hg_index_open(&x, library, NULL, NULL));
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
    assert_ok(hg_index_open(&x, library, NULL, NULL));
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
    assert_int_equal(hg_index_open(&x, "/nowhere", NULL, &err), HG_ENOTFOUND);
    assert_null(x);
}

/* ---- a library that is large enough for a file ------------------------------------------------------------------------ */

enum { MANY = HG_INDEX_KEPT_FROM };

static hg_status hand_over(void *ctx, size_t i, hg_pack_sink sink, void *to, hg_err *err) {
    (void)i;
    return sink(to, ctx, strlen(ctx), err);
}

static void write_many(const char *name, const char *symbol) {
    static char text[MANY][1000], names[MANY][20], path[2 * PATH];
    static hg_pack_file file[MANY];
    static hg_packing packing[MANY];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%s-%03zu", symbol, i);
        card(text[i], sizeof text[i], names[i], symbol, "made up", 1 + (double)i, "Fe", "nowhere");
        file[i] = (hg_pack_file) { .name = "card.json", .size = strlen(text[i]) };
        assert_ok(hg_hash_memory(file[i].sha256, text[i], strlen(text[i]), NULL));
        packing[i] = (hg_packing) { names[i], &file[i], 1, hand_over, text[i] };
    }
    snprintf(path, sizeof path, "%s/%s.hgpack", library, name);
    assert_ok(hg_pack_write(path, packing, MANY, NULL));
}

static void a_large_library_keeps_its_index(void **state) {
    hg_arena *mem = *state;
    char path[2 * PATH];
    hg_index *x;
    struct stat before, after;
    snprintf(path, sizeof path, "%s/" HG_INDEX_FILE, library);
    assert_ok(hg_index_open(&x, library, NULL, NULL));
    hg_index_free(x);
    assert_false(test_file_exists(path)); /* four models need none */
    write_many("many", "x");
    assert_ok(hg_index_open(&x, library, NULL, NULL));
    assert_string_equal(FOUND(.property = "x", .metric = "mae", .limit = 2), "x-000 x-001");
    hg_index_free(x);
    assert_int_equal(stat(path, &before), 0);
    write_many("many", "y"); /* and it is brought up to date */
    assert_ok(hg_index_open(&x, library, NULL, NULL));
    assert_string_equal(FOUND(.property = "y", .metric = "mae", .least = 3, .most = 4), "y-002 y-003");
    assert_string_equal(FOUND(.property = "gap"), "gap-a gap-b gap-c");
    hg_index_free(x);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    snprintf(path, sizeof path, "%s/many.hgpack", library); /* a pack alone */
    assert_ok(hg_index_open(&x, path, NULL, NULL));
    assert_string_equal(FOUND(.metric = "mae", .limit = 1), "y-000");
    hg_index_free(x);
}

static void a_damaged_index_is_made_again(void **state) {
    hg_arena *mem = *state;
    char path[2 * PATH];
    hg_index *x;
    hg_err err;
    snprintf(path, sizeof path, "%s/" HG_INDEX_FILE, library);
    write_many("many", "x");
    for (int how = 0; how < 3; how++) {
        assert_ok(hg_index_open(&x, library, NULL, NULL));
        hg_index_free(x);
        const int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        static const char noise[5000] = "\x55\x55\x55\x55\x55\x55";
        if (how == 0) assert_int_equal(pwrite(fd, noise, 100, 0), 100);
        if (how == 1) assert_int_equal(pwrite(fd, noise, 5000, 4096), 5000);
        if (how == 2) assert_int_equal(ftruncate(fd, 20000), 0);
        close(fd);
        put("gap-a", "{}"); /* so that there is something to do */
        assert_ok_err(hg_index_open(&x, library, NULL, &err), err);
        assert_string_equal(FOUND(.property = "x", .metric = "mae", .limit = 2), "x-000 x-001");
        hg_index_free(x);
    }
}

static void names_of_metrics(void **state) {
    (void)state;
    static const struct {
        const char *metric, *kind;
    } cases[] = {
        { "mean absolute error of test", "mae.test" },
        { "mean absolute error of the authors' predictions for the test molecules", "mae.test" },
        { "mean absolute error of cross-validation", "mae.cv" },
        { "mean absolute error over the folds", "mae.cv" },
        { "root mean square error of validation", "rmse.validation" },
        { "share of validation inside 90 % intervals", "coverage90.validation" },
        { "mae", "mae" },
        { "mae train", "mae.train" },
        { "maelstrom", "maelstrom" },
        { "share of the market", "share of the market" },
        { "area under the ROC curve in cross-validation", "auc.cv" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char kind[HG_INDEX_KIND];
        int role;
        hg_index_kind(kind, &role, cases[i].metric);
        assert_string_equal(kind, cases[i].kind);
    }
    static const char *const order[] = { "mae of test", "mae of cross-validation", "mae of validation", "mae",
                                         "mae of train" };
    for (int i = 0, last = -1, role; i < 5; i++, last = role) {
        char kind[HG_INDEX_KIND];
        hg_index_kind(kind, &role, order[i]);
        assert_true(role > last);
    }
    assert_true(hg_index_more_is_better("auc.test") && !hg_index_more_is_better("mae") &&
                !hg_index_more_is_better("au"));
}

static void memory_may_lack(void **state) {
    hg_arena *mem = *state;
    for (long k = 0;; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        const hg_index_query q = { .words = "oxides", .property = "gap", .metric = "mae" };
        hg_index *x = NULL;
        hg_index_hit *hit;
        size_t n = 0;
        fail_alloc_after(k);
        hg_status st = hg_index_open(&x, library, NULL, NULL);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_LIBRARY(words_properties_and_metrics),
        IN_LIBRARY(what_a_hit_tells),
        IN_LIBRARY(odd_questions_have_answers),
        IN_LIBRARY(it_follows_the_library),
        IN_LIBRARY(what_cannot_be_read_is_told),
        IN_LIBRARY(a_large_library_keeps_its_index),
        IN_LIBRARY(a_damaged_index_is_made_again),
        TEST(names_of_metrics),
        IN_LIBRARY(memory_may_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
