/* tests/support/ends.h -- both ends of a link in one process, and three servers connected in a ring
 *
 *   end a = end_of(&world_a, m.server[0], &m.cluster), b = end_of(...);
 *   ends_open(&a, &b, 1);            b accepts in a thread of its own, a connects to it as server 1
 *   a.st, a.err, a.link; b.st, b.err, b.link
 */
#ifndef HG_TEST_ENDS_H
#define HG_TEST_ENDS_H
#include "members.h"
#include "party/link.h"
#include <pthread.h>

typedef struct {
    hg_tls *tls;
    hg_link_opts o;
    hg_cluster cluster; /* o.cluster points here */
    hg_link *link;
    hg_status st;
    hg_err err;
    /* of the accepting thread */
    hg_listener *listener;
    pthread_t thread;
} end;

/* TLS under the cluster's authority; short times, so that what must end does so soon. Fails the test when it cannot be. */
void end_make(end *e, fake_world *w, const hg_identity *id, const hg_cluster *c);
void end_free(end *e);

/* Listens on a free port and accepts one connection in a thread. */
void end_begin_accept(end *e);
uint16_t end_port(const end *e);
void end_finish_accept(end *e); /* waits for the thread; e->st, e->err, e->link */
/* Connects to server `party` of its cluster, which listens at `port`. */
void end_connect(end *e, unsigned party, uint16_t port);
void ends_open(end *connects, end *accepts, unsigned party);
void end_close(end *e); /* the link and the listener; it may be opened again */

/* Two servers of one authority, in a scratch folder. */
typedef struct {
    fake_world world;
    test_members m;
    end a, b; /* a connects, b accepts as server 1 */
} end_pair;
void end_pair_make(end_pair *p, const char *name);
void end_pair_open(end_pair *p); /* fails the test when a link is not made */
void end_pair_free(end_pair *p);

/* Three servers, each connected to the next: links of a job. Entry i is server i. */
typedef struct {
    end next[3], previous[3];
} ring;
void ring_make(ring *r, test_members *m, fake_world *w, uint32_t attempt);
void ring_free(ring *r);
#endif
