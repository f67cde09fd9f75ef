/* library/factory_data.c -- a table of a recipe: which rows can be used, which are of the test, and the numbers that networks see */
#include "core/memory.h"
#include "core/number.h"
#include "files/hash.h"
#include "hagane/csv.h"
#include "hagane/descriptor.h"
#include "learn/logs.h"
#include "library/factory_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENTHS = 10, FORMULA_SIZE = 1024, DIMS_MOST = 4096, ROWS_LEAST = 5, STREAM = 0xfac7 };

static hg_status no_memory(const hg_stock *s, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for %s", s->set->table);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

hg_status hg_stock_name(hg_stock *s, const hg_recipe *r, const hg_recipe_set *set, const hg_factory_opts *o,
                        hg_err *err) {
    const char *data = o->data ? o->data : ".";
    *s = (hg_stock) { .recipe = r, .set = set, .o = o };
    if (snprintf(s->path, sizeof s->path, "%s/%s", data, set->table) >= (int)sizeof s->path)
        return hg_fail(err, HG_EINVAL, "the name of the folder of data is too long");
    const hg_status st = hg_hash_file(s->sha256, s->path, err);
    if (st == HG_EIO) return hg_advise(err, st, "tables lie below the folder of data");
    HG_TRY(st);
    if (!*set->sha256 || strcmp(set->sha256, s->sha256) == 0) return HG_OK;
    return hg_advise(err,
                     hg_fail(err, HG_EDATA,
                             "%s is not the table of the recipe: its SHA-256 is %.16s..., expected %.16s...", s->path,
                             s->sha256, set->sha256),
                     "the same models come from the same table alone");
}

/* Columns that are read: those of the recipe and no others. */
static hg_status read_columns(hg_stock *s, hg_err *err) {
    const hg_recipe_set *set = s->set;
    const char **only = hg_alloc(s->mem, set->n_inputs + set->n_properties + 2, sizeof *only);
    const char *text[2];
    hg_csv_opts o = hg_csv_opts_default();
    s->column = hg_alloc(s->mem, set->n_inputs + 1, sizeof *s->column);
    if (!only || !s->column) return no_memory(s, err);
    if (*set->formula) s->column[s->n_columns++] = text[o.n_text++] = set->formula;
    for (size_t i = 0; i < set->n_inputs; i++)
        if (strcmp(set->input[i], set->formula) != 0) s->column[s->n_columns++] = set->input[i];
    for (size_t i = 0; i < s->n_columns; i++) only[o.n_only++] = s->column[i];
    for (size_t i = 0; i < set->n_properties; i++) { /* two of one column: it is read once */
        bool known = false;
        for (size_t k = 0; k < o.n_only; k++) known |= strcmp(only[k], set->property[i].target) == 0;
        if (!known) only[o.n_only++] = set->property[i].target;
    }
    if (*set->column) only[o.n_only++] = text[o.n_text++] = set->column;
    o.only = only;
    o.text = text;
    o.hooks = NULL; /* what was detected is told to who reads a table by hand */
    return hg_csv_read(&s->table, s->path, &o, err);
}

/* ---- rows that can be used --------------------------------------------------------------------------------------------- */

typedef struct {
    const hg_stock *s;
    const hg_descriptor *d;
    size_t formula;
    bool *usable; /* [rows] */
} looking;

static bool formula_is_good(const looking *l, size_t row) {
    hg_composition c;
    double x[DIMS_MOST];
    return hg_composition_read(&c, hg_table_text(l->s->table, l->formula, row), NULL) == HG_OK &&
           hg_descriptor_compute(x, l->d, &c, NULL) == HG_OK;
}

static void look_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const looking *l = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) l->usable[i] = l->usable[i] && formula_is_good(l, i);
}

static void look_at_cells(bool *usable, const hg_table *t, size_t j) {
    const hg_column *c = hg_table_column(t, j);
    for (size_t i = 0; i < hg_table_rows(t); i++)
        usable[i] =
            usable[i] && (c->kind == HG_COLUMN_NUMBER ? isfinite(c->number[i]) : *hg_table_text(t, j, i) != '\0');
}

