/* The verdicts of a report, for people and as JSON. */
#ifndef RUNNER_CLI_HEALTH_PRINT_H
#define RUNNER_CLI_HEALTH_PRINT_H

#include "runner/cli/health_facts.h"

/* `verdicts`: one a subject. */
json_t *health_to_json(
    const struct cli *cli, const struct health_report *report, const struct health *verdicts);
void health_print(
    const struct cli *cli, const struct health_report *report, const struct health *verdicts);

/* The worst of them; healthy where there are none. */
enum health_status health_overall(const struct health *verdicts, size_t count);

#endif
