/* library/index_sql.c -- statements of the index, for SQLite and for PostgreSQL; see library/index_internal.h
 *
 * Both know RETURNING and ON CONFLICT DO NOTHING. What differs, the index of words, is in index_search.c and index_card.c.
 */
#include "library/index_internal.h"
#include "core/number.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static hg_status ask(hg_index *x, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    void *answer;
    HG_TRY(index_server_ask(&answer, x->server, sql, v, n, err));
    index_answer_free(answer);
    return HG_OK;
}

hg_status index_run(hg_index *x, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    return x->server ? ask(x, sql, v, n, err) : hg_database_run(x->db, sql, v, n, err);
}

hg_status index_int(uint64_t *number, bool *found, hg_index *x, const char *sql, const hg_value *v, size_t n,
                    hg_err *err) {
    index_rows r;
    if (!x->server) return hg_database_int(number, found, x->db, sql, v, n, err);
    *number = 0;
    HG_TRY(index_rows_begin(&r, x, sql, v, n, false, err));
    const hg_status st = index_rows_next(found, &r, err);
    if (st == HG_OK && *found) *number = index_rows_int(&r, 0);
    index_rows_end(&r);
    return st;
}

hg_status index_begin(hg_index *x, hg_err *err) {
    if (!x->server) return hg_database_begin(x->db, err);
    HG_TRY(ask(x, "BEGIN", NULL, 0, err));
    /* two updates at once would do the work twice */
    const hg_status st = ask(x, "LOCK TABLE source IN EXCLUSIVE MODE", NULL, 0, err);
    if (st != HG_OK) (void)ask(x, "ROLLBACK", NULL, 0, NULL);
    return st;
}

hg_status index_end(hg_index *x, hg_status st, hg_err *err) {
    if (!x->server) return hg_database_end(x->db, st, err);
    const hg_status ended = ask(x, st == HG_OK ? "COMMIT" : "ROLLBACK", NULL, 0, st == HG_OK ? err : NULL);
    return st == HG_OK ? ended : st;
}

hg_status index_rows_begin(index_rows *r, hg_index *x, const char *sql, const hg_value *v, size_t n, bool once,
                           hg_err *err) {
    *r = (index_rows) { .row = -1 };
    if (x->server) return index_server_ask(&r->answer, x->server, sql, v, n, err);
    return once ? hg_query_begin_once(&r->q, x->db, sql, v, n, err) : hg_query_begin(&r->q, x->db, sql, v, n, err);
}

hg_status index_rows_next(bool *row, index_rows *r, hg_err *err) {
    if (!r->answer) return hg_query_next(row, &r->q, err);
    *row = ++r->row < index_answer_rows(r->answer);
    return HG_OK;
}

void index_rows_end(index_rows *r) {
    if (r->answer)
        index_answer_free(r->answer);
    else
        hg_query_end(&r->q);
}

uint64_t index_rows_int(const index_rows *r, int column) {
    if (!r->answer) return hg_query_int(&r->q, column);
    const char *text = index_answer_text(r->answer, r->row, column);
    return text ? (uint64_t)strtoll(text, NULL, 10) : 0;
}

double index_rows_real(const index_rows *r, int column) {
    if (!r->answer) return hg_query_real(&r->q, column);
    const char *text = index_answer_text(r->answer, r->row, column);
    return text ? hg_number_of(text) : (double)NAN;
}

hg_status index_rows_string(const char **s, const index_rows *r, int column, hg_arena *mem, hg_err *err) {
    if (!r->answer) return hg_query_string(s, &r->q, column, mem, err);
    const char *text = index_answer_text(r->answer, r->row, column);
    *s = text ? hg_arena_strdup(mem, text) : NULL;
    return !text || *s ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for an answer of the server");
}
