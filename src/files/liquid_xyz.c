/* files/liquid_xyz.c -- extended XYZ of liquids: as files/xyz.c, but of species A, B or types 1, 2, and with what a snapshot knows
 *
 *   4
 *   Lattice="10 0 0 0 10 0 0 0 10" Properties=species:S:1:pos:R:3:inherent:R:3:propensity:R:2 temperature=0.44 times="1 10" pbc="T T T"
 *   A 0.5 0.5 0.5 ...
 *
 * Pairs have no place in it. Columns and keys of other names are passed over. The last frame of several is read, or the one asked for.
 */
#include "files/particle_rows.h"
#include "files/xyz.h"
#include "matter/snapshot.h"
#include "core/memory.h"
#include <string.h>

enum { COLUMNS = 64, WIDEST = 4096, TIMES = 256 };

typedef enum { PASSED, SPECIES, POSITION, INHERENT, CAGE, COVARIANCE, PROPENSITY, EVEN, ODD, ROLES } role;

/* widths of 0: one a time */
static const struct {
    const char *name;
    size_t width;
} ROLE[ROLES] = { [SPECIES] = { "species", 1 },
                  [POSITION] = { "pos", 3 },
                  [INHERENT] = { "inherent", 3 },
                  [CAGE] = { "cage", 3 },
                  [COVARIANCE] = { "cage_covariance", 6 },
                  [PROPENSITY] = { "propensity", 0 },
                  [EVEN] = { "propensity_even", 0 },
                  [ODD] = { "propensity_odd", 0 } };

typedef struct {
    role role;
    size_t width;
} column;

typedef struct {
    hg_particle_rows rows;
    column column[COLUMNS];
    size_t n_columns, frames;
    double box[3], temperature, time[TIMES];
    size_t n_times;
    int64_t runs, liquid;
    const char *id, *split;
    bool has_box;
    double *extra[ROLES]; /* [n,width] grown; in lines' order */
    size_t cap[ROLES], used[ROLES];
} reader;

/* A count; what the second line must have is said by the reader. */
static bool looks(const unsigned char *head, size_t n) {
    const char *const text = (const char *)head;
    const char *end = memchr(text, '\n', n);
    if (!end || n == 0) return false;
    const hg_word count = hg_word_trim(text, (size_t)(end - text));
    int64_t atoms;
    return hg_whole_word(&atoms, count);
}

/* ---- the second line --------------------------------------------------------------------------------------------- */

static double number(const hg_field *f, size_t i) {
    return f->kind == HG_FIELD_REAL ? f->real[i] : f->kind == HG_FIELD_WHOLE ? (double)f->whole[i] : (double)NAN;
}

static hg_status take_lattice(reader *r, const hg_field *f, const char *at) {
    const size_t n = f->rows * f->cols;
    bool ok = (n == 9 || n == 3) && (f->kind == HG_FIELD_REAL || f->kind == HG_FIELD_WHOLE);
    for (size_t i = 0; ok && n == 9 && i < 9; i++) ok = i % 4 == 0 || number(f, i) == 0;
    for (size_t k = 0; ok && k < 3; k++) {
        r->box[k] = number(f, n == 9 ? 4 * k : k);
        ok = r->box[k] > 0;
    }
    r->has_box = true;
    return ok ? HG_OK
              : hg_advise(r->rows.f->err, hg_particle_rows_fail(&r->rows, at, "Lattice is not a rectangular box"),
                          "Lattice=\"10 0 0 0 10 0 0 0 10\"");
}

static hg_status take_times(reader *r, const hg_field *f, const char *at) {
    const size_t n = f->rows * f->cols;
    if (n == 0 || n > TIMES) return hg_particle_rows_fail(&r->rows, at, "%zu times, expected 1 to %d", n, TIMES);
    for (size_t t = 0; t < n; t++) r->time[t] = number(f, t);
    r->n_times = n;
    return HG_OK;
}

