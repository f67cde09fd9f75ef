/* tests/fuzz/fuzz_card.c -- any bytes as a model's card: refused with a sentence, or all that is needed */
#include "library/card.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_arena *mem = hg_arena_new();
    hg_card c;
    hg_err err = { 0 };
    const hg_status st = hg_card_read_text(&c, "fuzz", (const char *)bytes, n, mem, &err);
    check(mem != NULL && (st == HG_OK || err.msg[0]));
    if (st == HG_OK) {
        check(c.name && c.architecture && strlen(c.weights_sha256) == 64);
        check(c.n_properties >= 1 && c.n_properties <= HG_PROPERTIES_MOST);
        for (size_t i = 0; i < c.n_properties; i++)
            check(c.property[i].what.symbol && c.property[i].what.name && c.property[i].what.unit);
    }
    hg_arena_free(mem);
    return 0;
}
