/* library/card.c -- see library/card.h */
#include "library/card.h"
#include "files/json.h"
#include "files/json_read.h"
#include "files/output.h"
#include "files/whole.h"
#include <string.h>

enum { CARD_MOST = 1 << 20, INDENT = 2 };

static void write_data(hg_json *j, const hg_card *c) {
    hg_json_begin_array(j, "data");
    for (size_t i = 0; i < c->n_data; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "role", c->data[i].role);
        hg_json_string(j, "file", c->data[i].file);
        hg_json_string(j, "sha256", c->data[i].sha256);
        hg_json_count(j, "molecules", c->data[i].molecules);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_string(j, "data_source", c->source);
    hg_json_string(j, "data_licence", c->licence);
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

hg_status hg_card_write(const hg_card *c, const char *path, hg_err *err) {
    hg_text t = hg_text_new(CARD_MOST);
    hg_json j;
    hg_json_begin_text(&j, &t, INDENT);
    hg_json_begin_object(&j, NULL);
    hg_json_string(&j, "schema", "hagane.card/1");
    hg_json_string(&j, "name", c->name);
    hg_json_string(&j, "architecture", c->architecture);
    hg_json_string(&j, "property", c->property);
    hg_json_string(&j, "unit", c->unit);
    write_data(&j, c);
    hg_json_begin_object(&j, "domain");
    hg_json_string(&j, "elements", c->elements);
    hg_json_count(&j, "least_atoms", c->least_atoms);
    hg_json_count(&j, "most_atoms", c->most_atoms);
    hg_json_end_object(&j);
    write_numbers(&j, "options", c->options, c->n_options);
    hg_json_count(&j, "seed", (size_t)c->seed);
    write_numbers(&j, "metrics", c->metrics, c->n_metrics);
    hg_json_string(&j, "library", hg_version());
    hg_json_string(&j, "weights_sha256", c->weights_sha256);
    hg_json_end_object(&j);
    hg_status st = hg_json_end(&j, err);
    if (st == HG_OK && t.failed) st = hg_fail(err, HG_ENOMEM, "no memory for a card");
    hg_output *o = NULL;
    if (st == HG_OK) st = hg_output_new(&o, path, NULL, err);
    if (st == HG_OK) st = hg_output_write(o, t.s, t.len, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    hg_text_free(&t);
    return st;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *key;
    const char **to;
} wanted;

static hg_status read_value(hg_json_reader *r, const wanted *w, hg_arena *arena, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_STRING, w->key, err));
    if (*w->to) return hg_json_read_fail(r, err, HG_EPARSE, "\"%s\" stands here a second time", w->key);
    char *s = hg_alloc(arena, r->len + 1, 1);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    hg_json_read_text(s, r);
    *w->to = s;
    return HG_OK;
}

static hg_status read_all(hg_json_reader *r, const wanted *w, size_t n, hg_arena *arena, hg_err *err) {
    HG_TRY(hg_json_read_expect(r, HG_JSON_OBJECT, "a card", err));
    for (;;) {
        HG_TRY(hg_json_read_next(r, err));
        if (r->event == HG_JSON_OBJECT_END) break;
        size_t i = 0;
        while (i < n && !hg_json_read_is(r, w[i].key)) i++;
        if (i < n)
            HG_TRY(read_value(r, &w[i], arena, err));
        else
            HG_TRY(hg_json_read_skip(r, err));
    }
    return hg_json_read_expect(r, HG_JSON_DONE, "the end of the card", err);
}

hg_status hg_card_read(hg_card *c, const char **text, const char *path, hg_arena *arena, hg_err *err) {
    void *bytes;
    size_t n;
    const char *schema = NULL, *hash = NULL;
    *c = (hg_card) { 0 };
    HG_TRY(hg_whole_read(&bytes, &n, path, CARD_MOST, 0, err));
    *text = hg_arena_strndup(arena, bytes, n);
    hg_whole_free(bytes, n);
    if (!*text) return hg_fail(err, HG_ENOMEM, "no memory for a card");
    const wanted w[] = {
        { "schema", &schema },        { "name", &c->name }, { "architecture", &c->architecture },
        { "property", &c->property }, { "unit", &c->unit }, { "weights_sha256", &hash },
    };
    const size_t n_wanted = sizeof w / sizeof *w;
    hg_json_reader r;
    hg_json_read_begin(&r, path, *text, n);
    HG_TRY(read_all(&r, w, n_wanted, arena, err));
    for (size_t i = 0; i < n_wanted; i++)
        if (!*w[i].to) return hg_fail_at(err, HG_ENOTFOUND, path, 0, 0, "this card has no \"%s\"", w[i].key);
    if (strcmp(schema, "hagane.card/1") != 0)
        return hg_fail_at(err, HG_EPARSE, path, 0, 0, "its schema is \"%s\", expected \"hagane.card/1\"", schema);
    if (strlen(hash) != sizeof c->weights_sha256 - 1)
        return hg_fail_at(err, HG_EPARSE, path, 0, 0, "\"weights_sha256\" is no SHA-256: 64 hexadecimal digits");
    memcpy(c->weights_sha256, hash, sizeof c->weights_sha256);
    return HG_OK;
}
