/* library/predictor_sources.c -- other models as inputs of a predictor: what they say of the rows, and which ones are taken
 *
 * A source is a predictor of another property, whose inputs this table has, its formula column under any name. It may have
 * sources itself. A fitted predictor borrows its sources; one that was read from a folder owns them.
 */
#include "core/memory.h"
#include "learn/records.h"
#include "learn/sources.h"
#include "library/predictor_internal.h"
#include "matter/table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double ANSWERS = 0.95; /* a correlation */

static hg_status no_memory(size_t n, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for what other models say of %zu rows", n);
}

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

static hg_status add_column(hg_table *to, const char *name, const hg_table *t, size_t j, hg_arena *mem, hg_err *err) {
    const hg_column *c = hg_table_column(t, j);
    const size_t n = hg_table_rows(t);
    if (c->kind == HG_COLUMN_NUMBER) return hg_table_add_numbers(to, name, c->number, err);
    const char **text = hg_alloc(mem, n, sizeof *text);
    if (!text) return no_memory(n, err);
    for (size_t i = 0; i < n; i++) text[i] = hg_table_text(t, j, i);
    return hg_table_add_texts(to, name, text, err);
}

/* The columns that the source wants: by name, and its formula from the column `formula` (may be NULL). */
static hg_status view_for(hg_table **out, const hg_predictor *source, const hg_table *t, const char *formula,
                          hg_arena *mem, hg_err *err) {
    const char *own = hg_intake_formula(source->intake), *name;
    const size_t n = hg_table_rows(t);
    HG_TRY(hg_table_new(out, hg_table_source(t), n, err));
    hg_status st = HG_OK;
    for (size_t i = 0; (name = hg_intake_column(source->intake, i)) && st == HG_OK; i++) {
        size_t j;
        const bool theirs = own && formula && strcmp(name, own) == 0;
        st = hg_table_find(&j, t, theirs ? formula : name, err);
        if (st == HG_OK) st = add_column(*out, name, t, j, mem, err);
    }
    for (size_t i = 0; i < n && st == HG_OK && hg_table_line(t, i); i++)
        if (!hg_table_mark_line(*out, i, hg_table_line(t, i))) st = no_memory(n, err);
    if (st != HG_OK) {
        hg_table_free(*out);
        *out = NULL;
    }
    return st;
}

/* In the scale that the source has learned, which is the one in which others follow from it. */
static double said(const hg_predictor *source, const hg_forecast *f) {
    if (source->classes) return f->probability ? f->probability[1] : (double)NAN;
    return hg_blend_in_logs(&source->blend) ? log(fmax(f->value, exp(source->blend.logs.least))) : f->value;
}

/* Values or their logarithms, or with two classes the probability of the second, in column[rows]; why[rows] as in hg_predictor_predict. */
static hg_status say(double *column, hg_err *why, const hg_predictor *source, const hg_table *t, const char *formula,
                     hg_pool *pool, hg_arena *mem, hg_err *err) {
    const size_t n = hg_table_rows(t);
    const hg_mark mark = hg_arena_mark(mem);
    hg_table *view;
    hg_forecast *f = hg_alloc(mem, n, sizeof *f);
    if (!f) return no_memory(n, err);
    if (source->classes > 2)
        return hg_fail(err, HG_EDATA, "has %zu classes; numbers, or two classes, can be inputs", source->classes);
    HG_TRY(view_for(&view, source, t, formula, mem, err));
    const hg_status st = hg_predictor_predict(f, why, source, view, 0.9, pool, mem, err);
    for (size_t i = 0; st == HG_OK && i < n; i++) column[i] = said(source, &f[i]);
    hg_table_free(view);
    hg_arena_reset(mem, mark);
    return st;
}

