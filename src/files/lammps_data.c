/* files/lammps_data.c -- LAMMPS data files (atom_style atomic), read and written
 *
 *   a line of words, which is passed over
 *   1200 atoms / 2 atom types / 0 10 xlo xhi / ...
 *   Atoms # atomic
 *
 *   id type x y z [ix iy iz]
 *
 * Sections of any other name are passed over. Positions are wrapped, as LAMMPS does on reading; images are not needed for that. The format:
 * docs.lammps.org/read_data.html
 */
#include "files/particle_rows.h"
#include "matter/snapshot.h"
#include <string.h>

typedef struct {
    hg_particle_rows rows;
    double low[3], high[3];
    int64_t atoms;
    bool has_atoms, has_box[3], has_section;
} reader;

static bool looks(const unsigned char *head, size_t n) {
    const char *const text = (const char *)head;
    const char *end = memchr(text, '\n', n);
    if (!end || memchr(text, '\0', n)) return false;
    const size_t left = n - (size_t)(end - text);
    return memmem(end, left, " atoms", 6) && memmem(end, left, "xlo xhi", 7);
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

/* Without what stands behind '#'. */
static hg_word content(const hg_lines *in) {
    const char *hash = memchr(in->s, '#', in->len);
    return hg_word_trim(in->s, hash ? (size_t)(hash - in->s) : in->len);
}

static bool ends_with(hg_word w, const char *text) {
    const size_t n = strlen(text);
    return w.len >= n && memcmp(w.s + w.len - n, text, n) == 0;
}

static hg_status bounds(reader *r, hg_word w, size_t k) {
    const char *at = w.s, *const end = w.s + w.len;
    HG_TRY(hg_particle_rows_real(&r->low[k], &r->rows, hg_word_next(&at, end), "the low end of the box"));
    HG_TRY(hg_particle_rows_real(&r->high[k], &r->rows, hg_word_next(&at, end), "the high end of the box"));
    r->has_box[k] = true;
    return r->high[k] > r->low[k] ? HG_OK : hg_particle_rows_fail(&r->rows, w.s, "a box without width");
}

static hg_status tilts(reader *r, hg_word w) {
    const char *at = w.s, *const end = w.s + w.len;
    for (size_t k = 0; k < 3; k++) {
        double x;
        HG_TRY(hg_particle_rows_real(&x, &r->rows, hg_word_next(&at, end), "a tilt of the box"));
        if (x != 0)
            return hg_particle_rows_fail(&r->rows, w.s, "a tilted box; only rectangular ones are computed with");
    }
    return HG_OK;
}

static hg_status header_line(reader *r, hg_word w) {
    static const char *const ENDS[3] = { "xlo xhi", "ylo yhi", "zlo zhi" };
    for (size_t k = 0; k < 3; k++)
        if (ends_with(w, ENDS[k])) return bounds(r, w, k);
    if (ends_with(w, "xy xz yz")) return tilts(r, w);
    if (!ends_with(w, " atoms") || r->has_atoms) return HG_OK; /* types, bonds, limits: not needed */
    const char *at = w.s;
    r->has_atoms = true;
    return hg_particle_rows_whole(&r->atoms, &r->rows, hg_word_next(&at, w.s + w.len), INT32_MAX,
                                  "the number of atoms");
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static hg_status check_style(reader *r, hg_word w) {
    const char *const end = r->rows.in.s + r->rows.in.len, *hash = memchr(w.s, '#', (size_t)(end - w.s));
    if (!hash) return HG_OK; /* told by the words of its lines */
    const hg_word style = hg_word_trim(hash + 1, (size_t)(end - hash - 1));
    if (hg_word_is(style, "atomic")) return HG_OK;
    return hg_advise(r->rows.f->err,
                     hg_particle_rows_fail(&r->rows, style.s, "atom style \"%.*s\"; only atomic is read",
                                           hg_word_shown(style), style.s),
                     "in LAMMPS: atom_style atomic, or write a dump with the columns id type x y z");
}

static hg_status atom_line(reader *r) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    const hg_word w = content(&r->rows.in);
    const char *at = w.s, *const end = w.s + w.len;
    hg_particle_row *row;
    int64_t image;
    bool whole = true;
    size_t words = 0;
    HG_TRY(hg_particle_rows_add(&row, &r->rows));
    HG_TRY(hg_particle_rows_whole(&row->id, &r->rows, hg_word_next(&at, end), INT64_MAX, "the number of the atom"));
    HG_TRY(hg_particle_rows_species(&row->species, &r->rows, hg_word_next(&at, end)));
    for (size_t k = 0; k < 3; k++) HG_TRY(hg_particle_rows_real(&row->x[k], &r->rows, hg_word_next(&at, end), XYZ[k]));
    for (hg_word one; (one = hg_word_next(&at, end)).len; words++) whole = whole && hg_whole_word(&image, one);
    if (words == 0 || (words == 3 && whole)) return HG_OK;
    if (words == 3)
        return hg_advise(r->rows.f->err,
                         hg_particle_rows_fail(&r->rows, NULL, "the last three words of a line of Atoms are no images"),
                         "only atom_style atomic is read: id type x y z [ix iy iz]");
    return hg_advise(r->rows.f->err,
                     hg_particle_rows_fail(&r->rows, NULL, "%zu words in a line of Atoms, expected 5 or 8", words + 5),
                     "only atom_style atomic is read: id type x y z [ix iy iz]");
}

static hg_status atoms(reader *r) {
    if (r->has_section) return hg_particle_rows_fail(&r->rows, NULL, "a second section Atoms");
    r->has_section = true;
    if (!r->has_atoms) return hg_particle_rows_fail(&r->rows, NULL, "no line said how many atoms there are");
    while ((int64_t)r->rows.n < r->atoms) {
        HG_TRY(hg_particle_rows_line(&r->rows, "an atom"));
        if (content(&r->rows.in).len) HG_TRY(atom_line(r));
    }
    return HG_OK;
}

static bool begins_section(hg_word w) {
    return w.len && ((*w.s >= 'A' && *w.s <= 'Z') || (*w.s >= 'a' && *w.s <= 'z'));
}

static hg_status check_units(reader *r) {
    static const char KEY[] = "units = ";
    const hg_lines *in = &r->rows.in;
    const char *at = memmem(in->s, in->len, KEY, sizeof KEY - 1);
    if (!at) return HG_OK;
    at += sizeof KEY - 1;
    const hg_word w = hg_word_next(&at, in->s + in->len);
    return hg_word_is(w, "lj")
               ? HG_OK
               : hg_particle_rows_fail(&r->rows, w.s, "units are \"%.*s\", expected lj", hg_word_shown(w), w.s);
}

static hg_status read_lines(hg_snapshot **out, reader *r) {
    bool more, header = true;
    HG_TRY(hg_particle_rows_line(&r->rows, "the first line"));
    HG_TRY(check_units(r));
    for (;;) {
        HG_TRY(hg_lines_next(&more, &r->rows.in, r->rows.f->err));
        if (!more) break;
        const hg_word w = content(&r->rows.in);
        const char *at = w.s;
        if (begins_section(w)) {
            header = false;
            if (!hg_word_is(hg_word_next(&at, w.s + w.len), "Atoms")) continue;
            HG_TRY(check_style(r, w));
            HG_TRY(atoms(r));
        } else if (header && w.len) {
            HG_TRY(header_line(r, w));
        }
    }
    for (size_t k = 0; k < 3; k++)
        if (!r->has_box[k])
            return hg_particle_rows_fail(&r->rows, NULL, "no line said where the box ends along %c", "xyz"[k]);
    if (!r->has_section) return hg_particle_rows_fail(&r->rows, NULL, "there is no section Atoms");
    const double box[3] = { r->high[0] - r->low[0], r->high[1] - r->low[1], r->high[2] - r->low[2] };
    return hg_particle_rows_snapshot(out, &r->rows, r->low, box, true, "LAMMPS data");
}

static hg_status read_data(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .atoms = 0 };
    hg_status st = hg_particle_rows_begin(&r.rows, f);
    if (st == HG_OK) st = read_lines(out, &r);
    hg_particle_rows_end(&r.rows);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static hg_status write_data(hg_output *o, const hg_snapshot *s, hg_err *err) {
    hg_row_sink out = { .o = o, .err = err, .st = HG_OK };
    size_t types = 1;
    for (size_t i = 0; i < s->n; i++)
        if (s->species[i] >= types) types = (size_t)s->species[i] + 1;
    hg_row_text(&out, "LAMMPS data file by Hagane, units = lj\n\n%zu atoms\n%zu atom types\n\n", s->n, types);
    for (size_t k = 0; k < 3; k++) {
        hg_row_text(&out, "0");
        hg_row_number(&out, s->box[k]);
        hg_row_text(&out, " %clo %chi\n", "xyz"[k], "xyz"[k]);
    }
    hg_row_text(&out, "\nMasses\n\n");
    for (size_t k = 0; k < types; k++) hg_row_text(&out, "%zu 1 # %c\n", k + 1, hg_species_letter((uint8_t)k));
    hg_row_text(&out, "\nAtoms # atomic\n\n");
    for (size_t i = 0; i < s->n && out.st == HG_OK; i++) {
        hg_row_text(&out, "%zu %u", i + 1, s->species[i] + 1u);
        for (size_t k = 0; k < 3; k++) hg_row_number(&out, s->x[3 * i + k]);
        hg_row_text(&out, "\n");
    }
    return out.st;
}

const hg_snapshot_format hg_format_lammps_data = {
    .name = "lammps-data", .suffixes = "data lmp", .looks = looks, .read = read_data, .write = write_data
};
