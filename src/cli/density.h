/* cli/density.h -- `hagane density`: what its two files share */
#ifndef HG_CLI_DENSITY_H
#define HG_CLI_DENSITY_H
#include "cli/output.h"
#include "hagane/cube.h"
#include "hagane/figure.h"
#include "models/rho.h"

enum { CLI_CURVES = 4, CLI_PEAKS = 16 };

typedef struct {
    const char *name; /* "qdf2" */
    hg_colour colour;
    bool dashed;
    double *y; /* [n] e/A^3; NaN: not known there */
    double peak[CLI_PEAKS], height[CLI_PEAKS], middle;
    size_t n_peaks;
} cli_curve;

typedef struct {
    size_t atom[2];
    char label[2][16]; /* "C1" */
    double length;     /* angstrom */
    size_t n;
    double *x;     /* [n] angstrom from the first atom */
    double *point; /* [n,3] */
    cli_curve curve[CLI_CURVES];
    size_t n_curves;
} cli_line;

/* "C1,C2": elements with their number among their like, or numbers of atoms, from 1; points `step` apart, up to
 * `beyond` behind both atoms. Errors: HG_EINVAL words that are not two atoms. */
HG_MUST_CHECK hg_status cli_line_make(cli_line *l, const hg_molecule *m, const char *words, double step, double beyond,
                                      hg_arena *mem, hg_err *err);
/* Another curve, of zeros: its values are for the caller to fill. NULL: no memory. */
cli_curve *cli_line_add(cli_line *l, const char *name, hg_colour colour, bool dashed, hg_arena *mem);
void cli_line_look(cli_line *l); /* peaks and middles, once all curves are filled */
/* The curve of a reference in a file of orbitals, which must have this molecule at this place, or in a cube, between
 * whose points it goes by cubics. Errors: those of the readers; HG_EDATA another molecule. */
HG_MUST_CHECK hg_status cli_line_reference(cli_line *l, const hg_molecule *m, const char *path, hg_arena *mem,
                                           hg_err *err);

void cli_line_csv(hg_text *t, const cli_line *l);
void cli_line_words(hg_text *t, const cli_line *l);
void cli_line_json(hg_json *j, const cli_line *l);
HG_MUST_CHECK hg_status cli_line_figure(cli_run *run, const cli_line *l, const char *title, const char *path,
                                        hg_err *err);

#endif
