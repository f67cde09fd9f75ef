/* library/factory_models.c -- from networks, or a learner, to a model with its card: intervals from the validation, errors of the test */
#include "core/text.h"
#include "learn/metric.h"
#include "learn/records.h"
#include "library/factory_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { METRICS_MOST = 16, OPTIONS_MOST = 8 + HG_MLP_LAYERS, PATH_SIZE = HG_RECIPE_PATH * 2 };

static hg_status no_memory(const hg_order *w, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for the model %s", w->p->name);
}

/* ---- what the card tells ----------------------------------------------------------------------------------------------- */

typedef struct {
    hg_predictor_made made;
    hg_card_number metric[METRICS_MOST], option[OPTIONS_MOST];
    hg_card_data data[HG_UNUSED];
    hg_text method, split;
    char name[OPTIONS_MOST][48];
} telling;

static void add_metric(telling *t, const char *name, const char *unit, double value) {
    if (t->made.n_metrics < METRICS_MOST && isfinite(value))
        t->metric[t->made.n_metrics++] = (hg_card_number) { name, unit, value };
}

static void add_option(telling *t, const char *name, double value) {
    if (t->made.n_options < OPTIONS_MOST) t->option[t->made.n_options++] = (hg_card_number) { name, "", value };
}

/* Mean, over rows, of the deviation of their errors from the mean absolute one. */
static double error_of_mae(const double *value, const double *y, size_t n, double mae) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = fabs(value[i] - y[i]) - mae;
        sum += e * e;
    }
    return n > 1 ? sqrt(sum / (double)(n - 1) / (double)n) : (double)NAN;
}

static double r2(const double *y, size_t n, double rmse) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++) mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) sum += (y[i] - mean) * (y[i] - mean) / (double)n;
    return sum > 0 ? 1 - rmse * rmse / sum : (double)NAN;
}

/* Of the test: value[n], or probability[n,classes]. */
static hg_status tell_test(telling *t, const hg_order *w, const double *out, const double *y, size_t n, hg_err *err) {
    hg_score s;
    if (w->classes) {
        HG_TRY(hg_score_classes(&s, out, y, n, w->classes, err));
        add_metric(t, "area under the ROC curve of test", "", s.auc);
        add_metric(t, "accuracy of test", "", s.accuracy);
        add_metric(t, "log loss of test", "nat", s.log_loss);
        return HG_OK;
    }
    s = hg_score_values(out, y, n);
    add_metric(t, "mean absolute error of test", w->p->unit, s.mae);
    add_metric(t, "standard error of the mean absolute error of test", w->p->unit, error_of_mae(out, y, n, s.mae));
    add_metric(t, "root mean square error of test", w->p->unit, s.rmse);
    add_metric(t, "coefficient of determination of test", "", r2(y, n, s.rmse));
    return HG_OK;
}

static hg_status tell_rest(telling *t, const hg_order *w, size_t part, const double *out, const double *y, size_t n,
                           hg_err *err) {
    hg_score s;
    if (w->classes) {
        HG_TRY(hg_score_classes(&s, out, y, n, w->classes, err));
        add_metric(t, part == HG_LEARN ? "area under the ROC curve of train" : "area under the ROC curve of validation",
                   "", s.auc);
        return HG_OK;
    }
    s = hg_score_values(out, y, n);
    add_metric(t, part == HG_LEARN ? "mean absolute error of train" : "mean absolute error of validation", w->p->unit,
               s.mae);
    return HG_OK;
}

