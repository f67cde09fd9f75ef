/* cli/verb_predict.c -- `hagane predict`: properties of molecules by a trained model
 *
 * Molecules are read and predicted a block at a time, so that a long file needs no more memory than a short one. What
 * cannot be predicted stops the run with its place, or with --keep-going stands in the result with its reason.
 */
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "files/molecule_set.h"
#include "files/xyz.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1024, FORMULA_SIZE = 256, NAME_SIZE = 200 };

typedef struct {
    hg_model *model;
    hg_molecule_file *file;
    const char *path;
    hg_arena *mem; /* of the block */
    hg_molecule_set set;
    hg_molecule *molecule[BLOCK]; /* those of the set that were not refused */
    hg_prediction p[BLOCK];
    hg_err why[BLOCK];
    bool keep_going, json;
    hg_output *csv, *xyz; /* NULL: standard output; none */
    unsigned atoms;       /* HG_ATOM_... */
    size_t done, outside, failed;
    hg_text rows;
} job;

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void header(hg_text *t, const job *b) {
    const hg_property *p;
    char name[NAME_SIZE];
    hg_text_add(t, "id,formula,atoms");
    for (size_t k = 0; (p = hg_model_property(b->model, k)); k++)
        for (int sd = 0; sd < 2; sd++) {
            hg_text_put(t, ",", 1);
            snprintf(name, sizeof name, "%s%s%s%s%s", p->symbol, sd ? " sd" : "", *p->unit ? " (" : "", p->unit,
                     *p->unit ? ")" : "");
            cli_csv_cell(t, name);
        }
    hg_text_add(t, ",outside%s\n", b->keep_going ? ",error" : "");
}

static void number_cell(hg_text *t, double x) {
    hg_text_put(t, ",", 1);
    if (isfinite(x)) cli_number_text(t, x);
}

/* p NULL: there is no prediction, and why says the reason; m NULL: there is no molecule either. */
static void csv_row(hg_text *t, const job *b, const hg_molecule *m, const hg_prediction *p, const hg_err *why) {
    char formula[FORMULA_SIZE] = "";
    if (m) {
        hg_molecule_formula(formula, sizeof formula, m);
        cli_csv_cell(t, m->id);
        hg_text_add(t, ",%s,%zu", formula, m->n);
    } else {
        hg_text_add(t, ",,");
    }
    for (size_t k = 0; k < hg_model_properties(b->model); k++) {
        number_cell(t, p ? p->property[k].value : (double)NAN);
        number_cell(t, p ? p->property[k].sd : (double)NAN);
    }
    hg_text_add(t, ",%s", !p || !hg_model_tells_outside(b->model) ? "" : p->outside ? "yes" : "no");
    if (b->keep_going) {
        hg_text_put(t, ",", 1);
        cli_csv_cell(t, p ? "" : why->msg);
    }
    hg_text_put(t, "\n", 1);
}

static void json_row(hg_json *j, const job *b, const hg_molecule *m, const hg_prediction *p, const hg_err *why) {
    char formula[FORMULA_SIZE];
    hg_json_begin_object(j, NULL);
    if (m) {
        hg_molecule_formula(formula, sizeof formula, m);
        hg_json_string(j, "id", m->id);
        hg_json_string(j, "formula", formula);
        hg_json_count(j, "atoms", m->n);
    }
    for (size_t k = 0; p && k < hg_model_properties(b->model); k++) {
        hg_json_begin_object(j, hg_model_property(b->model, k)->symbol);
        hg_json_number(j, "value", p->property[k].value);
        hg_json_number(j, "sd", p->property[k].sd);
        hg_json_end_object(j);
    }
    if (!p)
        hg_json_string(j, "error", why->msg);
    else if (hg_model_tells_outside(b->model))
        hg_json_bool(j, "outside", p->outside);
    else
        hg_json_null(j, "outside");
    if (p && p->charge) hg_json_numbers(j, "charges", p->charge, m->n);
    hg_json_end_object(j);
}

/* ---- the molecule with what was predicted, in extended XYZ ------------------------------------------------------- */

/* f in place of the field of its name, or behind the last. */
static void set_field(hg_field *list, size_t *n, hg_field f) {
    size_t i = 0;
    while (i < *n && strcmp(list[i].name, f.name) != 0) i++;
    list[i] = f;
    if (i == *n) ++*n;
}

