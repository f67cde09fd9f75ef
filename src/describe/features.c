/* describe/features.c -- see hagane/features.h. One arena owns the recipe; the tables it was fitted on are not kept. */
#include "hagane/features.h"
#include "core/memory.h"
#include "core/text.h"
#include "describe/columns.h"
#include "hagane/descriptor.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LEVELS_MAX = 10000, /* one dimension each: beyond this it is no category, whatever the options say */
    NAMED = 24          /* columns of numbers named in the words, and columns left out: nobody reads five hundred */
};

typedef struct {
    hg_feature_group pub;
    const char **level;     /* category: [pub.dim] sorted */
    const hg_descriptor *d; /* formula */
    size_t *kept;           /* formula: [pub.dim] numbers of d that are used */
} group;

struct hg_features {
    hg_arena *mem; /* owns this struct and all below */
    size_t dim, n;
    group *group;      /* [n] */
    const char **name; /* [dim] */
    const char *words, *warning;
};

typedef struct { /* one fit in progress */
    hg_features f;
    const hg_table *const *t;
    size_t n_tables;
    const hg_features_opts *o;
    const hg_descriptor *d;
    hg_arena *scratch;
    hg_text used, left; /* "x, y" and "id (counts the rows), T, p": the last reason is still in `why` */
    hg_text nearly;     /* as `left`: what a few cells alone keep out */
    char why[256], nearly_why[256];
    size_t n_left, n_nearly, unnamed; /* columns left out; columns used that are not in `used` */
    size_t cap_groups, cap_names;     /* of f's lists */
    hg_err *err;
} fit;

hg_features_opts hg_features_opts_default(void) {
    return (hg_features_opts) { .descriptor = "xenonpy290", .max_levels = 50 };
}

/* ---- one row of a text column ----------------------------------------------------------------------------------------- */

/* Fails at a text cell: file and line, or the row of a made table. */
static hg_status bad_cell(const hg_table *t, size_t j, size_t row, const char *what, hg_err *err) {
    const size_t line = hg_table_line(t, row);
    const char *name = hg_table_column(t, j)->name;
    if (line) return hg_fail_at(err, HG_EDATA, hg_table_source(t), line, 0, "column \"%s\": %s", name, what);
    return hg_fail_at(err, HG_EDATA, hg_table_source(t), 0, 0, "column \"%s\" row %zu: %s", name, row, what);
}

static hg_status describe_cell(double *x, const hg_descriptor *d, const hg_table *t, size_t j, size_t row,
                               hg_err *err) {
    hg_composition c;
    hg_err inner;
    const char *s = hg_table_text(t, j, row);
    if (!*s)
        return hg_advise(err, bad_cell(t, j, row, "there is no formula", err), "fill in the formula or delete the row");
    hg_status st = hg_composition_read(&c, s, &inner);
    if (st == HG_OK) st = hg_descriptor_compute(x, d, &c, &inner);
    if (st == HG_OK) return HG_OK;
    bad_cell(t, j, row, inner.msg, err);
    return hg_advise(err, HG_EDATA, "%s", inner.hint[0] ? inner.hint : "correct the cell, or leave the column out");
}

/* ---- groups --------------------------------------------------------------------------------------------------------- */

static hg_status no_memory(fit *s, const char *name) {
    return hg_fail(s->err, HG_ENOMEM, "no memory for the features of column \"%s\"", name);
}

/* Collects "La, Ce (4 empty cells), DOI (about the origin of the row": neighbours with one reason share it. */
static void collect(hg_text *t, char last[256], const char *name, const char *why) {
    const bool same = t->len > 0 && strcmp(last, why) == 0;
    if (t->len > 0 && !same) hg_text_add(t, " (%s)", last);
    hg_text_add(t, "%s%s", t->len > 0 ? ", " : "", name);
    snprintf(last, 256, "%s", why);
}

static void leave_out(fit *s, const char *name, const char *why) {
    if (s->n_left++ < NAMED) collect(&s->left, s->why, name, why);
}

/* A list in the arena of at least `need` elements: twice as many as are there, when it is full. NULL: no memory. */
static void *room_for(hg_arena *mem, const void *list, size_t n, size_t *cap, size_t need, size_t size) {
    if (need <= *cap) return (void *)(uintptr_t)list;
    const size_t more = need < 2 * *cap ? 2 * *cap : need;
    void *fresh = hg_alloc(mem, more, size);
    if (fresh && n) memcpy(fresh, list, n * size);
    if (fresh) *cap = more;
    return fresh;
}

