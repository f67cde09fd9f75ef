/* cli/campaign_models.c -- see cli/campaign_models.h */
#include "cli/campaign_models.h"
#include "cli/models.h"
#include "core/number.h"
#include "hagane/predictor.h"
#include <math.h>
#include <string.h>

typedef enum { AS_AUTO, AS_MEAN, AS_INPUT, AS_NOTHING } use;
static const char *const AS[] = {
    [AS_AUTO] = "auto", [AS_MEAN] = "mean", [AS_INPUT] = "input", [AS_NOTHING] = "nothing"
};

const char *cli_models_as_name(size_t i) { return i < sizeof AS / sizeof *AS ? AS[i] : NULL; }

static use use_of(const cli_run *run) {
    const char *said = cli_value(&run->args, "model-as");
    use u = AS_AUTO;
    for (int i = AS_AUTO; said && i <= AS_NOTHING; i++)
        if (strcmp(said, AS[i]) == 0) u = (use)i;
    return u;
}

/* ---- columns ---------------------------------------------------------------------------------------------------------- */

static hg_status add_column(hg_table *t, const hg_predictor *p, const char *name, cli_run *run, hg_err *err) {
    double *x = hg_alloc(run->arena, hg_table_rows(t), sizeof *x);
    if (!x) return hg_fail(err, HG_ENOMEM, "no memory for %zu predictions", hg_table_rows(t));
    HG_TRY(hg_predictor_say(x, p, t, cli_value(&run->args, "formula"), run->pool, err));
    return hg_table_add_numbers(t, name, x, err);
}

static hg_status load(hg_predictor **p, const char *word, hg_err *err) {
    char folder[CLI_MODEL_PATH];
    HG_TRY(cli_model_folder(folder, word, err));
    if (!hg_predictor_is(folder))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s is no model of tables", word),
                         "a model learned by `hagane train TABLE` or `hagane transfer` can say something of rows");
    return hg_predictor_load(p, folder, err);
}

/* "model NAME"; a table that has such a column already, the result of an earlier round, keeps it: the model is the same. */
static hg_status add_model(cli_campaign *c, cli_run *run, const char *word, hg_err *err) {
    hg_text name = hg_text_new(0);
    hg_predictor *p;
    size_t j;
    HG_TRY(load(&p, word, err));
    hg_text_add(&name, "model %s", hg_predictor_name(p));
    const char *kept = name.failed ? NULL : hg_arena_strdup(run->arena, name.s);
    hg_text_free(&name);
    hg_status st = kept ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for the options");
    hg_table *const table[] = { c->measured, c->candidates };
    for (size_t k = 0; k < 2 && st == HG_OK; k++)
        if (table[k] && hg_table_find(&j, table[k], kept, NULL) != HG_OK) st = add_column(table[k], p, kept, run, err);
    if (st == HG_OK) c->model[c->n_models++] = kept;
    hg_predictor_free(p);
    return st;
}

/* ---- how they are used --------------------------------------------------------------------------------------------------- */

static hg_status apply(cli_campaign *c, use u, const hg_features_opts *as_read, cli_run *run, hg_err *err) {
    hg_features_opts *f = &c->opts.features;
    *f = *as_read;
    c->opts.prior = u == AS_MEAN ? c->model : NULL;
    c->opts.n_prior = u == AS_MEAN ? c->n_models : 0;
    const bool list = u == AS_INPUT && f->columns, leave = u != AS_INPUT;
    const size_t before = list ? f->n_columns : leave ? f->n_exclude : 0;
    const char **all = hg_alloc(run->arena, before + c->n_models, sizeof *all);
    if (!all) return hg_fail(err, HG_ENOMEM, "no memory for the options");
    if (before) memcpy(all, list ? f->columns : f->exclude, before * sizeof *all);
    memcpy(all + before, c->model, c->n_models * sizeof *all);
    if (list) f->columns = all, f->n_columns = before + c->n_models;
    if (leave) f->exclude = all, f->n_exclude = before + c->n_models;
    return HG_OK;
}

