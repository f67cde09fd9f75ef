/* tests/fuzz/molecules.h -- any bytes as a file of molecules of one format: refused with a sentence, or sound molecules; the same in
 * one piece or in many */
#ifndef HG_FUZZ_MOLECULES_H
#define HG_FUZZ_MOLECULES_H
#include "files/codec.h"
#include "hagane/molecule_file.h"
#include <stdlib.h>
#include <string.h>

static inline void must(bool ok) {
    if (!ok) abort();
}

static inline hg_molecule_file *open_fuzz(const char *format, const uint8_t *bytes, size_t n, size_t chunk,
                                          hg_err *err) {
    hg_molecule_file *f;
    hg_molecule_file_opts o = hg_molecule_file_opts_default();
    o.format = format;
    o.chunk = chunk;
    o.max_bytes = 1 << 20;
    o.limits.max_atoms = 1000;
    o.limits.allow_flat = true;
    return hg_molecule_file_open_memory(&f, "fuzz", bytes, n, &o, err) == HG_OK ? f : NULL;
}

/* Every element of every field, so that the sanitizer sees one that is not there. */
static inline size_t touch_fields(const hg_field *f, size_t n) {
    size_t sum = 0;
    for (size_t k = 0; k < n; k++) {
        sum += strlen(f[k].name);
        for (size_t i = 0; i < f[k].rows * f[k].cols; i++) {
            if (f[k].kind == HG_FIELD_REAL) sum += f[k].real[i] > 0;
            if (f[k].kind == HG_FIELD_WHOLE) sum += (size_t)f[k].whole[i];
            if (f[k].kind == HG_FIELD_BOOL) sum += f[k].flag[i];
            if (f[k].kind == HG_FIELD_TEXT) sum += strlen(f[k].text[i]);
        }
    }
    return sum;
}

static inline size_t touch(const hg_molecule *m) {
    hg_molecule_limits l = hg_molecule_limits_default();
    l.allow_flat = true;
    must(hg_molecule_check(m, &l, NULL) == HG_OK);
    for (size_t i = 0; i < m->n_bonds; i++) must(m->bonds[i].a < m->n && m->bonds[i].b < m->n && m->bonds[i].kind <= 4);
    return strlen(m->id) + (size_t)hg_molecule_electrons(m) + touch_fields(m->values, m->n_values) +
           touch_fields(m->columns, m->n_columns);
}

/* visit: may be NULL; called with each molecule. */
static inline void fuzz_molecules(const char *format, const uint8_t *bytes, size_t n,
                                  void (*visit)(const hg_molecule *m)) {
    if (hg_codec_of(bytes, n)) return; /* where damage is noticed depends on the pieces; fuzz_input looks at that */
    hg_err a = { 0 }, b = { 0 };
    hg_molecule_file *whole = open_fuzz(format, bytes, n, 1 << 16, &a),
                     *pieces = open_fuzz(format, bytes, n, 1 + n % 37, &b);
    hg_arena *mem = hg_arena_new();
    must((whole == NULL) == (pieces == NULL));
    for (size_t count = 0; whole; count++) { /* a molecule that is refused may be followed by others */
        hg_molecule *m, *p;
        const hg_mark mark = hg_arena_mark(mem);
        const hg_status st = hg_molecule_file_next(&m, whole, mem, &a);
        must(hg_molecule_file_next(&p, pieces, mem, &b) == st && (m == NULL) == (p == NULL));
        must(st == HG_OK || (a.msg[0] && strcmp(a.msg, b.msg) == 0));
        if (m) must(touch(m) == touch(p) && m->n == p->n && memcmp(m->r, p->r, 3 * m->n * sizeof *m->r) == 0);
        if (m && visit) visit(m);
        hg_arena_reset(mem, mark);
        if (hg_molecule_file_count(whole) == count) break; /* the end, or an error for good */
    }
    hg_molecule_file_free(whole);
    hg_molecule_file_free(pieces);
    hg_arena_free(mem);
}
#endif
