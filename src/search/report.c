/* search/report.c -- see hagane/report.h. The page is written front to back into one hg_text, figures included. */
#include "hagane/report.h"
#include "bayes/acquire.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "search/html.h"
#include "search/sheet.h"
#include <math.h>
#include <string.h>

enum { SHOWN_INPUTS = 6 }; /* input columns beside a suggestion; the rest is in the table that the person has */

hg_report hg_report_default(void) { return (hg_report) { .suggestions = NULL }; }

static hg_status check(const hg_report *r, hg_err *err) {
    if (!r || (!r->suggestions && !r->replay))
        return hg_fail(err, HG_EINVAL, "nothing to report: neither suggestions nor a replay");
    if (!r->objective || r->n_objectives == 0 || r->n_objectives > 3)
        return hg_fail(err, HG_EINVAL, "a report needs the one to three objectives of its call");
    for (size_t k = 0; k < r->n_objectives; k++)
        if (!r->objective[k].column) return hg_fail(err, HG_EINVAL, "objective %zu has no column", k + 1);
    if (!r->suggestions) return HG_OK;
    if (r->suggestions->n_objectives != r->n_objectives)
        return hg_fail(err, HG_EINVAL, "%zu objectives for suggestions that have %zu", r->n_objectives,
                       r->suggestions->n_objectives);
    size_t j;
    const hg_table *t = r->suggestions->measured;
    if (!t) return hg_fail(err, HG_EINVAL, "the suggestions have lost their table of measured rows");
    for (size_t k = 0; k < r->n_objectives; k++) HG_TRY(hg_table_find(&j, t, r->objective[k].column, err));
    if (r->label) HG_TRY(hg_table_find(&j, t, r->label, err));
    return HG_OK;
}

/* ---- one figure alone ------------------------------------------------------------------------------------------- */

hg_status hg_report_figure(hg_bytes *out, const char *name, hg_figure_format format, const hg_report *r, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    HG_TRY(check(r, err));
    size_t i = 0;
    while (i < hg_report_figures() && strcmp(hg_report_figure_name(i), name) != 0) i++;
    if (i == hg_report_figures()) {
        const hg_status missing = hg_fail(err, HG_ENOTFOUND, "there is no figure \"%s\"", name);
        return hg_names_advise(err, missing, name, hg_report_figure_name);
    }
    hg_arena *mem = hg_arena_new();
    if (!mem) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    hg_sheet s;
    hg_status st = hg_sheet_make(&s, i, r, mem, err);
    if (st == HG_OK) st = hg_figure_render(out, &s.figure, format, err);
    hg_arena_free(mem);
    return st;
}

/* ---- the page --------------------------------------------------------------------------------------------------- */

static const char HEAD[] =
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
    "data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<style>\n"
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1a1a1a;--soft:#5f6368;--line:#d9dce0;--accent:#0072b2;"
    "--warn:#fff4e0;--warn-line:#e69f00}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e8e8e6;--soft:#a3a8b0;--line:#383c44;"
    "--accent:#56b4e9;--warn:#2c2413}}\n"
    "body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:68rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}\n"
    "h2{font-size:1.15rem;margin:2rem 0 .5rem;padding-top:.75rem;border-top:1px solid var(--line)}\n"
    "p{margin:.4rem 0;max-width:56rem}\n"
    "h1,p,td,figcaption{overflow-wrap:anywhere}\n"
    ".soft,figcaption,footer{color:var(--soft)}\n"
    ".warn{background:var(--warn);border-left:4px solid var(--warn-line);padding:.4rem .9rem;margin:1rem 0;"
    "border-radius:3px}\n.warn ul{margin:.2rem 0;padding-left:1.1rem}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}\n"
    "th{font-weight:600;border-bottom:2px solid var(--line);line-height:1.3;vertical-align:bottom}\n"
    "td.n{white-space:nowrap}\ntd.rank{font-weight:700;color:#d55e00}\nsub{line-height:0}\n"
    "tr.one td{border-bottom:0;padding-bottom:0}\ntr.why td{color:var(--soft);padding-top:.1rem}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1.5rem 2rem;"
    "align-items:start}\n"
    "figure{margin:0;break-inside:avoid}\n"
    "figure>div{border-radius:6px}\n"
    "figure svg{display:block;max-width:100%;height:auto}\n"
    "figure.map>div{--paper:#fff;background:#fff;color:#1a1a1a}\n" /* dark colours of the map need a light ground */
    "figcaption{font-size:.86rem;line-height:1.4;margin-top:.4rem;max-width:34rem}\n"
    "footer{margin-top:2.5rem;padding-top:.75rem;border-top:1px solid var(--line);font-size:.84rem}\n"
    "@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#0072b2;"
    "--warn:#fff}\nbody{max-width:none;padding:0;font-size:10pt}\n.grid{display:block}figure{display:inline-block;width:47%;margin:0 2% 1rem 0;vertical-align:top}\n"
    "h2{break-after:avoid}\ntr{break-inside:avoid}\ntr.one{break-after:avoid}\n.wide{overflow:visible}\n@page{size:A4;margin:16mm}}\n"
    "</style>\n";

