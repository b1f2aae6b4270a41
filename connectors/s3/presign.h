/* URLs that let whoever has them do one thing for a while. Nothing is sent but what credentials
 * take. The URL is as good as a password: it goes to the caller and into no log and no error. */
#ifndef CONNECTORS_S3_PRESIGN_H
#define CONNECTORS_S3_PRESIGN_H

#include "connectors/s3/call.h"
#include "connectors/s3/client.h"
#include "runner/base/error.h"

struct s3_presign;

/* Exactly once, on the loop, never from within start or cancel. */
typedef void (*s3_presign_done_fn)(struct s3_presign *presign, const struct error *err);

/* The caller owns it, with all that it points to, until `done`; zeroed but for the arguments. */
struct s3_presign {
    /* arguments */
    const char *method; /* GET, HEAD, PUT, DELETE */
    const char *bucket, *key;
    const struct s3_query *query; /* versionId, response-content-type, …; at most 16 */
    size_t query_count;
    unsigned expires_s; /* 1 … 604800 (7 days); temporary credentials may end it earlier */
    s3_presign_done_fn done;

    /* result */
    const char *url; /* until `done` returns */

    struct s3_presign_operation *operation; /* presign.c's own */
};

void s3_presign_start(struct s3_client *client, struct s3_presign *presign);

/* Ends it soon, with ERROR_STOPPED. Again, or when it is not under way, is harmless. */
void s3_presign_cancel(struct s3_presign *presign);

#endif
