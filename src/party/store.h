/* party/store.h -- what one server keeps on disk: projects, data sets as shares, keys, and (ledger.h, audit.h) what it did
 *
 * One folder a server, taken by one process at a time (a lock):
 *   party.db   projects, shares (encrypted), ledger, audit log. May be backed up.
 *   keys.db    the keys of the data sets, each wrapped by the master key. NOT to be backed up: a withdrawn set's key must not
 *              come back from a tape. A lost keys.db is a lost server: rebuild it from the other two (epoch.h).
 * Both are SQLite with a write-ahead log, synchronous FULL, secure_delete, STRICT tables, foreign keys, a schema version.
 *
 * Shares are encrypted in chunks with AES-256-GCM. A key belongs to one data set in one epoch and to one writing of it; the
 * nonce is the chunk's number, so that none is used twice. What a chunk is (party, set, epoch, number, shape) is
 * authenticated with it. The master key comes from the operator and is never written. Withdrawing is one transaction; the key
 * is destroyed right after it, then the rows, and an open after a crash goes on with that first. Remnants of a wrapped key that a disk may keep are dead after hg_store_rekey and the destruction
 * of the old master key.
 *
 * A data set's life, each step durable when the call returns, each call the same when repeated:
 *   uploading -> staged -> validated -> active -> withdrawn
 * An upload that was not committed is gone at the next open. Validated: this server checked it and signed a receipt. Active:
 * the receipts of all three servers are here. Servers tell each other receipts and withdrawals before each job
 * (hg_store_gossip, hg_store_hear), so that a set is active everywhere as soon as one server can show three receipts.
 *
 * A store may be used by several threads; each call is atomic. Callbacks may read from it.
 */
#ifndef HG_PARTY_STORE_H
#define HG_PARTY_STORE_H
#include "core/text.h"
#include "hagane/core.h"
#include "party/encode.h"
#include "party/policy.h"
#include "party/world.h"

enum {
    HG_MASTER_KEY = 32,
    HG_CHUNK_ROWS = 4096,     /* rows of a chunk, fewer when a row is large */
    HG_CHUNK_BYTES = 1 << 20, /* a chunk's plain bytes stay below this, or it has one row */
    HG_ROW_ELEMENTS_MOST = 1 << 18,
    HG_ROW_BITS_MOST = 1 << 24,
    HG_ROW_PUBLIC_MOST = 4096,
    HG_STATEMENT_MOST = 64 << 10 /* bytes of an owner's signed statement or request */
};
#define HG_ROWS_MOST ((uint64_t)100000000)

typedef struct {
    unsigned party; /* 0, 1, 2; fixed when the folder is made */
    bool
        create; /* make the folder's files; an existing store is HG_EREFUSED. Default false: a missing one is HG_ENOTFOUND */
    const unsigned char *master_key; /* [HG_MASTER_KEY], read during open only */
    const unsigned char
        *secret_key; /* [HG_SECRET_KEY] this server's Ed25519 key: signs the audit log; copied, wiped by free */
    hg_world world;
    /* Tests only: called before every statement that changes a file, with its words; may kill the process. */
    void (*step)(void *user, const char *statement);
    void *step_user;
} hg_store_opts;

typedef struct hg_store hg_store;

/* Takes the folder's lock, removes what a crash left half done. Errors: HG_ENOTFOUND, HG_EREFUSED another process has it,
 * wrong master key, another party's folder, a newer schema; HG_EIO; HG_EDATA a damaged database. */
HG_MUST_CHECK hg_status hg_store_open(hg_store **out, const char *folder, const hg_store_opts *o, hg_err *err);
void hg_store_free(hg_store *s); /* wipes keys; NULL is fine */
unsigned hg_store_party(const hg_store *s);
/* Wraps every key with a new master key, in one transaction. The operator then destroys the old one. */
HG_MUST_CHECK hg_status hg_store_rekey(hg_store *s, const unsigned char master_key[HG_MASTER_KEY], hg_err *err);
/* 64 hexadecimal digits (a line) from a file that only its owner may read. HG_EREFUSED for other permissions or a link. */
HG_MUST_CHECK hg_status hg_master_key_read(unsigned char key[HG_MASTER_KEY], const char *path, hg_err *err);
/* Makes such a file, mode 0600, new; HG_EREFUSED when there is one. */
HG_MUST_CHECK hg_status hg_master_key_write(const char *path, const hg_world *w, hg_err *err);
/* From text, for a key that the program takes from its environment: 64 hexadecimal digits. */
HG_MUST_CHECK hg_status hg_master_key_parse(unsigned char key[HG_MASTER_KEY], const char *name, const char *text,
                                            size_t n, hg_err *err);

