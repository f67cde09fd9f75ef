/* cli/verb_glass.c -- `hagane glass`: the family, and its part that learns: train */
#include "cli/grid.h"
#include "cli/glass.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "files/snapshot_file.h"
#include "library/glass_botan.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const STATES[] = { "thermal", "inherent", "cage", NULL };
static const char *state_choice(size_t i) { return STATES[i]; }

hg_status cli_glass_opts(hg_snapshot_opts *o, const cli_run *run, hg_err *err) {
    *o = hg_snapshot_opts_default();
    const char *species = cli_value(&run->args, "species");
    if (species) o->species = species;
    o->temperature = cli_number(&run->args, "temperature", (double)NAN);
    o->label_time = cli_number(&run->args, "label-time", (double)NAN);
    if (strspn(o->species, "ABCD") != strlen(o->species))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--species %s: expected letters A to D", o->species),
                         "BA: type 1 of the file is B, type 2 is A");
    return HG_OK;
}

static hg_status spare_all(const hg_snapshot_set *set, const cli_args *a, hg_err *err) {
    const char *file;
    for (size_t i = 0; (file = hg_snapshot_set_file(set, i)); i++)
        for (size_t k = 0; k < a->n_given; k++)
            if (a->given[k].option->type == CLI_OUTPUT) HG_TRY(cli_spare(file, a->given[k].value, err));
    return HG_OK;
}

hg_status cli_glass_set(hg_snapshot_set **out, const char *path, const cli_run *run, hg_err *err) {
    hg_snapshot_opts o;
    HG_TRY(cli_glass_opts(&o, run, err));
    HG_TRY(hg_snapshot_set_open(out, path, &o, err));
    const hg_status st = spare_all(*out, &run->args, err);
    if (st == HG_OK) return HG_OK;
    hg_snapshot_set_free(*out);
    *out = NULL;
    return st;
}

hg_status cli_glass_format(hg_figure_format *format, const char *path, hg_err *err) {
    return !path || strcmp(path, "-") == 0 ? HG_OK : hg_figure_format_find(format, path, err);
}

hg_status cli_glass_open(hg_glass_model **out, cli_run *run, hg_err *err) {
    char folder[CLI_MODEL_PATH];
    const char *word = cli_value(&run->args, "model");
    *out = NULL;
    if (!word)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "which model?"), "--model FOLDER; hagane glass train makes one");
    HG_TRY(cli_model_folder(folder, word, err));
    return hg_glass_open(out, folder, err);
}

/* ---- train ----------------------------------------------------------------------------------------------------------- */

static const char *const SETS[HG_FLOOR_SETS] = { "state", "thermal", "both" };

/* sets: their names, where there was a choice. */
static void json_fold(hg_json *j, const char *key, const hg_fold_score *s, const char *const *sets) {
    hg_json_begin_object(j, key);
    hg_json_number(j, "rho", s->rho);
    hg_json_number(j, "explained", s->explained);
    hg_json_number(j, "strength", s->strength);
    if (sets) hg_json_string(j, "descriptors", sets[s->set]);
    hg_json_end_object(j);
}

static void json_gain(hg_json *j, const char *key, const hg_floor_gain *g) {
    hg_json_begin_object(j, key);
    hg_json_number(j, "share", g->share);
    hg_json_number(j, "floor", g->floor);
    hg_json_number(j, "rho", g->rho);
    hg_json_number(j, "gain", g->gain);
    hg_json_number(j, "error", g->error);
    hg_json_end_object(j);
}

