/* cli/help.c -- help on the terminal, made from the verb records: 80 columns */
#include "cli/run.h"
#include <math.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 26 };

/* Columns that n bytes of UTF-8 take on a terminal: one a character. */
static size_t columns(const char *s, size_t n) {
    size_t c = 0;
    for (size_t i = 0; i < n; i++) c += ((unsigned char)s[i] & 0xC0) != 0x80;
    return c;
}

void cli_wrap(hg_text *t, const char *s, size_t at, size_t indent, size_t width) {
    bool first = true; /* on its line */
    while (*s) {
        if (*s == '\n') { /* an empty line between paragraphs */
            hg_text_add(t, "\n\n%*s", (int)indent, "");
            s += strspn(s, "\n ");
            at = indent;
            first = true;
            continue;
        }
        const size_t len = strcspn(s, " \n"), wide = columns(s, len);
        if (!first && at + 1 + wide > width) {
            hg_text_add(t, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        hg_text_add(t, "%s%.*s", first ? "" : " ", (int)len, s);
        at += wide + !first;
        first = false;
        s += len;
        s += strspn(s, " ");
    }
    hg_text_add(t, "\n");
}

void cli_option_facts(hg_text *t, const cli_option *o) {
    const char *gap = "";
    if (o->choice) {
        for (size_t i = 0; o->choice(i); i++) hg_text_add(t, "%s%s", i ? ", " : "one of ", o->choice(i));
        if (o->joined) hg_text_add(t, ", or several with + between");
        gap = "; ";
    } else if ((o->type == CLI_INTEGER || o->type == CLI_NUMBER) && isfinite(o->min)) {
        if (isfinite(o->max) && o->max < 9e15)
            hg_text_add(t, "%.9g to %.9g", o->min, o->max);
        else
            hg_text_add(t, "at least %.9g", o->min);
        gap = "; ";
    }
    if (o->unit) hg_text_add(t, "%sin %s", gap, o->unit), gap = "; ";
    if (o->fallback) hg_text_add(t, "%sdefault: %s", gap, o->fallback), gap = "; ";
    if (o->repeatable) hg_text_add(t, "%smay be repeated", gap);
}

/* "name" and its words beside it, or below when the name is long. */
static void entry(hg_text *t, const char *name, const char *words) {
    size_t at = columns(name, strlen(name)) + 2;
    hg_text_add(t, "  %s", name);
    if (at + 2 > INDENT) {
        hg_text_add(t, "\n");
        at = 0;
    }
    hg_text_add(t, "%*s", (int)(INDENT - at), "");
    cli_wrap(t, words, INDENT, INDENT, WIDTH);
}

static void option_entry(hg_text *t, const cli_option *o) {
    hg_text name = hg_text_new(0), words = hg_text_new(0), facts = hg_text_new(0);
    if (o->letter)
        hg_text_add(&name, "-%c, ", o->letter);
    else
        hg_text_add(&name, "    ");
    hg_text_add(&name, "--%s", o->name);
    if (o->argument) hg_text_add(&name, o->type == CLI_DIRECTION ? " [%s]" : " %s", o->argument);
    cli_option_facts(&facts, o);
    hg_text_add(&words, "%s", o->help);
    if (facts.len) hg_text_add(&words, " [%s]", facts.s);
    entry(t, name.s, words.s);
    t->failed = t->failed || name.failed || words.failed || facts.failed;
    hg_text_free(&name);
    hg_text_free(&words);
    hg_text_free(&facts);
}

/* A command, continued on the next line before an option where it would be too long. */
static void command_lines(hg_text *t, const char *s) {
    size_t at = 2;
    hg_text_add(t, "  ");
    while (*s) {
        const char *next = strstr(s + 1, " --");
        const size_t len = next ? (size_t)(next - s) : strlen(s);
        if (at > 2 && at + len + 2 > WIDTH) {
            hg_text_add(t, " \\\n     ");
            at = 5;
        }
        hg_text_put(t, s, len);
        at += len;
        s += len;
    }
    hg_text_add(t, "\n      ");
}

void cli_help_verb(hg_text *t, const cli_verb *v) {
    hg_text_add(t, "Usage: hagane %s%s", v->name, v->run ? "" : " PART");
    for (const cli_positional *p = v->positional; p && p->name; p++)
        hg_text_add(t, p->optional ? " [%s%s]" : " %s%s", p->name, p->many ? " ..." : "");
    hg_text_add(t, " [options]\n\n");
    cli_wrap(t, v->description, 0, 0, WIDTH);
    if (v->positional) hg_text_add(t, "\nArguments\n");
    for (const cli_positional *p = v->positional; p && p->name; p++) {
        hg_text words = hg_text_new(0);
        hg_text_add(&words, "%s", p->help);
        for (size_t i = 0; p->choice && p->choice(i); i++)
            hg_text_add(&words, "%s%s", i ? ", " : " One of ", p->choice(i));
        entry(t, p->name, words.s);
        t->failed = t->failed || words.failed;
        hg_text_free(&words);
    }
    const cli_verb *member;
    for (size_t i = 0; (member = cli_verb_member(v, i)); i++) {
        if (i == 0) hg_text_add(t, "\nParts\n");
        entry(t, member->name, member->summary);
    }
    const cli_group *group;
    for (size_t g = 0; (group = cli_verb_group(v, g)); g++) {
        hg_text_add(t, "\n%s\n", group->title);
        for (const cli_option *o = group->options; o->name; o++) option_entry(t, o);
    }
    if (v->examples) hg_text_add(t, "\nExamples\n");
    for (const cli_example *e = v->examples; e && e->command; e++) {
        command_lines(t, e->command);
        cli_wrap(t, e->words, 6, 6, WIDTH);
    }
    if (v->json) {
        hg_text_add(t, "\nJSON\n  ");
        cli_wrap(t, v->json, 2, 2, WIDTH);
    }
}

void cli_help_program(hg_text *t) {
    hg_text_add(t, "Usage: hagane VERB [arguments] [options]\n\n");
    cli_wrap(t,
             "Hagane answers the question \"what should I make or compute next?\" from a table of candidates, some of "
             "them measured.",
             0, 0, WIDTH);
    hg_text_add(t, "\nVerbs\n");
    const cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        if (!v->hidden && !cli_verb_is_member(v)) {
            hg_text_add(t, "  %-12s", v->name);
            cli_wrap(t, v->summary, 14, 14, WIDTH);
        }
    hg_text_add(t, "\n`hagane help VERB` shows the options of a verb, with examples.\n\nExit codes\n");
    for (const cli_exit *e = cli_exit_table(); e->words; e++) {
        hg_text_add(t, "  %3d  ", e->code);
        cli_wrap(t, e->words, 7, 7, WIDTH);
    }
}
