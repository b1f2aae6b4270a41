/* From the options of an environment to what its stores are opened with. */
#ifndef RUNNER_CLI_STORE_SETTINGS_H
#define RUNNER_CLI_STORE_SETTINGS_H

#include "config/environment.h"
#include "connectors/store.h"

/* Made in `arena`; NULL: this type has none. */
const void *store_settings(
    const struct store_type *type, const struct environment *environment, struct arena *arena);

/* How many connections `s3:` asks for: `concurrency`, else one for each 0.4 Gb/s of
 * `throughput_target_gbps` (10 … 4096), else 64. Pure. */
unsigned store_settings_connections(const struct s3_config *s3);

#endif
