/* bench/molecules.c -- how fast molecules are read from text, beside what bounds it: copying the bytes, and decompressing them
 *
 *   molecules [--json] [--quick] [--molecules N]
 *
 * 50,000 molecules of 7 to 29 atoms, 18 in the mean as in QM9, with 10 decimals: as Quantum Deep Field's text (plain, and compressed with
 * xz), as extended XYZ with forces, and as SDF (4 decimals, as that format has). The files lie in the page cache. Every time is
 * the best of three, taken in turn, from the file to checked molecules in an arena. Seconds are those of the one processor that
 * works, so that other work on the machine counts little; nothing here waits for a disk.
 *
 *   molecules_per_s  molecules read a second
 *   atoms_per_s      the same in atoms
 *   mb_per_s         the same in 10^6 bytes of text a second
 *   limit_mb_per_s   the limit: the same text into a buffer, from the page cache or out of the decompressor, and nothing more
 *   of_limit         mb_per_s / limit_mb_per_s
 *   write_atoms_per_s  atoms written a second as extended XYZ, numbers in the fewest digits
 *   peak_mb          memory of the process that reads, at its largest, MiB
 */
#include "files/input.h"
#include "options.h"
#include "hagane/molecule_file.h"
#include <lzma.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FEWEST = 7, MOST = 29, REPEATS = 3, PIECE = 1 << 18 };
enum { QDF, QDF_XZ, XYZ, SDF, FORMATS };
static const char *const NAME[FORMATS] = { "qdf", "qdf.xz", "xyz", "sdf" };

typedef struct {
    char path[96];
    double text_mb, limit_s, read_s;
    size_t molecules, atoms;
} figures;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void keep_least(double *least, double value) {
    if (*least == 0 || value < *least) *least = value;
}

/* ---- files to read --------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    unsigned z[MOST];
    double r[3 * MOST];
} molecule;

/* Atoms on a grid of 1.3 angstrom, each moved a little: no two overlap. */
static void make_molecule(molecule *m, hg_rng *rng) {
    static const unsigned ELEMENT[] = { 1, 1, 1, 6, 6, 7, 8, 9 };
    m->n = FEWEST + hg_rng_below(rng, MOST - FEWEST + 1);
    for (size_t i = 0; i < m->n; i++) {
        const double place[3] = { (double)(i % 4), (double)(i / 4 % 4), (double)(i / 16) };
        m->z[i] = ELEMENT[hg_rng_below(rng, sizeof ELEMENT / sizeof *ELEMENT)];
        for (size_t k = 0; k < 3; k++) m->r[3 * i + k] = 1.3 * place[k] + 0.3 * hg_rng_uniform(rng);
    }
}

static void put_qdf(FILE *f, const molecule *m, size_t number, hg_rng *rng) {
    fprintf(f, "molecule_%06zu\n", number);
    for (size_t i = 0; i < m->n; i++)
        fprintf(f, "%s %.10f %.10f %.10f\n", hg_element_symbol(m->z[i]), m->r[3 * i], m->r[3 * i + 1], m->r[3 * i + 2]);
    fprintf(f, "%.14f\n\n", -100 * hg_rng_uniform(rng));
}

static void put_xyz(FILE *f, const molecule *m, size_t number, hg_rng *rng) {
    fprintf(f, "%zu\nProperties=species:S:1:pos:R:3:forces:R:3 id=%zu energy=%.14f pbc=\"F F F\"\n", m->n, number,
            -100 * hg_rng_uniform(rng));
    for (size_t i = 0; i < m->n; i++)
        fprintf(f, "%s %.10f %.10f %.10f %.8f %.8f %.8f\n", hg_element_symbol(m->z[i]), m->r[3 * i], m->r[3 * i + 1],
                m->r[3 * i + 2], hg_rng_normal(rng), hg_rng_normal(rng), hg_rng_normal(rng));
}

static void put_sdf(FILE *f, const molecule *m, size_t number, hg_rng *rng) {
    fprintf(f, "%zu\n  hagane            3D\n\n%3zu%3zu  0  0  0  0  0  0  0  0999 V2000\n", number, m->n, m->n - 1);
    for (size_t i = 0; i < m->n; i++)
        fprintf(f, "%10.4f%10.4f%10.4f %-3s 0  0  0  0  0  0  0  0  0  0  0  0\n", m->r[3 * i], m->r[3 * i + 1],
                m->r[3 * i + 2], hg_element_symbol(m->z[i]));
    for (size_t i = 1; i < m->n; i++) fprintf(f, "%3zu%3zu  1  0\n", i, i + 1);
    fprintf(f, "M  END\n> <energy>\n%.8f\n\n$$$$\n", -100 * hg_rng_uniform(rng));
}

