/* matter/table.c -- see hagane/table.h and matter/table.h
 *
 * Columns are separate arrays, so that a reader grows them in step and a model takes one without a copy. Large arrays
 * grow by realloc, which moves pages instead of bytes. The line of a row is its number plus a shift that changes only
 * where a cell holds a line break or a line is blank: those rows are a short list.
 */
#include "matter/table.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "matter/unit.h"
#include <math.h>
#include <string.h>

enum { WORDS_SHOWN = 40, FIRST_ROWS = 16 };

typedef struct {
    size_t row, line;
} line_shift;

struct hg_table {
    hg_arena *mem; /* names, units, words of places, column records */
    const char *source;
    size_t rows, capacity; /* capacity: of every column's array */
    hg_cells **column;
    size_t n, cap;
    char *pool; /* text cells, each ended by NUL */
    size_t pool_len, pool_cap;
    line_shift *lines;
    size_t n_lines, cap_lines;
};

/* ---- building ------------------------------------------------------------------------------------------------ */

hg_status hg_table_begin(hg_table **out, const char *source, hg_err *err) {
    *out = NULL;
    hg_table *t = hg_calloc(1, sizeof *t);
    if (t) {
        t->mem = hg_arena_new();
        t->source = hg_arena_strdup(t->mem, source);
    }
    if (!t || !t->source) {
        hg_table_free(t);
        return hg_fail(err, HG_ENOMEM, "no memory for table %s", source);
    }
    *out = t;
    return HG_OK;
}

static bool grow_column(hg_cells *c, size_t rows) {
    if (c->pub.kind == HG_COLUMN_NUMBER) {
        double *number = hg_realloc(c->number, rows, sizeof *number);
        if (!number) return false;
        c->pub.number = c->number = number;
    } else {
        uint64_t *at = hg_realloc(c->at, rows, sizeof *at);
        if (!at) return false;
        c->at = at;
    }
    return true;
}

bool hg_table_reserve(hg_table *t, size_t rows) {
    if (rows <= t->capacity) return true;
    size_t capacity = t->capacity < FIRST_ROWS ? FIRST_ROWS : 2 * t->capacity;
    if (capacity < rows) capacity = rows;
    for (size_t j = 0; j < t->n; j++)
        if (!grow_column(t->column[j], capacity)) return false;
    t->capacity = capacity;
    return true;
}

hg_status hg_table_open_column(hg_cells **out, hg_table *t, const char *name, hg_column_kind kind, size_t file_column,
                               hg_err *err) {
    *out = NULL;
    hg_cells *c = NULL;
    size_t base, at, len;
    const bool has_unit = hg_unit_of_name(name, &base, &at, &len);
    if (hg_grow(&t->column, &t->cap, t->n + 1, sizeof *t->column) && (c = hg_alloc(t->mem, 1, sizeof *c)) != NULL) {
        c->pub = (hg_column) { .kind = kind, .file_column = file_column };
        c->pub.name = hg_arena_strdup(t->mem, name);
        c->pub.unit = has_unit ? hg_arena_strndup(t->mem, name + at, len) : "";
    }
    if (!c || !c->pub.name || !c->pub.unit) return hg_fail(err, HG_ENOMEM, "no memory for column \"%s\"", name);
    t->column[t->n++] = c; /* owned by the table from here on */
    if (t->capacity && !grow_column(c, t->capacity))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu cells of column \"%s\"", t->capacity, name);
    *out = c;
    return HG_OK;
}

bool hg_table_put_text(hg_table *t, hg_cells *c, size_t row, const char *s, size_t len) {
    if (!hg_grow(&t->pool, &t->pool_cap, t->pool_len + len + 1, 1)) return false;
    memcpy(t->pool + t->pool_len, s, len);
    c->at[row] = t->pool_len;
    t->pool_len += len;
    t->pool[t->pool_len++] = '\0';
    return true;
}

bool hg_table_mark_line(hg_table *t, size_t row, size_t line) {
    if (t->n_lines) {
        const line_shift *last = &t->lines[t->n_lines - 1];
        if (last->line + (row - last->row) == line) return true;
    }
    if (!hg_grow(&t->lines, &t->cap_lines, t->n_lines + 1, sizeof *t->lines)) return false;
    t->lines[t->n_lines++] = (line_shift) { row, line };
    return true;
}

