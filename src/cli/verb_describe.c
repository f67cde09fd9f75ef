/* cli/verb_describe.c -- `hagane describe`: from chemical formulae to canonical formulae and descriptors
 *
 * Rows are computed and put into text in parallel, a block at a time, and a file is written as the blocks come: a long
 * table needs no more memory than a short one beside the table itself. The file takes its name when the last row is in it.
 */
#include "cli/campaign.h"
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/output.h"
#include "hagane/composition.h"
#include "hagane/descriptor.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 4096, CHUNK = 64, CHUNKS = BLOCK / CHUNK, FORMULA_SIZE = 512 };

typedef struct {        /* what the rows become */
    hg_output *file;    /* a stream of the run, NULL: its standard output */
    bool json;          /* objects in a list, else CSV */
    bool features_only; /* CSV without the columns of the table */
    bool descriptors;   /* with them; they are not even computed otherwise */
} form;

typedef struct {  /* of one chunk of rows, so that threads do not meet */
    hg_text text; /* its rows as CSV */
    hg_err err;   /* of its first bad row */
    size_t row;   /* that row */
} chunk_result;

typedef struct {
    const hg_table *table;
    size_t column; /* of the formulae */
    const hg_descriptor *set;
    size_t dim;
    form form;
    double *x;                       /* [BLOCK, dim] */
    char (*canonical)[FORMULA_SIZE]; /* [BLOCK] */
    double *atoms, *mass;            /* [BLOCK] */
    chunk_result *chunk;             /* [CHUNKS] */
    size_t first;                    /* row of the table that the block begins with */
} job;

/* ---- rows as CSV or JSON ---------------------------------------------------------------------------------------------- */

static void comma(hg_text *t) { hg_text_put(t, ",", 1); }

static void csv_header(hg_text *t, const job *b) {
    for (size_t j = 0; j < hg_table_columns(b->table) && !b->form.features_only; j++) {
        cli_csv_cell(t, hg_table_column(b->table, j)->name);
        comma(t);
    }
    hg_text_add(t, "canonical formula,atoms,mass (u)");
    for (size_t j = 0; j < b->dim && b->form.descriptors; j++) {
        comma(t);
        cli_csv_cell(t, hg_descriptor_column(b->set, j));
    }
    hg_text_put(t, "\n", 1);
}

static void csv_row(hg_text *t, const job *b, size_t i) {
    for (size_t j = 0; j < hg_table_columns(b->table) && !b->form.features_only; j++) {
        if (hg_table_column(b->table, j)->kind == HG_COLUMN_TEXT)
            cli_csv_cell(t, hg_table_text(b->table, j, b->first + i));
        else
            cli_cell(t, b->table, j, b->first + i);
        comma(t);
    }
    hg_text_put(t, b->canonical[i], strlen(b->canonical[i]));
    comma(t);
    cli_number_text(t, b->atoms[i]);
    comma(t);
    cli_number_text(t, b->mass[i]);
    for (size_t j = 0; j < b->dim && b->form.descriptors; j++) {
        comma(t);
        cli_number_text(t, b->x[i * b->dim + j]);
    }
    hg_text_put(t, "\n", 1);
}

static void json_row(hg_json *j, const job *b, size_t i) {
    hg_json_begin_object(j, NULL);
    hg_json_count(j, "row", b->first + i);
    hg_json_count(j, "line", hg_table_line(b->table, b->first + i));
    hg_json_string(j, "formula", hg_table_text(b->table, b->column, b->first + i));
    hg_json_string(j, "canonical", b->canonical[i]);
    hg_json_number(j, "atoms", b->atoms[i]);
    hg_json_number(j, "mass", b->mass[i]);
    hg_json_numbers(j, "x", b->x + i * b->dim, b->dim);
    hg_json_end_object(j);
}

static void begin_json(hg_json *j, cli_run *run, const job *b) {
    cli_json_begin(j, run, "describe");
    hg_json_string(j, "descriptor", hg_descriptor_name(b->set));
    hg_json_string(j, "source", hg_descriptor_source(b->set));
    hg_json_begin_array(j, "columns");
    for (size_t k = 0; k < b->dim; k++) hg_json_string(j, NULL, hg_descriptor_column(b->set, k));
    hg_json_end_array(j);
    hg_json_count(j, "n", hg_table_rows(b->table));
}

/* ---- a block in parallel ---------------------------------------------------------------------------------------------- */

/* No atomic weight is known better; more digits would only show the round-off of the sum. */
static double ten_digits(double x) {
    const double step = pow(10, floor(log10(x)) - 9);
    return step < 1 ? round(x / step) / round(1 / step) : round(x / step) * step;
}

