/* tests/party/test_status.c -- what a server tells of itself: the same after the wire, bounded, refused when damaged */
#include "party/status.h"
#include "test.h"

static hg_server_status full(hg_project_status project[2]) {
    hg_server_status s = { .version = "1.2.3",
                           .name = "univ",
                           .party = 1,
                           .now = 1750000000,
                           .certificate_ends = 1760000000,
                           .jobs = 3,
                           .links = 9 };
    s.peer[0] = (hg_peer_status) { .name = "inst", .here = true, .silent_ms = 40 };
    s.peer[2] = (hg_peer_status) { .name = "cloud", .silent_ms = -1, .why = "cannot be reached" };
    project[0] = (hg_project_status) {
        .name = "magnets", .policy = { 1, 2 }, .epoch = 4, .sets = 5, .rows = 66, .waiting = 1, .building = true
    };
    project[1] = (hg_project_status) {
        .name = "glass", .policy = { 7 }, .rows = UINT64_MAX, .user = true, .budget = 40, .left = 3
    };
    project[1].why[0] = '?';
    s.n_projects = 2;
    s.project = project;
    return s;
}

static void a_status_survives_the_wire(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_project_status project[2];
    const hg_server_status s = full(project);
    hg_server_status t;
    hg_text once = hg_text_new(0), twice = hg_text_new(0);
    hg_server_status_write(&once, &s);
    assert_ok(hg_server_status_read(&t, *state, once.s, once.len, NULL));
    assert_string_equal(t.version, "1.2.3");
    assert_string_equal(t.peer[2].why, "cannot be reached");
    assert_true(t.peer[0].here && !t.peer[2].here && t.peer[2].silent_ms == -1);
    assert_int_equal(t.n_projects, 2);
    assert_true(t.project[0].building && t.project[0].rows == 66 && t.project[1].rows == UINT64_MAX);
    assert_true(!t.project[0].user && t.project[1].user && t.project[1].budget == 40 && t.project[1].left == 3);
    assert_string_equal(t.project[0].why, "");
    assert_string_equal(t.project[1].why, "?");
    hg_server_status_write(&twice, &t); /* one value, one encoding */
    assert_int_equal(once.len, twice.len);
    assert_memory_equal(once.s, twice.s, once.len);
    hg_text_free(&once);
    hg_text_free(&twice);
    hg_arena_reset(*state, mark);
}

static void data_sets_survive_the_wire(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    uint32_t index[] = { 7, 131, 7 };
    hg_dataset_status d[2] = { { .id = { 5 },
                                 .owner = "acme",
                                 .state = HG_DATASET_ACTIVE,
                                 .kind = HG_SHARES_ROWS,
                                 .sequence = 2,
                                 .rows = 3,
                                 .epoch = 1,
                                 .spent = 4,
                                 .since = 1750000000,
                                 .created = 1740000000,
                                 .n_index = 3,
                                 .index = index },
                               { .owner = "bolt", .state = HG_DATASET_WITHDRAWN } };
    hg_dataset_status *t;
    size_t n;
    hg_text text = hg_text_new(0);
    hg_dataset_status_write(&text, d, 2);
    assert_ok(hg_dataset_status_read(&t, &n, *state, text.s, text.len, NULL));
    assert_int_equal(n, 2);
    assert_memory_equal(t[0].id, d[0].id, HG_DIGEST);
    assert_true(t[0].sequence == 2 && t[0].spent == 4 && t[0].created == 1740000000 && t[0].index[1] == 131);
    assert_true(t[1].state == HG_DATASET_WITHDRAWN && t[1].n_index == 0);
    hg_text_free(&text);
    hg_arena_reset(*state, mark);
}

