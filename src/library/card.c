/* library/card.c -- see library/card.h */
#include "library/card.h"
#include "core/text.h"
#include "files/json.h"
#include "files/json_read.h"
#include "files/output.h"
#include "files/whole.h"
#include <math.h>
#include <string.h>

enum { CARD_MOST = 1 << 20, INDENT = 2 };

static void write_data(hg_json *j, const hg_card *c) {
    hg_json_begin_array(j, "data");
    for (size_t i = 0; i < c->n_data; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "role", c->data[i].role);
        hg_json_string(j, "file", c->data[i].file);
        hg_json_string(j, "sha256", c->data[i].sha256);
        if (c->data[i].rows)
            hg_json_count(j, "rows", c->data[i].rows);
        else
            hg_json_count(j, "molecules", c->data[i].molecules);
        if (c->data[i].compositions) hg_json_count(j, "compositions", c->data[i].compositions);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_string(j, "data_source", c->source);
    hg_json_string(j, "data_licence", c->licence);
    if (c->split) hg_json_string(j, "split", c->split);
}

static void write_numbers(hg_json *j, const char *key, const hg_card_number *x, size_t n) {
    hg_json_begin_array(j, key);
    for (size_t i = 0; i < n; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "name", x[i].name);
        hg_json_number(j, "value", x[i].value);
        hg_json_string(j, "unit", x[i].unit);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void write_properties(hg_json *j, const hg_card *c) {
    hg_json_begin_array(j, "properties");
    for (size_t i = 0; i < c->n_properties; i++) {
        const hg_card_property *p = &c->property[i];
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "symbol", p->what.symbol);
        hg_json_string(j, "name", p->what.name);
        hg_json_string(j, "unit", p->what.unit);
        write_numbers(j, "metrics", p->metrics, p->n_metrics);
        if (p->least != 0 || p->most != 0) {
            hg_json_number(j, "least", p->least);
            hg_json_number(j, "most", p->most);
        }
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void write_origin(hg_json *j, const hg_card *c) {
    if (c->method) hg_json_string(j, "method", c->method);
    if (c->descriptor) hg_json_string(j, "descriptor", c->descriptor);
    if (!c->parent) return;
    hg_json_begin_object(j, "parent");
    hg_json_string(j, "name", c->parent);
    if (c->parent_sha256) hg_json_string(j, "weights_sha256", c->parent_sha256);
    hg_json_end_object(j);
}

hg_status hg_card_write(const hg_card *c, const char *path, hg_err *err) {
    hg_text t = hg_text_new(CARD_MOST);
    hg_json j;
    hg_json_begin_text(&j, &t, INDENT);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", "hagane.card/1");
    hg_json_string(&j, "name", c->name);
    hg_json_string(&j, "architecture", c->architecture);
    write_origin(&j, c);
    write_properties(&j, c);
    write_data(&j, c);
    hg_json_begin_object(&j, "domain");
    hg_json_string(&j, "elements", c->elements);
    hg_json_count(&j, "least_atoms", c->least_atoms);
    hg_json_count(&j, "most_atoms", c->most_atoms);
    hg_json_end_object(&j);
    write_numbers(&j, "options", c->options, c->n_options);
    hg_json_count(&j, "seed", (size_t)c->seed);
    hg_json_string(&j, "library", hg_version());
    hg_json_string(&j, "weights_sha256", c->weights_sha256);
    hg_json_end_object(&j);
    hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && t.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a card");
    if (st == HG_OK) st = hg_output_whole(path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What one object of a card may hold that is of use here: a key and where its value goes. */
typedef struct {
    const char *key;
    const char **text;                                                     /* a string, or */
    size_t *count;                                                         /* a whole number, or */
    double *number;                                                        /* any number, null gives NaN, or */
    hg_status (*read)(hg_json_reader *r, void *ctx, hg_arena *, hg_err *); /* anything else */
    void *ctx;
    bool optional; /* a text that may be absent, or null */
} wanted;

enum { WANTED_MOST = 16 };

static hg_status read_text(const wanted *w, hg_json_reader *r, hg_arena *arena, hg_err *err) {
    HG_TRY(hg_json_read_next(r, err));
    if (w->optional && r->event == HG_JSON_NULL) return HG_OK;
    if (r->event != HG_JSON_STRING) return hg_json_read_fail(r, err, HG_EPARSE, "expected a string for %s", w->key);
    char *s = hg_alloc(arena, r->len + 1, 1);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    hg_json_read_text(s, r);
    *w->text = s;
    return HG_OK;
}

static hg_status read_number(const wanted *w, hg_json_reader *r, hg_err *err) {
    HG_TRY(hg_json_read_next(r, err));
    *w->number = (double)NAN;
    if (r->event == HG_JSON_NULL) return HG_OK;
    if (r->event != HG_JSON_NUMBER) return hg_json_read_fail(r, err, HG_EPARSE, "expected a number for %s", w->key);
    return hg_json_read_real(w->number, r, err);
}

static hg_status read_value(hg_json_reader *r, const wanted *w, hg_arena *arena, hg_err *err) {
    uint64_t n;
    if (w->text) return read_text(w, r, arena, err);
    if (w->number) return read_number(w, r, err);
    if (w->read) return w->read(r, w->ctx, arena, err);
    HG_TRY(hg_json_read_expect(r, HG_JSON_NUMBER, w->key, err));
    HG_TRY(hg_json_read_whole(&n, r, err));
    *w->count = (size_t)n;
    return HG_OK;
}

/* The rest of an object whose beginning was read. Other keys are passed over; texts that are not optional must be
 * there. */
static hg_status read_object(hg_json_reader *r, const wanted *w, size_t n, const char *what, hg_arena *arena,
                             hg_err *err) {
    bool seen[WANTED_MOST] = { false };
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_OBJECT_END) break;
        size_t i = 0;
        while (i < n && !hg_json_read_is(r, w[i].key)) i++;
        if (i < n && seen[i]) return hg_json_read_fail(r, err, HG_EPARSE, "\"%s\" stands here a second time", w[i].key);
        if (i < n) {
            seen[i] = true;
            HG_TRY(read_value(r, &w[i], arena, err));
        } else {
            HG_TRY(hg_json_read_skip(r, err));
        }
    }
    for (size_t i = 0; i < n; i++)
        if (!seen[i] && w[i].text && !w[i].optional)
            return hg_json_read_fail(r, err, HG_ENOTFOUND, "%s has no \"%s\"", what, w[i].key);
    return HG_OK;
}

static hg_status read_metrics(hg_json_reader *r, void *ctx, hg_arena *arena, hg_err *err) {
    hg_card_property *p = ctx;
    hg_card_number found[HG_CARD_METRICS_MOST];
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "metrics", err));
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) break;
        if (r->event != HG_JSON_OBJECT) return hg_json_read_fail(r, err, HG_EPARSE, "expected an object for a metric");
        if (p->n_metrics == HG_CARD_METRICS_MOST)
            return hg_json_read_fail(r, err, HG_ELIMIT, "more than %d metrics", HG_CARD_METRICS_MOST);
        hg_card_number *m = &found[p->n_metrics++];
        *m = (hg_card_number) { .unit = "", .value = (double)NAN };
        const wanted w[] = { { .key = "name", .text = &m->name },
                             { .key = "value", .number = &m->value },
                             { .key = "unit", .text = &m->unit, .optional = true } };
        HG_TRY(read_object(r, w, sizeof w / sizeof *w, "a metric", arena, err));
    }
    hg_card_number *kept = hg_alloc(arena, p->n_metrics, sizeof *kept);
    if (!kept) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    if (p->n_metrics) memcpy(kept, found, p->n_metrics * sizeof *kept);
    p->metrics = kept;
    return HG_OK;
}

