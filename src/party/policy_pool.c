/* party/policy_pool.c -- the candidates of a policy: taken in from a CSV file while it is written, rows of its text from then on */
#include "core/number.h"
#include "files/csv.h"
#include "files/csv_rows.h"
#include "party/policy_internal.h"
#include <stdlib.h>
#include <string.h>

enum { FILE_NAME, ROWS, ID, CANDIDATE, N_KEYS };
static const char *const KEYS[N_KEYS] = { "file", "rows", "id", "candidate" };
enum { CHUNK = 64 << 10, ID_SIZE = 128 };

/* Rows as they are read: each with the line it stands on. */
typedef struct {
    hg_policy_reader *r;
    const yaml_node_t *node; /* blamed when there is no better place */
    const char *source;      /* the file that has the rows */
    size_t *line;            /* [capacity] */
    size_t n, capacity, columns, indent;
    bool with_id, with_candidate;
} pool_rows;

static hg_status no_memory(const hg_policy_reader *r) {
    return hg_fail(r->y.err, HG_ENOMEM, "no memory for the pool of %s", r->name);
}

static hg_status refuse(const pool_rows *x, size_t line, size_t column, const char *sentence, const char *word,
                        size_t len) {
    return hg_fail_at(x->r->y.err, HG_EDATA, x->source, line, column, "%s \"%.*s\"", sentence,
                      (int)(len < 60 ? len : 60), word);
}

static hg_status reserve(pool_rows *x, size_t rows) {
    hg_policy *p = x->r->p;
    x->capacity = rows;
    x->line = hg_alloc(p->arena, rows, sizeof *x->line);
    p->pool = hg_alloc(p->arena, rows * p->n_features, sizeof *p->pool);
    p->id = x->with_id ? hg_alloc(p->arena, rows, sizeof *p->id) : NULL;
    p->candidate = x->with_candidate ? hg_alloc(p->arena, rows, sizeof *p->candidate) : NULL;
    if (!x->line || !p->pool || (x->with_id && !p->id) || (x->with_candidate && !p->candidate)) return no_memory(x->r);
    return HG_OK;
}

/* ---- rows in the policy's own text ------------------------------------------------------------------------------------ */

/* The place of byte `at` of the current row in the policy's file. */
static void place(size_t *line, size_t *column, const pool_rows *x, const hg_csv_rows *rows, const char *at) {
    hg_csv_rows_place(line, column, rows, at);
    *column += x->indent;
}

static hg_status refuse_cell(const pool_rows *x, const hg_csv_rows *rows, size_t j, const char *sentence) {
    size_t line, column;
    place(&line, &column, x, rows, rows->cell[j].s);
    return refuse(x, line, column, sentence, rows->cell[j].s, rows->cell[j].len);
}

static bool cell_is(hg_csv_cell c, const char *s) {
    char text[HG_COLUMN_SIZE];
    if (c.len >= sizeof text) return false;
    const size_t len = hg_csv_cell_text(text, c);
    return len == strlen(s) && memcmp(text, s, len) == 0;
}

static const char *column_name(const pool_rows *x, size_t j) {
    const hg_policy *p = x->r->p;
    if (x->with_id && j-- == 0) return p->id_column;
    return j < p->n_features ? p->feature[j] : "candidate";
}

static hg_status read_header(const pool_rows *x, const hg_csv_rows *rows) {
    if (rows->n != x->columns)
        return hg_fail_at(x->r->y.err, HG_EDATA, x->source, rows->line, 0,
                          "the pool has %zu columns, expected %zu: id if there is one, features, candidate if named",
                          rows->n, x->columns);
    for (size_t j = 0; j < x->columns; j++)
        if (!cell_is(rows->cell[j], column_name(x, j)))
            return hg_advise(x->r->y.err, refuse_cell(x, rows, j, "unexpected column"), "expected \"%s\" here",
                             column_name(x, j));
    return HG_OK;
}

static hg_status check_id(const pool_rows *x, size_t line, size_t column, const char *s, size_t len) {
    if (len == 0) return refuse(x, line, column, "the row has no name in column", x->r->p->id_column, HG_COLUMN_SIZE);
    if (len >= ID_SIZE) return refuse(x, line, column, "longer than 127 bytes:", s, len);
    if (!hg_yaml_plain(s, len)) return refuse(x, line, column, "a character that cannot be seen in", s, len);
    return HG_OK;
}

