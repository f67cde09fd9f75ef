/* cli/glass.h -- what the parts of `hagane glass` share */
#ifndef HG_CLI_GLASS_H
#define HG_CLI_GLASS_H
#include "cli/run.h"
#include "library/glass.h"

/* How snapshots are read: --species, --temperature. */
HG_MUST_CHECK hg_status cli_glass_opts(hg_snapshot_opts *o, const cli_run *run, hg_err *err);
/* --model. */
HG_MUST_CHECK hg_status cli_glass_open(hg_glass_model **out, cli_run *run, hg_err *err);
#endif
