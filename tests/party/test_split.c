/* tests/party/test_split.c -- an owner's table, row by row into three files; every mistake has its line and column and leaves no file */
#include "party/split.h"
#include "party.h"
#include "secret/function.h"
#include "secret/ring.h"
#include "test.h"
#include "world.h"
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
    hg_policy *p;
    fake_world world;
    test_keys owner, server[HG_SLOTS];
    char table[600], path[HG_SLOTS][600];
    const char *paths[HG_SLOTS];
    hg_split_opts o;
} fixture;

static void begin(fixture *f, const char *tier, const char *more) {
    f->p = test_policy(tier, "semi-honest", more);
    f->world = fake_world_make(5);
    f->world.now = TEST_NOW;
    test_member_keys(&f->owner, TEST_A);
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        char name[40];
        test_member_keys(&f->server[j], j);
        snprintf(name, sizeof name, "split-%u", j);
        f->paths[j] = test_scratch(f->path[j], sizeof f->path[j], name);
    }
    test_scratch(f->table, sizeof f->table, "split.csv");
    f->o = hg_split_opts_default();
    f->o.share = (hg_share_opts) {
        .kind = HG_SHARES_ROWS, .owner = "a", .secret = f->owner.secret, .world = fake_world_of(&f->world)
    };
}

static void end(fixture *f) {
    for (unsigned j = 0; j < HG_SLOTS; j++) remove(f->path[j]);
    remove(f->table);
    hg_policy_free(f->p);
}

static hg_status split(hg_split_result *r, const fixture *f, const char *csv, hg_err *err) {
    FILE *file = fopen(f->table, "w");
    assert_non_null(file);
    assert_true(fputs(csv, file) >= 0);
    fclose(file);
    return hg_split_table(r, f->p, f->table, &f->o, f->paths, err);
}

/* ---- what the servers would see, put together ------------------------------------------------------------------------------ */

static hg_status read_file(void *self, size_t *got, void *buf, size_t size, hg_err *err) {
    (void)err;
    *got = fread(buf, 1, size, self);
    return HG_OK;
}

enum { ROWS = 64 };
typedef struct {
    size_t rows;
    uint32_t index[ROWS];
    double element[ROWS][4]; /* y in scaled units, then features */
    uint64_t bits[ROWS];     /* the first word */
} together;

static void put_together(together *t, const fixture *f) {
    uint64_t sum[ROWS][4][3] = { { { 0 } } };
    *t = (together) { .rows = 0 };
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        FILE *file = fopen(f->path[j], "rb");
        assert_non_null(file);
        const hg_source source = { read_file, file };
        hg_share_header h;
        hg_share_reader *r;
        hg_share_layout l;
        hg_share_row row;
        bool more;
        size_t k = 0;
        assert_ok(hg_share_reader_new(&r, &h, "file", &source, NULL));
        assert_ok(hg_share_reader_begin(r, &l, f->p, j, f->server[j].seal_secret, NULL));
        for (;; k++) {
            assert_ok(hg_share_reader_next(&more, &row, r, ROWS, NULL));
            if (!more) break;
            t->index[k] = row.index;
            for (size_t e = 0; e < l.n_elements; e++) hg_ring_add(sum[k][e], sum[k][e], row.element[0] + 3 * e, 1, 3);
            if (l.n_bits) t->bits[k] ^= row.bits[0][0];
            for (size_t e = 0; e < l.n_elements && j == 2; e++) {
                const bool y = h.kind != HG_SHARES_CANDIDATES && e == 0;
                t->element[k][e] = hg_ring_to_double(sum[k][e], y ? HG_Y_FRACTION : HG_FRACTION, 3);
            }
        }
        t->rows = k;
        hg_share_reader_free(r);
        fclose(file);
    }
}