static hg_status take_layout(reader *r, const hg_field *f, const char *at) {
    const char *text = f->kind == HG_FIELD_TEXT && f->rank == 0 ? f->text[0] : "";
    bool seen[ROLES] = { false };
    r->n_columns = 0;
    while (*text) {
        hg_word part[3];
        size_t width = 0;
        for (size_t i = 0; i < 3; i++) {
            part[i] = (hg_word) { text, strcspn(text, ":") };
            text += part[i].len + (text[part[i].len] == ':');
        }
        for (size_t i = 0; i < part[2].len && width <= WIDEST; i++)
            width = part[2].s[i] >= '0' && part[2].s[i] <= '9' ? 10 * width + (size_t)(part[2].s[i] - '0') : WIDEST + 1;
        if (part[1].len != 1 || width == 0 || width > WIDEST || r->n_columns == COLUMNS)
            return hg_advise(r->rows.f->err, hg_particle_rows_fail(&r->rows, at, "Properties is not understood"),
                             "name:T:n for each column: Properties=species:S:1:pos:R:3");
        role found = PASSED;
        for (int k = SPECIES; k < ROLES; k++)
            if (hg_word_is(part[0], ROLE[k].name)) found = (role)k;
        if (found && seen[found])
            return hg_particle_rows_fail(&r->rows, at, "column \"%s\" is there twice", ROLE[found].name);
        if (found && ROLE[found].width && ROLE[found].width != width)
            return hg_particle_rows_fail(&r->rows, at, "column \"%s\" is %zu wide, expected %zu", ROLE[found].name,
                                         width, ROLE[found].width);
        seen[found] = true;
        r->column[r->n_columns++] = (column) { found, width };
    }
    for (int k = SPECIES; k <= POSITION; k++)
        if (!seen[k])
            return hg_advise(
                r->rows.f->err,
                hg_particle_rows_fail(&r->rows, at, "column \"%s\" is missing from Properties", ROLE[k].name),
                "Properties=species:S:1:pos:R:3");
    return HG_OK;
}

static hg_status take_text(reader *r, const char **to, const hg_field *f) {
    if (f->kind == HG_FIELD_TEXT && f->rank == 0) *to = f->text[0];
    (void)r;
    return HG_OK;
}

static hg_status take_pbc(reader *r, const hg_field *f, const char *at) {
    for (size_t i = 0; i < f->rows * f->cols; i++)
        if (f->kind != HG_FIELD_BOOL || !f->flag[i])
            return hg_advise(r->rows.f->err, hg_particle_rows_fail(&r->rows, at, "the box is not periodic (pbc)"),
                             "only liquids that are periodic in all directions are computed with");
    return HG_OK;
}

static hg_status take_pair(reader *r, const hg_field *f, const char *at) {
    const bool one = f->rows * f->cols == 1 && f->kind != HG_FIELD_TEXT;
    const double x = one ? number(f, 0) : (double)NAN;
    if (strcmp(f->name, "Lattice") == 0) return take_lattice(r, f, at);
    if (strcmp(f->name, "Properties") == 0) return take_layout(r, f, at);
    if (strcmp(f->name, "pbc") == 0) return take_pbc(r, f, at);
    if (strcmp(f->name, "times") == 0) return take_times(r, f, at);
    if (strcmp(f->name, "id") == 0) return take_text(r, &r->id, f);
    if (strcmp(f->name, "split") == 0) return take_text(r, &r->split, f);
    if (strcmp(f->name, "temperature") == 0) {
        r->temperature = x;
        return x > 0 && isfinite(x) ? HG_OK : hg_particle_rows_fail(&r->rows, at, "the temperature must be above 0");
    }
    int64_t *const whole = strcmp(f->name, "runs") == 0 ? &r->runs : strcmp(f->name, "liquid") == 0 ? &r->liquid : NULL;
    if (!whole) return HG_OK;
    if (!(x >= 0 && x <= 1e15 && x == nearbyint(x)))
        return hg_particle_rows_fail(&r->rows, at, "\"%s\" must be a whole number from 0", f->name);
    *whole = (int64_t)x;
    return HG_OK;
}

static hg_status read_comment(reader *r) {
    const char *at = r->rows.in.s, *const end = at + r->rows.in.len;
    r->has_box = false;
    r->n_columns = r->n_times = 0;
    r->temperature = (double)NAN;
    r->runs = 0;
    r->liquid = -1;
    r->id = r->split = NULL;
    for (;;) {
        hg_field f;
        bool more;
        while (at < end && hg_blank(*at)) at++;
        const char *const from = at;
        HG_TRY(hg_xyz_pair(&more, &f, &at, end, &r->rows.draft, r->rows.f->err));
        if (!more) break;
        HG_TRY(take_pair(r, &f, from));
    }
    if (r->n_columns == 0)
        return hg_advise(
            r->rows.f->err, hg_particle_rows_fail(&r->rows, NULL, "no Properties in the second line of a frame"),
            "plain XYZ has no box; extended XYZ says Lattice=\"10 0 0 0 10 0 0 0 10\" Properties=species:S:1:pos:R:3");
    if (!r->has_box)
        return hg_advise(r->rows.f->err, hg_particle_rows_fail(&r->rows, NULL, "no Lattice: the box is not known"),
                         "Lattice=\"10 0 0 0 10 0 0 0 10\"");
    for (size_t c = 0; c < r->n_columns; c++) {
        const column *col = &r->column[c];
        if (col->role >= PROPENSITY && col->width != r->n_times)
            return hg_particle_rows_fail(&r->rows, NULL, "column \"%s\" is %zu wide, but there are %zu times",
                                         ROLE[col->role].name, col->width, r->n_times);
    }
    return HG_OK;
}