static hg_status put_row(pool_rows *x, const hg_csv_rows *rows) {
    hg_policy *p = x->r->p;
    if (rows->n != x->columns)
        return hg_fail_at(x->r->y.err, HG_EDATA, x->source, rows->line, 0, "this row has %zu cells, the header has %zu",
                          rows->n, x->columns);
    size_t j = 0;
    if (x->with_id) {
        const hg_csv_cell c = rows->cell[j++];
        char *s = hg_alloc(p->arena, (size_t)c.len + 1, 1);
        if (!s) return no_memory(x->r);
        size_t line, column;
        place(&line, &column, x, rows, c.s);
        const size_t len = hg_csv_cell_text(s, c);
        s[len] = '\0';
        HG_TRY(check_id(x, line, column, s, len));
        p->id[x->n] = s;
    }
    for (size_t k = 0; k < p->n_features; k++, j++) {
        const hg_csv_cell c = rows->cell[j];
        double v;
        if (hg_number_read(&v, c.s, c.len, '.') != HG_NUMBER_FINITE)
            return refuse_cell(x, rows, j, "expected a number, found");
        p->pool[x->n * p->n_features + k] = v == 0 ? 0 : v;
    }
    if (x->with_candidate) {
        p->candidate[x->n] = cell_is(rows->cell[j], "1");
        if (!p->candidate[x->n] && !cell_is(rows->cell[j], "0"))
            return refuse_cell(x, rows, j, "candidate is 1 or 0, found");
    }
    x->line[x->n++] = rows->line;
    return HG_OK;
}

static hg_status read_lines(pool_rows *x, hg_csv_rows *rows) {
    bool header = false;
    for (;;) {
        bool more;
        HG_TRY(hg_csv_rows_next(&more, rows, x->r->y.err));
        if (!more) break;
        if (rows->n == 1 && rows->cell[0].len == 0 && !rows->cell[0].quoted) continue; /* a blank line */
        if (!header)
            HG_TRY(read_header(x, rows));
        else if (x->n == x->capacity)
            return no_memory(x->r); /* cannot be: lines were counted */
        else
            HG_TRY(put_row(x, rows));
        header = true;
    }
    if (!header) return hg_yaml_fail(&x->r->y, x->node, "pool: no rows");
    return HG_OK;
}

static hg_status read_rows(pool_rows *x, const yaml_node_t *n) {
    hg_policy_reader *r = x->r;
    if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_LITERAL_SCALAR_STYLE)
        return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "pool: rows is not a block of lines"),
                         "write \"rows: |\" and the lines under it, indented; or name a file while drafting");
    const char *text = (const char *)n->data.scalar.value, *end = text + n->data.scalar.length, *at = r->text;
    for (size_t line = 0; line <= n->start_mark.line && at; line++) {
        at = memchr(at, '\n', (size_t)(r->text + r->len - at));
        if (at) at++;
    }
    while (at && at < r->text + r->len && *at == ' ') at++, x->indent++;
    size_t lines = 1;
    for (const char *c = text; c < end; c++) lines += *c == '\n';
    if (lines > HG_POOL_MOST + 8) return hg_yaml_fail(&r->y, n, "pool: more than %d rows", HG_POOL_MOST);
    HG_TRY(reserve(x, lines));
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    hg_csv_rows rows;
    HG_TRY(hg_input_open_memory(&in, r->name, text, n->data.scalar.length, &o, r->y.err));
    hg_csv_rows_begin(&rows, in, r->name, ',', CHUNK);
    rows.next_line = n->start_mark.line + 2;
    const hg_status st = read_lines(x, &rows);
    hg_csv_rows_end(&rows);
    hg_input_free(in);
    return st;
}

/* ---- a file, while the policy is drafted ------------------------------------------------------------------------------- */

static hg_status take_numbers(pool_rows *x, const hg_table *t, size_t k) {
    hg_policy *p = x->r->p;
    size_t j;
    HG_TRY(hg_table_find(&j, t, p->feature[k], x->r->y.err));
    HG_TRY(hg_table_need_numbers(t, j, false, x->r->y.err));
    const double *v = hg_table_column(t, j)->number;
    for (size_t i = 0; i < x->n; i++) p->pool[i * p->n_features + k] = v[i] == 0 ? 0 : v[i];
    return HG_OK;
}