/* Hc 0..3 T becomes -8..8; the pool's entry is x/2 + 6 y/2 on its 6 x 6 grid. */
static void a_table_becomes_shares_of_its_values(void **state) {
    (void)state;
    fixture f;
    together t;
    hg_split_result r;
    hg_err err;
    begin(&f, "properties", "");
    assert_ok_err(split(&r, &f, "who;y;Hc;x\nan;2;1,5;4\nna;10;3;0\n\n;0;0,75;1e1\n", &err), err); /* decimal commas */
    assert_true(r.rows == 3 && r.shared == 3 && r.blank == 0 && r.least == 0.75 && r.greatest == 3);
    put_together(&t, &f);
    assert_int_equal(t.rows, 3);
    assert_true(t.index[0] == 8 && t.index[1] == 30 && t.index[2] == 5);
    assert_true(t.element[0][0] == 0 && t.element[1][0] == 8 && t.element[2][0] == -4);
    end(&f);
}

static void names_do_as_well_as_features(void **state) {
    (void)state;
    fixture f;
    together t;
    hg_split_result r;
    hg_err err;
    begin(&f, "properties", "");
    assert_ok_err(split(&r, &f, "name,Hc\nM35,1\n\"M2\",2\n", &err), err);
    put_together(&t, &f);
    assert_true(t.index[0] == 35 && t.index[1] == 2);
    assert_ok_err(split(&r, &f, "Hc (T),name,x,y\n1,M35,10,10\n", &err),
                  err); /* a unit in the header is no other column */
    assert_int_equal(split(&r, &f, "Hc,name,x,y\n1,M35,10,8\n", &err), HG_EDATA);
    assert_contains(err.msg,
                    "split.csv:2:3: column \"name\" holds \"M35\", which has other features in the policy's pool");
    assert_int_equal(split(&r, &f, "Hc,name\n1,M36\n", &err), HG_EDATA);
    assert_contains(err.msg, ":2:3: column \"name\" holds \"M36\", which is no candidate");
    end(&f);
}

static void on_tier_two_the_entry_is_secret_and_rows_are_padded(void **state) {
    (void)state;
    fixture f;
    together t;
    hg_split_result r;
    hg_err err;
    begin(&f, "indices", "limits: {padding: 4}\n");
    assert_ok_err(split(&r, &f, "x,y,Hc\n0,0,3\n10,10,0\n2,4,1.5\n2,4,1.5\n4,0,1.5\n", &err), err);
    assert_true(r.rows == 5 && r.shared == 8);
    put_together(&t, &f);
    assert_int_equal(t.rows, 8);
    static const unsigned ENTRY[] = { 0, 35, 13, 13, 2 };
    for (size_t k = 0; k < 8; k++) {
        assert_true(t.bits[k] == (k < 5 ? (uint64_t)1 << ENTRY[k] : 0));
        assert_int_equal(t.index[k], 0);
        if (k >= 5) assert_true(t.element[k][0] == 0);
    }
    end(&f);
}

