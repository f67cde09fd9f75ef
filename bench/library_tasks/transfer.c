/* bench/library_tasks/transfer.c -- ways to transfer, compared where it is not known beforehand what helps
 *
 * Nine public tables of compounds. One in six compositions is kept from all teachers. For each of eight tables and three draws, 40 of its kept rows are
 * learned from, with models of the other eight tables as sources, and up to 300 others are predicted. A way's figure is its mean
 * absolute error as a share of that of a Gaussian process of the 40 rows alone, geometric mean over draws; `.hurts` is the share of draws in
 * which it is a twentieth higher.
 *
 *   transfer.none        the Gaussian process alone: 1
 *   transfer.affine      affine transfer, sources weighed by their evidence
 *   transfer.affine_one  from the best source alone
 *   transfer.affine_nets  the sources are networks
 *   transfer.frozen      a Gaussian process upon hidden layers of the best source's networks
 *   transfer.fine_tune   its networks learn on
 *   transfer.gp          a Gaussian process with what the sources say among its inputs
 *   transfer.boost       boosted trees with what the sources say among their inputs
 *   transfer.choice      what `hagane transfer` does
 */
#include "core/memory.h"
#include "tasks.h"
#include "teachers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FEW = 40, DRAWS = 3, SCORED = 300, IN_SIX = 6, PATH = 400 };

static const struct {
    const char *path, *name;
} TABLES[] = {
    { "composition-properties/aflow__agl_thermal_expansion_300K.csv.xz", "AGL expansion" },
    { "composition-properties/aflow__ael_debye_temperature.csv.xz", "AEL Debye temperature" },
    { "composition-properties/aflow__ael_bulk_modulus_vrh.csv.xz", "AEL bulk modulus" },
    { "composition-properties/mp_shear_modulus.csv.xz", "MP shear modulus" },
    { "composition-properties/mp_elastic_anisotropy.csv.xz", "MP anisotropy" },
    { "composition-properties/aflow__Egap.csv.xz", "AFLOW gap" },
    { "composition-properties/CritExam__Ef.csv.xz", "formation energy" },
    { "matbench-tables/phonons.csv.xz", "highest phonon" },
    { "composition-properties/aflow__agl_thermal_conductivity_300K.csv.xz", "AGL conductivity" }, /* a source alone */
};
enum { TEACHERS = sizeof TABLES / sizeof *TABLES, TARGETS = TEACHERS - 1 };

typedef enum { NO_SOURCES, TREES, NETWORKS, BEST_TREE } from;
static const struct {
    const char *key, *learner;
    from from;
} WAYS[] = {
    { "none", "gp", NO_SOURCES },
    { "affine", "affine", TREES },
    { "affine_one", "affine", BEST_TREE },
    { "affine_nets", "affine", NETWORKS },
    { "frozen", "frozen", NETWORKS },
    { "fine_tune", "fine-tune", NETWORKS },
    { "gp", "gp", TREES },
    { "boost", "boost", TREES },
    { "choice", NULL, TREES },
};
enum { COUNT = sizeof WAYS / sizeof *WAYS };

typedef struct {
    hg_table *kept[TEACHERS];
    hg_predictor *teacher[2][TEACHERS]; /* trees, networks */
    hg_pool *pool;
} school;

static bool one_in_six(const void *ctx, const hg_composition *c) {
    (void)ctx;
    return hg_composition_key(c) % IN_SIX == 0;
}

static hg_table *rows_of(const hg_table *t, const char *name, const size_t *index, size_t n, hg_arena *mem) {
    const char **formula = hg_alloc(mem, n, sizeof *formula);
    double *y = hg_alloc(mem, n, sizeof *y);
    hg_table *out;
    hg_err err;
    size_t f, j;
    must(hg_table_find(&f, t, "formula", &err), &err);
    must(hg_table_find(&j, t, name, &err), &err);
    for (size_t i = 0; i < n; i++) {
        formula[i] = hg_table_text(t, f, index[i]);
        y[i] = hg_table_column(t, j)->number[index[i]];
    }
    must(hg_table_new(&out, name, n, &err), &err);
    must(hg_table_add_texts(out, "formula", formula, &err), &err);
    must(hg_table_add_numbers(out, name, y, &err), &err);
    return out;
}

static double error_of(const hg_predictor *p, const hg_table *rest, const char *name, hg_pool *pool, hg_arena *mem) {
    const size_t n = hg_table_rows(rest);
    hg_forecast *f = hg_alloc(mem, n, sizeof *f);
    hg_err err;
    size_t j;
    double sum = 0;
    must(hg_predictor_predict(f, NULL, p, rest, 0.9, pool, mem, &err), &err);
    must(hg_table_find(&j, rest, name, &err), &err);
    for (size_t i = 0; i < n; i++) sum += fabs(f[i].value - hg_table_column(rest, j)->number[i]) / (double)n;
    return sum;
}

