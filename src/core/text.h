/* core/text.h -- bounded strings and nearest-name suggestions
 *
 * An hg_text grows in its arena up to a stated limit; a failed append sets `failed` and later appends do nothing, so
 * one check at the end is enough.
 */
#ifndef HG_CORE_TEXT_H
#define HG_CORE_TEXT_H
#include "hagane/core.h"

typedef struct {
    char *s; /* always NUL-terminated; "" before the first append */
    size_t len, cap, limit;
    bool failed; /* out of memory or over the limit */
} hg_text;

hg_text hg_text_new(size_t limit); /* bytes; 0: 1 GiB. Free with hg_text_free. */
void hg_text_add(hg_text *t, const char *fmt, ...) HG_PRINTF(2, 3);
void hg_text_put(hg_text *t, const char *s, size_t len);
void hg_text_free(hg_text *t);

/* "b" of "a/b"; what ends in a slash has the name "". */
const char *hg_path_name(const char *path);
/* The name nearest to `word` by edit distance (case ignored), or NULL when none is within a third of its
 * length or no letter would be left of it. */
const char *hg_nearest_name(const char *word, const char *const *names, size_t n);
/* near[] <- the `most` different names that are nearest to `word`, however far, the nearest first: those with which it shares the longest run of
 * letters, of three at least, then by edit distance; equally near ones stay in their order. Returns how many. */
size_t hg_nearest_names(const char **near, size_t most, const char *word, const char *const *names, size_t n);
/* Advice for a word that is none of names[n]: `the nearest names are a, b, c, d, e, and 46 more`, or all where there are five; `rest` behind them.
 * Returns code. */
hg_status hg_nearest_advise(hg_err *err, hg_status code, const char *word, const char *const *names, size_t n,
                            const char *rest);
/* Advice for a word that is none of at(0), at(1), ... (NULL past the last): `did you mean ei? There are: auto, ei, pi`.
 * Returns code: return hg_names_advise(err, hg_fail(err, ...), word, at); */
hg_status hg_names_advise(hg_err *err, hg_status code, const char *word, const char *(*at)(size_t i));
/* Levenshtein distance, case ignored, ASCII; words longer than 63 bytes count as SIZE_MAX apart. */
size_t hg_edit_distance(const char *a, const char *b);
#endif
