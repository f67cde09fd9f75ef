/* learn/intake.c -- see learn/intake.h. One arena owns it. */
#include "learn/intake.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/json_read.h"
#include "hagane/descriptor.h"
#include <math.h>
#include <string.h>

enum { CHUNK = 64 /* rows a task */, FORMULA_SIZE = 512 };

typedef struct {
    const char *column;
    hg_group_kind kind;
    size_t first, dim;
    const char **level;     /* category: [dim] */
    const hg_descriptor *d; /* formula */
    size_t *kept;           /* formula: [dim] numbers of d */
} group;

struct hg_intake {
    hg_arena *mem;
    size_t dim, n;
    group *group;      /* [n] */
    const char **name; /* [dim] */
    const char **set;  /* [dim] as in hg_rows; NULL: there is none */
    const char *alike; /* as in hg_rows */
    const char *words, *warning;
};

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for the columns of a table"); }

static hg_status new_intake(hg_intake **out, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    *out = hg_alloc(mem, 1, sizeof **out);
    if (*out) {
        **out = (hg_intake) { .mem = mem, .words = "", .warning = "" };
        return HG_OK;
    }
    hg_arena_free(mem);
    return no_memory(err);
}

void hg_intake_free(hg_intake *f) {
    if (f) hg_arena_free(f->mem);
}

size_t hg_intake_dim(const hg_intake *f) { return f->dim; }
const char *hg_intake_name(const hg_intake *f, size_t j) { return j < f->dim ? f->name[j] : NULL; }
const char *hg_intake_words(const hg_intake *f) { return f->words; }
const char *hg_intake_warning(const hg_intake *f) { return f->warning; }
const char *hg_intake_column(const hg_intake *f, size_t i) { return i < f->n ? f->group[i].column : NULL; }

static const group *formula_group(const hg_intake *f) {
    for (size_t g = 0; g < f->n; g++)
        if (f->group[g].kind == HG_GROUP_FORMULA) return &f->group[g];
    return NULL;
}

const char *hg_intake_formula(const hg_intake *f) {
    const group *g = formula_group(f);
    return g ? g->column : NULL;
}

const char *hg_intake_descriptor(const hg_intake *f) {
    const group *g = formula_group(f);
    return g ? hg_descriptor_name(g->d) : NULL;
}

const char *hg_intake_text_column(const hg_intake *f, size_t i) {
    for (size_t g = 0; g < f->n; g++)
        if (f->group[g].kind != HG_GROUP_NUMBER && i-- == 0) return f->group[g].column;
    return NULL;
}

/* The names of the group's numbers: f->name. */
static bool name_group(hg_intake *f, const group *g) {
    for (size_t k = 0; k < g->dim; k++) {
        const char *name = g->column;
        if (g->kind == HG_GROUP_FORMULA) name = hg_descriptor_column(g->d, g->kept[k]);
        if (g->kind == HG_GROUP_CATEGORY) {
            hg_text t = hg_text_new(0);
            hg_text_add(&t, "%s=%s", g->column, g->level[k]);
            name = t.failed ? NULL : hg_arena_strdup(f->mem, t.s);
            hg_text_free(&t);
        }
        if (!name) return false;
        f->name[g->first + k] = name;
    }
    return true;
}

/* f->set and f->alike, once all groups are there. */
static bool tell_sets(hg_intake *f) {
    const char *last = NULL;
    size_t sets = 0, statistics = 0;
    const char **set = hg_alloc(f->mem, f->dim, sizeof *set);
    hg_text alike = hg_text_new(0);
    for (size_t j = 0; set && j < f->dim; j++) set[j] = "";
    for (size_t g = 0; g < f->n; g++)
        for (size_t k = 0; set && f->group[g].d && k < f->group[g].dim; k++) {
            const char *name = hg_descriptor_derived(f->group[g].d, f->group[g].kept[k]);
            if (name) set[f->group[g].first + k] = name;
            sets += name != NULL;
            if (!hg_descriptor_statistics(f->group[g].d, f->group[g].kept[k]) || name == last) continue;
            hg_text_add(&alike, "%s%s", statistics++ ? " " : "", name);
            last = name;
        }
    f->set = sets ? set : NULL;
    f->alike = statistics > 1 && !alike.failed ? hg_arena_strdup(f->mem, alike.s) : NULL;
    const bool done = set && !alike.failed && (statistics < 2 || f->alike);
    hg_text_free(&alike);
    return done;
}

