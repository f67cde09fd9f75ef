/* files/xyz.c -- XYZ and extended XYZ, frame by frame; see files/xyz.h
 *
 * A frame: the number of atoms; a comment; a line for each atom. With Properties=name:T:n:... in the comment that is a list of
 * pairs (files/xyz_comment.c) and the lines have those columns. Without, it is plain XYZ: the comment is kept as it stands, as the id and
 * the value "comment"; lines are `element x y z`, and what follows on them is passed over.
 *
 * Lattice (9 numbers, vectors one after the other; or a matrix of rows; or 3 lengths) and pbc become the cell; id or name the id; charge
 * or total_charge the charge, a whole number. species or Z give the elements, pos the positions. "force" is called "forces".
 */
#include "files/xyz.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

enum { COLUMNS = 64, WIDEST = 4096 };

typedef enum { OTHER, SPECIES, NUMBER, POSITION } role;

typedef struct {
    char name[64];
    hg_field_kind kind;
    role role;
    size_t width;
    char *data; /* grown; texts as offsets into the pool */
    size_t used, cap;
} column;

typedef struct {
    column column[COLUMNS]; /* their buffers stay from frame to frame */
    size_t n;
    char *pool; /* texts of atoms, each with a NUL */
    size_t pool_used, pool_cap;
} xyz_state;

static const size_t CELL_SIZE[] = { [HG_FIELD_REAL] = sizeof(double),
                                    [HG_FIELD_WHOLE] = sizeof(int64_t),
                                    [HG_FIELD_BOOL] = sizeof(bool),
                                    [HG_FIELD_TEXT] = sizeof(size_t) };

/* ---- is it XYZ? -------------------------------------------------------------------------------------------------- */

static bool atom_count(size_t *n, const hg_lines *in) {
    const hg_word w = hg_word_trim(in->s, in->len);
    *n = 0;
    for (size_t i = 0; i < w.len; i++) {
        const unsigned digit = (unsigned)((unsigned char)w.s[i] - '0');
        if (digit > 9 || *n > SIZE_MAX / 16) return false;
        *n = 10 * *n + digit;
    }
    return w.len > 0;
}

/* Properties, blanks, '=': where it stands in the line; NULL: plain XYZ. */
static const char *find_properties(const char *s, size_t len) {
    static const char KEY[] = "Properties";
    const char *const end = s + len;
    for (const char *at = s; (at = memmem(at, (size_t)(end - at), KEY, sizeof KEY - 1)) != NULL; at++) {
        const char *p = at + sizeof KEY - 1;
        while (p < end && hg_blank(*p)) p++;
        if (p < end && *p == '=') return at;
    }
    return NULL;
}

static bool looks(hg_lines *in) {
    bool more;
    size_t n;
    if (hg_lines_next(&more, in, NULL) != HG_OK || !more || !atom_count(&n, in)) return false;
    if (hg_lines_next(&more, in, NULL) != HG_OK || !more) return false;
    if (find_properties(in->s, in->len)) return true;
    return hg_lines_next(&more, in, NULL) == HG_OK && more && hg_atom_line(in->s, in->len, true);
}

/* ---- Properties -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *at, *end; /* in the decoded text of the value */
    hg_draft *d;
    hg_err *err;
} layout;

static hg_word part(layout *l) {
    const char *const from = l->at;
    while (l->at < l->end && *l->at != ':') l->at++;
    const hg_word w = { from, (size_t)(l->at - from) };
    l->at += l->at < l->end;
    return w;
}

static hg_status bad_layout(const layout *l, const char *what) {
    hg_lines_fail(l->d->in, find_properties(l->d->in->s, l->d->in->len), l->err, HG_EPARSE, "Properties %s", what);
    return hg_advise(l->err, HG_EPARSE,
                     "name:T:n for each column, T one of S, I, R, L: Properties=species:S:1:pos:R:3");
}

static bool same_name(const xyz_state *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->column[i].name, name) == 0) return true;
    return false;
}

static role role_of(const column *c) {
    if (strcmp(c->name, "species") == 0 && c->kind == HG_FIELD_TEXT && c->width == 1) return SPECIES;
    if (strcmp(c->name, "Z") == 0 && c->kind == HG_FIELD_WHOLE && c->width == 1) return NUMBER;
    return strcmp(c->name, "pos") == 0 && c->kind == HG_FIELD_REAL && c->width == 3 ? POSITION : OTHER;
}

