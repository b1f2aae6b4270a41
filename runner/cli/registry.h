/* The one place that names concrete connectors. */
#ifndef RUNNER_CLI_REGISTRY_H
#define RUNNER_CLI_REGISTRY_H

#include "runner/engine/engine.h"

extern const struct engine_registry registry;

/* The same without what is in a network: its stores are refused, and nothing is posted. */
extern const struct engine_registry registry_offline;

#endif
