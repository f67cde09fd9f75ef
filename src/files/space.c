/* files/space.c -- see hagane/space.h. The YAML text becomes libyaml's document; what it may hold is checked here, with the
 * line and column of each mistake. */
#include "hagane/space.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/input.h"
#include "files/space_internal.h"
#include "files/yaml.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_VARIABLES = 1000, MAX_LEVELS = 1000, MAX_BYTES = 1 << 20 };
static const double MAX_MAGNITUDE = 1e100; /* beyond, squared distances overflow */

typedef struct {
    hg_space *space;
    hg_yaml y;
} reader;

static const char *const KEYS[] = { "min", "max", "integer", "levels", "mixture" };
enum { MIN, MAX, INTEGER, LEVELS, MIXTURE, N_KEYS };

static hg_status fail_at(reader *r, const yaml_node_t *n, const char *what, const char *name) {
    return hg_yaml_fail(&r->y, n, "%s%s%s%s", name ? "variable \"" : "", name ? name : "", name ? "\": " : "", what);
}

static bool number(double *out, const char *s) {
    return s && hg_number_read(out, s, strlen(s), '.') == HG_NUMBER_FINITE && fabs(*out) <= MAX_MAGNITUDE;
}

static hg_status read_number(double *out, reader *r, const yaml_node_t *n, const char *name, const char *key) {
    if (number(out, hg_yaml_word(n))) return HG_OK;
    char what[160];
    snprintf(what, sizeof what, "%s is \"%.40s\", expected a number of at most 1e100", key,
             hg_yaml_word(n) ? hg_yaml_word(n) : "a list or mapping");
    return fail_at(r, n, what, name);
}

static hg_status read_bool(bool *out, reader *r, const yaml_node_t *n, const char *name) {
    const char *s = hg_yaml_word(n);
    const bool yes = s && (!strcmp(s, "true") || !strcmp(s, "yes")),
               no = s && (!strcmp(s, "false") || !strcmp(s, "no"));
    *out = yes;
    return yes || no ? HG_OK : fail_at(r, n, "integer is true or false", name);
}

static hg_status no_memory(reader *r) { return hg_fail(r->y.err, HG_ENOMEM, "space of %s", r->y.name); }

static hg_status read_levels(hg_variable *v, reader *r, const yaml_node_t *n) {
    if (n->type != YAML_SEQUENCE_NODE) return fail_at(r, n, "levels is a list: [water, ethanol]", v->name);
    const size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count < 2) return fail_at(r, n, "levels needs at least two entries", v->name);
    if (count > MAX_LEVELS) return fail_at(r, n, "more than 1000 levels", v->name);
    v->kind = HG_VARIABLE_LEVELS;
    v->level = hg_alloc(r->space->mem, count, sizeof *v->level);
    v->value = hg_alloc(r->space->mem, count, sizeof *v->value);
    if (!v->level || !v->value) return no_memory(r);
    v->numeric = true;
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *item = hg_yaml_item(&r->y, n, i);
        const char *s = item ? hg_yaml_word(item) : NULL;
        if (!s || !*s) return fail_at(r, item ? item : n, "each level is a word or a number", v->name);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(s, v->level[k])) return fail_at(r, item, "a level is listed twice", v->name);
        v->level[i] = hg_arena_strdup(r->space->mem, s);
        if (!v->level[i]) return no_memory(r);
        v->numeric = number(&v->value[i], s) && v->numeric;
    }
    v->n_levels = count;
    return HG_OK;
}

static hg_status read_mixture(hg_variable *v, reader *r, const yaml_node_t *n) {
    const char *s = hg_yaml_word(n);
    if (!s || !*s) return fail_at(r, n, "mixture is a name that its variables share", v->name);
    v->kind = HG_VARIABLE_PART;
    hg_space *space = r->space;
    while (v->mixture < space->n_mixtures && strcmp(space->mixture[v->mixture].name, s)) v->mixture++;
    if (v->mixture < space->n_mixtures) return HG_OK;
    hg_mixture *m = &space->mixture[space->n_mixtures]; /* there is room for one a variable */
    *m = (hg_mixture) { .name = hg_arena_strdup(space->mem, s), .line = n->start_mark.line + 1 };
    if (!m->name) return no_memory(r);
    space->n_mixtures++;
    return HG_OK;
}

