/* tests/files/test_yaml.c -- values out of a YAML text, and a line and a column for each that does not fit */
#include "files/yaml.h"
#include "test.h"

static const char *const KEYS[] = { "count", "share", "on", "name", "colour", "list" };
enum { COUNT, SHARE, ON, NAME, COLOUR, LIST, N };
static const char *const COLOURS[] = { "red", "green", "blue" };

static void values_come_out(void **state) {
    (void)state;
    static const char TEXT[] =
        "# a comment\ncount: 3\nshare: -2.5e-1\non: yes\nname: \"a \\\"b\\\" \xc3\xa9\"\ncolour: green\nlist: [x, y]\n";
    hg_yaml y;
    const yaml_node_t *given[N];
    int64_t count;
    double share;
    bool on;
    char name[16];
    size_t colour, n;
    hg_err err;
    assert_ok_err(hg_yaml_load(&y, "a.yaml", TEXT, strlen(TEXT), &err), err);
    assert_ok_err(hg_yaml_keys(given, &y, hg_yaml_root(&y), KEYS, N, "top"), err);
    assert_ok(hg_yaml_whole(&count, &y, given[COUNT], 0, 10, "count"));
    assert_ok(hg_yaml_number(&share, &y, given[SHARE], -1, 1, "share"));
    assert_ok(hg_yaml_bool(&on, &y, given[ON], "on"));
    assert_ok(hg_yaml_text(name, sizeof name, &y, given[NAME], "name"));
    assert_ok(hg_yaml_choice(&colour, &y, given[COLOUR], COLOURS, 3, "colour"));
    assert_ok(hg_yaml_list(&n, &y, given[LIST], 2, "list"));
    assert_true(count == 3 && share == -0.25 && on && colour == 1 && n == 2);
    assert_string_equal(name, "a \"b\" \xc3\xa9");
    assert_string_equal(hg_yaml_word(hg_yaml_item(&y, given[LIST], 1)), "y");
    hg_yaml_free(&y);
}

/* Each text breaks one rule for the value of the key that it has. */
static void every_mistake_has_a_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } BAD[] = {
        { "", "a.yaml:1: empty file" },
        { "count: [", "a.yaml:2:1: not YAML" },
        { "count: 1\n---\ncount: 2\n", "a.yaml:3:1: a second document begins here" },
        { "- a\n", "a.yaml:1:1: top: expected a mapping" },
        { "cuont: 1\n", "a.yaml:1:1: top: unknown key \"cuont\"" },
        { "[a]: 1\n", "unknown key \"a list or mapping\"" },
        { "on: yes\non: no\n", "a.yaml:2:1: top: \"on\" is given twice" },
        { "count: 1.5\n", "a.yaml:1:8: count is \"1.5\", expected a whole number from 0 to 10" },
        { "count: 11\n", "expected a whole number from 0 to 10" },
        { "count: -1\n", "expected a whole number from 0 to 10" },
        { "share: 1.01\n", "share is \"1.01\", expected a number from -1 to 1" },
        { "share: .nan\n", "expected a number" },
        { "share: {a: 1}\n", "share is \"a list or mapping\"" },
        { "on: 1\n", "on is \"1\", expected true or false" },
        { "name: \"\"\n", "expected a text" },
        { "name: \"a\\0b\"\n", "name is \"text with a NUL\"" },
        { "name: \"a\\tb\"\n", "a character that cannot be seen" },
        { "name: \"a\\u202Eb\"\n", "a character that cannot be seen" }, /* turns the writing around */
        { "name: 0123456789abcdef\n", "longer than 15 bytes" },
        { "colour: pink\n", "colour is \"pink\", expected red, green or blue" },
        { "list: x\n", "list: expected a list" },
        { "list: [a, b, c]\n", "list: 3 entries, expected at most 2" },
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_yaml y;
        const yaml_node_t *given[N];
        int64_t count;
        double share;
        bool on;
        char name[16];
        size_t some;
        hg_err err = { 0 };
        hg_status st = hg_yaml_load(&y, "a.yaml", BAD[i].text, strlen(BAD[i].text), &err);
        if (st == HG_OK) {
            st = hg_yaml_keys(given, &y, hg_yaml_root(&y), KEYS, N, "top");
            if (st == HG_OK && given[COUNT]) st = hg_yaml_whole(&count, &y, given[COUNT], 0, 10, "count");
            if (st == HG_OK && given[SHARE]) st = hg_yaml_number(&share, &y, given[SHARE], -1, 1, "share");
            if (st == HG_OK && given[ON]) st = hg_yaml_bool(&on, &y, given[ON], "on");
            if (st == HG_OK && given[NAME]) st = hg_yaml_text(name, sizeof name, &y, given[NAME], "name");
            if (st == HG_OK && given[COLOUR]) st = hg_yaml_choice(&some, &y, given[COLOUR], COLOURS, 3, "colour");
            if (st == HG_OK && given[LIST]) st = hg_yaml_list(&some, &y, given[LIST], 2, "list");
            hg_yaml_free(&y);
        }
        assert_int_equal(st, HG_EPARSE);
        assert_contains(err.msg, BAD[i].says);
    }
    hg_yaml y;
    const yaml_node_t *given[N];
    hg_err err;
    assert_ok(hg_yaml_load(&y, "a.yaml", "colours: red\n", 13, &err));
    assert_int_equal(hg_yaml_keys(given, &y, hg_yaml_root(&y), KEYS, N, "top"), HG_EPARSE);
    assert_string_equal(err.hint, "did you mean colour?");
    hg_yaml_free(&y);
    assert_ok(hg_yaml_load(&y, "a.yaml", "zzz: red\n", 9, &err));
    assert_int_equal(hg_yaml_keys(given, &y, hg_yaml_root(&y), KEYS, N, "top"), HG_EPARSE);
    assert_string_equal(err.hint, "known are: count, share, on, name, colour, list");
    hg_yaml_free(&y);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(values_come_out), TEST(every_mistake_has_a_place) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
