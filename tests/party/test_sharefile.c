/* tests/party/test_sharefile.c -- three files that each tell nothing: written, opened, put together, and refused when anything
 * about them is not as it was signed */
#include "sharefile_kit.h"

/* ---- what goes in comes out ------------------------------------------------------------------------------------------------ */

static void check_rows(const fixture *f, const view v[HG_SLOTS], size_t rows, size_t real) {
    for (size_t k = 0; k < rows; k++) {
        for (unsigned j = 0; j < HG_SLOTS; j++) { /* two servers hold each slot, the same words */
            assert_int_equal(v[j].rows, rows);
            assert_memory_equal(v[j].slot[1][k], v[(j + 1) % 3].slot[0][k], 8 * f->layout.words);
            assert_int_equal(v[j].index[k], f->layout.has_index ? k % 36 : 0);
        }
        for (size_t e = 0; e < f->layout.n_elements; e++) {
            uint64_t sum[3], expected[3];
            hg_ring_add(sum, v[0].slot[0][k] + 3 * e, v[1].slot[0][k] + 3 * e, 1, 3);
            hg_ring_add(sum, sum, v[2].slot[0][k] + 3 * e, 1, 3);
            hg_ring_from_int(expected, k < real ? (int64_t)(1000 * k + e) - 500 : 0, 3);
            assert_memory_equal(sum, expected, sizeof sum);
        }
        for (size_t b = 0; b < f->layout.n_bits; b++) {
            const size_t word = 3 * f->layout.n_elements + b / 64;
            const uint64_t x = v[0].slot[0][k][word] ^ v[1].slot[0][k][word] ^ v[2].slot[0][k][word];
            assert_int_equal(x >> b % 64 & 1, k < real && b == k % f->layout.n_bits);
        }
    }
}

static void shares_add_up(void **state) {
    (void)state;
    static const struct {
        const char *tier, *more;
        hg_shares_kind kind;
        size_t rows, shared, elements, bits;
    } CASES[] = {
        { "properties", "", HG_SHARES_ROWS, 5, 5, 1, 0 },
        { "indices", "", HG_SHARES_ROWS, 5, 8, 1, 36 }, /* padded to 8 */
        { "indices", "", HG_SHARES_MEASURED, 1, 1, 1, 36 },
        { "compositions", "limits: {entries: 100}\n", HG_SHARES_ROWS, 9, 16, 3, 1 },
        { "compositions", "limits: {entries: 100}\n", HG_SHARES_CANDIDATES, 70, 70, 2, 0 },
        { "compositions", "limits: {entries: 100}\n", HG_SHARES_MEASURED, 3, 3, 1, 100 },
    };
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        fixture f;
        view *v = calloc(HG_SLOTS, sizeof *v);
        unsigned char id[HG_DIGEST], job[HG_DIGEST] = { 1 };
        hg_dataset d;
        hg_err err;
        begin(&f, CASES[c].tier, CASES[c].more);
        f.o.kind = CASES[c].kind;
        if (f.o.kind != HG_SHARES_ROWS) { /* c may ask, measure, and bring candidates */
            test_member_keys(&f.owner, TEST_C);
            f.o.owner = "c";
        }
        if (f.o.kind == HG_SHARES_MEASURED) f.o.for_job = job;
        write_rows(&f, CASES[c].rows, &d, id);
        assert_int_equal(f.layout.n_elements, CASES[c].elements);
        assert_int_equal(f.layout.n_bits, CASES[c].bits);
        assert_int_equal(d.rows, CASES[c].shared);
        for (unsigned j = 0; j < HG_SLOTS; j++) {
            assert_ok_err(read_file(&v[j], &f, j, &err), err);
            assert_memory_equal(v[j].id, id, HG_DIGEST);
            assert_memory_equal(&v[j].d, &d, sizeof d);
        }
        check_rows(&f, v, CASES[c].shared, CASES[c].rows);
        free(v);
        end(&f);
    }
}

