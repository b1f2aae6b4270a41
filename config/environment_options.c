/* What may stand in sluice.yaml. */
#include "config/environment_internal.h"
#include "runner/base/mem.h"

#include <stddef.h>
#include <string.h>

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error", NULL};

static const struct option logs_table[] = {
    {"dir", OPTION_TEXT, offsetof(struct log_options_config, dir), .preset = ".sluice/logs",
        .max = 4096, .help = "Folder of the log files, from the project's root"},
    {"level", OPTION_TEXT, offsetof(struct log_options_config, level), .preset = "info",
        .max = 1000, .pattern = "^[a-z]", .check = environment_check_level,
        .help = "What is logged: \"info\", or by part: \"info,s3=debug\""},
    {"keep", OPTION_DURATION, offsetof(struct log_options_config, keep), .preset = "30d",
        .min = 3600000, .max = 3660 * 86400000.0, .help = "How long log files are kept"},
    {"samples", OPTION_BOOL, offsetof(struct log_options_config, samples), .preset = "false",
        .help = "Whether rows may be shown in logs"},
};
static const struct option_set logs_set = {
    .name = "logs",
    .help = "Logs in JSON lines",
    .options = logs_table,
    .count = ARRAY_LENGTH(logs_table),
    .size = sizeof(struct log_options_config),
    .shorthand = "dir",
};

static const char *const catalog_kinds[] = {"sqlite", "iceberg", NULL};

static const struct option catalog_table[] = {
    {"url", OPTION_TEXT, offsetof(struct catalog_config, url), .max = 4096,
        .pattern = "^sqlite:", .check = environment_check_catalog, .help = "sqlite:PATH"},
    {"kind", OPTION_TEXT, offsetof(struct catalog_config, kind), .pattern = "^(sqlite|iceberg)$",
        .check = environment_check_catalog_kind, .help = "sqlite or iceberg"},
    {"uri", OPTION_TEXT, offsetof(struct catalog_config, uri), .max = 4096,
        .help = "Where an Iceberg REST catalog is"},
    {"warehouse", OPTION_TEXT, offsetof(struct catalog_config, warehouse), .max = 4096,
        .help = "The warehouse in it"},
    {"auth", OPTION_TEXT, offsetof(struct catalog_config, auth), .pattern = "^(none|sigv4|oauth2)$",
        .check = environment_check_auth, .help = "none, sigv4 or oauth2"},
};
static const char *const catalog_one_of[] = {"url", "kind", NULL};
static const struct option_set catalog_set = {
    .name = "catalog",
    .help = "Where tables are listed",
    .options = catalog_table,
    .count = ARRAY_LENGTH(catalog_table),
    .size = sizeof(struct catalog_config),
    .shorthand = "url",
    .one_of = catalog_one_of,
};

static const struct option s3_table[] = {
    {"region", OPTION_TEXT, offsetof(struct s3_config, region), .max = 64,
        .help = "AWS region: eu-west-1"},
    {"profile", OPTION_TEXT, offsetof(struct s3_config, profile), .max = 255,
        .help = "Profile of the AWS configuration files"},
    {"endpoint", OPTION_TEXT, offsetof(struct s3_config, endpoint), .max = 4096,
        .pattern = "^https?://", .check = environment_check_url,
        .help = "Another server that speaks S3: http://localhost:9000"},
    {"ca_file", OPTION_TEXT, offsetof(struct s3_config, ca_file), .max = 4096,
        .help = "Certificates that the endpoint is trusted by"},
    {"addressing", OPTION_TEXT, offsetof(struct s3_config, addressing),
        .pattern = "^(auto|path|virtual)$", .check = environment_check_addressing,
        .help = "auto (default), path or virtual"},
    {"part_size", OPTION_SIZE, offsetof(struct s3_config, part_size), .preset = "8MiB",
        .min = 5.0 * 1024 * 1024, .max = 5.0 * 1024 * 1024 * 1024,
        .help = "Size of the parts of an upload"},
    {"memory", OPTION_SIZE, offsetof(struct s3_config, memory), .preset = "32MiB",
        .min = 8.0 * 1024 * 1024, .max = 64.0 * 1024 * 1024 * 1024, .help = "Memory for transfers"},
    {"throughput_target_gbps", OPTION_NUMBER, offsetof(struct s3_config, throughput_target_gbps),
        .min = 0.001, .max = 10000,
        .help = "What the network is good for: a connection for each 0.4 Gb/s, 10 to 4096"},
    {"concurrency", OPTION_INT, offsetof(struct s3_config, concurrency), .min = 1, .max = 4096,
        .help = "Connections (default: by throughput_target_gbps, else 64)"},
    {"unsigned", OPTION_BOOL, offsetof(struct s3_config, unsigned_access), .preset = "false",
        .help = "No credentials: public buckets"},
    {"dual_stack", OPTION_BOOL, offsetof(struct s3_config, dual_stack), .preset = "false",
        .help = "AWS's endpoints that have IPv6 addresses, too"},
    {"fips", OPTION_BOOL, offsetof(struct s3_config, fips), .preset = "false",
        .help = "AWS's FIPS endpoints"},
    {"accelerate", OPTION_BOOL, offsetof(struct s3_config, accelerate), .preset = "false",
        .help = "AWS's Transfer Acceleration, where the bucket has it"},
    {"requester_pays", OPTION_BOOL, offsetof(struct s3_config, requester_pays), .preset = "false",
        .help = "We pay for what we ask buckets of others"},
    {"checksums", OPTION_TEXT, offsetof(struct s3_config, checksums),
        .pattern = "^(auto|when_supported|when_required)$", .check = environment_check_checksums,
        .help = "auto (default: where the store takes them), when_supported or when_required"},
    {"storage_class", OPTION_TEXT, offsetof(struct s3_config, storage_class), .max = 64,
        .pattern = "^[A-Z0-9_]+$", .check = environment_check_storage_class,
        .help = "Of what is written: STANDARD_IA, GLACIER_IR, …"},
    {"sse", OPTION_TEXT, offsetof(struct s3_config, sse),
        .pattern = "^(AES256|aws:kms|aws:kms:dsse)$", .check = environment_check_sse,
        .help = "Encryption of what is written: AES256, aws:kms or aws:kms:dsse"},
    {"sse_kms_key_id", OPTION_TEXT, offsetof(struct s3_config, sse_kms_key_id), .max = 2048,
        .help = "Key of aws:kms: an id, ARN or alias"},
    {"tags", OPTION_PAIRS, offsetof(struct s3_config, tags), .max = 10,
        .help = "Tags of what is written"},
    {"metadata", OPTION_PAIRS, offsetof(struct s3_config, metadata), .max = 40,
        .help = "Metadata of what is written, without x-amz-meta-"},
};
static const struct option_set s3_set = OPTION_SET(
    "s3", "Object storage of AWS and of those that speak like it", struct s3_config, s3_table);

