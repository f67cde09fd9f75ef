/* cli/main.c -- the program: finds the verb, parses, runs it, writes what it made */
#include "cli/models.h"
#include "cli/output.h"
#include "cli/run.h"
#include "num/linalg.h"
#include <string.h>

/* The words behind the verb. A verb without --threads computes nothing and needs no pool. */
static hg_status open_run(cli_run *run, const cli_verb *v, char **word, size_t n, hg_err *err) {
    HG_TRY(cli_parse(&run->args, v, word, n, run->arena, err));
    run->json = cli_has(&run->args, "json");
    run->quiet = cli_has(&run->args, "quiet");
    const bool verbose = cli_has(&run->args, "verbose");
    cli_terminal_open(run->quiet  ? CLI_ERRORS_ONLY
                      : verbose   ? CLI_ALL
                      : run->json ? CLI_WARNINGS
                                  : CLI_WORDS,
                      !run->quiet && !run->json);
    run->hooks = cli_terminal_hooks();
    run->out = hg_text_new(0);
    HG_TRY(cli_check_outputs(&run->args, err));
    HG_TRY(cli_record_new(&run->record, run, word, n, err));
    if (!cli_computes(v)) return HG_OK;
    run->seed = cli_count(&run->args, "seed", 0);
    return hg_pool_new(&run->pool, cli_count(&run->args, "threads", 0), err);
}

static int finish(hg_status st, const hg_err *err) {
    if (st != HG_OK) cli_terminal_error(err);
    return cli_exit_code(st);
}

static int run_verb(const cli_verb *v, char **word, size_t n) {
    cli_run run = { .arena = hg_arena_new() };
    hg_err err = { .code = HG_OK };
    hg_status st = run.arena ? HG_OK : hg_fail(&err, HG_ENOMEM, "no memory");
    if (st == HG_OK) st = open_run(&run, v, word, n, &err);
    if (st == HG_OK) st = v->run(&run, &err);
    if (st == HG_OK && cli_interrupted() && !run.keeps) {
        st = HG_ECANCEL;
        hg_err_clear(&err);
    }
    if (st == HG_ECANCEL && !(run.keeps && err.msg[0])) hg_fail(&err, st, "interrupted; nothing was written");
    if (st == HG_OK) st = cli_commit(&run, &err);
    if (st == HG_OK) st = cli_stdout_text(&run.out, &err);
    cli_results_free(&run);
    cli_models_forget();
    hg_text_free(&run.out);
    hg_pool_free(run.pool);
    hg_arena_free(run.arena);
    return run.told ? cli_exit_code(st) : finish(st, &err);
}

static int usage(hg_err *err, const char *advice) { return finish(hg_advise(err, err->code, "%s", advice), err); }

int main(int argc, char **argv) {
    hg_linalg_single_thread();
    hg_err err;
    const cli_verb *v, *help;
    size_t used;
    char help_word[] = "help", version_word[] = "version", *no_words[] = { NULL }, *help_words[] = { help_word };
    if (argc < 2) {
        hg_fail(&err, HG_EINVAL, "which verb?");
        return usage(&err, "`hagane help` lists them");
    }
    /* what people try first */
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) argv[1] = help_word;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) argv[1] = version_word;
    if (argv[1][0] == '-') {
        hg_fail(&err, HG_EINVAL, "the verb comes first, not %s", argv[1]);
        return usage(&err, "hagane VERB [arguments] [options]; `hagane help` lists the verbs");
    }
    if (cli_verb_find(&v, &used, argv + 1, (size_t)argc - 1, &err) != HG_OK) return finish(err.code, &err);
    char **word = (size_t)argc > used + 1 ? argv + used + 1 : no_words;
    const size_t n = (size_t)argc - 1 - used;
    if (!v->hidden && cli_wants_help(word, n)) {
        if (cli_verb_find(&help, &(size_t) { 0 }, help_words, 1, &err) != HG_OK) return finish(err.code, &err);
        return run_verb(help, argv + 1, used);
    }
    if (!v->run) {
        hg_fail(&err, HG_EINVAL, "`hagane %s` does nothing alone", v->name);
        hg_advise(&err, HG_EINVAL, "`hagane help %s` lists its parts", v->name);
        return finish(err.code, &err);
    }
    return run_verb(v, word, n);
}