/* ---- fit ------------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end) {
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* The group of the recipe with texts of its own; what its numbers are is told by their names. */
static bool copy_group(hg_intake *f, group *g, const hg_features *from, const hg_feature_group *pub,
                       const hg_descriptor *d) {
    *g = (group) { .column = hg_arena_strdup(f->mem, pub->column), .kind = pub->kind, .first = pub->first };
    g->dim = pub->dim;
    g->d = pub->kind == HG_GROUP_FORMULA ? d : NULL;
    g->level = hg_alloc(f->mem, g->dim, sizeof *g->level);
    g->kept = hg_alloc(f->mem, g->dim, sizeof *g->kept);
    if (!g->column || !g->level || !g->kept) return false;
    for (size_t k = 0, at = 0; k < g->dim; k++) {
        const char *name = hg_features_name(from, g->first + k);
        if (g->kind == HG_GROUP_CATEGORY) {
            g->level[k] = hg_arena_strdup(f->mem, name + strlen(g->column) + 1);
            if (!g->level[k]) return false;
        } else if (g->kind == HG_GROUP_FORMULA) { /* in the order of the descriptor */
            while (!ends_with(name, hg_descriptor_column(d, at))) at++;
            g->kept[k] = at++;
        }
    }
    return name_group(f, g);
}

static hg_status fill(hg_intake *f, const hg_features *from, const hg_descriptor *d, hg_err *err) {
    f->n = hg_features_groups(from);
    f->dim = hg_features_dim(from);
    if (f->dim > HG_INTAKE_DIMS_MOST)
        return hg_advise(err, hg_fail(err, HG_ELIMIT, "%zu numbers a row, at most %d", f->dim, HG_INTAKE_DIMS_MOST),
                         "name the columns to use");
    f->group = hg_alloc(f->mem, f->n, sizeof *f->group);
    f->name = hg_alloc(f->mem, f->dim, sizeof *f->name);
    f->words = hg_arena_strdup(f->mem, hg_features_words(from));
    f->warning = hg_arena_strdup(f->mem, hg_features_warning(from));
    if (!f->group || !f->name || !f->words || !f->warning) return no_memory(err);
    for (size_t g = 0; g < f->n; g++)
        if (!copy_group(f, &f->group[g], from, hg_features_group(from, g), d)) return no_memory(err);
    return tell_sets(f) ? HG_OK : no_memory(err);
}

static hg_status fit_with(hg_intake **out, const hg_table *t, const hg_features_opts *o, hg_err *err) {
    const hg_descriptor *d;
    hg_features *features;
    hg_intake *f;
    HG_TRY(hg_descriptor_find(&d, o->descriptor, err));
    HG_TRY(hg_features_fit(&features, &t, 1, o, err));
    hg_status st = new_intake(&f, err);
    if (st == HG_OK) st = fill(f, features, d, err);
    hg_features_free(features);
    if (st == HG_OK)
        *out = f;
    else
        hg_intake_free(f);
    return st;
}

