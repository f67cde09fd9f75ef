/* tests/cli/test_glass.c -- `hagane glass`: from labelled snapshots to a model, from a snapshot to a map, and scores; or a reason */
#include "core/text.h"
#include "hagane/snapshot_file.h"
#include "json.h"
#include "matter/snapshot.h"
#include "program.h"
#include "test.h"
#include <sys/stat.h>

enum { SIDE = 8, N = SIDE * SIDE * SIDE, SNAPSHOTS = 3 };

static char set[512], model[512], map[512], first[600], lone[512], picture[512], bare[512];

/* A shaken lattice in which those move that are far from their inherent position. */
static void write_snapshot(hg_arena *mem, const char *path, size_t id) {
    const hg_mark start = hg_arena_mark(mem);
    hg_rng rng = hg_rng_make(id, 0);
    hg_snapshot *s = hg_snapshot_new(mem, N);
    assert_non_null(s);
    s->temperature = 0.5;
    s->liquid = (int64_t)id;
    s->split = id + 1 < SNAPSHOTS ? "train" : "test";
    s->inherent = hg_alloc(mem, N, 3 * sizeof *s->inherent);
    s->n_times = 2;
    s->runs = 2;
    s->time = hg_alloc(mem, 2, sizeof *s->time);
    s->time[0] = 2.17;
    s->time[1] = 217;
    s->propensity = hg_alloc(mem, 2 * N, sizeof *s->propensity);
    for (size_t h = 0; h < 2; h++) s->propensity_half[h] = hg_alloc(mem, 2 * N, sizeof *s->propensity);
    for (size_t k = 0; k < 3; k++) s->box[k] = SIDE;
    for (size_t i = 0; i < N; i++) {
        const size_t at[3] = { i % SIDE, i / SIDE % SIDE, i / (SIDE * SIDE) };
        s->species[i] = i % 5 == 4;
        double u2 = 0;
        for (size_t k = 0; k < 3; k++) {
            const double x = (double)at[k] + 0.05 * hg_rng_normal(&rng), u = 0.05 * hg_rng_normal(&rng);
            s->x[3 * i + k] = x < 0 ? x + SIDE : x;
            s->inherent[3 * i + k] = u;
            u2 += u * u;
        }
        for (size_t t = 0; t < 2; t++) {
            for (size_t h = 0; h < 2; h++)
                s->propensity_half[h][t * N + i] =
                    (float)(0.1 * exp(5 * sqrt(u2) * (double)(t + 1) + 0.1 * hg_rng_normal(&rng)));
            s->propensity[t * N + i] = (s->propensity_half[0][t * N + i] + s->propensity_half[1][t * N + i]) / 2;
        }
    }
    assert_ok(hg_snapshot_write(path, s, NULL));
    hg_arena_reset(mem, start);
}

static int group_setup(void **state) {
    hg_arena *mem = hg_arena_new();
    (void)state;
    test_scratch(set, sizeof set, "liquids");
    test_scratch(model, sizeof model, "mobile");
    test_scratch(map, sizeof map, "map.json");
    test_scratch(lone, sizeof lone, "lone.data");
    test_scratch(bare, sizeof bare, "bare.data");
    test_scratch(picture, sizeof picture, "map.png");
    mkdir(set, 0777);
    for (size_t k = 0; k < SNAPSHOTS; k++) {
        snprintf(first, sizeof first, "%s/s%zu.safetensors", set, SNAPSHOTS - 1 - k);
        write_snapshot(mem, first, SNAPSHOTS - 1 - k);
    }
    hg_arena_free(mem);
    return 0;
}