/* The formula column of t: that of the model's own name, else the one that would be recognised; NULL: none. */
static hg_status formula_of(const char **name, const hg_predictor *p, const hg_table *t, hg_arena *mem, hg_err *err) {
    const char *own = hg_intake_formula(p->intake);
    hg_features *f;
    size_t j;
    *name = NULL;
    if (!own || hg_table_find(&j, t, own, NULL) == HG_OK) return HG_OK;
    const hg_status st = hg_features_fit(&f, &t, 1, NULL, NULL);
    if (st != HG_OK) return st == HG_ENOMEM ? no_memory(hg_table_rows(t), err) : HG_OK;
    for (size_t g = 0; g < hg_features_groups(f); g++)
        if (hg_features_group(f, g)->kind == HG_GROUP_FORMULA)
            *name = hg_arena_strdup(mem, hg_features_group(f, g)->column);
    hg_features_free(f);
    return HG_OK;
}

/* Of the cells of column j; a number is no formula. */
static size_t count_learned(const hg_predictor *p, const hg_table *t, size_t j) {
    size_t n = 0;
    for (size_t i = 0; i < hg_table_rows(t) && hg_table_column(t, j)->kind == HG_COLUMN_TEXT; i++) {
        hg_composition c;
        n += hg_composition_read(&c, hg_table_text(t, j, i), NULL) == HG_OK && hg_seen_has(&p->seen, &c);
    }
    return n;
}

hg_status hg_predictor_learned_rows(size_t *n, const hg_predictor *p, const hg_table *t, const char *formula,
                                    hg_err *err) {
    size_t j;
    *n = HG_NOT_TOLD;
    if (hg_predictor_learned(p) == HG_NOT_TOLD) return HG_OK;
    hg_arena *mem = hg_arena_new();
    const char *own = hg_intake_formula(p->intake);
    hg_status st = mem ? HG_OK : no_memory(hg_table_rows(t), err);
    if (st == HG_OK && !formula) st = formula_of(&formula, p, t, mem, err);
    if (!formula) formula = own;
    if (st == HG_OK && formula && hg_table_find(&j, t, formula, NULL) == HG_OK) *n = count_learned(p, t, j);
    hg_arena_free(mem);
    return st;
}

hg_status hg_predictor_say(double *said_of, const hg_predictor *p, const hg_table *t, const char *formula,
                           hg_pool *pool, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? HG_OK : no_memory(hg_table_rows(t), err);
    if (st == HG_OK && !formula) st = formula_of(&formula, p, t, mem, err);
    if (st == HG_OK) st = say(said_of, NULL, p, t, formula, pool, mem, err);
    hg_arena_free(mem);
    return st;
}

/* ---- rows with sources ---------------------------------------------------------------------------------------------------- */

static hg_status widen(hg_rows *out, const hg_rows *rows, const double *const *column, size_t s, hg_arena *mem,
                       hg_err *err) {
    *out = *rows;
    out->d += s;
    out->sources = s;
    float *x = hg_alloc(mem, rows->n * out->d, sizeof *x);
    const char **set = hg_alloc(mem, out->d, sizeof *set);
    if (!x || !set) return no_memory(rows->n, err);
    for (size_t j = 0; j < out->d; j++) set[j] = j < s || !rows->set ? "" : rows->set[j - s];
    if (rows->set) out->set = set;
    for (size_t i = 0; i < rows->n; i++) {
        for (size_t k = 0; k < s; k++) x[i * out->d + k] = (float)column[k][i];
        if (rows->d) memcpy(x + i * out->d + s, rows->x + i * rows->d, rows->d * sizeof *x);
    }
    out->x = x;
    return HG_OK;
}

/* ---- a source's networks ---------------------------------------------------------------------------------------------------- */

const hg_blend_member *hg_predictor_network(const hg_predictor *p) {
    const hg_blend_member *best = NULL;
    for (size_t i = 0; i < p->blend.n && !p->classes; i++) {
        const hg_blend_member *m = &p->blend.member[i];
        if (m->learner == &hg_mlp_learner && (!best || m->weight > best->weight)) best = m;
    }
    return best;
}

