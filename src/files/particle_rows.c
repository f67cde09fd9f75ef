/* files/particle_rows.c -- see files/particle_rows.h */
#include "files/particle_rows.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "matter/snapshot.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 18 };

hg_status hg_particle_rows_begin(hg_particle_rows *r, hg_snapshot_source *f) {
    *r = (hg_particle_rows) { .f = f };
    r->used = hg_alloc(f->scratch, strlen(f->o->species) + HG_SPECIES_MOST, sizeof *r->used);
    if (!r->used) return hg_source_no_memory(f);
    HG_TRY(hg_lines_begin(&r->in, f->in, CHUNK, f->err));
    r->draft.in = &r->in;
    hg_draft_begin(&r->draft, f->scratch);
    return HG_OK;
}

void hg_particle_rows_end(hg_particle_rows *r) {
    hg_draft_free(&r->draft);
    hg_lines_end(&r->in);
    hg_free(r->row);
}

hg_status hg_particle_rows_fail(hg_particle_rows *r, const char *at, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    return hg_lines_fail(&r->in, at, r->f->err, HG_EPARSE, "%s", text);
}

hg_status hg_particle_rows_line(hg_particle_rows *r, const char *what) {
    bool more;
    HG_TRY(hg_lines_next(&more, &r->in, r->f->err));
    if (more) return HG_OK;
    return hg_advise(r->f->err, hg_particle_rows_fail(r, NULL, "the file ends here, expected %s", what),
                     "was the file cut short, perhaps while the program was still writing it?");
}

hg_status hg_particle_rows_add(hg_particle_row **out, hg_particle_rows *r) {
    if (!hg_grow(&r->row, &r->cap, r->n + 1, sizeof *r->row)) return hg_source_no_memory(r->f);
    *out = &r->row[r->n++];
    **out = (hg_particle_row) { .id = (int64_t)r->n, .line = r->in.number };
    return HG_OK;
}

hg_status hg_particle_rows_real(double *x, hg_particle_rows *r, hg_word w, const char *what) {
    return hg_draft_real(x, &r->draft, w, what, r->f->err);
}

hg_status hg_particle_rows_whole(int64_t *x, hg_particle_rows *r, hg_word w, int64_t most, const char *what) {
    if (w.len == 0) return hg_particle_rows_fail(r, w.s, "%s is missing: the line ends here", what);
    if (hg_whole_word(x, w) && *x >= 0 && *x <= most) return HG_OK;
    return hg_particle_rows_fail(r, w.s, "%s is \"%.*s\", expected a whole number from 0 to %lld", what,
                                 hg_word_shown(w), w.s, (long long)most);
}

hg_status hg_particle_rows_species(uint8_t *out, hg_particle_rows *r, hg_word w) {
    const char *const species = r->f->o->species;
    const size_t types = strlen(species);
    int64_t type;
    if (w.len == 1 && *w.s >= 'A' && *w.s < 'A' + HG_SPECIES_MOST) {
        *out = (uint8_t)(*w.s - 'A');
        return HG_OK;
    }
    if (w.len == 0) return hg_particle_rows_fail(r, w.s, "the type is missing: the line ends here");
    if (!hg_whole_word(&type, w) || type < 1)
        return hg_advise(r->f->err,
                         hg_particle_rows_fail(r, w.s, "the type is \"%.*s\", expected 1, 2, ... or a letter A to %c",
                                               hg_word_shown(w), w.s, hg_species_letter(HG_SPECIES_MOST - 1)),
                         "name the species A (the larger, of which there is more) and B");
    if (type > (int64_t)types)
        return hg_advise(r->f->err,
                         hg_particle_rows_fail(r, w.s, "type %lld, but a species is given for %zu types only (%s)",
                                               (long long)type, types, species),
                         "give a letter for each type, as in AB: two types, A and B");
    r->typed = r->used[type - 1] = true;
    *out = (uint8_t)(species[type - 1] - 'A');
    return HG_OK;
}

/* ---- the snapshot ------------------------------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b) {
    const hg_particle_row *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static hg_status say(hg_particle_rows *r, const char *kind) {
    const char *const species = r->f->o->species;
    hg_text t = hg_text_new(0);
    hg_text_add(&t, "%s: ", kind);
    if (r->typed) {
        hg_text_add(&t, "types");
        for (size_t k = 0; species[k]; k++)
            if (r->used[k]) hg_text_add(&t, " %zu", k + 1);
        hg_text_add(&t, " are");
        for (size_t k = 0; species[k]; k++)
            if (r->used[k]) hg_text_add(&t, " %c", species[k]);
        hg_text_add(&t, ", ");
    }
    hg_text_add(&t, "lengths in sigma_AA");
    r->f->words = t.failed ? NULL : hg_arena_strdup(r->f->mem, t.s);
    hg_text_free(&t);
    return r->f->words ? HG_OK : hg_source_no_memory(r->f);
}

static hg_status outside(hg_particle_rows *r, const hg_particle_row *row, size_t k, double x, double length) {
    return hg_advise(
        r->f->err,
        hg_fail_at(r->f->err, HG_EDATA, r->f->name, row->line, 0,
                   "the %c coordinate of particle %lld is %.9g from the corner of the box, which is %.9g wide",
                   "xyz"[k], (long long)row -> id, x, length),
        "is this the box of these positions?");
}

hg_status hg_particle_rows_snapshot(hg_snapshot **out, hg_particle_rows *r, const double origin[3], const double box[3],
                                    bool wrap, const char *kind) {
    if (r->n == 0) return hg_source_fail(r->f, HG_EDATA, "has no particles");
    qsort(r->row, r->n, sizeof *r->row, by_id);
    for (size_t i = 1; i < r->n; i++)
        if (r->row[i].id == r->row[i - 1].id)
            return hg_fail_at(r->f->err, HG_EPARSE, r->f->name, r->row[i].line, 0,
                              "particle %lld was there before, in line %zu", (long long)r->row[i].id,
                              r->row[i - 1].line);
    hg_snapshot *s = hg_source_snapshot(r->f, r->n);
    size_t *line = hg_alloc(r->f->scratch, r->n, sizeof *line);
    if (!s || !line) return hg_source_no_memory(r->f);
    for (size_t k = 0; k < 3; k++) s->box[k] = box[k];
    r->f->line = line;
    for (size_t i = 0; i < r->n; i++) {
        const hg_particle_row *row = &r->row[i];
        s->species[i] = row->species;
        line[i] = row->line;
        for (size_t k = 0; k < 3; k++) {
            const double x = row->x[k] - origin[k];
            if (!wrap && (x < 0 || x >= box[k])) return outside(r, row, k, x, box[k]);
            s->x[3 * i + k] = wrap ? hg_wrapped(x, box[k]) : x;
        }
    }
    *out = s;
    return say(r, kind);
}

/* ---- text out ---------------------------------------------------------------------------------------------------- */

void hg_row_text(hg_row_sink *s, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    const int n = hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    if (s->st == HG_OK) s->st = hg_output_write(s->o, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, s->err);
}

void hg_row_number(hg_row_sink *s, double x) {
    char text[HG_NUMBER_SIZE + 1] = " ";
    const size_t n = hg_number_write(text + 1, x);
    if (s->st == HG_OK) s->st = hg_output_write(s->o, text, n + 1, s->err);
}
