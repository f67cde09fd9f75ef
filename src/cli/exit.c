/* cli/exit.c -- what the program's exit status means: the one table, and which status of the library gives which */
#include "cli/run.h"

enum {
    CODE_OK = 0,
    CODE_FAILED = 1,
    CODE_USAGE = 2,
    CODE_DATA = 3,
    CODE_LIMIT = 4,
    CODE_REMOTE = 5,
    CODE_STOPPED = 130
};

static const cli_exit TABLE[] = {
    { CODE_OK, "success" },
    { CODE_FAILED, "failed: a file cannot be opened or written, or memory ran out" },
    { CODE_USAGE, "usage: an unknown verb or option, or a value out of its range" },
    { CODE_DATA, "bad input data: the message names the file, line and column" },
    { CODE_LIMIT, "a calculation did not converge, or a stated limit was reached" },
    { CODE_REMOTE, "another party failed, refused or cheated" },
    { CODE_STOPPED, "interrupted (SIGINT or SIGTERM); no result was written" },
    { 0, NULL },
};

static const int OF_STATUS[HG_STATUS_COUNT] = {
    [HG_OK] = CODE_OK,         [HG_EINVAL] = CODE_USAGE,    [HG_ENOMEM] = CODE_FAILED, [HG_EIO] = CODE_FAILED,
    [HG_EPARSE] = CODE_DATA,   [HG_EDATA] = CODE_DATA,      [HG_ENAN] = CODE_DATA,     [HG_ENOTFOUND] = CODE_DATA,
    [HG_ENOTPD] = CODE_LIMIT,  [HG_ENOTCONV] = CODE_LIMIT,  [HG_ELIMIT] = CODE_LIMIT,  [HG_ECANCEL] = CODE_STOPPED,
    [HG_EPARTY] = CODE_REMOTE, [HG_EREFUSED] = CODE_REMOTE, [HG_ECHEAT] = CODE_REMOTE,
};

const cli_exit *cli_exit_table(void) { return TABLE; }

int cli_exit_code(hg_status st) { return (unsigned)st < HG_STATUS_COUNT ? OF_STATUS[st] : CODE_FAILED; }
