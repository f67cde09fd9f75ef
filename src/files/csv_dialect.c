/* files/csv_dialect.c -- see files/csv_dialect.h. Every candidate cuts the same first rows; a count of what comes out
 * decides. Reading these rows once a candidate costs less than a millisecond. */
#include "files/csv_dialect.h"
#include "core/number.h"
#include <stdio.h>
#include <string.h>

enum { ROWS_LOOKED_AT = 200 };
static const char SEPARATORS[] = { ',', ';', '\t', '|' };

typedef struct {
    size_t header, rows, agreeing;  /* cells of the first row; rows after it; those with as many cells */
    size_t points, commas, numbers; /* numbers that need a decimal point, a comma, either or none */
    bool thousands_only;            /* each comma number could be thousands: "1,234" */
} tally;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* "1,234": one to three digits, then groups of three. */
static bool may_be_thousands(const char *s, size_t len) {
    if (len && (*s == '-' || *s == '+')) s++, len--;
    const char *comma = memchr(s, ',', len);
    return comma && comma - s <= 3 && len - (size_t)(comma - s) == 4 && *s != '0';
}

static void count_cell(tally *t, const char *s, size_t len) {
    double v;
    while (len && is_blank(*s)) s++, len--;
    while (len && is_blank(s[len - 1])) len--;
    const bool point = hg_number_read(&v, s, len, '.') == HG_NUMBER_FINITE;
    const bool comma = hg_number_read(&v, s, len, ',') == HG_NUMBER_FINITE;
    t->numbers += point || comma;
    t->points += point && !comma;
    t->commas += comma && !point;
    if (comma && !point && !may_be_thousands(s, len)) t->thousands_only = false;
}

/* The cell at s: its end, and its text without quotes (inner "" are no number anyway). NULL: it is not whole. */
static const char *cell_end(const char *s, const char *end, char separator, const char **from, const char **to) {
    while (s < end && is_blank(*s) && *s != separator) s++;
    if (s < end && *s == '"') {
        *from = ++s;
        for (;;) {
            s = memchr(s, '"', (size_t)(end - s));
            if (!s) return NULL;
            if (s + 1 == end || s[1] != '"') break;
            s += 2;
            if (s >= end) return NULL;
        }
        *to = s++;
        while (s < end && *s != separator && *s != '\n' && *s != '\r') s++;
        return s;
    }
    *from = s;
    while (s < end && *s != separator && *s != '\n' && *s != '\r') s++;
    *to = s;
    return s;
}

static tally count(const char *s, size_t n, bool whole, char separator) {
    const char *const end = s + n;
    tally t = { .thousands_only = true };
    bool header = true;
    while (s < end && t.rows < ROWS_LOOKED_AT) {
        tally row = t;
        const char *p = s, *from, *to;
        size_t cells = 0;
        bool blank = true;
        for (;; p++) {
            p = cell_end(p, end, separator, &from, &to);
            if (!p || (p == end && !whole)) return t; /* the head ends inside this row */
            cells++;
            blank = blank && from == to;
            if (!header) count_cell(&row, from, (size_t)(to - from));
            if (p == end || *p != separator) break;
        }
        if (p < end) p += p + 1 < end && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
        s = p;
        if (blank && cells == 1) continue;
        t = row;
        if (header)
            t.header = cells;
        else {
            t.rows++;
            t.agreeing += cells == t.header;
        }
        header = false;
    }
    return t;
}

/* Is a the better reading? Both cut the header. */
static bool better(const tally *a, const tally *b) {
    const bool whole_a = a->agreeing == a->rows, whole_b = b->agreeing == b->rows;
    if (whole_a != whole_b) return whole_a;
    if (!whole_a && a->agreeing != b->agreeing) return a->agreeing > b->agreeing;
    const size_t share_a = a->numbers * b->header, share_b = b->numbers * a->header; /* numbers a cell */
    return share_a != share_b ? share_a > share_b : a->header > b->header;
}

static char detect_separator(const char *head, size_t n, bool whole, char decimal) {
    tally best = { .header = 1 };
    char found = ','; /* a text of one column */
    for (size_t i = 0; i < sizeof SEPARATORS; i++) {
        if (SEPARATORS[i] == decimal) continue;
        const tally t = count(head, n, whole, SEPARATORS[i]);
        if (t.header < 2 || (best.header > 1 && !better(&t, &best))) continue;
        best = t;
        found = SEPARATORS[i];
    }
    return found == decimal ? ';' : found;
}

hg_csv_dialect hg_csv_dialect_detect(const char *head, size_t n, bool whole, char separator, char decimal) {
    hg_csv_dialect d = { separator, decimal };
    if (!d.separator) d.separator = detect_separator(head, n, whole, decimal);
    if (d.decimal) return d;
    d.decimal = '.';
    if (d.separator == ',') return d;
    const tally t = count(head, n, whole, d.separator);
    if (t.commas && !t.points && (d.separator == ';' || !t.thousands_only)) d.decimal = ',';
    return d;
}

const char *hg_csv_separator_words(char separator, char buf[8]) {
    if (separator == '\t') return "a tab";
    if (separator == ' ') return "a blank";
    snprintf(buf, 8, "'%c'", separator);
    return buf;
}
