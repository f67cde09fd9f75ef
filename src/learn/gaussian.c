/* learn/gaussian.c -- the Gaussian process of bayes/ as a learner of tables: its own standard deviations come with it
 *
 * Columns are scaled here and share one length scale: hundreds of numbers of a descriptor have too many for one each. What is
 * kept are rows, values and hyper-parameters; reading a model factorises again. Predictions go in blocks of one size, so that a
 * row's bits are its own. Hyper-parameters are learned from at most TUNED rows, evenly drawn from the table: a gradient of
 * the evidence costs the cube of their number, and they hardly change with more.
 */
#include "core/memory.h"
#include "hagane/gp.h"
#include "learn/records.h"
#include "learn/scaling.h"
#include "num/linalg.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 64, TUNED = 800, ROWS_MOST = 12000, COLUMNS_MOST = 4000, PARAMS = 8 };

typedef struct {
    hg_scaling scaling;
    size_t n, n_params;
    double *z, *y; /* [n,d], [n] */
    double params[PARAMS], seed, noise;
    hg_gp *gp;
} gp_model;

static void gp_free(void *model) {
    gp_model *m = model;
    if (!m) return;
    hg_gp_free(m->gp);
    hg_scaling_free(&m->scaling);
    hg_free(m->z);
    hg_free(m->y);
    hg_free(m);
}

static hg_status new_model(gp_model **out, size_t n, size_t d, hg_err *err) {
    gp_model *m = *out = hg_calloc(1, sizeof *m);
    if (m) {
        m->n = n;
        m->z = hg_calloc(n * d, sizeof *m->z);
        m->y = hg_calloc(n, sizeof *m->y);
    }
    if (m && m->z && m->y) return HG_OK;
    gp_free(m);
    *out = NULL;
    return hg_fail(err, HG_ENOMEM, "no memory for a Gaussian process of %zu rows", n);
}

/* The hyper-parameters, from every so many-th row. */
static hg_status tune(gp_model *m, const hg_gp_opts *o, hg_err *err) {
    const size_t d = m->scaling.d, n = m->n < TUNED ? m->n : TUNED;
    double *z = hg_malloc(n * d, sizeof *z), *y = hg_malloc(n, sizeof *y);
    hg_status st = z && y ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a Gaussian process");
    for (size_t i = 0; st == HG_OK && i < n; i++) {
        const size_t row = i * m->n / n;
        memcpy(z + i * d, m->z + row * d, d * sizeof *z);
        y[i] = m->y[row];
    }
    if (st == HG_OK) st = hg_gp_fit(&m->gp, z, y, n, d, o, err);
    if (st == HG_OK) m->n_params = hg_gp_params(m->gp, m->params, PARAMS);
    hg_gp_free(m->gp);
    m->gp = NULL;
    hg_free(z);
    hg_free(y);
    return st;
}

/* learn: the hyper-parameters first, then the model with them: the same bits as one that was read. */
static hg_status condition(gp_model *m, bool learn, hg_pool *pool, hg_err *err) {
    const size_t d = m->scaling.d;
    size_t *group = hg_calloc(d, sizeof *group); /* all 0: one group */
    double *shift = hg_calloc(d, sizeof *shift), *scale = hg_calloc(d, sizeof *scale);
    hg_status st = group && shift && scale ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for a Gaussian process");
    for (size_t j = 0; st == HG_OK && j < d; j++) scale[j] = 2 * sqrt((double)d); /* most distances are below 1 */
    hg_gp_opts o = hg_gp_opts_default();
    o.group = group, o.x_shift = shift, o.x_scale = scale;
    o.restarts = 1;
    o.seed = (uint64_t)m->seed;
    if (st == HG_OK && learn) {
        o.pool = pool;
        st = tune(m, &o, err);
    }
    o.learn = false, o.pool = NULL, o.params = m->params, o.n_params = m->n_params;
    if (st == HG_OK) st = hg_gp_fit(&m->gp, m->z, m->y, m->n, d, &o, err);
    if (st == HG_OK) m->noise = hg_gp_noise_sd(m->gp);
    hg_free(group);
    hg_free(shift);
    hg_free(scale);
    return st;
}

static hg_status fit(void **model, const hg_rows *rows, const hg_learning *how, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    gp_model *m;
    *model = NULL;
    HG_TRY(new_model(&m, rows->n, rows->d, err));
    m->seed = (double)(how->seed & 0xffffffffu); /* exact in the file */
    hg_status st = hg_scaling_fit(&m->scaling, rows, err);
    if (st == HG_OK) {
        hg_scaling_apply(m->z, &m->scaling, rows->x, rows->n);
        memcpy(m->y, rows->y, rows->n * sizeof *m->y);
        st = condition(m, true, how->pool, err);
    }
    if (st == HG_OK)
        *model = m;
    else
        gp_free(m);
    return st;
}

static const char *suits(const hg_rows *rows) {
    if (rows->classes) return "learns values, not classes";
    if (rows->d > COLUMNS_MOST) return "takes 4000 columns at most";
    return rows->n > ROWS_MOST ? "takes 12000 rows at most" : NULL;
}

/* ---- predict ------------------------------------------------------------------------------------------------------- */

