/* matter/molecule.c -- see hagane/molecule.h
 *
 * Overlaps are looked for in a grid of cells several times wider than the limit, so that nearly every atom looks into its own
 * cell alone. An atom is compared with those before it; the search ends at the first that overlaps. Before that no cell can
 * hold more than a few hundred atoms, whatever a hostile file puts there.
 */
#include "matter/molecule.h"
#include "core/memory.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW = 64 }; /* atoms up to which all pairs are faster than a grid */
static const double FARTHEST = 1e7, WIDEST_LIMIT = 5;

hg_molecule_limits hg_molecule_limits_default(void) {
    return (hg_molecule_limits) { .max_atoms = 100000, .min_distance = 0.4 };
}

hg_molecule *hg_molecule_new(hg_arena *mem, size_t n) {
    if (n == 0) return NULL;
    hg_molecule *m = hg_alloc(mem, 1, sizeof *m);
    uint8_t *z = hg_alloc(mem, n, sizeof *z);
    double *r = hg_alloc(mem, n, 3 * sizeof *r);
    if (!m || !z || !r) return NULL;
    *m = (hg_molecule) { .n = n, .z = z, .r = r, .id = "" };
    return m;
}

/* ---- overlaps -------------------------------------------------------------------------------------------------- */

static double distance2(const double *r, size_t a, size_t b) {
    const double x = r[3 * a] - r[3 * b], y = r[3 * a + 1] - r[3 * b + 1], z = r[3 * a + 2] - r[3 * b + 2];
    return x * x + y * y + z * z;
}

bool hg_overlap_plain(size_t *a, size_t *b, const double *r, size_t n, double least) {
    for (size_t i = 1; i < n; i++) {
        double nearest = least * least;
        for (size_t j = 0; j < i; j++) {
            const double d2 = distance2(r, i, j);
            if (d2 >= nearest) continue;
            nearest = d2;
            *a = j;
        }
        if (nearest < least * least) {
            *b = i;
            return true;
        }
    }
    return false;
}

static size_t bucket(int64_t x, int64_t y, int64_t z, size_t mask) {
    uint64_t h =
        (uint64_t)x * 0x9E3779B97F4A7C15u ^ (uint64_t)y * 0xC2B2AE3D27D4EB4Fu ^ (uint64_t)z * 0x165667B19E3779F9u;
    h ^= h >> 29;
    return (size_t)h & mask;
}

typedef struct {
    const double *r;
    uint32_t *head, *next; /* atom + 1; 0: none */
    size_t mask;
    double width, least;
} grid;

/* The nearest earlier atom within `least` of atom i, which then joins its own cell. */
static bool enter(size_t *a, grid *g, size_t i) {
    int64_t low[3], high[3], own[3];
    double nearest = g->least * g->least;
    bool found = false;
    for (size_t k = 0; k < 3; k++) {
        const double x = g->r[3 * i + k];
        low[k] = (int64_t)floor((x - g->least) / g->width);
        high[k] = (int64_t)floor((x + g->least) / g->width);
        own[k] = (int64_t)floor(x / g->width);
    }
    for (int64_t x = low[0]; x <= high[0]; x++)
        for (int64_t y = low[1]; y <= high[1]; y++)
            for (int64_t z = low[2]; z <= high[2]; z++)
                for (uint32_t at = g->head[bucket(x, y, z, g->mask)]; at; at = g->next[at - 1]) {
                    const double d2 = distance2(g->r, i, at - 1);
                    if (d2 > nearest || (d2 == nearest && (!found || at - 1 > *a))) continue;
                    nearest = d2;
                    found = true;
                    *a = at - 1;
                }
    uint32_t *head = &g->head[bucket(own[0], own[1], own[2], g->mask)];
    g->next[i] = *head;
    *head = (uint32_t)i + 1;
    return found;
}

hg_status hg_overlap_grid(bool *found, size_t *a, size_t *b, const double *r, size_t n, double least, hg_err *err) {
    size_t buckets = 64;
    *found = false;
    while (buckets < n && buckets < ((size_t)1 << 31)) buckets *= 2;
    uint32_t *head = hg_calloc(buckets, sizeof *head), *next = n < UINT32_MAX ? hg_malloc(n, sizeof *next) : NULL;
    const bool ok = head && next;
    if (ok) {
        const double width = 4 * least > 2 ? 4 * least : 2;
        grid g = { .r = r, .head = head, .next = next, .mask = buckets - 1, .width = width, .least = least };
        for (size_t i = 0; i < n && !*found; i++) {
            *found = enter(a, &g, i);
            *b = i;
        }
    }
    hg_free(head);
    hg_free(next);
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory to compare %zu atoms", n);
}

