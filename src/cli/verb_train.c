/* cli/verb_train.c -- `hagane train`: a model from molecules whose property is known; writes a folder with weights and card */
#include "cli/grid.h"
#include "cli/output.h"
#include "files/hash.h"
#include "files/molecule_set.h"
#include "hagane/model.h"
#include "library/card.h"
#include "models/qdf2.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096 };
static const double NORMAL_90 = 1.6448536269514722;

/* ---- molecules with their property ------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    hg_molecule_set of;
    char hash[HG_HASH_SIZE];
} set;

static const hg_property ENERGY = { "energy", "energy", "eV" };

static hg_status read_set(set *s, cli_run *run, const char *path, hg_err *err) {
    const char *unit = cli_value(&run->args, "unit");
    hg_target target = { .name = cli_value(&run->args, "target"), .factor = 1 };
    *s = (set) { .path = path };
    if (!path) return HG_OK;
    if (unit) HG_TRY(hg_unit_factor(&target.factor, unit, &ENERGY, err));
    HG_TRY(cli_input(run, path, NULL, 0, err));
    HG_TRY(hg_hash_file(s->hash, path, err));
    return hg_molecule_set_read(&s->of, path, &(hg_molecule_set_opts) { .target = &target, .n_targets = 1 }, run->arena,
                                err);
}

/* ---- what the card tells ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double mean_absolute, root_mean_square, largest, coverage;
} quality;

static hg_status judge(quality *q, const hg_qdf2 *model, const set *s, hg_err *err) {
    hg_qdf2_room *room;
    double sum = 0, squares = 0;
    size_t inside = 0, n = 0;
    *q = (quality) { 0 };
    HG_TRY(hg_qdf2_room_new(&room, model, err));
    for (size_t i = 0; i < s->of.n; i++) {
        hg_qdf2_result r;
        if (hg_qdf2_predict(&r, model, room, s->of.molecule[i], NULL) != HG_OK) continue;
        const double e = fabs(r.energy - s->of.value[i]);
        sum += e;
        squares += e * e;
        inside += e <= NORMAL_90 * r.sd;
        q->largest = fmax(q->largest, e);
        n++;
    }
    hg_qdf2_room_free(room);
    if (n) {
        q->mean_absolute = sum / (double)n;
        q->root_mean_square = sqrt(squares / (double)n);
        q->coverage = (double)inside / (double)n;
    }
    return HG_OK;
}

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Elements and sizes of what was learned from. */
static void domain_of(hg_card *c, char elements[512], const set *s) {
    bool seen[128] = { false };
    c->least_atoms = s->of.n ? s->of.molecule[0]->n : 0;
    for (size_t i = 0; i < s->of.n; i++) {
        for (size_t a = 0; a < s->of.molecule[i]->n; a++) seen[s->of.molecule[i]->z[a] % 128] = true;
        if (s->of.molecule[i]->n < c->least_atoms) c->least_atoms = s->of.molecule[i]->n;
        if (s->of.molecule[i]->n > c->most_atoms) c->most_atoms = s->of.molecule[i]->n;
    }
    size_t at = 0;
    for (unsigned z = 1; z < 119 && at < 500; z++)
        if (seen[z]) at += (size_t)snprintf(elements + at, 512 - at, at ? " %s" : "%s", hg_element_symbol(z));
    c->elements = elements;
}

