/* files/snapshot_pickle.c -- the files of Bapst et al. (Nat. Phys. 16, 448, 2020): google-deepmind/deepmind-research, glassy_dynamics/README.md
 *
 * A dictionary: positions[n,3] (not wrapped), types[n] (0 A, 1 B), box[3], time, time_indices, trajectory_target_positions (for each of the
 * time_indices the positions of all runs), metadata (temperature). time[time_indices[k]] is the time of labels k. Times need not ascend there; 0 is
 * left out. Where there are "targets" for all of them (propensities [times,n]) and not all trajectories, those are taken.
 */
#include "core/memory.h"
#include "files/pickle.h"
#include "files/snapshot_file.h"
#include "matter/snapshot.h"
#include <string.h>

enum { TIMES = 256 };

typedef struct {
    hg_snapshot_source *f;
    const hg_pickled *runs_of; /* trajectory_target_positions; NULL: none */
    hg_ndarray start;
    size_t n, runs, n_times;
    double time[TIMES];
    size_t at[TIMES]; /* which of the file's times it is */
} reader;

static bool looks(const unsigned char *head, size_t n) {
    return n > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5;
}

static hg_status wrong(const reader *r, const char *key, const char *expected) {
    return hg_advise(
        r->f->err, hg_source_fail(r->f, HG_EDATA, "\"%s\" is missing, or is not %s", key, expected),
        "expected the dictionary of Bapst's data: positions, types, box, time, time_indices, trajectory_target_positions");
}

/* A list of numbers, or an array of rank 1: how many, and number i. */
static size_t length(const hg_pickled *v) {
    if (v && v->kind == HG_PICKLE_LIST) return v->n;
    return v && v->kind == HG_PICKLE_ARRAY && v->array.rank == 1 && v->array.data ? v->array.count : 0;
}

static double number(const hg_pickled *v, size_t i) {
    if (v->kind == HG_PICKLE_ARRAY) return hg_ndarray_at(&v->array, i);
    const hg_pickled *x = v->item[i];
    return x->kind == HG_PICKLE_WHOLE || x->kind == HG_PICKLE_REAL ? x->real : (double)NAN;
}

