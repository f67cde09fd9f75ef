/* cli/input.h -- tables that a verb reads */
#ifndef HG_CLI_INPUT_H
#define HG_CLI_INPUT_H
#include "cli/run.h"
#include "hagane/table.h"

/* A table with the verb's options that say how to read it (--missing, --formula), noted in the run record. "-" is standard
 * input. */
HG_MUST_CHECK hg_status cli_table_read(hg_table **out, cli_run *run, const char *path, hg_err *err);
#endif
