/* tests/support/trio.h -- three real servers in this process, on loopback, each with its own store; members who talk to them
 *
 *   trio *t = trio_new("story", "tier: properties\nmode: semi-honest\n", "");
 *                                      project "magnets", 6 x 6 pool on x, y in [0, 10], "Hc" in [0, 3] T
 *   hg_party *acme = trio_party(t, "acme");                      members: owners acme and bolt; carol owns and asks; dora asks
 *   trio_table(path, t, "acme.csv", rows, y, 3);                 a CSV table of pool rows with values
 *   trio_stop(t, 1); trio_start(t, 1);                           the same store again
 *   trio_free(t);
 */
#ifndef HG_TEST_TRIO_H
#define HG_TEST_TRIO_H
#include "consortium.h"
#include "hagane/party.h"
#include "party/server.h"
#include <pthread.h>

enum { TRIO_PATH = 600, TRIO_POOL = 36 };

typedef struct trio trio;
typedef struct {
    trio *all;
    unsigned party;
    bool running;
    unsigned char key[HG_MASTER_KEY];
    hg_identity *identity;
    hg_store *store;
    hg_server *server;
    hg_cancel *stop;
    pthread_t thread;
    hg_hooks hooks;
} trio_server;

struct trio {
    consortium c;
    hg_server_opts limits; /* what a started server takes: times and counts; change before trio_start */
    trio_server server[HG_SERVERS];
    pthread_mutex_t lock;
    hg_text log; /* of all three, "party: line" */
};

extern size_t trio_budget; /* carol's queries in the policies made from now on; 6 */
/* head: the policy's tier and mode; more: lines for the end of it, a model among them or a small one is taken. Servers run and have
 * the policy, signed by its three owners. */
trio *trio_new(const char *name, const char *head, const char *more);
void trio_free(trio *t);
void trio_stop(trio *t, unsigned party); /* as after SIGTERM */
void trio_start(trio *t, unsigned party);
void trio_lose(trio *t, unsigned party);         /* stops it, erases its disk, starts it with an empty store */
hg_party *trio_party(trio *t, const char *name); /* waits for nothing; the caller frees it */
hg_party *trio_patient(trio *t, const char *name, int wait_ms);
const char *trio_path(char buf[TRIO_PATH], const trio *t, const char *name);
/* Rows of the pool with values: name,x,y,Hc. */
void trio_table(char path[TRIO_PATH], const trio *t, const char *name, const size_t *row, const double *y, size_t n);
/* Shares such a table; the status. */
hg_status trio_share(trio *t, const char *owner, const size_t *row, const double *y, size_t n, hg_party_shared *out,
                     hg_err *err);
/* acme and bolt three poor rows each, carol two. */
extern const size_t TRIO_ACME[3];
void trio_share_all(trio *t);
/* Asks for one candidate; row and left (of the budget) may be NULL. */
hg_status trio_suggest(hg_party *p, size_t *row, size_t *left, hg_err *err);
double trio_hc(size_t row); /* a smooth property over the pool, in [0, 3] */
bool trio_logged(trio *t, const char *part);
#endif
