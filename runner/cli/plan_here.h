/* What a run would do, asked and printed: plan, and run --dry-run. */
#ifndef RUNNER_CLI_PLAN_HERE_H
#define RUNNER_CLI_PLAN_HERE_H

#include "runner/cli/run_flags.h"
#include "runner/engine/plan.h"

int plan_here(struct cli *cli, struct run_flags *flags, const char *pipeline_name);

/* As lines for people; the objects of one extract up to `objects_max`. Pure. */
void plan_render(const struct plan *plan, const struct graph *graph, size_t objects_max,
    const struct cli *styles, struct buffer *buffer);

#endif