/* What networks gain in liquids left out. */
static hg_status print_gains(cli_run *run, const hg_floor_facts *f, const hg_floor_scores *s, hg_err *err) {
    const hg_floor_gain *const all[] = { s->node_gain[0], s->node_gain[1], s->bond_gain[0] };
    const size_t columns = f->bonds ? 3 : 2;
    cli_grid g = cli_grid_new(run->arena, f->n_times + 1, 1 + 2 * columns);
    cli_grid_set(&g, 0, 0, "time");
    for (size_t k = 0; k < columns; k++) {
        cli_grid_set(&g, 0, 1 + 2 * k, "gain %s", hg_glass_scored_name((hg_glass_scored)k));
        cli_grid_set(&g, 0, 2 + 2 * k, "share");
    }
    for (size_t t = 0; t < f->n_times; t++) {
        cli_grid_set(&g, t + 1, 0, "%.6g", f->time[t]);
        for (size_t k = 0; k < columns; k++) {
            cli_grid_set(&g, t + 1, 1 + 2 * k, "%+.4f (%.4f)", all[k][t].gain, all[k][t].error);
            cli_grid_set(&g, t + 1, 2 + 2 * k, "%g", all[k][t].share);
        }
    }
    HG_TRY(cli_grid_done(&g, err));
    hg_text_add(&run->out, "What networks add to rho of liquids that they have not seen (standard error), and the "
                           "share of them that is taken:\n");
    cli_grid_show(&run->out, &g, g.rows);
    return HG_OK;
}

static const char *kind_choice(size_t i) { return hg_glass_kind_at(i) ? hg_glass_kind_at(i)->name : NULL; }

static hg_status print_train(cli_run *run, const char *folder, const hg_floor_scores *s, size_t networks,
                             double seconds, hg_err *err) {
    hg_glass_model *m;
    HG_TRY(hg_glass_open(&m, folder, err)); /* what is told is what was written */
    const hg_floor_facts f = hg_glass_model_about(m);
    if (run->json) {
        hg_json j;
        cli_json_begin(&j, run, "glass-train");
        hg_json_string(&j, "model", folder);
        hg_json_string(&j, "tier", hg_glass_tier(f.state));
        hg_json_count(&j, "snapshots", s->snapshots);
        hg_json_count(&j, "particles", s->particles);
        hg_json_count(&j, "bonds", s->pairs);
        hg_json_begin_array(&j, "times");
        for (size_t t = 0; t < f.n_times; t++) {
            hg_json_begin_object(&j, NULL);
            hg_json_number(&j, "time", f.time[t]);
            json_fold(&j, "A", &s->node[0][t], f.thermal ? SETS : NULL);
            json_fold(&j, "B", &s->node[1][t], f.thermal ? SETS : NULL);
            if (f.bonds) json_fold(&j, "AA", &s->bond[0][t], NULL);
            if (networks) {
                json_gain(&j, "network A", &s->node_gain[0][t]);
                json_gain(&j, "network B", &s->node_gain[1][t]);
                if (f.bonds) json_gain(&j, "network AA", &s->bond_gain[0][t]);
            }
            hg_json_end_object(&j);
        }
        hg_json_end_array(&j);
        hg_json_number(&j, "seconds", seconds);
        hg_glass_model_free(m);
        return cli_json_end(run, &j, err);
    }
    hg_text_add(&run->out, "%s: tier %s (%s), %zu snapshots of %zu particles in all, %.1f s\n", folder,
                hg_glass_tier(f.state), hg_glass_tier_words(f.state), s->snapshots, s->particles, seconds);
    cli_grid g = cli_grid_new(run->arena, f.n_times + 1, f.bonds ? 4 : 3);
    cli_grid_set(&g, 0, 0, "time");
    for (size_t k = 0; k < 2; k++) cli_grid_set(&g, 0, 1 + k, "rho %s", hg_glass_scored_name((hg_glass_scored)k));
    if (f.bonds) cli_grid_set(&g, 0, 3, "rho AA bonds");
    for (size_t t = 0; t < f.n_times; t++) {
        cli_grid_set(&g, t + 1, 0, "%.6g", f.time[t]);
        for (size_t k = 0; k < 2; k++) cli_grid_set(&g, t + 1, 1 + k, "%.3f", s->node[k][t].rho);
        if (f.bonds) cli_grid_set(&g, t + 1, 3, "%.3f", s->bond[0][t].rho);
    }
    hg_status st = cli_grid_done(&g, err);
    if (st == HG_OK) {
        cli_grid_show(&run->out, &g, g.rows);
        hg_text_add(&run->out, "Each fold predicted from the others.\n");
        if (networks) st = print_gains(run, &f, s, err);
    }
    hg_glass_model_free(m);
    return st;
}

