/* bench/qdf_common.h -- what the programs about Quantum Deep Field share: molecules of its split, what is known of
 * them, and how an error is said */
#ifndef HG_BENCH_QDF_COMMON_H
#define HG_BENCH_QDF_COMMON_H
#include "hagane/hagane.h"
#include "models/qdf2.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRAIN = 11831, VALIDATION = 1479, TEST = 1480, LARGE = 116041, SIZE_MOST = 40 };
static const double KCAL = HG_KCAL_PER_MOL_PER_EV, NORMAL_90 = 1.6448536269514722;

static void stop_at(const char *what, const hg_err *err) {
    fprintf(stderr, "%s%s%s\n", what, err ? ": " : "", err ? err->msg : "");
    exit(1);
}

static inline double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

typedef struct {
    hg_arena *mem;
    hg_molecule **m;
    double *e;                         /* eV */
    double *label[HG_QDF2_PROPERTIES]; /* in the properties' units, NaN: unknown; NULL before read_labels */
    size_t n;
} molecules;

static const char *shared(char path[600], const char *name) {
    snprintf(path, 600, "%s/../shared/data/%s", HG_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s is not there: put the data of Quantum Deep Field's split on QM9 into that folder\n", path);
        exit(1);
    }
    fclose(f);
    return path;
}

/* `keep` of `total` molecules, drawn by seed 1. */
static molecules load(const char *name, size_t total, size_t keep) {
    char path[600];
    hg_err err;
    hg_molecule_file *f;
    molecules s = { .mem = hg_arena_new(), .m = malloc(keep * sizeof *s.m), .e = malloc(keep * sizeof *s.e) };
    hg_rng r = hg_rng_make(1, 0);
    if (hg_molecule_file_open(&f, shared(path, name), NULL, &err) != HG_OK) stop_at("molecules", &err);
    for (size_t seen = 0;; seen++) {
        const hg_mark mark = hg_arena_mark(s.mem);
        hg_molecule *m;
        if (hg_molecule_file_next(&m, f, s.mem, &err) != HG_OK) stop_at("molecules", &err);
        if (!m) break;
        if (s.n < keep && hg_rng_below(&r, total - seen) < keep - s.n) {
            s.m[s.n] = m;
            s.e[s.n++] = m->values[0].real[0];
        } else {
            hg_arena_reset(s.mem, mark);
        }
    }
    hg_molecule_file_free(f);
    return s;
}

static void forget(molecules *s) {
    hg_arena_free(s->mem);
    free(s->m);
    free(s->e);
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++) free(s->label[p]);
}

/* ---- labels: RI-MP2/def2-TZVP dipoles of 10,000 molecules, B3LYP/6-31G(2df,p) levels of 49,740 ------------------- */

typedef struct {
    char id[24];
    double x[3];
} label;

static int label_by_id(const void *a, const void *b) { return strcmp(((const label *)a)->id, ((const label *)b)->id); }

/* Rows of a table, sorted by id; columns[n] times `unit`. Numbers instead of names are GDB's. */
static label *table_of_labels(size_t *n, const char *file, const char *id, const char *const *column, size_t columns,
                              double unit) {
    char path[600];
    hg_err err;
    hg_table *t;
    size_t at_id, at[3];
    if (hg_csv_read(&t, shared(path, file), NULL, &err) != HG_OK) stop_at(file, &err);
    if (hg_table_find(&at_id, t, id, &err) != HG_OK) stop_at(file, &err);
    for (size_t k = 0; k < columns; k++)
        if (hg_table_find(&at[k], t, column[k], &err) != HG_OK) stop_at(file, &err);
    *n = hg_table_rows(t);
    label *l = calloc(*n, sizeof *l);
    for (size_t i = 0; i < *n; i++) {
        if (hg_table_column(t, at_id)->kind == HG_COLUMN_TEXT)
            snprintf(l[i].id, sizeof l[i].id, "%s", hg_table_text(t, at_id, i));
        else
            snprintf(l[i].id, sizeof l[i].id, "dsgdb9nsd_%06d", (int)hg_table_column(t, at_id)->number[i]);
        for (size_t k = 0; k < columns; k++) l[i].x[k] = unit * hg_table_column(t, at[k])->number[i];
    }
    hg_table_free(t);
    qsort(l, *n, sizeof *l, label_by_id);
    return l;
}

static const label *label_find(const label *l, size_t n, const hg_molecule *m) {
    label key;
    snprintf(key.id, sizeof key.id, "%s", m->id);
    return bsearch(&key, l, n, sizeof *l, label_by_id);
}

static inline void read_labels(molecules *s) {
    static const char *const DIPOLE[] = { "dipole x", "dipole y", "dipole z" }, *const LEVEL[] = { "homo_Ha",
                                                                                                   "lumo_Ha" };
    static label *dipole, *level; /* one pair of tables for all sets */
    static size_t n_dipole, n_level;
    if (!dipole) {
        dipole = table_of_labels(&n_dipole, "qdf-qm9/mp2_tzvp_10k.csv.xz", "name", DIPOLE, 3, HG_ANGSTROM_PER_BOHR);
        level = table_of_labels(&n_level, "qm9/qm9_props.csv.xz", "id", LEVEL, 2, HG_EV_PER_HARTREE);
    }
    for (size_t p = 0; p < HG_QDF2_PROPERTIES; p++)
        s->label[p] = malloc(s->n * hg_qdf2_property_size((hg_qdf2_property)p) * sizeof *s->label[p]);
    for (size_t i = 0; i < s->n; i++) {
        const label *d = label_find(dipole, n_dipole, s->m[i]), *l = label_find(level, n_level, s->m[i]);
        for (size_t k = 0; k < 3; k++) s->label[HG_QDF2_DIPOLE][3 * i + k] = d ? d->x[k] : (double)NAN;
        s->label[HG_QDF2_HOMO][i] = l ? l->x[0] : (double)NAN;
        s->label[HG_QDF2_LUMO][i] = l ? l->x[1] : (double)NAN;
    }
}

#endif
