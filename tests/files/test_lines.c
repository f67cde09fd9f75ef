/* tests/files/test_lines.c -- lines of a text in pieces of any size: ends, marks, long ones, what is no text */
#include "files/lines.h"
#include "test.h"

/* All lines of a text, each in brackets; the message when it is refused. */
static const char *lines_of(const char *text, size_t n, size_t chunk) {
    static char out[sizeof(hg_err) + 4096];
    hg_input *in;
    hg_lines l;
    hg_err err = { 0 };
    bool more = true;
    size_t at = 0, number = 0;
    assert_ok(hg_input_open_memory(&in, "f", text, n, NULL, NULL));
    hg_status st = hg_lines_begin(&l, in, chunk, &err);
    while (st == HG_OK && more) {
        st = hg_lines_next(&more, &l, &err);
        if (st == HG_OK && more) {
            assert_int_equal(l.number, ++number);
            at += (size_t)snprintf(out + at, sizeof out - at, "[%.*s]", (int)l.len, l.s);
        }
    }
    if (st != HG_OK) snprintf(out, sizeof out, "%s %s", hg_status_name(st), err.msg);
    out[at] = st == HG_OK ? '\0' : out[at];
    hg_lines_end(&l);
    hg_input_free(in);
    return out;
}

static void lines_are_the_same_in_pieces_of_any_size(void **state) {
    (void)state;
    static const char *const CASE[][2] = {
        { "", "" },
        { "a", "[a]" },
        { "\n", "[]" },
        { "a\nbc\n", "[a][bc]" },
        { "a\r\nbc\r\n\r\nd", "[a][bc][][d]" },
        { "\xef\xbb\xbf"
          "a\n\xef\xbb\xbf\n",
          "[a][\xef\xbb\xbf]" },
        { "\xc3\xa9\xe2\x82\xac\n\xf0\x9f\x98\x80", "[\xc3\xa9\xe2\x82\xac][\xf0\x9f\x98\x80]" },
        { "a long line of many words and then\n\n\nend", "[a long line of many words and then][][][end]" },
        { "a\nb\xff\n", "HG_EPARSE f:2:2: a byte that is not UTF-8 text" },
        { "a\nb\xe2\x82", "HG_EPARSE f:2:2: a byte that is not UTF-8 text" },
    };
    for (size_t i = 0; i < sizeof CASE / sizeof *CASE; i++)
        for (size_t chunk = 1; chunk < 100; chunk = chunk * 2 + 1)
            assert_string_equal(lines_of(CASE[i][0], strlen(CASE[i][0]), chunk), CASE[i][1]);
    assert_string_equal(lines_of("a\0b\n", 4, 64), "HG_EPARSE f:1:2: a NUL byte: this is not a text file");
}

static void a_line_may_be_looked_at_again(void **state) {
    (void)state;
    hg_input *in;
    hg_lines l;
    bool more;
    size_t n;
    assert_ok(hg_input_open_memory(&in, "f", "a\nb\n", 4, NULL, NULL));
    assert_ok(hg_lines_begin(&l, in, 64, NULL));
    assert_memory_equal(hg_lines_head(&n, &l), "a\nb\n", 4);
    assert_int_equal(n, 4);
    for (const char *s = "aabb"; *s; s++) {
        assert_ok(hg_lines_next(&more, &l, NULL));
        assert_true(more && l.len == 1 && *l.s == *s);
        if (s[1] == *s) hg_lines_back(&l);
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(hg_lines_next(&more, &l, NULL));
        assert_false(more);
        assert_int_equal(l.number, 2);
        hg_lines_back(&l);
    }
    hg_lines_end(&l);
    hg_input_free(in);
}

static void a_line_without_end_is_refused(void **state) {
    (void)state;
    const size_t n = (size_t)HG_LINES_LONGEST + 10;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    assert_string_equal(lines_of(text, n, 1000), "HG_ELIMIT f:1: this line is longer than 4 MiB");
    text[5] = '\n';
    assert_string_equal(lines_of(text, n, 1000), "HG_ELIMIT f:2: this line is longer than 4 MiB");
    free(text);
}

static void words_are_parted_by_blanks(void **state) {
    (void)state;
    static const char LINE[] = "  one\ttwo  three ";
    const char *at = LINE, *const end = LINE + sizeof LINE - 1;
    assert_true(hg_word_is(hg_word_next(&at, end), "one"));
    assert_true(hg_word_is(hg_word_next(&at, end), "two"));
    assert_true(hg_word_is(hg_word_next(&at, end), "three"));
    assert_int_equal(hg_word_next(&at, end).len, 0);
    assert_int_equal(hg_word_next(&at, end).len, 0);
    assert_true(hg_word_is(hg_word_trim(LINE, sizeof LINE - 1), "one\ttwo  three"));
    assert_true(hg_word_is(hg_word_trim("  ", 2), ""));
    char text[81];
    memset(text, 'x', 80);
    memcpy(text + 39, "\xe2\x82\xac", 3); /* is not cut */
    assert_int_equal(hg_word_shown((hg_word) { text, 80 }), 39);
    assert_int_equal(hg_word_shown((hg_word) { text, 7 }), 7);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    char text[400];
    memset(text, 'x', sizeof text); /* the buffer must grow for it */
    hg_input *in;
    hg_lines l;
    bool more;
    for (long k = 0; k < 8; k++) {
        assert_ok(hg_input_open_memory(&in, "f", text, sizeof text, NULL, NULL));
        fail_alloc_after(k);
        hg_status st = hg_lines_begin(&l, in, 50, NULL);
        if (st == HG_OK) st = hg_lines_next(&more, &l, NULL);
        fail_alloc_after(-1);
        assert_int_equal(st, k < 5 ? HG_ENOMEM : HG_OK); /* 50, 100, 200, 400 bytes, and 800 to see the end */
        hg_lines_end(&l);
        hg_input_free(in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_the_same_in_pieces_of_any_size),
        TEST(a_line_may_be_looked_at_again),
        TEST(a_line_without_end_is_refused),
        TEST(words_are_parted_by_blanks),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
