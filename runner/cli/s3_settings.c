#include "runner/cli/s3_settings.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

enum { CONNECTIONS_PRESET = 64, CONNECTIONS_MIN = 10, CONNECTIONS_MAX = 4096 };

/* What one connection to S3 carries. */
static const double connection_gbps = 0.4;

unsigned s3_settings_connections(const struct s3_config *s3)
{
    double wanted = s3->throughput_target_gbps / connection_gbps;

    if (s3->concurrency > 0)
        return (unsigned)s3->concurrency;
    if (s3->throughput_target_gbps <= 0)
        return CONNECTIONS_PRESET;
    wanted = MIN(MAX(wanted, (double)CONNECTIONS_MIN), (double)CONNECTIONS_MAX);
    return (unsigned)wanted + (wanted > (unsigned)wanted);
}

enum s3_addressing s3_settings_addressing(const char *name)
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

void s3_settings(const struct s3_config *s3, struct s3_client_options *options)
{
    options->region = s3->region;
    options->profile = s3->profile;
    options->endpoint = s3->endpoint;
    options->ca_file = s3->ca_file;
    options->addressing = s3_settings_addressing(s3->addressing);
    options->dual_stack = s3->dual_stack;
    options->fips = s3->fips;
    options->accelerate = s3->accelerate;
    options->unsigned_access = s3->unsigned_access;
    options->requester_pays = s3->requester_pays;
    options->request_checksums = options->response_checksums = checksums_of(s3->checksums);
    options->part_bytes = s3->part_size;
    options->memory_bytes = s3->memory;
    options->concurrency = s3_settings_connections(s3);
}

const struct s3_pair *s3_settings_pairs(const struct option_pairs *pairs, struct arena *arena)
{
    struct s3_pair *result = arena_array(arena, pairs->count, sizeof(*result));

    for (size_t i = 0; i < pairs->count; i++)
        result[i] = (struct s3_pair){pairs->items[i].name, pairs->items[i].value};
    return result;
}

void s3_settings_object(
    const struct s3_config *s3, struct arena *arena, struct s3_object_options *ret_object)
{
    *ret_object = (struct s3_object_options){
        .storage_class = s3->storage_class,
        .sse = s3->sse,
        .sse_kms_key_id = s3->sse_kms_key_id,
        .tags = s3_settings_pairs(&s3->tags, arena),
        .tag_count = s3->tags.count,
        .metadata = s3_settings_pairs(&s3->metadata, arena),
        .metadata_count = s3->metadata.count,
    };
}
