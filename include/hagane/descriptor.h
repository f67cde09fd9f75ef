/* hagane/descriptor.h -- numbers from a composition: XenonPy's 290, Magpie's 132, element fractions, chemistry, alloys; or several
 *
 * A descriptor set is one record in a table (describe/descriptor.c): name, dimension, names of its numbers, function.
 * With w_k = fraction of atoms of species k, n_k its amount as written, f_k its element feature:
 *   xenonpy290  58 features in the blocks ave: sum w f, sum: sum n f, var: sum w (f - ave)^2, max:, min:. The sums depend on
 *               how the formula is written (Fe2O3 or Fe4O6), as XenonPy's do; all else on the ratios only.
 *   magpie132   22 properties in the blocks min:, max:, range:, mean: sum w f, mean_deviation: sum w |f - mean|,
 *               mode: f of the most abundant element (of several, the least).
 *   fractions   w of each of the 118 elements.
 *   chemistry62 norms of w; shares of s, p, d, f electrons; ionic character of pairs; charges by a rule and what shells keep at them;
 *               properties of those who give and those who take electrons; families of elements (src/describe/chemistry.h).
 *   alloy24     heats of mixing, misfits of size, modulus and electrons, about the mean and about the main element, for 72 elements
 *               (src/describe/alloy.h).
 * Names joined by '+' are sets side by side: "magpie132+chemistry62". Their numbers come in the order of the list above, however it is
 * written; a compound that one of them cannot describe is refused.
 * Deuterium and tritium have the features of hydrogen but their own atomic weight; in fractions they count as hydrogen.
 * Cost: about 0.2 us for 290 numbers of a ternary compound (bench/describe); no allocation.
 */
#ifndef HG_DESCRIPTOR_H
#define HG_DESCRIPTOR_H
#include "hagane/composition.h"

typedef struct hg_descriptor hg_descriptor; /* a constant record of the table; never freed */

HG_BEGIN_DECLS
size_t hg_descriptor_count(void);
const hg_descriptor *hg_descriptor_at(size_t i);
/* "xenonpy290", "magpie132", "fractions", "chemistry62", "alloy24", or some of them with '+' between. HG_ENOTFOUND with the list; HG_EINVAL one twice. */
HG_MUST_CHECK hg_status hg_descriptor_find(const hg_descriptor **out, const char *name, hg_err *err);
const char *hg_descriptor_name(const hg_descriptor *d);
const char *hg_descriptor_source(const hg_descriptor *d); /* paper and data, one line */
size_t hg_descriptor_dim(const hg_descriptor *d);
const char *hg_descriptor_column(const hg_descriptor *d, size_t j); /* "ave:atomic_number" */
/* The set that number j is of, where that set is statistics of the elements' properties ("xenonpy290", "magpie132"), of which two say much
 * the same; NULL: it is not. */
const char *hg_descriptor_statistics(const hg_descriptor *d, size_t j);
/* The set that number j is of, where that set knows more than the composition does; NULL: it is a fraction, or there is no number j. */
const char *hg_descriptor_derived(const hg_descriptor *d, size_t j);
/* x[dim]. Errors: HG_EDATA naming the element (and property) that the descriptor's table does not have: never silently zero;
 * HG_EINVAL an empty composition, an element outside 1..118, an amount that is not positive. */
HG_MUST_CHECK hg_status hg_descriptor_compute(double *x, const hg_descriptor *d, const hg_composition *c, hg_err *err);
HG_END_DECLS
#endif
