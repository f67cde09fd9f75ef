/* library/index_postgres.c -- the only file that knows PostgreSQL (libpq); see library/index_internal.h
 *
 * Each library has a schema of its own, named by the hash of its path, so that many share a database. Words are in
 * generated columns of type tsvector with GIN indexes. Values travel as text.
 */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "library/index_internal.h"
#include <limits.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MOST = 16, NAME = 48, HASHED = 16 };

struct index_server {
    PGconn *connection;
};

#define VECTOR(columns) "tsvector GENERATED ALWAYS AS (to_tsvector('simple', " columns ")) STORED"
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS source (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path TEXT NOT NULL UNIQUE,"
    "  size BIGINT NOT NULL, time BIGINT NOT NULL, inode BIGINT NOT NULL, seen BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS trouble (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source BIGINT NOT NULL,"
    "  words TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS model (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source BIGINT NOT NULL,"
    "  bytes BIGINT NOT NULL, licence TEXT, symbols TEXT NOT NULL, kind TEXT, value DOUBLE PRECISION, unit TEXT,"
    "  name TEXT COLLATE \"C\" NOT NULL, properties TEXT NOT NULL, architecture TEXT NOT NULL, descriptor TEXT,"
    "  elements TEXT, words TEXT,"
    "  said " VECTOR(
        "name || ' ; ' || properties || ' ; ' || architecture || ' ; ' || coalesce(descriptor, '') || ' ; ' || coalesce(words, '')") ","
                                                                                                                                     "  made " VECTOR("architecture") ", knows " VECTOR(
                                                                                                                                         "coalesce(elements, '')") ");"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS model_source ON model (source);"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS model_name ON model (name);"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS model_said ON model USING gin (said);"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS model_knows ON model USING gin (knows);"
                                                                                                                                                                   "CREATE TABLE IF NOT EXISTS term (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT COLLATE \"C\" NOT NULL UNIQUE);"
                                                                                                                                                                   "CREATE TABLE IF NOT EXISTS called (name TEXT NOT NULL, term BIGINT NOT NULL, PRIMARY KEY (name, term));"
                                                                                                                                                                   "CREATE TABLE IF NOT EXISTS property (term BIGINT NOT NULL, model BIGINT NOT NULL, PRIMARY KEY (term, model));"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS property_model ON property (model);"
                                                                                                                                                                   "CREATE TABLE IF NOT EXISTS metric (property BIGINT NOT NULL, kind BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL,"
                                                                                                                                                                   "  model BIGINT NOT NULL, told TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (property, kind, value, model));"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS metric_kind ON metric (kind, value, model);"
                                                                                                                                                                   "CREATE INDEX IF NOT EXISTS metric_model ON metric (model);";

/* What the server says, in one line. */
static hg_status refused(const index_server *s, hg_err *err) {
    const char *words = PQerrorMessage(s->connection);
    const int n = (int)strcspn(words, "\n");
    return hg_fail(err, HG_EIO, "the PostgreSQL server: %.*s", n, words);
}

/* ---- statements ------------------------------------------------------------------------------------------------------- */

/* "$1" for each ?: no statement of ours has one within quotes. */
static void number_values(hg_text *t, const char *sql) {
    int k = 0;
    for (const char *at = sql; *at; at++)
        if (*at == '?')
            hg_text_add(t, "$%d", ++k);
        else
            hg_text_put(t, at, 1);
}

/* NULL: SQL's. */
static const char *written(char room[NAME], const hg_value *v) {
    switch (v->type) {
    case HG_VALUE_INT: snprintf(room, NAME, "%lld", (long long)v->i); return room;
    case HG_VALUE_REAL: hg_number_write(room, v->x); return room;
    case HG_VALUE_TEXT: return v->p;
    default: return NULL;
    }
}

hg_status index_server_ask(void **answer, index_server *s, const char *sql, const hg_value *v, size_t n, hg_err *err) {
    char room[VALUES_MOST][NAME];
    const char *value[VALUES_MOST];
    hg_text t = hg_text_new(1 << 16);
    *answer = NULL;
    if (n > VALUES_MOST) return hg_fail(err, HG_ELIMIT, "a statement of %zu values", n);
    number_values(&t, sql);
    for (size_t i = 0; i < n; i++) value[i] = written(room[i], &v[i]);
    PGresult *r = t.failed ? NULL : PQexecParams(s->connection, t.s, (int)n, NULL, value, NULL, NULL, 0);
    hg_text_free(&t);
    if (!r) return hg_fail(err, HG_ENOMEM, "no memory to ask the PostgreSQL server");
    const ExecStatusType st = PQresultStatus(r);
    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
        PQclear(r);
        return refused(s, err);
    }
    *answer = r;
    return HG_OK;
}

int index_answer_rows(const void *answer) { return PQntuples(answer); }
const char *index_answer_text(const void *answer, int row, int column) {
    return PQgetisnull(answer, row, column) ? NULL : PQgetvalue(answer, row, column);
}
void index_answer_free(void *answer) { PQclear(answer); }

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static hg_status several(index_server *s, const char *sql, hg_err *err) {
    PGresult *r = PQexec(s->connection, sql);
    const bool good = r && PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return good ? HG_OK : refused(s, err);
}

/* A schema for this library; the lock is for two who make it at once. */
static hg_status make_tables(index_server *s, const char *library, hg_err *err) {
    char path[PATH_MAX], hash[HG_HASH_SIZE], sql[256];
    const char *whole = realpath(library, path) ? path : library;
    HG_TRY(hg_hash_memory(hash, whole, strlen(whole), err));
    snprintf(
        sql, sizeof sql,
        "BEGIN; LOCK TABLE pg_catalog.pg_namespace IN SHARE ROW EXCLUSIVE MODE; CREATE SCHEMA IF NOT EXISTS hagane_1_%.*s; "
        "SET search_path TO hagane_1_%.*s",
        HASHED, hash, HASHED, hash);
    HG_TRY(several(s, sql, err));
    HG_TRY(several(s, SCHEMA, err));
    return several(s, "COMMIT", err);
}

static void silent(void *ctx, const char *message) { (void)ctx, (void)message; }

hg_status index_server_open(index_server **out, const char *where, const char *library, hg_err *err) {
    *out = NULL;
    index_server *s = hg_calloc(1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a connection");
    s->connection = PQconnectdb(where);
    hg_status st = HG_OK;
    if (!s->connection)
        st = hg_fail(err, HG_ENOMEM, "no memory for a connection");
    else if (PQstatus(s->connection) != CONNECTION_OK)
        st = hg_advise(err, refused(s, err), "without a server the index is in SQLite");
    if (st == HG_OK) {
        PQsetNoticeProcessor(s->connection, silent, NULL);
        st = make_tables(s, library, err);
    }
    if (st == HG_OK)
        *out = s;
    else
        index_server_free(s);
    return st;
}

void index_server_free(index_server *s) {
    if (!s) return;
    PQfinish(s->connection);
    hg_free(s);
}
