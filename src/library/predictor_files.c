/* library/predictor_files.c -- a predictor as a folder: card, weights, and the recipe that makes it again
 *
 * All that a prediction needs is in weights.safetensors: tensors, and JSON in the notes "predictor" (target, classes,
 * learners) and "inputs" (columns and what they become). recipe.json is for people and for training again: what was asked,
 * and what was chosen.
 */
#include "core/memory.h"
#include "core/text.h"
#include "files/hash.h"
#include "files/json.h"
#include "files/json_read.h"
#include "library/folder.h"
#include "library/asked.h"
#include "library/predictor_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_MOST = 64 << 20, NAME_SIZE = 256, METRICS = 8, SYMBOL_SIZE = 64 };

static hg_status no_memory(hg_err *err) { return hg_fail(err, HG_ENOMEM, "no memory for a model's folder"); }

typedef struct {
    const hg_predictor *p;
    const hg_predictor_facts *facts;
    const char *folder, *weights;
} writing;

/* ---- weights ----------------------------------------------------------------------------------------------------------- */

static void write_note(hg_json *j, const hg_predictor *p) {
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "schema", "hagane.predictor/1");
    hg_json_string(j, "target", p->target);
    hg_json_string(j, "unit", p->unit);
    hg_json_begin_array(j, "classes");
    for (size_t c = 0; c < p->classes; c++) hg_json_string(j, NULL, p->class_name[c]);
    hg_json_end_array(j);
    if (p->ratio) hg_json_bool(j, "ratio", true); /* intervals are factors */
    if (p->network) hg_json_count(j, "network", p->network);
    hg_json_begin_array(j, "sources");
    for (size_t i = 0; i < p->n_sources; i++) hg_json_string(j, NULL, p->source[i]->name);
    hg_json_end_array(j);
    hg_json_begin_array(j, "learners");
    for (size_t i = 0; i < p->blend.n; i++) hg_json_string(j, NULL, p->blend.member[i].learner->version);
    hg_json_end_array(j);
    hg_json_end_object(j);
}

typedef char prefix[HG_SHELF_NAME];

/* Tensors and notes of a source bear "source0." in front, those of its sources "source0.source0.", ... */
static const char *under(prefix out, const char *before, const char *word) {
    snprintf(out, sizeof(prefix), "%s%s", before, word);
    return out;
}

static const char *source_prefix(prefix out, const char *before, size_t k) {
    snprintf(out, sizeof(prefix), "%ssource%zu.", before, k);
    return out;
}

enum { NOTES_MOST = 1024 };

typedef struct {
    hg_shelf shelf;
    hg_stored_note note[NOTES_MOST]; /* texts in mem */
    size_t n_notes;
    hg_arena *mem;
} shelves;

static hg_status add_note(shelves *s, const char *before, const char *word, const hg_predictor *p,
                          void (*write)(hg_json *, const hg_predictor *), hg_err *err) {
    prefix name;
    hg_text text = hg_text_new(NOTE_MOST);
    hg_json j;
    hg_json_begin_text(&j, &text, 0);
    write(&j, p);
    hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && s->n_notes == NOTES_MOST) st = hg_fail(err, HG_ELIMIT, "sources of sources without end");
    if (st == HG_OK) {
        hg_stored_note *n = &s->note[s->n_notes++];
        n->key = hg_arena_strdup(s->mem, under(name, before, word));
        n->text = text.failed ? NULL : hg_arena_strdup(s->mem, text.s);
        if (!n->key || !n->text) st = no_memory(err);
    }
    hg_text_free(&text);
    return st;
}

static void write_inputs(hg_json *j, const hg_predictor *p) { hg_intake_write(j, NULL, p->intake); }

