/* library/parity.c -- see library/parity.h */
#include "library/parity.h"
#include <stdio.h>
#include <math.h>

enum { BARS_MOST = 100, KINDS = 3, LAYERS = HG_PARITY_MOST * KINDS + 1, NAME = 120 };
static const double DECADES = 100;

typedef enum { LIKE, UNLIKE, BEYOND } sort;

typedef struct {
    hg_layer layer[LAYERS];
    char name[LAYERS][NAME];
    size_t n;
    double least, most; /* of all values that are drawn */
    hg_arena *mem;
} picture;

static const hg_colour COLOUR[HG_PARITY_MOST] = { HG_COLOUR_BLUE,   HG_COLOUR_VERMILION, HG_COLOUR_GREEN,
                                                  HG_COLOUR_PURPLE, HG_COLOUR_ORANGE,    HG_COLOUR_SKY,
                                                  HG_COLOUR_INK,    HG_COLOUR_GREY };

/* What is beyond the range says more than that the row is unlike the others. */
static sort sort_of(const hg_parity *p, const hg_fold *f, size_t i) {
    if (!p->parted) return LIKE;
    if (f->most > f->least && (f->known[i] > f->most || f->known[i] < f->least)) return BEYOND;
    return f->unlike && f->unlike[i] ? UNLIKE : LIKE;
}

static hg_status add(picture *pic, const hg_parity *p, sort s, hg_colour colour, hg_err *err) {
    size_t n = 0, k = 0;
    for (size_t f = 0; f < p->n_folds; f++)
        for (size_t i = 0; i < p->fold[f].n; i++) n += sort_of(p, &p->fold[f], i) == s;
    if (n == 0) return HG_OK;
    const size_t every = (n + BARS_MOST - 1) / BARS_MOST; /* more bars than that hide each other */
    double *x = hg_alloc(pic->mem, n, sizeof *x), *y = hg_alloc(pic->mem, n, sizeof *y);
    double *low = hg_alloc(pic->mem, n, sizeof *low), *high = hg_alloc(pic->mem, n, sizeof *high);
    if (!x || !y || !low || !high) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    for (size_t f = 0; f < p->n_folds; f++)
        for (size_t i = 0; i < p->fold[f].n; i++) {
            const hg_fold *o = &p->fold[f];
            if (sort_of(p, o, i) != s) continue;
            const bool barred = !p->faint && k % every == 0;
            x[k] = o->known[i], y[k] = o->value[i];
            low[k] = barred ? o->low[i] : (double)NAN, high[k] = barred ? o->high[i] : (double)NAN;
            k++;
        }
    static const char *const WORDS[] = {
        [LIKE] = "", [UNLIKE] = "called outside", [BEYOND] = "known value beyond those learned"
    };
    static const hg_marker MARKER[] = {
        [LIKE] = HG_MARKER_CIRCLE, [UNLIKE] = HG_MARKER_SQUARE, [BEYOND] = HG_MARKER_DIAMOND
    };
    snprintf(pic->name[pic->n], NAME, "%s", s == LIKE ? p->name : WORDS[s]);
    hg_layer *l = &pic->layer[pic->n];
    *l = hg_layer_make(HG_LAYER_POINTS, *pic->name[pic->n] ? pic->name[pic->n] : NULL, x, y, n, colour);
    l->marker = p->faint ? HG_MARKER_RING : MARKER[s];
    if (!p->faint) l->low = low, l->high = high;
    pic->n++;
    return HG_OK;
}

static void span(picture *pic, const hg_parity *p) {
    for (size_t f = 0; f < p->n_folds; f++)
        for (size_t i = 0; i < p->fold[f].n; i++) {
            const hg_fold *o = &p->fold[f];
            pic->least = fmin(pic->least, fmin(o->known[i], o->value[i]));
            pic->most = fmax(pic->most, fmax(o->known[i], o->value[i]));
        }
}

/* The axes end where the values do, not where a wide interval of one row does. */
static void range(hg_axis *a, const picture *pic, bool logs) {
    if (!(pic->most > pic->least)) return;
    const double margin = logs ? pow(pic->most / pic->least, 0.08) : 0.08 * (pic->most - pic->least);
    a->scale = logs ? HG_SCALE_LOG : HG_SCALE_LINEAR;
    a->min = logs ? pic->least / margin : pic->least - margin;
    a->max = logs ? pic->most * margin : pic->most + margin;
}

static hg_status draw(hg_bytes *out, picture *pic, const hg_parity *p, size_t n, const char *target,
                      hg_figure_format format, hg_err *err) {
    char known[NAME], predicted[NAME];
    pic->least = INFINITY, pic->most = -INFINITY;
    for (size_t k = 0; k < n; k++) span(pic, &p[k]);
    pic->layer[pic->n++] = hg_layer_make(HG_LAYER_DIAGONAL, NULL, NULL, NULL, 0, HG_COLOUR_GREY);
    for (size_t k = 0, plain = 0; k < n; k++) {
        HG_TRY(add(pic, &p[k], LIKE, p[k].faint ? HG_COLOUR_GREY : COLOUR[plain++], err));
        HG_TRY(add(pic, &p[k], UNLIKE, HG_COLOUR_ORANGE, err));
        HG_TRY(add(pic, &p[k], BEYOND, HG_COLOUR_VERMILION, err));
    }
    const bool logs = pic->least > 0 && pic->most > DECADES * pic->least;
    hg_figure f = hg_figure_default();
    snprintf(known, sizeof known, "known %s", target);
    snprintf(predicted, sizeof predicted, "predicted %s", target);
    range(&f.x, pic, logs);
    range(&f.y, pic, logs);
    f.x.label = known;
    f.y.label = predicted;
    f.square = true;
    f.width_mm = f.height_mm = 110;
    f.layer = pic->layer;
    f.n_layers = pic->n;
    return hg_figure_render(out, &f, format, err);
}

hg_status hg_parity_figure(hg_bytes *out, const hg_parity *p, size_t n, const char *target, hg_figure_format format,
                           hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    if (n > HG_PARITY_MOST) return hg_fail(err, HG_EINVAL, "%zu sets of predictions in one figure", n);
    hg_arena *mem = hg_arena_new();
    picture *pic = hg_alloc(mem, 1, sizeof *pic);
    if (pic) *pic = (picture) { .mem = mem };
    const hg_status st =
        pic ? draw(out, pic, p, n, target, format, err) : hg_fail(err, HG_ENOMEM, "no memory for a figure");
    hg_arena_free(mem);
    return st;
}