static hg_status keep_usable(hg_stock *s, const bool *usable, hg_err *err) {
    const size_t rows = hg_table_rows(s->table);
    size_t *index = hg_alloc(s->mem, rows, sizeof *index), n = 0;
    hg_table *kept;
    if (!index) return no_memory(s, err);
    for (size_t i = 0; i < rows; i++)
        if (usable[i]) index[n++] = i;
    s->left_out = rows - n;
    if (n == rows) return HG_OK;
    if (n < ROWS_LEAST) return hg_fail(err, HG_EDATA, "%s: only %zu of %zu rows can be used", s->path, n, rows);
    HG_TRY(hg_table_pick(&kept, s->table, index, n, err));
    hg_table_free(s->table);
    s->table = kept;
    return HG_OK;
}

static hg_status leave_out(hg_stock *s, hg_err *err) {
    const size_t rows = hg_table_rows(s->table);
    looking l = { .s = s, .usable = hg_alloc(s->mem, rows, sizeof(bool)) };
    if (!l.usable) return no_memory(s, err);
    for (size_t i = 0; i < rows; i++) l.usable[i] = true;
    for (size_t k = *s->set->formula != '\0'; k < s->n_columns; k++) {
        size_t j;
        HG_TRY(hg_table_find(&j, s->table, s->column[k], err));
        look_at_cells(l.usable, s->table, j);
    }
    if (*s->set->formula) {
        HG_TRY(hg_table_find(&l.formula, s->table, s->set->formula, err));
        HG_TRY(hg_descriptor_find(&l.d, s->set->descriptor, err));
        if (hg_descriptor_dim(l.d) > DIMS_MOST)
            return hg_fail(err, HG_ELIMIT, "%s has %zu numbers", s->set->descriptor, hg_descriptor_dim(l.d));
        hg_pool_for(s->o->pool, rows, 64, look_task, &l);
    }
    return keep_usable(s, l.usable, err);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    char formula[FORMULA_SIZE];
    size_t row;
} keyed;

static int by_formula(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    const int c = strcmp(x->formula, y->formula);
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

/* group[rows]: the first row of the same composition. */
static hg_status find_groups(size_t *group, const hg_stock *s, hg_err *err) {
    const size_t rows = hg_table_rows(s->table);
    size_t j;
    for (size_t i = 0; i < rows; i++) group[i] = i;
    if (!*s->set->formula) return HG_OK;
    HG_TRY(hg_table_find(&j, s->table, s->set->formula, err));
    keyed *k = hg_malloc(rows, sizeof *k);
    if (!k) return no_memory(s, err);
    hg_status st = HG_OK;
    for (size_t i = 0; i < rows && st == HG_OK; i++) {
        hg_composition c;
        st = hg_composition_read(&c, hg_table_text(s->table, j, i), err);
        if (st == HG_OK) hg_composition_write(k[i].formula, sizeof k[i].formula, &c);
        k[i].row = i;
        if (st != HG_OK)
            st = hg_fail_at(err, st, s->path, hg_table_line(s->table, i), 0, "\"%.100s\" is no formula",
                            hg_table_text(s->table, j, i));
    }
    if (st == HG_OK) qsort(k, rows, sizeof *k, by_formula);
    for (size_t i = 1; i < rows && st == HG_OK; i++)
        if (strcmp(k[i].formula, k[i - 1].formula) == 0) group[k[i].row] = group[k[i - 1].row];
    hg_free(k);
    return st;
}

/* What the column says of a row: HG_UNUSED where it says nothing. */
static uint8_t told(const hg_stock *s, size_t column, size_t row) {
    const hg_recipe_set *set = s->set;
    if (!*set->column) return HG_UNUSED;
    const char *word = hg_table_text(s->table, column, row);
    if (*set->test && strcmp(word, set->test) == 0) return HG_TEST;
    return *set->validation && strcmp(word, set->validation) == 0 ? HG_JUDGE : HG_UNUSED;
}

/* The tenths that are drawn are whole compositions. */
static void give_parts(hg_stock *s, size_t column, const size_t *tenth) {
    for (size_t i = 0; i < s->rows.n; i++) {
        s->part[i] = told(s, column, i);
        if (s->part[i] != HG_UNUSED) continue;
        s->part[i] = !*s->set->test && tenth[i] == 0         ? HG_TEST
                     : !*s->set->validation && tenth[i] == 1 ? HG_JUDGE
                                                             : HG_LEARN;
    }
}

/* Of the rows to learn from as many as the recipe wants. */
static void draw_rows(hg_stock *s, size_t *order) {
    hg_rng r = hg_rng_make(s->recipe->seed, STREAM);
    size_t n = 0;
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->part[i] == HG_LEARN) order[n++] = i;
    if (!s->set->rows || n <= s->set->rows) return;
    hg_rng_shuffle(&r, order, n);
    for (size_t i = s->set->rows; i < n; i++) s->part[order[i]] = HG_UNUSED;
}

