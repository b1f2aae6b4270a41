/* run --record: a run in this process, with all that it reads kept in a folder. */
#ifndef RUNNER_CLI_RECORD_HERE_H
#define RUNNER_CLI_RECORD_HERE_H

#include "runner/cli/run_flags.h"

/* As run_here(); flags->record is the folder.
 *
 * The recording's first line, beside what connectors/recorded/recording.h says: sluice, pipeline,
 * path, root, environment, instance, run_id, due, recorded, params, tasks, variables (of the
 * process's environment, as far as the pipeline asks for them), secret (names of those whose values
 * are left out), vars, files [{path, sha256, bytes, original}]: the pipeline's, then its
 * sql_files, with what they were before secrets were taken out; config (the SHA-256 of sluice.yaml)
 * and catalog {sha256, bytes}: what the pipeline saw of it. The last one: end: run_outcome's. */
int record_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name);

#endif
