/* party/status.h -- what a server tells its members about itself and its projects; public facts alone */
#ifndef HG_PARTY_STATUS_H
#define HG_PARTY_STATUS_H
#include "party/cluster.h"
#include "party/statement.h"
#include "party/store.h"

typedef struct {
    char name[HG_NAME_SIZE];
    bool here;
    int64_t silent_ms; /* since its last pulse; -1: never heard */
    char why[240];     /* why it is not here */
} hg_peer_status;

typedef struct {
    char name[HG_NAME_SIZE];
    char why[480]; /* why its policy cannot be used: then nothing is asked of the project there; "": it can */
    unsigned char policy[HG_DIGEST];
    uint64_t epoch;
    uint64_t sets, rows;   /* active */
    uint64_t waiting;      /* sets that are staged or validated and not active yet */
    bool building;         /* public tables are being made just now */
    bool user;             /* who asks for the status may ask questions */
    uint64_t budget, left; /* and how many: by the policy; still */
} hg_project_status;

enum { HG_STATUS_PROJECTS = 256 };
typedef struct {
    char version[16], name[HG_NAME_SIZE];
    unsigned party;
    int64_t now, certificate_ends;
    uint64_t jobs, links;
    hg_peer_status peer[HG_SERVERS]; /* its own place is empty */
    size_t n_projects;
    hg_project_status *project; /* in the arena */
} hg_server_status;

void hg_server_status_write(hg_text *to, const hg_server_status *s);
HG_MUST_CHECK hg_status hg_server_status_read(hg_server_status *s, hg_arena *arena, const void *bytes, size_t n,
                                              hg_err *err); /* HG_EPARSE */

/* A data set as its members may know it. */
typedef struct {
    unsigned char id[HG_DIGEST];
    char owner[HG_NAME_SIZE];
    hg_dataset_state state;
    unsigned kind;                         /* hg_shares_kind */
    uint64_t sequence, rows, epoch, spent; /* spent: queries that it took part in */
    int64_t since, created;                /* created: by its owner's clock; orders the rows of a job */
    size_t n_index;                        /* tier 1: rows; else 0 */
    uint32_t *index;                       /* their pool indices, public there */
} hg_dataset_status;
enum { HG_STATUS_DATASETS = 100000, HG_STATUS_INDICES = 4096 };
void hg_dataset_status_write(hg_text *to, const hg_dataset_status *d, size_t n);
HG_MUST_CHECK hg_status hg_dataset_status_read(hg_dataset_status **d, size_t *n, hg_arena *arena, const void *bytes,
                                               size_t n_bytes, hg_err *err);
/* One server's list beside another's: what never changes of a set (owner, kind, number, rows, date, indices) must be the same on both,
 * HG_ECHEAT; a set of `list` counts as active when it is active on both. Scratch memory from the arena. */
HG_MUST_CHECK hg_status hg_dataset_status_join(hg_dataset_status *list, size_t n, const hg_dataset_status *other,
                                               size_t n_other, hg_arena *arena, hg_err *err);
#endif
