/* party/sharefile.h -- one sealed and signed file of shares for each server; written in one pass, read in one pass
 *
 *   header    magic, project, policy digest, epoch, server, owner, sequence, kind; in the clear
 *   key       a fresh symmetric key, sealed to the server's X25519 key (libsodium crypto_box_seal)
 *   chunks    rows, encrypted and authenticated (crypto_secretstream, XChaCha20-Poly1305); the last one says that it is the last,
 *             and holds the salts of the commitments
 *   trailer   the hg_dataset statement, the same in all three files, and the owner's Ed25519 signature over it
 *
 * The statement commits to each of the three slots (SHA-256 of a 32-byte salt and the slot's words). Server j checks the two
 * that it holds; a server never learns the third one's salt, without which the commitment would let it try values out. When the three
 * servers see the same statement digest, each slot is the same on both servers that hold it: no more than the digest
 * has to be compared.
 *
 * What a row holds follows from tier and kind alone:
 *            public          ring elements (3 limbs)        bits (shared by XOR)
 *   tier 1   pool index      y                              -
 *   tier 2   -               y                              one-hot over the pool; all zero: padding
 *   tier 3   -               y, features (HG_FRACTION)      1: y is measured, 0: padding
 *   tier 3, MEASURED         y                              one-hot over the entries
 *   tier 3, CANDIDATES       features                       -
 * One-hots are bits, not ring elements: 192 times smaller, and each entry is 0 or 1 whatever the owner wrote (servers convert them
 * with hg_bits_to_share and have the sum left to check).
 * Memory: one chunk (64 KiB) a file, whatever the number of rows.
 */
#ifndef HG_PARTY_SHAREFILE_H
#define HG_PARTY_SHAREFILE_H
#include "party/statement.h"
#include "party/world.h"

typedef struct {
    bool has_index;
    size_t n_elements, n_bits;
    size_t words; /* of one slot of one row: 3 n_elements + (n_bits + 63) / 64 */
} hg_share_layout;
/* HG_EINVAL for a kind that the policy's tier does not have. */
HG_MUST_CHECK hg_status hg_share_layout_of(hg_share_layout *l, const hg_policy *p, hg_shares_kind kind, hg_err *err);

/* Bytes of a file with so many rows, at most, whoever wrote it. */
uint64_t hg_share_file_most(const hg_share_layout *l, uint64_t rows);

/* ---- writing: the owner's side ---------------------------------------------------------------------------------------- */

typedef struct hg_share_writer hg_share_writer;
typedef struct {
    hg_shares_kind kind;
    const char *owner;           /* its name in the policy */
    const unsigned char *secret; /* [HG_SECRET_KEY] Ed25519 */
    uint32_t epoch;
    uint64_t sequence;            /* the owner's own count; 0: the time of making */
    const unsigned char *for_job; /* [HG_DIGEST] of HG_SHARES_MEASURED; else NULL */
    const hg_world *world;        /* clock and entropy */
} hg_share_opts;

/* path[j]: of server j's file. The files appear, all three, path[0] last, in hg_share_writer_commit. Errors: HG_EREFUSED (the owner is not
 * in the policy, or has another key), HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_share_writer_new(hg_share_writer **out, const hg_policy *p, const hg_share_opts *o,
                                            const char *const path[HG_SLOTS], hg_err *err);
/* A row of plain values; it is split with fresh random words. elements: 3 limbs each; bits: packed 64 a word. */
HG_MUST_CHECK hg_status hg_share_writer_row(hg_share_writer *w, uint32_t index, const uint64_t *elements,
                                            const uint64_t *bits, hg_err *err);
/* Pads (rows of zeros, tiers 2 and 3), signs, and gives the files their names. Statement and id may be NULL. */
HG_MUST_CHECK hg_status hg_share_writer_commit(hg_share_writer *w, hg_dataset *statement, unsigned char id[HG_DIGEST],
                                               hg_err *err);
void hg_share_writer_free(hg_share_writer *w); /* not committed: no file is left; wipes */

/* ---- reading: a server's side ----------------------------------------------------------------------------------------- */

typedef struct {
    /* Fills buf[size]; *got < size only at the end. */
    hg_status (*read)(void *self, size_t *got, void *buf, size_t size, hg_err *err);
    void *self;
} hg_source;

typedef struct { /* claims, until hg_share_reader_next has said that the file is complete */
    char project[HG_NAME_SIZE], owner[HG_NAME_SIZE];
    unsigned char policy[HG_DIGEST];
    unsigned party;
    hg_tier tier;
    hg_shares_kind kind;
    uint32_t epoch;
    int64_t created;
    uint64_t sequence;
} hg_share_header;

typedef struct {                /* valid until the next call */
    uint32_t index;             /* < n_pool; tier 1 */
    const uint64_t *element[2]; /* [n_elements * 3] this server's two slots */
    const uint64_t *bits[2];    /* [(n_bits + 63) / 64]; bits past n_bits are zero */
} hg_share_row;

enum { HG_SHARE_BEGIN_MOST = 2048 }; /* so many bytes of a file hold its header */
typedef struct hg_share_reader hg_share_reader;
/* Reads the header, so that the caller can find project and policy. `name` stands for the file in messages. Errors: HG_EPARSE,
 * HG_ENOMEM, what the source says. */
HG_MUST_CHECK hg_status hg_share_reader_new(hg_share_reader **out, hg_share_header *header, const char *name,
                                            const hg_source *source, hg_err *err);
/* Opens the sealed key. HG_EREFUSED: another project, policy or server, an owner who may not share this, a
 * key that was not sealed to this server; HG_ECHEAT: changed. */
HG_MUST_CHECK hg_status hg_share_reader_begin(hg_share_reader *r, hg_share_layout *layout, const hg_policy *p,
                                              unsigned party, const unsigned char seal_secret[32], hg_err *err);
/* *more = false: all rows were read, the trailer is signed by the owner, and every digest is right; only then may the rows be kept.
 * HG_ECHEAT: the file was changed or is not what was signed; HG_EPARSE: cut short; HG_ELIMIT: more rows than most_rows. */
HG_MUST_CHECK hg_status hg_share_reader_next(bool *more, hg_share_row *row, hg_share_reader *r, uint64_t most_rows,
                                             hg_err *err);
/* After *more = false. */
const hg_dataset *hg_share_reader_dataset(const hg_share_reader *r); /* NULL before */
const unsigned char *hg_share_reader_id(const hg_share_reader *r);   /* [HG_DIGEST] */
void hg_share_reader_free(hg_share_reader *r);                       /* wipes */
#endif
