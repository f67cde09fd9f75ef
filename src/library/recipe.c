/* library/recipe.c -- see library/recipe.h */
#include "library/recipe.h"
#include "files/whole.h"
#include "files/yaml.h"
#include "hagane/descriptor.h"
#include "learn/mlp.h"
#include "library/pack.h"
#include <string.h>

enum { BYTES_MOST = 4 << 20, COUNT_MOST = 1000000, PROPERTIES_MOST = 1000 };

static hg_status no_memory(const hg_yaml *y) {
    return hg_fail(y->err, HG_ENOMEM, "no memory for the recipe %s", y->name);
}

/* ---- networks ---------------------------------------------------------------------------------------------------------- */

static const hg_recipe_networks DEFAULTS = { .count = 8,
                                             .keep = 4,
                                             .layers = { 1, 3 },
                                             .width = { 40, 160 },
                                             .taper = { 0.4, 1 },
                                             .rate = { 1e-3, 4e-3 },
                                             .epochs = 300,
                                             .least = 10,
                                             .steps = 20000,
                                             .batch = 64,
                                             .decay = 0.01,
                                             .corner = 0.05 };

enum { FIRST, COUNT, KEEP, LAYERS, WIDTH, TAPER, RATE, EPOCHS, LEAST, STEPS, BATCH, DECAY, CORNER, NETWORK_KEYS };
static const char *const NETWORK[NETWORK_KEYS] = {
    [FIRST] = "first", [COUNT] = "count", [KEEP] = "keep",     [LAYERS] = "layers", [WIDTH] = "width",
    [TAPER] = "taper", [RATE] = "rate",   [EPOCHS] = "epochs", [LEAST] = "least",   [STEPS] = "steps",
    [BATCH] = "batch", [DECAY] = "decay", [CORNER] = "corner",
};

static hg_status whole(size_t *out, hg_yaml *y, const yaml_node_t *n, size_t least, size_t most, const char *what) {
    int64_t x;
    if (!n) return HG_OK;
    HG_TRY(hg_yaml_whole(&x, y, n, (int64_t)least, (int64_t)most, what));
    *out = (size_t)x;
    return HG_OK;
}

static hg_status number(double *out, hg_yaml *y, const yaml_node_t *n, double least, double most, const char *what) {
    return n ? hg_yaml_number(out, y, n, least, most, what) : HG_OK;
}

/* [least, most], or one number for both. */
static hg_status range(double out[2], hg_yaml *y, const yaml_node_t *n, double least, double most, const char *what) {
    size_t count;
    if (!n) return HG_OK;
    if (n->type == YAML_SCALAR_NODE) {
        HG_TRY(hg_yaml_number(&out[0], y, n, least, most, what));
        out[1] = out[0];
        return HG_OK;
    }
    HG_TRY(hg_yaml_list(&count, y, n, 2, what));
    if (count != 2) return hg_yaml_fail(y, n, "%s: expected [least, most]", what);
    HG_TRY(hg_yaml_number(&out[0], y, hg_yaml_item(y, n, 0), least, most, what));
    return hg_yaml_number(&out[1], y, hg_yaml_item(y, n, 1), out[0], most, what);
}

static hg_status whole_range(size_t out[2], hg_yaml *y, const yaml_node_t *n, double least, double most,
                             const char *what) {
    double x[2] = { (double)out[0], (double)out[1] };
    HG_TRY(range(x, y, n, least, most, what));
    for (int k = 0; k < 2; k++) {
        if (x[k] != (double)(size_t)x[k]) return hg_yaml_fail(y, n, "%s: expected whole numbers", what);
        out[k] = (size_t)x[k];
    }
    return HG_OK;
}

