/* What a run that failed a check left to be looked at: as a list, and its rows. */
#ifndef RUNNER_CLI_RUN_STAGED_H
#define RUNNER_CLI_RUN_STAGED_H

#include "runner/cli/adhoc.h"

/* What is staged; an error where nothing is. Returns the exit code. */
int run_staged_list(struct cli *cli, const struct state_run *run);

/* The rows of one dataset. */
int run_staged_read(struct cli *cli, const struct state_run *run, const char *dataset,
    const struct adhoc_options *options);

/* One line about it for `runs show`: "3 rows of b, until 2026-11-22T21:31:54Z"; NULL where nothing
 * is staged. In the command's arena. */
const char *run_staged_says(struct cli *cli, const struct state_run *run);

#endif
