/* cli/verb_help.c -- `hagane help VERB`, and the sources of the man pages */
#include "cli/output.h"
#include "cli/run.h"
#include <math.h>
#include <string.h>

static const char *verb_name(size_t i) { /* of the visible verbs of one word */
    const cli_verb *v;
    for (size_t k = 0; (v = cli_verb_at(k)); k++)
        if (!v->hidden && !cli_verb_is_member(v) && i-- == 0) return v->name;
    return NULL;
}

/* One word each, for scripts. */
static void list_names(hg_text *t) {
    const cli_verb *v;
    for (size_t k = 0; (v = cli_verb_at(k)); k++) {
        if (v->hidden) continue;
        cli_verb_one_word(t, v);
        hg_text_add(t, "\n");
    }
}

/* The verb that the line names; NULL when it names none. */
static hg_status asked(const cli_verb **out, const cli_run *run, hg_err *err) {
    const cli_args *a = &run->args;
    size_t used;
    char *word[2]; /* cli_verb_find takes words as main has them and does not change them */
    *out = NULL;
    if (a->n_positional == 0) return HG_OK;
    memcpy(word, a->positional, sizeof *word * (a->n_positional < 2 ? 1 : 2));
    HG_TRY(cli_verb_find(out, &used, word, a->n_positional < 2 ? 1 : 2, err));
    if (used == a->n_positional) return HG_OK;
    return hg_advise(
        err, hg_fail(err, HG_EINVAL, "`hagane help` explains one verb; \"%s\" is too much", a->positional[used]),
        "`hagane help %s`", (*out)->name);
}

static const char *type_name(cli_type type) {
    static const char *const NAMES[] = {
        [CLI_FLAG] = "flag",     [CLI_INTEGER] = "integer", [CLI_NUMBER] = "number",   [CLI_TEXT] = "text",
        [CLI_CHOICE] = "choice", [CLI_COLUMN] = "column",   [CLI_COLUMNS] = "columns", [CLI_DIRECTION] = "column",
        [CLI_INPUT] = "input",   [CLI_OUTPUT] = "output",
    };
    return NAMES[type];
}

static void json_word(hg_json *j, const char *key, const char *value) {
    if (!value) return;
    hg_json_string(j, key, value);
}

static void json_choices(hg_json *j, const char *(*choice)(size_t)) {
    if (!choice) return;
    hg_json_begin_array(j, "choices");
    for (size_t i = 0; choice(i); i++) hg_json_string(j, NULL, choice(i));
    hg_json_end_array(j);
}

static void json_option(hg_json *j, const cli_option *o) {
    hg_json_begin_object(j, NULL);
    json_word(j, "name", o->name);
    json_word(j, "type", type_name(o->type));
    json_word(j, "argument", o->argument);
    json_word(j, "unit", o->unit);
    json_word(j, "default", o->fallback);
    json_word(j, "help", o->help);
    hg_json_bool(j, "repeatable", o->repeatable);
    json_choices(j, o->choice);
    hg_json_end_object(j);
}

static void json_verb(hg_json *j, const cli_verb *v) {
    hg_json_begin_object(j, NULL);
    json_word(j, "name", v->name);
    json_word(j, "summary", v->summary);
    json_word(j, "description", v->description);
    json_word(j, "json", v->json);
    hg_json_begin_array(j, "positional");
    for (const cli_positional *p = v->positional; p && p->name; p++) {
        hg_json_begin_object(j, NULL);
        json_word(j, "name", p->name);
        json_word(j, "type", type_name(p->type));
        json_word(j, "help", p->help);
        hg_json_bool(j, "optional", p->optional);
        json_choices(j, p->choice);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_begin_array(j, "options");
    const cli_option *o;
    for (size_t i = 0; (o = cli_verb_option(v, i)); i++) json_option(j, o);
    hg_json_end_array(j);
    hg_json_end_object(j);
}

static hg_status print_json(cli_run *run, const cli_verb *only, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "help");
    hg_json_begin_array(&j, "verbs");
    const cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        if (only ? v == only : !v->hidden) json_verb(&j, v);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "exit_codes");
    for (const cli_exit *e = cli_exit_table(); e->words; e++) {
        hg_json_begin_object(&j, NULL);
        hg_json_number(&j, "code", e->code);
        json_word(&j, "words", e->words);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status run_help(cli_run *run, hg_err *err) {
    const cli_verb *v = NULL;
    HG_TRY(asked(&v, run, err));
    if (run->json) return print_json(run, v, err);
    if (cli_has(&run->args, "list")) {
        list_names(&run->out);
    } else if (cli_has(&run->args, "man")) {
        if (v)
            cli_man_verb(&run->out, v);
        else
            cli_man_program(&run->out);
    } else if (v) {
        cli_help_verb(&run->out, v);
    } else {
        cli_help_program(&run->out);
    }
    return HG_OK;
}

static const cli_positional POSITIONAL[] = {
    { .name = "VERB",
      .type = CLI_TEXT,
      .optional = true,
      .many = true,
      .choice = verb_name,
      .help = "The verb to explain, one word or two." },
    { .name = NULL },
};
static const cli_option OPTIONS[] = {
    { .name = "man", .help = "Print the man page's source (scdoc) instead." },
    { .name = "list", .help = "Print the names of the verbs alone." },
    { .name = NULL },
};
static const cli_group GROUP = { "Form", OPTIONS };
static const cli_group *const GROUPS[] = { &GROUP, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane help suggest", "everything about one verb, with examples" },
    { "hagane help --man suggest | scdoc > hagane-suggest.1", "its man page" },
    { .command = NULL },
};
const cli_verb cli_help_record = {
    .name = "help",
    .summary = "explain the program or one of its verbs",
    .description = "Explains the program, or one verb with its arguments, options and examples.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "schema \"hagane.help/1\": verbs (list of name, summary, description, positional, options), exit_codes.",
    .run = run_help,
};
