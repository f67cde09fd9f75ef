/* tests/cli/test_party.c -- what the parts of `hagane party` refuse, and how they say it; examples/three-parties.sh is the story */
#include "program.h"
#include "test.h"

static void mistakes_are_told(void **state) {
    (void)state;
    const struct {
        const char *words[10], *message;
        int code;
    } cases[] = {
        { { "party", "status" }, "--cluster is missing", 2 },
        { { "party", "status", "--cluster", "nowhere.yaml", "--identity", "x" }, "nowhere.yaml", 1 },
        { { "party", "share", "t.csv" }, "--cluster is missing", 2 },
        { { "party", "withdraw", "5f", "--cluster", "c" }, "--project is missing", 2 },
        { { "party", "init", "x", "--name", "x" }, "--role is missing", 2 },
        { { "party", "init", "x", "--role", "king" }, "--role cannot be \"king\"", 2 },
        { { "party", "cluster", "c.yaml", "--name", "c", "--authority", "a" },
          "a cluster has three servers, not 0",
          2 },
        { { "party", "serve", "x" }, "--cluster is missing", 2 },
        { { "party", "policy", "--sign" }, "--project is missing", 2 },
        { { "suggest", "--project", "magnets", "t.csv" }, "--project means nothing without --parties", 2 },
        { { "suggest", "--parties", "c.yaml", "--target", "y" }, "--target means nothing with --parties", 2 },
        { { "suggest", "--parties", "c.yaml", "t.csv" }, "a table and --parties cannot be given together", 2 },
        { { "suggest", "--parties", "c.yaml", "--project", "m" }, "--identity is missing", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const program_result r = program_run_words(cases[i].words, NULL, NULL);
        assert_contains(r.err, cases[i].message);
        assert_int_equal(r.code, cases[i].code);
    }
    program_forget();
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(mistakes_are_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
