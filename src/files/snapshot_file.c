/* files/snapshot_file.c -- which reader a file of a snapshot needs, and sets of them; see hagane/snapshot_file.h
 *
 * A format is one record. A file's format is told by its first bytes, never by its name alone; names only say which files of a folder
 * are snapshots.
 */
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"
#include "files/particle_rows.h"
#include "matter/labels.h"
#include "matter/snapshot.h"
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const hg_snapshot_format *const FORMATS[] = { &hg_format_snapshot,    &hg_format_compact,
                                                     &hg_format_lammps_dump, &hg_format_lammps_data,
                                                     &hg_format_liquid_xyz,  &hg_format_npz,
                                                     &hg_format_pickle };
enum { PIECE = 1 << 20, PLACE = 1024, N_FORMATS = sizeof FORMATS / sizeof *FORMATS };

const char *hg_snapshot_format_name(size_t i) { return i < N_FORMATS ? FORMATS[i]->name : NULL; }

hg_snapshot_opts hg_snapshot_opts_default(void) {
    return (hg_snapshot_opts) { .species = "AB",
                                .temperature = (double)NAN,
                                .label_time = (double)NAN,
                                .pair_range = 2,
                                .nearest = 0.3,
                                .max_bytes = (uint64_t)4 << 30 };
}

static hg_status check_opts(const hg_snapshot_format **format, const hg_snapshot_opts *o, hg_err *err) {
    *format = NULL;
    for (size_t i = 0; o->format && i < N_FORMATS; i++)
        if (strcmp(FORMATS[i]->name, o->format) == 0) *format = FORMATS[i];
    if (o->format && !*format)
        return hg_names_advise(err, hg_fail(err, HG_ENOTFOUND, "there is no format \"%s\" of snapshots", o->format),
                               o->format, hg_snapshot_format_name);
    const size_t n = o->species ? strlen(o->species) : 0;
    bool ok = n > 0 && n <= 26;
    for (size_t i = 0; i < n; i++) ok = ok && o->species[i] >= 'A' && o->species[i] < 'A' + HG_SPECIES_MOST;
    if (!ok)
        return hg_advise(err, hg_fail(err, HG_EINVAL, "species \"%.40s\" of types", o->species ? o->species : ""),
                         "one letter A to %c for each of the types 1, 2, ...: AB",
                         hg_species_letter(HG_SPECIES_MOST - 1));
    if (!(o->pair_range >= 0 && o->pair_range < HG_BOX_LONGEST) || !(o->nearest >= 0 && o->nearest < HG_BOX_LONGEST))
        return hg_fail(err, HG_EINVAL, "pair_range and nearest must not be below 0");
    if (o->temperature <= 0 || isinf(o->temperature) || o->label_time <= 0 || isinf(o->label_time))
        return hg_fail(err, HG_EINVAL, "temperature and label_time must be above 0, or unknown");
    return o->max_bytes ? HG_OK : hg_fail(err, HG_EINVAL, "max_bytes must be above 0");
}

/* ---- what readers share ------------------------------------------------------------------------------------------ */

hg_status hg_source_no_memory(const hg_snapshot_source *f) {
    return hg_fail(f->err, HG_ENOMEM, "%s: no memory for this snapshot", f->name);
}

hg_status hg_source_fail(const hg_snapshot_source *f, hg_status code, const char *fmt, ...) {
    char text[400];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    return hg_fail_at(f->err, code, f->name, 0, 0, "%s", text);
}

static bool is_listed(const char *suffixes, const char *s, size_t n) {
    for (const char *at = suffixes; *at;) {
        const size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, s, n) == 0) return true;
        at += len + (at[len] != '\0');
    }
    return false;
}

static bool is_format_ending(const char *s, size_t n) {
    for (size_t i = 0; i < N_FORMATS; i++)
        if (is_listed(FORMATS[i]->suffixes, s, n)) return true;
    return false;
}

/* "T0.44.npz.xz": the length of "T0.44". */
static size_t without_endings(const char *base) {
    size_t end = strlen(base);
    for (int pass = 0; pass < 2; pass++) {
        size_t dot = end;
        while (dot && base[dot - 1] != '.') dot--;
        if (dot < 2) break;
        const bool known =
            pass ? is_format_ending(base + dot, end - dot) : is_listed("gz xz zst", base + dot, end - dot);
        if (known) end = dot - 1;
    }
    return end;
}

