/* party/serve.h -- what the parts of a server share: its state, the attempt of a joint run, the handlers of requests */
#ifndef HG_PARTY_SERVE_H
#define HG_PARTY_SERVE_H
#include "party/audit.h"
#include "party/channel_tls.h"
#include "party/job.h"
#include "party/meet.h"
#include "party/request.h"
#include "party/run_keys.h"
#include "party/server.h"
#include "party/statement.h"
#include <pthread.h>

typedef struct {
    int64_t heard_ms; /* last pulse, of the world's monotonic clock; -1: never */
    bool here;        /* the last pulse was answered */
    char why[480];    /* why not */
} hg_peer;

/* Places that members share: no single one may take the last quarter. */
typedef struct {
    unsigned char (*key)[HG_PUBLIC_KEY]; /* [most] of those who have one */
    size_t n, most;
} hg_places;

typedef struct hg_tables hg_tables;
typedef struct hg_states hg_states;

struct hg_server {
    hg_server_opts o;
    unsigned party;
    hg_tls *tls;
    hg_listener *listener;
    hg_cancel *hard; /* raised when the time to finish is over: everything that waits ends */
    hg_meet *meet;
    hg_tables *tables;
    hg_states *states;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t quiet; /* a thread has ended */
    size_t threads, strangers;
    uint64_t spooled; /* bytes of share files that are not in the store yet */
    hg_places links, jobs;
    bool refreshing;
    hg_peer peer[HG_SERVERS];
};

/* A line in the server's log. */
void hg_serve_log(const hg_server *s, const char *fmt, ...) HG_PRINTF(2, 3);
const char *hg_serve_name(const hg_server *s, unsigned party); /* of a server */
/* The first 8 hexadecimal digits of a digest, for messages. */
enum { HG_SHORT_SIZE = 9 };
const char *hg_short(char buf[HG_SHORT_SIZE], const unsigned char digest[HG_DIGEST]);
/* HG_EPARTY naming a server that the others wait for, and since when it is silent. why: what was seen of it. */
hg_status hg_serve_missing(hg_server *s, unsigned party, const hg_err *why, hg_err *err);
/* A thread of the server's, counted; task gets `ctx` and must not outlive the server. HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_serve_thread(hg_server *s, void (*task)(hg_server *s, void *ctx), void *ctx, hg_err *err);

/* A place among the jobs at work for who asks on this link. HG_ELIMIT when all are taken, or all that one member may have. */
HG_MUST_CHECK hg_status hg_serve_job_begin(hg_server *s, const hg_link *k, hg_err *err);
void hg_serve_job_end(hg_server *s, const hg_link *k);

/* ---- policies ------------------------------------------------------------------------------------------------------------ */

/* The policy in force of a project (digest NULL) or another one that was; verified when it came. HG_ENOTFOUND. */
HG_MUST_CHECK hg_status hg_serve_policy(hg_policy **out, hg_server *s, const char *project, const unsigned char *digest,
                                        hg_err *err);
/* The member that this link belongs to, by its certificate's key; HG_EREFUSED when it is none, or revoked. */
HG_MUST_CHECK hg_status hg_serve_member(const hg_member **out, const hg_policy *p, const hg_link *k, hg_err *err);

/* Appends this server's signed receipt; outcome, rows, epoch, words of *r are the caller's. */
HG_MUST_CHECK hg_status hg_serve_receipt(hg_text *to, hg_server *s, const hg_policy *p, hg_receipt *r,
                                         const unsigned char subject[HG_DIGEST], hg_err *err);

/* Notes in the signed log that a member was refused something. What failed for other reasons (a party away, no memory) is not noted.
 * p: the policy that it is about; NULL: a policy came that cannot be read. */
void hg_serve_refused(hg_server *s, hg_audit_kind kind, const hg_policy *p, const char *member, const hg_err *why);

/* ---- requests: one function a kind; `body` is the message ----------------------------------------------------------------- */

typedef struct {
    hg_server *server;
    hg_link *link;
    hg_taker body;  /* of short requests */
    hg_text *reply; /* what is sent back */
    hg_frame head;  /* of HG_PUT_SHARES, whose body the handler reads itself */
} hg_ask;

