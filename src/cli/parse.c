/* cli/parse.c -- see cli/verb.h: from words to options, by the verb's record alone */
#include "cli/verb.h"
#include "core/text.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_args *out;
    char **word;
    size_t n, at;
    bool targets; /* --target stands somewhere: CLI_DIRECTION takes no value */
    hg_err *err;
} parser;

static const cli_option *by_name(const cli_verb *v, const char *name, size_t len) {
    const cli_option *o;
    for (size_t i = 0; (o = cli_verb_option(v, i)); i++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) return o;
    return NULL;
}

static const cli_option *by_letter(const cli_verb *v, char letter) {
    const cli_option *o;
    for (size_t i = 0; (o = cli_verb_option(v, i)); i++)
        if (o->letter == letter) return o;
    return NULL;
}

/* The option that a word names, without its value; NULL when the word names none. */
static const cli_option *option_of(const cli_verb *v, const char *word) {
    if (word[0] != '-' || word[1] == '\0') return NULL;
    if (word[1] != '-') return by_letter(v, word[1]);
    return by_name(v, word + 2, strcspn(word + 2, "="));
}

static hg_status unknown_option(const parser *p, const char *word) {
    const cli_verb *v = p->out->verb;
    const size_t len = strcspn(word, "=");
    const hg_status st = hg_fail(p->err, HG_EINVAL, "`hagane %s` has no option %.*s", v->name, (int)len, word);
    const char *names[128], *near = NULL;
    size_t n = 0;
    const cli_option *o;
    for (size_t i = 0; (o = cli_verb_option(v, i)) && n < 128; i++) names[n++] = o->name;
    for (size_t i = 0; i < n && !near && len > 3; i++) /* an abbreviation */
        if (strncmp(names[i], word + 2, len - 2) == 0) near = names[i];
    char name[64] = "";
    if (!near && word[1] == '-' && len - 2 < sizeof name) {
        memcpy(name, word + 2, len - 2);
        near = hg_nearest_name(name, names, n);
    }
    if (near) return hg_advise(p->err, st, "did you mean --%s?", near);
    return hg_advise(p->err, st, "`hagane help %s` lists the options", v->name);
}

static hg_status check_number(const parser *p, const cli_option *o, const char *value) {
    char *end;
    const double x = strtod(value, &end);
    hg_text range = hg_text_new(0);
    if (end == value || *end || !isfinite(x))
        hg_fail(p->err, HG_EINVAL, "--%s needs a number, not \"%s\"", o->name, value);
    else if (o->type == CLI_INTEGER && (x != floor(x) || strpbrk(value, ".eExX")))
        hg_fail(p->err, HG_EINVAL, "--%s needs a whole number, not \"%s\"", o->name, value);
    else if (x < o->min || x > o->max)
        hg_fail(p->err, HG_EINVAL, "--%s %s is out of range", o->name, value);
    else
        return HG_OK;
    if (isfinite(o->max))
        hg_text_add(&range, "%.15g to %.15g", o->min, o->max);
    else if (isfinite(o->min))
        hg_text_add(&range, "at least %.15g", o->min);
    else
        hg_text_add(&range, "any finite number");
    hg_advise(p->err, HG_EINVAL, "%s", range.s);
    hg_text_free(&range);
    return HG_EINVAL;
}

static hg_status check_choice(const char *(*choice)(size_t), const char *what, const char *value, hg_err *err) {
    const char *name;
    for (size_t i = 0; (name = choice(i)) != NULL; i++)
        if (strcmp(value, name) == 0) return HG_OK;
    return hg_names_advise(err, hg_fail(err, HG_EINVAL, "%s cannot be \"%s\"", what, value), value, choice);
}

