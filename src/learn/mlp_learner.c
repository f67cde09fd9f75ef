/* learn/mlp_learner.c -- an ensemble of multilayer perceptrons (learn/mlp.h) as a learner
 *
 * Members have the same layers, each half as wide as the one before. Each has first weights, an order of rows and a tenth of the rows of its own, which it does not
 * learn from and by which its best epoch is chosen. The value is the mean of the members, their standard deviation is the spread (Lakshminarayanan,
 * Pritzel & Blundell, NeurIPS 2017, without adversarial examples); probabilities are means, too. The rate rises and falls over all epochs
 * (Smith & Topin 2019), weights are averaged over steps. Targets of a regression have mean 0 and standard deviation 1 inside; so have inputs, and what is far
 * out is drawn in, z / sqrt(1 + (z / 2)^2) (Holzmueller, Grinsztajn & Steinwart, NeurIPS 2024, with 3): a rare element's fraction stands tens of deviations out.
 */
#include "core/memory.h"
#include "learn/mlp.h"
#include "learn/mlp_learner.h"
#include "learn/records.h"
#include "learn/rows_parts.h"
#include "learn/scaling.h"
#include <math.h>
#include <string.h>

enum { MEMBERS, LAYERS, WIDTH, EPOCHS, BATCH, RATE, DECAY, CORNER, OPTIONS_COUNT };
enum { PARTS = 10, EPOCHS_LEAST = 20, EPOCHS_MOST = 300, MEMBERS_MOST = 256, HIDDEN_MOST = 5, COLUMNS_MOST = 10000 };
static const double STEPS = 10000;                  /* worth taking, when epochs are not given */
static const size_t MANY = 20000, EPOCHS_MANY = 40; /* beyond so many rows: docs/models-of-tables.md */
static const hg_function ACT = HG_SILU;

typedef struct {
    hg_scaling scaling;
    hg_mlp_shape shape;
    size_t members, size; /* numbers of a member */
    float *weights;       /* [members,size] */
    double unit[2];       /* mean and standard deviation of the targets */
} ensemble;

static void ensemble_free(void *model) {
    ensemble *m = model;
    if (!m) return;
    hg_scaling_free(&m->scaling);
    hg_free(m->weights);
    hg_free(m);
}

static hg_status new_ensemble(ensemble **out, const hg_mlp_shape *s, size_t members, hg_err *err) {
    ensemble *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->shape = *s;
        m->members = members;
        m->size = hg_mlp_size(s);
        m->weights = hg_calloc(m->size <= SIZE_MAX / members ? members * m->size : SIZE_MAX, sizeof *m->weights);
    }
    if (m && m->weights) return HG_OK;
    ensemble_free(m);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for %zu networks", members);
}

/* ---- fit ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    float *x, *y;      /* [n,d] and [n], scaled */
    hg_mlp_task *task; /* [members] */
    size_t *part;      /* [n] */
} desk;

static size_t outputs_of(size_t classes) { return classes ? classes : 1; }

static hg_mlp_shape shape_of(const double *option, size_t d, size_t classes) {
    hg_mlp_shape s = { .layers = (size_t)option[LAYERS] + 1, .width = { d } };
    for (size_t l = 1; l < s.layers; l++) {
        const size_t half = (size_t)option[WIDTH] >> (l - 1);
        s.width[l] = half > 8 ? half : 8;
    }
    s.width[s.layers] = outputs_of(classes);
    return s;
}

static void scale_targets(ensemble *m, float *y, const hg_rows *rows) {
    double sum = 0;
    m->unit[0] = 0, m->unit[1] = 1;
    for (size_t i = 0; i < rows->n && !rows->classes; i++) m->unit[0] += rows->y[i] / (double)rows->n;
    for (size_t i = 0; i < rows->n; i++) sum += (rows->y[i] - m->unit[0]) * (rows->y[i] - m->unit[0]);
    if (!rows->classes && sum > 0) m->unit[1] = sqrt(sum / (double)rows->n);
    for (size_t i = 0; i < rows->n; i++) y[i] = (float)((rows->y[i] - m->unit[0]) / m->unit[1]);
}

