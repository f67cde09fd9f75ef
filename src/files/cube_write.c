/* files/cube_write.c -- cube files written; see hagane/cube.h
 *
 * Columns as Fortran's I5,4F12.6 and 6E13.5 would have them, since some readers count columns. The decimal sign of the process's
 * locale must not matter, so that digits are laid out here.
 */
#include "core/memory.h"
#include "core/number.h"
#include "files/cube.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { A_LINE = 6, VALUE_WIDTH = 13, FIXED_WIDTH = 12 };
static const double FARTHEST = 9999, LEAST = 1e-99, MOST = 9.999994e99;

struct hg_cube_writer {
    hg_output *o;
    bool own; /* the output is ours to commit and to free */
    hg_status st;
    size_t total, have; /* values */
    size_t row;         /* values of one line of points: a new line begins behind them */
    double scale;
};

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* x in FIXED_WIDTH columns, 6 decimals; |x| <= FARTHEST. No NUL behind it. */
static void put_fixed(char *out, double x) {
    const long long micro = llround(fabs(x) * 1e6);
    char text[64];
    const int len =
        snprintf(text, sizeof text, "%s%lld.%06lld", x < 0 && micro ? "-" : "", micro / 1000000, micro % 1000000);
    memset(out, ' ', FIXED_WIDTH);
    if (len > 0 && len <= FIXED_WIDTH) memcpy(out + FIXED_WIDTH - len, text, (size_t)len);
}

/* x in 13 columns: -1.23456E-01 */
static void put_value(char *out, double x) {
    char text[48], digits[8];
    size_t n = 0;
    if (fabs(x) < LEAST) x = 0;
    hg_print(text, sizeof text, "%.5e", fabs(x));
    const char *s = text;
    for (; *s && *s != 'e'; s++)
        if (*s >= '0' && *s <= '9' && n < 6) digits[n++] = *s;
    const int exponent = *s ? atoi(s + 1) : 0;
    snprintf(out, VALUE_WIDTH + 1, " %c%c.%.5sE%c%02d", x < 0 ? '-' : ' ', digits[0], digits + 1,
             exponent < 0 ? '-' : '+', abs(exponent) % 100);
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static bool all_within(const double *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i] / HG_ANGSTROM_PER_BOHR) <= FARTHEST)) return false;
    return true;
}

static hg_status check(const hg_cube *c, size_t *total, hg_err *err) {
    const double volume = hg_cube_volume(c->grid.step);
    bool over = c->sets == 0 || c->sets > 10000;
    *total = c->sets;
    for (size_t i = 0; i < 3; i++)
        over |= c->grid.n[i] == 0 || c->grid.n[i] > 1 << 24 || __builtin_mul_overflow(*total, c->grid.n[i], total);
    if (over) return hg_fail(err, HG_EINVAL, "cube: the grid has no points, or too many");
    if (!all_within(c->grid.step, 9) || !all_within(c->grid.origin, 3) ||
        (c->molecule && !all_within(c->molecule->r, 3 * c->molecule->n)))
        return hg_fail(err, HG_EINVAL, "cube: a length beyond %g bohr, or not finite", FARTHEST);
    if (volume == 0) return hg_fail(err, HG_EINVAL, "cube: the three vectors of the grid span no volume");
    for (size_t i = 0; c->molecule && i < c->molecule->n; i++)
        if (!hg_element_symbol(c->molecule->z[i]))
            return hg_fail(err, HG_EINVAL, "cube: atom %zu is no element", i + 1);
    return HG_OK;
}

/* A line of words: its own line ends would make it two. */
static hg_status put_words(hg_output *o, const char *s, hg_err *err) {
    for (; s && *s; s++) HG_TRY(hg_output_write(o, *s == '\n' || *s == '\r' ? " " : s, 1, err));
    return hg_output_write(o, "\n", 1, err);
}

/* A count and up to four lengths in bohr, or a number and lengths. */
static hg_status put_line(hg_output *o, long long count, const double *first, const double r[3], hg_err *err) {
    char text[96];
    size_t n = (size_t)snprintf(text, sizeof text, "%5lld", count);
    if (first) {
        put_fixed(text + n, *first);
        n += FIXED_WIDTH;
    }
    for (size_t k = 0; k < 3; k++, n += FIXED_WIDTH) put_fixed(text + n, r[k] / HG_ANGSTROM_PER_BOHR);
    text[n++] = '\n';
    return hg_output_write(o, text, n, err);
}

