/* From the options of an environment to what its stores and its state are opened with. */
#ifndef RUNNER_CLI_STORE_SETTINGS_H
#define RUNNER_CLI_STORE_SETTINGS_H

#include "config/environment.h"
#include "connectors/state.h"
#include "connectors/store.h"

/* Made in `arena`; NULL: this type has none. */
const void *store_settings(
    const struct store_type *type, const struct environment *environment, struct arena *arena);
const void *state_settings(
    const struct state_type *type, const struct environment *environment, struct arena *arena);

#endif
