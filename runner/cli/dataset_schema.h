/* The columns that a dataset of a pipeline has, found out as a preview finds its rows: what it
 * needs is read and run, nothing is committed. */
#ifndef RUNNER_CLI_DATASET_SCHEMA_H
#define RUNNER_CLI_DATASET_SCHEMA_H

#include "runner/cli/cli.h"
#include "runner/cli/run_flags.h"

/* The exit code; errors are printed. The schema lives in the command's arena. The engine must be
 * open. */
int dataset_schema_ask(struct cli *cli, const struct graph *graph, const struct run_flags *flags,
    const char *dataset, struct sql_schema *ret_schema);

#endif
