/* party/serve_work.h -- one job on this server, and what each tier does with it */
#ifndef HG_PARTY_SERVE_WORK_H
#define HG_PARTY_SERVE_WORK_H
#include "party/ledger.h"
#include "party/serve.h"
#include "party/states.h"
#include "party/tables.h"

/* What a draw needs, the same in every attempt: party/serve_coins.c. */
typedef struct {
    hg_share seed;    /* one element of one limb; n = 0: none is needed */
    hg_bits noise;    /* likewise */
    unsigned ordinal; /* which drawing of this job it is */
    bool fresh;       /* drawn just now, not kept yet */
    bool again;       /* some server says that it has some of an earlier attempt, which the others lack: paid again */
} hg_coins;

typedef struct {
    hg_server *server;
    const void *bytes; /* the signed job */
    size_t n_bytes;
    hg_job job;
    unsigned char digest[HG_DIGEST]; /* the job's */
    unsigned char entry[HG_DIGEST];  /* its place in the ledger: hg_job_entry */
    char name[HG_SHORT_SIZE];        /* the digest's first digits */
    hg_policy *policy;
    hg_rows rows;
    size_t subject;      /* CHECK: which set */
    hg_table *tables;    /* tier 1 */
    hg_held_state *held; /* tiers 2 and 3 */
    bool remade;         /* that state was begun or grown by this job */
    hg_attempt attempt;
    hg_charged charged;
    hg_coins coins;
    unsigned char public_digest[HG_DIGEST]; /* of everything public that the job computes with */
    const char *phase;                      /* for the log, when it ends badly */
    int64_t began;
} hg_work;

/* ---- tiers: one record each ----------------------------------------------------------------------------------------------- */

typedef struct {
    /* Public tables or the state of the pool, with the rows loaded; fills public_digest. */
    hg_status (*prepare)(hg_work *w, hg_err *err);
    bool (*needs_seed)(const hg_work *w);
    size_t (*noise_bits)(const hg_work *w);
    hg_status (*draw_noise)(hg_bits *noise, hg_work *w, hg_run *run, hg_err *err);
    /* The output's bits, still shared and not verified. */
    hg_status (*propose)(hg_bits *output, hg_work *w, hg_run *run, hg_err *err);
    hg_status (*check)(hg_bits *output, hg_work *w, hg_run *run, hg_err *err); /* NULL: not on this tier */
    void (*release)(hg_work *w, bool verified);                                /* in any case, in the end */
} hg_tier_record;
const hg_tier_record *hg_tier_record_of(hg_tier t);
extern const hg_tier_record hg_tier1_record, hg_tier2_record, hg_tier3_record;

/* Bits of several sharings, one behind the other. Local. */
HG_MUST_CHECK hg_status hg_bits_join(hg_bits *out, hg_run *run, const hg_bits *part, size_t n, hg_err *err);

/* What a job costs: queries, epsilon, and whether a retry says the same. */
void hg_serve_price(hg_charge *c, const hg_policy *p, const hg_job *j);
/* What a member may spend: an owner who is no user has no budget of that kind to spare, and checks his own data. */
uint64_t hg_serve_budget(const hg_policy *p, const hg_member *m);

/* ---- coins ------------------------------------------------------------------------------------------------------------------ */

/* Those of an earlier attempt when all three have kept them, else new ones. */
HG_MUST_CHECK hg_status hg_coins_get(hg_work *w, hg_run *run, hg_err *err);
/* After the charge and before the others hear of it. */
HG_MUST_CHECK hg_status hg_coins_keep(const hg_work *w, hg_err *err);
#endif
