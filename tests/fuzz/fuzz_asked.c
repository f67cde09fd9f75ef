/* tests/fuzz/fuzz_asked.c -- any bytes as a model's recipe: refused with a sentence, or options that may be used */
#include "library/asked.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_arena *mem = hg_arena_new();
    hg_asked a;
    hg_err err = { 0 };
    const hg_status st = hg_asked_read(&a, "fuzz", (const char *)bytes, n, mem, &err);
    check(mem != NULL && (st == HG_OK || err.msg[0]));
    if (st == HG_OK) {
        check(a.target && a.opts.features.n_columns > 0 && a.opts.features.descriptor);
        for (size_t i = 0; i < a.opts.features.n_columns; i++) check(a.opts.features.columns[i] != NULL);
        check(hg_task_name((size_t)a.opts.task) && hg_scale_name((size_t)a.opts.scale));
    }
    hg_arena_free(mem);
    return 0;
}
