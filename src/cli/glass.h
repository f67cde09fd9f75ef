/* cli/glass.h -- what the parts of `hagane glass` share */
#ifndef HG_CLI_GLASS_H
#define HG_CLI_GLASS_H
#include "cli/run.h"
#include "hagane/figure.h"
#include "library/glass.h"

/* How snapshots are read: --species, --temperature, --label-time. */
HG_MUST_CHECK hg_status cli_glass_opts(hg_snapshot_opts *o, const cli_run *run, hg_err *err);
/* The snapshots of a run, none of which a result may replace. */
HG_MUST_CHECK hg_status cli_glass_set(hg_snapshot_set **out, const char *path, const cli_run *run, hg_err *err);
/* Can a figure be written to a file of that name? *format is left alone for "-" and NULL. */
HG_MUST_CHECK hg_status cli_glass_format(hg_figure_format *format, const char *path, hg_err *err);
/* --model. */
HG_MUST_CHECK hg_status cli_glass_open(hg_glass_model **out, cli_run *run, hg_err *err);
extern const cli_positional cli_glass_snapshots[]; /* SNAPSHOTS */
/* Records of their options. */
#define CLI_GLASS_SPECIES                                                                                              \
    {                                                                                                                  \
        .name = "species", .type = CLI_TEXT, .argument = "LETTERS", .fallback = "AB",                                  \
        .help = "Species of types 1, 2, ... of files that have types."                                                 \
    }
#define CLI_GLASS_TEMPERATURE                                                                                          \
    {                                                                                                                  \
        .name = "temperature", .type = CLI_NUMBER, .argument = "T", .min = 1e-6, .max = 1e3,                           \
        .help = "Of snapshots whose files do not say it."                                                              \
    }
#define CLI_GLASS_LABEL_TIME                                                                                           \
    {                                                                                                                  \
        .name = "label-time", .type = CLI_NUMBER, .argument = "T", .min = 1e-6, .max = 1e12,                           \
        .help = "Of labels whose file does not say it: BOTAN's .npz, whose labels are left out otherwise."             \
    }
#endif