/* Where no descriptor is named: several sets side by side say more than one; another where that has no numbers for an element. */
hg_status hg_intake_fit(hg_intake **out, const hg_table *t, const hg_features_opts *o, hg_err *err) {
    static const char *const CHOICE[] = { "xenonpy290+magpie132+fractions+chemistry62", "xenonpy290+fractions" };
    hg_features_opts with = o ? *o : hg_features_opts_default();
    *out = NULL;
    if (o && with.descriptor) return fit_with(out, t, &with, err);
    with.descriptor = CHOICE[0];
    if (fit_with(out, t, &with, NULL) == HG_OK) return HG_OK;
    with.descriptor = CHOICE[1];
    return fit_with(out, t, &with, err);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const hg_intake *f;
    const hg_table *t;
    const size_t *at;  /* [f->n] columns of t */
    const group *main; /* the formula whose composition is handed on; NULL */
    float *x;
    hg_composition *composition; /* NULL: no formula */
    size_t *key;                 /* [rows]; NULL: not wanted */
    hg_err *why;                 /* [rows] */
    double *scratch;             /* [workers, widest] */
    size_t widest;
} filling;

static hg_status bad_cell(const filling *w, const group *g, size_t row, const char *what, const char *hint,
                          hg_err *err) {
    const size_t line = hg_table_line(w->t, row);
    if (line)
        hg_fail_at(err, HG_EDATA, hg_table_source(w->t), line, 0, "column \"%s\": %s", g->column, what);
    else
        hg_fail_at(err, HG_EDATA, hg_table_source(w->t), 0, 0, "column \"%s\" row %zu: %s", g->column, row, what);
    return hint && *hint ? hg_advise(err, HG_EDATA, "%s", hint) : HG_EDATA;
}

static hg_status number_cell(float *x, const filling *w, const group *g, size_t row, double v, hg_err *err) {
    *x = (float)(v + 0.0); /* -0 becomes 0 */
    if (isfinite(*x)) return HG_OK;
    return bad_cell(w, g, row, isnan(v) ? "the cell is empty" : "the number is too large",
                    "a model needs the numbers that it has learned from", err);
}

static hg_status category_cell(float *x, const filling *w, const group *g, size_t row, const char *s, hg_err *err) {
    size_t level = 0;
    while (level < g->dim && strcmp(g->level[level], s) != 0) level++;
    for (size_t k = 0; k < g->dim; k++) x[k] = k == level;
    if (level < g->dim) return HG_OK;
    hg_text what = hg_text_new(160);
    hg_text_add(&what, "\"%.100s\" is nothing that the model has learned from", s);
    bad_cell(w, g, row, what.s, "", err);
    hg_text_free(&what);
    return HG_EDATA;
}

static hg_status formula_cell(float *x, const filling *w, const group *g, size_t row, const char *s, double *all,
                              hg_err *err) {
    hg_composition own, *c = g == w->main ? &w->composition[row] : &own;
    hg_err inner;
    if (!*s) return bad_cell(w, g, row, "there is no formula", "fill in the formula or delete the row", err);
    hg_status st = hg_composition_read(c, s, &inner);
    if (st == HG_OK) st = hg_descriptor_compute(all, g->d, c, &inner);
    if (st != HG_OK) return bad_cell(w, g, row, inner.msg, inner.hint, err);
    for (size_t k = 0; k < g->dim; k++) {
        x[k] = (float)all[g->kept[k]];
        if (!isfinite(x[k])) return bad_cell(w, g, row, "a number of its descriptor is too large", "", err);
    }
    return HG_OK;
}

static uint64_t hash_bytes(const void *bytes, size_t n) { /* FNV-1a, 64 bits */
    const unsigned char *b = bytes;
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 1099511628211u;
    return h;
}

