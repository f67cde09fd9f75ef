/* hagane/scale.h -- the scale in which a value is learned */
#ifndef HG_SCALE_H
#define HG_SCALE_H
#include "hagane/core.h"
HG_BEGIN_DECLS

typedef enum {
    HG_SCALE_AUTO, /* both, where the values are positive, span a decade and are skewed: rows that were left out decide */
    HG_SCALE_VALUES, /* as they are */
    HG_SCALE_LOGS    /* as logarithms: of positive values alone */
} hg_scale_kind;

const char *hg_scale_name(size_t i); /* "auto", "values", "logs"; NULL past the last */

HG_END_DECLS
#endif
