/* cli/suggest_words.c -- see cli/suggest.h: the page a scientist reads */
#include "cli/grid.h"
#include "cli/suggest.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 13, CELL = 40 }; /* columns of the words before a paragraph; widest cell of the table */

/* The level that is 1 among the 0/1 dimensions of a category: "solvent=water" gives water. */
static const char *level_of(const hg_suggestions *s, size_t k, const hg_feature_group *g) {
    for (size_t j = g->first; j < g->first + g->dim; j++) {
        const char *equals = strchr(hg_features_name(s->features, j), '=');
        if (s->suggestion[k].x[j] > 0.5 && equals) return equals + 1;
    }
    return "";
}

void cli_suggest_input(hg_text *t, const cli_campaign *c, const hg_suggestions *s, size_t k, size_t g) {
    const hg_feature_group *group = hg_features_group(s->features, g);
    const hg_table *pool = cli_campaign_pool(c);
    size_t j;
    if (pool && s->suggestion[k].row < hg_table_rows(pool) && hg_table_find(&j, pool, group->column, NULL) == HG_OK)
        cli_cell(t, pool, j, s->suggestion[k].row);
    else if (group->kind == HG_GROUP_CATEGORY)
        hg_text_add(t, "%s", level_of(s, k, group));
    else
        cli_number_text(t, s->suggestion[k].x[group->first]);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static const char *unit_of(const cli_campaign *c, size_t o) {
    const hg_column *column = cli_campaign_target(c, o);
    return column ? column->unit : "";
}

static void heading_cell(cli_grid *g, size_t column, const cli_campaign *c, size_t o, cli_digits d) {
    hg_text t = hg_text_new(0);
    cli_heading(&t, c->objective[o].column, unit_of(c, o), d);
    cli_grid_set(g, 0, column, "%s", t.s);
    g->failed = g->failed || t.failed;
    hg_text_free(&t);
}

/* Digits of objective o over all suggestions. */
static cli_digits digits_of(const hg_suggestions *s, size_t o, hg_arena *arena) {
    double *mean = hg_alloc(arena, s->n, sizeof *mean), *sd = hg_alloc(arena, s->n, sizeof *sd);
    if (!mean || !sd) return (cli_digits) { 0, 3 };
    for (size_t k = 0; k < s->n; k++) {
        mean[k] = s->suggestion[k].mean[o];
        sd[k] = s->suggestion[k].sd[o];
    }
    return cli_digits_for(mean, sd, s->n);
}

static void percent_cell(cli_grid *g, size_t row, size_t column, double p) {
    if (p > 0 && p < 0.005)
        cli_grid_set(g, row, column, "< 1 %%");
    else if (p < 1 && p > 0.995)
        cli_grid_set(g, row, column, "> 99 %%");
    else
        cli_grid_set(g, row, column, "%.0f %%", 100 * p);
}

static void fill_predictions(cli_grid *g, size_t first, const cli_campaign *c, const hg_suggestions *s, bool feasible,
                             hg_arena *arena) {
    char text[128];
    for (size_t o = 0; o < s->n_objectives; o++) {
        const cli_digits d = digits_of(s, o, arena);
        heading_cell(g, first + o, c, o, d);
        for (size_t k = 0; k < s->n; k++) {
            cli_spread_write(text, sizeof text, s->suggestion[k].mean[o], s->suggestion[k].sd[o], d);
            cli_grid_set(g, k + 1, first + o, "%s", text);
        }
    }
    const size_t better = first + s->n_objectives;
    cli_grid_set(g, 0, better, "better");
    if (feasible) cli_grid_set(g, 0, better + 1, "allowed");
    for (size_t k = 0; k < s->n; k++) {
        percent_cell(g, k + 1, better, s->suggestion[k].p_improve);
        if (feasible) percent_cell(g, k + 1, better + 1, s->suggestion[k].p_feasible);
    }
}

/* A formula of twelve elements must not push everything out of the table: its beginning tells which one it is. */
static void shorten(hg_text *t) {
    size_t wide = 0, cut = 0;
    for (size_t i = 0; i < t->len; i++) {
        if (((unsigned char)t->s[i] & 0xC0) == 0x80) continue; /* inside a character */
        if (wide++ == CELL - 3) cut = i;
    }
    if (wide <= CELL) return;
    t->len = cut;
    hg_text_add(t, "...");
}

/* Input columns go into the table as long as it fits the width; the rest is a count below. Returns how many fit. */
static size_t fill_inputs(cli_grid *g, size_t first, const cli_campaign *c, const hg_suggestions *s, size_t room) {
    const size_t n = hg_features_groups(s->features);
    for (size_t i = 0; i < n; i++) {
        const hg_feature_group *group = hg_features_group(s->features, i);
        cli_grid_set(g, 0, first + i, "%s", group->column);
        if (!g->failed) g->left[first + i] = group->kind != HG_GROUP_NUMBER;
        for (size_t k = 0; k < s->n; k++) {
            hg_text t = hg_text_new(0);
            if (!cli_campaign_pool(c) && group->kind == HG_GROUP_NUMBER)
                hg_text_add(&t, "%.4g",
                            s->suggestion[k].x[group->first]); /* a point of a space has no digits of its own */
            else
                cli_suggest_input(&t, c, s, k, i);
            shorten(&t);
            cli_grid_set(g, k + 1, first + i, "%s", t.s);
            hg_text_free(&t);
        }
        const size_t wide = cli_grid_width(g, first + i) + 2;
        if (wide > room) return i;
        room -= wide;
    }
    return n;
}

static hg_status table(hg_text *t, const cli_campaign *c, const hg_suggestions *s, hg_arena *arena, hg_err *err) {
    const bool pool = cli_campaign_pool(c) != NULL, feasible = c->opts.n_require || c->opts.failed;
    const size_t n_inputs = hg_features_groups(s->features), fixed = 2 + s->n_objectives + 1 + feasible;
    cli_grid all = cli_grid_new(arena, s->n + 1, fixed + n_inputs);
    cli_grid_set(&all, 0, 0, "#");
    if (pool) cli_grid_set(&all, 0, 1, "line");
    for (size_t k = 0; k < s->n; k++) {
        cli_grid_set(&all, k + 1, 0, "%zu", k + 1);
        if (pool) cli_grid_set(&all, k + 1, 1, "%zu", hg_table_line(cli_campaign_pool(c), s->suggestion[k].row));
    }
    fill_predictions(&all, 2, c, s, feasible, arena);
    size_t used = 2;
    for (size_t j = 0; j < fixed; j++) used += cli_grid_width(&all, j) + 2;
    const size_t width = cli_terminal_width();
    const size_t shown = fill_inputs(&all, fixed, c, s, width > used ? width - used : 0);
    HG_TRY(cli_grid_done(&all, err));
    cli_grid g = cli_grid_new(arena, s->n + 1, fixed + shown); /* the part that fits */
    HG_TRY(cli_grid_done(&g, err));
    for (size_t i = 0; i <= s->n; i++)
        for (size_t j = 0; j < g.columns; j++) {
            g.cell[i * g.columns + j] = all.cell[i * all.columns + j];
            g.left[j] = all.left[j];
        }
    hg_text_add(t, "%s", cli_bold(true));
    cli_grid_print(t, &g, 0, 2);
    hg_text_add(t, "%s", cli_bold(false));
    for (size_t k = 0; k < s->n; k++) {
        cli_grid_print(t, &g, k + 1, 2);
        hg_text_add(t, "     ");
        cli_wrap(t, s->suggestion[k].why, 5, 5, width);
    }
    if (shown < n_inputs)
        hg_text_add(t, "  (%zu more input column%s not fit; --out or --json has all)\n", n_inputs - shown,
                    n_inputs - shown == 1 ? " does" : "s do");
    return HG_OK;
}

/* ---- the paragraphs --------------------------------------------------------------------------------------------------- */

static void paragraph(hg_text *t, const char *label, const char *words) {
    if (!words || !*words) return;
    hg_text_add(t, "%s%-*s%s", cli_bold(true), LABEL, label, cli_bold(false));
    cli_wrap(t, words, LABEL, LABEL, cli_terminal_width());
}

static void best_so_far(hg_text *t, const cli_campaign *c, const hg_suggestions *s) {
    hg_text words = hg_text_new(0);
    if (s->best_row == SIZE_MAX) {
        hg_text_add(&words, "No measured row %s yet.",
                    c->opts.n_require ? "meets the requirements" : "has a value of every target");
    } else if (s->n_objectives > 1) {
        hg_text_add(&words, "%zu measured row%s not beaten in every target: line%s", s->n_front,
                    s->n_front == 1 ? " is" : "s are", s->n_front == 1 ? "" : "s");
        for (size_t i = 0; i < s->n_front; i++)
            hg_text_add(&words, "%s %zu", i ? "," : "", hg_table_line(c->measured, s->front[i]));
        hg_text_add(&words, ".");
    } else {
        const char *unit = unit_of(c, 0);
        cli_number_text(&words, s->best[0]); /* as it stands in the file */
        hg_text_add(&words, "%s%s in line %zu, of %zu measured%s.", *unit ? " " : "", unit,
                    hg_table_line(c->measured, s->best_row), s->loo[0].n,
                    c->opts.n_require ? " (of those that meet the requirements)" : "");
    }
    paragraph(t, "Best so far", words.s);
    t->failed = t->failed || words.failed;
    hg_text_free(&words);
}

static void inputs(hg_text *t, const hg_suggestions *s) {
    static const char PREFIX[] = "Inputs: "; /* the paragraph's own label says it */
    const char *said = hg_features_words(s->features);
    if (strncmp(said, PREFIX, strlen(PREFIX)) == 0) said += strlen(PREFIX);
    paragraph(t, "Inputs", said);
    if (!s->relevance || s->n_groups < 2) return;
    hg_text words = hg_text_new(0);
    for (size_t g = 0; g < s->n_groups && g < 8; g++) {
        size_t top = 0, rank = 0; /* the g-th largest, without sorting a constant array */
        for (top = 0; top < s->n_groups; top++) {
            rank = 0;
            for (size_t i = 0; i < s->n_groups; i++)
                rank += s->relevance[i] > s->relevance[top] || (s->relevance[i] == s->relevance[top] && i < top);
            if (rank == g) break;
        }
        hg_text_add(&words, "%s%s %.0f %%", g ? ", " : "", hg_features_group(s->features, top)->column,
                    100 * s->relevance[top]);
    }
    hg_text_add(&words, " (how much of the variation each can make alone)");
    paragraph(t, "Relevance", words.s);
    hg_text_free(&words);
}

hg_status cli_suggest_words(hg_text *t, const cli_campaign *c, const hg_suggestions *s, hg_arena *arena, hg_err *err) {
    hg_text_add(t, "%s%s%s to ", cli_bold(true), s->n > 1 ? "Measure these next" : "Measure this next",
                cli_bold(false));
    for (size_t o = 0; o < s->n_objectives; o++)
        hg_text_add(t, "%s%s %s", o ? " and " : "", c->objective[o].maximize ? "maximize" : "minimize",
                    c->objective[o].column);
    hg_text_add(t, "%s\n\n", s->n > 1 ? ", best first:" : ":");
    HG_TRY(table(t, c, s, arena, err));
    hg_text_add(t, "\n");
    best_so_far(t, c, s);
    inputs(t, s);
    const char *model = s->model_words, *said = hg_features_words(s->features);
    if (strncmp(model, said, strlen(said)) == 0) model += strlen(said); /* said above */
    paragraph(t, "Model", model + strspn(model, " "));
    for (size_t o = 0; o < s->n_objectives; o++) {
        hg_text check = hg_text_new(0);
        if (s->n_objectives > 1) hg_text_add(&check, "%s: ", c->objective[o].column);
        hg_text_add(&check, "%s", s->loo[o].words);
        paragraph(t, o ? "" : "Check", check.s);
        t->failed = t->failed || check.failed;
        hg_text_free(&check);
    }
    return HG_OK;
}
