/* cli/campaign_models.h -- `suggest --model NAME`: what models of the library say of measured rows and candidates */
#ifndef HG_CLI_CAMPAIGN_MODELS_H
#define HG_CLI_CAMPAIGN_MODELS_H
#include "cli/campaign.h"

const char *cli_models_as_name(size_t i); /* choices of --model-as; NULL past the last */
/* Predicts the rows of c's tables by the models that --model names, each as a column of its own; nothing without them. Without
 * --model-as they are the prior mean until cli_campaign_suggest decides. */
HG_MUST_CHECK hg_status cli_campaign_models(cli_campaign *c, cli_run *run, hg_err *err);
/* As hg_suggest. Where --model-as leaves it open the models are tried as prior mean, as inputs and not at all, and what leaves the highest
 * leave-one-out likelihood of the measured values is taken and said. */
HG_MUST_CHECK hg_status cli_campaign_suggest(hg_suggestions **out, cli_campaign *c, cli_run *run, hg_err *err);
#endif
