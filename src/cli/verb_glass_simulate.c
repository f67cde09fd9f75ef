/* cli/verb_glass_simulate.c -- `hagane glass simulate`: labelled snapshots of liquids from nothing */
#include "cli/output.h"
#include "cli/run.h"
#include "cli/tables.h"
#include "hagane/dynamics.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES_MOST = 64 };

/* "0.1,1,tau" is not read here: times of a liquid that nobody has seen are numbers. */
static hg_status read_times(double *time, size_t *n, const char *list, hg_err *err) {
    *n = 0;
    for (const char *at = list; at && *at;) {
        char *end;
        const double t = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !isfinite(t) || t <= 0)
            return hg_advise(
                err, hg_fail(err, HG_EINVAL, "--times %s: expected numbers above 0 with commas between them", list),
                "such as --times 0.1,2,20");
        if (*n == TIMES_MOST) return hg_fail(err, HG_EINVAL, "--times has more than %d entries", TIMES_MOST);
        time[(*n)++] = t;
        at = *end ? end + 1 : end;
    }
    return HG_OK;
}

typedef struct {
    const char *out;
    double time[TIMES_MOST], seconds;
    hg_liquid_plan plan;
    hg_liquid_tally tally;
} simulation;

static hg_status ask(simulation *s, cli_run *run, hg_err *err) {
    const cli_args *a = &run->args;
    hg_liquid_plan *p = &s->plan;
    *p = hg_liquid_plan_default();
    s->out = cli_value(a, "out");
    if (!s->out) return hg_advise(err, hg_fail(err, HG_EINVAL, "where are the snapshots to go?"), "--out FOLDER");
    p->n = cli_count(a, "particles", p->n);
    p->density = cli_number(a, "density", p->density);
    p->temperature = cli_number(a, "temperature", p->temperature);
    p->liquids = cli_count(a, "liquids", p->liquids);
    p->snapshots = cli_count(a, "snapshots", p->snapshots);
    p->validation = cli_count(a, "validation", p->liquids > 1 ? p->validation : 0);
    p->melt = cli_number(a, "melt", p->melt);
    p->cool = cli_number(a, "cool", p->cool);
    p->equilibrate = cli_number(a, "equilibrate", p->equilibrate);
    p->between = cli_number(a, "between", p->between);
    p->hold = !cli_has(a, "no-cage");
    p->cage.average = cli_number(a, "cage", p->cage.average);
    p->cage.wall = cli_number(a, "wall", p->cage.wall);
    p->labels.runs = cli_count(a, "runs", p->labels.runs);
    p->dynamics.dt = cli_number(a, "step", p->dynamics.dt);
    p->dynamics.liquid.potential.force_shifted = !cli_has(a, "plain-cutoff");
    p->labels.time = s->time;
    HG_TRY(read_times(s->time, &p->labels.n_times, cli_value(a, "times"), err));
    p->dynamics.liquid.pool = run->pool;
    p->dynamics.seed = run->seed;
    p->dynamics.hooks = &run->hooks;
    p->seconds = cli_seconds;
    return HG_OK;
}

static const char *const STAGES[HG_LIQUID_STAGES] = {
    [HG_STAGE_EQUILIBRATE] = "equilibrate",
    [HG_STAGE_QUENCH] = "quench",
    [HG_STAGE_CAGE] = "cage",
    [HG_STAGE_RUNS] = "runs",
};

static hg_status print(cli_run *run, const simulation *s, hg_err *err) {
    const double speed = s->seconds > 0 ? s->tally.steps / s->seconds : 0;
    if (run->json) {
        hg_json j;
        cli_json_begin(&j, run, "glass-simulate");
        hg_json_string(&j, "out", s->out);
        hg_json_count(&j, "made", s->tally.made);
        hg_json_count(&j, "kept", s->tally.kept);
        hg_json_number(&j, "seconds", s->seconds);
        hg_json_begin_object(&j, "stages");
        for (size_t k = 0; k < HG_LIQUID_STAGES; k++) hg_json_number(&j, STAGES[k], s->tally.seconds[k]);
        hg_json_end_object(&j);
        hg_json_number(&j, "particle_steps", s->tally.steps);
        return cli_json_end(run, &j, err);
    }
    hg_text_add(
        &run->out,
        "%s: %zu snapshot%s made, %zu there before. %.3g steps of particles in %.1f s, %.3g million a second.\n",
        s->out, s->tally.made, s->tally.made == 1 ? "" : "s", s->tally.kept, s->tally.steps, s->seconds, speed / 1e6);
    for (size_t k = 0; k < HG_LIQUID_STAGES; k++)
        hg_text_add(&run->out, "%s%s %.1f s", k ? ", " : "", STAGES[k], s->tally.seconds[k]);
    hg_text_add(&run->out, "\n");
    return HG_OK;
}

