/* bench/qdf.c -- Quantum Deep Field and its successor qdf2: are they right, how fast, and how far do they reach?
 *
 *   qdf [--json | --markdown] [--quick] [--threads N] [--alone]
 *
 * Data: the split of Quantum Deep Field's authors on QM9 (../shared/data/qdf-qm9): 11,831 molecules of at most 14
 * atoms to learn from, 1,480 of at most 14 (interpolation) and 116,041 of 15 to 29 atoms (extrapolation) to be judged
 * by; --quick: 1,500 of the latter, drawn by seed 1. Errors are mean absolute ones, kcal/mol. Models are the shipped
 * ones, models/qdf-classic (the authors' weights) and models/qdf2. Speed is processor time of one core from
 * coordinates to energies, over the 1,480 molecules; a training step is the loss of energy and that of the potential
 * with an Adam step after each, batches of 4, as the authors have them. PyTorch runs bench/peers/torch_qdf.py, but
 * with --alone: the same function and batches, one thread.
 *
 *   classic_max_abs_de_ev    largest difference from the authors' own predictions
 *   classic_mae_ev           their log has 0.05753
 *   classic_per_s_core       molecules a second, float
 *   classic_bf16_per_s_core  the same with products in bfloat16
 *   classic_bf16_de_kcal     mean difference of the two
 *   classic_18_atoms_per_s_core       molecules a second, float, of 18 atoms, the mean of QM9
 *   classic_bf16_18_atoms_per_s_core  the same with products in bfloat16
 *   torch_per_s_core         PyTorch, float
 *   train_per_s_core         molecules a second in training, float
 *   train_small_hk_per_s_core  the same with a map from density to potential of width 32 instead of 250
 *   torch_train_per_s_core   PyTorch
 *   qdf2_per_s_core          molecules a second, at most 14 atoms
 *   qdf2_large_per_s_core    the same of the larger ones
 *   interp_kcal              qdf2, 1,480 molecules
 *   extrap_kcal              qdf2, the larger ones
 *   extrap_23plus_kcal       qdf2, those of 23 and more atoms
 *   rotation_sd_kcal         qdf2: standard deviation over six orientations, mean over 20 molecules
 *   classic_rotation_sd_kcal  the same of the authors' function
 *   coverage90_in            share of the 1,480 inside the 90 % interval
 *   coverage90_out           share of the larger ones inside it
 *   outside_share_in         share of the 1,480 that qdf2 calls outside of what it knows
 *   outside_share            the same of the larger ones
 *   extrap_inside_kcal       error of the larger ones that are not
 *   extrap_outside_kcal      error of those that are
 *   forces_per_s_core        molecules a second with energy and forces, at most 14 atoms
 *   force_at_rest_ev_a       root mean square of a force's component at the 1,480, which are at rest, eV/angstrom
 *   dipole_in_d              mean length of the difference from RI-MP2's dipole, D, at most 14 atoms
 *   dipole_out_d             the same of larger ones
 *   homo_in_ev               error of the HOMO, eV (B3LYP), at most 14 atoms
 *   homo_out_ev              the same of larger ones
 *   lumo_in_ev               error of the LUMO, eV (B3LYP), at most 14 atoms
 *   lumo_out_ev              the same of larger ones
 *
 * Beside the last three kinds: `scaled` is the refined tight binding on the line (dipole: times the factor) that
 * suits 1,479 validation molecules best, `raw` the same as it is, `mean` those molecules' mean; `coverage90` the
 * share inside 90 % intervals.
 *
 *   peak_mb                  memory at its largest, MiB
 */
#include "core/memory.h"
#include "options.h"
#include "hagane/optimizer.h"
#include "models/qdf_kernel.h"
#include "qdf_common.h"
#include "tensor/params.h"
#include <sys/resource.h>

enum {
    QUICK = 1500,
    TURNED = 20,
    ORIENTATIONS = 6,
    TRAINED = 240,
    BATCH = 4,
    SMALL_HK = 32,
    MEAN_SIZE = 18,
    SIZED = 1000
};

