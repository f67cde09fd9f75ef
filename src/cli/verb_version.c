/* cli/verb_version.c -- `hagane version` */
#include "cli/output.h"
#include "cli/run.h"

static hg_status run_version(cli_run *run, hg_err *err) {
    if (run->json) {
        hg_json j;
        cli_json_begin(&j, run, "version");
        return cli_json_end(run, &j, err);
    }
    hg_text_add(&run->out, "hagane %s\n", hg_version());
    return HG_OK;
}

const cli_verb cli_version_record = {
    .name = "version",
    .summary = "print the version",
    .description = "Prints the version of the program. `hagane doctor` prints those of the libraries too.",
    .json = "schema \"hagane.version/1\": version.",
    .run = run_version,
};
