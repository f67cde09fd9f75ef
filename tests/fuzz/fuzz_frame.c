/* tests/fuzz/fuzz_frame.c -- any bytes as a header, an error, a hello: refused, or what it says is within its bounds and says the same
 * when it is written again */
#include "core/utf8.h"
#include "party/frame.h"
#include "party/ready.h"
#include <stdlib.h>
#include <string.h>

static void check(bool ok) {
    if (!ok) abort();
}

static void try_header(const uint8_t *bytes) {
    hg_frame f;
    unsigned char again[HG_FRAME_HEADER];
    if (hg_frame_read(&f, bytes, 5000, NULL) != HG_OK) return;
    check(f.length <= 5000);
    hg_frame_write(again, &f);
    check(memcmp(again, bytes, sizeof again) == 0);
}

static void try_error(const uint8_t *bytes, size_t n) {
    hg_err e;
    unsigned char again[HG_FRAME_ERROR_MOST];
    if (hg_frame_error_read(&e, bytes, n, NULL) != HG_OK) return;
    check(e.code != HG_OK && e.code < HG_STATUS_COUNT && hg_utf8_valid(e.msg, strlen(e.msg)) == strlen(e.msg));
    check(hg_frame_error_write(again, &e) <= sizeof again);
}

static void try_hello(const uint8_t *bytes, size_t n) {
    hg_hello h;
    unsigned char again[HG_HELLO_SIZE];
    if (hg_hello_read(&h, bytes, n, NULL) != HG_OK) return;
    hg_hello_write(again, &h);
    check(memcmp(again, bytes, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n == HG_FRAME_HEADER) try_header(bytes);
    try_error(bytes, n);
    try_hello(bytes, n);
    return 0;
}
