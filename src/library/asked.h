/* library/asked.h -- what a model of a table was asked to be: the part of its recipe.json that trains it again
 *
 *   hg_asked a;
 *   HG_TRY(hg_asked_load(&a, "models/steels", mem, err));          a.opts, but for pool, clock, hooks and sources
 *   HG_TRY(hg_predictor_fit(&p, table, a.target, &a.opts, err));   the same bits, if the table and the library are the same
 */
#ifndef HG_LIBRARY_ASKED_H
#define HG_LIBRARY_ASKED_H
#include "files/json.h"
#include "hagane/predictor.h"

#define HG_ASKED_SCHEMA "hagane.recipe/1"

typedef struct {
    hg_predictor_opts opts; /* its texts are in the arena */
    const char *target;
    const char *file, *sha256; /* of the table; NULL: not told */
    const char *library;       /* the version that made it */
    size_t n_sources;          /* models that became inputs */
} hg_asked;

/* The options that a recipe keeps, as members of the object that is being written. */
void hg_asked_write(hg_json *j, const hg_predictor_opts *o);
/* From the text of a recipe; `name` stands for the file in messages. A key that this version does not know is passed over.
 * Errors: HG_EPARSE with place; HG_EINVAL a value out of its range; HG_ELIMIT more than 4096 inputs; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_asked_read(hg_asked *a, const char *name, const char *text, size_t n, hg_arena *mem,
                                      hg_err *err);
/* recipe.json of a model's folder. Errors: the same; HG_EIO. */
HG_MUST_CHECK hg_status hg_asked_load(hg_asked *a, const char *folder, hg_arena *mem, hg_err *err);
#endif
