/* library/card.h -- the card of a model: read what is needed, write what the trainer knows
 *
 * JSON, schema "hagane.card/1": name, architecture; properties, each with symbol, name, unit and metrics; data with
 * their hashes, their source and licence; domain (elements, sizes); options and seed of the training; the library's
 * version; weights_sha256.
 */
#ifndef HG_LIBRARY_CARD_H
#define HG_LIBRARY_CARD_H
#include "hagane/property.h"

typedef struct {
    const char *role; /* "train", "validation" */
    const char *file; /* its name without folders */
    char sha256[65];
    size_t molecules;
} hg_card_data;

typedef struct {
    const char *name, *unit; /* "mean absolute error of validation", "eV" */
    double value;
} hg_card_number;

typedef struct {
    hg_property what;
    const hg_card_number *metrics;
    size_t n_metrics;
} hg_card_property;

typedef struct {
    const char *name, *architecture;
    hg_card_property property[HG_PROPERTIES_MOST];
    size_t n_properties;
    const char *source, *licence; /* of the data, in words */
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
/* name, architecture, properties without their metrics, domain and weights_sha256, in the arena; *text the whole.
 * Errors: HG_EIO, HG_EPARSE with place; HG_ENOTFOUND one that is missing; HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_card_read(hg_card *c, const char **text, const char *path, hg_arena *arena, hg_err *err);
/* The same from text[n]; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_card_read_text(hg_card *c, const char *name, const char *text, size_t n, hg_arena *arena,
                                          hg_err *err);

#endif
