/* One run in full, from its line in the history and the record that it wrote about itself. */
#ifndef RUNNER_CLI_RUN_SHOW_H
#define RUNNER_CLI_RUN_SHOW_H

#include "connectors/state.h"
#include "runner/cli/cli.h"

void run_show(struct cli *cli, const struct state_run *run);

#endif
