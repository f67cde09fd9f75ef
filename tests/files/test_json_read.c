/* tests/files/test_json_read.c -- events, texts and numbers of JSON, what is refused and where */
#include "files/json.h"
#include "files/json_read.h"
#include "test.h"

/* The events of a text, one letter each; the error's message when it is refused. */
static const char *events(const char *text) {
    static const char LETTER[] = "{}[]ksnbz.";
    static char out[sizeof(hg_err)];
    hg_json_reader r;
    hg_err err = { 0 };
    size_t n = 0;
    hg_json_read_begin(&r, "f", text, strlen(text));
    do {
        if (hg_json_read_next(&r, &err) != HG_OK) return snprintf(out, sizeof out, "%s", err.msg), out;
        out[n++] = LETTER[r.event];
    } while (r.event != HG_JSON_DONE);
    out[n] = '\0';
    return out;
}

static void values_become_events(void **state) {
    (void)state;
    assert_string_equal(events("{}"), "{}.");
    assert_string_equal(events(" [ ] \n"), "[].");
    assert_string_equal(events("null"), "z.");
    assert_string_equal(events("\"\""), "s.");
    assert_string_equal(events("{\"a\":[1,-2.5e+3,true,false,null,\"x\"],\r\n\t\"b\":{}}"), "{k[nnbbzs]k{}}.");
    assert_string_equal(events("[[],[[1]],{\"k\":[{}]}]"), "[[][[n]]{k[{}]}].");
    assert_string_equal(events("[0,-0,10,1.5,1e5,1E-5,0.0e+00]"), "[nnnnnnn].");
}

static void what_is_no_json_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const CASE[][2] = {
        { "", "f:1:1: the JSON text ends here, expected a value" },
        { "[1,\n 2", "f:2:3: the JSON text ends here, expected ',' or ']'" },
        { "[1,]", "f:1:4: ']', expected a value" },
        { "{\"a\":1,}", "f:1:8: '}', expected a key in quotes" },
        { "{a:1}", "f:1:2: 'a', expected a key in quotes or '}'" },
        { "{\"a\" 1}", "f:1:6: '1', expected ':' behind the key" },
        { "{\"a\":}", "f:1:6: '}', expected a value" },
        { "[1 2]", "f:1:4: '2', expected ',' or ']'" },
        { "{\"a\":1 \"b\":2}", "f:1:8: '\"', expected ',' or '}'" },
        { "[}", "f:1:2: '}', expected a value or ']'" },
        { "1 2", "f:1:3: '2', expected nothing more" },
        { "nul", "f:1:1: 'n', expected a value" },
        { "NaN", "f:1:1: 'N', expected a value" },
        { "// no", "f:1:1: '/', expected a value" },
        { "\x01", "f:1:1: byte 0x01, expected a value" },
        { "-", "f:1:1: a minus sign without a number" },
        { "012", "f:1:1: a number with a zero in front" },
        { "1.", "f:1:1: no digit behind the decimal point" },
        { ".5", "f:1:1: '.', expected a value" },
        { "1e", "f:1:1: no digit in the exponent" },
        { "+1", "f:1:1: '+', expected a value" },
        { "[\"abc", "f:1:2: the string that begins here is never closed" },
        { "\"a\nb\"", "f:1:3: a control character within a string" },
        { "\"\\x\"", "f:1:2: an escape that JSON does not have" },
        { "\"\\u12g4\"", "f:1:2: \\u needs four hexadecimal digits" },
        { "\"\\u0000\"", "f:1:2: \\u0000 is no text" },
        { "\"\\ud800\"", "f:1:2: half of a surrogate pair" },
        { "\"\\ud800\\u0041\"", "f:1:2: half of a surrogate pair" },
        { "\"\\udc00\"", "f:1:2: half of a surrogate pair" },
        { "\"\xff\"", "f:1:2: a byte that is not UTF-8 text" },
        { "\"\xc3", "f:1:2: a byte that is not UTF-8 text" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) assert_string_equal(events(CASE[i][0]), CASE[i][1]);
    char deep[2 * HG_JSON_READ_DEPTH + 3];
    memset(deep, '[', HG_JSON_READ_DEPTH);
    memset(deep + HG_JSON_READ_DEPTH, ']', HG_JSON_READ_DEPTH);
    deep[2 * HG_JSON_READ_DEPTH] = '\0';
    assert_int_equal(strlen(events(deep)), 2 * HG_JSON_READ_DEPTH + 1);
    memset(deep, '[', sizeof deep);
    deep[HG_JSON_READ_DEPTH + 1] = '\0';
    assert_string_equal(events(deep), "f:1:65: JSON nested more than 64 levels deep");
}