/* Project (its name begins the request) and who asks. *p may be set on failure, too: free it. */
HG_MUST_CHECK hg_status hg_serve_enter(hg_policy **p, const hg_member **m, hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_status(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_policy_get(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_policy_put(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_datasets(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_withdraw(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_audit(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_pulse(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_shares(hg_ask *a, hg_err *err);
/* Share files that a crash of this server left half taken are removed. */
void hg_serve_sweep_spool(const hg_server *s);
HG_MUST_CHECK hg_status hg_serve_validate(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_job(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_taken(hg_ask *a, hg_err *err);
HG_MUST_CHECK hg_status hg_serve_refresh(hg_ask *a, hg_err *err);

/* ---- an attempt: one joint run of the three ------------------------------------------------------------------------------- */

typedef struct {
    hg_server *server;
    unsigned char topic[HG_DIGEST]; /* the job or data set: links are matched by it */
    uint32_t number;                /* of the attempt, from the client: all three have the same */
    uint32_t round;                 /* of the messages outside the protocol */
    hg_link *link[HG_NEIGHBOURS];
    hg_channel_tls *tls;
    hg_channel *channel;
    hg_channel insecure; /* tests only: what stands before the channel of a server that cheats */
    hg_run_opts run;     /* keys; filled by hg_attempt_keys */
} hg_attempt;

/* Links to both others. HG_EPARTY names who is missing. */
HG_MUST_CHECK hg_status hg_attempt_open(hg_attempt *a, hg_server *s, const unsigned char topic[HG_DIGEST],
                                        uint32_t number, hg_err *err);
/* why NULL: all went well; else it is told to the others. Wipes keys. */
void hg_attempt_close(hg_attempt *a, const hg_err *why);
unsigned hg_attempt_party(const hg_attempt *a, hg_neighbour n); /* who that is */
/* n bytes to both, n from each. */
HG_MUST_CHECK hg_status hg_attempt_swap(hg_attempt *a, hg_phase phase, const void *out, void *const in[HG_NEIGHBOURS],
                                        size_t n, hg_err *err);
/* Different bytes to each. */
HG_MUST_CHECK hg_status hg_attempt_swap_each(hg_attempt *a, hg_phase phase, const void *const out[HG_NEIGHBOURS],
                                             void *const in[HG_NEIGHBOURS], size_t n, hg_err *err);
/* Messages of any length up to `most`: two rounds. in: two empty texts, free them. */
HG_MUST_CHECK hg_status hg_attempt_swap_text(hg_attempt *a, hg_phase phase, const hg_text *out,
                                             hg_text in[HG_NEIGHBOURS], size_t most, hg_err *err);
HG_MUST_CHECK hg_status hg_attempt_keys(hg_attempt *a, hg_mode mode, hg_err *err);
/* The OK of all three: each signs the run's transcript; *joint is the digest over the three. Nothing may be opened to anybody before. */
HG_MUST_CHECK hg_status hg_attempt_ok(unsigned char joint[HG_DIGEST], hg_attempt *a,
                                      const unsigned char transcript[HG_DIGEST], hg_err *err);

/* What all three must have alike before a share is used: one line of a table each. */
typedef struct {
    const char *project;
    const hg_policy *policy;
    uint64_t epoch;
    bool rebuild; /* one of the three has nothing: sets are not compared */
} hg_terms;
/* Compares versions, cluster, policy, epoch, topic; then brings receipts, withdrawals and ledgers to the same state on all three.
 * HG_EREFUSED names what differs and with whom. */
HG_MUST_CHECK hg_status hg_attempt_agree(hg_attempt *a, const hg_terms *t, hg_err *err);
/* The last part alone. */
HG_MUST_CHECK hg_status hg_attempt_gossip(hg_attempt *a, const hg_terms *t, hg_err *err);
/* HG_EREFUSED "`what` differs from that of ..." unless both have these 32 bytes. */
HG_MUST_CHECK hg_status hg_attempt_same(hg_attempt *a, const char *what, const unsigned char digest[HG_DIGEST],
                                        hg_err *err);
/* Neighbours compare the slot that they share: digest[0] with the previous one's digest[1], digest[1] with the next one's [0]. */
HG_MUST_CHECK hg_status hg_attempt_slots(hg_attempt *a, const char *what, const unsigned char digest[2][HG_DIGEST],
                                         hg_err *err);

/* ---- rows ------------------------------------------------------------------------------------------------------------------- */

typedef struct {      /* what a job computes with: all active sets, oldest first */
    size_t n_sets, n; /* sets; rows of them all */
    hg_stored *set;   /* [n_sets] */
    size_t *first;    /* [n_sets] its first row */
    hg_arena *arena;
    /* after hg_rows_load */
    size_t *measured;  /* [n] tier 1: pool index */
    uint64_t *slot[2]; /* [n_words] sets one behind the other, rows as they are stored (party/store.h) */
    size_t *word;      /* [n_sets] where a set begins in a slot */
    size_t n_words;
} hg_rows;
/* The list alone. */
HG_MUST_CHECK hg_status hg_rows_list(hg_rows *r, hg_server *s, const char *project, hg_err *err);
/* Of the list: ids and epochs. */
HG_MUST_CHECK hg_status hg_rows_digest(unsigned char digest[HG_DIGEST], const hg_rows *r, hg_err *err);
/* When its owner made it, by the statement; HG_ENOTFOUND for a set that is remembered as withdrawn alone. */
HG_MUST_CHECK hg_status hg_serve_created(int64_t *created, hg_server *s, const unsigned char id[HG_DIGEST],
                                         hg_err *err);
/* HG_EREFUSED when there are more than the tier can compute with: before any is loaded. */
HG_MUST_CHECK hg_status hg_rows_load(hg_rows *r, hg_server *s, const hg_policy *p, hg_err *err);
/* The sets, withdrawn ones too, of the answer that led to a set of measured rows, in the order that they had: what its entries were
 * counted in. HG_EREFUSED when one of them is not known here. */
HG_MUST_CHECK hg_status hg_rows_then(hg_stored **set, size_t *n, hg_server *s, const hg_stored *measured, hg_arena *mem,
                                     hg_err *err);
void hg_rows_slots(unsigned char digest[2][HG_DIGEST], const hg_rows *r); /* of the shares that were loaded */
void hg_rows_free(hg_rows *r);                                            /* wipes */
#endif
