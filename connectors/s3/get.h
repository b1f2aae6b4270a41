/* One object, or a range of it, out of S3: into a file, or in order into a callback.
 *
 * No HEAD: the first request is a GET of the first part and tells size, ETag, version, time and
 * checksums. What is left comes as ranges in parallel, each with If-Match. A file gets every byte
 * at its place as it arrives; a callback gets them in order, parts that are ahead wait in memory,
 * and the callback may pause. A part that breaks goes on behind its last byte; as long as that
 * brings bytes, the attempts count from one again (a hundred times).
 *
 * All bytes are of one object. Where it changes under way and the caller named neither ETag nor
 * version, it is read from the start once more (a callback that has had bytes cannot: error);
 * else, or when it changes again, ERROR_CHANGED.
 *
 * Checksums are validated when the store sends them (unless the client's options say no; AWS sends
 * them with ranges that are parts of the upload, it and others with whole objects): those of
 * ranges, those of the whole object (CRCs always; SHA where it came in one part or in order), and
 * composite ones ("-N") where our parts are those of the upload: other cuts cannot be told from
 * the bytes. A part or a file that does not match is read once more, then it is ERROR_DATA; bytes
 * that a callback has had are ERROR_DATA of class TRANSIENT at once.
 *
 * Errors are those of call.h, with ERROR_LIMIT (more than `bytes_max`), ERROR_NO_SPACE and the
 * disk's. After an error the file holds anything. */
#ifndef CONNECTORS_S3_GET_H
#define CONNECTORS_S3_GET_H

#include "connectors/s3/checksum.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_client;
struct s3_get;

enum { S3_GET_PARTS_PRESET = 16 }; /* in flight */

/* The next bytes, in order: 0 (taken, all of them), HTTP_PAUSE (none taken: the same come again
 * after s3_get_resume()) or -1 with err, which ends it. None after s3_get_cancel(). */
typedef int (*s3_get_write_fn)(
    struct s3_get *get, const char *bytes, size_t length, struct error *err);

/* Exactly once, on the loop, never from within start, cancel or resume; err NULL: all of it came.
 * Results live until it returns. The memory may go or be started again in here. */
typedef void (*s3_get_done_fn)(struct s3_get *get, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_get {
    /* arguments */
    const char *bucket, *key;
    const char *version_id; /* NULL: the newest */
    const char *etag;       /* that it must have, as the store wrote it; NULL: any */
    uint64_t size_hint;     /* as it was listed; 0: not known. What fits into one part is asked for
                               without a range: only then do most stores say its checksum */
    uint64_t first;         /* of the object's bytes … */
    uint64_t length;     /* … so many, or up to the end where that comes first; 0: to the end */
    int fd;              /* an empty file: byte `first` goes to its start. Used without `write` */
    uint64_t bytes_max;  /* more to come is ERROR_LIMIT before any is kept; 0: no limit */
    uint64_t part_bytes; /* 0: the client's */
    unsigned parts_max;  /* in flight; 0: S3_GET_PARTS_PRESET. Never more than the client has
                            connections, in order never more than its memory holds */
    s3_get_write_fn write;
    s3_get_done_fn done;

    /* results, from the first answer on */
    uint64_t size; /* of the whole object */
    int64_t modified_ms;
    const char *answered_etag, *answered_version_id, *content_type; /* NULL: not said */
    enum s3_checksum_kind
        verified;      /* when done: all bytes were, by this kind; NONE: they were not */
    unsigned requests; /* parts asked for, again ones among them; retries are not */
    unsigned restarts; /* from the start */

    /* progress, to be read from any thread; `bytes_total` 0: not known yet */
    atomic_uint_fast64_t bytes_done, bytes_total;

    struct get_flow *flow; /* get.c's own */
};

void s3_get_start(struct s3_client *client, struct s3_get *get);

/* Ends it soon, with ERROR_STOPPED; again, or when it is not under way, is harmless. */
void s3_get_cancel(struct s3_get *get);

/* After HTTP_PAUSE of `write`: the bytes come again, from a later turn of the loop. Harmless
 * otherwise. */
void s3_get_resume(struct s3_get *get);

#endif
