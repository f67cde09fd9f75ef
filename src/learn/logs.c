/* learn/logs.c -- see learn/logs.h */
#include "learn/logs.h"
#include <math.h>

static const double DECADE = 10;

bool hg_logs_possible(const double *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(y[i] > 0)) return false;
    return n > 0;
}

/* Third standardised moment of y[n], or of its logarithms. */
static double skewness(const double *y, size_t n, bool logs) {
    double mean = 0, square = 0, cube = 0;
    for (size_t i = 0; i < n; i++) mean += (logs ? log(y[i]) : y[i]) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double e = (logs ? log(y[i]) : y[i]) - mean;
        square += e * e / (double)n;
        cube += e * e * e / (double)n;
    }
    return square > 0 ? cube / (square * sqrt(square)) : 0;
}

bool hg_logs_worth(const double *y, size_t n) {
    if (!hg_logs_possible(y, n)) return false;
    double least = y[0], most = y[0];
    for (size_t i = 1; i < n; i++) least = fmin(least, y[i]), most = fmax(most, y[i]);
    return most >= DECADE * least && fabs(skewness(y, n, true)) < skewness(y, n, false);
}

hg_logs hg_logs_of(const double *y, size_t n) {
    double least = log(y[0]), most = least;
    for (size_t i = 1; i < n; i++) least = fmin(least, log(y[i])), most = fmax(most, log(y[i]));
    return (hg_logs) { fmax(2 * least - most, -HG_LOGS_MOST), fmin(2 * most - least, HG_LOGS_MOST) };
}

void hg_logs_undo(double *value, double *sd, const hg_logs *l, size_t n) {
    for (size_t i = 0; i < n; i++) {
        value[i] = exp(fmin(fmax(value[i], l->least), l->most));
        if (sd) sd[i] *= value[i];
    }
}
