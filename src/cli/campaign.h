/* cli/campaign.h -- the options and inputs that suggest, replay and report share: tables, goal, inputs, model */
#ifndef HG_CLI_CAMPAIGN_H
#define HG_CLI_CAMPAIGN_H
#include "cli/run.h"
#include "hagane/space.h"
#include "hagane/suggest.h"

extern const cli_group cli_goal_group, cli_pool_group, cli_inputs_group, cli_model_group;

const char *cli_descriptor_name(size_t i); /* choices of --descriptor; NULL past the last */

/* A table as cli_table_read has it, whose columns that --category names are words. HG_ENOTFOUND: there is no such column. */
HG_MUST_CHECK hg_status cli_inputs_table(hg_table **out, cli_run *run, const char *path, hg_err *err);
/* The options of cli_inputs_group: which columns of t to learn from, and how. Texts last as long as the run. */
HG_MUST_CHECK hg_status cli_inputs_read(hg_features_opts *f, cli_run *run, const hg_table *t, hg_err *err);

enum { CLI_MAX_REQUIRE = 8, CLI_MAX_MODELS = 8 };

typedef struct {
    hg_table *measured, *candidates; /* candidates NULL: rows of measured with a blank target */
    hg_space *space;
    hg_objective objective[3];
    hg_requirement require[CLI_MAX_REQUIRE];
    const char *model[CLI_MAX_MODELS]; /* columns of both tables: what models of the library say */
    size_t n_models;
    char models_said[200];    /* what they are used for, and why; "": that was not left open */
    hg_features_opts as_read; /* inputs before the models became some */
    hg_suggest_opts opts;     /* points into this struct and the run's arena */
} cli_campaign;

/* Reads the tables (and notes their hashes) and turns the options into *c. Close it in any case. */
HG_MUST_CHECK hg_status cli_campaign_open(cli_campaign *c, cli_run *run, hg_err *err);
void cli_campaign_close(cli_campaign *c);
/* The measured column of objective o. */
const hg_column *cli_campaign_target(const cli_campaign *c, size_t o);
/* The table a suggestion's row belongs to; NULL for a point of a space. */
const hg_table *cli_campaign_pool(const cli_campaign *c);
#endif
