/* party/server.h -- one of the three servers: takes policies, shares and questions, and computes with the two others
 *
 * There is no coordinator. A client connects to all three and hands each the same signed statement; each server judges it by
 * itself, then dials or awaits the two others for this one attempt, and they compute. One thread a connection, one a job,
 * both bounded. Before a member has shown who it is it costs one bounded slot and a few seconds.
 *
 *   hg_server_new(&s, &o, err); port = hg_server_port(s);
 *   hg_server_run(s, err);            returns after o.stop was raised and running jobs have ended
 */
#ifndef HG_PARTY_SERVER_H
#define HG_PARTY_SERVER_H
#include "party/cluster.h"
#include "party/identity.h"
#include "party/job.h"
#include "party/link.h"
#include "party/status.h"
#include "party/store.h"
#include "secret/channel.h"

/* For tests of the other two alone: a server that cheats. What it sends in a joint run, its answer to the asker, and what it tells members
 * of data sets pass through here. NULL: that part is honest. */
typedef struct {
    hg_status (*exchange)(void *self, hg_channel *honest, hg_phase phase, uint32_t round, const hg_exchange *x,
                          hg_err *err);
    void (*answer)(void *self, hg_answer *a); /* before it is signed */
    void (*datasets)(void *self, hg_dataset_status *d, size_t n);
    void *self;
} hg_server_insecure_cheat;

typedef struct {
    const hg_cluster *cluster;   /* all of these are borrowed */
    const hg_identity *identity; /* of one of the cluster's servers */
    hg_store *store;
    const hg_world *world;
    hg_cancel *stop;        /* raised: no new work, running jobs end, then hg_server_run returns */
    hg_pool *pool;          /* for local work of all jobs; NULL: each job's own thread */
    const char *spool;      /* folder for share files while they come in */
    const char *host;       /* to bind; NULL: the cluster's address of this server */
    int port;               /* to bind; 0: any free one; -1: the cluster's                        default -1 */
    size_t strangers;       /* connections at once that have not shown who they are, >= 1        default 32 */
    size_t links;           /* members' and servers' connections at once, >= 4                   default 64 */
    size_t jobs;            /* jobs at once, >= 1                                                default 4 */
    int peer_ms;            /* how long an attempt waits for the other servers                   default 10000 */
    int round_ms;           /* how long a round of a protocol may take                           default 30000 */
    int pulse_ms;           /* between two pulses to each other server                           default 2000 */
    int grace_ms;           /* how long running jobs may go on once stopped                      default 30000 */
    size_t projects;        /* of all members, >= 1                                              default 256 */
    size_t member_projects; /* that one member may bring, >= 1                                    default 16 */
    size_t policy_bytes;    /* of all policies that one project ever had                       default 32 MiB */
    size_t audit_piece;     /* bytes of the log in one reply, about                               default 4 MiB */
    uint64_t upload_rows;   /* of one data set, >= 1                                          default 10,000,000 */
    uint64_t keep_free;     /* bytes of the spool's disk that no upload may take                 default 1 GiB */
    size_t table_bytes;     /* memory for public tables and pool states kept between jobs       default 2 GiB */
    const hg_hooks *hooks;  /* one line for everything that happens; no values, no shares */
    /* Tests only; NULL, as it must be: this server is honest. */
    const hg_server_insecure_cheat *insecure_cheat;
} hg_server_opts;
hg_server_opts hg_server_opts_default(void);

typedef struct hg_server hg_server;
/* Binds. Errors: HG_EREFUSED (the identity is none of the cluster's servers, another party's store), HG_EIO (the address), HG_EINVAL. */
HG_MUST_CHECK hg_status hg_server_new(hg_server **out, const hg_server_opts *o, hg_err *err);
uint16_t hg_server_port(const hg_server *s);
HG_MUST_CHECK hg_status hg_server_run(hg_server *s, hg_err *err);
void hg_server_free(hg_server *s);
#endif
