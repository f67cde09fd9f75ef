/* library/recipe.h -- what the factory makes: data sets, their properties, and the networks for each
 *
 *   schema: hagane.factory/1
 *   seed: 1
 *   networks: {count: 8, keep: 4, layers: [1, 3], width: [40, 160]}
 *   sets:
 *     - table: composition-properties/aflow__ael_debye_temperature.csv.xz     below the folder of data
 *       source: AFLOW
 *       licence: MIT
 *       formula: formula
 *       descriptor: magpie132+fractions
 *       split: {column: split, validation: val, test: test}
 *       properties:
 *         - {name: debye-aflow, target: target, what: Debye temperature, unit: K}
 *
 * YAML, of which JSON is a part. docs/factory.md tells of each key. Every mistake has its line and column. What a model of the factory keeps as
 * recipe.json is the part of the recipe that makes it, and is a recipe itself.
 */
#ifndef HG_LIBRARY_RECIPE_H
#define HG_LIBRARY_RECIPE_H
#include "files/json.h"
#include "hagane/predictor.h"

#define HG_RECIPE_SCHEMA "hagane.factory/1"

enum {
    HG_RECIPE_NAME = 180,
    HG_RECIPE_WORD = 256,
    HG_RECIPE_PATH = 1024,
    HG_RECIPE_INPUTS = 4096,
    HG_RECIPE_SETS = 1000
};

typedef struct {
    size_t first, count; /* networks first .. first + count - 1 of the series that the seed draws   default 0, 8 */
    size_t keep;         /* the best of them by validation in one model; 0: each is a model         default 4 */
    size_t layers[2];    /* hidden ones, least and most                                             default 1, 3 */
    size_t width[2];     /* units of the first one                                                  default 40, 160 */
    double taper[2];     /* each next one has so many times the units                               default 0.4, 1 */
    double rate[2]; /* highest learning rate; its logarithm is drawn                           default 1e-3, 4e-3 */
    size_t epochs, least, steps; /* as many epochs as `steps` steps take, from `least` to `epochs` of them
                              *                                                             default 300, 10, 20000 */
    size_t batch; /* rows a step                                                             default 64 */
    double decay,
        corner; /* of weights; of the Huber loss in standard deviations                    default 0.01, 0.05 */
} hg_recipe_networks;

typedef struct {
    char name[HG_RECIPE_NAME];   /* of the model */
    char target[HG_RECIPE_WORD]; /* column */
    char what[HG_RECIPE_WORD];   /* "Debye temperature"; the column's name unless it is given */
    char unit[64];               /* "" for none */
    hg_task_kind task;
    hg_scale_kind scale; /* of networks AUTO is logarithms where hg_logs_worth says so */
} hg_recipe_property;

typedef struct {
    char table[HG_RECIPE_PATH]; /* below the folder of data */
    char sha256[65];            /* of the file; "": any */
    char source[HG_RECIPE_WORD], licence[HG_RECIPE_WORD];
    char formula[HG_RECIPE_WORD], descriptor[HG_RECIPE_WORD]; /* "": none */
    const char **input;                                       /* [n_inputs] columns besides the formula */
    size_t n_inputs;
    bool leave_out; /* rows whose inputs cannot be read are counted and left out; else they are an error */
    size_t rows;    /* at most so many to learn from, drawn; 0: all */
    bool unlisted;  /* models keep no hashes of the compositions that they learned from; networks are the same */
    /* The column that says which rows are of the test and of the validation; where it does not, a tenth of the compositions
     * is drawn. */
    char column[HG_RECIPE_WORD], test[HG_RECIPE_WORD], validation[HG_RECIPE_WORD];
    char learner[64], settings[HG_RECIPE_WORD]; /* "": networks; "auto": the choice of `hagane train`; else a learner */
    hg_recipe_networks networks;
    hg_recipe_property *property; /* [n_properties] */
    size_t n_properties;
} hg_recipe_set;

typedef struct hg_recipe {
    hg_arena *mem;
    uint64_t seed;
    hg_recipe_set *set; /* [n_sets] */
    size_t n_sets;
} hg_recipe;

/* Errors: HG_EIO; HG_EPARSE with line and column: unknown keys, numbers out of range, names that come twice or can be no model's, a
 * table outside of the folder of data; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_recipe_read(hg_recipe **out, const char *path, hg_err *err);
/* The same from text[n]; `name` stands for the file. */
HG_MUST_CHECK hg_status hg_recipe_read_text(hg_recipe **out, const char *name, const char *text, size_t n, hg_err *err);
void hg_recipe_free(hg_recipe *r);

/* The part that makes networks first .. first + count - 1 of a property, as a recipe: one line of keys an object. */
void hg_recipe_write(hg_json *j, const hg_recipe *r, const hg_recipe_set *s, const hg_recipe_property *p,
                     const char *sha256, const hg_recipe_networks *networks);
#endif
