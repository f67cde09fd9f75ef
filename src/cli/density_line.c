/* cli/density_line.c -- densities along a line between two atoms: curves, their peaks, a table and a picture */
#include "cli/density.h"
#include "cli/grid.h"
#include "files/input.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the line ---------------------------------------------------------------------------------------------------- */

/* The atom that the word names: "C2" or "5"; m->n when there is none. */
static size_t atom_of(const hg_molecule *m, const char *word, size_t len) {
    size_t letters = 0;
    while (letters < len && isalpha((unsigned char)word[letters])) letters++;
    if (letters == len || len - letters > 9) return m->n;
    for (size_t i = letters; i < len; i++)
        if (!isdigit((unsigned char)word[i])) return m->n;
    const size_t number = strtoul(word + letters, NULL, 10);
    if (letters == 0) return number >= 1 && number <= m->n ? number - 1 : m->n;
    const unsigned z = hg_element_find(word, letters);
    size_t seen = 0;
    for (size_t a = 0; a < m->n && z; a++)
        if (m->z[a] == z && ++seen == number) return a;
    return m->n;
}

static void label(char out[16], const hg_molecule *m, size_t a) {
    size_t number = 0;
    for (size_t b = 0; b <= a; b++) number += m->z[b] == m->z[a];
    snprintf(out, 16, "%s%zu", hg_element_symbol(m->z[a]), number);
}

static hg_status two_atoms(cli_line *l, const hg_molecule *m, const char *words, hg_err *err) {
    const char *comma = strchr(words, ',');
    const char *word[2] = { words, comma ? comma + 1 : words };
    if (!comma) {
        hg_fail(err, HG_EINVAL, "--line %s: two atoms are wanted, with a comma between them", words);
        return hg_advise(err, HG_EINVAL, "--line C1,C2");
    }
    for (int k = 0; k < 2; k++) {
        const size_t len = k ? strlen(word[1]) : (size_t)(comma - words);
        l->atom[k] = atom_of(m, word[k], len);
        if (l->atom[k] == m->n) {
            hg_fail(err, HG_EINVAL, "--line %s: there is no atom \"%.*s\" in this molecule", words,
                    (int)(len < 40 ? len : 40), word[k]);
            return hg_advise(err, HG_EINVAL,
                             "an element with its number among its like, as C2, or the number of an atom, from 1");
        }
        label(l->label[k], m, l->atom[k]);
    }
    if (l->atom[0] != l->atom[1]) return HG_OK;
    return hg_fail(err, HG_EINVAL, "--line %s: these are the same atom", words);
}

hg_status cli_line_make(cli_line *l, const hg_molecule *m, const char *words, double step, double beyond, hg_arena *mem,
                        hg_err *err) {
    enum { POINTS_MOST = 1000000 };
    double u[3];
    *l = (cli_line) { .n = 0 };
    HG_TRY(two_atoms(l, m, words, err));
    const double *from = m->r + 3 * l->atom[0], *to = m->r + 3 * l->atom[1];
    for (size_t k = 0; k < 3; k++) u[k] = to[k] - from[k];
    l->length = sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2]);
    const double half = ceil((0.5 * l->length + beyond) / step);
    if (2 * half + 1 > POINTS_MOST)
        return hg_fail(err, HG_ELIMIT, "--step %g: the line would have more than %d points", step, POINTS_MOST);
    l->n = 2 * (size_t)half + 1; /* odd: one point is the middle */
    l->x = hg_alloc(mem, l->n, sizeof *l->x);
    l->point = hg_alloc(mem, 3 * l->n, sizeof *l->point);
    if (!l->x || !l->point) return hg_fail(err, HG_ENOMEM, "no memory for a line of %zu points", l->n);
    for (size_t i = 0; i < l->n; i++) {
        l->x[i] = 0.5 * l->length + ((double)i - half) * step;
        for (size_t k = 0; k < 3; k++) l->point[3 * i + k] = from[k] + u[k] / l->length * l->x[i];
    }
    return HG_OK;
}

cli_curve *cli_line_add(cli_line *l, const char *name, hg_colour colour, bool dashed, hg_arena *mem) {
    cli_curve *c = &l->curve[l->n_curves];
    *c = (cli_curve) { .name = name, .colour = colour, .dashed = dashed, .y = hg_alloc(mem, l->n, sizeof *c->y) };
    if (!c->y) return NULL;
    l->n_curves++;
    return c;
}

/* Local maxima above a fiftieth of the largest value, their place by a parabola through three points. What lies between two is lower by more than
 * rounding, of which a flat top is full. */
static void find_peaks(cli_curve *c, const cli_line *l) {
    double most = 0, valley = -INFINITY; /* the lowest value since the last peak */
    for (size_t i = 0; i < l->n; i++)
        if (c->y[i] > most) most = c->y[i];
    for (size_t i = 1; i + 1 < l->n && c->n_peaks < CLI_PEAKS; i++) {
        const double a = c->y[i - 1], b = c->y[i], d = c->y[i + 1];
        valley = fmin(valley, b);
        if (!(b > a && b >= d && b > most / 50 && b - valley > 1e-9 * most)) continue;
        valley = b;
        const double curve = a - 2 * b + d, shift = curve < 0 ? 0.5 * (a - d) / curve : 0;
        c->peak[c->n_peaks] = l->x[i] + shift * (l->x[i + 1] - l->x[i]);
        c->height[c->n_peaks++] = b - 0.25 * (a - d) * shift;
    }
}