static hg_status write_card(cli_run *run, const char *folder, const char *weights, const set *train,
                            const set *validation, const hg_qdf2_opts *o, const quality *q, hg_err *err) {
    char path[PATH_SIZE], elements[512] = "";
    hg_card_data data[2] = { { "train", file_name(train->path), "", train->of.n },
                             { "validation", validation->path ? file_name(validation->path) : "", "",
                               validation->of.n } };
    memcpy(data[0].sha256, train->hash, sizeof data[0].sha256);
    memcpy(data[1].sha256, validation->hash, sizeof data[1].sha256);
    const hg_card_number options[] = {
        { "rounds", "", (double)o->rounds },   { "prior", "kcal/mol", o->prior },     { "floor", "", o->floor },
        { "ridge", "(kcal/mol)^2", o->ridge }, { "theta_prior", "", o->theta_prior }, { "draws", "", (double)o->draws }
    };
    const hg_card_number metrics[] = { { "mean absolute error of validation", "eV", q->mean_absolute },
                                       { "root mean square error of validation", "eV", q->root_mean_square },
                                       { "largest error of validation", "eV", q->largest },
                                       { "share of validation inside 90 % intervals", "", q->coverage } };
    const char *const text[] = { cli_value(&run->args, "name"), cli_value(&run->args, "property"),
                                 cli_value(&run->args, "source"), cli_value(&run->args, "licence") };
    hg_card c = { .name = text[0] ? text[0] : file_name(folder),
                  .architecture = "qdf2 1",
                  .property = { { { "energy", text[1] ? text[1] : "energy", "eV" }, metrics, 0 } },
                  .n_properties = 1,
                  .source = text[2],
                  .licence = text[3],
                  .data = data,
                  .n_data = validation->of.n ? 2 : 1,
                  .options = options,
                  .n_options = sizeof options / sizeof *options,
                  .seed = o->seed };
    c.property[0].n_metrics = validation->of.n ? sizeof metrics / sizeof *metrics : 0;
    domain_of(&c, elements, train);
    HG_TRY(hg_hash_file(c.weights_sha256, weights, err));
    snprintf(path, sizeof path, "%s/card.json", folder);
    return hg_card_write(&c, path, err);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------------ */

static hg_status train(cli_run *run, const set *learn, const set *validation, const char *folder, hg_err *err) {
    hg_qdf2_opts o = hg_qdf2_opts_default();
    hg_qdf2 *model;
    quality q;
    char path[PATH_SIZE];
    o.rounds = cli_count(&run->args, "rounds", o.rounds);
    o.prior = cli_number(&run->args, "prior", o.prior);
    o.seed = run->seed;
    o.pool = run->pool;
    o.hooks = &run->hooks;
    HG_TRY(hg_qdf2_fit(&model, &(hg_qdf2_data) { learn->of.n, learn->of.molecule, learn->of.value },
                       &(hg_qdf2_data) { validation->of.n, validation->of.molecule, validation->of.value }, &o, err));
    hg_status st = judge(&q, model, validation, err);
    if (st == HG_OK && mkdir(folder, 0777) != 0 && errno != EEXIST)
        st = hg_fail(err, HG_EIO, "%s cannot be made: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    if (st == HG_OK) st = hg_qdf2_save(model, path, err);
    if (st == HG_OK) st = write_card(run, folder, path, learn, validation, &o, &q, err);
    hg_qdf2_free(model);
    HG_TRY(st);
    if (validation->of.n)
        hg_log(&run->hooks, HG_LOG_INFO,
               "%zu molecules of validation: mean absolute error %.4f eV, %.0f %% inside the 90 %% intervals",
               validation->of.n, q.mean_absolute, 100 * q.coverage);
    if (run->json) {
        hg_json j;
        cli_json_begin(&j, run, "train");
        hg_json_string(&j, "folder", folder);
        hg_json_count(&j, "n_train", learn->of.n);
        hg_json_count(&j, "n_validation", validation->of.n);
        hg_json_number(&j, "mean_absolute_error_ev", validation->of.n ? q.mean_absolute : (double)NAN);
        hg_json_number(&j, "coverage90", validation->of.n ? q.coverage : (double)NAN);
        return cli_json_end(run, &j, err);
    }
    hg_text_add(&run->out, "%s: learned from %zu molecules\n", folder, learn->of.n);
    return HG_OK;
}

static hg_status run_train(cli_run *run, hg_err *err) {
    set learn, validation;
    const char *folder = cli_value(&run->args, "out");
    if (!cli_value(&run->args, "arch"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--arch is missing"), "--arch qdf2");
    if (!folder)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--out is missing"), "--out FOLDER, where weights and card go");
    if (strlen(folder) > PATH_SIZE - 40) return hg_fail(err, HG_EINVAL, "the folder's name is too long");
    HG_TRY(read_set(&learn, run, run->args.positional[0], err));
    HG_TRY(read_set(&validation, run, cli_value(&run->args, "validation"), err));
    return train(run, &learn, &validation, folder, err);
}

static const char *trainable(size_t i) { return i == 0 ? "qdf2" : NULL; }

static const cli_positional POSITIONAL[] = {
    { .name = "MOLECULES",
      .type = CLI_INPUT,
      .help = "Molecules to learn from, each with its energy: XYZ, extended XYZ, SDF or Quantum Deep Field's text." },
    { .name = NULL },
};
static const cli_option TRAIN[] = {
    { .name = "arch", .type = CLI_CHOICE, .argument = "NAME", .choice = trainable, .help = "Kind of model." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_TEXT,
      .argument = "FOLDER",
      .help = "Where weights.safetensors and card.json go." },
    { .name = "validation",
      .type = CLI_INPUT,
      .argument = "FILE",
      .fallback = "none: no error bars",
      .help = "Other molecules, from which the error bars come." },
    { .name = "target",
      .letter = 't',
      .type = CLI_TEXT,
      .argument = "NAME",
      .fallback = "the only number of a molecule",
      .help = "The value to learn." },
    { .name = "unit",
      .type = CLI_CHOICE,
      .argument = "UNIT",
      .choice = hg_unit_name,
      .fallback = "eV",
      .help = "Unit of the values in the files." },
    { .name = "rounds",
      .type = CLI_INTEGER,
      .argument = "N",
      .min = 0,
      .max = 20,
      .fallback = "3",
      .help = "Steps in which the tight binding is refined; 0: the correction alone." },
    { .name = "prior",
      .type = CLI_NUMBER,
      .argument = "X",
      .min = 1e-6,
      .max = 1e6,
      .unit = "kcal/mol",
      .fallback = "0.15",
      .help = "How large a coefficient of the correction is expected to be." },
    { .name = "name",
      .type = CLI_TEXT,
      .argument = "TEXT",
      .fallback = "the folder's name",
      .help = "Name of the model in its card." },
    { .name = "property",
      .type = CLI_TEXT,
      .argument = "TEXT",
      .fallback = "energy",
      .help = "What is learned, in words, for the card." },
    { .name = "source", .type = CLI_TEXT, .argument = "TEXT", .help = "Where the data come from, for the card." },
    { .name = "licence", .type = CLI_TEXT, .argument = "TEXT", .help = "The licence of the data, for the card." },
    { .name = NULL },
};
static const cli_group TRAIN_GROUP = { "Training", TRAIN };
static const cli_group *const GROUPS[] = { &TRAIN_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane train --arch qdf2 train.txt --validation val.txt --out mymodel",
      "learn energies, and how far off they are" },
    { .command = NULL },
};
const cli_verb cli_train_record = {
    .name = "train",
    .summary = "learn a model from molecules whose property is known",
    .description =
        "Learns, judges the model on molecules that it has not seen, and writes a folder with the weights and a card: data and their hashes, "
        "options, seed, errors, elements and sizes. The same input, seed and options give the same weights for any number of threads.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json = "schema \"hagane.train/1\": folder, n_train, n_validation, mean_absolute_error_ev, coverage90.",
    .run = run_train,
};
