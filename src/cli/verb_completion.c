/* cli/verb_completion.c -- `hagane completion bash`: a script that asks `hagane __complete` at every TAB
 *
 * The scripts know nothing of verbs and options, so they never grow old; columns of the table can be completed too.
 */
#include "cli/output.h"
#include "cli/run.h"
#include <string.h>

static const char BASH[] =
    "# bash completion for hagane; source it, or save it as ~/.local/share/bash-completion/completions/hagane\n"
    "_hagane() {\n"
    "    local word line joined=() i\n"
    "    # readline splits at '=' and ':'; put such words together again\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]//[\\\\\\\"\\']/}\n"
    "        if [[ ${#joined[@]} -gt 0 && ( $word == [=:]* || ${COMP_WORDS[i-1]} == [=:] ) ]]; then\n"
    "            joined[${#joined[@]}-1]+=$word\n"
    "        else\n"
    "            joined+=(\"$word\")\n"
    "        fi\n"
    "    done\n"
    "    local last=${joined[${#joined[@]}-1]} kept=\n"
    "    [[ $last == *[=:]* ]] && kept=${last%\"${last##*[=:]}\"}\n"
    "    COMPREPLY=()\n"
    "    compopt -o filenames 2>/dev/null # so that blanks and brackets in column names are quoted\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen -f -- \"${last#\"$kept\"}\")\n"
    "        else\n"
    "            line=${line%%$'\\t'*}\n"
    "            COMPREPLY+=(\"${line#\"$kept\"}\")\n"
    "        fi\n"
    "    done < <(\"${COMP_WORDS[0]}\" __complete -- \"${joined[@]}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _hagane hagane\n";

static const char ZSH[] = "#compdef hagane\n"
                          "# zsh completion for hagane; save it as _hagane in a folder of $fpath\n"
                          "_hagane() {\n"
                          "    local line files=0\n"
                          "    local -a items\n"
                          "    while IFS= read -r line; do\n"
                          "        if [[ $line == ':files' ]]; then\n"
                          "            files=1\n"
                          "        else\n"
                          "            items+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
                          "        fi\n"
                          "    done < <(\"${words[1]}\" __complete -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
                          "    (( ${#items} )) && _describe hagane items\n"
                          "    (( files )) && _files\n"
                          "}\n"
                          "_hagane \"$@\"\n";

static const char FISH[] = "# fish completion for hagane; save it as ~/.config/fish/completions/hagane.fish\n"
                           "function __hagane_complete\n"
                           "    set -l words (commandline -opc) (commandline -ct)\n"
                           "    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
                           "        if test \"$line\" = ':files'\n"
                           "            __fish_complete_path (commandline -ct)\n"
                           "        else\n"
                           "            echo $line\n"
                           "        end\n"
                           "    end\n"
                           "end\n"
                           "complete -c hagane -f -a '(__hagane_complete)'\n";

static const struct { const char *name, *script; } SHELLS[] = { { "bash", BASH }, { "zsh", ZSH }, { "fish", FISH } };
enum { N_SHELLS = sizeof SHELLS / sizeof *SHELLS };

static const char *shell_name(size_t i) { return i < N_SHELLS ? SHELLS[i].name : NULL; }

static hg_status run_completion(cli_run *run, hg_err *err) {
    size_t i = 0;
    while (strcmp(SHELLS[i].name, run->args.positional[0]) != 0) i++; /* the parser checked the choice */
    if (!run->json) {
        hg_text_add(&run->out, "%s", SHELLS[i].script);
        return HG_OK;
    }
    hg_json j;
    cli_json_begin(&j, run, "completion");
    hg_json_string(&j, "shell", SHELLS[i].name);
    hg_json_string(&j, "script", SHELLS[i].script);
    return cli_json_end(run, &j, err);
}

static const cli_positional POSITIONAL[] = {
    { .name = "SHELL", .type = CLI_CHOICE, .choice = shell_name, .help = "The shell." },
    { .name = NULL },
};
static const cli_example EXAMPLES[] = {
    { "source <(hagane completion bash)", "completion in this bash, of verbs, options, files and column names" },
    { .command = NULL },
};
const cli_verb cli_completion_record = {
    .name = "completion",
    .summary = "print the completion script of a shell",
    .description = "Prints a script that lets bash, zsh or fish complete verbs, options, the values of options and the "
                   "column names of the table on the line.",
    .positional = POSITIONAL,
    .examples = EXAMPLES,
    .json = "schema \"hagane.completion/1\": shell, script.",
    .run = run_completion,
};