/* Cut anywhere, with a byte more, with counts that promise more than there is: refused, nothing large is allocated. */
static void damaged_bytes_are_refused(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    hg_project_status project[2];
    const hg_server_status s = full(project);
    uint32_t index[] = { 7 };
    const hg_dataset_status d = { .owner = "acme", .n_index = 1, .index = index };
    hg_server_status t;
    hg_dataset_status *list;
    size_t n;
    hg_text a = hg_text_new(0), b = hg_text_new(0);
    hg_server_status_write(&a, &s);
    hg_dataset_status_write(&b, &d, 1);
    for (size_t cut = 0; cut < a.len; cut++)
        assert_int_equal(hg_server_status_read(&t, *state, a.s, cut, NULL), HG_EPARSE);
    for (size_t cut = 0; cut < b.len; cut++)
        assert_int_equal(hg_dataset_status_read(&list, &n, *state, b.s, cut, NULL), HG_EPARSE);
    hg_put_u8(&a, 0);
    hg_put_u8(&b, 0);
    assert_int_equal(hg_server_status_read(&t, *state, a.s, a.len, NULL), HG_EPARSE);
    assert_int_equal(hg_dataset_status_read(&list, &n, *state, b.s, b.len, NULL), HG_EPARSE);
    memset(b.s, 0xFF, 8); /* 2^64 - 1 sets */
    assert_int_equal(hg_dataset_status_read(&list, &n, *state, b.s, b.len, NULL), HG_EPARSE);
    assert_true(hg_arena_bytes(*state) < 1 << 20);
    hg_text_free(&a);
    hg_text_free(&b);
    hg_arena_reset(*state, mark);
}

static void lack_of_memory_is_told(void **state) {
    (void)state;
    hg_project_status project[2];
    const hg_server_status s = full(project);
    hg_server_status t;
    hg_text a = hg_text_new(0);
    hg_server_status_write(&a, &s);
    hg_status st = HG_ENOMEM;
    for (long k = 0; st == HG_ENOMEM; k++) {
        hg_arena *arena = hg_arena_new();
        fail_alloc_after(k);
        st = hg_server_status_read(&t, arena, a.s, a.len, NULL);
        fail_alloc_after(-1);
        hg_arena_free(arena);
        assert_true(k < 20);
    }
    assert_int_equal(st, HG_OK);
    hg_text_free(&a);
}

/* A set counts as active when it is so on both; what never changes of it must be the same. */
static void two_lists_are_joined(void **state) {
    const hg_mark mark = hg_arena_mark(*state);
    uint32_t here[] = { 3, 4 }, there[] = { 3, 4 };
    hg_err err;
    hg_dataset_status one[3] = { { .id = { 1 },
                                   .owner = "acme",
                                   .state = HG_DATASET_ACTIVE,
                                   .sequence = 1,
                                   .rows = 2,
                                   .created = 10,
                                   .n_index = 2,
                                   .index = here },
                                 { .id = { 2 }, .owner = "bolt", .state = HG_DATASET_ACTIVE, .rows = 5, .created = 11 },
                                 { .id = { 3 }, .owner = "bolt", .state = HG_DATASET_ACTIVE, .rows = 1 } };
    hg_dataset_status two[2] = { one[1], one[0] };
    two[0].state = HG_DATASET_WITHDRAWN; /* without a date, as servers tell it */
    two[0].created = 0;
    two[1].index = there;
    two[1].since = 77; /* as each server's clock has it */
    two[1].spent = 3;
    assert_ok_err(hg_dataset_status_join(one, 3, two, 2, *state, &err), err);
    assert_int_equal(one[0].state, HG_DATASET_ACTIVE);
    assert_int_equal(one[1].state, HG_DATASET_WITHDRAWN);
    assert_int_equal(one[2].state, HG_DATASET_VALIDATED);
    const hg_dataset_status honest = two[1];
    for (unsigned k = 0; k < 6; k++) {
        two[1] = honest;
        there[1] = k == 5 ? 5 : 4;
        if (k == 0) strcpy(two[1].owner, "bolt");
        if (k == 1) two[1].kind = HG_SHARES_CANDIDATES;
        if (k == 2) two[1].sequence++;
        if (k == 3) two[1].rows--;
        if (k == 4) two[1].created++;
        assert_int_equal(hg_dataset_status_join(one, 3, two, 2, *state, &err), HG_ECHEAT);
        assert_contains(err.msg, "010000000000");
    }
    hg_arena_reset(*state, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(a_status_survives_the_wire), TEST(data_sets_survive_the_wire),
                                        TEST(two_lists_are_joined), TEST(damaged_bytes_are_refused),
                                        TEST(lack_of_memory_is_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