static hg_status read_networks(hg_recipe_networks *w, hg_yaml *y, const yaml_node_t *n) {
    const yaml_node_t *at[NETWORK_KEYS];
    if (!n) return HG_OK;
    HG_TRY(hg_yaml_keys(at, y, n, NETWORK, NETWORK_KEYS, "networks"));
    HG_TRY(whole(&w->first, y, at[FIRST], 0, COUNT_MOST, "first"));
    HG_TRY(whole(&w->count, y, at[COUNT], 1, COUNT_MOST, "count"));
    HG_TRY(whole(&w->keep, y, at[KEEP], 0, 64, "keep"));
    HG_TRY(whole_range(w->layers, y, at[LAYERS], 1, HG_MLP_LAYERS - 1, "layers"));
    HG_TRY(whole_range(w->width, y, at[WIDTH], 1, HG_MLP_WIDTH, "width"));
    HG_TRY(range(w->taper, y, at[TAPER], 0.01, 1, "taper"));
    HG_TRY(range(w->rate, y, at[RATE], 1e-6, 1, "rate"));
    HG_TRY(whole(&w->epochs, y, at[EPOCHS], 1, 100000, "epochs"));
    HG_TRY(whole(&w->least, y, at[LEAST], 1, 100000, "least"));
    HG_TRY(whole(&w->steps, y, at[STEPS], 1, 100000000, "steps"));
    HG_TRY(whole(&w->batch, y, at[BATCH], 1, HG_MLP_BATCH, "batch"));
    HG_TRY(number(&w->decay, y, at[DECAY], 0, 10, "decay"));
    HG_TRY(number(&w->corner, y, at[CORNER], 1e-3, 1e3, "corner"));
    if (w->keep > w->count) return hg_yaml_fail(y, n, "keep is %zu, but only %zu networks are made", w->keep, w->count);
    return HG_OK;
}

/* ---- properties -------------------------------------------------------------------------------------------------------- */

static hg_status text(char *out, size_t size, hg_yaml *y, const yaml_node_t *n, const char *what) {
    if (!n || (n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0)) return HG_OK;
    return hg_yaml_text(out, size, y, n, what);
}

static hg_status need(const hg_yaml *y, const yaml_node_t *in, const yaml_node_t *n, const char *what,
                      const char *key) {
    return n ? HG_OK : hg_yaml_fail(y, in, "%s has no \"%s\"", what, key);
}

enum { NAME, TARGET, WHAT, UNIT, TASK, SCALE, PROPERTY_KEYS };
static const char *const PROPERTY[PROPERTY_KEYS] = {
    [NAME] = "name", [TARGET] = "target", [WHAT] = "what", [UNIT] = "unit", [TASK] = "task", [SCALE] = "scale",
};
static const char *const TASKS[] = {
    [HG_TASK_AUTO] = "auto", [HG_TASK_VALUES] = "values", [HG_TASK_CLASSES] = "classes"
};
enum { TASK_COUNT = sizeof TASKS / sizeof *TASKS, SCALE_COUNT = HG_SCALE_LOGS + 1 };

static bool name_is_taken(const hg_recipe *r, const char *name, const hg_recipe_property *but) {
    for (size_t i = 0; i < r->n_sets; i++)
        for (size_t k = 0; k < r->set[i].n_properties; k++) {
            const hg_recipe_property *p = &r->set[i].property[k];
            if (p != but && strcmp(p->name, name) == 0) return true;
        }
    return false;
}

static hg_status read_scale(hg_recipe_property *p, hg_yaml *y, const yaml_node_t *n) {
    const char *names[SCALE_COUNT];
    size_t scale;
    for (size_t i = 0; i < SCALE_COUNT; i++) names[i] = hg_scale_name(i);
    HG_TRY(hg_yaml_choice(&scale, y, n, names, SCALE_COUNT, "scale"));
    p->scale = (hg_scale_kind)scale;
    return HG_OK;
}

