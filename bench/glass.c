/* bench/glass.c -- which particles of a liquid will move
 *
 *   glass [--json] [--quick] [--task NAME]
 *
 * --quick, at most 3 minutes on two cores, leaves out the task same.
 */
#include "glass_tasks/tasks.h"

static const figures_task TASKS[] = {
    { "botan", run_botan },     { "same", run_same },         { "engine", run_engine },
    { "physics", run_physics }, { "floor", run_floor_model }, { "t050", run_t050 },
};

int main(int argc, char **argv) { return figures_main("glass", TASKS, sizeof TASKS / sizeof *TASKS, argc, argv); }
