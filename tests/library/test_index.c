/* tests/library/test_index.c -- the index of a library in SQLite: found by words, property and metric, and up to date */
#include "index_kit.h"
#include <fcntl.h>

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
    assert_ok(hg_index_open(&x, library, NULL, NULL, NULL));
    hg_index_free(x);
    assert_false(test_file_exists(path)); /* four models need none */
    write_many("many", "x");
    assert_ok(hg_index_open(&x, library, NULL, NULL, NULL));
    assert_string_equal(FOUND(.property = "x", .metric = "mae", .limit = 2), "x-000 x-001");
    hg_index_free(x);
    assert_int_equal(stat(path, &before), 0);
    write_many("many", "y"); /* and it is brought up to date */
    assert_ok(hg_index_open(&x, library, NULL, NULL, NULL));
    assert_string_equal(FOUND(.property = "y", .metric = "mae", .least = 3, .most = 4), "y-002 y-003");
    assert_string_equal(FOUND(.property = "gap"), "gap-a gap-b gap-c");
    hg_index_free(x);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    snprintf(path, sizeof path, "%s/many.hgpack", library); /* a pack alone */
    assert_ok(hg_index_open(&x, path, NULL, NULL, NULL));
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
        assert_ok(hg_index_open(&x, library, NULL, NULL, NULL));
        hg_index_free(x);
        const int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        static const char noise[5000] = "\x55\x55\x55\x55\x55\x55";
        if (how == 0) assert_int_equal(pwrite(fd, noise, 100, 0), 100);
        if (how == 1) assert_int_equal(pwrite(fd, noise, 5000, 4096), 5000);
        if (how == 2) assert_int_equal(ftruncate(fd, 20000), 0);
        close(fd);
        put("gap-a", "{}"); /* so that there is something to do */
        assert_ok_err(hg_index_open(&x, library, NULL, NULL, &err), err);
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

static void memory_may_lack(void **state) { memory_lacks(*state, 1); }

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
