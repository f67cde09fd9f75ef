/* cli/tables.h -- train, predict and evaluate where the file is a table: the same verbs, another kind of model */
#ifndef HG_CLI_TABLES_H
#define HG_CLI_TABLES_H
#include "cli/run.h"
#include "files/json.h"
#include "hagane/predictor.h"
#include "library/parity.h"

extern const cli_group cli_learn_group; /* --task, --learner, --parts, --single, --budget */

/* With `transfer` the models of the libraries are sources, and what they are worth is said first. */
HG_MUST_CHECK hg_status cli_tables_train(cli_run *run, bool transfer, hg_err *err);
/* Learns, saves in the folder and prints; figure: the file for what the sources are worth, NULL: none. */
HG_MUST_CHECK hg_status cli_tables_learn(cli_run *run, const hg_table *t, const char *target, const char *folder,
                                         const hg_predictor_opts *o, const char *figure, hg_err *err);
/* --again MODEL: as its recipe says, from the table that is given; are the weights the same? */
HG_MUST_CHECK hg_status cli_tables_again(cli_run *run, hg_err *err);
HG_MUST_CHECK hg_status cli_tables_predict(cli_run *run, const char *folder, hg_err *err);
HG_MUST_CHECK hg_status cli_tables_evaluate(cli_run *run, hg_err *err);

typedef struct {
    hg_predictor **p; /* [n] */
    size_t *learned;  /* [n] rows of the table whose composition it has learned from; HG_NOT_TOLD */
    size_t n;
} cli_sources;

/* Models that --from names, with `all` those of the libraries when it names none, as o's sources; one that predicts a column
 * called like the target is warned of, unless it has learned from no composition of t. */
HG_MUST_CHECK hg_status cli_sources_load(cli_sources *s, hg_predictor_opts *o, cli_run *run, const hg_table *t,
                                         const char *target, bool all, hg_err *err);
void cli_sources_free(cli_sources *s); /* s = { 0 } is fine */
/* In words, how many of the rows of the table each has learned from. */
void cli_sources_learned(cli_run *run, const cli_sources *s, size_t rows);
void cli_json_learned(hg_json *j, size_t rows); /* "n_learned"; null: HG_NOT_TOLD */
/* What the sources are worth, and whether they help; nothing where none were offered. */
HG_MUST_CHECK hg_status cli_sources_print(cli_run *run, const hg_predictor *p, hg_err *err);
/* What each source is worth, as a picture in the file. */
HG_MUST_CHECK hg_status cli_sources_figure(cli_run *run, const hg_predictor *p, const char *path, hg_err *err);
void cli_sources_json(hg_json *j, const hg_predictor *p);

/* `evaluate --extrapolate` (cli/tables_far.c) of a table that was read. */
HG_MUST_CHECK hg_status cli_tables_extrapolate(cli_run *run, const hg_table *t, const char *target,
                                               const hg_predictor_opts *o, hg_err *err);
/* `evaluate --curve` (cli/tables_far.c). */
HG_MUST_CHECK hg_status cli_tables_curve(cli_run *run, const hg_table *t, const char *target,
                                         const hg_predictor_opts *o, hg_err *err);
/* Draws what --figure names; nothing without it. HG_EINVAL: there are classes. */
HG_MUST_CHECK hg_status cli_parity(cli_run *run, const hg_parity *p, size_t n, size_t classes, const char *target,
                                   hg_err *err);

/* Keys of a score, and a fold as an object of a list: the same wherever a verb prints them. */
void cli_json_score(hg_json *j, const hg_predictor_score *s, bool classes);
void cli_json_fold(hg_json *j, const hg_fold *f, bool classes);

/* The options of cli_learn_group and cli_inputs_group, for a table that was read. */
HG_MUST_CHECK hg_status cli_learn_read(hg_predictor_opts *o, cli_run *run, const hg_table *t, hg_err *err);
double cli_seconds(void *unused); /* of a monotonic clock */
#endif