/* A learner is fitted to what networks have for training and validation, and tried in parts of it. */
static void tell_split(telling *t, const hg_order *w, const hg_predictor *p) {
    const hg_stock *s = w->stock;
    const hg_recipe_set *set = s->set;
    const char *const word[] = { [HG_JUDGE] = set->validation, [HG_TEST] = set->test };
    static const char *const PART[] = { [HG_JUDGE] = "validation", [HG_TEST] = "test" };
    for (size_t k = HG_TEST; k >= (*set->learner ? HG_TEST : HG_JUDGE); k--) {
        hg_text_add(&t->split, "%s%s: ", k == HG_TEST ? "" : "; ", PART[k]);
        if (*word[k])
            hg_text_add(&t->split, "the rows with \"%s\" in column \"%s\"", word[k], set->column);
        else
            hg_text_add(&t->split, "a tenth of the %s, drawn", *set->formula ? "compositions" : "rows");
    }
    if (*set->learner) hg_text_add(&t->split, "; cross-validation of the others in %zu parts", p->opts.folds);
    if (set->rows) hg_text_add(&t->split, "; at most %zu of the other rows are learned from", set->rows);
    if (s->repeated > 0)
        hg_text_add(&t->split, "; %.2g %% of the test's rows are of compositions that were learned from",
                    100 * s->repeated);
}

static void tell_data(telling *t, const hg_order *w, const hg_predictor *p) {
    static const char *const ROLE[] = { "train", "validation", "test" };
    const bool learner = *w->stock->set->learner != '\0';
    for (size_t k = 0; k < HG_UNUSED; k++) {
        if (learner && k == HG_JUDGE) continue;
        hg_card_data *d = &t->data[t->made.n_data++];
        *d = (hg_card_data) { .role = ROLE[k], .file = hg_path_name(w->stock->set->table), .rows = w->n[k] };
        if (k == HG_LEARN) d->compositions = p->seen.n;
        if (learner && k == HG_LEARN) d->rows += w->n[HG_JUDGE];
        memcpy(d->sha256, w->stock->sha256, sizeof d->sha256);
    }
}

static hg_status save(hg_predictor *p, telling *t, const hg_order *w, const char *name, const char *recipe,
                      hg_err *err) {
    char folder[PATH_SIZE];
    tell_split(t, w, p);
    tell_data(t, w, p);
    if (t->method.failed || t->split.failed) return no_memory(w, err);
    hg_predictor_made *m = &t->made;
    m->metric = t->metric, m->option = t->option, m->data = t->data;
    m->method = t->method.len ? t->method.s : NULL, m->split = t->split.s;
    m->recipe = recipe, m->seed = w->stock->recipe->seed;
    p->made = m;
    const hg_recipe_set *set = w->stock->set;
    const hg_predictor_facts facts = { .name = name,
                                       .file = set->table,
                                       .sha256 = w->stock->sha256,
                                       .source = *set->source ? set->source : NULL,
                                       .licence = *set->licence ? set->licence : NULL };
    HG_TRY(hg_factory_folder(folder, w->stock->o, name, err));
    const hg_status st = hg_predictor_save(p, folder, &facts, err);
    p->made = NULL;
    return st;
}

static telling *new_telling(hg_arena *mem) {
    telling *t = hg_alloc(mem, 1, sizeof *t);
    if (t) *t = (telling) { .method = hg_text_new(4000), .split = hg_text_new(2000) };
    return t;
}

static void free_telling(telling *t) {
    if (!t) return;
    hg_text_free(&t->method);
    hg_text_free(&t->split);
}

/* ---- networks ---------------------------------------------------------------------------------------------------------- */

static void tell_networks(telling *t, const hg_order *w, const hg_made_network *net, size_t n) {
    size_t weights = 0;
    for (size_t k = 0; k < n; k++) weights += hg_mlp_size(&net[k].shape);
    if (n > 1) hg_text_add(&t->method, "the mean of %zu of %zu networks: ", n, w->stock->set->networks.count);
    if (n == 1) hg_text_add(&t->method, "network ");
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l <= net[k].shape.layers; l++)
            hg_text_add(&t->method, "%s%zu", l ? "-" : k ? ", " : "", net[k].shape.width[l]);
    if (w->logs) hg_text_add(&t->method, "; of logarithms");
    add_option(t, "networks", (double)n);
    add_option(t, "weights", (double)weights);
    for (size_t l = 1; n == 1 && l < net->shape.layers; l++) {
        snprintf(t->name[l], sizeof t->name[l], "units of layer %zu", l);
        add_option(t, t->name[l], (double)net->shape.width[l]);
    }
}

