/* files/molecule_set.h -- molecules of a file with the values that belong to them: all at once, or a block at a time
 *
 *   hg_molecule_set s = { 0 };
 *   HG_TRY(hg_molecule_set_fill(&s, file, path, NULL, SIZE_MAX, mem, err));     s.molecule[s.n], s.value[s.n, targets]
 *
 * For a block at a time: a mark of the arena before each, SIZE of the block as `most`, and an empty set again.
 */
#ifndef HG_FILES_MOLECULE_SET_H
#define HG_FILES_MOLECULE_SET_H
#include "hagane/molecule_file.h"

typedef struct {
    const char *name; /* of a value of the molecules; NULL: the only number that each has */
    double factor;    /* value = factor * what the file says */
    bool optional;    /* NaN where a molecule has none; else that is refused */
} hg_target;

typedef struct {
    const hg_target *target; /* [n_targets];                                                         default NULL, 0 */
    size_t n_targets;
    bool keep_refused; /* a refused molecule behind which the file goes on has a place of its own;      default false */
} hg_molecule_set_opts;

typedef struct {
    size_t n, cap;
    hg_molecule **molecule; /* [n]; NULL: refused */
    double *value;          /* [n,targets]; NaN of the refused */
    hg_err *why;            /* [n] with keep_refused: why it was refused, with its place; code HG_OK else */
} hg_molecule_set;

/* Appends molecules until there are `most`, or the file ends. `path` stands in messages; opts NULL: no targets. All of
 * it lies in mem. Errors: those of hg_molecule_file_next; HG_ENOTFOUND a molecule without the target; HG_EDATA one
 * without a name given, and not one number, or one that is not finite. */
HG_MUST_CHECK hg_status hg_molecule_set_fill(hg_molecule_set *s, hg_molecule_file *f, const char *path,
                                             const hg_molecule_set_opts *opts, size_t most, hg_arena *mem, hg_err *err);
/* The whole file. */
HG_MUST_CHECK hg_status hg_molecule_set_read(hg_molecule_set *s, const char *path, const hg_molecule_set_opts *opts,
                                             hg_arena *mem, hg_err *err);
#endif
