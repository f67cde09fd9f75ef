/* library/source_figure.h -- what each model that was offered as a source is worth, as a picture */
#ifndef HG_LIBRARY_SOURCE_FIGURE_H
#define HG_LIBRARY_SOURCE_FIGURE_H
#include "hagane/figure.h"
#include "hagane/predictor.h"

enum { HG_SOURCES_SHOWN = 16 };

/* Bars of the nats that each adds alone, the best on top, at most HG_SOURCES_SHOWN; those taken in another colour, with their weights.
 * Of a predictor that was fitted here. Errors: HG_EDATA no source was offered that could be one; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_source_figure(hg_bytes *out, const hg_predictor *p, hg_figure_format format, hg_err *err);
#endif
