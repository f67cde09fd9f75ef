/* models/architecture.h -- what a kind of model is to the library: one record, one line in models/architecture.c */
#ifndef HG_MODELS_ARCHITECTURE_H
#define HG_MODELS_ARCHITECTURE_H
#include "hagane/property.h"

typedef struct {
    const char *name;    /* "qdf2": for people */
    const char *version; /* "qdf2 1": in cards; another number, another meaning of the weights */
    /* All that such models may predict; a card lists those that its weights hold, and may name them more exactly. The
     * first one is the energy, whose derivative the forces are. */
    const hg_property *property;
    size_t n_properties;
    unsigned gives; /* HG_ATOM_... */
    hg_status (*load)(void **model, const char *weights, hg_err *err);
    void (*free)(void *model);
    /* What one thread needs. */
    hg_status (*room_new)(void **room, const void *model, hg_err *err);
    void (*room_free)(void *room);
    /* out->property[n_properties] is the caller's and holds NaN, as charge and force do where they are wanted. */
    hg_status (*predict)(hg_prediction *out, const void *model, void *room, const hg_molecule *m, hg_err *err);
} hg_architecture;

const hg_architecture *hg_architecture_at(size_t i);                      /* NULL past the last */
const hg_architecture *hg_architecture_find(const char *name_or_version); /* NULL: there is none */

#endif
