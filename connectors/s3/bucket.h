/* Small requests: make, delete and look for a bucket, abort an upload. One call each. */
#ifndef CONNECTORS_S3_BUCKET_H
#define CONNECTORS_S3_BUCKET_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "connectors/s3/object.h"
#include "runner/base/error.h"

enum s3_bucket_verb {
    S3_BUCKET_CREATE, /* one that is ours already: success */
    S3_BUCKET_DELETE, /* one that is not empty is ERROR_CONFLICT */
    S3_BUCKET_LOOK,   /* ERROR_NOT_FOUND, ERROR_DENIED; `region` says where it is */
    S3_UPLOAD_ABORT,  /* not there: success */
};

struct s3_bucket_request;

/* Exactly once, on the loop, never from within start or cancel. */
typedef void (*s3_bucket_done_fn)(struct s3_bucket_request *request, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_bucket_request {
    /* arguments */
    enum s3_bucket_verb verb;
    const char *bucket;
    const char *region;          /* CREATE: where; NULL: the client's */
    const char *key, *upload_id; /* ABORT */
    s3_bucket_done_fn done;

    /* results, until `done` returns */
    const char *found_region; /* LOOK: NULL where the store does not say */

    struct s3_bucket_operation *operation; /* bucket.c's own */
};

void s3_bucket_start(struct s3_client *client, struct s3_bucket_request *request);

/* Ends it soon, with ERROR_STOPPED. Again, or when it is not under way, is harmless. */
void s3_bucket_cancel(struct s3_bucket_request *request);

#endif
