/* cli/tables_predict.c -- `predict` where the model is one of tables: rows in, rows with predictions out
 *
 * The file is read, predicted and written a part at a time, so that with --out its length needs no memory. The texts of a part's
 * rows are made side by side, too.
 */
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "library/extrapolate.h"
#include "core/memory.h"
#include "core/number.h"
#include "files/csv.h"
#include <math.h>
#include <string.h>

enum { PART = 1024 /* rows */, CHUNK = 256 /* rows whose texts one thread makes */ };

typedef struct {
    hg_text rows, words;
    size_t outside, failed, learned;
} chunk;

typedef struct {
    hg_predictor *p;
    const hg_table *t;    /* the part at hand */
    size_t target_column; /* of it; SIZE_MAX: it has none */
    const char *target;
    double level;
    bool keep_going;
    hg_output *csv; /* NULL: standard output */
    hg_json *json;  /* NULL: CSV */
    hg_forecast *f; /* [cap] */
    hg_err *why;    /* [cap] */
    chunk *chunk;   /* [n_chunks] */
    size_t cap, cap_why, n_chunks, cap_chunks;
    size_t done, outside, failed, learned;
} job;

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

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
        if (j == b->target_column) continue;
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
        hg_print(low, sizeof low, "low %g %%", 100 * b->level);
        hg_print(high, sizeof high, "high %g %%", 100 * b->level);
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
    if (!f->outside) return "no";
    t->len = 0;
    hg_text_put(t, "", 0);
    if (f->element) hg_text_add(t, "element %s", f->element);
    if (f->column) hg_text_add(t, "%s%s", t->len ? "; " : "", f->column);
    if (f->outside && !f->element && !f->column) hg_text_add(t, "far");
    return t->failed ? "yes" : t->s;
}

static void csv_row(hg_text *t, const job *b, size_t row, const hg_forecast *f, const hg_err *why, hg_text *words) {
    for (size_t j = 0, n = 0; j < hg_table_columns(b->t); j++) {
        if (j == b->target_column) continue;
        if (n++) hg_text_put(t, ",", 1);
        if (hg_table_column(b->t, j)->kind == HG_COLUMN_TEXT)
            cli_csv_cell(t, hg_table_text(b->t, j, row));
        else
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
        if (hg_predictor_learned(b->p) != HG_NOT_TOLD) hg_json_bool(j, "learned", f->learned);
        if (f->outside) hg_json_string(j, "why_outside", outside_words(words, f));
    }
    hg_json_end_object(j);
}

/* ---- parts ---------------------------------------------------------------------------------------------------------- */

static void format_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const job *b = ctx;
    chunk *c = &b->chunk[begin / CHUNK];
    (void)worker;
    c->rows.len = c->outside = c->failed = c->learned = 0;
    for (size_t i = begin; i < end; i++) {
        c->outside += b->f[i].outside;
        c->learned += b->f[i].learned;
        c->failed += b->why[i].code != HG_OK;
        if (!b->json) csv_row(&c->rows, b, i, &b->f[i], &b->why[i], &c->words);
    }
}

