/* library/folds_keep.c -- see library/folds_keep.h */
#include "library/folds_keep.h"
#include "core/memory.h"
#include "core/text.h"
#include "files/json.h"
#include "files/json_read.h"
#include "files/output.h"
#include "files/whole.h"
#include "learn/learner.h"
#include "learn/study.h"
#include "library/folder.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "hagane.fold/1"
enum { FILE_MOST = 1 << 30 };

/* ---- the key ------------------------------------------------------------------------------------------------------- */

/* The first failure is kept, so that one check at the end is enough. */
typedef struct {
    hg_hash *h;
    hg_status st;
    hg_err *err;
} keying;

static void add_bytes(keying *k, const void *bytes, size_t n) {
    if (k->st == HG_OK && n) k->st = hg_hash_add(k->h, bytes, n, k->err);
}

/* With its NUL, so that "ab" "c" is not "a" "bc"; NULL is not "". */
static void add_text(keying *k, const char *s) {
    add_bytes(k, s ? "=" : "-", 1);
    if (s) add_bytes(k, s, strlen(s) + 1);
}

static void add_number(keying *k, double x) { add_bytes(k, &x, sizeof x); }

static void add_texts(keying *k, const char *const *s, size_t n) {
    add_number(k, (double)n);
    for (size_t i = 0; i < n; i++) add_text(k, s[i]);
}

static void add_table(keying *k, const hg_table *t) {
    const size_t rows = hg_table_rows(t);
    add_number(k, (double)rows);
    for (size_t j = 0; j < hg_table_columns(t); j++) {
        const hg_column *c = hg_table_column(t, j);
        add_text(k, c->name);
        if (c->kind == HG_COLUMN_NUMBER)
            add_bytes(k, c->number, rows * sizeof *c->number);
        else
            for (size_t i = 0; i < rows; i++) add_text(k, hg_table_text(t, j, i));
    }
}

/* Another program may choose, mix and judge otherwise. */
static void add_program(keying *k) {
    hg_text rules = hg_text_new(0);
    hg_study_rules(&rules);
    if (rules.failed && k->st == HG_OK) k->st = hg_fail(k->err, HG_ENOMEM, "no memory for the rules of choice");
    add_text(k, hg_version());
    add_text(k, rules.s);
    for (size_t i = 0; hg_learner_at(i); i++) add_text(k, hg_learner_at(i)->version);
    hg_text_free(&rules);
}

static void add_options(keying *k, const hg_predictor_opts *o) {
    const hg_features_opts *f = &o->features;
    const double number[] = {
        (double)o->task, (double)o->folds,        (double)o->scale,          o->squared,           o->single, o->alarms,
        o->budget,       (double)(o->seed >> 32), (double)(uint32_t)o->seed, (double)f->max_levels
    };
    add_texts(k, f->columns, f->columns ? f->n_columns : 0);
    add_texts(k, f->exclude, f->n_exclude);
    add_text(k, f->formula);
    add_text(k, f->descriptor);
    add_text(k, o->learner);
    add_text(k, o->settings);
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) add_number(k, number[i]);
    if (o->repeats) add_text(k, "repeats");
    add_number(k, (double)o->n_sources);
}

/* Models of one name may be different ones: what they say of the rows tells them apart. What cannot say it is no source, and says nothing. */
static void add_sources(keying *k, const hg_table *t, const hg_predictor_opts *o) {
    const size_t rows = hg_table_rows(t);
    double *said = o->n_sources ? hg_calloc(rows, sizeof *said) : NULL;
    if (o->n_sources && !said && k->st == HG_OK)
        k->st = hg_fail(k->err, HG_ENOMEM, "no memory for what %zu models say", o->n_sources);
    for (size_t i = 0; i < o->n_sources && k->st == HG_OK; i++) {
        const hg_predictor *p = o->source[i];
        hg_err inner = { 0 };
        memset(said, 0, rows * sizeof *said);
        const hg_status st = hg_predictor_say(said, p, t, o->features.formula, o->pool, &inner);
        if (st == HG_ENOMEM) k->st = hg_fail(k->err, st, "%s", inner.msg);
        add_text(k, hg_predictor_name(p));
        add_text(k, hg_predictor_target(p));
        add_bytes(k, said, st == HG_OK ? rows * sizeof *said : 0);
    }
    hg_free(said);
}

hg_status hg_folds_key(char key[HG_HASH_SIZE], const hg_table *t, const char *target, const hg_folds_opts *how,
                       const hg_predictor_opts *o, hg_err *err) {
    keying k = { .err = err };
    HG_TRY(hg_hash_new(&k.h, err));
    add_text(&k, SCHEMA);
    add_program(&k);
    add_text(&k, target);
    add_text(&k, how->column);
    add_number(&k, how->column ? 0 : (double)how->parts);
    add_table(&k, t);
    add_options(&k, o);
    add_sources(&k, t, o);
    if (k.st == HG_OK) k.st = hg_hash_hex(key, k.h, err);
    hg_hash_free(k.h);
    return k.st;
}

