/* files/yaml.h -- a YAML text whose every mistake has a line and a column
 *
 * libyaml makes the document; these calls take values out of it and refuse what does not fit. One document a text; a key is
 * given once. `what` is the words for the value in an error: `cluster.yaml:7:12: port is "x", expected ...`.
 */
#ifndef HG_FILES_YAML_H
#define HG_FILES_YAML_H
#include "hagane/core.h"
#include <yaml.h>

typedef struct {
    yaml_document_t doc;
    const char *name; /* borrowed: of the file, for errors */
    hg_err *err;
} hg_yaml;

/* On HG_OK call hg_yaml_free. HG_EPARSE: not YAML, empty, or more than one document; HG_ENOMEM. */
HG_MUST_CHECK hg_status hg_yaml_load(hg_yaml *y, const char *name, const void *text, size_t len, hg_err *err);
void hg_yaml_free(hg_yaml *y);
const yaml_node_t *hg_yaml_root(hg_yaml *y);

/* HG_EPARSE at the place of the node. */
hg_status hg_yaml_fail(const hg_yaml *y, const yaml_node_t *n, const char *fmt, ...) HG_PRINTF(3, 4);
/* The text of a scalar; NULL for anything else and for text with a NUL inside. */
const char *hg_yaml_word(const yaml_node_t *n);
/* Values of the mapping n into given[n_keys], NULL where a key is absent. Unknown and repeated keys are refused, with
 * the nearest known one. */
HG_MUST_CHECK hg_status hg_yaml_keys(const yaml_node_t *given[], hg_yaml *y, const yaml_node_t *n,
                                     const char *const keys[], size_t n_keys, const char *what);
/* The entries of a list. */
HG_MUST_CHECK hg_status hg_yaml_list(size_t *count, hg_yaml *y, const yaml_node_t *n, size_t most, const char *what);
const yaml_node_t *hg_yaml_item(hg_yaml *y, const yaml_node_t *list, size_t i);

HG_MUST_CHECK hg_status hg_yaml_number(double *out, hg_yaml *y, const yaml_node_t *n, double least, double most,
                                       const char *what);
HG_MUST_CHECK hg_status hg_yaml_whole(int64_t *out, hg_yaml *y, const yaml_node_t *n, int64_t least, int64_t most,
                                      const char *what); /* |least|, |most| < 2^53 */
HG_MUST_CHECK hg_status hg_yaml_bool(bool *out, hg_yaml *y, const yaml_node_t *n, const char *what);
/* A text of 1 to size-1 bytes without control characters, line ends or other characters that no editor shows. */
HG_MUST_CHECK hg_status hg_yaml_text(char *out, size_t size, hg_yaml *y, const yaml_node_t *n, const char *what);
/* One of names[count]. */
HG_MUST_CHECK hg_status hg_yaml_choice(size_t *out, hg_yaml *y, const yaml_node_t *n, const char *const names[],
                                       size_t count, const char *what);
/* Is s[len] text that hg_yaml_text takes, but for its length? */
bool hg_yaml_plain(const char *s, size_t len);
#endif