/* The target as the column of a table would be called: its name, the unit in brackets. */
static hg_status keep_texts(hg_predictor *p, const hg_order *w, hg_err *err) {
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "%s", w->p->what);
    if (*w->p->unit) hg_text_add(&t, " (%s)", w->p->unit);
    p->target = t.failed ? NULL : hg_arena_strdup(p->mem, t.s);
    p->unit = hg_arena_strdup(p->mem, w->p->unit);
    hg_text_free(&t);
    return p->target && p->unit ? HG_OK : no_memory(w, err);
}

static hg_status fill(hg_predictor *p, const hg_order *w, const hg_made_network *net, size_t n, hg_err *err) {
    const hg_stock *s = w->stock;
    hg_network *made = hg_alloc(p->mem, n, sizeof *made);
    if (!made) return no_memory(w, err);
    HG_TRY(keep_texts(p, w, err));
    p->classes = w->classes;
    p->class_name = w->class_name;
    p->intake = s->intake;
    p->rows = w->n[HG_LEARN];
    p->least = w->least, p->most = w->most;
    p->opts.seed = s->recipe->seed;
    for (size_t k = 0; k < n; k++) made[k] = (hg_network) { net[k].shape, net[k].weights };
    p->blend = (hg_blend) { .d = s->rows.d, .classes = w->classes };
    p->blend.member[0] =
        (hg_blend_member) { .learner = &hg_networks_learner, .weight = 1, .logs = w->logs, .models = 1 };
    HG_TRY(hg_networks_new(&p->blend.member[0].model[0], made, n, &s->scaling, w->unit, w->classes, err));
    p->blend.n = 1;
    return HG_OK;
}

typedef struct {
    hg_rows rows;
    double *y;
} part_rows;

static hg_status take(part_rows *out, const hg_order *w, size_t part, hg_arena *mem, hg_err *err) {
    const size_t n = w->n[part];
    out->y = hg_alloc(mem, n, sizeof *out->y);
    if (!out->y) return no_memory(w, err);
    for (size_t i = 0; i < n; i++) out->y[i] = w->y[w->row[part][i]];
    HG_TRY(hg_rows_take(&out->rows, &w->stock->rows, w->row[part], n, mem, err));
    out->rows.y = out->y;
    out->rows.classes = w->classes;
    return HG_OK;
}

/* The compositions of the rows to learn from and of those that chose; of no row of the test. */
static hg_status keep_seen(hg_predictor *p, const hg_order *w, hg_err *err) {
    const hg_composition *c = w->stock->rows.composition;
    size_t n = 0;
    if (!c || w->stock->set->unlisted) return HG_OK;
    uint32_t *key = hg_alloc(p->mem, w->n[HG_LEARN] + w->n[HG_JUDGE], sizeof *key);
    if (!key) return no_memory(w, err);
    for (size_t part = HG_LEARN; part <= HG_JUDGE; part++)
        for (size_t i = 0; i < w->n[part]; i++) key[n++] = hg_seen_key(&c[w->row[part][i]]);
    p->seen = hg_seen_of(key, n);
    return HG_OK;
}

/* Of all networks of a property the domain is one. */
static hg_status fit_domain(hg_predictor *p, hg_order *w, const part_rows *learn, hg_arena *mem, hg_err *err) {
    const bool *plain = hg_predictor_plain(p->intake, mem);
    if (!plain) return no_memory(w, err);
    if (!w->domain.d)
        HG_TRY(hg_domain_fit(&w->domain, &learn->rows, plain, w->stock->recipe->seed, w->stock->o->pool, err));
    p->domain = w->domain;
    if (w->logs) p->blend.logs = hg_logs_of(learn->y, w->n[HG_LEARN]);
    return hg_predictor_keep_elements(p, err);
}