static void put_objectives(hg_text *t, const hg_report *r) {
    for (size_t k = 0; k < r->n_objectives; k++) {
        hg_text_add(t, k == 0 ? "" : k + 1 == r->n_objectives ? " and " : ", ");
        hg_html_escape(t, hg_sheet_objective(r, k));
        hg_text_add(t, " (%s)", r->objective[k].maximize ? "maximise" : "minimise");
    }
}

static void put_title(hg_text *t, const hg_report *r) {
    if (r->title) {
        hg_html_escape(t, r->title);
        return;
    }
    hg_text_add(t, r->suggestions ? "What to measure next: " : "Replay: ");
    for (size_t k = 0; k < r->n_objectives; k++) {
        if (k) hg_text_add(t, ", ");
        hg_html_escape(t, hg_sheet_objective(r, k));
    }
}

static bool label_is_formula(const hg_report *r) {
    const hg_features *f = r->suggestions ? r->suggestions->features : NULL;
    for (size_t g = 0; r->label && f && g < hg_features_groups(f); g++)
        if (hg_features_group(f, g)->kind == HG_GROUP_FORMULA && strcmp(hg_features_group(f, g)->column, r->label) == 0)
            return true;
    return false;
}

static void put_row(hg_text *t, const hg_report *r, const hg_table *table, size_t row) {
    hg_text name = hg_text_new(0);
    hg_sheet_row(&name, r, table, row);
    if (label_is_formula(r))
        hg_html_formula(t, name.s);
    else
        hg_html_escape(t, name.s);
    if (name.failed) t->failed = true;
    hg_text_free(&name);
}

/* ---- suggestions: summary, warnings, table ---------------------------------------------------------------------- */

static void put_summary(hg_text *t, const hg_report *r) {
    const hg_suggestions *q = r->suggestions;
    hg_text_add(t, "<p>%zu measured row%s of ", q->loo[0].n, q->loo[0].n == 1 ? "" : "s");
    hg_html_escape(t, hg_table_source(q->measured));
    if (q->n_pool) hg_text_add(t, ", %zu candidate%s", q->n_pool, q->n_pool == 1 ? "" : "s");
    if (q->n_pool && q->candidates && q->candidates != q->measured) {
        hg_text_add(t, " of ");
        hg_html_escape(t, hg_table_source(q->candidates));
    }
    hg_text_add(t, ". Objective%s: ", r->n_objectives > 1 ? "s" : "");
    put_objectives(t, r);
    hg_text_add(t, ".");
    if (q->n_objectives == 1 && q->best_row == SIZE_MAX) {
        hg_text_add(t, " No measured row meets the requirements yet.");
    } else if (q->n_objectives == 1) {
        hg_text_add(t, " Best measured so far: <strong>");
        hg_html_number(t, q->best[0], 5);
        hg_text_add(t, "</strong> (");
        put_row(t, r, q->measured, q->best_row);
        hg_text_add(t, ").");
    } else {
        hg_text_add(t, " %zu measured row%s on the front.", q->n_front, q->n_front == 1 ? " is" : "s are");
    }
    hg_text_add(t, "</p>\n");
}

static void put_warnings(hg_text *t, const char *lines) {
    if (!lines || !lines[0]) return;
    hg_text_add(t, "<div class=\"warn\" role=\"note\"><strong>Please note</strong><ul>\n");
    for (hg_text line = hg_text_new(0); *lines; hg_text_free(&line)) {
        const size_t len = strcspn(lines, "\n");
        hg_text_put(&line, lines, len);
        if (len) {
            hg_text_add(t, "<li>");
            hg_html_escape(t, line.s);
            hg_text_add(t, "</li>\n");
        }
        if (line.failed) t->failed = true;
        lines += len + (lines[len] == '\n');
    }
    hg_text_add(t, "</ul></div>\n");
}

