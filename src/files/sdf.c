/* files/sdf.c -- MDL molfiles and files of many (SDF); see files/sdf.h. V3000 is in sdf_v3000.c.
 *
 * A record: title, program, comment, counts line, connection table, M  END, data items `> <name>`, $$$$. The title becomes the id,
 * the data items values (one number, or a text), charges the column "formal_charge" and their sum the charge. Columns are fixed, but
 * many programs write words; a line that does not fit its columns is read as words.
 * A program that writes 2D into its line has made a drawing, which is marked.
 */
#include "files/sdf.h"
#include "core/memory.h"
#include <math.h>
#include <string.h>

enum { MOST_ATOMS = 999 }; /* three columns */

/* ---- lines and fields -------------------------------------------------------------------------------------------- */

hg_status hg_sdf_line(hg_draft *d, const char *what, hg_err *err) {
    bool more;
    HG_TRY(hg_lines_next(&more, d->in, err));
    if (more) return HG_OK;
    hg_fail_at(err, HG_EPARSE, d->in->name, d->in->number, 0,
               "the file ends here, expected %s of the record from line %zu", what, d->m.line);
    return hg_advise(err, HG_EPARSE, "was the file cut short?");
}

hg_status hg_sdf_whole(uint64_t *x, const hg_draft *d, hg_word w, uint64_t most, const char *what, hg_err *err) {
    int64_t whole = -1;
    bool ok = w.len > 0;
    size_t zeros = 0;
    while (zeros + 1 < w.len && w.s[zeros] == '0') zeros++; /* columns may be filled with them */
    ok = ok && hg_whole_word(&whole, (hg_word) { w.s + zeros, w.len - zeros }) && whole >= 0 && (uint64_t)whole <= most;
    *x = ok ? (uint64_t)whole : 0;
    if (ok) return HG_OK;
    if (w.len == 0) return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "%s is missing", what);
    return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "%s is \"%.*s\", expected a whole number of at most %llu", what,
                         hg_word_shown(w), w.s, (unsigned long long)most);
}

/* Columns from .. from+width of the line, trimmed. */
static hg_word columns(const hg_draft *d, size_t from, size_t width) {
    const size_t len = d->in->len;
    if (from >= len) return (hg_word) { d->in->s + len, 0 };
    return hg_word_trim(d->in->s + from, len - from < width ? len - from : width);
}

static bool one_word(hg_word w) { return w.len && !memchr(w.s, ' ', w.len) && !memchr(w.s, '\t', w.len); }

hg_status hg_sdf_text(hg_draft *d, const char *s, size_t len, hg_err *err) {
    hg_sdf_state *state = d->state;
    if (!hg_grow(&state->text, &state->cap_text, state->text_len + len + 1, 1)) return hg_draft_no_memory(d, err);
    memcpy(state->text + state->text_len, s, len);
    state->text_len += len;
    state->text[state->text_len] = '\0';
    return HG_OK;
}

/* ---- atoms and bonds --------------------------------------------------------------------------------------------- */

hg_status hg_sdf_atom(size_t *i, hg_draft *d, hg_err *err) {
    hg_sdf_state *s = d->state;
    HG_TRY(hg_draft_atom(i, d, err));
    if (!hg_grow(&s->charge, &s->cap_charge, *i + 1, sizeof *s->charge)) return hg_draft_no_memory(d, err);
    s->charge[*i] = 0;
    return HG_OK;
}

hg_status hg_sdf_bond(hg_draft *d, size_t a, size_t b, uint64_t kind, hg_err *err) {
    if (a == b) return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "a bond of atom %zu with itself", a + 1);
    if (d->m.n_bonds >= 16 * d->m.n)
        return hg_lines_fail(d->in, NULL, err, HG_ELIMIT, "more than 16 bonds an atom in one molecule");
    if (!hg_grow(&d->bonds, &d->cap_bonds, d->m.n_bonds + 1, sizeof *d->bonds)) return hg_draft_no_memory(d, err);
    d->bonds[d->m.n_bonds++] = (hg_bond) { (uint32_t)a, (uint32_t)b, kind <= 4 ? (uint32_t)kind : 0 };
    return HG_OK;
}

typedef struct {
    hg_word x[3], symbol, mass, charge;
} atom_line;