/* Coverage and width of 90 % intervals in rows that chose nothing. */
static hg_status tell_intervals(telling *t, const hg_predictor *p, const hg_order *w, const part_rows *test,
                                const double *out, hg_signs *signs, hg_arena *mem, hg_err *err) {
    const size_t n = w->n[HG_TEST];
    hg_domain_view *view = hg_alloc(mem, n, sizeof *view);
    double inside = 0, width = 0, outside = 0;
    if (!view) return no_memory(w, err);
    HG_TRY(hg_domain_look(view, &p->domain, &test->rows, false, w->stock->o->pool, err));
    for (size_t i = 0; i < n; i++) {
        hg_forecast f;
        hg_predictor_forecast(&f, p, out + i, &signs[i], &view[i], false, 0.9);
        inside += test->y[i] >= f.low && test->y[i] <= f.high;
        width += f.high - f.low;
        outside += f.outside;
    }
    add_metric(t, "share of test inside 90 % intervals", "", inside / (double)n);
    add_metric(t, "mean width of 90 % intervals of test", w->p->unit, width / (double)n);
    add_metric(t, "share of test called outside", "", outside / (double)n);
    return HG_OK;
}

static hg_status judge(hg_predictor *p, telling *t, hg_order *w, size_t part, hg_arena *mem, hg_err *err) {
    const size_t n = w->n[part], outputs = w->classes ? w->classes : 1;
    double *out = hg_alloc(mem, n * outputs, sizeof *out);
    hg_signs *signs = hg_alloc(mem, n, sizeof *signs);
    part_rows rows;
    if (!out || !signs) return no_memory(w, err);
    HG_TRY(take(&rows, w, part, mem, err));
    if (part == HG_LEARN) HG_TRY(fit_domain(p, w, &rows, mem, err));
    HG_TRY(hg_blend_predict(out, signs, &p->blend, &rows.rows, w->stock->o->pool, err));
    if (part == HG_JUDGE && !w->classes) {
        hg_study s = { .n = n, .outputs = 1, .out = out, .signs = signs };
        HG_TRY(hg_predictor_fit_bars(p, &s, &rows.rows, false, w->stock->o->pool, mem, err));
    }
    if (part != HG_TEST) return tell_rest(t, w, part, out, rows.y, n, err);
    HG_TRY(tell_test(t, w, out, rows.y, n, err));
    return w->classes ? HG_OK : tell_intervals(t, p, w, &rows, out, signs, mem, err);
}

static hg_status assemble(hg_predictor *p, hg_order *w, const hg_made_network *net, size_t n, const char *name,
                          const char *recipe, hg_arena *mem, hg_err *err) {
    telling *t = new_telling(mem);
    if (!t) return no_memory(w, err);
    hg_status st = fill(p, w, net, n, err);
    for (size_t part = 0; part < HG_UNUSED && st == HG_OK; part++) {
        const hg_mark mark = hg_arena_mark(mem);
        st = judge(p, t, w, part, mem, err);
        hg_arena_reset(mem, mark);
    }
    if (st == HG_OK) st = keep_seen(p, w, err);
    if (st == HG_OK) {
        tell_networks(t, w, net, n);
        st = save(p, t, w, name, recipe, err);
    }
    free_telling(t);
    return st;
}

hg_status hg_factory_assemble(hg_order *w, const hg_made_network *net, size_t n, const char *name, const char *recipe,
                              hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_predictor *p = NULL;
    hg_status st = mem ? hg_predictor_new(&p, err) : no_memory(w, err);
    if (st == HG_OK) st = assemble(p, w, net, n, name, recipe, mem, err);
    if (p) { /* the stock's, and the order's */
        p->intake = NULL;
        p->domain = (hg_domain) { 0 };
    }
    hg_predictor_free(p);
    hg_arena_free(mem);
    return st;
}

/* ---- learners ---------------------------------------------------------------------------------------------------------- */

static hg_status fit_learner(hg_predictor **p, const hg_order *w, hg_arena *mem, hg_err *err) {
    const hg_stock *s = w->stock;
    size_t *index = hg_alloc(mem, s->rows.n, sizeof *index), n = 0;
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_table *t;
    if (!index) return no_memory(w, err);
    for (size_t i = 0; i < s->rows.n; i++)
        if ((s->part[i] == HG_LEARN || s->part[i] == HG_JUDGE) && !isnan(w->y[i])) index[n++] = i;
    o.features = hg_stock_features(s);
    o.task = w->classes ? HG_TASK_CLASSES : HG_TASK_VALUES;
    o.learner = strcmp(s->set->learner, "auto") == 0 ? NULL : s->set->learner;
    o.settings = *s->set->settings ? s->set->settings : NULL;
    o.scale = w->p->scale;
    o.unlisted = s->set->unlisted;
    o.seed = s->recipe->seed;
    o.pool = s->o->pool;
    o.hooks = s->o->hooks;
    HG_TRY(hg_table_pick(&t, s->table, index, n, err));
    const hg_status st = hg_predictor_fit(p, t, w->p->target, &o, err);
    hg_table_free(t);
    return st;
}