static hg_status fill_shelf(shelves *s, const hg_predictor *p, const char *before, unsigned deep, hg_err *err) {
    prefix name;
    if (deep == HG_SOURCES_DEEP)
        return hg_fail(err, HG_ELIMIT, "sources of sources more than %d deep", HG_SOURCES_DEEP);
    s->shelf.prefix = under(name, before, "blend.");
    HG_TRY(hg_blend_save(&p->blend, &s->shelf, err));
    s->shelf.prefix = under(name, before, "domain.");
    HG_TRY(hg_domain_save(&p->domain, &s->shelf, err));
    s->shelf.prefix = under(name, before, "bars.");
    HG_TRY(hg_bars_save(&p->bars, &s->shelf, err));
    s->shelf.prefix = under(name, before, "learned.");
    if (p->learned.n) HG_TRY(hg_bars_save(&p->learned, &s->shelf, err));
    s->shelf.prefix = under(name, before, "decision.");
    HG_TRY(hg_decision_save(&p->decision, &s->shelf, err));
    s->shelf.prefix = under(name, before, "seen.");
    HG_TRY(hg_seen_save(&p->seen, &s->shelf, err));
    HG_TRY(add_note(s, before, "inputs", p, write_inputs, err));
    HG_TRY(add_note(s, before, "predictor", p, write_note, err));
    for (size_t k = 0; k < p->n_sources; k++)
        HG_TRY(fill_shelf(s, p->source[k], source_prefix(name, before, k), deep + 1, err));
    return HG_OK;
}

