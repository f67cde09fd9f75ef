/* search/html.h -- texts and numbers as HTML that nothing in a table can break */
#ifndef HG_SEARCH_HTML_H
#define HG_SEARCH_HTML_H
#include "core/text.h"

/* s with & < > " ' as entities, bad UTF-8 as U+FFFD, control characters as spaces. NULL is nothing. */
void hg_html_escape(hg_text *out, const char *s);
/* The same for sentences of the library, which say "+-" for a terminal. */
void hg_html_sentence(hg_text *out, const char *s);
/* As escape, with the numbers of a chemical formula lowered: "Fe2O3" -> Fe<sub>2</sub>O<sub>3</sub>. */
void hg_html_formula(hg_text *out, const char *s);
void hg_html_number(hg_text *out, double v, int digits);       /* significant digits; a dash for NaN */
void hg_html_plus_minus(hg_text *out, double mean, double sd); /* as many decimals as two digits of sd need */
void hg_html_percent(hg_text *out, double p);                  /* 0..1: "37 %", "< 1 %", "> 99 %" */
#endif