/* The next group, with room for its `dim` names. NULL: no memory. */
static group *new_group(fit *s, const char *name, hg_group_kind kind, size_t dim) {
    hg_features *f = &s->f;
    group *g = room_for(f->mem, f->group, f->n, &s->cap_groups, f->n + 1, sizeof *g);
    const char *own = hg_arena_strdup(f->mem, name);
    if (!g || !own) return NULL;
    f->group = g;
    const char **names = room_for(f->mem, f->name, f->dim, &s->cap_names, f->dim + dim, sizeof *names);
    if (!names) return NULL;
    f->name = names;
    g[f->n].pub = (hg_feature_group) { own, kind, f->dim, dim };
    f->dim += dim;
    return &g[f->n++];
}

static hg_status use_number(fit *s, const hg_look *l) {
    const group *g = new_group(s, l->name, HG_GROUP_NUMBER, 1);
    if (!g) return no_memory(s, l->name);
    s->f.name[g->pub.first] = g->pub.column;
    if (s->f.n > NAMED)
        s->unnamed++;
    else
        hg_text_add(&s->used, "%s%s", s->used.len ? ", " : "", l->name);
    return HG_OK;
}

static hg_status use_category(fit *s, const hg_look *l) {
    group *g = new_group(s, l->name, HG_GROUP_CATEGORY, l->levels);
    if (!g || !(g->level = hg_alloc(s->f.mem, l->levels, sizeof *g->level))) return no_memory(s, l->name);
    for (size_t k = 0; k < l->levels; k++) {
        const size_t before = strlen(l->name), len = strlen(l->level[k]);
        char *name = hg_alloc(s->f.mem, before + len + 2, 1);
        if (!name) return no_memory(s, l->name);
        memcpy(name, l->name, before);
        name[before] = '=';
        memcpy(name + before + 1, l->level[k], len + 1);
        s->f.name[g->pub.first + k] = name;
        g->level[k] = name + before + 1;
    }
    hg_text_add(&s->used, "%s%s (%zu levels)", s->used.len ? ", " : "", l->name, l->levels);
    return HG_OK;
}

/* Range of every number of the descriptor over all rows, one row at a time: the matrix may be larger than memory. */
static hg_status descriptor_range(fit *s, const hg_look *l, double *x, double *low, double *high) {
    const size_t dim = hg_descriptor_dim(s->d);
    for (size_t j = 0; j < dim; j++) {
        low[j] = INFINITY;
        high[j] = -INFINITY;
    }
    for (size_t k = 0; k < s->n_tables; k++)
        for (size_t i = 0; i < hg_table_rows(s->t[k]); i++) {
            HG_TRY(describe_cell(x, s->d, s->t[k], l->at[k], i, s->err));
            for (size_t j = 0; j < dim; j++) {
                low[j] = x[j] < low[j] ? x[j] : low[j];
                high[j] = x[j] > high[j] ? x[j] : high[j];
            }
        }
    return HG_OK;
}

/* Equal but for round-off: fractions such as 2/17 do not sum to 1 exactly, and variances of equal values are 1e-31. */
static bool is_constant(double low, double high) { return high - low <= 1e-9 * fmax(fabs(low), fabs(high)) + 1e-20; }

static hg_status use_formula(fit *s, const hg_look *l) {
    const size_t dim = hg_descriptor_dim(s->d);
    double *x = hg_alloc(s->scratch, dim, sizeof *x), *low = hg_alloc(s->scratch, dim, sizeof *low),
           *high = hg_alloc(s->scratch, dim, sizeof *high);
    if (!x || !low || !high) return no_memory(s, l->name);
    HG_TRY(descriptor_range(s, l, x, low, high));
    size_t kept = 0;
    for (size_t j = 0; j < dim; j++) kept += !is_constant(low[j], high[j]);
    if (kept == 0) {
        leave_out(s, l->name, "the same composition in every row");
        return HG_OK;
    }
    bool another = false;
    for (size_t k = 0; k < s->f.n; k++) another |= s->f.group[k].pub.kind == HG_GROUP_FORMULA;
    group *g = new_group(s, l->name, HG_GROUP_FORMULA, kept);
    if (!g || !(g->kept = hg_alloc(s->f.mem, kept, sizeof *g->kept))) return no_memory(s, l->name);
    g->d = s->d;
    kept = 0;
    for (size_t j = 0; j < dim; j++) {
        if (is_constant(low[j], high[j])) continue;
        const char *name = hg_descriptor_column(s->d, j);
        if (another) { /* two formula columns: the second one's numbers carry its name */
            hg_text both = hg_text_new(0);
            hg_text_add(&both, "%s %s", l->name, name);
            name = both.failed ? NULL : hg_arena_strdup(s->f.mem, both.s);
            hg_text_free(&both);
            if (!name) return no_memory(s, l->name);
        }
        s->f.name[g->pub.first + kept] = name;
        g->kept[kept++] = j;
    }
    hg_text_add(&s->used, "%s%s (formula: ", s->used.len ? ", " : "", l->name);
    if (kept < dim) hg_text_add(&s->used, "%zu of ", kept);
    hg_text_add(&s->used, "the %zu numbers of %s%s)", dim, hg_descriptor_name(s->d),
                kept < dim ? ", the others are constant" : "");
    return HG_OK;
}

