/* cli/verb_glass_evaluate.c -- `hagane glass evaluate`: how well a model of liquids predicts labelled snapshots, as figures, tables and pictures */
#include "cli/glass.h"
#include "cli/grid.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "core/number.h"
#include "draw/mobility.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Published figures are of one temperature; NaN: the snapshots are of several. */
static double temperature_of(const hg_glass_scores *s) {
    return s->hottest - s->coldest < 0.005 ? s->coldest : (double)NAN;
}

static void json_score(hg_json *j, const hg_glass_score *s) {
    hg_json_begin_object(j, NULL);
    hg_json_number(j, "time", s->time);
    hg_json_string(j, "of", hg_glass_scored_name(s->what));
    hg_json_count(j, "snapshots", s->snapshots);
    hg_json_count(j, "n", s->n);
    hg_json_number(j, "rho", s->rho);
    hg_json_number(j, "error", s->error);
    hg_json_number(j, "corrected", s->corrected);
    hg_json_number(j, "attainable", s->attainable);
    hg_json_number(j, "pooled", s->pooled);
    hg_json_number(j, "spread", s->spread);
    hg_json_end_object(j);
}

static hg_status print_scores_json(cli_run *run, const hg_floor_facts *f, const hg_glass_scores *s, hg_err *err) {
    hg_json j;
    cli_json_begin(&j, run, "glass-evaluate");
    hg_json_string(&j, "model", cli_value(&run->args, "model"));
    hg_json_string(&j, "tier", hg_glass_tier(f->state));
    hg_json_number(&j, "coldest", s->coldest);
    hg_json_number(&j, "hottest", s->hottest);
    hg_json_bool(&j, "foreign", hg_glass_foreign(f, s->coldest, s->hottest));
    hg_json_count(&j, "unlike", s->unlike);
    hg_json_begin_array(&j, "scores");
    for (size_t i = 0; i < s->n; i++) json_score(&j, &s->score[i]);
    hg_json_end_array(&j);
    hg_json_begin_array(&j, "published");
    const hg_glass_published *p;
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++)
        for (size_t t = 0; t < f->n_times; t++) {
            if (!hg_glass_published_fits(p, temperature_of(s), f->time[t])) continue;
            hg_json_begin_object(&j, NULL);
            hg_json_string(&j, "who", p->who);
            hg_json_number(&j, "time", p->time);
            hg_json_number(&j, "rho", p->rho);
            hg_json_end_object(&j);
        }
    hg_json_end_array(&j);
    return cli_json_end(run, &j, err);
}

/* Rows of what others have published of this time, behind ours. */
static void published_words(cli_run *run, double temperature, double time) {
    const hg_glass_published *p;
    bool any = false;
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++) {
        if (!hg_glass_published_fits(p, temperature, time)) continue;
        if (!any) hg_text_add(&run->out, "published, t = %.6g (A, 100 snapshots):", time);
        hg_text_add(&run->out, "%s %s %.3f", any ? "," : "", p->who, p->rho);
        any = true;
    }
    if (any) hg_text_add(&run->out, "\n");
}

static hg_status print_scores(cli_run *run, const hg_floor_facts *f, const hg_glass_scores *scores, hg_err *err) {
    static const char *const HEAD[] = { "time",      "of",         "snapshots", "rho",   "+-",
                                        "corrected", "attainable", "pooled",    "spread" };
    enum { COLUMNS = sizeof HEAD / sizeof *HEAD };
    hg_text_add(&run->out, "tier %s: %s\n", hg_glass_tier(f->state), hg_glass_tier_words(f->state));
    cli_grid g = cli_grid_new(run->arena, scores->n + 1, COLUMNS);
    for (size_t k = 0; k < COLUMNS; k++) cli_grid_set(&g, 0, k, "%s", HEAD[k]);
    for (size_t i = 0; i < scores->n; i++) {
        const hg_glass_score *s = &scores->score[i];
        const double x[] = { s->rho, s->error, s->corrected, s->attainable, s->pooled, s->spread };
        cli_grid_set(&g, i + 1, 0, "%.6g", s->time);
        cli_grid_set(&g, i + 1, 1, "%s", hg_glass_scored_name(s->what));
        cli_grid_set(&g, i + 1, 2, "%zu", s->snapshots);
        for (size_t k = 0; k < 6; k++) {
            if (isnan(x[k]))
                cli_grid_set(&g, i + 1, 3 + k, "-");
            else
                cli_grid_set(&g, i + 1, 3 + k, "%.3f", x[k]);
        }
    }
    HG_TRY(cli_grid_done(&g, err));
    cli_grid_show(&run->out, &g, g.rows);
    for (size_t t = 0; t < f->n_times; t++) published_words(run, temperature_of(scores), f->time[t]);
    return HG_OK;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------------- */

enum { WHO = 64 };

typedef struct {
    size_t n;
    double time[HG_CURVE_TIMES], rho[HG_CURVE_TIMES], error[HG_CURVE_TIMES];
} series;

/* Of A particles, in the order of time. */
static void own_series(series *raw, series *corrected, series *attainable, const hg_glass_scores *s) {
    raw->n = corrected->n = attainable->n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const hg_glass_score *q = &s->score[i];
        if (q->what != HG_GLASS_A || raw->n == HG_CURVE_TIMES) continue;
        raw->time[raw->n] = q->time;
        raw->rho[raw->n] = q->rho;
        raw->error[raw->n++] = q->error;
        if (isnan(q->attainable)) continue;
        corrected->time[corrected->n] = attainable->time[attainable->n] = q->time;
        corrected->rho[corrected->n] = q->corrected;
        corrected->error[corrected->n++] = q->error / q->attainable;
        attainable->rho[attainable->n++] = q->attainable;
    }
}

