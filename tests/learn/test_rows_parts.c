/* tests/learn/test_rows_parts.c -- every row once, in parts whose borders no thread moves; what fails is told */
#include "learn/rows_parts.h"
#include "test.h"

enum { ROWS = 2 * HG_ROWS_PART + 7 };

typedef struct {
    unsigned char *seen; /* [ROWS] how often */
    size_t bad;          /* a part that has this row fails */
    bool uneven;         /* a part did not begin at a border */
} counting;

static hg_status count(const void *ctx, size_t begin, size_t n) {
    const counting *c = ctx;
    if (begin % HG_ROWS_PART || n > HG_ROWS_PART) return HG_EINVAL;
    for (size_t i = begin; i < begin + n; i++) c->seen[i]++;
    return begin <= c->bad && c->bad < begin + n ? HG_ENOMEM : HG_OK;
}

static void every_row_is_asked_once(void **state) {
    (void)state;
    static unsigned char seen[ROWS];
    const counting c = { .seen = seen, .bad = SIZE_MAX };
    for (size_t threads = 1; threads <= 3; threads++) {
        hg_pool *pool;
        memset(seen, 0, sizeof seen);
        assert_ok(hg_pool_new(&pool, threads, NULL));
        assert_ok(hg_rows_parts(count, &c, ROWS, pool, NULL));
        hg_pool_free(pool);
        for (size_t i = 0; i < ROWS; i++) assert_int_equal(seen[i], 1);
    }
    memset(seen, 0, sizeof seen);
    assert_ok(hg_rows_parts(count, &c, 1, NULL, NULL));
    assert_true(seen[0] == 1 && seen[1] == 0);
}

static void a_part_that_fails_is_told(void **state) {
    (void)state;
    static unsigned char seen[ROWS];
    hg_err err;
    for (size_t bad = 0; bad < ROWS; bad += HG_ROWS_PART) {
        const counting c = { .seen = seen, .bad = bad };
        assert_int_equal(hg_rows_parts(count, &c, ROWS, NULL, &err), HG_ENOMEM);
        assert_string_equal(err.msg, "no memory for predictions");
    }
    const counting good = { .seen = seen, .bad = SIZE_MAX };
    fail_alloc_after(0);
    assert_int_equal(hg_rows_parts(count, &good, ROWS, NULL, &err), HG_ENOMEM);
    fail_alloc_after(-1);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(every_row_is_asked_once), TEST(a_part_that_fails_is_told) };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
