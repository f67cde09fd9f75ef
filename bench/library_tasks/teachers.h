/* bench/library_tasks/teachers.h -- models of public tables of compounds, as sources of transfer
 *
 * A teacher is learned without the compositions that its pupils are judged by, so that nothing is known of them. Extremely randomised
 * trees, of at most TEACHER_ROWS rows drawn from the seed; logarithms where hg_logs_worth says so: no choice is made.
 */
#ifndef HG_BENCH_TEACHERS_H
#define HG_BENCH_TEACHERS_H
#include "hagane/composition.h"
#include "hagane/predictor.h"

enum { TEACHER_ROWS = 5000 };
#define BENCH_DATA       HG_SOURCE_DIR "/../shared/data/"
#define BENCH_DESCRIPTOR "magpie132+fractions+chemistry62"

/* Is it kept from teachers? */
typedef bool (*held_back)(const void *ctx, const hg_composition *c);

/* Tables of the columns "formula" and `name` from "formula" and `target` of a CSV file: rows that `held` holds back in *back (may be
 * NULL), the others in *seen. Rows without a number, or with an element that the descriptor does not know, are left out. */
void split_table(hg_table **seen, hg_table **back, const char *path, const char *target, const char *name,
                 held_back held, const void *ctx);
hg_predictor *teach(const hg_table *t, const char *name, const char *learner, const char *settings, hg_pool *pool);
#define TEACHER "extratrees", "trees=60 features=0.3"
bool data_there(const char *path); /* else it is said on stderr that the task is left out */
#endif
