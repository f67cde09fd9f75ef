/* library/evaluate.h -- models side by side against known values, all together and by the size of the molecules
 *
 * Molecules come a block at a time; what is kept is a row of sums a size.
 */
#ifndef HG_LIBRARY_EVALUATE_H
#define HG_LIBRARY_EVALUATE_H
#include "files/molecule_set.h"
#include "hagane/figure.h"
#include "hagane/model.h"
#include "library/baseline.h"
#include "library/quality.h"

enum { HG_JUDGED_MOST = 8 };

typedef struct {
    const char *name;
    hg_model *model;             /* borrowed; NULL: */
    const hg_baseline *baseline; /* borrowed, fitted */
    size_t property;             /* of the model */
    size_t least, most;          /* atoms of what it was trained on; 0: unknown */
} hg_judged;

typedef struct {
    hg_judged judged[HG_JUDGED_MOST];
    size_t n_judged;
    hg_quality total[HG_JUDGED_MOST];
    hg_quality_table by_size;     /* columns: the judged */
    hg_err first[HG_JUDGED_MOST]; /* why the first one failed that could not be predicted */
} hg_evaluation;

/* Errors: HG_EINVAL too many. */
HG_MUST_CHECK hg_status hg_evaluation_add(hg_evaluation *e, const hg_judged *judged, hg_err *err);
/* The block's molecules, with the known values as its only target. `mem` is scratch. */
HG_MUST_CHECK hg_status hg_evaluation_block(hg_evaluation *e, const hg_molecule_set *block, hg_pool *pool,
                                            hg_arena *mem, hg_err *err);
/* Mean absolute errors by size, in a unit of which `factor` make one of the property's; the sizes of the first model's
 * training are shaded. Errors: those of hg_figure_render. */
HG_MUST_CHECK hg_status hg_evaluation_figure(hg_bytes *out, const hg_evaluation *e, const char *unit, double factor,
                                             hg_figure_format format, hg_err *err);
void hg_evaluation_free(hg_evaluation *e);
#endif
