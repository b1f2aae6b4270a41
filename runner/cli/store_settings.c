#include "runner/cli/store_settings.h"

#include "connectors/http/http_store.h"
#include "connectors/s3/s3_store.h"
#include "runner/base/mem.h"
#include "runner/cli/s3_settings.h"

#include <string.h>

static const void *settings_of_s3(const struct s3_config *s3, struct arena *arena)
{
    struct s3_store_settings *settings = arena_new(arena, struct s3_store_settings);

    s3_settings(s3, &settings->client);
    s3_settings_object(s3, arena, &settings->objects);
    return settings;
}

const void *store_settings(
    const struct store_type *type, const struct environment *environment, struct arena *arena)
{
    struct http_store_settings *http;

    if (strcmp(type->scheme, "s3") == 0)
        return settings_of_s3(&environment->s3, arena);
    if (strcmp(type->scheme, "http") != 0 && strcmp(type->scheme, "https") != 0)
        return NULL;
    http = arena_new(arena, struct http_store_settings);
    http->ca_file = environment->http.ca_file;
    return http;
}

const void *state_settings(
    const struct state_type *type, const struct environment *environment, struct arena *arena)
{
    return strcmp(type->scheme, "s3") == 0 ? settings_of_s3(&environment->s3, arena) : NULL;
}
