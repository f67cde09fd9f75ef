/* files/draft.c -- see files/draft.h */
#include "files/draft.h"
#include "core/memory.h"
#include "core/number.h"
#include "matter/molecule.h"
#include <math.h>
#include <string.h>

void hg_draft_begin(hg_draft *d, hg_arena *mem) {
    d->mem = mem;
    d->m = (hg_molecule) { .id = "" };
    d->isotopes = false;
}

void hg_draft_free(hg_draft *d) {
    hg_free(d->z);
    hg_free(d->mass);
    hg_free(d->r);
    hg_free(d->line);
    hg_free(d->values);
    hg_free(d->columns);
    hg_free(d->bonds);
}

hg_status hg_draft_no_memory(const hg_draft *d, hg_err *err) {
    return hg_fail_at(err, HG_ENOMEM, d->in->name, d->in->number, 0, "no memory for this molecule");
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

hg_status hg_draft_atom(size_t *i, hg_draft *d, hg_err *err) {
    const size_t n = d->m.n;
    if (n == d->limits.max_atoms)
        return hg_advise(
            err, hg_lines_fail(d->in, NULL, err, HG_ELIMIT, "more than %zu atoms in one molecule", d->limits.max_atoms),
            "is it one molecule? A program may allow larger ones (max_atoms)");
    if (!hg_grow(&d->z, &d->cap_z, n + 1, sizeof *d->z) || !hg_grow(&d->mass, &d->cap_mass, n + 1, sizeof *d->mass) ||
        !hg_grow(&d->r, &d->cap_r, n + 1, 3 * sizeof *d->r) || !hg_grow(&d->line, &d->cap_line, n + 1, sizeof *d->line))
        return hg_draft_no_memory(d, err);
    d->z[n] = 0;
    d->mass[n] = 0;
    d->line[n] = d->in->number;
    d->m.n = n + 1;
    *i = n;
    return HG_OK;
}

static bool digits_only(hg_word w) {
    size_t i = 0;
    while (i < w.len && w.s[i] >= '0' && w.s[i] <= '9') i++;
    return i == w.len && i > 0;
}

/* 0 when w is no element. */
static unsigned element(hg_word w, uint16_t *mass) {
    const unsigned z = hg_element_find(w.s, w.len);
    if (z) return z;
    if (w.len == 1 && (*w.s == 'D' || *w.s == 'T')) {
        *mass = *w.s == 'D' ? 2 : 3;
        return 1;
    }
    if (w.len > 3 || !digits_only(w)) return 0;
    unsigned number = 0;
    for (size_t i = 0; i < w.len; i++) number = 10 * number + (unsigned)(w.s[i] - '0');
    return number <= HG_ELEMENTS ? number : 0;
}

static hg_status unknown_element(const hg_draft *d, hg_word w, hg_err *err) {
    char proper[2] = { 0 };
    for (size_t i = 0; i < w.len && i < 2; i++) proper[i] = w.s[i];
    if (proper[0] >= 'a' && proper[0] <= 'z') proper[0] = (char)(proper[0] - 32);
    if (proper[1] >= 'A' && proper[1] <= 'Z') proper[1] = (char)(proper[1] + 32);
    hg_lines_fail(d->in, w.s, err, HG_EPARSE, "\"%.*s\" is no element", hg_word_shown(w), w.s);
    if (w.len <= 2 && hg_element_find(proper, w.len))
        return hg_advise(err, HG_EPARSE, "did you mean %.*s? Symbols are written as in the periodic table", (int)w.len,
                         proper);
    return hg_advise(
        err, HG_EPARSE,
        "expected a symbol as in the periodic table, or an atomic number; dummy atoms and labels such as C1 are not read");
}

hg_status hg_draft_element(hg_draft *d, size_t i, hg_word w, hg_err *err) {
    const unsigned z = element(w, &d->mass[i]);
    if (!z) return unknown_element(d, w, err);
    d->isotopes |= d->mass[i] != 0;
    d->z[i] = (uint8_t)z;
    return HG_OK;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static bool is_nan_word(hg_word w) {
    if (w.len && (*w.s == '-' || *w.s == '+')) w = (hg_word) { w.s + 1, w.len - 1 };
    return w.len == 3 && (w.s[0] | 32) == 'n' && (w.s[1] | 32) == 'a' && (w.s[2] | 32) == 'n';
}

/* Fortran writes 1.0D-3. */
static hg_number_kind with_d(double *x, hg_word w) {
    char text[64];
    size_t d = 0;
    while (d < w.len && (w.s[d] | 32) != 'd') d++;
    if (d == w.len || w.len > sizeof text) return HG_NUMBER_NONE;
    memcpy(text, w.s, w.len);
    text[d] = 'e';
    return hg_number_read(x, text, w.len, '.');
}

static hg_number_kind read_number(double *x, hg_word w) {
    const hg_number_kind k = hg_number_read(x, w.s, w.len, '.');
    return k != HG_NUMBER_NONE ? k : with_d(x, w);
}

bool hg_real_word(double *x, hg_word w) {
    if (read_number(x, w) != HG_NUMBER_NONE) return true;
    *x = (double)NAN;
    return is_nan_word(w);
}

bool hg_decimal_word(double *x, hg_word w) {
    const size_t sign = w.len && (*w.s == '-' || *w.s == '+');
    const bool zero = w.len > sign + 1 && w.s[sign] == '0' && w.s[sign + 1] >= '0' && w.s[sign + 1] <= '9';
    return !zero && hg_real_word(x, w);
}

bool hg_whole_word(int64_t *x, hg_word w) {
    size_t i = w.len && (*w.s == '-' || *w.s == '+');
    const bool negative = i && *w.s == '-', zero = i < w.len && w.s[i] == '0';
    uint64_t sum = 0;
    if (i == w.len || (zero && w.len > i + 1)) return false;
    for (; i < w.len; i++) {
        const unsigned digit = (unsigned)((unsigned char)w.s[i] - '0');
        if (digit > 9 || sum > ((uint64_t)INT64_MAX - digit) / 10) return false; /* larger ones are reals */
        sum = 10 * sum + digit;
    }
    *x = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

hg_status hg_draft_real(double *x, const hg_draft *d, hg_word w, const char *what, hg_err *err) {
    const hg_number_kind k = read_number(x, w);
    if (k == HG_NUMBER_FINITE) return HG_OK;
    const char *at = w.s;
    if (w.len == 0) return hg_lines_fail(d->in, at, err, HG_EPARSE, "%s is missing: the line ends here", what);
    if (k == HG_NUMBER_NONE && !is_nan_word(w))
        return hg_lines_fail(d->in, at, err, HG_EPARSE, "%s is \"%.*s\", expected a number", what, hg_word_shown(w),
                             at);
    return hg_advise(
        err,
        hg_lines_fail(d->in, at, err, HG_ENAN, "%s is \"%.*s\", expected a finite number", what, hg_word_shown(w), at),
        "the program that wrote it failed before: look at its own messages");
}

hg_status hg_draft_atom_line(const char **rest, hg_draft *d, hg_err *err) {
    static const char *const WHAT[3] = { "x", "y", "z" };
    const char *at = d->in->s, *end = at + d->in->len;
    size_t i;
    HG_TRY(hg_draft_atom(&i, d, err));
    HG_TRY(hg_draft_element(d, i, hg_word_next(&at, end), err));
    for (size_t k = 0; k < 3; k++) HG_TRY(hg_draft_real(&d->r[3 * i + k], d, hg_word_next(&at, end), WHAT[k], err));
    *rest = at;
    return HG_OK;
}

bool hg_atom_line(const char *s, size_t len, bool more) {
    const char *const end = s + len;
    uint16_t mass;
    double x;
    if (!element(hg_word_next(&s, end), &mass)) return false;
    for (size_t k = 0; k < 3; k++)
        if (!hg_real_word(&x, hg_word_next(&s, end))) return false;
    return more || hg_word_next(&s, end).len == 0;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static hg_status add_field(const hg_draft *d, hg_field **fields, size_t *n, size_t *cap, hg_field field, hg_err *err) {
    if (*n == HG_DRAFT_FIELDS)
        return hg_lines_fail(d->in, NULL, err, HG_ELIMIT, "more than %d fields in one molecule", HG_DRAFT_FIELDS);
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*fields)[i].name, field.name) == 0)
            return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "\"%s\" is given twice", field.name);
    if (!hg_grow(fields, cap, *n + 1, sizeof **fields)) return hg_draft_no_memory(d, err);
    (*fields)[(*n)++] = field;
    return HG_OK;
}

