/* tests/learn/test_scale.c -- the names of scales, as options and recipes write them */
#include "hagane/scale.h"
#include "test.h"

static void each_scale_has_a_name(void **state) {
    (void)state;
    assert_string_equal(hg_scale_name(HG_SCALE_AUTO), "auto");
    assert_string_equal(hg_scale_name(HG_SCALE_VALUES), "values");
    assert_string_equal(hg_scale_name(HG_SCALE_LOGS), "logs");
    assert_null(hg_scale_name(HG_SCALE_LOGS + 1));
    assert_null(hg_scale_name(SIZE_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(each_scale_has_a_name) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
