/* cli/suggest_parties.h -- `hagane suggest --parties`: the same question to three servers that see no data */
#ifndef HG_CLI_SUGGEST_PARTIES_H
#define HG_CLI_SUGGEST_PARTIES_H
#include "cli/run.h"

extern const cli_group cli_parties_group; /* --parties, --project, --identity, --dry-run ... */
/* All of the verb when --parties is given. */
HG_MUST_CHECK hg_status cli_suggest_parties(cli_run *run, hg_err *err);
#endif
