#include "runner/cli/s3_settings.h"

#include "runner/base/text.h"

enum s3_addressing s3_settings_addressing(const char *name)
{
    if (text_equal(name, "virtual"))
        return S3_ADDRESSING_VIRTUAL;
    return text_equal(name, "path") ? S3_ADDRESSING_PATH : S3_ADDRESSING_AUTO;
}

void s3_settings(const struct s3_config *s3, struct s3_client_options *options)
{
    options->region = s3->region;
    options->profile = s3->profile;
    options->endpoint = s3->endpoint;
    options->ca_file = s3->ca_file;
    options->addressing = s3_settings_addressing(s3->addressing);
    options->unsigned_access = s3->unsigned_access;
    options->part_bytes = s3->part_size;
    options->memory_bytes = s3->memory;
    options->concurrency = (unsigned)s3->concurrency;
}