static struct {
    bool json, markdown, quick, alone;
    size_t threads;
} OPTIONS = { .threads = 2 };

static hg_molecule *turned(hg_arena *mem, const hg_molecule *m, hg_rng *r) { /* by a random unit quaternion */
    hg_molecule *t = hg_molecule_new(mem, m->n);
    double q[4], norm = 0;
    for (int i = 0; i < 4; i++) q[i] = hg_rng_normal(r), norm += q[i] * q[i];
    for (int i = 0; i < 4; i++) q[i] /= sqrt(norm);
    const double a = q[0], b = q[1], c = q[2], d = q[3];
    const double R[9] = { a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
                          2 * (b * c + a * d),           a * a - b * b + c * c - d * d, 2 * (c * d - a * b),
                          2 * (b * d - a * c),           2 * (c * d + a * b),           a * a - b * b - c * c + d * d };
    memcpy(t->z, m->z, m->n);
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < 3; k++) {
            t->r[3 * i + k] = 0;
            for (size_t l = 0; l < 3; l++) t->r[3 * i + k] += R[3 * k + l] * m->r[3 * i + l];
        }
    return t;
}

/* ---- the published function -------------------------------------------------------------------------------------- */

typedef struct {
    double max_de, mae, per_s, bf16_per_s, bf16_de, train_per_s, train_small_hk_per_s, rotation_sd;
} classic_figures;

typedef struct {
    char id[40];
    double e;
} prediction;

static int by_id(const void *a, const void *b) {
    return strcmp(((const prediction *)a)->id, ((const prediction *)b)->id);
}

static prediction *authors(size_t *n) {
    char path[600];
    hg_err err;
    hg_table *t;
    size_t id, predicted;
    if (hg_csv_read(&t, shared(path, "qdf-qm9/qdf_predictions_test.tsv.xz"), NULL, &err) != HG_OK)
        stop_at("predictions", &err);
    if (hg_table_find(&id, t, "ID", &err) != HG_OK || hg_table_find(&predicted, t, "Predict", &err) != HG_OK)
        stop_at("predictions", &err);
    *n = hg_table_rows(t);
    prediction *p = calloc(*n, sizeof *p);
    for (size_t i = 0; i < *n; i++) {
        snprintf(p[i].id, sizeof p[i].id, "%s", hg_table_text(t, id, i));
        p[i].e = hg_table_column(t, predicted)->number[i];
    }
    hg_table_free(t);
    qsort(p, *n, sizeof *p, by_id);
    return p;
}

static double classic_energy(const hg_qdf *q, const uint16_t *packed, const hg_molecule *m, hg_arena *mem,
                             hg_qdf_room *room) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_qdf_input in;
    hg_err err;
    double e;
    if (hg_qdf_input_make(&in, m, false, mem, &err) != HG_OK) stop_at("classic", &err);
    if ((packed ? hg_qdf_energy_bf16(&e, q->w, packed, &q->l, &in, room, &err)
                : hg_qdf_energy(&e, q->w, &q->l, &in, room, &err)) != HG_OK)
        stop_at("classic", &err);
    hg_arena_reset(mem, mark);
    return e;
}

static double spread_over_orientations(double e[ORIENTATIONS]) {
    double mean = 0, sum = 0;
    for (int k = 0; k < ORIENTATIONS; k++) mean += e[k] / ORIENTATIONS;
    for (int k = 0; k < ORIENTATIONS; k++) sum += (e[k] - mean) * (e[k] - mean);
    return KCAL * sqrt(sum / (ORIENTATIONS - 1));
}