/* An input as the table has it when that is short, else with four digits. */
static void put_cell(hg_text *t, double v) {
    char exact[HG_NUMBER_SIZE];
    if (hg_number_write(exact, v) > 8 || !isfinite(v))
        hg_html_number(t, v, 4);
    else
        hg_text_add(t, "%s%s", v < 0 ? "\u2212" : "", exact + (v < 0));
}

/* The value of one input of a suggestion: its cell, or what its features say when it is a point of a space. */
static void put_input(hg_text *t, const hg_suggestions *q, size_t i, const hg_feature_group *group) {
    const hg_suggestion *g = &q->suggestion[i];
    const hg_table *pool;
    const size_t row = hg_sheet_place(&pool, q, i);
    size_t j;
    if (pool && hg_sheet_find_column(&j, pool, group->column) == HG_OK) {
        const hg_column *c = hg_table_column(pool, j);
        if (c->number)
            put_cell(t, c->number[row]);
        else if (group->kind == HG_GROUP_FORMULA)
            hg_html_formula(t, hg_table_text(pool, j, row));
        else
            hg_html_escape(t, hg_table_text(pool, j, row));
        return;
    }
    if (!g->x) return;
    if (group->kind == HG_GROUP_NUMBER) put_cell(t, g->x[group->first]);
    for (size_t d = 0; group->kind == HG_GROUP_CATEGORY && d < group->dim; d++)
        if (g->x[group->first + d] > 0.5) { /* "phase=fcc": the level is what follows the column's name */
            const char *name = hg_features_name(q->features, group->first + d);
            const size_t skip = strlen(group->column) + 1;
            hg_html_escape(t, strlen(name) > skip ? name + skip : name);
        }
}

static bool any_infeasible(const hg_suggestions *q) {
    for (size_t i = 0; i < q->n; i++)
        if (q->suggestion[i].p_feasible < 1) return true;
    return false;
}

/* Group i of the inputs shown beside a suggestion; the one that already names the row is passed over. NULL at the end. */
static const hg_feature_group *shown_input(const hg_report *r, size_t i) {
    const hg_features *f = r->suggestions->features;
    if (i >= SHOWN_INPUTS) return NULL;
    for (size_t g = 0; f && g < hg_features_groups(f); g++) {
        const hg_feature_group *group = hg_features_group(f, g);
        if (r->label && strcmp(group->column, r->label) == 0) continue;
        if (i-- == 0) return group;
    }
    return NULL;
}

static void put_table_head(hg_text *t, const hg_report *r, bool feasible) {
    const hg_feature_group *group;
    hg_text_add(t, "<thead><tr><th>#</th><th>candidate</th>");
    for (size_t i = 0; (group = shown_input(r, i)) != NULL; i++) {
        hg_text_add(t, "<th>");
        hg_html_escape(t, group->column);
        hg_text_add(t, "</th>");
    }
    for (size_t k = 0; k < r->n_objectives; k++) {
        hg_text_add(t, "<th>predicted ");
        hg_html_escape(t, hg_sheet_objective(r, k));
        hg_text_add(t, "</th>");
    }
    hg_text_add(t, "<th>%s</th>%s</tr></thead>\n",
                r->n_objectives > 1 ? "chance to enlarge the front" : "chance to beat the best",
                feasible ? "<th>chance to meet the requirements</th>" : "");
}

