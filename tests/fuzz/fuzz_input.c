/* tests/fuzz/fuzz_input.c -- any bytes as a compressed file: within the limits, and the same in one piece or in many */
#include "files/input.h"
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 18 };
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hg_status drain(unsigned char *out, size_t *n, const uint8_t *bytes, size_t size, size_t chunk, size_t piece) {
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    hg_err err = { 0 };
    o.max_bytes = MOST;
    o.max_memory = 16 << 20;
    o.chunk = chunk;
    *n = 0;
    HG_TRY(hg_input_open_memory(&in, "fuzz", bytes, size, &o, &err));
    hg_status st;
    size_t got;
    do {
        st = hg_input_read(&got, in, out + *n, piece, &err);
        if (st == HG_OK) *n += got;
    } while (st == HG_OK && got == piece);
    if (st != HG_OK && !err.msg[0]) abort();
    hg_input_free(in);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned char a[2 * MOST], b[2 * MOST];
    size_t na, nb;
    if (size == 0) return 0;
    const hg_status st = drain(a, &na, data + 1, size - 1, 1 << 16, MOST);
    if (drain(b, &nb, data + 1, size - 1, 1 + data[0] % 64, 1 + data[0] / 4) != st) abort();
    if (st == HG_OK && (na != nb || memcmp(a, b, na) != 0)) abort();
    return 0;
}
