/* A run in this process, from its lease to its summary: run, and trigger where it runs here. */
#ifndef RUNNER_CLI_RUN_HERE_H
#define RUNNER_CLI_RUN_HERE_H

#include "runner/cli/run_flags.h"
#include "runner/engine/run.h"

/* `flags` are completed in place. Returns the exit code. */
int run_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name);

/* The same of a graph that is there, with an engine that is open. `retry` may be NULL. */
int run_here_graph(struct cli *cli, const struct run_flags *flags, const struct graph *graph,
    const struct run_retry *retry);

#endif
