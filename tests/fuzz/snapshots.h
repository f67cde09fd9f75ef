/* tests/fuzz/snapshots.h -- any bytes as a snapshot of one format: refused with a sentence, or sound */
#ifndef HG_FUZZ_SNAPSHOTS_H
#define HG_FUZZ_SNAPSHOTS_H
#include "files/codec.h"
#include "hagane/snapshot_file.h"
#include <stdlib.h>
#include <string.h>

static inline void must(bool ok) {
    if (!ok) abort();
}

/* format NULL: by content */
static inline void fuzz_snapshot(const char *format, const uint8_t *bytes, size_t n) {
    if (hg_codec_of(bytes, n)) return; /* fuzz_input looks at that */
    hg_snapshot_opts o = hg_snapshot_opts_default();
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    hg_err err = { 0 };
    const char *words = NULL;
    o.format = format;
    o.max_bytes = 1 << 20;
    o.label_time = 1;
    const hg_status st = hg_snapshot_read_memory(&s, &words, "fuzz.T0.44_tc07", bytes, n, &o, mem, &err);
    must((st == HG_OK) == (s != NULL) && (st == HG_OK || err.msg[0]));
    if (s)
        must(hg_snapshot_check(s, o.nearest, 0, NULL) == HG_OK && strlen(s->id) + strlen(s->split) + strlen(words) > 0);
    hg_arena_free(mem);
}
#endif
