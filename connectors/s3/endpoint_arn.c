#include "connectors/s3/arn.h"
#include "connectors/s3/endpoint_private.h"
#include "runner/base/text.h"

#include <string.h>

/* "arn:…:outpost/ID/accesspoint/NAME" */
enum { OUTPOST_ID = 1, OUTPOST_TYPE = 2, OUTPOST_NAME = 3, OUTPOST_PARTS = 4 };

/* "NAME-oID8xz5…use10--op-s3": counted from the end. */
enum {
    ALIAS_BYTES_MIN = 50,
    ALIAS_HARDWARE = 50,
    ALIAS_ID = 49,
    ALIAS_ID_BYTES = 17,
    ALIAS_PLACE = 12
};

static int wrong_letters(const char *what, const char *found, struct error *err)
{
    return error_set(err, ERROR_INVALID,
        "Invalid ARN: The %s may only contain a-z, A-Z, 0-9 and `-`. Found: `%s`", what, found);
}

static int check_place(const struct resolver *resolver, const struct s3_arn *arn, struct error *err)
{
    const struct s3_partition *partition = s3_partition_of(arn->region);

    if (!resolver->params->use_arn_region && strcmp(arn->region, resolver->params->region) != 0)
        return error_set(err, ERROR_INVALID,
            "Invalid configuration: region from ARN `%s` does not match client region `%s` and "
            "UseArnRegion is `false`",
            arn->region, resolver->params->region);
    if (partition != resolver->partition)
        return error_set(err, ERROR_INVALID,
            "Client was configured for partition `%s` but ARN (`%s`) has `%s`",
            resolver->partition->name, resolver->params->bucket, partition->name);
    if (!s3_host_label(arn->region, true))
        return error_set(
            err, ERROR_INVALID, "Invalid region in ARN: `%s` (invalid DNS name)", arn->region);
    return 0;
}

static int check_names(const struct s3_arn *arn, const char *name, struct error *err)
{
    if (!s3_host_label(arn->account, false))
        return wrong_letters("account id", arn->account, err);
    if (!s3_host_label(name, false))
        return wrong_letters("access point name", name, err);
    return 0;
}

/* NAME-ACCOUNT[.MORE].ENDPOINT, or in place of a custom endpoint SERVICE[.dualstack].REGION.… */
static void set_host(const struct resolver *resolver, const struct s3_arn *arn, const char *name,
    const char *service, struct s3_endpoint *endpoint)
{
    const char *region = arena_strdup(resolver->arena, arn->region);

    if (resolver->custom)
        endpoint->host =
            arena_printf(resolver->arena, "%s-%s.%s", name, arn->account, resolver->url.authority);
    else
        endpoint->host = arena_printf(resolver->arena, "%s-%s.%s%s%s.%s.%s", name, arn->account,
            service, resolver->params->fips ? "-fips" : "",
            resolver->params->dual_stack ? ".dualstack" : "", region,
            resolver->partition->dns_suffix);
    endpoint->sign_region = region;
}

/* --- access points, of buckets and of Object Lambda --- */

static int refuse_multi_region(
    const struct resolver *resolver, const struct s3_arn *arn, struct error *err)
{
    if (!s3_host_label(arn->parts[1], true))
        return error_set(err, ERROR_INVALID, "Invalid Access Point Name: `%s`", arn->parts[1]);
    if (resolver->params->disable_multi_region_access_points)
        return error_set(err, ERROR_INVALID,
            "Invalid configuration: Multi-Region Access Point ARNs are disabled.");
    return error_set(err, ERROR_NOT_SUPPORTED,
        "%s: multi-region access points are not supported (they take signatures of version 4A); "
        "use a bucket or an access point of one region",
        resolver->params->bucket);
}