/* ---- projects ------------------------------------------------------------------------------------------------------- */

typedef struct {
    char name[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST]; /* the one in force */
    uint64_t epoch;                  /* of the last refresh that was committed; 0: none yet */
    int64_t since;                   /* when that policy came */
} hg_project;

/* A policy's text as it was signed (the caller verified it); a project's later policies take the place of earlier ones, which
 * stay readable by their digest. The same again: nothing happens. */
HG_MUST_CHECK hg_status hg_store_policy_put(hg_store *s, const char *project, const unsigned char digest[HG_DIGEST],
                                            const void *bytes, size_t n, hg_err *err);
/* The same for what a member brings, who may have made the owners that have signed it: HG_ELIMIT. */
typedef struct {
    const char *member;
    const unsigned char *key; /* [HG_PUBLIC_KEY] the member's; NULL: an operator, whose are not counted */
    size_t projects, own;     /* most projects of all, and first brought by this member */
    size_t bytes;             /* most bytes of all policies that a project ever had */
} hg_policy_limits;
HG_MUST_CHECK hg_status hg_store_policy_take(hg_store *s, const char *project, const unsigned char digest[HG_DIGEST],
                                             const void *bytes, size_t n, const hg_policy_limits *l, hg_err *err);
/* digest NULL: the one in force. HG_ENOTFOUND. Appends to *bytes. */
HG_MUST_CHECK hg_status hg_store_policy_get(hg_text *bytes, hg_store *s, const char *project,
                                            const unsigned char *digest, hg_err *err);
HG_MUST_CHECK hg_status hg_store_project(hg_project *out, hg_store *s, const char *name,
                                         hg_err *err); /* HG_ENOTFOUND */
/* By name; memory from the arena. */
HG_MUST_CHECK hg_status hg_store_projects(hg_project **out, size_t *n, hg_store *s, hg_arena *mem, hg_err *err);

/* ---- data sets -------------------------------------------------------------------------------------------------------- */

typedef enum {
    HG_DATASET_UPLOADING,
    HG_DATASET_STAGED,
    HG_DATASET_VALIDATED,
    HG_DATASET_ACTIVE,
    HG_DATASET_WITHDRAWN,
    HG_DATASET_STATES
} hg_dataset_state;
const char *hg_dataset_state_name(hg_dataset_state s); /* "active" */

/* A data set as this server has it. A row of one slot is elements * limbs words, then (bits + 63) / 64 words of bits (shared by
 * XOR, those past `bits` are zero). */
typedef struct {
    unsigned char id[HG_DIGEST]; /* hg_dataset_id: the same on the three servers */
    unsigned char policy[HG_DIGEST];
    char project[HG_NAME_SIZE], owner[HG_NAME_SIZE];
    uint64_t sequence;     /* the owner's own count of its uploads in this project; each number once */
    uint64_t rows;         /* >= 1 */
    unsigned kind;         /* hg_shares_kind; the store only keeps it */
    unsigned limbs;        /* of a ring element, 1..3 */
    size_t elements, bits; /* of a row, in each slot; not both 0 */
    size_t public_size;    /* public bytes of a row (tier 1: the pool index), 0: none */
    /* set by the store */
    hg_dataset_state state;
    uint64_t
        epoch; /* of the refresh that last changed its shares; 0: as uploaded. Servers must agree on it before a job */
    int64_t since; /* when it came into this state */
} hg_stored;
size_t hg_stored_words(const hg_stored *d); /* of one slot of one row */

/* Upload: rows come in any pieces, in order, before the statement that names them is known (a share file ends with it). Of *d counts all
 * but id, rows and what the store sets. HG_EINVAL, HG_ELIMIT: shape; HG_ENOTFOUND: no such project. */
typedef struct hg_stage hg_stage;
HG_MUST_CHECK hg_status hg_stage_new(hg_stage **out, hg_store *s, const hg_stored *d, hg_err *err);
/* slot[k]: rows * hg_stored_words(d); public_bytes: rows * public_size bytes (NULL when 0). */
HG_MUST_CHECK hg_status hg_stage_add(hg_stage *g, const uint64_t *const slot[2], const void *public_bytes, size_t rows,
                                     hg_err *err);
uint64_t hg_stage_rows(const hg_stage *g); /* added so far */
/* Whole: staged under this id. The same id again is no error, what was there stays (and what was just read goes). HG_EREFUSED: withdrawn, or
 * the owner's sequence is taken by another id; HG_EDATA: no row. Then only free. */
