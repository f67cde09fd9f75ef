/* cli/campaign.c -- see cli/campaign.h */
#include "cli/campaign.h"
#include "cli/campaign_models.h"
#include "bayes/kernel.h"
#include "cli/input.h"
#include "cli/output.h"
#include "hagane/descriptor.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---------------------------------------------------------------------------------------------------------- */

static const char *acquisition_name(size_t i) { return hg_acquisition_name((hg_acquisition)i); }
const char *cli_descriptor_name(size_t i) {
    return i < hg_descriptor_count() ? hg_descriptor_name(hg_descriptor_at(i)) : NULL;
}

static const cli_option GOAL[] = {
    { .name = "target",
      .letter = 't',
      .type = CLI_COLUMN,
      .argument = "COL",
      .repeatable = true,
      .help =
          "The measured column to improve. Its unit bracket may be left out. Up to three may be given, each followed "
          "by --maximize or --minimize." },
    { .name = "maximize",
      .type = CLI_DIRECTION,
      .argument = "COL",
      .repeatable = true,
      .help =
          "More is better. With --target it takes no value and belongs to the target before it; without --target it "
          "names the column itself." },
    { .name = "minimize",
      .type = CLI_DIRECTION,
      .argument = "COL",
      .repeatable = true,
      .help = "Less is better; as --maximize." },
    { .name = "require",
      .type = CLI_TEXT,
      .argument = "\"COL > X\"",
      .repeatable = true,
      .help = "Another measured column must be above (>) or below (<) a value. Candidates unlikely to meet it are put "
              "behind." },
    { .name = "failed",
      .type = CLI_COLUMN,
      .argument = "COL",
      .help =
          "Column that marks failed experiments with 1, yes, true or failed. Candidates near them are put behind." },
    { .name = "cost",
      .type = CLI_COLUMN,
      .argument = "COL",
      .help = "Column with the positive cost of measuring a row. Gain per cost is what counts then." },
    { .name = NULL },
};
const cli_group cli_goal_group = { "Goal", GOAL };

static const cli_option POOL[] = {
    { .name = "candidates",
      .letter = 'c',
      .type = CLI_INPUT,
      .argument = "FILE",
      .fallback = "rows of TABLE with a blank target",
      .help = "Table of candidates with the same input columns." },
    { .name = "space",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help =
          "YAML file with the variables instead of a table of candidates. Under \"variables:\" one line each, such as "
          "\"T (C): {min: 400, max: 900}\", \"layers: {min: 1, max: 8, integer: true}\", \"gas: {levels: [Ar, N2]}\", and "
          "\"Fe: {min: 0, max: 1, mixture: alloy}\" for parts that sum to 1. The table has columns of these names." },
    { .name = "batch",
      .letter = 'n',
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1000,
      .fallback = "1",
      .help = "How many candidates to suggest, to be measured together." },
    { .name = "monte-carlo",
      .help = "Score a batch by joint samples instead of believing each prediction before the next choice." },
    { .name = NULL },
};
const cli_group cli_pool_group = { "Candidates", POOL };

static const cli_option INPUTS[] = {
    { .name = "features",
      .letter = 'f',
      .type = CLI_COLUMNS,
      .argument = "A,B,C",
      .repeatable = true,
      .fallback = "chosen from the table, and said",
      .help = "Columns to learn from. A name with a comma in it is given alone in its own --features." },
    { .name = "exclude",
      .type = CLI_COLUMNS,
      .argument = "A,B,C",
      .repeatable = true,
      .help = "Columns never to learn from, when they are chosen automatically." },
    { .name = "category",
      .type = CLI_COLUMNS,
      .argument = "A,B,C",
      .repeatable = true,
      .fallback = "columns of words",
      .help = "Columns whose numbers are names, such as 1 for the first furnace and 2 for the second: no level lies "
              "between two others. As --features." },
    { .name = "formula",
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "recognised",
      .help = "Column with chemical formulae." },
    { .name = "descriptor",
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = cli_descriptor_name,
      .joined = true,
      .fallback = "xenonpy290; a model of a table has xenonpy290+magpie132+fractions+chemistry62",
      .help = "The numbers made from a formula." },
    { .name = "missing",
      .type = CLI_TEXT,
      .argument = "WORD",
      .repeatable = true,
      .fallback = "NaN, n/a, null, - and the like",
      .help = "The word that means \"not measured\", besides the blank cell." },
    { .name = NULL },
};
const cli_group cli_inputs_group = { "Inputs", INPUTS };

