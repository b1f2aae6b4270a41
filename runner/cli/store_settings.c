#include "runner/cli/store_settings.h"

#include "connectors/http/http_store.h"
#include "connectors/s3/s3_store.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <string.h>

enum { CONNECTIONS_PRESET = 64, CONNECTIONS_MIN = 10, CONNECTIONS_MAX = 4096 };

/* What one connection to S3 carries. */
static const double connection_gbps = 0.4;

unsigned store_settings_connections(const struct s3_config *s3)
{
    double wanted = s3->throughput_target_gbps / connection_gbps;

    if (s3->concurrency > 0)
        return (unsigned)s3->concurrency;
    if (s3->throughput_target_gbps <= 0)
        return CONNECTIONS_PRESET;
    wanted = MIN(MAX(wanted, (double)CONNECTIONS_MIN), (double)CONNECTIONS_MAX);
    return (unsigned)wanted + (wanted > (unsigned)wanted);
}

static enum s3_addressing addressing_of(const char *name)
{
    if (text_equal(name, "virtual"))
        return S3_ADDRESSING_VIRTUAL;
    return text_equal(name, "path") ? S3_ADDRESSING_PATH : S3_ADDRESSING_AUTO;
}

static enum s3_checksums checksums_of(const char *name)
{
    if (text_equal(name, "when_supported"))
        return S3_CHECKSUMS_WHEN_SUPPORTED;
    return text_equal(name, "when_required") ? S3_CHECKSUMS_WHEN_REQUIRED : S3_CHECKSUMS_AUTO;
}

static const struct s3_pair *pairs_of(const struct option_pairs *pairs, struct arena *arena)
{
    struct s3_pair *result = arena_array(arena, pairs->count, sizeof(*result));

    for (size_t i = 0; i < pairs->count; i++)
        result[i] = (struct s3_pair){pairs->items[i].name, pairs->items[i].value};
    return result;
}

static const void *s3_settings(const struct s3_config *s3, struct arena *arena)
{
    struct s3_store_settings *settings = arena_new(arena, struct s3_store_settings);

    settings->client = (struct s3_client_options){
        .region = s3->region,
        .profile = s3->profile,
        .endpoint = s3->endpoint,
        .ca_file = s3->ca_file,
        .addressing = addressing_of(s3->addressing),
        .dual_stack = s3->dual_stack,
        .fips = s3->fips,
        .accelerate = s3->accelerate,
        .unsigned_access = s3->unsigned_access,
        .requester_pays = s3->requester_pays,
        .request_checksums = checksums_of(s3->checksums),
        .response_checksums = checksums_of(s3->checksums),
        .part_bytes = s3->part_size,
        .memory_bytes = s3->memory,
        .concurrency = store_settings_connections(s3),
    };
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
        return s3_settings(&environment->s3, arena);
    if (strcmp(type->scheme, "http") != 0 && strcmp(type->scheme, "https") != 0)
        return NULL;
    http = arena_new(arena, struct http_store_settings);
    http->ca_file = environment->http.ca_file;
    return http;
}
