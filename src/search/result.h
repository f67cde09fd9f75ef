/* search/result.h -- columns that a table of suggestions has behind those of the candidates
 *
 * Such a table is filled in and comes back as a table of measurements. Its predictions must not become inputs then, and the
 * next table of suggestions must not have them twice.
 */
#ifndef HG_SEARCH_RESULT_H
#define HG_SEARCH_RESULT_H
#include "hagane/table.h"

#define HG_RESULT_RANK    "suggestion"
#define HG_RESULT_MEAN    "predicted " /* and the name of a target */
#define HG_RESULT_SD      "sd of predicted "
#define HG_RESULT_BETTER  "probability of improvement"
#define HG_RESULT_ALLOWED "probability of being allowed"
#define HG_RESULT_WHY     "why"

/* Whether column `name` of t is one of these. "predicted Ms" alone may be somebody's own, from another method: only with
 * its "sd of predicted Ms" and the column of ranks it is ours. */
bool hg_result_column(const hg_table *t, const char *name);
#endif
