/* tests/fuzz/fuzz_safetensors.c -- any bytes as a file of tensors: refused with a sentence, or what it says lies within it and
 * says the same when it is written again */
#include "files/codec.h"
#include "files/safetensors.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool ok) {
    if (!ok) abort();
}

static hg_status read_tensors(hg_safetensors **s, const uint8_t *bytes, size_t n, size_t chunk, hg_err *err) {
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    o.chunk = chunk;
    o.max_bytes = 1 << 22;
    *s = NULL;
    HG_TRY(hg_input_open_memory(&in, "fuzz", bytes, n, &o, err));
    const hg_status st = hg_safetensors_read(s, in, 1 << 20, err);
    hg_input_free(in);
    return st;
}

/* Every byte of every tensor, so that the sanitizer sees one that is not there. */
static unsigned use(const hg_safetensors *s) {
    unsigned sum = 0;
    for (size_t i = 0; i < hg_safetensors_count(s); i++) {
        const hg_stored *t = hg_safetensors_at(s, i);
        const unsigned char *b = t->data;
        check(hg_safetensors_find(s, t->name) == t);
        check((uintptr_t)t->data % hg_stored_type_size(t->type) == 0);
        for (size_t k = 0; k < t->count * hg_stored_type_size(t->type); k++) sum = 31 * sum + b[k];
        float *f = malloc((t->count + 1) * sizeof *f);
        if (f && hg_stored_floats(f, t, NULL) != HG_OK) check(t->type > HG_STORED_BF16);
        free(f);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (hg_codec_of(bytes, n)) return 0; /* where damage is noticed depends on the pieces; fuzz_input looks at that */
    hg_safetensors *whole, *pieces;
    hg_err a = { 0 }, b = { 0 };
    const hg_status st = read_tensors(&whole, bytes, n, 1 << 16, &a);
    check(read_tensors(&pieces, bytes, n, 1 + n % 13, &b) == st && strcmp(a.msg, b.msg) == 0);
    check((st == HG_OK) == (whole != NULL) && (st == HG_OK || a.msg[0]));
    if (whole) check(use(whole) == use(pieces));
    hg_safetensors_free(whole);
    hg_safetensors_free(pieces);
    return 0;
}