static void put_suggestion(hg_text *t, const hg_report *r, size_t i, bool feasible) {
    const hg_suggestions *q = r->suggestions;
    const hg_suggestion *g = &q->suggestion[i];
    hg_text_add(t, "<tr class=\"one\"><td class=\"rank\">%zu</td><td>", i + 1);
    if (g->row == SIZE_MAX)
        hg_text_add(t, "new point");
    else
        put_row(t, r, q->candidates ? q->candidates : q->measured, g->row);
    const hg_feature_group *group;
    size_t columns = 1 + r->n_objectives + 1 + (feasible ? 1 : 0); /* after the rank */
    for (size_t j = 0; (group = shown_input(r, j)) != NULL; j++, columns++) {
        hg_text_add(t, group->kind == HG_GROUP_NUMBER ? "</td><td class=\"n\">" : "</td><td>");
        put_input(t, q, i, group);
    }
    for (size_t k = 0; k < r->n_objectives; k++) {
        hg_text_add(t, "</td><td class=\"n\">");
        hg_html_plus_minus(t, g->mean[k], g->sd[k]);
    }
    hg_text_add(t, "</td><td class=\"n\">");
    hg_html_percent(t, g->p_improve);
    if (feasible) {
        hg_text_add(t, "</td><td class=\"n\">");
        hg_html_percent(t, g->p_feasible);
    }
    hg_text_add(t, "</td></tr>\n<tr class=\"why\"><td></td><td colspan=\"%zu\">", columns);
    hg_html_sentence(t, g->why);
    hg_text_add(t, "</td></tr>\n");
}

static void put_suggestions(hg_text *t, const hg_report *r) {
    const hg_suggestions *q = r->suggestions;
    const bool feasible = any_infeasible(q);
    put_summary(t, r);
    put_warnings(t, q->warnings);
    hg_text_add(t, "<h2>Suggestions</h2>\n<div class=\"wide\"><table>\n");
    put_table_head(t, r, feasible);
    hg_text_add(t, "<tbody>\n");
    for (size_t i = 0; i < q->n; i++) put_suggestion(t, r, i, feasible);
    hg_text_add(t,
                "</tbody></table></div>\n<p class=\"soft\">Predicted: mean \u00b1 one standard deviation of the value "
                "without measurement noise. Chosen by ");
    hg_acquisition a;
    const bool known = hg_acquisition_find(&a, q->acquisition, NULL) == HG_OK && hg_acquisition_at(a);
    hg_html_escape(t, known ? hg_acquisition_at(a)->words : q->acquisition);
    hg_text_add(t, ".</p>\n");
}

static void put_model(hg_text *t, const hg_report *r) {
    const hg_suggestions *q = r->suggestions;
    hg_text_add(t, "<h2>The model</h2>\n<p>");
    hg_html_escape(t, q->model_words);
    if (q->features &&
        !strstr(q->model_words, hg_features_words(q->features))) { /* usually part of the model's words */
        hg_text_add(t, "</p>\n<p>");
        hg_html_escape(t, hg_features_words(q->features));
    }
    for (size_t k = 0; k < q->n_objectives; k++) {
        if (!q->loo[k].words) continue;
        hg_text_add(t, "</p>\n<p>");
        if (q->n_objectives > 1) {
            hg_html_escape(t, hg_sheet_objective(r, k));
            hg_text_add(t, ": ");
        }
        hg_html_sentence(t, q->loo[k].words);
    }
    hg_text_add(t, "</p>\n");
}

/* ---- replay ----------------------------------------------------------------------------------------------------- */

static void put_reach(hg_text *t, const char *what, const char *order, const hg_reach *h, size_t runs) {
    hg_text_add(t, "<tr><td>%s</td><td>%s", what, order);
    const double v[3] = { h->median, h->q90, h->max };
    for (size_t k = 0; k < 3; k++) {
        hg_text_add(t, "</td><td class=\"n\">");
        if (v[k] >= 0) /* a NaN fails this */
            hg_text_add(t, "%.4g", v[k]);
        else
            hg_text_add(t, "not reached");
    }
    hg_text_add(t, "</td><td class=\"n\">%zu of %zu</td></tr>\n", h->unreached, runs);
}

