/* cli/party.h -- what the parts of `hagane party` share: who I am, who the servers are, secrets of the operator */
#ifndef HG_CLI_PARTY_H
#define HG_CLI_PARTY_H
#include "cli/run.h"
#include "hagane/party.h"
#include "party/cluster.h"
#include "party/identity.h"
#include "party/store.h"

extern const cli_group cli_member_group;  /* --cluster, --identity, --passphrase-file, --wait */
extern const cli_group cli_project_group; /* --project */

/* Options that several parts have: what each of them is stands here once, each part adds its words. */
#define CLI_PARTY_PROJECT(words)                                                                                       \
    { .name = "project", .type = CLI_TEXT, .argument = "NAME", .help = words }
#define CLI_PARTY_CLUSTER(words)                                                                                       \
    { .name = "cluster", .type = CLI_INPUT, .argument = "FILE", .help = words }
#define CLI_PARTY_IDENTITY(words)                                                                                      \
    { .name = "identity", .type = CLI_INPUT, .argument = "FOLDER", .help = words }
#define CLI_PARTY_PASSPHRASE(words)                                                                                    \
    { .name = "passphrase-file", .type = CLI_INPUT, .argument = "FILE", .help = words }
#define CLI_PARTY_WAIT(words)                                                                                          \
    {                                                                                                                  \
        .name = "wait", .type = CLI_NUMBER, .argument = "S", .min = 0, .max = 86400, .unit = "seconds",                \
        .fallback = "0: fail at once", .help = words                                                                   \
    }
#define CLI_PARTY_DAYS(most, usual, words)                                                                             \
    {                                                                                                                  \
        .name = "days", .type = CLI_INTEGER, .argument = "N", .min = 1, .max = most, .unit = "days",                   \
        .fallback = usual, .help = words                                                                               \
    }
#define CLI_PARTY_KEY_FILE(words)                                                                                      \
    {                                                                                                                  \
        .name = "key-file", .type = CLI_INPUT, .argument = "FILE",                                                     \
        .fallback = "the environment variable HAGANE_PARTY_KEY", .help = words                                         \
    }

/* A passphrase file's first line into the run's arena; *n = 0 and NULL without --passphrase-file. */
HG_MUST_CHECK hg_status cli_passphrase(const void **bytes, size_t *n, cli_run *run, hg_err *err);
/* A member from --cluster and --identity, both required. */
HG_MUST_CHECK hg_status cli_party_open(hg_party **out, cli_run *run, hg_err *err);
/* The folder for what is under way, <identity>/outbox, made when it is not there. */
HG_MUST_CHECK hg_status cli_outbox(const char **path, cli_run *run, hg_err *err);
/* --project, required. */
HG_MUST_CHECK hg_status cli_project(const char **name, const cli_run *run, hg_err *err);
/* The master key of a server's store: --key-file, or HAGANE_PARTY_KEY. Wipe it. */
HG_MUST_CHECK hg_status cli_master_key(unsigned char key[HG_MASTER_KEY], const cli_run *run, hg_err *err);
/* A server's store in folder/store, made anew or as it is: identity, cluster and the master key say whose. */
HG_MUST_CHECK hg_status cli_store_open(hg_store **out, const char *folder, const hg_identity *id, const hg_cluster *c,
                                       bool create, const cli_run *run, hg_err *err);
/* A whole file of at most `most` bytes, noted as an input of the run. */
HG_MUST_CHECK hg_status cli_read_whole(hg_text *to, cli_run *run, const char *path, size_t most, hg_err *err);
#endif
