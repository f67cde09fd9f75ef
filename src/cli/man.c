/* cli/man.c -- man pages in scdoc source, made from the same records as the help */
#include "cli/run.h"
#include <string.h>

/* scdoc gives * _ \ [ | # < a meaning; a backslash takes it away. A paragraph break stays one. */
static void plain(hg_text *t, const char *s) {
    for (; *s; s++) {
        if (strchr("*_\\[]|#<~`", *s)) hg_text_put(t, "\\", 1);
        hg_text_put(t, s, 1);
    }
}

/* The same for text inside bold or underlined marks or literal lines, where scdoc wants less. */
static void paragraphs(hg_text *t, const char *s) {
    plain(t, s);
    hg_text_add(t, "\n\n");
}

/* A tab-indented paragraph below a term: inner paragraph breaks become tabs again. */
static void indented(hg_text *t, const char *s) {
    hg_text_add(t, "\t");
    for (; *s; s++) {
        if (*s == '\n')
            hg_text_add(t, "\n%s", s[1] == '\n' ? "" : "\t");
        else if (strchr("*_\\[]|#<~`", *s))
            hg_text_add(t, "\\%c", *s);
        else
            hg_text_put(t, s, 1);
    }
    hg_text_add(t, "\n\n");
}

static void option_entry(hg_text *t, const cli_option *o) {
    if (o->letter) hg_text_add(t, "*-%c*, ", o->letter);
    hg_text_add(t, "*--%s*", o->name);
    if (o->argument) hg_text_add(t, o->type == CLI_DIRECTION ? " \\[_%s_\\]" : " _%s_", o->argument);
    hg_text_add(t, "\n");
    hg_text words = hg_text_new(0), facts = hg_text_new(0);
    cli_option_facts(&facts, o);
    hg_text_add(&words, "%s", o->help);
    if (facts.len) hg_text_add(&words, " (%s)", facts.s);
    indented(t, words.s);
    t->failed = t->failed || words.failed || facts.failed;
    hg_text_free(&words);
    hg_text_free(&facts);
}

static void exit_codes(hg_text *t) {
    hg_text_add(t, "# EXIT STATUS\n\n");
    for (const cli_exit *e = cli_exit_table(); e->words; e++) {
        hg_text_add(t, "*%d*\n", e->code);
        indented(t, e->words);
    }
}

static void environment(hg_text *t) {
    hg_text_add(t, "# ENVIRONMENT\n\n*NO_COLOR*\n");
    indented(t, "When set and not empty, no colours on a terminal.");
    hg_text_add(t, "*LC_ALL*, *LC_CTYPE*, *LANG*\n");
    indented(t, "Whether the terminal shows UTF-8. Numbers are written with a decimal point in every locale.");
}

static void see_also(hg_text *t, const cli_verb *self) {
    hg_text_add(t, "# SEE ALSO\n\n");
    const char *gap = "";
    if (self) hg_text_add(t, "*hagane*(1)"), gap = ", ";
    const cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (v->hidden || v == self) continue;
        hg_text_add(t, "%s*hagane-", gap);
        cli_verb_one_word(t, v);
        hg_text_add(t, "*(1)");
        gap = ", ";
    }
    hg_text_add(t, "\n");
}

static void header(hg_text *t, const char *name, const char *summary) {
    hg_text_add(t, "%s(1) \"hagane %s\" \"Hagane\"\n\n# NAME\n\n%s - ", name, hg_version(), name);
    paragraphs(t, summary);
}

void cli_man_verb(hg_text *t, const cli_verb *v) {
    hg_text name = hg_text_new(0);
    hg_text_add(&name, "hagane-");
    cli_verb_one_word(&name, v);
    header(t, name.s, v->summary);
    t->failed = t->failed || name.failed;
    hg_text_free(&name);
    hg_text_add(t, "# SYNOPSIS\n\n*hagane %s*%s", v->name, v->run ? "" : " _PART_");
    for (const cli_positional *p = v->positional; p && p->name; p++)
        hg_text_add(t, p->optional ? " \\[_%s_%s\\]" : " _%s_%s", p->name, p->many ? " ..." : "");
    hg_text_add(t, " \\[_options_\\]\n\n# DESCRIPTION\n\n");
    paragraphs(t, v->description);
    for (const cli_positional *p = v->positional; p && p->name; p++) {
        hg_text_add(t, "_%s_\n", p->name);
        indented(t, p->help);
    }
    const cli_verb *member;
    for (size_t i = 0; (member = cli_verb_member(v, i)); i++) {
        if (i == 0) hg_text_add(t, "# PARTS\n\n");
        hg_text_add(t, "*hagane %s*\n", member->name);
        indented(t, member->summary);
    }
    hg_text_add(t, "# OPTIONS\n\n");
    const cli_group *group;
    for (size_t g = 0; (group = cli_verb_group(v, g)); g++) {
        hg_text_add(t, "## %s\n\n", group->title);
        for (const cli_option *o = group->options; o->name; o++) option_entry(t, o);
    }
    if (v->json) {
        hg_text_add(t, "# JSON OUTPUT\n\n");
        paragraphs(t, v->json);
    }
    if (v->examples) hg_text_add(t, "# EXAMPLES\n\n");
    for (const cli_example *e = v->examples; e && e->command; e++) {
        paragraphs(t, e->words);
        hg_text_add(t, "```\n%s\n```\n\n", e->command);
    }
    exit_codes(t);
    environment(t);
    see_also(t, v);
}

void cli_man_program(hg_text *t) {
    header(t, "hagane", "says what to make, measure or compute next");
    hg_text_add(t, "# SYNOPSIS\n\n*hagane* _VERB_ \\[_arguments_\\] \\[_options_\\]\n\n# DESCRIPTION\n\n");
    paragraphs(t,
               "Hagane answers the question \"what should I make or compute next?\" from a table of candidates, some "
               "of them measured. Results go to standard output, words and progress to standard error; every verb "
               "prints JSON with --json. Files are written whole or not at all, and a run that writes a result also "
               "writes a record of its inputs, options, seed and version beside it.");
    hg_text_add(t, "# VERBS\n\n");
    const cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        if (v->hidden) continue;
        hg_text_add(t, "*%s*\n", v->name);
        indented(t, v->summary);
    }
    exit_codes(t);
    environment(t);
    see_also(t, NULL);
}
