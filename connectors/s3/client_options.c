#include "connectors/s3/client_options.h"

#include "connectors/aws/endpoint.h"
#include "connectors/aws/settings_read.h"
#include "runner/base/mem.h"
#include "runner/base/text.h"
#include "runner/base/time.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

enum { REGION_BYTES_MAX = 63, ATTEMPTS_MAX = 1000 };

bool s3_region_valid(const char *region)
{
    const size_t length = strlen(region);

    for (size_t i = 0; i < length; i++) {
        if (!islower((unsigned char)region[i]) && !isdigit((unsigned char)region[i]) &&
            region[i] != '-')
            return false;
    }
    return length > 0 && length <= REGION_BYTES_MAX;
}

/* --- environment and profile --- */

/* Where a setting is: in the environment, else in the profile. For errors. */
static const char *place_of(
    const struct aws_settings *settings, const char *variable, const char *property)
{
    return aws_variable(&settings->environment, variable) ? variable : property;
}

static int read_checksums(const struct aws_settings *settings, const char *variable,
    const char *property, enum s3_checksums *checksums, struct error *err)
{
    const char *value = aws_setting(settings, variable, property);

    if (*checksums != S3_CHECKSUMS_AUTO || !value)
        return 0;
    if (strcasecmp(value, "when_supported") == 0)
        return 0; /* AWS's default: no wish of anybody's */
    if (strcasecmp(value, "when_required") == 0) {
        *checksums = S3_CHECKSUMS_WHEN_REQUIRED;
        return 0;
    }
    return error_set(err, ERROR_INVALID,
        "%s: \"%.60s\" is neither when_supported nor when_required",
        place_of(settings, variable, property), value);
}

static int read_attempts(
    const struct aws_settings *settings, struct s3_client_options *options, struct error *err)
{
    static const char variable[] = "AWS_MAX_ATTEMPTS", property[] = "max_attempts";
    const char *value = aws_setting(settings, variable, property);
    char *end;
    long attempts;

    if (options->retry.attempts || !value)
        return 0;
    errno = 0;
    attempts = strtol(value, &end, 10);
    if (errno || end == value || *end || attempts < 1 || attempts > ATTEMPTS_MAX)
        return error_set(err, ERROR_INVALID, "%s: \"%.60s\" is no number of attempts: 1 to %d",
            place_of(settings, variable, property), value, ATTEMPTS_MAX);
    options->retry.attempts = (unsigned)attempts;
    return 0;
}

static int read_region(
    const struct aws_settings *settings, struct s3_client_options *options, struct error *err)
{
    const char *what = "s3.region";

    if (!options->region) {
        options->region = aws_settings_region(settings);
        what = aws_variable(&settings->environment, "AWS_REGION")
                   ? "AWS_REGION"
                   : place_of(settings, "AWS_DEFAULT_REGION", "region of the profile");
    }
    if (!options->region)
        options->region = "us-east-1";
    if (!s3_region_valid(options->region))
        return error_set(err, ERROR_INVALID, "%s: \"%.80s\" is no region; write it as eu-west-1",
            what, options->region);
    return 0;
}

static int read_endpoint(const struct aws_settings *settings, struct s3_client_options *options,
    struct arena *arena, struct error *err)
{
    const char *what = "s3.endpoint";

    if (!options->endpoint)
        options->endpoint = aws_configured_url(settings, "AWS_ENDPOINT_URL_S3", "s3", arena, &what);
    return options->endpoint ? s3_endpoint_check(options->endpoint, what, err) : 0;
}

static int read_settings(const struct aws_settings *settings, struct s3_client_options *options,
    struct arena *arena, struct error *err)
{
    if (read_endpoint(settings, options, arena, err) || read_region(settings, options, err))
        return -1;
    if (!options->ca_file)
        options->ca_file = aws_setting(settings, "AWS_CA_BUNDLE", "ca_bundle");
    options->dual_stack =
        options->dual_stack ||
        aws_setting_true(settings, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    options->fips =
        options->fips || aws_setting_true(settings, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    options->own_region_only =
        options->own_region_only ||
        aws_setting_false(settings, "AWS_S3_USE_ARN_REGION", "s3_use_arn_region");
    if (read_checksums(settings, "AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation",
            &options->request_checksums, err) ||
        read_checksums(settings, "AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation",
            &options->response_checksums, err))
        return -1;
    return read_attempts(settings, options, err);
}

/* --- the rest --- */

static void set_defaults(struct s3_client_options *options)
{
    if (!options->part_bytes)
        options->part_bytes = 8ULL * 1024 * 1024;
    if (!options->memory_bytes)
        options->memory_bytes = 32ULL * 1024 * 1024;
    if (!options->concurrency)
        options->concurrency = 64;
    if (!options->retry.attempts)
        options->retry.attempts = 5;
    if (!options->retry.backoff_ms)
        options->retry.backoff_ms = 500;
    if (!options->retry.max_backoff_ms)
        options->retry.max_backoff_ms = 20 * MS_PER_SECOND;
}

static int check_limits(const struct s3_client_options *options, struct error *err)
{
    if (options->part_bytes < S3_PART_BYTES_MIN || options->part_bytes > S3_PART_BYTES_MAX)
        return error_set(err, ERROR_INVALID, "s3.part_size: must be 5MiB to 5GiB");
    if (options->concurrency > HTTP_CONNECTIONS_MAX)
        return error_set(err, ERROR_INVALID, "s3.concurrency: must be 1 to 10000");
    return 0;
}

static void keep(struct arena *arena, const char **text)
{
    if (*text)
        *text = arena_strdup(arena, *text);
}

int s3_client_options_fill(
    struct s3_client_options *options, struct arena *arena, struct error *err)
{
    struct aws_settings settings;
    int result;

    aws_settings_read(&settings, options->profile);
    result = read_settings(&settings, options, arena, err);
    keep(arena, &options->region);
    keep(arena, &options->profile);
    keep(arena, &options->endpoint);
    keep(arena, &options->ca_file);
    aws_settings_deinit(&settings);
    set_defaults(options);
    return result ? result : check_limits(options, err);
}
