/* library/asked.c -- see library/asked.h: one table of options, written and read by it */
#include "library/asked.h"
#include "core/memory.h"
#include "files/json_read.h"
#include "files/whole.h"
#include "library/folder.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { RECIPE_MOST = 16 << 20, INPUTS_MOST = 4096 };

/* ---- options ----------------------------------------------------------------------------------------------------------- */

typedef enum { TEXT, COUNT, NUMBER, TRUTH, SEED, TASK, SCALE } kind;
static const struct {
    const char *key;
    kind kind;
    size_t at; /* in hg_predictor_opts */
} OPTION[] = {
    { "task", TASK, offsetof(hg_predictor_opts, task) },
    { "learner", TEXT, offsetof(hg_predictor_opts, learner) },
    { "settings", TEXT, offsetof(hg_predictor_opts, settings) },
    { "folds", COUNT, offsetof(hg_predictor_opts, folds) },
    { "scale", SCALE, offsetof(hg_predictor_opts, scale) },
    { "squared", TRUTH, offsetof(hg_predictor_opts, squared) },
    { "single", TRUTH, offsetof(hg_predictor_opts, single) },
    { "repeats", TRUTH, offsetof(hg_predictor_opts, repeats) },
    { "unlisted", TRUTH, offsetof(hg_predictor_opts, unlisted) },
    { "alarms", NUMBER, offsetof(hg_predictor_opts, alarms) },
    { "budget_s", NUMBER, offsetof(hg_predictor_opts, budget) },
    { "seed", SEED, offsetof(hg_predictor_opts, seed) },
};
enum { OPTIONS = sizeof OPTION / sizeof *OPTION };

void hg_asked_write(hg_json *j, const hg_predictor_opts *o) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const void *at = (const char *)o + OPTION[i].at;
        const char *key = OPTION[i].key;
        switch (OPTION[i].kind) {
        case TEXT: hg_json_string(j, key, *(const char *const *)at); break;
        case COUNT: hg_json_count(j, key, *(const size_t *)at); break;
        case NUMBER: hg_json_number(j, key, *(const double *)at); break;
        case TRUTH: hg_json_bool(j, key, *(const bool *)at); break;
        case SEED: hg_json_count(j, key, (size_t) * (const uint64_t *)at); break;
        case TASK: hg_json_string(j, key, hg_task_name((size_t) * (const hg_task_kind *)at)); break;
        case SCALE: hg_json_string(j, key, hg_scale_name((size_t) * (const hg_scale_kind *)at)); break;
        }
    }
}

static hg_status read_text(const char **out, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    HG_TRY(hg_json_read_next(r, err));
    *out = NULL;
    if (r->event == HG_JSON_NULL) return HG_OK;
    if (r->event != HG_JSON_STRING) return hg_json_read_fail(r, err, HG_EPARSE, "expected a text");
    char *s = hg_alloc(mem, r->len + 1, 1);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a recipe");
    hg_json_read_text(s, r);
    *out = s;
    return HG_OK;
}

static hg_status read_named(size_t *out, const char *(*name)(size_t i), hg_json_reader *r, hg_err *err) {
    *out = 0;
    HG_TRY(hg_json_read_expect(r, HG_JSON_STRING, "a name", err));
    for (size_t i = 0; name(i); i++) {
        *out = i;
        if (hg_json_read_is(r, name(i))) return HG_OK;
    }
    return hg_json_read_fail(r, err, HG_EINVAL, "\"%.*s\" is no choice here", (int)(r->len < 40 ? r->len : 40), r->s);
}

