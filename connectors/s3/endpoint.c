#include "connectors/s3/endpoint.h"

#include "connectors/aws/sigv4.h"
#include "connectors/s3/arn.h"
#include "connectors/s3/endpoint_private.h"
#include "runner/base/buffer.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_BYTES_MAX = 200 };

static const char global_region[] = "aws-global", default_region[] = "us-east-1";

/* --- names --- */

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool label(const char *text, size_t length)
{
    if (length < 1 || length > 63 || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!alnum(text[i]) && text[i] != '-')
            return false;
    }
    return true;
}

bool s3_host_label(const char *text, bool dots_allowed)
{
    if (!dots_allowed)
        return label(text, strlen(text));
    for (;;) {
        const size_t length = strcspn(text, ".");

        if (!label(text, length))
            return false;
        if (!text[length])
            return true;
        text += length + 1;
    }
}

static bool is_ipv4(const char *text)
{
    struct in_addr address;

    return inet_pton(AF_INET, text, &address) == 1;
}

static bool has_upper(const char *text)
{
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z')
            return true;
    }
    return false;
}

bool s3_bucket_name_virtual(const char *bucket, bool dots_allowed)
{
    if (has_upper(bucket) || is_ipv4(bucket) || !s3_host_label(bucket, dots_allowed))
        return false;
    for (;;) { /* each label of three bytes at least */
        const size_t length = strcspn(bucket, ".");

        if (length < 3)
            return false;
        if (!bucket[length])
            return true;
        bucket += length + 1;
    }
}

bool s3_bucket_name_valid(const char *bucket)
{
    const size_t length = strlen(bucket);

    return length >= 3 && length <= 63 && !has_upper(bucket) && !is_ipv4(bucket) &&
           s3_host_label(bucket, true);
}

/* --- custom endpoints --- */

static bool authority_byte(char c)
{
    return alnum(c) || strchr("-._:[]", c) != NULL;
}

static bool path_byte(char c)
{
    return c > ' ' && c < 0x7f && !strchr("?#\"<>\\^`{|}", c);
}

