/* files/yaml.c -- see files/yaml.h */
#include "files/yaml.h"
#include "core/number.h"
#include "core/text.h"
#include "core/utf8.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static hg_status parser_error(const yaml_parser_t *p, const char *name, hg_err *err) {
    if (p->error == YAML_MEMORY_ERROR) return hg_fail(err, HG_ENOMEM, "no memory to read %s", name);
    return hg_fail_at(err, HG_EPARSE, name, p->problem_mark.line + 1, p->problem_mark.column + 1, "not YAML: %s",
                      p->problem ? p->problem : "unreadable");
}

/* What stands behind a second "---" would be passed over in silence. */
static hg_status check_single(yaml_parser_t *p, const char *name, hg_err *err) {
    yaml_document_t more;
    if (!yaml_parser_load(p, &more)) return parser_error(p, name, err);
    const yaml_node_t *root = yaml_document_get_root_node(&more);
    hg_status st = HG_OK;
    if (root)
        st = hg_fail_at(err, HG_EPARSE, name, root->start_mark.line + 1, 1,
                        "a second document begins here, expected one");
    yaml_document_delete(&more);
    return st;
}

hg_status hg_yaml_load(hg_yaml *y, const char *name, const void *text, size_t len, hg_err *err) {
    yaml_parser_t parser;
    *y = (hg_yaml) { .name = name, .err = err };
    if (!yaml_parser_initialize(&parser)) return hg_fail(err, HG_ENOMEM, "no memory to read %s", name);
    yaml_parser_set_input_string(&parser, text, len);
    hg_status st = HG_OK;
    if (!yaml_parser_load(&parser, &y->doc)) {
        st = parser_error(&parser, name, err);
    } else {
        if (!yaml_document_get_root_node(&y->doc)) st = hg_fail_at(err, HG_EPARSE, name, 1, 0, "empty file");
        if (st == HG_OK) st = check_single(&parser, name, err);
        if (st != HG_OK) yaml_document_delete(&y->doc);
    }
    yaml_parser_delete(&parser);
    return st;
}

void hg_yaml_free(hg_yaml *y) { yaml_document_delete(&y->doc); }

const yaml_node_t *hg_yaml_root(hg_yaml *y) { return yaml_document_get_root_node(&y->doc); }

hg_status hg_yaml_fail(const hg_yaml *y, const yaml_node_t *n, const char *fmt, ...) {
    char what[400];
    va_list args;
    va_start(args, fmt);
    hg_print_args(what, sizeof what, fmt, args);
    va_end(args);
    return hg_fail_at(y->err, HG_EPARSE, y->name, n->start_mark.line + 1, n->start_mark.column + 1, "%s", what);
}

const char *hg_yaml_word(const yaml_node_t *n) {
    if (n->type != YAML_SCALAR_NODE || strlen((const char *)n->data.scalar.value) != n->data.scalar.length) return NULL;
    return (const char *)n->data.scalar.value;
}

/* What stands there, for errors. */
static const char *shown(const yaml_node_t *n) {
    const char *s = hg_yaml_word(n);
    return s ? s : n->type == YAML_SCALAR_NODE ? "text with a NUL" : "a list or mapping";
}

static hg_status unknown_key(hg_yaml *y, const yaml_node_t *key, const char *const keys[], size_t n_keys,
                             const char *what) {
    const char *word = hg_yaml_word(key), *near = word ? hg_nearest_name(word, keys, n_keys) : NULL;
    const hg_status st = hg_yaml_fail(y, key, "%s: unknown key \"%.60s\"", what, shown(key));
    if (near) return hg_advise(y->err, st, "did you mean %s?", near);
    hg_text list = hg_text_new(1000);
    for (size_t k = 0; k < n_keys; k++) hg_text_add(&list, "%s%s", k ? ", " : "", keys[k]);
    hg_advise(y->err, st, "known are: %s", list.s);
    hg_text_free(&list);
    return st;
}

hg_status hg_yaml_keys(const yaml_node_t *given[], hg_yaml *y, const yaml_node_t *n, const char *const keys[],
                       size_t n_keys, const char *what) {
    for (size_t k = 0; k < n_keys; k++) given[k] = NULL;
    if (n->type != YAML_MAPPING_NODE)
        return hg_advise(y->err, hg_yaml_fail(y, n, "%s: expected a mapping", what),
                         "lines of \"key: value\", or {key: value, ...}");
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(&y->doc, p->key);
        const char *word = hg_yaml_word(key);
        size_t which = 0;
        while (which < n_keys && (!word || strcmp(word, keys[which]) != 0)) which++;
        if (which == n_keys) return unknown_key(y, key, keys, n_keys, what);
        if (given[which]) return hg_yaml_fail(y, key, "%s: \"%s\" is given twice", what, word);
        given[which] = yaml_document_get_node(&y->doc, p->value);
    }
    return HG_OK;
}

