/* models/glass_floor_fit.c -- the floor model is learned: three kinds of ridge, fed snapshot by snapshot */
#include "core/memory.h"
#include "models/glass_floor_network.h"
#include <math.h>
#include <string.h>

struct hg_floor_fit {
    hg_floor *m; /* what will be */
    size_t folds;
    hg_fold_ridge *node[HG_GLASS_SPECIES], *bond[HG_FLOOR_PAIRS];
    double *bond_sum[HG_FLOOR_PAIRS]; /* [n_times] over all bonds */
    size_t bonds[HG_FLOOR_PAIRS];
    /* Of each snapshot: what its mean is learned from. */
    size_t n, room;
    double *level; /* [room,levels] */
    double *mean;  /* [room,species,n_times] logarithm of the mean propensity */
    size_t *fold;
    size_t particles;
    hg_floor_lessons *lessons; /* NULL: no networks are wanted */
};

static const double LEAST = 1e-6; /* of a mean propensity, before its logarithm */

void hg_floor_fit_free(hg_floor_fit *f) {
    if (!f) return;
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) hg_fold_ridge_free(f->node[k]);
    for (size_t k = 0; k < HG_FLOOR_PAIRS; k++) hg_fold_ridge_free(f->bond[k]);
    hg_floor_free(f->m);
    hg_floor_lessons_free(f->lessons);
    hg_free(f->level);
    hg_free(f->mean);
    hg_free(f->fold);
    hg_free(f);
}

static hg_status begin(hg_floor_fit *f, const double *time, hg_err *err) {
    hg_floor *m = f->m;
    if (!hg_floor_room(m)) return hg_fail(err, HG_ENOMEM, "no memory for a model of %zu times", m->n_times);
    memcpy(m->time, time, m->n_times * sizeof *time);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
        HG_TRY(hg_fold_ridge_new(&f->node[k], hg_floor_width(m), m->n_times, f->folds, err));
    for (size_t k = 0; m->bonds && k < HG_FLOOR_PAIRS; k++) {
        f->bond_sum[k] = hg_alloc(m->mem, m->n_times, sizeof *f->bond_sum[k]);
        if (!f->bond_sum[k]) return hg_fail(err, HG_ENOMEM, "no memory for a model of %zu times", m->n_times);
        HG_TRY(hg_fold_ridge_new(&f->bond[k], hg_floor_bond_width(m->state), m->n_times, f->folds, err));
    }
    return HG_OK;
}

hg_status hg_floor_begin(hg_floor_fit **out, hg_glass_state state, const double *time, size_t n_times, size_t folds,
                         bool bonds, bool thermal, hg_err *err) {
    *out = NULL;
    if (n_times == 0 || n_times > HG_FLOOR_TIMES_MOST || folds == 0 || folds > 1000)
        return hg_fail(err, HG_EINVAL, "%zu times and %zu folds: expected 1..%d and 1..1000", n_times, folds,
                       HG_FLOOR_TIMES_MOST);
    hg_floor_fit *f = hg_calloc(1, sizeof *f);
    hg_floor *m = hg_calloc(1, sizeof *m);
    hg_status st = HG_ENOMEM;
    if (f && m) {
        *m = (hg_floor) {
            .mem = hg_arena_new(), .state = state, .n_times = n_times, .bonds = bonds, .thermal = thermal
        };
        m->temperature[0] = m->temperature[1] = (double)NAN;
        f->m = m;
        f->folds = folds;
        st = m->mem ? begin(f, time, err) : hg_fail(err, HG_ENOMEM, "no memory for a model");
    } else {
        hg_free(m);
        hg_fail(err, HG_ENOMEM, "no memory for a model");
    }
    if (st == HG_OK)
        *out = f;
    else
        hg_floor_fit_free(f);
    return st;
}

