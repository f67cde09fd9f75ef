/* cli/verb_models_build.c -- `hagane models build`: the factory, from a recipe to models in a folder or a pack */
#include "cli/grid.h"
#include "cli/models.h"
#include "cli/output.h"
#include "library/factory.h"
#include "library/rack.h"
#include "models/ranks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED_MOST = 200 };

typedef struct {
    hg_recipe *recipe;
    hg_factory_opts o;
    const char *out; /* NULL: networks alone */
    hg_factory_tally tally;
} building;

/* ---- what was asked ---------------------------------------------------------------------------------------------------- */

/* "3/16" */
static hg_status read_shard(hg_factory_opts *o, const char *word, hg_err *err) {
    char *end;
    const unsigned long i = strtoul(word, &end, 10);
    const char *slash = end;
    const unsigned long n = *slash == '/' ? strtoul(slash + 1, &end, 10) : 0;
    const bool digits = strspn(word, "0123456789/") == strlen(word) && slash > word && *slash == '/' && end > slash + 1;
    if (!digits || *end || n < 1 || n > 1000000 || i >= n)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--shard %s, expected I/N with I from 0 to N-1", word),
                         "--shard 0/4 is the first of four");
    o->shard = i;
    o->shards = n;
    return HG_OK;
}

/* Beside what is made, unless --work says where. */
static hg_status work_of(building *b, cli_run *run, hg_err *err) {
    b->out = cli_value(&run->args, "out");
    b->o.work = cli_value(&run->args, "work");
    if (b->o.work) return HG_OK;
    if (!b->out)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "where are the models to go?"),
                         "--out FOLDER, or --out PACK%s; with --shard --work FOLDER is enough", HG_PACK_SUFFIX);
    size_t len = strlen(b->out);
    while (len > 1 && b->out[len - 1] == '/') len--;
    char *work = hg_alloc(run->arena, len + 6, 1);
    if (!work) return hg_fail(err, HG_ENOMEM, "no memory for a path");
    snprintf(work, len + 6, "%.*s.work", (int)len, b->out);
    b->o.work = work;
    return HG_OK;
}

static hg_status ask(building *b, cli_run *run, hg_err *err) {
    const cli_args *a = &run->args;
    b->o = hg_factory_opts_default();
    HG_TRY(work_of(b, run, err));
    if (cli_has(a, "shard")) HG_TRY(read_shard(&b->o, cli_value(a, "shard"), err));
    if (!b->out && !cli_has(a, "shard"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "where are the models to go?"), "--out FOLDER, or --out PACK%s",
                         HG_PACK_SUFFIX);
    b->o.data = cli_value(a, "data") ? cli_value(a, "data") : ".";
    b->o.only = cli_value(a, "only");
    b->o.finish = !cli_has(a, "shard");
    b->o.hooks = &run->hooks;
    HG_TRY(hg_pool_new(&run->pool, cli_count(a, "threads", 0), err));
    b->o.pool = run->pool;
    return HG_OK;
}

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static size_t models_of(const building *b) {
    char name[HG_PACK_NAME_MOST + 1];
    size_t n = 0;
    while (hg_factory_model(name, b->recipe, b->o.only, n)) n++;
    return n;
}

static hg_status put(building *b, cli_run *run, const hg_rack *s, size_t *copied, hg_err *err) {
    const hg_rack_opts opts = { .replace = true, .hooks = &run->hooks };
    const size_t n = models_of(b);
    const hg_racked **model = hg_alloc(run->arena, n, sizeof *model);
    if (!model) return hg_fail(err, HG_ENOMEM, "no memory for %zu models", n);
    size_t m = 0; /* as the rack has them: by name */
    for (size_t i = 0; i < n; i++) {
        char name[HG_PACK_NAME_MOST + 1];
        hg_factory_model(name, b->recipe, b->o.only, i);
        HG_TRY(hg_rack_need(&model[m], s, name, err));
        for (size_t k = m++; k > 0 && strcmp(model[k - 1]->name, model[k]->name) > 0; k--) {
            const hg_racked *t = model[k];
            model[k] = model[k - 1], model[k - 1] = t;
        }
    }
    return hg_rack_put(copied, b->out, model, n, &opts, err);
}