static int by_key(const void *a, const void *b) {
    const hg_stored_note *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static hg_status write_weights(void *ctx, const char *path, hg_err *err) {
    writing *w = ctx;
    w->weights = path;
    hg_arena *mem = hg_arena_new();
    shelves *s = hg_alloc(mem, 1, sizeof *s);
    if (!s) {
        hg_arena_free(mem);
        return no_memory(err);
    }
    *s = (shelves) { .shelf = hg_shelf_new(mem), .mem = mem };
    hg_status st = fill_shelf(s, w->p, "", 0, err);
    if (st == HG_OK) {
        qsort(s->note, s->n_notes, sizeof *s->note, by_key);
        st = hg_safetensors_write(path, s->shelf.tensor, s->shelf.n, s->note, s->n_notes, err);
    }
    hg_shelf_free(&s->shelf);
    hg_arena_free(mem);
    return st;
}

/* ---- recipe -------------------------------------------------------------------------------------------------------------- */

static void recipe_chosen(hg_json *j, const hg_predictor *p) {
    hg_json_begin_array(j, "tried");
    for (size_t i = 0; i < p->n_tried; i++) {
        const hg_tried *t = &p->tried[i];
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "learner", t->learner);
        hg_json_string(j, "settings", t->settings);
        if (t->plain) hg_json_bool(j, "without_sources", true);
        if (*t->hidden) hg_json_string(j, "without", t->hidden);
        if (t->logs) hg_json_bool(j, "logarithms", true);
        hg_json_number(j, "loss", p->classes ? t->score.brier : t->score.mae);
        hg_json_number(j, "weight", t->weight);
        if (*t->why) hg_json_string(j, "why_not", t->why);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void recipe(hg_json *j, const hg_predictor *p, const hg_predictor_facts *f) {
    hg_predictor_opts o = p->opts;
    o.task = p->classes ? HG_TASK_CLASSES : HG_TASK_VALUES;
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "schema", HG_ASKED_SCHEMA);
    hg_json_string(j, "file", f->file ? hg_path_name(f->file) : NULL);
    hg_json_string(j, "sha256", f->sha256);
    hg_json_string(j, "target", p->target);
    hg_json_begin_array(j, "inputs");
    for (size_t i = 0; hg_intake_column(p->intake, i); i++) hg_json_string(j, NULL, hg_intake_column(p->intake, i));
    hg_json_end_array(j);
    hg_json_string(j, "formula", hg_intake_formula(p->intake));
    hg_json_string(j, "descriptor", hg_intake_descriptor(p->intake));
    hg_json_begin_array(j, "sources");
    for (size_t i = 0; i < p->n_sources; i++) hg_json_string(j, NULL, p->source[i]->name);
    hg_json_end_array(j);
    hg_asked_write(j, &o);
    recipe_chosen(j, p);
    hg_json_string(j, "library", hg_version());
    hg_json_end_object(j);
}

static hg_status write_recipe(void *ctx, const char *path, hg_err *err) {
    const writing *w = ctx;
    hg_text t = hg_text_new(NOTE_MOST);
    hg_json j;
    hg_status st = HG_OK;
    if (w->p->made) {
        hg_text_add(&t, "%s", w->p->made->recipe);
    } else {
        hg_json_begin_text(&j, &t, 2);
        recipe(&j, w->p, w->facts);
        st = hg_json_end(&j, err);
    }
    if (st == HG_OK && t.failed) st = no_memory(err);
    if (st == HG_OK) st = hg_output_whole(path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* ---- card ------------------------------------------------------------------------------------------------------------------ */

/* What the card tells of rows unlike the others, where somebody asked: one table for writing and reading. */
static const struct {
    const char *name;
    size_t offset;
    bool of_classes;
} FAR[] = {
    { "rows unlike the others", offsetof(hg_far, n), true },
    { "error in rows unlike the others, that of rows drawn at random is 1", offsetof(hg_far, times), true },
    { "coverage of 90 % intervals in rows unlike the others", offsetof(hg_far, coverage90), false },
    { "factor that intervals of rows unlike the others lack", offsetof(hg_far, factor), false },
};
enum { N_FAR = sizeof FAR / sizeof *FAR };

static double *far_number(hg_far *f, size_t k) { return (double *)(void *)((char *)f + FAR[k].offset); }

static size_t far_metrics(hg_card_number *m, const hg_predictor *p) {
    hg_far far = p->far;
    size_t n = 0;
    for (size_t k = 0; k < N_FAR && far.n > 0; k++)
        if (!p->classes || FAR[k].of_classes) m[n++] = (hg_card_number) { FAR[k].name, "", *far_number(&far, k) };
    return n;
}

static void far_of_card(hg_far *f, const hg_card_property *p) {
    *f = (hg_far) { 0, (double)NAN, (double)NAN, (double)NAN };
    for (size_t i = 0; i < p->n_metrics; i++)
        for (size_t k = 0; k < N_FAR; k++)
            if (strcmp(p->metrics[i].name, FAR[k].name) == 0) *far_number(f, k) = p->metrics[i].value;
    if (!(f->n > 0)) f->n = 0; /* NaN too */
}

static size_t metrics_of(hg_card_number m[METRICS], const hg_predictor *p) {
    const hg_predictor_score *s = &p->score;
    if (p->classes) {
        m[0] = (hg_card_number) { "area under the ROC curve in cross-validation", "", s->auc };
        m[1] = (hg_card_number) { "accuracy in cross-validation", "", s->accuracy };
        m[2] = (hg_card_number) { "log loss in cross-validation", "nat", s->log_loss };
        return 3 + far_metrics(m + 3, p);
    }
    m[0] = (hg_card_number) { "mean absolute error of cross-validation", p->unit, s->mae };
    m[1] = (hg_card_number) { "root mean square error of cross-validation", p->unit, s->rmse };
    m[2] = (hg_card_number) { "share of cross-validation inside 90 % intervals", "", s->coverage90 };
    m[3] = (hg_card_number) { "mean width of 90 % intervals", p->unit, s->width90 };
    return 4 + far_metrics(m + 4, p);
}

/* The target's name as one word: "yield_strength" of "yield strength (MPa)". */
static void symbol_of(char out[SYMBOL_SIZE], const hg_predictor *p) {
    size_t n = 0;
    for (const char *s = p->target; *s && *s != '(' && *s != '[' && n + 1 < SYMBOL_SIZE; s++) {
        const unsigned char c = (unsigned char)*s;
        const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (word)
            out[n++] = *s;
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n && out[n - 1] == '_') n--;
    out[n] = '\0';
    if (!n) snprintf(out, SYMBOL_SIZE, "value");
}

static void tell_made(hg_card *c, const hg_predictor_made *m) {
    c->property[0].metrics = m->metric;
    c->property[0].n_metrics = m->n_metrics;
    c->options = m->option;
    c->n_options = m->n_options;
    c->data = m->data;
    c->n_data = m->n_data;
    c->method = m->method;
    c->split = m->split;
    c->seed = m->seed;
}

static hg_status write_card(void *ctx, const char *path, hg_err *err) {
    const writing *w = ctx;
    const hg_predictor *p = w->p;
    const hg_predictor_facts *f = w->facts;
    char name[NAME_SIZE], symbol[SYMBOL_SIZE], split[120];
    hg_card_number metric[METRICS];
    hg_card_data data = {
        .role = "train", .file = f->file ? hg_path_name(f->file) : "", .rows = p->rows, .compositions = p->seen.n
    };
    if (f->sha256) snprintf(data.sha256, sizeof data.sha256, "%s", f->sha256);
    hg_folder_name(name, sizeof name, w->folder);
    symbol_of(symbol, p);
    snprintf(split, sizeof split, "cross-validation in %zu parts, rows of one composition together", p->opts.folds);
    const hg_predictor *parent = p->n_sources ? p->source[0] : NULL; /* the one that was taken first */
    const hg_card_number option[] = { { "folds", "", (double)p->opts.folds }, { "budget", "s", p->opts.budget } };
    hg_card c = { .name = f->name ? f->name : name,
                  .architecture = HG_PREDICTOR_ARCHITECTURE,
                  .n_properties = 1,
                  .method = p->n_tried ? hg_predictor_method(p, p->mem) : NULL,
                  .descriptor = hg_intake_descriptor(p->intake),
                  .source = f->source,
                  .licence = f->licence,
                  .parent = parent ? (*parent->name ? parent->name : parent->target) : NULL,
                  .split = split,
                  .data = &data,
                  .n_data = 1,
                  .options = option,
                  .n_options = 2,
                  .seed = p->opts.seed,
                  .elements = p->elements };
    if (p->n_tried && !c.method) return no_memory(err);
    c.property[0] = (hg_card_property) { .what = { symbol, p->target, p->unit }, .metrics = metric };
    c.property[0].n_metrics = metrics_of(metric, p);
    if (!p->classes) c.property[0].least = p->least, c.property[0].most = p->most;
    if (p->made) tell_made(&c, p->made);
    HG_TRY(hg_hash_file(c.weights_sha256, w->weights, err));
    return hg_card_write(&c, path, err);
}

hg_status hg_predictor_save(const hg_predictor *p, const char *folder, const hg_predictor_facts *facts, hg_err *err) {
    static const hg_folder_file FILES[] = { { "weights.safetensors", write_weights },
                                            { "recipe.json", write_recipe },
                                            { "card.json", write_card } };
    const hg_predictor_facts none = { 0 };
    return hg_folder_write(folder, FILES, 3, &(writing) { p, facts ? facts : &none, folder, NULL }, err);
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char **text; /* [n] */
    size_t n;
} texts;

static hg_status read_string(const char **out, hg_json_reader *r, hg_arena *mem, hg_err *err) {
    char *s = hg_alloc(mem, r->len + 1, 1);
    if (!s) return no_memory(err);
    hg_json_read_text(s, r);
    *out = s;
    return HG_OK;
}

static hg_status read_texts(texts *t, hg_json_reader *r, size_t most, hg_arena *mem, hg_err *err) {
    if (t->text) return hg_json_read_fail(r, err, HG_EPARSE, "a list stands here a second time");
    t->text = hg_alloc(mem, most, sizeof *t->text);
    if (!t->text) return no_memory(err);
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "a list", err));
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) return HG_OK;
        if (r->event != HG_JSON_STRING) return hg_json_read_fail(r, err, HG_EPARSE, "expected a text");
        if (t->n == most) return hg_json_read_fail(r, err, HG_ELIMIT, "a list of more than %zu", most);
        HG_TRY(read_string(&t->text[t->n++], r, mem, err));
    }
}

