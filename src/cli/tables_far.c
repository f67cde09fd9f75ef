/* cli/tables_far.c -- `evaluate --extrapolate` of a table: how predictions fare where rows are not like those learned from; and
 * pictures of predictions of rows left out */
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "library/curve.h"
#include "library/extrapolate.h"
#include "library/parity.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- figures --------------------------------------------------------------------------------------------------------- */

hg_status cli_parity(cli_run *run, const hg_parity *p, size_t n, size_t classes, const char *target, hg_err *err) {
    const char *path = cli_value(&run->args, "figure");
    hg_figure_format format;
    hg_bytes picture;
    if (!path) return HG_OK;
    if (classes) return hg_fail(err, HG_EINVAL, "--figure draws values; \"%s\" has classes", target);
    HG_TRY(hg_figure_format_find(&format, path, err));
    HG_TRY(hg_parity_figure(&picture, p, n, target, format, err));
    const hg_status st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}

static hg_status draw(cli_run *run, const hg_extrapolation *e, const char *target, hg_err *err) {
    static const struct {
        hg_far_kind kind;
        const char *name;
    } SHOWN[] = { { HG_FAR_RANDOM, "drawn at random" },
                  { HG_FAR_HIGHEST, "highest fifth" },
                  { HG_FAR_LOWEST, "lowest fifth" } };
    hg_parity p[3];
    size_t n = 0;
    for (size_t k = 0; k < 3; k++) {
        const hg_far_test *t = &e->test[SHOWN[k].kind];
        if (t->n_folds) p[n++] = (hg_parity) { SHOWN[k].name, t->fold, t->n_folds, k == 0, false };
    }
    return cli_parity(run, p, n, e->classes, target, err);
}

/* ---- words ----------------------------------------------------------------------------------------------------------- */

static void fill(cli_grid *g, size_t row, size_t column, const hg_far_score *s) {
    cli_grid_set(g, row, column, "%zu", s->n);
    cli_grid_real(g, row, column + 1, 3, s->error);
    cli_grid_share(g, row, column + 2, s->coverage90);
    cli_grid_real(g, row, column + 3, 3, s->width90);
}

static hg_status print_grid(cli_run *run, cli_grid *g, size_t rows, hg_err *err) {
    HG_TRY(cli_grid_done(g, err));
    g->left[0] = true;
    cli_grid_show(&run->out, g, rows);
    return HG_OK;
}

static hg_status print_all(cli_run *run, const hg_extrapolation *e, hg_err *err) {
    const char *const head[] = {
        "left out", "rows", e->classes ? "wrong" : "MAE", "in 90 %", "width", "factor", "error"
    };
    cli_grid g = cli_grid_new(run->arena, HG_FAR_COUNT + 1, 7);
    size_t rows = 1;
    for (size_t c = 0; c < 7; c++) cli_grid_set(&g, 0, c, "%s", head[c]);
    for (int k = 0; k < HG_FAR_COUNT; k++) {
        const hg_far_test *t = &e->test[k];
        if (!t->n_folds) continue;
        cli_grid_set(&g, rows, 0, "%s", hg_far_help((hg_far_kind)k));
        fill(&g, rows, 1, &t->all);
        cli_grid_real(&g, rows, 5, 3, t->all.factor);
        if (isfinite(t->all.times)) cli_grid_set(&g, rows, 6, "x %.3g", t->all.times);
        rows++;
    }
    return print_grid(run, &g, rows, err);
}

static hg_status print_parted(cli_run *run, const hg_extrapolation *e, hg_err *err) {
    const char *const mae = e->classes ? "wrong" : "MAE", *const head[] = { "left out", "outside", mae,
                                                                            "in 90 %",  "width",   "others",
                                                                            mae,        "in 90 %", "width" };
    cli_grid g = cli_grid_new(run->arena, HG_FAR_COUNT + 1, 9);
    size_t rows = 1;
    for (size_t c = 0; c < 9; c++) cli_grid_set(&g, 0, c, "%s", head[c]);
    for (int k = 0; k < HG_FAR_COUNT; k++) {
        const hg_far_test *t = &e->test[k];
        if (!t->n_folds) continue;
        cli_grid_set(&g, rows, 0, "%s", hg_far_help((hg_far_kind)k));
        fill(&g, rows, 1, &t->unlike);
        fill(&g, rows++, 5, &t->like);
    }
    return print_grid(run, &g, rows, err);
}

