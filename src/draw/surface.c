/* draw/surface.c -- see draw/surface.h
 *
 * Two things in cairo's output change from run to run, and both are mended here: a PDF's creation date, and the ids of
 * an SVG, which count all surfaces the process ever made. Ids become <id>-0, <id>-1 ... in order of appearance, which also
 * lets one page hold many figures.
 */
#include "draw/surface.h"
#include "core/memory.h"
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <string.h>

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int length) {
    hg_text *t = closure;
    hg_text_put(t, (const char *)data, length);
    return t->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static void plain_fonts(cairo_t *cr) { /* the same letters at the same places in every format */
    cairo_font_options_t *o = cairo_font_options_create();
    cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr, o);
    cairo_font_options_destroy(o);
}

void hg_surface_begin(hg_surface *s, hg_figure_format format, double width, double height, double dpi) {
    *s = (hg_surface) { .format = format, .bytes = hg_text_new(0) };
    switch (format) {
    case HG_FIGURE_SVG: s->surface = cairo_svg_surface_create_for_stream(append, &s->bytes, width, height); break;
    case HG_FIGURE_PDF:
        s->surface = cairo_pdf_surface_create_for_stream(append, &s->bytes, width, height);
        cairo_pdf_surface_set_metadata(s->surface, CAIRO_PDF_METADATA_CREATE_DATE, "");
        cairo_pdf_surface_set_metadata(s->surface, CAIRO_PDF_METADATA_CREATOR, "Hagane " HG_VERSION);
        break;
    case HG_FIGURE_PNG:
        s->surface =
            cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * dpi / 72), (int)ceil(height * dpi / 72));
        break;
    }
    s->cr = cairo_create(s->surface);
    if (format == HG_FIGURE_PNG) cairo_scale(s->cr, dpi / 72, dpi / 72);
    plain_fonts(s->cr);
}

/* ---- the SVG's names and colours -------------------------------------------------------------------------------- */

typedef struct {
    const char *at;
    size_t len;
} slice;

typedef struct {
    hg_text out;
    slice *name;
    size_t n, cap;
    const char *id;
} renamer;

static bool starts(const char *s, const char *end, const char *with) {
    const size_t len = strlen(with);
    return (size_t)(end - s) >= len && memcmp(s, with, len) == 0;
}

static void put_name(renamer *r, const char *name, size_t len) {
    size_t i = 0;
    while (i < r->n && (r->name[i].len != len || memcmp(r->name[i].at, name, len) != 0)) i++;
    if (i == r->n) {
        if (!hg_grow(&r->name, &r->cap, r->n + 1, sizeof *r->name)) {
            r->out.failed = true;
            return;
        }
        r->name[r->n++] = (slice) { name, len };
    }
    hg_text_add(&r->out, "%s-%zu", r->id, i);
}

/* Where a name begins, and what ends it. */
static const struct {
    const char *before;
    char after;
} REFERENCE[] = { { " id=\"", '"' }, { "href=\"#", '"' }, { "url(#", ')' } };

/* cairo 1.16 and 1.18 write colours with and without spaces */
static const struct {
    const char *plain, *css;
} THEME[] = {
    { "rgb(10%,10%,10%)", "currentColor" },
    { "rgb(10%, 10%, 10%)", "currentColor" },
    { "rgb(100%,100%,100%)", "var(--paper,#fff)" },
    { "rgb(100%, 100%, 100%)", "var(--paper,#fff)" },
};

/* Handles what stands at s if it is a reference or a theme colour; returns the bytes used, 0 if it is neither. */
static size_t replace(renamer *r, const char *s, const char *end, bool themed) {
    for (size_t k = 0; k < sizeof REFERENCE / sizeof *REFERENCE; k++) {
        if (!starts(s, end, REFERENCE[k].before)) continue;
        const size_t head = strlen(REFERENCE[k].before);
        const char *stop = memchr(s + head, REFERENCE[k].after, (size_t)(end - s) - head);
        if (!stop) return 0;
        hg_text_put(&r->out, s, head);
        put_name(r, s + head, (size_t)(stop - s) - head);
        return (size_t)(stop - s);
    }
    for (size_t k = 0; themed && k < sizeof THEME / sizeof *THEME; k++)
        if (starts(s, end, THEME[k].plain)) {
            hg_text_add(&r->out, "%s", THEME[k].css);
            return strlen(THEME[k].plain);
        }
    return 0;
}

static void normalise(hg_text *svg, bool themed, const char *id) {
    renamer r = { .out = hg_text_new(0), .id = id };
    const char *s = svg->s, *end = svg->s + svg->len, *kept = s;
    if (themed && starts(s, end, "<?xml")) { /* a page has its own prologue */
        const char *root = strstr(s, "<svg");
        if (root) s = kept = root;
    }
    while (s < end) {
        const bool candidate = *s == ' ' || *s == 'h' || *s == 'u' || *s == 'r'; /* first letters of the tables above */
        if (candidate && s > kept) {
            hg_text_put(&r.out, kept, (size_t)(s - kept));
            kept = s;
        }
        const size_t used = candidate ? replace(&r, s, end, themed) : 0;
        if (used) kept = s + used;
        s += used ? used : 1;
    }
    hg_text_put(&r.out, kept, (size_t)(end - kept));
    hg_free(r.name);
    if (svg->failed) r.out.failed = true;
    hg_text_free(svg);
    *svg = r.out;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static hg_status failure(cairo_status_t st, hg_err *err) {
    if (st == CAIRO_STATUS_NO_MEMORY) return hg_fail(err, HG_ENOMEM, "no memory for the figure");
    if (st == CAIRO_STATUS_INVALID_SIZE)
        return hg_advise(err, hg_fail(err, HG_ELIMIT, "the figure has too many pixels"), "lower dpi or the size");
    return hg_fail(err, HG_EINVAL, "the figure could not be drawn: %s", cairo_status_to_string(st));
}

hg_status hg_surface_end(hg_bytes *out, hg_surface *s, bool themed, const char *id, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    cairo_status_t st = cairo_status(s->cr);
    cairo_destroy(s->cr);
    if (st == CAIRO_STATUS_SUCCESS && s->format == HG_FIGURE_PNG)
        st = cairo_surface_write_to_png_stream(s->surface, append, &s->bytes);
    cairo_surface_finish(s->surface);
    if (st == CAIRO_STATUS_SUCCESS) st = cairo_surface_status(s->surface);
    cairo_surface_destroy(s->surface);
    if (s->bytes.failed) st = CAIRO_STATUS_NO_MEMORY;
    if (st == CAIRO_STATUS_SUCCESS && s->format == HG_FIGURE_SVG) {
        normalise(&s->bytes, themed, id);
        if (s->bytes.failed) st = CAIRO_STATUS_NO_MEMORY;
    }
    if (st != CAIRO_STATUS_SUCCESS) {
        hg_text_free(&s->bytes);
        return failure(st, err);
    }
    *out = (hg_bytes) { s->bytes.s, s->bytes.len }; /* never the shared "": cairo has written a file */
    return HG_OK;
}

void hg_bytes_free(hg_bytes *b) {
    if (!b) return;
    hg_free(b->data);
    *b = (hg_bytes) { NULL, 0 };
}
