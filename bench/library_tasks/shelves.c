/* bench/library_tasks/shelves.c -- tasks query and open: a search among 100,000 cards, and opening a pack of 1,000 models */
#include "files/hash.h"
#include "files/whole.h"
#include "library/index.h"
#include "library/pack.h"
#include "library/rack.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH = 300, PACKED = 1000, CARD = 2000, PROPERTIES = 45, EVERY = 7, REPEATS = 15, MUCH = 64 << 20 };
static const char WORD[] = "perovskite";

/* ---- cards that are made up ------------------------------------------------------------------------------------------- */

static const char *const VOCABULARY[] = {
    "oxide",  "sulfide",  "alloy",    "steel",   "glass",   "polymer",  "molecule", "crystal", "magnet",   "garnet",
    "spinel", "Heusler",  "nitride",  "carbide", "boride",  "hydride",  "halide",   "layered", "cubic",    "hexagonal",
    "doped",  "annealed", "thin",     "film",    "bulk",    "measured", "computed", "PBE",     "database", "journal",
    "phonon", "thermal",  "electric", "optical", "elastic", "surface",  "battery",  "solvent", "catalyst", "ceramic",
};
static const char *const ELEMENTS[] = { "Fe Co Ni O", "Si O Al", "C H N O", "Ti O Ba Sr",
                                        "Cu Zn S Se", "Li P S",  "Mn Fe O" };
static const char *const KINDS[] = { "mlp 1", "ridge 1", "forest 1", "attention 1" };
enum { WORDS = sizeof VOCABULARY / sizeof *VOCABULARY };

typedef struct {
    char name[32], card[CARD];
} model;

static void make_card(model *m, size_t i, const char *weights_hash) {
    hg_rng r = hg_rng_make(5, i);
    const size_t property = i % PROPERTIES;
    const double mae = exp(0.5 * hg_rng_normal(&r)), test = mae * (1 + 0.2 * hg_rng_uniform(&r));
    char words[300] = "";
    for (int k = 0; k < 12; k++) {
        strcat(words, VOCABULARY[hg_rng_below(&r, WORDS)]);
        strcat(words, " ");
    }
    if (i % EVERY == 0) strcat(words, WORD);
    snprintf(m->name, sizeof m->name, "p%02zu-net-%06zu", property, i);
    snprintf(
        m->card, sizeof m->card,
        "{\"schema\": \"hagane.card/1\", \"name\": \"%s\", \"architecture\": \"%s\", \"descriptor\": \"xenonpy290 1\", "
        "\"properties\": [{\"symbol\": \"p%02zu\", \"name\": \"property number %zu\", \"unit\": \"eV\", \"metrics\": ["
        "{\"name\": \"mean absolute error of train\", \"value\": %.6g, \"unit\": \"eV\"}, "
        "{\"name\": \"mean absolute error of validation\", \"value\": %.6g, \"unit\": \"eV\"}, "
        "{\"name\": \"mean absolute error of test\", \"value\": %.6g, \"unit\": \"eV\"}, "
        "{\"name\": \"root mean square error of test\", \"value\": %.6g, \"unit\": \"eV\"}]}], "
        "\"data_source\": \"%s\", \"data_licence\": \"CC-BY-4.0\", \"domain\": {\"elements\": \"%s\"}, "
        "\"weights_sha256\": \"%s\"}",
        m->name, KINDS[hg_rng_below(&r, 4)], property, property, 0.8 * mae, mae, test, 1.4 * test, words,
        ELEMENTS[hg_rng_below(&r, sizeof ELEMENTS / sizeof *ELEMENTS)], weights_hash);
}

typedef struct {
    const char *card;
    const void *weights;
    size_t n_weights;
} content;

static hg_status hand_over(void *ctx, size_t i, hg_pack_sink sink, void *to, hg_err *err) {
    const content *c = ctx;
    return i == 0 ? sink(to, c->card, strlen(c->card), err) : sink(to, c->weights, c->n_weights, err);
}

/* Models first .. first + PACKED - 1; weights NULL: cards alone. */
static void write_pack(const char *path, size_t first, const void *weights, size_t n, const char *hash) {
    static model models[PACKED];
    static content contents[PACKED];
    static hg_pack_file file[PACKED][2];
    static hg_packing packing[PACKED];
    hg_err err;
    for (size_t i = 0; i < PACKED; i++) {
        make_card(&models[i], first + i, hash);
        contents[i] = (content) { models[i].card, weights, n };
        file[i][0] = (hg_pack_file) { .name = "card.json", .size = strlen(models[i].card) };
        file[i][1] = (hg_pack_file) { .name = "weights.safetensors", .size = n };
        must(hg_hash_memory(file[i][0].sha256, models[i].card, strlen(models[i].card), &err), &err);
        memcpy(file[i][1].sha256, hash, HG_HASH_SIZE);
        packing[i] = (hg_packing) { models[i].name, file[i], weights ? 2 : 1, hand_over, &contents[i] };
    }
    must(hg_pack_write(path, packing, PACKED, &err), &err);
}