/* Batches of four, a step of Adam after the loss of the energy and one after that of the potential. */
static double training_speed(const molecules *s, size_t hk) {
    hg_qdf *q;
    hg_optimizer *o;
    hg_qdf_room room = { 0 };
    hg_arena *mem = hg_arena_new();
    hg_err err;
    double loss, e, start = 0;
    if (hg_qdf_new(&q, 250, hk, NULL, &err) != HG_OK || hg_optimizer_new(&o, q->params, NULL, &err) != HG_OK)
        stop_at("training", &err);
    for (size_t i = 0; i < TRAINED + BATCH; i += BATCH) {
        if (i == BATCH) start = cpu(); /* the first batch asks for memory */
        const hg_mark mark = hg_arena_mark(mem);
        hg_qdf_input in[BATCH];
        double points = 0;
        for (size_t k = 0; k < BATCH; k++) {
            if (hg_qdf_input_make(&in[k], s->m[i + k], true, mem, &err) != HG_OK) stop_at("training", &err);
            points += (double)in[k].points;
        }
        for (size_t k = 0; k < BATCH; k++)
            if (hg_qdf_learn_energy(&e, q->grad, q->w, &q->l, &in[k], s->e[i + k], 1.0 / BATCH, &room, &err) != HG_OK)
                stop_at("training", &err);
        if (hg_optimizer_step(NULL, o, 1e-4, NULL, &err) != HG_OK) stop_at("training", &err);
        for (size_t k = 0; k < BATCH; k++)
            if (hg_qdf_learn_potential(&loss, NULL, q->grad, q->w, &q->l, &in[k], 1 / points, &room, &err) != HG_OK)
                stop_at("training", &err);
        if (hg_optimizer_step(NULL, o, 1e-4, NULL, &err) != HG_OK) stop_at("training", &err);
        hg_arena_reset(mem, mark);
    }
    const double took = cpu() - start;
    hg_optimizer_free(o);
    hg_qdf_free(q);
    hg_qdf_room_free(&room);
    hg_arena_free(mem);
    return TRAINED / took;
}

static classic_figures run_classic(const molecules *s) {
    classic_figures f = { 0 };
    hg_err err;
    hg_qdf *q;
    hg_qdf_room room = { 0 };
    hg_arena *mem = hg_arena_new();
    size_t n;
    prediction *want = authors(&n);
    double *e = malloc(s->n * sizeof *e);
    if (hg_qdf_load(&q, HG_SOURCE_DIR "/models/qdf-classic/weights.safetensors", &(hg_params_opts) { .fixed = true },
                    &err) != HG_OK)
        stop_at("weights", &err);
    double start = cpu();
    for (size_t i = 0; i < s->n; i++) e[i] = classic_energy(q, NULL, s->m[i], mem, &room);
    f.per_s = (double)s->n / (cpu() - start);
    for (size_t i = 0; i < s->n; i++) {
        prediction key = { "", 0 };
        snprintf(key.id, sizeof key.id, "%s", s->m[i]->id);
        const prediction *p = bsearch(&key, want, n, sizeof *want, by_id);
        if (!p) stop_at("a molecule that the authors did not predict", NULL);
        f.max_de = fmax(f.max_de, fabs(e[i] - p->e));
        f.mae += fabs(e[i] - s->e[i]) / (double)s->n;
    }
    uint16_t *packed = hg_qdf_pack(q->w, &q->l);
    if (!packed) stop_at("no memory", NULL);
    start = cpu();
    for (size_t i = 0; i < s->n; i++)
        f.bf16_de += KCAL * fabs(classic_energy(q, packed, s->m[i], mem, &room) - e[i]) / (double)s->n;
    f.bf16_per_s = (double)s->n / (cpu() - start);
    hg_rng r = hg_rng_make(3, 0);
    for (size_t i = 0; i < TURNED; i++) {
        double turn[ORIENTATIONS];
        for (int k = 0; k < ORIENTATIONS; k++)
            turn[k] = classic_energy(q, NULL, turned(mem, s->m[i * 70], &r), mem, &room);
        f.rotation_sd += spread_over_orientations(turn) / TURNED;
    }
    f.train_per_s = training_speed(s, 0);
    f.train_small_hk_per_s = training_speed(s, SMALL_HK);
    hg_free(packed);
    hg_qdf_free(q);
    hg_qdf_room_free(&room);
    hg_arena_free(mem);
    free(want);
    free(e);
    return f;
}

