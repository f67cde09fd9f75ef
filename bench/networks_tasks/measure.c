/* bench/networks_tasks/measure.c -- networks are drawn by their number; the peer gets rows in a file and widths by name */
#include "measure.h"
#include "hagane/hagane.h"
#include "learn/mlp.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    NETS = 40,
    NETS_QUICK = 6,
    EPOCHS = 20,
    EPOCHS_QUICK = 3,
    HIDDEN = 4,
    LEAST = 20,
    MOST = 200,
    BATCH = 32,
    TURNS = 3
};
static const char *const TABLE =
    HG_SOURCE_DIR "/../shared/data/composition-properties/aflow__ael_debye_temperature.csv.xz";

static void must(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "networks: %s\n", err->msg);
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    size_t n, d, n_train, n_judge;
    float *x, *y; /* standardised by the rows to learn from */
    size_t *train, *judge;
    double unit; /* of y */
} data;

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static double number_of(const hg_table *t, const char *name, size_t row) {
    size_t j;
    hg_err err;
    must(hg_table_find(&j, t, name, &err), &err);
    return hg_table_column(t, j)->number[row];
}

/* Row to x and y; false: this element has no descriptors. */
static bool describe(data *d, const hg_table *t, const hg_descriptor *desc, size_t row) {
    hg_composition c;
    double x[512];
    hg_err err;
    size_t j;
    must(hg_table_find(&j, t, "formula", &err), &err);
    must(hg_composition_read(&c, hg_table_text(t, j, row), &err), &err);
    if (hg_descriptor_compute(x, desc, &c, &err) != HG_OK) return false;
    for (size_t k = 0; k < d->d; k++) d->x[d->n * d->d + k] = (float)x[k];
    d->y[d->n] = (float)number_of(t, "target", row);
    return true;
}

/* One column of stride `step` to mean 0 and standard deviation 1 over the rows to learn from; its unit. */
static double standardise(float *x, size_t step, const data *d) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < d->n_train; i++) mean += (double)x[d->train[i] * step] / (double)d->n_train;
    for (size_t i = 0; i < d->n_train; i++) {
        const double z = (double)x[d->train[i] * step] - mean;
        sum += z * z / (double)d->n_train;
    }
    const double sd = sum > 0 ? sqrt(sum) : 1;
    for (size_t i = 0; i < d->n; i++) x[i * step] = (float)(((double)x[i * step] - mean) / sd);
    return sd;
}

static void read_data(data *d, hg_arena *mem) {
    const char *const texts[] = { "formula" };
    hg_csv_opts o = hg_csv_opts_default();
    hg_table *t;
    const hg_descriptor *desc;
    hg_err err;
    size_t split;
    o.text = texts;
    o.n_text = 1;
    must(hg_csv_read(&t, TABLE, &o, &err), &err);
    must(hg_descriptor_find(&desc, "xenonpy290", &err), &err);
    must(hg_table_find(&split, t, "split", &err), &err);
    const size_t rows = hg_table_rows(t);
    *d = (data) { .d = hg_descriptor_dim(desc) };
    d->x = hg_alloc(mem, rows * d->d, sizeof *d->x);
    d->y = hg_alloc(mem, rows, sizeof *d->y);
    d->train = hg_alloc(mem, rows, sizeof *d->train);
    d->judge = hg_alloc(mem, rows, sizeof *d->judge);
    if (!d->x || !d->y || !d->train || !d->judge) exit(1);
    for (size_t i = 0; i < rows; i++) {
        const char *part = hg_table_text(t, split, i);
        if (strcmp(part, "test") == 0 || !describe(d, t, desc, i)) continue;
        if (strcmp(part, "train") == 0)
            d->train[d->n_train++] = d->n;
        else
            d->judge[d->n_judge++] = d->n;
        d->n++;
    }
    for (size_t k = 0; k < d->d; k++) standardise(d->x + k, d->d, d);
    d->unit = standardise(d->y, 1, d);
    hg_table_free(t);
}

/* ---- networks ------------------------------------------------------------------------------------------------------ */