static hg_status print_botan(cli_run *run, const char *folder, const hg_glass_botan_result *r, double seconds,
                             hg_err *err) {
    if (run->json) {
        hg_json j;
        cli_json_begin(&j, run, "glass-train");
        hg_json_string(&j, "model", folder);
        hg_json_string(&j, "tier", hg_glass_tier(HG_GLASS_THERMAL));
        hg_json_count(&j, "snapshots", r->train);
        hg_json_count(&j, "validation", r->validation);
        hg_json_number(&j, "time", r->time);
        hg_json_number(&j, "rho", r->rho);
        hg_json_count(&j, "best_epoch", r->best_epoch);
        hg_json_number(&j, "seconds", seconds);
        return cli_json_end(run, &j, err);
    }
    hg_text_add(&run->out, "%s: BOTAN, tier %s (%s), time %.6g, %zu snapshots, %.1f s\n", folder,
                hg_glass_tier(HG_GLASS_THERMAL), hg_glass_tier_words(HG_GLASS_THERMAL), r->time, r->train, seconds);
    if (r->validation)
        hg_text_add(&run->out, "rho of A in %zu validation snapshots: %.3f, after epoch %zu\n", r->validation, r->rho,
                    r->best_epoch);
    return HG_OK;
}

static hg_status train_botan(cli_run *run, const char *folder, hg_snapshot_set *set, const hg_glass_lessons *l,
                             hg_err *err) {
    const double began = cli_seconds(NULL);
    const cli_args *a = &run->args;
    hg_glass_botan_result r;
    hg_glass_botan_opts o = hg_glass_botan_opts_default();
    o.time = cli_number(a, "time", o.time);
    o.epochs = cli_count(a, "epochs", o.epochs);
    o.pair_epochs = cli_count(a, "pair-epochs", o.pair_epochs);
    o.rate = cli_number(a, "rate", o.rate);
    o.start = cli_value(a, "start");
    o.checkpoint = cli_value(a, "checkpoint");
    o.seed = run->seed;
    HG_TRY(hg_glass_train_botan(&r, folder, set, l, &o, err));
    return print_botan(run, folder, &r, cli_seconds(NULL) - began, err);
}

/* Options that mean something to one kind of model only. */
static hg_status kind_options(bool *botan, const cli_run *run, hg_err *err) {
    static const char *const OF_BOTAN[] = { "time", "pair-epochs", "rate", "start", "checkpoint" };
    const char *kind = cli_value(&run->args, "kind");
    *botan = kind && strcmp(kind, "botan") == 0;
    if (*botan && (cli_value(&run->args, "state") || cli_has(&run->args, "thermal")))
        return hg_fail(err, HG_EINVAL, "--%s is for --kind floor: BOTAN looks at the thermal snapshot alone",
                       cli_has(&run->args, "thermal") ? "thermal" : "state");
    const bool network = cli_count(&run->args, "network", 0) > 0;
    if (*botan && network) return hg_fail(err, HG_EINVAL, "--network is for --kind floor: BOTAN is one itself");
    if (!*botan && !network && cli_has(&run->args, "epochs"))
        return hg_fail(err, HG_EINVAL, "--epochs is for --kind botan, and for --network");
    for (size_t i = 0; !*botan && i < sizeof OF_BOTAN / sizeof *OF_BOTAN; i++)
        if (cli_has(&run->args, OF_BOTAN[i])) return hg_fail(err, HG_EINVAL, "--%s is for --kind botan", OF_BOTAN[i]);
    return HG_OK;
}

static hg_status first_has_bonds(bool *bonds, hg_snapshot_set *set, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    hg_snapshot *s;
    const hg_status st = hg_snapshot_set_read(&s, set, 0, mem, err);
    *bonds = st == HG_OK && s->stretch;
    hg_arena_free(mem);
    return st;
}

