/* learn/domain.h -- what a model has learned from, so that it can say when it is asked for something else
 *
 * Three signs: an element that no row had; a number of a column of the table outside of the range that was seen; a distance
 * to the nearest of HG_DOMAIN_POINTS rows that is farther than rows of the training set are from rows of other groups.
 * Distances are between scaled numbers, projected on HG_DOMAIN_AXES random directions (Johnson & Lindenstrauss 1984), so that
 * a look costs microseconds whatever the number of columns; in units of that reach, so that 1 is as far as training rows go.
 */
#ifndef HG_LEARN_DOMAIN_H
#define HG_LEARN_DOMAIN_H
#include "learn/scaling.h"

enum { HG_DOMAIN_POINTS = 256, HG_DOMAIN_AXES = 16 /* as HG_ROWS_AXES */ };

typedef struct {
    size_t d;
    bool has_composition, element[HG_ELEMENTS + 1];
    float *low, *high; /* [d] of plain numbers; -inf, inf: of anything else */
    hg_scaling scaling;
    size_t axes, points;
    double *axis;  /* [d,axes]: sums over d that stand side by side */
    double *point; /* [axes,points] */
    float *near;   /* the same, rounded */
    size_t *group; /* [points]; NULL after a reading */
    double reach;
} hg_domain;

typedef struct {
    double distance;  /* in units of the reach */
    unsigned element; /* that was not seen; 0: none */
    size_t column;    /* number of the row outside its range; SIZE_MAX: none */
    bool outside;     /* any of the three */
} hg_domain_view;

/* plain[d]: which numbers of a row are a column's own. Errors: HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_domain_fit(hg_domain *out, const hg_rows *rows, const bool *plain, uint64_t seed,
                                      hg_pool *pool, hg_err *err);
/* view[n] of rows. apart: the rows are those of the fit, and each is seen from rows of other groups. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_domain_look(hg_domain_view *view, const hg_domain *dom, const hg_rows *rows, bool apart,
                                       hg_pool *pool, hg_err *err);
void hg_domain_free(hg_domain *dom);
HG_MUST_CHECK hg_status hg_domain_save(const hg_domain *dom, hg_shelf *to, hg_err *err);
HG_MUST_CHECK hg_status hg_domain_load(hg_domain *out, const hg_shelf_view *from, size_t d, hg_err *err);
#endif
