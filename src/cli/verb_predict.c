/* cli/verb_predict.c -- `hagane predict`: properties of molecules by a trained model
 *
 * Molecules are read and predicted a block at a time, so that a long file needs no more memory than a short one. What cannot be
 * predicted stops the run with its place, or with --keep-going stands in the result with its reason.
 */
#include "cli/grid.h"
#include "cli/models.h"
#include "cli/output.h"
#include "hagane/molecule_file.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1024, FORMULA_SIZE = 256 };

typedef struct {
    hg_model *model;
    hg_molecule_file *file;
    const char *path;
    hg_arena *mem; /* of the block */
    hg_molecule *molecule[BLOCK];
    hg_prediction p[BLOCK];
    hg_err why[BLOCK];
    bool keep_going, to_file, json;
    size_t done, outside, failed;
    hg_text rows;
} job;

static void header(hg_text *t, const job *b) {
    hg_text_add(t, "id,formula,atoms,");
    char name[200];
    snprintf(name, sizeof name, "%s (%s)", hg_model_property(b->model), hg_model_unit(b->model));
    cli_csv_cell(t, name);
    snprintf(name, sizeof name, ",sd (%s),outside", hg_model_unit(b->model));
    hg_text_add(t, "%s%s\n", name, b->keep_going ? ",error" : "");
}

static void csv_row(hg_text *t, const job *b, size_t i) {
    char formula[FORMULA_SIZE];
    const hg_molecule *m = b->molecule[i];
    hg_molecule_formula(formula, sizeof formula, m);
    cli_csv_cell(t, m->id);
    hg_text_add(t, ",%s,%zu,", formula, m->n);
    if (isfinite(b->p[i].value)) cli_number_text(t, b->p[i].value);
    hg_text_put(t, ",", 1);
    if (isfinite(b->p[i].sd)) cli_number_text(t, b->p[i].sd);
    hg_text_add(t, ",%s", b->why[i].code != HG_OK ? "" : b->p[i].outside ? "yes" : "no");
    if (b->keep_going) {
        hg_text_put(t, ",", 1);
        cli_csv_cell(t, b->why[i].code == HG_OK ? "" : b->why[i].msg);
    }
    hg_text_put(t, "\n", 1);
}

static void json_row(hg_json *j, const job *b, size_t i) {
    char formula[FORMULA_SIZE];
    const hg_molecule *m = b->molecule[i];
    hg_molecule_formula(formula, sizeof formula, m);
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "id", m->id);
    hg_json_string(j, "formula", formula);
    hg_json_count(j, "atoms", m->n);
    hg_json_number(j, "value", b->p[i].value);
    hg_json_number(j, "sd", b->p[i].sd);
    if (b->why[i].code == HG_OK)
        hg_json_bool(j, "outside", b->p[i].outside);
    else
        hg_json_string(j, "error", b->why[i].msg);
    hg_json_end_object(j);
}

static hg_status trouble(const job *b, size_t i, hg_err *err) {
    const hg_err *why = &b->why[i];
    hg_fail_at(err, why->code, b->path, b->molecule[i]->line, 0, "%s", why->msg);
    return hg_advise(err, why->code, "%s",
                     why->hint[0] ? why->hint
                                  : "--keep-going predicts the others and says what is wrong with this one");
}