/* A pool of 100: one-hots of two words. Each row has its own bit and no other row's. */
static void a_one_hot_has_one_bit(void **state) {
    (void)state;
    hg_text text = hg_text_new(0), out = hg_text_new(0), csv = hg_text_new(0);
    fixture f;
    hg_split_result r;
    hg_err err;
    begin(&f, "indices", "");
    hg_policy_free(f.p);
    test_policy_text(&text, "indices", "semi-honest", "limits: {padding: 1}\n");
    char *features = strstr(text.s, "features:"), *members = strstr(text.s, "members:");
    hg_text_put(&out, text.s, (size_t)(features - text.s));
    hg_text_add(&out, "features: [{column: x, low: 0, high: 100}]\npool:\n  rows: |\n    x\n");
    hg_text_add(&csv, "x,Hc\n");
    for (unsigned i = 0; i < 100; i++) {
        hg_text_add(&out, "    %u\n", i);
        hg_text_add(&csv, "%u,1\n", 99 - i);
    }
    hg_text_add(&out, "%s", members);
    assert_ok_err(hg_policy_read(&f.p, "policy.yaml", out.s, out.len, &err), err);
    assert_ok_err(split(&r, &f, csv.s, &err), err);
    uint64_t bits[100][2] = { { 0 } };
    for (unsigned j = 0; j < HG_SLOTS; j++) {
        FILE *file = fopen(f.path[j], "rb");
        assert_non_null(file);
        const hg_source source = { read_file, file };
        hg_share_header h;
        hg_share_reader *reader;
        hg_share_layout l;
        hg_share_row row;
        bool more;
        assert_ok(hg_share_reader_new(&reader, &h, "file", &source, NULL));
        assert_ok(hg_share_reader_begin(reader, &l, f.p, j, f.server[j].seal_secret, NULL));
        assert_int_equal(l.n_bits, 100);
        for (size_t k = 0; k < 100; k++) {
            assert_ok(hg_share_reader_next(&more, &row, reader, 100, NULL));
            for (size_t w = 0; w < 2; w++) bits[k][w] ^= row.bits[0][w];
        }
        hg_share_reader_free(reader);
        fclose(file);
    }
    for (size_t k = 0; k < 100; k++)
        for (size_t w = 0; w < 2; w++)
            assert_true(bits[k][w] == ((99 - k) / 64 == w ? (uint64_t)1 << (99 - k) % 64 : 0));
    hg_text_free(&text);
    hg_text_free(&out);
    hg_text_free(&csv);
    end(&f);
}

static void on_tier_three_features_are_secret_too(void **state) {
    (void)state;
    fixture f;
    together t;
    hg_split_result r;
    hg_err err;
    begin(&f, "compositions", "limits: {entries: 100, padding: 4}\n");
    assert_ok_err(split(&r, &f, "x,y,Hc\n0.1,7,3\n10,3.3,0\n", &err), err);
    put_together(&t, &f);
    assert_int_equal(t.rows, 4);
    assert_close(t.element[0][1], 0.01, 1e-9);
    assert_close(t.element[0][2], 0.7, 1e-9);
    assert_true(t.element[1][1] == 1 && t.element[1][0] == -8);
    assert_true(t.bits[0] == 1 && t.bits[1] == 1 && t.bits[2] == 0 && t.bits[3] == 0);
    f.o.share.kind = HG_SHARES_CANDIDATES;
    assert_ok_err(split(&r, &f, "x,y\n0.1,7\n10,3.3\n5,5\n", &err), err);
    put_together(&t, &f);
    assert_int_equal(t.rows, 3);
    assert_close(t.element[0][0], 0.01, 1e-9);
    assert_close(t.element[2][1], 0.5, 1e-9);
    assert_int_equal(split(&r, &f, "x,y\n0.1,7\n10.5,3.3\n", &err), HG_EDATA);
    assert_contains(err.msg, ":3:1: column \"x\" holds \"10.5\", outside the policy's range");
    assert_contains(err.hint, "\"x\" is 0 to 10");
    end(&f);
}