static hg_status read_property(hg_recipe_property *p, const hg_recipe *r, hg_yaml *y, const yaml_node_t *n) {
    const yaml_node_t *at[PROPERTY_KEYS];
    hg_err why = { 0 };
    size_t task = HG_TASK_AUTO;
    HG_TRY(hg_yaml_keys(at, y, n, PROPERTY, PROPERTY_KEYS, "a property"));
    HG_TRY(need(y, n, at[NAME], "a property", "name"));
    HG_TRY(need(y, n, at[TARGET], "a property", "target"));
    HG_TRY(hg_yaml_text(p->name, sizeof p->name, y, at[NAME], "name"));
    if (hg_pack_check_name(p->name, &why) != HG_OK) return hg_yaml_fail(y, at[NAME], "%s", why.msg);
    if (name_is_taken(r, p->name, p)) return hg_yaml_fail(y, at[NAME], "two models are called \"%s\"", p->name);
    HG_TRY(hg_yaml_text(p->target, sizeof p->target, y, at[TARGET], "target"));
    strcpy(p->what, p->target);
    HG_TRY(text(p->what, sizeof p->what, y, at[WHAT], "what"));
    HG_TRY(text(p->unit, sizeof p->unit, y, at[UNIT], "unit"));
    if (at[TASK]) HG_TRY(hg_yaml_choice(&task, y, at[TASK], TASKS, TASK_COUNT, "task"));
    p->task = (hg_task_kind)task;
    return at[SCALE] ? read_scale(p, y, at[SCALE]) : HG_OK;
}

/* ---- sets -------------------------------------------------------------------------------------------------------------- */

enum {
    TABLE,
    SHA256,
    SOURCE,
    LICENCE,
    FORMULA,
    DESCRIPTOR,
    INPUTS,
    LEAVE_OUT,
    ROWS,
    UNLISTED,
    SPLIT,
    LEARNER,
    SETTINGS,
    NETWORKS,
    PROPERTIES,
    SET_KEYS
};
static const char *const SET[SET_KEYS] = {
    [TABLE] = "table",       [SHA256] = "sha256",         [SOURCE] = "source",         [LICENCE] = "licence",
    [FORMULA] = "formula",   [DESCRIPTOR] = "descriptor", [INPUTS] = "inputs",         [LEAVE_OUT] = "leave-out",
    [ROWS] = "rows",         [UNLISTED] = "unlisted",     [SPLIT] = "split",           [LEARNER] = "learner",
    [SETTINGS] = "settings", [NETWORKS] = "networks",     [PROPERTIES] = "properties",
};
enum { COLUMN, TEST, VALIDATION, SPLIT_KEYS };
static const char *const PARTS[SPLIT_KEYS] = { [COLUMN] = "column", [TEST] = "test", [VALIDATION] = "validation" };

/* Below the folder of data: a recipe from elsewhere reads nothing else. */
static bool is_below(const char *path) {
    if (*path == '/') return false;
    for (const char *s = path; *s;) {
        const size_t len = strcspn(s, "/");
        if (len == 2 && s[0] == '.' && s[1] == '.') return false;
        s += len + (s[len] == '/');
    }
    return true;
}

static hg_status read_table(hg_recipe_set *s, hg_yaml *y, const yaml_node_t *const *at, const yaml_node_t *n) {
    HG_TRY(need(y, n, at[TABLE], "a set", "table"));
    HG_TRY(hg_yaml_text(s->table, sizeof s->table, y, at[TABLE], "table"));
    if (!is_below(s->table))
        return hg_advise(y->err, hg_yaml_fail(y, at[TABLE], "the table is not below the folder of data"),
                         "name it by its path from there, without ..");
    HG_TRY(text(s->sha256, sizeof s->sha256, y, at[SHA256], "sha256"));
    if (*s->sha256 && (strlen(s->sha256) != 64 || strspn(s->sha256, "0123456789abcdef") != 64))
        return hg_yaml_fail(y, at[SHA256], "sha256: expected 64 hexadecimal digits");
    HG_TRY(text(s->source, sizeof s->source, y, at[SOURCE], "source"));
    return text(s->licence, sizeof s->licence, y, at[LICENCE], "licence");
}

