/* The resolver's insides: only endpoint*.c include this. */
#ifndef CONNECTORS_S3_ENDPOINT_PRIVATE_H
#define CONNECTORS_S3_ENDPOINT_PRIVATE_H

#include "connectors/s3/endpoint.h"
#include "connectors/s3/partition.h"

struct endpoint_url {
    const char *scheme, *authority; /* the latter without the scheme's own port */
    const char *path;               /* "" or "/base" */
    bool ip;
};

struct resolver {
    const struct s3_endpoint_params *params;
    const struct s3_partition *partition; /* of the client's region */
    bool custom;                          /* params->endpoint, as `url` */
    struct endpoint_url url;
    struct arena *arena;
};

/* A label of a host's name, or several with dots between them. */
bool s3_host_label(const char *text, bool dots_allowed);

/* Buckets that are ARNs, and the aliases of access points on Outposts. */
int s3_endpoint_arn(
    const struct resolver *resolver, struct s3_endpoint *ret_endpoint, struct error *err);
bool s3_endpoint_is_outpost_alias(const char *bucket);
int s3_endpoint_outpost_alias(
    const struct resolver *resolver, struct s3_endpoint *ret_endpoint, struct error *err);

#endif
