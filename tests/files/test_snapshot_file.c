/* tests/files/test_snapshot_file.c -- snapshots written and read again, sets of them, labels against what is known of real ones */
#include "hagane/snapshot_file.h"
#include "files/json_read.h"
#include "files/snapshot_file.h"
#include "matter/labels.h"
#include "matter/snapshot.h"
#include "test.h"
#include <sys/stat.h>
#include <unistd.h>

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

/* 64 particles about the sites of a cubic lattice, 4 runs to 2 times of which all is random. */
static hg_snapshot *liquid(hg_arena *mem, size_t runs) {
    hg_snapshot *s = hg_snapshot_new(mem, 64);
    hg_rng rng = hg_rng_make(3, 0);
    double moved[3 * 64];
    const double time[2] = { 0.25, 10 };
    hg_labels *l;
    hg_err err;
    assert_non_null(s);
    for (size_t k = 0; k < 3; k++) s->box[k] = 4.5;
    for (size_t i = 0; i < 64; i++) {
        s->species[i] = i % 5 == 4;
        for (size_t k = 0; k < 3; k++) s->x[3 * i + k] = 1.125 * (double)(i >> 2 * k & 3) + 0.3 * hg_rng_uniform(&rng);
    }
    if (runs == 0) return s;
    assert_ok_err(hg_labels_begin(&l, s, runs, time, 2, 1.5, mem, &err), err);
    for (size_t t = 0; t < 2; t++)
        for (size_t r = 0; r < runs; r++) {
            for (size_t i = 0; i < 3 * 64; i++) moved[i] = 0.2 * hg_rng_normal(&rng);
            hg_labels_add(l, t, r, moved);
        }
    hg_labels_end(l);
    return s;
}

static hg_snapshot *full(hg_arena *mem) {
    hg_snapshot *s = liquid(mem, 4);
    hg_rng rng = hg_rng_make(4, 0);
    s->id = "a liquid";
    s->split = "train";
    s->liquid = 12;
    s->temperature = 0.44;
    s->inherent = hg_alloc(mem, s->n, 3 * sizeof(double));
    s->cage = hg_alloc(mem, s->n, 3 * sizeof(double));
    s->cage_covariance = hg_alloc(mem, s->n, 6 * sizeof(double));
    for (size_t i = 0; i < 3 * s->n; i++)
        s->inherent[i] = 0.05 * hg_rng_normal(&rng), s->cage[i] = 0.05 * hg_rng_normal(&rng);
    for (size_t i = 0; i < 6 * s->n; i++) s->cage_covariance[i] = hg_rng_normal(&rng);
    return s;
}

static void same_bytes(const void *a, const void *b, size_t n, size_t size) {
    assert_true(!a == !b);
    if (a) assert_memory_equal(a, b, n * size);
}

static void same(const hg_snapshot *a, const hg_snapshot *b) {
    assert_int_equal(a->n, b->n);
    same_bytes(a->species, b->species, a->n, 1);
    same_bytes(a->x, b->x, 3 * a->n, sizeof(double));
    same_bytes(a->box, b->box, 3, sizeof(double));
    assert_true(a->temperature == b->temperature || (isnan(a->temperature) && isnan(b->temperature)));
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->split, b->split);
    assert_true(a->liquid == b->liquid && a->runs == b->runs && a->n_times == b->n_times && a->n_pairs == b->n_pairs);
    same_bytes(a->inherent, b->inherent, 3 * a->n, sizeof(double));
    same_bytes(a->cage, b->cage, 3 * a->n, sizeof(double));
    same_bytes(a->cage_covariance, b->cage_covariance, 6 * a->n, sizeof(double));
    same_bytes(a->time, b->time, a->n_times, sizeof(double));
    same_bytes(a->propensity, b->propensity, a->n_times * a->n, sizeof(float));
    same_bytes(a->pair, b->pair, 2 * a->n_pairs, sizeof(uint32_t));
    same_bytes(a->stretch, b->stretch, a->n_times * a->n_pairs, sizeof(float));
    for (size_t h = 0; h < 2; h++) {
        same_bytes(a->propensity_half[h], b->propensity_half[h], a->n_times * a->n, sizeof(float));
        same_bytes(a->stretch_half[h], b->stretch_half[h], a->n_times * a->n_pairs, sizeof(float));
    }
}