static const cli_option MODEL[] = {
    { .name = "acquisition",
      .letter = 'a',
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = acquisition_name,
      .fallback = "auto: ei for one target, ehvi for several",
      .help = "How a candidate is scored: expected improvement, probability of improvement, upper confidence bound, "
              "Thompson sampling, largest uncertainty, expected hypervolume improvement, or at random." },
    { .name = "kappa",
      .type = CLI_NUMBER,
      .argument = "X",
      .min = 0,
      .max = 100,
      .fallback = "1.7 with one or two inputs, 2 with more",
      .help = "For ucb: how many standard deviations are added to the mean. More explores more." },
    { .name = "kernel",
      .type = CLI_TEXT,
      .argument = "EXPR",
      .fallback = "chosen for the data, and said",
      .help = "Kernel of the Gaussian process: rbf, matern32, matern52, linear, with + and *, as in "
              "\"matern52 + linear\"." },
    { .name = "even-pool",
      .help =
          "Take the pool as it is. Without it, a pool that crowds in places like the record of an earlier campaign is "
          "recognised, said, and explored where it is crowded." },
    { .name = "model",
      .letter = 'm',
      .type = CLI_TEXT,
      .argument = "NAME",
      .repeatable = true,
      .help =
          "Ask this model of the library what it says of measured rows and candidates: a property that is related, or the "
          "same one learned elsewhere. The tables need the inputs of the model." },
    { .name = "model-as",
      .type = CLI_CHOICE,
      .argument = "USE",
      .choice = cli_models_as_name,
      .fallback = "auto: leave-one-out evidence decides; a replay takes mean",
      .help = "How that is used: a multiple of it as the prior mean, as an input, or not at all." },
    { .name = NULL },
};
const cli_group cli_model_group = { "Model", MODEL };

/* ---- goal ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_objective *o;
    bool decided[3];
    size_t n, bare; /* objectives so far; directions without a column */
} goal;

static hg_status add_objective(goal *g, const char *column, bool maximize, bool decided, hg_err *err) {
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->o[i].column, column) == 0) return hg_fail(err, HG_EINVAL, "target \"%s\" is given twice", column);
    if (g->n == 3) return hg_fail(err, HG_EINVAL, "at most three targets can be improved together");
    g->decided[g->n] = decided;
    g->o[g->n++] = (hg_objective) { column, maximize };
    return HG_OK;
}

/* A direction without a column belongs to the target before it; the only one on the line, to every target. */
static hg_status direct(goal *g, bool maximize, size_t at, const char *name, hg_err *err) {
    if (at == 0) at = 1;
    if (at > g->n || g->decided[at - 1])
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--%s does not follow a target of its own", name),
                         "write --target A --maximize --target B --minimize, or --maximize A --minimize B");
    g->o[at - 1].maximize = maximize;
    g->decided[at - 1] = true;
    return HG_OK;
}

static hg_status read_goal(cli_campaign *c, const cli_run *run, hg_err *err) {
    goal g = { .o = c->objective };
    size_t behind[3] = { 0 }, n = 0; /* bare directions and how many targets stood before them */
    bool up[3] = { false };
    for (size_t i = 0; i < run->args.n_given; i++) {
        const cli_given *given = &run->args.given[i];
        const bool maximize = strcmp(given->option->name, "maximize") == 0;
        if (strcmp(given->option->name, "target") == 0) {
            HG_TRY(add_objective(&g, given->value, true, false, err));
        } else if (given->option->type == CLI_DIRECTION && given->value) {
            HG_TRY(add_objective(&g, given->value, maximize, true, err));
        } else if (given->option->type == CLI_DIRECTION) {
            if (n == 3) return hg_fail(err, HG_EINVAL, "more directions than targets");
            behind[n] = g.n;
            up[n++] = maximize;
        }
    }
    if (g.n == 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "what should become better? No target is given"),
                         "--target COL --maximize, or --target COL --minimize");
    if (n == 1) {
        for (size_t i = 0; i < g.n; i++) HG_TRY(direct(&g, up[0], i + 1, up[0] ? "maximize" : "minimize", err));
    } else {
        for (size_t i = 0; i < n; i++) HG_TRY(direct(&g, up[i], behind[i], up[i] ? "maximize" : "minimize", err));
    }
    for (size_t i = 0; i < g.n; i++) {
        if (g.decided[i]) continue;
        if (n) return hg_fail(err, HG_EINVAL, "target \"%s\" has no --maximize or --minimize", g.o[i].column);
        hg_log(&run->hooks, HG_LOG_INFO, "maximizing \"%s\"; say --minimize if less is better", g.o[i].column);
    }
    c->opts.objective = c->objective;
    c->opts.n_objectives = g.n;
    return HG_OK;
}

