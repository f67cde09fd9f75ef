/* library/index_search.c -- searching the index
 *
 * With a metric, its index is walked in order of the value, and what the words match is looked up, so that a search ends
 * after the hits that are asked for. Without one the words' rank (BM25) decides.
 */
#include "core/text.h"
#include "library/index_internal.h"
#include <string.h>

enum { VALUES_MOST = 12, TERMS_MOST = 256 };

typedef struct {
    hg_text sql, match, scope[3]; /* match: of FTS5, the scopes together */
    hg_value value[VALUES_MOST];
    size_t n;
} statement;

static void take(statement *s, hg_value v) { s->value[s->n++] = v; }

/* ---- names ------------------------------------------------------------------------------------------------------------ */

static hg_status one_id(uint64_t *id, bool *found, hg_index *x, const char *sql, const char *text, hg_err *err) {
    return index_int(id, found, x, sql, HG_VALUES(hg_value_text(text)), err);
}

/* HG_ENOTFOUND with the nearest of the texts that the statement gives. */
static hg_status not_found(hg_index *x, const char *what, const char *word, const char *sql, hg_arena *mem,
                           hg_err *err) {
    const char *names[TERMS_MOST];
    size_t n = 0;
    index_rows q;
    bool row;
    HG_TRY(index_rows_begin(&q, x, sql, NULL, 0, false, err));
    hg_status st = HG_OK;
    while (st == HG_OK && n < TERMS_MOST && (st = index_rows_next(&row, &q, err)) == HG_OK && row)
        st = index_rows_string(&names[n++], &q, 0, mem, err);
    index_rows_end(&q);
    HG_TRY(st);
    hg_fail(err, HG_ENOTFOUND, "no model in %s has the %s \"%s\"", x->library, what, word);
    const char *near = hg_nearest_name(word, names, n);
    if (near) return hg_advise(err, HG_ENOTFOUND, "did you mean \"%s\"?", near);
    return n ? hg_nearest_advise(err, HG_ENOTFOUND, word, names, n, "") : HG_ENOTFOUND;
}

static hg_status property_id(uint64_t *id, hg_index *x, const char *word, hg_arena *mem, hg_err *err) {
    char name[INDEX_NAME];
    uint64_t several;
    bool found;
    HG_TRY(
        one_id(id, &found, x,
               "SELECT id FROM term WHERE text = ? AND EXISTS (SELECT 1 FROM property WHERE property.term = term.id)",
               word, err));
    if (found) return HG_OK;
    if (!index_lower(name, sizeof name, word))
        return hg_fail(err, HG_ENOTFOUND, "no model has a property of so long a name");
    HG_TRY(one_id(&several, &found, x, "SELECT count(*) FROM called WHERE name = ?", name, err));
    if (several > 1)
        return hg_advise(
            err, hg_fail(err, HG_EINVAL, "\"%s\" is the name of %llu properties", word, (unsigned long long)several),
            "give the symbol");
    HG_TRY(one_id(id, &found, x, "SELECT term FROM called WHERE name = ?", name, err));
    if (found) return HG_OK;
    return not_found(
        x, "property", word,
        "SELECT text FROM term WHERE EXISTS (SELECT 1 FROM property WHERE property.term = term.id) ORDER BY text", mem,
        err);
}

static hg_status metric_id(uint64_t *id, hg_index *x, const char *word, hg_arena *mem, hg_err *err) {
    char kind[HG_INDEX_KIND];
    int role;
    bool found;
    HG_TRY(one_id(id, &found, x,
                  "SELECT id FROM term WHERE text = ? AND EXISTS (SELECT 1 FROM metric WHERE metric.kind = term.id)",
                  word, err));
    if (found) return HG_OK;
    hg_index_kind(kind, &role, word);
    HG_TRY(one_id(id, &found, x,
                  "SELECT id FROM term WHERE text = ? AND EXISTS (SELECT 1 FROM metric WHERE metric.kind = term.id)",
                  kind, err));
    if (found) return HG_OK;
    return not_found(
        x, "metric", word,
        "SELECT text FROM term WHERE EXISTS (SELECT 1 FROM metric WHERE metric.kind = term.id) ORDER BY text", mem,
        err);
}

/* ---- words ------------------------------------------------------------------------------------------------------------ */

/* One word in quotes, so that nothing in it is syntax: "..." for FTS5, '...' for PostgreSQL. "perov*" is a beginning. */
static void quote(hg_text *t, const char *word, size_t n, bool server) {
    const bool begins = n > 1 && word[n - 1] == '*';
    const char mark = server ? '\'' : '"';
    hg_text_put(t, &mark, 1);
    for (size_t i = 0; i < n - begins; i++) {
        if (word[i] == mark || (server && word[i] == '\\')) hg_text_put(t, word + i, 1); /* twice */
        hg_text_put(t, word + i, 1);
    }
    hg_text_put(t, &mark, 1);
    if (begins) hg_text_add(t, server ? ":*" : "*");
}

