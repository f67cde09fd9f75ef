/* bench/csv.c -- how fast a table of numbers is read, beside what bounds it: copying the bytes, and strtod on each cell
 *
 *   csv [--json] [--quick] [--rows N]
 *
 * The file has 10 million rows of 4 columns: a counter, a short decimal, one of 17 digits, and one with an exponent. It lies
 * in the page cache. Every time is the best of three, taken in turn. Peak memory is that of a process which only reads.
 *
 *   rows_per_s       rows read a second by hg_csv_read, on one core
 *   mb_per_s         the same in 10^6 bytes of text a second
 *   copy_mb_per_s    the limit of any reader: the same bytes from the page cache into a buffer
 *   strtod_mb_per_s  the plain way: a line at a time, strtod for each cell, into an array that is large enough
 *   peak_mb          memory of the process at its largest, MiB
 *   columns_mb       of it the columns themselves: 8 bytes a number
 *   write_mb_per_s   hg_csv_write of the same table
 */
#include "core/number.h"
#include "options.h"
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
    double copy_s, strtod_s, read_s, write_s, peak_mb;
} figures;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void keep_least(double *least, double value) {
    if (*least == 0 || value < *least) *least = value;
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

static hg_table *read_table(const char *path, size_t rows, double *took) {
    hg_table *t;
    hg_err err;
    const double start = now();
    if (hg_csv_read(&t, path, NULL, &err) != HG_OK) {
        fprintf(stderr, "csv: %s\n", err.msg);
        _exit(1);
    }
    *took = now() - start;
    if (hg_table_rows(t) != rows || hg_table_column(t, COLUMNS - 1)->kind != HG_COLUMN_NUMBER) _exit(1);
    return t;
}

/* In a child, so that the peak is of this reading and nothing else. */
static bool measure_read(figures *f, const char *path, size_t rows) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    double got[2] = { 0 };
    if (child == 0) {
        hg_table *t = read_table(path, rows, &got[0]);
        got[1] = peak_mb();
        hg_table_free(t);
        _exit(write(ends[1], got, sizeof got) == (ssize_t)sizeof got ? 0 : 1);
    }
    int status = 1;
    close(ends[1]);
    const bool whole = read(ends[0], got, sizeof got) == (ssize_t)sizeof got;
    close(ends[0]);
    waitpid(child, &status, 0);
    if (!whole || status != 0) return false;
    keep_least(&f->read_s, got[0]);
    keep_least(&f->peak_mb, got[1]); /* a later child also holds what this process kept of the strtod loop */
    return true;
}

static bool measure_write(figures *f, const char *path, size_t rows) {
    char copy[80];
    double unused;
    hg_table *t = read_table(path, rows, &unused);
    snprintf(copy, sizeof copy, "%s.copy", path);
    const double start = now();
    const bool ok = hg_csv_write(t, copy, NULL) == HG_OK;
    f->write_s = now() - start;
    unlink(copy);
    hg_table_free(t);
    return ok;
}

static hg_status print_json(const figures *f, size_t rows, double mb, double columns_mb) {
    hg_json j;
    bench_json_begin(&j, "csv");
    hg_json_count(&j, "rows", rows);
    hg_json_count(&j, "columns", COLUMNS);
    hg_json_number(&j, "file_mb", mb);
    hg_json_number(&j, "rows_per_s", (double)rows / f->read_s);
    hg_json_number(&j, "mb_per_s", mb / f->read_s);
    hg_json_number(&j, "copy_mb_per_s", mb / f->copy_s);
    hg_json_number(&j, "strtod_mb_per_s", mb / f->strtod_s);
    hg_json_number(&j, "peak_mb", f->peak_mb);
    hg_json_number(&j, "columns_mb", columns_mb);
    hg_json_number(&j, "write_mb_per_s", mb / f->write_s);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

int main(int argc, char **argv) {
    bool json = false, quick = false;
    size_t rows = 0;
    const bench_option options[] = { { .word = "--json", .set = &json },
                                     { .word = "--quick", .set = &quick },
                                     { .word = "--rows", .count = &rows } };
    BENCH_OPTIONS(options, argc, argv);
    if (!rows) rows = quick ? 200000 : 10000000;
    char path[64];
    snprintf(path, sizeof path, "/tmp/hagane-bench-%ld.csv", (long)getpid());
    figures f = { 0 };
    size_t bytes = 0;
    bool ok = make_file(path, rows);
    if (ok) copy_bytes(path, &bytes);
    for (int k = 0; ok && k < REPEATS; k++) {
        ok = measure_read(&f, path, rows);
        keep_least(&f.copy_s, copy_bytes(path, &bytes));
        keep_least(&f.strtod_s, strtod_cells(path, rows));
    }
    ok = ok && measure_write(&f, path, rows);
    unlink(path);
    if (!ok) {
        fprintf(stderr, "csv: could not write or read %s\n", path);
        return 1;
    }
    const double mb = (double)bytes / 1e6, columns_mb = (double)(rows * COLUMNS * sizeof(double)) / (1 << 20);
    if (json) return print_json(&f, rows, mb, columns_mb) == HG_OK ? 0 : 1;
    printf("%zu rows, %.1f MB: read in %.2f s = %.3g rows/s, %.0f MB/s; written at %.0f MB/s\n"
           "limits in the same run: copying the bytes %.0f MB/s, fgets and strtod %.0f MB/s\n"
           "peak memory %.0f MiB, of which the columns are %.0f MiB\n",
           rows, mb, f.read_s, (double)rows / f.read_s, mb / f.read_s, mb / f.write_s, mb / f.copy_s, mb / f.strtod_s,
           f.peak_mb, columns_mb);
    return 0;
}