/* Pearson's correlation of a[i], b[i] where keep(s, i). */
static double correlation(const float *a, const float *b, size_t n, const hg_snapshot *s,
                          bool (*keep)(const hg_snapshot *, size_t)) {
    double w = 0, sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        if (!keep(s, i)) continue;
        const double x = (double)a[i], y = (double)b[i];
        w++, sa += x, sb += y, aa += x * x, bb += y * y, ab += x * y;
    }
    return (ab - sa * sb / w) / sqrt((aa - sa * sa / w) * (bb - sb * sb / w));
}

static bool is_a(const hg_snapshot *s, size_t i) { return s->species[i] == 0; }

static bool is_close_aa(const hg_snapshot *s, size_t p) {
    double r2 = 0;
    const size_t i = s->pair[2 * p], j = s->pair[2 * p + 1];
    for (size_t k = 0; k < 3; k++) r2 += pow(hg_nearest_image(s->x[3 * i + k] - s->x[3 * j + k], s->box[k]), 2);
    return s->species[i] == 0 && s->species[j] == 0 && r2 < 1.35 * 1.35;
}

static double ceiling(double c) { return sqrt(2 * c / (1 + c)); }

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* Two particles 0.5 apart through a wall; one moves by 0.3 towards the other, or by 0.4 across. */
static void labels_are_those_of_a_hand(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_snapshot *s = hg_snapshot_new(mem, 2);
    const double time = 2;
    hg_labels *l;
    for (size_t k = 0; k < 3; k++) s->box[k] = 8;
    s->x[0] = 0.25;
    s->x[3] = 7.75;
    assert_ok(hg_labels_begin(&l, s, 3, &time, 1, 2, mem, NULL));
    hg_labels_add(l, 0, 0, (const double[]) { -0.3, 0, 0, 0, 0, 0 });
    hg_labels_add(l, 0, 1, (const double[]) { 0, 1.2, 0, 0, 0, 0 });
    hg_labels_add(l, 0, 2, (const double[]) { 0, 0, 0, 0, 0, 0 });
    hg_labels_end(l);
    assert_int_equal(s->n_pairs, 1);
    assert_close((double)s->propensity[0], 0.5, 1e-7);
    assert_true(s->propensity[1] == 0);
    assert_close((double)s->propensity_half[0][0], 0.15, 1e-7);
    assert_close((double)s->propensity_half[1][0], 1.2, 1e-7);
    assert_close((double)s->stretch[0], (-0.3 + 0.8 + 0) / 3, 1e-7); /* 0.5, 1.2: 1.3 */
    assert_close((double)s->stretch_half[0][0], -0.15, 1e-7);
    assert_close((double)s->stretch_half[1][0], 0.8, 1e-7);
    assert_ok(hg_labels_begin(&l, s, 1, &time, 1, 0, mem, NULL)); /* one run: no halves; no pairs wanted */
    hg_labels_end(l);
    assert_true(s->n_pairs == 0 && !s->stretch && !s->propensity_half[0]);
    assert_int_equal(hg_labels_begin(&l, s, 0, &time, 1, 0, mem, NULL), HG_EINVAL);
    assert_int_equal(hg_labels_begin(&l, s, 1, (const double[]) { 1, 1 }, 2, 0, mem, NULL), HG_EINVAL);
    hg_arena_reset(mem, mark);
}

/* ---- our own format ---------------------------------------------------------------------------------------------- */

static void all_that_is_known_comes_back(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_err err;
    hg_snapshot *back;
    const char *words;
    const hg_snapshot *s = full(mem);
    test_scratch(path, sizeof path, "full.safetensors");
    assert_ok_err(hg_snapshot_write(path, s, &err), err);
    assert_ok_err(hg_snapshot_read(&back, &words, path, NULL, mem, &err), err);
    assert_string_equal(words, "Hagane's snapshot");
    same(s, back);
    s = liquid(mem, 0);
    test_scratch(path, sizeof path, "bare.safetensors");
    assert_ok_err(hg_snapshot_write(path, s, &err), err);
    assert_ok_err(hg_snapshot_read(&back, NULL, path, NULL, mem, &err), err);
    assert_contains(back->id, "bare"); /* of its file */
    back->id = "";
    same(s, back);
    hg_arena_reset(mem, mark);
}

