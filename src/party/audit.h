/* party/audit.h -- a log that its own server cannot rewrite unseen
 *
 * Each entry has its number, the hash of the one before, time, kind, and fields; its hash is signed by the server's Ed25519 key. An
 * entry is written in the transaction of what it tells about. Owners fetch it, verify it, keep its head, and verify the next one
 * against that head: an entry changed, left out or put in later is seen; three servers' logs are compared.
 * No entry has a share, a value or a digest of shares: the table of fields (audit_table.c) has kinds of text, and nothing else is
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
 *   scope 81b2...             hg_digest "audit scope" of the project's name ("" for what concerns the server alone)
 *   body 0d4c...              hg_digest "audit body" of the lines that follow, up to `hash`
 *   kind job-charged          \
 *   project magnets            |  not shown to members of other projects: the scope
 *   user carol                 |  says that it is not theirs, the chain holds all the same
 *   job 9f86...               /
 *   hash 2c26...              hg_digest "audit entry" of "party 0\nkey 3b6a...\n" and the lines sequence to body
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
    HG_AUDIT_POLICY_REFUSED,
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
    HG_AUDIT_JOB_LEARNT,
    HG_AUDIT_REFRESH_BEGUN,
    HG_AUDIT_REFRESH_PREPARED,
    HG_AUDIT_REFRESH_COMMITTED,
    HG_AUDIT_REFRESH_ERASED,
    HG_AUDIT_REFRESH_REFUSED,
    HG_AUDIT_LOGIN_REFUSED,
    HG_AUDIT_KINDS
} hg_audit_kind;

enum { HG_AUDIT_LOG_MOST = 1 << 28 /* bytes of a log that is read */ };
enum { HG_AUDIT_FIELDS = 12, HG_AUDIT_VALUE = 256, HG_AUDIT_ENTRIES_MOST = 1 << 20 };
/* The fields of an entry to be written. Keys are those of the table in audit_table.c; another one, or a value that is not of its
 * kind, makes hg_audit_append fail (HG_EINVAL). Texts (reason, phase) are cut and cleaned. `project` says whose entry it is: members of other
 * projects do not see it. An empty note: hg_audit_note n = { 0 }. */
typedef struct {
    size_t n;
    const char *key[HG_AUDIT_FIELDS];
    char value[HG_AUDIT_FIELDS][HG_AUDIT_VALUE];
} hg_audit_note;
void hg_note_text(hg_audit_note *n, const char *key, const char *text);
void hg_note_digest(hg_audit_note *n, const char *key, const unsigned char digest[HG_DIGEST]);
void hg_note_count(hg_audit_note *n, const char *key, uint64_t count);
void hg_note_number(hg_audit_note *n, const char *key, double x);

/* For what the server itself has to tell. On disk when HG_OK comes back. */
HG_MUST_CHECK hg_status hg_audit_append(hg_store *s, hg_audit_kind kind, const hg_audit_note *note, hg_err *err);

/* A member was refused something. It costs the member nothing, so that not each is written: of those of one kind, project ("": none that
 * this server has) and member within an hour the 1st, 2nd, 4th, 8th ..., with their number under `times`. What is not written when the hour is over
 * is one entry more, before the next refusal, in the next log that is given out, or when the store is closed. A crash loses less than half of
 * the number. note: without `times`. */
HG_MUST_CHECK hg_status hg_audit_refuse(hg_store *s, hg_audit_kind kind, const char *project, const char *member,
                                        const hg_audit_note *note, hg_err *err);

typedef struct {
    uint64_t sequence; /* 0: no entry yet */
    unsigned char hash[HG_DIGEST];
} hg_audit_head;
HG_MUST_CHECK hg_status hg_audit_head_get(hg_audit_head *out, hg_store *s, hg_err *err);
/* Entries first .. (1: all), with the head lines before them. project: a member's view, other projects' bodies left out; NULL: the
 * operator's, all. Appends. */
HG_MUST_CHECK hg_status hg_audit_export(hg_text *text, hg_store *s, uint64_t first, const char *project, hg_err *err);
/* The same, but no further entry once it has `most` bytes: a piece, from which the next is asked for. */
HG_MUST_CHECK hg_status hg_audit_export_piece(hg_text *text, hg_store *s, uint64_t first, const char *project,
                                              size_t most, hg_err *err);

/* ---- reading and verifying, without a store ----------------------------------------------------------------------------- */

typedef struct {
    uint64_t sequence;
    int64_t time;
    bool hidden; /* another project's: kind and fields are not shown */
    hg_audit_kind kind;
    size_t n_fields;
    const char *key[HG_AUDIT_FIELDS], *value[HG_AUDIT_FIELDS];
    unsigned char previous[HG_DIGEST], scope[HG_DIGEST], body[HG_DIGEST], hash[HG_DIGEST], signature[HG_SIGNATURE];
    const char *head_text, *body_text; /* the lines that are hashed, as they stand */
    size_t head_n, body_n, line;       /* line: of the text, for messages */
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
 * a hidden entry of `project` (NULL: not looked at) or of the server itself; with `earlier` (a head kept from before, NULL: none):
 * history rewritten or cut. A log begins with its first entry, or, with `earlier`, at the latest right after that one; fetch it from
 * earlier->sequence, for one without entries is refused. head: the new one (may be NULL). */
HG_MUST_CHECK hg_status hg_audit_verify(hg_audit_head *head, const hg_audit_log *l,
                                        const unsigned char key[HG_PUBLIC_KEY], const char *project,
                                        const hg_audit_head *earlier, hg_err *err);
/* Three verified logs (log[k] of party k), from their first entries on: every job, set, policy and refresh that they tell of is found in
 * all three with the same fields (user, price, rows ...). Differences in words, a line each, appended to *words; *differences counts
 * them. Events before the youngest log's first entry (a rebuilt server's) are left out. A server that was away when a job was
 * charged, or a log fetched a moment earlier, shows up here: a question, not a proof. */
HG_MUST_CHECK hg_status hg_audit_compare(hg_text *words, size_t *differences, const hg_audit_log *const log[HG_SLOTS],
                                         hg_err *err);
/* For people: one line an entry (entries of other projects in a row are one), UTC time, what happened in words. */
void hg_audit_words(hg_text *words, const hg_audit_log *l);
#endif