static bool is_array(const hg_pickled *v, size_t rank, const size_t *shape) {
    return v && v->kind == HG_PICKLE_ARRAY && v->array.data && hg_ndarray_is(&v->array, rank, shape);
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

/* The times of labels in ascending order; those at 0 are left out. */
static hg_status read_times(reader *r, const hg_pickled *root) {
    const hg_pickled *time = hg_pickle_get(root, "time"), *index = hg_pickle_get(root, "time_indices");
    const size_t n = length(time), labels = length(index);
    if (labels == 0) return HG_OK;
    if (n == 0) return wrong(r, "time", "a list of numbers");
    if (labels > TIMES) return wrong(r, "time_indices", "a list of at most 256 numbers");
    for (size_t k = 0; k < labels; k++) {
        const double at = number(index, k);
        if (!(at >= 0 && at < (double)n && at == nearbyint(at))) return wrong(r, "time_indices", "places in \"time\"");
        const double t = number(time, (size_t)at);
        if (!(t >= 0) || isinf(t)) return wrong(r, "time", "a list of numbers");
        if (t == 0) continue;
        size_t to = r->n_times++;
        for (; to && r->time[to - 1] > t; to--) {
            r->time[to] = r->time[to - 1];
            r->at[to] = r->at[to - 1];
        }
        if (to && r->time[to - 1] == t) return wrong(r, "time_indices", "a list of different times");
        r->time[to] = t;
        r->at[to] = k;
    }
    return HG_OK;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Positions of one run: of an array [times,runs,n,3], a list of [runs,n,3], or a list of lists of [n,3]. */
static bool run_at(hg_ndarray *out, size_t *from, const reader *r, size_t at, size_t run) {
    const hg_pickled *v = r->runs_of;
    const size_t one[2] = { r->n, 3 };
    *from = 0;
    if (v->kind == HG_PICKLE_ARRAY) {
        *out = v->array;
        *from = (at * r->runs + run) * r->n * 3;
        return out->data && out->rank == 4 && at < out->shape[0] && out->shape[1] == r->runs && out->shape[2] == r->n &&
               out->shape[3] == 3;
    }
    if (v->kind != HG_PICKLE_LIST || at >= v->n) return false;
    v = v->item[at];
    if (is_array(v, 3, (const size_t[]) { r->runs, r->n, 3 })) {
        *out = v->array;
        *from = run * r->n * 3;
        return true;
    }
    if (v->kind != HG_PICKLE_LIST || v->n != r->runs || !is_array(v->item[run], 2, one)) return false;
    *out = v->item[run]->array;
    return true;
}

/* How many runs there are, by the first time. */
static size_t count_runs(const hg_pickled *v) {
    if (!v) return 0;
    if (v->kind == HG_PICKLE_ARRAY) return v->array.rank == 4 ? v->array.shape[1] : 0;
    if (v->kind != HG_PICKLE_LIST || v->n == 0) return 0;
    v = v->item[0];
    if (v->kind == HG_PICKLE_ARRAY) return v->array.rank == 3 ? v->array.shape[0] : 0;
    return v->kind == HG_PICKLE_LIST ? v->n : 0;
}

static size_t count_times(const hg_pickled *v) {
    if (!v) return 0;
    return v->kind == HG_PICKLE_LIST ? v->n : v->kind == HG_PICKLE_ARRAY && v->array.rank ? v->array.shape[0] : 0;
}

static hg_status moved(double *out, void *ctx, size_t t, size_t run) {
    const reader *r = ctx;
    hg_ndarray a;
    size_t from;
    if (!run_at(&a, &from, r, r->at[t], run))
        return wrong(r, "trajectory_target_positions", "positions [n,3] of as many runs at each time");
    for (size_t i = 0; i < 3 * r->n; i++) {
        out[i] = hg_ndarray_at(&a, from + i) - hg_ndarray_at(&r->start, i);
        if (!isfinite(out[i]))
            return hg_source_fail(r->f, HG_ENAN, "position %zu of run %zu is not a finite number", i / 3 + 1, run + 1);
    }
    return HG_OK;
}

static hg_status take_targets(hg_snapshot *s, const reader *r, const hg_ndarray *targets) {
    s->time = hg_alloc(r->f->mem, r->n_times, sizeof *s->time);
    s->propensity = hg_alloc(r->f->mem, r->n_times * r->n, sizeof *s->propensity);
    if (!s->time || !s->propensity) return hg_source_no_memory(r->f);
    s->n_times = r->n_times;
    s->runs = r->runs;
    for (size_t t = 0; t < r->n_times; t++) {
        s->time[t] = r->time[t];
        for (size_t i = 0; i < r->n; i++)
            s->propensity[t * r->n + i] = (float)hg_ndarray_at(targets, r->at[t] * r->n + i);
    }
    return HG_OK;
}

static hg_status read_labels(hg_snapshot *s, reader *r, const hg_pickled *root) {
    const hg_pickled *targets = hg_pickle_get(root, "targets"), *index = hg_pickle_get(root, "time_indices");
    const size_t labels = length(index);
    r->runs_of = hg_pickle_get(root, "trajectory_target_positions");
    r->runs = count_runs(r->runs_of);
    HG_TRY(read_times(r, root));
    if (r->n_times == 0) return HG_OK;
    if (r->runs && count_times(r->runs_of) == labels)
        return hg_source_label(r->f, s, r->runs, r->time, r->n_times, moved, r);
    if (is_array(targets, 2, (const size_t[]) { labels, r->n })) return take_targets(s, r, &targets->array);
    return r->runs_of || targets ? wrong(r, "trajectory_target_positions", "positions for each of the time_indices")
                                 : HG_OK;
}

/* ---- the snapshot ------------------------------------------------------------------------------------------------ */

static hg_status fill(hg_snapshot **out, reader *r, const hg_pickled *root) {
    hg_snapshot_source *f = r->f;
    const hg_pickled *x = hg_pickle_get(root, "positions"), *types = hg_pickle_get(root, "types");
    const hg_pickled *box = hg_pickle_get(root, "box");
    const hg_pickled *temperature = hg_pickle_get(hg_pickle_get(root, "metadata"), "temperature");
    r->n = length(types);
    if (r->n == 0) return wrong(r, "types", "a list of numbers");
    if (!is_array(x, 2, (const size_t[]) { r->n, 3 })) return wrong(r, "positions", "an array [n,3]");
    if (length(box) != 3) return wrong(r, "box", "three lengths");
    hg_snapshot *s = hg_source_snapshot(f, r->n);
    if (!s) return hg_source_no_memory(f);
    r->start = x->array;
    for (size_t k = 0; k < 3; k++) {
        s->box[k] = number(box, k);
        if (!(s->box[k] > 0) || isinf(s->box[k])) return wrong(r, "box", "three lengths above 0");
    }
    if (temperature && (temperature->kind == HG_PICKLE_REAL || temperature->kind == HG_PICKLE_WHOLE))
        s->temperature = temperature->real;
    for (size_t i = 0; i < r->n; i++) {
        const double type = number(types, i);
        if (!(type >= 0 && type < HG_SPECIES_MOST)) return wrong(r, "types", "a list of 0 (A) and 1 (B)");
        s->species[i] = (uint8_t)type;
    }
    for (size_t i = 0; i < 3 * r->n; i++) {
        const double v = hg_ndarray_at(&r->start, i);
        s->x[i] = isfinite(v) ? hg_wrapped(v, s->box[i % 3]) : v;
    }
    *out = s;
    return read_labels(s, r, root);
}

static hg_status read_pickle(hg_snapshot **out, hg_snapshot_source *f) {
    reader r = { .f = f };
    unsigned char *bytes;
    size_t n;
    hg_pickled *root;
    HG_TRY(hg_source_whole(&bytes, &n, f));
    hg_status st = hg_pickle_read(&root, f->name, bytes, n, f->scratch, f->err);
    if (st == HG_OK) st = fill(out, &r, root);
    hg_free(bytes);
    f->words = "Bapst's pickle: types 0 1 are A B, lengths in sigma_AA";
    return st;
}

const hg_snapshot_format hg_format_pickle = {
    .name = "pickle", .suffixes = "pickle pkl", .looks = looks, .read = read_pickle
};