static void what_was_measured_after_an_answer(void **state) {
    (void)state;
    fixture f;
    together t;
    hg_split_result r;
    hg_err err;
    const size_t index[] = { 17, 35 }, beyond[] = { 36 };
    const double value[] = { 1.5, 0 };
    unsigned char job[HG_DIGEST] = { 3 };
    begin(&f, "indices", "");
    test_member_keys(&f.owner, TEST_C);
    f.o.share.owner = "c";
    f.o.share.kind = HG_SHARES_MEASURED;
    f.o.share.for_job = job;
    assert_ok_err(hg_split_value(&r, f.p, index, value, 2, &f.o, f.paths, &err), err);
    assert_memory_equal(r.statement.for_job, job, HG_DIGEST);
    put_together(&t, &f);
    assert_int_equal(t.rows, 2); /* no padding: the server knows how many it proposed */
    assert_true(t.bits[0] == (uint64_t)1 << 17 && t.bits[1] == (uint64_t)1 << 35 && t.element[0][0] == 0);
    assert_int_equal(hg_split_value(&r, f.p, beyond, value, 1, &f.o, f.paths, &err), HG_EINVAL);
    const double outside[] = { 3.5 };
    assert_int_equal(hg_split_value(&r, f.p, index, outside, 1, &f.o, f.paths, &err), HG_EDATA);
    hg_policy_free(f.p); /* one-hots of two words: nothing stays from the row before */
    f.p = test_policy("compositions", "semi-honest", "limits: {entries: 100}\n");
    const size_t apart[] = { 1, 99 };
    assert_ok_err(hg_split_value(&r, f.p, apart, value, 2, &f.o, f.paths, &err), err);
    put_together(&t, &f);
    assert_true(t.bits[0] == 2 && t.bits[1] == 0);
    end(&f);
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------------ */

static void every_mistake_has_a_place_and_leaves_nothing(void **state) {
    (void)state;
    static const struct {
        const char *csv, *says;
        hg_status st;
    } BAD[] = {
        { "", "is empty", HG_EDATA },
        { "x,y,Hc\n", "there is no row to share", HG_EDATA },
        { "x,y,Ms\n0,0,1\n", "Hc", HG_ENOTFOUND },
        { "x,z,Hc\n0,0,1\n", "\"y\"", HG_ENOTFOUND },
        { "x,x,y,Hc\n0,0,0,1\n", "two columns are called \"x\"", HG_EDATA },
        { "x,y,Hc\n0,0,1\n0,0,\n", ":3:5: column \"Hc\" holds \"\", which is no measured value", HG_ENAN },
        { "x,y,Hc\n0,0,NaN\n", ":2:5: column \"Hc\" holds \"NaN\", which is no measured value", HG_ENAN },
        { "x,y,Hc\n0,0,inf\n", ":2:5: column \"Hc\" holds \"inf\", expected a finite number", HG_ENAN },
        { "x,y,Hc\n0,0,1e999\n", "expected a finite number", HG_ENAN },
        { "x,y,Hc\n0,0,high\n", ":2:5: column \"Hc\" holds \"high\", expected a number", HG_EPARSE },
        { "x,y,Hc\n0,0,1\n0,0,3.01\n", ":3:5: Hc is 3.01 T, outside the policy's range 0 to 3", HG_EDATA },
        { "x,y,Hc\n0,0,-1e-9\n", "outside the policy's range", HG_EDATA },
        { "x,y,Hc\n,0,1\n", ":2:1: column \"x\" holds \"\", a feature cannot be blank", HG_ENAN },
        { "x,y,Hc\n0,0,1\n1,0,1\n", ":3: no candidate of the policy has this row's features (\"x\" = 1", HG_EDATA },
        { "x,y,Hc\n0,0\n", ":2: this row has 2 cells, the header has 3", HG_EPARSE },
        { "x,y,Hc\n0,0,\"1\n", "the quote that begins here is never closed", HG_EPARSE },
        { "PK\x03\x04", "an Excel or other zip file", HG_EPARSE },
    };
    fixture f;
    begin(&f, "properties", "");
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hg_split_result r;
        hg_err err = { 0 };
        const hg_status st = split(&r, &f, BAD[i].csv, &err);
        if (st != BAD[i].st) print_error("%zu: %s %s\n", i, hg_status_name(st), err.msg);
        assert_int_equal(st, BAD[i].st);
        assert_contains(err.msg, BAD[i].says);
        for (unsigned j = 0; j < HG_SLOTS; j++) assert_int_not_equal(access(f.path[j], F_OK), 0);
    }
    hg_split_result r;
    f.o.skip_blank = true;
    assert_ok(split(&r, &f, "x,y,Hc\n0,0,\n0,2,1\nx,y,n/a\n", NULL)); /* what is passed over is not looked at */
    assert_true(r.rows == 1 && r.blank == 2);
    end(&f);
}

