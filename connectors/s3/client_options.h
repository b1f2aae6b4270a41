/* What a client's options leave open, filled in: client.h says from where. For client.c alone. */
#ifndef CONNECTORS_S3_CLIENT_OPTIONS_H
#define CONNECTORS_S3_CLIENT_OPTIONS_H

#include "connectors/s3/client.h"
#include "runner/base/arena.h"

/* Environment and profile, then the defaults; all texts are copied into `arena`. ERROR_INVALID
 * names the option, the variable or the property that cannot be used, and quotes no password. */
int s3_client_options_fill(
    struct s3_client_options *options, struct arena *arena, struct error *err);

/* "eu-west-1": by its characters; whether there is such a region nobody knows. */
bool s3_region_valid(const char *region);

#endif
