/* tests/fuzz/fuzz_json_read.c -- any bytes as JSON: refused with its place, or events that nest, and texts that fit */
#include "core/utf8.h"
#include "files/json_read.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_json_reader r;
    hg_err err = { 0 };
    long level = 0;
    hg_json_read_begin(&r, "fuzz", (const char *)bytes, n);
    for (;;) {
        if (hg_json_read_next(&r, &err) != HG_OK) {
            check(err.line > 0 && err.column > 0);
            break;
        }
        if (r.event == HG_JSON_DONE) {
            check(level == 0);
            break;
        }
        level += r.event == HG_JSON_OBJECT || r.event == HG_JSON_ARRAY;
        level -= r.event == HG_JSON_OBJECT_END || r.event == HG_JSON_ARRAY_END;
        check(level >= 0 && level <= HG_JSON_READ_DEPTH);
        if (r.event == HG_JSON_KEY || r.event == HG_JSON_STRING) {
            char *text = malloc(r.len + 1);
            check(text != NULL);
            const size_t len = hg_json_read_text(text, &r);
            check(len <= r.len && strlen(text) == len && hg_utf8_valid(text, len) == len);
            free(text);
        }
        double x;
        uint64_t w;
        if (r.event == HG_JSON_NUMBER && hg_json_read_whole(&w, &r, NULL) == HG_OK)
            check(hg_json_read_real(&x, &r, NULL) == HG_OK && x >= 0);
    }
    return 0;
}
