/* cli/run.h -- one run of a verb: what was asked, the terminal, interruption, results and the run record */
#ifndef HG_CLI_RUN_H
#define HG_CLI_RUN_H
#include "cli/verb.h"
#include "core/text.h"

typedef struct cli_record cli_record;

struct cli_run {
    cli_args args;
    hg_arena *arena; /* lives as long as the run */
    hg_pool *pool;   /* NULL for verbs without --threads */
    uint64_t seed;
    bool json, quiet;
    bool keeps;         /* an interruption may leave files behind: the verb says itself what there is */
    bool told;          /* another rank says what stopped this one, too */
    hg_hooks hooks;     /* words and progress to the terminal; stops when interrupted */
    hg_text out;        /* for standard output, when all has gone well */
    cli_record *record; /* inputs and outputs of this run */
};

/* ---- exit codes ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int code;
    const char *words; /* NULL ends the table */
} cli_exit;
const cli_exit *cli_exit_table(void);
int cli_exit_code(hg_status st);

/* ---- terminal (cli/terminal.c) --------------------------------------------------------------------------------------- */

typedef enum { CLI_ERRORS_ONLY, CLI_WARNINGS, CLI_WORDS, CLI_ALL } cli_volume;

void cli_terminal_open(cli_volume volume, bool progress); /* and catches SIGINT, SIGTERM, ignores SIGPIPE, SIGXFSZ */
hg_hooks cli_terminal_hooks(void);
void cli_terminal_error(const hg_err *err); /* `hagane: sentence` and `  hint: advice` */
bool cli_interrupted(void);
size_t cli_terminal_width(void); /* of standard output, 60 to 160; 100 when it is not a terminal */
bool cli_terminal_utf8(void);
const char *cli_bold(bool on); /* escape sequences, "" when standard output has no colours */
/* All of s[n] to standard output. A reader that went away is not an error: later writes do nothing. */
HG_MUST_CHECK hg_status cli_stdout_write(const char *s, size_t n, hg_err *err);
HG_MUST_CHECK hg_status cli_stdout_text(hg_text *t, hg_err *err); /* writes and frees; HG_ENOMEM when t has failed */

/* ---- help (cli/help.c, cli/man.c) ------------------------------------------------------------------------------------ */

bool cli_computes(const cli_verb *v);                   /* has the options of cli_run_group */
void cli_help_program(hg_text *t);                      /* what `hagane help` prints; 80 columns */
void cli_help_verb(hg_text *t, const cli_verb *v);      /* the same for one verb */
void cli_man_program(hg_text *t);                       /* scdoc source of hagane(1) */
void cli_man_verb(hg_text *t, const cli_verb *v);       /* of hagane-VERB(1) */
void cli_option_facts(hg_text *t, const cli_option *o); /* "1 to 100, default 1; repeatable" or nothing */
/* s in lines of at most `width` columns, all but the first indented; `at` columns of the first are already used. */
void cli_wrap(hg_text *t, const char *s, size_t at, size_t indent, size_t width);
#endif
