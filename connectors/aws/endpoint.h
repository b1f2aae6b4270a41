/* Where credentials are asked for, pure: STS and SSO by region, containers and instances by what
 * the environment says. (Where S3's objects are: connectors/s3/endpoint.h.) */
#ifndef CONNECTORS_AWS_ENDPOINT_H
#define CONNECTORS_AWS_ENDPOINT_H

#include "connectors/aws/settings.h"
#include "runner/base/arena.h"

enum aws_service { AWS_STS, AWS_SSO };

/* "https://sts.eu-west-1.amazonaws.com", without "/" at the end. AWS_ENDPOINT_URL_STS,
 * AWS_ENDPOINT_URL and their like in the profile win, where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
 * does not forbid them; AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT count. In the arena.
 */
int aws_service_url(const struct aws_settings *settings, enum aws_service service,
    const char *region, struct arena *arena, const char **ret_url, struct error *err);

/* The URL that the user set for a service: `variable` ("AWS_ENDPOINT_URL_S3"), AWS_ENDPOINT_URL,
 * `endpoint_url` of `group` ("s3") in the profile's `services`, and of the profile itself;
 * *ret_what says which. NULL: none, or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS forbids them. Not
 * checked. */
const char *aws_configured_url(const struct aws_settings *settings, const char *variable,
    const char *group, struct arena *arena, const char **ret_what);

/* The container's endpoint: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, else _FULL_URI, which has to be
 * https:// or name this machine or one of the two addresses of ECS and EKS: nobody else gets the
 * token. NULL: neither is set. */
int aws_container_url(const struct aws_environment *environment, struct arena *arena,
    const char **ret_url, struct error *err);

/* The instance's metadata service, without "/" at the end: AWS_EC2_METADATA_SERVICE_ENDPOINT, else
 * by AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6). */
int aws_metadata_url(const struct aws_settings *settings, struct arena *arena, const char **ret_url,
    struct error *err);

#endif