static void a_folder_is_a_set_in_the_order_of_numbers(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char folder[512], path[600];
    hg_snapshot_set *set;
    hg_snapshot *s;
    hg_err err;
    test_scratch(folder, sizeof folder, "set");
    mkdir(folder, 0777);
    assert_int_equal(hg_snapshot_set_open(&set, folder, NULL, &err), HG_EDATA);
    assert_contains(err.msg, "no snapshots are in this folder");
    const char *const names[] = { "s10", "s9", "s100" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s.safetensors", folder, names[i]);
        assert_ok_err(hg_snapshot_write(path, liquid(mem, 0), &err), err);
    }
    snprintf(path, sizeof path, "%s/notes.txt", folder);
    FILE *f = fopen(path, "w");
    fclose(f);
    assert_ok_err(hg_snapshot_set_open(&set, folder, NULL, &err), err);
    assert_int_equal(hg_snapshot_set_count(set), 3);
    const char *const order[] = { "s9", "s10", "s100" };
    for (size_t i = 0; i < 3; i++) {
        assert_ok_err(hg_snapshot_set_read(&s, set, i, mem, &err), err);
        assert_string_equal(s->id, order[i]);
    }
    assert_int_equal(hg_snapshot_set_read(&s, set, 3, mem, &err), HG_EINVAL);
    hg_snapshot_set_free(set);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s.safetensors", folder, names[i]);
        unlink(path);
    }
    hg_arena_reset(mem, mark);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void refused(hg_arena *mem, const char *name, const void *bytes, size_t n, const hg_snapshot_opts *o,
                    hg_status st, const char *words) {
    hg_snapshot *s;
    hg_err err = { 0 };
    assert_int_equal(hg_snapshot_read_memory(&s, NULL, name, bytes, n, o, mem, &err), st);
    assert_null(s);
    assert_contains(err.msg, words);
}

static void what_is_no_snapshot_is_refused(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    hg_snapshot_opts o = hg_snapshot_opts_default();
    hg_err err;
    refused(mem, "f", "", 0, NULL, HG_EPARSE, "f: is empty");
    refused(mem, "f", "hello", 5, NULL, HG_EPARSE, "f: is no snapshot in any format that is read");
    o.format = "hagan";
    refused(mem, "f", "", 0, &o, HG_ENOTFOUND, "there is no format \"hagan\" of snapshots");
    o.format = "hagane";
    refused(mem, "f", "hello", 5, &o, HG_EPARSE, "f: ");
    o = hg_snapshot_opts_default();
    o.species = "AE";
    refused(mem, "f", "", 0, &o, HG_EINVAL, "species \"AE\" of types");
    o.species = "";
    refused(mem, "f", "", 0, &o, HG_EINVAL, "species \"\" of types");
    o = hg_snapshot_opts_default();
    o.temperature = -1;
    refused(mem, "f", "", 0, &o, HG_EINVAL, "temperature and label_time");
    hg_snapshot *s = liquid(mem, 0);
    assert_int_equal(hg_snapshot_write("x.png", s, &err), HG_EINVAL);
    assert_int_equal(hg_snapshot_write("x.bin", s, &err), HG_EINVAL); /* read, not written */
    assert_int_equal(hg_snapshot_write("x.safetensors.xz", s, &err), HG_EINVAL);
    char path[512];
    test_scratch(path, sizeof path, "close.safetensors");
    s->x[0] = s->x[3] - 0.1;
    s->x[1] = s->x[4];
    s->x[2] = s->x[5];
    assert_ok_err(hg_snapshot_write(path, s, &err), err);
    hg_snapshot *back;
    assert_int_equal(hg_snapshot_read(&back, NULL, path, NULL, mem, &err), HG_EDATA);
    assert_contains(err.msg, "close.safetensors: particle 2 (A) lies 0.1 from particle 1 (A), closer than 0.3");
    hg_arena_reset(mem, mark);
}

/* A compact file of 2 particles, 1 run, 1 time; each way of spoiling it is noticed. */
static size_t compact(unsigned char *out, const char *header) {
    const double x[12] = { 1, 1, 1, 5, 5, 5, 1.5, 1, 1, 5, 5, -1 };
    const int16_t d[6] = { 4096, 0, 0, 0, -2048, 0 };
    memset(out, 0, 4096);
    snprintf((char *)out, 4096, "%s", header);
    memcpy(out + 4096, x, sizeof x);
    memcpy(out + 4096 + sizeof x, d, sizeof d);
    return 4096 + sizeof x + sizeof d;
}