static void trained_scored_and_used(void **state) {
    (void)state;
    char text[64];
    program_result r = program_run("glass", "train", set, "--out", model, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_close(json_number(r.out, "snapshots"), 2, 0); /* the third says that it is for testing */
    assert_true(json_number(r.out, "times.1.A.rho") > 0.8);
    assert_string_equal(json_string(text, sizeof text, r.out, "tier"), "S1");

    r = program_run("glass", "evaluate", set, "--model", model, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_int_equal(json_length(r.out, "scores"), 4); /* two times, two species */
    assert_close(json_number(r.out, "scores.2.time"), 217, 0);
    const double rho = json_number(r.out, "scores.2.rho"), most = json_number(r.out, "scores.2.attainable");
    assert_true(rho > 0.8);
    assert_close(json_number(r.out, "scores.2.corrected"), rho / most, 1e-9); /* of one snapshot */
    assert_close(json_number(r.out, "scores.2.pooled"), rho, 1e-6);
    assert_true(json_is_null(r.out, "scores.2.error"));
    assert_int_equal(json_length(r.out, "published"), 10); /* five rows at T = 0.50 for each of the two times */
    r = program_run("glass", "evaluate", set, "--model", model, "--all", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "tier S1: inherent structure");
    assert_contains(r.out, "BOTAN 0.709");
    assert_null(strstr(r.err, "do not trust"));

    r = program_run("glass", "predict", first, "--model", model, "--time", "tau,0.1tau", "--out", map, "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "512 particles, tier S1");
    char *json = test_read_file(map);
    assert_non_null(json);
    assert_true(json_valid(json));
    assert_close(json_number(json, "times.0"), 217, 1e-9);
    assert_close(json_number(json, "times.1"), 21.7, 1e-9);
    assert_int_equal(json_length(json, "propensity.0"), N);
    assert_int_equal(json_length(json, "propensity"), 2);
    assert_int_equal(json_length(json, "positions"), 3 * N);
    assert_int_equal(json_length(json, "species"), N);
    assert_true(json_number(json, "propensity.0.0") > json_number(json, "propensity.1.0"));
    free(json);

    /* The same positions without their inherent structure: it is computed, a picture drawn, and each stage has its time. */
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    assert_ok(hg_snapshot_write(bare, s, NULL));
    hg_arena_free(mem);
    r = program_run("glass", "predict", bare, "--model", model, "--time", "217", "--temperature", "0.5", "--png",
                    picture, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_true(json_number(r.out, "seconds.inherent structure") >= 0);
    json = test_read_file(picture);
    assert_non_null(json);
    assert_memory_equal(json, "\x89PNG", 4);
    free(json);
}

/* Pictures of the scores, the numbers in them, and a word where the model was not made for such a temperature. */
static void scores_as_pictures(void **state) {
    char curves[512], points[512], table[512], warm[512], both[512], text[64];
    (void)state;
    test_scratch(curves, sizeof curves, "rho.svg");
    test_scratch(points, sizeof points, "scatter.png");
    test_scratch(table, sizeof table, "rho.tsv");
    program_result r = program_run("glass", "evaluate", set, "--model", model, "--rho", curves, "--scatter", points,
                                   "--time", "2.17", "--table", table, "-q", NULL);
    assert_int_equal(r.code, 0);
    char *file = test_read_file(curves);
    assert_non_null(file);
    assert_contains(file, "<svg");
    free(file);
    file = test_read_file(points);
    assert_non_null(file);
    assert_memory_equal(file, "\x89PNG", 4);
    free(file);
    file = test_read_file(table);
    assert_non_null(file);
    assert_contains(file, "who\tof\ttime\trho\terror\tcorrected\tattainable\tpooled\tspread\tsnapshots\n");
    assert_contains(file, "\ntier S1\tA\t217\t0.");
    assert_contains(file, "\nBOTAN, published\tA\t217\t0.709\t");
    free(file);
    r = program_run("glass", "evaluate", set, "--model", model, "--scatter", points, "--time", "21", "-q", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--time 21");

    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    s->temperature = 0.8;
    s->split = "test";
    assert_ok(hg_snapshot_write(test_scratch(warm, sizeof warm, "warm.safetensors"), s, NULL));
    hg_arena_free(mem);
    r = program_run("glass", "evaluate", warm, "--model", model, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "temperatures are 0.8 to 0.8, the model has learned from 0.5 to 0.5: do not trust it");
    r = program_run("glass", "evaluate", warm, "--model", model, "--json", "-q", NULL);
    assert_contains(r.out, "\"foreign\":true");
    char mixed[512], copy[600];
    mkdir(test_scratch(mixed, sizeof mixed, "mixed"), 0777);
    for (int k = 0; k < 2; k++) { /* published figures are of one temperature: none stands beside scores of several */
        mem = hg_arena_new();
        assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
        s->temperature = k ? 0.56 : 0.5;
        s->split = "test";
        snprintf(copy, sizeof copy, "%s/s%d.safetensors", mixed, k);
        assert_ok(hg_snapshot_write(copy, s, NULL));
        hg_arena_free(mem);
    }
    r = program_run("glass", "evaluate", mixed, "--model", model, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_int_equal(json_length(r.out, "published"), 0);
    assert_close(json_number(r.out, "hottest"), 0.56, 0);
    r = program_run("glass", "predict", warm, "--model", model, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "temperature is 0.8, the model has learned from 0.5 to 0.5: do not trust it");

    r = program_run("glass", "predict", first, "--model", "glass-t044", NULL); /* a name: it comes with the program */
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "temperature is 0.5, the model has learned from 0.44 to 0.44: do not trust it");
    r = program_run("glass", "train", set, "--thermal", "--out", test_scratch(both, sizeof both, "both"), "--json",
                    "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_non_null(json_string(text, sizeof text, r.out, "times.1.A.descriptors"));
    r = program_run("glass", "evaluate", set, "--model", both, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "scores.2.rho") > 0.8);
    r = program_run("glass", "train", set, "--thermal", "--state", "thermal", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--thermal adds to another state");
}

/* Networks on top: what they are worth is told, and the model is like any other. */
static void networks_on_top(void **state) {
    char nets[512];
    (void)state;
    test_scratch(nets, sizeof nets, "nets");
    program_result r = program_run("glass", "train", set, "--all", "--network", "3", "--epochs", "1", "--out", nets,
                                   "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    const double share = json_number(r.out, "times.1.network A.share");
    assert_true(share >= 0 && share <= 1);
    assert_true(json_number(r.out, "times.1.network A.floor") > 0.5);
    r = program_run("glass", "evaluate", set, "--model", nets, "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_number(r.out, "scores.2.rho") > 0.8);
    r = program_run("glass", "train", set, "--all", "--network", "3", "--epochs", "1", "--out", nets, "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "What networks add to rho");
    r = program_run("models", "show", strrchr(nets, '/') + 1, "--library", nets, NULL);
    assert_contains(r.out, "share of networks of A at time 217");
    r = program_run("glass", "train", set, "--network", "1", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "1 networks");
    r = program_run("glass", "train", set, "--network", "2", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "2 liquids are too few for 2 networks");
    r = program_run("glass", "train", set, "--network", "2", "--kind", "botan", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--network is for --kind floor");
    assert_false(test_file_exists(lone));
}

/* The published network by the same commands; a second run finds all done in its checkpoint. */
static void botan_is_a_kind_of_model(void **state) {
    char state_file[512], other[512], text[64];
    (void)state;
    test_scratch(state_file, sizeof state_file, "botan.checkpoint");
    test_scratch(other, sizeof other, "botan");
    double rho[2];
    for (int k = 0; k < 2; k++) {
        program_result r = program_run("glass", "train", set, "--kind", "botan", "--epochs", "1", "--rate", "1e-3",
                                       "--out", other, "--checkpoint", state_file, "--json", "-q", NULL);
        assert_int_equal(r.code, 0);
        assert_true(json_valid(r.out));
        assert_close(json_number(r.out, "snapshots"), 2, 0);
        assert_close(json_number(r.out, "time"), 217, 0);
        r = program_run("glass", "evaluate", set, "--model", other, "--json", "-q", NULL);
        assert_int_equal(r.code, 0);
        assert_string_equal(json_string(text, sizeof text, r.out, "tier"), "S0");
        assert_int_equal(json_length(r.out, "scores"), 2); /* one time, two species, no labels of pairs */
        rho[k] = json_number(r.out, "scores.0.rho");
    }
    assert_close(rho[0], rho[1], 0);
    program_result r = program_run("glass", "predict", first, "--model", other, "--out", map, "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.out, "512 particles, tier S0");
    r = program_run("glass", "train", set, "--kind", "botan", "--state", "cage", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--state is for --kind floor");
    r = program_run("glass", "train", set, "--epochs", "3", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--epochs is for --kind botan");
    r = program_run("glass", "train", set, "--kind", "botan", "--time", "5", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "no labels of time 5");
    r = program_run("glass", "train", set, "--kind", "botan", "--pair-epochs", "1", "--out", lone, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "no labels of its pairs");
    assert_false(test_file_exists(lone));
    remove(state_file);
}

/* Times shorter than the model's are those of the ensemble itself: at first all particles fly, 2 (2 T / pi)^(1/2) t far in the mean. */
static void short_times_are_simulated(void **state) {
    (void)state;
    program_result r = program_run("glass", "predict", first, "--model", model, "--time", "0.03", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "from 2.17 to 217");
    assert_contains(r.err, "--simulate-short");
    r = program_run("glass", "predict", first, "--model", model, "--time", "217,0.012,0.006,0.012", "--simulate-short",
                    "--runs", "3", "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_int_equal(json_length(r.out, "simulated"), 4);
    assert_contains(r.out, "\"simulated\":[false,true,true,true]");
    assert_close(json_number(r.out, "runs"), 3, 0);
    double mean = 0;
    char key[64];
    for (size_t i = 0; i < N; i++) {
        snprintf(key, sizeof key, "propensity.2.%zu", i);
        mean += json_number(r.out, key) / N;
    }
    assert_in_range((int)(1e5 * mean), 620, 780); /* 0.00677, and a little for the forces */
    for (size_t i = 0; i < 3; i++) {
        snprintf(key, sizeof key, "propensity.1.%zu", i);
        const double once = json_number(r.out, key);
        snprintf(key, sizeof key, "propensity.3.%zu", i);
        assert_close(json_number(r.out, key), once, 0);
    }
    double of_seed[3];
    for (int k = 0; k < 3; k++) { /* another seed is another ensemble, the same is the same */
        r = program_run("glass", "predict", first, "--model", model, "--time", "0.012", "--simulate-short", "--runs",
                        "2", "--seed", k ? "5" : "4", "--threads", k == 2 ? "2" : "1", "--json", "-q", NULL);
        assert_int_equal(r.code, 0);
        of_seed[k] = json_number(r.out, "propensity.0.7");
    }
    assert_true(of_seed[0] != of_seed[1]);
    assert_close(of_seed[1], of_seed[2], 0);
    r = program_run("glass", "predict", first, "--model", model, "--time", "0.06", "--simulate-short", "--runs", "2",
                    "--png", picture, NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "1 of 1 times is simulated, 2 runs");
    assert_contains(r.out, "2 runs");
    char *png = test_read_file(picture);
    assert_non_null(png);
    assert_memory_equal(png, "\x89PNG", 4);
    free(png);
}

/* The snapshot as LAMMPS data, some of it spoilt. */
static void write_data(const char *path, double box, const char *tenth) {
    hg_text t = hg_text_new(0);
    hg_text_add(&t,
                "spoilt\n\n512 atoms\n2 atom types\n\n0 %g xlo xhi\n0 %g ylo yhi\n0 8 zlo zhi\n\nAtoms # atomic\n\n",
                box, box);
    for (size_t i = 0; i < N; i++)
        if (i == 9 && tenth)
            hg_text_add(&t, "%s\n", tenth);
        else
            hg_text_add(&t, "%zu %d %g %g %g\n", i + 1, i % 5 == 4 ? 2 : 1, ((double)(i % SIDE) + 0.5) * box / SIDE,
                        ((double)(i / SIDE % SIDE) + 0.5) * box / SIDE, (double)(i / (SIDE * SIDE)) + 0.5);
    assert_false(t.failed);
    test_write_file(path, t.s);
    hg_text_free(&t);
}

static program_result predicted(const char *path, const char *temperature) {
    return program_run("glass", "predict", path, "--model", model, "--time", "217", "--temperature", temperature, NULL);
}

static void refused_as(const char *path, const char *words) {
    const program_result r = predicted(path, "0.5");
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, words);
}

/* ---- a ZIP archive of arrays as they are: BOTAN's .npz ---------------------------------------------------------------- */

static uint32_t crc(const char *s, size_t n) {
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= (unsigned char)s[i];
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
    }
    return ~c;
}

static void put(hg_text *t, uint64_t x, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) hg_text_put(t, (const char[]) { (char)(i < 8 ? x >> 8 * i & 255 : 0) }, 1);
}

/* The part of an entry that stands in front of its bytes and in the directory alike. */
static void put_entry(hg_text *t, const hg_text *file, size_t name) {
    put(t, 20, 2);
    put(t, 0, 8);
    put(t, crc(file->s, file->len), 4);
    put(t, file->len, 4);
    put(t, file->len, 4);
    put(t, name, 2);
}

static void write_npz(const char *path, const double *x, const uint8_t *species, size_t n, size_t runs) {
    static const char *const NAME[] = { "types.npy", "initial_positions.npy", "positions.npy", "box.npy" };
    hg_text zip = hg_text_new(0), list = hg_text_new(0);
    const double side = SIDE;
    for (size_t a = 0; a < 4; a++) {
        char shape[64], header[128];
        hg_text file = hg_text_new(0);
        const size_t at = zip.len, name = strlen(NAME[a]);
        snprintf(shape, sizeof shape,
                 a == 0   ? "(%zu,)"
                 : a == 1 ? "(%zu, 3)"
                 : a == 2 ? "(%zu, %zu, 3)"
                          : "(1,)",
                 a == 2 ? runs : n, n);
        const int len = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s}\n",
                                 a ? "<f8" : "|u1", shape);
        hg_text_put(&file, "\x93NUMPY\1\0", 8);
        put(&file, (uint64_t)len, 2);
        hg_text_put(&file, header, (size_t)len);
        if (a == 0) hg_text_put(&file, (const char *)species, n);
        if (a == 1) hg_text_put(&file, (const char *)x, 3 * n * sizeof *x);
        for (size_t i = 0; a == 2 && i < runs * n; i++) { /* each goes along x, in the second run farther */
            const double to[3] = { x[3 * (i % n)] + 0.1 * (1 + (double)(i % 7)) * (double)(1 + i / n),
                                   x[3 * (i % n) + 1], x[3 * (i % n) + 2] };
            hg_text_put(&file, (const char *)to, sizeof to);
        }
        if (a == 3) hg_text_put(&file, (const char *)&side, sizeof side);
        hg_text_put(&zip, "PK\3\4", 4);
        put_entry(&zip, &file, name);
        put(&zip, 0, 2);
        hg_text_put(&zip, NAME[a], name);
        hg_text_put(&zip, file.s, file.len);
        hg_text_put(&list, "PK\1\2\24", 5);
        put(&list, 0, 1);
        put_entry(&list, &file, name);
        put(&list, 0, 12);
        put(&list, at, 4);
        hg_text_put(&list, NAME[a], name);
        hg_text_free(&file);
    }
    const size_t at = zip.len;
    hg_text_put(&zip, list.s, list.len);
    hg_text_put(&zip, "PK\5\6", 4);
    put(&zip, 0, 4);
    put(&zip, 4, 2);
    put(&zip, 4, 2);
    put(&zip, list.len, 4);
    put(&zip, at, 4);
    put(&zip, 0, 2);
    assert_false(zip.failed || list.failed);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(zip.s, 1, zip.len, f), zip.len);
    assert_int_equal(fclose(f), 0);
    hg_text_free(&list);
    hg_text_free(&zip);
}

/* The time of BOTAN's labels is not in the file: it is said, or there are no labels, and both are told. */
static void the_time_of_labels_is_said(void **state) {
    char npz[512], other[512];
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    (void)state;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    write_npz(test_scratch(npz, sizeof npz, "sT0.50.npz"), s->x, s->species, N, 2);
    hg_arena_free(mem);
    test_scratch(other, sizeof other, "from-npz");
    program_result r = program_run("glass", "train", npz, "--state", "thermal", "--out", other, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "sT0.50: it has no labels to learn from");
    assert_contains(r.err, "--label-time says it");
    assert_false(test_file_exists(other));
    r = program_run("glass", "evaluate", npz, "--model", model, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "1 have no labels");
    assert_contains(r.err, "--label-time says it");
    r = program_run("glass", "evaluate", npz, "--model", model, "--label-time", "50", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "1 labels of other times than 2.17");
    r = program_run("glass", "evaluate", npz, "--model", model, "--label-time", "217", "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    assert_true(json_valid(r.out));
    assert_int_equal(json_length(r.out, "scores"), 2); /* A and B, at that time alone */
    assert_close(json_number(r.out, "scores.0.time"), 217, 0);
    r = program_run("glass", "predict", npz, "--model", model, "--label-time", "217", "--time", "217", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "labels are at t = 217");
    r = program_run("glass", "train", npz, "--state", "thermal", "--label-time", "3", "--out", other, "--json", "-q",
                    NULL);
    assert_int_equal(r.code, 0);
    assert_close(json_number(r.out, "times.0.time"), 3, 0);
    remove(npz);
}

/* What a map says of each particle at the first time. */
static void read_map(double *p, const char *json) {
    char key[64];
    for (size_t i = 0; i < N; i++) {
        snprintf(key, sizeof key, "propensity.0.%zu", i);
        p[i] = json_number(json, key);
    }
}

/* Axes exchanged, one of them mirrored, all moved, particles in another order: the map is that of before. And of one thread and two. */
static void maps_do_not_turn(void **state) {
    char turned[512];
    double p[N], q[N];
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s, *t;
    (void)state;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    t = hg_snapshot_new(mem, N);
    assert_non_null(t);
    t->temperature = 0.5;
    t->inherent = hg_alloc(mem, N, 3 * sizeof *t->inherent);
    for (size_t k = 0; k < 3; k++) t->box[k] = SIDE;
    for (size_t i = 0; i < N; i++) {
        const size_t j = (5 * i + 3) % N;
        t->species[j] = s->species[i];
        for (size_t k = 0; k < 3; k++) {
            const double sign = k == 1 ? -1 : 1;
            t->x[3 * j + k] = hg_wrapped(sign * s->x[3 * i + (k + 1) % 3] + 3.3, SIDE);
            t->inherent[3 * j + k] = sign * s->inherent[3 * i + (k + 1) % 3];
        }
    }
    assert_ok(hg_snapshot_write(test_scratch(turned, sizeof turned, "turned.safetensors"), t, NULL));
    hg_arena_free(mem);
    program_result r = program_run("glass", "predict", first, "--model", model, "--time", "217", "--threads", "1",
                                   "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    read_map(p, r.out);
    assert_contains(r.out, "\"foreign\":false,\"unlike\":false");
    r = program_run("glass", "predict", first, "--model", model, "--time", "217", "--threads", "2", "--json", "-q",
                    NULL);
    read_map(q, r.out);
    assert_memory_equal(p, q, sizeof p);
    r = program_run("glass", "predict", turned, "--model", model, "--time", "217", "--json", "-q", NULL);
    assert_int_equal(r.code, 0);
    read_map(q, r.out);
    for (size_t i = 0; i < N; i++) assert_close(p[i], q[(5 * i + 3) % N], 1e-5);
    remove(turned);
}

/* No result takes the place of a snapshot, no model lies among them, and one program's models are not another's. */
static void what_is_there_is_spared(void **state) {
    (void)state;
    program_result r = program_run("glass", "evaluate", first, "--model", model, "--table", first, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "would be replaced, and it is an input of this run");
    r = program_run("glass", "evaluate", set, "--model", model, "--rho", first, NULL);
    assert_int_not_equal(r.code, 0);
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    hg_arena_free(mem);
    r = program_run("glass", "train", set, "--out", set, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "there are the snapshots");
    r = program_run("glass", "train", set, "--out", first, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "it is a file");
    r = program_run("glass", "predict", set, "--model", model, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "is a folder, expected a file with one snapshot");
    r = program_run("glass", "predict", first, "--model", "qdf2", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "\"qdf2\" is no model of liquids");
    r = program_run("predict", first, "--model", model, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "hagane glass predict and hagane glass evaluate use it");
    r = program_run("glass", "evaluate", set, "--model", model, "--time", "217", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--time is the time of --scatter");
    r = program_run("glass", "predict", first, "--model", model, "--out", map, "--png", "map.bmp", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "\"bmp\" is no figure format");
}

static void bad_input_is_told(void **state) {
    char dump[512], xyz[512];
    (void)state;
    test_scratch(dump, sizeof dump, "bad.dump");
    test_scratch(xyz, sizeof xyz, "bad.xyz");
    write_data(lone, SIDE, "10 1 0.52 0.51 0.5");
    refused_as(lone, "particle 10 (A) lies 0.0224 from particle 1 (A), closer than 0.3");
    refused_as(lone, ":21: ");
    write_data(lone, SIDE, "10 1 1.5 nan 0.5");
    refused_as(lone, "y is \"nan\", expected a finite number");
    write_data(lone, SIDE, "10 3 1.5 1.5 0.5");
    refused_as(lone, "type 3, but a species is given for 2 types only");
    write_data(lone, 4.9, NULL);
    refused_as(lone, "less than twice the cut-off");
    const program_result c = program_run("glass", "predict", lone, "--model", model, "--species", "AF", NULL);
    assert_int_not_equal(c.code, 0);
    assert_contains(c.err, "expected letters A to D");
    test_write_file(dump, "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 8\n0 8\n0 8\n"
                          "ITEM: ATOMS id type x y\n1 1 1 1\n");
    refused_as(dump, "column \"z\" is missing: there are id type x y");
    test_write_file(dump, "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS ff ff ff\n0 8\n0 8\n0 8\n"
                          "ITEM: ATOMS id type x y z\n1 1 9 1 1\n");
    refused_as(dump, "the box is not periodic along x (ff)");
    test_write_file(xyz, "1\nLattice=\"8 0 0 0 8 0 0 0 8\" pbc=\"F F F\" Properties=species:S:1:pos:R:3\nA 9 1 1\n");
    refused_as(xyz, "the box is not periodic");
    test_write_file(xyz, "1\nLattice=\"8 0 0 0 8 0 0 0 8\" pbc=\"T T T\" Properties=species:S:1:pos:R:3\nFe 1 1 1\n");
    refused_as(xyz, "the type is \"Fe\"");
    write_data(lone, SIDE, NULL); /* and what is good, but far from what was learned */
    program_result r = predicted(lone, "1.3");
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "temperature is 1.3, the model has learned from 0.5 to 0.5: do not trust it");
    r = program_run("glass", "predict", lone, "--model", model, "--time", "217", NULL);
    assert_int_equal(r.code, 0);
    assert_contains(r.err, "temperature is not known (--temperature)");
    r = program_run("glass", "predict", lone, "--model", model, "--time", "tau", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--time tau: the file does not say its temperature");
    r = program_run("glass", "predict", lone, "--model", model, "--species", "AA", "--time", "217", "--temperature",
                    "0.5", NULL);
    assert_int_equal(r.code, 0); /* all of one species: far from what was learned, and held there */
    assert_contains(r.err, "this liquid is unlike them, do not trust it");
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    s->inherent[3] = s->x[0] + s->inherent[0] - s->x[3] + 0.1;
    for (size_t k = 1; k < 3; k++) s->inherent[3 + k] = s->x[k] + s->inherent[k] - s->x[3 + k];
    assert_ok(hg_snapshot_write(xyz, s, NULL));
    refused_as(xyz, "in the inherent structure particle 2 (A) lies 0.1 from particle 1 (A)");
    test_scratch(dump, sizeof dump, "stretches.safetensors");
    assert_ok(hg_snapshot_read(&s, NULL, first, NULL, mem, NULL));
    s->propensity = s->propensity_half[0] = s->propensity_half[1] = NULL;
    s->split = "test";
    assert_ok(hg_snapshot_write(dump, s, NULL));
    hg_arena_free(mem);
    r = program_run("glass", "evaluate", dump, "--model", model, "--scatter", picture, NULL);
    assert_int_equal(r.code, 3);
    assert_contains(r.err, "1 have no labels");
    remove(dump);
    remove(xyz);
}

static void refusals(void **state) {
    program_result r = program_run("glass", "predict", first, "--model", model, "--time", "1e4", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "from 2.17 to 217");
    r = program_run("glass", "predict", first, "--model", model, "--time", "fast", NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--time fast");
    r = program_run("glass", "train", set, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--out FOLDER");
    r = program_run("glass", "evaluate", set, NULL);
    assert_int_not_equal(r.code, 0);
    assert_contains(r.err, "--model");
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = { TEST(trained_scored_and_used),   TEST(scores_as_pictures),
                                        TEST(networks_on_top),           TEST(botan_is_a_kind_of_model),
                                        TEST(short_times_are_simulated), TEST(the_time_of_labels_is_said),
                                        TEST(maps_do_not_turn),          TEST(what_is_there_is_spared),
                                        TEST(bad_input_is_told),         TEST(refusals) };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
