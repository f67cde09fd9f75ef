/* models/botan_tape.h -- BOTAN on a tape, as models/botan.h says it: the plain version beside models/botan_pass.c
 *
 * In floats or doubles. Slow, and the oracle of the tests. */
#ifndef HG_MODELS_BOTAN_TAPE_H
#define HG_MODELS_BOTAN_TAPE_H
#include "hagane/tensor.h"
#include "models/botan.h"

/* w[l->count] and grad[l->count] (NULL: none is wanted) are of the tape's dtype and borrowed; backward adds to grad. node[n,1] and edge[edges,1];
 * NULL after a failure of the tape. */
void hg_botan_tape(hg_tensor **node, hg_tensor **edge, hg_tape *t, void *w, void *grad, const hg_botan_layout *l,
                   const hg_botan_graph *g);
#endif