/* Two frames and more: rows do not depend on where frames end. */
static void many_rows_span_many_frames(void **state) {
    (void)state;
    fixture f;
    hg_share_header h;
    hg_dataset d;
    begin(&f, "properties", "");
    write_rows(&f, 5000, &d, NULL); /* 52 bytes a row: four frames */
    size_t n;
    unsigned char *b = load(f.path[1], &n);
    bytes all = { .at = b, .left = n };
    const hg_source source = { take_bytes, &all };
    hg_share_reader *r;
    hg_share_row row;
    bool more;
    assert_ok(hg_share_reader_new(&r, &h, "upload", &source, NULL));
    assert_true(h.party == 1 && h.sequence == 9 && h.epoch == 4 && h.created == TEST_NOW);
    assert_ok(hg_share_reader_begin(r, &f.layout, f.p, 1, f.server[1].seal_secret, NULL));
    for (size_t k = 0; k < 5000; k++) {
        assert_ok(hg_share_reader_next(&more, &row, r, 5000, NULL));
        assert_true(more && row.index == k % 36);
    }
    assert_ok(hg_share_reader_next(&more, &row, r, 5000, NULL));
    assert_true(!more && d.rows == 5000);
    hg_share_reader_free(r);
    free(b);
    end(&f);
}

/* One server's rows, over many values that are all the same, are uniform: chi-squared of bytes and of bits; the same rows
 * written again have nothing in common. */
static void one_servers_words_are_noise(void **state) {
    (void)state;
    fixture f;
    view *v = calloc(2, sizeof *v);
    hg_share_writer *w;
    const uint64_t y[3] = { 42, 0, 0 };
    hg_err err;
    begin(&f, "properties", "");
    for (unsigned j = 0; j < HG_SLOTS; j++)
        for (unsigned time = 0; time < 2; time++) {
            assert_ok(hg_share_writer_new(&w, f.p, &f.o, f.paths, NULL));
            for (size_t k = 0; k < MOST; k++) assert_ok(hg_share_writer_row(w, 3, y, NULL, NULL));
            assert_ok(hg_share_writer_commit(w, NULL, NULL, NULL));
            hg_share_writer_free(w);
            assert_ok_err(read_file(&v[time], &f, j, &err), err);
            size_t count[256] = { 0 };
            double chi = 0;
            for (size_t k = 0; k < MOST; k++)
                for (unsigned s = 0; s < 2; s++)
                    for (size_t b = 0; b < 24; b++) count[((const unsigned char *)v[time].slot[s][k])[b]]++;
            for (size_t b = 0; b < 256; b++) {
                const double expected = MOST * 48 / 256.;
                chi += ((double)count[b] - expected) * ((double)count[b] - expected) / expected;
            }
            assert_true(chi > 150 && chi < 390); /* 255 degrees: 1e-6 on either side; the seed is fixed */
        }
    for (size_t k = 0; k < MOST; k++) assert_true(v[0].slot[0][k][0] != v[1].slot[0][k][0]);
    free(v);
    end(&f);
}

/* ---- what must not pass ------------------------------------------------------------------------------------------------------ */

static void no_byte_can_be_changed_cut_or_added(void **state) {
    (void)state;
    fixture f;
    view *v = malloc(sizeof *v);
    hg_err err;
    size_t n;
    begin(&f, "properties", "");
    write_rows(&f, 3, NULL, NULL);
    unsigned char *b = load(f.path[0], &n);
    assert_ok_err(read_bytes(v, &f, 0, b, n, &err), err);
    for (size_t i = 0; i < n; i++) {
        b[i] ^= 0x10;
        const hg_status st = read_bytes(v, &f, 0, b, n, &err);
        assert_true(st == HG_EPARSE || st == HG_ECHEAT || st == HG_EREFUSED);
        assert_true(err.msg[0] != '\0');
        b[i] ^= 0x10;
        assert_int_equal(read_bytes(v, &f, 0, b, i, &err), HG_EPARSE);
        assert_contains(err.msg, "cut short");
    }
    b[n] = 0;
    assert_int_equal(read_bytes(v, &f, 0, b, n + 1, &err), HG_EPARSE);
    assert_contains(err.msg, "goes on behind its end");
    free(b);
    free(v);
    end(&f);
}

