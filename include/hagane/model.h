/* hagane/model.h -- trained models in folders: what they predict for molecules, and where they come from
 *
 *   hg_model *m;
 *   HG_TRY(hg_model_load(&m, "models/qdf2", err));
 *   HG_TRY(hg_model_predict(p, why, m, molecules, n, pool, err));       p[n], why[n]
 *
 * A folder holds card.json (who made it from what, and how good it is) and weights.safetensors, whose SHA-256 stands in the card: weights
 * of another card are refused.
 */
#ifndef HG_MODEL_H
#define HG_MODEL_H
#include "hagane/molecule.h"
HG_BEGIN_DECLS

typedef struct hg_model hg_model;

typedef struct {
    double value, sd; /* of the card's property, in its unit; sd NaN: the model has no error bars */
    bool outside;     /* the model says that it has not seen such a thing */
} hg_prediction;

/* Errors: HG_EIO, HG_EPARSE; HG_ENOTFOUND a card without what is needed, or an architecture that there is not; HG_EDATA weights that are not the
 * card's; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_model_load(hg_model **out, const char *folder, hg_err *err);
void hg_model_free(hg_model *m);

const char *hg_model_name(const hg_model *m);
const char *hg_model_architecture(const hg_model *m); /* "qdf2 1" */
const char *hg_model_property(const hg_model *m);     /* "atomization energy" */
const char *hg_model_unit(const hg_model *m);         /* "eV" */
const char *hg_model_card(const hg_model *m);         /* the whole card, JSON */
const char *hg_architecture_name(size_t i); /* what can be trained or loaded: "qdf-classic", ...; NULL past the last */

/* out[n], over the pool. A molecule that cannot be predicted has its reason in why[i] (why[i].code is HG_OK else), and NaN; the others are
 * predicted all the same. Errors of the call itself: HG_ENOMEM, HG_EINVAL too many threads. */
HG_MUST_CHECK hg_status hg_model_predict(hg_prediction *out, hg_err *why, hg_model *m, hg_molecule *const *molecule,
                                         size_t n, hg_pool *pool, hg_err *err);

HG_END_DECLS
#endif
