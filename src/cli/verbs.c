/* cli/verbs.c -- the table of verbs: one line each; and the options that every verb has */
#include "cli/run.h"
#include <math.h>
#include <string.h>

#define VERBS(V)                                                                                                       \
    V(suggest)                                                                                                         \
    V(replay)                                                                                                          \
    V(report)                                                                                                          \
    V(describe)                                                                                                        \
    V(completion)                                                                                                      \
    V(doctor)                                                                                                          \
    V(help)                                                                                                            \
    V(version)                                                                                                         \
    V(complete)

#define DECLARE(name) extern const cli_verb cli_##name##_record;
#define ADDRESS(name) &cli_##name##_record,
VERBS(DECLARE)
static const cli_verb *const TABLE[] = { VERBS(ADDRESS) };

static const cli_option COMMON[] = {
    { .name = "json", .help = "Print one JSON object on standard output instead of words." },
    { .name = "quiet", .letter = 'q', .help = "No words and no progress on standard error, errors alone." },
    { .name = "verbose", .letter = 'v', .help = "More words on standard error." },
    { .name = "help", .letter = 'h', .help = "Print this help." },
    { .name = NULL },
};
const cli_group cli_common_group = { "Common options", COMMON };

static const cli_option RUN[] = {
    { .name = "seed",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = 9007199254740991.0, /* 2^53 - 1: what every JSON reader keeps */
      .fallback = "0",
      .help = "Seed of everything random. The same seed gives the same result, whatever the number of threads." },
    { .name = "threads",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1024,
      .fallback = "one a processor",
      .help = "How many threads to compute with." },
    { .name = "record",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .fallback = "the result file's name with .run.json behind it, when there is one",
      .help = "Where to write the run record: inputs with their hashes, options, seed, version, outputs." },
    { .name = NULL },
};
const cli_group cli_run_group = { "Run", RUN };

const cli_verb *cli_verb_at(size_t i) { return i < sizeof TABLE / sizeof *TABLE ? TABLE[i] : NULL; }

hg_status cli_verb_find(const cli_verb **out, const char *name, hg_err *err) {
    const char *names[sizeof TABLE / sizeof *TABLE];
    size_t n = 0;
    for (size_t i = 0; (*out = cli_verb_at(i)); i++) {
        if (strcmp((*out)->name, name) == 0) return HG_OK;
        if (!(*out)->hidden) names[n++] = (*out)->name;
    }
    const hg_status st = hg_fail(err, HG_EINVAL, "there is no verb \"%s\"", name);
    const char *near = hg_nearest_name(name, names, n);
    if (near) return hg_advise(err, st, "did you mean `hagane %s`?", near);
    return hg_advise(err, st, "`hagane help` lists the verbs");
}

const cli_group *cli_verb_group(const cli_verb *v, size_t g) {
    size_t n = 0;
    while (v->groups && v->groups[n]) n++;
    return g < n ? v->groups[g] : g == n ? &cli_common_group : NULL;
}

bool cli_computes(const cli_verb *v) {
    for (size_t g = 0; v->groups && v->groups[g]; g++)
        if (v->groups[g] == &cli_run_group) return true;
    return false;
}

const cli_option *cli_verb_option(const cli_verb *v, size_t i) {
    const cli_group *group;
    for (size_t g = 0; (group = cli_verb_group(v, g)); g++)
        for (const cli_option *o = group->options; o->name; o++)
            if (i-- == 0) return o;
    return NULL;
}