static void put_replay(hg_text *t, const hg_report *r) {
    const hg_replay_result *p = r->replay;
    hg_text_add(t, "<h2>Replay</h2>\n<p>");
    hg_html_escape(t, p->words);
    hg_text_add(t,
                "</p>\n<p>A table of %zu measured rows was treated as unknown %zu time%s, each time from %zu random "
                "measurement%s, with %zu more to spend. Counted are the measurements after the first%s.</p>\n",
                p->n_pool, p->runs, p->runs == 1 ? "" : "s", p->initial, p->initial == 1 ? "" : "s", p->budget,
                p->initial == 1 ? "" : " ones");
    hg_text_add(
        t, "<div class=\"wide\"><table>\n<thead><tr><th>to reach</th><th>order</th><th>median</th><th>90 %% of runs "
           "within</th><th>longest run</th><th>never reached</th></tr></thead>\n<tbody>\n");
    /* a share of the best has no meaning for a minimum or a maximum below zero: hagane/suggest.h, hg_replay */
    const bool share = r->objective[0].maximize && p->y_best > 0;
    const char *near95 = share ? "95 % of the best" : "the best, to 5 % of the range",
               *near99 = share ? "99 % of the best" : "the best, to 1 % of the range";
    put_reach(t, near95, "hagane", &p->to_95, p->runs);
    put_reach(t, near95, "random", &p->random_95, p->runs);
    put_reach(t, near99, "hagane", &p->to_99, p->runs);
    put_reach(t, near99, "random", &p->random_99, p->runs);
    put_reach(t, "the top 5 % of rows", "hagane", &p->to_top5, p->runs);
    put_reach(t, "the top 5 % of rows", "random", &p->random_top5, p->runs);
    hg_text_add(t, "</tbody></table></div>\n");
}

/* ---- figures on the page ---------------------------------------------------------------------------------------- */

static hg_status put_figure(hg_text *t, size_t i, const hg_report *r, hg_err *err) {
    hg_arena *mem = hg_arena_new();
    if (!mem) return hg_fail(err, HG_ENOMEM, "no memory for a figure");
    char id[HG_NUMBER_SIZE + 1] = "f"; /* f0, f1 ... */
    hg_number_write(id + 1, (double)i);
    hg_sheet s;
    hg_bytes svg = { NULL, 0 };
    hg_status st = hg_sheet_make(&s, i, r, mem, err);
    if (st == HG_OK) {
        s.figure.themed = true;
        s.figure.id = id;
        st = hg_figure_render(&svg, &s.figure, HG_FIGURE_SVG, err);
    }
    if (st == HG_OK) {
        const bool map = memmem(svg.data, svg.len, "linearGradient", 14) != NULL; /* a colour bar */
        hg_text_add(t, "<figure%s id=\"figure-%s\"><div role=\"img\" aria-label=\"", map ? " class=\"map\"" : "",
                    hg_report_figure_name(i));
        hg_html_escape(t, hg_report_figure_words(i));
        hg_text_add(t, "\">");
        hg_text_put(t, svg.data, svg.len);
        hg_text_add(t, "</div><figcaption>");
        hg_html_escape(t, s.caption);
        hg_text_add(t, "</figcaption></figure>\n");
    }
    hg_bytes_free(&svg);
    hg_arena_free(mem);
    return st;
}

static hg_status put_figures(hg_text *t, const hg_report *r, hg_err *err) {
    hg_text_add(t, "<h2>Figures</h2>\n<div class=\"grid\">\n");
    for (size_t i = 0; i < hg_report_figures(); i++)
        if (hg_report_figure_fits(i, r)) HG_TRY(put_figure(t, i, r, err));
    hg_text_add(t, "</div>\n");
    return HG_OK;
}

static hg_status put_page(hg_text *t, const hg_report *r, hg_err *err) {
    hg_text_add(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n%s<title>", HEAD);
    put_title(t, r);
    hg_text_add(t, "</title>\n</head>\n<body>\n<h1>");
    put_title(t, r);
    hg_text_add(t, "</h1>\n");
    if (r->suggestions) put_suggestions(t, r);
    if (r->replay) put_replay(t, r);
    HG_TRY(put_figures(t, r, err));
    if (r->suggestions) put_model(t, r);
    hg_text_add(t, "<footer>");
    if (r->footer) {
        hg_html_escape(t, r->footer);
        hg_text_add(t, "<br>");
    }
    hg_text_add(t, "Made by Hagane %s.</footer>\n</body>\n</html>\n", hg_version());
    return t->failed ? hg_fail(err, HG_ENOMEM, "no memory for the report") : HG_OK;
}

hg_status hg_report_html(hg_bytes *out, const hg_report *r, hg_err *err) {
    *out = (hg_bytes) { NULL, 0 };
    HG_TRY(check(r, err));
    hg_text t = hg_text_new(0);
    const hg_status st = put_page(&t, r, err);
    if (st != HG_OK) {
        hg_text_free(&t);
        return st;
    }
    *out = (hg_bytes) { t.s, t.len };
    return HG_OK;
}