static hg_status one_column(layout *l, xyz_state *s) {
    static const char TYPE[] = "RILS";
    static const hg_field_kind KIND[] = { HG_FIELD_REAL, HG_FIELD_WHOLE, HG_FIELD_BOOL, HG_FIELD_TEXT };
    const hg_word name = part(l), type = part(l), width = part(l);
    const hg_word called = hg_word_is(name, "force") ? (hg_word) { "forces", 6 } : name;
    size_t n = 0;
    const char *t = type.len == 1 && *type.s ? strchr(TYPE, *type.s) : NULL;
    for (size_t i = 0; i < width.len && n <= WIDEST; i++)
        n = width.s[i] >= '0' && width.s[i] <= '9' ? 10 * n + (size_t)(width.s[i] - '0') : WIDEST + 1;
    if (!called.len || called.len >= sizeof s->column[0].name || !t || n == 0 || n > WIDEST)
        return bad_layout(l, "is not understood");
    if (s->n == COLUMNS) return bad_layout(l, "has more than 64 columns");
    column *c = &s->column[s->n];
    memcpy(c->name, called.s, called.len);
    c->name[called.len] = '\0';
    if (same_name(s, c->name)) return bad_layout(l, "has two columns of one name");
    c->kind = KIND[t - TYPE];
    c->width = n;
    c->used = 0;
    c->role = role_of(c);
    s->n++;
    return HG_OK;
}

static hg_status read_layout(const char *text, hg_draft *d, hg_err *err) {
    xyz_state *s = d->state;
    layout l = { .at = text, .end = text + strlen(text), .d = d, .err = err };
    bool element = false, position = false;
    s->n = 0;
    while (l.at < l.end) HG_TRY(one_column(&l, s));
    for (size_t i = 0; i < s->n; i++) {
        element |= s->column[i].role == SPECIES || s->column[i].role == NUMBER;
        position |= s->column[i].role == POSITION;
    }
    if (!element) return bad_layout(&l, "has neither species:S:1 nor Z:I:1");
    return position ? HG_OK : bad_layout(&l, "has no pos:R:3");
}

/* ---- what some keys mean ----------------------------------------------------------------------------------------- */

static double real_at(const hg_field *f, size_t i) {
    return f->kind == HG_FIELD_REAL ? f->real[i] : (double)f->whole[i];
}
static bool is_number(const hg_field *f) { return f->kind == HG_FIELD_REAL || f->kind == HG_FIELD_WHOLE; }

static hg_status take_lattice(const hg_field *f, hg_draft *d, const char *at, hg_err *err) {
    const size_t n = f->rows * f->cols;
    bool ok = is_number(f) && ((n == 9 && (f->rank < 2 || f->rows == 3)) || (n == 3 && f->rank < 2));
    for (size_t i = 0; ok && i < n; i++) {
        d->m.cell[n == 9 ? i : 4 * i] = real_at(f, i);
        ok = isfinite(real_at(f, i));
    }
    if (!ok)
        return hg_advise(err, hg_lines_fail(d->in, at, err, HG_EPARSE, "Lattice is not understood"),
                         "three vectors one after the other, in angstrom: Lattice=\"5 0 0 0 5 0 0 0 5\"");
    d->m.has_cell = true;
    return HG_OK;
}

static hg_status take_pbc(const hg_field *f, hg_draft *d, const char *at, hg_err *err) {
    const size_t n = f->rows * f->cols;
    bool ok = (n == 3 || n == 1) && (f->kind == HG_FIELD_BOOL || f->kind == HG_FIELD_WHOLE);
    for (size_t i = 0; ok && i < 3; i++) {
        const size_t k = n == 3 ? i : 0;
        d->m.periodic[i] = f->kind == HG_FIELD_BOOL ? f->flag[k] : f->whole[k] != 0;
        ok = f->kind == HG_FIELD_BOOL || f->whole[k] == 0 || f->whole[k] == 1;
    }
    return ok ? HG_OK
              : hg_advise(err, hg_lines_fail(d->in, at, err, HG_EPARSE, "pbc is not understood"), "pbc=\"T T F\"");
}

static hg_status twice(hg_draft *d, const char *at, hg_err *err) {
    return hg_lines_fail(d->in, at, err, HG_EPARSE, "the frame has said this before, and otherwise");
}

