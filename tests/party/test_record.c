/* tests/party/test_record.c -- what a member's machine remembers: rows that were shared, rows that were proposed */
#include "party/record.h"
#include "members.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char SECRET[HG_SECRET_KEY] = { 1, 2, 3 }, OTHER[HG_SECRET_KEY] = { 9 };
static const uint64_t FEATURES[2][3] = { { 5, 0, 0 }, { 6, 0, 0 } };

static void folder_of(char folder[512], const char *name) {
    test_remove_tree(test_scratch(folder, 512, name));
    mkdir(folder, 0700);
}

static hg_split_row row_of(uint32_t index, const uint64_t *value) {
    return (hg_split_row) { .index = index, .value = value, .n_value = 1 };
}

/* Rows 3 and 4 with these values become data set `sequence`, after those of `earlier`. */
static void keep(const char *folder, uint64_t sequence, const uint64_t y[2]) {
    hg_record *r;
    uint64_t seen;
    assert_ok(hg_record_new(&r, folder, "magnets", sequence, NULL, 0, SECRET, NULL));
    for (uint32_t i = 0; i < 2; i++) {
        const hg_split_row row = row_of(3 + i, &y[i]);
        assert_ok(hg_record_row(&seen, r, &row, NULL));
        assert_int_equal(seen, 0);
    }
    assert_ok(hg_record_keep(r, NULL));
    hg_record_free(r);
}

static uint64_t seen_in(hg_record *r, const hg_split_row row) {
    uint64_t seen;
    assert_ok(hg_record_row(&seen, r, &row, NULL));
    return seen;
}

static void a_row_that_comes_again_is_known(void **state) {
    (void)state;
    char folder[512];
    hg_record *r;
    const uint64_t first[] = { 70, 80 }, second[] = { 71, 81 }, both[] = { 1, 2 }, none = 0;
    folder_of(folder, "record-rows");
    keep(folder, 1, first);
    keep(folder, 2, second);
    assert_ok(hg_record_new(&r, folder, "magnets", 3, both, 2, SECRET, NULL));
    assert_int_equal(seen_in(r, row_of(3, &first[0])), 1);
    assert_int_equal(seen_in(r, row_of(3, &second[0])), 2);
    assert_int_equal(seen_in(r, row_of(4, &second[1])), 2);
    assert_int_equal(hg_record_changed(r), 0);
    assert_int_equal(seen_in(r, row_of(3, &first[1])), 0); /* a known place with a new value */
    assert_int_equal(hg_record_changed(r), 1);
    assert_int_equal(seen_in(r, row_of(9, &first[0])), 0); /* a new place */
    assert_int_equal(hg_record_changed(r), 1);
    hg_record_free(r);
    assert_ok(hg_record_new(&r, folder, "magnets", 3, both, 1, SECRET, NULL)); /* set 2 was withdrawn */
    assert_int_equal(seen_in(r, row_of(3, &second[0])), 0);
    hg_record_free(r);
    assert_ok(hg_record_new(&r, folder, "iron", 3, both, 2, SECRET, NULL)); /* another project */
    assert_int_equal(seen_in(r, row_of(3, &first[0])), 0);
    hg_record_free(r);
    /* where compositions are hidden, the features are the place */
    assert_ok(hg_record_new(&r, folder, "magnets", 4, NULL, 0, SECRET, NULL));
    assert_int_equal(seen_in(r, (hg_split_row) { .place = FEATURES[0], .n_place = 3, .value = &none, .n_value = 1 }),
                     0);
    assert_ok(hg_record_keep(r, NULL));
    hg_record_free(r);
    const uint64_t four = 4;
    assert_ok(hg_record_new(&r, folder, "magnets", 5, &four, 1, SECRET, NULL));
    assert_int_equal(seen_in(r, (hg_split_row) { .place = FEATURES[0], .n_place = 3, .value = &none, .n_value = 1 }),
                     4);
    assert_int_equal(seen_in(r, (hg_split_row) { .place = FEATURES[1], .n_place = 3, .value = &none, .n_value = 1 }),
                     0);
    hg_record_free(r);
    test_remove_tree(folder);
}

