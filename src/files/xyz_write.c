/* files/xyz_write.c -- frames of extended XYZ; see files/xyz.h */
#include "core/number.h"
#include "files/xyz.h"
#include "hagane/molecule_file.h"
#include "core/memory.h"
#include <stdio.h>
#include <string.h>

typedef struct {
    hg_output *o;
    hg_err *err;
    hg_status st; /* the first failure: later calls do nothing */
} sink;

static void put(sink *s, const char *text, size_t len) {
    if (s->st == HG_OK) s->st = hg_output_write(s->o, text, len, s->err);
}

static void put_word(sink *s, const char *word) { put(s, word, strlen(word)); }

static void refuse(sink *s, const char *what, const char *name) {
    if (s->st == HG_OK) s->st = hg_fail(s->err, HG_EINVAL, "extended XYZ cannot hold %s \"%s\"", what, name);
}

static void put_real(sink *s, double x) {
    char text[HG_NUMBER_SIZE];
    put(s, text, hg_number_write(text, x));
}

/* A real that looks whole gets a point, or it would come back as a whole number. */
static void put_marked_real(sink *s, double x) {
    char text[HG_NUMBER_SIZE];
    const size_t len = hg_number_write(text, x);
    put(s, text, len);
    if (!strpbrk(text, ".einf")) put(s, ".0", 2);
}

static void put_whole(sink *s, int64_t x) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)x);
    put_word(s, text);
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static void put_quoted(sink *s, const char *text) {
    put_word(s, "\"");
    for (const char *at = text; *at; at++) {
        if (*at == '\n')
            put_word(s, "\\n");
        else if (*at == '"' || *at == '\\')
            put(s, (const char[]) { '\\', *at }, 2);
        else
            put(s, at, 1);
        if (*at == '\r') refuse(s, "the text", text);
    }
    put_word(s, "\"");
}

static bool is_special(const char *name) { return !*name || strpbrk(name, " \t\r\n=\",{}[]\\'"); }

/* Keys that mean something else than a value. */
static bool is_taken(const char *name) {
    static const char *const TAKEN[] = { "Properties", "Lattice", "pbc", "charge", "total_charge" };
    for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++)
        if (strcmp(TAKEN[i], name) == 0) return true;
    return false;
}

static void put_key(sink *s, const char *name) {
    if (!*name || is_taken(name)) refuse(s, "a value called", name);
    if (is_special(name))
        put_quoted(s, name);
    else
        put_word(s, name);
}

static void put_element(sink *s, const hg_field *f, size_t i) {
    switch (f->kind) {
    case HG_FIELD_REAL: put_marked_real(s, f->real[i]); break;
    case HG_FIELD_WHOLE: put_whole(s, f->whole[i]); break;
    case HG_FIELD_BOOL: put_word(s, f->flag[i] ? "T" : "F"); break;
    case HG_FIELD_TEXT: put_quoted(s, f->text[i]); break;
    }
}

static void put_row(sink *s, const hg_field *f, size_t row) {
    put_word(s, "[");
    for (size_t j = 0; j < f->cols; j++) {
        if (j) put_word(s, ", ");
        put_element(s, f, row * f->cols + j);
    }
    put_word(s, "]");
}

/* One value: as it is. A list of numbers: "1 2 3", which every reader knows. The rest: [..] and [[..], [..]]. */
static void put_value(sink *s, const hg_field *f) {
    if (f->rows * f->cols == 0) refuse(s, "the empty list", f->name);
    if (f->rank == 0) {
        put_element(s, f, 0);
    } else if (f->rank == 1 && f->cols > 1 && f->kind != HG_FIELD_TEXT) {
        put_word(s, "\"");
        for (size_t j = 0; j < f->cols; j++) {
            if (j) put_word(s, " ");
            put_element(s, f, j);
        }
        put_word(s, "\"");
    } else if (f->rank == 1) {
        put_row(s, f, 0);
    } else {
        put_word(s, "[");
        for (size_t i = 0; i < f->rows; i++) {
            if (i) put_word(s, ", ");
            put_row(s, f, i);
        }
        put_word(s, "]");
    }
}

/* ---- the comment ------------------------------------------------------------------------------------------------- */

static void put_layout(sink *s, const hg_molecule *m) {
    static const char TYPE[] = {
        [HG_FIELD_REAL] = 'R', [HG_FIELD_WHOLE] = 'I', [HG_FIELD_BOOL] = 'L', [HG_FIELD_TEXT] = 'S'
    };
    put_word(s, "Properties=species:S:1:pos:R:3");
    for (size_t k = 0; k < m->n_columns; k++) {
        const hg_field *f = &m->columns[k];
        const size_t width = f->rank == 2 ? f->cols : 1;
        char text[48];
        if ((f->rank == 2 ? f->rows : f->cols) != m->n || width == 0 || strchr(f->name, ':'))
            refuse(s, "the column", f->name);
        put_word(s, ":");
        put_word(s, f->name);
        snprintf(text, sizeof text, ":%c:%zu", TYPE[f->kind], width);
        put_word(s, text);
    }
}