hg_snapshot *hg_source_snapshot(const hg_snapshot_source *f, size_t n) {
    const char *slash = strrchr(f->name, '/'), *base = slash ? slash + 1 : f->name;
    hg_snapshot *s = hg_snapshot_new(f->mem, n);
    if (!s) return NULL;
    s->id = hg_arena_strndup(f->mem, base, without_endings(base));
    s->temperature = f->o->temperature;
    return s->id ? s : NULL;
}

hg_status hg_source_whole(unsigned char **out, size_t *n, hg_snapshot_source *f) {
    size_t cap = 0;
    unsigned char *buf = NULL;
    *n = 0;
    *out = NULL;
    for (;;) {
        size_t got = 0;
        hg_status st = hg_grow(&buf, &cap, *n + PIECE, 1) ? HG_OK : hg_source_no_memory(f);
        if (st == HG_OK) st = hg_input_read(&got, f->in, buf + *n, cap - *n, f->err);
        if (st != HG_OK) {
            hg_free(buf);
            return st;
        }
        *n += got;
        if (*n < cap) break;
    }
    *out = buf;
    return HG_OK;
}

/* As hg_snapshot_check, with the file's name, and the line where there is one, in front in place of the id. */
static hg_status check(const hg_snapshot_source *f, hg_snapshot *s) {
    const char *const id = s->id;
    size_t which;
    s->id = f->name;
    hg_status st = hg_snapshot_check_which(&which, s, f->o->nearest, 0, f->err);
    if (st == HG_EDATA && which < s->n && f->line) {
        char place[PLACE];
        snprintf(place, sizeof place, "%s:%zu", f->name, f->line[which]);
        s->id = place;
        st = hg_snapshot_check_which(&which, s, f->o->nearest, 0, f->err);
    }
    s->id = id;
    return st;
}