static int check_access_point(
    const struct resolver *resolver, const struct s3_arn *arn, bool lambda, struct error *err)
{
    if (!*arn->parts[1])
        return error_set(err, ERROR_INVALID,
            "Invalid ARN: Expected a resource of the format `accesspoint:<accesspoint name>` but "
            "no name was provided");
    if (lambda && resolver->params->dual_stack)
        return error_set(err, ERROR_INVALID, "S3 Object Lambda does not support Dual-stack");
    if (lambda && resolver->params->accelerate)
        return error_set(err, ERROR_INVALID, "S3 Object Lambda does not support S3 Accelerate");
    if (!*arn->region && lambda)
        return error_set(err, ERROR_INVALID, "Invalid ARN: bucket ARN is missing a region");
    if (!*arn->region)
        return refuse_multi_region(resolver, arn, err);
    if (resolver->params->disable_access_points)
        return error_set(err, ERROR_INVALID, "Access points are not supported for this operation");
    if (arn->part_count > 2)
        return error_set(err, ERROR_INVALID,
            "Invalid ARN: The ARN may only contain a single resource component after "
            "`accesspoint`.");
    return check_place(resolver, arn, err);
}

static int resolve_access_point(const struct resolver *resolver, const struct s3_arn *arn,
    struct s3_endpoint *endpoint, struct error *err)
{
    const bool lambda = strcmp(arn->service, "s3-object-lambda") == 0;

    if (check_access_point(resolver, arn, lambda, err))
        return -1;
    if (!lambda && strcmp(arn->service, "s3") != 0)
        return error_set(err, ERROR_INVALID,
            "Invalid ARN: The ARN was not for the S3 service, found: %s", arn->service);
    if (lambda && !*arn->account)
        return error_set(err, ERROR_INVALID, "Invalid ARN: Missing account id");
    if (check_names(arn, arn->parts[1], err))
        return -1;
    if (!lambda && resolver->params->accelerate)
        return error_set(err, ERROR_INVALID, "Access Points do not support S3 Accelerate");
    set_host(
        resolver, arn, arn->parts[1], lambda ? "s3-object-lambda" : "s3-accesspoint", endpoint);
    if (lambda)
        endpoint->sign_service = "s3-object-lambda";
    return 0;
}

/* --- Outposts --- */

static int check_outpost_options(const struct resolver *resolver, struct error *err)
{
    const char *option = resolver->params->dual_stack   ? "Dual-stack"
                         : resolver->params->fips       ? "FIPS"
                         : resolver->params->accelerate ? "S3 Accelerate"
                                                        : NULL;

    if (!option)
        return 0;
    return error_set(err, ERROR_INVALID, "S3 Outposts does not support %s", option);
}

static int check_outpost(
    const struct resolver *resolver, const struct s3_arn *arn, struct error *err)
{
    if (check_outpost_options(resolver, err))
        return -1;
    if (arn->part_count > OUTPOST_PARTS)
        return error_set(
            err, ERROR_INVALID, "Invalid Arn: Outpost Access Point ARN contains sub resources");
    if (!*arn->parts[OUTPOST_ID])
        return error_set(err, ERROR_INVALID, "Invalid ARN: The Outpost Id was not set");
    if (!s3_host_label(arn->parts[OUTPOST_ID], false))
        return wrong_letters("outpost Id", arn->parts[OUTPOST_ID], err);
    if (check_place(resolver, arn, err))
        return -1;
    if (!s3_host_label(arn->account, false))
        return wrong_letters("account id", arn->account, err);
    if (arn->part_count <= OUTPOST_TYPE)
        return error_set(err, ERROR_INVALID, "Invalid ARN: Expected a 4-component resource");
    if (arn->part_count <= OUTPOST_NAME)
        return error_set(err, ERROR_INVALID, "Invalid ARN: expected an access point name");
    if (strcmp(arn->parts[OUTPOST_TYPE], "accesspoint") != 0)
        return error_set(err, ERROR_INVALID, "Expected an outpost type `accesspoint`, found %s",
            arn->parts[OUTPOST_TYPE]);
    return check_names(arn, arn->parts[OUTPOST_NAME], err);
}

