/* Copying one object inside of the store; no bytes come here. CopyObject up to `single_bytes`,
 * UploadPartCopy above, bound to the version that was looked at (its ETag): a source that changes
 * under way is ERROR_CHANGED.
 *
 * Metadata, content type and its kin, and tags go along unless they are replaced; storage class,
 * encryption and ACL are never the source's but what the options, then the bucket, say: that is how
 * CopyObject has it, and copies in parts do the same (they ask for what has to go along: HEAD,
 * GetObjectTagging). Answers that say 200 and mean an error, lost ones and uploads that are left
 * over are treated as in put.h. */
#ifndef CONNECTORS_S3_COPY_H
#define CONNECTORS_S3_COPY_H

#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct s3_copy;

/* Exactly once, on the loop, never from within start or cancel; err NULL: it is copied. */
typedef void (*s3_copy_done_fn)(struct s3_copy *copy, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_copy {
    /* arguments */
    const char *from_bucket, *from_key;
    const char *from_version_id; /* NULL: the latest */
    const char *from_etag;       /* that it must have; NULL: any */
    bool size_known;             /* `size` is the source's, from a listing: saves a HEAD */
    const char *bucket, *key;
    const struct s3_object_options *options; /* NULL: none */
    bool replace_metadata;                   /* content type and metadata are those of `options` */
    bool replace_tags;                       /* tags are those of `options`, which may be none */
    uint64_t part_bytes;                     /* 0: 256 MiB */
    uint64_t single_bytes;                   /* 0: 5 GiB */
    unsigned parallel;                       /* parts under way at once; 0: 16 */
    s3_copy_done_fn done;

    uint64_t size; /* argument where `size_known`, else a result */

    /* results, until `done` returns */
    const char *etag, *version_id; /* NULL: it said none */
    unsigned parts;                /* 0: one CopyObject */

    /* progress */
    atomic_uint_fast64_t bytes_done, bytes_total;

    struct s3_copy_operation *operation; /* copy.c's own */
};

void s3_copy_start(struct s3_client *client, struct s3_copy *copy);

/* Ends it soon, with ERROR_STOPPED. Again, or when it is not under way, is harmless. */
void s3_copy_cancel(struct s3_copy *copy);

#endif
