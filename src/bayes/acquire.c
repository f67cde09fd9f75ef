/* bayes/acquire.c -- see bayes/acquire.h */
#include "bayes/acquire.h"
#include "core/text.h"
#include "num/special.h"
#include <math.h>
#include <string.h>
#include <strings.h>

static double expected_gain(const hg_acq_state *s, const hg_acq_point *p) {
    return hg_boxes_log_ehvi(s->boxes, p->mean, p->sd);
}

/* One objective keeps its digits far below the best, where the probability itself would be 0. */
static double probability(const hg_acq_state *s, const hg_acq_point *p) {
    const hg_boxes *b = s->unbound;
    if (b->m == 1 && p->sd[0] > 0) return hg_normal_log_cdf((p->mean[0] - b->box[0].lower[0]) / p->sd[0]);
    return log(hg_boxes_probability(b, p->mean, p->sd));
}

/* The same for one objective without logs, by erfc itself: pdf + z cdf then loses digits to cancellation, but down to
 * z = -36 ten are left, more than a ranking needs, in a third of the time of the exact tail. */
static double plain_pi(double z) { return 0.5 * erfc(-z * 0.7071067811865476); }
static double plain_ei(double z) { return fmax(0, hg_normal_pdf(z) + z * plain_pi(z)); }

/* Value of a definite point: its hypervolume gain, or, when it gains nothing, how far it lies below the front (the
 * smallest improvement of all objectives together, in spreads, that would be one), so that candidates are never all
 * equal. One objective: value - best. */
static double gain_of(const hg_acq_state *s, const double *y) {
    const size_t m = s->boxes->m;
    if (m == 1) return y[0] - s->unbound->box[0].lower[0];
    const double gain = hg_boxes_gain(s->boxes, y);
    if (gain > 0) return gain;
    double nearest = HUGE_VAL;
    for (size_t i = 0; i < s->unbound->n; i++) {
        double step = 0;
        for (size_t j = 0; j < m; j++) step = fmax(step, (s->unbound->box[i].lower[j] - y[j]) / s->scale[j]);
        nearest = fmin(nearest, step);
    }
    double unit = 1;
    for (size_t j = 0; j < m; j++) unit *= s->scale[j];
    return -nearest * unit;
}

static double upper_bound(const hg_acq_state *s, const hg_acq_point *p) {
    double y[HG_OBJECTIVES_MAX];
    for (size_t j = 0; j < s->boxes->m; j++) y[j] = p->mean[j] + s->kappa * p->sd[j];
    return gain_of(s, y);
}

static double sampled(const hg_acq_state *s, const hg_acq_point *p) { return gain_of(s, p->sample); }

static double uncertainty(const hg_acq_state *s, const hg_acq_point *p) {
    double sum = 0;
    for (size_t j = 0; j < s->boxes->m; j++) sum += log(p->sd[j] / s->scale[j]);
    return sum;
}

static double uniform(const hg_acq_state *s, const hg_acq_point *p) {
    (void)s;
    return p->uniform;
}

static const hg_acquisition_record TABLE[] = {
    [HG_ACQ_AUTO] = { .name = "auto", .words = "expected improvement (of the front, with several objectives)" },
    [HG_ACQ_EI] = { "ei", "expected improvement", expected_gain, plain_ei, true, HG_SCORE_LOG, false, true },
    [HG_ACQ_PI] = { "pi", "probability of improvement", probability, plain_pi, false, HG_SCORE_LOG, false, true },
    [HG_ACQ_UCB] = { "ucb", "upper confidence bound", upper_bound, NULL, false, HG_SCORE_GAIN, false, true },
    [HG_ACQ_THOMPSON] = { "ts", "Thompson sampling", sampled, NULL, false, HG_SCORE_GAIN, true, false },
    [HG_ACQ_UNCERTAINTY] = { "sd", "uncertainty alone", uncertainty, NULL, false, HG_SCORE_LOG, false, true },
    [HG_ACQ_EHVI] = { "ehvi", "expected hypervolume improvement", expected_gain, plain_ei, true, HG_SCORE_LOG, false,
                      true },
    [HG_ACQ_RANDOM] = { "random", "random choice", uniform, NULL, false, HG_SCORE_DRAW, false, false },
};
enum { COUNT = sizeof TABLE / sizeof TABLE[0] };

const hg_acquisition_record *hg_acquisition_at(hg_acquisition a) {
    return (size_t)a < COUNT && TABLE[a].score ? &TABLE[a] : NULL;
}

const char *hg_acquisition_name(hg_acquisition a) { return (size_t)a < COUNT ? TABLE[a].name : NULL; }

static const char *name_at(size_t i) { return hg_acquisition_name((hg_acquisition)i); }

hg_status hg_acquisition_find(hg_acquisition *out, const char *name, hg_err *err) {
    for (size_t i = 0; i < COUNT; i++) {
        const size_t first_word = strcspn(TABLE[i].words, " "); /* "thompson", "uncertainty" are what people type */
        if (strcasecmp(name, TABLE[i].name) &&
            (strlen(name) != first_word || strncasecmp(name, TABLE[i].words, first_word)))
            continue;
        *out = (hg_acquisition)i;
        return HG_OK;
    }
    return hg_names_advise(err, hg_fail(err, HG_ENOTFOUND, "no acquisition function \"%s\"", name), name, name_at);
}

double hg_acquisition_weigh(hg_score_kind kind, double score, double p_feasible, double cost) {
    if (kind == HG_SCORE_DRAW) return score;
    const double weight = p_feasible / cost;
    if (kind == HG_SCORE_LOG) return score + log(weight);
    return score > 0 ? score * weight : score / fmax(weight, 1e-300); /* a loss shrinks when it is sure and cheap */
}

void hg_qei_greedy(size_t *pick, double *value, size_t q, const double *f, size_t s, size_t m, const double *w,
                   double *floor) {
    for (size_t k = 0; k < q; k++) {
        size_t best = SIZE_MAX;
        double best_gain = -1;
        for (size_t i = 0; i < m; i++) {
            bool taken = false;
            for (size_t l = 0; l < k; l++) taken = taken || pick[l] == i;
            if (taken) continue;
            double sum = 0;
            for (size_t r = 0; r < s; r++) sum += fmax(0, f[r * m + i] - floor[r]);
            sum *= (w ? w[i] : 1) / (double)s;
            if (sum > best_gain) {
                best_gain = sum;
                best = i;
            }
        }
        pick[k] = best;
        value[k] = best_gain;
        for (size_t r = 0; r < s; r++) floor[r] = fmax(floor[r], f[r * m + best]);
    }
}
