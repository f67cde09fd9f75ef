/* bench/library.c -- the library of models: how long a search among 100,000 cards takes, and opening a pack of 1,000 models
 *
 *   library [--json] [--quick] [--task NAME[.PART]] [--keep FOLDER] [--figure FILE.svg]
 *
 * Task query: 100,000 cards of 45 properties, made up from the seed, in 100 packs; each seventh holds one word. A search
 * asks for a property, a range of its mean absolute error and that word, and takes the best 20. All times are medians, over
 * the 45 properties or over 15 repeats. Task open: a pack of 1,000 models, each with the weights of `qdf2-density` and a card.
 * Both take some 20 s; --quick is the same. --quick of all tasks, at most 5 minutes on two cores, leaves out alloys, crabnet,
 * quasicrystals and transfer.
 *
 *   query_ms_100k        property, range of a metric and word: the best 20 (target 10)
 *   query_worst_ms_100k  the slowest of the 45
 *   rank_ms_100k         a word in each seventh card, ranked: the best 20 (target 40)
 *   index_s_100k         making the index from the cards, once
 *   refresh_ms_100k      opening it again, nothing has changed
 *   open_ms_1000         opening a pack of 1,000 models and reading one card (target 50)
 *   list_ms_1000         the same and an index of all its cards, in memory
 *   verify_mb_per_s      SHA-256 of everything in the pack, 10^6 bytes a second
 */
#include "library_tasks/tasks.h"

static const figures_task TASKS[] = {
    { "query", run_query },       { "open", run_open },          { "predict", run_predict },
    { "ltc", run_ltc },           { "transfer", run_transfer },  { "quasicrystals", run_quasicrystals },
    { "alloys", run_alloys },     { "crabnet", run_crabnet },    { "matbench", run_matbench },
    { "networks", run_networks }, { "campaign", run_campaigns },
};

int main(int argc, char **argv) { return figures_main("library", TASKS, sizeof TASKS / sizeof *TASKS, argc, argv); }