static hg_status take_charge(const hg_field *f, bool again, hg_draft *d, const char *at, hg_err *err) {
    const double q = is_number(f) && f->rows * f->cols == 1 ? real_at(f, 0) : (double)NAN;
    if (!(q == nearbyint(q) && fabs(q) <= 1e6))
        return hg_lines_fail(d->in, at, err, HG_EPARSE, "the charge of a molecule must be a whole number");
    if (again && d->m.charge != (int)q) return twice(d, at, err); /* charge and total_charge may agree */
    d->m.charge = (int)q;
    return HG_OK;
}

/* A name may look like a number: it is kept as it was written. */
static hg_status take_id(const char *written, const char *end, hg_draft *d, hg_err *err) {
    hg_word w = { written, (size_t)(end - written) };
    const char *eq = memchr(w.s, '=', w.len);
    if (eq) w = hg_word_trim(eq + 1, (size_t)(end - eq - 1));
    const bool quoted = w.len >= 2 && (*w.s == '"' || *w.s == '\'');
    d->m.id = hg_arena_strndup(d->mem, w.s + quoted, w.len - 2 * quoted);
    return d->m.id ? HG_OK : hg_draft_no_memory(d, err);
}

typedef struct {
    bool cell, pbc, charge, id, layout;
} seen_keys;

static bool is_key(const hg_field *f, const char *a, const char *b) {
    return strcmp(f->name, a) == 0 || strcmp(f->name, b) == 0;
}

/* at .. end: the pair as written. */
static hg_status take_pair(const hg_field *f, seen_keys *seen, hg_draft *d, const char *at, const char *end,
                           hg_err *err) {
    bool *const known = is_key(f, "Properties", "Properties") ? &seen->layout
                        : is_key(f, "Lattice", "Lattice")     ? &seen->cell
                        : is_key(f, "pbc", "pbc")             ? &seen->pbc
                        : is_key(f, "charge", "total_charge") ? &seen->charge
                        : is_key(f, "id", "name")             ? &seen->id
                                                              : NULL;
    if (!known) return hg_draft_value(d, *f, err);
    if (*known && known == &seen->id) return hg_draft_value(d, *f, err);
    if (*known && known != &seen->charge) return twice(d, at, err);
    const bool again = *known;
    *known = true;
    if (known == &seen->cell) return take_lattice(f, d, at, err);
    if (known == &seen->pbc) return take_pbc(f, d, at, err);
    if (known == &seen->charge) return take_charge(f, again, d, at, err);
    if (known == &seen->id && (f->kind != HG_FIELD_TEXT || f->rank)) return take_id(at, end, d, err);
    if (known == &seen->id) d->m.id = f->text[0];
    if (known == &seen->layout) return read_layout(f->kind == HG_FIELD_TEXT && f->rank == 0 ? f->text[0] : "", d, err);
    return HG_OK;
}

/* ---- the comment ------------------------------------------------------------------------------------------------- */

static hg_status plain_comment(hg_draft *d, hg_err *err) {
    xyz_state *s = d->state;
    const hg_word w = hg_word_trim(d->in->s, d->in->len);
    s->n = 0;
    if (w.len == 0) return HG_OK;
    const char **text = hg_alloc(d->mem, 1, sizeof *text);
    char *comment = hg_arena_strndup(d->mem, w.s, w.len);
    if (!text || !comment) return hg_draft_no_memory(d, err);
    *text = d->m.id = comment;
    return hg_draft_value(
        d, (hg_field) { .name = "comment", .kind = HG_FIELD_TEXT, .rows = 1, .cols = 1, .text = text }, err);
}

static hg_status read_comment(bool *plain, hg_draft *d, hg_err *err) {
    seen_keys seen = { false };
    const char *at = d->in->s, *const end = at + d->in->len;
    *plain = !find_properties(at, d->in->len);
    while (!*plain) {
        hg_field f;
        bool more;
        while (at < end && hg_blank(*at)) at++;
        const char *const from = at;
        HG_TRY(hg_xyz_pair(&more, &f, &at, end, d, err));
        if (!more) break;
        HG_TRY(take_pair(&f, &seen, d, from, at, err));
    }
    if (*plain) return plain_comment(d, err);
    if (!seen.layout)
        return hg_lines_fail(d->in, find_properties(d->in->s, d->in->len), err, HG_EPARSE,
                             "Properties stands here within something else, expected a pair of its own");
    if (!seen.pbc)
        for (size_t i = 0; i < 3; i++) d->m.periodic[i] = d->m.has_cell;
    return HG_OK;
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static hg_status bad_cell(const hg_draft *d, const column *c, hg_word w, const char *wanted, hg_err *err) {
    if (w.len == 0)
        return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "column \"%s\" is missing: the line ends here", c->name);
    return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "column \"%s\" holds \"%.*s\", expected %s", c->name,
                         hg_word_shown(w), w.s, wanted);
}

