/* library/source_figure.c -- see library/source_figure.h */
#include "library/source_figure.h"
#include "core/number.h"
#include <math.h>
#include <stdio.h>

enum { NAME = 96, KINDS = 2 };

typedef struct {
    const hg_predictor_source *source[HG_SOURCES_SHOWN]; /* by falling worth */
    char name[HG_SOURCES_SHOWN][NAME];
    const char *category[HG_SOURCES_SHOWN];
    double x[KINDS][HG_SOURCES_SHOWN], y[KINDS][HG_SOURCES_SHOWN];
    size_t n, of[KINDS];
} ranking;

/* Sorted in by insertion: they are few. */
static void insert(ranking *r, const hg_predictor_source *s) {
    size_t at = r->n < HG_SOURCES_SHOWN ? r->n++ : r->n - 1;
    if (r->source[at] && !(s->alone > r->source[at]->alone)) return; /* full, and worth less than the last */
    for (; at && s->alone > r->source[at - 1]->alone; at--) r->source[at] = r->source[at - 1];
    r->source[at] = s;
}

static void name(ranking *r, size_t i) {
    const hg_predictor_source *s = r->source[i];
    if (s->order)
        hg_print(r->name[i], NAME, "%.40s (%.0f %%)", s->name, 100 * s->share);
    else
        hg_print(r->name[i], NAME, "%.40s", s->name);
    r->category[i] = r->name[i];
}

static void place(ranking *r, size_t i) {
    const size_t kind = r->source[i]->order ? 1 : 0, at = r->of[kind]++;
    r->x[kind][at] = r->source[i]->alone;
    r->y[kind][at] = (double)i;
}

hg_status hg_source_figure(hg_bytes *out, const hg_predictor *p, hg_figure_format format, hg_err *err) {
    static const char *const WORDS[KINDS] = { "not taken", "taken, with its weight" };
    static const hg_colour COLOUR[KINDS] = { HG_COLOUR_GREY, HG_COLOUR_BLUE };
    const hg_predictor_source *s;
    ranking r = { .n = 0 };
    hg_layer layer[KINDS];
    size_t layers = 0;
    char title[160];
    *out = (hg_bytes) { NULL, 0 };
    for (size_t i = 0; (s = hg_predictor_source_at(p, i)); i++)
        if (isfinite(s->alone)) insert(&r, s);
    if (r.n == 0)
        return hg_fail(err, HG_EDATA, "no model was offered that could be a source: there is nothing to draw");
    for (size_t i = 0; i < r.n; i++) name(&r, i), place(&r, i);
    for (size_t k = 0; k < KINDS; k++)
        if (r.of[k]) layer[layers++] = hg_layer_make(HG_LAYER_BARS, WORDS[k], r.x[k], r.y[k], r.of[k], COLOUR[k]);
    snprintf(title, sizeof title, "What models know of %s", hg_predictor_target(p));
    hg_figure f = hg_figure_default();
    f.title = title;
    f.x.label = "evidence that each adds alone (nats)";
    f.y.category = r.category, f.y.n_category = r.n;
    f.height_mm = 34 + 6.0 * (double)r.n;
    f.layer = layer, f.n_layers = layers;
    return hg_figure_render(out, &f, format, err);
}
