/* files/pickle.h -- Python's pickles as data: numbers, texts, lists, dictionaries and arrays of NumPy, and nothing else
 *
 * A pickle is a program for a small machine that may call anything. Here it may call four things, all of which only make numbers: NumPy's
 * constructors of arrays, types of elements and single numbers, and the decoding of Python 2's bytes. Any other name is refused; nothing is ever
 * imported or run. Protocols 2 to 5. Arrays of objects, big-endian ones and those in Fortran's order are refused.
 */
#ifndef HG_FILES_PICKLE_H
#define HG_FILES_PICKLE_H
#include "files/ndarray.h"

typedef enum {
    HG_PICKLE_NONE,
    HG_PICKLE_BOOL,  /* real: 0 or 1 */
    HG_PICKLE_WHOLE, /* real */
    HG_PICKLE_REAL,  /* real */
    HG_PICKLE_TEXT,  /* text, n */
    HG_PICKLE_BYTES, /* text, n */
    HG_PICKLE_LIST,  /* item[n]; tuples, too */
    HG_PICKLE_DICT,  /* item[n]: key, value, key, value ... */
    HG_PICKLE_ARRAY, /* array */
    HG_PICKLE_TYPE,  /* array.kind and .size */
    HG_PICKLE_NAME   /* of a function or class: array.kind is its number */
} hg_pickle_kind;

typedef struct hg_pickled hg_pickled;
struct hg_pickled {
    hg_pickle_kind kind;
    double real;
    const char *text;
    size_t n, cap;
    hg_pickled **item;
    hg_ndarray array; /* its data lie in the pickle's bytes, or in mem */
};

/* Looks into bytes[n] as long as *out is used; what it makes lies in mem. Errors: HG_EPARSE with the place of the byte, HG_EREFUSED a name that is
 * not known, HG_ELIMIT more than a million objects, HG_ENOMEM. Lists may hold themselves: look at what is expected, not at all of it. */
HG_MUST_CHECK hg_status hg_pickle_read(hg_pickled **out, const char *name, const unsigned char *bytes, size_t n,
                                       hg_arena *mem, hg_err *err);
/* The value of a text key; NULL: d is no dictionary, or has none. */
const hg_pickled *hg_pickle_get(const hg_pickled *d, const char *key);
#endif