static void count_repeated(hg_stock *s, const size_t *group, size_t *seen) {
    size_t test = 0, again = 0;
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->part[i] == HG_LEARN || s->part[i] == HG_JUDGE) seen[group[i]] = 1;
    for (size_t i = 0; i < s->rows.n; i++) {
        test += s->part[i] == HG_TEST;
        again += s->part[i] == HG_TEST && seen[group[i]];
    }
    s->repeated = test && *s->set->formula ? (double)again / (double)test : 0;
}

static hg_status part_rows(hg_stock *s, hg_err *err) {
    const size_t n = s->rows.n = hg_table_rows(s->table);
    size_t *group = hg_alloc(s->mem, n, sizeof *group), *tenth = hg_alloc(s->mem, n, sizeof *tenth), column = 0;
    size_t *order = hg_alloc(s->mem, n, sizeof *order), *seen = hg_alloc(s->mem, n, sizeof *seen);
    s->part = hg_alloc(s->mem, n, sizeof *s->part);
    if (!group || !tenth || !order || !seen || !s->part) return no_memory(s, err);
    if (*s->set->column) HG_TRY(hg_table_find(&column, s->table, s->set->column, err));
    HG_TRY(find_groups(group, s, err));
    if (!hg_rows_split(tenth, &(hg_rows) { .n = n, .group = group }, TENTHS, s->recipe->seed)) return no_memory(s, err);
    give_parts(s, column, tenth);
    draw_rows(s, order);
    count_repeated(s, group, seen);
    return HG_OK;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */

hg_features_opts hg_stock_features(const hg_stock *s) {
    hg_features_opts o = hg_features_opts_default();
    o.columns = s->column;
    o.n_columns = s->n_columns;
    if (*s->set->formula) o.formula = s->set->formula, o.descriptor = s->set->descriptor;
    return o;
}

/* Which numbers there are follows from rows that are not the test's. */
static hg_status choose_numbers(hg_stock *s, hg_err *err) {
    const hg_features_opts o = hg_stock_features(s);
    size_t *index = hg_alloc(s->mem, s->rows.n, sizeof *index), n = 0;
    hg_table *known;
    if (!index) return no_memory(s, err);
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->part[i] == HG_LEARN || s->part[i] == HG_JUDGE) index[n++] = i;
    if (n < ROWS_LEAST) return hg_fail(err, HG_EDATA, "%s: only %zu rows to learn from", s->path, n);
    HG_TRY(hg_table_pick(&known, s->table, index, n, err));
    const hg_status st = hg_intake_fit(&s->intake, known, &o, err);
    hg_table_free(known);
    return st;
}

static hg_status read_numbers(hg_stock *s, hg_err *err) {
    const size_t n = s->rows.n;
    hg_err *why = s->set->leave_out ? hg_alloc(s->mem, n, sizeof *why) : NULL;
    if (s->set->leave_out && !why) return no_memory(s, err);
    HG_TRY(hg_intake_rows(&s->rows, why, s->intake, s->table, s->o->pool, s->mem, err));
    for (size_t i = 0; why && i < n; i++) { /* a category that only the test has, say */
        if (why[i].code == HG_OK || s->part[i] == HG_UNUSED) continue;
        s->part[i] = HG_UNUSED;
        s->left_out++;
    }
    return HG_OK;
}