bool hg_table_note(hg_table *t, hg_place *place, hg_place where, size_t len) {
    if (place->words) return true;
    const bool cut = len > WORDS_SHOWN;
    size_t n = cut ? WORDS_SHOWN : len;
    while (cut && n && ((unsigned char)where.words[n] & 0xC0) == 0x80) n--; /* not inside a UTF-8 character */
    char *words = hg_alloc(t->mem, n + 4, 1);
    if (!words) return false;
    memcpy(words, where.words, n);
    if (cut) memcpy(words + n, "...", 3);
    for (size_t i = 0; i < n; i++)
        if (words[i] == '\n' || words[i] == '\r' || words[i] == '\t') words[i] = ' ';
    *place = where;
    place->words = words;
    return true;
}

bool hg_table_convert(hg_table *t, size_t rows, const bool *to_number,
                      double (*value)(void *ctx, const char *s, size_t len), void *ctx) {
    for (size_t j = 0; j < t->n; j++) {
        hg_cells *c = t->column[j];
        if (!to_number[j] || c->pub.kind == HG_COLUMN_NUMBER) continue;
        double *number = hg_malloc(t->capacity, sizeof *number);
        if (!number) return false;
        for (size_t i = 0; i < rows; i++) {
            const char *s = t->pool + c->at[i];
            number[i] = value(ctx, s, strlen(s));
        }
        hg_free(c->at);
        c->at = NULL;
        c->pub.number = c->number = number;
        c->pub.kind = HG_COLUMN_NUMBER;
    }
    /* Column by column the texts that stay move to a new pool: their order in the old one is by rows. */
    char *old = t->pool;
    t->pool = NULL;
    t->pool_len = t->pool_cap = 0;
    bool ok = true;
    for (size_t j = 0; ok && j < t->n; j++) {
        hg_cells *c = t->column[j];
        for (size_t i = 0; ok && c->at && i < rows; i++) {
            const char *s = old + c->at[i];
            ok = hg_table_put_text(t, c, i, s, strlen(s));
        }
    }
    hg_free(old);
    return ok;
}

size_t hg_table_pool_bytes(const hg_table *t) { return t->pool_len; }

void hg_table_end(hg_table *t, size_t rows) {
    t->rows = rows;
    t->capacity = rows;
    for (size_t j = 0; j < t->n; j++)
        (void)grow_column(t->column[j], rows); /* a failed shrink leaves what was there: larger, and right */
    char *pool = hg_realloc(t->pool, t->pool_len, 1);
    if (pool) {
        t->pool = pool;
        t->pool_cap = t->pool_len;
    }
}

/* ---- made by a program --------------------------------------------------------------------------------------- */

hg_status hg_table_new(hg_table **out, const char *source, size_t rows, hg_err *err) {
    HG_TRY(hg_table_begin(out, source, err));
    (*out)->rows = (*out)->capacity = rows;
    return HG_OK;
}

static hg_status add_column(hg_cells **c, hg_table *t, const char *name, hg_column_kind kind, hg_err *err) {
    if (!*name) return hg_fail(err, HG_EINVAL, "%s: a column needs a name", t->source);
    for (size_t j = 0; j < t->n; j++)
        if (strcmp(t->column[j]->pub.name, name) == 0)
            return hg_fail(err, HG_EINVAL, "%s: there is a column \"%s\" already", t->source, name);
    const size_t before = t->n;
    const hg_status st = hg_table_open_column(c, t, name, kind, 0, err);
    if (st != HG_OK) t->n = before;
    return st;
}

hg_status hg_table_add_numbers(hg_table *t, const char *name, const double *values, hg_err *err) {
    hg_cells *c;
    HG_TRY(add_column(&c, t, name, HG_COLUMN_NUMBER, err));
    if (!c->number && !grow_column(c, t->rows)) { /* no rows: still a valid pointer */
        t->n--;
        return hg_fail(err, HG_ENOMEM, "no memory for column \"%s\"", name);
    }
    for (size_t i = 0; i < t->rows; i++) {
        c->number[i] = values[i];
        if (isnan(values[i]) && c->pub.missing++ == 0) c->pub.first_missing = i;
    }
    return HG_OK;
}

hg_status hg_table_add_texts(hg_table *t, const char *name, const char *const *values, hg_err *err) {
    hg_cells *c;
    HG_TRY(add_column(&c, t, name, HG_COLUMN_TEXT, err));
    for (size_t i = 0; i < t->rows; i++)
        if (!hg_table_put_text(t, c, i, values[i], strlen(values[i]))) {
            hg_free(c->at);
            c->at = NULL;
            t->n--;
            return hg_fail(err, HG_ENOMEM, "no memory for column \"%s\"", name);
        }
    return HG_OK;
}

