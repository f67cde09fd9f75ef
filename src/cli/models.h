/* cli/models.h -- where the program finds its models: a folder, or the name of one that came with it */
#ifndef HG_CLI_MODELS_H
#define HG_CLI_MODELS_H
#include "cli/run.h"
#include "hagane/model.h"

enum { CLI_MODEL_PATH = 8192, CLI_LIBRARIES = 3 };
/* --model: a folder with a card; else a name in $HAGANE_MODELS, in ../share/hagane/models beside the program's folder,
 * or in the source tree that it was built in, of a folder there or in a pack; or "PACK.hgpack/NAME". A model in a pack is
 * unpacked for the time of the run. HG_ENOTFOUND tells the nearest names. */
HG_MUST_CHECK hg_status cli_model_folder(char path[CLI_MODEL_PATH], const char *word, hg_err *err);
HG_MUST_CHECK hg_status cli_model_load(hg_model **out, const char *word, hg_err *err);

/* At the end of the run: removes what was unpacked. */
void cli_models_forget(void);

/* The libraries there are: the one that --library names, else those of above that exist. The paths live as long as the
 * run. HG_ENOTFOUND: none. */
HG_MUST_CHECK hg_status cli_libraries(const char *path[CLI_LIBRARIES], size_t *n, cli_run *run, hg_err *err);
/* The library to change: --library, else $HAGANE_MODELS. HG_EINVAL: neither was given. */
HG_MUST_CHECK hg_status cli_library(const char **path, const cli_run *run, hg_err *err);
/* A record of --library. */
#define CLI_LIBRARY(words)                                                                                             \
    { .name = "library", .letter = 'L', .type = CLI_TEXT, .argument = "PATH", .help = words }

#endif