/* Without the member's key it says nothing: not even whether two members shared the same. And others cannot read it. */
static void the_file_is_the_members_alone(void **state) {
    (void)state;
    char folder[512], path[600];
    hg_record *r;
    struct stat st;
    const uint64_t y[] = { 70, 80 }, one = 1;
    folder_of(folder, "record-key");
    keep(folder, 1, y);
    assert_ok(hg_record_new(&r, folder, "magnets", 2, &one, 1, OTHER, NULL));
    assert_int_equal(seen_in(r, row_of(3, &y[0])), 0);
    hg_record_free(r);
    snprintf(path, sizeof path, "%s/magnets-2.rows", folder); /* never kept: not there */
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/magnets-1.rows", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(st.st_size, 32); /* 16 bytes a row */
    hg_record_forget(folder, "magnets", 1);
    assert_int_not_equal(access(path, F_OK), 0);
    test_remove_tree(folder);
}

static void what_was_proposed_is_known(void **state) {
    (void)state;
    char folder[512];
    bool known;
    hg_err err;
    const unsigned char job[2][HG_DIGEST] = { { 0xab, 1 }, { 0xab, 2 } }, never[HG_DIGEST] = { 0xab, 3 };
    const size_t first[] = { 17, 5 }, second[] = { 170 }, wrong[] = { 17, 7 };
    folder_of(folder, "record-answers");
    assert_ok(hg_record_proposed(&known, folder, "magnets", job[0], first, 2, NULL));
    assert_false(known);
    assert_ok(hg_record_answer(folder, "magnets", job[0], first, 2, NULL));
    assert_ok(hg_record_answer(folder, "magnets", job[1], second, 1, NULL));
    assert_ok(hg_record_proposed(&known, folder, "magnets", job[0], first, 2, NULL));
    assert_true(known);
    assert_ok(hg_record_proposed(&known, folder, "magnets", job[0], &first[1], 1, NULL));
    assert_ok(hg_record_proposed(&known, folder, "magnets", job[1], second, 1, NULL));
    assert_int_equal(hg_record_proposed(&known, folder, "magnets", job[1], first, 1, &err),
                     HG_EINVAL); /* 17, not 170 */
    assert_string_equal(err.msg, "row 17 was not proposed by job ab02000000000000: it proposed 170");
    assert_int_equal(hg_record_proposed(&known, folder, "magnets", job[0], wrong, 2, &err), HG_EINVAL);
    assert_contains(err.msg, "row 7 was not proposed");
    assert_ok(hg_record_proposed(&known, folder, "magnets", never, first, 1, NULL));
    assert_false(known);
    test_remove_tree(folder);
}

static void a_folder_that_is_not_there_and_no_memory(void **state) {
    (void)state;
    char folder[512];
    hg_record *r;
    hg_err err;
    const uint64_t y[] = { 70, 80 }, one = 1;
    const size_t row = 3;
    const unsigned char job[HG_DIGEST] = { 1 };
    bool known;
    folder_of(folder, "record-faults");
    keep(folder, 1, y);
    assert_ok(hg_record_answer(folder, "magnets", job, &row, 1, NULL));
    for (long k = 0;; k++) {
        uint64_t seen;
        const hg_split_row again = row_of(3, &y[0]);
        fail_alloc_after(k);
        hg_status st = hg_record_new(&r, folder, "magnets", 2, &one, 1, SECRET, &err);
        if (st == HG_OK) st = hg_record_row(&seen, r, &again, &err);
        if (st == HG_OK) st = hg_record_proposed(&known, folder, "magnets", job, &row, 1, &err);
        fail_alloc_after(-1);
        hg_record_free(r);
        if (st == HG_OK) break;
        assert_true(st == HG_ENOMEM || st == HG_ELIMIT); /* a file that does not fit in memory is too long */
        assert_true(k < 100);
    }
    test_remove_tree(folder);
    assert_int_equal(hg_record_new(&r, folder, "magnets", 2, NULL, 0, SECRET, &err), HG_EIO);
    assert_null(r);
    assert_int_equal(hg_record_answer(folder, "magnets", job, &row, 1, &err), HG_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_row_that_comes_again_is_known), TEST(the_file_is_the_members_alone),
                                        TEST(what_was_proposed_is_known),
                                        TEST(a_folder_that_is_not_there_and_no_memory) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