static hg_status read_note(hg_predictor *p, texts *learners, texts *sources, const char *path, const char *note,
                           hg_err *err) {
    texts classes = { 0 };
    hg_json_reader r;
    hg_json_read_begin(&r, path, note, strlen(note));
    HG_TRY(hg_json_read_expect(&r, HG_JSON_OBJECT, "a predictor", err));
    for (;;) {
        HG_TRY(hg_json_read_next(&r, err));
        if (r.event == HG_JSON_OBJECT_END) break;
        const char **text = hg_json_read_is(&r, "target") ? &p->target : hg_json_read_is(&r, "unit") ? &p->unit : NULL;
        if (text) {
            HG_TRY(hg_json_read_expect(&r, HG_JSON_STRING, "the target", err));
            HG_TRY(read_string(text, &r, p->mem, err));
        } else if (hg_json_read_is(&r, "network")) {
            uint64_t k;
            HG_TRY(hg_json_read_expect(&r, HG_JSON_NUMBER, "the number of a source", err));
            HG_TRY(hg_json_read_whole(&k, &r, err));
            p->network = k <= HG_SOURCES_TAKEN ? (size_t)k : HG_SOURCES_TAKEN + 1;
        } else if (hg_json_read_is(&r, "ratio")) {
            HG_TRY(hg_json_read_expect(&r, HG_JSON_BOOL, "true or false", err));
            p->ratio = r.truth;
        } else if (hg_json_read_is(&r, "classes")) {
            HG_TRY(read_texts(&classes, &r, HG_CLASSES_MOST, p->mem, err));
        } else if (hg_json_read_is(&r, "sources")) {
            HG_TRY(read_texts(sources, &r, HG_SOURCES_TAKEN, p->mem, err));
        } else if (hg_json_read_is(&r, "learners")) {
            HG_TRY(read_texts(learners, &r, HG_STUDY_MEMBERS, p->mem, err));
        } else {
            HG_TRY(hg_json_read_skip(&r, err));
        }
    }
    HG_TRY(hg_json_read_expect(&r, HG_JSON_DONE, "the end of a predictor", err));
    if (!p->target || !p->unit || !learners->n || classes.n == 1)
        return hg_fail_at(err, HG_EPARSE, path, 0, 0,
                          "the note \"predictor\" lacks the target, its classes or learners");
    p->classes = classes.n;
    p->class_name = classes.text;
    return HG_OK;
}