hg_status hg_floor_with_networks(hg_floor_fit *f, const hg_floor_nets_opts *o, hg_err *err) {
    if (f->n || f->lessons) return hg_fail(err, HG_EINVAL, "networks are asked for once, before the first snapshot");
    return hg_floor_lessons_new(&f->lessons, o, err);
}

/* ---- one snapshot ------------------------------------------------------------------------------------------------ */

static hg_status check(const hg_floor_fit *f, const hg_snapshot *s, size_t fold, hg_err *err) {
    const hg_floor *m = f->m;
    if (fold >= f->folds) return hg_fail(err, HG_EINVAL, "fold %zu of %zu", fold, f->folds);
    if (!s->propensity || !s->n_times) return hg_fail(err, HG_EDATA, "%s: it has no labels to learn from", s->id);
    if (m->bonds && !s->stretch) return hg_fail(err, HG_EDATA, "%s: it has no labels of pairs", s->id);
    bool same = s->n_times == m->n_times;
    for (size_t t = 0; same && t < m->n_times; t++) same = fabs(s->time[t] - m->time[t]) <= 1e-6 * m->time[t];
    if (!same)
        return hg_advise(
            err, hg_fail(err, HG_EDATA, "%s: its labels are of other times than those of the snapshots before", s->id),
            "learn from snapshots whose labels are of the same times");
    return HG_OK;
}

static hg_status note_levels(hg_floor_fit *f, const hg_snapshot *s, const float *x, const double *mean, size_t fold,
                             hg_err *err) {
    const hg_floor *m = f->m;
    const size_t means = HG_GLASS_SPECIES * m->n_times;
    size_t room[3] = { f->room, f->room, f->room };
    if (!hg_grow(&f->level, &room[0], f->n + 1, m->levels * sizeof *f->level) ||
        !hg_grow(&f->mean, &room[1], f->n + 1, means * sizeof *f->mean) ||
        !hg_grow(&f->fold, &room[2], f->n + 1, sizeof *f->fold))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu snapshots", f->n + 1);
    f->room = room[0];
    hg_floor_levels_of(f->level + f->n * m->levels, x, s->n, m->state);
    memcpy(f->mean + f->n * means, mean, means * sizeof *mean);
    f->fold[f->n++] = fold;
    return HG_OK;
}

/* The rows of a species: descriptors, propensity by its mean over them; the logarithm of that mean. */
static size_t rows_of(float *to, double *y, double *mean, const hg_snapshot *s, const hg_floor_seen *seen,
                      size_t species, size_t width, size_t rest) {
    const size_t T = s->n_times;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i] != species) continue;
        memcpy(to + n * (width + rest), seen->x + i * width, width * sizeof *to);
        if (rest) memcpy(to + n * (width + rest) + width, seen->thermal + i * rest, rest * sizeof *to);
        for (size_t t = 0; t < T; t++) {
            y[n * T + t] = (double)s->propensity[t * s->n + i];
            mean[t] += y[n * T + t];
        }
        n++;
    }
    for (size_t t = 0; n && t < T; t++) {
        const double m = fmax(mean[t] / (double)n, LEAST);
        for (size_t i = 0; i < n; i++) y[i * T + t] /= m;
        mean[t] = log(m);
    }
    return n;
}

static hg_status learn_nodes(hg_floor_fit *f, const hg_snapshot *s, const hg_floor_seen *seen, size_t fold,
                             hg_arena *mem, hg_pool *pool, hg_err *err) {
    const size_t width = hg_floor_width(f->m), T = f->m->n_times;
    float *rows = hg_alloc(mem, s->n, width * sizeof *rows);
    double *y = hg_alloc(mem, s->n, T * sizeof *y), *mean = hg_alloc(mem, HG_GLASS_SPECIES, T * sizeof *mean);
    if (!rows || !y || !mean) return hg_fail(err, HG_ENOMEM, "no memory for %zu particles", s->n);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) {
        const size_t n = rows_of(rows, y, mean + k * T, s, seen, k, f->m->width, width - f->m->width);
        HG_TRY(hg_fold_ridge_add(f->node[k], fold, rows, y, n, true, pool, err));
    }
    f->particles += s->n;
    return note_levels(f, s, seen->x, mean, fold, err);
}

