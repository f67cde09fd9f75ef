/* tests/support/consortium.h -- an authority, three servers and members in one folder, and a policy that its owners have signed
 *
 * What a cluster of threads (trio.h) and one of processes (servers.h) have in common. Nothing here asserts: failures are statuses, so that
 * programs without cmocka can use it.
 */
#ifndef HG_TEST_CONSORTIUM_H
#define HG_TEST_CONSORTIUM_H
#include "core/text.h"
#include "party/client.h"
#include "party/cluster.h"
#include "party/identity.h"

enum { CONSORTIUM_MEMBERS = 16, CONSORTIUM_PATH = 512 };

typedef struct {
    const char *name;
    unsigned roles;
    bool outside; /* has keys, and no place in policies */
} consortium_member;

typedef struct {
    char folder[256];
    hg_cluster cluster; /* as members and servers see it; ports 0 until somebody knows better */
    consortium_member member[CONSORTIUM_MEMBERS]; /* servers first; the names are borrowed */
    size_t n_members;
} consortium;

/* Keys and certificates of all members, three servers first, each in folder/<name>, the authority's in folder/authority. The
 * folder is there and empty. */
HG_MUST_CHECK hg_status consortium_make(consortium *c, const char *folder, const consortium_member *member, size_t n,
                                        hg_err *err);
/* folder/name/file into buf; file may be NULL. */
const char *consortium_path(char buf[CONSORTIUM_PATH], const consortium *c, const char *name, const char *file);
HG_MUST_CHECK hg_status consortium_identity(hg_identity **out, const consortium *c, const char *member, hg_err *err);
/* folder/cluster.yaml, with the ports as they are now. */
HG_MUST_CHECK hg_status consortium_write(const consortium *c, hg_err *err);
/* A member's hand on the cluster; o NULL: defaults. */
HG_MUST_CHECK hg_status consortium_open(hg_party **out, const consortium *c, const char *member, const hg_party_opts *o,
                                        hg_err *err);
/* A policy: `head`, then the members with `budget` queries for users, then `tail`; signed by all owners in it; handed to the
 * servers by `by`. */
HG_MUST_CHECK hg_status consortium_policy(const consortium *c, const char *head, const char *tail, size_t budget,
                                          const char *by, hg_err *err);
#endif
