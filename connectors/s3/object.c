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

static int check_counts(const struct s3_object_options *options, struct error *err)
{
    const char *sse = options->sse;

    if (options->metadata_count > S3_METADATA_MAX)
        return error_set(err, ERROR_INVALID, "%zu metadata entries: an object has at most %d",
            options->metadata_count, S3_METADATA_MAX);
    if (options->tag_count > S3_TAGS_MAX)
        return error_set(err, ERROR_INVALID, "%zu tags: an object has at most %d",
            options->tag_count, S3_TAGS_MAX);
    if (sse && strcmp(sse, "AES256") != 0 && strcmp(sse, "aws:kms") != 0 &&
        strcmp(sse, "aws:kms:dsse") != 0)
        return error_set(err, ERROR_INVALID,
            "encryption \"%.60s\" is not known: use AES256, aws:kms or aws:kms:dsse", sse);
    if (options->sse_kms_key_id && text_equal(sse, "AES256"))
        return error_set(
            err, ERROR_INVALID, "a KMS key goes with aws:kms or aws:kms:dsse, not with AES256");
    return 0;
}

static bool is_printable_ascii(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

/* RFC 9110, 5.6.2: a token. */
static bool is_header_name(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "!#$%&'*+-.^_`|~";

    return *text && !text[strspn(text, allowed)];
}

static int check_value(const char *what, const char *name, const char *value, struct error *err)
{
    if (!value || is_printable_ascii(value))
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s%.60s: only printable ASCII can be sent in a header; encode what is not", what, name);
}

int s3_object_check(const struct s3_object_options *options, struct error *err)
{
    if (check_counts(options, err) || check_value("content type", "", options->content_type, err) ||
        check_value("content encoding", "", options->content_encoding, err) ||
        check_value("content disposition", "", options->content_disposition, err) ||
        check_value("content language", "", options->content_language, err) ||
        check_value("cache control", "", options->cache_control, err) ||
        check_value("expires", "", options->expires, err) ||
        check_value("storage class", "", options->storage_class, err) ||
        check_value("KMS key", "", options->sse_kms_key_id, err) ||
        check_value("ACL", "", options->acl, err))
        return -1;
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct s3_pair *pair = &options->metadata[i];

        if (!is_header_name(pair->name))
            return error_set(err, ERROR_INVALID,
                "metadata \"%.60s\": a name is sent as a header's: letters, digits and - _ .",
                pair->name);
        if (check_value("metadata ", pair->name, pair->value, err))
            return -1;
    }
    return 0;
}

int s3_object_headers(const struct s3_object_options *options, const char *key, struct arena *arena,
    struct s3_headers *headers, struct error *err)
{
    static const struct s3_object_options none;
    const char *sse;

    if (!options)
        options = &none;
    if (check_counts(options, err))
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