/* ---- query ------------------------------------------------------------------------------------------------------------ */

/* Milliseconds of one search; a search that finds less than asked for is no measurement. */
static double search(hg_index *x, const hg_index_query *q) {
    hg_arena *mem = hg_arena_new();
    hg_index_hit *hit;
    hg_err err;
    size_t n;
    const double begin = now();
    must(hg_index_search(&hit, &n, x, q, mem, &err), &err);
    const double took = 1e3 * (now() - begin);
    if (n != HG_INDEX_HITS) {
        fprintf(stderr, "bench/library: %zu hits, expected %d\n", n, HG_INDEX_HITS);
        exit(1);
    }
    hg_arena_free(mem);
    return took;
}

static void measure_searches(figures *f, hg_index *x) {
    double took[PROPERTIES];
    for (size_t i = 0; i < PROPERTIES; i++) {
        char property[8];
        snprintf(property, sizeof property, "p%02zu", i);
        const hg_index_query q = { .property = property, .metric = "mae", .least = 0.5, .most = 4, .words = WORD };
        took[i] = search(x, &q);
    }
    note(f, "query_ms_100k", median(took, PROPERTIES));
    note(f, "query_worst_ms_100k", took[PROPERTIES - 1]);
    for (size_t i = 0; i < REPEATS; i++) {
        const hg_index_query q = { .words = WORD };
        took[i] = search(x, &q);
    }
    note(f, "rank_ms_100k", median(took, REPEATS));
}

void run_query(figures *f, const char *folder) {
    const size_t packs = 100;
    char hash[HG_HASH_SIZE], path[2 * PATH];
    double took[REPEATS];
    hg_index *x;
    hg_err err;
    must(hg_hash_memory(hash, "", 0, &err), &err);
    for (size_t i = 0; i < packs; i++) {
        snprintf(path, sizeof path, "%s/%03zu" HG_PACK_SUFFIX, folder, i);
        write_pack(path, i * PACKED, NULL, 0, hash);
    }
    const double begin = now();
    must(hg_index_open(&x, folder, NULL, NULL, &err), &err);
    note(f, "index_s_100k", now() - begin);
    hg_index_free(x);
    for (size_t i = 0; i < REPEATS; i++) {
        const double start = now();
        must(hg_index_open(&x, folder, NULL, NULL, &err), &err);
        took[i] = 1e3 * (now() - start);
        if (i + 1 < REPEATS) hg_index_free(x);
    }
    note(f, "refresh_ms_100k", median(took, REPEATS));
    measure_searches(f, x);
    hg_index_free(x);
}

/* ---- open ------------------------------------------------------------------------------------------------------------- */

static double open_once(const char *path, bool list) {
    hg_arena *mem = hg_arena_new();
    hg_rack *s;
    hg_card card;
    hg_index *x = NULL;
    hg_err err;
    const char *text;
    const double begin = now();
    must(hg_rack_open(&s, path, &err), &err);
    must(hg_racked_card(&card, &text, hg_rack_at(s, PACKED / 2), mem, &err), &err);
    if (list) must(hg_index_open(&x, path, NULL, NULL, &err), &err);
    const double took = 1e3 * (now() - begin);
    if (hg_rack_count(s) != PACKED) exit(1);
    hg_index_free(x);
    hg_rack_free(s);
    hg_arena_free(mem);
    return took;
}

void run_open(figures *f, const char *folder) {
    char path[2 * PATH], hash[HG_HASH_SIZE];
    double took[REPEATS];
    void *weights;
    size_t n;
    hg_rack *s;
    hg_err err;
    must(hg_whole_read(&weights, &n, HG_SOURCE_DIR "/models/qdf2-density/weights.safetensors", MUCH, 0, &err), &err);
    must(hg_hash_memory(hash, weights, n, &err), &err);
    snprintf(path, sizeof path, "%s/models" HG_PACK_SUFFIX, folder);
    write_pack(path, 0, weights, n, hash);
    hg_whole_free(weights, n);
    for (int list = 0; list < 2; list++) {
        for (size_t i = 0; i < REPEATS; i++) took[i] = open_once(path, list);
        note(f, list ? "list_ms_1000" : "open_ms_1000", median(took, REPEATS));
    }
    struct stat st;
    must(hg_rack_open(&s, path, &err), &err);
    const double begin = now();
    for (size_t i = 0; i < PACKED; i++) must(hg_racked_check(hg_rack_at(s, i), &err), &err);
    const double checked = now() - begin;
    hg_rack_free(s);
    if (stat(path, &st) == 0) note(f, "verify_mb_per_s", 1e-6 * (double)st.st_size / checked);
}