void hg_table_free(hg_table *t) {
    if (!t) return;
    for (size_t j = 0; j < t->n; j++) {
        hg_free(t->column[j]->number);
        hg_free(t->column[j]->at);
    }
    hg_free(t->column);
    hg_free(t->pool);
    hg_free(t->lines);
    hg_arena_free(t->mem);
    hg_free(t);
}

/* ---- asking -------------------------------------------------------------------------------------------------- */

size_t hg_table_rows(const hg_table *t) { return t->rows; }
size_t hg_table_columns(const hg_table *t) { return t->n; }
const hg_column *hg_table_column(const hg_table *t, size_t j) { return j < t->n ? &t->column[j]->pub : NULL; }
const char *hg_table_source(const hg_table *t) { return t->source; }

size_t hg_table_line(const hg_table *t, size_t row) {
    size_t low = 0, high = t->n_lines; /* the last shift at or before row */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (t->lines[middle].row <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? t->lines[low - 1].line + (row - t->lines[low - 1].row) : 0;
}

const char *hg_table_text(const hg_table *t, size_t j, size_t row) {
    if (j >= t->n || row >= t->rows || !t->column[j]->at) return NULL;
    return t->pool + t->column[j]->at[row];
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool same(const char *a, size_t na, const char *b, size_t nb, bool ignore_case) {
    if (na != nb) return false;
    for (size_t i = 0; i < na; i++)
        if (a[i] != b[i] && !(ignore_case && lower(a[i]) == lower(b[i]))) return false;
    return true;
}

static size_t base_length(const char *name) {
    size_t base, at, len;
    return hg_unit_of_name(name, &base, &at, &len) ? base : strlen(name);
}

/* How many names fit, and the first of them. */
static size_t fitting(size_t *j, const char *const *names, size_t n, const char *name, bool with_unit,
                      bool ignore_case) {
    const size_t len = strlen(name);
    size_t found = 0;
    for (size_t i = n; i-- > 0;)
        if (same(names[i], with_unit ? strlen(names[i]) : base_length(names[i]), name, len, ignore_case)) {
            *j = i;
            found++;
        }
    return found;
}

static void list_names(char *buf, size_t size, const char *const *names, size_t n) {
    size_t at = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(names[i]);
        if (at + len + 8 > size) {
            memcpy(buf + at, ", ...", 6);
            return;
        }
        if (i) {
            memcpy(buf + at, ", ", 2);
            at += 2;
        }
        memcpy(buf + at, names[i], len + 1);
        at += len;
    }
}

/* The nearest name, with or without its unit. */
static const char *nearest(const char *const *names, size_t n, const char *name) {
    const char *best = hg_nearest_name(name, names, n);
    size_t best_distance = best ? hg_edit_distance(name, best) : SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        char base[64];
        const char *const one = base;
        const size_t len = base_length(names[i]);
        if (len >= sizeof base) continue;
        memcpy(base, names[i], len);
        base[len] = '\0';
        if (!hg_nearest_name(name, &one, 1)) continue;
        const size_t d = hg_edit_distance(name, base);
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

hg_status hg_name_find(size_t *j, const char *const *names, size_t n, const char *source, const char *name,
                       hg_err *err) {
    if (fitting(j, names, n, name, true, false) > 0) return HG_OK;
    static const struct {
        bool with_unit, ignore_case;
    } TRIES[] = { { false, false }, { true, true }, { false, true } };
    for (size_t k = 0; k < sizeof TRIES / sizeof *TRIES; k++) {
        const size_t found = fitting(j, names, n, name, TRIES[k].with_unit, TRIES[k].ignore_case);
        if (found == 1) return HG_OK;
        if (found > 1)
            return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "%s: %zu columns answer to \"%s\"", source, found, name),
                             "write the whole name, unit included, as in \"%s\"", names[*j]);
    }
    char list[160];
    list_names(list, sizeof list, names, n);
    const hg_status st = hg_fail(err, HG_ENOTFOUND, "%s: there is no column \"%s\"", source, name);
    const char *best = nearest(names, n, name);
    if (best) return hg_advise(err, st, "did you mean \"%s\"? the columns are: %s", best, list);
    return hg_advise(err, st, "the columns are: %s", list);
}

hg_status hg_table_find(size_t *j, const hg_table *t, const char *name, hg_err *err) {
    const char **names = hg_malloc(t->n, sizeof *names);
    if (!names) return hg_fail(err, HG_ENOMEM, "no memory to look for column \"%s\"", name);
    for (size_t i = 0; i < t->n; i++) names[i] = t->column[i]->pub.name;
    const hg_status st = hg_name_find(j, names, t->n, t->source, name, err);
    hg_free(names);
    return st;
}