static hg_status xyz_frame(job *b, const hg_molecule *m, const hg_prediction *p, hg_err *err) {
    const size_t k_most = hg_model_properties(b->model);
    hg_molecule out = *m;
    out.values = hg_alloc(b->mem, m->n_values + 2 * k_most + 1, sizeof *out.values);
    out.columns = hg_alloc(b->mem, m->n_columns + 2, sizeof *out.columns);
    bool *outside = hg_alloc(b->mem, 1, sizeof *outside);
    if (!out.values || !out.columns || !outside) return hg_fail(err, HG_ENOMEM, "no memory for a molecule");
    if (m->n_values) memcpy(out.values, m->values, m->n_values * sizeof *m->values);
    if (m->n_columns) memcpy(out.columns, m->columns, m->n_columns * sizeof *m->columns);
    for (size_t k = 0; k < k_most; k++) {
        const char *symbol = hg_model_property(b->model, k)->symbol;
        const size_t size = strlen(symbol) + 4;
        char *sd = hg_alloc(b->mem, size, 1);
        if (!sd) return hg_fail(err, HG_ENOMEM, "no memory for a molecule");
        snprintf(sd, size, "%s_sd", symbol);
        const hg_field value = { .name = symbol, .rows = 1, .cols = 1, .real = &p->property[k].value },
                       bar = { .name = sd, .rows = 1, .cols = 1, .real = &p->property[k].sd };
        if (isfinite(*value.real)) set_field(out.values, &out.n_values, value);
        if (isfinite(*bar.real)) set_field(out.values, &out.n_values, bar);
    }
    *outside = p->outside;
    if (hg_model_tells_outside(b->model))
        set_field(out.values, &out.n_values,
                  (hg_field) { .name = "outside", .kind = HG_FIELD_BOOL, .rows = 1, .cols = 1, .flag = outside });
    if (p->charge)
        set_field(out.columns, &out.n_columns,
                  (hg_field) { .name = "charges", .rank = 1, .rows = 1, .cols = m->n, .real = p->charge });
    if (p->force)
        set_field(out.columns, &out.n_columns,
                  (hg_field) { .name = "forces", .rank = 2, .rows = m->n, .cols = 3, .real = p->force });
    return hg_xyz_write(b->xyz, &out, err);
}

/* ---- a block ----------------------------------------------------------------------------------------------------- */

static hg_status trouble(const job *b, const hg_molecule *m, const hg_err *why, hg_err *err) {
    hg_fail_at(err, why->code, b->path, m->line, 0, "%s", why->msg);
    return hg_advise(err, why->code, "%s",
                     why->hint[0] ? why->hint
                                  : "--keep-going predicts the others and says what is wrong with this one");
}

static hg_status finish_one(job *b, const hg_molecule *m, const hg_prediction *p, const hg_err *why, hg_json *j,
                            hg_err *err) {
    if (!p && !b->keep_going) return trouble(b, m, why, err);
    b->done++;
    b->failed += !p;
    b->outside += p && p->outside;
    if (b->json)
        json_row(j, b, m, p, why);
    else
        csv_row(&b->rows, b, m, p, why);
    return b->xyz && p ? xyz_frame(b, m, p, err) : HG_OK;
}

static hg_status finish_block(cli_run *run, job *b, hg_json *j, hg_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < b->set.n; i++)
        if (b->set.molecule[i]) b->molecule[n++] = b->set.molecule[i];
    HG_TRY(hg_model_predict(b->p, b->why, b->model, b->molecule, n, b->atoms, run->pool, b->mem, err));
    b->rows.len = 0;
    for (size_t i = 0, k = 0; i < b->set.n; i++) {
        const bool there = b->set.molecule[i] != NULL, good = there && b->why[k].code == HG_OK;
        HG_TRY(finish_one(b, b->set.molecule[i], good ? &b->p[k] : NULL, there ? &b->why[k] : &b->set.why[i], j, err));
        k += there;
    }
    if (b->rows.failed) return hg_fail(err, HG_ENOMEM, "no memory for the output");
    if (b->csv) return hg_output_write(b->csv, b->rows.s, b->rows.len, err);
    hg_text_put(&run->out, b->rows.s, b->rows.len);
    return run->out.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

static hg_status all_molecules(cli_run *run, job *b, hg_json *j, hg_err *err) {
    const hg_molecule_set_opts o = { .keep_refused = b->keep_going };
    for (bool more = true; more;) {
        const hg_mark mark = hg_arena_mark(b->mem);
        b->set = (hg_molecule_set) { 0 };
        hg_status st = hg_molecule_set_fill(&b->set, b->file, b->path, &o, BLOCK, b->mem, err);
        more = b->set.n == BLOCK;
        if (st == HG_OK && b->set.n) st = finish_block(run, b, j, err);
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

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static hg_status write_csv(cli_run *run, job *b, hg_err *err) {
    if (b->csv) {
        header(&b->rows, b);
        if (b->rows.failed) return hg_fail(err, HG_ENOMEM, "no memory for the output");
        HG_TRY(hg_output_write(b->csv, b->rows.s, b->rows.len, err));
    } else {
        header(&run->out, b);
    }
    HG_TRY(all_molecules(run, b, NULL, err));
    return b->csv ? cli_stream_close(run, b->csv, err) : HG_OK;
}

static hg_status write_json(cli_run *run, job *b, hg_err *err) {
    const hg_property *p;
    hg_json j;
    cli_json_begin(&j, run, "predict");
    hg_json_string(&j, "model", hg_model_name(b->model));
    hg_json_string(&j, "architecture", hg_model_architecture(b->model));
    hg_json_begin_array(&j, "properties");
    for (size_t k = 0; (p = hg_model_property(b->model, k)); k++) {
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "symbol", p->symbol);
        hg_json_string(&j, "name", p->name);
        hg_json_string(&j, "unit", p->unit);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "molecules");
    HG_TRY(all_molecules(run, b, &j, err));
    hg_json_end_array(&j);
    hg_json_count(&j, "n", b->done);
    hg_json_count(&j, "n_outside", b->outside);
    hg_json_count(&j, "n_failed", b->failed);
    return cli_json_end(run, &j, err);
}

static hg_status open_outputs(cli_run *run, job *b, hg_err *err) {
    const char *out = cli_value(&run->args, "out"), *xyz = cli_value(&run->args, "xyz");
    if (run->json && out)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--json and --out exclude each other"),
                         "--out writes CSV; redirect standard output for JSON");
    if (xyz && strcmp(xyz, "-") == 0)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--xyz needs a file: standard output has the table"),
                         "--xyz FILE.xyz");
    if (out && strcmp(out, "-") != 0) HG_TRY(cli_stream_open(&b->csv, run, out, err));
    if (xyz) HG_TRY(cli_stream_open(&b->xyz, run, xyz, err));
    return HG_OK;
}

