/* cli/suggest.h -- what `hagane suggest` prints: for people, for programs, and as a table to fill in */
#ifndef HG_CLI_SUGGEST_H
#define HG_CLI_SUGGEST_H
#include "cli/campaign.h"

/* For the terminal: a table of suggestions with their reasons, the best so far, the model and its check. */
HG_MUST_CHECK hg_status cli_suggest_words(hg_text *t, const cli_campaign *c, const hg_suggestions *s, hg_arena *arena,
                                          hg_err *err);
/* The keys of hagane.suggest/1, on standard output. */
HG_MUST_CHECK hg_status cli_suggest_json(cli_run *run, const cli_campaign *c, const hg_suggestions *s, hg_err *err);
/* CSV: the suggested rows as they stand in their table, with predictions behind. */
void cli_suggest_csv(hg_text *t, const cli_campaign *c, const hg_suggestions *s);

/* A page about suggestions or a replay (one of them NULL) as a result of the run. */
HG_MUST_CHECK hg_status cli_report_page(cli_run *run, const cli_campaign *c, const hg_suggestions *s,
                                        const hg_replay_result *replay, const char *path, hg_err *err);

/* Input g (a feature group) of a suggestion, as text. */
void cli_suggest_input(hg_text *t, const cli_campaign *c, const hg_suggestions *s, size_t k, size_t g);
#endif