static hg_status read_option(hg_predictor_opts *o, size_t i, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    void *at = (char *)o + OPTION[i].at;
    uint64_t whole;
    size_t choice;
    switch (OPTION[i].kind) {
    case TEXT: return read_text(at, r, mem, err);
    case TRUTH:
        HG_TRY(hg_json_read_expect(r, HG_JSON_BOOL, "true or false", err));
        *(bool *)at = r->truth;
        return HG_OK;
    case NUMBER: HG_TRY(hg_json_read_expect(r, HG_JSON_NUMBER, "a number", err)); return hg_json_read_real(at, r, err);
    case COUNT:
    case SEED:
        HG_TRY(hg_json_read_expect(r, HG_JSON_NUMBER, "a number", err));
        HG_TRY(hg_json_read_whole(&whole, r, err));
        if (OPTION[i].kind == SEED)
            *(uint64_t *)at = whole;
        else
            *(size_t *)at = (size_t)whole;
        return HG_OK;
    case TASK:
        HG_TRY(read_named(&choice, hg_task_name, r, err));
        *(hg_task_kind *)at = (hg_task_kind)choice;
        return HG_OK;
    case SCALE:
        HG_TRY(read_named(&choice, hg_scale_name, r, err));
        *(hg_scale_kind *)at = (hg_scale_kind)choice;
        return HG_OK;
    }
    return HG_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

/* A list of texts; kept NULL: only counted. */
static hg_status read_list(const char **kept, size_t *n, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "a list", err));
    for (*n = 0;; ++*n) {
        const hg_json_reader before = *r;
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) return HG_OK;
        if (*n == INPUTS_MOST) return hg_json_read_fail(r, err, HG_ELIMIT, "a list of more than %d", INPUTS_MOST);
        if (!kept) continue;
        *r = before;
        HG_TRY(read_text(&kept[*n], r, mem, err));
        if (!kept[*n]) return hg_json_read_fail(r, err, HG_EPARSE, "expected a text");
    }
}

static hg_status read_key(hg_asked *a, const char **schema, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    hg_features_opts *f = &a->opts.features;
    const struct {
        const char *key, **text;
    } word[] = { { "schema", schema },
                 { "file", &a->file },
                 { "sha256", &a->sha256 },
                 { "target", &a->target },
                 { "library", &a->library },
                 { "formula", &f->formula },
                 { "descriptor", &f->descriptor } };
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (hg_json_read_is(r, word[i].key)) return read_text(word[i].text, r, mem, err);
    for (size_t i = 0; i < OPTIONS; i++)
        if (hg_json_read_is(r, OPTION[i].key)) return read_option(&a->opts, i, r, mem, err);
    if (hg_json_read_is(r, "sources")) return read_list(NULL, &a->n_sources, r, mem, err);
    if (!hg_json_read_is(r, "inputs")) return hg_json_read_skip(r, err);
    const char **input = hg_alloc(mem, INPUTS_MOST, sizeof *input);
    if (!input) return hg_fail(err, HG_ENOMEM, "no memory for a recipe");
    f->columns = input;
    return read_list(input, &f->n_columns, r, mem, err);
}

hg_status hg_asked_read(hg_asked *a, const char *name, const char *text, size_t n, hg_arena *mem, hg_err *err) {
    const char *schema = NULL;
    hg_json_reader r;
    *a = (hg_asked) { .opts = hg_predictor_opts_default() };
    a->opts.features.descriptor = NULL;
    hg_json_read_begin(&r, name, text, n);
    HG_TRY(hg_json_read_expect(&r, HG_JSON_OBJECT, "a recipe", err));
    for (;;) {
        HG_TRY(hg_json_read_next(&r, err));
        if (r.event == HG_JSON_OBJECT_END) break;
        HG_TRY(read_key(a, &schema, &r, mem, err));
    }
    HG_TRY(hg_json_read_expect(&r, HG_JSON_DONE, "the end of the recipe", err));
    if (!schema || strcmp(schema, HG_ASKED_SCHEMA) != 0)
        return hg_fail_at(err, HG_EPARSE, name, 0, 0, "its schema is \"%s\", expected \"" HG_ASKED_SCHEMA "\"",
                          schema ? schema : "");
    if (!a->target || !a->opts.features.n_columns)
        return hg_fail_at(err, HG_EPARSE, name, 0, 0, "this recipe lacks its %s", a->target ? "inputs" : "target");
    if (!a->opts.features.descriptor) a->opts.features.descriptor = hg_features_opts_default().descriptor;
    return HG_OK;
}

hg_status hg_asked_load(hg_asked *a, const char *folder, hg_arena *mem, hg_err *err) {
    char path[HG_FOLDER_PATH];
    void *bytes;
    size_t n;
    snprintf(path, sizeof path, "%s/recipe.json", folder);
    HG_TRY(hg_whole_read(&bytes, &n, path, RECIPE_MOST, 0, err));
    const hg_status st = hg_asked_read(a, path, bytes, n, mem, err);
    hg_whole_free(bytes, n);
    return st;
}
