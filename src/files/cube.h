/* files/cube.h -- what reading and writing of cubes share; see hagane/cube.h */
#ifndef HG_FILES_CUBE_H
#define HG_FILES_CUBE_H
#include "files/input.h"
#include "files/output.h"
#include "hagane/cube.h"

/* Of the cell that the three vectors span, with its sign. */
double hg_cube_volume(const double step[9]);
/* From `in`, which stays the caller's. */
HG_MUST_CHECK hg_status hg_cube_read_input(hg_cube **out, hg_input *in, const hg_cube_opts *opts, hg_err *err);
/* A writer on `o`, which the caller commits; hg_cube_writer_commit then only looks whether all values have come. */
HG_MUST_CHECK hg_status hg_cube_writer_on(hg_cube_writer **out, hg_output *o, const hg_cube *head,
                                          const hg_cube_opts *opts, hg_err *err);
#endif
