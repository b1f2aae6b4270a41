/* What a run's result depends on besides the pipeline's files: the settings of sluice.yaml that
 * count, as they are once they are filled in, and the variables of the process's environment that
 * the pipeline names, as digests, so that nothing secret gets into a plan. */
#ifndef RUNNER_ENGINE_SEAL_SETTINGS_H
#define RUNNER_ENGINE_SEAL_SETTINGS_H

#include "runner/base/json.h"
#include "runner/engine/engine.h"
#include "runner/engine/graph.h"

/* New reference: {"store": SHA-256, "vars.lake": …, "env.TOKEN": …}; what is not set is not there.
 * `text`: the pipeline's file. */
json_t *seal_settings(const struct engine *engine, const struct graph *graph, const char *text);

#endif