/* ---- columns that were named ------------------------------------------------------------------------------------------ */

static hg_status refuse_levels(fit *s, const hg_look *l) {
    if (l->numeric)
        for (size_t k = 0; k < s->n_tables; k++) HG_TRY(hg_table_need_numbers(s->t[k], l->at[k], false, s->err));
    hg_fail(s->err, HG_EDATA, "%s: column \"%s\" holds more than %zu different texts: too many for a category",
            hg_table_source(s->t[0]), l->name, s->o->max_levels);
    return hg_advise(s->err, HG_EDATA, "leave it out; if it holds chemical formulae, name it as the formula column");
}

static hg_status use_named(fit *s, const char *name, bool is_formula) {
    hg_look l;
    size_t first;
    HG_TRY(hg_table_find(&first, s->t[0], name, s->err));
    name = hg_table_column(s->t[0], first)->name;
    for (size_t k = 0; k < s->f.n; k++)
        if (strcmp(s->f.group[k].pub.column, name) == 0)
            return hg_fail(s->err, HG_EINVAL, "column \"%s\" is named twice", name);
    HG_TRY(hg_look_at(&l, s->t, s->n_tables, name, s->o->max_levels, s->scratch, s->err));
    if (l.absent < s->n_tables)
        return hg_table_find(&first, s->t[l.absent], name, s->err); /* says what it has instead */
    if (is_formula && (l.number || l.mixed)) {
        hg_fail(s->err, HG_EDATA, "%s: column \"%s\" holds numbers, not formulae", hg_table_source(s->t[0]), name);
        return hg_advise(s->err, HG_EDATA, "name another column as the formula");
    }
    if (l.number || l.mixed) {
        for (size_t k = 0; k < s->n_tables; k++) HG_TRY(hg_table_need_numbers(s->t[k], l.at[k], false, s->err));
        if (l.min < l.max) return use_number(s, &l);
        leave_out(s, name, "constant");
        return HG_OK;
    }
    if (is_formula || hg_look_formula_rank(&l) > 0) return use_formula(s, &l);
    if (l.blank) {
        bad_cell(s->t[l.bad_table], l.at[l.bad_table], l.bad_row, "the cell is empty", s->err);
        return hg_advise(s->err, HG_EDATA, "fill in the %zu empty cell%s or leave the column out", l.blank,
                         l.blank == 1 ? "" : "s");
    }
    if (l.levels > s->o->max_levels) return refuse_levels(s, &l);
    if (l.levels > 1) return use_category(s, &l);
    leave_out(s, name, "constant");
    return HG_OK;
}

