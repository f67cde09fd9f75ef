/* party/ledger.h -- who asked what, at which price: budgets that no crash and no single server forgets
 *
 * A job (its digest) is charged on all three servers, on disk, before any message depends on a secret. What is spent is a sum
 * over jobs, so that ledgers of three servers are merged by union of jobs and maximum of counts: a job that one server
 * missed is known again after the next merge, a job charged thrice counts once. Numbers only grow.
 *   - the same job again: free when it is deterministic (nothing new can be learnt), charged again when not, or when it says so;
 *   - first attempt and HG_RETRIES more, then the operators decide (hg_ledger_allow);
 *   - an answered job is never run again: HG_EREFUSED.
 * All in a project's budget is in queries; a batch of q costs q. Epsilon (differential privacy) is kept in 1e-9, rounded up.
 */
#ifndef HG_PARTY_LEDGER_H
#define HG_PARTY_LEDGER_H
#include "party/store.h"

enum {
    HG_RETRIES = 3,
    HG_CHARGE_DATASETS_MOST = 4096,
    HG_JOB_MOST = 64 << 10,
    HG_QUERIES_MOST = 1000000,
    HG_EPSILON_MOST = 1000000
};

typedef enum { HG_JOB_CHARGED, HG_JOB_ANSWERED, HG_JOB_STATES } hg_job_state;

typedef struct {
    unsigned char job[HG_DIGEST];
    char project[HG_NAME_SIZE], user[HG_NAME_SIZE];
    const unsigned char (*dataset)[HG_DIGEST]; /* [n_datasets] that take part */
    size_t n_datasets;
    uint64_t queries;       /* price, >= 1 */
    double epsilon;         /* price in differential privacy of each data set; 0: none */
    bool deterministic;     /* a retry gives the same messages to the user */
    bool again;             /* but not this one: what it draws, it draws anew. Charged again, too */
    const void *signed_job; /* [signed_n] the user's signed request, told to the others as proof */
    size_t signed_n;
    /* limits, from the policy; what is already spent and this price must not exceed them */
    uint64_t user_budget, dataset_budget;
    double epsilon_budget; /* 0: epsilon must be 0 */
} hg_charge;

typedef struct {
    unsigned attempt; /* 1: the first */
    bool free;        /* nothing was charged now */
    uint64_t user_left;
} hg_charged;

/* On the disk when HG_OK comes back. HG_EREFUSED: budget (which one, in words), answered before, too many attempts, another
 * price than before for this digest. A refusal is in the audit log too. */
HG_MUST_CHECK hg_status hg_ledger_charge(hg_charged *out, hg_store *s, const hg_charge *c, hg_err *err);
/* The job is done: its user has the answer. transcript: what this server signed. What was kept for the job is erased. The same again: nothing
 * happens. */
HG_MUST_CHECK hg_status hg_ledger_answer(hg_store *s, const unsigned char job[HG_DIGEST],
                                         const unsigned char transcript[HG_DIGEST], hg_err *err);
/* The attempt ended without an answer: log entry with the phase in words. The charge stays. */
HG_MUST_CHECK hg_status hg_ledger_abort(hg_store *s, const unsigned char job[HG_DIGEST], const char *phase,
                                        const char *reason, hg_err *err);
/* The operator lets a job that used its attempts run again. Log entry. */
HG_MUST_CHECK hg_status hg_ledger_allow(hg_store *s, const unsigned char job[HG_DIGEST], hg_err *err);

typedef struct {
    unsigned char job[HG_DIGEST];
    char project[HG_NAME_SIZE], user[HG_NAME_SIZE];
    hg_job_state state;
    unsigned attempts;
    uint64_t queries, times; /* price and how often it was charged */
    int64_t since;
} hg_job_record;
HG_MUST_CHECK hg_status hg_ledger_job(hg_job_record *out, hg_store *s, const unsigned char job[HG_DIGEST],
                                      hg_err *err); /* HG_ENOTFOUND */
/* The data sets that took part in it, withdrawn ones too; memory from the arena. HG_ENOTFOUND. */
HG_MUST_CHECK hg_status hg_ledger_sets(unsigned char (**id)[HG_DIGEST], size_t *n, hg_store *s,
                                       const unsigned char job[HG_DIGEST], hg_arena *mem, hg_err *err);
/* The one job whose digest begins with these hexadecimal digits, at least 8. HG_EINVAL, HG_ENOTFOUND, HG_EDATA: several. */
HG_MUST_CHECK hg_status hg_ledger_named(unsigned char job[HG_DIGEST], hg_store *s, const char *digits, hg_err *err);

/* Queries of a user in a project; of a data set; epsilon of a data set (rounded up). */
HG_MUST_CHECK hg_status hg_ledger_user(uint64_t *spent, hg_store *s, const char *project, const char *user,
                                       hg_err *err);
HG_MUST_CHECK hg_status hg_ledger_dataset(uint64_t *spent, double *epsilon, hg_store *s,
                                          const unsigned char dataset[HG_DIGEST], hg_err *err);

/* Shares that belong to a job and must be the same in a retry (seeds, noise), encrypted; erased by hg_ledger_answer. name: as of
 * a member. The first bytes stay: a second put returns HG_EREFUSED. get: HG_ENOTFOUND. */
HG_MUST_CHECK hg_status hg_ledger_keep(hg_store *s, const unsigned char job[HG_DIGEST], const char *name,
                                       const void *bytes, size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_ledger_kept(hg_text *bytes, hg_store *s, const unsigned char job[HG_DIGEST],
                                       const char *name, hg_err *err);

/* ---- the neighbours' ledgers ------------------------------------------------------------------------------------------- */

/* Digest of all jobs of a project (job, state, times, attempts): equal ledgers need no merge. */
HG_MUST_CHECK hg_status hg_ledger_digest(unsigned char digest[HG_DIGEST], hg_store *s, const char *project,
                                         hg_err *err);
/* All jobs of a project, appended to *bytes. */
HG_MUST_CHECK hg_status hg_ledger_export(hg_text *bytes, hg_store *s, const char *project, hg_err *err);
/* Hostile bytes. job: says whether the signed request really is one of that user in that project with that digest and that price
 * (HG_OK); a neighbour must not invent jobs; it may use the store. HG_ENOTFOUND: nothing is known for or against it, and it is passed over.
 * NULL: none is taken on trust, HG_EINVAL. Nothing is taken when anything is wrong (HG_EPARSE, HG_EREFUSED). budget: of this user; a job
 * that would exceed it is passed over, else a user and one server could spend the data sets' budgets without end. NULL: no limit. Times and
 * attempts are believed up to the number of attempts that are allowed here. added: jobs or counts that were new here. */
typedef struct {
    hg_status (*job)(void *self, const hg_charge *c, hg_err *err);
    uint64_t (*budget)(void *self, const char *user);
    void *self;
    unsigned from; /* the neighbour, for the log */
} hg_merge_opts;
HG_MUST_CHECK hg_status hg_ledger_merge(size_t *added, hg_store *s, const char *project, const void *bytes, size_t n,
                                        const hg_merge_opts *o, hg_err *err);
#endif
