/* tests/support/molecules.h -- molecules out of a text in memory, texts that must be refused, texts cut and fed in pieces */
#ifndef HG_TEST_MOLECULES_H
#define HG_TEST_MOLECULES_H
#include "hagane/molecule_file.h"

/* Opens a text; fails the test when it is refused. */
hg_molecule_file *molecules_open(const char *name, const char *text);
/* The next molecule, NULL behind the last; fails the test when it is refused. */
hg_molecule *molecules_next(hg_molecule_file *f, hg_arena *mem);
/* Reads to the end or to the first error; how many molecules there were before it. f is freed, and may be NULL. */
size_t molecules_drain(hg_molecule_file *f, hg_status *st, hg_err *err);
/* Reading the text must end with this status and sentence; `hint` is a part of the advice. */
void molecules_refused(const char *name, const char *text, hg_status st, const char *msg, const char *hint);
/* The text in pieces of any size gives the same; cut short at any byte it gives no more than whole molecules of it or is refused
 * with a sentence; and every allocation may fail. The text must be sound. */
void molecules_stress(const char *name, const char *text);
void molecules_assert_equal(const hg_molecule *a, const hg_molecule *b);
#endif
