/* library/index_card.c -- from a card to the rows of the index */
#include "core/text.h"
#include "library/index_internal.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- names of metrics ------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *begins, *holds, *kind; /* holds: NULL when the beginning is enough */
    bool more_is_better;
} metric_kind;

static const metric_kind KINDS[] = {
    { "mean absolute error", NULL, "mae", false },
    { "root mean square error", NULL, "rmse", false },
    { "largest error", NULL, "largest", false },
    { "area under the ROC curve", NULL, "auc", true },
    { "coefficient of determination", NULL, "r2", true },
    { "accuracy", NULL, "accuracy", true },
    { "log loss", NULL, "logloss", false },
    { "share of ", "inside 90 % intervals", "coverage90", true },
    { "mean width of 90 % intervals", NULL, "width90", false },
};

/* What the rest of a metric's name says of the rows it was measured on: those that tell most of new cases first. */
static const struct {
    const char *holds, *name; /* NULL: nothing is told */
} ROLES[] = {
    { "test", "test" }, { "cross-validation", "cv" }, { "fold", "cv" }, { "validation", "validation" },
    { NULL, NULL },     { "train", "train" },
};
enum { N_ROLES = sizeof ROLES / sizeof *ROLES };

static int role_of(const char *rest) {
    int untold = 0;
    for (int i = 0; i < N_ROLES; i++) {
        if (!ROLES[i].holds)
            untold = i;
        else if (strstr(rest, ROLES[i].holds))
            return i;
    }
    return untold;
}

static bool is_kind(const metric_kind *k, const char *metric) {
    const size_t n = strlen(k->kind);
    if (strncmp(metric, k->kind, n) == 0 && !isalnum((unsigned char)metric[n])) return true;
    return strncmp(metric, k->begins, strlen(k->begins)) == 0 && (!k->holds || strstr(metric, k->holds));
}

void hg_index_kind(char kind[HG_INDEX_KIND], int *role, const char *metric) {
    *role = role_of(metric);
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (!is_kind(&KINDS[i], metric)) continue;
        const char *rows = ROLES[*role].name;
        snprintf(kind, HG_INDEX_KIND, "%s%s%s", KINDS[i].kind, rows ? "." : "", rows ? rows : "");
        return;
    }
    snprintf(kind, HG_INDEX_KIND, "%s", metric);
    *role = role_of("");
}

bool hg_index_more_is_better(const char *kind) {
    const size_t n = strcspn(kind, ".");
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strlen(KINDS[i].kind) == n && strncmp(KINDS[i].kind, kind, n) == 0) return KINDS[i].more_is_better;
    return false;
}

