/* hagane/space.h -- spaces without a pool: continuous, integer, categorical and mixture variables, from YAML
 *
 *   variables:
 *     temperature (C): {min: 400, max: 900}
 *     layers:          {min: 1, max: 8, integer: true}
 *     solvent:         {levels: [water, ethanol, DMF]}
 *     Fe:              {min: 0, max: 1, mixture: alloy}   # variables of one mixture sum to 1
 *     Co:              {min: 0, max: 0.5, mixture: alloy}
 */
#ifndef HG_SPACE_H
#define HG_SPACE_H
#include "hagane/table.h"

typedef struct hg_space hg_space;

HG_BEGIN_DECLS
/* A file of at most 1 MiB, compressed or not; "-" is standard input. Errors: HG_EPARSE with file, line, column and advice;
 * HG_EIO; HG_ELIMIT; HG_EDATA (a mixture that cannot sum to 1); HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_space_read(hg_space **out, const char *path, hg_err *err);
HG_MUST_CHECK hg_status hg_space_read_memory(hg_space **out, const char *name, const char *text, size_t len,
                                             hg_err *err);
size_t hg_space_variables(const hg_space *s);
const char *hg_space_variable(const hg_space *s, size_t i);
/* n points that fill the space evenly (scrambled Sobol; mixtures uniform on their simplex), as a table of its columns.
 * Continuous values are decimals in steps of 1e-4 of the decade of their range (400..900: 0.01), and zero is zero. A
 * space without continuous variables and with at most n points comes back whole, each point once. */
HG_MUST_CHECK hg_status hg_space_sample(hg_table **out, const hg_space *s, size_t n, uint64_t seed, hg_err *err);
/* Points near `row` of t: a local move of each variable of size `step` (0..1 of its range), for refinement. */
HG_MUST_CHECK hg_status hg_space_neighbours(hg_table **out, const hg_space *s, const hg_table *t, size_t row, size_t n,
                                            double step, uint64_t seed, hg_err *err);
void hg_space_free(hg_space *s);
HG_END_DECLS
#endif