static hg_status take_ids(pool_rows *x, const hg_table *t) {
    hg_policy *p = x->r->p;
    size_t j;
    HG_TRY(hg_table_find(&j, t, p->id_column, x->r->y.err));
    for (size_t i = 0; i < x->n; i++) {
        const char *s = hg_table_text(t, j, i);
        HG_TRY(check_id(x, x->line[i], 0, s, strlen(s)));
        if (!(p->id[i] = hg_arena_strdup(p->arena, s))) return no_memory(x->r);
    }
    return HG_OK;
}

static hg_status take_candidates(pool_rows *x, const hg_table *t, const char *column) {
    size_t j;
    HG_TRY(hg_table_find(&j, t, column, x->r->y.err));
    HG_TRY(hg_table_need_numbers(t, j, false, x->r->y.err));
    for (size_t i = 0; i < x->n; i++) {
        const double v = hg_table_column(t, j)->number[i];
        x->r->p->candidate[i] = v == 1;
        if (v != 0 && v != 1)
            return hg_fail_at(x->r->y.err, HG_EDATA, x->source, x->line[i], 0,
                              "column \"%s\" holds %g, expected 0 or 1", column, v);
    }
    return HG_OK;
}

static hg_status take_table(pool_rows *x, const hg_table *t, const char *candidate) {
    const size_t rows = hg_table_rows(t);
    if (rows > HG_POOL_MOST)
        return hg_fail_at(x->r->y.err, HG_ELIMIT, x->source, 0, 0, "%zu rows, a pool has at most %d", rows,
                          HG_POOL_MOST);
    HG_TRY(reserve(x, rows));
    x->n = rows;
    for (size_t i = 0; i < rows; i++) x->line[i] = hg_table_line(t, i);
    for (size_t k = 0; k < x->r->p->n_features; k++) HG_TRY(take_numbers(x, t, k));
    if (x->with_id) HG_TRY(take_ids(x, t));
    if (x->with_candidate) HG_TRY(take_candidates(x, t, candidate));
    return HG_OK;
}

static hg_status read_file(pool_rows *x, const yaml_node_t *n, const char *candidate) {
    hg_policy_reader *r = x->r;
    const char *file = hg_yaml_word(n);
    if (!file || !*file) return hg_yaml_fail(&r->y, n, "pool: file is the path of a CSV table");
    if (!r->folder)
        return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "pool: a signed policy holds its rows, not a file's name"),
                         "`hagane party policy DRAFT --out FILE` takes the rows in");
    const size_t size = strlen(r->folder) + strlen(file) + 1;
    char *path = hg_alloc(r->p->arena, size, 1);
    if (!path) return no_memory(r);
    if (*file != '/') strcpy(path, r->folder);
    strcat(path, file);
    hg_csv_opts o = hg_csv_opts_default();
    const char *const text[] = { r->p->id_column };
    o.text = text;
    o.n_text = x->with_id ? 1 : 0;
    hg_table *t;
    HG_TRY(hg_csv_read(&t, path, &o, r->y.err));
    x->source = path;
    const hg_status st = take_table(x, t, candidate);
    hg_table_free(t);
    return st;
}

/* ---- checks ------------------------------------------------------------------------------------------------------------ */

static hg_status check_ranges(const pool_rows *x) {
    const hg_policy *p = x->r->p;
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < p->n_features; k++) {
            const double v = p->pool[i * p->n_features + k];
            if (v >= p->scale_low[k] && v <= p->scale_high[k]) continue;
            hg_fail_at(x->r->y.err, HG_EDATA, x->source, x->line[i], 0, "\"%s\" is %g, outside its range %g to %g",
                       p->feature[k], v, p->scale_low[k], p->scale_high[k]);
            return hg_advise(x->r->y.err, HG_EDATA, "correct the row, or widen the range under features");
        }
    return HG_OK;
}

/* qsort has no place for the pool; each item carries what it needs. */
typedef struct {
    const double *features;
    const char *id;
    size_t n, row;
} sort_item;

static int by_features(const void *a, const void *b) {
    const sort_item *x = a, *y = b;
    for (size_t k = 0; k < x->n; k++)
        if (x->features[k] != y->features[k]) return x->features[k] < y->features[k] ? -1 : 1;
    return 0;
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const sort_item *)a)->id, ((const sort_item *)b)->id);
}

