/* cli/input.h -- tables that a verb reads */
#ifndef HG_CLI_INPUT_H
#define HG_CLI_INPUT_H
#include "cli/run.h"
#include "hagane/csv.h"

/* A table with the verb's options that say how to read it (--missing, --formula), noted in the run record. "-" is standard
 * input. */
HG_MUST_CHECK hg_status cli_table_read(hg_table **out, cli_run *run, const char *path, hg_err *err);

/* The same with columns that are words, whatever they hold; names that are not there are passed over. */
HG_MUST_CHECK hg_status cli_table_read_words(hg_table **out, cli_run *run, const char *path, const char *const *word,
                                             size_t n, hg_err *err);

/* The same with options of the caller's; its hooks are the run's. */
HG_MUST_CHECK hg_status cli_table_read_as(hg_table **out, cli_run *run, const char *path, const hg_csv_opts *o,
                                          hg_err *err);
/* Is it a table, by the file's name? .csv, .tsv or .tab, compressed or not. */
bool cli_is_table(const char *path);

/* What can be read only once: standard input ("-"), a pipe, the <(command) of a shell. Its bytes are read here, so that the
 * run record has the hash of what was used. */
bool cli_is_stream(const char *path);
HG_MUST_CHECK hg_status cli_stream_read(hg_text *t, cli_run *run, const char *path, hg_err *err);
const char *cli_stream_name(const char *path); /* for messages */
#endif
