/* tests/fuzz/fuzz_policy.c -- any bytes as a policy: refused with a sentence, or one that is written, read and written the same */
#include "party/policy.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const hg_policy *p) {
    hg_text once = hg_text_new(0), twice = hg_text_new(0), words = hg_text_new(0);
    hg_policy *q;
    hg_err err = { 0 };
    if (hg_policy_write(&once, p, &err) != HG_OK) abort();
    if (hg_policy_read(&q, "again", once.s, once.len, &err) != HG_OK) abort();
    if (hg_policy_write(&twice, q, &err) != HG_OK || strcmp(once.s, twice.s) != 0) abort();
    if (memcmp(p->digest, q->digest, HG_DIGEST) != 0 || hg_policy_succeeds(q, p, NULL) == HG_OK) abort();
    if (hg_policy_verify(q, once.s, once.len, q->not_before, &err) == HG_OK) abort(); /* nobody signed */
    if (hg_policy_show(&words, q, &err) != HG_OK || words.len == 0) abort();
    hg_policy_free(q);
    hg_text_free(&once);
    hg_text_free(&twice);
    hg_text_free(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hg_policy *p;
    hg_err err = { 0 };
    bool has_signed[HG_MEMBERS_MOST];
    const hg_status st = hg_policy_read(&p, "fuzz", data, size, &err);
    if ((st == HG_OK) != (p != NULL) || (st != HG_OK && !err.msg[0])) abort();
    if (!p) return 0;
    if (p->n_members > HG_MEMBERS_MOST || !hg_policy_server(p, 2) || p->n_pool > HG_POOL_MOST) abort();
    const hg_status signatures = hg_policy_signatures(has_signed, p, data, size, &err);
    if (signatures != HG_OK && signatures != HG_EREFUSED) abort();
    write_again(p);
    hg_policy_free(p);
    return 0;
}
