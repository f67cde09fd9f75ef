/* files/sdf_v3000.c -- the connection table V3000; see files/sdf.h
 *
 *   M  V30 BEGIN CTAB / COUNTS / BEGIN ATOM / END ATOM / BEGIN BOND / END BOND / ... / END CTAB, then M  END
 * An atom: number, element, x y z, mapping, then KEY=value; of those CHG and MASS are kept. A line that ends in '-' goes on in the
 * next. Blocks other than atoms and bonds are passed over.
 */
#include "files/sdf.h"
#include "core/memory.h"
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "M  V30 ";
enum { PREFIX_LENGTH = sizeof PREFIX - 1 };

/* The next line behind its prefix, with all that continues it: [*at, *end). At M  END *at is NULL. */
static hg_status read_line(const char **at, const char **end, hg_draft *d, hg_err *err) {
    hg_sdf_state *s = d->state;
    for (bool first = true;; first = false) {
        HG_TRY(hg_sdf_line(d, "M  END", err));
        const char *line = d->in->s;
        size_t len = d->in->len;
        *at = NULL;
        if (first && len >= 6 && memcmp(line, "M  END", 6) == 0) return HG_OK;
        if (len < PREFIX_LENGTH || memcmp(line, PREFIX, PREFIX_LENGTH) != 0)
            return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "expected a line that begins with \"M  V30 \"");
        line += PREFIX_LENGTH;
        len -= PREFIX_LENGTH;
        const bool goes_on = len && line[len - 1] == '-';
        *at = line;
        *end = line + len;
        if (first && !goes_on) return HG_OK;
        if (first) s->text_len = 0;
        if (s->text_len + len > HG_LINES_LONGEST)
            return hg_lines_fail(d->in, NULL, err, HG_ELIMIT, "a line that is continued for too long");
        HG_TRY(hg_sdf_text(d, line, len - goes_on, err));
        *at = s->text;
        *end = s->text + s->text_len;
        if (!goes_on) return HG_OK;
    }
}

static bool line_is(const char *at, const char *end, const char *a, const char *b) {
    if (!hg_word_is(hg_word_next(&at, end), a)) return false;
    return !b || hg_word_is(hg_word_next(&at, end), b);
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static bool value_of(hg_word *value, hg_word w, const char *key) {
    const size_t len = strlen(key);
    if (w.len <= len || memcmp(w.s, key, len) != 0) return false;
    *value = (hg_word) { w.s + len, w.len - len };
    return true;
}

static hg_status read_key(hg_draft *d, size_t i, hg_word w, hg_err *err) {
    hg_sdf_state *s = d->state;
    hg_word value;
    int64_t x;
    const bool charge = value_of(&value, w, "CHG="), mass = !charge && value_of(&value, w, "MASS=");
    if (!charge && !mass) return HG_OK;
    if (!hg_whole_word(&x, value) || x < (charge ? -15 : 1) || x > (charge ? 15 : 400))
        return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "\"%.*s\" is out of its range", hg_word_shown(w), w.s);
    if (charge) {
        s->charge[i] = (int32_t)x;
    } else {
        d->mass[i] = (uint16_t)x;
        d->isotopes = true;
    }
    return HG_OK;
}

static hg_status read_atom(const char *at, const char *end, hg_draft *d, hg_err *err) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    hg_sdf_state *s = d->state;
    size_t i;
    uint64_t number;
    HG_TRY(hg_sdf_whole(&number, d, hg_word_next(&at, end), UINT32_MAX, "the number of an atom", err));
    HG_TRY(hg_sdf_atom(&i, d, err));
    HG_TRY(hg_draft_element(d, i, hg_word_next(&at, end), err));
    for (size_t k = 0; k < 3; k++) HG_TRY(hg_draft_real(&d->r[3 * i + k], d, hg_word_next(&at, end), XYZ[k], err));
    if (!hg_grow(&s->index, &s->cap_index, i + 1, sizeof *s->index)) return hg_draft_no_memory(d, err);
    s->index[i] = (struct hg_sdf_index) { number, i };
    for (hg_word w; (w = hg_word_next(&at, end)).len > 0;) HG_TRY(read_key(d, i, w, err));
    return HG_OK;
}

