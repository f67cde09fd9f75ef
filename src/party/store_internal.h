/* party/store_internal.h -- what the files of the store share: the open store, its locks, its keys, its schema's names */
#ifndef HG_PARTY_STORE_INTERNAL_H
#define HG_PARTY_STORE_INTERNAL_H
#include "party/audit.h"
#include "files/database.h"
#include "party/epoch.h"
#include "party/ledger.h"
#include "party/store.h"
#include "party/vault.h"
#include <pthread.h>

enum { HG_UID = 16 };

/* Refusals of one kind, project and member within an hour: party/audit_refuse.c. */
typedef struct {
    hg_audit_kind kind;
    char project[HG_NAME_SIZE], member[HG_NAME_SIZE], reason[HG_AUDIT_VALUE];
    int64_t since;       /* of the first */
    uint64_t n, written; /* how many there were; the number of the last that is in the log. n = 0: a free place */
} hg_refusals;
enum { HG_REFUSALS_MOST = 256 };

struct hg_store {
    pthread_mutex_t lock; /* around everything below */
    hg_database *db;
    hg_vault *vault;
    int folder; /* holds the folder's lock */
    unsigned party;
    hg_world world;
    unsigned char secret[HG_SECRET_KEY];
    struct hg_chunk_writer *taking; /* rebuilding: the set whose rows are coming in; NULL: none */
    unsigned char taking_uid[16];
    hg_refusals refused[HG_REFUSALS_MOST];
};

/* ---- store.c ------------------------------------------------------------------------------------------------------------ */

void hg_store_enter(hg_store *s);
hg_status hg_store_leave(hg_store *s, hg_status st); /* returns st */
/* With a transaction. Call _end in any case: it commits when st is HG_OK, else takes everything back. */
HG_MUST_CHECK hg_status hg_store_begin(hg_store *s, hg_err *err);
HG_MUST_CHECK hg_status hg_store_end(hg_store *s, hg_status st, hg_err *err);
int64_t hg_store_now(const hg_store *s);
/* Erases keys and chunks that no set wants any more: first keys, then rows, a few a transaction. Repeated at each open, so that what a
 * crash left is erased then. uploads: unfinished ones too. Entered, no transaction. */
HG_MUST_CHECK hg_status hg_store_tidy(hg_store *s, bool uploads, hg_err *err);
/* The keys alone, of those whose names begin so. */
HG_MUST_CHECK hg_status hg_store_sweep(hg_store *s, const char *prefix, hg_err *err);
/* HG_ENOTFOUND, with advice. Entered. */
HG_MUST_CHECK hg_status hg_store_find_project(hg_project *out, hg_store *s, const char *name, hg_err *err);

/* ---- store_sets.c ------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_stored set;
    unsigned char uid[HG_UID]; /* of this writing: names keys and chunks */
    bool has_old, has_next;    /* epochs kept beside set.epoch while a refresh is under way */
    uint64_t old, next;
} hg_row; /* of the table dataset */
HG_MUST_CHECK hg_status hg_store_find(hg_row *out, hg_store *s, const unsigned char id[HG_DIGEST], hg_err *err);
void hg_store_note(hg_audit_note *note, const hg_stored *d);              /* project, owner, dataset, rows */
HG_MUST_CHECK hg_status hg_stored_check(const hg_stored *d, hg_err *err); /* shape alone */
/* In a transaction. */
HG_MUST_CHECK hg_status hg_store_receipt_in(hg_store *s, const unsigned char *id, unsigned party, const void *receipt,
                                            size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_store_activate(hg_store *s, hg_row *r, hg_err *err); /* when its receipts are here */
/* In a transaction; tidy afterwards. */
HG_MUST_CHECK hg_status hg_store_withdraw_in(bool *changed, hg_store *s, const char *project, const unsigned char *id,
                                             const void *request, size_t n, hg_err *err);
/* Inserts a row of the table; uid is drawn. In a transaction. */
HG_MUST_CHECK hg_status hg_store_insert(hg_row *row, hg_store *s, hg_err *err);

/* ---- store_rows.c: chunks --------------------------------------------------------------------------------------------------- */

size_t hg_chunk_rows(const hg_stored *d); /* of every chunk but the last */
size_t hg_chunk_bytes(const hg_stored *d, size_t rows);
HG_MUST_CHECK hg_status hg_set_key_new(unsigned char key[HG_AEAD_KEY], hg_store *s, const unsigned char uid[HG_UID],
                                       uint64_t epoch, bool replace, hg_err *err);
HG_MUST_CHECK hg_status hg_set_key(unsigned char key[HG_AEAD_KEY], hg_store *s, const unsigned char uid[HG_UID],
                                   uint64_t epoch, hg_err *err);
void hg_set_key_name(char name[HG_SECRET_NAME], const unsigned char uid[HG_UID], uint64_t epoch);

/* Writes a set in one epoch, chunk after chunk, each in a transaction of its own. Plain chunk: public bytes, slot 0, slot 1. */
typedef struct hg_chunk_writer hg_chunk_writer;
HG_MUST_CHECK hg_status hg_chunk_writer_new(hg_chunk_writer **out, hg_store *s, const hg_row *row, uint64_t epoch,
                                            const unsigned char key[HG_AEAD_KEY], hg_err *err);
/* Entered, no transaction. Any number of rows. */
HG_MUST_CHECK hg_status hg_chunk_writer_add(hg_chunk_writer *w, const uint64_t *const slot[2], const void *public_bytes,
                                            size_t rows, hg_err *err);
uint64_t hg_chunk_writer_rows(const hg_chunk_writer *w);
/* The last chunk, and the seal: id, epoch, rows and digests. The set is whole in this epoch once this is committed. In a
 * transaction. */
HG_MUST_CHECK hg_status hg_chunk_writer_seal(hg_chunk_writer *w, const unsigned char id[HG_DIGEST], hg_err *err);
void hg_chunk_writer_free(hg_chunk_writer *w); /* wipes */

typedef struct {
    uint64_t rows;
    unsigned char digest[2][HG_DIGEST]; /* SHA-256 of each slot's words */
} hg_seal;
/* HG_ENOTFOUND: not whole in this epoch. Entered. */
HG_MUST_CHECK hg_status hg_set_seal(hg_seal *out, hg_store *s, const hg_row *row, uint64_t epoch, hg_err *err);
HG_MUST_CHECK hg_status hg_set_sealed(bool *yes, hg_store *s, const unsigned char uid[HG_UID], uint64_t epoch,
                                      hg_err *err);
/* The digest that neighbours compare: of set, epoch, the slot's number and its words. */
void hg_set_digest(unsigned char out[HG_DIGEST], const hg_store *s, const hg_stored *d, uint64_t epoch, unsigned k,
                   const hg_seal *seal);
/* Rows first .. of one epoch. Entered. NULL outputs are left out. */
HG_MUST_CHECK hg_status hg_set_read(uint64_t *const slot[2], void *public_bytes, hg_store *s, const hg_row *row,
                                    uint64_t epoch, uint64_t first, size_t n, hg_err *err);

/* ---- audit.c ---------------------------------------------------------------------------------------------------------------- */

/* In a transaction: the entry stays with what it tells about. */
HG_MUST_CHECK hg_status hg_audit_add(hg_store *s, hg_audit_kind kind, const hg_audit_note *note, hg_err *err);
/* Refusals that were only counted, when their hour is over; all: whether it is or not. Entered, no transaction. */
HG_MUST_CHECK hg_status hg_audit_rest(hg_store *s, bool all, hg_err *err);
#endif
