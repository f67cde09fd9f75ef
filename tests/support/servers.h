/* tests/support/servers.h -- a whole cluster on this machine: an authority, members with keys, three servers in three processes
 *
 * For tests and benchmarks. Everything lives in one folder that the caller makes and removes; servers listen on 127.0.0.1 only.
 * Nothing here asserts: failures are statuses, so that programs without cmocka can use it.
 */
#ifndef HG_TEST_SERVERS_H
#define HG_TEST_SERVERS_H
#include "core/text.h"
#include "party/client.h"
#include "party/server.h"
#include <sys/types.h>

enum { TEST_SERVERS_MEMBERS = 16 };

typedef struct {
    char folder[256];
    hg_cluster cluster;        /* as members and servers see it: the ports may be a relay's */
    uint16_t port[HG_SERVERS]; /* what the servers bind */
    unsigned char master[HG_SERVERS][HG_MASTER_KEY];
    uint16_t seen[HG_SERVERS][HG_SERVERS]; /* where server i finds server j; 0: where all others find it */
    /* Of a server that cheats; NULL: an honest one. */
    const hg_server_insecure_cheat *insecure_cheat[HG_SERVERS];
    hg_server_opts limits;                           /* times and counts of the servers that are started from now on */
    pid_t pid[HG_SERVERS];                           /* 0: not running */
    int ready[HG_SERVERS];                           /* of one that was launched: readable when it listens */
    bool made[HG_SERVERS];                           /* its store exists */
    char member[TEST_SERVERS_MEMBERS][HG_NAME_SIZE]; /* servers first: s0 s1 s2 */
    unsigned roles[TEST_SERVERS_MEMBERS];
    size_t n_members;
} test_servers;

/* Keys and certificates of s0, s1, s2 and of the members named ("a", "b+", "c+": a plus sign makes a user of an owner). through: ports that
 * stand in cluster.yaml for the servers' own (a relay), NULL: the servers' own. */
HG_MUST_CHECK hg_status test_servers_make(test_servers *s, const char *folder, const char *const *name, size_t n,
                                          hg_err *err);
/* Writes cluster.yaml anew with these ports: what is started and opened afterwards uses them. */
HG_MUST_CHECK hg_status test_servers_through(test_servers *s, const uint16_t port[HG_SERVERS], hg_err *err);
/* Starts server i and waits until it listens; its words go to <folder>/<name>/log. Of the caller's open files it keeps none. */
HG_MUST_CHECK hg_status test_servers_start(test_servers *s, unsigned i, hg_err *err);
/* The same in two steps: between them it may be stopped, too. */
HG_MUST_CHECK hg_status test_servers_launch(test_servers *s, unsigned i, hg_err *err);
HG_MUST_CHECK hg_status test_servers_await(test_servers *s, unsigned i, hg_err *err);
/* Signals server i and waits for its end; SIGKILL is a loss of power. Its exit status, or -1. */
int test_servers_stop(test_servers *s, unsigned i, int signal);
void test_servers_stop_all(test_servers *s);

/* A member's hand on the cluster. */
HG_MUST_CHECK hg_status test_servers_open(hg_party **out, const test_servers *s, const char *member, hg_err *err);
/* A policy: `head` is its text up to the members, which are added here with `budget` queries for users; all owners sign; `by`
 * hands it to the servers. */
HG_MUST_CHECK hg_status test_servers_policy(const test_servers *s, const char *head, size_t budget, const char *by,
                                            hg_err *err);
#endif
