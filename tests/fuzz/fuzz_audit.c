/* tests/fuzz/fuzz_audit.c -- any bytes as an exported audit log: refused, or a log that can be put into words and compared */
#include "party/audit.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    hg_audit_log *l, copy[HG_SLOTS];
    hg_audit_head head;
    size_t differences;
    if (hg_audit_read(&l, "fuzz", bytes, n, NULL) != HG_OK) return 0;
    hg_text words = hg_text_new(0);
    hg_audit_words(&words, l);
    for (unsigned k = 0; k < HG_SLOTS; k++) {
        copy[k] = *l;
        copy[k].party = k;
    }
    const hg_audit_log *const log[HG_SLOTS] = { &copy[0], &copy[1], &copy[2] };
    if (hg_audit_compare(&words, &differences, log, NULL) != HG_OK || differences)
        abort(); /* a log agrees with itself */
    /* what verifies goes on from its own head */
    if (hg_audit_verify(&head, l, l->key, "magnets", NULL, NULL) == HG_OK &&
        hg_audit_verify(NULL, l, l->key, "magnets", &head, NULL) != HG_OK)
        abort();
    hg_text_free(&words);
    hg_audit_log_free(l);
    return 0;
}
