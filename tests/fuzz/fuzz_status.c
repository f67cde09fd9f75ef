/* tests/fuzz/fuzz_status.c -- any bytes as a server's status, or as its list of data sets: refused, or the same when written again */
#include "party/status.h"
#include <stdlib.h>
#include <string.h>

static void same(const hg_text *t, const uint8_t *bytes, size_t n) {
    if (t->failed || t->len != n || memcmp(t->s, bytes, n) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_arena *arena = hg_arena_new();
    hg_text again = hg_text_new(0);
    hg_server_status s;
    hg_dataset_status *set;
    size_t n_sets;
    if (hg_server_status_read(&s, arena, bytes, n, NULL) == HG_OK) {
        hg_server_status_write(&again, &s);
        same(&again, bytes, n);
    } else if (hg_dataset_status_read(&set, &n_sets, arena, bytes, n, NULL) == HG_OK) {
        hg_dataset_status_write(&again, set, n_sets);
        same(&again, bytes, n);
    }
    hg_text_free(&again);
    hg_arena_free(arena);
    return 0;
}
