/* cli/grid.h -- numbers and tables for people: digits that the uncertainty supports, columns that line up */
#ifndef HG_CLI_GRID_H
#define HG_CLI_GRID_H
#include "cli/run.h"
#include "hagane/table.h"

typedef struct {
    const char **cell; /* [rows, columns]; row 0 is the header; NULL: empty */
    bool *left;        /* [columns] aligned to the left (texts), else to the right */
    size_t rows, columns;
    hg_arena *arena;
    bool failed; /* out of memory; checked by cli_grid_done */
} cli_grid;

cli_grid cli_grid_new(hg_arena *arena, size_t rows, size_t columns);
void cli_grid_set(cli_grid *g, size_t row, size_t column, const char *fmt, ...) HG_PRINTF(4, 5);
/* A number with so many digits, and a share as per cent; nothing where it is not finite. */
void cli_grid_real(cli_grid *g, size_t row, size_t column, int digits, double x);
void cli_grid_share(cli_grid *g, size_t row, size_t column, double x);
size_t cli_grid_width(const cli_grid *g, size_t column); /* on the screen */
void cli_grid_print(hg_text *t, const cli_grid *g, size_t row, size_t indent);
void cli_grid_show(hg_text *t, const cli_grid *g, size_t rows); /* the first rows, the header in bold */
HG_MUST_CHECK hg_status cli_grid_done(const cli_grid *g, hg_err *err);

/* How the values of a column with their standard deviations are written: divided by 10^power, with `decimals`. */
typedef struct {
    int power, decimals;
} cli_digits;
/* Two significant digits of the smallest sd; a power of ten (a multiple of 3) when values are below 0.001 or reach 1e5. */
cli_digits cli_digits_for(const double *value, const double *sd, size_t n);
/* "1.62 +- 0.05", with the sign for it when the terminal has it. */
size_t cli_spread_write(char *buf, size_t size, double mean, double sd, cli_digits d);
/* "Ms (T)", or "Ms (10^6 A/m)" with a power. */
void cli_heading(hg_text *t, const char *name, const char *unit, cli_digits d);

/* A cell of a table as text: numbers in their shortest exact form, nothing when not measured. */
void cli_cell(hg_text *t, const hg_table *table, size_t column, size_t row);
void cli_csv_cell(hg_text *t, const char *s); /* quoted when it has to be */
void cli_number_text(hg_text *t, double x);   /* shortest exact form */
#endif
