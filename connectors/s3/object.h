/* What an object has beside its bytes, as headers of the requests that write it, and what a writer
 * may ask for. Pure. */
#ifndef CONNECTORS_S3_OBJECT_H
#define CONNECTORS_S3_OBJECT_H

#include "runner/base/arena.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    S3_METADATA_MAX = 40,
    S3_TAGS_MAX = 10, /* S3's own limit */
    S3_OBJECT_HEADERS_MAX = S3_METADATA_MAX + 12,
};

struct s3_pair {
    const char *name, *value;
};

/* Zeroed: what the store does by itself. Texts are the caller's until the operation's `done`. */
struct s3_object_options {
    const char *content_type; /* NULL: by the key's extension; see s3_content_type() */
    const char *content_encoding, *content_disposition, *content_language, *cache_control, *expires;
    const char *storage_class;      /* STANDARD_IA, GLACIER_IR, … */
    const char *sse;                /* AES256, aws:kms, aws:kms:dsse */
    const char *sse_kms_key_id;     /* implies aws:kms */
    const char *acl;                /* private, bucket-owner-full-control, … */
    const struct s3_pair *metadata; /* names without x-amz-meta- */
    size_t metadata_count;
    const struct s3_pair *tags;
    size_t tag_count;
    bool requester_pays; /* as the client's option, for this one */
};

/* What other tools guess: by the last extension, any case; "application/octet-stream" for what is
 * not known. Compressed text (x.csv.gz) is what its last extension says: no Content-Encoding is
 * made up, because readers would then unpack it without being asked. */
const char *s3_content_type(const char *key);

/* Headers and where they are put; S3_OBJECT_HEADERS_MAX fit. */
struct s3_headers {
    struct http_header items[S3_OBJECT_HEADERS_MAX + 12];
    size_t count;
};

/* A value of NULL adds nothing. */
void s3_headers_add(struct s3_headers *headers, const char *name, const char *value);

/* All that describes the object; what has to be made lives in `arena`. `key` is for the content
 * type; NULL: none is guessed. ERROR_INVALID: more than S3_METADATA_MAX, S3_TAGS_MAX, an encryption
 * that S3 does not know. Texts are not looked at: those of an object that is copied are what they
 * are. */
int s3_object_headers(const struct s3_object_options *options, const char *key, struct arena *arena,
    struct s3_headers *headers, struct error *err);

/* Whether they can be meant, also each text: one error ahead of many objects. ERROR_INVALID. */
int s3_object_check(const struct s3_object_options *options, struct error *err);

/* "a=1&b=%20", as x-amz-tagging takes it. */
const char *s3_tagging_text(const struct s3_pair *tags, size_t count, struct arena *arena);

#endif