static bool read_whole(int64_t *x, hg_word w) {
    double real;
    if (hg_whole_word(x, w)) return true;
    if (!hg_real_word(&real, w) || real != nearbyint(real) || fabs(real) >= 0x1p53) return false;
    *x = (int64_t)real;
    return true;
}

static hg_status keep_text(size_t *at, xyz_state *s, hg_draft *d, hg_word w, hg_err *err) {
    if (!hg_grow(&s->pool, &s->pool_cap, s->pool_used + w.len + 1, 1)) return hg_draft_no_memory(d, err);
    *at = s->pool_used;
    memcpy(s->pool + *at, w.s, w.len);
    s->pool[*at + w.len] = '\0';
    s->pool_used += w.len + 1;
    return HG_OK;
}

/* One cell of a column that the molecule keeps. */
static hg_status read_cell(column *c, xyz_state *s, hg_draft *d, hg_word w, hg_err *err) {
    const size_t size = CELL_SIZE[c->kind];
    union {
        double real;
        int64_t whole;
        bool flag;
        size_t text;
    } cell;
    if (w.len == 0) return bad_cell(d, c, w, "", err);
    if (c->kind == HG_FIELD_REAL && !hg_real_word(&cell.real, w)) return bad_cell(d, c, w, "a number", err);
    if (c->kind == HG_FIELD_WHOLE && !read_whole(&cell.whole, w)) return bad_cell(d, c, w, "a whole number", err);
    if (c->kind == HG_FIELD_BOOL && !hg_xyz_bool(&cell.flag, w)) return bad_cell(d, c, w, "T or F", err);
    if (c->kind == HG_FIELD_TEXT) HG_TRY(keep_text(&cell.text, s, d, w, err));
    if (!hg_grow(&c->data, &c->cap, c->used + size, 1)) return hg_draft_no_memory(d, err);
    memcpy(c->data + c->used, &cell, size);
    c->used += size;
    return HG_OK;
}

/* An atomic number beside a symbol must agree with it. */
static hg_status read_element(hg_draft *d, size_t i, hg_word w, hg_err *err) {
    const uint8_t before = d->z[i];
    HG_TRY(hg_draft_element(d, i, w, err));
    if (!before || d->z[i] == before) return HG_OK;
    return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "\"%.*s\" disagrees with the element %s of this line",
                         hg_word_shown(w), w.s, hg_element_symbol(before));
}

static hg_status extended_line(hg_draft *d, hg_err *err) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    xyz_state *s = d->state;
    const char *at = d->in->s, *const end = at + d->in->len;
    size_t i;
    HG_TRY(hg_draft_atom(&i, d, err));
    for (size_t k = 0; k < s->n; k++) {
        column *c = &s->column[k];
        for (size_t j = 0; j < c->width; j++) {
            const hg_word w = hg_word_next(&at, end);
            if (c->role == POSITION)
                HG_TRY(hg_draft_real(&d->r[3 * i + j], d, w, XYZ[j], err));
            else if (c->role == OTHER)
                HG_TRY(read_cell(c, s, d, w, err));
            else
                HG_TRY(w.len ? read_element(d, i, w, err) : bad_cell(d, c, w, "", err));
        }
    }
    const hg_word left = hg_word_next(&at, end);
    return left.len ? hg_lines_fail(d->in, left.s, err, HG_EPARSE, "more columns than Properties tells of") : HG_OK;
}

static hg_status finish_text(hg_field *f, const column *c, const char *pool, hg_draft *d, hg_err *err) {
    const size_t n = c->used / sizeof(size_t);
    f->text = hg_alloc(d->mem, n, sizeof *f->text);
    if (!f->text) return hg_draft_no_memory(d, err);
    for (size_t i = 0; i < n; i++) {
        size_t at;
        memcpy(&at, c->data + i * sizeof at, sizeof at);
        f->text[i] = pool + at;
    }
    return HG_OK;
}

