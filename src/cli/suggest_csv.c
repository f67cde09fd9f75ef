/* cli/suggest_csv.c -- see cli/suggest.h: the suggested rows, ready to be measured and put back into the table */
#include "cli/grid.h"
#include "cli/suggest.h"
#include "search/result.h"
#include <string.h>

enum { BLANK_MAX = 3 + CLI_MAX_REQUIRE }; /* targets and required columns */

static void cell(hg_text *t, const hg_text *value, bool first) {
    if (!first) hg_text_add(t, ",");
    cli_csv_cell(t, value->s);
}

static void text_cell(hg_text *t, const char *value) {
    hg_text_add(t, ",");
    cli_csv_cell(t, value);
}

static void number_cell(hg_text *t, double x) {
    hg_text_add(t, ",");
    cli_number_text(t, x);
}

/* ---- the columns: those of the candidates, and what has to be measured ------------------------------------------------ */

static bool pool_has(const hg_table *pool, const hg_suggestions *s, const char *name) {
    size_t j;
    if (pool) return hg_table_find(&j, pool, name, NULL) == HG_OK;
    for (size_t g = 0; g < hg_features_groups(s->features); g++)
        if (strcmp(hg_features_group(s->features, g)->column, name) == 0) return true;
    return false;
}

/* Targets and required columns that the candidates do not have: blank cells to fill in. */
static size_t blank_columns(const char *name[BLANK_MAX], const cli_campaign *c, const hg_suggestions *s) {
    const hg_table *pool = cli_campaign_pool(c);
    size_t n = 0;
    for (size_t o = 0; o < s->n_objectives; o++)
        if (!pool_has(pool, s, c->objective[o].column)) name[n++] = c->objective[o].column;
    for (size_t k = 0; k < c->opts.n_require; k++) {
        size_t j, known = 0;
        if (pool_has(pool, s, c->require[k].column)) continue;
        if (hg_table_find(&j, c->measured, c->require[k].column, NULL) != HG_OK) continue;
        const char *whole = hg_table_column(c->measured, j)->name;
        while (known < n && strcmp(name[known], whole) != 0) known++;
        if (known == n) name[n++] = whole;
    }
    return n;
}

static void header(hg_text *t, const cli_campaign *c, const hg_suggestions *s) {
    const hg_table *pool = cli_campaign_pool(c);
    const size_t n = pool ? hg_table_columns(pool) : hg_features_groups(s->features);
    const char *blank[BLANK_MAX];
    const size_t n_blank = blank_columns(blank, c, s);
    bool first = true;
    for (size_t j = 0; j < n; j++) {
        const char *name = pool ? hg_table_column(pool, j)->name : hg_features_group(s->features, j)->column;
        if (pool && hg_result_column(pool, name)) continue; /* of an earlier round */
        if (!first) hg_text_add(t, ",");
        first = false;
        cli_csv_cell(t, name);
    }
    for (size_t k = 0; k < n_blank; k++) text_cell(t, blank[k]);
    text_cell(t, HG_RESULT_RANK);
    for (size_t o = 0; o < s->n_objectives; o++) {
        const char *const words[] = { HG_RESULT_MEAN, HG_RESULT_SD };
        for (size_t k = 0; k < 2; k++) {
            hg_text name = hg_text_new(0);
            hg_text_add(&name, "%s%s", words[k], c->objective[o].column);
            text_cell(t, name.s);
            t->failed = t->failed || name.failed;
            hg_text_free(&name);
        }
    }
    text_cell(t, HG_RESULT_BETTER);
    text_cell(t, HG_RESULT_ALLOWED);
    text_cell(t, HG_RESULT_WHY);
    hg_text_add(t, "\n");
}

/* ---- the rows --------------------------------------------------------------------------------------------------------- */

static void input_cells(hg_text *t, const cli_campaign *c, const hg_suggestions *s, size_t k) {
    const hg_table *pool = cli_campaign_pool(c);
    const size_t n = pool ? hg_table_columns(pool) : hg_features_groups(s->features);
    bool first = true;
    for (size_t j = 0; j < n; j++) {
        if (pool && hg_result_column(pool, hg_table_column(pool, j)->name)) continue;
        hg_text value = hg_text_new(0);
        if (pool)
            cli_cell(&value, pool, j, s->suggestion[k].row);
        else
            cli_suggest_input(&value, c, s, k, j);
        cell(t, &value, first);
        first = false;
        t->failed = t->failed || value.failed;
        hg_text_free(&value);
    }
}

void cli_suggest_csv(hg_text *t, const cli_campaign *c, const hg_suggestions *s) {
    const char *blank[BLANK_MAX];
    const size_t n_blank = blank_columns(blank, c, s);
    header(t, c, s);
    for (size_t k = 0; k < s->n; k++) {
        const hg_suggestion *g = &s->suggestion[k];
        input_cells(t, c, s, k);
        for (size_t j = 0; j < n_blank; j++) text_cell(t, "");
        hg_text_add(t, ",%zu", k + 1);
        for (size_t o = 0; o < s->n_objectives; o++) {
            number_cell(t, g->mean[o]);
            number_cell(t, g->sd[o]);
        }
        number_cell(t, g->p_improve);
        number_cell(t, g->p_feasible);
        text_cell(t, g->why);
        hg_text_add(t, "\n");
    }
}
