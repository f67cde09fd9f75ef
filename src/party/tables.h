/* party/tables.h -- public tables between jobs: made when rows are registered, shared by jobs, dropped when memory is short
 *
 * What a job computes with besides shares depends on the policy and on public rows alone (tier 1: which pool entries were
 * measured). It can take seconds, so it is made in the background as soon as a data set is active, and extended, not made
 * anew, when rows are appended.
 */
#ifndef HG_PARTY_TABLES_H
#define HG_PARTY_TABLES_H
#include "party/serve.h"
#include "secret/tier1.h"

HG_MUST_CHECK hg_status hg_tables_new(hg_tables **out, hg_server *s, hg_err *err);
void hg_tables_free(hg_tables *t);

typedef struct hg_table hg_table; /* one set of tables, held */
/* Tier 1: of these rows; from what is kept, or made now (waits when another thread is making them). Release it. */
HG_MUST_CHECK hg_status hg_tables_hold(hg_table **out, hg_tables *t, const hg_policy *p, const size_t *measured,
                                       size_t n, hg_err *err);
const hg_t1_tables *hg_table_t1(const hg_table *e);
void hg_tables_release(hg_tables *t, hg_table *e); /* NULL is fine */

/* Begins to make them for the project's rows of now, in a thread of its own. */
void hg_tables_warm(hg_tables *t, const char *project);
bool hg_tables_building(hg_tables *t, const char *project);
void hg_tables_forget(hg_tables *t, const char *project); /* after a withdrawal */
#endif