static hg_status learn_bonds(hg_floor_fit *f, const hg_snapshot *s, const float *x, size_t fold, hg_arena *mem,
                             hg_pool *pool, hg_err *err) {
    const size_t T = f->m->n_times;
    for (size_t k = 0; k < HG_FLOOR_PAIRS; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_floor_bonds b;
        HG_TRY(hg_floor_bonds_of(&b, s, x, f->m->state, k, s->pair, s->n_pairs, mem, err));
        double *y = hg_alloc(mem, b.n, T * sizeof *y);
        if (!y) return hg_fail(err, HG_ENOMEM, "no memory for %zu bonds", b.n);
        for (size_t i = 0; i < b.n; i++)
            for (size_t t = 0; t < T; t++) {
                y[i * T + t] = (double)s->stretch[t * s->n_pairs + b.index[i]];
                f->bond_sum[k][t] += y[i * T + t];
            }
        f->bonds[k] += b.n;
        HG_TRY(hg_fold_ridge_add(f->bond[k], fold, b.x, y, b.n, true, pool, err));
        hg_arena_reset(mem, mark);
    }
    return HG_OK;
}

hg_status hg_floor_learn(hg_floor_fit *f, const hg_snapshot *s, size_t fold, hg_pool *pool, hg_err *err) {
    HG_TRY(check(f, s, fold, err));
    hg_floor *m = f->m;
    hg_arena *mem = hg_arena_new();
    hg_floor_seen seen;
    hg_status st = hg_floor_see(&seen, m, s, mem, pool, err);
    if (st == HG_OK) st = learn_nodes(f, s, &seen, fold, mem, pool, err);
    if (st == HG_OK && m->bonds) st = learn_bonds(f, s, seen.x, fold, mem, pool, err);
    if (st == HG_OK && f->lessons) st = hg_floor_lessons_add(f->lessons, m, s, &seen, fold, err);
    if (st == HG_OK && isfinite(s->temperature)) {
        m->temperature[0] = fmin(m->temperature[0], s->temperature); /* of NaN and a number, the number */
        m->temperature[1] = fmax(m->temperature[1], s->temperature);
    }
    hg_arena_free(mem);
    return st;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void to_float(float *out, const double *w, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (float)w[i];
}

static hg_status end_levels(hg_floor_fit *f, size_t species, hg_pool *pool, hg_arena *mem, hg_err *err) {
    hg_floor *m = f->m;
    const size_t T = m->n_times, L = m->levels;
    hg_fold_ridge *r;
    float *x = hg_alloc(mem, f->n, L * sizeof *x);
    double *y = hg_alloc(mem, f->n, T * sizeof *y);
    hg_fold_score score[HG_FLOOR_TIMES_MOST];
    if (!x || !y) return hg_fail(err, HG_ENOMEM, "no memory for the levels of %zu snapshots", f->n);
    for (size_t k = 0; k < L; k++) {
        m->level_mean[k] = 0;
        for (size_t i = 0; i < f->n; i++) m->level_mean[k] += f->level[i * L + k] / (double)f->n;
        for (size_t i = 0; i < f->n; i++) x[i * L + k] = (float)(f->level[i * L + k] - m->level_mean[k]);
    }
    for (size_t t = 0; t < T; t++) {
        m->level_zero[species][t] = 0;
        for (size_t i = 0; i < f->n; i++)
            m->level_zero[species][t] += f->mean[(i * HG_GLASS_SPECIES + species) * T + t] / (double)f->n;
        for (size_t i = 0; i < f->n; i++)
            y[i * T + t] = f->mean[(i * HG_GLASS_SPECIES + species) * T + t] - m->level_zero[species][t];
        double *range = m->range[species] + 2 * t;
        for (size_t i = 0; i < f->n; i++) {
            const double mean = exp(f->mean[(i * HG_GLASS_SPECIES + species) * T + t]);
            range[0] = i ? fmin(range[0], mean) : mean;
            range[1] = i ? fmax(range[1], mean) : mean;
        }
    }
    HG_TRY(hg_fold_ridge_new(&r, L, T, f->folds, err));
    hg_status st = HG_OK;
    for (size_t i = 0; st == HG_OK && i < f->n; i++)
        st = hg_fold_ridge_add(r, f->fold[i], x + i * L, y + i * T, 1, false, pool, err);
    if (st == HG_OK) st = hg_fold_ridge_solve(m->level[species], score, r, true, pool, err);
    hg_fold_ridge_free(r);
    return st;
}

static hg_status end_networks(hg_floor_scores *scores, hg_floor_fit *f, hg_pool *pool, hg_err *err) {
    hg_fold_ridge *ridge[HG_NET_CLASSES] = { NULL };
    for (size_t c = 0; c < HG_NET_CLASSES; c++) {
        hg_fold_ridge *r = c < HG_GLASS_SPECIES ? f->node[c] : f->bond[c - HG_GLASS_SPECIES];
        ridge[c] = r && hg_fold_ridge_rows(r) ? r : NULL;
    }
    return hg_floor_lessons_end(&f->m->nets, scores, f->lessons, f->m, ridge, f->folds, pool, err);
}

static hg_status end(hg_floor_scores *scores, hg_floor_fit *f, hg_arena *mem, hg_pool *pool, hg_err *err) {
    hg_floor *m = f->m;
    const size_t T = m->n_times, bond_width = hg_floor_bond_width(m->state);
    const size_t width = hg_floor_width(m), most = width > bond_width ? width : bond_width;
    const hg_fold_columns set[HG_FLOOR_SETS] = { { 0, m->width }, { m->width, width }, { 0, width } };
    double *w = hg_alloc(mem, most, T * sizeof *w);
    if (!w) return hg_fail(err, HG_ENOMEM, "no memory for %zu weights", most);
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++) {
        if (hg_fold_ridge_rows(f->node[k]) == 0) continue; /* a liquid of one species */
        HG_TRY(hg_fold_ridge_solve_sets(w, scores->node[k], f->node[k], set, m->thermal ? HG_FLOOR_SETS : 1, false,
                                        pool, err));
        to_float(m->node[k], w, T * width);
        HG_TRY(end_levels(f, k, pool, mem, err));
    }
    for (size_t k = 0; m->bonds && k < HG_FLOOR_PAIRS; k++) {
        if (hg_fold_ridge_rows(f->bond[k]) == 0) continue;
        HG_TRY(hg_fold_ridge_solve(w, scores->bond[k], f->bond[k], false, pool, err));
        to_float(m->bond[k], w, T * bond_width);
        for (size_t t = 0; t < T; t++) m->bond_zero[k][t] = f->bond_sum[k][t] / (double)f->bonds[k];
        scores->pairs += f->bonds[k];
    }
    scores->snapshots = f->n;
    scores->particles = f->particles;
    return f->lessons ? end_networks(scores, f, pool, err) : HG_OK;
}

hg_status hg_floor_end(hg_floor **out, hg_floor_scores *scores, hg_floor_fit *f, hg_pool *pool, hg_err *err) {
    *out = NULL;
    memset(scores, 0, sizeof *scores);
    if (f->n == 0) return hg_fail(err, HG_EDATA, "there is no snapshot to learn from");
    hg_arena *mem = hg_arena_new();
    const hg_status st = end(scores, f, mem, pool, err);
    hg_arena_free(mem);
    if (st != HG_OK) return st;
    *out = f->m;
    f->m = NULL;
    return HG_OK;
}