static hg_status run_simulate(cli_run *run, hg_err *err) {
    simulation s = { .out = NULL };
    run->keeps = true; /* finished pieces */
    HG_TRY(ask(&s, run, err));
    const double began = cli_seconds(NULL);
    const hg_status st = hg_liquid_generate(&s.tally, s.out, &s.plan, err);
    s.seconds = cli_seconds(NULL) - began;
    if (st == HG_ECANCEL) return hg_advise(err, st, "the same command goes on from the last finished piece");
    HG_TRY(st);
    return print(run, &s, err);
}

/* ---- the record -------------------------------------------------------------------------------------------------------- */

static const cli_option LIQUID[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .help = "Where snapshots go. What is finished there is kept, so that the same command goes on after a stop." },
    { .name = "particles",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 5,
      .max = 1e7,
      .fallback = "1200",
      .help = "Of a liquid, four fifths of them A. The box has to be 5 wide at least: 150 at the usual density." },
    { .name = "density",
      .type = CLI_NUMBER,
      .argument = "RHO",
      .min = 0.01,
      .max = 2,
      .fallback = "1.2",
      .help = "Particles in a unit of volume." },
    { .name = "temperature",
      .type = CLI_NUMBER,
      .argument = "T",
      .min = 0.01,
      .max = 100,
      .fallback = "0.5",
      .help = "Of the liquid." },
    { .name = "liquids",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 999,
      .fallback = "4",
      .help = "Independent liquids. More can be asked for later." },
    { .name = "snapshots",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 999,
      .fallback = "2",
      .help = "Snapshots of each. More can be asked for later." },
    { .name = "validation",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = 999,
      .fallback = "1, or 0 of a single liquid",
      .help = "So many of the first liquids are marked as for validation." },
    { .name = "melt",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 1e-3,
      .max = 1e9,
      .fallback = "100",
      .help = "At T = 1, from the start on a lattice." },
    { .name = "cool",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 1e-3,
      .max = 1e9,
      .fallback = "400",
      .help = "From there to the temperature." },
    { .name = "equilibrate",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 0,
      .max = 1e9,
      .fallback = "2000",
      .help = "From the end of cooling to the first snapshot: ten relaxation times are a good measure." },
    { .name = "between",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 1e-3,
      .max = 1e9,
      .fallback = "450",
      .help = "From one snapshot of a liquid to the next." },
    { .name = "step",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 1e-4,
      .max = 0.02,
      .fallback = "0.006",
      .help = "Length of a time step." },
    { .name = "plain-cutoff",
      .type = CLI_FLAG,
      .help = "Forces end abruptly at the cut-off instead of being shifted to zero there." },
    { .name = NULL },
};
static const cli_option LABELS[] = {
    { .name = "times",
      .letter = 't',
      .type = CLI_TEXT,
      .argument = "TIMES",
      .fallback = "no labels",
      .help = "Times of labels, separated by commas." },
    { .name = "runs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 100000,
      .fallback = "32",
      .help = "Runs from each snapshot, each with velocities of its own." },
    { .name = "cage",
      .type = CLI_NUMBER,
      .argument = "TIME",
      .min = 0.1,
      .max = 1e6,
      .fallback = "30",
      .help = "How long the cage state is averaged." },
    { .name = "wall",
      .type = CLI_NUMBER,
      .argument = "R",
      .min = 0.01,
      .max = 10,
      .fallback = "0.45",
      .help = "Particles farther than this from their places are pushed back while cages are averaged." },
    { .name = "no-cage", .type = CLI_FLAG, .help = "Leave cage states out." },
    { .name = NULL },
};
static const cli_group LIQUID_GROUP = { "Liquid", LIQUID }, LABEL_GROUP = { "What is known of a snapshot", LABELS };
static const cli_group *const GROUPS[] = { &LIQUID_GROUP, &LABEL_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane glass simulate --temperature 0.5 --liquids 6 --snapshots 4 --times 0.108,2.17,21.7,217 --runs 16 -o liquids",
      "a set to learn from, T = 0.5" },
    { .command = NULL },
};
const cli_verb cli_glass_simulate_record = {
    .name = "glass simulate",
    .summary = "make labelled snapshots of a glass-forming liquid",
    .description =
        "Molecular dynamics of the Kob-Andersen mixture: liquids are melted, cooled and kept at a temperature; snapshots are taken, quenched to their "
        "inherent structures, held for their cage states, and run many times with other velocities for the labels: how far each particle goes on "
        "average, how much each neighbouring pair changes.\n\n"
        "A program that was stopped or killed goes on from its last finished piece when it is started again with the same options, and the result has the "
        "same bits, also for any number of threads.",
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.glass-simulate/1\": out, made and kept (snapshots written now, and there before), seconds, stages (seconds of equilibrate, quench, cage, runs), particle_steps.",
    .run = run_simulate,
};