static int resolve_outpost(const struct resolver *resolver, const struct s3_arn *arn,
    struct s3_endpoint *endpoint, struct error *err)
{
    if (check_outpost(resolver, arn, err))
        return -1;
    endpoint->sign_region = arena_strdup(resolver->arena, arn->region);
    endpoint->sign_service = "s3-outposts";
    if (resolver->custom)
        endpoint->host = arena_printf(resolver->arena, "%s-%s.%s.%s", arn->parts[OUTPOST_NAME],
            arn->account, arn->parts[OUTPOST_ID], resolver->url.authority);
    else
        endpoint->host =
            arena_printf(resolver->arena, "%s-%s.%s.s3-outposts.%s.%s", arn->parts[OUTPOST_NAME],
                arn->account, arn->parts[OUTPOST_ID], arn->region, resolver->partition->dns_suffix);
    return 0;
}

bool s3_endpoint_is_outpost_alias(const char *bucket)
{
    return strlen(bucket) >= ALIAS_BYTES_MIN && text_ends(bucket, "--op-s3");
}

int s3_endpoint_outpost_alias(
    const struct resolver *resolver, struct s3_endpoint *ret_endpoint, struct error *err)
{
    const char *bucket = resolver->params->bucket, *end = bucket + strlen(bucket);
    const char hardware = end[-ALIAS_HARDWARE];
    const bool beta = strncmp(end - ALIAS_PLACE, "beta", 4) == 0;
    const char *box;

    if (!s3_bucket_name_virtual(bucket, false))
        return error_set(
            err, ERROR_INVALID, "Invalid Outposts Bucket alias - it must be a valid bucket name.");
    if (hardware != 'o' && hardware != 'e')
        return error_set(err, ERROR_INVALID,
            "Unrecognized hardware type: \"Expected hardware type o or e but got %c\"", hardware);
    if (beta && !resolver->custom)
        return error_set(
            err, ERROR_INVALID, "Expected a endpoint to be specified but no endpoint was found");
    if (!s3_host_label(resolver->params->region, true))
        return error_set(err, ERROR_INVALID, "Invalid region: region was not a valid DNS name.");
    box = hardware == 'e'
              ? "ec2"
              : arena_printf(resolver->arena, "op-%.*s", ALIAS_ID_BYTES, end - ALIAS_ID);
    ret_endpoint->scheme = "https";
    ret_endpoint->path = "";
    ret_endpoint->sign_service = "s3-outposts";
    if (beta)
        ret_endpoint->host =
            arena_printf(resolver->arena, "%s.%s.%s", bucket, box, resolver->url.authority);
    else
        ret_endpoint->host = arena_printf(resolver->arena, "%s.%s.s3-outposts.%s.%s", bucket, box,
            resolver->params->region, resolver->partition->dns_suffix);
    return 0;
}

/* --- which of them it is --- */

int s3_endpoint_arn(
    const struct resolver *resolver, struct s3_endpoint *ret_endpoint, struct error *err)
{
    const char *bucket = resolver->params->bucket;
    struct s3_arn arn;

    if (!s3_arn_parse(bucket, resolver->arena, &arn))
        return error_set(err, ERROR_INVALID, "Invalid ARN: `%s` was not a valid ARN", bucket);
    if (!*arn.parts[0])
        return error_set(err, ERROR_INVALID, "Invalid ARN: No ARN type specified");
    if (strcmp(arn.parts[0], "accesspoint") == 0)
        return resolve_access_point(resolver, &arn, ret_endpoint, err);
    if (strcmp(arn.service, "s3-object-lambda") == 0)
        return error_set(err, ERROR_INVALID,
            "Invalid ARN: Object Lambda ARNs only support `accesspoint` arn types, but found: `%s`",
            arn.parts[0]);
    if (strcmp(arn.service, "s3-outposts") == 0)
        return resolve_outpost(resolver, &arn, ret_endpoint, err);
    return error_set(err, ERROR_INVALID, "Invalid ARN: Unrecognized format: %s (type: %s)", bucket,
        arn.parts[0]);
}
