/* files/space_internal.h -- what a space is made of; space.c reads it, space_sample.c draws from it */
#ifndef HG_FILES_SPACE_INTERNAL_H
#define HG_FILES_SPACE_INTERNAL_H
#include "hagane/space.h"

typedef enum { HG_VARIABLE_REAL, HG_VARIABLE_INTEGER, HG_VARIABLE_LEVELS, HG_VARIABLE_PART } hg_variable_kind;

typedef struct {
    const char *name;
    hg_variable_kind kind;
    double min, max; /* not for levels */
    bool integer;
    const char **level; /* [n_levels] */
    double *value;      /* [n_levels] when every level is a number */
    bool numeric;
    size_t n_levels;
    size_t mixture; /* of a part: index into hg_space.mixture */
} hg_variable;

typedef struct {
    const char *name;
    size_t n, line; /* parts; first line it is named on */
    double sum_min, sum_max;
} hg_mixture;

struct hg_space {
    hg_arena *mem;
    const char *source;
    hg_variable *v;
    size_t n;
    hg_mixture *mixture;
    size_t n_mixtures;
};
#endif
