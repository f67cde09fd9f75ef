/* files/cube.c -- cube files read; see hagane/cube.h. Writing is in cube_write.c.
 *
 *   title / comment
 *   atoms  origin  [values a point]     atoms < 0: orbitals, whose numbers follow the atoms
 *   n  vector                           three times; n < 0: lengths are angstrom, else bohr
 *   Z  nuclear charge  x y z            for each atom
 *   values, the last vector fastest, those of one point together
 */
#include "hagane/cube.h"
#include "core/memory.h"
#include "files/cube.h"
#include "files/draft.h"
#include <math.h>
#include <string.h>

enum { MOST_SETS = 10000, CHUNK = 1 << 18 };

typedef struct {
    hg_cube pub;
    hg_arena *mem;
} owned; /* pub comes first: the pointer that the caller has */

typedef struct {
    hg_lines in;
    hg_draft draft; /* for the atoms */
    hg_cube_opts o;
    owned *c;
    double *flat; /* as in the file: [points, sets] */
    size_t total, have, cap;
    const char *at, *end; /* what is left of the current line */
    hg_err *err;
} reader;

hg_cube_opts hg_cube_opts_default(void) {
    return (hg_cube_opts) { .max_values = (size_t)1 << 27, .limits = hg_molecule_limits_default() };
}