static void compact_files_say_what_they_hold(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    unsigned char bytes[5000];
    hg_snapshot *s;
    hg_err err;
    size_t n = compact(bytes, "{\"format\": \"kamd1\", \"N\": 2, \"NA\": 1, \"L\": 8, \"T\": 0.5, \"R\": 1, \"nt\": 1, "
                              "\"disp_scale\": 0.000244140625, \"times\": [2], \"split\": \"test\"}");
    assert_ok_err(hg_snapshot_read_memory(&s, NULL, "a/s3.bin", bytes, n, NULL, mem, &err), err);
    assert_string_equal(s->id, "s3");
    assert_string_equal(s->split, "test");
    assert_true(s->n == 2 && s->species[0] == 0 && s->species[1] == 1 && s->runs == 1 && s->temperature == 0.5);
    assert_true(s->inherent[0] == 0.5 && s->inherent[5] == 2); /* 7 - 5, since -1 is 7 */
    assert_true(s->propensity[0] == 1 && s->propensity[1] == 0.5f);
    refused(mem, "f", bytes, n - 1, NULL, HG_EPARSE, "f: ends after 107 of the 108 bytes of its arrays");
    refused(mem, "f", bytes, n + 1, NULL, HG_EPARSE, "f: has more bytes than its header says");
    n = compact(bytes, "{\"format\": \"kamd1\", \"N\": 2, \"NA\": 3, \"L\": 8, \"R\": 1, \"nt\": 0, \"times\": []}");
    refused(mem, "f", bytes, n, NULL, HG_EPARSE, "NA is larger than N");
    n = compact(bytes, "{\"format\": \"kamd1\", \"N\": 2, \"NA\": 1, \"L\": 8, \"R\": 1, \"nt\": 2, \"times\": [1]}");
    refused(mem, "f", bytes, n, NULL, HG_EPARSE, "1 times, but nt is 2");
    n = compact(bytes, "{\"N\": 99999999999, \"NA\": 1}");
    refused(mem, "f", bytes, n, NULL, HG_ELIMIT, "more than 67108864 are not read");
    n = compact(bytes, "{\"N\": 60000000, \"NA\": 1, \"L\": 8, \"R\": 1000000, \"nt\": 1, \"times\": [1], "
                       "\"format\": \"kamd1\", \"disp_scale\": 0.1}");
    refused(mem, "f", bytes, n, NULL, HG_ELIMIT, "f: says that it has");
    hg_arena_reset(mem, mark);
}

/* ---- real ones --------------------------------------------------------------------------------------------------- */

/* SOURCE.md of the data set: ceilings come from split halves by another program. */
static void botans_snapshots_have_their_known_ceiling(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char folder[512];
    hg_snapshot_set *set;
    hg_snapshot *s;
    hg_err err;
    if (!test_shared(folder, sizeof folder, "data/botan-ka-small")) skip();
    assert_ok_err(hg_snapshot_set_open(&set, folder, NULL, &err), err);
    assert_int_equal(hg_snapshot_set_count(set), 15);
    assert_ok_err(hg_snapshot_set_read(&s, set, 0, mem, &err), err);
    assert_string_equal(s->id, "s001");
    assert_string_equal(s->split, "train");
    assert_true(s->n == 4096 && s->runs == 32 && s->temperature == 0.44 && s->n_times == 1 && s->time[0] == 4120);
    const double c = correlation(s->propensity_half[0], s->propensity_half[1], s->n, s, is_a);
    assert_close(ceiling(c), 0.8294, 1e-4);
    assert_ok_err(hg_snapshot_set_read(&s, set, 10, mem, &err), err);
    assert_string_equal(s->id, "s401");
    assert_int_equal(s->n_pairs, 166240 / 2); /* the directed edges that BOTAN's program counts */
    hg_snapshot_set_free(set);
    hg_arena_reset(mem, mark);
}

