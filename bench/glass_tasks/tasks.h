/* bench/glass_tasks/tasks.h -- one function a task of bench/glass; see bench/figures/figures.h */
#ifndef HG_BENCH_GLASS_TASKS_H
#define HG_BENCH_GLASS_TASKS_H
#include "figures.h"

void run_botan(figures *f, const char *folder);       /* botan.c */
void run_same(figures *f, const char *folder);        /* same.c */
void run_engine(figures *f, const char *folder);      /* engine.c */
void run_physics(figures *f, const char *folder);     /* physics.c */
void run_floor_model(figures *f, const char *folder); /* floor.c */
void run_t050(figures *f, const char *folder);        /* t050.c */
#endif
