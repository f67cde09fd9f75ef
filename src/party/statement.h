/* party/statement.h -- short signed statements: what a data set is, its withdrawal, a server's receipt
 *
 * Each has one encoding; what is signed is that encoding (party/encode.h) with the kind of statement in front of it.
 */
#ifndef HG_PARTY_STATEMENT_H
#define HG_PARTY_STATEMENT_H
#include "party/policy.h"

/* What the rows of a share file are. One table: hg_shares_words. */
typedef enum {
    HG_SHARES_ROWS,       /* an owner's measured rows */
    HG_SHARES_MEASURED,   /* what a user measured after an answer; like rows, on pool entries */
    HG_SHARES_CANDIDATES, /* tier 3: candidates that only their owner knows; no property */
    HG_SHARES_KINDS
} hg_shares_kind;
const char *hg_shares_words(hg_shares_kind k); /* "measured rows of an owner" */
/* May this member share this kind under this policy? HG_EREFUSED. */
HG_MUST_CHECK hg_status hg_shares_allowed(const hg_policy *p, const hg_member *m, hg_shares_kind k, hg_err *err);

/* The same statement stands in the three share files of a data set, signed once. Its digest is the data set's id: servers that
 * hold the same id and found their own file in order hold shares of the same values (party/sharefile.h says why). */
typedef struct {
    char project[HG_NAME_SIZE], owner[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST];
    hg_tier tier;
    hg_shares_kind kind;
    uint32_t epoch;    /* of the servers' sealing keys, as the owner knew it */
    int64_t created;   /* seconds since 1970, the owner's clock */
    uint64_t sequence; /* counts an owner's files in a project; a server refuses one that it has seen */
    unsigned char nonce[16], for_job[HG_DIGEST]; /* for_job: of HG_SHARES_MEASURED, the answered job; else zero */
    uint64_t rows;                               /* as shared: padded on tiers 2 and 3 */
    unsigned char body[HG_SLOTS][HG_DIGEST]; /* of each server's file up to its trailer: header and encrypted chunks */
    unsigned char slot[HG_SLOTS]
                      [HG_DIGEST]; /* commitments to the three slots, each with a salt that its two holders know */
    unsigned char open[HG_DIGEST]; /* digest of what is public in the rows: pool indices on tier 1 */
} hg_dataset;

HG_MUST_CHECK hg_status hg_dataset_encode(hg_text *to, const hg_dataset *d, hg_err *err);
HG_MUST_CHECK hg_status hg_dataset_decode(hg_dataset *d, const void *bytes, size_t n, hg_err *err); /* HG_EPARSE */
HG_MUST_CHECK hg_status hg_dataset_id(unsigned char id[HG_DIGEST], const hg_dataset *d, hg_err *err);
/* The encoding with its owner's signature behind it, as share files end with it and servers keep it. Shape, signature and
 * hg_dataset_check. HG_EPARSE, HG_EREFUSED, HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_dataset_read(hg_dataset *d, const hg_policy *p, const void *bytes, size_t n, hg_err *err);
/* Project, policy, tier, kind and rows fit the policy, and the owner may share this kind. HG_EREFUSED, HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_dataset_check(const hg_dataset *d, const hg_policy *p, hg_err *err);

/* "Erase my data set." From its owner to the three servers. */
typedef struct {
    char project[HG_NAME_SIZE], owner[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST], dataset[HG_DIGEST];
    int64_t created;
} hg_withdrawal;
/* The encoding with the signature after it; `read` takes both apart and checks that a member of this project
 * signed: HG_EPARSE, HG_EREFUSED. Whether the data set is that member's is the caller's business; an earlier policy will do. */
HG_MUST_CHECK hg_status hg_withdrawal_write(hg_text *to, const hg_withdrawal *w,
                                            const unsigned char secret[HG_SECRET_KEY], hg_err *err);
HG_MUST_CHECK hg_status hg_withdrawal_read(hg_withdrawal *w, const hg_policy *p, const void *bytes, size_t n,
                                           hg_err *err);

/* A server's signed word that it took or refused something: a share file, a withdrawal, a job. */
typedef struct {
    char project[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST], subject[HG_DIGEST]; /* data set id, digest of the job */
    unsigned party;
    int64_t created;
    hg_status outcome; /* HG_OK: taken */
    uint64_t rows;     /* taken, or erased */
    uint32_t epoch;
    unsigned char log[HG_DIGEST]; /* head of the server's audit log with this entry in it */
    char words[240];              /* why it was refused; "" */
} hg_receipt;
HG_MUST_CHECK hg_status hg_receipt_write(hg_text *to, const hg_receipt *r, const unsigned char secret[HG_SECRET_KEY],
                                         hg_err *err);
/* Signed by the server it names, for this project: else HG_EREFUSED. It may come from the time of an earlier policy. */
HG_MUST_CHECK hg_status hg_receipt_read(hg_receipt *r, const hg_policy *p, const void *bytes, size_t n, hg_err *err);
#endif