/* The line in fixed columns when they fit, else its words. */
static atom_line cut_atom_line(const hg_draft *d) {
    atom_line a = { .symbol = columns(d, 30, 4), .mass = columns(d, 34, 2), .charge = columns(d, 36, 3) };
    bool fits = one_word(a.symbol);
    for (size_t k = 0; k < 3; k++) {
        double x;
        a.x[k] = columns(d, 10 * k, 10);
        fits = fits && one_word(a.x[k]) && hg_real_word(&x, a.x[k]);
    }
    if (fits) return a;
    const char *at = d->in->s, *const end = at + d->in->len;
    for (size_t k = 0; k < 3; k++) a.x[k] = hg_word_next(&at, end);
    a.symbol = hg_word_next(&at, end);
    a.mass = hg_word_next(&at, end);
    a.charge = hg_word_next(&at, end);
    return a;
}

/* The mass of an isotope as a difference from the element's atomic weight, rounded. */
static void set_mass_difference(hg_draft *d, size_t i, hg_word w) {
    int64_t difference = 0;
    if (!hg_whole_word(&difference, w) || difference == 0 || difference < -3 || difference > 4) return;
    const double mass = nearbyint(hg_element_mass(d->z[i])) + (double)difference;
    if (mass < 1) return;
    d->mass[i] = (uint16_t)mass;
    d->isotopes = true;
}

static hg_status read_atom(hg_draft *d, hg_err *err) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    static const int32_t CHARGE[8] = { 0, 3, 2, 1, 0, -1, -2, -3 }; /* 4: a doublet radical */
    size_t i;
    HG_TRY(hg_sdf_line(d, "an atom", err));
    const atom_line a = cut_atom_line(d);
    HG_TRY(hg_sdf_atom(&i, d, err));
    for (size_t k = 0; k < 3; k++) HG_TRY(hg_draft_real(&d->r[3 * i + k], d, a.x[k], XYZ[k], err));
    HG_TRY(hg_draft_element(d, i, a.symbol, err));
    set_mass_difference(d, i, a.mass);
    if (a.charge.len == 1 && *a.charge.s >= '0' && *a.charge.s <= '7')
        ((hg_sdf_state *)d->state)->charge[i] = CHARGE[*a.charge.s - '0'];
    return HG_OK;
}

static hg_status read_bond(hg_draft *d, hg_err *err) {
    uint64_t v[3];
    HG_TRY(hg_sdf_line(d, "a bond", err));
    hg_word w[3] = { columns(d, 0, 3), columns(d, 3, 3), columns(d, 6, 3) };
    if (!one_word(w[0]) || !one_word(w[1]) || !one_word(w[2])) {
        const char *at = d->in->s, *const end = at + d->in->len;
        for (size_t k = 0; k < 3; k++) w[k] = hg_word_next(&at, end);
    }
    HG_TRY(hg_sdf_whole(&v[0], d, w[0], d->m.n, "the first atom of a bond", err));
    HG_TRY(hg_sdf_whole(&v[1], d, w[1], d->m.n, "the second atom of a bond", err));
    HG_TRY(hg_sdf_whole(&v[2], d, w[2], 99, "the type of a bond", err));
    if (v[0] == 0 || v[1] == 0)
        return hg_lines_fail(d->in, NULL, err, HG_EPARSE, "a bond with atom 0: they count from 1");
    return hg_sdf_bond(d, (size_t)v[0] - 1, (size_t)v[1] - 1, v[2], err);
}

/* ---- properties of V2000 ----------------------------------------------------------------------------------------- */

typedef struct {
    bool charges, isotopes; /* such lines were there: they replace what the atoms' lines say */
} seen_lines;

static void drop_charges(hg_draft *d) {
    hg_sdf_state *s = d->state;
    for (size_t i = 0; i < d->m.n; i++) s->charge[i] = 0;
}

static void drop_isotopes(hg_draft *d) {
    for (size_t i = 0; i < d->m.n; i++) d->mass[i] = 0;
    d->isotopes = false;
}

