/* matter/labels.c -- see matter/labels.h
 *
 * A pair's length at the later time is that of its nearest image, as BOTAN takes it (Shiba et al., J. Chem. Phys. 158, 084503, 2023).
 */
#include "matter/labels.h"
#include "matter/neighbours.h"
#include "matter/snapshot.h"

struct hg_labels {
    hg_snapshot *s;
    double *length;  /* [n_pairs,4] vector and length at time 0 */
    double *node[2]; /* [n_times,n] sums over the even, over the odd runs */
    double *edge[2]; /* [n_times,n_pairs] */
    size_t runs[2];
};

static hg_status no_memory(const hg_snapshot *s, hg_err *err) {
    return hg_fail(err, HG_ENOMEM, "no memory for the labels of %zu particles", s->n);
}

/* Each pair once, i < j, in the order of i and then of j. */
static hg_status take_pairs(hg_labels *l, double range, hg_arena *mem, hg_err *err) {
    hg_snapshot *s = l->s;
    hg_arena *scratch = hg_arena_new();
    hg_neighbours nb;
    hg_status st = hg_neighbours_find(&nb, s->x, s->n, s->box, range, scratch, err);
    if (st == HG_OK) {
        s->pair = hg_alloc(mem, nb.first[s->n] / 2, 2 * sizeof *s->pair);
        l->length = hg_alloc(mem, nb.first[s->n] / 2, 4 * sizeof *l->length);
        if (!s->pair || !l->length) st = no_memory(s, err);
    }
    for (size_t i = 0; st == HG_OK && i < s->n; i++)
        for (size_t k = nb.first[i]; k < nb.first[i + 1]; k++) {
            if (nb.other[k] <= i) continue;
            const size_t p = s->n_pairs++;
            s->pair[2 * p] = (uint32_t)i;
            s->pair[2 * p + 1] = nb.other[k];
            for (size_t c = 0; c < 3; c++) l->length[4 * p + c] = nb.d[3 * k + c];
            l->length[4 * p + 3] = nb.r[k];
        }
    hg_arena_free(scratch);
    return st;
}

static bool make_room(hg_labels *l, hg_arena *mem) {
    hg_snapshot *s = l->s;
    bool ok = (s->propensity = hg_alloc(mem, s->n_times * s->n, sizeof(float))) != NULL;
    if (s->n_pairs) ok = ok && (s->stretch = hg_alloc(mem, s->n_times * s->n_pairs, sizeof(float))) != NULL;
    for (size_t h = 0; h < 2 && ok; h++) {
        ok = (l->node[h] = hg_alloc(mem, s->n_times * s->n, sizeof(double))) != NULL &&
             (l->edge[h] = hg_alloc(mem, s->n_times * s->n_pairs, sizeof(double))) != NULL;
        if (!ok || s->runs < 2) continue; /* one run has no halves */
        ok = (s->propensity_half[h] = hg_alloc(mem, s->n_times * s->n, sizeof(float))) != NULL;
        if (s->n_pairs) ok = ok && (s->stretch_half[h] = hg_alloc(mem, s->n_times * s->n_pairs, sizeof(float))) != NULL;
    }
    return ok;
}

hg_status hg_labels_begin(hg_labels **out, hg_snapshot *s, size_t runs, const double *time, size_t n_times,
                          double range, hg_arena *mem, hg_err *err) {
    *out = NULL;
    if (runs == 0 || n_times == 0) return hg_fail(err, HG_EINVAL, "labels of no runs, or at no time");
    for (size_t t = 0; t < n_times; t++)
        if (!(time[t] > (t ? time[t - 1] : 0)))
            return hg_fail(err, HG_EINVAL, "time %zu of the labels is %g: times are above 0 and ascend", t + 1,
                           time[t]);
    hg_labels *l = hg_alloc(mem, 1, sizeof *l);
    s->time = hg_alloc(mem, n_times, sizeof *s->time);
    if (!l || !s->time) return no_memory(s, err);
    for (size_t t = 0; t < n_times; t++) s->time[t] = time[t];
    *l = (hg_labels) { .s = s };
    s->runs = runs;
    s->n_times = n_times;
    s->n_pairs = 0;
    s->pair = NULL;
    s->propensity = s->stretch = NULL;
    for (size_t h = 0; h < 2; h++) s->propensity_half[h] = s->stretch_half[h] = NULL;
    l->runs[0] = (runs + 1) / 2;
    l->runs[1] = runs / 2;
    if (range != 0) HG_TRY(take_pairs(l, range, mem, err));
    if (!make_room(l, mem)) return no_memory(s, err);
    *out = l;
    return HG_OK;
}

void hg_labels_add(hg_labels *l, size_t t, size_t run, const double *moved) {
    const hg_snapshot *s = l->s;
    double *node = l->node[run % 2] + t * s->n, *edge = l->edge[run % 2] + t * s->n_pairs;
    for (size_t i = 0; i < s->n; i++) {
        const double *d = moved + 3 * i;
        node[i] += sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    }
    for (size_t p = 0; p < s->n_pairs; p++) {
        const double *a = moved + 3 * (size_t)s->pair[2 * p], *b = moved + 3 * (size_t)s->pair[2 * p + 1];
        double r2 = 0;
        for (size_t c = 0; c < 3; c++) {
            const double d = hg_nearest_image(l->length[4 * p + c] + b[c] - a[c], s->box[c]);
            r2 += d * d;
        }
        edge[p] += sqrt(r2) - l->length[4 * p + 3];
    }
}

/* Means of n sums: of all runs, and of each half. */
static void means(float *all, float *const half[2], double *const sum[2], size_t n, const size_t runs[2]) {
    for (size_t i = 0; i < n; i++) {
        all[i] = (float)((sum[0][i] + sum[1][i]) / (double)(runs[0] + runs[1]));
        for (size_t h = 0; h < 2 && half[h]; h++) half[h][i] = (float)(sum[h][i] / (double)runs[h]);
    }
}

void hg_labels_end(hg_labels *l) {
    const hg_snapshot *s = l->s;
    means(s->propensity, s->propensity_half, l->node, s->n_times * s->n, l->runs);
    if (s->n_pairs) means(s->stretch, s->stretch_half, l->edge, s->n_times * s->n_pairs, l->runs);
}
