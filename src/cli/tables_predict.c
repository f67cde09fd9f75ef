/* cli/tables_predict.c -- `predict` where the model is one of tables: rows in, rows with predictions out
 *
 * Rows are predicted a block at a time: what needs memory is the table itself.
 */
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "library/predictor_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 4096 };

typedef struct {
    hg_predictor *p;
    const hg_table *t;
    const char *target;
    double level;
    bool keep_going;
    hg_output *csv; /* NULL: standard output */
    hg_json *json;  /* NULL: CSV */
    hg_text rows;
    size_t done, outside, failed;
} job;

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static bool is_target(const job *b, size_t j) { return strcmp(hg_table_column(b->t, j)->name, b->target) == 0; }

/* "y low90 (MPa)" of "y (MPa)". */
static void heading(hg_text *t, const job *b, const char *what) {
    const char *unit = hg_predictor_unit(b->p);
    const size_t len = strlen(b->target) - (*unit ? strlen(unit) + 2 : 0);
    hg_text name = hg_text_new(0);
    const bool bracket = *unit && len < strlen(b->target);
    hg_text_put(&name, b->target, bracket ? len : strlen(b->target));
    while (name.len && name.s[name.len - 1] == ' ') name.s[--name.len] = '\0';
    hg_text_add(&name, "%s%s", *what ? " " : "", what);
    if (bracket) hg_text_add(&name, " (%s)", unit);
    hg_text_put(t, ",", 1);
    if (name.failed)
        t->failed = true;
    else
        cli_csv_cell(t, name.s);
    hg_text_free(&name);
}

static void header(hg_text *t, const job *b) {
    for (size_t j = 0, n = 0; j < hg_table_columns(b->t); j++) {
        if (is_target(b, j)) continue;
        if (n++) hg_text_put(t, ",", 1);
        cli_csv_cell(t, hg_table_column(b->t, j)->name);
    }
    if (hg_predictor_classes(b->p)) {
        hg_text_put(t, ",", 1);
        cli_csv_cell(t, b->target);
        for (size_t c = 0; c < hg_predictor_classes(b->p); c++) {
            hg_text name = hg_text_new(0);
            hg_text_add(&name, "p(%s)", hg_predictor_class(b->p, c));
            hg_text_put(t, ",", 1);
            cli_csv_cell(t, name.failed ? "p" : name.s);
            hg_text_free(&name);
        }
    } else {
        char low[40], high[40];
        snprintf(low, sizeof low, "low %g %%", 100 * b->level);
        snprintf(high, sizeof high, "high %g %%", 100 * b->level);
        heading(t, b, "");
        heading(t, b, low);
        heading(t, b, high);
    }
    hg_text_add(t, ",outside%s\n", b->keep_going ? ",error" : "");
}

static void number_cell(hg_text *t, double x) {
    hg_text_put(t, ",", 1);
    if (isfinite(x)) cli_number_text(t, x);
}

/* Why it is outside, in a word or two. */
static const char *outside_words(hg_text *t, const hg_forecast *f) {
    t->len = 0;
    hg_text_add(t, "%s", f->outside ? "" : "no");
    if (f->element) hg_text_add(t, "element %s", f->element);
    if (f->column) hg_text_add(t, "%s%s", t->len ? "; " : "", f->column);
    if (f->outside && !f->element && !f->column) hg_text_add(t, "far");
    return t->failed ? "yes" : t->s;
}

static void csv_row(hg_text *t, const job *b, size_t row, const hg_forecast *f, const hg_err *why, hg_text *words) {
    for (size_t j = 0, n = 0; j < hg_table_columns(b->t); j++) {
        if (is_target(b, j)) continue;
        if (n++) hg_text_put(t, ",", 1);
        cli_cell(t, b->t, j, row);
    }
    const size_t classes = hg_predictor_classes(b->p);
    const bool good = why->code == HG_OK;
    if (classes) {
        hg_text_put(t, ",", 1);
        if (good) cli_csv_cell(t, hg_predictor_class(b->p, (size_t)f->value));
        for (size_t c = 0; c < classes; c++) number_cell(t, good ? f->probability[c] : (double)NAN);
    } else {
        number_cell(t, f->value);
        number_cell(t, f->low);
        number_cell(t, f->high);
    }
    hg_text_put(t, ",", 1);
    if (good) cli_csv_cell(t, outside_words(words, f));
    if (b->keep_going) {
        hg_text_put(t, ",", 1);
        cli_csv_cell(t, good ? "" : why->msg);
    }
    hg_text_put(t, "\n", 1);
}

static void json_row(hg_json *j, const job *b, const hg_forecast *f, const hg_err *why, hg_text *words) {
    hg_json_begin_object(j, NULL);
    if (why->code != HG_OK) {
        hg_json_string(j, "error", why->msg);
    } else if (hg_predictor_classes(b->p)) {
        hg_json_string(j, "class", hg_predictor_class(b->p, (size_t)f->value));
        hg_json_numbers(j, "probability", f->probability, hg_predictor_classes(b->p));
    } else {
        hg_json_number(j, "value", f->value);
        hg_json_number(j, "low", f->low);
        hg_json_number(j, "high", f->high);
    }
    if (why->code == HG_OK) {
        hg_json_bool(j, "outside", f->outside);
        hg_json_number(j, "distance", f->distance);
        if (f->outside) hg_json_string(j, "why_outside", outside_words(words, f));
    }
    hg_json_end_object(j);
}

/* ---- blocks --------------------------------------------------------------------------------------------------------- */