static hg_status fill_row(const filling *w, size_t i, double *all, hg_err *err) {
    const hg_intake *f = w->f;
    float *x = w->x + i * f->dim;
    for (size_t k = 0; k < f->n; k++) {
        const group *g = &f->group[k];
        const hg_column *c = hg_table_column(w->t, w->at[k]);
        if (g->kind == HG_GROUP_NUMBER)
            HG_TRY(number_cell(x + g->first, w, g, i, c->number[i], err));
        else if (g->kind == HG_GROUP_CATEGORY)
            HG_TRY(category_cell(x + g->first, w, g, i, hg_table_text(w->t, w->at[k], i), err));
        else
            HG_TRY(formula_cell(x + g->first, w, g, i, hg_table_text(w->t, w->at[k], i), all, err));
    }
    char formula[FORMULA_SIZE];
    if (!w->key) return HG_OK;
    if (w->main) { /* FNV of the reduced formula: Fe2O3 and Fe4O6 are one group */
        const size_t len = hg_composition_write(formula, sizeof formula, &w->composition[i]);
        w->key[i] = (size_t)hash_bytes(formula, len < sizeof formula ? len : sizeof formula - 1);
    } else {
        w->key[i] = (size_t)hash_bytes(x, f->dim * sizeof *x);
    }
    return HG_OK;
}

static void fill_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const filling *w = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_err_clear(&w->why[i]);
        if (fill_row(w, i, w->scratch + worker * w->widest, &w->why[i]) == HG_OK) continue;
        memset(w->x + i * w->f->dim, 0, w->f->dim * sizeof *w->x);
        if (w->composition) /* something that every learner can read */
            w->composition[i] = (hg_composition) { .n = 1, .species = { { .z = 1, .amount = 1 } } };
    }
}

static hg_status find_columns(size_t *at, const hg_intake *f, const hg_table *t, hg_err *err) {
    for (size_t g = 0; g < f->n; g++) {
        HG_TRY(hg_table_find(&at[g], t, f->group[g].column, err));
        const bool number = hg_table_column(t, at[g])->kind == HG_COLUMN_NUMBER;
        if (number == (f->group[g].kind == HG_GROUP_NUMBER)) continue;
        if (!number) return hg_table_need_numbers(t, at[g], true, err); /* says which cell is none */
        return hg_fail(err, HG_EDATA, "%s: column \"%s\" holds numbers, but the model has learned from text",
                       hg_table_source(t), f->group[g].column);
    }
    return HG_OK;
}

static hg_status rows_of(hg_rows *out, hg_err *why, const hg_intake *f, const hg_table *t, bool keyed, hg_pool *pool,
                         hg_arena *mem, hg_err *err) {
    const size_t n = hg_table_rows(t), workers = hg_pool_threads(pool);
    filling w = { .f = f, .t = t, .main = formula_group(f), .why = why };
    size_t *at = hg_alloc(mem, f->n, sizeof *at);
    if (!at) return no_memory(err);
    w.at = at;
    HG_TRY(find_columns(at, f, t, err));
    for (size_t g = 0; g < f->n; g++)
        if (f->group[g].d && hg_descriptor_dim(f->group[g].d) > w.widest) w.widest = hg_descriptor_dim(f->group[g].d);
    w.scratch = hg_alloc(mem, workers * w.widest, sizeof *w.scratch);
    w.x = hg_alloc(mem, n * f->dim, sizeof *w.x);
    w.key = keyed ? hg_alloc(mem, n, sizeof *w.key) : NULL;
    w.composition = w.main ? hg_alloc(mem, n, sizeof *w.composition) : NULL;
    hg_err *reasons = why ? NULL : hg_malloc(n, sizeof *reasons);
    if (!why) w.why = reasons;
    if (!w.scratch || !w.x || (keyed && !w.key) || (w.main && !w.composition) || !w.why) {
        hg_free(reasons);
        return hg_advise(err, hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", n, f->dim),
                         "name fewer columns, or give fewer rows");
    }
    hg_pool_for(pool, n, CHUNK, fill_task, &w);
    hg_status st = HG_OK;
    for (size_t i = 0; !why && i < n && st == HG_OK; i++) {
        st = reasons[i].code;
        if (st != HG_OK && err) *err = reasons[i];
    }
    hg_free(reasons);
    *out = (hg_rows) {
        .n = n, .d = f->dim, .x = w.x, .composition = w.composition, .group = w.key, .set = f->set, .alike = f->alike
    };
    return st;
}