/* All rows of one author at that temperature, whatever times were scored. False: there is no author number k. */
static bool published_series(series *to, const char **who, size_t k, double temperature) {
    const hg_glass_published *p;
    char last[WHO] = "";
    size_t authors = 0;
    to->n = 0;
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++) {
        if (strcmp(p->who, last) != 0) authors++;
        hg_print(last, sizeof last, "%s", p->who);
        if (authors != k + 1 || !hg_glass_published_fits(p, temperature, p->time)) continue;
        *who = p->who;
        to->time[to->n] = p->time;
        to->rho[to->n++] = p->rho;
    }
    return authors > k;
}

static hg_status draw_rho(cli_run *run, const char *path, const hg_floor_facts *f, const hg_glass_scores *s,
                          hg_err *err) {
    enum { AUTHORS = HG_CURVES_MOST - 2 };
    series *all = hg_alloc(run->arena, AUTHORS + 3, sizeof *all);
    if (!all) return hg_fail(err, HG_ENOMEM, "no memory for a picture");
    series *raw = all, *corrected = all + 1, *attainable = all + 2;
    char name[2][96], title[160], temperature[48] = "";
    hg_curve curve[HG_CURVES_MOST];
    size_t n = 0;
    own_series(raw, corrected, attainable, s);
    if (raw->n == 0) return hg_fail(err, HG_EDATA, "--rho %s: no snapshot has propensities of A particles", path);
    hg_print(name[0], sizeof name[0], "this model, tier %s", hg_glass_tier(f->state));
    hg_print(name[1], sizeof name[1], "the same, corrected for noise of labels");
    curve[n++] = (hg_curve) { name[0], raw->n, raw->time, raw->rho, raw->error, true };
    if (corrected->n)
        curve[n++] = (hg_curve) { name[1], corrected->n, corrected->time, corrected->rho, corrected->error, true };
    const char *who = "";
    for (size_t k = 0; k < AUTHORS && published_series(all + 3 + k, &who, k, temperature_of(s)); k++) {
        const series *p = all + 3 + k;
        if (p->n) curve[n++] = (hg_curve) { who, p->n, p->time, p->rho, NULL, false };
    }
    if (isfinite(temperature_of(s)))
        hg_print(temperature, sizeof temperature, "T = %.4g, ", s->coldest);
    else if (isfinite(s->coldest))
        hg_print(temperature, sizeof temperature, "T = %.4g to %.4g, ", s->coldest, s->hottest);
    hg_print(title, sizeof title, "%s%zu snapshot%s, tier %s: %s", temperature, s->score[0].snapshots,
             s->score[0].snapshots == 1 ? "" : "s", hg_glass_tier(f->state), hg_glass_tier_words(f->state));
    const hg_curves c = { .curve = curve,
                          .n_curves = n,
                          .n_attainable = attainable->n,
                          .attainable_time = attainable->time,
                          .attainable = attainable->rho,
                          .tau = hg_glass_relaxation_time(temperature_of(s)),
                          .title = title };
    hg_figure_format format = HG_FIGURE_PNG;
    hg_bytes bytes;
    HG_TRY(cli_glass_format(&format, path, err));
    HG_TRY(hg_curves_draw(&bytes, &c, format, err));
    const hg_status st = cli_result(run, path, bytes.data, bytes.len, err);
    hg_bytes_free(&bytes);
    return st;
}