static const struct option http_table[] = {
    {"ca_file", OPTION_TEXT, offsetof(struct http_config, ca_file), .max = 4096,
        .help = "Certificates that https:// is trusted by (default: the system's)"},
};
static const struct option_set http_set =
    OPTION_SET("http", "Files at https:// and http://", struct http_config, http_table);

static const struct option lease_table[] = {
    {"ttl", OPTION_DURATION, offsetof(struct lease_config, ttl), .preset = "60s", .min = 1000,
        .max = 24 * MS_PER_HOUR,
        .help = "How long a run may give no sign of life before another one may replace it; signs "
                "come six times as often"},
};
static const struct option_set lease_set = OPTION_SET(
    "lease", "One run of a pipeline at a time", struct lease_config, lease_table);

static const struct option cloudwatch_table[] = {
    {"log_group", OPTION_TEXT, offsetof(struct cloudwatch_config, log_group), .max = 512,
        .help = "Log group: /sluice/prod"},
    {"namespace", OPTION_TEXT, offsetof(struct cloudwatch_config, namespace), .preset = "Sluice",
        .max = 255, .help = "Namespace of the metrics"},
    {"mode", OPTION_TEXT, offsetof(struct cloudwatch_config, mode),
        .pattern = "^(auto|stdout|api|off)$", .check = environment_check_cloudwatch_mode,
        .help = "auto (default), stdout, api or off"},
};
static const struct option_set cloudwatch_set =
    OPTION_SET("cloudwatch", "AWS CloudWatch", struct cloudwatch_config, cloudwatch_table);

static const struct option environment_table[] = {
    {"vars", OPTION_PAIRS, offsetof(struct environment, vars), .max = 10000,
        .flags = OPTION_NULLABLE, .help = "Values for ${vars.NAME} in pipelines"},
    {"catalog", OPTION_OBJECT, offsetof(struct environment, catalog), .fields = &catalog_set,
        .help = "Where tables are listed: sqlite:PATH; default: sqlite:.sluice/catalog.db"},
    {"store", OPTION_TEXT, offsetof(struct environment, store), .preset = "file:.sluice/store",
        .max = 4096, .pattern = "^(file:|s3://)", .check = environment_check_store,
        .help = "Where the data files of tables go: file:PATH or s3://bucket/prefix"},
    {"state", OPTION_TEXT, offsetof(struct environment, state), .preset = "sqlite:.sluice/state.db",
        .max = 4096, .pattern = "^(sqlite:|s3://)", .check = environment_check_state,
        .help = "Where history, journal and leases are: sqlite:PATH or s3://bucket/prefix"},
    {"logs", OPTION_OBJECT, offsetof(struct environment, logs), .fields = &logs_set,
        .help = "Logs; a text is the folder"},
    {"s3", OPTION_OBJECT, offsetof(struct environment, s3), .fields = &s3_set,
        .help = "Object storage"},
    {"http", OPTION_OBJECT, offsetof(struct environment, http), .fields = &http_set,
        .help = "Files at https:// and http://"},
    {"lease", OPTION_OBJECT, offsetof(struct environment, lease), .fields = &lease_set,
        .help = "One run of a pipeline at a time"},
    {"cloudwatch", OPTION_OBJECT, offsetof(struct environment, cloudwatch),
        .fields = &cloudwatch_set, .help = "AWS CloudWatch"},
};
static const struct option_set environment_set =
    OPTION_SET("environment", "Where an environment's catalog, store, state and logs are",
        struct environment, environment_table);

