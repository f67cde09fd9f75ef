/* cli/grid.c -- see cli/grid.h */
#include "cli/grid.h"
#include "core/number.h"
#include "files/csv.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

cli_grid cli_grid_new(hg_arena *arena, size_t rows, size_t columns) {
    cli_grid g = { .rows = rows, .columns = columns, .arena = arena };
    g.cell = hg_alloc(arena, rows * columns, sizeof *g.cell);
    g.left = hg_alloc(arena, columns, sizeof *g.left);
    g.failed = !g.cell || !g.left;
    return g;
}

void cli_grid_set(cli_grid *g, size_t row, size_t column, const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    hg_print_args(text, sizeof text, fmt, args);
    va_end(args);
    if (g->failed) return;
    const char *kept = hg_arena_strdup(g->arena, text);
    g->cell[row * g->columns + column] = kept;
    g->failed = !kept;
}

void cli_grid_real(cli_grid *g, size_t row, size_t column, int digits, double x) {
    if (isfinite(x)) cli_grid_set(g, row, column, "%.*g", digits, x);
}

void cli_grid_share(cli_grid *g, size_t row, size_t column, double x) {
    if (isfinite(x)) cli_grid_set(g, row, column, "%.0f %%", 100 * x);
}

static size_t width_of(const char *s) {
    size_t n = 0;
    for (; s && *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

size_t cli_grid_width(const cli_grid *g, size_t column) {
    size_t most = 0;
    for (size_t i = 0; i < g->rows && !g->failed; i++) {
        const size_t w = width_of(g->cell[i * g->columns + column]);
        if (w > most) most = w;
    }
    return most;
}

void cli_grid_print(hg_text *t, const cli_grid *g, size_t row, size_t indent) {
    if (g->failed) return;
    size_t pending = indent; /* blanks owed before the next text: lines end without any */
    for (size_t j = 0; j < g->columns; j++) {
        const char *s = g->cell[row * g->columns + j];
        const size_t fill = cli_grid_width(g, j) - width_of(s);
        if (!g->left[j]) pending += fill;
        if (s && *s) {
            hg_text_add(t, "%*s%s", (int)pending, "", s);
            pending = 0;
        }
        pending += (g->left[j] ? fill : 0) + 2;
    }
    hg_text_add(t, "\n");
}

void cli_grid_show(hg_text *t, const cli_grid *g, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        hg_text_add(t, "%s", cli_bold(i == 0));
        cli_grid_print(t, g, i, 0);
        hg_text_add(t, "%s", i == 0 ? cli_bold(false) : "");
    }
}

hg_status cli_grid_done(const cli_grid *g, hg_err *err) {
    return g->failed ? hg_fail(err, HG_ENOMEM, "no memory for the output") : HG_OK;
}

/* ---- digits ----------------------------------------------------------------------------------------------------------- */

cli_digits cli_digits_for(const double *value, const double *sd, size_t n) {
    double most = 0, least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(value[i])) most = fmax(most, fabs(value[i]));
        if (sd && isfinite(sd[i]) && sd[i] > 0) least = fmin(least, sd[i]);
    }
    cli_digits d = { 0, 0 };
    if (most >= 1e5 || (most > 0 && most < 1e-3)) d.power = 3 * (int)floor(log10(most) / 3);
    if (!isfinite(least) || least < 1e-7 * most) least = 1e-3 * most; /* no sd to go by: four digits */
    if (!(least > 0)) return d;
    d.decimals = 1 + d.power - (int)floor(log10(least));
    d.decimals = d.decimals < 0 ? 0 : d.decimals > 9 ? 9 : d.decimals;
    return d;
}

size_t cli_spread_write(char *buf, size_t size, double mean, double sd, cli_digits d) {
    const double scale = pow(10, d.power);
    return (size_t)hg_print(buf, size, "%.*f %s %.*f", d.decimals, mean / scale,
                            cli_terminal_utf8() ? "\xC2\xB1" : "+-", d.decimals, sd / scale);
}

void cli_heading(hg_text *t, const char *name, const char *unit, cli_digits d) {
    size_t len = strlen(name);
    const size_t tail = strlen(unit) + 2; /* the bracket and its blank go: the unit is written anew */
    if (*unit && len > tail && name[len - 1] == ')') len -= tail;
    while (len && name[len - 1] == ' ') len--;
    if (d.power == 0)
        hg_text_add(t, "%s", name);
    else
        hg_text_add(t, "%.*s (1e%d%s%s)", (int)len, name, d.power, *unit ? " " : "", unit);
}

/* ---- cells ------------------------------------------------------------------------------------------------------------ */

void cli_number_text(hg_text *t, double x) {
    char buf[HG_NUMBER_SIZE];
    hg_text_put(t, buf, hg_number_write(buf, x));
}

void cli_cell(hg_text *t, const hg_table *table, size_t column, size_t row) {
    const hg_column *c = hg_table_column(table, column);
    if (c->kind == HG_COLUMN_TEXT)
        hg_text_add(t, "%s", hg_table_text(table, column, row));
    else if (!isnan(c->number[row]))
        cli_number_text(t, c->number[row]);
}

void cli_csv_cell(hg_text *t, const char *s) {
    if (!hg_csv_needs_quotes(s)) {
        hg_text_put(t, s, strlen(s));
        return;
    }
    hg_text_add(t, "\"");
    for (; *s; s++) hg_text_add(t, *s == '"' ? "\"\"" : "%c", *s);
    hg_text_add(t, "\"");
}
