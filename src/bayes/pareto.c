/* bayes/pareto.c -- see bayes/pareto.h */
#include "bayes/pareto.h"
#include "num/special.h"
#include <math.h>
#include <stdlib.h>

static bool dominates(const double *a, const double *b, size_t m) {
    bool better = false;
    for (size_t j = 0; j < m; j++) {
        if (a[j] < b[j]) return false;
        better = better || a[j] > b[j];
    }
    return better;
}

/* As good as b in every objective: a later point like that adds nothing. */
static bool covers(const double *a, const double *b, size_t m) {
    for (size_t j = 0; j < m; j++)
        if (a[j] < b[j]) return false;
    return true;
}

size_t hg_pareto_front(size_t *front, const double *y, size_t n, size_t m) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool covered = false;
        for (size_t k = 0; !covered && k < kept; k++) covered = covers(y + front[k] * m, y + i * m, m);
        if (covered) continue;
        size_t left = 0;
        for (size_t k = 0; k < kept; k++)
            if (!dominates(y + i * m, y + front[k] * m, m)) front[left++] = front[k];
        front[left++] = i;
        kept = left;
    }
    return kept;
}

/* A strip of the (first, second) plane that is free above `floor`, for x from the strip before it to `right`; `top` is
 * the level of the third objective at which it opened (the sweep goes down). */
typedef struct {
    double right, floor, top;
} strip;

typedef struct {
    hg_boxes *out;
    double left; /* ref[0] */
    strip *s;    /* strips by growing x: floors fall, the last one reaches infinity at ref[1] */
    size_t n;
} sweep;

static void emit(sweep *w, size_t i, double bottom) {
    const double left = i ? w->s[i - 1].right : w->left;
    hg_box b = { .lower = { left, w->s[i].floor, bottom }, .upper = { w->s[i].right, HUGE_VAL, w->s[i].top } };
    for (size_t j = 0; j < 3; j++)
        if (!(b.lower[j] < b.upper[j])) return; /* equal coordinates make boxes of no volume */
    w->out->box[w->out->n++] = b;
}

/* The point (x, y) enters at level z: strips under it end there, and it opens one of its own. */
static void insert(sweep *w, double x, double y, double z) {
    size_t first = 0; /* the first strip whose floor lies below y */
    while (first < w->n && w->s[first].floor >= y) first++;
    if (first == w->n || (first ? w->s[first - 1].right : w->left) >= x) return; /* dominated already */
    size_t last = first;                                                         /* the strip that x falls into */
    while (w->s[last].right < x) last++;
    for (size_t i = first; i <= last; i++) emit(w, i, z);
    const strip rest = { w->s[last].right, w->s[last].floor, z };
    const bool has_rest = rest.right > x;
    const size_t tail = w->n - last - 1, put = has_rest ? 2 : 1;
    strip *at = w->s + first;
    if (put != last - first + 1) {
        strip *from = w->s + last + 1, *to = at + put;
        if (to < from)
            for (size_t i = 0; i < tail; i++) to[i] = from[i];
        else
            for (size_t i = tail; i > 0; i--) to[i - 1] = from[i - 1];
    }
    at[0] = (strip) { x, y, z };
    if (has_rest) at[1] = rest;
    w->n = first + put + tail;
}

static int by_third_falling(const void *a, const void *b) {
    const double *p = *(const double *const *)a, *q = *(const double *const *)b;
    if (p[2] != q[2]) return p[2] < q[2] ? 1 : -1;
    return p < q ? -1 : p > q;
}

hg_status hg_boxes_make(hg_boxes *out, const double *y, size_t n, size_t m, const double *ref, hg_arena *arena,
                        hg_err *err) {
    *out = (hg_boxes) { .m = m };
    if (m < 1 || m > HG_OBJECTIVES_MAX) return hg_fail(err, HG_EINVAL, "%zu objectives, 1 to 3 are possible", m);
    /* Missing objectives are filled up to three: every point then has the same value there, above any level. */
    out->box = hg_alloc(arena, 2 * n + 1, sizeof *out->box);
    double(*full)[3] = hg_alloc(arena, n, sizeof *full);
    const double **order = hg_alloc(arena, n, sizeof *order);
    strip *s = hg_alloc(arena, n + 2, sizeof *s);
    if (!out->box || !full || !order || !s) return hg_fail(err, HG_ENOMEM, "boxes above %zu points", n);
    const double low[3] = { ref[0], m > 1 ? ref[1] : 0, m > 2 ? ref[2] : 0 };
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const double p[3] = { y[i * m], m > 1 ? y[i * m + 1] : 1, m > 2 ? y[i * m + 2] : 1 };
        if (!(p[0] > low[0] && p[1] > low[1] && p[2] > low[2])) continue; /* takes nothing from above ref */
        for (size_t j = 0; j < 3; j++) full[used][j] = p[j];
        order[used] = full[used];
        used++;
    }
    qsort(order, used, sizeof *order, by_third_falling);
    s[0] = (strip) { HUGE_VAL, low[1], HUGE_VAL };
    sweep w = { .out = out, .left = low[0], .s = s, .n = 1 };
    for (size_t i = 0; i < used; i++) insert(&w, order[i][0], order[i][1], m > 2 ? order[i][2] : HUGE_VAL);
    for (size_t i = 0; i < w.n; i++) emit(&w, i, low[2]);
    if (m == 1) { /* the box beside the best point is left of it, and above in a dimension that does not exist */
        size_t kept = 0;
        for (size_t i = 0; i < out->n; i++)
            if (!(out->box[i].upper[0] < HUGE_VAL)) out->box[kept++] = out->box[i];
        out->n = kept;
    }
    return HG_OK;
}