static hg_status read_inputs(hg_recipe_set *s, const hg_recipe *r, hg_yaml *y, const yaml_node_t *const *at,
                             const yaml_node_t *n) {
    const hg_descriptor *d;
    hg_err why = { 0 };
    HG_TRY(text(s->formula, sizeof s->formula, y, at[FORMULA], "formula"));
    if (*s->formula) strcpy(s->descriptor, hg_features_opts_default().descriptor);
    HG_TRY(text(s->descriptor, sizeof s->descriptor, y, at[DESCRIPTOR], "descriptor"));
    if (at[DESCRIPTOR] && hg_descriptor_find(&d, s->descriptor, &why) != HG_OK)
        return hg_advise(y->err, hg_yaml_fail(y, at[DESCRIPTOR], "%s", why.msg), "%s", why.hint);
    if (at[INPUTS]) HG_TRY(hg_yaml_list(&s->n_inputs, y, at[INPUTS], HG_RECIPE_INPUTS, "inputs"));
    s->input = hg_alloc(r->mem, s->n_inputs, sizeof *s->input);
    if (!s->input) return no_memory(y);
    for (size_t i = 0; i < s->n_inputs; i++) {
        char word[HG_RECIPE_WORD];
        HG_TRY(hg_yaml_text(word, sizeof word, y, hg_yaml_item(y, at[INPUTS], i), "an input"));
        if (!(s->input[i] = hg_arena_strdup(r->mem, word))) return no_memory(y);
    }
    if (*s->formula || s->n_inputs) return HG_OK;
    return hg_yaml_fail(y, n, "a set has neither a formula nor inputs");
}

static hg_status read_split(hg_recipe_set *s, hg_yaml *y, const yaml_node_t *n) {
    const yaml_node_t *at[SPLIT_KEYS];
    if (!n) return HG_OK;
    HG_TRY(hg_yaml_keys(at, y, n, PARTS, SPLIT_KEYS, "split"));
    HG_TRY(need(y, n, at[COLUMN], "split", "column"));
    HG_TRY(hg_yaml_text(s->column, sizeof s->column, y, at[COLUMN], "column"));
    HG_TRY(text(s->test, sizeof s->test, y, at[TEST], "test"));
    HG_TRY(text(s->validation, sizeof s->validation, y, at[VALIDATION], "validation"));
    if (*s->test || *s->validation) return HG_OK;
    return hg_yaml_fail(y, n, "split names a column, but neither test nor validation");
}

static hg_status read_learner(hg_recipe_set *s, hg_yaml *y, const yaml_node_t *const *at) {
    HG_TRY(text(s->learner, sizeof s->learner, y, at[LEARNER], "learner"));
    HG_TRY(text(s->settings, sizeof s->settings, y, at[SETTINGS], "settings"));
    if (!*s->learner)
        return *s->settings ? hg_yaml_fail(y, at[SETTINGS], "settings are a learner's; none is named") : HG_OK;
    bool known = strcmp(s->learner, "auto") == 0;
    for (size_t i = 0; hg_learner_name(i) && !known; i++) known = strcmp(s->learner, hg_learner_name(i)) == 0;
    return known ? HG_OK : hg_yaml_fail(y, at[LEARNER], "there is no learner \"%s\"", s->learner);
}

static hg_status read_set(hg_recipe_set *s, const hg_recipe *r, hg_yaml *y, const yaml_node_t *n) {
    const yaml_node_t *at[SET_KEYS];
    size_t count;
    HG_TRY(hg_yaml_keys(at, y, n, SET, SET_KEYS, "a set"));
    HG_TRY(read_table(s, y, at, n));
    HG_TRY(read_inputs(s, r, y, at, n));
    if (at[LEAVE_OUT]) HG_TRY(hg_yaml_bool(&s->leave_out, y, at[LEAVE_OUT], "leave-out"));
    HG_TRY(whole(&s->rows, y, at[ROWS], 5, 1 << 30, "rows"));
    if (at[UNLISTED]) HG_TRY(hg_yaml_bool(&s->unlisted, y, at[UNLISTED], "unlisted"));
    HG_TRY(read_split(s, y, at[SPLIT]));
    HG_TRY(read_learner(s, y, at));
    HG_TRY(read_networks(&s->networks, y, at[NETWORKS]));
    HG_TRY(need(y, n, at[PROPERTIES], "a set", "properties"));
    HG_TRY(hg_yaml_list(&count, y, at[PROPERTIES], PROPERTIES_MOST, "properties"));
    if (count == 0) return hg_yaml_fail(y, at[PROPERTIES], "a set without properties");
    s->property = hg_alloc(r->mem, count, sizeof *s->property);
    if (!s->property) return no_memory(y);
    for (; s->n_properties < count; s->n_properties++) {
        hg_recipe_property *p = &s->property[s->n_properties];
        HG_TRY(read_property(p, r, y, hg_yaml_item(y, at[PROPERTIES], s->n_properties)));
    }
    return HG_OK;
}