/* "Tc (K) > 500": the sign is the last < or >, so that a column name may hold one. */
static hg_status read_requirement(hg_requirement *r, const char *text, hg_arena *arena, hg_err *err) {
    const char *more = strrchr(text, '>'), *less = strrchr(text, '<');
    const char *sign = !less || (more && more > less) ? more : less;
    char *end = NULL;
    if (sign) {
        r->above = *sign == '>';
        const char *number = sign + 1 + (sign[1] == '=');
        r->limit = strtod(number, &end);
        if (end == number || end[strspn(end, " ")] || !isfinite(r->limit)) end = NULL;
    }
    size_t len = sign ? (size_t)(sign - text) : 0;
    while (len && text[len - 1] == ' ') len--;
    text += strspn(text, " ");
    if (!end || len == 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--require \"%s\" cannot be read", text),
                         "it has the form \"COL > X\" or \"COL < X\", as in --require \"Tc (K) > 500\"");
    r->column = hg_arena_strndup(arena, text, len);
    return r->column ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the options");
}

/* ---- inputs ----------------------------------------------------------------------------------------------------------- */

/* Values of a CLI_COLUMNS option, cut at commas unless the whole value is a column of t; NULL: always cut. */
static hg_status read_columns(const char *const **out, size_t *n, const char *option, cli_run *run, const hg_table *t,
                              hg_err *err) {
    *n = 0;
    size_t most = 0;
    const char *value;
    for (size_t i = 0; (value = cli_value_at(&run->args, option, i)); i++)
        for (most++; *value; value++) most += *value == ',';
    const char **list = hg_alloc(run->arena, most, sizeof *list);
    if (!list) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    for (size_t i = 0; (value = cli_value_at(&run->args, option, i)); i++) {
        size_t j;
        if (t && hg_table_find(&j, t, value, NULL) == HG_OK) {
            list[(*n)++] = value;
            continue;
        }
        for (;;) {
            value += strspn(value, " ");
            const size_t cut = strcspn(value, ",");
            size_t len = cut;
            while (len && value[len - 1] == ' ') len--;
            if (len == 0) return hg_fail(err, HG_EINVAL, "--%s has an empty name between its commas", option);
            if (!(list[(*n)++] = hg_arena_strndup(run->arena, value, len)))
                return hg_fail(err, HG_ENOMEM, "no memory for the options");
            if (!value[cut]) break;
            value += cut + 1;
        }
    }
    *out = *n ? list : NULL;
    return HG_OK;
}

static hg_status read_options(cli_campaign *c, cli_run *run, hg_err *err) {
    hg_suggest_opts *o = &c->opts;
    const cli_args *a = &run->args;
    *o = hg_suggest_opts_default();
    HG_TRY(read_goal(c, run, err));
    o->n_require = cli_given_times(a, "require");
    if (o->n_require > CLI_MAX_REQUIRE)
        return hg_fail(err, HG_EINVAL, "at most %d requirements can be given", CLI_MAX_REQUIRE);
    for (size_t i = 0; i < o->n_require; i++)
        HG_TRY(read_requirement(&c->require[i], cli_value_at(a, "require", i), run->arena, err));
    o->require = c->require;
    o->failed = cli_value(a, "failed");
    o->cost = cli_value(a, "cost");
    if (cli_has(a, "acquisition")) HG_TRY(hg_acquisition_find(&o->acquisition, cli_value(a, "acquisition"), err));
    o->ucb_kappa = cli_number(a, "kappa", o->ucb_kappa);
    if (cli_has(a, "kappa") && o->acquisition != HG_ACQ_UCB)
        return hg_fail(err, HG_EINVAL, "--kappa means nothing without --acquisition ucb");
    o->even_pool = cli_has(a, "even-pool");
    hg_kernel kernel; /* read here too: a word on the command line is a matter of usage, and known before any data */
    o->kernel = cli_value(a, "kernel");
    if (o->kernel && hg_kernel_read(&kernel, o->kernel, err) != HG_OK) return HG_EINVAL;
    o->seed = run->seed;
    o->pool = run->pool;
    o->hooks = &run->hooks;
    return HG_OK;
}

