/* tests/party/test_server_shares.c -- share files that servers refuse: nothing of them stays, and nothing of them counts */
#include "party/request.h"
#include "party/sharefile.h"
#include "test.h"
#include "trio.h"
#include <unistd.h>

static const char SEMI[] = "tier: properties\nmode: semi-honest\n";

/* Share files of acme in its outbox, one row with these words. */
static void write_files(const trio *t, const hg_party *acme, const hg_policy *p, uint64_t sequence, const uint64_t y[3],
                        char path[HG_SERVERS][TRIO_PATH]) {
    char name[64];
    const uint64_t nothing = 0;
    hg_err err;
    hg_share_writer *w;
    for (unsigned s = 0; s < HG_SERVERS; s++) {
        snprintf(name, sizeof name, "acme/outbox/magnets-%llu-%u.share", (unsigned long long)sequence, s);
        trio_path(path[s], t, name);
    }
    const hg_share_opts o = { .kind = HG_SHARES_ROWS,
                              .owner = "acme",
                              .secret = hg_identity_signing_secret(acme->identity),
                              .sequence = sequence,
                              .world = hg_world_system() };
    assert_ok_err(hg_share_writer_new(&w, p, &o, (const char *const[]) { path[0], path[1], path[2] }, &err), err);
    assert_ok_err(hg_share_writer_row(w, 3, y, &nothing, &err), err);
    assert_ok_err(hg_share_writer_commit(w, NULL, NULL, &err), err);
    hg_share_writer_free(w);
}

static size_t active_sets(hg_party *p) {
    hg_dataset_status *set;
    size_t n, active = 0;
    hg_err err;
    hg_arena *arena = hg_arena_new();
    assert_ok_err(hg_party_datasets(&set, &n, p, "magnets", arena, &err), err);
    for (size_t i = 0; i < n; i++) active += set[i].state == HG_DATASET_ACTIVE;
    hg_arena_free(arena);
    return active;
}

/* An owner's program that cheats: a value far outside the range, hidden in the high bits of the shares. */
static void a_value_outside_the_range_never_counts(void **state) {
    (void)state;
    const unsigned high_bit[] = { 27, 64, 127, 190 }; /* +8 is 2^27 */
    trio *t = trio_new("range", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH], folder[TRIO_PATH];
    hg_party *acme = trio_party(t, "acme");
    const hg_party_share_opts o = { .folder = trio_path(folder, t, "acme/outbox") };
    size_t n;
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    for (size_t i = 0; i < sizeof high_bit / sizeof *high_bit; i++) {
        uint64_t y[3] = { 1, 0, 0 };
        y[high_bit[i] / 64] |= (uint64_t)1 << (high_bit[i] % 64);
        write_files(t, acme, p, i + 1, y, path);
        assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
        assert_contains(err.msg, "was refused and erased: 1 numbers lie outside the policy's range");
        assert_int_equal(access(path[0], F_OK), -1); /* nothing to hand in again */
    }
    assert_int_equal(active_sets(acme), 0);
    write_files(t, acme, p, 9, (const uint64_t[3]) { 1 << 27, 0, 0 }, path); /* the range's end belongs to it */
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
    assert_int_equal(active_sets(acme), 1);
    hg_policy_free(p);
    hg_party_free(acme);
    trio_free(t);
}

/* A damaged file, files of two hand-ins, a file for another server, one of another owner: refused, and nothing of it stays. */
static void wrong_share_files_leave_nothing(void **state) {
    (void)state;
    trio *t = trio_new("files", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH], other[HG_SERVERS][TRIO_PATH], folder[TRIO_PATH];
    const uint64_t y[3] = { 5, 0, 0 };
    hg_party *acme = trio_party(t, "acme"), *bolt = trio_party(t, "bolt");
    const hg_party_share_opts o = { .folder = trio_path(folder, t, "acme/outbox") };
    size_t n;
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    for (size_t i = 0; i < 6; i++) { /* a bit anywhere */
        hg_text bytes = hg_text_new(0);
        write_files(t, acme, p, i + 1, y, path);
        assert_ok_err(hg_party_read_file(&bytes, path[i % 3], &err), err);
        bytes.s[i * (bytes.len - 1) / 5] ^= 4;
        assert_ok_err(hg_party_write_file(path[i % 3], bytes.s, bytes.len, &err), err);
        assert_int_not_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_OK);
        for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]);
        hg_text_free(&bytes);
    }
    write_files(t, acme, p, 11, y, path); /* the files of two servers change places */
    assert_int_equal(rename(path[0], path[1]), 0);
    write_files(t, acme, p, 12, y, other);
    assert_int_equal(rename(other[2], path[0]), 0);
    assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
    for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]), unlink(other[s]);
    write_files(t, acme, p, 13, y, path); /* halves of two hand-ins: each is in order, together they are not */
    write_files(t, acme, p, 14, y, other);
    assert_int_equal(rename(other[2], path[2]), 0);
    assert_int_not_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_OK);
    for (unsigned s = 0; s < HG_SERVERS; s++) unlink(path[s]), unlink(other[s]);
    write_files(t, acme, p, 15, y, path); /* brought by somebody else */
    assert_int_equal(hg_party_share_again(&n, bolt, "magnets", &o, &err), HG_EREFUSED);
    assert_contains(err.msg, "bolt brings a share file of acme");
    assert_int_equal(active_sets(acme), 0);
    write_files(t, acme, p, 16, y, path);
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err);
    assert_int_equal(active_sets(acme), 1);
    hg_policy_free(p);
    hg_party_free(acme);
    hg_party_free(bolt);
    trio_free(t);
}

