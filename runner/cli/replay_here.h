/* run --replay: a recorded run once more, in a project of its own: its stores answer from the
 * recording, and what it commits and writes goes into a folder that is removed, or kept. */
#ifndef RUNNER_CLI_REPLAY_HERE_H
#define RUNNER_CLI_REPLAY_HERE_H

#include "runner/cli/run_flags.h"

/* flags->replay is the recording, flags->keep the folder (NULL: one that is removed).
 * `pipeline_name` NULL: with the pipeline as it was recorded; else as it is now in this project.
 * Returns the exit code of the run, 1 where it ended otherwise than recorded. */
int replay_here(struct cli *cli, const struct run_flags *flags, const char *pipeline_name);

#endif