void cli_line_look(cli_line *l) {
    for (size_t k = 0; k < l->n_curves; k++) {
        cli_curve *c = &l->curve[k];
        c->n_peaks = 0;
        c->middle = c->y[l->n / 2];
        find_peaks(c, l);
    }
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static bool same_place(const hg_molecule *a, const hg_molecule *b) {
    static const double NEAR = 0.01; /* angstrom */
    if (a->n != b->n || memcmp(a->z, b->z, a->n) != 0) return false;
    for (size_t i = 0; i < 3 * a->n; i++)
        if (fabs(a->r[i] - b->r[i]) > NEAR) return false;
    return true;
}

static hg_status not_there(const char *path, hg_err *err) {
    hg_fail_at(err, HG_EDATA, path, 0, 0,
               "this molecule is not in it: the same atoms in the same order, within 0.01 angstrom");
    return hg_advise(err, HG_EDATA, "take the molecule's coordinates from the reference's own input");
}

static hg_status from_orbitals(cli_line *l, const hg_molecule *m, const char *path, hg_arena *mem, hg_err *err) {
    hg_orbitals_file f;
    HG_TRY(hg_orbitals_read(&f, path, err));
    size_t i = 0;
    while (i < f.n && !same_place(f.molecule[i].molecule, m)) i++;
    cli_curve *c = i < f.n ? cli_line_add(l, "DFT", HG_COLOUR_INK, true, mem) : NULL;
    hg_status st = i == f.n ? not_there(path, err) : !c ? hg_fail(err, HG_ENOMEM, "no memory for a line") : HG_OK;
    if (st == HG_OK) st = hg_orbitals_at(c->y, &f.molecule[i], false, l->point, l->n, err);
    hg_orbitals_free(&f);
    return st;
}

/* Lagrange's cubic through four neighbours, t from the second to the third. */
static void cubic(double w[4], double t) {
    w[0] = -t * (t - 1) * (t - 2) / 6;
    w[1] = (t + 1) * (t - 1) * (t - 2) / 2;
    w[2] = -(t + 1) * t * (t - 2) / 2;
    w[3] = (t + 1) * t * (t - 1) / 6;
}

static void invert(double out[9], const double a[9]) { /* they span a volume: the reader has seen to it */
    const double d =
        a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) + a[2] * (a[3] * a[7] - a[4] * a[6]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int p = (j + 1) % 3, q = (j + 2) % 3, r = (i + 1) % 3, s = (i + 2) % 3;
            out[3 * i + j] = (a[3 * p + r] * a[3 * q + s] - a[3 * p + s] * a[3 * q + r]) / d;
        }
}

static double cube_at(const hg_cube *c, const double inverse[9], const double *point) {
    double w[3][4], sum = 0;
    size_t first[3];
    for (size_t k = 0; k < 3; k++) {
        double t = 0; /* steps along vector k */
        for (size_t j = 0; j < 3; j++) t += (point[j] - c->grid.origin[j]) * inverse[3 * j + k];
        if (!(t >= 1 && t < (double)c->grid.n[k] - 2)) return (double)NAN;
        first[k] = (size_t)t - 1;
        cubic(w[k], t - floor(t));
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
            const double *row = c->value + ((first[0] + i) * c->grid.n[1] + first[1] + j) * c->grid.n[2] + first[2];
            for (size_t k = 0; k < 4; k++) sum += w[0][i] * w[1][j] * w[2][k] * row[k];
        }
    return sum;
}

static hg_status from_cube(cli_line *l, const hg_molecule *m, const char *path, hg_arena *mem, hg_err *err) {
    hg_cube_opts o = hg_cube_opts_default();
    hg_cube *c;
    double inverse[9];
    o.density = true;
    HG_TRY(hg_cube_read(&c, path, &o, err));
    hg_status st = c->molecule && !same_place(c->molecule, m) ? not_there(path, err) : HG_OK;
    cli_curve *curve = st == HG_OK ? cli_line_add(l, "reference", HG_COLOUR_INK, true, mem) : NULL;
    if (st == HG_OK && !curve) st = hg_fail(err, HG_ENOMEM, "no memory for a line");
    invert(inverse, c->grid.step);
    for (size_t i = 0; i < l->n && st == HG_OK; i++) curve->y[i] = cube_at(c, inverse, l->point + 3 * i);
    hg_cube_free(c);
    return st;
}

