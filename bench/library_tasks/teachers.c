/* bench/library_tasks/teachers.c -- see teachers.h */
#include "teachers.h"
#include "core/memory.h"
#include "hagane/csv.h"
#include "hagane/descriptor.h"
#include "learn/logs.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool data_there(const char *path) {
    if (access(path, R_OK) == 0) return true;
    fprintf(stderr, "bench/library: %s is not there: its task is left out\n", path);
    return false;
}

/* Atomic shares in steps of 1 / 5000, mixed an element (Steele, Lea & Flood, OOPSLA 2014) and added, so that their order is nothing. */
typedef struct {
    const char **formula;
    double *y;
    size_t n;
} column_pair;

static column_pair room(size_t n, hg_arena *mem) {
    column_pair p = { hg_alloc(mem, n, sizeof *p.formula), hg_alloc(mem, n, sizeof *p.y), 0 };
    if (!p.formula || !p.y) exit(1);
    return p;
}

static void make_table(hg_table **out, const column_pair *p, const char *path, const char *target) {
    hg_err err;
    must(hg_table_new(out, path, p->n, &err), &err);
    must(hg_table_add_texts(*out, "formula", p->formula, &err), &err);
    must(hg_table_add_numbers(*out, target, p->y, &err), &err);
}

void split_table(hg_table **seen, hg_table **back, const char *path, const char *target, const char *name,
                 held_back held, const void *ctx) {
    static const char *const TEXT[] = { "formula" };
    hg_csv_opts o = hg_csv_opts_default();
    const hg_descriptor *d;
    hg_table *t;
    hg_err err;
    size_t f, y;
    o.text = TEXT, o.n_text = 1;
    must(hg_csv_read(&t, path, &o, &err), &err);
    must(hg_table_find(&f, t, "formula", &err), &err);
    must(hg_table_find(&y, t, target, &err), &err);
    must(hg_descriptor_find(&d, BENCH_DESCRIPTOR, &err), &err);
    hg_arena *mem = hg_arena_new();
    column_pair part[2] = { room(hg_table_rows(t), mem), room(hg_table_rows(t), mem) };
    double *x = hg_alloc(mem, hg_descriptor_dim(d), sizeof *x);
    for (size_t i = 0; i < hg_table_rows(t); i++) {
        hg_composition c;
        const double value = hg_table_column(t, y)->number[i];
        if (isnan(value) || hg_composition_read(&c, hg_table_text(t, f, i), NULL) != HG_OK) continue;
        if (hg_descriptor_compute(x, d, &c, NULL) != HG_OK) continue;
        column_pair *p = &part[held(ctx, &c)];
        p->formula[p->n] = hg_table_text(t, f, i);
        p->y[p->n++] = value;
    }
    make_table(seen, &part[0], path, name);
    if (back) make_table(back, &part[1], path, name);
    hg_arena_free(mem);
    hg_table_free(t);
}

/* Rows drawn from the seed where there are more than a teacher learns from. */
static void some_rows(hg_table **out, const hg_table *t, const char *target, hg_arena *mem) {
    const size_t n = hg_table_rows(t) < TEACHER_ROWS ? hg_table_rows(t) : TEACHER_ROWS;
    size_t *index = hg_alloc(mem, hg_table_rows(t), sizeof *index), f, y;
    column_pair p = room(n, mem);
    hg_rng r = hg_rng_make(0, 0x7eac);
    hg_err err;
    if (!index) exit(1);
    must(hg_table_find(&f, t, "formula", &err), &err);
    must(hg_table_find(&y, t, target, &err), &err);
    for (size_t i = 0; i < hg_table_rows(t); i++) index[i] = i;
    hg_rng_shuffle(&r, index, hg_table_rows(t));
    for (; p.n < n; p.n++) {
        p.formula[p.n] = hg_table_text(t, f, index[p.n]);
        p.y[p.n] = hg_table_column(t, y)->number[index[p.n]];
    }
    make_table(out, &p, hg_table_source(t), target);
}

hg_predictor *teach(const hg_table *t, const char *name, const char *learner, const char *settings, hg_pool *pool) {
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_arena *mem = hg_arena_new();
    hg_table *some;
    hg_predictor *p;
    size_t y;
    hg_err err;
    some_rows(&some, t, name, mem);
    must(hg_table_find(&y, some, name, &err), &err);
    o.features.formula = "formula", o.features.descriptor = BENCH_DESCRIPTOR;
    o.learner = learner, o.settings = settings, o.folds = 2, o.pool = pool;
    o.scale = hg_logs_worth(hg_table_column(some, y)->number, hg_table_rows(some)) ? HG_SCALE_LOGS : HG_SCALE_VALUES;
    must(hg_predictor_fit(&p, some, name, &o, &err), &err);
    hg_table_free(some);
    hg_arena_free(mem);
    return p;
}