/* ---- the check ------------------------------------------------------------------------------------------------- */

hg_status hg_molecule_limits_check(const hg_molecule_limits *l, hg_err *err) {
    if (l->max_atoms == 0) return hg_fail(err, HG_EINVAL, "molecule limits: max_atoms must be above 0");
    if (!(l->min_distance >= 0 && l->min_distance <= WIDEST_LIMIT))
        return hg_fail(err, HG_EINVAL, "molecule limits: min_distance must be in 0..%g angstrom", WIDEST_LIMIT);
    return HG_OK;
}

typedef struct {
    const hg_molecule *m;
    hg_molecule_place at;
    hg_err *err;
} checker;

/* The place of atom i as a file and line, or the molecule's name. */
static const char *file_of(const checker *c) { return c->at.file || !*c->m->id ? c->at.file : c->m->id; }
static size_t line_of(const checker *c, size_t i) { return c->at.file ? c->at.line[i] : 0; }

static hg_status check_atom(const checker *c, size_t i) {
    const hg_molecule *m = c->m;
    const char *symbol = hg_element_symbol(m->z[i]);
    if (!symbol)
        return hg_fail_at(c->err, HG_EINVAL, file_of(c), line_of(c, i), 0,
                          "atom %zu has atomic number %u, expected 1..%d", i + 1, m->z[i], HG_ELEMENTS);
    for (size_t k = 0; k < 3; k++) {
        const double x = m->r[3 * i + k];
        if (!isfinite(x))
            return hg_advise(c->err,
                             hg_fail_at(c->err, HG_ENAN, file_of(c), line_of(c, i), 0,
                                        "the %c coordinate of atom %zu (%s) is not a finite number", "xyz"[k], i + 1,
                                        symbol),
                             "the program that wrote it failed before: look at its own messages");
        if (fabs(x) > FARTHEST)
            return hg_advise(c->err,
                             hg_fail_at(c->err, HG_EDATA, file_of(c), line_of(c, i), 0,
                                        "the %c coordinate of atom %zu (%s) is %g angstrom, farther than %g", "xyz"[k],
                                        i + 1, symbol, x, FARTHEST),
                             "is the number garbled, or in other units?");
    }
    return HG_OK;
}

static hg_status refuse_overlap(const checker *c, size_t a, size_t b, double least) {
    const hg_molecule *m = c->m;
    char where[32] = "";
    if (c->at.file) snprintf(where, sizeof where, ", line %zu", c->at.line[a]);
    hg_fail_at(c->err, HG_EDATA, file_of(c), line_of(c, b), 0,
               "atom %zu (%s) lies %.3g angstrom from atom %zu (%s%s), closer than %g", b + 1,
               hg_element_symbol(m->z[b]), sqrt(distance2(m->r, a, b)), a + 1, hg_element_symbol(m->z[a]), where,
               least);
    return hg_advise(
        c->err, HG_EDATA,
        "is an atom there twice, or are the coordinates in bohr, nanometres or fractions of a cell? Expected angstrom; "
        "a program may allow closer ones (min_distance)");
}

hg_status hg_molecule_check_at(const hg_molecule *m, const hg_molecule_limits *limits, hg_molecule_place at,
                               hg_err *err) {
    const hg_molecule_limits l = limits ? *limits : hg_molecule_limits_default();
    const checker c = { .m = m, .at = at, .err = err };
    HG_TRY(hg_molecule_limits_check(&l, err));
    if (m->n == 0) return hg_fail_at(err, HG_EINVAL, file_of(&c), m->line, 0, "a molecule without atoms");
    if (m->n > l.max_atoms)
        return hg_advise(
            err, hg_fail_at(err, HG_ELIMIT, file_of(&c), m->line, 0, "%zu atoms, more than %zu", m->n, l.max_atoms),
            "is it one molecule? A program may allow larger ones (max_atoms)");
    if (m->flat && !l.allow_flat)
        return hg_advise(err,
                         hg_fail_at(err, HG_EDATA, file_of(&c), c.at.file ? m->line : 0, 0,
                                    "a drawing in two dimensions, not positions of atoms"),
                         "make a geometry first: obabel --gen3d, or a program that optimises it");
    for (size_t i = 0; i < m->n; i++) HG_TRY(check_atom(&c, i));
    if (l.min_distance == 0) return HG_OK;
    size_t a = 0, b = 0;
    bool found = false;
    if (m->n <= FEW)
        found = hg_overlap_plain(&a, &b, m->r, m->n, l.min_distance);
    else
        HG_TRY(hg_overlap_grid(&found, &a, &b, m->r, m->n, l.min_distance, err));
    return found ? refuse_overlap(&c, a, b, l.min_distance) : HG_OK;
}

