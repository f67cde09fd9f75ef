/* hagane/model.h -- trained models in folders: what they predict for molecules, and where they come from
 *
 *   hg_model *m;
 *   HG_TRY(hg_model_load(&m, "models/qdf2", err));
 *   HG_TRY(hg_model_predict(p, why, m, molecules, n, 0, pool, mem, err));       p[n], why[n]
 *   p[i].property[k] is the k-th of hg_model_property(m, k)
 *
 * A folder holds card.json (who made it from what, and how good it is) and weights.safetensors, whose SHA-256 stands in
 * the card: weights of another card are refused.
 */
#ifndef HG_MODEL_H
#define HG_MODEL_H
#include "hagane/property.h"
HG_BEGIN_DECLS

typedef struct hg_model hg_model;

/* Errors: HG_EIO, HG_EPARSE; HG_ENOTFOUND a card without what is needed, or an architecture or a property that there is
 * not; HG_EDATA weights that are not the card's; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_model_load(hg_model **out, const char *folder, hg_err *err);
void hg_model_free(hg_model *m);

const char *hg_model_name(const hg_model *m);
const char *hg_model_architecture(const hg_model *m);                /* "qdf2 1" */
size_t hg_model_properties(const hg_model *m);                       /* > 0 */
const hg_property *hg_model_property(const hg_model *m, size_t i);   /* NULL past the last */
unsigned hg_model_gives(const hg_model *m);                          /* HG_ATOM_... that it has */
bool hg_model_tells_outside(const hg_model *m);                      /* false: hg_prediction.outside says nothing */
void hg_model_sizes(size_t *least, size_t *most, const hg_model *m); /* atoms of what was learned from; 0, 0: unknown */
const char *hg_model_card(const hg_model *m);                        /* the whole card, JSON */
const char *hg_architecture_name(size_t i); /* what can be loaded: "qdf-classic", ...; NULL past the last */

/* out[n], over the pool; their arrays lie in mem. `atoms` is a sum of HG_ATOM_...; what the model does not have stays
 * NULL. A molecule that cannot be predicted has its reason in why[i] (why[i].code is HG_OK else), and NaN; the others
 * are predicted all the same. Errors of the call itself: HG_ENOMEM, HG_EINVAL too many threads. */
HG_MUST_CHECK hg_status hg_model_predict(hg_prediction *out, hg_err *why, hg_model *m, hg_molecule *const *molecule,
                                         size_t n, unsigned atoms, hg_pool *pool, hg_arena *mem, hg_err *err);

HG_END_DECLS
#endif