/* Each word between plus signs; what is too long to be a name is shown as it stands. */
static hg_status check_joined(const char *(*choice)(size_t), const char *what, const char *value, hg_err *err) {
    char word[80];
    for (const char *s = value;; s++) {
        const size_t len = strcspn(s, "+");
        if (len >= sizeof word) return check_choice(choice, what, value, err);
        memcpy(word, s, len);
        word[len] = '\0';
        HG_TRY(check_choice(choice, what, word, err));
        s += len;
        if (!*s) return HG_OK;
    }
}

static hg_status check_value(const parser *p, const cli_option *o, const char *value) {
    if (*value == '\0') return hg_fail(p->err, HG_EINVAL, "--%s is empty", o->name);
    if (o->type == CLI_INTEGER || o->type == CLI_NUMBER) return check_number(p, o, value);
    if (o->type != CLI_CHOICE) return HG_OK;
    char what[80] = "--";
    strncat(what, o->name, sizeof what - 3);
    return o->joined ? check_joined(o->choice, what, value, p->err) : check_choice(o->choice, what, value, p->err);
}

static hg_status add_option(parser *p, const cli_option *o, const char *value) {
    if (value) HG_TRY(check_value(p, o, value));
    if (!o->repeatable && value) /* a flag may be given twice, to no effect */
        for (size_t i = 0; i < p->out->n_given; i++)
            if (p->out->given[i].option == o)
                return hg_fail(p->err, HG_EINVAL, "--%s is given twice: \"%s\" and \"%s\"", o->name,
                               p->out->given[i].value, value);
    p->out->given[p->out->n_given++] = (cli_given) { o, value };
    return HG_OK;
}

/* A word behind an option that is meant as its value: not an option itself (write --name=-x for such a value). */
static bool is_value(const cli_option *o, const char *word) {
    if (word[0] != '-' || word[1] == '\0') return true;
    return (o->type == CLI_NUMBER || o->type == CLI_INTEGER) && strchr("0123456789.", word[1]);
}

static hg_status take_option(parser *p, const cli_option *o, const char *attached) {
    const bool bare = o->type == CLI_FLAG || (o->type == CLI_DIRECTION && p->targets);
    if (bare && attached && o->type == CLI_DIRECTION)
        return hg_advise(p->err,
                         hg_fail(p->err, HG_EINVAL, "--%s cannot name a column when --target is given", o->name),
                         "write --target COL --%s, or --%s COL and no --target", o->name, o->name);
    if (bare && attached) return hg_fail(p->err, HG_EINVAL, "--%s takes no value", o->name);
    if (bare) return add_option(p, o, NULL);
    if (attached) return add_option(p, o, attached);
    if (p->at < p->n && is_value(o, p->word[p->at])) return add_option(p, o, p->word[p->at++]);
    return hg_advise(p->err, hg_fail(p->err, HG_EINVAL, "--%s needs a value: %s", o->name, o->argument), "%s%s",
                     o->help, p->at < p->n ? " (A value that begins with a dash is written --name=value.)" : "");
}

static hg_status take_word(parser *p) {
    const char *word = p->word[p->at++];
    const cli_option *o = option_of(p->out->verb, word);
    if (word[0] == '-' && word[1] == '-') {
        if (!o) return unknown_option(p, word);
        const char *equals = strchr(word, '=');
        return take_option(p, o, equals ? equals + 1 : NULL);
    }
    if (word[0] == '-' && word[1]) { /* letters: -v, -vq, -oFILE, -o FILE */
        for (const char *c = word + 1; *c; c++) {
            o = by_letter(p->out->verb, *c);
            if (!o) return unknown_option(p, word);
            if (o->type != CLI_FLAG) return take_option(p, o, c[1] ? c + 1 : NULL);
            HG_TRY(add_option(p, o, NULL));
        }
        return HG_OK;
    }
    p->out->positional[p->out->n_positional++] = word;
    return HG_OK;
}

