/* files/sdf.h -- what the two versions of MDL's molfile share
 *
 * CTfile Formats (Dassault Systemes BIOVIA, 2020): the connection table V2000 in fixed columns, V3000 in words.
 */
#ifndef HG_FILES_SDF_H
#define HG_FILES_SDF_H
#include "files/draft.h"

typedef struct {
    int32_t *charge; /* [n] of each atom, e */
    size_t cap_charge;
    struct hg_sdf_index {
        uint64_t number;
        size_t atom;
    } * index; /* V3000: the numbers of the atoms, sorted */
    size_t cap_index;
    char *text; /* a line that was continued, or the lines of a data item */
    size_t text_len, cap_text;
} hg_sdf_state;

/* The next line, which must be there: `what` is missing otherwise. */
HG_MUST_CHECK hg_status hg_sdf_line(hg_draft *d, const char *what, hg_err *err);
/* One more atom, without charge. */
HG_MUST_CHECK hg_status hg_sdf_atom(size_t *i, hg_draft *d, hg_err *err);
/* A bond between atoms a and b, counted from 0. */
HG_MUST_CHECK hg_status hg_sdf_bond(hg_draft *d, size_t a, size_t b, uint64_t kind, hg_err *err);
/* Appends to s->text, keeping a NUL behind it. */
HG_MUST_CHECK hg_status hg_sdf_text(hg_draft *d, const char *s, size_t len, hg_err *err);
HG_MUST_CHECK hg_status hg_sdf_whole(uint64_t *x, const hg_draft *d, hg_word w, uint64_t most, const char *what,
                                     hg_err *err);

/* From the line behind the counts line to that with M  END. */
HG_MUST_CHECK hg_status hg_sdf_v3000(hg_draft *d, hg_err *err);
#endif