static hg_status read_properties(hg_json_reader *r, void *ctx, hg_arena *arena, hg_err *err) {
    hg_card *c = ctx;
    HG_TRY(hg_json_read_expect(r, HG_JSON_ARRAY, "properties", err));
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_ARRAY_END) return HG_OK;
        if (r->event != HG_JSON_OBJECT)
            return hg_json_read_fail(r, err, HG_EPARSE, "expected an object for a property");
        if (c->n_properties == HG_PROPERTIES_MOST)
            return hg_json_read_fail(r, err, HG_ELIMIT, "more than %d properties", HG_PROPERTIES_MOST);
        hg_card_property *found = &c->property[c->n_properties++];
        hg_property *p = &found->what;
        const wanted w[] = {
            { .key = "symbol", .text = &p->symbol },     { .key = "name", .text = &p->name },
            { .key = "unit", .text = &p->unit },         { .key = "metrics", .read = read_metrics, .ctx = found },
            { .key = "least", .number = &found->least }, { .key = "most", .number = &found->most }
        };
        HG_TRY(read_object(r, w, sizeof w / sizeof *w, "a property", arena, err));
        for (size_t i = 0; i + 1 < c->n_properties; i++)
            if (strcmp(c->property[i].what.symbol, p->symbol) == 0)
                return hg_json_read_fail(r, err, HG_EPARSE, "the property \"%s\" stands here a second time", p->symbol);
    }
}