/* ---- looking up ------------------------------------------------------------------------------------------------------------------ */

static void every_entry_is_found_and_nothing_between(void **state) {
    (void)state;
    hg_policy *p = test_policy("properties", "semi-honest", "");
    hg_pool_index *x;
    size_t row = 99;
    assert_ok(hg_pool_index_new(&x, p, NULL));
    for (size_t i = 0; i < p->n_pool; i++) {
        const double *at = p->pool + 2 * i;
        const double near[2] = { at[0] * (1 + 1e-12) + 1e-11, at[1] - 5e-9 }, far[2] = { at[0], at[1] + 2e-8 };
        assert_true(hg_pool_index_find(&row, x, at) && row == i);
        assert_true(hg_pool_index_find(&row, x, near) && row == i);
        assert_false(hg_pool_index_find(&row, x, far));
        assert_true(hg_pool_index_find_id(&row, x, p->id[i], strlen(p->id[i])) && row == i);
    }
    const double nan[2] = { NAN, 0 }, inf[2] = { INFINITY, -INFINITY };
    assert_false(hg_pool_index_find(&row, x, nan) || hg_pool_index_find(&row, x, inf));
    assert_false(hg_pool_index_find_id(&row, x, "M", 1) || hg_pool_index_find_id(&row, x, "M77", 3) ||
                 hg_pool_index_find_id(&row, x, "", 0));
    hg_pool_index_free(x);
    hg_policy_free(p);
}

/* ---- size -------------------------------------------------------------------------------------------------------------------------- */

static long peak_kib(void) {
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return u.ru_maxrss;
}

static void write_rows(const fixture *f, size_t n) {
    FILE *file = fopen(f->table, "w");
    assert_non_null(file);
    fprintf(file, "x,y,Hc\n");
    for (size_t i = 0; i < n; i++) fprintf(file, "%zu,%zu,%zu.5\n", i % 6 * 2, i / 6 % 6 * 2, i % 3);
    fclose(file);
}

/* Twenty times the rows, the same memory. */
static void rows_stream_through_a_fixed_memory(void **state) {
    (void)state;
    fixture f;
    hg_split_result r;
    hg_err err;
    begin(&f, "properties", "");
    f.world.world.random = NULL; /* OpenSSL's, as in the program */
    write_rows(&f, 10000);
    assert_ok_err(hg_split_table(&r, f.p, f.table, &f.o, f.paths, &err), err);
    const long before = peak_kib();
    write_rows(&f, 200000);
    assert_ok_err(hg_split_table(&r, f.p, f.table, &f.o, f.paths, &err), err);
    assert_int_equal(r.rows, 200000);
    assert_true(peak_kib() - before < 4096); /* the table alone has 1.8 MB, the files 31 MB */
    end(&f);
}

static void survives_any_allocation_failure(void **state) {
    (void)state;
    fixture f;
    hg_split_result r;
    begin(&f, "indices", "");
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        const hg_status st = split(&r, &f, "name,x,y,Hc\nM0,0,0,3\nM35,10,10,0\n", NULL);
        fail_alloc_after(-1);
        if (st == HG_OK) {
            assert_true(k > 20);
            break;
        }
        assert_int_equal(st, HG_ENOMEM);
        for (unsigned j = 0; j < HG_SLOTS; j++) assert_int_not_equal(access(f.path[j], F_OK), 0);
    }
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_table_becomes_shares_of_its_values),
        TEST(names_do_as_well_as_features),
        TEST(on_tier_two_the_entry_is_secret_and_rows_are_padded),
        TEST(a_one_hot_has_one_bit),
        TEST(on_tier_three_features_are_secret_too),
        TEST(what_was_measured_after_an_answer),
        TEST(every_mistake_has_a_place_and_leaves_nothing),
        TEST(every_entry_is_found_and_nothing_between),
        TEST(rows_stream_through_a_fixed_memory),
        TEST(survives_any_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
