/* cli/verbs.c -- the table of verbs: one line each; and the options that every verb has */
#include "cli/run.h"
#include <math.h>
#include <string.h>

#define VERBS(V)                                                                                                       \
    V(suggest)                                                                                                         \
    V(replay)                                                                                                          \
    V(report)                                                                                                          \
    V(describe)                                                                                                        \
    V(train)                                                                                                           \
    V(transfer)                                                                                                        \
    V(predict)                                                                                                         \
    V(evaluate)                                                                                                        \
    V(models)                                                                                                          \
    V(models_list)                                                                                                     \
    V(models_search)                                                                                                   \
    V(models_show)                                                                                                     \
    V(models_pull)                                                                                                     \
    V(models_push)                                                                                                     \
    V(models_pack)                                                                                                     \
    V(models_verify)                                                                                                   \
    V(models_rm)                                                                                                       \
    V(models_build)                                                                                                    \
    V(density)                                                                                                         \
    V(glass)                                                                                                           \
    V(glass_simulate)                                                                                                  \
    V(glass_train)                                                                                                     \
    V(glass_predict)                                                                                                   \
    V(glass_evaluate)                                                                                                  \
    V(party)                                                                                                           \
    V(party_init)                                                                                                      \
    V(party_authority)                                                                                                 \
    V(party_cluster)                                                                                                   \
    V(party_serve)                                                                                                     \
    V(party_status)                                                                                                    \
    V(party_policy)                                                                                                    \
    V(party_share)                                                                                                     \
    V(party_withdraw)                                                                                                  \
    V(party_audit)                                                                                                     \
    V(party_refresh)                                                                                                   \
    V(party_rebuild)                                                                                                   \
    V(party_store)                                                                                                     \
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
    CLI_THREADS("How many threads to compute with."),
    { .name = "record",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .fallback = "the result file's name with .run.json behind it, when there is one",
      .help = "Where to write the run record: inputs with their hashes, options, seed, version, outputs." },
    { .name = NULL },
};
const cli_group cli_run_group = { "Run", RUN };

const cli_verb *cli_verb_at(size_t i) { return i < sizeof TABLE / sizeof *TABLE ? TABLE[i] : NULL; }

bool cli_verb_is_member(const cli_verb *v) { return strchr(v->name, ' ') != NULL; }

const cli_verb *cli_verb_member(const cli_verb *family, size_t i) {
    const size_t len = strlen(family->name);
    for (size_t k = 0; k < sizeof TABLE / sizeof *TABLE; k++)
        if (strncmp(TABLE[k]->name, family->name, len) == 0 && TABLE[k]->name[len] == ' ' && i-- == 0) return TABLE[k];
    return NULL;
}

void cli_verb_one_word(hg_text *t, const cli_verb *v) {
    const size_t first = strcspn(v->name, " ");
    hg_text_add(t, "%.*s%s%s", (int)first, v->name, v->name[first] ? "-" : "",
                v->name[first] ? v->name + first + 1 : "");
}

/* Does `word` name v in one word? */
static bool is_named(const cli_verb *v, const char *word) {
    const size_t first = strcspn(v->name, " ");
    if (!v->name[first]) return strcmp(v->name, word) == 0;
    return strncmp(v->name, word, first) == 0 && word[first] == '-' &&
           strcmp(v->name + first + 1, word + first + 1) == 0;
}

static const char *second_word(const cli_verb *v) { return v->name + strcspn(v->name, " ") + 1; }

static hg_status find_member(const cli_verb **out, const cli_verb *family, const char *name, hg_err *err) {
    const char *names[sizeof TABLE / sizeof *TABLE];
    size_t n = 0;
    for (; (*out = cli_verb_member(family, n)); n++) {
        names[n] = second_word(*out);
        if (strcmp(names[n], name) == 0) return HG_OK;
    }
    const hg_status st = hg_fail(err, HG_EINVAL, "`hagane %s` has no part \"%s\"", family->name, name);
    const char *near = hg_nearest_name(name, names, n);
    if (near) return hg_advise(err, st, "did you mean `hagane %s %s`?", family->name, near);
    return hg_advise(err, st, "`hagane help %s` lists them", family->name);
}

hg_status cli_verb_find(const cli_verb **out, size_t *used, char *const *word, size_t n, hg_err *err) {
    const char *names[sizeof TABLE / sizeof *TABLE];
    size_t known = 0;
    *used = 1;
    for (size_t i = 0; (*out = cli_verb_at(i)); i++) {
        if (is_named(*out, word[0])) {
            if ((*out)->run || n < 2 || word[1][0] == '-') return HG_OK;
            *used = 2;
            return find_member(out, *out, word[1], err);
        }
        if (!(*out)->hidden && !cli_verb_is_member(*out)) names[known++] = (*out)->name;
    }
    const hg_status st = hg_fail(err, HG_EINVAL, "there is no verb \"%s\"", word[0]);
    const char *near = hg_nearest_name(word[0], names, known);
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
