#include "connectors/aws/endpoint.h"

#include "runner/base/mem.h"
#include "runner/base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- STS and SSO --- */

/* By the start of the region's name; the last one is for all others. */
static const struct partition {
    const char *prefix, *suffix, *dual_suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "amazonaws.com", "api.aws"},
};

static const struct service {
    const char *variable, *group, *host, *fips_host;
} services[] = {
    [AWS_STS] = {"AWS_ENDPOINT_URL_STS", "sts", "sts", "sts-fips"},
    [AWS_SSO] = {"AWS_ENDPOINT_URL_SSO", "sso", "portal.sso", "portal.sso-fips"},
};

static bool is_host_label(const char *text)
{
    const size_t length = strlen(text);

    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-')
            return false;
    return length > 0 && length <= 63 && text[0] != '-';
}

static int check_url(const char *url, const char *what, struct error *err)
{
    if (!text_starts(url, "http://") && !text_starts(url, "https://"))
        return error_set(err, ERROR_INVALID, "%s: does not start with http:// or https://", what);
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return error_set(err, ERROR_INVALID,
                "%s: has a character that no URL may have: write it as %%XX", what);
    if (!strchr(url, '/') || strspn(strchr(url, '/') + 2, "/:?#") || !strchr(url, '/')[2])
        return error_set(err, ERROR_INVALID, "%s: names no host", what);
    if (memchr(strchr(url, '/') + 2, '@', strcspn(strchr(url, '/') + 2, "/?#")))
        return error_set(
            err, ERROR_INVALID, "%s: a user in front of the host is not supported", what);
    return 0;
}

static const char *without_slash(struct arena *arena, const char *url)
{
    size_t length = strlen(url);

    while (length && url[length - 1] == '/')
        length--;
    return arena_strndup(arena, url, length);
}

const char *aws_configured_url(const struct aws_settings *settings, const char *variable,
    const char *group, struct arena *arena, const char **ret_what)
{
    const char *url = NULL, *services_name = aws_setting(settings, NULL, "services");
    const struct profile *section;
    char *nested;

    if (aws_setting_true(
            settings, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return NULL;
    *ret_what = variable;
    if ((url = aws_setting(settings, variable, NULL)))
        return url;
    *ret_what = "AWS_ENDPOINT_URL";
    if ((url = aws_setting(settings, *ret_what, NULL)))
        return url;
    *ret_what = "endpoint_url of the profile";
    section =
        services_name ? profile_find(&settings->profiles, PROFILE_SERVICES, services_name) : NULL;
    nested = profile_get_nested(section, group, "endpoint_url");
    if (!nested)
        return aws_setting(settings, NULL, "endpoint_url");
    url = arena_strdup(arena, nested);
    free(nested);
    return url;
}

int aws_service_url(const struct aws_settings *settings, enum aws_service service,
    const char *region, struct arena *arena, const char **ret_url, struct error *err)
{
    const struct service *known = &services[service];
    const struct partition *partition = partitions;
    const char *what;
    const char *url = aws_configured_url(settings, known->variable, known->group, arena, &what);
    const bool dual =
        aws_setting_true(settings, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    bool fips = aws_setting_true(settings, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");

    if (url) {
        if (check_url(url, what, err))
            return -1;
        *ret_url = without_slash(arena, url);
        return 0;
    }
    if (!is_host_label(region))
        return error_set(err, ERROR_INVALID, "\"%s\" is no name of a region", region);
    while (!text_starts(region, partition->prefix))
        partition++;
    if (text_starts(region, "us-gov-") && !dual)
        fips = false; /* there the plain one is */
    *ret_url = arena_printf(arena, "https://%s.%s.%s", fips ? known->fips_host : known->host,
        region, dual ? partition->dual_suffix : partition->suffix);
    return 0;
}

/* --- containers --- */

static bool is_loopback(const char *host, size_t length)
{
    unsigned char address[4];
    char text[64];

    if (length >= sizeof(text))
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    return strcasecmp(text, "localhost") == 0 || text_equal(text, "[::1]") ||
           (inet_pton(AF_INET, text, address) == 1 && address[0] == 127);
}

static bool may_have_token(const char *url)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    const char *host = url + strlen("http://");
    const size_t authority = strcspn(host, "/?#");
    size_t length = authority;

    if (text_starts(url, "https://"))
        return true;
    if (host[0] == '[')
        length = memchr(host, ']', authority)
                     ? (size_t)((const char *)memchr(host, ']', authority) + 1 - host)
                     : 0;
    else if (memchr(host, ':', authority))
        length = (size_t)((const char *)memchr(host, ':', authority) - host);
    for (unsigned i = 0; i < ARRAY_LENGTH(hosts); i++)
        if (length == strlen(hosts[i]) && strncasecmp(host, hosts[i], length) == 0)
            return true;
    return is_loopback(host, length);
}

int aws_container_url(const struct aws_environment *environment, struct arena *arena,
    const char **ret_url, struct error *err)
{
    static const char relative_name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    static const char full_name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const char *relative = aws_variable(environment, relative_name);
    const char *full = aws_variable(environment, full_name);
    const char *url = full;

    if (relative) {
        if (relative[0] != '/')
            return error_set(err, ERROR_INVALID, "%s does not start with \"/\"", relative_name);
        url = arena_printf(arena, "http://169.254.170.2%s", relative);
    }
    if (url && check_url(url, relative ? relative_name : full_name, err))
        return -1;
    if (url && !may_have_token(url))
        return error_set(err, ERROR_INVALID,
            "%s: only https://, this machine, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23] may "
            "be asked",
            full_name);
    *ret_url = url ? arena_strdup(arena, url) : NULL;
    return 0;
}

/* --- the instance --- */

int aws_metadata_url(const struct aws_settings *settings, struct arena *arena, const char **ret_url,
    struct error *err)
{
    static const char name[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    const char *url = aws_setting(settings, name, "ec2_metadata_service_endpoint");
    const char *mode = aws_setting(
        settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");

    if (url) {
        if (check_url(url, name, err))
            return -1;
        *ret_url = without_slash(arena, url);
        return 0;
    }
    if (!mode || strcasecmp(mode, "IPv4") == 0)
        *ret_url = "http://169.254.169.254";
    else if (strcasecmp(mode, "IPv6") == 0)
        *ret_url = "http://[fd00:ec2::254]";
    else
        return error_set(err, ERROR_INVALID,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: \"%s\" is neither IPv4 nor IPv6", mode);
    return 0;
}
