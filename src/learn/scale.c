/* learn/scale.c -- see hagane/scale.h */
#include "hagane/scale.h"

const char *hg_scale_name(size_t i) {
    static const char *const NAME[] = {
        [HG_SCALE_AUTO] = "auto", [HG_SCALE_VALUES] = "values", [HG_SCALE_LOGS] = "logs"
    };
    return i < sizeof NAME / sizeof *NAME ? NAME[i] : NULL;
}
