/* tests/library/test_seen.c -- lists of compositions: by hand, in any order and multiple, through a file, damaged, without memory */
#include "library/seen.h"
#include "files/safetensors.h"
#include "test.h"

static hg_composition of(const char *formula) {
    hg_composition c;
    assert_ok(hg_composition_read(&c, formula, NULL));
    return c;
}

static void a_composition_is_found_however_written(void **state) {
    (void)state;
    static const char *const LEARNED[] = { "Fe2O3", "NiO", "Fe4O6", "H2O", "Nd2Fe14B", "FeO15" };
    enum { N = sizeof LEARNED / sizeof *LEARNED };
    uint32_t key[N];
    for (size_t i = 0; i < N; i++) {
        const hg_composition c = of(LEARNED[i]);
        key[i] = hg_seen_key(&c);
    }
    const hg_seen s = hg_seen_of(key, N);
    assert_int_equal(s.n, N - 1); /* Fe2O3 twice */
    for (size_t i = 1; i < s.n; i++) assert_true(s.key[i] > s.key[i - 1]);
    static const char *const SAME[] = { "O3Fe2", "Fe(O1.5)", "O0.5Ni0.5", "Fe14Nd2B", "Fe3O45", "Fe0.0625O0.9375" };
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        const hg_composition c = of(SAME[i]);
        assert_true(hg_seen_has(&s, &c));
    }
    static const char *const OTHER[] = { "Fe3O4", "FeO", "CoO", "D2O", "Nd2Fe14C", "Ni", "Fe2O3.01" };
    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++) {
        const hg_composition c = of(OTHER[i]);
        assert_false(hg_seen_has(&s, &c));
    }
    const hg_composition water = of("H2O");
    const hg_seen nothing = hg_seen_of(NULL, 0);
    assert_false(hg_seen_has(&nothing, &water));
}

/* Files hold keys: what they are may never change. */
static void a_key_is_what_it_was(void **state) {
    (void)state;
    const hg_composition c = of("Fe2O3");
    assert_true(hg_composition_key(&c) == UINT64_C(0x2673360d65dde19d)); /* worked out apart */
}

static void too_many_are_no_list(void **state) {
    (void)state;
    uint32_t *key = malloc((HG_SEEN_MOST + 1) * sizeof *key);
    assert_non_null(key);
    for (uint32_t i = 0; i <= HG_SEEN_MOST; i++) key[i] = 7 * (HG_SEEN_MOST - i);
    assert_int_equal(hg_seen_of(key, HG_SEEN_MOST).n, HG_SEEN_MOST);
    for (uint32_t i = 0; i <= HG_SEEN_MOST; i++) key[i] = 7 * (HG_SEEN_MOST - i);
    assert_int_equal(hg_seen_of(key, HG_SEEN_MOST + 1).n, 0);
    free(key);
}

static hg_status through(hg_seen *back, const uint32_t *key, size_t n, hg_arena *mem, hg_err *err) {
    char path[512];
    hg_shelf to = hg_shelf_new(mem);
    hg_safetensors *s = NULL;
    const hg_seen list = { key, n };
    const double one = 1;
    to.prefix = "seen.";
    test_scratch(path, sizeof path, "seen.safetensors");
    hg_status st = hg_seen_save(&list, &to, err);
    if (st == HG_OK) st = hg_shelf_doubles(&to, "other", &one, 1, err);
    if (st == HG_OK) st = hg_safetensors_write(path, to.tensor, to.n, NULL, 0, err);
    if (st == HG_OK) st = hg_safetensors_open(&s, path, 0, err);
    if (st == HG_OK) st = hg_seen_load(back, &(hg_shelf_view) { s, path, "seen." }, mem, err);
    hg_safetensors_free(s);
    hg_shelf_free(&to);
    return st;
}

static void a_file_gives_it_back(void **state) {
    static const uint32_t KEY[] = { 3, 17, 0xfffffff0 }, DAMAGED[] = { 3, 17, 17 };
    const hg_mark mark = hg_arena_mark(*state);
    hg_seen back;
    hg_err err = { 0 };
    assert_ok_err(through(&back, KEY, 3, *state, &err), err);
    assert_int_equal(back.n, 3);
    assert_memory_equal(back.key, KEY, sizeof KEY);
    assert_ok_err(through(&back, NULL, 0, *state, &err), err); /* a model of an older version has none */
    assert_int_equal(back.n, 0);
    assert_int_equal(through(&back, DAMAGED, 3, *state, &err), HG_EDATA);
    assert_contains(err.msg, "not sorted");
    uint32_t *many = malloc((HG_SEEN_MOST + 1) * sizeof *many);
    assert_non_null(many);
    for (uint32_t i = 0; i <= HG_SEEN_MOST; i++) many[i] = i;
    assert_int_equal(through(&back, many, HG_SEEN_MOST + 1, *state, &err), HG_EDATA);
    free(many);
    hg_arena_reset(*state, mark);
}

static void failing_allocations_are_told(void **state) {
    static const uint32_t KEY[] = { 3, 17 };
    hg_status st = HG_ENOMEM;
    for (long k = 0; st != HG_OK; k++) {
        const hg_mark mark = hg_arena_mark(*state);
        hg_seen back;
        fail_alloc_after(k);
        st = through(&back, KEY, 2, *state, NULL);
        fail_alloc_after(-1);
        assert_true(k < 1000 && (st == HG_OK || st == HG_ENOMEM));
        hg_arena_reset(*state, mark);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_composition_is_found_however_written), TEST(a_key_is_what_it_was),
                                        TEST(too_many_are_no_list), TEST(a_file_gives_it_back),
                                        TEST(failing_allocations_are_told) };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