static hg_status read_space(hg_space **out, cli_run *run, const char *path, hg_err *err) {
    if (!cli_is_stream(path)) {
        HG_TRY(hg_space_read(out, path, err));
        return cli_input(run, path, NULL, 0, err);
    }
    hg_text t = hg_text_new((size_t)1 << 24);
    hg_status st = cli_stream_read(&t, run, path, err);
    if (st == HG_OK) st = hg_space_read_memory(out, cli_stream_name(path), t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* Which columns --category may mean, before a table is read: each value as a whole, and its parts. */
static hg_status read_words(const char *const **word, size_t *n, cli_run *run, hg_err *err) {
    size_t most = 0, whole = 0;
    const char *value;
    *n = 0;
    for (size_t i = 0; (value = cli_value_at(&run->args, "category", i)); i++)
        for (most += 2; *value; value++) most += *value == ',';
    const char **list = hg_alloc(run->arena, most, sizeof *list);
    if (!list) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    while ((value = cli_value_at(&run->args, "category", whole))) list[whole++] = value;
    const char *const *part;
    HG_TRY(read_columns(&part, n, "category", run, NULL, err));
    for (size_t i = 0; i < *n; i++) list[whole + i] = part[i];
    *n += whole;
    *word = list;
    return HG_OK;
}

hg_status cli_inputs_table(hg_table **out, cli_run *run, const char *path, hg_err *err) {
    const char *const *word = NULL;
    size_t n, j;
    HG_TRY(read_words(&word, &n, run, err));
    HG_TRY(cli_table_read_words(out, run, path, word, n, err));
    hg_status st = read_columns(&word, &n, "category", run, *out, err);
    for (size_t i = 0; st == HG_OK && i < n; i++) st = hg_table_find(&j, *out, word[i], err);
    if (st == HG_OK) return HG_OK;
    hg_table_free(*out);
    *out = NULL;
    return st;
}

static hg_status read_pool(cli_campaign *c, cli_run *run, hg_err *err) {
    const char *candidates = cli_value(&run->args, "candidates"), *space = cli_value(&run->args, "space");
    c->opts.batch = cli_count(&run->args, "batch", 1);
    c->opts.monte_carlo = cli_has(&run->args, "monte-carlo");
    if (candidates && space) return hg_fail(err, HG_EINVAL, "--candidates and --space cannot be given together");
    const char *second = candidates ? candidates : space;
    if (second && strcmp(second, "-") == 0 && strcmp(run->args.positional[0], "-") == 0)
        return hg_fail(err, HG_EINVAL, "only one file can come from standard input");
    if (candidates) HG_TRY(cli_inputs_table(&c->candidates, run, candidates, err));
    return space ? read_space(&c->space, run, space, err) : HG_OK;
}

hg_status cli_inputs_read(hg_features_opts *f, cli_run *run, const hg_table *t, hg_err *err) {
    f->formula = cli_value(&run->args, "formula");
    if (cli_has(&run->args, "descriptor")) f->descriptor = cli_value(&run->args, "descriptor");
    HG_TRY(read_columns(&f->columns, &f->n_columns, "features", run, t, err));
    return read_columns(&f->exclude, &f->n_exclude, "exclude", run, t, err);
}

hg_status cli_campaign_open(cli_campaign *c, cli_run *run, hg_err *err) {
    *c = (cli_campaign) { .measured = NULL };
    HG_TRY(read_options(c, run, err));
    HG_TRY(cli_inputs_table(&c->measured, run, run->args.positional[0], err));
    for (size_t o = 0; o < c->opts.n_objectives; o++) { /* results show the whole name, with its unit */
        const hg_column *target = cli_campaign_target(c, o);
        if (target) c->objective[o].column = target->name;
    }
    HG_TRY(cli_inputs_read(&c->opts.features, run, c->measured, err));
    for (const cli_group *const *g = run->args.verb->groups; *g; g++)
        if (*g == &cli_pool_group) HG_TRY(read_pool(c, run, err));
    return cli_campaign_models(c, run, err);
}

void cli_campaign_close(cli_campaign *c) {
    hg_table_free(c->measured);
    hg_table_free(c->candidates);
    hg_space_free(c->space);
}

const hg_column *cli_campaign_target(const cli_campaign *c, size_t o) {
    size_t j;
    if (hg_table_find(&j, c->measured, c->objective[o].column, NULL) != HG_OK) return NULL;
    return hg_table_column(c->measured, j);
}

const hg_table *cli_campaign_pool(const cli_campaign *c) {
    return c->space ? NULL : c->candidates ? c->candidates : c->measured;
}