static void a_file_is_for_one_server_project_and_policy(void **state) {
    (void)state;
    fixture f;
    view *v = malloc(sizeof *v);
    hg_err err;
    begin(&f, "properties", "");
    write_rows(&f, 3, NULL, NULL);
    size_t n;
    unsigned char *b = load(f.path[0], &n);
    assert_int_equal(read_bytes(v, &f, 1, b, n, &err), HG_EREFUSED);
    assert_contains(err.msg, "a file for s0, this is s1");
    f.server[0] = f.server[1]; /* another key than it was sealed to */
    assert_int_equal(read_bytes(v, &f, 0, b, n, &err), HG_EREFUSED);
    assert_contains(err.msg, "not sealed to this server's key");
    hg_policy *p = f.p;
    f.p = test_policy("properties", "malicious", "limits: {plausibility: 0}\n");
    assert_int_equal(read_bytes(v, &f, 0, b, n, &err), HG_EREFUSED);
    assert_contains(err.msg, "shared under another policy");
    hg_policy_free(f.p);
    f.p = p;
    free(b);
    free(v);
    end(&f);
}

/* Files of one owner, made at two times: a header, frames or a trailer of the one do not go with the other; nor do rows of another
 * server's file. */
static void pieces_of_two_files_do_not_mix(void **state) {
    (void)state;
    fixture f;
    view *v = malloc(sizeof *v);
    hg_err err;
    size_t n, m;
    begin(&f, "properties", "");
    write_rows(&f, 3, NULL, NULL);
    unsigned char *a = load(f.path[0], &n);
    write_rows(&f, 3, NULL, NULL);
    unsigned char *b = load(f.path[0], &m);
    assert_int_equal(n, m);
    for (size_t cut = 1; cut < n; cut += 3) {
        if (memcmp(a, b, cut) == 0 || memcmp(a + cut, b + cut, n - cut) == 0) continue; /* still one file */
        unsigned char *mixed = malloc(n);
        memcpy(mixed, a, cut);
        memcpy(mixed + cut, b + cut, n - cut);
        assert_int_not_equal(read_bytes(v, &f, 0, mixed, n, &err), HG_OK);
        free(mixed);
    }
    free(a);
    free(b);
    free(v);
    end(&f);
}

/* An owner who is dishonest: commits to one thing and seals another. The servers must notice before they compare anything. */
static void an_owner_cannot_give_two_servers_different_shares(void **state) {
    (void)state;
    fixture f;
    view *v = calloc(HG_SLOTS, sizeof *v);
    hg_err err;
    begin(&f, "properties", "");
    write_rows(&f, 3, NULL, NULL);
    assert_ok(read_file(&v[0], &f, 0, NULL));
    size_t n;
    unsigned char *one = load(f.path[1], &n);
    f.world.rng = hg_rng_make(12, 0); /* other random words, all else the same */
    write_rows(&f, 3, NULL, NULL);
    assert_ok(read_file(&v[2], &f, 2, NULL));
    assert_ok_err(read_bytes(&v[1], &f, 1, one, n, &err), err); /* each file is sound by itself ... */
    assert_memory_equal(v[0].id, v[1].id, HG_DIGEST);
    assert_memory_not_equal(v[1].id, v[2].id, HG_DIGEST); /* ... but their ids tell that they are not of one data set */
    free(one);
    free(v);
    end(&f);
}

/* ---- owners ---------------------------------------------------------------------------------------------------------- */

