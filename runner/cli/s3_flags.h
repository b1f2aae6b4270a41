/* Flags that several s3 commands have. */
#ifndef RUNNER_CLI_S3_FLAGS_H
#define RUNNER_CLI_S3_FLAGS_H

#include "config/environment.h"
#include "connectors/s3/object.h"
#include "runner/base/arena.h"
#include "runner/base/option.h"

#include <stddef.h>

/* Who and where: the first member of each command's options. */
struct s3_flags {
    const char *endpoint, *region, *profile, *ca_file, *addressing; /* NULL, and 0 in the next: */
    uint64_t part_bytes;                                            /* the environment's */
    int64_t concurrency;
    struct duration timeout;
    bool unsigned_access, requester_pays;
};

int s3_check_addressing(const char *text, struct error *err);

#define S3_CLIENT_FLAGS                                                                            \
    {"endpoint", OPTION_TEXT, offsetof(struct s3_flags, endpoint), .value_name = "URL",            \
        .help = "Another server that speaks S3: http://localhost:9000 (default: "                  \
                "$AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, AWS)"},                                  \
        {"region", OPTION_TEXT, offsetof(struct s3_flags, region), .value_name = "REGION",         \
            .help = "Where requests start (default: $AWS_REGION, the profile's, us-east-1)"},      \
        {"profile", OPTION_TEXT, offsetof(struct s3_flags, profile), .value_name = "NAME",         \
            .help = "Profile of the AWS configuration files"},                                     \
        {"unsigned", OPTION_BOOL, offsetof(struct s3_flags, unsigned_access),                      \
            .help = "No credentials: public buckets"},                                             \
        {"addressing", OPTION_TEXT, offsetof(struct s3_flags, addressing),                         \
            .value_name = "auto|virtual|path", .check = s3_check_addressing,                       \
            .help = "Where the bucket's name stands in URLs: in the host or in the path"},         \
        {"ca-file", OPTION_TEXT, offsetof(struct s3_flags, ca_file), .value_name = "FILE",         \
            .help = "Certificates (PEM) that the endpoint is trusted by (default: "                \
                    "$AWS_CA_BUNDLE, $SSL_CERT_FILE, the system's)"},                              \
        {"timeout", OPTION_DURATION, offsetof(struct s3_flags, timeout), .min = 100,               \
            .max = 86400000, .value_name = "DURATION",                                             \
            .help = "How long no byte may come before it is tried again "                          \
                    "(default: 60s for the first one, then 30s)"},                                 \
    {                                                                                              \
        "requester-pays", OPTION_BOOL, offsetof(struct s3_flags, requester_pays),                  \
            .help = "We pay for what we ask buckets of others"                                     \
    }

/* Where bytes move, as well. */
#define S3_TRANSFER_FLAGS                                                                          \
    {"part-size", OPTION_SIZE, offsetof(struct s3_flags, part_bytes), .min = 5.0 * 1024 * 1024,    \
        .max = 5.0 * 1024 * 1024 * 1024, .value_name = "SIZE",                                     \
        .help = "Of the parts of large objects (default: 8MiB)"},                                  \
    {                                                                                              \
        "concurrency", OPTION_INT, offsetof(struct s3_flags, concurrency),                         \
            .min = 1, .max = 4096, .value_name = "N", .help = "Requests in flight (default: 64)"   \
    }

/* Of what is written to S3: the first member where there is such. */
struct s3_write_flags {
    struct s3_flags client;
    const char *storage_class, *sse, *sse_kms_key_id, *content_type;
    struct option_pairs metadata, tags;
    bool if_none_match, no_clobber;
};

#define S3_WRITE_FLAGS                                                                             \
    {"storage-class", OPTION_TEXT, offsetof(struct s3_write_flags, storage_class),                 \
        .value_name = "CLASS", .help = "STANDARD_IA, GLACIER_IR, … (default: the store's)"},       \
        {"sse", OPTION_TEXT, offsetof(struct s3_write_flags, sse), .value_name = "KIND",           \
            .help = "Encryption: AES256, aws:kms or aws:kms:dsse (default: the bucket's)"},        \
        {"sse-kms-key-id", OPTION_TEXT, offsetof(struct s3_write_flags, sse_kms_key_id),           \
            .value_name = "ID", .help = "Key of aws:kms: an id, ARN or alias"},                    \
        {"content-type", OPTION_TEXT, offsetof(struct s3_write_flags, content_type),               \
            .value_name = "TYPE", .help = "text/csv, … (default: by the name's extension)"},       \
        {"metadata", OPTION_PAIRS, offsetof(struct s3_write_flags, metadata),                      \
            .value_name = "NAME=VALUE", .help = "Metadata of the object; may be repeated"},        \
        {"tags", OPTION_PAIRS, offsetof(struct s3_write_flags, tags), .value_name = "NAME=VALUE",  \
            .help = "A tag of the object; may be repeated, up to 10"},                             \
        {"no-clobber", OPTION_BOOL, offsetof(struct s3_write_flags, no_clobber), .letter = 'n',    \
            .help = "What is at the target stays as it is"},                                       \
    {                                                                                              \
        "if-none-match", OPTION_BOOL, offsetof(struct s3_write_flags, if_none_match),              \
            .help = "Uploads fail where the target is there; the store itself makes sure"          \
    }

/* What is left out is as the environment's `s3:` has it. Texts are theirs; what has to be made
 * lives in `arena`. */
void s3_flags_object(const struct s3_write_flags *flags, const struct s3_config *s3,
    struct arena *arena, struct s3_object_options *ret_object);

#endif
