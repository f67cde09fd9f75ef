/* party/split.h -- an owner's table becomes three share files, on the owner's machine
 *
 * The table is read a row at a time; a million rows need no more memory than ten. Every mistake is told with file, line and
 * column, and no share file appears unless the whole table was right: a property that is blank (passed over when asked),
 * NaN or outside the policy's range; a row whose features are no entry of the pool; a name that the pool has with
 * other features (another pool); a column that is missing.
 */
#ifndef HG_PARTY_SPLIT_H
#define HG_PARTY_SPLIT_H
#include "party/sharefile.h"

/* A row as it is shared. place, value: words of ring elements, both alike in tables and in --measured. */
typedef struct {
    uint32_t index;        /* of the pool; tier 3: 0 in a table, the entry after an answer */
    const uint64_t *place; /* [n_place] tier 3: scaled features, or the job */
    const uint64_t *value; /* [n_value] scaled property; none in a list of candidates */
    size_t n_place, n_value;
    const char *table; /* where it stands; NULL: not in a table */
    size_t line;
} hg_split_row;

typedef struct {
    const char *target; /* column of the property; NULL: the policy's name for it */
    bool skip_blank;    /* rows with a blank property are passed over; default: they are refused */
    hg_share_opts share;
    /* NULL, or told of every row before it is shared; what is not HG_OK ends the sharing */
    hg_status (*row)(void *self, const hg_split_row *row, hg_err *err);
    void *self;
    const hg_hooks *hooks;
} hg_split_opts;
hg_split_opts hg_split_opts_default(void);

typedef struct {
    uint64_t rows, blank, shared; /* with a property; without; shared, padding included */
    double least, greatest;       /* of the property; the owner's eyes only */
    hg_dataset statement;
    unsigned char id[HG_DIGEST];
} hg_split_result;

/* table: a CSV path. path[j]: the file for server j. Errors: HG_EPARSE, HG_EDATA, HG_ENOTFOUND, HG_ENAN with their
 * place; HG_EREFUSED, HG_EIO, HG_ELIMIT, HG_ENOMEM, HG_ECANCEL. */
HG_MUST_CHECK hg_status hg_split_table(hg_split_result *out, const hg_policy *p, const char *table,
                                       const hg_split_opts *opts, const char *const path[HG_SLOTS], hg_err *err);
/* n measured values at pool indices (tier 3: at entries): what a user registers after an answer. */
HG_MUST_CHECK hg_status hg_split_value(hg_split_result *out, const hg_policy *p, const size_t *index,
                                       const double *value, size_t n, const hg_split_opts *opts,
                                       const char *const path[HG_SLOTS], hg_err *err);

/* Which pool row has these raw features (within 1e-9 of each range) or this name? */
typedef struct hg_pool_index hg_pool_index;
HG_MUST_CHECK hg_status hg_pool_index_new(hg_pool_index **out, const hg_policy *p, hg_err *err);
bool hg_pool_index_find(size_t *row, const hg_pool_index *x, const double *features);
bool hg_pool_index_find_id(size_t *row, const hg_pool_index *x, const char *id, size_t len);
/* Has the row these features, within the tolerance? */
bool hg_pool_index_agrees(const hg_pool_index *x, size_t row, const double *features);
void hg_pool_index_free(hg_pool_index *x);
#endif
