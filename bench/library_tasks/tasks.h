/* bench/library_tasks/tasks.h -- what the tasks of bench/library share, and one function a task
 *
 * A task is one function and one line in the table of bench/library.c; it measures, and notes figures under their keys.
 */
#ifndef HG_BENCH_LIBRARY_TASKS_H
#define HG_BENCH_LIBRARY_TASKS_H
#include "hagane/table.h"
#include <stdbool.h>
#include <stddef.h>

enum { FIGURES = 256, FIGURE_KEY = 64 };

typedef struct {
    struct {
        char key[FIGURE_KEY];
        double value;
    } at[FIGURES];
    size_t n;
    const char *keep;   /* a folder for what takes long; NULL: none */
    const char *part;   /* "--task matbench.steels": the steels; NULL: all of the task */
    bool quick;         /* all tasks together in at most 5 minutes */
    const char *figure; /* SVG file of the task that draws one; NULL: not wanted */
} figures;

void note(figures *f, const char *key, double value); /* printed under this key, as JSON too; cut at FIGURE_KEY */
double processor_seconds(void *unused);     /* of all threads of this program; for options that want a clock */
double now(void);                           /* seconds of a monotonic clock */
void must(hg_status st, const hg_err *err); /* else says what is wrong, and ends the program */
double median(double *x, size_t n);         /* sorts x */

/* ../shared/data/<path>, its formula column as text (shared.c); NULL and a loud line where it is not there. */
hg_table *shared_table(const char *path, const char *formula);
/* The rows whose text in a column is the value, or is another one. */
hg_table *rows_where(const hg_table *t, const char *column, const char *value, bool equal);
hg_pool *all_cores(void);

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