static hg_status finish_columns(hg_draft *d, hg_err *err) {
    const xyz_state *s = d->state;
    char *pool = hg_alloc(d->mem, s->pool_used, 1);
    if (!pool) return hg_draft_no_memory(d, err);
    if (s->pool_used) memcpy(pool, s->pool, s->pool_used);
    for (size_t k = 0; k < s->n; k++) {
        const column *c = &s->column[k];
        if (c->role != OTHER) continue;
        hg_field f = { .kind = c->kind,
                       .rank = c->width > 1 ? 2 : 1,
                       .rows = c->width > 1 ? d->m.n : 1,
                       .cols = c->width > 1 ? c->width : d->m.n };
        f.name = hg_arena_strdup(d->mem, c->name);
        if (c->kind == HG_FIELD_TEXT) {
            HG_TRY(finish_text(&f, c, pool, d, err));
        } else {
            void *data = hg_alloc(d->mem, c->used, 1);
            if (data && c->used) memcpy(data, c->data, c->used);
            f.real = data;
        }
        if (!f.name || !f.real) return hg_draft_no_memory(d, err);
        HG_TRY(hg_draft_column(d, f, err));
    }
    return HG_OK;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static hg_status read_count(size_t *n, hg_draft *d, hg_err *err) {
    const hg_word w = hg_word_trim(d->in->s, d->in->len);
    d->m.line = d->in->number;
    if (!atom_count(n, d->in))
        return hg_advise(err,
                         hg_lines_fail(d->in, w.s, err, HG_EPARSE,
                                       "\"%.*s\", expected the number of atoms of the next frame", hg_word_shown(w),
                                       w.s),
                         "a frame is the number of atoms, a comment, and as many atoms; are there more than it says?");
    if (*n > d->limits.max_atoms)
        return hg_advise(err,
                         hg_lines_fail(d->in, w.s, err, HG_ELIMIT, "%zu atoms, more than %zu", *n, d->limits.max_atoms),
                         "is it one molecule? A program may allow larger ones (max_atoms)");
    return HG_OK;
}

static hg_status cut_short(const hg_draft *d, size_t want, hg_err *err) {
    hg_fail_at(err, HG_EPARSE, d->in->name, d->in->number, 0,
               "the file ends after %zu of the %zu atoms that line %zu tells of", d->m.n, want, d->m.line);
    return hg_advise(err, HG_EPARSE, "was the file cut short, or the number of atoms changed?");
}

/* A line that is no atom may be the next frame's first. */
static hg_status bad_line(const hg_draft *d, size_t want, hg_status st, hg_err *err) {
    if (err && st == HG_EPARSE && !*err->hint)
        hg_advise(err, st, "atom %zu of the %zu that line %zu tells of; is that number right?", d->m.n, want,
                  d->m.line);
    return st;
}

static hg_status next(bool *more, hg_draft *d, hg_err *err) {
    xyz_state *s = d->state;
    size_t n;
    bool line, plain;
    do HG_TRY(hg_lines_next(more, d->in, err));
    while (*more && hg_word_trim(d->in->s, d->in->len).len == 0);
    if (!*more) return HG_OK;
    HG_TRY(read_count(&n, d, err));
    HG_TRY(hg_lines_next(&line, d->in, err));
    if (!line) return cut_short(d, n, err);
    s->pool_used = 0;
    HG_TRY(read_comment(&plain, d, err));
    for (size_t i = 0; i < n; i++) {
        const char *rest;
        HG_TRY(hg_lines_next(&line, d->in, err));
        if (!line) return cut_short(d, n, err);
        const hg_status st = plain ? hg_draft_atom_line(&rest, d, err) : extended_line(d, err);
        if (st != HG_OK) return bad_line(d, n, st, err);
    }
    return plain ? HG_OK : finish_columns(d, err);
}

static void end(void *state) {
    xyz_state *s = state;
    for (size_t k = 0; k < COLUMNS; k++) hg_free(s->column[k].data);
    hg_free(s->pool);
}

const hg_molecule_format hg_format_xyz = {
    .name = "xyz", .suffixes = "xyz extxyz", .state = sizeof(xyz_state), .looks = looks, .next = next, .end = end
};
