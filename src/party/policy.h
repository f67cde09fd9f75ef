/* party/policy.h -- what the owners agreed on before anything was shared
 *
 * A policy is a YAML text with the signatures of every owner it names; its digest (SHA-256 of the text) stands in every share
 * file, every job and every handshake. Servers take a policy only when all owners signed it and it has not expired. Nothing
 * that a policy fixes can be changed by a job: the candidate pool, the grid, the prior, the noise floor, kappa, ranges,
 * tier, mode, budgets, who may ask. docs/secret.md has the format.
 */
#ifndef HG_PARTY_POLICY_H
#define HG_PARTY_POLICY_H
#include "hagane/core.h"
#include "secret/model.h"
#include "secret/run.h"

enum { HG_NAME_SIZE = 64, HG_DIGEST = 32, HG_PUBLIC_KEY = 32, HG_SIGNATURE = 64, HG_MEMBERS_MOST = 64 };

typedef struct {
    char name[HG_NAME_SIZE];          /* letters, digits, '-', '_', '.' */
    unsigned char key[HG_PUBLIC_KEY]; /* Ed25519 */
    bool server, owner, user;         /* roles; an owner may also ask when `user` */
    size_t budget;                    /* queries this member may ask */
} hg_member;

typedef struct hg_policy { /* made by hg_policy_read; one allocation, free with hg_policy_free */
    char project[HG_NAME_SIZE];
    hg_tier tier;
    hg_mode mode;
    char target[128]; /* column of the property */
    bool maximize;
    double low, high; /* range of the property, its units; outside is refused at ingest */
    size_t n_pool, n_features;
    char **feature;                 /* [n_features] column names */
    double *pool;                   /* [n_pool, n_features] raw values; NULL on tier 3 */
    double *scale_low, *scale_high; /* [n_features] public ranges: scaled feature = (x - low) / (high - low) */
    unsigned char pool_digest[HG_DIGEST];
    hg_secret_model model;
    size_t most_entries; /* tier 3: the padded pool size P */
    size_t padding;      /* tiers 2 and 3: rows of a data set are padded to a multiple of this */
    size_t least_pool,
        least_foreign;     /* minimum pool size (default 32), minimum rows of other owners before an answer */
    size_t dataset_budget; /* queries that one data set may take part in */
    unsigned release_bits; /* 0: nothing but the index; else the mean is released rounded, at this price in bits */
    double plausibility;   /* leave-one-out: flag when residual^2 > this times its variance; 0: off; default 16 */
    double epsilon_budget; /* differential privacy: sum over queries, 0: none */
    int64_t not_before, expires; /* seconds since 1970 */
    hg_member *member;
    size_t n_members; /* three servers among them */
    unsigned char digest[HG_DIGEST];
    hg_arena *arena;
} hg_policy;

/* bytes: the YAML text alone or with signatures after it. Errors: HG_EPARSE with line and column, HG_EINVAL, HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_policy_read(hg_policy **out, const char *name, const void *bytes, size_t n, hg_err *err);
/* HG_EREFUSED unless every owner's signature is there and right. */
HG_MUST_CHECK hg_status hg_policy_verify(const hg_policy *p, const void *bytes, size_t n, int64_t now, hg_err *err);
const hg_member *hg_policy_member(const hg_policy *p, const char *name); /* NULL: none */
const hg_member *hg_policy_member_of_key(const hg_policy *p, const unsigned char key[HG_PUBLIC_KEY]);
void hg_policy_free(hg_policy *p);
/* The property's value scaled to a ring element (3 limbs, HG_Y_FRACTION) and back. HG_EDATA outside the range, HG_ENAN. */
HG_MUST_CHECK hg_status hg_policy_scale(uint64_t *element, const hg_policy *p, double value, hg_err *err);
#endif
