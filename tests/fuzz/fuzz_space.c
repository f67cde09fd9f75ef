/* tests/fuzz/fuzz_space.c -- any bytes as a space file: refused, or a space whose points can be drawn and moved */
#include "hagane/space.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_space *s;
    if (hg_space_read_memory(&s, "fuzz", (const char *)bytes, n, NULL) != HG_OK) return 0;
    hg_table *t, *near;
    if (hg_space_sample(&t, s, 5, 1, NULL) == HG_OK) {
        if (hg_space_neighbours(&near, s, t, 0, 5, 0.1, 1, NULL) != HG_OK) abort(); /* its own point must do */
        hg_table_free(near);
        hg_table_free(t);
    }
    hg_space_free(s);
    return 0;
}
