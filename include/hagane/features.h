/* hagane/features.h -- from the columns of a table to the matrix a model learns from
 *
 * A recipe is fitted once on the columns (which ones, which encoding), and applied to any table with the same columns.
 * Each input column becomes one GROUP of dimensions: a number column 1, a categorical column one 0/1 dimension per level,
 * a formula column the numbers of a descriptor. Groups let a model use one length scale per column.
 */
#ifndef HG_FEATURES_H
#define HG_FEATURES_H
#include "hagane/table.h"

typedef enum { HG_GROUP_NUMBER, HG_GROUP_CATEGORY, HG_GROUP_FORMULA } hg_group_kind;

typedef struct {
    const char *column; /* header name */
    hg_group_kind kind;
    size_t first, dim; /* its dimensions: first .. first + dim - 1 */
} hg_feature_group;

typedef struct {
    const char *const *columns; /* use exactly these; NULL = choose                              default NULL */
    size_t n_columns;
    const char *const *exclude; /* when choosing, never these (targets, cost, failed, ids)       default none */
    size_t n_exclude;
    const char *formula;    /* name of the formula column, used even when `columns` does not list it;
                             * NULL = recognise it                                           default NULL */
    const char *descriptor; /* for a formula column                                          default "xenonpy290" */
    size_t max_levels;      /* a text column with more distinct values is not a category     default 50 */
} hg_features_opts;

typedef struct hg_features hg_features;

HG_BEGIN_DECLS
hg_features_opts hg_features_opts_default(void);
/* Chooses and encodes by looking at tables t[n_tables] together (measured rows and candidates).
 * Choosing takes number columns that are complete, finite and not constant in all tables; one formula column (named formula,
 * composition, compound, ... or with nearly only compounds in it); text columns with 2..max_levels levels. It leaves out,
 * with the reason in hg_features_words: columns that one table lacks or with cells missing, constants, ids (named id,
 * index, no, #, *_id), row counters (0,1,2.. in 5 rows or more, unless nothing else is there) and notes on the origin (DOI,
 * reference, comment, ...). Named columns (and the formula) are used or refused with place and reason; a constant one is
 * dropped with a word. Of a formula's numbers those are kept that differ between rows.
 * Names are found as by hg_table_find. max_levels is cut to 10000.
 * Errors: HG_ENOTFOUND a column, excluded column or descriptor; HG_EDATA no rows, nothing left to use, a cell that cannot be
 * used (file, line and column); HG_ENAN an infinite cell; HG_EINVAL a column named twice; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_features_fit(hg_features **out, const hg_table *const *t, size_t n_tables,
                                        const hg_features_opts *opts, hg_err *err);
/* x[rows, dim] for every row of t (columns found by name). Errors as above; HG_EDATA also for a level not fitted on. */
HG_MUST_CHECK hg_status hg_features_apply(double *x, const hg_features *f, const hg_table *t, hg_err *err);
size_t hg_features_dim(const hg_features *f);
const char *hg_features_name(const hg_features *f,
                             size_t j); /* of dimension j: "x_pos_mm", "phase=fcc", "ave:density" */
size_t hg_features_groups(const hg_features *f);
const hg_feature_group *hg_features_group(const hg_features *f, size_t g);
const char *hg_features_words(const hg_features *f); /* what was chosen and left out, in sentences */
/* What was left out for a few cells alone and may well matter, and what to do; "" when there is nothing to say. */
const char *hg_features_warning(const hg_features *f);
void hg_features_free(hg_features *f);
HG_END_DECLS
#endif
