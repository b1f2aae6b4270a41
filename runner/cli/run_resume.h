/* `run --resume RUN`: what the history knows of a run takes the place of flags. */
#ifndef RUNNER_CLI_RUN_RESUME_H
#define RUNNER_CLI_RUN_RESUME_H

#include "runner/cli/run_flags.h"

/* Fills in run_id, due_ms and parameters that were not given from the run that flags->resume begins
 * the id of. Else the exit code, and why is printed. */
int run_resume(struct run_flags *flags, struct cli *cli);

/* Whether the pipeline that was loaded is the one that the run was of. */
int run_resume_check(const struct run_flags *flags, const char *pipeline, struct error *err);

#endif
