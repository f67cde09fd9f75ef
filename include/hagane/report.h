/* hagane/report.h -- what a campaign says, as one web page and as figures
 *
 * The page is one HTML file that needs nothing else: no network, no script; figures are inline SVG; it follows a light or
 * dark desktop and prints on A4. Every text that came from a table is escaped.
 * Each figure is one record in a table (search/report_figures.c) and can be had alone as SVG, PDF or PNG.
 */
#ifndef HG_REPORT_H
#define HG_REPORT_H
#include "hagane/figure.h"
#include "hagane/suggest.h"

typedef struct {
    const hg_suggestions *suggestions; /* what hg_suggest returned, or NULL                          default NULL */
    const hg_replay_result *replay;    /* what hg_replay returned, or NULL; one of the two is needed default NULL */
    const hg_objective *objective;     /* [n_objectives] as given to that call, required */
    size_t n_objectives;
    const char *title;  /* NULL: made from the objectives                                         default NULL */
    const char *label;  /* column that names a row to a person: a formula, a sample id; NULL: only row numbers */
    const char *footer; /* a line at the end: command, seed, version, input files; NULL: the version default NULL */
} hg_report;

HG_BEGIN_DECLS

hg_report hg_report_default(void);
/* The whole page. On HG_OK out is the caller's (hg_bytes_free), else out->data is NULL.
 * Errors: HG_EINVAL nothing to report, no objectives; HG_ENOTFOUND the label or objective column; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_report_html(hg_bytes *out, const hg_report *r, hg_err *err);

/* The figures. `hagane report --figure parity --out parity.pdf` is hg_report_figure(&b, "parity", HG_FIGURE_PDF, ...). */
size_t hg_report_figures(void);
const char *hg_report_figure_name(size_t i);              /* "parity"; NULL beyond the end */
const char *hg_report_figure_words(size_t i);             /* what it shows, one line */
bool hg_report_figure_fits(size_t i, const hg_report *r); /* true when r has what the figure needs */
/* Errors: HG_ENOTFOUND no such figure (hint: the nearest, the list); HG_EDATA r has not what it needs; as above. */
HG_MUST_CHECK hg_status hg_report_figure(hg_bytes *out, const char *name, hg_figure_format format, const hg_report *r,
                                         hg_err *err);

HG_END_DECLS
#endif
