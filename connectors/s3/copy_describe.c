#include "connectors/s3/copy_private.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/answers.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *s3_copy_source(const struct s3_copy *copy, struct arena *arena)
{
    const bool is_arn = text_starts(copy->from_bucket, "arn:");
    const char *result;
    struct buffer text;

    buffer_init(&text, 0);
    sigv4_encode(copy->from_bucket, strlen(copy->from_bucket), true, &text);
    buffer_puts(&text, is_arn ? "/object/" : "/");
    sigv4_encode(copy->from_key, strlen(copy->from_key), true, &text);
    if (copy->from_version_id) {
        buffer_puts(&text, "?versionId=");
        sigv4_encode(copy->from_version_id, strlen(copy->from_version_id), false, &text);
    }
    result = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return result;
}

void s3_copy_describe(struct s3_copy_operation *operation)
{
    const struct s3_copy *copy = operation->copy;
    struct s3_object_options *object = &operation->object;

    if (copy->options)
        *object = *copy->options;
    if (!copy->replace_metadata) {
        object->content_type = object->content_encoding = object->content_disposition = NULL;
        object->content_language = object->cache_control = object->expires = NULL;
        object->metadata = NULL;
        object->metadata_count = 0;
    }
    if (!copy->replace_tags) {
        object->tags = NULL;
        object->tag_count = 0;
    }
}

static const char *keep_header(struct s3_copy_operation *operation, const char *name)
{
    const char *value = s3_call_header(&operation->call, name);

    return value && value[0] ? arena_strdup(&operation->arena, value) : NULL;
}

static void take_metadata(struct s3_copy_operation *operation)
{
    static const char prefix[] = "x-amz-meta-";
    struct s3_pair *pairs =
        arena_array(&operation->arena, S3_METADATA_MAX + 1, sizeof(struct s3_pair));
    struct http_header header;
    size_t count = 0;

    for (size_t i = 0; s3_call_header_at(&operation->call, i, &header); i++) {
        if (strncasecmp(header.name, prefix, strlen(prefix)) != 0 || count > S3_METADATA_MAX)
            continue; /* one more than there may be is an error, later */
        pairs[count++] = (struct s3_pair){
            .name = arena_strdup(&operation->arena, header.name + strlen(prefix)),
            .value = arena_strdup(&operation->arena, header.value),
        };
    }
    operation->object.metadata = pairs;
    operation->object.metadata_count = count;
}

int s3_copy_take_head(struct s3_copy_operation *operation, struct error *err)
{
    struct s3_object_options *object = &operation->object;
    const char *length = s3_call_header(&operation->call, "Content-Length");
    const char *wanted = operation->copy->from_etag;

    operation->source_etag = keep_header(operation, "ETag");
    if (!length || !isdigit((unsigned char)length[0]) || !operation->source_etag)
        return error_set(
            err, ERROR_DATA, "the answer has no length or no ETag: is that an S3 server?");
    if (wanted && !text_equal(wanted, operation->source_etag))
        return error_set(err, ERROR_CHANGED,
            "the object has changed: its ETag is %.80s, no longer %.80s", operation->source_etag,
            wanted);
    operation->size = strtoull(length, NULL, 10);
    if (operation->copy->replace_metadata)
        return 0;
    object->content_type = keep_header(operation, "Content-Type");
    object->content_encoding = keep_header(operation, "Content-Encoding");
    object->content_disposition = keep_header(operation, "Content-Disposition");
    object->content_language = keep_header(operation, "Content-Language");
    object->cache_control = keep_header(operation, "Cache-Control");
    object->expires = keep_header(operation, "Expires");
    take_metadata(operation);
    return 0;
}

int s3_copy_take_tags(struct s3_copy_operation *operation, struct error *err)
{
    struct s3_tagging tagging;
    const struct s3_tag *tags;
    struct s3_pair *pairs;

    if (s3_answer_parse(&s3_document_tagging, operation->call.answer, operation->call.answer_length,
            &operation->arena, &tagging, err))
        return -1;
    tags = tagging.tags.items;
    pairs = arena_array(&operation->arena, tagging.tags.count, sizeof(*pairs));
    for (size_t i = 0; i < tagging.tags.count; i++)
        pairs[i] = (struct s3_pair){
            .name = tags[i].key ? tags[i].key : "", .value = tags[i].value ? tags[i].value : ""};
    operation->object.tags = pairs;
    operation->object.tag_count = tagging.tags.count;
    return 0;
}
