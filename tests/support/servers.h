/* tests/support/servers.h -- a whole cluster on this machine: an authority, members with keys, three servers in three processes
 *
 * For tests and benchmarks. Everything lives in one folder that the caller makes and removes; servers listen on 127.0.0.1 only.
 * Nothing here asserts: failures are statuses, so that programs without cmocka can use it.
 */
#ifndef HG_TEST_SERVERS_H
#define HG_TEST_SERVERS_H
#include "consortium.h"
#include "party/server.h"
#include <sys/types.h>

typedef struct {
    consortium c;              /* members s0, s1, s2 first; the ports in its cluster may be a relay's */
    uint16_t port[HG_SERVERS]; /* what the servers bind */
    unsigned char master[HG_SERVERS][HG_MASTER_KEY];
    uint16_t seen[HG_SERVERS][HG_SERVERS]; /* where server i finds server j; 0: where all others find it */
    /* Of a server that cheats; NULL: an honest one. */
    const hg_server_insecure_cheat *insecure_cheat[HG_SERVERS];
    hg_server_opts limits; /* times and counts of the servers that are started from now on */
    pid_t pid[HG_SERVERS]; /* 0: not running */
    int ready[HG_SERVERS]; /* of one that was launched: readable when it listens */
    bool made[HG_SERVERS]; /* its store exists */
} test_servers;

/* Three servers s0, s1, s2 and three members: owners a and b, owner and user c. */
HG_MUST_CHECK hg_status test_servers_make(test_servers *s, const char *folder, hg_err *err);
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
double test_peak_mb(pid_t pid);                     /* largest resident set of a process so far */
double test_servers_peak_mb(const test_servers *s); /* of the largest server */
#endif
