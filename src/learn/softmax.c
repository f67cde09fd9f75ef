/* learn/softmax.c -- see learn/softmax.h */
#include "learn/softmax.h"
#include <math.h>
#include <string.h>

enum { STEPS = 12 /* powers of the root of 2 */ };

double hg_target_at(const hg_rows *rows, size_t i, size_t k) {
    return rows->classes ? (double)((size_t)rows->y[i] == k) : rows->y[i];
}

void hg_softmax_values(double *p, size_t k, double sharpness) {
    double most = p[0], sum = 0;
    for (size_t q = 1; q < k; q++) most = fmax(most, p[q]);
    for (size_t q = 0; q < k; q++) sum += p[q] = exp(sharpness * (p[q] - most));
    for (size_t q = 0; q < k; q++) p[q] /= sum;
}

double hg_softmax_sharpness(const double *values, const hg_rows *rows) {
    const size_t k = rows->classes;
    double least = INFINITY, best = 1;
    for (size_t s = 0; s < STEPS; s++) {
        const double sharpness = pow(2, 0.5 * (double)s);
        double loss = 0;
        for (size_t i = 0; i < rows->n; i++) {
            double p[HG_CLASSES_MOST];
            memcpy(p, values + i * k, k * sizeof *p);
            hg_softmax_values(p, k, sharpness);
            loss -= log(fmax(p[(size_t)rows->y[i]], 1e-12));
        }
        if (loss < least) least = loss, best = sharpness;
    }
    return best;
}