/* Molecules a second of QM9's mean size, float and bfloat16: the first SIZED of them. */
static void classic_at_mean_size(double *per_s, double *bf16_per_s, const molecules *s) {
    hg_err err;
    hg_qdf *q;
    hg_qdf_room room = { 0 };
    hg_arena *mem = hg_arena_new();
    if (hg_qdf_load(&q, HG_SOURCE_DIR "/models/qdf-classic/weights.safetensors", &(hg_params_opts) { .fixed = true },
                    &err) != HG_OK)
        stop_at("weights", &err);
    uint16_t *packed = hg_qdf_pack(q->w, &q->l);
    if (!packed) stop_at("no memory", NULL);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        size_t done = 0;
        const double start = cpu();
        for (size_t i = 0; i < s->n && done < SIZED; i++) {
            if (s->m[i]->n != MEAN_SIZE) continue;
            classic_energy(q, bf16 ? packed : NULL, s->m[i], mem, &room);
            done++;
        }
        *(bf16 ? bf16_per_s : per_s) = (double)done / (cpu() - start);
    }
    hg_free(packed);
    hg_qdf_free(q);
    hg_qdf_room_free(&room);
    hg_arena_free(mem);
}

/* ---- qdf2 -------------------------------------------------------------------------------------------------------- */

typedef struct {
    double mae, mae_23, coverage, outside, mae_inside, mae_outside, per_s, by_size[SIZE_MOST];
    size_t n, of_size[SIZE_MOST], failed;
} qdf2_figures;

typedef struct {
    const hg_qdf2 *q;
    const molecules *s;
    hg_qdf2_room *room[64];
    double *error, *sd;
    bool *outside, *failed;
} prediction_job;

static void predict_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const prediction_job *j = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_qdf2_result r;
        j->failed[i] = hg_qdf2_predict(&r, j->q, j->room[worker], j->s->m[i], NULL) != HG_OK;
        j->error[i] = r.energy - j->s->e[i];
        j->sd[i] = r.sd;
        j->outside[i] = r.outside;
    }
}

static qdf2_figures run_qdf2(const hg_qdf2 *q, const molecules *s, hg_pool *pool) {
    qdf2_figures f = { 0 };
    hg_err err;
    prediction_job j = { .q = q, .s = s };
    j.error = malloc(s->n * sizeof *j.error);
    j.sd = malloc(s->n * sizeof *j.sd);
    j.outside = malloc(s->n * sizeof *j.outside);
    j.failed = malloc(s->n * sizeof *j.failed);
    for (size_t i = 0; i < hg_pool_threads(pool); i++)
        if (hg_qdf2_room_new(&j.room[i], q, &err) != HG_OK) stop_at("qdf2", &err);
    const double start = cpu();
    hg_pool_for(pool, s->n, 8, predict_task, &j);
    const double took = cpu() - start;
    double sum_23 = 0, n_23 = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t size = s->m[i]->n < SIZE_MOST ? s->m[i]->n : SIZE_MOST - 1;
        if (j.failed[i]) {
            f.failed++;
            continue;
        }
        const double e = KCAL * fabs(j.error[i]);
        f.n++;
        f.mae += e;
        f.coverage += fabs(j.error[i]) <= NORMAL_90 * j.sd[i];
        f.outside += j.outside[i];
        *(j.outside[i] ? &f.mae_outside : &f.mae_inside) += e;
        f.by_size[size] += e;
        f.of_size[size]++;
        if (size >= 23) sum_23 += e, n_23++;
    }
    f.mae_outside /= f.outside;
    f.mae_inside /= (double)f.n - f.outside;
    f.mae /= (double)f.n;
    f.coverage /= (double)f.n;
    f.outside /= (double)f.n;
    f.mae_23 = n_23 > 0 ? sum_23 / n_23 : (double)NAN;
    f.per_s = (double)s->n / took;
    for (size_t i = 0; i < hg_pool_threads(pool); i++) hg_qdf2_room_free(j.room[i]);
    free(j.error);
    free(j.sd);
    free(j.outside);
    free(j.failed);
    return f;
}