/* ---- particles --------------------------------------------------------------------------------------------------- */

static hg_status read_cell(reader *r, hg_particle_row *row, const column *c, size_t k, hg_word w) {
    double x;
    if (c->role == PASSED) return w.len ? HG_OK : hg_particle_rows_fail(&r->rows, NULL, "the line ends too early");
    if (c->role == SPECIES) return hg_particle_rows_species(&row->species, &r->rows, w);
    HG_TRY(hg_particle_rows_real(&x, &r->rows, w, ROLE[c->role].name));
    if (c->role == POSITION) {
        row->x[k] = x;
        return HG_OK;
    }
    if (!hg_grow(&r->extra[c->role], &r->cap[c->role], r->used[c->role] + 1, sizeof x))
        return hg_source_no_memory(r->rows.f);
    r->extra[c->role][r->used[c->role]++] = x;
    return HG_OK;
}

static hg_status read_particle(reader *r) {
    const char *at = r->rows.in.s, *const end = at + r->rows.in.len;
    hg_particle_row *row;
    HG_TRY(hg_particle_rows_add(&row, &r->rows));
    for (size_t c = 0; c < r->n_columns; c++)
        for (size_t k = 0; k < r->column[c].width; k++)
            HG_TRY(read_cell(r, row, &r->column[c], k, hg_word_next(&at, end)));
    const hg_word w = hg_word_next(&at, end);
    return w.len == 0 ? HG_OK : hg_particle_rows_fail(&r->rows, w.s, "more words than Properties has columns");
}

static hg_status read_frame(bool *more, reader *r) {
    int64_t n;
    do {
        HG_TRY(hg_lines_next(more, &r->rows.in, r->rows.f->err));
        if (!*more) return HG_OK;
    } while (hg_word_trim(r->rows.in.s, r->rows.in.len).len == 0);
    HG_TRY(hg_particle_rows_whole(&n, &r->rows, hg_word_trim(r->rows.in.s, r->rows.in.len), INT32_MAX,
                                  "the number of particles"));
    HG_TRY(hg_particle_rows_line(&r->rows, "the line with Properties"));
    HG_TRY(read_comment(r));
    r->rows.n = 0;
    memset(r->used, 0, sizeof r->used);
    for (int64_t i = 0; i < n; i++) {
        HG_TRY(hg_particle_rows_line(&r->rows, "a particle"));
        HG_TRY(read_particle(r));
    }
    r->frames++;
    return HG_OK;
}

/* ---- the snapshot ------------------------------------------------------------------------------------------------ */

static bool take_reals(double **to, const reader *r, role k, hg_arena *mem) {
    if (r->used[k] == 0) return true;
    if (!(*to = hg_alloc(mem, r->used[k], sizeof **to))) return false;
    memcpy(*to, r->extra[k], r->used[k] * sizeof **to);
    return true;
}

/* [n,times] to [times,n] */
static bool take_labels(float **to, const reader *r, role k, hg_arena *mem) {
    const size_t n = r->rows.n;
    if (r->used[k] == 0) return true;
    if (!(*to = hg_alloc(mem, r->used[k], sizeof **to))) return false;
    for (size_t t = 0; t < r->n_times; t++)
        for (size_t i = 0; i < n; i++) (*to)[t * n + i] = (float)r->extra[k][i * r->n_times + t];
    return true;
}

static bool add_all(hg_snapshot *s, const reader *r) {
    hg_arena *mem = r->rows.f->mem;
    if (!isnan(r->temperature)) s->temperature = r->temperature;
    s->liquid = r->liquid;
    if ((r->id && !(s->id = hg_arena_strdup(mem, r->id))) || (r->split && !(s->split = hg_arena_strdup(mem, r->split))))
        return false;
    if (!take_reals(&s->inherent, r, INHERENT, mem) || !take_reals(&s->cage, r, CAGE, mem) ||
        !take_reals(&s->cage_covariance, r, COVARIANCE, mem))
        return false;
    if (r->used[PROPENSITY] == 0) return true;
    s->n_times = r->n_times;
    s->runs = (size_t)r->runs;
    if (!(s->time = hg_alloc(mem, s->n_times, sizeof *s->time))) return false;
    memcpy(s->time, r->time, s->n_times * sizeof *s->time);
    return take_labels(&s->propensity, r, PROPENSITY, mem) && take_labels(&s->propensity_half[0], r, EVEN, mem) &&
           take_labels(&s->propensity_half[1], r, ODD, mem);
}