/* ---- the fields of a file: one table for both ways ------------------------------------------------------------------- */

typedef struct {
    const char *name;
    size_t offset;
} field;

#define OF(member) offsetof(hg_fold, member)
static const field COUNTS[] = {
    { "n_train", OF(n_train) },   { "n_test", OF(n_test) }, { "n_failed", OF(failed) },
    { "n_outside", OF(outside) }, { "n", OF(n) },
};
static const field NUMBERS[] = {
    { "seconds", OF(seconds) },         { "mae", OF(score.mae) },
    { "rmse", OF(score.rmse) },         { "auc", OF(score.auc) },
    { "brier", OF(score.brier) },       { "log_loss", OF(score.log_loss) },
    { "accuracy", OF(score.accuracy) }, { "coverage90", OF(score.coverage90) },
    { "width90", OF(score.width90) },
};
static const field LISTS[] = {
    { "known", OF(known) }, { "value", OF(value) }, { "low", OF(low) }, { "high", OF(high) }
};
enum {
    N_COUNTS = sizeof COUNTS / sizeof *COUNTS,
    N_NUMBERS = sizeof NUMBERS / sizeof *NUMBERS,
    N_LISTS = sizeof LISTS / sizeof *LISTS
};

static size_t *count_of(hg_fold *f, size_t k) { return (size_t *)(void *)((char *)f + COUNTS[k].offset); }
static double *number_of(hg_fold *f, size_t k) { return (double *)(void *)((char *)f + NUMBERS[k].offset); }
static double **list_of(hg_fold *f, size_t k) { return (double **)(void *)((char *)f + LISTS[k].offset); }

/* ---- writing --------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *key;
    hg_fold f;
    size_t classes;
} kept;

static hg_status write_bytes(void *ctx, const char *bytes, size_t n, hg_err *err) {
    return hg_output_write(ctx, bytes, n, err);
}

static hg_status write_json(hg_output *o, kept *k, hg_err *err) {
    hg_json j;
    hg_json_begin(&j, write_bytes, o, 0);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", SCHEMA);
    hg_json_string(&j, "key", k->key);
    hg_json_string(&j, "fold", k->f.name);
    hg_json_count(&j, "classes", k->classes);
    hg_json_string(&j, "learners", k->f.learners);
    for (size_t i = 0; i < N_COUNTS; i++) hg_json_count(&j, COUNTS[i].name, *count_of(&k->f, i));
    for (size_t i = 0; i < N_NUMBERS; i++) hg_json_number(&j, NUMBERS[i].name, *number_of(&k->f, i));
    hg_json_begin_array(&j, "row");
    for (size_t i = 0; i < k->f.n; i++) hg_json_count(&j, NULL, k->f.row[i]);
    hg_json_end_array(&j);
    for (size_t i = 0; i < N_LISTS; i++) hg_json_numbers(&j, LISTS[i].name, *list_of(&k->f, i), k->f.n);
    hg_json_end_object(&j);
    return hg_json_end(&j, err);
}

static hg_status write_file(void *ctx, const char *path, hg_err *err) {
    hg_output *o;
    HG_TRY(hg_output_new(&o, path, NULL, err));
    hg_status st = write_json(o, ctx, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}

static void file_name(char name[32], size_t i) { snprintf(name, 32, "fold-%03zu.json", i); }

hg_status hg_fold_keep(const char *folder, size_t i, const char *key, const hg_fold *f, size_t classes, hg_err *err) {
    char name[32];
    kept k = { .key = key, .f = *f, .classes = classes };
    file_name(name, i);
    return hg_folder_write(folder, &(hg_folder_file) { name, write_file }, 1, &k, err);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_json_reader r;
    hg_fold f;
    size_t classes, rows, n_rows, n_list[N_LISTS];
    const char *key;
    bool same, named;
    hg_arena *mem;
    hg_err *err;
} finding;

static hg_status read_count(size_t *x, finding *w) {
    uint64_t n;
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_NUMBER, "a number", w->err));
    HG_TRY(hg_json_read_whole(&n, &w->r, w->err));
    if (n > w->rows) return hg_json_read_fail(&w->r, w->err, HG_EDATA, "more than the rows of the table");
    *x = (size_t)n;
    return HG_OK;
}

/* null stands for what does not apply. */
static hg_status take_real(double *x, finding *w) {
    *x = (double)NAN;
    if (w->r.event == HG_JSON_NULL) return HG_OK;
    if (w->r.event != HG_JSON_NUMBER) return hg_json_read_fail(&w->r, w->err, HG_EPARSE, "expected a number");
    return hg_json_read_real(x, &w->r, w->err);
}

static hg_status read_real(double *x, finding *w) {
    HG_TRY(hg_json_read_next(&w->r, w->err));
    return take_real(x, w);
}