/* The words behind the first one of a list. */
static hg_status check_many(const parser *p, const char *name, size_t from) {
    for (size_t i = from; i < p->out->n_positional; i++)
        if (!*p->out->positional[i]) return hg_fail(p->err, HG_EINVAL, "one of %s ... is empty", name);
    return HG_OK;
}

static hg_status check_positionals(const parser *p) {
    const cli_args *a = p->out;
    const cli_positional *q = a->verb->positional;
    size_t n = 0;
    for (; q && q[n].name; n++) {
        if (n >= a->n_positional) {
            if (q[n].optional) return HG_OK;
            return hg_advise(p->err, hg_fail(p->err, HG_EINVAL, "`hagane %s` needs %s", a->verb->name, q[n].name),
                             "%s `hagane help %s` says more.", q[n].help, a->verb->name);
        }
        if (!*a->positional[n]) return hg_fail(p->err, HG_EINVAL, "%s is empty", q[n].name);
        if (q[n].type == CLI_CHOICE) HG_TRY(check_choice(q[n].choice, q[n].name, a->positional[n], p->err));
    }
    if (a->n_positional <= n) return HG_OK;
    if (n && q[n - 1].many) return check_many(p, q[n - 1].name, n);
    return hg_advise(
        p->err,
        hg_fail(p->err, HG_EINVAL, "`hagane %s` does not know what to do with \"%s\"", a->verb->name, a->positional[n]),
        "names with spaces need quotes; `hagane help %s` shows the form", a->verb->name);
}

hg_status cli_parse(cli_args *out, const cli_verb *v, char **word, size_t n, hg_arena *arena, hg_err *err) {
    *out = (cli_args) { .verb = v };
    size_t most = n; /* letters can stand together in a word */
    for (size_t i = 0; i < n; i++) most += strlen(word[i]);
    out->given = hg_alloc(arena, most, sizeof *out->given);
    out->positional = hg_alloc(arena, n, sizeof *out->positional);
    if (!out->given || !out->positional) return hg_fail(err, HG_ENOMEM, "no memory for the command line");
    parser p = { .out = out, .word = word, .n = n, .err = err };
    const cli_option *target = by_name(v, "target", 6);
    for (size_t i = 0; i < n && strcmp(word[i], "--") != 0; i++)
        if (target && option_of(v, word[i]) == target) p.targets = true;
    while (p.at < n && strcmp(word[p.at], "--") != 0) HG_TRY(take_word(&p));
    for (p.at++; p.at < n; p.at++) out->positional[out->n_positional++] = word[p.at];
    return check_positionals(&p);
}

bool cli_wants_help(char **word, size_t n) {
    for (size_t i = 0; i < n && strcmp(word[i], "--") != 0; i++)
        if (strcmp(word[i], "--help") == 0 || strcmp(word[i], "-h") == 0) return true;
    return false;
}

const char *cli_value_at(const cli_args *a, const char *name, size_t i) {
    assert(by_name(a->verb, name, strlen(name)));
    for (size_t k = 0; k < a->n_given; k++)
        if (strcmp(a->given[k].option->name, name) == 0 && i-- == 0) return a->given[k].value;
    return NULL;
}

size_t cli_given_times(const cli_args *a, const char *name) {
    assert(by_name(a->verb, name, strlen(name)));
    size_t n = 0;
    for (size_t k = 0; k < a->n_given; k++) n += strcmp(a->given[k].option->name, name) == 0;
    return n;
}

bool cli_has(const cli_args *a, const char *name) { return cli_given_times(a, name) > 0; }
const char *cli_value(const cli_args *a, const char *name) { return cli_value_at(a, name, 0); }

double cli_number(const cli_args *a, const char *name, double fallback) {
    const char *value = cli_value(a, name);
    return value ? strtod(value, NULL) : fallback;
}

size_t cli_count(const cli_args *a, const char *name, size_t fallback) {
    const char *value = cli_value(a, name);
    return value ? (size_t)strtoull(value, NULL, 10) : fallback;
}
