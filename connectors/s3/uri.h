/* How objects are named: s3://BUCKET/KEY, and the forms that a key takes on the wire and on a
 * screen. Pure.
 *
 * BUCKET is a name or an access point's ARN (s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/
 * KEY, also with ":" in front of "ap"). KEY is all behind the next "/", byte for byte: nothing in
 * it is decoded, "//", "..", "?", "#" and "%20" are what they are. Whether it is a glob is the
 * caller's business. */
#ifndef CONNECTORS_S3_URI_H
#define CONNECTORS_S3_URI_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct buffer;

enum { S3_KEY_BYTES_MAX = 1024, S3_BUCKET_BYTES_MAX = 255 };

struct s3_uri {
    const char *bucket;
    const char *key; /* "": the bucket itself */
};

bool s3_uri_is(const char *text); /* begins with s3:// */

/* Texts live in `arena`. ERROR_INVALID: no s3:// URL, no bucket, a byte that no bucket's name can
 * hold, a key of more than S3_KEY_BYTES_MAX. What might be a password is not quoted. */
int s3_uri_parse(const char *text, struct arena *arena, struct s3_uri *ret_uri, struct error *err);

/* Appends "/" and the key, percent-encoded as it is signed and sent; "/" stays. It goes behind
 * s3_endpoint.path. NULL and "" are "/" where there is no such path. */
void s3_uri_append_path(const char *key, struct buffer *path);

/* Appends what an encoded key stands for: %XX, and "+" for a space as listings with
 * encoding-type=url have it. ERROR_DATA: %00, a "%" without two digits; then nothing is appended.
 */
int s3_uri_decode_key(const char *text, size_t length, struct buffer *ret_key, struct error *err);

/* Appends s3://BUCKET/KEY for a person: one line, valid UTF-8, control characters as \n or \x1b.
 * `key` NULL: the bucket. */
void s3_uri_append_shown(const char *bucket, const char *key, struct buffer *text);

#endif
