/* tests/fuzz/fuzz_snapshot_set.c -- any bytes as the index of an ensemble in a folder, beside short files of numbers */
#include "hagane/snapshot_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

static void put(const char *folder, const char *name, const uint8_t *bytes, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    check(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

static void drop(const char *folder, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    char folder[] = "/tmp/hagane-fuzz-XXXXXX";
    uint8_t body[2048];
    const float x[6] = { 1, 1, 1, 5, 5, 5 };
    hg_snapshot_set *set;
    hg_err err = { 0 };
    check(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < sizeof body; i++) body[i] = i % 4 == 2 ? (uint8_t)(i / 8) : 0;
    memcpy(body, x, sizeof x);
    put(folder, "index.json", bytes, n);
    put(folder, "nodes.bin", body, sizeof body);
    put(folder, "edges.bin", body, sizeof body);
    const hg_status st = hg_snapshot_set_open(&set, folder, NULL, &err);
    check((st == HG_OK) == (set != NULL) && (st == HG_OK || err.msg[0]));
    for (size_t k = set ? hg_snapshot_set_count(set) : 0; k-- > 0;) {
        hg_arena *mem = hg_arena_new();
        hg_snapshot *s;
        const hg_status read = hg_snapshot_set_read(&s, set, k, mem, &err);
        check((read == HG_OK) == (s != NULL) && (read == HG_OK || err.msg[0]));
        if (s) check(hg_snapshot_check(s, 0, 0, NULL) == HG_OK);
        hg_arena_free(mem);
    }
    hg_snapshot_set_free(set);
    drop(folder, "index.json");
    drop(folder, "nodes.bin");
    drop(folder, "edges.bin");
    rmdir(folder);
    return 0;
}