double hg_boxes_gain(const hg_boxes *b, const double *y) {
    double sum = 0;
    for (size_t i = 0; i < b->n; i++) {
        double volume = 1;
        for (size_t j = 0; j < b->m && volume > 0; j++)
            volume *= fmax(0, fmin(y[j], b->box[i].upper[j]) - b->box[i].lower[j]);
        sum += volume;
    }
    return sum;
}

/* log E max(0, y - a) */
static double log_psi(double mean, double sd, double a) {
    if (a == -HUGE_VAL) return HUGE_VAL;
    if (a == HUGE_VAL) return -HUGE_VAL;
    if (!(sd > 0)) return mean > a ? log(mean - a) : -HUGE_VAL;
    return log(sd) + hg_log_ei((mean - a) / sd);
}

/* log E max(0, min(y, upper) - lower) = log (psi(lower) - psi(upper)) */
static double log_side(double mean, double sd, double lower, double upper) {
    if (!(sd > 0)) return log(fmax(0, fmin(mean, upper) - lower));
    const double a = log_psi(mean, sd, lower), b = log_psi(mean, sd, upper);
    if (b == -HUGE_VAL) return a;
    if (mean - upper > 8 * sd) return log(upper - lower); /* y is above: psi(lower) - psi(upper) only loses digits */
    if (a - b > 1e-6) return a + log1p(-exp(b - a));
    return log(upper - lower) + hg_normal_log_cdf((mean - lower - 0.5 * (upper - lower)) / sd); /* a thin box */
}

double hg_boxes_log_ehvi(const hg_boxes *b, const double *mean, const double *sd) {
    double top = -HUGE_VAL, sum = 0; /* sum of exp(term - top), kept while top grows */
    for (size_t i = 0; i < b->n; i++) {
        double term = 0;
        for (size_t j = 0; j < b->m && term > -HUGE_VAL; j++) {
            const double side = log_side(mean[j], sd[j], b->box[i].lower[j], b->box[i].upper[j]);
            term = isnan(side) ? -HUGE_VAL : term + side;
        }
        if (term == -HUGE_VAL) continue;
        if (term > top) {
            sum = sum * exp(top - term) + 1;
            top = term;
        } else {
            sum += exp(term - top);
        }
    }
    return sum > 0 ? top + log(sum) : -HUGE_VAL;
}

/* P(lower < y <= upper), from the tail that keeps its digits. */
static double between(double mean, double sd, double lower, double upper) {
    if (!(sd > 0)) return mean > lower && mean <= upper;
    const double a = (lower - mean) / sd, b = (upper - mean) / sd;
    return a > 0 ? hg_normal_cdf(-a) - hg_normal_cdf(-b) : hg_normal_cdf(b) - hg_normal_cdf(a);
}

double hg_boxes_probability(const hg_boxes *b, const double *mean, const double *sd) {
    double sum = 0;
    for (size_t i = 0; i < b->n; i++) {
        double p = 1;
        for (size_t j = 0; j < b->m && p > 0; j++) p *= between(mean[j], sd[j], b->box[i].lower[j], b->box[i].upper[j]);
        sum += p;
    }
    return fmin(1, sum);
}

void hg_reference_point(double *ref, const double *y, size_t n, size_t m, size_t *work) {
    const size_t n_front = hg_pareto_front(work, y, n, m);
    for (size_t j = 0; j < m; j++) {
        double low = HUGE_VAL, high = -HUGE_VAL, worst = HUGE_VAL;
        for (size_t i = 0; i < n; i++) {
            low = fmin(low, y[i * m + j]);
            high = fmax(high, y[i * m + j]);
        }
        for (size_t k = 0; k < n_front; k++) worst = fmin(worst, y[work[k] * m + j]);
        ref[j] = worst - 0.1 * (high - low);
    }
}