/* M  CHGnn8 aaa vvv ...: pairs of atom and value. */
static hg_status read_pairs(hg_draft *d, bool isotopes, hg_err *err) {
    hg_sdf_state *s = d->state;
    const char *at = d->in->s + 6, *const end = d->in->s + d->in->len;
    uint64_t n, atom;
    HG_TRY(hg_sdf_whole(&n, d, hg_word_next(&at, end), 8, "the number of pairs", err));
    for (uint64_t k = 0; k < n; k++) {
        int64_t value;
        HG_TRY(hg_sdf_whole(&atom, d, hg_word_next(&at, end), d->m.n, "an atom", err));
        const hg_word w = hg_word_next(&at, end);
        if (atom == 0 || !hg_whole_word(&value, w) || value < (isotopes ? 1 : -15) || value > (isotopes ? 400 : 15))
            return hg_lines_fail(d->in, w.s, err, HG_EPARSE, "expected an atom and its %s",
                                 isotopes ? "mass number" : "charge");
        if (isotopes) {
            d->mass[atom - 1] = (uint16_t)value;
            d->isotopes = true;
        } else {
            s->charge[atom - 1] = (int32_t)value;
        }
    }
    return HG_OK;
}

static bool begins(const hg_draft *d, const char *with) {
    const size_t len = strlen(with);
    return d->in->len >= len && memcmp(d->in->s, with, len) == 0;
}

static hg_status read_property(bool *last, seen_lines *seen, hg_draft *d, hg_err *err) {
    HG_TRY(hg_sdf_line(d, "M  END", err));
    *last = begins(d, "M  END");
    if (begins(d, "A  ") || begins(d, "G  ")) return hg_sdf_line(d, "the text behind this", err);
    const bool charge = begins(d, "M  CHG"), radical = begins(d, "M  RAD"), isotope = begins(d, "M  ISO");
    if ((charge || radical) && !seen->charges) {
        drop_charges(d);
        seen->charges = true;
    }
    if (isotope && !seen->isotopes) {
        drop_isotopes(d);
        seen->isotopes = true;
    }
    return charge || isotope ? read_pairs(d, isotope, err) : HG_OK;
}

static hg_status read_v2000(hg_draft *d, hg_err *err) {
    uint64_t atoms, bonds;
    seen_lines seen = { false };
    HG_TRY(hg_sdf_whole(&atoms, d, columns(d, 0, 3), MOST_ATOMS, "the number of atoms", err));
    HG_TRY(hg_sdf_whole(&bonds, d, columns(d, 3, 3), MOST_ATOMS, "the number of bonds", err));
    for (uint64_t i = 0; i < atoms; i++) HG_TRY(read_atom(d, err));
    for (uint64_t i = 0; i < bonds; i++) HG_TRY(read_bond(d, err));
    for (bool last = false; !last;) HG_TRY(read_property(&last, &seen, d, err));
    return HG_OK;
}

/* ---- data items -------------------------------------------------------------------------------------------------- */

/* The name between < and >, or the word behind the sign: "> <LogP> (7)", ">  DT12". */
static hg_word item_name(const hg_draft *d) {
    const char *const s = d->in->s + 1, *const end = d->in->s + d->in->len;
    const char *open = memchr(s, '<', (size_t)(end - s)), *close = end;
    if (open) {
        while (close > open && close[-1] != '>') close--;
        if (close > open) return hg_word_trim(open + 1, (size_t)(close - 1 - open - 1));
    }
    const char *at = s;
    return hg_word_next(&at, end);
}

/* The current line is "> <name>"; the value goes to an empty line. */
static hg_status read_item(hg_draft *d, hg_err *err) {
    hg_sdf_state *s = d->state;
    const hg_word w = item_name(d);
    if (w.len == 0) return hg_lines_fail(d->in, d->in->s, err, HG_EPARSE, "a data item without a name");
    const char *name = hg_arena_strndup(d->mem, w.s, w.len);
    if (!name) return hg_draft_no_memory(d, err);
    s->text_len = 0;
    HG_TRY(hg_sdf_text(d, "", 0, err));
    for (size_t lines = 0;; lines++) {
        HG_TRY(hg_sdf_line(d, "the end of a data item", err));
        const hg_word line = hg_word_trim(d->in->s, d->in->len);
        if (line.len == 0) break;
        if (lines) HG_TRY(hg_sdf_text(d, "\n", 1, err));
        HG_TRY(hg_sdf_text(d, line.s, line.len, err));
    }
    return hg_draft_word(d, name, (hg_word) { s->text, s->text_len }, err);
}

