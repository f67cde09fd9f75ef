/* cli/output.h -- results: standard output, files that appear whole or not at all, JSON, and the run record
 *
 * A verb makes texts and hands them over; nothing is written before the verb has succeeded. cli_commit then writes
 * every file under a temporary name, and only when all are safe on the disk do they take their own names.
 */
#ifndef HG_CLI_OUTPUT_H
#define HG_CLI_OUTPUT_H
#include "cli/run.h"
#include "files/json.h"
#include "files/output.h"

/* The object every verb prints with --json: {"schema": "hagane.<verb>/1", "version": ...} left open. */
void cli_json_begin(hg_json *j, cli_run *run, const char *schema);
HG_MUST_CHECK hg_status cli_json_end(cli_run *run, hg_json *j,
                                     hg_err *err); /* closes it and hands it to standard output */

/* Hands over a result for `path` ("-": standard output), which is copied. */
HG_MUST_CHECK hg_status cli_result(cli_run *run, const char *path, const char *bytes, size_t n, hg_err *err);
/* The same for a long result: written piece by piece with hg_output_write, closed when all is there. The run's, who
 * frees it. */
HG_MUST_CHECK hg_status cli_stream_open(hg_output **out, cli_run *run, const char *path, hg_err *err);
HG_MUST_CHECK hg_status cli_stream_close(cli_run *run, hg_output *stream, hg_err *err);

/* Before any work: no result may replace a file that the run reads, and its folder must exist. */
HG_MUST_CHECK hg_status cli_check_outputs(const cli_args *a, hg_err *err);

/* The same for an input that the options do not name, such as a file of a folder. */
HG_MUST_CHECK hg_status cli_spare(const char *input, const char *output, hg_err *err);

/* Notes an input file and its hash. bytes NULL: the file is read again to be hashed. */
HG_MUST_CHECK hg_status cli_input(cli_run *run, const char *path, const char *bytes, size_t n, hg_err *err);

HG_MUST_CHECK hg_status cli_record_new(cli_record **out, const cli_run *run, char **word, size_t n, hg_err *err);
/* Writes all results and the run record. */
HG_MUST_CHECK hg_status cli_commit(cli_run *run, hg_err *err);
void cli_results_free(cli_run *run); /* in any case; removes temporary files of a run that failed */
#endif
