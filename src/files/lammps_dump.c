/* files/lammps_dump.c -- LAMMPS dump files (dump custom, atom, as text), one frame of them
 *
 * The columns of ITEM: ATOMS say what is there: type and one set of coordinates are needed, id is taken where it is. Unwrapped coordinates
 * are wrapped; so are others, which LAMMPS leaves a little outside between two neighbour lists. docs.lammps.org/dump.html
 */
#include "files/particle_rows.h"
#include <math.h>
#include <string.h>

enum { COLUMNS = 256, NONE = -1 };

/* What coordinates may be called: scaled ones are shares of the box. */
static const struct {
    const char *name[3];
    bool scaled;
} COORDINATES[] = { { { "x", "y", "z" }, false },
                    { { "xu", "yu", "zu" }, false },
                    { { "xs", "ys", "zs" }, true },
                    { { "xsu", "ysu", "zsu" }, true } };

typedef struct {
    hg_particle_rows rows;
    double low[3], box[3];
    int64_t atoms;
    int id, type, at[3];
    bool scaled, has_box, has_atoms;
    size_t frames;
} reader;

static bool looks(const unsigned char *head, size_t n) { return n >= 6 && memcmp(head, "ITEM: ", 6) == 0; }

/* Behind "ITEM: name": what follows on the line; s NULL: another item. */
static hg_word item(const hg_lines *in, const char *name) {
    const size_t n = strlen(name);
    if (in->len < 6 + n || memcmp(in->s, "ITEM: ", 6) != 0 || memcmp(in->s + 6, name, n) != 0) return (hg_word) { 0 };
    return hg_word_trim(in->s + 6 + n, in->len - 6 - n);
}

/* ---- the box ----------------------------------------------------------------------------------------------------- */

static hg_status check_walls(reader *r, hg_word w) {
    const char *at = w.s, *const end = w.s + w.len;
    if (memmem(w.s, w.len, "xy", 2) || memmem(w.s, w.len, "abc", 3))
        return hg_particle_rows_fail(&r->rows, w.s, "a tilted box; only rectangular ones are computed with");
    for (size_t k = 0; k < 3; k++) {
        const hg_word wall = hg_word_next(&at, end);
        if (wall.len == 0 && k == 0) return HG_OK; /* old files do not say it */
        if (hg_word_is(wall, "pp")) continue;
        return hg_advise(r->rows.f->err,
                         hg_particle_rows_fail(&r->rows, wall.s, "the box is not periodic along %c (%.*s)", "xyz"[k],
                                               hg_word_shown(wall), wall.s),
                         "only liquids that are periodic in all directions are computed with: boundary p p p");
    }
    return HG_OK;
}

