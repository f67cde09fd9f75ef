/* bench/glass.c -- which particles of a liquid will move
 *
 *   glass [--json] [--quick] [--task NAME]
 */
#include "glass_tasks/tasks.h"

static const figures_task TASKS[] = {
    { "botan", run_botan },
    { "same", run_same },
    { "engine", run_engine },
    { "floor", run_floor_model },
};

int main(int argc, char **argv) { return figures_main("glass", TASKS, sizeof TASKS / sizeof *TASKS, argc, argv); }