hg_status cli_line_reference(cli_line *l, const hg_molecule *m, const char *path, hg_arena *mem, hg_err *err) {
    char word[8];
    size_t got = 0;
    hg_input *in;
    HG_TRY(hg_input_open(&in, path, NULL, err));
    const hg_status st = hg_input_read(&got, in, word, sizeof word, err);
    hg_input_free(in);
    HG_TRY(st);
    return hg_orbitals_begin(word, got) ? from_orbitals(l, m, path, mem, err) : from_cube(l, m, path, mem, err);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

void cli_line_csv(hg_text *t, const cli_line *l) {
    hg_text_add(t, "position (A)");
    for (size_t k = 0; k < l->n_curves; k++) hg_text_add(t, ",%s (e/A^3)", l->curve[k].name);
    hg_text_add(t, "\n");
    for (size_t i = 0; i < l->n; i++) {
        hg_text_add(t, "%.4f", l->x[i]);
        for (size_t k = 0; k < l->n_curves; k++) {
            if (isfinite(l->curve[k].y[i]))
                hg_text_add(t, ",%.6f", l->curve[k].y[i]);
            else
                hg_text_add(t, ",");
        }
        hg_text_add(t, "\n");
    }
}

void cli_line_words(hg_text *t, const cli_line *l) {
    hg_text_add(t, "line %s-%s, %.3f A; densities in e/A^3\n", l->label[0], l->label[1], l->length);
    for (size_t k = 0; k < l->n_curves; k++) {
        const cli_curve *c = &l->curve[k];
        hg_text_add(t, "  %-12s middle %.3f; %zu peak%s", c->name, c->middle, c->n_peaks, c->n_peaks == 1 ? "" : "s");
        for (size_t i = 0; i < c->n_peaks; i++)
            hg_text_add(t, "%s %.2f A (%.2f)", i ? "," : ":", fabs(c->peak[i]) < 0.005 ? 0 : c->peak[i], c->height[i]);
        hg_text_add(t, "\n");
    }
}

void cli_line_json(hg_json *j, const cli_line *l) {
    hg_json_begin_object(j, "line");
    hg_json_string(j, "from", l->label[0]);
    hg_json_string(j, "to", l->label[1]);
    hg_json_number(j, "length", l->length);
    hg_json_begin_array(j, "position");
    for (size_t i = 0; i < l->n; i++) hg_json_number(j, NULL, l->x[i]);
    hg_json_end_array(j);
    hg_json_begin_array(j, "curves");
    for (size_t k = 0; k < l->n_curves; k++) {
        const cli_curve *c = &l->curve[k];
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "name", c->name);
        hg_json_number(j, "middle", c->middle);
        hg_json_begin_array(j, "peaks");
        for (size_t i = 0; i < c->n_peaks; i++) {
            hg_json_begin_object(j, NULL);
            hg_json_number(j, "position", c->peak[i]);
            hg_json_number(j, "density", c->height[i]);
            hg_json_end_object(j);
        }
        hg_json_end_array(j);
        hg_json_begin_array(j, "density");
        for (size_t i = 0; i < l->n; i++) hg_json_number(j, NULL, c->y[i]);
        hg_json_end_array(j);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_end_object(j);
}

/* Where the picture ends: valence s orbitals have a sharp peak at C, N and O, beside which the rest is flat. */
static double ceiling(const cli_line *l) {
    static const double CORE = 0.2; /* angstrom */
    double most = 0;
    for (size_t k = 0; k < l->n_curves; k++)
        for (size_t i = 0; i < l->n; i++) {
            const double from_nuclei = fmin(fabs(l->x[i]), fabs(l->x[i] - l->length));
            if (from_nuclei > CORE && l->curve[k].y[i] > most) most = l->curve[k].y[i];
        }
    return most > 0 ? 1.3 * most : (double)NAN;
}

hg_status cli_line_figure(cli_run *run, const cli_line *l, const char *title, const char *path, hg_err *err) {
    hg_figure_format format = HG_FIGURE_SVG; /* for standard output */
    hg_layer layer[CLI_CURVES + 1];
    hg_figure f = hg_figure_default();
    hg_bytes picture = { NULL, 0 };
    char x_label[64];
    const double nuclei[2] = { 0, l->length };
    if (strcmp(path, "-") != 0) HG_TRY(hg_figure_format_find(&format, path, err));
    snprintf(x_label, sizeof x_label, "from %s to %s (angstrom)", l->label[0], l->label[1]);
    layer[0] = hg_layer_make(HG_LAYER_UPRIGHTS, NULL, nuclei, NULL, 2, HG_COLOUR_GREY);
    layer[0].size = 0.5;
    for (size_t k = 0; k < l->n_curves; k++) {
        const cli_curve *c = &l->curve[k];
        layer[1 + k] = hg_layer_make(HG_LAYER_LINE, c->name, l->x, c->y, l->n, c->colour);
        layer[1 + k].dashed = c->dashed;
    }
    f.title = title;
    f.x.label = x_label;
    f.y.label = "density (e/angstrom^3)";
    f.y.min = 0;
    f.y.max = ceiling(l);
    f.layer = layer;
    f.n_layers = 1 + l->n_curves;
    hg_status st = hg_figure_render(&picture, &f, format, err);
    if (st == HG_OK) st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}
