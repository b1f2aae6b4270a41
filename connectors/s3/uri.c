#include "connectors/s3/uri.h"

#include "connectors/aws/sigv4.h"
#include "runner/base/buffer.h"
#include "runner/base/text.h"

#include <string.h>

static const char scheme[] = "s3://";

bool s3_uri_is(const char *text)
{
    return text_starts(text, scheme);
}

/* Behind the first `count` of these separators; NULL: there are fewer. */
static const char *skip_pieces(const char *at, const char *separators, unsigned count)
{
    for (; count > 0; count--) {
        at += strcspn(at, separators);
        if (*at++ == '\0')
            return NULL;
    }
    return at;
}

/* Where an ARN ends that a key may follow: behind the last name of its resource. */
static const char *arn_end(const char *arn)
{
    const char *resource = skip_pieces(arn, ":", 5), *name = NULL;

    if (resource && text_starts(resource, "accesspoint"))
        name = skip_pieces(resource, ":/", 1);
    else if (resource && text_starts(resource, "outpost"))
        name = skip_pieces(resource, ":/", 3);
    if (!name)
        name = resource ? resource : arn;
    return name + strcspn(name, "/");
}

static bool bucket_byte(char c, bool arn)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || (arn && c == '/');
}

static int check_bucket(const char *bucket, size_t length, bool arn, struct error *err)
{
    if (length == 0)
        return error_set(err, ERROR_INVALID, "s3:// URL without a bucket: write s3://BUCKET/KEY");
    if (memchr(bucket, '@', length))
        return error_set(err, ERROR_INVALID,
            "s3:// URL with \"@\" in the bucket: it takes no credentials; put them into the "
            "environment or a profile (AWS_PROFILE)");
    if (length > S3_BUCKET_BYTES_MAX)
        return error_set(err, ERROR_INVALID,
            "s3:// URL with a bucket of %zu bytes: at most %d are possible", length,
            S3_BUCKET_BYTES_MAX);
    for (size_t i = 0; i < length; i++) {
        const char c = bucket[i];

        if (bucket_byte(c, arn))
            continue;
        if (c > ' ' && c < 0x7f)
            return error_set(err, ERROR_INVALID,
                "s3://%.*s: the name of a bucket cannot hold \"%c\"%s", (int)length, bucket, c,
                strchr("*?[", c) ? "; globs are for keys" : "");
        return error_set(err, ERROR_INVALID,
            "s3:// URL with the byte 0x%02x in the bucket: letters, digits, \".\", \"-\" and "
            "\"_\" are possible",
            (unsigned char)c);
    }
    return 0;
}

int s3_uri_parse(const char *text, struct arena *arena, struct s3_uri *ret_uri, struct error *err)
{
    const char *bucket = text + strlen(scheme), *end, *key;
    bool arn;

    if (!s3_uri_is(text))
        return error_set(err, ERROR_INVALID, "no s3:// URL: write s3://BUCKET/KEY");
    arn = text_starts(bucket, "arn:");
    end = arn ? arn_end(bucket) : bucket + strcspn(bucket, "/");
    if (check_bucket(bucket, (size_t)(end - bucket), arn, err))
        return -1;
    key = *end ? end + 1 : end;
    if (strlen(key) > S3_KEY_BYTES_MAX)
        return error_set(err, ERROR_INVALID,
            "s3://%.*s/: a key of %zu bytes; at most %d are possible", (int)(end - bucket), bucket,
            strlen(key), S3_KEY_BYTES_MAX);
    ret_uri->bucket = arena_strndup(arena, bucket, (size_t)(end - bucket));
    ret_uri->key = arena_strdup(arena, key);
    return 0;
}

void s3_uri_append_path(const char *key, struct buffer *path)
{
    buffer_putc(path, '/');
    if (key)
        sigv4_encode(key, strlen(key), true, path);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

int s3_uri_decode_key(const char *text, size_t length, struct buffer *ret_key, struct error *err)
{
    const size_t start = ret_key->length;

    for (size_t i = 0; i < length; i++) {
        int high, low;

        if (text[i] != '%') {
            buffer_putc(ret_key, (char)(text[i] == '+' ? ' ' : text[i]));
            continue;
        }
        high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
        low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            buffer_truncate(ret_key, start);
            return error_set(err, ERROR_DATA,
                "an encoded key with \"%%\" at byte %zu that no two digits of a character follow",
                i);
        }
        buffer_putc(ret_key, (char)(high << 4 | low));
        i += 2;
    }
    return 0;
}

void s3_uri_append_shown(const char *bucket, const char *key, struct buffer *text)
{
    struct buffer valid;

    buffer_init(&valid, 0);
    text_append_valid(&valid, bucket, strlen(bucket));
    if (key) {
        buffer_putc(&valid, '/');
        text_append_valid(&valid, key, strlen(key));
    }
    buffer_puts(text, scheme);
    text_append_printable(text, valid.data);
    buffer_deinit(&valid);
}
