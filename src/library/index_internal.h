/* library/index_internal.h -- what the files of the index share */
#ifndef HG_LIBRARY_INDEX_INTERNAL_H
#define HG_LIBRARY_INDEX_INTERNAL_H
#include "files/database.h"
#include "library/index.h"
#include "library/rack.h"

/* What words are looked for in: columns of the table of models and of its index. */
#define INDEX_COLUMNS "name, properties, architecture, descriptor, elements, words"

struct hg_index {
    hg_arena *mem;       /* owns this struct and the path */
    const char *library; /* a folder; "." may be its name */
    const char *only;    /* a pack in it, when that is all; NULL: everything */
    hg_database *db;
    bool kept; /* in a file */
};

/* Adds a model of a source to the tables. */
HG_MUST_CHECK hg_status index_put(hg_index *x, uint64_t source, const char *name, uint64_t bytes, const hg_card *c,
                                  hg_err *err);
#endif
