/* bench/library_tasks/networks.c -- task networks: how many networks an hour and core, as bench/networks */
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