enum { SCHEMA, SEED, SHARED, SETS, KEYS_COUNT };
static const char *const KEYS[KEYS_COUNT] = {
    [SCHEMA] = "schema", [SEED] = "seed", [SHARED] = "networks", [SETS] = "sets"
};

static hg_status read_recipe(hg_recipe *r, hg_yaml *y) {
    const yaml_node_t *at[KEYS_COUNT], *root = hg_yaml_root(y);
    hg_recipe_networks shared = DEFAULTS;
    size_t count;
    int64_t seed = 0;
    HG_TRY(hg_yaml_keys(at, y, root, KEYS, KEYS_COUNT, "a recipe"));
    HG_TRY(need(y, root, at[SCHEMA], "a recipe", "schema"));
    const char *schema = hg_yaml_word(at[SCHEMA]);
    if (!schema || strcmp(schema, HG_RECIPE_SCHEMA) != 0)
        return hg_yaml_fail(y, at[SCHEMA], "schema is \"%.40s\", expected \"%s\"", schema ? schema : "",
                            HG_RECIPE_SCHEMA);
    if (at[SEED]) HG_TRY(hg_yaml_whole(&seed, y, at[SEED], 0, (int64_t)1 << 53, "seed"));
    r->seed = (uint64_t)seed;
    HG_TRY(read_networks(&shared, y, at[SHARED]));
    HG_TRY(need(y, root, at[SETS], "a recipe", "sets"));
    HG_TRY(hg_yaml_list(&count, y, at[SETS], HG_RECIPE_SETS, "sets"));
    if (count == 0) return hg_yaml_fail(y, at[SETS], "a recipe without sets");
    r->set = hg_alloc(r->mem, count, sizeof *r->set);
    if (!r->set) return no_memory(y);
    for (size_t i = 0; i < count; i++) {
        r->set[i].networks = shared;
        r->n_sets++;
        HG_TRY(read_set(&r->set[i], r, y, hg_yaml_item(y, at[SETS], i)));
    }
    return HG_OK;
}

hg_status hg_recipe_read_text(hg_recipe **out, const char *name, const char *bytes, size_t n, hg_err *err) {
    hg_yaml y;
    hg_arena *mem = hg_arena_new();
    hg_recipe *r = hg_alloc(mem, 1, sizeof *r);
    *out = NULL;
    if (!r) {
        hg_arena_free(mem);
        return hg_fail(err, HG_ENOMEM, "no memory for the recipe %s", name);
    }
    *r = (hg_recipe) { .mem = mem };
    hg_status st = hg_yaml_load(&y, name, bytes, n, err);
    if (st == HG_OK) {
        st = read_recipe(r, &y);
        hg_yaml_free(&y);
    }
    if (st == HG_OK)
        *out = r;
    else
        hg_recipe_free(r);
    return st;
}

hg_status hg_recipe_read(hg_recipe **out, const char *path, hg_err *err) {
    void *bytes;
    size_t n;
    *out = NULL;
    HG_TRY(hg_whole_read(&bytes, &n, path, BYTES_MOST, 0, err));
    const hg_status st = hg_recipe_read_text(out, path, bytes, n, err);
    hg_whole_free(bytes, n);
    return st;
}