/* The sources of a way: all teachers but the target's own; of BEST_TREE the one that was worth most, `best`. NaN: cannot be done. */
static double try_way(size_t way, const school *s, size_t target, const hg_table *few, const hg_table *rest,
                      size_t *best, hg_arena *mem) {
    hg_predictor *source[TEACHERS], *p;
    hg_predictor_opts o = hg_predictor_opts_default();
    hg_err err;
    size_t n = 0;
    for (size_t k = 0; k < TEACHERS && WAYS[way].from != NO_SOURCES; k++)
        if (k != target) source[n++] = s->teacher[WAYS[way].from == NETWORKS][k];
    if (WAYS[way].from == BEST_TREE && *best < n) source[0] = source[*best], n = 1;
    o.features.formula = "formula", o.features.descriptor = BENCH_DESCRIPTOR;
    o.learner = WAYS[way].learner, o.source = source, o.n_sources = n, o.pool = s->pool;
    if (o.learner) o.folds = 2; /* nothing is chosen by them but variants */
    const hg_status st = hg_predictor_fit(&p, few, TABLES[target].name, &o, &err);
    if (st == HG_EDATA) return NAN; /* no source is worth a nat, and the way can do nothing without one */
    must(st, &err);
    if (WAYS[way].from == TREES)
        for (size_t k = 0; k < n; k++)
            if (hg_predictor_source_at(p, k)->order == 1) *best = k;
    const double e = error_of(p, rest, TABLES[target].name, s->pool, mem);
    hg_predictor_free(p);
    return e;
}

static void one_draw(double *log_ratio, double *hurts, const school *s, size_t target, size_t draw) {
    const hg_table *t = s->kept[target];
    const size_t all = hg_table_rows(t), rest_n = all - FEW < SCORED ? all - FEW : SCORED;
    hg_arena *mem = hg_arena_new();
    size_t *index = hg_alloc(mem, all, sizeof *index), best = SIZE_MAX;
    hg_rng r = hg_rng_make(40, target * DRAWS + draw);
    double none = NAN;
    for (size_t i = 0; i < all; i++) index[i] = i;
    hg_rng_shuffle(&r, index, all);
    hg_table *few = rows_of(t, TABLES[target].name, index, FEW, mem);
    hg_table *rest = rows_of(t, TABLES[target].name, index + FEW, rest_n, mem);
    fprintf(stderr, "%-22s", TABLES[target].name);
    for (size_t w = 0; w < COUNT; w++) {
        double e = try_way(w, s, target, few, rest, &best, mem);
        if (w == 0) none = e;
        if (isnan(e)) e = none; /* without sources it is what it is without transfer */
        log_ratio[w] += log(e / none) / (TARGETS * DRAWS);
        hurts[w] += (e > 1.05 * none) / (double)(TARGETS * DRAWS);
        fprintf(stderr, " %.2f", e / none);
    }
    fprintf(stderr, "\n");
    hg_table_free(few);
    hg_table_free(rest);
    hg_arena_free(mem);
}

static void found(school *s) {
    static const char *const LEARNER[2][2] = { { TEACHER }, { "mlp", "members=2 width=128 epochs=30" } };
    for (size_t k = 0; k < TEACHERS; k++) {
        char path[PATH];
        hg_table *seen;
        snprintf(path, sizeof path, "%s%s", BENCH_DATA, TABLES[k].path);
        split_table(&seen, &s->kept[k], path, "target", TABLES[k].name, one_in_six, NULL);
        for (size_t l = 0; l < 2; l++)
            s->teacher[l][k] = teach(seen, TABLES[k].name, LEARNER[l][0], LEARNER[l][1], s->pool);
        hg_table_free(seen);
    }
}

void run_transfer(figures *f, const char *folder) {
    static school s;
    double log_ratio[COUNT] = { 0 }, hurts[COUNT] = { 0 };
    (void)folder; /* all that it needs lies elsewhere */
    if (left_out(f, "transfer")) return;
    if (!data_there(BENCH_DATA "composition-properties/mp_shear_modulus.csv.xz")) return;
    s.pool = all_cores();
    found(&s);
    for (size_t t = 0; t < TARGETS; t++)
        for (size_t draw = 0; draw < DRAWS; draw++) one_draw(log_ratio, hurts, &s, t, draw);
    for (size_t w = 0; w < COUNT; w++) {
        char key[FIGURE_KEY];
        snprintf(key, sizeof key, "transfer.%s", WAYS[w].key);
        note(f, key, exp(log_ratio[w]));
        snprintf(key, sizeof key, "transfer.%s.hurts", WAYS[w].key);
        note(f, key, hurts[w]);
    }
    for (size_t k = 0; k < TEACHERS; k++) {
        hg_predictor_free(s.teacher[0][k]);
        hg_predictor_free(s.teacher[1][k]);
        hg_table_free(s.kept[k]);
    }
    hg_pool_free(s.pool);
}
