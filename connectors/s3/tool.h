/* S3 by hand: the connector's operations as values, handed to few functions, for those who cannot
 * call the network module's functions by name: the executable (net.h has the one instance). Every
 * job's own header is its manual. */
#ifndef CONNECTORS_S3_TOOL_H
#define CONNECTORS_S3_TOOL_H

#include "connectors/s3/bucket.h"
#include "connectors/s3/client.h"
#include "connectors/s3/get.h"
#include "connectors/s3/identity.h"
#include "connectors/s3/list.h"
#include "connectors/s3/presign.h"
#include "connectors/s3/put.h"
#include "connectors/s3/transfer.h"
#include "connectors/s3/uri.h"

enum s3_verb {
    S3_LIST,
    S3_GET,
    S3_PUT,
    S3_PRESIGN,
    S3_BUCKET,
    S3_TRANSFER,
    S3_IDENTITY,
};

/* The member that the verb names is filled in by the caller, its `done` among it. */
struct s3_job {
    enum s3_verb verb;
    union {
        struct s3_list list;
        struct s3_get get;
        struct s3_put put;
        struct s3_presign presign;
        struct s3_bucket_request bucket;
        struct s3_transfer transfer;
        struct s3_identity identity;
    };
};

struct s3_tool {
    struct s3_client *(*open)(const struct s3_client_options *options, struct error *err);
    void (*close)(struct s3_client *client); /* s3_client_free() */
    int (*parse)(const char *text, struct arena *arena, struct s3_uri *ret_uri, struct error *err);
    void (*start)(struct s3_client *client, struct s3_job *job);
    void (*cancel)(struct s3_job *job);
    void (*resume)(struct s3_job *job); /* LIST, GET, PUT: after HTTP_PAUSE */
    /* How far it is: TRANSFER, and GET and PUT as one object each. */
    void (*totals)(struct s3_job *job, struct s3_transfer_totals *ret_totals);
};

extern const struct s3_tool s3_tool; /* in the module */

#endif