double hg_cube_volume(const double step[9]) {
    return step[0] * (step[4] * step[8] - step[5] * step[7]) - step[1] * (step[3] * step[8] - step[5] * step[6]) +
           step[2] * (step[3] * step[7] - step[4] * step[6]);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static hg_status line(reader *r, const char *what) {
    bool more;
    HG_TRY(hg_lines_next(&more, &r->in, r->err));
    r->at = r->in.s;
    r->end = r->at + r->in.len;
    if (more) return HG_OK;
    return hg_advise(
        r->err, hg_fail_at(r->err, HG_EPARSE, r->in.name, r->in.number, 0, "the file ends here, expected %s", what),
        "was the file cut short?");
}

static hg_status real(double *x, reader *r, const char *what) {
    return hg_draft_real(x, &r->draft, hg_word_next(&r->at, r->end), what, r->err);
}

static hg_status whole(int64_t *x, reader *r, int64_t most, const char *what) {
    const hg_word w = hg_word_next(&r->at, r->end);
    if (w.len == 0) return hg_lines_fail(&r->in, w.s, r->err, HG_EPARSE, "%s is missing: the line ends here", what);
    if (hg_whole_word(x, w) && *x <= most && *x >= -most) return HG_OK;
    return hg_lines_fail(&r->in, w.s, r->err, HG_EPARSE, "%s is \"%.*s\", expected a whole number up to %lld", what,
                         hg_word_shown(w), w.s, (long long)most);
}

static hg_status text_line(const char **out, reader *r, const char *what) {
    HG_TRY(line(r, what));
    const hg_word w = hg_word_trim(r->in.s, r->in.len);
    *out = hg_arena_strndup(r->c->mem, w.s, w.len);
    return *out ? HG_OK : hg_draft_no_memory(&r->draft, r->err);
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static hg_status read_grid(reader *r, double *unit) {
    hg_cube_grid *g = &r->c->pub.grid;
    bool negative = false;
    for (size_t i = 0; i < 3; i++) {
        int64_t n;
        HG_TRY(line(r, "a vector of the grid"));
        HG_TRY(whole(&n, r, 1 << 24, "the number of points"));
        if (n == 0) return hg_lines_fail(&r->in, r->in.s, r->err, HG_EPARSE, "a grid of 0 points");
        if (i && negative != (n < 0))
            return hg_lines_fail(&r->in, r->in.s, r->err, HG_EPARSE,
                                 "some numbers of points are negative (angstrom), some are not (bohr)");
        negative = n < 0;
        g->n[i] = (size_t)(n < 0 ? -n : n);
        for (size_t k = 0; k < 3; k++) HG_TRY(real(&g->step[3 * i + k], r, "a vector of the grid"));
    }
    *unit = negative ? 1 : HG_ANGSTROM_PER_BOHR;
    for (size_t k = 0; k < 9; k++) g->step[k] *= *unit;
    for (size_t k = 0; k < 3; k++) g->origin[k] *= *unit;
    const double volume = hg_cube_volume(g->step);
    if (isfinite(volume) && volume != 0) return HG_OK;
    return hg_lines_fail(&r->in, NULL, r->err, HG_EDATA, "the three vectors of the grid span no volume");
}

static hg_status read_atoms(reader *r, size_t n, double unit) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    for (size_t a = 0; a < n; a++) {
        size_t i;
        double charge;
        HG_TRY(line(r, "an atom"));
        HG_TRY(hg_draft_atom(&i, &r->draft, r->err));
        HG_TRY(hg_draft_element(&r->draft, i, hg_word_next(&r->at, r->end), r->err));
        HG_TRY(real(&charge, r, "the nuclear charge"));
        for (size_t k = 0; k < 3; k++) {
            HG_TRY(real(&r->draft.r[3 * i + k], r, XYZ[k]));
            r->draft.r[3 * i + k] *= unit;
        }
    }
    if (n == 0) return HG_OK;
    hg_molecule *m = NULL;
    r->draft.m.line = 3;
    HG_TRY(hg_draft_end(&m, &r->draft, r->err));
    r->c->pub.molecule = m;
    return HG_OK;
}

/* The next word, on this line or the next ones. */
static hg_status any_word(hg_word *w, reader *r, const char *what) {
    while ((*w = hg_word_next(&r->at, r->end)).len == 0) HG_TRY(line(r, what));
    return HG_OK;
}

static hg_status read_orbitals(reader *r) {
    hg_word w;
    int64_t n;
    HG_TRY(line(r, "the numbers of the orbitals"));
    HG_TRY(whole(&n, r, MOST_SETS, "the number of orbitals"));
    if (n < 1) return hg_lines_fail(&r->in, r->in.s, r->err, HG_EPARSE, "a file of %lld orbitals", (long long)n);
    int64_t *orbitals = hg_alloc(r->c->mem, (size_t)n, sizeof *orbitals);
    if (!orbitals) return hg_draft_no_memory(&r->draft, r->err);
    for (int64_t i = 0; i < n; i++) {
        HG_TRY(any_word(&w, r, "the numbers of the orbitals"));
        if (!hg_whole_word(&orbitals[i], w))
            return hg_lines_fail(&r->in, w.s, r->err, HG_EPARSE, "\"%.*s\", expected the number of an orbital",
                                 hg_word_shown(w), w.s);
    }
    r->c->pub.orbitals = orbitals;
    r->c->pub.sets = (size_t)n;
    return HG_OK;
}

static hg_status read_head(reader *r) {
    hg_cube *c = &r->c->pub;
    int64_t atoms, sets = 1;
    double unit = 1;
    HG_TRY(text_line(&c->title, r, "a title"));
    HG_TRY(text_line(&c->comment, r, "a comment"));
    HG_TRY(line(r, "the number of atoms"));
    HG_TRY(whole(&atoms, r, 1 << 24, "the number of atoms"));
    for (size_t k = 0; k < 3; k++) HG_TRY(real(&c->grid.origin[k], r, "the origin"));
    const char *rest = r->at;
    if (hg_word_next(&rest, r->end).len) HG_TRY(whole(&sets, r, MOST_SETS, "the number of values a point"));
    if (sets < 1) return hg_lines_fail(&r->in, r->in.s, r->err, HG_EPARSE, "%lld values a point", (long long)sets);
    c->sets = (size_t)sets;
    HG_TRY(read_grid(r, &unit));
    HG_TRY(read_atoms(r, (size_t)(atoms < 0 ? -atoms : atoms), unit));
    return atoms < 0 ? read_orbitals(r) : HG_OK;
}

/* ---- the values -------------------------------------------------------------------------------------------------- */

static hg_status count_values(reader *r) {
    const hg_cube *c = &r->c->pub;
    bool over = false;
    r->total = c->sets;
    for (size_t i = 0; i < 3; i++) over |= __builtin_mul_overflow(r->total, c->grid.n[i], &r->total);
    if (!over && r->total <= r->o.max_values) return HG_OK;
    return hg_advise(r->err,
                     hg_fail(r->err, HG_ELIMIT,
                             "%s: a grid of %zu x %zu x %zu points with %zu values each, more than %zu", r->in.name,
                             c->grid.n[0], c->grid.n[1], c->grid.n[2], c->sets, r->o.max_values),
                     "max_values sets the limit");
}

static hg_status read_values(reader *r) {
    HG_TRY(count_values(r));
    const hg_word left = hg_word_next(&r->at, r->end);
    if (r->c->pub.orbitals && left.len)
        return hg_lines_fail(&r->in, left.s, r->err, HG_EPARSE, "more numbers of orbitals than there are orbitals");
    r->at = r->end;
    while (r->have < r->total) {
        hg_word w;
        HG_TRY(any_word(&w, r, "more values"));
        if (r->have == r->cap && !hg_grow(&r->flat, &r->cap, r->have + 1, sizeof *r->flat))
            return hg_draft_no_memory(&r->draft, r->err);
        HG_TRY(hg_draft_real(&r->flat[r->have], &r->draft, w, "a value", r->err));
        r->have++;
    }
    for (bool more = true; more;) {
        const hg_word w = hg_word_next(&r->at, r->end);
        if (w.len) return hg_lines_fail(&r->in, w.s, r->err, HG_EPARSE, "more values than the grid has points");
        HG_TRY(hg_lines_next(&more, &r->in, r->err));
        r->at = r->in.s;
        r->end = r->at + r->in.len;
    }
    return HG_OK;
}

/* From the order of the file, and to our unit. One set is in order already. */
static hg_status place_values(reader *r) {
    hg_cube *c = &r->c->pub;
    const double b = HG_ANGSTROM_PER_BOHR, scale = r->o.density ? 1 / (b * b * b) : 1;
    const size_t points = r->total / c->sets;
    double *value = r->flat;
    if (c->sets > 1) {
        value = hg_malloc(r->total, sizeof *value);
        if (!value) return hg_draft_no_memory(&r->draft, r->err);
        for (size_t p = 0; p < points; p++)
            for (size_t s = 0; s < c->sets; s++) value[s * points + p] = r->flat[p * c->sets + s];
        hg_free(r->flat);
    }
    r->flat = NULL;
    c->value = value;
    for (size_t i = 0; i < r->total; i++) value[i] *= scale;
    return HG_OK;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static hg_status read_all(reader *r, hg_input *in) {
    HG_TRY(hg_lines_begin(&r->in, in, CHUNK, r->err));
    r->draft = (hg_draft) { .in = &r->in, .limits = r->o.limits };
    hg_draft_begin(&r->draft, r->c->mem);
    HG_TRY(read_head(r));
    HG_TRY(read_values(r));
    return place_values(r);
}

hg_status hg_cube_read_input(hg_cube **out, hg_input *in, const hg_cube_opts *opts, hg_err *err) {
    reader r = { .o = opts ? *opts : hg_cube_opts_default(), .err = err };
    *out = NULL;
    if (r.o.max_values == 0) return hg_fail(err, HG_EINVAL, "cube: max_values must be above 0");
    r.c = hg_calloc(1, sizeof *r.c);
    if (r.c) r.c->mem = hg_arena_new();
    hg_status st =
        r.c && r.c->mem ? read_all(&r, in) : hg_fail(err, HG_ENOMEM, "no memory to read %s", hg_input_name(in));
    hg_free(r.flat);
    hg_draft_free(&r.draft);
    hg_lines_end(&r.in);
    if (st == HG_OK)
        *out = &r.c->pub;
    else if (r.c)
        hg_cube_free(&r.c->pub);
    return st;
}

hg_status hg_cube_read(hg_cube **out, const char *path, const hg_cube_opts *opts, hg_err *err) {
    hg_input *in;
    *out = NULL;
    HG_TRY(hg_input_open(&in, path, NULL, err));
    const hg_status st = hg_cube_read_input(out, in, opts, err);
    hg_input_free(in);
    return st;
}

hg_status hg_cube_read_memory(hg_cube **out, const char *name, const void *bytes, size_t n, const hg_cube_opts *opts,
                              hg_err *err) {
    hg_input *in;
    *out = NULL;
    HG_TRY(hg_input_open_memory(&in, name, bytes, n, NULL, err));
    const hg_status st = hg_cube_read_input(out, in, opts, err);
    hg_input_free(in);
    return st;
}

void hg_cube_free(hg_cube *c) {
    if (!c) return;
    owned *o = (owned *)c;
    hg_free(c->value);
    hg_arena_free(o->mem);
    hg_free(o);
}