static hg_status print(cli_run *run, const hg_extrapolation *e, const hg_column *target, hg_err *err) {
    hg_text_add(&run->out, "\"%s\"%s%s, each set of rows predicted from all others\n\n", target->name,
                *target->unit ? " in " : "", target->unit);
    HG_TRY(print_all(run, e, err));
    hg_text_add(&run->out, "\nThe same rows, parted into those that the prediction calls outside and the others\n\n");
    HG_TRY(print_parted(run, e, err));
    hg_text_add(&run->out, "\n%s", e->words);
    return HG_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------ */

static void json_score(hg_json *j, const char *key, const hg_far_score *s) {
    hg_json_begin_object(j, key);
    hg_json_count(j, "n", s->n);
    hg_json_number(j, "error", s->error);
    hg_json_number(j, "times", s->times);
    hg_json_number(j, "coverage90", s->coverage90);
    hg_json_number(j, "width90", s->width90);
    hg_json_number(j, "factor", s->factor);
    hg_json_bool(j, "factor_is_least", s->at_least);
    hg_json_end_object(j);
}

static void json_test(hg_json *j, hg_far_kind k, const hg_far_test *t, bool classes) {
    hg_json_begin_object(j, NULL);
    hg_json_string(j, "left_out", hg_far_name(k));
    hg_json_string(j, "why_not", *t->why ? t->why : NULL);
    hg_json_count(j, "n_skipped", t->skipped);
    json_score(j, "all", &t->all);
    json_score(j, "outside", &t->unlike);
    json_score(j, "others", &t->like);
    hg_json_number(j, "rank_correlation", t->rank);
    hg_json_count(j, "n_beyond", t->beyond);
    hg_json_begin_array(j, "folds");
    for (size_t i = 0; i < t->n_folds; i++) cli_json_fold(j, &t->fold[i], classes);
    hg_json_end_array(j);
    hg_json_end_object(j);
}

static hg_status json(cli_run *run, const hg_extrapolation *e, const hg_column *target, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "extrapolate");
    hg_json_string(&j, "target", target->name);
    hg_json_string(&j, "unit", target->unit);
    hg_json_count(&j, "classes", e->classes);
    hg_json_begin_array(&j, "tests");
    for (int k = 0; k < HG_FAR_COUNT; k++) json_test(&j, (hg_far_kind)k, &e->test[k], e->classes > 0);
    hg_json_end_array(&j);
    json_score(&j, "outside", &e->unlike);
    hg_json_string(&j, "words", e->words);
    return cli_json_end(run, &j, err);
}

/* ---- the run --------------------------------------------------------------------------------------------------------- */

hg_status cli_tables_extrapolate(cli_run *run, const hg_table *t, const char *target, const hg_predictor_opts *o,
                                 hg_err *err) {
    hg_extrapolation e;
    size_t j;
    HG_TRY(hg_extrapolate(&e, t, target, o, run->arena, err));
    HG_TRY(hg_table_find(&j, t, target, err));
    const hg_column *c = hg_table_column(t, j);
    HG_TRY(draw(run, &e, c->name, err));
    return run->json ? json(run, &e, c, err) : print(run, &e, c, err);
}

/* ---- learning curves --------------------------------------------------------------------------------------------------- */

static hg_status draw_curve(cli_run *run, const hg_curve *c, const char *target, hg_err *err) {
    const char *path = cli_value(&run->args, "curve");
    hg_figure_format format;
    hg_bytes picture;
    HG_TRY(hg_figure_format_find(&format, path, err));
    HG_TRY(hg_curve_figure(&picture, c, target, format, err));
    const hg_status st = cli_result(run, path, picture.data, picture.len, err);
    hg_bytes_free(&picture);
    return st;
}

static hg_status print_curve(cli_run *run, const hg_curve *c, const hg_column *target, hg_err *err) {
    const char *const head[] = { "rows", c->classes ? "wrong" : "MAE", "least", "largest",
                                 c->classes ? "" : "in 90 %" };
    cli_grid g = cli_grid_new(run->arena, c->n + 1, 5);
    for (size_t k = 0; k < 5; k++) cli_grid_set(&g, 0, k, "%s", head[k]);
    for (size_t i = 0; i < c->n; i++) {
        cli_grid_set(&g, i + 1, 0, "%zu", c->point[i].rows);
        cli_grid_real(&g, i + 1, 1, 3, c->point[i].error);
        cli_grid_real(&g, i + 1, 2, 3, c->point[i].low);
        cli_grid_real(&g, i + 1, 3, 3, c->point[i].high);
        cli_grid_share(&g, i + 1, 4, c->point[i].coverage90);
    }
    hg_text_add(&run->out, "\"%s\"%s%s, a fifth of the rows predicted from parts of the others, three times\n\n",
                target->name, *target->unit ? " in " : "", target->unit);
    HG_TRY(print_grid(run, &g, c->n + 1, err));
    hg_text_add(&run->out, "\n%s\n", c->words);
    return HG_OK;
}

static hg_status json_curve(cli_run *run, const hg_curve *c, const hg_column *target, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "learning-curve");
    hg_json_string(&j, "target", target->name);
    hg_json_string(&j, "unit", target->unit);
    hg_json_count(&j, "classes", c->classes);
    hg_json_begin_array(&j, "points");
    for (size_t i = 0; i < c->n; i++) {
        hg_json_begin_object(&j, NULL);
        hg_json_count(&j, "n_train", c->point[i].rows);
        hg_json_number(&j, "error", c->point[i].error);
        hg_json_number(&j, "least", c->point[i].low);
        hg_json_number(&j, "largest", c->point[i].high);
        hg_json_number(&j, "coverage90", c->point[i].coverage90);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    hg_json_number(&j, "exponent", c->exponent);
    hg_json_number(&j, "amplitude", c->amplitude);
    hg_json_string(&j, "words", c->words);
    return cli_json_end(run, &j, err);
}

hg_status cli_tables_curve(cli_run *run, const hg_table *t, const char *target, const hg_predictor_opts *o,
                           hg_err *err) {
    hg_curve c;
    size_t j;
    HG_TRY(hg_learning_curve(&c, t, target, o, run->arena, err));
    HG_TRY(hg_table_find(&j, t, target, err));
    const hg_column *column = hg_table_column(t, j);
    HG_TRY(draw_curve(run, &c, column->name, err));
    return run->json ? json_curve(run, &c, column, err) : print_curve(run, &c, column, err);
}
