/* library/predictor_internal.h -- what predictor*.c share */
#ifndef HG_LIBRARY_PREDICTOR_INTERNAL_H
#define HG_LIBRARY_PREDICTOR_INTERNAL_H
#include "hagane/predictor.h"
#include "learn/decision.h"
#include "learn/domain.h"
#include "learn/intake.h"
#include "learn/study.h"
#include "library/card.h"
#include "library/extrapolate.h"
#include "library/seen.h"

#define HG_PREDICTOR_ARCHITECTURE "table 1"

enum { HG_SOURCES_TAKEN = 8, HG_SOURCES_DEEP = 4 /* sources of sources of ... */ };

typedef struct { /* what card and recipe tell of a model of the factory */
    const hg_card_number *metric, *option;
    size_t n_metrics, n_options;
    const hg_card_data *data;
    size_t n_data;
    const char *method, *split, *recipe; /* recipe: the whole file */
    uint64_t seed;
} hg_predictor_made;

struct hg_predictor {
    hg_arena *mem; /* owns this struct and its texts */
    const char *name, *target, *unit;
    size_t classes;
    const char **class_name; /* [classes] */
    hg_intake *intake;
    hg_predictor
        *source[HG_SOURCES_TAKEN]; /* what they say stands in front of the inputs' numbers; as const but for its end */
    size_t n_sources;
    size_t network; /* 1 .. n_sources: the source whose networks a member has learned on from; 0: none */
    bool owns_sources;
    hg_blend blend;
    hg_domain domain;
    hg_bars bars;
    hg_bars learned; /* of rows whose composition was learned from; n = 0: nothing is known of them in particular */
    bool ratio;      /* the bars are of logarithms: a factor up and down */
    hg_decision decision;
    hg_far far;
    hg_seen seen; /* compositions learned from */
    /* of the training alone */
    hg_predictor_opts opts; /* its texts are copies, its pointers to others NULL */
    hg_tried *tried;        /* [n_tried] */
    size_t n_tried, rows, blank;
    hg_predictor_source *offered; /* [n_offered] */
    size_t n_offered;
    double least, most; /* of the values that were learned */
    hg_predictor_score score;
    hg_predictor_class_score *by_class; /* [classes] */
    const char *elements;               /* "Fe Ni"; "": no formula */
    const hg_predictor_made *made;      /* how the factory made it; NULL: it was fitted here */
};

/* An empty one with an arena. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_new(hg_predictor **out, hg_err *err);
/* Can the target of these rows be learned? What hg_predictor_fit says where it cannot; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_predictor_check_target(const hg_table *t, const char *target, const hg_predictor_opts *o,
                                                  hg_err *err);
/* From weights alone; `source` stands in front of messages. Errors: as hg_predictor_load. */
HG_MUST_CHECK hg_status hg_predictor_of_weights(hg_predictor **out, const hg_safetensors *s, const char *source,
                                                hg_err *err);
/* The rows index[n] of t as a table of its own. */
HG_MUST_CHECK hg_status hg_table_pick(hg_table **out, const hg_table *t, const size_t *index, size_t n, hg_err *err);
/* Which numbers of a row are a column's own: [dim] in mem; NULL: HG_ENOMEM. */
bool *hg_predictor_plain(const hg_intake *in, hg_arena *mem);
/* p->elements from its domain. */
HG_MUST_CHECK hg_status hg_predictor_keep_elements(hg_predictor *p, hg_err *err);
/* p's bars, and the score's coverage and width, from s->out[n] and s->signs[n] of rows with y that were left out. apart: rows of the domain's
 * own fit. */
HG_MUST_CHECK hg_status hg_predictor_fit_bars(hg_predictor *p, hg_study *s, const hg_rows *rows, bool apart,
                                              hg_pool *pool, hg_arena *scratch, hg_err *err);
/* What the blend says of a row, out[outputs] and signs, as a forecast; learned: from its composition. */
void hg_predictor_forecast(hg_forecast *f, const hg_predictor *p, const double *out, hg_signs *signs,
                           const hg_domain_view *v, bool learned, double level);
/* library/predictor_folds.c */
typedef struct {
    hg_table *t;  /* the rows of a table that have a target; to be freed, after an error too */
    size_t *row;  /* [rows.n] their numbers in the whole table */
    hg_rows rows; /* what is learned from, without targets */
} hg_measured;
/* All cells are looked at here, so that a bad one is told with its place in the whole table. Where no descriptor is named, o gets the one that
 * suits all compounds: parts of them share it. Errors: as hg_predictor_fit. */
HG_MUST_CHECK hg_status hg_predictor_measured(hg_measured *m, const hg_table *t, const char *target,
                                              hg_predictor_opts *o, hg_arena *mem, hg_err *err);
/* The rows test[f->n_test] of m predicted by a predictor of train[f->n_train] alone; f's lists are in mem, f->name is left alone. */
HG_MUST_CHECK hg_status hg_predictor_judge(hg_fold *f, size_t *classes, const hg_measured *m, const char *target,
                                           const size_t *train, const size_t *test, const hg_predictor_opts *o,
                                           hg_arena *mem, hg_err *err);
/* library/predictor_sources.c. Rows of t with what p's sources say in front, in mem; why[rows] NULL or as in hg_intake_rows. */
HG_MUST_CHECK hg_status hg_predictor_widen(hg_rows *out, hg_err *why, const hg_predictor *p, const hg_rows *rows,
                                           const hg_table *t, hg_pool *pool, hg_arena *mem, hg_err *err);
/* The heaviest member that is a network of values; NULL: there is none. */
const hg_blend_member *hg_predictor_network(const hg_predictor *p);
bool hg_predictor_needs_network(const hg_predictor *p); /* a member has learned on from a source's */
/* Chooses p's sources among o's by the evidence of rows, which have y, and widens the rows. */
HG_MUST_CHECK hg_status hg_predictor_take_sources(hg_rows *out, hg_predictor *p, const hg_rows *rows,
                                                  const hg_predictor_opts *o, const hg_table *t, hg_arena *mem,
                                                  hg_err *err);
/* "extratrees (leaf=1) 0.6, mlp 0.4" of one that was fitted, in mem; NULL: HG_ENOMEM. */
const char *hg_predictor_method(const hg_predictor *p, hg_arena *mem);
hg_predictor_score hg_predictor_score_from(const hg_score *s);

#endif
