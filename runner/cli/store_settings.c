#include "runner/cli/store_settings.h"

#include "connectors/http/http_store.h"
#include "connectors/s3/s3_store.h"
#include "runner/base/mem.h"
#include "runner/cli/s3_settings.h"

#include <string.h>

static const struct s3_pair *pairs_of(const struct option_pairs *pairs, struct arena *arena)
{
    struct s3_pair *result = arena_array(arena, pairs->count, sizeof(*result));

    for (size_t i = 0; i < pairs->count; i++)
        result[i] = (struct s3_pair){pairs->items[i].name, pairs->items[i].value};
    return result;
}

static const void *settings_of_s3(const struct s3_config *s3, struct arena *arena)
{
    struct s3_store_settings *settings = arena_new(arena, struct s3_store_settings);

    s3_settings(s3, &settings->client);
    settings->objects = (struct s3_object_options){
        .storage_class = s3->storage_class,
        .sse = s3->sse,
        .sse_kms_key_id = s3->sse_kms_key_id,
        .tags = pairs_of(&s3->tags, arena),
        .tag_count = s3->tags.count,
        .metadata = pairs_of(&s3->metadata, arena),
        .metadata_count = s3->metadata.count,
    };
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