static hg_status draw_scatter(cli_run *run, const char *path, const hg_floor_facts *f, const hg_glass_points *p,
                              hg_err *err) {
    char what[80];
    hg_figure_format format = HG_FIGURE_PNG;
    hg_bytes bytes;
    if (p->n < 2)
        return hg_fail(err, HG_EDATA, "--time %g: no snapshot that was scored has labels of that time", p->time);
    hg_print(what, sizeof what, "A, t = %.6g, tier %s", p->time, hg_glass_tier(f->state));
    HG_TRY(cli_glass_format(&format, path, err));
    HG_TRY(hg_scatter_draw(&bytes, p->known, p->predicted, p->n, what, format, err));
    const hg_status st = cli_result(run, path, bytes.data, bytes.len, err);
    hg_bytes_free(&bytes);
    return st;
}

static void table_number(hg_text *t, double x) {
    if (isnan(x))
        hg_text_add(t, "\t");
    else
        hg_text_add(t, "\t%.6g", x);
}

/* What the pictures are made of. */
static hg_status write_table(cli_run *run, const char *path, const hg_floor_facts *f, const hg_glass_scores *s,
                             hg_err *err) {
    hg_text t = hg_text_new(0);
    const hg_glass_published *p;
    hg_text_add(&t, "who\tof\ttime\trho\terror\tcorrected\tattainable\tpooled\tspread\tsnapshots\n");
    for (size_t i = 0; i < s->n; i++) {
        const hg_glass_score *q = &s->score[i];
        const double x[] = { q->time, q->rho, q->error, q->corrected, q->attainable, q->pooled, q->spread };
        hg_text_add(&t, "tier %s\t%s", hg_glass_tier(f->state), hg_glass_scored_name(q->what));
        for (size_t k = 0; k < sizeof x / sizeof *x; k++) table_number(&t, x[k]);
        hg_text_add(&t, "\t%zu\n", q->snapshots);
    }
    for (size_t i = 0; (p = hg_glass_published_at(i)); i++)
        if (hg_glass_published_fits(p, temperature_of(s), p->time))
            hg_text_add(&t, "%s, published\tA\t%.6g\t%.6g\t\t\t\t\t\t100\n", p->who, p->time, p->rho);
    hg_status st = t.failed ? hg_fail(err, HG_ENOMEM, "no memory for a table") : HG_OK;
    if (st == HG_OK) st = cli_result(run, path, t.s, t.len, err);
    hg_text_free(&t);
    return st;
}

/* ---- the verb ----------------------------------------------------------------------------------------------------------- */

static hg_status deliver(cli_run *run, const hg_floor_facts *f, const hg_glass_scores *s, const hg_glass_points *p,
                         hg_err *err) {
    const char *rho = cli_value(&run->args, "rho"), *scatter = cli_value(&run->args, "scatter");
    const char *table = cli_value(&run->args, "table");
    if (hg_glass_foreign(f, s->coldest, s->hottest))
        hg_log(&run->hooks, HG_LOG_WARN,
               "the snapshots' temperatures are %g to %g, the model has learned from %g to %g: do not trust it",
               s->coldest, s->hottest, f->coldest, f->hottest);
    if (s->unlike)
        hg_log(&run->hooks, HG_LOG_WARN,
               "mean propensities of %zu snapshot%s come out far from those learned from: the liquid is another",
               s->unlike, s->unlike == 1 ? "" : "s");
    if (s->bare + s->other)
        hg_log(&run->hooks, HG_LOG_WARN, "%zu snapshot%s without labels and %zu with labels of other times left out",
               s->bare, s->bare == 1 ? "" : "s", s->other);
    if (rho) HG_TRY(draw_rho(run, rho, f, s, err));
    if (scatter) HG_TRY(draw_scatter(run, scatter, f, p, err));
    if (table) HG_TRY(write_table(run, table, f, s, err));
    return run->json ? print_scores_json(run, f, s, err) : print_scores(run, f, s, err);
}

