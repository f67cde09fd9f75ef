/* library/curve.c -- see library/curve.h */
#include "library/curve.h"
#include "core/number.h"
#include "core/memory.h"
#include "core/text.h"
#include "library/predictor_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 5, ROWS_LEAST = 20, LEARN_LEAST = 10 };
static const double HARDLY = -0.05; /* an exponent above that: twice the rows change less than 4 % */

typedef struct {
    hg_curve *out;
    hg_measured m;
    const char *target;
    hg_predictor_opts *o;
    size_t *part, *train, *test; /* [rows.n] */
    hg_arena *mem;
    hg_err *err;
} work;

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for a learning curve"); }

/* ---- points ---------------------------------------------------------------------------------------------------------- */

static double error_of(const hg_fold *f, size_t classes) { return classes ? 1 - f->score.accuracy : f->score.mae; }

static void add(hg_curve_point *p, const hg_fold *f, size_t classes) {
    const double e = error_of(f, classes), k = (double)p->draws;
    if (!f->n || !isfinite(e)) return;
    p->low = p->draws ? fmin(p->low, e) : e;
    p->high = p->draws ? fmax(p->high, e) : e;
    p->error = (k * p->error + e) / (k + 1);
    p->coverage90 = (k * p->coverage90 + f->score.coverage90) / (k + 1);
    p->rows = (size_t)((k * (double)p->rows + (double)f->n_train) / (k + 1) + 0.5);
    p->draws++;
}

/* Fifth `draw` predicted from the first rows of the others, in an order of its own. Too few of a class: no point. */
static hg_status learn_from(work *w, hg_curve_point *p, size_t draw, double share) {
    hg_fold f = { .n = 0 };
    hg_err why = { 0 };
    hg_rng r = hg_rng_make(w->o->seed, 0xc0 + draw);
    for (size_t i = 0; i < w->m.rows.n; i++)
        if (w->part[i] == draw)
            w->test[f.n_test++] = i;
        else
            w->train[f.n_train++] = i;
    hg_rng_shuffle(&r, w->train, f.n_train);
    f.n_train = (size_t)(share * (double)f.n_train);
    if (f.n_train < LEARN_LEAST) return HG_OK;
    const hg_status st =
        hg_predictor_judge(&f, &w->out->classes, &w->m, w->target, w->train, w->test, w->o, w->mem, &why);
    if (st == HG_OK) add(p, &f, w->out->classes);
    if (st == HG_OK || (st == HG_EDATA && share < 1)) return HG_OK;
    if (w->err) *w->err = why;
    return st;
}

static hg_status measure(work *w) {
    hg_curve *c = w->out;
    const size_t draws = HG_CURVE_DRAWS;
    for (size_t s = 0; s < HG_CURVE_SIZES; s++) {
        hg_curve_point p = { 0 };
        for (size_t d = 0; d < draws; d++) {
            if (!hg_progress(w->o->hooks, "learning curve", s * draws + d, HG_CURVE_SIZES * draws))
                return hg_fail(w->err, HG_ECANCEL, "cancelled");
            HG_TRY(learn_from(w, &p, d, ldexp(1, (int)s - HG_CURVE_SIZES + 1)));
        }
        if (p.draws) c->point[c->n++] = p;
    }
    return HG_OK;
}

/* ---- the law ------------------------------------------------------------------------------------------------------------ */

static void fit_power(hg_curve *c) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    c->amplitude = c->exponent = (double)NAN;
    for (size_t i = 0; i < c->n; i++) {
        if (!(c->point[i].error > 0)) return;
        const double u = log((double)c->point[i].rows), v = log(c->point[i].error);
        n++, x += u, y += v, xx += u * u, xy += u * v;
    }
    if (n < 3) return;
    c->exponent = (n * xy - x * y) / (n * xx - x * x);
    c->amplitude = exp((y - c->exponent * x) / n);
}

