/* tests/fuzz/fuzz_predictor.c -- any bytes as the weights of a model of tables: refused in words, or rows can be predicted
 *
 * The seeds are such weights without learners that factorise on reading, so that damage is what takes the time.
 */
#include "library/predictor_internal.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { DIMS_MOST = 4096 };

static void check(bool ok) {
    if (!ok) abort();
}

/* What was accepted must stand a prediction. */
static void use(const hg_predictor *p) {
    const size_t d = p->blend.d, outputs = p->classes ? p->classes : 1; /* the sources' values in front */
    if (d > DIMS_MOST) return;
    float *x = calloc(d, sizeof *x);
    double *out = calloc(outputs, sizeof *out);
    const hg_composition iron = { .n = 1, .species = { { .z = 26, .amount = 1 } } };
    const hg_rows wide = { .n = 1,
                           .d = d,
                           .x = x,
                           .sources = p->n_sources,
                           .composition = &iron,
                           .classes = p->classes },
                  rows = { .n = 1, .d = hg_intake_dim(p->intake), .x = x, .composition = &iron };
    hg_signs signs;
    hg_domain_view view;
    check(x && out);
    if (hg_blend_predict(out, &signs, &p->blend, &wide, NULL, NULL) == HG_OK &&
        hg_domain_look(&view, &p->domain, &rows, false, NULL, NULL) == HG_OK)
        (void)hg_bars_half(&p->bars, &signs, 0.9);
    free(x);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_input *in;
    hg_safetensors *s = NULL;
    hg_predictor *p;
    hg_err err = { 0 };
    if (hg_input_open_memory(&in, "fuzz", bytes, n, NULL, NULL) != HG_OK) return 0;
    if (hg_safetensors_read(&s, in, 1 << 24, NULL) == HG_OK) {
        const hg_status st = hg_predictor_of_weights(&p, s, "fuzz", &err);
        check((st == HG_OK) == (p != NULL) && (st == HG_OK || err.msg[0]));
        if (p) use(p);
        hg_predictor_free(p);
        hg_safetensors_free(s);
    }
    hg_input_free(in);
    return 0;
}