static bool make_file(figures *f, int format, size_t molecules) {
    static void (*const PUT[FORMATS])(FILE *, const molecule *, size_t, hg_rng *) = { put_qdf, NULL, put_xyz, put_sdf };
    FILE *out = fopen(f->path, "wb");
    hg_rng rng = hg_rng_make(1, 0);
    molecule m;
    if (!out) return false;
    for (size_t i = 0; i < molecules; i++) {
        make_molecule(&m, &rng);
        f->atoms += m.n;
        PUT[format](out, &m, i, &rng);
    }
    f->molecules = molecules;
    f->text_mb = (double)ftell(out) / 1e6;
    return fclose(out) == 0;
}

static bool compress_file(figures *to, const figures *from) {
    static unsigned char in[PIECE], out[PIECE];
    FILE *source = fopen(from->path, "rb"), *target = fopen(to->path, "wb");
    lzma_stream z = LZMA_STREAM_INIT;
    bool ok = source && target && lzma_easy_encoder(&z, 1, LZMA_CHECK_CRC64) == LZMA_OK;
    for (lzma_ret rc = LZMA_OK; ok && rc == LZMA_OK;) {
        if (z.avail_in == 0) {
            z.next_in = in;
            z.avail_in = fread(in, 1, sizeof in, source);
        }
        z.next_out = out;
        z.avail_out = sizeof out;
        rc = lzma_code(&z, feof(source) ? LZMA_FINISH : LZMA_RUN);
        ok = (rc == LZMA_OK || rc == LZMA_STREAM_END) &&
             fwrite(out, 1, sizeof out - z.avail_out, target) == sizeof out - z.avail_out;
    }
    lzma_end(&z);
    if (source) fclose(source);
    if (target && fclose(target) != 0) ok = false;
    to->text_mb = from->text_mb;
    to->molecules = from->molecules;
    to->atoms = from->atoms;
    return ok;
}

/* ---- measuring ------------------------------------------------------------------------------------------------- */

/* The text into a buffer, and nothing more. */
static bool measure_limit(figures *f) {
    static char buf[PIECE];
    hg_input *in;
    size_t got = 1;
    const double start = now();
    if (hg_input_open(&in, f->path, NULL, NULL) != HG_OK) return false;
    bool ok = true;
    while (ok && got) ok = hg_input_read(&got, in, buf, sizeof buf, NULL) == HG_OK;
    hg_input_free(in);
    keep_least(&f->limit_s, now() - start);
    return ok;
}

static bool measure_read(figures *f) {
    hg_molecule_file *file;
    hg_molecule *m = NULL;
    hg_err err = { 0 };
    hg_arena *mem = hg_arena_new();
    size_t molecules = 0, atoms = 0;
    const double start = now();
    hg_status st = hg_molecule_file_open(&file, f->path, NULL, &err);
    const hg_mark mark = (hg_alloc(mem, 1, 1), hg_arena_mark(mem)); /* keeps the first block */
    while (st == HG_OK && (st = hg_molecule_file_next(&m, file, mem, &err)) == HG_OK && m) {
        molecules++;
        atoms += m->n;
        hg_arena_reset(mem, mark);
    }
    hg_molecule_file_free(file);
    keep_least(&f->read_s, now() - start);
    hg_arena_free(mem);
    if (st != HG_OK) fprintf(stderr, "molecules: %s\n", err.msg);
    return st == HG_OK && molecules == f->molecules && atoms == f->atoms;
}