static hg_status scale_numbers(hg_stock *s, hg_err *err) {
    const size_t n = s->rows.n;
    size_t *index = hg_alloc(s->mem, n, sizeof *index), m = 0;
    s->x = hg_alloc(s->mem, n * s->rows.d, sizeof *s->x);
    if (!index || !s->x) return no_memory(s, err);
    for (size_t i = 0; i < n; i++)
        if (s->part[i] == HG_LEARN) index[m++] = i;
    hg_arena *scratch = hg_arena_new();
    hg_rows learn;
    hg_status st = scratch ? hg_rows_take(&learn, &s->rows, index, m, scratch, err) : no_memory(s, err);
    if (st == HG_OK) st = hg_scaling_fit(&s->scaling, &learn, err);
    hg_arena_free(scratch);
    return st == HG_OK ? hg_networks_scale(s->x, &s->scaling, s->rows.x, n, err) : st;
}

hg_status hg_stock_open(hg_stock *s, hg_err *err) {
    s->mem = hg_arena_new();
    if (!s->mem) return no_memory(s, err);
    HG_TRY(read_columns(s, err));
    if (s->set->leave_out) HG_TRY(leave_out(s, err));
    HG_TRY(part_rows(s, err));
    HG_TRY(choose_numbers(s, err));
    HG_TRY(read_numbers(s, err));
    if (s->left_out)
        hg_log(s->o->hooks, HG_LOG_INFO, "%s: %zu rows cannot be read and are left out", s->path, s->left_out);
    return *s->set->learner ? HG_OK : scale_numbers(s, err);
}

bool hg_stock_is_open(const hg_stock *s) { return s->table != NULL; }

void hg_stock_close(hg_stock *s) {
    hg_table_free(s->table);
    hg_intake_free(s->intake);
    hg_scaling_free(&s->scaling);
    hg_arena_free(s->mem);
    *s = (hg_stock) { 0 };
}

/* ---- a property -------------------------------------------------------------------------------------------------------- */

static const char *word_of(char out[40], const hg_order *w, size_t row) {
    const hg_column *c = hg_table_column(w->stock->table, w->column);
    if (c->kind == HG_COLUMN_TEXT) return hg_table_text(w->stock->table, w->column, row);
    if (isnan(c->number[row])) return "";
    hg_print(out, 40, "%.15g", c->number[row]); /* as hagane/predictor.h names classes of numbers */
    return out;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static hg_status add_class(hg_order *w, const char *name, hg_err *err) {
    for (size_t c = 0; c < w->classes; c++)
        if (strcmp(w->class_name[c], name) == 0) return HG_OK;
    if (w->classes == HG_CLASSES_MOST)
        return hg_advise(err,
                         hg_fail(err, HG_EDATA, "%s: column \"%s\" has more than %d classes", w->stock->path,
                                 w->p->target, HG_CLASSES_MOST),
                         "\"task: values\" where they are numbers");
    if (!(w->class_name[w->classes++] = hg_arena_strdup(w->stock->mem, name))) return no_memory(w->stock, err);
    return HG_OK;
}

/* Classes are those that are learned from; a row of another one is as if it were blank. */
static hg_status read_classes(hg_order *w, hg_err *err) {
    const hg_stock *s = w->stock;
    char text[40];
    w->class_name = hg_alloc(s->mem, HG_CLASSES_MOST, sizeof *w->class_name);
    if (!w->class_name) return no_memory(s, err);
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->part[i] == HG_LEARN && *word_of(text, w, i)) HG_TRY(add_class(w, word_of(text, w, i), err));
    if (w->classes < 2) return hg_fail(err, HG_EDATA, "%s: column \"%s\" has one class only", s->path, w->p->target);
    qsort(w->class_name, w->classes, sizeof *w->class_name, by_text);
    for (size_t i = 0; i < s->rows.n; i++) {
        w->y[i] = (double)NAN;
        for (size_t c = 0; c < w->classes; c++)
            if (strcmp(word_of(text, w, i), w->class_name[c]) == 0) w->y[i] = (double)c;
    }
    return HG_OK;
}

static bool are_classes(const hg_order *w) {
    const hg_column *c = hg_table_column(w->stock->table, w->column);
    bool seen[2] = { false, false };
    if (w->p->task != HG_TASK_AUTO) return w->p->task == HG_TASK_CLASSES;
    if (c->kind == HG_COLUMN_TEXT) return true;
    for (size_t i = 0; i < w->stock->rows.n; i++) {
        if (isnan(c->number[i])) continue;
        if (c->number[i] != 0 && c->number[i] != 1) return false;
        seen[c->number[i] == 1] = true;
    }
    return seen[0] && seen[1];
}

