/* models/glass_model.h -- a kind of model of liquids: one record, one line in models/glass_model.c
 *
 * What all of them say: propensities of all particles at the times that they know, and changes of distances of pairs. Folders, scores and maps are
 * the same for every kind.
 */
#ifndef HG_MODELS_GLASS_MODEL_H
#define HG_MODELS_GLASS_MODEL_H
#include "models/glass_floor.h"

typedef struct {
    const char *name;    /* "floor": for people */
    const char *version; /* "glass-floor 1": in cards */
    hg_status (*load)(void **model, const char *weights, hg_err *err);
    void (*free)(void *model);
    hg_floor_facts (*about)(const void *model);
    hg_status (*predict)(float *propensity, float *stretch, const void *model, const hg_snapshot *s,
                         const uint32_t *pair, size_t n_pairs, hg_pool *pool, hg_err *err);
} hg_glass_kind;

const hg_glass_kind *hg_glass_kind_at(size_t i);                      /* NULL past the last */
const hg_glass_kind *hg_glass_kind_find(const char *name_or_version); /* NULL: there is none */

typedef struct {
    const hg_glass_kind *kind;
    void *model;
} hg_glass_model;

/* Errors: those of reading weights of that kind. */
HG_MUST_CHECK hg_status hg_glass_model_load(hg_glass_model **out, const hg_glass_kind *kind, const char *weights,
                                            hg_err *err);
void hg_glass_model_free(hg_glass_model *m);
hg_floor_facts hg_glass_model_about(const hg_glass_model *m);
/* As hg_floor_predict; HG_ENAN a propensity that is not a finite number. */
HG_MUST_CHECK hg_status hg_glass_model_predict(float *propensity, float *stretch, const hg_glass_model *m,
                                               const hg_snapshot *s, const uint32_t *pair, size_t n_pairs,
                                               hg_pool *pool, hg_err *err);
#endif
