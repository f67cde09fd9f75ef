/* tests/core/test_utf8.c -- the tables of RFC 3629, and every place of a long text */
#include "core/utf8.h"
#include "test.h"

/* Plain definition: decode, then ask whether the value needed that many bytes and is allowed. */
static size_t plain_length(const unsigned char *s, size_t n) {
    if (n == 0 || s[0] == 0) return 0;
    const size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > n) return 0;
    static const unsigned FIRST[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 }, LEAST[] = { 0, 1, 0x80, 0x800, 0x10000 };
    unsigned v = s[0] & FIRST[length];
    for (size_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) return 0;
        v = v << 6 | (s[i] & 0x3F);
    }
    return v < LEAST[length] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF) ? 0 : length;
}

static void agrees_with_the_definition_on_all_beginnings(void **state) {
    (void)state;
    static const unsigned char LAST[] = { 0x00, 0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xFF };
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t c = 0; c < sizeof LAST; c++)
                for (size_t d = 0; d < sizeof LAST; d++) {
                    const unsigned char s[4] = { (unsigned char)a, (unsigned char)b, LAST[c], LAST[d] };
                    for (size_t n = 0; n <= 4; n++)
                        if (hg_utf8_length((const char *)s, n) != plain_length(s, n))
                            fail_msg("%02x %02x %02x %02x cut to %zu", s[0], s[1], s[2], s[3], n);
                }
}

/* A cut character may go on exactly when some bytes complete it. */
static void tells_a_cut_from_a_fault(void **state) {
    (void)state;
    assert_true(hg_utf8_may_go_on("\xe2", 1) && hg_utf8_may_go_on("\xe2\x82", 2) && hg_utf8_may_go_on("\xf4\x8f", 2));
    assert_true(hg_utf8_may_go_on("", 0));
    assert_false(hg_utf8_may_go_on("\xe0\x80", 2)); /* overlong whatever follows */
    assert_false(hg_utf8_may_go_on("\xed\xa0", 2)); /* a surrogate */
    assert_false(hg_utf8_may_go_on("\xf4\x90", 2)); /* above U+10FFFF */
    assert_false(hg_utf8_may_go_on("\xe2"
                                   "a",
                                   2));
    assert_false(hg_utf8_may_go_on("a", 1)); /* complete */
    assert_false(hg_utf8_may_go_on("\x80", 1));
}

static void finds_the_first_bad_byte_wherever_it_is(void **state) {
    (void)state;
    static const char *const BAD[] = { "\xff", "\x80", "\xc0\x80", "\xed\xa0\x80", "" /* its NUL */ };
    for (size_t k = 0; k < sizeof BAD / sizeof *BAD; k++)
        for (size_t n = 1; n < 40; n++)
            for (size_t at = 0; at < n; at++) {
                char s[64];
                memset(s, at % 2 ? 'x' : 1, n); /* 1 looks like NUL to a careless test of eight bytes */
                memcpy(s + at, BAD[k], strlen(BAD[k]) + (*BAD[k] == '\0'));
                assert_int_equal(hg_utf8_valid(s, n > at + 4 ? n : at + 1), at);
            }
    const char *good = "0123456\xce\xbcV\xe2\x82\xac 89\xf0\x9f\xa7\xb2z";
    assert_int_equal(hg_utf8_valid(good, strlen(good)), strlen(good));
    assert_int_equal(hg_utf8_valid(good, 8), 7); /* cut inside a character */
}

static void the_next_character_is_decoded_or_replaced(void **state) {
    (void)state;
    uint32_t code;
    assert_int_equal(hg_utf8_next("A", &code), 1);
    assert_int_equal(code, 'A');
    assert_int_equal(hg_utf8_next("\xce\xbcV", &code), 2);
    assert_int_equal(code, 0x3BC);
    assert_int_equal(hg_utf8_next("\xe2\x82\xac", &code), 3);
    assert_int_equal(code, 0x20AC);
    assert_int_equal(hg_utf8_next("\xf0\x9f\xa7\xb2", &code), 4);
    assert_int_equal(code, 0x1F9F2);
    assert_int_equal(hg_utf8_next("\xf0\x9f\xa7", &code), 1); /* cut by the end */
    assert_int_equal(code, 0xFFFD);
    assert_int_equal(hg_utf8_next("\xef\xbf\xbd", &code), 3); /* U+FFFD itself */
    assert_int_equal(code, 0xFFFD);
    assert_int_equal(hg_utf8_next("", &code), 0);
}

static void what_a_terminal_would_obey_becomes_a_question_mark(void **state) {
    (void)state;
    char s[] = "a\x1b[31m\t\xce\xbc\xef\xbf\xbd\xc2\x85\xff\xe2\x82z\x7f";
    hg_utf8_clean(s);
    assert_string_equal(s, "a?[31m?\xce\xbc\xef\xbf\xbd?????z?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(agrees_with_the_definition_on_all_beginnings),
        TEST(tells_a_cut_from_a_fault),
        TEST(finds_the_first_bad_byte_wherever_it_is),
        TEST(the_next_character_is_decoded_or_replaced),
        TEST(what_a_terminal_would_obey_becomes_a_question_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