static hg_status write_block(cli_run *run, job *b, size_t first, size_t n, const hg_forecast *f, const hg_err *why,
                             hg_err *err) {
    hg_text words = hg_text_new(0);
    b->rows.len = 0;
    for (size_t i = 0; i < n; i++) {
        b->outside += f[i].outside;
        b->failed += why[i].code != HG_OK;
        if (b->json)
            json_row(b->json, b, &f[i], &why[i], &words);
        else
            csv_row(&b->rows, b, first + i, &f[i], &why[i], &words);
    }
    hg_text_free(&words);
    b->done += n;
    if (b->json) return HG_OK;
    if (b->rows.failed) return hg_fail(err, HG_ENOMEM, "no memory for the output");
    if (b->csv) return hg_output_write(b->csv, b->rows.s, b->rows.len, err);
    hg_text_put(&run->out, b->rows.s, b->rows.len);
    return run->out.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

static hg_status run_block(cli_run *run, job *b, size_t first, size_t n, hg_arena *mem, hg_err *err) {
    size_t *index = hg_alloc(mem, n, sizeof *index);
    hg_forecast *f = hg_alloc(mem, n, sizeof *f);
    hg_err *why = hg_alloc(mem, n, sizeof *why);
    hg_table *block;
    if (!index || !f || !why) return hg_fail(err, HG_ENOMEM, "no memory for a block of rows");
    for (size_t i = 0; i < n; i++) index[i] = first + i;
    HG_TRY(hg_table_pick(&block, b->t, index, n, err));
    const hg_status st = hg_predictor_predict(f, why, b->p, block, b->level, run->pool, mem, err);
    hg_table_free(block);
    HG_TRY(st);
    for (size_t i = 0; i < n && !b->keep_going; i++)
        if (why[i].code != HG_OK) {
            hg_fail(err, why[i].code, "%s", why[i].msg);
            return hg_advise(err, why[i].code, "%s",
                             why[i].hint[0] ? why[i].hint : "--keep-going predicts the others and says what is wrong");
        }
    return write_block(run, b, first, n, f, why, err);
}

static hg_status all_blocks(cli_run *run, job *b, hg_err *err) {
    const size_t rows = hg_table_rows(b->t);
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for rows");
    for (size_t first = 0; first < rows && st == HG_OK; first += BLOCK) {
        const hg_mark mark = hg_arena_mark(mem);
        st = run_block(run, b, first, rows - first < BLOCK ? rows - first : BLOCK, mem, err);
        hg_arena_reset(mem, mark);
        if (st == HG_OK && !hg_progress(&run->hooks, "predicting", b->done, rows)) st = HG_ECANCEL;
    }
    hg_arena_free(mem);
    return st;
}

static hg_status write_json(cli_run *run, job *b, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "predict-table");
    b->json = &j;
    hg_json_string(&j, "target", b->target);
    hg_json_string(&j, "unit", hg_predictor_unit(b->p));
    hg_json_number(&j, "level", b->level);
    hg_json_begin_array(&j, "classes");
    for (size_t c = 0; c < hg_predictor_classes(b->p); c++) hg_json_string(&j, NULL, hg_predictor_class(b->p, c));
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "rows");
    HG_TRY(all_blocks(run, b, err));
    hg_json_end_array(&j);
    hg_json_count(&j, "n", b->done);
    hg_json_count(&j, "n_outside", b->outside);
    hg_json_count(&j, "n_failed", b->failed);
    return cli_json_end(run, &j, err);
}

static hg_status write_csv(cli_run *run, job *b, hg_err *err) {
    const char *out = cli_value(&run->args, "out");
    if (out && strcmp(out, "-") != 0) HG_TRY(cli_stream_open(&b->csv, run, out, err));
    header(b->csv ? &b->rows : &run->out, b);
    if (b->csv) HG_TRY(hg_output_write(b->csv, b->rows.s, b->rows.len, err));
    HG_TRY(all_blocks(run, b, err));
    return b->csv ? cli_stream_close(run, b->csv, err) : HG_OK;
}

static hg_status predict(cli_run *run, job *b, hg_err *err) {
    const char *text[64];
    hg_csv_opts o = hg_csv_opts_default();
    hg_table *t;
    for (o.n_text = 0; o.n_text < 64 && (text[o.n_text] = hg_predictor_text_column(b->p, o.n_text)); o.n_text++) {}
    o.text = text;
    HG_TRY(cli_table_read_as(&t, run, run->args.positional[0], &o, err));
    b->t = t;
    const hg_status st = run->json ? write_json(run, b, err) : write_csv(run, b, err);
    hg_table_free(t);
    HG_TRY(st);
    if (b->outside)
        hg_log(&run->hooks, HG_LOG_WARN, "%zu of %zu rows are unlike what the model has learned from", b->outside,
               b->done);
    if (b->failed) hg_log(&run->hooks, HG_LOG_WARN, "%zu of %zu rows could not be predicted", b->failed, b->done);
    return HG_OK;
}

hg_status cli_tables_predict(cli_run *run, const char *folder, hg_err *err) {
    job b = { .level = 0.01 * cli_number(&run->args, "level", 90), .keep_going = cli_has(&run->args, "keep-going") };
    if (cli_has(&run->args, "xyz")) return hg_fail(err, HG_EINVAL, "--xyz is for molecules; this is a model of tables");
    if (run->json && cli_has(&run->args, "out"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--json and --out exclude each other"),
                         "--out writes CSV; redirect standard output for JSON");
    HG_TRY(hg_predictor_load(&b.p, folder, err));
    b.target = hg_predictor_target(b.p);
    b.rows = hg_text_new(0);
    const hg_status st = predict(run, &b, err);
    hg_text_free(&b.rows);
    hg_predictor_free(b.p);
    return st;
}
