/* cli/suggest_csv.c -- see cli/suggest.h: the suggested rows, ready to be measured and put back into the table */
#include "cli/grid.h"
#include "cli/suggest.h"

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

static void header(hg_text *t, const cli_campaign *c, const hg_suggestions *s) {
    const hg_table *pool = cli_campaign_pool(c);
    const size_t n = pool ? hg_table_columns(pool) : hg_features_groups(s->features);
    for (size_t j = 0; j < n; j++) {
        if (j) hg_text_add(t, ",");
        cli_csv_cell(t, pool ? hg_table_column(pool, j)->name : hg_features_group(s->features, j)->column);
    }
    hg_text_add(t, ",suggestion");
    for (size_t o = 0; o < s->n_objectives; o++) {
        hg_text name = hg_text_new(0);
        const char *column = c->objective[o].column;
        hg_text_add(&name, "predicted %s", column);
        text_cell(t, name.s);
        hg_text_free(&name);
        hg_text_add(&name, "sd of predicted %s", column);
        text_cell(t, name.s);
        hg_text_free(&name);
    }
    hg_text_add(t, ",probability of improvement,probability of being allowed,why\n");
}

void cli_suggest_csv(hg_text *t, const cli_campaign *c, const hg_suggestions *s) {
    const hg_table *pool = cli_campaign_pool(c);
    const size_t n = pool ? hg_table_columns(pool) : hg_features_groups(s->features);
    header(t, c, s);
    for (size_t k = 0; k < s->n; k++) {
        const hg_suggestion *g = &s->suggestion[k];
        for (size_t j = 0; j < n; j++) {
            hg_text value = hg_text_new(0);
            if (pool)
                cli_cell(&value, pool, j, g->row);
            else
                cli_suggest_input(&value, c, s, k, j);
            cell(t, &value, j == 0);
            t->failed = t->failed || value.failed;
            hg_text_free(&value);
        }
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
