/* bench/describe.c -- formulae a second on one core: reading alone, XenonPy's 290 descriptors alone, both
 *
 *   describe [--json] [--quick]
 *
 * Formulae: the 54,747 of data/mammos-magnets/Simulated_Ms_all.csv.xz, read from memory; the numbers go to a block of rows
 * that fits the second-level cache, as a caller that uses them at once would have it. Beside the rates stand the floating-point
 * operations and bytes a second that they mean, and what this core reaches in a loop that does nothing but multiply and add
 * over arrays in its first-level cache, compiled with the same options: the distance to the machine's limit.
 */
#include "hagane/csv.h"
#include "hagane/descriptor.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 64, SAMPLE = 512, DIM = 290, FEATURES = 58, LANES = 256 };
static double block[BLOCK][DIM];

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    const hg_table *t;
    size_t column, rows;
    const hg_descriptor *d;
    hg_composition c[SAMPLE]; /* evenly from all, 400 kB: compositions are read from cache, as after reading them */
} work;

static void check(hg_status st, const hg_err *err) {
    if (st == HG_OK) return;
    fprintf(stderr, "%s\n", err->msg);
    exit(1);
}

static void read_rows(work *w, size_t begin, size_t end) {
    hg_composition c;
    hg_err err;
    for (size_t i = begin; i < end; i++) check(hg_composition_read(&c, hg_table_text(w->t, w->column, i), &err), &err);
}

static void describe_rows(work *w, size_t begin, size_t end) {
    hg_err err;
    for (size_t i = begin; i < end; i++)
        check(hg_descriptor_compute(block[i % BLOCK], w->d, &w->c[i % SAMPLE], &err), &err);
}

static void read_and_describe(work *w, size_t begin, size_t end) {
    hg_err err;
    for (size_t i = begin; i < end; i++) {
        hg_composition c;
        check(hg_composition_read(&c, hg_table_text(w->t, w->column, i), &err), &err);
        check(hg_descriptor_compute(block[i % BLOCK], w->d, &c, &err), &err);
    }
}

/* Multiply and add over arrays in the first-level cache: four loads and eight operations for each store. */
static void limit_rows(work *w, size_t begin, size_t end) {
    static double a[LANES], b[LANES], c[LANES], d[LANES];
    const double g = 1 / (double)w->rows;
    for (size_t j = 0; j < LANES; j++) a[j] = b[j] = c[j] = d[j] = (double)j * g;
    for (size_t i = begin; i < end; i++) {
        for (size_t j = 0; j < LANES; j++) a[j] = ((a[j] * g + b[j]) * g + c[j]) * g + (d[j] * g + g);
        block[i % BLOCK][0] += a[i % LANES];
    }
}

/* Seconds for all rows: they are cut into pieces of a millisecond or so, each is run again and again, and the fastest runs
 * are added up. Other programs on the machine only ever add time. */
static double fastest(void (*rows)(work *, size_t, size_t), work *w, double budget) {
    enum { PIECE = 2048, PIECES = 64 };
    double best[PIECES], total = 0;
    const size_t pieces = (w->rows + PIECE - 1) / PIECE;
    if (pieces > PIECES) exit(1);
    for (size_t k = 0; k < pieces; k++) best[k] = 1e300;
    for (const double end = seconds() + budget; seconds() < end;)
        for (size_t k = 0; k < pieces; k++) {
            const double begin = seconds();
            rows(w, k * PIECE, k + 1 < pieces ? (k + 1) * PIECE : w->rows);
            const double took = seconds() - begin;
            best[k] = took < best[k] ? took : best[k];
        }
    for (size_t k = 0; k < pieces; k++) total += best[k];
    return total;
}

int main(int argc, char **argv) {
    bool json = false, quick = false;
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        quick |= strcmp(argv[i], "--quick") == 0;
    }
    const double budget = quick ? 0.5 : 5;
    hg_table *t;
    hg_err err;
    static work w;
    check(hg_csv_read(&t, HG_SOURCE_DIR "/data/mammos-magnets/Simulated_Ms_all.csv.xz", NULL, &err), &err);
    check(hg_table_find(&w.column, t, "composition", &err), &err);
    check(hg_descriptor_find(&w.d, "xenonpy290", &err), &err);
    w.t = t;
    w.rows = hg_table_rows(t);
    double species = 0;
    for (size_t i = 0; i < SAMPLE; i++) {
        const char *s = hg_table_text(t, w.column, i * (w.rows / SAMPLE));
        check(hg_composition_read(&w.c[i], s, &err), &err);
        species += (double)w.c[i].n * (double)w.rows / SAMPLE;
    }
    const double n = (double)w.rows;
    const double t_read = fastest(read_rows, &w, budget), t_describe = fastest(describe_rows, &w, budget),
                 t_both = fastest(read_and_describe, &w, budget), t_limit = fastest(limit_rows, &w, budget / 5);
    /* a species: multiply-add, max, min, subtract, two multiplications, add; a formula: one multiplication */
    const double flops = FEATURES * (7 * species + n), bytes = 8 * (2 * FEATURES * species + DIM * n);
    const double limit = 8.0 * LANES * n / t_limit;

    if (json)
        printf(
            "{\"bench\": \"describe\", \"formulae\": %zu, \"species_per_formula\": %.3f, \"formulae_per_s\": %.0f, "
            "\"read_per_s\": %.0f, \"descriptors_per_s\": %.0f, \"descriptor_gflops\": %.3f, \"descriptor_gbytes_per_s\": %.3f, "
            "\"limit_gflops\": %.3f, \"share_of_limit\": %.3f}\n",
            w.rows, species / n, n / t_both, n / t_read, n / t_describe, flops / t_describe * 1e-9,
            bytes / t_describe * 1e-9, limit * 1e-9, flops / t_describe / limit);
    else
        printf("%zu formulae, %.2f species each, one core\n"
               "read and describe  %9.0f /s\n"
               "read alone         %9.0f /s\n"
               "describe alone     %9.0f /s   %.2f Gflop/s, %.2f GB/s\n"
               "multiply and add in the first-level cache: %.2f Gflop/s; descriptors reach %.0f %%\n",
               w.rows, species / n, n / t_both, n / t_read, n / t_describe, flops / t_describe * 1e-9,
               bytes / t_describe * 1e-9, limit * 1e-9, 100 * flops / t_describe / limit);
    hg_table_free(t);
    return 0;
}