static hg_status read_frames(hg_snapshot **out, reader *r) {
    hg_snapshot_source *f = r->rows.f;
    const double zero[3] = { 0 };
    bool more;
    do HG_TRY(read_frame(&more, r));
    while (more && (f->o->frame == 0 || r->frames < f->o->frame));
    if (r->frames < f->o->frame)
        return hg_source_fail(f, HG_EDATA, "has %zu frames, frame %zu was asked for", r->frames, f->o->frame);
    if (!r->used[EVEN] != !r->used[ODD] || (r->used[EVEN] && !r->used[PROPENSITY]))
        return hg_source_fail(f, HG_EDATA,
                              "propensities of one half of the runs without the other, or without the whole");
    HG_TRY(hg_particle_rows_snapshot(out, &r->rows, zero, r->box, true, "extended XYZ"));
    return add_all(*out, r) ? HG_OK : hg_source_no_memory(f);
}

static hg_status read_xyz(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .frames = 0 };
    hg_status st = hg_particle_rows_begin(&r.rows, f);
    if (st == HG_OK) st = read_frames(out, &r);
    for (size_t k = 0; k < ROLES; k++) hg_free(r.extra[k]);
    hg_particle_rows_end(&r.rows);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put_list(hg_row_sink *out, const char *key, const double *x, size_t n) {
    hg_row_text(out, " %s=\"", key);
    for (size_t i = 0; i < n; i++) hg_row_number(out, x[i]);
    hg_row_text(out, "\"");
}

static void put_word(hg_row_sink *out, const char *key, const char *text) {
    if (!*text) return;
    if (strpbrk(text, "\"\\\n\r") || strlen(text) > 200)
        out->st = hg_fail(out->err, HG_EINVAL, "extended XYZ cannot hold the text \"%s\"", text);
    hg_row_text(out, " %s=\"%s\"", key, text);
}

static void put_comment(hg_row_sink *out, const hg_snapshot *s) {
    const double cell[9] = { s->box[0], 0, 0, 0, s->box[1], 0, 0, 0, s->box[2] };
    hg_row_text(out, "%zu\nProperties=species:S:1:pos:R:3", s->n);
    if (s->inherent) hg_row_text(out, ":inherent:R:3");
    if (s->cage) hg_row_text(out, ":cage:R:3");
    if (s->cage_covariance) hg_row_text(out, ":cage_covariance:R:6");
    if (s->propensity) hg_row_text(out, ":propensity:R:%zu", s->n_times);
    if (s->propensity_half[0]) hg_row_text(out, ":propensity_even:R:%zu:propensity_odd:R:%zu", s->n_times, s->n_times);
    put_list(out, "Lattice", cell, 9);
    hg_row_text(out, " pbc=\"T T T\"");
    put_word(out, "id", s->id);
    put_word(out, "split", s->split);
    if (isfinite(s->temperature)) put_list(out, "temperature", &s->temperature, 1);
    if (s->liquid >= 0) hg_row_text(out, " liquid=%lld", (long long)s->liquid);
    if (s->propensity) {
        hg_row_text(out, " runs=%zu", s->runs);
        put_list(out, "times", s->time, s->n_times);
    }
    hg_row_text(out, "\n");
}

static void put_reals(hg_row_sink *out, const double *x, size_t i, size_t width) {
    for (size_t k = 0; x && k < width; k++) hg_row_number(out, x[width * i + k]);
}

static void put_labels(hg_row_sink *out, const float *x, const hg_snapshot *s, size_t i) {
    for (size_t t = 0; x && t < s->n_times; t++) hg_row_number(out, (double)x[t * s->n + i]);
}

static hg_status write_xyz(hg_output *o, const hg_snapshot *s, hg_err *err) {
    hg_row_sink out = { .o = o, .err = err, .st = HG_OK };
    if (s->n_times > TIMES) return hg_fail(err, HG_EINVAL, "extended XYZ holds labels at up to %d times", TIMES);
    put_comment(&out, s);
    for (size_t i = 0; i < s->n && out.st == HG_OK; i++) {
        hg_row_text(&out, "%c", hg_species_letter(s->species[i]));
        put_reals(&out, s->x, i, 3);
        put_reals(&out, s->inherent, i, 3);
        put_reals(&out, s->cage, i, 3);
        put_reals(&out, s->cage_covariance, i, 6);
        put_labels(&out, s->propensity, s, i);
        put_labels(&out, s->propensity_half[0], s, i);
        put_labels(&out, s->propensity_half[1], s, i);
        hg_row_text(&out, "\n");
    }
    return out.st;
}

const hg_snapshot_format hg_format_liquid_xyz = {
    .name = "xyz", .suffixes = "xyz extxyz", .looks = looks, .read = read_xyz, .write = write_xyz
};
