/* cli/verb.h -- what a verb is: one record from which the parser, the help, the man pages and the completions come
 *
 * A verb is one file that defines `const cli_verb cli_<name>_record` and one line in cli/verbs.c. Nothing about a verb or
 * an option is written down anywhere else.
 *
 * A verb of two words, such as "party serve", is a record like any other whose name has a blank; the record of its first
 * word has no `run` of its own and stands before it in the table. `hagane party-serve` means the same: scripts and man
 * pages want one word.
 */
#ifndef HG_CLI_VERB_H
#define HG_CLI_VERB_H
#include "core/text.h"
#include "hagane/core.h"

typedef enum {
    CLI_FLAG,      /* takes no value */
    CLI_INTEGER,   /* a whole number, min..max */
    CLI_NUMBER,    /* a finite number, min..max */
    CLI_TEXT,      /* anything */
    CLI_CHOICE,    /* one of choice(0), choice(1), ... */
    CLI_COLUMN,    /* a column of the first positional file (completed from its header) */
    CLI_COLUMNS,   /* several, separated by commas */
    CLI_DIRECTION, /* a column, or no value at all when --target stands anywhere on the line */
    CLI_INPUT,     /* a file to read */
    CLI_OUTPUT     /* a file to write, "-" = standard output */
} cli_type;

typedef struct {
    const char *name; /* without its dashes; NULL ends an array of options */
    char letter;      /* short form, 0: none */
    cli_type type;
    const char *argument;            /* "COL"; NULL for flags */
    double min, max;                 /* CLI_INTEGER and CLI_NUMBER, inclusive */
    const char *unit;                /* of the value, NULL: none */
    const char *fallback;            /* what holds when it is not given, in words; NULL: nothing to say */
    const char *help;                /* one or more sentences */
    bool repeatable;                 /* may be given more than once; order is kept */
    const char *(*choice)(size_t i); /* CLI_CHOICE: NULL past the last */
    bool joined;                     /* CLI_CHOICE: or several of them with '+' between */
} cli_option;

typedef struct {
    const char *title;         /* heading in help and man page; NULL ends an array of groups */
    const cli_option *options; /* ended by name == NULL */
} cli_group;

typedef struct {
    const char *name; /* "TABLE"; NULL ends an array of positionals */
    cli_type type;
    bool optional;
    bool many; /* the last one: any number of words */
    const char *help;
    const char *(*choice)(size_t i); /* as for options */
} cli_positional;

typedef struct {
    const char *command; /* NULL ends an array of examples */
    const char *words;
} cli_example;

typedef struct cli_run cli_run;

typedef struct {
    const char *name;                            /* "suggest", or two words: "party serve" */
    const char *summary;                         /* one line, no full stop */
    const char *description;                     /* paragraphs separated by an empty line */
    const cli_positional *positional;            /* NULL: none */
    const cli_group *const *groups;              /* ended by NULL; the common options come by themselves */
    const cli_example *examples;                 /* NULL: none */
    const char *json;                            /* the keys of the object that --json prints, in words */
    bool hidden;                                 /* left out of help, man pages and completions */
    hg_status (*run)(cli_run *run, hg_err *err); /* NULL: a family, the first word of verbs of two words */
} cli_verb;

const cli_verb *cli_verb_at(size_t i); /* NULL past the last */
/* The verb that the first one or two of word[n] name, n >= 1; *used says how many. A family is found by its first word
 * alone. HG_EINVAL with a did-you-mean hint. */
HG_MUST_CHECK hg_status cli_verb_find(const cli_verb **out, size_t *used, char *const *word, size_t n, hg_err *err);
/* The i-th verb of a family; NULL past the last. */
const cli_verb *cli_verb_member(const cli_verb *family, size_t i);
bool cli_verb_is_member(const cli_verb *v); /* of any family */
/* "party serve" as one word, "party-serve". */
void cli_verb_one_word(hg_text *t, const cli_verb *v);
/* The i-th option of a verb through all its groups and then the common ones; NULL past the last. */
const cli_option *cli_verb_option(const cli_verb *v, size_t i);
/* The g-th group of a verb, the common options last; NULL past the last. */
const cli_group *cli_verb_group(const cli_verb *v, size_t g);

/* ---- option groups that several verbs share (cli/verbs.c, cli/campaign.c) -------------------------------------------- */

extern const cli_group cli_common_group; /* every verb has it: --json, --quiet, --verbose, --help */
extern const cli_group cli_run_group;    /* --seed, --threads, --record */
/* A record of --threads, with words of its own. */
#define CLI_THREADS(words)                                                                                             \
    {                                                                                                                  \
        .name = "threads", .type = CLI_INTEGER, .argument = "N", .min = 1, .max = 1024, .fallback = "one a processor", \
        .help = words                                                                                                  \
    }

/* ---- what was given -------------------------------------------------------------------------------------------------- */

typedef struct {
    const cli_option *option;
    const char *value; /* NULL for flags and a bare CLI_DIRECTION */
} cli_given;

typedef struct {
    const cli_verb *verb;
    cli_given *given; /* [n_given] in the order of the line */
    size_t n_given;
    const char **positional; /* [n_positional] */
    size_t n_positional;
} cli_args;

/* Words after the verb. Long options as --name value or --name=value, letters as -n value or -nvalue; options and
 * positionals in any order; "--" ends the options. Abbreviations are refused (a script must not change its meaning when
 * an option is added) but the full name is suggested. Ranges and choices are checked. Errors: HG_EINVAL. */
HG_MUST_CHECK hg_status cli_parse(cli_args *out, const cli_verb *v, char **word, size_t n, hg_arena *arena,
                                  hg_err *err);
/* True when the words ask for help, whatever else is wrong with them. */
bool cli_wants_help(char **word, size_t n);

/* Asking for an option which the verb does not have is a bug and stops the program (assert). */
bool cli_has(const cli_args *a, const char *name);
const char *cli_value(const cli_args *a, const char *name); /* NULL when not given */
double cli_number(const cli_args *a, const char *name, double fallback);
size_t cli_count(const cli_args *a, const char *name, size_t fallback); /* of a CLI_INTEGER */
size_t cli_given_times(const cli_args *a, const char *name);
const char *cli_value_at(const cli_args *a, const char *name, size_t i); /* i-th of a repeatable option */
#endif
