/* files/molecule_set.c -- see files/molecule_set.h */
#include "files/molecule_set.h"
#include "matter/molecule.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST = 1024, NAMES_SIZE = 200 };

static hg_status grow(hg_molecule_set *s, const hg_molecule_set_opts *o, hg_arena *mem, hg_err *err) {
    if (s->n < s->cap) return HG_OK;
    const size_t cap = s->cap ? 2 * s->cap : FIRST;
    hg_molecule_set t = { .n = s->n, .cap = cap };
    t.molecule = hg_alloc(mem, cap, sizeof(hg_molecule *));
    t.value = hg_alloc(mem, cap, (o->n_targets ? o->n_targets : 1) * sizeof *t.value);
    t.why = o->keep_refused ? hg_alloc(mem, cap, sizeof *t.why) : NULL;
    if (!t.molecule || !t.value || (o->keep_refused && !t.why))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu molecules", cap);
    if (s->n) {
        memcpy(t.molecule, s->molecule, s->n * sizeof(hg_molecule *));
        memcpy(t.value, s->value, s->n * o->n_targets * sizeof *t.value);
        if (t.why) memcpy(t.why, s->why, s->n * sizeof *t.why);
    }
    *s = t;
    return HG_OK;
}

/* How many values are one number each; their names, and the last one of them. */
static size_t numbers_of(char names[NAMES_SIZE], double *x, const hg_molecule *m) {
    size_t n = 0, at = 0;
    names[0] = '\0';
    for (size_t i = 0; i < m->n_values; i++) {
        if (!hg_molecule_number(x, m, m->values[i].name)) continue;
        n++;
        if (at + 1 < NAMES_SIZE)
            at += (size_t)snprintf(names + at, NAMES_SIZE - at, "%s%s", at ? ", " : "", m->values[i].name);
    }
    return n;
}

static hg_status no_target(const hg_target *t, const hg_molecule *m, const char *path, hg_err *err) {
    char names[NAMES_SIZE];
    const hg_molecule_words who = hg_molecule_called(m);
    double x;
    const size_t n = numbers_of(names, &x, m);
    const hg_status st = t->name ? HG_ENOTFOUND : HG_EDATA;
    if (t->name)
        hg_fail_at(err, st, path, m->line, 0, "%s has no number \"%s\"", who.s, t->name);
    else if (n == 0)
        hg_fail_at(err, st, path, m->line, 0, "%s has no known value", who.s);
    else
        hg_fail_at(err, st, path, m->line, 0, "%s has %zu values; which one is meant?", who.s, n);
    if (n == 0)
        return hg_advise(err, st, "known values stand in extended XYZ: Properties=species:S:1:pos:R:3 energy=-9.1");
    return t->name ? hg_advise(err, st, "it has: %s", names) : hg_advise(err, st, "--target NAME: %s", names);
}

static hg_status target_of(double *x, const hg_target *t, const hg_molecule *m, const char *path, hg_err *err) {
    char names[NAMES_SIZE];
    const hg_molecule_words who = hg_molecule_called(m);
    const bool there = t->name ? hg_molecule_number(x, m, t->name) : numbers_of(names, x, m) == 1;
    if (there && isfinite(*x)) {
        *x *= t->factor;
        return HG_OK;
    }
    if (there)
        return hg_fail_at(err, HG_ENAN, path, m->line, 0, "%s: \"%s\" is not a finite number", who.s,
                          t->name ? t->name : names);
    *x = (double)NAN;
    return t->optional ? HG_OK : no_target(t, m, path, err);
}

/* Did the file go on behind a molecule that it refused? */
static bool passed_over(hg_status st, size_t before, const hg_molecule_file *f) {
    return (st == HG_EDATA || st == HG_ENAN) && hg_molecule_file_count(f) > before;
}

static hg_status next(bool *end, hg_molecule_set *s, hg_molecule_file *f, const char *path,
                      const hg_molecule_set_opts *o, hg_arena *mem, hg_err *err) {
    const size_t before = hg_molecule_file_count(f);
    hg_err why = { .code = HG_OK };
    hg_molecule *m;
    hg_status st = hg_molecule_file_next(&m, f, mem, &why);
    *end = st == HG_OK && !m;
    if (*end) return HG_OK;
    double *value = s->value + s->n * o->n_targets;
    for (size_t k = 0; k < o->n_targets && st == HG_OK; k++) st = target_of(&value[k], &o->target[k], m, path, &why);
    if (st != HG_OK && !(o->keep_refused && passed_over(st, before, f))) {
        if (err) *err = why;
        return st;
    }
    for (size_t k = 0; k < o->n_targets && st != HG_OK; k++) value[k] = (double)NAN;
    if (o->keep_refused) s->why[s->n] = why;
    s->molecule[s->n++] = st == HG_OK ? m : NULL;
    return HG_OK;
}

hg_status hg_molecule_set_fill(hg_molecule_set *s, hg_molecule_file *f, const char *path,
                               const hg_molecule_set_opts *opts, size_t most, hg_arena *mem, hg_err *err) {
    const hg_molecule_set_opts none = { 0 }, *o = opts ? opts : &none;
    for (bool end = false; !end && s->n < most;) {
        HG_TRY(grow(s, o, mem, err));
        HG_TRY(next(&end, s, f, path, o, mem, err));
    }
    return HG_OK;
}

hg_status hg_molecule_set_read(hg_molecule_set *s, const char *path, const hg_molecule_set_opts *opts, hg_arena *mem,
                               hg_err *err) {
    hg_molecule_file *f;
    *s = (hg_molecule_set) { 0 };
    HG_TRY(hg_molecule_file_open(&f, path, NULL, err));
    const hg_status st = hg_molecule_set_fill(s, f, path, opts, SIZE_MAX, mem, err);
    hg_molecule_file_free(f);
    return st;
}
