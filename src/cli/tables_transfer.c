/* cli/tables_transfer.c -- other models as sources of a model of a table: finding them, and saying what they are worth */
#include "cli/grid.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "core/memory.h"
#include "library/predictor_rack.h"
#include "library/source_figure.h"
#include <math.h>
#include <string.h>

enum { OFFERED_MOST = 256 };

/* ---- which models ------------------------------------------------------------------------------------------------------ */

/* Room for one more. */
static hg_status make_room(cli_sources *s, hg_err *err) {
    if (!s->p) s->p = hg_calloc(OFFERED_MOST, sizeof *s->p);
    if (!s->p) return hg_fail(err, HG_ENOMEM, "no memory for models");
    if (s->n == OFFERED_MOST)
        return hg_advise(err, hg_fail(err, HG_ELIMIT, "more than %d models to learn from", OFFERED_MOST),
                         "name those that may matter with --from");
    return HG_OK;
}

static hg_status add_named(cli_sources *s, const char *word, hg_err *err) {
    char folder[CLI_MODEL_PATH];
    HG_TRY(cli_model_folder(folder, word, err));
    if (!hg_predictor_is(folder))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s is no model of tables", word),
                         "a model learned by `hagane train TABLE` can be a source");
    HG_TRY(make_room(s, err));
    HG_TRY(hg_predictor_load(&s->p[s->n], folder, err));
    s->n++;
    return HG_OK;
}

/* Models of tables, in folders and in packs; of several of one name the first is what --from means. */
static hg_status add_library(cli_sources *s, const char *path, hg_err *err) {
    hg_rack *rack;
    const hg_racked *m;
    hg_status st = hg_rack_open(&rack, path, err);
    for (size_t i = 0; st == HG_OK && (m = hg_rack_at(rack, i)); i++) {
        if (hg_rack_find(rack, m->name) != m || !hg_predictor_is_racked(m)) continue;
        st = make_room(s, err);
        if (st == HG_OK) st = hg_predictor_load_racked(&s->p[s->n], m, err);
        s->n += st == HG_OK;
    }
    hg_rack_free(rack);
    return st;
}

static hg_status load(cli_sources *s, cli_run *run, bool all, hg_err *err) {
    const size_t named = cli_given_times(&run->args, "from");
    const char *library[CLI_LIBRARIES];
    size_t n = 0;
    for (size_t i = 0; i < named; i++) HG_TRY(add_named(s, cli_value_at(&run->args, "from", i), err));
    if (named || !all) return HG_OK;
    HG_TRY(cli_libraries(library, &n, run, err));
    for (size_t i = 0; i < n; i++) HG_TRY(add_library(s, library[i], err));
    if (s->n) return HG_OK;
    return hg_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no model of tables to learn from in %s", library[0]),
                     "train some with `hagane train TABLE --target COL --name NAME`, and name them with --from");
}

/* What has learned the target from these rows knows the answers of rows that are left out. */
static void warn_of_target(const cli_run *run, const hg_predictor *source, size_t learned, size_t rows,
                           const char *target) {
    const char *name = hg_predictor_name(source);
    if (strcmp(hg_predictor_target(source), target) != 0 || learned == 0) return;
    if (learned == HG_NOT_TOLD)
        hg_log(
            &run->hooks, HG_LOG_WARN,
            "the source \"%s\" predicts \"%s\", too: if it has learned from rows of this table, errors of rows left out "
            "look too small",
            name, target);
    else
        hg_log(
            &run->hooks, HG_LOG_WARN,
            "the source \"%s\" predicts \"%s\", too, and has learned from the compositions of %zu of these %zu rows: "
            "errors of rows left out look too small",
            name, target, learned, rows);
}

static hg_status look_for_rows(cli_sources *s, const cli_run *run, const hg_table *t, const char *target, hg_err *err) {
    s->learned = hg_calloc(s->n, sizeof *s->learned);
    if (!s->learned) return hg_fail(err, HG_ENOMEM, "no memory for models");
    for (size_t i = 0; i < s->n; i++) {
        HG_TRY(hg_predictor_learned_rows(&s->learned[i], s->p[i], t, cli_value(&run->args, "formula"), err));
        warn_of_target(run, s->p[i], s->learned[i], hg_table_rows(t), target);
    }
    return HG_OK;
}

