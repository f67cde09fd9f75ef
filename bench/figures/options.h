/* bench/figures/options.h -- what programs of bench/ share that are of one task: the words of their command line, and the head of their JSON */
#ifndef HG_BENCH_OPTIONS_H
#define HG_BENCH_OPTIONS_H
#include "files/json.h"
#include <stdbool.h>
#include <stddef.h>

/* One of the three is not NULL: what the word sets, or what takes the whole number or the text behind it. */
typedef struct {
    const char *word;
    bool *set;
    size_t *count;
    const char **text;
} bench_option;

/* Reads argv by option[n]; what is not among them ends the program with the form of it. */
void bench_options(const bench_option *option, size_t n, int argc, char **argv);
#define BENCH_OPTIONS(options, argc, argv) bench_options(options, sizeof(options) / sizeof *(options), argc, argv)

/* {"bench": name, "schema": 1 ... on standard output, on one line; the caller ends the object. */
void bench_json_begin(hg_json *j, const char *name);
#endif