static hg_status read_weights(hg_predictor *p, const hg_safetensors *s, const char *path, const char *before,
                              unsigned deep, hg_err *err);

static hg_status read_sources(hg_predictor *p, const texts *names, const hg_safetensors *s, const char *path,
                              const char *before, unsigned deep, hg_err *err) {
    prefix inner;
    if (names->n && deep + 1 == HG_SOURCES_DEEP)
        return hg_fail_at(err, HG_ELIMIT, path, 0, 0, "sources of sources more than %d deep", HG_SOURCES_DEEP);
    for (size_t k = 0; k < names->n; k++) {
        HG_TRY(hg_predictor_new(&p->source[k], err));
        p->n_sources++;
        p->source[k]->name = hg_arena_strdup(p->source[k]->mem, names->text[k]);
        if (!p->source[k]->name) return no_memory(err);
        HG_TRY(read_weights(p->source[k], s, path, source_prefix(inner, before, k), deep + 1, err));
        if (p->source[k]->classes > 2)
            return hg_fail_at(err, HG_EDATA, path, 0, 0, "a source with %zu classes", p->source[k]->classes);
    }
    return HG_OK;
}

static hg_status read_weights(hg_predictor *p, const hg_safetensors *s, const char *path, const char *before,
                              unsigned deep, hg_err *err) {
    prefix name;
    const char *note = hg_safetensors_note(s, under(name, before, "predictor"));
    const char *inputs = hg_safetensors_note(s, under(name, before, "inputs"));
    texts learners = { 0 }, sources = { 0 };
    p->owns_sources = true;
    if (!note || !inputs)
        return hg_fail_at(err, HG_EDATA, path, 0, 0, "these are not the weights of a model of tables");
    HG_TRY(read_note(p, &learners, &sources, path, note, err));
    HG_TRY(hg_intake_read(&p->intake, path, inputs, strlen(inputs), err));
    HG_TRY(read_sources(p, &sources, s, path, before, deep, err));
    const size_t d = hg_intake_dim(p->intake);
    HG_TRY(hg_blend_load(&p->blend, &(hg_shelf_view) { s, path, under(name, before, "blend.") }, learners.text,
                         learners.n, d + p->n_sources, p->n_sources, p->classes, err));
    if (hg_predictor_needs_network(p) != (p->network > 0) || p->network > p->n_sources ||
        (p->network && !hg_predictor_network(p->source[p->network - 1])))
        return hg_fail_at(err, HG_EDATA, path, 0, 0, "what has learned on from a network lacks its source");
    HG_TRY(hg_domain_load(&p->domain, &(hg_shelf_view) { s, path, under(name, before, "domain.") }, d, err));
    if (p->ratio && p->classes) return hg_fail_at(err, HG_EDATA, path, 0, 0, "factors of classes");
    HG_TRY(hg_seen_load(&p->seen, &(hg_shelf_view) { s, path, under(name, before, "seen.") }, p->mem, err));
    HG_TRY(hg_bars_load(&p->bars, &(hg_shelf_view) { s, path, under(name, before, "bars.") }, err));
    const hg_shelf_view learned = { s, path, under(name, before, "learned.") };
    if (hg_shelf_has(&learned, "part")) HG_TRY(hg_bars_load(&p->learned, &learned, err));
    return hg_decision_load(&p->decision, &(hg_shelf_view) { s, path, under(name, before, "decision.") }, p->classes,
                            err);
}