/* One of `most` parts of the groups to choose the epoch by, another one for each member; where there is one group: none. */
static hg_status choose_rows(hg_mlp_task *t, size_t *part, size_t most, const hg_rows *rows, hg_arena *mem,
                             hg_err *err) {
    size_t *row = hg_alloc(mem, rows->n, sizeof *row), judge = 0;
    const size_t parts = hg_rows_split(part, rows, most, t->seed);
    if (!row || !parts) return hg_fail(err, HG_ENOMEM, "no memory for %zu rows", rows->n);
    for (size_t i = 0; i < rows->n; i++) judge += parts > 1 && part[i] == 0;
    t->train = row;
    t->judge = row + rows->n - judge;
    for (size_t i = 0; i < rows->n; i++)
        row[parts > 1 && part[i] == 0 ? rows->n - judge + t->n_judge++ : t->n_train++] = i;
    return HG_OK;
}

static hg_status set_desk(desk *w, ensemble *m, const hg_rows *rows, const hg_learning *how, hg_arena *mem,
                          hg_err *err) {
    *w = (desk) { hg_alloc(mem, rows->n * rows->d, sizeof(float)), hg_alloc(mem, rows->n, sizeof(float)),
                  hg_alloc(mem, m->members, sizeof(hg_mlp_task)), hg_alloc(mem, rows->n, sizeof(size_t)) };
    if (!w->x || !w->y || !w->task || !w->part)
        return hg_fail(err, HG_ENOMEM, "no memory for %zu rows of %zu numbers", rows->n, rows->d);
    HG_TRY(hg_scaling_fit(&m->scaling, rows, err));
    hg_scaling_squash(w->x, &m->scaling, rows->x, rows->n);
    scale_targets(m, w->y, rows);
    for (size_t k = 0; k < m->members; k++) {
        hg_rng r = hg_rng_make(how->seed, k);
        w->task[k] = (hg_mlp_task) { .shape = m->shape, .seed = hg_rng_u64(&r), .weights = m->weights + k * m->size };
        HG_TRY(choose_rows(&w->task[k], w->part, PARTS, rows, mem, err));
    }
    return HG_OK;
}

static hg_mlp_opts opts_of(const double *option, size_t n) {
    hg_mlp_opts o = hg_mlp_opts_default();
    const double least = (double)(n > MANY ? EPOCHS_MANY : EPOCHS_LEAST);
    const double enough = ceil(STEPS * option[BATCH] / (double)n);
    o.act = ACT;
    o.batch = (size_t)option[BATCH];
    o.epochs = (size_t)(option[EPOCHS] > 0 ? option[EPOCHS] : fmin(fmax(enough, least), EPOCHS_MOST));
    o.rate = option[RATE];
    o.decay = option[DECAY];
    o.beta2 = 0.98;
    o.average = 0.999;
    o.corner = option[CORNER];
    o.schedule = HG_RATE_ONE_CYCLE;
    return o;
}

static hg_status learn(ensemble *m, const hg_rows *rows, const hg_learning *how, hg_arena *mem, hg_err *err) {
    const hg_mlp_opts o = opts_of(how->option, rows->n);
    desk w;
    HG_TRY(set_desk(&w, m, rows, how, mem, err));
    const hg_mlp_rows scaled = { .n = rows->n, .x = w.x, .y = w.y, .classes = rows->classes };
    return hg_mlp_train(w.task, m->members, &scaled, &o, how->pool, how->hooks, err);
}

static hg_status mlp_fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    const hg_mlp_shape s = shape_of(how->option, rows->d, rows->classes);
    ensemble *m;
    *model = NULL;
    HG_TRY(new_ensemble(&m, &s, (size_t)how->option[MEMBERS], err));
    hg_arena *mem = hg_arena_new();
    const hg_status st = mem ? learn(m, rows, how, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for networks");
    hg_arena_free(mem);
    if (st == HG_OK)
        *model = m;
    else
        ensemble_free(m);
    return st;
}

/* What it keeps of a network is five times its weights. */
static const char *mlp_suits(const hg_rows *rows) {
    if (rows->d > COLUMNS_MOST) return "takes 10000 columns at most";
    return rows->d < 1 ? "needs columns of numbers" : NULL;
}

