/* bench/library_tasks/networks.c -- task networks: random networks trained one after another, as bench/networks, which says more
 *
 *   models_per_hour_core        networks trained
 *   torch_models_per_hour_core  the same by PyTorch; null when it is not there (apt: python3-torch)
 *   networks_speedup            the first divided by the second (target 10)
 */
#include "../networks_tasks/measure.h"
#include "tasks.h"
#include <math.h>
#include <stdio.h>

void run_networks(figures *f, const char *folder) {
    networks_measured m;
    (void)folder;
    if (!networks_measure(&m, f->quick, false)) return;
    note(f, "models_per_hour_core", m.models_per_hour_core);
    note(f, "torch_models_per_hour_core", m.torch_models_per_hour_core);
    note(f, "networks_speedup", m.speedup);
    if (isnan(m.speedup)) fprintf(stderr, "bench/library: networks: PyTorch is not there (apt: python3-torch)\n");
}
