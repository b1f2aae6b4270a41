#include "connectors/s3/s3_store_private.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/text.h"

#include <inttypes.h>
#include <string.h>

/* What a version begins with that is no ETag: none has a space. */
static const char *const without_etag = "size ";

/* A wildcard of the root's own name stands for itself: "[*]". */
static const char *literal(const char *prefix, struct arena *arena)
{
    struct buffer pattern;
    const char *text;

    buffer_init(&pattern, 0);
    for (; *prefix; prefix++)
        buffer_printf(&pattern, strchr("*?[", *prefix) ? "[%c]" : "%c", *prefix);
    text = arena_strdup(arena, pattern.length ? pattern.data : "");
    buffer_deinit(&pattern);
    return text;
}

int s3_store_name(const struct s3_store *store, const char *key, struct arena *arena,
    struct s3_store_name *ret_name, struct error *err)
{
    struct s3_store_name name = {0};
    struct s3_uri uri;

    if (s3_uri_is(key)) {
        if (s3_uri_parse(key, arena, &uri, err))
            return -1;
        if (!*uri.key)
            return error_set(
                err, ERROR_INVALID, "%s names a bucket and no object: write s3://BUCKET/KEY", key);
        name = (struct s3_store_name){
            .bucket = uri.bucket,
            .key = uri.key,
            .pattern = uri.key,
            .before = arena_printf(arena, "s3://%s/", uri.bucket),
        };
    } else if (!store->bucket) {
        return error_set(
            err, ERROR_INVALID, "\"%s\" is no object in S3: write s3://BUCKET/KEY", key);
    } else {
        name = (struct s3_store_name){
            .bucket = store->bucket,
            .key = arena_printf(arena, "%s%s", store->prefix, key),
            .pattern = arena_printf(arena, "%s%s", literal(store->prefix, arena), key),
            .before = "",
            .hidden_length = strlen(store->prefix),
        };
        if (strlen(name.key) > S3_KEY_BYTES_MAX)
            return error_set(err, ERROR_INVALID,
                "s3://%s/%.200s… is longer than S3's keys may be (%d bytes)", name.bucket, name.key,
                S3_KEY_BYTES_MAX);
    }
    *ret_name = name;
    return 0;
}

const char *s3_store_key(const struct s3_store_name *name, const char *key, struct arena *arena)
{
    return arena_printf(arena, "%s%s", name->before, key + name->hidden_length);
}

const char *s3_store_version(
    const char *etag, uint64_t size, int64_t modified_ms, struct arena *arena)
{
    size_t length = etag ? strlen(etag) : 0;

    if (length >= 2 && etag[0] == '"' && etag[length - 1] == '"') {
        etag++;
        length -= 2;
    }
    if (length > 0)
        return arena_strndup(arena, etag, length);
    return arena_printf(arena, "%s%" PRIu64 " modified %" PRId64, without_etag, size, modified_ms);
}

const char *s3_store_etag(const char *version, struct arena *arena)
{
    if (text_starts(version, without_etag))
        return NULL;
    if (text_starts(version, "W/"))
        return version;
    return arena_printf(arena, "\"%s\"", version);
}