/* ---- predict --------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *sd;
    const ensemble *m;
    const hg_rows *rows;
} prediction;

static void add_probabilities(double *p, const float *logit, size_t k, double share) {
    double most = -INFINITY, all = 0;
    for (size_t q = 0; q < k; q++) most = fmax(most, (double)logit[q]);
    for (size_t q = 0; q < k; q++) all += exp((double)logit[q] - most);
    for (size_t q = 0; q < k; q++) p[q] += share * exp((double)logit[q] - most) / all;
}

/* value[members,n,k] of rows from `begin` on, one after another, become means, and spreads of a regression. */
static void average(const prediction *p, const float *value, size_t begin, size_t n) {
    const ensemble *m = p->m;
    const size_t k = m->shape.width[m->shape.layers], members = m->members;
    const double share = 1 / (double)members;
    for (size_t i = 0; i < n; i++) {
        double *out = p->out + (begin + i) * k, sum = 0;
        for (size_t q = 0; q < k; q++) out[q] = 0;
        for (size_t e = 0; e < members; e++) {
            const float *v = value + (e * n + i) * k;
            if (p->rows->classes)
                add_probabilities(out, v, k, share);
            else
                out[0] += share * (double)v[0];
        }
        if (p->rows->classes) continue;
        for (size_t e = 0; e < members; e++)
            sum += ((double)value[e * n + i] - out[0]) * ((double)value[e * n + i] - out[0]);
        out[0] = m->unit[0] + m->unit[1] * out[0];
        if (p->sd) p->sd[begin + i] = members > 1 ? m->unit[1] * sqrt(sum / (double)(members - 1)) : NAN;
    }
}

static hg_status predict_rows(const void *ctx, size_t begin, size_t n) {
    const prediction *p = ctx;
    const ensemble *m = p->m;
    const size_t d = m->scaling.d, k = m->shape.width[m->shape.layers];
    float *x = hg_malloc(n * d, sizeof *x), *value = hg_malloc(m->members * n * k, sizeof *value);
    hg_status st = x && value ? HG_OK : HG_ENOMEM;
    if (st == HG_OK) hg_scaling_squash(x, &m->scaling, p->rows->x + begin * d, n);
    for (size_t e = 0; e < m->members && st == HG_OK; e++)
        st = hg_mlp_apply(value + e * n * k, &m->shape, ACT, m->weights + e * m->size, x, n, NULL);
    if (st == HG_OK) average(p, value, begin, n);
    hg_free(x);
    hg_free(value);
    return st;
}

static hg_status mlp_predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool,
                             hg_err *err) {
    return hg_rows_parts(predict_rows, &(prediction) { out, sd, model, rows }, rows->n, pool, err);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static hg_status mlp_save(const void *model, hg_shelf *to, hg_err *err) {
    const ensemble *m = model;
    const size_t shape[2] = { m->members, m->size }, widths = m->shape.layers + 1;
    int64_t width[HG_MLP_LAYERS + 1];
    for (size_t l = 0; l < widths; l++) width[l] = (int64_t)m->shape.width[l];
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "width", HG_STORED_I64, &widths, 1, width, err));
    HG_TRY(hg_shelf_put(to, "weights", HG_STORED_F32, shape, 2, m->weights, err));
    return hg_shelf_doubles(to, "unit", m->unit, 2, err);
}

/* The file's widths and number of networks, which may be anything, as a model of that shape. */
static hg_status read_shape(hg_mlp_shape *s, size_t *members, const hg_shelf_view *from, size_t d, size_t classes,
                            hg_err *err) {
    const size_t any[2] = { HG_SHELF_ANY, HG_SHELF_ANY };
    const hg_stored *width, *weights;
    HG_TRY(hg_shelf_get(&width, from, "width", HG_STORED_I64, any, 1, err));
    HG_TRY(hg_shelf_get(&weights, from, "weights", HG_STORED_F32, any, 2, err));
    *s = (hg_mlp_shape) { .layers = width->count - 1 };
    bool good = width->count >= 2 && width->count <= HG_MLP_LAYERS + 1;
    for (size_t l = 0; good && l <= s->layers; l++) {
        const int64_t w = ((const int64_t *)width->data)[l];
        good = w > 0 && w <= UINT32_MAX;
        s->width[l] = (size_t)w;
    }
    good = good && s->width[0] == d && s->width[s->layers] == outputs_of(classes) && hg_mlp_size(s) != SIZE_MAX;
    *members = weights->shape[0];
    if (!good || *members < 1 || *members > MEMBERS_MOST || weights->shape[1] != hg_mlp_size(s))
        return hg_fail(err, HG_EDATA, "%s: the networks have other layers than these rows need", from->source);
    return HG_OK;
}

