/* cli/suggest_json.c -- see cli/suggest.h: hagane.suggest/1. No times and no thread counts: the same seed gives the same
 * bytes. One target gives numbers and one loo object, several give lists in the order of `objectives`. */
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include <math.h>
#include <string.h>

static void numbers(hg_json *j, const char *key, const double *x, size_t n) {
    if (n == 1)
        hg_json_number(j, key, x[0]);
    else
        hg_json_numbers(j, key, x, n);
}

/* The row of a table and the line of its file; null for a point of a space. */
static void place(hg_json *j, const hg_table *t, size_t row) {
    const bool known = t && row < hg_table_rows(t);
    hg_json_number(j, "row", known ? (double)row : NAN);
    hg_json_number(j, "line", known && hg_table_line(t, row) ? (double)hg_table_line(t, row) : NAN);
}

static void objectives(hg_json *j, const cli_campaign *c) {
    hg_json_begin_array(j, "objectives");
    for (size_t o = 0; o < c->opts.n_objectives; o++) {
        const hg_column *target = cli_campaign_target(c, o);
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "column", c->objective[o].column);
        hg_json_string(j, "unit", target ? target->unit : "");
        hg_json_string(j, "direction", c->objective[o].maximize ? "maximize" : "minimize");
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void neighbours(hg_json *j, const cli_campaign *c, const hg_suggestion *g, size_t n_objectives) {
    hg_json_begin_array(j, "neighbours");
    for (size_t i = 0; i < g->n_neighbours; i++) {
        hg_json_begin_object(j, NULL);
        place(j, c->measured, g->neighbour[i]);
        hg_json_number(j, "distance", g->distance[i]);
        double value[3];
        for (size_t o = 0; o < n_objectives; o++) {
            const hg_column *target = cli_campaign_target(c, o);
            value[o] = target && target->number ? target->number[g->neighbour[i]] : NAN;
        }
        numbers(j, "measured", value, n_objectives);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
}

static void inputs_of(hg_json *j, const cli_campaign *c, const hg_suggestions *s, size_t k) {
    hg_json_begin_object(j, "inputs");
    const hg_table *pool = cli_campaign_pool(c);
    for (size_t g = 0; g < hg_features_groups(s->features); g++) {
        const hg_feature_group *group = hg_features_group(s->features, g);
        size_t column;
        const bool found = pool && s->suggestion[k].row < hg_table_rows(pool) &&
                           hg_table_find(&column, pool, group->column, NULL) == HG_OK;
        if (found && hg_table_column(pool, column)->kind == HG_COLUMN_NUMBER) {
            hg_json_number(j, group->column, hg_table_column(pool, column)->number[s->suggestion[k].row]);
        } else if (!found && group->kind == HG_GROUP_NUMBER) {
            hg_json_number(j, group->column, s->suggestion[k].x[group->first]);
        } else {
            hg_text t = hg_text_new(0);
            cli_suggest_input(&t, c, s, k, g);
            hg_json_string(j, group->column, t.s);
            hg_text_free(&t);
        }
    }
    hg_json_end_object(j);
}

static void suggestion(hg_json *j, const cli_campaign *c, const hg_suggestions *s, size_t k) {
    const hg_suggestion *g = &s->suggestion[k];
    hg_json_begin_object(j, NULL);
    hg_json_number(j, "rank", (double)k + 1);
    place(j, cli_campaign_pool(c), g->row);
    numbers(j, "mean", g->mean, s->n_objectives);
    numbers(j, "sd", g->sd, s->n_objectives);
    hg_json_number(j, "p_improve", g->p_improve);
    hg_json_number(j, "p_feasible", g->p_feasible);
    hg_json_number(j, "score", g->score);
    inputs_of(j, c, s, k);
    neighbours(j, c, g, s->n_objectives);
    hg_json_string(j, "why", g->why);
    hg_json_end_object(j);
}

static void check(hg_json *j, const char *key, const cli_campaign *c, const hg_loo *l) {
    hg_json_begin_object(j, key);
    hg_json_number(j, "n", (double)l->n);
    hg_json_number(j, "rmse", l->rmse);
    hg_json_number(j, "rmse_mean", l->rmse_mean);
    hg_json_number(j, "coverage90", l->coverage90);
    hg_json_number(j, "max_abs_z", l->max_abs_z);
    hg_json_number(j, "max_abs_z_row", l->max_abs_z_row < hg_table_rows(c->measured) ? (double)l->max_abs_z_row : NAN);
    hg_json_bool(j, "better_than_mean", l->better_than_mean);
    hg_json_string(j, "words", l->words);
    hg_json_begin_array(j, "points");
    for (size_t i = 0; i < l->n; i++) {
        hg_json_begin_object(j, NULL);
        hg_json_number(j, "row", (double)l->row[i]);
        hg_json_number(j, "measured", l->y[i]);
        hg_json_number(j, "mean", l->mean[i]);
        hg_json_number(j, "sd", l->sd[i]);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_end_object(j);
}

static void model(hg_json *j, const hg_suggestions *s) {
    static const char *const KIND[] = {
        [HG_GROUP_NUMBER] = "number", [HG_GROUP_CATEGORY] = "category", [HG_GROUP_FORMULA] = "formula"
    };
    hg_json_begin_object(j, "model");
    hg_json_string(j, "words", s->model_words);
    hg_json_string(j, "acquisition", s->acquisition);
    hg_json_number(j, "measured", (double)s->loo[0].n);
    hg_json_number(j, "candidates", s->n_pool ? (double)s->n_pool : NAN);
    hg_json_string(j, "inputs_words", hg_features_words(s->features));
    hg_json_begin_array(j, "inputs");
    for (size_t g = 0; g < hg_features_groups(s->features); g++) {
        const hg_feature_group *group = hg_features_group(s->features, g);
        hg_json_begin_object(j, NULL);
        hg_json_string(j, "column", group->column);
        hg_json_string(j, "kind", KIND[group->kind]);
        hg_json_number(j, "dimensions", (double)group->dim);
        hg_json_number(j, "relevance", s->relevance && g < s->n_groups ? s->relevance[g] : NAN);
        hg_json_end_object(j);
    }
    hg_json_end_array(j);
    hg_json_end_object(j);
}

static void best(hg_json *j, const cli_campaign *c, const hg_suggestions *s) {
    hg_json_begin_object(j, "best");
    if (s->n_objectives == 1) place(j, c->measured, s->best_row);
    numbers(j, "value", s->best, s->n_objectives);
    hg_json_end_object(j);
    if (s->n_objectives == 1) return;
    hg_json_begin_array(j, "front"); /* rows of the measured table */
    for (size_t i = 0; i < s->n_front; i++) hg_json_count(j, NULL, s->front[i]);
    hg_json_end_array(j);
}

static void warnings(hg_json *j, const char *lines, hg_arena *arena) {
    hg_json_begin_array(j, "warnings");
    while (lines && *lines) {
        const size_t n = strcspn(lines, "\n");
        const char *line = hg_arena_strndup(arena, lines, n);
        if (n && line) hg_json_string(j, NULL, line);
        lines += n + (lines[n] == '\n');
    }
    hg_json_end_array(j);
}

hg_status cli_suggest_json(cli_run *run, const cli_campaign *c, const hg_suggestions *s, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "suggest");
    hg_json_number(&j, "seed", (double)run->seed);
    objectives(&j, c);
    hg_json_begin_array(&j, "suggestions");
    for (size_t k = 0; k < s->n; k++) suggestion(&j, c, s, k);
    hg_json_end_array(&j);
    best(&j, c, s);
    if (s->n_objectives > 1) hg_json_begin_array(&j, "loo");
    for (size_t o = 0; o < s->n_objectives; o++) check(&j, s->n_objectives > 1 ? NULL : "loo", c, &s->loo[o]);
    if (s->n_objectives > 1) hg_json_end_array(&j);
    model(&j, s);
    if (*c->models_said) hg_json_string(&j, "models", c->models_said);
    warnings(&j, s->warnings, run->arena);
    return cli_json_end(run, &j, err);
}
