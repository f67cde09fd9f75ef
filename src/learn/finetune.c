/* learn/finetune.c -- transfer by fine-tuning: a source's networks learn on from the rows, layer by layer, and stop early
 *
 * See hg_mlp_tune. What comes out are networks of the same shape, which the model holds itself; rows to predict bring the inputs.
 */
#include "learn/mlp_learner.h"
#include "learn/records.h"

enum { EPOCHS, PATIENCE, RATE, OPTIONS_COUNT };

/* The rows as the network sees them. */
static hg_rows as_inputs(const hg_rows *rows) {
    hg_rows r = *rows;
    r.x = rows->inputs, r.d = rows->inputs_d, r.sources = 0;
    r.network = NULL, r.inputs = NULL, r.inputs_d = 0;
    return r;
}

static hg_status finetune_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    const hg_rows own = as_inputs(rows);
    const hg_mlp_tuning t = { .epochs = (size_t)how->option[EPOCHS],
                              .patience = (size_t)how->option[PATIENCE],
                              .rate = how->option[RATE] };
    return hg_mlp_tune(model, rows->network, &own, &t, how, err);
}

static const char *finetune_suits(const hg_rows *rows) {
    if (rows->classes) return "learns numbers, not classes";
    return rows->network ? NULL : "needs a source that is a network (mlp)";
}

static hg_status finetune_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                                  hg_err *err) {
    const hg_rows own = as_inputs(rows);
    if (!rows->inputs || own.d != hg_mlp_inputs(model))
        return hg_fail(err, HG_EDATA, "the rows are not described as the fine-tuned networks' source was");
    return hg_mlp_learner.predict(out, sd, model, &own, pool, err);
}

static hg_status finetune_save(const void *model, hg_shelf *to, hg_err *err) {
    const double inputs = (double)hg_mlp_inputs(model);
    HG_TRY(hg_shelf_doubles(to, "inputs", &inputs, 1, err));
    return hg_mlp_learner.save(model, to, err);
}

static hg_status finetune_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    double inputs;
    (void)d;
    *model = NULL;
    HG_TRY(hg_shelf_get_doubles(&inputs, from, "inputs", 1, err));
    if (classes || !(inputs >= 1 && inputs <= 1e6) || inputs != (double)(size_t)inputs)
        return hg_fail(err, HG_EDATA, "%s: no fine-tuned networks are like these", from->source);
    return hg_mlp_learner.load(model, from, (size_t)inputs, 0, err);
}

static void finetune_free(void *model) { hg_mlp_learner.free(model); }

static const hg_train_option OPTIONS[OPTIONS_COUNT] = {
    [EPOCHS] = { "epochs", "", 200, 1, 100000, true, "times through the rows, each stage, at most" },
    [PATIENCE] = { "patience", "", 20, 1, 100000, true, "epochs without a better error before a stage ends" },
    [RATE] = { "rate", "", 1e-3, 1e-6, 1, false,
               "learning rate of the last layer; all layers then have a fifth of it" },
};

const hg_learner hg_finetune_learner = {
    .name = "fine-tune",
    .version = "fine-tune 1",
    .help = "transfer: a source's networks learn on, the last layer first, then all, and stop early",
    .of_sources = true,
    .option = OPTIONS,
    .n_options = OPTIONS_COUNT,
    .suits = finetune_suits,
    .fit = finetune_fit,
    .predict = finetune_predict,
    .save = finetune_save,
    .load = finetune_load,
    .free = finetune_free,
};