hg_status cli_sources_load(cli_sources *s, hg_predictor_opts *o, cli_run *run, const hg_table *t, const char *target,
                           bool all, hg_err *err) {
    HG_TRY(load(s, run, all, err));
    if (s->n) HG_TRY(look_for_rows(s, run, t, target, err));
    o->source = s->p;
    o->n_sources = s->n;
    return HG_OK;
}

void cli_sources_free(cli_sources *s) {
    for (size_t i = 0; i < s->n; i++) hg_predictor_free(s->p[i]);
    hg_free(s->p);
    hg_free(s->learned);
    *s = (cli_sources) { 0 };
}

/* ---- what they are worth ------------------------------------------------------------------------------------------------- */

/* What the choice was made by. */
static double loss(const hg_tried *t, bool squared) {
    if (!isfinite(t->score.mae)) return t->score.brier;
    return squared ? t->score.rmse : t->score.mae;
}

/* The best trial with sources, and the best without. */
static void best_of(const hg_tried **with, const hg_tried **without, const hg_predictor *p, bool squared) {
    const hg_tried *t;
    *with = *without = NULL;
    for (size_t i = 0; (t = hg_predictor_tried(p, i)); i++) {
        const hg_tried **best = t->plain ? without : with;
        if (!*t->why && (!*best || loss(t, squared) < loss(*best, squared))) *best = t;
    }
}

/* Of the model, the part that was learned with sources. */
static double share_with_sources(const hg_predictor *p) {
    const hg_tried *t;
    double share = 0;
    for (size_t i = 0; (t = hg_predictor_tried(p, i)); i++) share += t->plain || !(t->weight > 0) ? 0 : t->weight;
    return share;
}

/* Errors of rows left out tell nothing where a source has learned their values. */
static bool cannot_be_judged(cli_run *run, const hg_predictor *p) {
    const hg_predictor_source *s;
    const size_t rows = hg_predictor_rows(p, NULL);
    for (size_t i = 0; (s = hg_predictor_source_at(p, i)); i++) {
        if (!s->order || !s->answers || s->learned == 0) continue;
        hg_text_add(&run->out,
                    "Whether transfer helps cannot be judged here: \"%s\" says nearly the target itself, and ",
                    s->name);
        if (s->learned == HG_NOT_TOLD)
            hg_text_add(&run->out, "does not tell whether it has learned from these rows.\n\n");
        else
            hg_text_add(&run->out, "has learned from the compositions of %zu of the %zu rows.\n\n", s->learned, rows);
        return true;
    }
    return false;
}

/* A source that knows these compounds may know less of new ones. */
static void print_known(cli_run *run, const hg_predictor *p) {
    const hg_predictor_source *s;
    size_t most = 0;
    for (size_t i = 0; (s = hg_predictor_source_at(p, i)); i++)
        if (s->order && s->learned != HG_NOT_TOLD && s->learned > most) most = s->learned;
    if (most)
        hg_text_add(
            &run->out,
            "Sources have learned their properties from up to %zu of these %zu rows' compositions: for compounds that "
            "are new to them, too, transfer may be worth less.\n\n",
            most, hg_predictor_rows(p, NULL));
}

static void print_verdict(cli_run *run, const hg_predictor *p) {
    const hg_tried *with, *without;
    const bool squared = cli_has(&run->args, "squared");
    best_of(&with, &without, p, squared);
    if (!hg_predictor_sources(p)) {
        hg_text_add(&run->out,
                    "No source says anything of these rows that their own columns do not: nothing is transferred.\n\n");
        return;
    }
    if (!with || !without || cannot_be_judged(run, p)) return;
    const bool stay = share_with_sources(p) > 0.5;
    const double gain = 1 - loss(with, squared) / loss(without, squared);
    if (gain > 0.02)
        hg_text_add(
            &run->out,
            "Transfer helps: the best learner's error falls by %.0f %%, from %.4g to %.4g, in rows left out.\n\n",
            100 * gain, loss(without, squared), loss(with, squared));
    else
        hg_text_add(&run->out,
                    "Transfer %s: the best error is %.4g with the sources and %.4g without, in rows left out%s.\n\n",
                    gain >= -0.02 ? "changes little"
                    : stay        ? "may hurt here"
                                  : "hurts here",
                    loss(with, squared), loss(without, squared),
                    gain >= -0.02 ? ""
                    : stay        ? "; that is not clear from so few rows, and the sources stay"
                                  : "; the share of each learner below follows from that");
    print_known(run, p);
}