static hg_status put_head(hg_output *o, const hg_cube *c, hg_err *err) {
    const size_t atoms = c->molecule ? c->molecule->n : 0;
    const long long signed_atoms = c->orbitals ? -(long long)atoms : (long long)atoms;
    char text[96];
    HG_TRY(put_words(o, c->title, err));
    HG_TRY(put_words(o, c->comment, err));
    if (c->orbitals && atoms == 0)
        return hg_fail(err, HG_EINVAL, "cube: orbitals need atoms, whose number tells of them");
    size_t n = (size_t)snprintf(text, sizeof text, "%5lld", signed_atoms);
    for (size_t k = 0; k < 3; k++, n += FIXED_WIDTH) put_fixed(text + n, c->grid.origin[k] / HG_ANGSTROM_PER_BOHR);
    if (!c->orbitals && c->sets > 1) n += (size_t)snprintf(text + n, sizeof text - n, "%5zu", c->sets);
    text[n++] = '\n';
    HG_TRY(hg_output_write(o, text, n, err));
    for (size_t i = 0; i < 3; i++) HG_TRY(put_line(o, (long long)c->grid.n[i], NULL, c->grid.step + 3 * i, err));
    for (size_t i = 0; i < atoms; i++) {
        const double charge = c->molecule->z[i];
        HG_TRY(put_line(o, c->molecule->z[i], &charge, c->molecule->r + 3 * i, err));
    }
    for (size_t i = 0; c->orbitals && i <= c->sets; i++) { /* their number, then theirs; ten a line */
        const long long x = i ? (long long)c->orbitals[i - 1] : (long long)c->sets;
        n = (size_t)snprintf(text, sizeof text, "%5lld%s", x, i == c->sets || i % 10 == 9 ? "\n" : " ");
        HG_TRY(hg_output_write(o, text, n, err));
    }
    return HG_OK;
}

/* ---- the values -------------------------------------------------------------------------------------------------- */

hg_status hg_cube_writer_on(hg_cube_writer **out, hg_output *o, const hg_cube *head, const hg_cube_opts *opts,
                            hg_err *err) {
    const double b = HG_ANGSTROM_PER_BOHR;
    size_t total;
    *out = NULL;
    HG_TRY(check(head, &total, err));
    HG_TRY(put_head(o, head, err));
    hg_cube_writer *w = hg_calloc(1, sizeof *w);
    if (!w) return hg_fail(err, HG_ENOMEM, "no memory to write a cube");
    *w = (hg_cube_writer) {
        .o = o, .total = total, .row = head->grid.n[2] * head->sets, .scale = opts && opts->density ? b * b * b : 1
    };
    *out = w;
    return HG_OK;
}

hg_status hg_cube_writer_new(hg_cube_writer **out, const char *path, const hg_cube *head, const hg_cube_opts *opts,
                             hg_err *err) {
    hg_output *o;
    *out = NULL;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    const hg_status st = hg_cube_writer_on(out, o, head, opts, err);
    if (st == HG_OK)
        (*out)->own = true;
    else
        hg_output_free(o);
    return st;
}

static hg_status put_values(hg_cube_writer *w, const double *values, size_t n, hg_err *err) {
    if (n > w->total - w->have) return hg_fail(err, HG_EINVAL, "cube: more values than the grid has points");
    for (size_t i = 0; i < n; i++) {
        char text[VALUE_WIDTH + 2];
        const double x = values[i] * w->scale;
        if (!(fabs(x) <= MOST)) return hg_fail(err, HG_ENAN, "cube: value %zu is not finite, or too large", w->have);
        put_value(text, x);
        w->have++;
        const size_t in_row = w->have % w->row;
        const bool ends = in_row == 0 || in_row % A_LINE == 0;
        if (ends) text[VALUE_WIDTH] = '\n';
        HG_TRY(hg_output_write(w->o, text, VALUE_WIDTH + (size_t)ends, err));
    }
    return HG_OK;
}

hg_status hg_cube_writer_put(hg_cube_writer *w, const double *values, size_t n, hg_err *err) {
    if (w->st != HG_OK) return hg_fail(err, HG_EINVAL, "cube: values cannot be written behind one that failed");
    w->st = put_values(w, values, n, err);
    return w->st;
}

hg_status hg_cube_writer_commit(hg_cube_writer *w, hg_err *err) {
    if (w->st != HG_OK || w->have != w->total)
        return hg_fail(err, HG_EINVAL, "cube: only %zu of %zu values have come", w->have, w->total);
    return w->own ? hg_output_commit(w->o, err) : HG_OK;
}

void hg_cube_writer_free(hg_cube_writer *w) {
    if (!w) return;
    if (w->own) hg_output_free(w->o);
    hg_free(w);
}

hg_status hg_cube_write(const char *path, const hg_cube *c, const hg_cube_opts *opts, hg_err *err) {
    hg_cube_writer *w;
    HG_TRY(hg_cube_writer_new(&w, path, c, opts, err));
    const size_t points = w->total / c->sets;
    hg_status st = HG_OK;
    if (c->sets == 1) st = hg_cube_writer_put(w, c->value, points, err);
    for (size_t p = 0; c->sets > 1 && p < points && st == HG_OK; p++)
        for (size_t s = 0; s < c->sets && st == HG_OK; s++)
            st = hg_cube_writer_put(w, &c->value[s * points + p], 1, err);
    if (st == HG_OK) st = hg_cube_writer_commit(w, err);
    hg_cube_writer_free(w);
    return st;
}
