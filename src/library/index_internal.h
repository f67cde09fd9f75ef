/* library/index_internal.h -- what the files of the index share */
#ifndef HG_LIBRARY_INDEX_INTERNAL_H
#define HG_LIBRARY_INDEX_INTERNAL_H
#include "files/database.h"
#include "library/index.h"
#include "library/rack.h"

/* What words are looked for in: columns of the table of models and of its index. */
#define INDEX_COLUMNS "name, properties, architecture, descriptor, elements, words"

typedef struct index_server index_server;

struct hg_index {
    hg_arena *mem;       /* owns this struct and the path */
    const char *library; /* a folder; "." may be its name */
    const char *only;    /* a pack in it, when that is all; NULL: everything */
    hg_database *db;     /* one of the two */
    index_server *server;
    bool kept; /* in a file */
};

/* ---- statements: the same for SQLite and for PostgreSQL (index_sql.c) -------------------------------------------------- */

typedef struct {
    hg_query q;
    void *answer; /* of a server: all rows, and which one is next */
    int row;
} index_rows;

/* As hg_database_run, hg_database_int, hg_database_begin and hg_database_end. */
HG_MUST_CHECK hg_status index_run(hg_index *x, const char *sql, const hg_value *v, size_t n, hg_err *err);
HG_MUST_CHECK hg_status index_int(uint64_t *number, bool *found, hg_index *x, const char *sql, const hg_value *v,
                                  size_t n, hg_err *err);
HG_MUST_CHECK hg_status index_begin(hg_index *x, hg_err *err);
HG_MUST_CHECK hg_status index_end(hg_index *x, hg_status st, hg_err *err);
/* As hg_query_begin; once: the statement was put together. */
HG_MUST_CHECK hg_status index_rows_begin(index_rows *r, hg_index *x, const char *sql, const hg_value *v, size_t n,
                                         bool once, hg_err *err);
HG_MUST_CHECK hg_status index_rows_next(bool *row, index_rows *r, hg_err *err);
void index_rows_end(index_rows *r);
uint64_t index_rows_int(const index_rows *r, int column);
double index_rows_real(const index_rows *r, int column);
HG_MUST_CHECK hg_status index_rows_string(const char **s, const index_rows *r, int column, hg_arena *mem, hg_err *err);

/* ---- a server (index_postgres.c, or index_postgres_none.c) ------------------------------------------------------------- */

/* where: as libpq takes it, "postgresql://host/name". The tables lie in a schema of their own for each library. */
HG_MUST_CHECK hg_status index_server_open(index_server **out, const char *where, const char *library, hg_err *err);
void index_server_free(index_server *s);
/* The answer to a statement whose values are ?s; NULL answers nothing that is wanted. */
HG_MUST_CHECK hg_status index_server_ask(void **answer, index_server *s, const char *sql, const hg_value *v, size_t n,
                                         hg_err *err);
int index_answer_rows(const void *answer);
const char *index_answer_text(const void *answer, int row, int column); /* NULL: SQL's NULL */
void index_answer_free(void *answer);

enum { INDEX_NAME = 256 };
/* s with small letters (ASCII) into out[size]; false: there is no room. */
bool index_lower(char *out, size_t size, const char *s);
/* Adds a model of a source to the tables. */
HG_MUST_CHECK hg_status index_put(hg_index *x, uint64_t source, const char *name, uint64_t bytes, const hg_card *c,
                                  hg_err *err);
#endif
