/* The checks of a run as its record has them, for people: a table of all, then rows that offend
 * those that did not hold. */
#ifndef RUNNER_CLI_RUN_CHECKS_H
#define RUNNER_CLI_RUN_CHECKS_H

#include "runner/cli/cli.h"

#include <jansson.h>

/* `tasks`: those of the record. Nothing where none of them was checked. */
void run_checks_print(const struct cli *cli, const json_t *tasks);

#endif