hg_status cli_campaign_models(cli_campaign *c, cli_run *run, hg_err *err) {
    const size_t n = cli_given_times(&run->args, "model");
    if (n == 0 && cli_has(&run->args, "model-as"))
        return hg_fail(err, HG_EINVAL, "--model-as means nothing without --model");
    if (n > CLI_MAX_MODELS) return hg_fail(err, HG_EINVAL, "at most %d models can be asked", CLI_MAX_MODELS);
    if (n && c->space)
        return hg_fail(err, HG_EINVAL, "--model needs a table of candidates: a space has no rows to predict");
    for (size_t i = 0; i < n; i++) HG_TRY(add_model(c, run, cli_value_at(&run->args, "model", i), err));
    c->as_read = c->opts.features;
    const use u = use_of(run);
    return n ? apply(c, u == AS_AUTO ? AS_MEAN : u, &c->as_read, run, err) : HG_OK;
}

/* Sum of the logarithms of the densities that left-out values have; a prior mean has seen them for its slopes, which costs it a nat
 * for each (Akaike 1974). */
static double evidence(const hg_suggestions *s, size_t slopes) {
    double sum = 0;
    for (size_t g = 0; g < s->n_objectives; g++)
        for (size_t i = 0; i < s->loo[g].n; i++) {
            const double z = (s->loo[g].y[i] - s->loo[g].mean[i]) / s->loo[g].sd[i];
            sum -= 0.5 * z * z + log(s->loo[g].sd[i]) + 0.5 * log(2 * 3.14159265358979323846);
        }
    return sum - (double)(slopes * s->n_objectives);
}

static hg_status suggest_as(hg_suggestions **out, cli_campaign *c, use u, cli_run *run, hg_err *err) {
    HG_TRY(apply(c, u, &c->as_read, run, err));
    return hg_suggest(out, c->measured, c->candidates, c->space, &c->opts, err);
}

hg_status cli_campaign_suggest(hg_suggestions **out, cli_campaign *c, cli_run *run, hg_err *err) {
    static const char *const WORDS[] = {
        [AS_MEAN] = "taken as the prior mean", [AS_INPUT] = "taken as inputs", [AS_NOTHING] = "not used"
    };
    *out = NULL;
    if (c->n_models == 0 || use_of(run) != AS_AUTO)
        return hg_suggest(out, c->measured, c->candidates, c->space, &c->opts, err);
    double of[AS_NOTHING + 1];
    use best = AS_MEAN;
    for (int u = AS_MEAN; u <= AS_NOTHING; u++) {
        hg_suggestions *s;
        hg_err why = { 0 };
        const hg_status st = suggest_as(&s, c, (use)u, run, &why);
        of[u] = st == HG_OK ? evidence(s, u == AS_MEAN ? c->n_models : 0) : -INFINITY;
        /* Without the models there may be no input left, and a model that says the same of all rows is no input. */
        if (st != HG_OK && (st != HG_EDATA || u == AS_MEAN)) {
            hg_suggestions_free(*out);
            *out = NULL;
            if (err) *err = why;
            return st;
        }
        if (st != HG_OK) continue;
        if (u == AS_MEAN || of[u] > of[best]) {
            hg_suggestions_free(*out);
            *out = s;
            best = (use)u;
        } else {
            hg_suggestions_free(s);
        }
    }
    hg_print(c->models_said, sizeof c->models_said,
             "models are %s: leave-one-out evidence %.1f nats as the prior mean, %.1f as inputs, %.1f without",
             WORDS[best], of[AS_MEAN], of[AS_INPUT], of[AS_NOTHING]);
    hg_log(&run->hooks, HG_LOG_INFO, "%s", c->models_said);
    return apply(c, best, &c->as_read, run, err);
}
