/* A run in this process, from its lease to its summary: run, and trigger where it runs here. */
#ifndef RUNNER_CLI_RUN_HERE_H
#define RUNNER_CLI_RUN_HERE_H

#include "runner/cli/run_flags.h"

/* `flags` are completed in place. Returns the exit code. */
int run_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name);

#endif