static void texts_lose_their_escapes(void **state) {
    (void)state;
    static const char *const CASE[][2] = {
        { "\"plain\"", "plain" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
        { "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\"\xc3\xa9\"", "\xc3\xa9" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        hg_json_reader r;
        char out[64];
        hg_json_read_begin(&r, "f", CASE[i][0], strlen(CASE[i][0]));
        assert_ok(hg_json_read_next(&r, NULL));
        assert_int_equal(hg_json_read_text(out, &r), strlen(CASE[i][1]));
        assert_string_equal(out, CASE[i][1]);
        assert_true(hg_json_read_is(&r, CASE[i][1]));
        assert_false(hg_json_read_is(&r, "other"));
    }
}

static void numbers_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double real;
        bool is_whole;
        uint64_t whole;
    } CASE[] = {
        { "0", 0, true, 0 },
        { "18446744073709551615", 1.8446744073709552e19, true, UINT64_MAX },
        { "0.1", 0.1, false, 0 },
        { "18446744073709551616", 1.8446744073709552e19, false, 0 },
        { "-1", -1, false, 0 },
        { "1e2", 100, false, 0 },
        { "-2.5E-1", -0.25, false, 0 },
    };
    hg_json_reader r;
    double x;
    uint64_t w;
    hg_err err;
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++) {
        hg_json_read_begin(&r, "f", CASE[i].text, strlen(CASE[i].text));
        assert_ok(hg_json_read_next(&r, NULL));
        assert_ok(hg_json_read_real(&x, &r, NULL));
        assert_true(x == CASE[i].real);
        assert_int_equal(hg_json_read_whole(&w, &r, NULL), CASE[i].is_whole ? HG_OK : HG_EPARSE);
        if (CASE[i].is_whole) assert_true(w == CASE[i].whole);
    }
    hg_json_read_begin(&r, "f", "[1e999]", 7);
    assert_ok(hg_json_read_expect(&r, HG_JSON_ARRAY, "a list", &err));
    assert_ok(hg_json_read_next(&r, &err));
    assert_int_equal(hg_json_read_real(&x, &r, &err), HG_EPARSE);
    assert_string_equal(err.msg, "f:1:2: a number too large for a double");
    assert_int_equal(hg_json_read_expect(&r, HG_JSON_STRING, "a name", &err), HG_EPARSE);
    assert_string_equal(err.msg, "f:1:7: the end of an array, expected a string for a name");
    assert_int_equal(hg_json_read_real(&x, &r, &err), HG_EPARSE);
}

static void values_can_be_passed_over(void **state) {
    (void)state;
    static const char TEXT[] = "{\"a\":{\"x\":[1,{\"y\":2}]},\"b\":[[]],\"c\":7}";
    hg_json_reader r;
    hg_json_read_begin(&r, "f", TEXT, strlen(TEXT));
    assert_ok(hg_json_read_expect(&r, HG_JSON_OBJECT, "it", NULL));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(hg_json_read_expect(&r, HG_JSON_KEY, "it", NULL));
        assert_true(hg_json_read_is(&r, (const char *[]) { "a", "b", "c" }[i]));
        assert_ok(hg_json_read_skip(&r, NULL));
    }
    assert_ok(hg_json_read_expect(&r, HG_JSON_OBJECT_END, "it", NULL));
    assert_ok(hg_json_read_expect(&r, HG_JSON_DONE, "it", NULL));
    assert_ok(hg_json_read_expect(&r, HG_JSON_DONE, "it", NULL)); /* again and again */
    hg_json_read_begin(&r, "f", "[[1,", 4);
    assert_ok(hg_json_read_next(&r, NULL));
    assert_int_equal(hg_json_read_skip(&r, NULL), HG_EPARSE);
}

/* Our writer is the independent half: what it writes reads back. */
static void what_our_writer_writes_reads_back(void **state) {
    (void)state;
    hg_rng rng = hg_rng_make(9, 0);
    for (int k = 0; k < 200; k++) {
        double x[8];
        char word[16];
        hg_json j;
        hg_json_reader r;
        hg_text t = hg_text_new(0);
        for (size_t i = 0; i < 8; i++) x[i] = ldexp(hg_rng_normal(&rng), (int)hg_rng_below(&rng, 400) - 200);
        for (size_t i = 0; i < sizeof word - 1; i++) word[i] = (char)(1 + hg_rng_below(&rng, 126));
        word[sizeof word - 1] = '\0';
        hg_json_begin_text(&j, &t, k % 3);
        hg_json_begin_object(&j, NULL);
        hg_json_numbers(&j, word, x, 8);
        hg_json_end_object(&j);
        assert_ok(hg_json_end(&j, NULL));
        hg_json_read_begin(&r, "f", t.s, t.len);
        assert_ok(hg_json_read_expect(&r, HG_JSON_OBJECT, "it", NULL));
        assert_ok(hg_json_read_expect(&r, HG_JSON_KEY, "it", NULL));
        assert_true(hg_json_read_is(&r, word));
        assert_ok(hg_json_read_expect(&r, HG_JSON_ARRAY, "it", NULL));
        for (size_t i = 0; i < 8; i++) {
            double y;
            assert_ok(hg_json_read_next(&r, NULL));
            assert_ok(hg_json_read_real(&y, &r, NULL));
            assert_true(y == x[i]);
        }
        hg_text_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(values_become_events),      TEST(what_is_no_json_is_refused_with_its_place),
        TEST(texts_lose_their_escapes),  TEST(numbers_are_exact),
        TEST(values_can_be_passed_over), TEST(what_our_writer_writes_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
