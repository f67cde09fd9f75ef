/* files/draft.h -- a molecule while it is being read, and the record of a format
 *
 * Atoms grow in buffers that the reader keeps from molecule to molecule; a count in a file is compared with what is there,
 * never believed. hg_draft_end copies all into the caller's arena and checks it.
 */
#ifndef HG_FILES_DRAFT_H
#define HG_FILES_DRAFT_H
#include "files/lines.h"
#include "hagane/molecule.h"

enum { HG_DRAFT_FIELDS = 1024 }; /* values, and columns, a molecule may have */

typedef struct {
    hg_lines *in;
    hg_molecule_limits limits;
    hg_arena *mem; /* the caller's: names and values go there at once */
    void *state;   /* the format's own, from file begin to end */
    hg_molecule m; /* id, charge, cell, line, counts; its arrays are set by hg_draft_end */
    uint8_t *z;
    uint16_t *mass; /* mass numbers, 0: natural */
    double *r;
    size_t *line;
    size_t cap_z, cap_mass, cap_r, cap_line;
    bool isotopes; /* any mass number is set */
    hg_field *values, *columns;
    size_t cap_values, cap_columns;
    hg_bond *bonds;
    size_t cap_bonds;
} hg_draft;

typedef struct {
    const char *name;              /* "qdf" */
    const char *suffixes;          /* endings of file names, parted by blanks: "xyz extxyz" */
    size_t state;                  /* bytes of d->state, zeroed at the beginning of a file */
    bool (*looks)(hg_lines *head); /* is the text of this format? Its first lines are there to be taken */
    /* *more = false: no molecule is left. On HG_OK and *more the atoms and fields of one are in d. */
    hg_status (*next)(bool *more, hg_draft *d, hg_err *err);
    void (*end)(void *state); /* may be NULL */
} hg_molecule_format;

extern const hg_molecule_format hg_format_qdf, hg_format_xyz, hg_format_sdf;

void hg_draft_begin(hg_draft *d, hg_arena *mem);
/* The molecule in d->mem. Errors: those of hg_molecule_check with the place of the atom. */
HG_MUST_CHECK hg_status hg_draft_end(hg_molecule **out, hg_draft *d, hg_err *err);
void hg_draft_free(hg_draft *d);

/* A place for one more atom: its number. HG_ELIMIT, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_draft_atom(size_t *i, hg_draft *d, hg_err *err);
/* The element of atom i by its symbol (D and T are hydrogen) or atomic number. HG_EPARSE with the nearest symbol. */
HG_MUST_CHECK hg_status hg_draft_element(hg_draft *d, size_t i, hg_word w, hg_err *err);
/* A number, which may have D for its exponent; `what` names it in errors. HG_EPARSE, HG_ENAN when not finite. */
HG_MUST_CHECK hg_status hg_draft_real(double *x, const hg_draft *d, hg_word w, const char *what, hg_err *err);
/* Element and three coordinates of a line; *rest is behind them. */
HG_MUST_CHECK hg_status hg_draft_atom_line(const char **rest, hg_draft *d, hg_err *err);

/* A field whose name and data lie in d->mem. HG_EPARSE a name that is there already; HG_ELIMIT, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_draft_value(hg_draft *d, hg_field field, hg_err *err);
HG_MUST_CHECK hg_status hg_draft_column(hg_draft *d, hg_field field, hg_err *err);

/* A value that is one number, or a text. */
HG_MUST_CHECK hg_status hg_draft_word(hg_draft *d, const char *name, hg_word w, hg_err *err);

/* Does the line look like `element x y z` (more words may follow when `more`)? */
bool hg_atom_line(const char *s, size_t len, bool more);
/* A number, D exponents too: 1.0D-3. NaN counts. */
bool hg_real_word(double *x, hg_word w);
/* For values whose kind is to be told: a number without zeros in front (007 is a name), and one without point or exponent. */
bool hg_decimal_word(double *x, hg_word w);
bool hg_whole_word(int64_t *x, hg_word w);
/* Out of memory while reading. */
hg_status hg_draft_no_memory(const hg_draft *d, hg_err *err);
#endif
