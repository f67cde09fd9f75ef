/* models/architecture.h -- what a kind of model is to the library: one record, one line in models/architecture.c */
#ifndef HG_MODELS_ARCHITECTURE_H
#define HG_MODELS_ARCHITECTURE_H
#include "hagane/molecule.h"

typedef struct {
    double value, sd;
    bool outside;
} hg_estimate;

typedef struct {
    const char *name;    /* "qdf2": for people */
    const char *version; /* "qdf2 1": in cards; another number, another meaning of the weights */
    hg_status (*load)(void **model, const char *weights, hg_err *err);
    void (*free)(void *model);
    /* What one thread needs. */
    hg_status (*room_new)(void **room, const void *model, hg_err *err);
    void (*room_free)(void *room);
    hg_status (*predict)(hg_estimate *out, const void *model, void *room, const hg_molecule *m, hg_err *err);
} hg_architecture;

const hg_architecture *hg_architecture_at(size_t i);                      /* NULL past the last */
const hg_architecture *hg_architecture_find(const char *name_or_version); /* NULL: there is none */

#endif
