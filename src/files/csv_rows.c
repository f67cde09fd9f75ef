/* files/csv_rows.c -- see files/csv_rows.h
 *
 * A row is scanned where it lies. When the buffer ends inside it, the row moves to the front, the rest is filled and the
 * scan begins again, so that no state survives a border: at most one row a buffer is scanned twice.
 */
#include "files/csv_rows.h"
#include "core/memory.h"
#include "core/utf8.h"
#include <string.h>

typedef enum { SCAN_ROW, SCAN_MORE, SCAN_FAILED } scan_result;

typedef struct {
    hg_csv_rows *r;
    const char *p, *limit; /* next byte, first byte that may not be read */
    bool quoted;           /* a cell of this row is: it may hold line ends */
    hg_err *err;
    hg_status st;
} scan;

void hg_csv_rows_begin(hg_csv_rows *r, hg_input *in, const char *name, char separator, size_t chunk) {
    *r = (hg_csv_rows) { .in = in, .name = name, .separator = separator, .chunk = chunk, .next_line = 1 };
    r->stop[(unsigned char)separator] = r->stop['\n'] = r->stop['\r'] = r->stop['"'] = true;
}

void hg_csv_rows_end(hg_csv_rows *r) {
    hg_free(r->buf);
    hg_free(r->cell);
    *r = (hg_csv_rows) { 0 };
}

/* Line ends in [from, to); *last is moved behind the last of them. */
static size_t count_lines(const char *from, const char *to, const char **last) {
    size_t n = 0;
    for (const char *p = from; p < to; p++)
        if (*p == '\n' || (*p == '\r' && !(p + 1 < to && p[1] == '\n'))) {
            n++;
            *last = p + 1;
        }
    return n;
}

void hg_csv_rows_place(size_t *line, size_t *column, const hg_csv_rows *r, const char *at) {
    const char *begin = r->row;
    *line = r->line + count_lines(r->row, at, &begin);
    *column = (size_t)(at - begin) + 1;
}