static int by_number(const void *a, const void *b) {
    const struct hg_sdf_index *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static hg_status sort_numbers(hg_draft *d, hg_err *err) {
    hg_sdf_state *s = d->state;
    if (d->m.n) qsort(s->index, d->m.n, sizeof *s->index, by_number);
    for (size_t i = 1; i < d->m.n; i++)
        if (s->index[i].number == s->index[i - 1].number)
            return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "two atoms above have number %llu",
                                 (unsigned long long)s->index[i].number);
    return HG_OK;
}

/* ---- bonds ------------------------------------------------------------------------------------------------------- */

static hg_status find_atom(size_t *i, hg_draft *d, hg_word w, hg_err *err) {
    const hg_sdf_state *s = d->state;
    struct hg_sdf_index wanted = { 0 };
    HG_TRY(hg_sdf_whole(&wanted.number, d, w, UINT32_MAX, "an atom of a bond", err));
    const struct hg_sdf_index *at = d->m.n ? bsearch(&wanted, s->index, d->m.n, sizeof *s->index, by_number) : NULL;
    if (!at)
        return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "a bond of atom %.*s, which is not there", hg_word_shown(w),
                             w.s);
    *i = at->atom;
    return HG_OK;
}

static hg_status read_bond(const char *at, const char *end, hg_draft *d, hg_err *err) {
    uint64_t number, kind;
    size_t a, b;
    HG_TRY(hg_sdf_whole(&number, d, hg_word_next(&at, end), UINT32_MAX, "the number of a bond", err));
    HG_TRY(hg_sdf_whole(&kind, d, hg_word_next(&at, end), 99, "the type of a bond", err));
    HG_TRY(find_atom(&a, d, hg_word_next(&at, end), err));
    HG_TRY(find_atom(&b, d, hg_word_next(&at, end), err));
    return hg_sdf_bond(d, a, b, kind, err);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t atoms, bonds;
    bool known, any_atoms;
} counts;

static hg_status read_counts(counts *c, const char *at, const char *end, hg_draft *d, hg_err *err) {
    if (c->known) return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "a second COUNTS in one table");
    c->known = true;
    hg_word_next(&at, end);
    HG_TRY(hg_sdf_whole(&c->atoms, d, hg_word_next(&at, end), UINT32_MAX, "the number of atoms", err));
    return hg_sdf_whole(&c->bonds, d, hg_word_next(&at, end), UINT32_MAX, "the number of bonds", err);
}

/* From BEGIN name to END name. */
static hg_status read_block(const char *name, hg_draft *d,
                            hg_status (*line)(const char *at, const char *end, hg_draft *d, hg_err *err), hg_err *err) {
    for (;;) {
        const char *at, *end;
        HG_TRY(read_line(&at, &end, d, err));
        if (!at) return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "M  END within a block %s", name);
        if (line_is(at, end, "END", name)) return HG_OK;
        HG_TRY(line(at, end, d, err));
    }
}

static hg_status check_counts(const counts *c, const hg_draft *d, hg_err *err) {
    if (!c->known) return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "a table without COUNTS");
    if (c->atoms == d->m.n && c->bonds == d->m.n_bonds) return HG_OK;
    return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "%zu atoms and %zu bonds, but COUNTS tells of %llu and %llu",
                         d->m.n, d->m.n_bonds, (unsigned long long)c->atoms, (unsigned long long)c->bonds);
}

hg_status hg_sdf_v3000(hg_draft *d, hg_err *err) {
    counts c = { 0 };
    for (;;) {
        const char *at, *end;
        HG_TRY(read_line(&at, &end, d, err));
        if (!at) return check_counts(&c, d, err);
        if (line_is(at, end, "COUNTS", NULL)) {
            HG_TRY(read_counts(&c, at, end, d, err));
        } else if (line_is(at, end, "BEGIN", "ATOM")) {
            if (c.any_atoms) return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "a second block of atoms in one table");
            c.any_atoms = true;
            HG_TRY(read_block("ATOM", d, read_atom, err));
            HG_TRY(sort_numbers(d, err)); /* from here on at and end are gone */
        } else if (line_is(at, end, "BEGIN", "BOND")) {
            HG_TRY(read_block("BOND", d, read_bond, err));
        }
    }
}
