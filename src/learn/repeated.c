/* learn/repeated.c -- see learn/repeated.h */
#include "learn/repeated.h"
#include "core/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE = 5 /* of the rows one is left out at most */, STREAM = 61 };

typedef struct {
    size_t group, row;
    uint64_t lot;
} drawn;

static int by_group(const void *a, const void *b) {
    const drawn *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->lot < y->lot ? -1 : x->lot > y->lot;
}

static int by_lot(const void *a, const void *b) {
    const drawn *x = a, *y = b;
    return x->lot < y->lot ? -1 : x->lot > y->lot;
}

static int by_row(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* One row of each group of several, by lot, ascending: r->row[r->n]. */
static hg_status draw_rows(hg_repeated *r, const hg_rows *rows, uint64_t seed, hg_arena *mem, hg_err *err) {
    const size_t n = rows->n;
    drawn *d = hg_malloc(n, sizeof *d);
    r->row = hg_alloc(mem, n, sizeof *r->row);
    if (!d || !r->row) {
        hg_free(d);
        return hg_fail(err, HG_ENOMEM, "no memory for rows of compositions that repeat");
    }
    hg_rng g = hg_rng_make(seed, STREAM);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) d[i] = (drawn) { rows->group[i], i, hg_rng_u64(&g) };
    qsort(d, n, sizeof *d, by_group);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && d[j].group == d[i].group; j++) {}
        if (j - i > 1) d[found++] = d[i];
    }
    qsort(d, found, sizeof *d, by_lot);
    r->n = found < n / SHARE ? found : n / SHARE;
    for (size_t i = 0; i < r->n; i++) r->row[i] = d[i].row;
    hg_free(d);
    qsort(r->row, r->n, sizeof *r->row, by_row);
    return HG_OK;
}

/* The study's choice, to be fitted anew; who averages many averages as few as in a part, unless it was told how many. */
static hg_status choice_of(hg_study *out, const hg_study *s, const hg_study_opts *o, hg_arena *mem, hg_err *err) {
    *out = *s;
    out->trial = hg_alloc(mem, s->n_trials, sizeof *out->trial);
    if (!out->trial) return hg_fail(err, HG_ENOMEM, "no memory for a blend");
    for (size_t i = 0; i < s->n_trials; i++) {
        hg_trial *t = &out->trial[i];
        *t = s->trial[i];
        t->models = 0;
        for (size_t k = 0; t->learner->members && !o->settings && k < t->learner->n_options; k++)
            if (strcmp(t->learner->option[k].name, t->learner->members) == 0)
                t->option[k] = ceil(t->option[k] / (double)s->folds);
    }
    return HG_OK;
}

static hg_status predict_rows(hg_repeated *r, const hg_study *choice, const hg_rows *rows, const hg_study_opts *o,
                              hg_arena *mem, hg_arena *scratch, hg_err *err) {
    hg_rows in, asked;
    hg_blend b;
    size_t *rest = hg_alloc(scratch, rows->n, sizeof *rest), n = 0;
    r->out = hg_alloc(mem, r->n, sizeof *r->out);
    r->signs = hg_alloc(mem, r->n, sizeof *r->signs);
    if (!rest || !r->out || !r->signs) return hg_fail(err, HG_ENOMEM, "no memory for rows of compositions that repeat");
    for (size_t i = 0, k = 0; i < rows->n; i++)
        if (k < r->n && r->row[k] == i)
            k++;
        else
            rest[n++] = i;
    HG_TRY(hg_rows_take(&in, rows, rest, n, scratch, err));
    HG_TRY(hg_rows_take(&asked, rows, r->row, r->n, scratch, err));
    hg_study some = *choice;
    HG_TRY(hg_blend_fit(&b, &some, &in, o, err));
    const hg_status st = hg_blend_predict(r->out, r->signs, &b, &asked, o->pool, err);
    hg_blend_free(&b);
    return st;
}

hg_status hg_repeated_try(hg_repeated *out, const hg_study *s, const hg_rows *rows, const hg_study_opts *o,
                          hg_arena *mem, hg_err *err) {
    hg_study choice;
    *out = (hg_repeated) { .n = 0 };
    if (!rows->composition || !rows->group || rows->classes || rows->n > HG_REPEATED_ROWS_MOST || o->budget > 0)
        return HG_OK;
    HG_TRY(draw_rows(out, rows, o->seed, mem, err));
    if (out->n < HG_REPEATED_LEAST) {
        out->n = 0;
        return HG_OK;
    }
    HG_TRY(choice_of(&choice, s, o, mem, err));
    hg_arena *scratch = hg_arena_new();
    const hg_status st = scratch ? predict_rows(out, &choice, rows, o, mem, scratch, err)
                                 : hg_fail(err, HG_ENOMEM, "no memory for rows of compositions that repeat");
    hg_arena_free(scratch);
    return st;
}
