/* learn/blend.c -- the models that a study has chosen, and what they say together; see learn/study.h */
#include "core/memory.h"
#include "learn/study_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- rows as members see them ------------------------------------------------------------------------------------------- */

hg_rows hg_rows_plain(const hg_rows *rows) {
    hg_rows r = *rows;
    r.d -= r.sources;
    r.sources = 0;
    if (r.set) r.set += rows->sources;
    r.network = NULL, r.inputs = NULL, r.inputs_d = 0;
    return r;
}

hg_status hg_rows_drop_sources(hg_rows *out, const hg_rows *rows, hg_arena *mem, hg_err *err) {
    *out = hg_rows_plain(rows);
    float *x = hg_alloc(mem, out->n * out->d, sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", out->n, out->d);
    for (size_t i = 0; i < out->n; i++)
        if (out->d) memcpy(x + i * out->d, rows->x + i * rows->d + rows->sources, out->d * sizeof *x);
    out->x = x;
    return HG_OK;
}

hg_status hg_rows_pick(hg_rows *out, const hg_rows *rows, const uint32_t *column, size_t n, hg_arena *mem,
                       hg_err *err) {
    float *x = hg_alloc(mem, rows->n * n, sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", rows->n, n);
    for (size_t i = 0; i < rows->n; i++)
        for (size_t k = 0; k < n; k++) x[i * n + k] = rows->x[i * rows->d + column[k]];
    *out = *rows;
    out->x = x, out->d = n, out->set = NULL, out->alike = NULL;
    return HG_OK;
}

hg_status hg_rows_take_logs(hg_rows *rows, hg_logs *back, hg_arena *mem, hg_err *err) {
    double *y = hg_alloc(mem, rows->n, sizeof *y);
    if (!y) return hg_fail(err, HG_ENOMEM, "no memory for %zu logarithms", rows->n);
    for (size_t i = 0; i < rows->n; i++) y[i] = log(rows->y[i]);
    *back = hg_logs_of(rows->y, rows->n);
    rows->y = y;
    return HG_OK;
}

/* ---- several into one ---------------------------------------------------------------------------------------------------- */

void hg_blend_combine(double *out, hg_signs *signs, const double *const *member, const double *const *sd,
                      const double *weight, size_t m, size_t n, size_t outputs) {
    for (size_t i = 0; i < n; i++) {
        double own = 0, apart = 0;
        for (size_t k = 0; k < outputs; k++) {
            double v = 0;
            for (size_t q = 0; q < m; q++) v += weight[q] * member[q][i * outputs + k];
            for (size_t q = 0; q < m; q++) {
                const double e = member[q][i * outputs + k] - v;
                apart += weight[q] * e * e;
            }
            out[i * outputs + k] = v;
        }
        for (size_t q = 0; q < m; q++) own += sd[q][i] > 0 ? weight[q] * sd[q][i] : 0;
        if (signs) signs[i] = (hg_signs) { { own, sqrt(apart), 0 } };
    }
}

/* ---- the blend of models --------------------------------------------------------------------------------------------------- */

void hg_blend_free(hg_blend *b) {
    for (size_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < b->member[i].models; k++) b->member[i].learner->free(b->member[i].model[k]);
        hg_free(b->member[i].column);
    }
    *b = (hg_blend) { 0 };
}

bool hg_blend_in_logs(const hg_blend *b) {
    double weight = 0;
    for (size_t i = 0; i < b->n; i++) weight += b->member[i].logs ? b->member[i].weight : 0;
    return weight > 0.5;
}

/* The models of the parts, where they were kept; else one of all rows. What it holds is the blend's from the start. */
static hg_status fit_member(hg_blend_member *m, hg_trial *t, const hg_rows *rows, const hg_study_opts *opts,
                            hg_arena *mem, hg_err *err) {
    const hg_learning how = { .option = t->option, .seed = opts->seed, .pool = opts->pool, .hooks = opts->hooks };
    hg_rows seen = *rows;
    *m = (hg_blend_member) { .learner = t->learner, .weight = t->weight, .plain = t->plain, .logs = t->logs };
    m->models = t->models;
    for (size_t k = 0; k < t->models; k++) m->model[k] = t->model[k];
    t->models = 0;
    if (t->column) {
        m->column = hg_malloc(t->columns, sizeof *m->column);
        if (!m->column) return hg_fail(err, HG_ENOMEM, "no memory for %zu columns", t->columns);
        memcpy(m->column, t->column, t->columns * sizeof *m->column);
        m->columns = t->columns;
    }
    if (m->models) return HG_OK;
    if (m->column) HG_TRY(hg_rows_pick(&seen, rows, m->column, m->columns, mem, err));
    HG_TRY(t->learner->fit(&m->model[0], &seen, &how, err));
    m->models = 1;
    return HG_OK;
}

static hg_status fit_members(hg_blend *b, hg_study *s, const hg_rows *rows, const hg_rows *plain, const double *logs,
                             const hg_study_opts *opts, hg_arena *mem, hg_err *err) {
    for (size_t i = 0; i < s->n_trials; i++) {
        hg_trial *t = &s->trial[i];
        if (!(t->weight > 0)) continue;
        hg_rows seen = t->plain ? *plain : *rows;
        const hg_mark mark = hg_arena_mark(mem);
        if (t->logs) seen.y = logs;
        const hg_status st = fit_member(&b->member[b->n++], t, &seen, opts, mem, err);
        hg_arena_reset(mem, mark);
        HG_TRY(st);
    }
    return HG_OK;
}

hg_status hg_blend_fit(hg_blend *b, hg_study *s, const hg_rows *rows, const hg_study_opts *opts, hg_err *err) {
    *b = (hg_blend) { .d = rows->d, .sources = rows->sources, .classes = rows->classes };
    hg_arena *mem = hg_arena_new();
    hg_rows plain = *rows, logs = *rows;
    bool any = false;
    for (size_t i = 0; i < s->n_trials; i++) any |= s->trial[i].weight > 0 && s->trial[i].logs;
    hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a blend");
    if (st == HG_OK && rows->sources) st = hg_rows_drop_sources(&plain, rows, mem, err);
    if (st == HG_OK && any) st = hg_rows_take_logs(&logs, &b->logs, mem, err);
    if (st == HG_OK) st = fit_members(b, s, rows, &plain, logs.y, opts, mem, err);
    if (st != HG_OK) hg_blend_free(b);
    hg_arena_free(mem);
    return st;
}

/* The mean of a member's models; the spread is that of the models, in the mean. */
static hg_status predict_member(double *out, double *sd, const hg_blend_member *m, const hg_rows *rows, size_t outputs,
                                hg_pool *pool, hg_arena *mem, hg_err *err) {
    const size_t n = rows->n, size = n * outputs;
    for (size_t i = 0; i < n; i++) sd[i] = (double)NAN;
    if (m->models == 1) return m->learner->predict(out, sd, m->model[0], rows, pool, err);
    double *one = hg_alloc(mem, size, sizeof *one), *spread = hg_alloc(mem, n, sizeof *spread);
    if (!one || !spread) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", n);
    for (size_t k = 0; k < m->models; k++) {
        for (size_t i = 0; i < n; i++) spread[i] = (double)NAN;
        HG_TRY(m->learner->predict(one, spread, m->model[k], rows, pool, err));
        for (size_t i = 0; i < size; i++) out[i] = (k ? out[i] : 0) + one[i] / (double)m->models;
        for (size_t i = 0; i < n; i++) sd[i] = (k ? sd[i] : 0) + spread[i] / (double)m->models;
    }
    return HG_OK;
}

static hg_status predict_members(double *out, hg_signs *signs, const hg_blend *b, const hg_rows *rows, hg_pool *pool,
                                 hg_arena *mem, hg_err *err) {
    const size_t outputs = b->classes ? b->classes : 1;
    double weight[HG_STUDY_MEMBERS];
    const double *value[HG_STUDY_MEMBERS], *sd[HG_STUDY_MEMBERS];
    hg_rows plain = *rows;
    if (b->sources) HG_TRY(hg_rows_drop_sources(&plain, rows, mem, err));
    for (size_t m = 0; m < b->n; m++) {
        const hg_blend_member *k = &b->member[m];
        double *v = hg_alloc(mem, rows->n * outputs, sizeof *v), *spread = hg_alloc(mem, rows->n, sizeof *spread);
        if (!v || !spread) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", rows->n);
        hg_rows seen = k->plain ? plain : *rows;
        if (k->column) HG_TRY(hg_rows_pick(&seen, &seen, k->column, k->columns, mem, err));
        HG_TRY(predict_member(v, spread, k, &seen, outputs, pool, mem, err));
        if (k->logs) hg_logs_undo(v, spread, &b->logs, rows->n);
        value[m] = v, sd[m] = spread, weight[m] = k->weight;
    }
    hg_blend_combine(out, signs, value, sd, weight, b->n, rows->n, outputs);
    return HG_OK;
}

hg_status hg_blend_predict(double *out, hg_signs *signs, const hg_blend *b, const hg_rows *rows, hg_pool *pool,
                           hg_err *err) {
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? predict_members(out, signs, b, rows, pool, mem, err)
                             : hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", rows->n);
    hg_arena_free(mem);
    return st;
}

/* "model0." of a member's only model, "model0.part3." of one of several. */
static const char *prefix_of(char out[HG_SHELF_NAME], const char *before, const hg_blend *b, size_t i, size_t k) {
    if (b->member[i].models == 1)
        snprintf(out, HG_SHELF_NAME, "%smodel%zu.", before, i);
    else
        snprintf(out, HG_SHELF_NAME, "%smodel%zu.part%zu.", before, i, k);
    return out;
}

static const char *columns_name(char out[HG_SHELF_NAME], size_t i) {
    snprintf(out, HG_SHELF_NAME, "columns%zu", i);
    return out;
}

static hg_status save_columns(hg_shelf *to, const hg_blend_member *m, size_t i, hg_err *err) {
    char name[HG_SHELF_NAME];
    if (!m->column) return HG_OK;
    double *number = hg_malloc(m->columns, sizeof *number);
    if (!number) return hg_fail(err, HG_ENOMEM, "no memory for %zu columns", m->columns);
    for (size_t k = 0; k < m->columns; k++) number[k] = (double)m->column[k];
    const hg_status st = hg_shelf_doubles(to, columns_name(name, i), number, m->columns, err);
    hg_free(number);
    return st;
}

hg_status hg_blend_save(const hg_blend *b, hg_shelf *to, hg_err *err) {
    const char *before = to->prefix;
    double weight[HG_STUDY_MEMBERS], plain[HG_STUDY_MEMBERS], logs[HG_STUDY_MEMBERS + 2], parts[HG_STUDY_MEMBERS];
    bool any = false, several = false;
    char prefix[HG_SHELF_NAME];
    hg_status st = HG_OK;
    for (size_t i = 0; i < b->n; i++) {
        weight[i] = b->member[i].weight, plain[i] = b->member[i].plain, logs[i] = b->member[i].logs;
        parts[i] = (double)b->member[i].models;
        any |= b->member[i].logs;
        several |= b->member[i].models > 1;
    }
    HG_TRY(hg_shelf_doubles(to, "weight", weight, b->n, err));
    if (b->sources) HG_TRY(hg_shelf_doubles(to, "plain", plain, b->n, err));
    logs[b->n] = b->logs.least, logs[b->n + 1] = b->logs.most;
    if (any) HG_TRY(hg_shelf_doubles(to, "logs", logs, b->n + 2, err));
    if (several) HG_TRY(hg_shelf_doubles(to, "parts", parts, b->n, err));
    for (size_t i = 0; i < b->n && st == HG_OK; i++)
        for (size_t k = 0; k < b->member[i].models && st == HG_OK; k++) {
            to->prefix = prefix_of(prefix, before, b, i, k);
            st = b->member[i].learner->save(b->member[i].model[k], to, err);
        }
    to->prefix = before;
    for (size_t i = 0; i < b->n && st == HG_OK; i++) st = save_columns(to, &b->member[i], i, err);
    return st;
}

/* Of models that have learned logarithms: which members, and how far they reach. */
static hg_status load_logs(double logs[HG_STUDY_MEMBERS], hg_blend *b, const hg_shelf_view *from, size_t n,
                           hg_err *err) {
    double all[HG_STUDY_MEMBERS + 2];
    if (!hg_shelf_has(from, "logs")) return HG_OK;
    HG_TRY(hg_shelf_get_doubles(all, from, "logs", n + 2, err));
    memcpy(logs, all, n * sizeof *logs);
    b->logs = (hg_logs) { all[n], all[n + 1] };
    if (b->classes || !(b->logs.least <= b->logs.most) || b->logs.most > HG_LOGS_MOST || b->logs.least < -HG_LOGS_MOST)
        return hg_fail(err, HG_EDATA, "%s: logarithms that no training has made", from->source);
    return HG_OK;
}

/* How many models each member has; one, where nothing is said. */
static hg_status load_parts(size_t parts[HG_STUDY_MEMBERS], const hg_shelf_view *from, size_t n, hg_err *err) {
    double number[HG_STUDY_MEMBERS];
    for (size_t i = 0; i < n; i++) parts[i] = 1;
    if (!hg_shelf_has(from, "parts")) return HG_OK;
    HG_TRY(hg_shelf_get_doubles(number, from, "parts", n, err));
    for (size_t i = 0; i < n; i++) {
        if (!(number[i] >= 1 && number[i] <= HG_STUDY_MODELS && number[i] == floor(number[i])))
            return hg_fail(err, HG_EDATA, "%s: a member of %g models, expected 1 to %d", from->source, number[i],
                           HG_STUDY_MODELS);
        parts[i] = (size_t)number[i];
    }
    return HG_OK;
}

/* Ascending, of d; sources stand in front and are all seen. */
static hg_status load_columns(hg_blend_member *m, const hg_shelf_view *from, size_t i, size_t d, size_t sources,
                              hg_err *err) {
    char name[HG_SHELF_NAME];
    const hg_stored *stored;
    const size_t any[] = { HG_SHELF_ANY };
    if (!hg_shelf_has(from, columns_name(name, i))) return HG_OK;
    HG_TRY(hg_shelf_get(&stored, from, name, HG_STORED_F64, any, 1, err));
    const size_t n = stored->shape[0];
    if (n == 0 || n > d) return hg_fail(err, HG_EDATA, "%s: a member that sees %zu of %zu columns", from->source, n, d);
    double *number = hg_malloc(n, sizeof *number);
    m->column = hg_malloc(n, sizeof *m->column);
    hg_status st = number && m->column ? hg_shelf_get_doubles(number, from, name, n, err)
                                       : hg_fail(err, HG_ENOMEM, "no memory for %zu columns", n);
    for (size_t k = 0; k < n && st == HG_OK; k++) {
        const double least = k ? number[k - 1] + 1 : 0;
        if (number[k] >= least && number[k] < (double)d && number[k] == floor(number[k]) &&
            (k >= sources || number[k] == (double)k))
            m->column[k] = (uint32_t)number[k];
        else
            st = hg_fail(err, HG_EDATA, "%s: column %zu of a member's is out of its place", from->source, k);
    }
    m->columns = n;
    hg_free(number);
    return st;
}

/* b->member[i] knows its learner; its models count as they come, so that what was loaded is freed. */
static hg_status load_models(hg_blend *b, const hg_shelf_view *from, size_t i, size_t parts, hg_err *err) {
    hg_blend_member *m = &b->member[i];
    hg_blend named = *b;
    char prefix[HG_SHELF_NAME];
    const size_t sources = m->plain ? 0 : b->sources, d = b->d - (m->plain ? b->sources : 0);
    HG_TRY(load_columns(m, from, i, d, sources, err));
    named.member[i].models = parts;
    for (m->models = 0; m->models < parts; m->models++) {
        const hg_shelf_view view = { from->file, from->source, prefix_of(prefix, from->prefix, &named, i, m->models) };
        HG_TRY(m->learner->load(&m->model[m->models], &view, m->column ? m->columns : d, b->classes, err));
    }
    return HG_OK;
}

static hg_status load_members(hg_blend *b, const hg_shelf_view *from, const char *const *learner, size_t n,
                              hg_err *err) {
    double weight[HG_STUDY_MEMBERS], plain[HG_STUDY_MEMBERS] = { 0 }, logs[HG_STUDY_MEMBERS] = { 0 }, sum = 0;
    size_t parts[HG_STUDY_MEMBERS];
    HG_TRY(hg_shelf_get_doubles(weight, from, "weight", n, err));
    if (b->sources) HG_TRY(hg_shelf_get_doubles(plain, from, "plain", n, err));
    HG_TRY(load_logs(logs, b, from, n, err));
    HG_TRY(load_parts(parts, from, n, err));
    for (size_t i = 0; i < n; i++) {
        hg_blend_member *m = &b->member[i];
        *m = (hg_blend_member) {
            .learner = hg_learner_find(learner[i]), .weight = weight[i], .plain = plain[i] != 0, .logs = logs[i] != 0
        };
        if (!m->learner || strcmp(m->learner->version, learner[i]) != 0) {
            hg_fail(err, HG_ENOTFOUND, "%s needs the learner \"%s\", which this program does not have", from->source,
                    learner[i]);
            return hg_advise(err, HG_ENOTFOUND, "it may be of a newer version, or built with another package");
        }
        if (!(weight[i] > 0)) return hg_fail(err, HG_EDATA, "%s: the weight of a member is not positive", from->source);
        sum += weight[i];
        b->n++; /* from here on hg_blend_free knows it */
        HG_TRY(load_models(b, from, i, parts[i], err));
    }
    return fabs(sum - 1) < 1e-6 ? HG_OK : hg_fail(err, HG_EDATA, "%s: weights that do not sum to 1", from->source);
}

hg_status hg_blend_load(hg_blend *b, const hg_shelf_view *from, const char *const *learner, size_t n, size_t d,
                        size_t sources, size_t classes, hg_err *err) {
    *b = (hg_blend) { .d = d, .sources = sources, .classes = classes };
    if (n == 0 || n > HG_STUDY_MEMBERS)
        return hg_fail(err, HG_EDATA, "%s has %zu members, expected 1 to %d", from->source, n, HG_STUDY_MEMBERS);
    const hg_status st = load_members(b, from, learner, n, err);
    if (st != HG_OK) hg_blend_free(b);
    return st;
}
