/* files/xyz.h -- the second line of an XYZ frame, and frames written out
 *
 * Extended XYZ: https://github.com/libAtoms/extxyz, "Extended XYZ specification"; what it leaves open is read as ASE does.
 */
#ifndef HG_FILES_XYZ_H
#define HG_FILES_XYZ_H
#include "files/draft.h"
#include "files/output.h"

/* The pair of key and value at *at, which moves behind it; *more = false: none is left before end. Key and value lie in d->mem.
 *   key               alone: true            key=5  key=1.5D0  key=T  key=word   by the first that fits, in this order
 *   key="1 2 3"       a list of numbers or of T and F; of one element: that element; else a text, with \" \\ \n in it
 *   key={a 2 "b c"}   a list of anything     key=[1, 2]  key=[[1, 2], [3, 4]]    a list, a matrix
 * A number has no zeros in front (007 is a text); nan and inf are numbers. Errors: HG_EPARSE with the place, HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_xyz_pair(bool *more, hg_field *out, const char **at, const char *end, hg_draft *d,
                                    hg_err *err);

/* T, F, true, False, TRUE ...: false when w is none of them. */
bool hg_xyz_bool(bool *out, hg_word w);

/* One frame of extended XYZ, numbers in the fewest digits that read back the same. Bonds have no place in it. A text that reads as a
 * number, or as T or F, comes back as that. Errors: HG_EINVAL a name or text that the format cannot hold; HG_EIO. */
HG_MUST_CHECK hg_status hg_xyz_write(hg_output *o, const hg_molecule *m, hg_err *err);
#endif
