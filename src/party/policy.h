/* party/policy.h -- what the owners agreed on before anything was shared
 *
 * A policy is a YAML text with the signatures of every owner it names; its digest stands in every share file, every job and
 * every handshake. Servers take a policy only when all owners signed it and its dates hold. Nothing that a policy fixes can be
 * changed by a job: the candidate pool, the grid, the prior, the noise floor, kappa, ranges, tier, mode, budgets, who may ask.
 *
 * Digest and signatures are over the canonical text (hg_policy_write): every key is written out, defaults too, in one order,
 * numbers with the fewest digits that read back, the pool's rows inside. So a signer sees all there is, and two texts
 * that mean the same have the same digest. docs/secret-files.md has the format.
 */
#ifndef HG_PARTY_POLICY_H
#define HG_PARTY_POLICY_H
#include "core/text.h"
#include "hagane/core.h"
#include "party/encode.h"
#include "secret/gp_grid.h"
#include "secret/release.h"
#include "secret/run.h"

enum { HG_COLUMN_SIZE = 128, HG_UNIT_SIZE = 32 };
enum { HG_MEMBERS_MOST = 64, HG_REVOKED_MOST = 256, HG_FEATURES_MOST = 64, HG_POOL_MOST = 100000, HG_BATCH_MOST = 64 };
enum { HG_POLICY_BYTES = 8 << 20 }; /* a longer text is refused */

typedef struct {
    char name[HG_NAME_SIZE];          /* letters, digits, '-', '_', '.' */
    unsigned char key[HG_PUBLIC_KEY]; /* Ed25519 */
    bool has_old_key;                 /* during a change of keys both are taken */
    unsigned char old_key[HG_PUBLIC_KEY];
    bool server, owner, user;          /* roles; an owner may also ask when `user` */
    unsigned party;                    /* of a server: 0, 1, 2 in the order of the text */
    unsigned char seal[HG_PUBLIC_KEY]; /* of a server: X25519, what its share files are sealed to */
    size_t budget;                     /* queries this member may ask; 0 unless user */
} hg_member;

typedef struct hg_policy { /* made by hg_policy_read; one arena, free with hg_policy_free */
    char project[HG_NAME_SIZE];
    hg_tier tier;
    hg_mode mode;
    char target[HG_COLUMN_SIZE]; /* column of the property */
    char unit[HG_UNIT_SIZE];     /* of the property; "" */
    bool maximize;
    double low, high; /* range of the property, its units; outside is refused at ingest */
    size_t n_pool, n_features;
    char **feature;                 /* [n_features] column names */
    double *pool;                   /* [n_pool, n_features] raw values; NULL on tier 3 */
    double *scale_low, *scale_high; /* [n_features] public ranges: scaled feature = (x - low) / (high - low) */
    char id_column[HG_COLUMN_SIZE]; /* column with names of the pool's rows; "": none */
    char **id;                      /* [n_pool]; NULL: none. All different */
    bool *candidate;                /* [n_pool] false: known to owners, never proposed; NULL: all are candidates */
    size_t n_candidates;            /* how many may be proposed */
    unsigned char pool_digest[HG_DIGEST];
    hg_secret_model model;
    double least_noise;  /* noise floor: no grid value lies below; default 1e-4 */
    size_t most_entries; /* tier 3: the padded pool size P; else n_pool */
    size_t padding;      /* tiers 2 and 3: rows of a data set are padded to a multiple of this; default 8 */
    size_t least_pool,
        least_foreign; /* minimum number of candidates (default 32); rows of other owners before an answer (default 2) */
    size_t dataset_budget; /* queries that one data set may take part in; default 20 */
    size_t most_batch;     /* proposals in one job; default 1 */
    unsigned
        release_bits; /* 0: nothing but the index; else the mean is released, rounded to one of 2^bits levels of the range */
    double plausibility;         /* leave-one-out: flag when residual^2 > this times its variance; 0: off; default 16 */
    double epsilon_budget;       /* differential privacy: sum over queries that a data set takes part in, 0: none */
    int64_t not_before, expires; /* seconds since 1970 */
    bool has_replaced;
    unsigned char replaces[HG_DIGEST]; /* the policy before this one; see hg_policy_succeeds */
    hg_member *member;
    size_t n_members; /* three servers among them */
    unsigned char (*revoked)[HG_PUBLIC_KEY];
    size_t n_revoked;
    unsigned char digest[HG_DIGEST];
    hg_arena *arena;
} hg_policy;

/* bytes: the YAML text alone or with signatures after it. A text that names a pool file is refused:
 * hg_policy_read_draft takes it in. Errors: HG_EPARSE with line and column, HG_EDATA (the pool), HG_ELIMIT, HG_ENOMEM; advice with each. */