static hg_status read_box(reader *r, hg_word w) {
    HG_TRY(check_walls(r, w));
    for (size_t k = 0; k < 3; k++) {
        double high;
        HG_TRY(hg_particle_rows_line(&r->rows, "a side of the box"));
        const char *at = r->rows.in.s, *const end = at + r->rows.in.len;
        HG_TRY(hg_particle_rows_real(&r->low[k], &r->rows, hg_word_next(&at, end), "the low end of the box"));
        HG_TRY(hg_particle_rows_real(&high, &r->rows, hg_word_next(&at, end), "the high end of the box"));
        r->box[k] = high - r->low[k];
        if (!(r->box[k] > 0)) return hg_particle_rows_fail(&r->rows, NULL, "a box without width");
    }
    r->has_box = true;
    return HG_OK;
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static int find(const hg_word *name, int n, const char *wanted) {
    for (int i = 0; i < n; i++)
        if (hg_word_is(name[i], wanted)) return i;
    return NONE;
}

static hg_status missing(reader *r, hg_word w, const char *name) {
    return hg_advise(r->rows.f->err,
                     hg_particle_rows_fail(&r->rows, w.s, "column \"%s\" is missing: there are %.*s", name,
                                           w.len ? hg_word_shown((hg_word) { w.s, w.len < 120 ? w.len : 120 }) : 4,
                                           w.len ? w.s : "none"),
                     "in LAMMPS: dump 1 all custom 1000 file.dump id type x y z");
}

static hg_status read_columns(reader *r, hg_word w) {
    hg_word name[COLUMNS];
    int n = 0;
    const char *at = w.s, *const end = w.s + w.len;
    for (hg_word one; (one = hg_word_next(&at, end)).len; n++) {
        if (n == COLUMNS) return hg_particle_rows_fail(&r->rows, one.s, "more than %d columns", COLUMNS);
        name[n] = one;
    }
    r->id = find(name, n, "id");
    r->type = find(name, n, "type");
    if (r->type == NONE) return missing(r, w, "type");
    const char *lacking = "x";
    for (size_t c = 0; c < sizeof COORDINATES / sizeof *COORDINATES; c++) {
        bool any = false, all = true;
        for (size_t k = 0; k < 3; k++) {
            r->at[k] = find(name, n, COORDINATES[c].name[k]);
            any |= r->at[k] != NONE;
            all &= r->at[k] != NONE;
        }
        r->scaled = COORDINATES[c].scaled;
        if (all) return HG_OK;
        for (size_t k = 3; any && k-- > 0;)
            if (r->at[k] == NONE) lacking = COORDINATES[c].name[k];
    }
    return missing(r, w, lacking);
}

static hg_status atom_line(reader *r) {
    static const char *const XYZ[3] = { "x", "y", "z" };
    const char *at = r->rows.in.s, *const end = at + r->rows.in.len;
    hg_particle_row *row;
    int last = r->id > r->type ? r->id : r->type;
    for (size_t k = 0; k < 3; k++) last = r->at[k] > last ? r->at[k] : last;
    HG_TRY(hg_particle_rows_add(&row, &r->rows));
    for (int i = 0; i <= last; i++) {
        const hg_word w = hg_word_next(&at, end);
        if (i == r->id) HG_TRY(hg_particle_rows_whole(&row->id, &r->rows, w, INT64_MAX, "id"));
        if (i == r->type) HG_TRY(hg_particle_rows_species(&row->species, &r->rows, w));
        for (size_t k = 0; k < 3; k++)
            if (i == r->at[k]) {
                HG_TRY(hg_particle_rows_real(&row->x[k], &r->rows, w, XYZ[k]));
                if (r->scaled) row->x[k] = r->low[k] + r->box[k] * row->x[k];
            }
    }
    return HG_OK;
}

static hg_status read_atoms(reader *r, hg_word columns) {
    if (!r->has_atoms || !r->has_box)
        return hg_particle_rows_fail(&r->rows, NULL, "atoms before the %s", r->has_atoms ? "box" : "number of atoms");
    HG_TRY(read_columns(r, columns));
    r->rows.n = 0;
    for (int64_t i = 0; i < r->atoms; i++) {
        HG_TRY(hg_particle_rows_line(&r->rows, "an atom"));
        HG_TRY(atom_line(r));
    }
    r->has_atoms = r->has_box = false;
    r->frames++;
    return HG_OK;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static hg_status read_number(int64_t *x, reader *r, const char *what) {
    HG_TRY(hg_particle_rows_line(&r->rows, what));
    const hg_word w = hg_word_trim(r->rows.in.s, r->rows.in.len);
    return hg_particle_rows_whole(x, &r->rows, w, INT32_MAX, what);
}

static hg_status one_item(reader *r) {
    const hg_lines *in = &r->rows.in;
    hg_word w;
    if (item(in, "TIMESTEP").s || item(in, "TIME").s) return hg_particle_rows_line(&r->rows, "a time");
    if (item(in, "UNITS").s) {
        HG_TRY(hg_particle_rows_line(&r->rows, "the units"));
        w = hg_word_trim(in->s, in->len);
        if (hg_word_is(w, "lj")) return HG_OK;
        return hg_particle_rows_fail(&r->rows, w.s, "units are \"%.*s\", expected lj", hg_word_shown(w), w.s);
    }
    if (item(in, "NUMBER OF ATOMS").s) {
        r->has_atoms = true;
        return read_number(&r->atoms, r, "the number of atoms");
    }
    if ((w = item(in, "BOX BOUNDS")).s) return read_box(r, w);
    if ((w = item(in, "ATOMS")).s) return read_atoms(r, w);
    return hg_particle_rows_fail(&r->rows, in->s, "\"%.*s\", expected an ITEM: of a dump of atoms",
                                 hg_word_shown((hg_word) { in->s, in->len }), in->s);
}

static hg_status read_frames(hg_snapshot **out, reader *r) {
    const size_t wanted = r->rows.f->o->frame;
    bool more;
    do {
        HG_TRY(hg_lines_next(&more, &r->rows.in, r->rows.f->err));
        if (more && hg_word_trim(r->rows.in.s, r->rows.in.len).len) HG_TRY(one_item(r));
    } while (more && (wanted == 0 || r->frames < wanted));
    if (!more && (r->has_atoms || r->has_box))
        return hg_particle_rows_fail(&r->rows, NULL, "the file ends within a frame");
    if (r->frames == 0)
        return hg_particle_rows_fail(&r->rows, NULL, "the file ends before its first ITEM: ATOMS is complete");
    if (r->frames < wanted)
        return hg_source_fail(r->rows.f, HG_EDATA, "has %zu frames, frame %zu was asked for", r->frames, wanted);
    return hg_particle_rows_snapshot(out, &r->rows, r->low, r->box, true, "LAMMPS dump");
}

static hg_status read_dump(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .frames = 0 };
    hg_status st = hg_particle_rows_begin(&r.rows, f);
    if (st == HG_OK) st = read_frames(out, &r);
    hg_particle_rows_end(&r.rows);
    return st;
}

const hg_snapshot_format hg_format_lammps_dump = {
    .name = "lammps-dump", .suffixes = "dump lammpstrj", .looks = looks, .read = read_dump
};