static hg_status check_bounds(hg_variable *v, reader *r, const yaml_node_t *n, const yaml_node_t *const given[]) {
    if (v->kind == HG_VARIABLE_LEVELS) {
        if (given[MIN] || given[MAX] || given[MIXTURE] || given[INTEGER])
            return fail_at(r, n, "levels stands alone, without min, max, integer or mixture", v->name);
        return HG_OK;
    }
    if (v->kind == HG_VARIABLE_PART && v->integer)
        return fail_at(r, n, "a part of a mixture cannot be an integer", v->name);
    if (v->kind != HG_VARIABLE_PART && (!given[MIN] || !given[MAX]))
        return hg_advise(r->y.err, fail_at(r, n, "needs min and max, or levels", v->name),
                         "for example {min: 400, max: 900} or {levels: [water, ethanol]}");
    if (!(v->min < v->max))
        return hg_advise(r->y.err, fail_at(r, n, "min is not below max", v->name),
                         "leave out a variable that does not vary");
    if (v->kind == HG_VARIABLE_PART && (v->min < 0 || v->max > 1))
        return fail_at(r, n, "parts of a mixture lie between 0 and 1", v->name);
    if (v->integer && (v->min != floor(v->min) || v->max != floor(v->max) || v->max - v->min > 1e9))
        return fail_at(r, n, "integer needs whole numbers for min and max, at most 1e9 apart", v->name);
    if (v->integer) v->kind = HG_VARIABLE_INTEGER;
    return HG_OK;
}

/* Fills given[N_KEYS] with the values of the mapping n, each key once. */
static hg_status read_keys(const yaml_node_t *given[], reader *r, const yaml_node_t *n, const char *name) {
    char what[100];
    snprintf(what, sizeof what, "variable \"%.80s\"", name);
    const hg_status st = hg_yaml_keys(given, &r->y, n, KEYS, N_KEYS, what);
    return n->type == YAML_MAPPING_NODE ? st : hg_advise(r->y.err, st, "for example {min: 400, max: 900}");
}

static hg_status read_variable(reader *r, const yaml_node_t *key, const yaml_node_t *n) {
    hg_space *s = r->space;
    const char *name = hg_yaml_word(key);
    if (!name || !*name) return fail_at(r, key, "a variable needs a name", NULL);
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->v[i].name, name)) return fail_at(r, key, "is listed twice", name);
    hg_variable *v = &s->v[s->n];
    *v = (hg_variable) { .name = hg_arena_strdup(s->mem, name), .kind = HG_VARIABLE_REAL, .max = 1 };
    if (!v->name) return no_memory(r);
    const yaml_node_t *given[N_KEYS] = { NULL };
    HG_TRY(read_keys(given, r, n, name));
    if (given[MIN]) HG_TRY(read_number(&v->min, r, given[MIN], name, "min"));
    if (given[MAX]) HG_TRY(read_number(&v->max, r, given[MAX], name, "max"));
    if (given[INTEGER]) HG_TRY(read_bool(&v->integer, r, given[INTEGER], name));
    if (given[LEVELS])
        HG_TRY(read_levels(v, r, given[LEVELS]));
    else if (given[MIXTURE])
        HG_TRY(read_mixture(v, r, given[MIXTURE]));
    HG_TRY(check_bounds(v, r, n, given));
    s->n++;
    return HG_OK;
}

/* A mixture must have room to move: sum of min < 1 < sum of max. */
static hg_status check_mixtures(reader *r) {
    hg_space *s = r->space;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].kind != HG_VARIABLE_PART) continue;
        hg_mixture *m = &s->mixture[s->v[i].mixture];
        m->n++;
        m->sum_min += s->v[i].min;
        m->sum_max += s->v[i].max;
    }
    for (size_t i = 0; i < s->n_mixtures; i++) {
        const hg_mixture *m = &s->mixture[i];
        if (m->n >= 2 && m->sum_min < 1 - 1e-12 && m->sum_max > 1 + 1e-12) continue;
        hg_fail_at(r->y.err, HG_EDATA, r->y.name, m->line, 0,
                   "mixture \"%s\" cannot sum to 1: parts %zu, from %g to %g together", m->name, m->n, m->sum_min,
                   m->sum_max);
        return hg_advise(r->y.err, HG_EDATA, "two parts or more, with min adding up to less than 1 and max to more");
    }
    return HG_OK;
}