hg_status hg_draft_value(hg_draft *d, hg_field field, hg_err *err) {
    return add_field(d, &d->values, &d->m.n_values, &d->cap_values, field, err);
}

hg_status hg_draft_column(hg_draft *d, hg_field field, hg_err *err) {
    return add_field(d, &d->columns, &d->m.n_columns, &d->cap_columns, field, err);
}

hg_status hg_draft_word(hg_draft *d, const char *name, hg_word w, hg_err *err) {
    hg_field f = { .name = hg_arena_strdup(d->mem, name), .kind = HG_FIELD_TEXT, .rows = 1, .cols = 1 };
    int64_t whole;
    double real;
    if (hg_whole_word(&whole, w)) {
        f.kind = HG_FIELD_WHOLE;
        f.whole = hg_alloc(d->mem, 1, sizeof *f.whole);
        if (f.whole) *f.whole = whole;
    } else if (hg_decimal_word(&real, w)) {
        f.kind = HG_FIELD_REAL;
        f.real = hg_alloc(d->mem, 1, sizeof *f.real);
        if (f.real) *f.real = real;
    } else {
        f.text = hg_alloc(d->mem, 1, sizeof *f.text);
        if (f.text) *f.text = hg_arena_strndup(d->mem, w.s, w.len);
        if (f.text && !*f.text) f.text = NULL;
    }
    return f.name && f.real ? hg_draft_value(d, f, err) : hg_draft_no_memory(d, err);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static hg_status add_mass_numbers(hg_draft *d, hg_err *err) {
    int64_t *whole = hg_alloc(d->mem, d->m.n, sizeof *whole);
    if (!whole) return hg_draft_no_memory(d, err);
    for (size_t i = 0; i < d->m.n; i++) whole[i] = d->mass[i];
    return hg_draft_column(
        d,
        (hg_field) {
            .name = "mass_number", .kind = HG_FIELD_WHOLE, .rank = 1, .rows = 1, .cols = d->m.n, .whole = whole },
        err);
}

/* n things of `size` bytes into the arena. */
static bool keep(void *to, hg_arena *mem, const void *from, size_t n, size_t size) {
    void *copy = NULL;
    if (n) {
        copy = hg_alloc(mem, n, size);
        if (!copy) return false;
        memcpy(copy, from, n * size);
    }
    memcpy(to, &copy, sizeof copy); /* `to` is the address of a pointer of any type */
    return true;
}

hg_status hg_draft_end(hg_molecule **out, hg_draft *d, hg_err *err) {
    *out = NULL;
    if (d->isotopes) HG_TRY(add_mass_numbers(d, err));
    hg_molecule *m = hg_alloc(d->mem, 1, sizeof *m);
    if (!m) return hg_draft_no_memory(d, err);
    *m = d->m;
    if (!keep(&m->z, d->mem, d->z, m->n, sizeof *m->z) || !keep(&m->r, d->mem, d->r, m->n, 3 * sizeof *m->r) ||
        !keep(&m->values, d->mem, d->values, m->n_values, sizeof *m->values) ||
        !keep(&m->columns, d->mem, d->columns, m->n_columns, sizeof *m->columns) ||
        !keep(&m->bonds, d->mem, d->bonds, m->n_bonds, sizeof *m->bonds))
        return hg_draft_no_memory(d, err);
    const hg_molecule_place at = { .file = d->in->name, .line = d->line };
    HG_TRY(hg_molecule_check_at(m, &d->limits, at, err));
    *out = m;
    return HG_OK;
}
