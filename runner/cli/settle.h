/* Runs as they really are. A process that was killed leaves a run that the state calls running: it
 * is lost, or has succeeded where the catalog has its commit, which alone is the truth. */
#ifndef RUNNER_CLI_SETTLE_H
#define RUNNER_CLI_SETTLE_H

#include "runner/cli/questions.h"

/* Zeroed; settle_ask(), wait, settle_runs() any number of times, settle_deinit(). */
struct settle {
    struct question leases;
    struct question *commits; /* the last settle_runs()'s, whose answers the runs point into */
    size_t commit_count;
};

void settle_ask(struct cli *cli, struct settle *settle); /* for the live leases */

/* The live lease of the run; NULL: none. */
const struct state_lease *settle_lease(const struct settle *settle, const char *run_id);

/* Puts right the outcome, the end, rows and record of those runs that no process is running any
 * more. Where leases cannot be read, runs stay as they are. Waits; the texts live as long as
 * `settle`, until the next call. */
void settle_runs(
    struct cli *cli, struct settle *settle, struct state_run *const *runs, size_t count);

void settle_deinit(struct settle *settle);

#endif
