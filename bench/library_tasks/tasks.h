/* bench/library_tasks/tasks.h -- what the tasks of bench/library share, and one function a task; see bench/figures/figures.h */
#ifndef HG_BENCH_LIBRARY_TASKS_H
#define HG_BENCH_LIBRARY_TASKS_H
#include "figures.h"
#include "hagane/table.h"

/* ../shared/data/<path>, its formula column as text (shared.c); NULL and a loud line where it is not there. */
hg_table *shared_table(const char *path, const char *formula);
/* The rows whose text in a column is the value, or is another one. */
hg_table *rows_where(const hg_table *t, const char *column, const char *value, bool equal);

/* Tasks, each in an empty folder that is removed afterwards. */
void run_query(figures *f, const char *folder); /* shelves.c */
void run_open(figures *f, const char *folder);
void run_predict(figures *f, const char *folder);       /* predict.c */
void run_ltc(figures *f, const char *folder);           /* ltc.c */
void run_transfer(figures *f, const char *folder);      /* transfer.c */
void run_quasicrystals(figures *f, const char *folder); /* quasicrystals.c */
void run_alloys(figures *f, const char *folder);        /* alloys.c */
void run_crabnet(figures *f, const char *folder);       /* crabnet.c */
void run_matbench(figures *f, const char *folder);      /* matbench.c */
void run_campaigns(figures *f, const char *folder);     /* campaigns.c */
void run_networks(figures *f, const char *folder);      /* networks.c */
#endif
