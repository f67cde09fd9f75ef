/* matter/molecule.h -- the check of hagane/molecule.h for readers, who know the line of each atom */
#ifndef HG_MATTER_MOLECULE_H
#define HG_MATTER_MOLECULE_H
#include "hagane/molecule.h"

/* Lines of the atoms in the file, so that an error names them; file NULL: the molecule's id stands for it. */
typedef struct {
    const char *file;
    const size_t *line; /* [n] */
} hg_molecule_place;

HG_MUST_CHECK hg_status hg_molecule_limits_check(const hg_molecule_limits *limits, hg_err *err);
HG_MUST_CHECK hg_status hg_molecule_check_at(const hg_molecule *m, const hg_molecule_limits *limits,
                                             hg_molecule_place at, hg_err *err);

typedef struct {
    char s[112];
} hg_molecule_words;
/* How messages call it: molecule "ethanol", without an id the molecule of line 12, or the molecule. */
hg_molecule_words hg_molecule_called(const hg_molecule *m);

/* The first atom b (in order) that lies closer than `least` to an earlier one, and the nearest of those; false: none.
 * Coordinates are finite and at most 10^7, least is in (0, 5]. */
bool hg_overlap_plain(size_t *a, size_t *b, const double *r, size_t n, double least); /* all pairs */
/* The same through a grid of cells: O(n). HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_overlap_grid(bool *found, size_t *a, size_t *b, const double *r, size_t n, double least,
                                        hg_err *err);
#endif