/* Two rows that a measurement could not be told apart by. */
static hg_status check_different(const pool_rows *x, int (*order)(const void *, const void *), const char *what) {
    const hg_policy *p = x->r->p;
    const hg_mark mark = hg_arena_mark(p->arena);
    sort_item *item = hg_alloc(p->arena, x->n, sizeof *item);
    if (!item) return no_memory(x->r);
    for (size_t i = 0; i < x->n; i++)
        item[i] = (sort_item) { p->pool + i * p->n_features, p->id ? p->id[i] : "", p->n_features, i };
    qsort(item, x->n, sizeof *item, order);
    hg_status st = HG_OK;
    for (size_t i = 1; i < x->n && st == HG_OK; i++) {
        if (order(&item[i - 1], &item[i]) != 0) continue;
        const size_t a = x->line[item[i - 1].row], b = x->line[item[i].row];
        hg_fail_at(x->r->y.err, HG_EDATA, x->source, a > b ? a : b, 0, "the same %s as on line %zu", what,
                   a < b ? a : b);
        st = hg_advise(x->r->y.err, HG_EDATA, "each row of a pool is one candidate: take one of the two out");
    }
    hg_arena_reset(p->arena, mark);
    return st;
}

static hg_status check_pool(pool_rows *x) {
    hg_policy *p = x->r->p;
    p->n_pool = x->n;
    if (x->n < 2) return hg_yaml_fail(&x->r->y, x->node, "pool: %zu rows, expected at least 2", x->n);
    HG_TRY(check_ranges(x));
    HG_TRY(check_different(x, by_features, "features"));
    if (p->id) HG_TRY(check_different(x, by_id, "name"));
    for (size_t i = 0; i < x->n; i++) p->n_candidates += !p->candidate || p->candidate[i];
    return HG_OK;
}

static hg_status read_column(char out[HG_COLUMN_SIZE], hg_policy_reader *r, const yaml_node_t *n, const char *what) {
    *out = '\0';
    if (!n || (hg_yaml_word(n) && !strcmp(hg_yaml_word(n), "none"))) return HG_OK;
    return hg_yaml_text(out, HG_COLUMN_SIZE, &r->y, n, what);
}

hg_status hg_policy_read_pool(hg_policy_reader *r, const yaml_node_t *n) {
    const yaml_node_t *given[N_KEYS];
    char candidate[HG_COLUMN_SIZE];
    pool_rows x = { .r = r, .node = n, .source = r->name };
    HG_TRY(hg_yaml_keys(given, &r->y, n, KEYS, N_KEYS, "pool"));
    if (!given[FILE_NAME] == !given[ROWS])
        return hg_advise(r->y.err, hg_yaml_fail(&r->y, n, "pool: expected file or rows"), "file: pool.csv");
    HG_TRY(read_column(r->p->id_column, r, given[ID], "pool: id"));
    HG_TRY(read_column(candidate, r, given[CANDIDATE], "pool: candidate"));
    x.with_id = r->p->id_column[0] != '\0';
    x.with_candidate = candidate[0] != '\0';
    x.columns = r->p->n_features + x.with_id + x.with_candidate;
    if (given[ROWS])
        HG_TRY(read_rows(&x, given[ROWS]));
    else
        HG_TRY(read_file(&x, given[FILE_NAME], candidate));
    return check_pool(&x);
}

/* ---- out --------------------------------------------------------------------------------------------------------------- */

static void put_cell(hg_text *to, const char *s, const char *before) {
    hg_text_add(to, "%s", before);
    if (!hg_csv_needs_quotes(s)) {
        hg_text_add(to, "%s", s);
        return;
    }
    hg_text_add(to, "\"");
    for (; *s; s++) hg_text_add(to, *s == '"' ? "\"\"" : "%c", *s);
    hg_text_add(to, "\"");
}

void hg_policy_write_pool(hg_text *to, const hg_policy *p, int indent) {
    const char *next = "";
    hg_text_add(to, "%*s", indent, "");
    if (p->id) put_cell(to, p->id_column, ""), next = ",";
    for (size_t k = 0; k < p->n_features; k++, next = ",") put_cell(to, p->feature[k], next);
    hg_text_add(to, p->candidate ? ",candidate\n" : "\n");
    for (size_t i = 0; i < p->n_pool; i++) {
        hg_text_add(to, "%*s", indent, "");
        next = "";
        if (p->id) put_cell(to, p->id[i], ""), next = ",";
        for (size_t k = 0; k < p->n_features; k++, next = ",") {
            char number[HG_NUMBER_SIZE];
            hg_number_write(number, p->pool[i * p->n_features + k]);
            hg_text_add(to, "%s%s", next, number);
        }
        if (p->candidate) hg_text_add(to, ",%d", p->candidate[i] ? 1 : 0);
        hg_text_add(to, "\n");
    }
}