static hg_status finish_block(cli_run *run, job *b, size_t n, hg_json *j, hg_err *err) {
    HG_TRY(hg_model_predict(b->p, b->why, b->model, b->molecule, n, run->pool, err));
    b->rows.len = 0;
    for (size_t i = 0; i < n; i++) {
        const bool bad = b->why[i].code != HG_OK;
        if (bad && !b->keep_going) return trouble(b, i, err);
        b->failed += bad;
        b->outside += !bad && b->p[i].outside;
        if (b->json)
            json_row(j, b, i);
        else
            csv_row(&b->rows, b, i);
    }
    b->done += n;
    if (b->rows.failed) return hg_fail(err, HG_ENOMEM, "no memory for the output");
    if (b->to_file) return cli_stream_write(run, b->rows.s, b->rows.len, err);
    hg_text_put(&run->out, b->rows.s, b->rows.len);
    return run->out.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

static hg_status all_molecules(cli_run *run, job *b, hg_json *j, hg_err *err) {
    for (bool more = true; more;) {
        const hg_mark mark = hg_arena_mark(b->mem);
        size_t n = 0;
        hg_status st = HG_OK;
        while (st == HG_OK && more && n < BLOCK) {
            st = hg_molecule_file_next(&b->molecule[n], b->file, b->mem, err);
            more = st == HG_OK && b->molecule[n];
            n += more;
        }
        if (st == HG_OK && n) st = finish_block(run, b, n, j, err);
        hg_arena_reset(b->mem, mark);
        HG_TRY(st);
        uint64_t done, total;
        hg_molecule_file_bytes(&done, &total, b->file);
        if (!hg_progress(&run->hooks, "predicting", (size_t)done, (size_t)total)) return HG_ECANCEL;
    }
    return HG_OK;
}

static void say(cli_run *run, const job *b) {
    if (b->outside)
        hg_log(&run->hooks, HG_LOG_WARN, "%zu of %zu molecules are unlike what \"%s\" has learned from", b->outside,
               b->done, hg_model_name(b->model));
    if (b->failed) hg_log(&run->hooks, HG_LOG_WARN, "%zu of %zu molecules could not be predicted", b->failed, b->done);
}

static hg_status write_csv(cli_run *run, job *b, const char *path, hg_err *err) {
    hg_text *to = b->to_file ? &b->rows : &run->out;
    header(to, b);
    if (b->to_file) {
        HG_TRY(cli_stream_open(run, path, err));
        HG_TRY(cli_stream_write(run, b->rows.s, b->rows.len, err));
    }
    HG_TRY(all_molecules(run, b, NULL, err));
    say(run, b);
    return b->to_file ? cli_stream_close(run, err) : HG_OK;
}

static hg_status write_json(cli_run *run, job *b, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "predict");
    hg_json_string(&j, "model", hg_model_name(b->model));
    hg_json_string(&j, "architecture", hg_model_architecture(b->model));
    hg_json_string(&j, "property", hg_model_property(b->model));
    hg_json_string(&j, "unit", hg_model_unit(b->model));
    hg_json_begin_array(&j, "molecules");
    HG_TRY(all_molecules(run, b, &j, err));
    hg_json_end_array(&j);
    hg_json_count(&j, "n", b->done);
    hg_json_count(&j, "n_outside", b->outside);
    hg_json_count(&j, "n_failed", b->failed);
    say(run, b);
    return cli_json_end(run, &j, err);
}

static hg_status predict(cli_run *run, job *b, hg_err *err) {
    const char *out = cli_value(&run->args, "out");
    b->to_file = out && strcmp(out, "-") != 0;
    b->json = run->json;
    b->keep_going = cli_has(&run->args, "keep-going");
    b->path = run->args.positional[0];
    if (run->json && out)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--json and --out exclude each other"),
                         "--out writes CSV; redirect standard output for JSON");
    HG_TRY(cli_model_load(&b->model, cli_value(&run->args, "model"), err));
    HG_TRY(hg_molecule_file_open(&b->file, b->path, NULL, err));
    b->mem = hg_arena_new();
    if (!b->mem) return hg_fail(err, HG_ENOMEM, "no memory for molecules");
    return b->json ? write_json(run, b, err) : write_csv(run, b, out, err);
}

static hg_status run_predict(cli_run *run, hg_err *err) {
    if (!cli_value(&run->args, "model"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--model is missing"),
                         "--model qdf2, or a folder with a card.json");
    job *b = hg_alloc(run->arena, 1, sizeof *b);
    if (!b) return hg_fail(err, HG_ENOMEM, "no memory for a block of %d molecules", BLOCK);
    b->rows = hg_text_new(0);
    const hg_status st = predict(run, b, err);
    hg_text_free(&b->rows);
    hg_arena_free(b->mem);
    hg_molecule_file_free(b->file);
    hg_model_free(b->model);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "MOLECULES",
      .type = CLI_INPUT,
      .help = "XYZ, extended XYZ, SDF or Quantum Deep Field's text, compressed or not; \"-\" is standard input." },
    { .name = NULL },
};
static const cli_option PREDICT[] = {
    { .name = "model",
      .letter = 'm',
      .type = CLI_TEXT,
      .argument = "NAME",
      .help = "A model that came with the program, as qdf2, or a folder with card.json and weights." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE.csv",
      .fallback = "standard output",
      .help = "Where to write the predictions." },
    { .name = "keep-going", .help = "Predict the others when a molecule cannot be predicted; its row says why." },
    { .name = NULL },
};
static const cli_group PREDICT_GROUP = { "Predictions", PREDICT };
static const cli_group *const GROUPS[] = { &PREDICT_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane predict --model qdf2 molecules.xyz", "energies with error bars, as CSV" },
    { "hagane predict --model qdf2 library.sdf.gz --keep-going --out energies.csv",
      "a long file; bad entries do not stop it" },
    { .command = NULL },
};
const cli_verb cli_predict_record = {
    .name = "predict",
    .summary = "predict properties of molecules by a trained model",
    .description =
        "Reads molecules one after the other, in constant memory, and writes a row for each: the property that the model's card names, its "
        "standard deviation when the model has error bars, and whether the molecule lies outside of what the model has learned "
        "from. The same file gives the same result for any number of threads.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.predict/1\": model, architecture, property, unit; molecules (id, formula, atoms, value, sd, outside, or error); n, "
        "n_outside, n_failed.",
    .run = run_predict,
};
