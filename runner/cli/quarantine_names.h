/* Tables of quarantined rows are named by pipeline and dataset, less what a table's name cannot
 * have: two pipelines whose rows would meet by that are told before anything is written. */
#ifndef RUNNER_CLI_QUARANTINE_NAMES_H
#define RUNNER_CLI_QUARANTINE_NAMES_H

#include "runner/base/table.h"
#include "runner/cli/cli.h"

/* Tables so far → whose they are. Zeroed but for cli and problems. */
struct quarantine_names {
    struct cli *cli;
    struct diagnostics *problems;
    struct table owners;
};

void quarantine_names_init(
    struct quarantine_names *names, struct cli *cli, struct diagnostics *problems);
void quarantine_names_deinit(struct quarantine_names *names);

/* An error for each table of the graph that another pipeline has; those of one name are none. */
void quarantine_names_add(struct quarantine_names *names, const struct graph *graph);

/* The graph's tables against those of all other pipelines of the project's folder. Reads these only
 * where it has any; one that is broken has none. */
int quarantine_names_check(struct cli *cli, const struct graph *graph, struct error *err);

#endif
