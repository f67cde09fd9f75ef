/* tests/learn/tree_data.h -- the data of tests/fixtures/make_tree_fixtures.py, and what scikit-learn says of them */
#ifndef HG_TEST_TREE_DATA_H
#define HG_TEST_TREE_DATA_H
#include "test.h"

enum { TRAIN = 150, JUDGE = 200, ROWS = TRAIN + JUDGE, FEATURES = 7, SHOWN = 25, CLASSES = 3 };

typedef struct {
    float x[ROWS * FEATURES];
    double y[ROWS], of_class[ROWS];
    double tree[SHOWN], probability[SHOWN * CLASSES];
    double extra[2], forest[2], extra_classes[2]; /* errors: mean and sd over seeds */
} tree_data;

static inline void tree_data_read(double *out, size_t n, FILE *f) {
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(f, "%lf", &out[i]), 1);
}

static inline void tree_data_make(tree_data *t) {
    const double pi = 3.14159265358979323846;
    uint32_t s = 1;
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        s = 1664525 * s + 1013904223;
        t->x[i] = (float)(s * 0x1p-32);
    }
    for (size_t i = 0; i < ROWS; i++) {
        double u[FEATURES];
        for (size_t j = 0; j < FEATURES; j++) u[j] = (double)t->x[i * FEATURES + j];
        t->y[i] = 10 * sin(pi * u[0] * u[1]) + 20 * (u[2] - 0.5) * (u[2] - 0.5) + 10 * u[3] + 5 * u[4];
        t->of_class[i] = t->y[i] < 12 ? 0 : t->y[i] < 17 ? 1 : 2;
    }
    char path[512];
    FILE *f = fopen(test_source(path, sizeof path, "tests/fixtures/trees_sklearn.txt"), "r");
    assert_non_null(f);
    tree_data_read(t->tree, SHOWN, f);
    tree_data_read(t->probability, SHOWN * CLASSES, f);
    tree_data_read(t->extra, 2, f);
    tree_data_read(t->forest, 2, f);
    tree_data_read(t->extra_classes, 2, f);
    fclose(f);
}

static inline double tree_data_rmse(const tree_data *t, const double *out) {
    double sum = 0;
    for (size_t i = 0; i < JUDGE; i++) sum += pow(out[i] - t->y[TRAIN + i], 2);
    return sqrt(sum / JUDGE);
}
#endif