/* ---- what is read from the orbitals ------------------------------------------------------------------------------ */

/* Errors of the model, of the tight binding as it is, times a factor (of levels: on a line) and of the mean. Of
 * the dipole: lengths of differences, D. Factor, line and mean are of the 1,479 validation molecules. */
typedef struct {
    double mae[HG_QDF2_PROPERTIES], raw[HG_QDF2_PROPERTIES], scaled[HG_QDF2_PROPERTIES], mean[HG_QDF2_PROPERTIES],
        coverage[HG_QDF2_PROPERTIES], by_size[HG_QDF2_PROPERTIES][SIZE_MOST];
    size_t n[HG_QDF2_PROPERTIES], of_size[HG_QDF2_PROPERTIES][SIZE_MOST];
} property_figures;

typedef struct {
    double slope[HG_QDF2_PROPERTIES], offset[HG_QDF2_PROPERTIES], mean[HG_QDF2_PROPERTIES][3];
} baseline;

typedef struct {
    const hg_qdf2 *q;
    const molecules *s;
    hg_qdf2_room *room[64];
    hg_qdf2_value *value; /* [n, properties] */
    double (*raw)[5];     /* [n] tight binding: dipole, HOMO, LUMO */
    bool *done;
} property_job;

static const size_t RAW[HG_QDF2_PROPERTIES] = { [HG_QDF2_DIPOLE] = 0, [HG_QDF2_HOMO] = 3, [HG_QDF2_LUMO] = 4 };

static bool is_known(const molecules *s, size_t p, size_t i) {
    return isfinite(s->label[p][i * hg_qdf2_property_size((hg_qdf2_property)p)]);
}

static void property_task(void *ctx, size_t begin, size_t end, size_t worker) {
    const property_job *j = ctx;
    for (size_t i = begin; i < end; i++) {
        hg_qdf2_result r;
        bool wanted = false;
        for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) wanted |= is_known(j->s, p, i);
        j->done[i] = wanted && hg_qdf2_predict(&r, j->q, j->room[worker], j->s->m[i], NULL) == HG_OK;
        for (size_t p = 0; p < HG_QDF2_PROPERTIES && j->done[i]; p++)
            j->done[i] = hg_qdf2_read(&j->value[i * HG_QDF2_PROPERTIES + p], j->q, j->room[worker], &r, j->s->m[i],
                                      (hg_qdf2_property)p, NULL) == HG_OK;
        if (!j->done[i]) continue;
        memcpy(j->raw[i], r.orbitals.dipole, sizeof r.orbitals.dipole);
        j->raw[i][3] = r.orbitals.homo, j->raw[i][4] = r.orbitals.lumo;
    }
}

static void fit_baseline(baseline *b, const property_job *j) {
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        const size_t size = hg_qdf2_property_size((hg_qdf2_property)p);
        double n = 0, x = 0, y = 0, xx = 0, xy = 0;
        for (size_t i = 0; i < j->s->n; i++) {
            if (!j->done[i] || !is_known(j->s, p, i)) continue;
            n++;
            for (size_t k = 0; k < size; k++) {
                const double u = j->raw[i][RAW[p] + k], v = j->s->label[p][i * size + k];
                x += u, y += v, xx += u * u, xy += u * v;
                b->mean[p][k] += v;
            }
        }
        for (size_t k = 0; k < size; k++) b->mean[p][k] /= n;
        b->slope[p] = size == 1 ? (xy - x * y / n) / (xx - x * x / n) : xy / xx;
        b->offset[p] = size == 1 ? (y - b->slope[p] * x) / n : 0;
    }
}

