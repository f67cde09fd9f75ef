/* tests/fuzz/fuzz_job.c -- any bytes as a job, an answer, a receipt, a withdrawal or a data set's statement
 *
 * The first byte picks which; the rest is the message. It is read as it is, and once more with a signature put behind it, so that what
 * stands behind the signature check is reached. What is taken is written again: one value has one encoding. */
#include "party/job.h"
#include "party/statement.h"
#include "party_policy.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef hg_status (*read_again)(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err);
static const unsigned char NO_KEY[HG_SECRET_KEY];

static hg_status job(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_job j;
    const int64_t now = p->not_before + 1000000;
    const hg_status shape = hg_job_peek(&j, bytes, n, err), st = hg_job_read(&j, p, now, bytes, n, err);
    if (shape != HG_OK && st == HG_OK) abort();
    return st == HG_OK ? hg_job_write(out, &j, NO_KEY, err) : st;
}

static hg_status answer(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_answer a;
    hg_arena *arena = hg_arena_new();
    hg_status st = hg_answer_read(&a, arena, p, bytes, n, err);
    if (st == HG_OK) st = hg_answer_write(out, &a, NO_KEY, err);
    hg_arena_free(arena);
    return st;
}

static hg_status receipt(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_receipt r;
    const hg_status st = hg_receipt_read(&r, p, bytes, n, err);
    return st == HG_OK ? hg_receipt_write(out, &r, NO_KEY, err) : st;
}

static hg_status withdrawal(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_withdrawal w;
    const hg_status st = hg_withdrawal_read(&w, p, bytes, n, err);
    return st == HG_OK ? hg_withdrawal_write(out, &w, NO_KEY, err) : st;
}

/* Signed by the reader of share files, not here: a signature of no meaning is put behind it. */
static hg_status dataset(hg_text *out, const hg_policy *p, const void *bytes, size_t n, hg_err *err) {
    hg_dataset d;
    if (n < HG_SIGNATURE) return hg_fail(err, HG_EPARSE, "short");
    hg_status st = hg_dataset_decode(&d, bytes, n - HG_SIGNATURE, err);
    if (st != HG_OK) return st;
    const hg_status fits = hg_dataset_check(&d, p, err);
    if (fits != HG_OK && fits != HG_EREFUSED && fits != HG_ELIMIT) abort();
    st = hg_dataset_encode(out, &d, err);
    hg_put_bytes(out, NO_KEY, HG_SIGNATURE);
    return st;
}

static const struct {
    read_again read;
    const char *what;
    unsigned signer; /* besides, each server's receipt and answer: signer + the message's party is not known here */
} KINDS[] = { { job, "job", FUZZ_OWNER },
              { answer, "answer", 0 },
              { receipt, "receipt", 0 },
              { withdrawal, "withdrawal", FUZZ_OWNER },
              { dataset, "dataset", FUZZ_OWNER } };

static void check(size_t kind, const hg_policy *p, const unsigned char *bytes, size_t n) {
    hg_text out = hg_text_new(0);
    hg_err err = { 0 };
    const hg_status st = KINDS[kind].read(&out, p, bytes, n, &err);
    if (st != HG_OK && st != HG_EPARSE && st != HG_EREFUSED) abort();
    if (st != HG_OK && !err.msg[0]) abort();
    if (st == HG_OK && (out.len != n || memcmp(out.s, bytes, n - HG_SIGNATURE) != 0)) abort();
    hg_text_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const hg_policy *p;
    unsigned char secret[HG_SECRET_KEY], seal_secret[32], key[32], seal[32], signature[HG_SIGNATURE];
    if (!p) p = fuzz_policy("indices");
    if (size == 0) return 0;
    const size_t kind = data[0] % (sizeof KINDS / sizeof *KINDS), n = size - 1;
    unsigned char *bytes = malloc(n + HG_SIGNATURE);
    if (!bytes) return 0;
    if (n) memcpy(bytes, data + 1, n);
    check(kind, p, bytes, n);
    fuzz_keys(secret, seal_secret, key, seal, KINDS[kind].signer);
    hg_sign(signature, KINDS[kind].what, bytes, n, secret);
    memcpy(bytes + n, signature, HG_SIGNATURE);
    check(kind, p, bytes, n + HG_SIGNATURE);
    free(bytes);
    return 0;
}
