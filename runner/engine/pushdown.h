/* What an extract from a table need not read. Pure. */
#ifndef RUNNER_ENGINE_PUSHDOWN_H
#define RUNNER_ENGINE_PUSHDOWN_H

#include "runner/engine/graph.h"
#include "runner/engine/plan.h"

/* The conditions that every reader of the extract's rows asks of them, with the values of
 * parameters: those of the one SELECT that reads it. None where something else reads its rows too
 * (a load, a second transform, a check), where its rows are asked for themselves (that SELECT is
 * not `wanted`), where a cursor reads them, and where the SELECT joins. `tasks` as in struct plan.
 * Texts are the pipeline's, or in `arena`. */
void pushdown_conditions(const struct graph *graph, const struct plan_task *tasks,
    const struct graph_node *extract, struct arena *arena,
    const struct sql_condition **ret_conditions, size_t *ret_count);

#endif
