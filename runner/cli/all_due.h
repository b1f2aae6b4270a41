/* `sluice run --all-due`: every pipeline of the project that is due. */
#ifndef RUNNER_CLI_ALL_DUE_H
#define RUNNER_CLI_ALL_DUE_H

#include "runner/cli/run_flags.h"

int all_due_run(struct cli *cli, const struct run_flags *flags);

#endif
