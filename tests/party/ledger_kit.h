/* tests/party/ledger_kit.h -- stores with two active sets, and jobs that are charged on them */
#ifndef LEDGER_KIT_H
#define LEDGER_KIT_H
#include "party/audit.h"
#include "party/ledger.h"
#include "store_kit.h"

static kit_set SET[2]; /* of ann and bob */

/* A store with the two sets, active. */
static inline hg_store *new_store(kit *k, const char *name, unsigned party) {
    hg_store *s = kit_create(kit_new(k, name, party));
    for (int i = 0; i < 2; i++) {
        if (!SET[i].value) SET[i] = kit_set_new(i ? "bob" : "ann", 1, 5, 1, 0, 4);
        assert_ok(kit_upload(s, &SET[i], 5, NULL));
        assert_ok(kit_receipts(s, &SET[i], NULL));
    }
    return s;
}

/* Job `number` of carol on both sets, one query, budgets of 10 and 20. */
static inline hg_charge job_of(unsigned number) {
    static unsigned char ids[2][HG_DIGEST];
    hg_charge c = { .queries = 1,
                    .user_budget = 10,
                    .dataset_budget = 20,
                    .deterministic = true,
                    .signed_job = "signed",
                    .signed_n = 6 };
    for (int i = 0; i < 2; i++) memcpy(ids[i], SET[i].d.id, HG_DIGEST);
    memset(c.job, 0x11, HG_DIGEST);
    memcpy(c.job, &number, sizeof number);
    strcpy(c.project, KIT_PROJECT);
    strcpy(c.user, "carol");
    c.dataset = (const unsigned char(*)[HG_DIGEST])ids;
    c.n_datasets = 2;
    return c;
}

static inline uint64_t spent_by(hg_store *s, const char *user) {
    uint64_t x;
    assert_ok(hg_ledger_user(&x, s, KIT_PROJECT, user, NULL));
    return x;
}
static inline uint64_t spent_on(hg_store *s, int set, double *epsilon) {
    uint64_t x;
    double e;
    assert_ok(hg_ledger_dataset(&x, epsilon ? epsilon : &e, s, SET[set].d.id, NULL));
    return x;
}

static inline void assert_logged(hg_store *s, const char *part) {
    hg_text t = hg_text_new(0);
    assert_ok(hg_audit_export(&t, s, 1, NULL, NULL));
    assert_contains(t.s, part);
    hg_text_free(&t);
}

/* As servers do, it looks into the store that hears: it must not be entered meanwhile. */
static inline hg_status any_job(void *self, const hg_charge *c, hg_err *err) {
    hg_project p;
    HG_TRY(hg_store_project(&p, self, c->project, err));
    if (c->signed_n == 6 && memcmp(c->signed_job, "signed", 6) == 0) return HG_OK;
    return hg_fail(err, HG_EREFUSED, "not signed by %s", c->user);
}
#endif
