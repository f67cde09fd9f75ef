/* files/particle_rows.h -- particles while the lines of a text are read: any order of their numbers, then a snapshot; and text out again */
#ifndef HG_FILES_PARTICLE_ROWS_H
#define HG_FILES_PARTICLE_ROWS_H
#include "files/draft.h"
#include "files/snapshot_file.h"

typedef struct {
    int64_t id; /* its number in the file */
    size_t line;
    double x[3];
    uint8_t species;
} hg_particle_row;

typedef struct {
    hg_snapshot_source *f;
    hg_lines in;
    hg_draft draft; /* for numbers and pairs of key and value: its `in` is ours */
    hg_particle_row *row;
    size_t n, cap;
    bool *used; /* [types] which of the given species came */
    bool typed; /* by numbers, not by letters */
} hg_particle_rows;

/* Call hg_particle_rows_end in any case. */
HG_MUST_CHECK hg_status hg_particle_rows_begin(hg_particle_rows *r, hg_snapshot_source *f);
void hg_particle_rows_end(hg_particle_rows *r);
/* The next line; at the end of the file the error `the file ends here, expected <what>`. */
HG_MUST_CHECK hg_status hg_particle_rows_line(hg_particle_rows *r, const char *what);
/* A row for the current line. HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_particle_rows_add(hg_particle_row **out, hg_particle_rows *r);
/* A type 1, 2, ... by the map of the options, or a letter A .. D. */
HG_MUST_CHECK hg_status hg_particle_rows_species(uint8_t *out, hg_particle_rows *r, hg_word w);
/* A word that is a number, or a whole one of 0 .. most. */
HG_MUST_CHECK hg_status hg_particle_rows_real(double *x, hg_particle_rows *r, hg_word w, const char *what);
HG_MUST_CHECK hg_status hg_particle_rows_whole(int64_t *x, hg_particle_rows *r, hg_word w, int64_t most,
                                               const char *what);
/* An error in the current line at `at` of it, NULL: of the line. */
hg_status hg_particle_rows_fail(hg_particle_rows *r, const char *at, const char *fmt, ...) HG_PRINTF(3, 4);
/* The rows in the order of their numbers, moved by -origin, then into the box where `wrap`. HG_EPARSE a number twice; HG_EDATA outside of
 * the box. *f->words is "<kind>: types 1 2 are A B, lengths in sigma_AA". */
HG_MUST_CHECK hg_status hg_particle_rows_snapshot(hg_snapshot **out, hg_particle_rows *r, const double origin[3],
                                                  const double box[3], bool wrap, const char *kind);

/* Text of numbers: the first failure is kept. */
typedef struct {
    hg_output *o;
    hg_err *err;
    hg_status st;
} hg_row_sink;
void hg_row_text(hg_row_sink *s, const char *fmt, ...) HG_PRINTF(2, 3);
void hg_row_number(hg_row_sink *s, double x); /* the fewest digits that read back the same, a blank in front */

extern const hg_snapshot_format hg_format_lammps_data, hg_format_lammps_dump, hg_format_liquid_xyz;
#endif