static hg_status read_document(reader *r) {
    const yaml_node_t *root = hg_yaml_root(&r->y), *list = NULL;
    if (root->type != YAML_MAPPING_NODE)
        return fail_at(r, root, "expected \"variables:\" and a mapping under it", NULL);
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(&r->y.doc, p->key);
        if (!hg_yaml_word(key) || strcmp(hg_yaml_word(key), "variables") || list)
            return hg_advise(r->y.err, fail_at(r, key, "expected the one key \"variables\" here", NULL),
                             "variables: and under it, indented, one line a variable");
        list = yaml_document_get_node(&r->y.doc, p->value);
    }
    if (!list || list->type != YAML_MAPPING_NODE)
        return fail_at(r, list ? list : root, "expected \"variables:\" and a mapping under it", NULL);
    const size_t n = (size_t)(list->data.mapping.pairs.top - list->data.mapping.pairs.start);
    if (n == 0) return fail_at(r, list, "no variables", NULL);
    if (n > MAX_VARIABLES) return fail_at(r, list, "more than 1000 variables", NULL);
    r->space->v = hg_alloc(r->space->mem, n, sizeof *r->space->v);
    r->space->mixture = hg_alloc(r->space->mem, n, sizeof *r->space->mixture);
    if (!r->space->v || !r->space->mixture) return no_memory(r);
    for (yaml_node_pair_t *p = list->data.mapping.pairs.start; p < list->data.mapping.pairs.top; p++)
        HG_TRY(
            read_variable(r, yaml_document_get_node(&r->y.doc, p->key), yaml_document_get_node(&r->y.doc, p->value)));
    return check_mixtures(r);
}

static hg_status read_text(hg_space *s, const char *name, const char *text, size_t len, hg_err *err) {
    reader r = { .space = s };
    HG_TRY(hg_yaml_load(&r.y, name, text, len, err));
    const hg_status st = read_document(&r);
    hg_yaml_free(&r.y);
    return st;
}

hg_status hg_space_read_memory(hg_space **out, const char *name, const char *text, size_t len, hg_err *err) {
    *out = NULL;
    if (len > MAX_BYTES) return hg_fail_at(err, HG_ELIMIT, name, 0, 0, "a space file has at most 1 MiB");
    hg_arena *mem = hg_arena_new();
    hg_space *s = hg_alloc(mem, 1, sizeof *s);
    if (!s) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "space of %s", name);
    }
    s->mem = mem;
    s->source = hg_arena_strdup(mem, name);
    const hg_status st = s->source ? read_text(s, name, text, len, err) : hg_fail(err, HG_ENOMEM, "space of %s", name);
    if (st != HG_OK) {
        hg_space_free(s);
        return st;
    }
    *out = s;
    return HG_OK;
}

hg_status hg_space_read(hg_space **out, const char *path, hg_err *err) {
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    *out = NULL;
    o.max_bytes = MAX_BYTES + 1; /* one more than is taken, so that too long is told apart */
    HG_TRY(hg_input_open(&in, path, &o, err));
    size_t len = 0;
    char *text = hg_malloc(1, MAX_BYTES + 1);
    hg_status st = text ? hg_input_read(&len, in, text, MAX_BYTES + 1, err)
                        : hg_fail(err, HG_ENOMEM, "no memory to read %s", path);
    if (st == HG_OK) st = hg_space_read_memory(out, hg_input_name(in), text, len, err);
    hg_free(text);
    hg_input_free(in);
    return st;
}

size_t hg_space_variables(const hg_space *s) { return s->n; }
const char *hg_space_variable(const hg_space *s, size_t i) { return s->v[i].name; }
void hg_space_free(hg_space *s) {
    if (s) hg_arena_free(s->mem);
}
