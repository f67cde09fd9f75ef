/* bench/csv.c -- how fast a table of numbers is read, beside what bounds it: copying the bytes, and strtod on each cell
 *
 *   csv [--json] [--quick] [--rows N]
 * The file has N rows of 4 columns: a counter, a short decimal, one of 17 digits, and one with an exponent. It is read
 * from the page cache, after one pass that puts it there. Peak memory is that of reading alone, in a process of its own.
 */
#include "core/number.h"
#include "hagane/csv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 4, REPEATS = 3, PIECE = 1 << 18 };

typedef struct {
    double copy_s, strtod_s, read_s, peak_mb, base_mb;
} figures;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double peak_mb(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static bool make_file(const char *path, size_t rows) {
    FILE *f = fopen(path, "wb");
    hg_rng r = hg_rng_make(1, 0);
    if (!f) return false;
    fputs("id,x (mm),gap (eV),k (1/s)\n", f);
    for (size_t i = 0; i < rows; i++) {
        char exact[HG_NUMBER_SIZE];
        hg_number_write(exact, hg_rng_normal(&r));
        fprintf(f, "%zu,%.3f,%s,%.6e\n", i, 100 * hg_rng_uniform(&r), exact, exp(20 * hg_rng_normal(&r)));
    }
    return fclose(f) == 0;
}

/* Bytes of the file through the system into a buffer: nothing that reads it can be faster. */
static double copy_bytes(const char *path, size_t *bytes) {
    static char buf[PIECE];
    FILE *f = fopen(path, "rb");
    const double start = now();
    *bytes = 0;
    for (size_t n; f && (n = fread(buf, 1, sizeof buf, f)) > 0;) *bytes += n;
    if (f) fclose(f);
    return now() - start;
}

/* The plain way: a line at a time, strtod for each cell, into an array that is large enough. */
static double strtod_cells(const char *path, size_t rows) {
    double *x = malloc(rows * COLUMNS * sizeof *x);
    FILE *f = fopen(path, "rb");
    const double start = now();
    char line[256];
    size_t n = 0;
    if (f && x && fgets(line, sizeof line, f))
        while (n < rows * COLUMNS && fgets(line, sizeof line, f)) {
            char *s = line;
            for (int j = 0; j < COLUMNS; j++, s++) x[n++] = strtod(s, &s);
        }
    const double seconds = now() - start;
    if (f) fclose(f);
    free(x);
    return seconds;
}

static double read_once(const char *path, size_t rows, double *peak) {
    hg_table *t;
    hg_err err;
    const double start = now();
    if (hg_csv_read(&t, path, NULL, &err) != HG_OK) {
        fprintf(stderr, "csv: %s\n", err.msg);
        exit(1);
    }
    const double seconds = now() - start;
    if (hg_table_rows(t) != rows || hg_table_column(t, 3)->kind != HG_COLUMN_NUMBER) exit(1);
    *peak = peak_mb();
    hg_table_free(t);
    return seconds;
}

/* In a child, so that the peak is of this reading and nothing else. */
static bool measure_read(figures *best, const char *path, size_t rows) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
        figures f = { .base_mb = peak_mb() };
        f.read_s = read_once(path, rows, &f.peak_mb);
        _exit(write(ends[1], &f, sizeof f) == (ssize_t)sizeof f ? 0 : 1);
    }
    figures f;
    int status = 1;
    close(ends[1]);
    const bool got = read(ends[0], &f, sizeof f) == (ssize_t)sizeof f;
    close(ends[0]);
    waitpid(child, &status, 0);
    if (!got || status != 0) return false;
    if (best->read_s == 0 || f.read_s < best->read_s)
        *best = (figures) { best->copy_s, best->strtod_s, f.read_s, f.peak_mb, f.base_mb };
    return true;
}

int main(int argc, char **argv) {
    bool json = false;
    size_t rows = 10000000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) json = true;
        if (strcmp(argv[i], "--quick") == 0) rows = 200000;
        if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc) rows = strtoull(argv[++i], NULL, 10);
    }
    char path[64];
    snprintf(path, sizeof path, "/tmp/hagane-bench-%ld.csv", (long)getpid());
    figures best = { 0 };
    size_t bytes = 0;
    bool ok = make_file(path, rows);
    if (ok) copy_bytes(path, &bytes);
    for (int k = 0; ok && k < REPEATS; k++) {
        const double copy = copy_bytes(path, &bytes);
        if (k == 0 || copy < best.copy_s) best.copy_s = copy;
        ok = measure_read(&best, path, rows);
    }
    if (ok) best.strtod_s = strtod_cells(path, rows);
    unlink(path);
    if (!ok) {
        fprintf(stderr, "csv: could not write or read %s\n", path);
        return 1;
    }
    const double mb = (double)bytes / 1e6, columns_mb = (double)(rows * COLUMNS * sizeof(double)) / (1 << 20);
    if (json)
        printf(
            "{\"rows\":%zu,\"columns\":%d,\"file_mb\":%.1f,\"seconds\":%.4g,\"rows_per_s\":%.4g,\"mb_per_s\":%.4g,"
            "\"copy_mb_per_s\":%.4g,\"strtod_mb_per_s\":%.4g,\"peak_mb\":%.1f,\"start_mb\":%.1f,\"columns_mb\":%.1f}\n",
            rows, COLUMNS, mb, best.read_s, (double)rows / best.read_s, mb / best.read_s, mb / best.copy_s,
            mb / best.strtod_s, best.peak_mb, best.base_mb, columns_mb);
    else
        printf("%zu rows, %.1f MB: read in %.2f s = %.3g rows/s, %.0f MB/s\n"
               "limits in the same run: copying the bytes %.0f MB/s, fgets and strtod %.0f MB/s\n"
               "peak memory %.0f MiB (%.0f before reading); the columns alone are %.0f MiB\n",
               rows, mb, best.read_s, (double)rows / best.read_s, mb / best.read_s, mb / best.copy_s,
               mb / best.strtod_s, best.peak_mb, best.base_mb, columns_mb);
    return 0;
}
