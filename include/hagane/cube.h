/* hagane/cube.h -- numbers on a grid around a molecule, in Gaussian's cube files: densities, orbitals, potentials
 *
 * In memory lengths are angstrom; in a file they are bohr, or angstrom where the numbers of points are negative. Values stay as
 * they are, but for a density: electrons per cubic angstrom in memory, per cubic bohr in a file. A file of orbitals (negative
 * number of atoms) or of several values a point has them as sets. Format: the Gaussian manual, utility "cubegen".
 */
#ifndef HG_CUBE_H
#define HG_CUBE_H
#include "hagane/molecule.h"

typedef struct {
    size_t n[3];      /* points along each vector, > 0 */
    double origin[3]; /* the first point, angstrom */
    double step[9];   /* from point to point, vectors as rows, angstrom; they span a volume */
} hg_cube_grid;

typedef struct {
    const hg_molecule *molecule; /* NULL: no atoms */
    hg_cube_grid grid;
    const char *title, *comment; /* the two lines of words; NULL reads as "" */
    size_t sets;                 /* values a point, > 0 */
    const int64_t *orbitals;     /* [sets] their numbers; NULL: not orbitals */
    double *value;               /* [sets, n[0], n[1], n[2]], the last index fastest */
} hg_cube;

typedef struct {
    bool density;              /* the values are electrons a volume: change their unit     default false            */
    size_t max_values;         /* more are refused, > 0                                    default 134217728, 1 GiB */
    hg_molecule_limits limits; /* of the molecule                       default hg_molecule_limits_default */
} hg_cube_opts;

typedef struct hg_cube_writer hg_cube_writer;

HG_BEGIN_DECLS
hg_cube_opts hg_cube_opts_default(void);

/* Compressed files are read as they are. On HG_OK *out is the caller's: hg_cube_free.
 * Errors: HG_EIO; HG_EPARSE with line and column; HG_EDATA vectors that span no volume, a bad molecule; HG_ENAN; HG_ELIMIT; HG_EINVAL
 * options; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_cube_read(hg_cube **out, const char *path, const hg_cube_opts *opts, hg_err *err);
/* The same from memory; `name` stands for the file in messages. */
HG_MUST_CHECK hg_status hg_cube_read_memory(hg_cube **out, const char *name, const void *bytes, size_t n,
                                            const hg_cube_opts *opts, hg_err *err);
void hg_cube_free(hg_cube *c); /* one that was read */

/* Replaces the file whole or not at all. Lengths are written to 10^-6 bohr and values to 6 digits, as the format's readers expect;
 * what is smaller than 10^-99 becomes 0. opts: density. Errors: HG_EINVAL a grid without points or volume, lengths beyond 9,999
 * bohr, an atom without element; HG_ENAN a value that is not finite or beyond 10^99; HG_EIO; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_cube_write(const char *path, const hg_cube *c, const hg_cube_opts *opts, hg_err *err);

/* The same, piece by piece, for grids that are computed as they are written: head->value is not looked at. The values come in the order of
 * the file, point by point with their sets together: [n[0], n[1], n[2], sets]. commit refuses when some are missing. */
HG_MUST_CHECK hg_status hg_cube_writer_new(hg_cube_writer **out, const char *path, const hg_cube *head,
                                           const hg_cube_opts *opts, hg_err *err);
HG_MUST_CHECK hg_status hg_cube_writer_put(hg_cube_writer *w, const double *values, size_t n, hg_err *err);
HG_MUST_CHECK hg_status hg_cube_writer_commit(hg_cube_writer *w, hg_err *err);
void hg_cube_writer_free(hg_cube_writer *w);
HG_END_DECLS
#endif
