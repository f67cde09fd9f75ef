/* library/factory.h -- many models from one recipe (library/recipe.h)
 *
 * A piece of work is one network of one property, or the one model of a property whose recipe names a learner. Pieces do not know of each other:
 * a piece's shape, first weights and order of rows come from the recipe's seed and its own number, so that it has the same bits wherever and
 * beside whatever it is made. A finished network lies in a file of its own in the folder of work, whole or not at all; that is the
 * checkpoint. A process that is killed loses the networks that it was at, one a thread. Several processes share the pieces out by their number.
 *
 *   work/lock                                      empty; a shard holds its number of it, who makes models all of it
 *   work/networks/PROPERTY/000007.safetensors      weights in bfloat16, and a hash of all that they depend on
 *   work/models/NAME/{card.json,weights.safetensors,recipe.json}
 *
 * Networks learn from the rows of training. The validation chooses the epoch, which networks are kept, and the width of intervals. Rows of
 * the test choose nothing: they are predicted once, for the card.
 */
#ifndef HG_LIBRARY_FACTORY_H
#define HG_LIBRARY_FACTORY_H
#include "library/pack.h"
#include "library/recipe.h"

typedef struct {
    const char *data;      /* folder that the tables of the recipe lie below                    default "." */
    const char *work;      /* folder of work, which is made                                     needed */
    const char *only;      /* this property alone; NULL: all                                    default NULL */
    bool train, finish;    /* train the pieces; make models of them                             default true, true */
    size_t shard, shards;  /* train every shards-th piece, from piece `shard` on                default 0, 1 */
    hg_pool *pool;         /* NULL: this thread */
    const hg_hooks *hooks; /* words, progress, and whether to go on */
} hg_factory_opts;
hg_factory_opts hg_factory_opts_default(void);

typedef struct {
    size_t pieces; /* of the recipe */
    size_t mine;   /* of this shard */
    size_t found;  /* of these were there already */
    size_t models; /* made, or found as they would be made */
} hg_factory_tally;

/* Errors: HG_ENOTFOUND a table, column, property, or with `finish` a piece that is not there yet; HG_EDATA a table that is not the recipe's, a
 * cell that cannot be used (unless the set leaves such rows out), too few rows; HG_EREFUSED a piece of another recipe in the folder of work, or another process at work there;
 * HG_ECANCEL what was finished is kept; HG_EIO, HG_ENOMEM; those of hg_mlp_train and hg_predictor_fit. */
HG_MUST_CHECK hg_status hg_factory_run(hg_factory_tally *out, const hg_recipe *r, const hg_factory_opts *o,
                                       hg_err *err);

/* Name of model i that the recipe makes; false past the last. */
bool hg_factory_model(char name[HG_PACK_NAME_MOST + 1], const hg_recipe *r, const char *only, size_t i);
#endif