hg_status hg_predictor_of_weights(hg_predictor **out, const hg_safetensors *s, const char *source, hg_err *err) {
    HG_TRY(hg_predictor_new(out, err));
    const hg_status st = read_weights(*out, s, source, "", 0, err);
    if (st != HG_OK) {
        hg_predictor_free(*out);
        *out = NULL;
    }
    return st;
}

static hg_status name_of_card(hg_predictor *p, const char *folder, hg_err *err) {
    char path[HG_FOLDER_PATH];
    const char *text;
    hg_card card;
    HG_TRY(hg_folder_card(&card, &text, path, folder, p->mem, err));
    p->name = card.name;
    if (card.n_properties) far_of_card(&p->far, &card.property[0]);
    return HG_OK;
}

hg_status hg_predictor_load(hg_predictor **out, const char *folder, hg_err *err) {
    char path[HG_FOLDER_PATH];
    hg_safetensors *s;
    *out = NULL;
    HG_TRY(hg_folder_weights(path, folder, HG_PREDICTOR_ARCHITECTURE, err));
    HG_TRY(hg_safetensors_open(&s, path, 0, err));
    hg_status st = hg_predictor_of_weights(out, s, path, err);
    hg_safetensors_free(s);
    if (st == HG_OK) st = name_of_card(*out, folder, err);
    if (st != HG_OK) {
        hg_predictor_free(*out);
        *out = NULL;
    }
    return st;
}

bool hg_predictor_is(const char *folder) {
    char path[HG_FOLDER_PATH];
    const char *text;
    hg_card card;
    hg_arena *mem = hg_arena_new();
    const bool is = mem && hg_folder_card(&card, &text, path, folder, mem, NULL) == HG_OK &&
                    strcmp(card.architecture, HG_PREDICTOR_ARCHITECTURE) == 0;
    hg_arena_free(mem);
    return is;
}
