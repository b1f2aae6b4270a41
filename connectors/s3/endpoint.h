/* Where a bucket is: from region, bucket and options to the URL's parts and the scope of the
 * signature, pure. Source: conformance/s3-endpoints (the rule set of AWS's SDKs). */
#ifndef CONNECTORS_S3_ENDPOINT_H
#define CONNECTORS_S3_ENDPOINT_H

#include "runner/base/arena.h"
#include "runner/base/error.h"

#include <stdbool.h>

enum s3_addressing {
    S3_ADDRESSING_AUTO,    /* virtual host at AWS, path at a custom endpoint that is not AWS's */
    S3_ADDRESSING_VIRTUAL, /* virtual host where the bucket's name allows it, else path */
    S3_ADDRESSING_PATH,
};

struct s3_endpoint_params {
    const char *region;
    const char *bucket;   /* a name or the ARN of an access point; NULL: the service itself */
    const char *endpoint; /* a custom one: "http://127.0.0.1:8333/base"; NULL: AWS */
    enum s3_addressing addressing;
    bool dual_stack, fips, accelerate;
    bool use_arn_region; /* the ARN's region wins over `region`; else they have to be the same */
    bool disable_access_points, disable_multi_region_access_points; /* refuse them */
    bool use_global_endpoint; /* s3.amazonaws.com for us-east-1 */
};

struct s3_endpoint {
    const char *scheme; /* "https" */
    const char *host;   /* with the port where it is not the scheme's, as in Host: */
    const char *path;   /* in front of the key: "" or "/bucket" or "/base/bucket", encoded */
    const char *sign_region;
    const char *sign_service; /* "s3", "s3-object-lambda", "s3-outposts" */
    bool path_style;
};

/* Texts live in `arena`. ERROR_INVALID: the parameters contradict each other, in AWS's words where
 * the vectors fix them; ERROR_NOT_SUPPORTED: directory buckets (S3 Express) and multi-region access
 * points; README.md says why. */
int s3_endpoint_resolve(const struct s3_endpoint_params *params, struct arena *arena,
    struct s3_endpoint *ret_endpoint, struct error *err);

/* Whether a custom endpoint that passed s3_endpoint_check() is one of AWS's own
 * ("https://bucket.vpce-1a2b .s3.us-east-1.vpce.amazonaws.com"): then the store is AWS's. */
bool s3_endpoint_is_aws(const char *endpoint);

/* Whether it can be a custom endpoint. ERROR_INVALID begins with `what`, the option's name, and
 * says nothing of a name and a password that stand in front of the host: they are not taken. */
int s3_endpoint_check(const char *endpoint, const char *what, struct error *err);

/* Whether it can be a bucket's name as AWS has it (3 … 63 bytes, …), and whether it can be one in
 * a host's name. */
bool s3_bucket_name_valid(const char *bucket);
bool s3_bucket_name_virtual(const char *bucket, bool dots_allowed);

#endif