static hg_status read_model(ensemble *m, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t shape[2] = { m->members, m->size };
    const hg_stored *t;
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    HG_TRY(hg_shelf_get(&t, from, "weights", HG_STORED_F32, shape, 2, err));
    memcpy(m->weights, t->data, t->count * sizeof *m->weights);
    return hg_shelf_get_doubles(m->unit, from, "unit", 2, err);
}

static hg_status mlp_load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    hg_mlp_shape s;
    size_t members;
    ensemble *m;
    *model = NULL;
    HG_TRY(read_shape(&s, &members, from, d, classes, err));
    HG_TRY(new_ensemble(&m, &s, members, err));
    const hg_status st = read_model(m, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        ensemble_free(m);
    return st;
}

/* ---- learning on -------------------------------------------------------------------------------------------------------- */

size_t hg_mlp_inputs(const void *model) { return ((const ensemble *)model)->shape.width[0]; }

size_t hg_mlp_hidden_size(const void *model) {
    const ensemble *m = model;
    return m->shape.layers > 1 ? m->members * m->shape.width[m->shape.layers - 1] : 0;
}

/* A network without its last layer gives what goes into the activation. */
hg_status hg_mlp_hidden(float *out, const void *model, const float *x, size_t n, hg_err *err) {
    const ensemble *m = model;
    hg_mlp_shape s = m->shape;
    s.layers--;
    const size_t h = s.width[s.layers], all = m->members * h;
    float *z = hg_malloc(n * m->scaling.d, sizeof *z), *own = hg_malloc(n * h, sizeof *own);
    hg_status st = z && own ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for hidden layers");
    if (st == HG_OK) hg_scaling_squash(z, &m->scaling, x, n);
    for (size_t e = 0; e < m->members && st == HG_OK; e++) {
        st = hg_mlp_apply(own, &s, ACT, m->weights + e * m->size, z, n, err);
        for (size_t i = 0; i < n && st == HG_OK; i++)
            for (size_t j = 0; j < h; j++) {
                const float v = own[i * h + j];
                out[i * all + e * h + j] = v / (1 + expf(-v)); /* SiLU */
            }
    }
    hg_free(z);
    hg_free(own);
    return st;
}

static hg_status copy_of(ensemble **out, const ensemble *m, hg_err *err) {
    HG_TRY(new_ensemble(out, &m->shape, m->members, err));
    memcpy((*out)->weights, m->weights, m->members * m->size * sizeof *m->weights);
    const hg_status st = hg_scaling_copy(&(*out)->scaling, &m->scaling, err);
    if (st == HG_OK) return HG_OK;
    ensemble_free(*out);
    *out = NULL;
    return st;
}

/* The straight line from what the network says to y, by least squares drawn a little to the level, becomes part of its last layer. */
static hg_status bring_closer(float *weights, const ensemble *m, const float *x, const float *y, size_t n, float *says,
                              hg_err *err) {
    static const double PULL = 0.01; /* of the variance that outputs had when they were learned */
    double mean = 0, goal = 0, square = PULL, product = 0;
    HG_TRY(hg_mlp_apply(says, &m->shape, ACT, weights, x, n, err));
    for (size_t i = 0; i < n; i++) mean += (double)says[i] / (double)n, goal += (double)y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double e = (double)says[i] - mean;
        square += e * e / (double)n;
        product += e * ((double)y[i] - goal) / (double)n;
    }
    const double slope = product / square;
    const size_t last = m->shape.width[m->shape.layers - 1];
    float *w = weights + m->size - last - 1;
    for (size_t j = 0; j < last; j++) w[j] = (float)(slope * (double)w[j]);
    w[last] = (float)(slope * ((double)w[last] - mean) + goal);
    return HG_OK;
}