static const struct option project_table[] = {
    {"project", OPTION_TEXT, offsetof(struct project, name), .max = 255, .flags = OPTION_RAW,
        .help = "Its name; default: the name of its folder"},
    {"pipelines", OPTION_TEXT, offsetof(struct project, pipelines), .preset = "pipelines",
        .max = 4096, .help = "Folder of the pipelines"},
    {"environments", OPTION_OBJECTS, offsetof(struct project, environments),
        .fields = &environment_set, .min = 1, .max = 1000, .pattern = "^[a-z0-9][a-z0-9_-]{0,254}$",
        .check = environment_check_name,
        .help = "dev, prod, …: chosen by --env or $SLUICE_ENV, else dev"},
};

const struct option_set project_options =
    OPTION_SET("project", "A project: sluice.yaml", struct project, project_table);

/* --- what single texts must look like --- */

static int check_choice(
    const char *text, const char *what, const char *const *choices, struct error *err)
{
    struct option option = {what, OPTION_ENUM, .choices = choices};
    int index;

    return option_parse(&option, text, &index, NULL, err);
}

int environment_check_name(const char *text, struct error *err)
{
    if (text_is_name(text, "_-"))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a name; use a-z, 0-9, _ and -, with a letter or digit first", text);
}

int environment_check_level(const char *text, struct error *err)
{
    char level[16] = "";
    const size_t length = strcspn(text, ",");

    /* The parts that may follow are the log's own names: it ignores those that it does not have. */
    if (length >= sizeof(level))
        return error_set(err, ERROR_INVALID, "\"%s\" is not a level", text);
    memcpy(level, text, length);
    if (strchr(level, '='))
        return 0;
    return check_choice(level, "level", level_names, err);
}

int environment_check_catalog(const char *text, struct error *err)
{
    if (text_starts(text, "sqlite:") && text[7])
        return 0;
    return error_set(err, ERROR_INVALID, "\"%s\" is not a catalog; write sqlite:PATH", text);
}

int environment_check_catalog_kind(const char *text, struct error *err)
{
    return check_choice(text, "kind", catalog_kinds, err);
}

int environment_check_auth(const char *text, struct error *err)
{
    static const char *const names[] = {"none", "sigv4", "oauth2", NULL};

    return check_choice(text, "auth", names, err);
}

int environment_check_addressing(const char *text, struct error *err)
{
    static const char *const names[] = {"auto", "path", "virtual", NULL};

    return check_choice(text, "addressing", names, err);
}

int environment_check_checksums(const char *text, struct error *err)
{
    static const char *const names[] = {"auto", "when_supported", "when_required", NULL};

    return check_choice(text, "checksums", names, err);
}

int environment_check_sse(const char *text, struct error *err)
{
    static const char *const names[] = {"AES256", "aws:kms", "aws:kms:dsse", NULL};

    return check_choice(text, "sse", names, err);
}

int environment_check_storage_class(const char *text, struct error *err)
{
    if (*text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a storage class; S3 writes them in capitals: STANDARD_IA", text);
}

int environment_check_cloudwatch_mode(const char *text, struct error *err)
{
    static const char *const names[] = {"auto", "stdout", "api", "off", NULL};

    return check_choice(text, "mode", names, err);
}

int environment_check_url(const char *text, struct error *err)
{
    if ((text_starts(text, "http://") && text[7]) || (text_starts(text, "https://") && text[8]))
        return 0;
    return error_set(err, ERROR_INVALID, "\"%s\" is not a URL; write https://host", text);
}

int environment_check_store(const char *text, struct error *err)
{
    if ((text_starts(text, "file:") && text[5]) || (text_starts(text, "s3://") && text[5]))
        return 0;
    return error_set(
        err, ERROR_INVALID, "\"%s\" is not a store; write file:PATH or s3://bucket/prefix", text);
}

int environment_check_state(const char *text, struct error *err)
{
    if ((text_starts(text, "sqlite:") && text[7]) || (text_starts(text, "s3://") && text[5]))
        return 0;
    return error_set(err, ERROR_INVALID,
        "\"%s\" is not a place for state; write sqlite:PATH or s3://bucket/prefix", text);
}