size_t hg_csv_cell_text(char *out, hg_csv_cell c) {
    if (!c.doubled) {
        memcpy(out, c.s, c.len);
        return c.len;
    }
    size_t n = 0;
    for (size_t i = 0; i < c.len; i++) {
        out[n++] = c.s[i];
        if (c.s[i] == '"') i++;
    }
    return n;
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

static scan_result refuse(scan *s, hg_status code, const char *at, const char *sentence, const char *advice) {
    size_t line, column;
    hg_csv_rows_place(&line, &column, s->r, at);
    s->st = hg_advise(s->err, hg_fail_at(s->err, code, s->r->name, line, column, "%s", sentence), "%s", advice);
    return SCAN_FAILED;
}

static scan_result refuse_byte(scan *s) {
    if (*s->limit == '\0')
        return refuse(s, HG_EPARSE, s->limit, "a NUL byte: this is not a text file",
                      "a UTF-16 file (Excel's \"Unicode text\") must be saved as \"CSV UTF-8\"");
    return refuse(s, HG_EPARSE, s->limit, "a byte that is not UTF-8 text",
                  "save the file as UTF-8: in Excel \"CSV UTF-8\", elsewhere iconv -f latin1 -t utf-8");
}

static scan_result too_long(scan *s, const char *start, bool quoted) {
    if (quoted)
        return refuse(s, HG_ELIMIT, start, "the cell that begins with this quote is longer than 1 MiB",
                      "is its closing quote missing?");
    return refuse(s, HG_ELIMIT, start, "this cell is longer than 1 MiB", "is this a table, and the separator right?");
}

/* The scan has come to the last byte it may look at. */
static scan_result out_of_bytes(scan *s) {
    const hg_csv_rows *r = s->r;
    const char *end = r->buf + r->end;
    if (s->limit == end) return SCAN_MORE;
    if (!r->ended && hg_utf8_may_go_on(s->limit, (size_t)(end - s->limit))) return SCAN_MORE;
    return refuse_byte(s);
}

static bool at_end(const scan *s) { return s->r->ended && s->limit == s->r->buf + s->r->end; }

/* ---- cells --------------------------------------------------------------------------------------------------- */

static bool is_blank(const scan *s, char c) { return (c == ' ' || c == '\t') && c != s->r->separator; }

static scan_result make_room_and_add(scan *s, hg_csv_cell c) {
    hg_csv_rows *r = s->r;
    if (r->n == HG_CSV_MAX_COLUMNS)
        return refuse(s, HG_ELIMIT, c.s, "more than 100000 cells in one row",
                      "is this a table, and the separator right?");
    if (!hg_grow(&r->cell, &r->cap_cells, r->n + 1, sizeof *r->cell)) {
        s->st = hg_fail(s->err, HG_ENOMEM, "%s: no memory for a row of %zu cells", r->name, r->n + 1);
        return SCAN_FAILED;
    }
    r->cell[r->n++] = c;
    return SCAN_ROW;
}

/* The common case is a store. */
static inline scan_result add_cell(scan *s, hg_csv_cell c) {
    hg_csv_rows *r = s->r;
    if (r->n == r->cap_cells || r->n == HG_CSV_MAX_COLUMNS) return make_room_and_add(s, c);
    r->cell[r->n++] = c;
    return SCAN_ROW;
}

/* s->p stands on the opening quote. */
static scan_result quoted_cell(scan *s) {
    const char *const open = s->p, *p = open + 1;
    bool doubled = false;
    s->quoted = true;
    for (;;) {
        const char *quote = p < s->limit ? memchr(p, '"', (size_t)(s->limit - p)) : NULL;
        if ((size_t)((quote ? quote : s->limit) - open) > HG_CSV_MAX_CELL) return too_long(s, open, true);
        if (!quote) {
            if (!at_end(s)) return out_of_bytes(s);
            return refuse(s, HG_EPARSE, open, "the quote that begins here is never closed",
                          "close it, or write a quote that belongs to the text as \"\" inside quotes");
        }
        p = quote + 1;
        if (p == s->limit && !at_end(s)) return out_of_bytes(s);
        if (p == s->limit || *p != '"') break;
        doubled = true;
        p++;
    }
    const hg_csv_cell c = { open + 1, (uint32_t)(p - open - 2), true, doubled };
    while (p < s->limit && is_blank(s, *p)) p++;
    if (p == s->limit && !at_end(s)) return out_of_bytes(s);
    if (p < s->limit && *p != s->r->separator && *p != '\n' && *p != '\r')
        return refuse(s, HG_EPARSE, p, "text after a closing quote",
                      "write a quote that belongs to the text as \"\", and the whole cell in quotes");
    s->p = p;
    return add_cell(s, c);
}

static scan_result plain_cell(scan *s, const char *start) {
    const char *p = start;
    while (p < s->limit && !s->r->stop[(unsigned char)*p]) p++;
    if ((size_t)(p - start) > HG_CSV_MAX_CELL) return too_long(s, start, false);
    if (p == s->limit && !at_end(s)) return out_of_bytes(s);
    if (p < s->limit && *p == '"')
        return refuse(s, HG_EPARSE, p, "a quote inside a cell that does not begin with one",
                      "put the whole cell in quotes and write the inner quote as \"\"");
    s->p = p;
    while (p > start && is_blank(s, p[-1])) p--;
    return add_cell(s, (hg_csv_cell) { start, (uint32_t)(p - start), false, false });
}

/* One row from s->p on, its line end included. */
static scan_result scan_row(scan *s) {
    for (;;) {
        const char *start = s->p;
        while (start < s->limit && is_blank(s, *start)) start++;
        if (start == s->limit && !at_end(s)) return out_of_bytes(s);
        s->p = start;
        const scan_result cell = start < s->limit && *start == '"' ? quoted_cell(s) : plain_cell(s, start);
        if (cell != SCAN_ROW) return cell;
        if (s->p == s->limit) return SCAN_ROW; /* the text ends without a line end */
        const char stop = *s->p;
        if (stop == '\r') {
            if (s->p + 1 == s->limit && !at_end(s)) return out_of_bytes(s);
            s->p += s->p + 1 < s->limit && s->p[1] == '\n';
        }
        s->p++;
        if (stop != s->r->separator) return SCAN_ROW;
    }
}

/* ---- the buffer ---------------------------------------------------------------------------------------------- */

static hg_status make_room(hg_csv_rows *r, hg_err *err) {
    if (r->pos) {
        memmove(r->buf, r->buf + r->pos, r->end - r->pos);
        r->end -= r->pos;
        r->checked -= r->pos;
        r->pos = 0;
    }
    if (r->end < r->cap) return HG_OK;
    if (r->cap >= HG_CSV_MAX_ROW)
        return hg_advise(err, hg_fail_at(err, HG_ELIMIT, r->name, r->next_line, 0, "this row is longer than 64 MiB"),
                         "is this a table, and the separator right?");
    const size_t cap = r->cap ? 2 * r->cap : r->chunk ? r->chunk : 1;
    char *buf = hg_realloc(r->buf, cap, 1);
    if (!buf) return hg_fail(err, HG_ENOMEM, "%s: no memory for a row of %zu bytes", r->name, cap);
    r->buf = buf;
    r->cap = cap;
    return HG_OK;
}

static hg_status fill(hg_csv_rows *r, hg_err *err) {
    HG_TRY(make_room(r, err));
    size_t room = r->cap - r->end, got = r->prefix_left < room ? r->prefix_left : room;
    if (got) {
        memcpy(r->buf + r->end, r->prefix, got);
        r->prefix += got;
        r->prefix_left -= got;
        r->end += got;
        room -= got;
    }
    if (room) {
        HG_TRY(hg_input_read(&got, r->in, r->buf + r->end, room, err));
        r->end += got;
        r->ended = got < room;
    }
    r->checked += hg_utf8_valid(r->buf + r->checked, r->end - r->checked);
    return HG_OK;
}

hg_status hg_csv_rows_next(bool *more, hg_csv_rows *r, hg_err *err) {
    *more = false;
    for (;;) {
        if (r->ended && r->pos == r->end) return HG_OK;
        if (r->pos < r->end) {
            scan s = { .r = r, .p = r->buf + r->pos, .limit = r->buf + r->checked, .err = err };
            r->row = s.p;
            r->line = r->next_line;
            r->n = 0;
            const scan_result result = scan_row(&s);
            if (result == SCAN_FAILED) return s.st;
            if (result == SCAN_ROW) {
                const char *last = NULL;
                r->next_line = r->line + (s.quoted ? count_lines(r->row, s.p, &last) : 1);
                r->pos = (size_t)(s.p - r->buf);
                *more = true;
                return HG_OK;
            }
        }
        HG_TRY(fill(r, err));
    }
}
