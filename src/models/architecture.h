/* models/architecture.h -- what a kind of model is to the library: one record, one line in models/architecture.c */
#ifndef HG_MODELS_ARCHITECTURE_H
#define HG_MODELS_ARCHITECTURE_H
#include "hagane/property.h"
#include "hagane/train.h"
#include "models/option.h"

/* ---- how a kind of model is trained ------------------------------------------------------------------------------ */

typedef struct {
    size_t n;
    hg_molecule *const *molecule; /* [n] */
    const double *value;          /* [n,properties of the architecture] in their units; NaN: not known */
} hg_labelled;

typedef struct {
    const double *option; /* [n_options] in the order of the table */
    uint64_t seed;
    hg_pool *pool; /* borrowed */
    const hg_hooks
        *hooks; /* words, and progress that returns false: HG_ECANCEL with a sentence of what is left behind */
    const char *identity; /* hashes of the data: what a resumed run must share */
    const char *log; /* path, one JSON object an epoch; NULL: none. This and the rest: only where `steps` is true */
    const char *checkpoint;       /* path; NULL: none */
    bool resume;                  /* go on from the checkpoint, if it is there */
    const hg_ranks *ranks;        /* NULL: alone */
    double (*seconds)(void *ctx); /* a clock; NULL: none */
    void *clock;
} hg_training;

typedef struct {
    const hg_train_option *option;
    size_t n_options;
    bool steps; /* learns step by step: checkpoint, resume, log and ranks mean something */
    /* A model as `load` would give it. validation->n may be 0: no error bars then. */
    hg_status (*fit)(void **model, const hg_labelled *train, const hg_labelled *validation, const hg_training *how,
                     hg_err *err);
    hg_status (*save)(const void *model, const char *path, hg_err *err);
} hg_arch_trainer;

/* ---- what it is -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;    /* "qdf2": for people */
    const char *version; /* "qdf2 1": in cards; another number, another meaning of the weights */
    /* All that such models may predict; a card lists those that its weights hold, and may name them more exactly. The
     * first one is the energy. */
    const hg_property *property;
    size_t n_properties;
    unsigned gives;     /* HG_ATOM_... */
    bool tells_outside; /* does it know what it has not learned from? */
    hg_status (*load)(void **model, const char *weights, hg_err *err);
    void (*free)(void *model);
    /* What one thread needs. */
    hg_status (*room_new)(void **room, const void *model, hg_err *err);
    void (*room_free)(void *room);
    /* out->property[n_properties] is the caller's and holds NaN, as charge and force do where they are wanted. */
    hg_status (*predict)(hg_prediction *out, const void *model, void *room, const hg_molecule *m, hg_err *err);
    void (*holds)(bool *property, const void *model); /* which of the properties; NULL: all of them */
    const hg_arch_trainer *train;                     /* NULL: such models cannot be trained here */
} hg_architecture;

const hg_architecture *hg_architecture_at(size_t i);                      /* NULL past the last */
const hg_architecture *hg_architecture_find(const char *name_or_version); /* NULL: there is none */

#endif
