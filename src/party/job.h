/* party/job.h -- what a user asks of the three servers, and how the answer comes back
 *
 * A job is a signed request. It names what the policy fixes (tier, mode) a second time, so that nobody can say later that the user
 * thought otherwise, and it fixes nothing that the policy does not leave open: kind, batch, nonce, dates.
 * An answer is a server's two slots of the output bits, signed together with the digest of the run's transcript: its OK. The client takes three
 * answers, each slot from two servers, compares the copies and only then puts the bits together.
 */
#ifndef HG_PARTY_JOB_H
#define HG_PARTY_JOB_H
#include "party/policy.h"

/* One table: name, who may ask, whether it costs budget. */
typedef enum {
    HG_JOB_PROPOSE, /* a user: which candidates next? output: batch x (index bits, release bits) */
    HG_JOB_CHECK,   /* an owner: leave-one-out check of its data set `subject`, once; output: one bit a row */
    HG_JOB_STATUS,  /* any member: rows, budgets, epoch; no secret is touched */
    HG_JOB_AUDIT,   /* any member: the server's log; no secret is touched */
    HG_JOB_KINDS
} hg_job_kind;
const char *hg_job_kind_name(hg_job_kind k); /* "propose" */

typedef struct {
    hg_job_kind kind;
    char project[HG_NAME_SIZE], user[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST];
    hg_tier tier;
    hg_mode mode;
    uint32_t batch; /* PROPOSE: 1 .. most_batch; else 0 */
    unsigned char
        nonce[16]; /* a retry of the same job has the same nonce, hence the same digest, and is charged once */
    unsigned char subject[HG_DIGEST]; /* CHECK: the data set; else zero */
    int64_t created, expires;         /* at most HG_JOB_LIFE seconds apart */
} hg_job;
enum { HG_JOB_LIFE = 7 * 24 * 3600, HG_JOB_BYTES = 1024 };

/* The encoding and the signature. */
HG_MUST_CHECK hg_status hg_job_write(hg_text *to, const hg_job *j, const unsigned char secret[HG_SECRET_KEY],
                                     hg_err *err);
/* Shape alone: HG_EPARSE. To find the policy. */
HG_MUST_CHECK hg_status hg_job_peek(hg_job *j, const void *bytes, size_t n, hg_err *err);
/* All: shape, signature of the user by the key that the policy names, project, policy, tier, mode, role, batch, dates. HG_EPARSE,
 * HG_EREFUSED with what is wrong. Budgets and replay are the ledger's. */
HG_MUST_CHECK hg_status hg_job_read(hg_job *j, const hg_policy *p, int64_t now, const void *bytes, size_t n,
                                    hg_err *err);
/* Of the encoding without the signature: names the job in ledgers, logs and transcripts. */
HG_MUST_CHECK hg_status hg_job_digest(unsigned char digest[HG_DIGEST], const hg_job *j, hg_err *err);
/* Where a job stands in the ledgers: by its digest, but the check of a data set by the set's, so that it is made once. */
HG_MUST_CHECK hg_status hg_job_entry(unsigned char entry[HG_DIGEST], const hg_job *j, hg_err *err);
/* Bits of the output: batch * (index bits + release bits) for PROPOSE; rows for CHECK. */
size_t hg_job_output_bits(const hg_job *j, const hg_policy *p, size_t rows);

/* The data sets that an answer on tiers 2 and 3 was computed from, in their order, as a digest: its `tables`. Put one after the other. */
void hg_job_put_set(hg_text *list, const unsigned char id[HG_DIGEST], uint64_t epoch);
HG_MUST_CHECK hg_status hg_job_sets_digest(unsigned char digest[HG_DIGEST], const hg_text *list, hg_err *err);

/* ---- answers -------------------------------------------------------------------------------------------------------------- */

enum { HG_ANSWER_BITS = 1 << 24 }; /* most output bits */

typedef struct {
    unsigned char job[HG_DIGEST], policy[HG_DIGEST];
    unsigned party;
    hg_tier tier;
    hg_mode mode;
    uint64_t rows, datasets; /* that took part; as public as the tier makes them */
    uint64_t budget_left;    /* of the user */
    unsigned char transcript[HG_DIGEST],
        tables[HG_DIGEST]; /* the run's messages as all three saw them; public tables */
    hg_cost cost;
    uint64_t microseconds;
    hg_bits output; /* slots `party` and `party + 1` */
} hg_answer;

HG_MUST_CHECK hg_status hg_answer_write(hg_text *to, const hg_answer *a, const unsigned char secret[HG_SECRET_KEY],
                                        hg_err *err);
/* output is in the arena. HG_EPARSE; HG_EREFUSED when not signed by the server it names. */
HG_MUST_CHECK hg_status hg_answer_read(hg_answer *a, hg_arena *arena, const hg_policy *p, const void *bytes, size_t n,
                                       hg_err *err);
/* bits[(n_bits + 63) / 64] from the three servers' answers to job j. HG_ECHEAT naming the pair when two copies of a slot differ;
 * HG_EREFUSED when an answer is missing, to another job, or of another tier, mode or transcript. */
HG_MUST_CHECK hg_status hg_answer_join(uint64_t *bits, const hg_answer answer[HG_SLOTS], const hg_job *j,
                                       const hg_policy *p, size_t n_bits, hg_err *err);

typedef struct {
    size_t index;           /* of the pool (tier 3: of the entries) */
    bool has_mean;          /* the policy releases it */
    double mean, mean_step; /* units of the property; rounded to this step */
} hg_proposal;
/* proposal[j->batch] out of the joined bits. HG_ECHEAT for an index beyond the pool, one that is no candidate, or one given twice. */
HG_MUST_CHECK hg_status hg_answer_proposals(hg_proposal *proposal, const hg_job *j, const hg_policy *p,
                                            const uint64_t *bits, hg_err *err);
#endif
