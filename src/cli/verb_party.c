/* cli/verb_party.c -- `hagane party`: the family of verbs for data that several owners keep secret from each other */
#include "cli/run.h"

static const cli_example EXAMPLES[] = {
    { "hagane help party serve", "everything about one part" },
    { .command = NULL },
};
const cli_verb cli_party_record = {
    .name = "party",
    .summary = "several owners' secret data on three servers: set up, serve, share, audit",
    .description =
        "Three servers of three organisations compute together on data that none of them can read. Owners cut their "
        "measurements into shares, one for each server; a user asks with `hagane suggest --parties` what to measure next. "
        "No server, no owner and no user ever sees a value of another owner. Two servers that put their shares together "
        "would: they must belong to different organisations.\n\n"
        "The parts below set up the servers, agree on what may be computed, hand in and withdraw data, and check "
        "afterwards what was done.",
    .examples = EXAMPLES,
    .json = "Each part has its own object.",
};