static hg_status describe_row(job *b, size_t i, hg_err *err) {
    hg_composition c;
    HG_TRY(hg_composition_read(&c, hg_table_text(b->table, b->column, b->first + i), err));
    if (hg_composition_write(b->canonical[i], FORMULA_SIZE, &c) >= FORMULA_SIZE)
        return hg_fail(err, HG_ELIMIT, "the canonical formula is longer than %d bytes", FORMULA_SIZE - 1);
    b->atoms[i] = hg_composition_atoms(&c);
    b->mass[i] = ten_digits(hg_composition_mass(&c));
    return b->form.descriptors ? hg_descriptor_compute(b->x + i * b->dim, b->set, &c, err) : HG_OK;
}

static void describe_chunk(void *ctx, size_t begin, size_t end, size_t worker) {
    job *b = ctx;
    (void)worker;
    chunk_result *r = &b->chunk[begin / CHUNK];
    hg_err_clear(&r->err);
    r->text.len = 0;
    for (size_t i = begin; i < end; i++) {
        r->row = b->first + i;
        if (describe_row(b, i, &r->err) != HG_OK) return;
        if (!b->form.json) csv_row(&r->text, b, i);
    }
    if (r->text.failed) hg_fail(&r->err, HG_ENOMEM, "no memory for the output");
}

/* The error of the first bad row, with its place in the file in front. */
static hg_status trouble(const job *b, const chunk_result *r, hg_err *err) {
    const hg_column *c = hg_table_column(b->table, b->column);
    hg_fail_at(err, r->err.code, hg_table_source(b->table), hg_table_line(b->table, r->row), 0, "column \"%s\": %s",
               c->name, r->err.msg); /* the message quotes the cell */
    return r->err.hint[0] ? hg_advise(err, r->err.code, "%s", r->err.hint) : r->err.code;
}

