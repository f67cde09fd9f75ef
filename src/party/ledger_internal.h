/* party/ledger_internal.h -- what ledger.c and ledger_merge.c share: a job's line in the table */
#ifndef HG_PARTY_LEDGER_INTERNAL_H
#define HG_PARTY_LEDGER_INTERNAL_H
#include "party/store_internal.h"

typedef struct {
    hg_job_record job;
    unsigned most;    /* attempts that are allowed here */
    uint64_t epsilon; /* price, in 1e-9 */
    bool deterministic;
} hg_ledger_row;

/* All of these: entered, in a transaction where they write. */
HG_MUST_CHECK hg_status hg_ledger_find(hg_ledger_row *out, bool *found, hg_store *s, const unsigned char *job,
                                       hg_err *err);
HG_MUST_CHECK hg_status hg_ledger_same_sets(bool *same, hg_store *s, const hg_charge *c, hg_err *err);
HG_MUST_CHECK hg_status hg_ledger_insert(hg_store *s, const hg_charge *c, const hg_ledger_row *r, hg_err *err);
/* What a user has spent in a project. */
HG_MUST_CHECK hg_status hg_ledger_spent(uint64_t *spent, hg_store *s, const char *project, const char *user,
                                        hg_err *err);
HG_MUST_CHECK hg_status hg_ledger_update(hg_store *s, const hg_ledger_row *r, hg_err *err); /* state and counts */
HG_MUST_CHECK hg_status hg_ledger_mark_answered(hg_store *s, const unsigned char *job, const unsigned char *transcript,
                                                unsigned from, hg_err *err); /* from: who said so, a party */

HG_MUST_CHECK hg_status hg_charge_check(const hg_charge *c, hg_err *err);
void hg_charge_note(hg_audit_note *n, const hg_charge *c);
uint64_t hg_epsilon_units(double epsilon); /* 1e-9, rounded up */
double hg_epsilon_of_units(uint64_t units);
#endif