static void add_property(property_figures *f, const baseline *b, const property_job *j, size_t p, size_t i) {
    const size_t size = hg_qdf2_property_size((hg_qdf2_property)p), atoms = j->s->m[i]->n;
    const hg_qdf2_value *v = &j->value[i * HG_QDF2_PROPERTIES + p];
    double e[4] = { 0 };
    for (size_t k = 0; k < size; k++) {
        const double y = j->s->label[p][i * size + k], raw = j->raw[i][RAW[p] + k];
        const double d[4] = { v->value[k] - y, raw - y, b->slope[p] * raw + b->offset[p] - y, b->mean[p][k] - y };
        for (size_t c = 0; c < 4; c++) e[c] += d[c] * d[c];
        f->coverage[p] += fabs(d[0]) <= NORMAL_90 * v->sd ? 1 / (double)size : 0;
    }
    const double unit = size == 3 ? HG_DEBYE_PER_E_ANGSTROM : 1;
    f->mae[p] += unit * sqrt(e[0]);
    f->raw[p] += unit * sqrt(e[1]);
    f->scaled[p] += unit * sqrt(e[2]);
    f->mean[p] += unit * sqrt(e[3]);
    f->n[p]++;
    f->by_size[p][atoms < SIZE_MOST ? atoms : SIZE_MOST - 1] += unit * sqrt(e[0]);
    f->of_size[p][atoms < SIZE_MOST ? atoms : SIZE_MOST - 1]++;
}

/* With learn: fits the baselines on these molecules; else judges by them. */
static property_figures run_properties(baseline *b, bool learn, const hg_qdf2 *q, const molecules *s, hg_pool *pool) {
    property_figures f = { .n = { 0 } };
    hg_err err;
    property_job j = { .q = q, .s = s };
    j.value = malloc(s->n * HG_QDF2_PROPERTIES * sizeof *j.value);
    j.raw = malloc(s->n * sizeof *j.raw);
    j.done = malloc(s->n * sizeof *j.done);
    for (size_t i = 0; i < hg_pool_threads(pool); i++)
        if (hg_qdf2_room_new(&j.room[i], q, &err) != HG_OK) stop_at("qdf2", &err);
    hg_pool_for(pool, s->n, 8, property_task, &j);
    if (learn) fit_baseline(b, &j);
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) {
        for (size_t i = 0; i < s->n; i++)
            if (j.done[i] && is_known(s, p, i)) add_property(&f, b, &j, p, i);
        const double n = (double)f.n[p];
        f.mae[p] /= n, f.raw[p] /= n, f.scaled[p] /= n, f.mean[p] /= n, f.coverage[p] /= n;
    }
    for (size_t i = 0; i < hg_pool_threads(pool); i++) hg_qdf2_room_free(j.room[i]);
    free(j.value);
    free(j.raw);
    free(j.done);
    return f;
}

/* Molecules a second, with energies and forces; *rms of a force's component. */
static double force_speed(double *rms, const hg_qdf2 *q, const molecules *s) {
    hg_qdf2_room *room;
    hg_err err;
    double force[3 * 64], sum = 0, components = 0;
    if (hg_qdf2_room_new(&room, q, &err) != HG_OK) stop_at("qdf2", &err);
    const double start = cpu();
    for (size_t i = 0; i < s->n; i++) {
        hg_qdf2_result r;
        if (hg_qdf2_predict(&r, q, room, s->m[i], &err) != HG_OK ||
            hg_qdf2_forces(force, q, room, s->m[i], &err) != HG_OK)
            stop_at("forces", &err);
        for (size_t k = 0; k < 3 * s->m[i]->n; k++, components++) sum += force[k] * force[k];
    }
    const double took = cpu() - start;
    *rms = sqrt(sum / components);
    hg_qdf2_room_free(room);
    return (double)s->n / took;
}

static double qdf2_rotation(const hg_qdf2 *q, const molecules *s) {
    hg_qdf2_room *room;
    hg_arena *mem = hg_arena_new();
    hg_rng r = hg_rng_make(3, 0);
    hg_err err;
    double sum = 0;
    if (hg_qdf2_room_new(&room, q, &err) != HG_OK) stop_at("qdf2", &err);
    for (size_t i = 0; i < TURNED; i++) {
        double e[ORIENTATIONS];
        for (int k = 0; k < ORIENTATIONS; k++) {
            hg_qdf2_result x;
            if (hg_qdf2_predict(&x, q, room, turned(mem, s->m[i * 70], &r), &err) != HG_OK) stop_at("qdf2", &err);
            e[k] = x.energy;
        }
        sum += spread_over_orientations(e) / TURNED;
    }
    hg_qdf2_room_free(room);
    hg_arena_free(mem);
    return sum;
}