static hg_status read_list(double **x, size_t *n, finding *w) {
    *x = hg_alloc(w->mem, w->rows, sizeof **x);
    if (!*x) return hg_fail(w->err, HG_ENOMEM, "no memory for a fold");
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_ARRAY, "a list", w->err));
    for (*n = 0;; ++*n) {
        HG_TRY(hg_json_read_next(&w->r, w->err));
        if (w->r.event == HG_JSON_ARRAY_END) return HG_OK;
        if (*n == w->rows) return hg_json_read_fail(&w->r, w->err, HG_EDATA, "a list that is longer than the table");
        HG_TRY(take_real(&(*x)[*n], w));
    }
}

static hg_status read_rows(finding *w) {
    double *x;
    HG_TRY(read_list(&x, &w->n_rows, w));
    w->f.row = hg_alloc(w->mem, w->n_rows, sizeof *w->f.row);
    if (!w->f.row) return hg_fail(w->err, HG_ENOMEM, "no memory for a fold");
    for (size_t i = 0; i < w->n_rows; i++) {
        if (!(x[i] >= 0 && x[i] < (double)w->rows && x[i] == floor(x[i])))
            return hg_json_read_fail(&w->r, w->err, HG_EDATA, "a row that the table does not have");
        w->f.row[i] = (size_t)x[i];
    }
    return HG_OK;
}

static hg_status read_is(bool *same, finding *w, const char *text) {
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_STRING, "a text", w->err));
    *same = hg_json_read_is(&w->r, text);
    return HG_OK;
}

static hg_status read_learners(finding *w) {
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_STRING, "a text", w->err));
    char *s = hg_alloc(w->mem, w->r.len + 1, 1);
    if (!s) return hg_fail(w->err, HG_ENOMEM, "no memory for a fold");
    hg_json_read_text(s, &w->r);
    w->f.learners = s;
    return HG_OK;
}

static hg_status read_field(finding *w) {
    for (size_t k = 0; k < N_COUNTS; k++)
        if (hg_json_read_is(&w->r, COUNTS[k].name)) return read_count(count_of(&w->f, k), w);
    for (size_t k = 0; k < N_NUMBERS; k++)
        if (hg_json_read_is(&w->r, NUMBERS[k].name)) return read_real(number_of(&w->f, k), w);
    for (size_t k = 0; k < N_LISTS; k++)
        if (hg_json_read_is(&w->r, LISTS[k].name)) return read_list(list_of(&w->f, k), &w->n_list[k], w);
    if (hg_json_read_is(&w->r, "row")) return read_rows(w);
    if (hg_json_read_is(&w->r, "key")) return read_is(&w->same, w, w->key);
    if (hg_json_read_is(&w->r, "fold")) return read_is(&w->named, w, w->f.name);
    if (hg_json_read_is(&w->r, "learners")) return read_learners(w);
    if (!hg_json_read_is(&w->r, "classes")) return hg_json_read_skip(&w->r, w->err);
    HG_TRY(read_count(&w->classes, w));
    return w->classes <= HG_CLASSES_MOST ? HG_OK : hg_json_read_fail(&w->r, w->err, HG_EDATA, "too many classes");
}

static hg_status read_file(finding *w) {
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_OBJECT, "a fold", w->err));
    for (;;) {
        HG_TRY(hg_json_read_next(&w->r, w->err));
        if (w->r.event == HG_JSON_OBJECT_END) break;
        HG_TRY(read_field(w));
    }
    HG_TRY(hg_json_read_expect(&w->r, HG_JSON_DONE, "the end of a fold", w->err));
    if (!w->same || !w->named)
        return hg_advise(w->err,
                         hg_fail(w->err, HG_EINVAL,
                                 "%s: this fold was predicted with another table, target, options or program",
                                 w->r.name),
                         "keep it in another folder, or remove this one");
    bool whole = w->f.learners && w->f.row && w->n_rows == w->f.n;
    for (size_t k = 0; k < N_LISTS; k++) whole = whole && *list_of(&w->f, k) && w->n_list[k] == w->f.n;
    if (!whole) return hg_fail_at(w->err, HG_EDATA, w->r.name, 0, 0, "this is no whole fold");
    w->f.score.n = w->f.n;
    return HG_OK;
}

hg_status hg_fold_find(bool *there, hg_fold *f, size_t *classes, const char *folder, size_t i, const char *key,
                       size_t rows, hg_arena *mem, hg_err *err) {
    char name[32], path[HG_FOLDER_PATH];
    void *text;
    size_t n;
    file_name(name, i);
    *there = false;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return hg_fail(err, HG_ELIMIT, "the name of the folder %.80s... is too long", folder);
    if (access(path, F_OK) != 0) return HG_OK;
    HG_TRY(hg_whole_read(&text, &n, path, FILE_MOST, 0, err));
    finding w = { .f = *f, .rows = rows, .key = key, .mem = mem, .err = err };
    hg_json_read_begin(&w.r, path, text, n);
    const hg_status st = read_file(&w);
    hg_whole_free(text, n);
    HG_TRY(st);
    *f = w.f;
    *classes = w.classes;
    *there = true;
    return HG_OK;
}