bool index_lower(char *out, size_t size, const char *s) {
    const size_t n = strlen(s);
    if (n >= size) return false;
    for (size_t i = 0; i <= n; i++) out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------------------------- */

static hg_status term(uint64_t *id, hg_index *x, const char *text, hg_err *err) {
    bool found;
    HG_TRY(index_int(id, &found, x, "SELECT id FROM term WHERE text = ?", HG_VALUES(hg_value_text(text)), err));
    if (found) return HG_OK;
    return index_int(id, &found, x, "INSERT INTO term (text) VALUES (?) RETURNING id", HG_VALUES(hg_value_text(text)),
                     err);
}

static hg_status put_metric(hg_index *x, uint64_t model, uint64_t property, const char *kind, const char *told,
                            const hg_card_number *m, hg_err *err) {
    uint64_t id;
    HG_TRY(term(&id, x, kind, err));
    return index_run(x,
                     "INSERT INTO metric (property, kind, value, model, told, unit) VALUES (?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT DO NOTHING",
                     HG_VALUES(hg_value_int(property), hg_value_int(id), hg_value_real(m->value), hg_value_int(model),
                               hg_value_text(told), hg_value_text(m->unit)),
                     err);
}

/* Is there one of the same kind that tells more of new cases? */
static bool is_best(const hg_card_property *p, size_t i, const char *kind, int role) {
    const size_t n = strcspn(kind, ".");
    for (size_t k = 0; k < p->n_metrics; k++) {
        char other[HG_INDEX_KIND];
        int its;
        if (!isfinite(p->metrics[k].value)) continue;
        hg_index_kind(other, &its, p->metrics[k].name);
        if (strcspn(other, ".") == n && strncmp(other, kind, n) == 0 && (its < role || (its == role && k < i)))
            return false;
    }
    return true;
}

/* Under its full short name, and under "mae" alone when it is the one that tells most. */
static hg_status put_metrics(hg_index *x, uint64_t model, uint64_t property, const hg_card_property *p, hg_err *err) {
    for (size_t i = 0; i < p->n_metrics; i++) {
        char kind[HG_INDEX_KIND], shorter[HG_INDEX_KIND];
        int role;
        if (!isfinite(p->metrics[i].value)) continue;
        hg_index_kind(kind, &role, p->metrics[i].name);
        HG_TRY(put_metric(x, model, property, kind, kind, &p->metrics[i], err));
        const size_t n = strcspn(kind, ".");
        if (!kind[n] || !is_best(p, i, kind, role)) continue;
        snprintf(shorter, sizeof shorter, "%.*s", (int)n, kind);
        HG_TRY(put_metric(x, model, property, shorter, kind, &p->metrics[i], err));
    }
    return HG_OK;
}

static hg_status put_property(hg_index *x, uint64_t model, const hg_card_property *p, hg_err *err) {
    char name[INDEX_NAME];
    uint64_t id;
    HG_TRY(term(&id, x, p->what.symbol, err));
    HG_TRY(index_run(x, "INSERT INTO property (term, model) VALUES (?, ?) ON CONFLICT DO NOTHING",
                     HG_VALUES(hg_value_int(id), hg_value_int(model)), err));
    if (!index_lower(name, sizeof name, p->what.name)) return HG_OK; /* too long to be asked for */
    HG_TRY(index_run(x, "INSERT INTO called (name, term) VALUES (?, ?) ON CONFLICT DO NOTHING",
                     HG_VALUES(hg_value_text(name), hg_value_int(id)), err));
    return put_metrics(x, model, id, p, err);
}

/* The figure that stands for the model in a list: the first property's first finite metric of its best role. */
static const hg_card_number *headline(char kind[HG_INDEX_KIND], const hg_card *c) {
    const hg_card_property *p = &c->property[0];
    for (size_t i = 0; i < p->n_metrics; i++) {
        int role;
        if (!isfinite(p->metrics[i].value)) continue;
        hg_index_kind(kind, &role, p->metrics[i].name);
        if (is_best(p, i, kind, role)) return &p->metrics[i];
    }
    kind[0] = '\0';
    return NULL;
}

typedef struct {
    hg_text symbols, properties, words;
} texts;

static void compose_texts(texts *t, const hg_card *c) {
    const char *const words[] = { c->method, c->source, c->licence, c->split, c->parent };
    for (size_t i = 0; i < c->n_properties; i++) {
        const hg_property *p = &c->property[i].what;
        hg_text_add(&t->symbols, "%s%s", i ? ", " : "", p->symbol);
        hg_text_add(&t->properties, "%s%s %s", i ? ", " : "", p->symbol, p->name);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i]) hg_text_add(&t->words, "%s%s", t->words.len ? "; " : "", words[i]);
}

static hg_status put_model(uint64_t *id, hg_index *x, uint64_t source, const char *name, uint64_t bytes,
                           const hg_card *c, const texts *t, hg_err *err) {
    char kind[HG_INDEX_KIND];
    const hg_card_number *best = headline(kind, c);
    bool found;
    if (t->symbols.failed || t->properties.failed || t->words.failed)
        return hg_fail(err, HG_ENOMEM, "no memory for the index of %s", x->library);
    HG_TRY(index_int(
        id, &found, x,
        "INSERT INTO model (source, bytes, licence, symbols, kind, value, unit, name, properties, architecture, "
        "descriptor, elements, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        HG_VALUES(hg_value_int(source), hg_value_int(bytes), hg_value_text(c->licence), hg_value_text(t->symbols.s),
                  hg_value_text(best ? kind : NULL), best ? hg_value_real(best->value) : hg_value_text(NULL),
                  hg_value_text(best ? best->unit : NULL), hg_value_text(name), hg_value_text(t->properties.s),
                  hg_value_text(c->architecture), hg_value_text(c->descriptor), hg_value_text(c->elements),
                  hg_value_text(t->words.s)),
        err));
    if (x->server) return HG_OK; /* its index of words follows the table by itself */
    return index_run(
        x, "INSERT INTO search (rowid, " INDEX_COLUMNS ") SELECT id, " INDEX_COLUMNS " FROM model WHERE id = ?",
        HG_VALUES(hg_value_int(*id)), err);
}

hg_status index_put(hg_index *x, uint64_t source, const char *name, uint64_t bytes, const hg_card *c, hg_err *err) {
    texts t = { hg_text_new(0), hg_text_new(0), hg_text_new(0) };
    uint64_t id;
    compose_texts(&t, c);
    hg_status st = put_model(&id, x, source, name, bytes, c, &t, err);
    for (size_t i = 0; st == HG_OK && i < c->n_properties; i++) st = put_property(x, id, &c->property[i], err);
    hg_text_free(&t.symbols);
    hg_text_free(&t.properties);
    hg_text_free(&t.words);
    return st;
}
