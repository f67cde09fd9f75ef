/* library/quality.c -- see library/quality.h */
#include "library/quality.h"
#include <math.h>

static const double NORMAL_90 = 1.6448536269514722; /* of a normal distribution 90 % lie within so many sd */

void hg_quality_add(hg_quality *q, const hg_estimate *e, bool outside, double known) {
    if (!isfinite(known)) return;
    if (!isfinite(e->value)) {
        q->failed++;
        return;
    }
    const double error = e->value - known;
    q->n++;
    q->outside += outside;
    q->error += error;
    q->absolute += fabs(error);
    q->squared += error * error;
    q->largest = fmax(q->largest, fabs(error));
    if (!isfinite(e->sd)) return;
    q->barred++;
    q->inside += fabs(error) <= NORMAL_90 * e->sd;
}

void hg_quality_merge(hg_quality *q, const hg_quality *other) {
    q->n += other->n;
    q->failed += other->failed;
    q->outside += other->outside;
    q->barred += other->barred;
    q->inside += other->inside;
    q->error += other->error;
    q->absolute += other->absolute;
    q->squared += other->squared;
    q->largest = fmax(q->largest, other->largest);
}

static double mean(double sum, size_t n) { return n ? sum / (double)n : (double)NAN; }

double hg_quality_mae(const hg_quality *q) { return mean(q->absolute, q->n); }
double hg_quality_rmse(const hg_quality *q) { return sqrt(mean(q->squared, q->n)); }
double hg_quality_bias(const hg_quality *q) { return mean(q->error, q->n); }
double hg_quality_largest(const hg_quality *q) { return q->n ? q->largest : (double)NAN; }
double hg_quality_coverage(const hg_quality *q) { return mean((double)q->inside, q->barred); }