/* A row of the table: what the model predicts, and its first figure of the test. */
static hg_status card_row(cli_grid *g, size_t row, const hg_racked *m, cli_run *run, hg_err *err) {
    hg_card card;
    const char *text;
    HG_TRY(hg_racked_card(&card, &text, m, run->arena, err));
    const hg_card_property *p = &card.property[0];
    cli_grid_set(g, row, 0, "%s", m->name);
    cli_grid_set(g, row, 1, "%s", p->what.name);
    for (size_t k = 0; k < p->n_metrics; k++) {
        if (!strstr(p->metrics[k].name, "of test")) continue;
        cli_grid_set(g, row, 2, "%.4g", p->metrics[k].value);
        cli_grid_set(g, row, 3, "%s", p->metrics[k].unit);
        cli_grid_set(g, row, 4, "%s", p->metrics[k].name);
        return HG_OK;
    }
    return HG_OK;
}

static hg_status print_models(const building *b, cli_run *run, const hg_rack *s, hg_err *err) {
    const size_t n = models_of(b), shown = n < LISTED_MOST ? n : LISTED_MOST;
    cli_grid g = cli_grid_new(run->arena, shown, 5);
    for (size_t i = 0; i < shown; i++) {
        char name[HG_PACK_NAME_MOST + 1];
        const hg_racked *m;
        hg_factory_model(name, b->recipe, b->o.only, i);
        HG_TRY(hg_rack_need(&m, s, name, err));
        HG_TRY(card_row(&g, i, m, run, err));
    }
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = g.left[1] = g.left[3] = g.left[4] = true;
    for (size_t i = 0; i < shown; i++) cli_grid_print(&run->out, &g, i, 0);
    if (shown < n) hg_text_add(&run->out, "... and %zu more\n", n - shown);
    return HG_OK;
}