static hg_status block_done(cli_run *run, job *b, size_t n, hg_json *j, hg_err *err) {
    for (size_t k = 0; k * CHUNK < n; k++) {
        const chunk_result *r = &b->chunk[k];
        if (r->err.code != HG_OK) return trouble(b, r, err);
        if (b->form.json) continue;
        if (b->form.file)
            HG_TRY(hg_output_write(b->form.file, r->text.s, r->text.len, err));
        else
            hg_text_put(&run->out, r->text.s, r->text.len);
    }
    for (size_t i = 0; i < n && b->form.json; i++) json_row(j, b, i);
    return run->out.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

static hg_status all_rows(cli_run *run, job *b, hg_json *j, hg_err *err) {
    const size_t rows = hg_table_rows(b->table);
    for (b->first = 0; b->first < rows; b->first += BLOCK) {
        const size_t n = rows - b->first < BLOCK ? rows - b->first : BLOCK;
        hg_pool_for(run->pool, n, CHUNK, describe_chunk, b);
        HG_TRY(block_done(run, b, n, j, err));
        if (!hg_progress(&run->hooks, "describing", b->first + n, rows)) return HG_ECANCEL;
    }
    return HG_OK;
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

static hg_status to_file(cli_run *run, job *b, const char *path, hg_err *err) {
    hg_text header = hg_text_new(0);
    csv_header(&header, b);
    hg_status st = header.failed ? hg_fail(err, HG_ENOMEM, "no memory for the header") : HG_OK;
    if (st == HG_OK) st = cli_stream_open(&b->form.file, run, path, err);
    if (st == HG_OK) st = hg_output_write(b->form.file, header.s, header.len, err);
    hg_text_free(&header);
    HG_TRY(st);
    HG_TRY(all_rows(run, b, NULL, err));
    hg_log(&run->hooks, HG_LOG_INFO, "%s: %zu compounds, %zu descriptors each (%s)", path, hg_table_rows(b->table),
           b->dim, hg_descriptor_name(b->set));
    HG_TRY(cli_stream_close(run, b->form.file, err));
    if (!run->json) return HG_OK;
    hg_json j;
    begin_json(&j, run, b);
    return cli_json_end(run, &j, err);
}

static hg_status to_standard_output(cli_run *run, job *b, hg_err *err) {
    if (!b->form.json) {
        csv_header(&run->out, b);
        return all_rows(run, b, NULL, err);
    }
    hg_json j;
    begin_json(&j, run, b);
    hg_json_begin_array(&j, "compounds");
    HG_TRY(all_rows(run, b, &j, err));
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

static hg_status write_rows(cli_run *run, job *b, hg_err *err) {
    const char *path = cli_value(&run->args, "out");
    const bool file = path && strcmp(path, "-") != 0;
    b->form.json = run->json && !file;
    b->form.features_only = cli_has(&run->args, "features-only");
    b->form.descriptors = path || run->json;
    if (run->json && path && !file)
        return hg_fail(err, HG_EINVAL, "only one of --json and --out - can have standard output");
    return file ? to_file(run, b, path, err) : to_standard_output(run, b, err);
}

/* The only text column, when --formula does not name one. */
static hg_status formula_column(size_t *column, const cli_run *run, const hg_table *t, hg_err *err) {
    const char *name = cli_value(&run->args, "formula");
    size_t texts = 0;
    if (name) return hg_table_find(column, t, name, err);
    for (size_t j = 0; j < hg_table_columns(t); j++)
        if (hg_table_column(t, j)->kind == HG_COLUMN_TEXT && texts++ == 0) *column = j;
    if (texts == 1) return HG_OK;
    return hg_advise(
        err,
        hg_fail(err, HG_EINVAL, "%s has %zu text columns; which one holds the formulae?", hg_table_source(t), texts),
        "--formula COL");
}

static hg_status run_describe(cli_run *run, hg_err *err) {
    hg_table *t = NULL;
    job b = { .dim = 0 };
    const char *name = cli_value(&run->args, "descriptor");
    HG_TRY(hg_descriptor_find(&b.set, name ? name : "xenonpy290", err));
    b.dim = hg_descriptor_dim(b.set);
    hg_status st = cli_table_read(&t, run, run->args.positional[0], err);
    if (st == HG_OK) st = formula_column(&b.column, run, t, err);
    b.table = t;
    b.x = hg_alloc(run->arena, BLOCK, b.dim * sizeof *b.x);
    b.canonical = hg_alloc(run->arena, BLOCK, sizeof *b.canonical);
    b.atoms = hg_alloc(run->arena, BLOCK, sizeof *b.atoms);
    b.mass = hg_alloc(run->arena, BLOCK, sizeof *b.mass);
    b.chunk = hg_alloc(run->arena, CHUNKS, sizeof *b.chunk);
    for (size_t k = 0; b.chunk && k < CHUNKS; k++) b.chunk[k].text = hg_text_new(0);
    if (st == HG_OK && (!b.x || !b.canonical || !b.atoms || !b.mass || !b.chunk))
        st = hg_fail(err, HG_ENOMEM, "no memory for a block of %d rows", BLOCK);
    if (st == HG_OK) st = write_rows(run, &b, err);
    for (size_t k = 0; b.chunk && k < CHUNKS; k++) hg_text_free(&b.chunk[k].text);
    hg_table_free(t);
    return st;
}

static const cli_positional POSITIONAL[] = {
    { .name = "TABLE", .type = CLI_INPUT, .help = "CSV file with a column of formulae; \"-\" is standard input." },
    { .name = NULL },
};
static const cli_option DESCRIBE[] = {
    { .name = "formula",
      .type = CLI_COLUMN,
      .argument = "COL",
      .fallback = "the only text column",
      .help = "Column with chemical formulae." },
    { .name = "descriptor",
      .letter = 'd',
      .type = CLI_CHOICE,
      .argument = "NAME",
      .choice = cli_descriptor_name,
      .joined = true,
      .fallback = "xenonpy290",
      .help = "The set of numbers made from a formula." },
    { .name = "missing",
      .type = CLI_TEXT,
      .argument = "WORD",
      .repeatable = true,
      .fallback = "NaN, n/a, null, - and the like",
      .help = "The word that means \"not measured\" in the other columns, besides the blank cell." },
    { .name = "out",
      .letter = 'o',
      .type = CLI_OUTPUT,
      .argument = "FILE.csv",
      .help = "Write the table with canonical formulae and descriptors behind its columns." },
    { .name = "features-only", .help = "Leave the columns of TABLE out of the result." },
    { .name = NULL },
};
static const cli_group DESCRIBE_GROUP = { "Formulae", DESCRIBE };
static const cli_group *const GROUPS[] = { &DESCRIBE_GROUP, &cli_run_group, NULL };
static const cli_example EXAMPLES[] = {
    { "hagane describe table.csv --formula composition", "canonical formulae, atoms and mass of each formula" },
    { "hagane describe table.csv --formula composition --out features.csv",
      "the same with 290 descriptors, as a table" },
    { .command = NULL },
};
const cli_verb cli_describe_record = {
    .name = "describe",
    .summary = "turn chemical formulae into canonical formulae and descriptors",
    .description =
        "Reads chemical formulae (nested brackets, decimals, hydrates, deuterium), prints them in canonical reduced form "
        "with the atoms and the mass of the formula as written, and computes compositional descriptors. Without --out it "
        "prints a CSV table without the descriptors. A formula that cannot be read stops the run with its file, line and "
        "column, and nothing is written.",
    .positional = POSITIONAL,
    .groups = GROUPS,
    .examples = EXAMPLES,
    .json =
        "schema \"hagane.describe/1\": descriptor, source, columns (names), n; compounds (row, line, formula, canonical, "
        "atoms, mass in u, x with one number a column). With --out the compounds are in the file alone.",
    .run = run_describe,
};