/* dora is in no project, and begins a share file that never ends: the server does not wait for more than its header. */
static void a_strangers_share_file_is_not_kept_for_a_moment(void **state) {
    (void)state;
    trio *t = trio_new("spool", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH];
    const uint64_t y[3] = { 5, 0, 0 };
    hg_text bytes = hg_text_new(0), reply = hg_text_new(0);
    hg_party *acme = trio_party(t, "acme");
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    write_files(t, acme, p, 1, y, path);
    assert_ok_err(hg_party_read_file(&bytes, path[0], &err), err);
    while (bytes.len < HG_SHARE_BEGIN_MOST) hg_put_u8(&bytes, 0);
    for (unsigned i = 0; i < 2; i++) { /* one of acme, another of nobody's project */
        if (i) memcpy(memmem(bytes.s, bytes.len, "magnets", 7), "secrets", 7);
        hg_party *dora = trio_party(t, "dora");
        assert_ok_err(hg_party_dial(dora, 0, &err), err);
        assert_ok_err(hg_link_send(dora->link[0], HG_PUT_SHARES, 0, HG_FRAME_MORE, bytes.s, HG_SHARE_BEGIN_MOST, &err),
                      err);
        assert_int_equal(hg_party_reply(&reply, dora, 0, 64, &err), i ? HG_ENOTFOUND : HG_EREFUSED);
        hg_party_free(dora);
    }
    hg_text_free(&bytes);
    hg_text_free(&reply);
    hg_policy_free(p);
    hg_party_free(acme);
    trio_free(t);
}

static hg_status share_rows(trio *t, size_t n, hg_err *err) {
    size_t row[24];
    double y[24];
    for (size_t i = 0; i < n; i++) y[i] = trio_hc(row[i] = i);
    return trio_share(t, "acme", row, y, n, NULL, err);
}

static void restart(trio *t) {
    for (unsigned i = 0; i < HG_SERVERS; i++) {
        trio_stop(t, i);
        trio_start(t, i);
    }
}

/* What the policy's rows and the server's limit allow, and what the disk has. */
static void an_upload_has_its_bounds(void **state) {
    (void)state;
    trio *t = trio_new("much", SEMI, "");
    hg_err err;
    char path[TRIO_PATH];
    t->limits.upload_rows = 20;
    restart(t);
    assert_int_equal(share_rows(t, 21, &err), HG_EREFUSED);
    assert_contains(err.msg, "party \"inst\" takes at most 20 rows in one data set: share the table in several parts");
    assert_true(trio_logged(t, "takes at most 20 rows"));
    assert_ok_err(share_rows(t, 20, &err), err);
    t->limits.keep_free = (uint64_t)1 << 62; /* no disk has so much */
    restart(t);
    const size_t other = 30;
    const double y = trio_hc(other);
    assert_int_equal(trio_share(t, "acme", &other, &y, 1, NULL, &err), HG_ELIMIT);
    assert_contains(err.msg, "of its disk left, and keeps 4398046511104 free: nothing was kept");
    t->limits.keep_free = 0;
    restart(t);
    hg_party *acme = trio_party(t, "acme");
    const hg_party_share_opts o = { .folder = trio_path(path, t, "acme/outbox") };
    size_t n;
    assert_ok_err(hg_party_share_again(&n, acme, "magnets", &o, &err), err); /* the files were kept on her side */
    assert_int_equal(n, 1);
    hg_party_free(acme);
    trio_free(t);
}

/* A file that goes on behind what any rows can have: it is refused on the way, and its owner hears why. */
static void a_share_file_without_end_is_refused_on_the_way(void **state) {
    (void)state;
    enum { LONG = 40 << 20 }; /* more than the kernel's buffers take */
    trio *t = trio_new("endless", SEMI, "");
    hg_err err;
    hg_policy *p;
    char path[HG_SERVERS][TRIO_PATH], folder[TRIO_PATH];
    const uint64_t y[3] = { 5, 0, 0 };
    size_t n;
    t->limits.upload_rows = 1000;
    restart(t);
    hg_party *acme = trio_party(t, "acme");
    const hg_party_share_opts o = { .folder = trio_path(folder, t, "acme/outbox") };
    assert_ok_err(hg_party_policy(&p, acme, "magnets", &err), err);
    write_files(t, acme, p, 1, y, path);
    assert_int_equal(truncate(path[0], LONG), 0);
    assert_int_equal(hg_party_share_again(&n, acme, "magnets", &o, &err), HG_EREFUSED);
    assert_contains(err.msg, "takes at most 1000 rows in one data set");
    hg_policy_free(p);
    hg_party_free(acme);
    trio_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_value_outside_the_range_never_counts),          TEST(wrong_share_files_leave_nothing),
        TEST(a_strangers_share_file_is_not_kept_for_a_moment), TEST(an_upload_has_its_bounds),
        TEST(a_share_file_without_end_is_refused_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
