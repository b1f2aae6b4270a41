#include "connectors/s3/object.h"

#include "connectors/aws/sigv4.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* Source: the IANA registry of media types, and what is in use where it has none. */
static const struct {
    const char *extension, *type;
} types[] = {
    {"7z", "application/x-7z-compressed"},
    {"arrow", "application/vnd.apache.arrow.file"},
    {"avif", "image/avif"},
    {"avro", "application/avro"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"jsonl", "application/jsonl"},
    {"log", "text/plain"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ndjson", "application/x-ndjson"},
    {"orc", "application/vnd.apache.orc"},
    {"parquet", "application/vnd.apache.parquet"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rtf", "application/rtf"},
    {"sql", "application/sql"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

const char *s3_content_type(const char *key)
{
    const char *slash = strrchr(key, '/');
    const char *dot = strrchr(slash ? slash : key, '.');

    for (size_t i = 0; dot && i < ARRAY_LENGTH(types); i++) {
        if (strcasecmp(types[i].extension, dot + 1) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

void s3_headers_add(struct s3_headers *headers, const char *name, const char *value)
{
    if (!value)
        return;
    assert(headers->count < ARRAY_LENGTH(headers->items));
    headers->items[headers->count++] = (struct http_header){name, value};
}

const char *s3_tagging_text(const struct s3_pair *tags, size_t count, struct arena *arena)
{
    struct buffer text;
    const char *result;

    buffer_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_putc(&text, '&');
        sigv4_encode(tags[i].name, strlen(tags[i].name), false, &text);
        buffer_putc(&text, '=');
        sigv4_encode(tags[i].value, strlen(tags[i].value), false, &text);
    }
    result = arena_strdup(arena, text.data);
    buffer_deinit(&text);
    return result;
}

static int check_options(const struct s3_object_options *options, struct error *err)
{
    const char *sse = options->sse;

    if (options->metadata_count > S3_METADATA_MAX)
        return error_set(err, ERROR_LIMIT, "%zu metadata entries: an object has at most %d",
            options->metadata_count, S3_METADATA_MAX);
    if (options->tag_count > S3_TAGS_MAX)
        return error_set(err, ERROR_LIMIT, "%zu tags: an object has at most %d", options->tag_count,
            S3_TAGS_MAX);
    if (sse && strcmp(sse, "AES256") != 0 && strcmp(sse, "aws:kms") != 0 &&
        strcmp(sse, "aws:kms:dsse") != 0)
        return error_set(err, ERROR_INVALID,
            "encryption \"%.60s\" is not known: use AES256, aws:kms or aws:kms:dsse", sse);
    if (options->sse_kms_key_id && text_equal(sse, "AES256"))
        return error_set(
            err, ERROR_INVALID, "a KMS key goes with aws:kms or aws:kms:dsse, not with AES256");
    return 0;
}

int s3_object_headers(const struct s3_object_options *options, const char *key, struct arena *arena,
    struct s3_headers *headers, struct error *err)
{
    static const struct s3_object_options none;
    const char *sse;

    if (!options)
        options = &none;
    if (check_options(options, err))
        return -1;
    sse = options->sse ? options->sse : options->sse_kms_key_id ? "aws:kms" : NULL;
    s3_headers_add(headers, "Content-Type",
        options->content_type ? options->content_type
        : key                 ? s3_content_type(key)
                              : NULL);
    s3_headers_add(headers, "Content-Encoding", options->content_encoding);
    s3_headers_add(headers, "Content-Disposition", options->content_disposition);
    s3_headers_add(headers, "Content-Language", options->content_language);
    s3_headers_add(headers, "Cache-Control", options->cache_control);
    s3_headers_add(headers, "Expires", options->expires);
    s3_headers_add(headers, "x-amz-storage-class", options->storage_class);
    s3_headers_add(headers, "x-amz-server-side-encryption", sse);
    s3_headers_add(headers, "x-amz-server-side-encryption-aws-kms-key-id", options->sse_kms_key_id);
    s3_headers_add(headers, "x-amz-acl", options->acl);
    if (options->tag_count)
        s3_headers_add(
            headers, "x-amz-tagging", s3_tagging_text(options->tags, options->tag_count, arena));
    for (size_t i = 0; i < options->metadata_count; i++)
        s3_headers_add(headers, arena_printf(arena, "x-amz-meta-%s", options->metadata[i].name),
            options->metadata[i].value);
    return 0;
}