static void the_ensemble_has_its_known_ceilings(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    static const double NODE[7] = { 0.9203, 0.9505, 0.9255, 0.9211, 0.9104, 0.8998, 0.8526 };
    static const double EDGE[7] = { 0.9802, 0.977, 0.9617, 0.9576, 0.9348, 0.8865, 0.807 };
    char folder[512];
    hg_snapshot_set *set;
    hg_snapshot *s, *again;
    hg_err err;
    if (!test_shared(folder, sizeof folder, "data/glass-ka-t050")) skip();
    assert_ok_err(hg_snapshot_set_open(&set, folder, NULL, &err), err);
    assert_int_equal(hg_snapshot_set_count(set), 29);
    assert_ok_err(hg_snapshot_set_read(&s, set, 0, mem, &err), err);
    assert_true(s->n == 1200 && s->n_times == 7 && s->n_pairs == 24349 && s->runs == 16 && s->liquid == 0);
    for (size_t t = 0; t < 7; t++) {
        const double node =
            ceiling(correlation(s->propensity_half[0] + t * s->n, s->propensity_half[1] + t * s->n, s->n, s, is_a));
        const double edge = ceiling(correlation(s->stretch_half[0] + t * s->n_pairs,
                                                s->stretch_half[1] + t * s->n_pairs, s->n_pairs, s, is_close_aa));
        assert_close(node, NODE[t], 1e-4);
        assert_close(edge, EDGE[t], 2e-4);
    }
    assert_ok_err(hg_snapshot_set_read(&again, set, 2, mem, &err), err);
    assert_ok_err(hg_snapshot_set_read(&again, set, 0, mem, &err), err); /* back */
    same(s, again);
    hg_snapshot_set_free(set);
    hg_arena_reset(mem, mark);
}

static void bapsts_snapshot_is_read(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    char path[512];
    hg_snapshot *s;
    hg_err err;
    if (!test_shared(path, sizeof path, "data/bapst-ka-sample/test_large.bin")) skip();
    assert_ok_err(hg_snapshot_read(&s, NULL, path, NULL, mem, &err), err);
    assert_true(s->n == 4096 && s->n_times == 10 && s->runs == 30 && s->temperature == 0.44 && !s->inherent);
    double before = 0;
    for (size_t t = 0; t < 10; t++) { /* also 5889.6, which stands last in the file */
        double mean = 0;
        for (size_t i = 0; i < s->n; i++) mean += (double)s->propensity[t * s->n + i] / (double)s->n;
        assert_true(mean > before);
        before = mean;
    }
    hg_arena_reset(mem, mark);
}

static void any_allocation_may_fail(void **state) {
    hg_arena *mem = *state;
    const hg_mark mark = hg_arena_mark(mem);
    unsigned char bytes[5000];
    char path[512];
    hg_err err;
    const size_t n = compact(bytes, "{\"format\": \"kamd1\", \"N\": 2, \"NA\": 1, \"L\": 8, \"T\": 0.5, \"R\": 1, "
                                    "\"nt\": 1, \"disp_scale\": 0.000244140625, \"times\": [2]}");
    const hg_snapshot *s = full(mem);
    test_scratch(path, sizeof path, "fault.safetensors");
    for (int which = 0; which < 3; which++)
        for (long k = 0;; k++) {
            hg_snapshot *back = NULL;
            hg_snapshot_set *set = NULL;
            fail_alloc_after(k);
            hg_arena *own = which == 1 ? NULL : hg_arena_new();
            hg_status st = HG_ENOMEM;
            if (which == 0) st = hg_snapshot_read_memory(&back, NULL, "f", bytes, n, NULL, own, &err);
            if (which == 1) st = hg_snapshot_write(path, s, &err);
            if (which == 2) st = hg_snapshot_set_open(&set, path, NULL, &err);
            if (which == 2 && st == HG_OK) st = hg_snapshot_set_read(&back, set, 0, own, &err);
            hg_snapshot_set_free(set);
            hg_arena_free(own);
            fail_alloc_after(-1);
            if (st == HG_OK) {
                assert_true(k > 0); /* an arena hands out many pieces of one block */
                break;
            }
            assert_int_equal(st, HG_ENOMEM);
        }
    hg_arena_reset(mem, mark);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(labels_are_those_of_a_hand),
        TEST(all_that_is_known_comes_back),
        TEST(a_folder_is_a_set_in_the_order_of_numbers),
        TEST(what_is_no_snapshot_is_refused),
        TEST(compact_files_say_what_they_hold),
        TEST(botans_snapshots_have_their_known_ceiling),
        TEST(the_ensemble_has_its_known_ceilings),
        TEST(bapsts_snapshot_is_read),
        TEST(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