hg_status hg_source_label(const hg_snapshot_source *f, hg_snapshot *s, size_t runs, const double *time, size_t n_times,
                          hg_status (*moved)(double *out, void *ctx, size_t t, size_t run), void *ctx) {
    hg_labels *l;
    double range = f->o->pair_range;
    HG_TRY(check(f, s)); /* before its pairs are looked for */
    for (size_t k = 0; k < 3; k++)
        if (s->box[k] < 2 * range) range = 0; /* too small to have pairs of that length */
    double *out = hg_alloc(f->scratch, s->n, 3 * sizeof *out);
    if (!out) return hg_source_no_memory(f);
    HG_TRY(hg_labels_begin(&l, s, runs, time, n_times, range, f->mem, f->err));
    for (size_t t = 0; t < n_times; t++)
        for (size_t r = 0; r < runs; r++) {
            HG_TRY(moved(out, ctx, t, r));
            hg_labels_add(l, t, r, out);
        }
    hg_labels_end(l);
    return HG_OK;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static hg_status find_format(const hg_snapshot_format **format, hg_snapshot_source *f) {
    unsigned char head[HG_SNAPSHOT_HEAD];
    size_t n;
    if (*format) return HG_OK;
    HG_TRY(hg_input_peek(&n, f->in, head, sizeof head, f->err));
    for (size_t i = 0; i < N_FORMATS; i++)
        if (FORMATS[i]->looks(head, n)) {
            *format = FORMATS[i];
            return HG_OK;
        }
    hg_source_fail(f, HG_EPARSE, n ? "is no snapshot in any format that is read" : "is empty");
    hg_text list = hg_text_new(0);
    for (size_t i = 0; i < N_FORMATS; i++) hg_text_add(&list, "%s%s", i ? ", " : "", FORMATS[i]->name);
    hg_advise(f->err, HG_EPARSE, "these are: %s", list.s);
    hg_text_free(&list);
    return HG_EPARSE;
}

static hg_status read_source(hg_snapshot **out, const char **words, hg_input *in, const hg_snapshot_format *format,
                             const hg_snapshot_opts *o, hg_arena *mem, hg_err *err) {
    const hg_mark mark = hg_arena_mark(mem);
    hg_snapshot_source f = {
        .in = in, .name = hg_input_name(in), .o = o, .mem = mem, .scratch = hg_arena_new(), .words = "", .err = err
    };
    hg_snapshot *s = NULL;
    hg_status st = f.scratch ? find_format(&format, &f) : hg_source_no_memory(&f);
    if (st == HG_OK) st = format->read(&s, &f);
    if (st == HG_OK) st = check(&f, s);
    hg_arena_free(f.scratch);
    if (st != HG_OK) {
        hg_arena_reset(mem, mark);
        return st;
    }
    *out = s;
    if (words) *words = f.words;
    return HG_OK;
}

/* bytes NULL: the file `name`. */
static hg_status read_any(hg_snapshot **out, const char **words, const char *name, const void *bytes, size_t n,
                          const hg_snapshot_opts *opts, hg_arena *mem, hg_err *err) {
    const hg_snapshot_opts o = opts ? *opts : hg_snapshot_opts_default();
    const hg_snapshot_format *format;
    hg_input_opts io = hg_input_opts_default();
    hg_input *in;
    *out = NULL;
    HG_TRY(check_opts(&format, &o, err));
    io.max_bytes = o.max_bytes;
    HG_TRY(bytes ? hg_input_open_memory(&in, name, bytes, n, &io, err) : hg_input_open(&in, name, &io, err));
    const hg_status st = read_source(out, words, in, format, &o, mem, err);
    hg_input_free(in);
    return st;
}

hg_status hg_snapshot_read(hg_snapshot **out, const char **words, const char *path, const hg_snapshot_opts *opts,
                           hg_arena *mem, hg_err *err) {
    return read_any(out, words, path, NULL, 0, opts, mem, err);
}

hg_status hg_snapshot_read_memory(hg_snapshot **out, const char **words, const char *name, const void *bytes, size_t n,
                                  const hg_snapshot_opts *opts, hg_arena *mem, hg_err *err) {
    return read_any(out, words, name, bytes ? bytes : "", n, opts, mem, err);
}

/* ---- endings of names -------------------------------------------------------------------------------------------- */

/* By the last ending, or the one before that of a compression. */
static const hg_snapshot_format *format_of_name(const char *name) {
    size_t end = strlen(name);
    for (int pass = 0; pass < 2; pass++) {
        size_t dot = end;
        while (dot && name[dot - 1] != '.' && name[dot - 1] != '/') dot--;
        if (dot < 2 || name[dot - 1] != '.') return NULL;
        for (size_t i = 0; i < N_FORMATS; i++)
            if (is_listed(FORMATS[i]->suffixes, name + dot, end - dot)) return FORMATS[i];
        if (pass || !is_listed("gz xz zst", name + dot, end - dot)) return NULL;
        end = dot - 1;
    }
    return NULL;
}

hg_status hg_snapshot_write(const char *path, const hg_snapshot *s, hg_err *err) {
    const hg_snapshot_format *format = format_of_name(path);
    const size_t n = strlen(path);
    hg_output *o;
    if (!format || !format->write || (n > 3 && (strcmp(path + n - 3, ".xz") == 0 || strcmp(path + n - 3, ".gz") == 0)))
        return hg_advise(err, hg_fail(err, HG_EINVAL, "%s: a snapshot is not written to such a file", path),
                         "let its name end in .safetensors (all that is known), .data (LAMMPS) or .xyz");
    HG_TRY(hg_snapshot_check(s, 0, 0, err));
    HG_TRY(hg_output_new(&o, path, NULL, err));
    hg_status st = format->write(o, s, err);
    if (st == HG_OK) st = hg_output_commit(o, err);
    hg_output_free(o);
    return st;
}

/* ---- sets -------------------------------------------------------------------------------------------------------- */

struct hg_snapshot_set {
    hg_arena *mem;
    hg_snapshot_opts o;
    const hg_snapshot_format *format; /* NULL: by content */
    hg_snapshot_ensemble *ensemble;   /* NULL: files */
    const char **path;                /* [n] */
    size_t n, cap;
};

/* "s9" before "s10": runs of digits by their value, then as text. */
static int natural(const void *a, const void *b) {
    const char *const whole_x = *(const char *const *)a, *const whole_y = *(const char *const *)b;
    const char *x = whole_x, *y = whole_y;
    while (*x && *y) {
        const size_t zx = strspn(x, "0"), zy = strspn(y, "0");
        const size_t nx = strspn(x + zx, "0123456789"), ny = strspn(y + zy, "0123456789");
        if (zx + nx && zy + ny) {
            const int order = nx == ny ? strncmp(x + zx, y + zy, nx) : nx < ny ? -1 : 1;
            if (order) return order;
            x += zx + nx;
            y += zy + ny;
        } else {
            if (*x != *y) break;
            x++;
            y++;
        }
    }
    const int order = (int)(unsigned char)*x - (int)(unsigned char)*y;
    return order ? order : strcmp(whole_x, whole_y);
}

static hg_status no_memory(const char *path, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory to list %s", path);
}

static hg_status add_path(hg_snapshot_set *set, const char *folder, const char *name, hg_err *err) {
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = hg_alloc(set->mem, size, 1);
    if (!path || !hg_grow(&set->path, &set->cap, set->n + 1, sizeof *set->path)) return no_memory(folder, err);
    snprintf(path, size, "%s/%s", folder, name);
    set->path[set->n++] = path;
    return HG_OK;
}

static hg_status list_folder(hg_snapshot_set *set, const char *folder, hg_err *err) {
    char text[128];
    DIR *d = opendir(folder);
    if (!d) return hg_fail(err, HG_EIO, "%s: could not be opened: %s", folder, strerror_r(errno, text, sizeof text));
    hg_status st = HG_OK;
    for (const struct dirent *e; st == HG_OK && (e = readdir(d));)
        if (e->d_name[0] != '.' && format_of_name(e->d_name)) st = add_path(set, folder, e->d_name, err);
    closedir(d);
    HG_TRY(st);
    if (set->n == 0)
        return hg_advise(err, hg_fail(err, HG_EDATA, "%s: no snapshots are in this folder", folder),
                         "they are told by the endings of their names: .safetensors, .bin, .data, .dump, .xyz ...");
    qsort(set->path, set->n, sizeof *set->path, natural);
    return HG_OK;
}

static hg_status fill(hg_snapshot_set *set, const char *path, hg_err *err) {
    char text[128];
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) != 0)
        return hg_fail(err, HG_EIO, "%s: could not be opened: %s", path, strerror_r(errno, text, sizeof text));
    if (strcmp(path, "-") != 0 && S_ISDIR(st.st_mode))
        return hg_snapshot_ensemble_looks(path) ? hg_snapshot_ensemble_open(&set->ensemble, path, &set->o, err)
                                                : list_folder(set, path, err);
    const char *own = hg_arena_strdup(set->mem, path);
    if (!own || !hg_grow(&set->path, &set->cap, 1, sizeof *set->path)) return no_memory(path, err);
    set->path[set->n++] = own;
    return HG_OK;
}

