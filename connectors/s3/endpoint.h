/* Where a bucket is: from region, bucket and options to the URL's parts and the scope of the
 * signature, pure. Source: conformance/s3-endpoints (the rule set of AWS's SDKs). */
#ifndef CONNECTORS_S3_ENDPOINT_H
#define CONNECTORS_S3_ENDPOINT_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stdbool.h>

enum s3_addressing { S3_ADDRESSING_AUTO, S3_ADDRESSING_VIRTUAL, S3_ADDRESSING_PATH };

struct s3_endpoint_params {
    const char *region;
    const char *bucket;   /* a name or the ARN of an access point; NULL: the service itself */
    const char *endpoint; /* a custom one: "http://127.0.0.1:8333/base"; NULL: AWS */
    enum s3_addressing addressing; /* AUTO: virtual host where name and endpoint allow it */
    bool dual_stack, fips, accelerate;
    bool use_arn_region;        /* the ARN's region wins over `region` */
    bool disable_access_points; /* and the rest of what the vectors can ask for */
    bool disable_multi_region_access_points;
    bool use_global_endpoint;
};

struct s3_endpoint {
    const char *scheme;       /* "https" */
    const char *host;         /* with the port where it is not the scheme's, as in Host: */
    const char *path;         /* in front of the key: "" or "/bucket" or "/base/bucket", encoded */
    const char *sign_region;  /* "*" for multi-region access points (then SigV4a: not supported) */
    const char *sign_service; /* "s3", "s3-object-lambda", … */
    bool path_style;
};

/* Texts live in `arena`. ERROR_INVALID: the parameters contradict each other, in AWS's words where
 * the vectors fix them; ERROR_NOT_SUPPORTED: Outposts, Object Lambda, S3 Express, multi-region
 * access points. */
int s3_endpoint_resolve(const struct s3_endpoint_params *params, struct arena *arena,
    struct s3_endpoint *ret_endpoint, struct error *err);

/* Whether it can be a bucket's name as AWS has it (3 … 63 bytes, …), and whether it can be one in
 * a host's name. */
bool s3_bucket_name_valid(const char *bucket);
bool s3_bucket_name_virtual(const char *bucket, bool dots_allowed);

#endif
