/* library/predictor_internal.h -- what predictor*.c share */
#ifndef HG_LIBRARY_PREDICTOR_INTERNAL_H
#define HG_LIBRARY_PREDICTOR_INTERNAL_H
#include "hagane/predictor.h"
#include "learn/domain.h"
#include "learn/intake.h"
#include "learn/study.h"

#define HG_PREDICTOR_ARCHITECTURE "table 1"

struct hg_predictor {
    hg_arena *mem; /* owns this struct and its texts */
    const char *target, *unit;
    size_t classes;
    const char **class_name; /* [classes] */
    hg_intake *intake;
    hg_blend blend;
    hg_domain domain;
    hg_bars bars;
    /* of the training alone */
    hg_predictor_opts opts; /* its texts are copies, its pointers to others NULL */
    hg_tried *tried;        /* [n_tried] */
    size_t n_tried, rows, blank;
    double least, most; /* of the values that were learned */
    hg_predictor_score score;
    const char *elements; /* "Fe Ni"; "": no formula */
};

/* The rows index[n] of t as a table of its own. */
HG_MUST_CHECK hg_status hg_table_pick(hg_table **out, const hg_table *t, const size_t *index, size_t n, hg_err *err);
hg_predictor_score hg_predictor_score_from(const hg_score *s);

#endif