static hg_status train(cli_run *run, hg_snapshot_set *set, hg_err *err) {
    const char *state = cli_value(&run->args, "state"), *folder = cli_value(&run->args, "out");
    const double began = cli_seconds(NULL);
    hg_floor_scores scores;
    hg_glass_lessons l = { .state = HG_GLASS_INHERENT,
                           .thermal = cli_has(&run->args, "thermal"),
                           .all = cli_has(&run->args, "all"),
                           .data = run->args.positional[0],
                           .name = cli_value(&run->args, "name"),
                           .source = cli_value(&run->args, "source"),
                           .licence = cli_value(&run->args, "licence"),
                           .pool = run->pool,
                           .hooks = &run->hooks };
    hg_floor_nets_opts nets = hg_floor_nets_opts_default();
    nets.networks = cli_count(&run->args, "network", 0);
    nets.epochs = cli_count(&run->args, "epochs", nets.epochs);
    nets.seed = run->seed;
    nets.hooks = &run->hooks;
    if (nets.networks) l.networks = &nets;
    for (size_t k = 0; state && STATES[k]; k++)
        if (strcmp(state, STATES[k]) == 0) l.state = (hg_glass_state)k;
    bool botan;
    HG_TRY(kind_options(&botan, run, err));
    if (botan) return train_botan(run, folder, set, &l, err);
    if (l.thermal && l.state == HG_GLASS_THERMAL)
        return hg_fail(err, HG_EINVAL, "--thermal adds to another state: --state thermal has it already");
    HG_TRY(first_has_bonds(&l.bonds, set, err));
    HG_TRY(hg_glass_train(&scores, folder, set, &l, err));
    return print_train(run, folder, &scores, nets.networks, cli_seconds(NULL) - began, err);
}