/* Words without a letter or digit match nothing and would be a syntax error. */
static bool has_letter(const char *word, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)word[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 128) return true;
    }
    return false;
}

static void match(hg_text *t, const char *words, bool server) {
    for (const char *at = words; at && *at;) {
        const size_t gap = strspn(at, " \t\n,"), n = strcspn(at + gap, " \t\n,");
        if (has_letter(at + gap, n)) {
            if (t->len) hg_text_add(t, server ? " & " : " AND ");
            quote(t, at + gap, n, server);
        }
        at += gap + n;
    }
}

/* ---- the statement ---------------------------------------------------------------------------------------------------- */

#define COLUMNS "SELECT m.name, s.path, m.architecture, m.descriptor, m.licence, m.symbols, m.bytes, "

typedef struct {
    bool has_property, has_metric;
    uint64_t property, kind;
} ids;

/* What the three kinds of words are looked for in: columns of FTS5, and a column of PostgreSQL's table. */
static const struct {
    const char *fts, *server;
} SCOPES[] = {
    { "{name properties architecture descriptor words}", "said" },
    { "architecture", "made" },
    { "elements", "knows" },
};
enum { N_SCOPES = sizeof SCOPES / sizeof *SCOPES };

/* FTS5 has one expression for all of them, PostgreSQL a condition each. */
static void add_fts(hg_text *all, size_t scope, const char *words) {
    if (*words) hg_text_add(all, "%s%s : (%s)", all->len ? " AND " : "", SCOPES[scope].fts, words);
}

static void server_conditions(statement *s, const char *before) {
    for (size_t i = 0; i < N_SCOPES; i++) {
        if (!s->scope[i].len) continue;
        hg_text_add(&s->sql, "%s m.%s @@ to_tsquery('simple', ?)", before, SCOPES[i].server);
        take(s, hg_value_text(s->scope[i].s));
        before = " AND";
    }
}

static bool has_words(const statement *s) {
    for (size_t i = 0; i < N_SCOPES; i++)
        if (s->scope[i].len) return true;
    return false;
}

/* SQLite takes the order of the tables as it stands here: the metric's index is walked. */
static const char *joined(bool server) {
    return server ? " JOIN model m ON m.id = f.model JOIN source s ON s.id = m.source "
                  : " CROSS JOIN model m ON m.id = f.model JOIN source s ON s.id = m.source ";
}

static void by_metric(statement *s, const hg_index_query *q, const ids *id, size_t limit, bool server) {
    const char *way = hg_index_more_is_better(q->metric) ? "DESC" : "ASC";
    hg_text_add(&s->sql, COLUMNS "f.told, f.value, f.unit FROM metric f%sWHERE f.kind = ?", joined(server));
    take(s, hg_value_int(id->kind));
    if (id->has_property) {
        hg_text_add(&s->sql, " AND f.property = ?");
        take(s, hg_value_int(id->property));
    }
    if (q->least != 0 || q->most != 0) {
        hg_text_add(&s->sql, " AND f.value >= ? AND f.value <= ?");
        take(s, hg_value_real(q->least));
        take(s, hg_value_real(q->most));
    }
    if (server) {
        server_conditions(s, " AND");
    } else if (s->match.len) {
        hg_text_add(&s->sql, " AND f.model IN (SELECT rowid FROM search WHERE search MATCH ?)");
        take(s, hg_value_text(s->match.s));
    }
    hg_text_add(&s->sql, " ORDER BY f.value %s, f.model %s LIMIT ?", way, way);
    take(s, hg_value_int(limit));
}

/* The sign in front of rowid keeps FTS5 from being asked once for each model of the property. */
static void by_rank(statement *s, const ids *id, size_t limit) {
    hg_text_add(&s->sql, COLUMNS "m.kind, m.value, m.unit FROM (SELECT rowid AS model, rank AS fit FROM search "
                                 "WHERE search MATCH ?");
    take(s, hg_value_text(s->match.s));
    if (id->has_property) {
        hg_text_add(&s->sql, " AND +rowid IN (SELECT model FROM property WHERE term = ?)");
        take(s, hg_value_int(id->property));
    }
    hg_text_add(&s->sql, " ORDER BY rank LIMIT ?) f%sORDER BY f.fit, m.name", joined(false));
    take(s, hg_value_int(limit));
}

