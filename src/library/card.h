/* library/card.h -- the card of a model: read what is needed, write what the trainer knows
 *
 * JSON, schema "hagane.card/1": name, architecture; properties, each with symbol, name, unit, metrics and the range of
 * what was learned; data with their hashes, their source and licence, how they were split; domain (elements, sizes);
 * method, descriptor, parent, options and seed of the training; the library's version; weights_sha256. Only name, architecture,
 * properties and weights_sha256 must be there: what a trainer does not know is absent or null.
 */
#ifndef HG_LIBRARY_CARD_H
#define HG_LIBRARY_CARD_H
#include "hagane/property.h"

typedef struct {
    const char *role; /* "train", "validation" */
    const char *file; /* its name without folders */
    char sha256[65];
    size_t molecules, rows; /* the one that is not 0 */
    size_t compositions;    /* different ones, of which the weights keep hashes; 0: they do not */
} hg_card_data;

typedef struct {
    const char *name, *unit; /* "mean absolute error of validation", "eV" */
    double value;
} hg_card_number;

typedef struct {
    hg_property what;
    const hg_card_number *metrics;
    size_t n_metrics;
    double least, most; /* of the values that were learned, in its unit; both 0: not told */
} hg_card_property;

enum { HG_CARD_METRICS_MOST = 64 }; /* of one property, on reading */

typedef struct {
    const char *name, *architecture;
    hg_card_property property[HG_PROPERTIES_MOST];
    size_t n_properties;
    const char *method;                 /* how it was learned, in words: "extratrees 0.6, mlp 0.4"; NULL: not told */
    const char *descriptor;             /* what makes the numbers that it learns from, "xenonpy290 1"; NULL: none */
    const char *source, *licence;       /* of the data, in words */
    const char *split;                  /* how train, validation and test were parted, in words */
    const char *parent, *parent_sha256; /* a transferred model's: name and weights; NULL: none */
    const hg_card_data *data;
    size_t n_data;
    const hg_card_number *options;
    size_t n_options;
    uint64_t seed;
    size_t least_atoms, most_atoms; /* of a molecule that was learned from; 0: unknown */
    const char *elements;           /* "C F H N O" */
    char weights_sha256[65];
} hg_card;

/* Replaces the file whole or not at all. */
HG_MUST_CHECK hg_status hg_card_write(const hg_card *c, const char *path, hg_err *err);
/* All but data, options and seed, in the arena; *text the whole. A metric without a value (null) is NaN.
 * Errors: HG_EIO, HG_EPARSE with place; HG_ENOTFOUND one that is missing; HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_card_read(hg_card *c, const char **text, const char *path, hg_arena *arena, hg_err *err);
/* The same from text[n]; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_card_read_text(hg_card *c, const char *name, const char *text, size_t n, hg_arena *arena,
                                          hg_err *err);

#endif
