/* tests/support/molecules.c -- see molecules.h */
#include "molecules.h"
#include "test.h"

hg_molecule_file *molecules_open(const char *name, const char *text) {
    hg_molecule_file *f = NULL;
    hg_err err;
    assert_ok_err(hg_molecule_file_open_memory(&f, name, text, strlen(text), NULL, &err), err);
    return f;
}

hg_molecule *molecules_next(hg_molecule_file *f, hg_arena *mem) {
    hg_molecule *m = NULL;
    hg_err err;
    assert_ok_err(hg_molecule_file_next(&m, f, mem, &err), err);
    return m;
}

size_t molecules_drain(hg_molecule_file *f, hg_status *st, hg_err *err) {
    hg_arena *mem = f ? hg_arena_new() : NULL;
    hg_molecule *m = NULL;
    size_t n = 0;
    if (!f) return 0;
    do {
        const hg_mark mark = hg_arena_mark(mem);
        *st = hg_molecule_file_next(&m, f, mem, err);
        n += *st == HG_OK && m;
        hg_arena_reset(mem, mark);
    } while (*st == HG_OK && m);
    hg_arena_free(mem);
    hg_molecule_file_free(f);
    return n;
}

void molecules_refused(const char *name, const char *text, hg_status want, const char *msg, const char *hint) {
    hg_molecule_file *f;
    hg_err err = { 0 };
    hg_status st = hg_molecule_file_open_memory(&f, name, text, strlen(text), NULL, &err);
    molecules_drain(f, &st, &err);
    if (st != want) fail_msg("%s instead of %s: %s\n%s", hg_status_name(st), hg_status_name(want), err.msg, text);
    assert_string_equal(err.msg, msg);
    assert_contains(err.hint, hint);
}

/* ---- equality ------------------------------------------------------------------------------------------------ */

static bool same_real(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void assert_fields_equal(const hg_field *a, const hg_field *b, size_t n) {
    for (size_t k = 0; k < n; k++) {
        assert_string_equal(a[k].name, b[k].name);
        if (a[k].kind != b[k].kind) fail_msg("\"%s\" is of kind %d and %d", a[k].name, (int)a[k].kind, (int)b[k].kind);
        assert_int_equal(a[k].rank, b[k].rank);
        assert_int_equal(a[k].rows, b[k].rows);
        assert_int_equal(a[k].cols, b[k].cols);
        for (size_t i = 0; i < a[k].rows * a[k].cols; i++) {
            if (a[k].kind == HG_FIELD_REAL) assert_true(same_real(a[k].real[i], b[k].real[i]));
            if (a[k].kind == HG_FIELD_WHOLE) assert_int_equal(a[k].whole[i], b[k].whole[i]);
            if (a[k].kind == HG_FIELD_BOOL) assert_int_equal(a[k].flag[i], b[k].flag[i]);
            if (a[k].kind == HG_FIELD_TEXT) assert_string_equal(a[k].text[i], b[k].text[i]);
        }
    }
}

void molecules_assert_equal(const hg_molecule *a, const hg_molecule *b) {
    assert_int_equal(a->n, b->n);
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->charge, b->charge);
    assert_memory_equal(a->z, b->z, a->n);
    assert_memory_equal(a->r, b->r, 3 * a->n * sizeof *a->r);
    assert_int_equal(a->has_cell, b->has_cell);
    for (size_t i = 0; i < 9; i++) assert_true(a->cell[i] == b->cell[i]);
    for (size_t i = 0; i < 3; i++) assert_int_equal(a->periodic[i], b->periodic[i]);
    assert_int_equal(a->n_values, b->n_values);
    assert_int_equal(a->n_columns, b->n_columns);
    assert_fields_equal(a->values, b->values, a->n_values);
    assert_fields_equal(a->columns, b->columns, a->n_columns);
}

/* ---- stress -------------------------------------------------------------------------------------------------- */

static void in_pieces(const char *name, const char *text, size_t chunk) {
    hg_arena *mem = hg_arena_new();
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    hg_molecule_file *whole = molecules_open(name, text), *pieces;
    hg_err err;
    o.chunk = chunk;
    o.format = hg_molecule_file_format(whole); /* a small chunk may hold too little to tell it */
    assert_ok_err(hg_molecule_file_open_memory(&pieces, name, text, strlen(text), &o, &err), err);
    for (;;) {
        const hg_molecule *a = molecules_next(whole, mem), *b = molecules_next(pieces, mem);
        assert_int_equal(a == NULL, b == NULL);
        if (!a) break;
        molecules_assert_equal(a, b);
        assert_int_equal(a->line, b->line);
    }
    hg_molecule_file_free(whole);
    hg_molecule_file_free(pieces);
    hg_arena_free(mem);
}

static hg_status drained(const char *name, const char *text, size_t n, const char *format, size_t *count, hg_err *err) {
    hg_molecule_file *f;
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    o.format = format;
    hg_status st = hg_molecule_file_open_memory(&f, name, text, n, &o, err);
    *count = molecules_drain(f, &st, err);
    return st;
}

void molecules_stress(const char *name, const char *text) {
    hg_molecule_file *f = molecules_open(name, text);
    const char *format = hg_molecule_file_format(f);
    hg_status st;
    hg_err err = { 0 };
    const size_t total = molecules_drain(f, &st, &err);
    size_t n;
    assert_int_equal(st, HG_OK);
    for (size_t chunk = 1; chunk < 2 * strlen(text); chunk = chunk * 3 / 2 + 1) in_pieces(name, text, chunk);
    for (size_t cut = 0; cut < strlen(text); cut++) {
        st = drained(name, text, cut, format, &n, &err);
        assert_true(n <= total);
        assert_true(st == HG_OK || err.msg[0]);
    }
    for (long k = 0;; k++) {
        fail_alloc_after(k);
        st = drained(name, text, strlen(text), format, &n, &err);
        fail_alloc_after(-1);
        if (st == HG_OK) break;
        if (st != HG_ENOMEM) fail_msg("allocation %ld failed, and it says %s: %s", k, hg_status_name(st), err.msg);
    }
    assert_int_equal(n, total);
}