static void draw(hg_mlp_task *t, size_t which, const data *d, hg_arena *mem) {
    hg_rng r = hg_rng_make(1, which);
    hg_mlp_shape *s = &t->shape;
    const size_t hidden = 1 + hg_rng_below(&r, HIDDEN);
    *t = (hg_mlp_task) { .seed = which, .train = d->train, .n_train = d->n_train, .judge = d->judge };
    t->n_judge = d->n_judge;
    s->layers = hidden + 1;
    s->width[0] = d->d;
    s->width[1] = LEAST + hg_rng_below(&r, MOST - LEAST + 1);
    for (size_t l = 2; l <= hidden; l++)
        s->width[l] = (size_t)ceil((0.4 + 0.6 * hg_rng_uniform(&r)) * (double)s->width[l - 1]);
    s->width[s->layers] = 1;
    t->weights = hg_alloc(mem, hg_mlp_size(s), sizeof *t->weights);
    if (!t->weights) exit(1);
}

/* ---- the peer ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double seconds, error; /* NaN: it is not there */
} peer;

/* Rows as floats, those to learn from first. */
static void write_rows(int file, const data *d) {
    const size_t *part[2] = { d->train, d->judge }, n[2] = { d->n_train, d->n_judge };
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < n[k]; i++) {
            const float *x = d->x + part[k][i] * d->d;
            const ssize_t width = (ssize_t)(d->d * sizeof *x), one = sizeof *x;
            if (write(file, x, (size_t)width) != width || write(file, d->y + part[k][i], (size_t)one) != one) exit(1);
        }
}

static peer ask_torch(const hg_mlp_task *task, size_t nets, size_t epochs, const data *d) {
    char path[] = "/tmp/hagane-networks-XXXXXX", command[8192];
    const int file = mkstemp(path);
    if (file < 0) return (peer) { NAN, NAN };
    write_rows(file, d);
    close(file);
    int at = snprintf(
        command, sizeof command,
        "OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 /usr/bin/python3 %s/bench/peers/torch_networks.py %s %zu %zu %d %zu",
        HG_SOURCE_DIR, path, d->d, d->n_train, BATCH, epochs);
    for (size_t i = 0; i < nets; i++)
        for (size_t l = 1; l < task[i].shape.layers; l++)
            at += snprintf(command + at, sizeof command - (size_t)at, "%s%zu", l == 1 ? " " : ",",
                           task[i].shape.width[l]);
    peer p = { NAN, NAN };
    FILE *pipe = popen(command, "r");
    if (!pipe || fscanf(pipe, "%lf %lf", &p.seconds, &p.error) != 2) p = (peer) { NAN, NAN };
    if (pipe) pclose(pipe);
    unlink(path);
    return p;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

bool networks_measure(networks_measured *out, bool quick, bool alone) {
    if (access(TABLE, R_OK) != 0) {
        fprintf(stderr, "networks: %s is not there\n", TABLE);
        return false;
    }
    static hg_mlp_task task[NETS];
    const size_t nets = quick ? NETS_QUICK : NETS;
    hg_arena *mem = hg_arena_new();
    hg_mlp_opts o = hg_mlp_opts_default();
    hg_err err;
    data d;
    o.epochs = quick ? EPOCHS_QUICK : EPOCHS;
    o.batch = BATCH;
    read_data(&d, mem);
    *out = (networks_measured) { .rows = (double)d.n_train, .epochs = (double)o.epochs };
    double flops = 0;
    for (size_t i = 0; i < nets; i++) {
        draw(&task[i], i, &d, mem);
        const hg_mlp_shape *s = &task[i].shape;
        out->weights_mean += (double)hg_mlp_size(s) / (double)nets;
        for (size_t l = 0; l < s->layers; l++) flops += (l ? 6 : 4) * (double)(s->width[l] * s->width[l + 1]);
    }
    const hg_mlp_rows rows = { .n = d.n, .x = d.x, .y = d.y };
    double seconds = INFINITY;
    peer torch = { NAN, NAN };
    for (int turn = 0; turn < TURNS; turn++) {
        const double begin = cpu_seconds();
        must(hg_mlp_train(task, nets, &rows, &o, NULL, NULL, &err), &err);
        seconds = fmin(seconds, cpu_seconds() - begin);
        if (alone) continue;
        const peer again = ask_torch(task, nets, o.epochs, &d);
        torch =
            (peer) { fmin(torch.seconds, again.seconds), again.error }; /* the first is NaN, which fmin leaves out */
    }
    for (size_t i = 0; i < nets; i++) out->mae += task[i].error * d.unit / (double)nets;
    out->models_per_hour_core = 3600 * (double)nets / seconds;
    out->torch_models_per_hour_core = 3600 * (double)nets / torch.seconds;
    out->speedup = torch.seconds / seconds;
    out->gflops_core = flops * (double)(d.n_train * o.epochs) / seconds * 1e-9;
    out->torch_mae = torch.error * d.unit;
    hg_arena_free(mem);
    return true;
}
