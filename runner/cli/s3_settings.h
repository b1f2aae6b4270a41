/* From the `s3:` options of an environment to what a client of S3 is opened with. */
#ifndef RUNNER_CLI_S3_SETTINGS_H
#define RUNNER_CLI_S3_SETTINGS_H

#include "config/environment.h"
#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/arena.h"

/* Sets what the options say; loop, log, lane and the rest stay as they are. Texts are the
 * environment's. */
void s3_settings(const struct s3_config *s3, struct s3_client_options *options);

/* What objects that are written have beside their bytes. What has to be made lives in `arena`. */
void s3_settings_object(
    const struct s3_config *s3, struct arena *arena, struct s3_object_options *ret_object);
const struct s3_pair *s3_settings_pairs(const struct option_pairs *pairs, struct arena *arena);

/* "auto", "virtual", "path"; NULL is auto. */
enum s3_addressing s3_settings_addressing(const char *name);

/* How many connections `s3:` asks for: `concurrency`, else one for each 0.4 Gb/s of
 * `throughput_target_gbps` (10 … 4096), else 64. Pure. */
unsigned s3_settings_connections(const struct s3_config *s3);

#endif
