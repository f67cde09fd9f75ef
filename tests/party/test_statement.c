/* tests/party/test_statement.c -- what is signed about data sets: one encoding, and no signature that fits something else */
#include "party/statement.h"
#include "party.h"
#include "test.h"

static hg_dataset example(const hg_policy *p) {
    hg_dataset d = {
        .tier = p->tier, .kind = HG_SHARES_ROWS, .epoch = 3, .created = TEST_NOW, .sequence = 7, .rows = 24
    };
    strcpy(d.project, "magnets");
    strcpy(d.owner, "a");
    memcpy(d.policy, p->digest, HG_DIGEST);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        memset(d.body[j], (int)j + 1, HG_DIGEST);
        memset(d.slot[j], (int)j + 11, HG_DIGEST);
    }
    memset(d.open, 99, HG_DIGEST);
    memset(d.nonce, 5, sizeof d.nonce);
    return d;
}

static void a_data_set_comes_back_as_it_went(void **state) {
    (void)state;
    hg_policy *p = test_policy("indices", "semi-honest", "");
    hg_dataset d = example(p), back;
    hg_text t = hg_text_new(0);
    unsigned char id[HG_DIGEST], other[HG_DIGEST];
    assert_ok(hg_dataset_encode(&t, &d, NULL));
    assert_int_equal(t.len, 1 + 4 + 7 + 4 + 1 + 32 + 1 + 1 + 4 + 8 + 8 + 16 + 32 + 8 + 7 * 32);
    assert_int_equal(t.s[1], 7); /* little-endian length of "magnets" */
    assert_ok(hg_dataset_decode(&back, t.s, t.len, NULL));
    assert_memory_equal(&d, &back, sizeof d);
    assert_ok(hg_dataset_check(&back, p, NULL));
    assert_ok(hg_dataset_id(id, &d, NULL));
    hg_digest(other, "dataset", t.s, t.len);
    assert_memory_equal(id, other, HG_DIGEST);
    for (size_t i = 0; i < t.len; i++) { /* every byte counts, and none is read in two ways */
        t.s[i] ^= 0x40;
        if (hg_dataset_decode(&back, t.s, t.len, NULL) == HG_OK) {
            hg_text again = hg_text_new(0);
            assert_ok(hg_dataset_encode(&again, &back, NULL));
            assert_int_equal(again.len, t.len);
            assert_memory_equal(again.s, t.s, t.len);
            hg_text_free(&again);
        }
        t.s[i] ^= 0x40;
    }
    for (size_t n = 0; n < t.len; n++) assert_int_equal(hg_dataset_decode(&back, t.s, n, NULL), HG_EPARSE);
    hg_put_u8(&t, 0);
    assert_int_equal(hg_dataset_decode(&back, t.s, t.len, NULL), HG_EPARSE);
    hg_text_free(&t);
    hg_policy_free(p);
}

static void a_data_set_fits_its_policy(void **state) {
    (void)state;
    hg_policy *p = test_policy("indices", "semi-honest", "");
    const hg_dataset good = example(p);
    hg_err err;
#define BAD(change, says)                                                                                              \
    do {                                                                                                               \
        hg_dataset d = good;                                                                                           \
        change;                                                                                                        \
        const hg_status st = hg_dataset_check(&d, p, &err);                                                            \
        assert_true(st == HG_EREFUSED || st == HG_ELIMIT);                                                             \
        assert_contains(err.msg, says);                                                                                \
    } while (0)
    BAD(strcpy(d.project, "steels"), "of project \"steels\", expected \"magnets\"");
    BAD(d.policy[0] ^= 1, "under another policy");
    BAD(d.tier = HG_TIER_PROPERTIES, "another tier");
    BAD(strcpy(d.owner, "z"), "\"z\" is not among the members");
    BAD(strcpy(d.owner, "s0"), "s0 may not share measured rows of an owner");
    BAD(d.kind = HG_SHARES_MEASURED, "a may not share what a user measured");
    BAD(d.kind = HG_SHARES_CANDIDATES, "candidates are public");
    BAD(d.rows = 0, "0 rows");
    BAD(d.rows = 25, "25 rows is not padded to a multiple of 8");
    BAD(d.for_job[3] = 1, "an owner's data name a job");
    BAD((strcpy(d.owner, "c"), d.kind = HG_SHARES_MEASURED), "names no answered job");
#undef BAD
    hg_policy_free(p);
}

static void a_withdrawal_is_its_owners_word(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_withdrawal w = { .created = TEST_NOW }, back;
    hg_err err;
    hg_text t = hg_text_new(0);
    test_keys a, b;
    test_member_keys(&a, TEST_A);
    test_member_keys(&b, TEST_B);
    strcpy(w.project, "magnets");
    strcpy(w.owner, "a");
    memset(w.dataset, 42, HG_DIGEST);
    assert_ok(hg_withdrawal_write(&t, &w, a.secret, NULL));
    assert_ok(hg_withdrawal_read(&back, p, t.s, t.len, NULL));
    assert_memory_equal(&w, &back, sizeof w);
    for (size_t i = 0; i < t.len; i++) { /* no byte can be changed */
        t.s[i] ^= 1;
        assert_int_not_equal(hg_withdrawal_read(&back, p, t.s, t.len, NULL), HG_OK);
        t.s[i] ^= 1;
    }
    for (size_t n = 0; n < t.len; n++) assert_int_not_equal(hg_withdrawal_read(&back, p, t.s, n, NULL), HG_OK);
    hg_text_free(&t);
    assert_ok(hg_withdrawal_write(&t, &w, b.secret, NULL)); /* b withdraws a's data */
    assert_int_equal(hg_withdrawal_read(&back, p, t.s, t.len, &err), HG_EREFUSED);
    assert_contains(err.msg, "the withdrawal is not signed by a");
    hg_text_free(&t);
    hg_policy_free(p);
}