hg_status hg_intake_rows(hg_rows *out, hg_err *why, const hg_intake *f, const hg_table *t, hg_pool *pool, hg_arena *mem,
                         hg_err *err) {
    return rows_of(out, why, f, t, true, pool, mem, err);
}

hg_status hg_intake_new_rows(hg_rows *out, hg_err *why, const hg_intake *f, const hg_table *t, hg_pool *pool,
                             hg_arena *mem, hg_err *err) {
    return rows_of(out, why, f, t, false, pool, mem, err);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static const char *const KIND[] = {
    [HG_GROUP_NUMBER] = "number", [HG_GROUP_CATEGORY] = "category", [HG_GROUP_FORMULA] = "formula"
};

void hg_intake_write(hg_json *j, const char *key, const hg_intake *f) {
    hg_json_begin_array(j, key);
    for (size_t k = 0; k < f->n; k++) {
        const group *g = &f->group[k];
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "column", g->column);
        hg_json_string(j, "kind", KIND[g->kind]);
        if (g->kind == HG_GROUP_FORMULA) hg_json_string(j, "descriptor", hg_descriptor_name(g->d));
        if (g->kind == HG_GROUP_FORMULA) hg_json_begin_array(j, "numbers");
        if (g->kind == HG_GROUP_CATEGORY) hg_json_begin_array(j, "levels");
        for (size_t i = 0; i < g->dim && g->kind != HG_GROUP_NUMBER; i++)
            if (g->kind == HG_GROUP_FORMULA)
                hg_json_count(j, NULL, g->kept[i]);
            else
                hg_json_string(j, NULL, g->level[i]);
        if (g->kind != HG_GROUP_NUMBER) hg_json_end_array(j);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

/* Pools that the text bounds: every element of an array takes two bytes of it at least. */
typedef struct {
    hg_intake *f;
    size_t *kept;
    const char **level;
    size_t n_kept, n_level;
} reading;

static hg_status text_of(const char **out, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    char *s = hg_alloc(mem, r->len + 1, 1);
    if (!s) return no_memory(err);
    hg_json_read_text(s, r);
    *out = s;
    return HG_OK;
}

static hg_status read_array(size_t *n, reading *w, hg_json_reader *r, bool texts, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "what a column becomes", err));
    for (*n = 0;; ++*n) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) return HG_OK;
        if (texts) {
            if (r->event != HG_JSON_STRING) return hg_json_read_fail(r, err, HG_EPARSE, "expected a text");
            HG_TRY(text_of(&w->level[w->n_level++], r, w->f->mem, err));
        } else {
            uint64_t x;
            if (r->event != HG_JSON_NUMBER) return hg_json_read_fail(r, err, HG_EPARSE, "expected a number");
            HG_TRY(hg_json_read_whole(&x, r, err));
            w->kept[w->n_kept++] = (size_t)x;
        }
    }
}

static hg_status check_group(const group *g, bool has_kind, const hg_json_reader *r, hg_err *err) {
    if (!g->column || !has_kind) return hg_json_read_fail(r, err, HG_EPARSE, "a column without its name or its kind");
    if (g->kind == HG_GROUP_FORMULA && !g->d)
        return hg_json_read_fail(r, err, HG_EPARSE, "a formula without its descriptor");
    for (size_t k = 0; g->d && k < g->dim; k++)
        if (g->kept[k] >= hg_descriptor_dim(g->d))
            return hg_json_read_fail(r, err, HG_EDATA, "%s has no number %zu", hg_descriptor_name(g->d), g->kept[k]);
    return HG_OK;
}

static hg_status read_descriptor(group *g, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    const char *name = "";
    HG_TRY(hg_json_read_expect(r, HG_JSON_STRING, "a descriptor", err));
    HG_TRY(text_of(&name, r, mem, err));
    return hg_descriptor_find(&g->d, name, err);
}

