/* s3:// URLs and where their buckets are: two bytes of flags, then URL, region and custom endpoint,
 * each up to a NUL. */
#include "connectors/s3/checksum.h"
#include "connectors/s3/endpoint.h"
#include "connectors/s3/uri.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAG_BYTES = 2 };

static void check_key(const struct s3_uri *uri)
{
    struct buffer path, key, shown;

    buffer_init(&path, 0);
    buffer_init(&key, 0);
    buffer_init(&shown, 0);
    s3_uri_append_path(uri->key, &path);
    if (s3_uri_decode_key(path.data + 1, path.length - 1, &key, NULL) ||
        strcmp(key.data, uri->key) != 0)
        abort();
    s3_uri_append_shown(uri->bucket, uri->key, &shown);
    for (size_t i = 0; i < shown.length; i++) {
        if ((unsigned char)shown.data[i] < 0x20)
            abort();
    }
    buffer_deinit(&path);
    buffer_deinit(&key);
    buffer_deinit(&shown);
}

/* A host must stay a host whatever goes into it. */
static void check_endpoint(const struct s3_endpoint_params *params, struct arena *arena)
{
    struct s3_endpoint endpoint;
    struct error err;

    if (s3_endpoint_resolve(params, arena, &endpoint, &err)) {
        if (err.code != ERROR_INVALID && err.code != ERROR_NOT_SUPPORTED)
            abort();
        return;
    }
    if (!*endpoint.host || strspn(endpoint.host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                                                 "XYZ0123456789.-_:[]") != strlen(endpoint.host))
        abort();
    if ((*endpoint.path && *endpoint.path != '/') || strpbrk(endpoint.path, "?# \n"))
        abort();
    if (endpoint.path_style && (!params->bucket || !*endpoint.path))
        abort();
}

/* What was parsed is written as it was read. */
static void check_checksum(const char *text, unsigned flags)
{
    const enum s3_checksum_kind kind = 1 + flags % (S3_CHECKSUM_KINDS - 1);
    struct s3_checksum_value value;
    char again[S3_CHECKSUM_TEXT_SIZE];
    struct s3_checksum whole;

    if (s3_checksum_parse(kind, text, &value, NULL) || kind > S3_CHECKSUM_CRC64NVME || value.parts)
        return;
    if (s3_checksum_init(&whole, kind, NULL))
        abort();
    s3_checksum_append(&whole, &value, flags);
    if (s3_checksum_text(&whole, again, NULL) || strcmp(again, text) != 0)
        abort();
    s3_checksum_deinit(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct s3_endpoint_params params = {0};
    const char *texts[3] = {"", "", ""};
    struct s3_uri uri;
    struct arena arena;
    unsigned flags;
    char *text;

    if (size < FLAG_BYTES)
        return 0;
    flags = data[0] | (unsigned)data[1] << 8;
    size -= FLAG_BYTES;
    text = mem_calloc(size + 1, 1);
    memcpy(text, data + FLAG_BYTES, size);
    for (size_t i = 0, at = 0; i < ARRAY_LENGTH(texts) && at < size; i++) {
        texts[i] = text + at;
        at += strlen(text + at) + 1;
    }
    params.region = texts[1];
    params.endpoint = flags & 1 ? texts[2] : NULL;
    params.addressing = (flags >> 1 & 3) % 3;
    params.dual_stack = flags >> 3 & 1;
    params.fips = flags >> 4 & 1;
    params.accelerate = flags >> 5 & 1;
    params.use_arn_region = flags >> 6 & 1;
    params.use_global_endpoint = flags >> 7 & 1;
    arena_init(&arena);
    check_endpoint(&params, &arena);
    params.bucket = texts[0];
    check_endpoint(&params, &arena);
    if (s3_uri_parse(texts[0], &arena, &uri, NULL) == 0) {
        check_key(&uri);
        params.bucket = uri.bucket;
        check_endpoint(&params, &arena);
    }
    check_checksum(texts[0], flags >> 8);
    arena_deinit(&arena);
    free(text);
    return 0;
}