/* Splits "host:port"; a port must be a number. */
static bool check_authority(struct endpoint_url *url, struct arena *arena)
{
    const char *end = url->authority[0] == '[' ? strchr(url->authority, ']') : NULL;
    const char *colon = strchr(end ? end : url->authority, ':');
    const char *own_port = strcmp(url->scheme, "http") == 0 ? ":80" : ":443";
    struct in6_addr address;
    const char *host;

    for (const char *at = url->authority; *at; at++) {
        if (!authority_byte(*at))
            return false;
    }
    if (colon && strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    host = colon ? arena_strndup(arena, url->authority, (size_t)(colon - url->authority))
                 : url->authority;
    if (!*host)
        return false;
    if (end) {
        host = arena_strndup(arena, url->authority + 1, (size_t)(end - url->authority - 1));
        url->ip = true;
        if (inet_pton(AF_INET6, host, &address) != 1 || (end[1] && end[1] != ':'))
            return false;
    } else {
        url->ip = is_ipv4(host);
        if (strpbrk(host, "[]"))
            return false;
    }
    if (colon && (strcmp(colon, own_port) == 0 || !colon[1]))
        url->authority = arena_strndup(arena, url->authority, (size_t)(colon - url->authority));
    return true;
}

static bool parse_url(const char *text, struct arena *arena, struct endpoint_url *ret_url)
{
    struct endpoint_url url = {0};
    size_t length;

    if (strncasecmp(text, "http://", 7) == 0)
        url.scheme = "http";
    else if (strncasecmp(text, "https://", 8) == 0)
        url.scheme = "https";
    else
        return false;
    text = strstr(text, "//") + 2;
    length = strcspn(text, "/");
    url.authority = arena_strndup(arena, text, length);
    if (!check_authority(&url, arena))
        return false;
    text += length;
    for (const char *at = text; *at; at++) {
        if (!path_byte(*at))
            return false;
    }
    for (length = strlen(text); length > 0 && text[length - 1] == '/';)
        length--;
    url.path = arena_strndup(arena, text, length);
    *ret_url = url;
    return true;
}

int s3_endpoint_check(const char *endpoint, const char *what, struct error *err)
{
    struct endpoint_url url;
    struct arena arena;
    bool good;

    if (strchr(endpoint, '@'))
        return error_set(err, ERROR_INVALID,
            "%s: a name or a password in front of the host (\"@\") is not taken: write "
            "http://HOST:PORT or https://HOST, and give the keys as credentials",
            what);
    if (strncasecmp(endpoint, "http://", 7) != 0 && strncasecmp(endpoint, "https://", 8) != 0)
        return error_set(err, ERROR_INVALID, "%s: \"%.*s\" does not begin with http:// or https://",
            what, SHOWN_BYTES_MAX, endpoint);
    arena_init(&arena);
    good = parse_url(endpoint, &arena, &url);
    arena_deinit(&arena);
    if (good)
        return 0;
    return error_set(err, ERROR_INVALID,
        "%s: \"%.*s\" is no endpoint: write http://HOST:PORT or https://HOST, without a query",
        what, (int)MIN(strcspn(endpoint, "?#"), (size_t)SHOWN_BYTES_MAX), endpoint);
}

/* --- AWS's own hosts --- */

static bool is_global(const struct resolver *resolver)
{
    return strcmp(resolver->params->region, global_region) == 0;
}

/* "s3.dualstack.eu-west-1.amazonaws.com" */
static const char *service_host(const struct resolver *resolver, bool accelerate)
{
    const struct s3_endpoint_params *params = resolver->params;
    const bool plain = !params->fips && !params->dual_stack;
    const char *region = is_global(resolver) ? default_region : params->region;
    bool regional = !plain || (!is_global(resolver) && !(params->use_global_endpoint &&
                                                           strcmp(region, default_region) == 0));

    if (accelerate)
        regional = params->dual_stack && is_global(resolver);
    return arena_printf(resolver->arena, "s3%s%s%s%s.%s",
        accelerate     ? "-accelerate"
        : params->fips ? "-fips"
                       : "",
        params->dual_stack ? ".dualstack" : "", regional ? "." : "", regional ? region : "",
        resolver->partition->dns_suffix);
}

static const char *encoded_bucket(const struct resolver *resolver)
{
    const char *bucket = resolver->params->bucket, *text;
    struct buffer encoded;

    buffer_init(&encoded, 0);
    sigv4_encode(bucket, strlen(bucket), false, &encoded);
    text = arena_strdup(resolver->arena, encoded.data);
    buffer_deinit(&encoded);
    return text;
}

/* --- the rules --- */

static int invalid_region(const struct resolver *resolver, bool dots_allowed, struct error *err)
{
    if (s3_host_label(resolver->params->region, dots_allowed))
        return 0;
    return error_set(err, ERROR_INVALID, "Invalid region: region was not a valid DNS name.");
}

static void resolve_service(const struct resolver *resolver, struct s3_endpoint *endpoint)
{
    endpoint->host = resolver->custom ? resolver->url.authority : service_host(resolver, false);
}

static int resolve_virtual(
    const struct resolver *resolver, struct s3_endpoint *endpoint, struct error *err)
{
    const struct s3_endpoint_params *params = resolver->params;

    if (invalid_region(resolver, false, err))
        return -1;
    if (params->accelerate && strcmp(resolver->partition->name, "aws-cn") == 0)
        return error_set(
            err, ERROR_INVALID, "S3 Accelerate cannot be used in this region: %s", params->region);
    endpoint->host = arena_printf(resolver->arena, "%s.%s", params->bucket,
        resolver->custom ? resolver->url.authority : service_host(resolver, params->accelerate));
    return 0;
}

static int resolve_path(
    const struct resolver *resolver, struct s3_endpoint *endpoint, struct error *err)
{
    if (resolver->params->accelerate)
        return error_set(err, ERROR_INVALID,
            "Path-style addressing cannot be used with S3 Accelerate: the bucket's name must fit "
            "into a host's name");
    if (invalid_region(resolver, true, err))
        return -1;
    resolve_service(resolver, endpoint);
    endpoint->path =
        arena_printf(resolver->arena, "%s/%s", endpoint->path, encoded_bucket(resolver));
    endpoint->path_style = true;
    return 0;
}

static bool is_aws(const struct endpoint_url *url, struct arena *arena)
{
    return s3_partition_has_host(
        arena_strndup(arena, url->authority, strcspn(url->authority, ":")));
}

bool s3_endpoint_is_aws(const char *endpoint)
{
    struct endpoint_url url;
    struct arena arena;
    bool aws;

    arena_init(&arena);
    aws = parse_url(endpoint, &arena, &url) && is_aws(&url, &arena);
    arena_deinit(&arena);
    return aws;
}

/* Other stores are often found by one name, or an address, that has none for each bucket. */
static bool path_forced(const struct resolver *resolver)
{
    if (resolver->params->addressing != S3_ADDRESSING_AUTO)
        return resolver->params->addressing == S3_ADDRESSING_PATH;
    if (!resolver->custom || s3_arn_is(resolver->params->bucket))
        return false;
    return !is_aws(&resolver->url, resolver->arena);
}

static int resolve_bucket(
    const struct resolver *resolver, struct s3_endpoint *endpoint, struct error *err)
{
    const char *bucket = resolver->params->bucket;
    const bool path = path_forced(resolver);
    const bool dots = resolver->custom && strcmp(resolver->url.scheme, "http") == 0;

    if (*bucket == '\0')
        return error_set(err, ERROR_INVALID, "the name of the bucket is empty");
    if (text_ends(bucket, "--x-s3") || text_ends(bucket, "--xa-s3"))
        return error_set(err, ERROR_NOT_SUPPORTED,
            "%s: directory buckets (S3 Express One Zone) are not supported; use a general purpose "
            "bucket",
            bucket);
    if (s3_endpoint_is_outpost_alias(bucket))
        return s3_endpoint_outpost_alias(resolver, endpoint, err);
    if (!path && s3_bucket_name_virtual(bucket, false) && !(resolver->custom && resolver->url.ip))
        return resolve_virtual(resolver, endpoint, err);
    if (!path && dots && !resolver->url.ip && s3_bucket_name_virtual(bucket, true))
        return resolve_virtual(resolver, endpoint, err);
    if (s3_arn_is(bucket) && path)
        return error_set(err, ERROR_INVALID,
            "Path-style addressing cannot be used with ARN buckets: leave the addressing out");
    if (s3_arn_is(bucket))
        return s3_endpoint_arn(resolver, endpoint, err);
    return resolve_path(resolver, endpoint, err);
}

static int check_params(const struct resolver *resolver, struct error *err)
{
    const struct s3_endpoint_params *params = resolver->params;

    if (params->accelerate && params->fips)
        return error_set(err, ERROR_INVALID, "Accelerate cannot be used with FIPS");
    if (params->endpoint && params->dual_stack)
        return error_set(
            err, ERROR_INVALID, "Cannot set dual-stack in combination with a custom endpoint.");
    if (params->endpoint && params->fips)
        return error_set(err, ERROR_INVALID, "A custom endpoint cannot be combined with FIPS");
    if (params->endpoint && params->accelerate)
        return error_set(
            err, ERROR_INVALID, "A custom endpoint cannot be combined with S3 Accelerate");
    if (params->fips && strcmp(resolver->partition->name, "aws-cn") == 0)
        return error_set(err, ERROR_INVALID, "Partition does not support FIPS");
    return 0;
}

int s3_endpoint_resolve(const struct s3_endpoint_params *params, struct arena *arena,
    struct s3_endpoint *ret_endpoint, struct error *err)
{
    struct resolver resolver = {.params = params, .arena = arena};
    struct s3_endpoint endpoint = {.scheme = "https", .path = "", .sign_service = "s3"};

    if (!params->region)
        return error_set(err, ERROR_INVALID, "A region must be set when sending requests to S3.");
    resolver.partition = s3_partition_of(params->region);
    if (check_params(&resolver, err))
        return -1;
    if (params->endpoint) {
        if (strchr(params->endpoint, '@'))
            return error_set(err, ERROR_INVALID,
                "Custom endpoint with \"@\": it takes no credentials; write http://HOST:PORT or "
                "https://HOST");
        if (!parse_url(params->endpoint, arena, &resolver.url))
            return error_set(err, ERROR_INVALID,
                "Custom endpoint `%s` was not a valid URI: write http://HOST:PORT or https://HOST",
                params->endpoint);
        resolver.custom = true;
        endpoint.scheme = resolver.url.scheme;
        endpoint.path = resolver.url.path;
    }
    endpoint.sign_region =
        arena_strdup(arena, is_global(&resolver) ? default_region : params->region);
    if (!params->bucket) {
        if (invalid_region(&resolver, true, err))
            return -1;
        resolve_service(&resolver, &endpoint);
    } else if (resolve_bucket(&resolver, &endpoint, err)) {
        return -1;
    }
    *ret_endpoint = endpoint;
    return 0;
}
