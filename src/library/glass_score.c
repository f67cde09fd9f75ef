/* library/glass_score.c -- a model of liquids beside what simulation has shown */
#include "core/memory.h"
#include "library/glass.h"
#include <math.h>
#include <string.h>

static const char *const KIND[HG_GLASS_KINDS] = { "A", "B", "AA" };

const char *hg_glass_scored_name(hg_glass_scored kind) { return KIND[kind]; }

/* Sums over pairs of numbers. */
typedef struct {
    double n, x, y, xx, yy, xy;
} sums;

static void add(sums *s, double x, double y) {
    s->n++;
    s->x += x;
    s->y += y;
    s->xx += x * x;
    s->yy += y * y;
    s->xy += x * y;
}

static double variance_x(const sums *s) { return s->xx / s->n - s->x / s->n * (s->x / s->n); }
static double variance_y(const sums *s) { return s->yy / s->n - s->y / s->n * (s->y / s->n); }

static double correlation(const sums *s) {
    const double both = variance_x(s) * variance_y(s);
    return both > 0 ? (s->xy / s->n - s->x / s->n * (s->y / s->n)) / sqrt(both) : (double)NAN;
}

double hg_glass_rho(const hg_snapshot *s, const float *predicted, const float *known, size_t species) {
    sums t = { .n = 0 };
    for (size_t i = 0; i < s->n; i++)
        if (s->species[i] == species) add(&t, (double)predicted[i], (double)known[i]);
    return t.n > 2 ? correlation(&t) : (double)NAN;
}

typedef struct {
    size_t snapshots, noisy;
    double rho, rho2, corrected, attainable, predicted, known;
    sums all;
} tally;

typedef struct {
    const hg_glass_model *m;
    hg_floor_facts facts;
    hg_pool *pool;
    tally *tally;            /* [n_times,HG_GLASS_KINDS] */
    hg_glass_points *points; /* NULL: not wanted */
    double coldest, hottest;
    size_t unlike, split, bare, other;
} scoring;

void hg_glass_points_free(hg_glass_points *p) {
    hg_free(p->known);
    hg_free(p->predicted);
    *p = (hg_glass_points) { .time = p->time };
}

static hg_status add_points(hg_glass_points *to, const hg_snapshot *s, const float *predicted, const float *known,
                            hg_err *err) {
    size_t room[2] = { to->room, to->room };
    if (!hg_grow(&to->known, &room[0], to->n + s->n, sizeof *to->known) ||
        !hg_grow(&to->predicted, &room[1], to->n + s->n, sizeof *to->predicted))
        return hg_fail(err, HG_ENOMEM, "no memory for %zu points", to->n + s->n);
    to->room = room[0];
    for (size_t i = 0; i < s->n; i++) {
        if (s->species[i] != 0) continue;
        to->known[to->n] = known[i];
        to->predicted[to->n++] = predicted[i];
    }
    return HG_OK;
}

static bool same_time(double a, double b) { return fabs(log(a / b)) < 0.01; }

/* Numbers of one kind and time of a snapshot: predicted[n], known[n], the halves (NULL: not known); only those for which `counts` is true. */
static void score_one(tally *t, const float *predicted, const float *known, const float *even, const float *odd,
                      const bool *counts, size_t n) {
    sums s = { .n = 0 }, halves = { .n = 0 };
    for (size_t i = 0; i < n; i++) {
        if (!counts[i]) continue;
        add(&s, (double)predicted[i], (double)known[i]);
        add(&t->all, (double)predicted[i], (double)known[i]);
        if (even && odd) add(&halves, (double)even[i], (double)odd[i]);
    }
    const double rho = s.n > 2 ? correlation(&s) : (double)NAN;
    if (isnan(rho)) return;
    t->snapshots++;
    t->rho += rho;
    t->rho2 += rho * rho;
    t->predicted += variance_x(&s);
    t->known += variance_y(&s);
    const double c = halves.n > 2 ? correlation(&halves) : (double)NAN;
    if (!(c > 0)) return;
    const double most = sqrt(2 * c / (1 + c));
    t->noisy++;
    t->attainable += most;
    t->corrected += rho / most;
}