/* Before hours of work: a model among snapshots would be taken for one of them, and a folder must have a place. */
static hg_status check_folder(const char *folder, const char *snapshots, hg_err *err) {
    struct stat a, b;
    if (stat(folder, &a) == 0) {
        if (stat(snapshots, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
            return hg_advise(err, hg_fail(err, HG_EINVAL, "--out %s: there are the snapshots", folder),
                             "give the model a folder of its own");
        if (!S_ISDIR(a.st_mode)) return hg_fail(err, HG_EIO, "--out %s: it is a file", folder);
        return access(folder, W_OK | X_OK) == 0
                   ? HG_OK
                   : hg_fail(err, HG_EIO, "--out %s: it cannot be written to: %s", folder, strerror(errno));
    }
    char parent[4096];
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    while (n > 0 && folder[n - 1] != '/') n--;
    if (n >= sizeof parent) return hg_fail(err, HG_EINVAL, "--out: the name is too long");
    memcpy(parent, n ? folder : "./", n ? n : 2);
    parent[n ? n : 2] = '\0';
    if (access(parent, W_OK | X_OK) == 0) return HG_OK;
    return hg_fail(err, HG_EIO, "--out %s: %s cannot be written to: %s", folder, parent, strerror(errno));
}

static hg_status run_train(cli_run *run, hg_err *err) {
    hg_snapshot_set *set;
    const char *folder = cli_value(&run->args, "out"), *snapshots = run->args.positional[0];
    if (!folder) return hg_advise(err, hg_fail(err, HG_EINVAL, "where is the model to go?"), "--out FOLDER");
    HG_TRY(check_folder(folder, snapshots, err));
    HG_TRY(cli_glass_set(&set, snapshots, run, err));
    const hg_status st = train(run, set, err);
    hg_snapshot_set_free(set);
    return st;
}

/* ---- records --------------------------------------------------------------------------------------------------------- */

const cli_positional cli_glass_snapshots[] = {
    { .name = "SNAPSHOTS",
      .type = CLI_TEXT,
      .help = "A folder of labelled snapshots, or one file; docs/glass.md has the formats." },
    { .name = NULL },
};

static const cli_option TRAIN[] = {
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .help = "Where the model goes: card and weights." },
    { .name = "kind",
      .type = CLI_CHOICE,
      .argument = "KIND",
      .choice = kind_choice,
      .fallback = "floor",
      .help =
          "floor: ridge regression on averaged descriptors. botan: the network of Shiba et al. (2023), to compare with; it learns one time "
          "from the thermal snapshot." },
    { .name = "state",
      .type = CLI_CHOICE,
      .argument = "STATE",
      .choice = state_choice,
      .fallback = "inherent",
      .help =
          "Whose surroundings are looked at. thermal: the snapshot as it is (tier S0). inherent: the minimum of energy below it (S1). "
          "cage: mean positions of a short run in which nobody leaves (S2)." },
    { .name = "thermal",
      .help =
          "Descriptors of the snapshot as it is, too: what counts at short times. Twice the work; folds left out say for each time and species whether they "
          "are used, alone or beside those of the state." },
    { .name = "network",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = HG_FLOOR_NETS_MOST,
      .fallback = "0",
      .help =
          "N equivariant networks, at least 2, that correct the ridge. Each leaves out its part of the liquids; for each time, species and kind of bond a "
          "share of what they add is taken, if it gains in liquids left out by more than chance." },
    { .name = "time",
      .type = CLI_NUMBER,
      .argument = "T",
      .min = 1e-6,
      .max = 1e12,
      .fallback = "the last one",
      .help = "botan: the time of the labels that are learned." },
    { .name = "epochs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 1,
      .max = 1e6,
      .fallback = "20, or 30 of --network",
      .help = "How often all snapshots are gone through: botan, for particles and pairs, or by each network." },
    { .name = "pair-epochs",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = 1e6,
      .fallback = "0",
      .help = "botan: how often before that, for pairs alone." },
    { .name = "rate",
      .type = CLI_NUMBER,
      .argument = "R",
      .min = 1e-9,
      .max = 1,
      .fallback = "1e-4",
      .help = "botan: learning rate." },
    { .name = "start",
      .type = CLI_INPUT,
      .argument = "FILE",
      .help = "botan: weights to begin with, .safetensors, or the authors' 54,209 floats as they are, .f32." },
    { .name = "checkpoint",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help =
          "botan: state of the training after each epoch, and in FILE.pairs that of pairs; a run that was stopped goes on from there." },
    { .name = "all", .help = "Learn from snapshots, too, that say they are for testing or validation." },
    { .name = "name",
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "the folder's",
      .help = "The model's name in its card." },
    { .name = "source", .type = CLI_TEXT, .argument = "TEXT", .help = "Where the snapshots are from, for the card." },
    { .name = "licence", .type = CLI_TEXT, .argument = "TEXT", .help = "Their licence, for the card." },
    CLI_GLASS_SPECIES,
    CLI_GLASS_TEMPERATURE,
    CLI_GLASS_LABEL_TIME,
    { .name = NULL },
};
static const cli_group TRAIN_GROUP = { "Training", TRAIN };
static const cli_group *const TRAIN_GROUPS[] = { &TRAIN_GROUP, &cli_run_group, NULL };
static const cli_example TRAIN_EXAMPLES[] = {
    { "hagane glass train liquids --state inherent --out mobile", "learn from a folder of labelled snapshots" },
    { "hagane glass train liquids --kind botan --pair-epochs 5 --epochs 50 --out botan",
      "the published network, for comparison" },
    { .command = NULL },
};

const cli_verb cli_glass_record = {
    .name = "glass",
    .summary = "liquids: from one snapshot to which particles will move",
    .description =
        "A family: its parts make labelled snapshots of glass-forming liquids, learn from them, predict and score. docs/glass.md tells of it.",
};

const cli_verb cli_glass_train_record = {
    .name = "glass train",
    .summary = "learn which particles of a liquid will move",
    .description =
        "Ridge regression on averaged descriptors of every particle: density in shells, bond order, energy and curvature. All times of the "
        "labels and both species at once; changes of the length of bonds, where the snapshots have them. Snapshots are read one at a time. The strength of the "
        "ridge is chosen by leaving liquids out, or single snapshots where files do not tell liquids apart; so are the scores that are printed. With --kind botan a "
        "network instead; the last tenth of the snapshots says which epoch is kept.",
    .positional = cli_glass_snapshots,
    .groups = TRAIN_GROUPS,
    .examples = TRAIN_EXAMPLES,
    .json =
        "schema \"hagane.glass-train/1\": model, tier, snapshots, particles, bonds; times: time and for A, B and AA bonds rho, explained "
        "(share of the variance) and strength, of folds left out, and with --thermal descriptors (state, thermal or both); seconds. Of botan: model, tier, snapshots, validation (snapshots), time, rho of A in these, best_epoch, seconds.",
    .run = run_train,
};