static hg_status use_all_named(fit *s) {
    const char *formula = NULL;
    size_t j;
    bool listed = false;
    if (s->o->formula) {
        HG_TRY(hg_table_find(&j, s->t[0], s->o->formula, s->err));
        formula = hg_table_column(s->t[0], j)->name;
    }
    for (size_t i = 0; i < s->o->n_columns; i++) {
        HG_TRY(hg_table_find(&j, s->t[0], s->o->columns[i], s->err));
        const bool is_formula = formula && strcmp(formula, hg_table_column(s->t[0], j)->name) == 0;
        listed |= is_formula;
        HG_TRY(use_named(s, s->o->columns[i], is_formula));
    }
    return formula && !listed ? use_named(s, formula, true) : HG_OK;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------- */

/* excluded[j]: column j of the first table. A name must be in one of the tables at least: a misspelt one would let the
 * target in among the inputs. */
static hg_status find_excluded(fit *s, bool *excluded) {
    for (size_t i = 0; i < s->o->n_exclude; i++) {
        size_t j = 0, found = 0;
        for (size_t k = s->n_tables; k-- > 0;) {
            const hg_status st = hg_table_find(&j, s->t[k], s->o->exclude[i], NULL);
            if (st == HG_ENOMEM) return hg_fail(s->err, HG_ENOMEM, "no memory to look for \"%s\"", s->o->exclude[i]);
            found += st == HG_OK;
            if (st == HG_OK && k == 0) excluded[j] = true;
        }
        if (!found) return hg_table_find(&j, s->t[0], s->o->exclude[i], s->err);
    }
    return HG_OK;
}

/* "4 empty cells, the first in line 102 of pool.csv" */
static const char *empty_cells(const fit *s, const hg_look *l, size_t cells, char *why, size_t size) {
    const hg_table *t = s->t[l->bad_table];
    const size_t line = hg_table_line(t, l->bad_row);
    char place[48] = "";
    if (line) snprintf(place, sizeof place, ", the first in line %zu", line);
    const bool which = line && s->n_tables > 1;
    snprintf(why, size, "%zu empty cell%s%s%s%s", cells, cells == 1 ? "" : "s", place, which ? " of " : "",
             which ? hg_table_source(t) : "");
    return why;
}

/* Why the column cannot be used, or NULL. */
static const char *unusable(fit *s, const hg_look *l, char *why, size_t size) {
    if (l->absent < s->n_tables) return snprintf(why, size, "not in %s", hg_table_source(s->t[l->absent])), why;
    if (hg_name_is_id(l->name)) return "names the row";
    if (hg_name_is_bookkeeping(l->name)) return "about the origin of the row";
    if (l->mixed) return "numbers in one table, text in another";
    if (!l->number) return l->levels < 2 && l->blank == 0 ? "constant" : NULL;
    if (l->infinite) return "not finite everywhere";
    if (l->missing) return empty_cells(s, l, l->missing, why, size);
    return l->min < l->max ? NULL : "constant";
}

/* The same for a text column that is not the formula. */
static const char *no_category(fit *s, const hg_look *l, char *why, size_t size) {
    if (l->levels > s->o->max_levels) {
        const size_t cells = l->rows - l->blank;
        if (l->numeric) return "text, though most cells look like numbers";
        if (l->readable * 2 > cells)
            snprintf(why, size, "only %zu of %zu cells are formulae", l->readable, cells);
        else
            snprintf(why, size, "more than %zu different texts", s->o->max_levels);
        return why;
    }
    if (l->blank) return empty_cells(s, l, l->blank, why, size);
    return l->levels == l->rows ? "a different text in every row" : NULL;
}

/* Whether a few cells alone keep out a column that may well matter: at most a tenth of them (or one) blank, or a word among
 * the numbers. A column with more blanks is rather another result, known where it was measured. */
static bool few_cells(const fit *s, const hg_look *l) {
    const size_t few = l->rows < 10 ? 1 : l->rows / 10;
    if (l->absent < s->n_tables || hg_name_is_id(l->name) || hg_name_is_bookkeeping(l->name)) return false;
    if (l->mixed) return true;
    if (l->number) return l->missing + l->infinite <= few && l->min < l->max;
    if (l->levels > s->o->max_levels) return l->numeric;
    return l->blank > 0 && l->blank <= few && l->levels > 1 && l->levels + l->blank < l->rows;
}

/* Looks at every column; *formula: the one that was named, or the one most like a formula, or the number of columns. */
static hg_status find_formula(size_t *formula, fit *s, hg_look *look, const bool *excluded) {
    const size_t n = hg_table_columns(s->t[0]);
    int best = 0;
    *formula = n;
    if (s->o->formula) HG_TRY(hg_table_find(formula, s->t[0], s->o->formula, s->err));
    for (size_t j = 0; j < n; j++) {
        char why[256];
        if (excluded[j]) continue;
        HG_TRY(hg_look_at(&look[j], s->t, s->n_tables, hg_table_column(s->t[0], j)->name, s->o->max_levels, s->scratch,
                          s->err));
        if (s->o->formula || unusable(s, &look[j], why, sizeof why)) continue;
        const int rank = hg_look_formula_rank(&look[j]);
        if (rank > best) {
            best = rank;
            *formula = j;
        }
    }
    return HG_OK;
}

static const char *const COUNTS = "counts the rows";

static hg_status choose(fit *s) {
    const size_t n = hg_table_columns(s->t[0]);
    bool *excluded = hg_alloc(s->scratch, n, sizeof *excluded);
    hg_look *look = hg_alloc(s->scratch, n, sizeof *look);
    if (!excluded || !look) return hg_fail(s->err, HG_ENOMEM, "no memory to choose among %zu columns", n);
    HG_TRY(find_excluded(s, excluded));

    size_t formula;
    HG_TRY(find_formula(&formula, s, look, excluded));
    const hg_look *counter = NULL;
    for (size_t j = 0; j < n; j++) {
        char why[256];
        if (j == formula) {
            const char *name = hg_table_column(s->t[0], j)->name;
            if (s->o->formula)
                HG_TRY(use_named(s, name, true));
            else
                HG_TRY(use_formula(s, &look[j]));
            continue;
        }
        if (excluded[j]) continue;
        const char *no = unusable(s, &look[j], why, sizeof why);
        if (!no && look[j].number && look[j].counts) {
            if (!counter) {
                counter = &look[j]; /* decided at the end */
                continue;
            }
            no = COUNTS;
        }
        if (!no && !look[j].number) no = no_category(s, &look[j], why, sizeof why);
        if (no && few_cells(s, &look[j]) && s->n_nearly++ < NAMED) collect(&s->nearly, s->nearly_why, look[j].name, no);
        if (no)
            leave_out(s, look[j].name, no);
        else
            HG_TRY(look[j].number ? use_number(s, &look[j]) : use_category(s, &look[j]));
    }
    if (counter && s->f.n > 0) leave_out(s, counter->name, COUNTS);
    if (s->f.n > 0 || !counter) return HG_OK;
    HG_TRY(use_number(s, counter)); /* a scan 0, 1, 2, ... along the only variable there is */
    hg_text_add(&s->used, " (it counts 0, 1, 2, ... but nothing else can be used)");
    return HG_OK;
}

/* ---- fit and apply ---------------------------------------------------------------------------------------------------- */

static hg_status warn(fit *s) {
    s->f.warning = "";
    if (!s->nearly.len) return HG_OK;
    hg_text all = hg_text_new(0);
    hg_text_add(
        &all,
        "Left out, though most cells hold values: %s (%s). Correct these cells or drop their rows to learn from "
        "%s.",
        s->nearly.s, s->nearly_why, s->n_nearly == 1 ? "this column" : "these columns");
    s->f.warning = all.failed || s->nearly.failed ? NULL : hg_arena_strdup(s->f.mem, all.s);
    hg_text_free(&all);
    return s->f.warning ? HG_OK : hg_fail(s->err, HG_ENOMEM, "no memory for the words about the inputs");
}

static hg_status finish(fit *s) {
    if (s->left.len) hg_text_add(&s->left, " (%s)", s->why);
    if (s->f.n == 0 && !s->left.failed) {
        hg_fail(s->err, HG_EDATA, "%s: no column can be used as an input", hg_table_source(s->t[0]));
        return hg_advise(s->err, HG_EDATA, "%s%s", s->left.len ? "left out: " : "there is no column but the target",
                         s->left.s);
    }
    hg_text all = hg_text_new(0);
    hg_text_add(&all, "Inputs: %s", s->used.s);
    if (s->unnamed) hg_text_add(&all, " and %zu more column%s of numbers", s->unnamed, s->unnamed == 1 ? "" : "s");
    hg_text_add(&all, ".");
    if (s->left.len) hg_text_add(&all, " Left out: %s", s->left.s);
    if (s->n_left > NAMED) hg_text_add(&all, " and %zu more", s->n_left - NAMED);
    if (s->left.len) hg_text_add(&all, ".");
    const bool failed = s->used.failed || s->left.failed || all.failed;
    s->f.words = failed ? NULL : hg_arena_strdup(s->f.mem, all.s);
    hg_text_free(&all);
    HG_TRY(warn(s));
    return s->f.words ? HG_OK : hg_fail(s->err, HG_ENOMEM, "no memory for the words about the inputs");
}

hg_status hg_features_fit(hg_features **out, const hg_table *const *t, size_t n_tables, const hg_features_opts *opts,
                          hg_err *err) {
    hg_features_opts o = opts ? *opts : hg_features_opts_default();
    const hg_descriptor *d = NULL;
    size_t rows = 0;
    *out = NULL;
    if (o.max_levels > LEVELS_MAX) o.max_levels = LEVELS_MAX;
    for (size_t k = 0; k < n_tables; k++) rows += hg_table_rows(t[k]);
    if (rows == 0) return hg_fail(err, HG_EDATA, "there are no rows to learn from");
    HG_TRY(hg_descriptor_find(&d, o.descriptor ? o.descriptor : hg_features_opts_default().descriptor, err));
    fit s = { .f = { .mem = hg_arena_new() }, .t = t, .n_tables = n_tables, .o = &o, .d = d, .err = err };
    s.scratch = hg_arena_new();
    s.used = hg_text_new(0);
    s.left = hg_text_new(0);
    s.nearly = hg_text_new(0);
    hg_features *f = hg_alloc(s.f.mem, 1, sizeof *f);
    hg_status st = HG_OK;
    if (!f || !s.scratch)
        st = hg_fail(err, HG_ENOMEM, "no memory for the features");
    else
        st = o.columns ? use_all_named(&s) : choose(&s);
    if (st == HG_OK) st = finish(&s);
    hg_text_free(&s.used);
    hg_text_free(&s.left);
    hg_text_free(&s.nearly);
    hg_arena_free(s.scratch);
    if (st != HG_OK) {
        hg_arena_free(s.f.mem);
        return st;
    }
    *f = s.f;
    *out = f;
    return HG_OK;
}

static hg_status apply_category(double *x, size_t dim, const group *g, const hg_table *t, size_t j, hg_err *err) {
    for (size_t i = 0; i < hg_table_rows(t); i++, x += dim) {
        const char *s = hg_table_text(t, j, i);
        size_t level = 0;
        while (level < g->pub.dim && strcmp(g->level[level], s) != 0) level++;
        if (level == g->pub.dim) {
            char what[160];
            snprintf(what, sizeof what, "\"%.100s\" was not among the levels it was fitted on", s);
            return hg_advise(err, bad_cell(t, j, i, what, err), "the levels are %s, ... %s", g->level[0],
                             g->level[g->pub.dim - 1]);
        }
        for (size_t k = 0; k < g->pub.dim; k++) x[k] = k == level;
    }
    return HG_OK;
}

static hg_status apply_formula(double *x, size_t dim, const group *g, const hg_table *t, size_t j, hg_err *err) {
    double *all = hg_malloc(hg_descriptor_dim(g->d), sizeof *all);
    if (!all) return hg_fail(err, HG_ENOMEM, "no memory for descriptor %s", hg_descriptor_name(g->d));
    hg_status st = HG_OK;
    for (size_t i = 0; i < hg_table_rows(t) && st == HG_OK; i++, x += dim) {
        st = describe_cell(all, g->d, t, j, i, err);
        for (size_t k = 0; k < g->pub.dim && st == HG_OK; k++) x[k] = all[g->kept[k]];
    }
    hg_free(all);
    return st;
}

hg_status hg_features_apply(double *x, const hg_features *f, const hg_table *t, hg_err *err) {
    for (size_t k = 0; k < f->n; k++) {
        const group *g = &f->group[k];
        double *first = x + g->pub.first;
        size_t j;
        HG_TRY(hg_table_find(&j, t, g->pub.column, err));
        const hg_column *c = hg_table_column(t, j);
        if (g->pub.kind == HG_GROUP_NUMBER) {
            HG_TRY(hg_table_need_numbers(t, j, false, err));
            for (size_t i = 0; i < hg_table_rows(t); i++)
                first[i * f->dim] = c->number[i] + 0.0; /* -0 becomes 0: equal rows have equal bytes */
        } else if (c->kind != HG_COLUMN_TEXT) {
            return hg_fail(err, HG_EDATA, "%s: column \"%s\" holds numbers, but it was fitted on text",
                           hg_table_source(t), c->name);
        } else if (g->pub.kind == HG_GROUP_CATEGORY) {
            HG_TRY(apply_category(first, f->dim, g, t, j, err));
        } else {
            HG_TRY(apply_formula(first, f->dim, g, t, j, err));
        }
    }
    return HG_OK;
}

size_t hg_features_dim(const hg_features *f) { return f->dim; }
const char *hg_features_name(const hg_features *f, size_t j) { return j < f->dim ? f->name[j] : NULL; }
size_t hg_features_groups(const hg_features *f) { return f->n; }
const hg_feature_group *hg_features_group(const hg_features *f, size_t g) { return g < f->n ? &f->group[g].pub : NULL; }
const char *hg_features_words(const hg_features *f) { return f->words; }
const char *hg_features_warning(const hg_features *f) { return f->warning; }

void hg_features_free(hg_features *f) {
    if (f) hg_arena_free(f->mem);
}
