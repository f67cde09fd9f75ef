/* tests/support/members.h -- an authority and its members in a scratch folder: three servers, an owner, a user
 *
 *   test_members m;
 *   test_members_make(&m, "links", &world);      identities m.server[0..2], m.owner, m.user; m.cluster
 *   ... test_members_free(&m);
 */
#ifndef HG_TEST_MEMBERS_H
#define HG_TEST_MEMBERS_H
#include "party/cluster.h"
#include "party/identity.h"
#include "world.h"

typedef struct {
    char folder[400];
    hg_identity *server[3], *owner, *user; /* server-0, server-1, server-2, owner-a, user-c */
    hg_cluster cluster;                    /* pins and names; 127.0.0.1, the ports are the test's business */
} test_members;

void test_members_make(test_members *m, const char *name, fake_world *w);
void test_members_free(test_members *m); /* and the folder */
/* folder/name of m->folder into buf. */
const char *test_members_path(char *buf, size_t size, const test_members *m, const char *name);
void test_remove_tree(const char *folder);
#endif