static hg_status read_domain(hg_json_reader *r, void *ctx, hg_arena *arena, hg_err *err) {
    hg_card *c = ctx;
    HG_TRY(hg_json_read_expect(r, HG_JSON_OBJECT, "domain", err));
    const wanted w[] = { { .key = "elements", .text = &c->elements, .optional = true },
                         { .key = "least_atoms", .count = &c->least_atoms },
                         { .key = "most_atoms", .count = &c->most_atoms } };
    return read_object(r, w, sizeof w / sizeof *w, "a domain", arena, err);
}

static hg_status read_parent(hg_json_reader *r, void *ctx, hg_arena *arena, hg_err *err) {
    hg_card *c = ctx;
    HG_TRY(hg_json_read_expect(r, HG_JSON_OBJECT, "parent", err));
    const wanted w[] = { { .key = "name", .text = &c->parent },
                         { .key = "weights_sha256", .text = &c->parent_sha256, .optional = true } };
    return read_object(r, w, sizeof w / sizeof *w, "a parent", arena, err);
}

static hg_status check_schema(const char *schema, const char *path, hg_err *err) {
    if (strcmp(schema, "hagane.card/1") == 0) return HG_OK;
    hg_fail_at(err, HG_EPARSE, path, 0, 0, "its schema is \"%s\", expected \"hagane.card/1\"", schema);
    return hg_advise(err, HG_EPARSE, "it may be of a newer version of this program, or no card of a model");
}

hg_status hg_card_read_text(hg_card *c, const char *name, const char *text, size_t n, hg_arena *arena, hg_err *err) {
    const char *schema, *hash;
    *c = (hg_card) { 0 };
    const wanted w[] = { { .key = "schema", .text = &schema },
                         { .key = "name", .text = &c->name },
                         { .key = "architecture", .text = &c->architecture },
                         { .key = "weights_sha256", .text = &hash },
                         { .key = "properties", .read = read_properties, .ctx = c },
                         { .key = "domain", .read = read_domain, .ctx = c },
                         { .key = "method", .text = &c->method, .optional = true },
                         { .key = "descriptor", .text = &c->descriptor, .optional = true },
                         { .key = "data_source", .text = &c->source, .optional = true },
                         { .key = "data_licence", .text = &c->licence, .optional = true },
                         { .key = "split", .text = &c->split, .optional = true },
                         { .key = "parent", .read = read_parent, .ctx = c } };
    hg_json_reader r;
    hg_json_read_begin(&r, name, text, n);
    HG_TRY(hg_json_read_expect(&r, HG_JSON_OBJECT, "a card", err));
    HG_TRY(read_object(&r, w, sizeof w / sizeof *w, "this card", arena, err));
    HG_TRY(hg_json_read_expect(&r, HG_JSON_DONE, "the end of the card", err));
    HG_TRY(check_schema(schema, name, err));
    if (c->n_properties == 0) return hg_fail_at(err, HG_ENOTFOUND, name, 0, 0, "this card has no \"properties\"");
    if (strlen(hash) != sizeof c->weights_sha256 - 1 || strspn(hash, "0123456789abcdef") != strlen(hash))
        return hg_fail_at(err, HG_EPARSE, name, 0, 0, "\"weights_sha256\" is no SHA-256: 64 hexadecimal digits");
    memcpy(c->weights_sha256, hash, sizeof c->weights_sha256);
    return HG_OK;
}

hg_status hg_card_read(hg_card *c, const char **text, const char *path, hg_arena *arena, hg_err *err) {
    void *bytes;
    size_t n;
    *c = (hg_card) { 0 };
    HG_TRY(hg_whole_read(&bytes, &n, path, CARD_MOST, 0, err));
    *text = hg_arena_strndup(arena, bytes, n);
    hg_whole_free(bytes, n);
    if (!*text) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    return hg_card_read_text(c, path, *text, n, arena, err);
}
