/* library/predictor_rack.h -- predictors out of a library, whether they lie in folders or in packs */
#ifndef HG_LIBRARY_PREDICTOR_RACK_H
#define HG_LIBRARY_PREDICTOR_RACK_H
#include "hagane/predictor.h"
#include "library/rack.h"

/* Is it a model of tables? false too when its card cannot be read. */
bool hg_predictor_is_racked(const hg_racked *m);
/* One in a pack is read out of it and not unpacked. Errors: as hg_predictor_load; HG_EDATA a damaged pack. */
HG_MUST_CHECK hg_status hg_predictor_load_racked(hg_predictor **out, const hg_racked *m, hg_err *err);
#endif