/* ---- the peer ---------------------------------------------------------------------------------------------------- */

static void ask_peer(double *predict, double *train) {
    char command[1400], path[600];
    *predict = *train = (double)NAN;
    if (OPTIONS.alone) return;
    snprintf(command, sizeof command,
             "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 %s/bench/peers/torch_qdf.py %s 2>/dev/null",
             HG_SOURCE_DIR, shared(path, "qdf-qm9/under14_test.txt.xz"));
    FILE *f = popen(command, "r");
    if (!f) return;
    if (fscanf(f, "%lf %lf", predict, train) != 2) *predict = *train = (double)NAN;
    pclose(f);
}

/* ---- what is printed --------------------------------------------------------------------------------------------- */

static void print_figure(const char *name, double x, const char *end) {
    if (OPTIONS.json)
        isfinite(x) ? printf("\"%s\": %.6g%s", name, x, end) : printf("\"%s\": null%s", name, end);
    else if (OPTIONS.markdown)
        isfinite(x) ? printf("| `%s` | %.4g |\n", name, x) : printf("| `%s` | not measured |\n", name);
    else
        isfinite(x) ? printf("%-26s %.6g\n", name, x) : printf("%-26s not measured\n", name);
}

static void print_property(hg_qdf2_property p, const property_figures *in, const property_figures *out) {
    const struct {
        const char *what;
        double x;
    } figure[] = { { "in", in->mae[p] },
                   { "out", out->mae[p] },
                   { "scaled_in", in->scaled[p] },
                   { "scaled_out", out->scaled[p] },
                   { "raw_out", out->raw[p] },
                   { "mean_out", out->mean[p] },
                   { "coverage90_in", in->coverage[p] },
                   { "coverage90_out", out->coverage[p] } };
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s%s", hg_qdf2_property_name(p), figure[i].what,
                 strncmp(figure[i].what, "cov", 3) == 0 ? ""
                 : p == HG_QDF2_DIPOLE                  ? "_d"
                                                        : "_ev");
        print_figure(name, figure[i].x, ", ");
    }
}

static void print_sizes(const qdf2_figures *in, const qdf2_figures *out, const property_figures *p_in,
                        const property_figures *p_out) {
    printf("| atoms | molecules | energy, kcal/mol | dipole, D | HOMO, eV | LUMO, eV |\n|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < SIZE_MOST; k++) {
        const qdf2_figures *f = k <= 14 ? in : out;
        const property_figures *g = k <= 14 ? p_in : p_out;
        if (!f->of_size[k]) continue;
        printf("| %zu | %zu | %.2f |", k, f->of_size[k], f->by_size[k] / (double)f->of_size[k]);
        for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++)
            g->of_size[p][k] ? printf(" %.3f |", g->by_size[p][k] / (double)g->of_size[p][k]) : printf(" |");
        printf("\n");
    }
}

static void read_options(int argc, char **argv) {
    const bench_option options[] = { { .word = "--json", .set = &OPTIONS.json },
                                     { .word = "--markdown", .set = &OPTIONS.markdown },
                                     { .word = "--quick", .set = &OPTIONS.quick },
                                     { .word = "--alone", .set = &OPTIONS.alone },
                                     { .word = "--threads", .count = &OPTIONS.threads } };
    BENCH_OPTIONS(options, argc, argv);
    if (OPTIONS.threads < 1 || OPTIONS.threads > 64) stop_at("--threads is 1 to 64", NULL);
}

