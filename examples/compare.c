/* examples/compare.c -- draws what several searches found: the best value so far against the number of searches
 *
 *   compare OUT.svg "label of the axis" CURVE ...     each file: search,id,value on a line; values are shown in thousands
 *
 * Without arguments it draws two made-up curves in memory: that is how the tests run it.
 */
#include "hagane/hagane.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256, CURVES = 4 };

typedef struct {
    const char *name;
    double x[MOST], best[MOST];
    size_t n;
} curve;

static int read_curve(curve *c, const char *path) {
    char line[256];
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    while (c->n < MOST && fgets(line, sizeof line, f)) {
        const char *last = strrchr(line, ',');
        if (!last) continue;
        const double value = atof(last + 1) / 1000;
        c->x[c->n] = atof(line);
        c->best[c->n] = c->n && c->best[c->n - 1] > value ? c->best[c->n - 1] : value;
        c->n++;
    }
    fclose(f);
    return c->n > 0;
}

int main(int argc, char **argv) {
    static curve c[CURVES] = { { "alone", { 1, 2, 3 }, { 600, 650, 700 }, 3 },
                               { "together", { 1, 2 }, { 640, 990 }, 2 } };
    static const hg_colour colour[CURVES] = { HG_COLOUR_VERMILION, HG_COLOUR_BLUE, HG_COLOUR_GREEN, HG_COLOUR_ORANGE };
    hg_layer layer[2 * CURVES];
    size_t curves = 2;
    if (argc > 3) {
        curves = (size_t)argc - 3 < CURVES ? (size_t)argc - 3 : CURVES;
        for (size_t i = 0; i < curves; i++) {
            char *name = argv[3 + i], *dot = strrchr(name, '.');
            c[i] = (curve) { .name = name };
            if (!read_curve(&c[i], name)) {
                fprintf(stderr, "compare: nothing to read in %s\n", name);
                return 1;
            }
            if (dot) *dot = 0; /* "together.curve": together */
        }
    }
    hg_figure f = hg_figure_default();
    for (size_t i = 0; i < curves; i++) {
        layer[2 * i] = hg_layer_make(HG_LAYER_LINE, c[i].name, c[i].x, c[i].best, c[i].n, colour[i]);
        layer[2 * i + 1] = hg_layer_make(HG_LAYER_POINTS, NULL, c[i].x, c[i].best, c[i].n, colour[i]);
    }
    f.x.label = "searches";
    f.x.whole = true;
    f.y.label = argc > 3 ? argv[2] : "best so far";
    f.layer = layer;
    f.n_layers = 2 * curves;
    hg_bytes picture;
    hg_err err;
    if (hg_figure_render(&picture, &f, HG_FIGURE_SVG, &err) != HG_OK) {
        fprintf(stderr, "compare: %s\n", err.msg);
        return 1;
    }
    FILE *out = argc > 3 ? fopen(argv[1], "w") : stdout;
    const int ok = out && (argc <= 3 || fwrite(picture.data, 1, picture.len, out) == picture.len);
    if (argc <= 3) printf("a picture of %zu bytes\n", picture.len);
    if (out && out != stdout && fclose(out) != 0) return 1;
    hg_bytes_free(&picture);
    return ok ? 0 : 1;
}