/* Reads the XYZ file and writes it again; what reading alone took is taken off. */
static bool measure_write(double *atoms_per_s, const figures *f) {
    hg_molecule_file *file;
    hg_molecule_writer *w = NULL;
    hg_molecule *m = NULL;
    hg_arena *mem = hg_arena_new();
    char copy[112];
    snprintf(copy, sizeof copy, "%s.copy", f->path);
    const double start = now();
    hg_status st = hg_molecule_file_open(&file, f->path, NULL, NULL);
    if (st == HG_OK) st = hg_molecule_writer_new(&w, copy, NULL);
    while (st == HG_OK && (st = hg_molecule_file_next(&m, file, mem, NULL)) == HG_OK && m) {
        st = hg_molecule_writer_put(w, m, NULL);
        hg_arena_reset(mem, (hg_mark) { 0, 0 });
    }
    if (st == HG_OK) st = hg_molecule_writer_commit(w, NULL);
    const double seconds = now() - start - f->read_s;
    hg_molecule_writer_free(w);
    hg_molecule_file_free(file);
    hg_arena_free(mem);
    unlink(copy);
    *atoms_per_s = (double)f->atoms / seconds;
    return st == HG_OK;
}

static double peak_mb(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static hg_status print_json(const figures *f, double write_atoms_per_s, double peak) {
    hg_json j;
    bench_json_begin(&j, "molecules");
    hg_json_count(&j, "molecules", f->molecules);
    hg_json_count(&j, "atoms", f->atoms);
    hg_json_begin_array(&j, "formats");
    for (int k = 0; k < FORMATS; k++) {
        hg_json_begin_object(&j, NULL);
        hg_json_string(&j, "name", NAME[k]);
        hg_json_number(&j, "text_mb", f[k].text_mb);
        hg_json_number(&j, "molecules_per_s", (double)f[k].molecules / f[k].read_s);
        hg_json_number(&j, "atoms_per_s", (double)f[k].atoms / f[k].read_s);
        hg_json_number(&j, "mb_per_s", f[k].text_mb / f[k].read_s);
        hg_json_number(&j, "limit_mb_per_s", f[k].text_mb / f[k].limit_s);
        hg_json_number(&j, "of_limit", f[k].limit_s / f[k].read_s);
        hg_json_end_object(&j);
    }
    hg_json_end_array(&j);
    hg_json_number(&j, "write_atoms_per_s", write_atoms_per_s);
    hg_json_number(&j, "peak_mb", peak);
    hg_json_end_object(&j);
    return hg_json_end(&j, NULL);
}

static void print_words(const figures *f, double write_atoms_per_s, double peak) {
    printf("%zu molecules, %zu atoms; peak memory %.0f MiB\n", f->molecules, f->atoms, peak);
    for (int k = 0; k < FORMATS; k++)
        printf("%-7s %6.1f MB of text: %8.0f molecules/s, %5.2f million atoms/s, %4.0f MB/s; limit %5.0f MB/s\n",
               NAME[k], f[k].text_mb, (double)f[k].molecules / f[k].read_s, (double)f[k].atoms / f[k].read_s / 1e6,
               f[k].text_mb / f[k].read_s, f[k].text_mb / f[k].limit_s);
    printf("written as extended XYZ: %.2f million atoms/s\n", write_atoms_per_s / 1e6);
}

int main(int argc, char **argv) {
    bool json = false, quick = false, ok = true;
    size_t molecules = 0;
    const bench_option options[] = { { .word = "--json", .set = &json },
                                     { .word = "--quick", .set = &quick },
                                     { .word = "--molecules", .count = &molecules } };
    BENCH_OPTIONS(options, argc, argv);
    if (!molecules) molecules = quick ? 5000 : 50000;
    figures f[FORMATS] = { 0 };
    double write_atoms_per_s = 0;
    for (int k = 0; k < FORMATS && ok; k++) {
        snprintf(f[k].path, sizeof f[k].path, "/tmp/hagane-bench-%ld.%s", (long)getpid(), NAME[k]);
        ok = k == QDF_XZ ? compress_file(&f[k], &f[QDF]) : make_file(&f[k], k, molecules);
    }
    for (int i = 0; i < REPEATS; i++)
        for (int k = 0; k < FORMATS && ok; k++) ok = measure_limit(&f[k]) && measure_read(&f[k]);
    const double peak = peak_mb();
    ok = ok && measure_write(&write_atoms_per_s, &f[XYZ]);
    for (int k = 0; k < FORMATS; k++) unlink(f[k].path);
    if (!ok) {
        fprintf(stderr, "molecules: could not write or read %s and its like\n", f[QDF].path);
        return 1;
    }
    if (json) return print_json(f, write_atoms_per_s, peak) == HG_OK ? 0 : 1;
    print_words(f, write_atoms_per_s, peak);
    return 0;
}
