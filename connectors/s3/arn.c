#include "connectors/s3/arn.h"

#include "runner/base/text.h"

#include <string.h>

bool s3_arn_is(const char *text)
{
    return text_starts(text, "arn:");
}

static void cut_resource(char *resource, struct s3_arn *arn)
{
    for (size_t i = 0; i < S3_ARN_PARTS_MAX; i++)
        arn->parts[i] = "";
    for (char *part = resource;; arn->part_count++) {
        const size_t length = strcspn(part, ":/");
        const bool last = part[length] == '\0';

        part[length] = '\0';
        if (arn->part_count < S3_ARN_PARTS_MAX)
            arn->parts[arn->part_count] = part;
        part += length + 1;
        if (last)
            break;
    }
    arn->part_count++;
}

bool s3_arn_parse(const char *text, struct arena *arena, struct s3_arn *ret_arn)
{
    const char *fields[4];
    struct s3_arn arn = {0};
    char *at;

    if (!s3_arn_is(text))
        return false;
    at = arena_strdup(arena, text + strlen("arn:"));
    for (size_t i = 0; i < 4; i++) {
        fields[i] = at;
        at += strcspn(at, ":");
        if (!*at)
            return false;
        *at++ = '\0';
    }
    arn.partition = fields[0];
    arn.service = fields[1];
    arn.region = fields[2];
    arn.account = fields[3];
    if (!*arn.partition || !*arn.service || !*at)
        return false;
    cut_resource(at, &arn);
    *ret_arn = arn;
    return true;
}