void hg_recipe_free(hg_recipe *r) {
    if (r) hg_arena_free(r->mem);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

static void write_range(hg_json *j, const char *key, double least, double most) {
    hg_json_numbers(j, key, (const double[]) { least, most }, 2);
}

static void write_networks(hg_json *j, const hg_recipe_networks *w) {
    hg_json_begin_object(j, KEYS[SHARED]);
    hg_json_count(j, NETWORK[FIRST], w->first);
    hg_json_count(j, NETWORK[COUNT], w->count);
    hg_json_count(j, NETWORK[KEEP], w->keep);
    write_range(j, NETWORK[LAYERS], (double)w->layers[0], (double)w->layers[1]);
    write_range(j, NETWORK[WIDTH], (double)w->width[0], (double)w->width[1]);
    write_range(j, NETWORK[TAPER], w->taper[0], w->taper[1]);
    write_range(j, NETWORK[RATE], w->rate[0], w->rate[1]);
    hg_json_count(j, NETWORK[EPOCHS], w->epochs);
    hg_json_count(j, NETWORK[LEAST], w->least);
    hg_json_count(j, NETWORK[STEPS], w->steps);
    hg_json_count(j, NETWORK[BATCH], w->batch);
    hg_json_number(j, NETWORK[DECAY], w->decay);
    hg_json_number(j, NETWORK[CORNER], w->corner);
    hg_json_end_object(j);
}

static void write_text(hg_json *j, const char *key, const char *s) {
    if (*s) hg_json_string(j, key, s);
}

static void write_property(hg_json *j, const hg_recipe_property *p) {
    hg_json_begin_array(j, SET[PROPERTIES]);
    hg_json_begin_object(j, NULL);
    hg_json_string(j, PROPERTY[NAME], p->name);
    hg_json_string(j, PROPERTY[TARGET], p->target);
    hg_json_string(j, PROPERTY[WHAT], p->what);
    write_text(j, PROPERTY[UNIT], p->unit);
    hg_json_string(j, PROPERTY[TASK], TASKS[p->task]);
    hg_json_string(j, PROPERTY[SCALE], hg_scale_name(p->scale));
    hg_json_end_object(j);
    hg_json_end_array(j);
}

static void write_set(hg_json *j, const hg_recipe_set *s, const hg_recipe_property *p, const char *sha256) {
    hg_json_begin_object(j, NULL);
    hg_json_string(j, SET[TABLE], s->table);
    write_text(j, SET[SHA256], sha256);
    write_text(j, SET[SOURCE], s->source);
    write_text(j, SET[LICENCE], s->licence);
    write_text(j, SET[FORMULA], s->formula);
    write_text(j, SET[DESCRIPTOR], s->descriptor);
    if (s->n_inputs) {
        hg_json_begin_array(j, SET[INPUTS]);
        for (size_t i = 0; i < s->n_inputs; i++) hg_json_string(j, NULL, s->input[i]);
        hg_json_end_array(j);
    }
    hg_json_bool(j, SET[LEAVE_OUT], s->leave_out);
    if (s->rows) hg_json_count(j, SET[ROWS], s->rows);
    if (s->unlisted) hg_json_bool(j, SET[UNLISTED], true);
    if (*s->column) {
        hg_json_begin_object(j, SET[SPLIT]);
        hg_json_string(j, PARTS[COLUMN], s->column);
        write_text(j, PARTS[TEST], s->test);
        write_text(j, PARTS[VALIDATION], s->validation);
        hg_json_end_object(j);
    }
    write_text(j, SET[LEARNER], s->learner);
    write_text(j, SET[SETTINGS], s->settings);
    write_property(j, p);
    hg_json_end_object(j);
}

void hg_recipe_write(hg_json *j, const hg_recipe *r, const hg_recipe_set *s, const hg_recipe_property *p,
                     const char *sha256, const hg_recipe_networks *networks) {
    hg_json_begin_object(j, NULL);
    hg_json_string(j, KEYS[SCHEMA], HG_RECIPE_SCHEMA);
    hg_json_count(j, KEYS[SEED], (size_t)r->seed);
    if (!*s->learner) write_networks(j, networks);
    hg_json_begin_array(j, KEYS[SETS]);
    write_set(j, s, p, sha256);
    hg_json_end_array(j);
    hg_json_end_object(j);
}
