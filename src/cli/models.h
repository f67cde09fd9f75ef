/* cli/models.h -- where the program finds its models: a folder, or the name of one that came with it */
#ifndef HG_CLI_MODELS_H
#define HG_CLI_MODELS_H
#include "cli/run.h"
#include "hagane/model.h"

enum { CLI_MODEL_PATH = 8192 };
/* --model: a folder with a card; else a name in $HAGANE_MODELS, in ../share/hagane/models beside the program's folder,
 * or in the source tree that it was built in. HG_ENOTFOUND lists the names there are. */
HG_MUST_CHECK hg_status cli_model_folder(char path[CLI_MODEL_PATH], const char *word, hg_err *err);
HG_MUST_CHECK hg_status cli_model_load(hg_model **out, const char *word, hg_err *err);

#endif
