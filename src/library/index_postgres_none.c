/* library/index_postgres_none.c -- a build without libpq: the index is in SQLite */
#include "library/index_internal.h"

hg_status index_server_open(index_server **out, const char *where, const char *library, hg_err *err) {
    (void)where, (void)library;
    *out = NULL;
    hg_fail(err, HG_ENOTFOUND, "this build cannot use a PostgreSQL server");
    return hg_advise(err, HG_ENOTFOUND, "tools/install-deps postgres, then build again; SQLite needs nothing");
}

/* Never called: there is no server. */
void index_server_free(index_server *s) { (void)s; }
int index_answer_rows(const void *answer) { return answer ? 0 : 0; }
const char *index_answer_text(const void *answer, int row, int column) { return answer && row && column ? NULL : NULL; }
void index_answer_free(void *answer) { (void)answer; }
hg_status index_server_ask(void **answer, index_server *s, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    (void)s, (void)sql, (void)v, (void)n;
    *answer = NULL;
    return hg_fail(err, HG_ENOTFOUND, "this build cannot use a PostgreSQL server");
}
