/* bench/networks_tasks/measure.h -- random networks trained by us and by PyTorch: what bench/networks and bench/library tell of them */
#ifndef HG_BENCH_NETWORKS_TASKS_MEASURE_H
#define HG_BENCH_NETWORKS_TASKS_MEASURE_H
#include <stdbool.h>

typedef struct { /* meanings at the head of bench/networks.c; NaN: PyTorch is not there */
    double models_per_hour_core, torch_models_per_hour_core, speedup, gflops_core, weights_mean, rows, epochs, mae,
        torch_mae;
} networks_measured;

/* alone: without PyTorch. false, and a loud line: the table is not there. */
bool networks_measure(networks_measured *out, bool quick, bool alone);
#endif
