/* Writing one object, whole or not at all, from memory, a file or a stream. Built on call.h.
 *
 * Up to `single_bytes` it is one PUT, above a multipart upload with parts of `part_bytes`, more
 * where 10,000 parts would not do (s3_part_bytes). A stream becomes a multipart upload when it is
 * longer than a part. Of a file nothing is held: parts go from pread to the wire, after a job has
 * computed the checksum. A stream's parts are held in the client's memory (s3_memory, shared by all
 * that write streams); parts that are larger than that wait in an unlinked file in `spill_folder`.
 *
 * Each part carries its CRC as a header where the store takes it (s3_client_sends_checksums):
 * CRC64NVME, and that of the whole object with it, on AWS; CRC32C elsewhere.
 *
 * Whatever went wrong with an answer is settled by looking: an upload whose completion got lost by
 * ListParts and HEAD (ETag of the parts, checksum), a conditional PUT that says 412 at its second
 * try by reading what is there. An upload that does not become an object is aborted; one that
 * cannot be is named in the error. An upload whose very creation lost its answer is looked for (the
 * same key, begun in between, no parts) and aborted, too.
 *
 * Errors are call.h's; ERROR_CHANGED: the file changed while it was read; ERROR_EXISTS and
 * ERROR_CHANGED for `if_none_match` and `if_match`. */
#ifndef CONNECTORS_S3_PUT_H
#define CONNECTORS_S3_PUT_H

#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct s3_put;

/* The next bytes of a stream: how many (0: the end, asked no more), HTTP_PAUSE (none now:
 * s3_put_resume() says when to ask again) or -1 with err. On the loop, never from within start. */
typedef int64_t (*s3_put_read_fn)(struct s3_put *put, char *bytes, size_t size, struct error *err);

/* Exactly once, on the loop, never from within start, cancel or resume; err NULL: it is stored. The
 * results live until it returns; it may be freed or started again in here. */
typedef void (*s3_put_done_fn)(struct s3_put *put, const struct error *err);

enum s3_source_kind { S3_SOURCE_MEMORY, S3_SOURCE_FILE, S3_SOURCE_STREAM };

struct s3_source {
    enum s3_source_kind kind;
    const void *bytes;   /* MEMORY: kept until `done` */
    uint64_t length;     /* MEMORY */
    const char *path;    /* FILE: opened and closed here, on the client's lane … */
    int fd;              /* … where `path` is NULL: this one, from its first byte, left open */
    s3_put_read_fn read; /* STREAM */
};

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_put {
    /* arguments */
    const char *bucket, *key;
    struct s3_source source;
    const struct s3_object_options *options; /* NULL: none */
    bool if_none_match;                      /* only where there is no such object */
    const char *if_match;                    /* only over the object with this ETag */
    uint64_t part_bytes;      /* 0: the client's; less than S3_PART_BYTES_MIN only for tests */
    uint64_t single_bytes;    /* 0: twice the part's; at most S3_PART_BYTES_MAX */
    unsigned parallel;        /* parts under way at once; 0: 16 */
    const char *spill_folder; /* NULL: $TMPDIR, /tmp */
    s3_put_done_fn done;

    /* results */
    const char *etag;       /* as the store has it, with quotes; NULL: it said none */
    const char *version_id; /* NULL: the bucket has no versions */
    uint64_t size;
    unsigned parts; /* 0: one PUT */

    /* progress; s3_put_refresh() brings it up to date */
    atomic_uint_fast64_t bytes_done;  /* goes back where a part is sent again */
    atomic_uint_fast64_t bytes_total; /* 0: not known (yet) */

    struct s3_put_operation *operation; /* put.c's own */
};

/* The client needs its lane where the source is a file, or a stream may be spilled. */
void s3_put_start(struct s3_client *client, struct s3_put *put);

/* Ends it soon, with ERROR_STOPPED: an upload is aborted, for at most 1.5 s. Again, or when it is
 * not under way, is harmless. */
void s3_put_cancel(struct s3_put *put);

/* After HTTP_PAUSE of `read`. Harmless otherwise; may be called in it. */
void s3_put_resume(struct s3_put *put);

void s3_put_refresh(struct s3_put *put);

#endif