static hg_status read_items(hg_draft *d, hg_err *err) {
    for (bool any = false;; any = true) {
        bool more;
        do HG_TRY(hg_lines_next(&more, d->in, err));
        while (more && hg_word_trim(d->in->s, d->in->len).len == 0);
        if (!more && !any) return HG_OK; /* a molfile by itself */
        if (!more) {
            hg_lines_back(d->in);
            return hg_sdf_line(d, "$$$$", err);
        }
        if (begins(d, "$$$$")) return HG_OK;
        if (*d->in->s != '>')
            return hg_advise(err, hg_lines_fail(d->in, d->in->s, err, HG_EPARSE, "expected a data item or $$$$"),
                             "records are parted by a line $$$$; an item is `> <name>`, its value, and an empty line");
        HG_TRY(read_item(d, err));
    }
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static hg_status finish_charges(hg_draft *d, hg_err *err) {
    const hg_sdf_state *s = d->state;
    bool any = false;
    for (size_t i = 0; i < d->m.n; i++) {
        d->m.charge += s->charge[i];
        any |= s->charge[i] != 0;
    }
    if (!any) return HG_OK;
    hg_field f = { .name = "formal_charge", .kind = HG_FIELD_WHOLE, .rank = 1, .rows = 1, .cols = d->m.n };
    f.whole = hg_alloc(d->mem, d->m.n, sizeof *f.whole);
    if (!f.whole) return hg_draft_no_memory(d, err);
    for (size_t i = 0; i < d->m.n; i++) f.whole[i] = s->charge[i];
    return hg_draft_column(d, f, err);
}

/* Title, program, comment, counts line. Each of the first three may be empty, so that empty lines at the end of a file are known for
 * what they are only there: *more = false. */
static hg_status read_header(bool *more, hg_draft *d, hg_err *err) {
    bool empty = true;
    for (int k = 0; k < 4 || empty; k++) {
        HG_TRY(hg_lines_next(more, d->in, err));
        if (!*more && empty) return HG_OK;
        if (!*more) {
            hg_lines_back(d->in);
            return hg_sdf_line(d, "the counts line", err);
        }
        const hg_word w = hg_word_trim(d->in->s, d->in->len);
        empty &= w.len == 0;
        if (k == 0) {
            d->m.line = d->in->number;
            d->m.id = hg_arena_strndup(d->mem, w.s, w.len);
            if (!d->m.id) return hg_draft_no_memory(d, err);
        }
        if (k == 1) d->m.flat = hg_word_is(columns(d, 20, 2), "2D");
    }
    return HG_OK;
}

static hg_status next(bool *more, hg_draft *d, hg_err *err) {
    HG_TRY(read_header(more, d, err));
    if (!*more) return HG_OK;
    const hg_word version = columns(d, 33, 6);
    if (hg_word_is(version, "V3000"))
        HG_TRY(hg_sdf_v3000(d, err));
    else if (hg_word_is(version, "V2000") || version.len == 0)
        HG_TRY(read_v2000(d, err));
    else
        return hg_advise(err,
                         hg_lines_fail(d->in, version.s, err, HG_EPARSE, "\"%.*s\", expected V2000 or V3000",
                                       hg_word_shown(version), version.s),
                         "the fourth line of a record is its counts line; is a line missing or too many above?");
    HG_TRY(read_items(d, err));
    return finish_charges(d, err);
}

static bool looks(hg_lines *in) {
    bool more;
    for (int i = 0; i < 4; i++)
        if (hg_lines_next(&more, in, NULL) != HG_OK || !more) return false;
    return in->len >= 39 && (memcmp(in->s + 34, "V2000", 5) == 0 || memcmp(in->s + 34, "V3000", 5) == 0);
}

static void end(void *state) {
    hg_sdf_state *s = state;
    hg_free(s->charge);
    hg_free(s->index);
    hg_free(s->text);
}

const hg_molecule_format hg_format_sdf = {
    .name = "sdf", .suffixes = "sdf mol mdl sd", .state = sizeof(hg_sdf_state), .looks = looks, .next = next, .end = end
};
