/* files/database.h -- SQLite: durable transactions, statements with typed values, one place for errors
 *
 * Write-ahead log, synchronous FULL (a commit is on the disk), secure_delete, foreign keys. Statements are prepared once.
 * Not for several threads at a time: the user's lock does that.
 */
#ifndef HG_FILES_DATABASE_H
#define HG_FILES_DATABASE_H
#include "hagane/core.h"
#include <sqlite3.h>

typedef struct hg_database hg_database;

typedef struct {
    int version;        /* of the schema; a newer file is HG_EREFUSED */
    const char *schema; /* statements that make version `version` in an empty file */
    bool create;        /* an existing file is HG_EREFUSED; else a missing one is HG_ENOTFOUND */
    void (*step)(void *user,
                 const char *statement); /* before each statement that changes the file, and after a commit */
    void *step_user;
    const char *damaged; /* advice when the file is damaged; NULL: none */
} hg_database_opts;

/* A path that makes a database in memory, which goes with hg_database_free: with `create`. */
#define HG_DATABASE_MEMORY ":memory:"

HG_MUST_CHECK hg_status hg_database_open(hg_database **out, const char *path, const hg_database_opts *o, hg_err *err);
void hg_database_free(hg_database *d);

/* A transaction: nothing of it stays unless hg_database_end is given HG_OK and returns HG_OK. */
HG_MUST_CHECK hg_status hg_database_begin(hg_database *d, hg_err *err);
HG_MUST_CHECK hg_status hg_database_end(hg_database *d, hg_status st,
                                        hg_err *err); /* returns st, or why it could not commit */
/* Moves the write-ahead log into the file and empties it, so that what was deleted is overwritten in both. */
HG_MUST_CHECK hg_status hg_database_settle(hg_database *d, hg_err *err);

/* ---- values for the ?s of a statement ------------------------------------------------------------------------------- */

typedef struct {
    enum { HG_VALUE_NULL, HG_VALUE_INT, HG_VALUE_REAL, HG_VALUE_TEXT, HG_VALUE_BLOB } type;
    int64_t i;
    double x;
    const void *p;
    size_t n;
} hg_value;
static inline hg_value hg_value_int(uint64_t x) { return (hg_value) { .type = HG_VALUE_INT, .i = (int64_t)x }; }
static inline hg_value hg_value_time(int64_t x) { return (hg_value) { .type = HG_VALUE_INT, .i = x }; }
static inline hg_value hg_value_real(double x) { return (hg_value) { .type = HG_VALUE_REAL, .x = x }; }
/* NULL gives SQL's NULL */
static inline hg_value hg_value_text(const char *s) {
    return (hg_value) { .type = s ? HG_VALUE_TEXT : HG_VALUE_NULL, .p = s };
}
static inline hg_value hg_value_blob(const void *p, size_t n) {
    return (hg_value) { .type = HG_VALUE_BLOB, .p = p, .n = n };
}
#define HG_VALUES(...) (const hg_value[]) { __VA_ARGS__ }, sizeof((const hg_value[]) { __VA_ARGS__ }) / sizeof(hg_value)

/* A statement without rows. */
HG_MUST_CHECK hg_status hg_database_run(hg_database *d, const char *sql, const hg_value *v, size_t n, hg_err *err);
size_t hg_database_changes(const hg_database *d); /* rows that the last such statement changed */

/* A statement with rows. sql is a literal (its address is the key of the cache); one at a time of each. The values must live
 * until hg_query_end. */
typedef struct {
    hg_database *d;
    sqlite3_stmt *s;
    bool once;
} hg_query;
HG_MUST_CHECK hg_status hg_query_begin(hg_query *q, hg_database *d, const char *sql, const hg_value *v, size_t n,
                                       hg_err *err);
/* The same for a statement that was put together and is not kept. */
HG_MUST_CHECK hg_status hg_query_begin_once(hg_query *q, hg_database *d, const char *sql, const hg_value *v, size_t n,
                                            hg_err *err);
HG_MUST_CHECK hg_status hg_query_next(bool *row, hg_query *q, hg_err *err);
void hg_query_end(hg_query *q);
uint64_t hg_query_int(const hg_query *q, int column);
double hg_query_real(const hg_query *q, int column); /* NULL gives NaN */
/* The text in the arena; NULL when the column is NULL. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_query_string(const char **s, const hg_query *q, int column, hg_arena *mem, hg_err *err);
/* HG_EDATA unless the column holds exactly n bytes; a NULL column gives zeros. */
HG_MUST_CHECK hg_status hg_query_bytes(void *bytes, size_t n, const hg_query *q, int column, hg_err *err);
HG_MUST_CHECK hg_status hg_query_text(char *s, size_t size, const hg_query *q, int column, hg_err *err);
const void *hg_query_blob(size_t *n, const hg_query *q, int column); /* until the next step; NULL when empty */

/* One row with one integer; *found = false (and 0) when there is none. */
HG_MUST_CHECK hg_status hg_database_int(uint64_t *x, bool *found, hg_database *d, const char *sql, const hg_value *v,
                                        size_t n, hg_err *err);
#endif