static hg_status tune(ensemble *m, const hg_rows *rows, const hg_mlp_tuning *t, const hg_learning *how, hg_arena *mem,
                      hg_err *err) {
    enum { JUDGE = 4, ROWS_A_STEP = 16 };
    float *x = hg_alloc(mem, rows->n * rows->d, sizeof *x), *y = hg_alloc(mem, rows->n, sizeof *y);
    float *says = hg_alloc(mem, rows->n, sizeof *says);
    size_t *part = hg_alloc(mem, rows->n, sizeof *part);
    hg_mlp_task *task = hg_alloc(mem, m->members, sizeof *task);
    if (!x || !y || !says || !part || !task) return hg_fail(err, HG_ENOMEM, "no memory to learn on");
    hg_scaling_squash(x, &m->scaling, rows->x, rows->n);
    scale_targets(m, y, rows);
    for (size_t k = 0; k < m->members; k++) {
        float *w = m->weights + k * m->size;
        hg_rng r = hg_rng_make(how->seed, k);
        HG_TRY(bring_closer(w, m, x, y, rows->n, says, err));
        task[k] = (hg_mlp_task) { .shape = m->shape, .seed = hg_rng_u64(&r), .start = w, .weights = w };
        HG_TRY(choose_rows(&task[k], part, JUDGE, rows, mem, err));
    }
    const hg_mlp_rows scaled = { .n = rows->n, .x = x, .y = y };
    hg_mlp_opts o = hg_mlp_opts_default();
    o.act = ACT, o.batch = ROWS_A_STEP, o.epochs = t->epochs, o.patience = t->patience;
    o.rate = t->rate, o.frozen = m->shape.layers - 1;
    HG_TRY(hg_mlp_train(task, m->members, &scaled, &o, how->pool, how->hooks, err));
    o.rate = t->rate / 5, o.frozen = 0;
    return hg_mlp_train(task, m->members, &scaled, &o, how->pool, how->hooks, err);
}

hg_status hg_mlp_tune(void **out, const void *model, const hg_rows *rows, const hg_mlp_tuning *t,
                      const hg_learning *how, hg_err *err) {
    const ensemble *from = model;
    ensemble *m = NULL;
    *out = NULL;
    if (rows->classes || from->shape.width[from->shape.layers] != 1 || rows->d != from->scaling.d)
        return hg_fail(err, HG_EDATA, "networks of other inputs, or of classes, cannot learn on from here");
    hg_arena *mem = hg_arena_new();
    hg_status st = mem ? copy_of(&m, from, err) : hg_fail(err, HG_ENOMEM, "no memory to learn on");
    if (st == HG_OK) st = tune(m, rows, t, how, mem, err);
    hg_arena_free(mem);
    if (st == HG_OK)
        *out = m;
    else
        ensemble_free(m);
    return st;
}

static const hg_train_option OPTIONS[OPTIONS_COUNT] = {
    [MEMBERS] = { "members", "", 8, 1, MEMBERS_MOST, true, "networks whose mean is the value" },
    [LAYERS] = { "layers", "", 2, 1, HIDDEN_MOST, true, "hidden layers" },
    [WIDTH] = { "width", "", 256, 8, 2048, true, "units of the first hidden layer, each next one has half" },
    [EPOCHS] = { "epochs", "", 0, 0, 100000, true,
                 "times through the rows; 0: 20 to 300, for 10,000 steps, and 40 beyond 20,000 rows" },
    [BATCH] = { "batch", "", 32, 1, HG_MLP_BATCH, true, "rows a step" },
    [RATE] = { "rate", "", 2e-3, 1e-6, 1, false, "the highest learning rate" },
    [DECAY] = { "decay", "", 1e-2, 0, 10, false, "weight decay" },
    [CORNER] = { "corner", "", 0.05, 1e-3, 1e3, false,
                 "errors beyond count linearly, in standard deviations of the target" },
};

const hg_learner hg_mlp_learner = {
    .name = "mlp",
    .version = "mlp 2",
    .help = "the mean of multilayer perceptrons",
    .option = OPTIONS,
    .n_options = OPTIONS_COUNT,
    .suits = mlp_suits,
    .members = "members",
    .bags = true,
    .fit = mlp_fit,
    .predict = mlp_predict,
    .save = mlp_save,
    .load = mlp_load,
    .free = ensemble_free,
};