HG_MUST_CHECK hg_status hg_policy_read(hg_policy **out, const char *name, const void *bytes, size_t n, hg_err *err);
/* The same for the policy in force of a project, which a server has taken before. HG_EDATA, saying so: this program refuses what that one
 * took. */
HG_MUST_CHECK hg_status hg_policy_stored(hg_policy **out, const char *project, const void *bytes, size_t n,
                                         hg_err *err);
/* The same from a file. A pool file named in it is read, relative to the folder of `path`, and its rows become part of the
 * policy. Errors: also HG_EIO, HG_ENOTFOUND (a column). */
HG_MUST_CHECK hg_status hg_policy_load(hg_policy **out, const char *path, hg_err *err);
void hg_policy_free(hg_policy *p);

/* Appends the canonical text. Errors: HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_policy_write(hg_text *to, const hg_policy *p, hg_err *err);
/* Appends a policy's text in plain words: what is hidden from whom, what each answer reveals, budgets, members. */
HG_MUST_CHECK hg_status hg_policy_show(hg_text *to, const hg_policy *p, hg_err *err);

/* HG_EREFUSED unless the text is canonical, every owner's signature is there and right, and not_before <= now < expires, give
 * or take HG_CLOCK_TOLERANCE. The sentence names the owners who have not signed. */
enum { HG_CLOCK_TOLERANCE = 300 /* seconds */ };
HG_MUST_CHECK hg_status hg_policy_verify(const hg_policy *p, const void *bytes, size_t n, int64_t now, hg_err *err);
/* not_before <= now < expires, give or take the tolerance: HG_EREFUSED. */
HG_MUST_CHECK hg_status hg_policy_in_force(const hg_policy *p, int64_t now, hg_err *err);
/* has_signed[n_members]: whose signature stands after the text and is right. HG_EREFUSED for one that is wrong, of somebody
 * who is no owner, or given twice. */
HG_MUST_CHECK hg_status hg_policy_signatures(bool *has_signed, const hg_policy *p, const void *bytes, size_t n,
                                             hg_err *err);
/* Appends the canonical text, the signatures that bytes[n] has, and one more by `secret`. HG_EREFUSED when the key is no
 * owner's; signing twice changes nothing. */
HG_MUST_CHECK hg_status hg_policy_sign(hg_text *to, const hg_policy *p, const void *bytes, size_t n,
                                       const unsigned char secret[HG_SECRET_KEY], hg_err *err);
/* May `next` take the place of `old` while shares made under `old` live on? Only members, keys, revocations, budgets, batch
 * and dates may differ, and `next` must name old's digest. HG_EREFUSED saying what differs. Who signed is
 * hg_policy_agreed's business. */
HG_MUST_CHECK hg_status hg_policy_succeeds(const hg_policy *next, const hg_policy *old, hg_err *err);
/* Did every owner of `old` sign `next`, whose text is bytes[n], with a key that `old` has for it? hg_policy_verify alone asks for the
 * keys that `next` itself names, and those anybody could have put there. A key is changed in two steps: a policy that names the new one
 * beside the old, signed with the old; then one without the old, signed with the new. HG_EREFUSED naming who did not. */
HG_MUST_CHECK hg_status hg_policy_agreed(const hg_policy *next, const void *bytes, size_t n, const hg_policy *old,
                                         hg_err *err);

const hg_member *hg_policy_member(const hg_policy *p, const char *name); /* NULL: none */
/* By key or old key; NULL: nobody's. */
const hg_member *hg_policy_member_of_key(const hg_policy *p, const unsigned char key[HG_PUBLIC_KEY]);
const hg_member *hg_policy_server(const hg_policy *p, unsigned party); /* 0, 1, 2 */
bool hg_policy_revoked(const hg_policy *p, const unsigned char key[HG_PUBLIC_KEY]);
/* Did this member sign? With its key or its old key; a policy whose member has a revoked key is not read at all. */
bool hg_member_signed(const hg_member *m, const unsigned char signature[HG_SIGNATURE], const char *what,
                      const void *bytes, size_t n);

/* The property's value scaled to a ring element (3 limbs, HG_Y_FRACTION) and back. HG_EDATA outside the range, HG_ENAN. */
HG_MUST_CHECK hg_status hg_policy_scale(uint64_t *element, const hg_policy *p, double value, hg_err *err);
double hg_policy_unscale(const hg_policy *p, double scaled);
/* scaled[n_pool, n_features]: the pool's features over their ranges. */
void hg_policy_scaled_pool(double *scaled, const hg_policy *p);
unsigned hg_policy_index_bits(const hg_policy *p); /* of an answer's index: ceil(log2 entries), at least 1 */
#endif
