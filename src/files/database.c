/* files/database.c -- see files/database.h */
#include "files/database.h"
#include "core/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATEMENTS = 160, BUSY_MS = 10000 };

struct hg_database {
    sqlite3 *db;
    char *path;
    hg_database_opts opts;
    bool open_transaction;
    int64_t changes_before;
    size_t n;
    struct {
        const char *sql;
        sqlite3_stmt *s;
    } statement[STATEMENTS];
};

/* What SQLite says, in our statuses. */
static hg_status fail(const hg_database *d, int rc, hg_err *err) {
    const char *words = d->db ? sqlite3_errmsg(d->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_NOMEM: return hg_fail(err, HG_ENOMEM, "%s: no memory", d->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        hg_fail(err, HG_EDATA, "%s: damaged: %s", d->path, words);
        return d->opts.damaged ? hg_advise(err, HG_EDATA, "%s", d->opts.damaged) : HG_EDATA;
    case SQLITE_FULL: return hg_fail(err, HG_EIO, "%s: the disk is full", d->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return hg_fail(err, HG_EIO, "%s: another program holds it", d->path);
    default: return hg_fail(err, HG_EIO, "%s: %s", d->path, words);
    }
}

static void step(const hg_database *d, const char *sql) {
    if (d->opts.step) d->opts.step(d->opts.step_user, sql);
}

static hg_status execute(hg_database *d, const char *sql, hg_err *err) {
    const int rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? HG_OK : fail(d, rc, err);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static hg_status read_version(int *version, hg_database *d, hg_err *err) {
    hg_query q;
    bool row;
    HG_TRY(hg_query_begin(&q, d, "PRAGMA user_version", NULL, 0, err));
    const hg_status st = hg_query_next(&row, &q, err);
    *version = st == HG_OK && row ? (int)hg_query_int(&q, 0) : 0;
    hg_query_end(&q);
    return st;
}

/* In one transaction: a crash leaves an empty file of version 0, which the next open makes again. */
static hg_status make_schema(hg_database *d, hg_err *err) {
    char pragma[64];
    HG_TRY(hg_database_begin(d, err));
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", d->opts.version);
    hg_status st = execute(d, d->opts.schema, err);
    if (st == HG_OK) st = execute(d, pragma, err);
    return hg_database_end(d, st, err);
}

static hg_status set_up(hg_database *d, hg_err *err) {
    int version;
    HG_TRY(execute(d,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                   "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
                   err));
    HG_TRY(read_version(&version, d, err));
    if (version == 0 && !d->opts.create) return hg_fail(err, HG_ENOTFOUND, "%s: holds nothing", d->path);
    if (version == 0) return make_schema(d, err);
    if (d->opts.create) return hg_fail(err, HG_EREFUSED, "%s: is there already", d->path);
    if (version > d->opts.version)
        return hg_advise(err,
                         hg_fail(err, HG_EREFUSED,
                                 "%s: written by a newer version of this program (schema %d, this one knows %d)",
                                 d->path, version, d->opts.version),
                         "run the newer version");
    return HG_OK;
}

/* The file is made before SQLite opens it, so that nobody else can read it for a moment. */
static hg_status make_file(const char *path, hg_err *err) {
    char text[128];
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return HG_OK;
    }
    struct stat st;
    if (errno == EEXIST && stat(path, &st) == 0 && st.st_size == 0) return HG_OK; /* making it was cut short */
    if (errno == EEXIST) return hg_fail(err, HG_EREFUSED, "%s: is there already", path);
    return hg_fail(err, HG_EIO, "%s: could not be created: %s", path, strerror_r(errno, text, sizeof text));
}

hg_status hg_database_open(hg_database **out, const char *path, const hg_database_opts *o, hg_err *err) {
    const bool memory = strcmp(path, HG_DATABASE_MEMORY) == 0;
    *out = NULL;
    if (o->create && !memory) HG_TRY(make_file(path, err));
    if (!memory && access(path, F_OK) != 0) return hg_fail(err, HG_ENOTFOUND, "%s: there is no such file", path);
    hg_database *d = hg_calloc(1, sizeof *d);
    if (d) d->path = hg_malloc(strlen(path) + 1, 1);
    if (!d || !d->path) {
        hg_free(d);
        return hg_fail(err, HG_ENOMEM, "no memory to open %s", path);
    }
    memcpy(d->path, path, strlen(path) + 1);
    d->opts = *o;
    const int rc = sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    hg_status st = rc == SQLITE_OK ? HG_OK : fail(d, rc, err);
    if (st == HG_OK) {
        sqlite3_extended_result_codes(d->db, 1);
        sqlite3_busy_timeout(d->db, BUSY_MS);
        st = set_up(d, err);
    }
    if (st != HG_OK) {
        hg_database_free(d);
        return st;
    }
    *out = d;
    return HG_OK;
}

void hg_database_free(hg_database *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n; i++) sqlite3_finalize(d->statement[i].s);
    sqlite3_close(d->db);
    hg_free(d->path);
    hg_free(d);
}

/* ---- statements ------------------------------------------------------------------------------------------------------- */

static hg_status prepared(sqlite3_stmt **out, hg_database *d, const char *sql, hg_err *err) {
    for (size_t i = 0; i < d->n; i++)
        if (d->statement[i].sql == sql) {
            *out = d->statement[i].s;
            return HG_OK;
        }
    if (d->n == STATEMENTS) return hg_fail(err, HG_ELIMIT, "%s: too many kinds of statements", d->path);
    const int rc = sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (rc != SQLITE_OK) return fail(d, rc, err);
    d->statement[d->n].sql = sql;
    d->statement[d->n++].s = *out;
    return HG_OK;
}

static int bind(sqlite3_stmt *s, int at, const hg_value *v) {
    switch (v->type) {
    case HG_VALUE_INT: return sqlite3_bind_int64(s, at, v->i);
    case HG_VALUE_REAL: return sqlite3_bind_double(s, at, v->x);
    case HG_VALUE_TEXT: return sqlite3_bind_text(s, at, v->p, -1, SQLITE_STATIC);
    case HG_VALUE_BLOB: /* an empty blob is not NULL */
        return v->n ? sqlite3_bind_blob64(s, at, v->p, v->n, SQLITE_STATIC) : sqlite3_bind_zeroblob(s, at, 0);
    default: return sqlite3_bind_null(s, at);
    }
}

static hg_status bind_all(hg_query *q, const hg_value *v, size_t n, hg_err *err) {
    for (size_t i = 0; i < n; i++) {
        const int rc = bind(q->s, (int)i + 1, v + i);
        if (rc == SQLITE_OK) continue;
        hg_query_end(q);
        return fail(q->d, rc, err);
    }
    return HG_OK;
}

hg_status hg_query_begin(hg_query *q, hg_database *d, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    *q = (hg_query) { .d = d };
    HG_TRY(prepared(&q->s, d, sql, err));
    return bind_all(q, v, n, err);
}

hg_status hg_query_begin_once(hg_query *q, hg_database *d, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    *q = (hg_query) { .d = d, .once = true };
    const int rc = sqlite3_prepare_v3(d->db, sql, -1, 0, &q->s, NULL);
    return rc == SQLITE_OK ? bind_all(q, v, n, err) : fail(d, rc, err);
}

hg_status hg_query_next(bool *row, hg_query *q, hg_err *err) {
    const int rc = sqlite3_step(q->s);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? HG_OK : fail(q->d, rc, err);
}

void hg_query_end(hg_query *q) {
    if (!q->s) return;
    if (q->once) {
        sqlite3_finalize(q->s);
    } else {
        sqlite3_reset(q->s);
        sqlite3_clear_bindings(q->s); /* they point to memory that goes */
    }
    q->s = NULL;
}

uint64_t hg_query_int(const hg_query *q, int column) { return (uint64_t)sqlite3_column_int64(q->s, column); }

double hg_query_real(const hg_query *q, int column) {
    return sqlite3_column_type(q->s, column) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(q->s, column);
}

hg_status hg_query_string(const char **s, const hg_query *q, int column, hg_arena *mem, hg_err *err) {
    const char *p = (const char *)sqlite3_column_text(q->s, column);
    *s = p ? hg_arena_strndup(mem, p, (size_t)sqlite3_column_bytes(q->s, column)) : NULL;
    return !p || *s ? HG_OK : hg_fail(err, HG_ENOMEM, "%s: no memory for a text", q->d->path);
}

const void *hg_query_blob(size_t *n, const hg_query *q, int column) {
    const void *p = sqlite3_column_blob(q->s, column);
    *n = (size_t)sqlite3_column_bytes(q->s, column);
    return p;
}

hg_status hg_query_bytes(void *bytes, size_t n, const hg_query *q, int column, hg_err *err) {
    size_t have;
    memset(bytes, 0, n);
    const void *p = hg_query_blob(&have, q, column);
    if (sqlite3_column_type(q->s, column) == SQLITE_NULL) return HG_OK;
    if (have != n || !p) return hg_fail(err, HG_EDATA, "%s: a field has %zu bytes, expected %zu", q->d->path, have, n);
    memcpy(bytes, p, n);
    return HG_OK;
}

hg_status hg_query_text(char *s, size_t size, const hg_query *q, int column, hg_err *err) {
    const char *p = (const char *)sqlite3_column_text(q->s, column);
    const size_t n = (size_t)sqlite3_column_bytes(q->s, column);
    *s = '\0';
    if (n >= size)
        return hg_fail(err, HG_EDATA, "%s: a text of %zu bytes, expected less than %zu", q->d->path, n, size);
    if (p) memcpy(s, p, n + 1);
    return HG_OK;
}

hg_status hg_database_run(hg_database *d, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    hg_query q;
    bool row;
    step(d, sql);
    HG_TRY(hg_query_begin(&q, d, sql, v, n, err));
    const hg_status st = hg_query_next(&row, &q, err);
    hg_query_end(&q);
    return st;
}

size_t hg_database_changes(const hg_database *d) { return (size_t)sqlite3_changes64(d->db); }

hg_status hg_database_int(uint64_t *x, bool *found, hg_database *d, const char *sql, const hg_value *v, size_t n,
                          hg_err *err) {
    hg_query q;
    *x = 0;
    *found = false;
    HG_TRY(hg_query_begin(&q, d, sql, v, n, err));
    const hg_status st = hg_query_next(found, &q, err);
    if (st == HG_OK && *found) *x = hg_query_int(&q, 0);
    hg_query_end(&q);
    return st;
}

/* ---- transactions ------------------------------------------------------------------------------------------------------ */

hg_status hg_database_begin(hg_database *d, hg_err *err) {
    step(d, "BEGIN");
    HG_TRY(execute(d, "BEGIN IMMEDIATE", err));
    d->open_transaction = true;
    d->changes_before = sqlite3_total_changes64(d->db);
    return HG_OK;
}

hg_status hg_database_end(hg_database *d, hg_status st, hg_err *err) {
    if (!d->open_transaction) return st;
    d->open_transaction = false;
    const bool changed = sqlite3_total_changes64(d->db) != d->changes_before;
    if (st == HG_OK) {
        if (changed) step(d, "COMMIT");
        st = execute(d, "COMMIT", err);
        if (st == HG_OK && changed) step(d, "committed");
    }
    if (!sqlite3_get_autocommit(d->db)) (void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

hg_status hg_database_settle(hg_database *d, hg_err *err) {
    step(d, "settle");
    const int rc = sqlite3_wal_checkpoint_v2(d->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? HG_OK : fail(d, rc, err);
}
