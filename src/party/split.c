/* party/split.c -- see party/split.h. One pass over the table; each row is checked, found in the pool, and handed to the writer. */
#include "party/split.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/csv_head.h"
#include "matter/table.h"
#include "secret/function.h"
#include "secret/ring.h"
#include <math.h>
#include <sodium.h>
#include <string.h>

enum { CHUNK = 256 << 10, PROGRESS_EVERY = 16384, CELL_MOST = 512 };
static const size_t NONE = SIZE_MAX; /* no such column */

typedef struct {
    const hg_policy *p;
    const hg_split_opts *o;
    hg_split_result *out;
    hg_err *err;
    hg_arena *mem; /* the table's head, names, buffers */
    hg_input *in;
    hg_csv_rows rows;
    hg_csv_dialect dialect;
    const char **name;              /* [n] of the columns */
    size_t n, target, id, *feature; /* columns; feature [n_features] */
    bool has_features;
    hg_pool_index *pool; /* tiers 1 and 2 */
    hg_share_layout layout;
    hg_share_writer *writer;
    uint64_t *element, *bits; /* one row */
    double *value;            /* [n_features] of one row */
} splitter;

hg_split_opts hg_split_opts_default(void) { return (hg_split_opts) { .target = NULL }; }

static hg_status no_memory(const splitter *s) { return hg_fail(s->err, HG_ENOMEM, "no memory to share a table"); }

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

static hg_status refuse_cell(const splitter *s, size_t column, hg_status st, const char *sentence) {
    const hg_csv_cell c = s->rows.cell[column];
    size_t line, place;
    hg_csv_rows_place(&line, &place, &s->rows, c.s);
    return hg_fail_at(s->err, st, s->rows.name, line, place, "column \"%s\" holds \"%.*s\", %s", s->name[column],
                      (int)(c.len < 60 ? c.len : 60), c.s, sentence);
}

/* err NULL: whether it is there. */
static hg_status find(size_t *column, const splitter *s, const char *name, hg_err *err) {
    HG_TRY(hg_name_find(column, s->name, s->n, s->rows.name, name, err));
    for (size_t j = 0; j < s->n; j++)
        if (j != *column && !strcmp(s->name[j], s->name[*column]))
            return hg_advise(err, hg_fail(err, HG_EDATA, "%s: two columns are called \"%s\"", s->rows.name, s->name[j]),
                             "give each column a name of its own in the first line");
    return HG_OK;
}

static hg_status find_features(splitter *s) {
    s->has_features = true;
    for (size_t k = 0; k < s->p->n_features; k++) {
        const hg_status st = find(&s->feature[k], s, s->p->feature[k], s->id == NONE ? s->err : NULL);
        if (st == HG_OK) continue;
        if (s->id == NONE) return st; /* nothing else to know a row by */
        s->has_features = false;
    }
    return HG_OK;
}

static hg_status find_columns(splitter *s) {
    const bool candidates = s->o->share.kind == HG_SHARES_CANDIDATES;
    s->target = s->id = NONE;
    if (!candidates) HG_TRY(find(&s->target, s, s->o->target ? s->o->target : s->p->target, s->err));
    if (s->p->id && find(&s->id, s, s->p->id_column, NULL) != HG_OK) s->id = NONE;
    return find_features(s);
}

static bool row_is_empty(const splitter *s) {
    for (size_t j = 0; j < s->rows.n; j++)
        if (s->rows.cell[j].len || s->rows.cell[j].quoted) return false;
    return true;
}

static hg_status read_header(splitter *s) {
    const hg_csv_head_opts o = { .chunk = CHUNK, .hooks = s->o->hooks };
    bool more;
    HG_TRY(hg_csv_head_begin(&s->rows, &s->dialect, s->in, &o, s->mem, s->err));
    do {
        HG_TRY(hg_csv_rows_next(&more, &s->rows, s->err));
        if (!more)
            return hg_advise(s->err, hg_fail(s->err, HG_EDATA, "%s: is empty", hg_input_name(s->in)),
                             "a table is a line of column names and one line a row");
    } while (row_is_empty(s));
    s->n = s->rows.n;
    s->name = hg_alloc(s->mem, s->n, sizeof *s->name);
    for (size_t j = 0; s->name && j < s->n; j++)
        if (!(s->name[j] = hg_csv_head_name(s->mem, s->rows.cell[j]))) return no_memory(s);
    return s->name ? find_columns(s) : no_memory(s);
}