static hg_status read_values(hg_order *w, hg_err *err) {
    const hg_table *t = w->stock->table;
    HG_TRY(hg_table_need_numbers(t, w->column, true, err));
    memcpy(w->y, hg_table_column(t, w->column)->number, w->stock->rows.n * sizeof *w->y);
    return HG_OK;
}

static hg_status list_rows(hg_order *w, hg_err *err) {
    static const char *const PART[] = { "to learn from", "of the validation", "of the test" };
    const hg_stock *s = w->stock;
    for (size_t k = 0; k < HG_UNUSED; k++) {
        w->row[k] = hg_alloc(s->mem, s->rows.n, sizeof *w->row[k]);
        if (!w->row[k]) return no_memory(s, err);
        for (size_t i = 0; i < s->rows.n; i++)
            if (s->part[i] == k && !isnan(w->y[i])) w->row[k][w->n[k]++] = i;
        if (w->n[k] < (k == HG_LEARN ? ROWS_LEAST : 2))
            return hg_advise(err,
                             hg_fail(err, HG_EDATA, "%s: %zu rows %s have a value of \"%s\"", s->path, w->n[k], PART[k],
                                     w->p->target),
                             "look at the split of the recipe");
    }
    return HG_OK;
}

/* What networks learn: mean 0 and standard deviation 1 over the rows to learn from. */
static hg_status scale_target(hg_order *w, hg_err *err) {
    const size_t n = w->n[HG_LEARN];
    double *y = hg_alloc(w->stock->mem, n, sizeof *y), sum = 0;
    if (!y) return no_memory(w->stock, err);
    for (size_t i = 0; i < n; i++) y[i] = w->y[w->row[HG_LEARN][i]];
    w->least = w->most = y[0];
    for (size_t i = 1; i < n; i++) w->least = fmin(w->least, y[i]), w->most = fmax(w->most, y[i]);
    if (!(w->most > w->least) || !isfinite(w->most - w->least))
        return hg_fail(err, HG_EDATA, "%s: every row of column \"%s\" is %g: there is nothing to learn", w->stock->path,
                       w->p->target, w->least);
    w->logs = w->p->scale == HG_SCALE_LOGS || (w->p->scale == HG_SCALE_AUTO && hg_logs_worth(y, n));
    if (w->logs && !hg_logs_possible(y, n))
        return hg_fail(err, HG_EDATA, "%s: column \"%s\" is not positive everywhere: no logarithms", w->stock->path,
                       w->p->target);
    w->unit[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (w->logs) y[i] = log(y[i]);
        w->unit[0] += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) sum += (y[i] - w->unit[0]) * (y[i] - w->unit[0]);
    w->unit[1] = sqrt(sum / (double)n);
    return HG_OK;
}

/* A value of the test or the validation that has no logarithm is as far below as learning goes. */
static double learned(const hg_order *w, double y) {
    if (w->classes || isnan(y)) return isnan(y) ? 0 : y;
    const double z = w->logs ? log(fmax(y, w->least)) : y;
    return (z - w->unit[0]) / w->unit[1];
}

hg_status hg_order_open(hg_order *out, const hg_stock *s, const hg_recipe_property *p, hg_err *err) {
    hg_order *w = out;
    *w = (hg_order) { .stock = s, .p = p, .unit = { 0, 1 } };
    w->y = hg_alloc(s->mem, s->rows.n, sizeof *w->y);
    w->target = hg_alloc(s->mem, s->rows.n, sizeof *w->target);
    if (!w->y || !w->target) return no_memory(s, err);
    HG_TRY(hg_table_find(&w->column, s->table, p->target, err));
    HG_TRY(are_classes(w) ? read_classes(w, err) : read_values(w, err));
    HG_TRY(list_rows(w, err));
    if (!w->classes) HG_TRY(scale_target(w, err));
    for (size_t i = 0; i < s->rows.n; i++) w->target[i] = (float)learned(w, w->y[i]);
    return HG_OK;
}

void hg_order_close(hg_order *w) { hg_domain_free(&w->domain); }
