/* One request to S3's API with all that it takes to get an answer: credentials, the bucket's place,
 * a signature made at the moment it leaves the queue, and the retries. Every operation (get, put,
 * list, …) is made of these.
 *
 * Tried again with full jitter, up to the client's attempts: 408, 429, 500, 502, 503, 504, S3's
 * SlowDown, RequestTimeout, InternalError and the like, connections that break, bodies that are
 * short. The waits are outside the connections' slots; Retry-After is heeded. Once each, at no
 * attempt's cost: another region that the answer names (remembered for the bucket), a clock that is
 * wrong (remembered), a token that expired (fetched anew), checksum headers that the store does not
 * take (remembered). All else fails at once: error.h says with what.
 *
 * Errors begin with the method and the s3:// name and end in what to do. Secrets, signatures and
 * queries are in no error and no log line. Each attempt is a debug line, event s3.attempt. */
#ifndef CONNECTORS_S3_CALL_H
#define CONNECTORS_S3_CALL_H

#include "connectors/s3/error.h"
#include "runner/base/buffer.h"
#include "runner/base/error.h"
#include "runner/io/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_call;
struct s3_client;

/* Hooks, all on the loop, none after s3_call_cancel(). */

/* An attempt leaves the queue and is about to be signed: may change headers and body, such as the
 * Range to what is still missing. call->attempt says which it is, call->tries how often it was sent
 * before. -1 ends the call with err. */
typedef int (*s3_prepare_fn)(struct s3_call *call, struct error *err);

/* A 2xx answer begins: call->status and s3_call_header() are there. -1 ends the attempt with err,
 * and the call, too, unless err's class is TRANSIENT. */
typedef int (*s3_head_fn)(struct s3_call *call, struct error *err);

/* Bytes of a 2xx answer: 0, HTTP_PAUSE (then s3_call_resume()) or -1 as `head`. A new attempt
 * begins at the first byte again unless `prepare` moved the Range. */
typedef int (*s3_write_fn)(
    struct s3_call *call, const char *bytes, size_t length, struct error *err);

/* Exactly once, on the loop, never from within start or cancel; err NULL: `status` is 2xx. All that
 * the results point to lives until it returns. The call may be freed or started again in here. */
typedef void (*s3_done_fn)(struct s3_call *call, const struct error *err);

enum {
    S3_CALL_QUERY_MAX = 16,
    S3_CALL_HEADERS_MAX = 64,
    S3_ANSWER_BYTES_MAX = 16 * 1024 * 1024, /* of what is kept in `answer` */
};

struct s3_query {
    const char *name, *value; /* not encoded; value NULL: "?name=" (a subresource) */
};

/* "a=1&b=%20", as it goes out and is signed. */
void s3_append_query(const struct s3_query *query, size_t count, struct buffer *text);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_call {
    /* arguments */
    const char *method;
    const char *bucket; /* a name or an access point's ARN; NULL: the service (ListBuckets) */
    const char *key;    /* any bytes but NUL; NULL: the bucket */
    const struct s3_query *query;
    size_t query_count;
    const struct http_header *headers; /* but Host, Authorization, X-Amz-Date and the like. Those of
                                          checksums (x-amz-checksum-…, x-amz-sdk-checksum-…) are
                                          left out where the store does not take them */
    size_t header_count;
    struct http_body body; /* a STREAM is sent again only where `prepare` is there to rewind it */
    const char *payload; /* hex of the body's SHA-256; NULL: by the rule in connectors/s3/README */
    unsigned attempts_max; /* 0: the client's policy; 1: no retry (what failed must be looked at) */
    bool answer_is_xml;    /* a 2xx may hold an <Error>, or be cut: CompleteMultipartUpload,
                              CopyObject, UploadPartCopy, DeleteObjects. Not with `write` */
    bool fresh;            /* on a connection of its own */
    struct http_timeouts timeouts; /* 0 in a member: the client's */
    s3_prepare_fn prepare;         /* may be NULL, like the next two */
    s3_head_fn head;
    s3_write_fn write; /* NULL: the body is kept in `answer` */
    s3_done_fn done;

    /* results */
    unsigned attempt; /* 1 …: the one under way, or the last */
    unsigned tries;   /* requests sent, those in another region, … among them */
    unsigned lost;    /* of them, and of what HTTP sent again by itself: those before the last that
                         may have been done, though no good answer came */
    int status;       /* of the last answer; 0: none came */
    const char *answer; /* NUL behind it */
    size_t answer_length;
    struct s3_error error;               /* what S3 said of the last attempt; code NULL: nothing */
    struct http_timing timing;           /* of the last attempt */
    uint64_t bytes_sent, bytes_received; /* of bodies, all requests that have ended */

    struct s3_exchange *exchange; /* call.c's own, as is the next */
    const struct s3_exchange *answered;
};

void s3_call_start(struct s3_client *client, struct s3_call *call);

/* Ends it soon, with ERROR_STOPPED; again, or when it is not under way, is harmless. */
void s3_call_cancel(struct s3_call *call);

/* After HTTP_PAUSE of `write` or of the body's `read`. Harmless otherwise. */
void s3_call_resume(struct s3_call *call);

/* A header of the answer, by any case; NULL: not there. From `head` until `done` has returned. */
const char *s3_call_header(const struct s3_call *call, const char *name);
bool s3_call_header_at(const struct s3_call *call, size_t index, struct http_header *ret_header);

/* Bytes of bodies of the request under way, 0 where none is. */
void s3_call_progress(const struct s3_call *call, uint64_t *ret_sent, uint64_t *ret_received);

/* The call that a body's `read` is asked for. */
struct s3_call *s3_call_of(struct http_request *request);

#endif
