/* party/policy_internal.h -- the numbers of a policy in one table, and what its reader and writer share */
#ifndef HG_PARTY_POLICY_INTERNAL_H
#define HG_PARTY_POLICY_INTERNAL_H
#include "files/yaml.h"
#include "party/policy.h"

typedef enum { HG_FIELD_SIZE, HG_FIELD_UNSIGNED, HG_FIELD_INT, HG_FIELD_REAL, HG_FIELD_BOOL } hg_field_kind;

/* One number of the policy: its key in the text, its place in hg_policy, its range. */
typedef struct {
    const char *key;
    size_t at;
    hg_field_kind kind;
    double least, most;
    bool may_change; /* in a policy that takes the place of another */
} hg_policy_field;

enum { HG_POLICY_MODEL_FIELDS = 9, HG_POLICY_LIMIT_FIELDS = 10 };
extern const hg_policy_field HG_POLICY_MODEL[HG_POLICY_MODEL_FIELDS], HG_POLICY_LIMITS[HG_POLICY_LIMIT_FIELDS];
extern const char *const HG_POLICY_TIERS[HG_TIER_COMPOSITIONS]; /* names of tier 1, 2, 3 in the text */

typedef struct {
    hg_yaml y;
    hg_policy *p;
    const char *name, *folder; /* of the file; folder NULL: a pool file cannot be read */
    const char *text;          /* [len] */
    size_t len;
} hg_policy_reader;

/* Fills pool, ids, candidates from the value of the key "pool"; the features are known. */
HG_MUST_CHECK hg_status hg_policy_read_pool(hg_policy_reader *r, const yaml_node_t *n);
/* Appends the pool's rows as CSV lines, each behind `indent` blanks. */
void hg_policy_write_pool(hg_text *to, const hg_policy *p, int indent);
/* What shares mean and what a policy that takes this one's place must leave alone. */
void hg_policy_write_fixed(hg_text *to, const hg_policy *p);
/* Bytes of text before the first signature line. */
size_t hg_policy_unsigned_size(const char *text, size_t n);
#endif
