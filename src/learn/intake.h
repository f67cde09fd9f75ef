/* learn/intake.h -- from a table to the rows that learners take: which columns, and how they become numbers
 *
 * An intake is chosen once, by hagane/features.h, and then kept with the model: it reads any table with the same columns, and
 * its JSON is all that is needed to make it again. Formulae become the numbers of a descriptor, and are handed to learners
 * as compositions as well. Rows of one composition are one group.
 */
#ifndef HG_LEARN_INTAKE_H
#define HG_LEARN_INTAKE_H
#include "files/json.h"
#include "hagane/features.h"
#include "learn/learner.h"

typedef struct hg_intake hg_intake;

enum { HG_INTAKE_DIMS_MOST = 200000 };

/* From the columns that hg_features_fit chooses; o->descriptor NULL: one is chosen, o NULL too. Errors: its own; HG_ELIMIT more than HG_INTAKE_DIMS_MOST numbers a row. */
HG_MUST_CHECK hg_status hg_intake_fit(hg_intake **out, const hg_table *t, const hg_features_opts *o, hg_err *err);
void hg_intake_free(hg_intake *f);
size_t hg_intake_dim(const hg_intake *f);
const char *hg_intake_name(const hg_intake *f, size_t j);        /* of number j: "ave:density", "phase=fcc", "T (K)" */
const char *hg_intake_words(const hg_intake *f);                 /* what was chosen, and why; "" after a reading */
const char *hg_intake_warning(const hg_intake *f);               /* "" when there is none */
const char *hg_intake_formula(const hg_intake *f);               /* the formula column; NULL: there is none */
const char *hg_intake_descriptor(const hg_intake *f);            /* "xenonpy290"; NULL: there is no formula */
const char *hg_intake_text_column(const hg_intake *f, size_t i); /* columns that hold text; NULL past the last */
const char *hg_intake_column(const hg_intake *f, size_t i);      /* all columns; NULL past the last */

/* All rows of t, in mem, without targets. why[rows] NULL: a row that cannot be read is the error, with its place; else its
 * reason is in why (code HG_OK: none) and its numbers are 0. Errors: HG_ENOTFOUND a column that t does not have; HG_EDATA,
 * HG_ENAN a cell; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_intake_rows(hg_rows *out, hg_err *why, const hg_intake *f, const hg_table *t, hg_pool *pool,
                                       hg_arena *mem, hg_err *err);
/* The same without groups, which predictions do not need. */
HG_MUST_CHECK hg_status hg_intake_new_rows(hg_rows *out, hg_err *why, const hg_intake *f, const hg_table *t,
                                           hg_pool *pool, hg_arena *mem, hg_err *err);

void hg_intake_write(hg_json *j, const char *key, const hg_intake *f);
/* From what hg_intake_write has written, and nobody else is trusted to. Errors: HG_EPARSE; HG_ENOTFOUND a descriptor;
 * HG_EDATA numbers that its descriptor does not have; HG_ELIMIT; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_intake_read(hg_intake **out, const char *name, const char *text, size_t n, hg_err *err);
#endif