static void a_receipt_is_its_servers_word(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_receipt r = { .party = 1, .created = TEST_NOW, .outcome = HG_EDATA, .rows = 3, .epoch = 2 }, back;
    hg_text t = hg_text_new(0);
    test_keys s0, s1;
    hg_err err;
    test_member_keys(&s0, 0);
    test_member_keys(&s1, 1);
    strcpy(r.project, "magnets");
    strcpy(r.words, "row 3 lies outside the range");
    memset(r.subject, 42, HG_DIGEST);
    memset(r.log, 43, HG_DIGEST);
    assert_ok(hg_receipt_write(&t, &r, s1.secret, NULL));
    assert_ok(hg_receipt_read(&back, p, t.s, t.len, NULL));
    assert_memory_equal(&r, &back, sizeof r);
    for (size_t i = 0; i < t.len; i++) {
        t.s[i] ^= 1;
        assert_int_not_equal(hg_receipt_read(&back, p, t.s, t.len, NULL), HG_OK);
        t.s[i] ^= 1;
    }
    hg_text_free(&t);
    assert_ok(hg_receipt_write(&t, &r, s0.secret, NULL)); /* another server speaks for it */
    assert_int_equal(hg_receipt_read(&back, p, t.s, t.len, &err), HG_EREFUSED);
    assert_contains(err.msg, "not signed by s1");
    assert_int_not_equal(hg_withdrawal_read(&(hg_withdrawal) { .created = 0 }, p, t.s, t.len, NULL), HG_OK);
    hg_text_free(&t);
    hg_policy_free(p);
}

/* The bytes of numbers and names, and what a short or wrong one does. */
static void fields_are_taken_with_care(void **state) {
    (void)state;
    hg_text t = hg_text_new(0);
    hg_put_u32(&t, 0x01020304);
    hg_put_i64(&t, -2);
    hg_put_name(&t, "abc");
    assert_int_equal(t.len, 4 + 8 + 4 + 3);
    assert_int_equal(t.s[0], 4);
    assert_int_equal((unsigned char)t.s[4], 0xfe);
    hg_taker k = hg_taker_of(t.s, t.len);
    char name[4], small[3];
    assert_int_equal(hg_take_u32(&k), 0x01020304);
    assert_true(hg_take_i64(&k) == -2);
    const hg_taker here = k;
    hg_take_name(&k, name, sizeof name);
    assert_string_equal(name, "abc");
    assert_true(hg_take_end(&k));
    k = here;
    hg_take_name(&k, small, sizeof small); /* it would fill the buffer without its NUL */
    assert_true(k.bad && small[0] == '\0');
    k = here;
    k.left--; /* cut short */
    hg_take_name(&k, name, sizeof name);
    assert_true(k.bad);
    assert_int_equal(hg_take_u8(&k), 0); /* and stays bad */
    t.s[16] = (char)0xff;                /* no UTF-8: a terminal or a log would get it */
    k = here;
    hg_take_name(&k, name, sizeof name);
    assert_true(k.bad && name[0] == '\0');
    t.s[16] = '\0'; /* a name that is shorter than it says */
    k = here;
    hg_take_name(&k, name, sizeof name);
    assert_true(k.bad);
    t.s[12] = (char)0xff, t.s[13] = t.s[14] = t.s[15] = (char)0xff; /* 4 GiB of name */
    k = here;
    hg_take_name(&k, name, sizeof name);
    assert_true(k.bad);
    hg_text_free(&t);
}

static void dates_and_digits(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } DATES[] = { { "1970-01-01T00:00:00Z", 0 },
                  { "2000-02-29T23:59:59Z", 951868799 },
                  { "2024-12-24T08:00:00Z", 1735027200 }, /* date -u -d ... +%s */
                  { "9999-12-31T23:59:59Z", 253402300799 } };
    static const char *const BAD[] = {
        "2025-02-29", "2025-13-01",           "2025-00-01",          "2025-01-32",  "1969-12-31",
        "2025-1-1",   "2025-01-01T24:00:00Z", "2025-01-01T00:00:00", "2025-01-01 ", ""
    };
    int64_t s;
    for (size_t i = 0; i < sizeof DATES / sizeof *DATES; i++) {
        char out[HG_TIME_SIZE];
        assert_true(hg_time_read(&s, DATES[i].text));
        assert_true(s == DATES[i].seconds);
        hg_time_write(out, s);
        assert_string_equal(out, DATES[i].text);
    }
    assert_true(hg_time_read(&s, "2025-01-01") && s == TEST_FROM);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(hg_time_read(&s, BAD[i]));
    unsigned char b[2];
    char hex[5];
    assert_true(hg_hex_read(b, 2, "0aF3", 4) && b[0] == 0x0a && b[1] == 0xf3);
    hg_hex_write(hex, b, 2);
    assert_string_equal(hex, "0af3");
    assert_false(hg_hex_read(b, 2, "0aF", 3) || hg_hex_read(b, 2, "0aF3 ", 5) || hg_hex_read(b, 2, "0aG3", 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_data_set_comes_back_as_it_went), TEST(a_data_set_fits_its_policy), TEST(a_withdrawal_is_its_owners_word),
        TEST(a_receipt_is_its_servers_word),    TEST(fields_are_taken_with_care), TEST(dates_and_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
