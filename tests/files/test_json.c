/* tests/files/test_json.c -- JSON as other programs read it */
#include "files/json.h"
#include "core/memory.h"
#include "test.h"

static void check(hg_json *j, hg_text *t, const char *expected) {
    hg_err err;
    assert_ok_err(hg_json_end(j, &err), err);
    assert_string_equal(t->s, expected);
    hg_text_free(t);
}

static void writes_an_object_on_one_line(void **state) {
    (void)state;
    const double x[] = { 0.1, -2, 1e300, NAN, (double)INFINITY };
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_json_begin_text(&j, &t, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_count(&j, "schema", 1);
    hg_json_numbers(&j, "x", x, 5);
    hg_json_begin_object(&j, "empty");
    hg_json_end_object(&j);
    hg_json_begin_array(&j, "list");
    hg_json_begin_object(&j, NULL);
    hg_json_bool(&j, "yes", true);
    hg_json_end_object(&j);
    hg_json_count(&j, NULL, SIZE_MAX);
    hg_json_end_array(&j);
    hg_json_string(&j, "name", NULL);
    hg_json_null(&j, "none");
    hg_json_end_object(&j);
    check(&j, &t,
          "{\"schema\":1,\"x\":[0.1,-2,1e+300,null,null],\"empty\":{},"
          "\"list\":[{\"yes\":true},18446744073709551615],\"name\":null,\"none\":null}\n");
}

static void indents_when_asked(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_json_begin_text(&j, &t, 2);
    hg_json_begin_object(&j, NULL);
    hg_json_number(&j, "a", 0.5);
    hg_json_begin_array(&j, "b");
    hg_json_bool(&j, NULL, false);
    hg_json_bool(&j, NULL, true);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "c");
    hg_json_end_array(&j);
    hg_json_end_object(&j);
    check(&j, &t, "{\n  \"a\": 0.5,\n  \"b\": [\n    false,\n    true\n  ],\n  \"c\": []\n}\n");
}

static void values_at_the_top_are_lines(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_json_begin_text(&j, &t, 0);
    hg_json_count(&j, NULL, 1);
    hg_json_begin_object(&j, NULL);
    hg_json_end_object(&j);
    hg_json_string(&j, NULL, "x");
    check(&j, &t, "1\n{}\n\"x\"\n");
    hg_json_begin_text(&j, &t, 0);
    check(&j, &t, "");
}

static void escapes_strings(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_json_begin_text(&j, &t, 0);
    hg_json_string(&j, NULL, "a\"b\\c\n\t\r\b\f\x01\x1f/\x7f\xce\xbcV \xf0\x9f\xa7\xb2");
    hg_json_string(&j, NULL,
                   "\xff"
                   "a\xc3"
                   "b\xed\xa0\x80\xe2\x82"); /* not UTF-8: each bad byte becomes U+FFFD */
    check(&j, &t,
          "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f/\x7f\xce\xbcV \xf0\x9f\xa7\xb2\"\n"
          "\"\xef\xbf\xbd"
          "a\xef\xbf\xbd"
          "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");
}

static void long_texts_pass_the_buffer(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    hg_json j;
    char s[3 * HG_JSON_BUFFER];
    memset(s, 'x', sizeof s - 1);
    s[sizeof s - 1] = '\0';
    hg_json_begin_text(&j, &t, 0);
    hg_json_string(&j, NULL, s);
    assert_ok(hg_json_end(&j, NULL));
    assert_int_equal(t.len, sizeof s + 2);
    assert_memory_equal(t.s + 1, s, sizeof s - 1);
    hg_text_free(&t);
}

static hg_status refused(void (*use)(hg_json *j), const char *why) {
    hg_text t = hg_text_new(0);
    hg_json j;
    hg_err err;
    hg_json_begin_text(&j, &t, 0);
    use(&j);
    const hg_status st = hg_json_end(&j, &err);
    assert_contains(err.msg, why);
    hg_text_free(&t);
    return st;
}

static void no_key(hg_json *j) {
    hg_json_begin_object(j, NULL);
    hg_json_count(j, NULL, 1);
    hg_json_end_object(j);
}
static void key_in_array(hg_json *j) {
    hg_json_begin_array(j, NULL);
    hg_json_count(j, "a", 1);
}
static void open_end(hg_json *j) { hg_json_begin_array(j, NULL); }
static void crossed(hg_json *j) {
    hg_json_begin_array(j, NULL);
    hg_json_end_object(j);
}
static void too_many_ends(hg_json *j) { hg_json_end_array(j); }
static void too_deep(hg_json *j) {
    for (int i = 0; i < 100; i++) hg_json_begin_array(j, NULL);
}

static void tells_misuse_at_the_end(void **state) {
    (void)state;
    assert_int_equal(refused(no_key, "needs a key"), HG_EINVAL);
    assert_int_equal(refused(key_in_array, "belongs into an object"), HG_EINVAL);
    assert_int_equal(refused(open_end, "still open"), HG_EINVAL);
    assert_int_equal(refused(crossed, "without its begin"), HG_EINVAL);
    assert_int_equal(refused(too_many_ends, "without its begin"), HG_EINVAL);
    assert_int_equal(refused(too_deep, "64 levels"), HG_EINVAL);
}

static hg_status full(void *ctx, const char *bytes, size_t n, hg_err *err) {
    (void)bytes;
    (void)n;
    ++*(int *)ctx;
    return hg_fail(err, HG_EIO, "disk full");
}

static void a_failed_sink_is_asked_once_and_reported(void **state) {
    (void)state;
    int calls = 0;
    hg_json j;
    hg_err err;
    hg_json_begin(&j, full, &calls, 0);
    hg_json_begin_array(&j, NULL);
    for (size_t i = 0; i < 5000; i++) hg_json_count(&j, NULL, i);
    hg_json_end_array(&j);
    assert_int_equal(hg_json_end(&j, &err), HG_EIO);
    assert_string_equal(err.msg, "disk full");
    assert_int_equal(calls, 1);
    hg_text t = hg_text_new(100);
    hg_json_begin_text(&j, &t, 0);
    for (size_t i = 0; i < 5000; i++) hg_json_count(&j, NULL, i);
    assert_int_equal(hg_json_end(&j, NULL), HG_ENOMEM);
    hg_text_free(&t);
    fail_alloc_after(0);
    t = hg_text_new(0);
    hg_json_begin_text(&j, &t, 0);
    hg_json_null(&j, NULL);
    assert_int_equal(hg_json_end(&j, NULL), HG_ENOMEM);
    fail_alloc_after(-1);
    hg_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(writes_an_object_on_one_line),
        TEST(indents_when_asked),
        TEST(values_at_the_top_are_lines),
        TEST(escapes_strings),
        TEST(long_texts_pass_the_buffer),
        TEST(tells_misuse_at_the_end),
        TEST(a_failed_sink_is_asked_once_and_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
