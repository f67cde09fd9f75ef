/* party/audit.h -- a log that its own server cannot rewrite unseen
 *
 * Each entry has its number, the hash of the one before, time, kind, and fields; its hash is signed by the server's Ed25519 key. An
 * entry is written in the transaction of what it tells about. Owners fetch it, verify it, keep its head, and verify the next one
 * against that head: an entry changed, left out or put in later is seen; three servers' logs are compared.
 * No entry has a share, a value or a digest of shares: the table of fields (audit.c) has kinds of text, and nothing else is
 * taken.
 *
 * Text, one entry after the other, each ending with an empty line:
 *   hagane audit log 1
 *   party 0
 *   key 3b6a...
 *
 *   sequence 7
 *   previous 5d41...          hash of entry 6; of the first entry: 64 zeros
 *   time 1732233600           seconds since 1970
 *   kind job-charged
 *   project magnets
 *   user carol
 *   job 9f86...
 *   hash 2c26...              hg_digest "audit entry" of party, key and the entry's lines up to here
 *   signature 98ab...         hg_sign "audit entry" of the hash's 32 bytes
 */
#ifndef HG_PARTY_AUDIT_H
#define HG_PARTY_AUDIT_H
#include "party/store.h"

typedef enum {
    HG_AUDIT_CREATED,
    HG_AUDIT_OPENED,
    HG_AUDIT_REKEYED,
    HG_AUDIT_POLICY,
    HG_AUDIT_STAGED,
    HG_AUDIT_VALIDATED,
    HG_AUDIT_ACTIVE,
    HG_AUDIT_DROPPED,
    HG_AUDIT_WITHDRAWN,
    HG_AUDIT_UPLOAD_REFUSED,
    HG_AUDIT_JOB_CHARGED,
    HG_AUDIT_JOB_RETRIED,
    HG_AUDIT_JOB_REFUSED,
    HG_AUDIT_JOB_ABORTED,
    HG_AUDIT_JOB_ANSWERED,
    HG_AUDIT_JOB_ALLOWED,
    HG_AUDIT_LEDGER_MERGED,
    HG_AUDIT_REFRESH_BEGUN,
    HG_AUDIT_REFRESH_PREPARED,
    HG_AUDIT_REFRESH_COMMITTED,
    HG_AUDIT_REFRESH_ERASED,
    HG_AUDIT_REFRESH_REFUSED,
    HG_AUDIT_REBUILT,
    HG_AUDIT_LOGIN_REFUSED,
    HG_AUDIT_KINDS
} hg_audit_kind;
const char *hg_audit_kind_name(hg_audit_kind k); /* "job-charged" */

enum { HG_AUDIT_FIELDS = 12, HG_AUDIT_VALUE = 256 };
typedef struct {
    const char *
        key; /* one of the table in audit.c: project, user, owner, member, dataset, job, policy, plan, epoch, rows, queries,
                        epsilon, attempt, party, mode, tier, phase, reason, transcript, count ... */
    const char *value;
} hg_audit_field;

/* For what the server itself has to tell: a refused job, a refused login. Texts (phase, reason) are cut to HG_AUDIT_VALUE - 1 bytes and
 * cleaned; other values must be of their kind (HG_EINVAL). On disk when HG_OK comes back. */
HG_MUST_CHECK hg_status hg_audit_append(hg_store *s, hg_audit_kind kind, const hg_audit_field *field, size_t n,
                                        hg_err *err);

typedef struct {
    uint64_t sequence; /* 0: no entry yet */
    unsigned char hash[HG_DIGEST];
} hg_audit_head;
HG_MUST_CHECK hg_status hg_audit_head_get(hg_audit_head *out, hg_store *s, hg_err *err);
/* Entries first .. (1: all), with the head lines before them; project NULL: all, else the lines of other projects' entries are
 * hidden: only sequence, previous, hash and signature stay, so that the chain can still be verified. */
HG_MUST_CHECK hg_status hg_audit_export(hg_text *text, hg_store *s, uint64_t first, const char *project, hg_err *err);

/* ---- reading and verifying, without a store ----------------------------------------------------------------------------- */

typedef struct {
    uint64_t sequence;
    int64_t time;
    bool hidden; /* another project's: kind and fields are not shown */
    hg_audit_kind kind;
    hg_audit_field field[HG_AUDIT_FIELDS];
    size_t n_fields;
    unsigned char previous[HG_DIGEST], hash[HG_DIGEST], signature[HG_SIGNATURE];
    size_t line; /* of the text, for messages */
} hg_audit_entry;

typedef struct {
    unsigned party;
    unsigned char key[HG_PUBLIC_KEY];
    hg_audit_entry *entry; /* [n] */
    size_t n;
    char *name; /* of the text, for messages */
    hg_arena *arena;
} hg_audit_log;

/* Hostile text: HG_EPARSE with name and line; HG_ELIMIT. No signature is checked here. */
HG_MUST_CHECK hg_status hg_audit_read(hg_audit_log **out, const char *name, const void *bytes, size_t n, hg_err *err);
void hg_audit_log_free(hg_audit_log *l);
/* HG_ECHEAT, with the entry in words: another key than the pinned one, a wrong hash or signature, a broken chain, a missing entry,
 * time running backwards by more than a day; with `earlier` (a head kept from before, NULL: none): history rewritten or cut.
 * A log that begins after the first entry is verified from there on, and must reach back to `earlier`. head: the new one. */
HG_MUST_CHECK hg_status hg_audit_verify(hg_audit_head *head, const hg_audit_log *l,
                                        const unsigned char key[HG_PUBLIC_KEY], const hg_audit_head *earlier,
                                        hg_err *err);
/* Three verified logs (complete from the first entry, or from the same time on): every job, set and refresh that they tell of
 * is found in all three with the same fields (user, price, rows ...). Differences in words, a line each, appended to *words;
 * *differences counts them. A server that was away when a job was charged shows up here: a question, not a proof. */
HG_MUST_CHECK hg_status hg_audit_compare(hg_text *words, size_t *differences, const hg_audit_log *const log[HG_PARTIES],
                                         hg_err *err);
/* For people: one line an entry, UTC time, what happened in words. */
void hg_audit_words(hg_text *words, const hg_audit_log *l);
#endif