int main(int argc, char **argv) {
    hg_err err;
    hg_pool *pool;
    hg_qdf2 *q;
    struct rusage usage;
    double torch, torch_train, at_rest, mean_size = (double)NAN, mean_size_bf16 = (double)NAN;
    read_options(argc, argv);
    if (hg_pool_new(&pool, OPTIONS.threads, &err) != HG_OK) stop_at("threads", &err);
    if (hg_qdf2_load(&q, HG_SOURCE_DIR "/models/qdf2/weights.safetensors", &err) != HG_OK) stop_at("weights", &err);
    molecules test = load("qdf-qm9/under14_test.txt.xz", TEST, TEST);
    const classic_figures c = run_classic(&test);
    const qdf2_figures in = run_qdf2(q, &test, NULL);
    const double rotation = qdf2_rotation(q, &test), forces = force_speed(&at_rest, q, &test);
    getrusage(RUSAGE_SELF, &usage);
    molecules large = load("qdf-qm9/over15_test.txt.xz", LARGE, OPTIONS.quick ? QUICK : LARGE);
    classic_at_mean_size(&mean_size, &mean_size_bf16, &large);
    const qdf2_figures out = run_qdf2(q, &large, pool);
    molecules validation = load("qdf-qm9/under14_val.txt.xz", VALIDATION, VALIDATION);
    baseline b = { .slope = { 0 } };
    read_labels(&validation);
    read_labels(&test);
    read_labels(&large);
    run_properties(&b, true, q, &validation, pool);
    const property_figures p_in = run_properties(&b, false, q, &test, pool),
                           p_out = run_properties(&b, false, q, &large, pool);
    forget(&validation);
    ask_peer(&torch, &torch_train);
    if (OPTIONS.markdown) print_sizes(&in, &out, &p_in, &p_out);
    if (OPTIONS.markdown) printf("\n| figure | value |\n|---|---|\n");
    if (OPTIONS.json) printf("{\"bench\": \"qdf\", \"schema\": 1, ");
    print_figure("classic_max_abs_de_ev", c.max_de, ", ");
    print_figure("classic_mae_ev", c.mae, ", ");
    print_figure("classic_per_s_core", c.per_s, ", ");
    print_figure("classic_bf16_per_s_core", c.bf16_per_s, ", ");
    print_figure("classic_bf16_de_kcal", c.bf16_de, ", ");
    print_figure("classic_18_atoms_per_s_core", mean_size, ", ");
    print_figure("classic_bf16_18_atoms_per_s_core", mean_size_bf16, ", ");
    print_figure("torch_per_s_core", torch, ", ");
    print_figure("train_per_s_core", c.train_per_s, ", ");
    print_figure("train_small_hk_per_s_core", c.train_small_hk_per_s, ", ");
    print_figure("torch_train_per_s_core", torch_train, ", ");
    print_figure("qdf2_per_s_core", in.per_s, ", ");
    print_figure("qdf2_large_per_s_core", out.per_s, ", ");
    print_figure("interp_kcal", in.mae, ", ");
    print_figure("extrap_kcal", out.mae, ", ");
    print_figure("extrap_23plus_kcal", out.mae_23, ", ");
    print_figure("rotation_sd_kcal", rotation, ", ");
    print_figure("classic_rotation_sd_kcal", c.rotation_sd, ", ");
    print_figure("coverage90_in", in.coverage, ", ");
    print_figure("coverage90_out", out.coverage, ", ");
    print_figure("outside_share_in", in.outside, ", ");
    print_figure("outside_share", out.outside, ", ");
    print_figure("extrap_inside_kcal", out.mae_inside, ", ");
    print_figure("extrap_outside_kcal", out.mae_outside, ", ");
    print_figure("forces_per_s_core", forces, ", ");
    print_figure("force_at_rest_ev_a", at_rest, ", ");
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) print_property((hg_qdf2_property)p, &p_in, &p_out);
    print_figure("failed", (double)(in.failed + out.failed), ", ");
    print_figure("peak_mb", (double)usage.ru_maxrss / 1024, OPTIONS.json ? "}\n" : "");
    forget(&test);
    forget(&large);
    hg_qdf2_free(q);
    hg_pool_free(pool);
    return 0;
}