bool hg_predictor_needs_network(const hg_predictor *p) {
    for (size_t i = 0; i < p->blend.n; i++)
        if (p->blend.member[i].learner == &hg_frozen_learner || p->blend.member[i].learner == &hg_finetune_learner)
            return true;
    return false;
}

/* Gives the rows of t the networks of p's source p->network, and what these take. Rows that cannot be read are those of `say`. */
static hg_status bring_network(hg_rows *rows, hg_err *why, const hg_predictor *p, const hg_table *t, hg_pool *pool,
                               hg_arena *mem, hg_err *err) {
    const hg_predictor *source = p->source[p->network - 1];
    const hg_blend_member *m = hg_predictor_network(source);
    hg_err *own = why ? hg_alloc(mem, rows->n, sizeof *own) : NULL;
    hg_table *view;
    hg_rows seen;
    if (why && !own) return no_memory(rows->n, err);
    HG_TRY(view_for(&view, source, t, hg_intake_formula(p->intake), mem, err));
    hg_status st = hg_intake_rows(&seen, own, source->intake, view, pool, mem, err);
    if (st == HG_OK && source->n_sources && !m->plain)
        st = hg_predictor_widen(&seen, own, source, &seen, view, pool, mem, err);
    if (st == HG_OK && m->column) st = hg_rows_pick(&seen, &seen, m->column, m->columns, mem, err);
    hg_table_free(view);
    rows->network = m->model[0]; /* of those of the parts, one */
    rows->inputs = seen.x;
    rows->inputs_d = seen.d;
    return st;
}

hg_status hg_predictor_widen(hg_rows *out, hg_err *why, const hg_predictor *p, const hg_rows *rows, const hg_table *t,
                             hg_pool *pool, hg_arena *mem, hg_err *err) {
    const double *column[HG_SOURCES_TAKEN];
    for (size_t k = 0; k < p->n_sources; k++) {
        double *c = hg_alloc(mem, rows->n, sizeof *c);
        hg_err *own = why ? hg_alloc(mem, rows->n, sizeof *own) : NULL;
        if (!c || (why && !own)) return no_memory(rows->n, err);
        HG_TRY(say(c, own, p->source[k], t, hg_intake_formula(p->intake), pool, mem, err));
        for (size_t i = 0; why && i < rows->n; i++) {
            if (own[i].code == HG_OK) continue;
            if (why[i].code == HG_OK) why[i] = own[i];
            c[i] = 0;
        }
        column[k] = c;
    }
    HG_TRY(widen(out, rows, column, p->n_sources, mem, err));
    return p->network ? bring_network(out, why, p, t, pool, mem, err) : HG_OK;
}

/* ---- which ones -------------------------------------------------------------------------------------------------------------- */

/* What a source says of all rows, or in words why it cannot. */
static hg_status ask(double **column, hg_predictor_source *s, const hg_predictor *p, const hg_predictor *source,
                     const hg_table *t, hg_pool *pool, hg_arena *mem, hg_err *err) {
    hg_err inner = { 0 };
    *column = hg_alloc(mem, hg_table_rows(t), sizeof **column);
    if (!*column) return no_memory(hg_table_rows(t), err);
    const hg_status st = say(*column, NULL, source, t, hg_intake_formula(p->intake), pool, mem, &inner);
    if (st == HG_ENOMEM || st == HG_ECANCEL) {
        if (err) *err = inner;
        return st;
    }
    if (st != HG_OK && !(s->why = hg_arena_strdup(p->mem, inner.msg))) return no_memory(0, err);
    return HG_OK;
}