/* ---- numbers needed ------------------------------------------------------------------------------------------ */

/* One sentence for every refused cell: with the place in its file, or with the row of a made table. */
static hg_status refuse(const hg_table *t, const hg_column *c, hg_status code, size_t row, const hg_place *place,
                        const char *words, const char *expected, hg_err *err) {
    const size_t line = place->words ? place->line : hg_table_line(t, row);
    if (place->words) words = place->words;
    const bool empty = *words == '\0';
    if (!line)
        return hg_fail_at(err, code, t->source, 0, 0, "column \"%s\" row %zu %s%s%s, expected %s", c->name, row,
                          empty ? "is empty" : "holds \"", words, empty ? "" : "\"", expected);
    return hg_fail_at(err, code, t->source, line, place->words ? place->column : 0, "column \"%s\" %s%s%s, expected %s",
                      c->name, empty ? "is empty" : "holds \"", words, empty ? "" : "\"", expected);
}

/* What people write where a number is wanted, and what to do about it. */
static const char *advice_for(const char *words) {
    static const struct {
        const char *part, *advice;
    } HABITS[] = {
        { "\xe2\x88\x92", "its minus is a typographic one: write it as -" },
        { "\xc2\xb1", "write the value alone and its uncertainty in a column of its own" },
        { "+/-", "write the value alone and its uncertainty in a column of its own" },
        { "(", "write the value alone and its uncertainty or remark in a column of its own" },
        { "<", "a bound is not a measurement: leave the cell empty, or write the value you want used" },
        { ">", "a bound is not a measurement: leave the cell empty, or write the value you want used" },
        { "~", "write the value without the sign" },
        { "%", "write the value without the sign, and the unit in the column's name" },
    };
    double v;
    const size_t len = strlen(words);
    if (memchr(words, ',', len) && hg_number_read(&v, words, len, ',') != HG_NUMBER_NONE)
        return "write decimals with a point and thousands without a sign, or say that the decimal sign is a comma";
    const bool like_number = *words && strchr("0123456789+-.<>~\xe2", *words) && strpbrk(words, "0123456789");
    for (size_t i = 0; like_number && i < sizeof HABITS / sizeof *HABITS; i++)
        if (strstr(words, HABITS[i].part)) return HABITS[i].advice;
    return "correct the cell, leave it empty when it was not measured, or leave this column out";
}

static hg_status refuse_text(const hg_table *t, size_t j, hg_err *err) {
    const hg_cells *c = t->column[j];
    hg_place place = c->unnumeric;
    const char *words = "";
    if (!place.words) { /* made by a program, or kept as text on request: look now */
        double value;
        size_t i = 0;
        for (; i < t->rows; i++) {
            words = hg_table_text(t, j, i);
            if (*words && hg_number_read(&value, words, strlen(words), '.') == HG_NUMBER_NONE) break;
        }
        if (i == t->rows)
            return hg_advise(err, hg_fail(err, HG_EDATA, "%s: column \"%s\" was read as text", t->source, c->pub.name),
                             "its cells are numbers; do not ask for it as text");
        place.row = i;
    }
    refuse(t, &c->pub, HG_EDATA, place.row, &place, words, "a number", err);
    return hg_advise(err, HG_EDATA, "%s", advice_for(place.words ? place.words : words));
}

hg_status hg_table_need_numbers(const hg_table *t, size_t j, bool blanks_ok, hg_err *err) {
    if (j >= t->n) return hg_fail(err, HG_EINVAL, "%s: column %zu of %zu", t->source, j, t->n);
    const hg_cells *c = t->column[j];
    if (c->pub.kind == HG_COLUMN_TEXT) return refuse_text(t, j, err);
    for (size_t i = 0; i < t->rows; i++)
        if (isinf(c->number[i])) {
            refuse(t, &c->pub, HG_ENAN, i, &c->infinite, c->number[i] < 0 ? "-inf" : "inf", "a finite number", err);
            return hg_advise(err, HG_ENAN, "leave the cell empty when it was not measured");
        }
    if (blanks_ok || c->pub.missing == 0) return HG_OK;
    refuse(t, &c->pub, HG_EDATA, c->pub.first_missing, &c->missing, "NaN", "a number", err);
    return hg_advise(err, HG_EDATA,
                     "fill in the %zu cell%s of this column without a value, drop those rows, or leave "
                     "the column out",
                     c->pub.missing, c->pub.missing == 1 ? "" : "s");
}
