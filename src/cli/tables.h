/* cli/tables.h -- train, predict and evaluate where the file is a table: the same verbs, another kind of model */
#ifndef HG_CLI_TABLES_H
#define HG_CLI_TABLES_H
#include "cli/run.h"
#include "hagane/predictor.h"

extern const cli_group cli_learn_group; /* --task, --learner, --parts, --single, --budget */

HG_MUST_CHECK hg_status cli_tables_train(cli_run *run, hg_err *err);
HG_MUST_CHECK hg_status cli_tables_predict(cli_run *run, const char *folder, hg_err *err);
HG_MUST_CHECK hg_status cli_tables_evaluate(cli_run *run, hg_err *err);

/* The options of cli_learn_group and cli_inputs_group, for a table that was read. */
HG_MUST_CHECK hg_status cli_learn_read(hg_predictor_opts *o, cli_run *run, const hg_table *t, hg_err *err);
double cli_seconds(void *unused); /* of a monotonic clock */
#endif