static size_t label_of(const hg_snapshot *s, double time) {
    for (size_t k = 0; k < s->n_times; k++)
        if (same_time(s->time[k], time)) return k;
    return SIZE_MAX;
}

static void score_time(const scoring *g, const hg_snapshot *s, size_t t, const float *p, const float *q, bool *counts) {
    const size_t k = label_of(s, g->facts.time[t]);
    tally *to = g->tally + t * HG_GLASS_KINDS;
    if (k == SIZE_MAX) return;
    for (size_t kind = HG_GLASS_A; s->propensity && kind <= HG_GLASS_B; kind++) {
        for (size_t i = 0; i < s->n; i++) counts[i] = s->species[i] == kind;
        const float *const *h = (const float *const[]) { s->propensity_half[0], s->propensity_half[1] };
        score_one(&to[kind], p + t * s->n, s->propensity + k * s->n, h[0] ? h[0] + k * s->n : NULL,
                  h[1] ? h[1] + k * s->n : NULL, counts, s->n);
    }
    if (!q) return;
    for (size_t i = 0; i < s->n_pairs; i++)
        counts[i] =
            s->species[s->pair[2 * i]] == 0 && s->species[s->pair[2 * i + 1]] == 0 && isfinite(q[t * s->n_pairs + i]);
    const float *const *h = (const float *const[]) { s->stretch_half[0], s->stretch_half[1] };
    score_one(&to[HG_GLASS_AA], q + t * s->n_pairs, s->stretch + k * s->n_pairs, h[0] ? h[0] + k * s->n_pairs : NULL,
              h[1] ? h[1] + k * s->n_pairs : NULL, counts, s->n_pairs);
}

static hg_status score_snapshot(scoring *g, hg_snapshot *s, hg_arena *mem, hg_err *err) {
    const size_t T = g->facts.n_times, most = s->n > s->n_pairs ? s->n : s->n_pairs;
    const bool bonds = g->facts.bonds && s->stretch, any = s->n_times && (s->propensity || bonds);
    bool known = false;
    for (size_t t = 0; t < T; t++) known = known || label_of(s, g->facts.time[t]) != SIZE_MAX;
    if (!any || !known) {
        g->bare += !any;
        g->other += any;
        return HG_OK;
    }
    float *p = hg_alloc(mem, T * s->n, sizeof *p), *q = bonds ? hg_alloc(mem, T * s->n_pairs, sizeof *q) : NULL;
    bool *counts = hg_alloc(mem, most, sizeof *counts);
    if (!p || !counts || (bonds && !q)) return hg_fail(err, HG_ENOMEM, "no memory to score %zu particles", s->n);
    HG_TRY(hg_glass_prepare(s, g->facts.state, g->pool, NULL, mem, err));
    HG_TRY(hg_glass_model_predict(p, q, g->m, s, s->pair, s->n_pairs, g->pool, err));
    g->coldest = fmin(g->coldest, s->temperature); /* of NaN and a number, the number */
    g->hottest = fmax(g->hottest, s->temperature);
    hg_glass_stray stray;
    g->unlike += hg_glass_strays(&stray, &g->facts, s, p);
    for (size_t t = 0; t < T; t++) {
        const size_t k = label_of(s, g->facts.time[t]);
        score_time(g, s, t, p, q, counts);
        if (g->points && k != SIZE_MAX && s->propensity && same_time(g->points->time, g->facts.time[t]))
            HG_TRY(add_points(g->points, s, p + t * s->n, s->propensity + k * s->n, err));
    }
    return HG_OK;
}

static hg_glass_score finish(const tally *t, double time, hg_glass_scored what) {
    const double n = (double)t->snapshots, mean = t->rho / n, noisy = (double)t->noisy;
    return (hg_glass_score) { .time = time,
                              .what = what,
                              .snapshots = t->snapshots,
                              .n = (size_t)t->all.n,
                              .rho = mean,
                              .error =
                                  t->snapshots > 1 ? sqrt(fmax(t->rho2 / n - mean * mean, 0) / (n - 1)) : (double)NAN,
                              .corrected = t->noisy ? t->corrected / noisy : (double)NAN,
                              .attainable = t->noisy ? t->attainable / noisy : (double)NAN,
                              .pooled = correlation(&t->all),
                              .spread = t->known > 0 ? t->predicted / t->known : (double)NAN };
}

