/* library/folds_keep.h -- folds that are done, in a folder: a long evaluation goes on where it was stopped
 *
 * One JSON file a fold, fold-000.json and so on, there whole or not at all. Each bears the SHA-256 of all that its numbers follow from: the
 * cells of the table, the target, the folds, the options, what sources say of the rows, the program's version, its rules of choice
 * (hg_study_rules) and the versions of the learners: folds of an older program are refused, not taken for this one's.
 */
#ifndef HG_LIBRARY_FOLDS_KEEP_H
#define HG_LIBRARY_FOLDS_KEEP_H
#include "files/hash.h"
#include "hagane/predictor.h"

/* Errors: HG_ENOMEM, HG_EIO. */
HG_MUST_CHECK hg_status hg_folds_key(char key[HG_HASH_SIZE], const hg_table *t, const char *target,
                                     const hg_folds_opts *how, const hg_predictor_opts *o, hg_err *err);
/* Makes the folder where there is none. Errors: HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_fold_keep(const char *folder, size_t i, const char *key, const hg_fold *f, size_t classes,
                                     hg_err *err);
/* *there false: it was not done. f->name is what it must be called, rows are less than `rows`. Errors: HG_EINVAL it was done with
 * another key; HG_EPARSE, HG_EDATA no file that hg_fold_keep has written; HG_EIO, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_fold_find(bool *there, hg_fold *f, size_t *classes, const char *folder, size_t i,
                                     const char *key, size_t rows, hg_arena *mem, hg_err *err);
#endif
