/* AWS's partitions: which regions lie in which, and what their hosts' names end in. Pure; the
 * facts are those of the SDKs' partitions.json. */
#ifndef CONNECTORS_S3_PARTITION_H
#define CONNECTORS_S3_PARTITION_H

#include <stdbool.h>

struct s3_partition {
    const char *name;       /* "aws-cn" */
    const char *dns_suffix; /* "amazonaws.com.cn" */
    const char *prefixes;   /* of its regions, each followed by a space: "cn- " */
};

/* Never NULL: a region of no known form is one of "aws", as a new one would be. */
const struct s3_partition *s3_partition_of(const char *region);

/* Whether a host (without a port) is one of AWS's own. */
bool s3_partition_has_host(const char *host);

#endif