static void only_members_share_and_only_what_they_may(void **state) {
    (void)state;
    static const char NOBODY[] = "nobody";
    fixture f;
    hg_share_writer *w;
    hg_err err;
    test_keys b;
    unsigned char job[HG_DIGEST] = { 1 };
    begin(&f, "properties", "");
    test_member_keys(&b, TEST_B);
#define REFUSED(change, status, says)                                                                                  \
    do {                                                                                                               \
        hg_share_opts keep = f.o;                                                                                      \
        change;                                                                                                        \
        assert_int_equal(hg_share_writer_new(&w, f.p, &f.o, f.paths, &err), status);                                   \
        assert_null(w);                                                                                                \
        assert_contains(err.msg, says);                                                                                \
        f.o = keep;                                                                                                    \
        for (unsigned j = 0; j < HG_SLOTS; j++) assert_int_not_equal(access(f.path[j], F_OK), 0);                      \
    } while (0)
    REFUSED(f.o.owner = NOBODY, HG_EREFUSED, "\"nobody\" is not among the members");
    REFUSED(f.o.secret = b.secret, HG_EREFUSED, "not the one that the policy has for a");
    REFUSED(f.o.kind = HG_SHARES_CANDIDATES, HG_EREFUSED, "candidates are public");
    REFUSED((f.o.kind = HG_SHARES_MEASURED, f.o.for_job = job), HG_EREFUSED, "a may not share what a user measured");
    REFUSED(f.o.for_job = job, HG_EINVAL, "names the job");
#undef REFUSED
    uint64_t y[3] = { 0 };
    assert_ok(hg_share_writer_new(&w, f.p, &f.o, f.paths, NULL));
    assert_int_equal(hg_share_writer_commit(w, NULL, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "no row to share");
    hg_share_writer_free(w);
    assert_ok(hg_share_writer_new(&w, f.p, &f.o, f.paths, NULL));
    assert_int_equal(hg_share_writer_row(w, 36, y, NULL, &err), HG_EINVAL);
    assert_contains(err.msg, "pool index 36 of 36");
    hg_share_writer_free(w);
    for (unsigned j = 0; j < HG_SLOTS; j++) assert_int_not_equal(access(f.path[j], F_OK), 0); /* nothing is left */
    end(&f);
}

static void all_three_files_or_none(void **state) {
    (void)state;
    fixture f;
    hg_share_writer *w;
    const uint64_t y[3] = { 1 };
    begin(&f, "properties", "");
    assert_ok(hg_share_writer_new(&w, f.p, &f.o, f.paths, NULL));
    assert_ok(hg_share_writer_row(w, 0, y, NULL, NULL));
    assert_int_equal(mkdir(f.path[2], 0700), 0); /* no file can take this name now */
    assert_int_equal(hg_share_writer_commit(w, NULL, NULL, NULL), HG_EIO);
    hg_share_writer_free(w);
    assert_int_not_equal(access(f.path[0], F_OK), 0);
    assert_int_not_equal(access(f.path[1], F_OK), 0);
    assert_int_equal(rmdir(f.path[2]), 0);
    end(&f);
}

static void a_limit_on_rows_holds(void **state) {
    (void)state;
    fixture f;
    view *v = malloc(sizeof *v);
    hg_err err;
    begin(&f, "properties", "");
    write_rows(&f, MOST + 1, NULL, NULL);
    assert_int_equal(read_file(v, &f, 0, &err), HG_ELIMIT);
    assert_contains(err.msg, "more than 200 rows");
    write_rows(&f, MOST, NULL, NULL);
    assert_ok(read_file(v, &f, 0, &err));
    free(v);
    end(&f);
}

static hg_status no_random(void *self, void *at, size_t n, hg_err *err) {
    (void)self, (void)at, (void)n;
    return hg_fail(err, HG_EIO, "no entropy");
}

static void survives_any_failure(void **state) {
    (void)state;
    fixture f;
    view *v = malloc(sizeof *v);
    hg_err err;
    begin(&f, "indices", "");
    const uint64_t y[3] = { 7 }, bits[1] = { 1 };
    for (long k = 0;; k++) {
        hg_share_writer *w = NULL;
        fail_alloc_after(k);
        hg_status st = hg_share_writer_new(&w, f.p, &f.o, f.paths, NULL);
        if (st == HG_OK) st = hg_share_writer_row(w, 0, y, bits, NULL);
        if (st == HG_OK) st = hg_share_writer_commit(w, NULL, NULL, NULL);
        fail_alloc_after(-1);
        hg_share_writer_free(w);
        if (st == HG_OK) {
            assert_true(k > 10);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
    }
    size_t n;
    unsigned char *b = load(f.path[2], &n);
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = read_bytes(v, &f, 2, b, n, NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        assert_int_equal(st, HG_ENOMEM);
    }
    f.world.world.random = no_random;
    hg_share_writer *w;
    assert_int_equal(hg_share_writer_new(&w, f.p, &f.o, f.paths, &err),
                     HG_EIO); /* never a file with words that are known */
    assert_contains(err.msg, "no entropy");
    free(b);
    free(v);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(shares_add_up),
        TEST(many_rows_span_many_frames),
        TEST(one_servers_words_are_noise),
        TEST(no_byte_can_be_changed_cut_or_added),
        TEST(a_file_is_for_one_server_project_and_policy),
        TEST(pieces_of_two_files_do_not_mix),
        TEST(an_owner_cannot_give_two_servers_different_shares),
        TEST(only_members_share_and_only_what_they_may),
        TEST(all_three_files_or_none),
        TEST(a_limit_on_rows_holds),
        TEST(survives_any_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