hg_status hg_yaml_list(size_t *count, hg_yaml *y, const yaml_node_t *n, size_t most, const char *what) {
    *count = 0;
    if (n->type != YAML_SEQUENCE_NODE)
        return hg_advise(y->err, hg_yaml_fail(y, n, "%s: expected a list", what), "[a, b], or lines that begin with -");
    const size_t got = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (got > most) return hg_yaml_fail(y, n, "%s: %zu entries, expected at most %zu", what, got, most);
    *count = got;
    return HG_OK;
}

const yaml_node_t *hg_yaml_item(hg_yaml *y, const yaml_node_t *list, size_t i) {
    return yaml_document_get_node(&y->doc, list->data.sequence.items.start[i]);
}

hg_status hg_yaml_number(double *out, hg_yaml *y, const yaml_node_t *n, double least, double most, const char *what) {
    const char *s = hg_yaml_word(n);
    double x;
    if (s && hg_number_read(&x, s, strlen(s), '.') == HG_NUMBER_FINITE && x >= least && x <= most) {
        *out = x == 0 ? 0 : x; /* one zero */
        return HG_OK;
    }
    return hg_yaml_fail(y, n, "%s is \"%.40s\", expected a number from %g to %g", what, shown(n), least, most);
}

hg_status hg_yaml_whole(int64_t *out, hg_yaml *y, const yaml_node_t *n, int64_t least, int64_t most, const char *what) {
    const char *s = hg_yaml_word(n);
    double x;
    if (s && hg_number_read(&x, s, strlen(s), '.') == HG_NUMBER_FINITE && x == floor(x) && x >= (double)least &&
        x <= (double)most) {
        *out = (int64_t)x;
        return HG_OK;
    }
    return hg_yaml_fail(y, n, "%s is \"%.40s\", expected a whole number from %lld to %lld", what, shown(n),
                        (long long)least, (long long)most);
}

hg_status hg_yaml_bool(bool *out, hg_yaml *y, const yaml_node_t *n, const char *what) {
    const char *s = hg_yaml_word(n);
    const bool yes = s && (!strcmp(s, "true") || !strcmp(s, "yes")),
               no = s && (!strcmp(s, "false") || !strcmp(s, "no"));
    *out = yes;
    return yes || no ? HG_OK : hg_yaml_fail(y, n, "%s is \"%.40s\", expected true or false", what, shown(n));
}

bool hg_yaml_plain(const char *s, size_t len) {
    if (memchr(s, '\0', len) || hg_utf8_valid(s, len) != len) return false;
    for (size_t i = 0; i < len;) {
        char one[5] = { 0 };
        uint32_t c;
        memcpy(one, s + i, len - i < 4 ? len - i : 4);
        i += hg_utf8_next(one, &c);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff || c == 0xfffe || c == 0xffff) return false;
        if (c >= 0x2028 && c <= 0x202e) return false; /* line ends, and marks that turn the writing around */
        if (c >= 0x200b && c <= 0x200f) return false;
        if (c >= 0x2060 && c <= 0x206f) return false;
    }
    return true;
}

hg_status hg_yaml_text(char *out, size_t size, hg_yaml *y, const yaml_node_t *n, const char *what) {
    const char *s = hg_yaml_word(n);
    *out = '\0';
    if (!s || !*s) return hg_yaml_fail(y, n, "%s is \"%.40s\", expected a text", what, shown(n));
    if (strlen(s) >= size) return hg_yaml_fail(y, n, "%s is longer than %zu bytes", what, size - 1);
    if (!hg_yaml_plain(s, strlen(s))) return hg_yaml_fail(y, n, "%s holds a character that cannot be seen", what);
    memcpy(out, s, strlen(s) + 1);
    return HG_OK;
}

hg_status hg_yaml_choice(size_t *out, hg_yaml *y, const yaml_node_t *n, const char *const names[], size_t count,
                         const char *what) {
    const char *s = hg_yaml_word(n);
    for (*out = 0; *out < count; (*out)++)
        if (s && !strcmp(s, names[*out])) return HG_OK;
    *out = 0;
    hg_text list = hg_text_new(400);
    for (size_t k = 0; k < count; k++)
        hg_text_add(&list, "%s%s", k == 0 ? "" : k + 1 < count ? ", " : " or ", names[k]);
    const hg_status st = hg_yaml_fail(y, n, "%s is \"%.40s\", expected %s", what, shown(n), list.s);
    hg_text_free(&list);
    return st;
}
