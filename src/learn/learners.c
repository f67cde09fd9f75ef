/* learn/learners.c -- the table of what learns from rows, and what all learners share */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "learn/records.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const hg_learner *const ALL[] = {
    &hg_ridge_learner,      &hg_affine_learner,     &hg_kernel_ridge_learner, &hg_gp_learner,    &hg_relevance_learner,
    &hg_extratrees_learner, &hg_extraboost_learner, &hg_forest_learner,       &hg_boost_learner, &hg_frozen_learner,
    &hg_finetune_learner,   &hg_mlp_learner,        &hg_attention_learner,
};

/* Made elsewhere and only used: nothing is chosen among them. */
static const hg_learner *const MADE[] = { &hg_networks_learner };

const hg_learner *hg_learner_at(size_t i) { return i < sizeof ALL / sizeof *ALL ? ALL[i] : NULL; }

const hg_learner *hg_learner_find(const char *name) {
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        if (strcmp(name, ALL[i]->name) == 0 || strcmp(name, ALL[i]->version) == 0) return ALL[i];
    for (size_t i = 0; i < sizeof MADE / sizeof *MADE; i++)
        if (strcmp(name, MADE[i]->name) == 0 || strcmp(name, MADE[i]->version) == 0) return MADE[i];
    return NULL;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

void hg_learner_defaults(double *option, const hg_learner *l) {
    for (size_t k = 0; k < l->n_options; k++) option[k] = l->option[k].fallback;
}

static hg_status unknown_option(const hg_learner *l, const char *word, size_t len, hg_err *err) {
    hg_text names = hg_text_new(180);
    for (size_t k = 0; k < l->n_options; k++) hg_text_add(&names, "%s%s", k ? ", " : "", l->option[k].name);
    hg_fail(err, HG_EINVAL, "%s has no option \"%.*s\"", l->name, (int)(len < 80 ? len : 80), word);
    hg_advise(err, HG_EINVAL, names.len ? "there are: %s" : "it has none%s", names.s);
    hg_text_free(&names);
    return HG_EINVAL;
}

static hg_status set_one(double *option, const hg_learner *l, const char *word, size_t len, hg_err *err) {
    const char *equals = memchr(word, '=', len);
    const size_t name = equals ? (size_t)(equals - word) : len;
    size_t k = 0;
    while (k < l->n_options && (strlen(l->option[k].name) != name || memcmp(l->option[k].name, word, name) != 0)) k++;
    if (k == l->n_options) return unknown_option(l, word, name, err);
    const hg_train_option *o = &l->option[k];
    double x;
    if (!equals || hg_number_read(&x, equals + 1, len - name - 1, '.') != HG_NUMBER_FINITE ||
        (o->whole && x != floor(x)))
        return hg_fail(err, HG_EINVAL, "%s: %s wants a %snumber: %s=VALUE", l->name, o->name, o->whole ? "whole " : "",
                       o->name);
    if (x < o->min || x > o->max)
        return hg_fail(err, HG_EINVAL, "%s: %s=%g is outside of %g to %g", l->name, o->name, x, o->min, o->max);
    option[k] = x;
    return HG_OK;
}

hg_status hg_learner_set(double *option, const hg_learner *l, const char *settings, hg_err *err) {
    for (const char *s = settings; *s;) {
        const size_t len = strcspn(s, " ");
        if (len) HG_TRY(set_one(option, l, s, len, err));
        s += len + (s[len] == ' ');
    }
    return HG_OK;
}

/* ---- parts of rows ----------------------------------------------------------------------------------------------- */

/* Groups as numbers 0 .. n_groups - 1 in order of first appearance: of[n]. 0: no memory. */
typedef struct {
    size_t key, row;
} keyed;

static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static size_t number_groups(size_t *of, const hg_rows *rows) {
    if (!rows->group) {
        for (size_t i = 0; i < rows->n; i++) of[i] = i;
        return rows->n;
    }
    keyed *k = hg_malloc(rows->n, sizeof *k);
    if (!k) return 0;
    for (size_t i = 0; i < rows->n; i++) k[i] = (keyed) { rows->group[i], i };
    qsort(k, rows->n, sizeof *k, by_key);
    for (size_t i = 0; i < rows->n; i++) /* the group's first row, for now */
        of[k[i].row] = i && k[i].key == k[i - 1].key ? of[k[i - 1].row] : k[i].row;
    hg_free(k);
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) of[i] = of[i] == i ? n++ : of[of[i]]; /* a first row comes before its others */
    return n;
}

/* Groups in random order, those of one class (of their first row) after another: dealt out in turn, every part gets its share
 * of each class. */
static bool deal(size_t *group_part, const size_t *of, size_t groups, const hg_rows *rows, size_t parts,
                 uint64_t seed) {
    size_t *order = hg_malloc(groups, sizeof *order), *class = hg_calloc(groups, sizeof *class);
    const bool ok = order && class;
    if (ok) {
        for (size_t i = rows->n; i-- > 0;)
            if (rows->classes && rows->y) class[of[i]] = (size_t)rows->y[i];
        hg_rng r = hg_rng_make(seed, 0x5917);
        for (size_t g = 0; g < groups; g++) order[g] = g;
        hg_rng_shuffle(&r, order, groups);
        size_t next = 0;
        for (size_t c = 0; c < (rows->classes ? rows->classes : 1); c++)
            for (size_t g = 0; g < groups; g++)
                if (class[order[g]] == c) group_part[order[g]] = next++ % parts;
    }
    hg_free(order);
    hg_free(class);
    return ok;
}

size_t hg_rows_split(size_t *part, const hg_rows *rows, size_t parts, uint64_t seed) {
    const size_t groups = number_groups(part, rows);
    if (parts > groups) parts = groups;
    size_t *group_part = hg_malloc(groups, sizeof *group_part);
    const bool ok = parts && group_part && deal(group_part, part, groups, rows, parts, seed);
    for (size_t i = 0; ok && i < rows->n; i++) part[i] = group_part[part[i]];
    hg_free(group_part);
    return ok ? parts : 0;
}

hg_status hg_rows_take(hg_rows *out, const hg_rows *rows, const size_t *index, size_t n, hg_arena *mem, hg_err *err) {
    const size_t d = rows->d;
    float *x = hg_alloc(mem, n * d, sizeof *x);
    double *y = rows->y ? hg_alloc(mem, n, sizeof *y) : NULL;
    size_t *group = rows->group ? hg_alloc(mem, n, sizeof *group) : NULL;
    hg_composition *c = rows->composition ? hg_alloc(mem, n, sizeof *c) : NULL;
    float *inputs = rows->inputs ? hg_alloc(mem, n * rows->inputs_d, sizeof *inputs) : NULL;
    if (!x || (rows->y && !y) || (rows->group && !group) || (rows->composition && !c) || (rows->inputs && !inputs))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", n, d);
    for (size_t i = 0; i < n; i++) {
        if (d) memcpy(x + i * d, rows->x + index[i] * d, d * sizeof *x);
        if (y) y[i] = rows->y[index[i]];
        if (group) group[i] = rows->group[index[i]];
        if (c) c[i] = rows->composition[index[i]];
        if (inputs)
            memcpy(inputs + i * rows->inputs_d, rows->inputs + index[i] * rows->inputs_d,
                   rows->inputs_d * sizeof *inputs);
    }
    *out = *rows; /* what holds for all rows */
    out->n = n, out->x = x, out->composition = c, out->y = y, out->group = group, out->inputs = inputs;
    return HG_OK;
}