static hg_status read_kind(group *g, bool *has_kind, hg_json_reader *r, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_STRING, "a kind", err));
    for (size_t k = 0; k < sizeof KIND / sizeof *KIND; k++)
        if (hg_json_read_is(r, KIND[k])) {
            g->kind = (hg_group_kind)k;
            *has_kind = true;
            return HG_OK;
        }
    return hg_json_read_fail(r, err, HG_EPARSE, "no kind of column is called so");
}

static hg_status read_group(reading *w, hg_json_reader *r, hg_err *err) {
    hg_intake *f = w->f;
    group *g = &f->group[f->n];
    bool has_kind = false, arrays[2] = { false, false };
    size_t n[2] = { 0, 0 };
    *g = (group) { .first = f->dim, .level = w->level + w->n_level, .kept = w->kept + w->n_kept };
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_OBJECT_END) break;
        const bool numbers = hg_json_read_is(r, "numbers"), levels = hg_json_read_is(r, "levels");
        if (hg_json_read_is(r, "column")) {
            HG_TRY(hg_json_read_expect(r, HG_JSON_STRING, "a column", err));
            HG_TRY(text_of(&g->column, r, f->mem, err));
        } else if (hg_json_read_is(r, "kind")) {
            HG_TRY(read_kind(g, &has_kind, r, err));
        } else if (hg_json_read_is(r, "descriptor")) {
            HG_TRY(read_descriptor(g, r, f->mem, err));
        } else if (numbers || levels) {
            if (arrays[levels]) return hg_json_read_fail(r, err, HG_EPARSE, "an array stands here a second time");
            arrays[levels] = true;
            HG_TRY(read_array(&n[levels], w, r, levels, err));
        } else {
            HG_TRY(hg_json_read_skip(r, err));
        }
    }
    g->dim = g->kind == HG_GROUP_NUMBER ? 1 : n[g->kind == HG_GROUP_CATEGORY];
    if (g->kind != HG_GROUP_FORMULA) g->d = NULL;
    f->n++;
    f->dim += g->dim;
    return check_group(g, has_kind, r, err);
}

static hg_status read_intake(reading *w, hg_json_reader *r, hg_err *err) {
    hg_intake *f = w->f;
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "the columns of a model", err));
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) break;
        if (r->event != HG_JSON_OBJECT) return hg_json_read_fail(r, err, HG_EPARSE, "expected an object for a column");
        HG_TRY(read_group(w, r, err));
    }
    HG_TRY(hg_json_read_expect(r, HG_JSON_DONE, "the end of the columns", err));
    if (f->dim == 0 || f->dim > HG_INTAKE_DIMS_MOST)
        return hg_json_read_fail(r, err, HG_ELIMIT, "%zu numbers a row, expected 1 to %d", f->dim, HG_INTAKE_DIMS_MOST);
    f->name = hg_alloc(f->mem, f->dim, sizeof *f->name);
    if (!f->name) return no_memory(err);
    for (size_t g = 0; g < f->n; g++)
        if (!name_group(f, &f->group[g])) return no_memory(err);
    return tell_sets(f) ? HG_OK : no_memory(err);
}

hg_status hg_intake_read(hg_intake **out, const char *name, const char *text, size_t n, hg_err *err) {
    hg_intake *f;
    hg_json_reader r;
    *out = NULL;
    HG_TRY(new_intake(&f, err));
    reading w = { .f = f };
    w.kept = hg_alloc(f->mem, n / 2 + 1, sizeof *w.kept);
    w.level = hg_alloc(f->mem, n / 2 + 1, sizeof *w.level);
    f->group = hg_alloc(f->mem, n / 2 + 1, sizeof *f->group);
    hg_json_read_begin(&r, name, text, n);
    hg_status st = w.kept && w.level && f->group ? read_intake(&w, &r, err) : no_memory(err);
    if (st == HG_OK)
        *out = f;
    else
        hg_intake_free(f);
    return st;
}