static void put_cell(sink *s, const hg_molecule *m) {
    put_word(s, "Lattice=\"");
    for (size_t i = 0; i < 9; i++) {
        if (i) put_word(s, " ");
        put_marked_real(s, m->cell[i]);
    }
    put_word(s, "\" ");
}

static void put_comment(sink *s, const hg_molecule *m) {
    if (m->has_cell) put_cell(s, m);
    put_layout(s, m);
    if (m->has_cell || m->periodic[0] || m->periodic[1] || m->periodic[2])
        for (size_t i = 0; i < 3; i++) {
            put_word(s, i ? " " : " pbc=\"");
            put_word(s, m->periodic[i] ? i == 2 ? "T\"" : "T" : i == 2 ? "F\"" : "F");
        }
    if (*m->id) {
        put_word(s, " id=");
        put_quoted(s, m->id);
    }
    if (m->charge) {
        put_word(s, " charge=");
        put_whole(s, m->charge);
    }
    for (size_t i = 0; i < m->n_values; i++) {
        put_word(s, " ");
        put_key(s, m->values[i].name);
        put_word(s, "=");
        put_value(s, &m->values[i]);
    }
    put_word(s, "\n");
}

/* ---- atoms ------------------------------------------------------------------------------------------------------- */

static void put_cell_of_atom(sink *s, const hg_field *f, size_t i) {
    put_word(s, " ");
    if (f->kind == HG_FIELD_TEXT) {
        if (!*f->text[i] || strpbrk(f->text[i], " \t\r\n")) refuse(s, "as a word for an atom the text", f->text[i]);
        put_word(s, f->text[i]);
    } else if (f->kind == HG_FIELD_REAL) {
        put_real(s, f->real[i]); /* its column says that it is a real */
    } else {
        put_element(s, f, i);
    }
}

static void put_atom(sink *s, const hg_molecule *m, size_t i) {
    const char *symbol = hg_element_symbol(m->z[i]);
    if (!symbol) {
        refuse(s, "an atom that is no element of", m->id);
        return;
    }
    put_word(s, symbol);
    for (size_t k = 0; k < 3; k++) {
        put_word(s, " ");
        put_real(s, m->r[3 * i + k]);
    }
    for (size_t c = 0; c < m->n_columns; c++) {
        const hg_field *f = &m->columns[c];
        const size_t width = f->rank == 2 ? f->cols : 1;
        for (size_t j = 0; j < width; j++) put_cell_of_atom(s, f, i * width + j);
    }
    put_word(s, "\n");
}

hg_status hg_xyz_write(hg_output *o, const hg_molecule *m, hg_err *err) {
    sink s = { .o = o, .err = err, .st = HG_OK };
    char text[32];
    snprintf(text, sizeof text, "%zu\n", m->n);
    put_word(&s, text);
    put_comment(&s, m);
    for (size_t i = 0; i < m->n && s.st == HG_OK; i++) put_atom(&s, m, i);
    return s.st;
}

/* ---- a file of them ---------------------------------------------------------------------------------------------- */

struct hg_molecule_writer {
    hg_output *o;
    hg_status st;
};

hg_status hg_molecule_writer_new(hg_molecule_writer **out, const char *path, hg_err *err) {
    hg_molecule_writer *w = hg_calloc(1, sizeof *w);
    *out = NULL;
    if (!w) return hg_fail(err, HG_ENOMEM, "no memory to write %s", path);
    const hg_status st = hg_output_new(&w->o, path, NULL, err);
    if (st != HG_OK) {
        hg_free(w);
        return st;
    }
    *out = w;
    return HG_OK;
}

hg_status hg_molecule_writer_put(hg_molecule_writer *w, const hg_molecule *m, hg_err *err) {
    if (w->st != HG_OK) return hg_fail(err, HG_EINVAL, "molecules cannot be written behind one that failed");
    w->st = hg_xyz_write(w->o, m, err);
    return w->st;
}

hg_status hg_molecule_writer_commit(hg_molecule_writer *w, hg_err *err) {
    if (w->st != HG_OK) return hg_fail(err, HG_EINVAL, "a file in which a molecule failed cannot be put in its place");
    return hg_output_commit(w->o, err);
}

void hg_molecule_writer_free(hg_molecule_writer *w) {
    if (!w) return;
    hg_output_free(w->o);
    hg_free(w);
}