/* By name; of a server also by rank. */
static void by_name(statement *s, const ids *id, size_t limit, bool server) {
    const char *before = " WHERE";
    hg_text_add(&s->sql, COLUMNS "m.kind, m.value, m.unit FROM model m JOIN source s ON s.id = m.source");
    if (id->has_property) {
        hg_text_add(&s->sql, " WHERE m.id IN (SELECT model FROM property WHERE term = ?)");
        take(s, hg_value_int(id->property));
        before = " AND";
    }
    if (server) server_conditions(s, before);
    hg_text_add(&s->sql, " ORDER BY ");
    if (server && s->scope[0].len) {
        hg_text_add(&s->sql, "ts_rank(m.said, to_tsquery('simple', ?)) DESC, ");
        take(s, hg_value_text(s->scope[0].s));
    }
    hg_text_add(&s->sql, "m.name, m.id LIMIT ?");
    take(s, hg_value_int(limit));
}

static void compose(statement *s, const hg_index_query *q, const ids *id, size_t limit, bool server) {
    const char *const words[N_SCOPES] = { q->words, q->architecture, q->elements };
    for (size_t i = 0; i < N_SCOPES; i++) {
        match(&s->scope[i], words[i], server);
        add_fts(&s->match, i, s->scope[i].s);
    }
    if (id->has_metric)
        by_metric(s, q, id, limit, server);
    else if (has_words(s) && !server)
        by_rank(s, id, limit);
    else
        by_name(s, id, limit, server);
}

/* ---- hits ------------------------------------------------------------------------------------------------------------- */

static hg_status take_hit(hg_index_hit *h, const index_rows *q, hg_arena *mem, hg_err *err) {
    const char **const text[] = { &h->name, &h->path, &h->architecture, &h->descriptor, &h->licence, &h->properties };
    const int n = (int)(sizeof text / sizeof *text);
    for (int i = 0; i < n; i++) HG_TRY(index_rows_string(text[i], q, i, mem, err));
    h->bytes = index_rows_int(q, n);
    HG_TRY(index_rows_string(&h->kind, q, n + 1, mem, err));
    h->value = index_rows_real(q, n + 2);
    return index_rows_string(&h->unit, q, n + 3, mem, err);
}

static hg_status run(hg_index_hit *hit, size_t *n, size_t limit, hg_index *x, const statement *s, hg_arena *mem,
                     hg_err *err) {
    index_rows q;
    bool row;
    if (s->sql.failed || s->match.failed || s->scope[0].failed || s->scope[1].failed || s->scope[2].failed)
        return hg_fail(err, HG_ENOMEM, "no memory for a search");
    HG_TRY(index_rows_begin(&q, x, s->sql.s, s->value, s->n, true, err));
    hg_status st;
    while ((st = index_rows_next(&row, &q, err)) == HG_OK && row && *n < limit) {
        st = take_hit(&hit[*n], &q, mem, err);
        if (st != HG_OK) break;
        ++*n;
    }
    index_rows_end(&q);
    return st;
}

hg_status hg_index_search(hg_index_hit **hit, size_t *n, hg_index *x, const hg_index_query *q, hg_arena *mem,
                          hg_err *err) {
    const size_t limit = q->limit ? q->limit : HG_INDEX_HITS;
    ids id = { .has_property = q->property != NULL, .has_metric = q->metric != NULL };
    statement s = { .sql = hg_text_new(1 << 14), .match = hg_text_new(1 << 14) };
    for (size_t i = 0; i < N_SCOPES; i++) s.scope[i] = hg_text_new(1 << 13);
    *n = 0;
    *hit = NULL;
    if (!q->metric && (q->least != 0 || q->most != 0))
        return hg_fail(err, HG_EINVAL, "a range needs the metric that it is of");
    if (!(q->least <= q->most)) return hg_fail(err, HG_EINVAL, "the range from %g to %g is empty", q->least, q->most);
    if (id.has_property) HG_TRY(property_id(&id.property, x, q->property, mem, err));
    if (id.has_metric) HG_TRY(metric_id(&id.kind, x, q->metric, mem, err));
    *hit = hg_alloc(mem, limit, sizeof **hit);
    if (!*hit) return hg_fail(err, HG_ENOMEM, "no memory for %zu hits", limit);
    compose(&s, q, &id, limit, x->server != NULL);
    const hg_status st = run(*hit, n, limit, x, &s, mem, err);
    hg_text_free(&s.sql);
    hg_text_free(&s.match);
    for (size_t i = 0; i < N_SCOPES; i++) hg_text_free(&s.scope[i]);
    return st;
}