static hg_status write_part(cli_run *run, job *b, size_t n, hg_err *err) {
    hg_pool_for(run->pool, n, CHUNK, format_task, b);
    for (size_t k = 0; k * CHUNK < n; k++) {
        chunk *c = &b->chunk[k];
        b->outside += c->outside;
        b->learned += c->learned;
        b->failed += c->failed;
        if (c->rows.failed) return hg_fail(err, HG_ENOMEM, "no memory for the output");
        for (size_t i = k * CHUNK; b->json && i < n && i < (k + 1) * CHUNK; i++)
            json_row(b->json, b, &b->f[i], &b->why[i], &c->words);
        if (b->csv) HG_TRY(hg_output_write(b->csv, c->rows.s, c->rows.len, err));
        if (!b->csv && !b->json) hg_text_put(&run->out, c->rows.s, c->rows.len);
    }
    b->done += n;
    return run->out.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

static hg_status make_room(job *b, size_t n, hg_err *err) {
    const size_t chunks = (n + CHUNK - 1) / CHUNK;
    const bool good = hg_grow(&b->f, &b->cap, n, sizeof *b->f) && hg_grow(&b->why, &b->cap_why, n, sizeof *b->why) &&
                      hg_grow(&b->chunk, &b->cap_chunks, chunks, sizeof *b->chunk);
    if (!good) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", n);
    for (; b->n_chunks < chunks; b->n_chunks++)
        b->chunk[b->n_chunks] = (chunk) { hg_text_new(0), hg_text_new(0), 0, 0, 0 };
    return HG_OK;
}

static hg_status predict_part(cli_run *run, job *b, hg_arena *mem, hg_err *err) {
    const size_t n = hg_table_rows(b->t);
    HG_TRY(make_room(b, n, err));
    HG_TRY(hg_predictor_predict(b->f, b->why, b->p, b->t, b->level, run->pool, mem, err));
    for (size_t i = 0; i < n && !b->keep_going; i++)
        if (b->why[i].code != HG_OK) {
            const hg_err *why = &b->why[i];
            hg_fail(err, why->code, "%s", why->msg);
            return hg_advise(err, why->code, "%s",
                             why->hint[0] ? why->hint : "--keep-going predicts the others and says what is wrong");
        }
    return write_part(run, b, n, err);
}

static void find_target(job *b) {
    b->target_column = SIZE_MAX;
    for (size_t j = 0; j < hg_table_columns(b->t); j++)
        if (strcmp(hg_table_column(b->t, j)->name, b->target) == 0) b->target_column = j;
}

/* The header line, when the first part tells the columns. */
static hg_status write_header(cli_run *run, const job *b, hg_err *err) {
    hg_text t = hg_text_new(0);
    header(&t, b);
    hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
    if (st == HG_OK && b->csv) st = hg_output_write(b->csv, t.s, t.len, err);
    if (st == HG_OK && !b->csv) hg_text_put(&run->out, t.s, t.len);
    hg_text_free(&t);
    return st;
}

static hg_status all_parts(cli_run *run, job *b, hg_csv_parts *parts, hg_err *err) {
    for (;;) {
        hg_table *t;
        HG_TRY(hg_csv_parts_next(&t, parts, PART, err));
        if (!t) return HG_OK;
        b->t = t;
        find_target(b);
        hg_arena *mem = hg_arena_new();
        hg_status st = mem ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for rows");
        if (st == HG_OK && !b->done && !b->json) st = write_header(run, b, err);
        if (st == HG_OK) st = predict_part(run, b, mem, err);
        hg_arena_free(mem);
        hg_table_free(t);
        HG_TRY(st);
    }
}

static hg_status read_parts(cli_run *run, job *b, hg_input *in, hg_err *err) {
    const char *text[64];
    hg_csv_opts o = hg_csv_opts_default();
    hg_csv_parts *parts;
    for (o.n_text = 0; o.n_text < 64 && (text[o.n_text] = hg_predictor_text_column(b->p, o.n_text)); o.n_text++) {}
    o.text = text;
    o.hooks = &run->hooks;
    HG_TRY(hg_csv_parts_begin(&parts, in, &o, err));
    const hg_status st = all_parts(run, b, parts, err);
    hg_csv_parts_end(parts);
    return st;
}

static hg_status all_rows(cli_run *run, job *b, hg_err *err) {
    const char *path = run->args.positional[0];
    const hg_csv_opts defaults = hg_csv_opts_default();
    hg_input_opts o = hg_input_opts_default();
    hg_input *in;
    o.max_bytes = defaults.max_bytes;
    if (!cli_is_stream(path)) HG_TRY(cli_input(run, path, NULL, 0, err));
    HG_TRY(hg_input_open(&in, path, &o, err));
    const hg_status st = read_parts(run, b, in, err);
    hg_input_free(in);
    return st;
}

static hg_status write_json(cli_run *run, job *b, hg_err *err) {
    const hg_far far = hg_predictor_far(b->p);
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
    HG_TRY(all_rows(run, b, err));
    hg_json_end_array(&j);
    hg_json_count(&j, "n", b->done);
    hg_json_count(&j, "n_outside", b->outside);
    cli_json_learned(&j, hg_predictor_learned(b->p) == HG_NOT_TOLD ? HG_NOT_TOLD : b->learned);
    if (far.n > 0) {
        hg_json_number(&j, "outside_times", far.times);
        hg_json_number(&j, "outside_coverage90", far.coverage90);
        hg_json_number(&j, "outside_factor", far.factor);
    }
    hg_json_count(&j, "n_failed", b->failed);
    return cli_json_end(run, &j, err);
}

static hg_status write_csv(cli_run *run, job *b, hg_err *err) {
    const char *out = cli_value(&run->args, "out");
    if (out && strcmp(out, "-") != 0) HG_TRY(cli_stream_open(&b->csv, run, out, err));
    HG_TRY(all_rows(run, b, err));
    return b->csv ? cli_stream_close(run, b->csv, err) : HG_OK;
}

/* With what left-out rows of the table told, where `train --extrapolate` has asked. */
static void warn_of_outside(const cli_run *run, const job *b) {
    const hg_far far = hg_predictor_far(b->p);
    char intervals[160] = "";
    if (!b->outside) return;
    if (far.n > 0 && isfinite(far.factor))
        hg_print(intervals, sizeof intervals,
                 ", and %.0f %% lay inside the 90 %% intervals: multiply the widths by %.2g", 100 * far.coverage90,
                 fmax(far.factor, 1));
    if (far.n > 0 && isfinite(far.times))
        hg_log(&run->hooks, HG_LOG_WARN,
               "%zu of %zu rows are unlike what the model has learned from; errors of %.0f such rows of its own table "
               "were %.2g times the usual ones%s",
               b->outside, b->done, far.n, far.times, intervals);
    else
        hg_log(&run->hooks, HG_LOG_WARN, "%zu of %zu rows are unlike what the model has learned from", b->outside,
               b->done);
}

static hg_status predict(cli_run *run, job *b, hg_err *err) {
    HG_TRY(run->json ? write_json(run, b, err) : write_csv(run, b, err));
    warn_of_outside(run, b);
    if (b->learned)
        hg_log(
            &run->hooks, HG_LOG_INFO,
            "%zu of %zu rows have compositions that the model has learned from: how near these come says nothing of new "
            "ones",
            b->learned, b->done);
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
    const hg_status st = predict(run, &b, err);
    for (size_t k = 0; k < b.n_chunks; k++) {
        hg_text_free(&b.chunk[k].rows);
        hg_text_free(&b.chunk[k].words);
    }
    hg_free(b.chunk);
    hg_free(b.f);
    hg_free(b.why);
    hg_predictor_free(b.p);
    return st;
}