static hg_status evaluate(scoring *g, hg_snapshot_set *set, hg_glass_part part, const hg_hooks *hooks, hg_arena *mem,
                          hg_err *err) {
    const size_t n = hg_snapshot_set_count(set);
    g->tally = hg_alloc(mem, g->facts.n_times * HG_GLASS_KINDS, sizeof *g->tally);
    if (!g->tally) return hg_fail(err, HG_ENOMEM, "no memory for scores");
    for (size_t k = 0; k < n; k++) {
        const hg_mark mark = hg_arena_mark(mem);
        hg_snapshot *s;
        HG_TRY(hg_snapshot_set_read(&s, set, k, mem, err));
        if (hg_glass_wanted(s, part))
            HG_TRY(score_snapshot(g, s, mem, err));
        else
            g->split++;
        hg_arena_reset(mem, mark);
        if (!hg_progress(hooks, "snapshots", k + 1, n))
            return hg_fail(err, HG_ECANCEL, "interrupted: nothing was scored");
    }
    return HG_OK;
}

static hg_status nothing(const scoring *g, hg_err *err) {
    const double *t = g->facts.time;
    hg_fail(err, HG_EDATA,
            "no snapshot to score has labels of a time that the model knows: %zu are there to learn from, %zu have no "
            "labels, %zu labels of other times than %.6g%s",
            g->split, g->bare, g->other, t[0], g->facts.n_times > 1 ? " ..." : "");
    return hg_advise(err, HG_EDATA,
                     g->bare    ? "where the file has labels but not their time, --label-time says it"
                     : g->split ? "--all scores those to learn from, too"
                                : "score by a model of that time");
}

hg_status hg_glass_evaluate(hg_glass_scores *out, hg_glass_points *points, const hg_glass_model *m,
                            hg_snapshot_set *set, hg_glass_part part, hg_pool *pool, const hg_hooks *hooks,
                            hg_err *err) {
    hg_arena *mem = hg_arena_new();
    scoring g = { .m = m,
                  .facts = hg_glass_model_about(m),
                  .pool = pool,
                  .points = points,
                  .coldest = (double)NAN,
                  .hottest = (double)NAN };
    out->n = 0;
    hg_status st = mem ? evaluate(&g, set, part, hooks, mem, err) : hg_fail(err, HG_ENOMEM, "no memory for scores");
    for (size_t t = 0; st == HG_OK && t < g.facts.n_times; t++)
        for (size_t k = 0; k < HG_GLASS_KINDS; k++)
            if (g.tally[t * HG_GLASS_KINDS + k].snapshots)
                out->score[out->n++] = finish(&g.tally[t * HG_GLASS_KINDS + k], g.facts.time[t], (hg_glass_scored)k);
    out->coldest = g.coldest;
    out->hottest = g.hottest;
    out->unlike = g.unlike;
    out->split = g.split;
    out->bare = g.bare;
    out->other = g.other;
    hg_arena_free(mem);
    return st == HG_OK && out->n == 0 ? nothing(&g, err) : st;
}

bool hg_glass_strays(hg_glass_stray *out, const hg_floor_facts *f, const hg_snapshot *s, const float *propensity) {
    static const double SLACK = 1.25;
    double farthest = SLACK;
    for (size_t k = 0; k < HG_GLASS_SPECIES; k++)
        for (size_t t = 0; f->range[k] && t < f->n_times; t++) {
            const double least = f->range[k][2 * t], most = f->range[k][2 * t + 1];
            double sum = 0;
            size_t n = 0;
            for (size_t i = 0; i < s->n; i++)
                if (s->species[i] == k) {
                    sum += (double)propensity[t * s->n + i];
                    n++;
                }
            const double mean = n ? sum / (double)n : 0, out_by = n ? fmax(mean / most, least / mean) : 0;
            if (!(out_by > farthest)) continue;
            farthest = out_by;
            *out = (hg_glass_stray) { .species = k, .time = f->time[t], .mean = mean, .least = least, .most = most };
        }
    return farthest > SLACK;
}

bool hg_glass_foreign(const hg_floor_facts *f, double coldest, double hottest) {
    return coldest < 0.97 * f->coldest || hottest > 1.03 * f->hottest; /* false of NaN */
}