static hg_status print_json(const building *b, cli_run *run, size_t copied, hg_err *err) {
    char name[HG_PACK_NAME_MOST + 1];
    hg_json j;
    cli_json_begin(&j, run, "models-build");
    hg_json_string(&j, "out", b->out);
    hg_json_string(&j, "work", b->o.work);
    hg_json_count(&j, "pieces", b->tally.pieces);
    hg_json_count(&j, "mine", b->tally.mine);
    hg_json_count(&j, "found", b->tally.found);
    hg_json_count(&j, "copied", copied);
    hg_json_begin_array(&j, "models");
    for (size_t i = 0; b->o.finish && hg_factory_model(name, b->recipe, b->o.only, i); i++)
        hg_json_string(&j, NULL, name);
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status deliver(building *b, cli_run *run, hg_err *err) {
    char path[HG_RACK_PATH];
    hg_rack *s;
    size_t copied = 0;
    if (snprintf(path, sizeof path, "%s/models", b->o.work) >= HG_RACK_PATH)
        return hg_fail(err, HG_EINVAL, "the name of the folder of work is too long");
    HG_TRY(hg_rack_open(&s, path, err));
    hg_status st = put(b, run, s, &copied, err);
    if (st == HG_OK && !run->json) st = print_models(b, run, s, err);
    hg_rack_free(s);
    HG_TRY(st);
    if (run->json) return print_json(b, run, copied, err);
    hg_text_add(&run->out, "%zu models in %s, %zu of them new. The networks stay in %s, which may be removed.\n",
                models_of(b), b->out, copied, b->o.work);
    return HG_OK;
}

static hg_status report_shard(const building *b, cli_run *run, hg_err *err) {
    const hg_factory_tally *t = &b->tally;
    if (run->json) return print_json(b, run, 0, err);
    hg_text_add(&run->out,
                "shard %zu of %zu: %zu of %zu pieces are in %s, %zu of them were there already. When all shards are "
                "through, the same command without --shard makes the models.\n",
                b->o.shard, b->o.shards, t->mine, t->pieces, b->o.work, t->found);
    return HG_OK;
}

/* ---- ranks ------------------------------------------------------------------------------------------------------------- */

/* All ranks wait for each other; *bad: how many of them have failed. */
static hg_status meet(const hg_ranks *r, bool failed, size_t *bad, hg_err *err) {
    float sum = failed;
    if (r->allreduce) HG_TRY(r->allreduce(r->ctx, &sum, 1, err));
    *bad = (size_t)sum;
    return HG_OK;
}

static hg_status build_together(building *b, cli_run *run, const hg_ranks *ranks, hg_err *err) {
    size_t bad = 0;
    b->o.shard = ranks->rank, b->o.shards = ranks->ranks;
    b->o.finish = false;
    hg_status st = hg_factory_run(&b->tally, b->recipe, &b->o, err);
    HG_TRY(meet(ranks, st != HG_OK, &bad, st == HG_OK ? err : NULL));
    run->told = st == HG_OK && bad > 0;
    if (st == HG_OK && bad) st = hg_fail(err, HG_EPARTY, "%zu other ranks have failed", bad);
    if (st != HG_OK || ranks->rank != 0) return st;
    b->o.shard = 0, b->o.shards = 1;
    b->o.train = false, b->o.finish = true;
    const hg_factory_tally t = b->tally;
    st = hg_factory_run(&b->tally, b->recipe, &b->o, err);
    b->tally.mine = t.mine, b->tally.found = t.found;
    return st == HG_OK ? deliver(b, run, err) : st;
}

static hg_status build(building *b, cli_run *run, hg_err *err) {
    hg_ranks ranks;
    HG_TRY(hg_ranks_begin(&ranks, err));
    hg_status st;
    if (ranks.ranks > 1 && b->o.shards > 1)
        st = hg_advise(
            err, hg_fail(err, HG_EINVAL, "--shard is for programs that run alone, these are %u ranks", ranks.ranks),
            "ranks share the work out by themselves");
    else if (ranks.ranks > 1)
        st = build_together(b, run, &ranks, err);
    else
        st = hg_factory_run(&b->tally, b->recipe, &b->o, err);
    hg_ranks_end();
    if (st != HG_OK || ranks.ranks > 1) return st;
    return b->o.finish ? deliver(b, run, err) : report_shard(b, run, err);
}

static hg_status run_build(cli_run *run, hg_err *err) {
    building b = { .recipe = NULL };
    HG_TRY(ask(&b, run, err));
    HG_TRY(cli_input(run, run->args.positional[0], NULL, 0, err));
    HG_TRY(hg_recipe_read(&b.recipe, run->args.positional[0], err));
    for (size_t i = 0; cli_has(&run->args, "unlisted") && i < b.recipe->n_sets; i++) b.recipe->set[i].unlisted = true;
    run->keeps = true; /* networks that are finished stay: said here */
    const hg_status st = build(&b, run, err);
    hg_recipe_free(b.recipe);
    return st;
}

/* ---- record ------------------------------------------------------------------------------------------------------------ */

static const cli_positional RECIPE[] = {
    { .name = "RECIPE",
      .type = CLI_INPUT,
      .help =
          "What to make: data sets, properties and networks, in YAML. docs/factory.md tells of it; recipe.json of a "
          "model made here is one, too." },
    { .name = NULL },
};
static const cli_option BUILD[] = {
    { .name = "data",
      .letter = 'd',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .fallback = "the folder where one stands",
      .help = "Where the tables of the recipe lie." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "PATH",
      .help = "Where the models go: a folder, or a pack when it ends in .hgpack. Other models that are there stay." },
    { .name = "work",
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .fallback = "OUT.work",
      .help = "Where finished networks are kept, so that the same command goes on after a stop." },
    { .name = "only", .type = CLI_TEXT, .argument = "NAME", .help = "This property of the recipe alone." },
    { .name = "shard",
      .type = CLI_TEXT,
      .argument = "I/N",
      .help =
          "Train the networks of shard I of N, counted from 0, and make no models: for jobs that share the work. When "
          "all are through, the same command without --shard makes the models." },
    { .name = "unlisted",
      .help = "Do not keep in the models which compositions they have learned from, as `train --unlisted`; `unlisted: "
              "true` of a set in the recipe says the same." },
    CLI_THREADS("How many threads to train with, a network each."),
    { .name = NULL },
};
static const cli_group GROUP = { "Factory", BUILD };
static const cli_group *const GROUPS[] = { &GROUP, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane models build recipe.yaml --data ../data --out library.hgpack",
      "all properties of a recipe, in one file" },
    { "hagane models build recipe.yaml --work /scratch/factory --shard 3/16", "one of 16 jobs" },
    { "hagane models build debye/recipe.json --data ../data --out again", "a model once more, with the same bits" },
    { .command = NULL },
};
const cli_verb cli_models_build_record = {
    .name = "models build",
    .summary = "the factory: many models of many properties from one recipe",
    .description =
        "Trains networks of random shapes for each property of the recipe, or the learner that it names, and makes "
        "models with cards of them: errors on train, validation and test, intervals, domain, the recipe itself. A network "
        "is written when it is finished; after a stop, at any moment, the same command goes on. The models have the same "
        "bits for any number of threads, shards or ranks.",
    .positional = RECIPE,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.models-build/1\": out, work; pieces of the recipe, mine: those of this shard, found: of these "
        "there already; copied, models: their names.",
    .run = run_build,
};