/* Classes of the fit, which may be fewer or more than those of the rows to learn from, in the order's numbers. */
static double class_of(const hg_predictor *p, const hg_order *w, double y) {
    for (size_t c = 0; c < p->classes; c++)
        if (strcmp(p->class_name[c], w->class_name[(size_t)y]) == 0) return (double)c;
    return (double)NAN;
}

static hg_status judge_learner(telling *t, const hg_predictor *p, const hg_order *w, hg_arena *mem, hg_err *err) {
    const size_t n = w->n[HG_TEST], outputs = p->classes ? p->classes : 1;
    hg_order of_fit = *w; /* with the classes of the fit */
    hg_table *test;
    hg_forecast *f = hg_alloc(mem, n, sizeof *f);
    hg_err *why = hg_alloc(mem, n, sizeof *why);
    double *out = hg_alloc(mem, n * outputs, sizeof *out), *y = hg_alloc(mem, n, sizeof *y), inside = 0, width = 0;
    size_t m = 0;
    if (!f || !why || !out || !y) return no_memory(w, err);
    HG_TRY(hg_table_pick(&test, w->stock->table, w->row[HG_TEST], n, err));
    const hg_status st = hg_predictor_predict(f, why, p, test, 0.9, w->stock->o->pool, mem, err);
    hg_table_free(test);
    HG_TRY(st);
    for (size_t i = 0; i < n; i++) {
        const double known = w->y[w->row[HG_TEST][i]];
        if (why[i].code != HG_OK) continue;
        y[m] = p->classes ? class_of(p, w, known) : known;
        if (isnan(y[m])) continue;
        inside += known >= f[i].low && known <= f[i].high;
        width += f[i].high - f[i].low;
        for (size_t c = 0; c < outputs; c++) out[m * outputs + c] = p->classes ? f[i].probability[c] : f[i].value;
        m++;
    }
    of_fit.classes = p->classes;
    HG_TRY(tell_test(t, &of_fit, out, y, m, err));
    if (p->classes || !m) return HG_OK;
    add_metric(t, "share of test inside 90 % intervals", "", inside / (double)m);
    add_metric(t, "mean width of 90 % intervals of test", w->p->unit, width / (double)m);
    return HG_OK;
}

static hg_status tell_learner(telling *t, hg_predictor *p, const hg_order *w, hg_arena *mem, hg_err *err) {
    const hg_predictor_score *s = &p->score;
    const char *method = hg_predictor_method(p, mem);
    if (!method) return no_memory(w, err);
    hg_text_add(&t->method, "%s", method);
    HG_TRY(judge_learner(t, p, w, mem, err));
    if (p->classes) {
        add_metric(t, "area under the ROC curve in cross-validation", "", s->auc);
        add_metric(t, "accuracy in cross-validation", "", s->accuracy);
    } else {
        add_metric(t, "mean absolute error of cross-validation", w->p->unit, s->mae);
        add_metric(t, "root mean square error of cross-validation", w->p->unit, s->rmse);
    }
    add_option(t, "folds", (double)p->opts.folds);
    return keep_texts(p, w, err);
}

hg_status hg_factory_fit(const hg_order *w, const char *name, const char *recipe, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    telling *t = mem ? new_telling(mem) : NULL;
    hg_predictor *p = NULL;
    hg_status st = t ? fit_learner(&p, w, mem, err) : no_memory(w, err);
    if (st == HG_OK) st = tell_learner(t, p, w, mem, err);
    if (st == HG_OK) st = save(p, t, w, name, recipe, err);
    hg_predictor_free(p);
    free_telling(t);
    hg_arena_free(mem);
    return st;
}
