/* arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, where AWS's tools take a bucket's name. Pure. */
#ifndef CONNECTORS_S3_ARN_H
#define CONNECTORS_S3_ARN_H

#include "runner/base/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum { S3_ARN_PARTS_MAX = 8 };

struct s3_arn {
    const char *partition, *service, *region, *account; /* the latter two may be "" */
    const char *parts[S3_ARN_PARTS_MAX]; /* of the resource, cut at ":" and "/"; "" behind the last:
                                            "accesspoint", "myap" */
    size_t part_count;                   /* also of those that found no room */
};

bool s3_arn_is(const char *text); /* begins with arn: */

/* False: it is not of that form, or partition, service or resource are empty. Texts live in
 * `arena`. */
bool s3_arn_parse(const char *text, struct arena *arena, struct s3_arn *ret_arn);

#endif