static hg_status put_in_words(work *w, const char *unit) {
    hg_curve *c = w->out;
    const hg_curve_point *last = &c->point[c->n - 1];
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "From %zu rows the error is %.3g%s%s.", last->rows, last->error, *unit ? " " : "", unit);
    if (c->exponent < HARDLY) /* false for NaN */
        hg_text_add(&t,
                    " It falls as the power %.2f of the rows: twice as many would bring it to about %.3g, half of it "
                    "needs about %.2g rows, if nothing else limits it.",
                    c->exponent, last->error * pow(2, c->exponent), (double)last->rows * pow(0.5, 1 / c->exponent));
    else if (isfinite(c->exponent))
        hg_text_add(&t, " More rows of this kind hardly change it: other inputs, or less noise, would.");
    c->words = t.failed ? NULL : hg_arena_strdup(w->mem, t.s);
    hg_text_free(&t);
    return c->words ? HG_OK : no_memory(w->err);
}

static hg_status run(work *w, const hg_table *t) {
    size_t j;
    HG_TRY(hg_predictor_measured(&w->m, t, w->target, w->o, w->mem, w->err));
    const size_t n = w->m.rows.n;
    if (n < ROWS_LEAST)
        return hg_fail(w->err, HG_EDATA, "%s: %zu rows have a \"%s\"; %d are needed for a learning curve",
                       hg_table_source(t), n, w->target, ROWS_LEAST);
    w->part = hg_alloc(w->mem, n, sizeof *w->part);
    w->train = hg_alloc(w->mem, n, sizeof *w->train);
    w->test = hg_alloc(w->mem, n, sizeof *w->test);
    if (!w->part || !w->train || !w->test) return no_memory(w->err);
    const size_t parts = hg_rows_split(w->part, &w->m.rows, PARTS, w->o->seed);
    if (parts == 0) return no_memory(w->err);
    if (parts < HG_CURVE_DRAWS)
        return hg_fail(w->err, HG_EDATA, "%s: the rows have too few different inputs to be parted", hg_table_source(t));
    HG_TRY(measure(w));
    fit_power(w->out);
    HG_TRY(hg_table_find(&j, w->m.t, w->target, w->err));
    return put_in_words(w, w->out->classes ? "" : hg_table_column(w->m.t, j)->unit);
}

hg_status hg_learning_curve(hg_curve *out, const hg_table *t, const char *target, const hg_predictor_opts *opts,
                            hg_arena *mem, hg_err *err) {
    hg_predictor_opts o = opts ? *opts : hg_predictor_opts_default();
    work w = { .out = out, .target = target, .o = &o, .mem = mem, .err = err };
    memset(out, 0, sizeof *out);
    const hg_status st = run(&w, t);
    hg_table_free(w.m.t);
    return st;
}

/* ---- the picture -------------------------------------------------------------------------------------------------------------- */

hg_status hg_curve_figure(hg_bytes *out, const hg_curve *c, const char *target, hg_figure_format format, hg_err *err) {
    double x[HG_CURVE_SIZES], y[HG_CURVE_SIZES], low[HG_CURVE_SIZES], high[HG_CURVE_SIZES], to[2], law[2];
    char label[160], name[80];
    hg_layer layer[3];
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        x[i] = (double)c->point[i].rows, y[i] = c->point[i].error;
        low[i] = c->point[i].low, high[i] = c->point[i].high;
    }
    if (c->n && isfinite(c->exponent)) {
        to[0] = x[0], to[1] = 4 * x[c->n - 1];
        for (size_t k = 0; k < 2; k++) law[k] = c->amplitude * pow(to[k], c->exponent);
        hg_print(name, sizeof name, "rows to the power %.2f", c->exponent);
        layer[n] = hg_layer_make(HG_LAYER_LINE, name, to, law, 2, HG_COLOUR_GREY);
        layer[n++].dashed = true;
    }
    layer[n] =
        hg_layer_make(HG_LAYER_POINTS, "rows left out, mean and span of three draws", x, y, c->n, HG_COLOUR_BLUE);
    layer[n].low = low, layer[n].high = high, layer[n++].size = 5;
    snprintf(label, sizeof label, c->classes ? "share called wrongly of %s" : "mean absolute error of %s", target);
    hg_figure f = hg_figure_default();
    f.x.label = "rows learned from", f.x.scale = HG_SCALE_LOG;
    f.y.label = label, f.y.scale = HG_SCALE_LOG;
    f.layer = layer, f.n_layers = n;
    return hg_figure_render(out, &f, format, err);
}
