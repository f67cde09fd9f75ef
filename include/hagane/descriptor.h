/* hagane/descriptor.h -- numbers from a composition: XenonPy's 290, Magpie's 132, element fractions
 *
 * A descriptor set is one record in a table (describe/descriptors.c): name, dimension, names of its numbers, function.
 */
#ifndef HG_DESCRIPTOR_H
#define HG_DESCRIPTOR_H
#include "hagane/composition.h"

typedef struct hg_descriptor hg_descriptor; /* a constant record of the table; never freed */

HG_BEGIN_DECLS
size_t hg_descriptor_count(void);
const hg_descriptor *hg_descriptor_at(size_t i);
/* "xenonpy290", "magpie132", "fractions". HG_ENOTFOUND with the list. */
HG_MUST_CHECK hg_status hg_descriptor_find(const hg_descriptor **out, const char *name, hg_err *err);
const char *hg_descriptor_name(const hg_descriptor *d);
const char *hg_descriptor_source(const hg_descriptor *d); /* paper and data, one line */
size_t hg_descriptor_dim(const hg_descriptor *d);
const char *hg_descriptor_column(const hg_descriptor *d, size_t j); /* "ave:atomic_number" */
/* x[dim]. Errors: HG_EDATA naming the element that is beyond the descriptor's table. Never silently zero. */
HG_MUST_CHECK hg_status hg_descriptor_compute(double *x, const hg_descriptor *d, const hg_composition *c, hg_err *err);
HG_END_DECLS
#endif