hg_status hg_molecule_check(const hg_molecule *m, const hg_molecule_limits *limits, hg_err *err) {
    return hg_molecule_check_at(m, limits, (hg_molecule_place) { .file = NULL }, err);
}

/* ---- what it is made of ---------------------------------------------------------------------------------------- */

int64_t hg_molecule_electrons(const hg_molecule *m) {
    int64_t sum = -(int64_t)m->charge;
    for (size_t i = 0; i < m->n; i++) sum += m->z[i];
    return sum;
}

static void count_elements(size_t count[HG_ELEMENTS + 1], const hg_molecule *m) {
    memset(count, 0, (HG_ELEMENTS + 1) * sizeof *count);
    for (size_t i = 0; i < m->n; i++)
        if (m->z[i] <= HG_ELEMENTS) count[m->z[i]]++;
}

hg_status hg_molecule_composition(hg_composition *out, const hg_molecule *m, hg_err *err) {
    size_t count[HG_ELEMENTS + 1];
    count_elements(count, m);
    *out = (hg_composition) { .n = 0 };
    for (size_t i = 0; i < m->n; i++) {
        const unsigned z = m->z[i];
        if (z > HG_ELEMENTS || count[z] == 0) continue;
        if (out->n == HG_COMPOSITION_MAX)
            return hg_fail(err, HG_ELIMIT, "%s%smore than %d elements", m->id, *m->id ? ": " : "", HG_COMPOSITION_MAX);
        out->species[out->n++] = (hg_species) { .z = z, .amount = (double)count[z] };
        count[z] = 0;
    }
    return HG_OK;
}

typedef struct {
    char *buf;
    size_t size, len;
} writer;

static void put_element(writer *w, unsigned z, size_t count) {
    char text[32];
    const int n = count > 1 ? snprintf(text, sizeof text, "%s%zu", hg_element_symbol(z), count)
                            : snprintf(text, sizeof text, "%s", hg_element_symbol(z));
    for (int i = 0; i < n; i++, w->len++)
        if (w->len + 1 < w->size) w->buf[w->len] = text[i];
}

size_t hg_molecule_formula(char *buf, size_t size, const hg_molecule *m) {
    enum { H = 1, C = 6 };
    size_t count[HG_ELEMENTS + 1];
    writer w = { .buf = buf, .size = size };
    count_elements(count, m);
    count[0] = 0; /* no element: left out */
    if (count[C]) {
        put_element(&w, C, count[C]);
        if (count[H]) put_element(&w, H, count[H]);
        count[C] = count[H] = 0;
    }
    for (;;) {
        unsigned first = 0;
        for (unsigned z = 1; z <= HG_ELEMENTS; z++)
            if (count[z] && (!first || strcmp(hg_element_symbol(z), hg_element_symbol(first)) < 0)) first = z;
        if (!first) break;
        put_element(&w, first, count[first]);
        count[first] = 0;
    }
    if (size) buf[w.len < size ? w.len : size - 1] = '\0';
    return w.len;
}

hg_molecule_words hg_molecule_called(const hg_molecule *m) {
    hg_molecule_words w = { "this molecule" };
    if (*m->id)
        snprintf(w.s, sizeof w.s, "molecule \"%.80s\"", m->id);
    else if (m->line)
        snprintf(w.s, sizeof w.s, "the molecule of line %zu", m->line);
    return w;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static const hg_field *find(const hg_field *f, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, name) == 0) return &f[i];
    return NULL;
}

const hg_field *hg_molecule_value(const hg_molecule *m, const char *name) { return find(m->values, m->n_values, name); }

const hg_field *hg_molecule_column(const hg_molecule *m, const char *name) {
    return find(m->columns, m->n_columns, name);
}

bool hg_molecule_number(double *x, const hg_molecule *m, const char *name) {
    const hg_field *f = hg_molecule_value(m, name);
    if (!f || f->rows * f->cols != 1) return false;
    if (f->kind == HG_FIELD_REAL) *x = f->real[0];
    if (f->kind == HG_FIELD_WHOLE) *x = (double)f->whole[0];
    return f->kind == HG_FIELD_REAL || f->kind == HG_FIELD_WHOLE;
}
