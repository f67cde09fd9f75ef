/* tests/fuzz/fuzz_gossip.c -- any bytes as what a server tells another about data sets, jobs and refreshes; nothing stays of what is wrong
 *
 * The first byte says what the rest is. The store lies in a folder of its own, made at the first call.
 */
#include "party/epoch.h"
#include "party/ledger.h"
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/hagane-fuzz-XXXXXX";
static hg_store *store;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void close_store(void) {
    hg_store_free(store);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int64_t now(void *self) {
    (void)self;
    return 1732233600;
}

static void open_store(void) {
    static const unsigned char master[HG_MASTER_KEY] = { 1 }, seed[32] = { 2 }, policy[HG_DIGEST] = { 3 },
                               id[HG_DIGEST] = { 4 };
    static const uint64_t word[3] = { 5, 6, 7 };
    const uint64_t *const slot[2] = { word, word };
    unsigned char key[HG_PUBLIC_KEY], secret[HG_SECRET_KEY];
    crypto_sign_seed_keypair(key, secret, seed);
    const hg_store_opts o = {
        .create = true, .master_key = master, .secret_key = secret, .world = { .now = now, .monotonic_ms = now }
    };
    hg_stored d = { .limbs = 3, .elements = 1, .owner = "ann", .project = "magnets", .sequence = 1 };
    hg_stage *g;
    if (!mkdtemp(folder) || hg_store_open(&store, folder, &o, NULL) != HG_OK ||
        hg_store_policy_put(store, "magnets", policy, "text", 4, NULL) != HG_OK ||
        hg_stage_new(&g, store, &d, NULL) != HG_OK || hg_stage_add(g, slot, NULL, 1, NULL) != HG_OK ||
        hg_stage_commit(g, id, "statement", 9, NULL) != HG_OK)
        abort();
    hg_stage_free(g);
    atexit(close_store);
}

static hg_status no_receipt(void *self, const unsigned char *id, unsigned party, const void *bytes, size_t n,
                            hg_err *err) {
    (void)self;
    (void)id;
    (void)party;
    (void)bytes;
    (void)n;
    return hg_fail(err, HG_EREFUSED, "not signed");
}
static hg_status no_withdrawal(void *self, const unsigned char *id, const void *bytes, size_t n, hg_err *err) {
    return no_receipt(self, id, 0, bytes, n, err);
}
static hg_status no_job(void *self, const hg_charge *c, hg_err *err) {
    return no_receipt(self, c->job, 0, c->signed_job, c->signed_n, err);
}

static void hear_refresh(const uint8_t *bytes, size_t n) {
    unsigned char fixed[HG_REFRESH_SIZE] = { 0 };
    hg_refresh said, now_;
    memcpy(fixed, bytes, n < sizeof fixed ? n : sizeof fixed);
    if (hg_refresh_unpack(&said, fixed, NULL) == HG_OK) (void)!hg_epoch_hear(&now_, store, 1, &said, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static const unsigned char seed[HG_SEED] = { 8 };
    const hg_hear_opts hear = { .receipt = no_receipt, .withdrawal = no_withdrawal };
    const hg_merge_opts merge = { .job = no_job, .from = 1 };
    bool changed = false;
    size_t added = 0;
    if (!store) open_store();
    if (n < 1) return 0;
    switch (bytes[0] % 4) {
    case 0: (void)!hg_store_hear(&changed, store, "magnets", bytes + 1, n - 1, &hear, NULL); break;
    case 1: (void)!hg_ledger_merge(&added, store, "magnets", bytes + 1, n - 1, &merge, NULL); break;
    case 2:
        if (hg_epoch_begin(store, bytes + 1, n - 1, seed, NULL) == HG_OK &&
            hg_epoch_refuse(store, "magnets", "a test", NULL) != HG_OK)
            abort();
        break;
    default: hear_refresh(bytes + 1, n - 1);
    }
    if (changed || added) abort(); /* nothing was signed */
    return 0;
}
