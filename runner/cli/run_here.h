/* A run in this process, from its lease to its summary: run, and trigger where it runs here. */
#ifndef RUNNER_CLI_RUN_HERE_H
#define RUNNER_CLI_RUN_HERE_H

#include "runner/cli/run_flags.h"
#include "runner/engine/run.h"

/* `flags` are completed in place; --record is done. Returns the exit code. */
int run_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name);

/* How a run ended, for whoever compares it. */
struct run_outcome {
    struct error err; /* code ERROR_NONE: it succeeded */
    json_t *end;      /* {"outcome", "error_code", "error", "record", "tables"}: to be released */
};

/* The same of a graph that is there, with an engine that is open. `retry` may be NULL, like
 * `ret_outcome`, with which it is a run that is recorded or replayed. */
int run_here_graph(struct cli *cli, const struct run_flags *flags, const struct graph *graph,
    const struct run_retry *retry, struct run_outcome *ret_outcome);

#endif