/* ---- cells -------------------------------------------------------------------------------------------------------------- */

/* The cell without the blanks that quotes keep. */
static void trim(const char **text, size_t *len, hg_csv_cell c) {
    *text = c.s;
    *len = c.len;
    while (*len && (**text == ' ' || **text == '\t')) ++*text, --*len;
    while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) --*len;
}

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < HG_CSV_MISSING_WORDS; i++)
        if (strlen(HG_CSV_MISSING[i]) == len && !memcmp(HG_CSV_MISSING[i], text, len)) return true;
    return len == 0;
}

static hg_status read_number(double *out, bool *blank, const splitter *s, size_t column) {
    const char *text;
    size_t len;
    trim(&text, &len, s->rows.cell[column]);
    *blank = is_blank(text, len);
    *out = (double)NAN;
    if (*blank) return HG_OK;
    switch (hg_number_read(out, text, len, s->dialect.decimal)) {
    case HG_NUMBER_FINITE: return HG_OK;
    case HG_NUMBER_NONE: return refuse_cell(s, column, HG_EPARSE, "expected a number");
    default: return refuse_cell(s, column, HG_ENAN, "expected a finite number");
    }
}

static hg_status read_features(splitter *s) {
    for (size_t k = 0; k < s->p->n_features && s->has_features; k++) {
        bool blank;
        HG_TRY(read_number(&s->value[k], &blank, s, s->feature[k]));
        if (blank)
            return hg_advise(s->err, refuse_cell(s, s->feature[k], HG_ENAN, "a feature cannot be blank"),
                             "complete the row, or leave it out");
    }
    return HG_OK;
}