HG_MUST_CHECK hg_status hg_stage_commit(hg_stage *g, const unsigned char id[HG_DIGEST], const void *statement, size_t n,
                                        hg_err *err);
void hg_stage_free(hg_stage *g); /* not committed: nothing stays, its key is destroyed */

/* staged -> validated: this server has checked all that it can. Its receipt (party/statement.h) is then made and put. */
HG_MUST_CHECK hg_status hg_store_validate(hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err);
/* A server's signed receipt, verified by the caller; this server's own only for a validated set. A party's first one stays. The third makes
 * the set active. HG_ENOTFOUND: no such set here. */
enum { HG_RECEIPT_MOST = 4096 };
HG_MUST_CHECK hg_status hg_store_receipt_put(hg_store *s, const unsigned char id[HG_DIGEST], unsigned party,
                                             const void *receipt, size_t n, hg_err *err);
/* Appends; HG_ENOTFOUND when that party's is not here. */
HG_MUST_CHECK hg_status hg_store_receipt_get(hg_text *bytes, hg_store *s, const unsigned char id[HG_DIGEST],
                                             unsigned party, hg_err *err);
/* A staged set that failed a check: erased, reason (words, no values) in the log. Validated ones can only be withdrawn. */
HG_MUST_CHECK hg_status hg_store_drop(hg_store *s, const unsigned char id[HG_DIGEST], const char *reason, hg_err *err);
/* The owner's signed request (the caller verified it) is kept and told to the others. Key destroyed, rows deleted, log entry.
 * A set that never was here is remembered as withdrawn, so that a late upload is refused. */
HG_MUST_CHECK hg_status hg_store_withdraw(hg_store *s, const char *project, const unsigned char id[HG_DIGEST],
                                          const void *request, size_t n, hg_err *err);

HG_MUST_CHECK hg_status hg_store_dataset(hg_stored *out, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err);
/* All of a project but uploads, by owner and sequence: the same order on every server. Memory from the arena. */
HG_MUST_CHECK hg_status hg_store_datasets(hg_stored **out, size_t *n, hg_store *s, const char *project, hg_arena *mem,
                                          hg_err *err);
HG_MUST_CHECK hg_status hg_store_statement(hg_text *bytes, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err);

/* Rows first .. first+n-1; epoch: the one that the servers agreed on (hg_stored.epoch), HG_EREFUSED when it is another
 * by now. slot[k] and public_bytes may be NULL. HG_EDATA: damaged on disk (nothing is returned). */
HG_MUST_CHECK hg_status hg_store_read(uint64_t *const slot[2], void *public_bytes, hg_store *s,
                                      const unsigned char id[HG_DIGEST], uint64_t epoch, uint64_t first, size_t n,
                                      hg_err *err);
/* SHA-256 of each slot (set, epoch, slot number, words): slot 0 is compared with the previous server's slot 1, slot 1 with the next
 * server's slot 0. For that neighbour's eyes ONLY, over their link: the third server, who has the two other slots, could test
 * guesses of a value against it. Never log it. */
HG_MUST_CHECK hg_status hg_store_digest(unsigned char digest[2][HG_DIGEST], hg_store *s,
                                        const unsigned char id[HG_DIGEST], uint64_t epoch, hg_err *err);

/* ---- what servers tell each other before a job ----------------------------------------------------------------------------- */

/* Receipts and withdrawals of a project, appended to *bytes. */
HG_MUST_CHECK hg_status hg_store_gossip(hg_text *bytes, hg_store *s, const char *project, hg_err *err);
enum { HG_GOSSIP_MOST = 64 << 20 };
/* Takes a neighbour's: hostile bytes. Each receipt and each withdrawal goes through a callback that says whether it is
 * really that server's, that owner's, for this set (HG_OK); a withdrawal that does not concern this server (HG_ENOTFOUND) is passed
 * over; a NULL callback: none of them is taken. Nothing is taken when anything is wrong. changed: something is new here. */
typedef struct {
    hg_status (*receipt)(void *self, const unsigned char id[HG_DIGEST], unsigned party, const void *bytes, size_t n,
                         hg_err *err);
    hg_status (*withdrawal)(void *self, const unsigned char id[HG_DIGEST], const void *request, size_t n, hg_err *err);
    void *self;
} hg_hear_opts;
HG_MUST_CHECK hg_status hg_store_hear(bool *changed, hg_store *s, const char *project, const void *bytes, size_t n,
                                      const hg_hear_opts *o, hg_err *err);
#endif
