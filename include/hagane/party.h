/* hagane/party.h -- secret data on three servers: the side of owners and users
 *
 *   hg_party *p;
 *   hg_party_open(&p, &o, &err);                               who I am, who the servers are
 *   hg_party_share(&shared, p, "magnets", "mine.csv", NULL, &err);  an owner's table, cut into three share files
 *   hg_party_suggest(&answer, p, "magnets", NULL, &err);            what should be measured next?
 *
 * A call talks to all three servers over TLS 1.3 with certificates on both sides. Each server judges the signed request by itself. What
 * comes back is believed only when all three agree: every slot of an answer comes from two servers.
 * Errors of all calls: HG_EPARTY a server cannot be reached or broke off; HG_EREFUSED a server, the policy, a budget, a date or a
 * signature forbids it; HG_ECHEAT servers contradict each other; HG_EIO, HG_EPARSE for files.
 */
#ifndef HG_PARTY_H
#define HG_PARTY_H
#include "hagane/core.h"

typedef struct hg_party hg_party;
typedef struct hg_world hg_world; /* clock and entropy */

enum { HG_PARTY_NAME = 64, HG_PARTY_DIGEST = 65 /* hexadecimal, with its NUL */ };

typedef struct {
    const char *cluster;    /* path of the cluster's file; required */
    const char *identity;   /* folder of this member's keys; required */
    const void *passphrase; /* of the keys, NULL: none */
    size_t passphrase_n;
    const hg_world *world; /* required: hg_party_world(), or a test's own */
    int answer_ms;         /* how long a server may take for one answer               default 600000 */
    int ready_ms;          /* how long it may take to show that it is there           default 10000 */
    int wait_ms;           /* how long to try again while servers are away            default 0 */
    const hg_hooks *hooks;
} hg_party_opts;

typedef struct {
    size_t row;             /* of the policy's pool; on tier 3, of all entries that were shared */
    const char *id;         /* its name in the pool, NULL: none */
    double *inputs;         /* [n_inputs]; none on tier 3 */
    const char *dataset;    /* tier 3: the data set that brought the entry; else NULL */
    const char *owner;      /* and whose it is */
    size_t dataset_row;     /* and which row of it */
    double mean, mean_step; /* NaN unless the policy releases a rounded mean */
} hg_party_proposal;

typedef struct {
    char job[HG_PARTY_DIGEST], policy[HG_PARTY_DIGEST], transcript[HG_PARTY_DIGEST];
    const char *mode, *mode_words, *tier_words; /* "malicious" and what it means, in words */
    int tier;
    const char *target, *unit;
    bool maximize;
    size_t n, n_inputs;
    hg_party_proposal *proposal; /* [n] */
    const char **input;          /* [n_inputs] column names */
    size_t candidates, rows, datasets, budget_left;
    size_t rounds, bytes; /* of one server: the greatest of the three */
    double seconds;       /* the servers' own time, the greatest of the three */
    double bits;          /* that the answer tells at most, on average */
    hg_arena *arena;
} hg_party_answer;

typedef struct {
    size_t batch;     /* how many proposals; costs as many queries              default 1 */
    const char *save; /* a folder to keep the signed job in until it is answered, so that asking again after a
                       * failure is the same question and costs nothing, and which rows were proposed; NULL: none */
} hg_party_suggest_opts;

typedef struct {
    char dataset[HG_PARTY_DIGEST];
    size_t rows, shared, blank; /* with a value; with padding; left out */
    double least, greatest;     /* of the property: for its owner's eyes */
} hg_party_shared;

typedef struct {
    bool candidates;    /* tier 3: the table has candidates, which their owner alone knows; no property */
    const char *target; /* column of the property; NULL: the policy's name                    */
    bool keep_blank;    /* refuse rows without a value, instead of passing them over          */
    const char *folder; /* where the share files stay until all three servers have them; required */
    bool
        remember; /* keep in the folder which rows were shared, and refuse those that come again with the same value: they would
                         * count twice. And warn of, or refuse, what is no answer's row: hg_party_share_measured */
    bool repeat; /* share such rows all the same: they were measured twice */
} hg_party_share_opts;

HG_BEGIN_DECLS

/* The machine's clock and generator. */
const hg_world *hg_party_world(void);
hg_party_opts hg_party_opts_default(void);
HG_MUST_CHECK hg_status hg_party_open(hg_party **out, const hg_party_opts *o, hg_err *err);
void hg_party_free(hg_party *p);
const char *hg_party_name(const hg_party *p); /* this member's */

/* Asks all three for `batch` candidates of the project. opts NULL: one. Charges the user's budget. */
HG_MUST_CHECK hg_status hg_party_suggest(hg_party_answer **out, hg_party *p, const char *project,
                                         const hg_party_suggest_opts *opts, hg_err *err);
void hg_party_answer_free(hg_party_answer *a);

/* Cuts a CSV table into three sealed files and hands one to each server. When HG_OK comes back all three have checked and
 * taken it. On HG_EPARTY the files stay in the folder and hg_party_share_again finishes the work; with no server at all there, nothing is
 * made, for the policy is not known. HG_EREFUSED also for rows that are remembered. */
HG_MUST_CHECK hg_status hg_party_share(hg_party_shared *out, hg_party *p, const char *project, const char *table,
                                       const hg_party_share_opts *opts, hg_err *err);
/* What was measured after an answer: n values at rows as proposed (hg_party_proposal.row). job: the answered one. */
HG_MUST_CHECK hg_status hg_party_share_measured(hg_party_shared *out, hg_party *p, const char *project, const char *job,
                                                const size_t *row, const double *value, size_t n,
                                                const hg_party_share_opts *opts, hg_err *err);
/* Hands in what an earlier call left in the folder; *n data sets were taken. */
HG_MUST_CHECK hg_status hg_party_share_again(size_t *n, hg_party *p, const char *project,
                                             const hg_party_share_opts *opts, hg_err *err);
/* Does each of the n rows of this member's data set fit what all other rows say? implausible[i]: row i of those that were shared
 * lies more than the policy's number of standard deviations off. Told to its owner alone, once for a data set; costs a query. */
HG_MUST_CHECK hg_status hg_party_check(bool *implausible, size_t n, hg_party *p, const char *project,
                                       const char *dataset, hg_err *err);
/* dataset: at least 8 of its hexadecimal digits. Each server erases its shares and signs that it did. */
HG_MUST_CHECK hg_status hg_party_withdraw(hg_party *p, const char *project, const char *dataset, hg_err *err);

/* A policy file with all owners' signatures, to all three servers. */
HG_MUST_CHECK hg_status hg_party_policy_put(hg_party *p, const char *path, hg_err *err);

HG_END_DECLS
#endif