/* *skip: blank, and blanks are passed over. */
static hg_status read_property(double *out, bool *skip, const splitter *s) {
    bool blank;
    HG_TRY(read_number(out, &blank, s, s->target));
    *skip = blank && s->o->skip_blank;
    if (blank && !*skip)
        return hg_advise(s->err, refuse_cell(s, s->target, HG_ENAN, "which is no measured value"),
                         "leave the row out, or ask that blank rows be passed over");
    return HG_OK;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static hg_status find_by_id(size_t *row, const splitter *s) {
    char text[CELL_MOST];
    const hg_csv_cell c = s->rows.cell[s->id];
    const size_t len = c.len < sizeof text ? hg_csv_cell_text(text, c) : 0;
    if (!hg_pool_index_find_id(row, s->pool, text, len))
        return hg_advise(s->err, refuse_cell(s, s->id, HG_EDATA, "which is no candidate of the policy"),
                         "only entries of the policy's pool can be shared on this tier");
    if (s->has_features && !hg_pool_index_agrees(s->pool, *row, s->value))
        return hg_advise(s->err, refuse_cell(s, s->id, HG_EDATA, "which has other features in the policy's pool"),
                         "is this table made for another pool?");
    return HG_OK;
}

static hg_status find_row(size_t *row, const splitter *s) {
    if (s->id != NONE) return find_by_id(row, s);
    if (hg_pool_index_find(row, s->pool, s->value)) return HG_OK;
    hg_fail_at(s->err, HG_EDATA, s->rows.name, s->rows.line, 0,
               "no candidate of the policy has this row's features (\"%s\" = %g ...)", s->p->feature[0], s->value[0]);
    return hg_advise(s->err, HG_EDATA, "only entries of the policy's pool can be shared on this tier");
}

/* Features of a tier 3 row as ring elements, behind the property if there is one. */
static hg_status scale_features(splitter *s, size_t from) {
    const hg_policy *p = s->p;
    for (size_t k = 0; k < p->n_features; k++) {
        const double low = p->scale_low[k], high = p->scale_high[k], v = s->value[k];
        if (!(v >= low && v <= high)) {
            refuse_cell(s, s->feature[k], HG_EDATA, "outside the policy's range");
            return hg_advise(s->err, HG_EDATA, "the range of \"%s\" is %g to %g", p->feature[k], low, high);
        }
        hg_ring_from_double(s->element + HG_RING_LIMBS * (from + k), (v - low) / (high - low), HG_FRACTION,
                            HG_RING_LIMBS);
    }
    return HG_OK;
}

static hg_status scale_property(splitter *s, double y) {
    hg_err why = { 0 };
    const hg_status st = hg_policy_scale(s->element, s->p, y, &why);
    if (st == HG_OK) return HG_OK;
    size_t line, column;
    hg_csv_rows_place(&line, &column, &s->rows, s->rows.cell[s->target].s);
    return hg_advise(s->err, hg_fail_at(s->err, st, s->rows.name, line, column, "%s", why.msg), "%s", why.hint);
}

static void note_property(hg_split_result *out, double y) {
    if (out->rows == 0 || y < out->least) out->least = y;
    if (out->rows == 0 || y > out->greatest) out->greatest = y;
}

/* The property, if there is one, is the first element. Entries of tier 3 have other numbers at each job (party/rows.c): there the job is
 * part of the place. */
static hg_status write_row(splitter *s, uint32_t index) {
    const hg_share_opts *o = &s->o->share;
    const size_t has_y = o->kind != HG_SHARES_CANDIDATES;
    uint64_t job[HG_DIGEST / sizeof(uint64_t)];
    hg_split_row row = { .index = index,
                         .value = s->element,
                         .n_value = has_y * HG_RING_LIMBS,
                         .place = s->element + has_y * HG_RING_LIMBS,
                         .n_place = (s->layout.n_elements - has_y) * HG_RING_LIMBS,
                         .table = s->in ? s->rows.name : NULL,
                         .line = s->in ? s->rows.line : 0 };
    if (o->kind == HG_SHARES_MEASURED && s->p->tier == HG_TIER_COMPOSITIONS) {
        memcpy(job, o->for_job, sizeof job);
        row.place = job;
        row.n_place = sizeof job / sizeof *job;
    }
    if (s->o->row) HG_TRY(s->o->row(s->o->self, &row, s->err));
    return hg_share_writer_row(s->writer, index, s->element, s->bits, s->err);
}

static hg_status share_row(splitter *s) {
    const bool candidates = s->o->share.kind == HG_SHARES_CANDIDATES;
    size_t row = 0;
    double y = 0;
    bool skip = false;
    if (!candidates) HG_TRY(read_property(&y, &skip, s));
    if (skip) {
        s->out->blank++;
        return HG_OK;
    }
    HG_TRY(read_features(s));
    if (!candidates) HG_TRY(scale_property(s, y));
    if (s->p->tier == HG_TIER_COMPOSITIONS) {
        HG_TRY(scale_features(s, candidates ? 0 : 1));
        if (s->layout.n_bits) s->bits[0] = 1; /* measured */
    } else {
        HG_TRY(find_row(&row, s));
        if (s->layout.n_bits) s->bits[row / 64] = (uint64_t)1 << row % 64;
    }
    HG_TRY(write_row(s, (uint32_t)row));
    s->bits[row / 64] = 0;
    if (!candidates) note_property(s->out, y);
    s->out->rows++;
    return HG_OK;
}

static hg_status tell_progress(const splitter *s) {
    if (hg_progress(s->o->hooks, s->rows.name, (size_t)hg_input_fetched(s->in), (size_t)hg_input_total(s->in)))
        return HG_OK;
    return hg_fail(s->err, HG_ECANCEL, "%s: sharing was stopped at row %llu", s->rows.name,
                   (unsigned long long)s->out->rows);
}

static hg_status share_rows(splitter *s) {
    for (size_t k = 1;; k++) {
        bool more;
        HG_TRY(hg_csv_rows_next(&more, &s->rows, s->err));
        if (!more) return HG_OK;
        if (row_is_empty(s)) continue;
        if (s->rows.n != s->n)
            return hg_advise(s->err,
                             hg_fail_at(s->err, HG_EPARSE, s->rows.name, s->rows.line, 0,
                                        "this row has %zu cell%s, the header has %zu", s->rows.n,
                                        s->rows.n == 1 ? "" : "s", s->n),
                             "put a cell that holds the separator in quotes");
        HG_TRY(share_row(s));
        if (k % PROGRESS_EVERY == 0) HG_TRY(tell_progress(s));
    }
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

static hg_status begin(splitter *s, const char *const path[HG_SLOTS]) {
    HG_TRY(hg_share_layout_of(&s->layout, s->p, s->o->share.kind, s->err));
    s->feature = hg_alloc(s->mem, s->p->n_features, sizeof *s->feature);
    s->value = hg_alloc(s->mem, s->p->n_features, sizeof *s->value);
    s->element = hg_alloc(s->mem, s->layout.n_elements, HG_RING_LIMBS * sizeof(uint64_t));
    s->bits = hg_alloc(s->mem, (s->p->most_entries + 63) / 64, sizeof(uint64_t));
    if (!s->feature || !s->value || !s->element || !s->bits) return no_memory(s);
    if (s->p->pool) HG_TRY(hg_pool_index_new(&s->pool, s->p, s->err));
    return hg_share_writer_new(&s->writer, s->p, &s->o->share, path, s->err);
}

static hg_status split(splitter *s, const char *table, const char *const path[HG_SLOTS]) {
    const hg_input_opts o = hg_input_opts_default();
    HG_TRY(begin(s, path)); /* a wrong key or name is told before a large table is read */
    HG_TRY(hg_input_open(&s->in, table, &o, s->err));
    HG_TRY(read_header(s));
    HG_TRY(share_rows(s));
    if (s->out->rows == 0)
        return hg_advise(s->err,
                         hg_fail(s->err, HG_EDATA, "%s: there is no row to share (%llu blank)", s->rows.name,
                                 (unsigned long long)s->out->blank),
                         "a row whose value is empty, NA or NaN counts as not measured");
    HG_TRY(hg_share_writer_commit(s->writer, &s->out->statement, s->out->id, s->err));
    s->out->shared = s->out->statement.rows;
    return HG_OK;
}

static void end(splitter *s) {
    if (s->element) sodium_memzero(s->element, s->layout.n_elements * HG_RING_LIMBS * sizeof(uint64_t));
    hg_pool_index_free(s->pool);
    hg_share_writer_free(s->writer);
    hg_csv_rows_end(&s->rows);
    hg_input_free(s->in);
    hg_arena_free(s->mem);
}

hg_status hg_split_table(hg_split_result *out, const hg_policy *p, const char *table, const hg_split_opts *opts,
                         const char *const path[HG_SLOTS], hg_err *err) {
    *out = (hg_split_result) { .rows = 0 };
    if (opts->share.kind == HG_SHARES_MEASURED)
        return hg_fail(err, HG_EINVAL, "what was measured after an answer is shared as values, not as a table");
    splitter s = { .p = p, .o = opts, .out = out, .err = err, .mem = hg_arena_new() };
    const hg_status st = split(&s, table, path);
    end(&s);
    return st;
}

static hg_status share_values(splitter *s, const size_t *index, const double *value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (index[i] >= s->p->most_entries)
            return hg_fail(s->err, HG_EINVAL, "entry %zu was measured, there are %zu", index[i], s->p->most_entries);
        HG_TRY(hg_policy_scale(s->element, s->p, value[i], s->err));
        if (s->layout.n_bits) s->bits[index[i] / 64] = (uint64_t)1 << index[i] % 64;
        HG_TRY(write_row(s, (uint32_t)index[i]));
        s->bits[index[i] / 64] = 0;
        note_property(s->out, value[i]);
        s->out->rows++;
    }
    HG_TRY(hg_share_writer_commit(s->writer, &s->out->statement, s->out->id, s->err));
    s->out->shared = s->out->statement.rows;
    return HG_OK;
}

hg_status hg_split_value(hg_split_result *out, const hg_policy *p, const size_t *index, const double *value, size_t n,
                         const hg_split_opts *opts, const char *const path[HG_SLOTS], hg_err *err) {
    *out = (hg_split_result) { .rows = 0 };
    if (opts->share.kind != HG_SHARES_MEASURED)
        return hg_fail(err, HG_EINVAL, "values at pool indices are what was measured after an answer");
    splitter s = { .p = p, .o = opts, .out = out, .err = err, .mem = hg_arena_new() };
    hg_status st = begin(&s, path);
    if (st == HG_OK) st = share_values(&s, index, value, n);
    end(&s);
    return st;
}
