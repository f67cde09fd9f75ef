/* bench/networks.c -- how many networks an hour and core, beside PyTorch training the same ones one after another
 *
 *   networks [--json] [--quick] [--alone]
 *
 * 40 random networks (--quick: 6) on the 290 numbers of a composition: 1 to 4 hidden layers, the first of 20 to 200 units, each next one of 0.4 to 1
 * times as many; ReLU. They learn the Debye temperature of 3,428 compounds (../shared/data/composition-properties,
 * aflow__ael_debye_temperature, rows of `train`) in batches of 32 for 20 epochs (3), by Adam with rate 1e-3 and the Huber loss, and are
 * judged by the rows of `val` after each epoch. PyTorch does the same in bench/peers/torch_networks.py: the same widths, rows, batches, epochs;
 * one thread, its BLAS too. All times are of the processor, one thread; both take turns, and a time is the least of three. Without PyTorch with --alone.
 *
 *   models_per_hour_core        networks trained
 *   torch_models_per_hour_core  the same by PyTorch; null when it is not there (apt: python3-torch)
 *   speedup                     the first divided by the second
 *   gflops_core                 multiply-adds of all products, counted twice, a second; 1e9
 *   weights_mean                weights of a network
 *   rows                        compounds to learn from
 *   epochs                      times through them
 *   mae                         K: mean absolute error of a network's best epoch on `val`, mean over the networks
 *   torch_mae                   K: the same of PyTorch's
 */
#include "networks_tasks/measure.h"
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void figure(bool json, const char *key, double value, const char *end) {
    if (json && isfinite(value))
        printf("  \"%s\": %.6g%s\n", key, value, end);
    else if (json)
        printf("  \"%s\": null%s\n", key, end);
    else
        printf("%-24s %.6g\n", key, value);
}

int main(int argc, char **argv) {
    bool json = false, quick = false, alone = false;
    const bench_option options[] = { { .word = "--json", .set = &json },
                                     { .word = "--quick", .set = &quick },
                                     { .word = "--alone", .set = &alone } };
    BENCH_OPTIONS(options, argc, argv);
    networks_measured m;
    if (!networks_measure(&m, quick, alone)) return 77;
    if (json) printf("{\n  \"bench\": \"networks\", \"schema\": 1, \"quick\": %s,\n", quick ? "true" : "false");
    figure(json, "models_per_hour_core", m.models_per_hour_core, ",");
    figure(json, "torch_models_per_hour_core", m.torch_models_per_hour_core, ",");
    figure(json, "speedup", m.speedup, ",");
    figure(json, "gflops_core", m.gflops_core, ",");
    figure(json, "weights_mean", m.weights_mean, ",");
    figure(json, "rows", m.rows, ",");
    figure(json, "epochs", m.epochs, ",");
    figure(json, "mae", m.mae, ",");
    figure(json, "torch_mae", m.torch_mae, "");
    if (json) printf("}\n");
    return 0;
}