hg_status cli_sources_print(cli_run *run, const hg_predictor *p, hg_err *err) {
    size_t n = 0;
    const hg_predictor_source *s;
    while (hg_predictor_source_at(p, n)) n++;
    if (n == 0) return HG_OK;
    static const char *const HEAD[] = { "source", "predicts", "taken", "nats", "weight", "knows", "" };
    enum { COLUMNS = sizeof HEAD / sizeof *HEAD, WHY = COLUMNS - 1 };
    cli_grid g = cli_grid_new(run->arena, n + 1, COLUMNS);
    for (size_t k = 0; k < COLUMNS; k++) cli_grid_set(&g, 0, k, "%s", HEAD[k]);
    for (size_t i = 0; (s = hg_predictor_source_at(p, i)); i++) {
        cli_grid_set(&g, i + 1, 0, "%s", s->name);
        cli_grid_set(&g, i + 1, 1, "%s", s->target);
        if (s->order) cli_grid_set(&g, i + 1, 2, "%zu.", s->order);
        if (isfinite(s->alone)) cli_grid_set(&g, i + 1, 3, "%.1f", s->alone);
        if (s->order) cli_grid_set(&g, i + 1, 4, "%.0f %%", 100 * s->share);
        if (s->learned != HG_NOT_TOLD) cli_grid_set(&g, i + 1, 5, "%zu rows", s->learned);
        cli_grid_set(&g, i + 1, WHY, "%s", s->why);
    }
    HG_TRY(cli_grid_done(&g, err));
    g.left[0] = g.left[1] = g.left[WHY] = true;
    for (size_t i = 0; i < g.rows; i++) cli_grid_print(&run->out, &g, i, 0);
    hg_text_add(&run->out, "\n");
    print_verdict(run, p);
    return HG_OK;
}

void cli_json_learned(hg_json *j, size_t rows) {
    if (rows == HG_NOT_TOLD)
        hg_json_null(j, "n_learned");
    else
        hg_json_count(j, "n_learned", rows);
}

void cli_sources_learned(cli_run *run, const cli_sources *s, size_t rows) {
    for (size_t i = 0; i < s->n; i++) {
        const char *name = hg_predictor_name(s->p[i]);
        hg_text_add(&run->out, "%s", i ? "" : "\n");
        if (s->learned[i] == HG_NOT_TOLD)
            hg_text_add(&run->out, "The source \"%s\" does not tell which of these rows it has learned from.\n", name);
        else
            hg_text_add(&run->out, "The source \"%s\" has learned from the compositions of %zu of these %zu rows.\n",
                        name, s->learned[i], rows);
    }
}

hg_status cli_sources_figure(cli_run *run, const hg_predictor *p, const char *path, hg_err *err) {
    hg_figure_format format;
    hg_bytes picture;
    HG_TRY(hg_figure_format_find(&format, path, err));
    HG_TRY(hg_source_figure(&picture, p, format, err));
    const hg_status st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}

void cli_sources_json(hg_json *j, const hg_predictor *p) {
    const hg_predictor_source *s;
    if (!hg_predictor_source_at(p, 0)) return;
    hg_json_begin_array(j, "sources");
    for (size_t i = 0; (s = hg_predictor_source_at(p, i)); i++) {
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "name", s->name);
        hg_json_string(j, "target", s->target);
        hg_json_count(j, "order", s->order);
        hg_json_number(j, "evidence_alone", s->alone);
        hg_json_number(j, "share", s->share);
        cli_json_learned(j, s->learned);
        hg_json_bool(j, "says_answers", s->answers);
        hg_json_string(j, "why_not", *s->why ? s->why : NULL);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}
