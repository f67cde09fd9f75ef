/* tests/support/json.h -- a strict reader of JSON (RFC 8259) for tests: is it valid, and what stands where?
 *
 * Paths are keys and array places joined by dots: "suggestions.0.neighbours.2.row".
 */
#ifndef HG_TEST_JSON_H
#define HG_TEST_JSON_H
#include <stdbool.h>
#include <stddef.h>

bool json_valid(const char *text);                 /* one value and blanks, nothing else; no duplicate keys */
bool json_has(const char *text, const char *path); /* null counts */
bool json_is_null(const char *text, const char *path);
double json_number(const char *text, const char *path); /* NaN when there is none */
size_t json_length(const char *text, const char *path); /* of an array or object; SIZE_MAX when there is none */
/* The text of a string (escapes as written) in buf; "" when there is none. */
const char *json_string(char *buf, size_t size, const char *text, const char *path);
#endif