static hg_status ask_all(double **column, size_t *of, size_t *n, hg_predictor *p, const hg_predictor_opts *o,
                         const hg_table *t, hg_arena *mem, hg_err *err) {
    for (size_t k = 0; k < o->n_sources; k++) {
        hg_predictor_source *s = &p->offered[k];
        const hg_predictor *source = o->source[k];
        *s = (hg_predictor_source) { .why = "", .share = 0, .alone = (double)NAN };
        s->name = hg_arena_strdup(p->mem, source->name);
        s->target = hg_arena_strdup(p->mem, source->target);
        if (!s->name || !s->target) return no_memory(0, err);
        HG_TRY(hg_predictor_learned_rows(&s->learned, source, t, hg_intake_formula(p->intake), err));
        s->answers = strcmp(source->target, p->target) == 0;
        HG_TRY(ask(&column[*n], s, p, source, t, o->pool, mem, err));
        if (!*s->why) of[(*n)++] = k;
        if (!hg_progress(o->hooks, "asking other models", k + 1, o->n_sources)) return HG_ECANCEL;
    }
    return HG_OK;
}

/* A related property seldom says the values themselves: who does may have learned them from these very rows, unless it has learned from none of
 * their compositions. */
static void look_for_answers(hg_predictor_source *s, const double *column, const hg_rows *rows, const hg_hooks *hooks) {
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    const double n = (double)rows->n;
    if (rows->classes) return;
    for (size_t i = 0; i < rows->n; i++) mx += column[i] / n, my += rows->y[i] / n;
    for (size_t i = 0; i < rows->n; i++) {
        const double x = column[i] - mx, y = rows->y[i] - my;
        xx += x * x, yy += y * y, xy += x * y;
    }
    const double r = xy / sqrt(xx * yy);
    if (!(r > ANSWERS)) return;
    s->answers = true;
    if (s->learned == HG_NOT_TOLD)
        hg_log(
            hooks, HG_LOG_WARN,
            "the source \"%s\" says nearly the values themselves (correlation %.3f): if it has learned from these rows, "
            "errors of rows left out look too small",
            s->name, r);
    else if (s->learned)
        hg_log(
            hooks, HG_LOG_WARN,
            "the source \"%s\" says nearly the values themselves (correlation %.3f) and has learned from the compositions "
            "of %zu of the %zu rows: errors of rows left out look too small",
            s->name, r, s->learned, rows->n);
}

hg_status hg_predictor_take_sources(hg_rows *out, hg_predictor *p, const hg_rows *rows, const hg_predictor_opts *o,
                                    const hg_table *t, hg_arena *mem, hg_err *err) {
    double **column = hg_alloc(mem, o->n_sources, sizeof *column);
    size_t *of = hg_alloc(mem, o->n_sources, sizeof *of), n = 0;
    hg_source_worth *worth = hg_alloc(mem, o->n_sources, sizeof *worth);
    const double *taken[HG_SOURCES_TAKEN];
    p->offered = hg_alloc(p->mem, o->n_sources, sizeof *p->offered);
    if (!column || !of || !worth || !p->offered) return no_memory(rows->n, err);
    p->n_offered = o->n_sources;
    HG_TRY(ask_all(column, of, &n, p, o, t, mem, err));
    const hg_learning how = { .seed = o->seed, .pool = o->pool, .hooks = o->hooks };
    HG_TRY(hg_sources_choose(worth, rows, (const double *const *)column, n, HG_SOURCES_TAKEN, &how, err));
    for (size_t k = 0; k < n; k++) {
        hg_predictor_source *s = &p->offered[of[k]];
        s->alone = worth[k].alone, s->share = worth[k].share, s->order = worth[k].order;
        if (!s->order) continue;
        taken[s->order - 1] = column[k];
        look_for_answers(s, column[k], rows, o->hooks);
        p->source[s->order - 1] = o->source[of[k]];
        p->n_sources++;
    }
    HG_TRY(widen(out, rows, taken, p->n_sources, mem, err));
    for (size_t k = p->n_sources; k > 0; k--) /* the one that is worth most */
        if (hg_predictor_network(p->source[k - 1])) p->network = k;
    return p->network ? bring_network(out, NULL, p, t, o->pool, mem, err) : HG_OK;
}

const hg_predictor_source *hg_predictor_source_at(const hg_predictor *p, size_t i) {
    return i < p->n_offered ? &p->offered[i] : NULL;
}