typedef struct {
    double *out, *sd;
    const gp_model *m;
    const hg_rows *rows;
    hg_arena **mem;    /* [workers] */
    hg_status *status; /* [workers] */
} prediction;

static hg_status predict_block(const prediction *p, size_t begin, size_t n, hg_arena *mem) {
    const gp_model *m = p->m;
    const size_t d = m->scaling.d;
    double *z = hg_alloc(mem, BLOCK * d, sizeof *z), *mean = hg_alloc(mem, BLOCK, sizeof *mean),
           *var = hg_alloc(mem, BLOCK, sizeof *var);
    if (!z || !mean || !var) return HG_ENOMEM;
    hg_scaling_apply(z, &m->scaling, p->rows->x + begin * d, n);
    HG_TRY(hg_gp_predict(mean, var, m->gp, z, BLOCK, mem, NULL));
    for (size_t i = 0; i < n; i++) {
        p->out[begin + i] = mean[i];
        if (p->sd) p->sd[begin + i] = sqrt(var[i] + m->noise * m->noise);
    }
    return HG_OK;
}

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction *p = ctx;
    const hg_mark mark = hg_arena_mark(p->mem[worker]);
    const hg_status st = predict_block(p, begin, end - begin, p->mem[worker]);
    hg_arena_reset(p->mem[worker], mark);
    if (st != HG_OK) p->status[worker] = st;
}

static hg_status predict(double *out, double *sd, const void *model, const hg_rows *rows, hg_pool *pool, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t workers = hg_pool_threads(pool);
    prediction p = { .out = out, .sd = sd, .m = model, .rows = rows };
    p.mem = hg_calloc(workers, sizeof *p.mem);
    p.status = hg_calloc(workers, sizeof *p.status);
    bool ok = p.mem && p.status;
    for (size_t w = 0; ok && w < workers; w++) ok = (p.mem[w] = hg_arena_new()) != NULL;
    if (ok) hg_pool_for(pool, rows->n, BLOCK, predict_task, &p);
    for (size_t w = 0; p.mem && w < workers; w++) {
        if (p.status && p.status[w] != HG_OK) ok = false;
        hg_arena_free(p.mem[w]);
    }
    hg_free(p.mem);
    hg_free(p.status);
    return ok ? HG_OK : hg_fail(err, HG_ENOMEM, "no memory for predictions");
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static hg_status save(const void *model, hg_shelf *to, hg_err *err) {
    const gp_model *m = model;
    const size_t rows[2] = { m->n, m->scaling.d };
    HG_TRY(hg_scaling_save(&m->scaling, to, err));
    HG_TRY(hg_shelf_put(to, "rows", HG_STORED_F64, rows, 2, m->z, err));
    HG_TRY(hg_shelf_doubles(to, "values", m->y, m->n, err));
    HG_TRY(hg_shelf_doubles(to, "parameters", m->params, m->n_params, err));
    return hg_shelf_doubles(to, "seed", &m->seed, 1, err);
}

static hg_status read_model(gp_model *m, const hg_stored *rows, const hg_shelf_view *from, size_t d, hg_err *err) {
    const size_t any = HG_SHELF_ANY;
    const hg_stored *t;
    HG_TRY(hg_scaling_load(&m->scaling, from, d, err));
    memcpy(m->z, rows->data, rows->count * sizeof *m->z);
    HG_TRY(hg_shelf_get_doubles(m->y, from, "values", m->n, err));
    HG_TRY(hg_shelf_get(&t, from, "parameters", HG_STORED_F64, &any, 1, err));
    if (t->count > PARAMS) return hg_fail(err, HG_EDATA, "%s: more hyper-parameters than a kernel has", from->source);
    m->n_params = t->count;
    if (t->count) memcpy(m->params, t->data, t->count * sizeof *m->params);
    HG_TRY(hg_shelf_get_doubles(&m->seed, from, "seed", 1, err));
    if (!(m->seed >= 0 && m->seed <= 4294967295.0))
        return hg_fail(err, HG_EDATA, "%s: a seed that there is not", from->source);
    return condition(m, false, NULL, err);
}

static hg_status load(void **model, const hg_shelf_view *from, size_t d, size_t classes, hg_err *err) {
    HG_ONE_BLAS_THREAD;
    const size_t shape[2] = { HG_SHELF_ANY, d };
    const hg_stored *rows;
    gp_model *m;
    *model = NULL;
    if (classes) return hg_fail(err, HG_EDATA, "%s: a Gaussian process of classes", from->source);
    HG_TRY(hg_shelf_get(&rows, from, "rows", HG_STORED_F64, shape, 2, err));
    if (rows->shape[0] == 0 || rows->shape[0] > ROWS_MOST)
        return hg_fail(err, HG_EDATA, "%s: a Gaussian process of %zu rows", from->source, rows->shape[0]);
    HG_TRY(new_model(&m, rows->shape[0], d, err));
    const hg_status st = read_model(m, rows, from, d, err);
    if (st == HG_OK)
        *model = m;
    else
        gp_free(m);
    return st;
}

const hg_learner hg_gp_learner = {
    .name = "gp",
    .version = "gp 1",
    .help = "a Gaussian process, whose standard deviations tell where it knows little",
    .suits = suits,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = gp_free,
};