static hg_status evaluate(cli_run *run, const hg_glass_model *m, hg_snapshot_set *set, hg_err *err) {
    const hg_floor_facts f = hg_glass_model_about(m);
    hg_glass_scores *s = hg_alloc(run->arena, 1, sizeof *s);
    if (!s) return hg_fail(err, HG_ENOMEM, "no memory for scores");
    hg_glass_points points = { .time = cli_number(&run->args, "time", f.time[f.n_times - 1]) };
    hg_status st =
        hg_glass_evaluate(s, cli_value(&run->args, "scatter") ? &points : NULL, m, set,
                          cli_has(&run->args, "all") ? HG_GLASS_ALL : HG_GLASS_TO_SCORE, run->pool, &run->hooks, err);
    if (st == HG_OK) st = deliver(run, &f, s, &points, err);
    hg_glass_points_free(&points);
    return st;
}

static hg_status check_options(const cli_args *a, hg_err *err) {
    hg_figure_format format;
    if (cli_has(a, "time") && !cli_has(a, "scatter"))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "--time is the time of --scatter, which is not asked for"),
                         "scores are of all times that the model and the labels have");
    HG_TRY(cli_glass_format(&format, cli_value(a, "rho"), err));
    return cli_glass_format(&format, cli_value(a, "scatter"), err);
}

static hg_status run_evaluate(cli_run *run, hg_err *err) {
    hg_snapshot_set *set;
    hg_glass_model *m;
    HG_TRY(check_options(&run->args, err));
    HG_TRY(hg_pool_new(&run->pool, cli_count(&run->args, "threads", 0), err));
    HG_TRY(cli_glass_open(&m, run, err));
    hg_status st = cli_glass_set(&set, run->args.positional[0], run, err);
    if (st == HG_OK) {
        st = evaluate(run, m, set, err);
        hg_snapshot_set_free(set);
    }
    hg_glass_model_free(m);
    return st;
}

/* ---- record --------------------------------------------------------------------------------------------------------- */

static const cli_option EVALUATE[] = {
    { .name = "model", .letter = 'm', .type = CLI_TEXT, .argument = "MODEL", .help = "Folder or name of the model." },
    { .name = "all", .help = "Score snapshots, too, that say they are to learn from." },
    { .name = "rho",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help =
          "Draw the correlation over the logarithm of time (PNG, SVG or PDF by the ending): mean over snapshots with its standard error, what noise of "
          "the labels allows, and published curves of that temperature." },
    { .name = "scatter",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "Draw predicted against simulated propensities of A, with the ratio of their variances." },
    { .name = "time",
      .type = CLI_NUMBER,
      .argument = "T",
      .min = 1e-6,
      .max = 1e12,
      .fallback = "the model's last one",
      .help = "Time of --scatter." },
    { .name = "table",
      .type = CLI_OUTPUT,
      .argument = "FILE",
      .help = "Write the numbers of the pictures, separated by tabs." },
    CLI_GLASS_SPECIES,
    CLI_GLASS_TEMPERATURE,
    CLI_GLASS_LABEL_TIME,
    CLI_THREADS("How many threads to compute with."),
    { .name = NULL },
};
static const cli_group EVALUATE_GROUP = { "Evaluation", EVALUATE };
static const cli_group *const EVALUATE_GROUPS[] = { &EVALUATE_GROUP, NULL };
static const cli_example EVALUATE_EXAMPLES[] = {
    { "hagane glass evaluate unseen --model mobile --json", "score a model on a folder of labelled snapshots" },
    { "hagane glass evaluate unseen --model mobile --rho rho.svg --scatter scatter.png --table rho.tsv",
      "the same as pictures, and the numbers in them" },
    { .command = NULL },
};
const cli_verb cli_glass_evaluate_record = {
    .name = "glass evaluate",
    .summary = "score predictions of liquids on labelled snapshots",
    .description =
        "Pearson's correlation of predicted and simulated propensities, for each time and species, and of changes of the length of AA bonds "
        "(closer than 1.35): the mean over snapshots with its standard error; corrected, each divided by what the noise of its labels allows; pooled, over all "
        "snapshots at once. Spread is the variance of predictions by that of labels: below 1 predictions are too much alike. Published figures of the same temperature and time stand beside.",
    .positional = cli_glass_snapshots,
    .groups = EVALUATE_GROUPS,
    .examples = EVALUATE_EXAMPLES,
    .json =
        "schema \"hagane.glass-evaluate/1\": model, tier, coldest and hottest (temperatures of the snapshots), foreign (true: not those of the model), unlike (how many have mean propensities far from those learned from); scores: time, of (A, B or AA), snapshots, n, rho, error, corrected, attainable, "
        "pooled, spread; published: who, time, rho.",
    .run = run_evaluate,
};