hg_status hg_snapshot_set_open(hg_snapshot_set **out, const char *path, const hg_snapshot_opts *opts, hg_err *err) {
    const hg_snapshot_opts o = opts ? *opts : hg_snapshot_opts_default();
    const hg_snapshot_format *format;
    *out = NULL;
    HG_TRY(check_opts(&format, &o, err));
    hg_arena *mem = hg_arena_new();
    hg_snapshot_set *set = hg_alloc(mem, 1, sizeof *set);
    if (!set) {
        hg_arena_free(mem);
        return no_memory(path, err);
    }
    *set = (hg_snapshot_set) { .mem = mem, .o = o, .format = format };
    set->o.format = NULL; /* found already */
    set->o.species = hg_arena_strdup(mem, o.species);
    const hg_status st = set->o.species ? fill(set, path, err) : no_memory(path, err);
    if (st != HG_OK) {
        hg_snapshot_set_free(set);
        return st;
    }
    *out = set;
    return HG_OK;
}

size_t hg_snapshot_set_count(const hg_snapshot_set *set) {
    return set->ensemble ? hg_snapshot_ensemble_count(set->ensemble) : set->n;
}

const char *hg_snapshot_set_file(const hg_snapshot_set *set, size_t i) {
    if (set->ensemble) return hg_snapshot_ensemble_file(set->ensemble, i);
    return i < set->n ? set->path[i] : NULL;
}

hg_status hg_snapshot_set_read(hg_snapshot **out, hg_snapshot_set *set, size_t k, hg_arena *mem, hg_err *err) {
    *out = NULL;
    if (k >= hg_snapshot_set_count(set))
        return hg_fail(err, HG_EINVAL, "snapshot %zu of a set of %zu", k + 1, hg_snapshot_set_count(set));
    if (set->ensemble) return hg_snapshot_ensemble_read(out, set->ensemble, k, mem, err);
    hg_snapshot_opts o = set->o;
    o.format = set->format ? set->format->name : NULL;
    return hg_snapshot_read(out, NULL, set->path[k], &o, mem, err);
}

void hg_snapshot_set_free(hg_snapshot_set *set) {
    if (!set) return;
    hg_snapshot_ensemble_free(set->ensemble);
    hg_free(set->path);
    hg_arena_free(set->mem);
}