static hg_status predict(cli_run *run, job *b, hg_err *err) {
    const char *path = run->args.positional[0];
    b->json = run->json;
    b->keep_going = cli_has(&run->args, "keep-going");
    b->path = cli_stream_name(path);
    HG_TRY(cli_model_load(&b->model, cli_value(&run->args, "model"), err));
    HG_TRY(open_outputs(run, b, err));
    b->atoms = b->xyz ? HG_ATOM_CHARGES | HG_ATOM_FORCES : b->json ? HG_ATOM_CHARGES : 0;
    if (!cli_is_stream(path)) HG_TRY(cli_input(run, path, NULL, 0, err));
    HG_TRY(hg_molecule_file_open(&b->file, path, NULL, err));
    b->mem = hg_arena_new();
    if (!b->mem) return hg_fail(err, HG_ENOMEM, "no memory for molecules");
    HG_TRY(b->json ? write_json(run, b, err) : write_csv(run, b, err));
    say(run, b);
    return b->xyz ? cli_stream_close(run, b->xyz, err) : HG_OK;
}

static hg_status run_predict(cli_run *run, hg_err *err) {
    if (!cli_value(&run->args, "model"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--model is missing"),
                         "--model qdf2, or a folder with a card.json");
    char folder[CLI_MODEL_PATH];
    HG_TRY(cli_model_folder(folder, cli_value(&run->args, "model"), err));
    if (hg_predictor_is(folder)) return cli_tables_predict(run, folder, err);
    if (cli_has(&run->args, "level"))
        return hg_fail(err, HG_EINVAL, "--level is for models of tables; molecules have standard deviations");
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
    { .name = "FILE",
      .type = CLI_INPUT,
      .help =
          "For a model of tables a table with the same columns. For one of molecules XYZ, extended XYZ, SDF or Quantum Deep Field's text, compressed or not; \"-\" is standard input." },
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
    { .name = "xyz",
      .type = CLI_OUTPUT,
      .argument = "FILE.xyz",
      .help =
          "Also write the molecules with their properties, charges (e) and forces (eV/angstrom) as extended XYZ, as "
          "far as the model has them." },
    { .name = "keep-going", .help = "Predict the others when one cannot be predicted; its row says why." },
    { .name = "level",
      .type = CLI_NUMBER,
      .argument = "P",
      .min = 1,
      .max = 99.9,
      .unit = "%",
      .fallback = "90",
      .help = "Of the intervals that a model of tables gives." },
    { .name = NULL },
};
static const cli_group PREDICT_GROUP = { "Predictions", PREDICT };
static const cli_group *const GROUPS[] = { &PREDICT_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane predict --model qdf2 molecules.xyz", "energies with error bars, as CSV" },
    { "hagane predict --model steels new.csv --out predicted.csv", "a table by a model that `hagane train` has made" },
    { "hagane predict --model qdf2 library.sdf.gz --keep-going --out energies.csv",
      "a long file; bad entries do not stop it" },
    { .command = NULL },
};
const cli_verb cli_predict_record = {
    .name = "predict",
    .summary = "predict by a trained model: a column of a table, or properties of molecules",
    .description =
        "By a model of tables: writes each row with the prediction, its interval or the probabilities of classes, and "
        "whether the row is outside of what was learned: an element that was not seen, the column whose number is "
        "out of range, or far.\n\n"
        "By a model of molecules: reads molecules one after the other and writes a row for each: the properties that the model's card names, "
        "their standard deviations when the model has error bars, and whether the molecule lies outside of what the "
        "model has learned from. With --out a long file needs no more memory than a short one. The same file gives "
        "the same result for any number of threads.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.predict/1\": model, architecture, properties (symbol, name, unit); molecules (id, formula, "
        "atoms; by its symbol each property with value and sd; outside; charges in e; or error); n, n_outside, "
        "n_failed. Of a table schema \"hagane.predict-table/1\": target, unit, level, classes; rows (value, low, high or "
        "class, probability; outside, distance, why_outside, learned; or error); n, n_outside, n_learned (rows with a composition that was learned from; "
        "null: the model does not tell), n_failed.",
    .run = run_predict,
};
