/* bench/figures/figures.h -- what programs of several tasks share: clocks, figures under keys, JSON, and the choice of tasks
 *
 * A task is one function and one line in the table of its program; it measures, and notes figures under their keys.
 */
#ifndef HG_BENCH_FIGURES_H
#define HG_BENCH_FIGURES_H
#include "hagane/core.h"
#include <stdbool.h>
#include <stddef.h>

enum { FIGURES = 256, FIGURE_KEY = 64, FIGURE_WORD = 200 };

typedef struct {
    struct {
        char key[FIGURE_KEY];
        double value;
        char word[FIGURE_WORD]; /* instead of the value, where it is not "" */
    } at[FIGURES];
    size_t n;
    const char *keep;   /* a folder for what takes long; NULL: none */
    const char *part;   /* "--task matbench.steels": the steels; NULL: all of the task */
    bool quick;         /* a smaller measurement */
    bool named;         /* --task asks for this task */
    const char *figure; /* SVG file of the task that draws one; NULL: not wanted */
} figures;

void note(figures *f, const char *key, double value); /* printed under this key, as JSON too; cut at FIGURE_KEY */
void note_word(figures *f, const char *key, const char *word);
double processor_seconds(void *unused);     /* of all threads of this program; for options that want a clock */
double now(void);                           /* seconds of a monotonic clock */
void must(hg_status st, const hg_err *err); /* else says what is wrong, and ends the program */
double median(double *x, size_t n);         /* sorts x */
hg_pool *all_cores(void);

typedef struct {
    const char *name;
    void (*run)(figures *f, const char *folder); /* an empty folder that is removed afterwards */
} figures_task;

/* For a task that takes long: --quick without --task leaves it out, and says so: if (left_out(f, "same")) return; */
bool left_out(const figures *f, const char *task);

/* [--json] [--quick] [--task NAME[.PART]] [--keep FOLDER] [--figure FILE.svg]: the exit status of the program. */
int figures_main(const char *bench, const figures_task *task, size_t n, int argc, char **argv);
#endif
