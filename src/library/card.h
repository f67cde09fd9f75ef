/* library/card.h -- the card of a model: read what is needed, write what the trainer knows */
#ifndef HG_LIBRARY_CARD_H
#define HG_LIBRARY_CARD_H
#include "core/text.h"
#include "hagane/core.h"

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
    const char *name, *architecture, *property, *unit;
    const char *source, *licence; /* of the data, in words */
    const hg_card_data *data;
    size_t n_data;
    const hg_card_number *options, *metrics;
    size_t n_options, n_metrics;
    uint64_t seed;
    size_t least_atoms, most_atoms; /* of a molecule that was learned from */
    const char *elements;           /* "C F H N O" */
    char weights_sha256[65];
} hg_card;

/* Replaces the file whole or not at all. */
HG_MUST_CHECK hg_status hg_card_write(const hg_card *c, const char *path, hg_err *err);
/* name, architecture, property, unit and weights_sha256, in the arena; *text the whole. Errors: HG_EIO, HG_EPARSE with place; HG_ENOTFOUND one
 * that is missing; HG_ELIMIT. */
HG_MUST_CHECK hg_status hg_card_read(hg_card *c, const char **text, const char *path, hg_arena *arena, hg_err *err);

#endif
